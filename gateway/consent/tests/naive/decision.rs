//! The consent decision a second time: slow and obvious, on `serde_json::Value`, written from RULINGS.md alone and before the
//! real one was there. The row that a step follows stands beside it.

mod both;
mod consent;
mod criteria;
mod facts;
mod known;
mod rule;
mod time;
pub(crate) mod vocabulary;

use serde_json::Value;

pub(crate) use both::real;
pub(crate) use known::known_difference;

use ::consent::statute::{Demand, Law};
pub(crate) use ::consent::{Asking, Coding};
use consent::{Saying, Standing, has_the_word, says, scope, standing};
use criteria::given;
use facts::{Facts, each, unversioned};
pub(crate) use time::span;
use vocabulary::{ACT_REASON, known_purpose, sensitivity_is};

/// What comes of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Decision {
    pub permit: bool,
    /// The row that decided.
    pub reason: &'static str,
    /// The notice of row D3 travels along.
    pub notice: bool,
}

/// Whether these Consents, which are the patient's whole policy, let the resource go.
pub(crate) fn decide(consents: &[Value], resource: &Value, asking: &Asking) -> Decision {
    let facts = Facts::of(resource);
    let counted = counted(consents);
    let sayings = sayings(&counted, &facts, asking);
    let denied = |reason| Decision { permit: false, reason, notice: false };
    let permitted = |reason| Decision { permit: true, reason, notice: facts.part2 };

    // A1: statute before everything else that is decided here.
    if let Some(row) = statute(&facts, &sayings, asking) {
        return denied(row);
    }
    if asking.break_glass {
        return permitted("A6: the glass is broken");
    }
    if purpose(asking) == Some("PATRQT") && patient_asks(&facts, asking) {
        return permitted("A7: the patient asks");
    }
    if sayings.contains(&Saying::Deny) {
        return denied("A3: a Consent denies");
    }
    if sayings.iter().any(|saying| matches!(saying, Saying::Permit { .. })) {
        return permitted("A3: a Consent permits");
    }
    denied("A2: no Consent says anything")
}

fn sayings(counted: &[Counted<'_>], facts: &Facts, asking: &Asking) -> Vec<Saying> {
    counted.iter().map(|(consent, permits)| says(consent, *permits, facts, asking)).collect()
}

fn patient_asks(facts: &Facts, asking: &Asking) -> bool {
    facts.patient.as_ref().is_some_and(|patient| asking.actors.iter().any(|one| unversioned(one) == *patient))
}

/// The code of v3-ActReason.
fn purpose(asking: &Asking) -> Option<&str> {
    asking.purpose.as_ref().filter(|purpose| purpose.system == ACT_REASON).map(|purpose| purpose.code.as_str())
}

/// D: why it may not go whatever the Consents say.
fn statute(facts: &Facts, sayings: &[Saying], asking: &Asking) -> Option<&'static str> {
    let purpose = purpose(asking);
    let permits: Vec<&Vec<String>> = sayings
        .iter()
        .filter_map(|saying| if let Saying::Permit { named } = saying { Some(named) } else { None })
        .collect();
    let own = purpose == Some("PATRQT") && patient_asks(facts, asking);
    if facts.part2 {
        if purpose == Some("HLEGAL") {
            return Some("D2: legal proceedings");
        }
        // The emergency itself (D5: what is below it as a broken glass lifts nothing), and the patient.
        if purpose != Some("ETREAT") && !own && permits.is_empty() {
            return Some("D2: Part 2 data without a Consent");
        }
    }
    for law in asking.statutes.laws().iter().filter(|law| concerns(law, asking)) {
        let reached = |label: &&String| law.labels.codes().any(|code| **label == *code);
        let reached: Vec<&String> = facts.sensitivities.iter().filter(reached).collect();
        let named = |label: &&String| permits.iter().copied().flatten().any(|name| sensitivity_is(label, name));
        match law.demand {
            _ if reached.is_empty() => {}
            Demand::Never => return Some("D7: never"),
            Demand::Consent if !own && permits.is_empty() => return Some("D7: no Consent"),
            Demand::Named if !own && !reached.iter().all(named) => return Some("D7: not named"),
            _ => {}
        }
    }
    if facts.sensitivities.iter().any(|label| label == "PSYTHPN") {
        let author_asks = asking.actors.iter().any(|actor| facts.authors.contains(&unversioned(actor)));
        let named = permits.iter().copied().flatten().any(|name| name == "PSYTHPN");
        // The originator needs no authorisation for its own use (164.508(a)(2)(i)(A)): that the author asks is enough here.
        if !named && !author_asks {
            return Some("D4: psychotherapy notes");
        }
    }
    None
}

/// D7: whether a row is for this purpose. It lists its purposes with all that are under them.
fn concerns(law: &Law, asking: &Asking) -> bool {
    if law.emergency && purpose(asking) == Some("ETREAT") {
        return false;
    }
    match (&law.purposes, purpose(asking).filter(|code| known_purpose(code))) {
        (Some(purposes), Some(code)) => purposes.iter().any(|one| **one == *code),
        _ => true,
    }
}

/// A Consent, and whether its permits count.
type Counted<'c> = (&'c Value, bool);

/// Text stands alone, and nothing says how confidential it is (row C10).
pub(crate) fn unclassified(resource: &Value) -> bool {
    Facts::of(resource).unclassified
}

/// The Consents that count: B2, B12, and A4 for the series.
fn counted(consents: &[Value]) -> Vec<Counted<'_>> {
    let there: Vec<&Value> = consents.iter().filter(|consent| standing(consent) != Standing::Absent).collect();
    let mut counted = Vec::new();
    for one in &there {
        let later = |other: &&&Value| {
            one_series(one, other) && matches!((given(one), given(other)), (Some(one), Some(other)) if one < other)
        };
        // One that is in doubt, or whose permits do not count, takes away permits and leaves denies.
        if !there.iter().filter(later).any(|other| has_the_word(other)) {
            counted.push((*one, !there.iter().any(|other| later(&other))));
        }
    }
    counted
}

/// A4
fn one_series(one: &Value, other: &Value) -> bool {
    let patient = |consent: &Value| consent["patient"]["reference"].as_str().map(unversioned);
    let uris = |consent: &Value| {
        let policies = consent.get("policy").map(each).unwrap_or_default();
        let mut uris: Vec<String> =
            policies.iter().filter_map(|policy| policy["uri"].as_str()).map(str::to_owned).collect();
        uris.sort();
        uris.dedup();
        uris
    };
    let identifiers = |consent: &Value| -> Vec<(String, String)> {
        let all = consent.get("identifier").map(each).unwrap_or_default();
        all.iter()
            .filter_map(|one| Some((one["system"].as_str()?.to_owned(), one["value"].as_str()?.to_owned())))
            .collect()
    };
    patient(one) == patient(other)
        && scope(one) == scope(other)
        && uris(one) == uris(other)
        && identifiers(one).iter().any(|identifier| identifiers(other).contains(identifier))
}
