//! What is known without asking anyone: the types, extensions and profiles of R4, US Core 6.1.0, and the value sets they bind
//! that lists of codes can tell. Tables beside this file, made by `conformance/tables/validate.py`: names, cardinalities,
//! types, fixed codes and expressions, and no text of the standards.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, RwLock};

use super::definition::{Definition, Invariant, Rule};
use super::value_set::{Codes, ValueSet};
use crate::json::Document;

/// What comes before the name of a definition of R4.
pub(super) const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

static BASE: LazyLock<Base> = LazyLock::new(Base::read);
static LINES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let tables = [include_str!("tables/profiles.txt"), include_str!("tables/extensions.txt")];
    tables.iter().flat_map(|table| table.lines()).filter_map(|line| Some((quoted(line)?, line))).collect()
});
static READ: LazyLock<RwLock<HashMap<&'static str, Arc<Definition>>>> = LazyLock::new(RwLock::default);
static CODES: LazyLock<HashMap<&'static str, ValueSet>> = LazyLock::new(|| {
    let lines = include_str!("tables/codes.txt").lines().filter(|line| !line.starts_with(['#', '=']));
    lines.filter_map(|line| line.split_once('\t')).map(|(url, rest)| (url, ValueSet::of_table(rest))).collect()
});
static SYSTEMS: LazyLock<HashMap<&'static str, Codes>> = LazyLock::new(|| {
    let lines = include_str!("tables/codes.txt").lines().filter_map(|line| line.strip_prefix('='));
    lines
        .filter_map(|line| line.split_once('\t'))
        .map(|(url, codes)| (url, codes.split('\t').map(Box::from).collect()))
        .collect()
});

/// The address at the beginning of a line: `{"url":"...`.
fn quoted(line: &'static str) -> Option<&'static str> {
    line.strip_prefix("{\"url\":\"")?.split('"').next()
}

/// A profile or an extension of R4 or US Core.
pub(super) fn structure(url: &str) -> Option<Arc<Definition>> {
    let (url, line) = LINES.get_key_value(url)?;
    if let Some(found) = READ.read().ok().and_then(|read| read.get(url).cloned()) {
        return Some(found);
    }
    let document = Document::parse(line.as_bytes()).ok()?;
    let found = Arc::new(Definition::read(document.root())?);
    if let Ok(mut read) = READ.write() {
        read.insert(url, Arc::clone(&found));
    }
    Some(found)
}

/// A value set.
pub(super) fn value_set(url: &str) -> Option<&'static ValueSet> {
    CODES.get(url)
}

/// The codes of a system that some value set takes whole.
pub(super) fn system(url: &str) -> Option<&'static Codes> {
    SYSTEMS.get(url)
}

/// What the types themselves say.
pub(super) fn base() -> &'static Base {
    &BASE
}

/// Rules by the object an element stands in.
pub(super) struct Base {
    kinds: HashMap<Box<str>, Vec<Invariant>>,
    members: HashMap<Box<str>, Vec<Rule>>,
    keys: HashSet<Box<str>>,
}

impl Base {
    fn read() -> Self {
        let mut base = Self { kinds: HashMap::new(), members: HashMap::new(), keys: HashSet::new() };
        for line in include_str!("tables/base.txt").lines().filter(|line| !line.starts_with('#')) {
            let Ok(document) = Document::parse(line.as_bytes()) else { continue };
            if let Some(definition) = Definition::read(document.root()) {
                let mut root = definition.root;
                base.keys.extend(root.invariants.iter().map(|one| one.key.clone()));
                base.kinds.insert(definition.kind.clone(), std::mem::take(&mut root.invariants));
                base.spread(&definition.kind, root.children);
            }
        }
        base
    }

    fn spread(&mut self, owner: &str, mut rules: Vec<Rule>) {
        for rule in &mut rules {
            self.keys.extend(rule.invariants.iter().map(|one| one.key.clone()));
            let children = std::mem::take(&mut rule.children);
            if !children.is_empty() {
                self.spread(&format!("{owner}.{}", rule.name), children);
            }
        }
        self.members.insert(owner.into(), rules);
    }

    /// The invariants of a type.
    pub(super) fn invariants(&self, kind: &str) -> &[Invariant] {
        self.kinds.get(kind).map_or(&[], Vec::as_slice)
    }

    /// Whether some type has an invariant of this key.
    pub(super) fn has_key(&self, key: &str) -> bool {
        // Structure tells these.
        matches!(key, "ele-1" | "ext-1") || self.keys.contains(key)
    }

    /// What is said of a member of an object.
    pub(super) fn member(&self, owner: &str, name: &str) -> Option<&Rule> {
        self.members.get(owner)?.iter().find(|rule| &*rule.name == name)
    }
}
