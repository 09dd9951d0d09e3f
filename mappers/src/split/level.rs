//! One level of a split: the resource, or one item of a list of child rows. Walks what the client sent along the shape.

use super::head::{Head, Punch, complete_meta, meta_member, new_meta, open_member};
use super::hole::{FieldPath, Hole, HoleKind};
use super::{Misfit, Missing, SplitContext};
use crate::codec::{is_filled, json_set, kind_at, view};
use crate::json::{Element, Kind, minify};
use crate::map::{Child, Field, JoinWrite, Map, Member, ObjectShape, Slice, Slot, Target, homes};
use crate::row::{Cell, ChildRow};

pub(super) struct Splitter<'a> {
    pub(super) context: &'a SplitContext<'a>,
    pub(super) slots: &'a [Slot],
    pub(super) children: &'a [Child],
    pub(super) out: Vec<u8>,
    pub(super) cells: Vec<Cell>,
    pub(super) reference_ids: Vec<Cell>,
    pub(super) holes: Vec<Hole>,
    pub(super) rows: Vec<Vec<ChildRow>>,
    pub(super) row_holes: Vec<Vec<Vec<Hole>>>,
    pub(super) row_references: Vec<Vec<Vec<Cell>>>,
    pub(super) missing: Vec<Missing>,
    pub(super) mixed: u64,
}

impl<'a> Splitter<'a> {
    pub(super) fn of_map(map: &'a Map, context: &'a SplitContext<'a>, length: usize) -> Self {
        let mut splitter = Self::of_slots(&map.slots, context, length + 96);
        splitter.children = &map.children;
        splitter.rows.resize_with(map.children.len(), Vec::new);
        splitter.row_holes.resize_with(map.children.len(), Vec::new);
        splitter.row_references.resize_with(map.children.len(), Vec::new);
        splitter
    }

    pub(super) fn of_slots(slots: &'a [Slot], context: &'a SplitContext<'a>, length: usize) -> Self {
        Self {
            context,
            slots,
            children: &[],
            out: Vec::with_capacity(length),
            cells: vec![None; slots.len()],
            reference_ids: Vec::new(),
            holes: Vec::with_capacity(8),
            rows: Vec::new(),
            row_holes: Vec::new(),
            row_references: Vec::new(),
            missing: Vec::new(),
            mixed: 0,
        }
    }

    /// The resource.
    pub(super) fn root(&mut self, root: Element<'_>, shape: &'a ObjectShape) {
        let head = Head::of(root);
        let typed = root.member("resourceType").is_some();
        self.out.push(b'{');
        head.after(None, typed, &mut Punch(&mut self.holes), &mut self.out);
        for member in root.children() {
            open_member(member, &mut self.out);
            if member.is_named("id") {
                self.punch(HoleKind::Id);
            } else if member.is_named("meta") {
                self.meta(member, shape);
            } else {
                self.member(root, member, shape, FieldPath::ROOT);
            }
            if !head.is_complete() {
                head.after(member.key().as_deref(), typed, &mut Punch(&mut self.holes), &mut self.out);
            }
        }
        self.out.push(b'}');
    }

    fn meta(&mut self, meta: Element<'_>, shape: &'a ObjectShape) {
        if meta.kind() != Kind::Object {
            return new_meta(&mut Punch(&mut self.holes), &mut self.out);
        }
        let mapped = shape.members.iter().position(|member| member.name == "meta");
        let inner = mapped.and_then(|number| match &shape.members[number].target {
            Target::Object(inner) => Some((inner, FieldPath::ROOT.push(number)?)),
            _ => None,
        });
        self.out.push(b'{');
        for member in meta.children() {
            open_member(member, &mut self.out);
            match (meta_member(member), inner) {
                (Some(kind), _) => self.punch(kind),
                (None, Some((inner, path))) => self.member(meta, member, inner, path),
                (None, None) => minify(&member, &mut self.out),
            }
        }
        complete_meta(meta, &mut Punch(&mut self.holes), &mut self.out);
        self.out.push(b'}');
    }

    /// An object with mapped members.
    pub(super) fn object(&mut self, object: Element<'_>, shape: &'a ObjectShape, path: FieldPath) {
        self.out.push(b'{');
        for member in object.children() {
            open_member(member, &mut self.out);
            self.member(object, member, shape, path);
        }
        self.out.push(b'}');
    }

    /// One member's value, its name being written.
    fn member(&mut self, parent: Element<'_>, value: Element<'_>, shape: &'a ObjectShape, path: FieldPath) {
        let found = super::fields::member_of(shape, value);
        let stepped = found.and_then(|(number, member)| Some((member, path.push(number)?)));
        let Some((Member { target, .. }, path)) = stepped else { return minify(&value, &mut self.out) };
        match (target, value.kind()) {
            (Target::Field(field), _) if !field.slots.is_empty() => self.field(parent, value, field, path),
            (Target::Object(inner), Kind::Object) => self.object(value, inner, path),
            (Target::Slices(slices), Kind::Array) => self.slices(value, slices, path),
            (Target::Children(child), Kind::Array) => self.child_list(parent, value, *child, path),
            _ => minify(&value, &mut self.out),
        }
    }

    /// A list of objects of which some are picked out: each slice's home is the first item that matches it, or
    /// the one that it likes best.
    fn slices(&mut self, list: Element<'_>, slices: &'a [Slice], path: FieldPath) {
        let mut claimed = 0_u64;
        let chosen = slices.iter().any(|slice| slice.selector.prefers()).then(|| {
            let items: Vec<_> = list.children().collect();
            homes(slices, &items, |selector, index, item| super::rank(selector, index, *item))
        });
        self.out.push(b'[');
        for (index, item) in list.children().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let home = match &chosen {
                Some(homes) => homes.get(index).copied().flatten(),
                None => slices.iter().take(64).enumerate().position(|(number, slice)| {
                    claimed & 1 << number == 0 && super::matches(&slice.selector, index, item)
                }),
            };
            if let Some(number) = home {
                claimed |= 1 << number;
            }
            match home.and_then(|number| Some((slices.get(number)?, path.push(number)?))) {
                Some((slice, path)) if item.kind() == Kind::Object => self.object(item, &slice.shape, path),
                _ => minify(&item, &mut self.out),
            }
        }
        self.out.push(b']');
    }

    /// Puts a text at a field's place. False where something else is there already.
    #[inline]
    pub(super) fn put(&mut self, field: &Field, slot: usize, text: Box<str>) -> bool {
        let (Some(declared), Some(cell)) = (self.slots.get(slot), self.cells.get(slot)) else { return false };
        if let Some(there) = view(field, declared, cell) {
            return there == *text;
        }
        if is_filled(field, declared, cell) {
            // Something the field cannot say, which another one put there.
            return false;
        }
        if kind_at(declared) == declared.kind {
            self.cells[slot] = Some(text);
            return true;
        }
        let Some(Some(document)) = json_set(field, cell.as_deref(), Some(&text)) else { return false };
        self.cells[slot] = Some(document);
        true
    }

    /// Marks the place of a value that has left.
    #[inline]
    pub(super) fn leave(&mut self, path: FieldPath, kind: HoleKind, guarded: bool) {
        self.holes.push(Hole { offset: self.out.len() as u32, kind, guarded, path });
        self.out.extend_from_slice(b"null");
    }

    fn punch(&mut self, kind: HoleKind) {
        self.leave(FieldPath::ROOT, kind, false);
    }

    /// Refuses what the table would: texts too long for their columns, columns that may not stay empty.
    pub(super) fn fit(&mut self, map: &Map) -> Result<(), Misfit> {
        for number in 0..self.slots.len() {
            let slot = &self.slots[number];
            if self.is_too_long(number) {
                let reason = "the text is longer than its column; shorten it or widen the column";
                return Err(misfit(map, number, reason));
            }
            if is_retraction(map, slot, &self.cells[number]) {
                return Err(misfit(
                    map,
                    number,
                    "in this table the value marks a row as taken back; it is kept elsewhere",
                ));
            }
            let facet = map.when_slots.contains(&number);
            if self.cells[number].is_some() || !(facet || slot.required && self.is_written(map, slot)) {
                continue;
            }
            if facet {
                return Err(misfit(map, number, "the facet needs this value; send it"));
            }
            if !self.put_default(map, number) {
                return Err(misfit(
                    map,
                    number,
                    "the column refuses NULL; send the element in a form the column can hold",
                ));
            }
        }
        if let Some(first) =
            map.when_one.first().filter(|_| map.when_one.iter().all(|slot| self.cells[*slot].is_none()))
        {
            return Err(misfit(map, *first, "the facet needs this value or another of its columns; send one"));
        }
        Ok(())
    }

    pub(super) fn is_too_long(&self, number: usize) -> bool {
        let (Some(most), Some(text)) = (self.slots[number].max_length, &self.cells[number]) else { return false };
        text.len() > most as usize && text.chars().count() > most as usize
    }

    /// A joined row is written only where it belongs to the main row and has something to say.
    fn is_written(&self, map: &Map, slot: &Slot) -> bool {
        let Some(join) = slot.join else { return slot.writable };
        let same = |(other, cell): (&Slot, &Cell)| other.join == Some(join) && cell.is_some();
        let with = map.joins.get(join).is_some_and(|join| join.write == JoinWrite::With);
        slot.writable && with && self.slots.iter().zip(&self.cells).any(same)
    }

    /// A column that may not be NULL gets the map's default; the resource stays without the element (by the shadow).
    fn put_default(&mut self, map: &Map, number: usize) -> bool {
        let Some((field, _)) = super::fields::of_slot(&map.shape, number) else { return false };
        let Some(default) = &field.default else { return false };
        let kind = kind_at(&self.slots[number]);
        match crate::codec::encode(field, kind, default, &self.context.values) {
            crate::codec::Encoded::Exact(text) | crate::codec::Encoded::Reading(text) => self.put(field, number, text),
            crate::codec::Encoded::Unfit => false,
        }
    }
}

/// Whether a text would make a row of a table that is only appended to a retraction.
fn is_retraction(map: &Map, slot: &Slot, cell: &Cell) -> bool {
    map.append_only.as_ref().is_some_and(|append| {
        slot.join.is_none() && slot.column == append.retracted.0 && cell.as_deref() == Some(append.retracted.1.as_str())
    })
}

fn misfit(map: &Map, number: usize, reason: &'static str) -> Misfit {
    let slot = &map.slots[number];
    let table = slot.join.and_then(|join| map.joins.get(join)).map_or(&map.table, |join| &join.table);
    let path = super::fields::of_slot(&map.shape, number).map(|(_, path)| path).unwrap_or_default();
    let expression = if path.is_empty() { map.resource.clone() } else { format!("{}.{path}", map.resource) };
    Misfit { column: format!("{table}.{}", slot.column), expression, reason }
}
