//! What is derived of every version that is stored: what consent asks, what searches find it by, and what its codes mean.

use mappers::json::{Document, Element};

use crate::store::core::Core;
use crate::store::custom::InForce;
use crate::store::emit::Facts;
use crate::store::index::{Index, Served};

/// What is derived of a resource of this type under this id; `body` as it will be served. Labels and searches know what its codes mean,
/// too: a code of somebody's own is as sensitive as what it stands for.
pub(crate) fn derive(
    core: &Core,
    in_force: &InForce,
    (kind, id): (&str, &str),
    resource: Element<'_>,
    body: &[u8],
) -> (Facts, Index) {
    let bases = core.bases();
    let facts = Facts::of(kind, id, resource, &bases);
    let normalized = core.normalizer.look(&in_force.normalizing, kind, body);
    let whole = normalized.whole.as_deref().unwrap_or_default().as_bytes();
    let custom = &in_force.custom;
    match Document::parse(whole) {
        Ok(document) => {
            let index =
                Index::of(kind, document.root(), Served { body: whole, custom }, &bases).with(normalized.clone());
            (facts.labelled(core, kind, document.root()), index)
        }
        Err(_) => {
            let index = Index::of(kind, resource, Served { body, custom }, &bases).with(normalized);
            (facts.labelled(core, kind, resource), index)
        }
    }
}
