//! Tables that are only appended to: a change appends a row that names the one it replaces, a deletion one that is marked
//! as a retraction. The rows that replace one another are a tree; of each tree one row at most is a resource.

use super::main_table::{self, HERE, InsertParameter};
use super::names::{Names, type_of};
use crate::map::AppendOnly;
use crate::schema::ColumnKind;

/// The statements of a table that is only appended to.
#[derive(Clone, Debug)]
pub struct Append {
    /// Appends a row in the place of another: `$1` is the organization, `$2` the other's key, `$3`… `parameters`. Columns that
    /// the map does not name are taken over. Returns the key and the slots in `returned`.
    pub supersede: String,
    /// What `supersede` takes from `$3` on.
    pub parameters: Vec<InsertParameter>,
    /// The slots that `supersede` returns after the key.
    pub returned: Vec<usize>,
    /// Appends a retraction of a row, which has all else of it: `$1` and `$2` as above, then `retract_parameters`. Returns the key.
    pub retract: String,
    /// What `retract` takes from `$3` on.
    pub retract_parameters: Vec<InsertParameter>,
    /// All rows of the trees that the keys belong to: the first row's key, the row's key. `$1` is the organization.
    pub trees: String,
}

impl Append {
    pub(super) fn new(names: &Names<'_>) -> Option<Self> {
        let append = names.map.append_only.as_ref()?;
        let (supersede, parameters, returned) = supersede(names, append);
        let (retract, retract_parameters) = retract(names, append);
        let trees = trees(names, append);
        Some(Self { supersede, parameters, returned, retract, retract_parameters, trees })
    }
}

fn supersede(names: &Names<'_>, append: &AppendOnly) -> (String, Vec<InsertParameter>, Vec<usize>) {
    let map = names.map;
    let mut values = Values::default();
    for (parameter, column, bind) in main_table::columns(names) {
        values.parameter(names, parameter, &column, &bind);
    }
    values.copy(names, &append.supersedes, &map.key);
    append.carried.iter().for_each(|column| values.copy(names, column, column));
    let (retracted, word) = &append.retracted;
    if !values.has(names, retracted) {
        // What is written anew is no retraction any more.
        let (column, is) = (names.column(&map.table, retracted), is_retracted(names, append));
        values.push(names, retracted, format!("case when {is} then null else {column} end"));
    }
    debug_assert!(!word.is_empty(), "a retraction is told by a text");
    let returned: Vec<usize> = values
        .parameters
        .iter()
        .filter_map(|parameter| match parameter {
            InsertParameter::Slot(slot) => Some(*slot),
            _ => None,
        })
        .collect();
    let mut texts = vec![names.dialect.read(&names.quote(&map.key), map.key_kind, "text")];
    texts.extend(returned.iter().map(|slot| {
        let slot = &map.slots[*slot];
        names.dialect.read(&names.quote(&slot.column), slot.kind, &slot.declared)
    }));
    (values.insert(names, &texts), values.parameters, returned)
}

fn retract(names: &Names<'_>, append: &AppendOnly) -> (String, Vec<InsertParameter>) {
    let map = names.map;
    let mut values = Values::default();
    for (parameter, column, bind) in main_table::columns(names) {
        match parameter {
            InsertParameter::Key | InsertParameter::Updated => values.parameter(names, parameter, &column, &bind),
            _ if column == append.retracted.0 => {}
            _ => values.copy(names, &column, &column),
        }
    }
    values.copy(names, &append.supersedes, &map.key);
    append.carried.iter().for_each(|column| values.copy(names, column, column));
    values.push(names, &append.retracted.0, mark(names, append));
    let key = names.dialect.read(&names.quote(&map.key), map.key_kind, "text");
    (values.insert(names, &[key]), values.parameters)
}

/// `'entered-in-error'` as a value of its column.
fn mark(names: &Names<'_>, append: &AppendOnly) -> String {
    let (column, word) = &append.retracted;
    let (kind, declared) = type_of(&names.map.bare, column);
    names.dialect.bind(&format!("'{}'", word.replace('\'', "''")), kind, declared)
}

fn is_retracted(names: &Names<'_>, append: &AppendOnly) -> String {
    format!("{} = {}", names.column(&names.map.table, &append.retracted.0), mark(names, append))
}

/// Columns and values of an INSERT from another row.
#[derive(Default)]
struct Values {
    columns: Vec<String>,
    values: Vec<String>,
    parameters: Vec<InsertParameter>,
}

impl Values {
    fn push(&mut self, names: &Names<'_>, column: &str, value: String) {
        self.columns.push(names.quote(column));
        self.values.push(value);
    }

    fn parameter(&mut self, names: &Names<'_>, parameter: InsertParameter, column: &str, bind: &str) {
        let placeholder = format!("${}", self.parameters.len() + 3);
        self.push(names, column, bind.replace(HERE, &placeholder));
        self.parameters.push(parameter);
    }

    fn copy(&mut self, names: &Names<'_>, column: &str, from: &str) {
        self.push(names, column, names.column(&names.map.table, from));
    }

    fn has(&self, names: &Names<'_>, column: &str) -> bool {
        self.columns.contains(&names.quote(column))
    }

    fn insert(&self, names: &Names<'_>, returned: &[String]) -> String {
        let map = names.map;
        format!(
            "insert into {table} ({}) select {} from {table} where {} = {} and {} returning {}",
            self.columns.join(", "),
            self.values.join(", "),
            names.column(&map.table, &map.key),
            names.bind_key("$2"),
            names.tenancy(&map.table, map.tenant.as_deref(), &map.bare),
            returned.join(", "),
            table = names.quote(&map.table),
        )
    }
}

/// What makes a row the one that counts: nothing replaces it, it is no retraction, and wherever two rows replace the same
/// one, it follows the newer.
pub(super) fn current(names: &Names<'_>) -> Vec<String> {
    let Some(append) = &names.map.append_only else { return Vec::new() };
    let map = names.map;
    let table = names.quote(&map.table);
    let own = |column: &str| names.column(&map.table, column);
    let of = |alias: &str, column: &str| format!("{alias}.{}", names.quote(column));
    let (key, supersedes) = (map.key.as_str(), append.supersedes.as_str());
    let age = map.updated.as_deref();
    let ages = |from: &dyn Fn(&str) -> String| age.map_or_else(String::new, |age| format!(", {}", from(age)));
    let line = if age.is_some() { "line (key, parent, age)" } else { "line (key, parent)" };
    vec![
        format!("({} is null or not {})", own(&append.retracted.0), is_retracted(names, append)),
        format!("not exists (select 1 from {table} newer where {} = {})", of("newer", supersedes), own(key)),
        format!(
            "({supersedes_own} is null or not exists (with recursive {line} as (\
             select {key_own}, {supersedes_own}{ages_own} \
             union select {}, {}{} from line join {table} p on {} = line.parent) \
             select 1 from line join {table} s on {} = line.parent and {} <> line.key and {}))",
            of("p", key),
            of("p", supersedes),
            ages(&|age| of("p", age)),
            of("p", key),
            of("s", supersedes),
            of("s", key),
            newer(names, "s"),
            supersedes_own = own(supersedes),
            key_own = own(key),
            ages_own = ages(&own),
        ),
    ]
}

/// Whether a row is newer than the one of `line` beside it.
fn newer(names: &Names<'_>, alias: &str) -> String {
    let map = names.map;
    let key = format!("{alias}.{} > line.key", names.quote(&map.key));
    let Some(age) = &map.updated else { return key };
    let (kind, declared) = type_of(&map.bare, age);
    // As texts, which both engines order alike; without the zone, that a fraction comes after none.
    let text = |column: String| match kind {
        ColumnKind::Timestamp | ColumnKind::TimestampTz => {
            format!("coalesce(rtrim({}, 'Z'), '')", names.dialect.read(&column, kind, declared))
        }
        _ => format!("coalesce({}, '')", names.dialect.read(&column, kind, declared)),
    };
    let (there, here) = (text(format!("{alias}.{}", names.quote(age))), text("line.age".to_owned()));
    format!("({there} > {here} or ({there} = {here} and {key}))")
}

fn trees(names: &Names<'_>, append: &AppendOnly) -> String {
    let map = names.map;
    let table = names.quote(&map.table);
    let of = |alias: &str, column: &str| format!("{alias}.{}", names.quote(column));
    let tenancy = |alias: &str| names.tenancy(alias, map.tenant.as_deref(), &map.bare);
    let (key, supersedes) = (map.key.as_str(), append.supersedes.as_str());
    let read = |column: &str| names.dialect.read(column, map.key_kind, "text");
    format!(
        "with recursive line (key, parent) as (\
         select {k_key}, {k_sup} from {{keys}} join {table} \"r\" on {k_key} = {} where {} \
         union select {}, {} from line join {table} \"p\" on {} = line.parent and {}), \
         tree (root, key) as (select line.key, line.key from line \
         where not exists (select 1 from {table} p where {} = line.parent) \
         union select tree.root, {} from tree join {table} \"c\" on {} = tree.key and {}) \
         select {}, {} from tree",
        names.bind_key("k.key"),
        tenancy("r"),
        of("p", key),
        of("p", supersedes),
        of("p", key),
        tenancy("p"),
        of("p", key),
        of("c", key),
        of("c", supersedes),
        tenancy("c"),
        read("tree.root"),
        read("tree.key"),
        k_key = of("r", key),
        k_sup = of("r", supersedes),
    )
}
