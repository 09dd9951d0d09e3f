//! What is stored already, looked at anew: after another release, another map, or a decision. What would be told otherwise is a
//! difference that somebody looks at first; nothing that was written changes, and what was told before stays on record.

use std::collections::{BTreeMap, HashMap};

use consent::{OrganizationId, Permit};

use super::rows::{Of, Row, batches};
use super::told::Verdict;
use super::{Difference, Now};
use crate::store::Store;
use crate::store::addresses::anew::{self, Codes};
use crate::store::alone::patiently;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::core::Core;
use crate::store::error::StoreError;

/// Resources in one portion.
const PORTION: usize = 200;
/// The most codes that a difference lists; what is more is counted.
const MOST: usize = 10_000;

/// Which resources are looked at.
#[derive(Clone, Debug)]
pub enum Which {
    /// All.
    All,
    /// Those of which one of these was told, by id.
    Told(Vec<Box<str>>),
}

impl Store {
    /// What would be told otherwise now, code by code; with `apply` it is. `progress` is told how many resources were looked at.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn normalize_again(
        &self,
        permit: &Permit,
        which: &Which,
        apply: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Vec<Difference>, StoreError> {
        let (core, organization) = (self.core(), permit.organization());
        let mut differences = Differences::default();
        let (mut after, mut looked) = (0, 0);
        loop {
            let found = next(core, organization, which, after).await?;
            let Some(last) = found.last() else { break };
            after = *last;
            looked += found.len() as u64;
            let changed = differences.add(core, organization, &found).await?;
            if apply && !changed.is_empty() {
                let work = async |connection: &mut Connection| again(core, connection, organization, &changed).await;
                patiently(core, work).await.map_err(DbError::into_store_error)?;
            }
            progress(looked);
        }
        Ok(differences.told())
    }
}

/// The next resources, by row id.
async fn next(core: &Core, organization: OrganizationId, which: &Which, after: i64) -> Result<Vec<i64>, StoreError> {
    let mut connection = core.pools.reader().await?;
    connection.begin_read(Some(organization.0)).await?;
    let args = [Arg::Int(organization.0), Arg::Int(after)];
    let rows = match which {
        Which::All => {
            let sql = format!(
                "select rid from directory where organization_id = $1 and rid > $2 and deleted = 0 order by rid limit {PORTION}"
            );
            connection.fetch(&sql, &args).await?
        }
        Which::Told(ids) => {
            let sql = format!(
                "select distinct d.rid from {{keys}} join normalized_codings c on c.organization_id = $1 and c.normalization = k.id \
                 and c.ended is null join directory d on d.rid = c.rid and d.version = c.version \
                 where d.organization_id = $1 and d.rid > $2 and d.deleted = 0 order by d.rid limit {PORTION}"
            );
            let keys: Vec<Arg<'_>> = ids.iter().map(|id| Arg::Text(id)).collect();
            bulk::fetch_by_keys(&mut connection, &sql, &args, &[("id", BulkType::Text)], &keys).await?
        }
    };
    connection.commit().await?;
    let mut rids: Vec<i64> = rows.iter().filter_map(|row| row.int(0)).collect();
    rids.sort_unstable();
    rids.dedup();
    rids.truncate(PORTION);
    Ok(rids)
}

/// By what a code is told apart: system, code, display, what was told, what is.
type Key = ([Box<str>; 3], Now, Now);

#[derive(Default)]
struct Differences {
    counts: BTreeMap<Key, u64>,
    more: u64,
}

impl Differences {
    /// Looks at resources; those of which something else is told than before.
    async fn add(&mut self, core: &Core, organization: OrganizationId, rids: &[i64]) -> Result<Vec<i64>, StoreError> {
        let mut connection = core.pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        core.registry.learn_now(&mut connection, organization).await?;
        let normalizing = core.registry.in_force(organization).normalizing;
        let keys: Vec<Arg<'_>> = rids.iter().copied().map(Arg::Int).collect();
        let (args, columns) = ([Arg::Int(organization.0)], [("rid", BulkType::Int)]);
        let sql = "select d.rid, d.type, v.body from {keys} join directory d on d.rid = k.rid \
             join resource_versions v on v.rid = d.rid and v.version = d.version \
             where d.organization_id = $1 and d.deleted = 0";
        let bodies = bulk::fetch_by_keys(&mut connection, sql, &args, &columns, &keys).await?;
        let sql = "select d.rid, c.concept, c.coding, n.id, n.verdict, n.target_system, n.target_code, n.system, n.code, n.display \
             from {keys} join directory d on d.rid = k.rid \
             join normalized_codings c on c.organization_id = $1 and c.rid = d.rid and c.version = d.version and c.ended is null \
             join normalizations n on n.organization_id = $1 and n.id = c.normalization where d.organization_id = $1";
        let told = bulk::fetch_by_keys(&mut connection, sql, &args, &columns, &keys).await?;
        connection.commit().await?;
        let mut before: HashMap<i64, HashMap<(i64, i64), Before>> = HashMap::new();
        for row in &told {
            let number = |place| row.int(place).unwrap_or_default();
            let text = |place| Box::from(row.text(place).unwrap_or_default());
            let now = match row.text(4) {
                Some("standard") => Now::Standard(text(5), text(6)),
                _ => Now::Review,
            };
            let of = [text(7), text(8), text(9)];
            before.entry(number(0)).or_default().insert((number(1), number(2)), Before { id: text(3), now, of });
        }
        let mut changed = Vec::new();
        for row in &bodies {
            let (rid, kind, body) =
                (row.int(0).unwrap_or_default(), row.text(1).unwrap_or_default(), row.text(2).unwrap_or_default());
            let rows = core.normalizer.look(&normalizing, kind, body.as_bytes()).rows;
            if self.compare(before.remove(&rid).unwrap_or_default(), &rows) {
                changed.push(rid);
            }
        }
        Ok(changed)
    }

    fn compare(&mut self, mut before: HashMap<(i64, i64), Before>, rows: &[Row]) -> bool {
        let mut differs = false;
        for row in rows {
            let told = row.told();
            let was = before.remove(&row.at());
            if was.as_ref().is_some_and(|was| was.id == told.id) {
                continue;
            }
            differs = true;
            let is = match &told.verdict {
                Verdict::Standard { coding, .. } => {
                    Now::Standard(coding.system.as_str().into(), coding.code.as_str().into())
                }
                Verdict::Review { .. } => Now::Review,
            };
            let of = [&told.system, &told.code, &told.display].map(Clone::clone);
            self.count((of, was.map_or(Now::Nothing, |was| was.now), is));
        }
        for was in before.into_values() {
            differs = true;
            self.count((was.of, was.now, Now::Nothing));
        }
        differs
    }

    fn count(&mut self, key: Key) {
        if self.counts.len() >= MOST && !self.counts.contains_key(&key) {
            self.more += 1;
        } else {
            *self.counts.entry(key).or_default() += 1;
        }
    }

    fn told(self) -> Vec<Difference> {
        let mut all: Vec<Difference> = self
            .counts
            .into_iter()
            .map(|(([system, code, display], before, after), count)| Difference {
                system,
                code,
                display,
                before,
                after,
                count,
            })
            .collect();
        all.sort_by_key(|difference| std::cmp::Reverse(difference.count));
        if self.more > 0 {
            // So that nobody takes a part for all.
            let [system, code, display] =
                [Box::<str>::default(), Box::default(), "(more codes than are listed)".into()];
            all.push(Difference { system, code, display, before: Now::Nothing, after: Now::Nothing, count: self.more });
        }
        all
    }
}

/// What was told of a coding before.
struct Before {
    id: Box<str>,
    now: Now,
    of: [Box<str>; 3],
}

/// Tells anew of these resources.
async fn again(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
    rids: &[i64],
) -> Result<(), DbError> {
    connection.begin_alone(organization.0).await?;
    anew::learn(core, connection, organization).await?;
    let derived = anew::again(core, connection, organization, rids, Codes::Now).await?;
    let now = core.clock.now_ms();
    const COLUMNS: &[BulkColumn<'static>] = &[("rid", BulkType::Int), ("version", BulkType::Int)];
    let keys: Vec<Arg<'_>> =
        derived.iter().flat_map(|(rid, version, _)| [Arg::Int(*rid), Arg::Int(*version)]).collect();
    let sql = "select c.rid, max(c.turn) from {keys} join normalized_codings c \
         on c.organization_id = $1 and c.rid = k.rid and c.version = k.version group by c.rid";
    let turns = bulk::fetch_by_keys(connection, sql, &[Arg::Int(organization.0)], COLUMNS, &keys).await?;
    let turns: HashMap<i64, i64> = turns.iter().filter_map(|row| Some((row.int(0)?, row.int(1)? + 1))).collect();
    let sql = "update normalized_codings set ended = $2 from {keys} where normalized_codings.organization_id = $1 \
         and normalized_codings.rid = k.rid and normalized_codings.version = k.version and normalized_codings.ended is null";
    bulk::execute_by_keys(connection, sql, &[Arg::Int(organization.0), Arg::Int(now)], COLUMNS, &keys).await?;
    let told: Vec<Of<'_>> = derived
        .iter()
        .map(|(rid, version, index)| Of {
            rid: *rid,
            version: *version,
            turn: turns.get(rid).copied().unwrap_or_default(),
            at_ms: now,
            rows: index.normalized(),
        })
        .collect();
    let batches = batches(&told);
    if !batches.is_empty() {
        bulk::insert_together(connection, organization.0, &batches).await?;
    }
    connection.commit().await
}
