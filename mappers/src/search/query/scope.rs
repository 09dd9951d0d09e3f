//! Which parameters a name means, for one type, several or all.

use super::condition::{Fault, refused};
use crate::search::parameters::{self, Definition, ParameterKind};

/// The types a parameter is asked of; empty = all types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    pub(super) kinds: &'s [&'static str],
}

/// A parameter: one definition a type, or the one that every type has.
#[derive(Debug)]
pub(super) struct Meant {
    pub(super) definitions: Vec<&'static Definition>,
}

impl Meant {
    /// How values compare.
    pub(super) fn kind(&self) -> ParameterKind {
        self.definitions[0].param_kind
    }

    /// The name in a query.
    pub(super) fn name(&self) -> &'static str {
        self.definitions[0].name
    }

    /// The places of its values.
    pub(super) fn paths(&self) -> Vec<i32> {
        self.definitions.iter().flat_map(|definition| definition.index_paths()).collect()
    }

    /// Types a reference may name; empty = any.
    pub(super) fn targets(&self) -> Vec<&'static str> {
        if self.definitions.iter().any(|definition| definition.targets.is_empty()) {
            return Vec::new();
        }
        let mut targets: Vec<&str> =
            self.definitions.iter().flat_map(|definition| definition.targets.iter().copied()).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}

impl Scope<'_> {
    /// The parameter of this name.
    pub(super) fn meant(self, name: &str) -> Result<Meant, Fault> {
        let supported = |kind: &str| parameters::definition(kind, name).filter(|found| found.is_supported());
        if name.starts_with('_') {
            let found = supported(parameters::COMMON).ok_or_else(|| self.unknown(name))?;
            return Ok(Meant { definitions: vec![found] });
        }
        let found: Option<Vec<_>> = self.kinds.iter().map(|kind| supported(kind)).collect();
        let definitions = found.filter(|found| !found.is_empty()).ok_or_else(|| self.unknown(name))?;
        if definitions.iter().any(|definition| definition.param_kind != definitions[0].param_kind) {
            return Err(refused(
                "not-supported",
                "The parameter is another thing for each of the types; ask for one type",
            ));
        }
        Ok(Meant { definitions })
    }

    fn unknown(self, name: &str) -> Fault {
        let reason = match self.kinds {
            _ if parameters::definition(parameters::COMMON, name).is_some() || RESULTS.contains(&name) => {
                "The parameter is not supported on this server".to_owned()
            }
            [] => "A search over all types has no such parameter".to_owned(),
            kinds if kinds.iter().any(|kind| parameters::definition(kind, name).is_some()) => {
                "The parameter is not supported on this server for each of the types".to_owned()
            }
            kinds => format!("{} has no such search parameter", kinds.join(", ")),
        };
        let first = self.kinds.first().copied();
        let mut known: Vec<&str> = parameters::supported(first).map(|known| known.name).collect();
        known.retain(|name| {
            name.starts_with('_') || self.kinds.iter().all(|kind| parameters::definition(kind, name).is_some())
        });
        let known = known.join(", ");
        refused("not-supported", format!("{reason}; it can be searched by: {known}, _has, and chains"))
    }
}

/// Parameters of the standard that are no search parameters of a type and that this server does not do.
const RESULTS: [&str; 5] = ["_contained", "_containedType", "_filter", "_query", "_score"];
