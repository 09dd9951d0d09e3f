//! `$translate`: <https://hl7.org/fhir/R4/conceptmap-operation-translate.html>. Parameters are taken by R4's names and by R5's.

use serde_json::{Value, json};

use crate::issue::Fault;
use crate::library::Library;
use crate::model::concept_map::{ConceptMap, Group};
use crate::model::parts;
use crate::options::Given;

/// A code to be translated.
struct Source {
    system: Option<String>,
    code: String,
}

/// What codes mean in another system, by concept maps.
///
/// # Errors
/// No code is given; the map is not known.
pub fn translate(library: &Library, given: &Given) -> Result<Value, Fault> {
    // R5 asks backwards by naming a target.
    let is_reverse = given.flag("reverse")? == Some(true)
        || given.text("targetCode").is_some()
        || given.value("targetCoding").is_some();
    let sources = sources(given)?;
    let wanted = if is_reverse && given.text("targetCode").is_some() {
        given.text("sourceSystem")
    } else {
        given.text("targetsystem").or_else(|| given.text("targetSystem"))
    };
    let (source, target) = (
        given.text("source").or_else(|| given.text("sourceScope")),
        given.text("target").or_else(|| given.text("targetScope")),
    );
    let maps: Vec<_> = match given.value("conceptMap").map(ConceptMap::read) {
        Some(sent) => vec![
            sent.map(std::sync::Arc::new).ok_or_else(|| Fault::invalid("conceptMap is no ConceptMap.".to_owned()))?,
        ],
        None => match given.text("url") {
            Some(canonical) => {
                let (url, version) = parts(canonical);
                let version = version.or_else(|| given.text("conceptMapVersion"));
                let unknown =
                    || Fault::not_found(format!("A definition for the concept map '{canonical}' could not be found"));
                vec![library.map(url, version).ok_or_else(unknown)?]
            }
            None => library.maps().to_vec(),
        },
    };
    let mut matches = Vec::new();
    for map in &maps {
        let fits = |asked: Option<&str>, own: &Option<String>| {
            asked.is_none_or(|asked| own.as_deref().is_none_or(|own| parts(own).0 == parts(asked).0))
        };
        if !fits(source, &map.source) || !fits(target, &map.target) {
            continue;
        }
        for group in &map.group {
            for from in &sources {
                look(map, group, from, wanted, is_reverse, &mut matches);
            }
        }
    }
    let result = matches.iter().any(|found| found.is_match);
    let mut said = vec![json!({ "name": "result", "valueBoolean": result })];
    if matches.is_empty() {
        said.push(
            json!({ "name": "message", "valueString": "No concept map known here has a translation of the code." }),
        );
    }
    said.extend(matches.into_iter().map(|found| json!({ "name": "match", "part": found.parts })));
    Ok(json!({ "resourceType": "Parameters", "parameter": said }))
}

fn sources(given: &Given) -> Result<Vec<Source>, Fault> {
    let of_coding = |coding: &Value| {
        Some(Source { system: coding["system"].as_str().map(str::to_owned), code: coding["code"].as_str()?.to_owned() })
    };
    for name in ["coding", "sourceCoding", "targetCoding"] {
        if let Some(source) = given.value(name).and_then(of_coding) {
            return Ok(vec![source]);
        }
    }
    for name in ["codeableConcept", "sourceCodeableConcept", "targetCodeableConcept"] {
        if let Some(concept) = given.value(name) {
            return Ok(concept["coding"].as_array().into_iter().flatten().filter_map(of_coding).collect());
        }
    }
    for (code, system) in
        [("code", "system"), ("sourceCode", "sourceSystem"), ("sourceCode", "system"), ("targetCode", "targetSystem")]
    {
        if let (Some(code), Some(system)) = (given.text(code), given.text(system)) {
            return Ok(vec![Source { system: Some(system.to_owned()), code: code.to_owned() }]);
        }
    }
    Err(Fault::invalid("Name the code by code and system, by coding or by codeableConcept.".to_owned()))
}

struct Match {
    is_match: bool,
    parts: Vec<Value>,
}

fn look(
    map: &ConceptMap,
    group: &Group,
    from: &Source,
    wanted: Option<&str>,
    is_reverse: bool,
    matches: &mut Vec<Match>,
) {
    let is_system = |own: &Option<String>, asked: Option<&str>| {
        asked.is_none_or(|asked| own.as_deref().is_some_and(|own| parts(own).0 == parts(asked).0))
    };
    let (near, far) = if is_reverse { (&group.target, &group.source) } else { (&group.source, &group.target) };
    if !is_system(near, from.system.as_deref()) || !is_system(far, wanted) {
        return;
    }
    let system = |own: &Option<String>| own.as_deref().map(|own| parts(own).0.to_owned());
    let mut is_mapped = false;
    for element in &group.element {
        for target in &element.target {
            let own = if is_reverse { &target.code } else { &element.code };
            if own.as_deref() != Some(&*from.code) {
                continue;
            }
            is_mapped = true;
            let nearness = if is_reverse { turned(target.nearness()) } else { target.nearness() };
            let found = if is_reverse {
                coding(system(&group.source), element.code.as_deref(), None)
            } else {
                coding(system(&group.target), target.code.as_deref(), target.display.as_deref())
            };
            let mut said = vec![json!({ "name": "equivalence", "valueCode": nearness })];
            said.push(json!({ "name": "concept", "valueCoding": found }));
            said.extend(map.canonical().map(|canonical| json!({ "name": "source", "valueUri": canonical })));
            matches.push(Match { is_match: target.is_match(), parts: said });
        }
    }
    let Some(unmapped) = group.unmapped.as_ref().filter(|_| !is_mapped && !is_reverse) else { return };
    let code = match unmapped.mode.as_str() {
        "provided" => Some((from.code.as_str(), None)),
        "fixed" => unmapped.code.as_deref().map(|code| (code, unmapped.display.as_deref())),
        _ => None,
    };
    if let Some((code, display)) = code {
        let mut said = vec![json!({ "name": "equivalence", "valueCode": "inexact" })];
        said.push(json!({ "name": "concept", "valueCoding": coding(system(&group.target), Some(code), display) }));
        said.extend(map.canonical().map(|canonical| json!({ "name": "source", "valueUri": canonical })));
        matches.push(Match { is_match: true, parts: said });
    }
}

/// The same from the other side.
fn turned(nearness: &str) -> &str {
    match nearness {
        "wider" => "narrower",
        "narrower" => "wider",
        "subsumes" => "specializes",
        "specializes" => "subsumes",
        other => other,
    }
}

fn coding(system: Option<String>, code: Option<&str>, display: Option<&str>) -> Value {
    let mut coding = json!({});
    for (name, value) in [("system", system.as_deref()), ("code", code), ("display", display)] {
        if let Some(value) = value {
            coding[name] = json!(value);
        }
    }
    coding
}
