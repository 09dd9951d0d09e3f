//! Which parameters a name means, for one type, several or all.

use super::condition::{Fault, refused, wrong};
use crate::search::Custom;
use crate::search::custom::{Parameter, State};
use crate::search::parameters::{self, Definition, ElementType, ParameterKind};
use crate::search::typed_path;

/// The types a parameter is asked of; empty = all types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'s> {
    pub(super) kinds: &'s [&'static str],
    /// What the organization has added.
    pub(super) custom: Option<&'s Custom>,
}

/// A parameter: one definition a type, or the one that every type has.
#[derive(Debug)]
pub(super) struct Meant<'s> {
    pub(super) definitions: Vec<Meaning<'s>>,
}

/// What a name means for one type.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning<'s> {
    BuiltIn(&'static Definition),
    Custom(&'s Parameter),
}

impl Meaning<'_> {
    fn kind(&self) -> ParameterKind {
        match self {
            Self::BuiltIn(definition) => definition.param_kind,
            Self::Custom(parameter) => parameter.definition.param_kind,
        }
    }

    fn paths(&self) -> Vec<i32> {
        match self {
            Self::BuiltIn(definition) => definition.index_paths().collect(),
            Self::Custom(parameter) => vec![parameter.path()],
        }
    }

    fn targets(&self) -> &[&'static str] {
        match self {
            Self::BuiltIn(definition) => definition.targets,
            Self::Custom(parameter) => &parameter.definition.targets,
        }
    }

    fn is_bare(&self) -> bool {
        let bare =
            |element: ElementType| matches!(element, ElementType::Boolean | ElementType::Code | ElementType::DateTime);
        match self {
            Self::BuiltIn(definition) => definition.indexed().all(|path| bare(path.element)),
            Self::Custom(parameter) => parameter.is_bare(),
        }
    }
}

impl Meant<'_> {
    /// How values compare.
    pub(super) fn kind(&self) -> ParameterKind {
        self.definitions[0].kind()
    }

    /// The name in a query, where it is built in.
    pub(super) fn name(&self) -> &'static str {
        match self.definitions[0] {
            Meaning::BuiltIn(definition) => definition.name,
            Meaning::Custom(_) => "",
        }
    }

    /// The places of its values.
    pub(super) fn paths(&self) -> Vec<i32> {
        let mut paths: Vec<i32> = self.definitions.iter().flat_map(Meaning::paths).collect();
        // One parameter of the organization's own has one place for all its types.
        if self.definitions.iter().any(|meaning| matches!(meaning, Meaning::Custom(_))) {
            paths.sort_unstable();
            paths.dedup();
        }
        paths
    }

    /// Where tokens of its identifiers stand with their types; empty where it has no identifiers.
    pub(super) fn typed_paths(&self) -> Vec<i32> {
        let typed = |meaning: &Meaning<'_>| match meaning {
            Meaning::BuiltIn(definition) => {
                let kind = definition.kind;
                let places = definition.indexed().filter(|path| path.element == ElementType::Identifier);
                places.map(move |path| typed_path(kind, path.text)).collect::<Vec<_>>()
            }
            Meaning::Custom(parameter) => vec![parameter.typed_path()],
        };
        self.definitions.iter().flat_map(typed).collect()
    }

    /// Whether all its values are codes or primitives, whose system goes without saying.
    pub(super) fn is_bare(&self) -> bool {
        self.definitions.iter().all(Meaning::is_bare)
    }

    /// Types a reference may name; empty = any.
    pub(super) fn targets(&self) -> Vec<&'static str> {
        if self.definitions.iter().any(|definition| definition.targets().is_empty()) {
            return Vec::new();
        }
        let mut targets: Vec<&str> =
            self.definitions.iter().flat_map(|definition| definition.targets().iter().copied()).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    }
}

impl<'s> Scope<'s> {
    /// The parameter of this name.
    pub(super) fn meant(self, name: &str) -> Result<Meant<'s>, Fault> {
        let supported = |kind: &str| parameters::definition(kind, name).filter(|found| found.is_supported());
        if name.starts_with('_') {
            let found = supported(parameters::COMMON).ok_or_else(|| self.unknown(name))?;
            return Ok(Meant { definitions: vec![Meaning::BuiltIn(found)] });
        }
        let meaning = |kind: &str| match supported(kind) {
            Some(definition) => Some(Meaning::BuiltIn(definition)),
            None => self.custom.and_then(|custom| custom.named(kind, name)).map(Meaning::Custom),
        };
        let found: Option<Vec<_>> = self.kinds.iter().map(|kind| meaning(kind)).collect();
        let definitions = found.filter(|found| !found.is_empty()).ok_or_else(|| self.unknown(name))?;
        if definitions.iter().any(|definition| definition.kind() != definitions[0].kind()) {
            return Err(refused(
                "not-supported",
                "The parameter is another thing for each of the types; ask for one type",
            ));
        }
        definitions.iter().try_for_each(complete)?;
        Ok(Meant { definitions })
    }

    fn unknown(self, name: &str) -> Fault {
        let added = |kind: &str| self.custom.is_some_and(|custom| custom.named(kind, name).is_some());
        let reason = match self.kinds {
            _ if parameters::definition(parameters::COMMON, name).is_some() || RESULTS.contains(&name) => {
                "The parameter is not supported on this server".to_owned()
            }
            [] => "A search over all types has no such parameter".to_owned(),
            kinds if kinds.iter().any(|kind| parameters::definition(kind, name).is_some() || added(kind)) => {
                "The parameter is not supported on this server for each of the types".to_owned()
            }
            kinds => format!("{} has no such search parameter", kinds.join(", ")),
        };
        let first = self.kinds.first().copied();
        let mut known: Vec<&str> = parameters::supported(first).map(|known| known.name).collect();
        known.retain(|name| {
            name.starts_with('_') || self.kinds.iter().all(|kind| parameters::definition(kind, name).is_some())
        });
        if let Some(custom) = self.custom.filter(|_| !self.kinds.is_empty()) {
            let of_all = custom.parameters().iter().filter(|one| self.kinds.iter().all(|kind| one.is_of(kind)));
            known.extend(of_all.map(|parameter| &*parameter.definition.code));
        }
        let known = known.join(", ");
        refused("not-supported", format!("{reason}; it can be searched by: {known}, _has, and chains"))
    }
}

/// Nothing is answered from an index that lacks rows: to leave the condition out would show more than was asked for, to use
/// it would leave matches out.
fn complete(meaning: &Meaning<'_>) -> Result<(), Fault> {
    let Meaning::Custom(parameter) = meaning else { return Ok(()) };
    let State::Indexing(percent) = parameter.state else { return Ok(()) };
    let url = &parameter.definition.url;
    Err(wrong(
        "transient",
        format!(
            "What was stored before this parameter came is being indexed for it ({percent} % is done), and a search by it would \
             leave matches out; ask again in a while, or ask $status of the SearchParameter {url} for when it is ready"
        ),
    ))
}

/// Parameters of the standard that are no search parameters of a type and that this server does not do.
const RESULTS: [&str; 5] = ["_contained", "_containedType", "_filter", "_query", "_score"];
