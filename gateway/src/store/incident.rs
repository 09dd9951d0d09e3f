//! The register of incidents and breaches, and its deadlines.
//!
//! Texts that people write here may tell of patients: they are in the database alone, in no log and no error. What the program
//! itself records ([`Store::record_incident`]) is told by a word of a fixed list and counts.
//!
//! **us**: 45 CFR 164.402 (what a breach is, and the four factors of the assessment), 164.404 (individuals: without unreasonable
//! delay, at most 60 days after discovery), 164.406 (media: more than 500 residents of a state, 60 days), 164.408 (HHS: at the same time
//! for 500 or more people, else within 60 days of the end of the calendar year of discovery). An incident whose assessment nobody
//! has made counts as a breach (164.402(2) presumes one). **eu**: GDPR art. 33 (authority: 72 hours after becoming aware), and art.
//! 34 (people: without undue delay, where the risk is high).

use consent::{OrganizationId, Permit};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::store::Store;
use crate::store::alert::{self, Alert};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::erasure::{ErasureError, Preset, name};
use crate::store::error::StoreError;

const MS_PER_DAY: i64 = 86_400_000;
const MS_PER_HOUR: i64 = 3_600_000;

/// What the register says of an incident. Every text is in people's own words.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// What happened.
    pub what: Option<String>,
    /// How it happened, and how it was found.
    pub how: Option<String>,
    /// How many people's data are concerned.
    pub persons: Option<u64>,
    /// The most of them that live in one state: more than 500, and media are told.
    pub residents: Option<u64>,
    /// What kinds of data.
    pub categories: Vec<String>,
    /// 45 CFR 164.402(2)(i): nature and extent of the data, also how well people can be identified by them.
    pub factor_data: Option<String>,
    /// (ii): who used them, or to whom they were disclosed.
    pub factor_recipient: Option<String>,
    /// (iii): whether they were in fact acquired or viewed.
    pub factor_acquired: Option<String>,
    /// (iv): how far the risk was mitigated.
    pub factor_mitigated: Option<String>,
    /// Whether it is a breach, where that is decided.
    pub breach: Option<bool>,
    /// Under which law.
    pub law: Law,
    /// When the people were told: an instant.
    pub told_individuals: Option<String>,
    /// When the authority was (HHS, or the one of GDPR).
    pub told_authority: Option<String>,
    /// When the media were.
    pub told_media: Option<String>,
    /// Numbers that the program gives.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub counts: std::collections::BTreeMap<String, u64>,
}

/// Under which law an incident is looked at.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// GDPR.
    Eu,
    /// HIPAA.
    #[default]
    Us,
}

impl From<Preset> for Law {
    fn from(preset: Preset) -> Self {
        match preset {
            Preset::Eu => Self::Eu,
            Preset::Us => Self::Us,
        }
    }
}

/// Somebody is to be told, until then.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deadline {
    /// `individuals`, `authority` or `media`.
    pub who: &'static str,
    /// Until when: an instant.
    pub until: String,
    /// That has passed, and nobody has told them.
    pub overdue: bool,
    /// When they were told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Which rule.
    pub source: &'static str,
}

/// What the program records of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The check behind a read found a row that the permit does not cover. Nothing was answered.
    AlarmBehindRead,
    /// What is older than the audit trail has to be kept could not be exported and dropped.
    AuditRetention,
    /// The audit trail is not as it was written.
    AuditTrail,
    /// The glass was broken.
    GlassBroken,
    /// The database was older than the journal: erasures and revocations were done again.
    RestoredDatabase,
    /// The journal does not know whether an erasure was done, and the database does not have it.
    UncertainErasure,
}

impl Kind {
    /// The word in the register.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlarmBehindRead => "alarm-behind-read",
            Self::AuditRetention => "audit-retention",
            Self::AuditTrail => "audit-trail",
            Self::GlassBroken => "glass-broken",
            Self::RestoredDatabase => "restored-database",
            Self::UncertainErasure => "uncertain-erasure",
        }
    }
}

/// One incident.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// `reported` by a person, or the word of a [`Kind`].
    pub kind: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// When: an instant.
    pub recorded: String,
    /// When it was discovered: from then on deadlines run.
    pub discovered: String,
    /// What the register says.
    #[serde(flatten)]
    pub details: Details,
    /// Who is to be told until when.
    pub deadlines: Vec<Deadline>,
    /// Who closed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

impl Incident {
    /// Whether somebody should have been told by now.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.deadlines.iter().any(|deadline| deadline.overdue)
    }

    fn of(row: &Row, now_ms: i64) -> Self {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        let discovered = row.int(4).unwrap_or_default();
        let details: Details = row.text(5).and_then(|entry| serde_json::from_str(entry).ok()).unwrap_or_default();
        let closed_by = row.text(6).map(ToOwned::to_owned);
        Self {
            id: text(0),
            kind: text(1),
            recorded_by: text(2),
            recorded: Clock::format(row.int(3).unwrap_or_default()),
            discovered: Clock::format(discovered),
            deadlines: deadlines(&details, text(1) == "reported", discovered, now_ms),
            details,
            closed_by,
            closed: row.int(7).map(Clock::format),
        }
    }

    /// The next deadline that nobody has met.
    fn next(&self) -> Option<&str> {
        let open = self.deadlines.iter().filter(|deadline| deadline.told.is_none());
        open.map(|deadline| &*deadline.until).min()
    }
}

/// Who is to be told of an incident, and until when. What is decided to be no breach has none; what the program records of itself
/// has none before a person says what it is.
#[must_use]
pub fn deadlines(details: &Details, reported: bool, discovered_ms: i64, now_ms: i64) -> Vec<Deadline> {
    if details.breach == Some(false) || (details.breach.is_none() && !reported) {
        return Vec::new();
    }
    let deadline = |who, until_ms: i64, told: &Option<String>, source| Deadline {
        who,
        until: Clock::format(until_ms),
        overdue: told.is_none() && until_ms < now_ms,
        told: told.clone(),
        source,
    };
    let sixty_days = discovered_ms + 60 * MS_PER_DAY;
    match details.law {
        Law::Eu => {
            vec![deadline("authority", discovered_ms + 72 * MS_PER_HOUR, &details.told_authority, "GDPR art. 33(1)")]
        }
        Law::Us => {
            // Who does not know how many has to expect many.
            let many = details.persons.is_none_or(|persons| persons >= 500);
            let authority = if many { sixty_days } else { end_of_year(discovered_ms) + 60 * MS_PER_DAY };
            let source = if many { "45 CFR 164.408(b)" } else { "45 CFR 164.408(c)" };
            let mut deadlines = vec![
                deadline("individuals", sixty_days, &details.told_individuals, "45 CFR 164.404(b)"),
                deadline("authority", authority, &details.told_authority, source),
            ];
            let residents = details.residents.or(details.persons).unwrap_or_default();
            if residents > 500 {
                deadlines.push(deadline("media", sixty_days, &details.told_media, "45 CFR 164.406"));
            }
            deadlines
        }
    }
}

/// The end of the calendar year (UTC).
fn end_of_year(ms: i64) -> i64 {
    let year: i64 = Clock::format(ms).get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
    Clock::parse(&format!("{:04}-01-01T00:00:00Z", year + 1)).unwrap_or(ms)
}

const COLUMNS: &str = "id, kind, recorded_by, recorded, discovered, entry, closed_by, closed";

impl Store {
    /// Records what a person reports; its id.
    ///
    /// # Errors
    /// Nobody says who reports it; or the store does not answer.
    pub async fn report_incident(
        &self,
        permit: &Permit,
        by: &str,
        discovered_ms: i64,
        details: &Details,
    ) -> Result<String, ErasureError> {
        let by = name(by)?;
        if discovered_ms > self.core().clock.now_ms() {
            return Err(ErasureError::Refused(
                "it cannot have been discovered in the future (--discovered)".to_owned(),
            ));
        }
        Ok(self.write_incident(permit, "reported", by, discovered_ms, details).await?)
    }

    /// Records what the program finds of itself: a word and numbers, nothing of anybody's record.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn record_incident(
        &self,
        permit: &Permit,
        kind: Kind,
        counts: &[(&'static str, u64)],
    ) -> Result<String, StoreError> {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let details = Details { counts, ..Details::default() };
        let now_ms = self.core().clock.now_ms();
        let id = self.write_incident(permit, kind.as_str(), "fhir-gateway", now_ms, &details).await?;
        tracing::warn!(kind = kind.as_str(), "an incident was recorded");
        Ok(id)
    }

    async fn write_incident(
        &self,
        permit: &Permit,
        kind: &str,
        by: &str,
        discovered_ms: i64,
        details: &Details,
    ) -> Result<String, StoreError> {
        let core = self.core();
        let id = core.ids.next();
        let organization = permit.organization();
        let now_ms = core.clock.now_ms();
        let new = New { id: &id, kind, by, recorded_ms: now_ms, discovered_ms, details };
        let told =
            Alert::new(alert::Kind::IncidentRecorded, &id, now_ms).naming("incident", &id).naming("incidentKind", kind);
        // What a person counts is for the register.
        let told = details.counts.iter().fold(told, |told, (what, count)| told.counting(what, *count));
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        insert(&mut connection, organization, &new).await?;
        alert::tell(&mut connection, organization, &core.told.id(), &told).await?;
        connection.commit().await?;
        core.told.wake();
        Ok(id)
    }

    /// All incidents: those that are overdue first, then by their next deadline; closed ones last.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn incidents(&self, permit: &Permit) -> Result<Vec<Incident>, StoreError> {
        let organization = permit.organization();
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let sql = format!("select {COLUMNS} from incidents where organization_id = $1 order by discovered, id");
        let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
        connection.end_read().await?;
        let now_ms = self.core().clock.now_ms();
        let mut incidents: Vec<Incident> = rows.iter().map(|row| Incident::of(row, now_ms)).collect();
        incidents.sort_by_key(|incident| {
            let next = incident.next().unwrap_or("9").to_owned();
            (!incident.is_overdue(), incident.closed.is_some(), next)
        });
        Ok(incidents)
    }

    /// One incident.
    ///
    /// # Errors
    /// There is none of that id; or the store does not answer.
    pub async fn incident(&self, permit: &Permit, id: &str) -> Result<Incident, ErasureError> {
        let unknown =
            || ErasureError::Refused(format!("there is no incident {id}; `incident list` shows those that are"));
        self.incidents(permit).await?.into_iter().find(|incident| incident.id == id).ok_or_else(unknown)
    }

    /// Changes what the register says of an incident that is open.
    ///
    /// # Errors
    /// There is none of that id, or it is closed; or the store does not answer.
    pub async fn update_incident(
        &self,
        permit: &Permit,
        id: &str,
        change: impl FnOnce(&mut Details),
    ) -> Result<(), ErasureError> {
        let incident = self.incident(permit, id).await?;
        if incident.closed.is_some() {
            return Err(ErasureError::Refused(format!("incident {id} is closed")));
        }
        let mut details = incident.details;
        change(&mut details);
        let entry = serde_json::to_string(&details).map_err(|error| ErasureError::Failed(error.to_string()))?;
        let sql = "update incidents set entry = $3 where organization_id = $1 and id = $2 and closed is null";
        self.set_incident(permit, sql, &[Arg::Text(id), Arg::Text(&entry)]).await
    }

    /// Closes an incident: whether it is a breach is decided, and whoever has to be told is told.
    ///
    /// # Errors
    /// There is none of that id, it is closed, or something is still to be done; or the store does not answer.
    pub async fn close_incident(&self, permit: &Permit, id: &str, by: &str) -> Result<(), ErasureError> {
        let by = name(by)?;
        let incident = self.incident(permit, id).await?;
        if incident.closed.is_some() {
            return Err(ErasureError::Refused(format!("incident {id} is closed already")));
        }
        if incident.details.breach.is_none() {
            return Err(ErasureError::Refused(
                "say first whether it is a breach (incident update --breach yes|no)".to_owned(),
            ));
        }
        let untold: Vec<&str> =
            incident.deadlines.iter().filter(|deadline| deadline.told.is_none()).map(|deadline| deadline.who).collect();
        if !untold.is_empty() {
            return Err(ErasureError::Refused(format!(
                "still to be told: {} (incident update --told)",
                untold.join(", ")
            )));
        }
        let now_ms = self.core().clock.now_ms();
        let sql = "update incidents set closed_by = $3, closed = $4 where organization_id = $1 and id = $2 and closed is null";
        self.set_incident(permit, sql, &[Arg::Text(id), Arg::Text(by), Arg::Int(now_ms)]).await
    }

    async fn set_incident(&self, permit: &Permit, sql: &str, args: &[Arg<'_>]) -> Result<(), ErasureError> {
        let organization = permit.organization();
        let args: Vec<Arg<'_>> = [Arg::Int(organization.0)].into_iter().chain(args.iter().copied()).collect();
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        connection.execute(sql, &args).await?;
        connection.commit().await?;
        Ok(())
    }
}

/// An incident that is written in.
pub(crate) struct New<'n> {
    pub(crate) id: &'n str,
    pub(crate) kind: &'n str,
    pub(crate) by: &'n str,
    pub(crate) recorded_ms: i64,
    pub(crate) discovered_ms: i64,
    pub(crate) details: &'n Details,
}

/// Writes an incident in the open transaction.
pub(crate) async fn insert(
    connection: &mut Connection,
    organization: OrganizationId,
    new: &New<'_>,
) -> Result<(), DbError> {
    let entry = serde_json::to_string(new.details).map_err(|_| DbError::fault("an incident that is no JSON"))?;
    let sql = "insert into incidents (organization_id, id, kind, recorded_by, recorded, discovered, entry) \
               values ($1, $2, $3, $4, $5, $6, $7)";
    let args = [
        Arg::Int(organization.0),
        Arg::Text(new.id),
        Arg::Text(new.kind),
        Arg::Text(new.by),
        Arg::Int(new.recorded_ms),
        Arg::Int(new.discovered_ms),
        Arg::Text(&entry),
    ];
    connection.execute(sql, &args).await.map(drop)
}

/// The incidents of an organization that nobody has closed.
pub(crate) async fn open(
    connection: &mut Connection,
    organization: OrganizationId,
    now_ms: i64,
) -> Result<Vec<Incident>, DbError> {
    let sql = format!(
        "select {COLUMNS} from incidents where organization_id = $1 and closed is null order by discovered, id"
    );
    let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
    Ok(rows.iter().map(|row| Incident::of(row, now_ms)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> i64 {
        Clock::parse(&format!("{day}T00:00:00Z")).unwrap()
    }

    fn until(details: &Details, discovered: &str) -> Vec<(&'static str, String)> {
        let deadlines = deadlines(details, true, at(discovered), at("2026-01-01"));
        deadlines.into_iter().map(|deadline| (deadline.who, deadline.until[..13].to_owned())).collect()
    }

    #[test]
    fn deadlines_are_those_of_the_rules() {
        let of = |persons, residents| Details { persons: Some(persons), residents, ..Details::default() };
        assert_eq!(
            until(&of(499, None), "2026-03-10"),
            [("individuals", "2026-05-09T00".to_owned()), ("authority", "2027-03-02T00".to_owned())]
        );
        assert_eq!(
            until(&of(500, None), "2026-03-10"),
            [("individuals", "2026-05-09T00".to_owned()), ("authority", "2026-05-09T00".to_owned())]
        );
        assert_eq!(until(&of(501, None), "2026-03-10").len(), 3, "all may live in one state");
        assert_eq!(until(&of(900, Some(500)), "2026-03-10").len(), 2);
        assert_eq!(until(&Details::default(), "2026-03-10")[1].1, "2026-05-09T00", "nobody knows how many");
        let eu = Details { law: Law::Eu, ..of(1, None) };
        assert_eq!(until(&eu, "2026-03-10"), [("authority", "2026-03-13T00".to_owned())]);
        assert_eq!(until(&Details { breach: Some(false), ..of(900, None) }, "2026-03-10"), []);
        assert!(deadlines(&Details::default(), false, at("2026-03-10"), at("2026-04-01")).is_empty());
    }

    #[test]
    fn what_was_told_is_not_overdue() {
        let late = |told: Option<&str>| {
            let details = Details { law: Law::Eu, told_authority: told.map(ToOwned::to_owned), ..Details::default() };
            deadlines(&details, true, at("2026-03-10"), at("2026-03-14"))[0].overdue
        };
        assert!(late(None) && !late(Some("2026-03-12T00:00:00.000Z")));
    }
}
