//! Random searches of a record whose ids and numbers the hidden organization has, too.

use gateway_tests::{Json, Random, lab_observation, medication_request, patient};

/// A search as a client sends it.
pub(crate) struct Search {
    /// From the type on: `/Patient?family=x`.
    pub(crate) address: String,
    /// The query is sent as a form.
    pub(crate) by_form: bool,
    /// What is not known may be left out.
    pub(crate) is_lenient: bool,
}

/// People, results, prescriptions, visits, and what refers to them; some refer to ids that only the hidden organization has.
pub(crate) fn record(random: &mut Random) -> Vec<Json> {
    let mut record = Vec::new();
    for index in 0..14 {
        let id = format!("twin-{index}");
        let whose = format!("twin-{}", random.below(18));
        let family = *random.pick::<&str>(&["Adams", "adamson", "Ådams", "Brown", "Hidden", "Curie"]);
        let mut person = patient(&id, family);
        person.set("", "birthDate", Json::text(*random.pick::<&str>(&["1974", "1974-12", "1974-12-25", "2001-02-03"])));
        if random.once_in(2) {
            person.set(
                "",
                "link",
                Json::of(&format!(r#"[{{"other":{{"reference":"Patient/{whose}"}},"type":"seealso"}}]"#)),
            );
        }
        if random.once_in(2) {
            let label = format!(
                r#"{{"tag":[{{"system":"urn:t","code":"t{index}"}}],"security":[{{"code":"s{}"}}]}}"#,
                index % 3
            );
            person.set("", "meta", Json::of(&label));
        }
        record.push(person);
        let mut result = lab_observation(&id, &whose, random.pick::<&str>(&["1.10", "1.5", "98.65", "7"]));
        if random.once_in(2) {
            result.set(
                "",
                "hasMember",
                Json::of(&format!(r#"[{{"reference":"Observation/twin-{}"}}]"#, random.below(18))),
            );
            result.set("", "encounter", Json::of(&format!(r#"{{"reference":"Encounter/twin-{}"}}"#, random.below(6))));
        }
        result.set(
            "",
            "effectiveDateTime",
            Json::text(*random.pick::<&str>(&["2023", "2024-03-05T10:20:30Z", "2024-03"])),
        );
        record.push(result);
        record.push(medication_request(&id, &whose));
        record.push(Json::of(&format!(
            r#"{{"resourceType":"Basic","id":"{id}","code":{{"coding":[{{"system":"urn:t","code":"c{}"}}]}},"subject":{{"reference":"Patient/{whose}"}},
            "identifier":[{{"system":"urn:example:mrn","value":"mrn-{id}"}}]}}"#,
            random.below(3)
        )));
        record.push(Json::of(&format!(
            r#"{{"resourceType":"Location","id":"{id}","name":"L{index}","position":{{"latitude":{}.5,"longitude":{}}}}}"#,
            40 + random.below(3),
            -72 + i64::from(index % 3)
        )));
        if index < 6 {
            record.push(Json::of(&format!(
                r#"{{"resourceType":"Encounter","id":"{id}","status":"finished","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/{whose}"}},
                "period":{{"start":"2024-03-0{}","end":"2024-03-09"}}}}"#,
                1 + random.below(8)
            )));
            let item = |kind: &str, number: usize| format!(r#"{{"item":{{"reference":"{kind}/twin-{number}"}}}}"#);
            let items = [
                item("Patient", random.below(18)),
                item("Observation", random.below(18)),
                item("Basic", random.below(18)),
            ];
            record.push(Json::of(&format!(
                r#"{{"resourceType":"Composition","id":"{id}","status":"final","type":{{"text":"x"}},"date":"2024-03-05","author":[{{"display":"x"}}],"title":"T",
                "subject":{{"reference":"Patient/{whose}"}},"section":[{{"entry":[{{"reference":"Observation/twin-{}"}},{{"reference":"Basic/{id}"}}]}}]}}"#,
                random.below(18)
            )));
            record.push(Json::of(&format!(
                r#"{{"resourceType":"List","id":"{id}","status":"current","mode":"working","subject":{{"reference":"Patient/{whose}"}},"entry":[{}]}}"#,
                items.join(",")
            )));
        }
    }
    record
}

/// Search parameters of the organization's own, which [`CONDITIONS`] and the others ask by.
pub(crate) fn parameters() -> Vec<Json> {
    let parameter = |id: &str, base: &str, kind: &str, expression: &str| {
        Json::of(&format!(
            r#"{{"resourceType":"SearchParameter","id":"{id}","url":"http://example.org/{id}","name":"N","status":"active",
            "description":"d","code":"{id}","base":[{base}],"type":"{kind}","expression":"{expression}"}}"#
        ))
    };
    vec![
        parameter("own-word", r#""Patient""#, "string", "Patient.name.family | Patient.name.given"),
        parameter("own-about", r#""Observation","Basic""#, "reference", "subject.where(resolve() is Patient)"),
        parameter("own-value", r#""Observation""#, "quantity", "Observation.value.as(Quantity)"),
    ]
}

/// Conditions by type. `ID` stands for an id, of which some are nobody's here.
const CONDITIONS: &[(&str, &[&str])] = &[
    (
        "Patient",
        &[
            "family=adam",
            "family:exact=Adams",
            "family:contains=DAM",
            "name=hid",
            "gender=female",
            "gender:not=male",
            "birthdate=1974",
            "birthdate=ge1974-06",
            "birthdate=ne1974-12-25",
            "identifier=urn:example:mrn|mrn-ID",
            "identifier=mrn-ID",
            "identifier:missing=true",
            "link=Patient/ID",
            "link.family=hidden",
            "link:Patient.identifier=mrn-ID",
            "_has:Observation:patient:code=2345-7",
            "_has:Observation:patient:value-quantity=1.5",
            "_has:MedicationRequest:subject:status=active",
            "_has:Observation:patient:_has:Observation:has-member:_id=ID",
            "address=salem",
            "phone=555-0100",
            "active=true",
            "deceased=false",
            "general-practitioner:missing=true",
            "email:missing=false",
            "own-word=adam",
            "own-word:exact=Hidden",
            "own-word:missing=false",
            "_has:Observation:own-about:own-value=gt1.2",
            "link.own-word=b",
        ],
    ),
    (
        "Observation",
        &[
            "code=2345-7",
            "code=http://loinc.org|",
            "code:text=gluc",
            "code:not=2345-7",
            "patient=ID",
            "subject=Patient/ID",
            "subject:Patient=ID",
            "patient.family=hidden",
            "patient.name:contains=a",
            "subject.identifier=mrn-ID",
            "value-quantity=1.5",
            "value-quantity=gt1.2|http://unitsofmeasure.org|mg/dL",
            "value-quantity=0.015|http://unitsofmeasure.org|g/L",
            "value-quantity=le7||mg/dL",
            "value-quantity:missing=true",
            "date=2024-03-05",
            "date=lt2024",
            "date=sa2023",
            "status=final",
            "status:not=final,amended",
            "category=laboratory",
            "has-member=ID",
            "has-member.patient.family=adams",
            "encounter.class=AMB",
            "encounter.date=ge2024-03-04",
            "code-value-quantity=2345-7$1.5",
            "_has:Observation:has-member:patient=ID",
            "patient._has:MedicationRequest:patient:_id=ID",
            "patient.link.family=brown",
            "own-about=ID",
            "own-about:Patient.own-word=hid",
            "own-value=1.5",
            "own-value:missing=true",
        ],
    ),
    (
        "MedicationRequest",
        &[
            "patient=ID",
            "status=active",
            "intent=order",
            "code=314076",
            "authoredon=2024-02-01",
            "authoredon=lt2024",
            "patient.gender=female",
            "patient:missing=false",
            "subject.family:exact=Hidden",
            "encounter:missing=true",
        ],
    ),
    (
        "Basic",
        &[
            "code=urn:t|c1",
            "code=c0,c2",
            "subject=Patient/ID",
            "patient.family=hidden",
            "identifier=urn:example:mrn|mrn-ID",
            "subject:Patient.birthdate=lt2000",
            "created:missing=true",
            "own-about=ID",
            "own-about:Patient.family=adams",
        ],
    ),
    (
        "Encounter",
        &[
            "patient=ID",
            "date=2024-03",
            "date=ge2024-03-05",
            "date=eb2024-03-09",
            "status=finished",
            "class:not=AMB",
            "_has:Observation:encounter:value-quantity=gt1",
            "subject.name=b",
        ],
    ),
    ("Location", &["near=41.5|-71", "near=41|-71|100|[mi_i]", "near=41|-71|60", "name=l1", "near:missing=false"]),
];

const ORDERS: &[(&str, &[&str])] = &[
    ("Patient", &["family", "-family", "birthdate", "-birthdate", "identifier", "link", "gender", "-own-word"]),
    (
        "Observation",
        &[
            "date",
            "-date",
            "value-quantity",
            "-value-quantity",
            "code",
            "patient",
            "-has-member",
            "status",
            "own-value",
            "-own-about",
        ],
    ),
    ("MedicationRequest", &["authoredon", "-patient", "status"]),
    ("Basic", &["code", "-code", "-patient", "identifier"]),
    ("Encounter", &["date", "-date", "patient", "class"]),
    ("Location", &["name", "-name"]),
];

const ALONG: &[(&str, &[&str])] = &[
    (
        "Patient",
        &[
            "_include=Patient:link",
            "_include:iterate=Patient:link",
            "_revinclude=Observation:patient",
            "_revinclude=*:x",
            "_revinclude=Basic:subject",
            "_revinclude=Basic:own-about",
            "_revinclude:iterate=Patient:link",
            "_include=*",
            "_revinclude=MedicationRequest:*",
            "_revinclude=*",
            "_revinclude:iterate=*",
            "_revinclude=Observation:*:Patient",
        ],
    ),
    (
        "Observation",
        &[
            "_include=Observation:patient",
            "_include=Observation:subject:Patient",
            "_include:iterate=Observation:has-member",
            "_include=Observation:*",
            "_include=Observation:own-about",
            "_revinclude=Observation:has-member",
            "_include:iterate=Patient:link",
            "_include=Observation:encounter",
            "_include:iterate=*",
            "_include=Observation:*:Patient",
            "_revinclude:iterate=List:*",
        ],
    ),
    (
        "MedicationRequest",
        &[
            "_include=MedicationRequest:patient",
            "_include=*",
            "_include:iterate=Patient:link",
            "_include:iterate=Patient:*",
            "_revinclude=*",
        ],
    ),
    (
        "Basic",
        &[
            "_include=Basic:subject",
            "_include=Basic:subject:Patient",
            "_revinclude:iterate=Basic:subject",
            "_revinclude=*",
            "_include:iterate=*",
        ],
    ),
    (
        "Encounter",
        &[
            "_include=Encounter:patient",
            "_revinclude=Observation:encounter",
            "_revinclude:iterate=Observation:has-member",
        ],
    ),
    ("Location", &["_include=Location:organization", "_include=*"]),
];

const SHAPES: &[&str] = &[
    "_summary=true",
    "_summary=text",
    "_summary=data",
    "_summary=count",
    "_summary=false",
    "_elements=code,subject",
    "_elements=identifier",
    "_total=accurate",
    "_total=none",
    "_count=0",
    "_count=1",
    "_count=2",
    "_count=5",
];

const BAD: &[&str] = &[
    "nonsense=1",
    "family:nonsense=x",
    "_sort=nonsense",
    "_include=Patient:nonsense",
    "_revinclude=*:*",
    "birthdate=yesterday",
    "_has:x=1",
    "_count=-1",
    "_elements=a.b",
    "code:in=http://nowhere",
    "subject:Nonsense.name=x",
    "_id=",
];

fn of<'a>(table: &[(&str, &'a [&'a str])], kind: &str) -> &'a [&'a str] {
    table.iter().find(|(name, _)| *name == kind).map(|(_, list)| *list).unwrap()
}

/// Some search: most are good, some are not.
pub(crate) fn any(random: &mut Random) -> Search {
    let kinds = ["Patient", "Observation", "MedicationRequest", "Basic", "Encounter", "Location"];
    let kind = *random.pick(&kinds);
    let mut query: Vec<String> = Vec::new();
    let mut by_form = random.once_in(8);
    let path = match random.below(10) {
        0 => format!("/Patient/{}/{}", id(random), random.pick(&kinds)),
        1 => {
            by_form = false;
            format!("/Patient/{}/*", id(random))
        }
        2 => {
            query.push(format!("_type={},{}", random.pick(&kinds), random.pick(&kinds)));
            "/".to_owned()
        }
        _ => format!("/{kind}"),
    };
    let common = [
        "_id=ID,twin-1",
        "_id:not=ID",
        "_lastUpdated=gt2001",
        "_lastUpdated=lt2001",
        "_list=ID",
        "_tag:missing=true",
        "_tag=urn:t|t3",
        "_security:not=x",
    ];
    let is_of_kind = path.ends_with(kind);
    for _ in 0..random.below(4) {
        let list = if is_of_kind && !random.once_in(5) { of(CONDITIONS, kind) } else { &common[..] };
        let condition = random.pick(list).replace("ID", &id(random));
        query.push(condition);
    }
    if is_of_kind && random.once_in(2) {
        let mut keys = vec![*random.pick(of(ORDERS, kind))];
        for other in ["_id", "-_lastUpdated", *random.pick(of(ORDERS, kind))] {
            if random.once_in(3) {
                keys.push(other);
            }
        }
        query.push(format!("_sort={}", keys.join(",")));
    }
    if is_of_kind && random.once_in(3) {
        query.extend((0..=random.below(3)).map(|_| (*random.pick(of(ALONG, kind))).to_owned()));
    }
    if random.once_in(2) {
        query.push((*random.pick(SHAPES)).to_owned());
    }
    if random.once_in(12) {
        query.push((*random.pick(BAD)).to_owned());
    }
    let mark = if query.is_empty() { "" } else { "?" };
    let address = format!("{path}{mark}{}", query.join("&"));
    Search {
        address: if by_form { address.replacen("/?", "?", 1) } else { address },
        by_form,
        is_lenient: random.once_in(10),
    }
}

/// 14 to 17 are nobody's here, and the hidden organization's in one of the worlds.
fn id(random: &mut Random) -> String {
    format!("twin-{}", random.below(18))
}

/// The searches found something, and not all of them failed: or they prove nothing.
///
/// # Panics
/// When they did not.
pub(crate) fn say_something(answers: &[String]) {
    let with = |text: &str| answers.iter().filter(|answer| answer.contains(text)).count();
    let (pages, found, along, refused) =
        (with("\"searchset\""), with("\"mode\":\"match\""), with("\"mode\":\"include\""), with("\n400\n"));
    println!("{} answers, {pages} pages, {found} with matches, {along} with more, {refused} refused", answers.len());
    assert!(
        pages * 2 > answers.len() / 2 && found * 4 > pages && along > 20 && refused > 5,
        "{pages} {found} {along} {refused}"
    );
}
