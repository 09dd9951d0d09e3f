//! What makes a Provenance one of the gateway's own: nothing that a client writes may look like it, and nobody changes it.

use mappers::json::Element;

/// The type.
pub(crate) const KIND: &str = "Provenance";
/// What `meta.source` of the gateway's own says, and nobody else's.
pub(crate) const SOURCE: &str = "urn:fhir-gateway:provenance";
/// What their ids begin with.
pub(crate) const PREFIX: &str = "gateway-provenance-";

/// Whether an id is one of the gateway's own, whether there is such a Provenance or not.
pub(crate) fn is_own(kind: &str, id: &str) -> bool {
    kind == KIND && id.starts_with(PREFIX)
}

/// Whether a resource says that it comes from the gateway, in whatever version or part of it.
pub(crate) fn is_claimed(resource: Element<'_>) -> bool {
    let source = resource.member("meta").and_then(|meta| meta.member("source")).and_then(|source| source.string());
    source
        .is_some_and(|source| source.trim().split('#').next().is_some_and(|source| source.eq_ignore_ascii_case(SOURCE)))
}
