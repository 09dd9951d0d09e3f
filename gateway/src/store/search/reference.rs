//! References: <https://hl7.org/fhir/R4/search.html#reference>.

use std::sync::Arc;

use consent::{NOBODYS, Predicate};
use mappers::search::query::ReferenceValue;

use super::compiler::{Compiler, Reach};
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
    // A whole address that was ours once is ours still: the index has what it names.
    let bases = Arc::clone(&compiler.bases);
    if let Some((kind, id)) = value.ids.first().filter(|_| value.kinds.is_empty()).and_then(|text| bases.own(text)) {
        let (id, kind) = (compiler.statement.text(&key(id)), compiler.statement.text(kind));
        return format!("({row}.target_id = {id} and {row}.target_type = {kind})");
    }
    let ids = listed(compiler, &mut value.ids.iter().map(|id| &**id));
    if value.kinds.is_empty() {
        return format!("{row}.target_id {ids}");
    }
    let kinds = listed(compiler, &mut value.kinds.iter().copied());
    format!("({row}.target_id {ids} and {row}.target_type {kinds})")
}

/// That a row of the directory refers, at these places, to nothing that Consents hide, or could hide if it were there: what a
/// reference says of such a thing is not shown (F11), and no search finds by it.
pub(super) fn is_told(compiler: &mut Compiler<'_>, paths: &[i32], directory: &str) -> String {
    if !matches!(compiler.permit.predicate(), Predicate::Consents(_)) {
        return "true".to_owned();
    }
    let (row, target) = (compiler.alias("i"), compiler.alias("d"));
    let (at, visible) = (compiler.at(paths, &row, Reach::Row), compiler.visible(&target, &[]));
    let nobodys: Vec<String> = NOBODYS.iter().map(|kind| format!("'{kind}'")).collect();
    // What has a scheme is another server's, but for our own addresses (below them may stand what is no id: a query). One that names nothing
    // has no target.
    let bases = Arc::clone(&compiler.bases);
    let own = bases.iter().map(|base| format!("{base}/")).map(|base| {
        format!(" or substr({row}.target_id, 1, {}) = {}", base.chars().count(), compiler.statement.text(&base))
    });
    let own: String = own.collect();
    format!(
        "not exists (select 1 from index_reference {row} where {row}.rid = {directory}.rid and {at} \
         and {row}.target_type not in ({}) and {row}.target_id <> '' and ({row}.target_id not like '%:%'{}) \
         and not exists (select 1 from directory {target} where {target}.type = {row}.target_type \
         and {target}.id = {row}.target_id and {visible}))",
        nobodys.join(", "),
        own
    )
}
