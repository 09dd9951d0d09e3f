//! Releases of `RxNorm`, small and made up, as they are read; and a real part of one.

use std::path::{Path, PathBuf};

use crate::support::{Release, with};
use releases::{Fault, Loaded, Source, rxnorm};
use terminology::index::Kind;

/// A row with fields at these places; the last field ends with a pipe, as each does.
fn row(width: usize, fields: &[(usize, &str)]) -> String {
    let mut all = vec![""; width];
    fields.iter().for_each(|&(place, text)| all[place] = text);
    format!("{}|\n", all.join("|"))
}

fn name(code: &str, source: &str, kind: &str, text: &str, suppress: &str) -> String {
    row(18, &[(0, code), (1, "ENG"), (11, source), (12, kind), (14, text), (16, suppress)])
}

fn relation(target: &str, relation: &str, source: &str, whose: &str) -> String {
    row(16, &[(0, target), (2, "CUI"), (4, source), (6, "CUI"), (7, relation), (10, whose)])
}

fn attribute(code: &str, key: &str, value: &str, whose: &str) -> String {
    row(13, &[(0, code), (8, key), (9, whose), (10, value), (11, "N")])
}

fn retired(code: &str, whose: &str, text: &str, into: &str) -> String {
    row(16, &[(2, text), (8, "ENG"), (12, code), (13, whose), (14, "SCD"), (15, into)])
}

/// A full release of a few drugs that there are not.
fn made() -> Release {
    let made = Release::named("RxNorm_full_01022030");
    let names = [
        name("11", "RXNORM", "TMSY", "ALPHAmol", "N"),
        name("11", "RXNORM", "IN", "alphamol", "N"),
        name("11", "MTHSPL", "SU", "ALPHAMOL OF ANOTHER", "N"),
        name("12", "RXNORM", "SCD", "alphamol 5 MG Oral Wafer", "N"),
        name("12", "RXNORM", "SY", "alphamol wafer", "N"),
        name("13", "RXNORM", "SCDF", "alphamol Oral Wafer", "N"),
        name("14", "RXNORM", "SCD", "alphamol 7 MG Oral Wafer", "O"),
        name("15", "RXNORM", "SCD", "alphamol 9 MG Oral Wafer", "E"),
        name("16", "MMSL", "BN", "Of another", "N"),
    ];
    made.file("rrf/RXNCONSO.RRF", names.concat());
    let relations = [
        relation("11", "has_ingredient", "13", "RXNORM"),
        relation("13", "isa", "12", "RXNORM"),
        relation("12", "inverse_isa", "13", "RXNORM"),
        relation("11", "has_else", "12", "MMSL"),
        relation("", "has_form", "", "RXNORM"),
    ];
    made.file("rrf/RXNREL.RRF", relations.concat());
    let attributes = [
        attribute("12", "NDC", "00000000001", "RXNORM"),
        attribute("12", "NDC", "00000000001", "RXNORM"),
        attribute("12", "NDC", "00000000002", "RXNORM"),
        attribute("12", "NDC", "0000-0001", "MTHSPL"),
        attribute("12", "RXN_AVAILABLE_STRENGTH", "5 MG", "RXNORM"),
    ];
    made.file("rrf/RXNSAT.RRF", attributes.concat());
    let archive = [
        retired("21", "RXNORM", "alphamol 5 MG Wafer", "12"),
        retired("21", "RXNORM", "alphamol 5 MG Wafer", "12"),
        retired("22", "RXNORM", "alphamol 4 MG Wafer", "21"),
        retired("12", "RXNORM", "still there", "11"),
        retired("23", "RXNORM", "only itself", "23"),
        retired("24", "MMSL", "of another", "12"),
        retired("25", "RXNORM", "into nothing", "99"),
    ];
    made.file("rrf/RXNATOMARCHIVE.RRF", archive.concat());
    made.file("rrf/RXNSTY.RRF", row(6, &[(0, "11"), (1, "T000")]));
    made.file("prescribe/rrf/RXNCONSO.RRF", &names[1]);
    made
}

fn load(path: &Path, version: Option<&str>) -> Result<Loaded, Fault> {
    rxnorm::load(&Source::open(path)?, version, &mut |_, _| ())
}

fn at(loaded: &Loaded, code: &str) -> u32 {
    loaded.draft.find(code).unwrap_or_else(|| panic!("{code} is not there"))
}

#[test]
fn concepts_are_those_of_rxnorm_itself_by_their_normal_names() {
    let loaded = load(made().path(), None).unwrap();
    let (draft, one) = (&loaded.draft, at(&loaded, "11"));
    assert_eq!(draft.display_of(one), "alphamol");
    let said: Vec<_> = draft.designations_of(one).collect();
    let used_for = r#"{"code":"TMSY","system":"http://www.nlm.nih.gov/research/umls/rxnorm"}"#;
    assert_eq!(said.len(), 1);
    assert_eq!((said[0].0, said[0].2), ("en", "ALPHAmol"));
    let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(same(said[0].1), same(used_for));
    assert_eq!(with(draft, one, "TTY"), [(Kind::String, "IN")]);
    assert_eq!(with(draft, one, "STY"), [(Kind::String, "T000")]);
    assert_eq!(draft.find("16"), None);
}

#[test]
fn what_is_suppressed_is_inactive_and_says_why() {
    let loaded = load(made().path(), None).unwrap();
    for (code, why) in [("12", None), ("14", Some("O")), ("15", Some("E"))] {
        let place = at(&loaded, code);
        assert_eq!(with(&loaded.draft, place, "inactive").is_empty(), why.is_none());
        assert_eq!(with(&loaded.draft, place, "SUPPRESS").first().map(|(_, text)| *text), why);
    }
}

#[test]
fn relations_are_read_from_right_to_left() {
    let loaded = load(made().path(), None).unwrap();
    let of = |code: &str, relation: &str| with(&loaded.draft, at(&loaded, code), relation);
    assert_eq!(of("13", "has_ingredient"), [(Kind::Code, "11")]);
    assert!(of("11", "has_ingredient").is_empty());
    assert_eq!(of("12", "isa"), [(Kind::Code, "13")]);
    assert_eq!(of("13", "inverse_isa"), [(Kind::Code, "12")]);
    assert!(of("12", "has_else").is_empty());
    assert_eq!(loaded.draft.parents_of(at(&loaded, "12")).collect::<Vec<_>>(), [at(&loaded, "13")]);
}

#[test]
fn ndcs_are_keys_and_only_those_of_rxnorm() {
    let loaded = load(made().path(), None).unwrap();
    let twelve = at(&loaded, "12");
    let expected = [(Kind::String, "00000000001"), (Kind::String, "00000000002")];
    assert_eq!(with(&loaded.draft, twelve, "NDC"), expected);
    assert_eq!(with(&loaded.draft, twelve, "RXN_AVAILABLE_STRENGTH"), [(Kind::String, "5 MG")]);
    assert_eq!(loaded.draft.keys(), ["NDC"]);
}

#[test]
fn what_was_merged_away_is_inactive_and_names_its_successor() {
    let loaded = load(made().path(), None).unwrap();
    let merged = |code: &str| with(&loaded.draft, at(&loaded, code), "merged_to");
    assert_eq!(merged("21"), [(Kind::Code, "12")]);
    assert_eq!(merged("22"), [(Kind::Code, "21")]);
    assert!(merged("12").is_empty() && merged("25").is_empty());
    assert_eq!(with(&loaded.draft, at(&loaded, "21"), "inactive"), [(Kind::Boolean, "true")]);
    assert_eq!(loaded.draft.display_of(at(&loaded, "22")), "alphamol 4 MG Wafer");
    // Merged into itself: it is only not there any more. Another source's is none.
    assert!(merged("23").is_empty());
    assert_eq!(with(&loaded.draft, at(&loaded, "23"), "inactive"), [(Kind::Boolean, "true")]);
    assert_eq!(loaded.draft.find("24"), None);
    assert_eq!(loaded.report.odd_rows, 1, "{:?}", loaded.report.odd);
    assert!(loaded.report.odd[0].what.contains("99"));
}

#[test]
fn the_version_is_the_day_in_a_name_or_what_is_said() {
    let made = made();
    let loaded = load(made.path(), None).unwrap();
    assert_eq!(loaded.draft.header()["version"], "01022030");
    assert_eq!(loaded.draft.header()["content"], "complete");
    assert_eq!(load(made.path(), Some("mine")).unwrap().draft.header()["version"], "mine");
    let other = Release::empty();
    other.file("RXNCONSO.RRF", name("11", "RXNORM", "IN", "alphamol", "N"));
    assert!(matches!(load(other.path(), None), Err(Fault::Version("RxNorm"))));
    other.file("RXNSAB.RRF", row(25, &[(2, "RXNORM_2030AA_300102F"), (3, "RXNORM")]));
    let loaded = load(other.path(), None).unwrap();
    assert_eq!(loaded.draft.header()["version"], "01022030", "as FHIR has it");
    assert_eq!(loaded.draft.header()["content"], "fragment");
    other.file("Readme_Full_Prescribe_02032030.txt", "");
    assert_eq!(load(other.path(), None).unwrap().draft.header()["version"], "02032030");
}

#[test]
fn a_circle_a_short_row_and_what_is_not_there_are_told() {
    let made = made();
    let circle = [relation("13", "isa", "12", "RXNORM"), relation("12", "isa", "13", "RXNORM")];
    made.file("rrf/RXNREL.RRF", circle.concat());
    assert!(matches!(load(made.path(), None), Err(Fault::Circle { .. })));
    made.file("rrf/RXNREL.RRF", [relation("99", "isa", "12", "RXNORM"), "13|||\n".to_owned()].concat());
    assert!(matches!(load(made.path(), None), Err(Fault::Row { line: 2, .. })));
    made.file("rrf/RXNREL.RRF", relation("99", "isa", "12", "RXNORM"));
    assert!(load(made.path(), None).unwrap().report.odd.iter().any(|odd| odd.what.contains("99")));
    made.file("rrf/RXNCONSO.RRF", name("x1", "RXNORM", "IN", "alphamol", "N"));
    std::fs::remove_file(made.path().join("prescribe/rrf/RXNCONSO.RRF")).unwrap();
    assert!(matches!(load(made.path(), None), Err(Fault::Row { line: 1, .. })));
    let empty = Release::empty();
    assert!(!rxnorm::is_there(&Source::open(empty.path()).unwrap()));
    assert!(matches!(load(empty.path(), None), Err(Fault::Missing { .. })));
}

/// Where real files lie that are not of the repository.
fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let near = folder.ancestors().map(|above| above.join("shared"));
    near.map(|shared| shared.join("data/07-terminology/rxnorm-subset")).find(|path| path.exists())
}

#[test]
fn a_part_of_a_real_release_is_read() {
    let Some(folder) = shared() else {
        println!("SKIPPED: ../shared is absent");
        return;
    };
    let loaded = load(&folder, Some("subset")).unwrap();
    let text = std::fs::read_to_string(folder.join("RXNCONSO.RRF")).unwrap();
    let own = text.lines().map(|line| line.split('|').collect::<Vec<_>>()).filter(|fields| fields[11] == "RXNORM");
    let own: Vec<_> = own.collect();
    let codes: std::collections::BTreeSet<&str> = own.iter().map(|fields| fields[0]).collect();
    assert_eq!(loaded.draft.len(), codes.len());
    assert_eq!(loaded.report.odd_rows, 0);
    assert_eq!(loaded.report.missing.len(), 5);
    for fields in own.iter().filter(|fields| fields[12] == "IN" || fields[12] == "SCD") {
        let place = at(&loaded, fields[0]);
        assert_eq!(loaded.draft.display_of(place), fields[14]);
        assert_eq!(with(&loaded.draft, place, "inactive").is_empty(), fields[16] == "N");
    }
}
