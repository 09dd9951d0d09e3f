//! Equality of JSON values as a `test` has it: <https://www.rfc-editor.org/rfc/rfc6902#section-4.6>.

use crate::json::{Element, Kind};

/// Whether two values are equal: numbers by value and not by spelling, objects whatever the order of their members.
pub(super) fn same(one: Element<'_>, other: Element<'_>) -> bool {
    match (one.kind(), other.kind()) {
        (Kind::Number, Kind::Number) => one.raw() == other.raw() || number(one.raw()) == number(other.raw()),
        (Kind::String, Kind::String) => one.string() == other.string(),
        (Kind::Array, Kind::Array) => {
            one.len() == other.len() && one.children().zip(other.children()).all(|(one, other)| same(one, other))
        }
        (Kind::Object, Kind::Object) => {
            let has = |member: Element<'_>| {
                let name = member.key().unwrap_or_default();
                other.member(&name).is_some_and(|value| same(member, value))
            };
            one.len() == other.len() && one.children().all(has)
        }
        (one, other) => one == other,
    }
}

/// Sign, digits without zeros at the ends, and the power of ten of the last digit.
fn number(text: &str) -> (bool, String, i128) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return (false, String::new(), 0);
    }
    let trimmed = digits.trim_end_matches('0');
    let zeros = (digits.len() - trimmed.len()) as i128;
    // An exponent too long to be read is as far away as any.
    let exponent = exponent.trim_start_matches('+').parse::<i128>().unwrap_or(i128::MAX / 2);
    (negative, trimmed.to_owned(), exponent - fraction.len() as i128 + zeros)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn equal(one: &str, other: &str) -> bool {
        let (one, other) = (Document::parse(one.as_bytes()).unwrap(), Document::parse(other.as_bytes()).unwrap());
        same(one.root(), other.root())
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for (one, other) in [("1.10", "1.1"), ("100", "1e2"), ("0", "-0.00"), ("12.5e-1", "1.25"), ("1E+2", "100.0")] {
            assert!(equal(one, other), "{one} {other}");
        }
        for (one, other) in [("1", "-1"), ("1", "1.0000000000000000000000000001"), ("10", "1"), ("1", "\"1\"")] {
            assert!(!equal(one, other), "{one} {other}");
        }
    }

    #[test]
    fn structures_are_equal_by_content() {
        assert!(equal(r#"{"a":[1,"x"],"b":null}"#, r#"{"b":null,"a":[1.0,"\u0078"]}"#));
        assert!(!equal(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#));
        assert!(!equal(r#"{"a":1}"#, r#"{"a":1,"b":2}"#));
        assert!(!equal("true", "false") && !equal("null", "{}") && equal("true", "true"));
    }
}
