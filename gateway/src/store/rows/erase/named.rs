//! Files and objects that rows name.

use std::collections::BTreeSet;

use mappers::content;
use mappers::map::ContentKind;

use super::{Doomed, Eraser, KEY, as_owner};
use crate::store::bulk;
use crate::store::connection::{Arg, Connection, DbError};

impl Eraser<'_> {
    /// What the rows name outside the database.
    pub(crate) async fn content(
        &self,
        connection: &mut Connection,
        doomed: &Doomed,
    ) -> Result<BTreeSet<(bool, String)>, DbError> {
        let mut found = BTreeSet::new();
        for (table, keys) in &doomed.rows {
            let keys: Vec<Arg<'_>> = keys.iter().map(|key| Arg::Text(key)).collect();
            for (column, kind, sql) in self.naming(table) {
                let sql = format!("select {column} from {sql}");
                let rows = bulk::fetch_by_keys(connection, &sql, &[Arg::Int(self.organization.0)], &KEY, &keys).await?;
                let names = rows.iter().filter_map(|row| row.text(0)).filter(|name| !name.is_empty());
                found.extend(names.map(|name| (kind == ContentKind::Object, name.to_owned())));
            }
        }
        Ok(found)
    }

    /// Whether a row that is left names content: of any organization, since all have one content directory.
    pub(crate) async fn is_named(
        &self,
        connection: &mut Connection,
        object: bool,
        name: &str,
    ) -> Result<bool, DbError> {
        as_owner(connection, true).await?;
        let found = self.names(connection, object, name).await?;
        as_owner(connection, false).await?;
        Ok(found)
    }

    async fn names(&self, connection: &mut Connection, object: bool, name: &str) -> Result<bool, DbError> {
        let wanted = if object { ContentKind::Object } else { ContentKind::File };
        for shape in &self.core.maps.maps {
            for place in content::places(shape).iter().filter(|place| place.kind == wanted) {
                let (table, slot) = match place.child {
                    Some(child) => (&shape.children[child].table, &shape.children[child].slots[place.slot]),
                    None => {
                        let slot = &shape.slots[place.slot];
                        (slot.join.map_or(&shape.table, |join| &shape.joins[join].table), slot)
                    }
                };
                let Some(column) = self.column(table, &slot.column) else { continue };
                let sql = format!(
                    "select 1 from {} where {} = {} limit 1",
                    self.core.quote(table),
                    self.core.quote(&column.name),
                    self.core.bind("$1", column)
                );
                if connection.fetch_optional(&sql, &[Arg::Text(name)]).await?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// By column that names content: what reads it, its kind, and the rest of a statement over the rows' keys.
    fn naming(&self, table: &str) -> Vec<(String, ContentKind, String)> {
        let mut found = Vec::new();
        for shape in self.core.maps_on(table).iter().map(|map| self.core.map(*map)) {
            for place in content::places(shape) {
                let (from, slot, key) = match place.child {
                    Some(child) => {
                        let child = &shape.children[child];
                        (&child.table, &child.slots[place.slot], &child.parent_key)
                    }
                    None if shape.slots[place.slot].join.is_some() => continue,
                    None => (&shape.table, &shape.slots[place.slot], &shape.key),
                };
                let Some(key) = self.column(from, key) else { continue };
                let rest = format!(
                    "{} where {} in (select {} from {{keys}}) and $1 is not null",
                    self.core.quote(from),
                    self.core.quote(&key.name),
                    self.core.bind("k.key", key)
                );
                found.push((self.core.quote(&slot.column), place.kind, rest));
            }
        }
        found
    }
}
