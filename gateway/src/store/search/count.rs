//! The number of all matches.
//!
//! Nearly all rows have no sensitive label, and few patients a deny that could match one. So where Consents decide, what matches is
//! counted as though there were none, mostly from an index alone; the few rows that they may hide are looked at, and those
//! that they do hide subtracted. Both are of one state.

use consent::Predicate;
use mappers::search::query::IndexTest;

use super::compiler::{Compiler, Reach, table};
use super::plan::Plan;
use super::source;
use super::statement::Statement;
use crate::store::consents::predicate::may_hide;
use crate::store::error::StoreError;
use crate::store::reading::Reading;

/// Counts all matches.
pub(super) async fn count(plan: &Plan<'_>, reading: &mut Reading) -> Result<u64, StoreError> {
    if let Some(Subtraction { all_and_suspects, hidden }) = Subtraction::of(plan) {
        let [all, suspects] = numbers(&all_and_suspects, reading).await?;
        if suspects < all {
            let [hidden] = numbers(&hidden, reading).await?;
            return all.checked_sub(hidden).ok_or(StoreError::Invariant("more matches are hidden than there are"));
        }
    }
    let [shown] = numbers(&counting(plan), reading).await?;
    Ok(shown)
}

/// What [`count`] asks.
pub(super) fn statements(plan: &Plan<'_>) -> Vec<Statement> {
    Subtraction::of(plan).map_or_else(|| vec![counting(plan)], |by| vec![by.all_and_suspects, by.hidden])
}

async fn numbers<const N: usize>(statement: &Statement, reading: &mut Reading) -> Result<[u64; N], StoreError> {
    let row = reading.fetch_optional(&statement.sql, &statement.args()).await?;
    let row = row.ok_or(StoreError::Invariant("a count gave no row"))?;
    Ok(std::array::from_fn(|column| row.int(column).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()))
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

/// How all matches are counted, and those of them that Consents hide.
struct Subtraction {
    /// How many match, and how many rows may be hidden, as far as these are fewer.
    all_and_suspects: Statement,
    /// How many matches are hidden.
    hidden: Statement,
}

impl Subtraction {
    /// `None` where most may be hidden, or where more than a match itself must be shown: what it refers to.
    fn of(plan: &Plan<'_>) -> Option<Self> {
        let tests = &plan.search.tests;
        if !plan.counts_many() || !tests.iter().all(source::is_of_index_rows) {
            return None;
        }
        let mut compiler = Compiler::new(plan.core, plan.permit);
        let each = suspects(plan, &mut compiler)?.join(" union all ");
        let all = compiler.whatever_is_hidden(|compiler| match plan.alone() {
            Some(test) => of_index(test, compiler),
            None => of_rows(plan, compiler),
        });
        compiler.statement.sql = format!(
            "with matching (found) as materialized (select count(*) from ({all}) as found) select found, \
             (select count(*) from (select s.rid from ({each}) as s limit (select found from matching)) as suspects) from matching"
        );
        let all_and_suspects = compiler.statement;
        let mut compiler = Compiler::new(plan.core, plan.permit);
        let once = suspects(plan, &mut compiler)?.join(" union ");
        let mut conditions = vec![compiler.hidden("d", &plan.search.kinds)];
        conditions.extend(tests.iter().map(|test| compiler.holds(test, "d")));
        compiler.statement.sql = format!(
            "select count(*) from ({once}) as s join directory d on d.rid = s.rid where {}",
            conditions.join(" and ")
        );
        Some(Self { all_and_suspects, hidden: compiler.statement })
    }
}

/// Statements that give the row ids of all that Consents may hide of the types that are wanted.
fn suspects(plan: &Plan<'_>, compiler: &mut Compiler<'_>) -> Option<[String; 2]> {
    let Predicate::Consents(asked) = plan.permit.predicate() else { return None };
    let (kinds, organization) = (&plan.search.kinds, compiler.organization.clone());
    let suspicions = may_hide(asked, ("d", kinds), &organization, &mut compiler.statement)?;
    let kinds = compiler.of_kinds("d", kinds);
    let there = format!("d.organization_id = {organization} and d.deleted = 0 and {kinds}");
    Some(suspicions.map(|suspicion| format!("select d.rid from directory d where {there} and {suspicion}")))
}
