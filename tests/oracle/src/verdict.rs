//! What the model says of one emitted resource.

use fhirbolt::model::r4::Resource;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is wrong with a resource; `None` when the model reads it and writes it back equal.
pub(crate) fn fault(line: &str) -> Option<String> {
    let sent: Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return Some(format!("no JSON: {error}")),
    };
    if let Value::String(text) = &sent {
        return xml_fault(text);
    }
    if let Some(place) = empty(&sent) {
        return Some(format!("an empty array or object, which FHIR forbids, at {place}"));
    }
    let parsed = catch_unwind(AssertUnwindSafe(|| fhirbolt::json::from_str::<Resource>(line, None)));
    let resource = match parsed {
        Ok(Ok(resource)) => resource,
        Ok(Err(error)) => return Some(error.to_string()),
        Err(_) => return Some("the model panics".to_owned()),
    };
    let written = match fhirbolt::json::to_json_value(resource, None) {
        Ok(written) => written,
        Err(error) => return Some(error.to_string()),
    };
    difference("", &sent, &written)
}

/// What is wrong with a resource in XML; `None` when the model reads it.
fn xml_fault(text: &str) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| fhirbolt::xml::from_str::<Resource>(text, None))) {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("XML: {error}")),
        Err(_) => Some("XML: the model panics".to_owned()),
    }
}

/// The resource type.
pub(crate) fn kind(line: &str) -> String {
    let value: Option<Value> = serde_json::from_str(line).ok();
    value.and_then(|value| value.get("resourceType")?.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Where an empty array or object stands.
fn empty(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if items.is_empty() => Some(String::new()),
        Value::Object(members) if members.is_empty() => Some(String::new()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| empty(item).map(|place| format!("[{index}]{place}")))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, value)| empty(value).map(|place| format!(".{name}{place}")))
        }
        _ => None,
    }
}

/// Where two values first differ, as a path; never with the values themselves.
fn difference(path: &str, sent: &Value, written: &Value) -> Option<String> {
    match (sent, written) {
        (Value::Object(left), Value::Object(right)) => {
            if let Some(name) = right.keys().find(|name| !left.contains_key(*name)) {
                return Some(format!("written back with {path}.{name}"));
            }
            left.iter().find_map(|(name, value)| match right.get(name) {
                Some(other) => difference(&format!("{path}.{name}"), value, other),
                None => Some(format!("written back without {path}.{name}")),
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(index, (one, other))| difference(&format!("{path}[{index}]"), one, other)),
        _ if sent == written => None,
        _ => Some(format!("written back otherwise at {path}")),
    }
}
