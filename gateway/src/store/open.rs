//! Opening a store: connect, migrate, look at the tables, compile the maps, install the triggers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use mappers::map::{self, Problem};
use mappers::sql::Statements;

use crate::audit::{self, Audit, upkeep};
use crate::clock::{Clock, Ids};
use crate::store::Store;
use crate::store::batch::Batcher;
use crate::store::connection::{Arg, DbError, Engine};
use crate::store::content::{ContentOptions, Contents};
use crate::store::core::Core;
use crate::store::dialect::SqlDialect;
use crate::store::health::AsOpened;
use crate::store::journal::Journal;
use crate::store::labelling::{self, OwnTable};
use crate::store::pools::{PoolSettings, Pools};
use crate::store::statutes::{self, InForce, Signed, StatutesError};
use crate::store::{introspect, migrate, security};

/// Workers that apply changes on PostgreSQL. SQLite has one writer.
const POSTGRES_WORKERS: u32 = 3;
/// What an import keeps of an SQLite database in memory: beyond it every insert into an index reads a page, and a database of a
/// million resources has 4 GB.
const BULK_CACHE_KIB: u32 = 1024 * 1024;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `sqlite:PATH` or `postgres://...`.
    pub database: String,
    /// Where the embedded audit trail and other files lie.
    pub data_dir: PathBuf,
    /// Map files (name, text); `None` = the built-in clinic maps on the built-in clinic schema.
    pub maps: Option<Vec<(String, String)>>,
    /// Where content outside the database lies.
    pub content: ContentOptions,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Ids.
    pub ids: Arc<Ids>,
    /// The default organization's time zone, where it is to be another than the one kept in the database.
    pub time_zone: Option<String>,
    /// The organization's own table of codes and labels, to be kept in the database in place of the one that is.
    pub labels: Option<OwnTable>,
    /// The customer's table of law, to be kept in the database in place of the one that is.
    pub statutes: Option<Signed>,
    /// Whose signature on it counts: a public key in hexadecimal, where it is not the remembered one.
    pub statutes_key: Option<String>,
    /// The process writes much and answers nobody.
    pub bulk: bool,
    /// Functions of the owner's are called after writes where maps say so.
    pub after_write: bool,
}

/// What stands in the way of a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A folder or file of the data directory cannot be made.
    #[error("the data directory {path}: {error}")]
    DataDirectory {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The database.
    #[error("the database: {0}")]
    Database(#[from] DbError),
    /// The maps do not fit the tables.
    #[error("the maps do not fit the tables:\n{}", list(.0))]
    Maps(Vec<Problem>),
    /// Row-level security would not hold.
    #[error("row-level security does not hold for the gateway's connections: {}", .0.join("; "))]
    Security(Vec<String>),
    /// The organization's time zone is unknown.
    #[error("the organization's time zone {0:?} is not in the time zone database")]
    TimeZone(String),
    /// The object store.
    #[error("the content store: {0}")]
    Content(String),
    /// The table of law.
    #[error(transparent)]
    Statutes(StatutesError),
    /// The audit trail.
    #[error("the audit trail: {0}")]
    Audit(String),
}

impl From<StatutesError> for OpenError {
    fn from(error: StatutesError) -> Self {
        match error {
            StatutesError::Database(error) => Self::Database(error),
            error => Self::Statutes(error),
        }
    }
}

fn list(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl Store {
    /// Opens a store; everything that is missing is created.
    ///
    /// # Errors
    /// [`OpenError`] says what stands in the way.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        make_directory(&options.data_dir)?;
        let mut settings = PoolSettings { writers: POSTGRES_WORKERS + 5, ..PoolSettings::default() };
        if options.bulk {
            settings.writer_cache_kib = BULK_CACHE_KIB;
        }
        let pools = Pools::open(Some(&options.database), &options.data_dir, &settings).await?;
        let own_schema = options.maps.is_none();
        migrate::up(&pools, own_schema).await?;
        if let Some(zone) = &options.time_zone {
            set_zone(&pools, zone).await?;
        }
        let schema = introspect::schema(&pools).await?;
        let files = options.maps.unwrap_or_else(map::clinic);
        let maps = map::compile(&files, &schema).map_err(OpenError::Maps)?;
        migrate::install_maps(&pools, &maps.maps, &schema, options.clock.now_ms()).await?;
        let objections = security::objections(&mut pools.writer().await?).await?;
        if !objections.is_empty() {
            return Err(OpenError::Security(objections));
        }
        let dialect = SqlDialect(pools.engine());
        let statements = maps.maps.iter().map(|map| Statements::new(map, &dialect)).collect();
        let zone = organization_zone(&pools).await?;
        let contents = Contents::open(&options.content, &options.data_dir, &maps).map_err(OpenError::Content)?;
        let workers = if pools.engine() == Engine::Sqlite { 1 } else { POSTGRES_WORKERS as usize };
        let journal = Journal::new(&options.data_dir, database_identity(&pools).await?);
        let as_opened = AsOpened::look(&mut pools.reader().await?, &maps.maps, own_schema).await?;
        let core = Core::new(pools, maps, statements, schema, options.clock, options.ids, zone, contents);
        let core = Arc::new(core.calling_functions(options.after_write).with_journal(journal).opened(as_opened));
        core.labellings.set(&labelling::register(&core.pools, options.labels.as_ref(), false).await?);
        let given = (options.statutes.as_ref(), options.statutes_key.as_deref());
        core.set_statutes(statutes::keep(&core.pools, &options.data_dir, given, core.clock.now_ms()).await?);
        Self::learn_addresses(&core).await?;
        let batcher = Batcher::start(&core, workers);
        Ok(Self { core, batcher })
    }

    /// The law that is in force beside the federal one.
    #[must_use]
    pub fn statutes(&self) -> Arc<InForce> {
        self.core.statutes()
    }

    /// Opens the audit trail that belongs to this database.
    ///
    /// # Errors
    /// [`OpenError::Audit`] where it cannot be opened.
    pub async fn audit(&self, data_dir: &Path) -> Result<Audit, OpenError> {
        upkeep::prepare(&self.core.pools).await;
        let now_ms = self.core.clock.now_ms();
        let begun = audit::begin_chains(&self.core.pools, data_dir, now_ms).await;
        begun.map_err(|error| OpenError::Audit(error.to_string()))?;
        Audit::open(&self.core.pools, data_dir).await.map_err(|error| OpenError::Audit(error.to_string()))
    }
}

fn make_directory(path: &Path) -> Result<(), OpenError> {
    std::fs::create_dir_all(path).map_err(|error| OpenError::DataDirectory { path: path.to_owned(), error })
}

/// Keeps the default organization's time zone. Rows whose columns have no zone are read anew by it (`install_maps`).
async fn set_zone(pools: &Pools, zone: &str) -> Result<(), OpenError> {
    TimeZone::get(zone).map_err(|_| OpenError::TimeZone(zone.to_owned()))?;
    let sql = "update gateway_organizations set time_zone = $1 where id = 1 and time_zone <> $1";
    pools.owner().await?.execute(sql, &[Arg::Text(zone)]).await?;
    Ok(())
}

/// The name that the journal knows the database by.
async fn database_identity(pools: &Pools) -> Result<String, OpenError> {
    let row = pools.reader().await?.fetch_optional("select id from database_identity", &[]).await?;
    let id = row.and_then(|row| row.text(0).map(ToOwned::to_owned));
    Ok(id.ok_or_else(|| DbError::fault("database_identity has no row"))?)
}

/// The time zone of the default organization.
async fn organization_zone(pools: &Pools) -> Result<TimeZone, OpenError> {
    let mut connection = pools.reader().await?;
    let row = connection.fetch_optional("select time_zone from gateway_organizations where id = 1", &[]).await?;
    let name = row.and_then(|row| row.text(0).map(ToOwned::to_owned)).unwrap_or_else(|| "UTC".to_owned());
    TimeZone::get(&name).map_err(|_| OpenError::TimeZone(name))
}
