//! Numbers and quantities: <https://hl7.org/fhir/R4/search.html#number>, <https://hl7.org/fhir/R4/search.html#quantity>.
//! A unit of UCUM finds the same quantity in every unit that is one of its kind.

use mappers::search::query::{Prefix, QuantityValue};
use terminology::units::{self, Base};

use super::compiler::{Compiler, all};

/// How far two computed values may be apart and still be one, in parts of the value.
const ERROR: f64 = 1e-9;
/// `ap`: about the value, give or take this part of it.
const ABOUT: f64 = 0.1;

/// That the value of an index row fits.
pub(super) fn fits(compiler: &mut Compiler<'_>, value: &QuantityValue, row: &str) -> String {
    let (system, code) = (value.system.as_deref(), value.code.as_deref());
    if let Some(base) = units::base(system.unwrap_or_default(), code.unwrap_or_default()) {
        let unit = compiler.statement.text(&base.unit);
        let number = compare(compiler, &in_base(value, &base), &format!("{row}.base_low"), &format!("{row}.base_high"));
        return format!("({row}.base is not null and {row}.base = {unit} and {number})");
    }
    let mut parts = vec![compare(compiler, value, &format!("{row}.low"), &format!("{row}.high"))];
    if let Some(system) = system {
        parts.push(format!("{row}.system = {}", compiler.statement.text(system)));
    }
    if let Some(code) = code {
        let code = compiler.statement.text(code);
        // Without a system it may be the unit in words.
        let words = if system.is_none() { format!(" or {row}.unit = {code}") } else { String::new() };
        parts.push(format!("({row}.code = {code}{words})"));
    }
    all(parts)
}

/// The value in base units; what is computed twice may differ in the last digits, and is still the same.
fn in_base(value: &QuantityValue, base: &Base) -> QuantityValue {
    let slack = |number: f64| number.abs() * ERROR;
    let (number, low, high) = (base.of(value.value), base.of(value.low), base.of(value.high));
    let number = match value.prefix {
        Prefix::EndsBefore | Prefix::GreaterOrEqual | Prefix::Less => number - slack(number),
        Prefix::Greater | Prefix::LessOrEqual | Prefix::StartsAfter => number + slack(number),
        Prefix::Approximately | Prefix::Equal | Prefix::NotEqual => number,
    };
    QuantityValue { value: number, low: low - slack(low), high: high + slack(high), ..value.clone() }
}

fn compare(compiler: &mut Compiler<'_>, asked: &QuantityValue, low: &str, high: &str) -> String {
    let (value, from, to) = (asked.value, asked.low, asked.high);
    let mut at = |number: f64| compiler.statement.real(number);
    match asked.prefix {
        Prefix::Approximately => {
            let slack = value.abs() * ABOUT;
            let (from, to) = (at(from.min(value - slack)), at(to.max(value + slack)));
            format!("({low} <= {to} and {high} >= {from})")
        }
        Prefix::EndsBefore => format!("{high} < {}", at(value)),
        Prefix::Equal => {
            let (from, to) = (at(from), at(to));
            format!("({low} >= {from} and {low} < {to} and {high} < {to})")
        }
        Prefix::Greater => format!("{high} > {}", at(value)),
        Prefix::GreaterOrEqual => format!("{high} >= {}", at(value)),
        Prefix::Less => format!("{low} < {}", at(value)),
        Prefix::LessOrEqual => format!("{low} <= {}", at(value)),
        Prefix::NotEqual => {
            let (from, to) = (at(from), at(to));
            format!("({low} < {from} or {high} >= {to})")
        }
        Prefix::StartsAfter => format!("{low} > {}", at(value)),
    }
}
