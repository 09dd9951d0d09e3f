//! What every part of the store shares.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use consent::OrganizationId;
use jiff::tz::TimeZone;
use mappers::codec::Context;
use mappers::map::{Child, ListedBy, Map, MapSet};
use mappers::references::Bases;
use mappers::schema::{Column, Schema};
use mappers::sql::Statements;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use crate::clock::{Clock, Ids};
use crate::metrics::StoreSeries;
use crate::store::addresses::Addresses;
use crate::store::alert::Told;
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::consents::Alarm;
use crate::store::content::Contents;
use crate::store::custom::Registry;
use crate::store::dialect::{self, SqlDialect};
use crate::store::health::AsOpened;
use crate::store::journal::{self, Journal};
use crate::store::labelling::Labellings;
use crate::store::normalizing::Normalizer;
use crate::store::pools::Pools;
use crate::store::provenance;
use crate::store::referrers::Referrers;
use crate::store::statistics::Growth;
use crate::store::statutes::InForce;

/// Transactions that look before they write, at a time. Fewer than the writing connections (`open`).
const TURNS: usize = 4;
/// Readers who settle the outbox at once: one does it for all, and the next looks whether anything is left.
const READERS_SETTLING: usize = 1;
/// How deep lists of what has lists itself are followed.
const MOST_LISTS: usize = 8;
/// How many directory row ids are taken from the database at once.
const RID_BLOCK: i64 = 1024;

/// The store's unchanging parts.
pub(crate) struct Core {
    /// Connections.
    pub(crate) pools: Pools,
    /// The compiled maps.
    pub(crate) maps: MapSet,
    /// Their SQL, parallel to the maps.
    pub(crate) statements: Vec<Statements>,
    /// Maps by name.
    pub(crate) names: HashMap<String, usize>,
    /// Maps by resource type, in file order.
    pub(crate) types: HashMap<String, Vec<usize>>,
    /// Maps by main table.
    pub(crate) tables: HashMap<String, Vec<usize>>,
    /// Who refers to a table's rows.
    pub(crate) referrers: Referrers,
    /// Parallel to the maps: the columns that answer a parameter, by its full name.
    /// Parallel to the maps: how many tables must come before theirs.
    ranks: Vec<usize>,
    /// The tables as introspection found them.
    pub(crate) schema: Schema,
    /// Functions of the owner's are called after our writes where maps say so.
    pub(crate) after_write: bool,
    /// The clock.
    pub(crate) clock: Arc<Clock>,
    /// Ids for new rows and for foreign rows whose key is not a valid id.
    pub(crate) ids: Arc<Ids>,
    /// The organization's time zone: what date-times without one mean.
    pub(crate) zone: TimeZone,
    /// Content outside the database.
    pub(crate) contents: Contents,
    /// The bases that the gateway is served at, and was.
    pub(crate) addresses: Addresses,
    /// Turns for transactions that look before they write: who comes later waits here, not for a connection.
    pub(crate) turns: Arc<Semaphore>,
    /// How far this process has made the tables grow.
    pub(crate) growth: Growth,
    /// One settlement of the outbox at a time: two would only collide.
    pub(crate) settling: tokio::sync::Mutex<()>,
    /// Turns for readers who find the outbox pending: who waits for another's settlement must not keep a connection.
    pub(crate) readers_settling: Semaphore,
    /// Search parameters of organizations' own.
    pub(crate) registry: Registry,
    /// What codes mean.
    pub(crate) normalizer: Normalizer,
    /// The tables of codes that labels come from.
    pub(crate) labellings: Labellings,
    /// Revocations and erasures, apart from the database.
    pub(crate) journal: Journal,
    /// When what is shown under Consents is decided once more.
    pub(crate) alarm: Alarm,
    /// Alerts that are not in the database yet.
    pub(crate) told: Told,
    /// What was there when it was opened.
    pub(crate) as_opened: AsOpened,
    /// What operators see of writes.
    pub(crate) series: StoreSeries,
    /// The law that is in force beside the federal one.
    statutes: RwLock<Arc<InForce>>,
    /// Whether what is written has a Provenance.
    pub(crate) provenance: provenance::Keeping,
    /// Row ids taken and not yet given out.
    rids: Mutex<std::ops::Range<i64>>,
}

impl Core {
    /// Puts the parts together.
    #[expect(clippy::too_many_arguments, reason = "each is a part of its own")]
    pub(crate) fn new(
        pools: Pools,
        maps: MapSet,
        statements: Vec<Statements>,
        schema: Schema,
        clock: Arc<Clock>,
        ids: Arc<Ids>,
        zone: TimeZone,
        contents: Contents,
    ) -> Self {
        let mut names = HashMap::new();
        let mut types: HashMap<String, Vec<usize>> = HashMap::new();
        let mut tables: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, map) in maps.maps.iter().enumerate() {
            names.insert(map.name.clone(), index);
            types.entry(map.resource.clone()).or_default().push(index);
            tables.entry(map.table.clone()).or_default().push(index);
        }
        let referrers = Referrers::new(&maps, &schema);
        let ranks = ranks(&maps, &schema);
        Self {
            pools,
            maps,
            statements,
            names,
            types,
            tables,
            referrers,
            ranks,
            schema,
            after_write: true,
            clock,
            ids,
            zone,
            contents,
            addresses: Addresses::default(),
            turns: Arc::new(Semaphore::new(TURNS)),
            growth: Growth::default(),
            settling: tokio::sync::Mutex::new(()),
            readers_settling: Semaphore::new(READERS_SETTLING),
            registry: Registry::default(),
            labellings: Labellings::default(),
            journal: Journal::default(),
            alarm: Alarm::default(),
            told: Told::default(),
            as_opened: AsOpened::default(),
            series: StoreSeries::default(),
            statutes: RwLock::default(),
            normalizer: Normalizer::default(),
            provenance: provenance::Keeping::default(),
            rids: Mutex::new(0..0),
        }
    }

    /// The law that is in force beside the federal one.
    pub(crate) fn statutes(&self) -> Arc<InForce> {
        Arc::clone(&self.statutes.read())
    }

    /// From now on it is this.
    pub(crate) fn set_statutes(&self, in_force: InForce) {
        *self.statutes.write() = in_force.into();
    }

    /// Whether functions of the owner's are called after our writes.
    pub(crate) fn calling_functions(self, after_write: bool) -> Self {
        Self { after_write, ..self }
    }

    /// With the journal of its data directory.
    pub(crate) fn with_journal(self, journal: Journal) -> Self {
        Self { journal, ..self }
    }

    /// With what was there when it was opened.
    pub(crate) fn opened(self, as_opened: AsOpened) -> Self {
        Self { as_opened, ..self }
    }

    /// Ends a transaction of our own writes, the journal knowing of what it revokes.
    pub(crate) async fn commit(&self, connection: &mut Connection) -> Result<(), DbError> {
        journal::commit(&self.journal, &self.clock, connection).await
    }

    /// The bases below which an absolute reference is one to a resource of our own; none where nothing has been served yet.
    pub(crate) fn bases(&self) -> Arc<Bases> {
        self.addresses.bases()
    }

    /// Learns what counts for what is written in the open transaction: of which version the organization's search parameters are
    /// (and with it which addresses are ours), and which labelling counts.
    pub(crate) async fn learn(
        &self,
        connection: &mut Connection,
        organization: OrganizationId,
        version: i64,
        labelling: i64,
    ) -> Result<(), DbError> {
        self.labellings.learn(connection, labelling).await?;
        self.registry.learn(connection, organization, version).await?;
        self.addresses.learn(connection, organization, version).await
    }

    /// A map by its index.
    pub(crate) fn map(&self, index: usize) -> &Map {
        &self.maps.maps[index]
    }

    /// Zone and content, as codecs take them.
    pub(crate) fn values(&self) -> Context<'_> {
        Context { zone: &self.zone, content: Some(self.contents.ready()) }
    }

    /// The engine's dialect.
    pub(crate) fn dialect(&self) -> SqlDialect {
        SqlDialect(self.pools.engine())
    }

    /// A name, quoted.
    pub(crate) fn quote(&self, name: &str) -> String {
        dialect::quote(name)
    }

    /// A placeholder of canonical text as a value of a column.
    pub(crate) fn bind(&self, placeholder: &str, column: &Column) -> String {
        dialect::bind(self.pools.engine(), placeholder, column.kind, &column.declared)
    }

    /// The main table's key as text.
    pub(crate) fn read_key(&self, map: &Map) -> String {
        let column = format!("{}.{}", dialect::quote(&map.table), dialect::quote(&map.key));
        dialect::read(self.pools.engine(), &column, map.key_kind, "text")
    }

    /// A key's text as a value of the main table's key column.
    pub(crate) fn bind_key(&self, text: &str, map: &Map) -> String {
        dialect::bind(self.pools.engine(), text, map.key_kind, "text")
    }

    /// The parent's key in a child row, as text.
    pub(crate) fn read_parent_key(&self, child: &Child) -> String {
        let column = format!("{}.{}", dialect::quote(&child.table), dialect::quote(&child.parent_key));
        dialect::read(self.pools.engine(), &column, child.parent_key_kind, "text")
    }

    /// Whether rows of other tables refer to a map's table, by foreign keys or as members of its lists.
    pub(crate) fn is_referred_to(&self, map: usize) -> bool {
        !self.referrers.of(&self.map(map).table).is_empty() || !self.map(map).lists.is_empty()
    }

    /// What the lists of a map hold, in their order: a map, its index of the list (into `Map::listed_by`), and the list.
    pub(crate) fn listed_in(&self, map: usize) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        for (list, shape) in self.map(map).lists.iter().enumerate() {
            for of in shape.of.iter().filter_map(|name| self.map_named(name)) {
                let is_it = |listed: &ListedBy| listed.map == self.map(map).name && listed.list == list;
                found.extend(self.map(of).listed_by.iter().position(is_it).map(|number| (of, number, list)));
            }
        }
        found
    }

    /// How many lists lie below a table's: what is listed is settled before what lists it.
    pub(crate) fn listing_depth(&self, table: &str) -> usize {
        self.listing_depth_below(table, 0)
    }

    fn listing_depth_below(&self, table: &str, above: usize) -> usize {
        if above > MOST_LISTS {
            return 0;
        }
        let lists = self.maps_on(table).iter().flat_map(|map| &self.map(*map).lists);
        let tables: BTreeSet<&str> = lists
            .flat_map(|list| &list.of)
            .filter_map(|name| self.map_named(name))
            .map(|map| self.map(map).table.as_str())
            .collect();
        tables.into_iter().map(|table| 1 + self.listing_depth_below(table, above + 1)).max().unwrap_or(0)
    }

    /// Whether a slot's column serves several facets of its row.
    pub(crate) fn is_shared(&self, map: usize, slot: usize) -> bool {
        let own = &self.map(map).slots[slot];
        let siblings = self.maps_on(&self.map(map).table).iter().filter(|sibling| **sibling != map);
        own.join.is_some()
            || siblings
                .flat_map(|sibling| &self.map(*sibling).slots)
                .any(|slot| slot.join.is_none() && slot.column == own.column)
    }

    /// The index of the map of that name; `None` for a name no file has any more.
    pub(crate) fn map_named(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The maps of a resource type, in file order.
    pub(crate) fn maps_of(&self, kind: &str) -> &[usize] {
        self.types.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Where a map's table stands when rows are inserted: tables that others refer to come first.
    pub(crate) fn rank(&self, map: usize) -> usize {
        self.ranks[map]
    }

    /// The maps over a table.
    pub(crate) fn maps_on(&self, table: &str) -> &[usize] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// Takes `count` directory row ids. They are taken from the database in blocks; on SQLite within the caller's
    /// transaction, so a rollback must call [`Core::forget_rids`].
    pub(crate) async fn take_rids(&self, connection: &mut Connection, count: usize) -> Result<Vec<i64>, DbError> {
        let mut taken = Vec::with_capacity(count);
        {
            let mut block = self.rids.lock();
            taken.extend(block.by_ref().take(count));
        }
        let missing = count - taken.len();
        if missing > 0 {
            let size = RID_BLOCK.max(i64::try_from(missing).unwrap_or(RID_BLOCK));
            let end = self.reserve_rids(connection, size).await?;
            let mut fresh = end - size..end;
            taken.extend(fresh.by_ref().take(missing));
            let mut block = self.rids.lock();
            if block.is_empty() {
                *block = fresh;
            }
        }
        Ok(taken)
    }

    /// Moves the end of the reserved range. On PostgreSQL by a connection of its own, so that writers do not wait for each
    /// other's transactions; numbers that a rollback leaves unused are simply never given.
    async fn reserve_rids(&self, connection: &mut Connection, size: i64) -> Result<i64, DbError> {
        let sql = "update rid_block set next = next + $1 where name = 'rid' returning next";
        let args = [Arg::Int(size)];
        let row = match connection.engine() {
            // Of the readers' pool: every writing connection may be held by somebody who waits for this very block.
            Engine::Postgres => self.pools.reader().await?.fetch_optional(sql, &args).await?,
            Engine::Sqlite => connection.fetch_optional(sql, &args).await?,
        };
        row.and_then(|row| row.int(0)).ok_or_else(|| DbError::fault("rid_block has no row"))
    }

    /// Drops what is left of the current block: its reservation may have been rolled back.
    pub(crate) fn forget_rids(&self) {
        *self.rids.lock() = 0..0;
    }

    /// Forgets the block unless the transaction it was reserved in commits: also where its future is dropped halfway.
    pub(crate) fn rids_of_a_transaction(&self) -> RidGuard<'_> {
        RidGuard { core: self, committed: false }
    }
}

/// See [`Core::rids_of_a_transaction`].
pub(crate) struct RidGuard<'c> {
    core: &'c Core,
    committed: bool,
}

impl RidGuard<'_> {
    /// The transaction has committed.
    pub(crate) fn committed(mut self) {
        self.committed = true;
    }
}

impl Drop for RidGuard<'_> {
    fn drop(&mut self) {
        if !self.committed {
            self.core.forget_rids();
        }
    }
}

/// By map: what refers to a table comes after it, what is listed after what lists it, and elements of arrays last.
fn ranks(maps: &MapSet, schema: &Schema) -> Vec<usize> {
    let mut ranks: Vec<usize> = maps.maps.iter().map(|map| depth(schema, &map.table, 0)).collect();
    for _ in 0..MOST_LISTS {
        for (number, map) in maps.maps.iter().enumerate() {
            let holders = map.listed_by.iter().filter(|listed| listed.table != map.table);
            let above = holders.filter_map(|listed| maps.maps.iter().position(|other| other.name == listed.map));
            ranks[number] = above.map(|holder| ranks[holder] + 1).fold(ranks[number], usize::max);
        }
    }
    // Elements go into rows, which must be there.
    let last = ranks.iter().max().map_or(0, |rank| rank + 1);
    maps.maps.iter().zip(&mut ranks).filter(|(map, _)| map.array.is_some()).for_each(|(_, rank)| *rank = last);
    ranks
}

/// The longest chain of foreign keys that starts at a table; cycles are cut.
fn depth(schema: &Schema, table: &str, above: usize) -> usize {
    const MOST: usize = 16;
    let keys = schema.tables.get(table).map_or(&[][..], |table| &table.foreign_keys);
    let next = keys.iter().filter(|key| key.table != table && above < MOST);
    next.map(|key| 1 + depth(schema, &key.table, above + 1)).max().unwrap_or(0)
}
