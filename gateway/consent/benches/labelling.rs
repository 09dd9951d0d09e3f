//! Time of the labelling step per resource, with 20,000 rows in the tables: `cargo bench -p consent --bench labelling [file]`.
//! The resource is a small Observation and a Patient of 3 kB, or the file that an argument names.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use consent::labelling::{Coding, Labelling, Subject};
use mappers::json::Document;
use mappers::labels;

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 20_000;
const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"o","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"20447-9"},{"system":"urn:ours","code":"X-7"}],"text":"Viral load"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/e"},"effectiveDateTime":"2026-01-02","valueQuantity":{"value":7.5,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"interpretation":[{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"B20"}]}]}"#;

fn main() {
    let mut labelling = Labelling::built_in();
    for row in labelling.len()..ROWS {
        let (system, prefix) =
            (["urn:ours", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"][row % 3], row % 20 == 0);
        labelling
            .add(system, &format!("{}{row}{}", ["X", "1", "R"][row % 3], if prefix { "*" } else { "" }), "SUD")
            .unwrap();
    }
    println!("{} rows", labelling.len());
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let patient = include_str!("../../../mappers/benches/patient.json").to_owned();
    let texts = file.map_or_else(
        || vec![("Observation", OBSERVATION.to_owned()), ("Patient", patient)],
        |file| vec![("Observation", std::fs::read_to_string(file).unwrap())],
    );
    for (kind, text) in texts {
        let document = Document::parse(text.as_bytes()).unwrap();
        time(&format!("{kind} of {} bytes, from its tape to its labels", text.len()), || {
            let told = labels::Subject::of(kind, black_box(document.root()));
            black_box(label(&labelling, &told));
        });
        let told = labels::Subject::of(kind, document.root());
        time(&format!("{kind}, {} codings to labels alone", told.codings.len() + told.given.len()), || {
            black_box(label(&labelling, black_box(&told)));
        });
    }
}

fn label(labelling: &Labelling, told: &labels::Subject<'_>) -> consent::Labels {
    fn lent<'c, T: AsRef<str>>(codings: &'c [(T, T)]) -> Vec<Coding<'c>> {
        codings.iter().map(|(system, code)| (system.as_ref(), code.as_ref())).collect()
    }
    let (codings, given, within) = (lent(&told.codings), lent(&told.given), lent(&told.within));
    let subject = Subject { codings: &codings, given: &given, within: &within, text: told.text, encounter: None };
    labelling.label(&subject)
}

fn time(name: &str, mut work: impl FnMut()) {
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            (0..20_000).for_each(|_| work());
            start.elapsed().as_secs_f64() / 20_000.0
        })
        .fold(f64::MAX, f64::min);
    println!("{name}: {:.2} us", best * 1e6);
}
