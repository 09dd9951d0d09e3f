//! The query written back: what a page's `self` link says was searched for.

use std::fmt::Write;

use super::{DateValue, Parameter, Prefix, ReferenceValue, Results, Search, TokenValue};

/// The query of a search, without `?`: reading it again gives the same search. What was ignored is not in it.
#[must_use]
pub fn canonical(search: &Search, results: &Results) -> String {
    let mut out = String::new();
    for parameter in &search.parameters {
        match parameter {
            Parameter::Id(ids) => push(&mut out, "_id", &listed(ids, |id| escaped(id))),
            Parameter::LastUpdated(dates) => push(&mut out, "_lastUpdated", &listed(dates, date)),
            Parameter::Tag(values) => push(&mut out, "_tag", &listed(values, token)),
            Parameter::Token { definition, values } => push(&mut out, definition.name, &listed(values, token)),
            Parameter::Reference { definition, values } => push(&mut out, definition.name, &listed(values, reference)),
        }
    }
    if let Some(count) = results.count {
        push(&mut out, "_count", &count.to_string());
    }
    let words = [
        ("_summary", results.summary.map(|summary| summary.as_str())),
        ("_total", results.total.map(|total| total.as_str())),
        ("_format", results.format.as_deref()),
        ("_pretty", results.pretty.map(|pretty| if pretty { "true" } else { "false" })),
        ("_cursor", results.cursor.as_deref()),
    ];
    words
        .into_iter()
        .filter_map(|(name, word)| Some((name, word?)))
        .for_each(|(name, word)| push(&mut out, name, word));
    out
}

fn listed<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    values.iter().map(text).collect::<Vec<_>>().join(",")
}

fn date(value: &DateValue) -> String {
    match value.prefix {
        Prefix::Equal => value.text.to_string(),
        prefix => format!("{}{}", prefix.as_str(), value.text),
    }
}

fn token(value: &TokenValue) -> String {
    let code = value.code.as_deref().map(escaped).unwrap_or_default();
    match &value.system {
        None => code,
        Some(system) => format!("{}|{code}", escaped(system)),
    }
}

fn reference(value: &ReferenceValue) -> String {
    let id = escaped(value.ids.first().map_or("", |id| id));
    match value.kinds.first() {
        Some(kind) if value.typed => format!("{kind}/{id}"),
        _ => id,
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ',' | '|' | '$' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Appends `name=value`, percent-encoded (<https://www.rfc-editor.org/rfc/rfc3986#section-3.4>).
fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    out.push_str(name);
    out.push('=');
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
