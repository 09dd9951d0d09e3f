//! Tables that are only appended to: rows that replace one another are a tree, and the one that counts is the resource,
//! which moves along with it.

use std::collections::{BTreeMap, BTreeSet};

use consent::OrganizationId;

use super::versions::Versions;
use super::{Foreign, current_bodies};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::emit;
use crate::store::entry::{self, Entry};
use crate::store::provenance;
use crate::store::rows;

/// Brings the resources of the given rows' trees up to date.
pub(super) async fn refresh(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
    careful: bool,
    updated_ms: i64,
) -> Result<(), DbError> {
    let trees = trees(core, connection, organization, map, keys).await?;
    let members: Vec<&str> = trees.values().flatten().map(|key| &**key).collect();
    let loaded = rows::load(core, connection, organization, map, &members).await?;
    let entries = entry::by_key(core, connection, organization, map, &members).await?;
    let bodies = current_bodies(connection, organization, entries.values()).await?;
    let mut versions = Versions::new(core, map, careful, updated_ms);
    for (first, tree) in &trees {
        let row = tree.iter().find_map(|key| Some((key, loaded.get(key).filter(|row| row.exists)?)));
        let mut known: Vec<&Entry> = tree.iter().filter_map(|key| entries.get(key)).collect();
        // One tree is one resource: the oldest that is there, where rows had been seen before what they replace.
        known.sort_by_key(|entry| (entry.deleted, entry.rid));
        let mut known = known.into_iter();
        match (row, known.next()) {
            (None, None) => {}
            (None, Some(entry)) if entry.deleted => {}
            (None, Some(entry)) => versions.delete(entry),
            (Some((key, row)), Some(entry)) => {
                let changed = Foreign { core, map, key, first, row };
                versions.revise(connection, changed, entry, bodies.get(&entry.rid)).await?;
            }
            (Some((key, row)), None) => versions.adopt(Foreign { core, map, key, first, row }),
        }
        known.filter(|entry| !entry.deleted).for_each(|entry| versions.delete(entry));
    }
    let mut snapshots = versions.snapshots(connection, organization).await?;
    provenance::note(core, connection, &snapshots);
    emit::emit(core, connection, organization, &mut snapshots).await
}

/// The keys of each tree by its first row's; a row that has gone stands alone.
async fn trees(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
) -> Result<BTreeMap<Box<str>, BTreeSet<Box<str>>>, DbError> {
    let Some(append) = &core.statements[map].append else { return Ok(BTreeMap::new()) };
    let (args, columns) = ([Arg::Int(organization.0)], [("key", BulkType::Text)]);
    let wanted: Vec<Arg<'_>> = keys.iter().copied().map(Arg::Text).collect();
    let mut gone: BTreeSet<&str> = keys.iter().copied().collect();
    let mut trees: BTreeMap<Box<str>, BTreeSet<Box<str>>> = BTreeMap::new();
    for row in bulk::fetch_by_keys(connection, &append.trees, &args, &columns, &wanted).await? {
        let (first, key) = (row.text(0).unwrap_or_default(), row.text(1).unwrap_or_default());
        gone.remove(key);
        trees.entry(first.into()).or_default().insert(key.into());
    }
    trees.extend(gone.into_iter().map(|key| (key.into(), BTreeSet::from([key.into()]))));
    Ok(trees)
}
