//! A transaction: its writes are applied together or not at all, then its reads are answered.
//!
//! <https://hl7.org/fhir/R4/http.html#trules>

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use consent::{Action, Caller, Permit, Purpose};
use mappers::json::Document;
use mappers::references;
use mappers::search::Custom;

use crate::interaction::bundle::batch::{self, Task};
use crate::interaction::bundle::order::Step;
use crate::interaction::bundle::plan::{Entry, Kind, Plan};
use crate::interaction::bundle::resolve::{self, Conditions, Resolved, Target};
use crate::interaction::read::unknown;
use crate::interaction::{Answer, Endpoint, audited, delete, incoming, parameters, patch, scopes};
use crate::outcome::Failure;
use crate::store::{
    Change, ChangeError, ChangeRefusal, Changed, Checkpoint, Found, Operation, Set, StoreError, Transaction,
};

/// Does the writes, then the reads.
pub(super) async fn perform(
    endpoint: &Arc<Endpoint>,
    caller: &Caller,
    purpose: Purpose,
    plan: Plan,
    checkpoint: Option<Checkpoint>,
) -> Result<Answer, Failure> {
    for (index, entry) in plan.entries.iter().enumerate() {
        if let Ok(entry) = entry {
            scopes::allow(caller, &entry.request).map_err(|failure| within(failure, index))?;
        }
    }
    if plan.provenance.is_some() {
        scopes::allow_provenance(caller)?;
    }
    let permit = endpoint.gateway.permit(caller, purpose, Action::Change)?;
    let Written { entries, targets, mut answers } = write(endpoint, &permit, plan, checkpoint).await?;
    // The writes are committed: they are on record whatever comes of looking at the rest.
    let looked = unchanged(endpoint, &permit, &entries, &targets, &mut answers).await;
    audited::writes(endpoint, caller, purpose, entries.iter().map(|entry| &entry.request).zip(&answers)).await?;
    looked?;
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
    let provenance = plan.provenance;
    let mut entries = plan.entries.into_iter().collect::<Result<Vec<_>, _>>()?;
    let store = &endpoint.gateway.store;
    let of = |custom: &Custom| Conditions::of(&endpoint.base, custom, endpoint.conditional_delete, &entries);
    let conditions = parameters::with(store, permit, of).await?;
    let patches = entries.iter().any(|entry| entry.patch.is_some());
    for _ in 0..patch::TRIES {
        let (mut transaction, mut answers) = (None, HashMap::new());
        if patches || !conditions.is_empty() {
            let mut opened = endpoint.gateway.store.begin_many(permit).await?;
            answers = conditions.ask(&mut opened).await?;
            transaction = Some(opened);
        }
        let resolved = resolve::resolve(&entries, &conditions, &answers, &endpoint.gateway.ids)?;
        let patched = patched(&mut transaction, &entries, &resolved).await?;
        let (whole, resolved, bodies) = bodies(plan.text.clone(), entries, resolved).await?;
        entries = whole;
        let (changes, origins) = changes(&entries, &resolved.targets, bodies, patched)?;
        let set = Set { changes, attached: provenance.clone() };
        let changed = match apply(endpoint, permit, transaction, set, checkpoint.clone()).await {
            Err(error) if met_another(&error, &entries, &origins) => continue,
            changed => changed.map_err(|error| refused(error, &origins))?,
        };
        let mut answers: Vec<Option<Result<Answer, Failure>>> = entries.iter().map(|_| None).collect();
        let mut of_entries: Vec<Vec<Changed>> = entries.iter().map(|_| Vec::new()).collect();
        origins.into_iter().zip(changed).for_each(|(index, changed)| of_entries[index].push(changed));
        for (index, changed) in of_entries.into_iter().enumerate().filter(|(_, changed)| !changed.is_empty()) {
            answers[index] = Some(written(endpoint, &entries[index], changed));
        }
        return Ok(Written { entries, targets: resolved.targets, answers });
    }
    Err(StoreError::Contention.into())
}

/// The updates that the patches come to, by their entries.
async fn patched(
    transaction: &mut Option<Transaction>,
    entries: &[Entry],
    resolved: &Resolved,
) -> Result<HashMap<usize, Change>, Failure> {
    let mut changes = HashMap::new();
    for (index, (entry, target)) in entries.iter().zip(&resolved.targets).enumerate() {
        let (Some(patch), Target::Patch(id), Some(transaction)) = (&entry.patch, target, transaction.as_mut()) else {
            continue;
        };
        let kind = entry.request.kind()?;
        let found = transaction.read(kind, id).await?;
        let patch = patch.linked(&|link| resolved.links.resolve(entry.full_url.as_deref(), link))?;
        let change = match patch::current(found, &entry.request) {
            Ok(version) => patch.change(kind, version).await,
            Err(failure) => Err(failure),
        };
        changes.insert(index, change.map_err(|failure| within(failure, index))?);
    }
    Ok(changes)
}

/// The failure of a patch, told from its entry: what its expressions name is in another resource.
fn within(mut failure: Failure, index: usize) -> Failure {
    for issue in &mut failure.issues {
        let inner = std::mem::take(&mut issue.expression);
        issue.expression = vec![resolve::place(index)];
        if let Some(inner) = inner.first() {
            issue.diagnostics = Some(format!("at {inner}").into());
        }
    }
    failure
}

/// Whether a patch met another writer, and its client did not bind itself to a version.
fn met_another(error: &ChangeError, entries: &[Entry], origins: &[usize]) -> bool {
    let ChangeError::Refused { index, reason: ChangeRefusal::VersionMismatch { .. } } = error else { return false };
    let entry = origins.get(*index).map(|entry| &entries[*entry]);
    entry.is_some_and(|entry| entry.patch.is_some() && entry.request.conditions.if_match.is_none())
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
    mut patched: HashMap<usize, Change>,
) -> Result<(Vec<Change>, Vec<usize>), Failure> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // The sort is stable: within a step the order is the bundle's.
    order.sort_by_key(|index| Step::of(entries[*index].request.interaction));
    let (mut changes, mut origins) = (Vec::new(), Vec::new());
    for index in order {
        let request = &entries[index].request;
        if let Some(change) = patched.remove(&index) {
            changes.push(change);
            origins.push(index);
            continue;
        }
        if let Target::DeleteAll(ids) = &targets[index] {
            for id in ids {
                let operation = Operation::Delete { if_match: None };
                changes.push(Change { kind: request.kind()?.into(), id: id.clone(), operation });
                origins.push(index);
            }
            continue;
        }
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
                Target::DeleteAll(_) | Target::Existing(_) | Target::Nothing | Target::Patch(_) | Target::Read => None,
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
    set: Set,
    checkpoint: Option<Checkpoint>,
) -> Result<Vec<Changed>, ChangeError> {
    if set.changes.is_empty() && checkpoint.is_none() {
        return Ok(Vec::new());
    }
    let store = &endpoint.gateway.store;
    match (transaction, checkpoint) {
        (Some(transaction), Some(checkpoint)) => transaction.apply_checkpointed(set, checkpoint).await,
        (Some(transaction), None) => transaction.apply(set).await,
        (None, Some(checkpoint)) => store.submit_checkpointed(permit, set, checkpoint).await,
        (None, None) => store.submit(permit, set).await,
    }
}

/// The failure of a set, told from the entry at fault.
fn refused(error: ChangeError, origins: &[usize]) -> Failure {
    match error {
        ChangeError::Refused { index, reason } => match origins.get(index) {
            Some(entry) => Failure::from(reason).at(&resolve::place(*entry)),
            None => reason.into(),
        },
        ChangeError::Store(error) => error.into(),
    }
}

fn written(endpoint: &Endpoint, entry: &Entry, mut changed: Vec<Changed>) -> Result<Answer, Failure> {
    if Step::of(entry.request.interaction) == Step::Delete {
        return Ok(delete::answer(&entry.request, changed));
    }
    let Changed { outcome, version, note, provenances } = changed.pop().ok_or_else(Failure::internal)?;
    let answer = Answer::written(endpoint, entry.request.preference, Some(outcome), version);
    Ok(answer.noting(note).provided(&provenances))
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
            Target::Nothing => Some(Ok(delete::answer(request, Vec::new()))),
            Target::Existing(id) => match endpoint.gateway.store.read(permit, request.kind()?, id).await? {
                Found::Present(version) => Some(Ok(Answer::written(endpoint, request.preference, None, version))),
                Found::Deleted(_) | Found::Unknown => Some(Err(unknown())),
            },
            _ => continue,
        };
    }
    Ok(())
}
