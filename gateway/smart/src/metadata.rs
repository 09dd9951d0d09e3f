//! The documents by which clients find their way: `.well-known/smart-configuration`
//! (<https://hl7.org/fhir/smart-app-launch/conformance.html#using-well-known>), `.well-known/oauth-authorization-server`
//! (<https://www.rfc-editor.org/rfc/rfc8414#section-2>), `.well-known/openid-configuration`
//! (<https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata>), and the extension of the
//! CapabilityStatement that older clients read.
//!
//! No document names what is not there: each member follows from [`Features`]. Without an authorization endpoint there is
//! neither `authorization_endpoint` nor `code_challenge_methods_supported`, as in the example of SMART Backend Services.

mod features;
mod uris;

use serde::Serialize;

use crate::assertion::ALGORITHMS;
use crate::jose::Algorithm;
pub use features::{Features, PATHS, Paths};
pub use uris::{OAUTH_URIS, OauthUris, Uri};

/// Where the authorization server is.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The issuer, as tokens name it: without a slash at its end.
    pub issuer: &'a str,
    /// What stands before [`Paths`]; without a slash at its end.
    pub base: &'a str,
    /// The paths of the endpoints.
    pub paths: Paths<'a>,
    /// What is there.
    pub features: Features,
}

/// What all three documents may have. A member that is `None` is not written.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Metadata {
    /// Who issues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<Box<str>>,
    /// Where a user is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<Box<str>>,
    /// Where tokens are had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<Box<str>>,
    /// The issuer's own keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<Box<str>>,
    /// Where clients register themselves (RFC 7591).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_endpoint: Option<Box<str>>,
    /// Where a user sees and revokes what they approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_endpoint: Option<Box<str>>,
    /// Where tokens are looked at (RFC 7662).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<Box<str>>,
    /// How clients prove there who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint_auth_methods_supported: Option<Vec<&'static str>>,
    /// How assertions are signed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint_auth_signing_alg_values_supported: Option<Vec<&'static str>>,
    /// Where tokens are revoked (RFC 7009).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<Box<str>>,
    /// How clients prove there who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint_auth_methods_supported: Option<Vec<&'static str>>,
    /// How assertions are signed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint_auth_signing_alg_values_supported: Option<Vec<&'static str>>,
    /// Ways to a token.
    pub grant_types_supported: Vec<&'static str>,
    /// How clients prove who they are.
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// How assertions are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg_values_supported: Option<Vec<&'static str>>,
    /// Some of the scopes that may be asked for.
    pub scopes_supported: Vec<&'static str>,
    /// What the authorization endpoint answers with; empty where there is none.
    pub response_types_supported: Vec<&'static str>,
    /// PKCE (RFC 7636).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge_methods_supported: Option<Vec<&'static str>>,
    /// The answer of the authorization endpoint names the issuer (RFC 9207).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_response_iss_parameter_supported: Option<bool>,
    /// Whether a user is the same to all clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_types_supported: Option<Vec<&'static str>>,
    /// How ID tokens are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signing_alg_values_supported: Option<Vec<&'static str>>,
    /// What ID tokens say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_supported: Option<Vec<&'static str>>,
    /// SMART's capabilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<&'static str>>,
}

impl Site<'_> {
    /// `.well-known/smart-configuration`. The issuer is named for OpenID Connect alone: the standard says to omit it
    /// otherwise.
    #[must_use]
    pub fn smart_configuration(&self) -> Metadata {
        let mut metadata = self.common();
        metadata.issuer = self.features.openid().then(|| self.issuer.into());
        metadata.capabilities = Some(self.features.capabilities());
        metadata
    }

    /// `.well-known/oauth-authorization-server`.
    #[must_use]
    pub fn authorization_server(&self) -> Metadata {
        let mut metadata = self.common();
        let features = &self.features;
        let (methods, signing) = (features.confidential_methods(), || features.assertion().then(algorithms));
        if features.introspection {
            metadata.introspection_endpoint_auth_methods_supported = Some(methods.clone());
            metadata.introspection_endpoint_auth_signing_alg_values_supported = signing();
        }
        if features.revocation {
            metadata.revocation_endpoint_auth_methods_supported = Some(features.token_methods());
            metadata.revocation_endpoint_auth_signing_alg_values_supported = signing();
        }
        metadata.issuer = Some(self.issuer.into());
        metadata
    }

    /// `.well-known/openid-configuration`; `None` where there is no OpenID Connect.
    #[must_use]
    pub fn openid_configuration(&self) -> Option<Metadata> {
        self.features.openid().then(|| Metadata {
            issuer: Some(self.issuer.into()),
            subject_types_supported: Some(vec!["public"]),
            id_token_signing_alg_values_supported: Some(vec!["RS256"]),
            claims_supported: Some(vec![
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "fhirUser",
                "profile",
            ]),
            ..self.common()
        })
    }

    fn common(&self) -> Metadata {
        let Features { authorize, registration, management, introspection, revocation, .. } = self.features;
        let openid = self.features.openid();
        let at = |is_there: bool, path: &str| is_there.then(|| self.at(path));
        Metadata {
            authorization_endpoint: at(authorize, self.paths.authorize),
            token_endpoint: at(self.features.token(), self.paths.token),
            jwks_uri: at(openid, self.paths.jwks),
            registration_endpoint: at(registration, self.paths.register),
            management_endpoint: at(authorize && management, self.paths.manage),
            introspection_endpoint: at(introspection, self.paths.introspect),
            revocation_endpoint: at(revocation, self.paths.revoke),
            grant_types_supported: self.features.grant_types(),
            token_endpoint_auth_methods_supported: self.features.token_methods(),
            token_endpoint_auth_signing_alg_values_supported: self.features.assertion().then(algorithms),
            scopes_supported: self.features.scopes(),
            response_types_supported: if authorize { vec!["code"] } else { Vec::new() },
            code_challenge_methods_supported: authorize.then(|| vec!["S256"]),
            authorization_response_iss_parameter_supported: (authorize && self.features.response_issuer)
                .then_some(true),
            ..Metadata::default()
        }
    }

    fn at(&self, path: &str) -> Box<str> {
        format!("{}{path}", self.base).into()
    }
}

fn algorithms() -> Vec<&'static str> {
    ALGORITHMS.into_iter().map(Algorithm::name).collect()
}
