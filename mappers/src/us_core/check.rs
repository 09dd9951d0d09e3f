//! What a resource lacks of its profile's required elements.

use super::profile::{Element, Profile, Step, profiles};
use crate::json::{self, Document, Kind};

/// A required element that is not there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Lack {
    /// The profile that requires it.
    pub profile: &'static str,
    /// The element, as the profile's table has it.
    pub path: &'static str,
}

/// The profile a resource is measured by: of those whose codes it carries the one that asks for most of them.
#[must_use]
pub fn profile_of(resource: json::Element<'_>) -> Option<&'static Profile> {
    let kind = resource.member("resourceType")?.string()?;
    let own = profiles().iter().filter(|profile| profile.resource == kind);
    let fitting = own.filter(|profile| profile.conditions.iter().all(|condition| condition.holds(resource)));
    // Of equals the first: `max_by_key` would take the last.
    fitting.rev().max_by_key(|profile| profile.conditions.len())
}

/// The elements that the resource's profile requires and that it does not have. An element whose value is said to be
/// unknown (a data-absent-reason) is there.
#[must_use]
pub fn lacks(document: &Document<'_>) -> Vec<Lack> {
    let Some(profile) = profile_of(document.root()) else { return Vec::new() };
    let required = profile.elements.iter().filter(|element| element.required);
    let lacking = required.filter(|element| is_missing(document.root(), element));
    lacking.map(|element| Lack { profile: profile.name, path: element.path }).collect()
}

fn is_missing(resource: json::Element<'_>, element: &Element) -> bool {
    let Some((last, above)) = element.steps.split_last() else { return false };
    let mut parents = vec![resource];
    for step in above {
        parents = parents.into_iter().flat_map(|parent| items(parent, step)).collect();
    }
    parents.into_iter().any(|parent| items(parent, last).is_empty())
}

/// The items of a member that a step means.
fn items<'d>(object: json::Element<'d>, step: &Step) -> Vec<json::Element<'d>> {
    let named =
        |member: &json::Element<'d>| member.key().is_some_and(|key| step.names(key.strip_prefix('_').unwrap_or(&key)));
    let values = object.children().filter(named).flat_map(|member| match member.kind() {
        Kind::Array => member.children().collect(),
        _ => vec![member],
    });
    values.filter(|item| step.slice.as_ref().is_none_or(|slice| slice.holds(*item))).collect()
}
