//! <https://hl7.org/fhir/R4/http.html#vread>

use crate::interaction::read::{answer, unknown};
use crate::interaction::{Answer, Exchange, Request, trail};
use crate::outcome::Failure;
use crate::store::Found;

/// One version of a resource.
pub(super) async fn vread(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let Some(version) = request.version.as_deref().and_then(number) else { return Err(unknown()) };
    // A record of the trail never changes.
    if let Some(record) = trail::record(exchange, kind, id).await?.filter(|record| record.version == version) {
        return answer(Found::Present(record), request);
    }
    answer(exchange.endpoint.gateway.store.vread(&exchange.permit, kind, id, version).await?, request)
}

/// Version ids are numbers here, written in one way; any other text names no version.
pub(crate) fn number(text: &str) -> Option<i64> {
    let version: i64 = text.parse().ok()?;
    (version.to_string() == text).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_version_id_is_written_in_one_way() {
        assert_eq!(number("1"), Some(1));
        for other in ["01", "+1", "", "1.0", "a", "99999999999999999999"] {
            assert_eq!(number(other), None);
        }
    }
}
