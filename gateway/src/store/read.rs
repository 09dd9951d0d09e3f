//! Reading one resource: <https://hl7.org/fhir/R4/http.html#read> and vread, one statement each.
//!
//! The current version's body is the snapshot that a read serves. It is exact because every foreign change leaves a row
//! in the outbox within its own transaction, and the same statement that reads the body sees whether there is one.

use std::sync::LazyLock;

use bytes::Bytes;
use consent::scoped::Deed;
use consent::{Permit, Predicate};

use crate::store::Store;
use crate::store::basis;
use crate::store::condition::Query;
use crate::store::connection::{Arg, Engine, Row};
use crate::store::consents::predicate::{Span, reached_by};
use crate::store::consents::{notice, redaction};
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::normalizing;
use crate::store::types::{Basis, Found, Method, Version};

/// Current state: one row always, so that the outbox is probed even for what is not there.
static CURRENT_SQLITE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "select exists(select 1 from outbox where organization_id = $1), \
         d.version, d.updated, d.deleted, v.method, v.body, {} \
         from (select 1) as one left join directory d on d.organization_id = $1 and d.type = $2 and d.id = $3 \
         left join resource_versions v on v.rid = d.rid and v.version = d.version",
        basis::COLUMNS
    )
});

/// The same through a function, which sets the organization for its own transaction: one round trip, and row-level
/// security holds through any pooler.
const CURRENT_POSTGRES: &str = "select pending, version, updated, deleted, method, body, patient, epoch, labels \
     from fhir_gateway.read_current($1, $2, $3)";

/// Where the basis is in a row, and (of what is narrowed) the row id.
const BASIS: usize = 6;
const RID: usize = 10;
/// Where it is told (of what is narrowed) whether it would be shown if Consents were applied that are not.
const OBSERVED: usize = 11;

/// What is read: the current version for `None`.
#[derive(Clone, Copy)]
struct Wanted<'w> {
    kind: &'w str,
    id: &'w str,
    version: Option<i64>,
}

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
        self.told(permit, Wanted { kind, id, version: None }, row).await
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
        self.told(permit, Wanted { kind, id, version: Some(version) }, row).await
    }

    /// What a row says; where Consents may hide what it speaks of, or it is looked at once more, all of that of one state.
    async fn told(&self, permit: &Permit, wanted: Wanted<'_>, row: Row) -> Result<Found, StoreError> {
        let Wanted { kind, id, version } = wanted;
        let is_confirmed = row.int(1).is_some() && version.is_none() && self.alarm_is_due(permit);
        let is_plain = || {
            let body = row.text(5).unwrap_or_default().as_bytes();
            !normalizing::merges(self.core(), permit.organization())
                && !notice::is_owed(permit, Basis::read(&row, BASIS).labels)
                && !redaction::may_redact(self.core(), permit, body)
        };
        if row.int(1).is_none() || (!is_confirmed && is_plain()) {
            return self.unapplied(permit, wanted, row).await;
        }
        let mut reading = self.snapshot(permit).await?;
        let query = narrowed(permit, kind, id, version, self.core().pools.engine());
        let row = reading.fetch_optional(&query.sql, &query.args).await?;
        let row = row.ok_or(StoreError::Invariant("the read probe gave no row"))?;
        let mut found = found(self.core(), permit, kind, id, &row)?;
        let span = if version.is_some() { Span::Ever } else { Span::Current };
        if let (true, Some(rid)) = (is_confirmed, row.int(RID)) {
            self.confirm_shown(permit, &mut reading, &[rid]).await?;
        }
        reading.show(self, permit, span, Vec::from_iter(read(&row, &mut found))).await?;
        reading.finish();
        Ok(found)
    }

    /// What a row says; where Consents are not applied and more than a default would decide on it, what it says by now, with what
    /// they would have come to.
    async fn unapplied(&self, permit: &Permit, wanted: Wanted<'_>, row: Row) -> Result<Found, StoreError> {
        let Wanted { kind, id, version } = wanted;
        let (Some(_), true) = (row.int(1), Basis::read(&row, BASIS).is_open(permit)) else {
            return found(self.core(), permit, kind, id, &row);
        };
        // What was read by the short statement is asked about by the long one.
        let row = if version.is_none() && permit.predicate().is_unrestricted() {
            self.narrowed(permit, kind, id, None).await?
        } else {
            row
        };
        found(self.core(), permit, kind, id, &row)
    }

    async fn current(&self, permit: &Permit, kind: &str, id: &str) -> Result<Row, StoreError> {
        if !permit.predicate().is_unrestricted() {
            return self.narrowed(permit, kind, id, None).await;
        }
        let mut connection = self.core().pools.reader().await?;
        let args = [Arg::Int(permit.organization().0), Arg::Text(kind), Arg::Text(id)];
        let sql = match connection.engine() {
            Engine::Postgres => CURRENT_POSTGRES,
            Engine::Sqlite => &CURRENT_SQLITE,
        };
        let row = connection.fetch_optional(sql, &args).await?;
        row.ok_or(StoreError::Invariant("the read probe gave no row"))
    }

    /// The probe and a version (the current one for `None`) under the permit's predicate.
    async fn narrowed(&self, permit: &Permit, kind: &str, id: &str, version: Option<i64>) -> Result<Row, StoreError> {
        let query = narrowed(permit, kind, id, version, self.core().pools.engine());
        let mut reading = self.reading(permit).await?;
        let mut row = reading.fetch_optional(&query.sql, &query.args).await?;
        reading.finish();
        // Consents are settled before they are asked; what else waits is the caller's to settle.
        if matches!(permit.predicate(), Predicate::Consents(_)) && row.as_ref().is_none_or(|row| row.flag(0)) {
            let mut reading = self.snapshot(permit).await?;
            row = reading.fetch_optional(&query.sql, &query.args).await?;
            reading.finish();
        }
        row.ok_or(StoreError::Invariant("the read probe gave no row"))
    }
}

/// The statement behind a read under the permit's predicate: the probe of the outbox, and a version (the current one for
/// `None`).
pub(super) fn narrowed<'a>(
    permit: &'a Permit,
    kind: &'a str,
    id: &'a str,
    version: Option<i64>,
    engine: Engine,
) -> Query<'a> {
    let mut query = Query::default();
    let organization = query.arg(Arg::Int(permit.organization().0));
    let (wanted, kind) = (kind, query.arg(Arg::Text(kind)));
    let id = query.arg(Arg::Text(id));
    let span = if version.is_some() { Span::Ever } else { Span::Current };
    let predicate = query.predicate(permit.predicate(), ("d", &[wanted]), span, engine);
    let readable = match permit.predicate() {
        Predicate::Consents(asked) => reached_by(asked, Deed::Read, ("d", &[wanted]), &mut query),
        _ => None,
    };
    let predicate = readable.map_or_else(|| predicate.clone(), |readable| format!("{readable} and {predicate}"));
    let observed = permit.observed().map(|observed| query.predicate(observed, ("d", &[wanted]), span, engine));
    let observed = observed.map_or_else(|| "null".to_owned(), |shown| format!("case when {shown} then 1 else 0 end"));
    let version = version.map_or_else(|| "d.version".to_owned(), |version| query.arg(Arg::Int(version)));
    query.push(&format!(
        "select exists(select 1 from outbox where organization_id = {organization}), \
         v.version, v.updated, v.deleted, v.method, v.body, {}, d.rid, {observed} from (select 1) as one \
         left join directory d on d.organization_id = {organization} and d.type = {kind} and d.id = {id} and {predicate} \
         left join resource_versions v on v.rid = d.rid and v.version = {version}",
        basis::COLUMNS
    ));
    query
}

/// What a row of [`narrowed`] showed, by its row id.
pub(super) fn read<'f>(row: &Row, found: &'f mut Found) -> Option<(i64, &'f mut Version)> {
    match found {
        Found::Present(version) | Found::Deleted(version) => Some((row.int(RID)?, version)),
        Found::Unknown => None,
    }
}

/// What a row of the read statements says (a long one also what Consents would have come to). The predicate has been applied; that it
/// holds is checked once more, as an alarm.
pub(super) fn found(core: &Core, permit: &Permit, kind: &str, id: &str, row: &Row) -> Result<Found, StoreError> {
    let Some(version) = row.int(1) else { return Ok(Found::Unknown) };
    if !permit.predicate().admits(row.text(BASIS)) || !permit.predicate().admits_scoped(kind, row.text(BASIS)) {
        return Err(StoreError::Invariant("a read returned a row outside its permit"));
    }
    let deleted = row.flag(3);
    let mut version = Version {
        kind: kind.into(),
        id: id.into(),
        version,
        updated_ms: row.int(2).unwrap_or_default(),
        method: Method::parse(row.text(4).unwrap_or_default()),
        body: Bytes::copy_from_slice(row.text(5).unwrap_or_default().as_bytes()),
        basis: Basis::read_past(core, row, BASIS, (kind, id, row.text(5).unwrap_or_default().as_bytes())),
    };
    if row.width() > OBSERVED {
        version.basis.would_deny = version.basis.is_open(permit) && !row.flag(OBSERVED);
    }
    Ok(if deleted { Found::Deleted(version) } else { Found::Present(version) })
}
