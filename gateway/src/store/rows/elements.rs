//! Resources that are the elements of a JSON array in a column: reading them as if each had a row, and writing one into the
//! document of its row, which is locked for that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use consent::OrganizationId;
use mappers::array::{self, Part, Unreadable};
use mappers::map::{JsonArray, PatientSource};
use mappers::row::{Cell, Row as MappedRow};
use mappers::split;

use crate::clock::Clock;
use crate::store::apply::{Abort, Step};
use crate::store::bulk;
use crate::store::connection::{Arg, Connection, DbError, DbErrorKind};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::emit;
use crate::store::entry::{self, Entry};
use crate::store::place::Placed;
use crate::store::rows::lists::OUTBOX;
use crate::store::rows::load::{Loaded, load_rows};
use crate::store::rows::{attempt, insert, joined, overflow};

/// The elements of some rows.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    /// Each as a row of its own, by the directory's key.
    pub(crate) rows: HashMap<Box<str>, Loaded>,
    /// Rows of whose arrays nobody can say what is in them.
    pub(crate) unreadable: BTreeSet<Box<str>>,
}

/// All elements of the rows with these keys.
pub(crate) async fn of_rows(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<Elements, DbError> {
    let mut elements = Elements::default();
    let shape = core.map(map);
    let (Some(shape), Some(slot)) = (&shape.array, shape.array_slot()) else { return Ok(elements) };
    for (key, mut row) in load_rows(core, connection, organization, map, keys).await? {
        let document = row.row.cells[slot].take();
        let Ok(parts) = array::parts(shape, document.as_deref()) else {
            elements.unreadable.insert(key);
            continue;
        };
        for part in parts {
            let mut element = row.clone();
            element.row.cells[slot] = document.as_deref().map(|text| text[part.start..part.end].into());
            elements.rows.insert(array::key(&key, &part.id), element);
        }
    }
    Ok(elements)
}

/// The elements with these keys.
pub(super) async fn load(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<HashMap<Box<str>, Loaded>, DbError> {
    let rows: BTreeSet<&str> = keys.iter().filter_map(|key| Some(array::parts_of_key(key)?.0)).collect();
    let rows: Vec<&str> = rows.into_iter().collect();
    let mut all = of_rows(core, connection, organization, map, &rows).await?.rows;
    Ok(keys.iter().filter_map(|key| all.remove_entry(*key)).collect())
}

/// How many resources a map's arrays hold. Documents are read so many at a time.
pub(crate) async fn count(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
) -> Result<i64, DbError> {
    const PAGE: i64 = 200;
    let (Some(shape), Some(statements)) = (&core.map(map).array, &core.statements[map].array) else { return Ok(0) };
    let (mut after, mut found) = (String::new(), 0);
    loop {
        let args = [Arg::Int(organization.0), Arg::Text(&after), Arg::Int(PAGE)];
        let page = connection.fetch(&statements.page, &args).await?;
        for row in &page {
            found += array::parts(shape, row.text(1)).map_or(0, |parts| parts.len());
        }
        match page.last().and_then(|row| row.text(0)) {
            Some(last) => after = last.to_owned(),
            None => return Ok(i64::try_from(found).unwrap_or(i64::MAX)),
        }
    }
}

/// The document of a row, which stays locked until the transaction ends.
struct Document<'r> {
    core: &'r Core,
    organization: OrganizationId,
    map: usize,
    array: &'r JsonArray,
    row: &'r str,
    text: Cell,
}

impl<'r> Document<'r> {
    /// `None` where the row has gone.
    async fn lock(
        core: &'r Core,
        connection: &mut Connection,
        organization: OrganizationId,
        map: usize,
        row: &'r str,
    ) -> Result<Option<Self>, DbError> {
        let (Some(array), Some(statements)) = (&core.map(map).array, &core.statements[map].array) else {
            return Err(DbError::fault("a map without an array"));
        };
        let sql = format!("{}{}", statements.document, dialect::for_update(connection.engine()));
        let found = connection.fetch_optional(&sql, &[Arg::Int(organization.0), Arg::Text(row)]).await?;
        let document = |text: Cell| Self { core, organization, map, array, row, text };
        Ok(found.map(|found| document(found.text(0).map(Into::into))))
    }

    fn parts(&self) -> Result<Vec<Part>, DbError> {
        array::parts(self.array, self.text.as_deref()).map_err(|Unreadable| unfit("what is in the column is no array"))
    }

    /// Writes it, and takes over what the database made of it.
    async fn set(&mut self, connection: &mut Connection, text: &str, updated_ms: i64) -> Result<(), DbError> {
        let Some(statements) = &self.core.statements[self.map].array else { return Ok(()) };
        let updated = Clock::format(updated_ms);
        let mut args = vec![Arg::Int(self.organization.0), Arg::Text(self.row), Arg::Text(text)];
        args.extend(self.core.map(self.map).updated.as_ref().map(|_| Arg::Text(&updated)));
        let back = connection.fetch_optional(&statements.update, &args).await?;
        self.text = back.ok_or_else(|| DbError::moved("a row has gone"))?.text(0).map(Into::into);
        tell(self.core, connection, self.organization, self.map, self.row).await
    }

    /// Key and text of an element.
    fn element(&self, number: usize) -> Result<(Box<str>, Cell), DbError> {
        let parts = self.parts()?;
        let part = parts.get(number).ok_or_else(|| unfit("the database does not keep the element"))?;
        let text = self.text.as_deref().map(|text| text[part.start..part.end].into());
        Ok((array::key(self.row, &part.id), text))
    }
}

/// Other maps that look at the same document are told by the outbox.
async fn tell(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    row: &str,
) -> Result<(), DbError> {
    joined::note(core, connection, organization, map, &[row]).await?;
    let shape = core.map(map);
    let Some(array) = &shape.array else { return Ok(()) };
    let looks = |other: &usize| {
        let slots = || core.map(*other).slots.iter();
        *other != map && slots().any(|slot| slot.join.is_none() && slot.column == array.column)
    };
    if core.maps_on(&shape.table).iter().any(looks) {
        note(connection, organization, &shape.table, &[row]).await?;
    }
    Ok(())
}

/// Has rows settled.
async fn note(
    connection: &mut Connection,
    organization: OrganizationId,
    table: &str,
    rows: &[&str],
) -> Result<(), DbError> {
    let lines: Vec<Arg<'_>> =
        rows.iter().flat_map(|row| [Arg::Text(table), Arg::Text(row), Arg::Int(organization.0)]).collect();
    bulk::insert_rows(connection, "outbox", OUTBOX, &lines, "").await.map(drop)
}

/// The table cannot carry it.
fn unfit(note: &str) -> DbError {
    DbError { kind: DbErrorKind::ForeignKey, ..DbError::fault(note) }
}

/// Puts a known resource's element in the place of the one that was read; its key from now on, and the row as it is then.
pub(super) async fn put(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    (map, key): (usize, &str),
    held: &Loaded,
    step: &Step<'_>,
) -> Result<(Box<str>, MappedRow), DbError> {
    let gone = || DbError::moved("an element has gone or changed");
    let (Some(slot), Placed::Mapped { split, .. }) = (core.map(map).array_slot(), &step.placed) else {
        return Err(DbError::fault("an element without a place"));
    };
    let (row, id) = array::parts_of_key(key).ok_or_else(gone)?;
    let mut document = Document::lock(core, connection, organization, map, row).await?.ok_or_else(gone)?;
    let parts = document.parts()?;
    let number = parts.iter().position(|part| *part.id == *id).ok_or_else(gone)?;
    let text = document.text.as_deref().unwrap_or_default();
    let there = &text[parts[number].start..parts[number].end];
    if held.row.cells[slot].as_deref() != Some(there) {
        return Err(gone());
    }
    let element = split.row.cells[slot].as_deref().unwrap_or("{}");
    if element != there {
        let changed = array::put(document.array, text, id, element).ok_or_else(gone)?;
        document.set(connection, &changed, step.updated_ms).await?;
    }
    let (key, cell) = document.element(number)?;
    let mut cells = split.row.cells.clone();
    cells[slot] = cell;
    Ok((key, MappedRow { cells, children: Vec::new() }))
}

/// Adds elements for these steps, one after the other. What finds no array goes to the generic store.
pub(super) async fn insert(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    numbers: &[usize],
    steps: &mut [Step<'_>],
) -> Result<(), Abort> {
    for number in numbers {
        let step = &mut steps[*number];
        let work = async |connection: &mut Connection| append(core, connection, organization, map, step).await;
        match attempt(connection, work).await? {
            Ok((key, row)) => insert::settle(core, connection, organization, map, step, key, &row).await?,
            Err(error) => overflow(core, step, &error)?,
        }
    }
    Ok(())
}

/// Adds an element to the array of the one row that is the patient's.
async fn append(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    step: &mut Step<'_>,
) -> Result<(Box<str>, MappedRow), DbError> {
    let shape = core.map(map);
    let (Some(slot), Placed::Mapped { split, .. }) = (shape.array_slot(), &mut step.placed) else {
        return Err(DbError::fault("an element without a place"));
    };
    let row = row_of_patient(core, connection, organization, map, &split.row.cells).await?;
    let mut document = Document::lock(core, connection, organization, map, &row)
        .await?
        .ok_or_else(|| DbError::moved("a row has gone"))?;
    let mut held = load_rows(core, connection, organization, map, &[&row]).await?;
    let mut held = held.remove(&row).ok_or_else(|| DbError::moved("a row has gone"))?;
    // The element says nothing yet; of what else the row says the resource must say the same.
    held.row.cells[slot] = None;
    let fallback = Entry::new(0, step.change.kind.clone(), step.change.id.clone());
    split::keep(shape, split, &held.stored(&fallback), &core.values());
    if (0..shape.slots.len()).any(|other| other != slot && split.row.cells[other] != held.row.cells[other]) {
        return Err(unfit("the row of the array says something else"));
    }
    let (element, other_id) = (split.row.cells[slot].as_deref().unwrap_or("{}"), core.ids.next());
    let ids = [&*step.change.id, other_id.as_str()];
    let changed = array::append(document.array, document.text.as_deref(), element, &ids)
        .map_err(|Unreadable| unfit("what is in the column is no array"))?;
    document.set(connection, &changed, step.updated_ms).await?;
    let last = document.parts()?.len().checked_sub(1).ok_or_else(|| unfit("the database does not keep the element"))?;
    let (key, cell) = document.element(last)?;
    let mut cells = split.row.cells.clone();
    cells[slot] = cell;
    Ok((key, MappedRow { cells, children: Vec::new() }))
}

/// The one row that is of the patient whom the resource names.
async fn row_of_patient(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    cells: &[Cell],
) -> Result<Box<str>, DbError> {
    let sql = core.statements[map].array.as_ref().and_then(|statements| statements.of_patient.as_deref());
    let patient = match core.map(map).patient {
        PatientSource::Slot(slot) => cells[slot].as_deref(),
        PatientSource::Key | PatientSource::None => None,
    };
    let (Some(sql), Some(patient)) = (sql, patient) else { return Err(unfit("no row is the patient's")) };
    let rows = connection.fetch(sql, &[Arg::Int(organization.0), Arg::Text(patient)]).await?;
    match &rows[..] {
        [row] => Ok(row.text(0).unwrap_or_default().into()),
        _ => Err(unfit("no single row is the patient's")),
    }
}

/// Removes elements; those that have gone already are gone.
pub(super) async fn remove(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
    updated_ms: i64,
) -> Result<(), DbError> {
    let mut by_row: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (row, id) in keys.iter().filter_map(|key| array::parts_of_key(key)) {
        by_row.entry(row).or_default().push(id);
    }
    for (row, ids) in by_row {
        let Some(mut document) = Document::lock(core, connection, organization, map, row).await? else { continue };
        for id in ids {
            let text = document.text.as_deref().unwrap_or_default();
            if let Some(changed) = array::remove(document.array, text, id) {
                document.set(connection, &changed, updated_ms).await?;
            }
        }
    }
    Ok(())
}

/// Rows go, or are marked as deleted, and elements with them: their resources move to the generic store, as those that refer
/// to a row do. Of rows that are only marked the arrays are looked at again.
pub(super) async fn leave_rows(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: &[Box<str>],
) -> Result<(), DbError> {
    let table = &core.map(map).table;
    let rows: Vec<&str> = rows.iter().map(|row| &**row).collect();
    let arrays = core.maps_on(table).iter().filter(|other| core.map(**other).array.is_some());
    for &other in arrays.filter(|_| !rows.is_empty()) {
        if core.statements[map].soft_delete.is_some() {
            note(connection, organization, table, &rows).await?;
            continue;
        }
        let entries = entry::of_rows(core, connection, organization, other, &rows).await?;
        let rids: Vec<i64> = entries.values().filter(|entry| !entry.deleted).map(|entry| entry.rid).collect();
        emit::demote(connection, organization, &rids).await?;
    }
    Ok(())
}
