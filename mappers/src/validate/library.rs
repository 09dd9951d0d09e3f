//! The definitions that a validation may use beside the built-in ones, and what it found missing.

use std::collections::HashMap;
use std::sync::Arc;

use super::builtin::{self, CORE};
use super::definition::Definition;
use super::value_set::{Codes, ValueSet};
use crate::json::{Document, Element};
use crate::structure;

/// A definition that somebody may know.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Wanted {
    /// The resource type: `StructureDefinition`, `ValueSet`, `CodeSystem`, `Questionnaire`.
    pub kind: &'static str,
    /// The canonical address, with its version where one was named.
    pub url: Box<str>,
}

/// Definitions of the caller's own. What is asked for and not in here is [`Wanted`]; what nobody has is put in as absent.
#[derive(Debug, Default)]
pub struct Library {
    structures: HashMap<Box<str>, Option<Arc<Definition>>>,
    value_sets: HashMap<Box<str>, Option<ValueSet>>,
    systems: HashMap<Box<str>, Option<Codes>>,
    questionnaires: HashMap<Box<str>, Option<Box<str>>>,
    is_unit: Option<fn(&str) -> bool>,
}

/// What came of a search for a definition.
pub(super) enum Lookup<T> {
    Found(T),
    /// Nobody was asked yet.
    Unasked,
    Unknown,
}

impl Library {
    /// A library that takes these codes for units of UCUM.
    #[must_use]
    pub fn with_units(is_unit: fn(&str) -> bool) -> Self {
        Self { is_unit: Some(is_unit), ..Self::default() }
    }

    /// Puts in what was found for a wish: the resource, or that there is none.
    pub fn add(&mut self, wanted: &Wanted, found: Option<Element<'_>>) {
        let url = wanted.url.clone();
        match wanted.kind {
            "StructureDefinition" => {
                self.structures.insert(url, found.and_then(Definition::read).map(Arc::new));
            }
            "ValueSet" => {
                self.value_sets.insert(url, found.map(ValueSet::read));
            }
            "CodeSystem" => {
                self.systems.insert(url, found.and_then(ValueSet::codes_of_system));
            }
            _ => {
                self.questionnaires.insert(url, found.map(|found| found.raw().into()));
            }
        }
    }

    /// Puts in the codes of a value set, as a terminology has them: system and code.
    pub fn add_codes(&mut self, wanted: &Wanted, codes: &[(String, String)]) {
        self.value_sets.insert(wanted.url.clone(), Some(ValueSet::of_codes(codes)));
    }

    /// Whether the library has an answer, if only that there is none.
    #[must_use]
    pub fn holds(&self, wanted: &Wanted) -> bool {
        match wanted.kind {
            "StructureDefinition" => self.structures.contains_key(&wanted.url),
            "ValueSet" => self.value_sets.contains_key(&wanted.url),
            "CodeSystem" => self.systems.contains_key(&wanted.url),
            _ => self.questionnaires.contains_key(&wanted.url),
        }
    }

    /// Whether there is a definition of this address, built in or put in.
    #[must_use]
    pub fn has_structure(&self, canonical: &str) -> bool {
        core_type(canonical).is_some() || matches!(self.structure(canonical), Lookup::Found(_))
    }

    /// A definition of a type's profile or an extension. What is stored goes before what is built in, but for R4's own.
    pub(super) fn structure(&self, canonical: &str) -> Lookup<Arc<Definition>> {
        let (url, version) = canonical.split_once('|').map_or((canonical, None), |(url, version)| (url, Some(version)));
        let fits = |found: &Arc<Definition>| {
            version.is_none_or(|version| found.version.as_deref().unwrap_or("4.0.1") == version)
        };
        let built_in = || builtin::structure(url).filter(fits);
        if url.starts_with(CORE)
            && let Some(found) = built_in()
        {
            return Lookup::Found(found);
        }
        match self.structures.get(canonical) {
            Some(Some(found)) => Lookup::Found(Arc::clone(found)),
            Some(None) => built_in().map_or(Lookup::Unknown, Lookup::Found),
            None => Lookup::Unasked,
        }
    }

    /// A value set: built in where the tables have all of its codes, else as it was put in.
    pub(super) fn value_set(&self, canonical: &str) -> Lookup<&ValueSet> {
        let built_in = builtin::value_set(canonical.split('|').next().unwrap_or_default());
        if let Some(found) = built_in.filter(|found| found.is_whole()) {
            return Lookup::Found(found);
        }
        match (self.value_sets.get(canonical), built_in) {
            (Some(Some(found)), _) | (Some(None), Some(found)) => Lookup::Found(found),
            (Some(None), None) => Lookup::Unknown,
            (None, _) => Lookup::Unasked,
        }
    }

    /// All codes of a system.
    pub(super) fn system(&self, url: &str) -> Lookup<&Codes> {
        if let Some(found) = builtin::system(url) {
            return Lookup::Found(found);
        }
        match self.systems.get(url) {
            Some(Some(found)) => Lookup::Found(found),
            Some(None) => Lookup::Unknown,
            None => Lookup::Unasked,
        }
    }

    /// Whether a code is a unit of UCUM; `None` where nobody can tell.
    pub(super) fn is_unit(&self, code: &str) -> Option<bool> {
        self.is_unit.map(|is_unit| is_unit(code))
    }

    /// Looks into a Questionnaire.
    pub(super) fn questionnaire<T>(&self, canonical: &str, look: impl FnOnce(Element<'_>) -> T) -> Lookup<T> {
        match self.questionnaires.get(canonical) {
            Some(Some(text)) => match Document::parse(text.as_bytes()) {
                Ok(document) => Lookup::Found(look(document.root())),
                Err(_) => Lookup::Unknown,
            },
            Some(None) => Lookup::Unknown,
            None => Lookup::Unasked,
        }
    }
}

/// The type that a canonical address names, if it is one of R4 itself: by its name alone, as in the tables, or in full.
pub(super) fn core_type(canonical: &str) -> Option<&str> {
    let url = canonical.split('|').next()?;
    let name = url.strip_prefix(CORE).unwrap_or(url);
    let abstracts = matches!(name, "Resource" | "DomainResource" | "Element" | "BackboneElement");
    (abstracts || structure::element(name, "id").is_some()).then_some(name)
}
