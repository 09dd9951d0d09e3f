//! Addresses: <https://hl7.org/fhir/R4/search.html#uri>.

use crate::search::query::split::unescape;

/// An address to look for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UriValue {
    /// How it compares.
    pub how: UriMatch,
    /// The address.
    pub text: Box<str>,
}

/// How an address compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UriMatch {
    /// The value is the address or one above it (`:above`).
    Above,
    /// The value is the address or one below it (`:below`).
    Below,
    /// The value is the address.
    Exact,
}

impl UriValue {
    /// The address and every address above it.
    #[must_use]
    pub fn ancestors(&self) -> Vec<&str> {
        let scheme = self.text.find("://").map_or(0, |at| at + 3);
        let mut found = vec![&*self.text];
        while let Some(at) = found.last().and_then(|text| text[scheme.min(text.len())..].rfind('/')) {
            found.push(&self.text[..scheme + at]);
        }
        found
    }
}

/// Reads one address, still escaped.
pub(in crate::search::query) fn uri(text: &str, how: UriMatch) -> UriValue {
    UriValue { how, text: unescape(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_an_address() {
        let above = |text: &str| uri(text, UriMatch::Above).ancestors().join(" ");
        assert_eq!(above("http://a/b/c"), "http://a/b/c http://a/b http://a");
        assert_eq!(above("urn:oid:1.2"), "urn:oid:1.2");
    }
}
