//! Numbers keep their decimal text: `1.10` stays `1.10`, and nothing passes through binary floating point unless the
//! column itself is one.

use std::borrow::Cow;

use crate::schema::ColumnKind;

/// Exponents up to this are written out; beyond, the number keeps its exponent.
const LONGEST_SHIFT: i64 = 40;

/// A number in any spelling, as R4 spells decimals (<https://hl7.org/fhir/R4/datatypes.html#decimal>).
/// `real`: the text comes from binary floating point, whose trailing zeros mean nothing.
pub(super) fn decimal(text: &str, real: bool) -> Option<Cow<'_, str>> {
    if real {
        return parse(text).and_then(|number| real_text(&number)).map(Cow::Owned);
    }
    if is_canonical(text) {
        return Some(Cow::Borrowed(text));
    }
    parse(text).map(|number| Cow::Owned(number.text()))
}

/// A whole number of 32 bits, whatever its spelling (`+5`, `5.0`).
pub(super) fn integer(text: &str) -> Option<Cow<'_, str>> {
    let short = text.len() <= 9 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if short && (text.len() == 1 || !text.starts_with('0')) {
        return Some(Cow::Borrowed(text));
    }
    let plain = parse(text)?.text();
    let whole = match plain.split_once('.') {
        Some((whole, fraction)) => fraction.bytes().all(|digit| digit == b'0').then_some(whole)?,
        None => plain.as_str(),
    };
    whole.parse::<i32>().ok().map(|number| Cow::Owned(number.to_string()))
}

/// The cell for a decimal given as JSON number text.
pub(super) fn decimal_cell(kind: ColumnKind, value: &str) -> Option<String> {
    match kind {
        ColumnKind::Numeric | ColumnKind::Text | ColumnKind::Other => decimal(value, false).map(Cow::into_owned),
        ColumnKind::Real => decimal(value, true).map(Cow::into_owned),
        ColumnKind::Integer => {
            let plain = decimal(value, false)?;
            if plain.parse::<i64>().is_ok() {
                return Some(plain.into_owned());
            }
            // The nearest whole number is what SQL users of an integer column can get; the value itself stays exact.
            let near = plain.parse::<f64>().ok()?.round();
            (near.abs() < 1e15).then(|| format!("{near:.0}"))
        }
        _ => None,
    }
}

/// The cell for an integer given as JSON number text.
pub(super) fn integer_cell(kind: ColumnKind, value: &str) -> Option<String> {
    match kind {
        ColumnKind::Integer | ColumnKind::Numeric | ColumnKind::Real | ColumnKind::Text | ColumnKind::Other => {
            integer(value).map(Cow::into_owned)
        }
        _ => None,
    }
}

/// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`
fn is_canonical(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole.len() == 1 || !whole.starts_with('0'))
}

/// A number taken apart.
struct Number<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

fn parse(text: &str) -> Option<Number<'_>> {
    let text = text.trim();
    let negative = text.starts_with('-');
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        None => (rest, 0),
        Some(at) => {
            let power = &rest[at + 1..];
            let digits = power.strip_prefix('+').unwrap_or(power);
            (&rest[..at], digits.parse::<i64>().ok().filter(|value| value.unsigned_abs() < 100_000)?)
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let some = whole.len() + fraction.len() > 0 && whole.len() + fraction.len() < 2000;
    (some && digits(whole) && digits(fraction)).then_some(Number { negative, whole, fraction, exponent })
}

impl Number<'_> {
    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        let digits = format!("{}{}", self.whole, self.fraction);
        let point = self.whole.len() as i64 + self.exponent;
        if self.exponent.abs() > LONGEST_SHIFT {
            let whole = trim_zeros(self.whole);
            let dot = if self.fraction.is_empty() { "" } else { "." };
            return format!("{sign}{whole}{dot}{}e{}", self.fraction, self.exponent);
        }
        if point <= 0 {
            return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
        }
        let point = point as usize;
        if point >= digits.len() {
            let padded = format!("{digits}{}", "0".repeat(point - digits.len()));
            return format!("{sign}{}", trim_zeros(&padded));
        }
        format!("{sign}{}.{}", trim_zeros(&digits[..point]), &digits[point..])
    }
}

fn trim_zeros(digits: &str) -> &str {
    let trimmed = digits.trim_start_matches('0');
    if trimmed.is_empty() { "0" } else { trimmed }
}

/// The shortest text of the binary number that the text names.
fn real_text(number: &Number<'_>) -> Option<String> {
    let value: f64 = number.text().parse().ok()?;
    if !value.is_finite() {
        return None;
    }
    if value == 0.0 {
        return Some("0".to_owned());
    }
    let plain = (1e-7..1e17).contains(&value.abs());
    Some(if plain { format!("{value}") } else { format!("{value:e}") })
}
