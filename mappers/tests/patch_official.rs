//! The official cases of FHIR/fhir-test-cases (`r4/patch`): FHIRPath Patch and JSON Patch.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mappers::json::Document;
use mappers::patch;
use serde_json::Value;

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?.join("shared/data/05-official-tests/patch");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: ../shared is absent");
    None
}

fn cases(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read(folder.join(name)).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&text).unwrap();
    assert!(!cases.is_empty(), "{name}");
    cases
}

fn patched(resource: &Value, patch: &Value) -> Result<Value, String> {
    let patch = patch.to_string();
    let document = Document::parse(patch.as_bytes()).unwrap();
    let text = patch::apply(resource.to_string().as_bytes(), &document).map_err(|error| error.details.into_owned())?;
    serde_json::from_slice(&text).map_err(|error| error.to_string())
}

#[test]
fn every_official_fhirpath_patch_gives_its_output() {
    let Some(folder) = data() else { return };
    let cases = cases(&folder, "fhirpath-patch-tests.shared.json");
    let mut failures = BTreeMap::new();
    for case in &cases {
        let output = patched(&case["input"], &case["diff"]);
        if output.as_ref() != Ok(&case["output"]) {
            failures.insert(case["name"].as_str().unwrap(), output);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(cases.len(), 19);
}

#[test]
fn every_official_json_patch_gives_its_output_or_its_error() {
    let Some(folder) = data() else { return };
    let cases = cases(&folder, "json-patch-tests.shared.json");
    let mut failures = BTreeMap::new();
    for case in &cases {
        let output = patched(&case["doc"], &case["patch"]);
        let fits = match case.get("expected") {
            Some(expected) => output.as_ref() == Ok(expected),
            None => case.get("error").is_some() && output.is_err(),
        };
        if !fits {
            failures.insert(case["comment"].as_str().unwrap(), output);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(cases.len(), 9);
}
