//! Which range applies, and what a value is by it.

use terminology::units::range::{Comparator, Interpretation, NoRange, NotDerived, Range, Sex, Whose, choose, derive};

use crate::decimal;

const YEAR: u32 = 365;

fn range(low: &str, high: &str) -> Range {
    Range {
        code: "718-7".to_owned(),
        unit: "g/dL".to_owned(),
        low: Some(decimal(low)),
        high: Some(decimal(high)),
        ..Range::default()
    }
}

fn haemoglobin() -> Vec<Range> {
    vec![
        range("11.5", "17.5"),
        Range { sex: Some(Sex::Female), from_day: Some(18 * YEAR), ..range("12.0", "15.5") },
        Range { sex: Some(Sex::Male), from_day: Some(18 * YEAR), ..range("13.5", "17.5") },
        Range { until_day: Some(28), ..range("13.5", "24.0") },
        Range { organization: Some("lab".to_owned()), ..range("11.0", "16.0") },
    ]
}

fn low(told: Result<&Range, NoRange>) -> Result<String, NoRange> {
    told.map(|range| range.low.unwrap().to_string())
}

#[test]
fn the_narrowest_range_applies() {
    let all = haemoglobin();
    let of = |organization, sex, days| low(choose(&all, "718-7", Whose { organization, sex, days }));
    assert_eq!(of(None, Some(Sex::Female), Some(40 * YEAR)).as_deref(), Ok("12.0"));
    assert_eq!(of(None, Some(Sex::Male), Some(40 * YEAR)).as_deref(), Ok("13.5"));
    assert_eq!(of(None, Some(Sex::Male), Some(10 * YEAR)).as_deref(), Ok("11.5"));
    assert_eq!(of(None, None, Some(27)).as_deref(), Ok("13.5"));
    assert_eq!(of(None, None, Some(28)).as_deref(), Ok("11.5"));
    // An organization's own goes before all others; of another one it does not.
    assert_eq!(of(Some("lab"), Some(Sex::Male), Some(40 * YEAR)).as_deref(), Ok("11.0"));
    assert_eq!(of(Some("other"), Some(Sex::Male), Some(40 * YEAR)).as_deref(), Ok("13.5"));
    assert_eq!(low(choose(&all, "1-8", Whose::default())), Err(NoRange::None));
}

#[test]
fn what_is_not_known_of_the_patient_is_not_assumed() {
    let all = haemoglobin();
    let of = |sex, days| low(choose(&all, "718-7", Whose { organization: None, sex, days }));
    assert_eq!(of(None, Some(40 * YEAR)), Err(NoRange::SexNotKnown));
    assert_eq!(of(Some(Sex::Male), None), Err(NoRange::AgeNotKnown));
    assert_eq!(of(None, None), Err(NoRange::SexNotKnown));
}

#[test]
fn ranges_that_cross_are_not_chosen_from() {
    let crossing =
        [Range { sex: Some(Sex::Male), ..range("1", "2") }, Range { until_day: Some(100), ..range("3", "4") }];
    let whose = Whose { organization: None, sex: Some(Sex::Male), days: Some(50) };
    assert_eq!(choose(&crossing, "718-7", whose), Err(NoRange::Several));
    // The same order or not, twice the same is one.
    let twice = [range("1", "2"), range("1", "2")];
    assert!(choose(&twice, "718-7", whose).is_ok());
    let other = [range("1", "2"), range("1", "3")];
    assert_eq!(choose(&other, "718-7", whose), Err(NoRange::Several));
}

fn critical() -> Range {
    Range {
        code: "2823-3".to_owned(),
        unit: "mmol/L".to_owned(),
        low: Some(decimal("3.5")),
        high: Some(decimal("5.1")),
        critical_low: Some(decimal("2.5")),
        critical_high: Some(decimal("6.5")),
        ..Range::default()
    }
}

#[test]
fn a_value_is_what_the_limits_make_it() {
    let range = critical();
    let is = |value: &str, unit: &str| {
        derive(decimal(value), None, unit, &range).map(|derived| derived.interpretation.code())
    };
    for (value, told) in [
        ("2.4", "LL"),
        ("2.5", "L"),
        ("3.4", "L"),
        ("3.5", "N"),
        ("5.1", "N"),
        ("5.2", "H"),
        ("6.5", "H"),
        ("6.51", "HH"),
    ] {
        assert_eq!(is(value, "mmol/L"), Ok(told), "{value}");
    }
    // Exactly at the limit in another unit, which a float would miss.
    assert_eq!(is("5100", "umol/L"), Ok("N"));
    assert_eq!(is("0.0051", "mol/L"), Ok("N"));
    assert!(matches!(is("5.2", "meq/L"), Err(NotDerived::Unit(_))));
    assert!(matches!(is("5.2", "mmol"), Err(NotDerived::Unit(_))));
    let plain = Range { critical_low: None, critical_high: None, ..critical() };
    assert_eq!(derive(decimal("1.0"), None, "mmol/L", &plain).unwrap().interpretation, Interpretation::L);
    assert_eq!(derive(decimal("9.0"), None, "mmol/L", &plain).unwrap().by, &plain);
}

#[test]
fn open_values_are_told_only_where_all_of_them_are_the_same() {
    let range = critical();
    let is = |comparator, value: &str| {
        derive(decimal(value), Some(comparator), "mmol/L", &range).map(|told| told.interpretation)
    };
    assert_eq!(is(Comparator::Less, "2.5"), Ok(Interpretation::LL));
    assert_eq!(is(Comparator::AtMost, "2.5"), Err(NotDerived::Open));
    assert_eq!(is(Comparator::Less, "3.0"), Err(NotDerived::Open));
    assert_eq!(is(Comparator::More, "6.5"), Ok(Interpretation::HH));
    assert_eq!(is(Comparator::AtLeast, "6.5"), Err(NotDerived::Open));
    assert_eq!(is(Comparator::More, "5.1"), Err(NotDerived::Open));
}

#[test]
fn ranges_without_order_or_limits_tell_nothing() {
    let wrong = Range { low: Some(decimal("9")), ..critical() };
    assert_eq!(derive(decimal("5"), None, "mmol/L", &wrong), Err(NotDerived::Limits));
    let empty = Range { low: None, high: None, ..critical() };
    assert_eq!(derive(decimal("5"), None, "mmol/L", &empty), Err(NotDerived::Limits));
}
