//! The decision and its two outcomes.

use std::fmt;

use crate::caller::{Caller, CallerKind, OrganizationId};
use crate::policy::{Default, OrganizationPolicy};
use crate::predicate::Predicate;
use crate::purpose::Purpose;

/// What a caller wants to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Change data; implies reading what is changed.
    Change,
    /// The gateway's own upkeep of versions and indexes after foreign writers; shows nothing to anyone.
    Maintain,
    /// Look at data.
    Read,
}

impl Action {
    /// The word the audit trail uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Maintain => "maintain",
            Self::Read => "read",
        }
    }
}

/// What a decision is made on.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// What is wanted.
    pub action: Action,
    /// Who wants it.
    pub caller: &'a Caller,
    /// The organization's defaults.
    pub policy: &'a OrganizationPolicy,
    /// Why.
    pub purpose: Purpose,
    /// Limits the exchange to one patient (a compartment request, a patient-scoped token).
    pub patient: Option<&'a str>,
}

/// Leave to touch clinical data: only [`decide`] makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    action: Action,
    caller: String,
    organization: OrganizationId,
    predicate: Predicate,
    purpose: Purpose,
}

impl Permit {
    /// What may be done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Who may do it.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// In whose rows.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// What the store must add to every plan.
    pub fn predicate(&self) -> &Predicate {
        &self.predicate
    }

    /// Why.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// True where the permit allows writing.
    pub fn allows_change(&self) -> bool {
        matches!(self.action, Action::Change | Action::Maintain)
    }
}

/// Why an exchange is refused. Says nothing about any patient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The organization's default for this purpose is deny.
    DefaultDeny(Purpose),
    /// Upkeep was asked for by somebody who is not the gateway.
    NotTheGateway,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultDeny(purpose) => {
                write!(f, "the organization's default for purpose of use {} is deny", purpose.code())
            }
            Self::NotTheGateway => f.write_str("only the gateway itself maintains versions and indexes"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Decides. No match is a denial; the layers that are absent yet (consents, statutes, break-glass) can only narrow
/// what this grants.
///
/// # Errors
/// The [`Refusal`] names the layer that refused.
pub fn decide(context: &Context<'_>) -> Result<Permit, Refusal> {
    if context.action == Action::Maintain {
        if context.caller.kind != CallerKind::Gateway {
            return Err(Refusal::NotTheGateway);
        }
    } else if context.policy.default_for(context.purpose) == Default::Deny {
        return Err(Refusal::DefaultDeny(context.purpose));
    }
    Ok(Permit {
        action: context.action,
        caller: context.caller.id.clone(),
        organization: context.caller.organization,
        predicate: context.patient.map_or(Predicate::Organization, |id| Predicate::Patient(id.to_owned())),
        purpose: context.purpose,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(kind: CallerKind) -> Caller {
        Caller { id: "c".into(), kind, organization: OrganizationId(1) }
    }

    fn ask(kind: CallerKind, action: Action, purpose: Purpose, policy: &OrganizationPolicy) -> Result<Permit, Refusal> {
        decide(&Context { action, caller: &caller(kind), patient: None, policy, purpose })
    }

    #[test]
    fn treatment_is_permitted_and_research_refused_under_treatment_opt_out() {
        let policy = OrganizationPolicy::treatment_opt_out();
        assert!(ask(CallerKind::System, Action::Read, Purpose::Treat, &policy).is_ok());
        assert_eq!(
            ask(CallerKind::System, Action::Read, Purpose::Hresch, &policy).unwrap_err(),
            Refusal::DefaultDeny(Purpose::Hresch)
        );
    }

    #[test]
    fn opt_in_denies_treatment_by_default() {
        let policy = OrganizationPolicy::opt_in();
        assert!(ask(CallerKind::System, Action::Read, Purpose::Treat, &policy).is_err());
    }

    #[test]
    fn only_the_gateway_maintains() {
        let policy = OrganizationPolicy::treatment_opt_out();
        assert_eq!(
            ask(CallerKind::Operator, Action::Maintain, Purpose::Treat, &policy).unwrap_err(),
            Refusal::NotTheGateway
        );
        assert!(ask(CallerKind::Gateway, Action::Maintain, Purpose::Hoperat, &policy).is_ok());
    }

    #[test]
    fn a_patient_limit_narrows_the_predicate() {
        let policy = OrganizationPolicy::treatment_opt_out();
        let caller = caller(CallerKind::System);
        let permit = decide(&Context {
            action: Action::Read,
            caller: &caller,
            patient: Some("p1"),
            policy: &policy,
            purpose: Purpose::Treat,
        })
        .unwrap();
        assert!(permit.predicate().admits(Some("p1")));
        assert!(!permit.predicate().admits(Some("p2")));
        assert!(!permit.predicate().admits(None));
        assert!(!permit.predicate().is_unrestricted());
    }

    #[test]
    fn purposes_parse_their_own_codes() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.code()), Some(purpose));
        }
    }
}
