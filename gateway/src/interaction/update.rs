//! <https://hl7.org/fhir/R4/http.html#update>, also by condition: <https://hl7.org/fhir/R4/http.html#cond-update>

use crate::interaction::create::written;
use crate::interaction::incoming::{self, Resource};
use crate::interaction::{Answer, Exchange, Request, conditional};
use crate::outcome::{Code, Failure};
use crate::store::{Change, Operation};

/// Replaces a resource, or creates it under the client's id.
pub(super) async fn update(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let resource = incoming::resource(request.body.clone(), kind).await?;
    check_id(resource.id.as_deref(), id).map_err(|failure| failure.at(&format!("{kind}.id")))?;
    let change = change(kind, id.into(), request, resource)?;
    written(
        exchange,
        request,
        exchange.endpoint.gateway.store.submit(&exchange.permit, request.set(vec![change])).await?,
    )
}

/// Updates the one resource that matches, or creates one where none does.
pub(super) async fn conditional(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let kind = request.kind()?;
    let search = conditional::criteria(exchange, kind, &request.query).await?;
    let resource = incoming::resource(request.body.clone(), kind).await?;
    let gateway = &exchange.endpoint.gateway;
    let mut transaction = gateway.store.begin(&exchange.permit).await?;
    let found = conditional::only_match_to_change(&mut transaction, &search).await?;
    let change = match found {
        Some(id) => {
            check_match(resource.id.as_deref(), &id).map_err(|failure| failure.at(&format!("{kind}.id")))?;
            change(kind, id, request, resource)?
        }
        None => match resource.id.clone() {
            Some(id) => change(kind, id, request, resource)?,
            // An id of ours names nothing yet: no version can match.
            None if request.conditions.if_match.is_some() => return Err(no_version()),
            None => Change {
                kind: kind.into(),
                id: gateway.ids.next().into(),
                operation: Operation::Create { body: resource.body },
            },
        },
    };
    written(exchange, request, transaction.apply(request.set(vec![change])).await?)
}

fn change(kind: &str, id: Box<str>, request: &Request, resource: Resource) -> Result<Change, Failure> {
    let operation = Operation::Update {
        body: resource.body,
        if_match: request.conditions.version()?,
        if_none_match: request.conditions.only_create()?,
    };
    Ok(Change { kind: kind.into(), id, operation })
}

/// An update's body carries the id of its address.
pub(super) fn check_id(given: Option<&str>, id: &str) -> Result<(), Failure> {
    match given {
        Some(given) if given == id => Ok(()),
        Some(_) => Err(Failure::bad_request(
            Code::Value,
            "The id in the resource is not the id in the address. Make them equal.",
        )),
        None => Err(Failure::bad_request(
            Code::Required,
            "An update needs the id in the resource too. Add the id of the address.",
        )),
    }
}

/// A conditional update's body may carry an id, but then that of the match.
pub(super) fn check_match(given: Option<&str>, id: &str) -> Result<(), Failure> {
    match given {
        Some(given) if given != id => Err(Failure::bad_request(
            Code::Value,
            "The condition matches a resource with another id than the one in the body. Leave the id out, or update by id.",
        )),
        _ => Ok(()),
    }
}

/// If-Match for what is not there.
pub(super) fn no_version() -> Failure {
    Failure::precondition("If-Match names a version, and nothing matches the condition.")
}
