//! What the codes of resources mean in the standards, beside the resources (DESIGN 8): told of every write where the organization asks
//! for it, kept with how it is known, found by searches, and shown among the codings where the organization wants that. What was written
//! stays as it was written.
//!
//! Policies and maps are kept in the database (`kept`), and writers learn of them as they learn of search parameters, so that whatever
//! writes does alike. A release of a code system is a file that a process has or has not.

mod kept;
mod review;
mod rows;
mod shown;
mod systems;
mod told;
mod work;
mod written;

use std::sync::{Arc, OnceLock};

use consent::OrganizationId;
use mappers::concepts::{self, Concept};
use mappers::json::Document;
use parking_lot::Mutex;
use releases::Catalog;
use terminology::normalize::targets;

use crate::store::Store;
use crate::store::core::Core;

pub use kept::{Decision, Mode, PolicyReport, Target};
pub(crate) use kept::{Normalizing, load};
pub use review::{Difference, Now, Open};
pub(crate) use rows::{Of, Row, TABLES, batches, forget, forget_unused};
use shown::with;
pub(crate) use shown::{Codings, Nearness, codings, merges, show};
pub use systems::Used;
pub use work::Which;
pub(crate) use written::strip;

use told::{Known, Told};

/// What a process needs to tell what codes mean.
#[derive(Debug, Default)]
pub(crate) struct Normalizer {
    /// The releases that this process has.
    catalog: OnceLock<Arc<Catalog>>,
    known: Mutex<Known>,
}

impl Store {
    /// What is written from now on is told by these releases.
    pub fn normalize_by(&self, catalog: Arc<Catalog>) {
        // A second time in one process changes nothing.
        let _ = self.core().normalizer.catalog.set(catalog);
    }
}

/// What was told of a resource.
#[derive(Debug, Default)]
pub(crate) struct Normalized {
    /// What is kept of it.
    pub(crate) rows: Vec<Row>,
    /// The resource with all that its codes mean; `None` where that is nothing more.
    pub(crate) whole: Option<String>,
    /// The resource as it is shown; `None` where that is as it was written.
    pub(crate) shown: Option<String>,
}

impl Normalized {
    /// What was told of a version that is stored; nothing of it is to be kept.
    pub(crate) fn as_told(told: &Codings, version: (i64, i64), kind: &str, body: &[u8]) -> Self {
        Self { whole: told.get(&version).and_then(|codings| with(kind, body, codings)), ..Self::default() }
    }
}

impl Normalizer {
    /// What the codes of a resource mean; `body` as it is served.
    pub(crate) fn look(&self, normalizing: &Normalizing, kind: &str, body: &[u8]) -> Normalized {
        if normalizing.mode == Mode::Off || !targets::is_normalized(kind) {
            return Normalized::default();
        }
        let Ok(document) = Document::parse(body) else { return Normalized::default() };
        let is_concept = |names: &str| !targets::of(kind, names).is_empty();
        let concepts = concepts::concepts(document.root(), &is_concept);
        let mut rows = Vec::new();
        let catalog = self.catalog.get().map(|catalog| catalog.all()).unwrap_or_default();
        let mut known = self.known.lock();
        let mut telling = known.telling(catalog);
        for (number, concept) in concepts.iter().enumerate() {
            let told = telling.concept(normalizing, concept, targets::of(kind, &concept.names));
            rows.extend(told.into_iter().map(|(coding, told)| Row::new((number, concept), coding, told)));
        }
        drop(known);
        let whole = merged(&document, &concepts, rows.iter().filter(|row| row.is_standard()));
        let shown = rows.iter().filter(|row| normalizing.mode == Mode::Merged && row.told().is_shown());
        let shown = merged(&document, &concepts, shown);
        Normalized { rows, whole, shown }
    }
}

/// A resource with all that its codes mean, as searches find it; `None` where that is nothing more.
pub(crate) fn whole(core: &Core, organization: OrganizationId, kind: &str, resource: &str) -> Option<String> {
    let in_force = core.registry.in_force(organization);
    core.normalizer.look(&in_force.normalizing, kind, resource.as_bytes()).whole
}

/// A resource with these among its codings; `None` where there are none.
fn merged<'r>(
    document: &Document<'_>,
    concepts: &[Concept<'_>],
    rows: impl Iterator<Item = &'r Row>,
) -> Option<String> {
    let codings: Vec<(usize, String)> = rows.filter_map(|row| Some((row.concept(), row.told().coding()?))).collect();
    let lent: Vec<(usize, &str)> = codings.iter().map(|(concept, coding)| (*concept, coding.as_str())).collect();
    (!lent.is_empty()).then(|| concepts::with(document, concepts, &lent))
}
