//! <https://hl7.org/fhir/R4/http.html#vread>

use crate::interaction::read::{answer, unknown};
use crate::interaction::{Answer, Exchange, Request};
use crate::outcome::Failure;

/// One version of a resource.
pub(super) async fn vread(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    // Version ids are numbers here; any other text names no version.
    let Some(version) = request.version.as_deref().and_then(|version| version.parse().ok()) else {
        return Err(unknown());
    };
    answer(exchange.endpoint.gateway.store.vread(&exchange.permit, kind, id, version).await?, request)
}
