//! HEAD: what a GET answers, without its body. <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Server, patient, suite};

suite! {
    // On a server of its own: nobody else writes between a GET and its HEAD.
    async fn everything_that_has_get_has_head(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("head-1", "x")).await.expect(201);
        let visit = Json::of(r#"{"resourceType":"Appointment","id":"head-1","status":"booked","start":"2026-03-05T10:00:00Z","end":"2026-03-05T10:30:00Z",
            "participant":[{"actor":{"reference":"Patient/head-1"},"status":"accepted"}]}"#);
        api.save(&visit).await.expect(201);
        for path in [
            "/metadata",
            "/Patient/head-1",
            "/Patient/head-1/_history/1",
            "/Patient/head-1/_history",
            "/Patient/_history?_count=1",
            "/_history?_count=1",
            "/Patient?_id=head-1",
            "/Patient/head-1/$summary",
            "/Patient/head-1/$has-history?appointment=head-1",
            "/Appointment/head-1/$visit-snapshot",
            "/Patient/head-nobody",
            "/Nonsense/1",
        ] {
            let get = api.get(path).header("X-Request-Id", "head").await;
            let head = api.head(path).header("X-Request-Id", "head").await;
            assert_eq!(head.status, get.status, "{path}");
            assert!(head.body.is_empty(), "{path}");
            for name in ["ETag", "Last-Modified", "Content-Type", "Location", "Cache-Control"] {
                assert_eq!(head.header(name), get.header(name), "{path} {name}");
            }
            assert_eq!(head.header("Content-Length"), Some(get.body.len().to_string().as_str()), "{path}");
        }
    }

    async fn history_pages_have_head(server: &'static Server) {
        let api = server.client();
        for family in ["One", "Two", "Three"] {
            api.save(&patient("head-2", family)).await;
        }
        let page = api.get("/Patient/head-2/_history?_count=2").await.expect(200).json();
        let next = page.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap();
        let head = api.head(next.str("url").unwrap()).await.expect(200);
        assert!(head.body.is_empty());
    }
}
