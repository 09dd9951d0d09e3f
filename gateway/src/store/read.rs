//! Reading one resource: <https://hl7.org/fhir/R4/http.html#read> and vread, one statement each.
//!
//! The current version's body is the snapshot that a read serves. It is exact because every foreign change leaves a row
//! in the outbox within its own transaction, and the same statement that reads the body sees whether there is one.

use bytes::Bytes;
use consent::Permit;

use crate::store::Store;
use crate::store::condition::Query;
use crate::store::connection::{Arg, Engine, Row};
use crate::store::error::StoreError;
use crate::store::types::{Found, Method, Version};

/// Current state: one row always, so that the outbox is probed even for what is not there.
const CURRENT_SQLITE: &str = "select exists(select 1 from outbox where organization_id = $1), \
     d.version, d.updated, d.deleted, v.method, v.body, d.patient \
     from (select 1) as one left join directory d on d.organization_id = $1 and d.type = $2 and d.id = $3 \
     left join resource_versions v on v.rid = d.rid and v.version = d.version";

/// The same through a function, which sets the organization for its own transaction: one round trip, and row-level
/// security holds through any pooler.
const CURRENT_POSTGRES: &str =
    "select pending, version, updated, deleted, method, body, patient from fhir_gateway.read_current($1, $2, $3)";

impl Store {
    /// The current state of a resource.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn read(&self, permit: &Permit, kind: &str, id: &str) -> Result<Found, StoreError> {
        let mut row = self.current(permit, kind, id).await?;
        if row.flag(0) {
            // What was pending when the request came is settled now; what has come since need not be seen.
            self.drain(permit.organization()).await?;
            row = self.current(permit, kind, id).await?;
        }
        found(permit, kind, id, &row)
    }

    /// One version of a resource.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn vread(&self, permit: &Permit, kind: &str, id: &str, version: i64) -> Result<Found, StoreError> {
        let mut row = self.narrowed(permit, kind, id, Some(version)).await?;
        if row.flag(0) {
            self.drain(permit.organization()).await?;
            row = self.narrowed(permit, kind, id, Some(version)).await?;
        }
        found(permit, kind, id, &row)
    }

    async fn current(&self, permit: &Permit, kind: &str, id: &str) -> Result<Row, StoreError> {
        if !permit.predicate().is_unrestricted() {
            return self.narrowed(permit, kind, id, None).await;
        }
        let mut connection = self.core().pools.reader().await?;
        let args = [Arg::Int(permit.organization().0), Arg::Text(kind), Arg::Text(id)];
        let sql = match connection.engine() {
            Engine::Postgres => CURRENT_POSTGRES,
            Engine::Sqlite => CURRENT_SQLITE,
        };
        let row = connection.fetch_optional(sql, &args).await?;
        row.ok_or(StoreError::Invariant("the read probe gave no row"))
    }

    /// The probe and a version (the current one for `None`) under the permit's predicate.
    async fn narrowed(&self, permit: &Permit, kind: &str, id: &str, version: Option<i64>) -> Result<Row, StoreError> {
        let query = narrowed(permit, kind, id, version);
        let mut reading = self.reading(permit).await?;
        let row = reading.fetch_optional(&query.sql, &query.args).await?;
        reading.finish();
        row.ok_or(StoreError::Invariant("the read probe gave no row"))
    }
}

/// The statement behind a read under the permit's predicate: the probe of the outbox, and a version (the current one for
/// `None`).
pub(super) fn narrowed<'a>(permit: &'a Permit, kind: &'a str, id: &'a str, version: Option<i64>) -> Query<'a> {
    let mut query = Query::default();
    let organization = query.arg(Arg::Int(permit.organization().0));
    let kind = query.arg(Arg::Text(kind));
    let id = query.arg(Arg::Text(id));
    let version = version.map_or_else(|| "d.version".to_owned(), |version| query.arg(Arg::Int(version)));
    let predicate = query.predicate(permit.predicate(), "d");
    query.push(&format!(
        "select exists(select 1 from outbox where organization_id = {organization}), \
         v.version, v.updated, v.deleted, v.method, v.body, d.patient from (select 1) as one \
         left join directory d on d.organization_id = {organization} and d.type = {kind} and d.id = {id} and {predicate} \
         left join resource_versions v on v.rid = d.rid and v.version = {version}"
    ));
    query
}

/// What a row of the read statements says. The predicate has been applied; that it holds is checked once more, as an
/// alarm.
pub(super) fn found(permit: &Permit, kind: &str, id: &str, row: &Row) -> Result<Found, StoreError> {
    let Some(version) = row.int(1) else { return Ok(Found::Unknown) };
    if !permit.predicate().admits(row.text(6)) {
        return Err(StoreError::Invariant("a read returned a row outside its permit"));
    }
    let deleted = row.flag(3);
    let version = Version {
        kind: kind.into(),
        id: id.into(),
        version,
        updated_ms: row.int(2).unwrap_or_default(),
        method: Method::parse(row.text(4).unwrap_or_default()),
        body: Bytes::copy_from_slice(row.text(5).unwrap_or_default().as_bytes()),
    };
    Ok(if deleted { Found::Deleted(version) } else { Found::Present(version) })
}
