//! What is known: code systems, value sets and concept maps, by address and version. What was asked for and is not here is noted, so
//! that whoever has more can bring it and ask again.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::implicit;
use crate::issue::Fault;
use crate::model::{CodeSystem, ConceptMap, ValueSet, parts};
use crate::version::{compare, is_meant};

/// What was asked for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Wanted {
    /// All versions of a code system, and what supplements it.
    CodeSystem(String),
    /// All versions of a value set.
    ValueSet(String),
    /// All versions of a concept map.
    ConceptMap(String),
    /// All concept maps.
    ConceptMaps,
}

/// What is known.
#[derive(Debug, Default)]
pub struct Library {
    systems: HashMap<String, Vec<Arc<CodeSystem>>>,
    supplements: BTreeMap<String, Vec<Arc<CodeSystem>>>,
    sets: HashMap<String, Vec<Arc<ValueSet>>>,
    maps: Vec<Arc<ConceptMap>>,
    brought: BTreeSet<Wanted>,
    asked: RefCell<BTreeSet<Wanted>>,
    spent: Cell<usize>,
}

/// Steps that all that is asked of one library may take together: a rule that is looked at, a concept that is held against one.
const MOST_STEPS: usize = 20_000_000;

impl Library {
    /// Takes a resource in. One of the same address and version that is here already stays: who asks sends what counts first.
    pub fn add(&mut self, resource: &Value) {
        match resource["resourceType"].as_str() {
            Some("CodeSystem") => {
                if let Some(system) = CodeSystem::read(resource) {
                    self.add_system(Arc::new(system));
                }
            }
            Some("ValueSet") => {
                if let Some(set) = ValueSet::read(resource) {
                    self.add_set(Arc::new(set));
                }
            }
            Some("ConceptMap") => {
                if let Some(map) = ConceptMap::read(resource) {
                    self.add_map(Arc::new(map));
                }
            }
            _ => {}
        }
    }

    /// The same of a code system.
    pub fn add_system(&mut self, system: Arc<CodeSystem>) {
        let versions = match &system.supplements {
            Some(of) => self.supplements.entry(parts(of).0.to_owned()).or_default(),
            None => self.systems.entry(system.url.clone()).or_default(),
        };
        if !versions.iter().any(|known| known.url == system.url && known.version == system.version) {
            versions.push(system);
        }
    }

    /// The same of a value set.
    pub fn add_set(&mut self, set: Arc<ValueSet>) {
        let Some(url) = set.url.clone() else { return };
        let versions = self.sets.entry(url).or_default();
        if !versions.iter().any(|known| known.version == set.version) {
            versions.push(set);
        }
    }

    /// The same of a concept map.
    pub fn add_map(&mut self, map: Arc<ConceptMap>) {
        if map.url.is_none() || !self.maps.iter().any(|known| known.canonical() == map.canonical()) {
            self.maps.push(map);
        }
    }

    /// Says that all there is of something has been brought.
    pub fn brought(&mut self, what: Wanted) {
        self.brought.insert(what);
    }

    /// What was asked for since, and has not been brought.
    pub fn missing(&self) -> Vec<Wanted> {
        self.asked.take().into_iter().filter(|what| !self.brought.contains(what)).collect()
    }

    /// Counts steps: value sets that name value sets, each many, would else cost more than what they are written in.
    ///
    /// # Errors
    /// There have been too many.
    pub fn spend(&self, steps: usize) -> Result<(), Fault> {
        let spent = self.spent.get().saturating_add(steps);
        self.spent.set(spent);
        if spent > MOST_STEPS {
            return Err(Fault::too_costly(
                "What the value set is made of takes more work than one request may cost.".to_owned(),
            ));
        }
        Ok(())
    }

    fn ask(&self, what: Wanted) {
        self.asked.borrow_mut().insert(what);
    }

    /// All versions of a code system, the latest first.
    pub fn systems(&self, url: &str) -> Vec<Arc<CodeSystem>> {
        self.ask(Wanted::CodeSystem(url.to_owned()));
        let mut versions = self.systems.get(url).cloned().unwrap_or_default();
        versions.sort_by(|a, b| order(b.version.as_deref(), a.version.as_deref()));
        versions
    }

    /// A supplement by its own address.
    pub fn supplement(&self, canonical: &str) -> Option<Arc<CodeSystem>> {
        let (url, version) = parts(canonical);
        self.ask(Wanted::CodeSystem(url.to_owned()));
        let of_that = self.supplements.values().flatten().filter(|supplement| supplement.url == url);
        let mut fit: Vec<_> = of_that.filter(|supplement| fits(version, supplement.version.as_deref())).collect();
        fit.sort_by(|a, b| order(b.version.as_deref(), a.version.as_deref()));
        fit.first().map(|supplement| Arc::clone(supplement))
    }

    /// Whether there is a value set of an address.
    pub fn has_set(&self, url: &str) -> bool {
        self.ask(Wanted::ValueSet(url.to_owned()));
        self.sets.contains_key(url) || implicit::of(url).is_some()
    }

    /// The value set of an address: the latest of the versions that are meant.
    pub fn set(&self, url: &str, version: Option<&str>) -> Option<Arc<ValueSet>> {
        self.ask(Wanted::ValueSet(url.to_owned()));
        let Some(versions) = self.sets.get(url) else {
            // One that an address alone says has no version but that of its system.
            return implicit::of(url).filter(|_| version.is_none()).map(Arc::new);
        };
        let fit = versions.iter().filter(|set| fits(version, set.version.as_deref()));
        fit.max_by(|a, b| order(a.version.as_deref(), b.version.as_deref())).cloned()
    }

    /// The concept map of an address.
    pub fn map(&self, url: &str, version: Option<&str>) -> Option<Arc<ConceptMap>> {
        self.ask(Wanted::ConceptMap(url.to_owned()));
        let of_that = self.maps.iter().filter(|map| map.url.as_deref() == Some(url));
        let fit = of_that.filter(|map| fits(version, map.version.as_deref()));
        fit.max_by(|a, b| order(a.version.as_deref(), b.version.as_deref())).cloned()
    }

    /// All concept maps.
    pub fn maps(&self) -> &[Arc<ConceptMap>] {
        self.ask(Wanted::ConceptMaps);
        &self.maps
    }
}

fn fits(asked: Option<&str>, version: Option<&str>) -> bool {
    match (asked, version) {
        (None, _) => true,
        (Some(asked), Some(version)) => is_meant(asked, version),
        (Some(_), None) => false,
    }
}

fn order(one: Option<&str>, other: Option<&str>) -> std::cmp::Ordering {
    match (one, other) {
        (Some(one), Some(other)) => compare(one, other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    }
}
