//! `fhir-gateway terminology review`: codes of which somebody has to decide what they mean.

use clap::{Args, Subcommand};
use consent::{Action, Permit};
use serde_json::{Value, json};

use super::again::difference;
use crate::cli::list::ListArgs;
use crate::cli::purge::{as_json, close, open};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::store::error::StoreError;
use crate::store::normalizing::{Decision, Difference, Open, Target, Which};

pub(super) const HELP: &str = "\
A code waits where releases and maps do not prove what it means: several concepts are called so, its system names several
successors, codes beside it say something else. It passes as it is meanwhile. What is decided counts for every resource that
has the code, now and from now on; resources stay as they were written.

Examples:
  fhir-gateway terminology review list
  fhir-gateway terminology review accept ID --candidate 1 --by 'Jane Doe'
  fhir-gateway terminology review accept ID --system http://loinc.org --code 718-7 --by 'Jane Doe'
  fhir-gateway terminology review reject ID --by 'Jane Doe'

Exit codes:
  0 done, 1 failed, 2 wrong usage, or nothing of that id waits, 3 the database is not available";

/// The most codes that are listed.
const MOST: usize = 1_000;

/// Codes of which somebody has to decide what they mean.
#[derive(Debug, Subcommand)]
pub enum ReviewCommand {
    /// It means this.
    Accept(Box<AcceptArgs>),
    /// Lists what waits: first what stands in the most places.
    List(Box<ListArgs>),
    /// It means none of them, and stays as it is.
    Reject(Box<RejectArgs>),
}

/// What a code means.
#[derive(Args, Debug)]
pub struct AcceptArgs {
    /// Which one, as the list has it.
    #[arg(value_name = "ID")]
    id: String,
    /// The candidate of this number (1: the first).
    #[arg(long, value_name = "NUMBER", required_unless_present = "code", conflicts_with_all = ["system", "code", "display"])]
    candidate: Option<usize>,
    /// Or a code of this system.
    #[arg(long, value_name = "URL", requires = "code")]
    system: Option<String>,
    /// The code.
    #[arg(long, value_name = "CODE", requires = "system")]
    code: Option<String>,
    /// How it is shown, where no release says it.
    #[arg(long, value_name = "TEXT", requires = "code")]
    display: Option<String>,
    /// It means more than the code does: found by it, and not shown among the codings.
    #[arg(long)]
    wider: bool,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which code means none.
#[derive(Args, Debug)]
pub struct RejectArgs {
    /// Which one, as the list has it.
    #[arg(value_name = "ID")]
    id: String,
    /// Who decides.
    #[arg(long, value_name = "NAME")]
    by: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(command: ReviewCommand) -> Result<Exit, Stop> {
    match command {
        ReviewCommand::List(args) => list(&args).await,
        ReviewCommand::Accept(args) => {
            let wanted = Wanted::of(&args);
            let (gateway, permit) = open(&args.database, Action::Change, ("terminology-review", &args.id)).await?;
            let done = decide(&gateway, &permit, (&args.id, &args.by), Some(&wanted)).await;
            close(gateway).await;
            told(done?)
        }
        ReviewCommand::Reject(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("terminology-review", &args.id)).await?;
            let done = decide(&gateway, &permit, (&args.id, &args.by), None).await;
            close(gateway).await;
            told(done?)
        }
    }
}

async fn list(args: &ListArgs) -> Result<Exit, Stop> {
    let record = ("terminology-review", "terminology review list");
    let (gateway, permit) = open(&args.database, Action::Read, record).await?;
    let open = gateway.store.codes_to_review(&permit, MOST).await;
    close(gateway).await;
    let open = open?;
    cli::print(&if args.json {
        as_json(&open.iter().map(as_value).collect::<Vec<_>>())?
    } else if open.is_empty() {
        "nothing waits\n".to_owned()
    } else {
        open.iter().map(line).collect()
    })?;
    Ok(Exit::Done)
}

fn candidates(open: &Open) -> Vec<Value> {
    serde_json::from_str(&open.candidates).unwrap_or_default()
}

fn as_value(open: &Open) -> Value {
    json!({
        "id": open.id, "system": open.system, "code": open.code, "display": open.display, "why": open.why,
        "places": open.count, "candidates": candidates(open),
    })
}

fn line(open: &Open) -> String {
    let code = if open.code.is_empty() { format!("'{}'", open.display) } else { code(open) };
    let mut line = format!("{}  {code}\n  in {} places: {}\n", open.id, open.count, open.why);
    for (candidate, number) in candidates(open).iter().zip(1..) {
        let text = |name: &str| candidate[name].as_str().unwrap_or_default();
        line += &format!("  {number}. {} {} {}\n", text("system"), text("code"), text("display"));
    }
    line
}

fn code(open: &Open) -> String {
    format!("{} {} '{}'", open.system, open.code, open.display)
}

/// What was accepted.
struct Wanted {
    candidate: Option<usize>,
    target: Option<Target>,
    equivalence: &'static str,
}

impl Wanted {
    fn of(args: &AcceptArgs) -> Self {
        let target = args.system.clone().zip(args.code.clone());
        Self {
            candidate: args.candidate,
            target: target.map(|(system, code)| Target {
                system: system.into(),
                code: code.into(),
                display: args.display.as_deref().map(Box::from),
            }),
            equivalence: if args.wider { "wider" } else { "equivalent" },
        }
    }

    fn target(&self, open: &Open) -> Result<Target, Stop> {
        if let Some(target) = &self.target {
            return Ok(target.clone());
        }
        let candidates = candidates(open);
        let number = self.candidate.unwrap_or_default();
        let candidate = number.checked_sub(1).and_then(|at| candidates.get(at));
        let candidate = candidate.ok_or_else(|| Stop::usage(format!("it has {} candidates", candidates.len())))?;
        let text = |name: &str| candidate[name].as_str().map(Box::from);
        text("system")
            .zip(text("code"))
            .map(|(system, code)| Target { system, code, display: text("display") })
            .ok_or_else(|| Stop::failed("the candidate that was kept cannot be read"))
    }
}

async fn decide(
    gateway: &Gateway,
    permit: &Permit,
    (id, by): (&str, &str),
    wanted: Option<&Wanted>,
) -> Result<Vec<Difference>, Stop> {
    let open = gateway.store.code_to_review(permit, id).await?;
    let Some(first) = open.first().filter(|open| &*open.id == id) else {
        return Err(Stop::usage(format!("nothing waits as {id} (`terminology review list`)")));
    };
    let decision = Decision {
        system: first.system.to_string(),
        code: first.code.to_string(),
        words: first.display.to_string(),
        target: wanted.map(|wanted| wanted.target(first)).transpose()?,
        equivalence: wanted.map_or("unmatched", |wanted| wanted.equivalence).to_owned(),
        source: String::new(),
    };
    gateway.store.decide_codes(permit, &[decision], by).await?;
    // The same code may wait under other names, too.
    let which = Which::Told(open.iter().map(|open| open.id.clone()).collect());
    let differences: Result<_, StoreError> = gateway.store.normalize_again(permit, &which, true, &mut |_| {}).await;
    Ok(differences?)
}

fn told(differences: Vec<Difference>) -> Result<Exit, Stop> {
    cli::print(&differences.iter().map(difference).collect::<String>())?;
    Ok(Exit::Done)
}
