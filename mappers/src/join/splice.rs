//! The fast path: where nothing has changed the shape of a resource, its residue is copied between the holes.

use super::level::{Joiner, Rows};
use super::{Header, Joined, Stored};
use crate::codec::Context;
use crate::json::write_string;
use crate::map::{Group, Map, ObjectShape};
use crate::row::Cell;
use crate::split::{Hole, HoleKind, HoleTarget, Holes, Shadow, fingerprint};

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
    let residue = stored.residue?;
    let applies = holes.whole
        && is_own_covered(map, holes, stored)
        && stored.shadow.and_then(Shadow::print).is_none_or(|print| print == fingerprint(stored.row))
        && lists_are_whole(map, holes, stored);
    if !applies {
        return None;
    }
    let start = out.len();
    let mut joiner = Joiner::new(&map.slots, &stored.row.cells, stored.reference_ids, context);
    joiner.rows = Some(Rows { map, stored, header });
    let filled = fill(residue, &holes.own, out, |hole, out| match hole.kind {
        HoleKind::Id => {
            write_string(out, header.id);
            true
        }
        HoleKind::VersionId => {
            write_string(out, &header.version.to_string());
            true
        }
        HoleKind::LastUpdated => {
            write_string(out, header.last_updated);
            true
        }
        HoleKind::Field => write_hole(&joiner, hole, &map.shape, out),
        HoleKind::Children => match hole.path.target(&map.shape) {
            Some(HoleTarget::Children(child)) => list(map, holes, stored, child, context, out),
            _ => false,
        },
    });
    if filled.is_none() {
        out.truncate(start);
    }
    filled.map(|()| Joined::default())
}

fn fill(
    residue: &str,
    holes: &[Hole],
    out: &mut Vec<u8>,
    mut value: impl FnMut(&Hole, &mut Vec<u8>) -> bool,
) -> Option<()> {
    let mut done = 0;
    for hole in holes {
        let at = hole.offset as usize;
        out.extend_from_slice(residue.as_bytes().get(done..at)?);
        done = at + 4;
        if !value(hole, out) {
            return None;
        }
    }
    out.extend_from_slice(residue.as_bytes().get(done..)?);
    Some(())
}

fn write_hole(joiner: &Joiner<'_>, hole: &Hole, shape: &ObjectShape, out: &mut Vec<u8>) -> bool {
    hole.field(shape).is_some_and(|(field, _, item)| joiner.write(field, "reference", item, out))
}

fn list(map: &Map, holes: &Holes, stored: &Stored<'_>, child: usize, context: &Context<'_>, out: &mut Vec<u8>) -> bool {
    let of = &map.children[child];
    out.push(b'[');
    for (number, (row, holes)) in stored.row.children[child].iter().zip(&holes.children[child]).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let ids =
            stored.child_reference_ids.get(child).and_then(|rows| rows.get(number)).map_or(&[][..], Vec::as_slice);
        let joiner = Joiner::new(&of.slots, &row.cells, ids, context);
        let written = match &row.residue {
            Some(residue) => fill(residue, holes, out, |hole, out| write_hole(&joiner, hole, &of.shape, out)).is_some(),
            None => super::write_item(
                of,
                &super::ItemRow { cells: &row.cells, reference_ids: ids, residue: None },
                context,
                out,
            ),
        };
        if !written {
            return false;
        }
    }
    out.push(b']');
    true
}

fn is_own_covered(map: &Map, holes: &Holes, stored: &Stored<'_>) -> bool {
    let (cells, mut spoken) = (&stored.row.cells, [0; 4]);
    map.slots.len() <= 256
        && stored.shadow.is_none_or(|shadow| shadow.holds(&map.slots, &map.joins, cells, &mut spoken))
        && is_covered(&map.shape, &map.groups, &holes.own, cells, &spoken)
}

/// Whether every text in a column is one that a hole reads or that the shadow holds, and no other.
fn is_covered(shape: &ObjectShape, groups: &[Group], holes: &[Hole], cells: &[Cell], spoken: &[u64; 4]) -> bool {
    let mut holed = [0_u64; 4];
    for hole in holes.iter().filter(|hole| hole.kind == HoleKind::Field) {
        let Some((field, _, item)) = hole.field(shape) else { return false };
        for slot in item.map_or(&field.slots[..], |item| &field.slots[item..=item]) {
            holed[slot / 64] |= 1 << (slot % 64);
        }
    }
    let has = |set: &[u64; 4], slot: usize| set[slot / 64] & 1 << (slot % 64) != 0;
    let mut grouped = groups.iter().flat_map(|group| &group.slots);
    grouped.all(|slot| cells[*slot].is_none() || has(spoken, *slot))
        && cells.iter().enumerate().all(|(slot, cell)| cell.is_none() || has(&holed, slot) || has(spoken, slot))
}

fn lists_are_whole(map: &Map, holes: &Holes, stored: &Stored<'_>) -> bool {
    map.children.iter().zip(&holes.children).zip(&stored.row.children).all(|((child, holes), rows)| {
        let ordered = rows.windows(2).all(|pair| pair[0].position < pair[1].position);
        let row = |at: usize| {
            let mut spoken = [0; 4];
            stored.shadow.is_none_or(|shadow| shadow.holds_row(child, rows, at, &mut spoken))
                && (rows[at].residue.is_none()
                    || is_covered(&child.shape, &child.groups, &holes[at], &rows[at].cells, &spoken))
        };
        child.slots.len() <= 256 && rows.len() == holes.len() && ordered && (0..rows.len()).all(row)
    })
}
