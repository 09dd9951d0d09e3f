//! The concepts of a resource (<https://hl7.org/fhir/R4/datatypes.html#CodeableConcept>), and the resource with codings of ours
//! among them: what a code means in a standard stands last, marked, and is never taken for what somebody wrote.

use std::borrow::Cow;

use crate::json::{Document, Element, Kind};

/// The extension that marks a coding of ours. Its value is an id that tells how the coding came to be.
pub const MARK: &str = "urn:fhir-gateway:normalization";

/// A concept (`CodeableConcept`) of a resource.
#[derive(Clone, Debug)]
pub struct Concept<'d> {
    element: Element<'d>,
    /// Where it stands, as names alone: `component.code`.
    pub names: String,
    /// Its codings, in order.
    pub codings: Vec<Coding<'d>>,
    /// Its words; empty where it has none.
    pub text: Cow<'d, str>,
}

/// A coding as it is written; what is not there is empty.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Coding<'d> {
    /// The system.
    pub system: Cow<'d, str>,
    /// The system's version.
    pub version: Cow<'d, str>,
    /// The code.
    pub code: Cow<'d, str>,
    /// How it is shown.
    pub display: Cow<'d, str>,
}

impl<'d> Coding<'d> {
    fn of(element: Element<'d>) -> Self {
        let text = |name: &str| element.member(name).and_then(|text| text.string()).unwrap_or_default();
        Self { system: text("system"), version: text("version"), code: text("code"), display: text("display") }
    }
}

impl Concept<'_> {
    /// Where it stands, with the numbers of items: `component[0].code`.
    #[must_use]
    pub fn place(&self) -> String {
        self.element.path()
    }
}

/// The concepts of a resource, in the order of the text. Those that are words alone are told by where they stand: `is_concept`
/// says of names whether a concept stands there.
#[must_use]
pub fn concepts<'d>(resource: Element<'d>, is_concept: &dyn Fn(&str) -> bool) -> Vec<Concept<'d>> {
    let mut concepts = Vec::new();
    for value in resource.below() {
        let Some(element) = value.parent().filter(|parent| parent.kind() == Kind::Object) else { continue };
        if value.kind() == Kind::Array && value.is_named("coding") {
            let codings = value.children().filter(|coding| coding.kind() == Kind::Object);
            let text = element.member("text").and_then(|text| text.string()).unwrap_or_default();
            let (names, codings) = (names(&element.path()), codings.map(Coding::of).collect());
            concepts.push(Concept { element, names, codings, text });
        } else if value.is_named("text")
            && element.member("coding").is_none()
            && let Some(text) = value.string()
        {
            let names = names(&element.path());
            if is_concept(&names) {
                concepts.push(Concept { element, names, codings: Vec::new(), text });
            }
        }
    }
    concepts
}

/// A path without the numbers of items.
fn names(path: &str) -> String {
    let mut depth = 0_u32;
    let is_name = |letter: &char| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    path.chars().filter(is_name).collect()
}

/// The id that marks a coding of ours.
fn mark(coding: Element<'_>) -> Option<Cow<'_, str>> {
    let extensions = coding.member("extension")?;
    let is_ours =
        |extension: &Element<'_>| extension.member("url").and_then(|url| url.string()).is_some_and(|url| url == MARK);
    extensions.children().find(is_ours)?.member("valueId")?.string()
}

/// Whether a text may have codings that are marked: a look at the bytes.
#[must_use]
pub fn may_be_marked(text: &[u8]) -> bool {
    // An address may be written in escapes.
    memchr::memmem::find(text, b"normalization").is_some() || memchr::memmem::find(text, br"\u").is_some()
}

/// The marked codings of a resource, as id and coding.
#[must_use]
pub fn marked(resource: Element<'_>) -> Vec<(Cow<'_, str>, Coding<'_>)> {
    arrays(resource)
        .flat_map(|array| array.children())
        .filter_map(|coding| Some((mark(coding)?, Coding::of(coding))))
        .collect()
}

fn arrays<'d>(resource: Element<'d>) -> impl Iterator<Item = Element<'d>> + use<'d> {
    resource.below().filter(|value| value.kind() == Kind::Array && value.is_named("coding"))
}

/// The text of a resource with more codings (each an object's text), last in the concepts of these numbers among `concepts`.
#[must_use]
pub fn with<'d>(resource: &Document<'d>, concepts: &[Concept<'_>], more: &[(usize, &str)]) -> String {
    let mut edits: Vec<(usize, String)> = Vec::new();
    for (number, concept) in concepts.iter().enumerate() {
        let added: Vec<&str> = more.iter().filter(|(of, _)| *of == number).map(|(_, coding)| *coding).collect();
        if added.is_empty() {
            continue;
        }
        let added = added.join(",");
        let array = concept.element.member("coding");
        edits.push(match array.and_then(|array| array.children().last()) {
            Some(last) => (last.end(), format!(",{added}")),
            None => match array {
                Some(array) => (array.start() + 1, added),
                // Words alone have a member at the least.
                None => match concept.element.children().last() {
                    Some(last) => (last.end(), format!(r#","coding":[{added}]"#)),
                    None => (concept.element.start() + 1, format!(r#""coding":[{added}]"#)),
                },
            },
        });
    }
    // A concept may stand in an extension of another one's coding.
    edits.sort_by_key(|(at, _)| *at);
    let text = resource.text();
    let mut out = String::with_capacity(text.len() + edits.iter().map(|(_, added)| added.len()).sum::<usize>());
    let mut from = 0;
    for (at, added) in edits {
        out.push_str(&text[from..at]);
        out.push_str(&added);
        from = at;
    }
    out.push_str(&text[from..]);
    out
}

/// The text of a resource without those marked codings that `is_ours` says are; `None` where there is none. `is_ours` is given the id and
/// what else, unmarked, the concept has; words alone count as a coding that has a display and nothing else.
#[must_use]
pub fn without(resource: Element<'_>, is_ours: &dyn Fn(&str, &Coding<'_>, &[Coding<'_>]) -> bool) -> Option<String> {
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    for array in arrays(resource) {
        let Some(concept) = array.parent() else { continue };
        let items: Vec<Element<'_>> = array.children().collect();
        let plain = items.iter().filter(|item| mark(**item).is_none()).map(|item| Coding::of(*item));
        let words = concept.member("text").and_then(|text| text.string());
        let words = words.map(|display| Coding { display, ..Coding::default() });
        let others: Vec<Coding<'_>> = plain.chain(words).collect();
        let goes = |item: &Element<'_>| mark(*item).is_some_and(|id| is_ours(&id, &Coding::of(*item), &others));
        let going: Vec<bool> = items.iter().map(goes).collect();
        if going.iter().all(|goes| *goes) && !items.is_empty() {
            cuts.extend(member_span(concept, array));
            continue;
        }
        cuts.extend(item_spans(&items, &going));
    }
    if cuts.is_empty() {
        return None;
    }
    cuts.sort_unstable();
    let text = resource.raw();
    let (base, mut from, mut out) = (resource.start(), 0, String::with_capacity(text.len()));
    for (start, end) in cuts {
        // What stands within something that goes, goes along.
        if start - base >= from {
            out.push_str(&text[from..start - base]);
        }
        from = from.max(end - base);
    }
    out.push_str(&text[from..]);
    Some(out)
}

/// What goes with a member: the comma before it, or the one after it.
fn member_span(object: Element<'_>, member: Element<'_>) -> Option<(usize, usize)> {
    let members: Vec<Element<'_>> = object.children().collect();
    let at = members.iter().position(|one| one.index() == member.index())?;
    Some(match (at.checked_sub(1).and_then(|before| members.get(before)), members.get(at + 1)) {
        (Some(before), _) => (before.end(), member.end()),
        (None, Some(after)) => (member.key_start(), after.key_start()),
        (None, None) => (member.key_start(), member.end()),
    })
}

/// What goes with the items of an array of which some stay.
fn item_spans(items: &[Element<'_>], going: &[bool]) -> Vec<(usize, usize)> {
    let (mut spans, mut kept): (Vec<(usize, usize)>, Option<Element<'_>>) = (Vec::new(), None);
    for (at, (item, goes)) in items.iter().zip(going).enumerate() {
        match (goes, kept) {
            (false, _) => kept = Some(*item),
            (true, Some(_)) => spans.push((items[at - 1].end(), item.end())),
            (true, None) => {
                // One that stays comes after it.
                let next = items.get(at + 1).map_or_else(|| item.end(), Element::start);
                spans.push((item.start(), next));
            }
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str =
        r#"{"extension":[{"url":"urn:fhir-gateway:normalization","valueId":"1"}],"system":"s","code":"c"}"#;

    fn added(text: &str) -> String {
        let document = Document::parse(text.as_bytes()).unwrap();
        let concepts = concepts(document.root(), &|names| names == "code");
        let more: Vec<(usize, &str)> = (0..concepts.len()).map(|number| (number, OURS)).collect();
        with(&document, &concepts, &more)
    }

    #[test]
    fn what_is_added_goes_again() {
        for text in [
            r#"{"code":{"coding":[{"code":"a"}],"text":"x"}}"#,
            r#"{ "code" : { "coding" : [ {"code":"a"} , {"code":"b"} ] } , "text":{"div":"<div/>"}}"#,
            r#"{"code":{"text":"words"}}"#,
            r#"{"component":[{"code":{"coding":[{"extension":[{"valueCodeableConcept":{"coding":[{"code":"in"}]}}],"code":"a"}]}}]}"#,
        ] {
            let whole = added(text);
            assert!(whole.contains(MARK), "{whole}");
            let document = Document::parse(whole.as_bytes()).unwrap();
            assert!(may_be_marked(whole.as_bytes()));
            assert_eq!(
                without(document.root(), &|id, _, others| id == "1" && !others.is_empty()).as_deref(),
                Some(text)
            );
            assert_eq!(without(document.root(), &|_, _, _| false), None);
        }
        // Notes and narratives are words, too, and no concepts.
        let text = r#"{"note":[{"text":"words"}],"code":{"text":"a"},"text":{"status":"generated"}}"#;
        assert_eq!(added(text).matches(MARK).count(), 1);
    }

    #[test]
    fn what_stays_keeps_its_place() {
        let text = format!(r#"{{"code":{{"coding":[{OURS}, {{"code":"a"}}, {OURS},{OURS} ,{{"code":"b"}}]}}}}"#);
        let document = Document::parse(text.as_bytes()).unwrap();
        let plain = without(document.root(), &|_, _, _| true).unwrap();
        assert_eq!(plain, r#"{"code":{"coding":[{"code":"a"} ,{"code":"b"}]}}"#);
    }

    #[test]
    fn names_have_no_numbers() {
        let text = r#"{"component":[{"code":{"coding":[{"code":"a"}]}}]}"#;
        let document = Document::parse(text.as_bytes()).unwrap();
        let all = concepts(document.root(), &|_| false);
        assert_eq!((all[0].names.as_str(), all[0].place().as_str()), ("component.code", "component[0].code"));
    }
}
