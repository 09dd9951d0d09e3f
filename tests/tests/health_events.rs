//! What people report of themselves: events by SQL and by FHIR, in one table that is only appended to; nothing of
//! `event_data` is ever dropped.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, patient, row_key, suite};

fn event(id: &str, kind: &str, subtype: &str, data: &str) -> String {
    format!("insert into health_events (id, organization_id, patient_id, event_type, event_subtype, event_data, occurred_at, recorded_at, source)
             values ('{id}', 1, 'he', '{kind}', {subtype}, '{data}', '2026-03-01T08:00:00Z', '2026-03-01T08:00:05Z', 'app')")
}

const DATA: &str = "https://fhir-gateway.dev/StructureDefinition/event-data";

fn rest(resource: &Json) -> Option<Json> {
    let extension = resource.items("extension").iter().find(|extension| extension.str("url") == Some(DATA))?;
    Some(Json::of(extension.str("valueString").unwrap()))
}

async fn read(api: &Client, path: &str) -> Json {
    api.get(path).await.expect(200).json()
}

suite! {
    async fn every_kind_of_event_is_a_resource(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("he", "x")).await.expect(201);
        sql.run(&event("m1", "mood", "null", r#"{"score": 7, "note": "better", "triggers": ["work", "sleep"], "weather": {"sun": true}}"#)).await;
        sql.run(&event("s1", "symptom", "'headache'", r#"{"severity": 4, "location": "left temple", "aura": false}"#)).await;
        sql.run(&event("a1", "activity", "'walk'", r#"{"minutes": 30, "steps": 4000, "route": "park"}"#)).await;
        sql.run(&event("z1", "sleep", "null", r#"{"hours": 7.5, "quality": 3}"#)).await;
        sql.run(&event("v1", "vital", "'heart_rate'", r#"{"value": 64, "unit": "beats/minute", "ucum": "/min"}"#)).await;
        sql.run(&event("d1", "medication", "null", r#"{"name": "Metformin", "dose": "500 mg", "taken": true, "late_by": 12}"#)).await;
        sql.run(&event("d2", "medication", "null", r#"{"name": "Metformin", "taken": false}"#)).await;
        sql.run(&event("c1", "checkin", "null", r#"{"mood": 6, "confidence": 8, "medication_taken": true, "energy": 2, "note": "ok"}"#)).await;
        let mood = read(&api, "/Observation/mood-m1").await;
        assert_eq!((mood.str("status"), mood.str("valueInteger"), mood.str("note.0.text")), (Some("final"), Some("7"), Some("better")));
        assert_eq!(rest(&mood).unwrap(), Json::of(r#"{"weather":{"sun":true},"triggers":["work","sleep"]}"#));
        let symptom = read(&api, "/Observation/symptom-s1").await;
        assert_eq!((symptom.str("valueInteger"), symptom.str("bodySite.text")), (Some("4"), Some("left temple")));
        assert_eq!(rest(&symptom).unwrap(), Json::of(r#"{"aura":false}"#));
        assert!(symptom.to_string().contains("headache"));
        let walk = read(&api, "/Observation/activity-a1").await;
        assert_eq!((walk.str("valueQuantity.value"), walk.str("component.0.valueQuantity.value")), (Some("30"), Some("4000")));
        let sleep = read(&api, "/Observation/sleep-z1").await;
        assert_eq!((sleep.str("valueQuantity.value"), sleep.str("valueQuantity.code")), (Some("7.5"), Some("h")));
        let rate = read(&api, "/Observation/vital-v1").await;
        assert!(rate.to_string().contains("8867-4") && rest(&rate).is_none(), "{rate}");
        let taken = read(&api, "/MedicationAdministration/dose-d1").await;
        assert_eq!((taken.str("status"), taken.str("medicationCodeableConcept.text"), taken.str("dosage.text")), (Some("completed"), Some("Metformin"), Some("500 mg")));
        assert_eq!(rest(&taken).unwrap(), Json::of(r#"{"late_by":12}"#));
        assert_eq!(read(&api, "/MedicationAdministration/dose-d2").await.str("status"), Some("not-done"));
        let checkin = read(&api, "/QuestionnaireResponse/checkin-c1").await;
        assert_eq!(checkin.str("status"), Some("completed"));
        assert_eq!(checkin.items("item").len(), 4);
        assert_eq!(rest(&checkin).unwrap(), Json::of(r#"{"energy":2}"#));
        assert_eq!(api.search("/Observation?patient=he").await.len(), 5);
        let legacy = sql.rows("select mood_today, confidence_today, medication_taken from daily_checkins_legacy").await;
        assert_eq!(legacy, [[Some("6"), Some("8"), Some("yes")].map(|cell| cell.map(str::to_owned))]);
        // Written back as they were read, they are appended as they were.
        for path in ["/Observation/mood-m1", "/MedicationAdministration/dose-d1", "/QuestionnaireResponse/checkin-c1"] {
            let resource = read(&api, path).await;
            api.save(&resource).await.expect(200);
            let again = read(&api, path).await;
            let behind = |json: &Json| json.to_string().split_once("},").unwrap().1.to_owned();
            assert_eq!(behind(&again), behind(&resource));
            let key = row_key(&mut sql, path.split('/').nth(1).unwrap(), path.rsplit('/').next().unwrap()).await;
            let same = format!("select count(*) from health_events new join health_events old on old.id = new.supersedes_id where new.id = '{key}'
                and new.event_data = old.event_data and new.source = old.source and new.occurred_at = old.occurred_at and new.status = old.status");
            assert_eq!(sql.count(&same).await, 1, "law 2: {path}");
        }
        assert_eq!(server.verified().await, 0);
    }

    async fn events_arrive_by_fhir_too(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("he", "x")).await.expect(201);
        let text = r#"{"resourceType":"Observation","id":"e1","extension":[{"url":"https://fhir-gateway.dev/StructureDefinition/event-data","valueString":"{\"zz\":[1.10,null],\"b\":\"c\"}"}],"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}],"code":{"coding":[{"system":"https://fhir-gateway.dev/CodeSystem/health-event","code":"mood"}],"text":"How are you?"},"subject":{"reference":"Patient/he"},"effectiveDateTime":"2026-03-01T08:00:00+01:00","valueInteger":5}"#;
        api.save(&Json::of(text)).await.expect(201);
        let read = String::from_utf8(api.get("/Observation/e1").await.expect(200).body.to_vec()).unwrap();
        assert_eq!(read.split_once("},").unwrap().1, text.split_once(r#""e1","#).unwrap().1, "byte for byte behind meta");
        assert_eq!(sql.value("select event_data ->> 'b' from health_events where id = 'e1'").await, "c");
        assert_eq!(sql.value("select cast(event_data ->> 'score' as text) from health_events where id = 'e1'").await, "5");
        api.delete("/Observation/e1").await.expect(204);
        assert_eq!(sql.count("select count(*) from health_events where status = 'entered-in-error' and supersedes_id = 'e1' and event_type = 'mood'").await, 1);
        assert!(sql.attempt("update health_events set source = 'x'").await.is_err(), "append-only");
        assert!(sql.attempt("delete from health_events").await.is_err(), "append-only");
        // The patient's rows stay, and so does the patient's own.
        api.delete("/Patient/he").await.expect(204);
        assert_eq!(sql.count("select count(*) from health_events").await, 2);
        assert_eq!(server.verified().await, 0);
    }
}
