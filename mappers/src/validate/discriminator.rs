//! What tells an item's slice: <https://hl7.org/fhir/R4/profiling.html#discriminator>.

use super::binding::codings;
use super::definition::{DiscriminatorKind as Kind, PathStep, Rule};
use super::library::{Lookup, core_type};
use super::place::Place;
use super::reference::Target;
use super::value_set::Membership;
use super::walk::{Around, Walk};
use crate::fhirpath::Node;
use crate::fhirpath::types::is_a;

impl<'d> Walk<'_, 'd> {
    /// Whether a discriminator of this kind and path says that a node is of a slice; `None` where the slice says nothing
    /// there that can be tested.
    pub(super) fn told(
        &mut self,
        kind: Kind,
        rule: &Rule,
        path: &[PathStep],
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        if !self.enter() {
            return None;
        }
        let told = self.told_entered(kind, rule, path, node, place, around);
        self.leave();
        told
    }

    fn told_entered(
        &mut self,
        kind: Kind,
        rule: &Rule,
        path: &[PathStep],
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        let Some((step, rest)) = path.split_first() else {
            return self.tested(kind, rule, node, place, around);
        };
        match step {
            PathStep::Member(name) => self.told_member(kind, rule, (name, rest), node, place, around),
            PathStep::OfType(wanted) => {
                if node.kind != &**wanted {
                    return Some(false);
                }
                let typed = rule.slices.iter().find(|slice| slice.types.iter().any(|one| one.code == *wanted));
                self.told(kind, typed.unwrap_or(rule), rest, node, place, around)
            }
            PathStep::Extension(url) => {
                let mut nodes = Vec::new();
                node.children(Some("extension"), &mut nodes);
                let of_url = |node: &Node<'d>| {
                    let own = node.value.and_then(|value| value.member("url")).and_then(|own| own.string());
                    own.as_deref() == Some(&**url)
                };
                nodes.retain(of_url);
                let slice = rule.child("extension").and_then(|extensions| {
                    let named = |slice: &&Rule| slice.types.iter().any(|one| one.profiles.iter().any(|one| one == url));
                    extensions.slices.iter().find(named)
                })?;
                self.any(kind, slice, rest, &nodes, place, around)
            }
            PathStep::Resolve => self.told_target(kind, rule, rest, node, place, around),
            PathStep::Unknown => None,
        }
    }

    /// Through a member: what the rule says of it, of its slices, or by the profile of its own type.
    fn told_member(
        &mut self,
        kind: Kind,
        rule: &Rule,
        (name, rest): (&str, &[PathStep]),
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        let mut nodes = Vec::new();
        node.children(Some(name), &mut nodes);
        if let Some(child) = rule.child(name) {
            if kind == Kind::Exists && rest.is_empty() && (child.min > 0 || child.max == Some(0)) {
                return Some((child.min > 0) != nodes.is_empty());
            }
            if let Some(told) = self.any(kind, child, rest, &nodes, place, around) {
                return Some(told);
            }
            let mut said = None;
            for slice in &child.slices {
                match self.any(kind, slice, rest, &nodes, place, around) {
                    Some(true) => said = said.or(Some(true)),
                    Some(false) if slice.min > 0 => return Some(false),
                    _ => {}
                }
            }
            if said.is_some() {
                return said;
            }
        }
        let profiles: Vec<Box<str>> = rule.types.iter().flat_map(|one| one.profiles.iter().cloned()).collect();
        let mut said = None;
        for profile in profiles {
            match self.library.structure(&profile) {
                Lookup::Found(found) => {
                    if !self.enter() {
                        return None;
                    }
                    let found = self.whole(&found);
                    let told = self.told_member(kind, &found.root, (name, rest), node, place, around);
                    self.leave();
                    if told == Some(true) {
                        return told;
                    }
                    said = said.or(told);
                }
                lookup => {
                    if matches!(lookup, Lookup::Unasked) {
                        self.want("StructureDefinition", &profile);
                    }
                    // The address of an extension is that of its definition.
                    if rest.is_empty() && name == "url" && node.kind == "Extension" {
                        let own = nodes.first().and_then(|node| node.value).and_then(|own| own.string());
                        let url = profile.split('|').next();
                        if own.as_deref() == url {
                            return Some(true);
                        }
                        said = Some(false);
                    }
                }
            }
        }
        said
    }

    /// Any of several nodes. Where there are none, what the rule would ask of one tells.
    fn any(
        &mut self,
        kind: Kind,
        rule: &Rule,
        path: &[PathStep],
        nodes: &[Node<'d>],
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        if nodes.is_empty() {
            return says(rule).then_some(false);
        }
        let mut said = None;
        for node in nodes {
            match self.told(kind, rule, path, *node, place, around) {
                Some(true) => return Some(true),
                told => said = said.or(told),
            }
        }
        said
    }

    /// At the end of the path.
    fn tested(
        &mut self,
        kind: Kind,
        rule: &Rule,
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        match kind {
            Kind::Exists => match (rule.min, rule.max) {
                (_, Some(0)) => Some(false),
                (min, _) if min > 0 => Some(true),
                _ => None,
            },
            Kind::Type => (!rule.types.is_empty()).then(|| rule.types.iter().any(|one| one.is_of(node))),
            Kind::Profile => {
                let types: Vec<_> = rule.types.iter().filter(|one| one.is_of(node)).collect();
                let profiles: Vec<Box<str>> = types.iter().flat_map(|one| one.profiles.iter().cloned()).collect();
                if profiles.is_empty() {
                    return (!rule.types.is_empty()).then_some(!types.is_empty());
                }
                self.meets_any(&profiles, node, place, around)
            }
            Kind::Value => self.has_value(rule, node, place, around),
        }
    }

    /// Whether the value is what the rule fixes, for itself or within it.
    fn has_value(&mut self, rule: &Rule, node: Node<'d>, place: &Place<'_>, around: Around<'d>) -> Option<bool> {
        let mut said = None;
        if let Some(value) = node.value {
            for sample in rule.fixed.iter().chain(&rule.pattern) {
                self.charge(sample.work(value));
            }
        }
        if let Some(fixed) = &rule.fixed {
            said = Some(node.value.is_some_and(|value| fixed.is_equal(value)));
        } else if let Some(pattern) = &rule.pattern {
            said = Some(node.value.is_some_and(|value| pattern.is_in(value)));
        } else if let Some(binding) = rule.binding.as_ref().filter(|binding| binding.required) {
            let mut told = None;
            for coding in codings(node).unwrap_or_default() {
                match self.membership(&binding.value_set, &coding) {
                    Membership::In => return Some(true),
                    Membership::Out => told = told.or(Some(false)),
                    Membership::Unknown => return None,
                }
            }
            said = told.or(Some(false));
        }
        if said.is_some() {
            return said;
        }
        for child in &rule.children {
            let steps = [PathStep::Member(child.name.clone())];
            match self.told(Kind::Value, rule, &steps, node, place, around) {
                Some(false) if child.min > 0 || says(child) => return Some(false),
                Some(true) => said = Some(true),
                _ => {}
            }
        }
        said
    }

    /// Through `resolve()`: the resource that a reference names, or at least its type.
    fn told_target(
        &mut self,
        kind: Kind,
        rule: &Rule,
        rest: &[PathStep],
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        let targets: Vec<Box<str>> = rule.types.iter().flat_map(|one| one.targets.iter().cloned()).collect();
        let profiles: Vec<Box<str>> = rule.types.iter().flat_map(|one| one.profiles.iter().cloned()).collect();
        match self.target(node, around) {
            Target::Resource(resource) => {
                let around = Around { resource, container: around.container, bundle: around.bundle };
                match kind {
                    Kind::Type | Kind::Profile if !targets.is_empty() => {
                        self.meets_any(&targets, resource, place, around)
                    }
                    Kind::Type | Kind::Profile if !profiles.is_empty() => {
                        self.meets_any(&profiles, resource, place, around)
                    }
                    _ => {
                        for target in targets.iter().filter(|target| core_type(target).is_none()) {
                            if let Lookup::Found(found) = self.library.structure(target) {
                                let found = self.whole(&found);
                                return self.told(kind, &found.root, rest, resource, place, around);
                            }
                        }
                        None
                    }
                }
            }
            Target::Type(named) if kind == Kind::Type && !targets.is_empty() => {
                Some(targets.iter().any(|target| core_type(target).is_some_and(|kind| is_a(&named, kind))))
            }
            Target::Type(_) | Target::Unknown => None,
        }
    }

    /// Whether a node meets one of these profiles.
    fn meets_any(
        &mut self,
        profiles: &[Box<str>],
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) -> Option<bool> {
        let mut said = Some(false);
        for profile in profiles {
            match core_type(profile) {
                Some(kind) if is_a(node.kind, kind) => return Some(true),
                Some(_) => continue,
                None => {}
            }
            match self.library.structure(profile) {
                Lookup::Found(found) => {
                    if is_a(node.kind, &found.kind) && self.trial(|walk| walk.conform(&found, node, place, around)) {
                        return Some(true);
                    }
                }
                Lookup::Unasked => {
                    self.want("StructureDefinition", profile);
                    said = None;
                }
                Lookup::Unknown => said = None,
            }
        }
        said
    }
}

/// Whether a rule asks anything of a value, for itself or within it.
fn says(rule: &Rule) -> bool {
    rule.fixed.is_some()
        || rule.pattern.is_some()
        || rule.binding.as_ref().is_some_and(|binding| binding.required)
        || rule.children.iter().chain(&rule.slices).any(says)
}
