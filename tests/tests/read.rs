//! GET of one resource: <https://hl7.org/fhir/R4/http.html#read>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, patient, suite};

suite! {
    async fn answers_with_etag_and_last_modified_that_match_meta(server: &'static Server) {
        let api = server.client();
        api.save(&patient("read-1", "Reader")).await.expect(201);
        let answer = api.get("/Patient/read-1").await.expect(200);
        assert_eq!(answer.version(), 1);
        let body = answer.json();
        assert_eq!(body.str("meta.versionId"), Some("1"));
        assert!(body.str("meta.lastUpdated").unwrap().ends_with('Z'));
        assert!(answer.header("Content-Type").unwrap().starts_with("application/fhir+json"));
        // The HTTP date is the same instant, to the second.
        let day: String = body.str("meta.lastUpdated").unwrap().chars().skip(11).take(8).collect();
        assert!(answer.header("Last-Modified").unwrap().contains(&day), "{:?} {body}", answer.header("Last-Modified"));
    }

    async fn unknown_ids_and_types_are_404(server: &'static Server) {
        let api = server.client();
        let issue = api.get("/Patient/never-was").await.refused(404, "not-found");
        assert!(!issue.text.is_empty());
        api.get("/Nonsense/1").await.refused(404, "not-supported");
        api.get("/patient/1").await.refused(404, "not-supported");
    }

    async fn an_id_that_can_be_none_is_404_or_400(server: &'static Server) {
        let api = server.client();
        for id in ["a_b", "%20", "x%27--", &"a".repeat(65), "%C3%A4"] {
            let answer = api.get(&format!("/Patient/{id}")).await;
            assert!(matches!(answer.status, 400 | 404), "{id}: {}", answer.status);
            answer.issues();
        }
    }

    async fn a_deleted_one_is_410(server: &'static Server) {
        let api = server.client();
        api.save(&patient("read-gone", "Gone")).await.expect(201);
        let deleted = api.delete("/Patient/read-gone").await;
        assert!(matches!(deleted.status, 200 | 204));
        let issue = api.get("/Patient/read-gone").await.refused(410, "deleted");
        assert!(!issue.text.contains("Gone"), "what it was is not told");
        api.get("/Patient/read-gone/_history/2").await.refused(410, "deleted");
    }

    async fn if_none_match_of_the_current_version_is_304(server: &'static Server) {
        let api = server.client();
        api.save(&patient("read-304", "Cached")).await.expect(201);
        let answer = api.get("/Patient/read-304").header("If-None-Match", "W/\"1\"").await.expect(304);
        assert!(answer.body.is_empty());
        assert_eq!(answer.version(), 1);
        api.get("/Patient/read-304").header("If-None-Match", "W/\"2\"").await.expect(200);
        api.get("/Patient/read-304").header("If-None-Match", "W/\"7\", W/\"1\"").await.expect(304);
    }

    async fn if_modified_since_is_304_until_it_changes(server: &'static Server) {
        let api = server.client();
        api.save(&patient("read-since", "Since")).await.expect(201);
        let at = api.get("/Patient/read-since").await.expect(200).header("Last-Modified").unwrap().to_owned();
        api.get("/Patient/read-since").header("If-Modified-Since", &at).await.expect(304);
        api.get("/Patient/read-since").header("If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT").await.expect(200);
    }

    async fn head_is_get_without_the_body(server: &'static Server) {
        let api = server.client();
        api.save(&patient("read-head", "Head")).await.expect(201);
        let whole = api.get("/Patient/read-head").await.expect(200);
        let head = api.head("/Patient/read-head").await.expect(200);
        assert!(head.body.is_empty());
        for name in ["ETag", "Last-Modified", "Content-Type"] {
            assert_eq!(head.header(name), whole.header(name), "{name}");
        }
        assert_eq!(api.head("/Patient/never-was").await.status, 404);
    }

    async fn hostile_text_comes_back_as_it_went(server: &'static Server) {
        let api = server.client();
        for (index, text) in ["O'Hara; drop table patients", "\u{1F600} \u{5d0}\u{200f}", "a\\b\"c\ttab", "%00 & <b>"].iter().enumerate() {
            let id = format!("read-text-{index}");
            let sent = patient(&id, "x").with("name", Json::of("[{\"use\":\"official\"}]"));
            let mut sent = sent;
            sent.set("name.0", "family", Json::text(*text));
            api.save(&sent).await.expect(201);
            let read = api.get(&format!("/Patient/{id}")).await.expect(200).json().without_server_meta();
            assert_eq!(sent.difference(&read), None);
        }
    }
}
