//! `lowBoundary`, `highBoundary`, `precision`: <http://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time>.

use rust_decimal::{Decimal, RoundingStrategy};

use super::Call;
use crate::fhirpath::EvaluationError;
use crate::fhirpath::evaluate::Outcome;
use crate::fhirpath::quantity::Quantity;
use crate::fhirpath::value::Value;

/// Digits that a decimal can have behind the point.
const DIGITS: i64 = 28;

/// Calls one of the functions; `None` where the name is none.
pub(super) fn call<'d>(call: &Call<'_, 'd, '_>) -> Option<Outcome<'d>> {
    match call.name {
        "highBoundary" => Some(bound(call, true)),
        "lowBoundary" => Some(bound(call, false)),
        "precision" => Some(precision(call)),
        _ => None,
    }
}

fn bound<'d>(call: &Call<'_, 'd, '_>, high: bool) -> Outcome<'d> {
    let digits = call.integer(0)?;
    let Some(value) = call.one()? else { return Ok(Vec::new()) };
    let bound = match value {
        Value::Date(moment) => moment.boundary(digits, high, true).map(Value::Date),
        Value::DateTime(moment) => moment.boundary(digits, high, false).map(Value::DateTime),
        Value::Time(moment) => moment.boundary(digits, high, false).map(Value::Time),
        Value::Quantity(quantity) => {
            let value = decimal_bound(quantity.value, digits, high);
            value.map(|value| Value::Quantity(Quantity { value, ..quantity }))
        }
        other => {
            let number = other.number().ok_or_else(|| EvaluationError::new("this type has no boundaries"))?;
            decimal_bound(number, digits, high).map(Value::Decimal)
        }
    };
    Ok(bound.into_iter().collect())
}

/// Half a unit of the last digit away, with so many digits.
fn decimal_bound(number: Decimal, digits: Option<i64>, high: bool) -> Option<Decimal> {
    let digits = digits.unwrap_or(8);
    let digits = u32::try_from(digits).ok().filter(|_| digits <= DIGITS)?;
    let half = Decimal::try_new(5, number.scale() + 1).ok()?;
    let exact = if high { number.checked_add(half)? } else { number.checked_sub(half)? };
    let strategy =
        if exact.is_sign_negative() == high { RoundingStrategy::ToZero } else { RoundingStrategy::AwayFromZero };
    let strategy = if high && !exact.is_sign_negative() { RoundingStrategy::ToZero } else { strategy };
    let mut bound = exact.round_dp_with_strategy(digits, strategy);
    bound.rescale(digits);
    (bound.scale() == digits).then_some(bound)
}

fn precision<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let Some(value) = call.one()? else { return Ok(Vec::new()) };
    let digits = match value {
        Value::Date(moment) | Value::DateTime(moment) | Value::Time(moment) => moment.precision(),
        other => {
            let number = other.number().ok_or_else(|| EvaluationError::new("this type has no precision"))?;
            i64::from(number.scale())
        }
    };
    Ok(vec![Value::Integer(digits)])
}
