//! The report of all recorded codes, and the laws that hold for each.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use terminology::library::Library;
use terminology::normalize::{Coded, Told, normalize};

use crate::library::Known;
use crate::recorded::{self, Sent};
use crate::shared;

/// The systems in which names are looked for.
pub(crate) const TARGETS: [&str; 2] = ["http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm"];
/// No release of these is here, and none may be.
const LICENSED: [&str; 2] = ["http://snomed.info/sct", "http://www.ama-assn.org/go/cpt"];

pub(crate) fn told(library: &Library, sent: &Sent) -> Told {
    normalize(library, Coded { system: &sent.system, code: &sent.code, display: &sent.display }, &TARGETS)
}

/// Verdict, method or reason, and the codes that it names.
pub(crate) fn said(told: &Told) -> (&'static str, &str, Vec<&str>) {
    match told {
        Told::Kept(coding) => ("kept", "", vec![&coding.code]),
        Told::Standard { coding, method, .. } => ("standard", method.word(), vec![&coding.code]),
        Told::Review { candidates, why } => {
            ("review", why, candidates.iter().map(|coding| coding.code.as_str()).collect())
        }
        Told::Unknown(why) => ("unknown", why, Vec::new()),
    }
}

#[test]
fn every_recorded_code_is_told_what_it_means_or_why_not() {
    let (Some(folder), Some(known)) = (shared::data("03-ehr-recordings"), Known::read()) else { return };
    let (library, reversed) = (known.library(), known.reversed());
    let mut counts: BTreeMap<(&str, String), (u64, u64)> = BTreeMap::new();
    let mut lines = String::new();
    let all = recorded::all(&folder);
    for (sent, by) in &all {
        let told = told(&library, sent);
        holds(sent, &told);
        assert_eq!(told, self::told(&library, sent), "twice: {sent:?}");
        assert_eq!(told, self::told(&reversed, sent), "brought the other way round: {sent:?}");
        let (verdict, how, codes) = said(&told);
        let count = counts.entry((verdict, how.to_owned())).or_default();
        let times = by.values().sum::<u64>();
        (count.0, count.1) = (count.0 + 1, count.1 + times);
        let by: Vec<&str> = by.keys().map(String::as_str).collect();
        let display = sent.display.replace(['\t', '\r', '\n'], " ");
        let (codes, by) = (codes.join(" "), by.join(" "));
        writeln!(lines, "{verdict}\t{how}\t{codes}\t{}\t{}\t{display}\t{times}\t{by}", sent.system, sent.code).unwrap();
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recordings.tsv");
    fs::write(&path, format!("verdict\thow\tcodes\tsystem\tcode\tdisplay\ttimes\tby\n{lines}")).unwrap();
    let sum = |verdict: &str| {
        let of = counts.iter().filter(|((known, _), _)| *known == verdict).map(|(_, count)| *count);
        of.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    };
    let verdicts = ["kept", "standard", "review", "unknown"].map(|verdict| {
        let (distinct, times) = sum(verdict);
        assert!(distinct > 0, "none is {verdict}");
        format!("{distinct} {verdict} ({times})")
    });
    println!("{} recorded codes: {}; {}", all.len(), verdicts.join(", "), path.display());
    counts.iter().for_each(|((verdict, how), (distinct, times))| println!("  {verdict} {how}: {distinct} ({times})"));
}

/// What holds whatever it is. That what was sent is not changed needs no proof but its type: it is borrowed.
fn holds(sent: &Sent, told: &Told) {
    match told {
        Told::Kept(coding) => assert_eq!((&coding.system, &coding.code), (&sent.system, &sent.code)),
        Told::Standard { coding, by, .. } => {
            assert!(!by.is_empty() && !coding.code.is_empty(), "{sent:?}");
            assert_ne!((&coding.system, &coding.code), (&sent.system, &sent.code), "that is keeping it");
        }
        Told::Review { candidates, .. } => assert!((1..=20).contains(&candidates.len()), "{sent:?}"),
        Told::Unknown(why) => assert!(!why.is_empty(), "{sent:?}"),
    }
    if LICENSED.contains(&sent.system.as_str()) {
        assert!(matches!(told, Told::Unknown(_)), "{sent:?}: {told:?}");
    }
}
