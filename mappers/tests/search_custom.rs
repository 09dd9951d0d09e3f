//! Search parameters by expression, held against those that are built in: HL7's own definitions, taken as if an organization
//! had written them, give for R4's examples what the built-in tables give.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use mappers::json::Document;
use mappers::search::custom::{Definition, Parameter, State, Verdict, read};
use mappers::search::parameters::{self, ParameterKind};
use mappers::search::{IndexRows, extract};

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?.join("shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: ../shared is absent: the definitions of R4's search parameters were NOT looked at");
    None
}

/// HL7's definitions, as active ones.
fn official(data: &Path) -> Vec<serde_json::Value> {
    let path = data.join("00-definitions/r4-core-4.0.1/search-parameters.ndjson.gz");
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut found: Vec<serde_json::Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    found.iter_mut().for_each(|one| one["status"] = "active".into());
    found.retain(|one| one["base"].is_array());
    found
}

fn verdict(resource: &serde_json::Value) -> Result<Verdict, String> {
    let text = resource.to_string();
    let document = Document::parse(text.as_bytes()).unwrap();
    let known = |_: &str| None;
    read(document.root(), &known).map_err(|problems| format!("{}: {}", problems[0].expression, problems[0].details))
}

#[test]
fn what_hl7_publishes_of_built_in_parameters_is_stored_without_effect() {
    let Some(data) = data() else { return };
    let mut built_in = 0;
    for resource in official(&data) {
        let is_known = |kind: &serde_json::Value| {
            parameters::definition(kind.as_str().unwrap(), resource["code"].as_str().unwrap()).is_some()
        };
        if resource["base"].as_array().unwrap().iter().all(is_known) {
            assert_eq!(verdict(&resource), Ok(Verdict::BuiltIn), "{}", resource["url"]);
            built_in += 1;
        }
    }
    println!("{built_in} definitions of what is built in");
    assert!(built_in > 1300, "{built_in}");
}

/// The definitions that are no composites and nothing special, each under a name of its own, by their type.
fn renamed(data: &Path) -> (Vec<(String, Definition)>, BTreeMap<String, String>) {
    let (mut taken, mut refused) = (Vec::new(), BTreeMap::new());
    for mut resource in official(data) {
        let kind = resource["type"].as_str().unwrap().to_owned();
        if matches!(kind.as_str(), "special" | "composite") || resource["expression"].is_null() {
            continue;
        }
        let (url, code) = (resource["url"].as_str().unwrap().to_owned(), resource["code"].as_str().unwrap().to_owned());
        resource["url"] = format!("http://example.org/{url}").into();
        resource["code"] = format!("own{code}").into();
        match verdict(&resource) {
            Ok(Verdict::Active(definition)) => taken.push((code, definition)),
            Ok(other) => panic!("{url}: {other:?}"),
            Err(problem) => {
                refused.insert(url, problem);
            }
        }
    }
    (taken, refused)
}

#[test]
fn nearly_all_that_hl7_publishes_could_be_an_organizations_own() {
    let Some(data) = data() else { return };
    let (taken, refused) = renamed(&data);
    println!("{} taken, {} refused: {refused:#?}", taken.len(), refused.len());
    assert!(taken.len() > 1250, "{}", taken.len());
    // One asks for an element that R4 has not, one for a function that FHIRPath has not.
    assert!(refused.len() <= 2, "{refused:#?}");
}

/// Rows without place and item, in words.
fn told(rows: &IndexRows<'_>, keep: impl Fn(i32) -> bool) -> BTreeSet<String> {
    let mut told = BTreeSet::new();
    for row in rows.tokens.iter().filter(|row| keep(row.path)) {
        told.insert(format!("token {}|{}", row.system, row.code));
    }
    for row in rows.strings.iter().filter(|row| keep(row.path)) {
        told.insert(format!("string {}", row.text));
    }
    for row in rows.dates.iter().filter(|row| keep(row.path)) {
        told.insert(format!("date {} {}", row.low, row.high));
    }
    for row in rows.quantities.iter().filter(|row| keep(row.path)) {
        told.insert(format!("quantity {} {} {}|{}", row.low, row.high, row.system, row.code));
    }
    for row in rows.references.iter().filter(|row| keep(row.path)) {
        told.insert(format!("reference {} {}", row.target_type, row.target_id));
    }
    told
}

fn examples(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            examples(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
}

#[test]
fn expressions_give_what_the_built_in_tables_give() {
    let Some(data) = data() else { return };
    let (taken, _) = renamed(&data);
    let mut files = Vec::new();
    examples(&data.join("01-r4-examples"), &mut files);
    files.sort();
    let (mut compared, mut differ): (usize, BTreeMap<String, String>) = (0, BTreeMap::new());
    let parameter = |(number, (code, definition)): (usize, &(String, Definition))| {
        let number = i32::try_from(1 + 2 * number).unwrap();
        (code.clone(), Parameter::new(number, State::Ready, definition.clone()).unwrap())
    };
    let own: Vec<(String, Parameter)> = taken.iter().enumerate().map(parameter).collect();
    for file in &files {
        let text = std::fs::read(file).unwrap();
        let Ok(document) = Document::parse(&text) else { continue };
        let Some(kind) = document.root().member("resourceType").and_then(|kind| kind.string()) else { continue };
        let built_in = extract(&kind, document.root());
        for (code, parameter) in own.iter().filter(|(_, parameter)| parameter.is_of(&kind)) {
            let Some(known) = parameters::definition(&kind, code).filter(|known| known.is_supported()) else {
                continue;
            };
            // Columns of the directory, and (of what a path shares with others) parameters of another kind.
            if matches!(code.as_str(), "_id" | "_lastUpdated") || known.param_kind != parameter.definition.param_kind {
                continue;
            }
            let mut rows = IndexRows::default();
            if parameter.extract(document.root(), &mut rows).is_err() {
                differ.entry(format!("{kind}.{code}")).or_insert_with(|| "it failed".to_owned());
                continue;
            }
            let places: Vec<i32> = known.index_paths().collect();
            let typed = parameter.typed_path();
            let (theirs, ours) = (told(&built_in, |path| places.contains(&path)), told(&rows, |path| path != typed));
            let kinds = |told: BTreeSet<String>| -> BTreeSet<String> {
                // Places are shared: a date's row beside a token's is of another parameter.
                let wanted: &[&str] = match known.param_kind {
                    ParameterKind::Date => &["date"],
                    ParameterKind::Number | ParameterKind::Quantity => &["quantity"],
                    ParameterKind::Reference => &["reference", "token"],
                    ParameterKind::String => &["string"],
                    ParameterKind::Token => &["token", "string"],
                    _ => &["token"],
                };
                told.into_iter().filter(|row| wanted.iter().any(|kind| row.starts_with(kind))).collect()
            };
            let (mut theirs, mut ours) = (kinds(theirs), kinds(ours));
            // The built-in place is shared with references to other types, which a search leaves out by the type.
            if known.param_kind == ParameterKind::Reference && known.paths.iter().any(|path| !path.only.is_empty()) {
                let is_meant =
                    |row: &String| known.targets.iter().any(|kind| row.starts_with(&format!("reference {kind} ")));
                theirs.retain(is_meant);
                // And, as the table has it, also where HL7's expression leaves it to the type to tell.
                ours.retain(is_meant);
            }
            compared += usize::from(!theirs.is_empty());
            if theirs != ours {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                    one.difference(other).take(3).cloned().collect::<Vec<_>>().join("; ")
                };
                differ.entry(format!("{kind}.{code}")).or_insert_with(|| {
                    format!(
                        "{name}: only built in: {}; only by expression: {}",
                        only(&theirs, &ours),
                        only(&ours, &theirs)
                    )
                });
            }
        }
    }
    println!("{compared} values compared");
    for (name, told) in &differ {
        println!("{name}: {told}");
    }
    assert!(compared > 3000, "{compared}");
    assert!(differ.is_empty(), "{} differ", differ.len());
}
