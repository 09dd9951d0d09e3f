//! What R4 says of an element: does it exist, is it a list, a primitive or an object of which type.
//!
//! <https://hl7.org/fhir/R4/datatypes.html>; the knowledge is [`crate::structure`]'s.

use fhirbolt_shared::element_map::r4::ELEMENT_MAP;

use super::Primitive;
use crate::structure::{self, Shape};

/// An element of a type or of a backbone element.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Element {
    /// It is a JSON array.
    pub(super) list: bool,
    /// What its values are.
    pub(super) content: Content,
}

/// What an element's value is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// A primitive.
    Primitive(Primitive),
    /// An object; the text is the key of its members (`HumanName`, `Patient.contact`).
    Object(String),
    /// A whole resource.
    Resource,
}

/// Whether R4 has the resource type.
pub(super) fn is_resource(name: &str) -> bool {
    structure::is_resource_type(name)
}

/// All resource types.
pub(super) fn resources() -> impl Iterator<Item = &'static str> {
    structure::resource_types()
}

/// The members of a type or backbone element.
pub(super) fn members(owner: &str) -> impl Iterator<Item = &'static str> + use<> {
    ELEMENT_MAP.get(owner).into_iter().flat_map(|set| set.iter().copied())
}

/// The element `name` of `owner` (a type or a backbone element's path).
pub(super) fn element(owner: &str, name: &str) -> Option<Element> {
    let definition = structure::definition(&format!("{owner}.{name}"))?;
    let content = match definition.shape {
        Shape::Primitive(kind) => Content::Primitive(primitive(kind)),
        Shape::Object(owner) => Content::Object(owner.to_owned()),
        Shape::Resource => Content::Resource,
    };
    Some(Element { list: definition.list, content })
}

/// A FHIR primitive type, as far as codecs differ.
fn primitive(kind: &str) -> Primitive {
    match kind {
        "boolean" => Primitive::Boolean,
        "date" => Primitive::Date,
        "dateTime" => Primitive::DateTime,
        "decimal" => Primitive::Decimal,
        "instant" => Primitive::Instant,
        "integer" | "positiveInt" | "unsignedInt" => Primitive::Integer,
        "time" => Primitive::Time,
        _ => Primitive::String,
    }
}
