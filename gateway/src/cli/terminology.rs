//! `fhir-gateway terminology`: releases of code systems, and what codes and units mean; for whoever runs the gateway.

mod again;
mod doctor;
mod normalize;
mod policy;
mod review;
mod unit;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand};
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use releases::{Catalog, KeepError, Kept, Report};
use serde_json::{Value, json};

use crate::cli::{self, Exit, Stop};
use crate::gateway::RELEASES;

/// Releases of code systems, and what codes and units mean.
#[derive(Debug, Subcommand)]
pub enum TerminologyCommand {
    /// Looks at what is stored anew: what would be told otherwise of its codes, and keeps that if wanted.
    #[command(after_help = again::AGAIN)]
    Again(Box<again::AgainArgs>),
    /// Says which code systems the records use, which of them are here, and where the others are to be had.
    #[command(after_help = doctor::HELP)]
    Doctor(Box<cli::list::ListArgs>),
    /// Reads a release from its official files, in a folder or a zip, and puts it beside those that are there.
    #[command(after_help = "\
Which release it is, is told by the files' headers:
  LOINC            the zip of loinc.org (free, with an account)
  SNOMED CT        an RF2 snapshot of any edition (needs the licence of your country's member)
  RxNorm           RRF, full or prescribable (the prescribable one needs no licence)
  ICD-10-CM        the order file of cdc.gov; CVX and MVX: the files of cdc.gov; NDC: the directory of fda.gov
  FHIR             CodeSystems in JSON, in bundles or lines of them

A release is in use as soon as it is read: running servers of this data directory answer from it at once, and from the one before until
then. Several versions stand beside each other; one that is imported again takes its own place. Files that are wrong or cut off
change nothing. Servers on other machines need the folder (`--terminology`), too.

Examples:
  fhir-gateway terminology import Loinc_2.81.zip --data-dir data
  fhir-gateway terminology import SnomedCT_InternationalRF2_PRODUCTION_20260901T120000Z.zip --data-dir data
  fhir-gateway terminology import RxNorm_full_prescribe_11022026.zip --data-dir data --json

Exit codes:
  0 done, 1 the work failed, 2 the files are no release that is known, or something is wrong with them")]
    Import(ImportArgs),
    /// Lists the releases that are there.
    List(ListArgs),
    /// Takes a `ConceptMap` of the organization's own: what its codes mean.
    #[command(after_help = again::MAP)]
    Map(Box<again::MapArgs>),
    /// Says what the codes of a file mean in the standards, and how that is known.
    #[command(after_help = normalize::HELP)]
    Normalize(normalize::NormalizeArgs),
    /// Shows or says what becomes of what codes mean.
    #[command(after_help = policy::HELP)]
    Policy(Box<policy::PolicyArgs>),
    /// Takes a release away.
    Remove(RemoveArgs),
    /// Codes of which somebody has to decide what they mean.
    #[command(subcommand, after_help = review::HELP)]
    Review(review::ReviewCommand),
    /// Says what a value is in another unit, and how that is known.
    #[command(after_help = unit::HELP)]
    Unit(unit::UnitArgs),
}

/// Where releases lie.
#[derive(Args, Debug)]
pub struct FolderArgs {
    /// TOML file of options, by their long names, as `serve` has it: where neither the command line nor an option's variable says
    /// anything, it does.
    #[arg(long, value_name = "FILE", env = "FHIR_GATEWAY_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of the server's files, as `serve` has it.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_DATA_DIR", default_value = "fhir-gateway-data")]
    data_dir: PathBuf,
    /// Folder of the releases; by default `terminology` in the data directory.
    #[arg(long, value_name = "DIR", env = "FHIR_GATEWAY_TERMINOLOGY")]
    terminology: Option<PathBuf>,
}

impl FolderArgs {
    fn catalog(&self) -> Catalog {
        Catalog::at(&self.terminology.clone().unwrap_or_else(|| self.data_dir.join(RELEASES)))
    }
}

/// What is imported.
#[derive(Args, Debug)]
pub struct ImportArgs {
    /// The release: a folder or a zip.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Its version, where its files do not say it.
    #[arg(long, value_name = "VERSION")]
    release: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: FolderArgs,
}

/// How releases are listed.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Which one.
#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// The address of its code system.
    #[arg(value_name = "URL")]
    url: String,
    /// Its version, as the list has it.
    #[arg(value_name = "VERSION")]
    version: Option<String>,
    #[command(flatten)]
    folder: FolderArgs,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub async fn run(command: TerminologyCommand) -> Result<Exit, Stop> {
    // Files alone, for a while.
    type Work = Box<dyn FnOnce() -> Result<Exit, Stop> + Send>;
    let work: Work = match command {
        TerminologyCommand::Again(args) => return again::again(*args).await,
        TerminologyCommand::Doctor(args) => return doctor::run(*args).await,
        TerminologyCommand::Map(args) => return again::map(*args).await,
        TerminologyCommand::Policy(args) => return policy::run(*args).await,
        TerminologyCommand::Review(command) => return review::run(command).await,
        TerminologyCommand::Import(args) => Box::new(move || import(&args)),
        TerminologyCommand::List(args) => Box::new(move || list(&args)),
        TerminologyCommand::Normalize(args) => Box::new(move || normalize::run(&args)),
        TerminologyCommand::Remove(args) => Box::new(move || remove(&args)),
        TerminologyCommand::Unit(args) => Box::new(move || unit::run(&args)),
    };
    let done = tokio::task::spawn_blocking(work);
    done.await.map_err(|_| Stop::failed("the work ended in the middle"))?
}

fn import(args: &ImportArgs) -> Result<Exit, Stop> {
    let began = Instant::now();
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let mut progress = |file: &str, rows: u64| {
        bar.tick();
        bar.set_message(format!("{file}: {} rows", HumanCount(rows)));
    };
    let all = releases::load(&args.path, args.release.as_deref(), &mut progress)
        .map_err(|fault| Stop::usage(fault.to_string()))?;
    for loaded in all {
        bar.set_message("the index is written");
        bar.tick();
        let kept = args.folder.catalog().keep(loaded.draft)?;
        let seconds = began.elapsed().as_secs_f64();
        if args.json {
            let report = report(&loaded.report);
            cli::print(&format!("{}\n", json!({ "release": described(&kept), "seconds": seconds, "report": report })))?;
        } else {
            bar.suspend(|| cli::print(&told(&kept, &loaded.report, seconds)))?;
        }
    }
    bar.finish_and_clear();
    Ok(Exit::Done)
}

fn list(args: &ListArgs) -> Result<Exit, Stop> {
    let all = args.folder.catalog().all();
    if args.json {
        cli::print(&format!("{}\n", json!({ "releases": all.iter().map(described).collect::<Vec<_>>() })))?;
    } else if all.is_empty() {
        cli::print(
            "there is no release; `fhir-gateway terminology import --help` says which there are, and where they are to be had\n",
        )?;
    } else {
        cli::print(&all.iter().map(|kept| format!("{}\n", line(kept))).collect::<String>())?;
    }
    Ok(Exit::Done)
}

fn remove(args: &RemoveArgs) -> Result<Exit, Stop> {
    if args.folder.catalog().remove(&args.url, args.version.as_deref())? {
        return Ok(Exit::Done);
    }
    Err(Stop::usage("there is no such release; `fhir-gateway terminology list` shows those that are there"))
}

fn line(kept: &Kept) -> String {
    let version = kept.system.version.as_deref().unwrap_or("without a version");
    let concepts = HumanCount(kept.system.len() as u64);
    format!("{}  {version}  {concepts} concepts  {}", kept.system.url, HumanBytes(kept.size))
}

fn described(kept: &Kept) -> Value {
    let digest: String = kept.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({
        "url": kept.system.url,
        "version": kept.system.version,
        "concepts": kept.system.len(),
        "bytes": kept.size,
        "sha256": digest,
    })
}

fn report(report: &Report) -> Value {
    let files = report.files.iter().map(|(file, rows)| json!({ "file": file, "rows": rows }));
    let missing = report.missing.iter().map(|(file, without)| json!({ "file": file, "without": without }));
    let odd = report.odd.iter().map(|odd| json!({ "file": odd.file, "line": odd.line, "what": odd.what }));
    json!({
        "files": files.collect::<Vec<_>>(),
        "missing": missing.collect::<Vec<_>>(),
        "odd": odd.collect::<Vec<_>>(),
        "oddRows": report.odd_rows,
    })
}

fn told(kept: &Kept, report: &Report, seconds: f64) -> String {
    let mut text = format!("{}  ({seconds:.1} s)\n", line(kept));
    for (file, rows) in &report.files {
        let _ = writeln!(text, "  {:>12} rows  {file}", HumanCount(*rows).to_string());
    }
    for (file, without) in &report.missing {
        let _ = writeln!(text, "  not there: {file} ({without})");
    }
    for odd in &report.odd {
        let _ = writeln!(text, "  odd: {}, line {}: {}", odd.file, odd.line, odd.what);
    }
    if report.odd_rows > report.odd.len() as u64 {
        let _ = writeln!(text, "  and {} more that are odd", HumanCount(report.odd_rows - report.odd.len() as u64));
    }
    text
}

impl From<KeepError> for Stop {
    fn from(error: KeepError) -> Self {
        Self::failed(error.to_string())
    }
}
