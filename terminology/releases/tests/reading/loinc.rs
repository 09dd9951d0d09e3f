//! LOINC releases: made-up ones, and the real subset where it is there.

use std::collections::HashMap;

use releases::{Fault, Loaded, Source, loinc};

use crate::support::{Release, fault, is_told, row, shared, told};

const HEADER: &str = "\"LOINC_NUM\",\"COMPONENT\",\"PROPERTY\",\"TIME_ASPCT\",\"SYSTEM\",\"CLASS\",\"VersionLastChanged\",\
    \"DefinitionDescription\",\"STATUS\",\"CONSUMER_NAME\",\"CLASSTYPE\",\"SHORTNAME\",\"LONG_COMMON_NAME\"\n";
const ALPHA: &str = "\"12345-5\",\"Alpha\",\"Kind\",\"Pt\",\"Place\",\"FAKE\",\"9.1\",\"Means alpha\",\"ACTIVE\",\"\",\"1\",\"A\",\"Alpha in place\"\n";
const BETA: &str = "\"23456-7\",\"Beta\",\"Kind\",\"Pt\",\"Place\",\"FAKE\",\"9.10\",\"\",\"DEPRECATED\",\"For you\",\"2\",\"\",\"Beta in place\"\n";
const TREE: &str = "\"PATH_TO_ROOT\",\"SEQUENCE\",\"IMMEDIATE_PARENT\",\"CODE\",\"CODE_TEXT\"\n";

fn terms() -> String {
    [HEADER, ALPHA, BETA].concat()
}

fn load(source: &Source) -> Result<Loaded, Fault> {
    loinc::load(source, Some("9.9"), &mut |_, _| {})
}

fn with(more: &[(&str, &str)]) -> Result<Loaded, Fault> {
    let terms = terms();
    let files: Vec<(&str, &str)> =
        [("LoincTable/Loinc.csv", terms.as_str())].into_iter().chain(more.iter().copied()).collect();
    load(&Release::of(&files).source())
}

#[test]
fn a_term_has_its_names_axes_and_columns() {
    let links = "LoincNumber,LongCommonName,PartNumber,PartName,PartCodeSystem,PartTypeName,LinkTypeName,Property\n\
        12345-5,,LP12345-2,Alpha part,http://loinc.org,TIME,Primary,\n\
        12345-5,,LP23456-4,Other,http://loinc.org,SYSTEM,Search,\n";
    let loaded = with(&[("LoincPartLink_Primary.csv", links)]).unwrap();
    let draft = &loaded.draft;
    for line in [
        "display: Alpha in place",
        "definition: Means alpha",
        "property COMPONENT String: Alpha",
        "property TIME_ASPCT Coding: {\"code\":\"LP12345-2\",\"display\":\"Alpha part\",\"system\":\"http://loinc.org\"}",
        "property SYSTEM String: Place",
        "property CLASSTYPE String: 1",
        "property STATUS String: ACTIVE",
        "designation en-US {\"system\":\"http://loinc.org\",\"code\":\"SHORTNAME\"}: A",
    ] {
        assert!(is_told(draft, "12345-5", line), "{line} in {:?}", told(draft, "12345-5"));
    }
    assert!(!is_told(draft, "12345-5", "property inactive Boolean: true"));
    assert!(is_told(draft, "23456-7", "property inactive Boolean: true"));
    assert_eq!(loaded.report.odd_rows, 0, "{:?}", loaded.report.odd);
    assert_eq!(draft.header()["version"], "9.9");
}

#[test]
fn without_the_terms_it_is_no_release() {
    let release = Release::of(&[("MapTo.csv", "LOINC,MAP_TO,COMMENT\n")]);
    assert!(!loinc::is_there(&release.source()).unwrap());
    assert!(matches!(fault(load(&release.source())), Fault::Missing { release: "LOINC", .. }));
}

#[test]
fn what_is_missing_without_optional_files_is_said() {
    let missing = with(&[]).unwrap().report.missing;
    assert!(
        missing.iter().any(|(file, what)| file.ends_with("ComponentHierarchyBySystem.csv") && *what == "the hierarchy")
    );
    assert_eq!(missing.len(), 9);
}

#[test]
fn a_missing_column_is_said_by_its_name() {
    let release = Release::of(&[("Loinc.csv", "LOINC_NUM,COMPONENT,TIME_ASPCT,STATUS\n12345-5,,,ACTIVE\n")]);
    assert_eq!(row(load(&release.source())), (1, "there is no column LONG_COMMON_NAME".to_owned()));
}

#[test]
fn a_row_that_is_cut_off_is_said_with_its_line() {
    for ends in ["\n", "\r\n"] {
        let table = [&terms(), "\"34567-8\",\"Gamma\"\n"].concat().replace('\n', ends);
        let release = Release::of(&[("Loinc.csv", table)]);
        assert_eq!(row(load(&release.source())), (4, "it has 2 fields, and its header 13".to_owned()));
    }
}

#[test]
fn a_file_that_ends_inside_quotes_is_refused() {
    let mut table = terms();
    table.truncate(table.len() - 2);
    let release = Release::of(&[("Loinc.csv", table)]);
    assert_eq!(row(load(&release.source())), (3, "the file ends inside quotes".to_owned()));
}

#[test]
fn a_line_may_end_inside_quotes() {
    let table = terms().replace("Means alpha", "Means\r\n\"\"alpha\"\", truly");
    let release = Release::of(&[("Loinc.csv", [&table, "x\n"].concat())]);
    assert_eq!(row(load(&release.source())).0, 5);
    let release = Release::of(&[("Loinc.csv", table)]);
    let loaded = load(&release.source()).unwrap();
    assert!(is_told(&loaded.draft, "12345-5", "definition: Means\r\n\"alpha\", truly"));
}

#[test]
fn another_encoding_is_refused_with_its_line() {
    let table: Vec<u8> = terms().replace("Beta in", "Bêta in").chars().map(|letter| letter as u8).collect();
    let release = Release::of(&[("Loinc.csv", table)]);
    assert_eq!(row(load(&release.source())), (3, "it is not UTF-8".to_owned()));
}

#[test]
fn a_byte_order_mark_and_the_case_of_columns_do_not_matter() {
    let table = format!("\u{feff}{}", terms().replace("LOINC_NUM", "Loinc_Num"));
    let release = Release::of(&[("deep/er/Loinc.csv", table)]);
    assert!(loinc::is_there(&release.source()).unwrap());
    assert_eq!(load(&release.source()).unwrap().draft.len(), 2);
}

#[test]
fn a_quote_that_is_never_closed_costs_no_more_than_a_row() {
    let table = format!("{}\"45678-9\",\"{}", terms(), "x".repeat(3 << 20));
    let release = Release::of(&[("Loinc.csv", table)]);
    let (line, what) = row(load(&release.source()));
    assert!(line == 4 && what.starts_with("it is longer than"), "{line}: {what}");
}

#[test]
fn a_zip_is_read_and_a_spoilt_one_is_refused() {
    let files = [("Loinc_9.4/LoincTable/Loinc.csv", terms())];
    let release = Release::zipped("anything.zip", &files, |_| {});
    let source = Source::open(&release.path().join("anything.zip")).unwrap();
    let loaded = loinc::load(&source, None, &mut |_, _| {}).unwrap();
    assert_eq!((loaded.draft.len(), &loaded.draft.header()["version"]), (2, &"9.4".into()));
    let release = Release::zipped("Loinc_9.4.zip", &files, |bytes| bytes[120] ^= 0x55);
    let source = Source::open(&release.path().join("Loinc_9.4.zip")).unwrap();
    assert!(load(&source).is_err());
}

#[test]
fn the_version_may_come_from_the_terms_which_is_odd() {
    let release = Release::of(&[("Loinc.csv", terms())]);
    let loaded = loinc::load(&release.source(), None, &mut |_, _| {}).unwrap();
    assert_eq!(loaded.draft.header()["version"], "9.10");
    assert_eq!(loaded.report.odd_rows, 1);
}

#[test]
fn a_wrong_check_digit_and_a_code_that_comes_twice_are_odd() {
    let table = [terms(), ALPHA.replace("Alpha in", "Again in"), ALPHA.replace("12345-5", "12345-6")].concat();
    let loaded = load(&Release::of(&[("Loinc.csv", table)]).source()).unwrap();
    assert_eq!((loaded.draft.len(), loaded.report.odd_rows), (3, 2));
    assert!(is_told(&loaded.draft, "12345-5", "display: Alpha in place"));
}

#[test]
fn all_that_replaces_a_term_is_kept() {
    let map = "LOINC,MAP_TO,COMMENT\n23456-7,12345-5,Mind this\n23456-7,23456-7,\n99999-9,12345-5,\n";
    let loaded = with(&[("MapTo.csv", map)]).unwrap();
    assert!(is_told(&loaded.draft, "23456-7", "property MAP_TO Code: 12345-5"));
    assert!(is_told(&loaded.draft, "23456-7", "property MAP_TO Code: 23456-7"));
    assert!(is_told(&loaded.draft, "23456-7", "property MAP_TO_COMMENT String: Mind this"));
    assert_eq!(loaded.report.odd_rows, 1);
}

#[test]
fn parts_and_nodes_are_concepts_in_a_hierarchy() {
    let parts = "PartNumber,PartTypeName,PartName,PartDisplayName,Status\nLP12345-2,CLASS,Name,Shown,ACTIVE\nLP23456-4,CLASS,Name,,DEPRECATED\n";
    let tree =
        [TREE, "a.b,1,LP34567-5,12345-5,x\n,1,,LP12345-2,x\nx,1,LP12345-2,LP34567-5,Node\nx,1,LP77777-7,LP23456-4,x\n"]
            .concat();
    let loaded = with(&[("Part.csv", parts), ("MultiAxialHierarchy.csv", &tree)]).unwrap();
    let draft = &loaded.draft;
    assert_eq!(draft.len(), 5);
    assert!(is_told(draft, "LP12345-2", "display: Shown") && is_told(draft, "LP23456-4", "display: Name"));
    assert!(is_told(draft, "LP23456-4", "property inactive Boolean: true"));
    assert!(is_told(draft, "LP34567-5", "display: Node") && is_told(draft, "LP34567-5", "parent: LP12345-2"));
    assert!(is_told(draft, "12345-5", "parent: LP34567-5"));
    assert!(loaded.report.odd.iter().any(|odd| odd.line == 5 && odd.what.starts_with("LP77777-7 is not there")));
}

#[test]
fn a_circle_is_refused_with_its_codes() {
    let tree = [TREE, ",1,23456-7,12345-5,x\n,1,12345-5,23456-7,x\n"].concat();
    let Fault::Circle { codes, .. } = fault(with(&[("Tree.csv", &tree)])) else { panic!("another fault") };
    assert!(codes.contains("12345-5") && codes.contains("23456-7"));
}

#[test]
fn answers_are_in_lists_and_lists_answer_terms() {
    let lists = "AnswerListId,AnswerListName,AnswerStringId,DisplayText\nLL12345-6,Few,LA12345-7,One\nLL12345-6,Few,LA23456-9,Two\nLL23456-8,Of others,,\n";
    let links = "LoincNumber,LongCommonName,AnswerListId,AnswerListName,AnswerListLinkType,ApplicableContext\n12345-5,,LL12345-6,,EXAMPLE,\n";
    let draft = with(&[("AnswerList.csv", lists), ("LoincAnswerListLink.csv", links)]).unwrap().draft;
    assert_eq!(draft.len(), 6);
    assert!(is_told(&draft, "LA23456-9", "property answer-list Code: LL12345-6"));
    assert!(is_told(&draft, "12345-5", "property AnswerList Code: LL12345-6"));
    assert!(is_told(&draft, "LL12345-6", "property answers-for Code: 12345-5"));
}

#[test]
fn names_for_patients_and_in_other_languages_are_designations() {
    let consumer = "LoincNumber,ConsumerName\n12345-5,Yours\n23456-7,For you\n23456-7,And so\n";
    let variant =
        "LOINC_NUM,COMPONENT,LONG_COMMON_NAME,LinguisticVariantDisplayName\n12345-5,x,Alpha am Ort,\n99999-9,x,x,\n";
    let files = [
        ("ConsumerName.csv", consumer),
        ("deDE15LinguisticVariant.csv", variant),
        ("x15LinguisticVariant.csv", variant),
    ];
    let loaded = with(&files).unwrap();
    let used = |code: &str| format!("{{\"system\":\"http://loinc.org\",\"code\":\"{code}\"}}");
    assert!(is_told(
        &loaded.draft,
        "12345-5",
        &format!("designation de-DE {}: Alpha am Ort", used("LONG_COMMON_NAME"))
    ));
    assert!(is_told(&loaded.draft, "12345-5", &format!("designation en-US {}: Yours", used("CONSUMER_NAME"))));
    assert_eq!(told(&loaded.draft, "23456-7").iter().filter(|line| line.contains("CONSUMER_NAME")).count(), 2);
    assert_eq!(loaded.report.odd_rows, 2);
}

#[test]
fn parts_say_what_they_are_elsewhere() {
    let parts = "PartNumber,PartTypeName,PartName,PartDisplayName,Status\nLP12345-2,CLASS,Name,Shown,ACTIVE\n";
    let mapped =
        "PartNumber,ExtCodeId,ExtCodeDisplayName,ExtCodeSystem,Equivalence\nLP12345-2,x1,,http://example.org/x,Wider\n";
    let draft = with(&[("Part.csv", parts), ("PartRelatedCodeMapping.csv", mapped)]).unwrap().draft;
    let line = "property maps-to-wider Coding: {\"code\":\"x1\",\"system\":\"http://example.org/x\"}";
    assert!(is_told(&draft, "LP12345-2", line));
}

#[test]
fn it_is_told_how_far_a_file_has_been_read() {
    let rows: String = (0..25_000).map(|nth| ALPHA.replace("12345-5", &format!("{nth}-0"))).collect();
    let release = Release::of(&[("Loinc.csv", [HEADER, &rows].concat())]);
    let mut heard = Vec::new();
    let loaded =
        loinc::load(&release.source(), Some("1.0"), &mut |file, rows| heard.push((file.to_owned(), rows))).unwrap();
    assert_eq!(heard, [("Loinc.csv".to_owned(), 10_000), ("Loinc.csv".to_owned(), 20_000)]);
    assert_eq!(loaded.report.odd.len(), 100);
    assert!(loaded.report.odd_rows > 20_000);
}

#[test]
fn the_real_subset_is_read_whole() {
    let Some(path) = shared("data/07-terminology/loinc-subset") else { return };
    let loaded = loinc::load(&Source::open(&path).unwrap(), None, &mut |_, _| {}).unwrap();
    let rows = |file: &str| loaded.report.files.iter().find(|(name, _)| name.ends_with(file)).map(|(_, rows)| *rows);
    assert_eq!(rows("LoincTable/Loinc.csv"), Some(169));
    assert_eq!(rows("PartFile/Part.csv"), Some(147));
    let draft = &loaded.draft;
    // All check digits are right; only the version is taken from the terms.
    assert_eq!(loaded.report.odd_rows, 1, "{:?}", loaded.report.odd);
    // What is expected is read from the files: none of LOINC is written here.
    let rows = |file: &str| -> Vec<HashMap<String, String>> {
        csv::Reader::from_path(path.join(file)).unwrap().deserialize().map(Result::unwrap).collect()
    };
    for term in rows("LoincTable/Loinc.csv") {
        let is_told = |line: &str| is_told(draft, &term["LOINC_NUM"], line);
        assert!(is_told(&format!("display: {}", term["LONG_COMMON_NAME"])));
        assert!(is_told(&format!("property CLASSTYPE String: {}", term["CLASSTYPE"])));
        let unit = &term["EXAMPLE_UCUM_UNITS"];
        assert!(unit.is_empty() || is_told(&format!("property EXAMPLE_UCUM_UNITS String: {unit}")));
    }
    let links = rows("AccessoryFiles/PartFile/LoincPartLink_Primary.csv");
    for link in links.iter().filter(|link| link["LinkTypeName"] == "Primary" && link["PartTypeName"] == "COMPONENT") {
        let Some(at) = draft.find(&link["LoincNumber"]) else { continue };
        let coded = draft.told(at).into_iter().find(|line| line.starts_with("property COMPONENT Coding"));
        assert!(coded.unwrap().contains(&link["PartNumber"]));
    }
    for node in rows("AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv") {
        let parent = &node["IMMEDIATE_PARENT"];
        assert!(parent.is_empty() || is_told(draft, &node["CODE"], &format!("parent: {parent}")));
    }
    let german = |at: u32| draft.told(at).iter().any(|line| line.starts_with("designation de-DE"));
    assert_eq!((0..169).filter(|&at| german(at)).count(), 52);
}

/// Beside another release it would else be passed over, and the other one be imported as if that were all.
#[test]
fn a_file_that_cannot_be_read_is_not_passed_over() {
    let other = "00001 A00     0 Short                                                        Long\n";
    let files = [("Loinc.csv", terms()), ("icd10cm-order-2030.txt", other.to_owned())];
    let zipped = |spoil: fn(&mut Vec<u8>)| Release::zipped("both.zip", &files, spoil);
    let load = |release: &Release| releases::load(&release.path().join("both.zip"), Some("1"), &mut |_, _| {});
    assert_eq!(load(&zipped(|_| {})).unwrap().len(), 2);
    // The first byte behind the name: no block of a zip begins so.
    let spoilt = load(&zipped(|bytes| bytes[30 + "Loinc.csv".len()] = 0xff));
    assert!(matches!(fault(spoilt), Fault::Read { file, .. } if file == "Loinc.csv"));
}
