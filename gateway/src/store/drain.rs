//! Foreign writers: what other programs did to the users' tables becomes versions, index rows and facts.
//!
//! Triggers leave (table, key) in the outbox within the foreign transaction. Before anything is read, searched or written
//! the outbox is settled: each row named there is joined again and compared with the resource's current body; what differs
//! becomes a new version. Changes between two settlements coalesce into one version.

mod elements;
mod pace;
mod trees;
mod versions;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use consent::OrganizationId;
use mappers::join::{self, Header, Stored};
use mappers::json::Document;
use mappers::split::Shadow;

use crate::clock::Clock;
use crate::store::Store;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine, Row};
use crate::store::core::Core;
use crate::store::custom::InForce;
use crate::store::derive::derive;
use crate::store::dialect;
use crate::store::emit::{self, Facts, Side, Snapshot};
use crate::store::entry::{self, Entry, Place};
use crate::store::error::StoreError;
use crate::store::index::Index;
use crate::store::provenance;
use crate::store::rows::{self, ForeignRow, Loaded, Settled};
use crate::store::statistics;
use crate::store::types::Method;
use pace::{BATCH, FIRST, Pace};
use versions::{Version, Versions};

/// Rows of tables with content outside the database that are at work at once.
const HEAVY: usize = 4;
/// Transactions before we stop running after a writer that is faster than we are. What is read then is exact for all that
/// was settled; the outbox keeps the rest.
const ROUNDS: usize = 64;

impl Store {
    /// Settles the outbox of an organization, on the writing connection.
    pub(crate) async fn drain(&self, organization: OrganizationId) -> Result<(), StoreError> {
        let _turn = self.core().readers_settling.acquire().await.map_err(|_| StoreError::Unavailable)?;
        let mut connection = self.core().pools.writer().await?;
        Ok(settle(self.core(), &mut connection, organization).await?)
    }

    /// Settles all that waits now, however much it is: for those who want to have seen every row. A writer that never
    /// rests does not keep them from ending.
    pub(crate) async fn drain_all(&self, organization: OrganizationId) -> Result<(), StoreError> {
        let mut connection = self.core().pools.writer().await?;
        let count = "select count(*) from outbox where organization_id = $1";
        connection.begin_read(Some(organization.0)).await?;
        let waiting = connection.fetch_optional(count, &[Arg::Int(organization.0)]).await?;
        connection.commit().await?;
        let waiting = waiting.and_then(|row| row.int(0)).unwrap_or_default();
        // The first round takes less.
        let rounds = i64::try_from(ROUNDS - 1).unwrap_or(i64::MAX).saturating_mul(BATCH);
        for _ in 0..=waiting / rounds {
            settle(self.core(), &mut connection, organization).await?;
        }
        Ok(())
    }
}

const PENDING: &str = "select exists(select 1 from outbox where organization_id = $1)";

/// Opens a transaction of the gateway's own writes once all is settled. Mostly nothing waits, and the round trip that
/// begins has told so.
pub(crate) async fn begin(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<(), DbError> {
    let (pending, mut version, mut labelling) = connection.begin_write_asking(organization.0).await?;
    if pending {
        connection.rollback().await?;
        settle(core, connection, organization).await?;
        // What has come since need not be seen.
        (_, version, labelling) = connection.begin_write_asking(organization.0).await?;
    }
    core.learn(connection, organization, version, labelling).await
}

/// Settles until the outbox is empty (or the bound is reached). No transaction may be open.
pub(crate) async fn settle(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<(), DbError> {
    let mut pace = Pace::new();
    for round in 0..ROUNDS {
        if !is_pending(connection, organization).await? {
            return Ok(());
        }
        // Other programs may have made their tables grow, the last batch those of ours.
        if round > 0 || is_much(connection, organization).await? {
            statistics::keep_up(connection).await;
        }
        let alone = core.settling.lock().await;
        let settled = settle_some(core, connection, organization, pace).await;
        drop(alone);
        match settled {
            Ok(0) => return Ok(()),
            Ok(_) => pace.went_well(),
            Err(error) => {
                connection.rollback_if_open().await;
                pace.after(core, connection, organization, error).await?;
            }
        }
    }
    Ok(())
}

/// Whether anything waits: one probe.
async fn is_pending(connection: &mut Connection, organization: OrganizationId) -> Result<bool, DbError> {
    let row = match connection.engine() {
        Engine::Sqlite => connection.fetch_optional(PENDING, &[Arg::Int(organization.0)]).await?,
        Engine::Postgres => {
            connection.fetch_optional("select fhir_gateway.has_pending($1)", &[Arg::Int(organization.0)]).await?
        }
    };
    Ok(row.is_some_and(|row| row.flag(0)))
}

/// Whether so much waits that it is worth asking whether the planner knows the tables.
async fn is_much(connection: &mut Connection, organization: OrganizationId) -> Result<bool, DbError> {
    if connection.engine() == Engine::Sqlite {
        return Ok(false);
    }
    connection.begin_read(Some(organization.0)).await?;
    let sql = "select count(*) from (select 1 from outbox where organization_id = $1 limit $2) waiting";
    let row = connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Int(FIRST)]).await?;
    connection.commit().await?;
    Ok(row.and_then(|row| row.int(0)) == Some(FIRST))
}

/// Takes a batch from the outbox; how many rows it took.
async fn settle_some(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    pace: Pace,
) -> Result<usize, DbError> {
    connection.begin_write(Some(organization.0)).await.map_err(|error| {
        // No row of the outbox is at fault: the work behind search parameters is, and it is soon done.
        if error.is_lock_timeout() { DbError::moved("all that write are excluded") } else { error }
    })?;
    if connection.engine() == Engine::Postgres {
        // Another program may sit on a row for as long as it likes: nobody's reading waits for that.
        connection.script("set local lock_timeout = 250").await?;
    }
    if connection.engine() == Engine::Postgres && pace.is_impatient() {
        // Parent and child rows must be of one moment.
        connection.script("set transaction isolation level repeatable read").await?;
    }
    let rids = core.rids_of_a_transaction();
    let lock = dialect::for_update(connection.engine());
    let sql = format!(
        "select seq, map_table, key, \
         coalesce((select version from search_registry where organization_id = $1), 0), \
         coalesce((select max(id) from labellings), 0) \
         from outbox where organization_id = $1 and seq > $2 order by seq limit {}{lock}",
        pace.batch
    );
    let taken = connection.fetch(&sql, &[Arg::Int(organization.0), Arg::Int(pace.after)]).await?;
    if let Some((version, labelling)) = taken.first().and_then(|row| Some((row.int(3)?, row.int(4)?))) {
        core.learn(connection, organization, version, labelling).await?;
    }
    let mut tables: BTreeMap<Box<str>, BTreeSet<Box<str>>> = BTreeMap::new();
    let mut numbers = Vec::with_capacity(taken.len());
    for row in &taken {
        numbers.extend(row.int(0));
        let (table, key) = (row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default());
        tables.entry(table.into()).or_default().insert(key.into());
    }
    let mut tables: Vec<(Box<str>, BTreeSet<Box<str>>)> = tables.into_iter().collect();
    // The ids of what lists hold are known before the lists are joined.
    tables.sort_by_key(|(table, _)| core.listing_depth(table));
    for (table, keys) in &tables {
        refresh(core, connection, organization, table, keys, pace.batch == 1).await?;
    }
    let numbers: Vec<Arg<'_>> = numbers.into_iter().map(Arg::Int).collect();
    let sql = "delete from outbox where seq in (select k.seq from {keys})";
    bulk::execute_by_keys(connection, sql, &[], &[("seq", BulkType::Int)], &numbers).await?;
    provenance::of_settlement(core, connection, organization).await?;
    core.commit(connection).await?;
    core.registry.has_settled(organization);
    rids.committed();
    Ok(taken.len())
}

/// Brings the resources of the given rows up to date.
async fn refresh(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    table: &str,
    keys: &BTreeSet<Box<str>>,
    careful: bool,
) -> Result<(), DbError> {
    let keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let updated_ms = core.clock.tick();
    // The elements of a row's array may refer to the row.
    let mut maps = core.maps_on(table).to_vec();
    maps.sort_by_key(|map| core.map(*map).array.is_some());
    let portions = maps.iter().flat_map(|map| {
        // Content that rows name lies in memory while they are at work.
        let portion = if core.contents.is_named_by(*map) { HEAVY } else { keys.len().max(1) };
        keys.chunks(portion).map(|keys| (*map, keys))
    });
    let portions: Vec<(usize, &[&str])> = portions.collect();
    for (map, keys) in portions {
        if core.map(map).append_only.is_some() {
            trees::refresh(core, connection, organization, map, keys, careful, updated_ms).await?;
            continue;
        }
        if core.map(map).array.is_some() {
            elements::refresh(core, connection, organization, map, keys, careful, updated_ms).await?;
            continue;
        }
        let mut rows = rows::load(core, connection, organization, map, keys).await?;
        rows::fill_lists(core, connection, organization, map, &mut rows).await?;
        let entries = entry::by_key(core, connection, organization, map, keys).await?;
        let bodies = current_bodies(connection, organization, entries.values()).await?;
        let mut versions = Versions::new(core, map, careful, updated_ms);
        for key in keys {
            let row = rows.get(*key).filter(|row| row.exists);
            let entry = entries.get(*key);
            match (row, entry) {
                (None, None) => {}
                (None, Some(entry)) if entry.deleted => {}
                (None, Some(entry)) => versions.delete(entry),
                (Some(row), Some(entry)) => {
                    let changed = Foreign { core, map, key, first: key, row };
                    versions.revise(connection, changed, entry, bodies.get(&entry.rid)).await?;
                }
                (Some(row), None) => versions.adopt(Foreign { core, map, key, first: key, row }),
            }
        }
        let mut snapshots = versions.snapshots(connection, organization).await?;
        provenance::note(core, connection, &snapshots);
        emit::emit(core, connection, organization, &mut snapshots).await?;
        // Lists could not tell these ids beforehand.
        let given = |snapshot: &&Snapshot| snapshot.fresh && *snapshot.id != *core.map(map).id_of(snapshot.key());
        let given: Vec<&str> = snapshots.iter().filter(given).map(Snapshot::key).collect();
        rows::note(core, connection, organization, map, &given).await?;
    }
    Ok(())
}

/// What the current versions look like, by directory row id.
async fn current_bodies(
    connection: &mut Connection,
    organization: OrganizationId,
    entries: impl Iterator<Item = &Entry>,
) -> Result<HashMap<i64, (i64, Bytes)>, DbError> {
    let rids: Vec<Arg<'_>> = entries.map(|entry| Arg::Int(entry.rid)).collect();
    let sql = "select d.rid, d.updated, v.body from {keys} join directory d on d.rid = k.rid \
         join resource_versions v on v.rid = d.rid and v.version = d.version where d.organization_id = $1";
    let args = [Arg::Int(organization.0)];
    let rows = bulk::fetch_by_keys(connection, sql, &args, &[("rid", BulkType::Int)], &rids).await?;
    let body = |row: &Row| Bytes::copy_from_slice(row.text(2).unwrap_or_default().as_bytes());
    let entry = |row: &Row| (row.int(0).unwrap_or_default(), (row.int(1).unwrap_or_default(), body(row)));
    Ok(rows.iter().map(entry).collect())
}

fn deletion(entry: &Entry, updated_ms: i64) -> Snapshot {
    Snapshot {
        rid: entry.rid,
        fresh: false,
        kind: entry.kind.clone(),
        id: entry.id.clone(),
        // Should the row come back, it is this resource again.
        place: entry.place.clone(),
        version: entry.version + 1,
        updated_ms,
        method: Method::Delete,
        body: Bytes::new(),
        facts: Facts::of_deleted(entry.patient.clone()),
        index: Index::default(),
        side: Side {
            residue: entry.residue.clone(),
            shadow: entry.shadow.as_ref().map(|shadow| shadow.to_json().into()),
            flag: None,
        },
    }
}

/// A row as another program left it.
#[derive(Clone, Copy)]
struct Foreign<'r> {
    core: &'r Core,
    map: usize,
    key: &'r str,
    /// The key that a new resource's id is made of.
    first: &'r str,
    row: &'r Loaded,
}

impl Foreign<'_> {
    /// Whether the row says what is served already.
    fn is_served(&self, entry: &Entry, current: Option<&(i64, Bytes)>) -> bool {
        let Some((updated, current)) = current else { return false };
        !entry.deleted
            && entry.place.key(&entry.id) == self.key
            && self.body(entry, entry.version, *updated).0 == current
    }

    /// Whether the row of a resource that was deleted (and is kept for others' sake) is still as it was then: only a change
    /// of it brings the resource back.
    async fn says_nothing_new(&self, connection: &mut Connection, entry: &Entry) -> Result<bool, DbError> {
        let version = entry.version - 1;
        let sql = "select updated, body from resource_versions where rid = $1 and version = $2";
        let row = connection.fetch_optional(sql, &[Arg::Int(entry.rid), Arg::Int(version)]).await?;
        Ok(row.is_some_and(|row| {
            let (body, _) = self.body(entry, version, row.int(0).unwrap_or_default());
            row.text(1).unwrap_or_default().as_bytes() == body
        }))
    }

    /// The id that a resource of this row gets: made of its key where that can be.
    fn wanted_id(&self) -> Box<str> {
        let id: Box<str> = self.core.map(self.map).id_of(self.first).into();
        if mappers::references::is_id(&id) { id } else { self.core.ids.next().into() }
    }

    /// The body the row gives at a version, and which coupled groups fell apart.
    fn body(&self, entry: &Entry, version: i64, updated_ms: i64) -> (Bytes, Option<Box<str>>) {
        self.join(entry, &self.row.stored(entry), version, updated_ms)
    }

    fn join(&self, entry: &Entry, stored: &Stored<'_>, version: i64, updated_ms: i64) -> (Bytes, Option<Box<str>>) {
        let map = self.core.map(self.map);
        let last_updated = Clock::format(updated_ms);
        let header = Header { id: &entry.id, version, last_updated: &last_updated };
        let mut body = Vec::with_capacity(1024);
        let joined = join::join(map, stored, &header, &self.core.values(), &mut body);
        let coupled = (!joined.flagged.is_empty()).then(|| format!("coupled: {}", joined.flagged.join(", ")));
        // Autumn's hour that comes twice, spring's that never comes: which reading is served is no more than a rule.
        let doubtful = (!joined.doubtful.is_empty()).then(|| format!("wall clock: {}", joined.doubtful.join(", ")));
        let spaced = (!joined.unprintable.is_empty()).then(|| format!("characters: {}", joined.unprintable.join(", ")));
        let absent = self.row.absent.iter().map(|why| format!("content: {why}"));
        let flags: Vec<String> = coupled.into_iter().chain(doubtful).chain(spaced).chain(absent).collect();
        (body.into(), (!flags.is_empty()).then(|| flags.join("; ").into()))
    }

    /// What the row's residue and shadow are from now on, and what an operator should look at.
    fn left_over(
        &self,
        entry: &Entry,
        version: i64,
        updated_ms: i64,
    ) -> Result<(Bytes, Option<Box<str>>, Settled), DbError> {
        // What a list holds by rows of other tables never becomes the resource's own.
        let own = Stored { listed: &[], ..self.row.stored(entry) };
        let (body, flag) = self.join(entry, &own, version, updated_ms);
        let row = ForeignRow { map: self.map, key: self.key, held: self.row, entry };
        let document = Document::parse(&body).map_err(|_| DbError::fault("a joined row is not JSON"))?;
        let settled = row.settled(self.core, &document);
        drop(document);
        Ok((body, flag, settled))
    }

    /// The new version, its residues being where they belong (`refused`: its table does not take them).
    fn snapshot(
        &self,
        version: Version<'_>,
        updated_ms: i64,
        refused: bool,
        in_force: &InForce,
    ) -> Result<Snapshot, DbError> {
        let map = self.core.map(self.map);
        let Version { entry, number: version, fresh, mut body, flag, settled, .. } = version;
        let (residue, shadow) = (settled.residue, settled.shadow);
        if !map.lists.is_empty() {
            // As it will be joined from now on.
            let told = shadow.as_deref().and_then(Shadow::parse);
            let stored = Stored { residue: residue.as_deref(), shadow: told.as_ref(), ..self.row.stored(&entry) };
            body = self.join(&entry, &stored, version, updated_ms).0;
        }
        let document = Document::parse(&body).map_err(|_| DbError::fault("a joined row is not JSON"))?;
        let (facts, index) = derive(self.core, in_force, (&map.resource, &entry.id), document.root(), &body);
        drop(document);
        Ok(Snapshot {
            rid: entry.rid,
            fresh,
            kind: entry.kind.clone(),
            id: entry.id.clone(),
            place: Place::Mapped { map: self.map, key: self.key.into() },
            version,
            updated_ms,
            method: if version == 1 { Method::Post } else { Method::Put },
            body,
            facts,
            index,
            side: Side { residue: residue.filter(|_| map.residue.is_none() || refused), shadow, flag },
        })
    }
}
