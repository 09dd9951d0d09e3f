//! Why no certificate could be had.

use std::{fmt, io};

use instant_acme::Error as AcmeError;

use crate::http::certificate::CertificateError;
use crate::outward::Cause;

/// The longest text of an authority that is repeated, in characters.
const LONGEST: usize = 500;

/// Why no certificate could be had. No text holds anything of a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// What was got does not do.
    #[error("the certificate that came cannot be used: {0}")]
    Certificate(CertificateError),
    /// It is for other names.
    #[error("the certificate that came is not for the names that were asked for")]
    Foreign,
    /// The disk.
    #[error("what belongs to certificates cannot be kept: {0}")]
    Kept(io::Error),
    /// Another kind of proof alone.
    #[error(
        "the authority does not offer tls-alpn-01 for {0}: let certbot or lego get the certificate, and give --tls-certificate and --tls-key"
    )]
    NoProof(String),
    /// An answer that is none of ACME.
    #[error("the answer of the authority is not one of ACME: is --acme-directory the address of its directory?")]
    Odd,
    /// It says no.
    #[error("the authority refuses: {0}")]
    Refused(Said),
    /// It did not come to us, or was answered by somebody else.
    #[error(
        "the authority could not see that {0} is this server: {1}; the name has to lead here, at port 443, for the authority too, with no proxy \
         before it that ends TLS"
    )]
    Unproven(String, Said),
    /// An address that may not be asked.
    #[error("the authority names an address that is not asked: https alone, and none of the network's own")]
    Address,
    /// It does not answer.
    #[error("the authority's directory {0}")]
    Unreachable(Unreachable),
    /// rcgen or rustls refuses.
    #[error("no key or request for a certificate could be made")]
    Unmade,
    /// It works on it for longer than that.
    #[error("the authority has not come to an end in time")]
    Slow,
}

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unreachable {
    #[error(
        "is not trusted: its certificate is of an authority that is not known here (--acme-ca-file), or TLS failed"
    )]
    Certificate,
    #[error("cannot be reached: nobody listens there")]
    Listener,
    #[error("did not answer in time")]
    Silent,
    #[error("answered with status {0}")]
    Status(u16),
    #[error("cannot be reached")]
    Unknown,
}

/// What an authority says, as far as it is repeated.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said(String);

impl Said {
    pub(super) fn of(problem: &instant_acme::Problem) -> Self {
        let kind = problem.r#type.as_deref().unwrap_or_default();
        let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
        let details = [&problem.detail].into_iter().chain(problem.subproblems.iter().map(|sub| &sub.detail));
        let details: Vec<&str> = details.filter_map(|detail| detail.as_deref()).collect();
        Self::text(&match (&*details.join("; "), kind) {
            ("", "") => "it does not say why".to_owned(),
            ("", kind) => kind.to_owned(),
            (details, "") => details.to_owned(),
            (details, kind) => format!("{details} ({kind})"),
        })
    }

    /// One line of bounded length: it goes into a log.
    pub(super) fn text(text: &str) -> Self {
        let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
        Self(plain.take(LONGEST).collect())
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<AcmeError> for Problem {
    fn from(error: AcmeError) -> Self {
        match error {
            AcmeError::Api(problem) => Self::Refused(Said::of(&problem)),
            AcmeError::Crypto | AcmeError::KeyRejected => Self::Unmade,
            AcmeError::Timeout(_) => Self::Slow,
            AcmeError::Other(other) => match other.downcast::<Self>() {
                Ok(problem) => *problem,
                Err(_) => Self::Odd,
            },
            _ => Self::Odd,
        }
    }
}

impl From<reqwest::Error> for Problem {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(match Cause::of(&error) {
            Cause::Certificate => Unreachable::Certificate,
            Cause::Refused => Unreachable::Listener,
            Cause::TimedOut => Unreachable::Silent,
            Cause::Other => Unreachable::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_authority_says_is_one_line_of_bounded_length() {
        let problem = |detail: &str| instant_acme::Problem {
            r#type: Some("urn:ietf:params:acme:error:rateLimited".to_owned()),
            detail: Some(detail.to_owned()),
            status: Some(429),
            subproblems: Vec::new(),
        };
        assert_eq!(Said::of(&problem("too\nmany")).to_string(), "too many (rateLimited)");
        assert_eq!(Said::of(&problem(&"a".repeat(9999))).to_string().len(), LONGEST);
    }
}
