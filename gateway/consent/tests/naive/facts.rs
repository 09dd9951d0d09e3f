//! What the rows ask of a resource, found by walking through it.

use serde_json::Value;

use super::time::{Span, period, span};
use super::vocabulary::{ACT_CODE, ACT_REASON, CONFIDENTIALITY, OBSERVATION_VALUE, known_sensitivity, level};

/// One resource.
pub(crate) struct Facts {
    pub kind: String,
    /// `Type/id`.
    pub itself: String,
    /// System and code of every Coding outside `meta`.
    pub codes: Vec<(String, String)>,
    /// Every `reference`, without its version.
    pub references: Vec<String>,
    /// All at the path that counts.
    pub authors: Vec<String>,
    pub patient: Option<String>,
    /// The clinically relevant time, first and last millisecond.
    pub when: Option<(i64, i64)>,
    /// How high it is (row C8).
    pub level: usize,
    pub sensitivities: Vec<String>,
    /// A concept of text without a coding.
    words_alone: bool,
    /// Row C10: that, and no confidentiality of its own.
    pub(crate) unclassified: bool,
    /// Row C10: unclassified, or a label that is not understood.
    pub murky: bool,
    /// Row D1.
    pub part2: bool,
}

impl Facts {
    pub(crate) fn of(resource: &Value) -> Self {
        let kind = resource["resourceType"].as_str().unwrap_or_default().to_owned();
        let mut facts = Self {
            itself: format!("{kind}/{}", resource["id"].as_str().unwrap_or_default()),
            authors: authors(&kind)
                .iter()
                .map(|path| texts(resource, path))
                .find(|found| !found.is_empty())
                .unwrap_or_default()
                .iter()
                .map(|text| unversioned(text))
                .collect(),
            patient: resource["subject"]["reference"].as_str().map(unversioned),
            when: when(&kind, resource),
            kind,
            codes: Vec::new(),
            references: Vec::new(),
            level: 0,
            sensitivities: Vec::new(),
            words_alone: false,
            unclassified: false,
            murky: false,
            part2: false,
        };
        for (name, value) in resource.as_object().into_iter().flatten() {
            if name != "meta" && name != "text" {
                facts.walk(value);
            }
        }
        let levelled = facts.label(resource);
        facts.unclassified = facts.words_alone && !levelled;
        facts.murky |= facts.unclassified;
        facts
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                if let Some(code) = text("code")
                    && !members.contains_key("value")
                {
                    self.codes.push((text("system").unwrap_or_default().to_owned(), code.to_owned()));
                }
                if let Some(reference) = text("reference") {
                    self.references.push(unversioned(reference));
                }
                self.words_alone |= text("text").is_some() && !members.contains_key("coding");
                members.values().for_each(|member| self.walk(member));
            }
            _ => {}
        }
    }

    /// Rows C8, C9 and C10; whether there is a confidentiality.
    fn label(&mut self, resource: &Value) -> bool {
        let mut levels = Vec::new();
        for label in resource["meta"]["security"].as_array().into_iter().flatten() {
            let (system, code) = (label["system"].as_str(), label["code"].as_str());
            match (system, code) {
                (Some(CONFIDENTIALITY), Some(code)) => match level(code) {
                    Some(level) => levels.push(level),
                    None => self.murky = true,
                },
                (Some(ACT_CODE), Some(code)) => {
                    self.part2 |= code == "42CFRPart2";
                    if known_sensitivity(code) {
                        self.sensitivities.push(code.to_owned());
                    }
                }
                (Some(ACT_REASON | OBSERVATION_VALUE), Some(_)) => {}
                _ => self.murky = true,
            }
        }
        // At least R where it is sensitive, whatever the client says.
        let least = if self.sensitivities.is_empty() { None } else { level("R") };
        let highest = levels.iter().copied().chain(least).max();
        self.level = highest.unwrap_or_else(|| level("N").expect("a level"));
        !levels.is_empty()
    }
}

/// A reference without `/_history/...`.
pub(crate) fn unversioned(reference: &str) -> String {
    reference.split("/_history/").next().unwrap_or_default().to_owned()
}

/// As in `mappers/src/search/facts/table.rs`, for the types that the tests use.
fn authors(kind: &str) -> &'static [&'static str] {
    match kind {
        "Condition" => &["recorder.reference", "asserter.reference"],
        "DocumentReference" => &["author.reference"],
        "Encounter" => &["participant.individual.reference"],
        "MedicationRequest" => &["requester.reference", "performer.reference"],
        "Observation" => &["performer.reference"],
        other => panic!("the tests have no {other}"),
    }
}

fn times(kind: &str) -> &'static [&'static str] {
    match kind {
        "Condition" => &["onsetDateTime", "onsetPeriod", "recordedDate"],
        "DocumentReference" => &["context.period", "date"],
        "Encounter" => &["period"],
        "MedicationRequest" => &["authoredOn"],
        "Observation" => &["effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"],
        other => panic!("the tests have no {other}"),
    }
}

fn when(kind: &str, resource: &Value) -> Option<(i64, i64)> {
    let found = times(kind).iter().find_map(|path| at(resource, path).first().copied())?;
    match found {
        Value::String(text) => span(text),
        other => match period(other) {
            Span::Whole(start, end) => Some((start, end)),
            Span::Doubtful => None,
        },
    }
}

fn texts(value: &Value, path: &str) -> Vec<String> {
    at(value, path).into_iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Every value at a path, lists taken apart.
fn at<'v>(value: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut values = vec![value];
    for name in path.split('.') {
        values = values.into_iter().filter_map(|value| value.get(name)).flat_map(each).collect();
    }
    values
}

/// The items of a list, or the value itself.
pub(crate) fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}
