//! The search parameters as the standard publishes them: what each is called, and where its values are, as FHIRPath. Read
//! here by the test's own means, so that it does not repeat what the gateway believes.

use gateway_tests::{Json, json_lines};
use std::collections::BTreeMap;
use std::path::Path;

/// The definitions, by resource type and name.
pub(crate) struct Definitions {
    by_name: BTreeMap<(String, String), Json>,
    by_url: BTreeMap<String, Json>,
}

impl Definitions {
    pub(crate) fn load(data: &Path) -> Self {
        let folder = data.join("00-definitions");
        let (mut by_name, mut by_url) = (BTreeMap::new(), BTreeMap::new());
        // US Core adds names and leaves those of R4 as they are.
        for file in ["us-core-610/search-parameters.ndjson", "r4-core-4.0.1/search-parameters.ndjson.gz"] {
            for row in json_lines(&folder.join(file)) {
                let url = row.str("url").unwrap().to_owned();
                if url.contains("-extensions-") || url.contains("-genetic-") || url.contains("example") {
                    continue;
                }
                for kind in row.items("base") {
                    let name = (kind.as_str().unwrap().to_owned(), row.str("code").unwrap().to_owned());
                    by_name.insert(name, row.clone());
                }
                by_url.insert(url, row);
            }
        }
        Self { by_name, by_url }
    }

    pub(crate) fn of(&self, kind: &str, name: &str) -> Option<&Json> {
        // What begins with a line is every type's.
        let kind = if name.starts_with('_') { "Resource" } else { kind };
        self.by_name.get(&(kind.to_owned(), name.to_owned()))
    }

    pub(crate) fn by_url(&self, url: &str) -> Option<&Json> {
        self.by_url.get(url)
    }
}

/// A value with what its name tells of its type: `valueQuantity` says Quantity.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) hint: String,
    pub(crate) json: Json,
}

/// What an expression of the standard gives for a resource (or an item of one).
pub(crate) fn evaluate(expression: &str, resource: &Json) -> Vec<Found> {
    let root = vec![Found { hint: String::new(), json: resource.clone() }];
    split(expression, '|').into_iter().flat_map(|part| path(part.trim(), root.clone())).collect()
}

/// Splits at a letter that stands outside of brackets and quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    for (index, letter) in text.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => depth += 1,
            ')' | ']' if !quoted => depth -= 1,
            _ if letter == at && depth == 0 && !quoted => {
                parts.push(&text[start..index]);
                start = index + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn path(text: &str, from: Vec<Found>) -> Vec<Found> {
    if let Some((left, kind)) =
        text.rsplit_once(" as ").filter(|(left, _)| left.matches('(').count() == left.matches(')').count())
    {
        return of_type(path(left.trim(), from), kind.trim());
    }
    if let Some(exists) = text.strip_suffix(" and Patient.deceased != false") {
        // The one expression that gives yes or no.
        assert_eq!(exists, "Patient.deceased.exists()");
        let dead = path("Patient.deceased", from).iter().any(|found| found.json != Json::Bool(false));
        return vec![Found { hint: "boolean".to_owned(), json: Json::Bool(dead) }];
    }
    split(text, '.').into_iter().fold(from, |values, step| self::step(step.trim(), values))
}

fn step(step: &str, values: Vec<Found>) -> Vec<Found> {
    if let Some(inner) = step.strip_prefix('(') {
        return path(inner.strip_suffix(')').unwrap(), values);
    }
    if let Some((name, argument)) = step.strip_suffix(')').and_then(|step| step.split_once('(')) {
        return match name {
            "as" | "ofType" => of_type(values, argument),
            "where" => values.into_iter().filter(|found| holds(argument, &found.json)).collect(),
            "extension" => self::step(&format!("where(url={argument})"), self::step("extension", values)),
            other => panic!("{other} of {step}"),
        };
    }
    if let Some((name, index)) = step.strip_suffix(']').and_then(|step| step.split_once('[')) {
        let index: usize = index.parse().unwrap();
        return self::step(name, values).into_iter().skip(index).take(1).collect();
    }
    let is_type = step.starts_with(|first: char| first.is_ascii_uppercase());
    if is_type {
        // A definition for many types names each of them.
        let fits = |found: &Found| {
            found.json.str("resourceType") == Some(step) || matches!(step, "Resource" | "DomainResource")
        };
        return values.into_iter().filter(fits).collect();
    }
    values.iter().flat_map(|found| child(&found.json, step)).collect()
}

fn child(object: &Json, name: &str) -> Vec<Found> {
    let named = |member: &str| -> Option<String> {
        let rest = member.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with(|first: char| first.is_ascii_uppercase())).then(|| rest.to_owned())
    };
    let exact = object.at(name).is_some();
    let mut found = Vec::new();
    for (member, value) in object.members() {
        let Some(hint) = named(member).filter(|hint| hint.is_empty() || (!exact && is_type(hint))) else { continue };
        let values = if let Json::Array(items) = value { items.clone() } else { vec![value.clone()] };
        let values = values.into_iter().filter(|value| *value != Json::Null);
        found.extend(values.map(|json| Found { hint: hint.clone(), json }));
    }
    found
}

/// What may follow the name of a choice.
fn is_type(hint: &str) -> bool {
    const TYPES: [&str; 24] = [
        "Age",
        "Boolean",
        "Canonical",
        "Code",
        "CodeableConcept",
        "Coding",
        "Date",
        "DateTime",
        "Decimal",
        "Duration",
        "Id",
        "Identifier",
        "Instant",
        "Integer",
        "Money",
        "Period",
        "Quantity",
        "Range",
        "Reference",
        "SampledData",
        "String",
        "Timing",
        "Uri",
        "Url",
    ];
    TYPES.contains(&hint)
}

fn of_type(values: Vec<Found>, kind: &str) -> Vec<Found> {
    let fits = |found: &Found| found.hint.is_empty() || found.hint.eq_ignore_ascii_case(kind);
    values.into_iter().filter(fits).collect()
}

fn holds(condition: &str, value: &Json) -> bool {
    if let Some(kind) = condition.trim().strip_prefix("resolve() is ") {
        let named =
            value.str("reference").and_then(|reference| reference.split("/_history/").next()?.split('/').rev().nth(1));
        return named.or_else(|| value.str("type")) == Some(kind);
    }
    if condition.starts_with("hasExtension(") {
        return false;
    }
    let (name, wanted) = condition.split_once('=').unwrap_or_else(|| panic!("{condition}"));
    value.str(name.trim()) == Some(wanted.trim().trim_matches('\''))
}
