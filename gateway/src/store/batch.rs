//! Group commit: sets of changes that arrive together are applied in one database transaction.
//!
//! Each set stays atomic. When a transaction fails as a whole its sets are tried again one by one, so that only the set
//! at fault is refused.

mod gathering;

use std::sync::{Arc, OnceLock};

use consent::{OrganizationId, Permit};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::store::apply::{self, Abort, Lessons, StoredRefusal, Verdict};
use crate::store::checkpoint::Checkpoint;
use crate::store::connection::{Connection, DbError, Engine};
use crate::store::content::Staged;
use crate::store::core::Core;
use crate::store::error::{ChangeError, StoreError};
use crate::store::types::{Attached, Change, Changed, Set};
use crate::store::{drain, entry, statistics};
use gathering::Gathering;

/// Sets waiting before callers have to.
const QUEUE: usize = 1024;
/// How often a transaction that collided is tried again.
const TRIES: usize = 8;

/// A set of changes that belong together.
#[derive(Debug)]
pub(crate) struct Unit {
    /// The leave to make them.
    pub(crate) permit: Permit,
    /// The changes.
    pub(crate) changes: Vec<Change>,
    /// A mark of progress that commits with them.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// What its client says of where it comes from.
    pub(crate) attached: Option<Attached>,
    /// The id of its Provenance, once there is one.
    pub(crate) provenance: OnceLock<String>,
    /// When it was first applied, in ms. One time for all tries: how often a transaction had to be tried again tells of
    /// rows that the caller may not know of.
    instant: OnceLock<i64>,
}

impl Unit {
    pub(crate) fn new(permit: Permit, set: Set, checkpoint: Option<Checkpoint>) -> Self {
        let Set { changes, attached } = set;
        Self { permit, changes, checkpoint, attached, provenance: OnceLock::new(), instant: OnceLock::new() }
    }

    /// `lastUpdated` of everything it changes.
    pub(crate) fn instant(&self, clock: &Clock) -> i64 {
        *self.instant.get_or_init(|| clock.tick())
    }
}

type Answer = Result<Vec<Changed>, ChangeError>;

#[derive(Debug)]
struct Job {
    unit: Unit,
    /// When it was handed in.
    since: Instant,
    answer: oneshot::Sender<Answer>,
}

/// Where sets of changes are handed in.
#[derive(Clone, Debug)]
pub(crate) struct Batcher {
    queue: mpsc::Sender<Job>,
    gathering: Arc<Gathering>,
}

impl Batcher {
    /// Starts `workers` tasks that apply what is handed in.
    pub(crate) fn start(core: &Arc<Core>, workers: usize) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        let gathering = Arc::new(Gathering::new(core.pools.engine()));
        for _ in 0..workers {
            tokio::spawn(work(Arc::clone(core), Arc::clone(&jobs), Arc::clone(&gathering)));
        }
        Self { queue, gathering }
    }

    /// Applies a set of changes: all of it or nothing.
    pub(crate) async fn submit(&self, unit: Unit) -> Answer {
        let (answer, verdict) = oneshot::channel();
        let _waiting = self.gathering.enter();
        self.queue.send(Job { unit, since: Instant::now(), answer }).await.map_err(|_| StoreError::Unavailable)?;
        verdict.await.map_err(|_| StoreError::Unavailable)?
    }
}

async fn work(core: Arc<Core>, jobs: Arc<Mutex<mpsc::Receiver<Job>>>, gathering: Arc<Gathering>) {
    loop {
        let (connection, batch) = {
            // Held until this worker has its batch: the next worker takes what comes after.
            let mut jobs = jobs.lock().await;
            let Some(first) = jobs.recv().await else { return };
            // The connection first: while it is awaited (SQLite has one writer) more sets gather.
            let connection = core.pools.writer().await;
            (connection, gathering.gather(first, &mut jobs).await)
        };
        match connection {
            // A task of its own: should it panic, its callers get an answer and this worker goes on.
            Ok(connection) => {
                if tokio::spawn(settle(Arc::clone(&core), connection, batch, Arc::clone(&gathering))).await.is_err() {
                    core.forget_rids();
                    tracing::error!("applying changes panicked");
                }
            }
            Err(error) => refuse(batch, &error),
        }
    }
}

fn refuse(batch: Vec<Job>, error: &DbError) {
    for job in batch {
        // The caller may have gone: its answer is dropped.
        let _ = job.answer.send(Err(error.clone().into_store_error().into()));
    }
}

/// Answers every job of the batch.
async fn settle(core: Arc<Core>, mut connection: Connection, mut batch: Vec<Job>, gathering: Arc<Gathering>) {
    let begun = Instant::now();
    core.series.sets.number(batch.len() as u64);
    batch.iter().for_each(|job| core.series.wait.time(begun - job.since));
    statistics::grew(&core, batch.iter().map(|job| job.unit.changes.len()).sum());
    let (core, connection) = (&*core, &mut connection);
    while !batch.is_empty() {
        let organization = batch[0].unit.permit.organization();
        let (mut group, rest): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|job| job.unit.permit.organization() == organization);
        batch = rest;
        while !group.is_empty() {
            let units: Vec<&Unit> = group.iter().map(|job| &job.unit).collect();
            let verdicts = match run(core, connection, organization, &units).await {
                Ok(verdicts) => verdicts,
                // SQLite's file is locked as a whole: one by one they would wait no less.
                Err(StoreError::Contention) if core.pools.engine() == Engine::Sqlite => {
                    units.iter().map(|_| Verdict::Settled(Err(StoreError::Contention.into()))).collect()
                }
                Err(_) if units.len() > 1 => one_by_one(core, connection, organization, &units).await,
                Err(error) => vec![Verdict::Settled(Err(error.into()))],
            };
            gathering.ended(begun);
            let mut waiting = Vec::new();
            for (job, verdict) in group.into_iter().zip(verdicts) {
                match verdict {
                    Verdict::Deferred => waiting.push(job),
                    Verdict::Settled(answer) => {
                        let _ = job.answer.send(answer);
                    }
                }
            }
            group = waiting;
        }
    }
}

async fn one_by_one(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(units.len());
    for unit in units {
        let verdict = run(core, connection, organization, &[*unit]).await;
        verdicts.push(match verdict {
            Ok(mut verdicts) => verdicts.pop().unwrap_or(Verdict::Deferred),
            Err(error) => Verdict::Settled(Err(error.into())),
        });
    }
    verdicts
}

/// One transaction over the units, tried again where it collided or where a unit had to be taken out of it.
async fn run(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
) -> Result<Vec<Verdict>, StoreError> {
    let mut refused: Vec<Option<StoredRefusal>> = units.iter().map(|_| None).collect();
    let mut lessons = Lessons::default();
    let mut last = StoreError::Contention;
    let staged = core.contents.stage(core, units).await?;
    for _ in 0..TRIES {
        let abort = match attempt(core, connection, organization, units, &refused, &lessons, &staged).await {
            Ok(verdicts) => return Ok(verdicts),
            Err(abort) => abort,
        };
        staged.try_again();
        core.forget_rids();
        connection.rollback_if_open().await;
        match abort {
            Abort::Overflow(changes) => lessons.avoid(changes),
            Abort::Clash(keys) => release(core, connection, organization, &keys).await?,
            Abort::Refused { unit, index, reason } => refused[unit] = Some((index, reason)),
            Abort::Database(error) if error.is_misfit() && (units.len() == 1 || lessons.misfits == 0) => {
                lessons.misfit(&error);
                last = error.into_store_error();
            }
            Abort::Database(error) if error.is_lock_timeout() => return Err(error.into_store_error()),
            Abort::Database(error) if error.is_retryable() => last = error.into_store_error(),
            Abort::Database(error) => return Err(error.into_store_error()),
        }
    }
    Err(last)
}

async fn attempt(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    units: &[&Unit],
    refused: &[Option<StoredRefusal>],
    lessons: &Lessons,
    staged: &Staged<'_>,
) -> Result<Vec<Verdict>, Abort> {
    drain::begin(core, connection, organization).await?;
    let rids = core.rids_of_a_transaction();
    let verdicts = apply::apply(core, connection, organization, units, refused, lessons).await?;
    staged.commit(core, connection).await?;
    if apply::define(units) {
        core.registry.committed(organization);
    }
    rids.committed();
    Ok(verdicts)
}

/// Takes row keys away from deleted resources, in a transaction of its own.
pub(crate) async fn release(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    keys: &[(Box<str>, Box<str>)],
) -> Result<(), StoreError> {
    drain::settle(core, connection, organization).await?;
    connection.begin_write(Some(organization.0)).await?;
    entry::release_keys(connection, organization, keys).await?;
    connection.commit().await?;
    Ok(())
}
