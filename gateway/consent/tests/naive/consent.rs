//! One Consent: rows B1 to B13.

use serde_json::{Value, json};

use super::Asking;
use super::criteria::in_period;
use super::facts::{Facts, each, unversioned};
use super::rule::{Rule, doubtful};
use super::vocabulary::{ACT_CODE, CONSENT_SCOPE, PCF};

/// The elements that R4 has in a Consent.
const KNOWN: [&str; 23] = [
    "resourceType",
    "id",
    "meta",
    "implicitRules",
    "language",
    "text",
    "contained",
    "extension",
    "modifierExtension",
    "identifier",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
    "provision",
];

/// Marks a row that nobody gave (row E1).
const PRESUMED: &str = "urn:fhir-gateway:consent-presumed";

/// How a Consent stands (rows B2 and B12).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// As if it were not there.
    Absent,
    /// Its status or scope is not understood.
    Doubtful,
    Enforced,
}

/// What a Consent comes to (row B1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Saying {
    Deny,
    Nothing,
    Permit {
        /// The sensitivities that its permits name, of those that match (rows D4, D7).
        named: Vec<String>,
    },
}

pub(crate) fn standing(consent: &Value) -> Standing {
    // B12
    if consent.get("patient").is_none() {
        return Standing::Absent;
    }
    // B2
    let scope = scope(consent);
    match (consent["status"].as_str(), scope) {
        (Some("draft" | "proposed" | "rejected" | "inactive" | "entered-in-error"), _) => Standing::Absent,
        (_, Some("treatment" | "adr")) => Standing::Absent,
        (Some("active"), Some("patient-privacy" | "research")) => Standing::Enforced,
        _ => Standing::Doubtful,
    }
}

/// The code of consentscope.
pub(crate) fn scope(consent: &Value) -> Option<&str> {
    let codings = consent["scope"].get("coding").map(each).unwrap_or_default();
    codings.into_iter().find(|coding| coding["system"] == CONSENT_SCOPE).and_then(|coding| coding["code"].as_str())
}

/// B8: whether it can be enforced at all.
pub(crate) fn enforceable(consent: &Value) -> bool {
    let nested = consent["provision"].get("provision").map(each).unwrap_or_default();
    !modified(consent)
        && base(consent).is_some()
        && !nested.iter().any(|rule| rule.get("provision").is_some())
        && standing(consent) == Standing::Enforced
}

/// B8; one at the root modifies the Consent as one beside it does.
fn modified(consent: &Value) -> bool {
    let root = consent["provision"].get("modifierExtension").is_some();
    root || consent.get("modifierExtension").is_some() || consent.get("implicitRules").is_some()
}

/// `permits`: whether its permits count (A4).
pub(crate) fn says(consent: &Value, permits: bool, facts: &Facts, asking: &Asking) -> Saying {
    let nothing = json!({});
    let root = consent.get("provision").unwrap_or(&nothing);
    let deny_all = || if lasts(root, asking) { Saying::Deny } else { Saying::Nothing };

    // B8: what a modifier changes is not known.
    if modified(consent) {
        return deny_all();
    }
    // B5
    let Some(base) = base(consent) else { return deny_all() };
    // B7 and B2, by B8
    let nested: Vec<&Value> = root.get("provision").map(each).unwrap_or_default();
    let too_deep = nested.iter().any(|rule| rule.get("provision").is_some());
    if too_deep || standing(consent) == Standing::Doubtful {
        let denies = !base.permit || base.denies_actors(root) || nested.iter().any(|rule| holds_deny(rule));
        return if denies { deny_all() } else { Saying::Nothing };
    }

    let research = scope(consent) == Some("research");
    let scoped = |rule: Rule| if research { rule.for_research() } else { rule };
    let doubt = strange(consent, root);
    let doubted = |rule: Rule| if doubt && rule.permit { rule.doubted() } else { rule };
    // B3: a purpose that the base rule ignores (B6) is a purpose of the Consent all the same.
    let base_rule = base.rule(root);
    let base_rule =
        doubted(if root.get("purpose").is_some() || base.treatment { base_rule } else { scoped(base_rule) });
    let rules: Vec<Rule> = nested
        .iter()
        .map(|rule| {
            let everything =
                rule.get("modifierExtension").is_some() || !matches!(rule["type"].as_str(), Some("deny" | "permit"));
            let made = Rule::nested(root, rule, base_rule.permit);
            let made = if made.permit && base.treatment && rule.get("purpose").is_none() {
                made.for_treatment()
            } else {
                made
            };
            let treatment = made.permit && base.treatment;
            if everything {
                made
            } else if treatment {
                doubted(made)
            } else {
                doubted(scoped(made))
            }
        })
        .collect();

    // A8
    let stranger =
        facts.patient.is_some() && consent["patient"]["reference"].as_str().map(unversioned) != facts.patient;
    let no_permits = unverified(consent) || stranger || presumed(consent) || !permits;
    let matches = |rule: &Rule| !(rule.permit && no_permits) && rule.matches(facts, asking);
    // B1
    if rules.iter().any(|rule| !rule.permit && matches(rule)) {
        return Saying::Deny;
    }
    // B6: the actors of such a root are an exception from its OPTIN, as a nested deny would be.
    if base.denies_actors(root) && matches(&base_rule) {
        return Saying::Deny;
    }
    let nested = rules.iter().any(|rule| rule.permit && matches(rule));
    if !nested && !base_rule.permit && matches(&base_rule) {
        return Saying::Deny;
    }
    let permits: Vec<&Rule> = rules.iter().chain([&base_rule]).filter(|rule| rule.permit && matches(rule)).collect();
    if permits.is_empty() {
        return Saying::Nothing;
    }
    Saying::Permit { named: permits.iter().flat_map(|rule| rule.named()).collect() }
}

/// A4: whether what it supersedes is gone, denies and all: its own permits count.
pub(crate) fn has_the_word(consent: &Value) -> bool {
    let nothing = json!({});
    let named = consent["patient"]["reference"].as_str().is_some_and(|reference| !reference.starts_with('#'));
    let root = consent.get("provision").unwrap_or(&nothing);
    enforceable(consent) && named && !unverified(consent) && !presumed(consent) && !strange(consent, root)
}

/// B13
fn unverified(consent: &Value) -> bool {
    consent.get("verification").is_some_and(|all| !each(all).iter().any(|one| one["verified"] == true))
}

/// E1
fn presumed(consent: &Value) -> bool {
    let extensions = consent.get("extension").map(each).unwrap_or_default();
    extensions.iter().any(|extension| extension["url"] == PRESUMED)
}

/// B15: with something at the root or beside it that is not understood, no permit matches.
fn strange(consent: &Value, root: &Value) -> bool {
    doubtful(root) || consent.as_object().is_some_and(|all| all.keys().any(|name| !KNOWN.contains(&name.as_str())))
}

/// B8 and C1: the root's period, and in doubt a deny lasts.
fn lasts(root: &Value, asking: &Asking) -> bool {
    root.get("period").is_none_or(|period| in_period(period, false, asking.at_ms))
}

fn holds_deny(rule: &Value) -> bool {
    rule["type"] != "permit"
        || rule.get("modifierExtension").is_some()
        || rule.get("provision").map(each).unwrap_or_default().into_iter().any(holds_deny)
}

/// Where the base rule comes from.
struct Base {
    permit: bool,
    typed: bool,
    /// It comes from `policyRule`.
    ruled: bool,
    /// `Policy-basic-normal` is what it permits.
    treatment: bool,
}

impl Base {
    /// B6: the root of an untyped permit names actors.
    fn denies_actors(&self, root: &Value) -> bool {
        self.permit && self.ruled && root.get("actor").is_some()
    }

    /// B6
    fn rule(&self, root: &Value) -> Rule {
        if self.denies_actors(root) {
            Rule::deny_actors(root)
        } else if !self.permit && !self.typed {
            Rule::deny_all(root)
        } else if self.treatment {
            Rule::root(root, self.permit).for_treatment()
        } else {
            Rule::root(root, self.permit)
        }
    }
}

/// B4 and B5; none where it is unknown or contradictory.
fn base(consent: &Value) -> Option<Base> {
    let typed = match consent["provision"].get("type") {
        None => None,
        Some(kind) if kind == "permit" => Some(true),
        Some(kind) if kind == "deny" => Some(false),
        Some(_) => return None,
    };
    let codings = consent["policyRule"].get("coding").map(each).unwrap_or_default();
    let ruled = |codes: &[&str]| {
        codings.iter().any(|c| c["system"] == ACT_CODE && c["code"].as_str().is_some_and(|code| codes.contains(&code)))
    };
    let (opts_in, opts_out) = (ruled(&["OPTIN", "OPTINR"]), ruled(&["OPTOUT", "OPTOUTE", "NOCONSENT"]));
    let policy = |name: &str| {
        let policies = consent.get("policy").map(each).unwrap_or_default();
        policies.iter().any(|policy| policy["uri"].as_str() == Some(&format!("{PCF}{name}")))
    };
    let basic = policy("Policy-basic-normal");
    let (lets, forbids) =
        (basic || policy("Policy-all-normal"), policy("Policy-break-glass-only") || policy("Policy-deny"));

    let contradictions = [
        opts_in && opts_out,
        typed == Some(true) && opts_out,
        typed == Some(false) && opts_in,
        forbids && (typed == Some(true) || opts_in || lets),
    ];
    let ruled = if opts_in { Some(true) } else { opts_out.then_some(false) };
    let listed = if forbids { Some(false) } else { lets.then_some(true) };
    if contradictions.contains(&true) {
        return None;
    }
    let permit = typed.or(ruled).or(listed)?;
    Some(Base { permit, typed: typed.is_some(), ruled: typed.is_none() && ruled.is_some(), treatment: permit && basic })
}
