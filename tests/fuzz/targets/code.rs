//! What any coding means, three lines: system, code and what it is called. No text panics; a code of a drug's package is the same in
//! all forms that it has; what is told is in use, told again, and told of itself that it is kept.
#![no_main]

use std::cell::OnceCell;
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use terminology::codes::loinc::has_check_digit;
use terminology::codes::ndc::{Forms, Ndc, forms};
use terminology::index::{Draft, Index, Kind};
use terminology::library::Library;
use terminology::model::CodeSystem;
use terminology::normalize::{Coded, Coding, Told, normalize};

const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

thread_local!(static LIBRARY: OnceCell<Library> = const { OnceCell::new() });

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n');
    let (system, code, display) =
        (lines.next().unwrap_or_default(), lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    has_check_digit(code);
    match forms(code) {
        Forms::One(ndc) => written(ndc),
        Forms::Ambiguous(several) => {
            assert!(several.len() > 1);
            several.into_iter().for_each(written);
        }
        Forms::Not(why) => assert!(!why.is_empty()),
    }
    LIBRARY.with(|library| {
        let library = library.get_or_init(library_of_all);
        let told = normalize(library, Coded { system, code, display }, &[LOINC, RXNORM]);
        assert_eq!(told, normalize(library, Coded { system, code, display }, &[LOINC, RXNORM]));
        match told {
            Told::Kept(coding) => {
                assert_eq!((coding.system.as_str(), coding.code.as_str()), (system, code));
                in_use(library, &coding);
            }
            Told::Standard { coding, by, equivalence, .. } => {
                assert!(!by.is_empty() && !equivalence.is_empty());
                in_use(library, &coding);
            }
            Told::Review { candidates, why } => {
                assert!((1..=20).contains(&candidates.len()) && !why.is_empty());
            }
            Told::Unknown(why) => assert!(!why.is_empty()),
        }
    });
});

/// All ways to write it are it.
fn written(ndc: Ndc) {
    for text in [Some(ndc.to_string()), Some(ndc.twelve().to_owned()), ndc.eleven().map(str::to_owned)] {
        if let Some(text) = text {
            assert_eq!(forms(&text), Forms::One(ndc), "{text}");
        }
    }
}

fn in_use(library: &Library, coding: &Coding) {
    let told = normalize(library, Coded { system: &coding.system, code: &coding.code, display: "" }, &[]);
    assert_eq!(told, Told::Kept(coding.clone()));
}

/// Small releases that are made up: codes, names, which are retired, and what properties they have.
fn library_of_all() -> Library {
    let mut library = Library::default();
    let mut add = |url: &str, rows: &[(&str, &str, &[(&str, &str)])]| {
        let header = json!({ "resourceType": "CodeSystem", "url": url, "version": "1", "content": "complete", "caseSensitive": url != "http://hl7.org/fhir/sid/icd-10-cm" });
        let mut draft = Draft::new(header);
        draft.keyed("NDC");
        draft.keyed("NDC11");
        for (code, display, properties) in rows {
            let at = draft.concept(code).expect("there is room");
            draft.display(at, display).expect("there is room");
            for (name, value) in *properties {
                let kind = if *name == "inactive" { Kind::Boolean } else { Kind::Code };
                draft.property(at, name, kind, value).expect("there is room");
            }
        }
        let index = Index::open(Arc::new(draft.index().expect("it is written"))).expect("an index");
        library.add_system(Arc::new(CodeSystem::indexed(Arc::new(index)).expect("a code system")));
    };
    let old = ("inactive", "true");
    add(
        LOINC,
        &[
            ("1-8", "Alpha [Mass/volume] in Serum", &[]),
            ("2-6", "Beta", &[]),
            ("3-4", "Gamma", &[old, ("MAP_TO", "1-8")]),
            ("4-2", "Delta", &[old, ("MAP_TO", "1-8"), ("MAP_TO", "2-6")]),
            ("6-7", "Round", &[old, ("MAP_TO", "7-5")]),
            ("7-5", "And round", &[old, ("MAP_TO", "6-7")]),
        ],
    );
    add(
        RXNORM,
        &[
            ("500", "alpha 5 MG Oral Tablet", &[("NDC", "00002143380")]),
            ("501", "alpha 10 MG Oral Tablet", &[("NDC", "12345067801"), ("NDC", "01234567890")]),
            ("502", "beta", &[old, ("merged_to", "500")]),
        ],
    );
    add("http://hl7.org/fhir/sid/icd-10-cm", &[("J21.8", "Alpha of the lung", &[]), ("J21", "Of the lung", &[])]);
    add("http://hl7.org/fhir/sid/icd-9-cm", &[("E812.0", "Beta", &[]), ("250.00", "Gamma", &[])]);
    add("http://hl7.org/fhir/sid/ndc", &[("99999-001-01", "Gamma", &[("NDC11", "99999000101")])]);
    library.add(&json!({ "resourceType": "ConceptMap", "url": "urn:map", "group": [{ "source": "urn:lab", "target": LOINC, "element": [
        { "code": "NA", "target": [{ "code": "1-8", "equivalence": "equivalent" }] },
        { "code": "two", "target": [{ "code": "1-8", "equivalence": "equivalent" }, { "code": "2-6", "equivalence": "equal" }] },
        { "code": "near", "target": [{ "code": "3-4", "equivalence": "equal" }, { "code": "2-6", "equivalence": "wider" }] }] }] }));
    library
}
