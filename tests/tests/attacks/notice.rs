//! 37: no record of a Part 2 program without the notice that goes along with it.

use gateway_tests::{Client, Engine, Json, Response, Server, consent, lab_observation, patient, suite};

use crate::attacker;

const NOTICE: &str = "42 CFR part 2 prohibits unauthorized use or disclosure of these records.";
const PART2: &str =
    r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}"#;

/// Two patients with a record of a program each; one has permitted it.
async fn world(engine: Engine) -> (Server, Server) {
    let all = Server::start(engine);
    let api = all.client();
    for id in ["ada", "ben"] {
        api.save(&patient(id, "A")).await.expect(201);
        api.save(&lab_observation(&format!("plain-{id}"), id, "1")).await.expect(201);
        api.save(&lab_observation(&format!("program-{id}"), id, "2").with("meta", Json::of(PART2))).await.expect(201);
    }
    api.save(&consent("yes", "ada", r#"{"type":"permit"}"#)).await.expect(201);
    let attacked = attacker(&all, "Practitioner/dr");
    (all, attacked)
}

fn notice(answer: &Response) -> Option<&str> {
    answer.header("Redisclosure-Notice")
}

fn is_labelled(resource: &Json) -> bool {
    resource.items("meta.security").iter().any(|label| label.str("code") == Some("NORDSCLCD"))
}

async fn search(api: &Client, path: &str) -> (Option<String>, Vec<Json>) {
    let answer = api.get(path).await.expect(200);
    let found = answer.json().items("entry").iter().filter_map(|entry| entry.at("resource").cloned()).collect();
    (notice(&answer).map(str::to_owned), found)
}

suite! {
    async fn c37_the_notice_goes_along_with_every_way_to_be_shown_it(engine: Engine) {
        let (_all, attacked) = world(engine).await;
        let api = attacked.client();
        let said = format!("{NOTICE} Permitted by Consent/yes.");
        for path in ["", "/_history/1"] {
            let answer = api.get(&format!("/Observation/program-ada{path}")).await.expect(200);
            assert_eq!(notice(&answer), Some(&*said), "{path}");
            assert!(is_labelled(&answer.json()), "{path}");
        }
        for path in ["/Observation?patient=ada", "/Patient/ada/$everything", "/Patient?_id=ada&_revinclude=Observation:subject", "/_history", "/Observation/program-ada/_history"] {
            let (notice, found) = search(&api, path).await;
            assert_eq!(notice.as_deref(), Some(&*said), "{path}");
            for resource in found {
                let is_of_program = resource.str("id") == Some("program-ada");
                assert_eq!(is_labelled(&resource), is_of_program, "{path}: {resource}");
            }
        }
        let head = api.head("/Observation/program-ada").await.expect(200);
        assert_eq!(notice(&head), Some(&*said));
        let xml = api.get("/Observation/program-ada?_format=xml").await.expect(200);
        assert!(notice(&xml).is_some() && xml.text().contains("NORDSCLCD"));
        for kind in ["batch", "transaction"] {
            let bundle = format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"request":{{"method":"GET","url":"Observation/plain-ada"}}}},{{"request":{{"method":"GET","url":"Observation/program-ada"}}}}]}}"#);
            let answer = api.post("/", bundle).await.expect(200);
            assert_eq!(notice(&answer), Some(&*said), "{kind}");
            assert!(is_labelled(answer.json().at("entry.1.resource").unwrap()), "{kind}");
        }
    }

    async fn c37_there_is_none_where_nothing_of_the_kind_is_shown(engine: Engine) {
        let (all, attacked) = world(engine).await;
        let api = attacked.client();
        for path in ["/Observation/plain-ada", "/Observation?patient=ben", "/Observation?patient=ada&_summary=count", "/Patient/ben/$everything", "/metadata"] {
            assert_eq!(notice(&api.get(path).await.expect(200)), None, "{path}");
        }
        let hidden = api.get("/Observation/program-ben").await.expect(404);
        assert_eq!(notice(&hidden), None);
        // Where Consents are not applied, nothing is disclosed by one.
        let plain = all.client().get("/Observation/program-ada").await.expect(200);
        assert!(notice(&plain).is_none() && !is_labelled(&plain.json()));
    }

    async fn c37_what_is_written_back_is_as_it_was(engine: Engine) {
        let (all, attacked) = world(engine).await;
        let (all, api) = (all.client(), attacked.client());
        let kept = all.get("/Observation/program-ada").await.expect(200).json();
        let shown = api.get("/Observation/program-ada").await.expect(200).json();
        let answer = api.save(&shown.with("status", Json::text("amended"))).await.expect(200);
        assert!(notice(&answer).is_some());
        let now = all.get("/Observation/program-ada").await.expect(200).json();
        assert!(!is_labelled(&now), "{now}");
        assert_eq!(now.without_server_meta().sorted(), kept.clone().with("status", Json::text("amended")).without_server_meta().sorted());
        let patch = r#"[{"op":"replace","path":"/status","value":"final"}]"#;
        let request = api.request(hyper::Method::PATCH, "/Observation/program-ada");
        let answer = request.header("Content-Type", "application/json-patch+json").body(patch).await.expect(200);
        assert!(notice(&answer).is_some());
        assert!(!is_labelled(&all.get("/Observation/program-ada").await.expect(200).json()));
        // A label of the client's own stays.
        let own = PART2.replace("}]", r#"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"NORDSCLCD"}]"#);
        all.save(&kept.with("meta", Json::of(&own))).await.expect(200);
        let shown = api.get("/Observation/program-ada").await.expect(200).json();
        assert_eq!(shown.items("meta.security").len(), 2);
        api.save(&shown).await.expect(200);
        assert!(is_labelled(&all.get("/Observation/program-ada").await.expect(200).json()));
    }
}
