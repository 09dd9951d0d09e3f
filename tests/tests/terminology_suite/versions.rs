//! Between R5, in which the suite is written, and R4, which the server speaks; what has no place in R4 goes as it is.

use gateway_tests::Json;

/// `ValueSet.expansion.property` and `.contains.property` in R4: <https://hl7.org/fhir/R5/versions.html#extensions>.
pub(crate) const PROPERTY: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.property";
pub(crate) const CONTAINS_PROPERTY: &str =
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion.contains.property";

/// A request, with the resources in it.
pub(crate) fn request_in_r4(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(request_in_r4).collect()),
        Json::Object(members) => {
            // Notes of the suite's authors (title:de), which the official runner's parser leaves out.
            let members = members.into_iter().filter(|(name, _)| !name.contains(':'));
            let object = Json::Object(members.map(|(name, value)| (name, request_in_r4(value))).collect());
            if object.str("resourceType") == Some("ConceptMap") { concept_map(object) } else { object }
        }
        value => value,
    }
}

/// <https://hl7.org/fhir/R5/conceptmap-version-maps.html>
fn concept_map(value: Json) -> Json {
    match value {
        Json::Array(items) => Json::Array(items.into_iter().map(concept_map).collect()),
        Json::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| of_concept_map(name, value)).collect())
        }
        value => value,
    }
}

fn of_concept_map(name: String, value: Json) -> (String, Json) {
    let renamed = match name.as_str() {
        "otherMap" => "url",
        "relationship" => "equivalence",
        "sourceScopeCanonical" => "sourceCanonical",
        "sourceScopeUri" => "sourceUri",
        "targetScopeCanonical" => "targetCanonical",
        "targetScopeUri" => "targetUri",
        other => other,
    };
    let value = match (name.as_str(), value.as_str()) {
        // R4 says what the target is to the source, R5 what the source is to the target.
        ("relationship", Some(code)) => Json::text(match code {
            "not-related-to" => "unmatched",
            "related-to" => "relatedto",
            "source-is-broader-than-target" => "narrower",
            "source-is-narrower-than-target" => "wider",
            other => other,
        }),
        ("mode", Some("use-source-code")) => Json::text("provided"),
        ("unmapped", _) => unmapped(value),
        _ => concept_map(value),
    };
    (renamed.to_owned(), value)
}

/// Its relationship has no place in R4.
fn unmapped(mut unmapped: Json) -> Json {
    let relationship = unmapped.remove("", "relationship");
    let unmapped = concept_map(unmapped);
    match relationship {
        Some(relationship) => unmapped.with("relationship", relationship),
        None => unmapped,
    }
}

/// An answer as an R5 server gives it, without what the official runner takes out of it. `Err` says what no R4 server answers.
pub(crate) fn answer_in_r5(mut answer: Json) -> Result<Json, String> {
    answer.remove("", "meta");
    if answer.str("resourceType") != Some("Parameters") {
        answer.remove("", "text");
    }
    if let Some(expansion) = answer.remove("", "expansion") {
        let expansion = of_expansion(expansion, PROPERTY, "expansion")?;
        answer.set("", "expansion", expansion);
    }
    Ok(answer)
}

/// An expansion or what it contains: its extensions of one URL are its properties.
fn of_expansion(mut element: Json, url: &str, path: &str) -> Result<Json, String> {
    if element.at("property").is_some() {
        return Err(format!("{path}.property: R5's; in R4 it is the extension {url}"));
    }
    let is_property = |extension: &Json| extension.str("url") == Some(url);
    if element.items("extension").iter().any(is_property) {
        let (properties, others): (Vec<Json>, Vec<Json>) =
            element.items("extension").iter().cloned().partition(is_property);
        element.remove("", "extension");
        if !others.is_empty() {
            element.set("", "extension", Json::Array(others));
        }
        element.set("", "property", Json::Array(properties.iter().map(property).collect()));
    }
    if let Some(contains) = element.remove("", "contains") {
        let path = format!("{path}.contains");
        let contains: Result<Vec<Json>, String> =
            contains.array().iter().map(|item| of_expansion(item.clone(), CONTAINS_PROPERTY, &path)).collect();
        element.set("", "contains", Json::Array(contains?));
    }
    Ok(element)
}

/// `[{url: code, valueCode}, {url: value, valueX}]` as `{code, valueX}`; what is not so, as it is, for it to be refused.
fn property(extension: &Json) -> Json {
    let mut members = Vec::new();
    for part in extension.items("extension") {
        let value = part.members().iter().find(|(name, _)| name.starts_with("value"));
        let (Some(url), Some((name, value)), 2) = (part.str("url"), value, part.members().len()) else {
            return extension.clone();
        };
        match (url, name.as_str()) {
            ("value", name) => members.push((name.to_owned(), value.clone())),
            ("code", "valueCode") | ("uri", "valueUri") => members.push((url.to_owned(), value.clone())),
            _ => return extension.clone(),
        }
    }
    Json::Object(members)
}
