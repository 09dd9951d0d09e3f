//! The map language: one TOML file a table, compiled once into what split, join, search and SQL use.
//!
//! A file is read ([`parse`]: TOML to [`syntax::MapFile`]), checked against R4 and the database's [`Schema`], and compiled
//! ([`compile()`]) into [`Map`]s: one a file, or one a facet. Every problem names file, line, what is wrong and what would be
//! right. The built-in files ([`clinic()`]) show most of the language.
//!
//! # The language
//!
//! | key | meaning |
//! |---|---|
//! | `resource`, `table`, `id` | the resource type, the table, its key column |
//! | `id_prefix` | resource id = prefix + key: two maps of one type never share an id |
//! | `tenant`, `patient`, `updated`, `residue`, `deleted` | columns: organization, whose data (`table.column` of a join too), last change, what has no column (unlimited text), soft deletion |
//! | `where` | SQL condition: rows of the table that are resources at all; a new row gets what it says with `=` (`kind = 'order'`) |
//! | `readonly`, `overflow = "refuse"` | what may be written; `"generic"` (default) keeps what does not fit elsewhere |
//! | `append_only = { supersedes = "supersedes_id", retracted = { column = "status", value = "entered-in-error" } }` | rows are never changed, see below |
//! | `joins = [{ table, on, write, where, tenant }]` | `write = "never"` (default): a new row finds the joined one by the resource's values; `"with"`: it is written with the main row. A row whose joined row fails `where` is no resource |
//! | `fields = [{ path, … }]` | an element and where it lives, see below |
//! | `[[children]]` `path, table, key, id, order, residue, tenant, where, fields, groups` | a list in a table of its own; `key` holds the parent's key, `id` is the row's own |
//! | `[[facets]]` `suffix, when, fields, groups` | several resources in one row, each there while its condition holds |
//! | `[[lists]]` `path, of = [maps], by` | a list of References: a reference to every live resource of the maps `of` whose main table holds this row's key in the column `by`. What a client wrote stands first; what it left out stays out |
//! | `listed` | rows come to be only through a list of another map's (named in it in the same transaction), or by SQL |
//! | `after_write` | a function of the owner's that is called with the key after our write of a row (PostgreSQL) |
//! | `[groups]` `name = [paths]` | elements that fall together: a foreign change of one withholds what was said of the others |
//! | `[facts]` `code, date, author, encounter` | element paths, or mapped columns, that consent and search ask for |
//! | `[array]` `json = "column.path", id = "member"` | the resources are the elements of a JSON array, see below; fields say `element = "member.path"` |
//!
//! A field lives in `column`, in `columns` (a list of primitives spread out), at `json = "column.path"`, or is a `const`
//! that a resource must carry to belong to the map (see below). Beside it: `default` (for a NULL column; alone
//! it makes no object that has other columns, so a coding's system can have one), `codes = { M = "male" }` (column text = FHIR code),
//! `reference = "Patient"` (the column holds that resource's key; where rows of several tables are of the type, `rows_of = ["table"]` or a
//! foreign key says which; with `columns`, each for a table of its own, the reference is in the one that its row's table has),
//! `zone = "organization"` or `zone = "Europe/Berlin"` (the column has no zone; a time
//! that came twice or never is read by the earlier offset, or as clocks showed it, and the resource is flagged),
//! `format = "narrative"` (plain text in the column for the XHTML of `text.div`),
//! `content = "column" | "file" | "object"` (attachment bytes; with `columns` and a list of places they lie in one of them),
//! `group`, `terminology` (code system to normalize to).
//!
//! Paths are JSON names: `birthDate`, `valueQuantity.value`. An item of a list is picked by place (`note[0].text`) or by
//! texts in it: members of its own (`name[use=official].family`, `telecom[system=phone,use=home].value`), something further
//! down (`component[code.coding.code=8480-6].valueQuantity.value`, any item of a list on the way), the type it refers to
//! (`participant[actor.reference=Patient/*].actor`: what begins with `Patient/`). The first match is the slice's home. Of a
//! choice of words the first is liked best, an empty one at the end is an item without the member: `name[use=official|usual|].family` is
//! the official name, without one the usual, else the first that does not say its use. What a
//! selector asks of an item's own members is written for rows of other programs (of words the first); any other pair needs a constant under the
//! slice, or a reference column, that makes it true.
//! A list that no selector follows is an error, save on the way to a `const`, where the first item is meant.
//!
//! Constants in an object or slice that also has columns are asked for only where the resource has that object or slice (a
//! blood pressure may lack a component). An object or slice of constants alone is a condition of the whole map.
//!
//! An element that R4 requires and that a row of another program lacks is served as unknown (the code where its list has one,
//! else a data-absent-reason), down to the members of objects and items that the row begins. No map says anything for it, and
//! a client that sends it back changes no column.
//!
//! A list of primitives in one column is an array there (`text[]`; on SQLite a JSON array in a column declared alike), or an
//! array in a JSON document. `json = "column.path"` or `json = "column"` with `rest = true` is one text of all members of the
//! object there that no other field speaks for (or can say): nothing a program puts into it is dropped. It is canonical:
//! members in jsonb's order, no spaces. Written, the members are set; what is no object, or has a name that another field
//! speaks for, stays in the residue.
//!
//! # Lists of references
//!
//! `[[lists]]` says that a list of References (`DiagnosticReport.result`, `section[code.coding.code=18776-5].entry`) holds the
//! resources of other maps by a key in their rows; `of` names files (all facets of each) or `file.facet`, in the order in which they
//! are listed. A section that is there only for its list has the constants of its slice. When a set writes a resource and
//! another that names it in such a list, the maps in `of` come before others for it, and its row gets the key: by the
//! column `by`, which is best a foreign key that no field maps. Maps joined over that column with `write = "never"` must then
//! say what the resource says. What a row is listed by stays when its resource is written again.
//!
//! # Elements of a JSON array
//!
//! Under `[array]` every object in the array at `json` is a resource (`json = "record.conditions"`: column and members; the
//! column may hold `jsonb`, `json` or text). `id` names the member (a text or a number) that identifies an element: where it
//! stands in the array does not matter then. An element without one, or with one that an earlier element has, and every
//! element of a map without `id`, is what stands at its place. The resource's id is `id_prefix`, the row's key, `-` and the
//! element's id (or place). Values have an `element` path; columns of the row can be mapped too, but belong to all its
//! elements and are never written. Nothing, null or an empty object is an empty array; what is something else, or no JSON,
//! takes nothing away: its resources are served as they were, and flagged.
//!
//! PUT changes the members of the element that differ, DELETE removes the element (and leaves `null` where later ones are
//! known by their place). A new resource is added at the end of the array of the one row whose `patient` column is its
//! patient's and whose other mapped columns say what it says; it gets the resource's id as `id` (a number more than the highest where
//! all are numbers). Where there is no such row, or several, it goes to the generic store. Other elements and members stay,
//! in a text column to the byte. Residues are in the gateway's directory. Without `id` such a map is `readonly`; children,
//! lists, facets and joined rows that are written do not go together with it.
//!
//! # Rows that are never changed
//!
//! Under `append_only` PUT appends a row whose `supersedes` holds the key of the resource's row, and DELETE appends a
//! retraction: the old row with the text of `retracted`. The resource keeps its id and goes to the new row; a row that is
//! replaced is no resource. Programs that append by SQL do the same. Of several rows that replace one, the newest counts: by
//! the map's `updated` column, then by key. Columns that the map does not name are taken over from the row that is
//! replaced. Laws 1 and 3 hold of the new row; the old one is what it was. Residues are in the gateway's directory. A
//! resource that the table cannot carry goes to the generic store, and its row is retracted.

mod absent;
mod check;
mod clinic;
mod compile;
mod compiled;
mod condition;
mod describe;
mod element;
mod fields;
mod path;
mod problem;
mod reader;
mod reference;
mod selected;
mod selector;
mod set;
mod shape;
pub mod syntax;
mod tables;

pub use clinic::clinic;
pub use compiled::*;
pub use describe::describe;
pub use path::{Path, PathError, Segment};
pub use problem::{Problem, Severity};
pub use reference::reference;
pub(crate) use selector::homes;
pub use selector::{Pair, Selector, Test};
pub use set::MapSet;

use crate::schema::Schema;
use problem::Report;
use syntax::MapFile;
use tables::Tables;

/// A map file: its name and its text.
pub type File = (String, String);

/// Reads one file, without looking at tables or element names.
///
/// # Errors
/// The file is not TOML, has keys that maps do not have, or lacks some that they must have.
pub fn parse(name: &str, text: &str) -> Result<MapFile, Vec<Problem>> {
    let mut report = Report::new(name, text);
    let file = reader::read(name, text, &mut report);
    let problems = report.into_problems();
    match file {
        Some(file) if problems.is_empty() => Ok(file),
        _ => Err(problems),
    }
}

/// Compiles files against a database's tables.
///
/// # Errors
/// All problems of all files, warnings among them, where at least one is an error.
pub fn compile(files: &[File], schema: &Schema) -> Result<MapSet, Vec<Problem>> {
    let (set, problems) = check::all(files, Tables::new(Some(schema)));
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    Ok(MapSet { warnings: problems, ..set })
}

/// Checks files where no database is at hand: everything but the names and types of tables and columns.
pub fn check(files: &[File]) -> Vec<Problem> {
    check::all(files, Tables::new(None)).1
}
