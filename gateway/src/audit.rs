//! Who saw or changed what: durable before the answer, for reads too.
//!
//! Records go to one task that writes all that wait in one statement and one commit, and only then lets their requests
//! answer. On SQLite the trail is a file of its own (`audit.db`), so that a read never waits behind a long import; on
//! PostgreSQL it is a table beside the internal ones. Where the trail cannot be written, no data leaves.

mod trail;

use consent::{OrganizationId, Purpose};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot};

use self::trail::Trail;
use crate::store::connection::{DbError, Engine};
use crate::store::pools::Pools;

/// Records that may wait; who comes after waits to be let in.
const QUEUE: usize = 4096;
/// Records of one commit.
const BATCH: usize = 512;
/// Connections that write the trail on PostgreSQL: while one commits the next gathers.
const POSTGRES_WRITERS: usize = 2;
/// How long a record may take before the trail counts as down.
const PATIENCE: Duration = Duration::from_secs(10);

/// One record: an exchange and what it touched.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose data.
    pub organization: OrganizationId,
    /// The caller's identifier (never a token).
    pub caller: Box<str>,
    /// The interaction's or operation's name.
    pub interaction: &'static str,
    /// The resource type.
    pub kind: Option<Box<str>>,
    /// The resource's id.
    pub id: Option<Box<str>>,
    /// Whose record it is, where that is known.
    pub patient: Option<Box<str>>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Why the caller asked.
    pub purpose: Purpose,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The request's id.
    pub request: Box<str>,
    /// The consent decision: `permit`, or the reason of a refusal.
    pub decision: &'static str,
}

/// The trail cannot be written: 503, and no data leaves.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditError {
    /// The store of the trail refused.
    #[error("the audit trail: {0}")]
    Store(DbError),
    /// It did not answer in time, or its task has ended.
    #[error("the audit trail does not answer")]
    Unavailable,
}

/// Records that are written together or not at all, and who waits for them.
struct Entry {
    events: Vec<Event>,
    done: oneshot::Sender<Result<(), AuditError>>,
}

/// A handle on the trail; cheap to clone. The trail closes when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Audit {
    queue: mpsc::Sender<Entry>,
}

impl Audit {
    /// Opens the trail that belongs to `pools`; on SQLite the file `audit.db` in `data_dir`, created if missing.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(pools: &Pools, data_dir: &Path) -> Result<Self, AuditError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let writers = if pools.engine() == Engine::Postgres { POSTGRES_WRITERS } else { 1 };
        for _ in 0..writers {
            let trail = Trail::open(pools, data_dir).await.map_err(AuditError::Store)?;
            tokio::spawn(write(trail, Arc::clone(&waiting), writers == 1));
        }
        Ok(Self { queue })
    }

    /// Records one event; returns when it is durable.
    ///
    /// # Errors
    /// [`AuditError`]: nothing was recorded, or it is not known.
    pub async fn record(&self, event: Event) -> Result<(), AuditError> {
        self.record_all(vec![event]).await
    }

    /// Records several events of one exchange, all or none; returns when they are durable.
    ///
    /// # Errors
    /// As [`Self::record`].
    pub async fn record_all(&self, events: Vec<Event>) -> Result<(), AuditError> {
        if events.is_empty() {
            return Ok(());
        }
        let (done, waiting) = oneshot::channel();
        let recorded = async {
            self.queue.send(Entry { events, done }).await.map_err(|_| AuditError::Unavailable)?;
            waiting.await.map_err(|_| AuditError::Unavailable)?
        };
        tokio::time::timeout(PATIENCE, recorded).await.unwrap_or(Err(AuditError::Unavailable))
    }
}

/// Writes what waits until nobody can record any more. A writer that is alone gathers for a moment what is about to come.
async fn write(mut trail: Trail, waiting: Arc<Mutex<mpsc::Receiver<Entry>>>, alone: bool) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut pace = Pace::default();
    loop {
        {
            // Held until this writer has its batch; another one takes what comes while it is committed.
            let mut waiting = waiting.lock().await;
            if waiting.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            if alone {
                pace.gather(&mut waiting, &mut batch).await;
            }
        }
        let begun = Instant::now();
        let result = {
            let events: Vec<&Event> = batch.iter().flat_map(|entry| &entry.events).collect();
            trail.append(&events).await
        };
        pace.committed(batch.len(), begun.elapsed());
        if let Err(error) = &result {
            tracing::error!(%error, records = batch.len(), "the audit trail cannot be written");
        }
        for entry in batch.drain(..) {
            // Who gave up waiting has been answered with an error: a record too many does no harm.
            let _ = entry.done.send(result.clone().map_err(AuditError::Store));
        }
    }
}

/// Who asks again as soon as it is answered would end up in every other commit, half of all callers in each: a short
/// wait for those who were in the commit before brings them together.
#[derive(Debug, Default)]
struct Pace {
    /// Records of the last commit and of the one before.
    last: [usize; 2],
    /// How long the last commit took.
    took: Duration,
}

impl Pace {
    /// Waits for as many records as the last two commits had together, at most a part of a commit's time. With one
    /// caller at a time there is nothing to wait for.
    async fn gather(&self, waiting: &mut mpsc::Receiver<Entry>, batch: &mut Vec<Entry>) {
        let expected = (self.last[0] + self.last[1]).min(BATCH);
        if self.last[0] < 2 {
            return;
        }
        let begun = Instant::now();
        while batch.len() < expected && begun.elapsed() < self.took / 3 {
            tokio::task::yield_now().await;
            while batch.len() < BATCH {
                let Ok(entry) = waiting.try_recv() else { break };
                batch.push(entry);
            }
        }
    }

    fn committed(&mut self, records: usize, took: Duration) {
        self.last = [records, self.last[0]];
        self.took = took.min(Duration::from_millis(2));
    }
}
