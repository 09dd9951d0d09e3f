//! One connection to either engine: SQL text with `$n` placeholders in, rows of text and integers out.
//!
//! A connection that is dropped in the middle of a statement or a transaction (its request was cancelled) is closed
//! instead of going back to its pool, so that nobody inherits half a transaction.

pub mod arg;
pub mod error;
pub mod row;

use deadpool::managed::Object;
use futures_util::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr, SqlStr};
use std::ops::DerefMut;
use std::sync::Arc;

pub use self::arg::Arg;
pub use self::error::{DbError, DbErrorKind};
pub use self::row::Row;
use super::dialect;
use super::journal::Revocation;
use super::pools::makers::{self, PostgresObject, SqliteObject};
use super::provenance::Written;
use crate::fair::Place;

/// How many prepared statements a connection keeps.
pub(super) const STATEMENT_CACHE: usize = 500;

/// The database behind a connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Engine {
    /// PostgreSQL 14 or later.
    Postgres,
    /// SQLite, compiled in.
    Sqlite,
}

/// A connection to the database, pooled or of its own.
pub struct Connection {
    engine: Engine,
    inner: Inner,
    /// A transaction is open.
    open: bool,
    /// It is one of our own writes.
    writing: bool,
    /// A statement is on its way; still true when dropped means that its future was cancelled.
    running: bool,
    /// An error showed that the connection cannot be used again.
    broken: bool,
    distrust: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Consents that the open transaction revokes, and whose: for the journal, before it commits.
    revocations: Option<(i64, Vec<Revocation>)>,
    /// What the open transaction has settled and is to tell of.
    settled: Vec<Written>,
    /// Its place among those who read, which is free after the connection is.
    place: Option<Place>,
}

enum Inner {
    Postgres(Box<PgConnection>),
    PostgresPooled(PostgresObject),
    Sqlite(Box<SqliteConnection>),
    SqlitePooled(SqliteObject),
    /// Dropped; nothing is asked of it any more.
    Gone,
}

/// The driver's connection under an [`Inner`].
enum Driver<'c> {
    Postgres(&'c mut PgConnection),
    Sqlite(&'c mut SqliteConnection),
}

impl Inner {
    fn driver(&mut self) -> Result<Driver<'_>, DbError> {
        match self {
            Self::Postgres(connection) => Ok(Driver::Postgres(connection)),
            Self::PostgresPooled(connection) => Ok(Driver::Postgres(connection.deref_mut())),
            Self::Sqlite(connection) => Ok(Driver::Sqlite(connection)),
            Self::SqlitePooled(watched) => Ok(Driver::Sqlite(&mut watched.connection)),
            Self::Gone => Err(DbError::usage("the connection is gone")),
        }
    }
}

impl Connection {
    /// A PostgreSQL connection of a pool; `distrust` is called when the database turns out to be gone.
    pub(super) fn postgres_pooled(
        connection: PostgresObject,
        place: Option<Place>,
        distrust: Arc<dyn Fn() + Send + Sync>,
    ) -> Self {
        let mut connection = Self::new(Engine::Postgres, Inner::PostgresPooled(connection));
        connection.distrust = Some(distrust);
        connection.place = place;
        connection
    }

    /// A PostgreSQL connection of its own.
    pub fn postgres(connection: PgConnection) -> Self {
        Self::new(Engine::Postgres, Inner::Postgres(Box::new(connection)))
    }

    /// An SQLite connection of a pool.
    pub(super) fn sqlite_pooled(connection: SqliteObject, place: Option<Place>) -> Self {
        let mut connection = Self::new(Engine::Sqlite, Inner::SqlitePooled(connection));
        connection.place = place;
        connection
    }

    /// An SQLite connection of its own.
    pub fn sqlite(connection: SqliteConnection) -> Self {
        Self::new(Engine::Sqlite, Inner::Sqlite(Box::new(connection)))
    }

    fn new(engine: Engine, inner: Inner) -> Self {
        Self {
            engine,
            inner,
            open: false,
            writing: false,
            running: false,
            broken: false,
            distrust: None,
            revocations: None,
            settled: Vec::new(),
            place: None,
        }
    }

    /// The open transaction revokes these Consents of an organization.
    pub(super) fn revokes(&mut self, organization: i64, revocations: Vec<Revocation>) {
        if !revocations.is_empty() {
            self.revocations.get_or_insert_with(|| (organization, Vec::new())).1.extend(revocations);
        }
    }

    /// The open transaction settles these versions.
    pub(super) fn has_settled(&mut self, written: impl Iterator<Item = Written>) {
        self.settled.extend(written);
    }

    /// What the open transaction has settled, for whoever tells of it.
    pub(super) fn take_settled(&mut self) -> Vec<Written> {
        std::mem::take(&mut self.settled)
    }

    /// What the open transaction revokes, for whoever commits it.
    pub(super) fn take_revocations(&mut self) -> Option<(i64, Vec<Revocation>)> {
        self.revocations.take()
    }

    /// Which engine this is.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// All rows of one statement.
    pub async fn fetch(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Row>, DbError> {
        self.fetch_str(AssertSqlSafe(sql).into_sql_str(), args).await
    }

    /// As [`Self::fetch`], for texts that are kept (no copy).
    pub(super) async fn fetch_str(&mut self, sql: SqlStr, args: &[Arg<'_>]) -> Result<Vec<Row>, DbError> {
        self.running = true;
        let result = match self.inner.driver()? {
            Driver::Postgres(connection) => collect(connection, sql, arg::postgres(args)?, Row::Postgres).await,
            Driver::Sqlite(connection) => collect(connection, sql, arg::sqlite(args)?, Row::Sqlite).await,
        };
        self.settle(result)
    }

    /// The first row of one statement, if there is any.
    pub async fn fetch_optional(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<Option<Row>, DbError> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        self.running = true;
        let result = match self.inner.driver()? {
            Driver::Postgres(connection) => {
                let query = sqlx::query_with(sql, arg::postgres(args)?);
                connection.fetch_optional(query).await.map(|row| row.map(Row::Postgres))
            }
            Driver::Sqlite(connection) => {
                let query = sqlx::query_with(sql, arg::sqlite(args)?);
                connection.fetch_optional(query).await.map(|row| row.map(Row::Sqlite))
            }
        };
        self.settle(result)
    }

    /// Runs one statement; how many rows it changed.
    pub async fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, DbError> {
        self.execute_str(AssertSqlSafe(sql).into_sql_str(), args).await
    }

    /// As [`Self::execute`], for texts that are kept (no copy).
    pub(super) async fn execute_str(&mut self, sql: SqlStr, args: &[Arg<'_>]) -> Result<u64, DbError> {
        self.running = true;
        let result = match self.inner.driver()? {
            Driver::Postgres(connection) => {
                let query = sqlx::query_with(sql, arg::postgres(args)?);
                connection.execute(query).await.map(|done| done.rows_affected())
            }
            Driver::Sqlite(connection) => {
                let query = sqlx::query_with(sql, arg::sqlite(args)?);
                connection.execute(query).await.map(|done| done.rows_affected())
            }
        };
        self.settle(result)
    }

    /// Runs any number of statements without placeholders, in one round trip.
    pub async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let query = sqlx::raw_sql(AssertSqlSafe(sql));
        self.running = true;
        let result = match self.inner.driver()? {
            Driver::Postgres(connection) => connection.execute(query).await.map(drop),
            Driver::Sqlite(connection) => connection.execute(query).await.map(drop),
        };
        self.settle(result)
    }

    /// As [`Self::script`], for texts that are said again and again: SQLite keeps them prepared.
    async fn command(&mut self, sql: &str) -> Result<(), DbError> {
        self.running = true;
        let sql = AssertSqlSafe(sql).into_sql_str();
        let result = match self.inner.driver()? {
            Driver::Postgres(connection) => connection.execute(sqlx::raw_sql(sql)).await.map(drop),
            Driver::Sqlite(connection) => connection.execute(sqlx::query(sql)).await.map(drop),
        };
        self.settle(result)
    }

    /// Opens a transaction that only reads, seeing one organization's rows (on PostgreSQL by row-level security).
    pub async fn begin_read(&mut self, organization: Option<i64>) -> Result<(), DbError> {
        let sql = dialect::begin_read(self.engine(), organization);
        self.open = true;
        self.writing = false;
        self.command(&sql).await
    }

    /// Opens a transaction of the gateway's own writes: triggers keep silent about it.
    pub async fn begin_write(&mut self, organization: Option<i64>) -> Result<(), DbError> {
        let sql = dialect::begin_write(self.engine(), organization);
        self.open = true;
        self.writing = true;
        self.revocations = None;
        self.settled.clear();
        self.command(&sql).await
    }

    /// Ends a transaction of [`Self::begin_read`].
    pub async fn end_read(&mut self) -> Result<(), DbError> {
        let result = self.command("commit").await;
        self.open = result.is_err();
        result
    }

    /// As [`Self::begin_read`], and asks in the same round trip whether changes of other programs wait in the outbox.
    pub async fn begin_read_asking(&mut self, organization: i64) -> Result<bool, DbError> {
        let sql = dialect::begin_read_asking(self.engine(), organization);
        self.open = true;
        self.writing = false;
        Ok(self.ask(sql).await?.is_some_and(|row| row.flag(0)))
    }

    /// As [`Self::begin_write`], while nobody else writes; a lock timeout where somebody is long at it.
    pub async fn begin_alone(&mut self, organization: i64) -> Result<(), DbError> {
        let sql = dialect::begin_alone(self.engine(), organization);
        self.open = true;
        self.writing = true;
        self.revocations = None;
        self.command(&sql).await
    }

    /// As [`Self::begin_alone`], for an erasure.
    pub async fn begin_erasure(&mut self, organization: i64) -> Result<(), DbError> {
        let sql = dialect::begin_erasure(self.engine(), organization);
        self.open = true;
        self.writing = true;
        self.revocations = None;
        self.script(&sql).await
    }

    /// As [`Self::begin_write`], and asks in the same round trip whether changes of other programs wait in the outbox, for the
    /// version of the organization's search parameters, and for the labelling that counts.
    pub async fn begin_write_asking(&mut self, organization: i64) -> Result<(bool, i64, i64), DbError> {
        let sql = dialect::begin_write_asking(self.engine(), organization);
        self.open = true;
        self.writing = true;
        self.revocations = None;
        let row = self.ask(sql).await?;
        let number = |place| row.as_ref().and_then(|row| row.int(place)).unwrap_or_default();
        Ok((row.as_ref().is_some_and(|row| row.flag(0)), number(1), number(2)))
    }

    /// Runs statements without placeholders; the row of the last one.
    async fn ask(&mut self, sql: String) -> Result<Option<Row>, DbError> {
        self.running = true;
        let sql = AssertSqlSafe(sql).into_sql_str();
        let result = match self.inner.driver()? {
            Driver::Postgres(connection) => {
                let rows = connection.fetch_all(sqlx::raw_sql(sql)).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).next_back())
            }
            Driver::Sqlite(connection) => {
                let rows = connection.fetch_all(sqlx::query(sql)).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).next_back())
            }
        };
        self.settle(result)
    }

    /// Opens a transaction that is neither: a schema change, or one that acts as another program (triggers speak).
    pub async fn begin_plain(&mut self) -> Result<(), DbError> {
        let sql = dialect::begin_plain(self.engine());
        self.open = true;
        self.writing = false;
        self.script(sql).await
    }

    /// Changes the organization of the open transaction.
    pub async fn set_organization(&mut self, organization: i64) -> Result<(), DbError> {
        match self.engine() {
            Engine::Postgres => {
                let sql = "select set_config('app.current_organization_id', $1::bigint::text, true)";
                self.execute(sql, &[Arg::Int(organization)]).await.map(drop)
            }
            Engine::Sqlite => Ok(()),
        }
    }

    /// Commits a transaction of [`Self::begin_read`] or [`Self::begin_write`]. After an error nothing of it is kept; the
    /// connection is then in no transaction.
    pub async fn commit(&mut self) -> Result<(), DbError> {
        let sql = dialect::commit(self.engine(), self.writing);
        let result = self.command(sql).await;
        match result {
            Ok(()) => self.open = false,
            Err(_) if !self.broken => self.rollback().await?,
            Err(_) => {}
        }
        result
    }

    /// Rolls the open transaction back.
    pub async fn rollback(&mut self) -> Result<(), DbError> {
        self.revocations = None;
        let result = self.script("rollback").await;
        match &result {
            Ok(()) => self.open = false,
            // A failed COMMIT has already rolled back on PostgreSQL, a full disk on SQLite: nothing is open.
            Err(error) if error.kind == DbErrorKind::NoTransaction => {
                self.open = false;
                return Ok(());
            }
            Err(_) => self.broken = true,
        }
        result
    }

    /// Rolls back if a transaction is open; a connection that cannot is closed when it is dropped.
    pub async fn rollback_if_open(&mut self) {
        if self.open && !self.broken {
            // A failure marks the connection as broken.
            let _ = self.rollback().await;
        }
    }

    /// Ends the statement that was on its way and learns from its error.
    fn settle<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, DbError> {
        self.running = false;
        result.map_err(|error| {
            let error = DbError::from(error);
            if error.breaks_connection() {
                self.broken = true;
            }
            // A statement that ran out of time says nothing of the other connections.
            if error.breaks_connection()
                && error.kind == DbErrorKind::Unavailable
                && let Some(distrust) = &self.distrust
            {
                distrust();
            }
            error
        })
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("engine", &self.engine())
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !(self.open || self.running || self.broken) {
            return;
        }
        match std::mem::replace(&mut self.inner, Inner::Gone) {
            Inner::PostgresPooled(connection) if self.running => makers::hang_up(connection, self.place.take()),
            Inner::PostgresPooled(connection) => drop(Object::take(connection)),
            Inner::SqlitePooled(connection) => makers::close(connection, self.place.take()),
            Inner::Postgres(_) | Inner::Sqlite(_) | Inner::Gone => {}
        }
    }
}

/// Runs a query and keeps its rows.
async fn collect<'c, C, DB, A>(
    connection: &'c mut C,
    sql: SqlStr,
    arguments: A,
    wrap: fn(DB::Row) -> Row,
) -> Result<Vec<Row>, sqlx::Error>
where
    DB: sqlx::Database<Arguments = A>,
    A: Send + sqlx::IntoArguments<DB> + 'c,
    &'c mut C: Executor<'c, Database = DB>,
{
    let mut stream = connection.fetch(sqlx::query_with::<DB, A>(sql, arguments));
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(wrap(row));
    }
    Ok(rows)
}
