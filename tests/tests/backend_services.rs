//! Programs that get their tokens by SMART Backend Services, and what their scopes let them do:
//! <https://hl7.org/fhir/smart-app-launch/backend-services.html>. What certification asserts has the number of its paragraph in
//! shared/facts/smart-bulk-ehr.md.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use gateway_tests::{Client, Command, Engine, Json, Options, Response, Server, consent, patient, suite, transaction};
use hyper::Method;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

const LABORATORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
const SECRET: [&str; 2] = ["--secret", "--json"];

async fn command(server: &Server, arguments: &[&str]) -> Command {
    server.command(&[&["client"], arguments].concat()).await
}

/// Registers a client under an id; what the command says.
async fn register(server: &Server, id: &str, scopes: &str, more: &[&str]) -> String {
    let add = ["add", "--by", "Jane", "--id", id, "--name", id, "--scope", scopes, "--purpose", "TREAT"];
    command(server, &[&add[..], more].concat()).await.expect(0).stdout
}

/// A client with a secret: that.
async fn with_secret(server: &Server, id: &str, scopes: &str) -> String {
    Json::of(&register(server, id, scopes, &SECRET).await).str("secret").unwrap().to_owned()
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

fn form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    };
    pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// POST of a form to a path of the authorization server.
async fn post(server: &Server, path: &str, authorization: Option<&str>, pairs: &[(&str, &str)]) -> Response {
    let request = server.stranger().request(Method::POST, &format!("http://{}{path}", server.address()));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form(pairs));
    match authorization {
        Some(value) => request.header("Authorization", value).await,
        None => request.await,
    }
}

async fn ask(server: &Server, authorization: Option<&str>, more: &[(&str, &str)]) -> Response {
    post(server, "/oauth/token", authorization, &[&[("grant_type", "client_credentials")], more].concat()).await
}

/// A new client with a secret and these scopes, with its token.
async fn scoped(server: &Server, id: &str, scopes: &str) -> Client {
    let secret = with_secret(server, id, scopes).await;
    let answer = ask(server, Some(&basic(id, &secret)), &[("scope", scopes)]).await.expect(200).json();
    Client::new(server.address(), answer.str("access_token"))
}

/// A key of a client's.
struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        let (algorithm, random) = (&ECDSA_P384_SHA384_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    fn set(&self, kid: &str) -> String {
        let point = &self.0.public_key().as_ref()[1..];
        let [x, y] = [&point[..48], &point[48..]].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-384","kid":"{kid}","use":"sig","alg":"ES384","x":"{x}","y":"{y}"}}]}}"#
        )
    }

    fn sign(&self, kid: &str, claims: &str) -> String {
        let header = format!(r#"{{"alg":"ES384","kid":"{kid}","typ":"JWT"}}"#);
        let signed = [header.as_str(), claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

/// A client's own server, with its keys.
struct KeysServer {
    url: String,
    said: Arc<Mutex<(String, usize)>>,
}

impl KeysServer {
    fn start(set: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let said = Arc::new(Mutex::new((set.to_owned(), 0)));
        let told = Arc::clone(&said);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = [0; 4096];
                let _read = stream.read(&mut request);
                let mut told = told.lock().unwrap();
                told.1 += 1;
                let body = &told.0;
                let _written = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { url, said }
    }

    fn say(&self, set: &str) {
        self.said.lock().unwrap().0 = set.to_owned();
    }

    /// How often it was asked.
    fn asked(&self) -> usize {
        self.said.lock().unwrap().1
    }
}

fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn claims(server: &Server, id: &str, jti: &str, more: &str) -> String {
    format!(
        r#"{{"iss":"{id}","sub":"{id}","aud":"http://{}/oauth/token","exp":{},"jti":"{jti}"{more}}}"#,
        server.address(),
        now_s() + 240
    )
}

async fn assert_with(server: &Server, assertion: &str) -> Response {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    ask(server, None, &[("scope", "system/*.rs"), ("client_assertion_type", kind), ("client_assertion", assertion)])
        .await
}

fn observation(id: &str, of: &str, category: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"x"}},"subject":{{"reference":"Patient/{of}"}},
        "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"{category}"}}]}}]}}"#
    ))
}

/// Two patients, of the first of whom there is some of everything that the tests ask for.
async fn record(server: &Server) {
    let all = server.client();
    for id in ["ada", "bob"] {
        all.save(&patient(id, "Family")).await.expect(201);
    }
    for (id, category) in [("lab", "laboratory"), ("pulse", "vital-signs")] {
        all.save(&observation(id, "ada", category)).await.expect(201);
    }
    all.put(
        "/Condition/c",
        r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/ada"},"code":{"text":"asthma"}}"#,
    )
    .await
    .expect(201);
}

fn unnamed(mut resource: Json) -> Json {
    resource.remove("", "id");
    resource
}

fn total(answer: &Response) -> String {
    answer.json().str("total").unwrap_or_default().to_owned()
}

suite! {
    /// 1.2: without a token, under the base and at the root.
    async fn discovery_tells_what_there_is_and_nothing_else(server: &'static Server) {
        let stranger = server.stranger();
        let origin = format!("http://{}", server.address());
        for address in [format!("{origin}/fhir/.well-known/smart-configuration"), format!("{origin}/.well-known/smart-configuration"), format!("{origin}/.well-known/oauth-authorization-server")] {
            let answer = stranger.get(&address).header("Origin", "https://app.example").await.expect(200);
            assert_eq!(answer.header("Content-Type"), Some("application/json"), "{address}");
            assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"), "{address}");
            let found = answer.json();
            assert_eq!(found.str("token_endpoint"), Some(&*format!("{origin}/oauth/token")), "{address}");
            assert_eq!(found.at("grant_types_supported").unwrap().to_string(), r#"["authorization_code","refresh_token","client_credentials"]"#);
            assert_eq!(found.str("authorization_endpoint"), Some(&*format!("{origin}/oauth/authorize")), "{address}");
            assert_eq!(found.at("code_challenge_methods_supported").unwrap().to_string(), r#"["S256"]"#, "never plain");
            let can = found.at("capabilities").map(ToString::to_string).unwrap_or_default();
            for capability in ["launch-standalone", "launch-ehr", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "context-standalone-patient", "context-standalone-encounter", "context-ehr-patient", "context-ehr-encounter", "context-banner", "context-style", "permission-offline", "permission-patient", "permission-user", "authorize-post", "permission-v1", "permission-v2"] {
                assert!(address.ends_with("authorization-server") || can.contains(&format!("\"{capability}\"")), "{capability}: {can}");
            }
            let methods = found.at("token_endpoint_auth_methods_supported").unwrap().to_string();
            assert!(methods.contains("private_key_jwt") && methods.contains("client_secret_basic"), "{methods}");
        }
        let found = stranger.get("/metadata").await.expect(200).json();
        let security = found.at("rest.0.security").unwrap();
        assert_eq!(security.str("service.0.coding.0.code"), Some("SMART-on-FHIR"));
        let uris = security.items("extension.0.extension");
        assert!(uris.iter().any(|uri| uri.str("url") == Some("token") && uri.str("valueUri") == Some(&*format!("{origin}/oauth/token"))), "{security}");
    }

    /// 1.3, 1.5.
    async fn a_client_gets_a_token_by_its_secret(server: &'static Server) {
        let secret = with_secret(server, "by-secret", "system/*.rs").await;
        let asked = [("scope", "system/Patient.read system/Nothing.rs")];
        let answer = ask(server, Some(&basic("by-secret", &secret)), &[("scope", "system/Patient.read openid patient/*.rs")]).await.expect(200);
        assert_eq!((answer.header("Cache-Control"), answer.header("Pragma")), (Some("no-store"), Some("no-cache")));
        let token = answer.json();
        assert_eq!((token.str("token_type"), token.str("scope")), (Some("Bearer"), Some("system/Patient.read")));
        assert_eq!(token.at("expires_in").unwrap().to_string(), "300");
        let posted = [("client_id", "by-secret"), ("client_secret", &*secret), ("scope", "system/*.cruds")];
        assert_eq!(ask(server, None, &posted).await.expect(200).json().str("scope"), Some("system/*.rs"));

        let error = |answer: Response| answer.json().str("error").unwrap_or_default().to_owned();
        let basic = basic("by-secret", &secret);
        // A type that is none, nothing, and changes alone.
        for scope in [asked[0], ("scope", ""), ("scope", "openid"), ("scope", "user/*.rs"), ("scope", "system/Patient.cud"), ("scope", "system/Patient.x")] {
            assert_eq!(error(ask(server, Some(&basic), &[scope]).await.expect(400)), "invalid_scope", "{scope:?}");
        }
        assert_eq!(error(ask(server, Some(&basic), &[("scope", "system/*.rs"), ("scope", "system/*.rs")]).await.expect(400)), "invalid_request");
        assert_eq!(error(post(server, "/oauth/token", Some(&basic), &[("grant_type", "password"), ("scope", "system/*.rs")]).await.expect(400)), "unsupported_grant_type");
        assert_eq!(error(post(server, "/oauth/token", Some(&basic), &[("scope", "system/*.rs")]).await.expect(400)), "invalid_request");
        let wrong = self::basic("by-secret", "fgs_wrong");
        let answer = ask(server, Some(&wrong), &[("scope", "system/*.rs")]).await.expect(401);
        assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Basic"));
        let nobody = self::basic("nobody", &secret);
        // Who is not known is told no more than who has a wrong secret.
        assert_eq!(answer.text(), ask(server, Some(&nobody), &[("scope", "system/*.rs")]).await.expect(401).text());
        assert_eq!(error(ask(server, None, &[("scope", "system/*.rs")]).await.expect(401)), "invalid_client");
        let typed = server.stranger().request(Method::POST, &format!("http://{}/oauth/token", server.address())).json("{}");
        let refused = typed.await.expect(400);
        assert_eq!((refused.json().str("error"), refused.header("Cache-Control")), (Some("invalid_request"), Some("no-store")));
    }

    /// 1.5.
    async fn a_client_gets_a_token_by_its_key_once_for_each_assertion(server: &'static Server) {
        let key = Key::new();
        let file = server.folder().join("by-key.json");
        std::fs::write(&file, key.set("one")).unwrap();
        register(server, "by-key", "system/*.rs", &["--purpose", "HOPERAT", "--default-purpose", "TREAT", "--jwks", &file.display().to_string()]).await;
        let assertion = key.sign("one", &claims(server, "by-key", "first", ""));
        let token = assert_with(server, &assertion).await.expect(200).json();
        Client::new(server.address(), token.str("access_token")).get("/Patient?_summary=count").await.expect(200);
        assert_eq!(assert_with(server, &assertion).await.expect(401).json().str("error"), Some("invalid_client"), "used before");
        let other = Key::new();
        let claims = |jti: &str, more: &str| claims(server, "by-key", jti, more);
        for (what, assertion) in [
            ("another's key", other.sign("one", &claims("a", ""))),
            ("another key's id", key.sign("two", &claims("b", ""))),
            ("another client", key.sign("one", &claims("c", "").replace("\"iss\":\"by-key\"", "\"iss\":\"other\""))),
            ("another server", key.sign("one", &claims("d", "").replace("/oauth/token", "/other"))),
            ("too long", key.sign("one", &claims("e", "").replace("\"exp\":", "\"exp\":9"))),
            ("expired", key.sign("one", &claims("f", "").replace("\"exp\":", "\"was\":1,\"exp\":1,\"then\":"))),
            ("nothing", "a.b.c".to_owned()),
        ] {
            let answer = assert_with(server, &assertion).await;
            assert_eq!((answer.status, answer.json().str("error")), (401, Some("invalid_client")), "{what}");
        }
        // Why it asks, as far as it may.
        let purpose = |code: &str| format!(r#","extensions":{{"hl7-b2b":{{"version":"1","purpose_of_use":["urn:oid:2.16.840.1.113883.5.8#{code}"]}}}}"#);
        assert_with(server, &key.sign("one", &claims("g", &purpose("HOPERAT")))).await.expect(200);
        let refused = assert_with(server, &key.sign("one", &claims("h", &purpose("HRESCH")))).await.expect(400).json();
        assert_eq!(refused.str("error"), Some("unauthorized_client"));
        let wrong = ask(server, None, &[("scope", "system/*.rs"), ("client_assertion_type", "jwt"), ("client_assertion", &assertion)]).await;
        assert_eq!(wrong.status, 400);
    }

    /// A request says which of its token's purposes it is for; what it says counts in the decision, in pages and on record, and adds
    /// nothing to what the client is registered with, the token was narrowed to, or a glass has to be broken for.
    async fn a_request_says_why_it_is_made_within_its_token(server: &'static Server) {
        let all = server.client();
        let why = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
        for id in ["why-a", "why-b", "why-c"] {
            all.save(&patient(id, "Whyfamily")).await.expect(201);
        }
        let deny = format!(r#"{{"type":"permit","provision":[{{"type":"deny","purpose":[{{"system":"{why}","code":"HPAYMT"}}]}}]}}"#);
        all.save(&consent("why-no", "why-b", &deny)).await.expect(201);
        let key = Key::new();
        let file = server.folder().join("why.json");
        std::fs::write(&file, key.set("one")).unwrap();
        let of = ["--purpose", "HPAYMT", "--purpose", "ETREAT", "--default-purpose", "TREAT", "--jwks", &file.display().to_string()].map(str::to_owned);
        register(server, "why", "system/*.rs", &of.each_ref().map(String::as_str)).await;
        let token = async |jti: &str, more: &str| {
            let answer = assert_with(server, &key.sign("one", &claims(server, "why", jti, more))).await.expect(200).json();
            Client::new(server.address(), answer.str("access_token"))
        };
        let api = token("whole", "").await;
        let ask = async |api: &Client, path: &str, purpose: &str| api.get(path).header("X-Purpose-Of-Use", purpose).await;
        let seen = async |purpose: &str| {
            let answer = ask(&api, "/Patient?family=Whyfamily", purpose).await.expect(200).json();
            answer.items("entry").iter().map(|entry| entry.str("resource.id").unwrap().to_owned()).collect::<Vec<_>>()
        };
        // What is seen is what may be seen for that; by default it is what it always was.
        assert_eq!(api.search("/Patient?family=Whyfamily").await.len(), 3);
        for purpose in ["TREAT", "ETREAT", &format!("{why}|TREAT")] {
            assert_eq!(seen(purpose).await, ["why-a", "why-b", "why-c"], "{purpose}");
        }
        assert_eq!(seen("HPAYMT").await, ["why-a", "why-c"]);
        ask(&api, "/Patient/why-b", "HPAYMT").await.refused(404, "not-found");
        ask(&api, "/Patient/why-b/_history/1", "HPAYMT").await.refused(404, "not-found");
        assert_eq!(total(&ask(&api, "/Patient?family=Whyfamily&_summary=count", "HPAYMT").await), "2");
        // An entity tag that is known opens nothing, and what may be kept is kept for the purpose.
        let shown = ask(&api, "/Patient/why-b", "TREAT").await.expect(200);
        assert!(shown.header("Vary").unwrap().contains("x-purpose-of-use"), "{:?}", shown.header("Vary"));
        let again = api.get("/Patient/why-b").header("If-None-Match", shown.header("ETag").unwrap());
        again.header("X-Purpose-Of-Use", "HPAYMT").await.expect(404);
        // Nor does a copy of what is seen stand for what another purpose sees, whether it is asked for by itself or among others.
        let tag = ask(&api, "/Patient/why-a", "TREAT").await.expect(200).header("ETag").unwrap().to_owned();
        api.get("/Patient/why-a").header("If-None-Match", &tag).header("X-Purpose-Of-Use", "HPAYMT").await.expect(200);
        let request = serde_json::json!({ "method": "GET", "url": "Patient/why-a", "ifNoneMatch": tag });
        let batch = serde_json::json!({ "resourceType": "Bundle", "type": "batch", "entry": [{ "request": request }] });
        let among = api.post("/", batch.to_string()).header("X-Purpose-Of-Use", "HPAYMT").await.expect(200).json();
        assert!(among.str("entry.0.response.status").is_some_and(|status| status.starts_with("200")), "{among}");
        // The notice is for those who treat.
        assert!(shown.header("Record-Notice").is_some() && ask(&api, "/Patient/why-a", "HPAYMT").await.header("Record-Notice").is_none());
        // A page goes on for what it was begun for.
        let page = ask(&api, "/Patient?family=Whyfamily&_count=1", "TREAT").await.expect(200).json();
        let next = page.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap().str("url").unwrap().to_owned();
        let next = &next[next.find("/Patient").unwrap()..];
        ask(&api, next, "HPAYMT").await.refused(400, "value");
        ask(&api, next, "ETREAT").await.refused(400, "value");
        ask(&api, next, "TREAT").await.expect(200);
        api.get(next).await.expect(200);
        let history = ask(&api, "/Patient/_history?_count=1", "HPAYMT").await.expect(200).json();
        let next = history.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap().str("url").unwrap().to_owned();
        api.get(&next[next.find("/Patient").unwrap()..]).await.refused(400, "value");

        // Never more than it is registered with; and nothing that is no purpose. What is done is nothing.
        for (purpose, status, code) in [
            ("HRESCH", 403, "forbidden"), ("PATRQT", 403, "forbidden"), ("COC", 403, "forbidden"), ("BTG", 403, "forbidden"),
            ("treat", 400, "code-invalid"), ("urn:x|TREAT", 400, "code-invalid"), ("", 400, "code-invalid"), ("HPAYMT,TREAT", 400, "value"),
        ] {
            let issue = ask(&api, "/Patient/why-a", purpose).await.refused(status, code);
            assert!(issue.text.contains("ETREAT, HPAYMT, TREAT") && issue.text.contains("$break-glass") == (purpose == "BTG"), "{purpose}: {issue:?}");
            assert_eq!(ask(&api, "/metadata", purpose).await.status, status, "{purpose}");
        }
        let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/why-b"}}]}"#;
        api.post("/", batch).header("X-Purpose-Of-Use", "HRESCH").await.refused(403, "forbidden");
        let entry = async |purpose: &str| api.post("/", batch).header("X-Purpose-Of-Use", purpose).await.expect(200).json().str("entry.0.response.status").unwrap()[..3].to_owned();
        assert_eq!((entry("TREAT").await, entry("HPAYMT").await), ("200".to_owned(), "404".to_owned()));
        // An emergency is no broken glass: that takes a group that may, and its operation.
        let reason = r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"x"}]}"#;
        api.post("/Patient/why-b/$break-glass", reason).header("X-Purpose-Of-Use", "ETREAT").await.refused(403, "forbidden");

        // A token that its assertion narrowed stays so.
        let extension = |codes: &str| format!(r#","extensions":{{"hl7-b2b":{{"version":"1","purpose_of_use":[{codes}]}}}}"#);
        let code = |code: &str| format!(r#""urn:oid:2.16.840.1.113883.5.8#{code}""#);
        let narrow = token("narrow", &extension(&code("HPAYMT"))).await;
        narrow.get("/Patient/why-b").await.refused(404, "not-found");
        for purpose in ["TREAT", "ETREAT"] {
            let issue = ask(&narrow, "/Patient/why-b", purpose).await.refused(403, "forbidden");
            assert!(issue.text.ends_with(": HPAYMT."), "{issue:?}");
        }
        ask(&narrow, "/Patient/why-a", "HPAYMT").await.expect(200);
        let two = token("two", &extension(&[code("HPAYMT"), code("HRESCH"), code("TREAT")].join(","))).await;
        two.get("/Patient/why-b").await.refused(404, "not-found");
        ask(&two, "/Patient/why-b", "TREAT").await.expect(200);
        ask(&two, "/Patient/why-b", "ETREAT").await.refused(403, "forbidden");
        // The token of development is for one.
        all.get("/Patient/why-a").header("X-Purpose-Of-Use", "TREAT").await.expect(200);
        all.get("/Patient/why-a").header("X-Purpose-Of-Use", "HPAYMT").await.refused(403, "forbidden");
        // Without a token nobody learns whether a purpose counts.
        server.stranger().get("/Patient/why-a").header("X-Purpose-Of-Use", "HRESCH").await.expect(401);
        let asks = server.stranger().request(Method::OPTIONS, "/Patient").header("Origin", "https://a.example").await.expect(204);
        assert!(asks.header("Access-Control-Allow-Headers").unwrap().contains("x-purpose-of-use"));

        // The record says for what it was, and what was refused.
        let (mut trail, prefix) = server.trail().await;
        for (purpose, decision, more, count) in [("HPAYMT", "permit", "status = 200 and interaction = 'read'", 4), ("TREAT", "refused", "status = 403 and interaction = 'read'", 4), ("HRESCH", "permit", "true", 0)] {
            let records = format!("select count(*) from {prefix}audit_events where client = 'why' and purpose = '{purpose}' and decision = '{decision}' and {more}");
            assert_eq!(trail.count(&records).await, count, "{purpose} {decision}");
        }
    }

    /// 1.5: keys at an address are fetched, kept, and fetched again for a key that is not known; nothing else makes us ask.
    async fn keys_at_an_address_are_fetched_when_they_are_needed(server: &'static Server) {
        let (old, new) = (Key::new(), Key::new());
        let keys = KeysServer::start(&old.set("old"));
        let id = "by-url";
        register(server, id, "system/*.rs", &["--default-purpose", "TREAT", "--jwks-url", &keys.url]).await;
        let ask = async |key: &Key, kid: &str, jti: &str| assert_with(server, &key.sign(kid, &claims(server, id, jti, ""))).await.status;
        assert_eq!(ask(&old, "old", "1").await, 200);
        assert_eq!(ask(&old, "old", "2").await, 200);
        assert_eq!(keys.asked(), 1, "kept");
        // Whoever sends keys that nobody knows does not make us fetch each time.
        for attempt in 0..5 {
            assert_eq!(ask(&new, "new", &format!("x{attempt}")).await, 401);
        }
        assert!(keys.asked() <= 2, "{}", keys.asked());
        keys.say(&new.set("new"));
        for attempt in 0..100 {
            if ask(&new, "new", &format!("n{attempt}")).await == 200 {
                assert_eq!(ask(&old, "old", "3").await, 401, "the key before has gone");
                assert!(keys.asked() <= 8, "{}", keys.asked());
                return;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("the new key is not known after half a minute");
    }

    async fn scopes_say_what_is_read_found_and_written(engine: Engine) {
        let server = Server::start(engine);
        record(&server).await;
        let lab = format!("system/Observation.rs?category={LABORATORY}");
        let api = scoped(&server, "lab", &format!("{lab} system/Patient.rs system/Observation.c")).await;
        api.get("/Observation/lab").await.expect(200);
        // What is not of a category is as good as not there, in all that shows it.
        api.get("/Observation/pulse").await.refused(404, "not-found");
        api.get("/Observation/pulse/_history").await.refused(404, "not-found");
        api.get("/Observation/pulse/_history/1").await.refused(404, "not-found");
        assert_eq!(api.search("/Observation").await, ["Observation/lab"]);
        assert_eq!(total(&api.get("/Observation?_summary=count").await), "1");
        assert_eq!(total(&api.get("/Observation?status=final&_summary=count").await), "1");
        assert_eq!(api.search("/Patient/ada/Observation").await, ["Observation/lab"]);
        assert_eq!(api.search("/Patient?_has:Observation:patient:category=vital-signs").await, [""; 0]);
        assert_eq!(api.search("/Patient?_id=ada&_revinclude=Observation:patient").await, ["Patient/ada", "Observation/lab"]);
        assert_eq!(api.search("/?_type=Observation,Condition").await, ["Observation/lab"]);
        let everything = api.search("/Patient/ada/$everything").await;
        assert_eq!(everything, ["Patient/ada", "Observation/lab"]);

        // Of past versions nobody can tell of what category they were.
        let all = server.client();
        all.save(&observation("was", "bob", "vital-signs")).await.expect(201);
        all.save(&observation("was", "bob", "laboratory")).await.expect(200);
        api.get("/Observation/was").await.expect(200);
        api.get("/Observation/was/_history/1").await.refused(404, "not-found");
        api.get("/Observation/was/_history/2").await.refused(404, "not-found");
        api.get("/Observation/_history").await.refused(403, "forbidden");
        all.delete("/Observation/was").await.expect(204);

        // Other types are refused by their names, whether there is any or not.
        for path in ["/Condition/c", "/Condition/none", "/Condition", "/Patient/ada/Condition", "/_history", "/Condition/c/_history"] {
            let answer = api.get(path).await;
            assert!(answer.header("WWW-Authenticate").unwrap().contains("insufficient_scope"), "{path}");
            answer.refused(403, "forbidden");
        }
        assert_eq!(api.search("/Observation?_id=lab&_include=*").await, ["Observation/lab", "Patient/ada"]);
        assert_eq!(api.search("/Patient?_has:Condition:patient:_id=c").await, [""; 0]);
        // Conditions are of what may be found, too.
        let query = "/Observation?subject:Patient._has:Condition:patient:_id=c";
        assert_eq!(api.search(query).await, [""; 0]);

        // Who may create changes nothing.
        api.post("/Observation", unnamed(observation("x", "ada", "vital-signs"))).await.expect(201);
        for refused in [api.save(&observation("lab", "ada", "laboratory")), api.delete("/Observation/lab"), api.post("/Condition", "{}"), api.delete("/Observation?_id=lab")] {
            refused.await.refused(403, "forbidden");
        }
        api.post("/Observation", observation("x", "ada", "laboratory")).header("X-Provenance", r#"{"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}"#).await.refused(403, "forbidden");
        let said = r#"{"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}"#;
        let one = r#"{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/ada"}},"request":{"method":"POST","url":"Observation"}}]}"#;
        api.post("/", one).header("X-Provenance", said).await.refused(403, "forbidden");
        api.post("/", one).await.expect(200);
        for path in ["/Patient/ada/$consent-explain", "/$consent-explain?patient=ada"] {
            api.get(path).await.refused(403, "forbidden");
        }
        api.post("/Patient/ada/$break-glass", r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"x"}]}"#).await.refused(403, "forbidden");
        // A batch entry by entry, a transaction not at all.
        let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/lab"}},{"request":{"method":"GET","url":"Condition/c"}},{"request":{"method":"DELETE","url":"Observation/lab"}}]}"#;
        let done = api.post("/", batch).await.expect(200).json();
        let status = |index: usize| done.str(&format!("entry.{index}.response.status")).unwrap()[..3].to_owned();
        assert_eq!([status(0), status(1), status(2)], ["200", "403", "403"]);
        let whole = transaction(&[observation("t", "ada", "laboratory"), Json::of(r#"{"resourceType":"Condition","id":"t","subject":{"reference":"Patient/ada"}}"#)]);
        let issue = api.post("/", whole).await.refused(403, "forbidden");
        assert!(issue.expression.iter().any(|place| place.starts_with("Bundle.entry[")), "{issue:?}");
        server.client().get("/Observation/t").await.expect(404);
    }

    async fn read_and_search_are_apart(engine: Engine) {
        let server = Server::start(engine);
        record(&server).await;
        let api = scoped(&server, "apart", "system/Patient.s system/Observation.r system/Condition.s").await;
        api.get("/Observation/lab").await.expect(200);
        api.get("/Observation").await.refused(403, "forbidden");
        api.get("/Patient/ada").await.refused(403, "forbidden");
        assert_eq!(api.search("/Patient?_id=ada").await, ["Patient/ada"]);
        // What may be read alone is nothing that anything is found by, or that is found by what it names.
        assert_eq!(api.search("/Patient?_id=ada&_revinclude=Observation:patient").await, ["Patient/ada"]);
        let named = scoped(&server, "named", "system/Observation.s system/Patient.r").await;
        assert_eq!(named.search("/Observation?_id=lab&_include=Observation:subject").await, ["Observation/lab", "Patient/ada"]);
        // Conditions of searches are none of reads, and the other way round; past versions are read.
        let lab = format!("?category={LABORATORY}");
        let finds = scoped(&server, "finds", &format!("system/Observation.r{lab} system/Observation.s")).await;
        finds.get("/Observation/pulse").await.refused(404, "not-found");
        finds.get("/Observation/pulse/_history/1").await.refused(404, "not-found");
        assert_eq!(finds.search("/Observation").await.len(), 2);
        finds.get("/Observation/_history").await.refused(403, "forbidden");
        let reads = scoped(&server, "reads", &format!("system/Observation.r system/Observation.s{lab}")).await;
        reads.get("/Observation/pulse").await.expect(200);
        assert_eq!(reads.search("/Observation").await, ["Observation/lab"]);
        reads.get("/Observation/_history").await.refused(403, "forbidden");
        assert_eq!(api.search("/Patient?_has:Observation:patient:status=final").await, [""; 0]);
        assert_eq!(api.search("/?_type=Observation,Condition").await, ["Condition/c"]);
        assert_eq!(total(&api.get("/?_type=Observation,Condition&_summary=count").await), "1");
        let writer = scoped(&server, "writer", "system/Observation.u").await;
        writer.save(&observation("lab", "ada", "laboratory")).await.expect(200);
        writer.get("/Observation/lab").await.refused(403, "forbidden");
        let patch = r#"[{"op":"replace","path":"/status","value":"amended"}]"#;
        writer.request(Method::PATCH, "/Observation/lab").header("Content-Type", "application/json-patch+json").body(patch).await.refused(403, "forbidden");
    }

    /// A parameter of several types has one place for all: what comes along by it is of the type that was asked for.
    async fn a_parameter_of_the_organizations_own_brings_no_other_type_along(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        all.put("/SearchParameter/about", r#"{"resourceType":"SearchParameter","id":"about","url":"urn:about","name":"about","status":"active","description":"x","code":"about","base":["Observation","Condition","Provenance"],"type":"reference","expression":"Observation.subject | Condition.subject | Provenance.target","target":["Patient"]}"#).await.expect(201);
        record(&server).await;
        all.put("/Provenance/p", r#"{"resourceType":"Provenance","id":"p","target":[{"reference":"Patient/ada"}],"recorded":"2026-01-01T00:00:00Z","agent":[{"who":{"display":"x"}}]}"#).await.expect(201);
        let api = scoped(&server, "own", "system/Patient.rs system/Observation.rs").await;
        for _ in 0..100 {
            if all.get("/Observation?about=Patient/ada").await.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(all.search("/Patient?_id=ada&_revinclude=Observation:about").await.len(), 3, "the patient and two");
        for query in ["_revinclude=Observation:about", "_revinclude=Observation:about&_revinclude:iterate=Observation:about"] {
            let found = api.search(&format!("/Patient?_id=ada&{query}")).await;
            assert_eq!(found, ["Patient/ada", "Observation/lab", "Observation/pulse"], "{query}");
        }
    }

    async fn consents_are_applied_to_whoever_has_scopes(engine: Engine) {
        let server = Server::start(engine);
        record(&server).await;
        server.client().save(&consent("no", "ada", r#"{"type":"deny"}"#)).await.expect(201);
        server.client().get("/Observation/lab").await.expect(200);
        let api = scoped(&server, "bound", "system/*.rs").await;
        let answer = api.get("/Observation/lab").await;
        assert!(answer.header("Record-Notice").is_some());
        answer.refused(404, "not-found");
        assert_eq!(total(&api.get("/Observation?_summary=count").await), "0");
        assert_eq!(api.search("/Patient").await, ["Patient/bob"]);
    }

    async fn a_token_ends_when_it_is_revoked_or_its_client_is_disabled(engine: Engine) {
        let server = Server::start(engine);
        let secret = with_secret(&server, "ends", "system/Patient.rs").await;
        let (mine, other) = (basic("ends", &secret), basic("reads", &with_secret(&server, "reads", "system/Patient.rs").await));
        let token = async || {
            let given = ask(&server, Some(&mine), &[("scope", "system/*.rs")]).await.expect(200).json();
            given.str("access_token").map(str::to_owned).unwrap()
        };
        let first = token().await;
        let api = Client::new(server.address(), Some(&first));
        api.get("/Patient").await.expect(200);
        let look = async |authorization: Option<&str>, token: &str| post(&server, "/oauth/introspect", authorization, &[("token", token)]).await;
        let found = look(Some(&other), &first).await.expect(200).json();
        for (name, value) in [("client_id", "ends"), ("scope", "system/Patient.rs"), ("token_type", "Bearer")] {
            assert_eq!(found.str(name), Some(value));
        }
        assert_eq!(found.at("active"), Some(&Json::Bool(true)));
        look(None, &first).await.expect(401);
        assert_eq!(look(Some(&other), "fgt_none").await.expect(200).text(), r#"{"active":false}"#);
        // Another client's is not one's to end, and nobody is told whose it is.
        post(&server, "/oauth/revoke", Some(&other), &[("token", &first)]).await.expect(200);
        api.get("/Patient").await.expect(200);
        post(&server, "/oauth/revoke", Some(&mine), &[("token", &first)]).await.expect(200);
        let refused = api.get("/Patient").await;
        assert!(refused.header("WWW-Authenticate").unwrap().contains("invalid_token"));
        refused.refused(401, "login");
        assert_eq!(look(Some(&other), &first).await.expect(200).text(), r#"{"active":false}"#);
        let second = Client::new(server.address(), Some(&token().await));
        second.get("/Patient").await.expect(200);
        command(&server, &["disable", "ends", "--by", "Jane"]).await.expect(0);
        ask(&server, Some(&mine), &[("scope", "system/*.rs")]).await.expect(401);
        // What is known of a token is looked at again within five seconds.
        for _ in 0..100 {
            if second.get("/Patient").await.status == 401 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the token of a disabled client counts on");
    }

    /// Without --dev nobody has a token but who was given one, Consents are applied, and links go by what was said, not by what a request says.
    async fn in_production_only_issued_tokens_count(engine: Engine) {
        let arguments = ["--public-url", "https://fhir.clinic.example"].map(str::to_owned).into();
        let server = Server::with(engine, Options { arguments, production: true, ..Options::default() });
        server.client().get("/Patient").await.refused(401, "login");
        let secret = with_secret(&server, "backend", "system/*.cruds").await;
        let asked = [("scope", "system/*.cruds")];
        let token = ask(&server, Some(&basic("backend", &secret)), &asked).await.expect(200).json();
        let api = Client::new(server.address(), token.str("access_token"));
        let made = api.post("/Patient", unnamed(patient("x", "Made"))).header("Host", "evil.example").header("X-Forwarded-Host", "evil.example").await.expect(201);
        assert!(made.header("Location").unwrap().starts_with("https://fhir.clinic.example/fhir/Patient/"), "{:?}", made.header("Location"));
        let found = server.stranger().get("/.well-known/smart-configuration").header("Host", "evil.example").await.expect(200).json();
        assert_eq!(found.str("token_endpoint"), Some("https://fhir.clinic.example/oauth/token"));
        let statement = server.stranger().get("/metadata").header("Host", "evil.example").await.expect(200);
        assert!(!statement.text().contains("evil"));
        // What is said is what is done: an id that is free would tell what is hidden.
        assert_eq!(statement.json().at("rest.0.resource.0.updateCreate"), Some(&Json::Bool(false)));
        api.save(&patient("free", "New")).await.refused(404, "not-found");
        let id = made.json().str("id").unwrap().to_owned();
        // Whom a Consent binds has no say in it.
        api.post("/Consent", unnamed(consent("no", &id, r#"{"type":"deny"}"#))).await.refused(403, "forbidden");
    }

    async fn tokens_and_refusals_are_on_record_and_no_secret_is(engine: Engine) {
        let server = Server::start(engine);
        record(&server).await;
        let secret = with_secret(&server, "told", "system/Patient.rs").await;
        let token = ask(&server, Some(&basic("told", &secret)), &[("scope", "system/*.rs")]).await.expect(200).json();
        let token = token.str("access_token").unwrap();
        ask(&server, Some(&basic("told", "fgs_wrong")), &[("scope", "system/*.rs")]).await.expect(401);
        let api = Client::new(server.address(), Some(token));
        api.get("/Patient/ada").await.expect(200);
        api.get("/Condition/c").await.expect(403);
        let (mut trail, schema) = server.trail().await;
        let rows = trail.rows(&format!("select caller, client, interaction, decision, cast(status as text) from {schema}audit_events where interaction = 'token' or caller = 'told' order by seq")).await;
        let rows: Vec<String> = rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" ")).collect();
        // Whoever said to be the client is on record with it, in its organization.
        assert_eq!(rows, ["told told token permit 200", "unauthenticated told token unauthenticated 401", "told told read permit 200", "told told read refused 403"]);
        for text in [&secret, token] {
            assert_eq!(trail.count(&format!("select count(*) from {schema}audit_events where caller like '%{text}%' or request like '%{text}%'")).await, 0);
        }
    }
}
