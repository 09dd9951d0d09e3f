//! Maps built by hand that have one of everything the language can say.

use mappers::map::*;
use mappers::schema::ColumnKind;

pub(crate) fn all() -> Vec<Map> {
    vec![patient(), observation(), pressure(), appointment(), encounter(), order()]
}

/// Components picked by their codes; what goes with them is asked for only where they are.
pub(crate) fn pressure() -> Map {
    let tables = "create table pressures (id text primary key, status text, upper numeric, lower numeric, arm text, residue text);";
    let part = |code: &str, column: &str| {
        format!(
            r#"
            {{ path = "component[code.coding.code={code}].code.coding[system=http://loinc.org].code", const = "{code}" }},
            {{ path = "component[code.coding.code={code}].valueQuantity.value", column = "{column}" }},
            {{ path = "component[code.coding.code={code}].valueQuantity.unit", const = "mm[Hg]" }},"#
        )
    };
    let fields = format!(
        r#"fields = [
            {{ path = "status", column = "status" }},
            {{ path = "code.coding[system=http://loinc.org].code", const = "85354-9" }},
            {{ path = "bodySite.coding[system=urn:site].code", const = "arm" }},
            {{ path = "bodySite.text", column = "arm" }},{}{}
        ]"#,
        part("8480-6", "upper"),
        part("8462-4", "lower")
    );
    compiled("Observation", "pressures", &fields, tables)
}

/// Participants picked by the type they refer to.
pub(crate) fn appointment() -> Map {
    let tables = "create table appointments (id text primary key, status text, patient text, came text, provider text, room text, story text, residue text);";
    let fields = r#"fields = [
        { path = "status", column = "status" },
        { path = "participant[actor.reference=Patient/*].actor", column = "patient", reference = "Patient" },
        { path = "participant[actor.reference=Patient/*].status", column = "came" },
        { path = "participant[actor.reference=Practitioner/*].actor", column = "provider", reference = "Practitioner" },
        { path = "participant[actor.reference=Practitioner/*].required", const = "required" },
        { path = "participant[actor.reference=Location/*].actor", column = "room", reference = "Location" },
        { path = "text.status", const = "generated" },
        { path = "text.div", column = "story", format = "narrative" },
    ]"#;
    compiled("Appointment", "appointments", fields, tables)
}

/// Required elements of every kind: a code with and without `unknown`, a Coding, items of child rows with and without residue.
pub(crate) fn encounter() -> Map {
    let tables = "
        create table encounters (id text primary key, status text, class text, residue text);
        create table encounter_statuses (id text primary key, encounter text, place integer, status text, since date, residue text);
        create table encounter_rooms (id text primary key, encounter text, place integer, room text, state text);
        create table encounter_classes (id text primary key, encounter text, place integer, class text, residue text);";
    let codes = r#"codes = { P = "planned", F = "finished", U = "unknown" }"#;
    let fields = format!(
        r#"fields = [
        {{ path = "status", column = "status", {codes} }},
        {{ path = "class.code", column = "class" }},
    ]
    [[children]]
    path = "statusHistory"
    table = "encounter_statuses"
    key = "encounter"
    id = "id"
    order = "place"
    residue = "residue"
    fields = [ {{ path = "status", column = "status", {codes} }}, {{ path = "period.start", column = "since" }} ]
    [[children]]
    path = "classHistory"
    table = "encounter_classes"
    key = "encounter"
    id = "id"
    order = "place"
    residue = "residue"
    fields = [ {{ path = "class.display", column = "class" }} ]
    [[children]]
    path = "location"
    table = "encounter_rooms"
    key = "encounter"
    id = "id"
    order = "place"
    fields = [ {{ path = "location.display", column = "room" }}, {{ path = "status", column = "state" }} ]"#
    );
    compiled("Encounter", "encounters", &fields, tables)
}

/// A required choice of which one form is mapped, and a concept picked by place.
pub(crate) fn order() -> Map {
    let tables = "create table orders (id text primary key, status text, aim text, drug text, drug_system text, name text, patient text, residue text);";
    let fields = r#"fields = [
        { path = "status", column = "status" },
        { path = "intent", column = "aim" },
        { path = "medicationCodeableConcept.coding[0].system", column = "drug_system" },
        { path = "medicationCodeableConcept.coding[0].code", column = "drug" },
        { path = "medicationCodeableConcept.text", column = "name" },
        { path = "subject", column = "patient", reference = "Patient" },
    ]"#;
    compiled("MedicationRequest", "orders", fields, tables)
}

fn compiled(resource: &str, table: &str, fields: &str, tables: &str) -> Map {
    let text =
        format!("resource = \"{resource}\"\ntable = \"{table}\"\nid = \"id\"\nresidue = \"residue\"\n{fields}\n");
    let set = compile(&[(format!("{table}.toml"), text)], &crate::schema::of(tables)).expect("the map compiles");
    set.by_name(table).expect("one map").clone()
}

fn slot(column: &str, kind: ColumnKind) -> Slot {
    Slot {
        join: None,
        column: column.to_owned(),
        kind,
        declared: String::new(),
        required: false,
        max_length: None,
        reference: None,
        writable: true,
    }
}

fn reference(column: &str, target: &str, table: &str) -> Slot {
    let foreign_table = Some(table.to_owned());
    Slot {
        reference: Some(ReferenceColumn { target: target.to_owned(), foreign_table, maps: Vec::new() }),
        ..slot(column, ColumnKind::Text)
    }
}

fn field(slots: &[usize], primitive: Primitive) -> Field {
    Field {
        slots: slots.to_vec(),
        list: false,
        primitive,
        codec: Codec::Plain,
        constant: None,
        default: None,
        group: None,
        terminology: None,
        bare: false,
        json_path: Vec::new(),
        absent: None,
        stays: false,
    }
}

fn constant(json: &str) -> Field {
    Field { constant: Some(json.to_owned()), ..field(&[], Primitive::String) }
}

fn codes(pairs: &[(&str, &str)]) -> Codec {
    Codec::Codes(pairs.iter().map(|(text, code)| ((*text).to_owned(), (*code).to_owned())).collect())
}

fn member(name: &str, target: Target) -> Member {
    Member { name: name.to_owned(), target }
}

fn one(name: &str, field: Field) -> Member {
    member(name, Target::Field(field))
}

fn shape(members: Vec<Member>) -> ObjectShape {
    ObjectShape { members, required: Vec::new(), choices: Vec::new() }
}

fn selected(pairs: &[(&str, &str)], members: Vec<Member>) -> Slice {
    let pairs = pairs.iter().map(|(name, value)| Pair::new(name, value)).collect();
    Slice { selector: Selector::Where(pairs), shape: shape(members) }
}

fn child(path: &str, slots: Vec<Slot>, residue: bool, shape: ObjectShape) -> Child {
    Child {
        path: path.to_owned(),
        table: format!("patient_{path}"),
        parent_key: "patient_id".to_owned(),
        parent_key_kind: ColumnKind::Uuid,
        key: Some("id".to_owned()),
        key_generated: true,
        order: Some("position".to_owned()),
        residue: residue.then(|| "residue".to_owned()),
        tenant: None,
        filter: None,
        slots,
        shape,
        groups: Vec::new(),
        bare: Vec::new(),
    }
}

fn map(resource: &str, table: &str, slots: Vec<Slot>, members: Vec<Member>) -> Map {
    Map {
        name: table.to_owned(),
        resource: resource.to_owned(),
        table: table.to_owned(),
        key: "id".to_owned(),
        key_kind: ColumnKind::Uuid,
        key_generated: false,
        id_prefix: String::new(),
        id_suffix: String::new(),
        tenant: None,
        patient: PatientSource::Key,
        updated: None,
        residue: Some("residue".to_owned()),
        filter: None,
        fixed: Vec::new(),
        when: None,
        when_slots: Vec::new(),
        when_one: Vec::new(),
        readonly: false,
        append_only: None,
        overflow: Overflow::Generic,
        deleted: None,
        joins: Vec::new(),
        slots,
        shape: shape(members),
        children: Vec::new(),
        groups: Vec::new(),
        bare: Vec::new(),
        facts: Facts::default(),
        array: None,
        facet: false,
        lists: Vec::new(),
        listed: false,
        listed_by: Vec::new(),
        after_write: None,
    }
}

pub(crate) fn patient() -> Map {
    let slots = vec![
        slot("active", ColumnKind::Boolean),
        slot("sex", ColumnKind::Text),
        slot("date_of_birth", ColumnKind::Date),
        Slot { max_length: Some(40), ..slot("last_name", ColumnKind::Text) },
        slot("first_name", ColumnKind::Text),
        slot("middle_name", ColumnKind::Text),
        slot("mrn", ColumnKind::Text),
        slot("deceased_at", ColumnKind::TimestampTz),
        reference("provider", "Practitioner", "providers"),
        reference("second_provider", "Practitioner", "providers"),
        reference("organization", "Organization", "organizations"),
        slot("details", ColumnKind::Json),
        slot("phone", ColumnKind::Text),
        slot("source", ColumnKind::Text),
    ];
    let json = |field: Field, path: &[&str]| Field {
        bare: false,
        json_path: path.iter().map(|name| (*name).to_owned()).collect(),
        ..field
    };
    let members = vec![
        member("meta", Target::Object(shape(vec![one("source", field(&[13], Primitive::String))]))),
        one("active", field(&[0], Primitive::Boolean)),
        one(
            "gender",
            Field {
                codec: codes(&[("M", "male"), ("F", "female"), ("O", "other"), ("O", "unknown")]),
                default: Some("\"other\"".to_owned()),
                ..field(&[1], Primitive::String)
            },
        ),
        one("birthDate", field(&[2], Primitive::Date)),
        member(
            "name",
            Target::Slices(vec![selected(
                &[("use", "official|usual|")],
                vec![
                    one("family", field(&[3], Primitive::String)),
                    one("given", Field { list: true, ..field(&[4, 5], Primitive::String) }),
                ],
            )]),
        ),
        member(
            "identifier",
            Target::Slices(vec![selected(
                &[("system", "urn:mrn")],
                vec![one("value", field(&[6], Primitive::String))],
            )]),
        ),
        one("deceasedDateTime", field(&[7], Primitive::DateTime)),
        one("generalPractitioner", Field { list: true, codec: Codec::Reference, ..field(&[8, 9], Primitive::String) }),
        one("managingOrganization", Field { codec: Codec::Reference, ..field(&[10], Primitive::String) }),
        member(
            "maritalStatus",
            Target::Object(shape(vec![one("text", json(field(&[11], Primitive::String), &["social", "marital"]))])),
        ),
        one("multipleBirthInteger", json(field(&[11], Primitive::Integer), &["social", "birth"])),
        member(
            "telecom",
            Target::Slices(vec![selected(
                &[("system", "phone"), ("use", "home")],
                vec![one("value", field(&[12], Primitive::String))],
            )]),
        ),
        member("address", Target::Children(0)),
        member("communication", Target::Children(1)),
        member("alias", Target::Children(2)),
    ];
    let mut map = map("Patient", "patients", slots, members);
    map.children = vec![address(), communication(), alias()];
    map
}

fn address() -> Child {
    let slots = vec![
        slot("city", ColumnKind::Text),
        slot("line1", ColumnKind::Text),
        slot("line2", ColumnKind::Text),
        slot("since", ColumnKind::Date),
    ];
    let members = vec![
        one("line", Field { list: true, ..field(&[1, 2], Primitive::String) }),
        one("city", field(&[0], Primitive::String)),
        member("period", Target::Object(shape(vec![one("start", field(&[3], Primitive::DateTime))]))),
    ];
    child("address", slots, true, shape(members))
}

/// No residue column: only what cells say wholly is a row.
fn communication() -> Child {
    let slots = vec![slot("language", ColumnKind::Text), slot("preferred", ColumnKind::Integer)];
    let coding = vec![one("code", field(&[0], Primitive::String))];
    let members = vec![
        member(
            "language",
            Target::Object(shape(vec![member(
                "coding",
                Target::Slices(vec![selected(&[("system", "urn:ietf:bcp:47")], coding)]),
            )])),
        ),
        one("preferred", field(&[1], Primitive::Boolean)),
    ];
    child("communication", slots, false, shape(members))
}

/// A list of primitives.
fn alias() -> Child {
    child("alias", vec![slot("alias", ColumnKind::Text)], false, shape(vec![one("", field(&[0], Primitive::String))]))
}

pub(crate) fn observation() -> Map {
    let slots = vec![
        slot("status", ColumnKind::Text),
        slot("value", ColumnKind::Numeric),
        slot("unit", ColumnKind::Text),
        slot("measured_at", ColumnKind::Timestamp),
        slot("issued", ColumnKind::TimestampTz),
        slot("ratio", ColumnKind::Real),
        slot("count", ColumnKind::Integer),
        slot("note_time", ColumnKind::Time),
    ];
    let grouped = |field: Field| Field { group: Some(0), ..field };
    let members = vec![
        one("status", Field { default: Some("\"final\"".to_owned()), ..field(&[0], Primitive::String) }),
        member(
            "code",
            Target::Object(shape(vec![member(
                "coding",
                Target::Slices(vec![selected(
                    &[("system", "http://loinc.org")],
                    vec![one("code", constant("\"8867-4\""))],
                )]),
            )])),
        ),
        one("effectiveDateTime", Field { codec: Codec::Zoned(None), ..field(&[3], Primitive::DateTime) }),
        one("issued", field(&[4], Primitive::Instant)),
        member(
            "valueQuantity",
            Target::Object(shape(vec![
                one("value", grouped(field(&[1], Primitive::Decimal))),
                one("unit", grouped(field(&[2], Primitive::String))),
            ])),
        ),
        member(
            "component",
            Target::Slices(vec![
                Slice {
                    selector: Selector::Index(0),
                    shape: shape(vec![member(
                        "valueQuantity",
                        Target::Object(shape(vec![one("value", field(&[5], Primitive::Decimal))])),
                    )]),
                },
                Slice {
                    selector: Selector::Index(1),
                    shape: shape(vec![
                        one("valueInteger", field(&[6], Primitive::Integer)),
                        one("valueTime", field(&[7], Primitive::Time)),
                        // The same column as `issued`.
                        one("valueDateTime", field(&[4], Primitive::DateTime)),
                    ]),
                },
            ]),
        ),
    ];
    let mut map = map("Observation", "observations", slots, members);
    map.when_slots = vec![1];
    map.groups = vec![Group {
        name: "value".to_owned(),
        slots: vec![1, 2],
        members: vec!["valueQuantity".to_owned(), "interpretation".to_owned()],
    }];
    map
}
