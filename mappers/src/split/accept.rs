//! Which resources a map takes, and which references it will ask for.

use super::SplitContext;
use super::level::Splitter;
use crate::codec::Context;
use crate::json::{Document, Element, Kind};
use crate::map::{Codec, Field, Map, ObjectShape, Selector, Slot, Target, Test};

/// Whether the map is for this resource: its type, its constants where they are asked for, and for a facet the values
/// without which its row has none.
#[must_use]
pub fn accepts(map: &Map, document: &Document<'_>) -> bool {
    let root = document.root();
    let typed = root.member("resourceType").and_then(|kind| kind.string()).is_some_and(|kind| kind == map.resource);
    typed && carries_constants(&map.shape, root) && fills_facet(map, document)
}

/// Every reference that could become a row's key: (type, id), to be looked up before [`super::split`].
#[must_use]
pub fn references(map: &Map, document: &Document<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    in_object(map, &map.slots, &map.shape, document.root(), &mut found);
    found
}

/// `Type/id` and nothing else: no version, no absolute address, no fragment.
pub(crate) fn relative(text: &str) -> Option<(&str, &str)> {
    let (kind, id) = text.split_once('/')?;
    let typed = kind.starts_with(|letter: char| letter.is_ascii_uppercase())
        && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
    (typed && is_id(id)).then_some((kind, id))
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>
pub(crate) fn is_id(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

/// Whether a list's item is one that a selector picks.
pub(crate) fn matches(selector: &Selector, index: usize, item: Element<'_>) -> bool {
    rank(selector, index, item).is_some()
}

/// How much a selector likes a list's item: the lower the better; `None` where it does not pick it.
pub(crate) fn rank(selector: &Selector, index: usize, item: Element<'_>) -> Option<usize> {
    match selector {
        Selector::Index(wanted) => (*wanted == index).then_some(0),
        Selector::Where(pairs) => pairs.iter().try_fold(0, |rank, pair| match (&pair.test, &pair.steps[..]) {
            (Test::OneOf(words), [name]) if item.kind() == Kind::Object => {
                let text = item.member(name).map(|member| member.string().unwrap_or_default());
                Some(rank * words.len() + pair.test.place(text.as_deref())?)
            }
            _ => reaches(item, &pair.steps, &pair.test).then_some(rank),
        }),
    }
}

/// The item of a list that a selector likes best.
fn home<'d>(selector: &Selector, list: Element<'d>) -> Option<Element<'d>> {
    let items = list.children().enumerate();
    let ranked = items.filter_map(|(index, item)| Some((rank(selector, index, item)?, item)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, item)| item)
}

/// Whether a string that passes is at the end of the way; at a list any item will do.
fn reaches(value: Element<'_>, steps: &[String], test: &Test) -> bool {
    match (value.kind(), steps.split_first()) {
        (Kind::Array, _) => value.children().any(|item| reaches(item, steps, test)),
        (Kind::Object, Some((name, rest))) => value.member(name).is_some_and(|member| reaches(member, rest, test)),
        (Kind::String, None) => value.string().is_some_and(|text| test.passes(&text)),
        _ => false,
    }
}

/// Whether the object says nothing else than the constants of the shape. An object or slice in it that also has columns
/// may be missing; one of constants alone may not.
pub(crate) fn carries_constants(shape: &ObjectShape, object: Element<'_>) -> bool {
    shape.members.iter().all(|member| {
        let value = || object.member(&member.name);
        match &member.target {
            Target::Children(_) | Target::List(_) => true,
            Target::Field(Field { constant: None, .. }) => true,
            Target::Field(Field { constant: Some(constant), .. }) => {
                value().is_some_and(|value| equals(value, constant))
            }
            Target::Object(inner) if inner.has_constants() => match value() {
                Some(value) => carries_constants(inner, value),
                None => inner.has_columns(),
            },
            Target::Object(_) => true,
            Target::Slices(slices) => {
                let mut wanted = slices.iter().filter(|slice| slice.shape.has_constants());
                wanted.all(|slice| {
                    // The first match is the slice's home; a later one does not count.
                    match value().and_then(|list| home(&slice.selector, list)) {
                        Some(item) => carries_constants(&slice.shape, item),
                        None => slice.shape.has_columns(),
                    }
                })
            }
        }
    })
}

fn equals(value: Element<'_>, constant: &str) -> bool {
    if value.kind() == Kind::String && constant.starts_with('"') {
        return value.string().is_some_and(|text| text == crate::codec::scalar(constant));
    }
    crate::json::minify_value(&value) == constant.as_bytes()
}

/// References are not looked up here: a facet that hangs on one is accepted, and the split tells.
fn fills_facet(map: &Map, document: &Document<'_>) -> bool {
    let is_value = |slot: &&usize| map.slots[**slot].reference.is_none();
    let mut wanted = map.when_slots.iter().filter(is_value).peekable();
    let one = map.when_one.iter().all(|slot| is_value(&slot)) && !map.when_one.is_empty();
    if wanted.peek().is_none() && !one {
        return true;
    }
    let context = SplitContext { values: Context::utc(), resolve: &|_, _| None };
    let mut splitter = Splitter::of_map(map, &context, document.text().len());
    splitter.root(document.root(), &map.shape);
    let filled = |slot: &usize| splitter.cells[*slot].is_some();
    wanted.all(filled) && (!one || map.when_one.iter().any(filled))
}

fn in_object(map: &Map, slots: &[Slot], shape: &ObjectShape, object: Element<'_>, found: &mut Vec<(String, String)>) {
    for member in &shape.members {
        let Some(value) = object.member(&member.name) else { continue };
        match &member.target {
            Target::Field(field) if matches!(field.codec, Codec::Reference) => in_field(slots, field, value, found),
            Target::Field(_) | Target::List(_) => {}
            Target::Object(inner) => in_object(map, slots, inner, value, found),
            Target::Slices(slices) => {
                for slice in slices {
                    if let Some(item) = home(&slice.selector, value) {
                        in_object(map, slots, &slice.shape, item, found);
                    }
                }
            }
            Target::Children(number) => {
                let Some(child) = map.children.get(*number) else { continue };
                for item in value.children() {
                    in_object(map, &child.slots, &child.shape, item, found);
                }
            }
        }
    }
}

fn in_field(slots: &[Slot], field: &Field, value: Element<'_>, found: &mut Vec<(String, String)>) {
    if field.list && value.kind() == Kind::Array {
        return value.children().for_each(|item| in_field(slots, field, item, found));
    }
    let reference = if value.kind() == Kind::Object { value.member("reference") } else { Some(value) };
    let Some((kind, id)) = reference.and_then(|text| text.raw_string()).and_then(relative) else { return };
    let wanted = |slot: &usize| {
        slots.get(*slot).and_then(|slot| slot.reference.as_ref()).is_some_and(|column| column.target == kind)
    };
    let pair = (kind.to_owned(), id.to_owned());
    if field.slots.iter().any(wanted) && !found.contains(&pair) {
        found.push(pair);
    }
}
