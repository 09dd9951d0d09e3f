//! Laboratory tests: LOINC codes, UCUM units, reference ranges and how far plausible values spread.

use super::json::{Json, Resource, array, code, concept, object, quantity, reference, text};
use super::random::Random;

/// One test. LOINC codes and names: see the notice in README.md.
struct Test {
    loinc: &'static str,
    name: &'static str,
    unit: &'static str,
    decimals: usize,
    low: f64,
    high: f64,
    /// Plausible values reach from here ...
    least: f64,
    /// ... to here.
    most: f64,
}

const fn test(
    (loinc, name): (&'static str, &'static str),
    (unit, decimals): (&'static str, usize),
    (low, high): (f64, f64),
    (least, most): (f64, f64),
) -> Test {
    Test { loinc, name, unit, decimals, low, high, least, most }
}

/// What is ordered together.
const PANEL: &[Test] = &[
    test(("2339-0", "Glucose [Mass/volume] in Blood"), ("mg/dL", 0), (70.0, 99.0), (68.0, 190.0)),
    test(("38483-4", "Creatinine [Mass/volume] in Blood"), ("mg/dL", 2), (0.6, 1.3), (0.5, 1.7)),
    test(("2947-0", "Sodium [Moles/volume] in Blood"), ("mmol/L", 0), (136.0, 145.0), (133.0, 147.0)),
    test(("6298-4", "Potassium [Moles/volume] in Blood"), ("mmol/L", 1), (3.5, 5.1), (3.2, 5.4)),
    test(("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"), ("%", 1), (4.0, 5.6), (4.6, 8.9)),
    test(("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma"), ("mg/dL", 0), (100.0, 200.0), (120.0, 270.0)),
    test(("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma"), ("mg/dL", 0), (40.0, 90.0), (31.0, 88.0)),
    test(("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma"), ("mg/dL", 0), (0.0, 150.0), (55.0, 260.0)),
    test(("718-7", "Hemoglobin [Mass/volume] in Blood"), ("g/dL", 1), (12.0, 17.5), (10.8, 17.2)),
    test(("6690-2", "Leukocytes [#/volume] in Blood by Automated count"), ("10*3/uL", 1), (4.5, 11.0), (3.9, 12.4)),
    test(("777-3", "Platelets [#/volume] in Blood by Automated count"), ("10*3/uL", 0), (150.0, 400.0), (130.0, 430.0)),
];

/// The results of one blood draw.
pub(super) fn results(random: &mut Random, patient: &str, encounter: &str, taken: &str) -> Vec<Resource> {
    let mut results = Vec::with_capacity(PANEL.len());
    for test in PANEL {
        if random.chance(80) {
            results.push(result(test, random.within(test.least, test.most), patient, encounter, taken));
        }
    }
    results
}

fn result(test: &Test, value: f64, patient: &str, encounter: &str, taken: &str) -> Resource {
    Resource {
        kind: "Observation",
        id: format!("{encounter}-{}", test.loinc),
        members: vec![
            ("status", text("final")),
            (
                "category",
                array([concept(
                    "http://terminology.hl7.org/CodeSystem/observation-category",
                    "laboratory",
                    "Laboratory",
                )]),
            ),
            ("code", concept("http://loinc.org", test.loinc, test.name)),
            ("subject", reference("Patient", patient)),
            ("encounter", reference("Encounter", encounter)),
            ("effectiveDateTime", text(taken)),
            ("issued", text(taken)),
            ("valueQuantity", quantity(value, test.decimals, test.unit, test.unit)),
            ("interpretation", array([interpretation(test, value)])),
            ("referenceRange", array([range(test)])),
        ],
    }
}

/// <http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation>, judged on the value as it is written.
fn interpretation(test: &Test, value: f64) -> Json {
    let scale = 10_f64.powi(test.decimals as i32);
    let shown = (value * scale).round() / scale;
    let letter = match shown {
        value if value < test.low => "L",
        value if value > test.high => "H",
        _ => "N",
    };
    code("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", letter)
}

fn range(test: &Test) -> Json {
    object([
        ("low", quantity(test.low, test.decimals, test.unit, test.unit)),
        ("high", quantity(test.high, test.decimals, test.unit, test.unit)),
    ])
}
