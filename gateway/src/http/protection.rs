//! What stands beside every answer so that a browser does nothing with it that it is not for.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};
use reqwest::Url;

/// A year.
const USUAL_S: u32 = 31_536_000;
/// The longest that can be said: ten years.
const LONGEST_S: u32 = 315_360_000;
/// What is no page is not one: nothing of it runs, fetches or is framed. Pages have policies of their own.
const NOTHING_RUNS: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// How long a browser that has seen a host goes nowhere on it without TLS, nor past a certificate that it does not know (RFC 6797).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hsts {
    /// For so many seconds; with 0 it forgets what it was told.
    For(u32),
    /// Nothing is said.
    Off,
}

impl Default for Hsts {
    fn default() -> Self {
        Self::For(USUAL_S)
    }
}

/// What an option says of it.
///
/// # Errors
/// What to give instead.
pub fn hsts(text: &str) -> Result<Hsts, String> {
    match text.parse() {
        _ if text == "off" => Ok(Hsts::Off),
        Ok(seconds @ 0..=LONGEST_S) => Ok(Hsts::For(seconds)),
        _ => Err(format!("give seconds (at most {LONGEST_S}; 0 has browsers forget it), or off")),
    }
}

/// The headers that every answer has.
#[derive(Clone, Debug)]
pub struct Protection {
    /// The host is reached by TLS alone.
    strict: Option<HeaderValue>,
}

impl Protection {
    /// Of a server that clients reach by an origin. What a browser is told of `localhost` (by which it may have come to
    /// 127.0.0.1) it would hold against whatever else a developer runs there, so nothing is said of this machine.
    #[must_use]
    pub fn at(origin: &str, hsts: Hsts) -> Self {
        let url = Url::parse(origin).ok().filter(|url| url.scheme() == "https");
        let host = url.as_ref().and_then(Url::host_str);
        let is_here = |host: &str| {
            let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        let strict = match hsts {
            Hsts::For(seconds) if host.is_some_and(|host| !is_here(host)) => Some(seconds),
            _ => None,
        };
        Self { strict: strict.and_then(|seconds| HeaderValue::try_from(format!("max-age={seconds}")).ok()) }
    }

    /// Puts them beside an answer.
    pub(super) fn beside(&self, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING_RUNS);
        headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
        if let Some(strict) = &self.strict {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, strict.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_that_is_reached_by_tls_says_so() {
        let strict = |origin| {
            let mut headers = HeaderMap::new();
            Protection::at(origin, Hsts::default()).beside(&mut headers);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            headers.contains_key(header::STRICT_TRANSPORT_SECURITY)
        };
        assert!(strict("https://gateway.clinic.example") && strict("https://gateway.clinic.example:8443"));
        assert!(!strict("http://127.0.0.1:8080") && !strict("https://127.0.0.1:8443"));
        assert!(!strict("https://localhost:8443") && !strict("https://[::1]:8443"));
    }

    #[test]
    fn it_is_said_as_the_operator_says() {
        let said = |text| {
            let mut headers = HeaderMap::new();
            Protection::at("https://192.0.2.1", hsts(text).unwrap()).beside(&mut headers);
            headers.get(header::STRICT_TRANSPORT_SECURITY).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(said("off"), None);
        assert_eq!(said("300").as_deref(), Some("max-age=300"));
        assert_eq!(said("0").as_deref(), Some("max-age=0"));
        for wrong in ["on", "-1", "315360001", ""] {
            assert!(hsts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_policy_that_is_there_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        Protection::at("http://localhost", Hsts::default()).beside(&mut headers);
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox");
    }
}
