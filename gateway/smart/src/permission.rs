//! Which resources an action reaches with the scopes that were granted: the union of them
//! (<https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources>).
//!
//! One context at a time: `patient/` reaches within the patient's compartment, `user/` what the user may see, `system/` what
//! the client may. What a token reaches is what it reaches in any of its contexts.
//!
//! Reading and searching are apart: who has only `s` gets no read by id, who has only `r` no search. Conditions hold of what is
//! read and of what a search finds; of a write they have to hold before and after it.

use std::collections::{BTreeMap, BTreeSet};

use crate::scope::{Action, Condition, ContextKind, Scope};

/// What has to hold of a resource, all of it.
pub type Conjunction = Vec<Condition>;

/// What an action reaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reach {
    /// Every type, whole.
    All,
    /// These, and nothing else; nothing at all where there is none.
    Types(Vec<TypeReach>),
}

/// What an action reaches of one type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TypeReach {
    /// The type. `None` is every type, those that have an entry of their own too; it comes first and has alternatives.
    pub kind: Option<Box<str>>,
    /// One of these has to hold. No alternative: the whole type.
    pub alternatives: Vec<Conjunction>,
}

/// What an action reaches of a type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Extent<'a> {
    /// Nothing: the caller has no scope for it.
    Nothing,
    /// Every resource.
    Whole,
    /// Those of which one of these holds. There is at least one.
    Where(Vec<&'a [Condition]>),
}

/// What an action reaches in a context, with these scopes.
#[must_use]
pub fn reach(scopes: &[Scope], context: ContextKind, action: Action) -> Reach {
    let scopes = scopes.iter().filter(|scope| scope.context() == context && scope.actions().has(action));
    let mut types: BTreeMap<Option<&str>, BTreeSet<Conjunction>> = BTreeMap::new();
    for scope in scopes {
        types.entry(scope.kind()).or_default().insert(scope.conditions());
    }
    let every = minimal(types.remove(&None).unwrap_or_default(), &[]);
    if every.iter().any(Vec::is_empty) {
        return Reach::All;
    }
    let mut reached = Vec::new();
    for (kind, conjunctions) in types {
        let alternatives = minimal(conjunctions, &every);
        if !alternatives.is_empty() {
            reached.push(TypeReach { kind: kind.map(Into::into), alternatives: unless_whole(alternatives) });
        }
    }
    if !every.is_empty() {
        reached.insert(0, TypeReach { kind: None, alternatives: every });
    }
    Reach::Types(reached)
}

/// Without those that another one, or one of `wider`, already lets through.
fn minimal(conjunctions: BTreeSet<Conjunction>, wider: &[Conjunction]) -> Vec<Conjunction> {
    let is_within = |narrow: &Conjunction, wide: &Conjunction| {
        wide.len() <= narrow.len() && wide.iter().all(|condition| narrow.binary_search(condition).is_ok())
    };
    let is_needed = |one: &&Conjunction| {
        !conjunctions.iter().any(|other| other != *one && is_within(one, other))
            && !wider.iter().any(|other| is_within(one, other))
    };
    conjunctions.iter().filter(is_needed).cloned().collect()
}

/// An empty conjunction always holds: no alternatives at all then.
fn unless_whole(alternatives: Vec<Conjunction>) -> Vec<Conjunction> {
    if alternatives.iter().any(Vec::is_empty) { Vec::new() } else { alternatives }
}

impl Reach {
    /// Whether nothing is reached.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Types(types) if types.is_empty())
    }

    /// What is reached of a type.
    #[must_use]
    pub fn of(&self, kind: &str) -> Extent<'_> {
        let Self::Types(types) = self else { return Extent::Whole };
        let mut found = Vec::new();
        for reached in types.iter().filter(|reached| reached.kind.as_deref().is_none_or(|known| known == kind)) {
            if reached.alternatives.is_empty() {
                return Extent::Whole;
            }
            found.extend(reached.alternatives.iter().map(Vec::as_slice));
        }
        if found.is_empty() { Extent::Nothing } else { Extent::Where(found) }
    }
}
