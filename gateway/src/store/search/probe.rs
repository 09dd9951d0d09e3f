//! How many rows each condition leaves, counted as far as it matters. It decides how a page is made, never what is on it.

use consent::Permit;
use mappers::search::query::Values;
use mappers::search::{Search, Test};

use super::compiler::Compiler;
use super::source;
use crate::store::core::Core;
use crate::store::error::StoreError;
use crate::store::reading::Reading;

/// So many rows are no longer few.
pub(super) const ENOUGH: i64 = 2000;
/// The same where the alternative is to walk through an order that holds few of them.
pub(super) const ENOUGH_IN_ORDER: i64 = 16_384;
/// The same at a first look, where each row must be joined to be counted.
const FEW: i64 = 64;

/// So many rows of a test are counted before anything else is tried.
pub(super) fn at_first(test: &Test) -> i64 {
    match test {
        Test::All(tests) | Test::Any(tests) => tests.iter().map(at_first).min().unwrap_or(ENOUGH),
        Test::Chain { .. } | Test::Has { .. } | Test::Near(_) | Test::Together(_) => FEW,
        _ => ENOUGH,
    }
}

/// Whether most of an index may have to be looked through to tell how few rows a test leaves: numbers above a bound are in the
/// order of their lower ends.
pub(super) fn is_long(test: &Test) -> bool {
    match test {
        Test::All(tests) | Test::Any(tests) => tests.iter().any(is_long),
        Test::Index(test) => matches!(&test.values, Values::Quantities(_)),
        _ => false,
    }
}

/// The rows of each candidate's source, at most as many as `most` says of its test. Where the likeliest one has few, the
/// others are not counted much further than that.
pub(super) async fn count(
    core: &Core,
    permit: &Permit,
    search: &Search,
    candidates: &[usize],
    most: impl Fn(&Test) -> i64,
    reading: &mut Reading,
) -> Result<Vec<i64>, StoreError> {
    let mut compiler = Compiler::new(core, permit);
    let likeliest = candidates.iter().copied().min_by_key(|number| source::rank(&search.tests[*number]));
    let enough = likeliest.map_or(ENOUGH, |number| most(&search.tests[number]));
    let (mut first, mut counts) = (String::new(), Vec::new());
    for number in candidates {
        let test = &search.tests[*number];
        let source = source::of(&mut compiler, &search.kinds, test);
        let source = source.map_or_else(|| "select 0 as rid".to_owned(), |source| source.sql);
        let counted =
            |limit: &str| format!("(select count(*) from (select x.rid from ({source}) as x limit {limit}) as y)");
        let most = most(test);
        if Some(*number) == likeliest {
            first = counted(&most.to_string());
            counts.push("(select found from likeliest)".to_owned());
        } else {
            counts.push(counted(&format!(
                "(select case when found < {enough} and found < {most} then found + 1 else {most} end from likeliest)"
            )));
        }
    }
    // The organization is in every source; a statement that has none of them still has to use its placeholder.
    let (counts, organization) = (counts.join(", "), &compiler.organization);
    let sql = format!(
        "with likeliest (found) as materialized (select {first}) select {counts} where {organization} = {organization}"
    );
    let row = reading.fetch_optional(&sql, &compiler.statement.args()).await?;
    let count = |column| row.as_ref().and_then(|row| row.int(column)).unwrap_or(ENOUGH);
    Ok((0..candidates.len()).map(count).collect())
}
