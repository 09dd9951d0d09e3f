//! Numbers (<https://hl7.org/fhir/R4/search.html#number>) and quantities
//! (<https://hl7.org/fhir/R4/search.html#quantity>).

use crate::search::query::date::Prefix;
use crate::search::query::split::{split_unescaped, unescape};

/// A number or quantity to look for.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantityValue {
    /// How it compares.
    pub prefix: Prefix,
    /// The number.
    pub value: f64,
    /// The least number that is this one at the precision given (`5.40`: 5.395).
    pub low: f64,
    /// Just past the greatest one (`5.40`: 5.405).
    pub high: f64,
    /// The unit's system; `None` = any or none.
    pub system: Option<Box<str>>,
    /// The unit's code, or the unit in words where no system is given; `None` = any or none.
    pub code: Option<Box<str>>,
}

const FAULT: &str =
    "is not a number; give [prefix]number[|system|code] with a prefix of eq, ne, lt, le, gt, ge, sa, eb or ap";

/// Reads one number with its prefix.
pub(in crate::search::query) fn number(text: &str) -> Result<QuantityValue, &'static str> {
    let (prefix, text) = Prefix::split(text);
    let (value, low, high) = range(text).ok_or(FAULT)?;
    Ok(QuantityValue { prefix, value, low, high, system: None, code: None })
}

/// Reads one quantity, still escaped: `number`, `number|system`, `number|system|code` or `number||code`.
pub(in crate::search::query) fn quantity(text: &str) -> Result<QuantityValue, &'static str> {
    let parts = split_unescaped(text, '|');
    let some = |text: &str| (!text.is_empty()).then(|| unescape(text));
    let (system, code) = match parts[..] {
        [_] => (None, None),
        [_, system] => (some(system), None),
        [_, system, code] => (some(system), some(code)),
        _ => return Err("has more than two |; write a | that belongs to the value as \\|"),
    };
    Ok(QuantityValue { system, code, ..number(parts[0])? })
}

/// A number, and half a unit of its last digit to both sides.
fn range(text: &str) -> Option<(f64, f64, f64)> {
    const MOST: usize = 40;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (digits, exponent) =
        digits.split_once(['e', 'E']).map_or((digits, "0"), |(digits, exponent)| (digits, exponent));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > MOST || !are_digits(whole) || !part.is_none_or(are_digits) {
        return None;
    }
    let part = part.unwrap_or_default();
    let exponent = exponent.parse::<i32>().ok().filter(|exponent| exponent.abs() < 400)?;
    let exponent = exponent - i32::try_from(part.len()).ok()?;
    let mantissa: i128 = format!("{whole}{part}").parse().ok().filter(|mantissa| *mantissa < i128::MAX / 100)?;
    let mantissa = mantissa * sign;
    let number = |mantissa: i128, exponent: i32| format!("{mantissa}e{exponent}").parse::<f64>().ok();
    let value = number(mantissa, exponent)?;
    let (low, high) = (number(mantissa * 10 - 5, exponent - 1)?, number(mantissa * 10 + 5, exponent - 1)?);
    // More digits than a number of the index has: the value itself is still within.
    let high = if high > value { high } else { value.next_up() };
    (value.is_finite() && low.is_finite() && high.is_finite()).then_some((value, low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_is_the_last_digit_given() {
        for (text, expected) in [
            ("100", (100.0, 99.5, 100.5)),
            ("100.00", (100.0, 99.995, 100.005)),
            ("1e2", (100.0, 50.0, 150.0)),
            ("5.40e-3", (0.0054, 0.005_395, 0.005_405)),
            ("-7", (-7.0, -7.5, -6.5)),
            ("0", (0.0, -0.5, 0.5)),
            ("1000000000000000000", (1e18, 1e18, 1e18_f64.next_up())),
            ("66.899999999999991", (66.899_999_999_999_99, 66.899_999_999_999_99, 66.899_999_999_999_99_f64.next_up())),
        ] {
            assert_eq!(range(text), Some(expected), "{text}");
        }
        for text in ["", "-", ".5", "5.", "1e", "x", "1e999", "--1", "NaN", "inf", "1 "] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn quantities_have_systems_and_codes() {
        let value = quantity("ge5.4|http://unitsofmeasure.org|mg").unwrap();
        assert_eq!(
            (value.prefix, value.system.as_deref(), value.code.as_deref()),
            (Prefix::GreaterOrEqual, Some("http://unitsofmeasure.org"), Some("mg"))
        );
        let value = quantity("5.4||mg").unwrap();
        assert_eq!((value.system, value.code.as_deref()), (None, Some("mg")));
        assert!(quantity("5|a|b|c").is_err() && quantity("x|a|b").is_err());
    }
}
