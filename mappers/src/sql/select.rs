//! Reading rows.

use super::append;
use super::names::{Names, type_of};
use crate::map::{Join, JoinWrite, Map, PatientSource, ReferenceColumn, Slot};
use crate::schema::ColumnKind;

/// The rows of the keys; see [`super::Statements::select`].
pub(super) fn rows(names: &Names<'_>) -> String {
    let map = names.map;
    let mut columns = vec![names.read_key()];
    columns.extend(map.slots.iter().map(|slot| names.read(names.table_of(slot), slot)));
    columns.extend(map.slots.iter().filter_map(|slot| reference(names, names.table_of(slot), slot)));
    columns.push(map.residue.as_deref().map_or_else(null, |residue| bare(names, residue)));
    let exists = |when: &String| format!("case when {when} then 'true' else 'false' end");
    columns.push(map.when.as_ref().map_or_else(|| "'true'".to_owned(), exists));
    columns.push(map.updated.as_deref().map_or_else(null, |updated| bare(names, updated)));
    format!(
        "select {} from {{keys}} join {} where {}",
        columns.join(", "),
        source(names, Some("k.key")),
        conditions(names).join(" and ")
    )
}

/// How many rows are resources; see [`super::Statements::count`].
pub(super) fn count(names: &Names<'_>) -> String {
    let mut conditions = conditions(names);
    conditions.extend(names.map.when.as_ref().map(|when| format!("({when})")));
    format!("select count(*) from {} where {}", source(names, None), conditions.join(" and "))
}

fn null() -> String {
    "cast(null as text)".to_owned()
}

/// A column of the main table that is no slot, as text.
fn bare(names: &Names<'_>, column: &str) -> String {
    let (kind, declared) = type_of(&names.map.bare, column);
    names.dialect.read(&names.column(&names.map.table, column), kind, declared)
}

/// The main table (joined to a key expression) and its joined tables.
pub(super) fn source(names: &Names<'_>, key: Option<&str>) -> String {
    let map = names.map;
    let on = key.map(|key| format!("{} = {}", names.column(&map.table, &map.key), names.bind_key(key)));
    source_on(names, on.as_deref())
}

/// The main table (joined on a condition) and its joined tables.
pub(super) fn source_on(names: &Names<'_>, on: Option<&str>) -> String {
    let map = names.map;
    let mut sql = names.quote(&map.table);
    if let Some(on) = on {
        sql.push_str(&format!(" on {on}"));
    }
    for join in &map.joins {
        sql.push_str(&left_join(names, join));
    }
    sql
}

fn left_join(names: &Names<'_>, join: &Join) -> String {
    let mut on = vec![format!(
        "{} = {}",
        names.column(&join.table, &join.column),
        names.column(&join.other_table, &join.other_column)
    )];
    if let Some(tenant) = &join.tenant {
        on.push(names.tenancy(&join.table, Some(tenant), &join.bare));
    }
    format!(" left join {} on {}", names.quote(&join.table), on.join(" and "))
}

/// What makes a row of the main table a resource of this organization.
pub(super) fn conditions(names: &Names<'_>) -> Vec<String> {
    let map = names.map;
    let mut conditions = vec![names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)];
    conditions.extend(map.filter.as_ref().map(|filter| format!("({filter})")));
    // Not in the join's own condition: a row whose note is deleted would stand there with no patient.
    conditions.extend(map.joins.iter().filter_map(|join| join.filter.as_ref()).map(|filter| format!("({filter})")));
    // A row that names a joined row that is not there (or is another organization's) would be nobody's.
    conditions.extend(bound(map).map(|join| {
        let [named, found] = ends(names, join);
        format!("({named} is null or {found} is not null)")
    }));
    conditions.extend(append::current(names));
    conditions.extend(map.deleted.as_ref().map(|deleted| not_deleted(names, map, deleted)));
    conditions
}

/// The joins that say whether a row is a resource: those with a condition, and that which the patient is reached through.
fn bound(map: &Map) -> impl Iterator<Item = &Join> {
    let through = match map.patient {
        PatientSource::Slot(slot) => map.slots[slot].join,
        PatientSource::Key | PatientSource::None => None,
    };
    let counts = move |(number, join): &(usize, &Join)| {
        join.write == JoinWrite::Never && (join.filter.is_some() || through == Some(*number))
    };
    map.joins.iter().enumerate().filter(counts).map(|(_, join)| join)
}

/// The column that names a joined row, and the one that is named.
fn ends(names: &Names<'_>, join: &Join) -> [String; 2] {
    [names.column(&join.other_table, &join.other_column), names.column(&join.table, &join.column)]
}

/// Rows that would be resources if the joined row they name were there; see [`super::Statements::adrift`].
pub(super) fn adrift(names: &Names<'_>) -> Vec<(String, String)> {
    let map = names.map;
    let mut own = vec![names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)];
    own.extend(map.filter.as_ref().map(|filter| format!("({filter})")));
    own.extend(append::current(names));
    own.extend(map.deleted.as_ref().map(|deleted| not_deleted(names, map, deleted)));
    let statement = |join: &Join| {
        let [named, found] = ends(names, join);
        let (key, source, own) = (names.read_key(), source(names, None), own.join(" and "));
        let sql = format!("select {key} from {source} where {own} and {named} is not null and {found} is null");
        (format!("{}.{}", join.other_table, join.other_column), sql)
    };
    bound(map).map(statement).collect()
}

fn not_deleted(names: &Names<'_>, map: &Map, deleted: &str) -> String {
    let column = names.column(&map.table, deleted);
    match type_of(&map.bare, deleted).0 {
        ColumnKind::Boolean => format!("({column} is null or not {column})"),
        _ => format!("{column} is null"),
    }
}

/// The id of the resource that a slot's key refers to: of a mapped row by its map and key, of one in the generic store by
/// its id.
pub(super) fn reference(names: &Names<'_>, table: &str, slot: &Slot) -> Option<String> {
    let reference = slot.reference.as_ref()?;
    let key = names.read(table, slot);
    let generic = format!(
        "(select d.id from directory d where d.organization_id = $1 and d.type = '{}' and d.id = {key} and d.map is null)",
        reference.target
    );
    Some(match mapped(reference, &key) {
        Some(mapped) => format!("coalesce({mapped}, {generic})"),
        None => generic,
    })
}

fn mapped(reference: &ReferenceColumn, key: &str) -> Option<String> {
    let maps: Vec<String> = reference.maps.iter().map(|map| format!("'{}'", map.replace('\'', "''"))).collect();
    (!maps.is_empty()).then(|| {
        format!(
            "(select d.id from directory d where d.organization_id = $1 and d.map in ({}) and d.key = {key} limit 1)",
            maps.join(", ")
        )
    })
}
