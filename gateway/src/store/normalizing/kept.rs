//! What an organization wants, and what codes mean in it, as the database keeps it.

use std::collections::HashMap;

use consent::{OrganizationId, Permit};
use terminology::normalize::Coded;

use crate::store::Store;
use crate::store::alone::patiently;
use crate::store::bulk::{self, BulkColumn, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::custom;
use crate::store::error::StoreError;

/// The source of what somebody decided.
pub(super) const REVIEWED: &str = "review";
/// The most rows that one organization's maps have.
const MOST: i64 = 1_000_000;

/// What becomes of what codes mean.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mode {
    /// Nobody asks what they mean.
    #[default]
    Off,
    /// It is kept beside the resources, and searches find it.
    Beside,
    /// And it is shown among the codings.
    Merged,
}

impl Mode {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Beside => "beside",
            Self::Merged => "merged",
        }
    }

    fn read(name: &str) -> Self {
        [Self::Beside, Self::Merged].into_iter().find(|mode| mode.name() == name).unwrap_or_default()
    }
}

/// What counts in an organization.
#[derive(Debug, Default)]
pub(crate) struct Normalizing {
    pub(crate) mode: Mode,
    /// There is something that was told, or may be.
    pub(crate) is_known: bool,
    meanings: HashMap<[Box<str>; 3], Meaning>,
}

/// A code that is meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// Its system.
    pub system: Box<str>,
    /// The code.
    pub code: Box<str>,
    /// How it is shown.
    pub display: Option<Box<str>>,
}

/// What a code means in an organization.
#[derive(Debug)]
pub(super) struct Meaning {
    /// `None`: it stays as it is.
    pub(super) target: Option<Target>,
    pub(super) equivalence: Box<str>,
    pub(super) source: Box<str>,
}

impl Normalizing {
    pub(super) fn meaning(&self, coded: Coded<'_>) -> Option<&Meaning> {
        if self.meanings.is_empty() {
            return None;
        }
        self.meanings.get(&key(coded.system, coded.code, coded.display))
    }
}

/// By what a code is itself; words alone by their letters, whatever their case and the spaces between.
fn key(system: &str, code: &str, words: &str) -> [Box<str>; 3] {
    let words = if code.is_empty() { plain(words) } else { String::new() };
    [system.into(), code.into(), words.into()]
}

fn plain(words: &str) -> String {
    words.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What counts, within an open transaction of any kind.
pub(crate) async fn load(connection: &mut Connection, organization: OrganizationId) -> Result<Normalizing, DbError> {
    let args = [Arg::Int(organization.0)];
    let sql = "select mode from normalization_policies where organization_id = $1";
    let Some(row) = connection.fetch_optional(sql, &args).await? else { return Ok(Normalizing::default()) };
    let mode = Mode::read(row.text(0).unwrap_or_default());
    let sql = "select system, code, words, target_system, target_code, target_display, equivalence, source from code_maps \
         where organization_id = $1 and ended is null";
    let rows = if mode == Mode::Off { Vec::new() } else { connection.fetch(sql, &args).await? };
    let meanings = rows.iter().map(|row| {
        let text = |place| row.text(place).unwrap_or_default();
        let boxed = |place| row.text(place).map(Box::from);
        let target = boxed(3).zip(boxed(4)).map(|(system, code)| Target { system, code, display: boxed(5) });
        let meaning = Meaning { target, equivalence: text(6).into(), source: text(7).into() };
        ([text(0), text(1), text(2)].map(Box::from), meaning)
    });
    Ok(Normalizing { mode, is_known: true, meanings: meanings.collect() })
}

/// What a code means from now on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Decision {
    /// The code's system; empty for none.
    pub system: String,
    /// The code; empty for words alone.
    pub code: String,
    /// The words, where there is no code.
    pub words: String,
    /// What it means; `None`: it stays as it is.
    pub target: Option<Target>,
    /// How near the two are: `equal`, `equivalent`, `wider`; `unmatched` where there is no target.
    pub equivalence: String,
    /// The map that says so (`url|version`); empty where somebody decided.
    pub source: String,
}

/// What counts in an organization, for its operator.
#[derive(Clone, Copy, Debug)]
pub struct PolicyReport {
    /// What becomes of what codes mean.
    pub mode: Mode,
    /// How many codes its own maps know.
    pub mapped: i64,
}

impl Store {
    /// What counts in an organization.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn normalization(&self, permit: &Permit) -> Result<PolicyReport, StoreError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = "select (select mode from normalization_policies where organization_id = $1), \
             (select count(*) from code_maps where organization_id = $1 and ended is null)";
        let row = connection.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
        connection.commit().await?;
        let mode = row.as_ref().and_then(|row| row.text(0)).map(Mode::read).unwrap_or_default();
        Ok(PolicyReport { mode, mapped: row.and_then(|row| row.int(1)).unwrap_or_default() })
    }

    /// What an organization wants from now on; what is stored already is not looked at (see [`Store::normalize_again`]).
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn set_normalization(&self, permit: &Permit, mode: Mode, by: &str) -> Result<(), StoreError> {
        let organization = permit.organization();
        let now = self.core().clock.now_ms();
        let work = async |connection: &mut Connection| {
            connection.begin_alone(organization.0).await?;
            let sql = "insert into normalization_policies (organization_id, mode, changed, changed_by) values ($1, $2, $3, $4) \
                 on conflict (organization_id) do update set mode = excluded.mode, changed = excluded.changed, \
                 changed_by = excluded.changed_by";
            let args = [Arg::Int(organization.0), Arg::Text(mode.name()), Arg::Int(now), Arg::Text(by)];
            connection.execute(sql, &args).await?;
            custom::changed(connection, organization).await?;
            connection.commit().await
        };
        patiently(self.core(), work).await.map_err(DbError::into_store_error)?;
        self.core().registry.committed(organization);
        Ok(())
    }

    /// What these codes mean from now on, all of them or none; what is stored already is not looked at. How many mean something else
    /// than before.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer, a code stands among them twice, or there would be more rows than an organization
    /// has.
    pub async fn decide_codes(&self, permit: &Permit, decisions: &[Decision], by: &str) -> Result<usize, StoreError> {
        let organization = permit.organization();
        let now = self.core().clock.now_ms();
        let rows: Vec<Decided<'_>> =
            decisions.iter().map(|decision| Decided::new(decision, self.core().ids.next())).collect();
        let work = async |connection: &mut Connection| {
            connection.begin_alone(organization.0).await?;
            let changed = keep(connection, organization, &rows, (by, now)).await?;
            let count = "select count(*) from code_maps where organization_id = $1 and ended is null";
            let count = connection.fetch_optional(count, &[Arg::Int(organization.0)]).await?;
            if count.and_then(|row| row.int(0)).unwrap_or_default() > MOST {
                return Err(DbError::fault("an organization's maps have at most a million rows"));
            }
            custom::changed(connection, organization).await?;
            connection.commit().await?;
            Ok(changed)
        };
        let changed = patiently(self.core(), work).await.map_err(DbError::into_store_error)?;
        self.core().registry.committed(organization);
        Ok(changed)
    }
}

/// A decision on its way into the table.
struct Decided<'d> {
    id: String,
    key: [Box<str>; 3],
    decision: &'d Decision,
}

impl<'d> Decided<'d> {
    fn new(decision: &'d Decision, id: String) -> Self {
        Self { id, key: key(&decision.system, &decision.code, &decision.words), decision }
    }

    /// By what it says.
    fn says(&self) -> (Option<(&str, &str)>, &str) {
        let target = self.decision.target.as_ref().map(|target| (&*target.system, &*target.code));
        (target, &self.decision.equivalence)
    }
}

/// Keeps those that say something else than what counts, which they end; how many that are.
async fn keep(
    connection: &mut Connection,
    organization: OrganizationId,
    rows: &[Decided<'_>],
    (by, now): (&str, i64),
) -> Result<usize, DbError> {
    const KEY: [BulkColumn<'static>; 3] =
        [("system", BulkType::Text), ("code", BulkType::Text), ("words", BulkType::Text)];
    const COLUMNS: &[BulkColumn<'static>] = &[
        ("system", BulkType::Text),
        ("code", BulkType::Text),
        ("words", BulkType::Text),
        ("organization_id", BulkType::Int),
        ("id", BulkType::Text),
        ("target_system", BulkType::Text),
        ("target_code", BulkType::Text),
        ("target_display", BulkType::Text),
        ("equivalence", BulkType::Text),
        ("source", BulkType::Text),
        ("created", BulkType::Int),
        ("created_by", BulkType::Text),
    ];
    const SAME: &str =
        "m.organization_id = $1 and m.ended is null and m.system = k.system and m.code = k.code and m.words = k.words";
    let all: Vec<Arg<'_>> = rows.iter().flat_map(|row| row.key.iter().map(|text| Arg::Text(text))).collect();
    let sql = format!(
        "select m.system, m.code, m.words, m.target_system, m.target_code, m.equivalence from {{keys}} join code_maps m on {SAME}"
    );
    let found = bulk::fetch_by_keys(connection, &sql, &[Arg::Int(organization.0)], &KEY, &all).await?;
    let mut counting: HashMap<[&str; 3], &Row> = HashMap::with_capacity(found.len());
    for row in &found {
        counting.insert([0, 1, 2].map(|place| row.text(place).unwrap_or_default()), row);
    }
    let is_new = |row: &&Decided<'_>| {
        let key = [&*row.key[0], &*row.key[1], &*row.key[2]];
        let told = counting.get(&key).map(|row| (row.text(3).zip(row.text(4)), row.text(5).unwrap_or_default()));
        told != Some(row.says())
    };
    let new: Vec<&Decided<'_>> = rows.iter().filter(is_new).collect();
    let ended: Vec<Arg<'_>> = new.iter().flat_map(|row| row.key.iter().map(|text| Arg::Text(text))).collect();
    let sql = format!("update code_maps as m set ended = $2, ended_by = $3 from {{keys}} where {SAME}");
    let args = [Arg::Int(organization.0), Arg::Int(now), Arg::Text(by)];
    bulk::execute_by_keys(connection, &sql, &args, &KEY, &ended).await?;
    let mut values = Vec::with_capacity(new.len() * COLUMNS.len());
    for Decided { id, key, decision } in &new {
        values.extend(key.iter().map(|text| Arg::Text(text)));
        values.extend([Arg::Int(organization.0), Arg::Text(id)]);
        values.extend(match &decision.target {
            Some(target) => [Arg::Text(&target.system), Arg::Text(&target.code), Arg::text(target.display.as_deref())],
            None => [Arg::Null; 3],
        });
        let source = if decision.source.is_empty() { REVIEWED } else { &decision.source };
        values.extend([Arg::Text(&decision.equivalence), Arg::Text(source), Arg::Int(now), Arg::Text(by)]);
    }
    bulk::insert_rows(connection, "code_maps", COLUMNS, &values, "").await?;
    Ok(new.len())
}
