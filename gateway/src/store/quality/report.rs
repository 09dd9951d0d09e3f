//! Findings: counted, with the keys of the first rows.

use std::collections::BTreeMap;

use mappers::quality::{Fault, Kind};
use serde::Serialize;

/// What was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct QualityReport {
    /// Resources looked at, each with its row.
    pub rows: i64,
    /// What is wrong, errors first.
    pub findings: Vec<Finding>,
}

/// One kind of fault at one place.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// `error`, or `warning` where somebody should look.
    pub severity: &'static str,
    /// What kind of fault: `orphan`.
    pub kind: &'static str,
    /// The map.
    pub map: String,
    /// The element or the column.
    pub place: String,
    /// How many rows (of duplicates: how many groups).
    pub count: i64,
    /// Keys of the first of them; of duplicates those of a group, with ` = ` between.
    pub keys: Vec<String>,
}

impl QualityReport {
    /// How many rows (and groups) have an error.
    pub fn errors(&self) -> i64 {
        self.findings.iter().filter(|finding| finding.severity == "error").map(|finding| finding.count).sum()
    }
}

/// Findings on their way to a report; it holds no more than `keys` keys of each.
pub(super) struct Collector {
    /// Resources looked at.
    pub(super) rows: i64,
    keys: usize,
    found: BTreeMap<What, (i64, Vec<String>)>,
}

/// What is found: whether it is a warning (errors come first), its kind, the map and the place.
type What = (bool, Kind, String, String);

impl Collector {
    pub(super) fn new(keys: usize) -> Self {
        Self { rows: 0, keys, found: BTreeMap::new() }
    }

    /// The faults of a row, each once.
    pub(super) fn row(&mut self, map: &str, key: &str, faults: impl Iterator<Item = Fault>) {
        for Fault { kind, place } in faults {
            let found = self.found.entry((!kind.is_error(), kind, map.to_owned(), place)).or_default();
            found.0 += 1;
            if found.1.len() < self.keys {
                found.1.push(key.to_owned());
            }
        }
    }

    pub(super) fn report(self) -> QualityReport {
        let finding = |((warning, kind, map, place), (count, keys)): (What, (i64, Vec<String>))| Finding {
            severity: if warning { "warning" } else { "error" },
            kind: kind.as_str(),
            map,
            place,
            count,
            keys,
        };
        QualityReport { rows: self.rows, findings: self.found.into_iter().map(finding).collect() }
    }
}
