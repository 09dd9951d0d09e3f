//! `fhir-gateway consent explain`: who sees what of a record in the database, and what decides.

use clap::Args;
use consent::asking::ACTIONS;
use serde_json::{Value, json};

use super::{moment, reference};
use crate::cli::map::operator_permit;
use crate::cli::serve::ConsentDefault;
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::gateway::Gateway;
use crate::operation::consent_explain;
use crate::store::explain::{self, Explained, RuleName, Summary};

/// What is explained.
#[derive(Args, Debug)]
#[command(after_help = "\
The Consents, statute and glasses of the database as they are now, asked for a time. The organization's default and the groups that
may break the glass are no part of the database: say them as `serve` has them. The decision is made twice, by the database and by the
function that the tests hold it to; they must agree.

Examples:
  fhir-gateway consent explain --actor Practitioner/1 --purpose TREAT --resource Observation/7 --data-dir data
  fhir-gateway consent explain --actor Organization/payer --purpose HPAYMT --patient ada --data-dir data --json

Prints the verdict, what every layer says (tenancy, statute, default, Consents, glass), the rule that decides with its Consent, version and
JSON pointer, and obligations; of a patient how many resources of which types and labels are hidden, and by what. Exit codes:
  0 decided (permit or deny), 1 the work failed or there is no such resource, 2 wrong usage, 3 the database is not available,
  4 the database shows something else than the decision permits: report it")]
pub struct ExplainArgs {
    /// Who asks: a reference (`Practitioner/1`); give it again for organization, group, role.
    #[arg(long, value_name = "REF", value_parser = reference)]
    actor: Vec<String>,
    /// Why: a code of v3-ActReason, or system|code.
    #[arg(long, value_name = "CODE")]
    purpose: String,
    /// What for: collect, access, use, disclose or correct.
    #[arg(long, value_name = "CODE", default_value = "access", value_parser = clap::builder::PossibleValuesParser::new(ACTIONS))]
    action: String,
    /// When: a time of FHIR (2026-11-29T12:00:00Z); now where it is not said.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    at: Option<i64>,
    /// One resource: `Type/id`.
    #[arg(long, value_name = "Type/ID", conflicts_with = "patient", required_unless_present = "patient")]
    resource: Option<String>,
    /// Everything of a patient: the id.
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// What holds where no Consent says anything, as `serve` has it.
    #[arg(long, value_enum, value_name = "PRESET", env = "FHIR_GATEWAY_CONSENT_DEFAULT", default_value_t)]
    consent_default: ConsentDefault,
    /// Who may break the glass, as `serve` has it.
    #[arg(long, value_name = "REF", env = "FHIR_GATEWAY_BREAK_GLASS_GROUP", value_delimiter = ',', value_parser = reference)]
    break_glass_group: Vec<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(args: ExplainArgs) -> Result<Exit, Stop> {
    let mut gateway = Gateway::open(args.database.options(false)?).await?;
    // Who explains is the operator, whatever the default is for those who are asked about.
    let permit = operator_permit(&gateway, "explain", "consent explain").await?;
    gateway.policy = args.consent_default.policy();
    gateway.break_glass_groups.clone_from(&args.break_glass_group);
    let at_ms = args.at.unwrap_or_else(|| gateway.clock.now_ms());
    let asked = consent_explain::of(&gateway, args.actor.clone(), &args.purpose, &args.action, at_ms);
    if let Some(resource) = &args.resource {
        let (kind, id) = resource.split_once('/').ok_or_else(|| Stop::usage("give --resource as Type/id"))?;
        let explained = gateway.store.explain_resource(&permit, &asked, kind, id).await?;
        let explained = explained.ok_or_else(|| Stop::failed("there is no such resource"))?;
        cli::print(&if args.json { format!("{}\n", one_json(&explained)) } else { one_text(&explained) })?;
        return Ok(ended(u64::from(!explained.agrees())));
    }
    let patient = args.patient.as_deref().unwrap_or_default();
    let patient = patient.strip_prefix("Patient/").unwrap_or(patient);
    let (mut summary, mut differing) = (Summary::default(), Vec::new());
    let mut take = |one: Explained| {
        if !one.agrees() && differing.len() < 100 {
            differing.push(format!("{}/{}", one.kind, one.id));
        }
        summary.add(&one);
        true
    };
    gateway.store.explain_patient(&permit, &asked, patient, &mut take).await?;
    cli::print(&if args.json {
        format!("{}\n", record_json(patient, &summary, &differing))
    } else {
        record_text(patient, &summary, &differing)
    })?;
    Ok(ended(summary.differing))
}

fn ended(differing: u64) -> Exit {
    if differing > 0 { Exit::Refused } else { Exit::Done }
}

fn word(permit: bool) -> &'static str {
    if permit { "permit" } else { "deny" }
}

fn rule_json(rule: &RuleName) -> Value {
    json!({ "consent": rule.consent, "version": rule.version, "pointer": rule.pointer, "type": word(!rule.deny) })
}

fn rule_text(rule: &RuleName) -> String {
    format!("{} version {} {}: {}", rule.consent, rule.version, rule.pointer, word(!rule.deny))
}

fn one_json(one: &Explained) -> Value {
    let layers = one.layers.words().map(|(name, result)| match (name, &one.layers.statute) {
        ("consents", _) => json!({
            "layer": name, "result": result, "rules": one.layers.consents.iter().map(rule_json).collect::<Vec<_>>(),
        }),
        ("statute", Some(why)) => json!({ "layer": name, "result": result, "why": why }),
        _ => json!({ "layer": name, "result": result }),
    });
    json!({
        "resource": format!("{}/{}", one.kind, one.id), "version": one.version,
        "patient": one.patient.as_ref().map(|id| format!("Patient/{id}")),
        "labels": explain::labels(one.labels), "verdict": word(one.permitted), "shown": one.shown, "agreed": one.agrees(),
        "layers": layers, "reasons": one.reasons, "obligations": one.obligations,
    })
}

fn one_text(one: &Explained) -> String {
    let mut text = format!("{}  {}/{} version {}", word(one.permitted), one.kind, one.id, one.version);
    if let Some(patient) = &one.patient {
        text.push_str(&format!(" of Patient/{patient}"));
    }
    text.push_str(&format!(", labels {}\n", explain::labels(one.labels).join(" ")));
    for (name, result) in one.layers.words() {
        text.push_str(&format!("  {name}: {result}\n"));
        if name == "consents" {
            one.layers.consents.iter().for_each(|rule| text.push_str(&format!("    {}\n", rule_text(rule))));
        }
    }
    one.reasons.iter().for_each(|reason| text.push_str(&format!("  by {reason}\n")));
    one.obligations.iter().for_each(|obligation| text.push_str(&format!("  with {obligation}\n")));
    if !one.agrees() {
        text.push_str(&format!("ALARM: the database says {}\n", word(one.shown)));
    }
    text
}

fn record_json(patient: &str, summary: &Summary, differing: &[String]) -> Value {
    let rules = summary.rules.iter().map(|(rule, count)| {
        let mut rule = rule_json(rule);
        rule["count"] = json!(count);
        rule
    });
    json!({
        "patient": format!("Patient/{patient}"), "agreed": summary.differing == 0, "differing": differing,
        "shown": summary.shown, "hidden": summary.hidden, "hiddenLabels": summary.labels, "hiddenBy": summary.reasons,
        "rules": rules.collect::<Vec<_>>(), "obligations": summary.obligations, "glass": if summary.glass { "broken" } else { "whole" },
    })
}

fn record_text(patient: &str, summary: &Summary, differing: &[String]) -> String {
    let total = |counts: &std::collections::BTreeMap<String, u64>| counts.values().sum::<u64>();
    let mut text = format!(
        "Patient/{patient}: {} shown, {} hidden; the glass is {}\n",
        total(&summary.shown),
        total(&summary.hidden),
        if summary.glass { "broken" } else { "whole" },
    );
    let parts =
        [("shown", &summary.shown), ("hidden", &summary.hidden), ("label", &summary.labels), ("by", &summary.reasons)];
    for (name, counts) in parts {
        counts.iter().for_each(|(key, count)| text.push_str(&format!("  {name:<7}{count:>7}  {key}\n")));
    }
    summary
        .rules
        .iter()
        .for_each(|(rule, count)| text.push_str(&format!("  rule   {count:>7}  {}\n", rule_text(rule))));
    summary.obligations.iter().for_each(|obligation| text.push_str(&format!("  with {obligation}\n")));
    if summary.differing > 0 {
        let count = summary.differing;
        text.push_str(&format!(
            "ALARM: the database shows {count} otherwise than the decision: {}\n",
            differing.join(" ")
        ));
    }
    text
}
