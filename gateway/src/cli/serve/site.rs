//! Where a server is: what it listens on, and what clients call it.

use std::net::SocketAddr;

use reqwest::Url;

use crate::http::protection::Hsts;

/// Where it is served.
#[derive(Clone, Copy, Debug)]
pub struct Site<'s> {
    /// Address and port to listen on.
    pub address: SocketAddr,
    /// Address and port that metrics are told at.
    pub metrics: Option<SocketAddr>,
    /// The origin that clients reach it by; without one, that of the address.
    pub public_url: Option<&'s str>,
    /// What else clients call it: FHIR base addresses.
    pub also_at: &'s [String],
    /// What browsers are told of TLS there.
    pub hsts: Hsts,
}

impl Site<'_> {
    /// At an address alone.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, metrics: None, public_url: None, also_at: &[], hsts: Hsts::default() }
    }
}

/// An address that is ours, as references begin.
pub(super) fn own_address(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let fits = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic()) && !host.contains(['?', '#', '@']);
    if fits { Ok(text.to_owned()) } else { Err("give an address, as https://fhir.clinic.example/fhir".to_owned()) }
}

/// Whether an origin is of this machine, by any name that is sure to be it.
pub(super) fn is_this_machine(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| is_here(&url))
}

fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

/// An origin by TLS, or of this machine.
pub(in crate::cli) fn public_url(text: &str) -> Result<String, String> {
    let wrong = || {
        "give an origin: https://gateway.clinic.example, or http:// of this machine (127.0.0.1, localhost)".to_owned()
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_fit = url.scheme() == "https" || (url.scheme() == "http" && is_here(&url));
    let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_fit && is_origin && url.password().is_none() { Ok(url.origin().ascii_serialization()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin_by_tls_or_of_this_machine() {
        for (text, origin) in [
            ("https://gateway.clinic.example", "https://gateway.clinic.example"),
            ("https://gateway.clinic.example:8443/", "https://gateway.clinic.example:8443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(public_url(text).as_deref(), Ok(origin));
        }
        for text in [
            "gateway",
            "http://gateway.clinic.example",
            "https://g.example/fhir",
            "https://u:p@g.example",
            "https://g.example/?a=b",
            "ftp://g.example",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }
}
