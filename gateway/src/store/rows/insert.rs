//! New rows, many in one statement.

use consent::OrganizationId;
use mappers::map::{JoinWrite, Map, PatientSource};
use mappers::row::{Cell, ChildRow, Row as MappedRow};
use mappers::split::{self, Split};
use mappers::sql::{Insert, InsertParameter, Statements};

use crate::clock::Clock;
use crate::store::apply::{Abort, Step};
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind, Engine, Row};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit::Side;
use crate::store::place::Placed;
use crate::store::rows::{attempt, elements, lists, overflow};

/// Rows in one statement: any number up to a few, then powers of two, so that few prepared statements serve every number.
const FEW: usize = 8;
const ROWS: usize = 64;
/// Values in one statement (SQLite takes 32,766).
const VALUES: usize = 16_000;

/// A row about to be inserted.
struct NewRow<'s> {
    key: Box<str>,
    split: &'s Split,
    /// Keys of joined rows that are never written, parallel to `Map::joins`.
    foreign: Vec<Cell>,
    /// What joined rows say where the resource says nothing.
    told: Vec<(usize, Cell)>,
    /// Keys of the rows whose lists it is in, parallel to `Map::listed_by`.
    holders: Vec<Cell>,
    updated: String,
}

/// Inserts the rows of these steps. When a table refuses a batch it is halved until the rows at fault are alone.
pub(super) async fn insert(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    numbers: &[usize],
    steps: &mut [Step<'_>],
) -> Result<(), Abort> {
    if core.map(map).array.is_some() {
        return elements::insert(core, connection, organization, map, numbers, steps).await;
    }
    let mut waiting: Vec<Vec<usize>> = vec![numbers.to_vec()];
    while let Some(batch) = waiting.pop() {
        let result = if is_one_statement(core, connection.engine(), map, &batch, steps) {
            insert_in_one(core, connection, organization, map, steps, &batch).await?
        } else {
            attempt(connection, async |connection| {
                let rows = new_rows(core, connection, organization, map, steps, &batch).await?;
                insert_all(core, connection, organization, map, &rows, false).await
            })
            .await?
        };
        match result {
            Ok(returned) => {
                let keys: Vec<&str> = returned.iter().map(|(key, _)| &**key).collect();
                lists::note(core, connection, organization, map, &keys).await?;
                for (number, (key, row)) in batch.into_iter().zip(returned) {
                    settle(core, connection, organization, map, &mut steps[number], key, &row).await?;
                }
            }
            Err(error) if batch.len() == 1 => overflow(core, &mut steps[batch[0]], &error)?,
            Err(_) => {
                let (left, right) = batch.split_at(batch.len() / 2);
                waiting.push(right.to_vec());
                waiting.push(left.to_vec());
            }
        }
    }
    Ok(())
}

/// Whether the rows take one statement, which SQLite takes with its savepoint in one round trip.
fn is_one_statement(core: &Core, engine: Engine, map: usize, batch: &[usize], steps: &[Step<'_>]) -> bool {
    let alone = |number: &usize| match &steps[*number].placed {
        Placed::Mapped { split, .. } => {
            let joined = core.statements[map].insert_joined.iter().enumerate();
            split.row.children.iter().all(Vec::is_empty)
                && !joined.into_iter().any(|(join, insert)| insert.is_some() && has_values(core.map(map), join, split))
        }
        Placed::Generic => true,
    };
    let width = core.statements[map].insert.parameters.len().max(1);
    engine == Engine::Sqlite && portion(batch.len(), width) == batch.len() && batch.iter().all(alone)
}

/// As [`attempt`], with one statement that brings its savepoint along.
async fn insert_in_one(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    steps: &[Step<'_>],
    batch: &[usize],
) -> Result<Result<Vec<(Box<str>, MappedRow)>, DbError>, DbError> {
    // Only looks.
    let rows = match new_rows(core, connection, organization, map, steps, batch).await {
        Err(error) if error.is_misfit() => return Ok(Err(error)),
        rows => rows?,
    };
    match insert_all(core, connection, organization, map, &rows, true).await {
        Err(error) if error.is_misfit() => {
            connection.script(&dialect::rollback_to("attempt")).await?;
            Ok(Err(error))
        }
        returned => returned.map(Ok),
    }
}

async fn new_rows<'s>(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    steps: &'s [Step<'_>],
    batch: &[usize],
) -> Result<Vec<NewRow<'s>>, DbError> {
    let mut rows = Vec::with_capacity(batch.len());
    for number in batch {
        rows.push(new_row(core, connection, organization, map, steps, *number).await?);
    }
    Ok(rows)
}

async fn new_row<'s>(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    steps: &'s [Step<'_>],
    number: usize,
) -> Result<NewRow<'s>, DbError> {
    let step = &steps[number];
    let Placed::Mapped { key, split, claims, .. } = &step.placed else {
        return Err(DbError::fault("a row without a place"));
    };
    let holders = lists::holders_of(core, map, steps, claims)?;
    let Found { keys: foreign, told } =
        foreign_keys(core, connection, organization, map, &split.row.cells, &holders).await?;
    Ok(NewRow { key: key.clone(), split, foreign, told, holders, updated: Clock::format(step.updated_ms) })
}

/// Joined rows that are never written.
pub(super) struct Found {
    /// Their keys, parallel to `Map::joins`.
    pub(super) keys: Vec<Cell>,
    /// What they say where the resource says nothing.
    told: Vec<(usize, Cell)>,
}

/// Finds the joined rows that are never written by what the resource says of them, and by the key where a list gives it
/// (`holders`, parallel to `Map::listed_by`, or empty). Exactly one must match. What a list's row says of more than the
/// resource does is no contradiction, but for whose it is.
pub(super) async fn foreign_keys(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    cells: &[Cell],
    holders: &[Cell],
) -> Result<Found, DbError> {
    let wanted: Vec<usize> = core.statements[map]
        .insert
        .parameters
        .iter()
        .filter_map(|parameter| match parameter {
            InsertParameter::ForeignKey(join) => Some(*join),
            _ => None,
        })
        .collect();
    let mut found = Found { keys: core.map(map).joins.iter().map(|_| None).collect(), told: Vec::new() };
    for join in wanted {
        let of_join = |filled: bool| {
            let slots = core.map(map).slots.iter().enumerate().zip(cells);
            let own = slots.filter(move |((_, slot), cell)| slot.join == Some(join) && cell.is_some() == filled);
            own.map(|((index, _), _)| index).collect::<Vec<usize>>()
        };
        let (filled, empty) = (of_join(true), of_join(false));
        let holder = lists::holder_in(core.map(map), &core.map(map).joins[join].other_column, holders);
        let sql = Statements::lookup(core.map(map), &core.dialect(), join, &filled, &empty, holder.is_some());
        let mut args = vec![Arg::Int(organization.0)];
        args.extend(filled.iter().map(|slot| Arg::text(cells[*slot].as_deref())));
        args.extend(holder.map(Arg::Text));
        let rows = connection.fetch(&sql, &args).await?;
        match &rows[..] {
            [row] => {
                found.keys[join] = row.text(0).map(Into::into);
                if holder.is_some() {
                    let told = empty.iter().filter(|slot| core.map(map).patient != PatientSource::Slot(**slot));
                    let told = told.enumerate().map(|(place, slot)| (*slot, row.text(place + 1).map(Into::into)));
                    found.told.extend(told);
                }
            }
            // No such row, or several: the table cannot carry the resource.
            _ => return Err(DbError { kind: DbErrorKind::ForeignKey, ..DbError::fault("no single joined row") }),
        }
    }
    Ok(found)
}

/// Key and row of each, as the database returned them; `within_savepoint`: the statement, which is the only one, brings its
/// own.
async fn insert_all(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map_index: usize,
    rows: &[NewRow<'_>],
    within_savepoint: bool,
) -> Result<Vec<(Box<str>, MappedRow)>, DbError> {
    let map = core.map(map_index);
    let statements = &core.statements[map_index];
    let tenant = organization.0.to_string();
    let mut values = Vec::new();
    for row in rows {
        for parameter in &statements.insert.parameters {
            values.push(value(*parameter, row, &tenant));
        }
    }
    let returned = if within_savepoint {
        let text = dialect::within_savepoint("attempt", &statements.insert.text(rows.len()));
        counted(connection.fetch(&text, &values).await?, rows.len())?
    } else {
        run(connection, &statements.insert, &values, rows.len()).await?
    };
    let mut result: Vec<(Box<str>, MappedRow)> = rows
        .iter()
        .zip(&returned)
        .map(|(row, back)| {
            let mut held = MappedRow {
                cells: row.split.row.cells.clone(),
                children: map.children.iter().map(|_| Vec::new()).collect(),
            };
            take(&mut held.cells, &statements.insert, back);
            for (slot, cell) in &row.told {
                held.cells[*slot].clone_from(cell);
            }
            (back.text(0).unwrap_or(&row.key).into(), held)
        })
        .collect();
    insert_joined(core, connection, map_index, rows, &tenant, &mut result).await?;
    for child in 0..map.children.len() {
        let mut owners = Vec::new();
        let mut wanted: Vec<(&str, &ChildRow)> = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            for child_row in &row.split.row.children[child] {
                owners.push(number);
                wanted.push((&result[number].0, child_row));
            }
        }
        let back = insert_children(core, connection, map_index, child, &tenant, &wanted).await?;
        for (owner, row) in owners.into_iter().zip(back) {
            result[owner].1.children[child].push(row);
        }
    }
    Ok(result)
}

fn value<'v>(parameter: InsertParameter, row: &'v NewRow<'_>, tenant: &'v str) -> Arg<'v> {
    match parameter {
        InsertParameter::Key => Arg::Text(&row.key),
        InsertParameter::Organization => Arg::Text(tenant),
        InsertParameter::Slot(slot) => Arg::text(row.split.row.cells[slot].as_deref()),
        InsertParameter::ForeignKey(join) => Arg::text(row.foreign[join].as_deref()),
        InsertParameter::Residue => Arg::Text(&row.split.residue),
        InsertParameter::Updated => Arg::Text(&row.updated),
        InsertParameter::Listed(listed) => Arg::text(row.holders.get(listed).and_then(Option::as_deref)),
        InsertParameter::ParentKey | InsertParameter::Position => Arg::Null,
    }
}

/// The rows of tables that are written with the main row.
async fn insert_joined(
    core: &Core,
    connection: &mut Connection,
    map: usize,
    rows: &[NewRow<'_>],
    tenant: &str,
    result: &mut [(Box<str>, MappedRow)],
) -> Result<(), DbError> {
    for (join, insert) in core.statements[map].insert_joined.iter().enumerate() {
        let Some(insert) = insert else { continue };
        // A joined row with nothing in it says nothing: it is left out.
        let filled: Vec<usize> =
            (0..rows.len()).filter(|row| has_values(core.map(map), join, rows[*row].split)).collect();
        let keys: Vec<Box<str>> = filled.iter().map(|row| result[*row].0.clone()).collect();
        let mut values = Vec::new();
        for (row, key) in filled.iter().zip(&keys) {
            for parameter in &insert.parameters {
                values.push(match parameter {
                    InsertParameter::ParentKey => Arg::Text(key),
                    other => value(*other, &rows[*row], tenant),
                });
            }
        }
        let returned = run(connection, insert, &values, filled.len()).await?;
        for (row, back) in filled.iter().zip(&returned) {
            take(&mut result[*row].1.cells, insert, back);
        }
    }
    Ok(())
}

/// Whether a resource gives a joined table that is written with it anything at all.
pub(super) fn has_values(map: &Map, join: usize, split: &Split) -> bool {
    map.joins[join].write == JoinWrite::With
        && map.slots.iter().zip(&split.row.cells).any(|(slot, cell)| slot.join == Some(join) && cell.is_some())
}

/// Inserts child rows of any number of parents; gives them back in the same order.
pub(super) async fn insert_children(
    core: &Core,
    connection: &mut Connection,
    map: usize,
    child: usize,
    tenant: &str,
    rows: &[(&str, &ChildRow)],
) -> Result<Vec<ChildRow>, DbError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let insert = &core.statements[map].children[child].insert;
    let positions: Vec<String> = rows.iter().map(|(_, row)| row.position.to_string()).collect();
    let given = insert.parameters.contains(&InsertParameter::Key);
    let keys: Vec<Cell> =
        rows.iter().map(|(_, row)| given.then(|| row.key.clone().unwrap_or_else(|| core.ids.next().into()))).collect();
    let mut values = Vec::new();
    for (((parent, row), position), key) in rows.iter().zip(&positions).zip(&keys) {
        for parameter in &insert.parameters {
            values.push(match parameter {
                InsertParameter::ParentKey => Arg::Text(parent),
                InsertParameter::Organization => Arg::Text(tenant),
                InsertParameter::Key => Arg::text(key.as_deref()),
                InsertParameter::Position => Arg::Text(position),
                InsertParameter::Slot(slot) => Arg::text(row.cells[*slot].as_deref()),
                InsertParameter::Residue => Arg::text(row.residue.as_deref()),
                InsertParameter::ForeignKey(_) | InsertParameter::Listed(_) | InsertParameter::Updated => Arg::Null,
            });
        }
    }
    let returned = run(connection, insert, &values, rows.len()).await?;
    let own_key = core.map(map).children[child].key.is_some();
    let back = |((_, row), back): (&(&str, &ChildRow), &Row)| {
        let mut held = (*row).clone();
        take(&mut held.cells, insert, back);
        held.key = if own_key { back.text(0).map(Into::into) } else { None };
        held
    };
    Ok(rows.iter().zip(&returned).map(back).collect())
}

/// Runs an INSERT of so many rows in portions.
async fn run(
    connection: &mut Connection,
    insert: &Insert,
    values: &[Arg<'_>],
    rows: usize,
) -> Result<Vec<Row>, DbError> {
    let width = insert.parameters.len().max(1);
    let mut returned = Vec::with_capacity(rows);
    let mut rest = values;
    while !rest.is_empty() {
        let portion = portion(rest.len() / width, width);
        let (now, later) = rest.split_at(portion * width);
        returned.extend(connection.fetch(&insert.text(portion), now).await?);
        rest = later;
    }
    counted(returned, rows)
}

fn counted(returned: Vec<Row>, rows: usize) -> Result<Vec<Row>, DbError> {
    if returned.len() == rows { Ok(returned) } else { Err(DbError::fault("an INSERT returned too few rows")) }
}

/// How many of `left` rows of so many values the next statement takes.
fn portion(left: usize, width: usize) -> usize {
    let most = left.min(ROWS).min(VALUES / width).max(1);
    if most <= FEW { most } else { 1 << most.ilog2() }
}

/// Takes over the texts a row was returned with.
fn take(cells: &mut [Cell], insert: &Insert, back: &Row) {
    for (place, slot) in insert.returned.iter().enumerate() {
        cells[*slot] = back.text(place + 1).map(Into::into);
    }
}

/// Records what the database made of a step's row: the key it generated, and what did not come back as meant.
pub(super) async fn settle(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    step: &mut Step<'_>,
    returned_key: Box<str>,
    returned: &MappedRow,
) -> Result<(), Abort> {
    let Placed::Mapped { key, split, .. } = &mut step.placed else { return Ok(()) };
    *key = returned_key;
    let shape = core.map(map);
    let amended = split::verify(shape, split, returned, &core.values());
    let shadow = match &amended {
        Some(amended) => amended.shadow.as_ref(),
        None => split.shadow.as_ref(),
    };
    let shadow = shadow.map(|shadow| shadow.to_json().into());
    if let Some(amended) = amended {
        super::residue::store(core, connection, organization, map, key, returned, &amended).await?;
        split.residue = amended.residue;
    }
    let residue = shape.residue.is_none().then(|| split.residue.clone());
    step.side = Side { residue, shadow, flag: None };
    Ok(())
}

/// Inserts the row of a joined table for a main row that had none.
#[expect(clippy::too_many_arguments, reason = "each names a different thing of one row")]
pub(super) async fn one_joined(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    join: usize,
    key: &str,
    split: &Split,
    cells: &mut [Cell],
) -> Result<(), DbError> {
    let Some(insert) = &core.statements[map].insert_joined[join] else { return Ok(()) };
    let tenant = organization.0.to_string();
    let values: Vec<Arg<'_>> = insert
        .parameters
        .iter()
        .map(|parameter| match parameter {
            InsertParameter::ParentKey => Arg::Text(key),
            InsertParameter::Organization => Arg::Text(&tenant),
            InsertParameter::Slot(slot) => Arg::text(split.row.cells[*slot].as_deref()),
            _ => Arg::Null,
        })
        .collect();
    if let Some(back) = run(connection, insert, &values, 1).await?.first() {
        take(cells, insert, back);
    }
    Ok(())
}
