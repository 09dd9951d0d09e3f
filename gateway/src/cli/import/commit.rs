//! Batches to the store. A set that is refused is split at the change at fault, so that it alone stays out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use consent::{Caller, Permit, Purpose};

use super::batch::{Batch, Task};
use super::report::Refusal;
use super::unit::Unit;
use crate::audit::{Circumstances, Event};
use crate::gateway::Gateway;
use crate::interaction::{Endpoint, bundle};
use crate::outcome::Failure;
use crate::router::Interaction;
use crate::store::provenance::claim;
use crate::store::types::{Basis, Change, Changed, Operation, Version};
use crate::store::{ChangeError, Checkpoint, StoreError};

/// Why an import writes.
pub(super) const PURPOSE: Purpose = Purpose::Hoperat;
/// How long a database that does not answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many resources the database may fail on before the import gives up.
const FAULTS: u32 = 100;

/// What commits batches.
#[derive(Clone)]
pub(super) struct Committer {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) permit: Permit,
    /// How often the database failed on a single resource.
    pub(super) faults: Arc<AtomicU32>,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// Type of each resource that went in.
    pub(super) kinds: Vec<Box<str>>,
    /// What the store refused.
    pub(super) refusals: Vec<Refusal>,
}

impl Committer {
    /// Commits a batch, each part together with its checkpoint.
    ///
    /// # Errors
    /// [`StoreError`] where going on makes no sense. What was committed stays, and a later run knows it.
    pub(super) async fn commit(&self, batch: &Batch) -> Result<Committed, StoreError> {
        let mut committed = Committed::default();
        match &batch.task {
            Task::Changes(changes) => self.commit_set(batch, changes, &mut committed).await?,
            Task::Transaction(text, _) => self.commit_transaction(batch, text, &mut committed).await?,
        }
        Ok(committed)
    }

    async fn commit_set(&self, batch: &Batch, all: &[Change], committed: &mut Committed) -> Result<(), StoreError> {
        let whole = 0..all.len();
        let mut parts = vec![whole];
        while let Some(part) = parts.pop() {
            let (changes, unit) = (&all[part.clone()], batch.unit.part(part.start, part.len()));
            match self.submit(batch, unit, changes).await {
                Ok(changed) => {
                    self.record(batch, changes, changed).await?;
                    committed.kinds.extend(changes.iter().map(|change| change.kind.clone()));
                }
                Err(ChangeError::Refused { index, reason }) if index < part.len() => {
                    let at = part.start + index;
                    let failure = Failure::from(ChangeError::Refused { index: 0, reason });
                    committed.refusals.push(refusal(batch, batch.unit.part(at, 1), &failure));
                    parts.extend([at + 1..part.end, part.start..at].into_iter().filter(|part| !part.is_empty()));
                }
                Err(ChangeError::Refused { .. }) => return Err(StoreError::Invariant("a refusal names no change")),
                // Something about one of them that the store has no word for: find out which.
                Err(ChangeError::Store(StoreError::Database(_))) if part.len() > 1 => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
                Err(ChangeError::Store(StoreError::Database(text))) if self.may_go_on() => {
                    let failure = Failure::from(StoreError::Database(text));
                    committed.refusals.push(refusal(batch, unit, &failure));
                }
                Err(ChangeError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The transaction as if it had come by HTTP, with its checkpoint.
    async fn commit_transaction(
        &self,
        batch: &Batch,
        text: &Bytes,
        committed: &mut Committed,
    ) -> Result<(), StoreError> {
        let operator = operator();
        let mut waiting = Waiting::default();
        loop {
            let checkpoint = checkpoint(batch, batch.unit);
            let loaded = bundle::load(&self.endpoint, &operator, PURPOSE, text.clone(), checkpoint).await;
            let failure = match loaded {
                Ok(changed) => {
                    let sent = changed.into_iter().filter(|touched| !claim::is_own(&touched.kind, &touched.id));
                    committed.kinds.extend(sent.map(|touched| touched.kind));
                    return Ok(());
                }
                Err(failure) => failure,
            };
            let error = match failure.status.as_u16() {
                503 => StoreError::Unavailable,
                507 => StoreError::StorageFull,
                500 if !self.may_go_on() => StoreError::Invariant("the database failed on too many resources"),
                _ => {
                    committed.refusals.push(refusal(batch, batch.unit, &failure));
                    return Ok(());
                }
            };
            if self.is_done(batch, batch.unit).await {
                return self.record_whole(batch, &operator).await;
            }
            if !waiting.again(&error).await {
                return Err(error);
            }
        }
    }

    /// A resource that the database fails on is passed over; a hundred of them are a broken database.
    fn may_go_on(&self) -> bool {
        self.faults.fetch_add(1, Ordering::Relaxed) < FAULTS
    }

    /// Submits a set; waits for a database that is away. A set whose answer was lost is known by its checkpoint: what came of
    /// its changes is not (`None`).
    async fn submit(&self, batch: &Batch, unit: Unit, changes: &[Change]) -> Result<Option<Vec<Changed>>, ChangeError> {
        let mut waiting = Waiting::default();
        loop {
            let checkpoint = checkpoint(batch, unit);
            let error =
                match self.endpoint.gateway.store.submit_checkpointed(&self.permit, changes.to_vec(), checkpoint).await
                {
                    Ok(changed) => return Ok(Some(changed)),
                    Err(ChangeError::Store(error)) => error,
                    Err(refused) => return Err(refused),
                };
            if self.is_done(batch, unit).await {
                return Ok(None);
            }
            if !waiting.again(&error).await {
                return Err(error.into());
            }
        }
    }

    /// The audit records of a set: one for each resource that was written.
    async fn record(&self, batch: &Batch, changes: &[Change], changed: Option<Vec<Changed>>) -> Result<(), StoreError> {
        let gateway = &self.endpoint.gateway;
        let of = Arc::new(Circumstances::of(gateway, &operator(), PURPOSE, &batch.file.job));
        let mut changed = changed.map(Vec::into_iter);
        let mut provenances = Vec::new();
        let event = |interaction, kind: &str, id: &str, basis: Basis, number| Event {
            kind: Some(kind.into()),
            id: Some(id.into()),
            version: number,
            patient: basis.patient,
            epoch: basis.epoch,
            ..Event::new(Arc::clone(&of), interaction, 200, gateway.clock.now_ms())
        };
        let mut events: Vec<Event> = Vec::with_capacity(changes.len());
        for change in changes {
            let version = changed.as_mut().and_then(Iterator::next).map(|changed| {
                provenances.extend(changed.provenances);
                changed.version
            });
            let number = version.as_ref().map(|version| version.version);
            // Whose it is can be told of the resource, too.
            let basis = version.map_or_else(|| gateway.store.basis_of(change), |version| version.basis);
            let interaction = match change.operation {
                Operation::Create { .. } => "create",
                Operation::Delete { .. } => "delete",
                Operation::Update { .. } => "update",
            };
            events.push(event(interaction, &change.kind, &change.id, basis, number));
        }
        let told = provenances.into_iter();
        events.extend(
            told.map(|Version { kind, id, version, basis, .. }| event("create", &kind, &id, basis, Some(version))),
        );
        gateway.audit.record_all(events).await.map_err(|_| StoreError::Unavailable)
    }

    /// The record of a transaction that is in while its answer was lost, or its records were: that it is.
    async fn record_whole(&self, batch: &Batch, operator: &Caller) -> Result<(), StoreError> {
        let gateway = &self.endpoint.gateway;
        let of = Circumstances::of(gateway, operator, PURPOSE, &batch.file.job);
        let event = Event::new(of, Interaction::Bundle.name(), 200, gateway.clock.now_ms());
        gateway.audit.record(event).await.map_err(|_| StoreError::Unavailable)
    }

    async fn is_done(&self, batch: &Batch, unit: Unit) -> bool {
        let units = self.endpoint.gateway.store.checkpoints(&self.permit, &batch.file.job).await;
        units.is_ok_and(|units| units.contains(&unit.encode()))
    }
}

/// Who imports.
fn operator() -> Caller {
    Gateway::operator_running("import")
}

fn checkpoint(batch: &Batch, unit: Unit) -> Checkpoint {
    Checkpoint { job: batch.file.job.clone(), unit: unit.encode(), digest: batch.file.digest.clone() }
}

fn refusal(batch: &Batch, unit: Unit, failure: &Failure) -> Refusal {
    Refusal::new(&batch.file.name, unit.line, unit.entry, failure)
}

/// Growing pauses, up to [`PATIENCE`] in all.
#[derive(Default)]
struct Waiting {
    waited: Duration,
}

impl Waiting {
    /// Pauses where another try makes sense.
    async fn again(&mut self, error: &StoreError) -> bool {
        if !matches!(error, StoreError::Unavailable | StoreError::Contention) || self.waited >= PATIENCE {
            return false;
        }
        let pause = (self.waited / 2).clamp(Duration::from_millis(100), Duration::from_secs(5));
        tokio::time::sleep(pause).await;
        self.waited += pause;
        true
    }
}
