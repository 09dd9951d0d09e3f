//! The keep rule: a column whose text already says the new value is not touched, so that writing back what was read
//! changes nothing, however another program spells it.

use super::fields::walk;
use super::hole::Hole;
use super::restore::{Level, restore};
use super::{Split, shadow};
use crate::codec::{Context, json_set, kind_at, view};
use crate::join::{Stored, write_field};
use crate::map::{Child, Codec, Field, Map, ObjectShape, Slot};
use crate::row::{Cell, ChildRow};

/// Gives the split the existing row's texts wherever they mean the same, and the keys of the child rows it replaces.
pub fn keep(map: &Map, split: &mut Split, existing: &Stored<'_>, context: &Context<'_>) {
    keep_missing(map, split, existing, context);
    keep_silence(map, split, existing, context);
    let kept = kept_cells(
        &own_level(map, split),
        &Level {
            slots: &map.slots,
            shape: &map.shape,
            cells: &existing.row.cells,
            reference_ids: existing.reference_ids,
        },
        context,
    );
    split.row.cells = kept;
    for number in 0..map.children.len().min(existing.row.children.len()) {
        keep_rows(map, split, existing, number, context);
    }
    split.shadow = shadow::of(map, &split.holes, &split.row, &[]);
}

/// A key of a row that is not there stays in the column that had it, and goes into no other: what a client said there is text.
fn keep_missing(map: &Map, split: &mut Split, existing: &Stored<'_>, context: &Context<'_>) {
    let may_be_empty = |slot: usize| !map.slots[slot].required && !map.when_slots.contains(&slot);
    let missing = missing_of(split, None).filter(|slot| may_be_empty(*slot)).collect();
    let (fillings, slots) = unfounded(missing, &own_level(map, split), &existing.row.cells, &split.holes.own, context);
    for slot in slots {
        (split.row.cells[slot], split.reference_ids[slot]) = (None, None);
    }
    if !fillings.is_empty() {
        (split.residue, split.holes.own) = restore(&split.residue, &split.holes.own, &fillings);
    }
}

fn missing_of(split: &Split, row: Option<(usize, usize)>) -> impl Iterator<Item = usize> + '_ {
    split.missing.iter().filter(move |missing| missing.row == row).map(|missing| missing.slot)
}

/// Holes (by number) whose value is the key of a row that is not there and was not in its column before, with that value, and
/// the slots of them.
fn unfounded(
    mut missing: Vec<usize>,
    new: &Level<'_>,
    old: &[Cell],
    holes: &[Hole],
    context: &Context<'_>,
) -> (Vec<(usize, Vec<u8>)>, Vec<usize>) {
    missing.retain(|slot| old.get(*slot) != Some(&new.cells[*slot]));
    if missing.is_empty() {
        return (Vec::new(), missing);
    }
    let mut fillings = Vec::new();
    for (number, hole) in holes.iter().enumerate() {
        let Some((field, _, item)) = hole.field(new.shape) else { continue };
        let places = field.slots.iter().enumerate().filter(|(at, _)| item.is_none_or(|item| item == *at));
        let slots: Vec<usize> = places.map(|(_, slot)| *slot).filter(|slot| missing.contains(slot)).collect();
        match new.filling(hole, context).filter(|_| !slots.is_empty()) {
            Some(value) => fillings.push((number, value)),
            None => missing.retain(|slot| !slots.contains(slot)),
        }
    }
    (fillings, missing)
}

/// A value that only the map's default gave, or that says that a required element is unknown, stays out of its column: the
/// column said nothing, and goes on saying it. (Once the row has been read, the residue says it too.)
fn keep_silence(map: &Map, split: &mut Split, existing: &Stored<'_>, context: &Context<'_>) {
    if existing.row.cells.len() != map.slots.len() {
        return;
    }
    let new = own_level(map, split);
    let old = Level { cells: &existing.row.cells, reference_ids: existing.reference_ids, ..new };
    let (fillings, slots) = silence(&new, &old, &split.holes.own, context);
    for slot in slots {
        split.row.cells[slot].clone_from(&existing.row.cells[slot]);
    }
    if !fillings.is_empty() {
        (split.residue, split.holes.own) = restore(&split.residue, &split.holes.own, &fillings);
    }
}

/// Holes (by number) whose value says no more than the old cells did, with that value, and the slots of them.
fn silence(
    new: &Level<'_>,
    old: &Level<'_>,
    holes: &[Hole],
    context: &Context<'_>,
) -> (Vec<(usize, Vec<u8>)>, Vec<usize>) {
    let (mut fillings, mut slots) = (Vec::new(), Vec::new());
    for (number, hole) in holes.iter().enumerate() {
        let Some((field, _, _)) = hole.field(new.shape) else { continue };
        let known = [field.default.as_ref(), field.absent.as_ref()];
        if known.iter().all(Option::is_none) {
            continue;
        }
        let others = holes.iter().enumerate().filter(|(other, _)| *other != number);
        let mut others = others.filter_map(|(_, other)| other.field(new.shape));
        let shared = others.any(|(other, _, _)| other.slots.iter().any(|slot| field.slots.contains(slot)));
        let Some(value) = new.filling(hole, context).filter(|_| !shared) else { continue };
        let silent = known.into_iter().flatten().any(|text| value == text.as_bytes());
        if silent && old.filling(hole, context).is_none() {
            fillings.push((number, value));
            slots.extend(&field.slots);
        }
    }
    (fillings, slots)
}

fn own_level<'a>(map: &'a Map, split: &'a Split) -> Level<'a> {
    Level { slots: &map.slots, shape: &map.shape, cells: &split.row.cells, reference_ids: &split.reference_ids }
}

/// The new cells, or the existing ones where every field that reads them reads the same.
fn kept_cells(new: &Level<'_>, old: &Level<'_>, context: &Context<'_>) -> Vec<Cell> {
    let mut cells = new.cells.to_vec();
    if old.cells.len() != cells.len() || old.cells == new.cells {
        return cells;
    }
    let mut same = vec![true; cells.len()];
    walk(new.shape, &mut |field| {
        if field.list && matches!(field.codec, Codec::Reference) {
            // Items of such a list leave one by one, each to the column of its place.
            for (item, slot) in field.slots.iter().enumerate() {
                same[*slot] &= value_of(field, Some(item), new, context) == value_of(field, Some(item), old, context);
            }
        } else if !says_the_same(field, new, old, context) {
            field.slots.iter().for_each(|slot| same[*slot] = false);
        }
    });
    for (slot, cell) in cells.iter_mut().enumerate() {
        if kind_at(&new.slots[slot]) != new.slots[slot].kind {
            if let Some(document) = merged(slot, new, old, context) {
                *cell = document;
            }
        } else if same[slot] {
            cell.clone_from(&old.cells[slot]);
        }
    }
    cells
}

fn says_the_same(field: &Field, new: &Level<'_>, old: &Level<'_>, context: &Context<'_>) -> bool {
    if field.slots.iter().all(|slot| new.cells[*slot] == old.cells[*slot]) {
        return true;
    }
    value_of(field, None, new, context) == value_of(field, None, old, context)
}

fn value_of(field: &Field, item: Option<usize>, level: &Level<'_>, context: &Context<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    write_field(field, false, item, level.slots, level.cells, level.reference_ids, context, &mut out).then_some(out)
}

/// The existing JSON document with the mapped members that changed; all else in it is another program's.
fn merged(slot: usize, new: &Level<'_>, old: &Level<'_>, context: &Context<'_>) -> Option<Cell> {
    let mut document = old.cells[slot].clone();
    document.as_ref()?;
    let mut sound = true;
    // The rest of an object is what is left when all others have spoken.
    for last in [false, true] {
        walk(new.shape, &mut |field| {
            let rest = matches!(field.codec, Codec::Rest(_));
            if rest != last || !field.slots.contains(&slot) || says_the_same(field, new, old, context) {
                return;
            }
            let text = view(field, &new.slots[slot], &new.cells[slot]);
            match json_set(field, document.as_deref(), text.as_deref()) {
                Some(changed) => document = changed,
                None => sound = false,
            }
        });
    }
    sound.then_some(document)
}

/// Child rows: each new one takes over an existing row that says the same, else the next one left.
fn keep_rows(map: &Map, split: &mut Split, existing: &Stored<'_>, number: usize, context: &Context<'_>) {
    let child = &map.children[number];
    let old_rows = &existing.row.children[number];
    let mut order: Vec<usize> = (0..old_rows.len()).collect();
    order.sort_by_key(|row| old_rows[*row].position);
    let count = split.row.children[number].len();
    let mut taken: Vec<Option<usize>> = vec![None; count];
    for (index, place) in taken.iter_mut().enumerate() {
        let same =
            |old: &usize| candidate(child, split, existing, (number, index, *old), context).0 == old_rows[*old].cells;
        *place = order.iter().position(same).map(|at| order.remove(at));
    }
    for place in taken.iter_mut().filter(|place| place.is_none()) {
        *place = (!order.is_empty()).then(|| order.remove(0));
    }
    let places = kept_positions(&split.holes, number, &taken, old_rows);
    for (index, old) in taken.iter().enumerate() {
        let (cells, fillings) = match *old {
            Some(old) => candidate(child, split, existing, (number, index, old), context),
            None => founded(child, split, (number, index), &[], context),
        };
        let row = &mut split.row.children[number][index];
        row.cells = cells;
        if let Some(old) = *old {
            row.key.clone_from(&old_rows[old].key);
        }
        if let Some(places) = &places {
            row.position = places[index];
        }
        if let Some(residue) = row.residue.as_ref().filter(|_| !fillings.is_empty()) {
            let holes = &mut split.holes.children[number][index];
            let (residue, left) = restore(residue, holes, &fillings);
            (row.residue, *holes) = (Some(residue), left);
        }
    }
}

/// The cells that a new child row has if it takes over an existing one, and what stays in its residue because the existing
/// one says nothing for it. Without a residue an empty column says what the item says.
fn candidate(
    child: &Child,
    split: &Split,
    existing: &Stored<'_>,
    (number, index, old): (usize, usize, usize),
    context: &Context<'_>,
) -> (Vec<Cell>, Vec<(usize, Vec<u8>)>) {
    let old_row = &existing.row.children[number][old];
    let before =
        child_level(&child.slots, &child.shape, &old_row.cells, ids_of(existing.child_reference_ids, number, old));
    let (mut cells, mut fillings) = founded(child, split, (number, index), before.cells, context);
    let new = child_level(&child.slots, &child.shape, &cells, ids_of(&split.child_reference_ids, number, index));
    let mut kept = cells.clone();
    if before.cells.len() == cells.len() {
        let (filled, slots) = silence(&new, &before, holes_of(split, number, index), context);
        slots.into_iter().for_each(|slot| kept[slot].clone_from(&before.cells[slot]));
        fillings.extend(filled);
        fillings.sort_unstable_by_key(|(hole, _)| *hole);
    }
    cells = kept_cells(&Level { cells: &kept, ..new }, &before, context);
    (cells, fillings)
}

/// A new child row's cells without keys of rows that are not there and that the row it takes over (none: empty) does not have.
fn founded(
    child: &Child,
    split: &Split,
    (number, index): (usize, usize),
    old: &[Cell],
    context: &Context<'_>,
) -> (Vec<Cell>, Vec<(usize, Vec<u8>)>) {
    let row = &split.row.children[number][index];
    let mut cells = row.cells.clone();
    // Without a residue nothing else can say what the item says.
    let may_be_empty = |slot: &usize| !child.slots[*slot].required && row.residue.is_some();
    let missing = missing_of(split, Some((number, index))).filter(may_be_empty).collect();
    let new = child_level(&child.slots, &child.shape, &row.cells, ids_of(&split.child_reference_ids, number, index));
    let (fillings, slots) = unfounded(missing, &new, old, holes_of(split, number, index), context);
    slots.into_iter().for_each(|slot| cells[slot] = None);
    (cells, fillings)
}

fn ids_of(ids: &[Vec<Vec<Cell>>], number: usize, at: usize) -> &[Cell] {
    ids.get(number).and_then(|rows| rows.get(at)).map_or(&[], Vec::as_slice)
}

fn holes_of(split: &Split, number: usize, index: usize) -> &[Hole] {
    split.holes.children.get(number).and_then(|rows| rows.get(index)).map_or(&[][..], Vec::as_slice)
}

fn child_level<'a>(
    slots: &'a [Slot],
    shape: &'a ObjectShape,
    cells: &'a [Cell],
    reference_ids: &'a [Cell],
) -> Level<'a> {
    Level { slots, shape, cells, reference_ids }
}

/// The existing positions, where they give the same order: no item stands among the rows as a literal, and every row
/// takes over an existing one (rows at one position keep the order in which the store gives them).
fn kept_positions(
    holes: &super::Holes,
    number: usize,
    taken: &[Option<usize>],
    old_rows: &[ChildRow],
) -> Option<Vec<i64>> {
    if holes.mixed & 1 << number.min(63) != 0 || holes.children.get(number).is_none_or(Vec::is_empty) {
        return None;
    }
    let rows = taken.iter().copied().collect::<Option<Vec<_>>>()?;
    let ascending = rows.windows(2).all(|pair| {
        let place = |row: usize| (old_rows[row].position, row);
        place(pair[0]) < place(pair[1])
    });
    ascending.then(|| rows.iter().map(|row| old_rows[*row].position).collect())
}
