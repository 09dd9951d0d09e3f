//! Fixed values and patterns: <https://hl7.org/fhir/R4/elementdefinition.html#ElementDefinition.fixed_x_>.

use super::definition::{Rule, Sample};
use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::Node;
use crate::json::{Document, Element, Kind};

impl<'d> Walk<'_, 'd> {
    /// What a rule fixes of the value.
    pub(super) fn value(&mut self, rule: &Rule, node: Node<'d>, place: &Place<'_>) {
        let Some(value) = node.value else { return };
        for sample in rule.fixed.iter().chain(&rule.pattern) {
            self.charge(sample.work(value));
        }
        if rule.fixed.as_ref().is_some_and(|fixed| !fixed.is_equal(value)) {
            let details = "the value is not the one that the profile fixes";
            self.say_of((Severity::Error, "value"), place, details, "Send exactly the profile's value.", "fixed");
        }
        if rule.pattern.as_ref().is_some_and(|pattern| !pattern.is_in(value)) {
            let details = "the value lacks something of the profile's pattern";
            self.say_of((Severity::Error, "value"), place, details, "Send everything that the pattern has.", "pattern");
        }
    }
}

impl Sample {
    /// Steps that a comparison counts as: the sample is read anew, and each item of a list is held against each.
    pub(super) fn work(&self, value: Element<'_>) -> usize {
        self.0.len() / 64 * (1 + value.len())
    }

    /// Whether a value is this one, member by member.
    pub(super) fn is_equal(&self, value: Element<'_>) -> bool {
        Document::parse(self.0.as_bytes()).is_ok_and(|sample| is_equal(sample.root(), value))
    }

    /// Whether a value has all of this.
    pub(super) fn is_in(&self, value: Element<'_>) -> bool {
        Document::parse(self.0.as_bytes()).is_ok_and(|sample| is_in(sample.root(), value))
    }
}

fn is_equal(sample: Element<'_>, value: Element<'_>) -> bool {
    match sample.kind() {
        Kind::Object => {
            value.kind() == Kind::Object
                && sample.len() == value.len()
                && sample.children().all(|member| {
                    let other = member.key().and_then(|key| value.member(&key));
                    other.is_some_and(|other| is_equal(member, other))
                })
        }
        Kind::Array => {
            value.kind() == Kind::Array
                && sample.len() == value.len()
                && sample.children().zip(value.children()).all(|(one, other)| is_equal(one, other))
        }
        _ => is_same(sample, value),
    }
}

fn is_in(sample: Element<'_>, value: Element<'_>) -> bool {
    match (sample.kind(), value.kind()) {
        (Kind::Object, Kind::Object) => sample.children().all(|member| {
            let other = member.key().and_then(|key| value.member(&key));
            other.is_some_and(|other| is_in(member, other))
        }),
        (Kind::Array, Kind::Array) => sample.children().all(|one| value.children().any(|other| is_in(one, other))),
        (Kind::Object | Kind::Array, _) => false,
        _ => is_same(sample, value),
    }
}

/// Two primitives; a decimal is what it is worth.
fn is_same(sample: Element<'_>, value: Element<'_>) -> bool {
    match (sample.kind(), value.kind()) {
        (Kind::String, Kind::String) => sample.string() == value.string(),
        (Kind::Number, Kind::Number) => {
            let worth = |element: Element<'_>| element.raw().parse::<rust_decimal::Decimal>().ok();
            sample.raw() == value.raw() || worth(sample).is_some() && worth(sample) == worth(value)
        }
        (one, other) => one == other,
    }
}
