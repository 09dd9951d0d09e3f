//! Columns to slots.

use super::super::element;
use super::super::problem::{Report, suggest};
use super::super::syntax::{FieldSyntax, Located};
use super::super::{Codec, JoinWrite, Primitive, ReferenceColumn, Slot};
use super::{Draft, Scope, fit};
use crate::schema::{Column, ColumnKind};

/// The slots of a field's columns.
pub(super) fn of_field(
    scope: Scope<'_>,
    draft: &mut Draft,
    syntax: &FieldSyntax,
    codec: &Codec,
    (primitive, list): (Primitive, bool),
    report: &mut Report<'_>,
) -> Option<Vec<usize>> {
    if syntax.element {
        let Some((array, at)) = scope.array else {
            report.error(
                syntax.at,
                "`element` is a value in the elements of `[array]`, which this map has not",
                "write `json = \"column.path\"`",
            );
            return None;
        };
        let column = Located { value: array.column.clone(), at };
        let slot = slot(scope, draft, &column, None, report)?;
        // What the column can hold is the document's business: the slot has one element.
        let held = &mut draft.slots[slot];
        (held.kind, held.required, held.max_length) = (ColumnKind::Json, false, None);
        held.writable = !scope.readonly;
        take(draft, slot, syntax, syntax.path.at, report);
        return Some(vec![slot]);
    }
    let mut slots = Vec::with_capacity(syntax.columns.len());
    for (place, column) in syntax.columns.iter().enumerate() {
        if scope.array.is_some_and(|(array, _)| array.column == column.value) {
            let help = "write `element = \"member\"`; a map without `[array]` can map other parts of the document";
            report.error(column.at, format!("column `{}` holds the array", column.value), help);
            return None;
        }
        // Elements share their row's columns: none is written.
        let written = !scope.readonly && scope.array.is_none();
        let reserved = scope.reserved.iter().find(|(name, _)| written && *name == column.value);
        if let Some((_, key)) = reserved {
            let help =
                "the gateway writes this column itself; no element can have it, save in a map with `readonly = true`";
            report.error(column.at, format!("column `{}` is the map's `{key}`", column.value), help);
            return None;
        }
        let slot = slot(scope, draft, column, syntax.reference.as_ref(), report)?;
        if let (Some(table), Some(of)) = (syntax.rows_of.get(place), &mut draft.slots[slot].reference) {
            scope.tables.has_table(table, report);
            of.foreign_table = Some(table.value.clone());
        }
        let of_place = match codec {
            Codec::Places(places) => places.get(place).map(|content| Codec::Content(*content)),
            _ => None,
        };
        fit::check(&draft.slots[slot], column, syntax, of_place.as_ref().unwrap_or(codec), primitive, list, report);
        if !syntax.json_path.is_empty() || syntax.rest {
            // A document in a text column is a document.
            draft.slots[slot].kind = ColumnKind::Json;
        }
        take(draft, slot, syntax, column.at, report);
        slots.push(slot);
    }
    Some(slots)
}

/// A column holds one value: mapping it twice is an error, save for different places of a JSON column.
fn take(draft: &mut Draft, slot: usize, syntax: &FieldSyntax, at: usize, report: &mut Report<'_>) {
    if syntax.rest {
        return;
    }
    let overlaps = |path: &[String]| path.starts_with(&syntax.json_path) || syntax.json_path.starts_with(path);
    if let Some((_, _, first)) = draft.taken.iter().find(|(taken, path, _)| *taken == slot && overlaps(path)) {
        let (column, line) = (draft.slots[slot].column.clone(), report.line(*first));
        let help = "a column belongs to one element; remove one of the two, or use `const` for a fixed value";
        report.error(at, format!("column `{column}` is mapped twice (first in line {line})"), help);
    }
    draft.taken.push((slot, syntax.json_path.clone(), at));
}

/// The slot of `column` or `table.column`, made where it is missing.
pub(in crate::map) fn slot(
    scope: Scope<'_>,
    draft: &mut Draft,
    name: &Located<String>,
    reference: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> Option<usize> {
    let (join, bare) = place_of(scope, name, report)?;
    let table = join.map_or(scope.table, |join| scope.joins[join].table.as_str());
    let column = scope.tables.column(table, &bare, report)?;
    let reference = reference.map(|target| reference_column(scope, table, &column, target, report));
    if let Some(found) = draft.slots.iter().position(|slot| slot.join == join && slot.column == column.name) {
        if draft.slots[found].reference.is_none() {
            draft.slots[found].reference = reference;
        }
        return Some(found);
    }
    let written =
        join.is_none_or(|join| scope.joins[join].write == JoinWrite::With) && !scope.readonly && scope.array.is_none();
    draft.slots.push(Slot {
        join,
        kind: column.kind,
        required: column.not_null && !column.generated,
        max_length: column.max_length,
        reference,
        writable: written && !column.generated,
        column: column.name,
        declared: column.declared,
    });
    Some(draft.slots.len() - 1)
}

/// Splits `soap_notes.encounter_id` into the join and the column.
fn place_of(
    scope: Scope<'_>,
    name: &Located<String>,
    report: &mut Report<'_>,
) -> Option<(Option<usize>, Located<String>)> {
    let Some((table, column)) = name.value.split_once('.') else { return Some((None, name.clone())) };
    let bare = Located { value: column.to_owned(), at: name.at };
    if table == scope.table {
        return Some((None, bare));
    }
    if let Some(join) = scope.joins.iter().position(|join| join.table == table) {
        return Some((Some(join), bare));
    }
    let known: Vec<&str> = scope.joins.iter().map(|join| join.table.as_str()).chain([scope.table]).collect();
    let help = format!("add `{table}` to `joins`, or name a column of one of these tables: {}", known.join(", "));
    report.error(name.at, format!("`{table}` is not joined"), help);
    None
}

fn reference_column(
    scope: Scope<'_>,
    table: &str,
    column: &Column,
    target: &Located<String>,
    report: &mut Report<'_>,
) -> ReferenceColumn {
    if !element::is_resource(&target.value) {
        let help = suggest(&target.value, element::resources());
        report.error(target.at, format!("`{}` is no resource type", target.value), help);
    }
    let foreign_table = scope.tables.foreign_table(table, &column.name);
    ReferenceColumn { target: target.value.clone(), foreign_table, maps: Vec::new() }
}
