//! The SOAP note: its tables, the Composition they read as, and the cumulative record that signed notes are merged into.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Server, Sql, patient, suite, transaction};

const LOINC: &str = "http://loinc.org";

/// A section of a Composition, by its code.
fn section(note: &Json, code: &str) -> Option<Json> {
    note.items("section").iter().find(|section| section.str("code.coding.0.code") == Some(code)).cloned()
}

/// What a section refers to.
fn entries(note: &Json, code: &str) -> Vec<String> {
    let section = section(note, code).unwrap_or_else(|| panic!("no section {code} in {note}"));
    section.items("entry").iter().map(|entry| entry.str("reference").unwrap().to_owned()).collect()
}

fn text_section(code: &str, text: &str, entries: &[&str]) -> String {
    let entries: Vec<String> = entries.iter().map(|entry| format!(r#"{{"reference":"{entry}"}}"#)).collect();
    format!(
        r#"{{"title":"T","code":{{"coding":[{{"system":"{LOINC}","code":"{code}"}}]}},"text":{{"status":"generated",
        "div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>"}},"entry":[{}]}}"#,
        entries.join(",")
    )
}

fn note(id: &str, patient: &str, status: &str, sections: &[String]) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Composition","id":"{id}","status":"{status}","type":{{"coding":[{{"system":"{LOINC}",
        "code":"11506-3"}}]}},"subject":{{"reference":"Patient/{patient}"}},"date":"2026-02-03T10:00:00Z",
        "author":[{{"reference":"Practitioner/{patient}-dr"}}],"title":"Visit","section":[{}]}}"#,
        sections.join(",")
    ))
}

fn allergy(id: &str, patient: &str, name: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"AllergyIntolerance","id":"{id}","clinicalStatus":{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}}]}},
        "code":{{"text":"{name}"}},"patient":{{"reference":"Patient/{patient}"}},"recordedDate":"2026-02-03T10:05:00Z"}}"#
    ))
}

fn condition(id: &str, patient: &str, code: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Condition","id":"{id}","clinicalStatus":{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}}]}},
        "verificationStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status",
        "code":"confirmed"}}]}},"category":[{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis"}}]}}],
        "code":{{"coding":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"{code}"}}],"text":"Problem {code}"}},
        "subject":{{"reference":"Patient/{patient}"}},"recordedDate":"2026-02-03T10:06:00Z"}}"#
    ))
}

fn practitioner(id: &str) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Practitioner","id":"{id}","name":[{{"family":"Example"}}]}}"#))
}

/// The entries of a section of the cumulative record.
async fn record(sql: &mut Sql, patient: &str, section: &str) -> Vec<Json> {
    let text = sql
        .rows(&format!(
            "select cast(cumulative_medical_record as text) from patient_profiles where patient_id = '{patient}'"
        ))
        .await;
    let Some(Some(text)) = text.first().and_then(|row| row.first()).cloned() else { return Vec::new() };
    Json::of(&text).items(section).to_vec()
}

fn names(entries: &[Json]) -> Vec<String> {
    entries.iter().map(|entry| entry.str("name").unwrap().to_owned()).collect()
}

async fn has_history(api: &Client, patient: &str) -> bool {
    let answer = api.get(&format!("/Patient/{patient}/$has-history")).await.expect(200).json();
    answer.items("parameter").iter().any(|parameter| {
        parameter.str("name") == Some("hasHistory") && parameter.at("valueBoolean").unwrap().to_string() == "true"
    })
}

suite! {
    /// The day: another program books a visit and drafts a note by SQL; it reads as preliminary; the clinician signs it by
    /// SQL; record, summary and history show it; a FHIR client adds an allergy; the SQL program finds it in its table.
    async fn a_day_in_the_clinic(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, first_name, last_name, sex, date_of_birth) values ('day', 1, 'Ada', 'Day', 'F', '1980-05-06');
            insert into practitioners (id, organization_id) values ('day-dr', 1);
            insert into appointments (id, organization_id, patient_id, status, starts_at, ends_at) values ('day-visit', 1, 'day', 'booked', '2026-02-03T09:00:00Z', '2026-02-03T09:30:00Z')").await;
        let visit = api.get("/Appointment/day-visit").await.expect(200).json();
        assert_eq!(visit.str("status"), Some("booked"));
        assert!(!has_history(&api, "day").await, "nothing is known yet");

        sql.run("insert into soap_notes (id, organization_id, patient_id, provider_id, appointment_id, status, written_at, subjective, assessment, generated)
                values ('day-note', 1, 'day', 'day-dr', 'day-visit', 'draft', '2026-02-03T09:10:00Z', 'Cough for a week.', 'Bronchitis', true);
            insert into soap_objective_vital_signs (id, organization_id, soap_note_id, measured_at, body_temperature) values ('day-vs', 1, 'day-note', '2026-02-03T09:12:00Z', 38.4);
            insert into soap_assessment_problem_list (id, organization_id, soap_note_id, problem, icd10_code, clinical_status) values ('day-dx', 1, 'day-note', 'Acute bronchitis', 'J20.9', 'active');
            insert into soap_plan_medication (id, organization_id, soap_note_id, medication_name, status, intent) values ('day-rx', 1, 'day-note', 'Ambroxol', 'active', 'order')").await;
        let draft = api.get("/Composition/day-note").await.expect(200).json();
        assert_eq!(draft.str("status"), Some("preliminary"));
        assert!(section(&draft, "61150-9").unwrap().str("text.div").unwrap().contains("Cough for a week."));
        assert_eq!(entries(&draft, "61149-1"), ["Observation/vs-day-vs-temp"]);
        assert_eq!(api.get("/Observation/vs-day-vs-temp").await.expect(200).json().str("status"), Some("preliminary"));
        // What is not signed is nobody's prescription and nobody's diagnosis.
        assert_eq!(api.search("/MedicationRequest?patient=day").await, Vec::<String>::new());
        assert_eq!(api.search("/Condition?patient=day").await, Vec::<String>::new());
        assert!(!has_history(&api, "day").await, "a draft is no history");
        assert_eq!(record(&mut sql, "day", "conditions").await.len(), 0, "a draft is never merged");

        sql.run("update soap_notes set status = 'signed', signed_by = 'day-dr', signed_at = '2026-02-03T09:40:00Z' where id = 'day-note'").await;
        let signed = api.get("/Composition/day-note").await.expect(200).json();
        assert_eq!((signed.str("status"), signed.str("meta.versionId")), (Some("final"), Some("2")));
        assert_eq!(signed.str("attester.0.party.reference"), Some("Practitioner/day-dr"));
        assert_eq!(entries(&signed, "51848-0"), ["Condition/soap-day-dx"]);
        assert_eq!(entries(&signed, "18776-5"), ["MedicationRequest/soap-day-rx"]);
        assert_eq!(api.get("/Observation/vs-day-vs-temp").await.expect(200).json().str("status"), Some("final"));
        assert_eq!(names(&record(&mut sql, "day", "conditions").await), ["Acute bronchitis"]);
        assert_eq!(names(&record(&mut sql, "day", "medications").await), ["Ambroxol"]);
        assert!(has_history(&api, "day").await);
        let summary = api.get("/Patient/day/$summary").await.expect(200).json().to_string();
        assert!(summary.contains("Condition/soap-day-dx") && summary.contains("MedicationRequest/soap-day-rx"), "{summary}");
        let snapshot = api.get("/Appointment/day-visit/$visit-snapshot").await.expect(200).json().to_string();
        assert!(snapshot.contains("Acute bronchitis"), "{snapshot}");

        api.save(&allergy("day-allergy", "day", "Penicillin")).await.expect(201);
        assert_eq!(sql.value("select substance from allergies where id = 'day-allergy'").await, "Penicillin");
        assert!(api.get("/Patient/day/$summary").await.expect(200).json().to_string().contains("AllergyIntolerance/day-allergy"));
    }

    /// A note with its rows in one transaction lies in the SOAP tables, reads as it was sent, and is merged at once.
    async fn a_note_written_as_fhir_lies_in_the_tables(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        let sent = note("sf-note", "sf", "final", &[
            text_section("61150-9", "Itching", &["AllergyIntolerance/sf-allergy"]),
            text_section("51848-0", "Urticaria", &["Condition/sf-dx"]),
        ]);
        let set = [
            allergy("sf-allergy", "sf", "Nickel"),
            condition("sf-dx", "sf", "L50.9"),
            sent.clone(),
            practitioner("sf-dr"),
            patient("sf", "Fhir"),
        ];
        api.post("", transaction(&set)).await.expect(200);
        assert_eq!(sql.value("select status || ' ' || subjective from soap_notes where id = 'sf-note'").await, "signed Itching");
        assert_eq!(sql.value("select allergen from soap_subjective_allergies where soap_note_id = 'sf-note'").await, "Nickel");
        assert_eq!(sql.value("select icd10_code from soap_assessment_problem_list where soap_note_id = 'sf-note'").await, "L50.9");
        assert_eq!(names(&record(&mut sql, "sf", "allergies").await), ["Nickel"]);
        assert_eq!(names(&record(&mut sql, "sf", "conditions").await), ["Problem L50.9"]);
        for resource in &set {
            let path = format!("/{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap());
            let read = api.get(&path).await.expect(200).json().without_server_meta();
            assert_eq!(resource.difference(&read), None, "{path}");
        }
        // Taken back by FHIR, it leaves the record.
        api.save(&sent.with("status", Json::text("entered-in-error"))).await.expect(200);
        assert_eq!(record(&mut sql, "sf", "allergies").await.len(), 0);
        assert_eq!(record(&mut sql, "sf", "conditions").await.len(), 0);
    }

    /// Preliminary, a note keeps its rows out of the clinic's tables of signed facts, and out of the record.
    async fn a_draft_written_as_fhir_is_not_merged(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        let sent = note("sd-note", "sd", "preliminary", &[text_section("51848-0", "?", &["Condition/sd-dx"])]);
        let set = [condition("sd-dx", "sd", "I10"), sent.clone(), practitioner("sd-dr"), patient("sd", "Draft")];
        api.post("", transaction(&set)).await.expect(200);
        assert_eq!(sql.value("select status from soap_notes where id = 'sd-note'").await, "draft");
        assert_eq!(record(&mut sql, "sd", "conditions").await.len(), 0);
        let read = api.get("/Condition/sd-dx").await.expect(200).json().without_server_meta();
        assert_eq!(set[0].difference(&read), None);
        assert!(!has_history(&api, "sd").await || sql.count("select count(*) from soap_assessment_problem_list where soap_note_id = 'sd-note'").await == 0);
    }

    /// What others wrote into the record stays; merging again changes nothing; amended and withdrawn notes are followed; an
    /// organization can turn it off.
    async fn the_record_is_merged_idempotently(server: &'static Server) {
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name) values ('mg', 1, 'Merge');
            insert into patient_profiles (patient_id, organization_id, cumulative_medical_record) values ('mg', 1, '{\"allergies\": [{\"name\": \"Latex\"}], \"bloodGroup\": \"0+\"}');
            insert into soap_notes (id, organization_id, patient_id, status, written_at) values ('mg-1', 1, 'mg', 'draft', '2026-01-01T10:00:00Z');
            insert into soap_subjective_allergies (id, organization_id, soap_note_id, allergen, clinical_status) values ('mg-a1', 1, 'mg-1', 'Penicillin', 'active')").await;
        assert_eq!(names(&record(&mut sql, "mg", "allergies").await), ["Latex"]);
        sql.run("update soap_notes set status = 'signed', signed_by = 'dr' where id = 'mg-1'").await;
        assert_eq!(names(&record(&mut sql, "mg", "allergies").await), ["Latex", "Penicillin"]);
        let whole = "select cast(cumulative_medical_record as text) || medical_record_last_updated_at || medical_record_last_soap_note_id from patient_profiles where patient_id = 'mg'";
        let before = sql.value(whole).await;
        assert!(before.contains("bloodGroup"));
        sql.run("update soap_notes set status = 'signed' where id = 'mg-1'").await;
        sql.run("insert into soap_merge_queue (patient_id, organization_id) values ('mg', 1)").await;
        assert_eq!(sql.value(whole).await, before, "merging twice changes nothing, not even the time");
        assert_eq!(sql.count("select count(*) from soap_merge_queue").await, 0);

        sql.run("insert into soap_notes (id, organization_id, patient_id, status, written_at, signed_by) values ('mg-2', 1, 'mg', 'signed', '2026-03-01T10:00:00Z', 'dr');
            insert into soap_subjective_allergies (id, organization_id, soap_note_id, allergen, clinical_status) values ('mg-a2', 1, 'mg-2', 'penicillin', 'resolved')").await;
        let allergies = record(&mut sql, "mg", "allergies").await;
        assert_eq!(allergies.len(), 2, "one thing is one entry, however it is spelt: {allergies:?}");
        assert_eq!((allergies[1].str("status"), allergies[1].str("soap_note_id")), (Some("resolved"), Some("mg-2")));
        assert!(allergies[1].str("first_noted").unwrap().starts_with("2026-01-01"));
        sql.run("update soap_notes set status = 'entered-in-error' where id = 'mg-2'").await;
        assert_eq!(record(&mut sql, "mg", "allergies").await[1].str("status"), Some("active"), "the note before counts again");
        sql.run("delete from soap_subjective_allergies where id = 'mg-a1'").await;
        assert_eq!(names(&record(&mut sql, "mg", "allergies").await), ["Latex"]);
    }

    /// A row of a note follows its resource, and what the note says beside it (who wrote it) is not put into the resource.
    async fn rows_of_a_note_follow_their_resources(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let sent = note("sr-note", "sr", "final", &[text_section("51848-0", "X", &["Condition/sr-dx"])]);
        let dx = condition("sr-dx", "sr", "I10");
        let set = [dx.clone(), sent.clone(), practitioner("sr-dr"), practitioner("sr-other"), patient("sr", "Row")];
        api.post("", transaction(&set)).await.expect(200);
        let row = "select problem from soap_assessment_problem_list where soap_note_id = 'sr-note'";
        assert_eq!(sql.value(row).await, "Problem I10");
        let mut other = dx.clone();
        other.set("code", "text", Json::text("Hypertension"));
        api.save(&other).await.expect(200);
        assert_eq!(sql.value(row).await, "Hypertension");
        let read = api.get("/Condition/sr-dx").await.expect(200).json().without_server_meta();
        assert_eq!(other.difference(&read), None, "no recorder is invented");
        assert_eq!(sql.count("select count(*) from soap_assessment_problem_list").await, 1);
        assert_eq!(names(&record(&mut sql, "sr", "conditions").await), ["Hypertension"]);
        server.verified().await;
        // Another program gives the note to another provider: that is news, and shows.
        sql.run("update soap_notes set provider_id = 'sr-other' where id = 'sr-note'").await;
        let read = api.get("/Condition/sr-dx").await.expect(200).json();
        assert_eq!(read.str("recorder.reference"), Some("Practitioner/sr-other"));
        // The item goes by FHIR: the note does not list it any more by itself, and the record forgets it.
        api.delete("/Condition/sr-dx").await.expect(204);
        assert_eq!(sql.count("select count(*) from soap_assessment_problem_list where deleted_at is null").await, 0);
        assert_eq!(record(&mut sql, "sr", "conditions").await.len(), 0);
        server.verified().await;
    }

    /// The gateway's own column says nothing of the patient: looking at notes for the first time writes it and merges nothing;
    /// every other change is merged.
    async fn looking_at_notes_merges_nothing(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("create table merges (patient_id text)").await;
        sql.run(match engine {
            Engine::Sqlite => "create trigger merges after insert on soap_merge_queue begin insert into merges values (new.patient_id); end",
            Engine::Postgres => "create function merges() returns trigger language plpgsql security definer as $$ begin insert into public.merges values (new.patient_id); return null; end $$;
                create trigger merges after insert on soap_merge_queue for each row execute function merges()",
        }).await;
        sql.run("insert into patients (id, organization_id, last_name) values ('lm', 1, 'Look');
            insert into soap_notes (id, organization_id, patient_id, status, signed_by) values ('lm-1', 1, 'lm', 'signed', 'dr');
            insert into soap_subjective_allergies (id, organization_id, soap_note_id, allergen) values ('lm-a', 1, 'lm-1', 'Nuts');
            insert into soap_subjective_current_medications (id, organization_id, soap_note_id, medication_name) values ('lm-m', 1, 'lm-1', 'Aspirin');
            insert into soap_assessment_problem_list (id, organization_id, soap_note_id, problem) values ('lm-c', 1, 'lm-1', 'Gout');
            insert into soap_plan_medication (id, organization_id, soap_note_id, medication_name, status, intent) values ('lm-p', 1, 'lm-1', 'Colchicine', 'active', 'order');
            insert into soap_plan_orders_and_procedures (id, organization_id, soap_note_id, kind, name, status) values ('lm-o', 1, 'lm-1', 'procedure', 'EKG', 'completed')").await;
        assert_eq!(names(&record(&mut sql, "lm", "conditions").await), ["Gout"]);
        sql.run("delete from merges").await;
        assert_eq!(api.search("/Composition?patient=lm").await.len(), 1);
        for table in ["soap_notes", "soap_subjective_allergies", "soap_subjective_current_medications", "soap_assessment_problem_list", "soap_plan_medication", "soap_plan_orders_and_procedures"] {
            assert_eq!(sql.count(&format!("select count(*) from {table} where fhir_residue is null")).await, 0, "{table} has not been looked at");
        }
        assert_eq!(sql.count("select count(*) from merges").await, 0);
        sql.run("update soap_assessment_problem_list set problem = 'Gout of the foot' where id = 'lm-c'").await;
        assert_eq!(names(&record(&mut sql, "lm", "conditions").await), ["Gout of the foot"]);
        let mut allergy = api.get("/AllergyIntolerance?patient=lm").await.expect(200).json().at("entry.0.resource").unwrap().clone();
        allergy.set("code", "text", Json::text("Peanuts"));
        api.save(&allergy).await.expect(200);
        assert_eq!(names(&record(&mut sql, "lm", "allergies").await), ["Peanuts"]);
        server.verified().await;
    }

    /// MedZen's switch.
    async fn merging_can_be_turned_off(engine: Engine) {
        let server = Server::start(engine);
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name) values ('off', 1, 'Off');
            insert into clinic_settings (organization_id, name, value) values (1, 'merge_soap_notes', 'off');
            insert into soap_notes (id, organization_id, patient_id, status, signed_by) values ('off-1', 1, 'off', 'signed', 'dr');
            insert into soap_assessment_problem_list (id, organization_id, soap_note_id, problem) values ('off-c', 1, 'off-1', 'Gout')").await;
        assert_eq!(record(&mut sql, "off", "conditions").await.len(), 0);
        sql.run("delete from clinic_settings;
            insert into soap_merge_queue (patient_id, organization_id) select distinct patient_id, organization_id from soap_notes").await;
        assert_eq!(names(&record(&mut sql, "off", "conditions").await), ["Gout"]);
        // What is no JSON object is somebody's own: notes can be signed all the same.
        let broken = if engine == Engine::Sqlite { "not JSON" } else { "[1]" };
        sql.run(&format!("update patient_profiles set cumulative_medical_record = '{broken}' where patient_id = 'off'; update soap_notes set status = 'amended' where id = 'off-1'")).await;
        assert!(sql.value("select cast(cumulative_medical_record as text) from patient_profiles where patient_id = 'off'").await.starts_with(&broken[..2]));
    }

    /// No generated note is signed by nobody.
    async fn a_generated_note_is_signed_by_somebody(server: &'static Server) {
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name) values ('gen', 1, 'Gen')").await;
        let signed = "insert into soap_notes (id, organization_id, patient_id, status, generated) values ('gen-1', 1, 'gen', 'signed', true)";
        assert!(sql.attempt(signed).await.is_err());
    }
}
