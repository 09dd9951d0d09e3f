//! Quantities: <http://hl7.org/fhirpath/N1/#quantity>. Units convert as far as prefixes of gram, metre and litre and the
//! parts of a week go; anything beyond is for UCUM.

use std::cmp::Ordering;

use rust_decimal::Decimal;

/// A number with a unit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quantity {
    pub(super) value: Decimal,
    /// A UCUM code, or the singular of a calendar unit.
    pub(super) unit: String,
    /// The unit is a word of the calendar (`days`), not UCUM.
    pub(super) calendar: bool,
}

const CALENDAR: [&str; 8] = ["year", "month", "week", "day", "hour", "minute", "second", "millisecond"];

impl Quantity {
    /// The number, as text.
    #[must_use]
    pub fn number(&self) -> String {
        self.value.to_string()
    }

    /// The unit: a UCUM code, or the singular of a calendar unit.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Whether the unit is a word of the calendar.
    #[must_use]
    pub fn is_calendar(&self) -> bool {
        self.calendar
    }

    /// The singular of a calendar unit.
    pub(super) fn calendar(word: &str) -> Option<&'static str> {
        CALENDAR.into_iter().find(|unit| word == *unit || word.strip_suffix('s') == Some(unit))
    }

    /// `4`, `4 days`, `4 'mg'`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, unit) = text.split_once(char::is_whitespace).unwrap_or((text, "'1'"));
        let value = decimal(number)?;
        let unit = unit.trim();
        match unit.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            Some(code) => Some(Self { value, unit: code.to_owned(), calendar: false }),
            None => Some(Self { value, unit: Self::calendar(unit)?.to_owned(), calendar: true }),
        }
    }

    /// Which is more; `None` where the units do not compare.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        let (one, two) = self.alike(other)?;
        Some(one.cmp(&two))
    }

    /// Both numbers in one unit.
    fn alike(&self, other: &Self) -> Option<(Decimal, Decimal)> {
        if self.unit == other.unit && self.calendar == other.calendar {
            return Some((self.value, other.value));
        }
        let (dimension, factor) = self.base()?;
        let (other_dimension, other_factor) = other.base()?;
        if dimension != other_dimension {
            return None;
        }
        Some((self.value.checked_mul(factor)?, other.value.checked_mul(other_factor)?))
    }

    /// Whether the units compare.
    pub(super) fn is_comparable(&self, other: &Self) -> bool {
        self.alike(other).is_some()
    }

    /// As `~` has it: to the digits of the less precise one.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let calendar = |quantity: &Self| match (quantity.unit.as_str(), quantity.calendar) {
            ("a", false) => Self { unit: "year".to_owned(), calendar: true, ..quantity.clone() },
            ("mo", false) => Self { unit: "month".to_owned(), calendar: true, ..quantity.clone() },
            _ => quantity.clone(),
        };
        let (one, other) = (calendar(self), calendar(other));
        let (Some((in_one, in_other)), Some(((_, factor), (_, other_factor)))) =
            (one.alike(&other), one.base().zip(other.base()))
        else {
            return one.unit == other.unit && one.calendar == other.calendar && is_like(one.value, other.value);
        };
        // In the coarser unit of the two: 4 'g' is like 4040 'mg', as neither says more than its digits.
        let coarse = factor.max(other_factor);
        match (in_one.checked_div(coarse), in_other.checked_div(coarse)) {
            (Some(one), Some(two)) => is_like(one, two),
            _ => false,
        }
    }

    fn base(&self) -> Option<(&'static str, Decimal)> {
        let (dimension, factor) = match (self.unit.as_str(), self.calendar) {
            ("week", true) | ("wk", false) => ("s", "604800"),
            ("day", true) | ("d", false) => ("s", "86400"),
            ("hour", true) | ("h", false) => ("s", "3600"),
            ("minute", true) | ("min", false) => ("s", "60"),
            ("second", true) | ("s", false) => ("s", "1"),
            ("millisecond", true) | ("ms", false) => ("s", "0.001"),
            ("kg", false) => ("g", "1000"),
            ("g", false) => ("g", "1"),
            ("mg", false) => ("g", "0.001"),
            ("ug", false) => ("g", "0.000001"),
            ("ng", false) => ("g", "0.000000001"),
            ("km", false) => ("m", "1000"),
            ("m", false) => ("m", "1"),
            ("dm", false) => ("m", "0.1"),
            ("cm", false) => ("m", "0.01"),
            ("mm", false) => ("m", "0.001"),
            ("um", false) => ("m", "0.000001"),
            ("L" | "l", false) => ("L", "1"),
            ("dL" | "dl", false) => ("L", "0.1"),
            ("mL" | "ml", false) => ("L", "0.001"),
            ("uL" | "ul", false) => ("L", "0.000001"),
            _ => return None,
        };
        Some((dimension, Decimal::from_str_exact(factor).ok()?))
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { value, unit, calendar } = self;
        match (calendar, *value == Decimal::ONE) {
            (true, true) => write!(out, "{value} {unit}"),
            (true, false) => write!(out, "{value} {unit}s"),
            (false, _) => write!(out, "{value} '{unit}'"),
        }
    }
}

/// Whether two numbers are equal to the digits of the one with fewer.
pub(super) fn is_like(one: Decimal, other: Decimal) -> bool {
    let digits = one.scale().min(other.scale());
    one.round_dp(digits) == other.round_dp(digits)
}

/// A number as JSON or FHIRPath writes it; `None` for more digits than can be reckoned with.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|first: char| first.is_ascii_digit())
        || !unsigned.ends_with(|last: char| last.is_ascii_digit())
    {
        return None;
    }
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { Decimal::from_str_exact(text).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_convert_where_they_are_known() {
        let quantity = |text: &str| Quantity::parse(text).unwrap();
        assert_eq!(quantity("4.0000 'g'").compare(&quantity("4000.0 'mg'")), Some(Ordering::Equal));
        assert_eq!(quantity("7 days").compare(&quantity("1 'wk'")), Some(Ordering::Equal));
        assert_eq!(quantity("1 year").compare(&quantity("1 'a'")), None);
        assert!(quantity("1 year").is_like(&quantity("1 'a'")));
        assert!(quantity("4 'g'").is_like(&quantity("4040 'mg'")));
        assert_eq!(quantity("1 'cm'").compare(&quantity("1 's'")), None);
        assert_eq!(Quantity::parse("1 wk"), None);
    }
}
