//! Fields of a shape: values that may leave, and finding fields again by their slots.

use super::Missing;
use super::hole::{FieldPath, HoleKind};
use super::level::Splitter;
use crate::codec::{Encoded, encode, encode_content, is_whole, kind_at, list_text};
use crate::json::{Element, Kind, minify};
use crate::map::{Codec, ContentKind, Field, Member, ObjectShape, Selector, Target};
use crate::schema::ColumnKind;

impl<'a> Splitter<'a> {
    /// A mapped value: into its column, or (with the column's best reading) left where it is.
    pub(super) fn field(&mut self, parent: Element<'_>, value: Element<'_>, field: &'a Field, path: FieldPath) {
        match (&field.codec, value.kind()) {
            (Codec::Reference, Kind::Array) if field.list => self.reference_list(value, field, path),
            (Codec::Reference, _) => self.reference(value, field, &field.slots, path),
            (_, Kind::Array) if is_whole(field, self.slots) => self.whole_list(parent, value, field, path),
            (_, Kind::Array) if field.list => self.list(parent, value, field, path),
            (_, Kind::Array | Kind::Object | Kind::Null) => minify(&value, &mut self.out),
            (Codec::Places(places), _) => self.placed(value, field, places, path),
            _ => self.primitive(value, field, path),
        }
    }

    /// Attachment data in the first place that takes it.
    fn placed(&mut self, value: Element<'_>, field: &Field, places: &[ContentKind], path: FieldPath) {
        for (place, slot) in places.iter().zip(&field.slots) {
            let Some(declared) = self.slots.get(*slot) else { continue };
            let left = match encode_content(*place, declared.kind, value.raw(), &self.context.values) {
                Encoded::Exact(text) => self.put(field, *slot, text),
                Encoded::Reading(text) => {
                    self.put(field, *slot, text);
                    false
                }
                Encoded::Unfit => continue,
            };
            return if left { self.leave(path, HoleKind::Field, false) } else { minify(&value, &mut self.out) };
        }
        minify(&value, &mut self.out);
    }

    /// A primitive in one column.
    pub(super) fn primitive(&mut self, value: Element<'_>, field: &Field, path: FieldPath) {
        let slot = field.slots[0];
        let left = match self.encoded(field, slot, value) {
            Encoded::Exact(text) => self.put(field, slot, text),
            Encoded::Reading(text) => {
                // Where another field has spoken for the column already, its text stays.
                self.put(field, slot, text);
                false
            }
            Encoded::Unfit => false,
        };
        if left && !field.stays { self.leave(path, HoleKind::Field, false) } else { minify(&value, &mut self.out) }
    }

    /// A list of primitives leaves only as a whole, and only where no `_sibling` stands beside it item by item.
    fn list(&mut self, parent: Element<'_>, list: Element<'_>, field: &Field, path: FieldPath) {
        let mut every = !list.is_empty() && list.len() <= field.slots.len() && !has_sibling(parent, list);
        let mut texts: [Option<Box<str>>; 8] = Default::default();
        every &= field.slots.len() <= texts.len();
        for ((item, slot), text) in list.children().zip(&field.slots).zip(&mut texts) {
            match self.encoded(field, *slot, item) {
                Encoded::Exact(exact) => *text = Some(exact),
                Encoded::Reading(reading) => (*text, every) = (Some(reading), false),
                Encoded::Unfit => every = false,
            }
        }
        for (slot, text) in field.slots.iter().zip(texts) {
            let Some(text) = text else { continue };
            every &= self.put(field, *slot, text);
        }
        if every && !field.stays { self.leave(path, HoleKind::Field, false) } else { minify(&list, &mut self.out) }
    }

    /// A list of primitives that is one array: all of it leaves, or the array is the best reading of it.
    fn whole_list(&mut self, parent: Element<'_>, list: Element<'_>, field: &Field, path: FieldPath) {
        let mut every = !list.is_empty() && !has_sibling(parent, list);
        let mut texts = Vec::with_capacity(list.len());
        for item in list.children() {
            match encode(field, ColumnKind::Text, item.raw(), &self.context.values) {
                Encoded::Exact(text) => texts.push(text),
                Encoded::Reading(text) => {
                    texts.push(text);
                    every = false;
                }
                Encoded::Unfit => every = false,
            }
        }
        every &= !texts.is_empty() && self.put(field, field.slots[0], list_text(field, &texts));
        if every { self.leave(path, HoleKind::Field, false) } else { minify(&list, &mut self.out) }
    }

    fn reference_list(&mut self, list: Element<'_>, field: &Field, path: FieldPath) {
        self.out.push(b'[');
        for (index, item) in list.children().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            match (field.slots.get(index), path.push(index)) {
                (Some(slot), Some(path)) => self.reference(item, field, std::slice::from_ref(slot), path),
                _ => minify(&item, &mut self.out),
            }
        }
        self.out.push(b']');
    }

    /// A Reference: its `reference` leaves for the first column that takes it, what stands beside it stays. A bare string is the
    /// `reference` itself.
    fn reference(&mut self, value: Element<'_>, field: &Field, slots: &[usize], path: FieldPath) {
        let target = if value.kind() == Kind::Object { value.member("reference") } else { Some(value) };
        let left = target.is_some_and(|target| slots.iter().any(|slot| self.put_reference(target, field, *slot)));
        if !left || field.stays {
            return minify(&value, &mut self.out);
        }
        if value.kind() != Kind::Object {
            return self.leave(path, HoleKind::Field, false);
        }
        let guarded = value.children().any(|member| !member.is_named("reference") && !member.is_named("type"));
        self.out.push(b'{');
        for member in value.children() {
            super::head::open_member(member, &mut self.out);
            if member.is_named("reference") {
                self.leave(path, HoleKind::Field, guarded);
            } else {
                minify(&member, &mut self.out);
            }
        }
        self.out.push(b'}');
    }

    /// Puts the key of the row that `Type/id` names into the column, if it is one the column may hold.
    fn put_reference(&mut self, target: Element<'_>, field: &Field, slot: usize) -> bool {
        let Some(column) = self.slots.get(slot).and_then(|slot| slot.reference.as_ref()) else { return false };
        let Some((kind, id)) = target.raw_string().and_then(super::relative) else { return false };
        if kind != column.target {
            return false;
        }
        let Some(row) = (self.context.resolve)(kind, id) else { return false };
        let other_table = column.foreign_table.as_ref().is_some_and(|table| **table != *row.table);
        if other_table || self.cells[slot].is_some() || !self.put(field, slot, row.key) {
            return false;
        }
        self.reference_ids.resize(self.slots.len(), None);
        self.reference_ids[slot] = Some(id.into());
        if row.missing {
            self.missing.push(Missing { row: None, slot });
        }
        true
    }

    fn encoded(&self, field: &Field, slot: usize, value: Element<'_>) -> Encoded {
        let Some(declared) = self.slots.get(slot) else { return Encoded::Unfit };
        encode(field, kind_at(declared), value.raw(), &self.context.values)
    }
}

/// The member of a shape that a value is, and its number.
#[inline]
pub(super) fn member_of<'m>(shape: &'m ObjectShape, value: Element<'_>) -> Option<(usize, &'m Member)> {
    let key = value.raw_key()?;
    let mut members = shape.members.iter().enumerate();
    if memchr::memchr(b'\\', key.as_bytes()).is_some() {
        return members.find(|(_, member)| value.is_named(&member.name));
    }
    members.find(|(_, member)| member.name == key)
}

/// Whether `_given` stands beside `given`.
pub(super) fn has_sibling(parent: Element<'_>, list: Element<'_>) -> bool {
    let Some(name) = list.key() else { return false };
    parent
        .children()
        .any(|member| member.raw_key().and_then(|key| key.strip_prefix('_')).is_some_and(|rest| rest == name))
}

/// The first field that lives in a slot, and its path.
pub(super) fn of_slot(shape: &ObjectShape, slot: usize) -> Option<(&Field, String)> {
    let mut found = None;
    each(shape, &mut String::new(), &mut |field, path| {
        if found.is_none() && field.slots.contains(&slot) {
            found = Some((field, path.to_owned()));
        }
    });
    found
}

/// Every field of a shape with its path, in map order.
fn each<'m>(shape: &'m ObjectShape, path: &mut String, visit: &mut dyn FnMut(&'m Field, &str)) {
    for member in &shape.members {
        let length = path.len();
        if length > 0 && !member.name.is_empty() {
            path.push('.');
        }
        path.push_str(&member.name);
        match &member.target {
            Target::Children(_) | Target::List(_) => {}
            Target::Field(field) => visit(field, path),
            Target::Object(inner) => each(inner, path, visit),
            Target::Slices(slices) => {
                for slice in slices {
                    let end = path.len();
                    if let Selector::Index(index) = slice.selector {
                        path.push_str(&format!("[{index}]"));
                    }
                    each(&slice.shape, path, visit);
                    path.truncate(end);
                }
            }
        }
        path.truncate(length);
    }
}

/// Every field of a shape, in map order, without the paths.
pub(crate) fn walk<'m>(shape: &'m ObjectShape, visit: &mut dyn FnMut(&'m Field)) {
    for member in &shape.members {
        match &member.target {
            Target::Children(_) | Target::List(_) => {}
            Target::Field(field) => visit(field),
            Target::Object(inner) => walk(inner, visit),
            Target::Slices(slices) => slices.iter().for_each(|slice| walk(&slice.shape, visit)),
        }
    }
}
