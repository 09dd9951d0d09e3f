//! Relations between concepts.

use terminology::index::Draft;

use super::names::number;
use crate::fault::Fault;
use crate::hierarchy;
use crate::reading::Reading;
use crate::source::File;
use crate::stated::Links;

/// Columns of `RXNREL.RRF`.
const RXCUI1: usize = 0;
const RXCUI2: usize = 4;
const RELA: usize = 7;
const SAB: usize = 10;
const SUPPRESS: usize = 14;
const WIDTH: usize = 16;

/// Reads them, and gives their names. A row is read from right to left: the second concept has the relation to the first one.
pub(super) fn read(reading: &mut Reading<'_>, file: &File, draft: &mut Draft) -> Result<Vec<String>, Fault> {
    let (mut links, mut pairs) = (Links::default(), Vec::new());
    reading.by_position(file, WIDTH, |row, report| {
        let (target, source, relation) = (row.get(RXCUI1), row.get(RXCUI2), row.get(RELA));
        let is_meant = row.get(SAB) == super::OWN && matches!(row.get(SUPPRESS), "" | "N");
        // Relations of atoms have no concepts.
        if !is_meant || relation.is_empty() || source.is_empty() || target.is_empty() {
            return Ok(());
        }
        let number = number(row, target)?;
        let (Some(at), Some(to)) = (draft.find(source), draft.find(target)) else {
            let lacks = if draft.find(source).is_none() { source } else { target };
            report.odd(&file.name, row.line(), format!("concept {lacks} is not there; the row is left out"));
            return Ok(());
        };
        if relation == "isa" {
            pairs.push((at, to));
        }
        Ok(links.add(at, relation, number)?)
    })?;
    pairs.sort_unstable();
    pairs.dedup();
    if let Some(circle) = hierarchy::circle(draft.len(), &pairs) {
        let codes = hierarchy::told(&circle, |at| draft.code(at));
        return Err(Fault::Circle { file: file.name.clone(), codes });
    }
    pairs.into_iter().for_each(|(at, parent)| draft.parent(at, parent));
    Ok(links.pour(draft)?)
}
