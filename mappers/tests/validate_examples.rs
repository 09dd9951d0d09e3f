//! Examples that are right by their authors' word have no error: R4's own, and US Core's against the profiles that they claim.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use mappers::json::Document;
use mappers::validate::{Library, Options, Report, Severity, validate};
use serde_json::Value;

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

/// Definitions by kind and address, as a client would have stored them.
type Stored = BTreeMap<(String, String), Vec<u8>>;

/// The definitions of a guide.
fn stored(folder: &Path) -> Stored {
    let mut found = Stored::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let mut text = Vec::new();
        let file = std::fs::File::open(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "gz") {
            flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).unwrap();
        } else {
            std::io::BufReader::new(file).read_to_end(&mut text).unwrap();
        }
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let json: Value = serde_json::from_slice(line).unwrap();
            if let (Some(kind), Some(url)) = (json["resourceType"].as_str(), json["url"].as_str()) {
                found.insert((kind.to_owned(), url.to_owned()), line.to_vec());
            }
        }
    }
    found
}

/// Validates with what is built in, and what is stored.
fn validated(document: &Document<'_>, stored: &Stored) -> Report {
    validated_with(document, stored, &mut Library::default())
}

fn validated_with(document: &Document<'_>, stored: &Stored, library: &mut Library) -> Report {
    loop {
        let options = Options { now: Some("2026-01-01T00:00:00Z"), ..Options::default() };
        let report = validate(document, library, options);
        if report.wanted.iter().all(|wish| library.holds(wish)) {
            return report;
        }
        for wish in &report.wanted {
            let url = wish.url.split('|').next().unwrap().to_owned();
            let found = stored.get(&(wish.kind.to_owned(), url)).map(|text| Document::parse(text).unwrap());
            library.add(wish, found.as_ref().map(Document::root));
        }
    }
}

/// Of the spoilt resources, one in so many is tried: all of them take a minute.
const EVERY: usize = 3;

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
fn errors(folder: &Path, stored: &Stored) -> (usize, BTreeMap<String, Vec<String>>) {
    let mut count = 0;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in files(folder) {
        let text = std::fs::read(&path).unwrap();
        let Ok(document) = Document::parse(&text) else { continue };
        if document.root().member("resourceType").is_none() {
            continue;
        }
        count += 1;
        let errors: Vec<String> = validated(&document, stored)
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
    let (of_r4, mut found) = errors(&data.join("01-r4-examples"), &Stored::new());
    let (of_us_core, more) = errors(&data.join("02-us-core"), &Stored::new());
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

/// The same by the guides' own definitions, whole snapshots, as they would be stored by a client.
#[test]
fn us_cores_examples_meet_the_stored_definitions() {
    let Some(data) = data() else { return };
    let known = known();
    let mut all = 0;
    for version in ["311", "610", "700"] {
        let stored = stored(&data.join(format!("00-definitions/us-core-{version}")));
        let (count, found) = errors(&data.join(format!("02-us-core/examples-{version}")), &stored);
        let unexpected: BTreeMap<_, _> = found.iter().filter(|(file, _)| !known.contains(*file)).collect();
        println!("US Core {version}: {count} examples, {} with errors", found.len());
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        all += count;
    }
    assert!(all > 200, "{all}");
}

/// Every text that differs from the value by one member that is gone, or one text that is another.
fn mutants(value: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                // An empty object is for the check of structure, which looks no further.
                if members.len() > 1 {
                    let mut without = members.clone();
                    without.remove(name);
                    found.push(Value::Object(without));
                }
                for mutant in mutants(member) {
                    let mut with = members.clone();
                    with.insert(name.clone(), mutant);
                    found.push(Value::Object(with));
                }
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                for mutant in mutants(item) {
                    let mut with = items.clone();
                    with[place] = mutant;
                    found.push(Value::Array(with));
                }
            }
        }
        Value::String(_) => found.push(Value::String("x-other".to_owned())),
        _ => {}
    }
    found
}

/// The same definitions without their snapshots, as tools write them that leave these to the server.
fn differentials(stored: &Stored) -> Stored {
    let without = |text: &Vec<u8>| {
        let mut json: Value = serde_json::from_slice(text).unwrap();
        json.as_object_mut().unwrap().remove("snapshot");
        serde_json::to_vec(&json).unwrap()
    };
    stored.iter().map(|(name, text)| (name.clone(), without(text))).collect()
}

/// The built-in tables are an extract of the definitions, and a snapshot follows from what a profile adds to its base: on resources
/// that were spoilt in one place all three find the same errors.
#[test]
fn tables_snapshots_and_differentials_find_the_same() {
    let Some(data) = data() else { return };
    let definitions = stored(&data.join("00-definitions/us-core-610"));
    let added = differentials(&definitions);
    let (mut all, mut spoilt) = (0, 0);
    let mut different: Vec<String> = Vec::new();
    for path in files(&data.join("02-us-core/examples-610")) {
        let mut example: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let Some(members) = example.as_object_mut() else { continue };
        // What narrates is long, and the same for both.
        members.remove("text");
        if members["resourceType"] == "Bundle" || !members.contains_key("meta") {
            continue;
        }
        let (mut tables, mut whole, mut parts) = (Library::default(), Library::default(), Library::default());
        for mutant in mutants(&example).into_iter().skip(all % EVERY).step_by(EVERY) {
            let text = serde_json::to_vec(&mutant).unwrap();
            let document = Document::parse(&text).unwrap();
            let by = |stored: &Stored, library: &mut Library| {
                let issues = validated_with(&document, stored, library).issues.into_iter();
                let errors = issues.filter(|issue| issue.severity == Severity::Error);
                errors.map(|issue| format!("{} {}", issue.code, issue.expression)).collect::<BTreeSet<_>>()
            };
            let (by_tables, by_definitions) = (by(&Stored::new(), &mut tables), by(&definitions, &mut whole));
            let by_parts = by(&added, &mut parts);
            // This one's base is of another guide, so its differential alone cannot say it all.
            let stands_here = mutant["resourceType"] != "QuestionnaireResponse";
            if stands_here && by_parts != by_definitions {
                let only = by_parts.symmetric_difference(&by_definitions).cloned().collect::<Vec<_>>();
                let by = if by_parts.len() > by_definitions.len() { "differentials" } else { "snapshots" };
                different.push(format!("{} only {by}: {only:?}", path.file_name().unwrap().display()));
            }
            all += 1;
            spoilt += usize::from(!by_definitions.is_empty());
            if by_tables != by_definitions {
                let only = by_tables.symmetric_difference(&by_definitions).cloned().collect::<Vec<_>>();
                let by = if by_tables.len() > by_definitions.len() { "tables" } else { "definitions" };
                different.push(format!("{} only {by}: {only:?}", path.file_name().unwrap().display()));
            }
        }
    }
    println!("{all} spoilt resources, {spoilt} with errors, {} told differently", different.len());
    assert!(all > 1500 && spoilt * 4 > all, "{all} {spoilt}");
    assert!(different.is_empty(), "{:#?}", &different[..different.len().min(80)]);
}
