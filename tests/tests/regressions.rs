//! Faults that were found by attacking the store, each with the request that showed it: rows that other rows hold, rows that
//! go and come back, tables that refuse what we write to them.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Server, lab_observation, look, medication_request, own, patient, row_key, suite};

/// A change of a resource in a transaction.
fn put(resource: &Json) -> String {
    let path = format!("{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap());
    format!(r#"{{"resource":{resource},"request":{{"method":"PUT","url":"{path}"}}}}"#)
}

fn bundle(entries: &[String]) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","))
}

fn heart_rate(id: &str, patient: &str, encounter: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","category":[{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],
        "code":{{"coding":[{{"system":"http://loinc.org","code":"8867-4"}}]}},"subject":{{"reference":"Patient/{patient}"}},
        "encounter":{{"reference":"Encounter/{encounter}"}},"effectiveDateTime":"2024-03-05T10:20:30Z",
        "valueQuantity":{{"value":70,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}}}"#
    ))
}

suite! {
    /// Merging two patients: what refers to the one that goes is changed in the same transaction.
    async fn a_patient_goes_while_its_results_move_to_another(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        for resource in [patient("rg-m1", "A"), patient("rg-m2", "B"), lab_observation("rg-ml", "rg-m1", "5.10"), medication_request("rg-mr", "rg-m1")] {
            api.save(&resource).await.expect(201);
        }
        let gone = r#"{"request":{"method":"DELETE","url":"Patient/rg-m1"}}"#.to_owned();
        let moved = [put(&lab_observation("rg-ml", "rg-m2", "5.10")), put(&medication_request("rg-mr", "rg-m2")), gone];
        api.post("/", bundle(&moved)).await.expect(200);
        api.get("/Patient/rg-m1").await.expect(410);
        assert_eq!(api.search("/Observation?patient=rg-m2").await, ["Observation/rg-ml"]);
        let key = row_key(&mut sql, "Observation", "rg-ml").await;
        assert_eq!(sql.value(&format!("select patient_id from lab_results where id = '{key}'")).await, "rg-m2");
    }

    /// A row of another organization that refers to ours must not show: neither as an error nor in any answer.
    async fn what_another_organization_refers_to_can_be_deleted(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        for (id, delete) in [("rg-x1", "/Patient/rg-x1"), ("rg-x2", "/Patient?identifier=urn:example:mrn|mrn-rg-x2")] {
            api.save(&patient(id, "A")).await.expect(201);
            sql.run(&format!("insert into lab_results (id, organization_id, patient_id, status, name) values ('hidden-{id}', 2, '{id}', 'final', 'Sodium')")).await;
            sql.run(&format!("insert into soap_notes (id, organization_id, patient_id) values ('hidden-{id}', 2, '{id}')")).await;
            api.delete(delete).await.expect(204);
            api.get(&format!("/Patient/{id}")).await.expect(410);
            assert!(api.search(&format!("/Patient?identifier=urn:example:mrn|mrn-{id}")).await.is_empty());
            assert_eq!(api.save(&patient(id, "Again")).await.expect(201).version(), 3);
        }
    }

    /// The row of a deleted patient stays where notes refer to it. It is no patient until it is written again.
    async fn a_row_that_is_kept_for_others_stays_deleted(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-k1", "Old")).await.expect(201);
        sql.run("insert into soap_notes (id, organization_id, patient_id) values ('rg-n1', 1, 'rg-k1')").await;
        api.delete("/Patient/rg-k1").await.expect(204);
        sql.run("update patients set updated_at = updated_at where id = 'rg-k1'").await;
        api.get("/Patient/rg-k1").await.expect(410);
        assert!(api.search("/Patient?identifier=urn:example:mrn|mrn-rg-k1").await.is_empty());
        assert_eq!(api.save(&patient("rg-k1", "New")).await.expect(201).version(), 3);
        assert_eq!(row_key(&mut sql, "Patient", "rg-k1").await, "rg-k1");
        assert_eq!(sql.value("select last_name from patients where id = 'rg-k1'").await, "New");
        sql.run("update patients set last_name = 'Foreign' where id = 'rg-k1'").await;
        let now = api.get("/Patient/rg-k1").await.expect(200).json();
        assert_eq!(look(&now, "name[use=official].family").and_then(Json::as_str), Some("Foreign"));
        // A change of the kept row is another program's word that the patient is there.
        api.delete("/Patient/rg-k1").await.expect(204);
        sql.run("update patients set last_name = 'Back' where id = 'rg-k1'").await;
        assert_eq!(api.get("/Patient/rg-k1").await.expect(200).version(), 6);
    }

    /// A column may hold the key of a row that is not there, or no longer; the resource shows it. Whoever sends that back, with
    /// another element changed or not, has not cleared the column.
    async fn a_key_of_a_row_that_is_not_there_stays(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name, primary_provider_id) values ('rg-d1', 1, 'A', 'nobody')").await;
        sql.run("insert into patient_contacts (patient_id, position, organization_id, last_name, contact_organization_id) values ('rg-d1', 0, 1, 'B', 'none')").await;
        let mut read = api.get("/Patient/rg-d1").await.expect(200).json();
        assert_eq!(read.str("generalPractitioner.0.reference"), Some("Practitioner/nobody"));
        assert_eq!(read.str("contact.0.organization.reference"), Some("Organization/none"));
        for family in ["A", "C"] {
            read.set("name.0", "family", Json::text(family));
            api.save(&read).await.expect(200);
            assert_eq!(sql.value("select primary_provider_id from patients where id = 'rg-d1'").await, "nobody");
            assert_eq!(sql.value("select contact_organization_id from patient_contacts where patient_id = 'rg-d1'").await, "none");
        }
        // Another key that is nowhere is no key: it stays beside the row.
        read.set("generalPractitioner.0", "reference", Json::text("Practitioner/somebody"));
        api.save(&read).await.expect(200);
        assert_eq!(sql.count("select count(*) from patients where id = 'rg-d1' and primary_provider_id is null").await, 1);
        let now = api.get("/Patient/rg-d1").await.expect(200).json();
        assert_eq!(now.str("generalPractitioner.0.reference"), Some("Practitioner/somebody"));
    }

    /// A row of a list that another program empties is one item, however often the resource is joined again.
    async fn an_emptied_row_of_a_list_is_one_item(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id) values ('rg-l1', 1)").await;
        sql.run("insert into procedures (id, organization_id, status, patient_id, name) values ('rg-l1', 1, 'completed', 'rg-l1', 'A')").await;
        sql.run("insert into procedure_performers (procedure_id, position, organization_id, function) values ('rg-l1', 0, 1, 'surgeon')").await;
        let read = api.get("/Procedure/rg-l1").await.expect(200).json();
        api.save(&read).await.expect(200);
        let kept = Json::of(r#"{"resourceType":"Encounter","id":"rg-l2","status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/rg-l1"},
            "identifier":[{"use":"official","extension":[{"url":"urn:keep","valueString":"kept"}]}]}"#);
        api.save(&kept).await.expect(201);
        sql.run("update procedure_performers set function = null where procedure_id = 'rg-l1'").await;
        sql.run("update encounter_identifiers set identifier_use = null where encounter_id = 'rg-l2'").await;
        for name in ["B", "C", "D"] {
            sql.run(&format!("update procedures set name = '{name}' where id = 'rg-l1'")).await;
            sql.run(&format!("update encounters set class_display = '{name}' where id = 'rg-l2'")).await;
            let read = api.get("/Procedure/rg-l1").await.expect(200).json();
            assert_eq!((read.str("code.text"), read.items("performer").len()), (Some(name), 1), "{read}");
            let read = api.get("/Encounter/rg-l2").await.expect(200).json();
            assert_eq!((read.str("class.display"), read.items("identifier").len()), (Some(name), 1), "{read}");
            assert_eq!(read.str("identifier.0.extension.0.valueString"), Some("kept"));
        }
        let read = api.get("/Encounter/rg-l2").await.expect(200).json();
        api.save(&read).await.expect(200);
        sql.run("update encounters set class_display = 'E' where id = 'rg-l2'").await;
        assert_eq!(api.get("/Encounter/rg-l2").await.expect(200).json().items("identifier").len(), 1);
    }

    /// A row that goes and comes back is the same resource: its id and its versions go on.
    async fn a_row_that_comes_back_is_the_same_resource(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-c1", "A")).await.expect(201);
        api.put("/Encounter/rg-e1", r#"{"resourceType":"Encounter","id":"rg-e1","status":"finished","class":{"code":"AMB"}}"#).await.expect(201);
        sql.run("insert into soap_notes (id, organization_id, patient_id, encounter_id) values ('rg-n2', 1, 'rg-c1', 'rg-e1')").await;
        api.save(&heart_rate("rg-h0", "rg-c1", "rg-e1")).await.expect(201);
        assert_eq!(sql.count("select count(*) from soap_objective_vital_signs where soap_note_id = 'rg-n2'").await, 0, "no note grows by a PUT of its own");
        api.delete("/Observation/rg-h0").await.expect(204);
        sql.run("insert into soap_objective_vital_signs (id, organization_id, soap_note_id, heart_rate) values ('rg-h1', 1, 'rg-n2', 70)").await;
        let note = api.get("/Composition/rg-n2").await.expect(200).json().to_string();
        assert!(note.contains(r#"{"reference":"Observation/vs-rg-h1-hr"}"#), "{note}");
        sql.run("update soap_notes set deleted_at = '2024-01-01T00:00:00Z' where id = 'rg-n2'").await;
        api.get("/Observation/vs-rg-h1-hr").await.expect(410);
        sql.run("update soap_notes set deleted_at = null where id = 'rg-n2'").await;
        assert_eq!(api.get("/Observation/vs-rg-h1-hr").await.expect(200).version(), 3);
        assert_eq!(api.search("/Observation?patient=rg-c1").await, ["Observation/vs-rg-h1-hr"]);
    }

    /// A row key that belonged to a resource deleted since is free for another.
    async fn a_row_key_can_be_used_again(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-q", "A")).await.expect(201);
        for (key, with_condition) in [("rg-q1", false), ("rg-q2", true)] {
            sql.run(&format!("insert into lab_results (id, organization_id, patient_id, status, name) values ('{key}', 1, 'rg-q', 'final', 'Sodium')")).await;
            api.get(&format!("/Observation/lab-{key}")).await.expect(200);
            sql.run(&format!("delete from lab_results where id = '{key}'")).await;
            api.get(&format!("/Observation/lab-{key}")).await.expect(410);
            let lab = lab_observation(key, "rg-q", "5.10");
            if with_condition {
                let other = r#"{"resource":{"resourceType":"Basic","code":{"text":"x"},"identifier":[{"system":"urn:rg","value":"1"}]},
                    "request":{"method":"POST","url":"Basic","ifNoneExist":"identifier=urn:rg|1"}}"#;
                api.post("/", bundle(&[put(&lab), other.to_owned()])).await.expect(200);
            } else {
                api.save(&lab).await.expect(201);
            }
            assert_eq!(row_key(&mut sql, "Observation", key).await, key);
            api.get(&format!("/Observation/lab-{key}")).await.expect(410);
        }
    }

    /// One row whose table refuses what we keep in it must not keep anybody from reading the others, or itself.
    async fn a_row_that_cannot_be_written_is_read_all_the_same(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        for id in ["rg-p1", "rg-p2"] {
            api.save(&patient(id, "A")).await.expect(201);
        }
        match engine {
            Engine::Sqlite => sql.run(
                "create trigger refuse before update on patients when new.id = 'rg-p1' and new.fhir_residue is not old.fhir_residue
                 begin select raise(abort, 'no'); end").await,
            Engine::Postgres => sql.run(
                "create function refuse() returns trigger language plpgsql as $$ begin
                 if new.id = 'rg-p1' and new.fhir_residue is distinct from old.fhir_residue then raise exception 'no'; end if;
                 return new; end $$; create trigger refuse before update on patients for each row execute function refuse()").await,
        };
        sql.run("update patients set sex = null, middle_name = null where id = 'rg-p1'").await;
        sql.run("update patients set last_name = 'B' where id = 'rg-p2'").await;
        let other = api.get("/Patient/rg-p2").await.expect(200).json();
        assert_eq!(look(&other, "name[use=official].family").and_then(Json::as_str), Some("B"));
        let itself = api.get("/Patient/rg-p1").await.expect(200);
        assert_eq!(itself.version(), 2);
        assert_eq!(itself.json().at("gender"), None);
        assert_eq!(sql.count(&format!("select count(*) from {}", own(engine, "outbox"))).await, 0);
    }

    /// What stayed beside a column is found after another program has touched the row.
    async fn a_foreign_change_leaves_nothing_unfindable(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-i1", "A")).await.expect(201);
        let lab = lab_observation("rg-i1", "rg-i1", "5.10")
            .with("identifier", Json::of(r#"[{"system":"urn:rg:accession","value":"i1"}]"#))
            .with("code", Json::of(r#"{"coding":[{"system":"urn:rg:local","code":"i1"},{"system":"http://loinc.org","code":"2345-7"}]}"#));
        api.save(&lab).await.expect(201);
        let key = row_key(&mut sql, "Observation", "rg-i1").await;
        for change in ["note = 'x'", "value_number = 7", "unit = 'g/L'", "code = '718-7'"] {
            sql.run(&format!("update lab_results set {change} where id = '{key}'")).await;
            let now = api.get("/Observation/rg-i1").await.expect(200).json();
            let mut queries = vec!["identifier=urn:rg:accession|i1".to_owned(), "patient=rg-i1".to_owned()];
            queries.extend(now.items("code.coding").iter().map(|coding| {
                format!("patient=rg-i1&code={}|{}", coding.str("system").unwrap(), coding.str("code").unwrap())
            }));
            for query in queries {
                assert_eq!(api.search(&format!("/Observation?{query}")).await, ["Observation/rg-i1"], "{change}: {query}");
            }
        }
    }

    /// What is measured in a draft is preliminary, by whatever program; signing makes it final.
    async fn vital_signs_of_a_draft_are_preliminary(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-dv", "A")).await.expect(201);
        sql.run("insert into soap_notes (id, organization_id, patient_id, status, generated) values ('rg-dn', 1, 'rg-dv', 'draft', true)").await;
        sql.run("insert into soap_objective_vital_signs (id, organization_id, soap_note_id, heart_rate) values ('rg-dh', 1, 'rg-dn', 70)").await;
        for (change, status) in [
            ("status = 'draft'", "preliminary"),
            ("status = 'signed', signed_by = 'dr'", "final"),
            ("status = 'amended'", "amended"),
            ("status = 'entered-in-error'", "entered-in-error"),
        ] {
            sql.run(&format!("update soap_notes set {change} where id = 'rg-dn'")).await;
            assert_eq!(api.get("/Observation/vs-rg-dh-hr").await.expect(200).json().str("status"), Some(status));
            let summary = api.get("/Patient/rg-dv/$summary").await.expect(200).json().to_string();
            assert_eq!(summary.contains("Observation/vs-rg-dh-hr"), matches!(status, "final" | "amended"), "{status}");
        }
    }

    /// Entries of the cumulative record that are no objects are other programs' own: signing a note keeps them.
    async fn whatever_others_keep_in_the_record_stays(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        for (id, held, kept) in [
            ("rg-o1", r#"["penicillin",true,null,5,"7"]"#, r#"["penicillin",true,null,5,"7",{"#),
            ("rg-o2", r#"{"none":"known"}"#, r#"[{"none":"known"},{"#),
            ("rg-o3", r#""NKDA""#, r#"["NKDA",{"#),
            ("rg-o4", "null", "[{"),
        ] {
            api.save(&patient(id, "A")).await.expect(201);
            sql.run(&format!(r#"insert into patient_profiles (patient_id, organization_id, cumulative_medical_record) values ('{id}', 1, '{{"allergies":{held}}}')"#)).await;
            sql.run(&format!("insert into soap_notes (id, organization_id, patient_id) values ('{id}', 1, '{id}')")).await;
            sql.run(&format!("insert into soap_subjective_allergies (id, organization_id, soap_note_id, allergen) values ('{id}', 1, '{id}', 'Nuts')")).await;
            for status in ["signed", "amended"] {
                sql.run(&format!("update soap_notes set status = '{status}' where id = '{id}'")).await;
                let record = sql.value(&format!("select cast(cumulative_medical_record as text) from patient_profiles where patient_id = '{id}'")).await.replace(": ", ":").replace(", ", ",");
                assert!(record.contains(&format!(r#""allergies":{kept}"#)) && record.contains("Nuts"), "{record}");
            }
        }
    }

    /// The record keeps apart what only looks like one thing, and takes a later note's word for what is no problem.
    async fn the_record_drops_nothing_but_what_is_refuted(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-cr", "A")).await.expect(201);
        sql.run("insert into soap_notes (id, organization_id, patient_id, status, written_at) values ('rg-cr1', 1, 'rg-cr', 'signed', '2024-01-01T00:00:00Z'), ('rg-cr2', 1, 'rg-cr', 'signed', '2024-02-01T00:00:00Z')").await;
        sql.run("insert into soap_subjective_allergies (id, organization_id, soap_note_id, code_system, code, allergen) values
            ('rg-cra', 1, 'rg-cr1', '', '', 'Milk'), ('rg-crb', 1, 'rg-cr1', '', '', 'Eggs'),
            ('rg-crc', 1, 'rg-cr1', 'urn:a', '123', 'Nuts'), ('rg-crd', 1, 'rg-cr1', 'urn:b', '123', 'Latex')").await;
        sql.run("insert into soap_assessment_problem_list (id, organization_id, soap_note_id, problem, clinical_status, verification_status) values
            ('rg-cre', 1, 'rg-cr1', 'Asthma', 'active', 'confirmed'), ('rg-crf', 1, 'rg-cr2', 'Asthma', null, 'refuted'), ('rg-crg', 1, 'rg-cr1', 'Gout', 'active', null)").await;
        sql.run("insert into soap_subjective_current_medications (id, organization_id, soap_note_id, medication_name, status) values ('rg-crz', 1, 'rg-cr2', 'Warfarin', 'active')").await;
        sql.run("insert into soap_plan_medication (id, organization_id, soap_note_id, medication_name, status) values ('rg-cra', 1, 'rg-cr2', 'Warfarin', 'stopped')").await;
        let record = sql.value("select cast(cumulative_medical_record as text) from patient_profiles where patient_id = 'rg-cr'").await.replace(": ", ":");
        for name in ["Milk", "Eggs", "Nuts", "Latex", "Gout", "Warfarin"] {
            assert_eq!(record.matches(name).count(), 1, "{name}: {record}");
        }
        assert!(!record.contains("Asthma"), "{record}");
        assert!(record.contains(r#""status":"stopped""#), "{record}");
    }

    /// What a client writes into a note shows in the resources of the note's rows, as when another program writes it.
    async fn signing_by_fhir_shows_in_what_the_note_holds(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        for id in ["rg-sp", "rg-sq"] {
            api.save(&patient(id, "A")).await.expect(201);
        }
        sql.run("insert into soap_notes (id, organization_id, patient_id, status, title) values ('rg-sn', 1, 'rg-sp', 'draft', 'Visit')").await;
        sql.run("insert into soap_objective_vital_signs (id, organization_id, soap_note_id, heart_rate) values ('rg-sh', 1, 'rg-sn', 70)").await;
        sql.run("insert into soap_plan_medication (id, organization_id, soap_note_id, medication_name) values ('rg-sm', 1, 'rg-sn', 'Warfarin')").await;
        let (pulse, prescribed) = ("/Observation/vs-rg-sh-hr", "/MedicationRequest/soap-rg-sm");
        assert_eq!(api.get(pulse).await.expect(200).json().str("status"), Some("preliminary"));
        api.get(prescribed).await.expect(404);
        let note = api.get("/Composition/rg-sn").await.expect(200).json();
        api.save(&note.clone().with("status", Json::text("final"))).await.expect(200);
        assert_eq!(sql.value("select status from soap_notes where id = 'rg-sn'").await, "signed");
        assert_eq!(api.get(pulse).await.expect(200).json().str("status"), Some("final"));
        api.get(prescribed).await.expect(200);
        assert_eq!(api.search("/MedicationRequest?patient=rg-sp").await, ["MedicationRequest/soap-rg-sm"]);
        // The note was another patient's.
        let other = Json::of(r#"{"reference":"Patient/rg-sq"}"#);
        let note = api.get("/Composition/rg-sn").await.expect(200).json();
        api.save(&note.clone().with("subject", other)).await.expect(200);
        assert!(api.search("/MedicationRequest?patient=rg-sp").await.is_empty());
        for path in [pulse, prescribed] {
            let subject = api.get(path).await.expect(200).json();
            assert_eq!(subject.str("subject.reference"), Some("Patient/rg-sq"), "{path}");
        }
        // A draft again: what it prescribes is not to be seen.
        let note = api.get("/Composition/rg-sn").await.expect(200).json();
        api.save(&note.with("status", Json::text("preliminary"))).await.expect(200);
        assert_eq!(api.get(pulse).await.expect(200).json().str("status"), Some("preliminary"));
        api.get(prescribed).await.expect(410);
    }

    /// A key of a row that is not there stays in the column that another program put it in. What a client said in other places
    /// is text, however often it names the same, and stays text when it is sent back.
    async fn a_key_of_no_row_fills_no_other_column(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("rg-kp", "A")).await.expect(201);
        let nobody = r#"{"reference":"Organization/rg-nobody"}"#;
        let visit = format!(r#"{{"resourceType":"Encounter","id":"rg-ke","status":"planned","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/rg-kp"}},
            "serviceProvider":{nobody},"identifier":[{{"value":"1","assigner":{nobody}}},{{"value":"2"}}]}}"#);
        api.save(&Json::of(&visit)).await.expect(201);
        let columns = "select coalesce(service_provider_id, '-') from encounters where id = 'rg-ke'
            union all select * from (select value || coalesce(assigner_id, '-') from encounter_identifiers where encounter_id = 'rg-ke' order by value) as i";
        let shown = async |sql: &mut gateway_tests::Sql| sql.rows(columns).await.into_iter().flatten().flatten().collect::<Vec<_>>();
        assert_eq!(shown(&mut sql).await, ["-", "1-", "2-"]);
        sql.run("update encounter_identifiers set assigner_id = 'rg-nobody' where encounter_id = 'rg-ke' and value = '2'").await;
        let read = api.get("/Encounter/rg-ke").await.expect(200).json();
        assert_eq!(look(&read, "identifier[value=2].assigner.reference"), Some(&Json::text("Organization/rg-nobody")), "{read}");
        api.save(&read).await.expect(200);
        assert_eq!(shown(&mut sql).await, ["-", "1-", "2rg-nobody"]);
        // One more that says the same, and the one that has the key moved.
        let item = |value: &str| format!(r#"{{"value":"{value}","assigner":{nobody}}}"#);
        let items = Json::of(&format!("[{},{},{}]", item("2"), item("1"), item("3")));
        let saved = api.save(&read.with("identifier", items)).await.expect(200).json();
        assert_eq!(saved.items("identifier").len(), 3);
        assert!(saved.items("identifier").iter().all(|item| item.str("assigner.reference") == Some("Organization/rg-nobody")));
        assert_eq!(shown(&mut sql).await, ["-", "1-", "2rg-nobody", "3-"]);
        // By SQL alone the key is in the main row, too.
        sql.run("update encounters set service_provider_id = 'rg-nobody' where id = 'rg-ke'").await;
        let read = api.get("/Encounter/rg-ke").await.expect(200).json();
        api.save(&read).await.expect(200);
        assert_eq!(shown(&mut sql).await, ["rg-nobody", "1-", "2rg-nobody", "3-"]);
    }
}
