//! <https://hl7.org/fhir/R4/http.html#delete>, also by condition: <https://hl7.org/fhir/R4/http.html#3.1.0.7.1>

use std::borrow::Cow;

use hyper::StatusCode;

use crate::http::preference::Content;
use crate::interaction::{Answer, Exchange, Payload, Request, Touched, conditional};
use crate::outcome::{self, Failure};
use crate::store::{Change, Changed, Operation, Outcome, Version};

/// Deletes. What is not there is deleted already.
pub(super) async fn delete(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let change = change(kind, id.into(), request)?;
    Ok(answer(request, exchange.endpoint.gateway.store.submit(&exchange.permit, request.set(vec![change])).await?))
}

/// Deletes the one resource that matches, or, where the policy says so, all that match, in one transaction.
pub(super) async fn conditional(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let kind = request.kind()?;
    let search = conditional::criteria(exchange, kind, &request.query).await?;
    let mut transaction = exchange.endpoint.gateway.store.begin(&exchange.permit).await?;
    let policy = exchange.endpoint.conditional_delete.of(request.conditions.if_match.as_deref());
    let found = conditional::deleted(&mut transaction, &search, policy).await?;
    if found.is_empty() {
        return Ok(answer(request, Vec::new()));
    }
    let changes = found.into_iter().map(|id| change(kind, id, request)).collect::<Result<_, _>>()?;
    Ok(answer(request, transaction.apply(request.set(changes)).await?))
}

fn change(kind: &str, id: Box<str>, request: &Request) -> Result<Change, Failure> {
    let operation = Operation::Delete { if_match: request.conditions.version()? };
    Ok(Change { kind: kind.into(), id, operation })
}

/// What a deletion answers; nothing changed where nothing matched.
pub(super) fn answer(request: &Request, changed: Vec<Changed>) -> Answer {
    let mut provenances = Vec::new();
    let deleted = changed.into_iter().filter(|changed| changed.outcome == Outcome::Deleted).map(|changed| {
        provenances.extend(changed.provenances);
        changed.version
    });
    let deleted: Vec<Version> = deleted.collect();
    let said = match &deleted[..] {
        [] => "There was nothing to delete.".into(),
        [_] => "The resource was deleted.".into(),
        several => Cow::Owned(format!("{} resources were deleted.", several.len())),
    };
    // A version is said only where it is the one resource's.
    let only = if let [version] = &deleted[..] { Some((version.version, version.updated_ms)) } else { None };
    let (status, payload) = match request.preference.content {
        Some(Content::Outcome) => (StatusCode::OK, Payload::Outcome(outcome::success(said))),
        _ => (StatusCode::NO_CONTENT, Payload::Nothing),
    };
    let touched = deleted.iter().chain(&provenances).map(Touched::of).collect();
    Answer { status, stamp: only, location: None, payload, touched, notice: None }
}
