//! What of an app's scopes somebody can switch on and off: each scope, and of a wide one its parts.

use consent::NOBODYS;
use mappers::search::{compartment, parameters};
use smart::grant::grant;
use smart::scope::{Scope, Scopes};

use crate::auth::scopes::parsed;

/// Parts that profiles of the United States tell apart (US Core, HTI-1): type, and values of `category`.
const PARTS: [(&str, &[&str]); 3] = [
    (
        "Condition",
        &[
            "http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis",
            "http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
            "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern",
        ],
    ),
    ("DocumentReference", &["http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category|clinical-note"]),
    (
        "Observation",
        &[
            "http://hl7.org/fhir/us/core/CodeSystem/us-core-category|clinical-test",
            "http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
            "http://terminology.hl7.org/CodeSystem/observation-category|social-history",
            "http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh",
            "http://terminology.hl7.org/CodeSystem/observation-category|survey",
            "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
        ],
    ),
];

/// What a wide scope can be narrowed to; nothing for a narrow one.
pub(super) fn parts(scope: &Scope) -> Vec<Scope> {
    if !scope.query().is_empty() {
        return Vec::new();
    }
    let texts: Vec<String> = match scope.kind() {
        None => {
            let members = compartment::members("Patient").chain(NOBODYS.into_iter().filter(|kind| KEPT.contains(kind)));
            members.map(|kind| format!("{}/{kind}.{}", scope.context().name(), scope.actions())).collect()
        }
        Some(kind) => {
            let values = PARTS.iter().filter(|(name, _)| *name == kind).flat_map(|(_, values)| values.iter());
            let of = |value: &&str| format!("{}/{kind}.{}?category={value}", scope.context().name(), scope.actions());
            values.map(of).collect()
        }
    };
    let is_type = |kind: &str| parameters::resource_type(kind).is_some();
    texts.iter().filter_map(|text| Scope::parse(text, &is_type).ok()).collect()
}

/// Of what is nobody's, what an app may want to show beside somebody's record.
const KEPT: [&str; 5] = ["Location", "Medication", "Organization", "Practitioner", "PractitionerRole"];

/// What was switched on, of what may be had: nothing that a form says is more.
pub(super) fn chosen(allowed: &str, switched_on: &[String]) -> Scopes {
    let wanted = parsed(&switched_on.join(" "));
    grant(&wanted, &parsed(allowed)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope(text: &str) -> Scope {
        parsed(text).resources()[0].clone()
    }

    #[test]
    fn wide_scopes_have_parts() {
        assert!(parts(&scope("patient/*.rs")).len() > 50);
        assert_eq!(parts(&scope("patient/Condition.rs")).len(), 3);
        assert_eq!(parts(&scope("patient/Observation.rs")).len(), 6);
        assert!(parts(&scope("patient/Goal.rs")).is_empty());
        let read = parts(&scope("patient/Condition.read"));
        assert!(read.iter().all(|part| part.as_str().contains(".rs?category=")), "{read:?}");
    }

    /// Every part is one: a form that has it gets it, and no more.
    #[test]
    fn parts_are_within_their_whole() {
        for whole in ["patient/*.rs", "user/Observation.cruds", "patient/Condition.read", "user/DocumentReference.s"] {
            for part in parts(&scope(whole)) {
                let granted = chosen(whole, &[part.as_str().to_owned()]);
                assert_eq!(granted.to_string(), part.as_str(), "{whole}");
            }
        }
    }

    proptest! {
        /// Whatever a form says, nothing is granted that was not allowed.
        #[test]
        fn nothing_more_is_chosen(on in prop::collection::vec("(patient|user|system)/(\\*|Patient|Goal|Observation)\\.(rs|r|cruds|read)|openid|offline_access|launch", 0..6)) {
            let allowed = "openid patient/Goal.rs patient/Observation.r user/Patient.r";
            let granted = chosen(allowed, &on);
            prop_assert_eq!(grant(&granted, &parsed(allowed)).unwrap_or_default().to_string(), granted.to_string());
        }
    }
}
