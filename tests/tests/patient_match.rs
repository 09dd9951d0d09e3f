//! `Patient/$match`: <https://hl7.org/fhir/R4/patient-operation-match.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, suite};

/// People of a clinic: Ada twice by mistake, her sister, and somebody who shares her birthday.
const PEOPLE: [&str; 5] = [
    r#"{"resourceType":"Patient","id":"ada","identifier":[{"system":"urn:mrn","value":"7"}],"name":[{"use":"official","family":"Lovelace","given":["Ada","Mary"]}],
        "gender":"female","birthDate":"1985-12-10","telecom":[{"system":"phone","value":"555-555-0100"}],"address":[{"line":["1 Gristmill Road"],"postalCode":"00051"}]}"#,
    r#"{"resourceType":"Patient","id":"ada-again","name":[{"family":"LOVELACE","given":["Ada"]}],"gender":"female","birthDate":"1985-12-10"}"#,
    r#"{"resourceType":"Patient","id":"anne","name":[{"family":"Lovelace","given":["Anne"]}],"gender":"female","birthDate":"1988-03-02",
        "telecom":[{"system":"phone","value":"555-555-0100"}],"address":[{"line":["1 Gristmill Road"],"postalCode":"00051"}]}"#,
    r#"{"resourceType":"Patient","id":"bert","name":[{"family":"Byron","given":["Bert"]}],"gender":"male","birthDate":"1985-12-10"}"#,
    r#"{"resourceType":"Patient","id":"swapped","name":[{"family":"Müller","given":["Zoë"]}],"gender":"female","birthDate":"1990-05-04"}"#,
];

async fn clinic(api: &Client) {
    for person in PEOPLE {
        api.save(&Json::of(person)).await.expect(201);
    }
}

fn asked(patient: &str, parameters: &str) -> String {
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{patient}}}{parameters}]}}"#)
}

/// Id and grade of the matches, best first.
async fn matches(api: &Client, body: &str) -> Vec<(String, String)> {
    let page = api.post("/Patient/$match", body).await.expect(200).json();
    assert_eq!(page.str("type"), Some("searchset"));
    let mut last = 1.0;
    let mut found = Vec::new();
    for entry in page.items("entry").iter().filter(|entry| entry.str("search.mode") == Some("match")) {
        let score: f64 = entry.str("search.score").unwrap().parse().unwrap();
        assert!((0.0..=last).contains(&score), "{page}");
        last = score;
        let grade = &entry.at("search").unwrap().items("extension")[0];
        assert_eq!(grade.str("url"), Some("http://hl7.org/fhir/StructureDefinition/match-grade"));
        assert!(entry.str("fullUrl").unwrap().ends_with(&format!("/Patient/{}", entry.str("resource.id").unwrap())));
        found.push((entry.str("resource.id").unwrap().to_owned(), grade.str("valueCode").unwrap().to_owned()));
    }
    assert_eq!(page.str("total").unwrap(), found.len().to_string());
    found
}

fn graded(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, grade)| ((*id).to_owned(), (*grade).to_owned())).collect()
}

const ADA: &str = r#"{"resourceType":"Patient","name":[{"family":"Lovelace","given":["Ada"]}],"birthDate":"1985-12-10","gender":"female","telecom":[{"value":"(555) 555-0100"}]}"#;

suite! {
    async fn the_best_match_comes_first(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        clinic(&api).await;
        let found = matches(&api, &asked(ADA, "")).await;
        assert_eq!(found, graded(&[("ada", "certain"), ("ada-again", "probable")]));
        // The Patient alone will do.
        assert_eq!(matches(&api, ADA).await, found);
        assert_eq!(matches(&api, &asked(ADA, r#",{"name":"count","valueInteger":1}"#)).await, found[..1]);
        let only = r#",{"name":"onlyCertainMatches","valueBoolean":true}"#;
        assert_eq!(matches(&api, &asked(ADA, only)).await, found[..1]);
        let number = r#"{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"7"}]}"#;
        assert_eq!(matches(&api, &asked(number, "")).await, graded(&[("ada", "probable")]));
        assert!(matches(&api, &asked(number, only)).await.is_empty());
        let swapped = r#"{"resourceType":"Patient","name":[{"family":"Mueller","given":["Zoe"]}],"birthDate":"1990-04-05","gender":"female"}"#;
        assert!(matches(&api, &asked(swapped, "")).await.is_empty(), "neither name nor birthday leads to her");
        let swapped = swapped.replace("Mueller", "muller");
        assert_eq!(matches(&api, &asked(&swapped, "")).await, graded(&[("swapped", "possible")]));
        let stranger = r#"{"resourceType":"Patient","name":[{"family":"Curie","given":["Marie"]}],"birthDate":"1985-12-10"}"#;
        assert!(matches(&api, &asked(stranger, "")).await.is_empty());
    }

    async fn of_two_that_are_certain_none_is_the_one(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        clinic(&api).await;
        let again = Json::of(PEOPLE[0]).with("id", Json::text("ada-third"));
        api.save(&again).await.expect(201);
        let body = asked(ADA, r#",{"name":"onlyCertainMatches","valueBoolean":true}"#);
        assert!(matches(&api, &body).await.is_empty());
        let page = api.post("/Patient/$match", &body).await.expect(200).json();
        let outcome = &page.items("entry")[0];
        assert_eq!(outcome.str("search.mode"), Some("outcome"), "{page}");
        assert_eq!(outcome.at("resource").unwrap().items("issue")[0].str("code"), Some("multiple-matches"));
        // Whoever is deleted is nobody's match.
        api.delete("/Patient/ada-third").await;
        assert_eq!(matches(&api, &body).await, graded(&[("ada", "certain")]));
    }

    async fn a_description_goes_into_no_address(server: &'static Server) {
        let api = server.client();
        let page = api.post("/Patient/$match", ADA).await.expect(200).json();
        assert!(!page.to_string().contains("555"), "{page}");
        api.get("/Patient/$match").await.expect(405);
    }

    async fn a_description_without_end_is_cut(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        clinic(&api).await;
        let words = "ada ".repeat(500_000);
        let names = vec![format!(r#"{{"family":"Lovelace","given":["{words}","Ada"]}}"#); 3].join(",");
        let long = format!(r#"{{"resourceType":"Patient","birthDate":"1985-12-10","gender":"female","name":[{names}]}}"#);
        assert_eq!(matches(&api, &asked(&long, "")).await, graded(&[("ada", "probable"), ("ada-again", "probable")]));
        let many = vec![r#"{"system":"http://a.example/ü","value":"%&ü7"}"#; 5000].join(",");
        let many = format!(r#"{{"resourceType":"Patient","identifier":[{many}],"name":[{{"family":"Lovelace","given":["Ada"]}}]}}"#);
        assert_eq!(matches(&api, &asked(&many, "")).await.len(), 2);
    }

    async fn what_says_nothing_is_refused(server: &'static Server) {
        let api = server.client();
        let long = format!(r#"{{"resourceType":"Patient","identifier":[{}]}}"#, vec![r#"{"value":"a,b|c\\$"}"#; 500].join(","));
        assert!(matches(&api, &asked(&long, "")).await.is_empty());
        for (body, status, code) in [
            (String::from("{}"), 400, "required"),
            (String::from("no json"), 400, "required"),
            (asked(r#"{"resourceType":"Observation"}"#, ""), 400, "required"),
            (asked(r#"{"resourceType":"Patient"}"#, ""), 422, "required"),
            (asked(r#"{"resourceType":"Patient","gender":"male","name":[{"given":[" "]}]}"#, ""), 422, "required"),
            (asked(ADA, r#",{"name":"count","valueInteger":0}"#), 400, "value"),
            (asked(ADA, r#",{"name":"onlyCertainMatches","valueString":"perhaps"}"#), 400, "value"),
        ] {
            api.post("/Patient/$match", body).await.refused(status, code);
        }
    }
}
