//! A snapshot of SNOMED CT that is made up: as many concepts as are asked for, with all files that a loader reads, in shares that are
//! about the International Edition's. The same size and seed give the same bytes in every file.

mod refsets;
mod terminology;

use std::io::{self, Write};
use std::path::Path;

use super::Target;
use super::words::{Chance, WORDS, word};
use crate::snomed::id;

/// Invented; nobody has it.
const NAMESPACE: u64 = 9_999_999;
/// The day of the release.
const DAY: &str = "20300101";
/// Rows that were not touched since.
const BEFORE: &str = "20200101";
/// Concepts that attributes are named by, and those that refsets are.
const ATTRIBUTES: std::ops::RangeInclusive<u64> = 1..=40;
const REFSETS: std::ops::RangeInclusive<u64> = 41..=60;
/// The first concept that is neither.
const FIRST: u64 = 61;
/// The most concepts: numbers of relationships have room for so many.
const MOST: u64 = 4_000_000;

/// What is made.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// How many concepts are active; half as many more are not.
    pub concepts: u64,
    /// Which one of many.
    pub seed: u64,
}

/// The number of a concept: active ones come first, the first of all is above all others.
pub fn concept(nth: u64) -> u64 {
    numbered(nth, 10)
}

fn numbered(nth: u64, partition: u64) -> u64 {
    id::proven(((nth + 1) * 10_000_000 + NAMESPACE) * 100 + partition)
}

/// Writes a release: a zip where the path ends so, else a folder.
///
/// # Errors
/// It cannot be written, or is to have too few concepts (100) or too many.
pub fn write(path: &Path, release: Release) -> io::Result<()> {
    if !(100..=MOST).contains(&release.concepts) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a release has from 100 up to 4,000,000 concepts"));
    }
    let mut target = Target::new(path)?;
    let mut file = |folder: &str, name: &str, fill: Fill| {
        let name = format!("SnomedCT_SyntheticRF2_{DAY}/Snapshot/{folder}/{name}_INT_{DAY}.txt");
        target.file(&name, |out| fill(&release, &mut Rows { out, row: String::new() }))
    };
    file("Terminology", "sct2_Concept_Snapshot", terminology::concepts)?;
    file("Terminology", "sct2_Description_Snapshot-en", terminology::descriptions)?;
    file("Terminology", "sct2_TextDefinition_Snapshot-en", terminology::definitions)?;
    file("Terminology", "sct2_Relationship_Snapshot", terminology::relationships)?;
    file("Terminology", "sct2_RelationshipConcreteValues_Snapshot", terminology::values)?;
    file("Refset/Language", "der2_cRefset_LanguageSnapshot-en", refsets::languages)?;
    file("Refset/Content", "der2_Refset_SimpleSnapshot", refsets::simple)?;
    file("Refset/Content", "der2_cRefset_AssociationSnapshot", refsets::associations)?;
    file("Refset/Map", "der2_sRefset_SimpleMapSnapshot", refsets::simple_maps)?;
    file("Refset/Map", "der2_iisssccRefset_ExtendedMapSnapshot", refsets::maps)?;
    file("Refset/Metadata", "der2_ssRefset_ModuleDependencySnapshot", refsets::dependencies)?;
    target.finish()
}

type Fill = fn(&Release, &mut Rows<'_>) -> io::Result<()>;

/// Rows on their way into a file, one at a time.
struct Rows<'o> {
    out: &'o mut dyn Write,
    row: String,
}

impl Rows<'_> {
    /// A row of these fields.
    fn row(&mut self, fields: std::fmt::Arguments<'_>) -> io::Result<()> {
        use std::fmt::Write as _;
        self.row.clear();
        self.row.write_fmt(fields).map_err(io::Error::other)?;
        self.row.push_str("\r\n");
        self.out.write_all(self.row.as_bytes())
    }
}

impl Release {
    /// All concepts, active or not.
    fn all(&self) -> u64 {
        self.concepts + self.concepts / 2
    }

    /// What comes about for a concept in one respect: files that speak of the same agree.
    fn chance(&self, respect: u64, nth: u64) -> Chance {
        Chance::new(self.seed ^ (respect << 56) ^ (nth << 8).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// How many names a concept has beside its full one.
    fn synonyms(&self, nth: u64) -> u64 {
        if nth < self.concepts { 1 + self.chance(1, nth).below(4) } else { 1 }
    }

    /// One of them; all are of some words.
    fn term(&self, nth: u64, which: u64, into: &mut String) {
        let mut chance = self.chance(2 + which, nth);
        into.clear();
        for place in 0..2 + chance.below(3) {
            into.push_str(if place == 0 { "" } else { " " });
            word(chance.seldom(WORDS), into);
        }
        if let Some(first) = into.get_mut(..1) {
            first.make_ascii_uppercase();
        }
    }
}
