//! `fhir-gateway purge`: erasing a record for good, under two people's approval.

use std::fmt::Write as _;

use clap::{Args, Subcommand, ValueEnum};
use consent::{Action, Permit, Purpose};
use serde_json::json;

use crate::audit::{Circumstances, Event};
use crate::cli::list::ListArgs;
use crate::cli::{self, DatabaseArgs, DecideArgs, Exit, Stop, restore};
use crate::gateway::Gateway;
use crate::store::erasure::{Approval, Asked, Choices, ErasureError, Plan, Preset, Purge, State, Target};

/// Erases patients, and what was written into the wrong patient, under two people's approval.
#[derive(Debug, Subcommand)]
pub enum PurgeCommand {
    /// Erases what a request asks for. Another person than the one who asked has to do it.
    #[command(after_help = "\
The plan is made anew: where more would go than was shown, or something was written since, nothing is
erased, and it has to be asked for again. Requests expire after 7 days. All of it happens in one
transaction of the database; the files that it leaves are removed after it, also at the next start where
the process is killed in between. An SQLite file is then rewritten (VACUUM), so that the bytes are gone
from it and its log: that takes room for a second copy. On PostgreSQL run VACUUM on the tables that
the certificate names; archived logs and backups are yours to let expire.
While it is at work nobody writes. Give the same --data-dir, --maps, --content-dir and --content-store as the
server is given: what lies elsewhere is not looked at.

Exit codes:
  0 erased, 1 failed (nothing was erased), 2 wrong usage, 3 the database is not available, 4 refused")]
    Approve(DecideArgs),
    /// Prints the signed certificate of an erasure, as JSON.
    Certificate(ShowArgs),
    /// Lists requests and what became of them.
    List(ListArgs),
    /// Rejects a request.
    Reject(DecideArgs),
    /// Asks for an erasure and shows what it would take. Nothing is erased.
    #[command(after_help = "\
What goes with a patient: every resource of the patient's with all its versions, the rows of the clinic's
tables, labels, rules of Consents, files. What refers to it from other records is listed and stays as it is; copies
(stored Bundles, contained resources) are listed and keep it from being erased, unless they are to go as well
(--include-copies: the resources and versions that hold them, as a whole). The plan is the erasure itself, rolled
back: while it is made nobody writes.

Presets: `us` keeps a record for 7 years after its last write, a minor's from age 18 on, unless the reason is
wrong-patient or court-order. `eu` wants a reason of GDPR art. 17(1) (gdpr-17-1-a to gdpr-17-1-f,
wrong-patient, court-order) and keeps for 10 years what art. 17(3)(b) and (c) keep. --retention-years says what your law says.

Examples:
  fhir-gateway purge request --patient 4711 --by 'Jane Doe' --reason court-order --data-dir data
  fhir-gateway purge request --resource Observation/o1/_history/2 --by 'Jane Doe' --reason wrong-patient
  fhir-gateway purge approve ID --by 'John Roe'

Exit codes:
  0 the request waits for approval, 1 failed, 2 wrong usage, 3 the database is not available,
  4 something stands in the way: it says what, and nothing was written")]
    Request(RequestArgs),
    /// Shows a request with its plan.
    Show(ShowArgs),
}

/// What is asked for.
#[derive(Args, Debug)]
pub struct RequestArgs {
    /// The patient's id: the whole record.
    #[arg(long, value_name = "ID", required_unless_present = "resource", conflicts_with = "resource")]
    patient: Option<String>,
    /// One resource (`Type/ID`), or one version of it that has a later one (`Type/ID/_history/N`).
    #[arg(long, value_name = "REF")]
    resource: Option<String>,
    /// Who asks.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why: a code (wrong-patient, court-order, ...) or words.
    #[arg(long, value_name = "CODE|TEXT")]
    reason: String,
    /// Under which law.
    #[arg(long, value_enum, value_name = "LAW", default_value = "us")]
    preset: Law,
    /// For how many years after its last write a record is kept; the preset's own by default.
    #[arg(long, value_name = "YEARS", value_parser = clap::value_parser!(i64).range(0..=200))]
    retention_years: Option<i64>,
    /// Erases resources and versions that hold copies as well.
    #[arg(long)]
    include_copies: bool,
    /// Erases rows of tables without a map that refer to rows that go.
    #[arg(long)]
    include_unmapped: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Under which law.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Law {
    /// GDPR.
    Eu,
    /// HIPAA and the states' laws.
    Us,
}

impl Law {
    pub(super) fn preset(self) -> Preset {
        match self {
            Self::Eu => Preset::Eu,
            Self::Us => Preset::Us,
        }
    }
}

/// Which request.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The request's id.
    id: String,
    /// Prints JSON (certificates are JSON in any case).
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl From<ErasureError> for Stop {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Refused(message) => Self { exit: Exit::Refused, message },
            ErasureError::Failed(message) => Self::failed(message),
            ErasureError::Store(error) => error.into(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: PurgeCommand) -> Result<Exit, Stop> {
    match command {
        PurgeCommand::Approve(args) => approve(args).await,
        PurgeCommand::Certificate(args) => certificate(args).await,
        PurgeCommand::List(args) => list(args).await,
        PurgeCommand::Reject(args) => reject(args).await,
        PurgeCommand::Request(args) => request(args).await,
        PurgeCommand::Show(args) => show(args).await,
    }
}

/// The gateway, and leave for the person at the command line, which is on record.
pub(super) async fn open(
    database: &DatabaseArgs,
    action: Action,
    record: (&'static str, &str),
) -> Result<(Gateway, Permit), Stop> {
    let gateway = Gateway::open(database.options(false)?).await?;
    let (interaction, request) = record;
    // Whoever writes holds the journal against the database first, as a server does; an incident can be recorded in any case.
    if action == Action::Change && !interaction.starts_with("incident") {
        restore::ahead(&gateway).await?;
    }
    let permit = gateway
        .permit(&Gateway::operator(), Purpose::Hoperat, action)
        .map_err(|refusal| Stop::failed(refusal.to_string()))?;
    let event = event(&gateway, interaction, request, None, 200);
    gateway.audit.record(event).await.map_err(|error| Stop::failed(error.to_string()))?;
    Ok((gateway, permit))
}

/// Closes what a command opened.
pub(super) async fn close(gateway: Gateway) {
    let closing = gateway.audit.closing();
    gateway.store.close().await;
    drop(gateway);
    closing.wait().await;
}

/// A record of the operator's: of a resource, or of the command alone.
pub(super) fn event(
    gateway: &Gateway,
    interaction: &'static str,
    request: &str,
    item: Option<(&str, Option<&str>)>,
    status: u16,
) -> Event {
    let operator = Gateway::operator_running("purge");
    let mut parts = item.map(|(item, _)| item.split('/')).into_iter().flatten();
    let (kind, id) = (parts.next().map(Box::from), parts.next().map(Box::from));
    let of = Circumstances::of(gateway, &operator, Purpose::Hoperat, request);
    Event {
        kind,
        id,
        version: parts.nth(1).and_then(|version| version.parse().ok()),
        patient: item.and_then(|(_, patient)| patient).map(Box::from),
        ..Event::new(of, interaction, status, gateway.clock.now_ms())
    }
}

async fn request(args: RequestArgs) -> Result<Exit, Stop> {
    let target = match (&args.patient, &args.resource) {
        (Some(id), _) => Target::parse(&format!("Patient/{id}")).filter(|target| matches!(target, Target::Patient(_))),
        (None, Some(text)) => Target::parse(text).filter(|target| !matches!(target, Target::Patient(_))),
        (None, None) => None,
    };
    let target = target.ok_or_else(|| {
        Stop::usage("give --patient ID, or --resource Type/ID or Type/ID/_history/N of another type than Patient")
    })?;
    let preset = args.preset.preset();
    let asked = Asked {
        target,
        choices: Choices { copies: args.include_copies, unmapped: args.include_unmapped },
        preset,
        retention_years: args.retention_years.unwrap_or_else(|| preset.years()),
        by: args.by,
        reason: args.reason,
    };
    let (gateway, permit) = open(&args.database, Action::Change, ("purge-request", "purge request")).await?;
    let done = gateway.store.request_purge(&permit, &asked).await;
    close(gateway).await;
    let (id, plan) = done?;
    let obstacles = plan.obstacles(asked.choices);
    cli::print(&if args.json {
        let report = json!({ "id": id, "target": asked.target.to_string(), "plan": plan, "types": plan.types(),
            "hash": plan.hash(), "obstacles": obstacles });
        format!("{report}\n")
    } else {
        let waiting = match &id {
            Some(id) => format!("waits for another person: fhir-gateway purge approve {id} --by NAME\n"),
            None => obstacles.iter().fold("in the way:\n".to_owned(), |text, line| text + "  " + line + "\n"),
        };
        format!("{}\n{}{waiting}", asked.target, text(&plan))
    })?;
    Ok(if id.is_some() { Exit::Done } else { Exit::Refused })
}

async fn approve(args: DecideArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Change, ("purge-approve", &args.id)).await?;
    let done = carry_out(&gateway, &permit, &args).await;
    close(gateway).await;
    let (approval, finished) = done?;
    let left = if finished {
        ""
    } else {
        "files or free pages still hold some of it: the server removes them when it starts, and so does `fhir-gateway restore-replay`\n"
    };
    cli::print(&format!(
        "{} is erased\n{}{left}certificate: fhir-gateway purge certificate {}\n",
        approval.purge.target,
        text(&approval.plan),
        approval.purge.id
    ))?;
    Ok(if finished { Exit::Done } else { Exit::Failed })
}

async fn carry_out(gateway: &Gateway, permit: &Permit, args: &DecideArgs) -> Result<(Approval, bool), Stop> {
    let on_record = async |approval: &Approval| {
        let items =
            approval.plan.items.keys().map(|item| (&**item, approval.owners.get(item).map(|patient| &**patient)));
        let events = items.map(|item| event(gateway, "purge", &args.id, Some(item), 200)).collect();
        gateway.audit.record_all(events).await.map_err(|error| error.to_string())
    };
    match gateway.store.approve_purge(permit, &args.id, &args.by, on_record).await {
        Ok(approval) => {
            // It is erased, whatever keeps us from finishing.
            let finished = gateway.store.finish_erasures().await.unwrap_or_else(|error| {
                tracing::error!(%error, "the erasure is done, and not finished: it is tried again at the next start");
                false
            });
            Ok((approval, finished))
        }
        Err(error) => {
            let status = if matches!(error, ErasureError::Refused(_)) { 403 } else { 500 };
            let failed = event(gateway, "purge", &args.id, None, status);
            gateway.audit.record(failed).await.map_err(|error| Stop::failed(error.to_string()))?;
            Err(error.into())
        }
    }
}

async fn reject(args: DecideArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Change, ("purge-reject", &args.id)).await?;
    let done = gateway.store.reject_purge(&permit, &args.id, &args.by).await;
    close(gateway).await;
    done?;
    cli::print("rejected\n")?;
    Ok(Exit::Done)
}

async fn list(args: ListArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Read, ("purge-list", "purge list")).await?;
    let purges = gateway.store.purges(&permit).await;
    close(gateway).await;
    let purges = purges?;
    cli::print(&if args.json { as_json(&purges)? } else { purges.iter().map(line).collect() })?;
    Ok(Exit::Done)
}

async fn show(args: ShowArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Read, ("purge-show", &args.id)).await?;
    let purge = gateway.store.purge(&permit, &args.id).await;
    close(gateway).await;
    let purge = purge?;
    let plan = purge.plan.as_ref().map(text).unwrap_or_default();
    cli::print(&if args.json { as_json(&purge)? } else { line(&purge) + &plan })?;
    Ok(Exit::Done)
}

async fn certificate(args: ShowArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Read, ("purge-certificate", &args.id)).await?;
    let purge = gateway.store.purge(&permit, &args.id).await;
    close(gateway).await;
    let none =
        || Stop { exit: Exit::Refused, message: "nothing was erased by this request: it has no certificate".into() };
    let certificate = purge?.certificate().ok_or_else(none)?;
    cli::print(&as_json(&certificate)?)?;
    Ok(Exit::Done)
}

pub(super) fn as_json(value: &impl serde::Serialize) -> Result<String, Stop> {
    serde_json::to_string(value).map(|text| text + "\n").map_err(|error| Stop::failed(error.to_string()))
}

fn line(purge: &Purge) -> String {
    let state = match purge.state {
        State::Done => "done",
        State::Erased => "erased, not finished",
        State::Expired => "expired",
        State::Rejected => "rejected",
        State::Waiting => "waiting",
    };
    let mut line = format!(
        "{}  {state}  {}  asked for by {} on {} ({})",
        purge.id, purge.target, purge.requested_by, purge.requested, purge.reason
    );
    if let (Some(by), Some(at)) = (&purge.decided_by, &purge.decided) {
        let _ = write!(line, ", decided by {by} on {at}");
    } else if purge.state == State::Waiting {
        let _ = write!(line, ", until {}", purge.expires);
    }
    line + "\n"
}

/// A plan for a terminal: counts and ids.
fn text(plan: &Plan) -> String {
    const MOST: usize = 20;
    let mut text = String::new();
    let counts = |text: &mut String, title: &str, counts: Vec<(String, u64)>| {
        if !counts.is_empty() {
            let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let _ = writeln!(text, "  {title}: {}", counts.join(", "));
        }
    };
    let own = |(name, count): (&str, u64)| (name.to_owned(), count);
    counts(&mut text, "resources", plan.types().into_iter().map(own).collect());
    let _ = writeln!(text, "  versions: {}", plan.versions);
    counts(&mut text, "rows", plan.tables.iter().map(|(table, rows)| (table.clone(), *rows)).collect());
    let _ = writeln!(text, "  files and objects: {}", plan.content);
    let names = |text: &mut String, title: &str, names: &std::collections::BTreeSet<String>, all: u64| {
        if all > 0 {
            let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
            let more = all.saturating_sub(MOST as u64);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(text, "  {title}: {shown}{more}");
        }
    };
    names(&mut text, "copies", &plan.copies, plan.copies.len() as u64);
    names(&mut text, "moved to the generic store", &plan.moved, plan.moved.len() as u64);
    names(&mut text, "named by others, too, and kept", &plan.kept, plan.kept.len() as u64);
    names(&mut text, "still referring to it", &plan.references, plan.references_count);
    text
}
