//! One file to its maps: joins, fields, children, facets, facts.

mod append;
mod array;
mod child;
mod facts;
mod join;
mod list;

use super::absent;
use super::condition::Condition;
use super::element::{self, Content};
use super::fields::{self, Draft, Scope};
use super::problem::{Report, suggest};
use super::selected;
use super::syntax::{FacetSyntax, Located, MapFile};
use super::tables::Tables;
use super::{ColumnType, Join, Map, PatientSource};
use crate::schema::ColumnKind;

/// The maps of a file: one, or one for each facet. Those that could not be understood are left out; the report says why.
/// `by`: columns of its main table that lists of other maps go by.
pub(super) fn maps(file: &MapFile, by: &[&str], tables: Tables<'_>, report: &mut Report<'_>) -> Vec<Map> {
    if !element::is_resource(&file.resource.value) {
        let help = suggest(&file.resource.value, element::resources());
        report.error(file.resource.at, format!("`{}` is no resource type", file.resource.value), help);
        return Vec::new();
    }
    if !tables.has_table(&file.table, report) {
        return Vec::new();
    }
    check_header(file, report);
    check_key(file, tables, report);
    check_after_write(file, tables, report);
    let joins: Vec<Join> = join::all(file, tables, report);
    if file.facets.is_empty() {
        return map(file, None, by, &joins, tables, report).into_iter().collect();
    }
    check_suffixes(file, report);
    file.facets.iter().filter_map(|facet| map(file, Some(facet), by, &joins, tables, report)).collect()
}

/// Keys that exclude each other.
fn check_header(file: &MapFile, report: &mut Report<'_>) {
    if let (Some(residue), false) = (&file.residue, file.facets.is_empty()) {
        let help = "remove `residue`: several resources share the row, so theirs is kept in the gateway's directory";
        report.error(residue.at, "a map with facets has no residue column", help);
    }
    array::check(file, report);
    append::check(file, report);
    if file.fields.is_empty() && file.children.is_empty() && file.facets.is_empty() && !report.has_errors() {
        report.error(
            file.resource.at,
            "the map has no fields",
            "add `fields = [ { path = \"...\", column = \"...\" } ]`",
        );
    }
    if let Some(prefix) = file.id_prefix.as_ref().filter(|prefix| !is_id(&prefix.value)) {
        let help = "ids consist of letters, digits, `-` and `.`, at most 64";
        report.error(prefix.at, format!("`{}` cannot begin an id", prefix.value), help);
    }
}

/// Rows are told apart by their key.
fn check_key(file: &MapFile, tables: Tables<'_>, report: &mut Report<'_>) {
    let Some(table) = tables.table(&file.table.value).filter(|_| !file.readonly) else { return };
    if table.primary_key.is_empty() {
        let message = format!("`{}` has no primary key (is it a view?)", file.table.value);
        report.warning(file.table.at, message, "set `readonly = true`, or map the table behind it");
    } else if !table.primary_key.contains(&file.id.value) {
        let message = format!("`{}` is not the primary key ({})", file.id.value, table.primary_key.join(", "));
        report.warning(
            file.id.at,
            message,
            "name the primary key, or make sure that the column is unique and never changes",
        );
    }
}

fn check_suffixes(file: &MapFile, report: &mut Report<'_>) {
    for (index, facet) in file.facets.iter().enumerate() {
        if facet.suffix.value.is_empty() || !is_id(&facet.suffix.value) {
            report.error(
                facet.suffix.at,
                "a suffix cannot end an id like this",
                "use letters, digits and `-`, as `hr`",
            );
        }
        if let Some(first) = file.facets[..index].iter().find(|earlier| earlier.suffix.value == facet.suffix.value) {
            let line = report.line(first.suffix.at);
            let message = format!("two facets end with `{}` (first in line {line})", facet.suffix.value);
            report.error(facet.suffix.at, message, "give each facet a suffix of its own");
        }
    }
}

fn is_id(text: &str) -> bool {
    text.len() < 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// The organization's column of a joined or child table: named, or called as in the main table where there is such a column.
fn tenant(
    named: Option<&Located<String>>,
    main: Option<&Located<String>>,
    table: &str,
    tables: Tables<'_>,
) -> Option<Located<String>> {
    named.or_else(|| main.filter(|column| tables.knows_column(table, &column.value))).cloned()
}

/// Compiles the file, with one of its facets.
fn map(
    file: &MapFile,
    facet: Option<&FacetSyntax>,
    by: &[&str],
    joins: &[Join],
    tables: Tables<'_>,
    report: &mut Report<'_>,
) -> Option<Map> {
    let item = Content::Object(file.resource.value.clone());
    let array = file.array.as_ref().and_then(|array| array::compile(file, array, tables, report));
    let scope = Scope {
        tables,
        table: &file.table.value,
        joins,
        item: &item,
        array: array.as_ref().map(|(array, at)| (array, *at)),
        readonly: file.readonly,
        reserved: &reserved(file),
    };
    let mut draft = Draft::default();
    let mut groups = file.groups.clone();
    groups.extend(facet.into_iter().flat_map(|facet| facet.groups.iter().cloned()));
    let mut all_fields = file.fields.clone();
    all_fields.extend(facet.into_iter().flat_map(|facet| facet.fields.iter().cloned()));
    fields::compile(scope, &mut draft, &all_fields, &groups, report);
    let lists = list::all(file, scope, &mut draft, report);
    selected::check(&mut draft, report);
    let patient = patient(file, scope, &mut draft, report);
    let children = child::all(file, scope, &mut draft, report);
    let filter = file.filter.as_ref().and_then(|text| tables.condition(&file.table.value, text, report));
    let (when, [when_slots, when_one]) = when(file, facet, scope, &draft, report);
    let bare = bare(file, tables, report)?;
    check_deleted(file, &bare, report);
    let fixed = fixed(filter.as_ref(), &draft);
    child::warn_unmapped(file, facet, by, scope, &draft, &fixed, report);
    let key = bare.first()?;
    let key_generated = key_generated(file, key, tables, report);
    let facts = facts::compile(file, scope, &mut draft, report);
    let suffix = facet.map(|facet| facet.suffix.value.clone());
    let mut children = children;
    absent::complete(&mut draft.shape, &file.resource.value, &mut children);
    Some(Map {
        name: suffix.as_ref().map_or_else(|| file.name.clone(), |suffix| format!("{}.{suffix}", file.name)),
        resource: file.resource.value.clone(),
        table: file.table.value.clone(),
        key: file.id.value.clone(),
        key_kind: key.kind,
        key_generated,
        id_prefix: text(&file.id_prefix).unwrap_or_default(),
        id_suffix: suffix.map_or_else(String::new, |suffix| format!("-{suffix}")),
        tenant: text(&file.tenant),
        patient,
        updated: text(&file.updated),
        residue: text(&file.residue).filter(|_| facet.is_none()),
        fixed,
        filter: filter.map(|condition| condition.text),
        when,
        when_slots,
        when_one,
        readonly: file.readonly,
        append_only: append::compile(file, tables, &draft.slots),
        overflow: file.overflow,
        deleted: text(&file.deleted),
        joins: joins.to_vec(),
        slots: draft.slots,
        shape: draft.shape,
        children,
        groups: draft.groups,
        facts,
        array: array.map(|(array, _)| array),
        facet: facet.is_some(),
        lists,
        listed: file.listed.is_some(),
        listed_by: Vec::new(),
        after_write: text(&file.after_write),
        bare,
    })
}

/// What a new row must hold to be a row of the map, where no field says so.
fn fixed(filter: Option<&Condition>, draft: &Draft) -> Vec<(String, String)> {
    let mapped = |column: &str| draft.slots.iter().any(|slot| slot.join.is_none() && slot.column == column);
    let equal = filter.map(|filter| filter.equal.clone()).unwrap_or_default();
    equal.into_iter().filter(|(column, _)| !mapped(column)).collect()
}

/// Columns of the main table that are the map's own business.
fn reserved(file: &MapFile) -> Vec<(&str, &'static str)> {
    let optional =
        [(&file.tenant, "tenant"), (&file.residue, "residue"), (&file.updated, "updated"), (&file.deleted, "deleted")];
    let named = optional.into_iter().filter_map(|(column, key)| Some((column.as_ref()?.value.as_str(), key)));
    let supersedes = file.append_only.iter().map(|append| (append.supersedes.value.as_str(), "supersedes"));
    named.chain(supersedes).chain([(file.id.value.as_str(), "id")]).collect()
}

fn text(located: &Option<Located<String>>) -> Option<String> {
    located.as_ref().map(|located| located.value.clone())
}

/// Types of the columns that the map's own keys name; the key's first.
fn bare(file: &MapFile, tables: Tables<'_>, report: &mut Report<'_>) -> Option<Vec<ColumnType>> {
    let mut bare = vec![tables.bare(&file.table.value, &file.id, report)?];
    for column in [&file.tenant, &file.residue, &file.updated, &file.deleted].into_iter().flatten() {
        bare.extend(tables.bare(&file.table.value, column, report));
    }
    for column in append::columns(file) {
        bare.extend(tables.bare(&file.table.value, column, report));
    }
    if let Some(residue) = &file.residue {
        check_residue(&file.table.value, residue, tables, report);
    }
    Some(bare)
}

/// A residue is kept byte for byte, which JSON columns do not do.
fn check_residue(table: &str, residue: &Located<String>, tables: Tables<'_>, report: &mut Report<'_>) {
    let Some(column) = tables.table(table).and_then(|table| table.column(&residue.value)) else { return };
    if column.kind != ColumnKind::Text || column.max_length.is_some() {
        let message = format!("column `{}` ({}) cannot hold a residue", residue.value, column.declared);
        report.error(
            residue.at,
            message,
            "use an unlimited `text` column: JSON columns reorder keys and rewrite numbers",
        );
    }
    if column.not_null && !column.has_default {
        report.error(
            residue.at,
            format!("column `{}` refuses NULL", residue.value),
            "allow NULL: rows of other programs have no residue",
        );
    }
}

/// Its name stands in our statement: an identifier and nothing else.
fn check_after_write(file: &MapFile, tables: Tables<'_>, report: &mut Report<'_>) {
    let Some(name) = &file.after_write else { return };
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let sound = name.value.bytes().enumerate().all(|(at, byte)| letter(byte) || (at > 0 && byte.is_ascii_digit()));
    if name.value.is_empty() || name.value.len() > 63 || !sound {
        let help = "write the bare name of a function that takes the row's key: `after_write = \"merge_note\"`";
        report.error(name.at, format!("`{}` is no function's name", name.value), help);
    }
    if !tables.knows_functions() {
        report.error(name.at, "SQLite has no functions to call", "use a trigger of the table on SQLite");
    }
    if file.readonly {
        report.error(
            name.at,
            "a map that is only read has no writes to call it after",
            "remove `after_write` or `readonly`",
        );
    }
}

fn check_deleted(file: &MapFile, bare: &[ColumnType], report: &mut Report<'_>) {
    let Some(deleted) = &file.deleted else { return };
    let Some(column) = bare.iter().find(|column| column.name == deleted.value) else { return };
    use ColumnKind::{Boolean, Date, Integer, Text, Timestamp, TimestampTz};
    if !matches!(column.kind, Boolean | Date | Integer | Text | Timestamp | TimestampTz) {
        let message = format!("column `{}` ({}) cannot mark a row as deleted", column.name, column.declared);
        report.error(deleted.at, message, "use a timestamp that is NULL while the row is there, or a boolean");
    }
}

/// Whether the database makes keys. A key that it does not make is the resource's id, so the column must take that.
fn key_generated(file: &MapFile, key: &ColumnType, tables: Tables<'_>, report: &mut Report<'_>) -> bool {
    let Some(column) = tables.table(&file.table.value).and_then(|table| table.column(&key.name)) else { return false };
    let generated = column.has_default || column.generated;
    if !generated && !file.readonly && !matches!(key.kind, ColumnKind::Text | ColumnKind::Uuid) {
        let message = format!(
            "column `{}` ({}) cannot hold a new resource's id, and the database makes none",
            key.name, key.declared
        );
        report.warning(
            file.id.at,
            message,
            "no resource can be written to this table: give the column a default, or set `readonly = true`",
        );
    }
    generated
}

/// Whose data a row is.
fn patient(file: &MapFile, scope: Scope<'_>, draft: &mut Draft, report: &mut Report<'_>) -> PatientSource {
    let Some(column) = &file.patient else { return PatientSource::None };
    let is_key = column.value == file.id.value || column.value == format!("{}.{}", file.table.value, file.id.value);
    // An element's key is not the row's.
    if is_key && file.array.is_none() {
        return PatientSource::Key;
    }
    let target = Located { value: "Patient".to_owned(), at: column.at };
    let Some(slot) = fields::slot(scope, draft, column, Some(&target), report) else { return PatientSource::None };
    if draft.slots[slot].reference.as_ref().is_some_and(|reference| reference.target != "Patient") {
        let help = "map the column with `reference = \"Patient\"`, or name another";
        report.error(column.at, format!("column `{}` does not refer to a Patient", column.value), help);
    }
    PatientSource::Slot(slot)
}

/// A facet's condition, the slots it needs filled, and those of which it needs one.
fn when(
    file: &MapFile,
    facet: Option<&FacetSyntax>,
    scope: Scope<'_>,
    draft: &Draft,
    report: &mut Report<'_>,
) -> (Option<String>, [Vec<usize>; 2]) {
    let Some(facet) = facet else { return Default::default() };
    let Some(condition) = scope.tables.condition(&file.table.value, &facet.when, report) else {
        return Default::default();
    };
    let slots = [condition.not_null, condition.one_not_null].map(|columns| {
        let mut slots = Vec::with_capacity(columns.len());
        for column in columns {
            match draft.slots.iter().position(|slot| slot.join.is_none() && slot.column == column) {
                Some(slot) => slots.push(slot),
                None if file.readonly => {}
                None => {
                    let message = format!("`when` tests `{column}`, which no field of the facet maps");
                    report.error(facet.when.at, message, "map the column in the facet, or set `readonly = true`");
                }
            }
        }
        slots
    });
    (Some(condition.text), slots)
}
