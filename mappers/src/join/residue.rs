//! Filling a residue: the client's own members in the client's order, holes from columns, and what other programs
//! have put into columns that had no hole.

use std::borrow::Cow;

use super::level::{Joiner, Left, Outcome};
use super::scan::{Corrupt, Scan};
use crate::json::{unescape, write_string};
use crate::map::{Codec, Field, Member, ObjectShape, Pair, Selector, Slice, Target, Test, homes};

/// Which object of the resource this is.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Place {
    Resource,
    Meta,
    /// The item of a child row.
    Item,
    Inner,
}

/// Members of a shape that the residue had.
#[derive(Default)]
pub(super) struct Seen([u64; 4]);

static NOTHING_MAPPED: ObjectShape = ObjectShape { members: Vec::new(), required: Vec::new(), choices: Vec::new() };

impl Seen {
    pub(super) fn add(&mut self, member: usize) {
        if let Some(word) = self.0.get_mut(member / 64) {
            *word |= 1 << (member % 64);
        }
    }

    /// Members beyond any real shape count as seen: splits leave them in the residue.
    pub(super) fn has(&self, member: usize) -> bool {
        self.0.get(member / 64).is_none_or(|word| word & 1 << (member % 64) != 0)
    }
}

impl Joiner<'_> {
    /// The whole residue of a resource.
    pub(super) fn resource(&mut self, residue: &str, shape: &ObjectShape, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        let mut scan = Scan::new(residue);
        self.object(&mut scan, shape, &[], Place::Resource, out)?;
        if scan.is_done() { Ok(()) } else { Err(Corrupt) }
    }

    pub(super) fn object(
        &mut self,
        scan: &mut Scan<'_>,
        shape: &ObjectShape,
        discriminators: &[Pair],
        place: Place,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let whole = scan.clone();
        let start = out.len();
        scan.expect(b'{')?;
        out.push(b'{');
        let (mut seen, mut head, mut left, mut first) = (Seen::default(), Seen::default(), Left::WEAK, true);
        while scan.more(&mut first, b'}')? {
            let key = scan.key()?;
            let name = if memchr::memchr(b'\\', key.as_bytes()).is_some() {
                Cow::Owned(unescape(key))
            } else {
                Cow::Borrowed(key)
            };
            let found = shape.members.iter().position(|member| member.name == name);
            if let Some(number) = found {
                seen.add(number);
            }
            let before = out.len();
            if !shape.required.is_empty() && self.ends_absence(scan, &whole, &name, shape, &mut seen, out)? {
                left.strong = true;
                continue;
            }
            if !shape.choices.is_empty() && self.is_ousted(&name, found, shape) {
                scan.value()?;
                self.changed = true;
                left.add(Left::DROPPED);
                continue;
            }
            open(key, out);
            let member = found.and_then(|number| shape.members.get(number));
            let outcome = match self.server_member(scan, &name, member, place, &mut head, out)? {
                Some(outcome) => outcome,
                None => self.any_member(scan, &name, member, shape, discriminators, place, out)?,
            };
            if !outcome.written {
                out.truncate(before);
            }
            left.add(outcome);
        }
        left.strong |= self.missing_head(place, &head, out);
        left.add(self.column_members(shape, &seen, super::columns::Mode::Append, false, out));
        if left.dropped && !shape.required.is_empty() {
            super::absent::restore(shape, start, out);
        }
        out.push(b'}');
        Ok(left)
    }

    /// `id` and `meta`, which are the server's, and a narrative that would lie.
    fn server_member(
        &mut self,
        scan: &mut Scan<'_>,
        name: &str,
        member: Option<&Member>,
        place: Place,
        head: &mut Seen,
        out: &mut Vec<u8>,
    ) -> Result<Option<Left>, Corrupt> {
        let Some(header) = self.rows.map(|rows| rows.header) else { return Ok(None) };
        match (place, name) {
            (Place::Resource, "id") => {
                scan.value()?;
                head.add(0);
                write_string(out, header.id);
            }
            (Place::Resource, "meta") => {
                head.add(1);
                let inner = match member.map(|member| &member.target) {
                    Some(Target::Object(inner)) => inner,
                    _ => &NOTHING_MAPPED,
                };
                self.object(scan, inner, &[], Place::Meta, out)?;
            }
            (Place::Resource, "text") if self.stale && member.is_none() => {
                let text = scan.value()?;
                if is_generated(text)? {
                    return Ok(Some(Left::DROPPED));
                }
                out.extend_from_slice(text.as_bytes());
            }
            (Place::Meta, "versionId") => {
                scan.value()?;
                head.add(0);
                write_string(out, &header.version.to_string());
            }
            (Place::Meta, "lastUpdated") => {
                scan.value()?;
                head.add(1);
                write_string(out, header.last_updated);
            }
            _ => return Ok(None),
        }
        Ok(Some(Left::STRONG))
    }

    /// What of the server's members a residue lacks; the gateway's own residues lack nothing.
    fn missing_head(&self, place: Place, head: &Seen, out: &mut Vec<u8>) -> bool {
        let Some(header) = self.rows.map(|rows| rows.header) else { return false };
        match place {
            Place::Resource => {
                if !head.has(0) {
                    open("id", out);
                    write_string(out, header.id);
                }
                if !head.has(1) {
                    open("meta", out);
                    super::columns::write_meta(header, out);
                    out.push(b'}');
                }
            }
            Place::Meta => {
                if !head.has(0) {
                    open("versionId", out);
                    write_string(out, &header.version.to_string());
                }
                if !head.has(1) {
                    open("lastUpdated", out);
                    write_string(out, header.last_updated);
                }
            }
            Place::Item | Place::Inner => return false,
        }
        true
    }

    #[allow(clippy::too_many_arguments)]
    fn any_member(
        &mut self,
        scan: &mut Scan<'_>,
        name: &str,
        member: Option<&Member>,
        shape: &ObjectShape,
        discriminators: &[Pair],
        place: Place,
        out: &mut Vec<u8>,
    ) -> Outcome {
        if matches!(place, Place::Resource | Place::Item) && self.is_withheld(name) {
            scan.value()?;
            let fresh = member.map(|member| self.column_value(member, super::columns::Mode::Foreign, true, out));
            return Ok(fresh.filter(|left| left.written).unwrap_or(Left::DROPPED));
        }
        if let Some(member) = member {
            return self.member(scan, member, out);
        }
        let value = scan.value()?;
        if self.is_stale_sibling(name, shape) {
            return Ok(Left::DROPPED);
        }
        out.extend_from_slice(value.as_bytes());
        let weak = discriminators.iter().any(|pair| pair.steps == [name] && !matches!(pair.test, Test::StartsWith(_)));
        Ok(if weak { Left::WEAK } else { Left::STRONG })
    }

    /// `_given` speaks of items of `given` that another program has replaced.
    fn is_stale_sibling(&self, name: &str, shape: &ObjectShape) -> bool {
        let Some(name) = name.strip_prefix('_') else { return false };
        shape.members.iter().any(|member| match &member.target {
            Target::Field(field) => member.name == name && field.list && !self.is_expected(field),
            _ => false,
        })
    }

    fn member(&mut self, scan: &mut Scan<'_>, member: &Member, out: &mut Vec<u8>) -> Outcome {
        match (&member.target, scan.peek()) {
            (Target::Field(field), _) if field.slots.is_empty() => {
                let value = scan.value()?;
                out.extend_from_slice(value.as_bytes());
                let fixed =
                    field.constant.as_ref().or(if field.slots.is_empty() { field.default.as_ref() } else { None });
                let weak = fixed.is_some_and(|fixed| fixed == value);
                Ok(if weak { Left::WEAK } else { Left::STRONG })
            }
            (Target::Field(field), b'[') if field.list && matches!(field.codec, Codec::Reference) => {
                self.reference_list(scan, field, out)
            }
            (Target::Field(field), b'{') if matches!(field.codec, Codec::Reference) => {
                self.reference(scan, field, 0, out)
            }
            (Target::Field(field), _) => self.field(scan, field, out),
            (Target::Object(inner), b'{') => {
                let mut left = self.object(scan, inner, &[], Place::Inner, out)?;
                left.written = !left.dropped || left.strong;
                Ok(left)
            }
            (Target::Slices(slices), b'[') => self.slices(scan, slices, out),
            (Target::List(number), b'[') => {
                let list = scan.value()?;
                Ok(self.reference_items(*number, Some(list), out))
            }
            (Target::Children(number), b'[' | b'n') => {
                let list = scan.value()?;
                self.child_list(*number, Some(list), out)
            }
            _ => {
                out.extend_from_slice(scan.value()?.as_bytes());
                Ok(Left::STRONG)
            }
        }
    }

    fn field(&mut self, scan: &mut Scan<'_>, field: &Field, out: &mut Vec<u8>) -> Outcome {
        if scan.null() {
            return Ok(Left::value(self.write(field, false, None, out)));
        }
        let value = scan.value()?;
        if self.is_expected(field) && !self.has_fallen(field) {
            out.extend_from_slice(value.as_bytes());
            return Ok(Left::STRONG);
        }
        self.changed = true;
        Ok(Left::value(self.write(field, false, None, out)))
    }

    /// A Reference object. What stands beside its `reference` (a display) speaks of the same target only.
    fn reference(&mut self, scan: &mut Scan<'_>, field: &Field, item: usize, out: &mut Vec<u8>) -> Outcome {
        let value = scan.value()?;
        let Some(slot) = field.slots.get(item).copied() else {
            out.extend_from_slice(value.as_bytes());
            return Ok(Left::STRONG);
        };
        let item = field.list.then_some(item);
        let start = out.len();
        let (mut holed, mut guarded, mut gone) = (false, false, false);
        let mut inner = Scan::new(value);
        let mut first = true;
        inner.expect(b'{')?;
        out.push(b'{');
        while inner.more(&mut first, b'}')? {
            let key = inner.key()?;
            let before = out.len();
            open(key, out);
            if is_name(key, "reference") && inner.null() {
                holed = true;
                gone = !self.write(field, true, item, out);
                if gone {
                    out.truncate(before);
                }
            } else {
                guarded |= !is_name(key, "reference") && !is_name(key, "type");
                out.extend_from_slice(inner.value()?.as_bytes());
            }
        }
        out.push(b'}');
        let slots = if field.list { std::slice::from_ref(&slot) } else { &field.slots };
        let as_expected = slots.iter().all(|slot| self.is_expected_at(field, *slot)) && !self.has_fallen(field);
        if gone {
            // Nothing is left of a Reference but words about its target.
            out.truncate(start);
            self.changed = true;
            return Ok(Left::DROPPED);
        }
        let filled = slots.iter().any(|slot| self.cells.get(*slot).is_some_and(Option::is_some));
        if holed && !guarded && filled || as_expected {
            return Ok(Left::STRONG);
        }
        out.truncate(start);
        self.changed |= !holed || guarded;
        Ok(Left::value(self.write(field, false, item, out)))
    }

    fn reference_list(&mut self, scan: &mut Scan<'_>, field: &Field, out: &mut Vec<u8>) -> Outcome {
        let mut left = Left::WEAK;
        let (mut first, mut index) = (true, 0);
        scan.expect(b'[')?;
        let start = out.len();
        out.push(b'[');
        while scan.more(&mut first, b']')? {
            let before = out.len();
            separate(start, out);
            let outcome = match scan.peek() {
                b'{' => self.reference(scan, field, index, out)?,
                _ => {
                    out.extend_from_slice(scan.value()?.as_bytes());
                    Left::STRONG
                }
            };
            if !outcome.written {
                out.truncate(before);
            }
            left.add(outcome);
            index += 1;
        }
        for (item, slot) in field.slots.iter().enumerate().skip(index) {
            let before = out.len();
            separate(start, out);
            if self.is_expected_at(field, *slot) || !self.write(field, false, Some(item), out) {
                out.truncate(before);
            } else {
                (left.strong, self.changed) = (true, true);
            }
        }
        left.written = out.len() > start + 1 || !left.dropped;
        out.push(b']');
        Ok(left)
    }

    fn slices(&mut self, scan: &mut Scan<'_>, slices: &[Slice], out: &mut Vec<u8>) -> Outcome {
        let mut left = Left::WEAK;
        let (mut first, mut index, mut claimed) = (true, 0, 0_u64);
        let prefers = slices.iter().any(|slice| slice.selector.prefers());
        let chosen = if prefers { Some(homes_of(slices, scan.clone())?) } else { None };
        scan.expect(b'[')?;
        let start = out.len();
        out.push(b'[');
        while scan.more(&mut first, b']')? {
            let before = out.len();
            separate(start, out);
            let home = match &chosen {
                Some(homes) => homes.get(index).copied().flatten(),
                None => slices.iter().take(64).enumerate().position(|(number, slice)| {
                    claimed & 1 << number == 0 && rank(&slice.selector, index, scan).is_some()
                }),
            };
            index += 1;
            if let Some(number) = home {
                claimed |= 1 << number;
            }
            let home = home.and_then(|number| slices.get(number));
            let mut outcome = match home.filter(|_| scan.peek() == b'{') {
                Some(slice) => self.object(scan, &slice.shape, slice.selector.pairs(), Place::Inner, out)?,
                None => {
                    out.extend_from_slice(scan.value()?.as_bytes());
                    Left::STRONG
                }
            };
            outcome.written = outcome.strong || !outcome.dropped;
            if !outcome.written {
                out.truncate(before);
            }
            // What the client sent is kept for its own sake, save where it says no more than the map does anyway.
            outcome.strong |= outcome.written && home.is_none_or(|slice| slice.shape.has_columns());
            left.add(outcome);
        }
        for (number, slice) in slices.iter().enumerate().take(64) {
            if claimed & 1 << number == 0 {
                left.add(self.column_slice(slice, super::columns::Mode::Append, false, start, out));
            }
        }
        left.written = out.len() > start + 1 || !left.dropped;
        out.push(b']');
        Ok(left)
    }
}

/// A member's name and colon, after a comma where one is due.
#[inline]
pub(super) fn open(key: &str, out: &mut Vec<u8>) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A comma, unless the list that starts at `start` is empty.
#[inline]
pub(super) fn separate(start: usize, out: &mut Vec<u8>) {
    if out.len() > start + 1 {
        out.push(b',');
    }
}

pub(super) fn is_name(key: &str, name: &str) -> bool {
    key == name || (key.contains('\\') && unescape(key) == name)
}

/// How much a selector likes the item that comes next, as [`crate::split::rank`] has it.
fn rank(selector: &Selector, index: usize, scan: &Scan<'_>) -> Option<usize> {
    match selector {
        Selector::Index(wanted) => (*wanted == index).then_some(0),
        Selector::Where(pairs) => pairs.iter().try_fold(0, |rank, pair| match (&pair.test, &pair.steps[..]) {
            (Test::OneOf(words), [name]) if scan.peek() == b'{' => {
                let text = member_text(scan.clone(), name).ok()?;
                Some(rank * words.len() + pair.test.place(text.as_deref())?)
            }
            _ => reaches(scan.clone(), &pair.steps, &|text| pair.test.passes(text)).unwrap_or(false).then_some(rank),
        }),
    }
}

/// Which slice's home each item of the list that comes next is.
fn homes_of(slices: &[Slice], mut list: Scan<'_>) -> Result<Vec<Option<usize>>, Corrupt> {
    let (mut items, mut first) = (Vec::new(), true);
    list.expect(b'[')?;
    while list.more(&mut first, b']')? {
        items.push(list.clone());
        list.value()?;
    }
    Ok(homes(slices, &items, rank))
}

/// The text of an object's member, "" where it is none; `None` where there is no such member.
fn member_text<'t>(mut scan: Scan<'t>, name: &str) -> Result<Option<Cow<'t, str>>, Corrupt> {
    let mut first = true;
    scan.expect(b'{')?;
    while scan.more(&mut first, b'}')? {
        let key = scan.key()?;
        let value = scan.value()?;
        if is_name(key, name) {
            return Ok(Some(if value.starts_with('"') { crate::codec::scalar(value) } else { Cow::Borrowed("") }));
        }
    }
    Ok(None)
}

/// Whether a string that passes is at the end of the way; at a list any item will do.
fn reaches<S: AsRef<str>>(mut scan: Scan<'_>, steps: &[S], passes: &dyn Fn(&str) -> bool) -> Result<bool, Corrupt> {
    let mut first = true;
    match (scan.peek(), steps.split_first()) {
        (b'[', _) => {
            scan.expect(b'[')?;
            while scan.more(&mut first, b']')? {
                if reaches(Scan::new(scan.value()?), steps, passes)? {
                    return Ok(true);
                }
            }
        }
        (b'{', Some((name, rest))) => {
            scan.expect(b'{')?;
            while scan.more(&mut first, b'}')? {
                let key = scan.key()?;
                let value = scan.value()?;
                if is_name(key, name.as_ref()) {
                    return reaches(Scan::new(value), rest, passes);
                }
            }
        }
        (b'"', None) => return Ok(passes(&crate::codec::scalar(scan.value()?))),
        _ => {}
    }
    Ok(false)
}

fn is_generated(text: &str) -> Result<bool, Corrupt> {
    reaches(Scan::new(text), &["status"], &|status| matches!(status, "generated" | "extensions"))
}
