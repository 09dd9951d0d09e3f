//! The latest of each kind of observation: `Observation/$lastn`
//! (<https://hl7.org/fhir/R4/observation-operation-lastn.html>), over the matches of a search.
//!
//! Codings that stand in one code mean the same, and so on from code to code (R4: the transitive property of equality). The
//! database tells which codings stand together and, for each coding alone, its latest matches: the latest of a group of
//! codings are among the latest of its codings. So what comes to us does not grow with the record, and what is left to do here
//! is to join the groups. Codes in words only are groups by their text.

use std::collections::HashMap;

use consent::Permit;
use mappers::search::query::IndexKind;
use mappers::search::{Search, parameters};

use super::compiler::{Compiler, Reach, table_of};
use super::plan::{self, Plan};
use super::statement::Statement;
use super::{include, of_keys, page, sort, version};
use crate::store::Store;
use crate::store::connection::Row;
use crate::store::custom;
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::reading::Reading;
use crate::store::types::{SearchPage, Version};

/// The most observations of one answer.
const MOST: usize = 2000;
/// The most rows that one of the statements may give: codings and their latest matches, and pairs of codings.
const ROWS: usize = 20_000;
const KIND: &str = "Observation";

impl Store {
    /// Of each group of codes among the matches (Observations) the `max` latest, and all that are as late as the last of
    /// them; groups by their latest, latest first. `None` where there are more than one answer may hold.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn lastn(&self, permit: &Permit, search: &Search, max: usize) -> Result<Option<SearchPage>, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        custom::confirm(self.core(), permit, &search.custom, &mut reading).await?;
        let plan = plan::choose(self.core(), permit, search, &mut reading).await?;
        let mut read = Vec::new();
        for statement in statements(&plan, max) {
            let rows = reading.fetch(&statement.sql, &statement.args()).await?;
            if rows.len() > ROWS {
                reading.finish();
                return Ok(None);
            }
            read.push(rows);
        }
        let [coded, pairs, worded] = &read[..] else { return Err(StoreError::Invariant("three statements")) };
        let mut groups = Groups::default();
        let text = |row: &Row, at| Box::<str>::from(row.text(at).unwrap_or_default());
        for row in pairs {
            groups.join(Code::Coding(text(row, 0), text(row, 1)), Code::Coding(text(row, 2), text(row, 3)));
        }
        let mut matches: HashMap<i64, Match> = HashMap::new();
        for row in coded {
            let rid = row.int(0).unwrap_or_default();
            let group = groups.of(Code::Coding(text(row, 2), text(row, 3)));
            matches.insert(rid, Match { group, at: row.int(1), rid });
        }
        for row in worded {
            let rid = row.int(0).unwrap_or_default();
            // Without code and words it is like no other.
            let code = row.text(2).map_or(Code::None(rid), |text| Code::Text(text.into()));
            matches.insert(rid, Match { group: groups.of(code), at: row.int(1), rid });
        }
        let rids = latest(matches.into_values(), max);
        if rids.len() > MOST {
            reading.finish();
            return Ok(None);
        }
        let mut page = SearchPage { total: u64::try_from(rids.len()).ok(), ..SearchPage::default() };
        let matches = versions(&plan, &rids, &mut reading).await?;
        let mut included = Vec::new();
        if !search.includes.is_empty() {
            let found = include::fetch(&plan, &rids, &mut reading).await?;
            (included, page.cut) = (found.versions, found.cut);
        }
        self.confirm(permit, &mut reading, &matches, &included).await?;
        self.show(&mut page, permit, &mut reading, matches, included).await?;
        reading.finish();
        Ok(Some(page))
    }

    /// How [`Store::lastn`] would be answered: its statements, and what the database says of each.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn explain_lastn(&self, permit: &Permit, search: &Search, max: usize) -> Result<String, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        custom::confirm(self.core(), permit, &search.custom, &mut reading).await?;
        let plan = plan::choose(self.core(), permit, search, &mut reading).await?;
        let mut out = plan.to_string();
        for statement in statements(&plan, max) {
            out.push('\n');
            out.push_str(&page::told(self.core(), &statement, &mut reading).await?);
        }
        let mut compiler = Compiler::new(self.core(), permit);
        let sql = of_keys(&mut compiler, &[KIND]);
        let explained = dialect::explain(compiler.engine, &sql);
        let rows = reading.fetch_by_rids(&explained, &compiler.statement.args(), &page::SOME_ROWS).await?;
        out.push_str(&format!("\n{sql}\n{}", page::plan_of(&rows)));
        reading.finish();
        Ok(out)
    }
}

/// What an observation says it is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Code {
    /// System and code.
    Coding(Box<str>, Box<str>),
    /// Nothing.
    None(i64),
    /// Words.
    Text(Box<str>),
}

struct Match {
    group: usize,
    /// When it took effect; `None` where it does not say.
    at: Option<i64>,
    rid: i64,
}

/// Codes that mean the same.
#[derive(Default)]
struct Groups {
    numbers: HashMap<Code, usize>,
    /// The group that each was joined to; itself for the head of a group.
    heads: Vec<usize>,
}

impl Groups {
    fn of(&mut self, code: Code) -> usize {
        let next = self.heads.len();
        let number = *self.numbers.entry(code).or_insert(next);
        if number == next {
            self.heads.push(next);
        }
        self.head(number)
    }

    fn join(&mut self, one: Code, other: Code) {
        let (one, other) = (self.of(one), self.of(other));
        self.heads[one.max(other)] = one.min(other);
    }

    fn head(&mut self, mut number: usize) -> usize {
        while self.heads[number] != number {
            self.heads[number] = self.heads[self.heads[number]];
            number = self.heads[number];
        }
        number
    }
}

/// The latest of each group, group by group. What does not say when comes last, and is as late as all else that does not.
fn latest(matches: impl Iterator<Item = Match>, max: usize) -> Vec<i64> {
    let mut groups: HashMap<usize, Vec<Match>> = HashMap::new();
    for found in matches {
        groups.entry(found.group).or_default().push(found);
    }
    let mut groups: Vec<Vec<Match>> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_unstable_by_key(|found| (std::cmp::Reverse(found.at), found.rid));
        let last = group.get(max - 1).map(|last| last.at);
        if let Some(last) = last {
            group.retain(|found| found.at >= last);
        }
    }
    groups.sort_unstable_by_key(|group| group.first().map(|first| (std::cmp::Reverse(first.at), first.rid)));
    groups.into_iter().flatten().map(|found| found.rid).collect()
}

/// Matches by coding: row id, time, coding. Pairs of codings that stand together. Matches without a coding: row id, time,
/// words.
fn statements(plan: &Plan<'_>, max: usize) -> [Statement; 3] {
    [coded(plan, max), pairs(plan), worded(plan, max)]
}

fn coded(plan: &Plan<'_>, max: usize) -> Statement {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let time = time(&mut compiler);
    let rows = plan.rows(&mut compiler, plan.counted, &[time], "");
    let at = compiler.at(&places("code"), "i", Reach::Row);
    let join = dialect::join_in_order(compiler.engine);
    compiler.statement.sql = format!(
        "select c.rid, c.k0, c.system, c.code from (select m.rid, m.k0, i.system, i.code, \
         rank() over (partition by i.system, i.code order by m.k0 desc nulls last) as place \
         from ({rows}) as m {join} index_token i on i.rid = m.rid where {at}) as c where c.place <= {max} limit {}",
        ROWS + 1
    );
    compiler.statement
}

fn pairs(plan: &Plan<'_>) -> Statement {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let rows = plan.rows(&mut compiler, plan.counted, &[], "");
    let code = places("code");
    let (a, b) = (compiler.at(&code, "ia", Reach::Row), compiler.at(&code, "ib", Reach::Row));
    let join = dialect::join_in_order(compiler.engine);
    compiler.statement.sql = format!(
        "select distinct ia.system, ia.code, ib.system, ib.code from ({rows}) as m {join} index_token ia on ia.rid = m.rid \
         {join} index_token ib on ib.rid = m.rid where {a} and {b} and (ia.system, ia.code) < (ib.system, ib.code) limit {}",
        ROWS + 1
    );
    compiler.statement
}

fn worded(plan: &Plan<'_>, max: usize) -> Statement {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let time = time(&mut compiler);
    let at = compiler.at(&places("code"), "ic", Reach::Row);
    let barrier = compiler.barrier();
    let bare = format!(" and not exists (select 1 from index_token ic where ic.rid = d.rid and {at}{barrier})");
    let rows = plan.rows(&mut compiler, plan.counted, &[time, "d.version".to_owned()], &bare);
    // Only of these a body is looked into: the index does not tell the words of a code from those beside its codings.
    let text = dialect::text_in_json(compiler.engine, "v.body", &["code", "text"]);
    let join = dialect::join_in_order(compiler.engine);
    compiler.statement.sql = format!(
        "select c.rid, c.k0, c.words from (select w.rid, w.k0, w.words, \
         rank() over (partition by w.words order by w.k0 desc nulls last) as place \
         from (select m.rid, m.k0, {text} as words from ({rows}) as m {join} resource_versions v \
         on v.rid = m.rid and v.version = m.k1) as w) as c where c.place <= {max} or c.words is null limit {}",
        ROWS + 1
    );
    compiler.statement
}

/// When an observation took effect: its start, as an order by `-date` has it, or of a period that has none its end. By its
/// start, which is open, it would be the oldest of all.
fn time(compiler: &mut Compiler<'_>) -> String {
    let row = compiler.alias("o");
    let at = compiler.at(&places("date"), &row, Reach::Row);
    let (column, table) = (sort::column(IndexKind::Date), table_of(IndexKind::Date));
    // The least number has no literal of its own in either engine; `high` is just past the last instant.
    format!(
        "(select max(case when {row}.{column} < -{most} and {row}.high < {most} then {row}.high - 1 else {row}.{column} end) \
         from {table} {row} where {row}.rid = d.rid and {at})",
        most = i64::MAX
    )
}

fn places(name: &str) -> Vec<i32> {
    let definition = parameters::definition(KIND, name);
    definition.map(|definition| definition.index_paths().collect()).unwrap_or_default()
}

/// The versions of these rows, in this order, by their row ids.
async fn versions(plan: &Plan<'_>, rids: &[i64], reading: &mut Reading) -> Result<Vec<(i64, Version)>, StoreError> {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let sql = of_keys(&mut compiler, &[KIND]);
    let places: HashMap<i64, usize> = rids.iter().enumerate().map(|(place, rid)| (*rid, place)).collect();
    let mut found = Vec::with_capacity(rids.len());
    for row in reading.fetch_by_rids(&sql, &compiler.statement.args(), rids).await? {
        let place = row.int(0).and_then(|rid| places.get(&rid)).copied().unwrap_or(usize::MAX);
        found.push((place, version(plan.permit, &row, 1)?));
    }
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(place, version)| (rids.get(place).copied().unwrap_or_default(), version)).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn coding(code: &str) -> Code {
        Code::Coding("".into(), code.into())
    }

    /// Groups of observations a, b and c, whose codes are these.
    fn groups(codes: [&[&str]; 3]) -> usize {
        let mut groups = Groups::default();
        for codings in codes {
            for (place, one) in codings.iter().enumerate() {
                codings[place..].iter().for_each(|other| groups.join(coding(one), coding(other)));
            }
        }
        codes.iter().map(|codings| groups.of(coding(codings[0]))).collect::<HashSet<_>>().len()
    }

    #[test]
    fn groups_are_those_of_the_standards_table() {
        assert_eq!(groups([&["a"], &["b"], &["c"]]), 3);
        assert_eq!(groups([&["a"], &["b"], &["a", "c"]]), 2);
        assert_eq!(groups([&["a"], &["b"], &["a", "b"]]), 1);
        let mut words = Groups::default();
        let of = ["textM", "Text", "t e x t"].map(|text| words.of(Code::Text(text.into())));
        assert_eq!(HashSet::from(of).len(), 3);
    }

    #[test]
    fn ties_come_along_and_what_says_no_time_comes_last() {
        let found = |group, at, rid| Match { group, at, rid };
        let all = || {
            [
                found(0, Some(1), 1),
                found(0, Some(3), 2),
                found(0, Some(3), 3),
                found(0, Some(2), 4),
                found(1, None, 5),
                found(1, None, 6),
            ]
            .into_iter()
        };
        assert_eq!(latest(all(), 1), [2, 3, 5, 6]);
        assert_eq!(latest(all(), 2), [2, 3, 5, 6]);
        assert_eq!(latest(all(), 3), [2, 3, 4, 5, 6]);
        assert_eq!(latest(all(), 9), [2, 3, 4, 1, 5, 6]);
    }
}
