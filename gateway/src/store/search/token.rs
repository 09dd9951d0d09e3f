//! Tokens: <https://hl7.org/fhir/R4/search.html#token>.

use mappers::search::query::TokenValue;

use super::compiler::{Compiler, any};
use crate::store::index::key;

/// That the token of an index row is one of these.
pub(super) fn fits(compiler: &mut Compiler<'_>, values: &[TokenValue], row: &str) -> String {
    // Codes whatever their system are one list: one look-up each, in order.
    let bare = |value: &&TokenValue| value.system.is_none() && value.code.is_some();
    let codes = values.iter().filter(bare).filter_map(|value| value.code.as_deref());
    let codes: Vec<String> = codes.map(|code| compiler.statement.text(&key(code))).collect();
    let mut conditions = match &codes[..] {
        [] => Vec::new(),
        [code] => vec![format!("{row}.code = {code}")],
        codes => vec![format!("{row}.code in ({})", codes.join(", "))],
    };
    for value in values.iter().filter(|value| !bare(value)) {
        let mut parts = Vec::new();
        if let Some(code) = &value.code {
            parts.push(format!("{row}.code = {}", compiler.statement.text(&key(code))));
        }
        if let Some(system) = &value.system {
            parts.push(format!("{row}.system = {}", compiler.statement.text(&key(system))));
        }
        conditions.push(format!("({})", parts.join(" and ")));
    }
    any(conditions)
}
