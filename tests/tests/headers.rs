//! What the headers mean: <https://hl7.org/fhir/R4/http.html#mime-type>, `Prefer`, compression, slashes, methods.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, gunzip, gzip, patient, suite};
use hyper::Method;

suite! {
    async fn json_is_accepted_under_its_names(server: &'static Server) {
        let api = server.client();
        for (index, kind) in ["application/fhir+json", "application/json", "application/fhir+json; charset=utf-8",
            "application/fhir+json;fhirVersion=4.0", "APPLICATION/FHIR+JSON"].iter().enumerate() {
            let id = format!("type-{index}");
            api.save(&patient(&id, "x")).header("Content-Type", kind).await.expect(201);
        }
    }

    async fn other_content_types_are_415(server: &'static Server) {
        let api = server.client();
        for kind in ["text/turtle", "text/plain", "application/fhir+json; charset=utf-16", "application/fhir+xml; charset=utf-16",
            "nonsense", "application/fhir+json; fhirVersion=3.0", "application/fhir+xml; fhirVersion=5.0"] {
            api.save(&patient("type-no", "x")).header("Content-Type", kind).header("Accept", "application/json").await
                .refused(415, "not-supported");
        }
        api.get("/Patient/type-no").await.expect(404);
    }

    async fn what_cannot_be_given_is_406(server: &'static Server) {
        let api = server.client();
        api.save(&patient("accept-1", "x")).await.expect(201);
        for accept in ["text/turtle", "text/html", "image/png", "application/fhir+json;q=0", "application/fhir+xml; fhirVersion=3.0"] {
            api.get("/Patient/accept-1").header("Accept", accept).await.refused(406, "not-supported");
        }
        for accept in ["application/fhir+json", "application/json", "*/*", "application/*", "text/html, */*;q=0.1",
            "application/fhir+xml, application/fhir+json;q=0.5", "application/fhir+json; fhirVersion=4.0"] {
            api.get("/Patient/accept-1").header("Accept", accept).await.expect(200);
        }
    }

    async fn format_outranks_accept(server: &'static Server) {
        let api = server.client();
        api.save(&patient("format-1", "x")).await.expect(201);
        for format in ["json", "application/fhir%2Bjson", "application/json"] {
            api.get(&format!("/Patient/format-1?_format={format}")).header("Accept", "image/png").await.expect(200);
        }
        api.get("/Patient/format-1?_format=ttl").await.refused(406, "not-supported");
    }

    async fn prefer_return_says_what_comes_back(server: &'static Server) {
        let api = server.client();
        let minimal = api.save(&patient("prefer-1", "x")).header("Prefer", "return=minimal").await.expect(201);
        assert!(minimal.body.is_empty());
        assert_eq!(minimal.version(), 1);
        assert!(minimal.header("Location").is_some());
        let whole = api.save(&patient("prefer-1", "y")).header("Prefer", "return=representation").await.expect(200);
        assert_eq!(whole.json().str("resourceType"), Some("Patient"));
        let outcome = api.save(&patient("prefer-1", "z")).header("Prefer", "return=OperationOutcome").await.expect(200);
        assert_eq!(outcome.json().str("resourceType"), Some("OperationOutcome"));
        assert_eq!(outcome.issues()[0].severity, "information");
        let unknown = api.save(&patient("prefer-1", "z")).header("Prefer", "return=nonsense, wait=5").await.expect(200);
        assert_eq!(unknown.json().str("resourceType"), Some("Patient"), "a preference that is not understood is ignored");
    }

    async fn gzip_is_sent_to_who_asks_and_read_from_who_sends(server: &'static Server) {
        let api = server.client();
        let mut sent = patient("gzip-1", "Gzip");
        sent.set("", "text", Json::of(&format!(
            r#"{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>"}}"#, "long ".repeat(2_000))));
        let body = gzip(sent.to_string().as_bytes());
        api.save(&sent).body(body).header("Content-Encoding", "gzip").await.expect(201);
        let plain = api.get("/Patient/gzip-1").await.expect(200);
        assert_eq!(plain.header("Content-Encoding"), None);
        assert_eq!(sent.difference(&plain.json().without_server_meta()), None);
        let packed = api.get("/Patient/gzip-1").header("Accept-Encoding", "deflate, gzip;q=0.9").await.expect(200);
        assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
        assert!(packed.body.len() < plain.body.len() / 4);
        assert_eq!(gunzip(&packed.body), plain.body);
        assert!(packed.header("Vary").unwrap_or_default().to_ascii_lowercase().contains("accept-encoding"));
        let refused = api.get("/Patient/gzip-1").header("Accept-Encoding", "gzip;q=0").await.expect(200);
        assert_eq!(refused.header("Content-Encoding"), None);
    }

    async fn broken_or_unknown_compression_is_refused(server: &'static Server) {
        let api = server.client();
        let whole = gzip(patient("gzip-bad", "x").to_string().as_bytes());
        let cut = whole[..whole.len() - 9].to_vec();
        let answer = api.save(&patient("gzip-bad", "x")).body(cut).header("Content-Encoding", "gzip").await;
        assert_eq!(answer.status, 400, "{}", answer.status);
        answer.issues();
        let answer = api.save(&patient("gzip-bad", "x")).body("not gzip").header("Content-Encoding", "gzip").await;
        assert_eq!(answer.status, 400);
        api.save(&patient("gzip-bad", "x")).header("Content-Encoding", "br").await.refused(415, "not-supported");
        api.get("/Patient/gzip-bad").await.expect(404);
    }

    async fn a_trailing_slash_changes_nothing(server: &'static Server) {
        let api = server.client();
        api.save(&patient("slash-1", "x")).await.expect(201);
        let plain = api.get("/Patient/slash-1").await.expect(200);
        assert_eq!(api.get("/Patient/slash-1/").await.expect(200).body, plain.body);
        api.get("/Patient/?_id=slash-1").await.expect(200);
        api.get("/metadata/").await.expect(200);
        let empty = r#"{"resourceType":"Bundle","type":"batch"}"#;
        api.post("/", empty).await.expect(200);
        api.post("", empty).await.expect(200);
    }

    async fn a_method_that_is_not_offered_is_405_with_allow(server: &'static Server) {
        let api = server.client();
        for (method, path) in [
            (Method::PUT, "/metadata"),
            (Method::POST, "/Patient/x"),
            (Method::DELETE, "/metadata"),
            (Method::POST, "/Patient/x/_history/1"),
            (Method::TRACE, "/Patient/x"),
        ] {
            let answer = api.request(method.clone(), path).json(patient("x", "x")).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("Allow").is_some_and(|allow| !allow.is_empty()), "{method} {path}");
            answer.refused(405, "not-supported");
        }
    }

    async fn every_answer_has_an_id_and_keeps_the_callers(server: &'static Server) {
        let api = server.client();
        let own = api.get("/metadata").await.expect(200);
        assert!(own.header("X-Request-Id").is_some_and(|id| id.len() >= 8));
        let given = api.get("/Patient/never").header("X-Request-Id", "my-request-17").await.expect(404);
        assert_eq!(given.header("X-Request-Id"), Some("my-request-17"));
    }

    async fn etags_are_the_same_through_read_search_and_history(server: &'static Server) {
        let api = server.client();
        api.save(&patient("etag-1", "x")).await.expect(201);
        api.save(&patient("etag-1", "y")).await.expect(200);
        let read = api.get("/Patient/etag-1").await.expect(200);
        let found = api.get("/Patient?_id=etag-1").await.expect(200).json();
        let history = api.get("/Patient/etag-1/_history").await.expect(200).json();
        assert_eq!(read.version(), 2);
        assert_eq!(found.at("entry.0.resource"), Some(&read.json()));
        assert_eq!(history.at("entry.0.resource"), Some(&read.json()));
        assert_eq!(history.str("entry.0.response.etag"), Some("W/\"2\""));
    }

    async fn a_browser_keeps_runs_and_guesses_nothing(server: &'static Server) {
        let api = server.client();
        api.save(&patient("kept-1", "x")).await.expect(201);
        let binary = api.request(Method::POST, "/Binary").header("Content-Type", "text/html").body("<script>1</script>");
        let binary = binary.await.expect(201).json().str("id").unwrap().to_owned();
        let (root, stranger) = (format!("http://{}", server.address()), server.stranger());
        let answers = [
            api.get("/Patient/kept-1").await.expect(200),
            api.get("/Patient/kept-1").header("Accept", "application/fhir+xml").await.expect(200),
            api.get("/Patient/kept-1").header("If-None-Match", "W/\"1\"").await.expect(304),
            api.get("/Patient?name=x").await.expect(200),
            api.get("/Patient/kept-1/$everything").await.expect(200),
            api.get(&format!("/Binary/{binary}")).header("Accept", "text/html").await.expect(200),
            api.get("/Patient/never").await.expect(404),
            stranger.get("/Patient/kept-1").await.expect(401),
            stranger.get(&format!("{root}/oauth/login")).await.expect(200),
            stranger.get(&format!("{root}/healthz")).await.expect(200),
        ];
        for answer in answers {
            assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{answer:?}");
            assert_eq!(answer.headers("X-Content-Type-Options"), ["nosniff"], "{answer:?}");
            assert_eq!(answer.header("Referrer-Policy"), Some("no-referrer"), "{answer:?}");
            let policy = answer.header("Content-Security-Policy").unwrap();
            assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            // This machine is reached without TLS.
            assert_eq!(answer.header("Strict-Transport-Security"), None);
        }
        // The public keys are for everybody to keep, and for nobody to take for a page.
        let keys = stranger.get(&format!("{root}/oauth/jwks")).await.expect(200);
        assert!(keys.header("Cache-Control").unwrap().starts_with("public, max-age="));
        assert_eq!(keys.header("X-Content-Type-Options"), Some("nosniff"));
    }
}
