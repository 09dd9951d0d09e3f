//! `fhir-gateway terminology policy`: what an organization wants of what its codes mean.

use clap::{Args, ValueEnum};
use consent::Action;
use serde_json::json;

use crate::cli::purge::{as_json, close, open};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::store::normalizing::Mode;

pub(super) const HELP: &str = "\
What it means is told by the releases (`terminology list`), the maps (`terminology map`) and what somebody has decided
(`terminology review`), and never a guess:

  off      nobody asks (at first)
  beside   it is kept beside each resource that is written, with how it is known; searches find it, and labels know it
  merged   and it is shown: last among the codings, with userSelected false and an extension that marks it

What was written stays as it was written, in the table and in each version. Running servers go by another policy within a
minute. What is stored already is looked at by `terminology again`.

Examples:
  fhir-gateway terminology policy --normalize merged --by 'Jane Doe'
  fhir-gateway terminology policy --json

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available";

/// What is wanted.
#[derive(Args, Debug)]
pub struct PolicyArgs {
    /// What becomes of what codes mean from now on; without it what counts is shown.
    #[arg(long, value_name = "MODE", requires = "by")]
    normalize: Option<Normalize>,
    /// Who says so.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What becomes of what codes mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Normalize {
    /// Nobody asks.
    Off,
    /// It is kept, and found.
    Beside,
    /// And shown.
    Merged,
}

impl From<Normalize> for Mode {
    fn from(wanted: Normalize) -> Self {
        match wanted {
            Normalize::Off => Self::Off,
            Normalize::Beside => Self::Beside,
            Normalize::Merged => Self::Merged,
        }
    }
}

pub(super) async fn run(args: PolicyArgs) -> Result<Exit, Stop> {
    let action = if args.normalize.is_some() { Action::Change } else { Action::Read };
    let (gateway, permit) = open(&args.database, action, ("terminology-policy", "terminology policy")).await?;
    let done = async {
        if let (Some(wanted), Some(by)) = (args.normalize, &args.by) {
            gateway.store.set_normalization(&permit, wanted.into(), by).await?;
        }
        gateway.store.normalization(&permit).await
    };
    let report = done.await;
    let releases = gateway.releases.all().len();
    close(gateway).await;
    let report = report?;
    let mode = report.mode.name();
    cli::print(&if args.json {
        as_json(&json!({ "normalize": mode, "mapped": report.mapped, "releases": releases }))?
    } else {
        format!("normalize: {mode}\nreleases: {releases}\ncodes of its own maps and decisions: {}\n", report.mapped)
    })?;
    if report.mode != Mode::Off && releases == 0 {
        eprintln!("No release is here: codes pass as they are (`fhir-gateway terminology import --help`).");
    }
    Ok(Exit::Done)
}
