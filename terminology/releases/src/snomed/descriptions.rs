//! How concepts are said, and which of their names is shown.

use std::collections::{HashMap, HashSet};

use terminology::index::{Draft, TooMuch};

use super::concepts::{Concepts, is_active, number};
use super::files::Files;
use super::id::{DEFINITION, FULLY_SPECIFIED_NAME, GB_ENGLISH, PREFERRED, SYNONYM, US_ENGLISH};
use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::File;

const USED_AS_NAME: &str =
    r#"{"system":"http://snomed.info/sct","code":"900000000000003001","display":"Fully specified name"}"#;
const USED_AS_DEFINITION: &str =
    r#"{"system":"http://snomed.info/sct","code":"900000000000550004","display":"Definition"}"#;
const USED_AS_SYNONYM: &str = r#"{"system":"http://snomed.info/sct","code":"900000000000013009","display":"Synonym"}"#;

/// How well a name suits to be shown; less is better.
const IN_US: u8 = 0;
const IN_GB: u8 = 1;
const ELSEWHERE: u8 = 2;
const ANY_SYNONYM: u8 = 3;
const FULL: u8 = 4;
const NONE: u8 = 5;

/// The best name of each concept so far. The best there can be goes down at once; only others have to wait.
struct Shown {
    ranks: Vec<u8>,
    waiting: HashMap<u32, Box<str>>,
}

impl Shown {
    fn offer(&mut self, draft: &mut Draft, at: u32, rank: u8, term: &str) -> Result<(), TooMuch> {
        let known = &mut self.ranks[at as usize];
        if rank >= *known {
            return Ok(());
        }
        *known = rank;
        if rank == IN_US {
            self.waiting.remove(&at);
            return draft.display(at, term);
        }
        self.waiting.insert(at, term.into());
        Ok(())
    }

    fn pour(self, draft: &mut Draft) -> Result<(), TooMuch> {
        let mut waiting: Vec<(u32, Box<str>)> = self.waiting.into_iter().collect();
        waiting.sort_unstable();
        waiting.iter().try_for_each(|(at, term)| draft.display(*at, term))
    }
}

/// Reads descriptions and text definitions.
pub(super) fn read(
    reading: &mut Reading<'_>,
    files: &Files,
    concepts: &Concepts,
    draft: &mut Draft,
) -> Result<(), Fault> {
    let preferred = preferred(reading, &files.languages)?;
    let mut shown = Shown { ranks: vec![NONE; concepts.all.len()], waiting: HashMap::new() };
    let mut seen = HashSet::new();
    let mut is_defined = vec![false; concepts.all.len()];
    let names = ["id", "active", "conceptId", "languageCode", "typeId", "term"];
    for file in files.descriptions.iter().chain(&files.definitions) {
        reading.with_header(file, names, |row, [code, active, concept, language, kind, term], report| {
            if !is_active(row, active)? {
                return Ok(());
            }
            let (code, kind) = (number(row, code)?, number(row, kind)?);
            let Some(at) = concepts.find(number(row, concept)?) else {
                report.odd(&file.name, row.line(), format!("its concept {concept} is not there; it is left out"));
                return Ok(());
            };
            if !seen.insert(code) {
                report.odd(&file.name, row.line(), format!("description {code} is there twice; the first one counts"));
                return Ok(());
            }
            match kind {
                FULLY_SPECIFIED_NAME => {
                    draft.designation(at, language, USED_AS_NAME, term)?;
                    shown.offer(draft, at, FULL, term)?;
                }
                SYNONYM => {
                    draft.designation(at, language, USED_AS_SYNONYM, term)?;
                    let rank = preferred.get(&code).copied().unwrap_or(ANY_SYNONYM);
                    shown.offer(draft, at, rank, term)?;
                }
                DEFINITION => {
                    // A concept has one definition; others, and those of other languages, stand beside its names.
                    match std::mem::replace(&mut is_defined[at as usize], true) {
                        false => draft.definition(at, term)?,
                        true => draft.designation(at, language, USED_AS_DEFINITION, term)?,
                    }
                }
                other => {
                    let what = format!("{other} is no known type of descriptions; it is left out");
                    report.odd(&file.name, row.line(), what);
                }
            }
            Ok(())
        })?;
    }
    Ok(shown.pour(draft)?)
}

/// Descriptions that are preferred somewhere, with how well that suits.
fn preferred(reading: &mut Reading<'_>, files: &[File]) -> Result<HashMap<u64, u8>, Fault> {
    let mut preferred = HashMap::new();
    let names = ["active", "refsetId", "referencedComponentId", "acceptabilityId"];
    for file in files {
        reading.with_header(file, names, |row, [active, refset, description, acceptability], _| {
            if !is_active(row, active)? || number(row, acceptability)? != PREFERRED {
                return Ok(());
            }
            let rank = match number(row, refset)? {
                US_ENGLISH => IN_US,
                GB_ENGLISH => IN_GB,
                _ => ELSEWHERE,
            };
            let known = preferred.entry(number(row, description)?).or_insert(rank);
            *known = rank.min(*known);
            Ok(())
        })?;
    }
    Ok(preferred)
}
