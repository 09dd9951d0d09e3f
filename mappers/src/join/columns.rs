//! Members that only columns speak for: rows of other programs, and values they put where the residue has no hole.

use super::Header;
use super::level::{Joiner, Left};
use super::residue::{Seen, open, separate};
use crate::json::write_string;
use crate::map::{Codec, Map, Member, ObjectShape, Required, Slice, Target};

/// What is written from columns alone.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Mode {
    /// Everything the map can say, with constants and defaults.
    Foreign,
    /// What differs from what the residue speaks for.
    Append,
}

/// `{"versionId":..,"lastUpdated":..` without the closing brace.
pub(super) fn write_meta(header: &Header<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"versionId\":");
    write_string(out, &header.version.to_string());
    out.extend_from_slice(b",\"lastUpdated\":");
    write_string(out, header.last_updated);
}

impl Joiner<'_> {
    /// A resource from its columns.
    pub(super) fn bare_resource(&mut self, map: &Map, header: &Header<'_>, out: &mut Vec<u8>) {
        self.expected = crate::split::Expected::default();
        self.fallen = 0;
        out.push(b'{');
        open("resourceType", out);
        write_string(out, &map.resource);
        open("id", out);
        write_string(out, header.id);
        open("meta", out);
        write_meta(header, out);
        let mut seen = Seen::default();
        if let Some(number) = map.shape.members.iter().position(|member| member.name == "meta") {
            seen.add(number);
            if let Target::Object(meta) = &map.shape.members[number].target {
                self.column_members(meta, &Seen::default(), Mode::Foreign, true, out);
            }
        }
        out.push(b'}');
        self.column_members(&map.shape, &seen, Mode::Foreign, true, out);
        out.push(b'}');
    }

    /// The members of a shape that the residue did not have. `fresh`: the object itself is new, constants come along.
    pub(super) fn column_members(
        &mut self,
        shape: &ObjectShape,
        seen: &Seen,
        mode: Mode,
        fresh: bool,
        out: &mut Vec<u8>,
    ) -> Left {
        let (mut left, mut written) = (Left::NOTHING, Seen::default());
        for (number, member) in shape.members.iter().enumerate() {
            let constant = matches!(&member.target, Target::Field(field) if field.slots.is_empty());
            if seen.has(number) || (constant && !fresh) || !shape.choices.is_empty() && self.yields(number, shape) {
                continue;
            }
            let before = out.len();
            open(&member.name, out);
            let mut outcome = self.column_value(member, mode, fresh, out);
            if !outcome.written && mode == Mode::Foreign && self.must_stand(shape, number) {
                self.standing = true;
                outcome = self.column_value(member, mode, fresh, out);
                self.standing = false;
            }
            if outcome.written {
                written.add(number);
            } else {
                out.truncate(before);
                // Where only this member could say it, its place is here.
                let only = |required: &&Required| fresh && required.members == [number];
                shape.required.iter().filter(only).for_each(|required| write_absent(required, out));
            }
            left.add(outcome);
        }
        let unsaid = |required: &&Required| {
            let members = &required.members;
            fresh && members.len() != 1 && !members.iter().any(|number| written.has(*number) || seen.has(*number))
        };
        shape.required.iter().filter(unsaid).for_each(|required| write_absent(required, out));
        left
    }

    /// Whether a member is an object of the resource's own that R4 requires: its constants stand though its columns are empty.
    fn must_stand(&self, shape: &ObjectShape, number: usize) -> bool {
        let own = self.rows.is_some_and(|rows| std::ptr::eq(&raw const rows.map.shape, shape));
        own && matches!(shape.members[number].target, Target::Object(_))
            && shape.required.iter().any(|required| required.members == [number])
    }

    /// One member's value; nothing is left behind where it is not written.
    pub(super) fn column_value(&mut self, member: &Member, mode: Mode, fresh: bool, out: &mut Vec<u8>) -> Left {
        match &member.target {
            Target::Children(number) => self.child_list(*number, None, out).unwrap_or(Left::NOTHING),
            Target::List(number) => self.reference_items(*number, None, out),
            Target::Field(field) => self.column_field(field, mode, fresh, out),
            Target::Object(inner) => {
                let start = out.len();
                out.push(b'{');
                let left = self.column_members(inner, &Seen::default(), mode, true, out);
                out.push(b'}');
                settle(left, inner, mode == Mode::Foreign || fresh, self.standing, start, out)
            }
            Target::Slices(slices) => {
                let start = out.len();
                out.push(b'[');
                let mut left = Left::NOTHING;
                for slice in slices {
                    left.add(self.column_slice(slice, mode, fresh, start, out));
                }
                if out.len() == start + 1 {
                    out.truncate(start);
                    return Left::NOTHING;
                }
                out.push(b']');
                Left { written: true, ..left }
            }
        }
    }

    fn column_field(&mut self, field: &crate::map::Field, mode: Mode, fresh: bool, out: &mut Vec<u8>) -> Left {
        if let Some(constant) = field.constant.as_ref().or(field.default.as_ref()).filter(|_| field.slots.is_empty()) {
            out.extend_from_slice(constant.as_bytes());
            return Left::WEAK;
        }
        // Content that could not be had when the row was settled is shown as soon as it can be.
        let content = matches!(field.codec, Codec::Content(_) | Codec::Places(_));
        let said = mode == Mode::Append && self.is_expected(field) && !self.has_fallen(field) && !content;
        if said && !(fresh && field.default.is_some() && self.is_empty(field)) {
            return Left::NOTHING;
        }
        if self.write(field, false, None, out) {
            self.changed |= mode == Mode::Append;
            return Left::STRONG;
        }
        match &field.default {
            Some(default) if mode == Mode::Foreign || fresh => {
                out.extend_from_slice(default.as_bytes());
                Left::WEAK
            }
            _ => Left::NOTHING,
        }
    }

    /// An item for a slice, at the end of the list that starts at `list`.
    pub(super) fn column_slice(
        &mut self,
        slice: &Slice,
        mode: Mode,
        fresh: bool,
        list: usize,
        out: &mut Vec<u8>,
    ) -> Left {
        let before = out.len();
        separate(list, out);
        let start = out.len();
        out.push(b'{');
        for (name, value) in slice.selector.given() {
            open(name, out);
            write_string(out, value);
        }
        let left = self.column_members(&slice.shape, &Seen::default(), mode, true, out);
        out.push(b'}');
        let left = settle(left, &slice.shape, mode == Mode::Foreign || fresh, self.standing, start, out);
        if !left.written {
            out.truncate(before);
        }
        left
    }
}

/// The member that says that an element is unknown.
pub(super) fn write_absent(required: &Required, out: &mut Vec<u8>) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    out.extend_from_slice(required.absent.as_bytes());
}

/// An object of constants and defaults alone stands only in what is new (`fresh`), and where the map gives it nothing else
/// to say or R4 requires it (`standing`).
fn settle(left: Left, shape: &ObjectShape, fresh: bool, standing: bool, start: usize, out: &mut Vec<u8>) -> Left {
    let alone = standing || !has_more_to_say(shape);
    let written = left.strong || (fresh && left.written && alone);
    if !written {
        out.truncate(start);
        return Left::NOTHING;
    }
    Left { written: true, ..left }
}

/// Whether the map has columns without a default for it.
fn has_more_to_say(shape: &ObjectShape) -> bool {
    shape.members.iter().any(|member| match &member.target {
        Target::Children(_) | Target::List(_) => true,
        Target::Field(field) => !field.slots.is_empty() && field.default.is_none(),
        Target::Object(inner) => has_more_to_say(inner),
        Target::Slices(slices) => slices.iter().any(|slice| has_more_to_say(&slice.shape)),
    })
}
