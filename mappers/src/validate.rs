//! `$validate`: is this resource what R4 and its profiles say (<https://hl7.org/fhir/R4/validation.html>)?
//!
//! [`structure`] checks every write; this checks more, for whoever asks: cardinalities, slices, fixed values and
//! patterns, bindings, invariants, extensions, references, Bundles. What is known is in two places: tables for R4 and US Core
//! 6.1.0, and a [`Library`] of definitions that the caller has. The walk is pure: what it lacks it names
//! ([`Report::wanted`]), and whoever can look it up validates again. What cannot be checked is said as information,
//! never as an error.

mod addresses;
mod attachment;
mod binding;
mod builtin;
mod bundle;
mod capability;
mod cardinality;
mod code_system;
mod definition;
mod derived;
mod discriminator;
mod element;
mod extension;
mod fixed;
mod invariant;
mod issue;
mod library;
mod limits;
mod narrative;
mod place;
mod questionnaire;
mod reader;
mod reference;
mod slicing;
mod uri;
mod value_set;
mod walk;

pub use definition::Definition;
pub use issue::{Issue, MAX_ISSUES, Report, Severity};
pub use library::{Library, Wanted};

use crate::fhirpath::Node;
use crate::json::Document;
use crate::structure;
use place::Place;
use walk::Walk;

/// How one resource is validated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'o> {
    /// Profiles it must meet beside those that it claims in `meta.profile`.
    pub profiles: &'o [Box<str>],
    /// `now()` of invariants, as a FHIR instant.
    pub now: Option<&'o str>,
    /// What all invariants may spend together (see [`crate::fhirpath::WORK`]); `None`: [`WORK`].
    pub work: Option<u64>,
}

/// What invariants may spend where nobody says otherwise: fourteen times what the most of R4's own examples take.
pub const WORK: u64 = 4_000_000;

/// Validates one resource.
#[must_use]
pub fn validate(document: &Document<'_>, library: &Library, options: Options<'_>) -> Report {
    let work = options.work.unwrap_or(WORK);
    let mut walk = Walk::new(library, options.now, work);
    if let Err(issues) = structure::check(document) {
        for issue in issues {
            walk.report.add_structure(issue);
        }
    }
    let Some(node) = Node::resource(document.root()) else { return walk.report };
    let place = Place::root(node.kind);
    walk.start(node, &place, options.profiles);
    walk.report.close(node.kind);
    walk.report.spent = work - walk.work.get();
    walk.report
}
