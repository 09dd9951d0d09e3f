//! `fhir-gateway audit retain`: exports what is older than it has to be kept, and drops it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::audit::Audit;
use crate::audit::retention::run::{self, Run};
use crate::audit::retention::{Part, RetainError};
use crate::audit::upkeep::{DAYS, LEAST_DAYS};
use crate::audit::verify::Known;
use crate::cli::audit::open;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;
use crate::store::pools::Pools;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What `audit retain` is told.
#[derive(Args, Debug)]
pub struct RetainArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// How many days records are kept.
    #[arg(long, value_name = "NUMBER", default_value_t = DAYS, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    /// Also less than the six years of 45 CFR 164.316(b)(2)(i) and 164.528(a)(3).
    #[arg(long)]
    short: bool,
    /// A new folder for what is exported.
    #[arg(long, value_name = "DIR")]
    export: PathBuf,
    /// A public key (the `signer` of a head) that may have signed, beside the data directory's; may be given more than once.
    #[arg(long, value_name = "HEX")]
    key: Vec<String>,
    /// Yes, really: without it the command only says what it would do.
    #[arg(long)]
    yes: bool,
    /// Prints what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: RetainArgs) -> Result<Exit, Stop> {
    let data_dir = &args.database.data_dir;
    if args.days < LEAST_DAYS && !args.short {
        return Err(Stop::usage(format!(
            "records have to be kept for six years ({LEAST_DAYS} days): say --short, too, where another law holds"
        )));
    }
    if args.export.exists() && folder_has_files(&args.export)? {
        return Err(Stop::usage(format!("{} is not empty: name a new folder", args.export.display())));
    }
    // Before the database: the heads must not be newer than what is read there.
    let known = Known::read(data_dir, None, &args.key).map_err(Stop::usage)?;
    let now_ms = Clock::system().now_ms();
    let cutoff = now_ms - i64::from(args.days) * DAY_MS;
    let pools = open(&args.database).await?;
    let done = match args.yes {
        true => act(&args, &pools, &known, (cutoff, now_ms)).await,
        false => plan(&args, &pools, &known, cutoff).await,
    };
    pools.close().await;
    cli::print(&told(&args, &done?, cutoff))?;
    Ok(Exit::Done)
}

/// What would be dropped.
async fn plan(args: &RetainArgs, pools: &Pools, known: &Known, cutoff: i64) -> Result<Vec<Part>, Stop> {
    let (report, parts) = run::look(pools, &args.database.data_dir, known, cutoff).await?;
    if report.found > 0 { Err(stop(RetainError::Tampered)) } else { Ok(parts) }
}

/// Exports and drops it, and records that.
async fn act(args: &RetainArgs, pools: &Pools, known: &Known, times: (i64, i64)) -> Result<Vec<Part>, Stop> {
    let data_dir = &args.database.data_dir;
    let Some(mut run) = Run::begin(pools, data_dir).await.map_err(stop)? else {
        return Err(Stop::failed("another process is exporting and dropping: nothing was dropped here"));
    };
    let record = async |parts: &[Part], manifest: &str| {
        let audit = Audit::open(pools, data_dir).await?;
        let closing = audit.closing();
        let recorded = run::record(&audit, "audit retain", Some((parts, manifest)), times).await;
        drop(audit);
        closing.wait().await;
        recorded
    };
    run.go((pools, data_dir), known, &args.export, times, record).await.map_err(stop)
}

fn stop(error: RetainError) -> Stop {
    match error {
        RetainError::Database(error) => error.into(),
        error => Stop::failed(error.to_string()),
    }
}

fn folder_has_files(folder: &Path) -> Result<bool, Stop> {
    let mut entries =
        std::fs::read_dir(folder).map_err(|error| Stop::usage(format!("{}: {error}", folder.display())))?;
    Ok(entries.next().is_some())
}

fn told(args: &RetainArgs, parts: &[Part], cutoff: i64) -> String {
    let records: u64 = parts.iter().map(Part::records).sum();
    let before = Clock::format(cutoff);
    if args.json {
        let done = args.yes && !parts.is_empty();
        let export = done.then(|| args.export.display().to_string());
        return format!(
            "{}\n",
            json!({"records": records, "chains": parts.len(), "before": before, "dropped": done, "export": export})
        );
    }
    match (parts.is_empty(), args.yes) {
        (true, _) => format!("nothing that can be dropped is older than {before}\n"),
        (false, false) => {
            format!(
                "{records} records of {} chains are older than {before}; with --yes they are exported and dropped\n",
                parts.len()
            )
        }
        (false, true) => format!(
            "{records} records of {} chains, older than {before}, were exported to {} and dropped\n",
            parts.len(),
            args.export.display()
        ),
    }
}
