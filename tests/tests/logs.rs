//! The log: what it says of exchanges, and what it never says, at its loudest.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Options, Server, TOKEN, patient, suite, transaction};
use hyper::Method;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn start(engine: Engine, level: &str, more: &[&str]) -> Server {
    let environment = vec![("FHIR_GATEWAY_LOG".to_owned(), level.to_owned())];
    Server::with(
        engine,
        Options { arguments: more.iter().map(ToString::to_string).collect(), environment, ..Options::default() },
    )
}

/// The lines of the log as objects, each of which is one.
fn lines(server: &Server) -> Vec<Json> {
    let log = server.log();
    let lines: Vec<Json> = log.lines().map(Json::of).collect();
    for line in &lines {
        for member in ["timestamp", "level", "message", "target"] {
            assert!(line.str(member).is_some(), "no {member}: {line}");
        }
    }
    lines
}

suite! {
    async fn each_exchange_has_a_line_with_its_route(engine: Engine) {
        let server = start(engine, "debug", &["--log-format", "json"]);
        let api = server.client();
        api.save(&patient("log-1", "Zwirn")).await.expect(201);
        let read = api.get("/Patient/log-1?_pretty=true").header("X-Request-Id", "read-1");
        read.header("traceparent", &format!("00-{TRACE}-b7ad6b7169203331-01")).await.expect(200);
        api.get("/zwirn/log-1").header("X-Request-Id", "read-2").header("traceparent", "00-zwirn-log-1-01").await.expect(404);
        let lines = lines(&server);
        let answered = |id: &str| {
            let found: Vec<&Json> = lines.iter().filter(|line| line.str("message") == Some("answered") && line.str("request") == Some(id)).collect();
            assert_eq!(found.len(), 1, "{id}: {lines:?}");
            found[0]
        };
        let line = answered("read-1");
        assert_eq!((line.str("route"), line.str("method"), line.str("status")), (Some("/fhir/{type}/{id}"), Some("GET"), Some("200")));
        assert!(line.str("ms").unwrap().parse::<f64>().unwrap() > 0.0);
        assert_eq!(line.str("trace"), Some(TRACE));
        assert_eq!(answered("read-2").str("route"), Some("none"));
        assert_eq!(answered("read-2").str("trace"), None);
        assert_eq!(lines.iter().filter(|line| line.str("message") == Some("answered")).count(), 3);
    }

    async fn what_fails_has_the_id_of_its_request(engine: Engine) {
        let server = start(engine, "info", &["--log-format", "json"]);
        let api = server.client();
        api.save(&patient("log-2", "Zwirn")).await.expect(201);
        let (mut trail, prefix) = server.trail().await;
        trail.run(&format!("alter table {prefix}audit_links rename to audit_links_away")).await;
        api.get("/Patient/log-2").header("X-Request-Id", "fails-1").await.expect(503);
        api.save(&patient("log-2", "Again")).header("X-Request-Id", "fails-2").await.expect(503);
        trail.run(&format!("alter table {prefix}audit_links_away rename to audit_links")).await;
        let lines = lines(&server);
        for id in ["fails-1", "fails-2"] {
            let is_it = |line: &&Json| line.str("message") == Some("failed") && line.str("request") == Some(id);
            let line = lines.iter().find(is_it).unwrap_or_else(|| panic!("{id}: {lines:?}"));
            assert_eq!((line.str("level"), line.str("status")), (Some("WARN"), Some("503")));
        }
        assert!(lines.iter().all(|line| line.str("message") != Some("answered")), "that is for debug");
    }

    async fn at_its_loudest_it_has_nothing_of_anybody(engine: Engine) {
        for format in ["text", "json"] {
            let server = start(engine, "trace", &["--log-format", format]);
            let api = server.client();
            api.save(&patient("zwirn-id", "Zwirnfamily")).await.expect(201);
            api.post("/", transaction(&[patient("zwirn-tx", "Zwirnfamily")])).await.expect(200);
            for path in [
                "/Patient/zwirn-id", "/Patient?identifier=urn:example:mrn|mrn-zwirn-id", "/Patient?name=zwirnfamily&zwirn=1", "/Patient/zwirn-id/_history/1", "/Zwirn/1",
                "/Patient/zwirn-id/$everything", "/Patient/zwirn_id", "/Patient?_format=zwirn",
            ] {
                api.get(path).header("traceparent", "00-zwirn-zwirn-01").header("User-Agent", "zwirn").header("X-Request-Id", "a zwirn").await;
            }
            api.put("/Patient/zwirn-id", r#"{"resourceType":"Patient","id":"zwirn-id","zwirn":1}"#).await.expect(400);
            api.post("/Patient", "zwirn").await.expect(400);
            let method = Method::from_bytes(b"ZWIRN").unwrap();
            api.request(method, "/Patient/zwirn-id").await.expect(405);
            Client::new(server.address(), Some("zwirn-token")).get("/Patient/zwirn-id").await.expect(401);
            let form = "grant_type=client_credentials&client_id=zwirn&client_secret=zwirn-secret";
            let token = server.stranger().request(Method::POST, &format!("http://{}/oauth/token", server.address()));
            token.header("Content-Type", "application/x-www-form-urlencoded").body(form).await.expect(401);
            let login = server.stranger().request(Method::POST, &format!("http://{}/oauth/login", server.address()));
            login.header("Content-Type", "application/x-www-form-urlencoded").body("login=zwirn&password=zwirn").await;
            server.sql().await.run("update patients set last_name = 'Zwirnother' where last_name = 'Zwirnfamily'").await;
            api.get("/Patient/zwirn-id").await.expect(200);
            let log = server.log();
            assert!(log.contains("answered") && log.contains("/fhir/{type}/{id}"), "{log}");
            for word in ["zwirn", "mrn-", TOKEN, "555-0100", "1974-12-25", "Main St"] {
                assert!(!log.to_lowercase().contains(&word.to_lowercase()), "{word} is in the log: {log}");
            }
        }
    }
}
