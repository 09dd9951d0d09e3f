//! Token to [`Caller`]: of development on loopback there is one token, otherwise those count that are [`Issued`], or of an outside issuer that is trusted.
//!
//! <https://hl7.org/fhir/R4/http.html#security>, RFC 6750.

mod issued;
mod outside;
pub mod purpose;
pub mod scopes;

use std::sync::Arc;
use std::time::Instant;

use consent::{Caller, CallerKind, Purpose};
use hyper::{HeaderMap, StatusCode, header};
use ipnet::IpNet;

use crate::gateway::DEFAULT_ORGANIZATION;
use crate::metrics::TokenSeries;
use crate::outcome::{Advice, Code, Failure};

pub use issued::Issued;
pub use outside::Elsewhere;

/// Tells who sends a request.
pub struct Authenticator {
    development: Option<Development>,
    issued: Option<Arc<Issued>>,
    series: Arc<TokenSeries>,
}

/// The one token of development.
struct Development {
    token: Box<str>,
    known: Known,
}

/// Who sends a request, and why.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who.
    pub caller: Arc<Caller>,
    /// Why: one of its purposes.
    pub purpose: Purpose,
    /// Why it may ask: the request says which of these it is for ([`purpose`]).
    pub purposes: Arc<[Purpose]>,
    /// The request says why in a way that does not count.
    pub refused: Option<purpose::Refused>,
    /// The networks from which that client is answered; none are all.
    pub networks: Arc<[IpNet]>,
}

impl Known {
    /// Somebody who asks for a purpose, and may ask for these beside it.
    fn new(caller: Arc<Caller>, purpose: Purpose, purposes: &[Purpose], networks: &[IpNet]) -> Self {
        let mut all = purposes.to_vec();
        all.push(purpose);
        all.sort_unstable();
        all.dedup();
        Self { caller, purpose, purposes: all.into(), refused: None, networks: networks.into() }
    }

    /// Both, for who needs no more.
    pub fn identity(&self) -> Identity<'_> {
        Identity { caller: &self.caller, purpose: self.purpose }
    }
}

/// Who asks, and why.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// Why.
    pub purpose: Purpose,
}

/// Why nobody knows who sends a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unknown {
    /// There is no token.
    NoToken,
    /// It is none of ours, or has expired, or was revoked.
    NotValid,
    /// What would tell does not answer.
    Unavailable,
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        let details = match unknown {
            Unknown::NoToken => "This needs a token: send Authorization: Bearer and the token.",
            Unknown::NotValid => "The token is not valid here.",
            Unknown::Unavailable => {
                return Self::unavailable(Code::Transient, "Whose token this is cannot be told now. Try again.");
            }
        };
        let advice = if unknown == Unknown::NotValid { Advice::OtherToken } else { Advice::Authenticate };
        Self::new(StatusCode::UNAUTHORIZED, Code::Login, details).advising(advice)
    }
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
            scoped: None,
        };
        let known = Known::new(Arc::new(caller), Purpose::Treat, &[], &[]);
        let development = Development { token: token.into(), known };
        (!token.is_empty()).then(|| Self { development: Some(development), ..Self::nobody() })
    }

    /// The same, whose bearer is who the Consents call by these references, and asks for this purpose. Somebody of whom that is
    /// said reads the audit trail only as the `officer` or the patient it is about.
    #[must_use]
    pub fn acting(mut self, actors: Vec<String>, purpose: Purpose, officer: bool) -> Self {
        if let Some(Development { known, .. }) = &mut self.development {
            let officer = officer || actors.is_empty();
            known.caller = Arc::new(Caller { officer, actors, ..Caller::clone(&known.caller) });
            (known.purpose, known.purposes) = (purpose, [purpose].into());
        }
        self
    }

    /// No token at all.
    pub fn nobody() -> Self {
        Self { development: None, issued: None, series: Arc::default() }
    }

    /// The same, and the tokens that are issued here.
    #[must_use]
    pub fn and_issued(self, issued: Arc<Issued>) -> Self {
        Self { issued: Some(issued), ..self }
    }

    /// What operators see of tokens.
    pub fn series(&self) -> &Arc<TokenSeries> {
        &self.series
    }

    /// Who sends a request with these headers.
    ///
    /// # Errors
    /// Why nobody knows.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Known, Unknown> {
        let token = bearer(headers).ok_or(Unknown::NoToken)?;
        let begun = Instant::now();
        let found = self.whose(token).await.map(|known| known.asking(headers));
        self.series.verified(&found, begun.elapsed());
        found
    }

    /// Whether it takes a look into the database, or at a signature, for a token that nobody has seen here before: who guesses makes others pay
    /// for that. One that was bad a moment ago is not looked at.
    pub fn is_stranger(&self, headers: &HeaderMap) -> bool {
        let (Some(token), Some(issued)) = (bearer(headers), &self.issued) else { return false };
        let of_development =
            self.development.as_ref().map(|development| same(token.as_bytes(), development.token.as_bytes()));
        !of_development.unwrap_or_default() && !issued.is_told(token)
    }

    async fn whose(&self, token: &str) -> Result<Known, Unknown> {
        if let Some(Development { token: expected, known }) = &self.development
            && same(token.as_bytes(), expected.as_bytes())
        {
            return Ok(known.clone());
        }
        match &self.issued {
            Some(issued) => issued.identify(token).await,
            None => Err(Unknown::NotValid),
        }
    }
}

/// The token, where there is one: an empty header or another scheme is none.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
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
    use futures_util::FutureExt as _;

    use super::*;

    fn status(authorization: Option<&str>) -> u16 {
        let authenticator = Authenticator::development("secret").unwrap();
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        match authenticator.identify(&headers).now_or_never().expect("nothing to wait for") {
            Ok(known) => {
                assert_eq!(known.purpose, Purpose::Treat);
                200
            }
            Err(unknown) => Failure::from(unknown).status.as_u16(),
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
