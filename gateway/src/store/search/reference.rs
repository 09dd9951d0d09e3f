//! References: <https://hl7.org/fhir/R4/search.html#reference>.

use mappers::search::query::ReferenceValue;

use super::compiler::Compiler;
use crate::store::index::key;

/// That the reference of an index row fits.
pub(super) fn fits(compiler: &mut Compiler<'_>, value: &ReferenceValue, row: &str) -> String {
    let listed = |compiler: &mut Compiler<'_>, texts: &mut dyn Iterator<Item = &str>| {
        let places: Vec<String> = texts.map(|text| compiler.statement.text(&key(text))).collect();
        match &places[..] {
            [place] => format!("= {place}"),
            places => format!("in ({})", places.join(", ")),
        }
    };
    let ids = listed(compiler, &mut value.ids.iter().map(|id| &**id));
    if value.kinds.is_empty() {
        return format!("{row}.target_id {ids}");
    }
    let kinds = listed(compiler, &mut value.kinds.iter().copied());
    format!("({row}.target_id {ids} and {row}.target_type {kinds})")
}
