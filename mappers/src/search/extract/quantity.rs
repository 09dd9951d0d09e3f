//! Numbers and quantities: <https://hl7.org/fhir/R4/search.html#quantity>.

use std::borrow::Cow;

use super::QuantityRow;
use crate::json::{Element, Kind};
use crate::search::parameters::ElementType;

/// ISO 4217, the system of currencies.
const CURRENCIES: &str = "urn:iso:std:iso:4217";

/// The row of a number, quantity or range; `None` where it says no number.
pub(super) fn quantity(kind: ElementType, element: Element<'_>, path: i32, item: i32) -> Option<QuantityRow<'_>> {
    let none = || Cow::Borrowed("");
    let bare = |low, high| QuantityRow { path, low, high, system: none(), code: none(), unit: none(), item };
    match kind {
        ElementType::Decimal | ElementType::Integer => number(element).map(|value| bare(value, value)),
        ElementType::Range => {
            let (low, high) = (element.member("low"), element.member("high"));
            let end = |end: Option<Element<'_>>| end.and_then(|end| number(end.member("value")?));
            let (from, to) = (end(low), end(high));
            if from.is_none() && to.is_none() {
                return None;
            }
            let (low, high) = (from.unwrap_or(f64::NEG_INFINITY), to.unwrap_or(f64::INFINITY));
            Some(with_unit(bare(low, high), element.member("low").or_else(|| element.member("high"))?))
        }
        ElementType::Money => {
            let value = number(element.member("value")?)?;
            let code = element.member("currency").and_then(|code| code.string()).unwrap_or_default();
            let system = if code.is_empty() { none() } else { Cow::Borrowed(CURRENCIES) };
            Some(QuantityRow { code, system, ..bare(value, value) })
        }
        ElementType::Age | ElementType::Duration | ElementType::Quantity => {
            let value = number(element.member("value")?)?;
            let comparator = element.member("comparator").and_then(|comparator| comparator.string());
            let (low, high) = match comparator.as_deref() {
                Some("<" | "<=") => (f64::NEG_INFINITY, value),
                Some(">" | ">=") => (value, f64::INFINITY),
                _ => (value, value),
            };
            Some(with_unit(bare(low, high), element))
        }
        _ => None,
    }
}

fn with_unit<'d>(row: QuantityRow<'d>, quantity: Element<'d>) -> QuantityRow<'d> {
    let text = |name: &str| quantity.member(name).and_then(|text| text.string()).unwrap_or_default();
    QuantityRow { system: text("system"), code: text("code"), unit: text("unit"), ..row }
}

fn number(element: Element<'_>) -> Option<f64> {
    let value: f64 = (element.kind() == Kind::Number).then(|| element.raw().parse().ok())??;
    value.is_finite().then_some(value)
}
