//! Months of the trail that go as a whole (PostgreSQL): a partition is dropped, not row by row.
//!
//! A month whose records are all exported is dropped in one transaction with the statements of their chains. The few that
//! stay (the batch of a link over midnight, a chain that is not due) are copied as they are into a partition of the same month.

use std::collections::BTreeMap;

use super::dropping::{Dropping, drop_records, portion};
use super::{Part, Statement};
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine, Row};
use crate::store::dialect::quote;

/// Records of a month that may stay: they are copied while nobody adds one to that month.
const STAYING: i64 = 10_000;
/// How long all others are kept from writing the trail at most, in milliseconds. Where that is not enough, rows are deleted.
const PATIENCE: u32 = 2000;
/// A part, as a key: up to which place its records go, or up to which key those from before there were chains.
const KEYS: [BulkColumn<'static>; 3] =
    [("organization_id", BulkType::Int), ("chain", BulkType::Int), ("until", BulkType::Int)];
/// Whether a record `e` is of a part `k`.
const OF_PART: &str = "k.organization_id = e.organization_id and k.chain = coalesce(e.chain, 0) \
     and (case when e.chain is null then e.seq else e.place end) <= k.until";

/// How far each part was dropped, by organization and chain.
pub(super) type Dropped = BTreeMap<(i64, i64), Statement>;

/// A month's partition.
struct Month {
    /// In the catalog's spelling.
    name: String,
    low: Option<i64>,
    high: i64,
}

impl Month {
    fn of(row: &Row) -> Option<Self> {
        Some(Self { name: row.text(0)?.to_owned(), low: row.int(1), high: row.int(2)? })
    }

    fn table(&self) -> String {
        format!("fhir_gateway.{}", quote(&self.name))
    }
}

/// Drops the months of which (nearly) all is in the parts, the oldest first. On SQLite there are none.
///
/// # Errors
/// The database's. A month that somebody keeps busy is left to be deleted row by row.
pub(super) async fn drop_whole(
    connection: &mut Connection,
    drop: &Dropping<'_>,
    parts: &[Part],
) -> Result<Dropped, DbError> {
    let mut dropped = Dropped::new();
    if connection.engine() == Engine::Sqlite || parts.is_empty() {
        return Ok(dropped);
    }
    let sql = "select name, low, high from fhir_gateway.audit_partitions where high <= $1 order by high";
    let rows = connection.fetch(sql, &[Arg::Int(drop.cutoff)]).await?;
    let months: Vec<Month> = rows.iter().filter_map(Month::of).collect();
    for month in months {
        connection.begin_plain().await?;
        match drop_month(connection, drop, parts, &month).await {
            Ok(Some(statements)) => {
                connection.commit().await?;
                dropped.extend(statements);
            }
            Ok(None) => connection.rollback().await?,
            Err(error) => {
                connection.rollback_if_open().await;
                if !error.is_lock_timeout() && !error.is_retryable() {
                    return Err(error);
                }
                tracing::warn!(%error, "a month of the audit trail is in use, and is deleted row by row");
            }
        }
    }
    Ok(dropped)
}

/// Drops one month in the open transaction; `None` where too much of it stays.
async fn drop_month(
    connection: &mut Connection,
    drop: &Dropping<'_>,
    parts: &[Part],
    month: &Month,
) -> Result<Option<Dropped>, DbError> {
    let table = month.table();
    let keys: Vec<Arg<'_>> = parts
        .iter()
        .flat_map(|part| [part.organization, part.chain, if part.chain == 0 { part.key } else { part.last }])
        .map(Arg::Int)
        .collect();
    // From here on nobody adds a record to this month: only a clock that is years behind would.
    connection
        .script(&format!(
            "set local lock_timeout = {PATIENCE}; set local app.audit_upkeep = 'on'; lock table {table} in share mode"
        ))
        .await?;
    let sql = format!(
        "select count(*) filter (where k.chain is null), count(k.chain) from {table} e left join {{keys}} on {OF_PART}"
    );
    let counts = bulk::fetch_by_keys(connection, &sql, &[], &KEYS, &keys).await?;
    let [staying, leaving] = [0, 1].map(|place| counts.first().and_then(|row| row.int(place)).unwrap_or(i64::MAX));
    if staying > STAYING.min(leaving) {
        return Ok(None);
    }
    let sql = format!(
        "select e.organization_id, coalesce(e.chain, 0), max(e.place) from {table} e join {{keys}} on {OF_PART} group by 1, 2"
    );
    let reached = bulk::fetch_by_keys(connection, &sql, &[], &KEYS, &keys).await?;
    let reached: BTreeMap<(i64, i64), i64> =
        reached.iter().filter_map(|row| Some(((row.int(0)?, row.int(1)?), row.int(2).unwrap_or(0)))).collect();
    let mut statements = Dropped::new();
    for part in parts {
        let key = (part.organization, part.chain);
        let Some(place) = reached.get(&key) else { continue };
        connection.set_organization(part.organization).await?;
        let end = portion(connection, part, *place).await?;
        let statement = drop.state(connection, part, end).await?;
        // The rest of a link's records lies in other months.
        drop_records(connection, part, &statement, Some((month.low.unwrap_or(i64::MIN), month.high))).await?;
        statements.insert(key, statement);
    }
    let rest = format!("fhir_gateway.{}", quote(&format!("{}_rest", month.name)));
    if staying > 0 {
        connection
            .script(&format!(
                "create table {rest} (like fhir_gateway.audit_events including storage including compression)"
            ))
            .await?;
        let sql = format!(
            "insert into {rest} select e.* from {table} e where not exists (select from {{keys}} where {OF_PART})"
        );
        bulk::execute_by_keys(connection, &sql, &[], &KEYS, &keys).await?;
    }
    // Who writes the trail waits from here to the commit.
    connection
        .script(&format!("lock table only fhir_gateway.audit_events in access exclusive mode; drop table {table}"))
        .await?;
    if staying > 0 {
        connection.script(&format!("alter table {rest} rename to {}", quote(&month.name))).await?;
        let low = month.low.map_or_else(|| "minvalue".to_owned(), |low| low.to_string());
        let bounds = format!("for values from ({low}) to ({})", month.high);
        let sql = "select fhir_gateway.attach_audit_partition($1, $2)";
        connection.execute(sql, &[Arg::Text(&month.name), Arg::Text(&bounds)]).await?;
    }
    Ok(Some(statements))
}
