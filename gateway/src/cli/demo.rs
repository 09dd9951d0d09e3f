//! `fhir-gateway demo`: something to look at in one command.

mod app;
mod people;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use consent::{Action, Permit, Purpose};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};

use self::app::Stand;
use crate::auth::Authenticator;
use crate::cli::serve::{self, Ready, Served, Site};
use crate::cli::{self, ContentArgs, DatabaseArgs, Exit, Stop};
use crate::demo;
use crate::gateway::Gateway;
use crate::http::Limits;
use crate::http::edge::Edge;
use crate::interaction::conditional::ConditionalDelete;
use crate::interaction::cursor::Cursors;
use crate::interaction::{Endpoint, bundle};
use crate::store::Checkpoint;
use crate::store::pools::DATABASE_FILE;

/// The port that is tried first.
const PORT: u16 = 8080;

/// Starts a server with invented patients, to look at and to break.
#[derive(Args, Debug)]
#[command(after_help = "\
The patients come in as FHIR transactions, five years of each; some rows (drafts of notes,
appointments, consents) are written by plain SQL, as a clinic's own programs would, and show as
resources. The data lie in the folder of --data-dir: a second start finds them again, and it may be deleted when the demo
has ended. It listens on this machine only. Ctrl-C ends it. Beside the server it serves an app of somebody else's, at a port of
its own (8081 or a free one): a patient and a clinician can let it in, by SMART App Launch.

Examples:
  fhir-gateway demo
  fhir-gateway demo --patients 500 --seed 7 --data-dir /tmp/five-hundred --port 9000
  fhir-gateway demo --patients 64000 --write /tmp/city    for a benchmark: files and no server")]
pub struct DemoArgs {
    /// How many patients.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    patients: usize,
    /// The same seed gives the same patients.
    #[arg(long, value_name = "NUMBER", default_value_t = demo::SEED)]
    seed: u64,
    /// The port; without it 8080, or a free one where that is taken.
    #[arg(long)]
    port: Option<u16>,
    /// Where the database lies.
    #[arg(long, value_name = "DIR", default_value = "fhir-gateway-demo")]
    data_dir: PathBuf,
    /// Write the data to a folder instead, and end: bundles.ndjson for `fhir-gateway import`, rows.sql for psql or sqlite3.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Table of codes and their security labels that adds to the built-in one (TOML or CSV).
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(args: DemoArgs) -> Result<Exit, Stop> {
    if let Some(folder) = &args.write {
        write_files(folder, &args).map_err(|error| Stop::usage(format!("{}: {error}", folder.display())))?;
        return Ok(Exit::Done);
    }
    serve::log("warn");
    let address = address(args.port)?;
    let data_dir = args.data_dir.as_path();
    let database = DatabaseArgs {
        config: None,
        database: None,
        data_dir: data_dir.to_path_buf(),
        maps: None,
        labels: args.labels.clone(),
        statutes: None,
        statutes_key: None,
        secret_key_command: None,
        terminology: None,
        time_zone: None,
        no_after_write: false,
        content: ContentArgs::default(),
    };
    let gateway = Arc::new(Gateway::open(database.options(false)?).await?);
    load(&gateway, &args).await?;
    write_rows(&args).await?;
    let token = format!("{}{}", gateway.ids.next(), gateway.ids.next()).replace('-', "");
    let authenticator = Authenticator::development(&token).ok_or_else(|| Stop::failed("no token could be made"))?;
    let stand = Stand::take(args.port.is_some())
        .map_err(|error| Stop::failed(format!("no port for the demo's app: {error}")))?;
    let app = stand.url();
    let password = people::password(&gateway);
    people::prepare(&gateway, &permit(&gateway)?, &password, &app).await?;
    let ready = |ready: Ready<'_>| {
        stand.open(ready.base)?;
        announce(&Told { base: ready.base, token: &token, app: &app, password: &password }, args.patients, data_dir)
    };
    let served = Served {
        gateway,
        authenticator,
        cursors: cursors(data_dir)?,
        limits: Limits::default(),
        edge: Edge::default(),
        traces: None,
        registration: None,
        conditional_delete: ConditionalDelete::default(),
        secure: None,
        site: Site::at(address),
    };
    serve::listen(served, ready).await?;
    cli::print(&format!("\nThe demo has ended. Its data are in {}.\n", data_dir.display()))?;
    Ok(Exit::Done)
}

/// 8080 where nobody has it; a port that was asked for, or none.
fn address(port: Option<u16>) -> Result<SocketAddr, Stop> {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(at(port.unwrap_or(PORT))) {
        Err(error) if port.is_none() && error.kind() == ErrorKind::AddrInUse => Ok(at(0)),
        Err(error) => Err(Stop::usage(format!("port {} cannot be used: {error}", port.unwrap_or(PORT)))),
        Ok(_) => Ok(at(port.unwrap_or(PORT))),
    }
}

/// Why the demo's own data are written.
const PURPOSE: Purpose = Purpose::Hoperat;

fn permit(gateway: &Gateway) -> Result<Permit, Stop> {
    let caller = Gateway::operator_running("demo");
    gateway.permit(&caller, PURPOSE, Action::Change).map_err(|refusal| Stop::failed(refusal.to_string()))
}

/// The clinic and its patients, each bundle once.
async fn load(gateway: &Arc<Gateway>, args: &DemoArgs) -> Result<(), Stop> {
    let (caller, permit) = (Gateway::operator_running("demo"), permit(gateway)?);
    let job = format!("demo:{}", args.seed);
    let done = gateway.store.checkpoints(&permit, &job).await?;
    let endpoint = Arc::new(Endpoint {
        gateway: Arc::clone(gateway),
        base: "http://localhost/fhir".into(),
        cursors: cursors(&args.data_dir)?,
        capabilities: bytes::Bytes::new(),
        conditional_delete: ConditionalDelete::default(),
    });
    let bundles = std::iter::once(demo::clinic()).chain(demo::patients(args.seed, args.patients));
    for (unit, text) in (0..).zip(bundles) {
        if done.contains(&unit) {
            continue;
        }
        let checkpoint = Checkpoint { job: job.clone(), unit, digest: None };
        bundle::load(&endpoint, &caller, PURPOSE, text.into(), checkpoint).await.map_err(|failure| {
            Stop::failed(format!("the demo's own data were refused: {}", failure.issues[0].details))
        })?;
    }
    Ok(())
}

/// What the clinic's own programs write, by SQL alone: the gateway hears of it through its triggers.
async fn write_rows(args: &DemoArgs) -> Result<(), Stop> {
    let options = SqliteConnectOptions::new().filename(args.data_dir.join(DATABASE_FILE));
    let write = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut transaction = connection.begin().await?;
        for statements in demo::statements(args.seed, args.patients) {
            sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        connection.close().await
    };
    write.await.map_err(|error: sqlx::Error| Stop::failed(format!("the demo's rows cannot be written: {error}")))
}

/// The data as two files, for other servers and other databases.
fn write_files(folder: &Path, args: &DemoArgs) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut bundles = BufWriter::new(File::create(folder.join("bundles.ndjson"))?);
    for bundle in std::iter::once(demo::clinic()).chain(demo::patients(args.seed, args.patients)) {
        bundles.write_all(&bundle)?;
        bundles.write_all(b"\n")?;
    }
    bundles.flush()?;
    let mut rows = BufWriter::new(File::create(folder.join("rows.sql"))?);
    for statements in demo::statements(args.seed, args.patients) {
        rows.write_all(statements.as_bytes())?;
    }
    rows.flush()
}

fn cursors(data_dir: &Path) -> Result<Cursors, Stop> {
    Cursors::open(data_dir).map_err(|error| Stop::usage(format!("the data directory {}: {error}", data_dir.display())))
}

/// What somebody has to know.
struct Told<'t> {
    base: &'t str,
    token: &'t str,
    app: &'t str,
    password: &'t SecretString,
}

fn announce(told: &Told<'_>, patients: usize, data_dir: &Path) -> io::Result<()> {
    let Told { base, token, app, password } = told;
    let database = data_dir.join(DATABASE_FILE);
    let database = database.display();
    let mut out = io::stdout().lock();
    writeln!(out, "{patients} invented patients on an embedded database. Ctrl-C ends the demo.\n")?;
    writeln!(out, "  FHIR      {base}")?;
    writeln!(out, "  token     {token}   (another at every start)")?;
    writeln!(out, "  app       {app}   (somebody else's: connect it, log in, choose what it sees)")?;
    let logins: Vec<&str> = people::PEOPLE.iter().map(|(login, ..)| *login).collect();
    writeln!(out, "  log in    as {}, with {}", logins.join(" or "), password.expose_secret())?;
    writeln!(out, "  database  {database}\n")?;
    writeln!(
        out,
        "Patients, one patient's summary and a note of hers or his, heart rates, and what became of the patient:\n"
    )?;
    for path in [
        "Patient?_count=5",
        "Patient/p0001/$summary",
        "Composition/p0001-v1-note",
        "Observation?patient=p0001&code=8867-4",
        "Patient/p0001/_history",
    ] {
        writeln!(out, "  curl -s -H 'Authorization: Bearer {token}' '{base}/{path}'")?;
    }
    writeln!(out, "\nChange a row by SQL, and ask for the history again:\n")?;
    writeln!(out, "  sqlite3 {database} \"update patients set last_name = 'Curie' where id = 'p0001'\"\n")?;
    out.flush()
}
