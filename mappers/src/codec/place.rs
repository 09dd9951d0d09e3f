//! Places in columns: a whole column, or a member of the JSON document that a column holds.

use std::borrow::Cow;

use super::{rest, scalar};
use crate::json::{Document, Element, Kind, write_string};
use crate::map::{Codec, Field, Primitive, Slot};
use crate::row::Cell;
use crate::schema::ColumnKind;

/// The kind a codec sees: values inside a JSON document are texts to it.
#[inline]
pub(crate) fn kind_at(slot: &Slot) -> ColumnKind {
    if slot.kind == ColumnKind::Json { ColumnKind::Text } else { slot.kind }
}

/// What stands at a field's place: the column's text, or the text of the member inside its JSON document.
#[inline]
pub(crate) fn view<'c>(field: &Field, slot: &Slot, cell: &'c Cell) -> Option<Cow<'c, str>> {
    let text = cell.as_deref()?;
    if slot.kind != ColumnKind::Json {
        return Some(Cow::Borrowed(text));
    }
    let document = Document::parse(text.as_bytes()).ok()?;
    let element = place(field, document.root())?;
    if let Codec::Rest(named) = &field.codec {
        return rest::of(named, field.json_path.len(), element).map(Cow::Owned);
    }
    match element.kind() {
        Kind::Array if field.list => Some(Cow::Owned(minified(element))),
        Kind::Null | Kind::Object | Kind::Array => None,
        _ => Some(Cow::Owned(scalar(element.raw()).into_owned())),
    }
}

/// Whether a whole list of primitives is one array: in a column of arrays, or at a place of a JSON document.
#[inline]
pub(crate) fn is_whole(field: &Field, slots: &[Slot]) -> bool {
    field.list
        && !matches!(field.codec, Codec::Reference)
        && matches!(&field.slots[..], [slot] if slots.get(*slot).is_some_and(|slot| matches!(slot.kind, ColumnKind::Array | ColumnKind::Json)))
}

/// The array of items given as their texts.
pub(crate) fn list_text(field: &Field, items: &[Box<str>]) -> Box<str> {
    let items: Vec<String> = items.iter().map(|item| item_value(field, item)).collect();
    format!("[{}]", items.join(",")).into()
}

/// Whether anything at all stands at a field's place in a JSON document, though the field may not be able to say it.
pub(crate) fn is_filled(field: &Field, slot: &Slot, cell: &Cell) -> bool {
    let (ColumnKind::Json, Some(text)) = (slot.kind, cell.as_deref()) else { return false };
    let Ok(document) = Document::parse(text.as_bytes()) else { return false };
    !matches!(field.codec, Codec::Rest(_)) && place(field, document.root()).is_some_and(|value| !value.is_null())
}

fn place<'d>(field: &Field, root: Element<'d>) -> Option<Element<'d>> {
    field.json_path.iter().try_fold(root, |element, name| step(element, name))
}

fn minified(element: Element<'_>) -> String {
    String::from_utf8(crate::json::minify_value(&element)).unwrap_or_default()
}

fn step<'d>(element: Element<'d>, name: &str) -> Option<Element<'d>> {
    match element.kind() {
        Kind::Array => element.children().nth(name.parse().ok()?),
        _ => element.member(name),
    }
}

/// The document with the member at the field's path set (or removed), all other bytes as they were. `None` where the
/// path leads through something that is no object.
pub(crate) fn json_set(field: &Field, document: Option<&str>, value: Option<&str>) -> Option<Option<Box<str>>> {
    if let Codec::Rest(named) = &field.codec {
        return set_rest(field, named, document, value);
    }
    let value = value.map(|text| json_value(field, text));
    let Some((name, rest)) = field.json_path.split_first() else {
        return Some(value.map(String::into_boxed_str));
    };
    let Some(text) = document else {
        return Some(value.map(|value| nested(&field.json_path, &value).into_boxed_str()));
    };
    let parsed = Document::parse(text.as_bytes()).ok()?;
    if parsed.root().is_null() {
        return Some(value.map(|value| nested(&field.json_path, &value).into_boxed_str()));
    }
    let changed = set_in(text, parsed.root(), name, rest, value.as_deref())?;
    let changed = if value.is_some() { changed } else { pruned(field, changed) };
    Some(Some(changed.into_boxed_str()))
}

/// The document without the objects on the field's way in which nothing is left.
fn pruned(field: &Field, mut text: String) -> String {
    for end in (1..field.json_path.len()).rev() {
        let (way, name) = (&field.json_path[..end - 1], &field.json_path[end - 1]);
        let shorter = Document::parse(text.as_bytes()).ok().and_then(|document| {
            let owner = way.iter().try_fold(document.root(), |element, name| step(element, name))?;
            let empty = step(owner, name).filter(|found| found.kind() == Kind::Object && found.is_empty())?;
            (owner.kind() == Kind::Object).then(|| without(&text, owner, empty))
        });
        match shorter {
            Some(shorter) => text = shorter,
            None => break,
        }
    }
    text
}

/// The document with other members in the place of those that no other field speaks for.
fn set_rest(field: &Field, named: &[Field], document: Option<&str>, value: Option<&str>) -> Option<Option<Box<str>>> {
    let value = match value {
        Some(text) => Some(Document::parse(text.as_bytes()).ok()?),
        None => None,
    };
    let new = value.as_ref().map(Document::root);
    let nothing = || Some(new.map(|new| nested(&field.json_path, new.raw()).into_boxed_str()));
    let Some(text) = document else { return nothing() };
    let parsed = Document::parse(text.as_bytes()).ok()?;
    if parsed.root().is_null() {
        return nothing();
    }
    let Some(old) = place(field, parsed.root()).filter(|old| !old.is_null()) else {
        let Some(new) = new else { return Some(document.map(Into::into)) };
        let (name, rest) = field.json_path.split_first()?;
        return set_in(text, parsed.root(), name, rest, Some(new.raw())).map(|text| Some(text.into_boxed_str()));
    };
    if old.kind() != Kind::Object {
        return None;
    }
    let changed = rest::replace(named, field.json_path.len(), old, new)?;
    Some(Some(format!("{}{changed}{}", &text[..old.start()], &text[old.end()..]).into_boxed_str()))
}

fn set_in(text: &str, element: Element<'_>, name: &str, rest: &[String], value: Option<&str>) -> Option<String> {
    let found = match element.kind() {
        Kind::Object => element.member(name),
        Kind::Array => Some(element.children().nth(name.parse().ok()?)?),
        _ => return None,
    };
    let Some(found) = found else {
        let Some(value) = value else { return Some(text.to_owned()) };
        let comma = if element.is_empty() { "" } else { "," };
        let end = element.end() - 1;
        let added = format!("{comma}{}:{}", quoted(name), nested(rest, value));
        return Some(format!("{}{added}{}", &text[..end], &text[end..]));
    };
    match (rest.split_first(), value) {
        (Some((next, rest)), _) if !found.is_null() => set_in(text, found, next, rest, value),
        (_, Some(value)) => Some(format!("{}{}{}", &text[..found.start()], nested(rest, value), &text[found.end()..])),
        (Some(_), None) => Some(text.to_owned()),
        (None, None) if element.kind() == Kind::Array => {
            Some(format!("{}null{}", &text[..found.start()], &text[found.end()..]))
        }
        (None, None) => Some(without(text, element, found)),
    }
}

/// The text without a member and the comma that belongs to it.
fn without(text: &str, object: Element<'_>, member: Element<'_>) -> String {
    let next = object.children().find(|other| other.start() > member.start());
    let before = object.children().take_while(|other| other.start() < member.start()).last();
    let (from, to) = match (before, next) {
        (_, Some(next)) => (member.key_start(), next.key_start()),
        (Some(before), None) => (before.end(), member.end()),
        (None, None) => (member.key_start(), member.end()),
    };
    format!("{}{}", &text[..from], &text[to..])
}

pub(crate) fn nested(path: &[String], value: &str) -> String {
    path.iter().rev().fold(value.to_owned(), |inner, name| format!("{{{}:{inner}}}", quoted(name)))
}

fn json_value(field: &Field, text: &str) -> String {
    if field.list { text.to_owned() } else { item_value(field, text) }
}

fn item_value(field: &Field, text: &str) -> String {
    let plain = matches!(field.codec, Codec::Plain);
    match field.primitive {
        Primitive::Boolean | Primitive::Decimal | Primitive::Integer if plain => text.to_owned(),
        // Words of a code that are JSON's own.
        _ if matches!(field.codec, Codec::Codes(_)) && matches!(text, "true" | "false") => text.to_owned(),
        _ => quoted(text),
    }
}

pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}
