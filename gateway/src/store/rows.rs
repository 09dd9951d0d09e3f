//! Rows of users' tables: loading, inserting, changing, removing.
//!
//! Everything is done per map and table for any number of resources. What a table refuses goes to the generic store
//! (the overflow rule), each attempt within a savepoint.

mod after;
mod append;
mod change;
mod children;
pub(crate) mod elements;
pub(crate) mod erase;
mod insert;
mod joined;
mod lists;
mod load;
mod put_back;
mod remove;
mod residue;

pub(crate) use after::after_write;
pub(crate) use lists::{fill as fill_lists, leave_out, note};
pub(crate) use load::{Loaded, load};
pub(crate) use put_back::put_back;
pub(crate) use residue::{ForeignRow, Settled, settle_residues};

use std::collections::{BTreeMap, BTreeSet, HashSet};

use consent::OrganizationId;

use crate::store::apply::{Abort, Lessons, Step};
use crate::store::connection::{Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Side;
use crate::store::entry::Place;
use crate::store::place::Placed;

/// Writes the rows of every step. A step whose table refuses it is left as generic.
pub(crate) async fn write(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    steps: &mut [Step<'_>],
    lessons: &Lessons,
) -> Result<(), Abort> {
    let leaving = remove::Leaving { staying: staying(steps), cautious: lessons.cautious, tried: lessons.misfits > 0 };
    remove::leave(core, connection, organization, steps, &leaving).await?;
    let mut fresh: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut known: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    let mut replacing: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        if let Placed::Mapped { map, fresh: is_fresh, supersedes, .. } = &step.placed {
            let group = match supersedes {
                Some(_) => &mut replacing,
                None if *is_fresh => &mut fresh,
                None => &mut known,
            };
            group.entry((core.rank(*map), *map)).or_default().push(number);
        }
    }
    let maps: Vec<Option<(usize, bool)>> = steps.iter().map(tried).collect();
    let groups: BTreeSet<(usize, usize)> = fresh.keys().chain(replacing.keys()).chain(known.keys()).copied().collect();
    // Tables that others refer to come first, for foreign keys that are checked at once, and what is listed after what
    // lists it.
    for group in groups {
        let map = group.1;
        if let Some(numbers) = fresh.get(&group) {
            insert::insert(core, connection, organization, map, numbers, steps).await?;
        }
        if let Some(numbers) = replacing.get(&group) {
            append::supersede(core, connection, organization, map, numbers, steps).await?;
        }
        if let Some(numbers) = known.get(&group) {
            change::change(core, connection, organization, map, numbers, steps, &leaving).await?;
        }
    }
    // Whoever refers to a row was placed in the belief that the row would be there; and other maps may have what one table
    // refuses.
    let overflowed = steps.iter().zip(maps).filter_map(|(step, tried)| {
        let (map, further) = tried.filter(|_| matches!(step.placed, Placed::Generic))?;
        (further || core.is_referred_to(map)).then_some((step.unit, step.index, map))
    });
    let overflowed: Vec<(usize, usize, usize)> = overflowed.collect();
    if overflowed.is_empty() { Ok(()) } else { Err(Abort::Overflow(overflowed)) }
}

/// The map a step is to be a row of, and whether others would have it.
fn tried(step: &Step<'_>) -> Option<(usize, bool)> {
    match &step.placed {
        Placed::Mapped { map, further, .. } => Some((*map, *further)),
        Placed::Generic => None,
    }
}

/// Rows that the steps change in place.
fn staying(steps: &[Step<'_>]) -> HashSet<(usize, Box<str>)> {
    let row = |step: &Step<'_>| match &step.placed {
        Placed::Mapped { map, key, fresh: false, .. } => Some((*map, key.clone())),
        _ => None,
    };
    steps.iter().filter_map(row).collect()
}

/// Runs an attempt within a savepoint: its own refusals (constraints, bad values) come back as `Ok(Err(..))` with nothing
/// done, everything else ends the transaction.
pub(crate) async fn attempt<T>(
    connection: &mut Connection,
    work: impl AsyncFnOnce(&mut Connection) -> Result<T, DbError>,
) -> Result<Result<T, DbError>, DbError> {
    connection.script(&dialect::savepoint("attempt")).await?;
    match work(connection).await {
        Ok(value) => {
            connection.script(&dialect::release("attempt")).await?;
            Ok(Ok(value))
        }
        Err(error) if error.is_misfit() => {
            connection.script(&dialect::rollback_to("attempt")).await?;
            Ok(Err(error))
        }
        Err(error) => Err(error),
    }
}

/// As [`attempt`], for what can be left undone: true where it was, also because somebody holds a lock on the row.
pub(crate) async fn attempt_or_leave(
    connection: &mut Connection,
    work: impl AsyncFnOnce(&mut Connection) -> Result<(), DbError>,
) -> Result<bool, DbError> {
    connection.script(&dialect::savepoint("attempt")).await?;
    match work(connection).await {
        Ok(()) => connection.script(&dialect::release("attempt")).await.map(|()| false),
        Err(error) if error.is_misfit() || error.is_lock_timeout() => {
            connection.script(&dialect::rollback_to("attempt")).await.map(|()| true)
        }
        Err(error) => Err(error),
    }
}

/// The overflow rule for a step whose table refused it.
pub(crate) fn overflow(core: &Core, step: &mut Step<'_>, error: &DbError) -> Result<(), Abort> {
    let Placed::Mapped { map, .. } = &step.placed else { return Ok(()) };
    if core.map(*map).overflow == mappers::map::Overflow::Refuse {
        return Err(Abort::Refused {
            unit: step.unit,
            index: step.index,
            reason: crate::store::error::ChangeRefusal::Unprocessable {
                column: error.column.as_deref().or(error.constraint.as_deref()).unwrap_or("a column").to_owned(),
                expression: step.change.kind.to_string(),
                reason: "the table's constraint refuses it".to_owned(),
            },
        });
    }
    step.placed = Placed::Generic;
    step.side = Side::default();
    Ok(())
}

/// The map and key of the row a step's resource has now, if it has one.
pub(crate) fn current_row<'s>(step: &'s Step<'_>) -> Option<(usize, &'s str)> {
    match step.before.as_ref().map(|entry| (&entry.place, entry.deleted)) {
        Some((Place::Mapped { map, key }, false)) => Some((*map, key)),
        _ => None,
    }
}
