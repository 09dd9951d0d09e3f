//! Concepts that are no longer there, and what they were merged into.

use terminology::index::{Draft, Kind};

use super::names::{Names, number};
use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::File;

/// Columns of `RXNATOMARCHIVE.RRF`.
const STR: usize = 2;
const LAT: usize = 8;
const RXCUI: usize = 12;
const SAB: usize = 13;
const TTY: usize = 14;
const MERGED: usize = 15;
const WIDTH: usize = 16;

/// Reads them. The current concepts are in the draft already.
pub(super) fn read(reading: &mut Reading<'_>, file: &File, draft: &mut Draft) -> Result<(), Fault> {
    let current = draft.len();
    let (mut names, mut merged) = (Names::default(), Vec::new());
    reading.by_position(file, WIDTH, |row, _| {
        let (code, target) = (row.get(RXCUI), row.get(MERGED));
        // Atoms of other sources say nothing of concepts.
        if row.get(SAB) != super::OWN || code.is_empty() {
            return Ok(());
        }
        if draft.find(code).is_some_and(|at| (at as usize) < current) {
            return Ok(());
        }
        number(row, code)?;
        let at = draft.concept(code)?;
        // One that was merged into nothing, or into itself, is only not there any more.
        if !target.is_empty() && code != target {
            merged.push((at, number(row, target)?, row.line()));
        }
        Ok(names.add(at, row.get(TTY), (row.get(LAT), row.get(STR)), "")?)
    })?;
    names.pour(draft, true)?;
    merged.sort_unstable();
    merged.dedup_by_key(|(at, target, _)| (*at, *target));
    for (at, target, line) in merged {
        let target = target.to_string();
        if draft.find(&target).is_some() {
            draft.property(at, "merged_to", Kind::Code, &target)?;
        } else {
            let what = format!("{} was merged into {target}, which is not there; that is left out", draft.code(at));
            reading.report.odd(&file.name, line, what);
        }
    }
    Ok(())
}
