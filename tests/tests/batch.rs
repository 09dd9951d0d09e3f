//! Batch: <https://hl7.org/fhir/R4/http.html#transaction>: each entry by itself.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, patient, suite};

fn batch(entries: &str) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{entries}]}}"#))
}

fn statuses(answer: &Json) -> Vec<String> {
    answer.items("entry").iter().map(|entry| entry.str("response.status").unwrap().chars().take(3).collect()).collect()
}

suite! {
    async fn every_verb_in_one_batch_each_by_itself(server: &'static Server) {
        let api = server.client();
        for id in ["b-read", "b-put", "b-del"] {
            api.save(&patient(id, "Before")).await.expect(201);
        }
        let entries = [
            r#"{"request":{"method":"GET","url":"Patient/b-read"}}"#.to_owned(),
            r#"{"request":{"method":"GET","url":"Patient/b-nobody"}}"#.to_owned(),
            r#"{"request":{"method":"GET","url":"Patient?_id=b-read"}}"#.to_owned(),
            format!(r#"{{"resource":{},"request":{{"method":"PUT","url":"Patient/b-put"}}}}"#, patient("b-put", "After")),
            format!(r#"{{"resource":{},"request":{{"method":"POST","url":"Patient"}}}}"#, patient("x", "New")),
            r#"{"request":{"method":"DELETE","url":"Patient/b-del"}}"#.to_owned(),
            r#"{"resource":{"resourceType":"Patient","colour":1},"request":{"method":"POST","url":"Patient"}}"#.to_owned(),
            r#"{"request":{"method":"GET","url":"Nonsense/1"}}"#.to_owned(),
        ];
        let answer = api.post("/", batch(&entries.join(","))).await.expect(200).json();
        assert_eq!(answer.str("type"), Some("batch-response"));
        let got = statuses(&answer);
        assert!(got[5] == "204" || got[5] == "200", "{got:?}");
        assert_eq!([&got[..5], &got[6..]].concat(), ["200", "404", "200", "200", "201", "400", "404"]);
        let entries = answer.items("entry");
        assert_eq!(entries[0].str("resource.id"), Some("b-read"));
        assert_eq!(entries[2].str("resource.type"), Some("searchset"));
        assert_eq!(entries[4].str("response.etag"), Some("W/\"1\""));
        let location = entries[4].str("response.location").unwrap();
        assert!(location.contains("Patient/") && location.ends_with("/_history/1"), "{location}");
        for index in [1, 6, 7] {
            assert_eq!(entries[index].str("response.outcome.resourceType"), Some("OperationOutcome"), "{}", entries[index]);
        }
        assert_eq!(api.get("/Patient/b-put").await.json().str("name.0.family"), Some("After"));
        api.get("/Patient/b-del").await.expect(410);
    }

    async fn the_parts_of_an_entrys_request_count(server: &'static Server) {
        let api = server.client();
        api.save(&patient("b-parts", "One")).await.expect(201);
        let put = |extra: &str| format!(r#"{{"resource":{},"request":{{"method":"PUT","url":"Patient/b-parts"{extra}}}}}"#, patient("b-parts", "Two"));
        let create = format!(r#"{{"resource":{},"request":{{"method":"POST","url":"Patient","ifNoneExist":"identifier=mrn-b-parts"}}}}"#, patient("b-parts", "x"));
        let read = r#"{"request":{"method":"GET","url":"Patient/b-parts","ifNoneMatch":"W/\"1\""}}"#;
        let entries = [put(r#","ifMatch":"W/\"9\"""#), create, read.to_owned()].join(",");
        let answer = api.post("/", batch(&entries)).await.expect(200).json();
        assert_eq!(statuses(&answer), ["412", "200", "304"]);
        let answer = api.post("/", batch(&put(r#","ifMatch":"W/\"1\"""#))).await.expect(200).json();
        assert_eq!(statuses(&answer), ["200"]);
    }

    async fn an_entry_without_a_request_is_told_and_the_others_done(server: &'static Server) {
        let api = server.client();
        let entries = format!(r#"{{"resource":{}}},{{"request":{{"method":"GET","url":"metadata"}}}},{{"request":{{"method":"JUMP","url":"Patient/1"}}}}"#, patient("x", "x"));
        let answer = api.post("/", batch(&entries)).await;
        assert!(matches!(answer.status, 200 | 400), "{}", answer.status);
        if answer.status == 200 {
            assert_eq!(statuses(&answer.json()), ["400", "200", "400"]);
        }
    }

    async fn an_empty_batch_is_an_empty_answer(server: &'static Server) {
        let answer = server.client().post("/", r#"{"resourceType":"Bundle","type":"batch"}"#).await.expect(200).json();
        assert_eq!((answer.str("type"), answer.at("entry")), (Some("batch-response"), None));
    }

    async fn what_is_no_batch_or_transaction_is_400(server: &'static Server) {
        let api = server.client();
        for kind in ["collection", "searchset", "history", "document", "batch-response", "nonsense"] {
            api.post("/", format!(r#"{{"resourceType":"Bundle","type":"{kind}"}}"#)).await.expect(400).issues();
        }
        api.post("/", r#"{"resourceType":"Bundle"}"#).await.expect(400).issues();
        api.post("/", patient("x", "x")).await.expect(400).issues();
        api.post("/", r#"{"resourceType":"Bundle","type":"batch","entry":{}}"#).await.expect(400).issues();
    }
}
