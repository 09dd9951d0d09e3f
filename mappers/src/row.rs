//! Rows as they pass between mappers and the store: every value is its column's canonical text.

/// A column's canonical text; `None` is NULL.
pub type Cell = Option<Box<str>>;

/// One row of a map's main table with its joined tables and children.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Row {
    /// Parallel to `Map::slots`.
    pub cells: Vec<Cell>,
    /// Parallel to `Map::children`.
    pub children: Vec<Vec<ChildRow>>,
}

/// One row of a child table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ChildRow {
    /// The row's own key where the child has one; `None` for a new row.
    pub key: Cell,
    /// Place in the list.
    pub position: i64,
    /// Parallel to `Child::slots`.
    pub cells: Vec<Cell>,
    /// The item's residue.
    pub residue: Cell,
}
