//! References between resources: what their text says, and rewriting them when a bundle's entries get their ids
//! (<https://hl7.org/fhir/R4/references.html>, <https://hl7.org/fhir/R4/bundle.html#references>).

mod bases;
mod links;
mod narrative;
mod rewrite;

use crate::search::parameters::resource_type;

pub use bases::Bases;
pub use links::Links;
pub use rewrite::{conditional, local, rewrite};

/// What the text of a reference says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reference<'r> {
    /// `Type/id` or `Type/id/_history/version`.
    Local {
        /// The type.
        kind: &'static str,
        /// The id.
        id: &'r str,
        /// The version, where one is named.
        version: Option<&'r str>,
    },
    /// `http://...`, `urn:uuid:...` and whatever else has a scheme.
    Absolute {
        /// The type, where the path ends in `Type/id`.
        kind: Option<&'static str>,
        /// The text without version and fragment.
        text: &'r str,
    },
    /// `Type?query`: the one resource that matches.
    Conditional {
        /// The type.
        kind: &'static str,
        /// The query, without `?`.
        query: &'r str,
    },
    /// `#id`: a resource contained in this one (`#` alone: the container).
    Contained(&'r str),
    /// Nothing of these.
    Other(&'r str),
}

/// Reads the text of a reference.
#[must_use]
pub fn parse(text: &str) -> Reference<'_> {
    if let Some(id) = text.strip_prefix('#') {
        return Reference::Contained(id);
    }
    if has_scheme(text) {
        let text = unversioned(without_fragment(text)).0;
        let kind = text.rsplit_once('/').filter(|(_, id)| is_id(id)).and_then(|(front, _)| {
            // Not the host: `http://Patient/1` names no type.
            let (before, kind) = front.rsplit_once('/')?;
            (!before.ends_with('/')).then(|| resource_type(kind)).flatten()
        });
        return Reference::Absolute { kind, text };
    }
    if let Some((kind, query)) = text.split_once('?') {
        return resource_type(kind).map_or(Reference::Other(text), |kind| Reference::Conditional { kind, query });
    }
    let (path, version) = unversioned(without_fragment(text));
    match path.split_once('/') {
        Some((kind, id)) if is_id(id) => {
            resource_type(kind).map_or(Reference::Other(text), |kind| Reference::Local { kind, id, version })
        }
        _ => Reference::Other(text),
    }
}

/// Type and id of an absolute reference (without version) to a resource under a base of ours.
#[must_use]
pub fn own<'r>(base: &str, text: &'r str) -> Option<(&'static str, &'r str)> {
    match parse(text.strip_prefix(base)?.strip_prefix('/')?) {
        Reference::Local { kind, id, .. } => Some((kind, id)),
        _ => None,
    }
}

/// Whether the text is a valid logical id (<https://hl7.org/fhir/R4/datatypes.html#id>).
#[must_use]
pub fn is_id(text: &str) -> bool {
    let character = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(character)
}

/// Whether the text starts with a URI scheme.
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

fn without_fragment(text: &str) -> &str {
    text.split_once('#').map_or(text, |(front, _)| front)
}

/// The text before `/_history/version`, and the version.
fn unversioned(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once("/_history/") {
        Some((front, version)) if is_id(version) => (front, Some(version)),
        _ => (text, None),
    }
}
