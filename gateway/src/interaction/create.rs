//! <https://hl7.org/fhir/R4/http.html#create>, with If-None-Exist: <https://hl7.org/fhir/R4/http.html#ccreate>

use hyper::StatusCode;

use crate::http::query;
use crate::interaction::read::unknown;
use crate::interaction::{Answer, Exchange, Request, conditional, incoming};
use crate::outcome::{Code, Failure};
use crate::store::{Change, Changed, Found, Operation};

/// A new resource under an id of ours; with a condition, only where nothing matches.
pub(super) async fn create(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let kind = request.kind()?;
    refuse_condition(request)?;
    let resource = incoming::resource(request.body.clone(), kind).await?;
    let gateway = &exchange.endpoint.gateway;
    let change = || Change {
        kind: kind.into(),
        id: gateway.ids.next().into(),
        operation: Operation::Create { body: resource.body.clone() },
    };
    let changed = match request.conditions.if_none_exist.as_deref() {
        None => gateway.store.submit(&exchange.permit, request.set(vec![change()])).await?,
        Some(condition) => {
            let search = conditional::criteria(exchange, kind, condition).await?;
            let mut transaction = gateway.store.begin(&exchange.permit).await?;
            match conditional::only_match(&mut transaction, &search).await? {
                Some(id) => {
                    drop(transaction);
                    return existing(exchange, request, kind, &id).await;
                }
                None => transaction.apply(request.set(vec![change()])).await?,
            }
        }
    };
    written(exchange, request, changed)
}

/// Whoever puts a condition into the address (some clients do, for a conditional create) would get another resource each time.
fn refuse_condition(request: &Request) -> Result<(), Failure> {
    if query::pairs(&request.query).all(|(name, _)| name.is_empty() || name.starts_with('_')) {
        return Ok(());
    }
    let details = "A create takes no search parameters. To create only where nothing matches send them in the header If-None-Exist.";
    Err(Failure::new(StatusCode::BAD_REQUEST, Code::Invalid, details))
}

/// What a set of one change answers.
pub(super) fn written(
    exchange: &Exchange<'_>,
    request: &Request,
    mut changed: Vec<Changed>,
) -> Result<Answer, Failure> {
    let Changed { outcome, version, note, provenances } = changed.pop().ok_or_else(Failure::internal)?;
    let answer = Answer::written(exchange.endpoint, request.preference, Some(outcome), version);
    Ok(answer.noting(note).provided(&provenances))
}

/// The resource that a conditional create found.
async fn existing(exchange: &Exchange<'_>, request: &Request, kind: &str, id: &str) -> Result<Answer, Failure> {
    match exchange.endpoint.gateway.store.read(&exchange.permit, kind, id).await? {
        Found::Present(version) => Ok(Answer::written(exchange.endpoint, request.preference, None, version)),
        Found::Deleted(_) | Found::Unknown => Err(unknown()),
    }
}
