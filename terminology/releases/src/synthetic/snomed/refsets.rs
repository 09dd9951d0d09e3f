//! Reference sets.

use std::io;

use super::terminology::description;
use super::{BEFORE, DAY, FIRST, REFSETS, Release, Rows, concept};
use crate::snomed::id::{ACCEPTABLE, GB_ENGLISH, INTERNATIONAL, MODEL, PREFERRED, US_ENGLISH};

const COMMON: &str = "id\teffectiveTime\tactive\tmoduleId\trefsetId\treferencedComponentId";
const SAME_AS: u64 = 900_000_000_000_527_005;
const REPLACED_BY: u64 = 900_000_000_000_526_001;
const POSSIBLY: u64 = 900_000_000_000_523_009;
const SIMPLE_MAP: u64 = 446_608_001;
const TO_ICD_10: u64 = 447_562_003;
const PROPER: u64 = 447_637_006;
const BY_CONTEXT: u64 = 447_639_009;
const CORRELATION: u64 = 447_561_005;
const DEPENDENCIES: u64 = 900_000_000_000_534_007;

/// A member by its number; such ones look like UUIDs.
fn member(
    rows: &mut Rows<'_>,
    (list, nth): (u64, u64),
    refset: u64,
    of: u64,
    rest: std::fmt::Arguments<'_>,
) -> io::Result<()> {
    rows.row(format_args!(
        "00000000-0000-4000-8{list:03x}-{nth:012x}\t{BEFORE}\t1\t{INTERNATIONAL}\t{refset}\t{of}{rest}"
    ))
}

pub(super) fn languages(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{COMMON}\tacceptabilityId"))?;
    let mut count = 0;
    for nth in 0..release.all() {
        let synonyms = release.synonyms(nth);
        // Some things are called otherwise in Great Britain.
        let in_britain = if release.chance(30, nth).below(20) == 0 { synonyms } else { 1 };
        for which in 0..=synonyms {
            for (refset, shown) in [(US_ENGLISH, 1), (GB_ENGLISH, in_britain)] {
                let suits = if which == 0 || which == shown { PREFERRED } else { ACCEPTABLE };
                count += 1;
                member(rows, (1, count), refset, description(nth, which), format_args!("\t{suits}"))?;
            }
        }
    }
    Ok(())
}

pub(super) fn simple(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{COMMON}"))?;
    for nth in (FIRST..release.concepts).filter(|&nth| release.chance(31, nth).below(10) == 0) {
        let refset = concept(REFSETS.start() + release.chance(32, nth).below(20));
        member(rows, (2, nth), refset, concept(nth), format_args!(""))?;
    }
    Ok(())
}

pub(super) fn associations(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{COMMON}\ttargetComponentId"))?;
    for nth in release.concepts..release.all() {
        let mut chance = release.chance(33, nth);
        let target = concept(FIRST + chance.below(release.concepts - FIRST));
        let refset = [SAME_AS, REPLACED_BY, POSSIBLY][chance.below(3) as usize];
        member(rows, (3, nth), refset, concept(nth), format_args!("\t{target}"))?;
    }
    Ok(())
}

pub(super) fn simple_maps(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{COMMON}\tmapTarget"))?;
    for nth in (FIRST..release.concepts).filter(|&nth| release.chance(34, nth).below(5) == 0) {
        member(rows, (4, nth), SIMPLE_MAP, concept(nth), format_args!("\tSY-{nth:06}"))?;
    }
    Ok(())
}

pub(super) fn maps(release: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!(
        "{COMMON}\tmapGroup\tmapPriority\tmapRule\tmapAdvice\tmapTarget\tcorrelationId\tmapCategoryId"
    ))?;
    for nth in (FIRST..release.concepts).filter(|&nth| release.chance(35, nth).below(3) == 0) {
        let mut chance = release.chance(36, nth);
        let count = 1 + chance.below(2);
        for priority in 1..=count {
            let code = format!("Z{:02}.{}", chance.below(100), chance.below(10));
            let rule = if priority < count { "IFA 1 | Synthetic |" } else { "TRUE" };
            let category = if count == 1 { PROPER } else { BY_CONTEXT };
            let rest = format_args!("\t1\t{priority}\t{rule}\tALWAYS {code}\t{code}\t{CORRELATION}\t{category}");
            member(rows, (5, nth * 2 + priority), TO_ICD_10, concept(nth), rest)?;
        }
    }
    Ok(())
}

pub(super) fn dependencies(_: &Release, rows: &mut Rows<'_>) -> io::Result<()> {
    rows.row(format_args!("{COMMON}\tsourceEffectiveTime\ttargetEffectiveTime"))?;
    rows.row(format_args!(
        "00000000-0000-4000-8006-000000000001\t{DAY}\t1\t{INTERNATIONAL}\t{DEPENDENCIES}\t{MODEL}\t{DAY}\t{DAY}"
    ))
}
