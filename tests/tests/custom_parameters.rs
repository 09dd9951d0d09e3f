//! Search parameters that a client defines by SearchParameter resources (<https://hl7.org/fhir/R4/searchparameter.html>):
//! each kind finds by its own value and by no other, what was stored before it is indexed in the background, whoever writes
//! meanwhile and whoever is killed, and what has gone leaves no row behind.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "custom_parameters/burdens.rs"]
mod burdens;
#[path = "custom_parameters/kinds.rs"]
mod kinds;
#[path = "custom_parameters/refusals.rs"]
mod refusals;
#[path = "custom_parameters/work.rs"]
mod work;

use std::time::Duration;

use gateway_tests::{Client, Command, Engine, Json, Server, lab_observation, own, patient, suite, transaction};

/// A SearchParameter of this id and name; `more`: further members, with a comma at the end.
fn parameter(id: &str, base: &str, kind: &str, expression: &str, more: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"SearchParameter","id":"{id}","url":"http://example.org/sp/{id}","name":"N","status":"active",
        "description":"d","code":"{id}","base":[{base}],"type":"{kind}",{more}"expression":{}}}"#,
        Json::text(expression)
    ))
}

/// Waits until a parameter is ready.
async fn ready(api: &Client, id: &str) {
    for _ in 0..600 {
        if status(api, id).await == "ready" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{id} is not ready: {}", status(api, id).await);
}

/// What `$status` says.
async fn status(api: &Client, id: &str) -> String {
    let told = api.get(&format!("/SearchParameter/{id}/$status")).await.expect(200).json();
    let status = told.items("parameter").iter().find(|part| part.str("name") == Some("status")).unwrap();
    status.str("valueCode").unwrap().to_owned()
}

/// Saves a parameter and waits until it is ready.
async fn define(api: &Client, parameter: &Json) {
    let answer = api.save(parameter).await;
    assert!(matches!(answer.status, 200 | 201), "{} {}", answer.status, answer.json());
    ready(api, parameter.str("id").unwrap()).await;
}

/// Ids of the matches, sorted and in one line: `a b`.
async fn matches(api: &Client, query: &str) -> String {
    let found = api.search(&format!("/{query}")).await;
    let mut ids: Vec<&str> = found.iter().map(|path| path.rsplit('/').next().unwrap()).collect();
    ids.sort_unstable();
    ids.join(" ")
}

/// Rows of the index tables at places of parameters of organizations' own.
async fn rows(server: &Server) -> i64 {
    let mut sql = server.sql().await;
    let mut all = 0;
    for table in ["index_date", "index_quantity", "index_reference", "index_string", "index_token"] {
        all += sql.count(&format!("select count(*) from {} where path < 0", own(server.engine(), table))).await;
    }
    all
}

suite! {
    async fn a_parameter_works_wherever_a_built_in_one_does(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for (id, family, city) in [("a", "Adams", "Salem"), ("b", "Baker", "Boston"), ("c", "Clark", "Salem")] {
            let mut person = patient(id, family);
            person.set("", "maritalStatus", Json::of(&format!(r#"{{"text":"{city}"}}"#)));
            person.set("", "managingOrganization", Json::of(&format!(r#"{{"reference":"Organization/o-{id}"}}"#)));
            api.put(&format!("/Organization/o-{id}"), format!(r#"{{"resourceType":"Organization","id":"o-{id}","name":"{city}"}}"#)).await.expect(201);
            api.save(&person).await.expect(201);
            api.save(&lab_observation(&format!("o{id}"), id, "7")).await.expect(201);
        }
        define(&api, &parameter("wed", r#""Patient""#, "string", "Patient.maritalStatus.text", "")).await;
        define(&api, &parameter("keeper", r#""Patient""#, "reference", "Patient.managingOrganization", r#""target":["Organization"],"#)).await;
        define(&api, &parameter("about", r#""Observation","DiagnosticReport""#, "reference", "Observation.subject.where(resolve() is Patient) | DiagnosticReport.subject", r#""target":["Patient"],"#)).await;
        for (query, wanted) in [
            ("Patient?wed=salem", "a c"),
            ("Patient?wed:exact=Salem", "a c"),
            ("Patient?wed:exact=salem", ""),
            ("Patient?wed:contains=osto", "b"),
            ("Patient?wed:missing=true", ""),
            ("Patient?wed:missing=false", "a b c"),
            ("Patient?wed=salem&family=clark", "c"),
            ("Patient?keeper=o-b", "b"),
            ("Patient?keeper=Organization/o-b", "b"),
            ("Patient?keeper.name=salem", "a c"),
            ("Patient?keeper:Organization.name=boston", "b"),
            ("Observation?about=a", "oa"),
            ("Observation?about.wed=salem", "oa oc"),
            ("Observation?subject:Patient.wed=boston", "ob"),
            ("Patient?_has:Observation:about:code=2345-7", "a b c"),
            ("Patient?_has:Observation:about:_id=ob", "b"),
            ("Organization?_has:Patient:keeper:wed=boston", "o-b"),
        ] {
            assert_eq!(matches(&api, query).await, wanted, "{query}");
        }
        assert_eq!(api.search("/Patient?_sort=wed,-_id").await, ["Patient/b", "Patient/c", "Patient/a"]);
        assert_eq!(api.search("/Patient?_sort=-wed,_id&_count=1").await, ["Patient/a", "Patient/c", "Patient/b"]);
        assert_eq!(matches(&api, "Patient?wed=boston&_include=Patient:keeper").await, "b o-b");
        assert_eq!(matches(&api, "Patient?_id=a&_revinclude=Observation:about").await, "a oa");
        assert_eq!(api.get("/Patient?wed=salem&_summary=count").await.expect(200).json().str("total"), Some("2"));
        // A condition of a write, too.
        let answer = api.post("/Patient", patient("x", "New")).header("If-None-Exist", "wed=boston").await.expect(200);
        assert_eq!(answer.json().str("id"), Some("b"));
        // Answered from an index.
        let explained = Command::run(&["search", "explain", "Patient?wed=boston", "--database", &server.database.url, "--data-dir", &server.folder().join("cli").display().to_string()]).await.expect(0).stdout;
        let index = if engine == Engine::Sqlite { "index_string_value" } else { "Index" };
        assert!(explained.contains(index) && explained.contains("drives"), "{explained}");
        assert!(!explained.contains("Seq Scan on index_string") && !explained.contains("SCAN index_string"), "{explained}");
        // The statement lists it for the organization, and for nobody else.
        let listed = |statement: &Json| statement.to_string().contains(r#"{"name":"wed","definition":"http://example.org/sp/wed","type":"string"}"#);
        assert!(listed(&api.get("/metadata").await.expect(200).json()));
        assert!(!listed(&server.stranger().get("/metadata").await.expect(200).json()));
        assert!(api.get("/Observation?wed=x").await.refused(400, "not-supported").text.contains("about"));
    }

    async fn a_composite_asks_for_values_of_one_item(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let panel = |id: &str, one: (&str, u32), other: (&str, u32)| {
            let component = |(code, value): (&str, u32)| format!(r#"{{"code":{{"coding":[{{"system":"http://s","code":"{code}"}}]}},"valueQuantity":{{"value":{value}}}}}"#);
            Json::of(&format!(
                r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"t"}},"component":[{},{}]}}"#,
                component(one),
                component(other)
            ))
        };
        api.save(&panel("same", ("x", 1), ("y", 2))).await.expect(201);
        let part = |definition: &str, expression: &str| format!(r#"{{"definition":"{definition}","expression":"{expression}"}}"#);
        let more = format!(
            r#""component":[{},{}],"#,
            part("http://hl7.org/fhir/SearchParameter/clinical-code", "code"),
            part("http://hl7.org/fhir/SearchParameter/Observation-value-quantity", "value.as(Quantity)")
        );
        define(&api, &parameter("pair", r#""Observation""#, "composite", "Observation.component", &more)).await;
        api.save(&panel("cross", ("x", 2), ("y", 1))).await.expect(201);
        assert_eq!(matches(&api, "Observation?pair=x$1").await, "same");
        assert_eq!(matches(&api, "Observation?pair=http://s|x$2").await, "cross");
        assert_eq!(matches(&api, "Observation?pair=x$gt5").await, "");
        api.get("/Observation?pair=x").await.refused(400, "value");
    }

    async fn what_is_not_active_or_built_in_is_only_stored(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut draft = parameter("soon", r#""Patient""#, "string", "this is (no FHIRPath", "");
        draft.set("", "status", Json::text("draft"));
        let answer = api.save(&draft).header("Prefer", "return=OperationOutcome").await.expect(201);
        assert!(answer.issues()[0].text.contains("active"), "{:?}", answer.issues());
        assert_eq!(status(&api, "soon").await, "inactive");
        api.get("/Patient?soon=x").await.refused(400, "not-supported");
        // As HL7 publishes it.
        let mut official = parameter("individual-family", r#""Patient","Practitioner""#, "string", "Patient.name.family | Practitioner.name.family", "");
        official.set("", "url", Json::text("http://hl7.org/fhir/SearchParameter/individual-family"));
        official.set("", "code", Json::text("family"));
        let answer = api.save(&official).header("Prefer", "return=OperationOutcome").await.expect(201);
        assert!(answer.issues()[0].text.contains("built in"), "{:?}", answer.issues());
        assert_eq!(status(&api, "individual-family").await, "built-in");
        api.save(&patient("p", "Kept")).await.expect(201);
        assert_eq!(matches(&api, "Patient?family=kept").await, "p");
        assert_eq!(rows(&server).await, 0);
        // A draft that becomes active, from a patch of its status.
        let mut real = parameter("soon", r#""Patient""#, "string", "Patient.name.family", "");
        real.set("", "status", Json::text("draft"));
        api.save(&real).await.expect(200);
        let patch = r#"[{"op":"replace","path":"/status","value":"active"}]"#;
        api.request(hyper::Method::PATCH, "/SearchParameter/soon").header("Content-Type", "application/json-patch+json").body(patch).await.expect(200);
        ready(&api, "soon").await;
        assert_eq!(matches(&api, "Patient?soon=kept").await, "p");
    }

    async fn a_transaction_defines_and_writes_at_once(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let own = parameter("called", r#""Patient""#, "string", "Patient.name.given", "");
        api.post("/", transaction(&[own.clone(), patient("t1", "One"), patient("t2", "Two")])).await.expect(200);
        ready(&api, "called").await;
        assert_eq!(matches(&api, "Patient?called=ada").await, "t1 t2");
        // A set that is refused defines nothing.
        let mut bad = parameter("worse", r#""Patient""#, "string", "Patient.name.given", "");
        bad.set("", "code", Json::text("called"));
        api.post("/", transaction(&[parameter("fine", r#""Patient""#, "string", "Patient.name.family", ""), bad])).await.refused(422, "duplicate");
        api.get("/SearchParameter/fine").await.refused(404, "not-found");
        api.get("/Patient?fine=x").await.refused(400, "not-supported");
    }

    async fn another_organizations_parameters_are_not_there(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let (registry, table) = (own(engine, "search_registry"), own(engine, "search_parameters"));
        let definition = r#"{"url":"http://x","code":"theirs","type":"string","expression":"Patient.name.family","base":["Patient"],"target":[],"part":[]}"#;
        sql.run(&format!("insert into {registry} (organization_id, version, next) values (2, 1, 3)")).await;
        sql.run(&format!("insert into {table} (organization_id, number, id, state, definition) values (2, 1, 't', 'ready', '{definition}')")).await;
        api.save(&patient("p", "Mine")).await.expect(201);
        api.get("/Patient?theirs=mine").await.refused(400, "not-supported");
        assert_eq!(rows(&server).await, 0, "nor does it index what is ours");
        assert!(!api.get("/metadata").await.expect(200).json().to_string().contains("theirs"));
        // The same name is free here, and has rows of its own.
        define(&api, &parameter("theirs", r#""Patient""#, "string", "Patient.name.given", "")).await;
        assert_eq!(matches(&api, "Patient?theirs=ada").await, "p");
        assert_eq!(matches(&api, "Patient?theirs=mine").await, "");
    }
}
