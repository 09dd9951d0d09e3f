//! The other program: plain SQL on the tables behind the gateway.

use crate::Engine;
use sqlx::postgres::{PgConnection, PgValueFormat};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, ValueRef as _};
use std::str::FromStr as _;
use std::time::Duration;

/// A connection that knows nothing of the gateway.
#[derive(Debug)]
pub enum Sql {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

impl Sql {
    /// Connects.
    ///
    /// # Panics
    /// When the database cannot be reached.
    pub async fn connect(engine: Engine, url: &str) -> Self {
        match engine {
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(url).expect("a URL").busy_timeout(Duration::from_secs(30));
                Self::Sqlite(SqliteConnection::connect_with(&options).await.expect("SQLite opens"))
            }
            Engine::Postgres => Self::Postgres(PgConnection::connect(url).await.expect("PostgreSQL answers")),
        }
    }

    /// Connects; SQLite's file is made.
    ///
    /// # Panics
    /// When the database cannot be reached.
    pub async fn create(engine: Engine, url: &str) -> Self {
        match engine {
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(url).expect("a URL").create_if_missing(true);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.expect("SQLite opens"))
            }
            Engine::Postgres => Self::connect(engine, url).await,
        }
    }

    /// Which engine it talks to.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs one or more statements; the number of rows touched.
    ///
    /// # Panics
    /// When the database refuses them.
    pub async fn run(&mut self, statements: &str) -> u64 {
        self.attempt(statements).await.unwrap_or_else(|error| panic!("{error}\n{statements}"))
    }

    /// Runs one or more statements, which may be refused.
    ///
    /// # Errors
    /// The database's.
    pub async fn attempt(&mut self, statements: &str) -> Result<u64, sqlx::Error> {
        let text = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        Ok(match self {
            Self::Sqlite(connection) => text.execute(connection).await?.rows_affected(),
            Self::Postgres(connection) => text.execute(connection).await?.rows_affected(),
        })
    }

    /// The rows of a query, each value as the engine's text.
    ///
    /// # Panics
    /// When the database refuses it.
    pub async fn rows(&mut self, query: &str) -> Vec<Vec<Option<String>>> {
        let text = sqlx::raw_sql(AssertSqlSafe(query.to_owned()));
        match self {
            Self::Sqlite(connection) => {
                let rows = text.fetch_all(connection).await.unwrap_or_else(|error| panic!("{error}\n{query}"));
                rows.iter()
                    .map(|row| (0..row.len()).map(|column| row.get_unchecked::<Option<String>, _>(column)).collect())
                    .collect()
            }
            Self::Postgres(connection) => {
                let rows = text.fetch_all(connection).await.unwrap_or_else(|error| panic!("{error}\n{query}"));
                rows.iter()
                    .map(|row| {
                        (0..row.len())
                            .map(|column| {
                                let value = row.try_get_raw(column).expect("a column");
                                assert_eq!(value.format(), PgValueFormat::Text, "the simple protocol answers in text");
                                (!value.is_null()).then(|| value.as_str().expect("text").to_owned())
                            })
                            .collect()
                    })
                    .collect()
            }
        }
    }

    /// The first value of the first row.
    ///
    /// # Panics
    /// When there is no row or the value is NULL.
    pub async fn value(&mut self, query: &str) -> String {
        let rows = self.rows(query).await;
        rows.into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten())
            .unwrap_or_else(|| panic!("nothing: {query}"))
    }

    /// The first value of the first row, as a number.
    ///
    /// # Panics
    /// When it is none.
    pub async fn count(&mut self, query: &str) -> i64 {
        self.value(query).await.parse().unwrap_or_else(|_| panic!("no number: {query}"))
    }
}
