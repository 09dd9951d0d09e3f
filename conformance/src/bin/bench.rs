//! `cargo run --release -p conformance --bin bench`: the benchmarks, in a few minutes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use conformance::bench::database::Engine;
use conformance::bench::load::Plan;
use conformance::bench::{self, Options, Part, limits, scale, server};

/// The gateway's own: split and join are measured here, and the limits must have no worse one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the gateway beside the limits of the machine and beside what we promise.
///
/// Needs wrk. Makes databases of its own and drops them. Nothing else should run meanwhile: wrk and the gateway share the
/// cores as they are. `FHIR_GATEWAY_BIN` names a binary to measure in place of this source tree's.
#[derive(Debug, Parser)]
#[command(name = "bench", max_term_width = 120, args_conflicts_with_subcommands = true)]
struct Arguments {
    /// Which engines; without it both where a PostgreSQL is named, else SQLite.
    #[arg(long, value_enum)]
    engine: Option<Engines>,
    /// A PostgreSQL server and a superuser: postgres://USER@HOST:PORT/postgres
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_TEST_POSTGRES")]
    postgres: Option<String>,
    /// Measures a part with a table of its own in place of the gateway's table.
    #[arg(long, value_enum)]
    part: Option<Parts>,
    /// Counts processor time of the gateway and of its database sessions in place of the clock's (for --part types): for
    /// machines that do other things meanwhile.
    #[arg(long, requires = "part")]
    processor: bool,
    /// For --part scale: how many patients there are, one database after the other. Each has about 450 resources.
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', default_values_t = [250, 2250])]
    patients: Vec<u32>,
    /// Seconds of one run of wrk.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Runs of each load, and imports; the table has their median.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
    rounds: u16,
    /// Where databases of SQLite lie while they are measured: on a disk, not in memory.
    #[arg(long, value_name = "DIR", default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
    /// Also writes the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Prints the table as the README has it.
    #[arg(long)]
    markdown: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Engines {
    /// SQLite alone.
    Sqlite,
    /// PostgreSQL alone.
    Postgres,
    /// SQLite, then PostgreSQL.
    Both,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Parts {
    /// Read, transaction of 20 and page of 50 of every mapped type, beside the spine's three (Patient,
    /// MedicationRequest, laboratory Observation).
    Types,
    /// Signing a SOAP note with 0 to 200 earlier ones, with and without the merge into the cumulative record.
    Merge,
    /// Searches of every kind over the demo's records (112,000 resources), 8 clients at a time, beside a peer.
    Search,
    /// Searches as the tables grow (--patients), beside endpoints that somebody wrote by hand for one question each.
    Scale,
    /// Records of the audit trail a second, from 1 to 512 clients, beside plain inserts.
    Trail,
    /// What applying Consents costs, beside the same records without them.
    Consents,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The process of the limits, which the benchmark starts by itself.
    #[command(hide = true)]
    Limits {
        #[arg(long)]
        database: String,
        #[arg(long)]
        id: String,
    },
    /// The process of the endpoints written by hand, which the benchmark starts by itself.
    #[command(hide = true)]
    Handwritten {
        #[arg(long)]
        database: String,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // As the gateway builds its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(format!("no threads to run on: {error}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    match &arguments.command {
        Some(Command::Limits { database, id }) => return limits::run(database, id).await,
        Some(Command::Handwritten { database }) => return scale::run(database).await,
        None => {}
    }
    let options = Options {
        engines: engines(&arguments)?,
        postgres: arguments.postgres,
        plan: Plan { seconds: arguments.seconds, rounds: arguments.rounds.into() },
        imports: arguments.rounds.into(),
        folder: arguments.folder,
        binary: server::binary().await?,
        processor: arguments.processor,
        patients: arguments.patients,
    };
    if let Some(part) = arguments.part {
        let part = match part {
            Parts::Types => Part::Types,
            Parts::Merge => Part::Merge,
            Parts::Search => Part::Search,
            Parts::Scale => Part::Scale,
            Parts::Trail => Part::Trail,
            Parts::Consents => Part::Consents,
        };
        print!("{}", bench::part(&options, part).await?);
        return Ok(());
    }
    let report = bench::run(&options).await?;
    if let Some(path) = arguments.json {
        std::fs::write(&path, report.json().to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    print!("{}", if arguments.markdown { report.markdown() } else { report.text() });
    Ok(())
}

fn engines(arguments: &Arguments) -> Result<Vec<Engine>, String> {
    let named = arguments.postgres.is_some();
    match arguments.engine {
        Some(Engines::Sqlite) => Ok(vec![Engine::Sqlite]),
        None if !named => Ok(vec![Engine::Sqlite]),
        Some(_) if !named => Err("which PostgreSQL? Say --postgres postgres://USER@HOST:PORT/postgres".to_owned()),
        Some(Engines::Postgres) => Ok(vec![Engine::Postgres]),
        Some(Engines::Both) | None => Ok(vec![Engine::Sqlite, Engine::Postgres]),
    }
}
