//! What US Core adds to the search parameters of R4, as facts: names, types, places
//! (<https://hl7.org/fhir/us/core/STU6.1/search-parameters-and-operations.html>).

use super::parameters::{Definition, ElementType as E, ParameterKind as K, at, single};

static TABLE: &[Definition] = &[
    single("CareTeam.role", K::Token, &[at("participant.role", E::CodeableConcept)], &[]),
    single("Condition.asserted-date", K::Date, &[at("extension[url=http://hl7.org/fhir/StructureDefinition/condition-assertedDate].valueDateTime", E::DateTime)], &[]),
    single("Encounter.discharge-disposition", K::Token, &[at("hospitalization.dischargeDisposition", E::CodeableConcept)], &[]),
    single("Goal.description", K::Token, &[at("description", E::CodeableConcept)], &[]),
    single("Patient.ethnicity", K::Token, &[at("extension[url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity].extension.valueCoding", E::Coding)], &[]),
    single("Patient.gender-identity", K::Token, &[at("extension[url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity].valueCodeableConcept", E::CodeableConcept)], &[]),
    single("Patient.race", K::Token, &[at("extension[url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-race].extension.valueCoding", E::Coding)], &[]),
];

/// The parameters added to a type.
pub(super) fn of(kind: &str) -> impl Iterator<Item = &'static Definition> + use<'_> {
    TABLE.iter().filter(move |definition| definition.kind == kind)
}
