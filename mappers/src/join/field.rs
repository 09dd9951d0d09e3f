//! One field's value from its columns.

use crate::codec::{Context, decode, decode_content, is_whole, kind_at, scalar, view};
use crate::json::{Document, Kind, write_string};
use crate::map::{Codec, Field, Slot};
use crate::row::Cell;
use crate::schema::ColumnKind;
use crate::split::is_id;

/// Appends the JSON value that a field's columns give; false, with nothing appended, where they give none.
/// `inside`: the place is within a Reference, whose `reference` alone is wanted.
/// `item`: only this one of a list of references.
#[allow(clippy::too_many_arguments)]
pub(crate) fn write_field(
    field: &Field,
    inside: bool,
    item: Option<usize>,
    slots: &[Slot],
    cells: &[Cell],
    reference_ids: &[Cell],
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> bool {
    let one = |slot: usize, out: &mut Vec<u8>| {
        let (Some(declared), Some(cell)) = (slots.get(slot), cells.get(slot)) else { return false };
        if matches!(field.codec, Codec::Reference) {
            return write_reference(declared, cell, reference_ids.get(slot), inside || field.bare, out);
        }
        if kind_at(declared) == declared.kind {
            return cell.as_deref().is_some_and(|text| decode(field, declared.kind, text, context, out));
        }
        view(field, declared, cell).is_some_and(|text| decode(field, kind_at(declared), &text, context, out))
    };
    if is_whole(field, slots) {
        return write_array(field, slots, cells, context, out);
    }
    if let Codec::Places(places) = &field.codec {
        return places.iter().zip(&field.slots).any(|(place, slot)| match (slots.get(*slot), cells.get(*slot)) {
            (Some(declared), Some(Some(cell))) => decode_content(*place, declared.kind, cell, context, out),
            _ => false,
        });
    }
    if !field.list && matches!(field.codec, Codec::Reference) {
        // In one of several columns, each for rows of a table of its own.
        return field.slots.iter().any(|slot| one(*slot, out));
    }
    if !field.list || item.is_some() {
        return field.slots.get(item.unwrap_or(0)).is_some_and(|slot| one(*slot, out));
    }
    let start = out.len();
    out.push(b'[');
    for slot in &field.slots {
        let before = out.len();
        if !out.ends_with(b"[") || before > start + 1 {
            out.push(b',');
        }
        if !one(*slot, out) {
            out.truncate(before);
        }
    }
    if out.len() == start + 1 {
        out.truncate(start);
        return false;
    }
    out.push(b']');
    true
}

/// A list of primitives from one array; items that are no values of the type are left out.
fn write_array(field: &Field, slots: &[Slot], cells: &[Cell], context: &Context<'_>, out: &mut Vec<u8>) -> bool {
    let slot = field.slots[0];
    let (Some(declared), Some(cell)) = (slots.get(slot), cells.get(slot)) else { return false };
    let Some(text) = view(field, declared, cell) else { return false };
    let Ok(document) = Document::parse(text.as_bytes()) else { return false };
    let start = out.len();
    out.push(b'[');
    for item in document.root().children() {
        let before = out.len();
        if before > start + 1 {
            out.push(b',');
        }
        let scalar_kind = !matches!(item.kind(), Kind::Null | Kind::Object | Kind::Array);
        if !scalar_kind || !decode(field, ColumnKind::Text, &scalar(item.raw()), context, out) {
            out.truncate(before);
        }
    }
    if out.len() == start + 1 {
        out.truncate(start);
        return false;
    }
    out.push(b']');
    true
}

fn write_reference(slot: &Slot, key: &Cell, id: Option<&Cell>, bare: bool, out: &mut Vec<u8>) -> bool {
    let (Some(column), Some(key)) = (&slot.reference, key) else { return false };
    let id = id.and_then(Option::as_deref).unwrap_or_else(|| key.trim());
    if !is_id(id) {
        return false;
    }
    if bare {
        write_string(out, &format!("{}/{id}", column.target));
    } else {
        out.extend_from_slice(format!("{{\"reference\":\"{}/{id}\"}}", column.target).as_bytes());
    }
    true
}
