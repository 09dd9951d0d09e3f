//! Value sets that nobody writes: an address says what is in them. SNOMED CT's (<https://hl7.org/fhir/R4/snomedct.html#implicit>): all,
//! what is below a concept, members of a reference set; LOINC's (<https://hl7.org/fhir/R4/loinc.html#implicit>): all, an answer list, what is below a
//! part; all of `RxNorm` (<https://hl7.org/fhir/R4/rxnorm.html>).

use serde_json::{Value, json};

use crate::model::ValueSet;

const SNOMED: &str = "http://snomed.info/sct";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

/// The value set of such an address; `None` for any other one.
pub fn of(url: &str) -> Option<ValueSet> {
    let include = if let Some((base, asked)) = url.split_once("?fhir_vs") {
        snomed(base, asked)?
    } else if let Some(asked) = url.strip_prefix("http://loinc.org/vs") {
        loinc(asked)?
    } else if url == format!("{RXNORM}/vs") {
        json!({ "system": RXNORM })
    } else {
        return None;
    };
    let set =
        json!({ "resourceType": "ValueSet", "url": url, "status": "active", "compose": { "include": [include] } });
    ValueSet::read(&set)
}

fn filtered(mut include: Value, property: &str, op: &str, value: &str) -> Value {
    include["filter"] = json!([{ "property": property, "op": op, "value": value }]);
    include
}

/// The base names an edition, and a version of it, or neither.
fn snomed(base: &str, asked: &str) -> Option<Value> {
    let mut include = json!({ "system": SNOMED });
    let edition = base.strip_prefix(SNOMED)?;
    if !edition.is_empty() {
        let module = edition.strip_prefix('/')?;
        let is_module = |text: &str| is_number(text);
        let is_it = match module.split_once("/version/") {
            Some((module, date)) => is_module(module) && is_number(date),
            None => is_module(module),
        };
        include["version"] = json!(is_it.then_some(base)?);
    }
    match asked.strip_prefix('=') {
        None if asked.is_empty() => Some(include),
        Some(asked) => match asked.split_once('/')? {
            ("isa", code) if is_number(code) => Some(filtered(include, "concept", "is-a", code)),
            ("refset", code) if is_number(code) => Some(filtered(include, "memberOf", "=", code)),
            _ => None,
        },
        None => None,
    }
}

fn loinc(asked: &str) -> Option<Value> {
    let include = json!({ "system": LOINC });
    if asked.is_empty() {
        return Some(include);
    }
    let code = asked.strip_prefix('/')?;
    match code.get(..2)? {
        "LL" => Some(filtered(include, "answer-list", "=", code)),
        "LP" => Some(filtered(include, "concept", "is-a", code)),
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_does_not_say_is_no_value_set() {
        let known = [
            "http://snomed.info/sct?fhir_vs",
            "http://snomed.info/sct?fhir_vs=isa/123",
            "http://snomed.info/sct?fhir_vs=refset/123",
            "http://snomed.info/sct/900000000000207008?fhir_vs",
            "http://snomed.info/sct/900000000000207008/version/20260901?fhir_vs=isa/1",
            "http://loinc.org/vs",
            "http://loinc.org/vs/LL1-1",
            "http://loinc.org/vs/LP1-1",
            "http://www.nlm.nih.gov/research/umls/rxnorm/vs",
        ];
        known.iter().for_each(|url| assert!(of(url).is_some(), "{url}"));
        let unknown = [
            "http://snomed.info/sct",
            "http://snomed.info/sct?fhir_vs=isa/x",
            "http://snomed.info/sct?fhir_vs=",
            "http://snomed.info/sct?fhir_vsx",
            "http://snomed.info/sct/x?fhir_vs",
            "http://example.org?fhir_vs",
            "http://loinc.org/vs/",
            "http://loinc.org/vs/é",
            "http://loinc.org/vsx",
        ];
        unknown.iter().for_each(|url| assert!(of(url).is_none(), "{url}"));
    }
}
