//! The command line: `fhir-gateway serve|config|demo|migrate|import|map|search|consent|client|account|key|audit|alerts|provider|purge|hold|incident|restore-replay|terminology`.
//!
//! Commands end with one of five codes ([`Exit`]); what stands in the way is one readable sentence on stderr.

pub mod account;
pub mod alerts;
pub mod audit;
pub mod client;
pub mod config;
pub mod consent;
pub mod demo;
pub mod hold;
pub mod import;
pub mod incident;
pub mod key;
pub mod list;
pub mod map;
pub mod migrate;
pub mod provider;
pub mod purge;
pub mod restore;
pub mod search;
pub mod serve;
pub mod statutes;
pub mod terminology;

use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use mappers::map::Severity;

use crate::gateway::Gateway;
use crate::gateway::Options;
use crate::store::connection::{DbError, DbErrorKind};
use crate::store::labelling::{Fault, OwnTable};
use crate::store::pools::DATABASE_FILE;
use crate::store::statutes::Signed;
use crate::store::{ContentOptions, OpenError, StoreError, content};

/// Makes ordinary SQL tables a FHIR R4 server.
#[derive(Debug, Parser)]
#[command(
    name = "fhir-gateway",
    version,
    max_term_width = 100,
    after_help = "\
Begin here:
  fhir-gateway demo                          20 invented patients, with curl lines to paste
  fhir-gateway serve --dev --data-dir data   an empty server (its token: FHIR_GATEWAY_DEV_TOKEN)
  fhir-gateway import --data-dir data FILES  load Bundles and NDJSON, also beside a running server
  fhir-gateway map check my-table.toml       what is wrong with a map, and what would be right

Exit codes:
  0 done, 1 the work failed, 2 wrong usage or configuration, 3 the database is not available,
  4 done but some input was refused"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Account(account::AccountCommand),
    #[command(subcommand)]
    Alerts(alerts::AlertsCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    #[command(subcommand)]
    Client(client::ClientCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    #[command(subcommand)]
    Consent(consent::ConsentCommand),
    Demo(demo::DemoArgs),
    #[command(subcommand)]
    Hold(hold::HoldCommand),
    Import(import::ImportArgs),
    #[command(subcommand)]
    Incident(incident::IncidentCommand),
    #[command(subcommand)]
    Key(key::KeyCommand),
    #[command(subcommand)]
    Map(map::MapCommand),
    Migrate(migrate::MigrateArgs),
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    #[command(subcommand)]
    Purge(purge::PurgeCommand),
    RestoreReplay(restore::ReplayArgs),
    #[command(subcommand)]
    Search(search::SearchCommand),
    Serve(Box<serve::ServeArgs>),
    #[command(subcommand)]
    Statutes(statutes::StatutesCommand),
    #[command(subcommand)]
    Terminology(terminology::TerminologyCommand),
}

/// Which one of a list, and who decides on it.
#[derive(Args, Clone, Debug)]
pub struct DecideArgs {
    /// Its id, as the list has it.
    pub id: String,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Where it is.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Which database, and where files lie.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// TOML file of options, by their long names (`fhir-gateway config example`): where neither the command line nor an option's variable
    /// says anything, it does.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_CONFIG")]
    pub config: Option<PathBuf>,
    /// `postgres://USER@HOST/DATABASE` or `sqlite:PATH`; without it, fhir-gateway.db in the data directory.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_DATABASE", hide_env_values = true, value_parser = database_url)]
    pub database: Option<String>,
    /// Folder for keys, the embedded database and its audit trail; created if missing.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_DATA_DIR", default_value = "fhir-gateway-data")]
    pub data_dir: PathBuf,
    /// Folder of maps (*.toml) for tables of your own, in place of the built-in clinic schema and its maps.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_MAPS")]
    pub maps: Option<PathBuf>,
    /// Does not call the functions that maps name in `after_write`.
    #[arg(long, env = "FHIR_GATEWAY_NO_AFTER_WRITE")]
    pub no_after_write: bool,
    /// Time zone in which columns that name none are read and written (Europe/Berlin); kept in the database. UTC at first.
    #[arg(long, value_name = "ZONE", env = "FHIR_GATEWAY_TIME_ZONE", value_parser = time_zone)]
    pub time_zone: Option<String>,
    /// Table of codes and their security labels that adds to the built-in one (TOML or CSV); kept in the database. An empty
    /// file takes it away.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_LABELS")]
    pub labels: Option<PathBuf>,
    /// Signed table of law that adds to the federal rows, as `statutes sign` leaves it (FILE and FILE.sig); kept in the database.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_STATUTES")]
    pub statutes: Option<PathBuf>,
    /// Whose signature on it counts: the public key that `statutes key` prints; remembered in the data directory.
    #[arg(long, value_name = "KEY", env = "FHIR_GATEWAY_STATUTES_KEY", value_parser = public_key)]
    pub statutes_key: Option<String>,
    /// What prints the key that secrets in the database are sealed under: 32 bytes in base64, in place of the file secret.key in the data directory
    /// (`aws kms decrypt --ciphertext-blob fileb://secret.key.kms --query Plaintext --output text`). The shell runs it once, at the start, for 30 seconds
    /// at most.
    #[arg(long, value_name = "COMMAND", env = "FHIR_GATEWAY_SECRET_KEY_COMMAND", hide_env_values = true)]
    pub secret_key_command: Option<String>,
    /// Folder of the releases of code systems (`terminology import`); by default `terminology` in the data directory.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_TERMINOLOGY")]
    pub terminology: Option<PathBuf>,
    /// Where content outside the database lies.
    #[command(flatten)]
    pub content: ContentArgs,
}

/// Where content outside the database lies.
#[derive(Args, Clone, Debug)]
pub struct ContentArgs {
    /// Folder of the files that rows name; by default `content` in the data directory.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_CONTENT_DIR")]
    content_dir: Option<PathBuf>,
    /// Object store of the objects that rows name: `file:///FOLDER` (and `s3://BUCKET/PREFIX` in builds with the feature `s3`).
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_CONTENT_STORE", hide_env_values = true)]
    content_store: Option<String>,
    /// Attachments of fewer bytes stay in the row, longer ones go to the object store or the content directory.
    #[arg(long, value_name = "BYTES", env = "FHIR_GATEWAY_CONTENT_INLINE", default_value_t = content::INLINE)]
    content_inline: usize,
}

impl Default for ContentArgs {
    fn default() -> Self {
        Self { content_dir: None, content_store: None, content_inline: content::INLINE }
    }
}

/// A name of the time zone database.
fn time_zone(text: &str) -> Result<String, String> {
    match jiff::tz::TimeZone::get(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("give a name of the time zone database, as Europe/Berlin or UTC".to_owned()),
    }
}

/// A database as the command line names one.
///
/// # Errors
/// The text names a kind of database that the gateway does not know.
pub(crate) fn database_url(text: &str) -> Result<String, String> {
    const KNOWN: [&str; 3] = ["sqlite", "postgres", "postgresql"];
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    let unknown = scheme.filter(|scheme| {
        // One letter is a drive, and a path may hold a colon further in.
        scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !KNOWN.contains(scheme)
    });
    match unknown {
        Some(_) => Err("give sqlite:PATH or postgres://USER@HOST/DATABASE".to_owned()),
        None => Ok(text.to_owned()),
    }
}

impl DatabaseArgs {
    /// The database's URL.
    #[must_use]
    pub fn url(&self) -> String {
        let embedded = || format!("sqlite:{}", self.data_dir.join(DATABASE_FILE).display());
        self.database.clone().unwrap_or_else(embedded)
    }

    /// The table of codes and labels, where one is given.
    ///
    /// # Errors
    /// The file cannot be read, or something in it is wrong: every line that is.
    pub(crate) fn label_table(&self) -> Result<Option<OwnTable>, Stop> {
        let Some(path) = &self.labels else { return Ok(None) };
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| Stop::usage(format!("{name}: {error}")))?;
        let table = OwnTable::parse(&name, &text).map_err(|faults| faulty(&name, &faults))?;
        Ok(Some(table))
    }

    /// The table of law, where one is given.
    ///
    /// # Errors
    /// It cannot be read, something in it is wrong, or it is not signed.
    pub(crate) fn signed_statutes(&self) -> Result<Option<Signed>, Stop> {
        self.statutes.as_deref().map(statutes::signed).transpose()
    }

    /// What of these options would keep a gateway from being opened, as far as files tell: all of it.
    fn problems(&self) -> Vec<Stop> {
        let maps = self.maps.as_deref().map(map::folder).transpose().map(Option::unwrap_or_default);
        let faults = match &maps {
            Ok(files) if !files.is_empty() => mappers::map::check(files),
            _ => Vec::new(),
        };
        let faults = faults.into_iter().filter(|problem| problem.severity == Severity::Error);
        let faults: Vec<Stop> = faults.take(20).map(|problem| Stop::usage(problem.to_string())).collect();
        let content = self.content.content_store.as_deref().map(content::knows).transpose().map_err(Stop::usage);
        let files = [maps.err(), self.label_table().err(), self.signed_statutes().err(), content.err()];
        files.into_iter().flatten().chain(faults).collect()
    }

    /// How a gateway on it is opened.
    ///
    /// # Errors
    /// The folder of maps cannot be read, or there is no map in it.
    pub fn options(&self, bulk: bool) -> Result<Options, Stop> {
        let maps = self.maps.as_deref().map(map::folder).transpose()?;
        let content = ContentOptions {
            directory: self.content.content_dir.clone(),
            store: self.content.content_store.clone(),
            inline: self.content.content_inline,
        };
        Ok(Options {
            database: self.url(),
            data_dir: self.data_dir.clone(),
            maps,
            time_zone: self.time_zone.clone(),
            labels: self.label_table()?,
            statutes: self.signed_statutes()?,
            statutes_key: self.statutes_key.clone(),
            secret_key_command: self.secret_key_command.clone(),
            content,
            terminology: self.terminology.clone(),
            seed: None,
            bulk,
            after_write: !self.no_after_write,
        })
    }
}

/// Requires that the gateway was ever served at an address: of another one nothing is known in the database.
fn require_address(gateway: &Gateway, base: &str) -> Result<(), Stop> {
    if gateway.store.bases().contains(base) {
        return Ok(());
    }
    Err(Stop::usage(format!("the gateway was never served at {base}: serve it there first (--listen, --also-at)")))
}

/// What is wrong with a file, by line.
fn faulty(name: &str, faults: &[Fault]) -> Stop {
    let lines: Vec<String> = faults.iter().take(20).map(|fault| format!("{name}: {fault}")).collect();
    let more = faults.len().checked_sub(20).filter(|more| *more > 0).map(|more| format!("\nand {more} more"));
    Stop::usage(lines.join("\n") + &more.unwrap_or_default())
}

/// A public key in hexadecimal.
fn public_key(text: &str) -> Result<String, String> {
    let fits = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("give the 64 digits that `statutes key` prints".to_owned()) }
}

/// How a command ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// 0
    Done,
    /// 1: the work failed.
    Failed,
    /// 4: done, but some of the input was refused.
    Refused,
    /// 3: the database is not available.
    Unavailable,
    /// 2: wrong usage or configuration.
    Usage,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unavailable => 3,
            Self::Refused => 4,
        }
    }
}

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Stop {
    /// The code to end with.
    pub exit: Exit,
    /// What to tell the person at the terminal.
    pub message: String,
}

impl Stop {
    /// The work failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, message: message.into() }
    }

    /// The database is not available.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { exit: Exit::Unavailable, message: message.into() }
    }

    /// Wrong usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }
}

impl From<OpenError> for Stop {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::Database(database) if database.kind == DbErrorKind::Unavailable => {
                Self::unavailable(format!("{error}. Is it running, and is the URL right?"))
            }
            OpenError::Content(_)
            | OpenError::DataDirectory { .. }
            | OpenError::Maps(_)
            | OpenError::Statutes(_)
            | OpenError::TimeZone(_) => Self::usage(error.to_string()),
            _ => Self::failed(error.to_string()),
        }
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::from(OpenError::Database(error))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::unavailable(error.to_string()),
            error => Self::failed(error.to_string()),
        }
    }
}

/// Parses the command line and does what it says. `--help`, `--version` and wrong usage end the process here.
#[must_use]
pub fn main() -> ExitCode {
    let told = match config::told(Cli::command(), std::env::args_os().collect()) {
        Ok(told) => told,
        Err(refusal) => return refusal.tell(),
    };
    let cli = Cli::from_arg_matches(&told.matches).unwrap_or_else(|error| error.format(&mut Cli::command()).exit());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command, &told)),
        Err(error) => Err(Stop::failed(format!("no threads to run on: {error}"))),
    };
    let exit = result.unwrap_or_else(|stop| {
        eprintln!("fhir-gateway: {stop}");
        stop.exit
    });
    ExitCode::from(exit.code())
}

/// Writes to standard output. Who closes it early (`| head`) has seen enough.
pub(crate) fn print(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Stop::failed(format!("standard output cannot be written to: {error}")))
        }
        _ => Ok(()),
    }
}

async fn run(command: Command, told: &config::Told) -> Result<Exit, Stop> {
    match command {
        Command::Alerts(command) => alerts::run(command).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Account(command) => account::run(command).await,
        Command::Client(command) => client::run(command).await,
        Command::Config(command) => config::run(command, told).await,
        Command::Consent(command) => consent::run(command).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Hold(command) => hold::run(command).await,
        Command::Import(args) => import::run(args).await,
        Command::Incident(command) => incident::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::Map(command) => map::run(command).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Provider(command) => provider::run(command).await,
        Command::Purge(command) => purge::run(command).await,
        Command::RestoreReplay(args) => restore::run(args).await,
        Command::Search(command) => search::run(command).await,
        Command::Serve(args) => serve::run(*args).await,
        Command::Statutes(command) => statutes::run(command).await,
        Command::Terminology(command) => terminology::run(command).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_embedded_database_lies_in_the_data_directory() {
        let cli = Cli::try_parse_from(["fhir-gateway", "import", "--data-dir", "d", "x.json"]).unwrap();
        let Command::Import(args) = cli.command else { panic!("another command") };
        assert_eq!(args.database().url(), "sqlite:d/fhir-gateway.db");
    }
}
