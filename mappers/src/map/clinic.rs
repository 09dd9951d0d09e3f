//! The built-in maps of the clinic schema, by the migration that makes their tables.

use super::File;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$((concat!($name, ".toml"), include_str!(concat!("../../maps/clinic/", $name, ".toml")))),*]
    };
}

/// The built-in maps of the clinic schema (`mappers/maps/clinic`), in the order in which they are tried.
pub fn clinic() -> Vec<File> {
    let parts = [SOAP, EVENTS, CLINIC, PEOPLE, RECORD, CARE, DOCUMENTS];
    parts.iter().flat_map(|part| part.iter()).map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// `0001_clinic`
const CLINIC: &[(&str, &str)] = files!["patient", "medication", "medication_request", "lab_results"];

/// `0002_people`
const PEOPLE: &[(&str, &str)] = files![
    "organization",
    "practitioner",
    "location",
    "practitioner_role",
    "related_person",
    "encounter",
    "appointment"
];

/// `0003_record`
const RECORD: &[(&str, &str)] = files![
    "allergies",
    "problems",
    "health_concerns",
    "encounter_diagnoses",
    "conditions",
    "orders",
    "specimens",
    "diagnostic_reports",
    "immunizations",
    "procedures",
    "family_history",
    "social_determinants",
    "social_history",
    "patient_vital_signs",
    "clinical_observations",
];

/// `0004_care`
const CARE: &[(&str, &str)] = files![
    "goal",
    "care_team",
    "care_plan",
    "device",
    "medication_statement",
    "medication_administration",
    "medication_dispense",
    "coverage",
    "consent",
    "patient_consents",
    "questionnaire_response",
    "provenance",
];

/// `0005_documents`
const DOCUMENTS: &[(&str, &str)] = files!["document_reference", "binary"];

/// `0006_events`
const EVENTS: &[(&str, &str)] = files![
    "event_mood",
    "event_confidence",
    "event_symptom",
    "event_activity",
    "event_sleep",
    "event_vital",
    "event_medication",
    "event_checkin",
];

/// `0007_soap`
const SOAP: &[(&str, &str)] = files![
    "composition",
    "vital_signs",
    "soap_subjective_history_of_present_illness",
    "soap_subjective_review_of_systems",
    "soap_objective_physical_examination",
    "soap_objective_results",
    "soap_subjective_allergies",
    "soap_subjective_current_medications",
    "soap_assessment_problem_list",
    "soap_assessment_differential_diagnoses",
    "soap_plan_medication",
    "soap_plan_orders",
    "soap_plan_procedures",
    "soap_plan_follow_up_and_education"
];
