//! Texts: <https://hl7.org/fhir/R4/search.html#string>.

use mappers::search::query::{StringMatch, StringValue};

use super::compiler::Compiler;
use crate::store::dialect;
use crate::store::index::start_of;

/// Sorts after every text with the same start.
const LAST: char = char::MAX;

/// That the text of an index row fits.
pub(super) fn fits(compiler: &mut Compiler<'_>, value: &StringValue, row: &str) -> String {
    let (start, is_whole) = start_of(&value.normal);
    match value.how {
        StringMatch::Exact => {
            let start = compiler.statement.text(start);
            let text = compiler.statement.text(&value.text);
            format!("{row}.normal = {start} and {row}.text = {text}")
        }
        StringMatch::Part => {
            let part = compiler.statement.text(&value.normal);
            dialect::contains(compiler.engine, &format!("coalesce({row}.whole, {row}.normal)"), &part)
        }
        StringMatch::Start if is_whole => {
            let from = compiler.statement.text(start);
            let to = compiler.statement.text(&format!("{start}{LAST}"));
            format!("({row}.normal >= {from} and {row}.normal < {to})")
        }
        StringMatch::Start => {
            let start = compiler.statement.text(start);
            let (text, length) = (compiler.statement.text(&value.normal), value.normal.chars().count());
            let whole = dialect::starts_with(&format!("{row}.whole"), &text, length);
            format!("({row}.normal = {start} and {whole})")
        }
    }
}
