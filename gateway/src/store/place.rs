//! Deciding where resources go: into which table, or to the generic store.
//!
//! A resource goes to the first map of its type that accepts it and whose table can carry it. Whether a table can carry
//! it may hang on whether what it refers to is in a table: sets are settled together, by repetition until nothing moves.

use std::collections::{HashMap, HashSet};

use consent::OrganizationId;
use mappers::json::Document;
use mappers::map::Overflow;
use mappers::split::{self, Misfit, Resolved, Split, SplitContext};

use crate::store::apply::{Abort, Step, Tables};
use crate::store::connection::Connection;
use crate::store::core::Core;
use crate::store::entry::{self, Entry, Place};
use crate::store::error::ChangeRefusal;

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
    let allowed = |step: &&Step<'_>| tables.allow(step.unit, step.index);
    let mut candidates: Vec<Option<Candidate>> =
        steps.iter().map(|step| Some(step).filter(allowed).and_then(|step| candidate(core, step))).collect();
    if candidates.iter().all(Option::is_none) {
        return Ok(());
    }
    let outside = referred(core, connection, organization, steps, &candidates).await?;
    let splits = settle(core, steps, &mut candidates, &outside)?;
    for ((step, candidate), split) in steps.iter_mut().zip(candidates).zip(splits) {
        if let (Some(candidate), Some(split)) = (candidate, split) {
            let Candidate { map, key, fresh, supersedes } = candidate;
            step.placed = Placed::Mapped { map, key, split: Box::new(split), fresh, supersedes };
        }
    }
    Ok(())
}

/// A map that may carry a resource, and the row it would be.
#[derive(Clone, Debug)]
struct Candidate {
    map: usize,
    key: Box<str>,
    fresh: bool,
    supersedes: Option<Box<str>>,
}

/// The first map that accepts the resource; the one it is (or, deleted, was) in comes first.
fn candidate(core: &Core, step: &Step<'_>) -> Option<Candidate> {
    let document = step.document.as_ref()?;
    let current = step.before.as_ref().map(|entry| &entry.place);
    if let Some(Place::Mapped { map, key }) = current
        && split::accepts(core.map(*map), document)
        && !has_better_kind(core, *map, document)
    {
        if core.map(*map).append_only.is_some() {
            return Some(Candidate {
                map: *map,
                key: new_row_key(core, *map),
                fresh: true,
                supersedes: Some(key.clone()),
            });
        }
        return Some(Candidate { map: *map, key: key.clone(), fresh: false, supersedes: None });
    }
    let accepting = core.maps_of(&step.change.kind).iter().copied().find(|map| {
        let map = core.map(*map);
        !map.readonly && map.array.is_none() && split::accepts(map, document)
    })?;
    let left = step.before.as_ref().is_some_and(|entry| entry.flag.as_deref() == Some(entry::KEPT));
    let shape = core.map(accepting);
    if left && !shape.key_generated && !shape.facet {
        // The row it once left is still there, because others refer to it.
        return Some(Candidate { map: accepting, key: step.change.id.clone(), fresh: false, supersedes: None });
    }
    let key = match &step.before {
        // The row it once had is still there, under its id.
        Some(_) if shape.append_only.is_some() => new_row_key(core, accepting),
        _ => new_key(core, accepting, &step.change.id),
    };
    Some(Candidate { map: accepting, key, fresh: true, supersedes: None })
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
    if map.key_generated {
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

/// Entries of what the candidates refer to outside the steps.
async fn referred(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    steps: &[Step<'_>],
    candidates: &[Option<Candidate>],
) -> Result<HashMap<(Box<str>, Box<str>), Entry>, Abort> {
    let inside: HashSet<(&str, &str)> = steps.iter().map(|step| (&*step.change.kind, &*step.change.id)).collect();
    let mut wanted: Vec<(String, String)> = Vec::new();
    for (step, candidate) in steps.iter().zip(candidates) {
        if let (Some(candidate), Some(document)) = (candidate, &step.document) {
            let references = split::references(core.map(candidate.map), document);
            wanted.extend(references.into_iter().filter(|(kind, id)| !inside.contains(&(&**kind, &**id))));
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let wanted: Vec<(&str, &str)> = wanted.iter().map(|(kind, id)| (kind.as_str(), id.as_str())).collect();
    Ok(entry::by_identity(core, connection, organization, &wanted, false).await?)
}

/// Splits every candidate, again and again until no further one has dropped out.
fn settle(
    core: &Core,
    steps: &[Step<'_>],
    candidates: &mut [Option<Candidate>],
    outside: &HashMap<(Box<str>, Box<str>), Entry>,
) -> Result<Vec<Option<Split>>, Abort> {
    let inside: HashMap<(&str, &str), usize> =
        steps.iter().enumerate().map(|(number, step)| ((&*step.change.kind, &*step.change.id), number)).collect();
    loop {
        let mut splits: Vec<Option<Split>> = Vec::with_capacity(steps.len());
        let mut dropped = Vec::new();
        {
            let resolve = |kind: &str, id: &str| match inside.get(&(kind, id)) {
                Some(number) => resolve_inside(core, &steps[*number], candidates[*number].as_ref()),
                None => outside.get(&(kind.into(), id.into())).and_then(|entry| resolve_entry(core, entry)),
            };
            let context = SplitContext { values: core.values(), resolve: &resolve };
            for (number, step) in steps.iter().enumerate() {
                let split = match (&candidates[number], &step.document) {
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
            candidates[number] = None;
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

fn resolve_entry(core: &Core, entry: &Entry) -> Option<Resolved> {
    (!entry.deleted).then(|| resolved(core, entry.place.map(), entry.place.key(&entry.id)))
}

/// A resource in the generic store is in no table: no foreign key can be satisfied by it.
fn resolved(core: &Core, map: Option<usize>, key: &str) -> Resolved {
    let table = map.map_or("", |map| core.map(map).table.as_str());
    Resolved { key: key.into(), table: table.into() }
}
