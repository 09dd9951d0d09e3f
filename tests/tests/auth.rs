//! Who may ask: <https://hl7.org/fhir/R4/security.html>; RFC 6750 for the answers.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Server, TOKEN, patient, suite, transaction};

suite! {
    async fn without_a_token_everything_but_metadata_is_401(server: &'static Server) {
        server.client().save(&patient("auth-1", "Secret")).await.expect(201);
        let stranger = server.stranger();
        let requests = [
            stranger.get("/Patient/auth-1"),
            stranger.get("/Patient/auth-1/_history/1"),
            stranger.get("/Patient/auth-1/_history"),
            stranger.get("/Patient"),
            stranger.get("/Patient?_summary=count"),
            stranger.get("/_history"),
            stranger.head("/Patient/auth-1"),
            stranger.post("/Patient", patient("x", "x")),
            stranger.save(&patient("auth-2", "x")),
            stranger.delete("/Patient/auth-1"),
            stranger.post("/", transaction(&[patient("auth-3", "x")])),
        ];
        for request in requests {
            let answer = request.await;
            assert_eq!(answer.status, 401);
            assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Bearer"));
            assert!(!String::from_utf8_lossy(&answer.body).contains("Secret"));
            if !answer.body.is_empty() {
                answer.refused(401, "login");
            }
        }
        let api = server.client();
        api.get("/Patient/auth-1").await.expect(200);
        api.get("/Patient/auth-2").await.expect(404);
        api.get("/Patient/auth-3").await.expect(404);
        stranger.get("/metadata").await.expect(200);
    }

    async fn a_wrong_token_is_401_whatever_it_looks_like(server: &'static Server) {
        let stranger = server.stranger();
        let longer = format!("Bearer {TOKEN}x");
        let shorter = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
        let basic = "Basic dXNlcjpwYXNz".to_owned();
        let two = format!("Bearer {TOKEN} {TOKEN}");
        for value in [longer, shorter, basic, two, "Bearer".to_owned(), "Bearer ".to_owned(), TOKEN.to_owned(), "Bearer a\tb".to_owned()] {
            stranger.get("/Patient").header("Authorization", &value).await.refused(401, "login");
        }
    }

    async fn the_scheme_is_case_insensitive(server: &'static Server) {
        server.stranger().get("/Patient?_count=1").header("Authorization", &format!("bearer {TOKEN}")).await.expect(200);
    }

    async fn a_stranger_learns_nothing_from_the_status(server: &'static Server) {
        server.client().save(&patient("auth-here", "x")).await.expect(201);
        let stranger = server.stranger();
        let here = stranger.get("/Patient/auth-here").await;
        let nowhere = stranger.get("/Patient/auth-nowhere").await;
        assert_eq!((here.status, &here.body), (nowhere.status, &nowhere.body));
    }

    async fn no_token_and_no_phi_in_the_log(server: &'static Server) {
        let api = server.client();
        api.save(&patient("auth-log-id", "Zyxwvutfamily")).await.expect(201);
        api.get("/Patient?identifier=urn:example:mrn|mrn-auth-log-id").await.expect(200);
        api.put("/Patient/auth-log-id", r#"{"resourceType":"Patient","id":"auth-log-id","zyxwvutfamily":1}"#).await.expect(400);
        let log = server.log();
        for secret in [TOKEN, "Zyxwvutfamily", "zyxwvutfamily", "auth-log-id"] {
            assert!(!log.contains(secret), "{secret} is in the log");
        }
    }
}
