//! The addresses that this server is reached by.

use super::own;

/// The bases that this server is served at, and was: what is below one of them is a resource of its own. None: where it is served
/// is not known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bases(Vec<Box<str>>);

impl Bases {
    /// So many are kept: of more, those that were added or served at longest ago are forgotten.
    pub const MOST: usize = 64;

    /// Where it is served is not known: any address may be its own.
    #[must_use]
    pub fn are_unknown(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that was added or served at last stands last.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|base| &**base)
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, base: &str) -> bool {
        self.iter().any(|own| own == base)
    }

    /// This is one, too. Whether it was none before.
    pub fn add(&mut self, base: &str) -> bool {
        let is_new = !base.is_empty() && !self.contains(base);
        if is_new {
            self.0.push(base.into());
            let over = self.0.len().saturating_sub(Self::MOST);
            self.0.drain(..over);
        }
        is_new
    }

    /// This is the one that it is served at now. Whether anything changed.
    pub fn serve_at(&mut self, base: &str) -> bool {
        if base.is_empty() || self.0.last().is_some_and(|last| **last == *base) {
            return false;
        }
        self.0.retain(|own| **own != *base);
        self.add(base)
    }

    /// What follows one of them (and a slash) in an absolute address.
    #[must_use]
    pub fn below<'r>(&self, text: &'r str) -> Option<&'r str> {
        self.iter().find_map(|base| text.strip_prefix(base)?.strip_prefix('/'))
    }

    /// Type and id of an absolute reference (without version) to a resource below one of them.
    #[must_use]
    pub fn own<'r>(&self, text: &'r str) -> Option<(&'static str, &'r str)> {
        self.iter().find_map(|base| own(base, text))
    }
}

impl From<&str> for Bases {
    fn from(base: &str) -> Self {
        [base].into_iter().collect()
    }
}

impl<'b> FromIterator<&'b str> for Bases {
    fn from_iter<I: IntoIterator<Item = &'b str>>(bases: I) -> Self {
        let mut all = Self::default();
        for base in bases {
            all.add(base);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_any_of_them_is_its_own() {
        let mut bases = Bases::default();
        assert!(bases.are_unknown() && bases.own("http://a/fhir/Patient/1").is_none());
        assert!(bases.add("http://a/fhir") && bases.add("http://b/fhir") && !bases.add("http://a/fhir"));
        for text in ["http://a/fhir/Patient/1", "http://b/fhir/Patient/1/_history/2", "http://b/fhir/Patient/1#x"] {
            assert_eq!(bases.own(text), Some(("Patient", "1")), "{text}");
        }
        for text in ["Patient/1", "http://c/fhir/Patient/1", "http://a/fhirs/Patient/1", "http://a/fhir/Thing/1"] {
            assert_eq!(bases.own(text), None, "{text}");
        }
        assert_eq!(bases.below("http://b/fhir/Patient?name=x"), Some("Patient?name=x"));
        assert_eq!(bases.below("http://b/fhir"), None);
    }

    #[test]
    fn they_are_bounded() {
        let names: Vec<String> = (0..=Bases::MOST).map(|number| format!("http://h:{number}/fhir")).collect();
        let bases: Bases = names.iter().map(String::as_str).collect();
        assert_eq!(bases.iter().count(), Bases::MOST);
        assert!(!bases.contains(&names[0]) && bases.contains(&names[1]) && bases.contains(&names[Bases::MOST]));
        // The one that is served at stays, however long ago it was added.
        let mut bases = bases;
        assert!(bases.serve_at(&names[1]) && !bases.serve_at(&names[1]));
        assert!(bases.add(&names[0]) && !bases.contains(&names[2]) && bases.contains(&names[1]));
    }
}
