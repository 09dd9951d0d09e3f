//! Rows C1 to C12: whether one criterion holds. Each value of a criterion is a yes, a no or a doubt; a permit wants a yes,
//! and a deny holds on a yes or a doubt.

use serde_json::Value;

use super::Asking;
use super::facts::{Facts, each, unversioned};
use super::time::{Span, period, span};
use super::vocabulary::{
    ACT_CODE, ACT_REASON, CONFIDENTIALITY, CONSENT_ACTION, PARTICIPATION, RESOURCE_TYPES, known_purpose,
    known_sensitivity, level, purpose_is, sensitivity_is,
};

/// What one value of a criterion says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Doubt,
    No,
    Yes,
}

use Answer::{Doubt, No, Yes};

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Yes } else { No }
    }
}

/// Row B11, and what a doubt does.
pub(crate) fn any(answers: impl IntoIterator<Item = Answer>, permit: bool) -> bool {
    answers.into_iter().any(|answer| answer == Yes || (answer == Doubt && !permit))
}

/// C1.
pub(crate) fn in_period(criterion: &Value, permit: bool, at_ms: i64) -> bool {
    let answer = match period(criterion) {
        Span::Doubtful => Doubt,
        Span::Whole(start, end) => (start <= at_ms && at_ms <= end).into(),
    };
    any([answer], permit)
}

/// C2 and C3.
pub(crate) fn actor(criterion: &Value, permit: bool, asking: &Asking) -> bool {
    let custodian = |actor: &&Value| role(actor) == Role::Custodian;
    if each(criterion).iter().all(custodian) {
        return !permit;
    }
    let answer = |actor: &Value| match (role(actor), actor["reference"]["reference"].as_str()) {
        (Role::Other, _) | (_, None) => Doubt,
        (_, Some(reference)) if reference.starts_with('#') => Doubt,
        (_, Some(reference)) => asking.actors.iter().any(|asking| unversioned(asking) == unversioned(reference)).into(),
    };
    any(each(criterion).into_iter().filter(|actor| !custodian(actor)).map(answer), permit)
}

#[derive(Eq, PartialEq)]
enum Role {
    Asks,
    Custodian,
    Other,
}

fn role(actor: &Value) -> Role {
    let Some(role) = actor.get("role") else { return Role::Asks };
    let codings: Vec<&Value> = role.get("coding").map(each).unwrap_or_default();
    let is = |code: &str| codings.iter().any(|coding| coding["system"] == PARTICIPATION && coding["code"] == code);
    if is("IRCP") || is("PRCP") {
        Role::Asks
    } else if is("CST") {
        Role::Custodian
    } else {
        Role::Other
    }
}

/// C4.
pub(crate) fn purpose(criterion: &Value, permit: bool, asking: &Asking) -> bool {
    let answer = |value: &Value| {
        let (Some(system), Some(code)) = (value["system"].as_str(), value["code"].as_str()) else { return Doubt };
        let Some(asked) = &asking.purpose else { return Doubt };
        let understood = |system: &str, code: &str| system == ACT_REASON && known_purpose(code);
        if understood(system, code) && understood(&asked.system, &asked.code) {
            purpose_is(&asked.code, code).into()
        } else if system != ACT_REASON && asked.system == system && asked.code == code {
            Yes
        } else {
            Doubt
        }
    };
    any(each(criterion).into_iter().map(answer), permit)
}

/// C5: the check takes the action that it is given, for both.
pub(crate) fn action(criterion: &Value, permit: bool, asking: &Asking) -> bool {
    let answer = |concept: &Value| {
        let codings: Vec<&Value> = concept.get("coding").map(each).unwrap_or_default();
        let known: Vec<&str> = codings
            .iter()
            .filter(|coding| coding["system"] == CONSENT_ACTION)
            .filter_map(|coding| coding["code"].as_str())
            .filter(|code| ["access", "collect", "correct", "disclose", "use"].contains(code))
            .collect();
        if known.is_empty() { Doubt } else { known.contains(&asking.action.as_str()).into() }
    };
    any(each(criterion).into_iter().map(answer), permit)
}

/// C6.
pub(crate) fn class(criterion: &Value, permit: bool, facts: &Facts) -> bool {
    const TYPES: [&str; 7] =
        ["Condition", "DocumentReference", "Encounter", "MedicationRequest", "Observation", "Patient", "Procedure"];
    let answer = |class: &Value| match (class["system"].as_str(), class["code"].as_str()) {
        (Some(RESOURCE_TYPES), Some(code)) if TYPES.contains(&code) => (facts.kind == code).into(),
        _ => Doubt,
    };
    any(each(criterion).into_iter().map(answer), permit)
}

/// C7.
pub(crate) fn code(criterion: &Value, permit: bool, facts: &Facts) -> bool {
    let coding = |coding: &Value| match (coding["system"].as_str(), coding["code"].as_str()) {
        (Some(system), Some(code)) => facts.codes.contains(&(system.to_owned(), code.to_owned())).into(),
        _ => Doubt,
    };
    let answers = each(criterion).into_iter().flat_map(|concept| {
        let codings: Vec<&Value> = concept.get("coding").map(each).unwrap_or_default();
        if codings.is_empty() { vec![Doubt] } else { codings.into_iter().map(coding).collect() }
    });
    // C10: every deny with a code criterion reaches what is murky.
    any(answers, permit) || (facts.murky && !permit)
}

/// C8, C9 and C10.
pub(crate) fn label(criterion: &Value, permit: bool, facts: &Facts) -> bool {
    let answer = |label: &Value| match (label["system"].as_str(), label["code"].as_str()) {
        (Some(CONFIDENTIALITY), Some(code)) => match level(code) {
            None => Doubt,
            Some(level) if permit => (facts.level <= level).into(),
            Some(level) => (facts.level >= level).into(),
        },
        (Some(ACT_CODE), Some(code)) if known_sensitivity(code) => {
            facts.sensitivities.iter().any(|sensitivity| sensitivity_is(sensitivity, code)).into()
        }
        _ => Doubt,
    };
    any(each(criterion).into_iter().map(answer), permit) || (facts.murky && !permit)
}

/// C11.
pub(crate) fn data_period(criterion: &Value, permit: bool, facts: &Facts) -> bool {
    let answer = match (period(criterion), facts.when) {
        (Span::Doubtful, _) | (_, None) => Doubt,
        (Span::Whole(start, end), Some((first, last))) if permit => (start <= first && last <= end).into(),
        (Span::Whole(start, end), Some((first, last))) => (start <= last && first <= end).into(),
    };
    any([answer], permit)
}

/// C12. What the named resource refers to cannot be seen in what is asked for, so "and what it refers to" says nothing here.
pub(crate) fn data(criterion: &Value, permit: bool, facts: &Facts) -> bool {
    let answer = |data: &Value| {
        let Some(reference) = data["reference"]["reference"].as_str() else { return Doubt };
        if reference.starts_with('#') || reference.contains(':') {
            return Doubt;
        }
        let reference = unversioned(reference);
        match data["meaning"].as_str() {
            Some("instance") => (facts.itself == reference).into(),
            Some("dependents" | "related") => {
                (facts.itself == reference || facts.references.contains(&reference)).into()
            }
            // The first author; a deny counts everybody whom the resource refers to.
            Some("authoredby") if permit => (facts.authors.first() == Some(&reference)).into(),
            Some("authoredby") => (facts.authors.contains(&reference) || facts.references.contains(&reference)).into(),
            _ => Doubt,
        }
    };
    any(each(criterion).into_iter().map(answer), permit)
}

/// When a Consent was given: its first millisecond.
pub(crate) fn given(consent: &Value) -> Option<i64> {
    consent["dateTime"].as_str().and_then(span).map(|span| span.0)
}
