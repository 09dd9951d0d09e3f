//! In which standard an element's codes are, where they are in one: what R4's bindings and US Core's ask for
//! (<https://hl7.org/fhir/R4/terminologies-valuesets.html>). Names are looked for there, and nowhere else.

const CVX: &str = "http://hl7.org/fhir/sid/cvx";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const SNOMED: &str = "http://snomed.info/sct";

/// Type, element (`*`: of any type), standards.
const TABLE: [(&str, &str, &[&str]); 30] = [
    ("AllergyIntolerance", "code", &[RXNORM, SNOMED]),
    ("AllergyIntolerance", "reaction.manifestation", &[SNOMED]),
    ("AllergyIntolerance", "reaction.substance", &[RXNORM, SNOMED]),
    ("CarePlan", "activity.detail.code", &[SNOMED, LOINC]),
    ("Composition", "section.code", &[LOINC]),
    ("Composition", "type", &[LOINC]),
    ("Condition", "bodySite", &[SNOMED]),
    ("Condition", "code", &[SNOMED]),
    ("DiagnosticReport", "code", &[LOINC]),
    ("DocumentReference", "type", &[LOINC]),
    ("Encounter", "reasonCode", &[SNOMED]),
    ("FamilyMemberHistory", "condition.code", &[SNOMED]),
    ("Immunization", "vaccineCode", &[CVX]),
    ("Medication", "code", &[RXNORM]),
    ("Medication", "ingredient.itemCodeableConcept", &[RXNORM]),
    ("Observation", "code", &[LOINC]),
    ("Observation", "component.code", &[LOINC]),
    ("Observation", "bodySite", &[SNOMED]),
    ("Procedure", "bodySite", &[SNOMED]),
    ("Procedure", "code", &[SNOMED]),
    ("Procedure", "reasonCode", &[SNOMED]),
    ("ServiceRequest", "code", &[LOINC, SNOMED]),
    ("ServiceRequest", "reasonCode", &[SNOMED]),
    ("Specimen", "type", &[SNOMED]),
    ("MedicationAdministration", "reasonCode", &[SNOMED]),
    ("MedicationRequest", "reasonCode", &[SNOMED]),
    ("MedicationStatement", "reasonCode", &[SNOMED]),
    ("*", "medicationCodeableConcept", &[RXNORM]),
    ("DeviceUseStatement", "reasonCode", &[SNOMED]),
    ("Immunization", "reasonCode", &[SNOMED]),
];

/// The standards of an element (`component.code`) of a type of resource; none where the table has none.
pub fn of(kind: &str, element: &str) -> &'static [&'static str] {
    let is_it = |row: &&(&str, &str, &'static [&'static str])| (row.0 == kind || row.0 == "*") && row.1 == element;
    TABLE.iter().find(is_it).map_or(&[], |row| row.2)
}

/// Whether resources of a type are about health, so that what their codes mean is asked: not definitions, nor what others are decided
/// or told by, which stays as it was written.
pub fn is_normalized(kind: &str) -> bool {
    const PASSED: [&str; 25] = [
        "ActivityDefinition",
        "AuditEvent",
        "Basic",
        "Binary",
        "Bundle",
        "CapabilityStatement",
        "CodeSystem",
        "ConceptMap",
        "Consent",
        "ImplementationGuide",
        "Library",
        "Measure",
        "MessageDefinition",
        "NamingSystem",
        "OperationDefinition",
        "Parameters",
        "PlanDefinition",
        "Provenance",
        "Questionnaire",
        "SearchParameter",
        "StructureDefinition",
        "StructureMap",
        "Subscription",
        "TerminologyCapabilities",
        "ValueSet",
    ];
    PASSED.binary_search(&kind).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_have_their_standards() {
        assert_eq!(of("Observation", "component.code"), [LOINC]);
        assert_eq!(of("MedicationDispense", "medicationCodeableConcept"), [RXNORM]);
        assert!(of("Observation", "category").is_empty());
        assert!(is_normalized("Observation") && !is_normalized("Consent") && !is_normalized("ActivityDefinition"));
    }
}
