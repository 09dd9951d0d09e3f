//! What makes an AuditEvent one of the trail's: nothing that a client writes may look like it.

use mappers::json::Element;

use super::resource::SOURCE;

pub(crate) use super::reading::place;

/// The type of the trail's records.
pub(crate) const KIND: &str = "AuditEvent";

/// Whether a resource says that it comes from the trail, in whatever version or part of it.
pub(crate) fn is_claimed(resource: Element<'_>) -> bool {
    let source = resource.member("meta").and_then(|meta| meta.member("source")).and_then(|source| source.string());
    source
        .is_some_and(|source| source.trim().split('#').next().is_some_and(|source| source.eq_ignore_ascii_case(SOURCE)))
}
