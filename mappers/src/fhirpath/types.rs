//! Types and what they are derived from: <https://hl7.org/fhir/R4/datatypes.html>.

use super::syntax::TypeName;
use super::value::Value;
use crate::structure;

/// The types of FHIRPath itself.
const SYSTEM: [&str; 9] = ["Any", "Boolean", "Date", "DateTime", "Decimal", "Integer", "Quantity", "String", "Time"];

/// Primitive types of FHIR.
const PRIMITIVES: [&str; 20] = [
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "markdown",
    "oid",
    "positiveInt",
    "string",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
    "xhtml",
];

/// What a type of FHIR is derived from.
fn parent(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "code" | "id" | "markdown" => "string",
        "canonical" | "oid" | "url" | "uuid" => "uri",
        "positiveInt" | "unsignedInt" => "integer",
        "Age" | "Count" | "Distance" | "Duration" | "MoneyQuantity" | "SimpleQuantity" => "Quantity",
        "Dosage" | "ElementDefinition" | "Timing" => "BackboneElement",
        "Binary" | "Bundle" | "Parameters" | "DomainResource" => "Resource",
        "Element" | "Resource" => return None,
        _ if structure::is_resource_type(kind) => "DomainResource",
        _ if kind.contains('.') && structure::is_resource_type(kind.split('.').next().unwrap_or_default()) => {
            "BackboneElement"
        }
        _ => "Element",
    })
}

/// Whether a type of FHIR has a value of its own.
pub(super) fn is_primitive(kind: &str) -> bool {
    PRIMITIVES.contains(&kind)
}

/// Whether a type of FHIR is another, or derived from it.
pub(crate) fn is_a(kind: &str, wanted: &str) -> bool {
    kind == wanted || parent(kind).is_some_and(|parent| is_a(parent, wanted))
}

impl TypeName {
    /// Whether there is such a type.
    pub(super) fn is_known(&self) -> bool {
        let name = self.name.as_str();
        let fhir = PRIMITIVES.contains(&name)
            || matches!(
                name,
                "Resource" | "DomainResource" | "Element" | "BackboneElement" | "SimpleQuantity" | "MoneyQuantity"
            )
            || structure::element(name, "id").is_some();
        match self.namespace.as_deref() {
            Some("System") => SYSTEM.contains(&name) || fhir,
            Some("FHIR") => fhir,
            None => fhir || SYSTEM.contains(&name),
            Some(_) => false,
        }
    }

    /// Whether a value is of this type.
    pub(super) fn admits(&self, value: &Value<'_>) -> bool {
        let namespace = self.namespace.as_deref();
        match value {
            Value::Node(node) => namespace != Some("System") && is_a(node.kind, &self.name),
            Value::Type { .. } => false,
            system => namespace != Some("FHIR") && (system.system_name() == self.name || self.name == "Any"),
        }
    }

    /// As [`TypeName::admits`], for `ofType` and `as`: not what is derived from it.
    pub(super) fn names(&self, value: &Value<'_>) -> bool {
        match value {
            Value::Node(node) if node.is_primitive() => {
                self.namespace.as_deref() != Some("System") && node.kind == self.name
            }
            _ => self.admits(value),
        }
    }
}
