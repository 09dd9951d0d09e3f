//! History of an instance, a type, the system: <https://hl7.org/fhir/R4/http.html#history>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, lab_observation, patient, suite};

/// `verb id/version`, newest first, over all pages.
async fn walk(api: &Client, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(link) = next {
        let page = api.get(&link).await;
        assert_eq!(page.status, 200, "{}", String::from_utf8_lossy(&page.body));
        let page = page.json();
        assert_eq!(page.str("type"), Some("history"));
        for entry in page.items("entry") {
            found.push(describe(entry));
        }
        let link = page.items("link").iter().find(|link| link.str("relation") == Some("next"));
        next = link.map(|link| link.str("url").unwrap().to_owned());
        assert!(found.len() < 10_000, "the pages do not end");
    }
    found
}

fn describe(entry: &Json) -> String {
    let verb = entry.str("request.method").unwrap();
    let url = entry.str("request.url").unwrap();
    let etag = entry.str("response.etag").unwrap();
    assert!(entry.str("response.lastModified").is_some(), "{entry}");
    assert!(entry.str("fullUrl").is_some(), "{entry}");
    assert_eq!(entry.at("resource").is_some(), verb != "DELETE", "{entry}");
    let status = entry.str("response.status").unwrap();
    assert!(status.starts_with(if verb == "DELETE" { "204" } else { "20" }), "{entry}");
    if let Some(resource) = entry.at("resource") {
        assert_eq!(format!("W/\"{}\"", resource.str("meta.versionId").unwrap()), etag);
        assert_eq!(resource.str("meta.lastUpdated"), entry.str("response.lastModified"));
    }
    format!("{verb} {url} {etag}").replace("W/", "").replace('"', "")
}

suite! {
    async fn an_instance_has_all_its_versions_newest_first(server: &'static Server) {
        let api = server.client();
        api.save(&patient("hist-1", "One")).await.expect(201);
        api.save(&patient("hist-1", "Two")).await.expect(200);
        api.delete("/Patient/hist-1").await;
        api.save(&patient("hist-1", "Four")).await.expect(201);
        assert_eq!(
            walk(&api, "/Patient/hist-1/_history").await,
            ["PUT Patient/hist-1 4", "DELETE Patient/hist-1 3", "PUT Patient/hist-1 2", "PUT Patient/hist-1 1"]
        );
    }

    async fn what_the_server_named_came_by_post(server: &'static Server) {
        let api = server.client();
        let id = api.post("/Patient", patient("x", "Posted")).await.expect(201).json().str("id").unwrap().to_owned();
        let page = api.get(&format!("/Patient/{id}/_history")).await.expect(200).json();
        assert_eq!(page.items("entry").len(), 1);
        assert_eq!(page.items("entry")[0].str("request.method"), Some("POST"));
        assert_eq!(page.items("entry")[0].str("request.url"), Some("Patient"));
    }

    async fn pages_neither_repeat_nor_leave_out(server: &'static Server) {
        let api = server.client();
        for version in 0..23 {
            api.save(&patient("hist-pages", &format!("V{version}"))).await;
        }
        let wanted: Vec<String> = (1..=23).rev().map(|version| format!("PUT Patient/hist-pages {version}")).collect();
        for count in [1, 2, 5, 22, 23, 24, 1000] {
            assert_eq!(walk(&api, &format!("/Patient/hist-pages/_history?_count={count}")).await, wanted, "_count={count}");
        }
    }

    async fn nothing_known_is_404(server: &'static Server) {
        let api = server.client();
        api.get("/Patient/hist-never/_history").await.refused(404, "not-found");
        api.get("/Nonsense/_history").await.refused(404, "not-supported");
    }

    async fn since_is_inclusive_and_takes_any_instant(server: &'static Server) {
        let api = server.client();
        api.save(&patient("hist-since", "One")).await.expect(201);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let second = api.save(&patient("hist-since", "Two")).await.expect(200).json();
        let at = second.str("meta.lastUpdated").unwrap();
        assert_eq!(walk(&api, &format!("/Patient/hist-since/_history?_since={at}")).await, ["PUT Patient/hist-since 2"]);
        assert_eq!(walk(&api, "/Patient/hist-since/_history?_since=2001-01-01T00:00:00%2B02:00").await.len(), 2);
        assert!(walk(&api, "/Patient/hist-since/_history?_since=2999-01-01T00:00:00Z").await.is_empty());
        for bad in ["yesterday", "2024-13-01T00:00:00Z", "2024-02-30T00:00:00Z"] {
            api.get(&format!("/Patient/hist-since/_history?_since={bad}")).await.expect(400).issues();
        }
    }

    async fn at_shows_what_was_current_then(server: &'static Server) {
        let api = server.client();
        let pause = || tokio::time::sleep(std::time::Duration::from_millis(30));
        let mut times = Vec::new();
        for family in ["One", "Two"] {
            let saved = api.save(&patient("hist-at", family)).await.json();
            times.push(saved.str("meta.lastUpdated").unwrap().to_owned());
            pause().await;
        }
        api.delete("/Patient/hist-at").await;
        pause().await;
        let last = api.save(&patient("hist-at", "Four")).await.expect(201).json();
        let last = last.str("meta.lastUpdated").unwrap().to_owned();
        let at = async |value: &str| walk(&api, &format!("/Patient/hist-at/_history?_at={value}")).await;
        assert_eq!(at(&times[0]).await, ["PUT Patient/hist-at 1"]);
        assert_eq!(at(&times[1]).await, ["PUT Patient/hist-at 2"]);
        assert_eq!(at(&last).await, ["PUT Patient/hist-at 4"]);
        // A day (or a year) shows all that was current on it, and what was deleted on it.
        let all = ["PUT Patient/hist-at 4", "DELETE Patient/hist-at 3", "PUT Patient/hist-at 2", "PUT Patient/hist-at 1"];
        assert_eq!(at(&last[..4]).await, all);
        assert_eq!(walk(&api, &format!("/Patient/hist-at/_history?_at={}&_count=1", &last[..4])).await, all, "page by page");
        assert!(at("2001").await.is_empty());
        assert_eq!(at("2999-01-01").await, ["PUT Patient/hist-at 4"], "what is current now is so until it changes");
        let of_type = walk(&api, &format!("/Patient/_history?_at={last}")).await;
        assert!(of_type.contains(&"PUT Patient/hist-at 4".to_owned()), "{of_type:?}");
        assert!(!of_type.contains(&"PUT Patient/hist-at 2".to_owned()), "{of_type:?}");
        for bad in ["yesterday", "2024-13", "2024-02-30", "2024-01-01T10:00:00"] {
            api.get(&format!("/Patient/hist-at/_history?_at={bad}")).await.refused(400, "value");
        }
    }

    async fn a_type_and_the_system_show_everything_in_order(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("h-a", "A")).await.expect(201);
        api.save(&lab_observation("h-o", "h-a", "1.0")).await.expect(201);
        api.save(&patient("h-b", "B")).await.expect(201);
        api.save(&patient("h-a", "AA")).await.expect(200);
        api.delete("/Patient/h-b").await;
        let patients = ["DELETE Patient/h-b 2", "PUT Patient/h-a 2", "PUT Patient/h-b 1", "PUT Patient/h-a 1"];
        let all = ["DELETE Patient/h-b 2", "PUT Patient/h-a 2", "PUT Patient/h-b 1", "PUT Observation/h-o 1", "PUT Patient/h-a 1"];
        for count in [1, 2, 3, 100] {
            assert_eq!(walk(&api, &format!("/Patient/_history?_count={count}")).await, patients, "_count={count}");
            assert_eq!(walk(&api, &format!("/_history?_count={count}")).await, all, "_count={count}");
        }
        assert_eq!(walk(&api, "/Observation/_history").await, ["PUT Observation/h-o 1"]);
        assert!(walk(&api, "/Condition/_history").await.is_empty());
    }

    async fn pages_hold_while_others_write(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for index in 0..30 {
            api.save(&patient(&format!("w-{index}"), "Before")).await.expect(201);
        }
        let first = api.get("/Patient/_history?_count=10").await.expect(200).json();
        let mut seen: Vec<String> = first.items("entry").iter().map(describe).collect();
        for index in 0..10 {
            api.save(&patient(&format!("w-{index}"), "After")).await.expect(200);
        }
        let next = first.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap();
        seen.extend(walk(&api, next.str("url").unwrap()).await);
        let wanted: Vec<String> = (0..30).rev().map(|index| format!("PUT Patient/w-{index} 1")).collect();
        assert_eq!(seen, wanted, "the pages after the first are the history as it was");
    }
}
