//! What a resource says of others, and the resource without it.
//!
//! A Reference names a resource (`reference`, `type`) and says something of it (`display`, `identifier`, extensions); a narrative
//! says what nobody can tell. Who may not see the resource that is named is not told what is said of it: the Reference keeps what
//! names, and the narratives of all that it stands in go ([`Redaction::cut`]). What such a reader writes back gets again what was
//! taken from it ([`Redaction::restore`]).
//!
//! <https://hl7.org/fhir/R4/references.html#Reference>, <https://hl7.org/fhir/R4/security-labels.html> (REDACTED).

mod restore;

use std::borrow::Cow;

use memchr::{memchr2, memmem};

use crate::json::{Document, Element, Kind};
use crate::labels;
use crate::references::{self, Bases, Reference};

pub use restore::is_redacted;

/// Members of a Reference that say no more of a resource than which one it is.
const NAMING: [&str; 3] = ["id", "reference", "type"];
/// What marks a resource that something was taken from, as a Meta.
const MARK: &str =
    r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"}]}"#;

/// Which resources are not to be spoken of.
#[derive(Clone, Copy)]
pub struct Redaction<'r> {
    bases: &'r Bases,
    hides: &'r dyn Fn(&str, &str) -> bool,
}

/// What was written leaves no place for something that its writer was not shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lost;

/// The resources of this server that a resource refers to, as type and id, with all that is in it.
#[must_use]
pub fn named_in<'d>(resource: Element<'d>, bases: &Bases) -> Vec<(&'static str, Cow<'d, str>)> {
    let objects = std::iter::once(resource).chain(resource.below()).filter(|element| element.kind() == Kind::Object);
    objects.filter_map(|object| target(object, bases)).collect()
}

/// The resources of this server that a resource says something of, as type and id: those of which it says more than which ones
/// they are, and where it has a narrative all that it names. `bases` are the server's addresses; where none is known, any may be.
#[must_use]
pub fn spoken_of<'d>(resource: Element<'d>, bases: &Bases) -> Vec<(&'static str, Cow<'d, str>)> {
    let has_narrative = resource.below().any(is_narrative);
    let objects = std::iter::once(resource).chain(resource.below()).filter(|element| element.kind() == Kind::Object);
    let spoken = objects.filter_map(|object| Some((object, target(object, bases)?)));
    spoken
        .filter(|(object, _)| has_narrative || object.children().any(|member| !is_naming(member)))
        .map(|(_, of)| of)
        .collect()
}

/// Whether a text surely says nothing of other resources: it has no narrative, and each of its References says no more than which
/// one it is. A look at the bytes, ten times as quick as [`spoken_of`], for the many resources of which it can tell.
#[must_use]
pub fn is_silent(text: &[u8]) -> bool {
    let is_absent = |bytes: &[u8]| memmem::find(text, bytes).is_none();
    // A name may be written in escapes.
    is_absent(br"\u") && is_absent(br#""div""#) && memmem::find_iter(text, MEMBER).all(|at| stands_alone(text, at))
}

/// The name of what a Reference names.
const MEMBER: &[u8] = br#""reference""#;

/// Whether a Reference has the member at a place, and nothing else.
fn stands_alone(text: &[u8], at: usize) -> bool {
    let value = text[at + MEMBER.len()..].strip_prefix(br#":""#);
    let is_first = at > 0 && text[at - 1] == b'{';
    is_first
        && value.is_some_and(|value| {
            let end = memchr2(b'"', b'\\', value);
            end.is_some_and(|end| value[end..].starts_with(br#""}"#))
        })
}

/// The resource of this server that a Reference names. One that a query would find is some resource of its type, with no id.
fn target<'d>(object: Element<'d>, bases: &Bases) -> Option<(&'static str, Cow<'d, str>)> {
    let text = object.member("reference")?.string()?;
    match references::parse(bases.below(&text).unwrap_or(&text)) {
        Reference::Local { kind, id, .. } => Some((kind, Cow::Owned(id.to_owned()))),
        Reference::Conditional { kind, .. } => Some((kind, Cow::Borrowed(""))),
        Reference::Absolute { kind: Some(kind), text } if bases.are_unknown() => {
            Some((kind, Cow::Owned(text.rsplit('/').next().unwrap_or_default().to_owned())))
        }
        Reference::Absolute { .. } | Reference::Contained(_) | Reference::Other(_) => None,
    }
}

fn is_naming(member: Element<'_>) -> bool {
    NAMING.iter().any(|name| member.is_named(name))
}

/// A Narrative: `text` with a `div`.
fn is_narrative(element: Element<'_>) -> bool {
    element.kind() == Kind::Object && element.is_named("text") && element.member("div").is_some()
}

impl<'r> Redaction<'r> {
    /// By the server's addresses (where none is known, any may be), and whether a resource (type, id) is not to be spoken of. An id that is empty is any of that type.
    #[must_use]
    pub fn new(bases: &'r Bases, hides: &'r dyn Fn(&str, &str) -> bool) -> Self {
        Self { bases, hides }
    }

    /// The resource without what it says of what is hidden, marked as redacted; `None` where it says nothing of it.
    #[must_use]
    pub fn cut(&self, resource: Element<'_>) -> Option<Vec<u8>> {
        self.without(resource).map(|text| marked(&text).unwrap_or(text))
    }

    /// As [`Redaction::cut`], without the mark.
    #[must_use]
    pub fn without(&self, resource: Element<'_>) -> Option<Vec<u8>> {
        let mut cut = Cut { by: *self, out: Vec::with_capacity(resource.raw().len() + 128), taken: false };
        cut.value(resource);
        cut.taken.then_some(cut.out)
    }

    /// What is hidden of what a Reference names.
    fn is_hidden(&self, object: Element<'_>) -> bool {
        target(object, self.bases).is_some_and(|(kind, id)| (self.hides)(kind, &id))
    }
}

/// The text with the mark, where it has none yet.
fn marked(text: &[u8]) -> Option<Vec<u8>> {
    let document = Document::parse(text).ok()?;
    let mark = Document::parse(MARK.as_bytes()).ok()?;
    labels::add(document.root(), mark.root()).map(String::into_bytes)
}

/// Writes a resource without what is taken from it.
struct Cut<'r> {
    by: Redaction<'r>,
    out: Vec<u8>,
    taken: bool,
}

impl Cut<'_> {
    /// Writes a value; whether it names something hidden.
    fn value(&mut self, element: Element<'_>) -> bool {
        match element.kind() {
            Kind::Object => self.object(element),
            Kind::Array => self.array(element),
            _ => {
                self.out.extend_from_slice(element.raw().as_bytes());
                false
            }
        }
    }

    fn array(&mut self, array: Element<'_>) -> bool {
        let mut hidden = false;
        self.out.push(b'[');
        for (index, item) in array.children().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            hidden |= self.value(item);
        }
        self.out.push(b']');
        hidden
    }

    fn object(&mut self, object: Element<'_>) -> bool {
        let is_reference = self.by.is_hidden(object);
        let mut hidden = is_reference;
        let mut narrative = None;
        self.out.push(b'{');
        let first = self.out.len();
        for member in object.children() {
            if is_reference && !is_naming(member) {
                self.taken = true;
                continue;
            }
            let from = self.out.len();
            if from > first {
                self.out.push(b',');
            }
            key(&mut self.out, member);
            hidden |= self.value(member);
            if is_narrative(member) {
                narrative = Some(from..self.out.len());
            }
        }
        if let Some(range) = narrative.filter(|_| hidden) {
            let is_first = range.start == first;
            self.out.drain(range);
            if is_first && self.out.get(first) == Some(&b',') {
                self.out.remove(first);
            }
            self.taken = true;
        }
        self.out.push(b'}');
        hidden
    }
}

/// Writes a member's name as it stands.
fn key(out: &mut Vec<u8>, member: Element<'_>) {
    out.push(b'"');
    out.extend_from_slice(member.raw_key().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\":");
}
