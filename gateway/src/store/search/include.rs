//! `_include` and `_revinclude`: <https://hl7.org/fhir/R4/search.html#revinclude>. What the permit hides does not come
//! along.

use std::collections::HashSet;

use mappers::search::query::Include;

use super::compiler::{Compiler, Reach};
use super::plan::Plan;
use super::{VERSION, chain, page, version};
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::reading::Reading;
use crate::store::types::Version;

/// The most resources that come along with a page.
const MOST: usize = 2000;
/// The most rounds of `:iterate`.
const ROUNDS: usize = 6;

/// What came along.
pub(super) struct Included {
    /// The resources by their row ids, in the order of their creation within a round.
    pub(super) versions: Vec<(i64, Version)>,
    /// There was more.
    pub(super) cut: bool,
}

/// Takes what comes along with the matches.
pub(super) async fn fetch(plan: &Plan<'_>, matches: &[i64], reading: &mut Reading) -> Result<Included, StoreError> {
    let mut included = Included { versions: Vec::new(), cut: false };
    if matches.is_empty() {
        return Ok(included);
    }
    let mut seen: HashSet<i64> = matches.iter().copied().collect();
    let mut from = matches.to_vec();
    for round in 0..ROUNDS {
        let mut found = Vec::new();
        for include in plan.search.includes.iter().filter(|include| round == 0 || include.iterate) {
            let left = MOST.saturating_sub(included.versions.len() + found.len());
            // One more than fits tells that there is more; what is there already may be among them.
            let (sql, compiler) = statement(plan, include, left + seen.len() + 1);
            for row in reading.fetch_by_rids(&sql, &compiler.statement.args(), &from).await? {
                let rid = row.int(0).unwrap_or_default();
                if !seen.contains(&rid) {
                    if included.versions.len() + found.len() >= MOST {
                        included.cut = true;
                        break;
                    }
                    seen.insert(rid);
                    found.push((rid, version(plan.permit, &row, 1)?));
                }
            }
        }
        found.sort_unstable_by_key(|(rid, _)| *rid);
        from = found.iter().map(|(rid, _)| *rid).collect();
        included.versions.extend(found);
        if from.is_empty() || included.cut {
            return Ok(included);
        }
    }
    // What the last round brought may bring more.
    included.cut = plan.search.includes.iter().any(|include| include.iterate);
    Ok(included)
}

/// How what comes along would be found: for each include its statement, and what the database says of it.
pub(super) async fn explain(plan: &Plan<'_>, reading: &mut Reading) -> Result<String, StoreError> {
    let mut out = String::new();
    for include in &plan.search.includes {
        let (sql, compiler) = statement(plan, include, MOST);
        let explained = dialect::explain(compiler.engine, &sql);
        let rows = reading.fetch_by_rids(&explained, &compiler.statement.args(), &page::SOME_ROWS).await?;
        out.push_str(&format!("\n{sql}\n{}", page::plan_of(&rows)));
    }
    Ok(out)
}

/// Row id and version of what comes along with the rows in `{keys}`, of so many the first.
fn statement<'a>(plan: &Plan<'a>, include: &Include, limit: usize) -> (String, Compiler<'a>) {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    // What a match names comes along; what names a match is searched for.
    compiler.comes_along = !include.reverse;
    let wanted = if include.reverse { include.kind } else { include.target };
    // A place may be one of several types (a parameter of the organization's own): what is shown of one type is of that type.
    let of_wanted = compiler.of_kinds("d", wanted.as_slice());
    let visible = format!("{} and {of_wanted}", compiler.visible("d", wanted.as_slice()));
    let at = match &include.paths[..] {
        // Places of the organization's own parameters (below zero) are named, or nothing comes along by them: what is there of
        // one that is not complete is no answer.
        [] if include.kind.is_none() && !include.reverse => {
            format!("i.organization_id = {} and i.path >= 0", compiler.organization)
        }
        // A type without any reference (`Binary:*`) has no places, and nothing comes along.
        paths => compiler.at(paths, "i", if include.reverse { Reach::All } else { Reach::Row }),
    };
    let join = dialect::join_in_order(compiler.engine);
    let names = |row| chain::names("i", row, &compiler.organization);
    let from = if include.reverse {
        // Keys name what is referred to.
        let back = "i.target_type = m.type and i.target_id = m.id";
        let found = match include.kind {
            Some(_) => format!("{join} index_reference i on {at} and {back}"),
            // Told so many places, PostgreSQL would rather read all there are.
            None => dialect::each_looked_up(compiler.engine, "index_reference i", "i.rid", &format!("{at} and {back}")),
        };
        format!("{join} directory m on m.rid = k.rid {found} {join} directory d on d.rid = i.rid")
    } else {
        format!("{join} index_reference i on i.rid = k.rid and {at} {join} directory d on {}", names("d"))
    };
    let target = include.target.map_or_else(String::new, |target| {
        let row = if include.reverse { "m" } else { "d" };
        format!(" and {}", compiler.of_kinds(row, &[target]))
    });
    let sql = format!(
        "select p.rid, {} from (select distinct d.rid from {{keys}} {from} where {visible}{target} \
         order by d.rid limit {limit}) as p join directory d on d.rid = p.rid \
         join resource_versions v on v.rid = d.rid and v.version = d.version order by p.rid",
        *VERSION
    );
    (sql, compiler)
}
