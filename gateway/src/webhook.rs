//! The webhook that alerts are sent to: HTTPS POST, signed as the Standard Webhooks specification says
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! The address may hold a secret: nothing of it but its host is ever written down, and errors are told in words of ours. No redirect is
//! followed, answers are not looked at beyond their status, and one attempt has an end.

mod sender;
mod signature;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};

pub use self::sender::{REVIEW_HOURS, Sender, Sent, Upkeep, keep, tell_before_stopping};
pub use self::signature::{Secrets, SecretsError};

use crate::clock::Clock;
use crate::outward::Cause;
use crate::tls;

/// How long one attempt may take, from the name's look-up to the end of the answer.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How long the connection may take of that.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read, to be thrown away: a receiver that is cut off earlier logs an error.
const MOST_ANSWERED: usize = 64 * 1024;
/// What stands before an address that is to be used without TLS.
const PLAIN: &str = "http";

/// A receiver of alerts.
pub struct Webhook {
    client: Client,
    url: Url,
    secrets: Secrets,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Webhook").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// Why an address or a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// It is not an address.
    #[error("the webhook's address is not a URL: give https://HOST/PATH")]
    Address,
    /// It is one of another kind.
    #[error("the webhook's address begins with {0}: and only https: can be used; give https://HOST/PATH")]
    Scheme(String),
    /// It is one without TLS, of another machine.
    #[error(
        "the webhook at {0} is on another machine, and http: is not encrypted: give an https: address, or say that it is meant \
         (--alert-plain-http)"
    )]
    Plain(String),
    /// A certificate cannot be read.
    #[error("the file of certificates (--alert-ca-file): {0}")]
    Certificates(#[from] tls::CertificatesError),
    /// The client cannot be made.
    #[error("no HTTPS client can be made for the webhook")]
    Client,
}

/// Why the receiver has not got an alert.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// Its certificate is not one that is trusted, or it speaks no TLS that we speak.
    Certificate,
    /// It does not listen.
    Refused,
    /// It answered so, and wants to be left alone for so long.
    Status(StatusCode, Option<Duration>),
    /// It did not answer in time.
    TimedOut,
    /// It cannot be reached, or went away.
    Unreachable,
}

impl Problem {
    /// The receiver takes this alert for malformed or too large; another one may please it.
    #[must_use]
    pub fn is_the_alert(self) -> bool {
        let faults = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY];
        matches!(self, Self::Status(status, _) if faults.contains(&status))
    }

    /// For how long the receiver wants to be left alone.
    #[must_use]
    pub fn pause(self) -> Option<Duration> {
        match self {
            Self::Status(_, pause) => pause,
            _ => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate => formatter.write_str("TLS failed, or the certificate is not trusted (--alert-ca-file)"),
            Self::Refused => formatter.write_str("nobody listens there"),
            Self::Status(status, _) if status.is_redirection() => {
                write!(formatter, "status {}: no redirect is followed", status.as_u16())
            }
            Self::Status(status, _) => write!(formatter, "status {}", status.as_u16()),
            Self::TimedOut => formatter.write_str("no answer in time"),
            Self::Unreachable => formatter.write_str("not reachable"),
        }
    }
}

impl Webhook {
    /// The receiver at an address. `certificates`: PEM of authorities that are trusted beside the usual ones; `plain`: without TLS also
    /// to another machine.
    ///
    /// # Errors
    /// [`WebhookError`] says what to do, and nothing of the address but its scheme and host.
    pub fn new(
        address: &str,
        secrets: Secrets,
        certificates: Option<&[u8]>,
        plain: bool,
    ) -> Result<Self, WebhookError> {
        let url = Url::parse(address.trim()).map_err(|_| WebhookError::Address)?;
        let is_plain = match url.scheme() {
            "https" => false,
            PLAIN if plain || is_loopback(&url) => true,
            PLAIN => return Err(WebhookError::Plain(host(&url))),
            other => return Err(WebhookError::Scheme(other.chars().take(20).collect())),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(WebhookError::Address);
        }
        let mut client = Client::builder()
            .user_agent(concat!("fhir-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .tls_backend_preconfigured(tls::config(certificates)?);
        if is_plain {
            // A proxy would see it.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|_| WebhookError::Client)?;
        Ok(Self { client, url, secrets })
    }

    /// Host and port: all of the address that may be told.
    #[must_use]
    pub fn host(&self) -> String {
        host(&self.url)
    }

    /// Sends one alert once.
    ///
    /// # Errors
    /// [`Problem`]: the receiver has it not, or nobody knows.
    pub async fn deliver(&self, clock: &Clock, id: &str, body: &str) -> Result<(), Problem> {
        let at = clock.now_ms() / 1000;
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", self.secrets.sign(id, at, body))
            .body(body.to_owned());
        let mut response = request.send().await.map_err(|error| problem(&error))?;
        let status = response.status();
        let pause = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut left = MOST_ANSWERED;
        while let Ok(Some(chunk)) = response.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        if status.is_success() { Ok(()) } else { Err(Problem::Status(status, pause.map(Duration::from_secs))) }
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What an error of the client comes to; its own text may hold the address.
fn problem(error: &reqwest::Error) -> Problem {
    match Cause::of(error) {
        Cause::Certificate => Problem::Certificate,
        Cause::Refused => Problem::Refused,
        Cause::TimedOut => Problem::TimedOut,
        Cause::Other => Problem::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, plain: bool) -> Option<String> {
        let secrets = Secrets::parse(signature::EXAMPLE).unwrap();
        Webhook::new(address, secrets, None, plain).err().map(|error| error.to_string())
    }

    #[test]
    fn addresses_are_https_or_of_this_machine() {
        for good in [
            "https://example.org/x",
            "http://127.0.0.1:1/x",
            "http://[::1]/",
            "http://localhost:9/",
            " https://a.example ",
        ] {
            assert_eq!(refused(good, false), None, "{good}");
        }
        assert_eq!(refused("http://example.org/x", true), None);
        for bad in [
            "http://example.org/SECRET",
            "http://127.0.0.1.example.org/SECRET",
            "ftp://example.org/SECRET",
            "file:///SECRET",
            "SECRET",
            "https:///?SECRET",
            "",
        ] {
            let said = refused(bad, false).unwrap_or_else(|| panic!("{bad} is taken"));
            assert!(!said.contains("SECRET"), "{said}");
        }
    }

    #[test]
    fn a_webhook_shows_its_host_alone() {
        let secrets = Secrets::parse(signature::EXAMPLE).unwrap();
        let webhook = Webhook::new("https://u:SECRET@example.org:8443/SECRET?SECRET", secrets, None, false).unwrap();
        assert_eq!(format!("{webhook:?}"), r#"Webhook { host: "example.org:8443", .. }"#);
    }

    #[test]
    fn a_file_of_certificates_has_some() {
        for bad in [&b""[..], b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(
                tls::config(Some(bad)),
                Err(tls::CertificatesError::NotPem
                    | tls::CertificatesError::None
                    | tls::CertificatesError::NoAuthority)
            ));
        }
    }
}
