//! The audit trail as AuditEvent resources: what they say, who may read them, how they are searched, and that nobody writes them.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Options, Server, lab_observation, patient, suite};
use std::collections::BTreeSet;

const TRAIL: &str = "/AuditEvent?_source=urn:fhir-gateway:audit";

/// A server with a trail: two patients, a result, reads, a search, what is not there, and an AuditEvent of a client's.
async fn recorded(engine: Engine) -> Server {
    let server = Server::start(engine);
    let api = server.client();
    api.save(&patient("ae-1", "A")).await.expect(201);
    api.save(&patient("ae-2", "B")).await.expect(201);
    api.save(&lab_observation("ae-o", "ae-1", "90")).await.expect(201);
    api.save(&patient("ae-1", "C")).await.expect(200);
    api.get("/Patient/ae-1").header("X-Request-Id", "ae-request-7").await.expect(200);
    api.get("/Patient/ae-1/_history/1").await.expect(200);
    api.get("/Patient?family=B").await.expect(200);
    api.get("/Patient/ae-none").await.expect(404);
    api.post("/Patient", patient("x", "D")).await.expect(201);
    api.delete("/Patient/ae-2").await.expect(204);
    api.save(&client_event("ae-theirs", None)).await.expect(201);
    server
}

fn client_event(id: &str, source: Option<&str>) -> Json {
    let source = source.map(|source| format!(r#""meta":{{"source":"{source}"}},"#)).unwrap_or_default();
    Json::of(&format!(
        r#"{{"resourceType":"AuditEvent","id":"{id}",{source}"type":{{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type",
        "code":"rest"}},"recorded":"2026-01-01T00:00:00Z","agent":[{{"requestor":true}}],
        "source":{{"observer":{{"display":"theirs"}}}}}}"#
    ))
}

async fn change(server: &Server, statements: &str) {
    let (mut sql, prefix) = server.trail().await;
    sql.run(&statements.replace("{t}", prefix)).await;
}

/// The resources of a page.
async fn found(api: &Client, query: &str) -> Vec<Json> {
    let page = api.get(&format!("{TRAIL}{query}")).await.expect(200).json();
    assert_eq!(page.str("type"), Some("searchset"), "{page}");
    page.items("entry").iter().map(|entry| entry.at("resource").unwrap().clone()).collect()
}

async fn count(api: &Client, query: &str) -> u64 {
    let page = api.get(&format!("{TRAIL}&_summary=count{query}")).await.expect(200).json();
    assert!(page.items("entry").is_empty(), "{page}");
    page.str("total").unwrap().parse().unwrap()
}

/// The one record that matches.
async fn one(api: &Client, query: &str) -> Json {
    let mut found = found(api, query).await;
    assert_eq!(found.len(), 1, "{query}: {found:?}");
    found.remove(0)
}

/// Subtype code and entity reference of each, in the order they came.
fn told(events: &[Json]) -> Vec<(String, String)> {
    let of = |event: &Json| {
        let subtype = event.items("subtype").first().and_then(|code| code.str("code")).unwrap_or_default();
        let data = event.items("entity").iter().find_map(|entity| {
            (entity.at("type.code")?.to_string() == "\"2\"")
                .then(|| entity.at("what.reference").map(Json::to_string))?
        });
        (subtype.to_owned(), data.unwrap_or_default().trim_matches('"').to_owned())
    };
    events.iter().map(of).collect()
}

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(), ..Options::default() }
}

suite! {
    async fn an_exchange_is_an_event_with_what_the_trail_knows(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        let event = one(&api, "&subtype=read&entity=Patient/ae-1").await;
        assert_eq!(event.str("action"), Some("R"), "{event}");
        assert_eq!(event.str("outcome"), Some("0"));
        assert_eq!(event.at("meta.source").map(Json::to_string).as_deref(), Some(r#""urn:fhir-gateway:audit""#));
        assert_eq!(event.str("recorded"), event.at("meta").unwrap().str("lastUpdated"));
        assert_eq!(told(std::slice::from_ref(&event)), [("read".to_owned(), "Patient/ae-1/_history/2".to_owned())]);
        let text = event.to_string();
        for part in [
            r#""what":{"identifier":{"value":"ae-request-7"}},"type":{"system":"https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType","code":"XrequestId"}"#,
            r#""what":{"reference":"Patient/ae-1"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1","display":"Person"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1","display":"Patient"}"#,
            r#""identifier":{"system":"urn:fhir-gateway:caller","value":"development"}"#,
            r#""purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}]"#,
            r#"{"type":"decision","valueString":"permit"},{"type":"status","valueString":"200"}"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        // By its id, with an ETag, as its only version.
        let id = event.str("id").unwrap();
        let read = api.get(&format!("/AuditEvent/{id}")).await.expect(200);
        assert_eq!(read.header("ETag"), Some(r#"W/"1""#));
        assert_eq!(read.json(), event);
        api.get(&format!("/AuditEvent/{id}")).header("If-None-Match", r#"W/"1""#).await.expect(304);
        assert_eq!(api.get(&format!("/AuditEvent/{id}/_history/1")).await.expect(200).json(), event);
        api.get(&format!("/AuditEvent/{id}/_history/2")).await.expect(404);
        let history = api.get(&format!("/AuditEvent/{id}/_history")).await.expect(200).json();
        assert_eq!(history.items("entry").len(), 1);
        let since = api.get(&format!("/AuditEvent/{id}/_history?_since=2100-01-01T00:00:00Z")).await.expect(200).json();
        assert!(since.items("entry").is_empty());
        // Operations see what a read sees, and nothing may be done to it.
        let valid = api.get(&format!("/AuditEvent/{id}/$validate")).await.expect(200).json();
        assert!(valid.items("issue").iter().all(|issue| issue.str("severity") != Some("error")), "{valid}");
        api.get(&format!("/AuditEvent/{id}/$validate?mode=delete")).await.expect(405);
        let meta = api.get(&format!("/AuditEvent/{id}/$meta")).await.expect(200).json();
        assert!(meta.to_string().contains("IHE.BasicAudit") == event.to_string().contains("IHE.BasicAudit"), "{meta}");
        api.get(&format!("/AuditEvent/{id}/_history/2/$meta")).await.expect(404);
        // In XML and indented, as every answer.
        let xml = api.get(&format!("/AuditEvent/{id}")).header("Accept", "application/fhir+xml").await.expect(200);
        let xml = String::from_utf8_lossy(&xml.body).into_owned();
        assert!(xml.contains(r#"<source value="urn:fhir-gateway:audit"/>"#), "{xml}");
        let pretty = api.get(&format!("{TRAIL}&_pretty=true&_count=1")).await.expect(200);
        assert!(String::from_utf8_lossy(&pretty.body).contains("\n  "));
        assert_eq!(found(&api, "&_elements=recorded&subtype=read&entity=Patient/ae-1").await[0].at("purposeOfEvent"), None);
        // Others: an update that made the resource created it; a refusal has its status.
        let creations = told(&found(&api, "&action=C&entity=Patient/ae-2").await);
        assert_eq!(creations, [("update".to_owned(), "Patient/ae-2/_history/1".to_owned())]);
        let missing = one(&api, "&entity=Patient/ae-none").await;
        assert_eq!((missing.str("outcome"), missing.str("outcomeDesc")), (Some("4"), Some("HTTP 404")));
    }

    async fn every_event_is_valid_r4_and_names_a_profile_only_where_it_conforms(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        // Columns that are filled by other records than these, too.
        let from = "select organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, chain, place + 100000, mark, \
             'an app', 'Practitioner/p-1 somebody', '10.0.0.7', version, 'treatment-opt-out/7 Consent/c-1/_history/3' from {t}audit_events";
        change(&server, &format!("insert into {{t}}audit_events (organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, chain, place, mark, client, on_behalf, source, version, policy) {from}")).await;
        change(&server, "insert into {t}audit_events (organization_id, at, request, caller, purpose, interaction, status, decision) values (1, 5, 'map verify', 'operator', 'HOPERAT', 'verify', 200, 'permit')").await;
        change(&server, "insert into {t}audit_events (organization_id, at, request, caller, purpose, interaction, type, id, status, decision) values (1, 6, 'job', 'operator', 'HOPERAT', 'create', 'Patient', 'imported', 200, 'permit')").await;
        let events = found(&api, "&_count=500").await;
        assert!(events.len() > 22, "{}", events.len());
        let mut profiles = BTreeSet::new();
        for event in &events {
            let outcome = api.post("/AuditEvent/$validate", event).await.expect(200).json();
            let wrong = outcome.items("issue").iter().any(|issue| matches!(issue.str("severity"), Some("error" | "fatal")));
            assert!(!wrong, "{event}\n{outcome}");
            let meta = event.at("meta").unwrap();
            let profile = meta.items("profile").first().map(|profile| profile.to_string().trim_matches('"').to_owned());
            let Some(profile) = profile else { continue };
            let name = profile.strip_prefix("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.").unwrap();
            profiles.insert(name.to_owned());
            conforms(name, event);
        }
        let expected = ["Create", "PatientRead", "PatientUpdate", "PatientCreate", "PatientDelete", "Update", "Read"];
        let expected: BTreeSet<String> = expected.map(str::to_owned).into();
        // Without the trail's patient column an Observation is nobody's: what is there depends on it, but never more than these.
        assert!(profiles.contains("PatientRead") && profiles.contains("PatientDelete") && profiles.contains("PatientCreate"), "{profiles:?}");
        assert!(profiles.is_subset(&expected), "{profiles:?}");
        let with_all = found(&api, "&policy=urn:fhir-gateway:policy:treatment-opt-out/7&subtype=read&entity=Patient/ae-1").await;
        let text = with_all[0].to_string();
        for part in [
            r#""who":{"reference":"Practitioner/p-1"},"requestor":true"#,
            r#""who":{"identifier":{"value":"somebody"}},"requestor":true"#,
            r#""network":{"address":"10.0.0.7","type":"2"}"#,
            r#""display":"an app""#,
            r#""policy":["urn:fhir-gateway:policy:treatment-opt-out/7"]"#,
            r#""what":{"reference":"Consent/c-1/_history/3"}"#,
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        for (query, number) in [
            ("&agent=Practitioner/p-1&subtype=read&entity=Patient/ae-1", 1),
            ("&agent=Practitioner/p-2", 0),
            ("&agent=Practitioner/p", 0),
            ("&address=10.0.&subtype=read&entity=Patient/ae-1", 1),
            ("&address:exact=10.0.0.7&subtype=read&entity=Patient/ae-1", 1),
            ("&address=0.0.7", 0),
            ("&policy=treatment-opt-out", 0),
            ("&policy:missing=true&type=110100", 1),
            ("&entity=Consent/c-1&subtype=read&entity=Patient/ae-1", 1),
            ("&entity=Consent/c-", 0),
            ("&type=http://dicom.nema.org/resources/ontology/DCM|110107", 1),
            ("&type=110100", 1),
            ("&subtype:missing=true", 1),
        ] {
            assert_eq!(count(&api, query).await, number, "{query}");
        }
    }

    async fn searches_find_what_they_ask_for(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        let day = api.get(TRAIL).await.expect(200).json().items("entry")[0].at("resource").unwrap().str("recorded").unwrap()[..10].to_owned();
        let all = count(&api, "").await;
        let patients: [(&str, u64); 24] = [
            ("&patient=ae-2", 2),
            ("&patient=Patient/ae-2", 2),
            ("&patient=Patient/ae-none", 1),
            ("&patient=ae", 0),
            ("&entity=Patient/ae-2", 2),
            ("&entity=ae-2", 2),
            ("&entity=Observation/ae-o", 1),
            ("&entity=Observation/ae-2", 0),
            ("&entity:identifier=ae-request-7", 1),
            ("&agent:identifier=urn:fhir-gateway:caller|development&patient=ae-2", 2),
            ("&agent=development&patient=ae-2", 2),
            ("&agent=nobody", 0),
            ("&action=D", 1),
            ("&action=U", 1),
            ("&action=R", 3),
            ("&action=C,D", 6),
            ("&action=X", 0),
            ("&type=rest&subtype=vread", 1),
            ("&subtype=http://hl7.org/fhir/restful-interaction|vread", 1),
            ("&subtype=operation", 0),
            ("&outcome=4", 1),
            ("&outcome=8,12", 0),
            ("&site=organization-2", 0),
            ("&patient=ae-2&site=organization-1", 2),
        ];
        for (query, number) in patients {
            // Searches are on record, too, and grow in number with each of these.
            assert_eq!(count(&api, &format!("{query}&action:not=E")).await, number, "{query}");
        }
        assert!(count(&api, "&outcome=0").await > all);
        let now = count(&api, "").await;
        for (query, more) in [(format!("&date={day}"), true), (format!("&date=ge{day}"), true), ("&date=lt2020".to_owned(), false), ("&_lastUpdated=gt2020".to_owned(), true), ("&date=gt2999".to_owned(), false)] {
            let counted = count(&api, &query).await;
            assert!(if more { counted >= now } else { counted == 0 }, "{query}: {counted} of {now}");
        }
        let id = one(&api, "&action=D").await.str("id").unwrap().to_owned();
        assert_eq!(count(&api, &format!("&_id={id},audit-1-1,x")).await, 1);
        assert_eq!(count(&api, &format!("&_id:not={id}&action=D")).await, 0);
        assert_eq!(count(&api, "&action:not=R,E,C,U,D").await, 0);
        // As a form, and in the patient's compartment.
        let form = api.request(hyper::Method::POST, "/AuditEvent/_search").header("Content-Type", "application/x-www-form-urlencoded")
            .body("_source=urn:fhir-gateway:audit&patient=ae-2&action=C,D&_summary=count").await.expect(200).json();
        assert_eq!(form.str("total"), Some("2"));
        let own = api.get("/Patient/ae-2/AuditEvent?_source=urn:fhir-gateway:audit&action=C,D&_summary=count").await.expect(200).json();
        assert_eq!(own.str("total"), Some("2"));
        // What it cannot be asked is refused, whatever the client prefers; what nobody knows as the client prefers.
        for query in ["&entity-name=x", "&patient.family=B", "&_sort=action", "&_include=AuditEvent:entity", "&_profile=x", "&patient:identifier:x=1"] {
            let refused = api.get(&format!("{TRAIL}{query}")).await.expect(400).json();
            assert_eq!(refused.str("resourceType"), Some("OperationOutcome"), "{query}");
        }
        api.get(&format!("{TRAIL}&no-such=1")).await.expect(400);
        let lenient = api.get(&format!("{TRAIL}&no-such=1&action=D")).header("Prefer", "handling=lenient").await.expect(200).json();
        assert_eq!(lenient.items("entry").len(), 2, "the record and what was left out: {lenient}");
    }

    async fn pages_are_complete_in_both_orders_while_the_trail_grows(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        // The pages themselves are on record, as searches.
        let query = |order: &str| format!("{TRAIL}&action=C,R,U,D&_count=2&_total=accurate&_sort={order}");
        let newest = api.search(&query("-date")).await;
        let mut oldest = api.search(&query("date")).await;
        oldest.reverse();
        assert_eq!(newest, oldest);
        assert_eq!(newest.len() as u64, count(&api, "&action=C,R,U,D").await);
        assert_eq!(newest.iter().collect::<BTreeSet<_>>().len(), newest.len(), "each once");
        // Everything at one instant, too.
        change(&server, "update {t}audit_events set at = 7").await;
        let mut same = api.search(&query("-date")).await;
        assert_eq!(same.len(), newest.len());
        same.dedup();
        assert_eq!(same.len(), newest.len());
        // A page of another query does not open.
        let page = api.get(&query("-date")).await.expect(200).json();
        let next = page.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap().str("url").unwrap().to_owned();
        api.get(&next).await.expect(200);
        api.get(&next.replace("action=C,R,U,D", "action=C,R,U")).await.expect(400);
    }

    async fn reading_the_trail_is_on_record(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        let id = found(&api, "&action=D").await[0].str("id").unwrap().to_owned();
        api.get(&format!("/AuditEvent/{id}")).await.expect(200);
        let read = one(&api, &format!("&type=rest&subtype=read&entity=AuditEvent/{id}")).await;
        assert_eq!(told(&[read]), [("read".to_owned(), format!("AuditEvent/{id}/_history/1"))]);
        let searches = server.audited().await.into_iter().filter(|event| event.interaction == "search" && event.kind.as_deref() == Some("AuditEvent"));
        assert_eq!(searches.count(), 2, "one each, whatever it showed");
    }

    async fn clients_events_stay_theirs_and_nobody_writes_the_trail(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        // Without the filter as ever: only what clients wrote.
        assert_eq!(api.search("/AuditEvent").await, ["AuditEvent/ae-theirs"]);
        assert!(found(&api, "&_count=1000").await.iter().all(|event| event.str("id") != Some("ae-theirs")));
        let everything = api.get("/AuditEvent/_history").await.expect(200).json();
        assert_eq!(everything.items("entry").len(), 1);
        for source in ["urn:fhir-gateway:audit", "URN:fhir-gateway:Audit", "urn:fhir-gateway:audit#1"] {
            let event = client_event("ae-forged", Some(source));
            api.save(&event).await.expect(422);
            api.post("/AuditEvent", &event).await.expect(422);
            api.post("", gateway_tests::transaction(std::slice::from_ref(&event))).await.expect(422);
        }
        let patch = r#"[{"op":"add","path":"/meta/source","value":"urn:fhir-gateway:audit"}]"#;
        api.request(hyper::Method::PATCH, "/AuditEvent/ae-theirs").header("Content-Type", "application/json-patch+json").body(patch).await.expect(422);
        api.save(&client_event("ae-other", Some("urn:example:theirs"))).await.expect(201);
        let id = found(&api, "&action=D").await[0].str("id").unwrap().to_owned();
        for id in [&*id, "audit-1-1"] {
            for request in [
                api.save(&client_event(id, None)),
                api.delete(&format!("/AuditEvent/{id}")),
                api.request(hyper::Method::PATCH, &format!("/AuditEvent/{id}")).header("Content-Type", "application/json-patch+json").body(patch),
                api.post(&format!("/AuditEvent/{id}/$meta-add"), r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"a"}]}}]}"#),
                api.post("", gateway_tests::transaction(&[client_event(id, None)])),
            ] {
                let refused = request.await.expect(405);
                assert_eq!(refused.json().str("resourceType"), Some("OperationOutcome"));
            }
        }
        assert_eq!(server.verified().await, 0);
    }

    async fn a_patient_reads_what_is_about_the_patient_alone(engine: Engine) {
        let mut server = recorded(engine).await;
        let officer = server.client();
        let about_one = api_ids(&officer, "&patient=ae-1&action=C,R,U,D").await;
        let about_two = api_ids(&officer, "&patient=ae-2&action=C,R,U,D").await;
        assert!(about_one.len() > about_two.len() && !about_two.is_empty());
        assert!(server.terminate().await.success());
        server.restart_with(options(&["--dev-actor", "Patient/ae-2"]));
        let api = server.client();
        assert_eq!(api_ids(&api, "&action=C,R,U,D").await, about_two);
        assert_eq!(count(&api, "&action=C,R,U,D").await, about_two.len() as u64);
        for event in found(&api, "&_count=1000").await {
            let about = r#""what":{"reference":"Patient/ae-2"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1""#;
            assert!(event.to_string().contains(about), "{event}");
        }
        for hidden in ["&patient=ae-1", "&entity=Patient/ae-1", "&outcome=4", "&patient:missing=true", "&action:not=C,D,E"] {
            assert_eq!(count(&api, hidden).await, 0, "{hidden}");
            assert_eq!(api_ids(&api, hidden).await, [""; 0], "{hidden}");
        }
        api.get(&format!("/AuditEvent/{}", about_two[0])).await.expect(200);
        let hidden = api.get(&format!("/AuditEvent/{}", about_one[0])).await.expect(404);
        assert_eq!(hidden.json(), api.get("/AuditEvent/audit-1-1").await.expect(404).json());
        api.get(&format!("/AuditEvent/{}/_history/1", about_one[0])).await.expect(404);
        api.get(&format!("/AuditEvent/{}/_history", about_one[0])).await.expect(404);
        // A batch asks as its entries would.
        let batch = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{{"request":{{"method":"GET","url":"AuditEvent/{}"}}}},{{"request":{{"method":"GET","url":"AuditEvent/{}"}}}}]}}"#, about_one[0], about_two[0]);
        let answers = api.post("", batch).await.expect(200).json();
        let statuses: Vec<_> = answers.items("entry").iter().map(|entry| entry.str("response.status").unwrap()[..3].to_owned()).collect();
        assert_eq!(statuses, ["404", "200"]);
    }

    async fn others_see_no_trail_at_all(engine: Engine) {
        let mut server = Server::with(engine, options(&["--dev-actor", "Practitioner/1"]));
        let api = server.client();
        api.save(&patient("ao-1", "A")).await.expect(201);
        let page = api.get(&format!("{TRAIL}&_total=accurate")).await.expect(200).json();
        assert_eq!((page.str("total"), page.items("entry").len()), (Some("0"), 0), "{page}");
        let (mut sql, prefix) = server.trail().await;
        let id = sql.value(&format!("select 'audit-' || chain || '-' || place from {prefix}audit_events where id = 'ao-1'")).await;
        let (there, not) = (api.get(&format!("/AuditEvent/{id}")).await.expect(404), api.get("/AuditEvent/audit-1-1").await.expect(404));
        assert_eq!(there.json(), not.json());
        // Who is told to be an officer, on the same data.
        assert!(server.terminate().await.success());
        server.restart_with(options(&["--dev-actor", "Practitioner/1", "--dev-officer"]));
        server.client().get(&format!("/AuditEvent/{id}")).await.expect(200);
    }

    async fn another_organizations_trail_is_not_there(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        let event = one(&api, "&action=D").await;
        change(&server, "update {t}audit_events set organization_id = 2 where interaction = 'delete'").await;
        assert_eq!(count(&api, "&action=D").await, 0);
        api.get(&format!("/AuditEvent/{}", event.str("id").unwrap())).await.expect(404);
    }

    async fn records_from_before_the_chains_have_ids_too(engine: Engine) {
        let server = recorded(engine).await;
        let api = server.client();
        change(&server, "update {t}audit_events set chain = null, place = null where interaction = 'delete'").await;
        let event = one(&api, "&action=D").await;
        let id = event.str("id").unwrap();
        assert!(id.starts_with("audit-0-"), "{id}");
        assert_eq!(api.get(&format!("/AuditEvent/{id}")).await.expect(200).json(), event);
    }

    async fn the_statement_tells_how_the_trail_is_read(engine: Engine) {
        let server = Server::start(engine);
        let statement = server.client().get("/metadata").await.expect(200).json();
        let resources = statement.items("rest")[0].items("resource").to_vec();
        let events = resources.iter().find(|resource| resource.str("type") == Some("AuditEvent")).unwrap();
        assert!(events.str("documentation").unwrap().contains("_source=urn:fhir-gateway:audit"));
        assert_eq!(events.items("supportedProfile").len(), 8);
    }
}

async fn api_ids(api: &Client, query: &str) -> Vec<String> {
    found(api, query).await.iter().map(|event| event.str("id").unwrap().to_owned()).collect()
}

/// What BALP 1.1.4's profile wants, written down again from its definition.
fn conforms(name: &str, event: &Json) {
    let pattern = name.strip_prefix("Patient").unwrap_or(name);
    let coding = |value: Option<&Json>| {
        value.map(|value| (value.str("code").unwrap().to_owned(), value.str("display").unwrap_or_default().to_owned()))
    };
    let pair = |code: &str, display: &str| Some((code.to_owned(), display.to_owned()));
    assert_eq!(coding(event.at("type")), pair("rest", "Restful Operation"), "{event}");
    let subtypes: BTreeSet<_> =
        event.items("subtype").iter().filter_map(|subtype| coding(Some(subtype))).map(|subtype| subtype.1).collect();
    let (action, known, client, server): (_, &[&str], _, _) = match pattern {
        "Create" => ("C", &["create"], pair("110153", "Source Role ID"), pair("110152", "Destination Role ID")),
        "Read" => ("R", &["read", "vread"], pair("110152", "Destination Role ID"), pair("110153", "Source Role ID")),
        "Update" => {
            ("U", &["update", "patch"], pair("110153", "Source Role ID"), pair("110152", "Destination Role ID"))
        }
        "Delete" => ("D", &["delete"], pair("110150", "Application"), pair("custodian", "Custodian")),
        other => panic!("{other}"),
    };
    assert!(subtypes.iter().any(|subtype| known.contains(&&**subtype)), "{event}");
    assert_eq!((event.str("action"), event.str("outcome")), (Some(action), Some("0")), "{event}");
    let role = |agent: &Json| coding(agent.at("type").and_then(|kind| kind.items("coding").first()));
    for wanted in [client, server] {
        let agents: Vec<_> = event.items("agent").iter().filter(|agent| role(agent) == wanted).collect();
        assert!(agents.len() == 1 && agents[0].at("who").is_some() && agents[0].at("network").is_some(), "{event}");
        for never in ["media", "role", "altId", "name", "location", "policy", "purposeOfUse"] {
            assert!(agents[0].at(never).is_none(), "{never}: {event}");
        }
    }
    for user in event
        .items("agent")
        .iter()
        .filter(|agent| agent.at("requestor") == Some(&Json::Bool(true)) && agent.at("network").is_none())
    {
        let code = role(user).unwrap().0;
        assert_eq!(code, if action == "R" { "IRCP" } else { "AUT" }, "{event}");
        assert!(user.at("who").is_some());
    }
    let kind = |entity: &Json| coding(entity.at("type")).unwrap();
    let data: Vec<_> = event.items("entity").iter().filter(|entity| kind(entity).0 == "2").collect();
    assert!(data.len() == 1 && data[0].at("what.reference").is_some() && data[0].at("detail").is_none(), "{event}");
    assert_eq!(coding(data[0].at("role")), pair("4", "Domain Resource"));
    let requests: Vec<_> = event.items("entity").iter().filter(|entity| kind(entity).0 == "XrequestId").collect();
    assert!(
        requests.len() == 1 && requests[0].at("what.identifier.value").is_some() && requests[0].at("detail").is_none(),
        "{event}"
    );
    let patients: Vec<_> = event.items("entity").iter().filter(|entity| kind(entity).0 == "1").collect();
    assert_eq!(patients.len(), usize::from(name.starts_with("Patient")), "{event}");
    for patient in patients {
        assert_eq!((kind(patient).1.as_str(), coding(patient.at("role"))), ("Person", pair("1", "Patient")));
        assert!(patient.at("what.reference").unwrap().to_string().starts_with("\"Patient/"), "{event}");
    }
}
