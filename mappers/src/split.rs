//! A resource into a row and what stays: columns, residue, shadow. [`crate::join`] is the way back.
//!
//! The pair (columns, residue) loses nothing: a value leaves the residue only where its column writes back the
//! identical text, and then a `null` (which FHIR forbids as a value) marks the hole it left.

mod accept;
mod fields;
mod head;
mod hole;
mod keep;
mod level;
mod listed;
mod lists;
mod restore;
mod shadow;
mod verify;

pub use accept::{accepts, references};
pub(crate) use accept::{carries_constants, is_id, matches, rank, relative};
pub(crate) use fields::walk as each_field;
pub(crate) use head::render_head;
pub use hole::Holes;
pub(crate) use hole::{Hole, HoleKind, Target as HoleTarget};
pub use keep::keep;
pub(crate) use listed::literals;
pub use listed::{left_out, listed};
pub use shadow::Shadow;
pub(crate) use shadow::{Expected, RowCursor, fingerprint};
pub use verify::{Amended, AmendedRow, verify};

use crate::codec::Context;
use crate::join::Stored;
use crate::json::{Document, Kind};
use crate::map::Map;
use crate::row::{Cell, Row};
use level::Splitter;

/// What a split needs to know beside the map.
#[derive(Clone, Copy)]
pub struct SplitContext<'a> {
    /// Zone and content.
    pub values: Context<'a>,
    /// The row of a resource (`type`, `id`), where this organization has one; see [`references`] for what is asked.
    pub resolve: &'a dyn Fn(&str, &str) -> Option<Resolved>,
}

/// A resource's row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolved {
    /// The row's key.
    pub key: Box<str>,
    /// Its table.
    pub table: Box<str>,
    /// No such row is there: its key only stands in a column of the row that is written, where it may stay ([`keep()`]).
    pub missing: bool,
}

/// A resource taken apart.
#[derive(Clone, Debug)]
pub struct Split {
    /// What goes to columns. Every mapped column: an absent element clears its own.
    pub row: Row,
    /// Everything else: minified JSON in the client's order, holes where values left.
    pub residue: Box<str>,
    /// Column texts that the residue speaks for; `None` where there are none.
    pub shadow: Option<Shadow>,
    /// Where the holes are, for [`crate::join::splice`] and for [`verify()`].
    pub holes: Holes,
    /// Parallel to `Map::slots` (or empty): ids of the resources whose keys the row holds.
    pub reference_ids: Vec<Cell>,
    /// The same for child rows.
    pub child_reference_ids: Vec<Vec<Vec<Cell>>>,
    /// Columns with keys of rows that are not there.
    pub(crate) missing: Vec<Missing>,
}

/// A column that names a row which is not there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Missing {
    /// Child and row; `None` for the main row.
    pub(crate) row: Option<(usize, usize)>,
    pub(crate) slot: usize,
}

/// Why a map's table cannot carry a resource; names columns and elements, never values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason} (column {column}, element {expression})")]
pub struct Misfit {
    /// `table.column`.
    pub column: String,
    /// The element, as FHIRPath.
    pub expression: String,
    /// What is wrong and what to do.
    pub reason: &'static str,
}

/// Takes a resource apart.
///
/// # Errors
/// The table cannot carry it: a column that refuses NULL stays empty, or a text is too long for its column.
pub fn split(map: &Map, document: &Document<'_>, context: &SplitContext<'_>) -> Result<Split, Misfit> {
    let mut splitter = Splitter::of_map(map, context, document.text().len());
    splitter.root(document.root(), &map.shape);
    splitter.fit(map)?;
    let mut split = Split {
        row: Row { cells: splitter.cells, children: splitter.rows },
        residue: text(splitter.out),
        shadow: None,
        holes: Holes { own: splitter.holes, children: splitter.row_holes, mixed: splitter.mixed, narrative: false },
        reference_ids: splitter.reference_ids,
        child_reference_ids: splitter.row_references,
        missing: splitter.missing,
    };
    // A narrative that a column holds is the clinic's own words; they stay true.
    let mapped = map.shape.members.iter().any(|member| member.name == "text");
    split.holes.narrative = !mapped && has_generated_narrative(document);
    split.shadow = shadow::of(map, &split.holes, &split.row, &[]);
    Ok(split)
}

impl Split {
    /// The split as if it had just been read back.
    #[must_use]
    pub fn stored(&self) -> Stored<'_> {
        Stored {
            row: &self.row,
            reference_ids: &self.reference_ids,
            child_reference_ids: &self.child_reference_ids,
            listed: &[],
            residue: Some(&self.residue),
            shadow: self.shadow.as_ref(),
        }
    }
}

/// A narrative made from the data (<https://hl7.org/fhir/R4/valueset-narrative-status.html>) lies once they change.
fn has_generated_narrative(document: &Document<'_>) -> bool {
    let status = document.root().member("text").and_then(|text| text.member("status"));
    status.is_some_and(|status| {
        status.kind() == Kind::String && matches!(status.raw(), "\"generated\"" | "\"extensions\"")
    })
}

/// Bytes that were put together from whole strings.
pub(crate) fn text(bytes: Vec<u8>) -> Box<str> {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()).into()
}
