//! `fhir-gateway map quality`: rows that are wrong or doubtful, with counts and keys.

use clap::Args;

use super::progress::Progress;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::store::{Finding, QualityReport};

/// What is looked at.
#[derive(Args, Debug)]
pub struct QualityArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// How many row keys are named with each finding.
    #[arg(long, value_name = "N", default_value_t = 10)]
    keys: usize,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) async fn run(args: QualityArgs) -> Result<Exit, Stop> {
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let permit = super::operator_permit(&gateway, "quality", "map quality").await?;
    let mut progress = Progress::new("quality");
    let mut seen = |map: &str, rows: i64| progress.tell(map, rows);
    let report = gateway.store.quality(&permit, args.keys, &mut seen).await?;
    cli::print(&if args.json { json(&report)? } else { text(&report) })?;
    Ok(if report.errors() == 0 { Exit::Done } else { Exit::Failed })
}

fn json(report: &QualityReport) -> Result<String, Stop> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Stop::failed(error.to_string()))?;
    Ok(text + "\n")
}

fn text(report: &QualityReport) -> String {
    let head = format!("{:<8} {:<12} {:<28} {:<50} {:>8}  keys\n", "severity", "kind", "map", "place", "rows");
    let lines: String = report.findings.iter().map(line).collect();
    let (rows, errors) = (report.rows, report.errors());
    let end = match report.findings.len() {
        0 => format!("{rows} rows, nothing found\n"),
        kinds => format!("{rows} rows, {kinds} findings, {errors} errors\n"),
    };
    if lines.is_empty() { end } else { head + &lines + &end }
}

fn line(finding: &Finding) -> String {
    let Finding { severity, kind, map, place, count, keys } = finding;
    let more = usize::try_from(*count).is_ok_and(|count| count > keys.len());
    let keys = keys.join(", ") + if more { ", ..." } else { "" };
    format!("{severity:<8} {kind:<12} {map:<28} {place:<50} {count:>8}  {keys}\n")
}
