//! `GET|POST [base]/$consent-explain` and `[base]/Patient/[id]/$consent-explain`: what a caller would see of a patient's record or
//! of one resource, and which layer and rule decides. In: `patient` or `resource` (`Type/id`), `actor` (any number), `purpose`,
//! `action` (access where it is not said), `at`. Out: Parameters, with counts and names of Consents, and nothing of the record.
//!
//! For privacy officers (and callers who work for the organization as such, without references), and for patients about
//! themselves. To everybody else one answer, whatever is asked.

use std::collections::BTreeMap;

use consent::asking::{ACTIONS, actor};
use consent::{Action, Asked, Asking, Breaker, Caller, Coding, PolicyDefault, Purpose, purpose};
use hyper::StatusCode;
use mappers::references::is_id;
use mappers::search::instants;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::http::query;
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::{malformed, of_value, parameter, parameters};
use crate::outcome::{Code, Failure};
use crate::store::Basis;
use crate::store::explain::{self, Explained, RuleName, Summary};

/// References of an asker: each is asked of every rule.
const MOST_ACTORS: usize = 32;
/// Resources of one record that are decided on in an answer.
const MOST: u64 = 20_000;

pub(super) async fn consent_explain(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let given = |name| parameter(request, name);
    let resource = given("resource")?.map(|text| text.into_owned());
    let patient = match &request.id {
        Some(id) => Some(id.to_string()),
        None => given("patient")?.map(|text| text.strip_prefix("Patient/").unwrap_or(&text).to_owned()),
    };
    may(exchange.caller, patient.as_deref())?;
    let gateway = &exchange.endpoint.gateway;
    let asked = asked(gateway, request)?;
    // Who is asked about is not who asks: the organization's rows, of which nothing but counts and names is shown.
    let own = Gateway::itself(exchange.caller.organization);
    let permit = gateway.permit(&own, Purpose::Hoperat, Action::Maintain)?;
    if let Some(resource) = resource {
        let (kind, id) =
            resource.split_once('/').filter(|(_, id)| is_id(id)).ok_or_else(|| bad("resource", "Type/id"))?;
        let explained = gateway.store.explain_resource(&permit, &asked, kind, id).await?;
        let explained = explained.filter(|one| patient.is_none() || one.patient == patient);
        let explained = explained.ok_or_else(|| Failure::not_found("There is no such resource."))?;
        alarm(u64::from(!explained.agrees()));
        let touched = Touched {
            kind: explained.kind.clone().into(),
            id: explained.id.clone().into(),
            version: explained.version,
            basis: Basis { patient: explained.patient.as_deref().map(Into::into), ..Basis::default() },
        };
        return Ok(Answer::document(answered(of_one(&explained), &asked), vec![touched]));
    }
    let patient = patient.filter(|id| is_id(id)).ok_or_else(|| bad("patient", "the id of a Patient"))?;
    let (mut summary, mut person) = (Summary::default(), None);
    let mut take = |one: Explained| {
        summary.add(&one);
        if one.kind == "Patient" {
            let basis = Basis { patient: one.patient.map(Into::into), ..Basis::default() };
            person = Some(Touched { kind: one.kind.into(), id: one.id.into(), version: one.version, basis });
        }
        summary.looked_at <= MOST
    };
    gateway.store.explain_patient(&permit, &asked, &patient, &mut take).await?;
    if summary.looked_at > MOST {
        let details =
            format!("The record has more than {MOST} resources: ask resource by resource, or at the command line.");
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::TooCostly, details));
    }
    alarm(summary.differing);
    Ok(Answer::document(answered(of_record(&patient, &summary), &asked), person.into_iter().collect()))
}

/// Who may ask: what the answer is for others does not depend on what they ask for.
fn may(caller: &Caller, patient: Option<&str>) -> Result<(), Failure> {
    let themselves = || patient.is_some_and(|id| caller.actors.contains(&format!("Patient/{id}")));
    if caller.officer || themselves() {
        return Ok(());
    }
    let details =
        "What consent decides is explained to the organization's privacy officer, and to patients about themselves.";
    Err(Failure::new(StatusCode::FORBIDDEN, Code::Forbidden, details))
}

/// SQL and the decision differ: nothing in the log says of whom.
fn alarm(differing: u64) {
    if differing > 0 {
        tracing::error!(differing, "consent: what SQL shows is not what the decision permits");
    }
}

/// What is asked about.
fn asked(gateway: &Gateway, request: &Request) -> Result<Asked, Failure> {
    let actors = values(request, "actor")?;
    if actors.len() > MOST_ACTORS {
        return Err(bad("actor", "32 references at most"));
    }
    let actors =
        actors.iter().map(|text| actor(text).ok_or_else(|| bad("actor", "Type/id"))).collect::<Result<_, _>>()?;
    let why = parameter(request, "purpose")?.ok_or_else(|| bad("purpose", "a code of v3-ActReason"))?;
    // No exchange has another: of what nobody can ask for nothing can be told.
    if Purpose::parse(&Coding::purpose(&why).code).is_none() {
        return Err(bad("purpose", "TREAT, ETREAT, HPAYMT, HOPERAT, HRESCH, PUBHLTH or PATRQT"));
    }
    let action = parameter(request, "action")?.unwrap_or_else(|| "access".into());
    if !ACTIONS.contains(&&*action) {
        return Err(bad("action", "collect, access, use, disclose or correct"));
    }
    let at_ms = match parameter(request, "at")? {
        Some(text) => moment(&text).ok_or_else(|| bad("at", "a time, as 2026-11-29T12:00:00Z"))?,
        None => gateway.clock.now_ms(),
    };
    Ok(of(gateway, actors, &why, &action, at_ms))
}

/// A request as the gateway would decide on it.
pub(crate) fn of(gateway: &Gateway, actors: Vec<String>, why: &str, action: &str, at_ms: i64) -> Asked {
    let why = Coding::purpose(why);
    let known = Purpose::parse(&why.code).filter(|_| why.system == purpose::SYSTEM);
    let default = known.map_or(PolicyDefault::Deny, |purpose| gateway.policy.default_for(purpose));
    let groups = &gateway.break_glass_groups;
    let breaker = known.filter(|_| actors.iter().any(|actor| groups.contains(actor)));
    let breaker = breaker.and_then(|purpose| Breaker::new(None, &actors, purpose.code()));
    let asking = Asking {
        actors,
        purpose: Some(why),
        break_glass: false,
        action: action.to_owned(),
        at_ms,
        statutes: gateway.store.statutes().statutes.clone(),
    };
    Asked::new(asking, default, None).breaking(breaker)
}

/// The first moment of a time of FHIR, in milliseconds since 1970.
fn moment(text: &str) -> Option<i64> {
    let quoted = json!(text).to_string();
    let document = mappers::json::Document::parse(quoted.as_bytes()).ok()?;
    instants(document.root()).map(|(low, _)| low.div_euclid(10_000))
}

/// All values of a parameter.
fn values(request: &Request, name: &str) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = query::pairs(&request.query)
        .filter(|(key, _)| key == name)
        .flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if !request.body.is_empty() {
        let document = parameters(&request.body)?;
        let list = document.root().member("parameter").into_iter().flat_map(|list| list.children());
        for one in list.filter(|one| one.member("name").and_then(|text| text.string()).as_deref() == Some(name)) {
            found.push(of_value(one).map_err(|_| malformed())?);
        }
    }
    Ok(found)
}

fn bad(name: &str, wanted: &str) -> Failure {
    Failure::bad_request(Code::Required, format!("Say `{name}`: {wanted}."))
}

fn answered(mut list: Vec<Value>, asked: &Asked) -> bytes::Bytes {
    list.insert(0, json!({ "name": "at", "valueInstant": Clock::format(asked.asking().at_ms) }));
    json!({ "resourceType": "Parameters", "parameter": list }).to_string().into()
}

fn code(name: &str, code: &str) -> Value {
    json!({ "name": name, "valueCode": code })
}

fn texts<'t>(name: &'t str, texts: impl Iterator<Item = &'t String> + 't) -> impl Iterator<Item = Value> + 't {
    texts.map(move |text| json!({ "name": name, "valueString": text }))
}

fn of_one(one: &Explained) -> Vec<Value> {
    let reference = format!("{}/{}/_history/{}", one.kind, one.id, one.version);
    let mut list = vec![
        json!({ "name": "resource", "valueReference": { "reference": reference } }),
        code("verdict", if one.permitted { "permit" } else { "deny" }),
        json!({ "name": "agreed", "valueBoolean": one.agrees() }),
    ];
    list.extend(texts("reason", one.reasons.iter()));
    list.extend(texts("obligation", one.obligations.iter()));
    list.extend(explain::labels(one.labels).into_iter().map(|label| code("label", label)));
    for (name, result) in one.layers.words() {
        let mut part = vec![code("name", name), code("result", result)];
        if let ("statute", Some(why)) = (name, &one.layers.statute) {
            part.push(json!({ "name": "why", "valueString": why }));
        }
        list.push(json!({ "name": "layer", "part": part }));
    }
    list.extend(one.layers.consents.iter().map(|rule| of_rule(rule, None)));
    list
}

fn of_record(patient: &str, summary: &Summary) -> Vec<Value> {
    let mut list = vec![
        json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{patient}") } }),
        json!({ "name": "agreed", "valueBoolean": summary.differing == 0 }),
        code("glass", if summary.glass { "broken" } else { "whole" }),
    ];
    let counts = |name: &'static str, of: &'static str, counts: &BTreeMap<String, u64>| {
        counts
            .iter()
            .map(|(key, count)| {
                let key = match of {
                    "reason" => json!({ "name": of, "valueString": key }),
                    _ => code(of, key),
                };
                json!({ "name": name, "part": [key, { "name": "count", "valueUnsignedInt": count }] })
            })
            .collect::<Vec<_>>()
    };
    list.extend(counts("shown", "type", &summary.shown));
    list.extend(counts("hidden", "type", &summary.hidden));
    list.extend(counts("hiddenLabel", "label", &summary.labels));
    list.extend(counts("hiddenBy", "reason", &summary.reasons));
    list.extend(summary.rules.iter().map(|(rule, count)| of_rule(rule, Some(*count))));
    list.extend(texts("obligation", summary.obligations.iter()));
    list
}

fn of_rule(rule: &RuleName, count: Option<u64>) -> Value {
    let mut part = vec![
        json!({ "name": "consent", "valueReference": { "reference": format!("{}/_history/{}", rule.consent, rule.version) } }),
        code("type", if rule.deny { "deny" } else { "permit" }),
    ];
    // FHIR has no empty strings: without a pointer the Consent as a whole is meant.
    part.extend((!rule.pointer.is_empty()).then(|| json!({ "name": "pointer", "valueString": rule.pointer })));
    part.extend(count.map(|count| json!({ "name": "count", "valueUnsignedInt": count })));
    json!({ "name": "rule", "part": part })
}
