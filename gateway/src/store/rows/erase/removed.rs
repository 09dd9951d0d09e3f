//! Removing the rows that were found.

use std::collections::{BTreeMap, BTreeSet};

use mappers::map::JoinWrite;

use super::{Doomed, Eraser, KEY, as_owner};
use crate::store::bulk;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::emit;
use crate::store::rows::{elements, lists};

impl Eraser<'_> {
    /// How many rows of which main tables.
    pub(crate) fn counted(doomed: &Doomed) -> BTreeMap<String, u64> {
        doomed.rows.iter().map(|(table, keys)| (table.clone(), keys.len() as u64)).collect()
    }

    /// Removes the rows; how many of which tables.
    pub(crate) async fn remove(
        &self,
        connection: &mut Connection,
        doomed: &Doomed,
        unmapped: bool,
        updated_ms: i64,
    ) -> Result<BTreeMap<String, u64>, DbError> {
        let mut removed: BTreeMap<String, u64> = BTreeMap::new();
        let moved: Vec<i64> = doomed.moved.keys().copied().collect();
        emit::demote(connection, self.organization, &moved).await?;
        for (map, key) in &doomed.elements {
            let row = mappers::array::parts_of_key(key).map_or("", |(row, _)| row);
            if doomed.rows.get(&self.core.map(*map).table).is_some_and(|keys| keys.contains(row)) {
                continue;
            }
            elements::remove(self.core, connection, self.organization, *map, &[key], updated_ms).await?;
            *removed.entry(format!("{} (elements)", self.core.map(*map).table)).or_default() += 1;
        }
        if unmapped {
            for (table, column, key) in &doomed.foreign {
                let Some(column) = self.column(table, column) else { continue };
                let sql = format!(
                    "delete from {} where {} = {}",
                    self.core.quote(table),
                    self.core.quote(&column.name),
                    self.core.bind("$1", column)
                );
                as_owner(connection, true).await?;
                let rows = connection.execute(&sql, &[Arg::Text(key)]).await?;
                as_owner(connection, false).await?;
                *removed.entry(table.clone()).or_default() += rows;
            }
        }
        // What refers goes before what is referred to, for foreign keys that are checked at once.
        let rank = |table: &str| self.core.maps_on(table).iter().map(|map| self.core.rank(*map)).max().unwrap_or(0);
        let mut tables: Vec<&String> = doomed.rows.keys().collect();
        tables.sort_by_key(|table| std::cmp::Reverse(rank(table)));
        for table in tables {
            self.remove_rows(connection, table, &doomed.rows[table], &mut removed).await?;
        }
        removed.retain(|_, rows| *rows > 0);
        Ok(removed)
    }

    async fn remove_rows(
        &self,
        connection: &mut Connection,
        table: &str,
        keys: &BTreeSet<Box<str>>,
        removed: &mut BTreeMap<String, u64>,
    ) -> Result<(), DbError> {
        let Some(&first) = self.core.maps_on(table).first() else { return Ok(()) };
        let names: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let (args, keys) = ([Arg::Int(self.organization.0)], names.iter().copied().map(Arg::Text).collect::<Vec<_>>());
        let mut own: BTreeSet<(&str, &str)> = BTreeSet::new();
        for &map in self.core.maps_on(table) {
            let shape = self.core.map(map);
            // Whoever lists one of the rows is looked at again.
            lists::note(self.core, connection, self.organization, map, &names).await?;
            let children =
                shape.children.iter().map(|child| (&child.table, &child.parent_key, child.tenant.as_deref()));
            let with = shape.joins.iter().filter(|join| join.write == JoinWrite::With);
            let joined = with.map(|join| (&join.table, &join.column, join.tenant.as_deref()));
            for (owned, column, tenant) in children.chain(joined) {
                let Some(column) = self.column(owned, column) else { continue };
                if !own.insert((owned, &column.name)) {
                    continue;
                }
                let sql = format!(
                    "delete from {} where {} in (select {} from {{keys}}) and {}",
                    self.core.quote(owned),
                    self.core.quote(&column.name),
                    self.core.bind("k.key", column),
                    self.tenancy(owned, tenant)
                );
                let rows = bulk::execute_by_keys(connection, &sql, &args, &KEY, &keys).await?;
                *removed.entry(owned.clone()).or_default() += rows;
            }
        }
        let rows = bulk::execute_by_keys(connection, &self.core.statements[first].delete, &args, &KEY, &keys).await?;
        *removed.entry(table.to_owned()).or_default() += rows;
        let outbox =
            "delete from outbox where organization_id = $1 and map_table = $2 and key in (select k.key from {keys})";
        let args = [Arg::Int(self.organization.0), Arg::Text(table)];
        bulk::execute_by_keys(connection, outbox, &args, &KEY, &keys).await.map(drop)
    }
}
