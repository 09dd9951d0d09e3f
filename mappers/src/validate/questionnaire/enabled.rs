//! Whether a question is asked at all: <https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen>.

use std::cmp::Ordering;

use super::{Response, children, text, value_of};
use crate::json::{Element, Kind};

impl Response<'_> {
    /// Whether the answers so far enable an item. A condition that is not understood does not.
    pub(super) fn is_enabled(&self, item: Element<'_>) -> bool {
        let mut conditions = children(item, "enableWhen").peekable();
        if conditions.peek().is_none() {
            return true;
        }
        if text(item, "enableBehavior").as_deref() == Some("all") {
            conditions.all(|condition| self.holds(condition))
        } else {
            conditions.any(|condition| self.holds(condition))
        }
    }

    /// How many answers the conditions of an item are compared with.
    pub(super) fn comparisons(&self, item: Element<'_>) -> usize {
        let of_question = |condition| {
            let question = text(condition, "question").unwrap_or_default();
            self.answers.get(&*question).map_or(1, Vec::len)
        };
        children(item, "enableWhen").map(of_question).sum()
    }

    fn holds(&self, condition: Element<'_>) -> bool {
        let question = text(condition, "question").unwrap_or_default();
        let answers = self.answers.get(&*question).map_or(&[][..], Vec::as_slice);
        let Some(wanted) = value_of(condition, "answer") else { return false };
        let operator = text(condition, "operator").unwrap_or_default();
        if operator == "exists" {
            return answers.is_empty() != (wanted.kind() == Kind::True);
        }
        let mut values = answers.iter().filter_map(|answer| value_of(*answer, "value"));
        match &*operator {
            "=" => values.any(|value| is_same(value, wanted)),
            "!=" => !values.any(|value| is_same(value, wanted)),
            _ => values.any(|value| {
                let order = order(value, wanted);
                match &*operator {
                    ">" => order == Some(Ordering::Greater),
                    "<" => order == Some(Ordering::Less),
                    ">=" => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
                    "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                    _ => false,
                }
            }),
        }
    }
}

/// Two answers: codes by system and code, all others by their value.
pub(super) fn is_same(one: Element<'_>, other: Element<'_>) -> bool {
    if one.kind() == Kind::Object && other.kind() == Kind::Object {
        let members = ["system", "code", "value", "reference"];
        return members.iter().all(|name| match (one.member(name), other.member(name)) {
            (Some(one), Some(other)) => is_same(one, other),
            (one, other) => one.is_none() == other.is_none(),
        });
    }
    match (one.string(), other.string()) {
        (Some(one), Some(other)) => one == other,
        _ => one.kind() == other.kind() && (one.raw() == other.raw() || order(one, other) == Some(Ordering::Equal)),
    }
}

/// Numbers by their worth, dates and times by their text; quantities by their value where the units are one.
fn order(one: Element<'_>, other: Element<'_>) -> Option<Ordering> {
    let number = |element: Element<'_>| element.raw().parse::<rust_decimal::Decimal>().ok();
    match (one.kind(), other.kind()) {
        (Kind::Number, Kind::Number) => Some(number(one)?.cmp(&number(other)?)),
        (Kind::String, Kind::String) => Some(one.string()?.cmp(&other.string()?)),
        (Kind::Object, Kind::Object) if text(one, "code") == text(other, "code") => {
            Some(number(one.member("value")?)?.cmp(&number(other.member("value")?)?))
        }
        _ => None,
    }
}
