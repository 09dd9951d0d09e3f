//! What is derived of every version that is stored: what consent asks, what searches find it by, and what its codes mean.

use mappers::json::{Document, Element};

use crate::store::core::Core;
use crate::store::custom::InForce;
use crate::store::emit::Facts;
use crate::store::index::{Index, Served};
use crate::store::normalizing::Normalized;

/// What is derived of a resource of this type under this id that is written now; `body` as it will be served.
pub(crate) fn derive(
    core: &Core,
    in_force: &InForce,
    of: (&str, &str),
    resource: Element<'_>,
    body: &[u8],
) -> (Facts, Index) {
    let normalized = core.normalizer.look(&in_force.normalizing, of.0, body);
    derive_with(core, in_force, of, (resource, body), normalized)
}

/// The same, where it is known what its codes mean: of a version that is stored, what was told of it, whatever would be told now. Labels
/// and searches know that, too: a code of somebody's own is as sensitive as what it stands for.
pub(crate) fn derive_with(
    core: &Core,
    in_force: &InForce,
    (kind, id): (&str, &str),
    (resource, body): (Element<'_>, &[u8]),
    mut normalized: Normalized,
) -> (Facts, Index) {
    let bases = core.bases();
    let facts = Facts::of(kind, id, resource, &bases);
    let whole = normalized.whole.take();
    let document = whole.as_deref().and_then(|whole| Document::parse(whole.as_bytes()).ok());
    let (resource, body) = match (&document, &whole) {
        (Some(document), Some(whole)) => (document.root(), whole.as_bytes()),
        _ => (resource, body),
    };
    let index = Index::of(kind, resource, Served { body, custom: &in_force.custom }, &bases).with(normalized);
    (facts.labelled(core, kind, resource), index)
}
