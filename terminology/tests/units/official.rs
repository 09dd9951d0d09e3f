//! UCUM's own functional tests (../shared/data/05-official-tests/ucum); without them there is nothing to see.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use terminology::units::is_code;
use terminology::units::property::About;

use crate::{decimal, in_unit};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Case {
    section: String,
    id: String,
    unit: String,
    valid: String,
    value: String,
    src_unit: String,
    dst_unit: String,
    outcome: String,
}

fn cases() -> Option<Vec<Case>> {
    let file = "shared/data/05-official-tests/ucum/ucum-functional-tests.shared.json";
    let mut roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(text) = roots.find_map(|root| fs::read(root.join(file)).ok()) else {
        println!("SKIPPED: ../shared is absent");
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

#[test]
fn all_conversions_are_right() {
    let Some(cases) = cases() else { return };
    let mut count = 0;
    for case in cases.iter().filter(|case| case.section == "conversion") {
        // The suite means the numbers, so that they are given with more digits than it writes.
        let value = if case.value.contains('.') {
            format!("{}00000000", case.value)
        } else {
            format!("{}.00000000", case.value)
        };
        let (told, _) = in_unit(&value, &case.src_unit, &case.dst_unit, &About::default())
            .unwrap_or_else(|why| panic!("{}: {why}", case.id));
        // What digits both have are the same.
        let (told, outcome) = (decimal(&told), decimal_of(&case.outcome));
        let places = told.places().min(outcome.places());
        assert_eq!(told.rounded(places), outcome.rounded(places), "{}: {told} {outcome}", case.id);
        count += 1;
    }
    assert_eq!(count, 16);
}

/// The suite has more digits in one outcome than are reckoned with.
fn decimal_of(text: &str) -> terminology::units::exact::Decimal {
    let kept: String = text.chars().take(22).collect();
    if text.contains('e') { decimal(text) } else { decimal(&kept) }
}

#[test]
fn all_units_are_told_from_what_is_none() {
    let Some(cases) = cases() else { return };
    let wrong: Vec<&str> = cases
        .iter()
        .filter(|case| case.section == "validation" && is_code(&case.unit) != (case.valid == "true"))
        .map(|case| case.id.as_str())
        .collect();
    assert_eq!(wrong, Vec::<&str>::new());
}
