//! Consents applied: what a patient's Consents hide is not there, in any answer; what they permit is. One server writes
//! and sees everything, others beside it on the same database apply Consents as one caller or another.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Options, Server, consent, own, suite};

/// A server on the same database that applies Consents to this caller.
fn asking(server: &Server, purpose: &str, actors: &[&str], default: &str) -> Server {
    let mut arguments = vec!["--dev-consent", "enforce", "--dev-purpose", purpose, "--consent-default", default];
    actors.iter().for_each(|actor| arguments.extend(["--dev-actor", actor]));
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    server.beside_with(Options { arguments, ..Options::default() })
}

fn recipient(reference: &str) -> String {
    format!(
        r#"[{{"role":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}}]}},
        "reference":{{"reference":"{reference}"}}}}]"#
    )
}

const OBSERVATIONS: &str = r#"[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]"#;

fn observation(id: &str, patient: &str, code: &str, more: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
        "subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2022-06-13","valueQuantity":{{"value":7,"unit":"kg",
        "system":"http://unitsofmeasure.org","code":"kg"}}{more}}}"#
    ))
}

async fn people(api: &Client, ids: &[&str]) {
    for id in ids {
        let patient = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"{id}"}}]}}"#);
        api.put(&format!("/Patient/{id}"), patient).await.expect(201);
        api.save(&observation(&format!("w-{id}"), id, "29463-7", "")).await.expect(201);
        api.save(&observation(&format!("g-{id}"), id, "2339-0", r#","performer":[{"reference":"Practitioner/dr"}]"#))
            .await
            .expect(201);
    }
}

async fn found(api: &Client, query: &str) -> Vec<String> {
    let mut found = api.search(query).await;
    found.sort_unstable();
    found
}

suite! {
    /// Searches, reads, history, chains, counts, includes: a denied patient is not there; revoked, all is there again at once.
    async fn what_a_consent_denies_is_nowhere(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        people(&all, &["ada", "ben"]).await;
        let other = asking(&server, "TREAT", &["Practitioner/dr"], "treatment-opt-out");
        let api = other.client();
        assert_eq!(found(&api, "/Observation").await.len(), 4);
        // The same notice beside every answer, whatever is in it.
        let notice = |answer: &gateway_tests::Response| answer.header("Record-Notice").map(str::to_owned);
        let shown = notice(&api.get("/Observation/w-ada").await.expect(200)).unwrap();
        assert_eq!(notice(&api.get("/Observation/nowhere").await.expect(404)), Some(shown));
        assert_eq!(notice(&all.get("/Observation/w-ada").await.expect(200)), None);
        all.save(&consent("no", "ada", r#"{"type":"deny"}"#)).await.expect(201);
        assert_eq!(found(&api, "/Observation").await, ["Observation/g-ben", "Observation/w-ben"]);
        assert_eq!(found(&api, "/Patient").await, ["Patient/ben"]);
        for (query, count) in [
            ("/Observation?_summary=count", "2"),
            ("/Observation?subject:Patient.name=ada&_summary=count", "0"),
            ("/Patient?_has:Observation:patient:code=29463-7&_summary=count", "1"),
            ("/Patient?_has:Observation:patient:value-quantity=gt3&_summary=count", "1"),
            ("/Observation?patient=ada&_summary=count", "0"),
            ("/Observation?patient=ben&_summary=count", "2"),
            ("/Consent?_summary=count", "0"),
        ] {
            assert_eq!(api.get(query).await.expect(200).json().at("total").unwrap().to_string(), count, "{query}");
        }
        let hidden = api.get("/Observation/w-ada").await.expect(404);
        let absent = api.get("/Observation/w-bob").await.expect(404);
        let spelt = |text: &Json| text.to_string().replace("w-ada", "ID").replace("w-bob", "ID");
        assert_eq!(spelt(&hidden.json()), spelt(&absent.json()));
        api.get("/Patient/ada/_history/1").await.expect(404);
        assert_eq!(found(&api, "/Patient?_revinclude=Observation:subject").await, ["Observation/g-ben", "Observation/w-ben", "Patient/ben"]);
        api.get("/Patient/ada/$everything").await.expect(404);
        assert_eq!(api.get("/_history?_count=50").await.expect(200).json().items("entry").len(), 3);
        // Consents of an older database, which has no rules of them yet.
        let mut sql = server.sql().await;
        for table in ["consent_rules", "consent_epochs"] {
            sql.run(&format!("delete from {}", own(engine, table))).await;
        }
        assert_eq!(found(&asking(&server, "TREAT", &[], "treatment-opt-out").client(), "/Patient").await, ["Patient/ben"]);
        // Nothing hidden can be written over, deleted, or told from what is not there.
        for request in [
            api.put("/Patient/ada", r#"{"resourceType":"Patient","id":"ada"}"#),
            api.put("/Patient/new", r#"{"resourceType":"Patient","id":"new"}"#),
        ] {
            request.await.expect(404);
        }
        let gone = api.delete("/Patient/ada").await;
        assert_eq!(gone.status, api.delete("/Patient/nobody").await.status);
        all.get("/Patient/ada").await.expect(200);
        let revoked = consent("no", "ada", r#"{"type":"deny"}"#).with("status", Json::text("inactive"));
        all.save(&revoked).await.expect(200);
        assert_eq!(found(&api, "/Patient").await, ["Patient/ada", "Patient/ben"]);
        all.save(&consent("no", "ada", r#"{"type":"deny"}"#)).await.expect(200);
        assert_eq!(found(&api, "/Patient").await, ["Patient/ben"]);
        all.delete("/Consent/no").await.expect(204);
        assert_eq!(found(&api, "/Patient").await, ["Patient/ada", "Patient/ben"]);
    }

    /// Exceptions by class, code, author, actor, label and purpose, and defaults that deny.
    async fn exceptions_are_for_whom_and_what_they_name(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        people(&all, &["ada", "ben"]).await;
        let alcohol = r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETHUD"}]}"#;
        all.save(&observation("alc", "ada", "74013-4", alcohol)).await.expect(201);
        let doctor = asking(&server, "TREAT", &["Practitioner/dr"], "treatment-opt-out");
        let payer = asking(&server, "HPAYMT", &["Organization/payer"], "treatment-opt-out");
        let research = asking(&server, "HRESCH", &["Organization/lab"], "treatment-opt-out");
        let strict = asking(&server, "TREAT", &["Practitioner/other"], "opt-in");
        let (doctor, payer, research, strict) = (doctor.client(), payer.client(), research.client(), strict.client());
        let ada = "/Observation?patient=ada";
        assert_eq!(found(&research, ada).await, [""; 0], "research needs a Consent");
        let n = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"N"}"#;
        let eth = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"ETH"}"#;
        let code = r#"[{"coding":[{"system":"http://loinc.org","code":"2339-0"}]}]"#;
        let author = r#"[{"meaning":"authoredby","reference":{"reference":"Practitioner/dr"}}]"#;
        let instance = r#"[{"meaning":"instance","reference":{"reference":"Observation/w-ada"}}]"#;
        let (dr, lab) = (recipient("Practitioner/dr"), recipient("Organization/lab"));
        let purpose = |code: &str| format!(r#"[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"{code}"}}]"#);
        let (treat, hresch) = (purpose("TREAT"), purpose("HRESCH"));
        for (provision, to_doctor, to_payer, to_research, to_strict) in [
            (format!(r#"{{"type":"permit","provision":[{{"type":"deny","class":{OBSERVATIONS}}}]}}"#), "", "", "", ""),
            (format!(r#"{{"type":"permit","provision":[{{"type":"deny","code":{code}}}]}}"#), "alc w-ada", "alc w-ada", "alc w-ada", "alc w-ada"),
            (format!(r#"{{"type":"permit","provision":[{{"type":"deny","data":{author}}}]}}"#), "alc w-ada", "alc w-ada", "alc w-ada", "alc w-ada"),
            (format!(r#"{{"type":"permit","provision":[{{"type":"deny","data":{instance}}}]}}"#), "alc g-ada", "alc g-ada", "alc g-ada", "alc g-ada"),
            (format!(r#"{{"type":"permit","provision":[{{"type":"deny","securityLabel":[{eth}]}}]}}"#), "g-ada w-ada", "g-ada w-ada", "g-ada w-ada", "g-ada w-ada"),
            (format!(r#"{{"type":"permit","purpose":{treat},"securityLabel":[{n}]}}"#), "alc g-ada w-ada", "alc g-ada w-ada", "", "g-ada w-ada"),
            (format!(r#"{{"type":"permit","purpose":{hresch},"actor":{lab},"securityLabel":[{n}]}}"#), "alc g-ada w-ada", "alc g-ada w-ada", "g-ada w-ada", ""),
            (format!(r#"{{"type":"deny","provision":[{{"type":"permit","actor":{dr},"class":{OBSERVATIONS}}}]}}"#), "alc g-ada w-ada", "", "", ""),
            (r#"{"type":"permit","dataPeriod":{"start":"2021","end":"2021"}}"#.to_owned(), "alc g-ada w-ada", "alc g-ada w-ada", "", ""),
            (r#"{"type":"permit","provision":[{"type":"deny","dataPeriod":{"start":"2022-06","end":"2022-06"}}]}"#.to_owned(), "", "", "", ""),
            (r#"{"type":"permit","period":{"end":"2020"}}"#.to_owned(), "alc g-ada w-ada", "alc g-ada w-ada", "", ""),
        ] {
            all.save(&consent("c", "ada", &provision)).await;
            for (api, wanted) in [(&doctor, to_doctor), (&payer, to_payer), (&research, to_research), (&strict, to_strict)] {
                let found = found(api, ada).await.iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>();
                assert_eq!(found.join(" "), wanted, "{provision}");
            }
        }
        // Who gave it: the patient, or somebody of whose authority nothing is on record; a deny holds in any case.
        for (performer, kind, wanted) in
            [("Patient/ada", "permit", 3), ("RelatedPerson/mother", "permit", 0), ("RelatedPerson/mother", "deny", 0)]
        {
            let performers = Json::of(&format!(r#"[{{"reference":"{performer}"}}]"#));
            let given = consent("c", "ada", &format!(r#"{{"type":"{kind}"}}"#)).with("performer", performers);
            all.save(&given).await;
            assert_eq!(found(&strict, ada).await.len(), wanted, "{performer} {kind}");
            assert_eq!(found(&doctor, ada).await.len(), if kind == "deny" { 0 } else { 3 }, "{performer} {kind}");
        }
        // What was sensitive once hides its past, though the current version may be seen.
        all.save(&consent("c", "ada", &format!(r#"{{"type":"permit","provision":[{{"type":"deny","securityLabel":[{eth}]}}]}}"#))).await;
        doctor.get("/Observation/alc").await.expect(404);
        all.save(&observation("alc", "ada", "29463-7", "")).await.expect(200);
        doctor.get("/Observation/alc").await.expect(200);
        doctor.get("/Observation/alc/_history/1").await.expect(404);
        all.get("/Observation/alc/_history/1").await.expect(200);
        all.delete("/Consent/c").await.expect(204);
        // Of somebody without a Consent the default says it.
        assert_eq!(found(&strict, "/Observation?patient=ben").await, [""; 0]);
        assert_eq!(found(&payer, "/Observation?patient=ben").await.len(), 2);
    }

    /// Seen is not changed: what may be collected and corrected a Consent says beside what may be looked at.
    async fn a_consent_says_what_may_be_written(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        people(&all, &["ada"]).await;
        let doctor = asking(&server, "TREAT", &["Practitioner/dr"], "treatment-opt-out");
        let api = doctor.client();
        let action = |code: &str| {
            format!(r#"{{"type":"permit","provision":[{{"type":"deny","class":{OBSERVATIONS},"action":[{{"coding":[{{
            "system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"{code}"}}]}}]}}]}}"#)
        };
        let (changed, mut made) = (observation("w-ada", "ada", "29463-7", ""), observation("x", "ada", "29463-7", ""));
        made.remove("", "id");
        let patch = r#"[{"op":"replace","path":"/status","value":"amended"}]"#;
        for (code, update, create) in [("correct", 403, 201), ("collect", 403, 403), ("disclose", 404, 403)] {
            all.save(&consent("c", "ada", &action(code))).await;
            api.get("/Observation/w-ada").await.expect(if code == "disclose" { 404 } else { 200 });
            api.save(&changed).await.expect(update);
            let patched = api.request(hyper::Method::PATCH, "/Observation/w-ada").header("Content-Type", "application/json-patch+json");
            patched.body(patch).await.expect(update);
            // What may not be seen afterwards may be sent: it says nothing of collecting.
            let create = if code == "disclose" { 201 } else { create };
            api.post("/Observation", &made).await.expect(create);
            if update == 403 {
                api.delete("/Observation/w-ada").await.expect(403);
            }
        }
        // What it would become counts, too.
        let very = r#","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}"#;
        let label = r#"[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]"#;
        all.save(&consent("c", "ada", &format!(r#"{{"type":"permit","provision":[{{"type":"deny","securityLabel":{label}}}]}}"#))).await;
        api.save(&observation("w-ada", "ada", "29463-7", very)).await.expect(403);
        api.save(&changed).await.expect(200);
    }

    /// A row of a clinic's own table is a Consent, from the moment that another program commits it.
    async fn a_foreign_row_is_a_consent(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        people(&all, &["ada"]).await;
        let other = asking(&server, "TREAT", &[], "treatment-opt-out");
        let api = other.client();
        assert_eq!(found(&api, "/Patient").await.len(), 1);
        let mut sql = server.sql().await;
        let table = "patient_consents";
        sql.run(&format!(
            "insert into {table} (id, patient_id, consent_type, purpose, granted, status, organization_id) \
             select 'pc1', id, 'privacy', 'treatment', {}, 'active', organization_id from {}",
            if engine == Engine::Postgres { "false" } else { "0" },
            "patients"
        )).await;
        assert_eq!(found(&api, "/Patient").await, [""; 0]);
        sql.run(&format!("delete from {table}")).await;
        assert_eq!(found(&api, "/Patient").await.len(), 1);
    }

    /// Any number of patients in one set.
    async fn consents_of_several_patients_are_written_at_once(engine: Engine) {
        let server = Server::start(engine);
        let patients = ["p1", "p2", "p3", "p4", "p5"];
        people(&server.client(), &patients).await;
        for count in 1..=patients.len() {
            let given: Vec<Json> =
                patients.iter().take(count).map(|id| consent(&format!("no-{id}"), id, r#"{"type":"deny"}"#)).collect();
            server.client().post("/", gateway_tests::transaction(&given)).await.expect(200);
            let other = asking(&server, "TREAT", &["Practitioner/dr"], "treatment-opt-out");
            assert_eq!(found(&other.client(), "/Patient").await.len(), patients.len() - count);
        }
    }

    /// A patient's deny ends by the patient's own word: not by a later form that somebody else gave, or that may permit nothing.
    async fn what_others_gave_does_not_end_a_deny(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        people(&all, &["ada"]).await;
        all.put("/RelatedPerson/mother", r#"{"resourceType":"RelatedPerson","id":"mother","active":true,"patient":{"reference":"Patient/ada"},
            "relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MTH"}]}]}"#).await.expect(201);
        let series = Json::of(r#"[{"system":"urn:form","value":"1"}]"#);
        let given = |id: &str, rule: &str, date: &str| {
            consent(id, "ada", rule).with("identifier", series.clone()).with("dateTime", Json::text(date))
        };
        let deny = given("own", r#"{"type":"deny"}"#, "2025-01-01").with("performer", Json::of(r#"[{"reference":"Patient/ada"}]"#));
        all.save(&deny).await.expect(201);
        let other = asking(&server, "TREAT", &["Practitioner/dr"], "treatment-opt-out");
        let api = other.client();
        let later = given("later", r#"{"type":"permit"}"#, "2026-01-01");
        for (name, value) in [
            ("performer", r#"[{"reference":"RelatedPerson/mother"}]"#),
            ("performer", r#"[{"reference":"RelatedPerson/nobody"}]"#),
            ("performer", r#"[{"display":"somebody"}]"#),
            ("verification", r#"[{"verified":false}]"#),
            ("extension", r#"[{"url":"urn:fhir-gateway:consent-presumed","valueBoolean":true}]"#),
        ] {
            all.save(&later.clone().with(name, Json::of(value))).await;
            assert_eq!(found(&api, "/Observation").await, Vec::<String>::new(), "{value}");
        }
        all.save(&later.with("performer", Json::of(r#"[{"reference":"Patient/ada"}]"#))).await.expect(200);
        assert_eq!(found(&api, "/Observation").await.len(), 2);
    }

    /// Whoever a Consent binds has no say in it: the privacy officer and the patient have.
    async fn who_is_bound_by_a_consent_does_not_end_it(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        people(&all, &["ada"]).await;
        let deny = format!(r#"{{"type":"permit","provision":[{{"type":"deny","class":{OBSERVATIONS}}}]}}"#);
        all.save(&consent("own", "ada", &deny)).await.expect(201);
        let doctor = asking(&server, "TREAT", &["Practitioner/dr"], "treatment-opt-out");
        let api = doctor.client();
        api.get("/Consent/own").await.expect(200);
        let person = r#"{"resourceType":"RelatedPerson","id":"g","active":true,"patient":{"reference":"Patient/ada"}}"#;
        for refused in [
            api.delete("/Consent/own"),
            api.save(&consent("own", "ada", r#"{"type":"permit"}"#)),
            api.post("/Consent", consent("x", "ada", r#"{"type":"permit"}"#)),
            api.post("/RelatedPerson", person),
        ] {
            refused.await.refused(403, "forbidden");
        }
        assert_eq!(found(&api, "/Observation").await, Vec::<String>::new());
        let patient = asking(&server, "PATRQT", &["Patient/ada"], "treatment-opt-out");
        patient.client().delete("/Consent/own").await.expect(204);
        assert_eq!(found(&api, "/Observation").await.len(), 2);
    }
}
