//! Who refers to the rows of a table: what must be looked after before a row can go.

use std::collections::HashMap;

use mappers::map::{JoinWrite, MapSet};
use mappers::schema::Schema;

/// Referring columns by the table they refer to.
#[derive(Debug, Default)]
pub(crate) struct Referrers {
    by_table: HashMap<String, Vec<Referrer>>,
}

/// A column that refers to a table's rows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Referrer {
    /// The referring table.
    pub(crate) table: String,
    /// The referring column.
    pub(crate) column: String,
    /// It is the main table of maps: its rows are resources that can move to the generic store.
    pub(crate) mapped: bool,
}

impl Referrers {
    /// Collects every foreign key that is not part of the referred resource itself (its children and the joined tables
    /// written with it).
    pub(crate) fn new(maps: &MapSet, schema: &Schema) -> Self {
        let mut by_table: HashMap<String, Vec<Referrer>> = HashMap::new();
        for (name, table) in &schema.tables {
            let mut own = maps.maps.iter().filter(|map| &map.table == name);
            // Rows that are only appended cannot go with what they refer to.
            // Nor those of which only elements are resources: the rest would be lost.
            let mapped = own.clone().any(|map| map.array.is_none()) && own.all(|map| map.append_only.is_none());
            for key in &table.foreign_keys {
                if !owned(maps, &key.table, name) {
                    by_table.entry(key.table.clone()).or_default().push(Referrer {
                        table: name.clone(),
                        column: key.column.clone(),
                        mapped,
                    });
                }
            }
        }
        Self { by_table }
    }

    /// The columns that refer to `table`.
    pub(crate) fn of(&self, table: &str) -> &[Referrer] {
        self.by_table.get(table).map_or(&[], Vec::as_slice)
    }
}

/// Whether `table` belongs to the resources of `owner`.
fn owned(maps: &MapSet, owner: &str, table: &str) -> bool {
    maps.maps.iter().filter(|map| map.table == owner).any(|map| {
        map.children.iter().any(|child| child.table == table)
            || map.joins.iter().any(|join| join.table == table && join.write == JoinWrite::With)
    })
}
