//! `fhir-gateway consent`: what consent decides, and why.

mod audit;
mod explain;
mod glass;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use consent::asking::{ACTIONS, actor};
use consent::{Asking, Coding, Labelling, Labels, Malformed, Verdict, check_labelled};
use mappers::json::{Document, Element, Kind};
use mappers::search::instants;
use serde_json::json;

use crate::cli::{self, Exit, Stop, statutes};
use crate::store::labelling::labels_of;

/// Files of Consents that are read from a folder, and bytes of one.
const MOST_FILES: usize = 10_000;
const LARGEST: u64 = 16 * 1024 * 1024;

/// Asks what consent decides.
#[derive(Debug, Subcommand)]
pub enum ConsentCommand {
    /// Counts the Consents of the database by what they are worth.
    Audit(audit::AuditArgs),
    /// Decides on one resource by the Consents in a folder, without a database.
    #[command(after_help = "\
The Consents are taken as the patient's whole policy: what none of them permits is denied. How Consents are read where the
standard leaves it open is written down in gateway/consent/RULINGS.md. Purposes are codes of v3-ActReason, or system|code; one
of them, beside which BTG says that the glass was broken, properly: by whom, why and until when is the gateway's business. The resource's codes are labelled as the gateway's built-in table does it.

Examples:
  fhir-gateway consent check --consents consents --resource observation.json \\
      --actor Practitioner/1 --purpose TREAT --action access --at 2026-11-29T12:00:00Z
  fhir-gateway consent check --consents consents --resource note.json --purpose TREAT --purpose BTG \\
      --action access --at 2026-11-29 --json

Prints the verdict, what decided, and what whoever gets the resource must do. Exit codes:
  0 decided (permit or deny), 1 the work failed, 2 wrong usage, or a file that is no FHIR resource in JSON")]
    Check(CheckArgs),
    /// Explains what the database shows somebody of a resource or a record, and what decides.
    Explain(explain::ExplainArgs),
    /// Broken glasses: the review queue.
    #[command(subcommand)]
    Glass(glass::GlassCommand),
}

/// What is decided on.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Folder of Consents: files *.json, each a Consent or a Bundle of them.
    #[arg(long, value_name = "DIR")]
    consents: PathBuf,
    /// The resource, as JSON.
    #[arg(long, value_name = "FILE")]
    resource: PathBuf,
    /// Who asks: a reference (`Practitioner/1`); give it again for organization, group, role.
    #[arg(long, value_name = "REF", value_parser = reference)]
    actor: Vec<String>,
    /// Why: a code of v3-ActReason, or system|code.
    #[arg(long, value_name = "CODE")]
    purpose: Vec<String>,
    /// What for: collect, access, use, disclose or correct.
    #[arg(long, value_name = "CODE", value_parser = clap::builder::PossibleValuesParser::new(ACTIONS))]
    action: String,
    /// When: a time of FHIR (2026-11-29T12:00:00Z); one without zone is UTC, a date is its first moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: i64,
    /// Table of law to try, signed or not (`statutes check --help` has an example); the federal rows hold beside it.
    #[arg(long, value_name = "FILE")]
    statutes: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub async fn run(command: ConsentCommand) -> Result<Exit, Stop> {
    match command {
        ConsentCommand::Audit(args) => audit::run(args).await,
        ConsentCommand::Check(args) => decide(&args),
        ConsentCommand::Explain(args) => explain::run(args).await,
        ConsentCommand::Glass(command) => glass::run(command).await,
    }
}

fn decide(args: &CheckArgs) -> Result<Exit, Stop> {
    let consents = consents(&args.consents)?;
    let texts: Vec<&[u8]> = consents.iter().map(|(_, text)| text.as_bytes()).collect();
    let asking = asking(args)?;
    let resource = read(&args.resource)?;
    let labels = labels(&resource);
    let verdict = check_labelled(&texts, &resource, labels, &asking).map_err(|fault| {
        let file = match fault {
            Malformed::Consent(at) => consents.get(at).map_or(&args.consents, |(file, _)| file),
            Malformed::Resource => &args.resource,
        };
        Stop::usage(format!("{}: {fault}", file.display()))
    })?;
    cli::print(&if args.json { as_json(&verdict) } else { as_text(&verdict) })?;
    Ok(Exit::Done)
}

/// What the gateway's labelling step finds in a resource, as far as one resource tells.
fn labels(resource: &[u8]) -> Labels {
    let Ok(document) = Document::parse(resource) else { return Labels::NONE };
    let kind = kind_of(document.root()).unwrap_or_default();
    labels_of(&Labelling::built_in(), &kind, document.root())
}

fn asking(args: &CheckArgs) -> Result<Asking, Stop> {
    let mut purposes: Vec<Coding> = args.purpose.iter().map(|text| Coding::purpose(text)).collect();
    let glass = Coding::purpose("BTG");
    let break_glass = purposes.contains(&glass);
    if purposes.len() > 1 {
        purposes.retain(|purpose| *purpose != glass);
    }
    purposes.dedup();
    if purposes.len() > 1 {
        return Err(Stop::usage("an exchange has one purpose of use (and BTG beside it, where the glass was broken)"));
    }
    Ok(Asking {
        actors: args.actor.clone(),
        purpose: purposes.pop(),
        break_glass,
        action: args.action.clone(),
        at_ms: args.at,
        statutes: args.statutes.as_deref().map(statutes::unsigned).transpose()?.unwrap_or_default(),
    })
}

/// The Consents of a folder, each with its file.
fn consents(folder: &Path) -> Result<Vec<(PathBuf, String)>, Stop> {
    let unreadable = |error: std::io::Error| Stop::usage(format!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = file.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(Stop::usage(format!("{}: more than {MOST_FILES} files", folder.display())));
        }
    }
    // The order says nothing, and reasons are listed in it.
    files.sort();
    let mut found = Vec::new();
    for path in files {
        let bytes = read(&path)?;
        let document =
            Document::parse(&bytes).map_err(|fault| Stop::usage(format!("{}: not JSON: {fault}", path.display())))?;
        let root = document.root();
        match kind_of(root).as_deref() {
            Some("Consent") => found.push((path, root.raw().to_owned())),
            Some("Bundle") => {
                let entries = root.member("entry").filter(|entries| entries.kind() == Kind::Array);
                let resources = entries.into_iter().flat_map(|entries| entries.children());
                let resources = resources.filter_map(|entry| entry.member("resource"));
                let consents = resources.filter(|resource| kind_of(*resource).as_deref() == Some("Consent"));
                found.extend(consents.map(|consent| (path.clone(), consent.raw().to_owned())));
            }
            _ => return Err(Stop::usage(format!("{}: neither a Consent nor a Bundle of Consents", path.display()))),
        }
    }
    Ok(found)
}

fn kind_of<'d>(resource: Element<'d>) -> Option<Cow<'d, str>> {
    resource.member("resourceType").and_then(|kind| kind.string())
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    let unreadable = |error: std::io::Error| Stop::usage(format!("{}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > LARGEST {
        return Err(Stop::usage(format!("{}: {size} bytes are more than {LARGEST}", path.display())));
    }
    std::fs::read(path).map_err(unreadable)
}

fn as_json(verdict: &Verdict) -> String {
    let word = if verdict.permit { "permit" } else { "deny" };
    format!("{}\n", json!({ "verdict": word, "reasons": verdict.reasons, "obligations": verdict.obligations }))
}

fn as_text(verdict: &Verdict) -> String {
    let mut text = format!("{}\n", if verdict.permit { "permit" } else { "deny" });
    verdict.reasons.iter().for_each(|reason| text.push_str(&format!("  by {reason}\n")));
    verdict.obligations.iter().for_each(|obligation| text.push_str(&format!("  with {obligation}\n")));
    text
}

/// A reference that can be compared.
pub(super) fn reference(text: &str) -> Result<String, String> {
    actor(text).ok_or_else(|| "give Type/id, or the whole address of a resource on another server".to_owned())
}

/// The first moment of a time of FHIR, in milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    let quoted = json!(text).to_string();
    let span = Document::parse(quoted.as_bytes()).ok().and_then(|document| instants(document.root()));
    span.map(|(low, _)| low.div_euclid(10_000)).ok_or_else(|| "give a time of FHIR, as 2026-11-29T12:00:00Z".to_owned())
}
