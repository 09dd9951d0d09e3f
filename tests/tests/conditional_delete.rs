//! Conditional delete by policy: <https://hl7.org/fhir/R4/http.html#3.1.0.7.1>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Command, Engine, Json, Options, Server, lab_observation, medication_request, patient, suite, transaction,
};

/// A server on which a condition may delete several.
fn several(engine: Engine) -> Server {
    Server::with(
        engine,
        Options { arguments: vec!["--conditional-delete".to_owned(), "multiple".to_owned()], ..Options::default() },
    )
}

async fn people(api: &Client, family: &str, count: usize) {
    let people: Vec<Json> = (0..count).map(|number| patient(&format!("{family}-{number}"), family)).collect();
    api.post("", transaction(&people)).await.expect(200);
}

fn bundle(kind: &str, urls: &[&str]) -> String {
    let entries: Vec<String> =
        urls.iter().map(|url| format!(r#"{{"request":{{"method":"DELETE","url":"{url}"}}}}"#)).collect();
    format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(","))
}

async fn claimed(api: &Client) -> String {
    let statement = api.get("/metadata").await.expect(200).json();
    let mut claims: Vec<&str> =
        statement.items("rest.0.resource").iter().filter_map(|resource| resource.str("conditionalDelete")).collect();
    claims.dedup();
    assert_eq!(claims.len(), 1, "{claims:?}");
    claims[0].to_owned()
}

suite! {
    async fn a_count_is_no_limit_of_what_is_deleted(engine: Engine) {
        let server = several(engine);
        let api = server.client();
        people(&api, "Counted", 3).await;
        for parameter in ["_count=2", "_sort=_id", "_summary=count"] {
            let address = format!("/Patient?family=Counted&{parameter}");
            api.delete(&address).await.refused(400, "not-supported");
            api.post("", bundle("transaction", &[&address[1..]])).await.refused(400, "not-supported");
        }
        assert_eq!(api.search("/Patient?family=Counted").await.len(), 3);
        api.delete("/Patient?family=Counted&_pretty=true").await.expect(204);
        assert_eq!(api.search("/Patient?family=Counted").await.len(), 0);
    }

    async fn what_changed_while_it_was_waited_for_is_not_what_was_meant(server: &'static Server) {
        let api = server.client();
        for (number, method) in ["alone", "in a transaction"].into_iter().enumerate() {
            let id = format!("waited-{number}");
            let observation = |status: &str| lab_observation(&id, "x", "5.5").with("status", Json::text(status));
            api.save(&observation("preliminary")).await.expect(201);
            let condition = format!("Observation?status=preliminary&_id={id}");
            // Another program has the row; behind it wait, in this order, an update and a deletion by condition.
            let mut program = server.sql().await;
            match server.engine() {
                Engine::Sqlite => program.run("begin immediate").await,
                Engine::Postgres => {
                    program.run("begin").await;
                    program.run(&format!("select 1 from fhir_gateway.directory where id = '{id}' for update")).await
                }
            };
            let (first, second) = (server.client(), server.client());
            let update = { let body = observation("final"); tokio::spawn(async move { first.save(&body).await.status }) };
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            let change = match method {
                "in a transaction" => {
                    let body = bundle("transaction", &[&condition]);
                    tokio::spawn(async move { second.post("", body).await.status })
                }
                _ => tokio::spawn(async move { second.delete(&format!("/{condition}")).await.status }),
            };
            tokio::time::sleep(std::time::Duration::from_millis(700)).await;
            program.run("commit").await;
            assert_eq!(update.await.unwrap(), 200, "{method}");
            let answered = change.await.unwrap();
            let is_there = api.get(&format!("/Observation/{id}")).await;
            assert_eq!(is_there.status, 200, "{method}: what had become final was deleted ({answered})");
            assert_eq!(is_there.json().str("status"), Some("final"), "{method}");
        }
    }

    async fn without_the_policy_several_matches_are_refused(server: &'static Server) {
        let api = server.client();
        assert_eq!(claimed(&api).await, "single");
        people(&api, "Onlyone", 2).await;
        api.delete("/Patient?family=Onlyone").await.refused(412, "multiple-matches");
        let refusal = api.post("", bundle("transaction", &["Patient?family=Onlyone"])).await.refused(412, "multiple-matches");
        assert_eq!(refusal.expression, ["Bundle.entry[0]"]);
        assert_eq!(api.search("/Patient?family=Onlyone").await.len(), 2);
    }

    async fn with_it_all_matches_go_together(engine: Engine) {
        let server = several(engine);
        let api = server.client();
        assert_eq!(claimed(&api).await, "multiple");
        people(&api, "Several", 30).await;
        people(&api, "Others", 2).await;
        // Rows that refer to what goes: they stay, whole, as with a single deletion.
        api.save(&lab_observation("kept", "Several-3", "1.10")).await.expect(201);
        api.save(&medication_request("kept", "Several-4")).await.expect(201);
        let before = api.get("/Observation/kept").await.expect(200).json();
        let answer = api.delete("/Patient?family=Several").await.expect(204);
        assert_eq!((answer.header("ETag"), answer.body.len()), (None, 0), "the version of which of them");
        for number in 0..30 {
            let path = format!("/Patient/Several-{number}");
            api.get(&path).await.refused(410, "deleted");
            let history = api.get(&format!("{path}/_history")).await.expect(200).json();
            assert_eq!(history.items("entry").len(), 2, "each has its version");
            assert_eq!(history.str("entry.0.request.method"), Some("DELETE"));
        }
        assert!(api.search("/Patient?family=Several").await.is_empty());
        assert_eq!(api.search("/Patient?family=Others").await.len(), 2);
        assert_eq!(api.get("/Observation/kept").await.expect(200).json(), before);
        assert_eq!(api.search("/MedicationRequest?patient=Several-4").await, ["MedicationRequest/kept"]);
        let data = server.folder().join("verify").display().to_string();
        Command::run(&["map", "verify", "--json", "--database", &server.database.url, "--data-dir", &data]).await.expect(0);
        let events: Vec<_> = server.audited().await.into_iter().filter(|event| event.interaction == "delete-conditional").collect();
        assert_eq!(events.len(), 30, "each is on record");
        assert!(events.iter().all(|event| event.status == 204 && event.kind.as_deref() == Some("Patient") && event.id.is_some()));
        // What resources of one condition say of each other is no hindrance.
        for (id, other) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let linked = patient(&format!("ring-{id}"), "Ring").with("link", Json::of(&format!(r#"[{{"other":{{"reference":"Patient/ring-{other}"}},"type":"seealso"}}]"#)));
            api.save(&linked).await.expect(201);
        }
        let told = api.delete("/Patient?family=Ring").header("Prefer", "return=OperationOutcome").await.expect(200);
        assert!(told.issues()[0].text.contains("3 resources"), "{:?}", told.issues());
        let none = api.delete("/Patient?family=Ring").header("Prefer", "return=OperationOutcome").await.expect(200);
        assert!(none.issues()[0].text.contains("nothing to delete"));
        // One match is told as ever.
        people(&api, "Single", 1).await;
        assert_eq!(api.delete("/Patient?family=Single").await.expect(204).version(), 2);
    }

    async fn other_conditions_still_name_one(engine: Engine) {
        let server = several(engine);
        let api = server.client();
        people(&api, "Named", 2).await;
        let mut nameless = patient("x", "Named");
        nameless.remove("", "id");
        api.put("/Patient?family=Named", &nameless).await.refused(412, "multiple-matches");
        api.post("/Patient", &nameless).header("If-None-Exist", "family=Named").await.refused(412, "multiple-matches");
        // Who names a version means one resource.
        api.delete("/Patient?family=Named").header("If-Match", "W/\"1\"").await.refused(412, "multiple-matches");
        for query in ["", "?family=", "?nonsense=1", "?_count=1"] {
            api.delete(&format!("/Patient{query}")).await.expect(400);
        }
        assert_eq!(api.search("/Patient?family=Named").await.len(), 2);
    }

    async fn bundles_delete_several_too(engine: Engine) {
        let server = several(engine);
        let api = server.client();
        people(&api, "Batch", 3).await;
        people(&api, "Trans", 4).await;
        let statuses = async |text: String| {
            let answers = api.post("", text).await.expect(200).json();
            answers.items("entry").iter().map(|entry| entry.str("response.status").unwrap()[..3].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(statuses(bundle("batch", &["Patient?family=Batch", "Patient?family=Nobody"])).await, ["204", "204"]);
        assert!(api.search("/Patient?family=Batch").await.is_empty());
        // All or nothing: what one entry cannot do none does.
        let refusal = api.post("", bundle("transaction", &["Patient?family=Trans", "Patient/Trans-1"])).await.refused(400, "duplicate");
        assert_eq!(refusal.expression, ["Bundle.entry[0]", "Bundle.entry[1]"]);
        let with = |entry: &str| {
            let mut entries = Json::of(&bundle("transaction", &["Patient?family=Trans"])).items("entry").to_vec();
            entries.push(Json::of(entry));
            Json::of(r#"{"resourceType":"Bundle","type":"transaction"}"#).with("entry", Json::Array(entries)).to_string()
        };
        let impossible = r#"{"resource":{"resourceType":"Patient","id":"Trans-9"},"request":{"method":"PUT","url":"Patient/Trans-9","ifMatch":"W/\"7\""}}"#;
        api.post("", with(impossible)).await.refused(412, "conflict");
        assert_eq!(api.search("/Patient?family=Trans").await.len(), 4);
        let possible = r#"{"resource":{"resourceType":"Basic","id":"after","code":{"text":"x"}},"request":{"method":"PUT","url":"Basic/after"}}"#;
        assert_eq!(statuses(with(possible)).await, ["204", "201"]);
        assert!(api.search("/Patient?family=Trans").await.is_empty());
        let recorded = server.audited().await.into_iter().filter(|event| event.interaction == "delete-conditional" && event.status == 204);
        assert_eq!(recorded.count(), 3 + 1 + 4, "each resource, and the condition that matched none");
    }

    async fn a_request_deletes_no_more_than_a_thousand(engine: Engine) {
        let server = several(engine);
        let api = server.client();
        let basic = |number: usize| Json::of(&format!(
            r#"{{"resourceType":"Basic","id":"m-{number}","code":{{"coding":[{{"system":"urn:m","code":"c{}"}}]}}}}"#, number % 2
        ));
        api.post("", transaction(&(0..1001).map(basic).collect::<Vec<_>>())).await.expect(200);
        api.delete("/Basic?code=urn:m|").await.refused(412, "too-costly");
        api.post("", bundle("transaction", &["Basic?code=urn:m|"])).await.refused(412, "too-costly");
        // The conditions of a transaction together.
        let refusal = api.post("", bundle("transaction", &["Basic?code=urn:m|c0", "Basic?code=urn:m|c1"])).await.refused(412, "too-costly");
        assert_eq!(refusal.expression, ["Bundle.entry[1]"]);
        assert_eq!(api.get("/Basic?code=urn:m|&_summary=count").await.expect(200).json().at("total"), Some(&Json::Number("1001".to_owned())));
        api.delete("/Basic/m-0").await.expect(204);
        api.delete("/Basic?code=urn:m|").await.expect(204);
        assert!(api.search("/Basic?code=urn:m|").await.is_empty());
    }

    async fn ten_at_once_delete_each_once(engine: Engine) {
        let server = several(engine);
        people(&server.client(), "Race", 12).await;
        let tasks: Vec<_> = (0..10).map(|_| {
            let api = server.client();
            tokio::spawn(async move { api.delete("/Patient?family=Race").await.status })
        }).collect();
        for task in tasks {
            let status = task.await.unwrap();
            assert!(matches!(status, 204 | 503), "{status}");
        }
        for number in 0..12 {
            let history = server.client().get(&format!("/Patient/Race-{number}/_history")).await.expect(200).json();
            assert_eq!(history.items("entry").len(), 2, "deleted once");
        }
    }
}
