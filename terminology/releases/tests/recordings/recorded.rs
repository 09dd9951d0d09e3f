//! The codes of all recorded resources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::shared;

/// A code as it was sent. A concept that has a text alone has neither system nor code.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Sent {
    pub(crate) system: String,
    pub(crate) code: String,
    pub(crate) display: String,
}

/// Elements with a text that are of other types than `CodeableConcept`: annotations, dosages, ranges, sentences.
const NO_CONCEPTS: [&str; 5] = ["comment", "dosage", "dosageInstruction", "note", "referenceRange"];

/// All of them, with how often each was sent, by the folder of who sent it.
pub(crate) fn all(folder: &Path) -> BTreeMap<Sent, BTreeMap<String, u64>> {
    let mut all: BTreeMap<Sent, BTreeMap<String, u64>> = BTreeMap::new();
    for path in shared::files(folder) {
        let vendor = path.strip_prefix(folder).unwrap().iter().next().unwrap().to_str().unwrap().to_owned();
        let mut take = |sent: Sent| *all.entry(sent).or_default().entry(vendor.clone()).or_default() += 1;
        let text = fs::read_to_string(&path).unwrap();
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            // An exchange on each line; what was asked is no resource but where a body was sent.
            Some("ndjson") => text.lines().for_each(|line| walk(&serde_json::from_str(line).unwrap(), "", &mut take)),
            Some("json") => walk(&serde_json::from_str(&text).unwrap(), "", &mut take),
            _ => {}
        }
    }
    all
}

fn walk(value: &Value, name: &str, take: &mut dyn FnMut(Sent)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, name, take)),
        Value::Object(fields) => {
            let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
            if let Some(codings) = fields.get("coding").and_then(Value::as_array) {
                codings.iter().for_each(|coding| {
                    take(Sent {
                        system: text(coding, "system"),
                        code: text(coding, "code"),
                        display: text(coding, "display"),
                    });
                });
            } else if is_text_alone(fields.keys()) && !NO_CONCEPTS.contains(&name) {
                take(Sent { system: String::new(), code: String::new(), display: text(value, "text") });
            }
            fields.iter().for_each(|(name, value)| walk(value, name, take));
        }
        _ => {}
    }
}

fn is_text_alone<'k>(mut names: impl Iterator<Item = &'k String> + Clone) -> bool {
    names.clone().any(|name| name == "text") && names.all(|name| matches!(name.as_str(), "text" | "id" | "extension"))
}
