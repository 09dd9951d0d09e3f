//! A map file as written: every part with its place, nothing looked up yet.

use super::{ContentKind, JoinWrite, Overflow};

/// A value and where it stands in the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Byte offset in the file.
    pub at: usize,
}

/// One map file.
#[derive(Clone, Debug)]
pub struct MapFile {
    /// The file's stem: the map's name.
    pub name: String,
    /// The resource type.
    pub resource: Located<String>,
    /// The main table.
    pub table: Located<String>,
    /// The main table's key column.
    pub id: Located<String>,
    /// What ids begin with.
    pub id_prefix: Option<Located<String>>,
    /// Column of the last change.
    pub updated: Option<Located<String>>,
    /// Column of the organization.
    pub tenant: Option<Located<String>>,
    /// Column that names the patient, possibly of a joined table.
    pub patient: Option<Located<String>>,
    /// Column of the residue.
    pub residue: Option<Located<String>>,
    /// Condition on the main table's rows.
    pub filter: Option<Located<String>>,
    /// Writes are refused.
    pub readonly: bool,
    /// What becomes of a resource the table cannot carry.
    pub overflow: Overflow,
    /// Rows are only inserted.
    pub append_only: Option<AppendSyntax>,
    /// Column that marks a row as deleted.
    pub deleted: Option<Located<String>>,
    /// Joined tables.
    pub joins: Vec<JoinSyntax>,
    /// Fields of the resource.
    pub fields: Vec<FieldSyntax>,
    /// One-to-many tables.
    pub children: Vec<ChildSyntax>,
    /// Facets of a row.
    pub facets: Vec<FacetSyntax>,
    /// Coupled groups.
    pub groups: Vec<GroupSyntax>,
    /// Facts: name (`code`, `date`, `author`, `encounter`) and path or column.
    pub facts: Vec<(String, Located<String>)>,
    /// Resources are elements of a JSON array.
    pub array: Option<ArraySyntax>,
    /// Lists of references to resources of other maps.
    pub lists: Vec<ListSyntax>,
    /// Where the file says that rows come to be through a list only.
    pub listed: Option<usize>,
    /// The owner's function that is called after our writes.
    pub after_write: Option<Located<String>>,
}

/// A table whose rows are never changed.
#[derive(Clone, Debug)]
pub struct AppendSyntax {
    /// Column that holds the key of the row that a row replaces.
    pub supersedes: Located<String>,
    /// Column that marks a row as a retraction.
    pub retracted: Located<String>,
    /// The text it then has.
    pub value: Located<String>,
}

/// A joined table.
#[derive(Clone, Debug)]
pub struct JoinSyntax {
    /// The table.
    pub table: Located<String>,
    /// `a.x = b.y`.
    pub on: Located<String>,
    /// What writes do to it.
    pub write: JoinWrite,
    /// Condition on its rows.
    pub filter: Option<Located<String>>,
    /// Column of the organization.
    pub tenant: Option<Located<String>>,
}

/// An element and where it lives.
#[derive(Clone, Debug)]
pub struct FieldSyntax {
    /// The path; empty for the items of a list of primitives.
    pub path: Located<String>,
    /// The field's own place (`{`).
    pub at: usize,
    /// Its columns; empty for a constant.
    pub columns: Vec<Located<String>>,
    /// `column` or `json` came as a list (`columns`).
    pub spread: bool,
    /// Path inside a JSON column, or inside the array's element.
    pub json_path: Vec<String>,
    /// The value lies in the array's element, not in a column of its own.
    pub element: bool,
    /// A fixed value.
    pub constant: Option<Located<Literal>>,
    /// A value for rows without one.
    pub default: Option<Located<Literal>>,
    /// Column text and FHIR code, in the file's order.
    pub codes: Vec<(Located<String>, Located<String>)>,
    /// The type the column's key refers to.
    pub reference: Option<Located<String>>,
    /// The tables of whose rows the columns hold keys, one a column; else their foreign keys say.
    pub rows_of: Vec<Located<String>>,
    /// `organization` or a zone's name: the column has none.
    pub zoned: Option<Located<String>>,
    /// All that no other field names of the object at `json_path`.
    pub rest: bool,
    /// `format = "narrative"`: plain text in the column.
    pub narrative: Option<usize>,
    /// The coupled group.
    pub group: Option<Located<String>>,
    /// Code system to normalize to.
    pub terminology: Option<Located<String>>,
    /// Where an attachment's bytes are: one place a column.
    pub content: Vec<Located<ContentKind>>,
}

/// A constant or default as JSON text, and what kind of JSON it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Literal {
    /// JSON text.
    pub json: String,
    /// Its kind.
    pub kind: LiteralKind,
}

/// Kind of a literal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LiteralKind {
    /// true or false.
    Boolean,
    /// A number without fraction.
    Integer,
    /// A number.
    Decimal,
    /// A text.
    String,
}

/// A one-to-many table.
#[derive(Clone, Debug)]
pub struct ChildSyntax {
    /// The list.
    pub path: Located<String>,
    /// The table.
    pub table: Located<String>,
    /// Column of the parent's key.
    pub key: Located<String>,
    /// The child's own key column.
    pub id: Option<Located<String>>,
    /// Column of the position.
    pub order: Option<Located<String>>,
    /// Column of an item's residue.
    pub residue: Option<Located<String>>,
    /// Column of the organization.
    pub tenant: Option<Located<String>>,
    /// Condition on the rows.
    pub filter: Option<Located<String>>,
    /// Fields of an item.
    pub fields: Vec<FieldSyntax>,
    /// Coupled groups.
    pub groups: Vec<GroupSyntax>,
}

/// A facet of a row.
#[derive(Clone, Debug)]
pub struct FacetSyntax {
    /// What its ids end with, after `-`.
    pub suffix: Located<String>,
    /// When the facet exists.
    pub when: Located<String>,
    /// Its fields, beside the map's own.
    pub fields: Vec<FieldSyntax>,
    /// Its coupled groups.
    pub groups: Vec<GroupSyntax>,
}

/// A list of references to resources of other maps.
#[derive(Clone, Debug)]
pub struct ListSyntax {
    /// The list.
    pub path: Located<String>,
    /// Files (or `file.facet`) whose resources are listed.
    pub of: Vec<Located<String>>,
    /// The column of their main tables that holds this row's key.
    pub by: Located<String>,
}

/// A coupled group.
#[derive(Clone, Debug)]
pub struct GroupSyntax {
    /// Its name.
    pub name: Located<String>,
    /// Paths of the fields in it, or of objects that hold them.
    pub paths: Vec<Located<String>>,
}

/// Resources from one JSON array.
#[derive(Clone, Debug)]
pub struct ArraySyntax {
    /// `column` or `column.path`.
    pub json: Located<String>,
    /// Member that identifies an element.
    pub id: Option<Located<String>>,
}
