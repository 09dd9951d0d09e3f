//! A: objects and compartments.

use gateway_tests::{Engine, Json, suite};
use hyper::Method;

use crate::World;

/// Types of the record, and how their ids begin.
const KINDS: [(&str, &str); 9] = [
    ("Encounter", "e-"),
    ("Observation", "o-"),
    ("Condition", "c-"),
    ("MedicationRequest", "r-"),
    ("DocumentReference", "d-"),
    ("Binary", "b-"),
    ("Provenance", "p-"),
    ("Communication", "m-"),
    ("List", "l-"),
];

suite! {
    async fn a01_a02_a15_a17_reads_versions_history_and_operations_of_another_patients_things(engine: Engine) {
        let world = World::start(engine).await;
        world.alike(Method::GET, "/Patient/{}", None, &[]).await.expect(404);
        world.alike(Method::HEAD, "/Patient/{}", None, &[]).await.expect(404);
        for (kind, begin) in KINDS {
            for end in ["", "/_history/1", "/_history/2", "/_history", "?_format=xml", "?_pretty=true", "?_summary=true", "?_elements=id"] {
                world.alike(Method::GET, &format!("/{kind}/{begin}{{}}{end}"), None, &[]).await.expect(404);
            }
            world.alike(Method::GET, &format!("/{kind}/{begin}{{}}/$meta"), None, &[]).await.expect(404);
        }
        for path in ["/Patient/{}/$everything", "/Patient/{}/$summary", "/Patient/{}/$has-history", "/Patient/{}/_history/1", "/Patient/{}/$meta"] {
            world.alike(Method::GET, path, None, &[]).await;
        }
        for path in ["/Patient/{}/Observation", "/Patient/{}/*", "/Patient/{}/Condition?code=E11.9", "/Encounter/e-{}/Observation", "/Encounter/e-{}/*"] {
            world.alike(Method::GET, path, None, &[]).await;
        }
        world.alike(Method::GET, "/Observation/$lastn?patient={}&max=1", None, &[]).await;
        world.alike(Method::GET, "/DocumentReference/$docref?patient={}", None, &[]).await;
        world.alike(Method::GET, "/Binary/b-{}", None, &[("Accept", "text/plain")]).await.expect(404);
    }

    async fn a03_a04_searches_that_name_another_patient_in_every_spelling(engine: Engine) {
        let world = World::start(engine).await;
        let base = world.attacked.base();
        for name in [
            "patient={}", "patient=Patient/{}", "subject=Patient/{}", "subject:Patient={}", "patient:identifier=urn:mrn%7Cm-{}",
            "patient=Patient/{}/", "patient=Patient%2F{}", "patient=Patient/{}/_history/1", "subject=patient/{}", "patient=PATIENT/{}",
            "patient=%7B%7D,{}", "_id=o-{}", "_id=o-ben,o-{}", "identifier=urn:o%7Co-{}", "encounter=e-{}", "_has:Provenance:target:_id=p-{}",
        ] {
            for more in ["", "&_summary=count", "&_total=accurate", "&_include=*", "&_revinclude=*", "&_count=1", "&_sort=-date"] {
                world.alike(Method::GET, &format!("/Observation?{name}{more}"), None, &[]).await;
            }
        }
        world.alike(Method::GET, &format!("/Observation?patient={base}/Patient/{{}}"), None, &[]).await;
        let (form, path) = ("patient={}&_include=Observation:subject", "/Observation/_search");
        world.alike(Method::POST, path, Some(form), &[("Content-Type", "application/x-www-form-urlencoded")]).await.expect(200);
    }

    async fn a05_a06_a16_a18_nothing_is_drawn_along_and_nobodys_compartment_leads_there(engine: Engine) {
        let world = World::start(engine).await;
        let all = world.all.client();
        // Things of ben's that point at ada's, and of nobody's that point at both.
        for (id, who) in [("ada", "ada"), ("zed", "zed")] {
            let text = format!(
                r#"{{"resourceType":"Observation","id":"x-{id}","status":"final","code":{{"text":"x"}},"subject":{{"reference":"Patient/ben"}},
                "focus":[{{"reference":"Patient/{who}"}}],"derivedFrom":[{{"reference":"Observation/o-{who}"}}]}}"#
            );
            all.save(&Json::of(&text)).await.expect(201);
            let group = format!(r#"{{"resourceType":"Group","id":"g-{id}","type":"person","actual":true,"member":[{{"entity":{{"reference":"Patient/{who}"}}}}]}}"#);
            all.save(&Json::of(&group)).await.expect(201);
        }
        for include in ["_include=*", "_include=Observation:focus", "_include=Observation:derived-from&_include:iterate=Observation:subject", "_revinclude=*", "_revinclude:iterate=*", "_include=Observation:patient&_revinclude=Provenance:target"] {
            let found = world.api().get(&format!("/Observation?_id=x-ada&{include}")).await.expect(200).json();
            for entry in found.items("entry") {
                let id = entry.str("resource.id").unwrap();
                assert!(!matches!(id, "ada" | "o-ada" | "p-ada" | "l-ada" | "m-ada"), "{include}: {id}");
            }
            world.alike(Method::GET, &format!("/Observation?_id=x-{{}}&{include}"), None, &[]).await;
        }
        for path in ["/Group?member=Patient/{}", "/List?item=Observation/o-{}", "/Provenance?target=Observation/o-{}", "/AuditEvent?entity=Patient/{}", "/Communication?subject=Patient/{}", "/Device/{}/Observation", "/Practitioner/{}/*"] {
            world.alike(Method::GET, path, None, &[]).await;
        }
    }

    async fn a07_a08_a09_a10_no_question_tells_a_hidden_value(engine: Engine) {
        let world = World::start(engine).await;
        for probe in [
            "/Observation?subject:Patient.name=Secret-{}", "/Observation?patient.identifier=urn:mrn%7Cm-{}", "/Condition?encounter.subject:Patient.name=Secret-{}",
            "/Patient?name=Secret-{}&_has:Observation:patient:code=29463-7", "/Patient?_id={}&_has:Condition:subject:code=E11.9",
            "/Patient?_id={}&_has:Condition:subject:code:missing=false", "/Patient?_id={}&gender:not=male", "/Patient?name:missing=true&_id={}", "/Patient?name:exact=Secret-{}",
            "/Observation?_id=o-{}&value-quantity:missing=true", "/Condition?_id=c-{}&code:not=http://hl7.org/fhir/sid/icd-10-cm%7CE11.9",
            "/Condition?_id=c-{}&code:above=http://hl7.org/fhir/sid/icd-10-cm%7CE11", "/Observation?_filter=patient%20eq%20{}", "/Observation?_text=Secret&patient={}", "/Patient?_content={}",
        ] {
            world.alike(Method::GET, probe, None, &[]).await;
        }
        // Bisection of a weight: each of the answers is that about nobody.
        for probe in 0..32 {
            let query = format!("/Patient?_id={{}}&_has:Observation:patient:value-quantity=gt{}%7Chttp://unitsofmeasure.org%7Ckg", 60 + probe);
            world.alike(Method::GET, &query, None, &[]).await;
        }
        // Sorting by what is hidden moves nothing.
        for order in ["family", "-family", "birthdate", "_lastUpdated"] {
            let found = world.api().search(&format!("/Patient?_sort={order}&_count=1")).await;
            assert_eq!(found, ["Patient/ben"], "{order}");
        }
    }

    async fn a11_a12_a13_a14_writes_learn_nothing_and_change_nothing(engine: Engine) {
        let world = World::start(engine).await;
        let observation = |id: &str, who: &str| format!(r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"x"}},"subject":{{"reference":"Patient/{who}"}}}}"#);
        // Moving ben's observation to another patient, and writing over theirs.
        world.alike(Method::PUT, "/Observation/o-ben", Some(&observation("o-ben", "{}")), &[]).await.expect(422);
        world.alike(Method::POST, "/Observation", Some(&observation("", "{}").replace(r#""id":"","#, "")), &[]).await.expect(422);
        world.alike(Method::PUT, "/Observation/o-{}", Some(&observation("o-{}", "ben")), &[]).await;
        world.alike(Method::PUT, "/Patient/{}", Some(r#"{"resourceType":"Patient","id":"{}"}"#), &[]).await;
        world.alike(Method::PUT, "/Observation/o-{}", Some(&observation("o-{}", "ben")), &[("If-Match", "W/\"1\"")]).await;
        world.alike(Method::PUT, "/Observation/o-{}", Some(&observation("o-{}", "ben")), &[("If-None-Match", "*")]).await;
        world.alike(Method::DELETE, "/Observation/o-{}", None, &[]).await;
        let json_patch = [("Content-Type", "application/json-patch+json")];
        for patch in [r#"[{"op":"test","path":"/status","value":"final"}]"#, r#"[{"op":"copy","from":"/code/text","path":"/method/text"}]"#] {
            world.alike(Method::PATCH, "/Observation/o-{}", Some(patch), &json_patch).await.expect(404);
        }
        let moved = r#"[{"op":"replace","path":"/subject/reference","value":"Patient/{}"}]"#;
        world.alike(Method::PATCH, "/Observation/o-ben", Some(moved), &json_patch).await.expect(422);
        // Conditions that match only what is hidden match nothing.
        world.alike(Method::DELETE, "/Observation?identifier=urn:o%7Co-{}", None, &[]).await;
        world.alike(Method::PUT, "/Observation?identifier=urn:o%7Co-{}", Some(&observation("", "ben").replace(r#""id":"","#, "")), &[]).await;
        world.alike(Method::PATCH, "/Observation?identifier=urn:o%7Co-{}", Some(r#"[{"op":"test","path":"/status","value":"final"}]"#), &json_patch).await;
        // One entry about another patient: a batch says so for that entry alone, a transaction does nothing.
        let bundle = |kind: &str| format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[
            {{"request":{{"method":"GET","url":"Observation/o-{{}}"}}}},{{"request":{{"method":"GET","url":"Observation?patient={{}}&_summary=count"}}}},
            {{"request":{{"method":"DELETE","url":"Condition/c-{{}}"}}}}]}}"#
        );
        world.alike(Method::POST, "/", Some(&bundle("batch")), &[]).await.expect(200);
        world.alike(Method::POST, "/", Some(&bundle("transaction")), &[]).await;
        let written = format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{},"request":{{"method":"PUT","url":"Observation/o-ben"}}}},
            {{"resource":{},"request":{{"method":"POST","url":"Observation"}}}}]}}"#,
            observation("o-ben", "ben"), observation("", "{}").replace(r#""id":"","#, "")
        );
        world.alike(Method::POST, "/", Some(&written), &[]).await.expect(422);
        // A change of the patient that comes to nothing opens nothing for the rest of the set.
        for first in [
            r#"{"request":{"method":"DELETE","url":"Patient/{}"}}"#,
            r#"{"resource":{"resourceType":"Patient","id":"{}"},"request":{"method":"PUT","url":"Patient/{}"}}"#,
        ] {
            let about = observation("", "{}").replace(r#""id":"","#, "");
            for resource in [about, gateway_tests::consent("mine", "{}", r#"{"type":"permit"}"#).to_string()] {
                let set = format!(
                    r#"{{"resourceType":"Bundle","type":"transaction","entry":[{first},{{"resource":{resource},"request":{{"method":"POST","url":"{}"}}}}]}}"#,
                    Json::of(&resource.replace("{}", "x")).str("resourceType").unwrap()
                );
                let refused = world.alike(Method::POST, "/", Some(&set), &[]).await;
                assert!((400..500).contains(&refused.status), "{first} {}", refused.status);
            }
        }
        // Nothing of all that was done.
        let all = world.all.client();
        for (kind, begin) in KINDS {
            assert_eq!(all.get(&format!("/{kind}/{begin}ada")).await.expect(200).version(), 1, "{kind}");
        }
        assert_eq!(all.get("/Observation/o-ben").await.expect(200).version(), 1);
        assert_eq!(all.get("/Observation/o-ben").await.json().str("subject.reference"), Some("Patient/ben"));
    }
}
