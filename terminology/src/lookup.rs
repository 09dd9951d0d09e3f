//! `$lookup`: <https://hl7.org/fhir/R4/codesystem-operation-lookup.html>.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::compose::{Member, unknown_system_text};
use crate::display::{designations, names, shown};
use crate::issue::{Fault, Issue};
use crate::library::Library;
use crate::model::CodeSystem;
use crate::model::code_system::Content;
use crate::options::{Given, Options};

/// What is known of a code.
///
/// # Errors
/// The code or its system is missing or not known.
pub fn lookup(library: &Library, given: &Given, header: Option<&str>) -> Result<Value, Fault> {
    let options = Options::of(given, header, None, library)?;
    let coding = given.value("coding");
    let part = |name: &str| {
        let of_coding = coding.and_then(|coding| coding[name].as_str());
        of_coding.or_else(|| given.text(name)).map(str::to_owned)
    };
    let missing = || Fault::invalid("Name the code by code and system, or by coding.".to_owned());
    let (code, url) = (part("code").ok_or_else(missing)?, part("system").ok_or_else(missing)?);
    let taken = options.versions.take(library, &url, part("version").as_deref());
    let system = taken.system.ok_or_else(|| {
        let so = "the code cannot be looked up";
        Fault::not_found(unknown_system_text(library, &url, taken.wanted.as_deref(), so))
    })?;
    let system = options.supplemented(&system);
    let at = system.find(&code).filter(|_| system.content != Content::Supplement).ok_or_else(|| {
        let text = format!("Unknown code '{code}' in the CodeSystem '{}'", system.canonical());
        Fault { issue: Issue::error("code-invalid", "invalid-code", text, None), status: 404 }
    })?;
    let concept = &*system.concept(at);
    let names = names(&Member::of(&system, at, None));
    let shown = shown(&names, &options.languages).or_else(|| names.first());
    let mut said = vec![
        json!({ "name": "name", "valueString": system.name.as_deref().unwrap_or(&system.url) }),
        json!({ "name": "code", "valueCode": concept.code }),
        json!({ "name": "system", "valueUri": system.url }),
    ];
    if let Some(version) = &system.version {
        said.push(json!({ "name": "version", "valueString": version }));
    }
    said.push(json!({ "name": "display", "valueString": shown.map_or(&*concept.code, |name| &name.text) }));
    let wanted = Properties(given.texts("property"));
    if let Some(definition) = concept.definition.as_ref().filter(|_| wanted.has("definition")) {
        said.push(json!({ "name": "definition", "valueString": definition }));
    }
    said.push(json!({ "name": "abstract", "valueBoolean": system.is_abstract(at) }));
    if wanted.has("designation") {
        for designation in designations(&names, None, &[]) {
            said.push(json!({ "name": "designation", "part": parts(&designation) }));
        }
    }
    said.extend(properties(&system, at, &wanted));
    Ok(json!({ "resourceType": "Parameters", "parameter": said }))
}

/// Which properties are asked for: none named for the usual ones, `*` for all.
struct Properties(Vec<String>);

impl Properties {
    fn has(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|wanted| wanted == name || wanted == "*")
    }

    /// The same of what is only said where it is asked for.
    fn names(&self, name: &str) -> bool {
        !self.0.is_empty() && self.has(name)
    }
}

fn parts(designation: &Value) -> Vec<Value> {
    let mut parts = Vec::new();
    for (field, name) in [("language", "valueCode"), ("use", "valueCoding"), ("value", "valueString")] {
        if let Some(value) = designation.get(field) {
            parts.push(json!({ "name": field, name: value }));
        }
    }
    parts
}

fn properties(system: &Arc<CodeSystem>, at: usize, wanted: &Properties) -> Vec<Value> {
    let property = |code: &str, name: &str, value: Value, description: Option<&str>| {
        let mut parts = vec![json!({ "name": "code", "valueCode": code }), json!({ "name": "value", name: value })];
        parts.extend(description.map(|text| json!({ "name": "description", "valueString": text })));
        json!({ "name": "property", "part": parts })
    };
    let mut said = Vec::new();
    let inactive = system.called("inactive");
    if wanted.has("inactive") {
        said.push(property(inactive, "valueBoolean", json!(system.is_inactive(at)), None));
    }
    for (name, places) in [("parent", system.parents(at)), ("child", system.children(at))] {
        if wanted.names(name) {
            let others = places.iter();
            said.extend(
                others.map(|other| property(name, "valueCode", json!(system.code(other)), system.shown(other))),
            );
        }
    }
    let concept = system.concept(at);
    for known in concept.properties.iter().filter(|known| wanted.names(&known.code) && known.code != inactive) {
        if let Some((name, value)) = known.value() {
            said.push(property(&known.code, name, value.clone(), None));
        }
    }
    said
}
