//! What is wrong with columns: words that no code stands for, texts that are no value, keys that lead somewhere.

use std::collections::BTreeSet;

use super::{Fault, Kind};
use crate::codec::{Context, decode, decode_content, is_unprintable, kind_at, view};
use crate::join::write_field;
use crate::json::Document;
use crate::map::{Codec, ContentKind, Field, Map, ObjectShape, Slot, Target};
use crate::row::{Cell, Row};
use crate::schema::ColumnKind;

/// Where a row's reference columns lead: column, type and id. A key that the directory does not know stands for itself.
pub type References = BTreeSet<(String, String, Box<str>)>;

/// Columns of the row, and of its child rows, that hold what their element cannot say; each once.
#[must_use]
pub fn of_columns(map: &Map, row: &Row, context: &Context<'_>) -> BTreeSet<Fault> {
    let mut faults = BTreeSet::new();
    each_level(map, row, |table, slots, shape, cells| {
        fields(shape, &mut |field| {
            for (place, slot) in field.slots.iter().enumerate() {
                let (Some(declared), Some(cell)) = (slots.get(*slot), cells.get(*slot)) else { continue };
                if let Some(kind) = fault(field, place, declared, cell, context) {
                    faults.insert(Fault { kind, place: name(map, table, declared) });
                }
            }
        });
    });
    faults
}

/// Which of a level's columns hold something that no resource can say (`NaN`, the end of time): a write leaves them as they are.
#[must_use]
pub fn unsaid(slots: &[Slot], shape: &ObjectShape, cells: &[Cell], ids: &[Cell], context: &Context<'_>) -> Vec<bool> {
    let mut unsaid: Vec<bool> = cells.iter().map(Option::is_some).collect();
    fields(shape, &mut |field| {
        for (item, slot) in field.slots.iter().enumerate() {
            let Some(unsaid) = unsaid.get_mut(*slot).filter(|unsaid| **unsaid) else { continue };
            let item = field.list.then_some(item).filter(|_| field.slots.len() > 1);
            // One of several places is said where the field is.
            *unsaid = !write_field(field, false, item, slots, cells, ids, context, &mut Vec::new());
        }
    });
    unsaid
}

/// What the row's reference columns refer to. The ids are those the row was loaded with, parallel to slots and children.
#[must_use]
pub fn references(map: &Map, row: &Row, ids: &[Cell], child_ids: &[Vec<Vec<Cell>>]) -> References {
    let mut found = References::new();
    let mut of = |table: &str, slots: &[Slot], cells: &[Cell], ids: &[Cell]| {
        for (index, slot) in slots.iter().enumerate() {
            let Some((column, key)) = slot.reference.as_ref().zip(cells[index].as_deref()) else { continue };
            let id = ids.get(index).and_then(Option::as_deref).unwrap_or_else(|| key.trim());
            if !id.is_empty() {
                found.insert((name(map, table, slot), column.target.clone(), id.into()));
            }
        }
    };
    of(&map.table, &map.slots, &row.cells, ids);
    for ((child, rows), ids) in map.children.iter().zip(&row.children).zip(child_ids) {
        for (row, ids) in rows.iter().zip(ids) {
            of(&child.table, &child.slots, &row.cells, ids);
        }
    }
    found
}

/// `table.column`
fn name(map: &Map, table: &str, slot: &Slot) -> String {
    let table = slot.join.map_or(table, |join| map.joins[join].table.as_str());
    format!("{table}.{}", slot.column)
}

fn each_level(map: &Map, row: &Row, mut visit: impl FnMut(&str, &[Slot], &ObjectShape, &[Cell])) {
    visit(&map.table, &map.slots, &map.shape, &row.cells);
    for (child, rows) in map.children.iter().zip(&row.children) {
        for row in rows {
            visit(&child.table, &child.slots, &child.shape, &row.cells);
        }
    }
}

fn fields<'s>(shape: &'s ObjectShape, visit: &mut impl FnMut(&'s Field)) {
    for member in &shape.members {
        match &member.target {
            Target::Field(field) => visit(field),
            Target::Object(inner) => fields(inner, visit),
            Target::Slices(slices) => slices.iter().for_each(|slice| fields(&slice.shape, visit)),
            _ => {}
        }
    }
}

/// What is wrong with the text of a field's column number `place`. An empty text says nothing, as NULL does.
fn fault(field: &Field, place: usize, slot: &Slot, cell: &Cell, context: &Context<'_>) -> Option<Kind> {
    let text = cell.as_deref().filter(|text| !text.trim().is_empty())?;
    if slot.kind == ColumnKind::Json && Document::parse(text.as_bytes()).is_err() {
        return Some(Kind::Undecodable);
    }
    let text = view(field, slot, cell)?;
    let content = match &field.codec {
        Codec::Content(kind) => Some(*kind),
        Codec::Places(kinds) => kinds.get(place).copied(),
        _ => None,
    };
    let kept_elsewhere = matches!(content, Some(ContentKind::File | ContentKind::Object));
    if matches!(field.codec, Codec::Reference) || kept_elsewhere || text.trim().is_empty() {
        return None;
    }
    let mut out = Vec::new();
    if let Some(kind) = content {
        let is_content = decode_content(kind, slot.kind, &text, context, &mut out);
        return (!is_content).then_some(Kind::Undecodable);
    }
    if decode(field, kind_at(slot), &text, context, &mut out) {
        return is_unprintable(field, &text).then_some(Kind::Characters);
    }
    Some(if matches!(field.codec, Codec::Codes(_)) { Kind::Unmapped } else { Kind::Undecodable })
}
