//! `RxNorm`: a release in Rich Release Format, the full one or the prescribable part of it
//! (<https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html>). Only what the National Library of Medicine says itself is read
//! (source `RXNORM`): other sources' names have licences of their own.

mod attributes;
mod files;
mod names;
mod relations;
mod retired;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use terminology::index::{Draft, Kind};

use self::files::Files;
use crate::Loaded;
use crate::fault::Fault;
use crate::reading::{Progress, Reading};
use crate::report::Report;
use crate::source::Source;

const RELEASE: &str = "RxNorm";
const SYSTEM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
/// The source whose rows count.
const OWN: &str = "RXNORM";

/// Whether a release is there, by the names of the files.
pub fn is_there(source: &Source) -> bool {
    files::is_there(source)
}

/// Reads a release. Its version is the one that is given, else the day in the name of the zip, the folder or a file, as
/// `MMDDYYYY` (<https://hl7.org/fhir/R4/rxnorm.html>), else what it says of itself.
///
/// # Errors
/// [`Fault`]: a file cannot be read, is not there, or a row of it is not as it should be; the hierarchy runs in a circle; nothing says which
/// version it is.
pub fn load(source: &Source, version: Option<&str>, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let mut reading = Reading { source, report: Report::default(), progress };
    let files = Files::find(source)?;
    reading.report.missing = files.missing();
    let version = match version {
        Some(version) => version.to_owned(),
        None => files::version(&mut reading, &files)?.ok_or(Fault::Version(RELEASE))?,
    };
    let mut draft = Draft::new(Value::Null);
    names::read(&mut reading, &files.names, &mut draft)?;
    let mut properties = BTreeMap::new();
    if let Some(file) = &files.archive {
        retired::read(&mut reading, file, &mut draft)?;
    }
    if let Some(file) = &files.relations {
        properties.extend(relations::read(&mut reading, file, &mut draft)?.into_iter().map(|name| (name, Kind::Code)));
    }
    if let Some(file) = &files.attributes {
        properties
            .extend(attributes::read(&mut reading, file, &mut draft)?.into_iter().map(|name| (name, Kind::String)));
    }
    if let Some(file) = &files.types {
        attributes::types(&mut reading, file, &mut draft)?;
    }
    draft.keyed("NDC");
    draft.set_header(header(&version, files.is_complete(source), properties));
    Ok(Loaded { draft, report: reading.report })
}

/// The code system without its concepts.
fn header(version: &str, is_complete: bool, properties: BTreeMap<String, Kind>) -> Value {
    let concept = "http://hl7.org/fhir/concept-properties";
    let mut defined = vec![
        json!({"code": "inactive", "uri": format!("{concept}#inactive"), "type": "boolean"}),
        json!({"code": "parent", "uri": format!("{concept}#parent"), "type": "code"}),
        json!({"code": "child", "uri": format!("{concept}#child"), "type": "code"}),
        json!({"code": "TTY", "description": "Term type of its normal name", "type": "string"}),
        json!({"code": "STY", "description": "Semantic type, by its identifier", "type": "string"}),
        json!({"code": "SUPPRESS", "description": "Why it is inactive: O obsolete, E quantified, Y suppressed", "type": "string"}),
        json!({"code": "merged_to", "description": "What it was merged into", "type": "code"}),
    ];
    let is_own = |name: &str| defined.iter().any(|property| property["code"] == name);
    let others: Vec<Value> = properties
        .iter()
        .filter(|(name, _)| !is_own(name))
        .map(|(name, kind)| json!({"code": name, "type": if *kind == Kind::Code { "code" } else { "string" }}))
        .collect();
    defined.extend(others);
    json!({
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "version": version,
        "name": "RxNorm",
        "title": "RxNorm",
        "status": "active",
        "caseSensitive": true,
        "hierarchyMeaning": "is-a",
        "content": if is_complete { "complete" } else { "fragment" },
        "property": defined,
    })
}
