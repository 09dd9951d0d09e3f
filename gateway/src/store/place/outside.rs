//! What the resources of a set refer to outside the set.

use std::collections::{HashMap, HashSet};

use consent::OrganizationId;
use mappers::split::{self, Resolved};

use super::{Candidate, Candidates, resolved};
use crate::store::apply::{Abort, Step};
use crate::store::connection::Connection;
use crate::store::core::Core;
use crate::store::entry::{self, Entry, Place};
use crate::store::rows::{Loaded, load};

/// Entries of what is referred to, and the rows that name what there is no entry of.
pub(super) struct Outside {
    entries: HashMap<(Box<str>, Box<str>), Entry>,
    /// By the step's number, its map and its row. A row may hold keys of rows that are not, or no longer, there; its resource
    /// shows them, and whoever sends that back has not cleared them.
    rows: HashMap<usize, (usize, Loaded)>,
}

impl Outside {
    pub(super) async fn of(
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        steps: &[Step<'_>],
        candidates: &[Candidates],
    ) -> Result<Self, Abort> {
        let inside: HashSet<(&str, &str)> = steps.iter().map(|step| (&*step.change.kind, &*step.change.id)).collect();
        let mut named: Vec<(usize, (String, String))> = Vec::new();
        for (number, (step, found)) in steps.iter().zip(candidates).enumerate() {
            let Some(document) = &step.document else { continue };
            for candidate in found {
                let references = split::references(core.map(candidate.map), document);
                let references = references.into_iter().filter(|(kind, id)| !inside.contains(&(&**kind, &**id)));
                named.extend(references.map(|reference| (number, reference)));
            }
        }
        let mut wanted: Vec<(&str, &str)> = named.iter().map(|(_, (kind, id))| (kind.as_str(), id.as_str())).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let entries = entry::by_identity(core, connection, organization, &wanted, false).await?;
        let mut outside = Self { entries, rows: HashMap::new() };
        for (number, (kind, id)) in &named {
            if outside.rows.contains_key(number) || outside.entry(core, kind, id).is_some() {
                continue;
            }
            let known = |candidate: &&Candidate| !candidate.fresh || candidate.supersedes.is_some();
            let Some(candidate) = candidates[*number].front().filter(known) else { continue };
            let Some(Place::Mapped { map, key }) = steps[*number].before.as_ref().map(|entry| &entry.place) else {
                continue;
            };
            if *map == candidate.map
                && let Some(row) = load(core, connection, organization, *map, &[key]).await?.remove(key)
            {
                outside.rows.insert(*number, (*map, row));
            }
        }
        Ok(outside)
    }

    /// The row of a resource that the step of this number refers to.
    pub(super) fn resolve(&self, core: &Core, number: usize, kind: &str, id: &str) -> Option<Resolved> {
        let own = || self.rows.get(&number).and_then(|(map, row)| row.resolve(core.map(*map), kind, id));
        self.entry(core, kind, id).or_else(own)
    }

    fn entry(&self, core: &Core, kind: &str, id: &str) -> Option<Resolved> {
        let entry = self.entries.get(&(kind.into(), id.into())).filter(|entry| !entry.deleted)?;
        Some(resolved(core, entry.place.map(), entry.place.key(&entry.id)))
    }
}
