//! `near` (<https://hl7.org/fhir/R4/location.html#search>): what is within a distance on the Earth's surface, also over a pole and
//! over the meridian of 180 degrees.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use gateway_tests::{Client, Command, Engine, Json, Random, Server, own, rounds, suite, transaction};
use mappers::search::position;

fn location(id: &str, latitude: &str, longitude: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Location","id":"{id}","name":"{id}","position":{{"longitude":{longitude},"latitude":{latitude}}}}}"#
    ))
}

/// Ids of the matches, sorted and in one line: `a b`.
async fn matches(api: &Client, query: &str) -> String {
    let found = api.search(&format!("/{query}")).await;
    let mut ids: Vec<&str> = found.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
    ids.sort_unstable();
    ids.join(" ")
}

/// The distance in kilometres, by the haversine formula.
fn haversine(one: (f64, f64), other: (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
    let part = half(one.0, other.0) + one.0.to_radians().cos() * other.0.to_radians().cos() * half(one.1, other.1);
    2.0 * 6371.0088 * part.sqrt().min(1.0).asin()
}

suite! {
    async fn what_is_near_is_found(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for (id, latitude, longitude) in [
            // Boston, Cambridge (4.4 km, 2.76 miles), Salem (22.2 km), New York (306 km).
            ("boston", "42.3601", "-71.0589"), ("cambridge", "42.3736", "-71.1097"), ("salem", "42.5195", "-70.8967"), ("york", "40.7128", "-74.0060"),
            ("east", "-16.5", "179.99"), ("west", "-16.5", "-179.99"), ("pole", "89.99", "10"), ("beyond", "89.99", "-170"), ("south", "-90", "0"),
        ] {
            api.save(&location(id, latitude, longitude)).await.expect(201);
        }
        api.put("/Location/nowhere", r#"{"resourceType":"Location","id":"nowhere","name":"nowhere"}"#).await.expect(201);
        api.put("/Encounter/e", r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"location":[{"location":{"reference":"Location/salem"}}]}"#).await.expect(201);
        for (query, wanted) in [
            ("Location?near=42.3601|-71.0589|5|km", "boston cambridge"),
            ("Location?near=42.3601|-71.0589|5", "boston cambridge"),
            ("Location?near=42.3601|-71.0589", "boston cambridge"),
            ("Location?near=42.3601|-71.0589|5000|m", "boston cambridge"),
            ("Location?near=42.3601|-71.0589|4|km", "boston"),
            ("Location?near=42.3601|-71.0589|3.2|[mi_i]", "boston cambridge"),
            ("Location?near=42.3601|-71.0589|2.7|[mi_i]", "boston"),
            ("Location?near=42.3601|-71.0589|0", "boston"),
            ("Location?near=42.3601|-71.0589|400", "boston cambridge salem york"),
            ("Location?near=42.3601|-71.0589|1,40.7128|-74.0060|1", "boston york"),
            ("Location?near=-16.5|180|5", "east west"),
            ("Location?near=-16.5|-180|5", "east west"),
            ("Location?near=-16.5|179.99|3", "east west"),
            ("Location?near=90|0|2", "beyond pole"),
            ("Location?near=89.99|10|3", "beyond pole"),
            ("Location?near=89.99|10|1", "pole"),
            ("Location?near=-90|123|1", "south"),
            ("Location?near=0|0|30000", "beyond boston cambridge east pole salem south west york"),
            ("Location?near:missing=true", "nowhere"),
            ("Location?near=42.3601|-71.0589|30&name=sal", "salem"),
            ("Encounter?location.near=42.52|-70.9|1", "e"),
            ("Location?_has:Encounter:location:status=finished&near=42.52|-70.9|1", "salem"),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        assert_eq!(api.search("/Location?near=42.36|-71.06|400&_sort=-name&_count=2").await, ["Location/york", "Location/salem", "Location/cambridge", "Location/boston"]);
        for wrong in ["42", "42|", "|1", "x|1", "91|0", "0|181", "1|1|-5", "1|1|x", "1|1|5|parsec", "1|1|5|kg", "1|1|5|km|x", "gt1|1|5"] {
            let issue = api.get(&format!("/Location?near={wrong}")).await.refused(400, "value");
            assert_eq!(issue.expression, ["http.near"], "{wrong}");
            assert!(!issue.text.contains(wrong) || wrong == "x", "no values: {issue:?}");
        }
        api.get("/Location?near:exact=1|1").await.refused(400, "not-supported");
        api.get("/Location?_sort=near").await.refused(400, "not-supported");
        assert!(api.get("/metadata").await.expect(200).json().to_string().contains(r#"{"name":"near","type":"special"}"#));
        // It moves, and another program moves it.
        api.save(&location("york", "42.36", "-71.06")).await.expect(200);
        assert_eq!(matches(&api, "Location?near=42.3601|-71.0589|1").await, "boston york");
        server.sql().await.run("update locations set latitude = 10.25, longitude = 20.5 where name = 'york'").await;
        assert_eq!(matches(&api, "Location?near=10.25|20.5|1").await, "york");
        assert_eq!(matches(&api, "Location?near=42.3601|-71.0589|1").await, "boston");
        let explained = Command::run(&["search", "explain", "Location?near=42.3601|-71.0589|5", "--database", &server.database.url, "--data-dir", &server.folder().join("cli").display().to_string()]).await.expect(0).stdout;
        assert!(explained.contains("index_quantity_value") || engine == Engine::Postgres, "{explained}");
        assert!(!explained.contains("SCAN i") && !explained.contains("Seq Scan on index_quantity"), "{explained}");
    }

    async fn distances_are_those_of_the_haversine_formula(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut random = Random::seeded(5);
        // Millionths of a degree, a third of them near a pole or the meridian of 180 degrees.
        let mut place = |number: usize| {
            let (latitude, longitude) = match number % 6 {
                0 => (89_000_000 + random.below(1_000_001), random.below(360_000_001)),
                1 => (70_000_000 + random.below(40_000_000), 359_000_000 + random.below(1_000_001)),
                _ => (random.below(180_000_001), random.below(360_000_001)),
            };
            (latitude as f64 / 1e6 - 90.0, longitude as f64 / 1e6 - 180.0)
        };
        let places: Vec<(f64, f64)> = (0..300).map(&mut place).collect();
        let stored: Vec<Json> = places.iter().enumerate().map(|(number, (latitude, longitude))| location(&format!("l{number}"), &format!("{latitude:.6}"), &format!("{longitude:.6}"))).collect();
        for some in stored.chunks(100) {
            api.post("/", transaction(some)).await.expect(200);
        }
        for number in 0..rounds(60, 600) {
            let from = if number % 2 == 0 { places[number % places.len()] } else { place(number) };
            let distance = [1.0, 50.0, 300.0, 2000.0, 12_000.0][number % 5];
            // What is right at the edge may be on either side.
            let within = |slack: f64| -> BTreeSet<String> {
                let near = places.iter().enumerate().filter(|(_, place)| haversine(from, **place) <= distance + slack);
                near.map(|(number, _)| format!("Location/l{number}")).collect()
            };
            let found: BTreeSet<String> = api.search(&format!("/Location?near={:.6}|{:.6}|{distance}|km&_count=300", from.0, from.1)).await.into_iter().collect();
            assert!(within(-0.001).is_subset(&found) && found.is_subset(&within(0.001)), "{from:?} {distance}: {found:?}");
        }
    }

    async fn what_was_stored_before_near_was_known_is_indexed_at_the_start(engine: Engine) {
        let mut server = Server::start(engine);
        server.client().save(&location("old", "1.5", "2.5")).await.expect(201);
        let places = position::places().map(|place| place.to_string()).join(", ");
        server.sql().await.run(&format!("delete from {} where path in ({places})", own(engine, "index_quantity"))).await;
        assert_eq!(matches(&server.client(), "Location?near=1.5|2.5|1").await, "");
        server.terminate().await;
        server.restart();
        assert_eq!(matches(&server.client(), "Location?near=1.5|2.5|1").await, "old");
        server.terminate().await;
        server.restart();
        let count = format!("select count(*) from {} where path in ({places})", own(engine, "index_quantity"));
        assert_eq!(server.sql().await.count(&count).await, 3, "once");
    }
}
