//! What a definition, or what it meets, must not do to the gateway: no value stops the work on others or makes a write fail.

use std::time::{Duration, Instant};

use super::{define, matches, parameter, ready, rows};
use gateway_tests::{Engine, Json, Server, own, patient, suite};

suite! {
    async fn values_that_stand_twice_are_indexed_once(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut twice = patient("twice", "Adams");
        let again = |one: &str| Json::of(&format!("[{one},{one}]"));
        twice.set("", "identifier", again(r#"{"system":"urn:example:mrn","value":"m1"}"#));
        twice.set("", "generalPractitioner", again(r#"{"reference":"Practitioner/p"}"#));
        twice.set("", "contact", again(r#"{"name":{"family":"Baker"},"period":{"start":"2020-01-01","end":"2020-01-01"}}"#));
        let mut practitioner = Json::of(r#"{"resourceType":"Practitioner","id":"p"}"#);
        practitioner.set("", "active", Json::of("true"));
        api.save(&practitioner).await.expect(201);
        api.save(&twice).await.expect(201);
        let person = r#""Patient""#;
        for (kind, expression, value) in [
            ("token", "Patient.identifier", "urn:example:mrn|m1"),
            ("reference", "Patient.generalPractitioner", "Practitioner/p"),
            ("date", "Patient.contact.period", "2020-01-01"),
            ("string", "Patient.contact.name.family", "baker"),
            ("token", "Patient.identifier.select(value.replace('1', '1'))", "m1"),
        ] {
            define(&api, &parameter(&format!("own-{kind}"), person, kind, expression, "")).await;
            assert_eq!(matches(&api, &format!("Patient?own-{kind}={value}")).await, "twice", "{kind}");
        }
        // A writer that comes later makes the same rows.
        let before = rows(&server).await;
        api.save(&twice).await.expect(200);
        assert_eq!(rows(&server).await, before);
    }

    async fn what_fails_for_one_organization_does_not_keep_another_from_its_own(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("a", "Adams")).await.expect(201);
        let (organizations, table) = (own(engine, "gateway_organizations"), own(engine, "search_parameters"));
        let mut sql = server.sql().await;
        sql.run(&format!(
            "insert into {organizations} (id, name, time_zone, created) values (0, 'Broken', 'UTC', 0) on conflict do nothing;
             insert into {table} (organization_id, number, id, state, definition) values (0, 1, 'broken', 'indexing', '{{}}')"
        )).await;
        api.save(&parameter("fam", r#""Patient""#, "string", "Patient.name.family", "")).await.expect(201);
        ready(&api, "fam").await;
        assert_eq!(matches(&api, "Patient?fam=adams").await, "a");
    }

    async fn a_text_that_no_database_keeps_is_no_value(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("before", "Adams")).await.expect(201);
        let person = r#""Patient""#;
        for (id, kind, expression) in [
            ("nul-string", "string", r"Patient.name.select(family & '\u0000')"),
            ("nul-token", "token", r"Patient.name.select('\u0000')"),
            ("nul-hex", "token", "Patient.name.select('4100'.decode('hex'))"),
            ("nul-uri", "uri", r"Patient.name.select(family & '\u0000')"),
            ("nul-unit", "quantity", r"Patient.name.select('5 \'a\u0000\''.toQuantity())"),
            ("some", "string", r"Patient.name.select(family & '\u0000') | Patient.name.family"),
        ] {
            define(&api, &parameter(id, person, kind, expression, "")).await;
        }
        api.save(&patient("after", "Adams")).await.expect(201);
        api.save(&patient("before", "Baker")).await.expect(200);
        // The value beside it counts.
        assert_eq!(matches(&api, "Patient?some:exact=Adams").await, "after");
        assert_eq!(matches(&api, "Patient?some:exact=Baker").await, "before");
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name, sex) values ('foreign', 1, 'Clark', 'F')").await;
        assert_eq!(matches(&api, "Patient?some=clark").await, "foreign");
        assert_eq!(matches(&api, "Patient?family=clark").await, "foreign");
    }

    async fn a_costly_expression_is_given_up_before_it_costs_a_write_much(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let person = r#""Patient""#;
        // A pattern of its own for each of many items.
        let costly = r"Patient.name.given.select('abc'.matches('\\w{10}' & $index.toString()))";
        define(&api, &parameter("costly", person, "token", costly, "")).await;
        define(&api, &parameter("same", person, "token", r"Patient.name.given.select($this.matches('^given\\d+x*$'))", "")).await;
        define(&api, &parameter("given-too", person, "string", "Patient.name.given", "")).await;
        let with = |id: &str, count: usize, padding: usize| {
            let mut person = patient(id, "Adams");
            let given: Vec<String> = (0..count).map(|number| format!("\"given{number}{}\"", "x".repeat(padding))).collect();
            person.set("", "name", Json::of(&format!(r#"[{{"given":[{}]}}]"#, given.join(","))));
            person
        };
        let begun = Instant::now();
        api.save(&with("many", 900, 0)).await.expect(201);
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
        // What costs little is found beside what costs much; one pattern for all is compiled once.
        assert_eq!(matches(&api, "Patient?given-too:exact=given899").await, "many");
        assert_eq!(matches(&api, "Patient?same=true").await, "many");
        assert_eq!(matches(&api, "Patient?costly=false").await, "");
        // More bytes than a parameter takes are none.
        api.save(&with("large", 900, 2000)).await.expect(201);
        assert_eq!(matches(&api, "Patient?given-too=given899").await, "many");
        // The work on what is stored comes to its end as well.
        define(&api, &parameter("later", person, "token", costly, "")).await;
        define(&api, &parameter("later-too", person, "string", "Patient.name.given", "")).await;
        assert_eq!(matches(&api, "Patient?later-too=given899").await, "many");
    }
}
