//! What an app asks, in words that people use.

use smart::scope::{Action, ContextKind, Other, Scope};

/// What kinds of records are called. The others by the words of their names.
const KINDS: [(&str, &str); 32] = [
    ("AllergyIntolerance", "Allergies and intolerances"),
    ("Appointment", "Appointments"),
    ("Binary", "Files of documents"),
    ("CarePlan", "Care plans"),
    ("CareTeam", "Who is in the care team"),
    ("Claim", "Claims to insurers"),
    ("Condition", "Problems and diagnoses"),
    ("Consent", "Consents"),
    ("Coverage", "Insurance"),
    ("Device", "Devices and implants"),
    ("DiagnosticReport", "Reports of laboratories and imaging"),
    ("DocumentReference", "Documents and notes"),
    ("Encounter", "Visits and stays"),
    ("ExplanationOfBenefit", "What insurers paid"),
    ("FamilyMemberHistory", "Health of the family"),
    ("Goal", "Goals of treatment"),
    ("Immunization", "Vaccinations"),
    ("Location", "Places of care"),
    ("Medication", "Descriptions of medicines"),
    ("MedicationAdministration", "Medicines that were given"),
    ("MedicationDispense", "Medicines that were handed out"),
    ("MedicationRequest", "Prescriptions"),
    ("MedicationStatement", "Medicines that are taken"),
    ("Observation", "Test results, vital signs and other findings"),
    ("Organization", "Organizations"),
    ("Patient", "Name, birth date, address and other particulars"),
    ("Practitioner", "Names of doctors and nurses"),
    ("PractitionerRole", "What doctors and nurses do where"),
    ("Procedure", "Procedures and operations"),
    ("Provenance", "Where records come from"),
    ("RelatedPerson", "Family and others close"),
    ("ServiceRequest", "Orders and referrals"),
];

/// What a type is called.
pub(super) fn kind(kind: &str) -> String {
    if let Ok(at) = KINDS.binary_search_by(|(name, _)| (*name).cmp(kind)) {
        return KINDS[at].1.to_owned();
    }
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// What a scope is about.
pub(in crate::authorization) fn subject(scope: &Scope) -> String {
    let what = scope.kind().map_or_else(|| "All kinds of records".to_owned(), kind);
    let conditions = scope.conditions();
    let values: Vec<&str> = conditions.iter().map(|(_, value)| value.rsplit('|').next().unwrap_or(value)).collect();
    if values.is_empty() { what } else { format!("{what}: only {}", values.join(", ").replace('-', " ")) }
}

/// What it lets be done, and with whose.
pub(in crate::authorization) fn deed(scope: &Scope) -> String {
    let has = |action| scope.actions().has(action);
    let mut deeds = Vec::new();
    if has(Action::Read) || has(Action::Search) {
        deeds.push("see");
    }
    for (action, word) in [(Action::Create, "add"), (Action::Update, "change"), (Action::Delete, "delete")] {
        deeds.extend(has(action).then_some(word));
    }
    let whose = match scope.context() {
        ContextKind::Patient => "for this patient",
        ContextKind::User => "for everybody whom you may see",
        ContextKind::System => "for everybody",
    };
    format!("may {} {whose}", deeds.join(", "))
}

/// What one of the other scopes means; `None` where there is nothing to decide about.
pub(super) fn other(other: Other) -> Option<&'static str> {
    match other {
        Other::Openid | Other::FhirUser | Other::Profile => Some("know who you are"),
        Other::LaunchPatient | Other::Launch => Some("know which patient this is about"),
        Other::LaunchEncounter => Some("know which visit this is about"),
        Other::OfflineAccess | Other::OnlineAccess => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_order_and_have_words() {
        assert!(KINDS.is_sorted_by_key(|(name, _)| *name));
        assert!(KINDS.iter().all(|(name, _)| mappers::search::parameters::resource_type(name).is_some()));
        assert_eq!(kind("NutritionOrder"), "Nutrition order");
    }

    #[test]
    fn scopes_are_said_whole() {
        let scope = Scope::parse("user/Observation.cruds?category=http://x|vital-signs", &|_| true).expect("a scope");
        assert_eq!(subject(&scope), "Test results, vital signs and other findings: only vital signs");
        assert_eq!(deed(&scope), "may see, add, change, delete for everybody whom you may see");
    }
}
