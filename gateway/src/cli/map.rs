//! `fhir-gateway map`: check maps, show what they do, compare what they serve with what the tables hold.

mod coverage;
mod doc;
mod progress;
mod quality;
mod verify;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use consent::{Action, Permit, Purpose};
use mappers::map::{self, File, MapSet, Problem, Severity};
use mappers::schema::Schema;
use serde_json::json;

use crate::audit::{Circumstances, Event};
use crate::cli::{self, Exit, Stop, database_url};
use crate::gateway::Gateway;
use crate::store::introspect::introspect;
use crate::store::migrate::{MigrateOptions, migrate};
use crate::store::pools::{PoolSettings, Pools};

/// Checks and explains maps.
#[derive(Debug, Subcommand)]
pub enum MapCommand {
    /// Says what is wrong with maps, where, and what would be right.
    #[command(after_help = "\
Without --database everything is checked but the names and types of tables and columns.
Without FILES the built-in clinic maps are checked.

Examples:
  fhir-gateway map check my-maps/*.toml
  fhir-gateway map check patients.toml --database postgres://gateway@db/clinic
  fhir-gateway map check patients.toml --json | jq '.[] | select(.severity == \"error\")'

Exit codes:
  0 no errors (there may be warnings), 1 errors, 2 a file cannot be read,
  3 the database is not available")]
    Check(CheckArgs),
    /// Writes the reference pages of maps in Markdown: elements and columns, searches, US Core.
    #[command(after_help = "\
One page a map file: what the table is for (the comment above `create table`, or the one at the head of the map
file), element by element its column, type and codes, where the values of each search parameter are, and what US
Core wants and finds. index.md lists them by resource. Pages are made from the maps; do not edit them.

Examples:
  fhir-gateway map doc --out tables
  fhir-gateway map doc --file my-maps/patients.toml --database postgres://db/clinic

Exit codes:
  0 done, 1 the maps have errors, 2 wrong usage, or the folder cannot be written,
  3 the database is not available")]
    Doc(doc::DocArgs),
    /// Finds rows that are wrong or doubtful, whoever wrote them: counts and row keys, no values.
    #[command(after_help = "\
Every mapped row is read as FHIR. Errors:
  required     an element that R4 requires is missing, or nobody knows its value (it is served as `unknown` or
               with a data-absent-reason)
  code         a value outside a required binding of R4
  structure    no resource of R4 otherwise
  unmapped     a column holds a word that the map's `codes` do not know; it is not served
  undecodable  a column holds no value of its element's type (a bad date, an impossible number); it is not served
  orphan       a reference column names no row and no resource
  unreadable   a row could not be read; what it was before is served
Warnings:
  us-core      an element that the US Core 6.1.0 profile of the resource requires is missing
  duplicate    patients with the same name (whatever case, accents and spaces), birth date and gender, or with
               the same identifier; keys of one group stand with ` = ` between
  characters   a text has control characters (a word processor's page break): a space is served for each
  coupled      another program changed one of several values that belong together

Examples:
  fhir-gateway map quality --database postgres://gateway@db/clinic
  fhir-gateway map quality --keys 1000 --json | jq '.findings[] | select(.kind == \"orphan\")'

Exit codes:
  0 no errors (there may be warnings), 1 errors, 2 wrong usage,
  3 the database is not available")]
    Quality(quality::QualityArgs),
    /// Prints what a map does: element by element, column by column.
    #[command(after_help = "\
Names are those of the files without .toml, with the facet's suffix behind a dot.
Without a name all are listed.

Examples:
  fhir-gateway map show
  fhir-gateway map show patient
  fhir-gateway map show vital_signs.hr
  fhir-gateway map show patients --file my-maps/patients.toml --database postgres://db/clinic")]
    Show(ShowArgs),
    /// Says which must-support elements of US Core have a column, and which live in the residue.
    #[command(after_help = "\
A profile of US Core 6.1.0 wants elements supported. Supported they all are: what has no column is kept word
for word in the residue. This says which of them a program that speaks SQL finds in your tables:
  column    in columns, named behind; a choice (onset[x]) counts with any of its types
  constant  the map says it of every row
  default   the map says it of rows of other programs (a column's unit); a client's wording is in the residue
  rows      in the rows of a child table
  residue   in the residue
A profile is measured by the map that carries most of it (--type shows every map and element). One that no
map can hold is kept in the generic store; it counts as residue, but not for --min.

Examples:
  fhir-gateway map coverage
  fhir-gateway map coverage --type Patient
  fhir-gateway map coverage --file my-maps/patients.toml --database postgres://db/clinic --min 80
  fhir-gateway map coverage --json | jq '.profiles[] | select(.percent < 60) | .profile'

Exit codes:
  0 done, 1 a profile is below --min or the maps have errors, 2 wrong usage,
  3 the database is not available")]
    Coverage(coverage::CoverageArgs),
    /// Measures what is lost: reads every row as FHIR, compares, writes it back and rolls back.
    #[command(after_help = "\
Each row is joined and compared, element by element, with the resource that is served from it. Then that
resource is split again and written into its row, as a PUT of it would be, and what the database has then is
compared, column by column, with what was there. Every page of 500 rows is rolled back: nothing is changed, and
no program hears of it. Rows are locked for the moment of their page.

Columns:
  rows       rows of the table that are resources by the map
  resources  resources served from them
  missing    resources whose row has gone
  differing  resources whose row says something else; the elements stand below
  flagged    of coupled values (a number and its unit, say) another program changed one:
             for an operator to look at, no loss
  values     columns that are not null, and rows of lists, that were written back
  lost       values that would not be the same afterwards; the columns stand below
  loss       the same in percent

Examples:
  fhir-gateway map verify --database postgres://gateway@db/clinic
  fhir-gateway map verify --json | jq '.maps[].write_back.columns'

Exit codes:
  0 nothing is lost and nothing differs, 1 something is, 2 wrong usage,
  3 the database is not available")]
    Verify(verify::VerifyArgs),
}

/// What is checked.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Map files.
    files: Vec<PathBuf>,
    /// Check against the tables of this database.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_DATABASE", hide_env_values = true, value_parser = database_url)]
    database: Option<String>,
    /// Print the problems as a JSON array.
    #[arg(long)]
    json: bool,
}

/// What is shown.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The map's name.
    name: Option<String>,
    /// A map file in place of the built-in maps (may be given several times).
    #[arg(long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The database whose tables the maps are for; without it, the built-in clinic schema.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_DATABASE", hide_env_values = true, value_parser = database_url)]
    database: Option<String>,
}

/// Runs the command.
pub(super) async fn run(command: MapCommand) -> Result<Exit, Stop> {
    match command {
        MapCommand::Check(args) => check(args).await,
        MapCommand::Coverage(args) => coverage::run(args).await,
        MapCommand::Doc(args) => doc::run(args).await,
        MapCommand::Quality(args) => quality::run(args).await,
        MapCommand::Show(args) => show(args).await,
        MapCommand::Verify(args) => verify::run(args).await,
    }
}

/// The permit to look at every row, as the operator at the terminal; its use is on record.
pub(crate) async fn operator_permit(
    gateway: &Gateway,
    interaction: &'static str,
    command: &str,
) -> Result<Permit, Stop> {
    let operator = Gateway::operator_running(command);
    let permit = gateway
        .permit(&operator, Purpose::Hoperat, Action::Read)
        .map_err(|refusal| Stop::failed(refusal.to_string()))?;
    let of = Circumstances::of(gateway, &operator, Purpose::Hoperat, command);
    let event = Event::new(of, interaction, 200, gateway.clock.now_ms());
    gateway.audit.record(event).await.map_err(|error| Stop::failed(error.to_string()))?;
    Ok(permit)
}

async fn check(args: CheckArgs) -> Result<Exit, Stop> {
    let files = read(&args.files)?;
    let problems = match &args.database {
        Some(url) => match map::compile(&files, &schema(url).await?) {
            Ok(set) => set.warnings,
            Err(problems) => problems,
        },
        None => map::check(&files),
    };
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    if args.json {
        cli::print(&format!("{}\n", serde_json::Value::from_iter(problems.iter().map(problem_json))))?;
    } else {
        let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
        let tables =
            if args.database.is_some() { "" } else { "; tables and columns not checked, --database does that" };
        let (maps, warnings) = (files.len(), problems.len() - errors);
        cli::print(&format!("{lines}{maps} map files, {errors} errors, {warnings} warnings{tables}\n"))?;
    }
    Ok(if errors == 0 { Exit::Done } else { Exit::Failed })
}

fn problem_json(problem: &Problem) -> serde_json::Value {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    json!({
        "file": problem.file, "line": problem.line, "column": problem.column,
        "severity": severity, "message": problem.message, "help": problem.help,
    })
}

async fn show(args: ShowArgs) -> Result<Exit, Stop> {
    let set = compile(&args.files, args.database.as_deref()).await?;
    let Some(name) = &args.name else {
        let line = |map: &map::Map| format!("{:<28} {:<20} {}\n", map.name, map.resource, map.table);
        cli::print(&set.maps.iter().map(line).collect::<String>())?;
        return Ok(Exit::Done);
    };
    match set.by_name(name) {
        Some(map) => cli::print(&map::describe(map))?,
        None => {
            let names: Vec<_> = set.maps.iter().map(|map| map.name.as_str()).collect();
            return Err(Stop::usage(format!("there is no map {name}; there are {}", names.join(", "))));
        }
    }
    Ok(Exit::Done)
}

/// The maps of these files (the built-in ones where there is none) for the tables of a database (else the clinic schema).
async fn compile(files: &[PathBuf], database: Option<&str>) -> Result<MapSet, Stop> {
    let files = read(files)?;
    let schema = match database {
        Some(url) => schema(url).await?,
        None => clinic_schema().await?,
    };
    map::compile(&files, &schema).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Stop::failed(lines.join("\n"))
    })
}

/// The map files of a folder, in the order of their names.
///
/// # Errors
/// The folder or a file cannot be read, or there is no map.
pub fn folder(path: &Path) -> Result<Vec<File>, Stop> {
    let unreadable = |error| Stop::usage(format!("{} cannot be read: {error}", path.display()));
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        return Err(Stop::usage(format!("there is no .toml file in {}", path.display())));
    }
    read(&files)
}

/// The files' names and texts; the built-in maps where none is given.
fn read(paths: &[PathBuf]) -> Result<Vec<File>, Stop> {
    if paths.is_empty() {
        return Ok(map::clinic());
    }
    let read = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((path.to_string_lossy().into_owned(), text)),
        Err(error) => Err(Stop::usage(format!("{} cannot be read: {error}", path.display()))),
    };
    paths.iter().map(read).collect()
}

/// The tables of a database, which is only looked at.
async fn schema(url: &str) -> Result<Schema, Stop> {
    let pools = Pools::open(Some(url), Path::new("."), &PoolSettings::default()).await?;
    let schema = introspect(&mut pools.owner().await?).await?;
    pools.close().await;
    Ok(schema)
}

/// The tables of the built-in clinic schema, from an empty database made for the moment.
async fn clinic_schema() -> Result<Schema, Stop> {
    let folder = Scratch::new()?;
    let pools = Pools::open(None, &folder.0, &PoolSettings::default()).await?;
    migrate(&pools, &MigrateOptions { clinic: true, print: false, now_ms: 0 }).await?;
    let schema = introspect(&mut pools.owner().await?).await?;
    pools.close().await;
    Ok(schema)
}

/// A folder that goes away with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Stop> {
        let folder = std::env::temp_dir().join(format!("fhir-gateway-{}", std::process::id()));
        std::fs::create_dir_all(&folder)
            .map_err(|error| Stop::failed(format!("{} cannot be made: {error}", folder.display())))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it being gone.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
