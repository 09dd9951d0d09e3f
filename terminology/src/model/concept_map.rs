//! A concept map: which concepts of one system mean which of another.

use serde::Deserialize;
use serde_json::Value;

/// A concept map.
#[derive(Clone, Debug, Deserialize)]
pub struct ConceptMap {
    /// Its canonical address.
    pub url: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The value sets it is from and to: `source[x]`, or `sourceScope[x]` as R5 has it.
    #[serde(rename = "sourceUri", alias = "sourceCanonical", alias = "sourceScopeUri", alias = "sourceScopeCanonical")]
    pub source: Option<String>,
    /// The same.
    #[serde(rename = "targetUri", alias = "targetCanonical", alias = "targetScopeUri", alias = "targetScopeCanonical")]
    pub target: Option<String>,
    /// From one system to another.
    #[serde(default)]
    pub group: Vec<Group>,
}

/// From one system to another.
#[derive(Clone, Debug, Deserialize)]
pub struct Group {
    /// From.
    pub source: Option<String>,
    /// To.
    pub target: Option<String>,
    /// The concepts.
    #[serde(default)]
    pub element: Vec<Element>,
    /// What is with those that are not among them.
    pub unmapped: Option<Unmapped>,
}

/// A concept, and what it means.
#[derive(Clone, Debug, Deserialize)]
pub struct Element {
    /// Which.
    pub code: Option<String>,
    /// What it means.
    #[serde(default)]
    pub target: Vec<Target>,
}

/// A meaning.
#[derive(Clone, Debug, Deserialize)]
pub struct Target {
    /// The concept.
    pub code: Option<String>,
    /// How it is shown.
    pub display: Option<String>,
    /// How near it is.
    pub equivalence: Option<String>,
    /// The same as R5 has it.
    pub relationship: Option<String>,
    /// What else has to hold.
    #[serde(default, rename = "dependsOn")]
    pub depends_on: Vec<Value>,
    /// What else comes of it.
    #[serde(default)]
    pub product: Vec<Value>,
}

/// What is with concepts that are not mapped: <https://hl7.org/fhir/R4/conceptmap-definitions.html#ConceptMap.group.unmapped>.
#[derive(Clone, Debug, Deserialize)]
pub struct Unmapped {
    /// `provided`, `fixed`, `other-map`.
    pub mode: String,
    /// The one that is fixed.
    pub code: Option<String>,
    /// How it is shown.
    pub display: Option<String>,
    /// The other map.
    pub url: Option<String>,
}

impl ConceptMap {
    /// A concept map, as it was written in JSON; `None` where it is none.
    pub fn read(resource: &Value) -> Option<Self> {
        Self::deserialize(resource).ok()
    }

    /// `url|version`.
    pub fn canonical(&self) -> Option<String> {
        self.url.as_deref().map(|url| super::versioned(url, self.version.as_deref()))
    }
}

impl Target {
    /// How near it is, in R4's words (<https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html>).
    pub fn nearness(&self) -> &str {
        match (self.equivalence.as_deref(), self.relationship.as_deref()) {
            (Some(said), _) => said,
            (None, Some("equivalent")) => "equivalent",
            // R4 looks from the target: it is narrower where the source is broader.
            (None, Some("source-is-broader-than-target")) => "narrower",
            (None, Some("source-is-narrower-than-target")) => "wider",
            (None, Some("not-related-to")) => "disjoint",
            (None, _) => "relatedto",
        }
    }

    /// Whether it says that there is a meaning.
    pub fn is_match(&self) -> bool {
        !matches!(self.nearness(), "disjoint" | "unmatched")
    }
}
