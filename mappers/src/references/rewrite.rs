//! Walking a resource for its links, and splicing new ones into its bytes
//! (<https://hl7.org/fhir/R4/http.html#trules>).

use std::borrow::Cow;

use super::{Reference, narrative, parse};
use crate::json::{Element, Kind, write_string};

/// Members of type uri, url, oid or uuid that may link to another entry, sorted. Canonicals are identities, not links,
/// and stay. Names that hold ordinary strings or codes in common types (`code`, `type`, `identifier`, `definition`,
/// `detail`, `property`, `location`, `instantiates`) are left out.
const LINKS: [&str; 31] = [
    "address",
    "authority",
    "authorizationUrl",
    "defaultValueUri",
    "defaultValueUrl",
    "defaultValueUuid",
    "definitionUri",
    "derivedFromUri",
    "endpoint",
    "eventUri",
    "fixedUri",
    "fixedUrl",
    "fixedUuid",
    "instantiatesUri",
    "issuer",
    "jurisdiction",
    "link",
    "moduleUri",
    "nameUrl",
    "onlineInformation",
    "policy",
    "protocol",
    "rendering",
    "source",
    "sourceUri",
    "target",
    "targetUri",
    "uri",
    "url",
    "valueUri",
    "valueUrl",
];
/// Values that are links whatever their text: the identifiers a bundle makes up.
const IDENTITIES: [&str; 3] = ["system", "valueOid", "valueUuid"];

/// What to put in the place of a byte range of the source.
pub(super) struct Splice {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) with: Vec<u8>,
}

/// The resource with every link replaced that `target` knows; every other byte stays. `None` = nothing to replace.
///
/// Links are the `reference` of References, values of type uri, url, oid and uuid, and `href` and `src` in narrative;
/// those of contained resources too, those inside a Bundle's entries not (they belong to that bundle). `target` is
/// asked with the text without its fragment, which is kept; for a version-specific link first with the version, then
/// without. The answer (`Type/id`) takes the whole place of what was asked for.
#[must_use]
pub fn rewrite(resource: Element<'_>, target: &dyn Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
    let mut splices = Vec::new();
    each(resource, &mut |place, element| {
        if place == Place::Narrative {
            return narrative::splices(element, target, &mut splices);
        }
        let Some(text) = element.string() else { return };
        if let Some(new) = replacement(&text, target) {
            let mut with = Vec::with_capacity(new.len() + 2);
            write_string(&mut with, &new);
            splices.push(Splice { start: element.start(), end: element.end(), with });
        }
    });
    (!splices.is_empty()).then(|| spliced(resource, &splices))
}

/// The conditional references (`Practitioner?identifier=...`), in the order of the text.
#[must_use]
pub fn conditional(resource: Element<'_>) -> Vec<Cow<'_, str>> {
    matching(resource, |text| matches!(parse(text), Reference::Conditional { .. }))
}

/// The references to `urn:uuid:` and `urn:oid:`, which only a bundle can give a meaning, in the order of the text.
#[must_use]
pub fn local(resource: Element<'_>) -> Vec<Cow<'_, str>> {
    matching(resource, |text| text.starts_with("urn:uuid:") || text.starts_with("urn:oid:"))
}

/// What replaces a link, with its fragment; `None` where it stays.
pub(super) fn replacement(text: &str, target: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (link, fragment) = match text.find('#') {
        // `?...#` is part of a query's value.
        Some(at) if at > 0 && !text[..at].contains('?') => text.split_at(at),
        Some(0) => return None,
        _ => (text, ""),
    };
    let version = link.rfind("/_history/").map(|at| &link[..at]);
    let mut new = target(link).or_else(|| target(version?))?;
    new.push_str(fragment);
    (new != text).then_some(new)
}

fn matching<'d>(resource: Element<'d>, wanted: impl Fn(&str) -> bool) -> Vec<Cow<'d, str>> {
    let mut found = Vec::new();
    each(resource, &mut |place, element| {
        if place == Place::Reference {
            found.extend(element.string().filter(|text| wanted(text)));
        }
    });
    found
}

fn spliced(resource: Element<'_>, splices: &[Splice]) -> Vec<u8> {
    let (source, base) = (resource.raw().as_bytes(), resource.start());
    let mut out = Vec::with_capacity(source.len() + splices.len() * 16);
    let mut done = 0;
    for splice in splices {
        out.extend_from_slice(&source[done..splice.start - base]);
        out.extend_from_slice(&splice.with);
        done = splice.end - base;
    }
    out.extend_from_slice(&source[done..]);
    out
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Place {
    Narrative,
    Reference,
    Uri,
}

/// Calls `found` for every string that may hold links, in the order of the text.
fn each<'d>(element: Element<'d>, found: &mut dyn FnMut(Place, Element<'d>)) {
    for child in element.children() {
        match child.kind() {
            Kind::String => {
                if let Some(place) = place(child, child) {
                    found(place, child);
                }
            }
            Kind::Object => each(child, found),
            Kind::Array if is_nested_entry(element, child) => {}
            Kind::Array => {
                for item in child.children() {
                    match item.kind() {
                        Kind::String => match place(child, item) {
                            Some(place) => found(place, item),
                            None => break,
                        },
                        _ => each_item(item, found),
                    }
                }
            }
            _ => {}
        }
    }
}

fn each_item<'d>(item: Element<'d>, found: &mut dyn FnMut(Place, Element<'d>)) {
    if matches!(item.kind(), Kind::Object | Kind::Array) {
        each(item, found);
    }
}

/// What the string `value` of the member `named` may hold.
fn place(named: Element<'_>, value: Element<'_>) -> Option<Place> {
    let key = named.key()?;
    match &*key {
        "reference" => Some(Place::Reference),
        "div" => Some(Place::Narrative),
        // The identity of a definition (StructureDefinition.url) may equal its fullUrl and is not its address.
        "url" if is_canonical_identity(named, value) => None,
        key => {
            (IDENTITIES.contains(&key) && is_made_up(value) || LINKS.binary_search(&key).is_ok()).then_some(Place::Uri)
        }
    }
}

fn is_canonical_identity(url: Element<'_>, value: Element<'_>) -> bool {
    !is_made_up(value) && url.parent().is_some_and(|parent| parent.member("resourceType").is_some())
}

fn is_made_up(value: Element<'_>) -> bool {
    value.raw_string().is_some_and(|text| text.starts_with("urn:"))
}

fn is_nested_entry(holder: Element<'_>, child: Element<'_>) -> bool {
    child.is_named("entry")
        && holder.member("resourceType").and_then(|kind| kind.string()).is_some_and(|kind| kind == "Bundle")
}
