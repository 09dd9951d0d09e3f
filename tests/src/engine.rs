//! The two engines, and a fresh database on either.

use crate::Sql;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A database engine the whole suite runs on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Engine {
    /// The embedded default.
    Sqlite,
    /// `FHIR_GATEWAY_TEST_POSTGRES`.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// Whether somebody chose, loudly, to go without PostgreSQL. `tests/run` never does.
    pub fn is_skipped(self) -> bool {
        let skipped =
            self == Self::Postgres && std::env::var("FHIR_GATEWAY_SKIP_POSTGRES").is_ok_and(|skip| skip == "1");
        if skipped {
            self::skipped("FHIR_GATEWAY_SKIP_POSTGRES=1");
        }
        skipped
    }
}

/// A fresh database, gone when this is dropped.
#[derive(Debug)]
pub struct Database {
    /// What `--database` is given.
    pub url: String,
    engine: Engine,
    name: String,
    /// Another one's, which takes it away.
    borrowed: bool,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// An empty database; SQLite's lies in `folder`.
    ///
    /// # Panics
    /// When PostgreSQL cannot be reached: a suite that silently left out an engine would prove nothing.
    pub fn create(engine: Engine, folder: &Path) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        match engine {
            Engine::Sqlite => {
                let path = folder.join("clinic.db");
                Self {
                    url: format!("sqlite:{}", path.display()),
                    engine,
                    name: path.display().to_string(),
                    borrowed: false,
                }
            }
            Engine::Postgres => {
                sweep();
                let name = format!("fhir_gateway_test_{}_{number}", std::process::id());
                administer(vec![
                    format!("drop database if exists {name} with (force)"),
                    format!("create database {name}"),
                ]);
                Self { url: postgres_url(&name), engine, name, borrowed: false }
            }
        }
    }

    /// A connection of another program: a plain one, on PostgreSQL a superuser's.
    ///
    /// # Panics
    /// When the database cannot be reached.
    pub async fn sql(&self) -> Sql {
        Sql::connect(self.engine, &self.url).await
    }

    /// Which engine it is on.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The file (SQLite) or the database's name (PostgreSQL).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same database for another server, which leaves it.
    pub(crate) fn borrowed(&self) -> Self {
        Self { url: self.url.clone(), engine: self.engine, name: self.name.clone(), borrowed: true }
    }

    /// SQLite's file lies elsewhere now.
    pub(crate) fn move_file(&mut self, path: &Path) {
        self.url = format!("sqlite:{}", path.display());
        self.name = path.display().to_string();
    }

    /// A connection to the server's maintenance database (PostgreSQL), from which this one can be closed and opened.
    ///
    /// # Panics
    /// When PostgreSQL cannot be reached.
    pub async fn administrator(&self) -> Sql {
        Sql::connect(Engine::Postgres, &superuser()).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.engine == Engine::Postgres && !self.borrowed {
            administer(vec![
                format!("drop database if exists {} with (force)", self.name),
                format!("drop tablespace if exists small_{}", self.name),
            ]);
        }
    }
}

/// Says so past the test harness, which would keep it to itself; `tests/run` counts it.
pub fn skipped(why: &str) {
    use std::io::Write as _;
    let _nobody_reads = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

fn superuser() -> String {
    std::env::var("FHIR_GATEWAY_TEST_POSTGRES").expect(
        "PostgreSQL is part of every test: set FHIR_GATEWAY_TEST_POSTGRES to a superuser's URL (tests/run starts one), \
         or, knowing what is left out, FHIR_GATEWAY_SKIP_POSTGRES=1",
    )
}

fn postgres_url(name: &str) -> String {
    let url = superuser();
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{name}")
}

/// Drops, once in a process, the databases of test runs that have ended: a server shared by the tests of a file lives until
/// the process ends, and nothing runs after that.
fn sweep() {
    static SWEPT: OnceLock<()> = OnceLock::new();
    SWEPT.get_or_init(|| {
        let dead = "select datname from pg_database where datname like 'fhir\\_gateway\\_test\\_%'";
        for name in administer(vec![dead.to_owned()]).into_iter().flatten().flatten() {
            let pid = name.split('_').nth(3).unwrap_or_default();
            if !Path::new("/proc").join(pid).exists() {
                administer(vec![format!("drop database if exists {name} with (force)")]);
            }
        }
    });
}

/// Statements of the superuser, from a thread with a runtime of its own: also called where a runtime already runs. The last one's rows.
fn administer(statements: Vec<String>) -> Vec<Vec<Option<String>>> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut sql = Sql::connect(Engine::Postgres, &superuser()).await;
            let mut rows = Vec::new();
            for statement in statements {
                rows = sql.rows(&statement).await;
            }
            rows
        })
    })
    .join()
    .expect("PostgreSQL answers")
}
