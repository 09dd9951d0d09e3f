//! Is this a resource of FHIR R4? A streaming check of every write (<https://hl7.org/fhir/R4/json.html>,
//! <https://hl7.org/fhir/R4/datatypes.html>).
//!
//! Checked: the type, unknown elements, one or many, JSON types, empty values, `null` and `_siblings`, choices,
//! contained resources, extensions, required elements, the format of every primitive, and codes of required bindings
//! whose list the standard closes. Not checked: profiles, invariants in FHIRPath, narrative XHTML, references.
//! The knowledge is fhirbolt-shared's tables and `facts.txt` beside them; no model object is built.

mod issue;
mod primitive;
mod table;
mod walk;

pub(crate) use issue::Place;
pub use issue::{Issue, IssueCode, MAX_ISSUES};
pub(crate) use primitive::Primitive;
pub use table::{Definition, Required, Shape};
pub(crate) use table::{Member, Table, Type, TypeId, Value, table};

use crate::json::{Document, Element};
use walk::Walk;
pub(crate) use walk::unknown;

/// A resource that has passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Checked {
    /// Its type: `Patient`.
    pub resource_type: &'static str,
}

/// Checks a text that is one resource.
///
/// # Errors
/// What is wrong, in the order of the text; at most [`MAX_ISSUES`].
pub fn check(document: &Document<'_>) -> Result<Checked, Vec<Issue>> {
    Walk::default().start(document.root(), None, None)
}

/// [`check`], and the resource must be of this type (the one in the URL).
///
/// # Errors
/// As [`check`].
pub fn check_resource(document: &Document<'_>, expected_type: Option<&str>) -> Result<Checked, Vec<Issue>> {
    Walk::default().start(document.root(), None, expected_type)
}

/// Checks a resource that stands inside another text; expressions start with `place` (`Bundle.entry[3].resource`).
///
/// # Errors
/// As [`check`].
pub fn check_element(resource: Element<'_>, place: &str) -> Result<Checked, Vec<Issue>> {
    Walk::default().start(resource, Some(place), None)
}

/// Checks a Bundle and not the resources in its entries, so that a batch can answer for each entry on its own.
///
/// # Errors
/// As [`check`].
pub fn check_frame(bundle: Element<'_>) -> Result<Checked, Vec<Issue>> {
    Walk::frame().start(bundle, None, Some("Bundle"))
}

/// Whether R4 has a resource of this type.
#[must_use]
pub fn is_resource_type(name: &str) -> bool {
    table().resource(name).is_some()
}

/// Every resource type of R4, in alphabetical order.
pub fn resource_types() -> impl Iterator<Item = &'static str> {
    table().resource_types()
}

/// What R4 says of a path in JSON names: `Patient.name.given`, `Observation.valueQuantity.value`.
#[must_use]
pub fn definition(path: &str) -> Option<Definition> {
    table().definition(path)
}

/// What R4 says of one member of an object of a type (or of the path of an element with members of its own).
#[must_use]
pub fn element(owner: &str, name: &str) -> Option<Definition> {
    table().element(owner, name)
}

/// What R4 says of the members that FHIRPath calls by this name: one, or (`value`) one for each type of a choice.
#[must_use]
pub fn named(owner: &str, name: &str) -> Vec<Definition> {
    table().named(owner, name)
}

/// What an object of a type (or of the path of an element with members of its own) must have, in the order of R4.
#[must_use]
pub fn required(owner: &str) -> Vec<Required> {
    table().required(owner)
}

/// The elements of an object that come in one of several types, each by its JSON names.
#[must_use]
pub fn choices(owner: &str) -> Vec<Vec<&'static str>> {
    table().choices(owner)
}

/// The elements of a type (or of the path of an element with members of its own) in the order of the specification; a
/// choice once, by its name without a type.
#[must_use]
pub fn order(owner: &str) -> Vec<&'static str> {
    table().names(owner)
}

/// Builds the tables now instead of at the first check.
pub fn prepare() {
    table();
}
