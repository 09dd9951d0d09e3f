//! Elements of JSON arrays: a row that another program changed stands for all of its elements. Those it has now are adopted
//! or revised, those it has no longer are deleted; what only changed its place is what it was.

use std::collections::BTreeSet;

use consent::OrganizationId;

use super::versions::Versions;
use super::{Foreign, current_bodies};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::emit;
use crate::store::entry::{self, Entry};
use crate::store::provenance;
use crate::store::rows;

/// Rows whose elements are in memory at a time.
const ROWS: usize = 16;

/// Brings the resources of the given rows' arrays up to date.
pub(super) async fn refresh(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
    careful: bool,
    updated_ms: i64,
) -> Result<(), DbError> {
    for keys in keys.chunks(ROWS) {
        let elements = rows::elements::of_rows(core, connection, organization, map, keys).await?;
        let entries = entry::of_rows(core, connection, organization, map, keys).await?;
        let bodies = current_bodies(connection, organization, entries.values()).await?;
        let all: BTreeSet<&str> = elements.rows.keys().chain(entries.keys()).map(|key| &**key).collect();
        let mut versions = Versions::new(core, map, careful, updated_ms);
        for key in all {
            let row = elements.rows.get(key).filter(|row| row.exists);
            match (row, entries.get(key)) {
                (None, None) => {}
                (None, Some(entry)) if entry.deleted => {}
                // What nobody can read is not gone: what it was before is served.
                (None, Some(entry)) if is_unreadable(&elements, key) => {
                    tracing::error!(table = core.map(map).table, "an array of another program's cannot be read");
                    flag(connection, organization, entry, Some(entry::UNREADABLE)).await?;
                }
                (None, Some(entry)) => versions.delete(entry),
                (Some(row), Some(entry)) => {
                    let changed = Foreign { core, map, key, first: key, row };
                    let new = versions.revise(connection, changed, entry, bodies.get(&entry.rid)).await?;
                    if !new && entry.flag.as_deref() == Some(entry::UNREADABLE) {
                        let (_, found) = changed.body(entry, entry.version, updated_ms);
                        flag(connection, organization, entry, found.as_deref()).await?;
                    }
                }
                (Some(row), None) => versions.adopt(Foreign { core, map, key, first: key, row }),
            }
        }
        let mut snapshots = versions.snapshots(connection, organization).await?;
        provenance::note(core, connection, &snapshots);
        emit::emit(core, connection, organization, &mut snapshots).await?;
    }
    Ok(())
}

fn is_unreadable(elements: &rows::elements::Elements, key: &str) -> bool {
    mappers::array::parts_of_key(key).is_some_and(|(row, _)| elements.unreadable.contains(row))
}

async fn flag(
    connection: &mut Connection,
    organization: OrganizationId,
    entry: &Entry,
    flag: Option<&str>,
) -> Result<(), DbError> {
    let sql = "update directory set flag = $3 where organization_id = $1 and rid = $2";
    let args = [Arg::Int(organization.0), Arg::Int(entry.rid), Arg::text(flag)];
    connection.execute(sql, &args).await.map(drop)
}
