//! The shape of a database's tables, as introspection found it: what a map is checked and compiled against.

use std::collections::BTreeMap;

/// All tables that maps may name.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Tables and views by name, as the database spells it.
    pub tables: BTreeMap<String, Table>,
    /// The engine has no functions that its users write (SQLite).
    pub no_functions: bool,
}

/// One table or view.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Columns in declaration order.
    pub columns: Vec<Column>,
    /// Foreign keys of one column each (others are not resolved by maps).
    pub foreign_keys: Vec<ForeignKey>,
    /// The primary key's columns in order; empty for a view.
    pub primary_key: Vec<String>,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name, as the database spells it.
    pub name: String,
    /// What family of types it is of.
    pub kind: ColumnKind,
    /// The type as declared, for casts and for messages.
    pub declared: String,
    /// Refuses NULL.
    pub not_null: bool,
    /// The database fills it when an INSERT leaves it out (default, identity, rowid alias).
    pub has_default: bool,
    /// Computed by the database; never written.
    pub generated: bool,
    /// Longest text it takes, in characters.
    pub max_length: Option<u32>,
}

/// A foreign key of one column.
#[derive(Clone, Debug)]
pub struct ForeignKey {
    /// The column that refers.
    pub column: String,
    /// The table referred to.
    pub table: String,
    /// The column referred to.
    pub target: String,
}

/// Families of column types: what the dialect needs to render a read and a bind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColumnKind {
    /// Array of primitives (PostgreSQL `text[]`; SQLite, declared alike, text); text form a JSON array.
    Array,
    /// True or false; text form `true` / `false`.
    Boolean,
    /// Binary; text form hexadecimal, capital letters: what both engines read and write at full speed.
    Bytes,
    /// Calendar date; text form `YYYY-MM-DD`.
    Date,
    /// Whole number.
    Integer,
    /// JSON document (PostgreSQL json or jsonb, SQLite text).
    Json,
    /// Exact decimal.
    Numeric,
    /// Anything else, cast to and from text (enumerations, arrays, network addresses).
    Other,
    /// Binary floating point.
    Real,
    /// Characters.
    Text,
    /// Time of day.
    Time,
    /// Date and time with no zone; text form `YYYY-MM-DDTHH:MM:SS[.ffffff]`.
    Timestamp,
    /// Instant; text form `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`.
    TimestampTz,
    /// UUID; text form lower case with hyphens.
    Uuid,
}

impl Schema {
    /// The column `column` of `table`.
    pub fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.tables.get(table)?.column(column)
    }
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The foreign key that starts at `column`.
    pub fn foreign_key(&self, column: &str) -> Option<&ForeignKey> {
        self.foreign_keys.iter().find(|key| key.column == column)
    }
}
