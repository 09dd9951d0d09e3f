//! What the trail needs while a server runs: partitions of the coming months (PostgreSQL), and retention where it is told to.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use mappers::calendar::civil;

use super::chain::prefix;
use super::retention::run::{Run, record};
use super::retention::{self, Part, RetainError, UNFINISHED};
use super::verify::{Known, reader};
use crate::clock::Clock;
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::store::connection::{Arg, DbError, Engine};
use crate::store::dialect;
use crate::store::incident::Kind;
use crate::store::pools::Pools;

/// Seven years.
pub(crate) const DAYS: u32 = 2555;
/// Six years: what documentation has to be kept, 45 CFR 164.316(b)(2)(i), and how far back an accounting of disclosures goes.
pub(crate) const LEAST_DAYS: u32 = 2192;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often somebody looks whether a day has passed.
const ROUND: Duration = Duration::from_secs(60 * 60);
/// How long after a run the next one is: about a day, whenever in the hour somebody looks.
const REST_MS: i64 = DAY_MS - 90 * 60 * 1000;
/// How far the clock of the server and that of the database may be apart where records are dropped by them.
const SKEW_MS: i64 = 60 * 60 * 1000;
/// How old the newest link of a trail may be where records are dropped by the server's clock alone.
const ASLEEP_MS: i64 = 90 * DAY_MS;

/// How long the trail is kept, and where what is older goes.
#[derive(Clone, Debug)]
pub struct Retention {
    /// The folder that each export is a folder of.
    pub folder: PathBuf,
    /// How many days records are kept at least: what is dropped are whole months.
    pub days: u32,
    /// Public keys that may have signed heads, beside the data directory's.
    pub keys: Vec<String>,
    /// Where the key and the heads are.
    pub data_dir: PathBuf,
}

impl Retention {
    /// The first instant of the month that holds the first day which is kept.
    fn cutoff(&self, now_ms: i64) -> i64 {
        let day = (now_ms - i64::from(self.days) * DAY_MS).div_euclid(DAY_MS);
        (day - civil(day).2 + 1) * DAY_MS
    }
}

/// Makes what is missing of the partitions (PostgreSQL). Where that fails, records wait in the default partition for another day.
pub(crate) async fn prepare(pools: &Pools) {
    if pools.engine() == Engine::Sqlite {
        return;
    }
    let made = async {
        let sql = "select fhir_gateway.prepare_audit_partitions()";
        pools.writer().await?.fetch_optional(sql, &[]).await
    };
    match made.await {
        Ok(row) => {
            let made = row.and_then(|row| row.int(0)).unwrap_or(0);
            if made > 0 {
                tracing::info!(made, "partitions of the audit trail were made");
            }
        }
        Err(error) => tracing::warn!(%error, "partitions of the audit trail could not be made; it is tried again"),
    }
}

/// Does so from now on, until the handle is aborted or the gateway is gone.
pub(crate) fn keep(gateway: &Arc<Gateway>) -> tokio::task::JoinHandle<()> {
    let gateway: Weak<Gateway> = Arc::downgrade(gateway);
    tokio::spawn(async move {
        let mut failing = false;
        let mut tried_ms = i64::MIN;
        while let Some(gateway) = gateway.upgrade() {
            prepare(&gateway.store.core().pools).await;
            let now_ms = gateway.clock.now_ms();
            if let Some(retention) = &gateway.retention
                && now_ms.saturating_sub(tried_ms) >= REST_MS
            {
                tried_ms = now_ms;
                let done = match agreed(&gateway, retention, now_ms).await {
                    Ok(true) => run(&gateway, retention, now_ms).await,
                    Ok(false) => Err(RetainError::Clock),
                    Err(error) => Err(error.into()),
                };
                match done {
                    Ok(()) => failing = false,
                    Err(error) => {
                        tell(&gateway, &error, !failing, (retention.cutoff(now_ms), now_ms)).await;
                        failing = true;
                    }
                }
            }
            drop(gateway);
            tokio::time::sleep(ROUND).await;
        }
    })
}

/// Whether what says how old records are tells the time that others tell: the database's clock (PostgreSQL), and in any case the
/// newest link of the trail, which is not years old where a server runs. A clock that is wrong by years would drop what is young.
async fn agreed(gateway: &Gateway, retention: &Retention, now_ms: i64) -> Result<bool, DbError> {
    let pools = &gateway.store.core().pools;
    let engine = pools.engine();
    let mut connection = reader(pools, &retention.data_dir).await?;
    let newest = format!("select max(at) from {}audit_links where organization_id = $1", prefix(engine));
    let (newest, clock) = match engine {
        Engine::Sqlite => (connection.fetch_optional(&newest, &[Arg::Int(DEFAULT_ORGANIZATION.0)]).await?, None),
        Engine::Postgres => {
            let clock = format!("select {}", dialect::now_ms(engine));
            (None, connection.fetch_optional(&clock, &[]).await?.and_then(|row| row.int(0)))
        }
    };
    let newest = newest.and_then(|row| row.int(0));
    let is_near = |other: i64, most: i64| now_ms.abs_diff(other) <= most.unsigned_abs();
    Ok(clock.is_none_or(|clock| is_near(clock, SKEW_MS)) && newest.is_none_or(|newest| is_near(newest, ASLEEP_MS)))
}

/// One day's work.
async fn run(gateway: &Gateway, retention: &Retention, now_ms: i64) -> Result<(), RetainError> {
    let (pools, data_dir) = (&gateway.store.core().pools, &*retention.data_dir);
    let cutoff = retention.cutoff(now_ms);
    // Before the database: the heads must not be newer than what is read there.
    let known = Known::read(data_dir, None, &retention.keys).map_err(io::Error::other)?;
    if !is_time(pools, data_dir, (cutoff, now_ms)).await? {
        return Ok(());
    }
    let Some(mut run) = Run::begin(pools, data_dir).await? else { return Ok(()) };
    std::fs::create_dir_all(&retention.folder)?;
    clear(&retention.folder)?;
    let name = format!("{NAME}{}-{}", day(cutoff), Clock::format(now_ms).replace([':', '.', '-'], ""));
    let folder = retention.folder.join(name);
    let recorded = async |parts: &[Part], manifest: &str| {
        record(&gateway.audit, "serve", Some((parts, manifest)), (cutoff, now_ms)).await
    };
    let parts = match run.go((pools, data_dir), &known, &folder, (cutoff, now_ms), recorded).await {
        Ok(parts) => parts,
        Err(error) => {
            // An export of which nothing was dropped is one more copy of the trail, every day that it fails.
            let mut connection = reader(pools, data_dir).await?;
            let statements = retention::statements(&mut connection).await?;
            if folder.exists() && !statements.iter().any(|statement| statement.made == now_ms) {
                std::fs::remove_dir_all(&folder)?;
            }
            return Err(error);
        }
    };
    if parts.is_empty() {
        return Ok(());
    }
    let records: u64 = parts.iter().map(Part::records).sum();
    tracing::info!(
        records,
        chains = parts.len(),
        before = day(cutoff),
        "records of the audit trail were exported and dropped"
    );
    Ok(())
}

/// How the names of exports begin.
const NAME: &str = "audit-before-";

fn day(ms: i64) -> String {
    Clock::format(ms).chars().take(10).collect()
}

/// Whether something is due, and nobody has done it a moment ago: the whole trail is verified for it.
async fn is_time(pools: &Pools, data_dir: &Path, (cutoff, now_ms): (i64, i64)) -> Result<bool, DbError> {
    let mut connection = reader(pools, data_dir).await?;
    let statements = retention::statements(&mut connection).await?;
    let is_new = |made: i64| made <= now_ms && now_ms.saturating_sub(made) < REST_MS;
    if statements.iter().any(|statement| is_new(statement.made)) {
        return Ok(false);
    }
    retention::is_due(&mut connection, cutoff).await
}

/// What a run that was killed has left.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(NAME) && name.ends_with(UNFINISHED)) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Logs a failure, and the first of several in a row also goes on record and into the register of incidents.
async fn tell(gateway: &Gateway, error: &RetainError, first: bool, times: (i64, i64)) {
    tracing::error!(%error, "records of the audit trail could not be exported and dropped; it is tried again tomorrow");
    if !first {
        return;
    }
    if let Err(error) = record(&gateway.audit, "serve", None, times).await {
        tracing::error!(%error, "that could not be recorded");
    }
    let kind = if matches!(error, RetainError::Tampered) { Kind::AuditTrail } else { Kind::AuditRetention };
    let Ok(permit) = gateway.upkeep(DEFAULT_ORGANIZATION) else { return };
    if let Err(error) = gateway.store.record_incident(&permit, kind, &[]).await {
        tracing::error!(%error, "the incident could not be recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_months_are_dropped_that_are_old_enough() {
        let retention = |days| Retention { folder: "e".into(), days, keys: Vec::new(), data_dir: "d".into() };
        for (now, days, expected) in [
            ("2026-11-29T18:00:00Z", 28, "2026-11-01"),
            ("2026-11-29T18:00:00Z", 29, "2026-10-01"),
            ("2026-11-01T00:00:00Z", 31, "2026-10-01"),
            ("2026-11-01T00:00:00Z", 1, "2026-10-01"),
            ("2026-01-01T00:00:00Z", DAYS, "2019-01-01"),
        ] {
            assert_eq!(day(retention(days).cutoff(Clock::parse(now).unwrap())), expected, "{now} {days}");
        }
    }
}
