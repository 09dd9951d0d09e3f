//! The official validator's own cases (<https://github.com/FHIR/fhir-test-cases>): the same errors at the same places. Cases of
//! which we say something else stand in `conformance/known/validate.toml`, with the reason.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mappers::json::Document;
use mappers::validate::{Library, Options, Severity, Wanted, validate};
use serde_json::Value;

/// How many steps two places may lie apart: an absent element is told at its own place or at that of its parent.
const APART: usize = 1;

#[derive(serde::Deserialize)]
struct Known {
    case: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    names: Vec<String>,
    reason: String,
}

fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    let folder = root.join("shared/data/05-official-tests/validator");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: ../shared is absent: the official cases were NOT validated");
    None
}

/// The definitions that come with a case, by address.
fn supporting(files: &Path, case: &Value) -> BTreeMap<String, Vec<u8>> {
    let lists = ["supporting", "profiles"].iter().filter_map(|name| case[*name].as_array()).flatten();
    let mut names: Vec<&str> = lists.filter_map(Value::as_str).collect();
    names.extend(case["profile"]["source"].as_str());
    names.extend(case["profile"]["supporting"].as_array().into_iter().flatten().filter_map(Value::as_str));
    let mut found = BTreeMap::new();
    for name in names {
        let Some(text) = definition(&files.join(name)) else { continue };
        let Ok(json) = serde_json::from_slice::<Value>(&text) else { continue };
        if let Some(url) = json["url"].as_str() {
            found.insert(url.to_owned(), text);
        }
    }
    found
}

/// A definition as JSON; `None` where there is none.
fn definition(path: &Path) -> Option<Vec<u8>> {
    let text = std::fs::read(path).ok()?;
    if path.extension().is_some_and(|extension| extension == "xml") {
        return mappers::xml::read(&text).ok();
    }
    Some(text)
}

/// The places of our errors; `None` where the profile of the case cannot be read.
fn ours(files: &Path, case: &Value) -> Option<Vec<String>> {
    let text = std::fs::read(files.join(case["file"].as_str().unwrap())).unwrap();
    let definitions = supporting(files, case);
    let mut profiles: Vec<Box<str>> = Vec::new();
    if let Some(source) = case["profile"]["source"].as_str() {
        let is_local = files.join(source).exists();
        let url = if is_local {
            let text = definition(&files.join(source))?;
            serde_json::from_slice::<Value>(&text).ok()?["url"].as_str()?.to_owned()
        } else {
            source.to_owned()
        };
        profiles.push(url.into());
    }
    let Ok(document) = Document::parse(&text) else { return Some(vec![String::new()]) };
    let mut library = Library::default();
    let add = |library: &mut Library, wish: &Wanted| {
        let found = definitions.get(wish.url.split('|').next().unwrap());
        let document = found.map(|text| Document::parse(text).unwrap());
        library.add(wish, document.as_ref().map(Document::root));
    };
    for url in &profiles {
        add(&mut library, &Wanted { kind: "StructureDefinition", url: url.clone() });
    }
    let options = Options { profiles: &profiles, now: Some("2026-01-01T00:00:00Z"), work: None };
    for _ in 0..20 {
        let report = validate(&document, &library, options);
        if report.wanted.iter().all(|wish| library.holds(wish)) {
            let errors = report.issues.into_iter().filter(|issue| issue.severity == Severity::Error);
            return Some(
                errors.map(|issue| format!("{}\t{} {}", issue.expression, issue.code, issue.details)).collect(),
            );
        }
        report.wanted.iter().for_each(|wish| add(&mut library, wish));
    }
    panic!("{}: wants more and more", case["name"]);
}

/// The places of the errors that the case expects, with their texts.
fn expected(case: &Value) -> Vec<String> {
    let both = [&case["base_expected"], &case["profile"]["expected"]];
    let issues = both.iter().filter_map(|one| one["issues"].as_array()).flatten();
    let errors = issues.filter(|issue| matches!(issue["severity"].as_str(), Some("error" | "fatal")));
    errors
        .map(|issue| format!("{}\t{}", issue["expression"][0].as_str().unwrap_or(""), issue["text"].as_str().unwrap()))
        .collect()
}

/// The steps of a place, without comments and types of choices.
fn steps(line: &str) -> Vec<String> {
    let mut place = line.split('\t').next().unwrap().to_owned();
    while let (Some(from), Some(to)) = (place.find("/*"), place.find("*/")) {
        place.replace_range(from..to + 2, "");
    }
    let place = place.split("[url=").next().unwrap();
    let place = place.trim_end_matches(['/', '.']).replace("/.", ".").replace(".resource/", ".resource");
    let steps = place.split('.').filter(|step| !step.is_empty() && !step.starts_with("ofType("));
    steps.map(ToOwned::to_owned).collect()
}

/// Whether two places are one, or one stands a few steps within the other. A text that is no JSON has no places.
fn related(one: &str, other: &str) -> bool {
    let (one, other) = (steps(one), steps(other));
    if one.is_empty() || other.is_empty() {
        return true;
    }
    let shorter = one.len().min(other.len());
    one.len().abs_diff(other.len()) <= APART && one[..shorter] == other[..shorter]
}

#[test]
fn official_cases_have_the_same_errors() {
    let Some(folder) = folder() else { return };
    let known: Known = {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/known/validate.toml");
        toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    assert!(known.case.iter().all(|one| one.reason.len() > 20), "a known difference needs a reason");
    let known: BTreeSet<&str> = known.case.iter().flat_map(|one| &one.names).map(String::as_str).collect();
    let (mut ran, mut verdicts, mut must_fail, mut failed, mut right) = (0, 0, 0, 0, 0);
    let mut different: BTreeMap<String, String> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.join("cases.ndjson")).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap().to_owned();
        let expected = expected(&case);
        ran += 1;
        must_fail += usize::from(!expected.is_empty());
        let Some(ours) = ours(&folder.join("files"), &case) else {
            different.insert(name, "its profile cannot be read".to_owned());
            continue;
        };
        verdicts += usize::from(ours.is_empty() == expected.is_empty());
        failed += usize::from(!ours.is_empty() && !expected.is_empty());
        let missing: Vec<&String> =
            expected.iter().filter(|wanted| !ours.iter().any(|own| related(own, wanted))).collect();
        let false_errors: Vec<&String> =
            ours.iter().filter(|own| !expected.iter().any(|wanted| related(own, wanted))).collect();
        if missing.is_empty() && false_errors.is_empty() {
            right += usize::from(!expected.is_empty());
        } else {
            let cut = |list: &[&String]| {
                let all: Vec<String> = list.iter().take(6).map(|line| line.chars().take(200).collect()).collect();
                format!("{} {all:#?}", list.len())
            };
            different.insert(name, format!("missing {} false {}", cut(&missing), cut(&false_errors)));
        }
    }
    println!(
        "{ran} cases: {} as expected, {verdicts} with the right verdict; {must_fail} must fail, {failed} do, {right} for all the \
         right reasons and no other",
        ran - different.len()
    );
    let unexpected: BTreeMap<_, _> = different.iter().filter(|(name, _)| !known.contains(name.as_str())).collect();
    for (name, what) in &unexpected {
        println!("{name}: {what}");
    }
    assert!(unexpected.is_empty(), "{} cases differ", unexpected.len());
    let gone: Vec<_> = known.iter().filter(|name| !different.contains_key(**name)).collect();
    assert!(gone.is_empty(), "known, and as expected now: {gone:?}");
}
