//! `_include` and `_revinclude`: <https://hl7.org/fhir/R4/search.html#revinclude>.

use super::condition::{Fault, refused, wrong};
use super::scope::Scope;
use crate::search::parameters::{self, ParameterKind, resource_type};

/// What comes along with the matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Include {
    /// What refers to the matches, not what they refer to.
    pub reverse: bool,
    /// Also from what came along (`:iterate`).
    pub iterate: bool,
    /// The type that holds the reference; `None` = any (only of `_include=*`).
    pub kind: Option<&'static str>,
    /// The places of the reference; empty = every reference.
    pub paths: Vec<i32>,
    /// The type referred to; `None` = any.
    pub target: Option<&'static str>,
}

/// Whether a parameter's name is one of these.
pub(super) fn is_include(name: &str) -> bool {
    matches!(name.split(':').next(), Some("_include" | "_revinclude"))
}

/// Reads `Observation:patient`, `Observation:subject:Patient`, `Observation:*` or `*`.
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
    if value == "*" && !reverse {
        return Ok(every);
    }
    let parts: Vec<&str> = value.split(':').collect();
    let (kind, parameter, target) = match parts[..] {
        [kind, parameter] => (kind, parameter, None),
        [kind, parameter, target] => (kind, parameter, Some(target)),
        _ => return Err(wrong("value", "The value is not Type:parameter or Type:parameter:TargetType")),
    };
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
        let paths = parameters::supported(Some(kind)).filter(|found| found.param_kind == ParameterKind::Reference);
        let mut paths: Vec<i32> = paths.flat_map(parameters::Definition::index_paths).collect();
        paths.sort_unstable();
        paths.dedup();
        return Ok(Include { kind: Some(kind), paths, target, ..every });
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
