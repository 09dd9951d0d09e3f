//! JSON in, XML out.

use super::characters::is_char;
use super::fault::Unwritable;
use super::{FHIR, narrative};
use crate::json::{Element, Kind};
use crate::structure::{Member, Place, Primitive, Table, TypeId, Value, table};

/// How the XML looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layout {
    /// No white space between elements.
    Compact,
    /// A line for each element, two spaces a level.
    Indented,
}

/// A resource as XML: elements in the order of the specification, numbers as they are written, narratives as they are
/// where they are XHTML. Characters that XML does not have become U+FFFD.
///
/// # Errors
/// Something that the structure checker refuses.
pub fn write(resource: Element<'_>, layout: Layout) -> Result<Vec<u8>, Unwritable> {
    let capacity = resource.raw().len() * 2;
    let mut writer = Writer { table: table(), out: String::with_capacity(capacity), layout, level: 0 };
    writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    let kind = resource.member("resourceType").and_then(|kind| kind.string()).unwrap_or_default();
    let known = writer.table.resource(&kind).map_or("Resource", |id| writer.table.of(id).name);
    writer.line();
    writer.resource(resource, true, &Place::root(known))?;
    writer.line();
    Ok(writer.out.into_bytes())
}

struct Writer {
    table: &'static Table,
    out: String,
    layout: Layout,
    level: usize,
}

/// A member of an object, by its place in the order of the specification.
struct Part<'d> {
    at: usize,
    value: Option<Element<'d>>,
    /// `_name`
    beside: Option<Element<'d>>,
}

type Outcome<T = ()> = Result<T, Unwritable>;

impl Writer {
    fn resource(&mut self, resource: Element<'_>, root: bool, place: &Place<'_>) -> Outcome {
        let kind = resource.member("resourceType").and_then(|kind| kind.string()).unwrap_or_default();
        let id = self.table.resource(&kind).ok_or_else(|| unwritable(place, "no resource type of R4 is named"))?;
        let name = self.table.of(id).name;
        self.out.push('<');
        self.out.push_str(name);
        if root {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(FHIR);
            self.out.push('"');
        }
        let parts = self.parts(resource, id, place)?;
        self.content(id, &parts, name, place)
    }

    /// An object whose element is `name`.
    fn object(&mut self, object: Element<'_>, id: TypeId, name: &str, place: &Place<'_>) -> Outcome {
        self.out.push('<');
        self.out.push_str(name);
        let parts = self.parts(object, id, place)?;
        self.content(id, &parts, name, place)
    }

    /// The members in order.
    fn parts<'d>(&self, object: Element<'d>, id: TypeId, place: &Place<'_>) -> Outcome<Vec<Part<'d>>> {
        if object.kind() != Kind::Object {
            return Err(unwritable(place, "the value is no object"));
        }
        let of = self.table.of(id);
        let mut parts: Vec<Part<'d>> = Vec::with_capacity(object.len());
        for child in object.children() {
            let key = child.key().unwrap_or_default();
            if of.resource && key == "resourceType" {
                continue;
            }
            let (name, sibling) = key.strip_prefix('_').map_or((&*key, false), |name| (name, true));
            let Some(at) = self.table.position(of, name) else {
                return Err(unwritable(place, "a member is no element of R4"));
            };
            let (value, beside) = if sibling { (None, Some(child)) } else { (Some(child), None) };
            match parts.iter_mut().find(|part| part.at == at) {
                Some(part) => {
                    part.value = part.value.or(value);
                    part.beside = part.beside.or(beside);
                }
                None => parts.push(Part { at, value, beside }),
            }
        }
        parts.sort_unstable_by_key(|part| part.at);
        Ok(parts)
    }

    /// Attributes, elements, and the end of the tag that was opened.
    fn content(&mut self, id: TypeId, parts: &[Part<'_>], name: &str, place: &Place<'_>) -> Outcome {
        let of = self.table.of(id);
        let members = self.table.members(of);
        let is_attribute = |part: &&Part<'_>| of.is_attribute(members[part.at].name);
        for part in parts.iter().filter(is_attribute) {
            let member = &members[part.at];
            let text = part.value.and_then(|value| value.string()).filter(|_| part.beside.is_none());
            let text = text.ok_or_else(|| unwritable(&place.member(member.name), "an attribute of XML is a string"))?;
            self.attribute(member.name, &text);
        }
        let mut any = false;
        for part in parts.iter().filter(|part| !is_attribute(part)) {
            if !any {
                self.out.push('>');
                self.level += 1;
                any = true;
            }
            let member = &members[part.at];
            self.element(part, member, &place.member(member.shown()))?;
        }
        if any {
            self.level -= 1;
            self.line();
            self.end(name);
        } else {
            self.out.push_str("/>");
        }
        Ok(())
    }

    /// One member: an element, or one for each of its items.
    fn element(&mut self, part: &Part<'_>, member: &Member, place: &Place<'_>) -> Outcome {
        if !member.list {
            return self.one(part.value, part.beside, member, place);
        }
        let lists = [part.value, part.beside];
        if lists.iter().flatten().any(|list| list.kind() != Kind::Array) {
            return Err(unwritable(place, "the element repeats, and the value is no list"));
        }
        let length = lists.iter().flatten().map(Element::len).max().unwrap_or(0);
        let [mut values, mut beside] = lists.map(|list| list.into_iter().flat_map(|list| list.children()));
        for index in 0..length {
            let [value, beside] = [values.next(), beside.next()].map(|item| item.filter(|item| !item.is_null()));
            self.one(value, beside, member, &place.item(index))?;
        }
        Ok(())
    }

    fn one(
        &mut self,
        value: Option<Element<'_>>,
        beside: Option<Element<'_>>,
        member: &Member,
        place: &Place<'_>,
    ) -> Outcome {
        self.line();
        match (member.value, value, beside) {
            (Value::Primitive(kind, _), value, beside) => self.primitive(value, beside, kind, member.name, place),
            (Value::Object(id), Some(value), None) => self.object(value, id, member.name, place),
            (Value::Resource, Some(value), None) => {
                self.out.push('<');
                self.out.push_str(member.name);
                self.out.push('>');
                self.level += 1;
                self.line();
                self.resource(value, false, place)?;
                self.level -= 1;
                self.line();
                self.end(member.name);
                Ok(())
            }
            _ => Err(unwritable(place, "the element has no value, or a member that starts with _")),
        }
    }

    fn primitive(
        &mut self,
        value: Option<Element<'_>>,
        beside: Option<Element<'_>>,
        kind: Primitive,
        name: &str,
        place: &Place<'_>,
    ) -> Outcome {
        if kind == Primitive::Xhtml {
            let text = value.and_then(|value| value.string()).filter(|_| beside.is_none());
            narrative::write(&mut self.out, &text.ok_or_else(|| unwritable(place, "a narrative is a string"))?);
            return Ok(());
        }
        self.out.push('<');
        self.out.push_str(name);
        let parts = match beside {
            Some(beside) => self.parts(beside, self.table.element, place)?,
            None => Vec::new(),
        };
        match value.map(|value| (value.kind(), value)) {
            None if parts.is_empty() => return Err(unwritable(place, "the element is empty")),
            None => {}
            Some((Kind::Array | Kind::Null | Kind::Object, _)) => {
                return Err(unwritable(place, "the value is no primitive"));
            }
            Some((_, value)) => match value.string() {
                Some(text) => self.attribute("value", &text),
                None => self.attribute("value", value.raw()),
            },
        }
        self.content(self.table.element, &parts, name, place)
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        let mut done = 0;
        for (at, letter) in value.char_indices() {
            let escaped = match letter {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\t' => "&#9;",
                '\n' => "&#10;",
                '\r' => "&#13;",
                letter if is_char(letter) => continue,
                _ => "\u{FFFD}",
            };
            self.out.push_str(&value[done..at]);
            self.out.push_str(escaped);
            done = at + letter.len_utf8();
        }
        self.out.push_str(&value[done..]);
        self.out.push('"');
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// A new line, where there are lines.
    fn line(&mut self) {
        if self.layout == Layout::Indented {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.level));
        }
    }
}

fn unwritable(place: &Place<'_>, details: &'static str) -> Unwritable {
    Unwritable { expression: place.expression(), details }
}
