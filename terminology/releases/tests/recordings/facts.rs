//! A few facts as the official files would tell them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::shared::rows;

const FACTS: &str = include_str!("facts.tsv");

/// The fields of all facts of a kind, without the kind.
fn of(kind: &str) -> Vec<Vec<&'static str>> {
    let those = rows(FACTS).filter(|row| row[0] == kind).map(|row| row[1..].to_vec()).collect::<Vec<_>>();
    assert!(!those.is_empty(), "there are no facts of {kind}");
    those
}

/// Rows for `Loinc.csv`, by the header that it has.
pub(crate) fn loinc(header: &str) -> String {
    let mut text = String::new();
    for fact in of("loinc") {
        let field = |name: &str| match name.trim_matches('"') {
            "LOINC_NUM" => fact[0],
            "STATUS" => fact[1],
            "LONG_COMMON_NAME" => fact[2],
            _ => "",
        };
        let fields: Vec<String> = header.trim().split(',').map(|name| format!("\"{}\"", field(name))).collect();
        writeln!(text, "{}", fields.join(",")).unwrap();
    }
    text
}

pub(crate) fn map_to() -> String {
    let rows = of("mapto").into_iter().map(|fact| format!("\"{}\",\"{}\",\"\"\n", fact[0], fact[1]));
    format!("\"LOINC\",\"MAP_TO\",\"COMMENT\"\n{}", rows.collect::<String>())
}

pub(crate) fn rxnconso() -> String {
    let row = |fact: Vec<&str>| {
        let (code, kind, name) = (fact[0], fact[1], fact[2]);
        format!("{code}|ENG||||||{code}|{code}|{code}||RXNORM|{kind}|{code}|{name}||N|4096|\n")
    };
    of("rxnorm").into_iter().map(row).collect()
}

pub(crate) fn rxnsat() -> String {
    let row = |fact: Vec<&str>| format!("{}|||||{}|||NDC|RXNORM|{}|N||\n", fact[0], fact[0], fact[1]);
    of("package").into_iter().map(row).collect()
}

pub(crate) fn products() -> String {
    let rows = of("ndc").into_iter().map(|fact| format!("{}\t{}\t\n", fact[1], fact[2]));
    format!("PRODUCTNDC\tPROPRIETARYNAME\tNONPROPRIETARYNAME\n{}", rows.collect::<String>())
}

pub(crate) fn packages() -> String {
    let rows = of("ndc").into_iter().map(|fact| format!("{}\t{}\n", fact[1], fact[0]));
    format!("PRODUCTNDC\tNDCPACKAGECODE\n{}", rows.collect::<String>())
}

pub(crate) fn cvx() -> String {
    let row = |fact: Vec<&str>| format!("{:<10}|{}|{}||{}|False|2026/01/01\n", fact[0], fact[2], fact[2], fact[1]);
    of("cvx").into_iter().map(row).collect()
}

pub(crate) fn icd10cm() -> String {
    let row = |(order, fact): (usize, Vec<&str>)| {
        let short: String = fact[2].chars().take(60).collect();
        format!("{order:05} {:<7} {} {short:<60} {}\n", fact[0], fact[1], fact[2])
    };
    (1..).zip(of("icd10cm")).map(row).collect()
}

/// An organization's own map.
pub(crate) fn map() -> Value {
    let element = |fact: Vec<&str>| json!({ "code": fact[0], "target": [{ "code": fact[1], "equivalence": fact[2] }] });
    json!({
        "resourceType": "ConceptMap", "url": "urn:example:flowsheet", "version": "1", "status": "active",
        "group": [{
            "source": "urn:oid:1.2.840.114350.1.13.0.1.7.2.707679", "target": "http://loinc.org",
            "element": of("map").into_iter().map(element).collect::<Vec<_>>(),
        }],
    })
}
