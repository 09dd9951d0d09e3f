//! Conversions by hand, and refusals.

use terminology::units::convert::{By, Measured, Refused, convert};
use terminology::units::property::About;

use crate::{decimal, in_unit, loinc, measured, property};

fn text(value: &str, unit: &str, to: &str, about: &About) -> String {
    in_unit(value, unit, to, about).unwrap_or_else(|why| panic!("{value} {unit} to {to}: {why}")).0
}

#[test]
fn units_of_one_quantity() {
    for (value, unit, told, to) in [
        ("98.6", "[degF]", "37.00", "Cel"),
        ("37.0", "Cel", "98.6", "[degF]"),
        ("32", "[degF]", "0.0", "Cel"),
        ("-40", "Cel", "-40", "[degF]"),
        ("150", "[lb_av]", "68.0", "kg"),
        ("5", "[ft_i]", "152", "cm"),
        ("70", "[in_i]", "178", "cm"),
        ("6.3", "mg/dL", "0.063", "g/L"),
        ("7.2", "10*3/uL", "7.2", "10*9/L"),
        ("7.2", "10*9/L", "7200", "/uL"),
        ("250", "{cells}/uL", "0.250", "10*3/uL"),
        ("120", "mm[Hg]", "16.00", "kPa"),
        ("30", "U/L", "0.50", "ukat/L"),
        ("5", "mg/dL", "50", "mg/L"),
        ("0.5", "ng/mL", "500", "pg/mL"),
        ("2.0", "m[IU]/mL", "2.0", "[IU]/L"),
        ("1.0", "[IU]", "1.0", "[iU]"),
        ("48", "mmol/mol", "48000", "umol/mol"),
    ] {
        assert_eq!(text(value, unit, to, &About::default()), told, "{value} {unit}");
    }
}

/// Each right answer was reckoned by hand: the value by 10 (to g/L), by the molar mass, by 1000.
#[test]
fn mass_and_substance_by_molar_mass() {
    for (code, value, unit, told, to) in [
        ("2345-7", "100", "mg/dL", "5.55", "mmol/L"),   // 1000 / 180.156 = 5.5507
        ("2345-7", "126", "mg/dL", "6.99", "mmol/L"),   // 6.9939
        ("2345-7", "5.5", "mmol/L", "99.1", "mg/dL"),   // 5.5 * 18.0156 = 99.0858
        ("2093-3", "200", "mg/dL", "5.17", "mmol/L"),   // 2000 / 386.664 = 5.1724
        ("2571-8", "150", "mg/dL", "1.694", "mmol/L"),  // 1500 / 885.4 = 1.6941
        ("2160-0", "1.0", "mg/dL", "88.4", "umol/L"),   // 10000 / 113.12 = 88.4017
        ("3094-0", "20", "mg/dL", "7.14", "mmol/L"),    // 200 / 28.014 = 7.1393
        ("17861-6", "9.5", "mg/dL", "2.37", "mmol/L"),  // 95 / 40.078 = 2.3704
        ("19123-9", "2.0", "mg/dL", "0.823", "mmol/L"), // 20 / 24.305 = 0.82288
        ("2777-1", "3.5", "mg/dL", "1.13", "mmol/L"),   // 35 / 30.974 = 1.12998
        ("3084-1", "6.0", "mg/dL", "357", "umol/L"),    // 60000 / 168.112 = 356.90
        ("1975-2", "1.0", "mg/dL", "17.1", "umol/L"),   // 10000 / 584.673 = 17.1036
        ("2498-4", "100", "ug/dL", "17.91", "umol/L"),  // 1000 / 55.845 = 17.9067
        ("2524-7", "2.0", "mmol/L", "18.0", "mg/dL"),   // 2 * 9.0078 = 18.0156
    ] {
        let (is, by) = in_unit(value, unit, to, &loinc(code)).unwrap_or_else(|why| panic!("{code}: {why}"));
        assert_eq!(is, told, "{code} {value} {unit}");
        assert!(matches!(by, By::MolarMass(_)));
    }
}

/// The trap of the libraries: one to one is right for sodium, and twice as much as there is for calcium.
#[test]
fn equivalents_by_charge() {
    assert_eq!(text("140", "meq/L", "mmol/L", &loinc("2951-2")), "140");
    assert_eq!(text("5.0", "meq/L", "mmol/L", &loinc("2000-8")), "2.50");
    assert_eq!(text("2.5", "mmol/L", "meq/L", &loinc("2000-8")), "5.0");
    assert_eq!(text("1.8", "mmol/L", "meq/L", &loinc("2601-3")), "3.6");
    // 2.0 mg/dL are 20 / 24.305 mmol/L, twice that in meq/L: 1.6457.
    assert_eq!(text("2.0", "mg/dL", "meq/L", &loinc("19123-9")), "1.65");
    assert_eq!(
        in_unit("5.0", "meq/L", "mmol/L", &About::default()).map(|told| told.0),
        Err(Refused::NoSubstance(None))
    );
    assert_eq!(
        in_unit("1.8", "mmol/L", "meq/L", &loinc("2777-1")).map(|told| told.0),
        Err(Refused::NoCharge("phosphate"))
    );
}

#[test]
fn what_lacks_is_said() {
    let none = About::default();
    let refused = |value: &str, unit: &str, to: &str, about: &About| in_unit(value, unit, to, about).expect_err(unit);
    assert_eq!(refused("100", "mg/dL", "mmol/L", &none), Refused::NoSubstance(None));
    assert_eq!(refused("4.1", "g/dL", "mmol/L", &loinc("1751-7")), Refused::NoSubstance(Some("1751-7".to_owned())));
    for (unit, to) in
        [("[IU]/L", "mg/L"), ("mg/L", "[IU]/L"), ("[IU]/mL", "U/mL"), ("[IU]", "[arb'U]"), ("u[IU]/mL", "mmol/L")]
    {
        assert_eq!(refused("1", unit, to, &loinc("2345-7")), Refused::Arbitrary, "{unit} {to}");
    }
    for (unit, to) in [
        ("K/uL", "10*3/uL"),
        ("mg/dL", "mg"),
        ("mosm/L", "mmol/L"),
        ("U/L", "mmol/L"),
        ("kat", "mol/s"),
        ("mg/kg/h", "/h"),
        ("/[HPF]", "/[LPF]"),
        ("mg/kg", "mmol/kg"),
        ("kg", "m"),
        ("Cel", "mg"),
        ("/[HPF]", "%"),
    ] {
        let why = refused("1", unit, to, &loinc("2345-7"));
        assert!(matches!(why, Refused::Apart(..)), "{unit} {to}: {why:?}");
    }
    for (unit, to) in [("mmol/mol", "%"), ("mg/g", "mmol/mol"), ("%", "mL/L")] {
        assert!(matches!(refused("1", unit, to, &property("MFr")), Refused::Fraction(..)), "{unit} {to}");
    }
    for (unit, to) in [
        ("mg/L{FEU}", "ng/mL{DDU}"),
        ("mg/L{FEU}", "mg/L"),
        ("mL/min", "mL/min/{1.73_m2}"),
        ("{INR}", "1"),
        ("{score}", "%"),
    ] {
        assert!(matches!(refused("1", unit, to, &none), Refused::Notes(..)), "{unit} {to}");
    }
    assert!(matches!(refused("1", "mcg", "mg", &none), Refused::NotUcum(_)));
    assert!(matches!(refused("7", "[pH]", "mol/L", &none), Refused::NotLinear(_)));
}

#[test]
fn fractions_of_which_the_property_tells_of_what() {
    assert_eq!(text("0.45", "L/L", "%", &property("VFr")), "45");
    assert_eq!(text("45", "%", "L/L", &property("VFr")), "0.45");
    assert_eq!(text("5", "mg/g", "%", &property("MFr")), "0.5");
    assert_eq!(text("0.45", "1", "%", &About::default()), "45");
}

#[test]
fn a_value_goes_with_its_limits() {
    let given = Measured { low: Some(decimal("70")), high: Some(decimal("99")), ..measured("100", "mg/dL") };
    let (told, _) = convert(&given, "mmol/L", &loinc("2345-7")).unwrap();
    let shown = |limit: Option<terminology::units::exact::Decimal>| limit.map(|limit| limit.to_string());
    assert_eq!(told.value.to_string(), "5.55");
    assert_eq!((shown(told.low), shown(told.high)), (Some("3.89".to_owned()), Some("5.50".to_owned())));
    // The same unit changes no digit, and `[pH]` need not be linear for that.
    for unit in ["mg/dL", "[pH]"] {
        let given = Measured { unit: unit.to_owned(), ..given.clone() };
        assert_eq!(convert(&given, unit, &About::default()), Ok((given.clone(), By::Same)));
    }
}

#[test]
fn refusals_name_no_value() {
    let why = in_unit("123.456", "mg/dL", "mmol/L", &About::default()).expect_err("no code").to_string();
    assert!(!why.contains("123"), "{why}");
    assert!(why.contains("molar mass"), "{why}");
}
