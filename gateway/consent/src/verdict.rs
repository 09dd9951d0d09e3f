//! The decision itself: pure, from a request, the directives in force and a resource's facts.

use crate::asking::Asking;
use crate::directive::Directive;
use crate::facts::Facts;
use crate::labels::Labels;
use crate::policy::Default;
use crate::rule::Rule;
use crate::statute::{Bar, Demands};

/// The notice of 42 CFR 2.32 that travels along with Part 2 data (D3).
pub const NO_REDISCLOSURE: &str = "no-redisclosure";

/// What was decided, and by what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// It may be seen.
    pub permit: bool,
    /// What decided, from the strongest layer on: names of rules and layers, nothing of the patient.
    pub reasons: Vec<String>,
    /// What whoever gets it must do.
    pub obligations: Vec<String>,
}

/// What one Consent comes to (B1).
fn outcome<'d>(directive: &'d Directive, asking: &Asking, facts: &Facts<'_>) -> Option<&'d Rule> {
    let strength = |rule: &&Rule| (rule.nested, rule.deny);
    directive.rules.iter().filter(|rule| rule.matches(asking, facts)).max_by_key(strength)
}

/// Decides on one resource. `default`: what holds where no Consent says anything.
#[must_use]
pub fn decide(asking: &Asking, in_force: &[Directive], facts: &Facts<'_>, default: Default) -> Verdict {
    weigh(asking, in_force, facts, default).verdict()
}

/// What every layer says of one resource: the verdict is made of nothing else.
#[derive(Clone, Debug)]
pub struct Weighing<'d> {
    /// Why statute denies (D); `None` where it lets pass.
    pub statute: Option<String>,
    /// The glass is broken.
    pub glass: bool,
    /// The patient asks for its own (A7).
    pub own_request: bool,
    /// What each Consent comes to, of those that say anything: the rule that says it.
    pub matched: Vec<(&'d Directive, &'d Rule)>,
    /// What holds where no Consent says anything.
    pub default: Default,
    part2: bool,
}

/// Asks every layer.
#[must_use]
pub fn weigh<'d>(asking: &Asking, in_force: &'d [Directive], facts: &Facts<'_>, default: Default) -> Weighing<'d> {
    let matched: Vec<(&Directive, &Rule)> =
        in_force.iter().filter_map(|one| Some((one, outcome(one, asking, facts)?))).collect();
    let own_request = is_own_request(asking, facts);
    let part2 = facts.labels.meets(Labels::PART2);
    let permits = || matched.iter().filter(|(_, rule)| !rule.deny);
    // Any permit of a Consent that comes to one counts for statute, whichever of them decides.
    let permitting = || {
        let rules = permits().flat_map(|(directive, _)| &directive.rules);
        rules.filter(|rule| !rule.deny && rule.matches(asking, facts))
    };
    let bar = bar((asking, asking.demands()), facts, own_request, permits().next().is_some(), permitting);
    let statute = bar.map(|bar| asking.statutes.why(bar, asking));
    Weighing { statute, glass: asking.break_glass, own_request, matched, default, part2 }
}

/// What nothing lifts (D). `permitted`: a Consent permits; `permitting`: all rules that permit of those that do.
fn bar<'r, Rules: Iterator<Item = &'r Rule>>(
    (asking, demands): (&Asking, Demands),
    facts: &Facts<'_>,
    own_request: bool,
    permitted: bool,
    permitting: impl Fn() -> Rules,
) -> Option<Bar> {
    let named = || permitting().filter_map(|rule| rule.labels).fold(Labels::NONE, |found, labels| found | labels);
    let bar = demands.bar(facts.labels, own_request, permitted, named);
    if bar.is_some() || !facts.labels.meets(Labels::PSYCHOTHERAPY) {
        return bar;
    }
    let originator = facts.author.is_some_and(|author| asking.actors.iter().any(|actor| actor == author));
    let named = originator || permitting().any(|rule| rule.psychotherapy);
    (!named).then_some(Bar::Psychotherapy)
}

impl Weighing<'_> {
    /// The same where law is not asked: of what is written (F3).
    #[must_use]
    pub fn without_statute(self) -> Self {
        Self { statute: None, ..self }
    }

    /// What comes of the layers, the strictest first.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let name = |(directive, rule): &(&Directive, &Rule)| {
            format!("{} {}: {}", directive.name, rule.place, if rule.deny { "deny" } else { "permit" })
        };
        let of = |deny: bool| self.matched.iter().copied().filter(move |(_, rule)| rule.deny == deny);
        let (denies, permits): (Vec<_>, Vec<_>) = (of(true).collect(), of(false).collect());
        let denied = |reasons| Verdict { permit: false, reasons, obligations: Vec::new() };
        let permitted = |reasons| {
            let notice = self.part2.then(|| NO_REDISCLOSURE.to_owned());
            let consents = permits.iter().filter(|_| self.part2);
            let consents = consents.map(|(directive, _)| format!("consent {}", directive.name));
            Verdict { permit: true, reasons, obligations: notice.into_iter().chain(consents).collect() }
        };
        if let Some(why) = &self.statute {
            denied(vec![why.clone()])
        } else if self.glass {
            permitted(vec!["break-glass".to_owned()])
        } else if self.own_request {
            permitted(vec!["45 CFR 164.524: the patient's own request".to_owned()])
        } else if !denies.is_empty() {
            denied(denies.iter().map(name).collect())
        } else if !permits.is_empty() {
            permitted(permits.iter().map(name).collect())
        } else if self.default == Default::Permit {
            permitted(vec!["the organization's default".to_owned()])
        } else {
            denied(vec!["nothing permits it".to_owned()])
        }
    }
}

/// The Consents in force as one request meets them: who asks, why and when is asked of their rules once, not once a resource.
#[derive(Clone, Debug)]
pub struct Specialized<'d> {
    asking: &'d Asking,
    demands: Demands,
    default: Default,
    /// The rules of each Consent that hold for the request, those that go before others first.
    consents: Vec<Vec<&'d Rule>>,
}

impl<'d> Specialized<'d> {
    /// Asks the rules.
    #[must_use]
    pub fn of(asking: &'d Asking, in_force: &'d [Directive], default: Default) -> Self {
        let holding = |one: &'d Directive| {
            let mut rules: Vec<&Rule> = one.rules.iter().filter(|rule| rule.holds_for(asking)).collect();
            rules.sort_by_key(|rule| std::cmp::Reverse((rule.nested, rule.deny)));
            rules
        };
        let consents = in_force.iter().map(holding).filter(|rules| !rules.is_empty()).collect();
        Self { asking, demands: asking.demands(), default, consents }
    }

    /// Whether [`decide`] permits the resource.
    #[must_use]
    pub fn permits(&self, facts: &Facts<'_>) -> bool {
        let (mut denied, mut permitted) = (false, false);
        let decisive = |rules: &[&Rule]| rules.iter().find(|rule| rule.reaches(facts)).map(|rule| rule.deny);
        for deny in self.consents.iter().filter_map(|rules| decisive(rules)) {
            denied |= deny;
            permitted |= !deny;
        }
        let permitting = || {
            let permitting = self.consents.iter().filter(|rules| decisive(rules) == Some(false));
            permitting.flatten().copied().filter(|rule| !rule.deny && rule.reaches(facts))
        };
        let own_request = is_own_request(self.asking, facts);
        let by_default = self.default == Default::Permit;
        bar((self.asking, self.demands), facts, own_request, permitted, permitting).is_none()
            && (self.asking.break_glass || own_request || (!denied && (permitted || by_default)))
    }
}

/// PATRQT, asked by the patient (A7).
fn is_own_request(asking: &Asking, facts: &Facts<'_>) -> bool {
    let own = |actor: &String| facts.patient.as_deref().is_some_and(|id| actor.strip_prefix("Patient/") == Some(id));
    asking.is_for("PATRQT") && asking.actors.iter().any(own)
}
