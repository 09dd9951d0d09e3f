//! Conditions as filters on a row of the directory.

use std::sync::Arc;

use consent::scoped::Deed;
use consent::{Permit, Predicate};
use mappers::references::Bases;
use mappers::search::query::{DateValue, IndexKind, IndexTest, Test, Values};

use super::statement::Statement;
use super::{chain, composite, date, near, quantity, reference, string, token, uri};
use crate::store::condition;
use crate::store::connection::Engine;
use crate::store::consents::predicate::{Breadth, Span, reached_by};
use crate::store::core::Core;
use crate::store::dialect;

/// How index rows are reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reach {
    /// All of the organization's are looked through, by the index that begins with it.
    All,
    /// From the row id of a row that is the organization's: by the index of row ids. (Told the organization, too, SQLite
    /// would rather look through all of a place.)
    Row,
}

/// One statement on its way to SQL.
pub(super) struct Compiler<'a> {
    /// The statement so far.
    pub(super) statement: Statement,
    /// The engine it is for.
    pub(super) engine: Engine,
    /// The placeholder of the permit's organization.
    pub(super) organization: String,
    /// All matches are counted.
    pub(super) counts: bool,
    /// What comes along with matches is wanted, which need not be what may be searched for.
    pub(super) comes_along: bool,
    pub(super) permit: &'a Permit,
    /// What rows must pass: the permit's own, but where all are counted for what is hidden to be subtracted.
    predicate: &'a Predicate,
    /// Where we are served.
    pub(super) bases: Arc<Bases>,
    now_ms: i64,
    aliases: usize,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(core: &Core, permit: &'a Permit) -> Self {
        let mut statement = Statement::default();
        let organization = statement.int(permit.organization().0);
        let (engine, now_ms) = (core.pools.engine(), core.clock.now_ms());
        let (predicate, bases) = (permit.predicate(), core.bases());
        let (counts, comes_along, aliases) = (false, false, 0);
        Self { statement, engine, organization, counts, comes_along, permit, predicate, bases, now_ms, aliases }
    }

    /// Compiles a number of rows of which what the permit hides is subtracted before anybody sees it: as though nothing were
    /// hidden.
    pub(super) fn whatever_is_hidden(&mut self, compile: impl FnOnce(&mut Self) -> String) -> String {
        let predicate = std::mem::replace(&mut self.predicate, &Predicate::Organization);
        let sql = compile(self);
        self.predicate = predicate;
        sql
    }

    /// A name for a table that no other one has.
    pub(super) fn alias(&mut self, prefix: &str) -> String {
        self.aliases += 1;
        format!("{prefix}{}", self.aliases)
    }

    /// That a row of the directory is there and the permit shows it: beside every use of the directory.
    /// It is of one of these types (of any, where there is none).
    pub(super) fn visible(&mut self, directory: &str, kinds: &[&str]) -> String {
        self.visible_of(directory, kinds, self.counts)
    }

    /// The same where all rows that fit are looked at, whatever a page takes of them.
    pub(super) fn visible_among_all(&mut self, directory: &str, kinds: &[&str]) -> String {
        self.visible_of(directory, kinds, true)
    }

    fn visible_of(&mut self, directory: &str, kinds: &[&str], many: bool) -> String {
        let breadth = if many { Breadth::Many(&self.organization) } else { Breadth::Few };
        let (predicate, statement) = (self.predicate, &mut self.statement);
        let shown = condition::predicate(predicate, (directory, kinds), Span::Current, self.engine, breadth, statement);
        let found = match predicate {
            Predicate::Consents(asked) if !self.comes_along => {
                reached_by(asked, Deed::Search, (directory, kinds), statement)
            }
            _ => None,
        };
        let found = found.map_or_else(String::new, |found| format!("{found} and "));
        format!("{directory}.organization_id = {} and {directory}.deleted = 0 and {found}{shown}", self.organization)
    }

    /// That a row of the directory is not shown, of those that Consents may hide.
    pub(super) fn hidden(&mut self, directory: &str, kinds: &[&str]) -> String {
        let shown = self.visible_of(directory, kinds, true);
        format!("not coalesce({shown}, false)")
    }

    /// That a row of the directory is of one of the types; nothing for all types.
    pub(super) fn of_kinds(&mut self, directory: &str, kinds: &[&'static str]) -> String {
        match kinds {
            [] => "true".to_owned(),
            [kind] => format!("{directory}.type = {}", self.statement.text(kind)),
            kinds => {
                let kinds: Vec<String> = kinds.iter().map(|kind| self.statement.text(kind)).collect();
                format!("{directory}.type in ({})", kinds.join(", "))
            }
        }
    }

    /// That a test holds of a row of the directory.
    pub(super) fn holds(&mut self, test: &Test, directory: &str) -> String {
        match test {
            Test::All(tests) => all(tests.iter().map(|test| self.holds(test, directory)).collect()),
            Test::Any(tests) => any(tests.iter().map(|test| self.holds(test, directory)).collect()),
            Test::Chain { paths, targets } => chain::refers(self, paths, targets, directory),
            // What terminology could not tell holds of nothing; the interaction refuses such a search before.
            Test::Codes { .. } => any(Vec::new()),
            Test::Has { kind, paths, test } => chain::referred(self, kind, paths, test, directory),
            Test::Id(ids) => self.ids(ids, directory),
            Test::Index(test) => {
                let row = self.alias("i");
                let (table, condition) = (table(&test.values), self.fits(test, &row, Reach::Row));
                let barrier = self.barrier();
                format!(
                    "exists (select 1 from {table} {row} where {row}.rid = {directory}.rid and {condition}{barrier})"
                )
            }
            Test::LastUpdated(values) => any(values.iter().map(|value| self.updated(value, directory)).collect()),
            Test::Near(values) => near::holds(self, values, directory),
            Test::Not(test) => format!("not {}", self.holds(test, directory)),
            Test::Told(paths) => reference::is_told(self, paths, directory),
            Test::Together(parts) => composite::together(self, parts, directory),
        }
    }

    /// That an index row is one of a place and its value fits.
    pub(super) fn fits(&mut self, test: &IndexTest, row: &str, reach: Reach) -> String {
        let value = match &test.values {
            Values::Any(_) => None,
            Values::Dates(values) => Some(any(values.iter().map(|value| date::fits(self, value, row)).collect())),
            Values::Quantities(values) => {
                Some(any(values.iter().map(|value| quantity::fits(self, value, row)).collect()))
            }
            Values::References(values) => {
                Some(any(values.iter().map(|value| reference::fits(self, value, row)).collect()))
            }
            Values::Strings(values) => Some(any(values.iter().map(|value| string::fits(self, value, row)).collect())),
            Values::Tokens(values) => Some(token::fits(self, values, row)),
            Values::Uris(values) => Some(any(values.iter().map(|value| uri::fits(self, value, row)).collect())),
        };
        let place = self.at(&test.paths, row, reach);
        match value {
            Some(value) => format!("{place} and {value}"),
            None => place,
        }
    }

    /// That an index row is one of a place.
    pub(super) fn at(&self, paths: &[i32], row: &str, reach: Reach) -> String {
        let path = match paths {
            [] => "1 = 0".to_owned(),
            [path] => format!("{row}.path = {path}"),
            paths => {
                let paths: Vec<String> = paths.iter().map(i32::to_string).collect();
                format!("{row}.path in ({})", paths.join(", "))
            }
        };
        match reach {
            Reach::All => format!("{row}.organization_id = {} and {path}", self.organization),
            Reach::Row => path,
        }
    }

    /// Ends a subquery that is asked of each row: the plan has chosen what drives.
    pub(super) fn barrier(&self) -> &'static str {
        dialect::barrier(self.engine)
    }

    /// The time that `ap` is near to.
    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(super) fn ids(&mut self, ids: &[Box<str>], directory: &str) -> String {
        let ids: Vec<String> = ids.iter().map(|id| self.statement.text(id)).collect();
        format!("{directory}.id in ({})", ids.join(", "))
    }

    fn updated(&mut self, value: &DateValue, directory: &str) -> String {
        let ranges = value.ranges(self.now_ms);
        let range = |(from, to): (i64, i64)| {
            let mut ends = Vec::new();
            if from != i64::MIN {
                ends.push(format!("{directory}.updated >= {}", self.statement.int(from)));
            }
            if to != i64::MAX {
                ends.push(format!("{directory}.updated < {}", self.statement.int(to)));
            }
            all(ends)
        };
        any(ranges.into_iter().map(range).collect())
    }
}

/// The table that holds values of a kind.
pub(super) fn table(values: &Values) -> &'static str {
    match values {
        Values::Any(kind) => table_of(*kind),
        Values::Dates(_) => table_of(IndexKind::Date),
        Values::Quantities(_) => table_of(IndexKind::Quantity),
        Values::References(_) => table_of(IndexKind::Reference),
        Values::Strings(_) => table_of(IndexKind::String),
        Values::Tokens(_) | Values::Uris(_) => table_of(IndexKind::Token),
    }
}

/// The table of a kind.
pub(super) fn table_of(kind: IndexKind) -> &'static str {
    match kind {
        IndexKind::Date => "index_date",
        IndexKind::Quantity => "index_quantity",
        IndexKind::Reference => "index_reference",
        IndexKind::String => "index_string",
        IndexKind::Token => "index_token",
    }
}

/// One of them; nothing at all where there is none.
pub(super) fn any(conditions: Vec<String>) -> String {
    joined(conditions, " or ", "1 = 0")
}

/// All of them.
pub(super) fn all(conditions: Vec<String>) -> String {
    joined(conditions, " and ", "1 = 1")
}

fn joined(mut conditions: Vec<String>, word: &str, none: &str) -> String {
    match conditions.len() {
        0 => none.to_owned(),
        1 => format!("({})", conditions.remove(0)),
        _ => format!("({})", conditions.join(word)),
    }
}
