//! A code system: its concepts, by code and in their hierarchy.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Designation, Extension, Standing, extension};

/// Where FHIR's own properties of concepts are defined.
pub const PROPERTIES: &str = "http://hl7.org/fhir/concept-properties#";

/// How much of the system the resource holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// All of it.
    #[default]
    Complete,
    /// Some of it: a code that is not here may be one all the same.
    Fragment,
    /// Some of it, to show what it is like.
    Example,
    /// None of it.
    NotPresent,
    /// More about another system's concepts.
    Supplement,
}

impl Content {
    /// Whether a code that is not there may be one all the same.
    pub fn is_partial(self) -> bool {
        matches!(self, Self::Fragment | Self::Example)
    }
}

/// A property that concepts have.
#[derive(Clone, Debug, Deserialize)]
pub struct Defined {
    /// Its name in the system.
    pub code: String,
    /// What it is.
    pub uri: Option<String>,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A property of a concept.
#[derive(Clone, Debug, Deserialize)]
pub struct Property {
    /// Which.
    pub code: String,
    /// `valueCode` and the like.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Property {
    /// The name of the value (`valueCode`) and the value.
    pub fn value(&self) -> Option<(&str, &Value)> {
        self.rest.iter().find(|(name, _)| name.starts_with("value")).map(|(name, value)| (name.as_str(), value))
    }

    /// The value as a filter compares it.
    pub fn text(&self) -> Option<String> {
        match self.value()?.1 {
            Value::String(text) => Some(text.clone()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Object(coding) => coding.get("code")?.as_str().map(str::to_owned),
            Value::Null | Value::Array(_) => None,
        }
    }
}

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
    /// Places in [`CodeSystem::concepts`].
    pub parents: Vec<usize>,
    /// The same.
    pub children: Vec<usize>,
}

/// A code system.
#[derive(Clone, Debug)]
pub struct CodeSystem {
    /// Its canonical address.
    pub url: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// The language of what is shown.
    pub language: Option<String>,
    /// How much of it is here.
    pub content: Content,
    /// What it says more about.
    pub supplements: Option<String>,
    /// Whether letters' case tells codes apart; taken for so where it is not said.
    pub is_case_sensitive: bool,
    /// How far it may be relied on.
    pub standing: Standing,
    /// Which properties there are.
    pub properties: Vec<Defined>,
    /// The concepts, parents before their children.
    pub concepts: Vec<Concept>,
    by_code: HashMap<String, usize>,
    by_folded: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    url: Option<String>,
    version: Option<String>,
    name: Option<String>,
    language: Option<String>,
    status: Option<String>,
    #[serde(default)]
    experimental: bool,
    #[serde(default)]
    content: Content,
    supplements: Option<String>,
    case_sensitive: Option<bool>,
    #[serde(default)]
    extension: Vec<Extension>,
    #[serde(default)]
    property: Vec<Defined>,
    #[serde(default)]
    concept: Vec<WrittenConcept>,
}

#[derive(Deserialize)]
struct WrittenConcept {
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

impl CodeSystem {
    /// A code system, as it was written in JSON; `None` where it is none.
    pub fn read(resource: &Value) -> Option<Self> {
        let written = Written::deserialize(resource).ok()?;
        let mut system = Self {
            url: written.url?,
            version: written.version,
            name: written.name,
            language: written.language,
            content: written.content,
            supplements: written.supplements,
            is_case_sensitive: written.case_sensitive.unwrap_or(true),
            standing: Standing::of(written.status.as_deref(), written.experimental, &written.extension),
            properties: written.property,
            concepts: Vec::new(),
            by_code: HashMap::new(),
            by_folded: HashMap::new(),
        };
        system.take(written.concept, None);
        system.relate();
        Some(system)
    }

    /// A code counts once, as it stands first (<https://hl7.org/fhir/R4/codesystem.html#csd-1>).
    fn take(&mut self, concepts: Vec<WrittenConcept>, parent: Option<usize>) {
        for written in concepts {
            let at = match self.by_code.get(&written.code) {
                Some(&known) => known,
                None => self.put(&written),
            };
            if let Some(parent) = parent.filter(|parent| *parent != at && !self.concepts[at].parents.contains(parent)) {
                self.concepts[at].parents.push(parent);
                self.concepts[parent].children.push(at);
            }
            self.take(written.concept, Some(at));
        }
    }

    fn put(&mut self, written: &WrittenConcept) -> usize {
        let at = self.concepts.len();
        self.by_folded.entry(written.code.to_lowercase()).or_insert(at);
        self.by_code.insert(written.code.clone(), at);
        self.concepts.push(Concept {
            code: written.code.clone(),
            display: written.display.clone(),
            definition: written.definition.clone(),
            designations: written.designation.clone(),
            properties: written.property.clone(),
            extension: written.extension.clone(),
            parents: Vec::new(),
            children: Vec::new(),
        });
        at
    }

    /// What is above what may also be said by properties (`parent`, `child`).
    fn relate(&mut self) {
        let (parent, child) = (self.called("parent"), self.called("child"));
        let mut pairs = Vec::new();
        let mut known: HashSet<(usize, usize)> = HashSet::new();
        for (at, concept) in self.concepts.iter().enumerate() {
            known.extend(concept.parents.iter().map(|parent| (*parent, at)));
            for property in &concept.properties {
                let Some(other) = property.text().and_then(|code| self.find(&code)) else { continue };
                if property.code == parent {
                    pairs.push((other, at));
                } else if property.code == child {
                    pairs.push((at, other));
                }
            }
        }
        for (parent, child) in pairs {
            if parent != child && known.insert((parent, child)) {
                self.concepts[parent].children.push(child);
                self.concepts[child].parents.push(parent);
            }
        }
    }

    /// What one of FHIR's own properties is called here.
    pub fn called<'s>(&'s self, property: &'s str) -> &'s str {
        let is_it = |defined: &&Defined| {
            defined.uri.as_deref().and_then(|uri| uri.strip_prefix(PROPERTIES)).is_some_and(|name| name == property)
        };
        self.properties.iter().find(is_it).map_or(property, |defined| &defined.code)
    }

    /// Where a code is. In a system that does not mind case it may be written otherwise.
    pub fn find(&self, code: &str) -> Option<usize> {
        let exact = self.by_code.get(code);
        match exact {
            None if !self.is_case_sensitive => self.by_folded.get(&code.to_lowercase()).copied(),
            exact => exact.copied(),
        }
    }

    /// `url|version`.
    pub fn canonical(&self) -> String {
        super::versioned(&self.url, self.version.as_deref())
    }

    /// A property of a concept, by FHIR's name for it.
    pub fn property<'s>(&'s self, concept: &'s Concept, name: &'s str) -> Option<&'s Property> {
        let called = self.called(name);
        concept.properties.iter().find(|property| property.code == called)
    }

    /// Whether it is there to group others, not to be used.
    pub fn is_abstract(&self, concept: &Concept) -> bool {
        self.property(concept, "notSelectable").is_some_and(|flag| flag.text().as_deref() == Some("true"))
    }

    /// What is said of its standing: `retired`, `deprecated`, ... `None` where that is `active` or nothing.
    pub fn status<'s>(&'s self, concept: &'s Concept) -> Option<String> {
        let said = self.property(concept, "status").and_then(Property::text);
        let said = said.or_else(|| self.is_flagged(concept).then(|| "inactive".to_owned())).or_else(|| {
            extension(&concept.extension, "structuredefinition-standards-status")
                .and_then(Extension::text)
                .map(str::to_owned)
        });
        said.filter(|status| status != "active")
    }

    fn is_flagged(&self, concept: &Concept) -> bool {
        self.property(concept, "inactive").is_some_and(|flag| flag.text().as_deref() == Some("true"))
    }

    /// Whether it is not to be used any more.
    pub fn is_inactive(&self, concept: &Concept) -> bool {
        self.is_flagged(concept) || matches!(self.status(concept).as_deref(), Some("retired" | "inactive"))
    }

    /// All that is below a concept, itself left out. Each once, also where paths meet or run in circles.
    pub fn below(&self, at: usize) -> Vec<usize> {
        self.reach(at, |concept| &concept.children)
    }

    /// All that is above a concept, itself left out.
    pub fn above(&self, at: usize) -> Vec<usize> {
        self.reach(at, |concept| &concept.parents)
    }

    fn reach(&self, from: usize, next: impl Fn(&Concept) -> &Vec<usize>) -> Vec<usize> {
        let mut seen = vec![false; self.concepts.len()];
        seen[from] = true;
        let (mut found, mut open) = (Vec::new(), vec![from]);
        while let Some(at) = open.pop() {
            for &other in next(&self.concepts[at]) {
                if !std::mem::replace(&mut seen[other], true) {
                    found.push(other);
                    open.push(other);
                }
            }
        }
        found
    }

    /// The same with what a supplement says more.
    #[must_use]
    pub fn supplemented(&self, supplement: &Self) -> Self {
        let mut system = self.clone();
        for more in &supplement.concepts {
            let Some(at) = system.find(&more.code) else { continue };
            let concept = &mut system.concepts[at];
            let mut designations = more.designations.clone();
            designations.extend(more.display.iter().map(|display| Designation {
                language: supplement.language.clone(),
                used_for: None,
                value: display.clone(),
                extension: Vec::new(),
            }));
            concept.designations.extend(designations);
            concept.properties.extend(more.properties.iter().cloned());
            concept.extension.extend(more.extension.iter().cloned());
        }
        system.properties.extend(supplement.properties.iter().cloned());
        system
    }
}
