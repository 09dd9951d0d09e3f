//! Columns that are read by a rule, and not by what they say: times that the clocks of a zone showed twice (in autumn) or never
//! (in spring), texts with characters that no text may have.

use super::Stored;
use crate::codec::{Context, is_doubtful, is_unprintable};
use crate::map::{Codec, Map, ObjectShape, Slot};
use crate::row::Cell;
use crate::split::{Shadow, each_field};

/// Columns by name, each once.
#[derive(Default)]
pub(super) struct Doubt {
    pub(super) clocks: Vec<String>,
    pub(super) texts: Vec<String>,
}

/// The columns with such a value. Not those for which the residue speaks: there a client has said which time it meant.
pub(super) fn of(map: &Map, stored: &Stored<'_>, context: &Context<'_>) -> Doubt {
    let mut found = Doubt::default();
    let expected = stored.shadow.map(|shadow| Shadow::expected(shadow, &map.slots, &map.joins));
    let spoken = |slot: usize, cell: &str| {
        stored.residue.is_some() && expected.as_ref().is_some_and(|expected| expected.column(slot) == Some(cell))
    };
    level(&map.shape, &map.slots, &stored.row.cells, context, &spoken, &mut found);
    for (child, rows) in map.children.iter().zip(&stored.row.children) {
        for row in rows {
            level(&child.shape, &child.slots, &row.cells, context, &|_, _| false, &mut found);
        }
    }
    for columns in [&mut found.clocks, &mut found.texts] {
        columns.sort_unstable();
        columns.dedup();
    }
    found
}

fn level(
    shape: &ObjectShape,
    slots: &[Slot],
    cells: &[Cell],
    context: &Context<'_>,
    spoken: &dyn Fn(usize, &str) -> bool,
    found: &mut Doubt,
) {
    each_field(shape, &mut |field| {
        if !matches!(field.codec, Codec::Narrative | Codec::Zoned(_)) {
            return;
        }
        for slot in &field.slots {
            let (Some(declared), Some(Some(cell))) = (slots.get(*slot), cells.get(*slot)) else { continue };
            if is_doubtful(field, declared.kind, cell, context) && !spoken(*slot, cell) {
                found.clocks.push(declared.column.clone());
            }
            if is_unprintable(field, cell) {
                found.texts.push(declared.column.clone());
            }
        }
    });
}
