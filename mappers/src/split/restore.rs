//! Putting values back into a residue, where their columns turned out not to keep them.

use super::hole::Hole;
use crate::codec::Context;
use crate::join::write_field;
use crate::map::{ObjectShape, Slot};
use crate::row::Cell;

/// A row's cells and what is needed to read them.
#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub(super) slots: &'a [Slot],
    pub(super) shape: &'a ObjectShape,
    pub(super) cells: &'a [Cell],
    pub(super) reference_ids: &'a [Cell],
}

impl Level<'_> {
    /// The JSON text that goes into a hole; `None` where the column has nothing for it.
    pub(super) fn filling(&self, hole: &Hole, context: &Context<'_>) -> Option<Vec<u8>> {
        let (field, _, item) = hole.field(self.shape)?;
        let mut out = Vec::new();
        // Inside a Reference the hole is at `reference` itself: always the bare text.
        write_field(field, true, item, self.slots, self.cells, self.reference_ids, context, &mut out).then_some(out)
    }
}

/// The residue with some holes (by number, ascending) filled for good, and the holes that are left.
pub(super) fn restore(residue: &str, holes: &[Hole], fillings: &[(usize, Vec<u8>)]) -> (Box<str>, Vec<Hole>) {
    let mut out = Vec::with_capacity(residue.len() + 64);
    let mut left = Vec::with_capacity(holes.len());
    let mut done = 0;
    let mut fillings = fillings.iter().peekable();
    for (number, hole) in holes.iter().enumerate() {
        let at = hole.offset as usize;
        out.extend_from_slice(&residue.as_bytes()[done..at]);
        done = at + 4;
        match fillings.next_if(|(filled, _)| *filled == number) {
            Some((_, text)) => out.extend_from_slice(text),
            None => {
                left.push(Hole { offset: out.len() as u32, ..*hole });
                out.extend_from_slice(b"null");
            }
        }
    }
    out.extend_from_slice(&residue.as_bytes()[done..]);
    (super::text(out), left)
}
