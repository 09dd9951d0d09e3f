//! Token to [`Caller`]. Until OAuth comes there is one token, for development on loopback.
//!
//! <https://hl7.org/fhir/R4/http.html#security>, RFC 6750.

use consent::{Caller, CallerKind, Purpose};
use hyper::{HeaderMap, StatusCode, header};

use crate::gateway::DEFAULT_ORGANIZATION;
use crate::outcome::{Advice, Code, Failure};

/// Tells who sends a request.
pub struct Authenticator {
    token: Box<str>,
    caller: Caller,
    purpose: Purpose,
}

/// Who asks, and why.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// Why.
    pub purpose: Purpose,
}

impl Authenticator {
    /// The development token: its bearer is a system client of the default organization with all scopes, who asks for
    /// treatment. `None` for an empty token, which everybody would have.
    pub fn development(token: &str) -> Option<Self> {
        let caller = Caller {
            id: "development".to_owned(),
            client: Some("development".to_owned()),
            kind: CallerKind::System,
            organization: DEFAULT_ORGANIZATION,
            actors: Vec::new(),
            officer: true,
        };
        (!token.is_empty()).then(|| Self { token: token.into(), caller, purpose: Purpose::Treat })
    }

    /// The same, whose bearer is who the Consents call by these references, and asks for this purpose. Somebody of whom that is
    /// said reads the audit trail only as the `officer` or the patient it is about.
    #[must_use]
    pub fn acting(mut self, actors: Vec<String>, purpose: Purpose, officer: bool) -> Self {
        self.caller.officer = officer || actors.is_empty();
        (self.caller.actors, self.purpose) = (actors, purpose);
        self
    }

    /// Who sends a request with these headers.
    ///
    /// # Errors
    /// 401: no token, or not one of ours.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Identity<'_>, Failure> {
        let Some(token) = bearer(headers) else {
            return Err(unauthenticated("This needs a token: send Authorization: Bearer and the token."));
        };
        if same(token.as_bytes(), self.token.as_bytes()) {
            Ok(Identity { caller: &self.caller, purpose: self.purpose })
        } else {
            Err(unauthenticated("The token is not valid here."))
        }
    }
}

/// The token, where there is one: an empty header or another scheme is none.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn unauthenticated(details: &'static str) -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, Code::Login, details).advising(Advice::Authenticate)
}

/// Compares in a time that depends on the lengths alone.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let mut difference = u8::from(given.len() != expected.len());
    for (at, byte) in given.iter().enumerate() {
        difference |= byte ^ expected[at % expected.len()];
    }
    std::hint::black_box(difference) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(authorization: Option<&str>) -> u16 {
        let authenticator = Authenticator::development("secret").unwrap();
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        match authenticator.identify(&headers) {
            Ok(identity) => {
                assert_eq!(identity.purpose, Purpose::Treat);
                200
            }
            Err(failure) => failure.status.as_u16(),
        }
    }

    #[test]
    fn only_the_very_token_is_taken() {
        assert_eq!(status(Some("Bearer secret")), 200);
        assert_eq!(status(Some("bearer  secret ")), 200);
        for wrong in ["Bearer secre", "Bearer secrets", "Bearer secretsecret", "Basic secret", "Bearer ", "Bearer", ""]
        {
            assert_eq!(status(Some(wrong)), 401, "{wrong:?}");
        }
        assert_eq!(status(None), 401);
    }

    #[test]
    fn an_empty_token_makes_no_authenticator() {
        assert!(Authenticator::development("").is_none());
    }
}
