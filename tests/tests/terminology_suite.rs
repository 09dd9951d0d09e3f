//! HL7's suite of terminology servers (tx-ecosystem, SOURCES.md of the shared data): every case of its mode `general`, asked as
//! the official runner asks it and compared by its rules: <https://hl7.org/fhir/uv/tx-ecosystem/testcases.html>.
//!
//! `FHIR_GATEWAY_TEST_CASES=TEXT` runs the cases whose `suite/name` contains TEXT, whatever is known to fail, and shows each
//! difference with what was sent and answered.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "terminology_suite/cases.rs"]
mod cases;
#[path = "terminology_suite/compare.rs"]
mod compare;
#[path = "terminology_suite/controls.rs"]
mod controls;
#[path = "terminology_suite/versions.rs"]
mod versions;
#[path = "terminology_suite/words.rs"]
mod words;

use cases::Case;
use compare::Comparison;
use gateway_tests::{Client, Engine, Json, Known, Response, Server, shared_data, suite};
use std::collections::BTreeMap;
use std::time::Duration;

/// Of a case, where it is not asked for alone.
const SHOWN: usize = 3;

/// What the server says to a case; `Err` where it says nothing in time.
async fn asked(api: &Client, case: &Case) -> Result<Response, String> {
    let mut request = match &case.request {
        Some(body) => api.post(case.path, body),
        None => api.get(case.path),
    };
    request = request.header("Accept", "application/fhir+json");
    if let Some(language) = &case.language {
        request = request.header("Accept-Language", language);
    }
    match tokio::time::timeout(Duration::from_secs(30), request.attempt()).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err("the connection broke".to_owned()),
        Err(_) => Err("no answer within 30 s".to_owned()),
    }
}

/// What is wrong with an answer, the worst first.
fn faults(case: &Case, answer: &Response) -> Vec<String> {
    let Ok(said) = Json::parse(&answer.body) else {
        return vec![format!("status {}, and the body is no JSON", answer.status)];
    };
    let differences = case.expected.iter().map(|expected| {
        if !expected.status.admits(answer.status) {
            return vec![format!("status: expected {}, found {}: {}", expected.status, answer.status, gist(&said))];
        }
        match versions::answer_in_r5(said.clone()) {
            Ok(said) => Comparison::of(case.is_pattern).differences(&expected.body, &said),
            Err(fault) => vec![fault],
        }
    });
    differences.min_by_key(Vec::len).unwrap()
}

/// An answer in a line: what its issues say, or its beginning.
fn gist(answer: &Json) -> String {
    let issue = |issue: &Json| {
        let text = issue.str("details.text").or_else(|| issue.str("diagnostics")).unwrap_or_default();
        format!("{} {text}", issue.str("code").unwrap_or_default())
    };
    let issues: Vec<String> = answer.items("issue").iter().map(issue).collect();
    let text = if issues.is_empty() { answer.to_string() } else { issues.join("; ") };
    text.chars().take(300).collect()
}

/// A case's faults as the list of failures has them.
fn shown(faults: &[String]) -> String {
    let mut lines: Vec<String> = faults.iter().take(SHOWN).cloned().collect();
    if faults.len() > SHOWN {
        lines.push(format!("and {} more", faults.len() - SHOWN));
    }
    lines.join("\n      ")
}

/// A case's faults with the whole exchange.
fn shown_whole(case: &Case, answer: &Result<Response, String>, faults: &[String]) -> String {
    let request = case.request.as_ref().map(Json::to_string).unwrap_or_default();
    let answer = answer.as_ref().map(Response::text).unwrap_or_default();
    format!("{}\n    sent to {}: {request}\n    answered: {answer}", faults.join("\n      "), case.path)
}

suite! {
    async fn the_cases_of_hl7s_terminology_suite_are_answered_as_it_says(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let filter = std::env::var("FHIR_GATEWAY_TEST_CASES").ok();
        let mut cases = cases::load(&data.join("05-official-tests/tx-ecosystem"));
        cases.retain(|case| filter.as_ref().is_none_or(|filter| case.name.contains(filter)));
        let server = Server::start(engine);
        let api = server.client();
        let mut failures = BTreeMap::new();
        for case in &cases {
            let answer = asked(&api, case).await;
            let faults = answer.as_ref().map_or_else(|fault| vec![fault.clone()], |answer| faults(case, answer));
            if !faults.is_empty() {
                let symptom = if filter.is_some() { shown_whole(case, &answer, &faults) } else { shown(&faults) };
                failures.insert(case.name.clone(), symptom);
            }
        }
        println!("{} of {}", cases.len() - failures.len(), cases.len());
        match filter {
            None => Known::load("terminology-suite").verify(cases.len(), &failures),
            Some(filter) => {
                assert!(!cases.is_empty(), "no case has {filter} in its name");
                let lines: Vec<String> = failures.iter().map(|(case, symptom)| format!("  {case}: {symptom}")).collect();
                assert!(lines.is_empty(), "{} of {} cases fail:\n{}", lines.len(), cases.len(), lines.join("\n"));
            }
        }
    }
}
