//! <https://hl7.org/fhir/R4/http.html#delete>, also by condition (one match at most)

use hyper::StatusCode;

use crate::http::preference::Content;
use crate::interaction::{Answer, Exchange, Payload, Request, Touched, conditional};
use crate::outcome::{self, Failure};
use crate::store::{Change, Changed, Operation, Outcome};

/// Deletes. What is not there is deleted already.
pub(super) async fn delete(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let change = change(kind, id.into(), request)?;
    let mut changed = exchange.endpoint.gateway.store.submit(&exchange.permit, vec![change]).await?;
    Ok(answer(request, changed.pop()))
}

/// Deletes the one resource that matches.
pub(super) async fn conditional(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let kind = request.kind()?;
    let search = conditional::criteria(exchange, kind, &request.query).await?;
    let mut transaction = exchange.endpoint.gateway.store.begin(&exchange.permit).await?;
    match conditional::only_match(&mut transaction, &search).await? {
        None => Ok(answer(request, None)),
        Some(id) => Ok(answer(request, transaction.apply(vec![change(kind, id, request)?]).await?.pop())),
    }
}

fn change(kind: &str, id: Box<str>, request: &Request) -> Result<Change, Failure> {
    let operation = Operation::Delete { if_match: request.conditions.version()? };
    Ok(Change { kind: kind.into(), id, operation })
}

/// What a deletion answers; `None` where nothing matched.
pub(super) fn answer(request: &Request, changed: Option<Changed>) -> Answer {
    let deleted = changed.filter(|changed| changed.outcome == Outcome::Deleted).map(|changed| changed.version);
    let said = if deleted.is_some() { "The resource was deleted." } else { "There was nothing to delete." };
    let (status, payload) = match request.preference.content {
        Some(Content::Outcome) => (StatusCode::OK, Payload::Outcome(outcome::success(said))),
        _ => (StatusCode::NO_CONTENT, Payload::Nothing),
    };
    Answer {
        status,
        stamp: deleted.as_ref().map(|version| (version.version, version.updated_ms)),
        location: None,
        payload,
        touched: deleted.iter().map(Touched::of).collect(),
    }
}
