//! What codes mean in the standards, over small releases that are made up.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use terminology::index::{Draft, Index, Kind};
use terminology::library::Library;
use terminology::model::CodeSystem;
use terminology::normalize::{Coded, Method, Told, normalize};

const LOINC: &str = "http://loinc.org";
const SNOMED: &str = "http://snomed.info/sct";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const NDC: &str = "http://hl7.org/fhir/sid/ndc";

/// Code, what it is shown by, and properties; `inactive` is a flag.
type Row<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)]);

fn release(library: &mut Library, url: &str, version: &str, rows: &[Row<'_>]) {
    let header = json!({ "resourceType": "CodeSystem", "url": url, "version": version, "content": "complete" });
    let mut draft = Draft::new(header);
    draft.keyed("NDC");
    for (code, display, properties) in rows {
        let at = draft.concept(code).expect("there is room");
        draft.display(at, display).expect("there is room");
        for (name, value) in *properties {
            match *name {
                "also" => draft.designation(at, "en", "", value).expect("there is room"),
                "inactive" => draft.property(at, name, Kind::Boolean, value).expect("there is room"),
                _ => draft.property(at, name, Kind::Code, value).expect("there is room"),
            }
        }
    }
    let index = Index::open(Arc::new(draft.index().expect("it is written"))).expect("an index");
    library.add_system(Arc::new(CodeSystem::indexed(Arc::new(index)).expect("a code system")));
}

const OLD: (&str, &str) = ("inactive", "true");

fn library() -> Library {
    let mut library = Library::default();
    release(
        &mut library,
        LOINC,
        "2.81",
        &[
            ("1-8", "Alpha [Mass/volume] in Serum", &[("also", "Alpha")]),
            ("2-6", "Beta [Mass/volume] in Blood", &[("also", "Beta"), ("also", "B blood")]),
            ("3-4", "Gamma, old", &[OLD, ("MAP_TO", "1-8")]),
            ("4-2", "Delta, old", &[OLD, ("MAP_TO", "1-8"), ("MAP_TO", "2-6")]),
            ("5-9", "Epsilon, old", &[OLD, ("MAP_TO", "3-4")]),
            ("6-7", "Round", &[OLD, ("MAP_TO", "7-5")]),
            ("7-5", "And round", &[OLD, ("MAP_TO", "6-7")]),
            ("8-3", "Zeta, gone", &[OLD]),
            ("9-1", "Group A+", &[]),
            ("LP1-1", "Part of it", &[]),
            ("10-9", "Twin", &[]),
            ("11-7", "twin", &[]),
        ],
    );
    release(
        &mut library,
        SNOMED,
        "http://snomed.info/sct/1/version/20260901",
        &[
            ("100", "Alpha disorder", &[]),
            ("101", "Alpha disease", &[OLD, ("900000000000527005", "100")]),
            ("102", "Alpha or beta", &[OLD, ("900000000000523009", "100")]),
        ],
    );
    release(
        &mut library,
        RXNORM,
        "11022026",
        &[
            ("500", "Alpha 5 MG Oral Tablet", &[("NDC", "00002143380")]),
            ("501", "Alpha 10 MG Oral Tablet", &[("NDC", "12345067801"), ("NDC", "12345678001")]),
            ("502", "Alpha 15 MG Oral Tablet", &[("NDC", "01234567890")]),
            ("503", "Alpha, old", &[OLD, ("NDC", "00002000001"), ("merged_to", "500")]),
        ],
    );
    release(&mut library, ICD, "2026", &[("J21.8", "Alpha of the lung", &[]), ("J21", "Of the lung", &[])]);
    library.add(&json!({ "resourceType": "ConceptMap", "url": "urn:map", "version": "3", "status": "active", "group": [
        { "source": "urn:lab", "target": LOINC, "element": [
            { "code": "NA", "target": [{ "code": "1-8", "equivalence": "equivalent" }] },
            { "code": "two", "target": [{ "code": "1-8", "equivalence": "equivalent" }, { "code": "2-6", "equivalence": "equal" }] },
            { "code": "near", "target": [{ "code": "1-8", "equivalence": "wider" }] },
            { "code": "if", "target": [{ "code": "1-8", "equivalence": "equal", "dependsOn": [{ "property": "p", "value": "v" }] }] },
            { "code": "no", "target": [{ "code": "1-8", "equivalence": "disjoint" }] },
        ] },
    ] }));
    library
}

/// In one line: the verdict, what it means and how.
fn told(system: &str, code: &str, display: &str) -> String {
    shown(&normalize(&library(), Coded { system, code, display }, &[LOINC, SNOMED]))
}

fn shown(told: &Told) -> String {
    match told {
        Told::Kept(coding) => format!("kept {}", coding.code),
        Told::Standard { coding, method, equivalence, by } => {
            assert!(!by.is_empty());
            format!("{} {} {equivalence}", method.word(), coding.code)
        }
        Told::Review { candidates, .. } => {
            format!("review {}", candidates.iter().map(|coding| coding.code.as_str()).collect::<Vec<_>>().join(" "))
        }
        Told::Unknown(_) => "unknown".to_owned(),
    }
}

#[test]
fn a_code_is_kept_or_written_as_its_system_writes_it() {
    for (system, code, expected) in [
        (LOINC, "1-8", "kept 1-8"),
        ("urn:oid:2.16.840.1.113883.6.1", "1-8", "cleaned 1-8 equal"),
        ("2.16.840.1.113883.6.1", " 1-8 ", "cleaned 1-8 equal"),
        (ICD, "J218", "cleaned J21.8 equal"),
        (ICD, "J21", "kept J21"),
        (ICD, "J219", "unknown"),
        (LOINC, "12-5", "unknown"),
        ("urn:nobody", "1-8", "unknown"),
        ("", "", "unknown"),
    ] {
        assert_eq!(told(system, code, ""), expected, "{system} {code}");
    }
}

#[test]
fn a_retired_code_becomes_its_one_successor_alone() {
    for (system, code, expected) in [
        (LOINC, "3-4", "replaced 1-8 equivalent"),
        (LOINC, "5-9", "replaced 1-8 equivalent"),
        (LOINC, "4-2", "review 1-8 2-6"),
        (LOINC, "6-7", "unknown"),
        (LOINC, "8-3", "unknown"),
        (SNOMED, "101", "replaced 100 equivalent"),
        (SNOMED, "102", "review 100"),
        (RXNORM, "503", "replaced 500 equivalent"),
    ] {
        assert_eq!(told(system, code, ""), expected, "{system} {code}");
    }
}

#[test]
fn a_map_counts_where_it_says_that_both_are_the_same() {
    for (code, expected) in [
        ("NA", "mapped 1-8 equivalent"),
        ("two", "review 1-8 2-6"),
        ("near", "review 1-8"),
        ("if", "review 1-8"),
        ("no", "unknown"),
        ("na", "unknown"),
    ] {
        assert_eq!(told("urn:lab", code, ""), expected, "{code}");
    }
    let told = normalize(&library(), Coded { system: "urn:lab", code: "NA", display: "" }, &[]);
    let Told::Standard { coding, by, method: Method::Mapped, .. } = told else { panic!("{told:?}") };
    assert_eq!(
        (&*by, coding.version.as_deref(), coding.display.as_deref()),
        ("urn:map|3", Some("2.81"), Some("Alpha [Mass/volume] in Serum"))
    );
}

#[test]
fn a_package_is_of_the_drug_that_rxnorm_names() {
    for (code, expected) in [
        ("0002-1433-80", "package 500 wider"),
        ("00002143380", "package 500 wider"),
        ("00002-1433-80", "package 500 wider"),
        ("000002143380", "package 500 wider"),
        // 4-4-2 is a package of 502, and neither 5-3-2 nor 5-4-1 is one.
        ("1234567890", "package 502 wider"),
        // A package of one that is not used any more.
        ("0002-0000-01", "unknown"),
        ("0002-1433-8*", "unknown"),
        ("9999999999", "unknown"),
    ] {
        assert_eq!(told(NDC, code, ""), expected, "{code}");
    }
    let mut two = library();
    release(
        &mut two,
        RXNORM,
        "12072026",
        &[("1", "One", &[("NDC", "01234567890")]), ("2", "Two", &[("NDC", "12345678090")])],
    );
    assert_eq!(shown(&normalize(&two, Coded { system: NDC, code: "1234567890", display: "" }, &[])), "package 1 wider");
    release(
        &mut two,
        RXNORM,
        "12082026",
        &[("1", "One", &[("NDC", "01234567890")]), ("2", "Two", &[("NDC", "12345067890")])],
    );
    assert_eq!(shown(&normalize(&two, Coded { system: NDC, code: "1234567890", display: "" }, &[])), "review 1 2");
}

#[test]
fn only_the_name_that_one_concept_is_shown_by_is_proof() {
    for (display, expected) in [
        ("alpha [mass/volume]  in serum", "named 1-8 equivalent"),
        ("Alpha", "review 1-8 100"),
        ("beta blood", "review 2-6"),
        ("Group A+", "named 9-1 equivalent"),
        ("Group A-", "review 9-1"),
        ("Twin", "review 10-9 11-7"),
        ("Gamma, old", "unknown"),
        ("Nothing like it", "unknown"),
        ("+", "unknown"),
    ] {
        assert_eq!(told("urn:lab", "x", display), expected, "{display}");
        // A code that says what it means is not asked for its name.
        assert_eq!(told(LOINC, "2-6", display), "kept 2-6");
    }
    assert_eq!(told("http://terminology.hl7.org/CodeSystem/x", "x", "Group A+"), "unknown", "a standard's own code");
    assert_eq!(told("urn:oid:2.16.840.1.113883.6.12", "x", "Group A+"), "unknown", "the same, by its other name");
    assert_eq!(told("urn:lab", "x", "Part of it"), "unknown", "nothing is observed by a part");
    assert_eq!(
        shown(&normalize(&library(), Coded { display: "Group A+", ..Coded::default() }, &[])),
        "unknown",
        "nobody said where"
    );
}

/// A part of a release that is newer takes nothing away: what it lacks is what it was not cut to.
#[test]
fn a_newer_part_of_a_system_retires_nothing() {
    let mut library = library();
    library.add(
        &json!({ "resourceType": "CodeSystem", "url": LOINC, "version": "2.90", "content": "fragment", "concept": [
        { "code": "2-6", "display": "Beta, newer" }] }),
    );
    let told = |code: &str| normalize(&library, Coded { system: LOINC, code, display: "" }, &[]);
    assert_eq!(shown(&told("1-8")), "kept 1-8");
    assert_eq!(shown(&told("3-4")), "replaced 1-8 equivalent");
    let Told::Kept(newer) = told("2-6") else { panic!("not kept") };
    assert_eq!(newer.version.as_deref(), Some("2.90"));
}

/// What an older release names as the successor may be out of use by now.
#[test]
fn a_successor_is_one_that_is_in_use_in_the_latest_release() {
    let mut library = library();
    release(&mut library, LOINC, "2.90", &[("1-8", "Alpha, old", &[OLD, ("MAP_TO", "2-6")]), ("2-6", "Beta", &[])]);
    assert_eq!(
        shown(&normalize(&library, Coded { system: LOINC, code: "3-4", display: "" }, &[])),
        "replaced 2-6 equivalent"
    );
    release(&mut library, LOINC, "2.91", &[("1-8", "Alpha, old", &[OLD])]);
    assert_eq!(shown(&normalize(&library, Coded { system: LOINC, code: "3-4", display: "" }, &[])), "unknown");
}

#[test]
fn nobody_is_shown_what_a_map_rules_out() {
    let mut library = library();
    library.add(&json!({ "resourceType": "ConceptMap", "url": "urn:out", "group": [{ "source": "urn:lab", "target": LOINC, "element": [
        { "code": "two", "target": [{ "code": "9-1", "equivalence": "disjoint" }] }] }] }));
    assert_eq!(
        shown(&normalize(&library, Coded { system: "urn:lab", code: "two", display: "" }, &[])),
        "review 1-8 2-6"
    );
}

#[test]
fn a_code_that_cannot_be_one_of_loinc_is_told_so() {
    for (system, code, is_one) in [
        (LOINC, "718-7", true),
        (LOINC, "718-8", false),
        (LOINC, "12809", false),
        ("urn:oid:2.16.840.1.113883.6.1", "12809", false),
        (LOINC, "LP29684-5", true),
        (LOINC, "lp29684-6", false),
    ] {
        let Told::Unknown(why) = normalize(&library(), Coded { system, code, display: "" }, &[]) else {
            panic!("{code} is known")
        };
        assert_eq!(!why.contains("check digit"), is_one, "{code}: {why}");
    }
    let Told::Unknown(why) = normalize(&Library::default(), Coded { system: LOINC, code: "718-8", display: "" }, &[])
    else {
        panic!("it is known")
    };
    assert!(why.contains("check digit"), "no release is needed for that: {why}");
}

fn text() -> impl Strategy<Value = String> {
    let known = [
        "1-8",
        "3-4",
        "4-2",
        "J218",
        "NA",
        "two",
        "101",
        "0002-1433-80",
        "1234567890",
        "Alpha",
        "Twin",
        " 1-8",
        "É",
        "",
    ];
    prop_oneof![4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => ".{0,12}"]
}

/// A map of a laboratory's codes as two organizations may write it.
fn map(number: usize, rows: &[(&str, &str, &str)]) -> Value {
    let elements: Vec<Value> = rows
        .iter()
        .map(|(from, to, nearness)| json!({ "code": from, "target": [{ "code": to, "equivalence": nearness }] }))
        .collect();
    json!({ "resourceType": "ConceptMap", "url": format!("urn:map:{number}"), "group": [
        { "source": "urn:lab", "target": LOINC, "element": elements }] })
}

type Rows = Vec<(&'static str, &'static str, &'static str)>;

fn rows() -> impl Strategy<Value = Rows> {
    let row = (
        prop::sample::select(vec!["NA", "two", "x"]),
        prop::sample::select(vec!["1-8", "2-6", "3-4", "9-1", "77-7"]),
        prop::sample::select(vec!["equal", "equivalent", "wider", "narrower", "disjoint"]),
    );
    prop::collection::vec(row, 0..4)
}

proptest! {
    /// What is told does not hang on the order in which releases and maps were brought.
    #[test]
    fn the_order_of_releases_and_maps_is_nothing(
        order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle(),
        maps in prop::collection::vec(rows(), 4),
        system in prop::sample::select(vec![LOINC, RXNORM, "urn:lab"]),
        code in prop::sample::select(vec!["1-8", "3-4", "4-2", "NA", "two", "x", "5-9"]),
        display in text(),
    ) {
        let brought = |order: &[usize]| {
            let mut library = Library::default();
            for which in order {
                match which {
                    0 => release(&mut library, LOINC, "2.80", &[("1-8", "Alpha", &[]), ("3-4", "Gamma", &[]), ("5-9", "Epsilon", &[OLD, ("MAP_TO", "1-8")])]),
                    1 => release(&mut library, LOINC, "2.81", &[("1-8", "Alpha", &[]), ("3-4", "Gamma", &[OLD, ("MAP_TO", "1-8")]), ("2-6", "Twin", &[]), ("9-1", "twin", &[])]),
                    // The same version, written otherwise.
                    2 => release(&mut library, LOINC, "2.81.0", &[("1-8", "Alpha", &[OLD]), ("4-2", "Delta", &[])]),
                    which => library.add(&map(*which, &maps[*which - 3])),
                }
            }
            library
        };
        let coded = Coded { system, code, display: &display };
        let (straight, shuffled) = (brought(&[0, 1, 2, 3, 4, 5, 6]), brought(&order));
        let told = normalize(&straight, coded, &[LOINC]);
        prop_assert_eq!(&told, &normalize(&straight, coded, &[LOINC]), "twice");
        prop_assert_eq!(told, normalize(&shuffled, coded, &[LOINC]));
    }

    /// Whatever it is asked, what it calls a standard code is one that is in use.
    #[test]
    fn what_is_told_is_in_use(system in prop::sample::select(vec![LOINC, SNOMED, RXNORM, ICD, NDC, "urn:lab", "", "2.16.840.1.113883.6.1"]), code in text(), display in text(),
        maps in prop::collection::vec((text(), text()), 0..4)) {
        let mut library = library();
        let elements: Vec<Value> = maps.iter().map(|(from, to)| json!({ "code": from, "target": [{ "code": to, "equivalence": "equivalent" }] })).collect();
        library.add(&json!({ "resourceType": "ConceptMap", "url": "urn:more", "group": [{ "source": system, "target": LOINC, "element": elements }] }));
        let told = normalize(&library, Coded { system, code: &code, display: &display }, &[LOINC, RXNORM]);
        let is_in_use = |url: &str, code: &str| library.systems(url).iter().any(|known| known.find(code).is_some_and(|at| !known.is_inactive(at)));
        match told {
            Told::Kept(coding) => {
                prop_assert!(is_in_use(&coding.system, &coding.code));
                prop_assert_eq!((coding.system.as_str(), coding.code.as_str()), (system, code.as_str()));
            }
            // A map may name what no release has; it never names what one says is out of use.
            Told::Standard { coding, method: Method::Mapped, .. } => {
                let known = library.systems(&coding.system).iter().find_map(|known| Some(known.is_inactive(known.find(&coding.code)?)));
                prop_assert_ne!(known, Some(true));
            }
            Told::Standard { coding, .. } => prop_assert!(is_in_use(&coding.system, &coding.code)),
            Told::Review { candidates, .. } => prop_assert!(!candidates.is_empty() && candidates.len() <= 20),
            Told::Unknown(why) => prop_assert!(!why.is_empty()),
        }
    }
}
