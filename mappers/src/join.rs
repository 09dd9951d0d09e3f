//! A row and its residue back into the resource, straight into the response buffer. [`mod@crate::split`] is the way in.
//!
//! With a residue the resource is what the client sent, holes filled from columns; what another program has changed
//! since shows at once. Without one (a row the gateway never wrote) the map alone says what the resource is.

mod absent;
mod choice;
mod columns;
mod doubt;
mod field;
mod level;
mod lists;
mod residue;
mod rows;
mod scan;
mod splice;

pub(crate) use field::write_field;
pub(crate) use rows::{ItemRow, write_item};
pub use splice::splice;

use crate::codec::Context;
use crate::json::Document;
use crate::map::Map;
use crate::row::{Cell, Row};
use crate::split::{Shadow, fingerprint};
use level::{Joiner, Rows};

/// A row as the store read it.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// Raw canonical texts; child rows in any order.
    pub row: &'a Row,
    /// Parallel to `Map::slots`, or empty: ids of the resources whose keys reference columns hold. `None`: the
    /// directory does not know the key, and the key itself serves where it is a valid id.
    pub reference_ids: &'a [Cell],
    /// The same for child rows: by child, row and slot.
    pub child_reference_ids: &'a [Vec<Vec<Cell>>],
    /// Parallel to `Map::lists`, or empty: what rows of other tables put in each, as `Type/id`.
    pub listed: &'a [Vec<Box<str>>],
    /// The residue; `None` for a row the gateway never wrote.
    pub residue: Option<&'a str>,
    /// The shadow.
    pub shadow: Option<&'a Shadow>,
}

/// What is the server's own in a resource.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The resource's id.
    pub id: &'a str,
    /// `meta.versionId`.
    pub version: i64,
    /// `meta.lastUpdated`.
    pub last_updated: &'a str,
}

/// What a join noticed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Joined {
    /// Coupled groups of which another program changed a part: the rest of them was withheld.
    pub flagged: Vec<String>,
    /// Columns whose wall clock's time came twice or never in their zone: one of two readings is served.
    pub doubtful: Vec<String>,
    /// Columns whose text has characters that no text may have: a space is served for each.
    pub unprintable: Vec<String>,
    /// Another program changed something the residue or a generated narrative spoke for.
    pub changed: bool,
}

/// Appends the resource as minified JSON.
pub fn join(map: &Map, stored: &Stored<'_>, header: &Header<'_>, context: &Context<'_>, out: &mut Vec<u8>) -> Joined {
    let doubt = doubt::of(map, stored, context);
    Joined { doubtful: doubt.clocks, unprintable: doubt.texts, ..join_row(map, stored, header, context, out) }
}

fn join_row(map: &Map, stored: &Stored<'_>, header: &Header<'_>, context: &Context<'_>, out: &mut Vec<u8>) -> Joined {
    let start = out.len();
    let mut joiner = Joiner::new(&map.slots, &stored.row.cells, stored.reference_ids, context);
    joiner.rows = Some(Rows { map, stored, header });
    if let Some(residue) = stored.residue {
        joiner.recall(map, stored.shadow);
        if stored.shadow.and_then(Shadow::print).is_some_and(|print| print != fingerprint(stored.row)) {
            (joiner.stale, joiner.changed) = (true, true);
        }
        if joiner.resource(residue, &map.shape, out).is_ok() {
            return joiner.joined(&map.groups);
        }
        // Somebody wrote into the residue column what is no residue: the columns are all there is.
        out.truncate(start);
        joiner.changed = true;
    }
    joiner.bare_resource(map, header, out);
    joiner.joined(&[])
}

/// Appends a resource that has no map as it is served: the client's document with the server's own members.
pub fn render(document: &Document<'_>, header: &Header<'_>, out: &mut Vec<u8>) {
    crate::split::render_head(document, header, out);
}
