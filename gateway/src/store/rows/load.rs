//! Loading rows with their children: one query for the rows and one per child table, however many keys.

use std::collections::HashMap;
use std::sync::Arc;

use consent::OrganizationId;
use mappers::join::Stored;
use mappers::map::{Map, Slot};
use mappers::row::{Cell, ChildRow, Row as MappedRow};
use mappers::split::Resolved;

use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::content::Item;
use crate::store::core::Core;
use crate::store::entry::Entry;
use crate::store::rows::elements;

/// A row as the database has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loaded {
    /// Columns and children.
    pub(crate) row: MappedRow,
    /// Parallel to the slots: for reference slots the id of the resource referred to.
    pub(crate) references: Vec<Cell>,
    /// The same for child rows.
    pub(crate) child_references: Vec<Vec<Vec<Cell>>>,
    /// The residue, where the row has a column for it.
    pub(crate) residue: Cell,
    /// Parallel to the map's lists where they have been asked for (see [`super::fill_lists`]): references to what they hold.
    pub(crate) listed: Vec<Vec<Box<str>>>,
    /// What its columns name outside the database, ready for codecs as long as this lives.
    content: Vec<Arc<Item>>,
    /// Why some of that cannot be had.
    pub(crate) absent: Vec<&'static str>,
    /// The facet exists (always true of a row with no facets).
    pub(crate) exists: bool,
}

impl Loaded {
    /// The row that a reference of the joined resource came from: its key is in this very row.
    pub(crate) fn resolve(&self, map: &Map, kind: &str, id: &str) -> Option<Resolved> {
        let find = |slots: &[Slot], cells: &[Cell], ids: &[Cell]| {
            slots.iter().zip(cells).zip(ids).find_map(|((slot, cell), found)| {
                let reference = slot.reference.as_ref().filter(|reference| reference.target == kind)?;
                let key = cell.as_deref().filter(|key| found.as_deref().unwrap_or(key) == id)?;
                let table = reference.foreign_table.as_deref().unwrap_or_default();
                Some(Resolved { key: key.into(), table: table.into(), missing: true })
            })
        };
        find(&map.slots, &self.row.cells, &self.references).or_else(|| {
            map.children.iter().zip(&self.row.children).zip(&self.child_references).find_map(|((child, rows), ids)| {
                rows.iter().zip(ids).find_map(|(row, ids)| find(&child.slots, &row.cells, ids))
            })
        })
    }

    /// As `join` takes it, with what the directory keeps for the row.
    pub(crate) fn stored<'s>(&'s self, entry: &'s Entry) -> Stored<'s> {
        Stored {
            row: &self.row,
            reference_ids: &self.references,
            child_reference_ids: &self.child_references,
            listed: &self.listed,
            residue: self.residue.as_deref().or(entry.residue.as_deref()),
            shadow: entry.shadow.as_ref(),
        }
    }
}

/// The rows of one map with these keys; of the elements of arrays, each as if it had a row.
pub(crate) async fn load(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<HashMap<Box<str>, Loaded>, DbError> {
    match core.map(map).array {
        Some(_) => elements::load(core, connection, organization, map, keys).await,
        None => load_rows(core, connection, organization, map, keys).await,
    }
}

/// The rows of one map's main table with these keys.
pub(super) async fn load_rows(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<HashMap<Box<str>, Loaded>, DbError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = [("key", BulkType::Text)];
    let keys: Vec<Arg<'_>> = keys.iter().copied().map(Arg::Text).collect();
    let args = [Arg::Int(organization.0)];
    let sql = core.statements[map].select.as_str();
    let rows = bulk::fetch_by_keys(connection, sql, &args, &columns, &keys).await?;
    let mut loaded: HashMap<Box<str>, Loaded> = rows.iter().map(|row| parent(core, map, row)).collect();
    for child in 0..core.map(map).children.len() {
        let sql = core.statements[map].children[child].select.as_str();
        let rows = bulk::fetch_by_keys(connection, sql, &args, &columns, &keys).await?;
        for row in &rows {
            attach(core, map, child, row, &mut loaded);
        }
    }
    for loaded in loaded.values_mut() {
        sort(loaded);
        if core.contents.is_named_by(map) {
            (loaded.content, loaded.absent) = core.contents.fetch(map, &loaded.row).await?;
        }
    }
    Ok(loaded)
}

fn cell(row: &Row, column: usize) -> Cell {
    row.text(column).map(Into::into)
}

fn parent(core: &Core, map: usize, row: &Row) -> (Box<str>, Loaded) {
    let map = core.map(map);
    let slots = map.slots.len();
    let references = map.slots.iter().filter(|slot| slot.reference.is_some()).count();
    let after = 1 + slots + references;
    let loaded = Loaded {
        row: MappedRow {
            cells: (0..slots).map(|slot| cell(row, 1 + slot)).collect(),
            children: map.children.iter().map(|_| Vec::new()).collect(),
        },
        references: referred(&map.slots, row, 1 + slots),
        child_references: map.children.iter().map(|_| Vec::new()).collect(),
        residue: cell(row, after),
        listed: Vec::new(),
        content: Vec::new(),
        absent: Vec::new(),
        exists: row.text(after + 1) == Some("true"),
    };
    (row.text(0).unwrap_or_default().into(), loaded)
}

/// The ids that follow the slots' columns, one for each reference slot, spread to be parallel to the slots.
fn referred(slots: &[Slot], row: &Row, first: usize) -> Vec<Cell> {
    let mut column = first;
    let id = |slot: &Slot| {
        slot.reference.as_ref()?;
        column += 1;
        cell(row, column - 1)
    };
    slots.iter().map(id).collect()
}

fn attach(core: &Core, map: usize, child: usize, row: &Row, loaded: &mut HashMap<Box<str>, Loaded>) {
    let Some(parent) = row.text(0).and_then(|key| loaded.get_mut(key)) else { return };
    let slots = &core.map(map).children[child].slots;
    let references = slots.iter().filter(|slot| slot.reference.is_some()).count();
    let place = parent.row.children[child].len();
    parent.row.children[child].push(ChildRow {
        key: cell(row, 1),
        position: row.int(2).unwrap_or_else(|| i64::try_from(place).unwrap_or(i64::MAX)),
        cells: (0..slots.len()).map(|slot| cell(row, 3 + slot)).collect(),
        residue: cell(row, 3 + slots.len() + references),
    });
    parent.child_references[child].push(referred(slots, row, 3 + slots.len()));
}

/// Child rows in the order of their positions (statements with many keys give no order across chunks).
fn sort(loaded: &mut Loaded) {
    for (rows, references) in loaded.row.children.iter_mut().zip(&mut loaded.child_references) {
        let mut pairs: Vec<(ChildRow, Vec<Cell>)> = rows.drain(..).zip(references.drain(..)).collect();
        pairs.sort_by(|(left, _), (right, _)| (left.position, &left.key).cmp(&(right.position, &right.key)));
        (*rows, *references) = pairs.into_iter().unzip();
    }
}
