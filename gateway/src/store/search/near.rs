//! Places near another one: <https://hl7.org/fhir/R4/location.html#search>. The index of one coordinate gives a thin slice of the
//! Earth, those of the others cut it to a box, and the chord tells exactly.

use mappers::search::position;
use mappers::search::query::NearValue;

use super::compiler::{Compiler, Reach, any};
use crate::store::dialect;

/// That a resource is near.
pub(super) fn holds(compiler: &mut Compiler<'_>, values: &[NearValue], directory: &str) -> String {
    let mut conditions = Vec::new();
    for value in values {
        let (from, condition, first) = joined(compiler, value, Reach::Row);
        let barrier = compiler.barrier();
        conditions.push(format!(
            "exists (select 1 from {from} where {first}.rid = {directory}.rid and {condition}{barrier})"
        ));
    }
    any(conditions)
}

/// The row ids of what is near.
pub(super) fn source(compiler: &mut Compiler<'_>, values: &[NearValue]) -> String {
    let mut sources = Vec::new();
    for value in values {
        let (from, condition, first) = joined(compiler, value, Reach::All);
        sources.push(format!("select {first}.rid from {from} where {condition}"));
    }
    sources.join(" union all ")
}

/// The rows of the coordinates, latitude first: tables, conditions, and the first one's name.
fn joined(compiler: &mut Compiler<'_>, value: &NearValue, reach: Reach) -> (String, String, String) {
    let join = dialect::join_in_order(compiler.engine);
    let (mut from, mut conditions, mut squares, mut first) = (String::new(), Vec::new(), Vec::new(), String::new());
    for (path, at) in position::places().into_iter().zip(value.point).rev() {
        let row = compiler.alias("i");
        let (low, high) = (compiler.statement.real(at - value.chord), compiler.statement.real(at + value.chord));
        let at = compiler.statement.real(at);
        let within = format!("{row}.low >= {low} and {row}.low <= {high}");
        squares.push(format!("({row}.low - {at}) * ({row}.low - {at})"));
        if first.is_empty() {
            let place = compiler.at(&[path], &row, reach);
            from = format!("index_quantity {row}");
            conditions.push(format!("{place} and {within}"));
            first = row;
        } else {
            from.push_str(&format!(
                " {join} index_quantity {row} on {row}.rid = {first}.rid and {row}.path = {path} and {within}"
            ));
        }
    }
    let most = compiler.statement.real(value.chord * value.chord);
    conditions.push(format!("{} <= {most}", squares.join(" + ")));
    (from, conditions.join(" and "), first)
}
