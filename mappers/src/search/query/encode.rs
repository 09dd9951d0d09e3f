//! The query written back: what a page's `self` link says was searched for.

use std::fmt::Write;

use super::{Results, Search};

/// The query of a search, without `?`: reading it again gives the same search. What was ignored is not in it.
#[must_use]
pub fn canonical(search: &Search, results: &Results) -> String {
    let mut out = String::new();
    for (name, value) in &search.shown {
        push(&mut out, name, value);
    }
    if let Some(count) = results.count {
        push(&mut out, "_count", &count.to_string());
    }
    if !results.elements.is_empty() {
        push(&mut out, "_elements", &results.elements.join(","));
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

/// A text as one value of a parameter, whatever it holds (<https://hl7.org/fhir/R4/search.html#escaping>).
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '\\' | ',' | '|' | '$') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Appends `name=value`, percent-encoded (<https://www.rfc-editor.org/rfc/rfc3986#section-3.4>).
pub fn push(out: &mut String, name: &str, value: &str) {
    if !out.is_empty() {
        out.push('&');
    }
    encode(out, name);
    out.push('=');
    encode(out, value);
}

fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
