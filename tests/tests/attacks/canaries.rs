//! F70: words that stand in every text of what is stored and asked never come out in logs, errors to others, or the trail.

use gateway_tests::{Engine, Json, Options, Server, examples, shared_data, suite};
use hyper::Method;

use crate::record;

const CANARY: &str = "Zkanarienvogel";

/// A resource whose texts all have the canary, but for what must be a code, an id or an address.
fn planted(resource: &Json) -> Json {
    Json::of(&resource.to_string().replace("Geheim", CANARY).replace("Secret", CANARY))
}

suite! {
    async fn f70_no_word_of_a_record_or_a_question_is_logged(engine: Engine) {
        // At its loudest.
        let environment = vec![("FHIR_GATEWAY_LOG".to_owned(), "trace".to_owned())];
        let server = Server::with(engine, Options { environment, ..Options::default() });
        let api = server.client();
        for resource in record("ada") {
            api.save(&planted(&resource)).await.expect(201);
        }
        // Good and bad questions, with the word wherever a caller can put one.
        for path in [
            format!("/Patient?name={CANARY}"), format!("/Patient?{CANARY}=1"), format!("/Patient?name:{CANARY}=1"), format!("/{CANARY}/1"), format!("/Patient/{CANARY}_"),
            format!("/Patient?birthdate={CANARY}"), format!("/Observation?value-quantity={CANARY}"), format!("/Observation?_sort={CANARY}"), format!("/Observation?_include={CANARY}:x"),
            format!("/Observation?patient:{CANARY}.name=x"), format!("/Patient/ada/${CANARY}"), format!("/Patient?_format={CANARY}"), format!("/Patient?_count={CANARY}"), format!("/Patient?page={CANARY}"),
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
                api.request(method, &path).await;
            }
        }
        for body in [
            format!(r#"{{"resourceType":"Patient","{CANARY}":1}}"#), format!(r#"{{"resourceType":"{CANARY}"}}"#), format!(r#"{{"resourceType":"Patient","gender":"{CANARY}"}}"#),
            format!(r#"{{"resourceType":"Patient","birthDate":"{CANARY}"}}"#), CANARY.to_owned(), format!(r#"{{"resourceType":"Patient","name":[{{"family":"{CANARY}\u0000"}}]}}"#),
            format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"request":{{"method":"PUT","url":"Patient?{CANARY}={CANARY}"}}}}]}}"#),
            format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"{CANARY}","valueString":"{CANARY}"}}]}}"#),
        ] {
            for path in ["/Patient", "/", "/Patient/$validate", "/Patient/$match", "/Patient/ada/$meta-add"] {
                api.post(path, &body).await;
            }
            for kind in ["application/json-patch+json", "application/fhir+json", "application/fhir+xml"] {
                api.request(Method::PATCH, "/Patient/ada").json(&body).header("Content-Type", kind).await;
            }
        }
        for (name, value) in [("If-Match", CANARY), ("If-None-Exist", CANARY), ("Prefer", CANARY), ("Accept", CANARY), ("X-Request-Id", "a Zkanarienvogel"), ("traceparent", CANARY), ("Authorization", CANARY)] {
            api.post("/Patient", r#"{"resourceType":"Patient"}"#).header(name, value).await;
        }
        assert!(!server.log().contains(CANARY), "{}", server.log());
        // Nor is it in the trail, but for where a caller put it into an id or a name of the request.
        let (mut trail, prefix) = server.trail().await;
        let rows = trail.rows(&format!("select patient, client, interaction, decision, caller, on_behalf, source, policy from {prefix}audit_events")).await;
        assert!(rows.len() > 50);
        assert!(rows.iter().flatten().flatten().all(|text| !text.contains(CANARY)));
    }

    async fn f70_official_examples_leave_no_word_in_the_log(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let api = server.client();
        let mut words = 0;
        for example in examples(&data, "01-r4-examples").iter().take(400) {
            let mut text = example.json.to_string();
            for member in ["text", "display", "family", "note", "comment", "description"] {
                text = text.replace(&format!(r#""{member}":""#), &format!(r#""{member}":"{CANARY} "#));
            }
            words += usize::from(text.contains(CANARY));
            api.post(&format!("/{}", example.json.str("resourceType").unwrap()), &text).await;
        }
        assert!(words > 200, "{words}");
        assert!(!server.log().contains(CANARY));
    }
}
