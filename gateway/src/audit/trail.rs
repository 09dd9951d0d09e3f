//! Where the records lie.

use consent::OrganizationId;
use sqlx::ConnectOptions;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::Event;
use super::chain::{Beginning, Chain, Link, prefix};
use super::heads::{self, Signer};
use super::merkle::Hash;
use super::record::{self, COLUMNS, Fields};
use crate::store::alone;
use crate::store::bulk;
use crate::store::connection::{Arg, Connection, DbError, Engine};
use crate::store::dialect;
use crate::store::migrate;
use crate::store::pools::{self, Pools};

/// The file of the trail in the data directory (SQLite).
pub(super) const FILE: &str = "audit.db";

/// The open trail with its one connection; a connection that failed is opened again at the next batch.
pub(super) struct Trail {
    place: Place,
    connection: Option<Connection>,
    signer: Arc<Signer>,
    /// This writer's chains, as they stand in the database. Where that is not known there is none, and the next batch
    /// begins another one.
    chains: BTreeMap<OrganizationId, Chain>,
    signed: BTreeMap<OrganizationId, Instant>,
}

enum Place {
    File(PathBuf),
    Table(Pools),
}

impl Trail {
    /// Opens the trail and makes its table if it is missing (on PostgreSQL the migrations have).
    pub(super) async fn open(pools: &Pools, data_dir: &Path, signer: Arc<Signer>) -> Result<Self, DbError> {
        let place = match pools.path() {
            Some(_) => Place::File(data_dir.join(FILE)),
            None => Place::Table(pools.clone()),
        };
        let connection = place.connect().await?;
        let (chains, signed) = Default::default();
        Ok(Self { place, connection: Some(connection), signer, chains, signed })
    }

    /// Adds the events in one transaction that is durable when this returns; the chains' new heads.
    pub(super) async fn append(&mut self, events: &[&Event]) -> Result<Vec<Chain>, DbError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.place.connect().await?,
        };
        // Until the commit is known to have been done, nobody knows where the chains stand.
        let chains = std::mem::take(&mut self.chains);
        let batches = self.batches(&mut connection, events, &chains).await?;
        write(&mut connection, &batches).await?;
        self.chains = chains;
        let heads: Vec<Chain> = batches.iter().map(|batch| Chain::after(&batch.link)).collect();
        for (batch, head) in batches.iter().zip(&heads) {
            self.chains.insert(batch.organization, head.clone());
            if batch.signature.is_some() {
                self.signed.insert(batch.organization, Instant::now());
            }
        }
        self.connection = Some(connection);
        Ok(heads)
    }

    /// The events of each organization with their place in its chain. Row-level security checks every row against the
    /// transaction's organization, so each has statements of its own.
    async fn batches<'e>(
        &self,
        connection: &mut Connection,
        events: &[&'e Event],
        chains: &BTreeMap<OrganizationId, Chain>,
    ) -> Result<Vec<Batch<'e>>, DbError> {
        let mut organizations: BTreeMap<OrganizationId, Vec<&Event>> = BTreeMap::new();
        for event in events {
            organizations.entry(event.of.organization).or_default().push(event);
        }
        let mut batches = Vec::with_capacity(organizations.len());
        for (organization, events) in organizations {
            let at = events.last().map_or(0, |event| event.at_ms);
            let (chain, beginning) = match chains.get(&organization) {
                Some(chain) => (chain.clone(), None),
                None => {
                    let beginning = look(connection, organization, at).await?;
                    (Chain::new(&beginning), Some(beginning))
                }
            };
            let mut batch = Batch::new(organization, &chain, beginning, &events, at);
            let signed = self.signed.get(&organization);
            if signed.is_none_or(|signed| signed.elapsed() >= heads::EVERY) {
                batch.signature = Some((self.signer.name.clone(), self.signer.sign(&batch.link.head())));
            }
            batches.push(batch);
        }
        Ok(batches)
    }
}

/// Looks for the heads that a new chain joins.
async fn look(connection: &mut Connection, organization: OrganizationId, at: i64) -> Result<Beginning, DbError> {
    connection.begin_plain().await?;
    connection.set_organization(organization.0).await?;
    let found = Beginning::find(connection, organization, at).await;
    match found {
        Ok(beginning) => connection.commit().await.map(|()| beginning),
        Err(error) => {
            connection.rollback_if_open().await;
            Err(error)
        }
    }
}

/// What one commit adds to an organization's chain.
struct Batch<'e> {
    organization: OrganizationId,
    /// The chain is new.
    beginning: Option<Beginning>,
    records: Vec<Fields<'e>>,
    marks: Vec<i64>,
    link: Link,
    /// Public key and signature.
    signature: Option<(String, String)>,
}

impl<'e> Batch<'e> {
    fn new(
        organization: OrganizationId,
        chain: &Chain,
        beginning: Option<Beginning>,
        events: &[&'e Event],
        at: i64,
    ) -> Self {
        let records: Vec<Fields<'e>> = events.iter().map(|event| Fields::of(event)).collect();
        let places = chain.last + 1..;
        let leaves: Vec<Hash> =
            records.iter().zip(places).map(|(record, place)| record.leaf(chain.chain, place)).collect();
        let marks = leaves.iter().map(record::mark).collect();
        let link = chain.link(&leaves, at);
        Self { organization, beginning, records, marks, link, signature: None }
    }

    fn values(&self) -> Vec<Arg<'_>> {
        let rows = self.records.iter().zip(&self.marks).zip(self.link.first..);
        rows.flat_map(|((record, mark), place)| record.row(self.link.chain, place, Some(*mark))).collect()
    }
}

impl Place {
    async fn connect(&self) -> Result<Connection, DbError> {
        match self {
            Self::File(path) => {
                let options = pools::sqlite_options(path).create_if_missing(true);
                let mut connection = Connection::sqlite(options.connect().await?);
                prepare(&mut connection).await?;
                Ok(connection)
            }
            // Kept as long as the trail: the pool must not wait for it when it closes.
            Self::Table(pools) => pools.lone().await,
        }
    }
}

/// Hashes the records from before there were chains and begins each organization's first chain with them, where that is still to
/// be done: a trail of years would else wait for a request to do it. The beginning has no link yet; the writers' chains join it.
pub(crate) async fn begin_chains(pools: &Pools, data_dir: &Path, now_ms: i64) -> Result<(), DbError> {
    /// "before" as ASCII.
    const LOCK: i64 = 0x6265_666f_7265;
    let organizations = alone::organizations_of(&mut pools.reader().await?).await?;
    let place = match pools.path() {
        Some(_) => Place::File(data_dir.join(FILE)),
        None => Place::Table(pools.clone()),
    };
    let mut connection = place.connect().await?;
    let sql = format!("select 1 from {}audit_chains where organization_id = $1 limit 1", prefix(connection.engine()));
    for organization in organizations {
        connection.begin_plain().await?;
        connection.set_organization(organization.0).await?;
        if connection.fetch_optional(&sql, &[Arg::Int(organization.0)]).await?.is_none() {
            // Of several processes one does it, and the others see that it was done.
            if let Some(lock) = dialect::advisory_lock(connection.engine(), LOCK) {
                connection.script("set local lock_timeout = 0; set local statement_timeout = 0").await?;
                connection.fetch(&lock, &[]).await?;
            }
            if connection.fetch_optional(&sql, &[Arg::Int(organization.0)]).await?.is_none() {
                let beginning = Beginning::find(&mut connection, organization, now_ms).await?;
                if beginning.before_count > 0 {
                    beginning.insert(&mut connection).await?;
                    let records = beginning.before_count;
                    tracing::info!(
                        organization = organization.0,
                        records,
                        "the audit trail from before it was chained was hashed"
                    );
                }
            }
        }
        connection.commit().await?;
    }
    Ok(())
}

/// Brings the file to this program's version; two programs that open it at once do it once.
pub(super) async fn prepare(connection: &mut Connection) -> Result<(), DbError> {
    let steps = migrate::audit_file();
    let has = async |connection: &mut Connection| {
        let row = connection.fetch_optional("pragma user_version", &[]).await?;
        Ok::<_, DbError>(usize::try_from(row.and_then(|row| row.int(0)).unwrap_or(0)).unwrap_or(0))
    };
    if has(connection).await? >= steps.len() {
        return Ok(());
    }
    connection.script("begin immediate").await?;
    let done = async {
        for (number, step) in steps.iter().enumerate().skip(has(connection).await?) {
            connection.script(step).await?;
            connection.script(&format!("pragma user_version = {}", number + 1)).await?;
        }
        connection.script("commit").await
    }
    .await;
    if done.is_err() {
        // The error counts; with the connection the transaction goes, too.
        let _gone = connection.script("rollback").await;
    }
    done
}

/// Records that go to the file in one statement.
const AT_ONCE: usize = 64;

/// All batches or none. One that continues a chain is one statement and one round trip on PostgreSQL.
async fn write(connection: &mut Connection, batches: &[Batch<'_>]) -> Result<(), DbError> {
    if let (Engine::Postgres, [batch]) = (connection.engine(), batches)
        && batch.beginning.is_none()
    {
        return append_to_table(connection, batch).await;
    }
    connection.begin_plain().await?;
    for batch in batches {
        if let Err(error) = append(connection, batch).await {
            connection.rollback_if_open().await;
            return Err(error);
        }
    }
    connection.commit().await
}

async fn append(connection: &mut Connection, batch: &Batch<'_>) -> Result<(), DbError> {
    if let Some(beginning) = &batch.beginning {
        connection.set_organization(batch.organization.0).await?;
        beginning.insert(connection).await?;
    }
    match connection.engine() {
        Engine::Postgres => append_to_table(connection, batch).await,
        Engine::Sqlite => append_to_file(connection, batch).await,
    }
}

async fn append_to_file(connection: &mut Connection, batch: &Batch<'_>) -> Result<(), DbError> {
    let values = batch.values();
    if batch.records.len() <= AT_ONCE {
        bulk::insert_at_once(connection, "audit_events", &COLUMNS, &values).await?;
    } else {
        bulk::insert_rows(connection, "audit_events", &COLUMNS, &values, "").await?;
    }
    let head = batch.link.head();
    let sql = "insert into audit_links (organization_id, chain, number, first, last, at, previous, root, head, signer, \
               signature) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    connection.execute(sql, &link(batch, &head)).await.map(drop)
}

/// Records and link in one statement, which names the organization itself.
async fn append_to_table(connection: &mut Connection, batch: &Batch<'_>) -> Result<(), DbError> {
    let sql = format!(
        "with tenant as materialized (\
             select set_config('app.current_organization_id', $1::bigint::text, true) as organization), \
         link as (insert into fhir_gateway.audit_links (organization_id, chain, number, first, last, at, previous, root, \
                 head, signer, signature) \
             select $1::bigint, $2::bigint, $3::bigint, $4::bigint, $5::bigint, $6::bigint, $7::text, $8::text, $9::text, \
                 $10::text, $11::text from tenant where tenant.organization is not null) \
         insert into fhir_gateway.audit_events ({}) \
         select k.* from tenant, {{keys}} where tenant.organization is not null",
        record::names()
    );
    let head = batch.link.head();
    bulk::execute_by_keys(connection, &sql, &link(batch, &head), &COLUMNS, &batch.values()).await.map(drop)
}

fn link<'b>(batch: &'b Batch<'_>, head: &'b str) -> [Arg<'b>; 11] {
    let Link { organization, chain, number, first, last, at, previous, root } = &batch.link;
    let (signer, signature) = batch.signature.as_ref().map(|(signer, signature)| (&**signer, &**signature)).unzip();
    [
        Arg::Int(*organization),
        Arg::Int(*chain),
        Arg::Int(*number),
        Arg::Int(*first),
        Arg::Int(*last),
        Arg::Int(*at),
        Arg::Text(previous),
        Arg::Text(root),
        Arg::Text(head),
        Arg::text(signer),
        Arg::text(signature),
    ]
}
