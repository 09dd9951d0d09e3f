//! What searches find a resource by: rows of the index tables, a table for each kind of value.
//!
//! They hold every searched value of the current version, whether a column holds it, too, or not: users' tables have no
//! indexes for most searches and get none from us, normalized texts, ranges of time and base units are in no column, and
//! chains and includes need one relation for all references.

use std::borrow::Cow;
use std::sync::Arc;

use mappers::json::{Document, Element};
use mappers::references::Bases;
use mappers::search::{Custom, IndexRows, extract};
use sha2::{Digest, Sha256};
use terminology::units::{self, Base};

use crate::store::bulk::{self, Batch, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::consents::redaction;
use crate::store::normalizing::{self, Normalized};

/// The longest code, address or reference that is kept whole, in bytes: an entry of a b-tree has its limits.
const LONGEST_KEY: usize = 200;
/// The longest text that is kept whole in the column that orders texts, in characters.
pub(crate) const LONGEST_NORMAL: usize = 100;

pub(crate) const TABLES: [&str; 5] = ["index_date", "index_quantity", "index_reference", "index_string", "index_token"];

/// The rows of one resource, as the tables keep them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    rows: IndexRows<'static>,
    /// Parallel to the quantities.
    bases: Vec<Option<Arc<Base>>>,
    /// What its codes mean: kept beside, and found as if it were written.
    normalized: Normalized,
}

impl Index {
    /// The rows of a resource; `served`: as it will be served, with the parameters of the organization's own; `bases`:
    /// where we are served.
    pub(crate) fn of(kind: &str, element: Element<'_>, served: Served<'_>, bases: &Bases) -> Self {
        let mut rows = extract(kind, element);
        // Nothing is read a second time where an organization has no parameters of its own.
        if served.custom.of(kind).next().is_some()
            && let Ok(document) = Document::parse(served.body)
        {
            let mut own = IndexRows::default();
            let unspoken = redaction::unspoken(document.root(), bases);
            let unspoken = unspoken.as_deref().and_then(|text| Document::parse(text).ok());
            served.custom.extract(kind, unspoken.as_ref().unwrap_or(&document).root(), &mut own);
            let own = own.into_owned();
            rows.tokens.extend(own.tokens);
            rows.strings.extend(own.strings);
            rows.dates.extend(own.dates);
            rows.quantities.extend(own.quantities);
            rows.references.extend(own.references);
        }
        Self::of_rows(rows.into_owned(), bases)
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &IndexRows<'static> {
        &self.rows
    }

    /// Rows as the tables keep them, each once, whoever made them: the tables take no row twice.
    pub(crate) fn of_rows(mut rows: IndexRows<'static>, bases: &Bases) -> Self {
        for row in &mut rows.references {
            if let Some((kind, id)) = bases.own(&row.target_id) {
                (row.target_type, row.target_id) = (kind, Cow::Owned(id.to_owned()));
            }
        }
        let keys = rows.tokens.iter_mut().flat_map(|row| [&mut row.code, &mut row.system]);
        for text in keys.chain(rows.references.iter_mut().map(|row| &mut row.target_id)) {
            if text.len() > LONGEST_KEY {
                *text = Cow::Owned(key(text).into_owned());
            }
        }
        // Last of all: a value may spell what another one has become.
        rows.once();
        let bases = rows.quantities.iter().map(|row| units::base(&row.system, &row.code)).collect();
        Self { rows, bases, normalized: Normalized::default() }
    }

    /// With what the resource's codes mean.
    pub(crate) fn with(self, normalized: Normalized) -> Self {
        Self { normalized, ..self }
    }

    /// What the resource's codes mean.
    pub(crate) fn normalized(&self) -> &[normalizing::Row] {
        &self.normalized.rows
    }

    /// The resource as it is shown, where that is not as it was written.
    pub(crate) fn shown(&self) -> Option<&[u8]> {
        self.normalized.shown.as_deref().map(str::as_bytes)
    }
}

/// A resource as it will be served, and what it is indexed for beside the parameters that are built in.
#[derive(Clone, Copy)]
pub(crate) struct Served<'s> {
    /// The text; empty where it is deleted.
    pub(crate) body: &'s [u8],
    /// The organization's own parameters.
    pub(crate) custom: &'s Custom,
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

/// Whether a text looks like one that [`key`] has cut.
pub(crate) fn is_cut(text: &str) -> bool {
    const DIGITS: usize = 64;
    let Some(at) = text.len().checked_sub(DIGITS).filter(|at| text.is_char_boundary(*at)) else { return false };
    let (start, digest) = text.split_at(at);
    start.ends_with('\u{2026}') && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The start of a normalized text that the index orders by, and whether that is all of it.
pub(crate) fn start_of(normal: &str) -> (&str, bool) {
    normal.char_indices().nth(LONGEST_NORMAL).map_or((normal, true), |(end, _)| (&normal[..end], false))
}

/// Drops the rows of resources.
pub(crate) async fn forget(connection: &mut Connection, rids: &[i64]) -> Result<(), DbError> {
    if rids.is_empty() { Ok(()) } else { bulk::delete_together(connection, &TABLES, rids).await }
}

/// The rows of resources, by the directory's row ids, for each table.
pub(crate) fn batches<'i>(index: &[(i64, &'i Index)]) -> [Batch<'i>; 5] {
    [dates(index), quantities(index), references(index), strings(index), tokens(index)]
}

fn tokens<'i>(index: &[(i64, &'i Index)]) -> Batch<'i> {
    const COLUMNS: &[BulkColumn<'static>] = &[PATH, RID, ITEM, ("code", BulkType::Text), ("system", BulkType::Text)];
    let mut values = Vec::new();
    for (rid, index) in index {
        for row in &index.rows.tokens {
            values.extend(place(row.path, *rid, row.item));
            values.extend([Arg::Text(&row.code), Arg::Text(&row.system)]);
        }
    }
    batch("index_token", COLUMNS, values)
}

fn strings<'i>(index: &[(i64, &'i Index)]) -> Batch<'i> {
    const COLUMNS: &[BulkColumn<'static>] =
        &[PATH, RID, ITEM, ("normal", BulkType::Text), ("whole", BulkType::Text), ("text", BulkType::Text)];
    let mut values = Vec::new();
    for (rid, index) in index {
        for row in &index.rows.strings {
            let (start, is_whole) = start_of(&row.normal);
            let whole = if is_whole { Arg::Null } else { Arg::Text(&row.normal) };
            values.extend(place(row.path, *rid, row.item));
            values.extend([Arg::Text(start), whole, Arg::Text(&row.text)]);
        }
    }
    batch("index_string", COLUMNS, values)
}

fn dates<'i>(index: &[(i64, &'i Index)]) -> Batch<'i> {
    const COLUMNS: &[BulkColumn<'static>] = &[PATH, RID, ITEM, ("low", BulkType::Int), ("high", BulkType::Int)];
    let mut values = Vec::new();
    for (rid, index) in index {
        for row in &index.rows.dates {
            values.extend(place(row.path, *rid, row.item));
            values.extend([Arg::Int(row.low), Arg::Int(row.high)]);
        }
    }
    batch("index_date", COLUMNS, values)
}

fn quantities<'i>(index: &[(i64, &'i Index)]) -> Batch<'i> {
    const COLUMNS: &[BulkColumn<'static>] = &[
        PATH,
        RID,
        ITEM,
        ("low", BulkType::Real),
        ("high", BulkType::Real),
        ("system", BulkType::Text),
        ("code", BulkType::Text),
        ("unit", BulkType::Text),
        ("base", BulkType::Text),
        ("base_low", BulkType::Real),
        ("base_high", BulkType::Real),
    ];
    let mut values = Vec::new();
    for (rid, index) in index {
        for (row, base) in index.rows.quantities.iter().zip(&index.bases) {
            values.extend(place(row.path, *rid, row.item));
            values.extend([Arg::Real(row.low), Arg::Real(row.high)]);
            values.extend([Arg::Text(&row.system), Arg::Text(&row.code), Arg::Text(&row.unit)]);
            values.extend(match base {
                Some(base) => [Arg::Text(&base.unit), Arg::Real(base.of(row.low)), Arg::Real(base.of(row.high))],
                None => [Arg::Null, Arg::Null, Arg::Null],
            });
        }
    }
    batch("index_quantity", COLUMNS, values)
}

fn references<'i>(index: &[(i64, &'i Index)]) -> Batch<'i> {
    const COLUMNS: &[BulkColumn<'static>] =
        &[PATH, RID, ITEM, ("target_id", BulkType::Text), ("target_type", BulkType::Text)];
    let mut values = Vec::new();
    for (rid, index) in index {
        for row in &index.rows.references {
            values.extend(place(row.path, *rid, row.item));
            values.extend([Arg::Text(&row.target_id), Arg::Text(row.target_type)]);
        }
    }
    batch("index_reference", COLUMNS, values)
}

const PATH: BulkColumn<'static> = ("path", BulkType::Int);
const RID: BulkColumn<'static> = ("rid", BulkType::Int);
const ITEM: BulkColumn<'static> = ("item", BulkType::Int);

fn place<'a>(path: i32, rid: i64, item: i32) -> [Arg<'a>; 3] {
    [Arg::Int(path.into()), Arg::Int(rid), Arg::Int(item.into())]
}

fn batch<'i>(table: &'static str, columns: &'static [BulkColumn<'static>], values: Vec<Arg<'i>>) -> Batch<'i> {
    Batch { table, columns, values, conflict: "" }
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
        assert!(is_cut(&key(&one)) && is_cut(&key(&"a".repeat(201))));
        for whole in ["", "short", &"a".repeat(200), &"é".repeat(70)] {
            assert!(!is_cut(&key(whole)));
        }
    }

    #[test]
    fn long_texts_have_a_start() {
        assert_eq!(start_of("abc"), ("abc", true));
        let long = "é".repeat(101);
        assert_eq!(start_of(&long), (&*"é".repeat(100), false));
    }
}
