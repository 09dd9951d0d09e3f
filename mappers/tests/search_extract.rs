//! What resources give to the index tables and the directory.

#[path = "search_support/data.rs"]
mod data;

use std::collections::BTreeSet;

use mappers::json::Document;
use mappers::search::parameters::{self, ParameterKind};
use mappers::search::{Facts, IndexRows, extract, facts};
use serde_json::Value;

fn rows(kind: &str, json: &str) -> Vec<String> {
    let document = Document::parse(json.as_bytes()).expect("json");
    listed(&extract(kind, document.root()))
}

fn listed(rows: &IndexRows<'_>) -> Vec<String> {
    let tokens =
        rows.tokens.iter().chain(&rows.tags).map(|row| format!("{} {}|{}", row.parameter, row.system, row.code));
    let references =
        rows.references.iter().map(|row| format!("{} {} {}", row.parameter, row.target_type, row.target_id));
    tokens.chain(references).collect()
}

#[test]
fn an_observation_gives_its_codes_identifiers_tags_and_subject() {
    let json = r#"{"resourceType":"Observation","meta":{"tag":[{"system":"t","code":"x"},{"code":"y"}]},
        "identifier":[{"system":"s","value":"1"},{"value":"2"},{"system":"only"}],
        "code":{"coding":[{"system":"http://loinc.org","code":"8867-4"},{"code":"hr"},{"system":"none"}],"text":"Heart rate"},
        "component":[{"code":{"coding":[{"code":"inner"}]}}],"subject":{"reference":"Patient/p/_history/3"}}"#;
    let expected = [
        "Observation.code |hr",
        "Observation.code http://loinc.org|8867-4",
        "Observation.identifier |2",
        "Observation.identifier s|1",
        "Resource._tag |y",
        "Resource._tag t|x",
        "Observation.patient Patient p",
        "Observation.subject Patient p",
    ];
    assert_eq!(rows("Observation", json), expected);
}

#[test]
fn holes_and_pairs_with_a_hole_give_nothing() {
    let json = r#"{"code":null,"identifier":[null,{"system":null,"value":"1"},{"system":"s","value":null},{"value":"2"}],
        "subject":{"reference":null,"display":"x"},"meta":{"tag":null}}"#;
    assert_eq!(rows("Observation", json), ["Observation.identifier |2"]);
}

#[test]
fn equal_values_give_one_row() {
    let json = r#"{"identifier":[{"system":"s","value":"1"},{"system":"s","value":"1"}],"code":{"coding":[{"code":"a"},{"code":"a"}]}}"#;
    assert_eq!(rows("Observation", json), ["Observation.code |a", "Observation.identifier s|1"]);
}

#[test]
fn references_are_split_or_kept_whole() {
    let subject = |reference: &str| rows("Observation", &format!(r#"{{"subject":{reference}}}"#));
    let both = |kind: &str, id: &str| {
        let row = |name| format!("Observation.{name} {kind} {id}");
        if kind == "Patient" { vec![row("patient"), row("subject")] } else { vec![row("subject")] }
    };
    for (reference, kind, id) in [
        ("Patient/1", "Patient", "1"),
        ("Group/1", "Group", "1"),
        ("http://x/fhir/Patient/1", "Patient", "http://x/fhir/Patient/1"),
        ("http://x/fhir/Patient/1/_history/2", "Patient", "http://x/fhir/Patient/1"),
        ("urn:uuid:1", "", "urn:uuid:1"),
        ("Nothing/1", "", "Nothing/1"),
        ("Patient/in valid", "", "Patient/in valid"),
    ] {
        assert_eq!(subject(&format!(r#"{{"reference":"{reference}"}}"#)), both(kind, id), "{reference}");
    }
    assert_eq!(subject(r#"{"type":"Patient","reference":"urn:uuid:1"}"#), both("Patient", "urn:uuid:1"));
    assert_eq!(subject(r#"{"reference":"Pati\u0065nt\/1"}"#), both("Patient", "1"));
    for nothing in [
        r##"{"reference":"#p"}"##,
        r#"{"reference":"Patient?identifier=1"}"#,
        r#"{"identifier":{"system":"s","value":"1"}}"#,
        r#"{"display":"x"}"#,
        r#""Patient/1""#,
        "7",
        "[[]]",
    ] {
        let found = subject(nothing);
        assert!(found.is_empty() || nothing.starts_with('"'), "{nothing}: {found:?}");
    }
}

#[test]
fn each_type_has_its_own_paths() {
    for (kind, json, expected) in [
        (
            "MedicationRequest",
            r#"{"medicationCodeableConcept":{"coding":[{"code":"a"}]},"medicationReference":{"reference":"Medication/1"}}"#,
            vec!["MedicationRequest.code |a"],
        ),
        (
            "Coverage",
            r#"{"beneficiary":{"reference":"Patient/1"},"policyHolder":{"reference":"Patient/2"}}"#,
            vec!["Coverage.patient Patient 1"],
        ),
        (
            "Appointment",
            r#"{"participant":[{"actor":{"reference":"Practitioner/1"}},{"actor":{"reference":"Patient/2"}}]}"#,
            vec!["Appointment.patient Patient 2"],
        ),
        (
            "CodeSystem",
            r#"{"concept":[{"code":"a"},{"code":"b","concept":[{"code":"c"}]}]}"#,
            vec!["CodeSystem.code |a", "CodeSystem.code |b"],
        ),
        (
            "DocumentReference",
            r#"{"masterIdentifier":{"value":"m"},"identifier":[{"value":"i"}]}"#,
            vec!["DocumentReference.identifier |i", "DocumentReference.identifier |m"],
        ),
        (
            "Bundle",
            r#"{"identifier":{"system":"s","value":"b"},"entry":[{"resource":{"identifier":{"value":"no"}}}]}"#,
            vec!["Bundle.identifier s|b"],
        ),
        (
            "Patient",
            r#"{"identifier":[{"value":"i"}],"code":{"coding":[{"code":"a"}]}}"#,
            vec!["Patient.identifier |i"],
        ),
        ("Nothing", r#"{"identifier":[{"value":"i"}]}"#, vec![]),
    ] {
        assert_eq!(rows(kind, json), expected, "{kind}");
    }
    assert!(rows("Patient", "[]").is_empty() && rows("Patient", "null").is_empty());
}

#[test]
fn facts_are_taken_by_preference() {
    let json = r#"{"recordedDate":"2020-02-01","asserter":{"reference":"Patient/9"},"recorder":{"reference":"Practitioner/7"},
        "subject":{"reference":"Patient/1"},"encounter":{"reference":"Encounter/e"},"onsetPeriod":{"start":"2020-01-01","end":"2020-01-02"},
        "code":{"coding":[{"system":"s","code":"c"},{"code":"d"}]}}"#;
    let document = Document::parse(json.as_bytes()).unwrap();
    let expected = Facts {
        patient: Some("1".into()),
        author: Some("Practitioner/7".into()),
        encounter: Some("e".into()),
        occurred: Some("2020-01-01".into()),
        codes: vec![("".into(), "d".into()), ("s".into(), "c".into())],
    };
    assert_eq!(facts("Condition", document.root()), expected);
    assert_eq!(facts("Nothing", document.root()), Facts::default());
}

#[test]
fn a_patient_is_its_own_patient_and_an_encounter_its_own_encounter() {
    let document = Document::parse(br#"{"id":"x","subject":{"reference":"http://other/fhir/Patient/1"}}"#).unwrap();
    assert_eq!(facts("Patient", document.root()).patient.as_deref(), Some("x"));
    let encounter = facts("Encounter", document.root());
    assert_eq!(encounter.encounter.as_deref(), Some("x"));
    assert_eq!(encounter.patient.as_deref(), Some("http://other/fhir/Patient/1"));
    let document = Document::parse(br#"{"subject":{"reference":"Group/1"}}"#).unwrap();
    assert_eq!(facts("Observation", document.root()).patient, None);
}

#[test]
fn the_table_is_sorted_whole_and_every_supported_path_can_be_read() {
    assert_eq!(parameters::resource_types().len(), 146);
    assert!(parameters::resource_types().is_sorted());
    for kind in parameters::resource_types() {
        assert!(parameters::of(kind).is_sorted_by(|one, two| one.name < two.name), "{kind}");
        for definition in parameters::supported(Some(kind)) {
            assert!(!definition.paths.is_empty(), "{}", definition.full);
            assert!(definition.paths.iter().all(|path| !path.text.contains('[')), "{}", definition.full);
            assert!(matches!(
                definition.param_kind,
                ParameterKind::Token | ParameterKind::Reference | ParameterKind::Date
            ));
            assert!(
                definition.targets.iter().all(|target| parameters::resource_type(target).is_some()),
                "{}",
                definition.full
            );
        }
    }
    let code = parameters::definition("Observation", "code").unwrap();
    assert_eq!((code.full, code.kind, code.name), ("Observation.code", "Observation", "code"));
    assert_eq!(parameters::definition("Observation", "_tag").unwrap().full, "Resource._tag");
    assert!(parameters::definition("Observation", "nothing").is_none());
    assert!(!parameters::definition("Patient", "name").unwrap().is_supported());
    let names: Vec<_> = parameters::supported(Some("Observation")).map(|definition| definition.name).collect();
    assert_eq!(names, ["_id", "_lastUpdated", "_tag", "code", "identifier", "patient", "subject"]);
}

/// The same rows by other means: serde's tree, and paths written down here.
fn expected(kind: &str, resource: &Value) -> Vec<String> {
    let code = match kind {
        "MedicationRequest" => "medicationCodeableConcept",
        "AllergyIntolerance" | "Condition" | "DiagnosticReport" | "Medication" | "Observation" | "Procedure" => "code",
        _ => "",
    };
    let patient = match kind {
        "AllergyIntolerance" | "Claim" | "ExplanationOfBenefit" | "Immunization" => "patient",
        _ => "subject",
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows = BTreeSet::new();
    for coding in list(&resource[code]["coding"]) {
        rows.insert(format!("{kind}.code {}|{}", text(&coding["system"]), text(&coding["code"])));
    }
    if kind == "AllergyIntolerance" {
        for coding in list(&resource["reaction"]).iter().flat_map(|reaction| list(&reaction["substance"]["coding"])) {
            rows.insert(format!("{kind}.code {}|{}", text(&coding["system"]), text(&coding["code"])));
        }
    }
    for identifier in list(&resource["identifier"]) {
        rows.insert(format!("{kind}.identifier {}|{}", text(&identifier["system"]), text(&identifier["value"])));
    }
    let mut all: Vec<_> = rows.into_iter().collect();
    for tag in list(&resource["meta"]["tag"]) {
        all.push(format!("Resource._tag {}|{}", text(&tag["system"]), text(&tag["code"])));
    }
    if let Some(reference) = resource[patient]["reference"].as_str() {
        let (target, id) = reference.split_once('/').unwrap_or(("", reference));
        let names = if patient == "patient" {
            vec!["patient"]
        } else if target == "Patient" {
            vec!["patient", "subject"]
        } else {
            vec!["subject"]
        };
        let has =
            |name: &&str| parameters::definition(kind, name).is_some() && (target == "Patient" || *name == "subject");
        all.extend(names.into_iter().filter(has).map(|name| format!("{kind}.{name} {target} {id}")));
    }
    all
}

#[test]
fn whole_synthea_bundles_give_the_rows_that_another_reading_gives() {
    let bundles = data::texts("04-synthea-and-bulk/synthea-bundles");
    let mut count = 0;
    for text in &bundles {
        // The bundles refer by urn:uuid; as stored, they refer by type and id.
        let bundle: Value = serde_json::from_str(text).unwrap();
        let mut stored = text.clone();
        for entry in bundle["entry"].as_array().unwrap() {
            let kind = entry["resource"]["resourceType"].as_str().unwrap();
            if kind == "Patient" {
                let url = entry["fullUrl"].as_str().unwrap();
                stored = stored
                    .replace(&format!("\"{url}\""), &format!("\"Patient/{}\"", url.trim_start_matches("urn:uuid:")));
            }
        }
        let document = Document::parse(stored.as_bytes()).unwrap();
        let bundle: Value = serde_json::from_str(&stored).unwrap();
        let entries = document.root().member("entry").unwrap();
        for (entry, other) in entries.children().zip(bundle["entry"].as_array().unwrap()) {
            let resource = entry.member("resource").unwrap();
            let kind = other["resource"]["resourceType"].as_str().unwrap();
            assert_eq!(listed(&extract(kind, resource)), expected(kind, &other["resource"]), "{kind}");
            let patient = facts(kind, resource).patient;
            assert_eq!(patient.is_some(), !matches!(kind, "Organization" | "Practitioner"), "{kind}");
            count += 1;
        }
    }
    assert!(bundles.is_empty() || count > 1600, "{count} resources");
}

#[test]
fn the_index_of_another_server_agrees() {
    for name in ["appends", "transforms-replaces-target", "transforms"] {
        let path = format!("06-search-and-rest-cases/search-index-ms/DocumentReference-example-relatesTo-code-{name}");
        let (Some(resource), Some(index)) =
            (data::text(&format!("{path}.json")), data::text(&format!("{path}.indexes.json")))
        else {
            return;
        };
        let index: Value = serde_json::from_str(&index).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut expected: Vec<_> = index
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| {
                let (code, value) = (text(&row["code"]), &row["value"]);
                match &*code {
                    "identifier" => {
                        Some(format!("DocumentReference.{code} {}|{}", text(&value["system"]), text(&value["code"])))
                    }
                    "patient" | "subject" => Some(format!(
                        "DocumentReference.{code} {} {}",
                        text(&value["resourceType"]),
                        text(&value["resourceId"])
                    )),
                    _ => None,
                }
            })
            .collect();
        expected.sort();
        let mut have = rows("DocumentReference", resource.trim_start_matches('\u{feff}'));
        have.sort();
        assert_eq!(have, expected, "{name}");
    }
}
