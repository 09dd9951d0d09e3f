//! Terminology: code systems, value sets and concept maps, and what is asked of them. Pure: no network, no clock, no database
//! handle. What it is about is brought into a [`library::Library`] by whoever has it; an operation that lacks something says so, and
//! is asked again with it. Release files and their index come with a later step; until a release is loaded every code passes
//! through, and says so.

pub mod compose;
pub mod display;
pub mod expand;
pub mod issue;
pub mod language;
pub mod library;
pub mod lookup;
pub mod model;
pub mod options;
pub mod subsumes;
pub mod translate;
pub mod units;
pub mod validate;
pub mod version;

/// A code in a system.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Coding<'a> {
    /// The code system's canonical address.
    pub system: &'a str,
    /// The code.
    pub code: &'a str,
}

/// What normalization found for a coding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Normalized {
    /// No release of the system is loaded: nothing is known, the coding passes as it is.
    NoRelease,
}

/// What the gateway asks of terminology.
pub trait Terminology: Send + Sync {
    /// The standard coding for a coding, if it can be proved.
    fn normalize(&self, coding: Coding<'_>) -> Normalized;

    /// The codes of a value set, or `None` where it is not known here.
    fn expand(&self, value_set: &str) -> Option<Vec<(String, String)>>;

    /// Whether `ancestor` subsumes `descendant`, or `None` where the system is not known here.
    fn subsumes(&self, ancestor: Coding<'_>, descendant: Coding<'_>) -> Option<bool>;
}

/// Terminology with no release loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unloaded;

impl Terminology for Unloaded {
    fn normalize(&self, _coding: Coding<'_>) -> Normalized {
        Normalized::NoRelease
    }

    fn expand(&self, _value_set: &str) -> Option<Vec<(String, String)>> {
        None
    }

    fn subsumes(&self, ancestor: Coding<'_>, descendant: Coding<'_>) -> Option<bool> {
        (ancestor == descendant).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_release_codes_pass_and_only_equality_is_known() {
        let a = Coding { system: "http://loinc.org", code: "8867-4" };
        let b = Coding { system: "http://loinc.org", code: "8310-5" };
        assert_eq!(Unloaded.normalize(a), Normalized::NoRelease);
        assert_eq!(Unloaded.subsumes(a, a), Some(true));
        assert_eq!(Unloaded.subsumes(a, b), None);
        assert_eq!(Unloaded.expand("http://example.org/vs"), None);
    }
}
