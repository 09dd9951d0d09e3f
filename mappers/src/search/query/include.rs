//! `_include` and `_revinclude`: <https://hl7.org/fhir/R4/search.html#revinclude>.

use std::sync::LazyLock;

use super::condition::{Fault, refused, wrong};
use super::scope::Scope;
use crate::search::parameters::{self, Definition, ParameterKind, resource_type};

/// What comes along with the matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Include {
    /// What refers to the matches, not what they refer to.
    pub reverse: bool,
    /// Also from what came along (`:iterate`).
    pub iterate: bool,
    /// The type that holds the reference; `None` = any (only of `*`).
    pub kind: Option<&'static str>,
    /// The places of the reference. Empty without a type: every reference.
    pub paths: Vec<i32>,
    /// The type referred to; `None` = any.
    pub target: Option<&'static str>,
}

/// Whether a parameter's name is one of these.
pub(super) fn is_include(name: &str) -> bool {
    matches!(name.split(':').next(), Some("_include" | "_revinclude"))
}

/// Reads `Observation:patient`, `Observation:subject:Patient`, `Observation:*`, `Observation:*:Patient` or `*`.
pub(super) fn read(scope: Scope<'_>, name: &str, value: &str) -> Result<Include, Fault> {
    let kinds = scope.kinds;
    let (name, modifier) = name.split_once(':').map_or((name, None), |(name, modifier)| (name, Some(modifier)));
    let reverse = name == "_revinclude";
    let iterate = match modifier {
        None => false,
        // `recurse` is what STU3 called it.
        Some("iterate" | "recurse") => true,
        Some(_) => return Err(wrong("invalid", "The parameter has no such modifier; it takes iterate")),
    };
    let every = Include { reverse, iterate, kind: None, paths: Vec::new(), target: None };
    if value == "*" {
        let paths = if reverse { EVERYWHERE.clone() } else { Vec::new() };
        return Ok(Include { paths, ..every });
    }
    let parts: Vec<&str> = value.split(':').collect();
    let (kind, parameter, target) = match parts[..] {
        [kind, parameter] => (kind, parameter, None),
        [kind, parameter, target] => (kind, parameter, Some(target)),
        _ => {
            let forms = "The value is not Type:parameter, Type:parameter:TargetType, Type:* or *";
            return Err(wrong("value", forms));
        }
    };
    if matches!(target, Some("iterate" | "recurse")) {
        return Err(wrong("value", "The value ends in iterate, which belongs to the name; write _include:iterate="));
    }
    let known = |kind: &str| resource_type(kind).ok_or_else(|| wrong("value", "The value names no resource type"));
    let kind = known(kind)?;
    let target = target.map(known).transpose()?;
    if !reverse && !iterate && !kinds.is_empty() && !kinds.contains(&kind) {
        return Err(wrong(
            "value",
            "The value starts with a type that is not searched; start with the type that is searched, or add :iterate",
        ));
    }
    if parameter == "*" {
        return Ok(Include { kind: Some(kind), paths: places(references(kind)), target, ..every });
    }
    let kinds = [kind];
    let meant = Scope { kinds: &kinds, ..scope }.meant(parameter)?;
    if meant.kind() != ParameterKind::Reference {
        return Err(refused(
            "invalid",
            "The value names a parameter that is no reference, so nothing comes along by it",
        ));
    }
    Ok(Include { kind: Some(kind), paths: meant.paths(), target, ..every })
}

/// The parameters of a type that are references.
fn references(kind: &str) -> impl Iterator<Item = &'static Definition> {
    parameters::supported(Some(kind)).filter(|found| found.param_kind == ParameterKind::Reference)
}

/// The places of every reference: what refers to a resource is looked for place by place.
static EVERYWHERE: LazyLock<Vec<i32>> =
    LazyLock::new(|| places(parameters::resource_types().iter().flat_map(|kind| references(kind))));

fn places(definitions: impl Iterator<Item = &'static Definition>) -> Vec<i32> {
    let mut places: Vec<i32> = definitions.flat_map(Definition::index_paths).collect();
    places.sort_unstable();
    places.dedup();
    places
}
