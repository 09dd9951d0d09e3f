//! What is there, and what follows from it.

/// Paths of the endpoints, from the authorization server's base on, each with a slash before it.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    /// Authorization endpoint.
    pub authorize: &'a str,
    /// Token endpoint.
    pub token: &'a str,
    /// The issuer's keys.
    pub jwks: &'a str,
    /// Registration endpoint.
    pub register: &'a str,
    /// What a user approved.
    pub manage: &'a str,
    /// Introspection endpoint.
    pub introspect: &'a str,
    /// Revocation endpoint.
    pub revoke: &'a str,
}

/// The usual paths.
pub const PATHS: Paths<'static> = Paths {
    authorize: "/authorize",
    token: "/token",
    jwks: "/jwks",
    register: "/register",
    manage: "/manage",
    introspect: "/introspect",
    revoke: "/revoke",
};

/// What is there. Everything is off by itself. What needs the authorization endpoint is off without it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Features {
    /// `client_credentials` with an assertion: SMART Backend Services.
    pub backend_services: bool,
    /// The authorization endpoint: codes with PKCE, standalone launch, a patient picker.
    pub authorize: bool,
    /// Launches from an EHR, with patient, encounter, banner and style.
    pub ehr_launch: bool,
    /// An encounter picker.
    pub standalone_encounter: bool,
    /// Clients without a secret.
    pub public_clients: bool,
    /// Clients with a secret, at the token endpoint.
    pub symmetric_clients: bool,
    /// Clients with keys, at the authorization endpoint; those of backend services are there anyhow.
    pub asymmetric_clients: bool,
    /// ID tokens, `openid` and `fhirUser`.
    pub openid: bool,
    /// `offline_access`.
    pub offline: bool,
    /// `online_access`.
    pub online: bool,
    /// `iss` in the answer of the authorization endpoint.
    pub response_issuer: bool,
    /// The introspection endpoint.
    pub introspection: bool,
    /// The revocation endpoint.
    pub revocation: bool,
    /// ID tokens of outside issuers for access tokens (RFC 8693).
    pub token_exchange: bool,
    /// Dynamic registration.
    pub registration: bool,
    /// The page where a user sees what they approved.
    pub management: bool,
}

/// Each value whose condition holds.
fn those<const N: usize>(all: [(bool, &'static str); N]) -> Vec<&'static str> {
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, value)| value).collect()
}

impl Features {
    /// Whether there is a token endpoint.
    pub(super) fn token(&self) -> bool {
        self.backend_services || self.authorize
    }

    pub(super) fn openid(&self) -> bool {
        self.authorize && self.openid
    }

    /// Whether clients may prove who they are by an assertion.
    pub(super) fn assertion(&self) -> bool {
        self.backend_services || self.authorize && self.asymmetric_clients
    }

    fn secret(&self) -> bool {
        self.token() && self.symmetric_clients
    }

    fn refresh(&self) -> bool {
        self.authorize && (self.offline || self.online)
    }

    pub(super) fn grant_types(&self) -> Vec<&'static str> {
        those([
            (self.authorize, "authorization_code"),
            (self.refresh(), "refresh_token"),
            (self.backend_services, "client_credentials"),
            (self.token() && self.token_exchange, "urn:ietf:params:oauth:grant-type:token-exchange"),
        ])
    }

    /// With `none`, for clients that only name themselves.
    pub(super) fn token_methods(&self) -> Vec<&'static str> {
        let mut methods = self.confidential_methods();
        methods.extend((self.authorize && self.public_clients).then_some("none"));
        methods
    }

    pub(super) fn confidential_methods(&self) -> Vec<&'static str> {
        let secret = self.secret();
        those([(self.assertion(), "private_key_jwt"), (secret, "client_secret_basic"), (secret, "client_secret_post")])
    }

    /// Some of what may be asked for, each spelling once; any type may stand for `*`.
    pub(super) fn scopes(&self) -> Vec<&'static str> {
        let (user, system, openid) = (self.authorize, self.backend_services, self.openid());
        those([
            (openid, "openid"),
            (openid, "fhirUser"),
            (openid, "profile"),
            (user && self.ehr_launch, "launch"),
            (user, "launch/patient"),
            (user && (self.ehr_launch || self.standalone_encounter), "launch/encounter"),
            (user && self.offline, "offline_access"),
            (user && self.online, "online_access"),
            (user, "patient/*.cruds"),
            (user, "patient/*.rs"),
            (user, "patient/*.*"),
            (user, "patient/*.read"),
            (user, "user/*.cruds"),
            (user, "user/*.rs"),
            (user, "user/*.*"),
            (user, "user/*.read"),
            (system, "system/*.cruds"),
            (system, "system/*.rs"),
            (system, "system/*.*"),
            (system, "system/*.read"),
        ])
    }

    /// <https://hl7.org/fhir/smart-app-launch/conformance.html#capabilities>.
    pub(super) fn capabilities(&self) -> Vec<&'static str> {
        let (user, launch) = (self.authorize, self.authorize && self.ehr_launch);
        those([
            (user, "launch-standalone"),
            (launch, "launch-ehr"),
            (user, "authorize-post"),
            (user && self.public_clients, "client-public"),
            (self.authorize && self.secret(), "client-confidential-symmetric"),
            (self.assertion(), "client-confidential-asymmetric"),
            (self.openid(), "sso-openid-connect"),
            (launch, "context-banner"),
            (launch, "context-style"),
            (launch, "context-ehr-patient"),
            (launch, "context-ehr-encounter"),
            (user, "context-standalone-patient"),
            (user && self.standalone_encounter, "context-standalone-encounter"),
            (user && self.offline, "permission-offline"),
            (user && self.online, "permission-online"),
            (user, "permission-patient"),
            (user, "permission-user"),
            (self.token(), "permission-v1"),
            (self.token(), "permission-v2"),
        ])
    }
}
