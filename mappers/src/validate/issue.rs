//! What a validation found, and where.

use std::collections::{BTreeSet, HashSet};

use super::library::Wanted;
use crate::structure;

/// How many issues one validation reports; errors take the place of what is less.
pub const MAX_ISSUES: usize = 200;

/// How bad an issue is: <https://hl7.org/fhir/R4/valueset-issue-severity.html>.
#[derive(Clone, Copy, Debug, Eq, PartialEq, PartialOrd, Ord)]
pub enum Severity {
    /// The resource is not valid.
    Error,
    /// It is valid, and likely not as it was meant.
    Warning,
    /// Worth saying, such as what was not checked.
    Information,
}

/// One thing that was found: as much as an `OperationOutcome.issue` needs. No value of the resource is in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Issue {
    /// How bad.
    pub severity: Severity,
    /// Code of <https://hl7.org/fhir/R4/valueset-issue-type.html>.
    pub code: &'static str,
    /// The element in simple FHIRPath, as [`structure::Issue::expression`].
    pub expression: String,
    /// What is wrong.
    pub details: String,
    /// What to do about it.
    pub advice: String,
}

/// What a validation has to say.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order they were found.
    pub issues: Vec<Issue>,
    /// Definitions that were asked for and that the library had no word of. Whoever fills them in and validates again gets
    /// the whole answer.
    pub wanted: BTreeSet<Wanted>,
    /// What invariants spent of what they may.
    pub spent: u64,
    seen: HashSet<(String, String)>,
    /// Places where structure said that something is missing, or that a code is wrong: profiles repeat what types say.
    told: HashSet<(String, &'static str)>,
    /// Issues beyond [`MAX_ISSUES`].
    left_out: usize,
}

impl Report {
    /// Whether the resource is not valid.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.issues.iter().any(|issue| issue.severity == Severity::Error)
    }

    /// Adds an issue, once for each place and subject (the key of an invariant, the address of a value set).
    pub(super) fn add(&mut self, issue: Issue, subject: &str) {
        if self.told.contains(&(issue.expression.clone(), issue.code)) {
            return;
        }
        let key = (issue.expression.clone(), format!("{} {subject}", issue.code));
        if !self.seen.insert(key) {
            return;
        }
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(issue);
            return;
        }
        self.left_out += 1;
        let spare = self.issues.iter().rposition(|one| one.severity > issue.severity);
        if let Some(spare) = spare {
            self.issues.remove(spare);
            self.issues.push(issue);
        }
    }

    /// Adds what the check of structure found, whose sentences end with what to do.
    pub(super) fn add_structure(&mut self, found: structure::Issue) {
        let (details, advice) = found.details.split_once("; ").unwrap_or((&found.details, ""));
        let mut advice = advice.to_owned();
        if let Some(first) = advice.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let issue = Issue {
            severity: Severity::Error,
            code: found.code.as_str(),
            expression: found.expression,
            details: details.to_owned(),
            advice,
        };
        let place = (issue.expression.clone(), issue.code);
        self.add(issue, "");
        if matches!(place.1, "code-invalid" | "required") {
            self.told.insert(place);
        }
    }

    /// The last words: that there is more than was said.
    pub(super) fn close(&mut self, root: &str) {
        if self.left_out > 0 {
            self.issues.push(Issue {
                severity: Severity::Information,
                code: "too-costly",
                expression: root.to_owned(),
                details: format!("{} more issues were found and left out", self.left_out),
                advice: "Correct these and validate again.".to_owned(),
            });
        }
    }

    /// Whether there are as many errors as are reported.
    pub(super) fn is_full(&self) -> bool {
        self.left_out > 10 * MAX_ISSUES
    }
}
