//! B: counts, pages, shapes.

use gateway_tests::{Engine, Json, consent, suite};
use hyper::Method;

use crate::{World, attacker};

suite! {
    async fn b19_b20_counts_and_pages_are_those_of_what_is_visible(engine: Engine) {
        let world = World::start(engine).await;
        let all = world.all.client();
        let entries: Vec<String> = (0..999).map(|number| {
            format!(
                r#"{{"resource":{{"resourceType":"Observation","id":"n-{number}","status":"final","code":{{"text":"n"}},"subject":{{"reference":"Patient/ada"}},"effectiveDateTime":"2024-01-01"}},
                "request":{{"method":"PUT","url":"Observation/n-{number}"}}}}"#
            )
        }).collect();
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","));
        all.post("/", bundle).await.expect(200);
        for sort in ["", "&_sort=date", "&_sort=-date", "&_sort=_id", "&_sort=-_lastUpdated"] {
            for query in ["/Observation?_count=10", "/Observation?status=final&_count=1", "/Observation?_count=1000&_total=accurate"] {
                let page = world.api().get(&format!("{query}{sort}")).await.expect(200).json();
                assert_eq!(page.items("entry").len(), 1, "{query}{sort}");
                assert!(!page.to_string().contains(r#""next""#), "{query}{sort}");
            }
        }
        for query in ["/Observation?_summary=count", "/Observation?status=final&_summary=count", "/Observation?_count=0"] {
            assert_eq!(world.api().get(query).await.expect(200).json().at("total").unwrap().to_string(), "1", "{query}");
        }
        let history = world.api().get("/Observation/_history?_count=5").await.expect(200).json();
        assert_eq!(history.items("entry").len(), 1);
    }

    async fn b21_b22_a_cursor_is_no_proof_and_no_other_ones(engine: Engine) {
        let world = World::start(engine).await;
        let all = world.all.client();
        let next = |page: &Json| page.items("link").iter().find(|link| link.str("relation") == Some("next")).map(|link| link.str("url").unwrap().to_owned());
        // A page of who sees everything, taken by who does not: whatever the link says, the permit decides.
        let page = all.get("/Observation?_count=1&_sort=_id").await.expect(200).json();
        let link = next(&page).unwrap().replace(&world.all.base(), &world.attacked.base());
        let taken = world.api().get(&link).await;
        assert!(!String::from_utf8_lossy(&taken.body).contains("o-ada"), "{}", taken.status);
        // One character of it is another.
        let at = link.rfind('=').unwrap() + 9;
        let flipped = format!("{}{}{}", &link[..at], if link.as_bytes()[at] == b'A' { 'B' } else { 'A' }, &link[at + 1..]);
        world.api().get(&flipped).await.refused(400, "value");
        // A Consent that is given between two pages holds for the second.
        let other = attacker(&world.all, "Practitioner/dr");
        for number in 0..3 {
            let text = format!(r#"{{"resourceType":"Observation","id":"q-{number}","status":"final","code":{{"text":"q"}},"subject":{{"reference":"Patient/ben"}}}}"#);
            all.save(&Json::of(&text)).await.expect(201);
        }
        let page = other.client().get("/Observation?_count=1&_sort=_id").await.expect(200).json();
        let link = next(&page).unwrap();
        all.save(&consent("later", "ben", r#"{"type":"deny"}"#)).await.expect(201);
        let taken = other.client().get(&link).await;
        assert!(taken.status == 400 || taken.expect(200).json().items("entry").is_empty());
    }

    async fn b23_conditions_on_what_is_hidden_are_those_on_nothing(engine: Engine) {
        let world = World::start(engine).await;
        let version = world.all.client().get("/Observation/o-ada").await.expect(200);
        let modified = version.header("Last-Modified").unwrap().to_owned();
        for header in [("If-None-Match", "W/\"1\""), ("If-None-Match", "*"), ("If-None-Match", "W/\"9\""), ("If-Modified-Since", modified.as_str())] {
            world.alike(Method::GET, "/Observation/o-{}", None, &[header]).await.expect(404);
            world.alike(Method::HEAD, "/Observation/o-{}", None, &[header]).await.expect(404);
        }
    }
}
