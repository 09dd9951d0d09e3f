//! What a reader was not shown, put back into what that reader writes.

use std::collections::{HashMap, VecDeque};

use super::{Lost, MARK, Redaction, is_naming, is_narrative, key, target};
use crate::json::{Document, Element, Kind};
use crate::labels;

/// What was taken from a resource.
#[derive(Default)]
struct Taken<'d> {
    /// Of References, by their text, in the order of the resource: the members that say something.
    references: HashMap<String, VecDeque<Vec<Element<'d>>>>,
    /// The resource's own narrative.
    own: Option<Element<'d>>,
    /// Narratives of its parts, outer ones before inner ones.
    parts: Vec<Part<'d>>,
}

/// The narrative of a part.
struct Part<'d> {
    /// Where the part stands.
    path: String,
    /// What the part is called in what it stands in.
    name: String,
    /// Hidden things that it names.
    names: Vec<String>,
    text: Element<'d>,
}

impl Redaction<'_> {
    /// What was `given` by somebody to whom `kept` was shown by [`Redaction::cut`], with what was taken back in its place: what a
    /// Reference that still stands there says besides what is given, and narratives that are not given anew. `None` where there
    /// is nothing to put back.
    ///
    /// # Errors
    /// [`Lost`]: a Reference, or a part with its narrative, is not there any more.
    pub fn restore(&self, kept: Element<'_>, given: Element<'_>) -> Result<Option<Vec<u8>>, Lost> {
        let mut taken = Taken::default();
        self.collect(kept, &mut taken);
        if taken.references.is_empty() && taken.own.is_none() && taken.parts.is_empty() {
            return Ok(None);
        }
        let is_marked = is_marked(given) && !is_marked(kept);
        let mut put = Put { by: *self, taken, out: Vec::with_capacity(kept.raw().len() + given.raw().len()) };
        put.value(given, true);
        let Taken { references, parts, .. } = &put.taken;
        if !parts.is_empty() || references.values().any(|left| !left.is_empty()) {
            return Err(Lost);
        }
        Ok(Some(if is_marked { unmarked(&put.out).unwrap_or(put.out) } else { put.out }))
    }

    /// What [`Redaction::cut`] takes. Gives the hidden things that the value names.
    fn collect<'d>(&self, element: Element<'d>, taken: &mut Taken<'d>) -> Vec<String> {
        let mut names = Vec::new();
        if element.kind() == Kind::Object && self.is_hidden(element) {
            let text = reference(element);
            let said: Vec<Element<'d>> = element.children().filter(|member| !is_naming(*member)).collect();
            if !said.is_empty() {
                taken.references.entry(text.clone()).or_default().push_back(said);
            }
            names.push(text);
            return names;
        }
        let before = taken.parts.len();
        if matches!(element.kind(), Kind::Object | Kind::Array) {
            element.children().for_each(|child| names.extend(self.collect(child, taken)));
        }
        if let Some(text) = narrative(element).filter(|_| !names.is_empty()) {
            match element.parent() {
                None => taken.own = Some(text),
                Some(_) => {
                    let part = Part { path: element.path(), name: name(element), names: names.clone(), text };
                    taken.parts.insert(before, part);
                }
            }
        }
        names
    }
}

/// Writes what was given, with what was taken.
struct Put<'r, 'd> {
    by: Redaction<'r>,
    taken: Taken<'d>,
    out: Vec<u8>,
}

impl<'d> Put<'_, 'd> {
    fn value(&mut self, element: Element<'_>, is_root: bool) {
        match element.kind() {
            Kind::Object => self.object(element, is_root),
            Kind::Array => {
                self.out.push(b'[');
                for (index, item) in element.children().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(item, false);
                }
                self.out.push(b']');
            }
            _ => self.out.extend_from_slice(element.raw().as_bytes()),
        }
    }

    fn object(&mut self, object: Element<'_>, is_root: bool) {
        let back = match is_root {
            true => self.taken.own.take().into_iter().collect(),
            false if target(object, self.by.base).is_some() => self.said(object),
            false => self.part(object).into_iter().collect(),
        };
        self.out.push(b'{');
        let first = self.out.len();
        for member in object.children() {
            if self.out.len() > first {
                self.out.push(b',');
            }
            key(&mut self.out, member);
            self.value(member, false);
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

    /// What was taken from the next Reference with this text.
    fn said(&mut self, object: Element<'_>) -> Vec<Element<'d>> {
        let left = self.taken.references.get_mut(&reference(object));
        left.and_then(VecDeque::pop_front).unwrap_or_default()
    }

    /// The narrative of a part of this name that names something of the same: of the one that stood there, else of the first.
    fn part(&mut self, object: Element<'_>) -> Option<Element<'d>> {
        if self.taken.parts.is_empty() {
            return None;
        }
        let (own, path) = (name(object), object.path());
        let inner: Vec<String> = object
            .below()
            .filter(|element| element.kind() == Kind::Object)
            .map(reference)
            .filter(|text| !text.is_empty())
            .collect();
        let fits = |part: &Part<'_>| part.name == own && part.names.iter().any(|text| inner.contains(text));
        let parts = &self.taken.parts;
        let there = parts.iter().position(|part| part.path == path && fits(part));
        let at = there.or_else(|| parts.iter().position(fits))?;
        Some(self.taken.parts.remove(at).text)
    }
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
fn is_marked(resource: Element<'_>) -> bool {
    without_mark(resource).is_some()
}

fn unmarked(text: &[u8]) -> Option<Vec<u8>> {
    let document = Document::parse(text).ok()?;
    without_mark(document.root()).map(String::into_bytes)
}

fn without_mark(resource: Element<'_>) -> Option<String> {
    let mark = Document::parse(MARK.as_bytes()).ok()?;
    labels::delete(resource, mark.root())
}
