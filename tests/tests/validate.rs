//! `$validate`: <https://hl7.org/fhir/R4/resource-operation-validate.html>
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Read as _;

use gateway_tests::{Client, Issue, Json, Server, patient, suite};

/// The issues of a 200.
async fn issues(api: &Client, address: &str, body: impl ToString) -> Vec<Issue> {
    let answer = api.post(address, body).await.expect(200);
    assert_eq!(answer.json().str("resourceType"), Some("OperationOutcome"));
    answer.issues()
}

/// Code and place of each error.
fn errors(issues: &[Issue]) -> Vec<(String, String)> {
    let errors = issues.iter().filter(|issue| issue.severity == "error");
    errors.map(|issue| (issue.code.clone(), issue.expression.join(" "))).collect()
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(code, place)| ((*code).to_owned(), (*place).to_owned())).collect()
}

const NARRATIVE: &str = r#"{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada</div>"}"#;

suite! {
    async fn a_good_resource_has_no_errors_and_nothing_is_written(server: &'static Server) {
        let api = server.client();
        let good = patient("val-good", "Good").with("text", Json::of(NARRATIVE));
        let found = issues(&api, "/Patient/$validate", &good).await;
        assert_eq!(errors(&found), []);
        assert!(!found.is_empty(), "an OperationOutcome has an issue");
        api.get("/Patient/val-good").await.refused(404, "not-found");
    }

    async fn structure_cardinality_and_invariants_are_issues_of_a_200(server: &'static Server) {
        let api = server.client();
        let wrong = r#"{"resourceType":"Patient","famly":"x","birthDate":"1990-02-30","gender":"none",
            "contact":[{"gender":"male"}],"contained":[{"resourceType":"Organization","id":"o","name":"x"}],
            "link":[{"other":{"reference":"Patient/1"}}],
            "identifier":[{"period":{"start":"2024-02-01","end":"2024-01-01"}}]}"#;
        let found = issues(&api, "/Patient/$validate", wrong).await;
        let wanted = pairs(&[
            ("structure", "Patient.famly"),
            ("value", "Patient.birthDate"),
            ("code-invalid", "Patient.gender"),
            ("required", "Patient.link[0].type"),
            ("invariant", "Patient"),
            ("invariant", "Patient.contact[0]"),
            ("invariant", "Patient.identifier[0].period"),
        ]);
        let mut got = errors(&found);
        for one in &wanted {
            assert!(got.contains(one), "{one:?} is missing: {got:?}");
        }
        got.retain(|one| !wanted.contains(one));
        assert_eq!(got, []);
        let text: Vec<&str> = found.iter().map(|issue| &*issue.text).collect();
        let text = text.join("\n");
        assert!(text.contains("pat-1") && text.contains("dom-3") && text.contains("per-1"), "{text}");
        assert!(!text.contains("1990-02-30") && !text.contains("none"), "no value of the record: {text}");
    }

    async fn what_is_no_json_or_of_another_type_is_an_issue_too(server: &'static Server) {
        let api = server.client();
        let found = issues(&api, "/Patient/$validate", r#"{"resourceType":"Patient","name":[{]}"#).await;
        assert_eq!(found[0].code, "structure");
        let found = issues(&api, "/Patient/$validate", r#"{"resourceType":"Basic","code":{"text":"x"}}"#).await;
        assert!(errors(&found).contains(&("structure".to_owned(), "Patient".to_owned())), "{found:?}");
        api.post("/Patient/$validate", "").await.refused(400, "required");
        api.post("/Patient/$validate?mode=guess", "{}").await.refused(400, "value");
        api.get("/Patient/$validate").await.refused(405, "not-supported");
    }

    async fn a_stored_resource_is_validated_by_its_id(server: &'static Server) {
        let api = server.client();
        let wrong = patient("val-stored", "x").with("contact", Json::of(r#"[{"gender":"male"}]"#));
        api.save(&wrong).await.expect(201);
        let wanted = pairs(&[("invariant", "Patient.contact[0]")]);
        let found = api.get("/Patient/val-stored/$validate").await.expect(200).issues();
        assert_eq!(errors(&found), wanted);
        let found = issues(&api, "/Patient/val-stored/$validate", r#"{"resourceType":"Parameters"}"#).await;
        assert_eq!(errors(&found), wanted);
        // Another resource under this id.
        let found = issues(&api, "/Patient/val-stored/$validate?mode=update", patient("val-other", "x")).await;
        assert_eq!(errors(&found), pairs(&[("value", "Patient.id")]));
        let found = api.get("/Patient/val-stored/$validate?mode=delete").await.expect(200).issues();
        assert_eq!(errors(&found), []);
        api.get("/Patient/val-nobody/$validate").await.refused(404, "not-found");
        api.get("/Patient/val-nobody/$validate?mode=delete").await.refused(404, "not-found");
        api.post("/Patient/$validate?mode=delete", patient("x", "x")).await.refused(400, "invalid");
    }

    async fn parameters_hold_resource_profile_and_mode(server: &'static Server) {
        let api = server.client();
        let body = |resource: &str| format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{resource}}},
            {{"name":"mode","valueCode":"update"}},
            {{"name":"profile","valueUri":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"}}]}}"#
        );
        let found = issues(&api, "/Patient/$validate", body(r#"{"resourceType":"Patient","name":[{"use":"old"}]}"#)).await;
        let got = errors(&found);
        for wanted in [
            ("required", "Patient.id"),
            ("required", "Patient.identifier"),
            ("required", "Patient.gender"),
            ("invariant", "Patient.name[0]"),
        ] {
            assert!(got.contains(&(wanted.0.to_owned(), wanted.1.to_owned())), "{wanted:?}: {got:?}");
        }
        // A Parameters resource may be what is validated.
        let found = issues(&api, "/Parameters/$validate", r#"{"resourceType":"Parameters","parameter":[{"nam":"x"}]}"#).await;
        assert!(errors(&found).contains(&("structure".to_owned(), "Parameters.parameter[0].nam".to_owned())), "{found:?}");
    }

    async fn us_core_is_known_on_a_fresh_server(server: &'static Server) {
        let api = server.client();
        let profile = "/Observation/$validate?profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure";
        let pressure = |code: &str, unit: &str| format!(
            r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{
            "system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],
            "code":{{"coding":[{{"system":"http://loinc.org","code":"85354-9"}}]}},"subject":{{"reference":"Patient/1"}},
            "effectiveDateTime":"2024-01-01","component":[
            {{"code":{{"coding":[{{"system":"http://loinc.org","code":"8480-6"}}]}},"valueQuantity":{{"value":120,"unit":"mmHg",
            "system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}},
            {{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},"valueQuantity":{{"value":80,"unit":"mmHg",
            "system":"http://unitsofmeasure.org","code":"{unit}"}}}}]}}"#
        );
        let found = issues(&api, profile, pressure("8462-4", "mm[Hg]")).await;
        assert_eq!(errors(&found), [], "{found:?}");
        let found = issues(&api, profile, pressure("8462-4", "cm[H2O]")).await;
        assert_eq!(errors(&found), pairs(&[("value", "Observation.component[1].value.code")]));
        let found = issues(&api, profile, pressure("8867-4", "mm[Hg]")).await;
        assert_eq!(errors(&found), pairs(&[("required", "Observation.component")]));
        api.post("/Patient/$validate?profile=http://example.org/nobody", patient("x", "x")).await.refused(422, "not-found");
    }

    async fn stored_profiles_and_value_sets_are_used(server: &'static Server) {
        let api = server.client();
        let url = "http://example.org/StructureDefinition/val-chosen";
        let profile = format!(
            r#"{{"resourceType":"StructureDefinition","id":"val-chosen","url":"{url}","name":"Chosen","status":"active",
            "kind":"resource","abstract":false,"type":"Basic","derivation":"constraint",
            "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Basic","differential":{{"element":[
            {{"id":"Basic","path":"Basic"}},
            {{"id":"Basic.code","path":"Basic.code","binding":{{"strength":"required","valueSet":"http://example.org/vs/val-set"}}}},
            {{"id":"Basic.author","path":"Basic.author","min":1}},
            {{"id":"Basic.created","path":"Basic.created","max":"0"}}]}}}}"#
        );
        api.save(&Json::of(&profile)).await.expect(201);
        api.save(&Json::of(r#"{"resourceType":"ValueSet","id":"val-set","url":"http://example.org/vs/val-set","status":"active",
            "compose":{"include":[{"system":"http://example.org/cs/val-system"}]}}"#)).await.expect(201);
        let body = r#"{"resourceType":"Basic","meta":{"profile":["URL"]},"created":"2024-01-01",
            "code":{"coding":[{"system":"http://example.org/cs/val-system","code":"b"}]}}"#.replace("URL", url);
        // Without the system nobody can tell whether it has the code.
        let found = issues(&api, "/Basic/$validate", &body).await;
        let wanted = [("required", "Basic.author"), ("structure", "Basic.created")];
        assert_eq!(sorted(errors(&found)), pairs(&wanted));
        assert!(found.iter().any(|issue| issue.code == "not-supported" && issue.severity == "information"), "{found:?}");
        api.save(&Json::of(r#"{"resourceType":"CodeSystem","id":"val-system","url":"http://example.org/cs/val-system","status":"active",
            "content":"complete","concept":[{"code":"a"}]}"#)).await.expect(201);
        let found = issues(&api, "/Basic/$validate", &body).await;
        assert_eq!(sorted(errors(&found)), pairs(&[("code-invalid", "Basic.code"), wanted[0], wanted[1]]));
    }

    /// However long an address is, and however many versions another one has.
    async fn no_address_hides_another(server: &'static Server) {
        let api = server.client();
        let long = format!("http://example.org/StructureDefinition/{}", "val-long-".repeat(45));
        let without_end = format!("http://example.org/{}", "x".repeat(5_000));
        let definition = format!(
            r#"{{"resourceType":"StructureDefinition","id":"val-long","url":"{long}","name":"Long","status":"active",
            "kind":"resource","abstract":false,"type":"Basic","derivation":"constraint",
            "baseDefinition":"http://hl7.org/fhir/StructureDefinition/Basic","differential":{{"element":[
            {{"id":"Basic","path":"Basic"}},{{"id":"Basic.created","path":"Basic.created","min":1}}]}}}}"#
        );
        api.put("/StructureDefinition/val-long", definition).await.expect(201);
        let claims = |profiles: &str| format!(r#"{{"resourceType":"Basic","code":{{"text":"x"}},"meta":{{"profile":[{profiles}]}}}}"#);
        let missing = |found: Vec<Issue>| found.iter().any(|issue| issue.code == "required" && issue.expression.join(" ") == "Basic.created");
        assert!(missing(issues(&api, "/Basic/$validate", claims(&format!(r#""{long}""#))).await));
        assert!(missing(issues(&api, "/Basic/$validate", claims(&format!(r#""{without_end}","{long}""#))).await));
        // A page of versions of one address, and the other was stored before them.
        let versions: Vec<String> = (0..210)
            .map(|number| {
                let profile = format!(
                    r#"{{"resourceType":"StructureDefinition","url":"http://example.org/StructureDefinition/val-many","version":"{number}",
                    "name":"Many","status":"active","kind":"resource","abstract":false,"type":"Basic"}}"#
                );
                format!(r#"{{"resource":{profile},"request":{{"method":"POST","url":"StructureDefinition"}}}}"#)
            })
            .collect();
        let short = Json::of(&api.get("/StructureDefinition/val-long").await.expect(200).json().to_string())
            .with("id", Json::text("val-short"))
            .with("url", Json::text("http://example.org/StructureDefinition/val-short"));
        api.put("/StructureDefinition/val-short", short).await.expect(201);
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, versions.join(","));
        api.post("/", bundle).await.expect(200);
        let both = r#""http://example.org/StructureDefinition/val-many","http://example.org/StructureDefinition/val-short""#;
        assert!(missing(issues(&api, "/Basic/$validate", claims(both)).await));
    }

    async fn a_profile_of_a_guide_is_used_as_it_was_stored(server: &'static Server) {
        let api = server.client();
        let Some(definition) = us_core("700", "us-core-simple-observation") else { return };
        let id = "us-core-simple-observation";
        api.put(&format!("/StructureDefinition/{id}"), definition).await.expect(201);
        // Its version is not the one that is built in, and the stored one goes before.
        let address = format!("/Observation/$validate?profile=http://hl7.org/fhir/us/core/StructureDefinition/{id}|7.0.0");
        let observation = |rest: &str| format!(r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}}{rest}}}"#);
        let good = observation(r#","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"sdoh"}]}],"subject":{"reference":"Patient/1"}"#);
        assert_eq!(errors(&issues(&api, &address, good).await), []);
        let found = sorted(errors(&issues(&api, &address, observation("")).await));
        assert_eq!(found, pairs(&[("required", "Observation.category"), ("required", "Observation.subject")]));
        api.post(&address.replace("7.0.0", "9.9.9"), observation("")).await.refused(422, "not-found");
    }

    async fn a_bundle_is_validated_with_its_entries(server: &'static Server) {
        let api = server.client();
        let bundle = r#"{"resourceType":"Bundle","type":"transaction","entry":[
            {"fullUrl":"urn:uuid:6a0c8b0e-7ad1-4a4c-9a0c-3f1d2b0a9c01","resource":{"resourceType":"Patient","contact":[{"gender":"male"}]},
            "request":{"method":"POST","url":"Patient"}},
            {"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},
            "encounter":{"reference":"urn:uuid:6a0c8b0e-7ad1-4a4c-9a0c-3f1d2b0a9c01"}},"request":{"method":"POST","url":"Observation"}}]}"#;
        let found = issues(&api, "/Bundle/$validate", bundle).await;
        assert_eq!(errors(&found), pairs(&[
            ("invariant", "Bundle.entry[0].resource.contact[0]"),
            ("structure", "Bundle.entry[1].resource.encounter"),
        ]));
        // Nothing of it was done.
        let total = api.get("/Patient?_summary=count&_id=6a0c8b0e-7ad1-4a4c-9a0c-3f1d2b0a9c01").await.expect(200).json();
        assert_eq!(total.at("total").map(ToString::to_string).as_deref(), Some("0"));
    }

    async fn mode_profile_is_for_what_is_stored(server: &'static Server) {
        let api = server.client();
        api.save(&patient("val-mode", "x")).await.expect(201);
        let address = "/Patient/val-mode/$validate?mode=profile&profile=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient";
        let found = api.get(address).await.expect(200).issues();
        assert_eq!(errors(&found), [], "{found:?}");
        api.post(address, patient("val-mode", "x")).await.refused(400, "invalid");
        // An id is for an update, and a create has none to check.
        let found = issues(&api, "/Patient/$validate?mode=update", r#"{"resourceType":"Patient","active":true}"#).await;
        assert_eq!(errors(&found), pairs(&[("required", "Patient.id")]));
        let found = issues(&api, "/Patient/$validate?mode=create", r#"{"resourceType":"Patient","active":true}"#).await;
        assert_eq!(errors(&found), []);
    }

    async fn a_batch_validates_too(server: &'static Server) {
        let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","contact":[{"gender":"male"}]},
            "request":{"method":"POST","url":"Patient/$validate"}}]}"#;
        let answer = server.client().post("", batch).await.expect(200).json();
        let entry = &answer.items("entry")[0];
        assert!(entry.str("response.status").unwrap().starts_with("200"), "{answer}");
        assert!(answer.to_string().contains("pat-1"), "{answer}");
    }

    async fn the_capability_statement_names_the_operation(server: &'static Server) {
        let statement = server.client().get("/metadata").await.expect(200).json();
        for resource in statement.items("rest.0.resource") {
            let names: Vec<&str> = resource.items("operation").iter().filter_map(|one| one.str("name")).collect();
            assert!(names.contains(&"validate"), "{:?} {names:?}", resource.str("type"));
        }
    }

    async fn a_stranger_validates_nothing(server: &'static Server) {
        server.stranger().post("/Patient/$validate", patient("x", "x")).await.refused(401, "login");
    }
}

/// A definition of US Core from the shared data; `None`, said aloud, where this checkout has none beside it.
fn us_core(version: &str, id: &str) -> Option<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/00-definitions/us-core-");
    let Ok(file) = std::fs::File::open(format!("{folder}{version}/structure-definitions.ndjson.gz")) else {
        eprintln!("SKIPPED: ../shared is absent: no stored profile of US Core was used");
        return None;
    };
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    let wanted = format!("\"id\":\"{id}\"");
    text.lines().find(|line| line.replace(' ', "").contains(&wanted)).map(ToOwned::to_owned)
}

fn sorted(mut found: Vec<(String, String)>) -> Vec<(String, String)> {
    found.sort();
    found
}
