//! The clinic maps on data: rows that other programs wrote read as valid resources; Synthea's patients land in tables.

#[path = "search_support/data.rs"]
mod data;
#[path = "map_clinic/record.rs"]
mod record;
#[path = "map/schema.rs"]
mod schema;

use std::collections::BTreeMap;

use mappers::codec::Context;
use mappers::join::{Header, Stored, join};
use mappers::json::Document;
use mappers::map::{self, Map, MapSet};
use mappers::row::{ChildRow, Row};
use mappers::split::{Resolved, SplitContext, accepts, split};
use mappers::structure;

fn clinic() -> MapSet {
    map::compile(&map::clinic(), &schema::clinic()).expect("the clinic maps compile")
}

/// A row with these columns (`column` or `child.column`) filled, all else NULL.
fn row(map: &Map, filled: &[(&str, &str)]) -> Row {
    let value = |name: &str| filled.iter().find(|(column, _)| *column == name).map(|(_, value)| (*value).into());
    let children = map.children.iter().map(|child| {
        let cells: Vec<_> = child.slots.iter().map(|slot| value(&format!("{}.{}", child.path, slot.column))).collect();
        let exists = cells.iter().any(Option::is_some);
        exists.then_some(ChildRow { key: None, position: 0, cells, residue: None }).into_iter().collect()
    });
    let known: Vec<String> = (map.slots.iter().map(|slot| slot.column.clone()))
        .chain(
            map.children
                .iter()
                .flat_map(|child| child.slots.iter().map(|slot| format!("{}.{}", child.path, slot.column))),
        )
        .collect();
    assert!(filled.iter().all(|(column, _)| known.iter().any(|one| one == column)), "{filled:?} {known:?}");
    Row { cells: map.slots.iter().map(|slot| value(&slot.column)).collect(), children: children.collect() }
}

/// What a row without a residue reads as; checked against R4.
fn foreign(name: &str, filled: &[(&str, &str)]) -> serde_json::Value {
    let set = clinic();
    let map = set.by_name(name).unwrap_or_else(|| panic!("no map {name}"));
    let row = row(map, filled);
    let stored =
        Stored { row: &row, reference_ids: &[], child_reference_ids: &[], listed: &[], residue: None, shadow: None };
    let header = Header { id: "x", version: 1, last_updated: "2026-01-02T03:04:05Z" };
    let mut out = Vec::new();
    join(map, &stored, &header, &Context::utc(), &mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    let document = Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
    structure::check(&document).unwrap_or_else(|issues| panic!("{issues:?}: {text}"));
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    value.as_object_mut().expect("object").retain(|key, _| !["resourceType", "id", "meta"].contains(&key.as_str()));
    value
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_bare_patient() {
    assert_eq!(foreign("patient", &[]), json("{}"));
}

#[test]
fn a_full_patient() {
    let found = foreign(
        "patient",
        &[
            ("active", "true"),
            ("last_name", "Moen"),
            ("first_name", "Twyla"),
            ("middle_name", "J."),
            ("name_prefix", "Mrs."),
            ("sex", "F"),
            ("date_of_birth", "1945-12-09"),
            ("deceased_at", "2020-01-01T00:00:00Z"),
            ("marital_status", "M"),
            ("birth_order", "2"),
            ("primary_provider_id", "p1"),
            ("managing_organization_id", "o1"),
            ("birth_sex", "F"),
            ("birth_city", "Mashpee"),
            ("identifier.type_code", "MR"),
            ("identifier.system", "urn:x"),
            ("identifier.value", "7"),
            ("telecom.system", "phone"),
            ("telecom.value", "555"),
            ("telecom.preference", "1"),
            ("address.line1", "1 Street"),
            ("address.city", "Chicopee"),
            ("contact.relationship_code", "N"),
            ("contact.last_name", "Doe"),
            ("contact.phone", "556"),
            ("contact.sex", "M"),
            ("communication.language", "en"),
            ("communication.preferred", "true"),
        ],
    );
    let expected = json(
        r#"{
        "active": true,
        "name": [{"use": "official", "family": "Moen", "given": ["Twyla", "J."], "prefix": ["Mrs."]}],
        "gender": "female", "birthDate": "1945-12-09", "deceasedDateTime": "2020-01-01T00:00:00Z",
        "maritalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}]},
        "multipleBirthInteger": 2,
        "generalPractitioner": [{"reference": "Practitioner/p1"}], "managingOrganization": {"reference": "Organization/o1"},
        "extension": [
            {"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"},
            {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": {"city": "Mashpee"}}
        ],
        "identifier": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}, "system": "urn:x", "value": "7"}],
        "telecom": [{"system": "phone", "value": "555", "rank": 1}],
        "address": [{"line": ["1 Street"], "city": "Chicopee"}],
        "contact": [{
            "relationship": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "N"}]}],
            "name": {"family": "Doe"}, "telecom": [{"system": "phone", "value": "556"}], "gender": "male"
        }],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}, "preferred": true}]
    }"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn a_vital_sign_takes_patient_and_encounter_from_its_note() {
    let found = foreign(
        "vital_signs.hr",
        &[
            ("heart_rate", "72"),
            ("patient_id", "p"),
            ("encounter_id", "e"),
            ("status", "draft"),
            ("measured_at", "2026-01-02T03:04:05Z"),
        ],
    );
    let expected = json(
        r#"{
        "status": "preliminary",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"}, "effectiveDateTime": "2026-01-02T03:04:05Z",
        "valueQuantity": {"value": 72, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}
    }"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn blood_pressure_has_two_components() {
    let found = foreign("vital_signs.bp", &[("systolic", "120"), ("diastolic", "80"), ("patient_id", "p")]);
    let quantity = |value: u32| {
        json(&format!(
            r#"{{"value": {value}, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}}"#
        ))
    };
    assert_eq!(found["component"][0]["valueQuantity"], quantity(120));
    assert_eq!(found["component"][1]["valueQuantity"], quantity(80));
    assert_eq!(found["component"][1]["code"]["coding"][0]["code"], "8462-4");
}

#[test]
fn blood_pressure_without_its_lower_value_shows_no_unit_alone() {
    let found = foreign("vital_signs.bp", &[("systolic", "120"), ("patient_id", "p")]);
    assert_eq!(found["component"].as_array().map(Vec::len), Some(1), "{found}");
    let found = foreign("vital_signs.bp", &[("diastolic", "80"), ("patient_id", "p")]);
    assert_eq!(found["component"][0]["code"]["coding"][0]["code"], "8462-4", "{found}");
}

/// Every table, with nothing in its row, and with nothing in a child row but one value.
#[test]
fn rows_of_other_programs_have_what_r4_requires() {
    use mappers::schema::ColumnKind;
    for map in &clinic().maps {
        let empty = row(map, &[]);
        let check = |row: &Row| {
            let stored =
                Stored { row, reference_ids: &[], child_reference_ids: &[], residue: None, shadow: None, listed: &[] };
            let header = Header { id: "x", version: 1, last_updated: "2026-01-02T03:04:05Z" };
            let mut out = Vec::new();
            join(map, &stored, &header, &Context::utc(), &mut out);
            let text = String::from_utf8(out).expect("UTF-8");
            let document = Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
            structure::check(&document).unwrap_or_else(|issues| panic!("{}: {issues:?}: {text}", map.name));
        };
        check(&empty);
        for (number, child) in map.children.iter().enumerate() {
            for (slot, of) in child.slots.iter().enumerate() {
                let value = match of.kind {
                    ColumnKind::Boolean => "true",
                    ColumnKind::Date => "2026-01-02",
                    ColumnKind::Integer | ColumnKind::Numeric => "1",
                    ColumnKind::TimestampTz => "2026-01-02T03:04:05Z",
                    _ => continue,
                };
                let mut cells = vec![None; child.slots.len()];
                cells[slot] = Some(value.into());
                let mut row = empty.clone();
                row.children[number].push(ChildRow { key: None, position: 0, cells, residue: None });
                check(&row);
            }
        }
    }
}

#[test]
fn a_component_is_known_by_its_code_wherever_it_stands() {
    let part = |code: &str, value: &str| {
        format!(
            r#"{{"code":{{"coding":[{{"system":"urn:x","code":"1"}},{{"system":"http://loinc.org","code":"{code}"}}]}},
            "valueQuantity":{{"value":{value},"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}"#
        )
    };
    let columns = |components: &str| {
        let text = format!(
            r#"{{"resourceType":"Observation","status":"final","category":[{{"coding":[{{"system":
            "http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],"code":{{"coding":[{{"system":
            "http://loinc.org","code":"85354-9"}}]}},"component":[{components}]}}"#
        );
        let set = clinic();
        let map = set.by_name("vital_signs.bp").expect("the map of blood pressures");
        let document = Document::parse(text.as_bytes()).expect("JSON");
        let context = SplitContext { values: Context::utc(), resolve: &|_, _| None };
        let of = |cells: &[mappers::row::Cell], column: &str| {
            cells[map.slots.iter().position(|slot| slot.column == column).expect("a column")].clone()
        };
        let split = accepts(map, &document).then(|| split(map, &document, &context).expect("fits"))?;
        Some(["systolic", "diastolic"].map(|column| of(&split.row.cells, column).map(String::from)))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        columns(&format!("{},{}", part("8462-4", "80"), part("8480-6", "120"))),
        Some([some("120"), some("80")])
    );
    assert_eq!(columns(&part("8480-6", "120")), Some([some("120"), None]));
    assert_eq!(columns(&part("8462-4", "80")), Some([None, some("80")]));
    assert_eq!(columns(&part("8867-4", "80")), None, "no value for any column");
    assert_eq!(columns(&part("8480-6", "16").replace("mm[Hg]", "kPa")), None, "another unit");
}

#[test]
fn a_laboratory_result() {
    let columns = [
        ("status", "final"),
        ("patient_id", "p"),
        ("code", "2339-0"),
        ("display", "Glucose"),
        ("value_number", "114.40"),
        ("unit", "mg/dL"),
        ("interpretation", "H"),
        ("reference_low", "70"),
        ("reference_high", "99"),
        ("performer_id", "lab"),
        ("note", "fasting"),
    ];
    let found = foreign("lab_results", &columns);
    let expected = json(
        r#"{
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose"}]},
        "subject": {"reference": "Patient/p"}, "performer": [{"reference": "Organization/lab"}],
        "valueQuantity": {"value": 114.40, "unit": "mg/dL"},
        "interpretation": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "H"}]}],
        "note": [{"text": "fasting"}],
        "referenceRange": [{"low": {"value": 70}, "high": {"value": 99}}]
    }"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn a_prescription() {
    let columns = [
        ("status", "active"),
        ("intent", "order"),
        ("patient_id", "p"),
        ("medication_id", "m"),
        ("dosage_text", "once daily"),
        ("dose_value", "1.5"),
        ("dose_unit", "mg"),
        ("frequency", "1"),
        ("period", "1"),
        ("period_unit", "d"),
        ("as_needed", "false"),
        ("refills", "3"),
    ];
    let found = foreign("medication_request", &columns);
    let expected = json(
        r#"{
        "status": "active", "intent": "order", "medicationReference": {"reference": "Medication/m"}, "subject": {"reference": "Patient/p"},
        "dosageInstruction": [{
            "text": "once daily", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}, "asNeededBoolean": false,
            "doseAndRate": [{"doseQuantity": {"value": 1.5, "unit": "mg"}}]
        }],
        "dispenseRequest": {"numberOfRepeatsAllowed": 3}
    }"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn a_visit_that_another_program_booked() {
    let columns = [
        ("status", "booked"),
        ("patient_id", "p"),
        ("patient_status", "accepted"),
        ("practitioner_id", "d"),
        ("practitioner_status", "tentative"),
        ("starts_at", "2026-02-03T09:00:00Z"),
        ("reason", "cough"),
    ];
    let found = foreign("appointment", &columns);
    let expected = json(
        r#"{
        "status": "booked", "start": "2026-02-03T09:00:00Z", "reasonCode": [{"text": "cough"}],
        "participant": [{"actor": {"reference": "Patient/p"}, "status": "accepted"},
            {"actor": {"reference": "Practitioner/d"}, "status": "tentative"}]
    }"#,
    );
    assert_eq!(found, expected);
}

/// A second practitioner, and whoever else comes, stays in the residue at its place.
#[test]
fn an_appointment_of_many() {
    let text = r#"{"resourceType":"Appointment","id":"x","status":"booked","participant":[
        {"actor":{"reference":"RelatedPerson/r"},"status":"accepted"},{"actor":{"reference":"Practitioner/a"},"status":"declined"},
        {"actor":{"reference":"Patient/p","display":"P"},"required":"required","status":"accepted"},
        {"actor":{"reference":"Practitioner/b"},"status":"accepted"},{"type":[{"text":"an interpreter"}],"status":"needs-action"}]}"#;
    let set = clinic();
    let map = set.by_name("appointment").expect("the map");
    let document = Document::parse(text.as_bytes()).expect("JSON");
    let resolve = |_: &str, id: &str| Some(Resolved { key: id.into(), table: "patients".into(), missing: false });
    let context = SplitContext { values: Context::utc(), resolve: &resolve };
    let split = split(map, &document, &context).expect("it fits");
    let cell = |column: &str| {
        let slot = map.slots.iter().position(|slot| slot.column == column).expect("a column");
        split.row.cells[slot].as_deref()
    };
    assert_eq!((cell("practitioner_id"), cell("practitioner_status")), (Some("a"), Some("declined")));
    assert_eq!((cell("patient_id"), cell("patient_status"), cell("location_id")), (Some("p"), Some("accepted"), None));
    assert!(lands(&set, map, &document, text));
}

/// An encounter's class has a system where another program gave none.
#[test]
fn an_encounter_of_another_program() {
    let found = foreign("encounter", &[("status", "planned"), ("patient_id", "p"), ("class_code", "AMB")]);
    let expected = json(
        r#"{"status": "planned", "subject": {"reference": "Patient/p"},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}}"#,
    );
    assert_eq!(found, expected);
}

#[test]
fn a_patient_of_whom_only_the_tribe_is_known() {
    let found = foreign("patient", &[("tribe", "Fort Mojave"), ("tribe_enrolled", "true")]);
    let expected = json(
        r#"[{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-tribal-affiliation", "extension": [
            {"url": "tribalAffiliation", "valueCodeableConcept": {"text": "Fort Mojave"}}, {"url": "isEnrolled", "valueBoolean": true}]}]"#,
    );
    assert_eq!(found, json(&format!(r#"{{"extension": {expected}}}"#)));
}

#[test]
fn a_medication() {
    let found = foreign(
        "medication",
        &[
            ("rxnorm_code", "316049"),
            ("name", "HCTZ"),
            ("status", "active"),
            ("lot_number", "L1"),
            ("expires_on", "2027-01-31"),
        ],
    );
    assert_eq!(found["batch"], json(r#"{"lotNumber": "L1", "expirationDate": "2027-01-31"}"#));
}

/// Of the load pack's records all but a few are rows, and none loses a byte.
#[test]
fn synthea_lands_in_tables() {
    let Some(pack) = data::text("04-synthea-and-bulk/synthea-load-60-transaction-bundles.ndjson.gz") else { return };
    let set = clinic();
    let mut landed: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for bundle in pack.lines().step_by(6) {
        for resource in resources(bundle) {
            let text = resource.to_string();
            let document = Document::parse(text.as_bytes()).expect("JSON");
            let kind = resource["resourceType"].as_str().expect("type").to_owned();
            let name = match resource["category"][0]["coding"][0]["code"].as_str() {
                Some(category) if kind == "Observation" => format!("Observation {category}"),
                _ => kind.clone(),
            };
            let counts = landed.entry(name).or_default();
            counts.0 += 1;
            let Some(map) = set.of_type(&kind).find(|map| accepts(map, &document)) else { continue };
            counts.1 += usize::from(lands(&set, map, &document, &text));
        }
    }
    let names = [
        "Patient",
        "MedicationRequest",
        "Observation laboratory",
        "Observation survey",
        "AllergyIntolerance",
        "Condition",
        "DiagnosticReport",
        "Immunization",
        "Procedure",
    ];
    for name in names {
        let (all, rows) = landed.get(name).copied().unwrap_or_default();
        assert!(all > 0 && rows * 100 >= all * 95, "{name}: {rows} of {all} in tables; {landed:?}");
    }
}

/// Split, and read back the very text.
fn lands(set: &MapSet, map: &Map, document: &Document<'_>, text: &str) -> bool {
    // Every Patient of the bundle is a row; nothing else that is referred to is one.
    let resolve = |kind: &str, id: &str| {
        let table = set.of_type(kind).next().map_or("", |map| map.table.as_str());
        Some(Resolved { key: id.into(), table: table.into(), missing: false })
    };
    let context = SplitContext { values: Context::utc(), resolve: &resolve };
    let Ok(split) = split(map, document, &context) else { return false };
    let stored = split.stored();
    let header = Header { id: "x", version: 1, last_updated: "2026-01-02T03:04:05Z" };
    let mut out = Vec::new();
    join(map, &stored, &header, &Context::utc(), &mut out);
    let bare = |text: &str| {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let object = value.as_object_mut().expect("object");
        object.remove("id");
        if let Some(meta) = object.get_mut("meta").and_then(serde_json::Value::as_object_mut) {
            meta.retain(|key, _| key != "versionId" && key != "lastUpdated");
        }
        object.retain(|key, value| key != "meta" || value.as_object().is_some_and(|meta| !meta.is_empty()));
        value
    };
    assert_eq!(bare(std::str::from_utf8(&out).expect("UTF-8")), bare(text));
    true
}

/// The resources of a transaction, references resolved as the gateway does.
fn resources(bundle: &str) -> Vec<serde_json::Value> {
    let bundle = json(bundle);
    let entries = bundle["entry"].as_array().expect("entries");
    let mut names = BTreeMap::new();
    for entry in entries {
        let (kind, id) = (entry["resource"]["resourceType"].as_str(), entry["resource"]["id"].as_str());
        if let (Some(url), Some(kind), Some(id)) = (entry["fullUrl"].as_str(), kind, id) {
            names.insert(url.to_owned(), format!("{kind}/{id}"));
        }
    }
    entries.iter().map(|entry| renamed(&entry["resource"], &names)).collect()
}

fn renamed(value: &serde_json::Value, names: &BTreeMap<String, String>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), renamed(value, names))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| renamed(item, names)).collect()),
        Value::String(text) => Value::String(names.get(text).cloned().unwrap_or_else(|| text.clone())),
        other => other.clone(),
    }
}
