//! Lists of references to other maps' resources: the client's own items as written, then what rows of other tables put
//! there.

use super::level::{Joiner, Left};
use super::residue::separate;
use crate::json::write_string;
use crate::split::{Shadow, literals};

impl Joiner<'_> {
    /// The whole list. `list`: the residue's array; `None` where the residue has no such member.
    pub(super) fn reference_items(&mut self, number: usize, list: Option<&str>, out: &mut Vec<u8>) -> Left {
        let start = out.len();
        let given = list.and_then(|list| list.strip_suffix(']'));
        out.extend_from_slice(given.unwrap_or("[").as_bytes());
        for reference in self.derived(number, list) {
            separate(start, out);
            out.extend_from_slice(b"{\"reference\":");
            write_string(out, reference);
            out.push(b'}');
        }
        if list.is_none() && out.len() == start + 1 {
            out.truncate(start);
            return Left::NOTHING;
        }
        out.push(b']');
        Left::STRONG
    }

    /// What other tables put in the list and its client neither wrote nor left out.
    fn derived(&self, number: usize, list: Option<&str>) -> Vec<&str> {
        let Some(rows) = self.rows else { return Vec::new() };
        let (Some(listed), Some(shape)) = (rows.stored.listed.get(number), rows.map.lists.get(number)) else {
            return Vec::new();
        };
        if listed.is_empty() {
            return Vec::new();
        }
        let written = list.map(literals).unwrap_or_default();
        let left_out = rows.stored.shadow.map_or(&[][..], |shadow: &Shadow| shadow.left_out(&shape.path));
        let is_in = |references: &[Box<str>], wanted: &str| references.iter().any(|reference| **reference == *wanted);
        let listed = listed.iter().map(|reference| &**reference);
        listed.filter(|reference| !is_in(&written, reference) && !is_in(left_out, reference)).collect()
    }
}
