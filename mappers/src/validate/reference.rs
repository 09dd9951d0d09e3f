//! References: what they name, and whether they may name it (<https://hl7.org/fhir/R4/references.html>).

use std::borrow::Cow;

use super::definition::TypeRule;
use super::issue::Severity;
use super::library::{Lookup, core_type};
use super::place::Place;
use super::walk::{Around, Walk};
use crate::fhirpath::Node;
use crate::fhirpath::types::is_a;
use crate::structure::is_resource_type;

/// What a reference names.
pub(super) enum Target<'d> {
    /// A resource that is here: contained, or an entry of the Bundle.
    Resource(Node<'d>),
    /// A resource elsewhere, of this type.
    Type(Cow<'d, str>),
    Unknown,
}

impl<'d> Walk<'_, 'd> {
    /// A Reference against the types and profiles that it may name.
    pub(super) fn targets(&mut self, types: &[&TypeRule], node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        let allowed: Vec<&str> = types.iter().flat_map(|one| &one.targets).map(|one| &**one).collect();
        if allowed.is_empty() || types.iter().any(|one| one.targets.is_empty()) {
            return;
        }
        let found = self.target(node, around);
        let named = match &found {
            Target::Resource(resource) => resource.kind,
            Target::Type(named) => &**named,
            Target::Unknown => return,
        };
        let mut profiles = Vec::new();
        let mut names = Vec::new();
        for target in allowed {
            if let Some(kind) = core_type(target) {
                if is_a(named, kind) {
                    return;
                }
                names.push(kind.to_owned());
                continue;
            }
            match self.library.structure(target) {
                Lookup::Found(definition) => {
                    names.push(definition.kind.to_string());
                    if is_a(named, &definition.kind) {
                        profiles.push(definition);
                    }
                }
                lookup => {
                    if matches!(lookup, Lookup::Unasked) {
                        self.want("StructureDefinition", target);
                    }
                    return;
                }
            }
        }
        names.dedup();
        if profiles.is_empty() {
            let details = format!("the reference names a {named}, which is not allowed here");
            let advice = format!("Refer to one of {}.", names.join(", "));
            return self.say_of((Severity::Error, "structure"), place, details, advice, "target");
        }
        let Target::Resource(resource) = found else { return };
        let inside = Around { resource, container: resource, ..around };
        let meets = profiles.iter().any(|definition| {
            let key = (resource.place(), definition.url.clone());
            if let Some(verdict) = self.verdicts.get(&key) {
                return *verdict;
            }
            // What is asked of a resource that is being asked already holds until it is answered.
            self.verdicts.insert(key.clone(), true);
            let verdict = self.trial(|walk| walk.conform(definition, resource, place, inside));
            self.verdicts.insert(key, verdict);
            verdict
        });
        if !meets {
            let urls: Vec<&str> = profiles.iter().map(|one| &*one.url).collect();
            let details = format!("the {named} that the reference names does not meet {}", urls.join(" or "));
            let advice = "Validate that resource against the profile to see what is missing.";
            self.say_of((Severity::Error, "structure"), place, details, advice, "target-profile");
        }
    }

    /// What a reference names, as far as the text tells.
    pub(super) fn target(&mut self, node: Node<'d>, around: Around<'d>) -> Target<'d> {
        let Some(value) = node.value else { return Target::Unknown };
        let text = |name: &str| value.member(name).and_then(|text| text.string());
        if let Some(reference) = text("reference") {
            if let Some(id) = reference.strip_prefix('#') {
                return self.contained(around.container, id).map_or(Target::Unknown, Target::Resource);
            }
            if let Some(resource) = around.bundle.and_then(|bundle| self.entry(bundle, &reference)) {
                return Target::Resource(resource);
            }
            if let Some(kind) = literal_type(&reference) {
                return Target::Type(Cow::Owned(kind.to_owned()));
            }
        }
        match text("type") {
            Some(kind) if is_resource_type(&kind) => Target::Type(kind),
            _ => Target::Unknown,
        }
    }
}

/// The type in `Patient/1`, `http://server/Patient/1/_history/2`, `Patient?identifier=x`.
pub(super) fn literal_type(reference: &str) -> Option<&str> {
    let reference = reference.split("/_history/").next().unwrap_or(reference);
    if let Some((path, _)) = reference.split_once('?') {
        return path.rsplit('/').next().filter(|kind| is_resource_type(kind));
    }
    let (front, _) = reference.rsplit_once('/')?;
    front.rsplit('/').next().filter(|kind| is_resource_type(kind))
}
