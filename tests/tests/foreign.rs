//! Law 4: another program writes the same tables by plain SQL. What it wrote is true at once in read, search, history and
//! `ETag`; what has no column stays as the client sent it.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Engine, Json, Random, Server, lab_observation, look, medication_request, patient, residue_stays, rounds,
    row_key, suite, true_everywhere, with_residue,
};

/// Family names as SQL and as JSON.
const NAMES: &[(&str, &str)] = &[
    ("'Curie'", "\"Curie\""),
    ("'O''Hara'", "\"O'Hara\""),
    ("'Łódź 😀'", "\"Łódź 😀\""),
    ("'a\"b\\c'", "\"a\\\"b\\\\c\""),
];

suite! {
    async fn a_changed_number_takes_its_unit_code_and_range_with_it(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("cg", "x")).await.expect(201);
        api.save(&lab_observation("cg", "cg", "5.10")).await.expect(201);
        let key = row_key(&mut sql, "Observation", "cg").await;
        sql.run(&format!("update lab_results set value_number = 0.3, unit = 'mmol/L' where id = '{key}'")).await;
        let body = true_everywhere(&api, "/Observation/cg", 2).await;
        assert_eq!((body.str("valueQuantity.value"), body.str("valueQuantity.unit")), (Some("0.3"), Some("mmol/L")));
        assert_eq!(body.at("valueQuantity.code"), None, "mg/dL would now be a lie: {body}");
        assert_eq!(look(&body, "referenceRange[0].low.unit"), None, "{body}");
        api.save(&medication_request("cg", "cg")).await.expect(201);
        let key = row_key(&mut sql, "MedicationRequest", "cg").await;
        sql.run(&format!("update patient_medications set dose_value = 20 where id = '{key}'")).await;
        let body = true_everywhere(&api, "/MedicationRequest/cg", 2).await;
        assert_eq!(look(&body, "dosageInstruction[0].doseAndRate[0].doseQuantity.value").unwrap().to_string(), "20");
        sql.run(&format!("update patient_medications set rxnorm_code = '197361' where id = '{key}'")).await;
        let body = true_everywhere(&api, "/MedicationRequest/cg", 3).await;
        assert!(!body.to_string().contains("314076"), "the old code is nowhere: {body}");
    }

    async fn a_row_of_another_program_is_a_resource_at_once(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let mut random = Random::seeded(32);
        for index in 0..rounds(150, 2_000) {
            let id = format!("fi-{index}");
            let (family, shown) = random.pick(NAMES);
            sql.run(&format!("insert into patients (id, organization_id, last_name, first_name, sex, date_of_birth, active) values ('{id}', 1, {family}, 'F', 'M', '1980-01-02', true)")).await;
            sql.run(&format!("insert into patient_identifiers (patient_id, position, organization_id, system, value) values ('{id}', 0, 1, 'urn:fi', 'n-{index}')")).await;
            sql.run(&format!("insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit, collected_at) values ('{id}', 1, '{id}', 'final', 'c-{index}', 7.5, 'mg/dL', '2024-01-02T03:04:05Z')")).await;
            sql.run(&format!("insert into patient_medications (id, organization_id, patient_id, status, intent, medication_name, dose_value, dose_unit) values ('{id}', 1, '{id}', 'active', 'order', 'aspirin', 100, 'mg')")).await;
            // Whoever asks first sees it: a search by number, by patient, a count, a read.
            match index % 4 {
                0 => assert_eq!(api.search(&format!("/Patient?identifier=urn:fi|n-{index}")).await, [format!("Patient/{id}")]),
                1 => assert_eq!(api.search(&format!("/Observation?patient={id}")).await.len(), 1),
                2 => assert_eq!(api.get("/Patient?_summary=count").await.expect(200).json().str("total"), Some((index + 1).to_string().as_str())),
                _ => drop(api.get(&format!("/Patient/{id}")).await.expect(200)),
            }
            let body = true_everywhere(&api, &format!("/Patient/{id}"), 1).await;
            assert_eq!(look(&body, "name[use=official].family").unwrap().to_string(), *shown);
            assert_eq!(body.str("gender"), Some("male"));
            let labs = api.search(&format!("/Observation?code=http://loinc.org|c-{index}")).await;
            assert_eq!(labs.len(), 1);
            let lab = true_everywhere(&api, &format!("/{}", labs[0]), 1).await;
            assert_eq!(lab.str("subject.reference"), Some(format!("Patient/{id}").as_str()));
            assert_eq!((lab.str("valueQuantity.value"), lab.str("status")), (Some("7.5"), Some("final")));
            assert_eq!(look(&lab, "category[0].coding[0].code").and_then(Json::as_str), Some("laboratory"));
            let prescriptions = api.search(&format!("/MedicationRequest?subject=Patient/{id}")).await;
            assert_eq!(prescriptions.len(), 1);
            let prescription = true_everywhere(&api, &format!("/{}", prescriptions[0]), 1).await;
            assert_eq!(prescription.str("intent"), Some("order"));
        }
    }

    async fn a_deleted_row_is_a_deleted_resource_and_comes_back_with_the_next_version(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("fd", "x")).await.expect(201);
        for index in 0..rounds(60, 600) {
            let id = format!("fd-{index}");
            api.save(&lab_observation(&id, "fd", "5.5")).await.expect(201);
            let key = row_key(&mut sql, "Observation", &id).await;
            assert_eq!(sql.run(&format!("delete from lab_results where id = '{key}'")).await, 1);
            match index % 3 {
                0 => assert!(!api.search("/Observation?patient=fd&_count=1000").await.contains(&format!("Observation/{id}"))),
                1 => api.get(&format!("/Observation/{id}")).await.refused(410, "deleted").severity.clear(),
                _ => assert_eq!(api.get(&format!("/Observation/{id}/_history")).await.expect(200).json().str("entry.0.request.method"), Some("DELETE")),
            }
            api.get(&format!("/Observation/{id}")).await.expect(410);
            api.get(&format!("/Observation/{id}/_history/2")).await.expect(410);
            assert!(api.search(&format!("/Observation?_id={id}")).await.is_empty());
            api.get(&format!("/Observation/{id}/_history/1")).await.expect(200);
            let back = api.save(&lab_observation(&id, "fd", "6.5")).await.expect(201);
            assert_eq!(back.version(), 3);
            true_everywhere(&api, &format!("/Observation/{id}"), 3).await;
        }
        assert_eq!(api.get("/Observation?_summary=count&patient=fd").await.expect(200).json().str("total"), Some(rounds(60, 600).to_string().as_str()));
    }

    async fn child_rows_come_change_and_go(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&with_residue(patient("fc", "x"))).await.expect(201);
        sql.run("insert into patient_identifiers (patient_id, position, organization_id, system, value) values ('fc', 5, 1, 'urn:fc', 'second')").await;
        assert_eq!(api.search("/Patient?identifier=urn:fc|second").await, ["Patient/fc"]);
        let body = true_everywhere(&api, "/Patient/fc", 2).await;
        assert_eq!(body.items("identifier").len(), 2);
        residue_stays(&body);
        sql.run("update patient_identifiers set value = 'third' where patient_id = 'fc' and position = 5").await;
        assert!(api.search("/Patient?identifier=urn:fc|second").await.is_empty());
        assert_eq!(api.search("/Patient?identifier=urn:fc|third").await, ["Patient/fc"]);
        true_everywhere(&api, "/Patient/fc", 3).await;
        sql.run("delete from patient_identifiers where patient_id = 'fc'").await;
        let body = true_everywhere(&api, "/Patient/fc", 4).await;
        assert_eq!(body.at("identifier"), None, "{body}");
        assert!(api.search("/Patient?identifier=mrn-fc").await.is_empty());
        sql.run("insert into patient_profiles (patient_id, organization_id, birth_sex) values ('fc', 1, 'F')").await;
        let body = true_everywhere(&api, "/Patient/fc", 5).await;
        let birth_sex = body.items("extension").iter().find(|extension| extension.str("url").unwrap().ends_with("us-core-birthsex"));
        assert_eq!(birth_sex.unwrap().str("valueCode"), Some("F"));
    }

    async fn vital_signs_of_a_note_are_an_observation_each(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("fv", "x")).await.expect(201);
        sql.run("insert into soap_notes (id, organization_id, patient_id, status) values ('n1', 1, 'fv', 'signed')").await;
        sql.run("insert into soap_objective_vital_signs (id, organization_id, soap_note_id, measured_at, heart_rate, body_temperature, systolic, diastolic)
                 values ('v1', 1, 'n1', '2024-01-02T03:04:05Z', 72, 36.6, 120, 80)").await;
        let of = |code: &'static str| {
            let api = api.clone();
            async move { api.search(&format!("/Observation?patient=fv&code=http://loinc.org|{code}")).await }
        };
        assert_eq!(api.search("/Observation?patient=fv").await.len(), 3);
        let rate = of("8867-4").await.remove(0);
        let body = true_everywhere(&api, &format!("/{rate}"), 1).await;
        assert_eq!((body.str("valueQuantity.value"), body.str("valueQuantity.code")), (Some("72"), Some("/min")));
        assert_eq!((body.str("status"), body.str("subject.reference")), (Some("final"), Some("Patient/fv")));
        assert_eq!(body.str("effectiveDateTime"), Some("2024-01-02T03:04:05Z"));
        let pressure = of("85354-9").await.remove(0);
        let body = api.get(&format!("/{pressure}")).await.expect(200).json();
        assert_eq!((body.str("component.0.valueQuantity.value"), body.str("component.1.valueQuantity.value")), (Some("120"), Some("80")));

        sql.run("update soap_objective_vital_signs set heart_rate = 75, weight = 70.5 where id = 'v1'").await;
        let body = true_everywhere(&api, &format!("/{rate}"), 2).await;
        assert_eq!(body.str("valueQuantity.value"), Some("75"));
        assert_eq!(of("29463-7").await.len(), 1, "a new facet");
        assert_eq!(api.get(&format!("/{pressure}")).await.expect(200).version(), 1, "what did not change has no new version");

        sql.run("update soap_objective_vital_signs set heart_rate = null where id = 'v1'").await;
        api.get(&format!("/{rate}")).await.refused(410, "deleted");
        assert!(of("8867-4").await.is_empty());
        sql.run("update soap_objective_vital_signs set deleted_at = '2024-02-01T00:00:00Z' where id = 'v1'").await;
        assert!(api.search("/Observation?patient=fv").await.is_empty());
        api.get(&format!("/{pressure}")).await.expect(410);
        sql.run("update soap_objective_vital_signs set deleted_at = null where id = 'v1'").await;
        assert_eq!(api.search("/Observation?patient=fv").await.len(), 3);
        sql.run("update soap_notes set deleted_at = '2024-02-01T00:00:00Z' where id = 'n1'").await;
        assert!(api.search("/Observation?patient=fv").await.is_empty(), "a change of the joined row counts too");
        sql.run("update soap_notes set deleted_at = null where id = 'n1'").await;

        // By FHIR: deleting a facet clears its column, the last one takes the row.
        let weight = of("29463-7").await.remove(0);
        assert!(matches!(api.delete(&format!("/{weight}")).await.status, 200 | 204));
        assert_eq!(sql.rows("select weight, body_temperature is not null from soap_objective_vital_signs where id = 'v1'").await[0][0], None);
        for code in ["8310-5", "85354-9"] {
            let facet = of(code).await.remove(0);
            assert!(matches!(api.delete(&format!("/{facet}")).await.status, 200 | 204));
        }
        assert_eq!(sql.count("select count(*) from soap_objective_vital_signs where deleted_at is null").await, 0);
    }

    async fn what_a_foreign_transaction_rolls_back_never_was(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("fr", "Stays")).await.expect(201);
        sql.run("begin").await;
        sql.run("update patients set last_name = 'Never' where id = 'fr'").await;
        assert_eq!(api.get("/Patient/fr").await.expect(200).json().str("name.0.family"), Some("Stays"), "uncommitted is unseen");
        sql.run("rollback").await;
        let body = true_everywhere(&api, "/Patient/fr", 1).await;
        assert_eq!(body.str("name.0.family"), Some("Stays"));
        sql.run("begin").await;
        sql.run("update patients set last_name = 'Now' where id = 'fr'").await;
        sql.run("commit").await;
        assert_eq!(true_everywhere(&api, "/Patient/fr", 2).await.str("name.0.family"), Some("Now"));
    }

    async fn putting_back_what_was_read_changes_no_column(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name, first_name, name_suffix, sex, date_of_birth, marital_status, multiple_birth) values
                 ('gp', 1, 'Keep', 'Me', 'Jr.', 'F', '1970-07-07', 'M', true)").await;
        sql.run("insert into patient_addresses (patient_id, position, organization_id, line1, city, country) values ('gp', 3, 1, '1 Road', 'Town', 'NZ')").await;
        sql.run("insert into patient_telecoms (patient_id, position, organization_id, system, value) values ('gp', 7, 1, 'email', 'a@b.example')").await;
        sql.run("insert into lab_results (id, organization_id, patient_id, status, code, name, value_number, unit, collected_at, reference_low) values
                 ('gp', 1, 'gp', 'final', '718-7', 'Hb', 13.50, 'g/dL', '2024-01-02 03:04:05.25+02:00', 12.0)").await;
        sql.run("insert into patient_medications (id, organization_id, patient_id, status, intent, rxnorm_code, dose_value, dose_unit, frequency, period, period_unit, as_needed) values
                 ('gp', 1, 'gp', 'active', 'order', '197361', 2.50, 'mg', 1, 1.0, 'd', false)").await;
        let columns = [
            "select last_name, first_name, middle_name, name_prefix, name_suffix, sex, cast(date_of_birth as text), marital_status, cast(multiple_birth as text), cast(active as text) from patients",
            "select position, line1, line2, city, country, address_use from patient_addresses",
            "select position, system, value, telecom_use from patient_telecoms",
            "select status, code, display, name, cast(value_number as text), unit, cast(collected_at as text), cast(reference_low as text), value_text from lab_results",
            "select status, intent, rxnorm_code, cast(dose_value as text), dose_unit, frequency, cast(period as text), period_unit, cast(as_needed as text), refills from patient_medications",
        ];
        let mut before = Vec::new();
        for query in columns {
            before.push(sql.rows(query).await);
        }
        let mut paths = vec!["/Patient/gp".to_owned()];
        for kind in ["Observation", "MedicationRequest"] {
            paths.push(format!("/{}", api.search(&format!("/{kind}?patient=gp")).await.remove(0)));
        }
        for path in &paths {
            let read = api.get(path).await.expect(200);
            let written = api.put(path, String::from_utf8(read.body.to_vec()).unwrap()).await.expect(200);
            assert_eq!(read.json().without_server_meta().difference(&written.json().without_server_meta()), None);
        }
        for (query, before) in columns.iter().zip(before) {
            assert_eq!(sql.rows(query).await, before, "{query}");
        }
    }

    async fn odd_values_of_other_programs_read_as_valid_resources(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id) values ('odd-0', 1)").await;
        sql.run("insert into patients (id, organization_id, last_name, first_name, marital_status) values ('odd-1', 1, '', '  ', '')").await;
        sql.run("insert into patients (id, organization_id, last_name, birth_order) values ('odd-2', 1, ' padded ', 2)").await;
        sql.run("insert into patient_telecoms (patient_id, position, organization_id) values ('odd-2', 0, 1)").await;
        sql.run("insert into lab_results (id, organization_id, patient_id, status, code, name, unit, value_number) values ('odd', 1, 'odd-0', 'final', '', 'Odd', '', 1e20)").await;
        for id in ["odd-0", "odd-1", "odd-2"] {
            let body = api.get(&format!("/Patient/{id}")).await.expect(200);
            valid(&api, &format!("/Patient/{id}"), &body.json()).await;
        }
        let labs = api.search("/Observation?patient=odd-0").await;
        assert_eq!(labs.len(), 1);
        let body = api.get(&format!("/{}", labs[0])).await.expect(200).json();
        valid(&api, &format!("/{}", labs[0]), &body).await;
    }

    async fn readers_and_two_kinds_of_writers_at_once_see_whole_resources(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        for index in 0..5 {
            api.save(&with_residue(patient(&format!("mix-{index}"), "a-0"))).await.expect(201);
        }
        let database = server.sql().await;
        let foreign = tokio::spawn(async move {
            let mut sql = database;
            for step in 0..200 {
                let id = step % 5;
                // Both columns always carry the same mark: a reader must never see one without the other.
                sql.run(&format!("update patients set last_name = 'b-{step}', name_suffix = 'b-{step}' where id = 'mix-{id}'")).await;
            }
        });
        let writer = server.client();
        let writing = tokio::spawn(async move {
            for step in 0..150 {
                let mut person = with_residue(patient(&format!("mix-{}", step % 5), &format!("a-{step}")));
                person.set("name.0", "suffix", Json::of(&format!("[\"a-{step}\"]")));
                let answer = writer.save(&person).await;
                assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
            }
        });
        let mut versions = [0; 5];
        while !(foreign.is_finished() && writing.is_finished()) {
            for (index, last) in versions.iter_mut().enumerate() {
                let read = api.get(&format!("/Patient/mix-{index}")).await.expect(200);
                let body = read.json();
                if body.at("name.0.suffix").is_some() {
                    assert_eq!(body.str("name.0.family"), body.str("name.0.suffix.0"), "{body}");
                }
                residue_stays(&body);
                assert!(read.version() >= *last, "versions go up");
                *last = read.version();
            }
        }
        foreign.await.unwrap();
        writing.await.unwrap();
        for index in 0..5 {
            let version = api.get(&format!("/Patient/mix-{index}")).await.expect(200).version();
            true_everywhere(&api, &format!("/Patient/mix-{index}"), version).await;
        }
    }
}

/// The gateway's own structure check takes what it emits: the way round that needs no other validator.
async fn valid(api: &Client, path: &str, body: &Json) {
    let back = api.put(path, body).await;
    assert_eq!(back.status, 200, "{path} reads as {body}, which is refused: {}", String::from_utf8_lossy(&back.body));
}
