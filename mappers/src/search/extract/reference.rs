//! References to other resources: <https://hl7.org/fhir/R4/search.html#reference>.

use std::borrow::Cow;

use super::{IndexRows, ReferenceRow, TokenRow, token};
use crate::json::{Element, Kind};
use crate::references::{self, Reference};
use crate::search::parameters::{self, ElementType};

/// Adds the rows of a reference: what it names, and its identifier as a token.
pub(super) fn references<'d>(rows: &mut IndexRows<'d>, kind: ElementType, element: Element<'d>, path: i32, item: i32) {
    let row = |target_type, target_id| ReferenceRow { path, target_id, target_type, item };
    if kind == ElementType::Reference {
        let found = target(element, "");
        let nothing = || element.member("identifier").or_else(|| element.member("display")).map(|_| ("", "".into()));
        rows.references.extend(found.or_else(nothing).map(|(kind, id)| row(kind, id)));
        // Nobody finds by what is said of a resource that nobody can tell.
        let is_query = element.member("reference").and_then(|text| text.string());
        let is_query = is_query.is_some_and(|text| matches!(references::parse(&text), Reference::Conditional { .. }));
        if let Some(identifier) = element.member("identifier").filter(|_| !is_query) {
            token::tokens(ElementType::Identifier, identifier, &mut |system, code| {
                rows.tokens.push(TokenRow { path, code, system, item });
            });
        }
        return;
    }
    let Some((kind, id)) = target(element, "") else { return };
    if let Some((address, _)) = id.split_once('|') {
        rows.references.push(row(kind, Cow::Owned(address.to_owned())));
    }
    rows.references.push(row(kind, id));
}

/// Type and id (or full text) of a reference, where it is one to the type `only` (empty = any).
pub(in crate::search) fn target<'d>(element: Element<'d>, only: &str) -> Option<(&'static str, Cow<'d, str>)> {
    let text = |name: &str| element.member(name).and_then(|text| text.string()).filter(|text| !text.is_empty());
    let (reference, told) = match element.kind() {
        Kind::String => (element.string()?, None),
        _ => (text("reference")?, text("type")),
    };
    let (kind, id) = split(reference)?;
    let kind = kind.or_else(|| parameters::resource_type(&told?)).unwrap_or_default();
    (only.is_empty() || only == kind).then_some((kind, id))
}

fn split(reference: Cow<'_, str>) -> Option<(Option<&'static str>, Cow<'_, str>)> {
    match reference {
        Cow::Borrowed(text) => pick(text).map(|(kind, id)| (kind, Cow::Borrowed(id))),
        Cow::Owned(text) => pick(&text).map(|(kind, id)| (kind, Cow::Owned(id.to_owned()))),
    }
}

fn pick(text: &str) -> Option<(Option<&'static str>, &str)> {
    match references::parse(text) {
        Reference::Local { kind, id, .. } => Some((Some(kind), id)),
        Reference::Absolute { kind, text } => Some((kind, text)),
        Reference::Other(text) => Some((None, text)),
        Reference::Conditional { .. } | Reference::Contained(_) => None,
    }
}
