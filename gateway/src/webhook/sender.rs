//! Who sends: a task of a serving gateway, or one round of `alerts send`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Problem, Webhook};
use crate::clock::Clock;
use crate::store::Store;
use crate::store::alert::{Claimed, Fate, State};
use crate::store::error::StoreError;

/// How often somebody looks for alerts that another process wrote.
const POLL: Duration = Duration::from_secs(2);
/// With very many organizations a look takes its time: the pause is so many times as long, and never longer than a minute.
const REST: u32 = 10;
/// How often somebody looks for what becomes due by itself.
const WATCH: Duration = Duration::from_secs(60);
/// Hours that the review of a broken glass may take, where nothing else is said.
pub const REVIEW_HOURS: i64 = 72;
/// The pause after the database failed.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a server that cannot start tries to tell why.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// A webhook, and how long it is tried.
#[derive(Debug)]
pub struct Sender {
    /// Where alerts go.
    pub webhook: Webhook,
    /// For how long one is tried before it is given up.
    pub patience: Duration,
}

/// What a round has done.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sent {
    /// Alerts that the receiver has now.
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Alerts that are not tried any more.
    pub given_up: u64,
    /// Why the last attempt failed.
    pub problem: Option<Problem>,
}

impl Sender {
    /// Sends all that is due, the organizations one after the other.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn round(&self, store: &Store, clock: &Clock) -> Result<Sent, StoreError> {
        let mut sent = Sent::default();
        for organization in store.alerted_organizations().await? {
            while !store.is_closing() {
                let Some(claimed) = store.claim_alert(organization).await? else { break };
                self.send(store, clock, &claimed, &mut sent).await?;
            }
        }
        Ok(sent)
    }

    async fn send(&self, store: &Store, clock: &Clock, claimed: &Claimed, sent: &mut Sent) -> Result<(), StoreError> {
        let (id, kind) = (&*claimed.id, claimed.kind);
        let fate = match self.webhook.deliver(clock, id, &claimed.body).await {
            Ok(()) => Fate::Sent,
            Err(problem) => {
                sent.problem = Some(problem);
                sent.failed += 1;
                tracing::warn!(id, kind, host = self.webhook.host(), %problem, "an alert was not taken");
                Fate::Failed { problem: problem.to_string(), aside: problem.is_the_alert(), pause: problem.pause() }
            }
        };
        match store.settle_alert(claimed, &fate, self.patience).await? {
            Some(State::Sent) => {
                sent.sent += 1;
                tracing::info!(id, kind, "an alert was sent");
            }
            Some(State::GivenUp) => {
                sent.given_up += 1;
                tracing::error!(
                    id,
                    kind,
                    "an alert is given up: `alerts list` shows it, `alerts send --given-up` tries again"
                );
            }
            Some(State::Waiting) => {}
            None => tracing::warn!(id, kind, "an alert took so long that another process has it"),
        }
        Ok(())
    }
}

/// What a serving gateway does about alerts.
#[derive(Debug)]
pub struct Upkeep {
    /// Who sends them; without one they wait.
    pub sender: Option<Sender>,
    /// How long the review of a broken glass may take, in milliseconds.
    pub review_ms: i64,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { sender: None, review_ms: REVIEW_HOURS * 3_600_000 }
    }
}

/// Watches what becomes due, writes down what was told, and sends it, from now on.
pub fn keep(store: Store, clock: Arc<Clock>, upkeep: Arc<Upkeep>) {
    tokio::spawn(async move {
        let mut watched: Option<Instant> = None;
        while !store.is_closing() {
            let begun = Instant::now();
            let is_due = watched.is_none_or(|watched| watched.elapsed() >= WATCH);
            if is_due {
                watched = Some(Instant::now());
            }
            if let Err(error) = round(&store, &clock, &upkeep, is_due).await
                && !store.is_closing()
            {
                tracing::warn!(%error, "alerts were interrupted; it is tried again");
                tokio::time::sleep(PAUSE).await;
            }
            store.wait_for_alerts((begun.elapsed() * REST).clamp(POLL, WATCH)).await;
        }
    });
}

async fn round(store: &Store, clock: &Clock, upkeep: &Upkeep, watching: bool) -> Result<(), StoreError> {
    if watching {
        store.watch(upkeep.review_ms).await?;
        store.forget_alerts().await?;
    }
    store.write_told().await?;
    if let Some(sender) = &upkeep.sender {
        sender.round(store, clock).await?;
    }
    Ok(())
}

/// A server that cannot start tells why, if it can, and does not wait for long.
pub async fn tell_before_stopping(store: &Store, clock: &Clock, upkeep: &Upkeep) {
    match tokio::time::timeout(LAST_WORDS, round(store, clock, upkeep, false)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "alerts cannot be written or sent now"),
        Err(_) => tracing::warn!("alerts are not sent yet: they wait for the next server"),
    }
}
