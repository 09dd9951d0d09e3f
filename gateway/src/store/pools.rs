//! The connections a gateway keeps: readers and writers of one database.
//!
//! SQLite: one writer and a few read-only readers over a file in WAL mode. PostgreSQL: pools whose connections take the
//! application role, so that row-level security holds whoever the URL names; a connection from before the database
//! went away is not handed out again.

pub(super) mod makers;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, Executor};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::connection::{Connection, DbError, Engine, STATEMENT_CACHE};
use super::dialect;
use makers::{PostgresMaker, SqliteMaker, Waiting};

/// The role of the gateway's connections on PostgreSQL.
pub const APPLICATION_ROLE: &str = "fhir_gateway_app";

/// The database file in the data directory where no URL is given.
pub const DATABASE_FILE: &str = "fhir-gateway.db";

/// How many connections there are and how long they wait.
#[derive(Clone, Debug)]
pub struct PoolSettings {
    /// Connections that read.
    pub readers: u32,
    /// Connections that write (PostgreSQL; SQLite has one).
    pub writers: u32,
    /// How long to wait for a connection before the database counts as gone.
    pub acquire_timeout: Duration,
    /// Longest time of one statement (PostgreSQL).
    pub statement_timeout: Duration,
    /// How long to wait for another program's lock (SQLite).
    pub busy_timeout: Duration,
    /// What the one writer keeps of the database in memory at most, in KiB (SQLite).
    pub writer_cache_kib: u32,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            readers: 8,
            writers: 4,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(30),
            busy_timeout: Duration::from_secs(10),
            writer_cache_kib: 64 * 1024,
        }
    }
}

/// What a pool's connections are at.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// Somebody has them.
    pub used: usize,
    /// They are open, and nobody has them.
    pub idle: usize,
    /// Tasks that wait for one.
    pub waiting: usize,
    /// As many there may be.
    pub most: usize,
}

/// The open database.
#[derive(Clone)]
pub struct Pools {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Postgres {
        readers: Waiting<PostgresMaker>,
        writers: Waiting<PostgresMaker>,
        options: Box<PgConnectOptions>,
        trust: Arc<Trust>,
        patience: Duration,
    },
    Sqlite {
        readers: Waiting<SqliteMaker>,
        writer: Waiting<SqliteMaker>,
        path: PathBuf,
    },
}

impl Pools {
    /// Opens `url` (`postgres://…`, `sqlite:path`, or a plain path), or the file in the data directory where there is
    /// none. PostgreSQL is not contacted yet: it may come up later.
    pub async fn open(url: Option<&str>, data_dir: &Path, settings: &PoolSettings) -> Result<Self, DbError> {
        match url {
            Some(url) if url.starts_with("postgres:") || url.starts_with("postgresql:") => open_postgres(url, settings),
            Some(url) => {
                let path = url.strip_prefix("sqlite:").unwrap_or(url);
                // The settings are ours to choose: a query (`?mode=rwc`) says nothing new.
                let path = path.split_once('?').map_or(path, |(path, _)| path);
                open_sqlite(Path::new(path.strip_prefix("//").unwrap_or(path)), settings).await
            }
            None => open_sqlite(&data_dir.join(DATABASE_FILE), settings).await,
        }
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        match self.kind {
            Kind::Postgres { .. } => Engine::Postgres,
            Kind::Sqlite { .. } => Engine::Sqlite,
        }
    }

    /// The database file (SQLite).
    pub fn path(&self) -> Option<&Path> {
        match &self.kind {
            Kind::Postgres { .. } => None,
            Kind::Sqlite { path, .. } => Some(path),
        }
    }

    /// A connection that reads: no client has so many that none is left for the others.
    pub async fn reader(&self) -> Result<Connection, DbError> {
        match &self.kind {
            Kind::Postgres { readers, trust, .. } => acquire_postgres(readers, trust).await,
            Kind::Sqlite { readers, .. } => {
                let (connection, place) = readers.get().await?;
                Ok(Connection::sqlite_pooled(connection, place))
            }
        }
    }

    /// A connection that writes. SQLite has one: whoever holds it keeps all others waiting.
    pub async fn writer(&self) -> Result<Connection, DbError> {
        match &self.kind {
            Kind::Postgres { writers, trust, .. } => acquire_postgres(writers, trust).await,
            Kind::Sqlite { writer, .. } => {
                let (connection, place) = writer.get().await?;
                Ok(Connection::sqlite_pooled(connection, place))
            }
        }
    }

    /// A connection with the rights of the URL's own user, for migrations. On SQLite it is the writer.
    pub async fn owner(&self) -> Result<Connection, DbError> {
        match &self.kind {
            Kind::Postgres { options, patience, .. } => {
                let connecting = tokio::time::timeout(*patience, PgConnection::connect_with(options.as_ref()));
                let mut connection = connecting.await.map_err(|_| DbError::unavailable())??;
                connection.execute(dialect::OWNER_SESSION).await?;
                Ok(Connection::postgres(connection))
            }
            Kind::Sqlite { .. } => self.writer().await,
        }
    }

    /// A connection in the application's role outside the pools, for somebody who keeps it. On SQLite it is the writer.
    pub async fn lone(&self) -> Result<Connection, DbError> {
        match &self.kind {
            Kind::Postgres { options, patience, .. } => {
                let connecting = tokio::time::timeout(*patience, PgConnection::connect_with(options));
                let mut connection = connecting.await.map_err(|_| DbError::unavailable())??;
                let session = dialect::application_session(PoolSettings::default().statement_timeout);
                connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(session))).await?;
                Ok(Connection::postgres(connection))
            }
            Kind::Sqlite { .. } => self.writer().await,
        }
    }

    /// Readers and writers, by those names.
    pub fn connections(&self) -> [(&'static str, Connections); 2] {
        let (readers, writers) = match &self.kind {
            Kind::Postgres { readers, writers, .. } => (readers.connections(), writers.connections()),
            Kind::Sqlite { readers, writer, .. } => (readers.connections(), writer.connections()),
        };
        [("readers", readers), ("writers", writers)]
    }

    /// Closes every connection once its statement is done.
    pub async fn close(&self) {
        match &self.kind {
            Kind::Postgres { readers, writers, .. } => {
                readers.close().await;
                writers.close().await;
            }
            Kind::Sqlite { readers, writer, .. } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

impl std::fmt::Debug for Pools {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Pools").field("engine", &self.engine()).finish_non_exhaustive()
    }
}

async fn acquire_postgres(pool: &Waiting<PostgresMaker>, trust: &Arc<Trust>) -> Result<Connection, DbError> {
    let (pooled, place) = pool.get().await.map_err(|error| match error {
        // SET ROLE failed: migrations have not run, or the user is not a member of the role.
        sqlx::Error::Database(error) if matches!(error.code().as_deref(), Some("22023" | "42501" | "42704")) => {
            DbError::fault("the role fhir_gateway_app cannot be taken; run `fhir-gateway migrate`")
        }
        error => DbError::from(error),
    })?;
    let trust = Arc::clone(trust);
    Ok(Connection::postgres_pooled(pooled, place, Arc::new(move || trust.lose())))
}

fn open_postgres(url: &str, settings: &PoolSettings) -> Result<Pools, DbError> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("fhir-gateway")
        .statement_cache_capacity(STATEMENT_CACHE)
        .disable_statement_logging();
    let trust = Arc::new(Trust { since: Instant::now(), lost_at: AtomicU64::new(0) });
    let session: Arc<str> = dialect::application_session(settings.statement_timeout).into();
    let pool = |connections: u32| {
        let (session, trust) = (Arc::clone(&session), Arc::clone(&trust));
        let pool = Waiting::new(
            PostgresMaker { options: options.clone(), session, trust },
            connections,
            settings.acquire_timeout,
        )?;
        pool.sweep();
        Ok::<_, DbError>(pool)
    };
    let (readers, writers) = (pool(settings.readers)?.fair(), pool(settings.writers)?);
    let options = Box::new(options);
    Ok(Pools { kind: Kind::Postgres { readers, writers, options, trust, patience: settings.acquire_timeout } })
}

/// When the database was last seen to be gone: connections older than that are suspect.
struct Trust {
    since: Instant,
    /// Milliseconds after `since`; 0 = never.
    lost_at: AtomicU64,
}

impl Trust {
    fn lose(&self) {
        self.lost_at.store(self.now().max(1), Ordering::Relaxed);
    }

    fn holds_for(&self, age: Duration) -> bool {
        let lost_at = self.lost_at.load(Ordering::Relaxed);
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        lost_at == 0 || self.now().saturating_sub(age) > lost_at
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

async fn open_sqlite(path: &Path, settings: &PoolSettings) -> Result<Pools, DbError> {
    let path = std::path::absolute(path).map_err(|_| DbError::fault("the database path is not usable"))?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|_| DbError::fault("the folder of the database cannot be made"))?;
    }
    let options = sqlite_options(&path).busy_timeout(settings.busy_timeout);
    let cache = format!("-{}", settings.writer_cache_kib);
    let writing = options.clone().create_if_missing(true).pragma("cache_size", cache);
    let writer = Waiting::new(SqliteMaker(writing), 1, Duration::from_secs(60))?;
    let reading = options.read_only(true).pragma("query_only", "on").pragma("cache_size", "-16384");
    let readers = Waiting::new(SqliteMaker(reading), settings.readers, settings.acquire_timeout)?.fair();
    // A file that cannot be opened is told now, and the writer makes it.
    drop(writer.get().await?);
    drop(readers.get().await?);
    Ok(Pools { kind: Kind::Sqlite { readers, writer, path } })
}

/// What every connection to an SQLite file of the gateway's has: durable commits, readers beside the writer.
pub(crate) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .statement_cache_capacity(STATEMENT_CACHE)
        .row_buffer_size(256)
        .pragma("mmap_size", "268435456")
        .pragma("temp_store", "memory")
        .pragma("journal_size_limit", "67108864")
        // A commit touches some fifty pages, most of them the same as the one before: the longer the log, the fewer times
        // they are written to the file.
        .pragma("wal_autocheckpoint", "4000")
        .pragma("trusted_schema", "off")
        .disable_statement_logging()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sqlite_is_compiled_as_cargo_is_told() {
        use sqlx::{ConnectOptions as _, Row as _};
        let mut connection = SqliteConnectOptions::new().connect().await.unwrap();
        // Built elsewhere, with other flags, readers wait for each other and plan every statement anew: .cargo/config.toml.
        for (option, used) in [("ENABLE_MEMORY_MANAGEMENT", 0), ("DEFAULT_MEMSTATUS=0", 1), ("ENABLE_QPSG", 1)] {
            let row = sqlx::query("select sqlite_compileoption_used($1)").bind(option).fetch_one(&mut connection).await;
            assert_eq!(row.unwrap().get::<i64, _>(0), used, "{option}");
        }
    }

    #[test]
    fn connections_from_before_the_loss_are_not_trusted() {
        let trust = Trust { since: Instant::now() - Duration::from_secs(10), lost_at: AtomicU64::new(0) };
        assert!(trust.holds_for(Duration::from_secs(9)));
        trust.lose();
        assert!(!trust.holds_for(Duration::from_secs(9)));
        assert!(!trust.holds_for(Duration::from_millis(5)));
    }
}
