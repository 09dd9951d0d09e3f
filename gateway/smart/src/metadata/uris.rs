//! The extension `oauth-uris` of `CapabilityStatement.rest.security`, by which clients of SMART 1 find the endpoints:
//! <https://hl7.org/fhir/smart-app-launch/1.0.0/StructureDefinition-oauth-uris.html>.

use serde::Serialize;

use super::Site;

/// The extension's URL.
pub const OAUTH_URIS: &str = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris";

/// The extension.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct OauthUris {
    /// [`OAUTH_URIS`].
    pub url: &'static str,
    /// The endpoints.
    pub extension: Vec<Uri>,
}

/// One endpoint.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Uri {
    /// Which one.
    pub url: &'static str,
    /// Where it is.
    #[serde(rename = "valueUri")]
    pub value: Box<str>,
}

impl Site<'_> {
    /// The extension; `None` where no token is to be had.
    #[must_use]
    pub fn oauth_uris(&self) -> Option<OauthUris> {
        let found = self.common();
        found.token_endpoint.as_ref()?;
        let extension = [
            ("authorize", found.authorization_endpoint),
            ("token", found.token_endpoint),
            ("register", found.registration_endpoint),
            ("manage", found.management_endpoint),
            ("introspect", found.introspection_endpoint),
            ("revoke", found.revocation_endpoint),
        ];
        let uri = |(url, value): (_, Option<_>)| value.map(|value| Uri { url, value });
        Some(OauthUris { url: OAUTH_URIS, extension: extension.into_iter().filter_map(uri).collect() })
    }
}
