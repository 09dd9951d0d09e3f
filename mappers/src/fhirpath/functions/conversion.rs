//! Conversions: <http://hl7.org/fhirpath/N1/#conversion>.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Call;
use crate::fhirpath::evaluate::Outcome;
use crate::fhirpath::moment::Moment;
use crate::fhirpath::operators::boolean;
use crate::fhirpath::quantity::{Quantity, decimal};
use crate::fhirpath::value::Value;

/// Calls a conversion; `None` where the name is none.
pub(super) fn call<'d>(call: &Call<'_, 'd, '_>) -> Option<Outcome<'d>> {
    let (target, tests) = match call.name.strip_prefix("convertsTo") {
        Some(target) => (target, true),
        None => (call.name.strip_prefix("to")?, false),
    };
    let convert = match target {
        "Boolean" => to_boolean,
        "Date" => to_date,
        "DateTime" => to_date_time,
        "Decimal" => to_decimal,
        "Integer" => to_integer,
        "Quantity" => to_quantity,
        "String" => to_string,
        "Time" => to_time,
        _ => return None,
    };
    Some(call.one().map(|item| {
        let Some(item) = item else { return Vec::new() };
        let converted = convert(&item);
        if tests { boolean(converted.is_some()) } else { converted.into_iter().collect() }
    }))
}

fn to_boolean<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let truth = match value {
        Value::Boolean(value) => *value,
        Value::Integer(0) => false,
        Value::Integer(1) => true,
        Value::Decimal(value) if value.is_zero() => false,
        Value::Decimal(value) if *value == Decimal::ONE => true,
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => true,
            "false" | "f" | "no" | "n" | "0" | "0.0" => false,
            _ => return None,
        },
        _ => return None,
    };
    Some(Value::Boolean(truth))
}

fn to_integer<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let integer = match value {
        Value::Boolean(value) => i64::from(*value),
        Value::Integer(value) => *value,
        Value::String(text) => text.strip_prefix('+').unwrap_or(text).parse().ok()?,
        _ => return None,
    };
    Some(Value::Integer(integer))
}

fn to_decimal<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let number = match value {
        Value::Boolean(value) => Decimal::from(u8::from(*value)),
        Value::String(text) => decimal(text)?,
        other => other.number()?,
    };
    Some(Value::Decimal(number))
}

fn to_quantity<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let quantity = match value {
        Value::Boolean(value) => {
            Quantity { value: Decimal::from(u8::from(*value)), unit: "1".to_owned(), calendar: false }
        }
        Value::String(text) => Quantity::parse(text)?,
        other => other.quantity()?,
    };
    Some(Value::Quantity(quantity))
}

fn to_string<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    value.text().map(|text| Value::String(text.into()))
}

fn to_date<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let moment = match value {
        Value::Date(moment) | Value::DateTime(moment) => moment.to_date(),
        Value::String(text) => Moment::date_time(text).and_then(|moment| moment.to_date()),
        _ => None,
    };
    moment.map(Value::Date)
}

fn to_date_time<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let moment = match value {
        Value::Date(moment) | Value::DateTime(moment) => Some(moment.clone()),
        Value::String(text) => Moment::date_time(text),
        _ => None,
    };
    moment.map(Value::DateTime)
}

fn to_time<'d>(value: &Value<'d>) -> Option<Value<'d>> {
    let moment = match value {
        Value::Time(moment) => Some(moment.clone()),
        Value::String(text) => Moment::time(text),
        _ => None,
    };
    moment.map(Value::Time)
}

/// A whole number that fits.
pub(super) fn whole(value: Decimal) -> Option<i64> {
    value.to_i64()
}
