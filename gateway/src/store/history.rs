//! History of a resource, a type, or everything: <https://hl7.org/fhir/R4/http.html#history>.
//!
//! Newest first, by keyset over (lastUpdated, row id, version): no page repeats or skips a version while others write.

use bytes::Bytes;
use consent::Permit;

use crate::store::Store;
use crate::store::basis;
use crate::store::condition::Query;
use crate::store::connection::{Arg, Engine, Row};
use crate::store::consents::predicate::Span;
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::types::{Basis, History, HistoryKey, HistoryPage, Method, ResourceKey, Version};

impl Store {
    /// A page of history.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn history(&self, permit: &Permit, history: &History) -> Result<HistoryPage, StoreError> {
        let query = statement(permit, history, self.core().pools.engine());
        let mut reading = self.snapshot(permit).await?;
        let rows = reading.fetch(&query.sql, &query.args).await?;
        let next = (rows.len() > history.count).then(|| key(&rows[history.count - 1]));
        let mut versions: Vec<Version> = rows.iter().take(history.count).map(|row| version(self.core(), row)).collect();
        let rids = rows.iter().map(|row| row.int(1).unwrap_or_default());
        reading.show(self, permit, Span::Ever, rids.zip(&mut versions).collect()).await?;
        reading.finish();
        Ok(HistoryPage { versions, next })
    }
}

fn statement<'a>(permit: &'a Permit, history: &'a History, engine: Engine) -> Query<'a> {
    let mut query = Query::default();
    let organization = query.arg(Arg::Int(permit.organization().0));
    let mut conditions = vec![format!("v.organization_id = {organization}")];
    if let Some(kind) = &history.kind {
        let kind = query.arg(Arg::Text(kind));
        conditions.push(format!("v.type = {kind}"));
        if let Some(id) = &history.id {
            let id = query.arg(Arg::Text(id));
            conditions.push(format!(
                "v.rid = (select rid from directory where organization_id = {organization} and type = {kind} and id = {id})"
            ));
        }
    }
    if let Some(since) = history.since_ms {
        let since = query.arg(Arg::Int(since));
        conditions.push(format!("v.updated >= {since}"));
    }
    if let Some((from, until)) = history.current_ms {
        let from = query.arg(Arg::Int(from));
        let until = query.arg(Arg::Int(until));
        // A version is current until the next one. What is deleted has no current version: a deletion counts when it happened.
        conditions.push(format!(
            "v.updated < {until} and (v.deleted = 0 or v.updated >= {from}) and not exists (select 1 from resource_versions n \
             where n.rid = v.rid and n.version = v.version + 1 and n.updated <= {from})"
        ));
    }
    if let Some(after) = &history.after {
        let updated = query.arg(Arg::Int(after.updated_ms));
        let rid = query.rid_of(permit, &after.resource);
        let version = query.arg(Arg::Int(after.version));
        conditions.push(format!("(v.updated, v.rid, v.version) < ({updated}, {rid}, {version})"));
    }
    let kinds: Vec<&str> = history.kind.as_deref().into_iter().collect();
    conditions.push(query.predicate(permit.predicate(), ("d", &kinds), Span::Ever, engine));
    let limit = query.arg(Arg::Int(i64::try_from(history.count).unwrap_or(i64::MAX).saturating_add(1)));
    query.push(&format!(
        "select v.updated, v.rid, v.version, v.type, v.id, v.method, v.body, {} \
         from resource_versions v join directory d on d.rid = v.rid where {} \
         order by v.updated desc, v.rid desc, v.version desc limit {limit}",
        basis::COLUMNS,
        conditions.join(" and ")
    ));
    query
}

fn key(row: &Row) -> HistoryKey {
    HistoryKey {
        updated_ms: row.int(0).unwrap_or_default(),
        resource: ResourceKey {
            kind: row.text(3).unwrap_or_default().into(),
            id: row.text(4).unwrap_or_default().into(),
        },
        version: row.int(2).unwrap_or_default(),
    }
}

fn version(core: &Core, row: &Row) -> Version {
    let text = |place| row.text(place).unwrap_or_default();
    Version {
        kind: text(3).into(),
        id: text(4).into(),
        version: row.int(2).unwrap_or_default(),
        updated_ms: row.int(0).unwrap_or_default(),
        method: Method::parse(row.text(5).unwrap_or_default()),
        body: Bytes::copy_from_slice(text(6).as_bytes()),
        basis: Basis::read_past(core, row, 7, (text(3), text(4), text(6).as_bytes())),
    }
}
