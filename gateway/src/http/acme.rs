//! Certificates that an authority is asked for by ACME (<https://www.rfc-editor.org/rfc/rfc8555>), and that are renewed before they end.
//!
//! That the names are ours is shown on the server's own listener (tls-alpn-01, <https://www.rfc-editor.org/rfc/rfc8737>): no second
//! port, and nobody who sits between sees more than a handshake. The protocol is `instant-acme`'s; when it is spoken, what is kept and
//! what is shown meanwhile are decided here.

mod directory;
mod keeper;
mod order;
mod place;
mod problem;
mod proof;

use std::collections::BTreeSet;

use reqwest::Url;

pub use self::keeper::{Keeper, KeeperError};
pub use self::proof::Automatic;
pub(super) use self::proof::is_question;

use crate::outward::Reach;

/// Let's Encrypt's.
pub const USUAL_DIRECTORY: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The most names of a certificate (Let's Encrypt's limit).
pub const MOST_NAMES: usize = 100;

/// What is asked for, and of whom.
#[derive(Clone, Debug)]
pub struct Acme {
    /// The names of hosts that the certificate is for.
    pub domains: BTreeSet<String>,
    /// Where the authority reaches who answers for the server: `mailto:`.
    pub contacts: Vec<String>,
    /// The authority's directory.
    pub directory: Url,
    /// Whom to trust that it is the authority.
    pub tls: rustls::ClientConfig,
}

/// The name of a host that a certificate can be had for in this way.
///
/// # Errors
/// What to give instead.
pub fn domain(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    if name.starts_with("*.") {
        return Err(
            "no name with a * can be shown to be ours by tls-alpn-01: name each host, or let certbot get the certificate by DNS".to_owned()
        );
    }
    let is_label = |label: &str| {
        let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_known)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // The last label of an address is a number.
    let is_address = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    if name.len() <= 253 && name.split('.').all(is_label) && !is_address {
        Ok(name)
    } else {
        Err("give the name of a host as DNS has it: fhir.clinic.example (other letters as xn--...)".to_owned())
    }
}

/// Where to reach who answers for the server.
///
/// # Errors
/// What to give instead.
pub fn contact(text: &str) -> Result<String, String> {
    let address = text.strip_prefix("mailto:").and_then(|address| address.split_once('@'));
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b',' | b'%' | b'@');
    match address {
        Some((who, host)) if !who.is_empty() && who.bytes().all(is_plain) && domain(host).is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("give one address of mail: mailto:it@clinic.example".to_owned()),
    }
}

/// The address of a directory.
///
/// # Errors
/// What to give instead.
pub fn directory(text: &str) -> Result<Url, String> {
    let url = Reach::Named.url(text).filter(|url| url.scheme() == "https" && url.fragment().is_none());
    url.ok_or_else(|| {
        format!("give the https address of an authority's directory, without a user, as {USUAL_DIRECTORY}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_hosts() {
        for (text, name) in
            [("FHIR.clinic.example", "fhir.clinic.example"), ("xn--bcher-kva.example", "xn--bcher-kva.example")]
        {
            assert_eq!(domain(text).as_deref(), Ok(name));
        }
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "",
            ".",
            "a..b",
            "-a.example",
            "a-.example",
            "127.0.0.1",
            "::1",
            "a_b.example",
            "bücher.example",
            "a.example:443",
            "a.example.",
            &long,
        ] {
            assert!(domain(bad).is_err(), "{bad}");
        }
        assert!(domain("*.clinic.example").unwrap_err().contains("certbot"));
    }

    #[test]
    fn contacts_are_one_address_each() {
        assert!(contact("mailto:it@clinic.example").is_ok());
        for bad in [
            "it@clinic.example",
            "mailto:",
            "mailto:it",
            "mailto:@x.example",
            "mailto:a@b.example,c@d.example",
            "mailto:a@b.example?subject=x",
            "tel:1",
        ] {
            assert!(contact(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn directories_are_reached_by_tls() {
        assert!(directory(USUAL_DIRECTORY).is_ok() && directory("https://127.0.0.1:14000/dir").is_ok());
        for bad in [
            "http://127.0.0.1/dir",
            "https://u:p@ca.example/",
            "https://169.254.169.254/",
            "ca.example",
            "https://ca.example/#x",
        ] {
            assert!(directory(bad).is_err(), "{bad}");
        }
    }
}
