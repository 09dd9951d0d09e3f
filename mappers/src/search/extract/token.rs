//! Codes, identifiers, yes and no: <https://hl7.org/fhir/R4/search.html#token>.

use std::borrow::Cow;

use crate::json::{Element, Kind};
use crate::search::parameters::ElementType;

/// Calls `found` with system and code of every token an element holds. Text is no token.
pub(in crate::search) fn tokens<'d>(
    kind: ElementType,
    element: Element<'d>,
    found: &mut impl FnMut(Cow<'d, str>, Cow<'d, str>),
) {
    let (system, code) = match kind {
        ElementType::CodeableConcept => {
            return codings(element).for_each(|coding| tokens(ElementType::Coding, coding, found));
        }
        ElementType::Coding => (member(element, "system"), member(element, "code")),
        ElementType::Identifier => (member(element, "system"), member(element, "value")),
        ElementType::ContactPoint => (None, member(element, "value")),
        // A date where a yes or no is asked for (deceased) says yes.
        ElementType::DateTime => (None, Some(Cow::Borrowed("true"))),
        _ => match element.kind() {
            Kind::String => (None, element.string()),
            Kind::True | Kind::False | Kind::Number => (None, Some(Cow::Borrowed(element.raw()))),
            _ => (None, None),
        },
    };
    if let Some(code) = code {
        found(system.unwrap_or_default(), code);
    }
}

/// Calls `found` with the words that stand for a token (`:text`).
pub(super) fn words<'d>(kind: ElementType, element: Element<'d>, found: &mut impl FnMut(Cow<'d, str>)) {
    match kind {
        ElementType::CodeableConcept => {
            codings(element).for_each(|coding| words(ElementType::Coding, coding, found));
            member(element, "text").into_iter().for_each(found);
        }
        ElementType::Coding => member(element, "display").into_iter().for_each(found),
        ElementType::Identifier => {
            element.member("type").and_then(|kind| member(kind, "text")).into_iter().for_each(found);
        }
        _ => {}
    }
}

/// Calls `found` with the system of an identifier's type, and its code and the value joined by `|` (`:of-type`).
pub(super) fn typed<'d>(identifier: Element<'d>, found: &mut impl FnMut(Cow<'d, str>, String)) {
    let Some(value) = member(identifier, "value") else { return };
    let Some(kind) = identifier.member("type") else { return };
    tokens(ElementType::CodeableConcept, kind, &mut |system, code| found(system, format!("{code}|{value}")));
}

fn codings<'d>(concept: Element<'d>) -> impl Iterator<Item = Element<'d>> {
    concept.member("coding").into_iter().flat_map(|list| list.children())
}

fn member<'d>(object: Element<'d>, name: &str) -> Option<Cow<'d, str>> {
    object.member(name).and_then(|member| member.string()).filter(|text| !text.is_empty())
}
