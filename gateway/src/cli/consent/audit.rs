//! `fhir-gateway consent audit`: what the Consents in the database are worth.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Map, Value, json};

use super::moment;
use crate::cli::map::operator_permit;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::store::report::{ConsentReport, Named};

/// What is counted.
#[derive(Args, Debug)]
#[command(after_help = "\
Counts Consents by state (active, expired, not-yet, superseded, not-enforceable, other-scope, without-patient, status-...), says why some are
not enforceable and why permits of others do not count (rows of gateway/consent/RULINGS.md), which were presumed, which permit without any
evidence, and how many patients have none. It names Consents by their ids, and nobody else.

Examples:
  fhir-gateway consent audit --data-dir data
  fhir-gateway consent audit --database postgres://gateway@db/clinic --data-dir data --json | jq .notEnforceable

Exit codes:
  0 counted, 1 the work failed, 2 wrong usage, 3 the database is not available")]
pub struct AuditArgs {
    /// When: a time of FHIR; now where it is not said.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<i64>,
    /// How many Consents are named of each kind.
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    names: usize,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: AuditArgs) -> Result<Exit, Stop> {
    let gateway = Gateway::open(args.database.options(false)?).await?;
    let permit = operator_permit(&gateway, "consents", "consent audit").await?;
    let at_ms = args.at.unwrap_or_else(|| gateway.clock.now_ms());
    let report = gateway.store.consent_report(&permit, at_ms, args.names).await?;
    cli::print(&if args.json { format!("{}\n", as_json(&report)) } else { as_text(&report) })?;
    Ok(Exit::Done)
}

fn named(named: &Named) -> Value {
    json!({ "count": named.count, "consents": named.consents })
}

fn by_ruling(rows: &BTreeMap<&'static str, Named>) -> Map<String, Value> {
    rows.iter().map(|(row, those)| ((*row).to_owned(), named(those))).collect()
}

fn as_json(report: &ConsentReport) -> Value {
    json!({
        "consents": report.consents,
        "states": report.states,
        "notEnforceable": by_ruling(&report.not_enforceable),
        "permitsNotCounted": by_ruling(&report.permits_not_counted),
        "presumed": named(&report.presumed),
        "withoutEvidence": named(&report.without_evidence),
        "patients": {
            "all": report.patients, "withoutConsent": report.patients_without,
            "withoutActiveConsent": report.patients_without_active,
        },
    })
}

fn as_text(report: &ConsentReport) -> String {
    let mut text = format!("{} Consents\n", report.consents);
    report.states.iter().for_each(|(state, count)| text.push_str(&format!("  {count:>7}  {state}\n")));
    let mut list = |title: &str, those: &Named| {
        let more = if those.count > those.consents.len() as u64 { " ..." } else { "" };
        text.push_str(&format!("  {:>7}  {title}: {}{more}\n", those.count, those.consents.join(" ")));
    };
    report.not_enforceable.iter().for_each(|(row, those)| list(&format!("not enforceable by {row}"), those));
    report.permits_not_counted.iter().for_each(|(row, those)| list(&format!("permits not counted by {row}"), those));
    list("presumed", &report.presumed);
    list("permit without evidence", &report.without_evidence);
    text.push_str(&format!(
        "{} patients, {} without a Consent, {} without one that holds\n",
        report.patients, report.patients_without, report.patients_without_active
    ));
    text
}
