//! Broken glasses as rows (RULINGS.md, G): breaking one, the review queue, and what was seen under one. What a glass lifts is
//! asked by `super::predicate`, in the data's own snapshot.

use std::collections::{BTreeSet, HashSet};

use consent::glass::LONGEST_MS;
use consent::{Asked, Breaker, FENCE, Glass, OrganizationId, Permit};

use crate::store::Store;
use crate::store::bulk::{self, BulkType};
use crate::store::connection::{Arg, Connection, DbError, Engine, Row};
use crate::store::error::StoreError;

/// How long a reason is spent, from the beginning of its glass (G6).
const SPENT_MS: i64 = 24 * 60 * 60 * 1000;
/// The first half of the number of a lock on PostgreSQL ("glas" as ASCII).
const LOCK: i32 = 0x676c_6173;

/// What is asked of one who breaks the glass.
#[derive(Clone, Debug)]
pub struct Breaking {
    /// The id that a new glass gets.
    pub id: String,
    /// The patient's id, whether there is one or not.
    pub patient: String,
    /// The caller.
    pub caller: String,
    /// Who breaks it.
    pub breaker: Breaker,
    /// Why: health data.
    pub reason: String,
    /// Now, in milliseconds since 1970.
    pub at_ms: i64,
    /// Until when it is asked for.
    pub until_ms: i64,
    /// The id of the Communication that tells the patient; `None` where nobody is told.
    pub notice: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Broken {
    /// The glass is broken.
    Open(Opened),
    /// The reason was given before, and its glass has ended (G6).
    Spent,
}

/// A glass that is broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opened {
    /// Its id.
    pub id: String,
    /// From when on, in milliseconds since 1970.
    pub opened_ms: i64,
    /// Until when.
    pub expires_ms: i64,
    /// It was broken now, not before.
    pub fresh: bool,
    /// The patient is there and is to be told.
    pub to_be_told: bool,
}

/// A glass as the privacy officer sees it.
#[derive(Clone, Debug)]
pub struct GlassReport {
    /// Its id.
    pub id: String,
    /// The patient's id.
    pub patient: String,
    /// The caller.
    pub caller: String,
    /// Who that was.
    pub actors: Vec<String>,
    /// The purpose of use.
    pub purpose: String,
    /// Why: health data, for the review alone.
    pub reason: String,
    /// From when on, in milliseconds since 1970.
    pub opened_ms: i64,
    /// Until when.
    pub expires_ms: i64,
    /// When it was ended before that, and by whom.
    pub closed: Option<(i64, String)>,
    /// What the review says.
    pub review: Option<GlassReview>,
}

/// The review of a glass.
#[derive(Clone, Debug)]
pub struct GlassReview {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// It was right to break it.
    pub justified: bool,
    /// Who says so.
    pub by: String,
    /// What else there is to say.
    pub note: Option<String>,
}

/// What became of a change of a glass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GlassChange {
    /// It was reviewed, or had ended, before.
    Before,
    /// Done.
    Done,
    /// There is no such glass.
    Unknown,
}

impl Store {
    /// Glasses, the oldest first: those that wait for their review, or all.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn glasses(&self, permit: &Permit, all: bool) -> Result<Vec<GlassReport>, StoreError> {
        let waiting = if all { "" } else { "and reviewed is null" };
        let sql = format!(
            "select id, patient, caller, actors, purpose, reason, opened, expires, closed, closed_by, reviewed, verdict, \
             reviewer, note from break_glass_grants where organization_id = $1 {waiting} order by opened, id"
        );
        let mut reading = self.reading(permit).await?;
        let rows = reading.fetch(&sql, &[Arg::Int(permit.organization().0)]).await?;
        reading.finish();
        Ok(rows.iter().map(report).collect())
    }

    /// Reviews a glass, once. What was not justified ends at once.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn review_glass(
        &self,
        permit: &Permit,
        id: &str,
        review: &GlassReview,
    ) -> Result<GlassChange, StoreError> {
        let args = [
            Arg::Int(permit.organization().0),
            Arg::Text(id),
            Arg::Int(review.at_ms),
            Arg::Text(if review.justified { "justified" } else { "unjustified" }),
            Arg::Text(&review.by),
            Arg::text(review.note.as_deref()),
            Arg::Int(i64::from(review.justified)),
        ];
        let ends = "$7 = 0 and closed is null and expires > $3";
        let sql = format!(
            "update break_glass_grants set reviewed = $3, verdict = $4, reviewer = $5, note = $6, \
             closed_by = case when {ends} then $5 else closed_by end, closed = case when {ends} then $3 else closed end \
             where organization_id = $1 and id = $2 and reviewed is null"
        );
        self.change_glass(permit, id, &sql, &args).await
    }

    /// Ends a glass before its time.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn close_glass(
        &self,
        permit: &Permit,
        id: &str,
        by: &str,
        at_ms: i64,
    ) -> Result<GlassChange, StoreError> {
        let args = [Arg::Int(permit.organization().0), Arg::Text(id), Arg::Int(at_ms), Arg::Text(by)];
        let sql = "update break_glass_grants set closed = $3, closed_by = $4 \
                   where organization_id = $1 and id = $2 and closed is null and expires > $3";
        self.change_glass(permit, id, sql, &args).await
    }

    async fn change_glass(
        &self,
        permit: &Permit,
        id: &str,
        sql: &str,
        args: &[Arg<'_>],
    ) -> Result<GlassChange, StoreError> {
        let organization = permit.organization().0;
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization)).await?;
        let done = connection.execute(sql, args).await? > 0;
        let known = "select 1 from break_glass_grants where organization_id = $1 and id = $2";
        let known = connection.fetch_optional(known, &[Arg::Int(organization), Arg::Text(id)]).await?.is_some();
        connection.commit().await?;
        Ok(match (done, known) {
            (true, _) => GlassChange::Done,
            (false, true) => GlassChange::Before,
            (false, false) => GlassChange::Unknown,
        })
    }

    /// The patients over whom the caller had broken the glass at some time between two instants (ms).
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer: nobody knows what was seen.
    pub(crate) async fn glasses_held(
        &self,
        permit: &Permit,
        breaker: &Breaker,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<HashSet<Box<str>>, StoreError> {
        const HELD: &str = "select distinct g.patient from break_glass_grants g where g.organization_id = $1 and g.caller = $2 \
             and g.actors = $3 and g.purpose = $4 and g.opened <= $6 and g.expires > $5 and (g.closed is null or g.closed >= $5)";
        let args = [
            Arg::Int(permit.organization().0),
            Arg::text(breaker.caller()),
            Arg::Text(breaker.actors()),
            Arg::Text(breaker.purpose()),
            Arg::Int(from_ms),
            Arg::Int(to_ms),
        ];
        let mut reading = self.reading(permit).await?;
        let rows = reading.fetch(HELD, &args).await?;
        reading.finish();
        Ok(rows.iter().filter_map(|row| row.text(0).map(Box::from)).collect())
    }
}

/// Breaks the glass within the open transaction, or finds it broken. Of several at once the first one breaks it.
pub(crate) async fn break_it(
    connection: &mut Connection,
    organization: OrganizationId,
    breaking: &Breaking,
) -> Result<Broken, DbError> {
    let Breaking { patient, caller, breaker, reason, at_ms, .. } = breaking;
    if connection.engine() == Engine::Postgres {
        connection.script(&format!("select pg_advisory_xact_lock({LOCK}, {})", number(organization, breaking))).await?;
    }
    let who = [
        Arg::Int(organization.0),
        Arg::Text(patient),
        Arg::Text(caller),
        Arg::Text(breaker.actors()),
        Arg::Text(breaker.purpose()),
        Arg::Text(reason),
        Arg::Int(at_ms - SPENT_MS),
    ];
    let before = "select id, opened, expires, closed from break_glass_grants where organization_id = $1 and patient = $2 \
                  and caller = $3 and actors = $4 and purpose = $5 and reason = $6 and opened > $7 \
                  order by opened desc, id desc limit 1";
    if let Some(row) = connection.fetch_optional(before, &who).await? {
        let number = |place| row.int(place).unwrap_or_default();
        let (id, opened_ms, expires_ms) = (row.text(0).unwrap_or_default().to_owned(), number(1), number(2));
        if row.int(3).is_some() || expires_ms <= *at_ms {
            return Ok(Broken::Spent);
        }
        // Never shorter, and never longer than it may be from its beginning.
        let until = breaking.until_ms.min(opened_ms + LONGEST_MS).max(expires_ms);
        if until > expires_ms {
            let args = [Arg::Int(organization.0), Arg::Text(&id), Arg::Int(until)];
            let sql = "update break_glass_grants set expires = $3 where organization_id = $1 and id = $2";
            connection.execute(sql, &args).await?;
        }
        return Ok(Broken::Open(Opened { id, opened_ms, expires_ms: until, fresh: false, to_be_told: false }));
    }
    let until = breaking.until_ms.min(at_ms + LONGEST_MS);
    let row = [
        Arg::Int(organization.0),
        Arg::Text(&breaking.id),
        Arg::Text(patient),
        Arg::Text(caller),
        Arg::Text(breaker.actors()),
        Arg::Text(breaker.purpose()),
        Arg::Text(reason),
        Arg::Int(*at_ms),
        Arg::Int(until),
    ];
    let sql = "insert into break_glass_grants (organization_id, id, patient, caller, actors, purpose, reason, opened, expires) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    connection.execute(sql, &row).await?;
    let to_be_told = match &breaking.notice {
        Some(notice) if is_there(connection, organization, patient).await? => {
            let sql = "insert into notifications (organization_id, id, kind, at, patient, type, resource) \
                       values ($1, $2, 'break-glass', $3, $4, 'Communication', $5)";
            let args = [
                Arg::Int(organization.0),
                Arg::Text(&breaking.id),
                Arg::Int(*at_ms),
                Arg::Text(patient),
                Arg::Text(notice),
            ];
            connection.execute(sql, &args).await?;
            true
        }
        _ => false,
    };
    let opened = Opened { id: breaking.id.clone(), opened_ms: *at_ms, expires_ms: until, fresh: true, to_be_told };
    Ok(Broken::Open(opened))
}

/// The glasses over these patients that the asker may have broken.
pub(super) async fn of_patients(
    connection: &mut Connection,
    organization: OrganizationId,
    asked: &Asked,
    patients: &BTreeSet<Box<str>>,
) -> Result<Vec<Glass>, DbError> {
    if asked.breaker().is_none() || patients.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "select g.patient, g.caller, g.actors, g.purpose, g.opened, g.expires, g.closed from {keys} \
               join break_glass_grants g on g.organization_id = $1 and g.patient = k.patient";
    let keys: Vec<Arg<'_>> = patients.iter().map(|patient| Arg::Text(patient)).collect();
    let args = [Arg::Int(organization.0)];
    let rows = bulk::fetch_by_keys(connection, sql, &args, &[("patient", BulkType::Text)], &keys).await?;
    let text = |row: &Row, place| row.text(place).unwrap_or_default().to_owned();
    let glass = |row: &Row| Glass {
        patient: text(row, 0),
        caller: text(row, 1),
        actors: text(row, 2),
        purpose: text(row, 3),
        opened_ms: row.int(4).unwrap_or_default(),
        expires_ms: row.int(5).unwrap_or_default(),
        closed: row.int(6).is_some(),
    };
    Ok(rows.iter().map(glass).collect())
}

/// Whether there is such a patient.
async fn is_there(connection: &mut Connection, organization: OrganizationId, patient: &str) -> Result<bool, DbError> {
    let sql = "select 1 from directory where organization_id = $1 and type = 'Patient' and id = $2 and deleted = 0";
    Ok(connection.fetch_optional(sql, &[Arg::Int(organization.0), Arg::Text(patient)]).await?.is_some())
}

/// One number for all who break the same glass at once; a clash only makes two wait for each other.
fn number(organization: OrganizationId, breaking: &Breaking) -> i32 {
    let texts = [&*breaking.patient, &*breaking.caller, breaking.breaker.actors(), breaking.breaker.purpose()];
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    let seed = 0x811c_9dc5 ^ u32::try_from(organization.0 & 0xffff_ffff).unwrap_or_default();
    let hash = bytes.fold(seed, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.cast_signed()
}

fn report(row: &Row) -> GlassReport {
    let text = |place| row.text(place).unwrap_or_default().to_owned();
    let number = |place| row.int(place).unwrap_or_default();
    let actors = row.text(3).unwrap_or_default().split(FENCE).filter(|actor| !actor.is_empty());
    GlassReport {
        id: text(0),
        patient: text(1),
        caller: text(2),
        actors: actors.map(str::to_owned).collect(),
        purpose: text(4),
        reason: text(5),
        opened_ms: number(6),
        expires_ms: number(7),
        closed: row.int(8).map(|at| (at, text(9))),
        review: row.int(10).map(|at_ms| GlassReview {
            at_ms,
            justified: row.text(11) == Some("justified"),
            by: text(12),
            note: row.text(13).map(str::to_owned),
        }),
    }
}
