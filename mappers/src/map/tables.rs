//! Tables and columns as maps name them, looked up in the schema.

use crate::schema::{Column, ColumnKind, Schema, Table};

use super::ColumnType;
use super::condition::{self, Condition};
use super::problem::{Report, suggest};
use super::syntax::Located;

/// The database's tables; where they are not known every name passes and every column is text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables<'s> {
    schema: Option<&'s Schema>,
}

impl<'s> Tables<'s> {
    pub(super) fn new(schema: Option<&'s Schema>) -> Self {
        Self { schema }
    }

    /// The table, where the schema is known and has it.
    pub(super) fn table(&self, name: &str) -> Option<&'s Table> {
        self.schema?.tables.get(name)
    }

    /// Whether the database calls functions of the owner's; true where the schema is not known.
    pub(super) fn knows_functions(&self) -> bool {
        self.schema.is_none_or(|schema| !schema.no_functions)
    }

    /// Whether the table exists; reports it where it does not.
    pub(super) fn has_table(&self, name: &Located<String>, report: &mut Report<'_>) -> bool {
        let Some(schema) = self.schema else { return true };
        let found = schema.tables.contains_key(&name.value);
        if !found {
            let help = suggest(&name.value, schema.tables.keys().map(String::as_str));
            report.error(name.at, format!("the database has no table `{}`", name.value), help);
        }
        found
    }

    /// The column; reports it where the table lacks it.
    pub(super) fn column(&self, table: &str, name: &Located<String>, report: &mut Report<'_>) -> Option<Column> {
        let Some(schema) = self.schema else { return Some(unknown(&name.value)) };
        let table_found = schema.tables.get(table)?;
        let column = table_found.column(&name.value);
        if column.is_none() {
            let help = suggest(&name.value, table_found.columns.iter().map(|column| column.name.as_str()));
            report.error(name.at, format!("table `{table}` has no column `{}`", name.value), help);
        }
        column.cloned()
    }

    /// The column's type for statements.
    pub(super) fn bare(&self, table: &str, name: &Located<String>, report: &mut Report<'_>) -> Option<ColumnType> {
        self.column(table, name, report).map(|column| ColumnType {
            name: column.name,
            kind: column.kind,
            declared: column.declared,
        })
    }

    /// Whether a column of that name exists; false where the schema is not known.
    pub(super) fn knows_column(&self, table: &str, name: &str) -> bool {
        self.schema.is_some_and(|schema| schema.column(table, name).is_some())
    }

    /// Whether the schema is known.
    pub(super) fn is_known(&self) -> bool {
        self.schema.is_some()
    }

    /// The table a column's foreign key refers to.
    pub(super) fn foreign_table(&self, table: &str, column: &str) -> Option<String> {
        self.schema?.tables.get(table)?.foreign_key(column).map(|key| key.table.clone())
    }

    /// A condition on the table's rows, columns qualified.
    pub(super) fn condition(&self, table: &str, text: &Located<String>, report: &mut Report<'_>) -> Option<Condition> {
        let columns: Option<Vec<&str>> = match self.schema {
            None => None,
            Some(schema) => Some(schema.tables.get(table)?.columns.iter().map(|column| column.name.as_str()).collect()),
        };
        match condition::compile(&text.value, table, columns.as_deref()) {
            Ok(condition) => Some(condition),
            Err(fault) => {
                let known = columns.unwrap_or_default();
                let help = fault
                    .name
                    .as_deref()
                    .map_or_else(|| fault.help.to_owned(), |name| suggest(name, known.iter().copied()));
                report.error(text.at + 1 + fault.at, fault.message, help);
                None
            }
        }
    }
}

fn unknown(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        kind: ColumnKind::Text,
        declared: "text".to_owned(),
        not_null: false,
        has_default: false,
        generated: false,
        max_length: None,
    }
}
