//! `POST [base]/Patient/[id]/$break-glass`: lifts the patient's Consents and the organization's default for one caller, one
//! patient and one purpose, for a time (RULINGS.md, G). In: `reason` (string, Coding or `CodeableConcept`), `minutes` (60 where
//! it is not said, at most 240). Out: `grant` (id), `opened`, `expires` (instants) and `purpose` (Coding).
//!
//! The answer is the same for every id, whether there is such a patient, or a hidden one, or none. The reason is health data: it
//! is kept in the database for the review, and goes nowhere else.

use bytes::Bytes;
use consent::glass::{LONGEST_MS, PURPOSES};
use consent::{Action, Breaker, Caller, Predicate, Purpose, purpose};
use hyper::StatusCode;
use mappers::json::{Element, Kind, write_string};
use mappers::structure;
use serde_json::json;

use crate::audit::{Circumstances, Event};
use crate::clock::Clock;
use crate::gateway::Gateway;
use crate::http::query;
use crate::interaction::{Answer, Exchange, Request};
use crate::operation::parameters;
use crate::outcome::{Code, Failure};
use crate::store::glass::{Breaking, Broken, Opened};
use crate::store::{Change, ChangeError, Operation as Write, StoreError};

/// How often a breaking that collided with another is tried again.
const TRIES: usize = 4;
/// What is asked for where nothing is said, in minutes.
const MINUTES: i64 = 60;
/// Characters of a reason.
const LONGEST_REASON: usize = 1_000;

pub(super) async fn break_glass(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let gateway = &exchange.endpoint.gateway;
    let purpose = exchange.permit.purpose();
    let breaker = breaker(gateway, exchange.caller, purpose).ok_or_else(forbidden)?;
    if !matches!(exchange.permit.predicate(), Predicate::Consents(_)) {
        let details = "Consents are not applied to this caller here: there is no glass to break.";
        return Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BusinessRule, details));
    }
    let (_, patient) = request.instance()?;
    let (reason, minutes) = asked(request)?;
    let at_ms = gateway.clock.now_ms();
    // Ids are taken whether they are needed or not: which ones others get tells nobody whether there is such a patient.
    let (id, notice) = (gateway.ids.next(), gateway.ids.next());
    let breaking = Breaking {
        id,
        patient: patient.to_owned(),
        caller: exchange.caller.id.clone(),
        breaker,
        reason,
        at_ms,
        until_ms: at_ms + minutes * 60_000,
        notice: (!gateway.break_glass_silently).then_some(notice),
    };
    let opened = perform(exchange, request, &breaking).await?;
    let status = if opened.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Answer { status, ..Answer::document(parameters_of(&opened, purpose), Vec::new()) })
}

/// Who the caller is to the glass; `None` for one who may not break it.
pub(crate) fn breaker(gateway: &Gateway, caller: &Caller, purpose: Purpose) -> Option<Breaker> {
    let may = gateway.may_break_glass(caller);
    may.then(|| Breaker::new(Some(&caller.id), &caller.actors, purpose.code())).flatten()
}

/// Breaks it and tells the patient, in one transaction.
async fn perform(exchange: &Exchange<'_>, request: &Request, breaking: &Breaking) -> Result<Opened, Failure> {
    let gateway = &exchange.endpoint.gateway;
    let own = Gateway::itself(exchange.caller.organization);
    let permit = gateway.permit(&own, Purpose::Hoperat, Action::Maintain)?;
    for _ in 0..TRIES {
        let mut transaction = gateway.store.begin(&permit).await?;
        let opened = match transaction.break_glass(breaking).await? {
            Broken::Open(opened) => opened,
            Broken::Spent => return Err(spent()),
        };
        let notice = breaking.notice.as_deref().filter(|_| opened.to_be_told);
        let change = |id: &str| Change {
            kind: "Communication".into(),
            id: id.into(),
            operation: Write::Create { body: communication(breaking, &opened, exchange.caller) },
        };
        match transaction.apply(notice.map(change).into_iter().collect::<Vec<_>>()).await {
            Ok(changed) => {
                for changed in changed {
                    let version = changed.version;
                    let of = Circumstances::of(gateway, &own, Purpose::Hoperat, &request.request_id);
                    let event = Event {
                        kind: Some(version.kind),
                        id: Some(version.id),
                        version: Some(version.version),
                        patient: Some(breaking.patient.clone().into()),
                        epoch: version.basis.epoch,
                        ..Event::new(of, "create", StatusCode::CREATED.as_u16(), gateway.clock.now_ms())
                    };
                    gateway.audit.record(event).await?;
                }
                return Ok(opened);
            }
            // Somebody else broke it at this moment.
            Err(ChangeError::Store(StoreError::Contention)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Contention.into())
}

/// What the patient is told: who, when, and for what purpose; nothing of the record and nothing of the reason.
fn communication(breaking: &Breaking, opened: &Opened, caller: &Caller) -> Bytes {
    const SENDERS: [&str; 6] =
        ["Device", "HealthcareService", "Organization", "Practitioner", "PractitionerRole", "RelatedPerson"];
    let sender = caller.actors.iter().find(|actor| {
        actor.split_once('/').is_some_and(|(kind, id)| SENDERS.contains(&kind) && mappers::references::is_id(id))
    });
    let patient = format!("Patient/{}", breaking.patient);
    let who = if caller.actors.is_empty() { caller.id.clone() } else { caller.actors.join(", ") };
    let code = breaking.breaker.purpose();
    let text = format!(
        "Your record was opened in spite of what you had decided about who may see it. Who: {who}. When: {}, until {} at the \
         latest. Stated purpose: {code}. The privacy officer reviews this; you may ask what came of it.",
        Clock::format(opened.opened_ms),
        Clock::format(opened.expires_ms),
    );
    let reason = |code: &str| json!({ "coding": [{ "system": purpose::SYSTEM, "code": code }] });
    let mut resource = json!({
        "resourceType": "Communication",
        "meta": { "security": [{ "system": consent::labels::CONFIDENTIALITY, "code": "R" }] },
        "status": "completed",
        "category": [{ "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/communication-category", "code": "notification",
        }] }],
        "subject": { "reference": patient },
        "sent": Clock::format(opened.opened_ms),
        "recipient": [{ "reference": patient }],
        "reasonCode": [reason(code), reason("BTG")],
        "payload": [{ "contentString": text }],
    });
    if let Some(sender) = sender {
        resource["sender"] = json!({ "reference": sender });
    }
    resource.to_string().into()
}

fn parameters_of(opened: &Opened, purpose: Purpose) -> Bytes {
    let mut out = br#"{"resourceType":"Parameters","parameter":[{"name":"grant","valueId":"#.to_vec();
    write_string(&mut out, &opened.id);
    let rest = format!(
        r#"}},{{"name":"opened","valueInstant":"{}"}},{{"name":"expires","valueInstant":"{}"}},{{"name":"purpose","valueCoding":{{"system":"{}","code":"{}"}}}}]}}"#,
        Clock::format(opened.opened_ms),
        Clock::format(opened.expires_ms),
        purpose::SYSTEM,
        purpose.code(),
    );
    out.extend_from_slice(rest.as_bytes());
    out.into()
}

/// Reason and minutes.
fn asked(request: &Request) -> Result<(String, i64), Failure> {
    if query::pairs(&request.query).any(|(name, _)| matches!(&*name, "reason" | "minutes")) {
        let details =
            "A reason is health data, and addresses are kept in many places: send it in a Parameters resource.";
        return Err(Failure::bad_request(Code::NotSupported, details));
    }
    if request.body.is_empty() {
        return Err(no_reason());
    }
    let document = parameters(&request.body)?;
    structure::check_resource(&document, Some("Parameters"))?;
    let (mut reason, mut minutes) = (None, None);
    let list = document.root().member("parameter").into_iter().flat_map(|list| list.children());
    for (index, parameter) in list.enumerate() {
        let place = format!("Parameters.parameter[{index}]");
        let name = parameter.member("name").and_then(|name| name.string()).unwrap_or_default();
        match &*name {
            "reason" if reason.is_none() => reason = Some(reason_of(parameter).map_err(|failure| failure.at(&place))?),
            "minutes" if minutes.is_none() => {
                minutes = Some(minutes_of(parameter).map_err(|failure| failure.at(&place))?)
            }
            _ => {
                let details = "The operation takes one parameter `reason` and one `minutes`, and nothing was done.";
                return Err(Failure::bad_request(Code::NotSupported, details).at(&place));
            }
        }
    }
    Ok((reason.ok_or_else(no_reason)?, minutes.unwrap_or(MINUTES)))
}

fn reason_of(parameter: Element<'_>) -> Result<String, Failure> {
    let text = |element: Element<'_>, name: &str| {
        element
            .member(name)
            .and_then(|text| text.string())
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let coding = |coding: Element<'_>| {
        let code = text(coding, "code")?;
        let code = text(coding, "system").map_or_else(|| code.clone(), |system| format!("{system}|{code}"));
        Some(text(coding, "display").map_or_else(|| code.clone(), |display| format!("{display} ({code})")))
    };
    let value = parameter.children().find(|member| member.key().is_some_and(|key| key.starts_with("value")));
    let value = value.ok_or_else(no_reason)?;
    let said = match (value.key().as_deref(), value.kind()) {
        (Some("valueString"), Kind::String) => value.string().map(|text| text.trim().to_owned()),
        (Some("valueCoding"), _) => coding(value),
        (Some("valueCodeableConcept"), _) => text(value, "text")
            .or_else(|| value.member("coding").into_iter().flat_map(|codings| codings.children()).find_map(coding)),
        _ => None,
    };
    let said = said.filter(|said| said.chars().any(char::is_alphanumeric)).ok_or_else(no_reason)?;
    if said.chars().count() > LONGEST_REASON || said.contains('\0') {
        let details = format!("A reason has at most {LONGEST_REASON} characters.");
        return Err(Failure::bad_request(Code::TooLong, details));
    }
    Ok(said)
}

fn minutes_of(parameter: Element<'_>) -> Result<i64, Failure> {
    let longest = LONGEST_MS / 60_000;
    let values = ["valueInteger", "valuePositiveInt", "valueUnsignedInt"];
    let value = values.into_iter().find_map(|name| parameter.member(name));
    let minutes = value.and_then(|value| value.raw().parse::<i64>().ok());
    minutes
        .filter(|minutes| (1..=longest).contains(minutes))
        .ok_or_else(|| Failure::bad_request(Code::Value, format!("`minutes` is a whole number from 1 to {longest}.")))
}

fn no_reason() -> Failure {
    let details =
        "Say why: a Parameters resource with a parameter `reason` (a text of words, a Coding or a CodeableConcept).";
    Failure::bad_request(Code::Required, details).at("Parameters.parameter.where(name='reason')")
}

/// The same for everybody who may not, whatever else is asked.
fn forbidden() -> Failure {
    let details = format!(
        "This caller may not break the glass: that takes a member of a group named for it, who asks for {}. Ask the privacy officer.",
        PURPOSES.join(" or ")
    );
    Failure::new(StatusCode::FORBIDDEN, Code::Forbidden, details)
}

fn spent() -> Failure {
    let details = "The glass was broken for this reason within the last 24 hours, and that has ended. If it is still needed, say \
                   why in other words: each reason is reviewed by itself.";
    Failure::new(StatusCode::UNPROCESSABLE_ENTITY, Code::BusinessRule, details)
}
