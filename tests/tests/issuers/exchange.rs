//! ID tokens that an app holds already, exchanged for access tokens (RFC 8693): of issuers where nobody logs in for the gateway.

use gateway_tests::{Browser, Client, Command, Engine, Json, Options, Response, Server, patient, suite};
use serde_json::{Value, json};

use super::app::{account, again, someone};
use super::here::{KNOWN, accounts, now, recorded};
use super::issuer::{Issuer, unsigned};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Trusts an issuer for ID tokens that are for `app-1`.
async fn trust(server: &Server, id: &str, issuer: &Issuer, more: &[&str]) -> Command {
    let keys = issuer.keys();
    let add = [
        "provider",
        "add",
        "--by",
        "Jane",
        "--id",
        id,
        "--name",
        id,
        "--issuer",
        &issuer.url,
        "--keys",
        &keys,
        "--exchange",
        "app-1",
        "--claim-actor",
        "fhirUser",
        "--claim-roles",
        "roles",
        "--role",
        "clinician=DOCTOR",
    ];
    server.command(&[&add[..], more].concat()).await
}

/// An app that exchanges the tokens of a provider.
async fn app(server: &Server, id: &str, provider: &str, scope: &str) -> Command {
    let add = [
        "client",
        "add",
        "--by",
        "Jane",
        "--id",
        id,
        "--name",
        id,
        "--public",
        "--exchange",
        provider,
        "--purpose",
        "PATRQT",
        "--purpose",
        "TREAT",
        "--default-purpose",
        "TREAT",
        "--scope",
        scope,
    ];
    server.command(&add).await
}

async fn exchange(server: &Server, client: &str, token: &str, more: &[(&str, &str)]) -> Response {
    let form = [("grant_type", GRANT), ("client_id", client), ("subject_token", token)];
    let kind = [("subject_token_type", ID_TOKEN)];
    let kind = if more.iter().any(|(name, _)| *name == "subject_token_type") { &kind[..0] } else { &kind[..] };
    Browser::new(server.address()).post("/oauth/token", &[&form[..], kind, more].concat()).await
}

/// An exchange that is refused: its error, and what it says.
async fn refused(server: &Server, client: &str, token: &str, more: &[(&str, &str)]) -> (u16, String, String) {
    let response = exchange(server, client, token, more).await;
    let (status, body) = (response.status, response.json());
    let text = |name: &str| body.str(name).unwrap_or_default().to_owned();
    assert!(text("access_token").is_empty(), "{body}");
    (status, text("error"), text("error_description"))
}

/// The same: its status and its error.
async fn why(server: &Server, client: &str, token: &str, more: &[(&str, &str)]) -> (u16, String) {
    let (status, error, _) = refused(server, client, token, more).await;
    (status, error)
}

async fn read(server: &Server, token: &str, path: &str) -> u16 {
    Client::new(server.address(), Some(token)).get(path).await.status
}

/// Whether the documents of discovery have the grant.
async fn is_offered(server: &Server) -> bool {
    let mut found = Vec::new();
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/fhir/.well-known/smart-configuration",
    ] {
        let document = Browser::new(server.address()).get(path).await.expect(200).json();
        found.push(
            document.items("grant_types_supported").iter().any(|grant| grant.to_string().contains("token-exchange")),
        );
    }
    assert!(found.iter().all(|is| *is == found[0]), "{found:?}");
    found[0]
}

suite! {
    /// A patient and a doctor, by tokens of an issuer where nobody logs in for us: what they get, what it reaches, and what is on record.
    async fn an_app_exchanges_the_id_token_that_it_holds(engine: Engine) {
        let server = Server::start(engine);
        for id in ["p1", "p2"] {
            assert!(server.client().save(&patient(id, "x")).await.status < 300);
        }
        assert!(!is_offered(&server).await, "nothing is exchanged here");
        let issuer = Issuer::start();
        app(&server, "clinic-app", "clinic", "patient/*.rs").await.expect(4);
        trust(&server, "clinic", &issuer, &[]).await.expect(0);
        assert!(is_offered(&server).await);
        let login = Browser::new(server.address()).get("/oauth/login").await.expect(200).text();
        assert!(!login.contains("Log in with"), "nobody logs in by it: {login}");
        app(&server, "clinic-app", "clinic", "openid fhirUser launch/patient offline_access patient/*.rs user/Patient.rs").await.expect(0);
        let token = issuer.token("u-1", "app-1", json!({"fhirUser": "Patient/p1"}));
        let given = exchange(&server, "clinic-app", &token, &[]).await.expect(200).json();
        assert_eq!((given.str("issued_token_type"), given.str("token_type"), given.str("patient")), (Some(ACCESS_TOKEN), Some("Bearer"), Some("p1")), "{given}");
        assert_eq!(given.str("scope"), Some("fhirUser launch/patient patient/*.rs user/Patient.rs"));
        assert!(given.str("fhirUser").unwrap().ends_with("/fhir/Patient/p1") && given.str("refresh_token").is_none() && given.str("id_token").is_none(), "{given}");
        // Never for longer than what it was given for.
        let expires: f64 = given.at("expires_in").unwrap().to_string().parse().unwrap();
        assert!((500.0..=600.0).contains(&expires), "{given}");
        let access = given.str("access_token").unwrap();
        assert_eq!((read(&server, access, "/Patient/p1").await, read(&server, access, "/Observation").await), (200, 200));
        assert_eq!(read(&server, access, "/Patient/p2").await, 404);
        assert_eq!(Client::new(server.address(), Some(access)).get("/Patient").await.expect(200).json().items("entry").len(), 1);
        // What it was given for opens nothing by itself.
        assert_eq!(read(&server, &token, "/Patient/p1").await, 401);
        // The same again, by whatever name its issuer has for it; and what is narrower.
        for kind in [JWT, ACCESS_TOKEN] {
            exchange(&server, "clinic-app", &token, &[("subject_token_type", kind), ("requested_token_type", ACCESS_TOKEN)]).await.expect(200);
        }
        let base = format!("http://{}/fhir", server.address());
        let narrow = exchange(&server, "clinic-app", &token, &[("scope", "patient/Patient.r patient/Patient.cud"), ("resource", &base), ("audience", &base)]).await.expect(200).json();
        assert_eq!(narrow.str("scope"), Some("patient/Patient.r"), "{narrow}");
        assert_eq!(read(&server, narrow.str("access_token").unwrap(), "/Observation").await, 403);
        // Staff reaches whom it cares for, and has nobody in context.
        let token = issuer.token("u-2", "app-1", json!({"fhirUser": "Practitioner/1", "roles": ["clinician"]}));
        let given = exchange(&server, "clinic-app", &token, &[]).await.expect(200).json();
        assert_eq!((given.str("scope"), given.str("patient")), (Some("fhirUser user/Patient.rs"), None), "{given}");
        assert_eq!((recorded(&server, "token-exchange", 200).await, recorded(&server, "account-add-by-claims", 200).await), (5, 2));
        let [one, two] = &*accounts(&server).await else { panic!("two accounts") };
        let (mut sql, prefix) = server.trail().await;
        for account in [one, two] {
            let id = account.str("id").unwrap();
            let made = format!("select count(*) from {prefix}audit_events where interaction = 'account-add-by-claims' and caller = '{id}' and client = 'provider clinic'");
            let given = format!("select count(*) from {prefix}audit_events where interaction = 'token-exchange' and caller = '{id}' and client = 'clinic-app'");
            assert_eq!((sql.count(&made).await, sql.count(&given).await > 0), (1, true));
        }
        // Who they are by a token that was signed later counts, and what there was ends; one from before changes nothing.
        let before = issuer.token("u-2", "app-1", json!({"fhirUser": "Practitioner/1", "roles": ["clinician"], "iat": now() - 100}));
        let later = issuer.token("u-2", "app-1", json!({"fhirUser": "Practitioner/2", "roles": ["clinician"], "iat": now() + 10}));
        let old = given.str("access_token").unwrap();
        exchange(&server, "clinic-app", &later, &[]).await.expect(200);
        assert_eq!(why(&server, "clinic-app", &before, &[]).await, (400, "invalid_request".to_owned()));
        assert_eq!(recorded(&server, "account-change-by-claims", 200).await, 1);
        tokio::time::sleep(KNOWN).await;
        assert_eq!(read(&server, old, "/Patient").await, 401);
        // Who is nobody by a token that was signed last is nobody by those from before either, until a later one says otherwise.
        let nothing = issuer.token("u-2", "app-1", json!({"iat": now() + 20}));
        for _ in 0..2 {
            assert_eq!(why(&server, "clinic-app", &nothing, &[]).await, (400, "invalid_request".to_owned()));
            assert_eq!(why(&server, "clinic-app", &later, &[]).await, (400, "invalid_request".to_owned()));
        }
        assert_eq!(recorded(&server, "account-end-by-claims", 200).await, 1, "nothing was left to end");
        let again = issuer.token("u-2", "app-1", json!({"fhirUser": "Practitioner/2", "roles": ["clinician"], "iat": now() + 30}));
        exchange(&server, "clinic-app", &again, &[]).await.expect(200);
        // Nobody takes the app's word any more.
        server.command(&["client", "change", "clinic-app", "--by", "Jane", "--no-exchange", "--redirect-uri", "https://app.example/cb"]).await.expect(0);
        assert_eq!(why(&server, "clinic-app", &later, &[]).await, (400, "unauthorized_client".to_owned()));
        tokio::time::sleep(KNOWN).await;
        assert_eq!(read(&server, access, "/Patient/p1").await, 401);
        server.command(&["provider", "remove", "clinic", "--by", "Jane"]).await.expect(0);
        assert!(!is_offered(&server).await);
    }

    /// 43 to 47, of tokens that an app shows: each is one change to one that holds.
    async fn attacks_43_to_47_tokens_that_are_not_exchanged(engine: Engine) {
        let server = Server::start(engine);
        let (issuer, other) = (Issuer::start(), Issuer::start());
        trust(&server, "clinic", &issuer, &[]).await.expect(0);
        trust(&server, "other", &other, &[]).await.expect(0);
        app(&server, "clinic-app", "clinic", "patient/*.rs").await.expect(0);
        app(&server, "other-app", "other", "patient/*.rs").await.expect(0);
        let who = json!({"fhirUser": "Patient/p1"});
        let with = |name: &str, value: Value| {
            let mut claims = who.clone();
            claims[name] = value;
            issuer.token("u-1", "app-1", claims)
        };
        let header = |header: Value| issuer.signed(&header, &issuer.claims("u-1", "app-1", who.clone()));
        let claims = issuer.claims("u-1", "app-1", who.clone());
        exchange(&server, "clinic-app", &with("x", json!(1)), &[]).await.expect(200);
        exchange(&server, "clinic-app", &with("client_id", json!("app-1")), &[]).await.expect(200);
        let now = now();
        let twice = issuer.token("u-1", "app-1", who.clone());
        let (head, signature) = twice.rsplit_once('.').unwrap();
        for (what, token) in [
            ("no algorithm", unsigned(&claims)),
            ("the public key as a secret", issuer.by_public_key(&claims)),
            ("no signature", format!("{head}.")),
            ("another's signature", format!("{head}.{}", other.token("u-1", "app-1", who.clone()).rsplit_once('.').unwrap().1)),
            ("changed", format!("{}A.{signature}", &head[..head.len() - 1])),
            ("another audience", issuer.token("u-1", "app-2", who.clone())),
            ("two audiences", with("aud", json!(["app-1", "app-2"]))),
            ("no audience", with("aud", Value::Null)),
            ("another's azp", with("azp", json!("app-2"))),
            ("of another client, at Supabase", with("client_id", json!("9a8b7c6d-third-party"))),
            ("of another client, at Microsoft", with("appid", json!("app-2"))),
            ("of another client, at Okta", with("cid", json!("app-2"))),
            ("of a client that is no text", with("client_id", json!(["app-1"]))),
            ("of a tenant, at Firebase", with("firebase", json!({"sign_in_provider": "password", "tenant": "tenant-1"}))),
            ("another issuer", with("iss", json!("https://evil.example"))),
            ("an issuer like it", with("iss", json!(format!("{}/", issuer.url)))),
            ("the other issuer, by this one's key", with("iss", json!(other.url))),
            ("expired", with("exp", json!(now - 1))),
            ("no end", with("exp", Value::Null)),
            ("no end soon", with("exp", json!(now + 200_000))),
            ("from the future", with("iat", json!(now + 120))),
            ("not yet", with("nbf", json!(now + 120))),
            ("logged in in the future", with("auth_time", json!(now + 120))),
            ("when, nobody says", with("iat", Value::Null)),
            ("nobody", with("sub", Value::Null)),
            ("an empty name", with("sub", json!(""))),
            ("a number", with("sub", json!(1))),
            ("a long name", with("sub", json!("x".repeat(256)))),
            ("no kid", header(json!({"alg": "ES256", "typ": "JWT"}))),
            ("a kid that nobody knows", header(json!({"alg": "ES256", "kid": "k2"}))),
            ("a key of its own", header(json!({"alg": "ES256", "kid": "k1", "jwk": {}}))),
            ("another algorithm", header(json!({"alg": "RS256", "kid": "k1"}))),
            ("an access token", header(json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}))),
            ("Keycloak's access token", with("typ", json!("Bearer"))),
            ("a logout token", with("events", json!({}))),
            ("bound to a key", with("cnf", json!({"jkt": "x"}))),
            ("the other provider's", other.token("u-1", "app-1", who.clone())),
            ("anonymous, at Supabase", with("is_anonymous", json!(true))),
            ("anonymous, somehow", with("is_anonymous", json!("false"))),
            ("anonymous, at Firebase", with("firebase", json!({"sign_in_provider": "anonymous"}))),
            ("a project's key", with("role", json!("service_role"))),
            ("nobody here", issuer.token("u-9", "app-1", json!({"email": "p1@x.example", "email_verified": true}))),
            ("somebody's else", issuer.token("u-9", "app-1", json!({"fhirUser": "https://evil.example/fhir/Patient/p1"}))),
            ("no person", issuer.token("u-9", "app-1", json!({"fhirUser": "Device/1"}))),
            ("staff without a role", issuer.token("u-9", "app-1", json!({"fhirUser": "Practitioner/1", "roles": ["PATIENT", "OWNER"]}))),
            ("no JWT", "abc".to_owned()),
            ("much", "a".repeat(20_000)),
        ] {
            let (status, error, says) = refused(&server, "clinic-app", &token, &[]).await;
            assert_eq!((status, &*error), (400, "invalid_request"), "{what}: {says}");
            assert!(!says.contains(&token), "{what}");
            assert_eq!(read(&server, &token, "/Patient").await, 401, "{what}");
        }
        let says = refused(&server, "clinic-app", &issuer.by_public_key(&claims), &[]).await.2;
        assert!(says.contains("asymmetric"), "{says}");
        // As the other client's, and of a client that may not.
        let (status, error, says) = refused(&server, "other-app", &twice, &[]).await;
        assert_eq!((status, &*error), (400, "invalid_request"), "{says}");
        server.command(&["client", "add", "--by", "Jane", "--id", "plain", "--name", "plain", "--public", "--redirect-uri", "https://app.example/cb", "--purpose", "PATRQT", "--scope", "patient/*.rs"]).await.expect(0);
        assert_eq!(why(&server, "plain", &twice, &[]).await, (400, "unauthorized_client".to_owned()));
        assert_eq!(why(&server, "nobody", &twice, &[]).await, (401, "invalid_client".to_owned()));
        assert_eq!(accounts(&server).await.len(), 1, "nobody else was made");
        assert_eq!(recorded(&server, "token-exchange", 200).await, 2);
        // What is asked for.
        for (more, says) in [
            ([("scope", "system/*.rs"), ("", "")], "invalid_scope"),
            ([("scope", "user/*.cruds"), ("", "")], "invalid_scope"),
            ([("scope", "patient/*.cud"), ("", "")], "invalid_scope"),
            ([("scope", "offline_access"), ("", "")], "invalid_scope"),
            ([("audience", "https://elsewhere.example"), ("", "")], "invalid_target"),
            ([("resource", "https://elsewhere.example/fhir"), ("", "")], "invalid_target"),
            ([("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), ("", "")], "invalid_request"),
            ([("actor_token", &twice), ("actor_token_type", ID_TOKEN)], "invalid_request"),
            ([("subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), ("", "")], "invalid_request"),
        ] {
            let more: Vec<_> = more.into_iter().filter(|(name, _)| !name.is_empty()).collect();
            assert_eq!(why(&server, "clinic-app", &twice, &more).await, (400, says.to_owned()), "{more:?}");
        }
        // Whoever was closed out stays so.
        let [account] = &*accounts(&server).await else { panic!("one account") };
        server.command(&["account", "disable", account.str("id").unwrap(), "--by", "Jane"]).await.expect(0);
        assert_eq!(why(&server, "clinic-app", &twice, &[]).await, (400, "invalid_request".to_owned()));
        server.command(&["client", "disable", "clinic-app", "--by", "Jane"]).await.expect(0);
        assert_eq!(why(&server, "clinic-app", &twice, &[]).await, (401, "invalid_client".to_owned()));
        // The other client takes what its own provider signs.
        exchange(&server, "other-app", &other.token("u-1", "app-1", who), &[]).await.expect(200);
    }

    /// Whoever acts for others says for whom on a page, which an exchange has not.
    async fn whoever_acts_for_others_exchanges_nothing(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        assert!(all.save(&patient("p1", "x").with("birthDate", Json::text("2020-02-29"))).await.status < 300);
        let mother = r#"{"resourceType":"RelatedPerson","id":"m1","active":true,"patient":{"reference":"Patient/p1"},
            "relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MTH"}]}]}"#;
        assert!(all.save(&Json::of(mother)).await.status < 300);
        let issuer = Issuer::start();
        trust(&server, "clinic", &issuer, &[]).await.expect(0);
        app(&server, "clinic-app", "clinic", "launch/patient patient/*.rs user/*.rs").await.expect(0);
        let token = |subject: &str, actor: &str| issuer.token(subject, "app-1", json!({"fhirUser": actor}));
        let of_mother = token("u-1", "RelatedPerson/m1");
        for more in [&[][..], &[("scope", "user/*.rs")], &[("scope", "patient/Patient.r")]] {
            let (status, error, says) = refused(&server, "clinic-app", &of_mother, more).await;
            assert_eq!((status, &*error), (400, "invalid_request"), "{says}");
            assert!(says.contains(&format!("http://{}/oauth/authorize", server.address())), "{says}");
        }
        assert_eq!(read(&server, &of_mother, "/Patient/p1").await, 401);
        assert_eq!((recorded(&server, "token-exchange", 200).await, recorded(&server, "token-exchange", 400).await), (0, 3));
        // The child's own, otherwise the same, is exchanged.
        let given = exchange(&server, "clinic-app", &token("u-2", "Patient/p1"), &[]).await.expect(200).json();
        assert_eq!(read(&server, given.str("access_token").unwrap(), "/Patient/p1").await, 200);
    }

    /// An administrator approves in everybody's stead, and everybody sees that and closes the app out, until they let it in again.
    async fn somebody_closes_an_app_out_and_lets_it_in_again(engine: Engine) {
        let server = Server::start(engine);
        assert!(server.client().save(&patient("p1", "x")).await.status < 300);
        let issuer = Issuer::start();
        trust(&server, "clinic", &issuer, &[]).await.expect(0);
        app(&server, "clinic-app", "clinic", "patient/*.rs").await.expect(0);
        let mut paula = someone(&server, "paula", "Patient/p1").await;
        let id = account(&server, "paula").await;
        server.command(&["account", "link", &id, "--by", "Jane", "--provider", "clinic", "--subject", "u-1"]).await.expect(0);
        let token = issuer.token("u-1", "app-1", json!({}));
        let mut last = String::new();
        for _ in 0..3 {
            last = exchange(&server, "clinic-app", &token, &[]).await.expect(200).json().str("access_token").unwrap().to_owned();
        }
        assert_eq!(read(&server, &last, "/Patient/p1").await, 200);
        let page = paula.open("/oauth/manage").await;
        assert_eq!(page.text().matches("End the access of clinic-app").count(), 1, "{}", page.text());
        assert!(page.text().contains("Your clinic let the app in"), "{}", page.text());
        let page = paula.press(&page, "End the access of clinic-app", &[]).await;
        assert!(page.text().contains("You have closed this app out"), "{}", page.text());
        assert_eq!(read(&server, &last, "/Patient/p1").await, 401);
        let (status, error, says) = refused(&server, "clinic-app", &token, &[]).await;
        assert_eq!((status, &*error), (400, "invalid_request"));
        assert!(says.contains("/oauth/manage"), "{says}");
        paula.press(&page, "Let clinic-app in again", &[]).await;
        // Where it is for may be said more than once (RFC 8693, 2.1), of here alone.
        let base = format!("http://{}/fhir", server.address());
        let places = [("resource", &*base), ("resource", &base), ("audience", &base), ("audience", &base)];
        let again_given = exchange(&server, "clinic-app", &token, &places).await.expect(200).json();
        let elsewhere = [("resource", &*base), ("resource", "https://elsewhere.example")];
        assert_eq!(why(&server, "clinic-app", &token, &elsewhere).await, (400, "invalid_target".to_owned()));
        assert_eq!(refused(&server, "clinic-app", &token, &[("scope", "patient/*.r"), ("scope", "patient/*.r")]).await.0, 400);
        assert_eq!(read(&server, again_given.str("access_token").unwrap(), "/Patient/p1").await, 200);
        let page = again(&server, "paula").await.open("/oauth/manage").await;
        assert!(!page.text().contains("You have closed"), "{}", page.text());
        // Where another app knows them by claims, under an account of which they need not know, they are the same person.
        let other = Issuer::start();
        trust(&server, "other", &other, &[]).await.expect(0);
        app(&server, "other-app", "other", "patient/*.rs").await.expect(0);
        let (theirs, stranger) = (other.token("x-1", "app-1", json!({"fhirUser": "Patient/p1"})), other.token("x-2", "app-1", json!({"fhirUser": "Patient/p11"})));
        let given = exchange(&server, "other-app", &theirs, &[]).await.expect(200).json();
        exchange(&server, "other-app", &stranger, &[]).await.expect(200);
        let access = given.str("access_token").unwrap();
        assert_eq!((read(&server, access, "/Patient/p1").await, accounts(&server).await.len()), (200, 3));
        let page = paula.open("/oauth/manage").await;
        let page = paula.press(&page, "End the access of other-app", &[]).await;
        tokio::time::sleep(KNOWN).await;
        assert_eq!(read(&server, access, "/Patient/p1").await, 401);
        assert!(refused(&server, "other-app", &theirs, &[]).await.2.contains("closed the client out"));
        exchange(&server, "other-app", &stranger, &[]).await.expect(200);
        paula.press(&page, "Let other-app in again", &[]).await;
        exchange(&server, "other-app", &theirs, &[]).await.expect(200);
    }

    /// Two apps of one provider: a token is for the app that it was made for, by whichever client it is shown.
    async fn a_client_exchanges_what_was_made_for_it(engine: Engine) {
        let server = Server::start(engine);
        let issuer = Issuer::start();
        trust(&server, "clinic", &issuer, &["--exchange", "app-2"]).await.expect(0);
        trust(&server, "single", &Issuer::start(), &[]).await.expect(0);
        let several = app(&server, "no-app", "clinic", "patient/*.rs").await.expect(4);
        assert!(several.stderr.contains("PROVIDER=NAME"), "{}", several.stderr);
        app(&server, "no-app", "clinic=app-3", "patient/*.rs").await.expect(4);
        app(&server, "no-app", "clinic=a b", "patient/*.rs").await.expect(2);
        app(&server, "no-app", "clinic=", "patient/*.rs").await.expect(2);
        app(&server, "one", "clinic=app-1", "patient/*.rs").await.expect(0);
        app(&server, "two", "clinic=app-2", "patient/*.rs user/*.rs").await.expect(0);
        app(&server, "both", "single", "patient/*.rs").await.expect(0);
        server.command(&["client", "change", "both", "--by", "Jane", "--exchange", "clinic=app-1", "--exchange", "clinic=app-2"]).await.expect(0);
        let token = |audience: &str| issuer.token("u-1", audience, json!({"fhirUser": "Patient/p1"}));
        for (client, audience, status) in [("one", "app-1", 200), ("one", "app-2", 400), ("two", "app-1", 400), ("two", "app-2", 200), ("both", "app-1", 200), ("both", "app-2", 200)] {
            assert_eq!(exchange(&server, client, &token(audience), &[]).await.status, status, "{client} {audience}");
        }
        // Of two names of which one went the other is left.
        server.command(&["provider", "change", "clinic", "--by", "Jane", "--exchange", "app-1"]).await.expect(0);
        assert_eq!(exchange(&server, "two", &token("app-2"), &[]).await.status, 400);
        assert_eq!(exchange(&server, "both", &token("app-1"), &[]).await.status, 200);
        // Whose token it may be shows no more where a provider that had one has several.
        app(&server, "bare", "clinic", "patient/*.rs").await.expect(0);
        assert_eq!(exchange(&server, "bare", &token("app-1"), &[]).await.status, 200);
        server.command(&["provider", "change", "clinic", "--by", "Jane", "--exchange", "app-1", "--exchange", "app-2"]).await.expect(0);
        let says = refused(&server, "bare", &token("app-1"), &[]).await.2;
        assert!(says.contains("PROVIDER=NAME"), "{says}");
    }

    /// Where a login would have to show a second factor, an exchange does not go without, unless the provider asks for one.
    async fn an_exchange_is_no_way_around_a_second_factor(engine: Engine) {
        let options = Options { arguments: ["--second-factor", "required"].map(str::to_owned).into(), ..Options::default() };
        let server = Server::with(engine, options);
        let (plain, strong) = (Issuer::start(), Issuer::start());
        trust(&server, "plain", &plain, &[]).await.expect(0);
        trust(&server, "strong", &strong, &["--second-factor"]).await.expect(0);
        app(&server, "plain-app", "plain", "patient/*.rs").await.expect(0);
        app(&server, "strong-app", "strong", "patient/*.rs").await.expect(0);
        let who = json!({"fhirUser": "Patient/p1"});
        assert_eq!(refused(&server, "plain-app", &plain.token("u-1", "app-1", who.clone()), &[]).await.0, 400);
        exchange(&server, "strong-app", &strong.token("u-1", "app-1", who.clone()), &[]).await.expect(200);
        // It asks for one, and says of this login that it was without: Supabase by `aal`, Firebase by what is not there.
        let firebase = "--issuer=https://securetoken.google.com/app-1";
        let keys = plain.keys();
        let add = ["provider", "add", "--by", "Jane", "--id", "firebase", "--name", "f", firebase, "--keys", &keys, "--exchange", "app-1", "--claim-actor", "fhirUser", "--second-factor"];
        server.command(&add).await.expect(0);
        app(&server, "firebase-app", "firebase", "patient/*.rs").await.expect(0);
        let with = |issuer: &Issuer, name: &str, value: Value| {
            let mut claims = json!({"fhirUser": "Patient/p1"});
            if name == "firebase" {
                claims["iss"] = "https://securetoken.google.com/app-1".into();
            }
            claims[name] = value;
            issuer.token("u-1", "app-1", claims)
        };
        for (client, token, status) in [
            ("strong-app", with(&strong, "aal", json!("aal2")), 200),
            ("strong-app", with(&strong, "aal", json!("aal1")), 400),
            ("strong-app", with(&strong, "aal", json!(2)), 400),
            ("firebase-app", with(&plain, "firebase", json!({"sign_in_provider": "password", "sign_in_second_factor": "phone"})), 200),
            ("firebase-app", with(&plain, "firebase", json!({"sign_in_provider": "password"})), 400),
            ("firebase-app", with(&plain, "firebase", json!({"sign_in_second_factor": ""})), 400),
        ] {
            assert_eq!(exchange(&server, client, &token, &[]).await.status, status, "{client}");
        }
    }

    /// What `provider add` makes of a project of Firebase or Supabase, and what it refuses.
    async fn projects_are_added_by_their_names(engine: Engine) {
        let server = Server::start(engine);
        let add = async |id: &str, more: &[&str]| server.command(&[&["provider", "add", "--by", "Jane", "--name", "n", "--id", id, "--claim-actor", "fhirUser"], more].concat()).await;
        add("firebase", &["--firebase", "clinic-app-1"]).await.expect(0);
        add("supabase", &["--supabase", "https://abcd.supabase.co/"]).await.expect(0);
        let list = Json::of(&server.command(&["provider", "list", "--json"]).await.expect(0).stdout);
        let [firebase, supabase] = list.array() else { panic!("{list}") };
        assert_eq!((firebase.str("issuer"), firebase.str("exchange.0")), (Some("https://securetoken.google.com/clinic-app-1"), Some("clinic-app-1")), "{firebase}");
        assert_eq!(firebase.str("keys"), Some("https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"));
        assert_eq!((supabase.str("issuer"), supabase.str("exchange.0")), (Some("https://abcd.supabase.co/auth/v1"), Some("authenticated")), "{supabase}");
        assert_eq!(supabase.str("keys"), Some("https://abcd.supabase.co/auth/v1/.well-known/jwks.json"));
        for wrong in [
            &["--firebase", "A B"][..],
            &["--firebase", "a-project", "--supabase", "https://x.supabase.co"],
            &["--supabase", "http://abcd.supabase.co"],
            &["--issuer", "https://securetoken.google.com/one", "--exchange", "another"],
            &["--issuer", "https://id.example", "--exchange", "a b"],
            &["--issuer", "https://id.example", "--exchange", "a", "--keys", "http://id.example/keys"],
            &["--exchange", "a"],
            // What people write into their own records there.
            &["--firebase", "a-project", "--claim-roles", "user_metadata.roles", "--role", "a=DOCTOR"],
            &["--firebase", "a-project", "--claim-roles", "raw_user_meta_data.roles", "--role", "a=DOCTOR"],
            &["--firebase", "a-project", "--claim-roles", "app_metadata.email", "--role", "a=DOCTOR"],
        ] {
            add("wrong", wrong).await.expect(2);
        }
        for claim in ["user_metadata.fhirUser", "user_metadata", "raw_user_meta_data.fhirUser", "email", "identity.email"] {
            let wrong = ["provider", "add", "--by", "Jane", "--name", "n", "--id", "wrong", "--firebase", "a-project", "--claim-actor", claim];
            let refused = server.command(&wrong).await.expect(2);
            assert!(refused.stderr.contains("--claim-actor"), "{claim}: {}", refused.stderr);
        }
    }
}
