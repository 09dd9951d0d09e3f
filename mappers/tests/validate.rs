//! What `mappers::validate` says of small resources under small profiles, rule by rule.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "validate/bounds.rs"]
mod bounds;
#[path = "validate/elements.rs"]
mod elements;
#[path = "validate/resources.rs"]
mod resources;
#[path = "validate/slices.rs"]
mod slices;

use mappers::json::Document;
use mappers::validate::{Library, Options, Report, Severity, validate};

/// A profile of a type with these elements, by its name.
fn profile(name: &str, kind: &str, elements: &str) -> String {
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"http://p/{name}","type":"{kind}","derivation":"constraint",
        "baseDefinition":"http://hl7.org/fhir/StructureDefinition/{kind}","differential":{{"element":[{elements}]}}}}"#
    )
}

/// The report on a resource that must meet `http://p/it`, with these definitions stored.
fn report(resource: &str, definitions: &[&str]) -> Report {
    let document = Document::parse(resource.as_bytes()).unwrap();
    let mut library = Library::with_units(|code| code.starts_with('m') || code == "%");
    let named: Vec<Box<str>> = if definitions.iter().any(|one| one.contains("\"http://p/it\"")) {
        vec!["http://p/it".into()]
    } else {
        Vec::new()
    };
    for _ in 0..20 {
        let options = Options { profiles: &named, now: Some("2026-01-01T00:00:00Z"), work: None };
        let report = validate(&document, &library, options);
        if report.wanted.iter().all(|wish| library.holds(wish)) {
            return report;
        }
        for wish in &report.wanted {
            let texts: Vec<Document<'_>> =
                definitions.iter().map(|text| Document::parse(text.as_bytes()).unwrap()).collect();
            let is_it = |text: &&Document<'_>| {
                let own = |name: &str| text.root().member(name).and_then(|own| own.string());
                own("resourceType").as_deref() == Some(wish.kind) && own("url").as_deref() == Some(&*wish.url)
            };
            library.add(wish, texts.iter().find(is_it).map(Document::root));
        }
    }
    panic!("wants more and more");
}

/// Code and place of each error.
fn errors(resource: &str, definitions: &[&str]) -> Vec<String> {
    of_severity(resource, definitions, Severity::Error)
}

fn of_severity(resource: &str, definitions: &[&str], severity: Severity) -> Vec<String> {
    let issues = report(resource, definitions).issues.into_iter().filter(|issue| issue.severity == severity);
    issues.map(|issue| format!("{} {}", issue.code, issue.expression)).collect()
}
