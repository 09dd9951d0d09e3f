//! Lists kept as child rows: rows and literal items merged by position, literal first.

use super::columns::Mode;
use super::level::{Joiner, Left, Outcome};
use super::residue::{Place, Seen, separate};
use super::scan::{Corrupt, Scan};
use crate::codec::Context;
use crate::map::{Child, Target};
use crate::row::{Cell, ChildRow};

/// A child row by itself.
pub(crate) struct ItemRow<'a> {
    pub(crate) cells: &'a [Cell],
    pub(crate) reference_ids: &'a [Cell],
    pub(crate) residue: Option<&'a str>,
}

/// Appends the item that a child row gives, with nothing but the row to go by.
pub(crate) fn write_item(child: &Child, row: &ItemRow<'_>, context: &Context<'_>, out: &mut Vec<u8>) -> bool {
    let mut joiner = Joiner::new(&child.slots, row.cells, row.reference_ids, context);
    joiner.item(child, row.residue, out)
}

/// An item of the merged list.
enum Item<'r> {
    Literal(&'r str),
    Row(usize),
}

impl<'a> Joiner<'a> {
    /// The whole list. `list`: the residue's array or `null`; `None` where the residue has no such member.
    pub(super) fn child_list(&mut self, number: usize, list: Option<&str>, out: &mut Vec<u8>) -> Outcome {
        let Some(rows) = self.rows else { return Ok(Left::NOTHING) };
        let empty = Vec::new();
        let Some(child) = rows.map.children.get(number) else { return Ok(Left::NOTHING) };
        let held = rows.stored.row.children.get(number).unwrap_or(&empty);
        let items = merged(child, held, list)?;
        let start = out.len();
        out.push(b'[');
        let mut dropped = list.is_some();
        for item in items {
            let before = out.len();
            separate(start, out);
            let written = match item {
                Item::Literal(text) => {
                    out.extend_from_slice(text.as_bytes());
                    true
                }
                Item::Row(row) => self.child_row(child, number, row, held, out),
            };
            if !written {
                out.truncate(before);
            }
        }
        if list == Some("[]") {
            dropped = false;
        }
        if out.len() == start + 1 && (dropped || list.is_none()) {
            out.truncate(start);
            return Ok(if dropped { Left::DROPPED } else { Left::NOTHING });
        }
        out.push(b']');
        Ok(Left::STRONG)
    }

    pub(super) fn child_row(
        &mut self,
        child: &'a Child,
        number: usize,
        at: usize,
        held: &[ChildRow],
        out: &mut Vec<u8>,
    ) -> bool {
        let row = &held[at];
        let Some(rows) = self.rows else { return false };
        let ids = rows.stored.child_reference_ids.get(number).and_then(|of| of.get(at)).map_or(&[][..], Vec::as_slice);
        let mut joiner = Joiner::new(&child.slots, &row.cells, ids, self.context);
        let shadow = rows.stored.shadow.and_then(|shadow| shadow.expected_row(child, held, at));
        if let Some((expected, item)) = shadow {
            joiner.expected = expected;
            let unchanged =
                || row.cells.iter().enumerate().all(|(slot, cell)| cell.as_deref() == joiner.expected.column(slot));
            if let Some(text) = item.filter(|_| row.residue.is_none() && unchanged()) {
                out.extend_from_slice(text.as_bytes());
                return true;
            }
        }
        if row.residue.is_some() {
            joiner.fell(&child.groups, &child.shape);
        }
        let written = joiner.item(child, row.residue.as_deref(), out);
        let joined = joiner.joined(&child.groups);
        self.changed |= joined.changed;
        for name in joined.flagged {
            if !self.flagged.contains(&name) {
                self.flagged.push(name);
            }
        }
        written
    }

    fn item(&mut self, child: &Child, residue: Option<&str>, out: &mut Vec<u8>) -> bool {
        if let [member] = &child.shape.members[..]
            && member.name.is_empty()
            && let Target::Field(field) = &member.target
        {
            return self.write(field, false, None, out);
        }
        let start = out.len();
        if let Some(residue) = residue {
            let mut scan = Scan::new(residue);
            match self.object(&mut scan, &child.shape, &[], Place::Item, out) {
                Ok(left) if scan.is_done() => {
                    if left.dropped && !left.strong {
                        out.truncate(start);
                        return false;
                    }
                    return true;
                }
                _ => (self.changed, self.fallen) = (true, 0),
            }
            out.truncate(start);
        }
        self.expected = crate::split::Expected::default();
        out.push(b'{');
        let left = self.column_members(&child.shape, &Seen::default(), Mode::Foreign, true, out);
        out.push(b'}');
        if !left.strong {
            out.truncate(start);
        }
        left.strong
    }
}

/// Rows and literal items in the order they are read: by position, literal first, then as the store gave them.
fn merged<'r>(child: &Child, rows: &[ChildRow], list: Option<&'r str>) -> Result<Vec<Item<'r>>, Corrupt> {
    let mut places = Vec::new();
    let mut gaps = Vec::new();
    if let Some(list) = list.filter(|list| list.starts_with('[')) {
        let mut scan = Scan::new(list);
        let (mut first, mut index) = (true, 0);
        scan.expect(b'[')?;
        while scan.more(&mut first, b']')? {
            if scan.null() {
                gaps.push(index);
            } else {
                places.push((index, Item::Literal(scan.value()?)));
            }
            index += 1;
        }
    }
    if places.is_empty() && gaps.is_empty() && (child.order.is_none() || rows.is_sorted_by_key(|row| row.position)) {
        return Ok((0..rows.len()).map(Item::Row).collect());
    }
    for (number, row) in rows.iter().enumerate() {
        // Without a column for the position, rows fill the gaps in the order the store gives them.
        let position = if child.order.is_some() { row.position } else { gaps.get(number).copied().unwrap_or(i64::MAX) };
        places.push((position, Item::Row(number)));
    }
    places.sort_by_key(|(position, item)| (*position, matches!(item, Item::Row(_))));
    Ok(places.into_iter().map(|(_, item)| item).collect())
}
