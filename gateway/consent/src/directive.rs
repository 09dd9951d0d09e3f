//! A Consent read as rules: <https://hl7.org/fhir/R4/consent.html>, by the rulings in RULINGS.md (their numbers stand beside
//! the code). What is not understood is decided here, once: a permit in doubt is left out, a deny in doubt matches.

mod criteria;

use std::borrow::Cow;
use std::collections::BTreeSet;

use mappers::json::{Element, Kind};
use mappers::references::Bases;
use mappers::search;

use crate::asking::{Coding, action, actor};
use crate::purpose;
use crate::rule::{ALWAYS, Rule};
use criteria::{criteria, has_unknown};

const SCOPES: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const POLICY_RULES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const PCF: &str = "https://profiles.ihe.net/ITI/PCF/Policy-";
/// Marks a row that nobody gave (E1).
pub const PRESUMED: &str = "urn:fhir-gateway:consent-presumed";

/// Exceptions, and bytes of all rules, of a Consent that is read: a permit inherits lists, and every write asks them again.
const MOST_EXCEPTIONS: usize = 256;
const LONGEST: usize = 256 * 1024;

/// Members of a Consent that are understood, or say nothing of what it permits.
const MEMBERS: [&str; 24] = [
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
    "fhir_comments",
];

/// One Consent that is enforced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Directive {
    /// `Consent/id`, or where it was found.
    pub name: String,
    /// The patient: `Patient/id`, or a whole address; `None` where the reference cannot be compared.
    pub patient: Option<String>,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// It is not enforceable (B8): its rules are what remains of it.
    pub doubtful: bool,
    /// Why not: rows of RULINGS.md.
    pub obstacles: Vec<&'static str>,
    /// Why its permits do not count: rows of RULINGS.md.
    pub weakness: Vec<&'static str>,
    /// Nobody gave it (E1).
    pub presumed: bool,
    /// Not the patient alone gave it (E2).
    pub by_others: bool,
    /// What makes a series (A4).
    series: Series,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Series {
    scope: String,
    policies: BTreeSet<String>,
    identifiers: BTreeSet<Coding>,
    /// In ticks, the end excluded.
    dated: Option<(i64, i64)>,
}

impl Directive {
    /// Reads a Consent; `None` for one that is not enforced (B2, B12).
    #[must_use]
    pub fn read(consent: Element<'_>, name: &str) -> Option<Self> {
        let status = word(consent, "status");
        let scope = consent.member("scope").map(|scope| codes(scope, SCOPES)).unwrap_or_default();
        let scopes: BTreeSet<&str> = scope.iter().map(|code| &**code).collect();
        let mut doubtful = false;
        match status.as_deref() {
            Some("active") => {}
            Some("draft" | "proposed" | "rejected" | "inactive" | "entered-in-error") => return None,
            _ => doubtful = true,
        }
        let scope = match scopes.first().copied() {
            Some(scope @ ("patient-privacy" | "research")) if scopes.len() == 1 => scope.to_owned(),
            Some("treatment" | "adr") if scopes.len() == 1 => return None,
            _ => {
                doubtful = true;
                String::new()
            }
        };
        let patient = consent.member("patient").filter(|patient| !patient.is_empty())?;
        let presumed = items(consent, "extension").any(|extension| {
            word(extension, "url").as_deref() == Some(PRESUMED)
                && extension.member("valueBoolean").is_some_and(|value| value.raw() == "true")
        });
        let reading = Reading { consent, research: scope == "research", doubtful };
        let (mut rules, obstacles) = reading.rules();
        let whose = word(patient, "reference").as_deref().and_then(actor);
        let weakness = [
            ("A8", whose.is_none()),
            ("B13", is_unverified(consent)),
            ("B15", obstacles.is_empty() && reading.has_unknown()),
            ("E1", presumed),
        ];
        let weakness: Vec<&str> = weakness.into_iter().filter(|(_, weak)| *weak).map(|(row, _)| row).collect();
        if !weakness.is_empty() {
            rules.retain(|rule| rule.deny);
        }
        Some(Self {
            name: name.to_owned(),
            patient: whose,
            rules,
            doubtful: !obstacles.is_empty(),
            obstacles,
            weakness,
            presumed,
            by_others: false,
            series: Series::of(consent, scope),
        })
    }

    /// Takes references below this server's addresses for its own (C2).
    pub fn at_home(&mut self, bases: &Bases) {
        if let Some((kind, id)) = self.patient.as_deref().and_then(|patient| bases.own(patient)) {
            self.patient = Some(format!("{kind}/{id}"));
        }
        let actors = self.rules.iter_mut().filter_map(|rule| rule.actors.as_mut()).flatten();
        for name in actors {
            if let Some((kind, id)) = bases.own(name) {
                *name = format!("{kind}/{id}");
            }
        }
    }

    /// Frees denies of persons who are named by a whole address, where nobody knows whether that is ours: in doubt (C2).
    pub fn away_from_home(&mut self) {
        for rule in self.rules.iter_mut().filter(|rule| rule.deny) {
            if rule.actors.as_ref().is_some_and(|actors| actors.iter().any(|actor| actor.contains(':'))) {
                rule.actors = None;
            }
        }
    }

    /// Reads as the gateway answers them: what is read is used and disclosed, too, to a deny (C5).
    pub fn of_reads(&mut self) {
        let bit = |code| action(code).unwrap_or_default();
        for actions in self.rules.iter_mut().filter(|rule| rule.deny).filter_map(|rule| rule.actions.as_mut()) {
            if *actions & (bit("use") | bit("disclose")) != 0 {
                *actions |= bit("access");
            }
        }
    }

    /// Reads as the gateway takes writes: what corrects collects, too, to a deny (C5).
    pub fn of_writes(&mut self) {
        let bit = |code| action(code).unwrap_or_default();
        for actions in self.rules.iter_mut().filter(|rule| rule.deny).filter_map(|rule| rule.actions.as_mut()) {
            if *actions & bit("collect") != 0 {
                *actions |= bit("correct");
            }
        }
    }

    /// Whether this one comes after `other` in the same series (A4).
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        let (Some(mine), Some(others)) = (self.series.dated, other.series.dated) else { return false };
        self.patient == other.patient
            && self.series.scope == other.series.scope
            && self.series.policies == other.series.policies
            && !self.series.identifiers.is_disjoint(&other.series.identifiers)
            && mine.0 >= others.1
    }
}

impl Directive {
    /// Whether all of what it supersedes is gone. One in doubt, one whose permits do not count and one that others gave take
    /// permits away and leave the denies: a patient's deny ends by the patient's own word alone.
    fn takes_the_place(&self) -> bool {
        !self.doubtful && self.weakness.is_empty() && !self.by_others
    }
}

/// Whether one that takes its place comes after this one in its series (A4).
#[must_use]
pub fn supersedes_any(directives: &[Directive], one: &Directive) -> bool {
    directives.iter().any(|other| other.takes_the_place() && other.supersedes(one))
}

/// Takes superseded ones out (A4): all that is left holds.
#[must_use]
pub fn in_force(directives: Vec<Directive>) -> Vec<Directive> {
    let gone = |one: &Directive| supersedes_any(&directives, one);
    let weakened = |one: &Directive| directives.iter().any(|other| other.supersedes(one));
    let mut left = Vec::with_capacity(directives.len());
    for one in directives.iter().filter(|one| !gone(one)) {
        let mut one = one.clone();
        if weakened(&one) {
            one.rules.retain(|rule| rule.deny);
        }
        left.push(one);
    }
    left
}

impl Series {
    fn of(consent: Element<'_>, scope: String) -> Self {
        let identifiers = items(consent, "identifier").filter_map(|identifier| {
            let system = word(identifier, "system").unwrap_or_default().into_owned();
            // A value alone is nobody's: it makes no series.
            (!system.is_empty()).then_some(Coding { system, code: word(identifier, "value")?.into_owned() })
        });
        Self {
            scope,
            policies: policies(consent).collect(),
            identifiers: identifiers.collect(),
            dated: consent.member("dateTime").and_then(search::instants),
        }
    }
}

/// What the base rule says, and where that was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Base {
    /// `provision.type`.
    Typed { deny: bool, treatment: bool },
    /// `policyRule`.
    Ruled { deny: bool },
    /// One of PCF's policies; `treatment`: for treatment alone.
    Pcf { deny: bool, treatment: bool },
}

impl Base {
    fn denies(self) -> bool {
        match self {
            Self::Typed { deny, .. } | Self::Ruled { deny } | Self::Pcf { deny, .. } => deny,
        }
    }
}

struct Reading<'c> {
    consent: Element<'c>,
    research: bool,
    doubtful: bool,
}

impl<'c> Reading<'c> {
    /// Whether something at the root, or beside it, is not understood (B15): what restricts the root may restrict all of it.
    fn has_unknown(&self) -> bool {
        let unknown =
            |member: Element<'_>| member.key().is_some_and(|key| !key.starts_with('_') && !MEMBERS.contains(&&*key));
        self.consent.children().any(unknown) || self.consent.member("provision").is_some_and(has_unknown)
    }

    /// The rules, and why the Consent is not enforceable (B8): nothing, where it is.
    fn rules(&self) -> (Vec<Rule>, Vec<&'static str>) {
        let root = self.consent.member("provision");
        let period = root.map_or(Some(ALWAYS), period_of);
        let base = self.base(root);
        let modified = ["modifierExtension", "implicitRules"].iter().any(|name| has(self.consent, name))
            || root.is_some_and(|root| has(root, "modifierExtension"));
        let deep = root.is_some_and(|root| items(root, "provision").any(|nested| has(nested, "provision")));
        let large =
            root.is_some_and(|root| items(root, "provision").count() > MOST_EXCEPTIONS || root.raw().len() > LONGEST);
        let obstacles = [("B2", self.doubtful), ("B5", base.is_none()), ("B7", deep), ("B8", modified), ("B16", large)];
        let obstacles: Vec<&str> = obstacles.into_iter().filter(|(_, is_one)| *is_one).map(|(row, _)| row).collect();
        let Some(base) = base.filter(|_| !modified) else { return (deny_all(period), obstacles) };
        if large {
            return (deny_all(period), obstacles);
        }
        if self.doubtful || deep {
            let names_actors = matches!(base, Base::Ruled { .. }) && root.is_some_and(|root| has(root, "actor"));
            let denies = base.denies() || names_actors || root.is_some_and(has_deny);
            return (if denies { deny_all(period) } else { Vec::new() }, obstacles);
        }
        let mut rules = self.base_rules(base, root);
        for (at, (root, nested)) in
            root.into_iter().flat_map(|root| items(root, "provision").map(move |nested| (root, nested))).enumerate()
        {
            rules.extend(self.nested(nested, base, root, &format!("provision.provision[{at}]")));
        }
        // The root's period bounds every rule (B10).
        for rule in &mut rules {
            rule.period = match period {
                Some(period) => (rule.period.0.max(period.0), rule.period.1.min(period.1)),
                None => rule.period,
            };
        }
        if period.is_none() {
            rules.retain(|rule| rule.deny);
        }
        rules.retain(|rule| rule.period.0 < rule.period.1);
        (rules, obstacles)
    }

    /// The base rule's direction (B4); `None` where there is none, or they contradict (B5).
    fn base(&self, root: Option<Element<'_>>) -> Option<Base> {
        if self.consent.member("policyRule").is_some_and(|rule| rule.kind() != Kind::Object) {
            return None;
        }
        let typed = match root.and_then(|root| root.member("type")) {
            None => None,
            Some(kind) => Some(deny_of(&kind.string()?)?),
        };
        let rules = self.consent.member("policyRule").map(|rule| codes(rule, POLICY_RULES)).unwrap_or_default();
        let ruled: BTreeSet<bool> = rules.iter().filter_map(|code| rule_of(code)).collect();
        let policies: BTreeSet<String> = policies(self.consent).collect();
        let pcf: BTreeSet<(bool, bool)> = policies.iter().filter_map(|uri| pcf_of(uri)).collect();
        let pcf_denies = pcf.iter().any(|(deny, _)| *deny);
        if ruled.len() > 1 || (pcf_denies && pcf.iter().any(|(deny, _)| !deny)) {
            return None;
        }
        let ruled = ruled.first().copied();
        if let (Some(typed), Some(ruled)) = (typed, ruled)
            && typed != ruled
        {
            return None;
        }
        let said = typed.or(ruled);
        if said == Some(false) && pcf_denies {
            return None;
        }
        match (typed, ruled) {
            // Who accepts PCF's policy for treatment accepts that.
            (Some(deny), _) => {
                let treatment = !deny && pcf.iter().any(|(_, treatment)| *treatment);
                Some(Base::Typed { deny, treatment })
            }
            (None, Some(deny)) => Some(Base::Ruled { deny }),
            // Of two policies that permit, the narrower.
            (None, None) => {
                pcf.iter().next_back().map(|(deny, treatment)| Base::Pcf { deny: *deny, treatment: *treatment })
            }
        }
    }

    fn base_rules(&self, base: Base, root: Option<Element<'_>>) -> Vec<Rule> {
        let deny = base.denies();
        let untyped = !matches!(base, Base::Typed { .. });
        let alone = |place| Rule::of_all(deny, false, place);
        let rule = match root {
            None => Some(alone("policyRule")),
            // A deny that the policy says ignores what else stands at the root (B6).
            Some(_) if deny && untyped => Some(alone("provision")),
            // HL7's own example names here who is not to see: what both readings say is that nobody is permitted by it.
            Some(root) if matches!(base, Base::Ruled { .. }) && !deny && has(root, "actor") => {
                let actors = criteria(root, |_| root, true, "provision").and_then(|rule| rule.actors);
                Some(Rule { actors, ..Rule::of_all(true, true, "provision") })
            }
            Some(root) => criteria(root, |_| root, deny, "provision"),
        };
        let states_purpose = root.is_some_and(|root| has(root, "purpose"));
        rule.and_then(|rule| self.narrowed(base, rule, states_purpose)).into_iter().collect()
    }

    /// The rule within what the policy and the scope say: PCF's policy for treatment, research (B3, B4). `None` where
    /// nothing is left of a permit.
    fn narrowed(&self, base: Base, mut rule: Rule, states_purpose: bool) -> Option<Rule> {
        let treatment =
            matches!(base, Base::Pcf { treatment: true, .. } | Base::Typed { treatment: true, .. }) && !rule.deny;
        if treatment && (!rule.nested || !states_purpose) {
            let treatment = under("TREAT");
            rule.purposes = Some(match rule.purposes.take() {
                Some(purposes) => purposes.into_iter().filter(|code| treatment.contains(code)).collect(),
                None => treatment,
            });
        }
        if self.research && rule.purposes.is_none() && !states_purpose {
            rule.purposes = Some(under("HRESCH"));
        }
        (rule.deny || rule.purposes.as_ref().is_none_or(|purposes| !purposes.is_empty())).then_some(rule)
    }

    /// The rule of a nested provision, with what it inherits (B10).
    fn nested<'n>(&self, nested: Element<'n>, base: Base, root: Element<'n>, place: &str) -> Option<Rule> {
        let deny = word(nested, "type").and_then(|kind| deny_of(&kind));
        let Some(deny) = deny.filter(|_| !has(nested, "modifierExtension")) else {
            return Some(Rule::of_all(true, true, place));
        };
        let own_data = DATA.into_iter().any(|name| has(nested, name));
        let inherits =
            |name: &str| !deny && !has(nested, name) && (!DATA.contains(&name) || base.denies() || !own_data);
        let source = |name: &str| if inherits(name) { root } else { nested };
        let rule = criteria(nested, source, deny, place).map(|rule| Rule { nested: true, ..rule })?;
        self.narrowed(base, rule, has(nested, "purpose"))
    }
}

/// The criteria of the resource.
const DATA: [&str; 5] = ["securityLabel", "class", "code", "dataPeriod", "data"];

/// B8: everything of the patient, to everyone, while the root's period lasts.
fn deny_all(period: Option<(i64, i64)>) -> Vec<Rule> {
    let rule = Rule::of_all(true, true, "Consent");
    vec![Rule { period: period.filter(|(low, high)| low < high).unwrap_or(ALWAYS), ..rule }]
}

/// The period of a provision: [`ALWAYS`] where it states none, `None` where it is none that could be compared.
fn period_of(provision: Element<'_>) -> Option<(i64, i64)> {
    match provision.member("period") {
        None => Some(ALWAYS),
        Some(period) => search::period(period).filter(|(low, high)| low < high),
    }
}

/// A deny, or what may be one, at any depth.
fn has_deny(provision: Element<'_>) -> bool {
    items(provision, "provision").any(|nested| {
        word(nested, "type").as_deref() != Some("permit") || has(nested, "modifierExtension") || has_deny(nested)
    })
}

/// `verification` present, and none of it verified (B13).
fn is_unverified(consent: Element<'_>) -> bool {
    let verified = |one: Element<'_>| one.member("verified").is_some_and(|verified| verified.raw() == "true");
    has(consent, "verification") && !items(consent, "verification").any(verified)
}

fn deny_of(kind: &str) -> Option<bool> {
    match kind {
        "deny" => Some(true),
        "permit" => Some(false),
        _ => None,
    }
}

fn rule_of(code: &str) -> Option<bool> {
    match code {
        "OPTIN" | "OPTINR" => Some(false),
        "OPTOUT" | "OPTOUTE" | "NOCONSENT" => Some(true),
        _ => None,
    }
}

/// Whether one of PCF's policies denies, and whether it is for treatment alone.
fn pcf_of(uri: &str) -> Option<(bool, bool)> {
    match uri.strip_prefix(PCF)? {
        "all-normal" => Some((false, false)),
        "basic-normal" => Some((false, true)),
        "break-glass-only" | "deny" => Some((true, false)),
        _ => None,
    }
}

fn policies(consent: Element<'_>) -> impl Iterator<Item = String> {
    items(consent, "policy").filter_map(|policy| word(policy, "uri").map(Cow::into_owned))
}

fn under(code: &str) -> Vec<String> {
    purpose::with_all_under(code).unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// The codes of a concept in one system.
fn codes<'c>(concept: Element<'c>, system: &str) -> Vec<Cow<'c, str>> {
    let ours = |coding: &Element<'_>| word(*coding, "system").as_deref() == Some(system);
    items(concept, "coding").filter(ours).filter_map(|coding| word(coding, "code")).collect()
}

/// The items of a list; an object in its place is its one item.
fn items<'c>(element: Element<'c>, name: &str) -> impl Iterator<Item = Element<'c>> + use<'c> {
    let list = element.member(name);
    let alone = list.filter(|list| list.kind() == Kind::Object);
    let many = list.filter(|list| list.kind() == Kind::Array);
    alone.into_iter().chain(many.into_iter().flat_map(|list| list.children()))
}

fn word<'c>(element: Element<'c>, name: &str) -> Option<Cow<'c, str>> {
    element.member(name)?.string()
}

/// Whether a member is there and says something.
fn has(element: Element<'_>, name: &str) -> bool {
    element.member(name).is_some_and(|member| match member.kind() {
        Kind::Array | Kind::Object => !member.is_empty(),
        Kind::Null => false,
        _ => true,
    })
}
