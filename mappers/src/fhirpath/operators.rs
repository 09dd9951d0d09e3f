//! Operators: <http://hl7.org/fhirpath/N1/#operations>.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::EvaluationError;
use super::evaluate::{BYTES, Collection, Evaluator, Outcome, Scope, single, truth};
use super::quantity::Quantity;
use super::syntax::{Expr, Operator};
use super::value::Value;

/// The value of two sides.
pub(super) fn binary<'d>(
    evaluator: &Evaluator<'d, '_>,
    operator: Operator,
    left: &Expr,
    right: &Expr,
    scope: Scope<'_, 'd>,
) -> Outcome<'d> {
    let left = evaluator.evaluate(left, scope)?;
    let right = |scope| evaluator.evaluate(right, scope);
    let weigh = |right: &[Value<'d>]| evaluator.spend_on(&left).and_then(|()| evaluator.spend_on(right));
    match operator {
        Operator::And | Operator::Implies | Operator::Or | Operator::Xor => {
            let left = truth(&left)?;
            // What decides alone leaves the other side alone.
            match (operator, left) {
                (Operator::And, Some(false)) => return Ok(boolean(false)),
                (Operator::Or, Some(true)) | (Operator::Implies, Some(false)) => return Ok(boolean(true)),
                _ => {}
            }
            Ok(logic(operator, left, truth(&right(scope)?)?).map(boolean).unwrap_or_default())
        }
        Operator::Union => {
            let right = right(scope)?;
            evaluator.spend((left.len() + right.len()) * (left.len() + right.len()) / 8)?;
            Ok(distinct(left.into_iter().chain(right)))
        }
        Operator::Contains => {
            let right = right(scope)?;
            weigh(&right)?;
            Ok(single(&right)?.map(|item| boolean(holds(&left, item))).unwrap_or_default())
        }
        Operator::In => {
            let right = right(scope)?;
            weigh(&right)?;
            Ok(single(&left)?.map(|item| boolean(holds(&right, item))).unwrap_or_default())
        }
        Operator::Equal | Operator::NotEqual | Operator::Equivalent | Operator::NotEquivalent => {
            let right = right(scope)?;
            weigh(&right)?;
            Ok(match operator {
                Operator::Equal => equal(&left, &right).map(boolean).unwrap_or_default(),
                Operator::NotEqual => equal(&left, &right).map(|equal| boolean(!equal)).unwrap_or_default(),
                Operator::Equivalent => boolean(alike(&left, &right)),
                _ => boolean(!alike(&left, &right)),
            })
        }
        Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual => {
            let right = right(scope)?;
            weigh(&right)?;
            let (Some(left), Some(right)) = (single(&left)?, single(&right)?) else { return Ok(Vec::new()) };
            let order = left.compare(right).map_err(|()| EvaluationError::new("these types do not compare"))?;
            let holds = |order: Ordering| match operator {
                Operator::Greater => order.is_gt(),
                Operator::GreaterOrEqual => order.is_ge(),
                Operator::Less => order.is_lt(),
                _ => order.is_le(),
            };
            Ok(order.map(|order| boolean(holds(order))).unwrap_or_default())
        }
        Operator::Concatenate => {
            let right = right(scope)?;
            let text = |items: &[Value<'d>]| -> Result<String, EvaluationError> {
                let Some(value) = single(items)? else { return Ok(String::new()) };
                value.text().ok_or_else(|| EvaluationError::new("& joins strings"))
            };
            weigh(&right)?;
            let joined = text(&left)? + &text(&right)?;
            Ok(vec![Value::String(joined.into())])
        }
        _ => {
            let right = right(scope)?;
            let (Some(left), Some(right)) = (single(&left)?, single(&right)?) else { return Ok(Vec::new()) };
            evaluator.spend((left.weight() + right.weight()) / BYTES)?;
            let sum = reckon(operator, &left.system(), &right.system())?;
            Ok(sum.into_iter().collect())
        }
    }
}

/// `+` and `-` before a value.
pub(super) fn signed<'d>(minus: bool, items: Collection<'d>) -> Outcome<'d> {
    let Some(value) = single(&items)? else { return Ok(Vec::new()) };
    let value = value.system();
    Ok(vec![match (minus, value) {
        (true, Value::Integer(value)) => return Ok(value.checked_neg().map(Value::Integer).into_iter().collect()),
        (true, Value::Decimal(value)) => Value::Decimal(-value),
        (true, Value::Quantity(quantity)) => Value::Quantity(Quantity { value: -quantity.value, ..quantity }),
        (false, value @ (Value::Integer(_) | Value::Decimal(_) | Value::Quantity(_))) => value,
        _ => return Err(EvaluationError::new("a sign stands before numbers and quantities only")),
    }])
}

/// `=` on collections; `None` where it is not known.
pub(super) fn equal(one: &[Value<'_>], other: &[Value<'_>]) -> Option<bool> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    if one.len() != other.len() {
        return Some(false);
    }
    let mut known = Some(true);
    for (one, other) in one.iter().zip(other) {
        match one.equals(other) {
            Some(false) => return Some(false),
            None => known = None,
            Some(true) => {}
        }
    }
    known
}

/// `~` on collections, whatever their order.
fn alike(one: &[Value<'_>], other: &[Value<'_>]) -> bool {
    let mut rest: Vec<&Value<'_>> = other.iter().collect();
    one.len() == other.len()
        && one.iter().all(|value| {
            let position = rest.iter().position(|candidate| value.is_like(candidate));
            position.map(|position| rest.swap_remove(position)).is_some()
        })
}

/// Whether a collection holds a value.
pub(super) fn holds(items: &[Value<'_>], wanted: &Value<'_>) -> bool {
    items.iter().any(|item| item.equals(wanted) == Some(true))
}

/// Each value once.
pub(super) fn distinct<'d>(items: impl Iterator<Item = Value<'d>>) -> Collection<'d> {
    let mut found: Collection<'d> = Vec::new();
    for item in items {
        if !holds(&found, &item) {
            found.push(item);
        }
    }
    found
}

pub(super) fn boolean<'d>(value: bool) -> Collection<'d> {
    vec![Value::Boolean(value)]
}

fn logic(operator: Operator, left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (operator, left, right) {
        (Operator::And, _, Some(false)) => Some(false),
        (Operator::And, Some(true), Some(true)) => Some(true),
        (Operator::Or | Operator::Implies, _, Some(true)) => Some(true),
        (Operator::Or, Some(false), Some(false)) | (Operator::Implies, Some(true), Some(false)) => Some(false),
        (Operator::Xor, Some(left), Some(right)) => Some(left != right),
        _ => None,
    }
}

/// Arithmetic; `None` where there is no result, as by overflow or a division by zero.
fn reckon<'d>(operator: Operator, left: &Value<'d>, right: &Value<'d>) -> Result<Option<Value<'d>>, EvaluationError> {
    let misfit = || EvaluationError::new("these types cannot be reckoned with each other");
    Ok(match (operator, left, right) {
        (Operator::Add, Value::String(left), Value::String(right)) => {
            Some(Value::String(format!("{left}{right}").into()))
        }
        (Operator::Add | Operator::Subtract, Value::Date(moment), Value::Quantity(quantity)) => {
            Some(Value::Date(shifted(operator, moment, quantity)?))
        }
        (Operator::Add | Operator::Subtract, Value::DateTime(moment), Value::Quantity(quantity)) => {
            Some(Value::DateTime(shifted(operator, moment, quantity)?))
        }
        (Operator::Add | Operator::Subtract, Value::Time(moment), Value::Quantity(quantity)) => {
            Some(Value::Time(shifted(operator, moment, quantity)?))
        }
        (_, Value::Integer(left), Value::Integer(right)) => match operator {
            Operator::Add => left.checked_add(*right).map(Value::Integer),
            Operator::Subtract => left.checked_sub(*right).map(Value::Integer),
            Operator::Multiply => left.checked_mul(*right).map(Value::Integer),
            Operator::Div => left.checked_div(*right).map(Value::Integer),
            Operator::Mod => left.checked_rem(*right).map(Value::Integer),
            _ => Decimal::from(*left).checked_div(Decimal::from(*right)).map(Value::Decimal),
        },
        (_, Value::Quantity(left), right) if right.quantity().is_some() => {
            right.quantity().and_then(|right| quantities(operator, left, &right)).map(Value::Quantity)
        }
        (_, left, Value::Quantity(right)) if left.quantity().is_some() => {
            left.quantity().and_then(|left| quantities(operator, &left, right)).map(Value::Quantity)
        }
        _ => {
            let (left, right) = (left.number().ok_or_else(misfit)?, right.number().ok_or_else(misfit)?);
            match operator {
                Operator::Add => left.checked_add(right).map(Value::Decimal),
                Operator::Subtract => left.checked_sub(right).map(Value::Decimal),
                Operator::Multiply => left.checked_mul(right).map(Value::Decimal),
                Operator::Divide => left.checked_div(right).map(Value::Decimal),
                Operator::Mod => left.checked_rem(right).map(Value::Decimal),
                Operator::Div => left.checked_div(right).and_then(|whole| whole.trunc().to_i64()).map(Value::Integer),
                _ => return Err(misfit()),
            }
        }
    })
}

fn quantities(operator: Operator, left: &Quantity, right: &Quantity) -> Option<Quantity> {
    let same = left.unit == right.unit && left.calendar == right.calendar;
    let plain = |quantity: &Quantity| quantity.unit == "1";
    let (value, unit) = match operator {
        Operator::Add if same => (left.value.checked_add(right.value)?, left),
        Operator::Subtract if same => (left.value.checked_sub(right.value)?, left),
        Operator::Multiply if plain(right) => (left.value.checked_mul(right.value)?, left),
        Operator::Multiply if plain(left) => (left.value.checked_mul(right.value)?, right),
        Operator::Divide if plain(right) => (left.value.checked_div(right.value)?, left),
        Operator::Divide if same => {
            return Some(Quantity {
                value: left.value.checked_div(right.value)?,
                unit: "1".to_owned(),
                calendar: false,
            });
        }
        // Products of units are for UCUM.
        _ => return None,
    };
    Some(Quantity { value, ..unit.clone() })
}

fn shifted(operator: Operator, moment: &super::Moment, quantity: &Quantity) -> Result<super::Moment, EvaluationError> {
    let value = if operator == Operator::Subtract { -quantity.value } else { quantity.value };
    let sum = moment.plus(&Quantity { value, ..quantity.clone() });
    sum.ok_or_else(|| EvaluationError::new("a date moves by a duration, and within the years 1 to 9999"))
}
