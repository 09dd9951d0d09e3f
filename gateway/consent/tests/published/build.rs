//! Consents, resources and questions in few words.

use serde_json::{Map, Value, json};

use crate::naive::vocabulary::{
    ACT_CODE, ACT_REASON, CONFIDENTIALITY, CONSENT_ACTION, CONSENT_SCOPE, PARTICIPATION, RESOURCE_TYPES,
};

/// A rule of a Consent. Lists are words between spaces.
#[derive(Clone)]
pub(crate) struct Rule(Map<String, Value>);

pub(crate) fn permit() -> Rule {
    untyped().with("type", json!("permit"))
}

pub(crate) fn deny() -> Rule {
    untyped().with("type", json!("deny"))
}

pub(crate) fn untyped() -> Rule {
    Rule(Map::new())
}

impl Rule {
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    fn add(mut self, name: &str, value: Value) -> Self {
        self.0.entry(name).or_insert_with(|| json!([])).as_array_mut().expect("a list").push(value);
        self
    }

    /// Codes of v3-ActReason, or `system|code`.
    pub(crate) fn purposes(self, codes: &str) -> Self {
        codes.split(' ').fold(self, |rule, code| rule.add("purpose", purpose(code)))
    }

    /// Codes of v3-Confidentiality or v3-ActCode.
    pub(crate) fn labels(self, codes: &str) -> Self {
        codes.split(' ').fold(self, |rule, code| rule.add("securityLabel", label(code)))
    }

    /// Who is named, and as what: a code of v3-ParticipationType.
    pub(crate) fn actor(self, role: &str, reference: &str) -> Self {
        self.add("actor", json!({"role": concept(PARTICIPATION, role), "reference": {"reference": reference}}))
    }

    pub(crate) fn actions(self, codes: &str) -> Self {
        codes.split(' ').fold(self, |rule, code| rule.add("action", concept(CONSENT_ACTION, code)))
    }

    pub(crate) fn classes(self, types: &str) -> Self {
        types.split(' ').fold(self, |rule, code| rule.add("class", json!({"system": RESOURCE_TYPES, "code": code})))
    }

    pub(crate) fn loinc(self, codes: &str) -> Self {
        codes.split(' ').fold(self, |rule, code| rule.add("code", concept("http://loinc.org", code)))
    }

    pub(crate) fn data(self, meaning: &str, reference: &str) -> Self {
        self.add("data", json!({"meaning": meaning, "reference": {"reference": reference}}))
    }

    /// Start and end; empty: open.
    pub(crate) fn period(self, start: &str, end: &str) -> Self {
        self.with("period", period(start, end))
    }

    pub(crate) fn data_period(self, start: &str, end: &str) -> Self {
        self.with("dataPeriod", period(start, end))
    }

    pub(crate) fn but(self, nested: Self) -> Self {
        self.add("provision", Value::Object(nested.0))
    }
}

/// An active privacy Consent of the patient with this root.
pub(crate) fn consent(root: Rule) -> Consent {
    Consent(json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": concept(CONSENT_SCOPE, "patient-privacy"),
        "patient": {"reference": "Patient/p"},
        "dateTime": "2015-06-13",
        "provision": root.0,
    }))
}

/// A Consent.
#[derive(Clone)]
pub(crate) struct Consent(pub Value);

impl Consent {
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.0[name] = value;
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.as_object_mut().expect("an object").remove(name);
        self
    }

    pub(crate) fn policy(mut self, uri: &str) -> Self {
        let policies = self.0.as_object_mut().expect("an object").entry("policy").or_insert_with(|| json!([]));
        policies.as_array_mut().expect("a list").push(json!({"uri": uri}));
        self
    }

    /// A code of v3-ActCode.
    pub(crate) fn rule(self, code: &str) -> Self {
        self.with("policyRule", concept(ACT_CODE, code))
    }

    pub(crate) fn scope(self, code: &str) -> Self {
        self.with("scope", concept(CONSENT_SCOPE, code))
    }

    pub(crate) fn given(self, date: &str) -> Self {
        self.with("dateTime", json!(date))
    }

    pub(crate) fn identifier(mut self, value: &str) -> Self {
        let all = self.0.as_object_mut().expect("an object").entry("identifier").or_insert_with(|| json!([]));
        all.as_array_mut().expect("a list").push(json!({"system": "https://clinic.example/consents", "value": value}));
        self
    }
}

/// A resource of the patient. Members that are given replace these.
pub(crate) fn resource(kind: &str, id: &str, labels: &str, members: Value) -> Value {
    let labels: Vec<Value> = labels.split(' ').filter(|code| !code.is_empty()).map(label).collect();
    let mut resource = json!({
        "resourceType": kind,
        "id": id,
        "meta": {"security": labels},
        "subject": {"reference": "Patient/p"},
    });
    for (name, value) in members.as_object().expect("an object") {
        resource[name] = value.clone();
    }
    resource
}

/// `weight` and the like as a concept of LOINC.
pub(crate) fn loinc(code: &str) -> Value {
    concept("http://loinc.org", code)
}

pub(crate) fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

pub(crate) fn label(code: &str) -> Value {
    let system = match code {
        "U" | "L" | "M" | "N" | "R" | "V" => CONFIDENTIALITY,
        "HTEST" => ACT_REASON,
        _ => ACT_CODE,
    };
    json!({"system": system, "code": code})
}

pub(crate) fn purpose(code: &str) -> Value {
    let (system, code) = code.split_once('|').unwrap_or((ACT_REASON, code));
    json!({"system": system, "code": code})
}

fn period(start: &str, end: &str) -> Value {
    let mut period = Map::new();
    for (name, text) in [("start", start), ("end", end)] {
        if !text.is_empty() {
            period.insert(name.to_owned(), json!(text));
        }
    }
    Value::Object(period)
}
