//! How many sets one transaction takes.
//!
//! Most of what a transaction costs it costs once, however many sets are in it. Callers who send their next set when the
//! last one is answered would fall into two groups that wait for each other's commits: a transaction that begins the moment
//! the one before it ends meets only those who waited meanwhile. So it waits for as many sets as there were callers then,
//! a moment; and where that was in vain, the next ones do not.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use super::Job;
use crate::store::connection::Engine;

/// Sets in one transaction at most.
const SETS: usize = 64;
/// Sets that a transaction of PostgreSQL's waits for: what is more is better shared among several connections.
const SHARE: usize = 16;
/// From so many changes on a transaction takes no further set.
const CHANGES: usize = 1500;
/// The longest wait, in times of the last transaction: an answer takes an audit record, which takes a commit, too.
const TIMES: u32 = 2;
/// The longest wait.
const LONGEST: Duration = Duration::from_millis(10);
/// Transactions that do not wait after one that waited in vain.
const RESTS: u32 = 16;

/// Gathers sets.
#[derive(Debug)]
pub(super) struct Gathering {
    /// Sets that are waited for at most.
    most: usize,
    /// Callers who have no answer yet.
    callers: AtomicUsize,
    last: Mutex<Last>,
}

/// What the last transaction tells the next one.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// Callers when it ended, those that it answered among them.
    callers: usize,
    /// Until when they may come back.
    until: Instant,
    /// Transactions to come that do not wait.
    rests: u32,
}

/// A caller who has no answer yet.
pub(super) struct Caller<'g>(&'g Gathering);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.callers.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gathering {
    pub(super) fn new(engine: Engine) -> Self {
        let most = match engine {
            Engine::Postgres => SHARE,
            Engine::Sqlite => SETS,
        };
        let last = Last { callers: 0, until: Instant::now(), rests: 0 };
        Self { most, callers: AtomicUsize::new(0), last: Mutex::new(last) }
    }

    /// A caller comes; until it is dropped it waits for an answer.
    pub(super) fn enter(&self) -> Caller<'_> {
        self.callers.fetch_add(1, Ordering::Relaxed);
        Caller(self)
    }

    /// A transaction that began then is about to answer.
    pub(super) fn ended(&self, begun: Instant) {
        let now = Instant::now();
        let mut last = self.last.lock();
        last.callers = self.callers.load(Ordering::Relaxed);
        last.until = now + ((now - begun) * TIMES).min(LONGEST);
    }

    /// The sets of the next transaction.
    pub(super) async fn gather(&self, first: Job, jobs: &mut Receiver<Job>) -> Vec<Job> {
        let mut batch = Batch { changes: 0, jobs: Vec::new() };
        batch.add(first);
        batch.take(jobs, SETS);
        let mut last = self.last();
        while last.rests == 0 && batch.is_below(last.callers.min(self.most)) {
            match timeout_at(last.until, jobs.recv()).await {
                Ok(Some(job)) => {
                    batch.add(job);
                    batch.take(jobs, SETS);
                }
                Ok(None) => break,
                // Another connection's transaction may have ended meanwhile: its callers are on their way.
                Err(_) if self.last.lock().until > last.until => last = *self.last.lock(),
                Err(_) => {
                    self.last.lock().rests = RESTS;
                    break;
                }
            }
        }
        batch.jobs
    }

    /// What the last transaction tells this one.
    fn last(&self) -> Last {
        let mut last = self.last.lock();
        let told = *last;
        last.rests = last.rests.saturating_sub(1);
        // Who comes later than callers come back has nobody to wait for.
        if told.until <= Instant::now() { Last { callers: 0, ..told } } else { told }
    }
}

struct Batch {
    changes: usize,
    jobs: Vec<Job>,
}

impl Batch {
    fn is_below(&self, sets: usize) -> bool {
        self.jobs.len() < sets && self.changes < CHANGES
    }

    fn add(&mut self, job: Job) {
        self.changes += job.unit.changes.len();
        self.jobs.push(job);
    }

    /// What is there.
    fn take(&mut self, jobs: &mut Receiver<Job>, most: usize) {
        while self.is_below(most) {
            let Ok(job) = jobs.try_recv() else { break };
            self.add(job);
        }
    }
}
