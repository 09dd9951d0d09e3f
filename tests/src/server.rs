//! A running gateway, as an operator starts it.

use crate::{Client, Database, Engine, Sql};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// The bearer token every test server knows.
pub const TOKEN: &str = "a-token-for-tests-only";

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--dev-seed`.
    pub seed: Option<u64>,
    /// More arguments of `serve`; without `--listen` any free port is taken.
    pub arguments: Vec<String>,
    /// Without `--dev`: `--public-url` is among the arguments.
    pub production: bool,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
}

/// One record of the audit trail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audited {
    /// The interaction's or operation's name.
    pub interaction: String,
    /// The resource type.
    pub kind: Option<String>,
    /// The resource's id.
    pub id: Option<String>,
    /// The HTTP status.
    pub status: u16,
}

/// A gateway of its own with a database of its own; both are gone when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    metrics: Option<String>,
    options: Options,
    folder: PathBuf,
    /// Its database.
    pub database: Database,
}

impl Server {
    /// Starts one on an empty database.
    pub fn start(engine: Engine) -> Self {
        Self::with(engine, Options::default())
    }

    /// Starts one on an empty database, as told.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn with(engine: Engine, options: Options) -> Self {
        let folder = folder();
        let database = Database::create(engine, &folder);
        Self::on(database, folder, options)
    }

    /// Starts one on a database that another program has made tables in.
    ///
    /// # Panics
    /// When the statements fail or it does not become ready.
    pub async fn prepared(engine: Engine, options: Options, statements: &str) -> Self {
        let folder = folder();
        let database = Database::create(engine, &folder);
        Sql::create(engine, &database.url).await.run(statements).await;
        Self::on(database, folder, options)
    }

    /// Starts another one on the same database, with a data directory of its own. It goes before the first one does.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn beside(&self) -> Self {
        self.beside_with(Options::default())
    }

    /// The same, as told.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn beside_with(&self, options: Options) -> Self {
        Self::on(self.database.borrowed(), folder(), options)
    }

    fn on(database: Database, folder: PathBuf, options: Options) -> Self {
        let (child, address, metrics) = launch(&database, &folder, &options);
        Self { child, address, metrics, options, folder, database }
    }

    /// A client with the token. Each test makes its own: connections belong to a test's runtime.
    pub fn client(&self) -> Client {
        Client::new(&self.address, Some(TOKEN))
    }

    /// Runs a command of `fhir-gateway` on this server's database and data directory.
    ///
    /// # Panics
    /// As of [`Command::run`].
    pub async fn command(&self, arguments: &[&str]) -> Command {
        let data_dir = self.data_dir().display().to_string();
        Command::run(&[arguments, &["--database", &self.database.url, "--data-dir", &data_dir]].concat()).await
    }

    /// A client without a token.
    pub fn stranger(&self) -> Client {
        Client::new(&self.address, None)
    }

    /// `http://127.0.0.1:PORT/fhir`.
    pub fn base(&self) -> String {
        format!("http://{}/fhir", self.address)
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where it tells metrics (`--metrics-listen`).
    ///
    /// # Panics
    /// When it tells none.
    pub fn metrics(&self) -> &str {
        self.metrics.as_deref().expect("it was started with --metrics-listen")
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A folder of this server's, for files of a test.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Another program's connection to its database.
    pub async fn sql(&self) -> Sql {
        self.database.sql().await
    }

    /// A connection to the audit trail with all rights, and what the names of its tables begin with.
    ///
    /// # Panics
    /// When there is no trail.
    pub async fn trail(&self) -> (Sql, &'static str) {
        match self.engine() {
            Engine::Sqlite => {
                let file = self.data_dir().join("audit.db");
                (Sql::connect(Engine::Sqlite, &format!("sqlite:{}", file.display())).await, "")
            }
            Engine::Postgres => (self.sql().await, "fhir_gateway."),
        }
    }

    /// What is on record of exchanges, in order.
    ///
    /// # Panics
    /// When the audit trail cannot be read.
    pub async fn audited(&self) -> Vec<Audited> {
        let (mut sql, prefix) = self.trail().await;
        let events = format!("select interaction, type, id, status from {prefix}audit_events order by seq");
        let rows = sql.rows(&events).await;
        let event = |row: Vec<Option<String>>| {
            let [interaction, kind, id, status]: [Option<String>; 4] = row.try_into().expect("four columns");
            let status = status.and_then(|status| status.parse().ok()).expect("a status");
            Audited { interaction: interaction.expect("an interaction"), kind, id, status }
        };
        rows.into_iter().map(event).collect()
    }

    /// Which engine it runs on.
    pub fn engine(&self) -> Engine {
        self.database.engine()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it said on stderr so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).unwrap_or_default()
    }

    /// kill -9.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it is ours");
    }

    /// SIGTERM; how it ended.
    ///
    /// # Panics
    /// When it does not end within 20 s.
    pub async fn terminate(&mut self) -> ExitStatus {
        signal(self.pid(), "TERM");
        self.ended(Duration::from_secs(20)).await
    }

    /// SIGHUP.
    ///
    /// # Panics
    /// When there is no such process.
    pub fn hang_up(&self) {
        signal(self.pid(), "HUP");
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn ended(&mut self, patience: Duration) -> ExitStatus {
        let since = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(since.elapsed() < patience, "it did not end within {patience:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts it again (after [`Server::kill`] or [`Server::terminate`]) on the same database and data directory.
    pub fn restart(&mut self) {
        (self.child, self.address, self.metrics) = launch(&self.database, &self.folder, &self.options);
    }

    /// The same, told otherwise from now on.
    pub fn restart_with(&mut self, options: Options) {
        self.options = options;
        self.restart();
    }

    /// Requires that every row says what is served from it (`map verify`); how many resources are flagged.
    ///
    /// # Panics
    /// When something differs.
    pub async fn verified(&self) -> usize {
        let data = self.folder.join("verify").display().to_string();
        let mut arguments = vec!["map", "verify", "--json", "--database", &self.database.url, "--data-dir", &data];
        arguments.extend(self.options.arguments.iter().map(String::as_str));
        let report = crate::Json::of(&Command::run(&arguments).await.expect(0).stdout);
        let flagged = |map: &crate::Json| map.str("flagged").and_then(|count| count.parse::<usize>().ok());
        report.items("maps").iter().filter_map(flagged).sum()
    }

    /// Moves SQLite's file to another folder; between [`Server::kill`] and [`Server::restart`].
    ///
    /// # Panics
    /// When the files cannot be copied.
    pub fn move_data(&mut self, folder: &Path) {
        for name in ["clinic.db", "clinic.db-wal", "clinic.db-shm"] {
            let from = self.folder.join(name);
            if from.exists() {
                std::fs::copy(from, folder.join(name)).expect("there is room");
            }
        }
        self.database.move_file(&folder.join("clinic.db"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            eprintln!("the server's stderr ({}):", self.folder.display());
            let lines = log.lines().count();
            log.lines().skip(lines.saturating_sub(30)).for_each(|line| eprintln!("  {line}"));
        }
        let _ended_before = self.child.kill();
        let _reaped = self.child.wait();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// What a test of [`crate::suite!`] is given.
pub trait Given {
    /// For an engine.
    fn given(engine: Engine) -> Self;
}

impl Given for Engine {
    fn given(engine: Engine) -> Self {
        engine
    }
}

impl Given for &'static Server {
    /// The server the tests of one file share on an engine.
    fn given(engine: Engine) -> Self {
        static SQLITE: OnceLock<Server> = OnceLock::new();
        static POSTGRES: OnceLock<Server> = OnceLock::new();
        let shared = if engine == Engine::Sqlite { &SQLITE } else { &POSTGRES };
        shared.get_or_init(|| Server::start(engine))
    }
}

/// One run of the command line, to its end.
#[derive(Debug)]
pub struct Command {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Command {
    /// Runs `fhir-gateway` with arguments.
    ///
    /// # Panics
    /// When it cannot be started or does not end within 10 minutes.
    pub async fn run<A: AsRef<str>>(arguments: &[A]) -> Self {
        let child = tokio::process::Command::new(binary())
            .args(arguments.iter().map(AsRef::as_ref))
            .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
            // Whatever it makes by mistake is not made in the repository.
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(600), child).await.expect("it ends").expect("it starts");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Requires an exit code.
    ///
    /// # Panics
    /// When it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// The binary under test: `FHIR_GATEWAY_BIN`, else the newer of the workspace's debug and release builds.
///
/// # Panics
/// When there is none.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("FHIR_GATEWAY_BIN") {
        return path.into();
    }
    let built = |profile: &str| {
        let path = crate::shared::repository().join("target").join(profile).join("fhir-gateway");
        Some((path.metadata().ok()?.modified().ok()?, path))
    };
    let newest = [built("debug"), built("release")].into_iter().flatten().max();
    newest.expect("build it first: cargo build -p gateway, or set FHIR_GATEWAY_BIN").1
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = std::process::Command::new("kill").args(["-s", name, &pid.to_string()]).status().expect("kill(1)");
    assert!(status.success(), "no process {pid}");
}

/// A new folder below the system's temporary one. What runs that were killed left there is swept.
pub(crate) fn folder() -> PathBuf {
    static SWEPT: OnceLock<()> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let parent = std::env::temp_dir().join("fhir-gateway-tests");
    SWEPT.get_or_init(|| {
        for entry in std::fs::read_dir(&parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.split('-').next().is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _gone_already = std::fs::remove_dir_all(entry.path());
            }
        }
    });
    let folder = parent.join(format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir_all(folder.join("data")).expect("a folder");
    folder
}

fn launch(database: &Database, folder: &Path, options: &Options) -> (Child, String, Option<String>) {
    let mut command = vec!["setpriv".to_owned(), "--pdeathsig".to_owned(), "KILL".to_owned()];
    command.extend([binary().display().to_string(), "serve".to_owned()]);
    command.extend((!options.production).then(|| "--dev".to_owned()));
    command.extend(["--database".to_owned(), database.url.clone()]);
    if !options.arguments.iter().any(|argument| argument == "--listen") {
        command.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
    }
    command.extend(["--data-dir".to_owned(), folder.join("data").display().to_string()]);
    if let Some(seed) = options.seed {
        command.extend(["--dev-seed".to_owned(), seed.to_string()]);
    }
    command.extend(options.arguments.iter().cloned());

    let mut child = spawn(command, options.environment.clone(), folder.join("stderr"));
    let stdout = child.stdout.take().expect("piped");
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Reads on after the first line, so that the server never waits for a reader.
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _nobody_listens_after_the_first = sender.send(line);
        }
    });
    let Ok(line) = receiver.recv_timeout(Duration::from_secs(30)) else {
        let _ended = child.kill();
        let _reaped = child.wait();
        let log = std::fs::read_to_string(folder.join("stderr")).unwrap_or_default();
        panic!("the server is not ready after 30 s (or has ended):\n{log}");
    };
    let ready = crate::Json::of(&line);
    assert_eq!(ready.at("ready"), Some(&crate::Json::Bool(true)), "{line}");
    let base = ready.str("fhir").unwrap_or_else(|| panic!("no address in {line}"));
    let metrics = ready.str("metrics").map(ToOwned::to_owned);
    if let Some(address) = ready.str("listen") {
        return (child, address.to_owned(), metrics);
    }
    let address = base.split_once("://").and_then(|(_, rest)| rest.strip_suffix("/fhir"));
    (child, address.unwrap_or_else(|| panic!("not an address: {base}")).to_owned(), metrics)
}

/// Spawns from a thread that lives as long as the process: the kernel ends the servers when the *thread* that started them
/// ends, and a server shared by many tests must outlive the first, yet never the process.
fn spawn(command: Vec<String>, environment: Vec<(String, String)>, stderr: PathBuf) -> Child {
    type Job = (Vec<String>, Vec<(String, String)>, PathBuf, mpsc::Sender<Child>);
    static SPAWNER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (command, environment, stderr, reply) in jobs {
                let log = std::fs::OpenOptions::new().create(true).append(true).open(stderr).expect("a log file");
                let child = std::process::Command::new(&command[0])
                    .args(&command[1..])
                    .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
                    // Every answer under Consents is decided twice.
                    .env("FHIR_GATEWAY_CONSENT_ALARM", "1")
                    .envs(environment)
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .stderr(log)
                    .spawn()
                    .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
                reply.send(child).expect("somebody asked");
            }
        });
        sender
    });
    let (sender, receiver) = mpsc::channel();
    spawner.send((command, environment, stderr, sender)).expect("the spawner lives");
    receiver.recv().expect("the server starts")
}
