//! Writing rows of the main table and of joined tables.

use super::names::{Names, type_of};
use super::{listed, select};
use crate::map::{ColumnType, Map, PatientSource, Slot};
use crate::schema::ColumnKind;

/// A value of an INSERT or UPDATE.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InsertParameter {
    /// The key of the row that a child or joined row belongs to.
    ParentKey,
    /// The row's key.
    Key,
    /// The key of the row of a joined table that is never written (index into `Map::joins`).
    ForeignKey(usize),
    /// The key of the row whose list holds the resource (index into `Map::listed_by`).
    Listed(usize),
    /// The organization.
    Organization,
    /// The place in the list.
    Position,
    /// The residue.
    Residue,
    /// A slot.
    Slot(usize),
    /// The time of the change.
    Updated,
}

/// A multi-row INSERT.
#[derive(Clone, Debug)]
pub struct Insert {
    /// What one row takes, in order. The organization is given as text like everything else.
    pub parameters: Vec<InsertParameter>,
    /// Up to the last column's name.
    head: String,
    /// For every parameter the bind expression, split around its placeholder.
    binds: Vec<Vec<String>>,
    /// Literals at the end of every row.
    fixed: String,
    returning: String,
    /// See [`super::Dialect::takes_plain_placeholders`].
    plain: bool,
    /// The slots whose texts are returned after the key, in order.
    pub returned: Vec<usize>,
}

/// A placeholder that no SQL text holds, to find where bind expressions use theirs.
pub(super) const HERE: &str = "\u{1}";

impl Insert {
    /// Into the main table. Returns key and slots.
    pub(super) fn main(names: &Names<'_>) -> Self {
        let map = names.map;
        Self::new(names, &map.table, columns(names), &map.key, map.key_kind, &map.slots).with_fixed(names)
    }

    /// With the columns that every row of the map holds the same literal in.
    fn with_fixed(mut self, names: &Names<'_>) -> Self {
        let fixed = &names.map.fixed;
        let columns: String = fixed.iter().map(|(column, _)| format!(", {}", names.quote(column))).collect();
        self.head.push_str(&columns);
        self.fixed = fixed.iter().map(|(_, literal)| format!(", {literal}")).collect();
        self
    }

    /// Into a joined table that is written with the main row. Returns its key column and slots.
    pub(super) fn joined(names: &Names<'_>, index: usize) -> Self {
        let map = names.map;
        let join = &map.joins[index];
        let mut columns = vec![(InsertParameter::ParentKey, join.column.clone(), names.bind_key(HERE))];
        if let Some(tenant) = &join.tenant {
            let bind = bind_bare(names, &join.bare, tenant);
            columns.push((InsertParameter::Organization, tenant.clone(), bind));
        }
        columns.extend(slots(names, Some(index)));
        Self::new(names, &join.table, columns, &join.column, map.key_kind, &map.slots)
    }

    /// Puts an INSERT together; `key` is the column returned first.
    pub(super) fn new(
        names: &Names<'_>,
        table: &str,
        columns: Vec<(InsertParameter, String, String)>,
        key: &str,
        key_kind: ColumnKind,
        all: &[Slot],
    ) -> Self {
        let listed: Vec<String> = columns.iter().map(|(_, column, _)| names.quote(column)).collect();
        let head = format!("insert into {} ({}", names.quote(table), listed.join(", "));
        let mut returned = Vec::new();
        let mut texts = vec![names.dialect.read(&names.quote(key), key_kind, "text")];
        for (parameter, _, _) in &columns {
            if let InsertParameter::Slot(slot) = parameter {
                returned.push(*slot);
                let slot = &all[*slot];
                texts.push(names.dialect.read(&names.quote(&slot.column), slot.kind, &slot.declared));
            }
        }
        Self {
            head,
            binds: columns.iter().map(|(_, _, bind)| bind.split(HERE).map(ToOwned::to_owned).collect()).collect(),
            parameters: columns.into_iter().map(|(parameter, _, _)| parameter).collect(),
            fixed: String::new(),
            returning: format!(" returning {}", texts.join(", ")),
            plain: names.dialect.takes_plain_placeholders(),
            returned,
        }
    }

    /// The statement for so many rows; row by row each takes `parameters`.
    #[must_use]
    pub fn text(&self, rows: usize) -> String {
        let mut sql = format!("{}) ", self.head);
        if self.plain && !self.binds.is_empty() {
            self.plain_rows(rows, &mut sql);
        } else {
            self.numbered_rows(rows, &mut sql);
        }
        sql + &self.returning
    }

    fn numbered_rows(&self, rows: usize, sql: &mut String) {
        let mut number = 0;
        for row in 0..rows {
            sql.push_str(if row == 0 { "values (" } else { ", (" });
            for (place, bind) in self.binds.iter().enumerate() {
                number += 1;
                sql.push_str(if place == 0 { "" } else { ", " });
                sql.push_str(&bind.join(&format!("${number}")));
            }
            sql.push_str(&self.fixed);
            sql.push(')');
        }
    }

    fn plain_rows(&self, rows: usize, sql: &mut String) {
        for (place, bind) in self.binds.iter().enumerate() {
            sql.push_str(if place == 0 { "select " } else { ", " });
            sql.push_str(&bind.join(&format!("column{}", place + 1)));
        }
        sql.push_str(&self.fixed);
        let row = format!("({})", vec!["?"; self.binds.len()].join(", "));
        sql.push_str(" from (values ");
        sql.push_str(&vec![row.as_str(); rows].join(", "));
        sql.push(')');
    }
}

/// What a new main row is given: parameter, column and bind expression (with [`HERE`] for the placeholder).
pub(super) fn columns(names: &Names<'_>) -> Vec<(InsertParameter, String, String)> {
    let map = names.map;
    let mut columns: Vec<(InsertParameter, String, String)> = Vec::new();
    if !map.key_generated {
        columns.push((InsertParameter::Key, map.key.clone(), names.bind_key(HERE)));
    }
    let bare = |name: &str| bind_bare(names, &map.bare, name);
    if let Some(tenant) = &map.tenant {
        columns.push((InsertParameter::Organization, tenant.clone(), bare(tenant)));
    }
    columns.extend(slots(names, None));
    for (index, join) in map.joins.iter().enumerate() {
        let taken = columns.iter().any(|(_, column, _)| column == &join.other_column);
        if join.other_table == map.table && !taken && join.other_column != map.key {
            let (kind, declared) = join_key_type(map, index);
            let bind = names.dialect.bind(HERE, kind, declared);
            columns.push((InsertParameter::ForeignKey(index), join.other_column.clone(), bind));
        }
    }
    for (index, listed) in listed::unfilled(names, &|name| columns.iter().any(|(_, column, _)| column == name)) {
        let column = &listed.column;
        let bind = names.dialect.bind(HERE, column.kind, &column.declared);
        columns.push((InsertParameter::Listed(index), column.name.clone(), bind));
    }
    if let Some(residue) = &map.residue {
        columns.push((InsertParameter::Residue, residue.clone(), bare(residue)));
    }
    if let Some(updated) = &map.updated {
        columns.push((InsertParameter::Updated, updated.clone(), bare(updated)));
    }
    columns
}

/// The writable slots of the main table (`None`) or of a joined one.
fn slots(names: &Names<'_>, join: Option<usize>) -> Vec<(InsertParameter, String, String)> {
    let own = names.map.slots.iter().enumerate().filter(|(_, slot)| slot.join == join && slot.writable);
    own.map(|(index, slot)| {
        let bind = names.dialect.bind(HERE, slot.kind, &slot.declared);
        (InsertParameter::Slot(index), slot.column.clone(), bind)
    })
    .collect()
}

fn bind_bare(names: &Names<'_>, bare: &[ColumnType], name: &str) -> String {
    let (kind, declared) = type_of(bare, name);
    names.dialect.bind(HERE, kind, declared)
}

/// The type of a joined table's column that the main row refers to.
fn join_key_type(map: &Map, join: usize) -> (ColumnKind, &str) {
    type_of(&map.joins[join].bare, &map.joins[join].column)
}

/// `update`; see [`super::Statements::update`].
pub(super) fn update(names: &Names<'_>, join: Option<usize>, changes: &[InsertParameter]) -> String {
    let map = names.map;
    let (table, key, tenant, bare): (_, _, _, &[ColumnType]) = match join {
        None => (&map.table, &map.key, map.tenant.as_deref(), &map.bare),
        Some(join) => {
            let join = &map.joins[join];
            (&join.table, &join.column, join.tenant.as_deref(), &join.bare)
        }
    };
    let mut sets = Vec::new();
    let mut returned = Vec::new();
    for (place, change) in changes.iter().enumerate() {
        let placeholder = format!("${}", place + 3);
        let (column, kind, declared) = match change {
            InsertParameter::Slot(slot) => {
                let slot = &map.slots[*slot];
                returned.push(names.dialect.read(&names.quote(&slot.column), slot.kind, &slot.declared));
                (slot.column.as_str(), slot.kind, slot.declared.as_str())
            }
            InsertParameter::Residue => named(bare, map.residue.as_deref()),
            InsertParameter::Updated => named(bare, map.updated.as_deref()),
            InsertParameter::ForeignKey(index) => {
                let (kind, declared) = join_key_type(map, *index);
                (map.joins[*index].other_column.as_str(), kind, declared)
            }
            InsertParameter::Key
            | InsertParameter::Listed(_)
            | InsertParameter::Organization
            | InsertParameter::ParentKey
            | InsertParameter::Position => continue,
        };
        sets.push(format!("{} = {}", names.quote(column), names.dialect.bind(&placeholder, kind, declared)));
    }
    returned.push("'done'".to_owned());
    format!(
        "update {} set {} where {} = {} and {} returning {}",
        names.quote(table),
        sets.join(", "),
        names.column(table, key),
        names.bind_key("$2"),
        names.tenancy(table, tenant, bare),
        returned.join(", ")
    )
}

/// `residues`; see [`super::Statements::residues`].
pub(super) fn residues(names: &Names<'_>) -> Option<String> {
    let map = names.map;
    let residue = map.residue.as_deref()?;
    Some(format!(
        "update {} set {} = {} from {{keys}} where {} = {} and {}",
        names.quote(&map.table),
        names.quote(residue),
        bind_bare(names, &map.bare, residue).replace(HERE, "k.residue"),
        names.column(&map.table, &map.key),
        names.bind_key("k.key"),
        names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)
    ))
}

fn named<'n>(bare: &'n [ColumnType], name: Option<&'n str>) -> (&'n str, ColumnKind, &'n str) {
    let name = name.unwrap_or_default();
    let (kind, declared) = type_of(bare, name);
    (name, kind, declared)
}

/// `delete`; see [`super::Statements::delete`].
pub(super) fn delete(names: &Names<'_>) -> String {
    let map = names.map;
    format!("delete from {} where {}", names.quote(&map.table), by_keys(names))
}

fn by_keys(names: &Names<'_>) -> String {
    let map = names.map;
    format!(
        "{} in (select {} from {{keys}}) and {}",
        names.column(&map.table, &map.key),
        names.bind_key("k.key"),
        names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)
    )
}

/// `soft_delete`; see [`super::Statements::soft_delete`].
pub(super) fn soft_delete(names: &Names<'_>) -> Option<String> {
    let map = names.map;
    let deleted = map.deleted.as_ref()?;
    let (kind, declared) = type_of(&map.bare, deleted);
    let mark = match kind {
        ColumnKind::Boolean => {
            format!("(case when $2 is not null then {} end)", names.dialect.bind("'true'", kind, declared))
        }
        _ => names.dialect.bind("$2", kind, declared),
    };
    Some(format!("update {} set {} = {mark} where {}", names.quote(&map.table), names.quote(deleted), by_keys(names)))
}

/// `delete_joined`; see [`super::Statements::delete_joined`].
pub(super) fn delete_joined(names: &Names<'_>, join: usize) -> String {
    let join = &names.map.joins[join];
    format!(
        "delete from {} where {} in (select {} from {{keys}}) and {}",
        names.quote(&join.table),
        names.column(&join.table, &join.column),
        names.bind_key("k.key"),
        names.tenancy(&join.table, join.tenant.as_deref(), &join.bare)
    )
}

/// `left_over`; see [`super::Statements::left_over`].
pub(super) fn left_over(names: &Names<'_>) -> String {
    let map = names.map;
    let exists = map.when.clone().unwrap_or_else(|| "true".to_owned());
    format!(
        "select {} from {{keys}} join {} where {} and ({exists})",
        names.read_key(),
        select::source(names, Some("k.key")),
        select::conditions(names).join(" and ")
    )
}

/// `lookup`; see [`super::Statements::lookup`].
pub(super) fn lookup(names: &Names<'_>, join: usize, filled: &[usize], empty: &[usize], keyed: bool) -> String {
    let joined = &names.map.joins[join];
    let (kind, declared) = join_key_type(names.map, join);
    let column = |slot: usize| names.column(&joined.table, &names.map.slots[slot].column);
    let mut conditions = vec![names.tenancy(&joined.table, joined.tenant.as_deref(), &joined.bare)];
    for (place, slot) in filled.iter().enumerate() {
        let Slot { kind, declared, .. } = &names.map.slots[*slot];
        let value = names.dialect.bind(&format!("${}", place + 2), *kind, declared);
        conditions.push(format!("{} = {value}", column(*slot)));
    }
    let mut texts = vec![names.dialect.read(&names.column(&joined.table, &joined.column), kind, declared)];
    for slot in empty {
        if keyed && names.map.patient != PatientSource::Slot(*slot) {
            let Slot { kind, declared, .. } = &names.map.slots[*slot];
            texts.push(names.dialect.read(&column(*slot), *kind, declared));
        } else {
            conditions.push(format!("{} is null", column(*slot)));
        }
    }
    if keyed {
        let key = names.dialect.bind(&format!("${}", filled.len() + 2), kind, declared);
        conditions.push(format!("{} = {key}", names.column(&joined.table, &joined.column)));
    }
    conditions.extend(joined.filter.as_ref().map(|filter| format!("({filter})")));
    format!(
        "select {} from {} where {} limit 2",
        texts.join(", "),
        names.quote(&joined.table),
        conditions.join(" and ")
    )
}

/// `referring`; see [`super::Statements::referring`].
pub(super) fn referring(names: &Names<'_>, column: &str, kind: ColumnKind, declared: &str) -> String {
    let map = names.map;
    format!(
        "select {} from {} where {} = {} and {}",
        names.read_key(),
        names.quote(&map.table),
        names.column(&map.table, column),
        names.dialect.bind("$2", kind, declared),
        names.tenancy(&map.table, map.tenant.as_deref(), &map.bare)
    )
}
