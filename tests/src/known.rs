//! Lists of known failures, which only shrink.

use std::collections::{BTreeMap, BTreeSet};

/// A file of `conformance/known`: what is known to fail, each with its reason.
#[derive(Debug, serde::Deserialize)]
pub struct Known {
    #[serde(skip)]
    file: String,
    #[serde(default)]
    known: Vec<Entry>,
}

#[derive(Debug, serde::Deserialize)]
struct Entry {
    case: String,
    reason: String,
}

impl Known {
    /// Reads `conformance/known/<name>.toml`.
    ///
    /// # Panics
    /// When the file is missing or an entry has no reason.
    pub fn load(name: &str) -> Self {
        let path = crate::shared::repository().join("conformance/known").join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut known: Self = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        known.file = path.display().to_string();
        for entry in &known.known {
            assert!(entry.reason.len() > 10, "{}: {} has no reason", known.file, entry.case);
        }
        known
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether the list is empty: the goal.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether a case is listed.
    pub fn holds(&self, case: &str) -> bool {
        self.known.iter().any(|entry| entry.case == case)
    }

    /// Holds the failures of a run (case -> symptom) against the list: a failure that is not listed fails the test, and so
    /// does an entry that no longer fails.
    ///
    /// # Panics
    /// That is what it is for.
    pub fn verify(&self, ran: usize, failures: &BTreeMap<String, String>) {
        assert!(ran > 0, "no case ran");
        let listed: BTreeSet<&str> = self.known.iter().map(|entry| entry.case.as_str()).collect();
        assert_eq!(listed.len(), self.known.len(), "{}: a case is listed twice", self.file);
        let fresh: Vec<String> = failures
            .iter()
            .filter(|(case, _)| !listed.contains(case.as_str()))
            .map(|(case, symptom)| format!("  {case}: {symptom}"))
            .collect();
        let stale: Vec<&str> = listed.into_iter().filter(|case| !failures.contains_key(*case)).collect();
        println!("{ran} cases, {} known failures", failures.len() - fresh.len());
        assert!(fresh.is_empty(), "{} of {ran} cases fail and are not known:\n{}", fresh.len(), fresh.join("\n"));
        assert!(stale.is_empty(), "{}: these no longer fail, take them out:\n  {}", self.file, stale.join("\n  "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(case: &str) -> Known {
        let entry = Entry { case: case.to_owned(), reason: "a good reason".to_owned() };
        Known { file: "known.toml".to_owned(), known: vec![entry] }
    }

    fn failure(case: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(case.to_owned(), "symptom".to_owned())])
    }

    #[test]
    fn a_known_failure_passes() {
        known("a").verify(1, &failure("a"));
    }

    #[test]
    #[should_panic(expected = "are not known")]
    fn an_unknown_failure_fails() {
        known("a").verify(2, &failure("b"));
    }

    #[test]
    #[should_panic(expected = "no longer fail")]
    fn an_entry_that_no_longer_fails_fails() {
        known("a").verify(1, &BTreeMap::new());
    }

    #[test]
    #[should_panic(expected = "no case ran")]
    fn a_run_of_nothing_fails() {
        known("a").verify(0, &failure("a"));
    }
}
