//! The audit call of every exchange: the record is durable before the answer leaves, for refusals and failures too.

use std::sync::Arc;

use consent::{Caller, Purpose};
use hyper::StatusCode;

use crate::audit::{Circumstances, Decision, Event, address};
use crate::auth::Identity;
use crate::gateway::DEFAULT_ORGANIZATION;
use crate::interaction::{Answer, Endpoint, Request, Touched, about, glass, perform as decide_and_perform};
use crate::outcome::Failure;
use crate::router::Interaction;
use crate::store::Basis;

/// Who sent a request without a valid token.
pub(crate) const NOBODY: &str = "unauthenticated";

/// When a transaction that is recorded now began at the earliest, in milliseconds: a glass that has ended since counts.
const LONGEST_TRANSACTION_MS: i64 = 60_000;

/// Does what is asked, and records it. What was touched is in the record then, no longer in the answer.
///
/// # Errors
/// The interaction's failure, recorded; or 503 where it could not be recorded.
pub async fn perform(
    endpoint: &Endpoint,
    caller: &Caller,
    purpose: Purpose,
    request: &Request,
) -> Result<Answer, Failure> {
    let begun_ms = endpoint.gateway.clock.now_ms();
    let mut result = decide_and_perform(endpoint, caller, purpose, request).await;
    let touched = result.as_mut().map(|answer| std::mem::take(&mut answer.touched)).unwrap_or_default();
    let record = Record::of(endpoint, Some(Identity { caller, purpose }), request);
    let mut events = record.events(request, &result, touched);
    if matches!(&result, Err(failure) if decision(failure) == Decision::Refused) {
        endpoint.gateway.store.refused(caller.organization, &caller.id);
    }
    // What was done is on record also where nobody can say whether it was under a broken glass; then nobody is answered.
    let marked = glass::mark(endpoint, caller, purpose, begun_ms, &mut events).await;
    endpoint.gateway.audit.record_all(events).await?;
    marked?;
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
    let decision = decision(&failure);
    let event = Record::of(endpoint, identity, request).untouched(request, failure.status, decision);
    match (decision, identity) {
        (Decision::Refused, Some(identity)) => {
            endpoint.gateway.store.refused(identity.caller.organization, &identity.caller.id);
        }
        (Decision::Unauthenticated, _) => endpoint.gateway.store.refused_stranger(request.source),
        _ => {}
    }
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
    let mut events = of_writes(endpoint, Identity { caller, purpose }, entries);
    let begun_ms = endpoint.gateway.clock.now_ms() - LONGEST_TRANSACTION_MS;
    let marked = glass::mark(endpoint, caller, purpose, begun_ms, &mut events).await;
    endpoint.gateway.audit.record_all(events).await?;
    marked
}

fn of_writes<'r>(
    endpoint: &Endpoint,
    identity: Identity<'_>,
    entries: impl Iterator<Item = (&'r Request, &'r Option<Result<Answer, Failure>>)>,
) -> Vec<Event> {
    let mut done = entries.filter_map(|(request, answer)| Some((request, answer.as_ref()?))).peekable();
    let Some((request, _)) = done.peek() else { return Vec::new() };
    let record = Record::of(endpoint, Some(identity), request);
    let events = done.map(|(request, result)| {
        let touched = result.as_ref().map(|answer| answer.touched.clone()).unwrap_or_default();
        record.events(request, result, touched)
    });
    events.flatten().collect()
}

/// What all records of an exchange share.
struct Record<'r> {
    endpoint: &'r Endpoint,
    of: Arc<Circumstances>,
}

impl<'r> Record<'r> {
    fn of(endpoint: &'r Endpoint, identity: Option<Identity<'_>>, request: &Request) -> Self {
        let of = match identity {
            Some(Identity { caller, purpose }) => {
                let circumstances = Circumstances::of(&endpoint.gateway, caller, purpose, &request.request_id);
                Circumstances { source: request.source.map(address), ..circumstances }
            }
            None => Circumstances {
                source: request.source.map(address),
                ..Circumstances::unknown(DEFAULT_ORGANIZATION, NOBODY, &request.request_id, Purpose::Treat)
            },
        };
        Self { endpoint, of: of.into() }
    }

    /// One record for each resource that was shown or changed; one for the exchange where there was none.
    fn events(&self, request: &Request, result: &Result<Answer, Failure>, touched: Vec<Touched>) -> Vec<Event> {
        match result {
            Ok(answer) if touched.is_empty() => vec![self.untouched(request, answer.status, Decision::Permit)],
            Ok(answer) => touched.into_iter().map(|touched| self.touched(request, touched, answer.status)).collect(),
            Err(failure) => vec![self.untouched(request, failure.status, decision(failure))],
        }
    }

    fn touched(&self, request: &Request, touched: Touched, status: StatusCode) -> Event {
        let Touched { kind, id, version, basis: Basis { patient, epoch, would_deny, .. } } = touched;
        Event {
            version: Some(version),
            patient,
            epoch,
            ..self.event(request, status, Some(kind), Some(id), Decision::of(would_deny))
        }
    }

    /// What was asked about is all there is to tell. Who searches a compartment asks about what it is of, who names a patient in a
    /// search, or calls an operation on one, about that patient. What somebody asks whom nobody knows is in nobody's record.
    fn untouched(&self, request: &Request, status: StatusCode, decision: Decision) -> Event {
        let is_operation = matches!(request.interaction, Interaction::Operation(_)) && request.kind == Some("Patient");
        let (id, patient) = match request.compartment {
            _ if decision == Decision::Unauthenticated => (request.id.clone(), None),
            Some("Patient") => (None, request.id.clone()),
            None if is_operation && status.is_success() => (request.id.clone(), request.id.clone()),
            None if status.is_success() && request.id.is_none() => {
                (None, about::patient(request, &self.endpoint.gateway.store.bases()))
            }
            Some(_) => (None, None),
            None => (request.id.clone(), None),
        };
        Event { patient, ..self.event(request, status, request.kind.map(Into::into), id, decision) }
    }

    fn event(
        &self,
        request: &Request,
        status: StatusCode,
        kind: Option<Box<str>>,
        id: Option<Box<str>>,
        decision: Decision,
    ) -> Event {
        let at_ms = self.endpoint.gateway.clock.now_ms();
        let of = Arc::clone(&self.of);
        Event { kind, id, decision, ..Event::new(of, request.interaction.name(), status.as_u16(), at_ms) }
    }
}

/// What was decided, as far as the failure tells: everything else failed after, or before, a decision.
fn decision(failure: &Failure) -> Decision {
    match failure.status {
        StatusCode::UNAUTHORIZED => Decision::Unauthenticated,
        StatusCode::FORBIDDEN => Decision::Refused,
        _ => Decision::Permit,
    }
}
