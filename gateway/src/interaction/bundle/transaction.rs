//! A transaction: its writes are applied together or not at all, then its reads are answered.
//!
//! <https://hl7.org/fhir/R4/http.html#trules>

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use consent::{Action, Caller, Permit, Purpose};
use mappers::json::Document;
use mappers::references;

use crate::interaction::bundle::batch::{self, Task};
use crate::interaction::bundle::order::Step;
use crate::interaction::bundle::plan::{Entry, Kind, Plan};
use crate::interaction::bundle::resolve::{self, Conditions, Resolved, Target};
use crate::interaction::read::unknown;
use crate::interaction::{Answer, Endpoint, audited, delete, incoming};
use crate::outcome::Failure;
use crate::store::{Change, ChangeError, Changed, Checkpoint, Found, Operation, Transaction};

/// Does the writes, then the reads.
pub(super) async fn perform(
    endpoint: &Arc<Endpoint>,
    caller: &Caller,
    purpose: Purpose,
    plan: Plan,
    checkpoint: Option<Checkpoint>,
) -> Result<Answer, Failure> {
    let permit = endpoint.gateway.permit(caller, purpose, Action::Change)?;
    let Written { entries, targets, mut answers } = write(endpoint, &permit, plan, checkpoint).await?;
    unchanged(endpoint, &permit, &entries, &targets, &mut answers).await?;
    audited::writes(endpoint, caller, purpose, entries.iter().map(|entry| &entry.request).zip(&answers)).await?;
    let reads = entries.into_iter().enumerate().zip(&targets);
    let reads: Vec<Task> = reads
        .filter(|(_, target)| **target == Target::Read)
        .map(|((index, entry), _)| (index, entry.request, entry.head))
        .collect();
    batch::side_by_side(endpoint, caller, purpose, reads, &mut answers).await;
    Ok(batch::answer(Kind::Transaction, answers))
}

/// What the writes came to.
struct Written {
    entries: Vec<Entry>,
    targets: Vec<Target>,
    /// Of the entries that changed something.
    answers: Vec<Option<Result<Answer, Failure>>>,
}

async fn write(
    endpoint: &Arc<Endpoint>,
    permit: &Permit,
    plan: Plan,
    checkpoint: Option<Checkpoint>,
) -> Result<Written, Failure> {
    let entries = plan.entries.into_iter().collect::<Result<Vec<_>, _>>()?;
    let conditions = Conditions::of(&endpoint.base, &entries)?;
    let (transaction, answers) = if conditions.is_empty() {
        (None, HashMap::new())
    } else {
        let mut transaction = endpoint.gateway.store.begin_many(permit).await?;
        let answers = conditions.ask(&mut transaction).await?;
        (Some(transaction), answers)
    };
    let resolved = resolve::resolve(&entries, &conditions, &answers, &endpoint.gateway.ids)?;
    let (entries, resolved, bodies) = bodies(plan.text, entries, resolved).await?;
    let (changes, origins) = changes(&entries, &resolved.targets, bodies)?;
    let changed = apply(endpoint, permit, transaction, changes, &origins, checkpoint).await?;
    let mut answers: Vec<Option<Result<Answer, Failure>>> = entries.iter().map(|_| None).collect();
    for (index, changed) in origins.into_iter().zip(changed) {
        answers[index] = Some(Ok(written(endpoint, &entries[index], changed)));
    }
    Ok(Written { entries, targets: resolved.targets, answers })
}

type Bodies = (Vec<Entry>, Resolved, Vec<Bytes>);

/// The resources of the entries with their links rewritten (empty where an entry has none).
async fn bodies(text: Bytes, entries: Vec<Entry>, resolved: Resolved) -> Result<Bodies, Failure> {
    let small = text.len() < incoming::PARSE_ELSEWHERE || !resolved.linked;
    let rewrite = move || rewritten(&text, &entries, &resolved).map(|bodies| (entries, resolved, bodies));
    if small {
        return rewrite();
    }
    tokio::task::spawn_blocking(rewrite).await.unwrap_or_else(|_| Err(Failure::internal()))
}

fn rewritten(text: &Bytes, entries: &[Entry], resolved: &Resolved) -> Result<Vec<Bytes>, Failure> {
    let as_sent = |entry: &Entry| entry.sent.as_ref().map_or_else(Bytes::new, |sent| text.slice(sent.span.clone()));
    if !resolved.linked {
        return Ok(entries.iter().map(as_sent).collect());
    }
    let document = Document::parse(text).map_err(|error| Failure::json(&error, "Bundle"))?;
    let body = |entry: &Entry| {
        let resource = entry.sent.as_ref().and_then(|sent| document.element(sent.at))?;
        let target = |link: &str| resolved.links.resolve(entry.full_url.as_deref(), link);
        references::rewrite(resource, &target).map(Bytes::from)
    };
    Ok(entries.iter().map(|entry| body(entry).unwrap_or_else(|| as_sent(entry))).collect())
}

/// The changes in the order of the standard, and the entry of each.
fn changes(
    entries: &[Entry],
    targets: &[Target],
    mut bodies: Vec<Bytes>,
) -> Result<(Vec<Change>, Vec<usize>), Failure> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // The sort is stable: within a step the order is the bundle's.
    order.sort_by_key(|index| Step::of(entries[*index].request.interaction));
    let (mut changes, mut origins) = (Vec::new(), Vec::new());
    for index in order {
        let request = &entries[index].request;
        let body = std::mem::take(&mut bodies[index]);
        let operation = || -> Result<_, Failure> {
            Ok(match &targets[index] {
                Target::Create(id) => Some((id, Operation::Create { body })),
                Target::Delete(id) => Some((id, Operation::Delete { if_match: request.conditions.version()? })),
                Target::Update(id) => {
                    let if_match = request.conditions.version()?;
                    let if_none_match = request.conditions.only_create()?;
                    Some((id, Operation::Update { body, if_match, if_none_match }))
                }
                Target::Existing(_) | Target::Nothing | Target::Read => None,
            })
        };
        if let Some((id, operation)) = operation().map_err(|failure| failure.at(&resolve::place(index)))? {
            changes.push(Change { kind: request.kind()?.into(), id: id.clone(), operation });
            origins.push(index);
        }
    }
    Ok((changes, origins))
}

async fn apply(
    endpoint: &Endpoint,
    permit: &Permit,
    transaction: Option<Transaction>,
    changes: Vec<Change>,
    origins: &[usize],
    checkpoint: Option<Checkpoint>,
) -> Result<Vec<Changed>, Failure> {
    if changes.is_empty() && checkpoint.is_none() {
        return Ok(Vec::new());
    }
    let store = &endpoint.gateway.store;
    let applied = match (transaction, checkpoint) {
        (Some(transaction), Some(checkpoint)) => transaction.apply_checkpointed(changes, checkpoint).await,
        (Some(transaction), None) => transaction.apply(changes).await,
        (None, Some(checkpoint)) => store.submit_checkpointed(permit, changes, checkpoint).await,
        (None, None) => store.submit(permit, changes).await,
    };
    applied.map_err(|error| match error {
        ChangeError::Refused { index, reason } => match origins.get(index) {
            Some(entry) => Failure::from(reason).at(&resolve::place(*entry)),
            None => reason.into(),
        },
        ChangeError::Store(error) => error.into(),
    })
}

fn written(endpoint: &Endpoint, entry: &Entry, changed: Changed) -> Answer {
    match Step::of(entry.request.interaction) {
        Step::Delete => delete::answer(&entry.request, Some(changed)),
        _ => Answer::written(endpoint, entry.request.preference, Some(changed.outcome), changed.version),
    }
}

/// Answers for the entries that needed no change.
async fn unchanged(
    endpoint: &Endpoint,
    permit: &Permit,
    entries: &[Entry],
    targets: &[Target],
    answers: &mut [Option<Result<Answer, Failure>>],
) -> Result<(), Failure> {
    for (index, target) in targets.iter().enumerate() {
        let request = &entries[index].request;
        answers[index] = match target {
            Target::Nothing => Some(Ok(delete::answer(request, None))),
            Target::Existing(id) => match endpoint.gateway.store.read(permit, request.kind()?, id).await? {
                Found::Present(version) => Some(Ok(Answer::written(endpoint, request.preference, None, version))),
                Found::Deleted(_) | Found::Unknown => Some(Err(unknown())),
            },
            _ => continue,
        };
    }
    Ok(())
}
