//! Concepts, descriptions and relationships.

use std::io;

use super::{ATTRIBUTES, BEFORE, DAY, FIRST, REFSETS, Release, Rows, concept, numbered};
use crate::snomed::id::{DEFINED, DEFINITION, FULLY_SPECIFIED_NAME, INFERRED, INTERNATIONAL, IS_A, PRIMITIVE, SYNONYM};
use crate::synthetic::words::{Chance, WORDS, word};

/// Numbers of descriptions and relationships that each concept has.
pub(super) const DESCRIPTIONS: u64 = 8;
const RELATIONSHIPS: u64 = 16;
/// The attributes that have numbers and texts instead of concepts.
const WITH_VALUES: u64 = 4;
/// Neither kind of letter matters more: "entire term case insensitive".
const ANY_CASE: u64 = 900_000_000_000_448_009;
const SOME: u64 = 900_000_000_000_451_002;

/// The number of a concept's description: 0 is the full name, 7 the definition.
pub(super) fn description(nth: u64, which: u64) -> u64 {
    numbered(nth * DESCRIPTIONS + which, 11)
}

pub(super) fn concepts(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("id\teffectiveTime\tactive\tmoduleId\tdefinitionStatusId"))?;
    for nth in 0..release.all() {
        let mut chance = release.chance(20, nth);
        let status = if chance.below(3) == 0 { DEFINED } else { PRIMITIVE };
        let (id, active) = (concept(nth), u8::from(nth < release.concepts));
        let day = if chance.below(20) == 0 { DAY } else { BEFORE };
        rows.row(format_args!("{id}\t{day}\t{active}\t{INTERNATIONAL}\t{status}"))?;
    }
    Ok(())
}

const DESCRIPTION: &str =
    "id\teffectiveTime\tactive\tmoduleId\tconceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId";

pub(super) fn descriptions(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{DESCRIPTION}"))?;
    let mut term = String::new();
    for nth in 0..release.all() {
        let of = concept(nth);
        release.term(nth, 1, &mut term);
        let id = description(nth, 0);
        rows.row(format_args!(
            "{id}\t{BEFORE}\t1\t{INTERNATIONAL}\t{of}\ten\t{FULLY_SPECIFIED_NAME}\t{term} (synthetic thing)\t{ANY_CASE}"
        ))?;
        for which in 1..=release.synonyms(nth) {
            release.term(nth, which, &mut term);
            let id = description(nth, which);
            rows.row(format_args!("{id}\t{BEFORE}\t1\t{INTERNATIONAL}\t{of}\ten\t{SYNONYM}\t{term}\t{ANY_CASE}"))?;
        }
        if release.chance(21, nth).below(8) == 0 {
            let id = description(nth, DESCRIPTIONS - 2);
            rows.row(format_args!("{id}\t{BEFORE}\t0\t{INTERNATIONAL}\t{of}\ten\t{SYNONYM}\tNo more\t{ANY_CASE}"))?;
        }
    }
    Ok(())
}

pub(super) fn definitions(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{DESCRIPTION}"))?;
    let mut term = String::new();
    for nth in (FIRST..release.concepts).filter(|&nth| release.chance(22, nth).below(40) == 0) {
        let mut chance = release.chance(23, nth);
        term.clear();
        for _ in 0..20 {
            word(chance.seldom(WORDS), &mut term);
            term.push(' ');
        }
        let (id, of) = (description(nth, DESCRIPTIONS - 1), concept(nth));
        rows.row(format_args!(
            "{id}\t{BEFORE}\t1\t{INTERNATIONAL}\t{of}\ten\t{DEFINITION}\t{term}so it is.\t{ANY_CASE}"
        ))?;
    }
    Ok(())
}

/// Parents of a concept. They come before it, and so far before that it has few levels above it, as in the real one.
fn parents(nth: u64, chance: &mut Chance) -> Vec<u64> {
    if ATTRIBUTES.contains(&nth) || REFSETS.contains(&nth) {
        return vec![0];
    }
    let own = nth - FIRST;
    let count = [1, 1, 1, 1, 1, 1, 2, 2, 2, 3][chance.below(10) as usize];
    let least = own / 10;
    let mut all: Vec<u64> = (0..count).map(|_| least + chance.below(own / 5 - least + 1)).collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|above| if above >= own { 0 } else { FIRST + above }).collect()
}

pub(super) fn relationships(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!(
        "id\teffectiveTime\tactive\tmoduleId\tsourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId"
    ))?;
    for nth in 1..release.concepts {
        let (mut chance, source) = (release.chance(24, nth), concept(nth));
        let mut which = 0;
        let mut row = |active: u8, target: u64, group: u64, kind: u64| {
            let (id, target) = (numbered(nth * RELATIONSHIPS + which, 12), concept(target));
            which += 1;
            rows.row(format_args!(
                "{id}\t{BEFORE}\t{active}\t{INTERNATIONAL}\t{source}\t{target}\t{group}\t{kind}\t{INFERRED}\t{SOME}"
            ))
        };
        for parent in parents(nth, &mut chance) {
            row(1, parent, 0, IS_A)?;
        }
        if nth < FIRST {
            continue;
        }
        for group in 0..chance.below(6) {
            let kind = ATTRIBUTES.start() + chance.seldom(40 - WITH_VALUES);
            row(1, FIRST + chance.seldom(release.concepts - FIRST), group, concept(kind))?;
        }
        // About as many were there once.
        for _ in 0..chance.below(5) {
            row(0, FIRST + chance.below(release.concepts - FIRST), 0, IS_A)?;
        }
    }
    Ok(())
}

pub(super) fn values(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!(
        "id\teffectiveTime\tactive\tmoduleId\tsourceId\tvalue\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId"
    ))?;
    for nth in (FIRST..release.concepts).filter(|&nth| release.chance(25, nth).below(20) == 0) {
        let mut chance = release.chance(26, nth);
        let which = chance.below(3);
        let (number, part) = (chance.below(1000), chance.below(100));
        let value = match which {
            0 => format!("#{number}"),
            1 => format!("#{number}.{part:02}"),
            _ => format!("\"text {number}\""),
        };
        let kind = concept(ATTRIBUTES.end() - which);
        let (id, source) = (numbered(nth * RELATIONSHIPS + RELATIONSHIPS - 1, 12), concept(nth));
        rows.row(format_args!("{id}\t{BEFORE}\t1\t{INTERNATIONAL}\t{source}\t{value}\t1\t{kind}\t{INFERRED}\t{SOME}"))?;
    }
    Ok(())
}
