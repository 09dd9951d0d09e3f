//! One rule of a Consent with everything that bounds it, and whether it matches.

use serde_json::{Value, json};

use super::Asking;
use super::criteria::{action, actor, class, code, data, data_period, in_period, label, purpose};
use super::facts::{Facts, each};
use super::vocabulary::{ACT_CODE, ACT_REASON};

/// The elements that R4 has in a provision; another is a doubt (row B15).
const KNOWN: [&str; 15] = [
    "_type",
    "action",
    "actor",
    "class",
    "code",
    "data",
    "dataPeriod",
    "extension",
    "id",
    "period",
    "provision",
    "purpose",
    "securityLabel",
    "type",
    "modifierExtension",
];

/// What a nested permit that adds does not take from a permitting root (row B10).
const CONTENT: [&str; 5] = ["securityLabel", "class", "code", "dataPeriod", "data"];

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub permit: bool,
    /// All of them bound it.
    periods: Vec<Value>,
    /// The criteria by name.
    criteria: Value,
    /// More purposes, one of which it must be as well.
    also: Option<Value>,
    /// For research, by the Consent's scope (row B3).
    research: Option<Value>,
    /// Something in it is not understood.
    doubt: bool,
}

impl Rule {
    /// A deny of everything while the root's period lasts.
    pub(crate) fn deny_all(root: &Value) -> Self {
        Self { permit: false, periods: periods([root]), criteria: json!({}), also: None, research: None, doubt: false }
    }

    /// A deny of the root's actors (row B6: they are what it is about).
    pub(crate) fn deny_actors(root: &Value) -> Self {
        Self { criteria: json!({"actor": root["actor"]}), doubt: doubtful(root), ..Self::deny_all(root) }
    }

    /// The root by all means.
    pub(crate) fn root(root: &Value, permit: bool) -> Self {
        Self {
            permit,
            periods: periods([root]),
            criteria: criteria(root),
            also: None,
            research: None,
            doubt: doubtful(root),
        }
    }

    /// Rows B8 to B10: a nested rule. `adds`: the root is a permit.
    pub(crate) fn nested(root: &Value, rule: &Value, adds: bool) -> Self {
        match rule["type"].as_str() {
            _ if rule.get("modifierExtension").is_some() => Self::deny_all(root),
            // B10: a deny takes nothing but the period.
            Some("deny") => Self {
                permit: false,
                periods: periods([root, rule]),
                criteria: criteria(rule),
                also: None,
                research: None,
                doubt: doubtful(rule),
            },
            Some("permit") => {
                let mut taken = criteria(rule);
                let states_content = CONTENT.iter().any(|name| rule.get(name).is_some());
                for (name, value) in criteria(root).as_object().expect("an object") {
                    let content = CONTENT.contains(&name.as_str());
                    if taken.get(name).is_none() && !(content && adds && states_content) {
                        taken[name] = value.clone();
                    }
                }
                Self {
                    permit: true,
                    periods: periods([root, rule]),
                    criteria: taken,
                    also: None,
                    research: None,
                    doubt: doubtful(rule),
                }
            }
            _ => Self::deny_all(root),
        }
    }

    /// Row B4, `Policy-basic-normal`: for TREAT, whatever else it says.
    pub(crate) fn for_treatment(mut self) -> Self {
        self.also = Some(json!([{"system": ACT_REASON, "code": "TREAT"}]));
        self
    }

    /// Row B3: without a purpose it is for research.
    pub(crate) fn for_research(mut self) -> Self {
        if self.criteria.get("purpose").is_none() {
            self.research = Some(json!([{"system": ACT_REASON, "code": "HRESCH"}]));
        }
        self
    }

    /// Row B15, for what stands beside it.
    pub(crate) fn doubted(mut self) -> Self {
        self.doubt = true;
        self
    }

    /// The sensitivities that it names (rows D4, D7).
    pub(crate) fn named(&self) -> Vec<String> {
        let labels = self.criteria.get("securityLabel").map(each).unwrap_or_default();
        let labels = labels.iter().filter(|label| label["system"] == ACT_CODE);
        labels.filter_map(|label| label["code"].as_str()).map(str::to_owned).collect()
    }

    /// All of its criteria match.
    pub(crate) fn matches(&self, facts: &Facts, asking: &Asking) -> bool {
        let permit = self.permit;
        // B15: a deny that is not understood is as if unrestricted, but for the root's period (B10).
        let periods = if self.doubt { &self.periods[..self.periods.len().min(1)] } else { &self.periods[..] };
        if !periods.iter().all(|period| period.is_null() || in_period(period, permit, asking.at_ms)) {
            return false;
        }
        // Without a criterion a rule of research is for research still (B3).
        if self.doubt {
            return !permit && self.research.as_ref().is_none_or(|research| purpose(research, permit, asking));
        }
        // C10: what is murky is reached by unrestricted permits alone.
        if permit
            && facts.murky
            && ["securityLabel", "class", "code"].iter().any(|name| self.criteria.get(name).is_some())
        {
            return false;
        }
        [&self.also, &self.research].into_iter().flatten().all(|also| purpose(also, permit, asking))
            && self.criteria.as_object().expect("an object").iter().all(|(name, criterion)| match name.as_str() {
                "action" => action(criterion, permit, asking),
                "actor" => actor(criterion, permit, asking),
                "class" => class(criterion, permit, facts),
                "code" => code(criterion, permit, facts),
                "data" => data(criterion, permit, facts),
                "dataPeriod" => data_period(criterion, permit, facts),
                "purpose" => purpose(criterion, permit, asking),
                "securityLabel" => label(criterion, permit, facts),
                other => panic!("{other} is no criterion"),
            })
    }
}

/// The root's first; null where there is none.
fn periods<const N: usize>(of: [&Value; N]) -> Vec<Value> {
    of.into_iter().map(|rule| rule["period"].clone()).collect()
}

fn criteria(rule: &Value) -> Value {
    let names = ["action", "actor", "class", "code", "data", "dataPeriod", "purpose", "securityLabel"];
    let mut criteria = json!({});
    for name in names {
        if let Some(value) = rule.get(name) {
            criteria[name] = value.clone();
        }
    }
    criteria
}

/// Row B15.
pub(crate) fn doubtful(rule: &Value) -> bool {
    rule.as_object().is_some_and(|members| {
        members.contains_key("modifierExtension") || members.keys().any(|name| !KNOWN.contains(&name.as_str()))
    })
}
