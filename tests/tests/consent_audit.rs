//! `consent audit`: the Consents of a database counted by what they are worth.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Command, Engine, Json, Server, consent, patient, suite};

async fn audit(server: &Server, more: &[&str]) -> Command {
    let data = server.folder().join("privacy").display().to_string();
    let database = ["--database", &server.database.url, "--data-dir", &data];
    Command::run(&[&["consent", "audit"], more, &database].concat()).await.expect(0)
}

async fn save(all: &Client, consent: Json) {
    all.save(&consent).await.expect(201);
}

fn count(report: &Json, path: &[&str]) -> u64 {
    let found = path.iter().try_fold(report, |at, name| at.at(name));
    found.map_or(0, |count| count.to_string().parse().unwrap())
}

fn names(report: &Json, path: &[&str]) -> Vec<String> {
    let found = path.iter().try_fold(report, |at, name| at.at(name));
    found
        .map(|those| those.items("consents").iter().map(|name| name.as_str().unwrap().to_owned()).collect())
        .unwrap_or_default()
}

suite! {
    async fn consents_are_counted_by_what_they_are_worth(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        for id in ["ada", "ben", "cyd", "dan", "eve"] {
            all.save(&patient(id, "Quirke")).await.expect(201);
        }
        let permit = r#"{"type":"permit"}"#;
        let performer = |who: &str| Json::of(&format!(r#"[{{"reference":"{who}"}}]"#));
        save(&all, consent("good", "ada", permit).with("performer", performer("Patient/ada"))).await;
        save(&all, consent("bare", "ada", permit)).await;
        save(&all, consent("old", "ben", r#"{"type":"deny","period":{"end":"2020"}}"#)).await;
        save(&all, consent("soon", "ben", r#"{"type":"deny","period":{"start":"2098"}}"#)).await;
        save(&all, consent("gone", "ben", permit).with("status", Json::text("inactive"))).await;
        save(&all, consent("draft", "ben", permit).with("status", Json::text("draft"))).await;
        // Base rule missing, too deep, changed by a modifier.
        save(&all, consent("baseless", "cyd", r#"{"period":{"start":"2020"}}"#)).await;
        save(&all, consent("deep", "cyd", r#"{"type":"permit","provision":[{"type":"permit","provision":[{"type":"deny"}]}]}"#)).await;
        save(&all, consent("modified", "cyd", permit).with("implicitRules", Json::text("urn:x"))).await;
        // Permits that do not count.
        save(&all, consent("unverified", "dan", permit).with("verification", Json::of(r#"[{"verified":false}]"#))).await;
        save(&all, consent("proxy", "dan", permit).with("performer", performer("RelatedPerson/m"))).await;
        let extension = Json::of(r#"[{"url":"urn:fhir-gateway:consent-presumed","valueBoolean":true}]"#);
        save(&all, consent("presumed", "dan", permit).with("extension", extension)).await;
        // A series of two.
        for (id, time) in [("first", "2024"), ("second", "2025")] {
            let one = consent(id, "ada", permit).with("identifier", Json::of(r#"[{"system":"urn:s","value":"1"}]"#));
            save(&all, one.with("dateTime", Json::text(time)).with("performer", performer("Patient/ada"))).await;
        }
        let report = Json::of(&audit(&server, &["--json"]).await.stdout);
        assert_eq!(count(&report, &["consents"]), 14);
        for (state, wanted) in [("active", 6), ("expired", 1), ("not-yet", 1), ("not-enforceable", 3), ("superseded", 1),
            ("status-inactive", 1), ("status-draft", 1), ("other-scope", 0)] {
            assert_eq!(count(&report, &["states", state]), wanted, "{state}: {report}");
        }
        let of = |row: &str| names(&report, &["notEnforceable", row]);
        assert_eq!((of("B5"), of("B7"), of("B8")), (vec!["Consent/baseless".into()], vec!["Consent/deep".into()], vec!["Consent/modified".into()]));
        let weak = |row: &str| names(&report, &["permitsNotCounted", row]);
        assert_eq!((weak("B13"), weak("E1"), weak("E2")), (vec!["Consent/unverified".into()], vec!["Consent/presumed".into()], vec!["Consent/proxy".into()]));
        assert_eq!(names(&report, &["presumed"]), ["Consent/presumed"]);
        assert_eq!(names(&report, &["withoutEvidence"]), ["Consent/bare"]);
        assert_eq!(count(&report, &["patients", "all"]), 5);
        assert_eq!(count(&report, &["patients", "withoutConsent"]), 1);
        assert_eq!(count(&report, &["patients", "withoutActiveConsent"]), 3);
        // At another time.
        let then = Json::of(&audit(&server, &["--json", "--at", "2019-01-01"]).await.stdout);
        assert_eq!((count(&then, &["states", "expired"]), count(&then, &["states", "active"])), (0, 7));
        let text = audit(&server, &["--names", "1"]).await.stdout;
        assert!(text.contains("14 Consents") && text.contains("not enforceable by B5: Consent/baseless"), "{text}");
        assert!(text.contains("5 patients, 1 without a Consent, 3 without one that holds"), "{text}");
        for id in ["ada", "Quirke", "RelatedPerson"] {
            assert!(!text.contains(id) && !report.to_string().contains(id), "names Consents alone: {text}");
        }
        // A row of the clinic's own that was taken for a consent.
        let mut sql = server.sql().await;
        sql.run(&format!(
            "insert into patient_consents (id, patient_id, consent_type, purpose, granted, presumed, status, organization_id) \
             select 'pc1', id, 'privacy', 'treatment', {0}, {0}, 'active', organization_id from patients where id = (select min(id) from patients)",
            if engine == Engine::Postgres { "true" } else { "1" },
        )).await;
        let report = Json::of(&audit(&server, &["--json"]).await.stdout);
        assert_eq!((count(&report, &["consents"]), count(&report, &["presumed", "count"])), (15, 2), "{report}");
    }
}
