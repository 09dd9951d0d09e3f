//! Numbers as they were written, and exact fractions to reckon with. A float would tell 0.1 as something else, and a limit that a
//! value just meets as one that it misses.

use std::cmp::Ordering;
use std::fmt;

/// The most digits that a value may have: FHIR asks for 18.
const MOST_DIGITS: usize = 24;
/// The longest text that is read as a decimal, in bytes.
const LONGEST: usize = 80;
/// The furthest that the last digit may lie from the point.
const FURTHEST: i32 = 60;
/// The greatest power of ten in a fraction.
const MOST_TENS: i32 = 400;

/// A decimal as it was written: `5.40` is not `5.4`, for the digits say how exactly it was measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decimal {
    digits: i128,
    places: i32,
}

impl Decimal {
    /// Reads a decimal as FHIR writes it (<https://hl7.org/fhir/R4/datatypes.html#decimal>); `None` where it is none, or has more
    /// digits than are reckoned with.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (body, exponent) = match text.split_once(['e', 'E']) {
            Some((body, exponent)) => (body, power(exponent)?),
            None => (text, 0),
        };
        let (sign, body) = body.strip_prefix('-').map_or((1, body), |body| (-1, body));
        let (whole, part) = body.split_once('.').unwrap_or((body, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || text.len() > LONGEST {
            return None;
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let part = if body.contains('.') { part } else { "" };
        let digits = format!("{whole}{part}");
        if digits.trim_start_matches('0').len() > MOST_DIGITS {
            return None;
        }
        let digits: i128 = digits.parse().ok()?;
        let places = i32::try_from(part.len()).ok()?.checked_sub(exponent)?;
        (places.abs() <= FURTHEST).then_some(Self { digits: sign * digits, places })
    }

    /// How many digits stand behind the point; below zero where the last ones before it do not count.
    #[must_use]
    pub fn places(self) -> i32 {
        self.places
    }

    pub(crate) fn ratio(self) -> Option<Ratio> {
        Ratio::new(self.digits, 1, -self.places)
    }

    /// The same number rounded to so many places, half away from zero.
    #[must_use]
    pub fn rounded(self, places: i32) -> Option<Self> {
        self.ratio()?.rounded(places).map(|(decimal, _)| decimal)
    }
}

fn power(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let power: i32 =
        (digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())??;
    Some(if text.starts_with('-') { -power } else { power })
}

impl fmt::Display for Decimal {
    /// As FHIR writes it; with an exponent only where there would be many zeros.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let digits = self.digits.unsigned_abs().to_string();
        let Ok(places) = usize::try_from(self.places) else {
            if self.digits == 0 {
                return out.write_str("0");
            }
            let zeros = self.places.unsigned_abs() as usize;
            return if zeros > MOST_DIGITS {
                write!(out, "{sign}{digits}e{zeros}")
            } else {
                write!(out, "{sign}{digits}{}", "0".repeat(zeros))
            };
        };
        if places > MOST_DIGITS + 6 {
            return write!(out, "{sign}{digits}e-{places}");
        }
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, part) = padded.split_at(padded.len() - places);
        if part.is_empty() { write!(out, "{sign}{whole}") } else { write!(out, "{sign}{whole}.{part}") }
    }
}

/// An exact fraction: `over / under * 10^ten`. What would not fit is `None`, never rounded. One number may stand in several forms, so
/// that `compared` tells whether two are the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio {
    over: i128,
    under: i128,
    ten: i32,
}

impl Ratio {
    pub(crate) const ONE: Self = Self { over: 1, under: 1, ten: 0 };
    pub(crate) const ZERO: Self = Self { over: 0, under: 1, ten: 0 };

    pub(crate) fn new(over: i128, under: i128, ten: i32) -> Option<Self> {
        if over == 0 {
            return (under != 0).then_some(Self::ZERO);
        }
        let common = gcd(over.unsigned_abs(), under.unsigned_abs())?;
        let common = i128::try_from(common).ok()?;
        let sign = under.signum();
        let (mut over, mut under, mut ten) = (over.checked_mul(sign)? / common, under.checked_abs()? / common, ten);
        while over % 10 == 0 {
            over /= 10;
            ten = ten.checked_add(1)?;
        }
        while under % 10 == 0 {
            under /= 10;
            ten = ten.checked_sub(1)?;
        }
        (ten.abs() <= MOST_TENS).then_some(Self { over, under, ten })
    }

    pub(crate) fn is_zero(self) -> bool {
        self.over == 0
    }

    pub(crate) fn times(self, other: Self) -> Option<Self> {
        if self.is_zero() || other.is_zero() {
            return Some(Self::ZERO);
        }
        // Shortened across first: factors of units would else soon not fit.
        let one = Self::new(self.over, other.under, self.ten)?;
        let two = Self::new(other.over, self.under, other.ten)?;
        Self::new(one.over.checked_mul(two.over)?, one.under.checked_mul(two.under)?, one.ten.checked_add(two.ten)?)
    }

    pub(crate) fn by(self, other: Self) -> Option<Self> {
        self.times(other.inverse()?)
    }

    pub(crate) fn inverse(self) -> Option<Self> {
        Self::new(self.under, self.over, -self.ten)
    }

    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        if self.is_zero() {
            return Some(other);
        }
        if other.is_zero() {
            return Some(self);
        }
        let ten = self.ten.min(other.ten);
        let raised = |one: Self| ten_to(one.ten.abs_diff(ten))?.checked_mul(one.over);
        let (one, two) = (raised(self)?.checked_mul(other.under)?, raised(other)?.checked_mul(self.under)?);
        Self::new(one.checked_add(two)?, self.under.checked_mul(other.under)?, ten)
    }

    pub(crate) fn minus(self, other: Self) -> Option<Self> {
        self.plus(Self { over: other.over.checked_neg()?, ..other })
    }

    pub(crate) fn power(self, exponent: i32) -> Option<Self> {
        let base = if exponent < 0 { self.inverse()? } else { self };
        let steps = exponent.unsigned_abs();
        // What is no power of ten is soon too big.
        if base.over == 1 && base.under == 1 {
            return Self::new(1, 1, base.ten.checked_mul(i32::try_from(steps).ok()?)?);
        }
        (0..steps).try_fold(Self::ONE, |power, _| power.times(base))
    }

    pub(crate) fn compared(self, other: Self) -> Option<Ordering> {
        Some(self.minus(other)?.over.cmp(&0))
    }

    /// The exponent of its first digit; `None` of zero.
    pub(crate) fn magnitude(self) -> Option<i32> {
        if self.is_zero() {
            return None;
        }
        let (over, under) = (self.over.unsigned_abs(), self.under.unsigned_abs());
        let apart = over.ilog10().cast_signed() - under.ilog10().cast_signed();
        let raise = |number: u128| 10_u128.checked_pow(apart.unsigned_abs()).and_then(|tens| number.checked_mul(tens));
        // What does not fit is the greater one.
        let is_less = if apart >= 0 {
            raise(under).is_none_or(|under| over < under)
        } else {
            raise(over).is_some_and(|over| over < under)
        };
        Some(apart + self.ten - i32::from(is_less))
    }

    /// Rounded to so many places, half away from zero, and whether that is the very number.
    pub(crate) fn rounded(self, places: i32) -> Option<(Decimal, bool)> {
        let shift = self.ten.checked_add(places)?;
        let (over, mut under) = (self.over.unsigned_abs(), self.under.unsigned_abs());
        if shift < 0 {
            under = under.checked_mul(10_u128.checked_pow(shift.unsigned_abs())?)?;
        }
        let (mut digits, mut rest) = (over / under, over % under);
        for _ in 0..shift.max(0) {
            let next = rest.checked_mul(10)?;
            digits = digits.checked_mul(10)?.checked_add(next / under)?;
            rest = next % under;
        }
        let is_exact = rest == 0;
        // Compared so, for twice the rest might not fit.
        if rest >= under - rest {
            digits = digits.checked_add(1)?;
        }
        let digits = i128::try_from(digits).ok()?;
        Some((Decimal { digits: if self.over < 0 { -digits } else { digits }, places }, is_exact))
    }
}

fn ten_to(power: u32) -> Option<i128> {
    10_i128.checked_pow(power)
}

fn gcd(one: u128, other: u128) -> Option<u128> {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    (one != 0).then_some(one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_kept() {
        for text in ["0", "5.40", "-3", "100", "0.0050", "1234567890.123456789", "-0.10"] {
            assert_eq!(Decimal::parse(text).map(|decimal| decimal.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Decimal::parse("1.5e3").map(|decimal| decimal.to_string()).as_deref(), Some("1500"));
        assert_eq!(Decimal::parse("1e-3").map(|decimal| decimal.to_string()).as_deref(), Some("0.001"));
        let wrong =
            ["", "-", ".5", "5.", "05", "+1", "1,5", "1e", "1e9999", "NaN", "1.2.3", "1234567890123456789012345"];
        assert!(wrong.iter().all(|text| Decimal::parse(text).is_none()));
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        for (text, places, rounded) in [("2.5", 0, "3"), ("-2.5", 0, "-3"), ("2.45", 1, "2.5"), ("149", -2, "100")] {
            let told = Decimal::parse(text).and_then(|decimal| decimal.rounded(places)).map(|told| told.to_string());
            assert_eq!(told.as_deref(), Some(rounded));
        }
    }

    proptest! {
        #[test]
        fn fractions_follow_the_laws(
            (a, b, c, d) in (-9999_i128..9999, 1_i128..999, -9999_i128..9999, 1_i128..999), ten in -9_i32..9
        ) {
            let (one, two) = (Ratio::new(a, b, ten).unwrap(), Ratio::new(c, d, -ten).unwrap());
            let is = |one: Option<Ratio>, two: Option<Ratio>| one.unwrap().compared(two.unwrap()) == Some(Ordering::Equal);
            prop_assert!(is(one.plus(two), two.plus(one)));
            prop_assert!(is(one.plus(two).unwrap().minus(two), Some(one)));
            prop_assert!(is(one.times(two), two.times(one)));
            if !two.is_zero() {
                prop_assert!(is(one.times(two).unwrap().by(two), Some(one)));
            }
            prop_assert_eq!(one.compared(two).unwrap(), two.compared(one).unwrap().reverse());
            if let Some(magnitude) = one.magnitude() {
                let size = if a < 0 { Ratio::ZERO.minus(one).unwrap() } else { one };
                prop_assert_ne!(size.compared(Ratio::new(1, 1, magnitude).unwrap()), Some(Ordering::Less));
                prop_assert_eq!(size.compared(Ratio::new(1, 1, magnitude + 1).unwrap()), Some(Ordering::Less));
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "[-+0-9.eE]{0,40}", places in -80_i32..80) {
            if let Some(decimal) = Decimal::parse(&text) {
                prop_assert_eq!(Decimal::parse(&decimal.to_string()).and_then(|again| again.rounded(60)), decimal.rounded(60));
                let _ = decimal.rounded(places);
            }
        }
    }
}
