//! `fhir-gateway audit retain`: exports what is older than it has to be kept, and drops it.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::audit::retention::{self, Part, RetainError};
use crate::audit::verify::{self, Known};
use crate::cli::audit::reader;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::clock::Clock;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Seven years.
const DAYS: u32 = 2555;
/// Six years: what documentation has to be kept, 45 CFR 164.316(b)(2)(i), and how far back an accounting of disclosures goes.
const LEAST: u32 = 2192;

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
    if args.days < LEAST && !args.short {
        return Err(Stop::usage(format!(
            "records have to be kept for six years ({LEAST} days): say --short, too, where another law holds"
        )));
    }
    if args.export.exists() && folder_has_files(&args.export)? {
        return Err(Stop::usage(format!("{} is not empty: name a new folder", args.export.display())));
    }
    // Before the database: the heads must not be newer than what is read there.
    let known = Known::read(data_dir, None, &args.key).map_err(Stop::usage)?;
    let now_ms = Clock::system().now_ms();
    let cutoff = now_ms - i64::from(args.days) * DAY_MS;
    let (pools, mut connection) = reader(&args.database).await?;
    let report = verify::verify(&mut connection, &known, |_| {}).await;
    let parts = retention::due(&mut connection, cutoff).await;
    drop(connection);
    let (report, parts) = (report?, parts?);
    if report.found > 0 {
        pools.close().await;
        return Err(Stop::failed("the trail is not as it was written, and nothing was dropped: see `audit verify`"));
    }
    if args.yes && !parts.is_empty() {
        let mut owner = retention::owner(&pools, data_dir).await?;
        let retired =
            retention::retire(&mut owner, (data_dir, &known.signers), &args.export, &parts, (cutoff, now_ms)).await;
        drop(owner);
        retired.map_err(|error| match error {
            RetainError::Database(error) => error.into(),
            error => Stop::failed(error.to_string()),
        })?;
    }
    pools.close().await;
    cli::print(&told(&args, &parts, cutoff))?;
    Ok(Exit::Done)
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
