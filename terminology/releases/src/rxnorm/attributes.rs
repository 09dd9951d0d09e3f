//! Attributes of concepts: NDCs, strengths, and what else there is; semantic types.

use terminology::index::{Draft, Kind};

use crate::fault::Fault;
use crate::reading::Reading;
use crate::source::File;
use crate::stated::Texts;

/// Columns of `RXNSAT.RRF`.
const RXCUI: usize = 0;
const ATN: usize = 8;
const SAB: usize = 9;
const ATV: usize = 10;
const SUPPRESS: usize = 11;
const WIDTH: usize = 13;
/// Columns of `RXNSTY.RRF`.
const TUI: usize = 1;
const TYPES_WIDTH: usize = 6;

/// Reads them, and gives their names.
pub(super) fn read(reading: &mut Reading<'_>, file: &File, draft: &mut Draft) -> Result<Vec<String>, Fault> {
    let mut texts = Texts::default();
    reading.by_position(file, WIDTH, |row, report| {
        let (code, name, value) = (row.get(RXCUI), row.get(ATN), row.get(ATV));
        let is_meant = row.get(SAB) == super::OWN && matches!(row.get(SUPPRESS), "" | "N" | "O" | "E");
        if !is_meant || code.is_empty() || name.is_empty() {
            return Ok(());
        }
        let Some(at) = draft.find(code) else {
            report.odd(&file.name, row.line(), format!("concept {code} is not there; the row is left out"));
            return Ok(());
        };
        Ok(texts.add(at, name, value)?)
    })?;
    Ok(texts.pour(draft, |_| Kind::String)?)
}

/// Reads semantic types. Concepts of other sources have some, too.
pub(super) fn types(reading: &mut Reading<'_>, file: &File, draft: &mut Draft) -> Result<(), Fault> {
    let mut texts = Texts::default();
    reading.by_position(file, TYPES_WIDTH, |row, _| match draft.find(row.get(RXCUI)) {
        Some(at) => Ok(texts.add(at, "STY", row.get(TUI))?),
        None => Ok(()),
    })?;
    texts.pour(draft, |_| Kind::String)?;
    Ok(())
}
