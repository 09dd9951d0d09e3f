//! Ranges of time: <https://hl7.org/fhir/R4/search.html#date>. Both what is asked for and what is stored is a range, from
//! its first instant to just past its last.

use mappers::search::query::{DateValue, Prefix};

use super::compiler::Compiler;

/// That the range of an index row fits.
pub(super) fn fits(compiler: &mut Compiler<'_>, value: &DateValue, row: &str) -> String {
    let (low, high) = (value.low, value.high);
    let mut at = |time: i64| compiler.statement.int(time);
    match value.prefix {
        // A tenth of the distance from now.
        Prefix::Approximately => {
            let (low, high) = value.around(compiler.now_ms());
            let (low, high) = (compiler.statement.int(low), compiler.statement.int(high));
            format!("({row}.low < {high} and {row}.high > {low})")
        }
        Prefix::EndsBefore => format!("{row}.high <= {}", at(low)),
        Prefix::Equal => {
            let (low, high) = (at(low), at(high));
            format!("({row}.low >= {low} and {row}.low < {high} and {row}.high <= {high})")
        }
        Prefix::Greater => format!("{row}.high > {}", at(high)),
        // Some of it may be at the time asked for or after it: a visit over night is one of the second day, too.
        Prefix::GreaterOrEqual => format!("{row}.high > {}", at(low)),
        Prefix::Less => format!("{row}.low < {}", at(low)),
        Prefix::LessOrEqual => format!("{row}.low < {}", at(high)),
        Prefix::NotEqual => {
            let (low, high) = (at(low), at(high));
            format!("({row}.low < {low} or {row}.high > {high})")
        }
        Prefix::StartsAfter => format!("{row}.low >= {}", at(high)),
    }
}
