//! Codes that were looked up by hand, in the recordings and in the files of the releases.

use std::collections::BTreeSet;

use crate::library::Known;
use crate::recorded::{self, Sent};
use crate::report::{said, told};
use crate::shared;

const EXPECTED: &str = include_str!("expected.tsv");
/// How many different recorded codes are to be looked up at least.
const LEAST: usize = 100;

struct Row {
    is_recorded: bool,
    sent: Sent,
    /// Verdict, method and codes, between spaces.
    said: String,
}

fn rows() -> Vec<Row> {
    let row = |fields: Vec<&str>| {
        assert!((5..=7).contains(&fields.len()), "{fields:?}");
        // Empty fields at the end of a row are not written.
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        assert!(["recorded", "release"].contains(&field(0)), "{fields:?}");
        let sent = Sent { system: field(1).to_owned(), code: field(2).to_owned(), display: field(3).to_owned() };
        let said = format!("{} {} {}", field(4), field(5), field(6));
        Row { is_recorded: field(0) == "recorded", sent, said }
    };
    shared::rows(EXPECTED).map(row).collect()
}

#[test]
fn codes_that_were_looked_up_mean_what_they_were_found_to_mean() {
    let Some(known) = Known::read() else { return };
    let library = known.library();
    let mut wrong = Vec::new();
    let mut met = BTreeSet::new();
    for row in rows() {
        let told = told(&library, &row.sent);
        let (verdict, how, codes) = said(&told);
        // A reason is a sentence for people.
        let method = if verdict == "standard" { how } else { "" };
        met.insert(format!("{verdict} {method}"));
        let said = format!("{verdict} {method} {}", codes.join(" "));
        if said != row.said {
            wrong.push(format!("{:?}: {said:?}, not {:?} ({how})", row.sent, row.said));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for way in ["cleaned", "mapped", "named", "package", "replaced"] {
        assert!(met.contains(&format!("standard {way}")), "no code is {way}");
    }
}

#[test]
fn what_is_said_to_be_recorded_is() {
    let Some(folder) = shared::data("03-ehr-recordings") else { return };
    let all = recorded::all(&folder);
    let looked_up: BTreeSet<Sent> = rows().into_iter().filter(|row| row.is_recorded).map(|row| row.sent).collect();
    for sent in &looked_up {
        assert!(all.contains_key(sent), "{sent:?}");
    }
    assert!(looked_up.len() >= LEAST, "{}", looked_up.len());
    println!("{} of {} recorded codes were looked up by hand", looked_up.len(), all.len());
}

/// The licences allow no code of these systems here.
#[test]
fn nothing_licensed_is_listed() {
    let listed = rows();
    let is_licensed = |row: &&Row| {
        ["snomed", "883.6.96", "ama-assn", "883.6.12", "cdt"].iter().any(|name| {
            let system = &row.sent.system;
            // An identifier that ends in the same numbers and belongs to somebody else is none.
            system.contains(name) && !system.starts_with("urn:oid:1.")
        })
    };
    let codes = listed.iter().filter(is_licensed).map(|row| row.sent.code.as_str());
    assert!(codes.clone().all(|code| code == "x"), "{:?}", codes.collect::<Vec<_>>());
}
