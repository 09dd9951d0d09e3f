//! Directory entries: which resource lives where, at which version, and whose it is.

use std::collections::HashMap;

use consent::OrganizationId;
use mappers::split::Shadow;

use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::dialect;

/// One resource as the directory knows it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The directory's row id: what versions and index rows key on.
    pub(crate) rid: i64,
    /// The resource type.
    pub(crate) kind: Box<str>,
    /// The logical id.
    pub(crate) id: Box<str>,
    /// Where it lives.
    pub(crate) place: Place,
    /// The current version; 0 before the first.
    pub(crate) version: i64,
    /// The current version is a deletion.
    pub(crate) deleted: bool,
    /// The patient whose data it is (the id).
    pub(crate) patient: Option<Box<str>>,
    /// The labels that any of its versions had, as bits; 0 where nobody has looked.
    pub(crate) labels: i64,
    /// Residue, where the row has no column for it.
    pub(crate) residue: Option<Box<str>>,
    /// Column texts that stand for values kept in the residue.
    pub(crate) shadow: Option<Shadow>,
    /// What an operator should look at.
    pub(crate) flag: Option<Box<str>>,
}

/// The flag of a resource that was deleted while rows that are no resources refer to its row: the row is still there.
pub(crate) const KEPT: &str = "deleted, but its row is kept: other rows refer to it";

/// Where a resource lives, or (deleted) where its row was: should another program bring the row back, it is the same
/// resource.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// In the generic store: its current version's body is all there is.
    Generic,
    /// In a user's table.
    Mapped {
        /// Index into the core's maps.
        map: usize,
        /// The row's key as text.
        key: Box<str>,
    },
}

impl Place {
    /// The key other rows would refer to it by.
    pub(crate) fn key<'e>(&'e self, id: &'e str) -> &'e str {
        match self {
            Self::Generic => id,
            Self::Mapped { key, .. } => key,
        }
    }

    /// The map it lives in.
    pub(crate) fn map(&self) -> Option<usize> {
        match self {
            Self::Generic => None,
            Self::Mapped { map, .. } => Some(*map),
        }
    }
}

/// The columns every entry is read from, in the order [`Entry::from_row`] expects.
const COLUMNS: &str = "d.rid, d.type, d.id, d.map, d.key, d.version, d.deleted, d.patient, d.residue, d.shadow, d.flag, \
     case when d.labels = 0 then 0 else d.labels | d.labels_ever end";

impl Entry {
    /// An entry for a resource that the directory does not know yet.
    pub(crate) fn new(rid: i64, kind: Box<str>, id: Box<str>) -> Self {
        Self {
            rid,
            kind,
            id,
            place: Place::Generic,
            version: 0,
            deleted: false,
            patient: None,
            labels: 0,
            residue: None,
            shadow: None,
            flag: None,
        }
    }

    fn from_row(core: &Core, row: &Row) -> Self {
        let id: Box<str> = row.text(2).unwrap_or_default().into();
        let place = match row.text(3).and_then(|name| core.map_named(name)) {
            Some(map) => Place::Mapped { map, key: row.text(4).unwrap_or_default().into() },
            None => Place::Generic,
        };
        Self {
            rid: row.int(0).unwrap_or_default(),
            kind: row.text(1).unwrap_or_default().into(),
            id,
            place,
            version: row.int(5).unwrap_or_default(),
            deleted: row.int(6).unwrap_or_default() != 0,
            patient: row.text(7).map(Into::into),
            labels: row.int(11).unwrap_or_default(),
            residue: row.text(8).map(Into::into),
            shadow: row.text(9).and_then(Shadow::parse),
            flag: row.text(10).map(Into::into),
        }
    }
}

/// Entries of the given (type, id) pairs; on PostgreSQL locked for the transaction when `lock` is set, in one global
/// order, so that two writers cannot deadlock on them.
pub(crate) async fn by_identity(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    wanted: &[(&str, &str)],
    lock: bool,
) -> Result<HashMap<(Box<str>, Box<str>), Entry>, DbError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let lock = if lock { dialect::for_update(connection.engine()) } else { "" };
    let sql = format!(
        "select {COLUMNS} from {{keys}} join directory d on d.type = k.type and d.id = k.id \
         where d.organization_id = $1 order by d.rid{lock}"
    );
    let columns = [("type", BulkType::Text), ("id", BulkType::Text)];
    let keys: Vec<Arg<'_>> = wanted.iter().flat_map(|(kind, id)| [Arg::Text(kind), Arg::Text(id)]).collect();
    let rows = bulk::fetch_by_keys(connection, &sql, &[Arg::Int(organization.0)], &columns, &keys).await?;
    let entries = rows.iter().map(|row| Entry::from_row(core, row));
    Ok(entries.map(|entry| ((entry.kind.clone(), entry.id.clone()), entry)).collect())
}

/// Entries of an organization (`$1`) that a condition on the directory (`d`) picks out.
pub(crate) async fn those(
    core: &Core,
    connection: &mut Connection,
    condition: &str,
    args: &[Arg<'_>],
) -> Result<Vec<Entry>, DbError> {
    let sql =
        format!("select {COLUMNS} from directory d where d.organization_id = $1 and ({condition}) order by d.rid");
    let rows = connection.fetch(&sql, args).await?;
    Ok(rows.iter().map(|row| Entry::from_row(core, row)).collect())
}

/// Entries of rows of one map, by row key.
pub(crate) async fn by_key(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    wanted: &[&str],
) -> Result<HashMap<Box<str>, Entry>, DbError> {
    let sql = format!(
        "select {COLUMNS} from {{keys}} join directory d on d.key = k.key where d.organization_id = $1 and d.map = $2"
    );
    let args = [Arg::Int(organization.0), Arg::Text(&core.map(map).name)];
    let keys: Vec<Arg<'_>> = wanted.iter().copied().map(Arg::Text).collect();
    let rows = bulk::fetch_by_keys(connection, &sql, &args, &[("key", BulkType::Text)], &keys).await?;
    let entries = rows.iter().map(|row| Entry::from_row(core, row));
    Ok(entries.map(|entry| (entry.place.key(&entry.id).into(), entry)).collect())
}

/// Entries of the elements of rows' arrays, by key.
pub(crate) async fn of_rows(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    rows: &[&str],
) -> Result<HashMap<Box<str>, Entry>, DbError> {
    // `$` is the character after `#`.
    let sql = format!(
        "select {COLUMNS} from {{keys}} join directory d on d.key >= k.key || '#' and d.key < k.key || '$' \
         where d.organization_id = $1 and d.map = $2"
    );
    let args = [Arg::Int(organization.0), Arg::Text(&core.map(map).name)];
    let keys: Vec<Arg<'_>> = rows.iter().copied().map(Arg::Text).collect();
    let found = bulk::fetch_by_keys(connection, &sql, &args, &[("key", BulkType::Text)], &keys).await?;
    let entries = found.iter().map(|row| Entry::from_row(core, row));
    let entries = entries.map(|entry| (Box::from(entry.place.key(&entry.id)), entry));
    // The key of another row may begin with `row#`.
    let is_wanted = |key: &str| mappers::array::parts_of_key(key).is_some_and(|(row, _)| rows.contains(&row));
    Ok(entries.filter(|(key, _)| is_wanted(key)).collect())
}

/// The flag of a resource whose row, or the document it is in, cannot be read.
pub(crate) const UNREADABLE: &str = "its row cannot be read";

/// Takes row keys away from resources that are deleted: another resource has the rows now. (A row that is
/// kept is nobody else's.)
pub(crate) async fn release_keys(
    connection: &mut Connection,
    organization: OrganizationId,
    keys: &[(Box<str>, Box<str>)],
) -> Result<(), DbError> {
    let sql = "update directory set map = null, key = id, residue = null, shadow = null, flag = null \
         where organization_id = $1 and deleted = 1 and map is not null and coalesce(flag, '') <> $2 \
         and exists (select 1 from {keys} where k.map = directory.map and k.key = directory.key)";
    let columns = [("map", BulkType::Text), ("key", BulkType::Text)];
    let keys: Vec<Arg<'_>> = keys.iter().flat_map(|(map, key)| [Arg::Text(map), Arg::Text(key)]).collect();
    let args = [Arg::Int(organization.0), Arg::Text(KEPT)];
    bulk::execute_by_keys(connection, sql, &args, &columns, &keys).await.map(drop)
}
