//! `fhir-gateway map verify`: the loss report. Rows of the tables against the resources served from them.

use clap::Args;
use consent::{Action, Purpose};

use crate::audit::Event;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::store::{MapReport, VerifyReport};

/// What is compared.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: VerifyArgs) -> Result<Exit, Stop> {
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let operator = Gateway::operator();
    let permit = gateway
        .permit(&operator, Purpose::Hoperat, Action::Read)
        .map_err(|refusal| Stop::failed(refusal.to_string()))?;
    let event = Event {
        organization: operator.organization,
        caller: operator.id.into(),
        interaction: "verify",
        kind: None,
        id: None,
        patient: None,
        status: 200,
        purpose: Purpose::Hoperat,
        at_ms: gateway.clock.now_ms(),
        request: "map verify".into(),
        decision: "permit",
    };
    gateway.audit.record(event).await.map_err(|error| Stop::failed(error.to_string()))?;
    let report = gateway.store.verify(&permit).await?;
    cli::print(&if args.json { json(&report)? } else { text(&report) })?;
    Ok(if report.is_clean() { Exit::Done } else { Exit::Failed })
}

fn json(report: &VerifyReport) -> Result<String, Stop> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Stop::failed(error.to_string()))?;
    Ok(text + "\n")
}

fn text(report: &VerifyReport) -> String {
    let head = format!(
        "{:<28} {:>10} {:>10} {:>8} {:>9} {:>8}\n",
        "map", "rows", "resources", "missing", "differing", "flagged"
    );
    let lines: String = report.maps.iter().map(line).collect();
    let end = if report.is_clean() { "nothing is lost, nothing differs\n" } else { "there are differences\n" };
    head + &lines + end
}

fn line(map: &MapReport) -> String {
    let MapReport { map: name, rows, resources, missing_rows, differing, flagged, .. } = map;
    let line = format!("{name:<28} {rows:>10} {resources:>10} {missing_rows:>8} {differing:>9} {flagged:>8}\n");
    let elements = map.elements.iter().map(|(element, count)| format!("  {count:>8} times {element}\n"));
    line + &elements.collect::<String>()
}
