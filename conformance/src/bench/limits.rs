//! The two limits: a handler that answers a constant, and one that runs the bare SELECT of the same row over a pool of
//! the gateway's size and driver. They run in a process of their own, on the same runtime and the same hyper.
//!
//! On PostgreSQL row-level security hides the row from the gateway's role without an organization, so the limit's
//! connections keep the URL's user: that makes it a little faster, never slower.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway::store::pools::PoolSettings;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::bench::data::PATIENT;
use crate::bench::database::Database;
use crate::bench::{client, within};

/// How long the process may take to start.
const SECONDS: u64 = 30;

/// The statement.
const SELECT: &str = "select fhir_residue from patients where id = $1";

/// A running process of limits; dropping it ends it.
#[derive(Debug)]
pub struct Limits {
    _child: Child,
    /// The address of the constant.
    pub constant: String,
    /// The address of the SELECT.
    pub select: String,
}

impl Limits {
    /// Starts this program once more, as `limits`.
    ///
    /// # Errors
    /// It does not start, or the SELECT finds nothing.
    pub async fn start(database: &Database, id: &str) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["limits", "--database", &database.url, "--id", id])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let starting = async {
            let line = BufReader::new(stdout).lines().next_line().await.ok().flatten();
            line.ok_or_else(|| "the limits ended before they were ready".to_owned())
        };
        let line = within(SECONDS, "the start of the limits", starting).await?;
        let ready: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let address = |name: &str| ready[name].as_str().map(str::to_owned).ok_or("no address in the ready line");
        let limits = Self { _child: child, constant: address("constant")?, select: address("select")? };
        if client::send("GET", &limits.select, "").await?.is_empty() {
            return Err(format!("{SELECT}: no such row"));
        }
        Ok(limits)
    }
}

/// What the process does: serves both until its standard input ends, which it does with the benchmark.
///
/// # Errors
/// The database cannot be opened, or there is no port.
pub async fn run(database: &str, id: &str) -> Result<(), String> {
    let (pool, id) = (Pool::open(database)?, Arc::<str>::from(id));
    let constant = serve(|| async { Bytes::from_static(PATIENT.as_bytes()) }).await?;
    // Nothing is what a failure answers; the benchmark has seen that there is something.
    let select = move || {
        let (pool, id) = (pool.clone(), Arc::clone(&id));
        async move { pool.select(&id).await.ok().flatten().unwrap_or_default() }
    };
    let select = serve(select).await?;
    let ready = json!({"constant": format!("http://{constant}/"), "select": format!("http://{select}/")});
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{ready}").and_then(|()| stdout.flush()).map_err(|error| error.to_string())?;
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ended.await.map(drop).map_err(|error| error.to_string())
}

/// Answers every request with what `answer` gives; where it listens.
pub(super) async fn serve<A, F, B>(answer: A) -> Result<SocketAddr, String>
where
    A: Fn() -> F + Clone + Send + Sync + 'static,
    F: Future<Output = B> + Send,
    B: Into<Bytes>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Without it a connection is slower, not wrong.
            let _ = stream.set_nodelay(true);
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |_: Request<Incoming>| {
                    let answer = answer.clone();
                    async move { Ok::<_, Infallible>(Response::new(Full::new(answer().await.into()))) }
                });
                // How it ended is the client's affair.
                let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

/// A pool as the gateway's readers have it: the same size, and for SQLite the same settings of a connection.
#[derive(Clone)]
pub(super) enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Pool {
    pub(super) fn open(url: &str) -> Result<Self, String> {
        let size = PoolSettings::default().readers;
        if let Some(path) = url.strip_prefix("sqlite:") {
            let options = SqliteConnectOptions::new()
                .filename(path)
                .read_only(true)
                .row_buffer_size(256)
                .pragma("mmap_size", "268435456")
                .pragma("cache_size", "-16384")
                .pragma("query_only", "on")
                .busy_timeout(Duration::from_secs(10))
                .disable_statement_logging();
            let pool = SqlitePoolOptions::new().max_connections(size).test_before_acquire(false);
            return Ok(Self::Sqlite(pool.max_lifetime(None).idle_timeout(None).connect_lazy_with(options)));
        }
        let options = PgConnectOptions::from_str(url).map_err(|error| error.to_string())?;
        let options =
            options.options([("search_path", "fhir_gateway,public"), ("jit", "off")]).disable_statement_logging();
        let pool = PgPoolOptions::new().max_connections(size).test_before_acquire(false);
        Ok(Self::Postgres(pool.max_lifetime(None).idle_timeout(None).connect_lazy_with(options)))
    }

    async fn select(&self, id: &str) -> Result<Option<String>, sqlx::Error> {
        match self {
            Self::Postgres(pool) => sqlx::query_scalar(SELECT).bind(id).fetch_optional(pool).await,
            Self::Sqlite(pool) => sqlx::query_scalar(SELECT).bind(id).fetch_optional(pool).await,
        }
    }
    /// The one column of a statement's rows.
    pub(super) async fn bodies(&self, sql: &str) -> Result<Vec<String>, sqlx::Error> {
        match self {
            Self::Postgres(pool) => sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await,
            Self::Sqlite(pool) => sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await,
        }
    }
}
