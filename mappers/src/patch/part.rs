//! Values of a FHIRPath Patch: what a part carries, as the member it becomes.

use super::{PatchError, malformed, no_target};
use crate::json::{Document, Element, Kind, minify_value, write_string};
use crate::structure::{self, Shape};

/// A parameter, or a part of one.
#[derive(Clone, Copy)]
pub(super) struct Part<'p>(Element<'p>);

impl<'p> Part<'p> {
    pub(super) fn of(element: Element<'p>) -> Self {
        Self(element)
    }

    pub(super) fn name(&self) -> Option<String> {
        self.0.member("name")?.string().map(Into::into)
    }

    pub(super) fn part(&self, name: &str) -> Option<Self> {
        self.parts().find(|part| part.name().as_deref() == Some(name))
    }

    fn parts(&self) -> impl Iterator<Item = Self> {
        self.0.member("part").into_iter().flat_map(|parts| parts.children()).map(Self)
    }

    /// The string of its value.
    pub(super) fn text(&self) -> Option<String> {
        self.value()?.1.string().map(Into::into)
    }

    /// The number of its value, from 0.
    pub(super) fn count(&self) -> Option<usize> {
        let (_, value) = self.value()?;
        (value.kind() == Kind::Number).then(|| value.raw().parse().ok())?
    }

    /// Its value, with the type that stands in the name: `Quantity` of `valueQuantity`.
    fn value(&self) -> Option<(String, Element<'p>)> {
        self.0.children().find_map(|child| {
            let key = child.key()?;
            let suffix = key.strip_prefix("value").filter(|suffix| !suffix.is_empty())?;
            Some((suffix.to_owned(), child))
        })
    }

    fn place(&self) -> String {
        format!("Parameters.{}", self.0.path())
    }
}

/// What an element becomes.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Its JSON name.
    pub(super) member: String,
    /// Whether it repeats.
    pub(super) list: bool,
    /// The JSON of its value.
    pub(super) value: Option<String>,
    /// The JSON of what stands beside a primitive.
    pub(super) beside: Option<String>,
}

impl Content {
    /// What a part gives for an element of this name in an object of this type.
    pub(super) fn of(part: &Part<'_>, owner: &str, name: &str) -> Result<Self, PatchError> {
        let value = part.value();
        let suffix = value.as_ref().map_or_else(String::new, |(suffix, _)| suffix.clone());
        let typed = format!("{name}{suffix}");
        let found =
            [name, typed.as_str()].into_iter().find_map(|member| Some((member, structure::element(owner, member)?)));
        let Some((member, definition)) = found else {
            return Err(malformed(part.place(), "The element has no such member: see its definition in R4."));
        };
        let beside = part.0.member(&format!("_value{suffix}")).filter(|_| value.is_some());
        let lone = part.0.children().find(|child| child.key().is_some_and(|key| key.starts_with("_value")));
        let content = |value: Option<String>, beside: Option<Element<'_>>| Self {
            member: member.to_owned(),
            list: definition.list,
            value,
            beside: beside.map(|beside| text(beside)),
        };
        if let Some((_, value)) = value {
            return Ok(content(Some(text(value)), beside));
        }
        if let Some(lone) = lone {
            return Ok(content(None, Some(lone)));
        }
        if let Some(resource) = part.0.member("resource") {
            return Ok(content(Some(text(resource)), None));
        }
        let Shape::Object(kind) = definition.shape else {
            return Err(malformed(part.place(), "The part needs a value: valueString, valueCode and so on."));
        };
        let object = object(part, kind)?;
        Ok(content(Some(object), None))
    }

    /// An object that holds this alone.
    pub(super) fn object(&self) -> String {
        let members = [(self.member.clone(), &self.value), (format!("_{}", self.member), &self.beside)];
        let (open, close) = if self.list { ("[", "]") } else { ("", "") };
        let members: Vec<String> = members
            .iter()
            .filter_map(|(name, value)| Some(format!("{}:{open}{}{close}", quoted(name), value.as_ref()?)))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    /// The text with this in an object: in the place of a member, or as a new one.
    pub(super) fn write(
        &self,
        document: &Document<'_>,
        holder: Element<'_>,
        old: Option<&str>,
    ) -> Result<String, PatchError> {
        let old_name = old.unwrap_or(&self.member);
        let text = put(document.text(), holder.index(), old_name, &self.member, self.value.as_deref())?;
        let (old_beside, beside) = (format!("_{old_name}"), format!("_{}", self.member));
        put(&text, holder.index(), &old_beside, &beside, self.beside.as_deref())
    }
}

/// The text with a member of an object set, or taken away. The object is named by its place on the tape, which stays the
/// same whatever changes within it.
pub(super) fn put(text: &str, holder: usize, old: &str, name: &str, value: Option<&str>) -> Result<String, PatchError> {
    let lost = || malformed("", "The resource could not be read again.");
    let document = Document::parse(text.as_bytes()).map_err(|_| lost())?;
    let holder = document.element(holder).ok_or_else(lost)?;
    if holder.kind() != Kind::Object {
        // An operation before this one may have put a value there that is no object.
        return Err(no_target("", "What the path names is a plain value: it has no elements."));
    }
    Ok(match (holder.member(old), value) {
        (Some(member), Some(value)) if old == name => member.with_value(value),
        (Some(member), Some(value)) => member.with_name(name, value),
        (Some(member), None) => member.without(),
        (None, Some(value)) => holder.with_member(name, value),
        (None, None) => text.to_owned(),
    })
}

/// An object of a type that has no name of its own, from parts named as its elements.
fn object(part: &Part<'_>, kind: &str) -> Result<String, PatchError> {
    let mut members: Vec<Vec<Content>> = Vec::new();
    for inner in part.parts() {
        let name = inner.name().unwrap_or_default();
        let content = Content::of(&inner, kind, &name)?;
        match members.iter_mut().find(|same| same[0].member == content.member) {
            Some(same) if content.list => same.push(content),
            Some(_) => return Err(malformed(inner.place(), "The element does not repeat, and is given twice.")),
            None => members.push(vec![content]),
        }
    }
    if members.is_empty() {
        return Err(malformed(
            part.place(),
            "The part has no value: give value[x], a resource, or parts named as elements.",
        ));
    }
    let mut out = Vec::new();
    for same in &members {
        let list = same[0].list;
        let values: Vec<Option<String>> = same.iter().map(|content| content.value.clone()).collect();
        let besides: Vec<Option<String>> = same.iter().map(|content| content.beside.clone()).collect();
        for (name, parts) in [(same[0].member.clone(), values), (format!("_{}", same[0].member), besides)] {
            let value = if list { array(&parts) } else { parts.into_iter().next().flatten() };
            out.extend(value.map(|value| format!("{}:{value}", quoted(&name))));
        }
    }
    Ok(format!("{{{}}}", out.join(",")))
}

/// An array with null where there is nothing; `None` where there is nothing at all.
pub(super) fn array(items: &[Option<String>]) -> Option<String> {
    let texts: Vec<&str> = items.iter().map(|item| item.as_deref().unwrap_or("null")).collect();
    items.iter().any(Option::is_some).then(|| format!("[{}]", texts.join(",")))
}

fn text(element: Element<'_>) -> String {
    // The scanner took the text, so it is UTF-8.
    String::from_utf8(minify_value(&element)).unwrap_or_default()
}

fn quoted(name: &str) -> String {
    let mut out = Vec::with_capacity(name.len() + 2);
    write_string(&mut out, name);
    String::from_utf8(out).unwrap_or_default()
}
