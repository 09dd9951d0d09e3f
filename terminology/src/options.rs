//! What operations are asked: parameters, by name, whatever their type, as in a `Parameters` resource
//! (<https://hl7.org/fhir/R4/parameters.html>).

use std::sync::Arc;

use serde_json::Value;

use crate::issue::{Fault, Issue};
use crate::language::Languages;
use crate::library::Library;
use crate::model::{CodeSystem, ValueSet, extension, parts};
use crate::version::is_meant;

/// Parameters, as they came.
#[derive(Clone, Debug, Default)]
pub struct Given(Vec<(String, Value)>);

impl Given {
    /// Those of a `Parameters` resource: of each the value, the resource, or its parts.
    pub fn of(parameters: &Value) -> Self {
        Self::taken(parameters.clone())
    }

    /// The same, without a copy of what may be large.
    pub fn taken(mut parameters: Value) -> Self {
        let Some(Value::Array(all)) = parameters.get_mut("parameter").map(Value::take) else { return Self::default() };
        let is_value = |field: &str| field.starts_with("value") || matches!(field, "resource" | "part");
        let one = |parameter: Value| {
            let Value::Object(mut fields) = parameter else { return None };
            let name = fields.get("name")?.as_str()?.to_owned();
            let field = fields.keys().find(|field| is_value(field))?.clone();
            Some((name, fields.remove(&field)?))
        };
        Self(all.into_iter().filter_map(one).collect())
    }

    /// All values of a name.
    pub fn all<'g>(&'g self, name: &str) -> impl Iterator<Item = &'g Value> {
        let name = name.to_owned();
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The first value of a name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The first value of a name, where that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// All values of a name that are texts.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).filter_map(|value| value.as_str().map(str::to_owned)).collect()
    }

    /// A flag.
    ///
    /// # Errors
    /// It is neither `true` nor `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text == "true" => Ok(Some(true)),
            Some(Value::String(text)) if text == "false" => Ok(Some(false)),
            Some(_) => Err(Fault::invalid(format!("{name} is true or false."))),
        }
    }

    /// A number from 0.
    ///
    /// # Errors
    /// It is none.
    pub fn number(&self, name: &str) -> Result<Option<usize>, Fault> {
        let number = match self.value(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.map(Some).ok_or_else(|| Fault::invalid(format!("{name} is a whole number from 0.")))
    }
}

/// Which versions count: <https://hl7.org/fhir/R4/valueset-operation-expand.html>.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// Where none is said (`system-version`).
    default: Vec<(String, String)>,
    /// Which alone may be (`check-system-version`).
    check: Vec<(String, String)>,
    /// Whatever is said (`force-system-version`).
    force: Vec<(String, String)>,
    /// Of value sets where none is said (`default-valueset-version`).
    sets: Vec<(String, String)>,
}

/// Why a version is the one that is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// It was said, or none was and it is the latest.
    AsSaid,
    /// `system-version`.
    Default,
    /// `check-system-version`, for none was said.
    Check,
    /// `force-system-version`.
    Forced,
}

impl Why {
    /// The parameter that did it.
    pub fn parameter(self) -> Option<&'static str> {
        match self {
            Self::AsSaid => None,
            Self::Default => Some("system-version"),
            Self::Check => Some("check-system-version"),
            Self::Forced => Some("force-system-version"),
        }
    }
}

/// A version that is taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which was wanted, parts that stand for any with it; `None` for the latest.
    pub wanted: Option<String>,
    /// Why.
    pub why: Why,
    /// The system in it, where it is here.
    pub system: Option<Arc<CodeSystem>>,
}

fn of<'v>(pairs: &'v [(String, String)], url: &str) -> Option<&'v str> {
    pairs.iter().find(|(known, _)| known == url).map(|(_, version)| version.as_str())
}

impl Versions {
    /// # Errors
    /// One that names no version: what was meant by it would be left undone.
    fn given(given: &Given) -> Result<Self, Fault> {
        let pairs = |name: &str| -> Result<Vec<(String, String)>, Fault> {
            let unversioned =
                |text: &str| Fault::invalid(format!("{name} is an address with a version: {text}|version."));
            let texts = given.texts(name);
            let pair = |text: &String| match parts(text) {
                (url, Some(version)) => Ok((url.to_owned(), version.to_owned())),
                (url, None) => Err(unversioned(url)),
            };
            texts.iter().map(pair).collect()
        };
        Ok(Self {
            default: pairs("system-version")?,
            check: pairs("check-system-version")?,
            force: pairs("force-system-version")?,
            sets: pairs("default-valueset-version")?,
        })
    }

    /// The version of a system to take where `said` is what a definition or a coding says.
    pub fn take(&self, library: &Library, url: &str, said: Option<&str>) -> Taken {
        let (wanted, why) = match (of(&self.force, url), said, of(&self.default, url), of(&self.check, url)) {
            (Some(forced), ..) => (Some(forced), Why::Forced),
            (None, Some(said), ..) => (Some(said), Why::AsSaid),
            (None, None, Some(default), _) => (Some(default), Why::Default),
            (None, None, None, Some(check)) => (Some(check), Why::Check),
            (None, None, None, None) => (None, Why::AsSaid),
        };
        let fit = library.systems(url).into_iter().find(|system| match (wanted, system.version.as_deref()) {
            (None, _) => true,
            (Some(wanted), Some(version)) => is_meant(wanted, version),
            (Some(_), None) => false,
        });
        Taken { wanted: wanted.map(str::to_owned), why, system: fit }
    }

    /// Refuses a version that may not be.
    ///
    /// # Errors
    /// `check-system-version` asks for another.
    pub fn check(&self, system: &CodeSystem) -> Result<(), Issue> {
        let (Some(allowed), Some(version)) = (of(&self.check, &system.url), system.version.as_deref()) else {
            return Ok(());
        };
        if is_meant(allowed, version) {
            return Ok(());
        }
        let text = format!(
            "The version '{version}' is not allowed for system '{}': required to be '{allowed}' by a version-check parameter",
            system.url
        );
        Err(Issue::error("exception", "version-error", text, None))
    }

    /// The version of a value set that is taken where none is said.
    pub fn of_set(&self, url: &str) -> Option<&str> {
        of(&self.sets, url)
    }
}

/// What all operations may be asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which versions count.
    pub versions: Versions,
    /// In which language concepts are shown.
    pub languages: Languages,
    /// What more is said of concepts, by the addresses of supplements.
    pub supplements: Vec<Arc<CodeSystem>>,
}

impl Options {
    /// What was given. `header` is what HTTP's `Accept-Language` says; `set` may say more of itself.
    ///
    /// # Errors
    /// A language that is none; a version that is none; a supplement that is not known.
    pub fn of(given: &Given, header: Option<&str>, set: Option<&ValueSet>, library: &Library) -> Result<Self, Fault> {
        let language = given.text("displayLanguage");
        let languages = match language {
            Some(text) => Languages::parse(text).ok_or_else(|| {
                let text = format!("Invalid displayLanguage: '{text}'");
                Fault { issue: Issue::error("processing", "invalid-display", text, None), status: 400 }
            })?,
            None => {
                // What a browser sends of its own accord is no reason to refuse.
                let said = set.and_then(|set| set.parameter("displayLanguage")).or(header);
                said.and_then(Languages::parse).unwrap_or_default()
            }
        };
        let mut wanted = given.texts("useSupplement");
        for extension in set.map(|set| &set.extension[..]).unwrap_or_default() {
            if extension.url.ends_with("/valueset-supplement") {
                wanted.extend(extension.text().map(str::to_owned));
            }
        }
        let mut supplements = Vec::new();
        for canonical in wanted {
            let known = library.supplement(&canonical).ok_or_else(|| Fault {
                issue: Issue::error(
                    "not-found",
                    "not-found",
                    format!("Required supplement not found: {canonical}"),
                    None,
                ),
                status: 422,
            })?;
            supplements.push(known);
        }
        Ok(Self { versions: Versions::given(given)?, languages, supplements })
    }

    /// A system with what the supplements say of its concepts.
    pub fn supplemented(&self, system: &Arc<CodeSystem>) -> Arc<CodeSystem> {
        let mut whole = Arc::clone(system);
        for supplement in &self.supplements {
            let (url, version) = parts(supplement.supplements.as_deref().unwrap_or_default());
            if url == system.url && version.is_none_or(|version| system.version.as_deref() == Some(version)) {
                whole = Arc::new(whole.supplemented(supplement));
            }
        }
        whole
    }
}

/// Whether extensions say that a concept is not to be used any more in the value set that they stand in.
pub fn is_deprecated_here(extensions: &[crate::model::Extension]) -> bool {
    extension(extensions, "valueset-deprecated")
        .is_some_and(|flag| flag.value().is_some_and(|value| *value == Value::Bool(true) || value == "true"))
        || extension(extensions, "structuredefinition-standards-status").and_then(crate::model::Extension::text)
            == Some("deprecated")
}
