//! Mathematics: <http://hl7.org/fhirpath/N1/#math>. Roots, powers and logarithms of what is no whole power are reckoned
//! on decimals too: no number becomes a float.

use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy;

use super::Call;
use super::conversion::whole;
use crate::fhirpath::EvaluationError;
use crate::fhirpath::evaluate::{Outcome, single};
use crate::fhirpath::operators::boolean;
use crate::fhirpath::quantity::Quantity;
use crate::fhirpath::value::Value;

/// Calls a function on a number; `None` where the name is none.
pub(super) fn call<'d>(call: &Call<'_, 'd, '_>) -> Option<Outcome<'d>> {
    if !matches!(
        call.name,
        "abs" | "ceiling" | "comparable" | "exp" | "floor" | "ln" | "log" | "power" | "round" | "sqrt" | "truncate"
    ) {
        return None;
    }
    Some(reckoned(call))
}

fn reckoned<'d>(call: &Call<'_, 'd, '_>) -> Outcome<'d> {
    let Some(value) = call.one()? else { return Ok(Vec::new()) };
    if call.name == "comparable" {
        let other = call.argument(0)?;
        let quantities = value.quantity().zip(single(&other)?.map(Value::system).and_then(|other| other.quantity()));
        return Ok(quantities.map(|(one, other)| boolean(one.is_comparable(&other))).unwrap_or_default());
    }
    if let ("abs", Value::Quantity(quantity)) = (call.name, &value) {
        return Ok(vec![Value::Quantity(Quantity { value: quantity.value.abs(), ..quantity.clone() })]);
    }
    let number = value.number().ok_or_else(|| EvaluationError::new("a number is needed here"))?;
    let integer = matches!(value, Value::Integer(_));
    let result = match call.name {
        "abs" if integer => whole(number.abs()).map(Value::Integer),
        "abs" => Some(Value::Decimal(number.abs())),
        "ceiling" => whole(number.ceil()).map(Value::Integer),
        "floor" => whole(number.floor()).map(Value::Integer),
        "truncate" => whole(number.trunc()).map(Value::Integer),
        "round" => {
            let digits = call.integer(0)?.unwrap_or(0);
            let digits = u32::try_from(digits).map_err(|_| EvaluationError::new("round takes digits from 0"))?;
            Some(Value::Decimal(number.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)))
        }
        "sqrt" => root(number).map(Value::Decimal),
        "power" => {
            let exponent = call.argument(0)?;
            match single(&exponent)?.map(Value::system) {
                None => None,
                Some(exponent) => power(number, &exponent)?.and_then(|power| {
                    if integer && matches!(exponent, Value::Integer(0..)) {
                        whole(power).map(Value::Integer)
                    } else {
                        Some(Value::Decimal(power))
                    }
                }),
            }
        }
        "exp" => exponential(number).map(Value::Decimal),
        "ln" => logarithm(number).map(Value::Decimal),
        _ => {
            let base = call.argument(0)?;
            let base = single(&base)?.map(Value::system).and_then(|base| base.number());
            let quotient = base.and_then(|base| logarithm(number)?.checked_div(logarithm(base)?));
            // A series ends a little beside a whole number.
            quotient.map(|quotient| Value::Decimal(quotient.round_dp(20).normalize()))
        }
    };
    Ok(result.into_iter().collect())
}

/// Newton's method; `None` below zero.
fn root(number: Decimal) -> Option<Decimal> {
    if number.is_sign_negative() && !number.is_zero() {
        return None;
    }
    if number.is_zero() {
        return Some(number);
    }
    let mut guess = if number > Decimal::ONE { number } else { Decimal::ONE };
    for _ in 0..200 {
        let next = guess.checked_add(number.checked_div(guess)?)?.checked_div(Decimal::TWO)?;
        if next == guess {
            break;
        }
        guess = next;
    }
    let rounded = guess.round_dp(20).normalize();
    Some(rounded)
}

fn power(number: Decimal, exponent: &Value<'_>) -> Result<Option<Decimal>, EvaluationError> {
    let exponent = exponent.number().ok_or_else(|| EvaluationError::new("an exponent is a number"))?;
    if exponent.fract().is_zero() {
        let Some(times) = whole(exponent).filter(|times| times.abs() <= 10_000) else { return Ok(None) };
        let mut product = Decimal::ONE;
        for _ in 0..times.abs() {
            let Some(next) = product.checked_mul(number) else { return Ok(None) };
            product = next;
        }
        return Ok(if times < 0 { Decimal::ONE.checked_div(product) } else { Some(product) });
    }
    if exponent == Decimal::new(5, 1) {
        return Ok(root(number));
    }
    Ok(logarithm(number)
        .and_then(|log| exponential(log.checked_mul(exponent)?))
        .map(|power| power.round_dp(16).normalize()))
}

/// By its series, of a number that was halved until it is small.
fn exponential(number: Decimal) -> Option<Decimal> {
    let mut halvings = 0;
    let mut small = number;
    while small.abs() > Decimal::ONE {
        small = small.checked_div(Decimal::TWO)?;
        halvings += 1;
        if halvings > 20 {
            return None;
        }
    }
    let (mut sum, mut term) = (Decimal::ONE, Decimal::ONE);
    for count in 1..40_u32 {
        term = term.checked_mul(small)?.checked_div(Decimal::from(count))?;
        sum = sum.checked_add(term)?;
    }
    for _ in 0..halvings {
        sum = sum.checked_mul(sum)?;
    }
    Some(sum)
}

/// By Newton's method on the exponential; `None` for zero and below.
fn logarithm(number: Decimal) -> Option<Decimal> {
    if number <= Decimal::ZERO {
        return None;
    }
    let (mut small, mut roots) = (number, 0);
    while (small - Decimal::ONE).abs() > Decimal::new(5, 1) && roots < 80 {
        small = root(small)?;
        roots += 1;
    }
    // ln(x) = 2 artanh((x - 1) / (x + 1))
    let ratio = (small - Decimal::ONE).checked_div(small + Decimal::ONE)?;
    let square = ratio.checked_mul(ratio)?;
    let (mut sum, mut term) = (Decimal::ZERO, ratio);
    for count in 0..60_u32 {
        sum = sum.checked_add(term.checked_div(Decimal::from(2 * count + 1))?)?;
        term = term.checked_mul(square)?;
    }
    let mut log = sum.checked_mul(Decimal::TWO)?;
    for _ in 0..roots {
        log = log.checked_mul(Decimal::TWO)?;
    }
    Some(log)
}
