//! `GET|POST [base]/Appointment/[id]/$visit-snapshot`: what a clinician should know before a visit, as of now.
//!
//! Out: `taken` (instant), `appointment` and `note` (the resources: the last signed note), the out parameters of `$has-history`, and `summary`: the
//! patient's International Patient Summary.

use mappers::json::write_string;

use crate::clock::Clock;
use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::has_history::{History, patient_of};
use crate::operation::{chart, summary};
use crate::outcome::{Code, Failure};

pub(super) async fn visit_snapshot(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let appointment = chart::instance(exchange, kind, id).await?;
    let Some(patient) = patient_of(&appointment) else {
        let details =
            "The appointment has no participant that is a Patient here: there is nobody to take a snapshot of.";
        return Err(Failure::new(hyper::StatusCode::UNPROCESSABLE_ENTITY, Code::BusinessRule, details));
    };
    let taken = Clock::format(exchange.endpoint.gateway.clock.now_ms());
    let history = History::of(exchange, &patient, None).await?;
    let (document, mut touched) = summary::document(exchange, &patient).await?;
    touched.push(Touched::of(&appointment));
    let mut out = br#"{"resourceType":"Parameters","parameter":[{"name":"taken","valueInstant":"#.to_vec();
    write_string(&mut out, &taken);
    out.extend_from_slice(b"},");
    history.write(&mut out);
    let mut resource = |name: &str, body: &[u8]| {
        out.extend_from_slice(format!(r#",{{"name":"{name}","resource":"#).as_bytes());
        out.extend_from_slice(body);
        out.push(b'}');
    };
    resource("appointment", &appointment.body);
    if let Some((_, note)) = &history.last {
        resource("note", &note.body);
        touched.push(Touched::of(note));
    }
    resource("summary", &document);
    out.extend_from_slice(b"]}");
    Ok(Answer::document(out.into(), touched))
}
