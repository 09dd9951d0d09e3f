//! The answer to a batch or transaction: a Bundle with a response per entry, in the order of the request.

use bytes::Bytes;
use hyper::StatusCode;
use mappers::json::write_string;

use crate::clock::Clock;
use crate::http::precondition;
use crate::interaction::bundle::plan::Kind;
use crate::interaction::{Answer, Payload};
use crate::outcome::Failure;

/// Writes the Bundle.
pub(super) fn write(kind: Kind, answers: &[Result<Answer, Failure>]) -> Bytes {
    let bodies: usize = answers.iter().flatten().map(size).sum();
    let mut out = Vec::with_capacity(bodies + answers.len() * 256 + 128);
    out.extend_from_slice(br#"{"resourceType":"Bundle","type":""#);
    out.extend_from_slice(match kind {
        Kind::Batch => b"batch-response",
        Kind::Transaction => b"transaction-response",
    });
    out.push(b'"');
    for (index, answer) in answers.iter().enumerate() {
        out.extend_from_slice(if index == 0 { br#","entry":[{"# } else { b",{" });
        match answer {
            Ok(answer) => success(&mut out, answer),
            Err(failure) => {
                response(&mut out, failure.status);
                member(&mut out, "outcome", &failure.outcome());
                out.push(b'}');
            }
        }
        out.push(b'}');
    }
    if !answers.is_empty() {
        out.push(b']');
    }
    out.push(b'}');
    out.into()
}

/// How many bytes an answer brings into the Bundle.
pub(super) fn size(answer: &Answer) -> usize {
    match &answer.payload {
        Payload::Nothing => 0,
        Payload::Outcome(bytes) | Payload::Resource(bytes) => bytes.len(),
    }
}

fn success(out: &mut Vec<u8>, answer: &Answer) {
    if let Payload::Resource(resource) = &answer.payload {
        out.extend_from_slice(br#""resource":"#);
        out.extend_from_slice(resource);
        out.push(b',');
    }
    response(out, answer.status);
    if let Some(location) = &answer.location {
        out.extend_from_slice(br#","location":"#);
        write_string(out, location);
    }
    if let Some((version, updated_ms)) = answer.stamp {
        out.extend_from_slice(br#","etag":"#);
        write_string(out, &precondition::tag(version));
        out.extend_from_slice(format!(r#","lastModified":"{}""#, Clock::format(updated_ms)).as_bytes());
    }
    if let Payload::Outcome(outcome) = &answer.payload {
        member(out, "outcome", outcome);
    }
    out.push(b'}');
}

/// Opens `response` with its status, as the standard writes it: `201 Created`.
fn response(out: &mut Vec<u8>, status: StatusCode) {
    let reason = status.canonical_reason().unwrap_or_default();
    let text = format!("{} {reason}", status.as_u16());
    out.extend_from_slice(br#""response":{"status":"#);
    write_string(out, text.trim_end());
}

fn member(out: &mut Vec<u8>, name: &str, json: &[u8]) {
    out.extend_from_slice(format!(r#","{name}":"#).as_bytes());
    out.extend_from_slice(json);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_has_its_response() {
        let created = Answer {
            status: StatusCode::CREATED,
            stamp: Some((1, 0)),
            location: Some("http://h/fhir/Patient/1/_history/1".into()),
            payload: Payload::Resource(Bytes::from_static(b"{}")),
            touched: Vec::new(),
            notice: None,
        };
        let deleted = Answer {
            status: StatusCode::NO_CONTENT,
            stamp: None,
            location: None,
            payload: Payload::Nothing,
            touched: Vec::new(),
            notice: None,
        };
        let text = write(Kind::Batch, &[Ok(created), Ok(deleted), Err(Failure::not_found("no"))]);
        assert_eq!(
            text,
            concat!(
                r#"{"resourceType":"Bundle","type":"batch-response","entry":["#,
                r#"{"resource":{},"response":{"status":"201 Created","location":"http://h/fhir/Patient/1/_history/1","#,
                r#""etag":"W/\"1\"","lastModified":"1970-01-01T00:00:00.000Z"}},"#,
                r#"{"response":{"status":"204 No Content"}},"#,
                r#"{"response":{"status":"404 Not Found","outcome":{"resourceType":"OperationOutcome","issue":["#,
                r#"{"severity":"error","code":"not-found","details":{"text":"no"}}]}}}]}"#
            )
        );
        assert_eq!(write(Kind::Transaction, &[]), r#"{"resourceType":"Bundle","type":"transaction-response"}"#);
    }
}
