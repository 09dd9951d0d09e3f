//! What HL7 publishes: every example is the same after it was XML, the XML files say what they should, and the order of
//! elements is the one of the definitions.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use mappers::json::{Document, Element, Kind};
use mappers::structure;

use crate::{same_in, same_through_xml, to_json, to_xml};
use mappers::xml::Layout;

const FOLDERS: [&str; 6] = [
    "00-definitions",
    "01-r4-examples",
    "02-us-core",
    "03-ehr-recordings",
    "04-synthea-and-bulk",
    "05-official-tests/json-edge-cases",
];

/// The shared data; without it nothing is checked, and that is said.
fn data(what: &str) -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("SKIPPED: no shared data at {}: {what} NOT checked", data.display());
    None
}

#[test]
fn every_example_is_the_same_after_it_was_xml() {
    let Some(data) = data("the examples in XML were") else { return };
    let (mut same, mut shown) = (0, 0);
    for file in FOLDERS.iter().flat_map(|folder| files(&data.join(folder))) {
        let text = contents(&file);
        let lines = file.to_string_lossy().contains(".ndjson");
        let texts = text.split(|byte| lines && *byte == b'\n').filter(|line| !line.is_empty());
        for document in texts.filter_map(|text| Document::parse(text).ok()) {
            each_resource(document.root(), &mut |resource| {
                let document = Document::parse(resource.raw().as_bytes()).unwrap();
                if structure::check(&document).is_err() {
                    return;
                }
                if is_told(document.root()) {
                    same_in(resource.raw(), Layout::Compact);
                    same += 1;
                } else {
                    // A narrative that is no XHTML is shown as text, and it is XML all the same.
                    to_json(&to_xml(resource.raw(), Layout::Compact));
                    shown += 1;
                }
            });
        }
    }
    eprintln!("{same} resources are the same after they were XML; {shown} have a narrative that is no XHTML by itself");
    assert!(same > 6_000, "{same}");
    assert!(shown * 20 < same, "{shown} of {same}");
}

/// Whether all narratives can stand in XML as they are.
fn is_told(element: Element<'_>) -> bool {
    element.children().all(|child| {
        if !child.is_named("div") {
            return is_told(child);
        }
        let text = child.string().unwrap_or_default();
        let wrapped =
            format!("<Basic xmlns=\"http://hl7.org/fhir\"><text><status value=\"generated\"/>{text}</text></Basic>");
        mappers::xml::read(wrapped.as_bytes()).is_ok_and(|json| {
            let document = Document::parse(&json).unwrap();
            document.root().member("text").and_then(|told| told.member("div")?.string()) == Some(text)
        })
    })
}

#[test]
fn official_xml_is_read() {
    let Some(data) = data("the XML files were") else { return };
    let files: Vec<PathBuf> = all(&data.join("05-official-tests/validator/files"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    assert!(!files.is_empty());
    for file in files {
        let text = contents(&file);
        let json = mappers::xml::read(&text).unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
        let document = Document::parse(&json).unwrap();
        let missing = structure::check(&document).err().unwrap_or_default();
        let missing: Vec<&str> = missing.iter().map(|issue| issue.expression.as_str()).collect();
        // Some of them are no StructureDefinitions of R4: they have no name.
        assert!(matches!(missing[..], [] | ["StructureDefinition.name"]), "{}: {missing:?}", file.display());
        same_through_xml(std::str::from_utf8(&json).unwrap());
        // The same file in JSON beside it says the same.
        let sibling = file.with_extension("json");
        if sibling.exists() {
            let theirs = contents(&sibling);
            let theirs = Document::parse(&theirs).unwrap();
            assert_eq!(crate::difference(theirs.root(), document.root()), None, "{}", file.display());
        }
    }
}

#[test]
fn elements_stand_in_the_order_of_the_definitions() {
    let Some(data) = data("the order of elements was") else { return };
    let text = contents(&data.join("00-definitions/r4-core-4.0.1/structure-definitions.ndjson.gz"));
    let mut checked = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let definition: serde_json::Value = serde_json::from_slice(line).unwrap();
        let complex = matches!(definition["kind"].as_str(), Some("complex-type" | "resource"));
        if !complex || definition["abstract"] == true || definition["type"] != definition["id"] {
            continue;
        }
        let elements = definition["snapshot"]["element"].as_array().unwrap();
        let paths: Vec<&str> = elements.iter().map(|element| element["path"].as_str().unwrap()).collect();
        for owner in &paths {
            let theirs: Vec<&str> = paths
                .iter()
                .filter_map(|path| path.strip_prefix(*owner)?.strip_prefix('.'))
                .filter(|name| !name.contains('.'))
                .map(|name| name.trim_end_matches("[x]"))
                .collect();
            if theirs.is_empty() {
                continue;
            }
            assert_eq!(structure::order(owner), theirs, "{owner}");
            checked += 1;
        }
    }
    assert!(checked > 600, "{checked}");
}

fn each_resource(element: Element<'_>, visit: &mut dyn FnMut(Element<'_>)) {
    if element.kind() == Kind::Object && element.member("resourceType").is_some() {
        return visit(element);
    }
    element.children().for_each(|child| each_resource(child, visit));
}

fn contents(file: &Path) -> Vec<u8> {
    let text = std::fs::read(file).unwrap();
    if file.extension().is_none_or(|extension| extension != "gz") {
        return text;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&text[..]).read_to_end(&mut plain).unwrap();
    plain
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let kept = |file: &PathBuf| {
        let name = file.to_string_lossy();
        // A load of thousands of synthetic patients says nothing new.
        ["json", "ndjson", "gz"].iter().any(|end| name.ends_with(end)) && !name.contains("synthea-load")
    };
    all(folder).into_iter().filter(kept).collect()
}

fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(all(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
