//! What stands beside every answer so that a browser does nothing with it that it is not for.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};
use reqwest::Url;

/// A browser that has seen it goes nowhere on this host without TLS, for a year.
const STRICT: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// What is no page is not one: nothing of it runs, fetches or is framed. Pages have policies of their own.
const NOTHING_RUNS: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The headers that every answer has.
#[derive(Clone, Copy, Debug)]
pub struct Protection {
    /// The host is reached by TLS alone.
    strict: bool,
}

impl Protection {
    /// Of a server that clients reach by an origin. What a browser is told of `localhost` (by which it may have come to
    /// 127.0.0.1) it would hold against whatever else a developer runs there, so nothing is said of this machine.
    #[must_use]
    pub fn at(origin: &str) -> Self {
        let url = Url::parse(origin).ok().filter(|url| url.scheme() == "https");
        let host = url.as_ref().and_then(Url::host_str);
        let is_here = |host: &str| {
            let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        Self { strict: host.is_some_and(|host| !is_here(host)) }
    }

    /// Puts them beside an answer.
    pub(super) fn beside(self, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING_RUNS);
        headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
        if self.strict {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, STRICT);
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
            Protection::at(origin).beside(&mut headers);
            assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            headers.contains_key(header::STRICT_TRANSPORT_SECURITY)
        };
        assert!(strict("https://gateway.clinic.example") && strict("https://gateway.clinic.example:8443"));
        assert!(!strict("http://127.0.0.1:8080") && !strict("https://127.0.0.1:8443"));
        assert!(!strict("https://localhost:8443") && !strict("https://[::1]:8443"));
    }

    #[test]
    fn a_policy_that_is_there_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        Protection::at("http://localhost").beside(&mut headers);
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], "sandbox");
    }
}
