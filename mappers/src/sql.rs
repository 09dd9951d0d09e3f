//! SQL text from a map: the same text on every engine but for what the [`Dialect`] renders.
//!
//! Placeholders are `$1`, `$2`, …; `{keys}` stands for a table `k` with one text column `key` (the store knows how an
//! engine takes many keys at once). Every statement names the organization where the table has a column for it.

mod append;
mod array;
mod child;
mod listed;
mod main_table;
mod names;
mod select;

pub use append::Append;
pub use array::ArrayStatements;
pub use child::ChildStatements;
pub use listed::ListedStatements;
pub use main_table::{Insert, InsertParameter};

use crate::map::{JoinWrite, Map};
use crate::schema::ColumnKind;
use names::Names;

/// What SQL engines differ in, as far as users' columns are concerned.
pub trait Dialect {
    /// An expression that gives the column `column` as its canonical text.
    fn read(&self, column: &str, kind: ColumnKind, declared: &str) -> String;
    /// An expression of the column's type from `placeholder`, which holds canonical text.
    fn bind(&self, placeholder: &str, kind: ColumnKind, declared: &str) -> String;
    /// A name, quoted.
    fn quote(&self, name: &str) -> String;
    /// Whether an INSERT of many rows takes plain placeholders (`?`), which it names as columns of a list of rows, in place
    /// of numbered ones: for an engine that looks each numbered placeholder up in a list of all.
    fn takes_plain_placeholders(&self) -> bool {
        false
    }
}

/// The statements of one map.
#[derive(Clone, Debug)]
pub struct Statements {
    /// Rows by key; `$1` is the organization. Columns: key, every slot, the id behind every reference slot, residue,
    /// whether the facet exists (`true` or `false`), when other programs changed the row.
    pub select: String,
    /// The child tables, parallel to `Map::children`.
    pub children: Vec<ChildStatements>,
    /// Lists of other maps that hold this map's resources, parallel to `Map::listed_by`.
    pub listed: Vec<ListedStatements>,
    /// Inserts main rows.
    pub insert: Insert,
    /// Inserts rows of the joined tables that are written with the main row, parallel to `Map::joins`.
    pub insert_joined: Vec<Option<Insert>>,
    /// What is done to a table that is only appended to.
    pub append: Option<Append>,
    /// What is done to the document whose array holds the map's resources.
    pub array: Option<ArrayStatements>,
    /// Gives main rows their residues: `{keys}` has the columns `key` and `residue`; `$1` is the organization. `None` where the
    /// table has no column for it.
    pub residues: Option<String>,
    /// Deletes main rows by key; `$1` is the organization.
    pub delete: String,
    /// Marks main rows as deleted by key, where the map says how; `$1` is the organization, `$2` the mark.
    pub soft_delete: Option<String>,
    /// Deletes rows of joined tables with the main row's key, parallel to `Map::joins`.
    pub delete_joined: Vec<Option<String>>,
    /// Which of the keys still have a row with anything mapped in it; `$1` is the organization.
    pub left_over: String,
    /// How many rows are resources; `$1` is the organization.
    pub count: String,
    /// Keys of rows that are no resources because the row of a joined table that a column names is not there, or is another
    /// organization's: `table.column` and statement; `$1` is the organization.
    pub adrift: Vec<(String, String)>,
}

impl Statements {
    /// Renders the statements of a map.
    pub fn new(map: &Map, dialect: &dyn Dialect) -> Self {
        let names = Names { map, dialect };
        let with = |index: usize| map.joins[index].write == JoinWrite::With;
        Self {
            select: select::rows(&names),
            children: (0..map.children.len()).map(|child| ChildStatements::new(&names, child)).collect(),
            listed: map.listed_by.iter().map(|listed| ListedStatements::new(&names, listed)).collect(),
            insert: Insert::main(&names),
            insert_joined: (0..map.joins.len()).map(|join| with(join).then(|| Insert::joined(&names, join))).collect(),
            append: Append::new(&names),
            array: ArrayStatements::new(&names),
            residues: main_table::residues(&names),
            delete: main_table::delete(&names),
            soft_delete: main_table::soft_delete(&names),
            delete_joined: (0..map.joins.len())
                .map(|join| with(join).then(|| main_table::delete_joined(&names, join)))
                .collect(),
            left_over: main_table::left_over(&names),
            count: select::count(&names),
            adrift: select::adrift(&names),
        }
    }

    /// Changes columns of one row: `$1` is the organization, `$2` the key, `$3`… the new texts in the order given.
    /// Returns the slots' texts in the same order.
    pub fn update(map: &Map, dialect: &dyn Dialect, join: Option<usize>, changes: &[InsertParameter]) -> String {
        main_table::update(&Names { map, dialect }, join, changes)
    }

    /// Finds the row of a joined table that is never written, by the values of its slots: those `filled` equal `$2`…, the
    /// `empty` ones are NULL; `$1` is the organization. `keyed`: its key is the text after those of `filled`, and what it says
    /// in the `empty` ones is returned behind the key (but the patient's: that one is NULL). At most two rows; the first
    /// column is the key the main row needs.
    pub fn lookup(
        map: &Map,
        dialect: &dyn Dialect,
        join: usize,
        filled: &[usize],
        empty: &[usize],
        keyed: bool,
    ) -> String {
        main_table::lookup(&Names { map, dialect }, join, filled, empty, keyed)
    }

    /// Keys (as text) of a table's rows that refer to a key by this column: `$1` is the organization, `$2` the key.
    pub fn referring(map: &Map, dialect: &dyn Dialect, column: &str, kind: ColumnKind, declared: &str) -> String {
        main_table::referring(&Names { map, dialect }, column, kind, declared)
    }
}
