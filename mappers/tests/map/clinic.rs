//! The built-in maps against the clinic schema.

use mappers::map::{self, Codec, JoinWrite, Map, MapSet, ObjectShape, Pair, PatientSource, Selector, Target};

use crate::schema;

fn clinic() -> MapSet {
    map::compile(&map::clinic(), &schema::clinic()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn by_name(name: &str) -> Map {
    clinic().by_name(name).cloned().unwrap_or_else(|| panic!("no map {name}"))
}

#[test]
fn compiles_without_a_warning() {
    assert_eq!(clinic().warnings, []);
}

#[test]
fn is_sound_without_a_database_too() {
    assert_eq!(map::check(&map::clinic()), []);
}

#[test]
fn lookups_follow_the_files_order() {
    let set = clinic();
    let observations: Vec<&str> = set.of_type("Observation").map(|map| map.name.as_str()).collect();
    let place = |name: &str| observations.iter().position(|map| *map == name);
    assert!(place("vital_signs.hr").is_some() && place("vital_signs.hr") < place("lab_results"));
    assert_eq!(set.of_table("soap_objective_vital_signs").count(), 8);
    let tables: Vec<&str> = set.tables().collect();
    assert!(tables.is_sorted());
    assert!(["lab_results", "patients", "soap_objective_vital_signs"].iter().all(|table| tables.contains(table)));
}

#[test]
fn patient_has_children_a_profile_and_slices() {
    let map = by_name("patient");
    assert_eq!(map.patient, PatientSource::Key);
    assert!(!map.key_generated);
    let children: Vec<&str> = map.children.iter().map(|child| child.path.as_str()).collect();
    assert_eq!(children, ["identifier", "telecom", "address", "contact", "communication", "link"]);
    assert!(map.children.iter().all(|child| child.tenant.as_deref() == Some("organization_id")));
    assert_eq!((map.joins[0].write, map.joins[0].tenant.as_deref()), (JoinWrite::With, Some("organization_id")));
    let birth_sex = map.slots.iter().find(|slot| slot.column == "birth_sex").unwrap();
    assert_eq!((birth_sex.join, birth_sex.writable), (Some(0), true));
    let Target::Slices(names) = member(&map.shape, "name") else { panic!("name is sliced") };
    assert_eq!(names[0].selector, Selector::Where(vec![Pair::new("use", "official|usual|")]));
    let Target::Field(given) = member(&names[0].shape, "given") else { panic!("given is a field") };
    assert!(given.list && given.slots.len() == 2);
    let Target::Field(practitioners) = member(&map.shape, "generalPractitioner") else { panic!() };
    assert!(practitioners.list && matches!(practitioners.codec, Codec::Reference));
}

#[test]
fn a_constant_through_a_list_means_the_first_item() {
    let map = by_name("vital_signs.hr");
    let Target::Slices(categories) = member(&map.shape, "category") else { panic!("category is sliced") };
    assert_eq!(categories[0].selector, Selector::Index(0));
    let Target::Slices(codings) = member(&categories[0].shape, "coding") else { panic!("coding is sliced") };
    let Target::Field(code) = member(&codings[0].shape, "code") else { panic!("code is a field") };
    assert_eq!(code.constant.as_deref(), Some("\"vital-signs\""));
}

#[test]
fn a_facet_is_a_map_of_its_own() {
    let map = by_name("vital_signs.bp");
    assert!(map.facet && map.residue.is_none());
    assert_eq!((map.id_prefix.as_str(), map.id_suffix.as_str()), ("vs-", "-bp"));
    let either = "soap_objective_vital_signs.systolic is not null or soap_objective_vital_signs.diastolic is not null";
    assert_eq!(map.when.as_deref(), Some(either));
    let needed: Vec<&str> = map.when_one.iter().map(|slot| map.slots[*slot].column.as_str()).collect();
    assert_eq!((map.when_slots.len(), &needed[..]), (0, &["systolic", "diastolic"][..]));
    let PatientSource::Slot(patient) = map.patient else { panic!("the patient is the note's") };
    assert_eq!((map.slots[patient].column.as_str(), map.slots[patient].join), ("patient_id", Some(0)));
    assert!(!map.slots[patient].writable, "the note is never written");
    assert_eq!(map.joins[0].filter.as_deref(), Some("soap_notes.deleted_at is null"));
    assert!(map.slots.iter().all(|slot| slot.column != "heart_rate"));
}

#[test]
fn a_reference_knows_the_maps_of_its_target() {
    let map = by_name("lab_results");
    let reference = |column: &str| {
        let slot = map.slots.iter().find(|slot| slot.column == column).unwrap();
        slot.reference.clone().unwrap()
    };
    assert_eq!(reference("patient_id").foreign_table.as_deref(), Some("patients"));
    assert_eq!(reference("patient_id").maps, ["patient"]);
    assert!(reference("encounter_id").foreign_table.is_none(), "an encounter may be elsewhere");
}

#[test]
fn a_value_falls_with_its_unit_range_and_interpretation() {
    let map = by_name("lab_results");
    let group = map.groups.iter().find(|group| group.name == "value").unwrap();
    let columns: Vec<&str> = group.slots.iter().map(|slot| map.slots[*slot].column.as_str()).collect();
    let expected = [
        "value_number",
        "comparator",
        "unit",
        "value_text",
        "value_system",
        "value_code",
        "value_display",
        "value_name",
        "absent_reason",
        "interpretation",
        "reference_low",
        "reference_high",
        "reference_text",
    ];
    assert_eq!(columns, expected);
    assert!(group.members.iter().any(|member| member == "valueCodeableConcept"), "also what has no column falls");
}

#[test]
fn only_what_a_clinic_needs_is_required() {
    for map in clinic().maps {
        let required: Vec<&str> =
            map.slots.iter().filter(|slot| slot.required && slot.writable).map(|slot| slot.column.as_str()).collect();
        let expected: &[&str] = match map.name.as_str() {
            "medication_request" => &["status", "intent", "patient_id"],
            "lab_results" => &["status", "patient_id"],
            "encounter" => &["status", "patient_id"],
            "related_person" => &["patient_id"],
            "appointment" => &["status"],
            "care_plan" => &["status", "intent", "patient_id"],
            "consent" | "coverage" | "goal" => &["status", "patient_id"],
            "medication_statement" | "medication_administration" | "medication_dispense" => &["status", "patient_id"],
            "patient_consents" => &["status", "consent_type", "patient_id", "granted"],
            "questionnaire_response" => &["status"],
            "patient" | "medication" => &[],
            _ => continue,
        };
        assert_eq!(required, expected, "{}", map.name);
        for child in &map.children {
            let required = child.slots.iter().filter(|slot| slot.required).map(|slot| slot.column.as_str());
            let expected: &[&str] = match child.table.as_str() {
                "device_names" => &["name"],
                "questionnaire_answers" => &["link_id"],
                _ => &[],
            };
            assert_eq!(required.collect::<Vec<_>>(), expected, "{}", child.table);
        }
    }
}

/// Every column of a mapped table is mapped or has a part to play.
#[test]
fn no_column_is_forgotten() {
    let (schema, set) = (schema::clinic(), clinic());
    let used: Vec<&str> = set.maps.iter().flat_map(tables).collect();
    for (name, table) in schema.tables.iter().filter(|(name, _)| used.contains(&name.as_str())) {
        for column in &table.columns {
            let known = set.maps.iter().any(|map| knows(map, name, &column.name));
            let full = format!("{name}.{}", column.name);
            assert!(known || NO_ELEMENT.contains(&full.as_str()), "{full} is in no map");
        }
    }
}

/// Columns that no element stands for.
const NO_ELEMENT: &[&str] = &[
    // What the triggers of 0007_soap merge; read by the patient summary.
    "patient_profiles.cumulative_medical_record",
    "patient_profiles.medical_record_last_updated_at",
    "patient_profiles.medical_record_last_soap_note_id",
    // Whose note a row is comes from the join; the note's own columns are the Composition's.
    "soap_notes.appointment_id",
];

fn tables(map: &Map) -> Vec<&str> {
    let joined = map.joins.iter().filter(|join| join.write == JoinWrite::With).map(|join| join.table.as_str());
    let children = map.children.iter().map(|child| child.table.as_str());
    joined.chain(children).chain([map.table.as_str()]).collect()
}

fn knows(map: &Map, table: &str, column: &str) -> bool {
    if map.table == table && map.fixed.iter().any(|(fixed, _)| fixed == column) {
        return true;
    }
    let is_slot = map.slots.iter().any(|slot| {
        let of = slot.join.map_or(&map.table, |join| &map.joins[join].table);
        of == table && slot.column == column
    });
    let is_bare = map.table == table
        && (map.bare.iter().any(|bare| bare.name == column)
            || map.listed_by.iter().any(|listed| listed.column.name == column));
    let of_join = map.joins.iter().any(|join| {
        join.table == table && join.bare.iter().any(|bare| bare.name == column)
            || join.other_table == table && join.other_column == column
    });
    let of_child = map.children.iter().filter(|child| child.table == table).any(|child| {
        child.slots.iter().any(|slot| slot.column == column) || child.bare.iter().any(|bare| bare.name == column)
    });
    let is_fixed = map.table == table && map.fixed.iter().any(|(fixed, _)| fixed == column);
    is_slot || is_bare || of_join || of_child || is_fixed
}

#[test]
fn describes_itself() {
    for name in ["encounter", "patient", "vital_signs.bp"] {
        crate::golden(&format!("describe_{name}"), &map::describe(&by_name(name)));
    }
}

fn member<'s>(shape: &'s ObjectShape, name: &str) -> &'s Target {
    &shape.members.iter().find(|member| member.name == name).unwrap_or_else(|| panic!("no member {name}")).target
}
