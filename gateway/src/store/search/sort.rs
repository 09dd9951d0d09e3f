//! `_sort` (<https://hl7.org/fhir/R4/search.html#sort>): keys as expressions, and where a page goes on.

use std::cmp::Ordering;

use mappers::search::query::{IndexKind, SortKey, SortSource};

use super::compiler::{Compiler, Reach, table_of};
use crate::store::connection::Row;
use crate::store::types::SearchKey;

/// The column of a kind's table that orders, which several values are one by its least or greatest.
pub(super) fn column(kind: IndexKind) -> &'static str {
    match kind {
        IndexKind::Date | IndexKind::Quantity => "low",
        IndexKind::Reference => "target_id",
        IndexKind::String => "normal",
        IndexKind::Token => "code",
    }
}

/// The value of a key of the directory row `d`.
pub(super) fn expression(compiler: &mut Compiler<'_>, key: &SortKey) -> String {
    match &key.source {
        SortSource::Id => "d.id".to_owned(),
        SortSource::LastUpdated => "d.updated".to_owned(),
        SortSource::Index { kind, paths } => extreme(compiler, *kind, paths, key.descending, "d"),
    }
}

/// The least (or greatest) value that a resource has at some places.
pub(super) fn extreme(
    compiler: &mut Compiler<'_>,
    kind: IndexKind,
    paths: &[i32],
    descending: bool,
    directory: &str,
) -> String {
    let row = compiler.alias("o");
    let at = compiler.at(paths, &row, Reach::Row);
    let (which, column) = (if descending { "max" } else { "min" }, column(kind));
    format!("(select {which}({row}.{column}) from {} {row} where {row}.rid = {directory}.rid and {at})", table_of(kind))
}

/// That no other row of the resource comes before this one: of several values, and of equal ones, one counts. (Asked so,
/// PostgreSQL expects it to hold of many rows, and takes the index in its order.)
pub(super) fn is_first(
    compiler: &mut Compiler<'_>,
    kind: IndexKind,
    paths: &[i32],
    descending: bool,
    row: &str,
) -> String {
    let other = compiler.alias("o");
    let at = compiler.at(paths, &other, Reach::Row);
    let (column, than) = (column(kind), if descending { ">" } else { "<" });
    let rest = |row: &str| {
        let columns: Vec<String> = rest(kind).iter().map(|column| format!("{row}.{column}")).collect();
        format!("({})", columns.join(", "))
    };
    let barrier = compiler.barrier();
    format!(
        "not exists (select 1 from {} {other} where {other}.rid = {row}.rid and {at} and \
         ({other}.{column} {than} {row}.{column} or ({other}.{column} = {row}.{column} and {} < {})){barrier})",
        table_of(kind),
        rest(&other),
        rest(row)
    )
}

/// A statement that gives of each place the first value in an order, and the one that has so many index rows up to it; NULL
/// where there is none. `from`: only values from there on count.
pub(super) fn ends(
    compiler: &mut Compiler<'_>,
    (kind, paths, descending): (IndexKind, &[i32], bool),
    from: Option<&SearchKey>,
    rows: usize,
) -> String {
    let (column, table) = (column(kind), table_of(kind));
    let (direction, than) = if descending { (" desc", "<=") } else { ("", ">=") };
    let from = from.and_then(|value| place(compiler, value));
    let mut values = Vec::new();
    for path in paths {
        for offset in [0, rows - 1] {
            let row = compiler.alias("i");
            let at = compiler.at(&[*path], &row, Reach::All);
            let from = from.as_ref().map_or_else(String::new, |value| format!(" and {row}.{column} {than} {value}"));
            values.push(format!(
                "(select {row}.{column} from {table} {row} where {at}{from} order by {row}.{column}{direction} \
                 limit 1 offset {offset})"
            ));
        }
    }
    format!("select {} where {1} = {1}", values.join(", "), compiler.organization)
}

/// What [`ends`] found: the places that have values, and the value up to which all of them have been looked at, where one has
/// more.
pub(super) fn looked_at(key: &SortKey, paths: &[i32], row: &Row) -> (Vec<i32>, SearchKey) {
    let (mut places, mut horizon) = (Vec::new(), SearchKey::None);
    for (number, path) in paths.iter().enumerate() {
        if row.is_null(2 * number) {
            continue;
        }
        places.push(*path);
        let last = read(key, row, 2 * number + 1);
        if last != SearchKey::None && (horizon == SearchKey::None || comes_before(&last, &horizon, key.descending)) {
            horizon = last;
        }
    }
    (places, horizon)
}

/// Whether a value comes before another one of its kind.
fn comes_before(one: &SearchKey, other: &SearchKey, descending: bool) -> bool {
    let order = match (one, other) {
        (SearchKey::Int(one), SearchKey::Int(other)) => one.cmp(other),
        (SearchKey::Real(one), SearchKey::Real(other)) => one.total_cmp(other),
        // Bytes, as both engines compare these columns.
        (SearchKey::Text(one), SearchKey::Text(other)) => one.cmp(other),
        _ => Ordering::Equal,
    };
    if descending { order.is_gt() } else { order.is_lt() }
}

/// Columns that tell rows of one resource and value apart.
fn rest(kind: IndexKind) -> &'static [&'static str] {
    match kind {
        IndexKind::Date => &["path", "high", "item"],
        IndexKind::Quantity => &["path", "item", "high", "system", "code", "unit"],
        IndexKind::Reference => &["path", "target_type", "item"],
        IndexKind::String => &["path", "item", "text"],
        IndexKind::Token => &["path", "system", "item"],
    }
}

/// `order by`: what lacks a key comes last; equal matches are in the order of their row ids. `present`: every row has the
/// first key.
pub(super) fn order(keys: &[SortKey], names: &[String], rid: &str, present: bool) -> String {
    let mut order = Vec::new();
    for (number, (key, name)) in keys.iter().zip(names).enumerate() {
        let direction = if key.descending { " desc" } else { "" };
        // Not an expression of the name: PostgreSQL knows a column's new name only by itself.
        let may_lack = !(present && number == 0) && matches!(key.source, SortSource::Index { .. });
        let last = if may_lack { " nulls last" } else { "" };
        order.push(format!("{name}{direction}{last}"));
    }
    order.push(rid.to_owned());
    order.join(", ")
}

/// That a row comes after a place: its keys and its row id.
pub(super) fn after(
    compiler: &mut Compiler<'_>,
    keys: &[SortKey],
    names: &[String],
    values: &[SearchKey],
    rid: (&str, &str),
) -> String {
    let mut condition = format!("{} > {}", rid.0, rid.1);
    for ((key, name), value) in keys.iter().zip(names).zip(values).rev() {
        condition = match place(compiler, value) {
            None => format!("({name} is null and {condition})"),
            Some(value) => {
                let than = if key.descending { "<" } else { ">" };
                format!("({name} {than} {value} or {name} is null or ({name} = {value} and {condition}))")
            }
        };
    }
    condition
}

/// The placeholder of a key's value.
pub(super) fn place(compiler: &mut Compiler<'_>, value: &SearchKey) -> Option<String> {
    match value {
        SearchKey::Int(value) => Some(compiler.statement.int(*value)),
        SearchKey::None => None,
        SearchKey::Real(value) => Some(compiler.statement.real(*value)),
        SearchKey::Text(value) => Some(compiler.statement.text(value)),
    }
}

/// Reads a key's value from a column of a row.
pub(super) fn read(key: &SortKey, row: &Row, column: usize) -> SearchKey {
    if row.is_null(column) {
        return SearchKey::None;
    }
    let value = match &key.source {
        SortSource::LastUpdated | SortSource::Index { kind: IndexKind::Date, .. } => {
            row.int(column).map(SearchKey::Int)
        }
        SortSource::Index { kind: IndexKind::Quantity, .. } => row.real(column).map(SearchKey::Real),
        SortSource::Id | SortSource::Index { .. } => row.text(column).map(|text| SearchKey::Text(text.into())),
    };
    value.unwrap_or(SearchKey::None)
}

/// An order in words.
pub(super) fn told(keys: &[SortKey]) -> String {
    if keys.is_empty() {
        return "of creation".to_owned();
    }
    let key = |key: &SortKey| {
        let direction = if key.descending { " descending" } else { "" };
        format!("{:?}{direction}", key.source)
    };
    keys.iter().map(key).collect::<Vec<_>>().join(", then ")
}
