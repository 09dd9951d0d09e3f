//! Rows that are there already: only what differs is written (the keep rule), and a column whose text already means the
//! new value is not touched.

use consent::OrganizationId;
use mappers::map::{JoinWrite, Map, PatientSource};
use mappers::row::{Cell, Row as MappedRow};
use mappers::split::{self, Split};
use mappers::sql::{InsertParameter, Statements};

use crate::clock::Clock;
use crate::store::apply::{Abort, Step};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
use crate::store::core::Core;
use crate::store::entry::Entry;
use crate::store::place::Placed;
use crate::store::rows::insert::{self, has_values};
use crate::store::rows::load::{Loaded, load};
use crate::store::rows::{attempt, children, elements, joined, lists, overflow, remove};

/// Changes the rows of these steps.
pub(super) async fn change(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    numbers: &[usize],
    steps: &mut [Step<'_>],
    leaving: &remove::Leaving,
) -> Result<(), Abort> {
    let keys: Vec<Box<str>> = numbers.iter().filter_map(|number| key_of(&steps[*number])).collect();
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let mut rows = load(core, connection, organization, map, &keys).await?;
    let mut moved = Vec::new();
    let mut changed: Vec<Box<str>> = Vec::new();
    for number in numbers {
        let step = &mut steps[*number];
        let Some(key) = key_of(step) else { continue };
        // The row went without a trace (a TRUNCATE, a displaced row): the resource gets a new one.
        let Some(held) = rows.remove(&key) else {
            moved.push(*number);
            continue;
        };
        if !keep(core, map, step, &held) {
            lists::hold(core, connection, organization, map, step).await?;
            moved.push(*number);
            continue;
        }
        let Placed::Mapped { split, .. } = &step.placed else { continue };
        let moves = lists::moves(core.map(map), &held.row.cells, &split.row.cells);
        if moves {
            lists::note(core, connection, organization, map, &[&key]).await?;
        }
        let updated = Clock::format(step.updated_ms);
        let row = KnownRow { map, key: &key, held: &held, split, updated: &updated };
        let work = async |connection: &mut Connection| match core.map(map).array {
            Some(_) => elements::put(core, connection, organization, (map, &key), &held, step).await,
            None => Ok((key.clone(), row.write(core, connection, organization).await?)),
        };
        match attempt(connection, work).await? {
            Ok((key, returned)) => {
                if moves {
                    lists::note(core, connection, organization, map, &[&key]).await?;
                }
                if held.row.cells != split.row.cells {
                    changed.push(key.clone());
                }
                insert::settle(core, connection, organization, map, step, key, &returned).await?;
            }
            // Another program may have added the very child row: look again before the table is given up.
            Err(error) if error.kind == DbErrorKind::Unique && !leaving.tried => return Err(Abort::Database(error)),
            Err(error) => {
                overflow(core, step, &error)?;
                let kept = remove::rows(core, connection, organization, map, &[&key], step.updated_ms, leaving).await?;
                step.kept = kept.contains(&*key);
            }
        }
    }
    // (Elements of arrays have told of their rows.)
    let changed: Vec<&str> = changed.iter().map(|key| &**key).filter(|_| core.map(map).array.is_none()).collect();
    joined::note(core, connection, organization, map, &changed).await?;
    move_out(core, connection, organization, map, &moved, steps, leaving).await
}

fn key_of(step: &Step<'_>) -> Option<Box<str>> {
    match &step.placed {
        Placed::Mapped { key, .. } => Some(key.clone()),
        Placed::Generic => None,
    }
}

/// Applies the keep rule; false where the change cannot be made in this row: it would change a joined row that is never
/// written, or columns that the row's other facets (or the other elements of its array) share.
fn keep(core: &Core, map_index: usize, step: &mut Step<'_>, held: &Loaded) -> bool {
    let map = core.map(map_index);
    let fallback = Entry::new(0, step.change.kind.clone(), step.change.id.clone());
    let entry = step.before.as_ref().unwrap_or(&fallback);
    let Placed::Mapped { split, .. } = &mut step.placed else { return true };
    split::keep(map, split, &held.stored(entry), &core.values());
    let differs = |slot: usize| split.row.cells[slot] != held.row.cells[slot];
    !(0..map.slots.len()).filter(|slot| differs(*slot)).any(|slot| {
        // Where the resource says nothing, a row that is another's may say what it likes, but for whose it is.
        let told = split.row.cells[slot].is_none() && map.patient != PatientSource::Slot(slot);
        let shared = map.array_slot().is_some_and(|own| own != slot) || map.facet && core.is_shared(map_index, slot);
        if is_never(map, slot) { !told } else { shared }
    })
}

/// Whether the column is of a joined row that is never written.
fn is_never(map: &Map, slot: usize) -> bool {
    map.slots[slot].join.is_some_and(|join| map.joins[join].write == JoinWrite::Never)
}

/// Takes resources out of rows that cannot follow them and gives each a row of its own.
async fn move_out(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    moved: &[usize],
    steps: &mut [Step<'_>],
    leaving: &remove::Leaving,
) -> Result<(), Abort> {
    for number in moved {
        let step = &mut steps[*number];
        let Some(old) = key_of(step) else { continue };
        remove::rows(core, connection, organization, map, &[&old], step.updated_ms, leaving).await?;
        if let Placed::Mapped { key, fresh, .. } = &mut step.placed {
            *fresh = true;
            // A row that is marked as deleted is still there under the old key.
            if core.map(map).facet || core.statements[map].soft_delete.is_some() {
                *key = core.ids.next().into();
            }
        }
    }
    if moved.is_empty() { Ok(()) } else { insert::insert(core, connection, organization, map, moved, steps).await }
}

struct KnownRow<'r> {
    map: usize,
    key: &'r str,
    held: &'r Loaded,
    split: &'r Split,
    updated: &'r str,
}

impl KnownRow<'_> {
    /// Writes what differs; gives the row as the database has it now.
    async fn write(
        &self,
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
    ) -> Result<MappedRow, DbError> {
        let map = core.map(self.map);
        let mut result = MappedRow { cells: self.split.row.cells.clone(), children: Vec::new() };
        for slot in (0..map.slots.len()).filter(|slot| is_never(map, *slot)) {
            result.cells[slot].clone_from(&self.held.row.cells[slot]);
        }
        self.main(core, connection, organization, &mut result.cells).await?;
        for join in 0..map.joins.len() {
            self.joined(core, connection, organization, join, &mut result.cells).await?;
        }
        for (child, wanted) in self.split.row.children.iter().enumerate() {
            let held = &self.held.row.children[child];
            let rows = children::replace(core, connection, organization, self.map, child, self.key, held, wanted);
            result.children.push(rows.await?);
        }
        Ok(result)
    }

    fn changed(&self, map: &Map, join: Option<usize>) -> Vec<InsertParameter> {
        let differs = |slot: &usize| self.split.row.cells[*slot] != self.held.row.cells[*slot];
        let own = (0..map.slots.len()).filter(|slot| map.slots[*slot].join == join && map.slots[*slot].writable);
        own.filter(differs).map(InsertParameter::Slot).collect()
    }

    async fn main(
        &self,
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        cells: &mut [Cell],
    ) -> Result<(), DbError> {
        let map = core.map(self.map);
        let mut changes = self.changed(map, None);
        if map.residue.is_some() && self.held.residue.as_deref() != Some(&*self.split.residue) {
            changes.push(InsertParameter::Residue);
        }
        if changes.is_empty() {
            return Ok(());
        }
        if map.updated.is_some() {
            changes.push(InsertParameter::Updated);
        }
        self.update(core, connection, organization, None, &changes, cells).await
    }

    async fn joined(
        &self,
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        join: usize,
        cells: &mut [Cell],
    ) -> Result<(), DbError> {
        let map = core.map(self.map);
        if map.joins[join].write == JoinWrite::Never {
            return Ok(());
        }
        let changes = self.changed(map, Some(join));
        if changes.is_empty() {
            return Ok(());
        }
        self.update(core, connection, organization, Some(join), &changes, cells).await
    }

    async fn update(
        &self,
        core: &Core,
        connection: &mut Connection,
        organization: OrganizationId,
        join: Option<usize>,
        changes: &[InsertParameter],
        cells: &mut [Cell],
    ) -> Result<(), DbError> {
        let map = core.map(self.map);
        let sql = Statements::update(map, &core.dialect(), join, changes);
        let mut args = vec![Arg::Int(organization.0), Arg::Text(self.key)];
        args.extend(changes.iter().map(|change| match change {
            InsertParameter::Slot(slot) => Arg::text(self.split.row.cells[*slot].as_deref()),
            InsertParameter::Residue => Arg::Text(&self.split.residue),
            InsertParameter::Updated => Arg::Text(self.updated),
            _ => Arg::Null,
        }));
        match connection.fetch_optional(&sql, &args).await? {
            Some(back) => {
                let slots = changes.iter().filter_map(|change| match change {
                    InsertParameter::Slot(slot) => Some(*slot),
                    _ => None,
                });
                for (place, slot) in slots.enumerate() {
                    cells[slot] = back.text(place).map(Into::into);
                }
                Ok(())
            }
            // The joined row is not there yet.
            None => match join.filter(|join| has_values(map, *join, self.split)) {
                Some(join) => {
                    insert::one_joined(core, connection, organization, self.map, join, self.key, self.split, cells)
                        .await
                }
                None if join.is_some() => Ok(()),
                None => Err(DbError::moved("a row has gone")),
            },
        }
    }
}
