//! What a reader was not shown, put back into what that reader writes.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use super::{Lost, MARK, Redaction, is_naming, is_narrative, key, target};
use crate::json::{Document, Element, Kind};
use crate::labels;

/// So many names are looked up to find parts that have moved; what is larger than that is refused.
const LOOKED_UP: usize = 1_000_000;

/// Where a value stands, as a number: names and places from the root on.
type At = u64;

/// What was taken from a resource.
#[derive(Default)]
struct Taken<'d> {
    /// Of References, by place and text: the members that say something.
    references: HashMap<u64, Vec<Element<'d>>>,
    /// The same by text, in the order of the resource.
    order: HashMap<String, VecDeque<u64>>,
    /// The resource's own narrative, and the hidden things that the resource names.
    own: Option<(Element<'d>, Vec<String>)>,
    /// Narratives of its parts, outer ones before inner ones.
    parts: Vec<Part<'d>>,
}

/// The narrative of a part.
struct Part<'d> {
    at: At,
    /// What the part is called in what it stands in.
    name: String,
    /// Hidden things that it names.
    names: Vec<String>,
    text: Element<'d>,
}

impl Redaction<'_> {
    /// What was `given` by somebody to whom `kept` was shown by [`Redaction::cut`], with what was taken back in its place: what a
    /// Reference that still stands there says besides what is given, and narratives that are not given anew. The mark of what was
    /// shown goes. `None` where there is nothing to put back.
    ///
    /// # Errors
    /// [`Lost`]: a Reference, or what a narrative is about, is not there any more.
    pub fn restore(&self, kept: Element<'_>, given: Element<'_>) -> Result<Option<Vec<u8>>, Lost> {
        let mut taken = Taken::default();
        self.collect(kept, 0, &mut taken);
        let is_marked = is_redacted(given) && !is_redacted(kept);
        if taken.references.is_empty() && taken.own.is_none() && taken.parts.is_empty() {
            return Ok(if is_marked { unmarked(given.raw().as_bytes()) } else { None });
        }
        if let Some((_, names)) = &taken.own
            && narrative(given).is_none()
            && !names.iter().all(|name| named(given).contains(name))
        {
            return Err(Lost);
        }
        let mut stay = HashSet::new();
        self.places(given, 0, &mut stay);
        taken.order.values_mut().for_each(|places| places.retain(|place| !stay.contains(place)));
        let mut put = Put { by: *self, taken, left: LOOKED_UP, out: Vec::new() };
        put.out.reserve(kept.raw().len() + given.raw().len());
        put.value(given, 0);
        if !put.taken.parts.is_empty() || !put.taken.references.is_empty() {
            return Err(Lost);
        }
        Ok(Some(if is_marked { unmarked(&put.out).unwrap_or(put.out) } else { put.out }))
    }

    /// What [`Redaction::cut`] takes. Gives the hidden things that the value names.
    fn collect<'d>(&self, element: Element<'d>, at: At, taken: &mut Taken<'d>) -> Vec<String> {
        let mut names = Vec::new();
        if element.kind() == Kind::Object && self.is_hidden(element) {
            let text = reference(element);
            let said: Vec<Element<'d>> = element.children().filter(|member| !is_naming(*member)).collect();
            if !said.is_empty() {
                let place = place(at, &text);
                taken.references.insert(place, said);
                taken.order.entry(text.clone()).or_default().push_back(place);
            }
            names.push(text);
            return names;
        }
        let before = taken.parts.len();
        for (index, child) in element.children().enumerate() {
            if matches!(child.kind(), Kind::Object | Kind::Array) {
                names.extend(self.collect(child, below(at, child, index), taken));
            }
        }
        if let Some(text) = narrative(element).filter(|_| !names.is_empty()) {
            match element.parent() {
                None => taken.own = Some((text, names.clone())),
                Some(_) => {
                    let part = Part { at, name: name(element), names: names.clone(), text };
                    taken.parts.insert(before, part);
                }
            }
        }
        names
    }

    /// The places of all References.
    fn places(&self, element: Element<'_>, at: At, places: &mut HashSet<u64>) {
        if element.kind() == Kind::Object && target(element, self.bases).is_some() {
            places.insert(place(at, &reference(element)));
        }
        for (index, child) in element.children().enumerate() {
            if matches!(child.kind(), Kind::Object | Kind::Array) {
                self.places(child, below(at, child, index), places);
            }
        }
    }
}

/// Writes what was given, with what was taken.
struct Put<'r, 'd> {
    by: Redaction<'r>,
    taken: Taken<'d>,
    left: usize,
    out: Vec<u8>,
}

impl<'d> Put<'_, 'd> {
    fn value(&mut self, element: Element<'_>, at: At) {
        match element.kind() {
            Kind::Object => self.object(element, at),
            Kind::Array => {
                self.out.push(b'[');
                for (index, item) in element.children().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(item, below(at, item, index));
                }
                self.out.push(b']');
            }
            _ => self.out.extend_from_slice(element.raw().as_bytes()),
        }
    }

    fn object(&mut self, object: Element<'_>, at: At) {
        let back = match object.parent() {
            None => self.taken.own.take().map(|(text, _)| text).into_iter().collect(),
            Some(_) if target(object, self.by.bases).is_some() => self.said(object, at),
            Some(_) => self.part(object, at).into_iter().collect(),
        };
        self.out.push(b'{');
        let first = self.out.len();
        for (index, member) in object.children().enumerate() {
            if self.out.len() > first {
                self.out.push(b',');
            }
            key(&mut self.out, member);
            self.value(member, below(at, member, index));
        }
        for member in back {
            // What is given stands.
            if object.children().any(|own| own.key() == member.key()) {
                continue;
            }
            if self.out.len() > first {
                self.out.push(b',');
            }
            key(&mut self.out, member);
            self.out.extend_from_slice(member.raw().as_bytes());
        }
        self.out.push(b'}');
    }

    /// What was taken from the Reference with this text that stood here; else from the first that stands nowhere any more.
    fn said(&mut self, object: Element<'_>, at: At) -> Vec<Element<'d>> {
        let text = reference(object);
        let here = self.taken.references.remove(&place(at, &text));
        let mut moved = || self.taken.order.get_mut(&text)?.pop_front();
        here.or_else(|| self.taken.references.remove(&moved()?)).unwrap_or_default()
    }

    /// The narrative of the part that stood here, where it is given anew or names the same; else of the first of this name of which all
    /// that it is about is named here.
    fn part(&mut self, object: Element<'_>, at: At) -> Option<Element<'d>> {
        if self.taken.parts.is_empty() {
            return None;
        }
        let (own, is_anew) = (name(object), narrative(object).is_some());
        if !self.taken.parts.iter().any(|part| part.name == own) {
            return None;
        }
        let names = named(object);
        let mut left = self.left;
        let mut fits = |part: &Part<'_>| {
            part.name == own
                && part.names.iter().all(|name| {
                    left = left.saturating_sub(1);
                    left > 0 && names.contains(name)
                })
        };
        let parts = &self.taken.parts;
        let here = parts.iter().position(|part| part.at == at && (is_anew || fits(part)));
        let found = here.or_else(|| parts.iter().position(&mut fits));
        self.left = left;
        Some(self.taken.parts.remove(found?).text)
    }
}

/// Where a child stands.
fn below(at: At, child: Element<'_>, index: usize) -> At {
    let mut hasher = DefaultHasher::new();
    at.hash(&mut hasher);
    match child.key() {
        Some(key) => key.hash(&mut hasher),
        None => index.hash(&mut hasher),
    }
    hasher.finish()
}

/// A Reference with a text at a place.
fn place(at: At, text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (at, text).hash(&mut hasher);
    hasher.finish()
}

/// The texts of all References in a value.
fn named(element: Element<'_>) -> HashSet<String> {
    let objects = element.below().filter(|element| element.kind() == Kind::Object);
    objects.map(reference).filter(|text| !text.is_empty()).collect()
}

/// The text of a Reference; empty for what is none.
fn reference(object: Element<'_>) -> String {
    object.member("reference").and_then(|text| text.string()).unwrap_or_default().into_owned()
}

fn narrative(element: Element<'_>) -> Option<Element<'_>> {
    element.member("text").filter(|text| is_narrative(*text))
}

/// What a value, or the array that it stands in, is called.
fn name(element: Element<'_>) -> String {
    let own = element.key().or_else(|| element.parent()?.key());
    own.unwrap_or_default().into_owned()
}

/// Whether a resource is marked as redacted.
#[must_use]
pub fn is_redacted(resource: Element<'_>) -> bool {
    let Ok(mark) = Document::parse(MARK.as_bytes()) else { return false };
    let wanted: Vec<labels::Name> = labels::names(mark.root(), "security").collect();
    let own = resource.member("meta").into_iter().flat_map(|meta| labels::names(meta, "security"));
    own.into_iter().any(|name| wanted.contains(&name))
}

fn unmarked(text: &[u8]) -> Option<Vec<u8>> {
    let document = Document::parse(text).ok()?;
    let mark = Document::parse(MARK.as_bytes()).ok()?;
    labels::delete(document.root(), mark.root()).map(String::into_bytes)
}
