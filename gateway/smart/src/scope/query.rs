//! The query of a granular scope:
//! <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters>.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::Condition;
use super::read::Fault;

/// The most conditions of one scope.
pub const MOST_CONDITIONS: usize = 16;

/// What would end a value, a query or a scope (<https://www.rfc-editor.org/rfc/rfc6749#section-3.3>), and `+`, which forms
/// turn into a space.
const IN_VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'\\').add(b'%').add(b'&').add(b'+').add(b'#');
const IN_NAME: &AsciiSet = &IN_VALUE.add(b'=');

/// Parameters that shape an answer and choose nothing: as a condition each would hold of everything.
/// <https://hl7.org/fhir/R4/search.html#table>
const SHAPES: [&str; 15] = [
    "_contained",
    "_containedType",
    "_count",
    "_elements",
    "_format",
    "_graph",
    "_include",
    "_maxresults",
    "_pretty",
    "_query",
    "_revinclude",
    "_score",
    "_sort",
    "_summary",
    "_total",
];

/// Reads what is behind the question mark. Percent signs are undone and nothing else: a `+` stands for itself. A condition
/// that says nothing (no name, no value, a parameter that chooses nothing) is a fault: who left it out would grant a whole
/// type.
pub(super) fn read(text: &str) -> Result<Vec<Condition>, Fault> {
    let mut conditions = Vec::new();
    for pair in text.split('&') {
        let (name, value) = pair.split_once('=').ok_or(Fault::Query)?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        let base = name.split([':', '.']).next().unwrap_or_default();
        if base.is_empty() || value.is_empty() || SHAPES.contains(&base) || conditions.len() == MOST_CONDITIONS {
            return Err(Fault::Query);
        }
        conditions.push((name, value));
    }
    Ok(conditions)
}

fn decoded(text: &str) -> Result<Box<str>, Fault> {
    let well_formed = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits.iter().take(2).all(u8::is_ascii_hexdigit)
    });
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Fault::Query)?;
    if !well_formed || decoded.chars().any(char::is_control) {
        return Err(Fault::Query);
    }
    Ok(decoded.into())
}

/// With its question mark; nothing for no conditions.
pub(super) fn written(conditions: &[Condition]) -> String {
    let mut out = String::new();
    for (name, value) in conditions {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.extend(utf8_percent_encode(name, IN_NAME));
        out.push('=');
        out.extend(utf8_percent_encode(value, IN_VALUE));
    }
    out
}

/// In order, each once.
pub(super) fn normal(mut conditions: Vec<Condition>) -> Vec<Condition> {
    conditions.sort_unstable();
    conditions.dedup();
    conditions
}
