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
    assert_eq!(best.map.name, "patient_vital_signs.bp");
    let place = |path: &str| best.elements.iter().find(|(one, _)| *one == path).unwrap().1.clone();
    let column = |name: &str| Some(Place { form: Form::Column, names: vec![name.to_owned()] });
    assert_eq!(place("component[code.coding.code=8480-6].valueQuantity.value"), column("systolic"));
    assert_eq!(place("effective[x]"), column("effectiveDateTime in measured_at"));
    assert_eq!(place("subject"), column("patient_id"));
    assert_eq!(place("code").unwrap().form, Form::Constant);
    assert_eq!(place("category[coding.code=vital-signs].coding.system").unwrap().form, Form::Constant);
    assert_eq!(place("dataAbsentReason"), column("blood_pressure_absent"));
    assert_eq!(place("component[code.coding.code=8480-6].valueQuantity.unit").unwrap().form, Form::Default);
    assert_eq!(place("value[x]"), None);
    let lab = measured.iter().find(|one| one.profile.name == "us-core-observation-lab").unwrap();
    assert!(lab.maps.iter().all(|coverage| !coverage.map.name.starts_with("vital_signs")), "the category says no");
    let patient = measured.iter().find(|one| one.profile.name == "us-core-patient").unwrap();
    assert_eq!((patient.elements(), patient.carried()), (17, 17), "counted by hand: facts.txt against patient.toml");
}

/// What no table holds has a reason that is written down, and nothing is excused that has a place.
#[test]
fn what_stays_in_the_residue_has_a_reason() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/known/us-core-residue.toml");
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let mut excused = Vec::new();
    for entry in table["residue"].as_array().unwrap() {
        assert!(entry["reason"].as_str().unwrap().len() > 20, "a reason is a sentence: {entry}");
        let texts = |key: &str| entry[key].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
        for profile in texts("profiles") {
            excused.extend(texts("elements").map(|element| format!("{profile} {element}")));
        }
    }
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).unwrap();
    let measured = us_core::coverage(&set);
    assert!(measured.iter().all(|one| !one.maps.is_empty()), "every profile has a table");
    let of = |one: &us_core::Measured<'_>| {
        let name = one.profile.name;
        let left = one.maps[0].elements.iter().filter(|(_, place)| place.is_none());
        left.map(|(element, _)| format!("{name} {element}")).collect::<Vec<_>>()
    };
    let mut left: Vec<String> = measured.iter().flat_map(of).collect();
    left.sort();
    excused.sort();
    assert_eq!(left, excused);
    let (all, carried): (usize, usize) =
        measured.iter().fold((0, 0), |(all, carried), one| (all + one.elements(), carried + one.carried()));
    assert!(carried * 100 >= all * 91, "{carried} of {all}");
}
