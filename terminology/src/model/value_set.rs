//! A value set: what it holds, by rules or by list.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Designation, Extension, Standing};

/// A value set.
#[derive(Clone, Debug)]
pub struct ValueSet {
    /// Its canonical address; one that is sent along may have none.
    pub url: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The language of what is shown.
    pub language: Option<String>,
    /// How far it may be relied on.
    pub standing: Standing,
    /// What is said of it beside.
    pub extension: Vec<Extension>,
    /// Its rules.
    pub compose: Option<Compose>,
    /// What it was once found to hold.
    pub expansion: Option<Stored>,
    /// Value sets in it, by their ids.
    pub contained: Vec<(String, Self)>,
    /// The resource as it was written.
    pub resource: Value,
}

/// The rules.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Compose {
    /// Whether inactive codes are in it, where that is said.
    pub inactive: Option<bool>,
    /// What is in.
    #[serde(default)]
    pub include: Vec<Include>,
    /// What of it is not.
    #[serde(default)]
    pub exclude: Vec<Include>,
    /// Parameters of its expansion, among others.
    #[serde(default)]
    pub extension: Vec<Extension>,
}

/// One rule: all that each of its parts says at once.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Include {
    /// Codes of this system,
    pub system: Option<String>,
    /// of this version of it,
    pub version: Option<String>,
    /// of these alone,
    #[serde(default)]
    pub concept: Vec<Listed>,
    /// of those that pass,
    #[serde(default)]
    pub filter: Vec<Filter>,
    /// and that are in each of these value sets.
    #[serde(default, rename = "valueSet")]
    pub value_set: Vec<String>,
}

/// A code in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed {
    /// The code.
    pub code: String,
    /// How it is shown in this value set.
    pub display: Option<String>,
    /// How else.
    #[serde(default)]
    pub designation: Vec<Designation>,
    /// What else is said of it here.
    #[serde(default)]
    pub extension: Vec<Extension>,
}

/// A test of concepts.
#[derive(Clone, Debug, Deserialize)]
pub struct Filter {
    /// Of what.
    pub property: String,
    /// How.
    pub op: String,
    /// With what; some have none, which is an error when they are asked.
    pub value: Option<String>,
}

/// An expansion that came with a value set.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Stored {
    /// The codes.
    #[serde(default)]
    pub contains: Vec<Contained>,
}

/// A code of an expansion.
#[derive(Clone, Debug, Deserialize)]
pub struct Contained {
    /// Its system.
    pub system: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The code, where it is not a heading.
    pub code: Option<String>,
    /// How it is shown.
    pub display: Option<String>,
    /// Whether it only groups.
    #[serde(default, rename = "abstract")]
    pub is_abstract: bool,
    /// Whether it is not to be used any more.
    #[serde(default)]
    pub inactive: bool,
    /// How else it is said.
    #[serde(default)]
    pub designation: Vec<Designation>,
    /// What is below it.
    #[serde(default)]
    pub contains: Vec<Self>,
}

#[derive(Deserialize)]
struct Written {
    url: Option<String>,
    version: Option<String>,
    language: Option<String>,
    status: Option<String>,
    #[serde(default)]
    experimental: bool,
    #[serde(default)]
    extension: Vec<Extension>,
    #[serde(default, deserialize_with = "some")]
    compose: Option<Compose>,
    expansion: Option<Stored>,
    #[serde(default)]
    contained: Vec<Value>,
}

/// A value, not nothing.
fn some<'d, D: Deserializer<'d>>(from: D) -> Result<Option<Compose>, D::Error> {
    Compose::deserialize(from).map(Some)
}

impl ValueSet {
    /// A value set, as it was written in JSON; `None` where it is none.
    pub fn read(resource: &Value) -> Option<Self> {
        let written = Written::deserialize(resource).ok()?;
        let contained = written.contained.iter().filter(|inner| inner["resourceType"] == "ValueSet");
        Some(Self {
            url: written.url,
            version: written.version,
            language: written.language,
            standing: Standing::of(written.status.as_deref(), written.experimental, &written.extension),
            extension: written.extension,
            compose: written.compose,
            expansion: written.expansion,
            contained: contained
                .filter_map(|inner| Some((inner["id"].as_str()?.to_owned(), Self::read(inner)?)))
                .collect(),
            resource: resource.clone(),
        })
    }

    /// `url|version`, or what is said of one that has no address.
    pub fn canonical(&self) -> String {
        self.url
            .as_deref()
            .map_or_else(|| "(unidentified)".to_owned(), |url| super::versioned(url, self.version.as_deref()))
    }

    /// A parameter of its expansion that it gives itself.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let given = self
            .compose
            .as_ref()?
            .extension
            .iter()
            .filter(|extension| extension.url.ends_with("/valueset-expansion-parameter"));
        for parameter in given {
            let inner = parameter.rest.get("extension").and_then(Value::as_array)?;
            let part = |called: &str| {
                let part = inner.iter().find(|part| part["url"] == called)?.as_object()?;
                part.iter().find(|(name, _)| name.starts_with("value")).and_then(|(_, value)| value.as_str())
            };
            if part("name") == Some(name) {
                return part("value");
            }
        }
        None
    }
}
