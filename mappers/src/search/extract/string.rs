//! Texts, and the parts of names and addresses: <https://hl7.org/fhir/R4/search.html#string>.

use std::borrow::Cow;

use crate::json::{Element, Kind};
use crate::search::parameters::ElementType;

const ADDRESS: [&str; 7] = ["city", "country", "district", "line", "postalCode", "state", "text"];
const NAME: [&str; 5] = ["family", "given", "prefix", "suffix", "text"];

/// Calls `found` with every text an element holds.
pub(super) fn texts<'d>(kind: ElementType, element: Element<'d>, found: &mut impl FnMut(Cow<'d, str>)) {
    let parts: &[&str] = match kind {
        ElementType::Address => &ADDRESS,
        ElementType::HumanName => &NAME,
        _ => return text(element, found),
    };
    if element.kind() == Kind::Object {
        for child in element.children().filter(|child| parts.iter().any(|part| child.is_named(part))) {
            if child.kind() == Kind::Array {
                child.children().for_each(|item| text(item, found));
            } else {
                text(child, found);
            }
        }
    }
}

fn text<'d>(element: Element<'d>, found: &mut impl FnMut(Cow<'d, str>)) {
    if let Some(text) = element.string().filter(|text| !text.is_empty()) {
        found(text);
    }
}
