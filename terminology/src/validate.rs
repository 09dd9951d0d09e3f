//! `$validate-code` of value sets and code systems: <https://hl7.org/fhir/R4/valueset-operation-validate-code.html>,
//! <https://hl7.org/fhir/R4/codesystem-operation-validate-code.html>. The answer says each thing that is wrong as an issue of its
//! own (`issues`), in the words and kinds that FHIR's validators know.

mod coded;
mod display;
mod judge;
mod verdict;

use serde_json::{Value, json};

use self::judge::Judge;
use self::verdict::Verdict;
use crate::compose::Composer;
use crate::expand::subject;
use crate::issue::{Fault, Issue, Severity, outcome};
use crate::library::Library;
use crate::model::ValueSet;
use crate::options::{Given, Options};

/// The most codes that one batch may have.
const MOST_IN_BATCH: usize = 1000;

/// Whether a code, a coding or one of a concept's codings is in a value set.
///
/// # Errors
/// What is asked about is missing or not known; the value set cannot be asked.
pub fn in_value_set(library: &Library, given: &Given, header: Option<&str>) -> Result<Value, Fault> {
    let set = subject(given, library)?;
    judged(library, given, header, Some(&set))
}

/// Whether a code is one of its code system.
///
/// # Errors
/// What is asked about is missing.
pub fn in_code_system(library: &Library, given: &Given, header: Option<&str>) -> Result<Value, Fault> {
    judged(library, given, header, None)
}

/// Many at once: each `validation` has parameters of its own, and those of the batch where it has none.
///
/// # Errors
/// There are too many.
pub fn batch(library: &Library, parameters: &Value, header: Option<&str>) -> Result<Value, Fault> {
    let all = parameters["parameter"].as_array().into_iter().flatten();
    let (each, common): (Vec<&Value>, Vec<&Value>) = all.partition(|parameter| parameter["name"] == "validation");
    if each.len() > MOST_IN_BATCH {
        return Err(Fault::too_costly(format!("A batch has at most {MOST_IN_BATCH} codes.")));
    }
    let mut answers = Vec::new();
    for validation in each {
        let own = validation["resource"]["parameter"].as_array().cloned().unwrap_or_default();
        let lacks = |parameter: &&&Value| !own.iter().any(|known| known["name"] == parameter["name"]);
        let whole: Vec<Value> =
            own.iter().cloned().chain(common.iter().filter(lacks).map(|parameter| (*parameter).clone())).collect();
        let given = Given::of(&json!({ "parameter": whole }));
        let is_of_set = given.value("valueSet").is_some() || given.text("url").is_some();
        let answer =
            if is_of_set { in_value_set(library, &given, header) } else { in_code_system(library, &given, header) };
        // One that cannot be answered is no reason to leave the others without an answer.
        let answer = answer.unwrap_or_else(|fault| outcome(&[fault.issue]));
        answers.push(json!({ "name": "validation", "resource": answer }));
    }
    Ok(json!({ "resourceType": "Parameters", "parameter": answers }))
}

fn judged(library: &Library, given: &Given, header: Option<&str>, set: Option<&ValueSet>) -> Result<Value, Fault> {
    let options = Options::of(given, header, set, library)?;
    let composer = Composer::new(library, &options);
    let judge = Judge {
        composer: &composer,
        set,
        is_lenient: given.flag("lenient-display-validation")? == Some(true),
        is_active_only: given.flag("activeOnly")? == Some(true),
        infers: given.flag("inferSystem")? == Some(true),
        allows_abstract: given.flag("abstract")? != Some(false),
        members_only: given.flag("valueset-membership-only")? == Some(true),
    };
    let coded = coded::all(given, set.is_some())?;
    let verdicts: Result<Vec<Verdict>, Fault> =
        coded.codings.iter().map(|coding| judge.judge(coding, coded.is_concept)).collect();
    let verdicts = match verdicts {
        Ok(verdicts) => verdicts,
        // What a value set hangs on is not known: so it is not known whether the code is in it.
        Err(fault) if fault.issue.kind == "not-found" => {
            let first = coded.codings.first().filter(|_| !coded.is_concept);
            let verdict = Verdict::unknown(first, fault.issue);
            return Ok(answer(&coded.concept, vec![verdict], Vec::new()));
        }
        Err(fault) => return Err(fault),
    };
    let mut issues = Vec::new();
    for (word, kind, canonical) in composer.used().standings {
        let text = format!("Reference to {word} {kind} {canonical}");
        let id = match word {
            "deprecated" => "MSG_DEPRECATED",
            "withdrawn" => "MSG_WITHDRAWN",
            "experimental" => "MSG_EXPERIMENTAL",
            "draft" => "MSG_DRAFT",
            _ => "",
        };
        issues.push(Issue::information("business-rule", "status-check", text, None).called(id).untold());
    }
    if let Some(set) = set.filter(|_| coded.is_concept) {
        let is_any_in = verdicts.iter().any(|verdict| verdict.is_in);
        let says_why = verdicts.iter().any(|verdict| verdict.says_why);
        if !is_any_in && !says_why {
            let text = format!("No valid coding was found for the value set '{}'", set.canonical());
            issues.push(Issue::error("code-invalid", "not-in-vs", text, None).called("TX_GENERAL_CC_ERROR_MESSAGE"));
        }
    }
    Ok(answer(&coded.concept, verdicts, issues))
}

/// The answer: the first coding that is in it, or else the first, and all that is to say.
fn answer(concept: &Option<Value>, verdicts: Vec<Verdict>, more: Vec<Issue>) -> Value {
    let mut issues: Vec<Issue> = Vec::new();
    for issue in more.into_iter().chain(verdicts.iter().flat_map(|verdict| verdict.issues.clone())) {
        if !issues.contains(&issue) {
            issues.push(issue);
        }
    }
    let is_any_in = verdicts.iter().any(|verdict| verdict.is_in);
    let result = is_any_in && !issues.iter().any(|issue| issue.severity == Severity::Error);
    let mut said = vec![json!({ "name": "result", "valueBoolean": result })];
    let told = verdicts.iter().find(|verdict| verdict.is_in).or_else(|| {
        // Of a concept none of whose codings is in it none is the one that is meant.
        verdicts.first().filter(|_| concept.is_none())
    });
    if let Some(verdict) = told {
        said.extend(verdict.parameters());
    }
    said.extend(concept.iter().map(|concept| json!({ "name": "codeableConcept", "valueCodeableConcept": concept })));
    for (name, canonical) in verdicts.iter().flat_map(|verdict| &verdict.unknown) {
        said.push(json!({ "name": name, "valueCanonical": canonical }));
    }
    let mut texts: Vec<&str> = issues.iter().filter(|issue| issue.is_told).map(|issue| issue.text.as_str()).collect();
    texts.sort_unstable();
    texts.dedup();
    if !texts.is_empty() {
        said.push(json!({ "name": "message", "valueString": texts.join("; ") }));
    }
    if !issues.is_empty() {
        said.push(json!({ "name": "issues", "resource": outcome(&issues) }));
    }
    json!({ "resourceType": "Parameters", "parameter": said })
}
