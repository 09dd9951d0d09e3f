//! Conditions as sources: statements that give the row ids of what they hold of.

use mappers::search::query::{IndexKind, Test, Values};

use super::compiler::{Compiler, Reach, table};
use super::{chain, composite, near};

/// Row ids; one may come several times, and some may be of other types or hidden.
pub(super) struct Source {
    /// `select rid from ...`
    pub(super) sql: String,
    /// The condition holds of all of them (else it must be asked of each).
    pub(super) is_exact: bool,
}

/// The source of a test on resources of some types (empty = all); `None` where only looking at every resource tells.
pub(super) fn of(compiler: &mut Compiler<'_>, kinds: &[&'static str], test: &Test) -> Option<Source> {
    let exact = |sql| Some(Source { sql, is_exact: true });
    match test {
        Test::All(tests) => {
            let best = tests.iter().filter(|test| can_drive(test)).min_by_key(|test| rank(test))?;
            let Source { sql, is_exact } = of(compiler, kinds, best)?;
            Some(Source { sql, is_exact: is_exact && tests.len() == 1 })
        }
        Test::Any(tests) => {
            let sources: Option<Vec<Source>> = tests.iter().map(|test| of(compiler, kinds, test)).collect();
            let sources = sources.filter(|sources| !sources.is_empty())?;
            let is_exact = sources.iter().all(|source| source.is_exact);
            let sql: Vec<String> = sources.into_iter().map(|source| source.sql).collect();
            Some(Source { sql: sql.join(" union all "), is_exact })
        }
        Test::Chain { paths, targets } => exact(chain::source_of_chain(compiler, paths, targets)?),
        Test::Has { kind, paths, test } => exact(chain::source_of_has(compiler, kind, paths, test)?),
        Test::Id(ids) => {
            let (row, organization) = (compiler.alias("d"), compiler.organization.clone());
            let (kind, ids) = (compiler.of_kinds(&row, kinds), compiler.ids(ids, &row));
            exact(format!(
                "select {row}.rid from directory {row} where {row}.organization_id = {organization} and {kind} and {ids}"
            ))
        }
        Test::Index(test) => {
            let row = compiler.alias("i");
            let fits = compiler.fits(test, &row, Reach::All);
            exact(format!("select {row}.rid from {} {row} where {fits}", table(&test.values)))
        }
        Test::LastUpdated(_) => {
            let (row, organization) = (compiler.alias("d"), compiler.organization.clone());
            let (kind, times) = (compiler.of_kinds(&row, kinds), compiler.holds(test, &row));
            exact(format!(
                "select {row}.rid from directory {row} where {row}.organization_id = {organization} and {kind} and {times}"
            ))
        }
        Test::Near(values) => exact(near::source(compiler, values)),
        Test::Together(parts) => exact(composite::source(compiler, parts)),
        Test::Codes { .. } | Test::Not(_) | Test::Told(_) => None,
    }
}

/// Whether a test has a source.
pub(super) fn can_drive(test: &Test) -> bool {
    match test {
        Test::All(tests) => tests.iter().any(can_drive),
        Test::Any(tests) => !tests.is_empty() && tests.iter().all(can_drive),
        Test::Chain { targets, .. } => targets.iter().all(|(_, test)| can_drive(test)),
        Test::Has { test, .. } => can_drive(test),
        Test::Codes { .. } | Test::Not(_) | Test::Told(_) => false,
        Test::Id(_) | Test::Index(_) | Test::LastUpdated(_) | Test::Near(_) | Test::Together(_) => true,
    }
}

/// Whether index rows with a row id tell whether a test holds of it: the directory has no part in it.
pub(super) fn is_of_index_rows(test: &Test) -> bool {
    match test {
        Test::All(tests) | Test::Any(tests) => tests.iter().all(is_of_index_rows),
        Test::Index(_) | Test::Near(_) | Test::Together(_) => true,
        Test::Not(test) => is_of_index_rows(test),
        Test::Chain { .. }
        | Test::Codes { .. }
        | Test::Has { .. }
        | Test::Id(_)
        | Test::LastUpdated(_)
        | Test::Told(_) => false,
    }
}

/// How many rows a condition usually leaves: the least drives, where nothing better is known.
pub(super) fn rank(test: &Test) -> usize {
    match test {
        Test::Id(_) => 0,
        Test::Index(test) => match &test.values {
            Values::References(_) => 1,
            Values::Tokens(values) if values.iter().all(|value| value.code.is_some()) => 2,
            Values::Uris(_) | Values::Tokens(_) => 3,
            Values::Strings(_) => 4,
            Values::Dates(_) | Values::Quantities(_) => 5,
            Values::Any(IndexKind::Reference) => 7,
            Values::Any(_) => 8,
        },
        Test::Near(_) | Test::Together(_) => 3,
        Test::All(tests) => tests.iter().filter(|test| can_drive(test)).map(rank).min().unwrap_or(9),
        Test::Any(tests) => tests.iter().map(rank).max().unwrap_or(9),
        Test::Has { test, .. } => 3 + rank(test),
        Test::Chain { targets, .. } => 3 + targets.iter().map(|(_, test)| rank(test)).max().unwrap_or(6),
        Test::LastUpdated(_) => 6,
        Test::Codes { .. } | Test::Not(_) | Test::Told(_) => 9,
    }
}
