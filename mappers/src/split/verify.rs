//! The verify rule: databases rewrite what they are given (`numeric(5,1)` makes 98.65 into 98.7). What did not come
//! back as meant goes into the residue, and the shadow becomes what the database holds.

use super::restore::{Level, restore};
use super::shadow::Literal;
use super::{Holes, Shadow, Split, shadow};
use crate::codec::Context;
use crate::join::{ItemRow, write_item};
use crate::map::Map;
use crate::row::{Cell, ChildRow, Row};

/// What must be stored instead, after a look at what the database made of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Amended {
    /// The resource's residue.
    pub residue: Box<str>,
    /// Its shadow.
    pub shadow: Option<Shadow>,
    /// Child rows whose residue changed.
    pub rows: Vec<AmendedRow>,
}

/// A child row with another residue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AmendedRow {
    /// Index into `Map::children`.
    pub child: usize,
    /// Index into that child's rows, as [`Split::row`] has them.
    pub row: usize,
    /// The row's residue.
    pub residue: Box<str>,
}

/// Compares what a write returned (raw canonical texts; child rows in the order they were given) with what was meant.
/// `None`: all came back as meant.
#[must_use]
pub fn verify(map: &Map, split: &Split, returned: &Row, context: &Context<'_>) -> Option<Amended> {
    if is_as_meant(&split.row, returned) {
        return None;
    }
    let meant =
        Level { slots: &map.slots, shape: &map.shape, cells: &split.row.cells, reference_ids: &split.reference_ids };
    let lost = losses(&meant, &split.holes.own, &returned.cells, context);
    let (residue, own) = restore(&split.residue, &split.holes.own, &lost);
    let mut amended = Amended { residue, shadow: None, rows: Vec::new() };
    let mut holes = Holes { own, children: split.holes.children.clone(), ..split.holes };
    let mut held = Row { cells: returned.cells.clone(), children: split.row.children.clone() };
    let mut literals = Vec::new();
    for (child, rows) in split.row.children.iter().enumerate() {
        for (number, row) in rows.iter().enumerate() {
            let Some(back) = returned.children.get(child).and_then(|rows| rows.get(number)) else { continue };
            held.children[child][number].cells.clone_from(&back.cells);
            let place = (child, number);
            verify_row(map, split, place, row, back, context, &mut holes, &mut amended, &mut literals);
        }
    }
    for row in &amended.rows {
        held.children[row.child][row.row].residue = Some(row.residue.clone());
    }
    amended.shadow = shadow::of(map, &holes, &held, &literals);
    let changed = amended.shadow != split.shadow || *amended.residue != *split.residue || !amended.rows.is_empty();
    changed.then_some(amended)
}

fn is_as_meant(meant: &Row, returned: &Row) -> bool {
    let rows = |row: &Row| row.children.iter().map(Vec::len).collect::<Vec<_>>();
    meant.cells == returned.cells
        && rows(meant) == rows(returned)
        && meant
            .children
            .iter()
            .flatten()
            .zip(returned.children.iter().flatten())
            .all(|(meant, back)| meant.cells == back.cells)
}

/// Holes (by number) whose value the returned cells do not give, with that value.
fn losses(meant: &Level<'_>, holes: &[super::Hole], returned: &[Cell], context: &Context<'_>) -> Vec<(usize, Vec<u8>)> {
    let got = Level { cells: returned, ..*meant };
    let lost = |(number, hole): (usize, &super::Hole)| {
        let (field, _, item) = hole.field(meant.shape)?;
        let mut slots = field.slots.iter().enumerate().filter(|(at, _)| item.is_none_or(|item| item == *at));
        if slots.all(|(_, slot)| meant.cells[*slot] == returned[*slot]) {
            return None;
        }
        let value = meant.filling(hole, context)?;
        // A reference's id belongs to the key that was written; another key is another row.
        let same =
            meant.slots[field.slots[0]].reference.is_none() && got.filling(hole, context).as_ref() == Some(&value);
        (!same).then_some((number, value))
    };
    holes.iter().enumerate().filter_map(lost).collect()
}

#[allow(clippy::too_many_arguments)]
fn verify_row(
    map: &Map,
    split: &Split,
    (child, number): (usize, usize),
    row: &ChildRow,
    back: &ChildRow,
    context: &Context<'_>,
    holes: &mut Holes,
    amended: &mut Amended,
    literals: &mut Vec<Literal>,
) {
    if row.cells == back.cells {
        return;
    }
    let of = &map.children[child];
    let ids = split.child_reference_ids.get(child).and_then(|rows| rows.get(number)).map_or(&[][..], Vec::as_slice);
    if let Some(residue) = &row.residue {
        let meant = Level { slots: &of.slots, shape: &of.shape, cells: &row.cells, reference_ids: ids };
        let lost = losses(&meant, &split.holes.children[child][number], &back.cells, context);
        if !lost.is_empty() {
            let (residue, left) = restore(residue, &split.holes.children[child][number], &lost);
            holes.children[child][number] = left;
            amended.rows.push(AmendedRow { child, row: number, residue });
        }
        return;
    }
    let item = |cells: &[Cell]| {
        let mut out = Vec::new();
        write_item(of, &ItemRow { cells, reference_ids: ids, residue: None }, context, &mut out);
        super::text(out)
    };
    let meant = item(&row.cells);
    if meant != item(&back.cells) {
        literals.push((child, number, meant));
    }
}
