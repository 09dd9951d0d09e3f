//! Random resources of all shapes, random rows of other programs, and what databases do to texts.

use mappers::map::Map;
use mappers::row::{Cell, ChildRow, Row};
use mappers::schema::ColumnKind;

/// A small generator of numbers: proptest gives the seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    pub(crate) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Makes an item of a list.
type Item = fn(&mut Dice) -> String;

const TEXTS: &[&str] = &[
    r#""Smith""#,
    r#""Zoë""#,
    r#""caf\u00e9""#,
    r#""a\/b""#,
    r#""tab\there""#,
    r#""quote\"d""#,
    r#""back\\slash""#,
    r#"" padded ""#,
    r#""\ud83d\ude00""#,
    r#""😀""#,
    r#""x""#,
    r#""null""#,
    r#"" ""#,
    r#""\u0001""#,
    r#""line\nend""#,
    r#""true""#,
];
const DATES: &[&str] =
    &[r#""1974-12-25""#, r#""1974""#, r#""1974-12""#, r#""2000-02-29""#, r#""1900-01-01""#, r#""0001-01-01""#];
const STAMPS: &[&str] = &[
    r#""2020-01-15T10:30:00-05:00""#,
    r#""2020-07-15T10:30:00-04:00""#,
    r#""2020-01-15T15:30:00Z""#,
    r#""2020-01-15""#,
    r#""2020""#,
    r#""2020-01-15T10:30:00.000-05:00""#,
    r#""2020-01-15T10:30:00.1234567-05:00""#,
    r#""2020-01-15T10:30:00.125-05:00""#,
    r#""2020-11-01T01:30:00-04:00""#,
    r#""2020-11-01T01:30:00-05:00""#,
    r#""2016-12-31T23:59:60Z""#,
    r#""1880-01-01T00:00:00Z""#,
];
const INSTANTS: &[&str] =
    &[r#""2020-01-15T10:30:00-05:00""#, r#""2020-01-15T15:30:00Z""#, r#""2020-01-15T10:30:00.5-05:00""#];
const NUMBERS: &[&str] = &[
    "98.60",
    "1.10",
    "1E+2",
    "-0.0",
    "5",
    "0",
    "1e-3",
    "123456789012345678901234567890.5",
    "5.0",
    "72",
    "98.65",
    "-3.5",
];
const INTEGERS: &[&str] = &["0", "1", "-5", "2147483647", "4294967297", "12"];
const TIMES: &[&str] = &[r#""10:30:00""#, r#""10:30:00.50""#, r#""10:30:00.5""#, r#""00:00:00""#];
const EXTENSION: &str = r#"[{"url":"http://e.org/x","valueDecimal":1.10}]"#;

/// Members put together in any order, sometimes with white space.
struct Object(Vec<String>);

impl Object {
    fn new() -> Self {
        Self(Vec::new())
    }

    fn add(&mut self, name: &str, value: impl AsRef<str>) {
        self.0.push(format!("\"{name}\":{}", value.as_ref()));
    }

    fn text(mut self, dice: &mut Dice) -> String {
        if dice.one_in(2) {
            for last in (1..self.0.len()).rev() {
                let other = dice.below(last + 1);
                self.0.swap(last, other);
            }
        }
        let space = if dice.one_in(4) { " \n " } else { "" };
        format!("{{{space}{}{space}}}", self.0.join(&format!(",{space}")))
    }
}

fn list(items: Vec<String>) -> String {
    format!("[{}]", items.join(","))
}

fn some(dice: &mut Dice, most: usize, item: impl Fn(&mut Dice) -> String) -> String {
    let count = 1 + dice.below(most);
    list((0..count).map(|_| item(dice)).collect())
}

pub(crate) fn resource(map: &Map, dice: &mut Dice) -> String {
    let mut object = Object::new();
    object.add("resourceType", format!("\"{}\"", map.resource));
    if dice.one_in(2) {
        object.add("id", "\"client-id\"");
    }
    if dice.one_in(2) {
        object.add("meta", meta(dice));
    }
    if dice.one_in(3) {
        object.add("extension", EXTENSION);
    }
    if dice.one_in(3) {
        let status = dice.pick(&["generated", "generated", "additional", "extensions", "empty"]);
        let inner = dice.pick(&[
            "x",
            "a &lt; b<br/>c",
            "a<br>b",
            "<p>1 &amp; 2</p>\\n<ul><li>3</li></ul>",
            "&#233;\\tt",
            " ",
            "<b",
        ]);
        object.add(
            "text",
            format!(r#"{{"status":"{status}","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{inner}</div>"}}"#),
        );
    }
    if dice.one_in(4) {
        object.add("contained", r##"[{"resourceType":"Patient","id":"c","gender":"male"}]"##);
    }
    match map.resource.as_str() {
        "Patient" => patient(&mut object, dice),
        "Appointment" => appointment(&mut object, dice),
        "Encounter" => encounter(&mut object, dice),
        "MedicationRequest" => order(&mut object, dice),
        _ if map.name == "pressures" => pressure(&mut object, dice),
        _ => observation(&mut object, dice),
    }
    object.text(dice)
}

fn meta(dice: &mut Dice) -> String {
    let mut meta = Object::new();
    for (name, value) in [
        ("versionId", "\"3\""),
        ("lastUpdated", "\"2001-01-01T00:00:00Z\""),
        ("source", "\"urn:s\""),
        ("profile", r#"["http://p"]"#),
    ] {
        if dice.one_in(2) {
            meta.add(name, value);
        }
    }
    meta.text(dice)
}

fn patient(object: &mut Object, dice: &mut Dice) {
    let scalars: [(&str, &[&str]); 5] = [
        ("active", &["true", "false"]),
        ("gender", &[r#""male""#, r#""female""#, r#""unknown""#, r#""other""#, r#""banana""#, r#""m\u0061le""#]),
        ("birthDate", DATES),
        ("deceasedDateTime", STAMPS),
        ("multipleBirthInteger", INTEGERS),
    ];
    for (name, values) in scalars {
        if dice.one_in(2) {
            let name = if dice.one_in(20) && name == "gender" { "gend\\u0065r" } else { name };
            object.add(name, dice.pick(values));
            if dice.one_in(4) {
                object.add(&format!("_{name}"), format!(r#"{{"extension":{EXTENSION}}}"#));
            }
        }
    }
    let lists: [(&str, Item); 7] = [
        ("name", name),
        ("identifier", identifier),
        ("telecom", telecom),
        ("generalPractitioner", |dice| reference("Practitioner", dice)),
        ("address", address),
        ("communication", communication),
        ("alias", |dice| dice.pick(TEXTS).to_owned()),
    ];
    for (name, item) in lists {
        if dice.one_in(2) {
            object.add(name, some(dice, 4, item));
            if name == "alias" && dice.one_in(4) {
                object.add("_alias", r#"[null,{"id":"a"}]"#);
            }
        }
    }
    if dice.one_in(2) {
        object.add("managingOrganization", reference("Organization", dice));
    }
    if dice.one_in(2) {
        let mut status = Object::new();
        if dice.one_in(2) {
            status.add("coding", r#"[{"code":"M"}]"#);
        }
        status.add("text", dice.pick(TEXTS));
        object.add("maritalStatus", status.text(dice));
    }
}

fn name(dice: &mut Dice) -> String {
    let mut name = Object::new();
    if dice.one_in(2) {
        name.add("use", dice.pick(&[r#""official""#, r#""usual""#, r#""offici\u0061l""#]));
    }
    if dice.one_in(2) {
        name.add("family", dice.pick(TEXTS));
    }
    if dice.one_in(2) {
        let given = some(dice, 3, |dice| dice.pick(TEXTS).to_owned());
        name.add("given", if dice.one_in(8) { r#"["A",null]"#.to_owned() } else { given });
        if dice.one_in(4) {
            name.add("_given", r#"[null,{"id":"g"}]"#);
        }
    }
    if dice.one_in(3) {
        name.add("period", r#"{"start":"2001"}"#);
    }
    name.text(dice)
}

fn identifier(dice: &mut Dice) -> String {
    let mut identifier = Object::new();
    identifier.add("system", dice.pick(&[r#""urn:mrn""#, r#""urn:other""#]));
    if !dice.one_in(4) {
        identifier.add("value", dice.pick(TEXTS));
    }
    identifier.text(dice)
}

fn telecom(dice: &mut Dice) -> String {
    let mut telecom = Object::new();
    telecom.add("system", dice.pick(&[r#""phone""#, r#""email""#]));
    if dice.one_in(2) {
        telecom.add("use", dice.pick(&[r#""home""#, r#""work""#]));
    }
    telecom.add("value", dice.pick(TEXTS));
    telecom.text(dice)
}

fn reference(kind: &str, dice: &mut Dice) -> String {
    let mut reference = Object::new();
    let id = dice.pick(&["1", "2", "x-missing", "a.b-c"]);
    if !dice.one_in(6) {
        reference.add(
            "reference",
            match dice.below(8) {
                0 => format!("\"http://e.org/{kind}/{id}\""),
                1 => format!("\"{kind}/{id}/_history/2\""),
                2 => "\"#c\"".to_owned(),
                3 => "\"Group/1\"".to_owned(),
                _ => format!("\"{kind}/{id}\""),
            },
        );
    }
    if dice.one_in(3) {
        reference.add("type", format!("\"{kind}\""));
    }
    if dice.one_in(2) {
        reference.add("display", dice.pick(TEXTS));
    }
    if dice.one_in(6) {
        reference.add("identifier", r#"{"system":"urn:mrn","value":"1"}"#);
    }
    reference.text(dice)
}

fn address(dice: &mut Dice) -> String {
    let mut address = Object::new();
    if dice.one_in(2) {
        address.add("city", dice.pick(TEXTS));
    }
    if dice.one_in(2) {
        address.add("line", some(dice, 3, |dice| dice.pick(TEXTS).to_owned()));
    }
    if dice.one_in(2) {
        let mut period = Object::new();
        period.add("start", if dice.one_in(2) { dice.pick(DATES) } else { dice.pick(STAMPS) });
        if dice.one_in(2) {
            period.add("end", r#""2030""#);
        }
        address.add("period", period.text(dice));
    }
    if dice.one_in(3) {
        address.add("country", r#""US""#);
    }
    address.text(dice)
}

fn communication(dice: &mut Dice) -> String {
    let system = dice.pick(&["urn:ietf:bcp:47", "urn:ietf:bcp:47", "urn:other"]);
    let code = dice.pick(TEXTS);
    let preferred = dice.pick(&["", r#","preferred":true"#, r#","preferred":false"#]);
    let text = if dice.one_in(5) { r#","text":"English""# } else { "" };
    if dice.one_in(6) {
        return format!(r#"{{"preferred":true,"language":{{"coding":[{{"system":"{system}","code":{code}}}]}}}}"#);
    }
    format!(r#"{{"language":{{"coding":[{{"system":"{system}","code":{code}}}]{text}}}{preferred}}}"#)
}

fn observation(object: &mut Object, dice: &mut Dice) {
    if !dice.one_in(4) {
        object.add("status", dice.pick(&[r#""final""#, r#""amended""#]));
    }
    let other = if dice.one_in(2) { r#"{"system":"urn:x","code":"1"},"# } else { "" };
    let text = if dice.one_in(2) { r#","text":"Pulse""# } else { "" };
    object.add(
        "code",
        format!(r#"{{"coding":[{other}{{"system":"http://loinc.org","code":"8867-4","display":"d"}}]{text}}}"#),
    );
    if dice.one_in(2) {
        object.add("effectiveDateTime", dice.pick(STAMPS));
    }
    if dice.one_in(2) {
        object.add("issued", dice.pick(INSTANTS));
    }
    let mut quantity = Object::new();
    quantity.add("value", dice.pick(NUMBERS));
    if dice.one_in(2) {
        quantity.add("unit", dice.pick(TEXTS));
    }
    if dice.one_in(2) {
        quantity.add("code", r#""/min""#);
    }
    object.add("valueQuantity", quantity.text(dice));
    if dice.one_in(3) {
        object.add("interpretation", r#"[{"text":"high"}]"#);
    }
    if dice.one_in(2) {
        object.add(
            "component",
            some(dice, 3, |dice| {
                let mut component = Object::new();
                if dice.one_in(2) {
                    component.add("valueQuantity", format!(r#"{{"value":{}}}"#, dice.pick(NUMBERS)));
                } else if dice.one_in(3) {
                    component.add("valueTime", dice.pick(TIMES));
                } else if dice.one_in(2) {
                    component.add("valueDateTime", dice.pick(STAMPS));
                } else {
                    component.add("valueInteger", dice.pick(INTEGERS));
                }
                if dice.one_in(2) {
                    component.add("code", r#"{"text":"c"}"#);
                }
                component.text(dice)
            }),
        );
    }
    if dice.one_in(4) {
        object.add("note", r#"[{"text":"n"}]"#);
    }
}

fn pressure(object: &mut Object, dice: &mut Dice) {
    object.add("status", dice.pick(&[r#""final""#, r#""amended""#]));
    object.add("code", r#"{"coding":[{"system":"http://loinc.org","code":"85354-9"}]}"#);
    if dice.one_in(2) {
        let coding = dice.pick(&[r#""coding":[{"system":"urn:site","code":"arm"}]"#, r#""coding":[]"#]);
        object.add("bodySite", format!("{{{coding},\"text\":{}}}", dice.pick(TEXTS)));
    }
    if dice.one_in(5) {
        return;
    }
    object.add(
        "component",
        some(dice, 3, |dice| {
            let mut component = Object::new();
            let code = dice.pick(&["8480-6", "8480-6", "8462-4", "8462-4", "8867-4"]);
            let other = dice.pick(&["", r#"{"system":"urn:x","code":"8480-6"},"#, r#"{"code":"1"},"#, "", ""]);
            let display = dice.pick(&["", r#","display":"d""#]);
            let system = dice.pick(&["http://loinc.org", "http://loinc.org", "http:\\/\\/loinc.org", "urn:y"]);
            component.add("code", format!(r#"{{"coding":[{other}{{"system":"{system}","code":"{code}"{display}}}]}}"#));
            match dice.below(4) {
                0 => component.add("dataAbsentReason", r#"{"text":"none"}"#),
                _ => {
                    let unit = dice.pick(&[r#","unit":"mm[Hg]""#, r#","unit":"mm[Hg]""#, r#","unit":"kPa""#, ""]);
                    component.add("valueQuantity", format!(r#"{{"value":{}{unit}}}"#, dice.pick(NUMBERS)));
                }
            }
            component.text(dice)
        }),
    );
}

fn appointment(object: &mut Object, dice: &mut Dice) {
    object.add("status", dice.pick(&[r#""booked""#, r#""noshow""#]));
    object.add(
        "participant",
        some(dice, 4, |dice| {
            let mut participant = Object::new();
            let kind = dice.pick(&["Patient", "Practitioner", "Location", "Device"]);
            if !dice.one_in(8) {
                participant.add("actor", reference(kind, dice));
            }
            participant.add("status", dice.pick(&[r#""accepted""#, r#""declined""#, r#""\u0061ccepted""#]));
            if kind == "Practitioner" && !dice.one_in(8) || dice.one_in(8) {
                participant.add("required", dice.pick(&[r#""required""#, r#""required""#, r#""optional""#]));
            }
            participant.text(dice)
        }),
    );
}

const ABSENT: &str =
    r#"{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"}]}"#;
const UNKNOWN: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/data-absent-reason","code":"unknown"}"#;

fn encounter(object: &mut Object, dice: &mut Dice) {
    let status = [r#""planned""#, r#""finished""#, r#""unknown""#, r#""triaged""#];
    match dice.below(5) {
        0 => object.add("_status", ABSENT),
        _ => object.add("status", dice.pick(&status)),
    }
    object.add("class", dice.pick(&[r#"{"code":"AMB"}"#, r#"{"system":"urn:c","code":"AMB"}"#, UNKNOWN, ABSENT]));
    if dice.one_in(2) {
        let item = |dice: &mut Dice| {
            let status = format!("\"status\":{}", dice.pick(&status));
            let status = if dice.one_in(4) { format!("\"_status\":{ABSENT}") } else { status };
            let period = dice.pick(&[r#"{"start":"2020-01-02"}"#, r#"{"start":"2020","end":"2021"}"#, ABSENT]);
            format!("{{{status},\"period\":{period}}}")
        };
        object.add("statusHistory", some(dice, 3, item));
    }
    if dice.one_in(2) {
        let item = |dice: &mut Dice| {
            let class = dice.pick(&[r#"{"display":"x"}"#, UNKNOWN, r#"{"code":"1","display":"y"}"#]);
            format!("{{\"class\":{class},\"period\":{{\"start\":\"2020\"}}}}")
        };
        object.add("classHistory", some(dice, 3, item));
    }
    if dice.one_in(2) {
        let item = |dice: &mut Dice| {
            let status = dice.pick(&["", r#","status":"active""#]);
            let location = dice.pick(&[r#"{"display":"r 1"}"#, ABSENT, r#"{"display":"r 2","type":"Location"}"#]);
            format!("{{\"location\":{location}{status}}}")
        };
        object.add("location", some(dice, 3, item));
    }
}

fn order(object: &mut Object, dice: &mut Dice) {
    match dice.below(4) {
        0 => object.add("_status", ABSENT),
        _ => object.add("status", dice.pick(&[r#""active""#, r#""unknown""#])),
    }
    object.add("intent", r#""order""#);
    match dice.below(5) {
        0 => object.add("medicationReference", reference("Medication", dice)),
        1 => object.add("medicationCodeableConcept", format!(r#"{{"coding":[{UNKNOWN}]}}"#)),
        2 => object.add("_medicationCodeableConcept", ABSENT),
        _ => {
            let text = dice.pick(&["", r#","text":"Aspirin""#]);
            let coding = r#"{"system":"urn:rx","code":"1191"}"#;
            object.add("medicationCodeableConcept", format!(r#"{{"coding":[{coding}]{text}}}"#));
        }
    }
    object.add("subject", if dice.one_in(5) { ABSENT.to_owned() } else { reference("Patient", dice) });
}

/// What other programs write into columns of each kind, some of it nonsense.
fn foreign_text(kind: ColumnKind, reference: bool, dice: &mut Dice) -> Cell {
    if dice.one_in(3) {
        return None;
    }
    if reference {
        return Some(dice.pick(&["k1", "k2", "plain-key", "not an id!", ""]).into());
    }
    let texts: &[&str] = match kind {
        ColumnKind::Boolean => &["true", "false", "t", "0"],
        ColumnKind::Integer => &["1", "0", "72", "-5", "99999999999"],
        ColumnKind::Date => &["1980-01-02", "1974-12-25", "infinity", "1980-01-02 00:00:00"],
        ColumnKind::TimestampTz => {
            &["2020-01-15T15:30:00Z", "2020-01-15T15:30:00.5Z", "2021-03-04 05:06:07+02", "-infinity"]
        }
        ColumnKind::Timestamp => &["2020-01-15T10:30:00", "2020-01-15 10:30:00.25", "2020-03-08T02:30:00", "junk"],
        ColumnKind::Numeric => &["98.6", "5.0", "+7", "1e3", "NaN", ".5"],
        ColumnKind::Real => &["98.6", "5.0", "1e-9", "Infinity", "0.1"],
        ColumnKind::Time => &["10:30:00", "10:30", "25:00"],
        ColumnKind::Json => &[
            r#"{"social": {"marital": "widowed", "birth": 2}, "other": [1, {"a": null}]}"#,
            r#"{"x":1}"#,
            r#"{"social":{"birth":"3"}}"#,
            r#"[1,2]"#,
            "null",
        ],
        _ => &["M", "m", "f ", "X", "Jones", "", "  ", "a\"b", "tab\t", "bell\u{7}", "final", "Zoë"],
    };
    Some(dice.pick(texts).into())
}

fn cell(map: &Map, slot: usize, dice: &mut Dice) -> Cell {
    foreign_text(map.slots[slot].kind, map.slots[slot].reference.is_some(), dice)
}

fn child_row(map: &Map, child: usize, dice: &mut Dice) -> ChildRow {
    let slots = &map.children[child].slots;
    let cells = slots.iter().map(|slot| foreign_text(slot.kind, false, dice)).collect();
    ChildRow {
        key: Some(dice.below(1_000_000_000).to_string().into()),
        position: dice.below(5) as i64,
        cells,
        residue: None,
    }
}

pub(crate) fn foreign_row(map: &Map, dice: &mut Dice) -> Row {
    let cells = (0..map.slots.len()).map(|slot| cell(map, slot, dice)).collect();
    let children = (0..map.children.len()).map(|child| {
        let count = dice.below(4);
        (0..count).map(|_| child_row(map, child, dice)).collect()
    });
    Row { cells, children: children.collect() }
}

/// One edit by another program.
pub(crate) fn edit(map: &Map, row: &mut Row, dice: &mut Dice) {
    if map.children.is_empty() || dice.one_in(2) {
        let slot = dice.below(map.slots.len());
        row.cells[slot] = cell(map, slot, dice);
        return;
    }
    let child = dice.below(map.children.len());
    let rows = &mut row.children[child];
    match dice.below(3) {
        0 => rows.push(child_row(map, child, dice)),
        1 if !rows.is_empty() => {
            rows.remove(dice.below(rows.len()));
        }
        _ if !rows.is_empty() => {
            let at = dice.below(rows.len());
            let slot = dice.below(map.children[child].slots.len());
            rows[at].cells[slot] = foreign_text(map.children[child].slots[slot].kind, false, dice);
        }
        _ => {}
    }
}

/// What a database makes of what it is given: rounding, trimming, padding, defaults.
pub(crate) fn rewrite(map: &Map, row: &mut Row, dice: &mut Dice) {
    for (slot, cell) in map.slots.iter().zip(&mut row.cells) {
        rewritten(slot.kind, slot.reference.is_some(), cell, dice);
    }
    for (child, rows) in map.children.iter().zip(&mut row.children) {
        for row in rows {
            row.key = Some(dice.below(1000).to_string().into());
            for (slot, cell) in child.slots.iter().zip(&mut row.cells) {
                rewritten(slot.kind, false, cell, dice);
            }
        }
    }
}

fn rewritten(kind: ColumnKind, reference: bool, cell: &mut Cell, dice: &mut Dice) {
    if dice.one_in(2) {
        return;
    }
    *cell = match (&*cell, kind) {
        (None, _) if dice.one_in(3) => foreign_text(kind, reference, dice).filter(|_| !reference),
        (None, _) => None,
        (Some(text), ColumnKind::Numeric) => Some(text.split('.').next().unwrap_or("0").into()),
        (Some(text), ColumnKind::Text) if dice.one_in(2) => Some(format!("{text}  ").into()),
        (Some(text), ColumnKind::Text) if dice.one_in(4) => Some(text.to_uppercase().into()),
        (Some(text), ColumnKind::Boolean) => Some(text[..1].into()),
        (Some(text), ColumnKind::Json) => Some(text.replace(':', ": ").into()),
        (Some(_), ColumnKind::Date) if dice.one_in(3) => None,
        (Some(text), _) => Some(text.clone()),
    };
}
