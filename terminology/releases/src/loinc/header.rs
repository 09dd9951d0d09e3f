//! The code system's own data: what it is, and which properties its concepts have (<https://loinc.org/fhir/loinc.xml>).

use serde_json::{Value, json};

use super::SYSTEM;
use super::part::AXES;
use super::term::is_told_otherwise;
use crate::table::Table;

/// How close codes of other systems may be to a part.
const EQUIVALENCES: [&str; 10] = [
    "relatedto",
    "equivalent",
    "equal",
    "wider",
    "subsumes",
    "narrower",
    "specializes",
    "inexact",
    "unmatched",
    "disjoint",
];

/// FHIR's own properties.
const OWN: [(&str, &str); 3] = [("parent", "code"), ("child", "code"), ("inactive", "boolean")];

/// Properties that are not columns of the terms.
const OTHERS: [(&str, &str, &str); 6] = [
    ("MAP_TO", "code", "What replaces a deprecated term; several need a person to choose"),
    ("MAP_TO_COMMENT", "string", "What is to be minded when it is replaced"),
    ("PartTypeName", "string", "What a part is: a component, a system, ..."),
    ("answer-list", "code", "A list that the answer is in"),
    ("answers-for", "code", "A term that the list answers"),
    ("AnswerList", "code", "A list that the term is answered from"),
];

/// The header of the draft.
pub(super) fn of(version: &str, terms: &Table<'_>) -> Value {
    json!({
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": "urn:oid:2.16.840.1.113883.6.1" }],
        "version": version,
        "name": "LOINC",
        "title": "LOINC",
        "status": "active",
        "experimental": false,
        "language": "en-US",
        "publisher": "Regenstrief Institute, Inc.",
        "copyright": "LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee; its use is subject to the \
            license at https://loinc.org/license. Some terms carry a copyright of others (EXTERNAL_COPYRIGHT_NOTICE).",
        "caseSensitive": false,
        "hierarchyMeaning": "is-a",
        "compositional": false,
        "versionNeeded": false,
        "content": "complete",
        "property": properties(terms),
    })
}

fn properties(terms: &Table<'_>) -> Vec<Value> {
    let own = OWN.map(|(code, kind)| {
        json!({ "code": code, "uri": format!("{}{code}", terminology::model::code_system::PROPERTIES), "type": kind })
    });
    let axes = AXES.map(|axis| {
        let description = "A part, or its name where no part is linked";
        json!({ "code": axis, "uri": uri(axis), "description": description, "type": "Coding" })
    });
    let columns = terms.columns().filter(|(name, _)| !is_told_otherwise(name)).map(|(name, _)| match name {
        "CLASSTYPE" => {
            let words = "1=Laboratory class; 2=Clinical class; 3=Claims attachments; 4=Surveys";
            json!({ "code": name, "uri": uri(name), "description": words, "type": "string" })
        }
        name => json!({ "code": name, "uri": uri(name), "type": "string" }),
    });
    let others = OTHERS.map(
        |(code, kind, description)| json!({ "code": code, "uri": uri(code), "description": description, "type": kind }),
    );
    let mapped = EQUIVALENCES.map(|kind| json!({ "code": format!("maps-to-{kind}"), "type": "Coding" }));
    own.into_iter().chain(axes).chain(columns).chain(others).chain(mapped).collect()
}

fn uri(property: &str) -> String {
    format!("{SYSTEM}/property/{property}")
}
