//! The index rows of what an expression gives. Elements go to the extractors of built-in parameters; values that were
//! reckoned (`exists()`, a text that was put together) have their rows made here.

use std::borrow::Cow;
use std::cell::Cell;

use super::fit::{EXTENSION, element_type, fits};
use super::{MOST_BYTES, MOST_VALUES, Parameter, Unfit};
use crate::fhirpath::{Context, Expression, Node, Value};
use crate::json::Element;
use crate::search::extract::{DateRow, Feed, IndexRows, QuantityRow, TokenRow, feed};
use crate::search::parameters::ParameterKind;
use crate::search::query::stored_range;

/// UCUM, the system of quantities that FHIRPath reckons with.
const UCUM: &str = "http://unitsofmeasure.org";

/// Adds the rows of a resource; none at all where an expression fails. What was spent is taken from `work`.
pub(super) fn extract<'d>(
    parameter: &Parameter,
    resource: Element<'d>,
    work: &Cell<u64>,
    rows: &mut IndexRows<'d>,
) -> Result<(), Unfit> {
    let context = Context { lenient_types: true, types_of_references: true, work: Some(work), now: None };
    let (mut found, mut bytes) = (Vec::new(), 0);
    for expression in &parameter.expressions {
        found.extend(expression.evaluate(resource, context).map_err(|_| Unfit)?);
        if found.len() > MOST_VALUES {
            return Err(Unfit);
        }
    }
    if parameter.definition.param_kind != ParameterKind::Composite {
        weigh(&found, &mut bytes)?;
        let place = place(parameter.definition.param_kind, parameter.path());
        found.iter().for_each(|value| place.add(rows, value, 0));
        return Ok(());
    }
    // The parts' values stand together within each item that the expression gives.
    let (mut parts, mut values) = (Vec::new(), 0);
    for (number, item) in found.iter().enumerate() {
        let Value::Node(item) = item else { continue };
        for (part, expression) in parameter.parts.iter().enumerate() {
            let found = within(expression, *item, resource, context)?;
            values += found.len();
            weigh(&found, &mut bytes)?;
            if values > MOST_VALUES {
                return Err(Unfit);
            }
            parts.push((part, i32::try_from(number + 1).map_err(|_| Unfit)?, found));
        }
    }
    for (part, item, found) in parts {
        let kind = parameter.definition.parts[part].param_kind;
        let place = place(kind, parameter.part_path(part));
        found.iter().for_each(|value| place.add(rows, value, item));
    }
    Ok(())
}

/// Counts the bytes of values: each of them becomes rows.
fn weigh(values: &[Value<'_>], bytes: &mut usize) -> Result<(), Unfit> {
    for value in values {
        *bytes += match value {
            Value::Node(node) => node.value.map_or(0, |value| value.raw().len()),
            other => other.weight(),
        };
        if *bytes > MOST_BYTES {
            return Err(Unfit);
        }
    }
    Ok(())
}

fn within<'d>(
    expression: &Expression,
    item: Node<'d>,
    resource: Element<'d>,
    context: Context<'_>,
) -> Result<Vec<Value<'d>>, Unfit> {
    expression.evaluate_on(item, resource, context).map_err(|_| Unfit)
}

/// Where the values of a parameter, or of a part of it, go.
struct Place {
    kind: ParameterKind,
    feed: Feed,
}

fn place(kind: ParameterKind, path: i32) -> Place {
    Place { kind, feed: Feed { path, typed: path - 1, kinds: feed(kind) } }
}

impl Place {
    fn add<'d>(&self, rows: &mut IndexRows<'d>, value: &Value<'d>, item: i32) {
        if let Value::Node(node) = value {
            if node.kind == EXTENSION {
                // Many definitions, HL7's own among them, name an extension and mean its value.
                let mut values = Vec::new();
                node.children(Some("value"), &mut values);
                values.retain(|value| value.kind != EXTENSION);
                values.into_iter().for_each(|value| self.add(rows, &Value::Node(value), item));
                return;
            }
            if let (true, Some(kind), Some(element)) = (fits(self.kind, node.kind), element_type(node.kind), node.value)
            {
                rows.add(self.feed, kind, element, item);
            }
            return;
        }
        let path = self.feed.path;
        match (self.kind, value) {
            (ParameterKind::Date, Value::Date(moment) | Value::DateTime(moment)) => {
                if let Some((low, high)) = stored_range(&moment.to_string()) {
                    rows.dates.push(DateRow { path, low, high, item });
                }
            }
            (ParameterKind::Number, Value::Decimal(_) | Value::Integer(_)) => {
                self.number(rows, value.text().as_deref(), ("", ""), item);
            }
            (ParameterKind::Quantity, Value::Quantity(quantity)) => {
                let unit = if quantity.is_calendar() { ("", "") } else { (UCUM, quantity.unit()) };
                if unit.1.is_empty() || can_be_kept(unit.1) {
                    self.number(rows, Some(&quantity.number()), unit, item);
                }
            }
            (ParameterKind::String, Value::String(text)) if can_be_kept(text) => {
                rows.text(path, Cow::Owned(text.to_string()), item);
            }
            (ParameterKind::Token, Value::Boolean(_) | Value::Integer(_) | Value::String(_))
            | (ParameterKind::Uri, Value::String(_)) => {
                if let Some(code) = value.text().filter(|code| can_be_kept(code)) {
                    rows.tokens.push(TokenRow { path, code: Cow::Owned(code), system: Cow::Borrowed(""), item });
                }
            }
            _ => {}
        }
    }

    fn number(&self, rows: &mut IndexRows<'_>, text: Option<&str>, (system, code): (&str, &str), item: i32) {
        let Some(value) = text.and_then(|text| text.parse::<f64>().ok()).filter(|value| value.is_finite()) else {
            return;
        };
        rows.quantities.push(QuantityRow {
            path: self.feed.path,
            low: value,
            high: value,
            system: Cow::Owned(system.to_owned()),
            code: Cow::Owned(code.to_owned()),
            unit: Cow::Borrowed(""),
            item,
        });
    }
}

/// Whether a text that was reckoned is a value. No database keeps NUL, which no resource holds, but an expression can make:
/// the write of a resource must not fail by it.
fn can_be_kept(text: &str) -> bool {
    !text.is_empty() && !text.contains('\0')
}
