//! A map as split, join, search and SQL use it: names resolved to slots, paths to a tree of shapes.

use super::Selector;
use crate::schema::ColumnKind;

/// One resource type (or one facet of a row) in one table.
#[derive(Clone, Debug)]
pub struct Map {
    /// Unique name: the file's stem, and `.suffix` for a facet or an array. Stored in the directory.
    pub name: String,
    /// The resource type.
    pub resource: String,
    /// The main table.
    pub table: String,
    /// The main table's key column; its text is the directory's `key` (see `array` for elements).
    pub key: String,
    /// Kind of the key column.
    pub key_kind: ColumnKind,
    /// The database generates the key (integer identity, uuid default); else a new row's key is the resource id.
    pub key_generated: bool,
    /// Resource id = prefix + key + suffix where that is a valid id and the client gave none.
    pub id_prefix: String,
    /// Empty, or `-` and the facet's suffix.
    pub id_suffix: String,
    /// Column that holds the organization.
    pub tenant: Option<String>,
    /// Whose data a row is.
    pub patient: PatientSource,
    /// Column that other programs keep as last change; set at our writes.
    pub updated: Option<String>,
    /// Column for the residue; without it the residue lives in the directory. Always `None` for facets.
    pub residue: Option<String>,
    /// SQL condition over the main table (alias = table name): rows that are resources at all.
    pub filter: Option<String>,
    /// Unmapped columns of the main table and the SQL literals that `filter` wants in them: a new row gets them.
    pub fixed: Vec<(String, String)>,
    /// SQL condition over the row: the facet exists.
    pub when: Option<String>,
    /// Slots that must be filled for the facet to exist (the columns `when` names as `is not null`).
    pub when_slots: Vec<usize>,
    /// Slots of which one must be filled for the facet to exist (`a is not null or b is not null`).
    pub when_one: Vec<usize>,
    /// Writes are answered with 405.
    pub readonly: bool,
    /// Rows are inserted, never updated or deleted.
    pub append_only: Option<AppendOnly>,
    /// What happens to a resource the table cannot carry.
    pub overflow: Overflow,
    /// Soft deletion: a timestamp or boolean column set instead of deleting the row.
    pub deleted: Option<String>,
    /// Joined tables.
    pub joins: Vec<Join>,
    /// Every mapped column, of the main table and of joined ones. `Row::cells` is parallel to this.
    pub slots: Vec<Slot>,
    /// The resource's shape as far as it is mapped.
    pub shape: ObjectShape,
    /// One-to-many tables.
    pub children: Vec<Child>,
    /// Groups of slots that fall together.
    pub groups: Vec<Group>,
    /// What consent and search ask of a row.
    pub facts: Facts,
    /// The resources are elements of a JSON array in a column.
    pub array: Option<JsonArray>,
    /// Is a facet of its row.
    pub facet: bool,
    /// Lists of references to resources of other maps.
    pub lists: Vec<List>,
    /// Rows come to be through a list of another map's, or by SQL, only.
    pub listed: bool,
    /// The lists of other maps that hold this map's resources.
    pub listed_by: Vec<ListedBy>,
    /// The owner's function that is called with the key after our write of a row.
    pub after_write: Option<String>,
    /// Types of the main table's columns that are named above and are no slots (key, tenant, residue, updated, deleted).
    pub bare: Vec<ColumnType>,
}

/// How rows of a table that is only appended to follow each other: a change appends a row that names the one it replaces, a
/// deletion appends one that is marked as a retraction. Of several rows that replace the same one the newest counts (by the
/// map's `updated`, then by key).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppendOnly {
    /// Column that holds the key of the row that a row replaces.
    pub supersedes: String,
    /// Column and text that make a row a retraction.
    pub retracted: (String, String),
    /// Columns that the map does not name: a row that replaces another takes them over from it.
    pub carried: Vec<String>,
}

impl Map {
    /// The id of the resource of a row, where nobody has given it another.
    #[must_use]
    pub fn id_of(&self, key: &str) -> String {
        let key = match crate::array::parts_of_key(key).filter(|_| self.array.is_some()) {
            Some((row, element)) => format!("{row}-{}", element.trim_start_matches('~')),
            None => key.to_owned(),
        };
        format!("{}{key}{}", self.id_prefix, self.id_suffix)
    }

    /// The slot that holds the document with the array; an element's row has the element in it.
    #[must_use]
    pub fn array_slot(&self) -> Option<usize> {
        let array = self.array.as_ref()?;
        self.slots.iter().position(|slot| slot.join.is_none() && slot.column == array.column)
    }
}

/// A column's type: what the dialect needs to render a read and a bind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ColumnType {
    /// The column's name.
    pub name: String,
    /// Its kind.
    pub kind: ColumnKind,
    /// Its declared type.
    pub declared: String,
}

/// Whose data a row is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PatientSource {
    /// Nobody's.
    None,
    /// The row's own key names the patient (the Patient table itself).
    Key,
    /// The slot holds the key of the patient's row.
    Slot(usize),
}

/// What happens to a resource the table cannot carry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overflow {
    /// It goes whole to the generic store.
    Generic,
    /// It is refused with 422, naming column and element.
    Refuse,
}

/// A table joined one-to-one or many-to-one.
#[derive(Clone, Debug)]
pub struct Join {
    /// The joined table; its alias is its name.
    pub table: String,
    /// Column of the joined table.
    pub column: String,
    /// Table of the other side (the main table or an earlier join).
    pub other_table: String,
    /// Column of the other side.
    pub other_column: String,
    /// What a write does to it.
    pub write: JoinWrite,
    /// Column of the joined table that holds the organization.
    pub tenant: Option<String>,
    /// SQL condition on the joined table's row (alias = table name): a main row whose joined row fails it is no resource.
    pub filter: Option<String>,
    /// Types of `column` and `tenant`.
    pub bare: Vec<ColumnType>,
}

/// What a write does to a joined row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JoinWrite {
    /// Nothing. A new main row finds it by the values the resource gives for its columns: exactly one match
    /// fills the main table's foreign key, anything else is a misfit.
    Never,
    /// The joined row belongs to the main row: inserted, updated and deleted with it.
    With,
}

/// A mapped column.
#[derive(Clone, Debug)]
pub struct Slot {
    /// `None` = main table, else an index into `joins`.
    pub join: Option<usize>,
    /// The column's name.
    pub column: String,
    /// Its kind.
    pub kind: ColumnKind,
    /// Its declared type.
    pub declared: String,
    /// Refuses NULL. (A default does not help: a write sets every mapped column, and an invented value would be a lie.)
    pub required: bool,
    /// Longest text, in characters.
    pub max_length: Option<u32>,
    /// Holds another row's key.
    pub reference: Option<ReferenceColumn>,
    /// False for generated columns and columns of joins that are never written.
    pub writable: bool,
}

/// A column that holds the key of another resource's row.
#[derive(Clone, Debug)]
pub struct ReferenceColumn {
    /// The type referred to.
    pub target: String,
    /// The table its foreign key names, if it has one: the target must be a row of it.
    pub foreign_table: Option<String>,
    /// Names of the maps of the target's type over `foreign_table`: with a foreign key the target is a row of one of them.
    pub maps: Vec<String>,
}

/// The mapped members of an object, in map order.
#[derive(Clone, Debug, Default)]
pub struct ObjectShape {
    /// Members by name.
    pub members: Vec<Member>,
    /// What R4 requires of it beside the map's constants.
    pub required: Vec<Required>,
    /// Elements of several types of which columns say one.
    pub choices: Vec<Choice>,
}

/// An element that comes in one of several types.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// Its JSON names, one for each type.
    pub names: Vec<&'static str>,
    /// The members (by number) that are mapped.
    pub members: Vec<usize>,
}

/// An element that R4 requires, and what is served where the row has nothing for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Required {
    /// Its name without the type of a choice.
    pub name: String,
    /// It is a choice.
    pub choice: bool,
    /// The mapped members (by number) that can be it.
    pub members: Vec<usize>,
    /// The member that says that it is unknown, name and value: JSON text.
    pub absent: String,
}

impl ObjectShape {
    /// Whether columns, child rows or rows of other maps speak for anything in it.
    #[must_use]
    pub fn has_columns(&self) -> bool {
        self.members.iter().any(|member| match &member.target {
            Target::Children(_) | Target::List(_) => true,
            Target::Field(field) => !field.slots.is_empty(),
            Target::Object(inner) => inner.has_columns(),
            Target::Slices(slices) => slices.iter().any(|slice| slice.shape.has_columns()),
        })
    }

    /// Whether anything in it is a constant.
    #[must_use]
    pub fn has_constants(&self) -> bool {
        self.members.iter().any(|member| match &member.target {
            Target::Children(_) | Target::List(_) => false,
            Target::Field(field) => field.constant.is_some(),
            Target::Object(inner) => inner.has_constants(),
            Target::Slices(slices) => slices.iter().any(|slice| slice.shape.has_constants()),
        })
    }
}

/// A mapped member of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The JSON name (a choice element by its full name: `valueQuantity`).
    pub name: String,
    /// What is there.
    pub target: Target,
}

/// What a mapped member is.
#[derive(Clone, Debug)]
pub enum Target {
    /// A list kept as child rows: index into `Map::children`.
    Children(usize),
    /// A primitive (or a whole list of primitives, or a whole Reference) in columns.
    Field(Field),
    /// A list of references to other maps' resources: index into `Map::lists`.
    List(usize),
    /// An object with mapped members.
    Object(ObjectShape),
    /// A list of objects of which some are picked out.
    Slices(Vec<Slice>),
}

/// One picked-out item of a list of objects.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Which item: the first that matches is the slice's home.
    pub selector: Selector,
    /// Its mapped members (its own discriminators are not among them).
    pub shape: ObjectShape,
}

/// A primitive, list of primitives or Reference, and the columns it lives in.
#[derive(Clone, Debug)]
pub struct Field {
    /// Where it lives. Several slots: a list of primitives spread over columns, or one reference in one of them, by the table its
    /// row is of. Empty: a constant.
    pub slots: Vec<usize>,
    /// The member is a JSON array of primitives.
    pub list: bool,
    /// The JSON type of the value.
    pub primitive: Primitive,
    /// How text and column correspond.
    pub codec: Codec,
    /// The field is the `reference` of a Reference (an item of a list of them), not the Reference itself.
    pub bare: bool,
    /// Fixed value (JSON text): an object or slice that has it must carry it for the map to accept the resource, and the
    /// resource must have the object or slice unless it is one with columns.
    pub constant: Option<String>,
    /// Emitted where the column is NULL (or there is none) and the row has no residue (JSON text).
    pub default: Option<String>,
    /// Index into `Map::groups`.
    pub group: Option<usize>,
    /// Code system whose codes this field normalizes to.
    pub terminology: Option<String>,
    /// Path inside a JSON column.
    pub json_path: Vec<String>,
    /// The value (JSON text) that is served where an element that R4 requires is unknown: the column does not take it over.
    pub absent: Option<String>,
    /// A selector looks at the value: it stays where it is, and its column has it as a reading.
    pub stays: bool,
}

/// JSON and FHIR type of a primitive, as far as codecs differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Primitive {
    /// JSON true or false.
    Boolean,
    /// `date`.
    Date,
    /// `dateTime`.
    DateTime,
    /// JSON number with its text kept.
    Decimal,
    /// `instant`.
    Instant,
    /// JSON number without fraction.
    Integer,
    /// Every other string-valued type.
    String,
    /// `time`.
    Time,
}

/// How a FHIR value and a column's text correspond.
#[derive(Clone, Debug)]
pub enum Codec {
    /// By a table of (column text, FHIR code), first match wins in each direction.
    Codes(Vec<(String, String)>),
    /// Attachment data kept elsewhere: the column holds a file path or an object key.
    Content(ContentKind),
    /// Plain text in the column, XHTML in the resource.
    Narrative,
    /// Attachment data in one of several places, parallel to the field's slots: the first that has it is read; it is
    /// written to the first that takes it, and the others are cleared.
    Places(Vec<ContentKind>),
    /// A whole Reference object `{"reference": "Type/id", ...}`; the `reference` member lives in the column.
    Reference,
    /// By the primitive's and the column's type alone.
    Plain,
    /// All members of a JSON object that no other field speaks for, as the object's minified text. The others' fields.
    Rest(Vec<Field>),
    /// A date or time without zone in the column, read in this zone, or (`None`) in the organization's.
    Zoned(Option<jiff::tz::TimeZone>),
}

/// Where an attachment's bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContentKind {
    /// Base64 of the column's own bytes.
    Column,
    /// The column holds a path below the content directory.
    File,
    /// The column holds an object store key.
    Object,
}

/// A one-to-many table.
#[derive(Clone, Debug)]
pub struct Child {
    /// The list it holds.
    pub path: String,
    /// Its table.
    pub table: String,
    /// Column that holds the parent's key.
    pub parent_key: String,
    /// Kind of `parent_key`.
    pub parent_key_kind: ColumnKind,
    /// The child's own primary key column where it is not (`parent_key`, order).
    pub key: Option<String>,
    /// The database generates `key`.
    pub key_generated: bool,
    /// Column of the position.
    pub order: Option<String>,
    /// Column for an item's residue.
    pub residue: Option<String>,
    /// Column that holds the organization.
    pub tenant: Option<String>,
    /// SQL condition on the child's rows (alias = table name).
    pub filter: Option<String>,
    /// The item's mapped columns; `ChildRow::cells` is parallel to this. `Slot::join` is always `None`.
    pub slots: Vec<Slot>,
    /// The item's shape (slot numbers are the child's own). For a list of primitives: one member named "".
    pub shape: ObjectShape,
    /// Groups of the child's slots that fall together.
    pub groups: Vec<Group>,
    /// Types of the child's columns that are named above and are no slots.
    pub bare: Vec<ColumnType>,
}

/// A list of references: those in the residue, and one to every live resource of the maps `of` whose row holds this
/// row's key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List {
    /// Where it is.
    pub path: String,
    /// Names of the maps whose resources are listed, in the order in which they are.
    pub of: Vec<String>,
}

/// A list of another map's that holds this map's resources.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedBy {
    /// The other map's name.
    pub map: String,
    /// Its main table.
    pub table: String,
    /// Index into its `Map::lists`.
    pub list: usize,
    /// The column of this map's main table that holds the other row's key.
    pub column: ColumnType,
}

/// Slots that fall together: a foreign change of one withholds the residue of all.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name in the map.
    pub name: String,
    /// Its slots.
    pub slots: Vec<usize>,
    /// The paths whose residue is withheld (first segments under the shape, e.g. `valueQuantity`, `interpretation`).
    pub members: Vec<String>,
}

/// What consent and search ask of a row: element paths of the resource.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Path of the author.
    pub author: Option<String>,
    /// Path of the code.
    pub code: Option<String>,
    /// Path of the clinically relevant date.
    pub date: Option<String>,
    /// Path of the encounter.
    pub encounter: Option<String>,
}

/// Many resources from one JSON array in a column.
#[derive(Clone, Debug)]
pub struct JsonArray {
    /// The JSON column.
    pub column: String,
    /// Path to the array inside it.
    pub path: Vec<String>,
    /// Member that identifies an element; else its place. The directory's key is `row key#element id` ([`crate::array`]).
    pub id: Option<String>,
}
