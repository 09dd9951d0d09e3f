//! The structure check against the shared data: official examples, US Core, Synthea, official test cases, and the
//! official definitions themselves. Whatever differs stands in `conformance/known/structure.toml` with its reason.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use fhirbolt_shared::element_map::r4::ELEMENT_MAP;
use flate2::read::GzDecoder;
use mappers::json::Document;
use mappers::structure::{self, Issue, Shape};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Known {
    refused: Vec<Refused>,
    no_resource: Vec<NoResource>,
    grahame: Vec<Grahame>,
    validator: Vec<Validator>,
}

#[derive(Deserialize)]
struct Refused {
    file: String,
    lines: Vec<usize>,
    reason: String,
}

#[derive(Deserialize)]
struct NoResource {
    path: String,
    reason: String,
}

#[derive(Deserialize)]
struct Grahame {
    files: Vec<String>,
    ours: String,
    reason: String,
}

#[derive(Deserialize)]
struct Validator {
    reason: String,
    cases: Vec<String>,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn known() -> Known {
    let known: Known =
        toml::from_str(&std::fs::read_to_string(workspace().join("conformance/known/structure.toml")).unwrap())
            .unwrap();
    let reasons = known.refused.iter().map(|one| &one.reason).chain(known.no_resource.iter().map(|one| &one.reason));
    let reasons =
        reasons.chain(known.grahame.iter().map(|one| &one.reason)).chain(known.validator.iter().map(|one| &one.reason));
    reasons.for_each(|reason| assert!(reason.len() > 20, "a known difference needs a reason"));
    known
}

/// The shared data; `None`, said aloud, where this checkout has none beside it.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/data").join(folder);
    if path.exists() {
        return Some(path);
    }
    let waived = std::env::var_os("FHIR_GATEWAY_ALLOW_MISSING_SHARED").is_some();
    let why = if waived { "FHIR_GATEWAY_ALLOW_MISSING_SHARED is set" } else { "the folder is not there" };
    #[expect(clippy::explicit_write, reason = "past the harness's capture: a skipped proof must be seen")]
    writeln!(std::io::stderr(), "SKIPPED: {} needs ../shared/data/{folder}; {why}", module_path!()).unwrap();
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn bytes(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut plain = Vec::new();
    GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap();
    plain
}

/// The JSON texts of a file with their line, from 1.
fn texts(path: &Path) -> Vec<(usize, Vec<u8>)> {
    let all = bytes(path);
    if !path.to_string_lossy().contains(".ndjson") {
        return vec![(1, all)];
    }
    let lines = all.split(|byte| *byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty());
    lines.map(|(line, number)| (number, line.to_vec())).collect()
}

fn name_under(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap().to_string_lossy().into_owned()
}

/// Expressions of what is wrong; the root for a text that is no JSON.
fn verdict(text: &[u8]) -> Result<(), Vec<Issue>> {
    let Ok(document) = Document::parse(text) else { return Err(Vec::new()) };
    structure::check(&document).map(drop)
}

/// How many resources a text holds, with those in entries and `contained`.
fn resources(value: &Value) -> usize {
    match value {
        Value::Object(members) => {
            usize::from(members.contains_key("resourceType")) + members.values().map(resources).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(resources).sum(),
        _ => 0,
    }
}

#[test]
fn every_resource_of_the_example_sets_passes() {
    let Some(data) = shared("") else { return };
    let known = known();
    let refused: BTreeSet<(String, usize)> =
        known.refused.iter().flat_map(|one| one.lines.iter().map(|line| (one.file.clone(), *line))).collect();
    let (mut seen, mut held, mut different) = (BTreeMap::new(), 0, BTreeSet::new());
    for set in ["01-r4-examples", "02-us-core", "04-synthea-and-bulk"] {
        for path in files(&data.join(set)) {
            let name = name_under(&data, &path);
            if known.no_resource.iter().any(|one| name.starts_with(&one.path)) {
                continue;
            }
            for (line, text) in texts(&path) {
                *seen.entry(set).or_insert(0) += 1;
                if let Err(issues) = verdict(&text) {
                    if !refused.contains(&(name.clone(), line)) {
                        println!("{name}:{line} {issues:#?}");
                    }
                    different.insert((name.clone(), line));
                } else {
                    held += resources(&serde_json::from_slice(&text).unwrap());
                }
            }
        }
    }
    assert_eq!(different, refused);
    let texts: usize = seen.values().sum();
    assert_eq!((seen["01-r4-examples"], seen["02-us-core"]), (437, 212));
    assert!(seen["04-synthea-and-bulk"] >= 200 && held > 15_000, "{seen:?}, {held} resources");
    assert!(different.len() * 50 <= texts, "more than 2 % are refused");
}

#[test]
fn primitives_are_as_the_official_cases_say() {
    let Some(file) = shared("05-official-tests/primitives/google-primitive-cases.json") else { return };
    let cases: BTreeMap<String, BTreeMap<String, Vec<BTreeMap<String, String>>>> =
        serde_json::from_slice(&bytes(&file)).unwrap();
    let mut seen = 0;
    for (kind, verdicts) in &cases {
        for (verdict_wanted, literals) in verdicts {
            for literal in literals {
                let text = &literal["jsonText"];
                seen += 1;
                // A primitive that is absent is written so in the source of the cases; in a resource null is no value.
                if text == "null" {
                    assert!(verdict(resource_with(kind, text).as_bytes()).is_err(), "{kind} {text}");
                    continue;
                }
                let accepted = verdict(resource_with(kind, text).as_bytes()).is_ok();
                assert_eq!(accepted, verdict_wanted == "valid", "{kind} {text}");
            }
        }
    }
    assert_eq!(seen, 89);
}

/// A resource with an element of this type that holds this literal.
fn resource_with(kind: &str, literal: &str) -> String {
    let name: String = kind.split('_').map(|part| format!("{}{}", part[..1].to_uppercase(), &part[1..])).collect();
    if kind == "xhtml" {
        return format!(
            r#"{{"resourceType":"Basic","code":{{"text":"x"}},"text":{{"status":"generated","div":{literal}}}}}"#
        );
    }
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"p","value{name}":{literal}}}]}}"#)
}

#[test]
fn json_edge_cases() {
    let Some(folder) = shared("05-official-tests/json-edge-cases") else { return };
    let singles: Vec<_> = files(&folder).into_iter().filter(|path| path.parent() == Some(&folder)).collect();
    assert_eq!(singles.len(), 4);
    singles.iter().for_each(|path| assert!(verdict(&bytes(path)).is_ok(), "{path:?}"));

    let known = known();
    let different: BTreeMap<&str, &str> =
        known.grahame.iter().flat_map(|one| one.files.iter().map(|file| (file.as_str(), one.ours.as_str()))).collect();
    let expected: BTreeMap<String, Value> =
        serde_json::from_slice(&bytes(&folder.join("grahame/expected.json"))).unwrap();
    assert_eq!(expected.len(), 18);
    assert!(different.keys().all(|file| expected.contains_key(*file)));
    for (file, outcome) in &expected {
        let ours = if verdict(&bytes(&folder.join("grahame").join(file))).is_ok() { "accepted" } else { "refused" };
        let theirs = if outcome["errorCount"] == 0 { "accepted" } else { "refused" };
        match different.get(file.as_str()) {
            Some(known) => assert!(ours == *known && ours != theirs, "{file} is known to differ and does not"),
            None => assert_eq!(ours, theirs, "{file}"),
        }
    }
}

#[test]
fn the_official_validator_agrees() {
    let Some(folder) = shared("05-official-tests/validator") else { return };
    let known = known();
    let accepted_anyway: BTreeSet<&str> =
        known.validator.iter().flat_map(|one| one.cases.iter().map(String::as_str)).collect();
    let (mut cases, mut refused, mut located, mut different) = (0, 0, 0, BTreeSet::new());
    let text = bytes(&folder.join("cases.ndjson"));
    let lines: Vec<Value> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    for case in &lines {
        cases += 1;
        let (name, file) = (case["name"].as_str().unwrap(), case["file"].as_str().unwrap());
        let sound = case["base_expected"]["errors"] == 0;
        match verdict(&bytes(&folder.join("files").join(file))) {
            Ok(()) if !sound => {
                different.insert(name);
            }
            Ok(()) => {}
            Err(issues) => {
                assert!(!sound, "{name} is sound, and refused: {issues:#?}");
                refused += 1;
                let places = error_places(case);
                // Without issues the text is not even JSON.
                located +=
                    usize::from(issues.is_empty() || issues.iter().any(|issue| near(&issue.expression, &places)));
            }
        }
    }
    assert_eq!((cases, different.len()), (140, accepted_anyway.len()));
    assert_eq!(different, accepted_anyway);
    assert_eq!(refused + different.len(), 82);
    assert_eq!(located, refused, "an issue points where the official validator points");
}

/// Where the validator sees errors, without its notes and types.
fn error_places(case: &Value) -> Vec<String> {
    let issues = case["base_expected"]["issues"].as_array().unwrap();
    let errors = issues.iter().filter(|issue| issue["severity"] != "warning" && issue["severity"] != "information");
    let places = errors.filter_map(|issue| issue["expression"][0].as_str());
    places.map(|place| place.split(".ofType(").next().unwrap().to_owned()).collect()
}

/// Whether the place is one of these or right below one: what is missing is named there by its owner.
fn near(place: &str, places: &[String]) -> bool {
    places.iter().any(|theirs| {
        let rest = place.strip_prefix(theirs.as_str());
        rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with(['.', '[']) && rest.matches('.').count() <= 1))
    })
}

/// Every example with one thing wrong: each member renamed, emptied, nulled, wrapped or unwrapped in turn.
#[test]
fn one_fault_anywhere_is_found_and_located() {
    let Some(data) = shared("01-r4-examples") else { return };
    let (mut faults, mut texts) = (0, 0);
    for path in files(&data) {
        let text = bytes(&path);
        if text.len() > 4_000 {
            continue;
        }
        texts += 1;
        let value: Value = serde_json::from_slice(&text).unwrap();
        let mut places = Vec::new();
        pointers(&value, String::new(), &mut places);
        for place in places {
            for fault in Fault::ALL {
                let mut broken = value.clone();
                if !fault.commit(&mut broken, &place) {
                    continue;
                }
                faults += 1;
                let found = verdict(&serde_json::to_vec(&broken).unwrap());
                let issues = found.expect_err(&format!("{fault:?} at {place} of {path:?} was not found"));
                assert!(!issues.is_empty() && issues.iter().all(|issue| !issue.expression.is_empty()));
            }
        }
    }
    assert!(texts > 250 && faults > 50_000, "{texts} texts, {faults} faults");
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Rename,
    Null,
    EmptyArray,
    EmptyObject,
    EmptyString,
    Wrap,
}

impl Fault {
    const ALL: [Self; 6] =
        [Self::Rename, Self::Null, Self::EmptyArray, Self::EmptyObject, Self::EmptyString, Self::Wrap];

    /// False where the fault would be none.
    fn commit(self, root: &mut Value, pointer: &str) -> bool {
        let (owner, name) = pointer.rsplit_once('/').unwrap();
        if matches!(self, Self::Rename) {
            let Some(members) = root.pointer_mut(owner).unwrap().as_object_mut() else { return false };
            let value = members.remove(name).unwrap();
            members.insert(format!("{name}Zz"), value);
            return true;
        }
        if matches!(self, Self::Null) && fills_a_gap(root, owner) {
            return false;
        }
        let value = root.pointer_mut(pointer).unwrap();
        // Narrative may be an empty string for the primitive type; its rules are not structure.
        if matches!(self, Self::EmptyString) && name == "div" {
            return false;
        }
        *value = match self {
            Self::Null | Self::Rename => Value::Null,
            Self::EmptyArray => Value::Array(Vec::new()),
            Self::EmptyObject => Value::Object(serde_json::Map::new()),
            Self::EmptyString => "".into(),
            Self::Wrap => Value::Array(vec![value.take()]),
        };
        true
    }
}

/// Whether this is one of the two arrays of a primitive with `_sibling`, where null may stand.
fn fills_a_gap(root: &Value, array: &str) -> bool {
    let (owner, name) = array.rsplit_once('/').unwrap_or_default();
    name.starts_with('_') || root.pointer(&format!("{owner}/_{name}")).is_some()
}

fn pointers(value: &Value, here: String, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, child)| {
            out.push(format!("{here}/{name}"));
            pointers(child, format!("{here}/{name}"), out);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, child)| {
            out.push(format!("{here}/{at}"));
            pointers(child, format!("{here}/{at}"), out);
        }),
        _ => {}
    }
}

#[test]
fn the_tables_are_the_official_definitions() {
    let Some(file) = shared("00-definitions/r4-core-4.0.1/structure-definitions.ndjson.gz") else { return };
    let mut official = BTreeSet::new();
    let mut primitives = BTreeSet::new();
    let definitions: Vec<Value> = texts(&file).iter().map(|(_, text)| serde_json::from_slice(text).unwrap()).collect();
    for definition in &definitions {
        if definition["kind"] == "primitive-type" {
            primitives.insert(definition["id"].as_str().unwrap());
        }
    }
    for definition in &definitions {
        let concrete =
            matches!(definition["kind"].as_str(), Some("resource" | "complex-type")) && definition["abstract"] == false;
        if concrete && definition["type"] == definition["id"] {
            let elements = definition["snapshot"]["element"].as_array().unwrap();
            elements.iter().skip(1).for_each(|element| agrees(element, &primitives, &mut official));
        }
    }
    assert!(official.len() > 7_900, "{}", official.len());
    for (owner, children) in
        ELEMENT_MAP.entries().filter(|(owner, _)| owner.starts_with(|first: char| first.is_uppercase()))
    {
        let copied = matches!(*owner, "Age" | "Count" | "Distance" | "Duration");
        for child in children.iter().filter(|_| !copied) {
            assert!(official.contains(&format!("{owner}.{child}")), "{owner}.{child} is not in the definitions");
        }
    }
}

/// One element of a snapshot against [`structure::definition`], each type of a choice on its own.
fn agrees(element: &Value, primitives: &BTreeSet<&str>, official: &mut BTreeSet<String>) {
    let path = element["path"].as_str().unwrap();
    let types: Vec<Option<&Value>> = match element["type"].as_array() {
        Some(types) => types.iter().map(Some).collect(),
        None => vec![None],
    };
    for of in types {
        let code = of.and_then(|of| of["code"].as_str()).unwrap_or_default();
        let fhir_type = of.and_then(|of| of["extension"].as_array()?.iter().find_map(|one| one["valueUrl"].as_str()));
        let name = path
            .strip_suffix("[x]")
            .map_or_else(|| path.to_owned(), |base| format!("{base}{}{}", code[..1].to_uppercase(), &code[1..]));
        let shape = match (element["contentReference"].as_str(), fhir_type.unwrap_or(code)) {
            (Some(same), _) => same[1..].to_owned(),
            // The type of a resource's own id is named string there; datatypes.html and the R4 schema say id.
            (_, "string") if path.ends_with(".id") && element["base"]["path"] == "Resource.id" => "id".to_owned(),
            (_, "BackboneElement" | "Element") => path.to_owned(),
            (_, plain) => plain.to_owned(),
        };
        let ours = structure::definition(&name).unwrap_or_else(|| panic!("{name} is unknown"));
        let shown = match ours.shape {
            Shape::Primitive(shape) => {
                assert!(primitives.contains(shape), "{name}");
                shape
            }
            Shape::Object(shape) => shape,
            Shape::Resource => "Resource",
        };
        assert_eq!(shown, shape, "{name}");
        assert_eq!(ours.list, element["max"] != "1" && element["max"] != "0", "{name}");
        assert_eq!(ours.required, element["min"] != 0, "{name}");
        official.insert(name);
    }
}
