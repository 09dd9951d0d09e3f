//! The number of all matches.
//!
//! Nearly all rows have no sensitive label, and few patients a deny that could match one. So where Consents decide, what matches is
//! counted as though there were none, mostly from an index alone; the few rows that they may hide are looked at, and those
//! that they do hide subtracted. Both are of one state.

use consent::Predicate;
use mappers::search::query::IndexTest;

use super::compiler::{Compiler, Reach, all, table};
use super::plan::Plan;
use super::source;
use super::statement::Statement;
use crate::store::connection::Row;
use crate::store::consents::predicate::may_hide;
use crate::store::error::StoreError;
use crate::store::reading::Reading;

/// Counts all matches.
pub(super) async fn count(plan: &Plan<'_>, reading: &mut Reading) -> Result<u64, StoreError> {
    let Some(subtraction) = subtraction(plan) else {
        let row = numbers(&counting(plan), reading).await?;
        return Ok(number(&row, 0).unwrap_or_default());
    };
    let row = numbers(&subtraction, reading).await?;
    let (all, hidden) = (number(&row, 0).unwrap_or_default(), number(&row, 1));
    if let Some(hidden) = hidden {
        return all.checked_sub(hidden).ok_or(StoreError::Invariant("more matches are hidden than there are"));
    }
    let row = numbers(&counting(plan), reading).await?;
    Ok(number(&row, 0).unwrap_or_default())
}

/// What [`count`] asks.
pub(super) fn statement(plan: &Plan<'_>) -> Statement {
    subtraction(plan).unwrap_or_else(|| counting(plan))
}

async fn numbers(statement: &Statement, reading: &mut Reading) -> Result<Row, StoreError> {
    let row = reading.fetch_optional(&statement.sql, &statement.args()).await?;
    row.ok_or(StoreError::Invariant("a count gave no row"))
}

fn number(row: &Row, column: usize) -> Option<u64> {
    row.int(column).and_then(|number| u64::try_from(number).ok())
}

/// Counts what the permit shows.
fn counting(plan: &Plan<'_>) -> Statement {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let alone = plan.alone().filter(|_| plan.permit.predicate().is_unrestricted());
    let rows = alone.map(|test| of_index(test, &mut compiler)).unwrap_or_else(|| of_rows(plan, &mut compiler));
    compiler.statement.sql = format!("select count(*) from ({rows}) as found");
    compiler.statement
}

/// The matches of a test, by its index rows alone.
fn of_index(test: &IndexTest, compiler: &mut Compiler<'_>) -> String {
    let fits = compiler.fits(test, "i", Reach::All);
    format!("select i.rid from {} i where {fits} group by i.rid", table(&test.values))
}

fn of_rows(plan: &Plan<'_>, compiler: &mut Compiler<'_>) -> String {
    compiler.counts = plan.counts_many();
    plan.rows(compiler, plan.counted, &[], "")
}

/// Counts all matches, and those of them that Consents hide; null for these where more rows may be hidden than match. `None` where
/// most may be hidden, or where more than a match itself must be shown: what it refers to.
fn subtraction(plan: &Plan<'_>) -> Option<Statement> {
    let tests = &plan.search.tests;
    if !plan.counts_many() || !tests.iter().all(source::is_of_index_rows) {
        return None;
    }
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let each = suspects(plan, &mut compiler, "true")?.join(" union all ");
    let hidden = compiler.hidden("d", &plan.search.kinds);
    let once = suspects(plan, &mut compiler, &hidden)?.join(" union ");
    let matching = compiler.whatever_is_hidden(|compiler| match plan.alone() {
        Some(test) => of_index(test, compiler),
        None => of_rows(plan, compiler),
    });
    // Few are hidden: what is hidden is asked before the tests are.
    let (tests, barrier) = (all(tests.iter().map(|test| compiler.holds(test, "h")).collect()), compiler.barrier());
    compiler.statement.sql = format!(
        "with matching (found) as materialized (select count(*) from ({matching}) as found), \
         suspects (found) as materialized \
         (select count(*) from (select s.rid from ({each}) as s limit (select found from matching)) as found) \
         select m.found, case when s.found < m.found then \
         (select count(*) from (select s.rid from ({once}) as s{barrier}) as h where {tests}) end \
         from matching m cross join suspects s"
    );
    Some(compiler.statement)
}

/// Statements that give the row ids of all that Consents may hide of the types that are wanted, and `such` rows (`d`).
fn suspects(plan: &Plan<'_>, compiler: &mut Compiler<'_>, such: &str) -> Option<[String; 2]> {
    let Predicate::Consents(asked) = plan.permit.predicate() else { return None };
    let (kinds, organization) = (&plan.search.kinds, compiler.organization.clone());
    let suspicions = may_hide(asked, ("d", kinds), &organization, &mut compiler.statement)?;
    let kinds = compiler.of_kinds("d", kinds);
    let there = format!("d.organization_id = {organization} and d.deleted = 0 and {kinds}");
    Some(suspicions.map(|suspicion| format!("select d.rid from directory d where {there} and {suspicion} and {such}")))
}
