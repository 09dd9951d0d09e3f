//! The Prefer header: <https://hl7.org/fhir/R4/http.html#ops> and RFC 7240.

use hyper::HeaderMap;

/// What a client prefers; what it does not say is `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Preference {
    /// What a write answers with.
    pub content: Option<Content>,
    /// What is done with parameters that are not understood.
    pub handling: Option<Handling>,
}

/// `return=`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content {
    /// Nothing but headers.
    Minimal,
    /// An OperationOutcome.
    Outcome,
    /// The resource as it is now.
    Representation,
}

/// `handling=`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handling {
    /// Leave out what is not understood, and say so.
    Lenient,
    /// Refuse it.
    Strict,
}

impl Preference {
    /// Reads the headers. Preferences that are not ours are ignored, as RFC 7240 wants it.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut preference = Self::default();
        for value in headers.get_all("prefer") {
            for part in value.to_str().unwrap_or_default().split([',', ';']) {
                preference.add(part.trim());
            }
        }
        preference
    }

    fn add(&mut self, part: &str) {
        let Some((name, value)) = part.split_once('=') else { return };
        let value = value.trim().trim_matches('"');
        if name.trim().eq_ignore_ascii_case("return") {
            self.content = match value.to_ascii_lowercase().as_str() {
                "minimal" => Some(Content::Minimal),
                "operationoutcome" => Some(Content::Outcome),
                "representation" => Some(Content::Representation),
                _ => self.content,
            };
        } else if name.trim().eq_ignore_ascii_case("handling") {
            self.handling = match value.to_ascii_lowercase().as_str() {
                "lenient" => Some(Handling::Lenient),
                "strict" => Some(Handling::Strict),
                _ => self.handling,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_preferences_in_one_header_or_two() {
        let mut headers = HeaderMap::new();
        headers.append("prefer", "respond-async, return=OperationOutcome".parse().unwrap());
        headers.append("prefer", "handling=\"lenient\"".parse().unwrap());
        let found = Preference::of(&headers);
        assert_eq!(found, Preference { content: Some(Content::Outcome), handling: Some(Handling::Lenient) });
    }

    #[test]
    fn what_is_not_ours_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.append("prefer", "return=everything; wait=3".parse().unwrap());
        assert_eq!(Preference::of(&headers), Preference::default());
    }
}
