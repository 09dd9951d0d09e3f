//! Lists kept as child rows: an item is a row if something of it leaves, else it stays at its index.

use super::Missing;
use super::accept::carries_constants;
use super::hole::{FieldPath, HoleKind};
use super::level::Splitter;
use crate::join::{ItemRow, write_item};
use crate::json::{Element, Kind, minify, minify_value};
use crate::map::{Child, Target};
use crate::row::ChildRow;

impl<'a> Splitter<'a> {
    pub(super) fn child_list(&mut self, parent: Element<'_>, list: Element<'_>, number: usize, path: FieldPath) {
        let children = self.children;
        let primitive = |child: &Child| is_primitive(child) && super::fields::has_sibling(parent, list);
        let Some(child) = children.get(number).filter(|child| !primitive(child)) else {
            return minify(&list, &mut self.out);
        };
        // A list that occurs twice (under two slices) has its rows at its first place.
        if !self.rows[number].is_empty() {
            return minify(&list, &mut self.out);
        }
        let start = self.out.len();
        let mut literal = list.is_empty();
        let mut scratch = Vec::new();
        self.out.push(b'[');
        for (index, item) in list.children().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            if self.child_row(child, number, index, item, &mut scratch) {
                self.out.extend_from_slice(b"null");
            } else {
                literal = true;
                minify(&item, &mut self.out);
            }
        }
        self.out.push(b']');
        if !literal {
            self.out.truncate(start);
            self.leave(path, HoleKind::Children, false);
        } else if !self.rows[number].is_empty() {
            self.mixed |= 1 << number.min(63);
        }
    }

    /// Makes an item a row. False where it is none.
    fn child_row(
        &mut self,
        child: &'a Child,
        number: usize,
        index: usize,
        item: Element<'_>,
        scratch: &mut Vec<u8>,
    ) -> bool {
        let mut level = Splitter::of_slots(&child.slots, self.context, 0);
        // All items of a list are taken apart in one buffer.
        level.out = std::mem::take(scratch);
        level.out.clear();
        let row = self.item_row(child, index, item, &mut level);
        *scratch = level.out;
        let Some(row) = row else { return false };
        let at = Some((number, self.rows[number].len()));
        self.missing.extend(level.missing.iter().map(|missing| Missing { row: at, ..*missing }));
        self.rows[number].push(row);
        self.row_holes[number].push(level.holes);
        self.row_references[number].push(level.reference_ids);
        true
    }

    fn item_row(&self, child: &'a Child, index: usize, item: Element<'_>, level: &mut Self) -> Option<ChildRow> {
        match &child.shape.members[..] {
            [member] if member.name.is_empty() => {
                let (Target::Field(field), false) = (&member.target, item.is_null()) else { return None };
                let path = FieldPath::ROOT.push(0).filter(|_| !field.slots.is_empty())?;
                level.primitive(item, field, path);
            }
            _ if item.kind() == Kind::Object && carries_constants(&child.shape, item) => {
                level.object(item, &child.shape, FieldPath::ROOT);
            }
            _ => return None,
        }
        let empty =
            |slot: usize| child.slots[slot].required && child.slots[slot].writable && level.cells[slot].is_none();
        let unfit = (0..child.slots.len()).any(|slot| empty(slot) || level.is_too_long(slot));
        if level.holes.is_empty() || unfit {
            return None;
        }
        let residue = match child.residue {
            _ if is_primitive(child) => None,
            Some(_) => Some(std::str::from_utf8(&level.out).unwrap_or_default().into()),
            None if level.is_bare(child, item) => None,
            None => return None,
        };
        Some(ChildRow { key: None, position: index as i64, cells: std::mem::take(&mut level.cells), residue })
    }

    /// Whether the cells alone say the whole item.
    fn is_bare(&self, child: &Child, item: Element<'_>) -> bool {
        let mut out = Vec::with_capacity(item.raw().len());
        let row = ItemRow { cells: &self.cells, reference_ids: &self.reference_ids, residue: None };
        write_item(child, &row, &self.context.values, &mut out);
        out == minify_value(&item)
    }
}

/// The list holds primitives.
pub(super) fn is_primitive(child: &Child) -> bool {
    matches!(&child.shape.members[..], [member] if member.name.is_empty())
}
