//! US Core as a measure: what maps carry is hand-checked on one type, what resources lack on small ones.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "map/schema.rs"]
mod schema;

use mappers::json::Document;
use mappers::us_core::{self, Form, Place};

fn lacks(text: &str) -> Vec<&'static str> {
    us_core::lacks(&Document::parse(text.as_bytes()).unwrap()).into_iter().map(|lack| lack.path).collect()
}

fn profile(text: &str) -> &'static str {
    us_core::profile_of(Document::parse(text.as_bytes()).unwrap().root()).unwrap().name
}

#[test]
fn a_resource_is_measured_by_the_profile_that_knows_most_of_it() {
    let observation = |category: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Observation","category":[{{"coding":[{{"code":"{category}"}}]}}],"code":{{"coding":[{{"code":"x"}},{{"code":"{code}"}}]}}}}"#
        )
    };
    assert_eq!(profile(&observation("vital-signs", "8867-4")), "us-core-heart-rate");
    assert_eq!(profile(&observation("vital-signs", "x")), "us-core-vital-signs");
    assert_eq!(profile(&observation("laboratory", "8867-4")), "us-core-observation-lab");
    assert_eq!(profile(&observation("social-history", "72166-2")), "us-core-smokingstatus");
    assert_eq!(profile(&observation("activity", "y")), "us-core-observation-clinical-result");
}

#[test]
fn required_elements_are_missed_where_their_parent_is() {
    assert_eq!(lacks(r#"{"resourceType":"Patient"}"#), ["identifier", "name", "gender"]);
    let patient = r#"{"resourceType":"Patient","identifier":[{"system":"s","value":"v"}],"name":[{"family":"F"}],
        "gender":"male","telecom":[{"system":"phone","value":"1"},{"value":"2"}]}"#;
    assert_eq!(lacks(patient), ["telecom.system"], "of the second");
    let said = r#"{"resourceType":"Patient","identifier":[{"system":"s","value":"v"}],"name":[{"family":"F"}],
        "_gender":{"extension":[{"url":"u","valueCode":"unknown"}]}}"#;
    assert_eq!(lacks(said), [""; 0], "it is said why the gender is not there");
    assert_eq!(lacks(r#"{"resourceType":"Basic"}"#), [""; 0], "a type without a profile");
}

#[test]
fn a_choice_is_there_in_any_type() {
    let text = |choice: &str| {
        format!(
            r#"{{"resourceType":"Immunization","status":"completed","vaccineCode":{{"text":"x"}},"patient":{{"reference":"Patient/p"}}{choice}}}"#
        )
    };
    assert_eq!(lacks(&text("")), ["occurrence[x]"]);
    assert_eq!(lacks(&text(r#","occurrenceString":"last year""#)), [""; 0]);
}

#[test]
fn a_slice_is_missed_where_no_item_carries_its_code() {
    let plan = |code: &str| {
        format!(
            r#"{{"resourceType":"CarePlan","text":{{"status":"generated","div":"<div/>"}},"status":"active","intent":"plan","subject":{{"reference":"Patient/p"}},"category":[{{"coding":[{{"code":"{code}"}}]}}]}}"#
        )
    };
    assert_eq!(lacks(&plan("assess-plan")), [""; 0]);
    assert_eq!(us_core::profiles().iter().filter(|profile| profile.resource == "CarePlan").count(), 1);
}

#[test]
fn what_a_map_carries_is_read_off_its_shape() {
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).unwrap();
    let measured = us_core::coverage(&set);
    let pressure = measured.iter().find(|one| one.profile.name == "us-core-blood-pressure").unwrap();
    let best = &pressure.maps[0];
    assert_eq!(best.map.name, "vital_signs.bp");
    let place = |path: &str| best.elements.iter().find(|(one, _)| *one == path).unwrap().1.clone();
    let column = |name: &str| Some(Place { form: Form::Column, names: vec![name.to_owned()] });
    assert_eq!(place("component[code.coding.code=8480-6].valueQuantity.value"), column("systolic"));
    assert_eq!(place("effective[x]"), column("effectiveDateTime in measured_at"));
    assert_eq!(place("subject"), column("soap_notes.patient_id"));
    assert_eq!(place("code").unwrap().form, Form::Constant);
    assert_eq!(place("category[coding.code=vital-signs].coding.system").unwrap().form, Form::Constant);
    assert_eq!(place("dataAbsentReason"), None);
    let lab = measured.iter().find(|one| one.profile.name == "us-core-observation-lab").unwrap();
    assert!(lab.maps.iter().all(|coverage| !coverage.map.name.starts_with("vital_signs")), "the category says no");
    let patient = measured.iter().find(|one| one.profile.name == "us-core-patient").unwrap();
    assert_eq!((patient.elements(), patient.carried()), (17, 17), "counted by hand: facts.txt against patient.toml");
}
