//! Metrics as a scraper sees them, and what they never say.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Command, Engine, Json, Options, Response, Scrape, Server, TOKEN, patient, suite, transaction,
};
use hyper::Method;

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";

fn start(engine: Engine, more: &[&str]) -> Server {
    let arguments = ["--metrics-listen", "127.0.0.1:0"].iter().chain(more).map(ToString::to_string).collect();
    Server::with(engine, Options { arguments, ..Options::default() })
}

async fn answer(server: &Server) -> Response {
    server.stranger().get(server.metrics()).header("Accept", OPEN_METRICS).await.expect(200)
}

async fn scrape(server: &Server) -> Scrape {
    Scrape::open_metrics(&answer(server).await.text())
}

/// How much a sample has grown.
fn grown(before: &Scrape, after: &Scrape, name: &str, labels: &[(&str, &str)]) -> i64 {
    #[allow(clippy::cast_possible_truncation)]
    let grown = (after.sum(name, labels) - before.sum(name, labels)).round() as i64;
    grown
}

async fn token(server: &Server, secret: &str) -> Response {
    let form =
        format!("grant_type=client_credentials&client_id=counted&client_secret={secret}&scope=system/Patient.rs");
    let request = server.stranger().request(Method::POST, &format!("http://{}/oauth/token", server.address()));
    request.header("Content-Type", "application/x-www-form-urlencoded").body(form).await
}

suite! {
    async fn a_scrape_parses_in_both_formats(engine: Engine) {
        let server = start(engine, &[]);
        server.client().save(&patient("m-1", "Zwirn")).await.expect(201);
        let open = answer(&server).await;
        assert_eq!(open.header("Content-Type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
        let open = Scrape::open_metrics(&open.text());
        let plain = server.stranger().get(server.metrics()).await.expect(200);
        assert_eq!(plain.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        let plain = Scrape::prometheus(&plain.text());
        assert!(plain.sum("fhir_gateway_http_requests_total", &[("interaction", "update")]) >= 1.0);
        assert_eq!(plain.families.get("fhir_gateway_http_requests_total").map(String::as_str), Some("counter"));
        let engine = if engine == Engine::Sqlite { "sqlite" } else { "postgresql" };
        for scrape in [&open, &plain] {
            let build = scrape.sum("fhir_gateway_build_info", &[("version", env!("CARGO_PKG_VERSION")), ("engine", engine)]);
            assert_eq!(build.to_string(), "1");
            assert!(scrape.sum("process_start_time_seconds", &[]) > 1.7e9);
            assert!(scrape.sum("process_resident_memory_bytes", &[]) > 1e6);
            assert!(scrape.sum("process_open_fds", &[]) > 5.0 && scrape.sum("process_max_fds", &[]) > 5.0);
            assert_eq!(scrape.sum("fhir_gateway_ready", &[]).to_string(), "1");
            assert_eq!(scrape.sum("fhir_gateway_ready_check", &[("check", "database")]).to_string(), "1");
            assert!(scrape.samples.contains_key(&("fhir_gateway_alerts_waiting".to_owned(), Default::default())));
            for pool in ["readers", "writers"] {
                assert!(scrape.sum("fhir_gateway_database_connections_max", &[("pool", pool)]) >= 1.0);
            }
            assert!(scrape.sum("fhir_gateway_database_connections", &[]) >= 1.0);
        }
    }

    async fn counters_move_as_they_should(engine: Engine) {
        let server = start(engine, &[]);
        let api = server.client();
        let before = scrape(&server).await;
        api.save(&patient("m-2", "Zwirn")).await.expect(201);
        api.get("/Patient/m-2").await.expect(200);
        api.get("/Patient/m-2").await.expect(200);
        api.head("/Patient/m-2").await.expect(200);
        api.get("/Patient/m-none").await.expect(404);
        api.get("/Patient/m-2/Observation").await.expect(200);
        server.stranger().get("/Patient/m-2").await.expect(401);
        Client::new(server.address(), Some("no-such-token")).get("/Patient/m-2").await.expect(401);
        let after = scrape(&server).await;
        let requests = |labels: &[(&str, &str)]| grown(&before, &after, "fhir_gateway_http_requests_total", labels);
        let read = [("route", "/fhir/{type}/{id}"), ("interaction", "read")];
        assert_eq!(requests(&[&read[..], &[("method", "GET"), ("status", "2xx")]].concat()), 2);
        assert_eq!(requests(&[&read[..], &[("method", "HEAD"), ("status", "2xx")]].concat()), 1);
        assert_eq!(requests(&[&read[..], &[("method", "GET"), ("status", "4xx")]].concat()), 3);
        assert_eq!(requests(&[("interaction", "update"), ("method", "PUT"), ("status", "2xx")]), 1);
        assert_eq!(requests(&[("route", "/fhir/{compartment}/{id}/{type}"), ("interaction", "search")]), 1);
        assert_eq!(requests(&[]), 8);
        let moved = |name: &str, labels: &[(&str, &str)]| grown(&before, &after, name, labels);
        assert_eq!(moved("fhir_gateway_http_request_duration_seconds_count", &[("interaction", "read")]), 6);
        assert_eq!(moved("fhir_gateway_resource_requests_total", &[("interaction", "read"), ("type", "Patient")]), 6);
        assert_eq!(moved("fhir_gateway_resource_requests_total", &[("interaction", "search"), ("type", "Observation")]), 1);
        assert_eq!(moved("fhir_gateway_refusals_total", &[("reason", "unauthenticated")]), 2);
        assert_eq!(moved("fhir_gateway_refusals_total", &[("reason", "forbidden")]), 0);
        assert_eq!(moved("fhir_gateway_token_verifications_total", &[("result", "valid")]), 6);
        assert_eq!(moved("fhir_gateway_token_verifications_total", &[("result", "not_valid")]), 1);
        assert_eq!(moved("fhir_gateway_token_verification_duration_seconds_count", &[]), 7);
        // One record for each exchange; the search found nothing and is on record all the same.
        assert_eq!(moved("fhir_gateway_audit_records_total", &[]), 8);
        assert!((1..=8).contains(&moved("fhir_gateway_audit_commits_total", &[])));
        assert_eq!(moved("fhir_gateway_audit_duration_seconds_count", &[]), 8);
        assert_eq!(after.sum("fhir_gateway_audit_failures_total", &[]).to_string(), "0");
        assert_eq!(after.sum("fhir_gateway_audit_waiting", &[]).to_string(), "0");
        assert_eq!(after.sum("fhir_gateway_http_requests_under_way", &[]).to_string(), "0");
        assert_eq!(moved("fhir_gateway_write_wait_seconds_count", &[]), 1);
        assert_eq!(moved("fhir_gateway_write_group_size_sum", &[]), 1);
        let sent = i64::try_from(patient("m-2", "Zwirn").to_string().len()).unwrap();
        assert_eq!(moved("fhir_gateway_http_request_body_bytes_total", &[]), sent);
        assert!(moved("fhir_gateway_http_response_body_bytes_total", &[]) > 3 * 100);
    }

    async fn issued_tokens_are_counted_by_grant(engine: Engine) {
        let server = start(engine, &[]);
        let data_dir = server.data_dir().display().to_string();
        let add = ["client", "add", "--by", "Jane", "--id", "counted", "--name", "Counted", "--scope", "system/*.rs", "--purpose", "TREAT", "--secret", "--json",
            "--database", &server.database.url, "--data-dir", &data_dir];
        let client = Json::of(&Command::run(&add).await.expect(0).stdout);
        let answer = token(&server, client.str("secret").unwrap()).await.expect(200).json();
        token(&server, "not-its-secret").await.expect(401);
        let app = Client::new(server.address(), answer.str("access_token"));
        app.get("/Patient?_count=1").await.expect(200);
        app.get("/Observation?_count=1").await.expect(403);
        let scrape = scrape(&server).await;
        let issued = |grant| scrape.sum("fhir_gateway_tokens_issued_total", &[("grant_type", grant)]).to_string();
        assert_eq!([issued("client_credentials"), issued("authorization_code"), issued("refresh_token")], ["1", "0", "0"]);
        assert_eq!(scrape.sum("fhir_gateway_refusals_total", &[("reason", "forbidden")]).to_string(), "1");
        assert_eq!(scrape.sum("fhir_gateway_http_requests_total", &[("route", "/oauth/token"), ("status", "4xx")]).to_string(), "1");
    }

    async fn nothing_a_client_sends_becomes_a_label(engine: Engine) {
        let server = start(engine, &[]);
        let api = server.client();
        api.save(&patient("zwirn-id", "Zwirnfamily")).await.expect(201);
        api.post("/", transaction(&[patient("zwirn-tx", "Zwirnfamily")])).await.expect(200);
        for number in 0..60 {
            for path in [
                format!("/Zwirn{number}/1"), format!("/Patient/zwirn-{number}"), format!("/Patient?name=zwirn{number}"), format!("/zwirn/{number}/a/b/c/d/e/f/g"),
                format!("/Patient/zwirn_{number}"), format!("/Patient/zwirn-id/$zwirn{number}"), format!("http://{}/zwirn{number}", server.address()),
                format!("/Patient/zwirn-id/_history/{number}"), format!("/metadata?zwirn={number}"),
            ] {
                api.get(&path).header("X-Request-Id", &format!("zwirn-{number}")).header("User-Agent", "zwirn").await;
            }
            let method = Method::from_bytes(format!("ZWIRN{number}").as_bytes()).unwrap();
            api.request(method, "/Patient/zwirn-id").await.expect(405);
        }
        let text = answer(&server).await.text();
        for word in ["zwirn", TOKEN, "mrn", "development"] {
            assert!(!text.to_lowercase().contains(&word.to_lowercase()), "{word}: {text}");
        }
        let scrape = Scrape::open_metrics(&text);
        let methods = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "other"];
        assert!(scrape.values("method").iter().all(|method| methods.contains(method)), "{:?}", scrape.values("method"));
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"];
        assert!(scrape.values("status").iter().all(|class| classes.contains(class)));
        assert!(scrape.values("route").iter().all(|route| *route == "none" || route.starts_with('/')));
        assert_eq!(scrape.sum("fhir_gateway_http_requests_total", &[("method", "other"), ("route", "none"), ("status", "4xx")]).to_string(), "60");
        assert!(scrape.values("type").iter().all(|kind| *kind == "Patient"), "{:?}", scrape.values("type"));
        // More requests of these kinds make no further series.
        let series = scrape.samples.len();
        for number in 100..130 {
            api.get(&format!("/Patient/zwirn-{number}")).await.expect(404);
            api.get(&format!("/Zwirn{number}")).await.expect(404);
        }
        assert_eq!(self::scrape(&server).await.samples.len(), series);
        assert!(series < 700, "{series}");
    }

    async fn what_a_client_gives_up_is_counted_too(engine: Engine) {
        use tokio::io::AsyncWriteExt as _;
        let server = start(engine, &[]);
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let head = format!("POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/fhir+json\r\nContent-Length: 1000\r\n\r\n{{");
        stream.write_all(head.as_bytes()).await.unwrap();
        let under_way = async || scrape(&server).await.sum("fhir_gateway_http_requests_under_way", &[]).to_string();
        eventually(async || under_way().await == "1").await;
        drop(stream);
        eventually(async || under_way().await == "0").await;
        let scrape = scrape(&server).await;
        let ended = scrape.sum("fhir_gateway_http_requests_total", &[("method", "POST"), ("route", "/fhir/{type}")]);
        assert_eq!(ended.to_string(), "1");
    }

    async fn its_listener_has_metrics_alone(engine: Engine) {
        let server = start(engine, &[]);
        let stranger = server.stranger();
        let origin = server.metrics().strip_suffix("/metrics").unwrap();
        for path in ["/", "/fhir/Patient", "/fhir/metadata", "/readyz", "/metrics/", "/metricsx"] {
            stranger.get(&format!("{origin}{path}")).await.expect(404);
        }
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(stranger.request(method, server.metrics()).await.expect(405).header("Allow"), Some("GET, HEAD"));
        }
        let head = stranger.head(server.metrics()).await.expect(200);
        assert!(head.body.is_empty() && head.header("Content-Length").is_some());
        // And the other one has none.
        stranger.get(&format!("http://{}/metrics", server.address())).await.expect(401);
        server.client().get(&format!("http://{}/metrics", server.address())).await.expect(404);
        let open = Server::with(engine, Options { arguments: vec!["--metrics-listen".into(), "0.0.0.0:0".into()], ..Options::default() });
        assert!(open.log().contains("strangers may reach"), "{}", open.log());
        assert!(!server.log().contains("strangers may reach"), "{}", server.log());
    }

    async fn slow_scrapers_keep_nobody_out_for_good(engine: Engine) {
        let mut server = start(engine, &[]);
        let address = server.metrics().strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap().to_owned();
        let mut held = Vec::new();
        for _ in 0..40 {
            held.push(tokio::net::TcpStream::connect(&address).await.unwrap());
        }
        // All places are taken by who says nothing; FHIR does not notice, and neither does the end of the server.
        server.client().get("/Patient?_count=1").await.expect(200);
        assert_eq!(server.terminate().await.code(), Some(0));
    }
}

/// Waits until something is so.
async fn eventually(so: impl AsyncFn() -> bool) {
    let since = std::time::Instant::now();
    while !so().await {
        assert!(since.elapsed() < std::time::Duration::from_secs(20), "it does not become so");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// An address that somebody has is told at once.
#[tokio::test]
async fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().display().to_string();
    let arguments =
        ["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", &data_dir, "--metrics-listen", &address];
    let ended = Command::run(&arguments).await.expect(2);
    assert!(ended.stderr.contains(&format!("cannot listen on {address}")), "{}", ended.stderr);
}
