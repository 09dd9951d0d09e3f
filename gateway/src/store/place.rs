//! Deciding where resources go: into which table, or to the generic store.
//!
//! A resource goes to the first map of its type that accepts it and whose table can carry it; maps that a list of the same
//! set claims it for come before others. Whether a table can carry
//! it may hang on whether what it refers to is in a table: sets are settled together, by repetition until nothing moves.

mod claims;
mod outside;

use std::collections::{HashMap, VecDeque};

use consent::OrganizationId;
use mappers::json::Document;
use mappers::map::Overflow;
use mappers::split::{self, Misfit, Resolved, Split, SplitContext};

use crate::store::apply::{Abort, Step, Tables};
use crate::store::connection::Connection;
use crate::store::core::Core;
use crate::store::entry::{self, Place};
use crate::store::error::ChangeRefusal;
use claims::Named;
pub(crate) use claims::{Claim, Holder};
use outside::Outside;

/// Where a resource goes.
#[derive(Debug)]
pub(crate) enum Placed {
    /// To the generic store.
    Generic,
    /// To a table.
    Mapped {
        /// Index into the core's maps.
        map: usize,
        /// The row's key; empty until the database has generated it.
        key: Box<str>,
        /// The row.
        split: Box<Split>,
        /// The row is not there yet.
        fresh: bool,
        /// The row that a new one replaces, in a table that is only appended to.
        supersedes: Option<Box<str>>,
        /// Whose lists a new row belongs to.
        claims: Vec<Claim>,
        /// Other maps would have it, should the table refuse.
        further: bool,
    },
}

/// Decides for every step.
pub(crate) async fn place(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    steps: &mut [Step<'_>],
    tables: &Tables,
) -> Result<(), Abort> {
    let named = claims::named(core, steps);
    let mut candidates: Vec<Candidates> = Vec::with_capacity(steps.len());
    for (step, named) in steps.iter().zip(&named) {
        let mut found = all_candidates(core, step, named);
        found.retain(|candidate| tables.allow(step.unit, step.index, candidate.map));
        candidates.push(found);
    }
    if candidates.iter().all(VecDeque::is_empty) {
        return Ok(());
    }
    let outside = Outside::of(core, connection, organization, steps, &candidates).await?;
    let splits = settle(core, steps, &mut candidates, &outside)?;
    let chosen: Vec<Option<usize>> = candidates.iter().map(|found| found.front().map(|first| first.map)).collect();
    for ((step, mut found), split) in steps.iter_mut().zip(candidates).zip(splits) {
        if let (Some(candidate), Some(split)) = (found.pop_front(), split) {
            let claims = candidate.claims(core, &chosen);
            let Candidate { map, key, fresh, supersedes, .. } = candidate;
            let (split, further) = (Box::new(split), !found.is_empty());
            step.placed = Placed::Mapped { map, key, split, fresh, supersedes, claims, further };
        }
    }
    Ok(())
}

/// The maps that may carry a resource, in the order in which they are tried.
type Candidates = VecDeque<Candidate>;

/// A map that may carry a resource, and the row it would be.
#[derive(Clone, Debug)]
struct Candidate {
    map: usize,
    key: Box<str>,
    fresh: bool,
    supersedes: Option<Box<str>>,
    /// Lists of the same set that the row would be in.
    named: Vec<Named>,
    /// It comes to be through such a list only.
    listed: bool,
}

impl Candidate {
    fn new(map: usize, key: Box<str>, fresh: bool) -> Self {
        Self { map, key, fresh, supersedes: None, named: Vec::new(), listed: false }
    }

    /// The lists that hold it, the steps having chosen these maps: one for each column.
    fn claims(&self, core: &Core, chosen: &[Option<usize>]) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        let column = |listed: usize| core.map(self.map).listed_by[listed].column.name.as_str();
        for named in self.named.iter().filter(|named| chosen[named.holder] == Some(named.by)) {
            if !claims.iter().any(|claim| column(claim.listed) == column(named.listed)) {
                claims.push(Claim { listed: named.listed, holder: Holder::Step(named.holder) });
            }
        }
        claims
    }
}

/// The maps that accept the resource: the one it is (or, deleted, was) in, those of lists that name it, all others.
fn all_candidates(core: &Core, step: &Step<'_>, named: &[Named]) -> Candidates {
    let mut found = Candidates::new();
    let Some(document) = step.document.as_ref() else { return found };
    let current = step.before.as_ref().map(|entry| &entry.place);
    let of_lists = |map: usize| named.iter().filter(|named| named.map == map).cloned().collect::<Vec<_>>();
    if let Some(Place::Mapped { map, key }) = current
        && split::accepts(core.map(*map), document)
        && !has_better_kind(core, *map, document)
    {
        let known = Candidate::new(*map, key.clone(), false);
        found.push_back(if core.map(*map).append_only.is_some() {
            let key = new_row_key(core, *map);
            Candidate { key, fresh: true, supersedes: Some(known.key), ..known }
        } else {
            // Should its row have gone, the new one is of these lists.
            Candidate { named: of_lists(*map), ..known }
        });
    }
    for map in named.iter().map(|named| named.map) {
        if !found.iter().any(|other| other.map == map) {
            let candidate = Candidate::new(map, new_key(core, map, &step.change.id), true);
            found.push_back(Candidate { named: of_lists(map), listed: true, ..candidate });
        }
    }
    let left = step.before.as_ref().is_some_and(|entry| entry.flag.as_deref() == Some(entry::KEPT));
    for &map in core.maps_of(&step.change.kind) {
        let shape = core.map(map);
        if shape.listed
            || found.iter().any(|other| other.map == map && !other.listed)
            || !claims::accepts(core, map, step)
        {
            continue;
        }
        let key = match &step.before {
            // The row it once had is still there, under its id.
            Some(_) if shape.append_only.is_some() => new_row_key(core, map),
            _ => new_key(core, map, &step.change.id),
        };
        found.push_back(if left && !shape.key_generated && !shape.facet && shape.array.is_none() {
            // The row it once left is still there, because others refer to it.
            Candidate::new(map, step.change.id.clone(), false)
        } else {
            Candidate::new(map, key, true)
        });
    }
    found
}

/// Whether an earlier map takes the resource as a row of another kind of the same table: a row that was of no kind in
/// particular does not stay so when its resource says of which it is.
fn has_better_kind(core: &Core, current: usize, document: &Document<'_>) -> bool {
    let map = core.map(current);
    let earlier = core.maps_of(&map.resource).iter().copied().take_while(|earlier| *earlier != current);
    earlier.map(|earlier| core.map(earlier)).any(|earlier| {
        earlier.table == map.table
            && earlier.fixed != map.fixed
            && !earlier.readonly
            && split::accepts(earlier, document)
    })
}

/// The key of a new row: the resource's id where the row is one resource, else one of ours.
fn new_key(core: &Core, map: usize, id: &str) -> Box<str> {
    let map = core.map(map);
    if map.key_generated || map.array.is_some() {
        Box::default()
    } else if map.facet {
        core.ids.next().into()
    } else {
        id.into()
    }
}

/// The key of a new row of a resource whose id another row may have as its key.
fn new_row_key(core: &Core, map: usize) -> Box<str> {
    if core.map(map).key_generated { Box::default() } else { core.ids.next().into() }
}

/// Splits every step by its first candidate, again and again until no further one has dropped out: then the next is tried.
fn settle(
    core: &Core,
    steps: &[Step<'_>],
    candidates: &mut [Candidates],
    outside: &Outside,
) -> Result<Vec<Option<Split>>, Abort> {
    let inside: HashMap<(&str, &str), usize> =
        steps.iter().enumerate().map(|(number, step)| ((&*step.change.kind, &*step.change.id), number)).collect();
    loop {
        let mut splits: Vec<Option<Split>> = Vec::with_capacity(steps.len());
        let mut dropped = Vec::new();
        let chosen: Vec<Option<usize>> = candidates.iter().map(|found| found.front().map(|first| first.map)).collect();
        {
            for (number, step) in steps.iter().enumerate() {
                let resolve = |kind: &str, id: &str| match inside.get(&(kind, id)) {
                    Some(number) => resolve_inside(core, &steps[*number], candidates[*number].front()),
                    None => outside.resolve(core, number, kind, id),
                };
                let context = SplitContext { values: core.values(), resolve: &resolve };
                let split = match (candidates[number].front(), &step.document) {
                    // Whose list it is in went elsewhere.
                    (Some(candidate), _) if candidate.listed && candidate.claims(core, &chosen).is_empty() => {
                        dropped.push(number);
                        None
                    }
                    (Some(candidate), Some(document)) => {
                        match split::split(core.map(candidate.map), document, &context) {
                            Ok(split) => Some(split),
                            Err(misfit) => {
                                refuse_or_overflow(core, candidate.map, step, misfit)?;
                                dropped.push(number);
                                None
                            }
                        }
                    }
                    _ => None,
                };
                splits.push(split);
            }
        }
        if dropped.is_empty() {
            return Ok(splits);
        }
        for number in dropped {
            candidates[number].pop_front();
        }
    }
}

/// The overflow rule: `overflow = "refuse"` answers 422, everything else goes to the generic store.
fn refuse_or_overflow(core: &Core, map: usize, step: &Step<'_>, misfit: Misfit) -> Result<(), Abort> {
    match core.map(map).overflow {
        Overflow::Generic => Ok(()),
        Overflow::Refuse => Err(Abort::Refused {
            unit: step.unit,
            index: step.index,
            reason: ChangeRefusal::Unprocessable {
                column: misfit.column,
                expression: misfit.expression,
                reason: misfit.reason.to_owned(),
            },
        }),
    }
}

fn resolve_inside(core: &Core, step: &Step<'_>, candidate: Option<&Candidate>) -> Option<Resolved> {
    step.document.as_ref()?;
    match candidate {
        // A key that the database is yet to generate cannot be referred to in the same transaction.
        Some(candidate) if candidate.key.is_empty() => None,
        Some(candidate) => Some(resolved(core, Some(candidate.map), &candidate.key)),
        None => Some(resolved(core, None, &step.change.id)),
    }
}

/// A resource in the generic store is in no table: no foreign key can be satisfied by it.
fn resolved(core: &Core, map: Option<usize>, key: &str) -> Resolved {
    let table = map.map_or("", |map| core.map(map).table.as_str());
    Resolved { key: key.into(), table: table.into(), missing: false }
}
