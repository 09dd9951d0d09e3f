//! What happens outside of a transaction, on its way into the table: it is in memory for a moment, and a process that is killed in
//! it takes it along.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use consent::OrganizationId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::refusals::{Burst, Refusals, Threshold, sender};
use super::{Alert, Kind, tell};
use crate::audit::Faults;
use crate::clock::{Clock, Ids};
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::store::Store;
use crate::store::alone::organizations;
use crate::store::connection::DbError;
use crate::store::error::StoreError;
use crate::store::journal::JournalError;

/// Alerts that wait in memory at most; those that come then are dropped, and the log says so.
const MOST: usize = 256;
const MS_PER_DAY: i64 = 86_400_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Told {
    /// Always random: a receiver must never take one alert for another, and when one is written is nothing that a seed could fix.
    ids: Ids,
    /// There is something to write or to send.
    work: Notify,
    refusals: Mutex<Refusals>,
    waiting: Mutex<VecDeque<(OrganizationId, Alert)>>,
    /// What the audit trail could not write.
    trail: OnceLock<Arc<Faults>>,
}

impl Default for Told {
    fn default() -> Self {
        let (work, refusals, waiting, trail) = Default::default();
        Self { ids: Ids::random(Arc::new(Clock::system())), work, refusals, waiting, trail }
    }
}

impl Told {
    /// An id for an alert.
    pub(crate) fn id(&self) -> String {
        self.ids.next()
    }

    /// Takes an alert that has no transaction.
    pub(crate) fn take(&self, organization: OrganizationId, alert: Alert) {
        {
            let mut waiting = self.waiting.lock();
            // What is told once in the table waits once here: while the database is away the same comes again and again.
            if waiting.iter().any(|(of, waits)| *of == organization && waits.once == alert.once) {
                return;
            }
            if waiting.len() >= MOST {
                tracing::warn!(kind = alert.kind.as_str(), "an alert is dropped: too many wait to be written");
                return;
            }
            waiting.push_back((organization, alert));
        }
        self.work.notify_one();
    }

    /// There is something to send.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }
}

impl Store {
    /// Whoever may have alerts.
    pub(crate) async fn alerted_organizations(&self) -> Result<Vec<OrganizationId>, StoreError> {
        organizations(self.core()).await
    }

    /// Returns when there may be something to write or to send, or after that time.
    pub(crate) async fn wait_for_alerts(&self, longest: Duration) {
        let _ = tokio::time::timeout(longest, self.core().told.work.notified()).await;
    }

    /// Whether the store closes.
    pub(crate) fn is_closing(&self) -> bool {
        self.core().registry.is_closing()
    }

    /// Tells of clients that are refused `count` times (0: of none) within so many milliseconds.
    pub fn tell_of_refusals(&self, count: u32, within_ms: i64) {
        *self.core().told.refusals.lock() = Refusals::above(Threshold { count, within_ms });
    }

    /// A caller of an organization was refused.
    pub(crate) fn refused(&self, organization: OrganizationId, caller: &str) {
        self.count_refusal(organization, caller);
    }

    /// Somebody without a valid token was refused.
    pub(crate) fn refused_stranger(&self, from: Option<IpAddr>) {
        self.count_refusal(DEFAULT_ORGANIZATION, &sender(from));
    }

    fn count_refusal(&self, organization: OrganizationId, client: &str) {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        // Clients of two organizations may have one name.
        let of = format!("{} ", organization.0);
        let Some(burst) = core.told.refusals.lock().refused(&format!("{of}{client}"), now_ms) else { return };
        let Burst { client, refusals, since_ms, untold } = burst;
        let client = client.strip_prefix(&*of).unwrap_or(&client);
        // Whatever the client is called: its burst is one of its own.
        let alert = Alert::new(Kind::Refusals, &core.told.id(), now_ms)
            .counting("refusals", refusals.into())
            .counting("seconds", u64::try_from(now_ms - since_ms).unwrap_or_default().div_ceil(1000))
            .counting("otherBursts", untold)
            .about(client);
        core.told.take(organization, alert);
    }

    /// The journal cannot be used, or something in it cannot be done again: told once a day.
    pub(crate) fn tell_of_journal(&self, trouble: Trouble) {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let once = format!("{}-{}-{}", trouble.word, trouble.line.unwrap_or_default(), now_ms / MS_PER_DAY);
        let mut alert = Alert::new(Kind::Journal, &once, now_ms).naming("problem", trouble.word);
        if let Some(line) = trouble.line {
            alert = alert.counting("line", line);
        }
        core.told.take(DEFAULT_ORGANIZATION, alert);
    }

    /// Something in the journal cannot be done again; where the journal itself is at fault, that is what is told.
    pub(crate) fn tell_of_what_was_not_done_again(&self) {
        let trouble = self.core().journal.take_trouble().unwrap_or(Trouble::UNDONE);
        self.tell_of_journal(trouble);
    }

    /// From now on it is told what this trail cannot write.
    pub(crate) fn tell_of_trail(&self, faults: Arc<Faults>) {
        // A store has one trail.
        let _ = self.core().told.trail.set(faults);
    }

    fn take_faults_of_trail(&self) {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        for word in core.told.trail.get().into_iter().flat_map(|faults| faults.take()) {
            let once = format!("{word}-{}", now_ms / MS_PER_DAY);
            let alert = Alert::new(Kind::AuditTrailUnwritable, &once, now_ms).naming("problem", word);
            core.told.take(DEFAULT_ORGANIZATION, alert);
        }
    }

    /// Writes down what waits in memory. What cannot be written waits on.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn write_told(&self) -> Result<(), StoreError> {
        let core = self.core();
        self.take_faults_of_trail();
        core.journal.take_trouble().into_iter().for_each(|trouble| self.tell_of_journal(trouble));
        loop {
            let Some((organization, alert)) = core.told.waiting.lock().pop_front() else { return Ok(()) };
            if let Err(error) = self.write_alert(organization, &alert).await {
                core.told.waiting.lock().push_front((organization, alert));
                return Err(error.into());
            }
        }
    }

    /// Writes an alert in a transaction of its own.
    pub(super) async fn write_alert(&self, organization: OrganizationId, alert: &Alert) -> Result<(), DbError> {
        let core = self.core();
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let told = tell(&mut connection, organization, &core.told.id(), alert).await;
        match told {
            Ok(_) => connection.commit().await,
            Err(error) => {
                connection.rollback_if_open().await;
                Err(error)
            }
        }
    }
}

/// What is the matter with the journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trouble {
    word: &'static str,
    line: Option<u64>,
}

impl Trouble {
    /// Something in it cannot be done again.
    pub(crate) const UNDONE: Self = Self { word: "not-done-again", line: None };

    /// The trouble behind an error.
    pub(crate) fn of(error: &JournalError) -> Self {
        match error {
            JournalError::Damaged { number, .. } => Self { word: "damaged", line: u64::try_from(*number).ok() },
            JournalError::File(_) => Self { word: "unusable", line: None },
        }
    }
}
