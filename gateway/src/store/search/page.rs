//! One page of matches.

use mappers::search::query::{SortKey, SortSource};

use super::compiler::{Compiler, Reach, table_of};
use super::plan::{Drive, Plan, limited};
use super::statement::Statement;
use super::{VERSION, WIDTH, count, include, sort, version};
use crate::store::connection::Row;
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::reading::Reading;
use crate::store::types::{ResourceKey, SearchKey, SearchPlace, SearchRequest, Version};

/// So many rows, at least, are looked at before it is counted how few of them a condition leaves that is dear to count.
const AT_FIRST: usize = 256;
/// The same of an index in whose order a page is.
const AT_FIRST_IN_ORDER: usize = 2048;

/// A page.
pub(super) struct Matches {
    /// Row ids and what they stand for, in order.
    pub(super) matches: Vec<(i64, Version)>,
    /// The last match, where more follow.
    pub(super) next: Option<SearchPlace>,
}

/// Takes a page.
pub(super) async fn fetch(
    plan: &Plan<'_>,
    request: &SearchRequest,
    reading: &mut Reading,
) -> Result<Matches, StoreError> {
    let mut rows = Vec::new();
    let mut look = Look::of(plan);
    if let Some(first) = at_first(plan, request, &mut look, reading).await? {
        rows = first;
    } else {
        let plan = plan.decided(reading).await?;
        look.last = SearchKey::None;
        let is_nowhere = |phase| phase == Phase::Present && look.places.is_empty();
        for phase in phases(&plan, request).filter(|phase| !is_nowhere(*phase)) {
            if rows.len() <= request.count {
                let statement = statement(&plan, request, phase, request.count + 1 - rows.len(), &look);
                rows.extend(reading.fetch(&statement.sql, &statement.args()).await?);
            }
        }
    }
    let keys = &plan.search.sort;
    let next = (rows.len() > request.count).then(|| place(keys, &rows[request.count - 1]));
    rows.truncate(request.count);
    let read = |row: &Row| Ok((row.int(0).unwrap_or_default(), version(plan.permit, row, 1)?));
    Ok(Matches { matches: rows.iter().map(read).collect::<Result<_, StoreError>>()?, next })
}

/// What is looked at.
struct Look {
    /// The places of the first key that have values.
    places: Vec<i32>,
    /// Rows up to here alone: a row id, or a first key where that is the order.
    last: SearchKey,
}

impl Look {
    fn of(plan: &Plan<'_>) -> Self {
        let places = match plan.search.sort.first().map(|key| &key.source) {
            Some(SortSource::Index { paths, .. }) => paths.to_vec(),
            _ => Vec::new(),
        };
        Self { places, last: SearchKey::None }
    }
}

/// The page, if the first rows that an open plan's drive comes to fill it, or are all there are.
async fn at_first(
    plan: &Plan<'_>,
    request: &SearchRequest,
    look: &mut Look,
    reading: &mut Reading,
) -> Result<Option<Vec<Row>>, StoreError> {
    let phase = phases(plan, request).next();
    let (true, Some(phase @ (Phase::All | Phase::Present))) = (plan.open, phase) else { return Ok(None) };
    let Some(horizon) = horizon(plan, request) else { return Ok(None) };
    let row = reading.fetch_optional(&horizon.sql, &horizon.args()).await?;
    match (phase, row, plan.search.sort.first()) {
        (Phase::Present, Some(row), Some(key)) => {
            (look.places, look.last) = sort::looked_at(key, &look.places, &row);
        }
        (_, row, _) => look.last = row.and_then(|row| row.int(0)).map_or(SearchKey::None, SearchKey::Int),
    }
    if phase == Phase::Present && look.places.is_empty() {
        return Ok(None);
    }
    let page = statement(plan, request, phase, request.count + 1, look);
    let rows = reading.fetch(&page.sql, &page.args()).await?;
    // What lacks the key comes after all that has it.
    let all = look.last == SearchKey::None && phase == Phase::All;
    Ok((all || rows.len() > request.count).then_some(rows))
}

/// The last of the rows that are looked at first: its row id, or where the first key is the order, what [`sort::ends`] gives.
fn horizon(plan: &Plan<'_>, request: &SearchRequest) -> Option<Statement> {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    compiler.statement.sql = match (plan.drive, plan.search.sort.first()) {
        (Drive::Order, Some(SortKey { source: SortSource::Index { kind, paths }, descending })) => {
            let from = request.after.as_ref().and_then(|place| place.keys.first());
            let rows = if plan.search.tests.is_empty() { AT_FIRST } else { AT_FIRST_IN_ORDER };
            sort::ends(&mut compiler, (*kind, paths, *descending), from, rows.max(4 * request.count))
        }
        (Drive::Order, _) => return None,
        _ => {
            let rid = request.after.as_ref().map(|place| rid_of(&mut compiler, &place.resource));
            let bound = rid.map_or_else(String::new, |rid| format!(" and {} > {rid}", plan.rid()));
            plan.horizon(&mut compiler, AT_FIRST.max(4 * request.count), &bound)
        }
    };
    Some(compiler.statement)
}

/// The plan, its statements, and how the database would run them.
pub(super) async fn explain(
    plan: &Plan<'_>,
    request: &SearchRequest,
    reading: &mut Reading,
) -> Result<String, StoreError> {
    let mut out = plan.to_string();
    let mut statements = Vec::new();
    statements.extend(horizon(plan, request).filter(|_| plan.open));
    let look = Look::of(plan);
    let page = |phase| statement(plan, request, phase, request.count + 1, &look);
    statements.extend(phases(plan, request).map(page));
    if request.total {
        statements.push(count::statement(plan));
    }
    for statement in statements {
        out.push('\n');
        out.push_str(&told(plan.core, &statement, reading).await?);
    }
    out.push_str(&include::explain(plan, reading).await?);
    Ok(out)
}

/// A statement, and how the database would run it.
pub(super) async fn told(core: &Core, statement: &Statement, reading: &mut Reading) -> Result<String, StoreError> {
    let sql = dialect::explain(core.pools.engine(), &statement.sql);
    let rows = reading.fetch(&sql, &statement.args()).await?;
    Ok(format!("{}\n{}", statement.sql, plan_of(&rows)))
}

/// Rows of matches, where a statement by rows is explained: of a single one a database would make another plan.
pub(super) const SOME_ROWS: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// What the database says of a statement, line by line.
pub(super) fn plan_of(rows: &[Row]) -> String {
    // SQLite: id, parent, unused, detail. PostgreSQL: one line.
    let line = |row: &Row| format!("    {}\n", row.text(if row.width() > 1 { 3 } else { 0 }).unwrap_or_default());
    rows.iter().map(line).collect()
}

/// Parts of the order: with [`Drive::Order`] what has the first key comes from its index, what lacks it afterwards.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    All,
    Lacking,
    Present,
}

fn phases(plan: &Plan<'_>, request: &SearchRequest) -> impl Iterator<Item = Phase> + use<> {
    let first = request.after.as_ref().and_then(|place| place.keys.first());
    let phases: &[Phase] = match (plan.drive, plan.search.sort.first().map(|key| &key.source), first) {
        (Drive::Order, Some(SortSource::Index { .. }), Some(SearchKey::None)) => &[Phase::Lacking],
        (Drive::Order, Some(SortSource::Index { .. }), _) => &[Phase::Present, Phase::Lacking],
        _ => &[Phase::All],
    };
    phases.iter().copied()
}

/// The statement of a page (or the rest of one): row id, version, keys. Only what `look` says is looked at.
fn statement(plan: &Plan<'_>, request: &SearchRequest, phase: Phase, limit: usize, look: &Look) -> Statement {
    let mut compiler = Compiler::new(plan.core, plan.permit);
    let keys = &plan.search.sort;
    let names: Vec<String> = (0..keys.len()).map(|number| format!("k{number}")).collect();
    // A place of the phase before is none of this one.
    let after = request
        .after
        .as_ref()
        .filter(|place| phase != Phase::Lacking || matches!(place.keys.first(), Some(SearchKey::None)));
    let rid = after.map(|place| rid_of(&mut compiler, &place.resource));
    let rows = match phase {
        Phase::Present => present(plan, &mut compiler, after.zip(rid.as_deref()), limit, look),
        Phase::All | Phase::Lacking => {
            let mut expressions = Vec::new();
            for key in keys {
                expressions.push(sort::expression(&mut compiler, key));
            }
            let lacking = match &keys.first().map(|key| &key.source) {
                Some(SortSource::Index { kind, paths }) if phase == Phase::Lacking => {
                    let row = compiler.alias("o");
                    let at = compiler.at(paths, &row, Reach::Row);
                    let table = table_of(*kind);
                    let barrier = compiler.barrier();
                    format!(" and not exists (select 1 from {table} {row} where {row}.rid = d.rid and {at}{barrier})")
                }
                _ => String::new(),
            };
            let last = sort::place(&mut compiler, &look.last);
            let last = last.map_or_else(String::new, |last| format!(" and {} <= {last}", plan.rid()));
            bounded(plan, &mut compiler, &expressions, &(lacking + &last), after.zip(rid.as_deref()), limit)
        }
    };
    let order = sort::order(keys, &names.iter().map(|name| format!("p.{name}")).collect::<Vec<_>>(), "p.rid", false);
    let shown: String = names.iter().map(|name| format!(", p.{name}")).collect();
    compiler.statement.sql = format!(
        "select p.rid, {}{shown} from ({rows}) as p join directory d on d.rid = p.rid \
         join resource_versions v on v.rid = d.rid and v.version = d.version order by {order}",
        *VERSION
    );
    compiler.statement
}

/// The rows of a page that any drive gives, put in order.
fn bounded(
    plan: &Plan<'_>,
    compiler: &mut Compiler<'_>,
    expressions: &[String],
    bound: &str,
    after: Option<(&SearchPlace, &str)>,
    limit: usize,
) -> String {
    let keys = &plan.search.sort;
    if keys.is_empty() {
        let after = after.map_or_else(String::new, |(_, rid)| format!(" and {} > {rid}", plan.rid()));
        let rows = plan.rows(compiler, plan.drive, &[], &format!("{after}{bound}"));
        let limit = limited(limit);
        return format!("{rows} order by {}{limit}", plan.rid());
    }
    let drive = if plan.drive == Drive::Order { Drive::Directory } else { plan.drive };
    let names: Vec<String> = (0..keys.len()).map(|number| format!("q.k{number}")).collect();
    // Times and ids of the directory bound its own rows, so that its index is used.
    let direct = keys.iter().all(|key| !matches!(key.source, SortSource::Index { .. }));
    if direct {
        let bound = after.map_or_else(String::new, |(place, rid)| {
            format!(" and {}", sort::after(compiler, keys, expressions, &place.keys, ("d.rid", rid)))
        });
        let rows = plan.rows(compiler, drive, expressions, &bound);
        let order = sort::order(keys, expressions, "d.rid", true);
        let limit = limited(limit);
        return format!("{rows} order by {order}{limit}");
    }
    let rows = plan.rows(compiler, drive, expressions, bound);
    let after = after.map_or_else(String::new, |(place, rid)| {
        format!(" where {}", sort::after(compiler, keys, &names, &place.keys, ("q.rid", rid)))
    });
    let order = sort::order(keys, &names, "q.rid", false);
    let limit = limited(limit);
    format!("select q.* from ({rows}) as q{after} order by {order}{limit}")
}

/// The rows of a page from the index of the first key: a branch for each place, each with its own bound, order and limit.
fn present(
    plan: &Plan<'_>,
    compiler: &mut Compiler<'_>,
    after: Option<(&SearchPlace, &str)>,
    limit: usize,
    look: &Look,
) -> String {
    let keys = &plan.search.sort;
    let Some((SortKey { source: SortSource::Index { kind, paths }, descending }, rest)) = keys.split_first() else {
        return String::new();
    };
    let (column, table) = (sort::column(*kind), table_of(*kind));
    let names: Vec<String> = (0..keys.len()).map(|number| format!("k{number}")).collect();
    let join = dialect::join_in_order(compiler.engine);
    let mut branches = Vec::new();
    for path in &look.places {
        let row = compiler.alias("i");
        let first = format!("{row}.{column}");
        let mut expressions = vec![first.clone()];
        for key in rest {
            expressions.push(sort::expression(compiler, key));
        }
        let mut conditions = vec![compiler.at(&[*path], &row, Reach::All)];
        let (from, to) = if *descending { ("<=", ">=") } else { (">=", "<=") };
        if let Some(last) = sort::place(compiler, &look.last) {
            conditions.push(format!("{first} {to} {last}"));
        }
        let (early, late) = plan.parted(compiler, None, &row);
        conditions.extend([early, sort::is_first(compiler, *kind, paths, *descending, &row), late]);
        if let Some((place, rid)) = after {
            if let Some(value) = place.keys.first().and_then(|value| sort::place(compiler, value)) {
                conditions.push(format!("{first} {from} {value}"));
            }
            conditions.push(sort::after(compiler, keys, &expressions, &place.keys, ("d.rid", rid)));
        }
        let select: String = expressions.iter().zip(&names).map(|(key, name)| format!(", {key} as {name}")).collect();
        let order = sort::order(keys, &names, "rid", true);
        let limit = limited(limit);
        branches.push(format!(
            "select * from (select d.rid as rid{select} from {table} {row} {join} directory d on d.rid = {row}.rid \
             where {} order by {order}{limit}) as b{row}",
            conditions.join(" and ")
        ));
    }
    let order = sort::order(keys, &names, "rid", true);
    let limit = limited(limit);
    format!("select * from ({}) as u order by {order}{limit}", branches.join(" union all "))
}

/// The directory's row id of a resource (whether it is there still or not), as an expression.
fn rid_of(compiler: &mut Compiler<'_>, resource: &ResourceKey) -> String {
    let (kind, id) = (compiler.statement.text(&resource.kind), compiler.statement.text(&resource.id));
    let organization = &compiler.organization;
    format!("(select rid from directory where organization_id = {organization} and type = {kind} and id = {id})")
}

fn place(keys: &[SortKey], row: &Row) -> SearchPlace {
    const KEYS: usize = 1 + WIDTH;
    let text = |column: usize| Box::from(row.text(column).unwrap_or_default());
    SearchPlace {
        keys: keys.iter().enumerate().map(|(number, key)| sort::read(key, row, KEYS + number)).collect(),
        resource: ResourceKey { kind: text(1), id: text(2) },
    }
}
