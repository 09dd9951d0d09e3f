//! The maps of the clinical record: what their rows read as, and which resources they take.

use mappers::json::Document;
use mappers::split::accepts;

use super::{clinic, foreign, json};

/// The map that takes the resource, by name.
fn taken(text: &str) -> Option<String> {
    let document = Document::parse(text.as_bytes()).expect("JSON");
    let kind = json(text)["resourceType"].as_str().expect("a type").to_owned();
    clinic().of_type(&kind).find(|map| !map.listed && accepts(map, &document)).map(|map| map.name.clone())
}

#[test]
fn an_allergy_with_a_reaction() {
    let found = foreign(
        "allergies",
        &[
            ("patient_id", "p"),
            ("clinical_status", "active"),
            ("verification_status", "confirmed"),
            ("category", "medication"),
            ("criticality", "high"),
            ("code_system", "http://www.nlm.nih.gov/research/umls/rxnorm"),
            ("code", "7980"),
            ("substance", "Penicillin"),
            ("onset_on", "1990-04-01"),
            ("reaction.manifestation", "hives"),
            ("reaction.further_manifestation", "wheezing"),
            ("reaction.severity", "moderate"),
        ],
    );
    let expected = json(
        r#"{
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": "confirmed"}]},
        "category": ["medication"], "criticality": "high",
        "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7980"}], "text": "Penicillin"},
        "patient": {"reference": "Patient/p"}, "onsetDateTime": "1990-04-01",
        "reaction": [{"manifestation": [{"text": "hives"}, {"text": "wheezing"}], "severity": "moderate"}]
    }"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn a_problem_and_a_diagnosis_differ_by_category() {
    let columns = [("patient_id", "p"), ("icd10_code", "E11.9"), ("snomed_code", "1"), ("abated_on", "2024-02-03")];
    for (name, category) in [("problems", "problem-list-item"), ("encounter_diagnoses", "encounter-diagnosis")] {
        let found = foreign(name, &columns);
        let expected = json(&format!(
            r#"{{
            "category": [{{"coding": [{{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "{category}"}}]}}],
            "code": {{"coding": [{{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}}, {{"system": "http://snomed.info/sct", "code": "1"}}]}},
            "subject": {{"reference": "Patient/p"}}, "abatementDateTime": "2024-02-03"
        }}"#
        ));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_category_counts_wherever_it_stands() {
    let condition = |first: &str, second: &str| {
        taken(&format!(
            r#"{{"resourceType":"Condition","subject":{{"reference":"Patient/p"}},"category":[{first},{second}]}}"#
        ))
    };
    let category = |code: &str| {
        format!(
            r#"{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"{code}"}}]}}"#
        )
    };
    let other = r#"{"coding":[{"system":"urn:x","code":"sdoh"}]}"#;
    assert_eq!(condition(other, &category("problem-list-item")).as_deref(), Some("problems"));
    assert_eq!(condition(&category("encounter-diagnosis"), other).as_deref(), Some("encounter_diagnoses"));
    assert_eq!(condition(other, other).as_deref(), Some("conditions"));
    let concern = category("health-concern")
        .replace("http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/us/core/CodeSystem/");
    assert_eq!(condition(&concern, other).as_deref(), Some("health_concerns"));
    assert_eq!(condition(&concern, &category("problem-list-item")).as_deref(), Some("problems"));
}

#[test]
fn observations_go_where_their_category_says() {
    let observation = |categories: &[&str]| {
        let categories: Vec<String> = categories
            .iter()
            .map(|code| {
                format!(r#"{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"{code}"}}]}}"#)
            })
            .collect();
        taken(&format!(
            r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},"category":[{}]}}"#,
            categories.join(",")
        ))
    };
    assert_eq!(observation(&["laboratory"]).as_deref(), Some("lab_results"));
    assert_eq!(observation(&["social-history"]).as_deref(), Some("social_history"));
    assert_eq!(observation(&["survey"]).as_deref(), Some("social_determinants"));
    assert_eq!(observation(&["social-history", "survey"]).as_deref(), Some("social_determinants"));
    for finding in ["exam", "imaging", "procedure", "therapy", "activity"] {
        assert_eq!(observation(&[finding]).as_deref(), Some("clinical_observations"));
    }
    assert_eq!(observation(&["imaging", "laboratory"]).as_deref(), Some("lab_results"));
}

#[test]
fn a_relative() {
    let found = foreign(
        "family_history",
        &[
            ("patient_id", "p"),
            ("status", "completed"),
            ("relationship_system", "http://terminology.hl7.org/CodeSystem/v3-RoleCode"),
            ("relationship_code", "FTH"),
            ("sex", "M"),
            ("age_at_death", "71"),
            ("age_at_death_unit", "a"),
            ("condition.name", "Stroke"),
            ("condition.contributed_to_death", "true"),
            ("condition.onset_age", "70.5"),
            ("condition.onset_age_unit", "a"),
        ],
    );
    let expected = json(
        r#"{
        "status": "completed", "patient": {"reference": "Patient/p"},
        "relationship": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "FTH"}]},
        "sex": {"coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": "male"}]},
        "deceasedAge": {"value": 71, "code": "a", "system": "http://unitsofmeasure.org"},
        "condition": [{
            "code": {"text": "Stroke"}, "contributedToDeath": true,
            "onsetAge": {"value": 70.5, "code": "a", "system": "http://unitsofmeasure.org"}
        }]
    }"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn an_occupation_and_its_industry() {
    let columns = [("patient_id", "p"), ("status", "final"), ("code", "11341-5"), ("value_name", "Baker")];
    let found = foreign("social_history", &columns);
    assert_eq!(found.get("component"), None, "{found}");
    assert_eq!(found["valueCodeableConcept"], json(r#"{"text": "Baker"}"#));
    let industry = [("industry_system", "urn:naics"), ("industry_code", "311812"), ("industry", "Bakeries")];
    let found = foreign("social_history", &[columns.as_slice(), &industry].concat());
    let expected = json(
        r#"[{
        "code": {"coding": [{"system": "http://loinc.org", "code": "86188-0"}]},
        "valueCodeableConcept": {"coding": [{"system": "urn:naics", "code": "311812"}], "text": "Bakeries"}
    }]"#,
    );
    assert_eq!(found["component"], expected);
}

#[test]
fn an_answer_with_its_domain_and_risk() {
    let found = foreign(
        "social_determinants",
        &[
            ("patient_id", "p"),
            ("status", "final"),
            ("domain", "sdoh"),
            ("question_code", "88122-7"),
            ("answer_system", "http://loinc.org"),
            ("answer_code", "LA28397-0"),
            ("risk_code", "POS"),
            ("risk", "at risk"),
        ],
    );
    let expected = json(
        r#"[
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]},
        {"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/us-core-category", "code": "sdoh"}]}
    ]"#,
    );
    assert_eq!(found["category"], expected);
    assert_eq!(found["valueCodeableConcept"]["coding"][0]["code"], "LA28397-0");
    assert_eq!(found["interpretation"][0]["text"], "at risk");
}

#[test]
fn the_text_of_a_report_is_its_document() {
    let columns = [
        ("patient_id", "p"),
        ("status", "final"),
        ("name", "Chest X-ray"),
        ("document_type", "text/plain"),
        ("document_text", "No acute findings."),
    ];
    let found = foreign("diagnostic_reports", &columns);
    let expected = json(r#"[{"contentType": "text/plain", "data": "Tm8gYWN1dGUgZmluZGluZ3Mu"}]"#);
    assert_eq!(found["presentedForm"], expected);
}

#[test]
fn a_result_may_be_a_bound_or_a_concept() {
    let base = [("patient_id", "p"), ("status", "final"), ("code", "10839-9")];
    let number = [("comparator", "<"), ("value_number", "0.01"), ("unit", "ng/mL")];
    let found = foreign("lab_results", &[base.as_slice(), &number].concat());
    assert_eq!(found["valueQuantity"], json(r#"{"value": 0.01, "comparator": "<", "unit": "ng/mL"}"#));
    let found = foreign("lab_results", &[base.as_slice(), &[("value_name", "Detected")]].concat());
    assert_eq!(found["valueCodeableConcept"], json(r#"{"text": "Detected"}"#));
    let found = foreign("lab_results", &[base.as_slice(), &[("absent_reason", "not-performed")]].concat());
    assert_eq!(found["dataAbsentReason"]["coding"][0]["code"], "not-performed");
}
