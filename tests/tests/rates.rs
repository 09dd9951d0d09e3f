//! How much may be asked, by whom and from where: rates, guesses at logins, places, networks. No test measures time: what is slow is kept
//! slow until the test lets go, and rates are so low that a slow machine does not matter.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gateway_tests::browser::{encoded, hidden};
use gateway_tests::{
    Browser, Client, Engine, Json, Options, Request, Response, Server, TOKEN, on_postgres, program, suite,
};
use hyper::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PASSWORD: &str = "Correct-Horse-9";
const PROXY: [&str; 2] = ["--trusted-proxy", "127.0.0.1"];

fn started(engine: Engine, arguments: &[&str]) -> Server {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    Server::with(engine, Options { arguments, ..Options::default() })
}

/// A client of its own: how it says who it is.
async fn registered(server: &Server, more: &[&str]) -> String {
    let add = [
        "client",
        "add",
        "--by",
        "Jane",
        "--id",
        "other",
        "--name",
        "Other",
        "--scope",
        "system/*.cruds",
        "--purpose",
        "TREAT",
    ];
    let said = server.command(&[&add[..], &["--secret", "--json"], more].concat()).await.expect(0).stdout;
    format!("Basic {}", BASE64_STANDARD.encode(format!("other:{}", Json::of(&said).str("secret").unwrap())))
}

/// What it sends for a token.
fn token(server: &Server, basic: &str) -> Request {
    let form = [("grant_type", "client_credentials"), ("scope", "system/*.cruds")];
    oauth(server, Method::POST, "/oauth/token", &form).header("Authorization", basic)
}

/// A client of its own, with a token.
async fn other_client(server: &Server) -> Client {
    program(server, "other", "system/*.cruds", &["--purpose", "TREAT"]).await
}

fn oauth(server: &Server, method: Method, path: &str, form: &[(&str, &str)]) -> Request {
    let request = server.stranger().request(method.clone(), &format!("http://{}{path}", server.address()));
    match method {
        Method::POST => request.header("Content-Type", "application/x-www-form-urlencoded").body(encoded(form)),
        _ => request,
    }
}

fn seconds(response: &Response) -> u64 {
    response.header("Retry-After").unwrap_or_else(|| panic!("no Retry-After: {:?}", response.headers)).parse().unwrap()
}

/// Asks until it is refused; how often it was answered before, and the refusal.
async fn until_refused(client: &Client, path: &str) -> (usize, Response) {
    for answered in 0..50 {
        let response = client.get(path).await;
        if response.status == 429 {
            return (answered, response);
        }
    }
    panic!("{path} is never refused");
}

/// What is on record with that status: interaction, caller, decision, source.
async fn on_record(server: &Server, status: u16) -> Vec<String> {
    let (mut trail, prefix) = server.trail().await;
    let query = format!(
        "select interaction, caller, decision, source from {prefix}audit_events where status = {status} order by seq"
    );
    let rows = trail.rows(&query).await;
    rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" ")).collect()
}

suite! {
    async fn a_client_over_its_rate_waits_and_another_does_not(engine: Engine) {
        let server = started(engine, &["--rate-client", "30/min,burst=4"]);
        let other = other_client(&server).await;
        let api = server.client();
        let first = api.get("/Patient/none").await.expect(404);
        assert_eq!(first.header("RateLimit-Policy"), Some("\"client\";q=4;w=8"));
        assert_eq!(first.header("RateLimit"), Some("\"client\";r=3;t=8"));
        let (answered, refused) = until_refused(&api, "/Patient/none").await;
        assert!(answered >= 3, "{answered}");
        let wait = seconds(&refused);
        assert!((1..=2).contains(&wait), "{wait}");
        assert_eq!(refused.header("RateLimit"), Some(&*format!("\"client\";r=0;t={wait}")));
        assert_eq!(refused.header("RateLimit-Policy"), Some("\"client\";q=4;w=8"));
        assert!(refused.refused(429, "throttled").text.contains(&format!("in {wait} s")));
        // Whoever sends much hears so too.
        let long = format!(r#"{{"resourceType":"Basic","code":{{"text":"{}"}}}}"#, "x".repeat(8_000_000));
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(api.post("/Basic", &long).await.status);
        }
        assert!(statuses.contains(&429) && statuses.iter().all(|status| [201, 400, 422, 429].contains(status)), "{statuses:?}");
        // Each has its own; so has whoever has no token, and there is no rate for that here.
        other.get("/Patient/none").await.expect(404);
        let metadata = server.stranger().get("/metadata").await.expect(200);
        assert_eq!(metadata.header("RateLimit"), None);
        let (_, refused) = until_refused(&api, "/Patient/none").await;
        tokio::time::sleep(Duration::from_secs(seconds(&refused))).await;
        api.get("/Patient/none").await.expect(404);
    }

    async fn who_sends_bad_tokens_keeps_no_good_one_out(engine: Engine) {
        let server = started(engine, &[&PROXY[..], &["--rate-token", "1/min,burst=3"]].concat());
        let basic = registered(&server, &[]).await;
        let given = async || token(&server, &basic).header("X-Forwarded-For", "192.0.2.1").await.expect(200).json();
        let ask = async |token: &str, address: &str| {
            Client::new(server.address(), Some(token)).get("/Patient/none").header("X-Forwarded-For", address).await
        };
        let before = given().await.str("access_token").unwrap().to_owned();
        ask(&before, "192.0.2.1").await.expect(404);
        for number in 0..3 {
            ask(&format!("bad-{number}"), "192.0.2.1").await.refused(401, "login");
        }
        for number in 3..6 {
            let refused = ask(&format!("bad-{number}"), "192.0.2.1").await;
            assert!(seconds(&refused) >= 1);
            refused.refused(429, "throttled");
        }
        // From elsewhere it is looked at, and what was good or given here is from everywhere: once more, after what is known for a second.
        ask("bad-6", "192.0.2.2").await.refused(401, "login");
        let now = given().await.str("access_token").unwrap().to_owned();
        ask(&now, "192.0.2.1").await.expect(404);
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        ask(&before, "192.0.2.1").await.expect(404);
        server.client().get("/Patient/none").header("X-Forwarded-For", "192.0.2.1").await.expect(404);
        // One that was good and is no longer is one of those that are none.
        server.command(&["client", "revoke-tokens", "other", "--by", "Jane"]).await.expect(0);
        for _ in 0..100 {
            if ask(&now, "192.0.2.1").await.status != 404 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // Sent again at once it costs nobody a look, and its address no guess.
        ask(&now, "192.0.2.1").await.refused(401, "login");
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        ask(&now, "192.0.2.1").await.refused(429, "throttled");
    }

    async fn a_client_is_answered_from_its_networks_alone(engine: Engine) {
        let server = started(engine, &PROXY);
        let basic = registered(&server, &["--from", "10.0.0.0/8", "--from", "2001:db8::/32"]).await;
        let (inside, outside) = (["10.1.2.3", "2001:db8::7"], "192.0.2.1");
        let refused = token(&server, &basic).header("X-Forwarded-For", outside).await.expect(403);
        assert_eq!(refused.json().str("error"), Some("access_denied"));
        let given = token(&server, &basic).header("X-Forwarded-For", inside[0]).await.expect(200).json();
        let api = Client::new(server.address(), given.str("access_token"));
        for address in inside {
            api.get("/Patient/none").header("X-Forwarded-For", address).await.expect(404);
        }
        // Whoever has taken the token has nothing by it elsewhere, not even what anybody may see.
        for path in ["/Patient/none", "/metadata"] {
            api.get(path).header("X-Forwarded-For", outside).await.refused(403, "forbidden");
        }
        server.client().get("/Patient/none").header("X-Forwarded-For", outside).await.expect(404);
        let records = on_record(&server, 403).await;
        assert_eq!(records[..2], [format!("token unauthenticated unauthenticated {outside}"), format!("read other refused {outside}")], "{records:?}");
        let shown = Json::of(&server.command(&["client", "show", "other", "--json"]).await.expect(0).stdout);
        assert_eq!(shown.at("networks").unwrap().to_string(), r#"["10.0.0.0/8","2001:db8::/32"]"#);
        server.command(&["client", "change", "other", "--by", "Jane", "--from", "10.0.0.0/40"]).await.expect(2);
        let said = server.command(&["client", "change", "other", "--by", "Jane", "--from-anywhere"]).await.expect(0).stdout;
        assert_eq!(said, "changed\nno token ended\n");
        // What is known of a token is looked at again within a second.
        for _ in 0..100 {
            if api.get("/Patient/none").header("X-Forwarded-For", outside).await.status == 404 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("what was changed does not count");
    }

    async fn what_is_refused_is_on_record_once_a_minute(engine: Engine) {
        let server = started(engine, &["--rate-client", "1/min,burst=2", "--rate-source", "1/min,burst=2"]);
        for _ in 0..20 {
            server.client().get("/Patient/none").await;
            server.stranger().get("/Patient/none").await;
            oauth(&server, Method::GET, "/oauth/login", &[]).await;
        }
        let records = on_record(&server, 429).await;
        let of = |who: &str| records.iter().filter(|record| record.contains(who)).count();
        // The minute may end between two of them.
        assert!((1..=2).contains(&of("development refused 127.0.0.1")), "{records:?}");
        assert!((1..=2).contains(&of("unauthenticated unauthenticated 127.0.0.1")), "{records:?}");
        assert_eq!(of("development") + of("unauthenticated"), records.len());
        assert!(records.iter().any(|record| record.starts_with("read development")), "{records:?}");
    }
}

#[tokio::test]
async fn an_organization_has_a_rate_of_its_own() {
    let server = started(Engine::Sqlite, &["--rate-organization", "1/min,burst=3", "--rate-client", "1/min,burst=3"]);
    let other = other_client(&server).await;
    other.get("/Patient/none").await.expect(404);
    let (answered, refused) = until_refused(&server.client(), "/Patient/none").await;
    assert!(answered <= 2, "{answered}: together they have three");
    let limit = refused.header("RateLimit").unwrap();
    assert!(limit.starts_with("\"client\";r=") && limit.contains(", \"organization\";r=0;t="), "{limit}");
}

#[tokio::test]
async fn an_address_without_a_token_has_a_rate_wherever_it_asks() {
    let server = started(Engine::Sqlite, &[&PROXY[..], &["--rate-source", "1/min,burst=3"]].concat());
    let (answered, _) = until_refused(&server.stranger(), "/metadata").await;
    assert_eq!(answered, 3);
    let invalid = Client::new(server.address(), Some("fgt_none-of-ours"));
    for (client, path) in
        [(&invalid, "/Patient/none"), (&server.stranger(), "/Patient/none"), (&server.stranger(), "/no/such/path")]
    {
        let refused = client.get(path).await;
        assert!(refused.header("RateLimit").unwrap().starts_with("\"source\";r=0;t="));
        assert!((1..=60).contains(&seconds(&refused)));
        refused.refused(429, "throttled");
    }
    // In the words of whatever is asked.
    for path in ["/oauth/token", "/oauth/introspect", "/oauth/revoke"] {
        let refused = oauth(&server, Method::POST, path, &[("grant_type", "client_credentials")]).await.expect(429);
        assert_eq!(refused.json().str("error"), Some("temporarily_unavailable"), "{path}");
        assert!(refused.json().str("error_description").unwrap().contains(&format!("in {} s", seconds(&refused))));
        assert_eq!(refused.header("Cache-Control"), Some("no-store"));
    }
    for path in ["/oauth/login", "/oauth/authorize?client_id=x", "/oauth/account", "/oauth/manage"] {
        let refused = oauth(&server, Method::GET, path, &[]).await.expect(429);
        let text = refused.text();
        assert!(text.contains("<h1>") && text.contains("then try again"), "{path}: {text}");
        assert!(seconds(&refused) >= 1 && refused.header("Content-Security-Policy").is_some());
    }
    oauth(&server, Method::GET, "/oauth/jwks", &[]).await.expect(429);
    // Probes, a page's question, whoever has a token, and whoever is elsewhere.
    for path in ["/healthz", "/readyz"] {
        oauth(&server, Method::GET, path, &[]).await.expect(200);
    }
    server.stranger().request(Method::OPTIONS, "/Patient").await.expect(204);
    server.client().get("/Patient/none").await.expect(404);
    let elsewhere = |address: &str| server.stranger().get("/metadata").header("X-Forwarded-For", address);
    for _ in 0..3 {
        elsewhere("2001:db8::1").await.expect(200);
    }
    elsewhere("2001:db8::2").await.refused(429, "throttled");
    elsewhere("2001:db8:0:1::1").await.expect(200);
}

#[tokio::test]
async fn a_cross_origin_page_may_read_how_it_stands() {
    let server = started(Engine::Sqlite, &["--rate-client", "1/min,burst=1"]);
    let ask = || server.client().get("/Patient/none").header("Origin", "https://app.example");
    ask().await.expect(404);
    let refused = ask().await.expect(429);
    let exposed = refused.header("Access-Control-Expose-Headers").unwrap();
    assert!(
        ["ratelimit", "ratelimit-policy", "retry-after"].iter().all(|name| exposed.split(", ").any(|one| one == *name)),
        "{exposed}"
    );
}

/// An account with a password.
async fn account(server: &Server, login: &str) {
    let add = [
        "account",
        "add",
        "--by",
        "Jane",
        "--login",
        login,
        "--name",
        "Dr. Ada Hart",
        "--role",
        "DOCTOR",
        "--actor",
        "Practitioner/1",
        "--json",
    ];
    let said = Json::of(&server.command(&add).await.expect(0).stdout);
    let link = said.str("activation").unwrap();
    let mut browser = Browser::new(server.address());
    let page = browser.get(link).await.expect(200);
    browser.submit(&page, link, &[("new", PASSWORD), ("again", PASSWORD)]).await.expect(200);
}

/// A login from an address, as a proxy names it.
async fn log_in(server: &Server, from: &str, login: &str, password: &str) -> Response {
    let mut browser = Browser::new(server.address());
    let page = browser.get("/oauth/login").await.expect(200);
    let mut form = hidden(&page.text(), "/oauth/login");
    form.extend([("login".to_owned(), login.to_owned()), ("password".to_owned(), password.to_owned())]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post_with("/oauth/login", &form, &[("Sec-Fetch-Site", "same-origin"), ("X-Forwarded-For", from)]).await
}

#[tokio::test]
async fn guessing_at_many_logins_from_one_address_ends() {
    let server = started(Engine::Sqlite, &[&PROXY[..], &["--rate-login", "1/min,burst=4"]].concat());
    account(&server, "ada").await;
    let attacker = "198.51.100.7";
    // Who logs in rightly takes nothing from the others of an address.
    for _ in 0..6 {
        log_in(&server, attacker, "ada", PASSWORD).await.expect(200);
    }
    for number in 0..4 {
        log_in(&server, attacker, &format!("somebody-{number}"), PASSWORD).await.expect(403);
    }
    // Neither a wrong nor a right password is looked at any more, and the page does not tell them apart.
    let wrong = log_in(&server, attacker, "somebody-else", PASSWORD).await.expect(429);
    let right = log_in(&server, attacker, "ada", PASSWORD).await.expect(429);
    let (text, wait) = (wrong.text(), seconds(&wrong));
    assert!(text.contains("<h1>Please wait a while</h1>") && text.contains("Wait"), "{text}");
    assert!((1..=60).contains(&wait) && right.text().contains("<h1>Please wait a while</h1>"));
    assert_eq!(wrong.header("RateLimit-Policy"), Some("\"login\";q=4;w=240"));
    // Nor are links, by whichever method.
    let link = format!("/oauth/activate/{}", "a1".repeat(32));
    let opened = oauth(&server, Method::GET, &link, &[]).header("X-Forwarded-For", attacker).await;
    assert_eq!(opened.status, 429);
    // Elsewhere nothing has changed.
    log_in(&server, "203.0.113.9", "ada", PASSWORD).await.expect(200);
    let (records, of) = (on_record(&server, 429).await, format!("login unauthenticated unauthenticated {attacker}"));
    assert!((1..=2).contains(&records.len()) && records[0] == of, "{records:?}");
}

#[tokio::test]
async fn guessing_at_links_ends() {
    let server = started(Engine::Sqlite, &["--rate-login", "1/min,burst=3"]);
    let link = |number: u32| format!("/oauth/activate/{}{number}", "a".repeat(63));
    // What the page of another site makes a browser fetch is not looked at, and takes nothing from the people of an address.
    for _ in 0..5 {
        let picture = server.client().request(Method::GET, &format!("http://{}{}", server.address(), link(9)));
        let picture = picture.header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Dest", "image");
        picture.await.expect(403);
    }
    for number in 0..3 {
        oauth(&server, Method::GET, &link(number), &[]).await.expect(404);
    }
    oauth(&server, Method::GET, &link(3), &[]).await.expect(429);
    oauth(&server, Method::GET, "/oauth/login", &[]).await.expect(200);
}

#[tokio::test]
async fn in_production_rates_hold_by_themselves() {
    let production = |more: &[&str]| {
        let arguments = [&["--public-url", "https://fhir.clinic.example"], more].concat();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Server::with(Engine::Sqlite, Options { arguments, production: true, ..Options::default() })
    };
    let server = production(&PROXY);
    let asked = server.stranger().get("/metadata").await.expect(200);
    assert_eq!(asked.header("RateLimit-Policy"), Some("\"source\";q=100;w=5"));
    let client = other_client(&server).await.get("/Basic?_count=1").await.expect(200);
    assert_eq!(client.header("RateLimit-Policy"), Some("\"client\";q=400;w=2"));
    // All addresses would be the proxy's.
    let server = production(&[]);
    assert_eq!(server.stranger().get("/metadata").await.expect(200).header("RateLimit-Policy"), None);
    assert!(server.log().contains("--trusted-proxy"), "{}", server.log());
    // With --dev nothing holds.
    let server = Server::start(Engine::Sqlite);
    assert_eq!(server.client().get("/metadata").await.expect(200).header("RateLimit-Policy"), None);
}

#[tokio::test]
async fn only_some_networks_are_answered() {
    let server = started(
        Engine::Sqlite,
        &[&PROXY[..], &["--allow-from", "10.0.0.0/8", "--allow-from", "2001:db8::/32"]].concat(),
    );
    for inside in ["10.1.2.3", "2001:db8::7"] {
        server.client().get("/Patient/none").header("X-Forwarded-For", inside).await.expect(404);
    }
    let refused = server.client().get("/Patient/none").header("X-Forwarded-For", "192.0.2.1").await;
    assert_eq!(refused.header("Retry-After"), None);
    assert!(refused.refused(403, "forbidden").text.contains("networks"));
    server.client().get("/Patient/none").await.refused(403, "forbidden");
    let token = oauth(&server, Method::POST, "/oauth/token", &[]).await.expect(403);
    assert_eq!(token.json().str("error"), Some("access_denied"));
    assert!(oauth(&server, Method::GET, "/oauth/login", &[]).await.expect(403).text().contains("<h1>"));
    server.stranger().request(Method::OPTIONS, "/Patient").await.expect(403);
    for path in ["/healthz", "/readyz"] {
        oauth(&server, Method::GET, path, &[]).await.expect(200);
    }
    let records = on_record(&server, 403).await;
    assert!(records.iter().any(|record| record == "read unauthenticated unauthenticated 192.0.2.1"), "{records:?}");
}

on_postgres! {
    /// Reads that another program's lock keeps waiting have their places; the others keep theirs.
    async fn a_client_leaves_the_others_their_places_and_what_has_none_is_told_so(engine: Engine) {
        let server = started(engine, &["--max-exchanges", "2"]);
        let (api, other) = (server.client(), other_client(&server).await);
        let mut lock = server.sql().await;
        lock.run("begin; lock table fhir_gateway.directory in access exclusive mode").await;
        let slow = |client: &Client| {
            let request = client.get("/Patient/none");
            tokio::spawn(async move { request.await.status })
        };
        let first = slow(&api);
        // Once that has its place its client has no other one, however long it waits.
        let refused = until_busy(&api, "/metadata").await;
        assert_eq!(seconds(&refused), 2);
        refused.refused(503, "throttled");
        for _ in 0..3 {
            other.get("/metadata").await.expect(200);
            server.stranger().get("/metadata").await.expect(200);
        }
        let second = slow(&other);
        until_busy(&server.stranger(), "/metadata").await.refused(503, "throttled");
        let token = oauth(&server, Method::POST, "/oauth/token", &[("grant_type", "client_credentials")]).await.expect(503);
        assert_eq!((token.json().str("error"), seconds(&token)), (Some("temporarily_unavailable"), 2));
        let page = oauth(&server, Method::GET, "/oauth/login", &[]).await.expect(503);
        assert!(page.text().contains("<h1>") && seconds(&page) == 2, "{}", page.text());
        for path in ["/healthz", "/readyz"] {
            oauth(&server, Method::GET, path, &[]).await.expect(200);
        }
        lock.run("rollback").await;
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (404, 404));
        api.get("/Patient/none").await.expect(404);
        server.stranger().get("/metadata").await.expect(200);
        // Of each who once a minute.
        let records = on_record(&server, 503).await;
        let of = |who: &str| records.iter().filter(|record| record.contains(who)).count();
        assert!(of("capabilities development refused 127.0.0.1") >= 1 && of("unauthenticated unauthenticated") >= 1, "{records:?}");
        assert!(records.len() <= 4, "{records:?}");
    }
}

/// Asks until there is no place for it.
async fn until_busy(client: &Client, path: &str) -> Response {
    for _ in 0..200 {
        let response = client.get(path).await;
        if response.status == 503 {
            return response;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there is always a place for {path}");
}

#[tokio::test]
async fn a_body_that_arrives_slowly_holds_nobody_up() {
    let server = started(Engine::Sqlite, &["--max-exchanges", "2"]);
    let body = r#"{"resourceType":"Basic","code":{"text":"slow"}}"#;
    let head = format!(
        "POST /fhir/Basic HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/fhir+json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        server.address(),
        body.len()
    );
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // Who is told to go on is being read.
        assert!(heard(&mut stream).await.starts_with("HTTP/1.1 100"));
        streams.push(stream);
    }
    for _ in 0..3 {
        server.client().get("/Patient/none").await.expect(404);
    }
    for stream in &mut streams {
        stream.write_all(body.as_bytes()).await.unwrap();
        let answer = heard(stream).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
}

async fn heard(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut bytes)).await.unwrap().unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}
