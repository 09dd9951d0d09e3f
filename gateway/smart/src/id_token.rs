//! What an ID token says: <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>,
//! <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-identity-data>.
//!
//! Subjects are public in the sense of OpenID Connect: a user is the same to all clients, and for good. A subject is what the caller
//! gives: the random id of an account. Nothing that tells who that is to somebody who has only the token: no name, no e-mail, no
//! resource. (`fhirUser` tells it, to a client that was granted that.)
//!
//! Signing is elsewhere: here is what is signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::jose::Algorithm;

/// How ID tokens are signed. OpenID Connect wants every client to know it, and certification wants no other.
pub const ALGORITHM: Algorithm = Algorithm::Rs256;

/// How long an ID token counts, in seconds.
pub const LIFETIME_S: i64 = 3600;

/// The longest subject, in bytes: <https://openid.net/specs/openid-connect-core-1_0.html#IDToken> allows no more.
pub const LONGEST_SUBJECT: usize = 255;

/// The longest nonce, in bytes.
pub const LONGEST_NONCE: usize = 1024;

/// The types of which `fhirUser` may be.
pub const USERS: [&str; 4] = ["Patient", "Person", "Practitioner", "RelatedPerson"];

/// Who logged in, and for whom that is said.
#[derive(Clone, Copy, Debug)]
pub struct IdToken<'a> {
    /// Who logged in: the account's random id.
    pub subject: &'a str,
    /// The client.
    pub client_id: &'a str,
    /// What the client sent as `nonce`, to the letter; none where it sent none.
    pub nonce: Option<&'a str>,
    /// When the user logged in, in seconds since 1970.
    pub auth_time_s: Option<i64>,
    /// The user's own resource (`Practitioner/1`), where the scope `fhirUser` or `profile` was granted.
    pub fhir_user: Option<&'a str>,
    /// The scope `profile` was granted: older apps read the same by that name.
    pub profile: bool,
}

/// Where and when it is said.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The issuer, as discovery has it.
    pub issuer: &'a str,
    /// The address of FHIR, without a slash at its end.
    pub fhir: &'a str,
    /// Now, in seconds since 1970.
    pub now_s: i64,
}

/// Why there is no such token. No text of it is in here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IdTokenError {
    /// The subject is empty, too long, or not an opaque id.
    #[error(
        "the subject has to be an opaque id of 1 to {LONGEST_SUBJECT} letters, digits, '-', '_' and '.': nothing that names a person"
    )]
    Subject,
    /// There is no client.
    #[error("there is no client to say it to")]
    Client,
    /// The nonce is empty or too long.
    #[error("the nonce has to be of 1 to {LONGEST_NONCE} bytes")]
    Nonce,
    /// The login is in the future.
    #[error("auth_time is in the future")]
    AuthTime,
    /// `fhirUser` is none of [`USERS`].
    #[error("fhirUser has to be Patient, Person, Practitioner or RelatedPerson, a slash and an id")]
    FhirUser,
}

/// The claims, in their order.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    fhir_user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

impl IdToken<'_> {
    /// What is to be signed with the key of that id: header and claims, with a point between.
    ///
    /// # Errors
    /// [`IdTokenError`]: what is wrong.
    pub fn signing_input(&self, kid: &str, at: &Issuer<'_>) -> Result<String, IdTokenError> {
        let header = Header { alg: ALGORITHM.name(), kid, typ: "JWT" };
        let url = self.checked(at)?.map(|user| format!("{}/{user}", at.fhir));
        let claims = Claims {
            iss: at.issuer,
            sub: self.subject,
            aud: self.client_id,
            exp: at.now_s.saturating_add(LIFETIME_S),
            iat: at.now_s,
            auth_time: self.auth_time_s,
            nonce: self.nonce,
            fhir_user: url.as_deref(),
            profile: url.as_deref().filter(|_| self.profile),
        };
        let encoded = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        // Texts and numbers always are JSON.
        let header = serde_json::to_vec(&header).unwrap_or_default();
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        Ok(format!("{}.{}", encoded(header), encoded(claims)))
    }

    /// The user's resource, once all is as it has to be.
    fn checked(&self, at: &Issuer<'_>) -> Result<Option<&str>, IdTokenError> {
        let is_opaque = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let subject = self.subject;
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || !subject.bytes().all(is_opaque) {
            return Err(IdTokenError::Subject);
        }
        if self.client_id.is_empty() {
            return Err(IdTokenError::Client);
        }
        if self.nonce.is_some_and(|nonce| nonce.is_empty() || nonce.len() > LONGEST_NONCE) {
            return Err(IdTokenError::Nonce);
        }
        if self.auth_time_s.is_some_and(|time| time > at.now_s) {
            return Err(IdTokenError::AuthTime);
        }
        match self.fhir_user {
            Some(user) if !is_user(user) => Err(IdTokenError::FhirUser),
            user => Ok(user),
        }
    }
}

/// Whether a text names the resource of somebody who can log in: `Practitioner/1`.
#[must_use]
pub fn is_user(reference: &str) -> bool {
    let is_id = |id: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        // `.` and `..` would lead elsewhere in a path.
        (1..=64).contains(&id.len()) && id.bytes().all(fits) && id.bytes().any(|byte| byte != b'.')
    };
    reference.split_once('/').is_some_and(|(kind, id)| USERS.contains(&kind) && is_id(id))
}
