//! The clinic: one organization and its practitioners.

use super::json::{Json, Resource, array, boolean, object, text, transaction};

/// The clinic's organization.
pub(super) const ORGANIZATION: &str = "larkhaven-clinic";

/// Its practitioners: id, given name, family name, national provider identifier. The identifiers begin with 0, which
/// no real one does.
pub(super) const PRACTITIONERS: &[(&str, &str, &str, &str)] = &[
    ("dr-marchetti", "Lucia", "Marchetti", "0000000014"),
    ("dr-oyelaran", "Femi", "Oyelaran", "0000000022"),
    ("dr-halvorsen", "Signe", "Halvorsen", "0000000030"),
    ("np-delacruz", "Ramon", "de la Cruz", "0000000048"),
];

/// All of it as a transaction.
pub(super) fn bundle() -> Json {
    let mut resources = vec![organization()];
    resources.extend(PRACTITIONERS.iter().map(practitioner));
    transaction(resources)
}

fn organization() -> Resource {
    Resource {
        kind: "Organization",
        id: ORGANIZATION.into(),
        members: vec![
            ("active", boolean(true)),
            ("name", text("Larkhaven Family Clinic")),
            (
                "telecom",
                array([object([("system", text("phone")), ("value", text("555-555-0100")), ("use", text("work"))])]),
            ),
        ],
    }
}

fn practitioner((id, given, family, npi): &(&str, &str, &str, &str)) -> Resource {
    Resource {
        kind: "Practitioner",
        id: (*id).into(),
        members: vec![
            ("identifier", array([object([("system", text("http://hl7.org/fhir/sid/us-npi")), ("value", text(npi))])])),
            ("active", boolean(true)),
            (
                "name",
                array([object([("use", text("official")), ("family", text(family)), ("given", array([text(given)]))])]),
            ),
        ],
    }
}
