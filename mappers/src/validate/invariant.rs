//! Invariants: <https://hl7.org/fhir/R4/conformance-rules.html#constraints>.

use std::cell::Cell;

use super::builtin::base;
use super::definition::Invariant;
use super::issue::Severity;
use super::place::Place;
use super::walk::{Around, Walk};
use crate::fhirpath::{Context, Node, Value, WORK};

/// What the check of narratives tells.
const OF_NARRATIVE: [&str; 2] = ["txt-1", "txt-2"];

impl<'d> Walk<'_, 'd> {
    /// The invariants of an element or a type.
    pub(super) fn invariants(&mut self, list: &[Invariant], node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        for invariant in list.iter().filter(|one| !OF_NARRATIVE.contains(&&*one.key)) {
            if self.work.get() == 0 {
                return self.costly();
            }
            match self.holds(invariant, node, around) {
                Some(true) => {}
                Some(false) => {
                    let severity = if invariant.is_error { Severity::Error } else { Severity::Warning };
                    self.say_of(
                        (severity, "invariant"),
                        place,
                        format!("the invariant {} of {} is not met", invariant.key, node.kind),
                        "Read what the definition says under this key, and change the element to meet it.",
                        &invariant.key,
                    );
                }
                None => self.say_of(
                    (Severity::Information, "not-supported"),
                    place,
                    format!("the invariant {} could not be evaluated here, so it was not checked", invariant.key),
                    "Check it by other means.",
                    &invariant.key,
                ),
            }
        }
    }

    /// The invariants that a profile adds to those of its types, which it often repeats.
    pub(super) fn added_invariants(
        &mut self,
        list: &[Invariant],
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) {
        for invariant in list.iter().filter(|one| !base().has_key(&one.key)) {
            self.invariants(std::slice::from_ref(invariant), node, place, around);
        }
    }

    /// Whether an invariant holds; `None` where that cannot be told.
    fn holds(&mut self, invariant: &Invariant, node: Node<'d>, around: Around<'d>) -> Option<bool> {
        let expression = invariant.expression.as_ref()?;
        let (resource, container) = (around.resource.value?, around.container.value?);
        let allowed = self.work.get().min(WORK);
        let left = Cell::new(allowed);
        let context = Context { now: self.now, lenient_types: true, work: Some(&left), ..Context::default() };
        let outcome = expression.evaluate_within(node, resource, container, context);
        self.work.set(self.work.get().saturating_sub(allowed - left.get()));
        match outcome.ok()?.as_slice() {
            [Value::Boolean(true)] => Some(true),
            // What is elsewhere is not looked for.
            _ if invariant.resolves => None,
            // What comes to nothing is not met. The tables correct those of R4 that forget about absent elements.
            [Value::Boolean(false)] | [] => Some(false),
            [Value::Node(one)] if matches!(one.system(), Some(Value::Boolean(false))) => Some(false),
            [_] => Some(true),
            _ => None,
        }
    }
}
