//! Snapshots of SNOMED CT, small and made up, as they are read.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{Release, with};
use releases::synthetic::snomed::{Release as MadeUp, concept, write};
use releases::{Fault, Loaded, Source, snomed};
use terminology::index::Kind;

const CORE: u64 = 900_000_000_000_207_008;
const IS_A: u64 = 116_680_003;
const FULL: u64 = 900_000_000_000_003_001;
const SYNONYM: u64 = 900_000_000_000_013_009;
const DEFINITION: u64 = 900_000_000_000_550_004;
const INFERRED: u64 = 900_000_000_000_011_006;
const PRIMITIVE: u64 = 900_000_000_000_074_008;
const PREFERRED: u64 = 900_000_000_000_548_007;
const US: u64 = 900_000_000_000_509_007;
const GB: u64 = 900_000_000_000_508_004;
const SAME_AS: u64 = 900_000_000_000_527_005;

const CONCEPT: &str = "id effectiveTime active moduleId definitionStatusId";
const DESCRIPTION: &str = "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId";
const RELATIONSHIP: &str =
    "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId";
const VALUE: &str =
    "id effectiveTime active moduleId sourceId value relationshipGroup typeId characteristicTypeId modifierId";
const MEMBER: &str = "id effectiveTime active moduleId refsetId referencedComponentId";

/// A number of a description or a relationship; only those of concepts are proven.
fn other(nth: u64) -> u64 {
    (nth + 1) * 1000 * 1_000_000 + 110
}

struct Made(Release);

impl Made {
    fn rows(&self, name: &str, header: &str, rows: &[String]) {
        let header = header.replace(' ', "\t");
        let text = std::iter::once(header.as_str()).chain(rows.iter().map(String::as_str)).collect::<Vec<_>>();
        self.0.file(&format!("Snapshot/{name}_INT_20300101.txt"), format!("{}\r\n", text.join("\r\n")));
    }

    /// Concepts 1 to 4 in a row below each other, and 5, which is inactive.
    fn new() -> Self {
        let made = Self(Release::empty());
        made.concepts(&[(1, 1), (2, 1), (3, 1), (4, 1), (5, 0)]);
        made.descriptions(&[(1, 1, FULL, "Alpha (thing)"), (2, 1, SYNONYM, "Alpha")]);
        made.relationships(&[(2, 1, IS_A), (3, 2, IS_A), (4, 3, IS_A)]);
        made
    }

    fn concepts(&self, all: &[(u64, u8)]) {
        let row = |&(nth, active): &(u64, u8)| format!("{}\t20200101\t{active}\t{CORE}\t{PRIMITIVE}", concept(nth));
        self.rows("sct2_Concept_Snapshot", CONCEPT, &all.iter().map(row).collect::<Vec<_>>());
    }

    fn descriptions(&self, all: &[(u64, u64, u64, &str)]) {
        let row = |&(nth, of, kind, term): &(u64, u64, u64, &str)| {
            format!("{}\t20200101\t1\t{CORE}\t{}\ten\t{kind}\t{term}\t{CORE}", other(nth), concept(of))
        };
        self.rows("sct2_Description_Snapshot-en", DESCRIPTION, &all.iter().map(row).collect::<Vec<_>>());
    }

    fn relationships(&self, all: &[(u64, u64, u64)]) {
        let row = |(nth, &(from, to, kind)): (u64, &(u64, u64, u64))| {
            let (id, from, to) = (other(nth), concept(from), concept(to));
            format!("{id}\t20200101\t1\t{CORE}\t{from}\t{to}\t{nth}\t{kind}\t{INFERRED}\t{CORE}")
        };
        self.rows("sct2_Relationship_Snapshot", RELATIONSHIP, &(0..).zip(all).map(row).collect::<Vec<_>>());
    }

    fn members(&self, name: &str, more: &str, all: &[(u64, u64, String)]) {
        let row = |(refset, of, rest): &(u64, u64, String)| format!("x\t20200101\t1\t{CORE}\t{refset}\t{of}{rest}");
        self.rows(name, &format!("{MEMBER}{more}"), &all.iter().map(row).collect::<Vec<_>>());
    }

    fn load(&self) -> Result<Loaded, Fault> {
        load(self.0.path())
    }
}

fn load(path: &Path) -> Result<Loaded, Fault> {
    snomed::load(&Source::open(path)?, &mut |_, _| ())
}

fn at(loaded: &Loaded, nth: u64) -> u32 {
    loaded.draft.find(&concept(nth).to_string()).unwrap()
}

fn told(loaded: &Loaded) -> Vec<&str> {
    loaded.report.odd.iter().map(|odd| odd.what.as_str()).collect()
}

#[test]
fn the_hierarchy_is_what_the_inferred_active_rows_say() {
    let made = Made::new();
    let loaded = made.load().unwrap();
    assert_eq!(loaded.draft.parents_of(at(&loaded, 3)).collect::<Vec<_>>(), [at(&loaded, 2)]);
    assert_eq!(loaded.draft.parents_of(at(&loaded, 1)).count(), 0);
    assert!(with(&loaded.draft, at(&loaded, 1), "inactive").is_empty());
    assert_eq!(with(&loaded.draft, at(&loaded, 5), "inactive"), [(Kind::Boolean, "true")]);
    let (draft, two) = (&loaded.draft, at(&loaded, 2));
    assert_eq!(with(draft, two, "sufficientlyDefined"), [(Kind::Boolean, "false")]);
    assert_eq!(with(draft, two, "moduleId"), [(Kind::Code, &*CORE.to_string())]);
    assert_eq!(with(draft, two, "effectiveTime"), [(Kind::String, "20200101")]);
    assert_eq!(loaded.draft.header()["version"], format!("http://snomed.info/sct/{CORE}/version/20200101"));
}

#[test]
fn a_circle_is_refused_with_its_codes() {
    let made = Made::new();
    made.relationships(&[(2, 1, IS_A), (3, 2, IS_A), (4, 3, IS_A), (2, 4, IS_A)]);
    let Err(Fault::Circle { codes, file }) = made.load() else { panic!("it was taken") };
    let expected: BTreeSet<String> = (2..=4).map(|nth| concept(nth).to_string()).collect();
    assert_eq!(codes.split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    assert!(file.contains("sct2_Relationship"));
    made.relationships(&[(2, 2, IS_A)]);
    assert!(matches!(made.load(), Err(Fault::Circle { .. })));
}

#[test]
fn rows_that_name_what_is_not_there_are_left_out_and_told() {
    let made = Made::new();
    made.relationships(&[(2, 1, IS_A), (3, 99, IS_A), (99, 1, concept(4)), (4, 5, IS_A)]);
    made.descriptions(&[(1, 99, SYNONYM, "Nobody"), (2, 1, SYNONYM, "Alpha"), (2, 1, SYNONYM, "Alpha again")]);
    let loaded = made.load().unwrap();
    assert_eq!(loaded.draft.len(), 5);
    assert_eq!(loaded.report.odd_rows, 5);
    let gone = format!("concept {} is not there; the row is left out", concept(99));
    assert_eq!(told(&loaded).iter().filter(|what| **what == gone).count(), 2);
    assert!(told(&loaded).iter().any(|what| what.contains("inactive")));
    let odd = loaded.report.odd.iter().find(|odd| odd.what == gone).unwrap();
    assert_eq!(odd.line, 3);
}

#[test]
fn a_name_is_shown_by_the_languages_that_prefer_it() {
    let made = Made::new();
    let all = [
        (1, 1, FULL, "Alpha (thing)"),
        (2, 1, SYNONYM, "Alpha acceptable"),
        (3, 1, SYNONYM, "Alpha British"),
        (4, 1, SYNONYM, "Alpha American"),
        (5, 2, SYNONYM, "Beta acceptable"),
        (6, 2, SYNONYM, "Beta elsewhere"),
        (7, 2, SYNONYM, "Beta British"),
        (8, 3, FULL, "Gamma (thing)"),
        (9, 3, SYNONYM, "Gamma first"),
        (10, 3, SYNONYM, "Gamma second"),
        (11, 4, FULL, "Delta (thing)"),
        (12, 5, SYNONYM, "Epsilon acceptable"),
        (13, 5, SYNONYM, "Epsilon elsewhere"),
    ];
    made.descriptions(&all);
    let prefers = |refset: u64, nth: u64| (refset, other(nth), format!("\t{PREFERRED}"));
    let refset = [
        prefers(GB, 3),
        prefers(US, 4),
        prefers(US, 1),
        prefers(concept(4), 6),
        prefers(GB, 7),
        prefers(concept(4), 13),
    ];
    made.members("der2_cRefset_LanguageSnapshot-en", " acceptabilityId", &refset);
    let loaded = made.load().unwrap();
    let shown: Vec<&str> = (1..=5).map(|nth| loaded.draft.display_of(at(&loaded, nth))).collect();
    assert_eq!(shown, ["Alpha American", "Beta British", "Gamma first", "Delta (thing)", "Epsilon elsewhere"]);
    let said: Vec<_> = loaded.draft.designations_of(at(&loaded, 3)).collect();
    assert_eq!((said[0].0, said[0].2), ("en", "Gamma (thing)"));
    assert!(said[0].1.contains("900000000000003001") && said[1].1.contains("900000000000013009"));
}

#[test]
fn definitions_in_words_are_definitions_and_inactive_names_are_none() {
    let made = Made::new();
    let row = |nth: u64, active: u8, term: &str| {
        format!("{}\t20200101\t{active}\t{CORE}\t{}\ten\t{DEFINITION}\t{term}\t{CORE}", other(nth), concept(1))
    };
    let rows = [row(20, 0, "Not so."), row(21, 1, "What alpha is."), row(22, 1, "Else.")];
    made.rows("sct2_TextDefinition_Snapshot-en", DESCRIPTION, &rows);
    let loaded = made.load().unwrap();
    assert_eq!(loaded.draft.definition_of(at(&loaded, 1)), "What alpha is.");
    let others: Vec<_> =
        loaded.draft.designations_of(at(&loaded, 1)).filter(|(_, used_for, _)| used_for.contains("550004")).collect();
    assert_eq!(others.iter().map(|(language, _, term)| (*language, *term)).collect::<Vec<_>>(), [("en", "Else.")]);
}

#[test]
fn attributes_are_properties_once_however_many_groups_have_them() {
    let made = Made::new();
    made.relationships(&[(3, 2, concept(4)), (3, 2, concept(4)), (3, 1, concept(4))]);
    let value = |nth: u64, kind: u64, value: &str| {
        format!("{}\t20200101\t1\t{CORE}\t{}\t{value}\t1\t{kind}\t{INFERRED}\t{CORE}", other(nth), concept(3))
    };
    let rows =
        [value(1, concept(1), "#5"), value(2, concept(2), "\"a \"quoted\" text\""), value(3, concept(1), "#0.50")];
    made.rows("sct2_RelationshipConcreteValues_Snapshot", VALUE, &rows);
    let loaded = made.load().unwrap();
    let of = |nth: u64| with(&loaded.draft, at(&loaded, 3), &concept(nth).to_string());
    assert_eq!(of(4), [(Kind::Code, &*concept(1).to_string()), (Kind::Code, &*concept(2).to_string())]);
    // A property has one type, for all of its values.
    assert_eq!(of(1), [(Kind::Decimal, "0.50"), (Kind::Decimal, "5")]);
    assert_eq!(of(2), [(Kind::String, "a \"quoted\" text")]);
    let (header, attribute) = (loaded.draft.header(), concept(1).to_string());
    let defined = header["property"].as_array().unwrap().iter().find(|one| one["code"] == attribute.as_str()).unwrap();
    assert_eq!((&defined["type"], &defined["description"]), (&"decimal".into(), &"Alpha".into()));
    made.rows("sct2_RelationshipConcreteValues_Snapshot", VALUE, &[value(1, concept(1), "#5,0")]);
    assert!(matches!(made.load(), Err(Fault::Row { line: 2, .. })));
}

#[test]
fn refsets_are_memberships_replacements_and_maps() {
    let made = Made::new();
    let (one, five) = (concept(1), concept(5));
    made.members(
        "der2_Refset_SimpleSnapshot",
        "",
        &[(concept(4), one, String::new()), (concept(4), other(1), String::new())],
    );
    made.members("der2_cRefset_AssociationSnapshot", " targetComponentId", &[(SAME_AS, five, format!("\t{one}"))]);
    made.members("der2_sRefset_SimpleMapSnapshot", " mapTarget", &[(concept(3), one, "\tSY-1".to_owned())]);
    let columns = " mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId";
    let rest = format!("\t1\t2\tIFA 1 | Alpha |\tALWAYS\tZ00.0\t{CORE}\t447637006");
    made.members("der2_iisssccRefset_ExtendedMapSnapshot", columns, &[(concept(2), one, rest)]);
    let loaded = made.load().unwrap();
    let of = |nth: u64, name: &str| with(&loaded.draft, at(&loaded, nth), name);
    assert_eq!(of(1, "memberOf"), [(Kind::Code, &*concept(4).to_string())]);
    assert_eq!(of(5, &SAME_AS.to_string()), [(Kind::Code, &*one.to_string())]);
    assert_eq!(of(1, &format!("map-{}", concept(3))), [(Kind::String, "SY-1")]);
    assert_eq!(of(1, &format!("map-{}", concept(2))), [(Kind::String, "1|2|IFA 1 | Alpha ||Z00.0|447637006")]);
    assert_eq!(loaded.report.odd_rows, 0, "{:?}", loaded.report.odd);
}

#[test]
fn the_edition_is_the_module_that_no_other_needs_but_maps_are_none() {
    let (made, model, maps) = (Made::new(), 900_000_000_000_012_004_u64, 449_080_006);
    let columns = " sourceEffectiveTime targetEffectiveTime";
    let row = |module: u64, needed: u64, day: u32| format!("x\t{day}\t1\t{module}\t{CORE}\t{needed}\t{day}\t{day}");
    let international = [row(CORE, model, 20_300_101), row(maps, CORE, 20_300_202)];
    made.rows("der2_ssRefset_ModuleDependencySnapshot", &format!("{MEMBER}{columns}"), &international);
    let version = |made: &Made| made.load().unwrap().draft.header()["version"].as_str().unwrap().to_owned();
    assert_eq!(version(&made), format!("http://snomed.info/sct/{CORE}/version/20300101"));
    let own = concept(77);
    let national = [&international[..], &[row(own, CORE, 20_300_303), row(own, model, 20_300_303)]].concat();
    made.rows("der2_ssRefset_ModuleDependencySnapshot", &format!("{MEMBER}{columns}"), &national);
    assert_eq!(version(&made), format!("http://snomed.info/sct/{own}/version/20300303"));
}

#[test]
fn editions_name_their_files_as_they_like_and_only_snapshots_count() {
    let made = Made::new();
    let concepts =
        std::fs::read_to_string(made.0.path().join("Snapshot/sct2_Concept_Snapshot_INT_20300101.txt")).unwrap();
    std::fs::remove_file(made.0.path().join("Snapshot/sct2_Concept_Snapshot_INT_20300101.txt")).unwrap();
    assert!(!snomed::is_there(&Source::open(made.0.path()).unwrap()));
    assert!(matches!(made.load(), Err(Fault::Missing { file: "sct2_Concept_Snapshot", .. })));
    made.0.file("Full/sct2_Concept_Full_INT_20300101.txt", "not looked at");
    made.0.file("Any/Where/xsct2_Concept_UKEDSnapshot_GB_20300101.txt", &concepts);
    assert!(snomed::is_there(&Source::open(made.0.path()).unwrap()));
    assert_eq!(made.load().unwrap().draft.len(), 5);
}

#[test]
fn two_releases_in_one_place_are_not_mixed() {
    let folder = Release::empty();
    folder.file("a/sct2_Concept_Snapshot_INT_20300101.txt", CONCEPT.replace(' ', "\t"));
    folder.file("b/sct2_Concept_Snapshot_INT_20300701.txt", CONCEPT.replace(' ', "\t"));
    let fault = load(folder.path()).err().unwrap();
    assert!(
        matches!(&fault, Fault::Several { one, other } if one.contains("20300101") && other.contains("20300701")),
        "{fault}"
    );
}

#[test]
fn a_row_that_is_no_row_is_refused_with_its_line() {
    let good = format!("{}\t20200101\t1\t{CORE}\t{PRIMITIVE}", concept(1));
    let bad = [
        good.replace("\t1\t", "\tyes\t"),
        good.replace("20200101", "2020-01-01"),
        good.replace(&concept(1).to_string(), "12x"),
        good.replace(&PRIMITIVE.to_string(), &CORE.to_string()),
        good[..30].to_owned(),
    ];
    for row in bad {
        let made = Made::new();
        made.rows("sct2_Concept_Snapshot", CONCEPT, &[good.clone(), row.clone()]);
        let Err(Fault::Row { line, file, .. }) = made.load() else { panic!("{row} was taken") };
        assert_eq!((line, file.contains("sct2_Concept")), (3, true));
    }
}

#[test]
fn a_wrong_check_digit_is_told_and_of_two_rows_the_later_counts() {
    let made = Made::new();
    let row = |id: u64, day: u32, active: u8| format!("{id}\t{day}\t{active}\t{CORE}\t{PRIMITIVE}");
    let rows = [row(concept(1), 20_200_101, 1), row(concept(1), 20_210_101, 0), row(concept(2) ^ 1, 20_200_101, 1)];
    made.rows("sct2_Concept_Snapshot", CONCEPT, &rows);
    let loaded = made.load().unwrap();
    assert_eq!(with(&loaded.draft, at(&loaded, 1), "inactive").len(), 1);
    assert!(told(&loaded).iter().any(|what| what.contains("check digit")));
    assert!(told(&loaded).iter().any(|what| what.contains("twice")));
}

#[test]
fn a_made_up_release_is_the_same_from_a_zip_and_a_folder_and_nothing_in_it_is_odd() {
    let folder = Release::empty();
    let (zip, open) = (folder.path().join("release.zip"), folder.path().join("open"));
    let release = MadeUp { concepts: 2_000, seed: 7 };
    write(&zip, release).unwrap();
    write(&open, release).unwrap();
    let (one, other) = (load(&zip).unwrap(), load(&open).unwrap());
    assert_eq!(one.report, other.report);
    assert_eq!((one.draft.len(), one.report.odd_rows), (3_000, 0), "{:?}", one.report.odd);
    assert!(one.report.missing.is_empty());
    assert_eq!(one.draft.header(), other.draft.header());
    for nth in (0..3_000).step_by(97) {
        let place = at(&one, nth);
        assert!(!one.draft.display_of(place).is_empty());
        assert_eq!(
            one.draft.properties_of(place).collect::<Vec<_>>(),
            other.draft.properties_of(place).collect::<Vec<_>>()
        );
        assert_eq!(one.draft.parents_of(place).count() == 0, nth == 0 || nth >= 2_000);
    }
}

#[test]
fn a_zip_that_is_cut_or_spoilt_is_refused() {
    let folder = Release::empty();
    let whole = folder.path().join("whole.zip");
    write(&whole, MadeUp { concepts: 500, seed: 7 }).unwrap();
    let bytes = std::fs::read(&whole).unwrap();
    let half = folder.path().join("half.zip");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(load(&half), Err(Fault::Read { .. })));
    let mut spoilt = bytes;
    let middle = spoilt.len() / 4;
    spoilt[middle..middle + 64].fill(0x55);
    std::fs::write(&half, &spoilt).unwrap();
    assert!(matches!(load(&half), Err(Fault::Read { .. } | Fault::Row { .. })));
}
