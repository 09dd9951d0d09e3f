//! What became of the changes, for those who sent them.

use bytes::Bytes;
use mappers::json::Document;

use super::snapshot::render;
use super::{Step, Verdict};
use crate::store::batch::Unit;
use crate::store::consents::redaction::Merged;
use crate::store::emit::Snapshot;
use crate::store::types::{Basis, Change, Changed, Method, Operation, Outcome, Version};

/// Sorts the outcomes back to their sets, in the order of the changes.
pub(super) fn collect(
    units: &[&Unit],
    verdicts: Vec<Option<Verdict>>,
    steps: Vec<Step<'_>>,
    merged: &Merged,
    stored: impl Iterator<Item = (Snapshot, Basis)>,
) -> Vec<Verdict> {
    let mut changed: Vec<Vec<Option<Changed>>> =
        units.iter().map(|unit| unit.changes.iter().map(|_| None).collect()).collect();
    for (step, (snapshot, basis)) in steps.iter().zip(stored) {
        let shown = snapshot.index.shown().map(Bytes::copy_from_slice);
        let body = answered(step, merged).or(shown).unwrap_or(snapshot.body);
        changed[step.unit][step.index] = Some(Changed {
            outcome: step.outcome,
            version: Version {
                kind: snapshot.kind,
                id: snapshot.id,
                version: snapshot.version,
                updated_ms: snapshot.updated_ms,
                method: snapshot.method,
                body,
                basis,
            },
            note: step.note,
            provenances: Vec::new(),
        });
    }
    let settle = |((unit, verdict), changed): ((&&Unit, Option<Verdict>), Vec<Option<Changed>>)| {
        verdict.unwrap_or_else(|| {
            let filled =
                unit.changes.iter().zip(changed).map(|(change, changed)| changed.unwrap_or_else(|| nothing(change)));
            Verdict::Settled(Ok(filled.collect()))
        })
    };
    units.iter().zip(verdicts).zip(changed).map(settle).collect()
}

/// What is answered where more is stored than the caller sent, and may see: what was sent.
fn answered(step: &Step<'_>, merged: &Merged) -> Option<Bytes> {
    if !merged.withholds(step.unit, step.index) {
        return None;
    }
    let (Operation::Create { body } | Operation::Update { body, .. }) = &step.change.operation else { return None };
    let document = Document::parse(body).ok()?;
    Some(render(&document, &step.change.id, step.version, step.updated_ms))
}

/// What is answered for a deletion of what was not there.
fn nothing(change: &Change) -> Changed {
    Changed {
        outcome: Outcome::Nothing,
        version: Version {
            kind: change.kind.clone(),
            id: change.id.clone(),
            version: 0,
            updated_ms: 0,
            method: Method::Delete,
            body: Bytes::new(),
            basis: Basis::default(),
        },
        note: None,
        provenances: Vec::new(),
    }
}
