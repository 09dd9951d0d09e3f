//! Texts: <https://hl7.org/fhir/R4/search.html#string>.

use crate::search::normal;
use crate::search::query::split::unescape;

/// A text to look for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StringValue {
    /// How it compares.
    pub how: StringMatch,
    /// The text as it is given.
    pub text: Box<str>,
    /// The text as the index holds it.
    pub normal: Box<str>,
}

/// How a text compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StringMatch {
    /// It is the whole text, with case and accents (`:exact`).
    Exact,
    /// It is somewhere in the text (`:contains`).
    Part,
    /// The text starts with it.
    Start,
}

/// Reads one text, still escaped.
pub(in crate::search::query) fn string(text: &str, how: StringMatch) -> StringValue {
    let text = unescape(text);
    StringValue { how, normal: normal(&text).into(), text }
}
