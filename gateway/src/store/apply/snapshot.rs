//! A change as it will be stored and served.

use bytes::Bytes;
use mappers::join::{self, Header};
use mappers::json::Document;

use super::Step;
use crate::clock::Clock;
use crate::store::core::Core;
use crate::store::custom::InForce;
use crate::store::derive::derive;
use crate::store::emit::{Facts, Side, Snapshot};
use crate::store::entry::{self, Place};
use crate::store::index::Index;
use crate::store::place::Placed;
use crate::store::types::{Method, Operation, Outcome};

/// The new version as it will be stored and served.
pub(super) fn snapshot(core: &Core, in_force: &InForce, step: &Step<'_>) -> Snapshot {
    let (method, body) = match (&step.document, step.outcome) {
        (None, _) => (Method::Delete, Bytes::new()),
        (Some(document), outcome) => {
            let client_id = matches!(step.change.operation, Operation::Update { .. });
            let method = if client_id || outcome == Outcome::Updated { Method::Put } else { Method::Post };
            (method, render(document, &step.change.id, step.version, step.updated_ms))
        }
    };
    let (facts, index) = match &step.document {
        Some(document) => derive(core, in_force, (&step.change.kind, &step.change.id), document.root(), &body),
        None => (Facts::of_deleted(step.before.as_ref().and_then(|entry| entry.patient.clone())), Index::default()),
    };
    let place = match (&step.placed, &step.document) {
        (Placed::Mapped { map, key, .. }, Some(_)) => Place::Mapped { map: *map, key: key.clone() },
        (_, Some(_)) => Place::Generic,
        (_, None) if step.kept => left(step),
        // A row that replaces the retraction brings the resource back.
        (_, None) => step.retraction.clone().unwrap_or(Place::Generic),
    };
    let side = if stands_empty(step) { kept(step) } else { step.side.clone() };
    Snapshot {
        rid: step.rid,
        fresh: step.before.is_none(),
        kind: step.change.kind.clone(),
        id: step.change.id.clone(),
        place,
        version: step.version,
        updated_ms: step.updated_ms,
        method,
        body,
        facts,
        index,
        side,
    }
}

/// Whether the resource leaves, or has left, a row behind that others refer to.
fn stands_empty(step: &Step<'_>) -> bool {
    let before = step.before.as_ref().filter(|entry| entry.place == Place::Generic);
    matches!(step.placed, Placed::Generic)
        && (step.kept || before.is_some_and(|entry| entry.flag.as_deref() == Some(entry::KEPT)))
}

/// Where a deleted resource's row is.
fn left(step: &Step<'_>) -> Place {
    step.before.as_ref().map_or(Place::Generic, |entry| entry.place.clone())
}

/// What the directory keeps of a resource whose row stays without it.
fn kept(step: &Step<'_>) -> Side {
    let before = step.before.as_ref().filter(|_| step.document.is_none());
    Side {
        residue: before.and_then(|entry| entry.residue.clone()),
        shadow: before.and_then(|entry| entry.shadow.as_ref()).map(|shadow| shadow.to_json().into()),
        flag: Some(entry::KEPT.into()),
    }
}

/// A resource as it is served.
pub(crate) fn render(document: &Document<'_>, id: &str, version: i64, updated_ms: i64) -> Bytes {
    let last_updated = Clock::format(updated_ms);
    let mut body = Vec::with_capacity(document.text().len() + 128);
    join::render(document, &Header { id, version, last_updated: &last_updated }, &mut body);
    body.into()
}
