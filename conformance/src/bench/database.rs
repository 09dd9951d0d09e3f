//! Databases that live for one measurement.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use crate::bench::within;

/// How long PostgreSQL may take to make or drop a database.
const SECONDS: u64 = 60;

/// The two engines, in the order of the table's columns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    /// The embedded one.
    Sqlite,
    /// A server.
    Postgres,
}

impl Engine {
    /// Its place in the table.
    #[must_use]
    pub fn column(self) -> usize {
        match self {
            Self::Sqlite => 0,
            Self::Postgres => 1,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// An empty database and a data directory for a gateway on it.
#[derive(Debug)]
pub struct Database {
    /// Which engine.
    pub engine: Engine,
    /// What the gateway is given.
    pub url: String,
    /// The gateway's data directory.
    pub folder: PathBuf,
    /// On a server: the administrator's URL, and the database's name.
    server: Option<(String, String)>,
}

/// A connection beside the gateway's.
#[derive(Debug)]
pub enum Sql {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

impl Sql {
    /// Runs statements.
    ///
    /// # Errors
    /// They fail.
    pub async fn run(&mut self, text: &str) -> Result<(), String> {
        let statements = sqlx::raw_sql(AssertSqlSafe(text));
        let running = async {
            let done = match self {
                Self::Sqlite(connection) => connection.execute(statements).await.map(drop),
                Self::Postgres(connection) => connection.execute(statements).await.map(drop),
            };
            done.map_err(|error| format!("{error}: {}", text.chars().take(200).collect::<String>()))
        };
        within(SECONDS, "SQL", running).await
    }
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// Makes one; SQLite's lies in the folder.
    ///
    /// # Errors
    /// The folder or the database cannot be made.
    pub async fn create(engine: Engine, postgres: Option<&str>, folder: PathBuf) -> Result<Self, String> {
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let (url, server) = match engine {
            Engine::Sqlite => (format!("sqlite:{}", folder.join("clinic.db").display()), None),
            Engine::Postgres => {
                let server = postgres.ok_or("which PostgreSQL? Say --postgres postgres://USER@HOST:PORT/postgres")?;
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let name = format!("fhir_gateway_bench_{}_{number}", std::process::id());
                administer(server, &format!("create database {name}")).await?;
                (with_database(server, &name), Some((server.to_owned(), name)))
            }
        };
        Ok(Self { engine, url, folder, server })
    }

    /// Where the gateway's own tables are.
    #[must_use]
    pub fn schema(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "",
            Engine::Postgres => "fhir_gateway.",
        }
    }

    /// Its name, where it is a server's.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.server.as_ref().map(|(_, name)| name.as_str())
    }

    /// A connection as another program would have it.
    ///
    /// # Errors
    /// There is none.
    pub async fn sql(&self) -> Result<Sql, String> {
        let connecting = async {
            match self.url.strip_prefix("sqlite:") {
                Some(path) => {
                    let options = SqliteConnectOptions::new().filename(path).busy_timeout(Duration::from_secs(10));
                    let opening = options.pragma("synchronous", "full").disable_statement_logging().connect().await;
                    opening.map(Sql::Sqlite).map_err(|error| error.to_string())
                }
                None => connect(&self.url).await.map(Sql::Postgres),
            }
        };
        within(SECONDS, "connecting", connecting).await
    }

    /// A number.
    ///
    /// # Errors
    /// The database does not say.
    pub async fn count(&self, query: &str) -> Result<i64, String> {
        let query = sqlx::raw_sql(AssertSqlSafe(query));
        let counted = match self.sql().await? {
            Sql::Sqlite(mut connection) => connection.fetch_one(query).await.and_then(|row| row.try_get(0)),
            Sql::Postgres(mut connection) => connection.fetch_one(query).await.and_then(|row| row.try_get(0)),
        };
        counted.map_err(|error| error.to_string())
    }

    /// Drops it.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn remove(self) -> Result<(), String> {
        if let Some((server, name)) = &self.server {
            administer(server, &format!("drop database if exists {name} with (force)")).await?;
        }
        std::fs::remove_dir_all(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))
    }
}

/// What a server says to a question that has one text for an answer.
///
/// # Errors
/// It cannot be reached or refuses.
pub async fn ask(server: &str, sql: &str) -> Result<String, String> {
    let asking = async {
        let mut connection = connect(server).await?;
        let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(|error| error.to_string())?;
        row.try_get(0).map_err(|error| error.to_string())
    };
    within(SECONDS, "PostgreSQL", asking).await
}

async fn administer(server: &str, sql: &str) -> Result<(), String> {
    let work = async {
        let mut connection = connect(server).await?;
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.map_err(|error| error.to_string())?;
        connection.close().await.map_err(|error| error.to_string())
    };
    within(SECONDS, "PostgreSQL", work).await
}

async fn connect(server: &str) -> Result<PgConnection, String> {
    let options = PgConnectOptions::from_str(server).map_err(|error| format!("--postgres: {error}"))?;
    PgConnection::connect_with(&options).await.map_err(|error| format!("PostgreSQL: {error}"))
}

/// The URL with another database in it.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let start = address.find("//").map_or(0, |at| at + 2);
    let server = address[start..].find('/').map_or(address, |at| &address[..start + at]);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{server}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_takes_another_database() {
        assert_eq!(with_database("postgres://a@b:5/c?sslmode=disable", "d"), "postgres://a@b:5/d?sslmode=disable");
        assert_eq!(with_database("postgres://a@b:5", "d"), "postgres://a@b:5/d");
    }
}
