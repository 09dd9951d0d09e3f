//! Which types of values a kind of parameter takes: <https://hl7.org/fhir/R4/search.html#ptypes>.

use crate::fhirpath::Types;
use crate::search::parameters::{ElementType, ParameterKind};

/// The type whose value is meant wherever it comes out.
pub(super) const EXTENSION: &str = "Extension";

/// Whether values of a type (`HumanName`, `System.String`) can be searched by a kind of parameter.
pub(super) fn fits(kind: ParameterKind, of: &str) -> bool {
    match kind {
        ParameterKind::Composite | ParameterKind::Special => false,
        ParameterKind::Date => {
            matches!(of, "date" | "dateTime" | "instant" | "Period" | "Timing" | "System.Date" | "System.DateTime")
        }
        ParameterKind::Number => {
            matches!(of, "decimal" | "integer" | "positiveInt" | "unsignedInt" | "System.Decimal" | "System.Integer")
        }
        ParameterKind::Quantity => matches!(
            of,
            "Age"
                | "Count"
                | "Distance"
                | "Duration"
                | "Money"
                | "MoneyQuantity"
                | "Quantity"
                | "Range"
                | "SimpleQuantity"
                | "System.Quantity"
        ),
        ParameterKind::Reference => matches!(of, "Reference" | "canonical" | "oid" | "uri" | "url" | "uuid"),
        ParameterKind::String => matches!(
            of,
            "Address"
                | "HumanName"
                | "canonical"
                | "code"
                | "id"
                | "markdown"
                | "oid"
                | "string"
                | "uri"
                | "url"
                | "uuid"
                | "System.String"
        ),
        ParameterKind::Token => matches!(
            of,
            "boolean"
                | "canonical"
                | "code"
                | "CodeableConcept"
                | "Coding"
                | "ContactPoint"
                | "id"
                | "Identifier"
                | "integer"
                | "oid"
                | "positiveInt"
                | "string"
                | "unsignedInt"
                | "uri"
                | "url"
                | "uuid"
                | "System.Boolean"
                | "System.Integer"
                | "System.String"
        ),
        ParameterKind::Uri => matches!(of, "canonical" | "oid" | "uri" | "url" | "uuid" | "System.String"),
    }
}

/// Whether all that can come out are codes or yes and no: their system goes without saying.
pub(super) fn is_bare(types: &Types) -> bool {
    let bare = |kind: &&str| matches!(*kind, "boolean" | "code" | "System.Boolean");
    types.as_ref().is_some_and(|types| !types.is_empty() && types.iter().all(bare))
}

/// The type of an element, as the extractors take it; `None` for those that no parameter looks at.
pub(super) fn element_type(kind: &str) -> Option<ElementType> {
    Some(match kind {
        "Address" => ElementType::Address,
        "Age" => ElementType::Age,
        "boolean" => ElementType::Boolean,
        "canonical" => ElementType::Canonical,
        "code" => ElementType::Code,
        "CodeableConcept" => ElementType::CodeableConcept,
        "Coding" => ElementType::Coding,
        "ContactPoint" => ElementType::ContactPoint,
        "Count" | "Distance" | "MoneyQuantity" | "Quantity" | "SimpleQuantity" => ElementType::Quantity,
        "date" => ElementType::Date,
        "dateTime" => ElementType::DateTime,
        "decimal" => ElementType::Decimal,
        "Duration" => ElementType::Duration,
        "HumanName" => ElementType::HumanName,
        "id" => ElementType::Id,
        "Identifier" => ElementType::Identifier,
        "instant" => ElementType::Instant,
        "integer" | "positiveInt" | "unsignedInt" => ElementType::Integer,
        "markdown" => ElementType::Markdown,
        "Money" => ElementType::Money,
        "oid" | "uri" | "uuid" => ElementType::Uri,
        "Period" => ElementType::Period,
        "Range" => ElementType::Range,
        "Reference" => ElementType::Reference,
        "string" => ElementType::String,
        "Timing" => ElementType::Timing,
        "url" => ElementType::Url,
        _ => return None,
    })
}

/// What to point a parameter of a kind at, in words.
pub(super) fn wanted(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Composite | ParameterKind::Special => "nothing",
        ParameterKind::Date => "a date, dateTime, instant, Period or Timing",
        ParameterKind::Number => "a decimal or an integer",
        ParameterKind::Quantity => "a Quantity, Money or Range",
        ParameterKind::Reference => "a Reference, canonical or uri",
        ParameterKind::String => "a string, markdown, HumanName or Address",
        ParameterKind::Token => "a Coding, CodeableConcept, Identifier, ContactPoint, code, boolean, string or id",
        ParameterKind::Uri => "a uri, url, canonical, oid or uuid",
    }
}
