//! One run of retention, by the command or by the server: one at a time, and on record in the trail.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use consent::{OrganizationId, Purpose};

use super::super::verify::{self, Known, Report};
use super::super::{Audit, AuditError, Circumstances, Event};
use super::{Part, RetainError, due, owner, retire};
use crate::clock::Clock;
use crate::gateway::{DEFAULT_ORGANIZATION, Gateway};
use crate::store::connection::{Connection, DbError, Engine};
use crate::store::pools::Pools;

/// The file in the data directory that whoever is at work holds.
const LOCK_FILE: &str = "audit-retain.lock";
/// The lock among PostgreSQL's advisory locks ("retain" as ASCII).
const LOCK: i64 = 0x7265_7461_696e;

/// What is due, and whether the whole trail is as it was written.
///
/// # Errors
/// The database's.
pub(crate) async fn look(
    pools: &Pools,
    data_dir: &Path,
    known: &Known,
    cutoff: i64,
) -> Result<(Report, Vec<Part>), DbError> {
    let mut connection = verify::reader(pools, data_dir).await?;
    let report = verify::verify(&mut connection, known, |_| {}).await?;
    Ok((report, due(&mut connection, cutoff).await?))
}

/// Whoever may export and drop now; everybody else is kept from that until it is dropped.
pub(crate) struct Run {
    connection: Connection,
    /// Held, too: on SQLite there is no other lock.
    _lock: File,
}

impl Run {
    /// `None` where another one is at work.
    ///
    /// # Errors
    /// The database's, or the lock's file cannot be made.
    pub(crate) async fn begin(pools: &Pools, data_dir: &Path) -> Result<Option<Self>, RetainError> {
        std::fs::create_dir_all(data_dir)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(data_dir.join(LOCK_FILE))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let mut connection = owner(pools, data_dir).await?;
        if connection.engine() == Engine::Postgres {
            // Until the connection ends.
            let row = connection.fetch_optional(&format!("select pg_try_advisory_lock({LOCK})"), &[]).await?;
            if !row.is_some_and(|row| row.flag(0)) {
                return Ok(None);
            }
        }
        Ok(Some(Self { connection, _lock: lock }))
    }

    /// Verifies the whole trail, exports to a folder what is older than `cutoff`, lets `record` put on record what is going to be
    /// dropped (with the hash of the export's manifest), and drops it. What was dropped: nothing where nothing was due.
    ///
    /// # Errors
    /// [`RetainError`]
    pub(crate) async fn go(
        &mut self,
        (pools, data_dir): (&Pools, &Path),
        known: &Known,
        folder: &Path,
        (cutoff, now_ms): (i64, i64),
        record: impl AsyncFnOnce(&[Part], &str) -> Result<(), AuditError>,
    ) -> Result<Vec<Part>, RetainError> {
        let (report, parts) = look(pools, data_dir, known, cutoff).await?;
        if report.found > 0 {
            return Err(RetainError::Tampered);
        }
        if !parts.is_empty() {
            let place = (data_dir, &known.signers);
            let record = async |manifest: &str| record(&parts, manifest).await;
            retire(&mut self.connection, place, folder, &parts, (cutoff, now_ms), record).await?;
        }
        Ok(parts)
    }
}

/// Records in the trail that a run drops these parts (or, without any, that it failed): one record for each organization, whose
/// request says how much, up to when, and the manifest's hash.
///
/// # Errors
/// The trail cannot be written.
pub(crate) async fn record(
    audit: &Audit,
    program: &str,
    done: Option<(&[Part], &str)>,
    (cutoff, now_ms): (i64, i64),
) -> Result<(), AuditError> {
    let before = Clock::format(cutoff);
    let event = |organization: i64, request: String, status: u16| {
        let operator = Gateway::operator_running(program);
        let organization = OrganizationId(organization);
        let of = Circumstances {
            client: operator.client.as_deref().map(Into::into),
            ..Circumstances::unknown(organization, &operator.id, &request, Purpose::Hoperat)
        };
        Event::new(of, "retain", status, now_ms)
    };
    let Some((parts, manifest)) = done else {
        return audit.record(event(DEFAULT_ORGANIZATION.0, format!("before={before}"), 500)).await;
    };
    let mut events = Vec::new();
    let organizations: BTreeSet<i64> = parts.iter().map(|part| part.organization).collect();
    for organization in organizations {
        let own = || parts.iter().filter(|part| part.organization == organization);
        let (records, chains) = (own().map(Part::records).sum::<u64>(), own().count());
        let request = format!("records={records} chains={chains} before={before} manifest={manifest}");
        events.push(event(organization, request, 200));
    }
    audit.record_all(events).await
}
