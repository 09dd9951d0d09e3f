//! The invariants of R4 itself: every expression of the definitions can be read, and those of resources and their elements hold on
//! R4's own examples.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use mappers::fhirpath::{Context, Expression, Value};
use mappers::json::Document;

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?.join("shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: ../shared is absent: the invariants of R4 were NOT evaluated");
    None
}

/// The definitions of R4's types and resources.
fn definitions(data: &Path) -> Vec<serde_json::Value> {
    let path = data.join("00-definitions/r4-core-4.0.1/structure-definitions.ndjson.gz");
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// Path of the element, key and expression of each invariant of base types.
fn invariants(data: &Path) -> Vec<(String, String, String)> {
    let mut found = BTreeSet::new();
    for definition in definitions(data).iter().filter(|one| one["derivation"] != "constraint") {
        for element in definition["snapshot"]["element"].as_array().into_iter().flatten() {
            for constraint in element["constraint"].as_array().into_iter().flatten() {
                let Some(expression) = constraint["expression"].as_str() else { continue };
                let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
                found.insert((text(&element["path"]), text(&constraint["key"]), expression.to_owned()));
            }
        }
    }
    found.into_iter().collect()
}

#[test]
fn every_invariant_of_r4_can_be_read() {
    let Some(data) = data() else { return };
    let all = invariants(&data);
    let expressions: BTreeSet<&str> = all.iter().map(|(_, _, expression)| expression.as_str()).collect();
    let failures: BTreeMap<&str, String> =
        expressions.iter().filter_map(|text| Some((*text, Expression::parse(text).err()?.to_string()))).collect();
    println!("{} expressions of {} invariants", expressions.len(), all.len());
    assert!(expressions.len() > 190, "{}", expressions.len());
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Key, expression, and the element it is for (`None`: the resource).
type Invariant<'i> = (&'i str, Expression, Option<Expression>);

#[test]
fn invariants_hold_on_r4s_own_examples() {
    let Some(data) = data() else { return };
    let all = invariants(&data);
    let mut of_type: BTreeMap<&str, Vec<Invariant<'_>>> = BTreeMap::new();
    for (path, key, text) in &all {
        let kind = path.split('.').next().unwrap();
        let place = path.contains('.').then(|| Expression::parse(&path.replace("[x]", "")).unwrap());
        of_type.entry(kind).or_default().push((key, Expression::parse(text).unwrap(), place));
    }
    let (mut checked, mut files) = (0, 0);
    let mut errors: BTreeMap<String, usize> = BTreeMap::new();
    let mut broken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in std::fs::read_dir(data.join("01-r4-examples")).unwrap().map(|entry| entry.unwrap().path()) {
        for path in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read(&path).unwrap();
            let Ok(document) = Document::parse(&text) else { continue };
            let Some(kind) = document.root().member("resourceType").and_then(|kind| kind.string()) else { continue };
            files += 1;
            let context = Context { lenient_types: true, ..Context::default() };
            for (key, expression, place) in of_type.get(&*kind).into_iter().flatten() {
                let outcomes = match place {
                    None => vec![expression.evaluate(document.root(), context)],
                    Some(place) => {
                        let elements = place.evaluate(document.root(), context).unwrap();
                        let nodes = elements.iter().filter_map(Value::node);
                        nodes.map(|node| expression.evaluate_on(node, document.root(), context)).collect()
                    }
                };
                for outcome in outcomes {
                    checked += 1;
                    match outcome {
                        Err(error) => *errors.entry(format!("{key}: {error}")).or_default() += 1,
                        Ok(values) if matches!(values[..], [] | [Value::Boolean(true)]) => {}
                        Ok(_) => broken.entry((*key).to_owned()).or_default().push(name.clone()),
                    }
                }
            }
        }
    }
    println!("{checked} evaluations on {files} examples; broken: {broken:#?}");
    assert!(checked > 15_000, "{checked}");
    assert!(errors.is_empty(), "{errors:#?}");
    // Best practice and no more: a narrative (dom-6), and names that a program could use. The examples have neither.
    let warnings = ["dom-6", "pdf-0", "spd-0", "tst-0"];
    broken.retain(|key, _| !warnings.contains(&key.as_str()));
    assert!(broken.is_empty(), "{broken:#?}");
}
