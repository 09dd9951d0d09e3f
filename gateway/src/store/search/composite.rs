//! Values that stand together in one item of a list: <https://hl7.org/fhir/R4/search.html#combining>.

use mappers::search::query::IndexTest;

use super::compiler::{Compiler, Reach, table};

/// That one item of a resource holds all the values.
pub(super) fn together(compiler: &mut Compiler<'_>, parts: &[IndexTest], directory: &str) -> String {
    let (sources, condition, first) = joined(compiler, parts, Reach::Row);
    let barrier = compiler.barrier();
    format!("exists (select 1 from {sources} where {first}.rid = {directory}.rid and {condition}{barrier})")
}

/// The row ids of resources of which one item holds all the values.
pub(super) fn source(compiler: &mut Compiler<'_>, parts: &[IndexTest]) -> String {
    let (sources, condition, first) = joined(compiler, parts, Reach::All);
    format!("select {first}.rid from {sources} where {condition}")
}

/// Index rows of one item: tables, conditions, and the first row's name.
fn joined(compiler: &mut Compiler<'_>, parts: &[IndexTest], reach: Reach) -> (String, String, String) {
    let (mut sources, mut conditions, mut first) = (Vec::new(), Vec::new(), String::new());
    for part in parts {
        let row = compiler.alias("i");
        let fits = compiler.fits(part, &row, if first.is_empty() { reach } else { Reach::Row });
        sources.push(format!("{} {row}", table(&part.values)));
        if first.is_empty() {
            conditions.push(format!("{row}.item > 0"));
            first = row;
        } else {
            conditions.push(format!("{row}.rid = {first}.rid and {row}.item = {first}.item"));
        }
        conditions.push(fits);
    }
    (sources.join(", "), conditions.join(" and "), first)
}
