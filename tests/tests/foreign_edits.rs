//! Law 4 at random: thousands of edits of mapped columns by another program, each true at once, the residue untouched.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Engine, Json, Random, Server, Sql, lab_observation, look, medication_request, patient, residue_stays, rounds,
    row_key, suite, true_everywhere, with_residue,
};

/// A mapped column: where its value shows, and values as SQL and as JSON (`""` = the element is absent).
struct Column {
    table: &'static str,
    assign: &'static str,
    place: &'static str,
    values: &'static [(&'static str, &'static str)],
}

const TEXTS: &[(&str, &str)] = &[
    ("'Curie'", "\"Curie\""),
    ("'O''Hara'", "\"O'Hara\""),
    ("'Łódź 😀'", "\"Łódź 😀\""),
    ("'a\"b\\c'", "\"a\\\"b\\\\c\""),
];
const OPTIONAL: &[(&str, &str)] =
    &[("'one'", "\"one\""), ("'two words'", "\"two words\""), ("null", ""), ("'ü'", "\"ü\"")];
const NUMBERS: &[(&str, &str)] =
    &[("5.1", "5.1"), ("98.65", "98.65"), ("7", "7"), ("0.001", "0.001"), ("-2.5", "-2.5")];

const COLUMNS: &[(&str, &[Column])] = &[
    (
        "Patient",
        &[
            Column { table: "patients", assign: "last_name = {}", place: "name[use=official].family", values: TEXTS },
            Column {
                table: "patients",
                assign: "first_name = {}, middle_name = null",
                place: "name[use=official].given",
                values: &[("'Marie'", "[\"Marie\"]"), ("'Pierre'", "[\"Pierre\"]")],
            },
            Column {
                table: "patients",
                assign: "first_name = 'Irène', middle_name = {}",
                place: "name[use=official].given",
                values: &[("'J'", "[\"Irène\",\"J\"]"), ("'K'", "[\"Irène\",\"K\"]")],
            },
            Column {
                table: "patients",
                assign: "sex = {}",
                place: "gender",
                values: &[
                    ("'M'", "\"male\""),
                    ("'F'", "\"female\""),
                    ("'O'", "\"other\""),
                    ("'U'", "\"unknown\""),
                    ("null", ""),
                ],
            },
            Column {
                table: "patients",
                assign: "date_of_birth = {}",
                place: "birthDate",
                values: &[("'1990-02-28'", "\"1990-02-28\""), ("'2000-01-01'", "\"2000-01-01\""), ("null", "")],
            },
            Column {
                table: "patients",
                assign: "active = {}",
                place: "active",
                values: &[("true", "true"), ("false", "false"), ("null", "")],
            },
            Column {
                table: "patients",
                assign: "deceased_at = null, deceased = {}",
                place: "deceasedBoolean",
                values: &[("true", "true"), ("false", "false"), ("null", "")],
            },
            Column { table: "patient_addresses", assign: "city = {}", place: "address[0].city", values: TEXTS },
            Column { table: "patient_telecoms", assign: "value = {}", place: "telecom[0].value", values: TEXTS },
            Column { table: "patient_identifiers", assign: "value = {}", place: "identifier[0].value", values: TEXTS },
        ],
    ),
    (
        "Observation",
        &[
            Column { table: "lab_results", assign: "value_number = {}", place: "valueQuantity.value", values: NUMBERS },
            Column {
                table: "lab_results",
                assign: "unit = {}",
                place: "valueQuantity.unit",
                values: &[("'mmol/L'", "\"mmol/L\""), ("'g/L'", "\"g/L\"")],
            },
            Column {
                table: "lab_results",
                assign: "status = {}",
                place: "status",
                values: &[("'final'", "\"final\""), ("'amended'", "\"amended\""), ("'preliminary'", "\"preliminary\"")],
            },
            Column {
                table: "lab_results",
                assign: "code = {}",
                place: "code.coding[system=http://loinc.org].code",
                values: &[("'718-7'", "\"718-7\""), ("'2160-0'", "\"2160-0\"")],
            },
            Column { table: "lab_results", assign: "note = {}", place: "note[0].text", values: OPTIONAL },
            Column {
                table: "lab_results",
                assign: "collected_at = {}",
                place: "effectiveDateTime",
                values: &[
                    ("'2024-05-06T07:08:09Z'", "\"2024-05-06T07:08:09Z\""),
                    ("'2023-01-01T00:00:00Z'", "\"2023-01-01T00:00:00Z\""),
                    ("null", ""),
                ],
            },
            Column {
                table: "lab_results",
                assign: "reference_low = {}",
                place: "referenceRange[0].low.value",
                values: NUMBERS,
            },
        ],
    ),
    (
        "MedicationRequest",
        &[
            Column {
                table: "patient_medications",
                assign: "status = {}",
                place: "status",
                values: &[("'active'", "\"active\""), ("'stopped'", "\"stopped\""), ("'completed'", "\"completed\"")],
            },
            Column {
                table: "patient_medications",
                assign: "dosage_text = {}",
                place: "dosageInstruction[0].text",
                values: TEXTS,
            },
            Column {
                table: "patient_medications",
                assign: "dose_value = {}",
                place: "dosageInstruction[0].doseAndRate[0].doseQuantity.value",
                values: NUMBERS,
            },
            Column {
                table: "patient_medications",
                assign: "refills = {}",
                place: "dispenseRequest.numberOfRepeatsAllowed",
                values: &[("3", "3"), ("0", "0"), ("null", "")],
            },
            Column {
                table: "patient_medications",
                assign: "medication_name = {}",
                place: "medicationCodeableConcept.text",
                values: TEXTS,
            },
            Column {
                table: "patient_medications",
                assign: "rxnorm_code = {}",
                place: "medicationCodeableConcept.coding[system=http://www.nlm.nih.gov/research/umls/rxnorm].code",
                values: &[("'197361'", "\"197361\""), ("'310965'", "\"310965\"")],
            },
        ],
    ),
];

async fn edit(sql: &mut Sql, column: &Column, key: &str, value: &str) {
    let (key_column, more) = match column.table {
        "patients" | "lab_results" | "patient_medications" => ("id", ""),
        _ => ("patient_id", " and position = 0"),
    };
    let statement = format!(
        "update {} set {} where {key_column} = '{key}'{more}",
        column.table,
        column.assign.replace("{}", value)
    );
    assert_eq!(sql.run(&statement).await, 1, "{statement}");
}

suite! {
    async fn thousands_of_random_edits_show_at_once_and_the_residue_stays(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        let mut random = Random::seeded(31);
        let mut resources = Vec::new();
        for index in 0..12 {
            let id = format!("fe-{index}");
            for resource in [patient(&id, "Start"), lab_observation(&id, &id, "5.10"), medication_request(&id, &id)] {
                let resource = with_residue(resource);
                let version = api.save(&resource).await.expect(201).version();
                let kind = resource.str("resourceType").unwrap().to_owned();
                let key = row_key(&mut sql, &kind, &id).await;
                resources.push((kind, id.clone(), key, version));
            }
        }
        let mut edits = 0;
        for step in 0..rounds(1_500, 20_000) {
            let index = random.below(resources.len());
            let (kind, id, key, version) = resources[index].clone();
            let columns = COLUMNS.iter().find(|(other, _)| *other == kind).unwrap().1;
            let path = format!("/{kind}/{id}");
            let before = api.get(&path).await.expect(200);
            let mut now = before.json();
            let mut wanted: Vec<(&Column, &str)> = Vec::new();
            for _ in 0..=random.below(3) {
                let column = random.pick(columns);
                let (value, json) = random.pick(column.values);
                edit(&mut sql, column, &key, value).await;
                wanted.retain(|(other, _)| other.place != column.place && !(column.place.starts_with("deceased") && other.place.starts_with("deceased")));
                wanted.push((column, json));
                edits += 1;
            }
            // An edit that ends where it began is no version; two edits between two reads are one.
            let read = api.get(&path).await.expect(200);
            let body = read.json();
            for (column, json) in &wanted {
                let shown = look(&body, column.place).map(Json::to_string).unwrap_or_default();
                assert_eq!(shown, *json, "step {step}: {path} {} after {}\n{body}", column.place, column.assign);
            }
            residue_stays(&body);
            now = now.without_server_meta();
            let changed = now != body.clone().without_server_meta();
            assert_eq!(read.version(), version + i64::from(changed), "step {step}: {path}\nbefore {now}\nafter {body}");
            if changed {
                assert!(body.str("meta.lastUpdated") >= before.json().str("meta.lastUpdated"));
                assert_eq!(api.get(&format!("{path}/_history/{version}")).await.expect(200).body, before.body, "the version before is as it was");
            }
            resources[index].3 = read.version();
            if step % 10 == 0 {
                true_everywhere(&api, &path, read.version()).await;
            }
        }
        println!("{edits} edits");
    }
}
