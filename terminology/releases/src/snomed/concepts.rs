//! Concepts of a release.

use std::collections::HashMap;

use terminology::index::{Draft, Kind, TooMuch};

use super::id::{self, DEFINED, PRIMITIVE};
use crate::delimited::Row;
use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::File;

/// A row of a concept.
#[derive(Clone, Copy)]
pub(super) struct Concept {
    pub(super) time: u32,
    pub(super) module: u64,
    pub(super) is_active: bool,
    is_defined: bool,
}

/// The concepts by their numbers: rows of all other files name them millions of times.
#[derive(Default)]
pub(super) struct Concepts {
    places: HashMap<u64, u32>,
    pub(super) all: Vec<Concept>,
}

/// The number in a field.
pub(super) fn number(row: &Row<'_>, text: &str) -> Result<u64, Fault> {
    id::parse(text).ok_or_else(|| row.wrong(format!("{text:?} is not an identifier of SNOMED CT")))
}

/// Whether a row holds.
pub(super) fn is_active(row: &Row<'_>, text: &str) -> Result<bool, Fault> {
    match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(row.wrong(format!("active is {text:?}, neither 1 nor 0"))),
    }
}

/// A day as eight digits.
pub(super) fn day(row: &Row<'_>, text: &str) -> Result<u32, Fault> {
    let is_day = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_day).ok_or_else(|| row.wrong(format!("{text:?} is not a day")))
}

impl Concepts {
    pub(super) fn read(reading: &mut Reading<'_>, files: &[File], draft: &mut Draft) -> Result<Self, Fault> {
        let mut concepts = Self::default();
        let names = ["id", "effectiveTime", "active", "moduleId", "definitionStatusId"];
        for file in files {
            reading.with_header(file, names, |row, [code, time, active, module, status], report| {
                let is_defined = match number(row, status)? {
                    DEFINED => true,
                    PRIMITIVE => false,
                    other => return Err(row.wrong(format!("{other} is not a definition status"))),
                };
                let (time, module, is_active) = (day(row, time)?, number(row, module)?, is_active(row, active)?);
                let concept = Concept { time, module, is_active, is_defined };
                let number = number(row, code)?;
                if !id::is_proven(number) {
                    report.odd(&file.name, row.line(), format!("{code} has a wrong check digit; it is taken as it is"));
                }
                let at = draft.concept(code)?;
                if concepts.places.insert(number, at).is_none() {
                    concepts.all.push(concept);
                } else {
                    report.odd(&file.name, row.line(), format!("{code} is there twice; the later row counts"));
                    let known = &mut concepts.all[at as usize];
                    *known = if concept.time > known.time { concept } else { *known };
                }
                Ok(())
            })?;
        }
        Ok(concepts)
    }

    pub(super) fn find(&self, number: u64) -> Option<u32> {
        self.places.get(&number).copied()
    }

    pub(super) fn is_active(&self, at: u32) -> bool {
        self.all[at as usize].is_active
    }

    /// What their own rows say.
    pub(super) fn pour(&self, draft: &mut Draft) -> Result<(), TooMuch> {
        for (at, concept) in (0..).zip(&self.all) {
            if !concept.is_active {
                draft.property(at, "inactive", Kind::Boolean, "true")?;
            }
            draft.property(
                at,
                "sufficientlyDefined",
                Kind::Boolean,
                if concept.is_defined { "true" } else { "false" },
            )?;
            draft.property(at, "moduleId", Kind::Code, &concept.module.to_string())?;
            draft.property(at, "effectiveTime", Kind::String, &format!("{:08}", concept.time))?;
        }
        Ok(())
    }
}
