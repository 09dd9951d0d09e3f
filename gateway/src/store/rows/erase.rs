//! Rows that are erased: those of the resources, their children and joined rows, those that another program marked as deleted,
//! and what refers to any of them. Unlike a deletion nothing is only marked, and nothing stays for anybody's sake.
//!
//! Rows of other people's resources that refer to one of these move to the generic store, as at a deletion: their bodies stay
//! as they are, with the reference. Rows of tables without a map are nobody's resource: they are counted, and go only where
//! whoever asks says so. Tables that maps call `readonly` are not ours to change.

mod named;
mod removed;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use consent::OrganizationId;
use mappers::map::PatientSource;
use mappers::schema::{Column, ColumnKind};

use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::entry::{self, Entry, Place};
use crate::store::pools::APPLICATION_ROLE;
use crate::store::rows::remove;

/// Tables without a map are not the application's to look at: with the rights of who runs the command, or not any more. All that
/// is asked of them is asked by keys of rows that are the organization's.
async fn as_owner(connection: &mut Connection, owner: bool) -> Result<(), DbError> {
    match dialect::act_as(connection.engine(), if owner { "none" } else { APPLICATION_ROLE }) {
        Some(sql) => connection.script(&sql).await,
        None => Ok(()),
    }
}

const KEY: [(&str, BulkType); 1] = [("key", BulkType::Text)];

/// The rows that go.
#[derive(Debug, Default)]
pub(crate) struct Doomed {
    /// By main table.
    rows: BTreeMap<String, BTreeSet<Box<str>>>,
    /// Elements of arrays: map and key.
    elements: BTreeSet<(usize, Box<str>)>,
    /// Rows of tables without a map: table, column, and the key that they refer to.
    foreign: BTreeSet<(String, String, Box<str>)>,
    /// Resources of other people whose rows go: they move to the generic store.
    pub(crate) moved: BTreeMap<i64, String>,
    /// How many rows of which tables without a map refer to what goes.
    pub(crate) unmapped: BTreeMap<String, u64>,
    /// How many rows of which tables are not ours to remove.
    pub(crate) readonly: BTreeMap<String, u64>,
}

/// Looks for rows, and removes them.
pub(crate) struct Eraser<'c> {
    pub(crate) core: &'c Core,
    pub(crate) organization: OrganizationId,
    /// The patient whose record goes.
    pub(crate) patient: Option<&'c str>,
}

impl Eraser<'_> {
    /// Adds the rows of resources, and what goes with them. Resources that turn out to be the patient's are added to `erased`.
    pub(crate) async fn doom(
        &self,
        connection: &mut Connection,
        doomed: &mut Doomed,
        erased: &mut BTreeMap<i64, Entry>,
        fresh: &[i64],
    ) -> Result<(), DbError> {
        let mut waiting: VecDeque<(String, Vec<Box<str>>)> = VecDeque::new();
        let entries: Vec<Entry> = fresh.iter().filter_map(|rid| erased.get(rid)).cloned().collect();
        for entry in &entries {
            match &entry.place {
                Place::Mapped { map, key } => self.row_of(connection, doomed, &mut waiting, *map, key).await?,
                Place::Generic => {}
            }
            self.left_behind(connection, &mut waiting, entry).await?;
        }
        if let Some(patient) = self.patient {
            let is_person = |entry: &&Entry| &*entry.kind == "Patient" && &*entry.id == patient;
            let person = entries.iter().find(is_person);
            // Where the Patient is known, it has been asked with it.
            if person.is_some() || !erased.values().any(|entry| is_person(&entry)) {
                self.rows_of_patient(connection, &mut waiting, patient, person).await?;
            }
        }
        while let Some((table, keys)) = waiting.pop_front() {
            self.add(connection, doomed, erased, &mut waiting, table, keys).await?;
        }
        Ok(())
    }

    /// The row of a resource: all of it, or what is the resource's alone.
    async fn row_of(
        &self,
        connection: &mut Connection,
        doomed: &mut Doomed,
        waiting: &mut VecDeque<(String, Vec<Box<str>>)>,
        map: usize,
        key: &str,
    ) -> Result<(), DbError> {
        let shape = self.core.map(map);
        if shape.readonly {
            // Another map of the table may be written to: then the row goes, though the resource by itself could not.
            let row = mappers::array::parts_of_key(key).filter(|_| shape.array.is_some()).map_or(key, |(row, _)| row);
            if self.patient.is_some() && !self.is_readonly(&shape.table) {
                waiting.push_back((shape.table.clone(), vec![row.into()]));
            } else {
                *doomed.readonly.entry(shape.table.clone()).or_default() += 1;
            }
        } else if shape.array.is_some() {
            doomed.elements.insert((map, key.into()));
        } else if shape.facet && self.patient.is_none() {
            let empty = remove::clear_facet(self.core, connection, self.organization, map, &[key]).await?;
            waiting.push_back((shape.table.clone(), empty));
        } else if shape.append_only.is_some() {
            let keys = self.tree(connection, map, key).await?;
            waiting.push_back((shape.table.clone(), keys));
        } else {
            waiting.push_back((shape.table.clone(), vec![key.into()]));
        }
        Ok(())
    }

    /// All rows that replaced one another with this one, in a table that is only appended to.
    async fn tree(&self, connection: &mut Connection, map: usize, key: &str) -> Result<Vec<Box<str>>, DbError> {
        let shape = self.core.map(map);
        let Some(column) = shape.append_only.as_ref().and_then(|append| self.column(&shape.table, &append.supersedes))
        else {
            return Ok(vec![key.into()]);
        };
        let read = |column: &Column| {
            let name = format!("{}.{}", self.core.quote(&shape.table), self.core.quote(&column.name));
            dialect::read(self.core.pools.engine(), &name, column.kind, &column.declared)
        };
        let (own, replaced) = (self.core.read_key(shape), read(column));
        let sql = format!(
            "select {own}, {replaced} from {} where {} and ({own} in (select k.key from {{keys}}) \
             or {replaced} in (select k.key from {{keys}}))",
            self.core.quote(&shape.table),
            self.tenancy(&shape.table, shape.tenant.as_deref())
        );
        let mut known: BTreeSet<Box<str>> = BTreeSet::from([key.into()]);
        let mut fresh: Vec<Box<str>> = vec![key.into()];
        while !fresh.is_empty() {
            let keys: Vec<Arg<'_>> = fresh.iter().map(|key| Arg::Text(key)).collect();
            let args = [Arg::Int(self.organization.0)];
            let rows = bulk::fetch_by_keys(connection, &sql, &args, &KEY, &keys).await?;
            let found = rows.iter().flat_map(|row| [row.text(0), row.text(1)]).flatten().map(Box::from);
            let found: BTreeSet<Box<str>> = found.collect();
            fresh = found.difference(&known).cloned().collect();
            known.extend(fresh.iter().cloned());
        }
        Ok(known.into_iter().collect())
    }

    /// Rows of a resource that the directory does not know any more: those that a deletion only marked.
    async fn left_behind(
        &self,
        connection: &mut Connection,
        waiting: &mut VecDeque<(String, Vec<Box<str>>)>,
        entry: &Entry,
    ) -> Result<(), DbError> {
        for &map in self.core.maps_of(&entry.kind) {
            let shape = self.core.map(map);
            let Some(mark) = shape.deleted.as_ref().and_then(|column| self.column(&shape.table, column)) else {
                continue;
            };
            if shape.array.is_some() || shape.facet || shape.readonly {
                continue;
            }
            let stripped = entry.id.strip_prefix(&*shape.id_prefix).and_then(|id| id.strip_suffix(&*shape.id_suffix));
            // A key that the database makes is no id.
            let whole = Some(&*entry.id).filter(|_| !shape.key_generated);
            let keys: BTreeSet<&str> = [whole, stripped].into_iter().flatten().collect();
            let is_marked = match mark.kind {
                ColumnKind::Boolean => self.core.quote(&mark.name),
                _ => format!("{} is not null", self.core.quote(&mark.name)),
            };
            let own = self.core.read_key(shape);
            let sql = format!(
                "select {own} from {} where {} and {is_marked} and {own} in (select k.key from {{keys}})",
                self.core.quote(&shape.table),
                self.tenancy(&shape.table, shape.tenant.as_deref())
            );
            let args = [Arg::Int(self.organization.0)];
            let keys: Vec<Arg<'_>> = keys.into_iter().map(Arg::Text).collect();
            let rows = bulk::fetch_by_keys(connection, &sql, &args, &KEY, &keys).await?;
            let found: Vec<Box<str>> = rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect();
            let names: Vec<&str> = found.iter().map(|key| &**key).collect();
            let others = entry::by_key(self.core, connection, self.organization, map, &names).await?;
            let own = |key: &str| others.get(key).is_none_or(|other| other.rid == entry.rid);
            waiting.push_back((shape.table.clone(), found.iter().filter(|key| own(key)).cloned().collect()));
        }
        Ok(())
    }

    /// Every row whose own column says that it is the patient's, whether it is a resource or was one.
    async fn rows_of_patient(
        &self,
        connection: &mut Connection,
        waiting: &mut VecDeque<(String, Vec<Box<str>>)>,
        patient: &str,
        person: Option<&Entry>,
    ) -> Result<(), DbError> {
        let mut seen: BTreeSet<(&str, String)> = BTreeSet::new();
        for shape in &self.core.maps.maps {
            let column = match shape.patient {
                PatientSource::Key => Some(shape.key.clone()),
                PatientSource::Slot(slot) => shape.slots[slot].join.is_none().then(|| shape.slots[slot].column.clone()),
                PatientSource::None => None,
            };
            let Some(column) = column.filter(|column| seen.insert((&shape.table, column.clone()))) else { continue };
            let target = match shape.patient {
                PatientSource::Key => Some(&*shape.table),
                _ => self
                    .core
                    .schema
                    .tables
                    .get(&shape.table)
                    .and_then(|table| table.foreign_key(&column))
                    .map(|key| &*key.table),
            };
            let values = self.keys_of_patient(connection, patient, person, target).await?;
            if values.is_empty() {
                continue;
            }
            let mut keys = self.referring(connection, &shape.table, &column, &values).await?;
            let found: BTreeSet<Box<str>> = keys.iter().cloned().collect();
            let (own, others): (Vec<Entry>, Vec<Entry>) = self
                .entries(connection, &shape.table, &found)
                .await?
                .into_iter()
                .filter(|entry| entry.patient.is_some())
                .partition(|entry| entry.patient.as_deref() == Some(patient));
            let rows = |entries: &[Entry]| -> BTreeSet<Box<str>> {
                let row =
                    |key: &str| mappers::array::parts_of_key(key).map_or_else(|| key.into(), |(row, _)| row.into());
                let keys = entries.iter().map(|entry| entry.place.key(&entry.id));
                keys.flat_map(|key| [Box::from(key), row(key)]).collect()
            };
            // Whose a row is known to be, it is.
            let (own, others) = (rows(&own), rows(&others));
            keys.retain(|key| own.contains(key) || !others.contains(key));
            waiting.push_back((shape.table.clone(), keys));
        }
        Ok(())
    }

    /// What a column says that names the patient: the key of the Patient's row, where the column leads to its table (`target`), or
    /// anywhere, where it leads to none. An id alone is no key: another patient's row may have it.
    async fn keys_of_patient(
        &self,
        connection: &mut Connection,
        patient: &str,
        person: Option<&Entry>,
        target: Option<&str>,
    ) -> Result<BTreeSet<Box<str>>, DbError> {
        let mut keys: BTreeSet<Box<str>> = BTreeSet::new();
        let mut supposed: BTreeSet<&str> = BTreeSet::new();
        match person.map(|person| &person.place) {
            Some(Place::Mapped { map, key }) => {
                if target.is_none_or(|table| table == self.core.map(*map).table) {
                    keys.insert(key.clone());
                }
            }
            Some(Place::Generic) | None => supposed.extend(Some(patient).filter(|_| target.is_none())),
        }
        let maps = self.core.maps_of("Patient");
        for shape in maps.iter().map(|map| self.core.map(*map)) {
            if target.is_none_or(|table| table == shape.table) {
                let key = patient.strip_prefix(&*shape.id_prefix).and_then(|id| id.strip_suffix(&*shape.id_suffix));
                supposed.extend(key.filter(|key| !key.is_empty()));
            }
        }
        let wanted: Vec<&str> = supposed.iter().copied().collect();
        for &map in maps {
            for (key, other) in entry::by_key(self.core, connection, self.organization, map, &wanted).await? {
                if &*other.id != patient {
                    supposed.remove(&*key);
                }
            }
        }
        keys.extend(supposed.into_iter().map(Box::from));
        Ok(keys)
    }

    /// Adds rows of one table, and looks for what refers to them.
    async fn add(
        &self,
        connection: &mut Connection,
        doomed: &mut Doomed,
        erased: &mut BTreeMap<i64, Entry>,
        waiting: &mut VecDeque<(String, Vec<Box<str>>)>,
        table: String,
        keys: Vec<Box<str>>,
    ) -> Result<(), DbError> {
        let known = doomed.rows.entry(table.clone()).or_default();
        let fresh: BTreeSet<Box<str>> = keys.into_iter().filter(|key| !known.contains(key)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        if self.is_readonly(&table) {
            *doomed.readonly.entry(table).or_default() += fresh.len() as u64;
            return Ok(());
        }
        known.extend(fresh.iter().cloned());
        for entry in self.entries(connection, &table, &fresh).await? {
            self.take(doomed, erased, entry);
        }
        for referrer in self.core.referrers.of(&table) {
            let keys = if self.core.maps_on(&referrer.table).is_empty() {
                let rows = self.count(connection, &referrer.table, &referrer.column, &fresh).await?;
                if rows > 0 {
                    *doomed.unmapped.entry(referrer.table.clone()).or_default() += rows;
                    let keys = fresh.iter().cloned();
                    doomed.foreign.extend(keys.map(|key| (referrer.table.clone(), referrer.column.clone(), key)));
                }
                continue;
            } else {
                self.referring(connection, &referrer.table, &referrer.column, &fresh).await?
            };
            waiting.push_back((referrer.table.clone(), keys));
        }
        Ok(())
    }

    /// A resource whose row goes: the patient's own goes with it, anybody else's moves to the generic store.
    fn take(&self, doomed: &mut Doomed, erased: &mut BTreeMap<i64, Entry>, entry: Entry) {
        if erased.contains_key(&entry.rid) {
            return;
        }
        let is_own = self.patient.is_some() && entry.patient.as_deref() == self.patient;
        if is_own {
            erased.insert(entry.rid, entry);
        } else {
            doomed.moved.insert(entry.rid, format!("{}/{}", entry.kind, entry.id));
        }
    }

    /// The resources of rows.
    async fn entries(
        &self,
        connection: &mut Connection,
        table: &str,
        keys: &BTreeSet<Box<str>>,
    ) -> Result<Vec<Entry>, DbError> {
        let names: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let mut found = Vec::new();
        for &map in self.core.maps_on(table) {
            let entries = match self.core.map(map).array {
                Some(_) => entry::of_rows(self.core, connection, self.organization, map, &names).await?,
                None => entry::by_key(self.core, connection, self.organization, map, &names).await?,
            };
            found.extend(entries.into_values());
        }
        Ok(found)
    }

    /// Keys of a mapped table's rows that have one of these values in a column.
    async fn referring(
        &self,
        connection: &mut Connection,
        table: &str,
        column: &str,
        values: &BTreeSet<Box<str>>,
    ) -> Result<Vec<Box<str>>, DbError> {
        let (Some(column), Some(&map)) = (self.column(table, column), self.core.maps_on(table).first()) else {
            return Ok(Vec::new());
        };
        let shape = self.core.map(map);
        let sql = format!(
            "select {} from {} where {} in (select {} from {{keys}}) and {}",
            self.core.read_key(shape),
            self.core.quote(table),
            self.core.quote(&column.name),
            self.core.bind("k.key", column),
            self.tenancy(table, shape.tenant.as_deref())
        );
        let keys: Vec<Arg<'_>> = self.fitting(column, values).into_iter().map(Arg::Text).collect();
        let rows = bulk::fetch_by_keys(connection, &sql, &[Arg::Int(self.organization.0)], &KEY, &keys).await?;
        Ok(rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect())
    }

    async fn count(
        &self,
        connection: &mut Connection,
        table: &str,
        column: &str,
        values: &BTreeSet<Box<str>>,
    ) -> Result<u64, DbError> {
        let Some(column) = self.column(table, column) else { return Ok(0) };
        let sql = format!(
            "select count(*) from {} where {} in (select {} from {{keys}})",
            self.core.quote(table),
            self.core.quote(&column.name),
            self.core.bind("k.key", column)
        );
        let keys: Vec<Arg<'_>> = self.fitting(column, values).into_iter().map(Arg::Text).collect();
        as_owner(connection, true).await?;
        let rows = bulk::fetch_by_keys(connection, &sql, &[], &KEY, &keys).await?;
        as_owner(connection, false).await?;
        Ok(rows.iter().filter_map(|row| row.int(0)).sum::<i64>().unsigned_abs())
    }

    /// Those of the values that a column can hold: a text that is no number, or no UUID, is the key of no row.
    fn fitting<'v>(&self, column: &Column, values: &'v BTreeSet<Box<str>>) -> Vec<&'v str> {
        let fits = |text: &&str| match column.kind {
            ColumnKind::Integer | ColumnKind::Numeric => text.parse::<i64>().is_ok(),
            ColumnKind::Uuid => uuid::Uuid::parse_str(text).is_ok(),
            _ => true,
        };
        values.iter().map(|text| &**text).filter(fits).collect()
    }

    /// Nobody but the table's owner writes to it.
    fn is_readonly(&self, table: &str) -> bool {
        self.core.maps_on(table).iter().all(|map| self.core.map(*map).readonly)
    }

    fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.core.schema.column(table, column)
    }

    /// A condition that a row is the organization's; it names `$1` in any case.
    fn tenancy(&self, table: &str, tenant: Option<&str>) -> String {
        match tenant.and_then(|tenant| self.column(table, tenant)) {
            Some(column) if matches!(column.kind, ColumnKind::Integer | ColumnKind::Numeric) => {
                format!("{} = $1", self.core.quote(&column.name))
            }
            Some(column) => {
                format!("{} = {}", self.core.quote(&column.name), self.core.bind("cast($1 as text)", column))
            }
            None => "$1 is not null".to_owned(),
        }
    }
}
