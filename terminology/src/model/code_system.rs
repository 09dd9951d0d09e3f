//! A code system: its concepts, by code and in their hierarchy.

mod concepts;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use self::concepts::Concepts;
pub use self::concepts::{Concept, Related};
use super::{Designation, Extension, Standing, extension};
use crate::index::Index;

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
    concepts: Concepts,
    /// Concepts of which supplements say more.
    supplemented: HashMap<usize, Concept>,
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
    concept: Vec<concepts::Nested>,
}

impl CodeSystem {
    /// A code system, as it was written in JSON; `None` where it is none.
    pub fn read(resource: &Value) -> Option<Self> {
        let mut written = Written::deserialize(resource).ok()?;
        let nested = std::mem::take(&mut written.concept);
        let mut system = Self::of(written, Concepts::default())?;
        let (parent, child) = (system.called("parent").to_owned(), system.called("child").to_owned());
        system.concepts = Concepts::Written(concepts::Written::of(nested, system.is_case_sensitive, (&parent, &child)));
        Some(system)
    }

    /// A release, by its index; `None` where its header is no code system.
    pub fn indexed(index: Arc<Index>) -> Option<Self> {
        let written = Written::deserialize(index.header()).ok()?;
        Self::of(written, Concepts::Indexed(index))
    }

    fn of(written: Written, concepts: Concepts) -> Option<Self> {
        Some(Self {
            url: written.url?,
            version: written.version,
            name: written.name,
            language: written.language,
            content: written.content,
            supplements: written.supplements,
            is_case_sensitive: written.case_sensitive.unwrap_or(true),
            standing: Standing::of(written.status.as_deref(), written.experimental, &written.extension),
            properties: written.property,
            concepts,
            supplemented: HashMap::new(),
        })
    }

    /// The index of a release, as long as nothing more is said of its concepts.
    pub fn index(&self) -> Option<&Index> {
        match &self.concepts {
            Concepts::Indexed(index) if self.supplemented.is_empty() => Some(index),
            _ => None,
        }
    }

    /// How many concepts there are. Each has a place below that; parents stand before their children.
    pub fn len(&self) -> usize {
        match &self.concepts {
            Concepts::Written(written) => written.concepts.len(),
            Concepts::Indexed(index) => index.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A concept: of a release made as it is asked for.
    pub fn concept(&self, at: usize) -> Cow<'_, Concept> {
        match (self.supplemented.get(&at), &self.concepts) {
            (Some(more), _) => Cow::Borrowed(more),
            (None, Concepts::Written(written)) => Cow::Borrowed(&written.concepts[at]),
            (None, Concepts::Indexed(index)) => Cow::Owned(Concept::of(index, at)),
        }
    }

    /// The code of a place.
    pub fn code(&self, at: usize) -> &str {
        match &self.concepts {
            Concepts::Written(written) => &written.concepts[at].code,
            Concepts::Indexed(index) => index.code(at),
        }
    }

    /// How it is shown.
    pub fn shown(&self, at: usize) -> Option<&str> {
        match &self.concepts {
            Concepts::Written(written) => written.concepts[at].display.as_deref(),
            Concepts::Indexed(index) => index.display(at),
        }
    }

    /// What it is directly below of.
    pub fn parents(&self, at: usize) -> Related<'_> {
        match &self.concepts {
            Concepts::Written(written) => Related::Listed(&written.parents[at]),
            Concepts::Indexed(index) => Related::Indexed(index.parents(at)),
        }
    }

    /// What is directly below it.
    pub fn children(&self, at: usize) -> Related<'_> {
        match &self.concepts {
            Concepts::Written(written) => Related::Listed(&written.children[at]),
            Concepts::Indexed(index) => Related::Indexed(index.children(at)),
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
        match &self.concepts {
            Concepts::Written(written) => written.find(code, self.is_case_sensitive),
            Concepts::Indexed(index) => {
                index.find(code).or_else(|| if self.is_case_sensitive { None } else { index.find_folded(code) })
            }
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
    pub fn is_abstract(&self, at: usize) -> bool {
        match self.index() {
            Some(index) => index.is_abstract(at),
            None => {
                let concept = self.concept(at);
                self.property(&concept, "notSelectable").is_some_and(|flag| flag.text().as_deref() == Some("true"))
            }
        }
    }

    /// What is said of its standing: `retired`, `deprecated`, ... `None` where that is `active` or nothing.
    pub fn status(&self, concept: &Concept) -> Option<String> {
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
    pub fn is_inactive(&self, at: usize) -> bool {
        match self.index() {
            Some(index) => index.is_inactive(at),
            None => {
                let concept = self.concept(at);
                self.is_flagged(&concept) || matches!(self.status(&concept).as_deref(), Some("retired" | "inactive"))
            }
        }
    }

    /// All that is below a concept, itself left out. Each once, also where paths meet or run in circles.
    pub fn below(&self, at: usize) -> Vec<usize> {
        match &self.concepts {
            Concepts::Written(written) => concepts::reach(at, &written.children),
            Concepts::Indexed(index) => index.below(at).iter().collect(),
        }
    }

    /// All that is above a concept, itself left out.
    pub fn above(&self, at: usize) -> Vec<usize> {
        match &self.concepts {
            Concepts::Written(written) => concepts::reach(at, &written.parents),
            Concepts::Indexed(index) => index.above(at).iter().collect(),
        }
    }

    /// Whether one concept is below another one, however far.
    pub fn is_below(&self, at: usize, other: usize) -> bool {
        match &self.concepts {
            Concepts::Written(written) => concepts::reach(at, &written.parents).contains(&other),
            Concepts::Indexed(index) => index.above(at).has(other),
        }
    }

    /// The same with what a supplement says more.
    #[must_use]
    pub fn supplemented(&self, supplement: &Self) -> Self {
        let mut system = self.clone();
        for more in (0..supplement.len()).map(|at| supplement.concept(at)) {
            let Some(at) = system.find(&more.code) else { continue };
            let known = system.concept(at).into_owned();
            let concept = system.supplemented.entry(at).or_insert(known);
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
