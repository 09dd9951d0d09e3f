//! FHIR's own code systems: a `CodeSystem` in JSON, or a bundle or lines of them.

mod file;
mod relation;

use serde_json::{Map, Value};
use terminology::index::{Draft, Kind};

use self::relation::Relations;
use crate::fault::Fault;
use crate::report::Report;

pub use self::file::{is_there, load};

/// Reads a code system. Places follow the document; a code that comes twice counts as it stands first, and is below all that it stands in.
///
/// # Errors
/// [`Fault`]: it is no code system, a concept has no code, or the hierarchy runs in a circle.
pub fn draft_of(resource: &Value) -> Result<Draft, Fault> {
    let mut report = Report::default();
    read(resource, "CodeSystem", 1, &mut report)
}

/// The same, with what is odd.
fn read(resource: &Value, file: &str, line: u64, report: &mut Report) -> Result<Draft, Fault> {
    let fault = |what: String| Fault::Row { file: file.to_owned(), line, what };
    let fields = resource.as_object().filter(|fields| fields.get("resourceType") == Some(&"CodeSystem".into()));
    let fields = fields.ok_or_else(|| fault("it is no CodeSystem".to_owned()))?;
    if !fields.get("url").is_some_and(Value::is_string) {
        return Err(fault("it has no url".to_owned()));
    }
    let mut draft = Draft::new(header(fields));
    draft.keep_order();
    let mut relations = Relations::of(fields);
    // What is left of each level, and what it is below: concepts may lie deep in each other.
    let mut open = vec![(level(fields).map_err(fault)?.iter(), None)];
    while let Some((left, parent)) = open.last_mut() {
        let Some(concept) = left.next() else {
            open.pop();
            continue;
        };
        let (parent, fields) = (*parent, concept.as_object());
        let code = fields.and_then(|fields| fields.get("code")).and_then(Value::as_str).filter(|code| !code.is_empty());
        let (Some(fields), Some(code)) = (fields, code) else {
            return Err(fault(format!("concept {} has no code", draft.len() + 1)));
        };
        let is_known = draft.find(code).is_some();
        let at = draft.concept(code)?;
        if is_known {
            report.odd(file, line, format!("{code} comes twice; the first counts"));
        } else {
            take(&mut draft, at, fields, &mut relations).map_err(|wrong| match wrong {
                Wrong::TooMuch(more) => more.into(),
                Wrong::What(what) => fault(format!("{code}: {what}")),
            })?;
        }
        relations.pairs.extend(parent.filter(|&parent| parent != at).map(|parent| (at, parent)));
        open.push((level(fields).map_err(fault)?.iter(), Some(at)));
    }
    relations.settle(&mut draft, file, line, report)?;
    Ok(draft)
}

fn header(fields: &Map<String, Value>) -> Value {
    let kept = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "concept" | "text"));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// The concepts right below something.
fn level(fields: &Map<String, Value>) -> Result<&[Value], String> {
    match fields.get("concept") {
        None => Ok(&[]),
        Some(Value::Array(concepts)) => Ok(concepts),
        Some(_) => Err("concept is no array".to_owned()),
    }
}

enum Wrong {
    TooMuch(terminology::index::TooMuch),
    What(&'static str),
}

impl From<terminology::index::TooMuch> for Wrong {
    fn from(more: terminology::index::TooMuch) -> Self {
        Self::TooMuch(more)
    }
}

fn items<'f>(fields: &'f Map<String, Value>, name: &str) -> &'f [Value] {
    fields.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'f>(fields: &'f Value, name: &str) -> &'f str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What one concept says.
fn take(draft: &mut Draft, at: u32, fields: &Map<String, Value>, relations: &mut Relations) -> Result<(), Wrong> {
    if let Some(display) = fields.get("display") {
        draft.display(at, display.as_str().ok_or(Wrong::What("display is no text"))?)?;
    }
    if let Some(definition) = fields.get("definition") {
        draft.definition(at, definition.as_str().ok_or(Wrong::What("definition is no text"))?)?;
    }
    for designation in items(fields, "designation") {
        let value =
            designation.get("value").and_then(Value::as_str).ok_or(Wrong::What("a designation has no value"))?;
        let used_for = match (designation.get("use"), designation.get("extension")) {
            (used_for, Some(extensions)) => Draft::use_with(used_for, extensions),
            (used_for, None) => used_for.map(Value::to_string).unwrap_or_default(),
        };
        draft.designation(at, text(designation, "language"), &used_for, value)?;
    }
    for property in items(fields, "property") {
        let name = text(property, "code");
        let said = Kind::ALL.iter().find_map(|kind| Some((*kind, property.get(kind.element())?)));
        let (kind, value) =
            said.filter(|_| !name.is_empty()).ok_or(Wrong::What("a property has no code or no value"))?;
        if property.as_object().is_some_and(|fields| fields.len() > 2) {
            return Err(Wrong::What(
                "a property says more than its code and its value, which an index has no room for",
            ));
        }
        let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        draft.property(at, name, kind, &written)?;
        relations.hear(at, name, if kind == Kind::Coding { text(value, "code") } else { &written });
    }
    if let Some(extensions) = fields.get("extension") {
        draft.extension(at, &extensions.to_string())?;
    }
    Ok(())
}
