//! Time of the decision: `cargo bench -p consent --bench decision`. Ten Consents of three rules each, as patients have them at most
//! (facts/consent-security.md 6.2), and two hundred of sixteen; a resource that a rule decides, and one that the default does.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use consent::{Asking, Coding, Directive, Found, Labels, PolicyDefault, Specialized, Statutes, decide_on, in_force};
use mappers::json::Document;

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RESOURCE: &str = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"20447-9"}]},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"},"performer":[{"reference":"Practitioner/x"}],"effectiveDateTime":"2026-01-02T08:00:00Z"}"#;

fn main() {
    let asking = Asking {
        actors: vec!["Practitioner/doctor".into(), "Organization/clinic".into()],
        purpose: Some(Coding::purpose("TREAT")),
        break_glass: false,
        action: "access".into(),
        at_ms: 1_780_000_000_000,
        statutes: Statutes::default(),
    };
    let document = Document::parse(RESOURCE.as_bytes()).unwrap();
    let found = Found::of(document.root(), Labels::NORMAL);
    let facts = found.facts();
    for (consents, rules) in [(10, 3), (200, 16)] {
        let texts: Vec<String> = (0..consents).map(|number| consent(number, rules)).collect();
        time(&format!("{consents} Consents x {rules} rules, read from JSON"), 200, || {
            black_box(directives(&texts));
        });
        let known = in_force(directives(&texts));
        time(&format!("{consents} Consents x {rules} rules, made ready for a request"), 2_000, || {
            black_box(Specialized::of(&asking, &known, PolicyDefault::Permit));
        });
        let ready = Specialized::of(&asking, &known, PolicyDefault::Permit);
        assert_eq!(ready.permits(&facts), decide_on(&asking, &known, &facts, PolicyDefault::Permit).permit);
        time(&format!("{consents} Consents x {rules} rules, a resource"), 20_000, || {
            black_box(ready.permits(black_box(&facts)));
        });
        time(&format!("{consents} Consents x {rules} rules, a resource with all reasons told"), 2_000, || {
            black_box(decide_on(&asking, &known, black_box(&facts), PolicyDefault::Permit));
        });
    }
    time("a resource's facts, from its tape", 20_000, || {
        black_box(Found::of(black_box(document.root()), Labels::NORMAL));
    });
}

fn directives(texts: &[String]) -> Vec<Directive> {
    let read = |text: &String| {
        let document = Document::parse(text.as_bytes()).unwrap();
        Directive::read(document.root(), "Consent/c")
    };
    texts.iter().filter_map(read).collect()
}

/// A Consent of its own series, whose rules differ in what they ask for.
fn consent(number: usize, rules: usize) -> String {
    const SYSTEMS: &str = "http://terminology.hl7.org/CodeSystem";
    let nested: Vec<String> = (1..rules)
        .map(|rule| match (number + rule) % 4 {
            0 => r#"{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"MedicationRequest"}]}"#.to_owned(),
            1 => format!(r#"{{"type":"deny","securityLabel":[{{"system":"{SYSTEMS}/v3-ActCode","code":"HIV"}}]}}"#),
            2 => format!(r#"{{"type":"deny","purpose":[{{"system":"{SYSTEMS}/v3-ActReason","code":"HRESCH"}}]}}"#),
            _ => format!(
                r#"{{"type":"deny","actor":[{{"role":{{"coding":[{{"system":"{SYSTEMS}/v3-ParticipationType","code":"IRCP"}}]}},"reference":{{"reference":"Practitioner/other"}}}}],"code":[{{"coding":[{{"system":"http://loinc.org","code":"1-{rule}"}}]}}]}}"#
            ),
        })
        .collect();
    format!(
        r#"{{"resourceType":"Consent","id":"c","status":"active","identifier":[{{"value":"{number}"}}],"scope":{{"coding":[{{"system":"{SYSTEMS}/consentscope","code":"patient-privacy"}}]}},"category":[{{"text":"c"}}],"patient":{{"reference":"Patient/p"}},"dateTime":"2025-01-01","policy":[{{"uri":"urn:p"}}],"provision":{{"type":"permit","purpose":[{{"system":"{SYSTEMS}/v3-ActReason","code":"TREAT"}}],"provision":[{}]}}}}"#,
        nested.join(",")
    )
}

fn time(name: &str, times: u32, mut work: impl FnMut()) {
    let mut runs: Vec<f64> = (0..51)
        .map(|_| {
            let start = Instant::now();
            (0..times).for_each(|_| work());
            start.elapsed().as_secs_f64() / f64::from(times)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!("{name}: median {:.3} us, best {:.3} us", runs[25] * 1e6, runs[0] * 1e6);
}
