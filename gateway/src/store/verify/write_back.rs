//! Every row read as FHIR, split again and written back in a transaction that is rolled back: law 2 (GetPut), measured.

use std::collections::BTreeMap;
use std::time::Duration;

use consent::OrganizationId;
use mappers::join::{self, Header};
use mappers::json::Document;
use mappers::map::{Map, Slot};
use mappers::row::{Cell, ChildRow, Row as MappedRow};
use mappers::split::Split;
use serde::Serialize;

use crate::store::connection::{Connection, DbError, Engine};
use crate::store::core::Core;
use crate::store::entry::{self, Entry};
use crate::store::rows::{self, ForeignRow, Loaded};

/// How often a page is tried again while another program is at its rows.
const TRIES: u32 = 5;

/// What writing rows back would change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WriteBack {
    /// Values (columns that are not null, and rows of lists) that were written back.
    pub values: i64,
    /// Values that would not be the same afterwards.
    pub lost: i64,
    /// Rows with such a value.
    pub rows: i64,
    /// How often each column (`table.column`; a table alone: a row of a list) would change.
    pub columns: BTreeMap<String, i64>,
}

impl WriteBack {
    /// What would be lost, in percent of the values.
    pub fn loss(&self) -> f64 {
        percent(self.lost, self.values)
    }

    /// Adds what another page found.
    fn add(&mut self, other: Self) {
        self.values += other.values;
        self.lost += other.lost;
        self.rows += other.rows;
        for (column, count) in other.columns {
            *self.columns.entry(column).or_default() += count;
        }
    }

    fn differs(&mut self, column: String) {
        self.lost += 1;
        *self.columns.entry(column).or_default() += 1;
    }
}

/// A share in percent.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(super) fn percent(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Writes the rows of these keys back, and takes everything back again.
pub(super) async fn page(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
    report: &mut WriteBack,
) -> Result<(), DbError> {
    let mut careful = false;
    let mut tries = 0;
    loop {
        let result = attempt(core, connection, organization, map, keys, careful).await;
        connection.rollback_if_open().await;
        match result {
            Ok(found) => {
                report.add(found);
                return Ok(());
            }
            // One row is refused: each gets a savepoint of its own.
            Err(error) if error.is_misfit() && !careful => careful = true,
            Err(error) if (error.is_lock_timeout() || error.is_retryable()) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(200) * tries).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn attempt(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
    careful: bool,
) -> Result<WriteBack, DbError> {
    connection.begin_write(Some(organization.0)).await?;
    if connection.engine() == Engine::Postgres {
        connection.script("set local lock_timeout = 5000").await?;
    }
    let mut loaded = rows::load(core, connection, organization, map, keys).await?;
    rows::fill_lists(core, connection, organization, map, &mut loaded).await?;
    let entries = entry::by_key(core, connection, organization, map, keys).await?;
    let mut report = WriteBack::default();
    for (key, held) in loaded.iter().filter(|(_, held)| held.exists) {
        let Some(entry) = entries.get(key) else { continue };
        let shape = core.map(map);
        let before = report.lost;
        report.values += values(held);
        let row = ForeignRow { map, key, held, entry };
        match split(core, &row)? {
            Err(column) => report.differs(column),
            Ok(split) if careful => {
                let work = async |connection: &mut Connection| {
                    rows::put_back(core, connection, organization, map, key, held, &split).await
                };
                match rows::attempt(connection, work).await? {
                    Ok(back) => compare(shape, &held.row, &back, &mut report),
                    Err(error) => report.differs(refused(shape, &error)),
                }
            }
            Ok(split) => {
                let back = rows::put_back(core, connection, organization, map, key, held, &split).await?;
                compare(shape, &held.row, &back, &mut report);
            }
        }
        report.rows += i64::from(report.lost > before);
    }
    Ok(report)
}

/// What a PUT of the very resource that is read would write; or the column that could not take it.
fn split(core: &Core, row: &ForeignRow<'_>) -> Result<Result<Split, String>, DbError> {
    let ForeignRow { map, held, entry, .. } = row;
    let Entry { id, version, .. } = entry;
    let header = Header { id, version: *version, last_updated: "2000-01-01T00:00:00.000Z" };
    let mut body = Vec::with_capacity(1024);
    join::join(core.map(*map), &held.stored(entry), &header, &core.values(), &mut body);
    let document = Document::parse(&body).map_err(|_| DbError::fault("a joined row is not JSON"))?;
    Ok(row.split(core, &document).map_err(|misfit| misfit.column))
}

fn refused(map: &Map, error: &DbError) -> String {
    let table = error.table.as_deref().unwrap_or(&map.table);
    match error.column.as_deref().or(error.constraint.as_deref()) {
        Some(name) => format!("{table}.{name}"),
        None => table.to_owned(),
    }
}

fn values(held: &Loaded) -> i64 {
    let filled = |cells: &[Cell]| cells.iter().filter(|cell| cell.is_some()).count();
    let rows = held.row.children.iter().flatten().map(|row| 1 + filled(&row.cells));
    i64::try_from(filled(&held.row.cells) + rows.sum::<usize>()).unwrap_or(i64::MAX)
}

fn compare(map: &Map, held: &MappedRow, back: &MappedRow, report: &mut WriteBack) {
    let name = |slot: &Slot| {
        let table = slot.join.map_or(&map.table, |join| &map.joins[join].table);
        format!("{table}.{}", slot.column)
    };
    cells(&map.slots, &held.cells, &back.cells, &name, report);
    for ((child, held), back) in map.children.iter().zip(&held.children).zip(&back.children) {
        let mut left: Vec<&ChildRow> = back.iter().collect();
        for row in held {
            // Rows that cannot be told apart keep their order.
            let same = |back: &&ChildRow| match (&row.key, &back.key) {
                (Some(key), Some(back)) => key == back,
                _ => row.position == back.position,
            };
            match left.iter().position(same) {
                Some(place) => {
                    let back = left.remove(place);
                    let name = |slot: &Slot| format!("{}.{}", child.table, slot.column);
                    cells(&child.slots, &row.cells, &back.cells, &name, report);
                }
                None => report.differs(child.table.clone()),
            }
        }
        left.iter().for_each(|_| report.differs(child.table.clone()));
    }
}

fn cells(slots: &[Slot], held: &[Cell], back: &[Cell], name: &dyn Fn(&Slot) -> String, report: &mut WriteBack) {
    for ((slot, held), back) in slots.iter().zip(held).zip(back) {
        if held != back {
            report.differs(name(slot));
        }
    }
}
