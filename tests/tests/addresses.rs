//! References to this server by its whole address name its own resources, whatever was known of the address when they were written:
//! imported before anything was served, or served elsewhere at that time.
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};

use gateway_tests::{Client, Command, Engine, Json, Options, Server, consent, lab_observation, own, row_key, suite};

/// Ports that nobody listens at.
fn ports<const N: usize>() -> [u16; N] {
    // Below those that the system gives to whoever asks for any, and no two tests of this process have the same.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let free = || loop {
        let number = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + u16::try_from(number % 10_000).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    };
    [(); N].map(|()| free())
}

/// Served at this port, with Consents applied to the doctor.
fn at(port: u16, more: &[&str]) -> Options {
    let mut arguments = vec!["--listen".to_owned(), format!("127.0.0.1:{port}")];
    arguments.extend(["--dev-consent", "enforce", "--dev-actor", "Practitioner/dr"].map(str::to_owned));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    Options { arguments, ..Options::default() }
}

/// Served at this port, to somebody who sees everything.
fn open(port: u16) -> Options {
    Options { arguments: vec!["--listen".to_owned(), format!("127.0.0.1:{port}")], ..Options::default() }
}

fn base(port: u16) -> String {
    format!("http://127.0.0.1:{port}/fhir")
}

fn reference(text: &str) -> Json {
    Json::of(&format!(r#"{{"reference":"{text}"}}"#))
}

fn person(id: &str) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"Doe"}}]}}"#))
}

/// Of this patient, by a reference that begins so.
fn result(id: &str, below: &str, patient: &str) -> Json {
    lab_observation(id, patient, "1").with("subject", reference(&format!("{below}Patient/{patient}")))
}

/// A deny to one who is named so.
fn denies(id: &str, patient: &str, actor: &str) -> Json {
    let provision = format!(
        r#"{{"type":"deny","actor":[{{"role":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType",
        "code":"IRCP"}}]}},"reference":{{"reference":"{actor}"}}}}]}}"#
    );
    consent(id, patient, &provision)
}

async fn import(server: &Server, resources: &[Json]) {
    let file = server.folder().join("import.ndjson");
    let lines: Vec<String> = resources.iter().map(Json::to_string).collect();
    std::fs::write(&file, lines.join("\n")).unwrap();
    let data = server.folder().join("import").display().to_string();
    let file = file.display().to_string();
    Command::run(&["import", &file, "--restart", "--database", &server.database.url, "--data-dir", &data])
        .await
        .expect(0);
}

async fn found(api: &Client, query: &str) -> Vec<String> {
    let mut found = api.search(query).await;
    found.sort_unstable();
    found
}

async fn total(api: &Client, query: &str) -> String {
    api.get(query).await.expect(200).json().at("total").unwrap().to_string()
}

/// No answer shows this resource of this patient.
async fn is_hidden(api: &Client, resource: &str, patient: &str) {
    let (kind, id) = resource.split_once('/').unwrap();
    api.get(&format!("/{resource}")).await.expect(404);
    api.get(&format!("/{resource}/_history/1")).await.expect(404);
    api.get(&format!("/Patient/{patient}/$everything")).await.expect(404);
    assert_eq!(total(api, &format!("/{kind}?_id={id}&_summary=count")).await, "0");
    for query in [
        format!("/{kind}"),
        format!("/{kind}?_id={id}"),
        format!("/{kind}?subject=Patient/{patient}"),
        format!("/{kind}?subject:Patient.family=Doe"),
        format!("/Patient/{patient}/{kind}"),
    ] {
        let found = found(api, &query).await;
        assert!(!found.contains(&resource.to_owned()), "{query}: {found:?}");
    }
    let text = api.get("/_history?_count=200").await.expect(200).text();
    assert!(
        !text.contains(&format!("/{resource}\"")) && !text.contains(&format!("/{resource}/")),
        "history shows {resource}"
    );
}

/// Whoever may sees it, and finds it by the patient however that is spelt.
async fn is_the_patients(api: &Client, resource: &str, patient: &str, whole: &str) {
    let (kind, _) = resource.split_once('/').unwrap();
    api.get(&format!("/{resource}")).await.expect(200);
    for query in [
        format!("/{kind}?subject=Patient/{patient}"),
        format!("/{kind}?patient={patient}"),
        format!("/{kind}?subject={whole}/Patient/{patient}"),
        format!("/{kind}?subject:Patient.family=Doe&_id={}", resource.split_once('/').unwrap().1),
        format!("/Patient/{patient}/{kind}"),
    ] {
        let found = found(api, &query).await;
        assert!(found.contains(&resource.to_owned()), "{query}: {found:?}");
    }
    let everything = api.get(&format!("/Patient/{patient}/$everything?_count=200")).await.expect(200).text();
    assert!(everything.contains(&format!("/{resource}\"")), "$everything");
}

/// What was derived of a resource: patient, author, encounter, labels.
async fn facts(server: &Server, kind: &str, id: &str) -> Vec<Option<String>> {
    let directory = own(server.engine(), "directory");
    let sql =
        format!("select patient, author, encounter, labels from {directory} where type = '{kind}' and id = '{id}'");
    server.sql().await.rows(&sql).await.remove(0)
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

suite! {
    /// Imported before anything was ever served, by the address that it is served at afterwards.
    async fn imported_before_anything_is_served(engine: Engine) {
        let [first, port] = ports();
        // Only its database is wanted: it is made anew by the import.
        let mut server = Server::with(engine, open(first));
        server.terminate().await;
        let mut sql = server.sql().await;
        sql.run(&format!("delete from {}", own(engine, "derived_under"))).await;
        let home = format!("{}/", base(port));
        import(&server, &[
            person("x"),
            person("y"),
            person("z"),
            denies("no", "x", "Practitioner/dr"),
            denies("whole", "y", &format!("{home}Practitioner/dr")),
            denies("theirs", "z", "Practitioner/dr").with("patient", reference(&format!("{home}Patient/z"))),
            result("x1", &home, "x"),
            result("y1", "", "y"),
            result("z1", "", "z"),
            result("elsewhere", "http://127.0.0.1:1/fhir/", "x"),
        ])
        .await;
        server.restart_with(at(port, &[]));
        let api = server.client();
        is_hidden(&api, "Observation/x1", "x").await;
        is_hidden(&api, "Observation/y1", "y").await;
        is_hidden(&api, "Observation/z1", "z").await;
        // Another server's patient has no Consents here.
        assert_eq!(found(&api, "/Observation").await, ["Observation/elsewhere"]);
        let nobody = server.beside_with(at(0, &["--dev-actor", "Practitioner/dr"]));
        is_hidden(&nobody.client(), "Observation/x1", "x").await;
        let other = server.beside_with(Options {
            arguments: ["--dev-consent", "enforce", "--dev-actor", "Practitioner/other"].map(str::to_owned).to_vec(), ..Options::default()
        });
        is_the_patients(&other.client(), "Observation/x1", "x", &base(port)).await;
        is_the_patients(&other.client(), "Observation/y1", "y", &base(port)).await;
        is_the_patients(&other.client(), "Observation/z1", "z", &base(port)).await;
    }

    /// Imported beside a server, and after one: at once, as if it had been written there.
    async fn imported_later(engine: Engine) {
        let [port] = ports();
        let mut server = Server::with(engine, at(port, &[]));
        let home = format!("{}/", base(port));
        import(&server, &[person("x"), denies("no", "x", &format!("{home}Practitioner/dr")), result("x1", &home, "x")]).await;
        is_hidden(&server.client(), "Observation/x1", "x").await;
        server.terminate().await;
        import(&server, &[result("x2", &home, "x")]).await;
        assert_eq!(facts(&server, "Observation", "x2").await[0].as_deref(), Some("x"));
        server.restart();
        is_hidden(&server.client(), "Observation/x2", "x").await;
    }

    /// What clients call the server by beside its socket's address is as much its own, before it is said and after.
    async fn other_names_are_its_own(engine: Engine) {
        let [port] = ports();
        let mut server = Server::with(engine, open(port));
        let name = "https://fhir.clinic.example/fhir/";
        let api = server.client();
        for resource in [person("x"), denies("no", "x", &format!("{name}Practitioner/dr")), result("before", name, "x")] {
            api.save(&resource).await.expect(201);
        }
        server.terminate().await;
        let doctor = server.beside_with(at(0, &[]));
        assert_eq!(doctor.client().get("/Observation/before").await.status, 200, "another server's");
        drop(doctor);
        server.restart_with(at(port, &["--also-at", "https://fhir.clinic.example/fhir/"]));
        is_hidden(&server.client(), "Observation/before", "x").await;
        server.terminate().await;
        server.restart_with(open(port));
        server.client().save(&result("after", name, "x")).await.expect(201);
        server.terminate().await;
        server.restart_with(at(port, &[]));
        is_hidden(&server.client(), "Observation/after", "x").await;
        for wrong in ["fhir.clinic.example", "https://", "https://a b/fhir", "https://u@h/fhir"] {
            let data = server.data_dir().display().to_string();
            Command::run(&["serve", "--dev", "--data-dir", &data, "--also-at", wrong]).await.expect(2);
        }
        let data = server.data_dir().display().to_string();
        let unknown = ["search", "parameters", "--wait", "--base", "http://127.0.0.1:1/fhir", "--database", &server.database.url, "--data-dir", &data];
        assert!(Command::run(&unknown).await.expect(2).stderr.contains("never served"));
    }

    /// The server moves: what named the new address is its own now, and what named the old one stays so, for what was written
    /// before and for what is written now, there and here.
    async fn a_server_moves(engine: Engine) {
        let [old, new] = ports();
        let (before, after) = (format!("{}/", base(old)), format!("{}/", base(new)));
        let mut server = Server::with(engine, open(old));
        let api = server.client();
        let by = |id: &str, below: &str| {
            result(id, "", "x").with("performer", Json::Array(vec![reference(&format!("{below}Practitioner/dr"))]))
        };
        for resource in [
            person("x"),
            denies("no", "x", &format!("{after}Practitioner/dr")),
            person("y"),
            denies("none", "y", &format!("{before}Practitioner/dr")),
            result("old", &before, "x"),
            result("new", &after, "x"),
            result("y1", "", "y"),
            by("row-old", &before),
            by("row-new", &after),
        ] {
            api.save(&resource).await.expect(201);
        }
        assert_eq!(facts(&server, "Observation", "new").await[0], Some(format!("{after}Patient/x")));
        server.terminate().await;
        server.restart_with(at(new, &[]));
        let api = server.client();
        for resource in ["Observation/old", "Observation/new"] {
            is_hidden(&api, resource, "x").await;
        }
        is_hidden(&api, "Observation/y1", "y").await;
        server.terminate().await;
        server.restart_with(open(new));
        let api = server.client();
        for resource in ["Observation/old", "Observation/new"] {
            is_the_patients(&api, resource, "x", &base(new)).await;
            is_the_patients(&api, resource, "x", &base(old)).await;
        }
        // Another program changes a row: what is derived of it anew names the same people as before.
        let mut sql = server.sql().await;
        for id in ["row-old", "row-new"] {
            let key = row_key(&mut sql, "Observation", id).await;
            sql.run(&format!("update lab_results set value_number = 2 where id = '{key}'")).await;
            assert_eq!(api.get(&format!("/Observation/{id}")).await.expect(200).version(), 2);
            assert_eq!(facts(&server, "Observation", id).await[1].as_deref(), Some("Practitioner/dr"));
        }
        // Written anew, or for the first time, under the new address.
        api.save(&result("old", &before, "x").with("status", Json::text("amended"))).await.expect(200);
        api.save(&result("later", &before, "x")).await.expect(201);
        api.save(&denies("none", "y", &format!("{before}Practitioner/dr")).with("dateTime", Json::text("2026-02-02"))).await.expect(200);
        let doctor = server.beside_with(at(0, &[]));
        let api = doctor.client();
        for (resource, patient) in
            [("Observation/old", "x"), ("Observation/later", "x"), ("Observation/new", "x"), ("Observation/y1", "y")]
        {
            is_hidden(&api, resource, patient).await;
        }
    }

    /// Two servers of one database at two addresses: each takes the other's for its own, also the one that was there before.
    async fn servers_beside_each_other(engine: Engine) {
        let [here, there] = ports();
        let first = Server::with(engine, open(here));
        let second = first.beside_with(at(there, &[]));
        let (writer, reader) = (first.client(), second.client());
        writer.save(&person("x")).await.expect(201);
        writer.save(&denies("no", "x", &format!("{}/Practitioner/dr", base(there)))).await.expect(201);
        writer.save(&result("x1", &format!("{}/", base(there)), "x")).await.expect(201);
        writer.save(&result("x2", &format!("{}/", base(here)), "x")).await.expect(201);
        for resource in ["Observation/x1", "Observation/x2"] {
            is_hidden(&reader, resource, "x").await;
            is_the_patients(&writer, resource, "x", &base(here)).await;
        }
    }

    /// Authors, encounters and the labels that come from them, Provenances of what is hidden, the encounter of a Binary, what was
    /// deleted, proxies, and an organization's own search parameters.
    async fn everything_that_is_derived(engine: Engine) {
        let [old, new] = ports();
        let after = format!("{}/", base(new));
        let mut server = Server::with(engine, open(old));
        let api = server.client();
        let parameter = r#"{"resourceType":"SearchParameter","id":"seen","url":"http://example.org/seen","name":"seen","status":"active",
            "description":"x","code":"seen","base":["Observation"],"type":"string","expression":"Observation.subject.display"}"#;
        api.save(&Json::of(parameter)).await.expect(201);
        let encounter = Json::of(
            r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},
            "subject":{"reference":"Patient/x"},"meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}}"#,
        );
        let note = |id: &str, below: &str| {
            Json::of(&format!(
                r#"{{"resourceType":"DocumentReference","id":"{id}","status":"current","subject":{{"reference":"{below}Patient/x"}},
                "author":[{{"reference":"{below}Practitioner/dr"}}],"context":{{"encounter":[{{"reference":"{below}Encounter/e"}}]}},
                "content":[{{"attachment":{{"title":"a note"}}}}]}}"#
            ))
        };
        let binary = |id: &str, below: &str| {
            Json::of(&format!(
                r#"{{"resourceType":"Binary","id":"{id}","contentType":"text/plain","data":"eA==","securityContext":{{"reference":"{below}Encounter/e"}}}}"#
            ))
        };
        let told = |id: &str, below: &str| {
            Json::of(&format!(
                r#"{{"resourceType":"Provenance","id":"{id}","recorded":"2026-01-01T00:00:00Z","target":[{{"reference":"{below}Observation/plain"}}],
                "agent":[{{"who":{{"display":"somebody"}}}}]}}"#
            ))
        };
        let mother = |id: &str, below: &str| {
            Json::of(&format!(
                r#"{{"resourceType":"RelatedPerson","id":"{id}","active":true,"patient":{{"reference":"{below}Patient/x"}},
                "relationship":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MTH"}}]}}]}}"#
            ))
        };
        let child = person("x").with("birthDate", Json::text("2020-01-01"));
        let shown = result("shown", &after, "x").with("subject", Json::of(&format!(
            r#"{{"reference":"{after}Patient/x","display":"Zebra"}}"#
        )));
        let escaped = result("escaped", "", "x").to_string().replace("Patient/x", &format!("{after}Patient/x").replace(':', "\\u003a").replace('/', "\\/"));
        for resource in [child, encounter, result("plain", "", "x"), note("note", ""), binary("b", ""), told("t", ""), mother("m", "")]
            .into_iter()
            .chain([note("whole-note", &after), binary("whole-b", &after), told("whole-t", &after), mother("whole-m", &after), shown])
        {
            api.save(&resource).await.expect(201);
        }
        api.put("/Observation/escaped", escaped).await.expect(201);
        api.save(&result("gone", &after, "x")).await.expect(201);
        api.delete("/Observation/gone").await.expect(204);
        let labelled = async || {
            for _ in 0..200 {
                let unlabelled = format!("select count(*) from {} where labels = 0 and deleted = 0", own(engine, "directory"));
                if server.sql().await.count(&unlabelled).await == 0 {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            panic!("everything is labelled in 10 s");
        };
        labelled().await;
        let mut tries = 0;
        while api.get("/Observation?seen=Zebra").await.status != 200 {
            tries += 1;
            assert!(tries < 200, "the parameter is ready in 10 s");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(found(&api, "/Observation?seen=Zebra").await, ["Observation/shown"]);
        let of = async |kind: &str, id: &str| facts(&server, kind, id).await;
        assert_ne!(of("DocumentReference", "note").await, of("DocumentReference", "whole-note").await);
        assert_ne!(of("Binary", "b").await, of("Binary", "whole-b").await);
        server.terminate().await;
        server.restart_with(open(new));
        let of = async |kind: &str, id: &str| facts(&server, kind, id).await;
        for (kind, short, whole) in
            [("DocumentReference", "note", "whole-note"), ("Binary", "b", "whole-b"), ("Provenance", "t", "whole-t"), ("RelatedPerson", "m", "whole-m"), ("Observation", "plain", "shown"), ("Observation", "plain", "escaped")]
        {
            assert_eq!(of(kind, short).await, of(kind, whole).await, "{kind}");
        }
        assert_eq!(of("DocumentReference", "whole-note").await[..3], some(&["x", "Practitioner/dr", "e"]));
        assert_eq!(of("Observation", "gone").await[0].as_deref(), Some("x"));
        let api = server.client();
        // What References say of what Consents can hide is in no index any more.
        assert_eq!(found(&api, "/Observation?seen=Zebra").await, [""; 0]);
        assert_eq!(found(&api, "/Provenance?target=Observation/plain").await, ["Provenance/t", "Provenance/whole-t"]);
        // A permit by the mother's word, who is named by the whole address.
        let permit = consent("yes", "x", r#"{"type":"permit"}"#);
        let permit = permit.with("performer", Json::Array(vec![reference(&format!("{after}RelatedPerson/whole-m"))]));
        api.save(&permit).await.expect(201);
        let strict = ["--consent-default", "opt-in"];
        let doctor = server.beside_with(at(0, &strict));
        assert!(found(&doctor.client(), "/Observation").await.contains(&"Observation/shown".to_owned()));
        api.save(&denies("no", "x", &format!("{after}Practitioner/dr"))).await.expect(201);
        let api = doctor.client();
        assert_eq!(found(&api, "/Provenance").await, [""; 0], "a Provenance of what is hidden");
        api.get("/Provenance/whole-t").await.expect(404);
        api.get("/Binary/whole-b").await.expect(404);
        api.get("/Observation/gone/_history").await.expect(404);
    }

    /// Whoever writes is asked about what a Consent names, however the resource spells it.
    async fn what_is_written_is_read_alike(engine: Engine) {
        let [old, new] = ports();
        let mut server = Server::with(engine, open(old));
        server.client().save(&person("x")).await.expect(201);
        for meaning in ["authoredby", "related"] {
            let provision = format!(
                r#"{{"type":"permit","provision":[{{"type":"deny","data":[{{"meaning":"{meaning}","reference":{{"reference":"Practitioner/dr"}}}}]}}]}}"#
            );
            server.client().save(&consent(meaning, "x", &provision)).await.expect(201);
            server.terminate().await;
            server.restart_with(at(new, &[]));
            let by = |below: &str| {
                result("written", "", "x").with("performer", Json::Array(vec![reference(&format!("{below}Practitioner/dr"))]))
            };
            for below in ["", &format!("{}/", base(new)), &format!("{}/", base(old))] {
                let refused = server.client().post("/Observation", by(below)).await;
                assert_eq!(refused.status, 403, "{meaning} {below}");
            }
            server.client().post("/Observation", by("http://127.0.0.1:1/fhir/")).await.expect(201);
            server.terminate().await;
            server.restart_with(open(old));
            server.client().delete(&format!("/Consent/{meaning}")).await.expect(204);
        }
    }

    /// Killed while it derives, it begins again; a usual restart derives nothing; what was derived stays what it was.
    async fn broken_off_it_begins_again(engine: Engine) {
        let [old, new] = ports();
        let after = format!("{}/", base(new));
        let mut server = Server::with(engine, open(old));
        let many: Vec<Json> = (0..450).map(|number| result(&format!("o{number}"), &after, "x")).collect();
        server.terminate().await;
        import(&server, &[vec![person("x"), denies("no", "x", "Practitioner/dr")], many].concat()).await;
        let directory = own(engine, "directory");
        let foreign = format!("select count(*) from {directory} where patient like 'http%'");
        let mut sql = server.sql().await;
        assert_eq!(sql.count(&foreign).await, 450);
        // What a server that was killed leaves: the address is known, some of the work is done.
        server.restart_with(open(new));
        server.kill();
        assert_eq!(sql.count(&foreign).await, 0);
        let kept = own(engine, "derived_under");
        assert_eq!(sql.value(&format!("select value from {kept} where name = 'address'")).await, format!("{}\n{}", base(old), base(new)));
        let epoch = format!("select max(epoch) from {}", own(engine, "consent_epochs"));
        let before = sql.count(&epoch).await;
        server.restart_with(at(new, &[]));
        assert_eq!(sql.count(&epoch).await, before, "a usual restart makes nothing anew");
        server.kill();
        sql.run(&format!("update {kept} set value = '{}' where name = 'address'", base(old))).await;
        sql.run(&format!("update {directory} set patient = '{after}Patient/x' where type = 'Observation' and rid % 3 = 0")).await;
        server.restart();
        assert_eq!(sql.count(&foreign).await, 0);
        assert_eq!(sql.value(&format!("select value from {kept} where name = 'address'")).await, format!("{}\n{}", base(old), base(new)));
        assert_eq!(found(&server.client(), "/Observation").await, [""; 0]);
    }
}
