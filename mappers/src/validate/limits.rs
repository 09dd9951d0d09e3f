//! Lengths, and the least and the greatest value of an element.

use std::cmp::Ordering;

use super::definition::{Rule, Sample};
use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;
use crate::fhirpath::{Node, Value};
use crate::json::{Document, Kind};

impl<'d> Walk<'_, 'd> {
    /// A value against the limits of a rule.
    pub(super) fn limits(&mut self, rule: &Rule, node: Node<'d>, place: &Place<'_>) {
        let length = |node: Node<'d>| node.value.and_then(|value| value.string()).map(|text| text.chars().count());
        if let (Some(most), Some(length)) = (rule.max_length, length(node))
            && length > most
        {
            let details = format!("the text has {length} characters, and {most} are allowed");
            self.say(Severity::Error, "too-long", place, details, "Shorten it.");
        }
        let outside = |sample: &Option<Sample>, wrong: Ordering| {
            sample.as_ref().is_some_and(|sample| sample.compared(node) == Some(wrong))
        };
        if outside(&rule.least, Ordering::Less) {
            self.say(Severity::Error, "value", place, "the value is below the least that is allowed", "Correct it.");
        }
        if outside(&rule.most, Ordering::Greater) {
            self.say(Severity::Error, "value", place, "the value is above the greatest that is allowed", "Correct it.");
        }
    }
}

impl Sample {
    /// How a value compares with this one; `None` where the two do not compare (other units, a limit reckoned from today).
    fn compared(&self, node: Node<'_>) -> Option<Ordering> {
        let document = Document::parse(self.0.as_bytes()).ok()?;
        let limit = document.root();
        let sample = if limit.kind() == Kind::Object {
            Node::of_type(limit, if node.kind == "Quantity" { "Quantity" } else { return None })
        } else {
            Node::of_type(limit, node.kind)
        };
        let (value, limit): (Value<'_>, Value<'_>) = (node.system()?, sample.system()?);
        value.ordering(&limit)
    }
}
