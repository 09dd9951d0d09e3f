//! What resources give to the index tables and the directory.

#[path = "search_support/data.rs"]
mod data;

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use mappers::json::Document;
use mappers::search::parameters::{self, ParameterKind};
use mappers::search::{Facts, IndexRows, extract, facts, index_path, typed_path};
use serde_json::Value;

fn rows(kind: &str, json: &str) -> Vec<String> {
    let document = Document::parse(json.as_bytes()).expect("json");
    listed(&extract(kind, document.root()))
}

/// Rows as lines, with the names of their places.
fn listed(rows: &IndexRows<'_>) -> Vec<String> {
    let place = |path: &i32| PLACES.get(path).unwrap_or_else(|| panic!("{path} is no place")).as_str();
    let item = |item: i32| if item > 0 { format!(" #{item}") } else { String::new() };
    let mut lines = Vec::new();
    for row in &rows.tokens {
        lines.push(format!("token {} {}|{}{}", place(&row.path), row.system, row.code, item(row.item)));
    }
    for row in &rows.strings {
        lines.push(format!("text {} {}{}", place(&row.path), row.normal, item(row.item)));
    }
    for row in &rows.dates {
        lines.push(format!("date {} {} {}{}", place(&row.path), row.low, row.high, item(row.item)));
    }
    for row in &rows.quantities {
        let (low, high, unit) = (row.low, row.high, [&*row.system, &*row.code, &*row.unit].join("|"));
        lines.push(format!("quantity {} {low}..{high} {unit}{}", place(&row.path), item(row.item)));
    }
    for row in &rows.references {
        lines.push(format!("reference {} {} {}{}", place(&row.path), row.target_type, row.target_id, item(row.item)));
    }
    lines
}

static PLACES: LazyLock<HashMap<i32, String>> = LazyLock::new(|| {
    let mut places = HashMap::new();
    for kind in parameters::resource_types() {
        for definition in parameters::supported(Some(kind)) {
            for path in definition.indexed() {
                let name = format!("{}.{}", definition.kind, path.text);
                places.insert(typed_path(definition.kind, path.text), format!("{name}:of-type"));
                places.insert(index_path(definition.kind, path.text), name);
            }
        }
    }
    places
});

#[test]
fn an_observation_gives_what_it_is_found_by() {
    let json = r#"{"resourceType":"Observation","meta":{"tag":[{"system":"t","code":"x"},{"code":"y"}],"profile":["http://p|1"]},
        "identifier":[{"system":"s","value":"1","type":{"coding":[{"system":"ty","code":"MR"}]}},{"value":"2"},{"system":"only"}],
        "status":"final","effectivePeriod":{"start":"1970-01-01T00:00:01Z"},"valueQuantity":{"value":5.4,"unit":"mg","system":"u","code":"mg"},
        "code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart RATE"},{"code":"hr"}],"text":"Heart rate"},
        "component":[{"code":{"coding":[{"code":"inner"}]},"valueQuantity":{"value":1}},{"valueQuantity":{"value":2,"comparator":"<"}}],
        "subject":{"reference":"Patient/p/_history/3","identifier":{"system":"ps","value":"pv"}},"performer":[{"display":"Dr. X"}]}"#;
    let expected = [
        "token Observation.code http://loinc.org|8867-4",
        "token Observation.code |hr",
        "token Observation.component.code |inner #1",
        "token Observation.identifier s|1",
        "token Observation.identifier |2",
        "token Observation.identifier:of-type ty|MR|1",
        "token Observation.status |final",
        "token Observation.subject ps|pv",
        "token Resource.meta.profile |http://p",
        "token Resource.meta.profile |http://p|1",
        "token Resource.meta.tag t|x",
        "token Resource.meta.tag |y",
        "text Observation.code heart rate",
        "text Observation.code heart rate",
        "date Observation.effectivePeriod 10000000 9223372036854775807",
        "quantity Observation.component.valueQuantity -inf..2 || #2",
        "quantity Observation.component.valueQuantity 1..1 || #1",
        "quantity Observation.valueQuantity 5.4..5.4 u|mg|mg",
        "reference Observation.performer  ",
        "reference Observation.subject Patient p",
    ];
    let mut have = rows("Observation", json);
    let rank = |line: &String| {
        ["token", "text", "date", "quantity", "reference"].iter().position(|kind| line.starts_with(kind))
    };
    have.sort_by_key(|line| (rank(line), line.split(' ').nth(1).unwrap_or_default().to_owned(), line.clone()));
    let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    expected.sort_by_key(|line| (rank(line), line.split(' ').nth(1).unwrap_or_default().to_owned(), line.clone()));
    assert_eq!(have, expected);
}

#[test]
fn a_patient_gives_parts_of_names_addresses_and_what_us_core_adds() {
    let json = r#"{"resourceType":"Patient","name":[{"family":"M\u00fcller","given":["Ada","B."]}],"address":[{"line":["1 Main"],"city":"X"}],
        "telecom":[{"system":"phone","value":"555"},{"system":"email","value":"a@b"}],"deceasedDateTime":"2020",
        "extension":[{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":"ombCategory","valueCoding":{"system":"o","code":"2106-3"}}]},
        {"url":"http://other","extension":[{"valueCoding":{"code":"no"}}]}]}"#;
    let have = rows("Patient", json);
    let race =
        "Patient.extension[url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-race].extension.valueCoding";
    for line in [
        "text Patient.name muller",
        "text Patient.name ada",
        "text Patient.name.family muller",
        "text Patient.name.given b.",
        "text Patient.address 1 main",
        "text Patient.address.city x",
        "token Patient.telecom[system=phone] |555",
        "token Patient.telecom[system=email] |a@b",
        "token Patient.telecom |a@b",
        "token Patient.deceasedDateTime |true",
        &format!("token {race} o|2106-3"),
    ] {
        assert!(have.iter().any(|have| have == line), "{line} in {have:#?}");
    }
    assert!(
        !have.iter().any(|line| line.contains("|no") || line == "token Patient.telecom[system=phone] |a@b"),
        "{have:#?}"
    );
}

#[test]
fn equal_values_give_one_row() {
    let json = r#"{"identifier":[{"system":"s","value":"1"},{"system":"s","value":"1"}],"code":{"coding":[{"code":"a"},{"code":"a"}]}}"#;
    let mut have = rows("Observation", json);
    have.sort();
    assert_eq!(have, ["token Observation.code |a", "token Observation.identifier s|1"]);
}

#[test]
fn references_are_split_or_kept_whole() {
    let subject = |reference: &str| rows("Observation", &format!(r#"{{"subject":{reference}}}"#));
    let row = |kind: &str, id: &str| vec![format!("reference Observation.subject {kind} {id}")];
    for (reference, kind, id) in [
        ("Patient/1", "Patient", "1"),
        ("Group/1", "Group", "1"),
        ("http://x/fhir/Patient/1", "Patient", "http://x/fhir/Patient/1"),
        ("http://x/fhir/Patient/1/_history/2", "Patient", "http://x/fhir/Patient/1"),
        ("urn:uuid:1", "", "urn:uuid:1"),
        ("Nothing/1", "", "Nothing/1"),
        ("Patient/in valid", "", "Patient/in valid"),
    ] {
        assert_eq!(subject(&format!(r#"{{"reference":"{reference}"}}"#)), row(kind, id), "{reference}");
    }
    assert_eq!(subject(r#"{"type":"Patient","reference":"urn:uuid:1"}"#), row("Patient", "urn:uuid:1"));
    assert_eq!(subject(r#"{"reference":"Pati\u0065nt\/1"}"#), row("Patient", "1"));
    assert_eq!(subject(r#"{"display":"x"}"#), row("", ""), "it is there, and names nothing");
    for nothing in [r##"{"reference":"#p"}"##, r#"{"reference":"Patient?identifier=1"}"#, "7", "[[]]"] {
        assert_eq!(subject(nothing), [""; 0], "{nothing}");
    }
}

#[test]
fn canonical_addresses_are_found_with_and_without_their_version() {
    let json = r#"{"instantiatesCanonical":["http://x/PlanDefinition/1|2"]}"#;
    assert_eq!(
        rows("CarePlan", json),
        [
            "reference CarePlan.instantiatesCanonical  http://x/PlanDefinition/1",
            "reference CarePlan.instantiatesCanonical  http://x/PlanDefinition/1|2"
        ]
    );
}

#[test]
fn each_type_has_its_own_paths() {
    for (kind, json, expected) in [
        (
            "Appointment",
            r#"{"participant":[{"actor":{"reference":"Practitioner/1"}},{"actor":{"reference":"Patient/2"}}]}"#,
            vec![
                "reference Appointment.participant.actor Practitioner 1",
                "reference Appointment.participant.actor Patient 2",
            ],
        ),
        (
            "Bundle",
            r#"{"identifier":{"system":"s","value":"b"},"entry":[{"resource":{"identifier":{"value":"no"}}}]}"#,
            vec!["token Bundle.identifier s|b"],
        ),
        // No such place; and who is not said to be dead is not.
        ("Patient", r#"{"code":{"coding":[{"code":"a"}]}}"#, vec!["token Patient.deceasedBoolean |false"]),
        ("Patient", r#"{"deceasedBoolean":true}"#, vec!["token Patient.deceasedBoolean |true"]),
        ("Nothing", r#"{"identifier":[{"value":"i"}]}"#, vec![]),
    ] {
        let mut have = rows(kind, json);
        have.sort();
        let mut expected: Vec<String> = expected.into_iter().map(String::from).collect();
        expected.sort();
        assert_eq!(have, expected, "{kind}");
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
        span: Some((15_778_368_000_000_000, 15_780_096_000_000_000)),
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
            let is_whole = definition.param_kind == ParameterKind::Composite;
            assert!(is_whole || definition.indexed().next().is_some(), "{}", definition.full);
            assert!(
                definition.components.iter().all(|name| parameters::definition(kind, name).is_some()),
                "{}",
                definition.full
            );
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
    assert!(parameters::definition("Location", "near").unwrap().is_supported());
    assert_eq!(parameters::definition("Patient", "race").unwrap().full, "Patient.race");
    let names: Vec<_> = parameters::supported(Some("Basic")).map(|definition| definition.name).collect();
    let common = ["_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"];
    assert_eq!(names[..6], common);
    assert_eq!(names[6..], ["author", "code", "created", "identifier", "patient", "subject"]);
}

/// Codes, identifiers, tags and the patient by other means: serde's tree, and paths written down here.
fn expected(kind: &str, resource: &Value) -> BTreeSet<String> {
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
        rows.insert(format!("token {kind}.{code} {}|{}", text(&coding["system"]), text(&coding["code"])));
    }
    for identifier in list(&resource["identifier"]) {
        rows.insert(format!("token {kind}.identifier {}|{}", text(&identifier["system"]), text(&identifier["value"])));
    }
    for tag in list(&resource["meta"]["tag"]) {
        rows.insert(format!("token Resource.meta.tag {}|{}", text(&tag["system"]), text(&tag["code"])));
    }
    if let Some(reference) = resource[patient]["reference"].as_str() {
        let (target, id) = reference.split_once('/').unwrap_or(("", reference));
        rows.insert(format!("reference {kind}.{patient} {target} {id}"));
    }
    rows
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
            let wanted = expected(kind, &other["resource"]);
            let places: BTreeSet<&str> = wanted.iter().filter_map(|line| line.split(' ').nth(1)).collect();
            let have = listed(&extract(kind, resource));
            let of_place =
                |line: &&String| !line.starts_with("text") && places.contains(line.split(' ').nth(1).unwrap());
            assert_eq!(have.iter().filter(of_place).cloned().collect::<BTreeSet<_>>(), wanted, "{kind}");
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
                    "_id" | "_lastUpdated" => None,
                    _ if row["type"] == "Token" && !text(&value["code"]).is_empty() => {
                        Some((code, format!("{}|{}", text(&value["system"]), text(&value["code"]))))
                    }
                    _ if row["type"] == "Reference" => {
                        Some((code, format!("{} {}", text(&value["resourceType"]), text(&value["resourceId"]))))
                    }
                    _ => None,
                }
            })
            .collect();
        expected.sort();
        assert!(expected.len() > 10, "{name}");
        let have = rows("DocumentReference", resource.trim_start_matches('\u{feff}'));
        for (code, value) in expected {
            let definition = parameters::definition("DocumentReference", &code).unwrap();
            let places: Vec<String> =
                definition.indexed().map(|path| format!("{}.{}", definition.kind, path.text)).collect();
            let is_it = |line: &String| {
                let (_, rest) = line.split_once(' ').unwrap();
                let (place, found) = rest.split_once(' ').unwrap();
                let found = found.split(" #").next().unwrap();
                // The system of a code goes without saying.
                let bare = found.starts_with('|').then(|| value.split_once('|').map(|(_, code)| code)).flatten();
                places.iter().any(|wanted| wanted == place) && (found == value || bare == Some(&found[1..]))
            };
            assert!(have.iter().any(is_it), "{name}: {code} {value} in {have:#?}");
        }
    }
}
