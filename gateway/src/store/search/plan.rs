//! What a search is answered from: the one decision about how, none about what.

use std::collections::HashSet;

use consent::Permit;
use mappers::search::Search;
use mappers::search::parameters::{self, Definition};
use mappers::search::query::{IndexTest, SortSource, Test, Values};

use super::compiler::{Compiler, Reach, all, table};
use super::source::{self, Source};
use super::statement::Statement;
use super::{probe, sort};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::reading::Reading;

/// A search with the way it is answered. Whatever the way, the matches and their order are the same.
#[derive(Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) core: &'a Core,
    pub(super) permit: &'a Permit,
    pub(super) search: &'a Search,
    /// What a page is taken from.
    pub(super) drive: Drive,
    /// Conditions that may give few rows, which it is dear to find out: a look at the first rows of the drive may make a page
    /// before ([`Plan::decided`]).
    pub(super) open: bool,
    /// What all matches are counted from.
    pub(super) counted: Drive,
}

/// Where rows come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Drive {
    /// The source of this condition: few rows, put in order afterwards.
    Condition(usize),
    /// The directory, in the order of row ids: it stops when the page is full.
    Directory,
    /// The index of the first key of the order: it stops when the page is full.
    Order,
    /// The index of this condition, whose rows are in the order of row ids: it stops when the page is full.
    Ordered(usize),
}

/// Chooses, after a look at how many rows each condition leaves.
pub(super) async fn choose<'a>(
    core: &'a Core,
    permit: &'a Permit,
    search: &'a Search,
    reading: &mut Reading,
) -> Result<Plan<'a>, StoreError> {
    let plan = |drive, counted| Plan { core, permit, search, drive, open: false, counted };
    let candidates = candidates(search);
    let by_order = match search.sort.first().map(|key| &key.source) {
        // Ids of several types are in no one order.
        Some(SortSource::Id) if search.kinds.len() != 1 => None,
        Some(_) => Some(Drive::Order),
        None => None,
    };
    let by_key = matches!(search.sort.first().map(|key| &key.source), Some(SortSource::Index { .. }));
    let Some(likely) = candidates.iter().copied().min_by_key(|number| source::rank(&search.tests[*number])) else {
        let plan = plan(by_order.unwrap_or(Drive::Directory), Drive::Directory);
        return Ok(Plan { open: by_key, ..plan });
    };
    let ordered = candidates.iter().copied().find(|number| in_order(&search.tests[*number]).is_some());
    if source::rank(&search.tests[likely]) == 0 {
        return Ok(plan(Drive::Condition(likely), Drive::Condition(likely)));
    }
    if let (None, [only], Some(_)) = (by_order, &candidates[..], ordered) {
        return Ok(plan(Drive::Ordered(*only), Drive::Condition(*only)));
    }
    // Those that are told quickly; where there are none, all.
    let quick: Vec<usize> =
        candidates.iter().copied().filter(|number| !probe::is_long(&search.tests[*number])).collect();
    let probed = if quick.is_empty() { &candidates } else { &quick };
    let found = probe::count(core, permit, search, probed, probe::at_first, reading).await?;
    let few = |(number, rows): &(usize, i64)| *rows < probe::at_first(&search.tests[*number]);
    let best = probed.iter().copied().zip(found).filter(few).min_by_key(|(_, rows)| *rows);
    if let Some((best, _)) = best {
        return Ok(plan(Drive::Condition(best), Drive::Condition(best)));
    }
    let drive = by_order.or_else(|| ordered.map(Drive::Ordered)).unwrap_or(Drive::Directory);
    let is_open = |number: &usize| !probed.contains(number) || probe::at_first(&search.tests[*number]) < probe::ENOUGH;
    let open = candidates.iter().any(is_open);
    // The first rows in an order may hold a page, or next to nothing that is wanted: they are looked at.
    let plan = Plan { open: open || by_key, ..plan(drive, Drive::Condition(likely)) };
    // A page of several types, or in the order of times and ids, is in no one index.
    let undecided = plan.open && !by_key && (by_order.is_some() || search.kinds.len() != 1);
    if undecided { plan.decided(reading).await } else { Ok(plan) }
}

/// The tests that have a source.
fn candidates(search: &Search) -> Vec<usize> {
    (0..search.tests.len()).filter(|number| source::can_drive(&search.tests[*number])).collect()
}

/// The ids of the first matches, by no more than what the query says: within a transaction of our own.
pub(crate) fn ids(core: &Core, permit: &Permit, search: &Search, limit: usize) -> Ids {
    let likely = candidates(search).into_iter().min_by_key(|number| source::rank(&search.tests[*number]));
    let drive = likely.map_or(Drive::Directory, Drive::Condition);
    let plan = Plan { core, permit, search, drive, open: false, counted: drive };
    let mut compiler = Compiler::new(core, permit);
    let rows = plan.rows(&mut compiler, drive, &[], "");
    let limit = limited(limit);
    compiler.statement.sql = format!(
        "select d.rid, d.type, d.id from ({rows}) as page join directory d on d.rid = page.rid order by d.rid{limit}"
    );
    Ids(compiler.statement)
}

/// A statement that gives row id, type and id.
pub(crate) struct Ids(Statement);

impl Ids {
    /// Its text.
    pub(crate) fn sql(&self) -> &str {
        &self.0.sql
    }

    /// Its values.
    pub(crate) fn args(&self) -> Vec<crate::store::connection::Arg<'_>> {
        self.0.args()
    }
}

impl Plan<'_> {
    /// The plan after a look at what was left open.
    pub(super) async fn decided(self, reading: &mut Reading) -> Result<Self, StoreError> {
        if !self.open {
            return Ok(self);
        }
        let candidates = candidates(self.search);
        if candidates.is_empty() {
            return Ok(Self { open: false, ..self });
        }
        let enough = if self.drive == Drive::Order { probe::ENOUGH_IN_ORDER } else { probe::ENOUGH };
        let found = probe::count(self.core, self.permit, self.search, &candidates, |_| enough, reading).await?;
        let best = candidates.into_iter().zip(found).min_by_key(|(_, rows)| *rows);
        let drive = match best {
            Some((best, rows)) if rows < enough => Drive::Condition(best),
            _ => self.drive,
        };
        Ok(Self { drive, open: false, ..self })
    }

    /// A statement that gives `rid` of every match, each once, and `keys`; `bound` is one more condition on the directory
    /// row `d`. Not for [`Drive::Order`]. [`Plan::rid`] is what they are in the order of.
    pub(super) fn rows(&self, compiler: &mut Compiler<'_>, drive: Drive, keys: &[String], bound: &str) -> String {
        let mut select = "d.rid as rid".to_owned();
        for (number, key) in keys.iter().enumerate() {
            select.push_str(&format!(", {key} as k{number}"));
        }
        let join = dialect::join_in_order(compiler.engine);
        match drive {
            Drive::Directory | Drive::Order => {
                let conditions = self.conditions(compiler);
                format!("select {select} from directory d where {conditions}{bound}")
            }
            Drive::Condition(number) => {
                let test = &self.search.tests[number];
                let Some(Source { sql, is_exact }) = source::of(compiler, &self.search.kinds, test) else {
                    return self.rows(compiler, Drive::Directory, keys, bound);
                };
                let (early, conditions) = self.parted(compiler, is_exact.then_some(number), "x");
                let barrier = dialect::barrier(compiler.engine);
                format!(
                    "select {select} from (select distinct x.rid from ({sql}) as x where {early}{barrier}) as s \
                     {join} directory d on d.rid = s.rid where {conditions}{bound}"
                )
            }
            Drive::Ordered(number) => {
                let Some((test, is_all)) = in_order(&self.search.tests[number]) else {
                    return self.rows(compiler, Drive::Condition(number), keys, bound);
                };
                let fits = compiler.fits(test, "i", Reach::All);
                let (early, conditions) = self.parted(compiler, is_all.then_some(number), "i");
                // By the index's own column, whose rows come in that order; keys of the directory's row come with that row.
                let (select, group) =
                    if keys.is_empty() { ("i.rid as rid", "i.rid") } else { (select.as_str(), "d.rid") };
                format!(
                    "select {select} from {} i {join} directory d on d.rid = i.rid where {fits} and {early} and {conditions}{bound} \
                     group by {group}",
                    table(&test.values)
                )
            }
        }
    }

    /// The row id, as the drive has it in order.
    pub(super) fn rid(&self) -> &'static str {
        if matches!(self.drive, Drive::Ordered(_)) { "i.rid" } else { "d.rid" }
    }

    /// A statement that gives the row id of the last of so many rows that the drive comes to first; no row where there are
    /// fewer.
    pub(super) fn horizon(&self, compiler: &mut Compiler<'_>, rows: usize, bound: &str) -> String {
        let from = match self.drive {
            Drive::Ordered(number) if let Some((test, _)) = in_order(&self.search.tests[number]) => {
                let fits = compiler.fits(test, "i", Reach::All);
                format!("select i.rid from {} i where {fits}{bound} order by i.rid", table(&test.values))
            }
            _ => {
                let (visible, kinds) =
                    (compiler.visible("d", &self.search.kinds), compiler.of_kinds("d", &self.search.kinds));
                format!("select d.rid from directory d where {visible} and {kinds}{bound} order by d.rid")
            }
        };
        format!("{from} limit 1 offset {}", rows - 1)
    }

    /// The one condition, where its index rows alone are the matches for whoever is shown all of the organization's: they are of
    /// resources that are there and of the one type that is wanted.
    pub(super) fn alone(&self) -> Option<&IndexTest> {
        let ([Test::Index(test)], [kind]) = (&self.search.tests[..], &self.search.kinds[..]) else { return None };
        let own = parameters::supported(Some(kind)).filter(|definition| !definition.is_common());
        let places: HashSet<i32> = own.flat_map(Definition::index_paths).collect();
        let all = test.paths.iter().all(|path| places.contains(path));
        all.then_some(test)
    }

    /// Whether what is counted may be a large part of all that there is.
    pub(super) fn counts_many(&self) -> bool {
        match self.counted {
            // An id, or what refers to a resource.
            Drive::Condition(number) => source::rank(&self.search.tests[number]) > 1,
            _ => true,
        }
    }

    /// What holds of every match's row `d`: it is visible, of a type that is wanted, and every test holds.
    pub(super) fn conditions(&self, compiler: &mut Compiler<'_>) -> String {
        let mut conditions =
            vec![compiler.visible("d", &self.search.kinds), compiler.of_kinds("d", &self.search.kinds)];
        conditions.extend(self.others(None).map(|test| compiler.holds(test, "d")));
        conditions.join(" and ")
    }

    /// As [`Plan::conditions`], but for one test that holds already, in two parts: what index rows tell of the row id of
    /// `row`, which is asked before the directory is looked at, and the rest of `d`.
    pub(super) fn parted(&self, compiler: &mut Compiler<'_>, but: Option<usize>, row: &str) -> (String, String) {
        let (early, late): (Vec<&Test>, Vec<&Test>) = self.others(but).partition(|test| source::is_of_index_rows(test));
        let early = all(early.into_iter().map(|test| compiler.holds(test, row)).collect());
        let mut conditions =
            vec![compiler.visible("d", &self.search.kinds), compiler.of_kinds("d", &self.search.kinds)];
        conditions.extend(late.into_iter().map(|test| compiler.holds(test, "d")));
        (early, conditions.join(" and "))
    }

    /// The tests but one; what is quickest to tell comes first.
    fn others(&self, but: Option<usize>) -> impl Iterator<Item = &Test> + use<'_> {
        let tests = self.search.tests.iter().enumerate();
        let mut tests: Vec<&Test> = tests.filter(|(number, _)| Some(*number) != but).map(|(_, test)| test).collect();
        tests.sort_by_key(|test| source::rank(test));
        tests.into_iter()
    }
}

impl std::fmt::Display for Plan<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = if self.search.kinds.is_empty() { "all types".to_owned() } else { self.search.kinds.join(", ") };
        writeln!(out, "matches: {kinds}")?;
        for (number, test) in self.search.tests.iter().enumerate() {
            let drives = match self.drive {
                Drive::Condition(driver) | Drive::Ordered(driver) if driver == number => "drives",
                _ => "filters",
            };
            writeln!(out, "  {drives}: {test:?}")?;
        }
        let from = match self.drive {
            Drive::Condition(_) => "the rows of one condition, put in order",
            Drive::Directory => "all of the type, in the order of their creation, until the page is full",
            Drive::Order => "the index of the first key of the order, until the page is full",
            Drive::Ordered(_) => "the rows of one condition, which are in order, until the page is full",
        };
        writeln!(out, "from: {from}")?;
        writeln!(out, "order: {}", sort::told(&self.search.sort))
    }
}

/// What of a condition has its index rows in the order of row ids, and whether that is all of it.
fn in_order(test: &Test) -> Option<(&IndexTest, bool)> {
    let is_in_order = |test: &IndexTest| {
        test.paths.len() == 1
            && matches!(&test.values, Values::Tokens(values) if values.len() == 1 && values[0].code.is_some())
    };
    match test {
        Test::Index(test) => Some((test, true)).filter(|(test, _)| is_in_order(test)),
        Test::Together(parts) => parts.first().filter(|test| is_in_order(test)).map(|test| (test, false)),
        _ => None,
    }
}

/// ` limit n`: as a number, for a plan that is made once for all limits is made for none.
pub(super) fn limited(limit: usize) -> String {
    format!(" limit {limit}")
}
