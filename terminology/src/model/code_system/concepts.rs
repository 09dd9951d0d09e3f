//! The concepts of a code system: of a resource as they were written, of a release by its index.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::Property;
use crate::index::{Index, Places};
use crate::model::{Designation, Extension};

/// A concept.
#[derive(Clone, Debug)]
pub struct Concept {
    /// Its code.
    pub code: String,
    /// How it is shown.
    pub display: Option<String>,
    /// What it means.
    pub definition: Option<String>,
    /// How else it is said.
    pub designations: Vec<Designation>,
    /// What is known of it.
    pub properties: Vec<Property>,
    /// What else.
    pub extension: Vec<Extension>,
}

impl Concept {
    /// One of a release.
    pub(super) fn of(index: &Index, at: usize) -> Self {
        Self {
            code: index.code(at).to_owned(),
            display: index.display(at).map(str::to_owned),
            definition: index.definition(at).map(str::to_owned),
            designations: index.designations(at),
            properties: index.stated(at),
            extension: index.extensions(at),
        }
    }
}

/// Where the concepts are.
#[derive(Clone, Debug)]
pub(super) enum Concepts {
    /// In memory.
    Written(Written),
    /// In an index.
    Indexed(Arc<Index>),
}

impl Default for Concepts {
    fn default() -> Self {
        Self::Written(Written::default())
    }
}

/// The parents or children of a concept, by their places.
#[derive(Clone, Copy, Debug)]
pub enum Related<'s> {
    /// Of a resource.
    Listed(&'s [usize]),
    /// Of a release.
    Indexed(Places<'s>),
}

impl<'s> Related<'s> {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = usize> + 's {
        let (listed, places) = match self {
            Self::Listed(listed) => (listed, Places::default()),
            Self::Indexed(places) => (&[][..], places),
        };
        listed.iter().copied().chain(places.iter())
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Listed(listed) => listed.is_empty(),
            Self::Indexed(places) => places.is_empty(),
        }
    }
}

/// A concept as a resource has it, with those below it.
#[derive(Deserialize)]
pub(super) struct Nested {
    code: String,
    display: Option<String>,
    definition: Option<String>,
    #[serde(default)]
    designation: Vec<Designation>,
    #[serde(default)]
    property: Vec<Property>,
    #[serde(default)]
    extension: Vec<Extension>,
    #[serde(default)]
    concept: Vec<Self>,
}

/// Concepts in memory, parents before their children.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) concepts: Vec<Concept>,
    pub(super) parents: Vec<Vec<usize>>,
    pub(super) children: Vec<Vec<usize>>,
    by_code: HashMap<String, usize>,
    by_folded: HashMap<String, usize>,
}

impl Written {
    /// The concepts of a resource, with what its properties for parents and children are called.
    pub(super) fn of(nested: Vec<Nested>, is_case_sensitive: bool, called: (&str, &str)) -> Self {
        let mut written = Self::default();
        written.take(nested, None);
        written.relate(is_case_sensitive, called);
        written
    }

    /// A code counts once, as it stands first (<https://hl7.org/fhir/R4/codesystem.html#csd-1>).
    fn take(&mut self, nested: Vec<Nested>, parent: Option<usize>) {
        for mut one in nested {
            let below = std::mem::take(&mut one.concept);
            let at = match self.by_code.get(&one.code) {
                Some(&known) => known,
                None => self.put(one),
            };
            if let Some(parent) = parent.filter(|parent| *parent != at && !self.parents[at].contains(parent)) {
                self.parents[at].push(parent);
                self.children[parent].push(at);
            }
            self.take(below, Some(at));
        }
    }

    fn put(&mut self, one: Nested) -> usize {
        let at = self.concepts.len();
        self.by_folded.entry(one.code.to_lowercase()).or_insert(at);
        self.by_code.insert(one.code.clone(), at);
        self.concepts.push(Concept {
            code: one.code,
            display: one.display,
            definition: one.definition,
            designations: one.designation,
            properties: one.property,
            extension: one.extension,
        });
        self.parents.push(Vec::new());
        self.children.push(Vec::new());
        at
    }

    /// What is above what may also be said by properties.
    fn relate(&mut self, is_case_sensitive: bool, (parent, child): (&str, &str)) {
        let mut pairs = Vec::new();
        let mut known: HashSet<(usize, usize)> = HashSet::new();
        for (at, concept) in self.concepts.iter().enumerate() {
            known.extend(self.parents[at].iter().map(|parent| (*parent, at)));
            for property in &concept.properties {
                if property.code != parent && property.code != child {
                    continue;
                }
                let other = property.text().and_then(|code| self.find(&code, is_case_sensitive));
                pairs.extend(other.map(|other| if property.code == parent { (other, at) } else { (at, other) }));
            }
        }
        for (parent, child) in pairs {
            if parent != child && known.insert((parent, child)) {
                self.children[parent].push(child);
                self.parents[child].push(parent);
            }
        }
        // As they stand in the system, whichever way it was said.
        self.children.iter_mut().for_each(|children| children.sort_unstable());
    }

    /// Where a code is.
    pub(super) fn find(&self, code: &str, is_case_sensitive: bool) -> Option<usize> {
        match self.by_code.get(code) {
            None if !is_case_sensitive => self.by_folded.get(&code.to_lowercase()).copied(),
            exact => exact.copied(),
        }
    }
}

/// All that is reached from a place, itself left out, step by step.
pub(super) fn reach(from: usize, next: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; next.len()];
    seen[from] = true;
    let (mut found, mut open) = (Vec::new(), vec![from]);
    while let Some(at) = open.pop() {
        for &other in &next[at] {
            if !std::mem::replace(&mut seen[other], true) {
                found.push(other);
                open.push(other);
            }
        }
    }
    found
}
