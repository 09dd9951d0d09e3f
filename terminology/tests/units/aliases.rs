//! What is meant by units as records have them.

use terminology::units::alias::{Told, told};
use terminology::units::property::About;

use crate::property;

fn code(written: &str, about: &About) -> Option<String> {
    told(written, about).code().map(str::to_owned)
}

fn is_ambiguous(written: &str, about: &About) -> bool {
    matches!(told(written, about), Told::Ambiguous(why) if !why.is_empty())
}

#[test]
fn what_is_ucum_stays_as_it_is() {
    for unit in
        ["mg/dL", "10*3/uL", "10^3/uL", "mm[Hg]", "[IU]/L", "U/L", "%", "/[HPF]", "meq/L", "Cel", "g%", "K", "{score}"]
    {
        assert_eq!(told(unit, &About::default()), Told::AsIs(unit.to_owned()));
    }
}

#[test]
fn known_ways_to_write_a_unit_are_read() {
    for (written, unit) in [
        ("mcg", "ug"),
        ("mcg/dL", "ug/dL"),
        ("µg/L", "ug/L"),
        ("μg/L", "ug/L"),
        ("ug/ml", "ug/ml"),
        ("NG/dL", "ng/dL"),
        ("mEq/L", "meq/L"),
        ("MEQ/L", "meq/L"),
        ("MMOL/L", "mmol/L"),
        ("mcmol/L", "umol/L"),
        ("gm/dL", "g/dL"),
        ("mOsm/kg", "mosm/kg"),
        ("mm Hg", "mm[Hg]"),
        ("mmHg", "mm[Hg]"),
        ("MMHG", "mm[Hg]"),
        ("degF", "[degF]"),
        ("deg C", "Cel"),
        ("°C", "Cel"),
        ("bpm", "/min"),
        ("lbs", "[lb_av]"),
        ("lb", "[lb_av]"),
        ("in", "[in_i]"),
        ("sec", "s"),
        ("seconds", "s"),
        ("hrs", "h"),
        ("/hpf", "/[HPF]"),
        ("/HPF", "/[HPF]"),
        ("#/hpf", "{#}/[HPF]"),
        ("cells/mcL", "{cells}/uL"),
        ("cells/uL", "{cells}/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("x10e3/uL", "10*3/uL"),
        ("X10E3/UL", "10*3/uL"),
        ("x10^3/uL", "10*3/uL"),
        ("x10(3)/mcL", "10*3/uL"),
        ("10(6)/mcL", "10*6/uL"),
        ("x10e6/uL", "10*6/uL"),
        ("x10E+09/L", "10*9/L"),
        ("10³/µL", "10*3/uL"),
        ("×10⁹/L", "10*9/L"),
        ("Thousand/uL", "10*3/uL"),
        ("Million/uL", "10*6/uL"),
        ("10*3/cmm", "10*3/mm3"),
        ("mm/hr", "mm/h"),
        ("mg/24 hr", "mg/(24.h)"),
        ("mL/min/1.73", "mL/min/{1.73_m2}"),
        ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("mL/min/1.73m²", "mL/min/{1.73_m2}"),
        ("kg/m^2", "kg/m2"),
        ("kg/m²", "kg/m2"),
        ("ng/mL FEU", "ng/mL{FEU}"),
        ("copies/mL", "{copies}/mL"),
        ("PH", "[pH]"),
        ("pH", "[pH]"),
        ("/100 WBC", "/100{WBC}"),
        ("mg/day", "mg/d"),
        ("cc", "mL"),
        ("pounds", "[lb_av]"),
    ] {
        assert_eq!(
            code(written, &About::default()).as_deref(),
            Some(unit),
            "{written}: {:?}",
            told(written, &About::default())
        );
    }
}

#[test]
fn kelvins_are_never_read_for_thousands() {
    for written in ["K/uL", "K/mcL", "K/mm3", "k/uL", "K/cumm", "M/uL", "mil/uL", "G/L", "T/L", "th/uL", "10e3/uL"] {
        assert!(is_ambiguous(written, &About::default()), "{written}");
        assert!(is_ambiguous(written, &property("MCnc")), "{written}");
    }
    for (written, unit) in [
        ("K/uL", "10*3/uL"),
        ("K/mcL", "10*3/uL"),
        ("K/mm3", "10*3/mm3"),
        ("k/uL", "10*3/uL"),
        ("M/uL", "10*6/uL"),
        ("mil/uL", "10*6/uL"),
        ("G/L", "10*9/L"),
        ("T/L", "10*12/L"),
        ("10e3/uL", "10*3/uL"),
    ] {
        assert_eq!(code(written, &property("NCnc")).as_deref(), Some(unit), "{written}");
        let by_example = About { examples: vec!["10*3/uL".to_owned()], ..About::default() };
        assert_eq!(code(written, &by_example).as_deref(), Some(unit), "{written}");
    }
    assert_eq!(code("K", &property("Temp")).as_deref(), Some("K"));
}

#[test]
fn what_may_mean_several_things_is_refused_until_the_property_decides() {
    for (written, property_, unit) in [
        ("IU/L", "CCnc", "U/L"),
        ("IU/L", "ACnc", "[IU]/L"),
        ("uIU/mL", "ACnc", "u[IU]/mL"),
        ("mIU/mL", "ACnc", "m[IU]/mL"),
        ("units/L", "CCnc", "U/L"),
        ("u/L", "CCnc", "U/L"),
        ("MG/L", "MCnc", "mg/L"),
        ("MG/DL", "MCnc", "mg/dL"),
        ("MG/ML", "MCnc", "mg/mL"),
        ("PG/ML", "MCnc", "pg/mL"),
        ("C", "Temp", "Cel"),
        ("F", "Temp", "[degF]"),
        ("ft", "Len", "[ft_i]"),
        ("oz", "Mass", "[oz_av]"),
        ("oz", "Vol", "[foz_us]"),
        ("S", "Time", "s"),
    ] {
        assert!(is_ambiguous(written, &About::default()), "{written}");
        assert_eq!(code(written, &property(property_)).as_deref(), Some(unit), "{written} {property_}");
    }
    for (written, property_) in [
        ("U/mL", "ACnc"),
        ("uU/mL", "ACnc"),
        ("103/uL", "NCnc"),
        ("109/L", "NCnc"),
        ("C", "Len"),
        ("units/mL", "ACnc"),
        ("1.5.mg", "Mass"),
    ] {
        assert!(is_ambiguous(written, &property(property_)), "{written} {property_}");
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let long = "m".repeat(500);
    for written in [
        "",
        "tabs",
        "item_quantity_unit",
        "mg per dL of something",
        "log copies/mL",
        "1e3",
        "mg//dL",
        "/",
        &long,
        "🦀/uL",
    ] {
        assert_eq!(told(written, &About::default()), Told::Unknown, "{written}");
    }
}

/// Found by trying what records have: all of it is UCUM.
#[test]
fn what_is_ucum_by_chance_is_not_taken_for_it() {
    for written in
        ["EA", "PK", "GR", "YR", "PA", "EU", "TU", "Pt", "Kit", "Gm", "N/A", "AU", "PL", "GA", "MU", "MG/L", "Ml"]
    {
        assert!(is_ambiguous(written, &About::default()), "{written}: {:?}", told(written, &About::default()));
    }
    for written in ["MBq", "GBq/mL", "MHz", "MPa", "kU/L", "M[IU]", "Gy", "V", "cal"] {
        assert_eq!(told(written, &About::default()), Told::AsIs(written.to_owned()));
    }
}
