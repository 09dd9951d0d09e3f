//! The decision and its two outcomes.

use std::fmt;
use std::sync::Arc;

use crate::asked::Asked;
use crate::asking::{Asking, Coding};
use crate::caller::{Caller, CallerKind, OrganizationId};
use crate::glass::Breaker;
use crate::policy::{Default, OrganizationPolicy};
use crate::predicate::Predicate;
use crate::purpose::Purpose;
use crate::statute::Statutes;

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
    /// The law that holds beside the federal one.
    pub statutes: &'a Statutes,
    /// Limits the exchange to one patient (a compartment request, a patient-scoped token).
    pub patient: Option<&'a str>,
    /// How the patients' Consents and statute are applied; `None` where they are not: to the gateway's own operators, who
    /// see the database itself, and in development unless asked for.
    pub application: Option<Application>,
    /// How they would be applied, where they are not but the audit trail is to tell what would have come of it.
    pub observation: Option<Application>,
}

/// How Consents and statute are applied to an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Application {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The caller is one of those who may break the glass, so that its broken glasses count (G1).
    pub may_break_glass: bool,
}

/// Leave to touch clinical data: only [`decide`] makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    action: Action,
    actors: Arc<[String]>,
    caller: String,
    client: Option<String>,
    observed: Option<Predicate>,
    organization: OrganizationId,
    predicate: Predicate,
    purpose: Purpose,
}

impl Permit {
    /// What may be done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Who the caller is in the terms of Consents: `Type/id`.
    pub fn actors(&self) -> &[String] {
        &self.actors
    }

    /// Who may do it.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The program that the caller acts through.
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// What the predicate would be if Consents and statute were applied, where they are not: it limits nothing, and the audit
    /// trail tells what it would have hidden.
    pub fn observed(&self) -> Option<&Predicate> {
        self.observed.as_ref()
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
    /// The caller's token is limited to scopes, and nothing would keep to them.
    Unlimited,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultDeny(purpose) => {
                write!(f, "the organization's default for purpose of use {} is deny", purpose.code())
            }
            Self::NotTheGateway => f.write_str("only the gateway itself maintains versions and indexes"),
            Self::Unlimited => f.write_str("tokens with scopes are taken where Consents are applied, and nowhere else"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Decides on an exchange. Which resources it may see, the permit's predicate says: where Consents are applied, row by row.
///
/// # Errors
/// The [`Refusal`] names the layer that refused.
pub fn decide(context: &Context<'_>) -> Result<Permit, Refusal> {
    if context.action == Action::Maintain {
        if context.caller.kind != CallerKind::Gateway {
            return Err(Refusal::NotTheGateway);
        }
    } else if context.application.is_none() && context.policy.default_for(context.purpose) == Default::Deny {
        return Err(Refusal::DefaultDeny(context.purpose));
    }
    // Scopes go along with what Consents decide, into every plan.
    if context.caller.scoped.is_some() && (context.application.is_none() || context.action == Action::Maintain) {
        return Err(Refusal::Unlimited);
    }
    let applied = |application: &Option<Application>| match application {
        Some(application) if context.action != Action::Maintain => Some(consents(context, *application)),
        _ => None,
    };
    let predicate = applied(&context.application).unwrap_or_else(|| match context.patient {
        Some(id) => Predicate::Patient(id.to_owned()),
        None => Predicate::Organization,
    });
    Ok(Permit {
        action: context.action,
        actors: context.caller.actors.as_slice().into(),
        caller: context.caller.id.clone(),
        client: context.caller.client.clone(),
        observed: applied(&context.observation),
        organization: context.caller.organization,
        predicate,
        purpose: context.purpose,
    })
}

/// What Consents, statute and the default let the caller see.
fn consents(context: &Context<'_>, application: Application) -> Predicate {
    let asking = Asking {
        actors: context.caller.actors.clone(),
        purpose: Some(Coding::purpose(context.purpose.code())),
        break_glass: false,
        action: "access".to_owned(),
        at_ms: application.at_ms,
        statutes: context.statutes.clone(),
    };
    let default = context.policy.default_for(context.purpose);
    let breaker = || Breaker::new(Some(&context.caller.id), &context.caller.actors, context.purpose.code());
    let breaker = if application.may_break_glass { breaker() } else { None };
    let asked = Asked::new(asking, default, context.patient.map(str::to_owned));
    let asked = asked.breaking(breaker).of_officer(context.caller.officer).within(context.caller.scoped.clone());
    Predicate::Consents(Box::new(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoped::{Scoped, Types};

    fn caller(kind: CallerKind) -> Caller {
        Caller {
            id: "c".into(),
            client: None,
            kind,
            organization: OrganizationId(1),
            actors: Vec::new(),
            officer: false,
            scoped: None,
        }
    }

    fn ask(kind: CallerKind, action: Action, purpose: Purpose, policy: &OrganizationPolicy) -> Result<Permit, Refusal> {
        let caller = &caller(kind);
        decide(&Context {
            action,
            application: None,
            caller,
            observation: None,
            patient: None,
            policy,
            purpose,
            statutes: &Statutes::default(),
        })
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
            application: None,
            caller: &caller,
            observation: None,
            patient: Some("p1"),
            policy: &policy,
            purpose: Purpose::Treat,
            statutes: &Statutes::default(),
        })
        .unwrap();
        assert!(permit.predicate().admits(Some("p1")));
        assert!(!permit.predicate().admits(Some("p2")));
        assert!(!permit.predicate().admits(None));
        assert!(!permit.predicate().is_unrestricted());
    }

    #[test]
    fn what_is_observed_limits_nothing() {
        let policy = OrganizationPolicy::treatment_opt_out();
        let caller = caller(CallerKind::System);
        let permit = decide(&Context {
            action: Action::Read,
            application: None,
            caller: &caller,
            observation: Some(Application { at_ms: 0, may_break_glass: false }),
            patient: None,
            policy: &policy,
            purpose: Purpose::Treat,
            statutes: &Statutes::default(),
        })
        .unwrap();
        assert!(permit.predicate().is_unrestricted());
        assert!(matches!(permit.observed(), Some(Predicate::Consents(_))));
    }

    #[test]
    fn what_is_limited_to_scopes_goes_nowhere_without_its_limit() {
        let policy = OrganizationPolicy::treatment_opt_out();
        let caller = Caller { scoped: Some(Arc::new(Scoped::new(|_| Types::none()))), ..caller(CallerKind::System) };
        let application = Some(Application { at_ms: 0, may_break_glass: false });
        let ask = |application, observation| {
            decide(&Context {
                action: Action::Read,
                application,
                caller: &caller,
                observation,
                patient: None,
                policy: &policy,
                purpose: Purpose::Treat,
                statutes: &Statutes::default(),
            })
        };
        assert_eq!(ask(None, None).unwrap_err(), Refusal::Unlimited);
        assert_eq!(ask(None, application).unwrap_err(), Refusal::Unlimited);
        let permit = ask(application, None).unwrap();
        assert!(matches!(permit.predicate(), Predicate::Consents(asked) if asked.scoped().is_some()));
        assert!(matches!(&*permit.predicate().beyond_scopes(), Predicate::Consents(asked) if asked.scoped().is_none()));
    }

    #[test]
    fn purposes_parse_their_own_codes() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.code()), Some(purpose));
        }
    }
}
