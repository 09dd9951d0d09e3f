//! One element against one rule: its type, value, codes, invariants, and the profiles of its type.

use super::definition::{Rule, TypeRule};
use super::issue::Severity;
use super::library::Lookup;
use super::place::Place;
use super::walk::{Around, Walk};
use crate::fhirpath::Node;
use crate::fhirpath::types::is_a;
use crate::structure::is_resource_type;

impl<'d> Walk<'_, 'd> {
    /// What a rule says of a node itself.
    pub(super) fn content(&mut self, rule: &Rule, node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        if !self.types(rule, node, place) {
            return;
        }
        self.value(rule, node, place);
        self.limits(rule, node, place);
        if let Some(binding) = &rule.binding {
            self.binding(binding, node, place);
        }
        let types: Vec<&TypeRule> = rule.types.iter().filter(|one| one.is_of(node)).collect();
        self.type_profiles(&types, node, place, around);
        if node.kind == "Reference" {
            self.targets(&types, node, place, around);
        }
        if rule.unchecked {
            self.say_of(
                (Severity::Information, "not-supported"),
                place,
                "a code of the profile is not among the built-in tables, so it was not checked",
                "Store the profile's StructureDefinition here to have it checked.",
                "unchecked",
            );
        }
    }

    /// A choice, or a resource, must be of one of the rule's types.
    fn types(&mut self, rule: &Rule, node: Node<'d>, place: &Place<'_>) -> bool {
        let is_choice = node.member().is_some_and(|member| member != node.name);
        if rule.types.is_empty() || !(is_choice || is_resource_type(node.kind)) {
            return true;
        }
        if rule.types.iter().any(|one| one.is_of(node)) {
            return true;
        }
        let allowed: Vec<&str> = rule.types.iter().map(|one| &*one.code).collect();
        self.say(
            Severity::Error,
            "structure",
            place,
            format!("the type {} is not allowed here", node.kind),
            format!("Send one of {}.", allowed.join(", ")),
        );
        false
    }

    /// One of the profiles that the rule names for the node's type must be met.
    fn type_profiles(&mut self, types: &[&TypeRule], node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        let profiles: Vec<&str> = types.iter().flat_map(|one| &one.profiles).map(|one| &**one).collect();
        // A type without a profile takes any.
        if profiles.is_empty() || types.iter().any(|one| one.profiles.is_empty()) {
            return;
        }
        // A resource of a profile is %resource of its invariants.
        let around = around.within(node);
        if let [only] = profiles[..] {
            return self.profile(only, node, place, around);
        }
        let mut known = true;
        for profile in &profiles {
            match self.library.structure(profile) {
                Lookup::Found(definition) => {
                    if is_a(node.kind, &definition.kind)
                        && self.trial(|walk| walk.conform(&definition, node, place, around))
                    {
                        return;
                    }
                }
                Lookup::Unasked => {
                    self.want("StructureDefinition", profile);
                    known = false;
                }
                Lookup::Unknown => known = false,
            }
        }
        if known {
            self.say(
                Severity::Error,
                "structure",
                place,
                format!("the element meets none of the profiles that it may have: {}", profiles.join(", ")),
                "Validate against each of them to see what is missing.",
            );
        }
    }
}

impl TypeRule {
    /// Whether a node is of the type.
    pub(super) fn is_of(&self, node: Node<'_>) -> bool {
        if node.is_primitive() { node.kind == &*self.code } else { is_a(node.kind, &self.code) }
    }
}
