//! Rows of child tables.

use super::main_table::{Insert, InsertParameter};
use super::names::{Names, type_of};
use super::select;
use crate::map::Child;
use crate::schema::ColumnKind;

/// The statements of one child table.
#[derive(Clone, Debug)]
pub struct ChildStatements {
    /// Rows of the parents with these keys; `$1` is the organization. Columns: the parent's key, the row's own key, the
    /// position (a number), every slot, the id behind every reference slot, the residue.
    pub select: String,
    /// Inserts rows. Returns the own key (else the parent's) and the slots.
    pub insert: Insert,
    /// Deletes all rows of the parents with these keys; `$1` is the organization.
    pub delete_all: String,
    /// Changes one row: `$1` is the organization, `$2` the parent's key, `$3` the own key (or the position), `$4`… every
    /// slot, then the residue where there is a column for it. Returns the slots. `None` where rows cannot be told apart.
    pub update: Option<String>,
    /// Deletes one row, by the same first three.
    pub delete: Option<String>,
}

impl ChildStatements {
    pub(super) fn new(names: &Names<'_>, index: usize) -> Self {
        let child = &names.map.children[index];
        Self {
            select: rows(names, child),
            insert: insert(names, child),
            delete_all: format!(
                "delete from {} where {} in (select {} from {{keys}}) and {}",
                names.quote(&child.table),
                names.column(&child.table, &child.parent_key),
                bind_parent(names, child, "k.key"),
                tenancy(names, child)
            ),
            update: one(names, child).map(|one| update(names, child, &one)),
            delete: one(names, child).map(|one| format!("delete from {} where {one}", names.quote(&child.table))),
        }
    }
}

fn tenancy(names: &Names<'_>, child: &Child) -> String {
    names.tenancy(&child.table, child.tenant.as_deref(), &child.bare)
}

fn bind_parent(names: &Names<'_>, child: &Child, placeholder: &str) -> String {
    names.dialect.bind(placeholder, child.parent_key_kind, type_of(&child.bare, &child.parent_key).1)
}

fn read_bare(names: &Names<'_>, child: &Child, column: &str) -> String {
    let (kind, declared) = type_of(&child.bare, column);
    names.dialect.read(&names.column(&child.table, column), kind, declared)
}

fn rows(names: &Names<'_>, child: &Child) -> String {
    let null = || "cast(null as text)".to_owned();
    let mut columns = vec![
        read_bare(names, child, &child.parent_key),
        child.key.as_deref().map_or_else(null, |key| read_bare(names, child, key)),
        child.order.as_deref().map_or_else(
            || "cast(null as bigint)".to_owned(),
            |order| format!("cast({} as bigint)", names.column(&child.table, order)),
        ),
    ];
    columns.extend(child.slots.iter().map(|slot| names.read(&child.table, slot)));
    columns.extend(child.slots.iter().filter_map(|slot| select::reference(names, &child.table, slot)));
    columns.push(child.residue.as_deref().map_or_else(null, |residue| read_bare(names, child, residue)));
    let mut conditions = vec![tenancy(names, child)];
    conditions.extend(child.filter.as_ref().map(|filter| format!("({filter})")));
    format!(
        "select {} from {{keys}} join {} on {} = {} where {}",
        columns.join(", "),
        names.quote(&child.table),
        names.column(&child.table, &child.parent_key),
        bind_parent(names, child, "k.key"),
        conditions.join(" and ")
    )
}

fn insert(names: &Names<'_>, child: &Child) -> Insert {
    const HERE: &str = "\u{1}";
    let bare = |name: &str| {
        let (kind, declared) = type_of(&child.bare, name);
        names.dialect.bind(HERE, kind, declared)
    };
    let mut columns = vec![(InsertParameter::ParentKey, child.parent_key.clone(), bind_parent(names, child, HERE))];
    if let Some(tenant) = &child.tenant {
        columns.push((InsertParameter::Organization, tenant.clone(), bare(tenant)));
    }
    if let Some(key) = child.key.as_ref().filter(|_| !child.key_generated) {
        columns.push((InsertParameter::Key, key.clone(), bare(key)));
    }
    if let Some(order) = &child.order {
        columns.push((InsertParameter::Position, order.clone(), bare(order)));
    }
    for (index, slot) in child.slots.iter().enumerate().filter(|(_, slot)| slot.writable) {
        let bind = names.dialect.bind(HERE, slot.kind, &slot.declared);
        columns.push((InsertParameter::Slot(index), slot.column.clone(), bind));
    }
    if let Some(residue) = &child.residue {
        columns.push((InsertParameter::Residue, residue.clone(), bare(residue)));
    }
    let (key, kind) = match &child.key {
        Some(key) => (key.as_str(), type_of(&child.bare, key).0),
        None => (child.parent_key.as_str(), child.parent_key_kind),
    };
    Insert::new(names, &child.table, columns, key, kind, &child.slots)
}

/// The condition that names one row by `$1`, `$2` and `$3`.
fn one(names: &Names<'_>, child: &Child) -> Option<String> {
    let column = child.key.as_deref().or(child.order.as_deref())?;
    let (kind, declared) = type_of(&child.bare, column);
    Some(format!(
        "{} and {} = {} and {} = {}",
        tenancy(names, child),
        names.column(&child.table, &child.parent_key),
        bind_parent(names, child, "$2"),
        names.column(&child.table, column),
        names.dialect.bind("$3", kind, declared)
    ))
}

fn update(names: &Names<'_>, child: &Child, one: &str) -> String {
    let mut sets = Vec::new();
    let mut returned = Vec::new();
    let mut number = 3;
    let mut set = |column: &str, kind: ColumnKind, declared: &str| {
        number += 1;
        sets.push(format!("{} = {}", names.quote(column), names.dialect.bind(&format!("${number}"), kind, declared)));
    };
    for slot in child.slots.iter().filter(|slot| slot.writable) {
        set(&slot.column, slot.kind, &slot.declared);
        returned.push(names.dialect.read(&names.quote(&slot.column), slot.kind, &slot.declared));
    }
    if let Some(residue) = &child.residue {
        let (kind, declared) = type_of(&child.bare, residue);
        set(residue, kind, declared);
    }
    format!(
        "update {} set {} where {one} returning {}",
        names.quote(&child.table),
        sets.join(", "),
        returned.join(", ")
    )
}
