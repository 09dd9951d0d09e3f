//! Slices: <https://hl7.org/fhir/R4/profiling.html#slicing>.

use std::sync::Arc;

use super::definition::{Definition, Discriminator, DiscriminatorKind, Openness, PathStep, Rule, Slicing};
use super::issue::Severity;
use super::place::Place;
use super::walk::{Around, Walk};
use crate::fhirpath::Node;

/// What a slice says of an item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fit {
    Yes,
    No,
    /// What is known here does not tell.
    Unclear,
}

impl<'d> Walk<'_, 'd> {
    /// The items of a sliced element: each goes to its slice, and the slices have cardinalities of their own.
    pub(super) fn slices(
        &mut self,
        rule: &Rule,
        items: &[Node<'d>],
        place: &Place<'_>,
        around: Around<'d>,
        definition: &Arc<Definition>,
    ) {
        let implied;
        let slicing = match &rule.slicing {
            Some(slicing) => slicing,
            None => {
                implied = implied_slicing(rule, items);
                &implied
            }
        };
        let mut of_slice: Vec<Vec<Node<'d>>> = vec![Vec::new(); rule.slices.len()];
        let mut unclear = vec![false; rule.slices.len()];
        let mut order = Vec::with_capacity(items.len());
        for node in items {
            let here = place.of(node);
            let mut found: Vec<usize> = Vec::new();
            let mut maybe = false;
            for (number, slice) in rule.slices.iter().enumerate() {
                match self.fit(slicing, slice, *node, &here, around) {
                    Fit::Yes => {
                        found.push(number);
                        of_slice[number].push(*node);
                    }
                    Fit::Unclear => {
                        maybe = true;
                        unclear[number] = true;
                    }
                    Fit::No => {}
                }
            }
            if found.len() > 1 {
                let names: Vec<&str> = found.iter().filter_map(|at| rule.slices[*at].slice.as_deref()).collect();
                let details = format!("the item is of several slices of {}: {}", definition.url, names.join(", "));
                self.say(Severity::Error, "structure", &here, details, "Make it of one slice alone.");
            }
            if found.is_empty() && !maybe && slicing.rules == Openness::Closed {
                let details = format!("the item is of no slice of {}, and no others are allowed", definition.url);
                self.say_of(
                    (Severity::Error, "structure"),
                    &here,
                    details,
                    "Take it away or make it of a slice.",
                    "closed",
                );
            }
            order.push(if maybe && found.is_empty() { None } else { Some(found.first().copied()) });
        }
        self.in_order(slicing, &order, items, place, definition);
        for ((slice, nodes), unclear) in rule.slices.iter().zip(&of_slice).zip(unclear) {
            if unclear {
                self.say_of(
                    (Severity::Information, "not-supported"),
                    &place.member(&rule.name),
                    format!("items of the slice {} cannot be told here, so it was not checked", name(slice)),
                    "Store the definitions and value sets that tell the slice, or check it by other means.",
                    name(slice),
                );
            } else {
                self.cardinality(slice, nodes.len(), &place.member(&rule.name), definition);
            }
            for node in nodes {
                self.rule(slice, *node, &place.of(node), around, definition);
            }
            if !slice.slices.is_empty() {
                self.slices(slice, nodes, place, around, definition);
            }
        }
    }

    /// Whether an item is of a slice: every discriminator says so.
    fn fit(&mut self, slicing: &Slicing, slice: &Rule, node: Node<'d>, place: &Place<'_>, around: Around<'d>) -> Fit {
        let mut fit = Fit::Yes;
        if slicing.discriminators.is_empty() {
            return Fit::Unclear;
        }
        for discriminator in &slicing.discriminators {
            match self.told(discriminator.kind, slice, &discriminator.path, node, place, around) {
                Some(true) => {}
                Some(false) => return Fit::No,
                None => fit = Fit::Unclear,
            }
        }
        fit
    }

    /// The order of slices, and that what is of none comes last.
    fn in_order(
        &mut self,
        slicing: &Slicing,
        order: &[Option<Option<usize>>],
        items: &[Node<'d>],
        place: &Place<'_>,
        definition: &Definition,
    ) {
        let mut reached = 0;
        let mut ended = false;
        for (found, node) in order.iter().zip(items) {
            let Some(found) = found else { continue };
            let wrong = match found {
                Some(number) => {
                    let back = slicing.ordered && *number < reached;
                    reached = reached.max(*number);
                    back || ended && slicing.rules == Openness::OpenAtEnd
                }
                None => {
                    ended = true;
                    false
                }
            };
            if wrong {
                let details = format!("the item is out of the order of the slices of {}", definition.url);
                self.say_of((Severity::Error, "structure"), &place.of(node), details, "Move it to its place.", "order");
            }
        }
    }
}

fn name(slice: &Rule) -> &str {
    slice.slice.as_deref().unwrap_or_default()
}

/// How slices are told apart where the profile leaves it to what it is derived from: extensions by their address, choices by
/// their type.
fn implied_slicing(rule: &Rule, items: &[Node<'_>]) -> Slicing {
    let is_choice = items.iter().any(|node| node.member().is_some_and(|member| member != node.name));
    let (kind, path) = match &*rule.name {
        "extension" | "modifierExtension" => (DiscriminatorKind::Value, vec![PathStep::Member("url".into())]),
        _ if is_choice => (DiscriminatorKind::Type, Vec::new()),
        _ => return Slicing { discriminators: Vec::new(), ordered: false, rules: Openness::Open },
    };
    Slicing { discriminators: vec![Discriminator { kind, path }], ordered: false, rules: Openness::Open }
}
