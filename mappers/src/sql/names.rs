//! Names and types of a map's columns, rendered.

use crate::map::{ColumnType, Map, Slot};
use crate::schema::ColumnKind;
use crate::sql::Dialect;

/// A map and the dialect its SQL is in.
pub(super) struct Names<'m> {
    pub(super) map: &'m Map,
    pub(super) dialect: &'m dyn Dialect,
}

impl Names<'_> {
    pub(super) fn quote(&self, name: &str) -> String {
        self.dialect.quote(name)
    }

    /// `"table"."column"`
    pub(super) fn column(&self, table: &str, column: &str) -> String {
        format!("{}.{}", self.quote(table), self.quote(column))
    }

    /// The table a slot's column is of.
    pub(super) fn table_of(&self, slot: &Slot) -> &str {
        slot.join.map_or(self.map.table.as_str(), |join| self.map.joins[join].table.as_str())
    }

    /// A slot's canonical text.
    pub(super) fn read(&self, table: &str, slot: &Slot) -> String {
        self.dialect.read(&self.column(table, &slot.column), slot.kind, &slot.declared)
    }

    /// The main table's key as text.
    pub(super) fn read_key(&self) -> String {
        let (kind, declared) = self.key_type();
        self.dialect.read(&self.column(&self.map.table, &self.map.key), kind, declared)
    }

    /// A key's text as a value of the key column.
    pub(super) fn bind_key(&self, placeholder: &str) -> String {
        let (kind, declared) = self.key_type();
        self.dialect.bind(placeholder, kind, declared)
    }

    fn key_type(&self) -> (ColumnKind, &str) {
        let bare = self.map.bare.iter().find(|column| column.name == self.map.key);
        (self.map.key_kind, bare.map_or("text", |column| column.declared.as_str()))
    }

    /// `"table"."tenant" = $1`, or `true` where the table knows no organizations. `$1` is used either way, so that every
    /// statement takes the same arguments.
    pub(super) fn tenancy(&self, table: &str, tenant: Option<&str>, bare: &[ColumnType]) -> String {
        match tenant {
            Some(tenant) => {
                let (kind, declared) = type_of(bare, tenant);
                format!("{} = {}", self.column(table, tenant), self.organization(kind, declared))
            }
            None => "$1 is not null".to_owned(),
        }
    }

    /// The organization (`$1`, a bigint) as a value of a tenant column.
    pub(super) fn organization(&self, kind: ColumnKind, declared: &str) -> String {
        match kind {
            ColumnKind::Integer | ColumnKind::Numeric => "$1".to_owned(),
            _ => self.dialect.bind("cast($1 as text)", kind, declared),
        }
    }
}

/// The type of a column that is no slot.
pub(super) fn type_of<'b>(bare: &'b [ColumnType], name: &str) -> (ColumnKind, &'b str) {
    let found = bare.iter().find(|column| column.name == name);
    found.map_or((ColumnKind::Text, "text"), |column| (column.kind, column.declared.as_str()))
}
