//! The audit call of every exchange: the record is durable before the answer leaves, for refusals and failures too.

use consent::{Caller, OrganizationId, Purpose};
use hyper::StatusCode;

use crate::audit::Event;
use crate::auth::Identity;
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::interaction::{Answer, Endpoint, Request, Touched, perform as decide_and_perform};
use crate::outcome::Failure;

/// Who sent a request without a valid token.
const NOBODY: &str = "unauthenticated";

/// Does what is asked, and records it.
///
/// # Errors
/// The interaction's failure, recorded; or 503 where it could not be recorded.
pub async fn perform(
    endpoint: &Endpoint,
    caller: &Caller,
    purpose: Purpose,
    request: &Request,
) -> Result<Answer, Failure> {
    let result = decide_and_perform(endpoint, caller, purpose, request).await;
    let record = Record { endpoint, caller: &caller.id, organization: caller.organization, purpose };
    endpoint.gateway.audit.record_all(record.events(request, &result)).await?;
    result
}

/// Records a request that failed before there was anything to decide on, or a transaction of which nothing was done.
///
/// # Errors
/// The failure itself; or 503 where it could not be recorded.
pub async fn refused(
    endpoint: &Endpoint,
    identity: Option<Identity<'_>>,
    request: &Request,
    failure: Failure,
) -> Result<Answer, Failure> {
    let record = match identity {
        Some(Identity { caller, purpose }) => {
            Record { endpoint, caller: &caller.id, organization: caller.organization, purpose }
        }
        None => Record { endpoint, caller: NOBODY, organization: DEFAULT_ORGANIZATION, purpose: Purpose::Treat },
    };
    let event = record.event(request, None, failure.status, decision(&failure));
    endpoint.gateway.audit.record(event).await?;
    Err(failure)
}

/// Records the writes of a transaction together; entries without an answer yet are recorded when they have one.
///
/// # Errors
/// 503 where they could not be recorded. They are committed by then; the caller may see so by reading.
pub async fn writes<'r>(
    endpoint: &Endpoint,
    caller: &Caller,
    purpose: Purpose,
    entries: impl Iterator<Item = (&'r Request, &'r Option<Result<Answer, Failure>>)>,
) -> Result<(), Failure> {
    let record = Record { endpoint, caller: &caller.id, organization: caller.organization, purpose };
    let done = entries.filter_map(|(request, answer)| Some((request, answer.as_ref()?)));
    let events = done.flat_map(|(request, result)| record.events(request, result)).collect();
    endpoint.gateway.audit.record_all(events).await?;
    Ok(())
}

/// What all records of an exchange share.
struct Record<'r> {
    endpoint: &'r Endpoint,
    caller: &'r str,
    organization: OrganizationId,
    purpose: Purpose,
}

impl Record<'_> {
    /// One record for each resource that was shown or changed; one for the exchange where there was none.
    fn events(&self, request: &Request, result: &Result<Answer, Failure>) -> Vec<Event> {
        match result {
            Ok(answer) if !answer.touched.is_empty() => {
                let event = |touched| self.event(request, Some(touched), answer.status, "permit");
                answer.touched.iter().map(event).collect()
            }
            Ok(answer) => vec![self.event(request, None, answer.status, "permit")],
            Err(failure) => vec![self.event(request, None, failure.status, decision(failure))],
        }
    }

    fn event(&self, request: &Request, touched: Option<&Touched>, status: StatusCode, decision: &'static str) -> Event {
        Event {
            organization: self.organization,
            caller: self.caller.into(),
            interaction: request.interaction.name(),
            kind: touched.map(|touched| touched.kind.clone()).or_else(|| request.kind.map(Into::into)),
            id: touched.map_or_else(|| request.id.clone(), |touched| Some(touched.id.clone())),
            patient: touched.filter(|touched| &*touched.kind == "Patient").map(|touched| touched.id.clone()),
            status: status.as_u16(),
            purpose: self.purpose,
            at_ms: self.endpoint.gateway.clock.now_ms(),
            request: request.request_id.clone(),
            decision,
        }
    }
}

/// What was decided, as far as the failure tells: everything else failed after, or before, a decision.
fn decision(failure: &Failure) -> &'static str {
    match failure.status {
        StatusCode::UNAUTHORIZED => "unauthenticated",
        StatusCode::FORBIDDEN => "refused",
        _ => "permit",
    }
}
