//! Transaction: <https://hl7.org/fhir/R4/http.html#transaction>: all or nothing, references resolved.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Server, lab_observation, patient, suite, transaction};

fn bundle(entries: &[String]) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(",")))
}

fn entry(full_url: &str, resource: &Json, method: &str, url: &str) -> String {
    format!(r#"{{"fullUrl":"{full_url}","resource":{resource},"request":{{"method":"{method}","url":"{url}"}}}}"#)
}

fn created(answer: &Json, index: usize) -> String {
    let location = answer.items("entry")[index].str("response.location").unwrap();
    let parts: Vec<&str> = location.rsplit('/').take(4).collect();
    assert_eq!((parts[0], parts[1]), ("1", "_history"), "{location}");
    format!("{}/{}", parts[3], parts[2])
}

suite! {
    async fn answers_one_entry_each_in_order(server: &'static Server) {
        let api = server.client();
        let resources = [patient("t-1", "One"), lab_observation("t-1", "t-1", "5.10"), patient("t-2", "Two")];
        let answer = api.post("/", transaction(&resources)).await.expect(200).json();
        assert_eq!(answer.str("type"), Some("transaction-response"));
        for (entry, resource) in answer.items("entry").iter().zip(&resources) {
            assert!(entry.str("response.status").unwrap().starts_with("201"), "{entry}");
            assert_eq!(entry.str("response.etag"), Some("W/\"1\""));
            assert!(entry.str("response.lastModified").is_some());
            let path = format!("{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap());
            assert!(entry.str("response.location").unwrap().ends_with(&format!("{path}/_history/1")), "{entry}");
            let read = api.get(&format!("/{path}")).await.expect(200).json();
            assert_eq!(resource.difference(&read.without_server_meta()), None);
        }
        let again = api.post("/", transaction(&resources)).await.expect(200).json();
        assert!(again.items("entry").iter().all(|entry| entry.str("response.etag") == Some("W/\"2\"")), "{again}");
    }

    async fn urn_uuid_references_become_the_new_ids_everywhere(server: &'static Server) {
        let api = server.client();
        let mut observation = lab_observation("x", "x", "1");
        observation.set("", "subject", Json::of(r#"{"reference":"urn:uuid:0b9d8a57-0000-4000-8000-000000000001"}"#));
        observation.set("", "hasMember", Json::of(r#"[{"reference":"urn:uuid:0b9d8a57-0000-4000-8000-000000000003"},{"reference":"Observation/elsewhere"}]"#));
        observation.set("", "extension", Json::of(r#"[{"url":"urn:e","valueReference":{"reference":"urn:uuid:0b9d8a57-0000-4000-8000-000000000001"}},
            {"url":"urn:e","valueUri":"urn:uuid:0b9d8a57-0000-4000-8000-000000000001"},{"url":"urn:e","valueString":"urn:uuid:0b9d8a57-0000-4000-8000-000000000001"}]"#));
        observation.set("", "contained", Json::of(r#"[{"resourceType":"Basic","id":"c","code":{"text":"x"},"subject":{"reference":"urn:uuid:0b9d8a57-0000-4000-8000-000000000001"}}]"#));
        let mut other = lab_observation("x", "x", "2");
        other.set("", "subject", Json::of(r##"{"reference":"urn:uuid:0b9d8a57-0000-4000-8000-000000000001"}"##));
        // The referring entries stand before what they refer to.
        let answer = api.post("/", bundle(&[
            entry("urn:uuid:0b9d8a57-0000-4000-8000-000000000002", &observation, "POST", "Observation"),
            entry("urn:uuid:0b9d8a57-0000-4000-8000-000000000003", &other, "POST", "Observation"),
            entry("urn:uuid:0b9d8a57-0000-4000-8000-000000000001", &patient("x", "Urn"), "POST", "Patient"),
        ])).await.expect(200).json();
        let (one, two, person) = (created(&answer, 0), created(&answer, 1), created(&answer, 2));
        let read = api.get(&format!("/{one}")).await.expect(200).json();
        assert_eq!(read.str("subject.reference"), Some(person.as_str()));
        assert_eq!(read.str("hasMember.0.reference"), Some(two.as_str()));
        assert_eq!(read.str("hasMember.1.reference"), Some("Observation/elsewhere"));
        assert_eq!(read.str("extension.0.valueReference.reference"), Some(person.as_str()));
        assert_eq!(read.str("extension.1.valueUri"), Some(person.as_str()), "a uri is resolved too");
        assert_eq!(read.str("extension.2.valueString"), Some("urn:uuid:0b9d8a57-0000-4000-8000-000000000001"), "a string is text");
        assert_eq!(read.str("contained.0.subject.reference"), Some(person.as_str()));
        assert_eq!(api.search(&format!("/Observation?subject={person}")).await.len(), 2);
    }

    async fn references_by_full_url_and_into_narrative_are_resolved(server: &'static Server) {
        let api = server.client();
        let mut observation = lab_observation("x", "x", "1");
        observation.set("", "subject", Json::of(r#"{"reference":"http://elsewhere.example/fhir/Patient/77"}"#));
        let answer = api.post("/", bundle(&[
            entry("http://elsewhere.example/fhir/Patient/77", &patient("77", "Full"), "POST", "Patient"),
            entry("http://elsewhere.example/fhir/Observation/78", &observation, "POST", "Observation"),
        ])).await.expect(200).json();
        let person = created(&answer, 0);
        let read = api.get(&format!("/{}", created(&answer, 1))).await.expect(200).json();
        assert_eq!(read.str("subject.reference"), Some(person.as_str()));
    }

    async fn conditional_references_are_resolved_or_the_whole_is_refused(server: &'static Server) {
        let api = server.client();
        api.save(&patient("t-cond", "Cond")).await.expect(201);
        let refer = |target: &str| {
            let mut observation = lab_observation("x", "x", "1");
            observation.set("subject", "reference", Json::text(target));
            observation
        };
        let good = refer("Patient?identifier=urn:example:mrn|mrn-t-cond");
        let answer = api.post("/", bundle(&[entry("urn:uuid:0b9d8a57-0000-4000-8000-00000000000a", &good, "POST", "Observation")])).await.expect(200).json();
        let read = api.get(&format!("/{}", created(&answer, 0))).await.expect(200).json();
        assert_eq!(read.str("subject.reference"), Some("Patient/t-cond"));

        let none = refer("Patient?identifier=urn:example:mrn|nobody-has-this");
        let refused = api.post("/", bundle(&[
            entry("urn:uuid:0b9d8a57-0000-4000-8000-00000000000b", &patient("x", "Half"), "PUT", "Patient/t-half"),
            entry("urn:uuid:0b9d8a57-0000-4000-8000-00000000000c", &none, "POST", "Observation"),
        ])).await;
        assert!(matches!(refused.status, 400 | 404 | 412 | 422), "{}", refused.status);
        refused.issues();
        api.get("/Patient/t-half").await.expect(404);
    }

    async fn if_none_exist_in_a_transaction_and_references_to_what_exists(server: &'static Server) {
        let api = server.client();
        api.save(&patient("t-exists", "Exists")).await.expect(201);
        let mut observation = lab_observation("x", "x", "1");
        observation.set("subject", "reference", Json::text("urn:uuid:0b9d8a57-0000-4000-8000-000000000011"));
        let conditional = format!(
            r#"{{"fullUrl":"urn:uuid:0b9d8a57-0000-4000-8000-000000000011","resource":{},"request":{{"method":"POST","url":"Patient","ifNoneExist":"identifier=urn:example:mrn|mrn-t-exists"}}}}"#,
            patient("x", "Other"));
        let answer = api.post("/", bundle(&[conditional,
            entry("urn:uuid:0b9d8a57-0000-4000-8000-000000000012", &observation, "POST", "Observation")])).await.expect(200).json();
        assert!(answer.str("entry.0.response.status").unwrap().starts_with("200"), "{answer}");
        let read = api.get(&format!("/{}", created(&answer, 1))).await.expect(200).json();
        assert_eq!(read.str("subject.reference"), Some("Patient/t-exists"));
        assert_eq!(api.get("/Patient/t-exists").await.expect(200).version(), 1);
    }

    async fn one_bad_entry_and_nothing_of_it_is_written(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("t-old", "Old")).await.expect(201);
        let good = entry("urn:uuid:1", &patient("t-new", "New"), "PUT", "Patient/t-new").replace("urn:uuid:1", "urn:uuid:0b9d8a57-0000-4000-8000-0000000000aa");
        let change = entry("http://x/Patient/t-old", &patient("t-old", "Changed"), "PUT", "Patient/t-old");
        let delete = r#"{"request":{"method":"DELETE","url":"Patient/t-gone"}}"#.to_owned();
        api.save(&patient("t-gone", "Stays")).await.expect(201);
        let bad = [
            (400, r#"{"resource":{"resourceType":"Patient","colour":1},"request":{"method":"POST","url":"Patient"}}"#.to_owned()),
            (412, format!(r#"{{"resource":{},"request":{{"method":"PUT","url":"Patient/t-match","ifMatch":"W/\"5\""}}}}"#, patient("t-match", "x"))),
            (400, r#"{"resource":{"resourceType":"Nonsense"},"request":{"method":"POST","url":"Nonsense"}}"#.to_owned()),
            (400, r#"{"request":{"method":"PUT","url":"Patient/t-nobody"}}"#.to_owned()),
            (400, format!(r#"{{"resource":{}}}"#, patient("t-norequest", "x"))),
        ];
        let history = |body: Json| body.items("entry").len();
        let before = history(api.get("/_history?_count=100").await.expect(200).json());
        for (status, bad) in bad {
            for order in [[&good, &change, &delete, &bad], [&bad, &good, &change, &delete]] {
                let answer = api.post("/", bundle(&order.map(Clone::clone))).await;
                assert!(answer.status == status || (status == 400 && answer.status == 404), "{bad}: {}", answer.status);
                let issues = answer.issues();
                assert!(issues.iter().any(|issue| issue.expression.iter().any(|path| path.contains("entry["))), "{bad}: {issues:?}");
                assert_eq!(history(api.get("/_history?_count=100").await.expect(200).json()), before, "{bad}");
                api.get("/Patient/t-new").await.expect(404);
                assert_eq!(api.get("/Patient/t-old").await.expect(200).version(), 1);
                api.get("/Patient/t-gone").await.expect(200);
            }
        }
    }

    async fn the_same_resource_twice_is_refused(server: &'static Server) {
        let api = server.client();
        let twice = bundle(&[
            entry("http://x/1", &patient("t-twice", "One"), "PUT", "Patient/t-twice"),
            entry("http://x/2", &patient("t-twice", "Two"), "PUT", "Patient/t-twice"),
        ]);
        api.post("/", twice).await.expect(400).issues();
        let mixed = bundle(&[
            r#"{"request":{"method":"DELETE","url":"Patient/t-twice"}}"#.to_owned(),
            entry("http://x/2", &patient("t-twice", "Two"), "PUT", "Patient/t-twice"),
        ]);
        api.post("/", mixed).await.expect(400).issues();
        api.get("/Patient/t-twice").await.expect(404);
    }

    async fn one_full_url_for_two_resources_is_refused(server: &'static Server) {
        let same = "urn:uuid:0b9d8a57-0000-4000-8000-0000000000ff";
        let answer = server.client().post("/", bundle(&[
            entry(same, &patient("x", "One"), "POST", "Patient"),
            entry(same, &patient("y", "Two"), "POST", "Patient"),
        ])).await;
        answer.expect(400).issues();
    }

    async fn deletes_come_first_then_creates_updates_and_reads(server: &'static Server) {
        let api = server.client();
        api.save(&patient("t-order", "Old")).await.expect(201);
        let answer = api.post("/", bundle(&[
            r#"{"request":{"method":"GET","url":"Patient/t-order-new"}}"#.to_owned(),
            entry("http://x/1", &patient("t-order-new", "New"), "PUT", "Patient/t-order-new"),
            r#"{"request":{"method":"GET","url":"Patient?identifier=mrn-t-order"}}"#.to_owned(),
            r#"{"request":{"method":"DELETE","url":"Patient/t-order"}}"#.to_owned(),
        ])).await.expect(200).json();
        assert_eq!(answer.str("entry.0.resource.id"), Some("t-order-new"), "a read sees the writes: {answer}");
        assert_eq!(answer.items("entry.2.resource.entry").len(), 0, "and the deletes");
    }

    async fn an_update_without_id_in_the_body_or_another_is_refused(server: &'static Server) {
        let api = server.client();
        let answer = api.post("/", bundle(&[entry("http://x/1", &patient("t-a", "x"), "PUT", "Patient/t-b")])).await;
        answer.expect(400).issues();
        api.get("/Patient/t-b").await.expect(404);
        api.get("/Patient/t-a").await.expect(404);
    }

    async fn two_transactions_over_the_same_resources_never_deadlock(server: &'static Server) {
        let tasks: Vec<_> = (0..8).map(|turn| {
            let api = server.client();
            tokio::spawn(async move {
                for round in 0..10 {
                    let mut resources: Vec<Json> =
                        (0..5).map(|index| patient(&format!("t-lock-{index}"), &format!("R{turn}x{round}"))).collect();
                    if turn % 2 == 1 {
                        resources.reverse();
                    }
                    let answer = api.post("/", transaction(&resources)).await;
                    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let api = server.client();
        let mut names = Vec::new();
        for index in 0..5 {
            let answer = api.get(&format!("/Patient/t-lock-{index}")).await.expect(200);
            assert_eq!(answer.version(), 80);
            names.push(answer.json().str("name.0.family").unwrap().to_owned());
        }
        names.dedup();
        assert_eq!(names.len(), 1, "all five are of one transaction: {names:?}");
    }
}
