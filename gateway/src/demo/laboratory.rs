//! Laboratory panels: the order, the specimen, the results and the report, with values that follow the story.

use jiff::ToSpan;

use super::catalogue::{Effect, LOINC};
use super::clinic::{LABORATORY, NURSE};
use super::json::{Json, Resource, code, concept, object, quantity, reference, words};
use super::random::Random;
use super::story::{Reason, Story, Visit};

/// One test. LOINC codes and names: see the notice in README.md.
struct Test {
    loinc: &'static str,
    name: &'static str,
    unit: &'static str,
    decimals: usize,
    low: f64,
    high: f64,
    /// What healthy people have.
    usual: (f64, f64),
    /// The problem it follows.
    effect: Effect,
}

const fn test(
    (loinc, name): (&'static str, &'static str),
    (unit, decimals): (&'static str, usize),
    (low, high): (f64, f64),
    usual: (f64, f64),
    effect: Effect,
) -> Test {
    Test { loinc, name, unit, decimals, low, high, usual, effect }
}

struct Panel {
    loinc: &'static str,
    name: &'static str,
    /// Names the ids.
    short: &'static str,
    /// Once a year for everybody; else for those with the problem at every visit.
    for_whom: Option<Effect>,
    tests: &'static [Test],
}

const PANELS: &[Panel] = &[
    Panel {
        loinc: "51990-0",
        name: "Basic metabolic panel - Blood",
        short: "bmp",
        for_whom: None,
        tests: &[
            test(("2339-0", "Glucose [Mass/volume] in Blood"), ("mg/dL", 0), (70.0, 99.0), (74.0, 98.0), Effect::Sugar),
            test(("38483-4", "Creatinine [Mass/volume] in Blood"), ("mg/dL", 2), (0.6, 1.3), (0.65, 1.2), Effect::None),
            test(
                ("2947-0", "Sodium [Moles/volume] in Blood"),
                ("mmol/L", 0),
                (136.0, 145.0),
                (136.0, 144.0),
                Effect::None,
            ),
            test(("6298-4", "Potassium [Moles/volume] in Blood"), ("mmol/L", 1), (3.5, 5.1), (3.6, 4.9), Effect::None),
        ],
    },
    Panel {
        loinc: "57698-3",
        name: "Lipid panel with direct LDL - Serum or Plasma",
        short: "lipids",
        for_whom: None,
        tests: &[
            test(
                ("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma"),
                ("mg/dL", 0),
                (100.0, 200.0),
                (148.0, 198.0),
                Effect::Lipids,
            ),
            test(
                ("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma"),
                ("mg/dL", 0),
                (40.0, 90.0),
                (41.0, 72.0),
                Effect::None,
            ),
            test(
                ("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma"),
                ("mg/dL", 0),
                (0.0, 150.0),
                (70.0, 149.0),
                Effect::None,
            ),
        ],
    },
    Panel {
        loinc: "4548-4",
        name: "Hemoglobin A1c/Hemoglobin.total in Blood",
        short: "a1c",
        for_whom: Some(Effect::Sugar),
        tests: &[test(
            ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"),
            ("%", 1),
            (4.0, 5.6),
            (5.0, 5.6),
            Effect::Sugar,
        )],
    },
    Panel {
        loinc: "58410-2",
        name: "CBC panel - Blood by Automated count",
        short: "cbc",
        for_whom: Some(Effect::Blood),
        tests: &[
            test(
                ("718-7", "Hemoglobin [Mass/volume] in Blood"),
                ("g/dL", 1),
                (12.0, 17.5),
                (12.6, 16.0),
                Effect::Blood,
            ),
            test(
                ("6690-2", "Leukocytes [#/volume] in Blood by Automated count"),
                ("10*3/uL", 1),
                (4.5, 11.0),
                (4.6, 10.0),
                Effect::None,
            ),
            test(
                ("777-3", "Platelets [#/volume] in Blood by Automated count"),
                ("10*3/uL", 0),
                (150.0, 400.0),
                (160.0, 380.0),
                Effect::None,
            ),
        ],
    },
    Panel {
        loinc: "3084-1",
        name: "Urate [Mass/volume] in Serum or Plasma",
        short: "urate",
        for_whom: Some(Effect::Uric),
        tests: &[test(
            ("3084-1", "Urate [Mass/volume] in Serum or Plasma"),
            ("mg/dL", 1),
            (2.6, 7.2),
            (3.0, 6.8),
            Effect::Uric,
        )],
    },
];

/// What is drawn at a visit, and what the laboratory says the day after.
pub(super) fn resources(story: &Story, visit: &Visit, random: &mut Random, out: &mut Vec<Resource>) {
    for panel in PANELS {
        let due = match (panel.for_whom, visit.reason) {
            (None, Reason::Annual) => true,
            (Some(effect), Reason::Annual | Reason::FollowUp) => story.has(effect, visit.number),
            _ => false,
        };
        if due {
            drawn(story, visit, panel, random, out);
        }
    }
}

fn drawn(story: &Story, visit: &Visit, panel: &Panel, random: &mut Random, out: &mut Vec<Resource>) {
    let person = &story.person;
    let id = |part: &str| format!("{}-{}-{part}", visit.id, panel.short);
    let issued = format!("{}T16:00:00Z", visit.day.saturating_add(1.days()));
    let number = format!("L{:04}{:02}{}", person.index + 1, visit.number + 1, panel.short.to_uppercase());
    let order = object! {
        "identifier": [object! { "system": "urn:example:order", "value": format!("O{number}") }],
        "status": "completed",
        "intent": "order",
        "category": [words("Laboratory")],
        "priority": "routine",
        "code": concept(LOINC, panel.loinc, panel.name),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "occurrenceDateTime": visit.at(10),
        "authoredOn": visit.at(8),
        "requester": person.provider(),
        "performer": [reference("Practitioner", NURSE)],
    };
    let specimen = object! {
        "accessionIdentifier": object! { "system": "urn:example:accession", "value": number.clone() },
        "status": "available",
        "type": concept("http://terminology.hl7.org/CodeSystem/v2-0487", "BLD", "Whole blood"),
        "subject": person.reference(),
        "receivedTime": format!("{}T22:30:00Z", visit.day),
        "request": [reference("ServiceRequest", &id("order"))],
        "collection": object! {
            "collector": reference("Practitioner", NURSE),
            "collectedDateTime": visit.at(12),
            "quantity": quantity(5.0, 0, "mL", "mL"),
            "method": words("Venipuncture"),
        },
    };
    let results: Vec<(Resource, bool)> =
        panel.tests.iter().map(|test| result(story, visit, panel, test, &issued, random)).collect();
    let abnormal = results.iter().filter(|(_, normal)| !normal).count();
    let conclusion = match abnormal {
        0 => "All within the reference range.".to_owned(),
        1 => "One value outside the reference range.".to_owned(),
        many => format!("{many} values outside the reference range."),
    };
    let references: Vec<Json> = results.iter().map(|(result, _)| result.reference()).collect();
    let report = object! {
        "identifier": [object! { "system": "urn:example:report", "value": number }],
        "basedOn": [reference("ServiceRequest", &id("order"))],
        "status": "final",
        "category": [concept("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB", "Laboratory")],
        "code": concept(LOINC, panel.loinc, panel.name),
        "subject": person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "effectiveDateTime": visit.at(12),
        "issued": issued,
        "performer": [reference("Organization", LABORATORY)],
        "resultsInterpreter": [person.provider()],
        "specimen": [reference("Specimen", &id("specimen"))],
        "result": references,
        "conclusion": conclusion,
    };
    out.push(Resource::new("ServiceRequest", id("order"), order));
    out.push(Resource::new("Specimen", id("specimen"), specimen));
    out.extend(results.into_iter().map(|(result, _)| result));
    out.push(Resource::new("DiagnosticReport", id("report"), report));
}

/// A result, and whether it is within its range.
fn result(
    story: &Story,
    visit: &Visit,
    panel: &Panel,
    test: &Test,
    issued: &str,
    random: &mut Random,
) -> (Resource, bool) {
    let level = story.level(test.effect, visit);
    let value = match (test.effect, level, test.loinc) {
        // Glucose follows the HbA1c: <https://doi.org/10.2337/dc08-0545>
        (Effect::Sugar, Some(a1c), "2339-0") => 28.7 * a1c - 46.7 + random.within(-12.0, 12.0),
        (Effect::Lipids, Some(level), _) => level + random.within(-7.0, 7.0),
        (Effect::None, ..) | (_, None, _) => random.within(test.usual.0, test.usual.1),
        (_, Some(level), _) => level + random.within(-0.15, 0.15),
    };
    let letter = interpretation(test, value);
    let range = object! {
        "low": quantity(test.low, test.decimals, test.unit, test.unit),
        "high": quantity(test.high, test.decimals, test.unit, test.unit),
    };
    let body = object! {
        "basedOn": [reference("ServiceRequest", &format!("{}-{}-order", visit.id, panel.short))],
        "status": "final",
        "category": [concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory")],
        "code": concept(LOINC, test.loinc, test.name),
        "subject": story.person.reference(),
        "encounter": reference("Encounter", &visit.id),
        "effectiveDateTime": visit.at(12),
        "issued": issued,
        "performer": [reference("Organization", LABORATORY)],
        "valueQuantity": quantity(value, test.decimals, test.unit, test.unit),
        "interpretation": [code("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", letter)],
        "specimen": reference("Specimen", &format!("{}-{}-specimen", visit.id, panel.short)),
        "referenceRange": [range],
    };
    (Resource::new("Observation", format!("{}-{}-{}", visit.id, panel.short, test.loinc), body), letter == "N")
}

/// <http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation>, judged on the value as it is written.
fn interpretation(test: &Test, value: f64) -> &'static str {
    let scale = 10_f64.powi(test.decimals as i32);
    match (value * scale).round() / scale {
        value if value < test.low => "L",
        value if value > test.high => "H",
        _ => "N",
    }
}
