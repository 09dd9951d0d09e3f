//! What was done under a broken glass is marked in the audit trail.

use consent::{Action, Caller, Purpose};

use crate::audit::{Decision, Event};
use crate::interaction::Endpoint;
use crate::operation::break_glass::breaker;
use crate::outcome::Failure;

/// Marks the events of an exchange that began at `from_ms`: those about patients over whom the caller had broken the glass
/// meanwhile; and those of no resource, which may count them, where it had broken any. Nothing is asked for callers who may not
/// break the glass.
///
/// # Errors
/// 503 where the database does not answer: what cannot be recorded as what it was is not answered.
pub(super) async fn mark(
    endpoint: &Endpoint,
    caller: &Caller,
    purpose: Purpose,
    from_ms: i64,
    events: &mut [Event],
) -> Result<(), Failure> {
    let gateway = &endpoint.gateway;
    let Some(breaker) = breaker(gateway, caller, purpose).filter(|_| gateway.applies_consents_to(caller)) else {
        return Ok(());
    };
    if events.iter().all(|event| event.decision != Decision::Permit) {
        return Ok(());
    }
    let permit = gateway.permit(caller, purpose, Action::Read)?;
    let during = (from_ms, gateway.clock.now_ms());
    let held = gateway.store.glasses_held(&permit, &breaker, during).await?;
    for event in events.iter_mut().filter(|event| event.decision == Decision::Permit) {
        let marked = match (&event.patient, &event.id) {
            (Some(patient), _) => held.contains(patient),
            (None, Some(_)) => false,
            (None, None) => !held.is_empty(),
        };
        if marked {
            event.decision = Decision::PermitBreakGlass;
        }
    }
    Ok(())
}
