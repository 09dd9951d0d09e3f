//! 39 (narrative and display that name what is hidden), and 10 and 13 where what is hidden is a part of what is seen.

use gateway_tests::{Client, Engine, Json, Response, Server, consent, suite};

use crate::{attacker, without_ids_and_times};

const WORD: &str = "Geheim-word";

/// A patient with a Consent that hides what is about HIV, such a Condition, and things that may be seen and name it.
struct World {
    all: Server,
    attacked: Server,
}

const HIV: &str = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;

impl World {
    async fn start(engine: Engine) -> Self {
        let all = Server::start(engine);
        let api = all.client();
        api.save(&Json::of(r#"{"resourceType":"Patient","id":"ada","name":[{"family":"A"}]}"#)).await.expect(201);
        let condition = Json::of(&format!(
            r#"{{"resourceType":"Condition","id":"c","subject":{{"reference":"Patient/ada"}},"code":{{"text":"{WORD}"}}}}"#
        ));
        api.save(&condition.with("meta", Json::of(HIV))).await.expect(201);
        for thing in things("c") {
            api.save(&thing).await.expect(201);
        }
        let rule = r#"{"type":"permit","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}"#;
        api.save(&consent("no", "ada", rule)).await.expect(201);
        let attacked = attacker(&all, "Practitioner/dr");
        Self { all, attacked }
    }

    fn api(&self) -> Client {
        self.attacked.client()
    }
}

/// Things that name a Condition of this id, and say something of it.
fn things(condition: &str) -> Vec<Json> {
    let narrative =
        format!(r#""text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{WORD}</div>"}}"#);
    let reference = format!(
        r#"{{"reference":"Condition/{condition}","display":"{WORD}","identifier":{{"system":"urn:secret","value":"{WORD}"}},"extension":[{{"url":"urn:x","valueString":"{WORD}"}}]}}"#
    );
    [
        format!(
            r#"{{"resourceType":"Encounter","id":"e-{condition}",{narrative},"status":"finished","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/ada","display":"A"}},"reasonReference":[{reference}],"diagnosis":[{{"condition":{reference},"rank":1}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"Composition","id":"k-{condition}","meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}}]}},{narrative},"status":"final","type":{{"text":"note"}},"subject":{{"reference":"Patient/ada"}},"date":"2024-01-01","author":[{{"display":"dr"}}],"title":"note","section":[{{"title":"plain","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">plain</div>"}}}},{{"title":"s",{narrative},"entry":[{reference}]}}]}}"#
        ),
        format!(
            r#"{{"resourceType":"List","id":"l-{condition}","status":"current","mode":"working","subject":{{"reference":"Patient/ada"}},"entry":[{{"item":{reference}}}]}}"#
        ),
        format!(
            r##"{{"resourceType":"CarePlan","id":"p-{condition}","meta":{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}}]}},"status":"active","intent":"plan","subject":{{"reference":"Patient/ada"}},"addresses":[{{"reference":"Condition/{condition}/_history/1","display":"{WORD}"}}],"contained":[{{"resourceType":"Goal","id":"g",{narrative},"lifecycleStatus":"active","description":{{"text":"eat"}},"subject":{{"reference":"Patient/ada"}},"addresses":[{reference}]}}],"goal":[{{"reference":"#g"}}]}}"##
        ),
    ]
    .iter()
    .map(|text| Json::of(text))
    .collect()
}

async fn patch(api: &Client, place: &str, operations: &str) -> Response {
    let request = api.request(hyper::Method::PATCH, place).header("Content-Type", "application/json-patch+json");
    request.body(operations.to_owned()).await
}

fn is_marked(resource: &Json) -> bool {
    resource.items("meta.security").iter().any(|label| label.str("code") == Some("REDACTED"))
}

fn without_meta(mut resource: Json) -> Json {
    resource.remove("", "meta");
    resource
}

const SHOWN: [&str; 4] = ["Encounter/e-c", "Composition/k-c", "List/l-c", "CarePlan/p-c"];

suite! {
    async fn c39_what_is_seen_says_nothing_of_what_is_hidden(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        api.get("/Condition/c").await.expect(404);
        let mut places: Vec<String> = SHOWN.iter().flat_map(|one| [format!("/{one}"), format!("/{one}/_history/1"), format!("/{one}/_history"), format!("/{one}?_format=xml"), format!("/{one}/$meta")]).collect();
        let searches = [
            "/Encounter?patient=ada", "/List?subject=Patient/ada", "/Composition?subject=Patient/ada", "/CarePlan?patient=ada&_elements=addresses,contained",
            "/Patient/ada/*", "/Patient/ada/$everything", "/_history", "/Encounter/_history", "/Patient?_revinclude=*&_id=ada", "/Composition/k-c/$document",
            "/Encounter?_include=*&_id=e-c", "/Encounter?_summary=text", "/Composition?_summary=true", "/Patient/ada/$summary",
        ];
        places.extend(searches.iter().map(|search| (*search).to_owned()));
        for place in &places {
            let answer = api.get(place).await.expect(200);
            assert!(!answer.text().contains(WORD), "{place}: {}", answer.text());
            if !["$meta", "$summary", "_summary=true"].iter().any(|silent| place.contains(silent)) {
                assert!(all.get(place).await.expect(200).text().contains(WORD), "{place} says nothing to anybody");
            }
        }
        let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Encounter/e-c"}},{"request":{"method":"GET","url":"List?subject=Patient/ada"}}]}"#;
        assert!(!api.post("/", batch).await.expect(200).text().contains(WORD));
        let shown = api.get("/Composition/k-c").await.expect(200).json();
        assert_eq!(shown.str("section.1.entry.0.reference"), Some("Condition/c"), "which one it is may be known");
        assert!(is_marked(&shown));
        assert_eq!(shown.str("section.0.text.status"), Some("generated"), "a narrative beside stays");
        let whole = all.get("/Composition/k-c").await.expect(200).json();
        assert!(!is_marked(&whole));
    }

    async fn c39_what_is_absent_is_treated_as_what_is_hidden(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        for thing in things("z") {
            all.save(&thing).await.expect(201);
        }
        for one in SHOWN {
            let absent = one.replace("-c", "-z");
            let texts = [api.get(&format!("/{one}")).await.expect(200).text(), api.get(&format!("/{absent}")).await.expect(200).text()];
            let [hidden, absent] = texts.map(|text| without_ids_and_times(&text).replace("-z", "-c").replace("Condition/z", "Condition/c"));
            assert_eq!(hidden, absent, "{one}");
        }
    }

    async fn c39_who_may_see_it_is_told(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        all.save(&consent("no", "ada", r#"{"type":"permit"}"#)).await.expect(200);
        for one in SHOWN {
            let [seen, whole] = [api.get(&format!("/{one}")).await.expect(200).text(), all.get(&format!("/{one}")).await.expect(200).text()];
            assert_eq!(seen, whole, "{one}");
        }
    }

    async fn c39_no_search_finds_by_what_is_not_shown(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        let parameter = r#"{"resourceType":"SearchParameter","id":"said","url":"urn:said","name":"said","status":"active","description":"x","code":"said","base":["Encounter"],"type":"string","expression":"Encounter.reasonReference.display | Encounter.subject.display"}"#;
        all.save(&Json::of(parameter)).await.expect(201);
        let ready = async || all.get("/Encounter?said=A").await.status == 200;
        for _ in 0..100 {
            if ready().await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        for search in [
            format!("/Encounter?said={WORD}"),
            format!("/Encounter?reason-reference:identifier=urn:secret|{WORD}"),
            format!("/Encounter?diagnosis:identifier={WORD}"),
            format!("/List?item:identifier=urn:secret|{WORD}"),
        ] {
            let found = api.get(&format!("{search}&_total=accurate")).await.expect(200).json();
            assert_eq!((found.str("total"), found.items("entry").len()), (Some("0"), 0), "{search}");
        }
        let found = all.get(&format!("/Encounter?diagnosis:identifier={WORD}")).await.expect(200).json();
        assert_eq!(found.items("entry").len(), 1, "who may see it finds it");
    }

    async fn c39_what_names_nothing_here_is_found_by_its_identifier(engine: Engine) {
        let world = World::start(engine).await;
        let logical = r#"{"resourceType":"List","id":"logical","status":"current","mode":"working","subject":{"reference":"Patient/ada"},"entry":[{"item":{"identifier":{"system":"urn:i","value":"own"},"display":"own words"}}]}"#;
        world.all.client().save(&Json::of(logical)).await.expect(201);
        let found = world.api().get("/List?item:identifier=urn:i|own").await.expect(200).json();
        assert_eq!(found.str("entry.0.resource.entry.0.item.display"), Some("own words"));
    }

    async fn c39_what_was_read_before_it_was_there_is_not_cleared_after(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        for thing in things("later") {
            all.save(&thing).await.expect(201);
        }
        let before = all.get("/Encounter/e-later").await.expect(200).json();
        let shown = api.get("/Encounter/e-later").await.expect(200).json();
        assert!(is_marked(&shown));
        let condition = r#"{"resourceType":"Condition","id":"later","subject":{"reference":"Patient/ada"},"code":{"text":"x"},"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}]}}"#;
        all.save(&Json::of(condition)).await.expect(201);
        assert!(!is_marked(&api.get("/Encounter/e-later").await.expect(200).json()), "now it is seen");
        api.save(&shown.with("language", Json::text("en"))).await.expect(200);
        let after = all.get("/Encounter/e-later").await.expect(200).json();
        assert!(!is_marked(&after));
        assert_eq!(without_meta(after).sorted(), without_meta(before.with("language", Json::text("en"))).sorted());
    }

    async fn c39_nobody_reads_a_narrative_by_taking_away_what_it_is_about(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        let bare = |kind: &str| format!(r#"{{"resourceType":"Encounter","id":"bare","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{WORD}</div>"}},"status":"{kind}","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/ada"}},"diagnosis":[{{"condition":{{"reference":"Condition/c"}}}}]}}"#);
        all.save(&Json::of(&bare("finished"))).await.expect(201);
        let mut shown = api.get("/Encounter/bare").await.expect(200).json();
        assert!(is_marked(&shown));
        shown.remove("", "diagnosis");
        api.save(&shown).await.expect(403);
        patch(&api, "/Encounter/bare", r#"[{"op":"remove","path":"/diagnosis"}]"#).await.expect(403);
        assert!(!api.get("/Encounter/bare").await.expect(200).text().contains(WORD));
        assert_eq!(without_meta(all.get("/Encounter/bare").await.expect(200).json()).sorted(), Json::of(&bare("finished")).sorted());
    }

    async fn a13_no_patch_tells_what_is_not_shown(engine: Engine) {
        let world = World::start(engine).await;
        let api = world.api();
        let tries = [
            format!(r#"[{{"op":"test","path":"/reasonReference/0/display","value":"{WORD}"}},{{"op":"replace","path":"/status","value":"cancelled"}}]"#),
            r#"[{"op":"copy","from":"/reasonReference/0/display","path":"/class/display"}]"#.to_owned(),
            r#"[{"op":"move","from":"/reasonReference/0/display","path":"/class/display"}]"#.to_owned(),
            r#"[{"op":"copy","from":"/text","path":"/extension"}]"#.to_owned(),
        ];
        for operations in tries {
            let answer = patch(&api, "/Encounter/e-c", &operations).await;
            assert!((400..500).contains(&answer.status), "{operations}: {}", answer.status);
            assert!(!answer.text().contains(WORD), "{operations}");
        }
    }

    async fn c39_what_is_not_shown_is_not_cleared_by_a_write(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        for one in SHOWN {
            let place = format!("/{one}");
            let before = all.get(&place).await.expect(200).json();
            let shown = api.get(&place).await.expect(200).json();
            let answer = api.put(&place, shown.with("language", Json::of(r#""en""#)).to_string()).await.expect(200);
            assert!(!answer.text().contains(WORD), "{one}: the answer is what was sent");
            let after = all.get(&place).await.expect(200).json();
            let meant = before.with("language", Json::of(r#""en""#));
            assert_eq!(without_meta(after.clone()).sorted(), without_meta(meant).sorted(), "{one}");
            assert!(!is_marked(&after), "{one}");
        }
        // A patch is such a write.
        patch(&api, "/Encounter/e-c", r#"[{"op":"replace","path":"/status","value":"cancelled"}]"#).await.expect(200);
        let after = all.get("/Encounter/e-c").await.expect(200);
        assert_eq!(after.text().matches(WORD).count(), 7, "{}", after.text());
        assert_eq!(after.json().str("status"), Some("cancelled"));
        // So are labels, and entries of transactions.
        let tag = r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"system":"urn:t","code":"t"}]}}]}"#;
        assert!(!api.post("/Encounter/e-c/$meta-add", tag).await.expect(200).text().contains(WORD));
        let shown = api.get("/List/l-c").await.expect(200).json();
        let transaction = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{},"request":{{"method":"PUT","url":"List/l-c"}}}}]}}"#, shown.with("title", Json::of(r#""t""#)));
        assert!(!api.post("/", &transaction).await.expect(200).text().contains(WORD));
        assert_eq!(all.get("/Encounter/e-c").await.expect(200).text().matches(WORD).count(), 7);
        assert_eq!(all.get("/List/l-c").await.expect(200).text().matches(WORD).count(), 3);
        // Taking the place away is refused, and nothing is written.
        let refused = patch(&api, "/Encounter/e-c", r#"[{"op":"remove","path":"/diagnosis"}]"#).await.expect(403);
        assert!(refused.text().contains("withheld"), "{}", refused.text());
        let bare = r#"{"resourceType":"List","id":"l-c","status":"current","mode":"working","subject":{"reference":"Patient/ada"}}"#;
        api.put("/List/l-c", bare).await.expect(403);
        assert_eq!(all.get("/List/l-c").await.expect(200).text().matches(WORD).count(), 3);
    }
}
