//! The official FHIRPath tests for R4 (FHIR/fhir-test-cases, `r4/fhirpath/tests-fhir-r4.xml`). What is not as they expect
//! stands in `conformance/known/fhirpath.toml` with its reason, and leaves it when it works.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mappers::fhirpath::{Context, Expression, Value};
use mappers::json::Document;

/// `now()` of the tests.
const NOW: &str = "2026-11-28T12:00:00.000+00:00";

#[derive(serde::Deserialize)]
struct Known {
    known: Vec<Entry>,
}

#[derive(serde::Deserialize)]
struct Entry {
    case: String,
    reason: String,
}

fn data() -> Option<PathBuf> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?.join("shared/data/05-official-tests/fhirpath");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: ../shared is absent: the official FHIRPath tests were NOT run");
    None
}

fn known() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("conformance/known/fhirpath.toml");
    toml::from_str::<Known>(&std::fs::read_to_string(path).unwrap()).unwrap().known
}

fn shown(value: &Value<'_>) -> String {
    value.text().unwrap_or_else(|| value.type_name())
}

/// What is wrong with a case.
fn run(folder: &Path, case: &serde_json::Value) -> Option<String> {
    let text = |name: &str| case.get(name).and_then(serde_json::Value::as_str);
    let input = text("inputfile").unwrap_or("patient-example.xml").replace(".xml", ".json");
    let resource = std::fs::read(folder.join("input").join(&input)).unwrap_or_else(|error| panic!("{input}: {error}"));
    let document = Document::parse(&resource).unwrap();
    let parsed = Expression::parse(text("expression").unwrap()).map_err(|error| error.to_string());
    let outcome = parsed.and_then(|expression| {
        let values = expression
            .evaluate(document.root(), Context { now: Some(NOW), ..Context::default() })
            .map_err(|error| error.to_string())?;
        Ok(values.iter().map(|value| (value.type_name(), shown(value))).collect::<Vec<_>>())
    });
    if text("invalid").is_some() {
        return outcome.ok().map(|values| format!("{values:?} instead of an error"));
    }
    let values = match outcome {
        Ok(values) => values,
        Err(error) => return Some(error),
    };
    let wanted = case["outputs"].as_array().unwrap();
    let fits = values.len() == wanted.len()
        && values.iter().zip(wanted).all(|((kind, value), wanted)| {
            let text = |name: &str| wanted.get(name).and_then(serde_json::Value::as_str);
            let name = kind.split_once('.').unwrap().1;
            let of_type = text("type").is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
            of_type
                && text("value").is_none_or(|wanted| wanted.trim_start_matches('@').trim_start_matches('T') == value)
        });
    (!fits).then(|| format!("{values:?} instead of {}", case["outputs"]))
}

#[test]
fn official_cases_pass_but_for_what_is_known() {
    let Some(folder) = data() else { return };
    let text = std::fs::read(folder.join("tests-fhir-r4.shared.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
    assert_eq!(cases.len(), 460);
    let mut failures = BTreeMap::new();
    for case in &cases {
        if let Some(symptom) = run(&folder, case) {
            failures.insert(case["name"].as_str().unwrap().to_owned(), symptom);
        }
    }
    let known = known();
    println!("{} of {} pass", cases.len() - failures.len(), cases.len());
    assert!(known.iter().all(|entry| entry.reason.len() > 10), "an entry has no reason");
    let fresh: Vec<_> = failures.iter().filter(|(case, _)| known.iter().all(|entry| entry.case != **case)).collect();
    assert!(fresh.is_empty(), "{} fail and are not known: {fresh:#?}", fresh.len());
    let stale: Vec<&str> =
        known.iter().filter(|entry| !failures.contains_key(&entry.case)).map(|entry| entry.case.as_str()).collect();
    assert!(stale.is_empty(), "these no longer fail, take them out: {stale:?}");
}
