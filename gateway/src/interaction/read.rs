//! <https://hl7.org/fhir/R4/http.html#read>

use hyper::StatusCode;

use crate::interaction::{Answer, Exchange, Payload, Request, trail};
use crate::outcome::{Code, Failure};
use crate::store::Found;

/// The current state of a resource.
pub(super) async fn read(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    if let Some(record) = trail::record(exchange, kind, id).await? {
        return answer(Found::Present(record), request);
    }
    answer(exchange.endpoint.gateway.store.read(&exchange.permit, kind, id).await?, request)
}

/// What was found, as read and vread answer it.
pub(super) fn answer(found: Found, request: &Request) -> Result<Answer, Failure> {
    match found {
        Found::Present(version) if request.conditions.not_modified(version.version, version.updated_ms) => {
            Ok(Answer { status: StatusCode::NOT_MODIFIED, payload: Payload::Nothing, ..Answer::shown(version) })
        }
        Found::Present(version) => Ok(Answer::shown(version)),
        found => Err(not_there(&found)),
    }
}

/// Why what was found cannot be shown.
pub(crate) fn not_there(found: &Found) -> Failure {
    match found {
        Found::Deleted(_) => Failure::new(
            StatusCode::GONE,
            Code::Deleted,
            "The resource was deleted. Its _history shows the versions before.",
        ),
        Found::Present(_) | Found::Unknown => unknown(),
    }
}

/// Never was, or is hidden: the two look alike.
pub(super) fn unknown() -> Failure {
    Failure::not_found("There is no such resource.")
}
