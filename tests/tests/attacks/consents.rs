//! C: Consents.

use gateway_tests::{Client, Engine, Json, consent, suite};

use crate::{World, attacker, record};

async fn shows(api: &Client, id: &str) -> bool {
    match api.get(&format!("/Observation/{id}")).await.status {
        200 => true,
        404 => false,
        other => panic!("{other}"),
    }
}

suite! {
    async fn c27_only_an_active_privacy_consent_of_a_patient_in_its_time_counts(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        let deny = |more: &str| format!(r#"{{"type":"deny"{more}}}"#);
        let set = async |consent: Json| _ = all.save(&consent).await;
        for status in ["draft", "proposed", "rejected", "inactive", "entered-in-error"] {
            set(consent("no", "ada", &deny("")).with("status", Json::text(status))).await;
            assert!(shows(&api, "o-ada").await, "{status}");
        }
        for (period, hidden) in [
            (r#","period":{"end":"2020-01-01"}"#, false), (r#","period":{"start":"2999-01-01"}"#, false), (r#","period":{"start":"2000-01-01"}"#, true),
            (r#","period":{"start":"2000-01-01","end":"2999-01-01"}"#, true), ("", true),
        ] {
            set(consent("no", "ada", &deny(period))).await;
            assert_eq!(shows(&api, "o-ada").await, !hidden, "{period}");
        }
        for scope in ["adr", "treatment", "research"] {
            let other = Json::of(&consent("no", "ada", &deny("")).to_string().replace("patient-privacy", scope));
            set(other).await;
            assert!(shows(&api, "o-ada").await, "{scope}");
        }
        // Of no patient: it hides nobody's.
        let nobodys = Json::of(&consent("none", "ada", &deny("")).to_string().replace(r#""patient":{"reference":"Patient/ada"},"#, ""));
        all.save(&nobodys).await;
        assert!(shows(&api, "o-ada").await && shows(&api, "o-ben").await);
    }

    async fn c28_a_deny_wins_whichever_is_older_and_a_newer_one_of_its_series_takes_its_place(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        all.delete("/Consent/no").await;
        let dated = |id: &str, rule: &str, date: &str, series: &str| {
            let identifier = format!(r#"[{{"system":"urn:series","value":"{series}"}}]"#);
            consent(id, "ada", &format!(r#"{{"type":"{rule}"}}"#)).with("dateTime", Json::text(date)).with("identifier", Json::of(&identifier))
        };
        for (permit, deny) in [("2024-01-01", "2025-01-01"), ("2025-01-01", "2024-01-01"), ("2025-01-01", "2025-01-01")] {
            all.save(&dated("c-a", "permit", permit, "a")).await;
            all.save(&dated("c-b", "deny", deny, "b")).await;
            assert!(!shows(&api, "o-ada").await, "{permit} {deny}");
        }
        // The same series: the newer one alone. A date that is set back does not bring an older one back.
        all.save(&dated("c-a", "permit", "2025-06-01", "b")).await;
        assert!(shows(&api, "o-ada").await);
        all.save(&dated("c-a", "permit", "2023-06-01", "b")).await;
        assert!(!shows(&api, "o-ada").await);
    }

    async fn c29_c30_what_is_not_understood_makes_a_deny_match_and_a_permit_not(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        for doubt in [
            r#","modifierExtension":[{"url":"urn:unknown","valueBoolean":true}]"#,
            r#","class":[{"system":"urn:unknown","code":"Nothing"}]"#,
            r#","securityLabel":[{"system":"urn:unknown","code":"X"}]"#,
            r#","action":[{"coding":[{"system":"urn:unknown","code":"look"}]}]"#,
            r#","actor":[{"role":{"text":"anybody"},"reference":{"display":"somebody"}}]"#,
        ] {
            // The default permits: a doubtful deny hides, a doubtful permit beside a deny does not show.
            all.save(&consent("no", "ada", &format!(r#"{{"type":"permit","provision":[{{"type":"deny"{doubt}}}]}}"#))).await;
            assert!(!shows(&api, "o-ada").await, "{doubt}");
            all.save(&consent("no", "ada", &format!(r#"{{"type":"deny","provision":[{{"type":"permit"{doubt}}}]}}"#))).await;
            assert!(!shows(&api, "o-ada").await, "{doubt}");
        }
        // Deeper than anybody writes: not enforceable as a permit.
        let deep = r#"{"type":"deny","provision":[{"type":"permit","provision":[{"type":"permit","provision":[{"type":"permit"}]}]}]}"#;
        all.save(&consent("no", "ada", deep)).await;
        assert!(!shows(&api, "o-ada").await);
        // Literally: a permit within a permit adds, a deny within a deny is one.
        for (rule, shown) in [
            (r#"{"type":"permit","provision":[{"type":"permit"}]}"#, true), (r#"{"type":"deny","provision":[{"type":"deny"}]}"#, false),
            (r#"{"type":"deny","provision":[{"type":"permit"}]}"#, true), (r#"{"type":"permit","provision":[{"type":"deny"}]}"#, false),
        ] {
            all.save(&consent("no", "ada", rule)).await;
            assert_eq!(shows(&api, "o-ada").await, shown, "{rule}");
        }
    }

    async fn c31_a_revocation_holds_from_its_commit_for_many_at_once(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        for round in 0..8 {
            let rule = if round % 2 == 0 { "permit" } else { "deny" };
            all.save(&consent("no", "ada", &format!(r#"{{"type":"{rule}"}}"#))).await;
            let asked: Vec<_> = (0..8).map(|_| { let api = api.clone(); tokio::spawn(async move { shows(&api, "o-ada").await }) }).collect();
            for one in asked {
                assert_eq!(one.await.unwrap(), rule == "permit");
            }
        }
    }

    async fn c35_an_old_version_is_as_secret_as_any_version_ever_was(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        let hiv = r#"{"type":"permit","provision":[{"type":"deny","securityLabel":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}]}"#;
        all.save(&consent("no", "ben", hiv)).await;
        let plain = record("ben").remove(2);
        let label = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
        all.save(&plain.clone().with("meta", Json::of(label))).await.expect(200);
        assert!(!shows(&api, "o-ben").await);
        all.save(&plain).await.expect(200);
        assert!(shows(&api, "o-ben").await, "the label was taken away again");
        for version in ["/_history/1", "/_history/2", "/_history/3"] {
            api.get(&format!("/Observation/o-ben{version}")).await.expect(404);
        }
        let history = api.get("/Observation/o-ben/_history").await;
        assert!(history.status == 404 || history.json().items("entry").is_empty());
        let of_type = api.get("/Observation/_history").await.expect(200).json();
        assert!(of_type.items("entry").iter().all(|entry| entry.str("resource.id") != Some("o-ben")));
    }

    async fn c35_what_was_moved_to_another_patient_takes_nobodys_past_along(engine: Engine) {
        let world = World::start(engine).await;
        let (all, api) = (world.all.client(), world.api());
        let moved = record("ada").remove(2);
        let subject = Json::of(r#"{"reference":"Patient/ben"}"#);
        all.save(&moved.with("subject", subject).with("encounter", Json::of(r#"{"reference":"Encounter/e-ben"}"#)))
            .await
            .expect(200);
        assert!(shows(&api, "o-ada").await, "it is ben's now");
        for past in ["/_history/1", "/_history/2"] {
            api.get(&format!("/Observation/o-ada{past}")).await.expect(404);
        }
        for history in ["/Observation/o-ada/_history", "/Observation/_history", "/_history"] {
            let answer = api.get(history).await;
            let found = answer.status == 200
                && answer.json().items("entry").iter().any(|entry| entry.str("resource.id") == Some("o-ada"));
            assert!(!found, "{history}");
        }
        all.get("/Observation/o-ada/_history/1").await.expect(200);
    }

    async fn c38_who_is_denied_writes_no_consent_that_permits(engine: Engine) {
        let world = World::start(engine).await;
        let api = world.api();
        let written = api.save(&consent("mine", "ada", r#"{"type":"permit"}"#)).await;
        assert!((400..500).contains(&written.status), "{}", written.status);
        let revoked = api.save(&consent("no", "ada", r#"{"type":"permit"}"#)).await;
        assert!((400..500).contains(&revoked.status), "{}", revoked.status);
        assert!((400..500).contains(&api.delete("/Consent?patient=ada").await.status) || world.all.client().get("/Consent/no").await.status == 200);
        assert!(!shows(&api, "o-ada").await);
        let other = attacker(&world.all, "Practitioner/other");
        assert!(!shows(&other.client(), "o-ada").await);
    }
}
