//! Tables that are only appended to: a change appends a row in the place of the resource's row, a deletion appends one that
//! takes it back.

use consent::OrganizationId;
use mappers::row::{Cell, Row as MappedRow};
use mappers::split;
use mappers::sql::InsertParameter;

use crate::clock::Clock;
use crate::store::apply::{Abort, Step};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::entry::{Entry, Place};
use crate::store::place::Placed;
use crate::store::rows::load::load;
use crate::store::rows::{attempt, insert, overflow};

/// Appends the rows of these steps. What the table refuses goes to the generic store, and its row is taken back.
pub(super) async fn supersede(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    numbers: &[usize],
    steps: &mut [Step<'_>],
) -> Result<(), Abort> {
    let replaced: Vec<Box<str>> = numbers.iter().filter_map(|number| replaced_by(&steps[*number])).collect();
    let keys: Vec<&str> = replaced.iter().map(|key| &**key).collect();
    let held = load(core, connection, organization, map, &keys).await?;
    for (number, old) in numbers.iter().zip(&replaced) {
        let step = &mut steps[*number];
        if let Some(held) = held.get(old) {
            // What means the same is appended as the other row has it.
            let fallback = Entry::new(0, step.change.kind.clone(), step.change.id.clone());
            let entry = step.before.as_ref().unwrap_or(&fallback);
            if let Placed::Mapped { split, .. } = &mut step.placed {
                split::keep(core.map(map), split, &held.stored(entry), &core.values());
            }
        }
        let work = async |connection: &mut Connection| append(core, connection, organization, map, step, old).await;
        match attempt(connection, work).await? {
            Ok((key, row)) => insert::settle(core, connection, organization, map, step, key, &row).await?,
            Err(error) => {
                overflow(core, step, &error)?;
                retract(core, connection, organization, map, old, step.updated_ms).await?;
            }
        }
    }
    Ok(())
}

fn replaced_by(step: &Step<'_>) -> Option<Box<str>> {
    match &step.placed {
        Placed::Mapped { supersedes, .. } => supersedes.clone(),
        Placed::Generic => None,
    }
}

/// Key and row as the database returned them.
async fn append(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map_index: usize,
    step: &Step<'_>,
    old: &str,
) -> Result<(Box<str>, MappedRow), DbError> {
    let (Some(append), Placed::Mapped { key, split, .. }) = (&core.statements[map_index].append, &step.placed) else {
        return Err(DbError::fault("a row to append without a place"));
    };
    let foreign = insert::foreign_keys(core, connection, organization, map_index, &split.row.cells, &[]).await?.keys;
    let (tenant, updated) = (organization.0.to_string(), Clock::format(step.updated_ms));
    let mut args = vec![Arg::Int(organization.0), Arg::Text(old)];
    args.extend(append.parameters.iter().map(|parameter| match parameter {
        InsertParameter::ForeignKey(join) => Arg::text(foreign[*join].as_deref()),
        InsertParameter::Key => Arg::Text(key),
        InsertParameter::Organization => Arg::Text(&tenant),
        InsertParameter::Slot(slot) => Arg::text(split.row.cells[*slot].as_deref()),
        InsertParameter::Updated => Arg::Text(&updated),
        InsertParameter::Listed(_)
        | InsertParameter::ParentKey
        | InsertParameter::Position
        | InsertParameter::Residue => Arg::Null,
    }));
    let back = connection.fetch_optional(&append.supersede, &args).await?;
    let back = back.ok_or_else(|| DbError::moved("a row has gone"))?;
    let mut cells: Vec<Cell> = split.row.cells.clone();
    for (place, slot) in append.returned.iter().enumerate() {
        cells[*slot] = back.text(place + 1).map(Into::into);
    }
    Ok((back.text(0).unwrap_or(key).into(), MappedRow { cells, children: Vec::new() }))
}

/// Appends what takes a row back; where it is. `None` where the row has gone.
pub(super) async fn retract(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    old: &str,
    updated_ms: i64,
) -> Result<Option<Place>, DbError> {
    let Some(append) = &core.statements[map].append else { return Ok(None) };
    let (key, updated) = (core.ids.next(), Clock::format(updated_ms));
    let mut args = vec![Arg::Int(organization.0), Arg::Text(old)];
    args.extend(append.retract_parameters.iter().map(|parameter| match parameter {
        InsertParameter::Key => Arg::Text(&key),
        InsertParameter::Updated => Arg::Text(&updated),
        _ => Arg::Null,
    }));
    let row = connection.fetch_optional(&append.retract, &args).await?;
    Ok(row.map(|row| Place::Mapped { map, key: row.text(0).unwrap_or(&key).into() }))
}
