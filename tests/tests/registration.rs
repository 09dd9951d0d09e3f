//! Programs that register themselves (RFC 7591, RFC 7592), the tokens that let them, and an administrator's program that looks after clients.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the other files of tests use the rest")]
mod app;

use std::time::Duration;

use app::{App, observation, someone};
use gateway_tests::{Client, Engine, Json, Options, Response, Server, hidden_organization, own, patient, suite};
use hyper::Method;

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(ToString::to_string).collect(), ..Options::default() }
}

fn address(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

/// A request of somebody who has that token, or none.
async fn ask(server: &Server, method: Method, path: &str, token: Option<&str>, body: Option<&str>) -> Response {
    let mut request = Client::new(server.address(), token).request(method, &address(server, path));
    if let Some(body) = body {
        request = request.header("Content-Type", "application/json").body(body.to_owned());
    }
    request.await
}

async fn register(server: &Server, token: Option<&str>, body: &str) -> Response {
    ask(server, Method::POST, "/oauth/register", token, Some(body)).await
}

/// A public app, with something more.
fn app(more: &str) -> String {
    format!(r#"{{"redirect_uris":["{}"],"token_endpoint_auth_method":"none"{more}}}"#, app::REDIRECT)
}

/// What an answer tells, the id that was asked for aside.
fn answered(answer: &Response, id: &str) -> String {
    format!("{} {}", answer.status, answer.text().replace(id, "ID"))
}

fn error(answer: &Response) -> String {
    answer.json().str("error").unwrap_or_default().to_owned()
}

async fn clients(server: &Server) -> Vec<Json> {
    Json::of(&server.command(&["client", "list", "--json"]).await.expect(0).stdout).array().to_vec()
}

/// How many records of an interaction have that status.
async fn recorded(server: &Server, interaction: &str, status: u16, more: &str) -> i64 {
    let (mut sql, prefix) = server.trail().await;
    sql.count(&format!(
        "select count(*) from {prefix}audit_events where interaction = '{interaction}' and status = {status} {more}"
    ))
    .await
}

const MOST: usize = 6;

suite! {
    async fn nobody_registers_where_nobody_said_so(server: &'static Server) {
        assert_eq!(error(&register(server, None, &app("")).await.expect(404)), "not_found");
        ask(server, Method::GET, "/oauth/register/abc", Some("fgm_x"), None).await.expect(404);
        for document in ["/.well-known/smart-configuration", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
            let found = ask(server, Method::GET, document, None, None).await.expect(200).json();
            assert!(found.at("registration_endpoint").is_none(), "{document}");
        }
        // Nor does anybody administer clients by the token of development.
        ask(server, Method::GET, "/oauth/clients", None, None).await.expect(401);
        server.client().get(&address(server, "/oauth/clients")).await.expect(403);
    }

    /// An app registers itself, a patient approves it, and it never is more than that.
    async fn an_app_registers_itself_for_patients(engine: Engine) {
        let most = MOST.to_string();
        let mut server = Server::with(engine, options(&["--register-clients", "open", "--register-most", &most, "--register-rate", "1/min,burst=60"]));
        for document in ["/.well-known/smart-configuration", "/.well-known/oauth-authorization-server"] {
            let found = ask(&server, Method::GET, document, None, None).await.expect(200).json();
            assert_eq!(found.str("registration_endpoint"), Some(&*address(&server, "/oauth/register")), "{document}");
        }
        let uris = |list: &str| format!(r#"{{"redirect_uris":{list},"token_endpoint_auth_method":"none"}}"#);
        for wrong in [
            r#"{"token_endpoint_auth_method":"none"}"#, &uris("[]"), &uris(r#"["http://app.example/cb"]"#), &uris(r#"["https://app.example/cb#x"]"#),
            &uris(r#"["javascript:alert(1)"]"#), &uris(r#"["https://app.example/cb","https://*.example/cb"]"#), r#"{"redirect_uris":["com.example.app:/cb"]}"#,
        ] {
            let answer = register(&server, None, wrong).await.expect(400);
            assert_eq!(error(&answer), "invalid_redirect_uri", "{wrong}");
            assert!(!answer.text().contains("--"), "{}", answer.text());
        }
        for wrong in [
            r#","grant_types":["client_credentials"]"#, r#","grant_types":["authorization_code","client_credentials"]"#, r#","grant_types":["refresh_token"]"#, r#","grant_types":["implicit"]"#,
            r#","response_types":["token"]"#, r#","scope":"system/*.rs""#, r#","scope":"user/*.rs""#, r#","scope":"launch""#, r#","scope":"patient/Nothing.rs""#,
            r#","client_name":"a\nb""#, r#","client_name":"Bank \u202etxet""#, r#","client_name":7"#, r#","jwks_uri":"https://app.example/k""#, r#","jwks":{"keys":[]}"#,
        ] {
            assert_eq!(error(&register(&server, None, &app(wrong)).await.expect(400)), "invalid_client_metadata", "{wrong}");
        }
        let of = |method: &str, more: &str| format!(r#"{{"redirect_uris":["{}"],"token_endpoint_auth_method":"{method}"{more}}}"#, app::REDIRECT);
        for wrong in [
            of("tls_client_auth", ""), of("private_key_jwt", ""), of("private_key_jwt", r#","jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}"#),
            // What strangers name is not fetched.
            of("private_key_jwt", r#","jwks_uri":"https://app.example/k""#), of("private_key_jwt", r#","jwks_uri":"https://app.example/k","jwks":{"keys":[]}"#),
            "[]".to_owned(), "{".to_owned(), String::new(),
        ] {
            assert_eq!(error(&register(&server, None, &wrong).await.expect(400)), "invalid_client_metadata", "{wrong}");
        }
        let typed = server.stranger().request(Method::POST, &address(&server, "/oauth/register")).header("Content-Type", "text/plain").body(app(""));
        assert_eq!(error(&typed.await.expect(400)), "invalid_request");
        register(&server, Some("fgi_nothing"), &app("")).await.expect(401);
        assert!(clients(&server).await.is_empty());

        // As little as can be said; what it does not know is left where it is.
        let answer = register(&server, None, &app(r#","client_name":"Bank of Health","scope":"launch/patient patient/*.rs system/*.rs offline_access email","logo_uri":"https://app.example/l","purposes":["TREAT"],"officer":true"#)).await.expect(201);
        assert_eq!((answer.header("Cache-Control"), answer.header("Pragma")), (Some("no-store"), Some("no-cache")));
        let first = answer.json();
        let id = first.str("client_id").unwrap().to_owned();
        assert_eq!(first.str("scope"), Some("launch/patient offline_access patient/*.rs"), "{first}");
        assert_eq!(first.at("grant_types").unwrap().to_string(), r#"["authorization_code","refresh_token"]"#);
        assert_eq!((first.str("client_name"), first.str("token_endpoint_auth_method")), (Some("Bank of Health"), Some("none")));
        assert!(first.at("client_secret").is_none() && first.at("client_id_issued_at").is_some(), "{first}");
        let kept = &clients(&server).await[0];
        assert_eq!((kept.at("registeredItself"), kept.at("officer"), kept.str("createdBy")), (Some(&Json::Bool(true)), Some(&Json::Bool(false)), Some("itself")));
        assert_eq!((kept.at("purposes").unwrap().to_string(), kept.items("actors").len()), (r#"["PATRQT"]"#.to_owned(), 0));
        assert!(server.command(&["client", "list"]).await.expect(0).stdout.contains("registered itself"));
        // Another copy of the app has the same name; and whoever says nothing gets what the operator allows.
        let second = register(&server, None, &format!(r#"{{"redirect_uris":["{}"],"client_name":"Bank of Health"}}"#, app::REDIRECT)).await.expect(201).json();
        assert_eq!(second.str("token_endpoint_auth_method"), Some("client_secret_basic"));
        assert_eq!(second.str("scope"), Some("openid fhirUser launch/patient offline_access online_access patient/*.rs"));
        assert_eq!(second.at("client_secret_expires_at").unwrap().to_string(), "0");
        let secret = second.str("client_secret").unwrap();
        let hash = format!("select count(*) from {} where secret_hash like '%{secret}%' or registration_hash like '%fgm_%'", own(engine, "oauth_clients"));
        assert_eq!(server.sql().await.count(&hash).await, 0);
        // An administrator's client may have that name, too.
        server.command(&["client", "add", "--by", "Jane", "--name", "Bank of Health", "--id", "vetted", "--scope", "system/*.rs", "--purpose", "TREAT", "--secret"]).await.expect(0);

        // A patient approves it, and is told that nobody has checked it; people at work cannot.
        let all = server.client();
        all.save(&patient("own", "x")).await.expect(201);
        all.save(&observation("own", "laboratory")).await.expect(201);
        all.save(&patient("other", "x")).await.expect(201);
        let mut browser = someone(&server, "pat", "Patient/own").await;
        let app = App::known(&server, &id, None);
        let page = app.ask(&mut browser, "launch/patient patient/*.rs").await;
        let text = page.text();
        assert!(text.contains("Nobody here has checked this app") && text.contains("Bank of Health") && text.contains("app.example"), "{text}");
        let token = app.exchange(&browser.press(&page, "approve", &[]).await.parameter("code").unwrap()).await.expect(200).json();
        let seen = Client::new(server.address(), token.str("access_token"));
        seen.get("/Patient/own").await.expect(200);
        let (hidden, absent) = (seen.get("/Patient/other").await.expect(404), seen.get("/Patient/absent").await.expect(404));
        assert_eq!(answered(&hidden, "other"), answered(&absent, "absent"));
        seen.get("/Patient/own").header("X-Purpose-Of-Use", "TREAT").await.expect(403);
        let mut doctor = someone(&server, "doc", "Practitioner/dr").await;
        assert_eq!(app.ask(&mut doctor, "launch/patient patient/*.rs").await.status, 403);
        let vetted = App::confidential(&server, "vetted-app", "launch/patient patient/*.rs").await;
        assert!(!vetted.ask(&mut browser, "launch/patient patient/*.rs").await.text().contains("Nobody here has checked"));
        // Its secret gives it nothing without somebody.
        let basic = App::known(&server, second.str("client_id").unwrap(), Some(secret));
        let alone = format!("grant_type=client_credentials&scope=system%2F*.rs&client_id={}&client_secret={secret}", second.str("client_id").unwrap());
        let request = server.stranger().request(Method::POST, &address(&server, "/oauth/token")).header("Content-Type", "application/x-www-form-urlencoded").body(alone);
        assert_eq!(error(&request.await.expect(400)), "invalid_scope");
        assert_eq!(basic.secret(), Some(secret));

        // Its own token looks after its registration, nobody else's; its end ends what came of it.
        let (own_token, other_token) = (first.str("registration_access_token").unwrap(), second.str("registration_access_token").unwrap());
        let path = format!("/oauth/register/{id}");
        assert_eq!(first.str("registration_client_uri"), Some(&*address(&server, &path)));
        let read = ask(&server, Method::GET, &path, Some(own_token), None).await.expect(200).json();
        assert_eq!((read.str("client_id"), read.str("scope"), read.at("client_secret")), (Some(&*id), first.str("scope"), None));
        for token in [None, Some(other_token), Some("fgm_x"), token.str("access_token")] {
            for method in [Method::GET, Method::DELETE] {
                let answer = ask(&server, method.clone(), &path, token, None).await.expect(401);
                assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Bearer"), "{token:?}");
                let absent = ask(&server, method, "/oauth/register/absent", token, None).await.expect(401);
                assert_eq!((answered(&answer, &id), answer.header("WWW-Authenticate")), (answered(&absent, "absent"), absent.header("WWW-Authenticate")), "{token:?}");
            }
        }
        ask(&server, Method::GET, "/oauth/register/vetted", Some(own_token), None).await.expect(401);
        ask(&server, Method::DELETE, &path, Some(own_token), None).await.expect(204);
        ask(&server, Method::DELETE, &path, Some(own_token), None).await.expect(401);
        seen.get("/Patient/own").await.expect(401);

        // No more of them than the operator says, at once or one after the other; those that nobody used go again, nobody else's.
        let one = app_text();
        let at_once = futures_util::future::join_all((0..2 * MOST).map(|_| register(&server, None, &one))).await;
        let made = at_once.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, MOST - 1, "{:?}", at_once.iter().map(|answer| answer.status).collect::<Vec<_>>());
        let full = at_once.iter().find(|answer| answer.status == 503).expect("no more than there may be");
        assert_eq!(error(full), "temporarily_unavailable");
        // More than that nobody asks from an address.
        let mut last = full.status;
        for _ in 0..60 {
            if last == 429 {
                break;
            }
            last = register(&server, None, "{}").await.status;
        }
        assert_eq!(last, 429);
        let answer = register(&server, None, &one).await.expect(429);
        assert!(answer.header("Retry-After").unwrap().parse::<u32>().unwrap() > 0);
        assert_eq!(recorded(&server, "register", 429, "").await, 1, "once a minute");

        // All of it is on record.
        assert_eq!(recorded(&server, "register", 201, "and decision = 'permit' and caller = 'unauthenticated' and client is not null").await, 2 + 5);
        assert_eq!(recorded(&server, "registration", 204, &format!("and client = '{id}' and caller = '{id}'")).await, 1);
        assert_eq!(recorded(&server, "registration", 401, "").await, 18);
        let table = own(engine, "oauth_clients");
        let old = format!("update {table} set created = 1");
        server.sql().await.run(&old).await;
        server.restart();
        for attempt in 0.. {
            let left = clients(&server).await.iter().map(|client| client.str("name").unwrap().to_owned()).collect::<Vec<_>>();
            if left.len() == 3 {
                assert_eq!(left.iter().filter(|name| *name == "Bank of Health").count(), 2, "the used one, and the administrator's: {left:?}");
                break;
            }
            assert!(attempt < 100, "{left:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// People know what an administrator added by its name: nobody else has one that they would take for it.
    async fn nobody_takes_the_name_of_what_an_administrator_added(engine: Engine) {
        let server = Server::with(engine, options(&["--register-clients", "open", "--register-rate", "1/min,burst=60"]));
        let named = |name: &str| app(&format!(r#","client_name":"{name}""#));
        // Nobody's yet.
        register(&server, None, &named("BANK of Health")).await.expect(201);
        for (id, name) in [("bank", "Bank of Health"), ("praxis", "Praxis Müller")] {
            server.command(&["client", "add", "--by", "Jane", "--name", name, "--id", id, "--scope", "system/*.rs", "--purpose", "TREAT", "--secret"]).await.expect(0);
        }
        let before = clients(&server).await.len();
        for name in ["Bank of Health", "bank of HEALTH", "BANK of Health", " Bank of Health ", "Praxis Müller", "PRAXIS MÜLLER", "praxis mÜller"] {
            let answer = register(&server, None, &named(name)).await.expect(400);
            assert!(error(&answer) == "invalid_client_metadata" && answer.text().contains("is called so"), "{name}: {}", answer.text());
        }
        for name in ["Praxis  Müller", "bank of  HEALTH", "Praxis\\u00a0Müller", "Praxis Mü\\u200bller"] {
            assert_eq!(error(&register(&server, None, &named(name)).await.expect(400)), "invalid_client_metadata", "{name}");
        }
        assert_eq!(clients(&server).await.len(), before);
        for name in ["Bank of Wealth", "PRAXIS MÖLLER"] {
            assert_eq!(register(&server, None, &named(name)).await.expect(201).json().str("client_name"), Some(name));
        }
        assert_eq!(clients(&server).await.len(), before + 2);
    }

    /// Strangers keep nobody out for longer than an hour, and take nothing from whom somebody lets in.
    async fn the_oldest_that_nobody_uses_makes_room(engine: Engine) {
        let server = Server::with(engine, options(&["--register-clients", "open", "--register-most", "1", "--register-rate", "1/min,burst=60"]));
        let table = own(engine, "oauth_clients");
        let mut sql = server.sql().await;
        let ids = async || -> Vec<String> {
            let mut ids: Vec<String> = clients(&server).await.iter().map(|client| client.str("id").unwrap().to_owned()).collect();
            ids.sort();
            ids
        };
        let sorted = |mut of: Vec<String>| {
            of.sort();
            of
        };
        let one = async || {
            let made = register(&server, None, &app_text()).await.expect(201).json();
            (made.str("client_id").unwrap().to_owned(), made.str("registration_access_token").unwrap().to_owned())
        };
        let full = async || assert_eq!(error(&register(&server, None, &app_text()).await.expect(503)), "temporarily_unavailable");
        let look = async |(id, token): &(String, String), status: u16| {
            ask(&server, Method::GET, &format!("/oauth/register/{id}"), Some(token), None).await.expect(status);
        };
        let first = one().await;
        full().await;
        look(&first, 200).await;
        // For an hour it makes no room.
        sql.run(&format!("update {table} set created = created - 3500000 where id = '{}'", first.0)).await;
        full().await;
        sql.run(&format!("update {table} set created = 1 where id = '{}'", first.0)).await;
        let second = one().await;
        look(&first, 401).await;
        assert_eq!(ids().await, std::slice::from_ref(&second.0));
        // Nor does what somebody has used, however old it is; it takes no place among the others.
        sql.run(&format!("update {table} set created = 1, used = 5 where id = '{}'", second.0)).await;
        let third = one().await;
        full().await;
        assert_eq!(ids().await, sorted(vec![second.0.clone(), third.0.clone()]));
        sql.run(&format!("update {table} set created = 2 where id = '{}'", third.0)).await;
        let fourth = one().await;
        assert_eq!(ids().await, sorted(vec![second.0.clone(), fourth.0]));
        look(&second, 200).await;
        look(&third, 401).await;
    }

    /// Of other organizations' clients nobody learns anything by registering.
    async fn other_organizations_clients_show_to_nobody(engine: Engine) {
        let server = Server::with(engine, options(&["--register-clients", "open", "--register-rate", "1/min,burst=60"]));
        let named = |name: &str| app(&format!(r#","client_name":"{name}""#));
        let first = register(&server, None, &named("First")).await.expect(201).json();
        let (id, mine) = (first.str("client_id").unwrap(), first.str("registration_access_token").unwrap());
        let mut sql = server.sql().await;
        hidden_organization(&mut sql).await;
        let (table, columns) = (own(engine, "oauth_clients"), "kind, scopes, purposes, default_purpose, actors, officer, created, created_by, redirect_uris, revision");
        // One that somebody added there, and one that registered itself.
        for (hidden, registered) in [("hidden", 0), ("hidden-self", 1)] {
            sql.run(&format!("insert into {table} (organization_id, id, name, registered, registration_hash, {columns}) select 2, '{hidden}', 'Name of {hidden}', {registered}, 'x', {columns} from {table} where id = '{id}'")).await;
        }
        for hidden in ["hidden", "hidden-self"] {
            for method in [Method::GET, Method::DELETE] {
                for token in [Some(mine), Some("fgm_x"), None] {
                    let [there, absent] = [hidden, "absent"].map(|id| format!("/oauth/register/{id}"));
                    let there = ask(&server, method.clone(), &there, token, None).await.expect(401);
                    let absent = ask(&server, method.clone(), &absent, token, None).await.expect(401);
                    assert_eq!((answered(&there, hidden), there.header("WWW-Authenticate")), (answered(&absent, "absent"), absent.header("WWW-Authenticate")), "{method} {token:?}");
                }
            }
            // A name that is taken there is free here.
            let [taken, free] = [format!("Name of {hidden}"), format!("Name of {hidden} here")];
            let shape = async |name: &str| {
                let mut made = register(&server, None, &named(name)).await.expect(201).json();
                assert_eq!(made.str("client_name"), Some(name));
                for own in ["client_id", "client_id_issued_at", "client_name", "registration_client_uri", "registration_access_token"] {
                    made.remove("", own);
                }
                made.to_string()
            };
            assert_eq!(shape(&taken).await, shape(&free).await);
        }
        assert_eq!(sql.count(&format!("select count(*) from {table} where organization_id = 2 and disabled is null")).await, 2);
        // The same of its own organization's.
        server.command(&["client", "add", "--by", "Jane", "--name", "Ours", "--id", "ours", "--scope", "system/*.rs", "--purpose", "TREAT", "--secret"]).await.expect(0);
        register(&server, None, &named("Ours")).await.expect(400);
        let path = format!("/oauth/register/{id}");
        ask(&server, Method::GET, &path, Some(mine), None).await.expect(200);
        ask(&server, Method::DELETE, &path, Some(mine), None).await.expect(204);
    }

    /// Where it takes a token, and what an administrator's program does with clients.
    async fn who_has_a_token_registers_and_an_administrator_looks_after_all(engine: Engine) {
        let server = Server::with(engine, options(&["--register-clients", "token", "--register-scope", "launch/patient", "--register-scope", "patient/Observation.rs"]));
        let answer = register(&server, None, &app("")).await.expect(401);
        assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Bearer") && error(&answer) == "invalid_token");
        let made = Json::of(&server.command(&["client", "registration", "add", "--by", "Jane Doe", "--name", "Maker", "--uses", "2", "--json"]).await.expect(0).stdout);
        let (id, token) = (made.str("id").unwrap(), made.str("secret").unwrap());
        assert!(token.starts_with("fgi_"), "{made}");
        // What is refused takes no use of it.
        register(&server, Some(token), &app(r#","scope":"patient/Condition.rs""#)).await.expect(400);
        let first = register(&server, Some(token), &app(r#","scope":"patient/*.rs launch/patient""#)).await.expect(201).json();
        assert_eq!(first.str("scope"), Some("launch/patient patient/Observation.rs"));
        let keys = format!(r#"{{"redirect_uris":["{}"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://app.example/k"}}"#, app::REDIRECT);
        // 55: nobody makes us look around in the clinic's network.
        for inside in ["https://10.0.0.1/k", "https://2130706433/k"] {
            let answer = register(&server, Some(token), &keys.replace("https://app.example/k", inside)).await.expect(400);
            assert_eq!(error(&answer), "invalid_client_metadata", "{inside}");
        }
        let second = register(&server, Some(token), &keys).await.expect(201).json();
        assert_eq!((second.str("jwks_uri"), second.at("client_secret")), (Some("https://app.example/k"), None));
        register(&server, Some(token), &app("")).await.expect(401);
        let list = Json::of(&server.command(&["client", "registration", "list", "--json"]).await.expect(0).stdout);
        assert_eq!((list.str("0.state"), list.str("0.name")), (Some("used up"), Some("Maker")));
        assert!(!list.to_string().contains(token));
        let made = Json::of(&server.command(&["client", "registration", "add", "--by", "Jane Doe", "--name", "Other", "--json"]).await.expect(0).stdout);
        server.command(&["client", "registration", "end", made.str("id").unwrap(), "--by", "Jane Doe"]).await.expect(0);
        server.command(&["client", "registration", "end", made.str("id").unwrap(), "--by", "Jane Doe"]).await.expect(4);
        register(&server, made.str("secret"), &app("")).await.expect(401);
        assert_eq!(recorded(&server, "register", 201, &format!("and caller = '{id}'")).await, 2);
        for (more, why) in [(["--uses", "0"], "--uses"), (["--days", "366"], "--days")] {
            let run = server.command(&[&["client", "registration", "add", "--by", "Jane", "--name", "x"], &more[..]].concat()).await.expect(2);
            assert!(run.stderr.contains(why), "{}", run.stderr);
        }

        let secret = async |id: &str, more: &[&str]| {
            let add = ["client", "add", "--by", "Jane", "--id", id, "--name", id, "--scope", "system/*.rs", "--purpose", "HOPERAT", "--secret", "--json"];
            Json::of(&server.command(&[&add[..], more].concat()).await.expect(0).stdout).str("secret").unwrap().to_owned()
        };
        let token = async |id: &str, secret: &str| {
            let form = format!("grant_type=client_credentials&scope=system%2F*.rs&client_id={id}&client_secret={secret}");
            let request = server.stranger().request(Method::POST, &address(&server, "/oauth/token")).header("Content-Type", "application/x-www-form-urlencoded").body(form);
            let answer = request.await;
            (answer.status, answer.json().str("access_token").unwrap_or_default().to_owned())
        };
        let (_, admin) = token("desk", &secret("desk", &["--administrator"]).await).await;
        let reader = secret("reader", &["--officer"]).await;
        let (_, other) = token("reader", &reader).await;
        let administer = async |method: Method, path: &str, body: Option<&str>| ask(&server, method, &format!("/oauth/clients{path}"), Some(&admin), body).await;
        // It says who asks: a token of another client, or none, opens nothing.
        for (method, path) in [(Method::GET, ""), (Method::POST, ""), (Method::GET, "/reader"), (Method::PATCH, "/reader"), (Method::DELETE, "/reader"), (Method::POST, "/reader/secret"), (Method::POST, "/reader/revocation")] {
            let path = format!("/oauth/clients{path}");
            let answer = ask(&server, method.clone(), &path, Some(&other), Some("{}")).await.expect(403);
            assert_eq!(error(&answer), "access_denied", "{method} {path}");
            ask(&server, method, &path, None, Some("{}")).await.expect(401);
        }
        let new = r#"{"name":"Lab","id":"lab_1","scopes":["system/Observation.cruds"],"purposes":["TREAT","HOPERAT"],"defaultPurpose":"TREAT","actors":["Organization/1"],"secret":true}"#;
        let added = administer(Method::POST, "", Some(new)).await.expect(201);
        assert_eq!(added.header("Cache-Control"), Some("no-store"));
        let added = added.json();
        let first = added.str("secret").unwrap().to_owned();
        assert_eq!((added.str("id"), added.str("createdBy"), added.str("defaultPurpose")), (Some("lab_1"), Some("client desk"), Some("TREAT")));
        assert_eq!(token("lab_1", &first).await.0, 200);
        assert_eq!(error(&administer(Method::POST, "", Some(new)).await.expect(409)), "conflict");
        for wrong in [
            "{}", "[]", r#"{"name":"x","scopes":["system/*.rs"],"purposes":["TREAT"]}"#, r#"{"name":"x","scopes":["system/*.rs"],"purposes":["TREAT"],"secret":true,"administrator":true}"#,
            r#"{"name":"x","scopes":["patient/*.rs"],"purposes":["TREAT"],"secret":true}"#, r#"{"name":"x","scopes":["system/*.rs"],"purposes":["MARKETING"],"secret":true}"#,
            r#"{"name":"x","scopes":["system/*.rs"],"purposes":["TREAT"],"jwks":{"keys":[{"kty":"oct","k":"zqprivate"}]}}"#,
        ] {
            let answer = administer(Method::POST, "", Some(wrong)).await.expect(400);
            assert!(error(&answer) == "invalid_request" && !answer.text().contains("--") && !answer.text().contains("zqprivate"), "{wrong}: {}", answer.text());
        }
        let shown = administer(Method::GET, "/lab_1", None).await.expect(200).json();
        assert!(shown.at("secret").is_none() && shown.str("kind") == Some("confidential-symmetric"), "{shown}");
        let told = Json::of(&server.command(&["client", "show", "lab_1", "--json"]).await.expect(0).stdout);
        assert_eq!(told.sorted(), shown.sorted(), "the same here as at the command line");
        let list = administer(Method::GET, "", None).await.expect(200).json();
        assert_eq!(list.items("clients").len(), clients(&server).await.len());
        // What is given takes the place of what was there.
        let changed = administer(Method::PATCH, "/lab_1", Some(r#"{"name":"Laboratory","scopes":["system/*.rs"],"networks":["127.0.0.0/8"]}"#)).await.expect(200).json();
        assert_eq!((changed.str("name"), changed.str("scopes.0"), changed.str("networks.0"), changed.str("actors.0")), (Some("Laboratory"), Some("system/*.rs"), Some("127.0.0.0/8"), Some("Organization/1")));
        for wrong in [r#"{"id":"x"}"#, "{}", r#"{"secret":true}"#, r#"{"jwksUrl":"http://x.example/k"}"#, r#"{"purposes":["HPAYMT"]}"#] {
            administer(Method::PATCH, "/lab_1", Some(wrong)).await.expect(400);
        }
        // Who reads the trail of all is not made over HTTP either.
        assert_eq!(error(&administer(Method::PATCH, "/lab_1", Some(r#"{"officer":true}"#)).await.expect(403)), "access_denied");
        assert_eq!(administer(Method::GET, "/lab_1", None).await.expect(200).json().at("officer"), Some(&Json::Bool(false)));
        let (status, lab) = token("lab_1", &first).await;
        assert_eq!(status, 200);
        Client::new(server.address(), Some(&lab)).get("/Patient").await.expect(200);
        assert_eq!(administer(Method::POST, "/lab_1/revocation", None).await.expect(200).json().at("endedTokens").unwrap().to_string(), "1");
        Client::new(server.address(), Some(&lab)).get("/Patient").await.expect(401);
        let rotated = administer(Method::POST, "/lab_1/secret", Some(r#"{"keepSeconds":0}"#)).await.expect(200).json();
        assert_eq!((token("lab_1", &first).await.0, token("lab_1", rotated.str("secret").unwrap()).await.0), (401, 200));
        administer(Method::DELETE, "/lab_1", None).await.expect(200);
        assert_eq!(error(&administer(Method::DELETE, "/lab_1", None).await.expect(409)), "conflict");
        assert_eq!(administer(Method::GET, "/lab_1", None).await.expect(200).json().str("state"), Some("disabled"));
        administer(Method::DELETE, &format!("/{}", second.str("client_id").unwrap()), None).await.expect(200);
        administer(Method::GET, "/nobody", None).await.expect(404);
        // Administrators are the command line's: it makes none, and neither changes nor ends one.
        let deputys = secret("deputy", &["--administrator"]).await;
        let (_, deputy) = token("deputy", &deputys).await;
        for (method, path, body) in [(Method::PATCH, "/deputy", r#"{"name":"x"}"#), (Method::DELETE, "/desk", "{}"), (Method::POST, "/deputy/secret", "{}"), (Method::POST, "/deputy/revocation", "{}")] {
            assert_eq!(error(&administer(method, path, Some(body)).await.expect(403)), "access_denied", "{path}");
        }
        // Privacy officers' clients are made, changed and taken over there alone, too; what they can do is taken away here.
        let eye = |more: &str| format!(r#"{{"name":"Eye","id":"eye_1","scopes":["system/*.rs"],"purposes":["HOPERAT"],"secret":true{more}}}"#);
        assert_eq!(error(&administer(Method::POST, "", Some(&eye(r#","officer":true"#))).await.expect(403)), "access_denied");
        administer(Method::GET, "/eye_1", None).await.expect(404);
        administer(Method::POST, "", Some(&eye(r#","officer":false"#))).await.expect(201);
        let before = administer(Method::GET, "/reader", None).await.expect(200).text();
        for (method, path, body) in [(Method::PATCH, "/reader", r#"{"name":"x"}"#), (Method::PATCH, "/reader", r#"{"officer":false}"#), (Method::POST, "/reader/secret", "{}"), (Method::POST, "/reader/secret", r#"{"keepSeconds":0}"#)] {
            assert_eq!(error(&administer(method, path, Some(body)).await.expect(403)), "access_denied", "{path}");
        }
        assert_eq!(administer(Method::GET, "/reader", None).await.expect(200).text(), before);
        assert_eq!(token("reader", &reader).await.0, 200, "its secret is the one it was");
        Client::new(server.address(), Some(&other)).get("/Patient").await.expect(200);
        let auditor = secret("auditor", &["--officer"]).await;
        let (_, audits) = token("auditor", &auditor).await;
        Client::new(server.address(), Some(&audits)).get("/Patient").await.expect(200);
        assert_eq!(administer(Method::POST, "/auditor/revocation", None).await.expect(200).json().at("endedTokens").unwrap().to_string(), "1");
        Client::new(server.address(), Some(&audits)).get("/Patient").await.expect(401);
        administer(Method::DELETE, "/auditor", None).await.expect(200);
        assert_eq!(token("auditor", &auditor).await.0, 401);
        // An administrator that is answered from some networks makes nothing that is answered from others.
        let (_, near) = token("near", &secret("near", &["--administrator", "--from", "127.0.0.0/8"]).await).await;
        let by_near = async |method: Method, path: &str, body: &str| ask(&server, method, &format!("/oauth/clients{path}"), Some(&near), Some(body)).await;
        let job = |id: &str, more: &str| format!(r#"{{"name":"{id}","id":"{id}","scopes":["system/*.rs"],"purposes":["HOPERAT"],"secret":true{more}}}"#);
        for said in [r#"["10.0.0.0/8"]"#, r#"["0.0.0.0/0"]"#, r#"["127.0.0.0/8","10.0.0.0/8"]"#, r#"["127.0.0.0/7"]"#, r#"["::/0"]"#] {
            let answer = by_near(Method::POST, "", &job("far", &format!(r#","networks":{said}"#))).await.expect(403);
            assert_eq!(error(&answer), "access_denied", "{said}");
        }
        administer(Method::GET, "/far", None).await.expect(404);
        for (id, more, networks) in [("close", "", r#"["127.0.0.0/8"]"#), ("bare", r#","networks":[]"#, r#"["127.0.0.0/8"]"#), ("inner", r#","networks":["127.0.0.0/16"]"#, r#"["127.0.0.0/16"]"#)] {
            let made = by_near(Method::POST, "", &job(id, more)).await.expect(201).json();
            assert_eq!(made.at("networks").unwrap().to_string(), networks, "{id}");
        }
        for said in [r#"["10.0.0.0/8"]"#, "[]"] {
            let answer = by_near(Method::PATCH, "/close", &format!(r#"{{"networks":{said}}}"#)).await.expect(403);
            assert_eq!(error(&answer), "access_denied", "{said}");
        }
        assert_eq!(administer(Method::GET, "/close", None).await.expect(200).json().at("networks").unwrap().to_string(), r#"["127.0.0.0/8"]"#);
        assert_eq!(by_near(Method::PATCH, "/close", r#"{"networks":["127.0.0.1/32"]}"#).await.expect(200).json().str("networks.0"), Some("127.0.0.1/32"));
        administer(Method::PATCH, "/close", Some(r#"{"networks":[]}"#)).await.expect(200);
        // Why it asks is among what its token is for, or nothing is done.
        let unasked = async |purpose: &str| {
            let request = Client::new(server.address(), Some(&admin)).request(Method::POST, &address(&server, "/oauth/clients")).header("X-Purpose-Of-Use", purpose);
            request.header("Content-Type", "application/json").body(job("unasked", "")).await
        };
        assert_eq!(error(&unasked("TREAT").await.expect(400)), "invalid_request");
        administer(Method::GET, "/unasked", None).await.expect(404);
        unasked("HOPERAT").await.expect(201);
        // One that a provider knows, which is there.
        let theirs = |provider: &str| format!(r#"{{"name":"Theirs","id":"theirs_1","scopes":["system/*.rs"],"purposes":["TREAT"],"provider":"{provider}"}}"#);
        let add = ["provider", "add", "--by", "Jane", "--id", "there", "--name", "There", "--issuer", "https://id.example", "--audience", "here"];
        server.command(&add).await.expect(0);
        let answer = administer(Method::POST, "", Some(&theirs("x"))).await.expect(409);
        assert!(error(&answer) == "conflict" && answer.text().contains("no provider of that id"), "{}", answer.text());
        administer(Method::GET, "/theirs_1", None).await.expect(404);
        let made = administer(Method::POST, "", Some(&theirs("there"))).await.expect(201).json();
        assert_eq!((made.str("provider"), made.str("kind"), made.at("secret")), (Some("there"), Some("outside"), None));
        // Of another organization there is nothing to see and nothing to change.
        let mut sql = server.sql().await;
        hidden_organization(&mut sql).await;
        let (table, columns) = (own(engine, "oauth_clients"), "name, kind, scopes, purposes, default_purpose, actors, officer, created, created_by, revision");
        sql.run(&format!("insert into {table} (organization_id, id, {columns}) select 2, 'hidden', {columns} from {table} where id = 'reader'")).await;
        for (method, path, body) in [(Method::GET, "/hidden", None), (Method::PATCH, "/hidden", Some(r#"{"name":"x"}"#)), (Method::DELETE, "/hidden", None), (Method::POST, "/hidden/secret", None), (Method::POST, "/hidden/revocation", None)] {
            let answer = administer(method.clone(), path, body).await.expect(404);
            assert_eq!(answer.text(), administer(method, &path.replace("hidden", "absent"), body).await.expect(404).text(), "{path}");
        }
        assert!(!administer(Method::GET, "", None).await.expect(200).text().contains("hidden"));
        // Whoever is none any more is none at once, also where its token was good a moment ago; and one that is disabled has no token.
        let list = async |token: &str| ask(&server, Method::GET, "/oauth/clients", Some(token), None).await;
        let says = async |is: i64, sql: &mut gateway_tests::Sql| sql.run(&format!("update {table} set administrator = {is} where id = 'deputy'")).await;
        list(&deputy).await.expect(200);
        says(0, &mut sql).await;
        assert_eq!(error(&list(&deputy).await.expect(403)), "access_denied");
        says(1, &mut sql).await;
        list(&deputy).await.expect(200);
        let unused = token("deputy", &deputys).await.1;
        server.command(&["client", "disable", "deputy", "--by", "Jane"]).await.expect(0);
        let (ended, none) = (list(&unused).await.expect(401), list("fga_none").await.expect(401));
        assert_eq!((answered(&ended, "deputy"), ended.header("WWW-Authenticate")), (answered(&none, "deputy"), none.header("WWW-Authenticate")));
        let by = "and caller = 'desk' and client = 'desk'";
        for (interaction, status, count, about) in [("client-add", 201, 1, "lab_1"), ("client-change", 200, 1, "lab_1"), ("client-rotate-secret", 200, 1, "lab_1"), ("client-revoke-tokens", 200, 1, "lab_1"), ("client-disable", 200, 1, "lab_1"), ("client-disable", 403, 1, "desk")] {
            assert_eq!(recorded(&server, interaction, status, &format!("{by} and id = '{about}'")).await, count, "{interaction} {status}");
        }
        assert_eq!(recorded(&server, "client-add", 400, &format!("{by} and decision = 'refused'")).await, 8);
        if engine == Engine::Postgres {
            // The database itself lets nobody remove a client that somebody added or used.
            let mut sql = server.sql().await;
            let gone = "begin; set local role fhir_gateway_app; set local app.current_organization_id = '1'; delete from fhir_gateway.oauth_clients where id = 'reader'; commit";
            sql.run(gone).await;
            assert_eq!(sql.count("select count(*) from fhir_gateway.oauth_clients where id = 'reader'").await, 1);
        }
    }
}

fn app_text() -> String {
    app(r#","client_name":"One of many""#)
}
