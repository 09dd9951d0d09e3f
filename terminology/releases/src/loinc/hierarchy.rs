//! What is below what: terms below parts, parts below parts.

use super::Reading;
use super::role::HIERARCHY;
use super::term::checked;
use crate::fault::Fault;
use crate::hierarchy::{circle, told};

/// Reads the hierarchy. Nodes that are nowhere else become concepts.
pub(super) fn read(reading: &mut Reading<'_>) -> Result<(), Fault> {
    let Some(table) = reading.find(&HIERARCHY, "the hierarchy") else { return Ok(()) };
    let (code, parent) = (table.needs(&["CODE"])?, table.needs(&["IMMEDIATE_PARENT"])?);
    let text = table.needs(&["CODE_TEXT"])?;
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    // Parents that come after their children.
    let mut open: Vec<(u64, u32, String)> = Vec::new();
    reading.each(&table, |draft, report, row| {
        let (code, parent) = (row.get(code), row.get(parent));
        if code.is_empty() {
            return Err(table.fault(row.line, "there is no code"));
        }
        let at = match draft.find(code) {
            Some(known) => known,
            None => {
                checked(report, &table, row, code);
                let at = draft.concept(code)?;
                draft.display(at, row.get(text))?;
                at
            }
        };
        match draft.find(parent) {
            Some(above) => pairs.push((at, above)),
            None if parent.is_empty() => {}
            None => open.push((row.line, at, parent.to_owned())),
        }
        Ok(())
    })?;
    for (line, at, parent) in open {
        match reading.draft.find(&parent) {
            Some(above) => pairs.push((at, above)),
            None => {
                let what =
                    format!("{parent} is not there, which {} is said to be below; skipped", reading.draft.code(at));
                reading.report.odd(&table.file.name, line, what);
            }
        }
    }
    if let Some(found) = circle(reading.draft.len(), &pairs) {
        let codes = told(&found, |at| reading.draft.code(at));
        return Err(Fault::Circle { file: table.file.name.clone(), codes });
    }
    pairs.iter().for_each(|&(at, above)| reading.draft.parent(at, above));
    Ok(())
}
