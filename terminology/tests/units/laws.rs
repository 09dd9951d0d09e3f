//! What holds of all values and units.

use proptest::prelude::*;
use proptest::sample::select;
use terminology::units::alias::told;
use terminology::units::convert::{Measured, convert};
use terminology::units::exact::Decimal;
use terminology::units::is_code;
use terminology::units::property::{About, Check, check};
use terminology::units::range::{Interpretation, Range, derive};

use crate::{decimal, loinc, property};

/// Units of one quantity each.
const QUANTITIES: [&[&str]; 9] = [
    &["mg/dL", "g/L", "ug/mL", "ng/mL", "kg/m3"],
    &["mmol/L", "umol/L", "nmol/mL", "mol/m3"],
    &["Cel", "[degF]", "K", "[degRe]"],
    &["kg", "g", "[lb_av]", "[oz_av]", "[gr]"],
    &["m", "cm", "[in_i]", "[ft_i]", "[in_us]"],
    &["U/L", "ukat/L", "nkat/mL"],
    &["/min", "Hz", "/h", "/d"],
    &["10*3/uL", "10*9/L", "{cells}/uL", "/mL"],
    &["mm[Hg]", "kPa", "cm[H2O]", "bar"],
];
/// Codes of which the molar mass and the charge are known.
const IONS: [&str; 5] = ["2000-8", "2601-3", "2951-2", "2823-3", "14334-7"];

fn values() -> impl Strategy<Value = String> {
    (-99_999_i32..99_999, 0_u32..5).prop_map(|(digits, places)| {
        let power = 10_i32.pow(places);
        let sign = if digits < 0 { "-" } else { "" };
        let (whole, part) = (digits.abs() / power, digits.abs() % power);
        if places == 0 {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{part:0width$}", width = places as usize)
        }
    })
}

fn pairs() -> impl Strategy<Value = (String, String)> {
    let within = select(&QUANTITIES[..])
        .prop_flat_map(|units| (select(units), select(units)))
        .prop_map(|(one, other)| (one.to_owned(), other.to_owned()));
    let amounts = select(&["mg/dL", "g/L", "ng/mL", "mmol/L", "umol/L", "meq/L"][..]);
    let between = (amounts.clone(), amounts).prop_map(|(one, other)| (one.to_owned(), other.to_owned()));
    prop_oneof![within, between]
}

fn place(value: &Decimal, other: &Decimal) -> std::cmp::Ordering {
    // A range of one limit says on which side a value is, exactly.
    let range = Range { unit: "1".to_owned(), low: Some(*other), high: Some(*other), ..Range::default() };
    match derive(*value, None, "1", &range).unwrap().interpretation {
        Interpretation::L => std::cmp::Ordering::Less,
        Interpretation::N => std::cmp::Ordering::Equal,
        _ => std::cmp::Ordering::Greater,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn there_and_back_gives_the_value(value in values(), (one, other) in pairs(), code in select(&IONS[..])) {
        let about = loinc(code);
        let given = Measured { value: decimal(&value), low: None, high: None, unit: one.clone() };
        let (there, _) = convert(&given, &other, &about).unwrap();
        let (back, _) = convert(&there, &one, &about).unwrap();
        let rounded = back.value.rounded(given.value.places());
        prop_assert_eq!(rounded, Some(given.value), "{} {} is {} {}", value, one, there.value, other);
    }

    #[test]
    fn value_and_limits_keep_their_order(
        all in prop::array::uniform3(values()), (one, other) in pairs(), code in select(&IONS[..])
    ) {
        let [value, low, high] = all.each_ref().map(|text| decimal(text));
        let given = Measured { value, low: Some(low), high: Some(high), unit: one };
        let (told, _) = convert(&given, &other, &loinc(code)).unwrap();
        let (new_low, new_high) = (told.low.unwrap(), told.high.unwrap());
        for ((a, b), (new_a, new_b)) in [
            ((value, low), (told.value, new_low)), ((value, high), (told.value, new_high)), ((low, high), (new_low, new_high)),
        ] {
            prop_assert_eq!(place(&a, &b), place(&new_a, &new_b), "{} {} {} {}", a, b, new_a, new_b);
        }
        // Each of them alone is the same number, but for its digits.
        let alone = Measured { low: None, high: None, ..given };
        let (alone, _) = convert(&alone, &other, &loinc(code)).unwrap();
        let places = alone.value.places().min(told.value.places());
        prop_assert!(
            alone.value.rounded(places) == told.value.rounded(places) || alone.value.places() != told.value.places()
        );
    }

    #[test]
    fn no_unit_becomes_one_of_something_else(
        (at, to) in (0..QUANTITIES.len(), 0..QUANTITIES.len()), one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(), value in values(), code in select(&["2345-7", "2000-8", "1-8"][..]),
    ) {
        let (from, into) = (*one.get(QUANTITIES[at]), *other.get(QUANTITIES[to]));
        let given = Measured { value: decimal(&value), low: None, high: None, unit: from.to_owned() };
        let told = convert(&given, into, &loinc(code));
        let is_by_substance = at.max(to) == 1 && code != "1-8";
        prop_assert_eq!(told.is_ok(), at == to || is_by_substance, "{} {}", from, into);
    }

    /// What is read of a unit measures what the property says, or the check says that it does not: never thousands of kelvins.
    #[test]
    fn what_is_read_is_ucum(written in "[KkMGTxX10*^eE()3 mcgdLlUuIi%/.µ]{1,12}", about in select(&["NCnc", "MCnc", "ACnc", "Temp"][..])) {
        let about = property(about);
        if let Some(code) = told(&written, &about).code() {
            prop_assert!(is_code(code), "{} {}", written, code);
            if about.is_number_concentration() && written.starts_with(['K', 'M', 'G', 'T']) && code.starts_with("10*") {
                prop_assert_eq!(check(&about, code), Check::Agrees);
            }
        }
    }

    #[test]
    fn nothing_makes_it_panic(written in ".{0,40}", other in "[a-zA-Z0-9*^./\\[\\]{}()'_%-]{0,20}", value in values()) {
        let _ = told(&written, &About::default());
        let _ = told(&other, &property("NCnc"));
        let _ = check(&property("MCnc"), &other);
        for (from, to) in [(written.as_str(), other.as_str()), (other.as_str(), "mg"), ("mg", other.as_str()), (other.as_str(), other.as_str())] {
            let given = Measured { value: decimal(&value), low: Some(decimal("0.01")), high: Some(decimal("1e9")), unit: from.to_owned() };
            if let Ok((told, _)) = convert(&given, to, &loinc("2345-7")) {
                prop_assert!(is_code(&told.unit));
            }
        }
    }
}
