//! PATCH: JSON Patch and FHIRPath Patch, by id, by condition, in bundles: <https://hl7.org/fhir/R4/http.html#patch>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Json, Known, Request, Server, lab_observation, patient, shared_data, suite};
use hyper::Method;
use std::collections::BTreeMap;

const JSON_PATCH: &str = "application/json-patch+json";

fn json_patch(api: &Client, path: &str, patch: &str) -> Request {
    api.request(Method::PATCH, path).body(patch.to_owned()).header("Content-Type", JSON_PATCH)
}

fn fhirpath_patch(api: &Client, path: &str, operations: &[String]) -> Request {
    api.request(Method::PATCH, path).json(parameters(operations))
}

fn parameters(operations: &[String]) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, operations.join(",")))
}

/// An operation: its type, its path, and its other parts.
fn operation(kind: &str, path: &str, parts: &str) -> String {
    format!(
        r#"{{"name":"operation","part":[{{"name":"type","valueCode":"{kind}"}},{{"name":"path","valueString":"{path}"}}{}{parts}]}}"#,
        if parts.is_empty() { "" } else { "," }
    )
}

fn binary(patch: &str) -> String {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(patch);
    format!(r#"{{"resourceType":"Binary","contentType":"{JSON_PATCH}","data":"{data}"}}"#)
}

fn entry(full_url: &str, resource: &str, method: &str, url: &str, more: &str) -> String {
    format!(r#"{{"fullUrl":"{full_url}","resource":{resource},"request":{{"method":"{method}","url":"{url}"{more}}}}}"#)
}

fn bundle(kind: &str, entries: &[String]) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(",")))
}

fn statuses(answer: &Json) -> Vec<&str> {
    answer.items("entry").iter().map(|entry| &entry.str("response.status").unwrap()[..3]).collect()
}

async fn version(api: &Client, path: &str) -> i64 {
    api.get(path).await.expect(200).version()
}

suite! {
    async fn a_json_patch_changes_what_it_names_and_nothing_else(server: &'static Server) {
        let api = server.client();
        let mut sent = lab_observation("pa-1", "pa-1", "1.10");
        sent.set("", "note", Json::of(r#"[{"text":"one"},{"text":"two"}]"#));
        sent.set("", "extension", Json::of(r#"[{"url":"urn:e","valueDecimal":2.500}]"#));
        api.save(&sent).await.expect(201);
        let patch = r#"[{"op":"test","path":"/status","value":"final"},{"op":"replace","path":"/status","value":"amended"},
            {"op":"add","path":"/note/1","value":{"text":"between"}},{"op":"move","from":"/note/0","path":"/note/-"},
            {"op":"remove","path":"/extension"},{"op":"copy","from":"/code/text","path":"/method","value":1},
            {"op":"replace","path":"/method","value":{"text":"by hand"}}]"#;
        let answer = json_patch(&api, "/Observation/pa-1", patch).await.expect(200);
        assert_eq!(answer.version(), 2);
        sent.set("", "status", Json::text("amended"));
        sent.set("", "note", Json::of(r#"[{"text":"between"},{"text":"two"},{"text":"one"}]"#));
        sent.remove("", "extension");
        sent.set("", "method", Json::of(r#"{"text":"by hand"}"#));
        let read = api.get("/Observation/pa-1").await.expect(200);
        assert_eq!(read.body, answer.body);
        assert_eq!(sent.difference(&read.json().without_server_meta()), None);
        assert!(String::from_utf8_lossy(&read.body).contains(r#""value":1.10,"#));
        let history = api.get("/Observation/pa-1/_history").await.expect(200).json();
        assert_eq!(history.items("entry").len(), 2);
        let found = api.search("/Observation?_id=pa-1&code=2345-7").await;
        assert_eq!(found, ["Observation/pa-1"]);
    }

    async fn a_fhirpath_patch_changes_what_it_names_and_nothing_else(server: &'static Server) {
        let api = server.client();
        let mut sent = patient("pa-2", "Path");
        sent.set("", "_birthDate", Json::of(r#"{"extension":[{"url":"urn:time","valueDateTime":"1974-12-25T14:35:45-05:00"}]}"#));
        sent.set("", "contact", Json::of(r#"[{"name":{"text":"Only"},"gender":"male"}]"#));
        api.save(&sent).await.expect(201);
        let operations = [
            operation("replace", "Patient.name.where(use='official').family", r#"{"name":"value","valueString":"Changed"}"#),
            operation("add", "Patient", r#"{"name":"name","valueString":"deceased"},{"name":"value","valueBoolean":false}"#),
            operation("insert", "Patient.name[0].given", r#"{"name":"index","valueInteger":0},{"name":"value","valueString":"First"}"#),
            operation("move", "Patient.name[0].given", r#"{"name":"source","valueInteger":2},{"name":"destination","valueInteger":1}"#),
            operation("delete", "Patient.contact[0].name.text", ""),
            operation("delete", "Patient.photo", ""),
            operation("add", "Patient.gender", r#"{"name":"name","valueString":"extension"},{"name":"value","part":[
                {"name":"url","valueUri":"urn:g"},{"name":"value","valueDecimal":1.50}]}"#),
            operation("add", "Patient", r#"{"name":"name","valueString":"communication"},{"name":"value","part":[
                {"name":"language","valueCodeableConcept":{"text":"Welsh"}},{"name":"preferred","valueBoolean":true}]}"#),
        ];
        let answer = fhirpath_patch(&api, "/Patient/pa-2", &operations).await.expect(200);
        assert_eq!(answer.version(), 2);
        sent.set("name.0", "family", Json::text("Changed"));
        sent.set("name.0", "given", Json::of(r#"["First","Maria","Ada"]"#));
        sent.set("", "contact", Json::of(r#"[{"gender":"male"}]"#));
        let sent = sent.with("deceasedBoolean", Json::Bool(false))
            .with("_gender", Json::of(r#"{"extension":[{"url":"urn:g","valueDecimal":1.50}]}"#))
            .with("communication", Json::of(r#"[{"language":{"text":"Welsh"},"preferred":true}]"#));
        let read = api.get("/Patient/pa-2").await.expect(200).json();
        assert_eq!(sent.difference(&read.without_server_meta()), None);
    }

    async fn if_match_and_prefer_are_as_for_an_update(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-3", "One")).await.expect(201);
        let patch = |family: &str| format!(r#"[{{"op":"replace","path":"/name/0/family","value":"{family}"}}]"#);
        json_patch(&api, "/Patient/pa-3", &patch("No")).header("If-Match", "W/\"7\"").await.refused(412, "conflict");
        json_patch(&api, "/Patient/pa-3", &patch("No")).header("If-None-Match", "*").await.refused(412, "conflict");
        let bare = json_patch(&api, "/Patient/pa-3", &patch("Two")).header("If-Match", "W/\"1\"").header("Prefer", "return=minimal").await.expect(200);
        assert!(bare.body.is_empty());
        assert_eq!(bare.version(), 2);
        let told = json_patch(&api, "/Patient/pa-3", &patch("Three")).header("Prefer", "return=OperationOutcome").await.expect(200);
        assert_eq!(told.json().str("resourceType"), Some("OperationOutcome"));
        let whole = json_patch(&api, "/Patient/pa-3", &patch("Four")).header("Prefer", "return=representation").await.expect(200);
        assert_eq!(whole.json().str("name.0.family"), Some("Four"));
        assert!(whole.header("Last-Modified").is_some());
    }

    async fn what_cannot_be_done_is_refused_with_its_place_and_changes_nothing(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-4", "Stays")).await.expect(201);
        let path = "/Patient/pa-4";
        let cases: &[(&str, u16, &str, &str)] = &[
            ("{", 400, "structure", ""),
            (r#"[{"op":"replace"}]"#, 400, "invalid", "[0].path"),
            (r#"[{"op":"erase","path":"/gender"}]"#, 400, "invalid", "[0].op"),
            (r#"[{"op":"add","path":"/gender"}]"#, 400, "invalid", "[0].value"),
            (r#"[{"op":"remove","path":"gender"}]"#, 400, "invalid", "[0].path"),
            (r#"[3]"#, 400, "invalid", "[0]"),
            (r#"[{"op":"remove","path":"/name/3"}]"#, 422, "processing", "Patient.name[3]"),
            (r#"[{"op":"replace","path":"/photo/0/title","value":"x"}]"#, 422, "processing", "Patient.photo[0].title"),
            (r#"[{"op":"replace","path":"/gender","value":"male"},{"op":"test","path":"/gender","value":"female"}]"#, 422, "conflict", "Patient.gender"),
            (r#"[{"op":"replace","path":"/resourceType","value":"Person"}]"#, 400, "value", "Patient"),
            (r#"[{"op":"replace","path":"/id","value":"other"}]"#, 400, "value", "Patient.id"),
            (r#"[{"op":"remove","path":"/id"}]"#, 400, "required", "Patient.id"),
            (r#"[{"op":"add","path":"/colour","value":"red"}]"#, 400, "structure", "Patient.colour"),
            (r#"[{"op":"replace","path":"/birthDate","value":"tomorrow"}]"#, 400, "value", "Patient.birthDate"),
            (r#"[{"op":"replace","path":"/gender","value":"unheard-of"}]"#, 400, "code-invalid", "Patient.gender"),
            (r#"[{"op":"add","path":"","value":7}]"#, 400, "required", "Patient"),
            (r#"[{"op":"add","path":"/name","value":[]}]"#, 400, "structure", "Patient.name"),
        ];
        for (patch, status, code, place) in cases {
            let issue = json_patch(&api, path, patch).await.refused(*status, code);
            assert!(place.is_empty() || issue.expression == [*place], "{patch}: {:?}", issue.expression);
        }
        let value = r#"{"name":"value","valueString":"x"}"#;
        let paths: &[(String, u16, &str)] = &[
            (operation("replace", "Patient.name[4].family", value), 422, "processing"),
            (operation("replace", "Patient.name.given", value), 422, "processing"),
            (operation("replace", "Patient", value), 422, "processing"),
            (operation("replace", "1 + 1", value), 422, "processing"),
            (operation("replace", "Patient.name.nonsense()", value), 422, "processing"),
            (operation("add", "Patient", r#"{"name":"name","valueString":"gender"},{"name":"value","valueCode":"male"}"#), 422, "processing"),
            (operation("insert", "Patient.identifier", r#"{"name":"index","valueInteger":9},{"name":"value","valueIdentifier":{"value":"x"}}"#), 422, "processing"),
            (operation("move", "Patient.name", r#"{"name":"source","valueInteger":0},{"name":"destination","valueInteger":1}"#), 422, "processing"),
            (operation("delete", "Patient.name.given", ""), 422, "processing"),
            (operation("replace", "Patient.name[0", value), 400, "invalid"),
            (operation("erase", "Patient.name", ""), 400, "invalid"),
            (operation("replace", "Patient.gender", ""), 400, "invalid"),
            (operation("add", "Patient", r#"{"name":"name","valueString":"colour"},{"name":"value","valueString":"red"}"#), 400, "invalid"),
            (r#"{"name":"surprise"}"#.to_owned(), 400, "invalid"),
        ];
        for (operation, status, code) in paths {
            // The first is done before, and must not count.
            let first = self::operation("replace", "Patient.gender", r#"{"name":"value","valueCode":"male"}"#);
            let issue = fhirpath_patch(&api, path, &[first, operation.clone()]).await.refused(*status, code);
            assert!(issue.expression[0].starts_with("Parameters.parameter[1]"), "{operation}: {:?}", issue.expression);
        }
        api.request(Method::PATCH, path).json(r#"{"resourceType":"Patient"}"#).await.refused(400, "structure");
        api.request(Method::PATCH, path).json(r#"{"resourceType":"Parameters","colour":1}"#).await.refused(400, "structure");
        api.request(Method::PATCH, path).json("").await.refused(400, "required");
        assert_eq!(version(&api, path).await, 1);
        let read = api.get(path).await.expect(200).json();
        assert_eq!(patient("pa-4", "Stays").difference(&read.without_server_meta()), None);
    }

    async fn only_patches_are_taken(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-5", "x")).await.expect(201);
        for kind in ["application/xml-patch+xml", "text/plain", "application/merge-patch+json"] {
            let answer = api.request(Method::PATCH, "/Patient/pa-5").body("[]").header("Content-Type", kind).await;
            assert!(answer.header("Accept-Patch").unwrap().contains(JSON_PATCH), "{kind}");
            answer.refused(415, "not-supported");
        }
        api.request(Method::PATCH, "/Patient/pa-5").body("[]").await.refused(415, "not-supported");
        json_patch(&api, "/Patient/pa-5", &parameters(&[]).to_string()).await.refused(400, "structure");
        api.request(Method::PATCH, "/Patient/pa-5").json("[]").await.refused(400, "structure");
        json_patch(&api, "/Patient", "[]").await.refused(400, "required");
        json_patch(&api, "/Nonsense/1", "[]").await.refused(404, "not-supported");
        let charset = format!("{JSON_PATCH}; charset=utf-8");
        json_patch(&api, "/Patient/pa-5", "[]").header("Content-Type", &charset).await.expect(200);
    }

    async fn what_is_not_there_is_not_patched(server: &'static Server) {
        let api = server.client();
        json_patch(&api, "/Patient/pa-nobody", "[]").await.refused(404, "not-found");
        api.save(&patient("pa-6", "x")).await.expect(201);
        api.delete("/Patient/pa-6").await;
        json_patch(&api, "/Patient/pa-6", "[]").await.refused(410, "deleted");
        let stranger = server.stranger();
        json_patch(&stranger, "/Patient/pa-6", "[]").await.refused(401, "login");
    }

    async fn a_patch_by_condition_takes_exactly_one_match(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-7", "One")).await.expect(201);
        let patch = r#"[{"op":"replace","path":"/name/0/family","value":"Two"}]"#;
        let by = |value: &str| format!("/Patient?identifier=urn:example:mrn|{value}");
        let answer = json_patch(&api, &by("mrn-pa-7"), patch).await.expect(200);
        assert_eq!((answer.version(), answer.json().str("id")), (2, Some("pa-7")));
        json_patch(&api, &by("mrn-pa-nobody"), patch).await.refused(404, "not-found");
        json_patch(&api, &by("mrn-pa-7"), patch).header("If-Match", "W/\"1\"").await.refused(412, "conflict");
        for id in ["pa-7a", "pa-7b"] {
            let mut person = patient(id, "x");
            person.set("identifier.0", "value", Json::text("pa-7-twice"));
            api.save(&person).await.expect(201);
        }
        json_patch(&api, &by("pa-7-twice"), patch).await.refused(412, "multiple-matches");
        json_patch(&api, "/Patient?nonsense=1", patch).await.expect(400).issues();
        json_patch(&api, "/Patient", patch).await.refused(400, "required");
        assert_eq!(version(&api, "/Patient/pa-7a").await, 1);
        // What another organization has matches nothing here.
        let operations = [operation("replace", "Patient.name.family", r#"{"name":"value","valueString":"Three"}"#)];
        let answer = fhirpath_patch(&api, &by("mrn-pa-7"), &operations).await.expect(200);
        assert_eq!(answer.version(), 3);
    }

    async fn patches_at_once_all_land(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-8", "x")).await.expect(201);
        let tasks: Vec<_> = (0..6).map(|index| {
            let api = server.client();
            tokio::spawn(async move {
                let patch = format!(r#"[{{"op":"add","path":"/identifier/-","value":{{"system":"urn:at-once","value":"{index}"}}}}]"#);
                let mut tries = 0;
                while json_patch(&api, "/Patient/pa-8", &patch).await.status != 200 {
                    tries += 1;
                    assert!(tries < 20, "never");
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let read = api.get("/Patient/pa-8").await.expect(200);
        assert_eq!((read.version(), read.json().items("identifier").len()), (7, 7), "none overwrote another");
    }

    async fn transactions_and_patches_at_once_all_land(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-8t", "x")).await.expect(201);
        let tasks: Vec<_> = (0..6).map(|index| {
            let api = server.client();
            tokio::spawn(async move {
                let patch = format!(r#"[{{"op":"add","path":"/identifier/-","value":{{"system":"urn:at-once","value":"t{index}"}}}}]"#);
                let bundle = bundle("transaction", &[
                    entry("urn:uuid:1", &binary(&patch), "PATCH", "Patient/pa-8t", ""),
                    entry("urn:uuid:2", &patient("x", "Beside").to_string(), "POST", "Patient", ""),
                ]);
                for tries in 0.. {
                    assert!(tries < 20, "never");
                    let answer = if index % 2 == 0 { api.post("/", &bundle).await } else { json_patch(&api, "/Patient/pa-8t", &patch).await };
                    if answer.status == 200 {
                        break;
                    }
                    assert_eq!(answer.status, 503, "{}", String::from_utf8_lossy(&answer.body));
                }
            })
        }).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let read = api.get("/Patient/pa-8t").await.expect(200);
        assert_eq!((read.version(), read.json().items("identifier").len()), (7, 7), "none overwrote another");
    }

    async fn too_much_is_refused(server: &'static Server) {
        let api = server.client();
        let mut person = patient("pa-9", "x");
        person.set("", "text", Json::of(&format!(
            r#"{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>"}}"#, "long ".repeat(60_000))));
        api.save(&person).await.expect(201);
        let many = format!("[{}]", vec![r#"{"op":"test","path":"/gender","value":"female"}"#; 10_001].join(","));
        json_patch(&api, "/Patient/pa-9", &many).await.refused(413, "too-costly");
        let grow = format!("[{}]", vec![r#"{"op":"copy","from":"/text","path":"/name/-"}"#; 90].join(","));
        json_patch(&api, "/Patient/pa-9", &grow).await.refused(413, "too-costly");
        let mut path = "descendants().count() > 0".to_owned();
        for _ in 0..6 {
            path = format!("%resource.descendants().where({path}).count() > 0");
        }
        let path = format!("Patient.name.where({path})");
        fhirpath_patch(&api, "/Patient/pa-9", &[operation("delete", &path, "")]).await.refused(413, "too-costly");
        assert_eq!(version(&api, "/Patient/pa-9").await, 1);
    }

    async fn a_batch_takes_both_kinds(server: &'static Server) {
        let api = server.client();
        api.save(&patient("pa-10", "One")).await.expect(201);
        let two = r#"[{"op":"replace","path":"/name/0/family","value":"Two"}]"#;
        let path = parameters(&[operation("replace", "Patient.gender", r#"{"name":"value","valueCode":"male"}"#)]).to_string();
        let entries = [
            entry("urn:uuid:1", &binary(two), "PATCH", "Patient/pa-10", ""),
            entry("urn:uuid:2", &path, "PATCH", "Patient?identifier=urn:example:mrn|mrn-pa-10b", ""),
            entry("urn:uuid:3", &patient("pa-10b", "B").to_string(), "PUT", "Patient/pa-10b", ""),
            entry("urn:uuid:4", &binary(two), "PATCH", "Patient/pa-nobody", ""),
            entry("urn:uuid:5", &patient("pa-10", "x").to_string(), "PATCH", "Patient/pa-10", ""),
            entry("urn:uuid:6", &binary(two).replace("json-patch", "merge-patch"), "PATCH", "Patient/pa-10", ""),
            entry("urn:uuid:7", &binary(two), "PATCH", "Patient/pa-10", r#","ifMatch":"W/\"9\"""#),
        ];
        let answer = api.post("/", bundle("batch", &entries)).await.expect(200).json();
        assert_eq!(statuses(&answer), ["200", "200", "201", "404", "400", "400", "412"], "{answer}");
        assert_eq!(answer.items("entry")[0].str("response.etag"), Some("W/\"2\""));
        assert_eq!(api.get("/Patient/pa-10").await.json().str("name.0.family"), Some("Two"));
        assert_eq!(api.get("/Patient/pa-10b").await.json().str("gender"), Some("male"));
    }

    async fn a_transaction_patches_with_its_links_or_not_at_all(server: &'static Server) {
        let api = server.client();
        api.save(&lab_observation("pa-11", "pa-11", "1.10")).await.expect(201);
        api.save(&patient("pa-11", "Here")).await.expect(201);
        let one = "urn:uuid:0b9d8a57-0000-4000-8000-0000000000a1";
        let link = format!(r#"[{{"op":"replace","path":"/subject/reference","value":"{one}"}}]"#);
        let known = parameters(&[operation("add", "Patient",
            r#"{"name":"name","valueString":"link"},{"name":"value","part":[{"name":"other","valueReference":{"reference":"Patient?identifier=urn:example:mrn|mrn-pa-11"}},
            {"name":"type","valueCode":"seealso"}]}"#)]);
        api.save(&patient("pa-11c", "Linked")).await.expect(201);
        let entries = [
            entry("urn:uuid:0b9d8a57-0000-4000-8000-0000000000a2", &binary(&link), "PATCH", "Observation/pa-11", r#","ifMatch":"W/\"1\"""#),
            entry(one, &patient("x", "New").to_string(), "POST", "Patient", ""),
            entry("urn:uuid:0b9d8a57-0000-4000-8000-0000000000a3", &known.to_string(), "PATCH", "Patient?identifier=urn:example:mrn|mrn-pa-11c", ""),
        ];
        let answer = api.post("/", bundle("transaction", &entries)).await.expect(200).json();
        assert_eq!(statuses(&answer), ["200", "201", "200"], "{answer}");
        let location = answer.items("entry")[1].str("response.location").unwrap();
        let made = location.split("/fhir/").last().unwrap().split("/_history").next().unwrap();
        let read = api.get("/Observation/pa-11").await.expect(200);
        assert_eq!((read.version(), read.json().str("subject.reference")), (2, Some(made)));
        assert!(String::from_utf8_lossy(&read.body).contains(r#""value":1.10,"#));
        assert_eq!(api.get("/Patient/pa-11c").await.json().str("link.0.other.reference"), Some("Patient/pa-11"));

        // By the other kind, with the reference alone; what the resource refers to already stays.
        api.save(&patient("pa-11e", "Kept")).await.expect(201);
        let mut linked = lab_observation("pa-11e", "pa-11e", "1.0");
        linked.set("", "performer", Json::of(r#"[{"reference":"Practitioner/pa-11e"}]"#));
        api.save(&linked).await.expect(201);
        let two = "urn:uuid:0b9d8a57-0000-4000-8000-0000000000b1";
        let operations = [
            operation("replace", "Observation.performer[0].reference", &format!(r#"{{"name":"value","valueString":"{two}"}}"#)),
            operation("add", "Observation", r#"{"name":"name","valueString":"focus"},{"name":"value","valueReference":{"reference":"urn:uuid:0b9d8a57-0000-4000-8000-0000000000b1"}}"#),
        ];
        let entries = [
            entry(two, r#"{"resourceType":"Practitioner","name":[{"family":"New"}]}"#, "POST", "Practitioner", ""),
            entry("Patient/pa-11e", &patient("x", "Named alike").to_string(), "POST", "Patient", ""),
            entry("http://elsewhere.example/fhir/Observation/pa-11e", &parameters(&operations).to_string(), "PATCH", "Observation/pa-11e", ""),
        ];
        let answer = api.post("/", bundle("transaction", &entries)).await.expect(200).json();
        let location = answer.items("entry")[0].str("response.location").unwrap();
        let made = location.split("/fhir/").last().unwrap().split("/_history").next().unwrap();
        let read = api.get("/Observation/pa-11e").await.expect(200).json();
        assert_eq!(read.str("performer.0.reference"), Some(made));
        assert_eq!(read.str("focus.0.reference"), Some(made));
        assert_eq!(read.str("subject.reference"), Some("Patient/pa-11e"), "not the new one that the bundle calls so");

        let good = entry("urn:uuid:9", &patient("pa-11d", "Never").to_string(), "PUT", "Patient/pa-11d", "");
        let gender = r#"[{"op":"replace","path":"/gender","value":"male"}]"#;
        for (bad, status, code) in [
            (entry("urn:uuid:8", &binary(r#"[{"op":"remove","path":"/photo"}]"#), "PATCH", "Patient/pa-11", ""), 422, "processing"),
            (entry("urn:uuid:8", &binary(r#"[{"op":"add","path":"/x","value":1}]"#), "PATCH", "Patient/pa-11", ""), 400, "structure"),
            (entry("urn:uuid:8", &binary("[7]"), "PATCH", "Patient/pa-11", ""), 400, "invalid"),
            (entry("urn:uuid:8", &binary("{}"), "PATCH", "Patient/pa-11", ""), 400, "structure"),
            (entry("urn:uuid:8", &binary(gender), "PATCH", "Patient/pa-nobody", ""), 404, "not-found"),
            (entry("urn:uuid:8", &binary(gender), "PATCH", "Patient?identifier=pa-nobody", ""), 404, "not-found"),
            (entry("urn:uuid:8", &binary(gender), "PATCH", "Patient/pa-11", r#","ifMatch":"W/\"9\"""#), 412, "conflict"),
            (entry("urn:uuid:8", &binary(gender), "PATCH", "Patient/pa-11d", ""), 400, "duplicate"),
            (entry("urn:uuid:8", &patient("pa-11", "x").to_string(), "PATCH", "Patient/pa-11", ""), 400, "structure"),
        ] {
            let issue = api.post("/", bundle("transaction", &[good.clone(), bad.clone()])).await.refused(status, code);
            assert!(issue.expression.iter().any(|place| place.starts_with("Bundle.entry[1]")), "{bad}: {:?}", issue.expression);
        }
        api.get("/Patient/pa-11d").await.expect(404);
        assert_eq!(version(&api, "/Patient/pa-11").await, 1);
    }

    async fn a_patch_lands_in_the_columns_and_takes_what_others_wrote(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        let mut sent = patient("pa-12", "Column");
        sent.set("", "extension", Json::of(r#"[{"url":"urn:e","valueDecimal":1.10}]"#));
        api.save(&sent).await.expect(201);
        let name = r#"[{"op":"replace","path":"/name/0/family","value":"Patched"}]"#;
        json_patch(&api, "/Patient/pa-12", name).await.expect(200);
        assert_eq!(sql.value("select last_name from patients where id = 'pa-12'").await, "Patched");
        // Another program's change is part of what is patched, and no version of it is lost.
        sql.run("update patients set first_name = 'Foreign' where id = 'pa-12'").await;
        let gender = r#"[{"op":"test","path":"/name/0/given/0","value":"Foreign"},{"op":"replace","path":"/gender","value":"male"}]"#;
        json_patch(&api, "/Patient/pa-12", gender).header("If-Match", "W/\"2\"").await.refused(412, "conflict");
        let patched = json_patch(&api, "/Patient/pa-12", gender).await.expect(200);
        assert_eq!(patched.version(), 4);
        let text = String::from_utf8_lossy(&patched.body).into_owned();
        assert!(text.contains("Foreign") && text.contains("Patched") && text.contains(r#""valueDecimal":1.10"#), "{text}");
        // And by condition, where the gateway reads within its own transaction.
        sql.run("update patients set last_name = 'Again' where id = 'pa-12'").await;
        let by = "/Patient?identifier=urn:example:mrn|mrn-pa-12";
        let patched = json_patch(&api, by, r#"[{"op":"test","path":"/name/0/family","value":"Again"}]"#).await.expect(200);
        assert_eq!(patched.version(), 6);
    }

    async fn official_fhirpath_patches_end_as_they_must(server: &'static Server) {
        let Some(data) = shared_data() else { return };
        let api = server.client();
        let text = std::fs::read(data.join("05-official-tests/patch/fhirpath-patch-tests.shared.json")).unwrap();
        let cases = Json::parse(&text).unwrap();
        let mut failures = BTreeMap::new();
        for case in cases.array() {
            let posted = api.post("/Patient", case.at("input").unwrap()).await.expect(201).json();
            let path = format!("/Patient/{}", posted.str("id").unwrap());
            let answer = api.request(Method::PATCH, &path).json(case.at("diff").unwrap()).await;
            let mut wanted = case.at("output").unwrap().clone();
            let mut got = if answer.status == 200 { answer.json().without_server_meta() } else { Json::Null };
            wanted.remove("", "id");
            if answer.status == 200 {
                got.remove("", "id");
            }
            if let Some(difference) = wanted.sorted().difference(&got.sorted()) {
                failures.insert(case.str("name").unwrap().to_owned(), format!("{}: {difference}", answer.status));
            }
        }
        Known::load("patch").verify(cases.array().len(), &failures);
    }
}
