//! The fast path: where nothing has changed the shape of a resource, its residue is copied between the holes.

use super::level::Joiner;
use super::{Header, Joined, Stored};
use crate::codec::Context;
use crate::json::write_string;
use crate::map::{Group, Map, ObjectShape};
use crate::row::Cell;
use crate::split::{Hole, HoleKind, HoleTarget, Holes, RowCursor, Shadow, fingerprint};

/// A set of slots; larger rows take the whole join.
type Marks = [u64; 4];
const MOST_SLOTS: usize = 256;

/// [`super::join`] with the offsets of the holes at hand. `None`, with nothing appended, where columns have changed
/// in a way that needs the whole join.
pub fn splice(
    map: &Map,
    holes: &Holes,
    stored: &Stored<'_>,
    header: &Header<'_>,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Option<Joined> {
    let start = out.len();
    let print = stored.shadow.and_then(Shadow::print);
    // What a list holds depends on rows of other tables.
    if !map.lists.is_empty() {
        return None;
    }
    let told = print.is_none_or(|print| print == fingerprint(stored.row));
    if told && resource(map, holes, stored, header, context, out).is_some() {
        return Some(Joined::default());
    }
    out.truncate(start);
    None
}

fn resource(
    map: &Map,
    holes: &Holes,
    stored: &Stored<'_>,
    header: &Header<'_>,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let residue = stored.residue?;
    let cells = &stored.row.cells;
    let mut spoken = Marks::default();
    let held = stored.shadow.is_none_or(|shadow| shadow.holds(&map.slots, &map.joins, cells, &mut spoken));
    if holes.mixed != 0 || map.slots.len() > MOST_SLOTS || !held {
        return None;
    }
    let joiner = Joiner::new(&map.slots, cells, stored.reference_ids, context);
    let mut lists = Lists { map, holes, stored, context, rows: 0 };
    let holed = fill(residue, &holes.own, &map.shape, &joiner, out, |hole, out| {
        match hole.kind {
            HoleKind::Id => write_string(out, header.id),
            HoleKind::VersionId => write_version(header.version, out),
            HoleKind::LastUpdated => write_string(out, header.last_updated),
            HoleKind::Field => {}
            HoleKind::Children => {
                let Some(HoleTarget::Children(child)) = hole.path.target(&map.shape) else { return None };
                lists.list(child, out)?;
            }
        }
        Some(())
    })?;
    // Rows that no hole asks for are new.
    let every = stored.row.children.iter().map(Vec::len).sum::<usize>() == lists.rows;
    (every && is_covered(&map.groups, cells, &holed, &spoken)).then_some(())
}

fn write_version(version: i64, out: &mut Vec<u8>) {
    if (0..10).contains(&version) {
        return out.extend_from_slice(&[b'"', b'0' + version as u8, b'"']);
    }
    write_string(out, &version.to_string());
}

/// Copies the residue and fills its holes; returns the slots that were read. `other`: what is no field.
fn fill(
    residue: &str,
    holes: &[Hole],
    shape: &ObjectShape,
    joiner: &Joiner<'_>,
    out: &mut Vec<u8>,
    mut other: impl FnMut(&Hole, &mut Vec<u8>) -> Option<()>,
) -> Option<Marks> {
    let (mut holed, mut done) = (Marks::default(), 0);
    for hole in holes {
        let at = hole.offset as usize;
        out.extend_from_slice(residue.as_bytes().get(done..at)?);
        done = at + 4;
        if hole.kind != HoleKind::Field {
            other(hole, out)?;
            continue;
        }
        let (field, _, item) = hole.field(shape)?;
        for slot in item.map_or(&field.slots[..], |item| &field.slots[item..=item]) {
            holed[slot / 64] |= 1 << (slot % 64);
        }
        if !joiner.write(field, true, item, out) {
            return None;
        }
    }
    out.extend_from_slice(residue.as_bytes().get(done..)?);
    Some(holed)
}

/// The lists of a resource, in the order of its holes.
struct Lists<'a> {
    map: &'a Map,
    holes: &'a Holes,
    stored: &'a Stored<'a>,
    context: &'a Context<'a>,
    rows: usize,
}

impl Lists<'_> {
    fn list(&mut self, child: usize, out: &mut Vec<u8>) -> Option<()> {
        let (of, rows, holes) =
            (&self.map.children[child], self.stored.row.children.get(child)?, &self.holes.children[child]);
        let ordered = rows.windows(2).all(|pair| pair[0].position < pair[1].position);
        if rows.len() != holes.len() || !ordered || of.slots.len() > MOST_SLOTS {
            return None;
        }
        self.rows += rows.len();
        let mut cursor = RowCursor::new(self.stored.shadow, of);
        out.push(b'[');
        for (number, (row, holes)) in rows.iter().zip(holes).enumerate() {
            if number > 0 {
                out.push(b',');
            }
            let mut spoken = Marks::default();
            if !cursor.holds(of, row, &mut spoken) {
                return None;
            }
            let ids = self.stored.child_reference_ids.get(child).and_then(|rows| rows.get(number));
            let ids = ids.map_or(&[][..], Vec::as_slice);
            let Some(residue) = &row.residue else {
                let item = super::ItemRow { cells: &row.cells, reference_ids: ids, residue: None };
                if !super::write_item(of, &item, self.context, out) {
                    return None;
                }
                continue;
            };
            let joiner = Joiner::new(&of.slots, &row.cells, ids, self.context);
            let holed = fill(residue, holes, &of.shape, &joiner, out, |_, _| None)?;
            if !is_covered(&of.groups, &row.cells, &holed, &spoken) {
                return None;
            }
        }
        out.push(b']');
        cursor.is_done().then_some(())
    }
}

/// Whether every text in a column is one that a hole reads or that the shadow holds, and no other.
fn is_covered(groups: &[Group], cells: &[Cell], holed: &Marks, spoken: &Marks) -> bool {
    let has = |set: &Marks, slot: usize| set[slot / 64] & 1 << (slot % 64) != 0;
    let mut grouped = groups.iter().flat_map(|group| &group.slots);
    grouped.all(|slot| cells[*slot].is_none() || has(spoken, *slot))
        && cells.iter().enumerate().all(|(slot, cell)| cell.is_none() || has(holed, slot) || has(spoken, slot))
}
