//! `fhir-gateway incident`: the register of incidents and breaches.

use clap::{Args, Subcommand, ValueEnum};
use consent::Action;

use super::purge::{Law, as_json, close, open};
use crate::cli::{self, DatabaseArgs, DecideArgs, Exit, Stop};
use crate::clock::Clock;
use crate::store::incident::{Details, Incident};

/// The register of incidents and breaches, with its deadlines.
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Records an incident; prints its id.
    #[command(after_help = "\
Texts may tell of patients: they are kept in the database alone. To keep them out of the shell's history, write them
into a file and give its name behind an @ (--what @note.txt).

Examples:
  fhir-gateway incident add --by 'Jane Doe' --discovered 2026-11-02 --what 'a laptop was stolen' --persons 120
  fhir-gateway incident update ID --breach yes --factor-acquired 'the disk was not encrypted'
  fhir-gateway incident update ID --told individuals --at 2026-11-20
  fhir-gateway incident list --check")]
    Add(AddArgs),
    /// Closes an incident once it is decided and everybody is told.
    Close(DecideArgs),
    /// Lists incidents: overdue ones first, then by the next deadline.
    #[command(after_help = "\
Deadlines: under us 60 days after discovery for the people concerned (45 CFR 164.404), for HHS the same from 500 people on and else
60 days after the calendar year (164.408), for media the same where more than 500 live in one state (164.406); under eu
72 hours for the authority (GDPR art. 33). What nobody has assessed counts as a breach.

Exit codes:
  0 done, 1 failed, 2 wrong usage, 3 the database is not available, 4 with --check: something is overdue")]
    List(ListArgs),
    /// Shows one incident as JSON.
    Show(ShowArgs),
    /// Changes what the register says of an incident.
    Update(UpdateArgs),
}

/// What is recorded.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// Who records it.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// When it was discovered (2026-11-02 or 2026-11-02T10:00:00Z); now by default.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    discovered: Option<i64>,
    #[command(flatten)]
    details: DetailArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What is known of it.
#[derive(Args, Debug)]
pub struct DetailArgs {
    /// What happened.
    #[arg(long, value_name = "TEXT|@FILE", value_parser = text)]
    what: Option<String>,
    /// How it happened and was found.
    #[arg(long, value_name = "TEXT|@FILE", value_parser = text)]
    how: Option<String>,
    /// How many people's data.
    #[arg(long, value_name = "NUMBER")]
    persons: Option<u64>,
    /// The most of them that live in one state.
    #[arg(long, value_name = "NUMBER")]
    residents: Option<u64>,
    /// A kind of data (names, diagnoses, ...); may be given more than once.
    #[arg(long, value_name = "TEXT")]
    category: Vec<String>,
    /// Assessment, first factor: the nature and extent of the data (45 CFR 164.402(2)(i)).
    #[arg(long, value_name = "TEXT|@FILE", value_parser = text)]
    factor_data: Option<String>,
    /// Second factor: who used them, or to whom they were disclosed.
    #[arg(long, value_name = "TEXT|@FILE", value_parser = text)]
    factor_recipient: Option<String>,
    /// Third factor: whether they were acquired or viewed.
    #[arg(long, value_name = "TEXT|@FILE", value_parser = text)]
    factor_acquired: Option<String>,
    /// Fourth factor: how far the risk was mitigated.
    #[arg(long, value_name = "TEXT|@FILE", value_parser = text)]
    factor_mitigated: Option<String>,
    /// Whether it is a breach.
    #[arg(long, value_enum, value_name = "ANSWER")]
    breach: Option<Answer>,
    /// Under which law; us by default.
    #[arg(long, value_enum, value_name = "LAW")]
    preset: Option<Law>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Answer {
    /// No.
    No,
    /// Yes.
    Yes,
}

/// Who was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Told {
    /// HHS, or the authority of GDPR.
    Authority,
    /// The people concerned.
    Individuals,
    /// Media.
    Media,
}

/// What changes.
#[derive(Args, Debug)]
pub struct UpdateArgs {
    /// The incident's id.
    id: String,
    #[command(flatten)]
    details: DetailArgs,
    /// Somebody was told.
    #[arg(long, value_enum, value_name = "WHO")]
    told: Vec<Told>,
    /// When they were told; now by default.
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "told")]
    at: Option<i64>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Which one.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// The incident's id.
    id: String,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// How they are listed.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Ends with 4 where something is overdue.
    #[arg(long)]
    check: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// A day or an instant, in milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    Clock::parse(&whole).ok_or_else(|| "give a day (2026-11-02) or an instant (2026-11-02T10:00:00Z)".to_owned())
}

/// A text, or that of a file.
fn text(argument: &str) -> Result<String, String> {
    const LONGEST: usize = 64 * 1024;
    let text = match argument.strip_prefix('@') {
        Some(path) => std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?,
        None => argument.to_owned(),
    };
    let text = text.trim().to_owned();
    if text.len() > LONGEST || text.contains('\0') { Err("a text of at most 64 KiB".to_owned()) } else { Ok(text) }
}

impl DetailArgs {
    fn put(self, details: &mut Details) {
        let keep = |held: &mut Option<String>, given: Option<String>| {
            if given.is_some() {
                *held = given;
            }
        };
        keep(&mut details.what, self.what);
        keep(&mut details.how, self.how);
        keep(&mut details.factor_data, self.factor_data);
        keep(&mut details.factor_recipient, self.factor_recipient);
        keep(&mut details.factor_acquired, self.factor_acquired);
        keep(&mut details.factor_mitigated, self.factor_mitigated);
        details.persons = self.persons.or(details.persons);
        details.residents = self.residents.or(details.residents);
        details.breach = self.breach.map(|answer| answer == Answer::Yes).or(details.breach);
        if let Some(law) = self.preset {
            details.law = law.preset().into();
        }
        if !self.category.is_empty() {
            details.categories = self.category;
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Stop`] says why.
pub(super) async fn run(command: IncidentCommand) -> Result<Exit, Stop> {
    match command {
        IncidentCommand::Add(args) => add(args).await,
        IncidentCommand::Close(args) => {
            let (gateway, permit) = open(&args.database, Action::Change, ("incident-close", &args.id)).await?;
            let done = gateway.store.close_incident(&permit, &args.id, &args.by).await;
            close(gateway).await;
            done?;
            cli::print("closed\n")?;
            Ok(Exit::Done)
        }
        IncidentCommand::List(args) => list(args).await,
        IncidentCommand::Show(args) => {
            let (gateway, permit) = open(&args.database, Action::Read, ("incident-show", &args.id)).await?;
            let incident = gateway.store.incident(&permit, &args.id).await;
            close(gateway).await;
            cli::print(&as_json(&incident?)?)?;
            Ok(Exit::Done)
        }
        IncidentCommand::Update(args) => update(args).await,
    }
}

async fn add(args: AddArgs) -> Result<Exit, Stop> {
    let mut details = Details::default();
    args.details.put(&mut details);
    let (gateway, permit) = open(&args.database, Action::Change, ("incident-add", "incident add")).await?;
    let discovered_ms = args.discovered.unwrap_or_else(|| gateway.clock.now_ms());
    let id = gateway.store.report_incident(&permit, &args.by, discovered_ms, &details).await;
    close(gateway).await;
    cli::print(&format!("{}\n", id?))?;
    Ok(Exit::Done)
}

async fn update(args: UpdateArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Change, ("incident-update", &args.id)).await?;
    let at = Clock::format(args.at.unwrap_or_else(|| gateway.clock.now_ms()));
    let change = |details: &mut Details| {
        args.details.put(details);
        for told in &args.told {
            let held = match told {
                Told::Authority => &mut details.told_authority,
                Told::Individuals => &mut details.told_individuals,
                Told::Media => &mut details.told_media,
            };
            *held = Some(at.clone());
        }
    };
    let done = gateway.store.update_incident(&permit, &args.id, change).await;
    close(gateway).await;
    done?;
    cli::print("changed\n")?;
    Ok(Exit::Done)
}

async fn list(args: ListArgs) -> Result<Exit, Stop> {
    let (gateway, permit) = open(&args.database, Action::Read, ("incident-list", "incident list")).await?;
    let incidents = gateway.store.incidents(&permit).await;
    close(gateway).await;
    let incidents = incidents?;
    let overdue = incidents.iter().any(Incident::is_overdue);
    cli::print(&if args.json { as_json(&incidents)? } else { incidents.iter().map(line).collect() })?;
    Ok(if args.check && overdue { Exit::Refused } else { Exit::Done })
}

/// Without its texts: a list is looked at where others see it.
fn line(incident: &Incident) -> String {
    let state = match (&incident.closed, incident.details.breach) {
        (Some(_), _) => "closed",
        (None, Some(true)) => "breach",
        (None, Some(false)) => "no breach",
        (None, None) => "to be assessed",
    };
    let mut line = format!("{}  {}  {state}  discovered {}", incident.id, incident.kind, incident.discovered);
    for deadline in incident.deadlines.iter().filter(|deadline| deadline.told.is_none()) {
        let overdue = if deadline.overdue { " OVERDUE" } else { "" };
        line += &format!("\n  {} until {}{overdue} ({})", deadline.who, deadline.until, deadline.source);
    }
    line + "\n"
}
