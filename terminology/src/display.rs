//! How a concept is shown: in which language, by which words.

use serde_json::{Value, json};

use crate::compose::Member;
use crate::language::Languages;
use crate::model::Designation;

/// A way to say a concept.
#[derive(Clone, Debug)]
pub struct Name {
    /// In which language, where that is known.
    pub language: Option<String>,
    /// What it is for, where that is said.
    pub used_for: Option<Value>,
    /// The words.
    pub text: String,
    /// Whether it is the one that the system shows.
    pub is_main: bool,
    /// Whether it is not right any more.
    pub is_withdrawn: bool,
    /// What it was written as, where it is a designation.
    pub designation: Option<Designation>,
}

impl Name {
    fn of(designation: &Designation) -> Self {
        Self {
            language: designation.language.clone(),
            used_for: designation.used_for.clone(),
            text: designation.value.clone(),
            is_main: false,
            is_withdrawn: designation.is_withdrawn(),
            designation: Some(designation.clone()),
        }
    }
}

/// All names of a concept: the one that is shown first.
pub fn names(member: &Member) -> Vec<Name> {
    let mut names = Vec::new();
    let concept = member.concept.as_ref().map(|(system, at)| (system, system.concept(*at)));
    let language = concept.as_ref().and_then(|(system, _)| system.language.clone());
    let main = |text: &String| Name {
        language: language.clone(),
        used_for: None,
        text: text.clone(),
        is_main: true,
        is_withdrawn: false,
        designation: None,
    };
    let listed = member.listed.as_ref();
    // What the value set shows goes before what the system does.
    names.extend(listed.and_then(|listed| listed.display.as_ref()).map(main));
    if let Some((_, concept)) = &concept {
        let shown = concept.display.as_ref();
        names.extend(shown.filter(|display| !names.iter().any(|name| name.text == **display)).map(main));
        names.extend(concept.designations.iter().map(Name::of));
    }
    names.extend(listed.into_iter().flat_map(|listed| &listed.designation).map(Name::of));
    names
}

/// The name to show. `None` where there is none, or none in a language that alone would do.
pub fn shown<'n>(names: &'n [Name], languages: &Languages) -> Option<&'n Name> {
    let main = names.iter().find(|name| name.is_main);
    if languages.is_empty() {
        return main;
    }
    // The main name of a system that does not say its language is in whichever is asked for.
    if main.is_some_and(|main| main.language.is_none()) {
        return main;
    }
    let ranked = names.iter().filter(|name| !name.is_withdrawn && (name.is_main || is_name(name)));
    let ranked = ranked.filter_map(|name| Some((languages.rank(name.language.as_deref()?)?, !name.is_main, name)));
    let best = ranked.min_by_key(|(rank, is_other, _)| (*rank, *is_other)).map(|(_, _, name)| name);
    best.or_else(|| main.filter(|_| !languages.is_strict()))
}

/// Whether a designation is a name, not something else that is said of the concept.
fn is_name(name: &Name) -> bool {
    name.used_for.as_ref().is_none_or(|used_for| {
        matches!(
            used_for["code"].as_str(),
            Some(
                "display"
                    | "preferredForLanguage"
                    | "900000000000013009"
                    | "LONG_COMMON_NAME"
                    | "LinguisticVariantDisplayName"
            )
        )
    })
}

/// What a designation may say of itself in an expansion.
const SAID: [&str; 2] = [
    "http://hl7.org/fhir/StructureDefinition/coding-sctdescid",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status",
];

/// The designations that go beside the name that is shown. `wanted` are languages or uses, as `system|code`; none for all.
pub fn designations(names: &[Name], shown: Option<&Name>, wanted: &[String]) -> Vec<Value> {
    let beside = names.iter().filter(|name| !shown.is_some_and(|shown| std::ptr::eq(shown, *name)));
    let beside = beside.filter(|name| name.is_main || shown.is_none_or(|shown| !is_same(shown, name)));
    beside.filter(|name| wanted.is_empty() || wanted.iter().any(|token| is_wanted(name, token))).map(json_of).collect()
}

fn is_same(one: &Name, other: &Name) -> bool {
    one.text == other.text && one.language == other.language && one.used_for == other.used_for
}

fn is_wanted(name: &Name, token: &str) -> bool {
    match token.split_once('|') {
        Some(("urn:ietf:bcp:47", language)) => name.language.as_deref() == Some(language),
        Some((system, code)) => {
            name.used_for.as_ref().is_some_and(|used_for| used_for["system"] == system && used_for["code"] == code)
        }
        None => name.language.as_deref() == Some(token),
    }
}

/// A name as a designation.
fn json_of(name: &Name) -> Value {
    match &name.designation {
        Some(designation) => {
            let mut said = designation.clone();
            said.extension.retain(|extension| SAID.contains(&extension.url.as_str()));
            serde_json::to_value(said).unwrap_or_default()
        }
        None => {
            let mut said = json!({ "value": name.text });
            if let Some(language) = &name.language {
                said["language"] = json!(language);
            }
            said["use"] = preferred();
            said
        }
    }
}

/// What the main name of a concept is for.
pub fn preferred() -> Value {
    json!({ "system": "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra", "code": "preferredForLanguage" })
}
