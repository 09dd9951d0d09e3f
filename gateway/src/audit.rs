//! Who saw or changed what: durable before the answer, for reads too.
//!
//! Records go to one task that writes all that wait in one statement and one commit, and only then lets their requests
//! answer. On SQLite the trail is a file of its own (`audit.db`), so that a read never waits behind a long import; on
//! PostgreSQL it is a table beside the internal ones. Where the trail cannot be written, no data leaves.
//!
//! Each commit adds a link to a chain of hashes (`chain`), and heads of chains are signed and kept apart from the
//! database (`heads`): what was changed, taken out, put in or cut off afterwards is found.

mod chain;
pub(crate) mod claim;
pub(crate) mod heads;
pub(crate) mod merkle;
pub(crate) mod nature;
pub(crate) mod reading;
mod record;
mod records;
pub(crate) mod resource;
pub(crate) mod retention;
mod trail;
pub(crate) mod upkeep;
pub(crate) mod verify;

use consent::{Caller, OrganizationId, Purpose};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use self::chain::Chain;
use self::heads::Signer;
use self::reading::Reader;
use self::trail::Trail;
pub(crate) use self::trail::begin_chains;
use crate::gateway::Gateway;
use crate::metrics::AuditSeries;
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

/// What all records of an exchange say alike.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// Whose data.
    pub organization: OrganizationId,
    /// The caller's identifier (never a token).
    pub caller: Box<str>,
    /// The program that the caller acts through: a client's id, or the command at the command line.
    pub client: Option<Box<str>>,
    /// Whom the caller acts for, in the terms of Consents (`Type/id`), with spaces between.
    pub on_behalf: Option<Box<str>>,
    /// The [`address`] that the request came from; `None` where it did not come by the network.
    pub source: Option<Box<str>>,
    /// The request's id.
    pub request: Box<str>,
    /// Why the caller asked.
    pub purpose: Purpose,
    /// The version of the policy that was decided by; `None` where there was nothing to decide.
    pub policy: Option<Arc<str>>,
}

/// One record: an exchange and what it touched.
#[derive(Clone, Debug)]
pub struct Event {
    /// The exchange.
    pub of: Arc<Circumstances>,
    /// The interaction's or operation's name.
    pub interaction: &'static str,
    /// The resource type.
    pub kind: Option<Box<str>>,
    /// The resource's id.
    pub id: Option<Box<str>>,
    /// The version that was shown or made.
    pub version: Option<i64>,
    /// Whose record it is, where that is known.
    pub patient: Option<Box<str>>,
    /// The epoch of that patient's Consents which was decided by; 0 where there never was one.
    pub epoch: Option<i64>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// What was decided.
    pub decision: Decision,
}

/// What was decided of an exchange, or of a resource that it touched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// It was permitted.
    Permit,
    /// It was permitted and done, for Consents and statute are not applied here: had they been, it would not have been.
    PermitWouldDeny,
    /// It was permitted under a glass that the caller had broken.
    PermitBreakGlass,
    /// It was refused.
    Refused,
    /// Nobody knows who asked, so nothing was done.
    Unauthenticated,
}

impl Event {
    /// Of an exchange that touched nothing, or nothing that is named yet: permitted, with this status at this time (ms).
    #[must_use]
    pub fn new(of: impl Into<Arc<Circumstances>>, interaction: &'static str, status: u16, at_ms: i64) -> Self {
        let (kind, id, version, patient, epoch) = Default::default();
        let decision = Decision::Permit;
        Self { of: of.into(), interaction, kind, id, version, patient, epoch, status, at_ms, decision }
    }
}

impl Circumstances {
    /// Of somebody of whom no more than a name is known, where no policy was asked.
    #[must_use]
    pub fn unknown(organization: OrganizationId, caller: &str, request: &str, purpose: Purpose) -> Self {
        let (client, on_behalf, source, policy) = Default::default();
        Self {
            organization,
            caller: caller.into(),
            client,
            on_behalf,
            source,
            request: request.into(),
            purpose,
            policy,
        }
    }

    /// Those of an exchange of this caller that did not come by the network.
    #[must_use]
    pub fn of(gateway: &Gateway, caller: &Caller, purpose: Purpose, request: &str) -> Self {
        Self {
            organization: caller.organization,
            caller: caller.id.as_str().into(),
            client: caller.client.as_deref().map(Into::into),
            on_behalf: (!caller.actors.is_empty()).then(|| caller.actors.join(" ").into()),
            source: None,
            request: request.into(),
            purpose,
            policy: Some(gateway.policy_version()),
        }
    }
}

/// How an address stands in the trail: an IPv4 address is one however it arrived.
#[must_use]
pub fn address(address: IpAddr) -> Box<str> {
    address.to_canonical().to_string().into()
}

impl Decision {
    /// Of what was done, which enforcement would have denied or not.
    #[must_use]
    pub fn of(would_deny: bool) -> Self {
        if would_deny { Self::PermitWouldDeny } else { Self::Permit }
    }

    /// The word in the trail. What begins with `permit` was done.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::PermitWouldDeny => "permit-would-deny",
            Self::PermitBreakGlass => "permit-break-glass",
            Self::Refused => "refused",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

/// The trail cannot be written: 503, and no data leaves.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditError {
    /// The key that signs its heads cannot be made or read.
    #[error("the audit trail's key: {0}")]
    Key(Box<str>),
    /// The store of the trail refused.
    #[error("the audit trail: {0}")]
    Store(DbError),
    /// It did not answer in time, or its task has ended.
    #[error("the audit trail does not answer")]
    Unavailable,
}

/// What could not be written since somebody asked the last time.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    records: AtomicBool,
    heads: AtomicBool,
}

impl Faults {
    /// A word for each thing that could not be written; nothing is told twice.
    pub(crate) fn take(&self) -> impl Iterator<Item = &'static str> {
        let faults = [("records", &self.records), ("heads", &self.heads)];
        faults.map(|(word, fault)| fault.swap(false, Ordering::Relaxed).then_some(word)).into_iter().flatten()
    }

    fn of_heads(&self) {
        self.heads.store(true, Ordering::Relaxed);
    }
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
    /// What reads it.
    reader: Arc<Reader>,
    /// Nothing is ever sent: it ends with the last work on the trail.
    working: watch::Receiver<()>,
    faults: Arc<Faults>,
    series: Arc<AuditSeries>,
}

/// Waits for the trail to be closed: for its last heads to be signed and on disk.
#[derive(Debug)]
pub struct Closing(watch::Receiver<()>);

impl Closing {
    /// Returns when it is, or after a time that is enough unless somebody still holds the trail.
    pub async fn wait(mut self) {
        let closed = async { while self.0.changed().await.is_ok() {} };
        if tokio::time::timeout(PATIENCE, closed).await.is_err() {
            tracing::warn!("the audit trail was not closed in time: its last heads may not be signed");
        }
    }
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
        let signer = Arc::new(Signer::open(data_dir).map_err(|error| AuditError::Key(error.to_string().into()))?);
        let (tell, told) = mpsc::unbounded_channel();
        let faults = Arc::<Faults>::default();
        let of_heads = Arc::clone(&faults);
        let series = Arc::<AuditSeries>::default();
        for _ in 0..writers {
            let trail = Trail::open(pools, data_dir, Arc::clone(&signer)).await.map_err(AuditError::Store)?;
            let told = (Arc::clone(&faults), Arc::clone(&series));
            tokio::spawn(write(trail, Arc::clone(&waiting), writers == 1, tell.clone(), told));
        }
        let (work, working) = watch::channel(());
        let path = data_dir.join(heads::FILE);
        tokio::spawn(async move {
            heads::keep(signer, path, told, &of_heads).await;
            drop(work);
        });
        let reader = Arc::new(Reader::of(pools, data_dir));
        Ok(Self { queue, reader, working, faults, series })
    }

    /// What cannot be written, for whoever tells of it. It does not keep the trail open.
    pub(crate) fn faults(&self) -> Arc<Faults> {
        Arc::clone(&self.faults)
    }

    /// What operators see of it.
    pub(crate) fn series(&self) -> &Arc<AuditSeries> {
        &self.series
    }

    /// What to wait for after the last handle is gone.
    #[must_use]
    pub fn closing(&self) -> Closing {
        Closing(self.working.clone())
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
        let waits = self.series.enter();
        let recorded = async {
            self.queue.send(Entry { events, done }).await.map_err(|_| AuditError::Unavailable)?;
            waiting.await.map_err(|_| AuditError::Unavailable)?
        };
        let recorded = tokio::time::timeout(PATIENCE, recorded).await.unwrap_or(Err(AuditError::Unavailable));
        if recorded.is_ok() {
            waits.done();
        }
        recorded
    }
}

/// Writes what waits until nobody can record any more. A writer that is alone gathers for a moment what is about to come.
async fn write(
    mut trail: Trail,
    waiting: Arc<Mutex<mpsc::Receiver<Entry>>>,
    alone: bool,
    heads: mpsc::UnboundedSender<Chain>,
    (faults, series): (Arc<Faults>, Arc<AuditSeries>),
) {
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
        series.committed(batch.iter().map(|entry| entry.events.len()).sum(), result.is_ok());
        if let Err(error) = &result {
            tracing::error!(%error, records = batch.len(), "the audit trail cannot be written");
            faults.records.store(true, Ordering::Relaxed);
        }
        let result = result.map(|chains| {
            // Nobody keeps the heads only while the program ends.
            chains.into_iter().for_each(|chain| drop(heads.send(chain)));
        });
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
