//! The documents of discovery: whole, as JSON, for what is there now and for all that there may be.

use serde_json::{Value, json};

use smart::metadata::{Features, OAUTH_URIS, PATHS, Site};
use smart::scope::{Scopes, Unknown};

const NOTHING: Features = Features {
    backend_services: false,
    authorize: false,
    ehr_launch: false,
    standalone_encounter: false,
    public_clients: false,
    symmetric_clients: false,
    asymmetric_clients: false,
    openid: false,
    offline: false,
    online: false,
    response_issuer: false,
    introspection: false,
    revocation: false,
    registration: false,
    management: false,
    token_exchange: false,
};

const EVERYTHING: Features = Features {
    backend_services: true,
    authorize: true,
    ehr_launch: true,
    standalone_encounter: true,
    public_clients: true,
    symmetric_clients: true,
    asymmetric_clients: true,
    openid: true,
    offline: true,
    online: true,
    response_issuer: true,
    introspection: true,
    revocation: true,
    registration: true,
    management: true,
    token_exchange: true,
};

const BACKEND: Features = Features { backend_services: true, ..NOTHING };

fn site(features: Features) -> Site<'static> {
    Site { issuer: "https://h.example.org/fhir", base: "https://h.example.org/auth", paths: PATHS, features }
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("JSON")
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn has(value: &Value, member: &str, what: &str) -> bool {
    value[member].as_array().is_some_and(|all| all.iter().any(|one| one == what))
}

#[test]
fn backend_services_alone_are_advertised_and_nothing_else() {
    assert_eq!(
        json(site(BACKEND).smart_configuration()),
        json!({
            "token_endpoint": "https://h.example.org/auth/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384"],
            "scopes_supported": ["system/*.cruds", "system/*.rs", "system/*.*", "system/*.read"],
            "response_types_supported": [],
            "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
        })
    );
    assert_eq!(
        json(site(BACKEND).oauth_uris().unwrap()),
        json!({"url": OAUTH_URIS, "extension": [{"url": "token", "valueUri": "https://h.example.org/auth/token"}]})
    );
    assert!(site(BACKEND).openid_configuration().is_none());
    let server = json(site(BACKEND).authorization_server());
    assert_eq!(server["issuer"], "https://h.example.org/fhir");
    assert_eq!(names(&server).len(), names(&json(site(BACKEND).smart_configuration())).len());
}

/// facts/smart-bulk-ehr.md 1.2.
#[test]
fn what_the_certification_suites_ask_of_a_smart_configuration() {
    let found = json(site(EVERYTHING).smart_configuration());
    for (member, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("jwks_uri", "/jwks"),
        ("introspection_endpoint", "/introspect"),
        ("revocation_endpoint", "/revoke"),
        ("management_endpoint", "/manage"),
        ("registration_endpoint", "/register"),
    ] {
        assert_eq!(found[member], format!("https://h.example.org/auth{path}"), "{member}");
    }
    assert_eq!(found["issuer"], "https://h.example.org/fhir");
    assert_eq!(
        found["grant_types_supported"],
        json!([
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange"
        ])
    );
    assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(found["response_types_supported"], json!(["code"]));
    for capability in [
        "launch-standalone",
        "launch-ehr",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-standalone-patient",
        "context-banner",
        "context-style",
        "context-ehr-patient",
        "context-ehr-encounter",
        "permission-offline",
        "permission-patient",
        "client-confidential-symmetric",
        "permission-user",
        "authorize-post",
        "permission-v2",
        "permission-v1",
    ] {
        assert!(has(&found, "capabilities", capability), "{capability}");
    }
}

#[test]
fn what_openid_discovery_asks() {
    let found = json(site(EVERYTHING).openid_configuration().unwrap());
    for member in [
        "issuer",
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ] {
        assert!(!found[member].is_null(), "{member}");
    }
    assert!(has(&found, "id_token_signing_alg_values_supported", "RS256"));
    assert!(found["capabilities"].is_null());
}

#[test]
fn the_legacy_extension_has_every_endpoint_that_is_there() {
    let found = json(site(EVERYTHING).oauth_uris().unwrap());
    let urls: Vec<&Value> = found["extension"].as_array().unwrap().iter().map(|uri| &uri["url"]).collect();
    assert_eq!(urls, ["authorize", "token", "register", "manage", "introspect", "revoke"]);
    assert!(site(NOTHING).oauth_uris().is_none());
}

/// Each feature alone, and each left out of all: what it stands for is there with it and not without it.
#[test]
fn nothing_is_advertised_without_its_feature() {
    type Switch = fn(&mut Features, bool);
    let cases: [(Switch, &str, &str); 13] = [
        (|all, on| all.backend_services = on, "grant_types_supported", "client_credentials"),
        (|all, on| all.authorize = on, "grant_types_supported", "authorization_code"),
        (|all, on| all.ehr_launch = on, "capabilities", "launch-ehr"),
        (|all, on| all.standalone_encounter = on, "capabilities", "context-standalone-encounter"),
        (|all, on| all.public_clients = on, "capabilities", "client-public"),
        (|all, on| all.symmetric_clients = on, "token_endpoint_auth_methods_supported", "client_secret_basic"),
        (|all, on| all.openid = on, "capabilities", "sso-openid-connect"),
        (|all, on| all.offline = on, "capabilities", "permission-offline"),
        (|all, on| all.online = on, "capabilities", "permission-online"),
        (|all, on| all.introspection = on, "introspection_endpoint", ""),
        (|all, on| all.revocation = on, "revocation_endpoint", ""),
        (|all, on| all.registration = on, "registration_endpoint", ""),
        (|all, on| all.management = on, "management_endpoint", ""),
    ];
    let shows = |features: Features, member: &str, value: &str| {
        let found = json(site(features).authorization_server());
        let smart = json(site(features).smart_configuration());
        let is_there =
            |found: &Value| if value.is_empty() { found[member].is_string() } else { has(found, member, value) };
        is_there(&found) || is_there(&smart)
    };
    for (switch, member, value) in cases {
        let mut without = EVERYTHING;
        switch(&mut without, false);
        assert!(shows(EVERYTHING, member, value) && !shows(without, member, value), "{member} {value}");
    }
    let no_assertions = Features { backend_services: false, asymmetric_clients: false, ..EVERYTHING };
    assert!(
        json(site(no_assertions).smart_configuration())["token_endpoint_auth_signing_alg_values_supported"].is_null()
    );
    assert!(!shows(no_assertions, "token_endpoint_auth_methods_supported", "private_key_jwt"));
}

#[test]
fn without_an_authorization_endpoint_nothing_of_users_is_advertised() {
    let found = json(site(Features { authorize: false, ..EVERYTHING }).smart_configuration());
    for member in
        ["authorization_endpoint", "code_challenge_methods_supported", "issuer", "jwks_uri", "management_endpoint"]
    {
        assert!(found[member].is_null(), "{member}");
    }
    let nothing =
        json(site(Features { authorize: false, backend_services: false, ..EVERYTHING }).smart_configuration());
    for member in ["token_endpoint", "token_endpoint_auth_signing_alg_values_supported"] {
        assert!(nothing[member].is_null() && !found[member].is_null(), "{member}");
    }
    let text = found.to_string();
    for word in [
        "launch",
        "openid",
        "patient/",
        "user/",
        "refresh_token",
        "S256",
        "\"code\"",
        "permission-patient",
        "client-confidential-symmetric",
    ] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn every_advertised_scope_can_be_asked_for() {
    let found = site(EVERYTHING).smart_configuration().scopes_supported;
    let scopes = Scopes::parse(&found.join(" "), Unknown::Refuse, &|_| false).unwrap();
    assert_eq!(scopes.len(), found.len());
    assert!(found.len() > 10);
}

#[test]
fn introspection_and_revocation_say_how_clients_prove_who_they_are() {
    let found = json(site(EVERYTHING).authorization_server());
    assert!(!has(&found, "introspection_endpoint_auth_methods_supported", "none"));
    assert!(has(&found, "introspection_endpoint_auth_methods_supported", "private_key_jwt"));
    assert!(has(&found, "revocation_endpoint_auth_methods_supported", "none"));
    assert_eq!(found["authorization_response_iss_parameter_supported"], true);
}
