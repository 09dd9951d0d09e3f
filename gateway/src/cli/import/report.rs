//! What an import did: counts by type, what was refused and why, how long it took. Never a value of anybody's record.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use crate::outcome::Failure;

/// The most refusals that are kept word for word; more are counted.
const KEPT: usize = 100_000;
/// The most refusals that are shown on the terminal.
const SHOWN: usize = 20;

/// What an import did.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Files that were read.
    pub(super) files: usize,
    /// Resources committed by this run.
    pub(super) imported: u64,
    /// The same by resource type.
    pub(super) types: BTreeMap<Box<str>, u64>,
    /// Lines (or entries of a bundle) that an earlier run had committed already.
    pub(super) skipped: u64,
    /// Lines, entries or transactions that were refused.
    pub(super) refused: u64,
    /// Why, for the first hundred thousand of them.
    pub(super) refusals: Vec<Refusal>,
    /// How long it took.
    pub(super) seconds: f64,
    /// Resources a second.
    pub(super) per_second: f64,
}

/// One thing that was refused.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refusal {
    /// The file, as it was given.
    pub(super) file: Box<str>,
    /// The line (from 1).
    pub(super) line: u32,
    /// The entry of the line's bundle (from 0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entry: Option<u32>,
    /// What is wrong.
    pub(super) issues: Vec<Reason>,
}

/// One reason of a refusal.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Reason {
    /// <https://hl7.org/fhir/R4/valueset-issue-type.html>
    pub(super) code: &'static str,
    /// FHIRPath of the element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expression: Option<String>,
    /// A sentence.
    pub(super) details: String,
}

impl Refusal {
    /// What the interaction would have answered.
    pub(super) fn new(file: &str, line: u32, entry: Option<u32>, failure: &Failure) -> Self {
        let issues = failure.issues.iter().map(|issue| Reason {
            code: issue.code.as_str(),
            expression: issue.expression.first().cloned(),
            details: match &issue.diagnostics {
                Some(more) => format!("{} ({more})", issue.details),
                None => issue.details.clone().into_owned(),
            },
        });
        Self { file: file.into(), line, entry, issues: issues.collect() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if let Some(entry) = self.entry {
            write!(f, " entry {entry}")?;
        }
        for issue in &self.issues {
            write!(f, "\n    {}", issue.code)?;
            if let Some(expression) = &issue.expression {
                write!(f, " {expression}")?;
            }
            write!(f, ": {}", issue.details)?;
        }
        Ok(())
    }
}

impl Report {
    /// Counts resources that were committed.
    pub(super) fn count(&mut self, kind: &str, resources: u64) {
        self.imported += resources;
        match self.types.get_mut(kind) {
            Some(count) => *count += resources,
            None => {
                self.types.insert(kind.into(), resources);
            }
        }
    }

    /// Notes a refusal.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.refused += 1;
        if self.refusals.len() < KEPT {
            self.refusals.push(refusal);
        }
    }

    /// Closes the report.
    pub(super) fn finish(&mut self, took: Duration) {
        self.seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        let rate = if took.is_zero() { 0.0 } else { self.imported as f64 / took.as_secs_f64() };
        self.per_second = rate.round();
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let mut out = format!(
            "imported {} resources from {} file{} in {:.1} s ({} a second)\n",
            self.imported,
            self.files,
            if self.files == 1 { "" } else { "s" },
            self.seconds,
            self.per_second,
        );
        for (kind, count) in &self.types {
            let _ = writeln!(out, "{count:>10}  {kind}");
        }
        if self.skipped > 0 {
            let _ = writeln!(
                out,
                "{} lines or entries were committed by an earlier run and passed over (--restart takes them again)",
                self.skipped
            );
        }
        if self.refused > 0 {
            let _ = writeln!(out, "{} refused; nothing of them was written:", self.refused);
            for refusal in self.refusals.iter().take(SHOWN) {
                let _ = writeln!(out, "  {refusal}");
            }
            if self.refused > SHOWN as u64 {
                let _ = writeln!(out, "  ... and {} more: --report FILE has them", self.refused - SHOWN as u64);
            }
        }
        out
    }
}
