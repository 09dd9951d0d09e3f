//! What the clinic's own programs see in their tables of what came by FHIR, and what FHIR shows of rows that are not as they
//! should be.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Server, hidden_organization, look, own, row_key, suite};

fn named(id: &str, names: &str) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{names}]}}"#))
}

suite! {
    /// Most senders give a name without a use, or the usual one. The columns have it, and another program's word for them wins.
    async fn a_name_without_use_is_in_the_columns(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        let columns = async |sql: &mut gateway_tests::Sql, id: &str| {
            sql.value(&format!("select coalesce(last_name, '-') || '/' || coalesce(first_name, '-') from patients where id = '{id}'")).await
        };
        for (id, names, held) in [
            ("cr-n1", r#"{"family":"Moen","given":["Ada"]}"#, "Moen/Ada"),
            ("cr-n2", r#"{"use":"usual","family":"Moen","given":["Ada"]}"#, "Moen/Ada"),
            ("cr-n3", r#"{"family":"First"},{"use":"usual","family":"Second"},{"use":"official","family":"Third"}"#, "Third/-"),
            ("cr-n4", r#"{"use":"old","family":"Before"},{"family":"First"},{"use":"usual","family":"Second"}"#, "Second/-"),
            ("cr-n5", r#"{"use":"anonymous","family":"Nobody"},{"use":"temp","family":"Guest"}"#, "-/-"),
            ("cr-n6", r#"{"family":"Moen","_family":{"id":"f"},"given":["A","B","C"]}"#, "Moen/A"),
        ] {
            let sent = named(id, names);
            api.save(&sent).await.expect(201);
            assert_eq!(columns(&mut sql, id).await, held, "{names}");
            let got = api.get(&format!("/Patient/{id}")).await.expect(200).json();
            assert_eq!(got.at("name"), sent.at("name"));
            api.save(&got).await.expect(200);
            assert_eq!(columns(&mut sql, id).await, held, "{names}");
        }
        sql.run("update patients set last_name = 'Berg' where id in ('cr-n1', 'cr-n4', 'cr-n5')").await;
        for (id, names) in [
            ("cr-n1", r#"[{"family":"Berg","given":["Ada"]}]"#),
            ("cr-n4", r#"[{"use":"old","family":"Before"},{"family":"First"},{"use":"usual","family":"Berg"}]"#),
            ("cr-n5", r#"[{"use":"anonymous","family":"Nobody"},{"use":"temp","family":"Guest"},{"use":"official","family":"Berg"}]"#),
        ] {
            let got = api.get(&format!("/Patient/{id}")).await.expect(200).json();
            assert_eq!(got.at("name"), Some(&Json::of(names)), "{id}");
        }
        // A PUT without a name clears the columns, however the name came to be there.
        api.save(&Json::of(r#"{"resourceType":"Patient","id":"cr-n1"}"#)).await.expect(200);
        assert_eq!(columns(&mut sql, "cr-n1").await, "-/-");
        sql.run("update patients set last_name = 'Dahl' where id = 'cr-n1'").await;
        let got = api.get("/Patient/cr-n1").await.expect(200).json();
        assert_eq!(look(&got, "name[use=official].family").and_then(Json::as_str), Some("Dahl"));
    }

    /// Pulse oximetry has two codes, of which a client may have sent one; what it was measured with is in columns too.
    async fn a_saturation_has_two_codes(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&named("cr-s", r#"{"family":"Air"}"#)).await.expect(201);
        sql.run("insert into vital_signs (id, organization_id, patient_id, status, oxygen_saturation, oxygen_flow, inhaled_oxygen) values ('cr-s', 1, 'cr-s', 'final', 95, 6, 40)").await;
        let found = api.get("/Observation/vital-cr-s-spo2").await.expect(200).json();
        let codes: Vec<_> = found.items("code.coding").iter().filter_map(|coding| coding.str("code")).collect();
        assert_eq!(codes, ["59408-5", "2708-6"], "{found}");
        for (code, value) in [("3151-8", "6"), ("3150-0", "40")] {
            let parts = found.items("component");
            let part = parts.iter().find(|part| part.str("code.coding.0.code") == Some(code)).unwrap();
            assert_eq!((part.str("code.coding.0.system"), part.str("valueQuantity.value")), (Some("http://loinc.org"), Some(value)));
        }
        for (id, codings) in [
            ("cr-s1", r#"{"system":"http://loinc.org","code":"2708-6"}"#),
            ("cr-s2", r#"{"system":"http://loinc.org","code":"59408-5"}"#),
            ("cr-s3", r#"{"system":"urn:x","code":"o2"},{"system":"http://loinc.org","code":"2708-6"},{"system":"http://loinc.org","code":"59408-5"}"#),
        ] {
            let sent = Json::of(&format!(r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],"code":{{"coding":[{codings}]}},"subject":{{"reference":"Patient/cr-s"}},"valueQuantity":{{"value":97,"unit":"%","system":"http://unitsofmeasure.org","code":"%"}}}}"#));
            api.save(&sent).await.expect(201);
            let key = row_key(&mut sql, "Observation", id).await;
            assert_eq!(sql.value(&format!("select cast(cast(oxygen_saturation as integer) as text) from vital_signs where id = '{key}'")).await, "97");
            let read = api.get(&format!("/Observation/{id}")).await.expect(200).json().without_server_meta();
            assert_eq!(sent.difference(&read), None);
        }
    }

    /// That something could not be measured is said, with the reason; a value that comes later ends it.
    async fn a_sign_that_was_not_measured_says_why(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&named("cr-a", r#"{"family":"Not"}"#)).await.expect(201);
        sql.run("insert into vital_signs (id, organization_id, patient_id, status, weight_absent, systolic, diastolic_absent) values ('cr-a', 1, 'cr-a', 'final', 'asked-declined', 120, 'error')").await;
        let weight = api.get("/Observation/vital-cr-a-weight").await.expect(200).json();
        assert_eq!((weight.str("dataAbsentReason.coding.0.code"), weight.at("valueQuantity")), (Some("asked-declined"), None));
        let pressure = api.get("/Observation/vital-cr-a-bp").await.expect(200).json();
        let reason = pressure.items("component").iter().find_map(|part| part.str("dataAbsentReason.coding.0.code"));
        assert_eq!((pressure.items("component").len(), reason), (2, Some("error")), "{pressure}");
        api.get("/Observation/vital-cr-a-hr").await.expect(404);
        let sent = weight.with("id", Json::text("cr-a1")).without_server_meta();
        api.save(&sent).await.expect(201);
        let key = row_key(&mut sql, "Observation", "cr-a1").await;
        assert_eq!(sql.value(&format!("select weight_absent from vital_signs where id = '{key}'")).await, "asked-declined");
        let read = api.get("/Observation/cr-a1").await.expect(200).json().without_server_meta();
        assert_eq!(sent.difference(&read), None);
        sql.run(&format!("update vital_signs set weight = 70, weight_absent = null where id = '{key}'")).await;
        let weight = api.get("/Observation/cr-a1").await.expect(200).json();
        assert_eq!((weight.str("valueQuantity.value"), weight.at("dataAbsentReason")), (Some("70"), None), "{weight}");
        assert!(sql.attempt(&format!("update vital_signs set weight_absent = 'error' where id = '{key}'")).await.is_err());
    }

    /// What hangs on another organization's note, or on one that is gone, is nobody's: no resource, and named by `map quality`.
    async fn a_row_of_a_note_that_is_not_there_is_no_resource(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&named("cr-h", r#"{"family":"Here"}"#)).await.expect(201);
        hidden_organization(&mut sql).await;
        sql.run("insert into soap_notes (id, organization_id, patient_id, status) values ('cr-h2', 2, 'hidden-0-0', 'signed')").await;
        sql.run("insert into soap_notes (id, organization_id, patient_id, status) values ('cr-h1', 1, 'cr-h', 'signed')").await;
        for (id, note) in [("cr-h1", "cr-h1"), ("cr-h2", "cr-h2")] {
            sql.run(&format!("insert into soap_objective_vital_signs (id, organization_id, soap_note_id, heart_rate) values ('{id}', 1, '{note}', 70)")).await;
            sql.run(&format!("insert into soap_objective_results (id, organization_id, soap_note_id, name) values ('{id}', 1, '{note}', 'Hb')")).await;
        }
        assert_eq!(api.get("/Observation/vs-cr-h1-hr").await.expect(200).json().str("subject.reference"), Some("Patient/cr-h"));
        api.get("/Observation/vs-cr-h2-hr").await.expect(404);
        assert_eq!(api.search("/Observation?_id=vs-cr-h2-hr").await, [""; 0]);
        let data_dir = server.data_dir().display().to_string();
        let command = ["map", "quality", "--json", "--database", &server.database.url, "--data-dir", &data_dir];
        let found = Json::of(&Command::run(&command).await.stdout);
        let findings = found.items("findings");
        for table in ["soap_objective_vital_signs", "soap_objective_results"] {
            let place = format!("{table}.soap_note_id");
            let named: Vec<_> = findings.iter().filter(|finding| finding.str("place") == Some(&place)).collect();
            assert_eq!(named.len(), 1, "{found}");
            assert_eq!((named[0].str("kind"), named[0].at("keys")), (Some("orphan"), Some(&Json::of(r#"["cr-h2"]"#))));
        }
        // Moved to a note of the organization, it is its patient's.
        sql.run("update soap_objective_vital_signs set soap_note_id = 'cr-h1' where id = 'cr-h2'").await;
        assert_eq!(api.get("/Observation/vs-cr-h2-hr").await.expect(200).json().str("subject.reference"), Some("Patient/cr-h"));
    }

    /// No row hangs on another organization's: not the profile of its patient, not an identifier, not a part of its plan.
    async fn no_row_belongs_to_two_organizations(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        hidden_organization(&mut sql).await;
        let born = |city: &str| named("cr-o", r#"{"family":"Own"}"#).with("extension", Json::of(&format!(r#"[{{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","valueAddress":{{"city":"{city}"}}}}]"#)));
        api.save(&named("cr-o", r#"{"family":"Own"}"#)).await.expect(201);
        for insert in [
            "insert into patient_profiles (patient_id, organization_id, birth_city) values ('cr-o', 2, 'X')",
            "insert into patient_identifiers (patient_id, position, organization_id, value) values ('cr-o', 0, 2, 'X')",
            "insert into patient_contacts (patient_id, position, organization_id, last_name) values ('cr-o', 0, 2, 'X')",
        ] {
            assert!(sql.attempt(insert).await.is_err(), "{insert}");
        }
        api.save(&born("Oslo")).await.expect(200);
        row_key(&mut sql, "Patient", "cr-o").await;
        assert_eq!(sql.value("select birth_city from patient_profiles where patient_id = 'cr-o' and organization_id = 1").await, "Oslo");
        assert!(sql.attempt("update patient_profiles set organization_id = 2 where patient_id = 'cr-o'").await.is_err());
        api.delete("/Patient/cr-o").await.expect(204);
        assert_eq!(sql.count("select count(*) from patient_profiles where patient_id = 'cr-o'").await, 0);
    }

    /// Word processors leave vertical tabs and form feeds in a note. It is read with spaces, and the row keeps what it has.
    async fn a_note_with_control_characters_is_read(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&named("cr-w", r#"{"family":"Word"}"#)).await.expect(201);
        sql.run("insert into soap_notes (id, organization_id, patient_id, status, title, plan) values ('cr-w', 1, 'cr-w', 'signed', 'Visit', 'Rest.\u{b}Fluids.\u{c}Back in a week.\u{1}')").await;
        let note = api.get("/Composition/cr-w").await.expect(200).json();
        let text = note.items("section").iter().find_map(|section| section.str("text.div"));
        assert_eq!(text, Some(r#"<div xmlns="http://www.w3.org/1999/xhtml">Rest. Fluids. Back in a week. </div>"#), "{note}");
        let flag = sql.value(&format!("select flag from {} where type = 'Composition' and id = 'cr-w'", own(sql.engine(), "directory"))).await;
        assert_eq!(flag, "characters: plan");
        let data_dir = server.data_dir().display().to_string();
        let quality = ["map", "quality", "--json", "--database", &server.database.url, "--data-dir", &data_dir];
        let told = async || {
            let found = Json::of(&Command::run(&quality).await.stdout);
            let findings: Vec<_> = found.items("findings").iter().filter(|finding| finding.str("kind") == Some("characters")).cloned().collect();
            assert_eq!(findings.len(), 1, "{found}");
            assert_eq!((findings[0].str("place"), findings[0].str("severity")), (Some("soap_notes.plan"), Some("warning")));
        };
        told().await;
        api.save(&note.with("title", Json::text("Second visit"))).await.expect(200);
        assert_eq!(sql.value("select title || plan from soap_notes where id = 'cr-w'").await, "Second visitRest.\u{b}Fluids.\u{c}Back in a week.\u{1}");
        told().await;
        let text = api.get("/Composition/cr-w").await.expect(200).json().to_string();
        assert!(text.contains("Rest. Fluids. Back in a week. <"), "{text}");
    }

    /// Numbers and times that no resource can say are left alone by a PUT of what was read, and `map verify` finds no fault in them.
    async fn what_no_resource_can_say_is_left_alone(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&named("cr-v", r#"{"family":"Ever"}"#)).await.expect(201);
        let (number, never, once) = match engine {
            Engine::Postgres => ("'NaN'", "'infinity'", "'0044-03-15T00:00:00Z BC'"),
            Engine::Sqlite => ("'NaN'", "'infinity'", "'-0044-03-15T00:00:00Z'"),
        };
        sql.run(&format!("insert into vital_signs (id, organization_id, patient_id, status, heart_rate, measured_at) values ('cr-v', 1, 'cr-v', 'final', 70, {never})")).await;
        sql.run(&format!("insert into lab_results (id, organization_id, patient_id, status, name, value_number, collected_at, issued_at) values ('cr-v', 1, 'cr-v', 'final', 'Hb', {number}, {once}, {never})")).await;
        sql.run(&format!("insert into soap_notes (id, organization_id, patient_id, status, title, written_at) values ('cr-v', 1, 'cr-v', 'signed', 'Visit', {never})")).await;
        sql.run("insert into care_plans (id, organization_id, patient_id, status, intent, title) values ('cr-v', 1, 'cr-v', 'active', 'plan', 'Rest')").await;
        let columns = "select cast(value_number as text) || cast(collected_at as text) || cast(issued_at as text) from lab_results where id = 'cr-v'";
        let before = sql.value(columns).await;
        for path in ["/Observation/vital-cr-v-hr", "/Observation/lab-cr-v", "/Composition/cr-v"] {
            let found = api.get(path).await.expect(200).json();
            api.save(&found).await.expect(200);
        }
        assert_eq!(sql.value(columns).await, before);
        let data_dir = server.data_dir().display().to_string();
        let verify = Command::run(&["map", "verify", "--json", "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
        assert!(verify.stdout.contains("\"lost\": 0") || verify.stdout.contains("\"lost\":0"), "{}", verify.stdout);
        // What a PUT changes, it changes.
        let found = api.get("/Observation/lab-cr-v").await.expect(200).json();
        api.save(&found.with("valueQuantity", Json::of(r#"{"value":13.5}"#))).await.expect(200);
        assert_eq!(sql.count("select count(*) from lab_results where id = 'cr-v' and value_number = 13.5").await, 1);
    }

    /// Keys are unique within a table: whose key it is, a problem's or a diagnosis's, says the column it is in.
    async fn a_condition_is_named_by_table_and_key(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&named("cr-c", r#"{"family":"Two"}"#)).await.expect(201);
        sql.run("insert into problems (id, organization_id, patient_id, kind, name) values ('cr-17', 1, 'cr-c', 'problem', 'Asthma')").await;
        sql.run("insert into encounters (id, organization_id, patient_id, status, class_code) values ('cr-c', 1, 'cr-c', 'finished', 'AMB')").await;
        sql.run("insert into encounter_diagnoses (id, organization_id, patient_id, encounter_id, name) values ('cr-17', 1, 'cr-c', 'cr-c', 'Angina')").await;
        sql.run("insert into encounter_conditions (encounter_id, position, organization_id, problem_id, diagnosis_id) values ('cr-c', 0, 1, 'cr-17', null), ('cr-c', 1, 1, null, 'cr-17')").await;
        sql.run("insert into goals (id, organization_id, patient_id, status, description) values ('cr-c', 1, 'cr-c', 'active', 'Breathe')").await;
        sql.run("insert into goal_problems (goal_id, position, organization_id, diagnosis_id) values ('cr-c', 0, 1, 'cr-17')").await;
        let encounter = api.get("/Encounter/cr-c").await.expect(200).json();
        let named_by = |resource: &Json, list: &str, place: &str| -> Vec<String> {
            resource.items(list).iter().filter_map(|item| Some(item.str(place)?.to_owned())).collect()
        };
        assert_eq!(named_by(&encounter, "diagnosis", "condition.reference"), ["Condition/cr-17", "Condition/dx-cr-17"], "{encounter}");
        let goal = api.get("/Goal/cr-c").await.expect(200).json();
        assert_eq!(named_by(&goal, "addresses", "reference"), ["Condition/dx-cr-17"]);
        assert!(sql.attempt("update encounter_conditions set diagnosis_id = 'cr-17' where encounter_id = 'cr-c' and position = 0").await.is_err());
        // By FHIR each goes to its own column; what is neither stays as it was sent.
        let list = r#"[{"condition":{"reference":"Condition/dx-cr-17","display":"Angina"}},{"condition":{"reference":"Condition/cr-17"}},{"condition":{"reference":"Condition/nowhere"}}]"#;
        api.save(&encounter.with("diagnosis", Json::of(list))).await.expect(200);
        let read = api.get("/Encounter/cr-c").await.expect(200).json();
        assert_eq!(read.at("diagnosis"), Some(&Json::of(list)));
        let held = sql.rows("select problem_id, diagnosis_id from encounter_conditions where encounter_id = 'cr-c' and coalesce(problem_id, diagnosis_id) is not null order by position").await;
        let key = Some("cr-17".to_owned());
        assert_eq!(held, [vec![None, key.clone()], vec![key, None]]);
        // Another program says that it was the problem: the words beside the reference were of another.
        sql.run("update encounter_conditions set problem_id = 'cr-17', diagnosis_id = null where encounter_id = 'cr-c' and diagnosis_id is not null").await;
        let read = api.get("/Encounter/cr-c").await.expect(200).json();
        assert_eq!(read.items("diagnosis")[0].at("condition"), Some(&Json::of(r#"{"reference":"Condition/cr-17"}"#)), "{read}");
    }
}
