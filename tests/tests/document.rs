//! `Composition/[id]/$document`: <https://hl7.org/fhir/R4/composition-operation-document.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, lab_observation, patient, suite, transaction};

/// A record of one patient, and a Composition (of no note's shape, so that it lies in no table) that names some of it.
async fn record(api: &Client, name: &str, base: &str) {
    let id = |what: &str| format!("{name}-{what}");
    let of = |text: &str| Json::of(&text.replace("NAME", name).replace("BASE", base));
    let mut panel = lab_observation(&id("panel"), name, "1");
    panel.set("", "hasMember", of(r#"[{"reference":"Observation/NAME-member"}]"#));
    let mut member = lab_observation(&id("member"), name, "2");
    member.set("", "encounter", of(r#"{"reference":"Encounter/NAME-other-visit"}"#));
    member.set("", "specimen", of(r#"{"reference":"Specimen/NAME-blood"}"#));
    let resources = [
        patient(name, "Document")
            .with("generalPractitioner", of(r#"[{"reference":"Practitioner/NAME-gp"}]"#))
            .with("link", of(r#"[{"other":{"reference":"Patient/NAME-twin"},"type":"seealso"}]"#)),
        patient(&id("twin"), "Twin"),
        of(r#"{"resourceType":"Practitioner","id":"NAME-gp","name":[{"family":"G"}]}"#),
        of(r#"{"resourceType":"Practitioner","id":"NAME-doc","name":[{"family":"D"}]}"#),
        of(r#"{"resourceType":"Practitioner","id":"NAME-else","name":[{"family":"E"}]}"#),
        of(
            r#"{"resourceType":"PractitionerRole","id":"NAME-role","practitioner":{"reference":"Practitioner/NAME-doc"},"organization":{"reference":"Organization/NAME-ward"}}"#,
        ),
        of(
            r#"{"resourceType":"Organization","id":"NAME-ward","name":"Ward","partOf":{"reference":"Organization/NAME-clinic"}}"#,
        ),
        of(r#"{"resourceType":"Organization","id":"NAME-clinic","name":"Clinic"}"#),
        of(r#"{"resourceType":"Organization","id":"NAME-keeper","name":"Keeper"}"#),
        of(
            r#"{"resourceType":"Encounter","id":"NAME-visit","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/NAME"}}"#,
        ),
        of(
            r#"{"resourceType":"Encounter","id":"NAME-other-visit","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/NAME"}}"#,
        ),
        of(
            r#"{"resourceType":"Procedure","id":"NAME-event","status":"completed","code":{"text":"x"},"subject":{"reference":"Patient/NAME"}}"#,
        ),
        of(
            r#"{"resourceType":"DiagnosticReport","id":"NAME-report","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/NAME"},"result":[{"reference":"Observation/NAME-panel"}]}"#,
        ),
        of(r#"{"resourceType":"Specimen","id":"NAME-blood","subject":{"reference":"Patient/NAME"}}"#),
        panel,
        member,
        of(r#"{"resourceType":"Basic","id":"NAME-focus","code":{"text":"x"},"subject":{"reference":"Patient/NAME"}}"#),
        of(
            r#"{"resourceType":"Flag","id":"NAME-deep","status":"active","code":{"text":"x"},"subject":{"reference":"Patient/NAME"}}"#,
        ),
        of(
            r#"{"resourceType":"Flag","id":"NAME-not","status":"active","code":{"text":"x"},"subject":{"reference":"Patient/NAME"}}"#,
        ),
        of(
            r##"{"resourceType":"Composition","id":"NAME","status":"final","type":{"coding":[{"system":"http://loinc.org","code":"18842-5"}]},
            "contained":[{"resourceType":"Basic","id":"c","code":{"text":"x"}}],
            "subject":{"reference":"Patient/NAME"},"encounter":{"reference":"BASE/Encounter/NAME-visit"},"date":"2024-03-05",
            "author":[{"reference":"PractitionerRole/NAME-role"},{"display":"Somebody"}],"title":"Discharge",
            "attester":[{"mode":"legal","party":{"reference":"Practitioner/NAME-doc"}}],"custodian":{"reference":"Organization/NAME-keeper"},
            "relatesTo":[{"code":"replaces","targetReference":{"reference":"Composition/NAME-before"}}],
            "event":[{"detail":[{"reference":"Procedure/NAME-event"}]}],
            "section":[{"title":"One","focus":{"reference":"Basic/NAME-focus"},"author":[{"reference":"Practitioner/NAME-doc"}],
              "entry":[{"reference":"DiagnosticReport/NAME-report"},{"reference":"Observation/nobody"},{"reference":"http://elsewhere.org/fhir/Observation/1"},{"reference":"#c"}],
              "section":[{"title":"Deep","entry":[{"reference":"Flag/NAME-deep"},{"reference":"DiagnosticReport/NAME-report"}]}]}]}"##,
        ),
        of(
            r#"{"resourceType":"Composition","id":"NAME-before","status":"final","type":{"text":"x"},"date":"2024-03-04","author":[{"display":"x"}],"title":"Before"}"#,
        ),
    ];
    api.post("", transaction(&resources)).await.expect(200);
}

/// `Type/id` of the entries; the address of each is ours.
fn entries(document: &Json, base: &str) -> Vec<String> {
    let entry = |entry: &Json| {
        let place = format!("{}/{}", entry.str("resource.resourceType").unwrap(), entry.str("resource.id").unwrap());
        assert_eq!(entry.str("fullUrl"), Some(&*format!("{base}/{place}")));
        place
    };
    document.items("entry").iter().map(entry).collect()
}

/// Of [`record`], after the name: what the Composition names, then what these need.
const WHOLE: [(&str, &str); 16] = [
    ("Composition", ""),
    ("Patient", ""),
    ("Encounter", "-visit"),
    ("PractitionerRole", "-role"),
    ("Organization", "-keeper"),
    ("Practitioner", "-doc"),
    ("Procedure", "-event"),
    ("Basic", "-focus"),
    ("DiagnosticReport", "-report"),
    ("Flag", "-deep"),
    ("Practitioner", "-gp"),
    ("Organization", "-ward"),
    ("Observation", "-panel"),
    ("Organization", "-clinic"),
    ("Observation", "-member"),
    ("Specimen", "-blood"),
];

fn whole(name: &str) -> Vec<String> {
    WHOLE.iter().map(|(kind, rest)| format!("{kind}/{name}{rest}")).collect()
}

suite! {
    async fn a_document_holds_what_the_composition_names_and_what_that_needs(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        record(&api, "doc", &server.base()).await;
        let document = api.get("/Composition/doc/$document").await.expect(200).json();
        assert_eq!((document.str("resourceType"), document.str("type")), (Some("Bundle"), Some("document")));
        assert_eq!(document.str("identifier.system"), Some("urn:ietf:rfc:3986"));
        assert!(document.str("identifier.value").is_some_and(|value| value.starts_with("urn:uuid:")));
        assert!(document.str("timestamp").is_some_and(|time| time.ends_with('Z')), "{document}");
        let found = entries(&document, &server.base());
        assert_eq!(found[0], "Composition/doc");
        let sorted = |mut list: Vec<String>| {
            list.sort();
            list
        };
        assert_eq!(sorted(found), sorted(whole("doc")));
        assert_eq!(document.at("entry.0.resource"), Some(&api.get("/Composition/doc").await.expect(200).json()));
        // Each document is another one.
        let again = api.post("/Composition/doc/$document", r#"{"resourceType":"Parameters"}"#).await.expect(200).json();
        assert_ne!(again.str("identifier.value"), document.str("identifier.value"));
        assert_eq!(again.items("entry"), document.items("entry"));
        let by_parameter = api.get("/Composition/$document?id=doc&persist=false").await.expect(200).json();
        assert_eq!(by_parameter.items("entry"), document.items("entry"));
        assert!(api.search("/Bundle").await.is_empty(), "nothing is stored unasked");
        // What we make is valid R4.
        let report = api.post("/Bundle/$validate", &document).await.expect(200).json();
        let errors: Vec<&Json> = report.items("issue").iter().filter(|issue| issue.str("severity") == Some("error")).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }

    async fn a_version_that_is_named_is_the_one_that_comes_along(server: &'static Server) {
        let api = server.client();
        api.save(&patient("docv", "First")).await.expect(201);
        api.save(&patient("docv", "Second")).await.expect(200);
        api.save(&Json::of(r#"{"resourceType":"Composition","id":"docv","status":"final","type":{"text":"x"},"date":"2024-03-04","author":[{"display":"x"}],
            "title":"V","subject":{"reference":"Patient/docv/_history/1"}}"#)).await.expect(201);
        let document = api.get("/Composition/docv/$document").await.expect(200).json();
        assert_eq!(document.str("entry.1.resource.meta.versionId"), Some("1"));
        assert_eq!(document.str("entry.1.resource.name.0.family"), Some("First"));
        assert_eq!(document.str("entry.1.fullUrl"), Some(&*format!("{}/Patient/docv", server.base())));
        // What is no version of ours is not the current one.
        for version in ["abc", "7"] {
            let mut other = api.get("/Composition/docv").await.expect(200).json();
            other.set("subject", "reference", Json::text(format!("Patient/docv/_history/{version}")));
            api.save(&other).await.expect(200);
            assert_eq!(entries(&api.get("/Composition/docv/$document").await.expect(200).json(), &server.base()), ["Composition/docv"]);
        }
    }

    async fn a_document_may_be_stored(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        record(&api, "docp", &server.base()).await;
        let wanted = r#"{"resourceType":"Parameters","parameter":[{"name":"persist","valueBoolean":true}]}"#;
        for stored in [
            api.post("/Composition/docp/$document", wanted).await,
            api.post("/Composition/docp/$document?persist=true", r#"{"resourceType":"Parameters"}"#).await,
        ] {
            let stored = stored.expect(201);
            let document = stored.json();
            let id = document.str("id").unwrap();
            assert_eq!(stored.header("Location"), Some(&*format!("{}/Bundle/{id}/_history/1", server.base())));
            assert_eq!(stored.version(), 1);
            assert_eq!(api.get(&format!("/Bundle/{id}")).await.expect(200).json(), document);
        }
        assert_eq!(api.search("/Bundle?type=document").await.len(), 2);
        let events: Vec<_> = server.audited().await.into_iter().filter(|event| event.interaction == "$document").collect();
        let about = |kind: &str| events.iter().filter(|event| event.kind.as_deref() == Some(kind)).count();
        assert_eq!((about("Bundle"), about("Composition"), about("Observation"), about("Patient")), (2, 2, 4, 2), "{events:?}");
    }

    async fn a_document_has_the_security_labels_of_what_it_holds(server: &'static Server) {
        let api = server.client();
        let plain = r#"{"resourceType":"Composition","id":"doce","status":"final","type":{"text":"x"},"date":"2024-03-04","author":[{"display":"x"}],
            "title":"S","subject":{"reference":"Patient/doce"},"section":[{"entry":[{"reference":"Basic/doce"},{"reference":"Basic/doce-not"}]}]}"#;
        let labelled = |resource: Json, meta: &str| resource.with("meta", Json::of(meta));
        api.save(&Json::of(plain)).await.expect(201);
        api.save(&patient("doce", "Label")).await.expect(201);
        let document = api.get("/Composition/doce/$document").await.expect(200).json();
        assert_eq!(document.at("meta"), None, "nothing in it is labelled");
        api.save(&labelled(patient("doce", "Label"), r#"{"tag":[{"code":"t"}],"security":[{"system":"urn:s","code":"R","display":"Restricted"},{"system":"urn:s","code":"doce"}]}"#)).await.expect(200);
        let basic = |id: &str| Json::of(&format!(r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"x"}}}}"#));
        api.save(&labelled(basic("doce"), r#"{"security":[{"system":"urn:s","code":"R"},{"code":"R"}]}"#)).await.expect(201);
        api.save(&labelled(basic("doce-other"), r#"{"security":[{"code":"else"}]}"#)).await.expect(201);
        let expected = Json::of(r#"[{"system":"urn:s","code":"R","display":"Restricted"},{"system":"urn:s","code":"doce"},{"code":"R"}]"#);
        let document = api.get("/Composition/doce/$document").await.expect(200).json();
        assert_eq!((document.at("meta.security"), document.at("meta.tag")), (Some(&expected), None));
        let stored = api.post("/Composition/doce/$document?persist=true", r#"{"resourceType":"Parameters"}"#).await.expect(201).json();
        assert_eq!((stored.at("meta.security"), stored.str("meta.versionId")), (Some(&expected), Some("1")));
        assert_eq!(api.search("/Bundle?_security=urn:s|doce").await.len(), 1);
        let summary = api.get("/Patient/doce/$summary").await.expect(200).json();
        assert_eq!(summary.items("meta.security").len(), 2, "{summary}");
    }

    async fn what_reads_stores_nothing(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        record(&api, "docg", &server.base()).await;
        for path in ["/Composition/docg/$document?persist=true", "/Composition/$document?id=docg&persist=true"] {
            let answer = api.get(path).await;
            assert_eq!(answer.header("Allow"), Some("POST"), "{path}");
            let issue = answer.refused(405, "not-supported");
            assert!(issue.text.contains("POST"), "{}", issue.text);
            assert_eq!(api.head(path).await.status, 405);
        }
        let entries: Vec<String> = ["GET", "HEAD"].iter().map(|method| {
            format!(r#"{{"request":{{"method":"{method}","url":"Composition/docg/$document?persist=true"}}}}"#)
        }).collect();
        let batch = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#, entries.join(","));
        let answer = api.post("", batch).await.expect(200).json();
        for entry in answer.items("entry") {
            assert_eq!(entry.str("response.status").map(|status| &status[..3]), Some("405"), "{answer}");
            assert!(entry.str("response.outcome.issue.0.details.text").is_some_and(|text| text.contains("POST")), "{answer}");
        }
        assert!(api.search("/Bundle").await.is_empty(), "nothing is stored");
        let refused = server.audited().await.into_iter().filter(|event| event.interaction == "$document" && event.status == 405);
        assert_eq!(refused.count(), 6, "each is on record");
    }

    async fn what_is_wrong_is_told(server: &'static Server) {
        let api = server.client();
        record(&api, "docw", &server.base()).await;
        for (path, code, name) in [
            ("docw/$document?graph=http://g.org/1", "not-supported", "graph"),
            ("docw/$document?persist=maybe", "value", "persist"),
            ("docw/$document?id=docw", "invalid", "id"),
            ("$document", "required", "id"),
            ("$document?id=http://elsewhere.org/fhir/Composition/1", "value", "id"),
        ] {
            let issue = api.get(&format!("/Composition/{path}")).await.refused(400, code);
            assert_eq!(issue.expression, [format!("Parameters.parameter.where(name='{name}')")], "{path}");
        }
        api.get("/Composition/nobody/$document").await.refused(404, "not-found");
        api.get("/Composition/$document?id=nobody").await.refused(404, "not-found");
        api.get("/Patient/docw/$document").await.refused(404, "not-found");
        api.delete("/Composition/docw").await.expect(204);
        api.get("/Composition/docw/$document").await.refused(410, "deleted");
    }

    async fn too_much_is_no_document(server: &'static Server) {
        let api = server.client();
        let many = (0..2001).map(|number| Json::of(&format!(r#"{{"resourceType":"Basic","id":"docm-{number}","code":{{"text":"x"}}}}"#)));
        for part in many.collect::<Vec<_>>().chunks(1000) {
            api.post("", transaction(part)).await.expect(200);
        }
        let entries: Vec<String> = (0..2001).map(|number| format!(r#"{{"reference":"Basic/docm-{number}"}}"#)).collect();
        let composition = |entries: &[String]| Json::of(&format!(
            r#"{{"resourceType":"Composition","id":"docm","status":"final","type":{{"text":"x"}},"date":"2024","author":[{{"display":"x"}}],"title":"M","section":[{{"entry":[{}]}}]}}"#,
            entries.join(",")
        ));
        api.save(&composition(&entries)).await.expect(201);
        api.get("/Composition/docm/$document").await.refused(422, "too-costly");
        api.save(&composition(&entries[..1999])).await.expect(200);
        assert_eq!(api.get("/Composition/docm/$document").await.expect(200).json().items("entry").len(), 2000);
    }

    /// What is not there is looked for, too.
    async fn references_are_bounded_whether_or_not_they_lead_anywhere(server: &'static Server) {
        let api = server.client();
        let composition = |number: usize, rest: &str| {
            let reference = |number| format!(r#"{{"reference":"Basic/docn-{number}{rest}"}}"#);
            // Each twice: what is asked for once counts once.
            let entries: Vec<String> = (0..2 * number).map(|place| reference(place / 2)).collect();
            Json::of(&format!(
                r#"{{"resourceType":"Composition","id":"docn","status":"final","type":{{"text":"x"}},"date":"2024","author":[{{"display":"x"}}],"title":"N","section":[{{"entry":[{}]}}]}}"#,
                entries.join(",")
            ))
        };
        for (rest, first) in [("", 201), ("/_history/1", 200)] {
            api.save(&composition(5001, rest)).await.expect(first);
            let issue = api.get("/Composition/docn/$document").await.refused(422, "too-costly");
            assert!(issue.text.contains("5000"), "{}", issue.text);
            api.post("/Composition/docn/$document?persist=true", r#"{"resourceType":"Parameters"}"#).await.refused(422, "too-costly");
        }
        api.save(&composition(5000, "")).await.expect(200);
        assert_eq!(api.get("/Composition/docn/$document").await.expect(200).json().items("entry").len(), 1);
    }

    async fn bundles_take_it(server: &'static Server) {
        let api = server.client();
        record(&api, "docb", &server.base()).await;
        let bundle = |kind: &str, method: &str, query: &str| format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"request":{{"method":"{method}","url":"Composition/docb/$document{query}"}}}}]}}"#
        );
        for kind in ["batch", "transaction"] {
            let answer = api.post("", bundle(kind, "GET", "")).await.expect(200).json();
            assert_eq!(answer.str("entry.0.resource.type"), Some("document"), "{answer}");
        }
        for method in ["GET", "POST"] {
            let refusal = api.post("", bundle("transaction", method, "?persist=true")).await.refused(400, "not-supported");
            assert_eq!(refusal.expression, ["Bundle.entry[0].request.url"]);
        }
        let stored = api.post("", bundle("batch", "POST", "?persist=true")).await.expect(200).json();
        assert_eq!(stored.str("entry.0.response.status").map(|status| &status[..3]), Some("201"), "{stored}");
    }

    /// A batch holds 128 MiB of answers. What it stored it never says it did not.
    async fn a_batch_tells_what_it_stored_also_where_the_answers_grow_too_large(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let long = "x".repeat(1 << 20);
        let extensions: Vec<String> = (0..22).map(|_| format!(r#"{{"url":"urn:e","valueString":"{long}"}}"#)).collect();
        let extensions = extensions.join(",");
        api.save(&Json::of(&format!(r#"{{"resourceType":"Basic","id":"docl","extension":[{extensions}],"code":{{"text":"x"}}}}"#))).await.expect(201);
        api.save(&Json::of(&format!(
            r#"{{"resourceType":"Composition","id":"docl","extension":[{extensions}],"status":"final","type":{{"text":"x"}},"subject":{{"reference":"Basic/docl"}},"date":"2024","author":[{{"display":"x"}}],"title":"L"}}"#
        ))).await.expect(201);
        let entry = |method: &str, query: &str| format!(r#"{{"request":{{"method":"{method}","url":"Composition/docl/$document{query}"}}}}"#);
        let entries = [entry("POST", "?persist=true"), entry("POST", "?persist=true"), entry("POST", "?persist=true"), entry("GET", "")];
        let answer = api.post("", format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#, entries.join(","))).await.expect(200).json();
        let told = |number: usize, what: &str| answer.str(&format!("entry.{number}.{what}")).map(ToOwned::to_owned);
        let status = |number: usize| told(number, "response.status").unwrap()[..3].to_owned();
        for number in 0..3 {
            // Reads are done beside it, and may have taken the room.
            assert_eq!(status(number), "201");
            let location = told(number, "response.location").unwrap();
            assert_eq!(told(number, "response.etag").as_deref(), Some("W/\"1\""));
            assert_eq!(api.head(location.strip_prefix(&server.base()).unwrap()).await.status, 200, "{location}");
        }
        let whole = answer.items("entry").iter().filter(|entry| entry.at("resource").is_some()).count();
        assert_eq!(whole, 2, "as many as there is room for");
        assert!(["200", "413"].contains(&&*status(3)), "{}", status(3));
    }

    /// Two are built at a time; the others wait for their turn, and have it.
    async fn many_at_once_are_all_answered(server: &'static Server) {
        let api = server.client();
        record(&api, "docq", &server.base()).await;
        let entry = |path: &str| format!(r#"{{"request":{{"method":"GET","url":"{path}"}}}}"#);
        let entries: Vec<String> = (0..40).map(|number| match number % 4 {
            0 => entry("Patient/docq/$summary"),
            1 => entry("Composition/nobody/$document"),
            _ => entry("Composition/docq/$document"),
        }).collect();
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{}]}}"#, entries.join(","));
        let both: Vec<_> = (0..2).map(|_| {
            let (api, bundle) = (server.client(), bundle.clone());
            tokio::spawn(async move { api.post("", bundle).await.expect(200).json() })
        }).collect();
        for batch in both {
            let answer = batch.await.unwrap();
            for (number, entry) in answer.items("entry").iter().enumerate() {
                let expected = if number % 4 == 1 { "404" } else { "200" };
                assert_eq!(entry.str("response.status").map(|status| &status[..3]), Some(expected), "{number}");
                if number % 4 >= 2 {
                    assert_eq!(entry.items("resource.entry").len(), WHOLE.len());
                }
            }
        }
    }

    async fn what_is_too_deep_to_be_stored_is_shown_and_refused_to_be_stored(server: &'static Server) {
        let api = server.client();
        // As deep as a resource may be: extensions in extensions.
        let mut extension = r#"{"url":"urn:e:x","valueString":"x"}"#.to_owned();
        for _ in 0..48 {
            extension = format!(r#"{{"url":"urn:e:x","extension":[{extension}]}}"#);
        }
        let deep = format!(r#"{{"resourceType":"Basic","id":"deep","code":{{"text":"x"}},"extension":[{extension}]}}"#);
        api.put("/Basic/deep", deep).await.expect(201);
        let composition = r#"{"resourceType":"Composition","id":"deep","status":"final","type":{"text":"x"},"date":"2026-01-01",
            "author":[{"display":"x"}],"title":"x","section":[{"title":"x","entry":[{"reference":"Basic/deep"}]}]}"#;
        api.put("/Composition/deep", composition).await.expect(201);
        assert_eq!(api.get("/Composition/deep/$document").await.expect(200).json().items("entry").len(), 2);
        let before = api.get("/Bundle?_summary=count").await.expect(200).json();
        api.post("/Composition/deep/$document?persist=true", "").await.refused(422, "too-costly");
        assert_eq!(api.get("/Bundle?_summary=count").await.expect(200).json(), before);
    }

    async fn the_statement_offers_it(server: &'static Server) {
        let statement = server.client().get("/metadata").await.expect(200).json();
        let composition = statement.items("rest.0.resource").iter().find(|resource| resource.str("type") == Some("Composition")).unwrap();
        let operation = composition.items("operation").iter().find(|operation| operation.str("name") == Some("document")).unwrap();
        assert_eq!(operation.str("definition"), Some("http://hl7.org/fhir/OperationDefinition/Composition-document"));
    }
}
