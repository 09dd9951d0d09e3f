//! `fhir-gateway map verify`: the loss report. Rows of the tables against the resources served from them, and against
//! themselves after those were written back.

use clap::Args;

use super::progress::Progress;
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
    let permit = super::operator_permit(&gateway, "verify", "map verify").await?;
    let mut progress = Progress::new("verify");
    let mut compared = |map: &MapReport| progress.tell(&map.map, map.resources);
    let report = gateway.store.verify(&permit, &mut compared).await?;
    cli::print(&if args.json { json(&report)? } else { text(&report) })?;
    Ok(if report.is_clean() { Exit::Done } else { Exit::Failed })
}

fn json(report: &VerifyReport) -> Result<String, Stop> {
    let (values, lost, loss) = (report.values(), report.lost(), report.loss());
    let report = serde_json::json!({ "maps": report.maps, "values": values, "lost": lost, "loss_percent": loss });
    let text = serde_json::to_string_pretty(&report).map_err(|error| Stop::failed(error.to_string()))?;
    Ok(text + "\n")
}

fn text(report: &VerifyReport) -> String {
    let head = format!(
        "{:<28} {:>10} {:>10} {:>8} {:>9} {:>8} {:>10} {:>8} {:>9}\n",
        "map", "rows", "resources", "missing", "differing", "flagged", "values", "lost", "loss"
    );
    let lines: String = report.maps.iter().map(line).collect();
    let (lost, values) = (report.lost(), report.values());
    let loss = format!("{lost} of {values} values are lost by writing rows back ({:.3} %)\n", report.loss());
    let end = if report.is_clean() { "nothing is lost, nothing differs\n" } else { "there are differences\n" };
    head + &lines + &loss + end
}

fn line(map: &MapReport) -> String {
    let MapReport { map: name, rows, resources, missing_rows, differing, flagged, write_back, .. } = map;
    let (values, lost, loss) = (write_back.values, write_back.lost, write_back.loss());
    let line = format!(
        "{name:<28} {rows:>10} {resources:>10} {missing_rows:>8} {differing:>9} {flagged:>8} {values:>10} {lost:>8} {loss:>7.3} %\n"
    );
    let elements = map.elements.iter().map(|(element, count)| format!("  {count:>8} times {element} differs\n"));
    let columns = write_back.columns.iter().map(|(column, count)| format!("  {count:>8} times {column} lost\n"));
    line + &elements.chain(columns).collect::<String>()
}
