//! What searches find a resource by: rows of the index tables, a table for each kind of value.
//!
//! They hold every searched value of the current version, whether a column holds it, too, or not: users' tables have no
//! indexes for most searches and get none from us, normalized texts, ranges of time and base units are in no column, and
//! chains and includes need one relation for all references.

use std::borrow::Cow;

use consent::OrganizationId;
use mappers::json::Element;
use mappers::search::{IndexRows, extract};
use sha2::{Digest, Sha256};
use terminology::units;

use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};

/// The longest code, address or reference that is kept whole, in bytes: an entry of a b-tree has its limits.
const LONGEST_KEY: usize = 200;
/// The longest text that is kept whole in the column that orders texts, in characters.
pub(crate) const LONGEST_NORMAL: usize = 100;

const TABLES: [&str; 5] = ["index_date", "index_quantity", "index_reference", "index_string", "index_token"];

/// The rows of one resource.
#[derive(Debug, Default)]
pub(crate) struct Index(IndexRows<'static>);

impl Index {
    /// The rows of a resource.
    pub(crate) fn of(kind: &str, element: Element<'_>) -> Self {
        Self(extract(kind, element).into_owned())
    }
}

/// A code, address or reference as the index keeps it: a long one is cut, with a digest in place of the rest.
pub(crate) fn key(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_KEY {
        return Cow::Borrowed(text);
    }
    let mut end = LONGEST_KEY / 2;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut cut = text[..end].to_owned();
    cut.push('\u{2026}');
    for byte in Sha256::digest(text.as_bytes()) {
        cut.push_str(&format!("{byte:02x}"));
    }
    Cow::Owned(cut)
}

/// The start of a normalized text that the index orders by, and whether that is all of it.
pub(crate) fn start_of(normal: &str) -> (&str, bool) {
    normal.char_indices().nth(LONGEST_NORMAL).map_or((normal, true), |(end, _)| (&normal[..end], false))
}

/// Drops the rows of resources.
pub(crate) async fn forget(connection: &mut Connection, rids: &[i64]) -> Result<(), DbError> {
    if rids.is_empty() {
        return Ok(());
    }
    let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
    for table in TABLES {
        let sql = format!("delete from {table} where rid in (select k.rid from {{keys}})");
        bulk::execute_by_keys(connection, &sql, &[], &[("rid", BulkType::Int)], &keys).await?;
    }
    Ok(())
}

/// Adds the rows of resources, by the directory's row ids.
pub(crate) async fn store(
    connection: &mut Connection,
    organization: OrganizationId,
    index: &[(i64, &Index)],
) -> Result<(), DbError> {
    let organization = Arg::Int(organization.0);
    tokens(connection, organization, index).await?;
    strings(connection, organization, index).await?;
    dates(connection, organization, index).await?;
    quantities(connection, organization, index).await?;
    references(connection, organization, index).await
}

const COMMON: [BulkColumn<'static>; 4] =
    [("organization_id", BulkType::Int), ("path", BulkType::Int), ("rid", BulkType::Int), ("item", BulkType::Int)];

async fn tokens(connection: &mut Connection, organization: Arg<'_>, index: &[(i64, &Index)]) -> Result<(), DbError> {
    let keys: Vec<_> = rows(index, |rows| &rows.tokens)
        .map(|(rid, row)| (rid, row.path, row.item, key(&row.code), key(&row.system)))
        .collect();
    let mut args = Vec::with_capacity(keys.len() * 6);
    for (rid, path, item, code, system) in &keys {
        args.extend(common(organization, *path, *rid, *item));
        args.extend([Arg::Text(code), Arg::Text(system)]);
    }
    insert(connection, "index_token", &[("code", BulkType::Text), ("system", BulkType::Text)], &args).await
}

async fn strings(connection: &mut Connection, organization: Arg<'_>, index: &[(i64, &Index)]) -> Result<(), DbError> {
    let mut args = Vec::new();
    for (rid, row) in rows(index, |rows| &rows.strings) {
        let (start, is_whole) = start_of(&row.normal);
        let whole = if is_whole { Arg::Null } else { Arg::Text(&row.normal) };
        args.extend(common(organization, row.path, rid, row.item));
        args.extend([Arg::Text(start), whole, Arg::Text(&row.text)]);
    }
    let columns = [("normal", BulkType::Text), ("whole", BulkType::Text), ("text", BulkType::Text)];
    insert(connection, "index_string", &columns, &args).await
}

async fn dates(connection: &mut Connection, organization: Arg<'_>, index: &[(i64, &Index)]) -> Result<(), DbError> {
    let mut args = Vec::new();
    for (rid, row) in rows(index, |rows| &rows.dates) {
        args.extend(common(organization, row.path, rid, row.item));
        args.extend([Arg::Int(row.low), Arg::Int(row.high)]);
    }
    insert(connection, "index_date", &[("low", BulkType::Int), ("high", BulkType::Int)], &args).await
}

async fn quantities(
    connection: &mut Connection,
    organization: Arg<'_>,
    index: &[(i64, &Index)],
) -> Result<(), DbError> {
    let based: Vec<_> = rows(index, |rows| &rows.quantities)
        .map(|(rid, row)| (rid, row, units::base(&row.system, &row.code)))
        .collect();
    let mut args = Vec::with_capacity(based.len() * 12);
    for (rid, row, base) in &based {
        args.extend(common(organization, row.path, *rid, row.item));
        args.extend([Arg::Real(row.low), Arg::Real(row.high)]);
        args.extend([Arg::Text(&row.system), Arg::Text(&row.code), Arg::Text(&row.unit)]);
        match base {
            Some(base) => {
                let (low, high) = (base.of(row.low), base.of(row.high));
                args.extend([Arg::Text(&base.unit), Arg::Real(low), Arg::Real(high)]);
            }
            None => args.extend([Arg::Null, Arg::Null, Arg::Null]),
        }
    }
    let columns = [
        ("low", BulkType::Real),
        ("high", BulkType::Real),
        ("system", BulkType::Text),
        ("code", BulkType::Text),
        ("unit", BulkType::Text),
        ("base", BulkType::Text),
        ("base_low", BulkType::Real),
        ("base_high", BulkType::Real),
    ];
    insert(connection, "index_quantity", &columns, &args).await
}

async fn references(
    connection: &mut Connection,
    organization: Arg<'_>,
    index: &[(i64, &Index)],
) -> Result<(), DbError> {
    let keys: Vec<_> = rows(index, |rows| &rows.references).map(|(rid, row)| (rid, row, key(&row.target_id))).collect();
    let mut args = Vec::with_capacity(keys.len() * 6);
    for (rid, row, id) in &keys {
        args.extend(common(organization, row.path, *rid, row.item));
        args.extend([Arg::Text(id), Arg::Text(row.target_type)]);
    }
    let columns = [("target_id", BulkType::Text), ("target_type", BulkType::Text)];
    insert(connection, "index_reference", &columns, &args).await
}

fn rows<'i, T: 'i>(
    index: &'i [(i64, &'i Index)],
    of: impl Fn(&'i IndexRows<'static>) -> &'i Vec<T> + 'i,
) -> impl Iterator<Item = (i64, &'i T)> {
    index.iter().flat_map(move |(rid, index)| of(&index.0).iter().map(|row| (*rid, row)))
}

fn common(organization: Arg<'_>, path: i32, rid: i64, item: i32) -> [Arg<'_>; 4] {
    [organization, Arg::Int(path.into()), Arg::Int(rid), Arg::Int(item.into())]
}

async fn insert(
    connection: &mut Connection,
    table: &str,
    columns: &[BulkColumn<'_>],
    args: &[Arg<'_>],
) -> Result<(), DbError> {
    let columns: Vec<BulkColumn<'_>> = COMMON.iter().chain(columns).copied().collect();
    // Two long values that differ only past the cut are one row.
    let conflict = if matches!(table, "index_string" | "index_quantity") { "" } else { "on conflict do nothing" };
    bulk::insert_rows(connection, table, &columns, args, conflict).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_are_cut_and_stay_apart() {
        let (one, two) = ("é".repeat(150) + "1", "é".repeat(150) + "2");
        assert_ne!(key(&one), key(&two));
        assert!(key(&one).len() < 200);
        assert_eq!(key("short"), "short");
    }

    #[test]
    fn long_texts_have_a_start() {
        assert_eq!(start_of("abc"), ("abc", true));
        let long = "é".repeat(101);
        assert_eq!(start_of(&long), (&*"é".repeat(100), false));
    }
}
