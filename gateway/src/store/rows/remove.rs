//! Rows that go: deleted resources, and resources that leave their table.
//!
//! Rows of other resources that refer to a row that goes move to the generic store (their bodies stay as they are): to
//! refuse would tell a caller of rows it may not see. Where rows that are no resources refer to it, the row stays and
//! only the directory forgets it.

use std::collections::HashSet;

use consent::OrganizationId;
use mappers::map::Map;
use mappers::sql::{InsertParameter, Statements};

use crate::clock::Clock;
use crate::store::apply::{Abort, Step};
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::core::Core;
use crate::store::emit;
use crate::store::entry;
use crate::store::place::Placed;
use crate::store::rows::{children, elements, lists};

/// How deep references of references are followed.
const DEPTH: usize = 16;

/// Removes the rows that the steps' resources leave: those deleted, and those that go to the generic store or to another
/// map.
pub(super) async fn leave(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    steps: &mut [Step<'_>],
    leaving: &Leaving,
) -> Result<(), Abort> {
    for step in steps {
        let Some((map, key)) = super::current_row(step) else { continue };
        let stays = match &step.placed {
            Placed::Mapped { map: new, key: kept, fresh, .. } => *new == map && **kept == *key && !fresh,
            Placed::Generic => false,
        };
        if !stays && core.map(map).append_only.is_some() {
            let replaced = matches!(&step.placed, Placed::Mapped { map: new, supersedes: Some(old), .. } if *new == map && **old == *key);
            if !replaced {
                let key = key.to_owned();
                let retraction = super::append::retract(core, connection, organization, map, &key, step.updated_ms);
                step.retraction = retraction.await?;
            }
        } else if !stays {
            let key = key.to_owned();
            let kept = rows(core, connection, organization, map, &[&key], step.updated_ms, leaving).await?;
            step.kept = kept.contains(&*key);
        }
    }
    Ok(())
}

/// What must be known to remove rows.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// Rows that this transaction changes in place: what they refer to now they will not refer to then.
    pub(super) staying: HashSet<(usize, Box<str>)>,
    /// A foreign key that we cannot see (of another organization's row, say) refused the removal at commit: try each row
    /// by itself and keep what cannot go.
    pub(super) cautious: bool,
    /// Rows were refused before: now it is no race with another program any more.
    pub(super) tried: bool,
}

/// Removes rows by key; gives the keys of those that had to stay, because somebody else needs them.
pub(super) async fn rows(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: &[&str],
    updated_ms: i64,
    leaving: &Leaving,
) -> Result<HashSet<Box<str>>, DbError> {
    if core.map(map).array.is_some() {
        elements::remove(core, connection, organization, map, keys, updated_ms).await?;
        return Ok(HashSet::new());
    }
    let first = map;
    let mut kept: HashSet<Box<str>> = HashSet::new();
    let mut doomed: Vec<(usize, Vec<Box<str>>)> = Vec::new();
    let mut waiting: Vec<(usize, Vec<Box<str>>, usize)> =
        vec![(map, keys.iter().map(|key| (*key).into()).collect(), 0)];
    while let Some((map, keys, depth)) = waiting.pop() {
        let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
        lists::note(core, connection, organization, map, &keys).await?;
        let gone = if core.map(map).facet {
            clear_facet(core, connection, organization, map, &keys).await?
        } else {
            keys.iter().map(|key| (*key).into()).collect()
        };
        let mut free = Vec::new();
        for key in gone {
            if is_needed(core, connection, &core.map(map).table, &key, false).await? {
                kept.extend((depth == 0).then_some(key));
                continue;
            }
            if depth < DEPTH {
                waiting.extend(referring(core, connection, organization, map, &key, depth + 1, leaving).await?);
            }
            free.push(key);
        }
        doomed.push((map, free));
    }
    // Those that refer go before those referred to, for foreign keys that are checked at once.
    for (map, keys) in doomed.into_iter().rev() {
        elements::leave_rows(core, connection, organization, map, &keys).await?;
        if leaving.cautious {
            let stayed = delete_what_can_go(core, connection, organization, map, keys, updated_ms).await?;
            kept.extend(stayed.into_iter().filter(|_| map == first));
        } else {
            delete(core, connection, organization, map, &keys, updated_ms).await?;
        }
    }
    Ok(kept)
}

/// Deletes row by row; gives the keys of rows that a foreign key holds.
async fn delete_what_can_go(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    keys: Vec<Box<str>>,
    updated_ms: i64,
) -> Result<Vec<Box<str>>, DbError> {
    let mut stayed = Vec::new();
    for key in keys {
        // SQLite cannot be asked to check a deferred foreign key early, but it shows every organization's rows.
        let held = connection.engine() == Engine::Sqlite
            && is_needed(core, connection, &core.map(map).table, &key, true).await?;
        let gone = !held
            && super::attempt(connection, async |connection| {
                delete(core, connection, organization, map, std::slice::from_ref(&key), updated_ms).await?;
                match connection.engine() {
                    Engine::Postgres => {
                        connection.script("set constraints all immediate; set constraints all deferred").await
                    }
                    Engine::Sqlite => Ok(()),
                }
            })
            .await?
            .is_ok();
        if !gone {
            stayed.push(key);
        }
    }
    Ok(stayed)
}

/// Clears the facets' own columns; gives the keys of the rows in which nothing is left.
pub(super) async fn clear_facet(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map_index: usize,
    keys: &[&str],
) -> Result<Vec<Box<str>>, DbError> {
    let map = core.map(map_index);
    let own: Vec<InsertParameter> = (0..map.slots.len())
        .filter(|slot| {
            map.slots[*slot].join.is_none() && map.slots[*slot].writable && !core.is_shared(map_index, *slot)
        })
        .map(InsertParameter::Slot)
        .collect();
    let mut empty = Vec::new();
    for key in keys {
        if !own.is_empty() {
            let sql = Statements::update(map, &core.dialect(), None, &own);
            let mut args = vec![Arg::Int(organization.0), Arg::Text(key)];
            args.extend(own.iter().map(|_| Arg::Null));
            connection.fetch(&sql, &args).await?;
        }
        let mut left = false;
        for &sibling in core.maps_on(&map.table) {
            let sql = &core.statements[sibling].left_over;
            let (args, keys) = ([Arg::Int(organization.0)], [Arg::Text(key)]);
            let rows = bulk::fetch_by_keys(connection, sql, &args, &[("key", BulkType::Text)], &keys).await?;
            left = left || !rows.is_empty();
        }
        if !left {
            empty.push((*key).into());
        }
    }
    Ok(empty)
}

/// Whether rows that are no resources of ours (`any`: whatever rows) refer to a row.
async fn is_needed(
    core: &Core,
    connection: &mut Connection,
    table: &str,
    key: &str,
    any: bool,
) -> Result<bool, DbError> {
    for referrer in core.referrers.of(table).iter().filter(|referrer| any || !referrer.mapped) {
        let Some(column) = core.schema.column(&referrer.table, &referrer.column) else { continue };
        let value = core.bind("$1", column);
        let sql = format!(
            "select 1 from {} where {} = {value} limit 1",
            core.quote(&referrer.table),
            core.quote(&referrer.column)
        );
        if connection.fetch_optional(&sql, &[Arg::Text(key)]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves the resources whose rows refer to a row to the generic store; gives their rows, which go too.
async fn referring(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map: usize,
    key: &str,
    depth: usize,
    leaving: &Leaving,
) -> Result<Vec<(usize, Vec<Box<str>>, usize)>, DbError> {
    let mut found = Vec::new();
    for referrer in core.referrers.of(&core.map(map).table).iter().filter(|referrer| referrer.mapped) {
        let Some(column) = core.schema.column(&referrer.table, &referrer.column) else { continue };
        // Elements of arrays go with the rows they are in.
        for &other in core.maps_on(&referrer.table).iter().filter(|other| core.map(**other).array.is_none()) {
            let sql =
                Statements::referring(core.map(other), &core.dialect(), &column.name, column.kind, &column.declared);
            let rows = connection.fetch(&sql, &[Arg::Int(organization.0), Arg::Text(key)]).await?;
            let keys = rows.iter().filter_map(|row| row.text(0)).map(|key| (other, Box::from(key)));
            let keys = keys.filter(|row| !leaving.staying.contains(row));
            let keys: Vec<Box<str>> = keys.map(|(_, key)| key).collect();
            if keys.is_empty() {
                continue;
            }
            let names: Vec<&str> = keys.iter().map(|key| &**key).collect();
            let entries = entry::by_key(core, connection, organization, other, &names).await?;
            let rids: Vec<i64> = entries.values().map(|entry| entry.rid).collect();
            emit::demote(connection, organization, &rids).await?;
            found.push((other, keys, depth));
        }
    }
    Ok(found)
}

/// Deletes rows with what belongs to them; softly where the map says so.
async fn delete(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    map_index: usize,
    keys: &[Box<str>],
    updated_ms: i64,
) -> Result<(), DbError> {
    let map: &Map = core.map(map_index);
    let statements = &core.statements[map_index];
    let columns = [("key", BulkType::Text)];
    let names: Vec<Arg<'_>> = keys.iter().map(|key| Arg::Text(key)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    if let Some(sql) = &statements.soft_delete {
        let mark = Clock::format(updated_ms);
        let args = [Arg::Int(organization.0), Arg::Text(&mark)];
        return bulk::execute_by_keys(connection, sql, &args, &columns, &names).await.map(drop);
    }
    let parents: Vec<&str> = keys.iter().map(|key| &**key).collect();
    for child in 0..map.children.len() {
        children::remove_all(core, connection, organization, map_index, child, &parents).await?;
    }
    let args = [Arg::Int(organization.0)];
    for sql in statements.delete_joined.iter().flatten() {
        bulk::execute_by_keys(connection, sql, &args, &columns, &names).await?;
    }
    bulk::execute_by_keys(connection, &statements.delete, &args, &columns, &names).await.map(drop)
}
