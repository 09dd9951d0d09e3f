//! What terminology is written in: <https://hl7.org/fhir/R4/codesystem.html>, <https://hl7.org/fhir/R4/valueset.html>,
//! <https://hl7.org/fhir/R4/conceptmap.html>. Read leniently: what is not asked for is not looked at.

pub mod code_system;
pub mod concept_map;
pub mod value_set;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::code_system::CodeSystem;
pub use self::concept_map::ConceptMap;
pub use self::value_set::ValueSet;

/// An extension, as it was written.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Extension {
    /// Which one.
    pub url: String,
    /// `valueString` and the like, or extensions in it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Extension {
    /// Its value, whatever its type.
    pub fn value(&self) -> Option<&Value> {
        self.rest.iter().find(|(name, _)| name.starts_with("value")).map(|(_, value)| value)
    }

    /// Its value, where that is a text.
    pub fn text(&self) -> Option<&str> {
        self.value()?.as_str()
    }
}

/// The extension of a name: the last part of its address below <http://hl7.org/fhir/StructureDefinition/>.
pub fn extension<'e>(extensions: &'e [Extension], name: &str) -> Option<&'e Extension> {
    extensions.iter().find(|extension| extension.url.strip_prefix(DEFINITIONS) == Some(name))
}

const DEFINITIONS: &str = "http://hl7.org/fhir/StructureDefinition/";

/// Another way to say a concept: <https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept.designation>.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Designation {
    /// In which language (BCP 47).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// What it is for: a `Coding`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub used_for: Option<Value>,
    /// The text.
    pub value: String,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
}

impl Designation {
    /// Whether it was right once, and is not any more.
    pub fn is_withdrawn(&self) -> bool {
        let status = extension(&self.extension, "structuredefinition-standards-status").and_then(Extension::text);
        matches!(status, Some("withdrawn" | "deprecated"))
    }
}

/// How far a definition may be relied on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It says nothing against it.
    Good,
    /// It is about to go.
    Deprecated,
    /// It was taken back.
    Withdrawn,
    /// `status` is `retired`.
    Retired,
    /// It is there to be tried.
    Experimental,
    /// It is not finished.
    Draft,
}

impl Standing {
    /// What a definition's status, its flag `experimental` and its extensions say.
    pub fn of(status: Option<&str>, experimental: bool, extensions: &[Extension]) -> Self {
        let standards = extension(extensions, "structuredefinition-standards-status").and_then(Extension::text);
        match (standards, status) {
            (Some("deprecated"), _) => Self::Deprecated,
            (Some("withdrawn"), _) => Self::Withdrawn,
            (_, Some("retired")) => Self::Retired,
            _ if experimental => Self::Experimental,
            (Some("draft"), _) | (_, Some("draft")) => Self::Draft,
            _ => Self::Good,
        }
    }

    /// The word for it, where there is something to say.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Good => None,
            Self::Deprecated => Some("deprecated"),
            Self::Withdrawn => Some("withdrawn"),
            Self::Retired => Some("retired"),
            Self::Experimental => Some("experimental"),
            Self::Draft => Some("draft"),
        }
    }

    /// Whether that is worth saying to somebody who uses it from a definition of another standing: who is experimental or a draft
    /// uses what is so, too.
    pub fn told_by(self, user: Self) -> bool {
        match self {
            Self::Good => false,
            Self::Deprecated | Self::Withdrawn | Self::Retired => true,
            Self::Experimental | Self::Draft => self != user,
        }
    }
}

/// `url|version`, or the url alone.
pub fn versioned(url: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{url}|{version}"),
        None => url.to_owned(),
    }
}

/// The url of a canonical address, and the version where it names one.
pub fn parts(canonical: &str) -> (&str, Option<&str>) {
    match canonical.split_once('|') {
        Some((url, version)) if !version.is_empty() => (url, Some(version)),
        Some((url, _)) => (url, None),
        None => (canonical, None),
    }
}
