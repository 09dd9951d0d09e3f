//! The General Equivalence Mappings, made up.

use releases::Fault;
use releases::gems::{self, Way};
use serde_json::Value;

use crate::support::{Release, fault, row};

const NINE: &str = "E9999 X99XXXA 10000\r\n9990  Q990    00000\r\n9991  NoDx    11000\r\n9992  Q991    10111\r\n9992  Q992    10112\r\nV999  Q993    10000\r\n";
const TEN: &str = "Q990    9990  00000\n";

fn both() -> Release {
    Release::of(&[("a/2018_I10gem.txt", TEN), ("a/2018_I9gem.txt", NINE), ("gem_i9pcs.txt", "0001 6A750Z7 10000\n")])
}

fn load(release: &Release, way: Way) -> Result<Value, Fault> {
    gems::load(&release.source(), way, &mut |_, _| {})
}

fn of<'m>(map: &'m Value, code: &str) -> &'m Value {
    let elements = map["group"][0]["element"].as_array().unwrap();
    &elements.iter().find(|element| element["code"] == code).unwrap()["target"]
}

#[test]
fn flags_become_equivalences_and_codes_have_dots() {
    let map = load(&both(), Way::To10).unwrap();
    assert_eq!(map["group"][0]["source"], "http://hl7.org/fhir/sid/icd-9-cm");
    assert_eq!(map["group"][0]["target"], "http://hl7.org/fhir/sid/icd-10-cm");
    assert_eq!(of(&map, "999.0"), &serde_json::json!([{ "code": "Q99.0", "equivalence": "equivalent" }]));
    assert_eq!(of(&map, "E999.9")[0]["code"], "X99.XXXA");
    assert_eq!(of(&map, "E999.9")[0]["equivalence"], "inexact");
    assert_eq!(of(&map, "V99.9")[0]["code"], "Q99.3");
}

#[test]
fn what_has_no_code_is_unmatched_without_one() {
    let map = load(&both(), Way::To10).unwrap();
    assert_eq!(of(&map, "999.1")[0]["equivalence"], "unmatched");
    assert!(of(&map, "999.1")[0].get("code").is_none());
}

#[test]
fn codes_that_count_together_say_so_and_are_never_the_same() {
    let map = load(&both(), Way::To10).unwrap();
    let targets = of(&map, "999.2").as_array().unwrap();
    assert_eq!(targets.len(), 2);
    assert!(targets.iter().all(|target| target["equivalence"] == "inexact"));
    assert!(targets[1]["comment"].as_str().unwrap().contains("scenario 1"));
}

#[test]
fn what_is_inexact_is_commented_as_fhir_demands() {
    let map = load(&both(), Way::To10).unwrap();
    let elements = map["group"][0]["element"].as_array().unwrap();
    let mut targets = elements.iter().flat_map(|element| element["target"].as_array().unwrap());
    assert!(targets.all(|target| target["equivalence"] != "inexact" || target["comment"].is_string()));
}

#[test]
fn the_other_way_is_told_by_the_codes() {
    let map = load(&both(), Way::To9).unwrap();
    assert_eq!(of(&map, "Q99.0")[0]["code"], "999.0");
    let release = Release::of(&[("one.txt", TEN)]);
    assert!(gems::is_there(&release.source(), Way::To9) && !gems::is_there(&release.source(), Way::To10));
    assert!(matches!(fault(load(&release, Way::To10)), Fault::Missing { .. }));
}

#[test]
fn a_line_that_is_cut_off_is_said_with_its_number() {
    for cut in
        ["9993", "9993 Q994", "9993 Q994 1000", "9993 Q994 20000", "9993 Q994 10000 more", "é é 00000", "é 1 11000"]
    {
        let release = Release::of(&[("2018_I9gem.txt", format!("9990 Q990 00000\n{cut}\n"))]);
        assert_eq!(row(load(&release, Way::To10)).0, 2, "{cut}");
    }
}

#[test]
fn a_first_line_without_a_code_does_not_tell_the_way() {
    let release = Release::of(&[("2018_I9gem.txt", "9990 X 11000\n9991 Q990 00000\n")]);
    assert_eq!(of(&load(&release, Way::To10).unwrap(), "999.0")[0]["equivalence"], "unmatched");
}
