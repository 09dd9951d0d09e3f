//! Addresses: <https://hl7.org/fhir/R4/search.html#uri>.

use mappers::search::query::{UriMatch, UriValue};

use super::compiler::Compiler;
use crate::store::index::key;

/// That the address of an index row fits.
pub(super) fn fits(compiler: &mut Compiler<'_>, value: &UriValue, row: &str) -> String {
    match value.how {
        UriMatch::Above => {
            let above: Vec<String> = value.ancestors().iter().map(|text| compiler.statement.text(&key(text))).collect();
            format!("{row}.code in ({})", above.join(", "))
        }
        UriMatch::Below => {
            let itself = compiler.statement.text(&key(&value.text));
            // '0' comes right after '/'.
            let from = compiler.statement.text(&format!("{}/", value.text));
            let to = compiler.statement.text(&format!("{}0", value.text));
            format!("({row}.code = {itself} or ({row}.code >= {from} and {row}.code < {to}))")
        }
        UriMatch::Exact => format!("{row}.code = {}", compiler.statement.text(&key(&value.text))),
    }
}
