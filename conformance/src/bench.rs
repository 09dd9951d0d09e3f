//! Benchmarks: the real binary over HTTP, beside two limits measured in the same run on the same machine.
//!
//! Ratios of one run mean something; absolute figures only beside the machine they were measured on.

pub mod client;
pub mod consents;
pub mod data;
pub mod database;
pub mod disk;
pub mod import;
pub mod limits;
pub mod load;
pub mod machine;
pub mod merge;
pub mod meter;
pub mod pure;
pub mod report;
pub mod scale;
pub mod search;
pub mod server;
pub mod start;
pub mod trail;
pub mod types;
pub mod wrk;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::bench::data::Bundles;
use crate::bench::database::{Database, Engine};
use crate::bench::limits::Limits;
use crate::bench::load::Plan;
use crate::bench::machine::Machine;
use crate::bench::meter::Meter;
use crate::bench::report::Report;
use crate::bench::server::Server;

/// What to measure, and on what.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engines, in the order of the table.
    pub engines: Vec<Engine>,
    /// A PostgreSQL user who may create databases.
    pub postgres: Option<String>,
    /// How each load is measured.
    pub plan: Plan,
    /// How often the import is measured, each time into a new database.
    pub imports: usize,
    /// Where databases of SQLite lie: a disk, for durability to mean anything.
    pub folder: PathBuf,
    /// The gateway's binary.
    pub binary: PathBuf,
    /// Parts count processor time, not the clock's.
    pub processor: bool,
    /// How many patients there are, one database after the other ([`Part::Scale`]).
    pub patients: Vec<u32>,
}

/// Measures everything.
///
/// # Errors
/// What could not be measured: a benchmark with failing requests is void.
pub async fn run(options: &Options) -> Result<Report, String> {
    let folder = tempfile::tempdir_in(&options.folder)
        .map_err(|error| format!("no folder can be made in {}: {error}", options.folder.display()))?;
    let machine = Machine::of(&options.folder, options.postgres.as_deref()).await?;
    let mut report = Report::new(machine, options.plan);
    progress("split and join");
    pure::measure(&mut report)?;
    let bundles = Bundles::find(folder.path())?;
    for &engine in &options.engines {
        measure(options, engine, folder.path().join(engine.name()), &bundles, &mut report).await?;
    }
    Ok(report)
}

/// A part with tables of its own, on a new database of each engine.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Every mapped type beside the spine's three.
    Types,
    /// What merging a signed note costs.
    Merge,
    /// Searches over the demo's records.
    Search,
    /// Searches as the tables grow, beside endpoints written by hand.
    Scale,
    /// The audit trail by itself.
    Trail,
    /// What applying Consents costs.
    Consents,
}

/// Measures a part; its tables in Markdown.
///
/// # Errors
/// What could not be measured.
pub async fn part(options: &Options, part: Part) -> Result<String, String> {
    let folder = tempfile::tempdir_in(&options.folder)
        .map_err(|error| format!("no folder can be made in {}: {error}", options.folder.display()))?;
    let mut out = format!("Measured on {}", Machine::of(&options.folder, options.postgres.as_deref()).await?);
    out.push_str(if options.processor { ", processor time of the gateway and its sessions.\n" } else { ".\n" });
    let sizes = if matches!(part, Part::Scale) { &options.patients[..] } else { &[0] };
    for &patients in sizes {
        let records = folder.path().join(format!("records-{patients}"));
        match part {
            Part::Search | Part::Consents => search::records(&options.binary, &records).await?,
            Part::Scale => scale::records(&options.binary, &records, patients).await?,
            Part::Types | Part::Merge | Part::Trail => {}
        }
        for &engine in &options.engines {
            let folder = folder.path().join(format!("{}-{patients}", engine.name()));
            let database = Database::create(engine, options.postgres.as_deref(), folder).await?;
            let result = tokio::select! {
                result = part_of(options, part, patients, &records, &database) => result,
                _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
            };
            database.remove().await?;
            out.push('\n');
            out.push_str(&result?);
        }
    }
    Ok(out)
}

/// A part on one database.
async fn part_of(
    options: &Options,
    part: Part,
    patients: u32,
    records: &Path,
    database: &Database,
) -> Result<String, String> {
    match part {
        Part::Trail => return trail::measure(options.plan, database).await,
        Part::Consents => return consents(options, records, database).await,
        _ => {}
    }
    if matches!(part, Part::Search | Part::Scale) {
        search::load(&options.binary, records, database).await?;
    }
    let mut server = Server::start(&options.binary, &database.url, &database.folder).await?;
    let result = match part {
        Part::Types => types::measure(options.plan, &meter(options, &server, database), &server, database).await,
        Part::Merge => merge::measure(&server, database).await,
        Part::Search => search::measure(options.plan, &server, database).await,
        Part::Scale => scale::measure(options.plan, &server, database, patients).await,
        Part::Trail | Part::Consents => Ok(String::new()),
    };
    let result = result.map_err(|fault| server.explained(&fault));
    server.stop().await;
    result
}

/// Two servers: one on the records with their Consents, which it applies, and one on the records without them.
async fn consents(options: &Options, records: &Path, database: &Database) -> Result<String, String> {
    let plain = Database::create(database.engine, options.postgres.as_deref(), database.folder.join("plain")).await?;
    let result = async {
        consents::load(&options.binary, records, database, &plain).await?;
        let apply = ["--dev-consent", "enforce", "--dev-actor", "Practitioner/bench"];
        let mut applied = Server::start_with(&options.binary, &database.url, &database.folder, &apply).await?;
        let without = Server::start(&options.binary, &plain.url, &plain.folder).await?;
        let measured = consents::measure(options.plan, &applied, &without, database).await;
        let measured = measured.map_err(|fault| applied.explained(&fault));
        applied.stop().await;
        without.stop().await;
        measured
    };
    let result = result.await;
    plain.remove().await?;
    result
}

/// What a part counts.
fn meter(options: &Options, server: &Server, database: &Database) -> Meter {
    match server.process() {
        Some(process) if options.processor => {
            Meter::Processor { process, database: database.name().map(str::to_owned) }
        }
        _ => Meter::Clock(Instant::now()),
    }
}

/// Everything on one engine: imports, then starts and loads on the database of the last import.
async fn measure(
    options: &Options,
    engine: Engine,
    folder: PathBuf,
    bundles: &Bundles,
    report: &mut Report,
) -> Result<(), String> {
    for number in 1..=options.imports {
        let folder = folder.join(number.to_string());
        let database = Database::create(engine, options.postgres.as_deref(), folder).await?;
        // Whatever comes of it, the database goes.
        let result = async {
            progress(&format!("{}: import {number} of {}", engine.name(), options.imports));
            import::measure(&options.binary, &database, bundles, report).await?;
            if number == options.imports { serve(options, &database, report).await } else { Ok(()) }
        };
        let result = tokio::select! {
            result = result => result,
            _ = tokio::signal::ctrl_c() => Err("interrupted".to_owned()),
        };
        database.remove().await?;
        result?;
    }
    Ok(())
}

async fn serve(options: &Options, database: &Database, report: &mut Report) -> Result<(), String> {
    let engine = database.engine;
    progress(&format!("{}: start", engine.name()));
    let mut server = start::measure(&options.binary, database, report).await?;
    let result = async {
        data::seed(&server).await?;
        let limits = Limits::start(database, &data::patient_id()).await?;
        load::reads(options.plan, &server, &limits, database, report).await?;
        drop(limits);
        load::searches(options.plan, &server, engine, report).await?;
        load::creates(options.plan, &server, database, report).await
    };
    let result = result.await.map_err(|fault| server.explained(&fault));
    Server::stop(server).await;
    result
}

/// What the table says where several runs gave several figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// Says on stderr what is being measured.
fn progress(what: &str) {
    eprintln!("bench: {what}");
}

/// The future's value, or an error once it takes longer than anybody should wait.
async fn within<T>(seconds: u64, what: &str, future: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let ended = tokio::time::timeout(Duration::from_secs(seconds), future).await;
    ended.unwrap_or_else(|_| Err(format!("{what} took longer than {seconds} s")))
}
