//! Examples that are right by their authors' word have no error: R4's own, and US Core's against the profiles that they claim.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mappers::json::Document;
use mappers::validate::{Library, Options, Report, Severity, validate};

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?.join("shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: ../shared is absent: examples were NOT validated");
    None
}

/// Every JSON file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ext| ext == "json") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Validates with what is built in: nobody knows more.
fn validated(document: &Document<'_>) -> Report {
    let mut library = Library::default();
    loop {
        let options = Options { now: Some("2026-01-01T00:00:00Z"), ..Options::default() };
        let report = validate(document, &library, options);
        if report.wanted.iter().all(|wish| library.holds(wish)) {
            return report;
        }
        for wish in &report.wanted {
            library.add(wish, None);
        }
    }
}

#[derive(serde::Deserialize)]
struct Known {
    example: Vec<Example>,
}

#[derive(serde::Deserialize)]
struct Example {
    files: Vec<String>,
    reason: String,
}

/// Files that are known not to be valid.
fn known() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/known/validate.toml");
    let known: Known = toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(known.example.iter().all(|one| one.reason.len() > 20), "a known difference needs a reason");
    known.example.into_iter().flat_map(|one| one.files).collect()
}

/// The files of a folder with errors, with what they say; and how many files were looked at.
fn errors(folder: &Path) -> (usize, BTreeMap<String, Vec<String>>) {
    let mut count = 0;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files(folder) {
        let text = std::fs::read(&path).unwrap();
        let Ok(document) = Document::parse(&text) else { continue };
        if document.root().member("resourceType").is_none() {
            continue;
        }
        count += 1;
        let errors: Vec<String> = validated(&document)
            .issues
            .iter()
            .filter(|issue| issue.severity == Severity::Error)
            .map(|issue| format!("{} {} {}", issue.code, issue.expression, issue.details))
            .collect();
        if !errors.is_empty() {
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), errors);
        }
    }
    (count, found)
}

#[test]
fn examples_have_no_errors() {
    let Some(data) = data() else { return };
    let (of_r4, mut found) = errors(&data.join("01-r4-examples"));
    let (of_us_core, more) = errors(&data.join("02-us-core"));
    println!(
        "{of_r4} examples of R4, {} with errors; {of_us_core} of US Core, {} with errors",
        found.len(),
        more.len()
    );
    assert!(of_r4 > 430 && of_us_core > 200, "{of_r4} {of_us_core}");
    found.extend(more);
    let known = known();
    let unexpected: BTreeMap<_, _> = found.iter().filter(|(file, _)| !known.contains(*file)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    let gone: Vec<_> = known.iter().filter(|file| !found.contains_key(*file)).collect();
    assert!(gone.is_empty(), "known, and valid now: {gone:?}");
}
