//! What a privacy or security officer must hear of, as rows that wait to be sent to a webhook.
//!
//! An alert is written in the transaction of what it tells, where there is one, so that neither is without the other; what has no
//! transaction (refusals, a journal that cannot be used) waits in memory for a moment (`told`) until the keeper writes it down.
//! An alert holds numbers, ids and words that this program made, and has no place for anything else: nothing of a record, no
//! reason, no name. Who sends them is `crate::webhook`.

mod queue;
mod refusals;
mod report;
mod told;
mod trail;
mod watch;

use std::collections::BTreeMap;

use consent::OrganizationId;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::queue::{Claimed, Fate, State};
pub use self::report::Report;
pub(crate) use self::told::{Told, Trouble};
pub(crate) use self::trail::record_findings;

use crate::clock::Clock;
use crate::store::connection::{Arg, Connection, DbError};
use crate::store::dialect;

/// The longest id that is told.
const LONGEST_ID: usize = 64;

/// What is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `audit verify` found that the trail, or its signed heads, are not as they were written; an incident was recorded.
    AuditTrail,
    /// Records, or signed heads, cannot be written. Without records nobody is answered.
    AuditTrailUnwritable,
    /// An erasure was approved: the rows are gone.
    ErasureApproved,
    /// It is done: files and free pages hold nothing of it either.
    ErasureDone,
    /// The glass was broken: a review waits.
    GlassBroken,
    /// A third of the time that a review may take has gone.
    GlassReviewDue,
    /// All of it has.
    GlassReviewOverdue,
    /// The time until somebody has to be told of an incident is nearly over.
    IncidentDeadlineNear,
    /// It is over, and nobody has told them.
    IncidentDeadlinePassed,
    /// An incident was recorded, by a person or by the program.
    IncidentRecorded,
    /// The journal of revocations and erasures is damaged, cannot be written, or something in it cannot be done again.
    Journal,
    /// One client was refused again and again.
    Refusals,
    /// Somebody tries whether alerts arrive.
    Test,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::AuditTrail,
        Self::AuditTrailUnwritable,
        Self::ErasureApproved,
        Self::ErasureDone,
        Self::GlassBroken,
        Self::GlassReviewDue,
        Self::GlassReviewOverdue,
        Self::IncidentDeadlineNear,
        Self::IncidentDeadlinePassed,
        Self::IncidentRecorded,
        Self::Journal,
        Self::Refusals,
        Self::Test,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuditTrail => "audit-trail",
            Self::AuditTrailUnwritable => "audit-trail-unwritable",
            Self::ErasureApproved => "erasure-approved",
            Self::ErasureDone => "erasure-done",
            Self::GlassBroken => "glass-broken",
            Self::GlassReviewDue => "glass-review-due",
            Self::GlassReviewOverdue => "glass-review-overdue",
            Self::IncidentDeadlineNear => "incident-deadline-near",
            Self::IncidentDeadlinePassed => "incident-deadline-passed",
            Self::IncidentRecorded => "incident-recorded",
            Self::Journal => "journal",
            Self::Refusals => "refusals",
            Self::Test => "test",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The command that shows more of it.
    fn command(self, id: &str, references: &BTreeMap<String, String>) -> String {
        let of = |command: &str, reference: &str| match references.get(reference) {
            Some(id) => format!("fhir-gateway {command} show {id}"),
            None => format!("fhir-gateway {command} list"),
        };
        match self {
            Self::AuditTrail | Self::AuditTrailUnwritable => "fhir-gateway audit verify".to_owned(),
            Self::ErasureApproved | Self::ErasureDone => of("purge", "purge"),
            Self::GlassBroken | Self::GlassReviewDue | Self::GlassReviewOverdue => {
                "fhir-gateway consent glass list".to_owned()
            }
            Self::IncidentDeadlineNear | Self::IncidentDeadlinePassed | Self::IncidentRecorded => {
                of("incident", "incident")
            }
            Self::Journal => "fhir-gateway restore-replay".to_owned(),
            Self::Refusals => format!("fhir-gateway alerts show {id}"),
            Self::Test => "fhir-gateway alerts list".to_owned(),
        }
    }
}

/// One alert, before it has an id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alert {
    kind: Kind,
    once: String,
    at_ms: i64,
    entry: Entry,
    about: Option<String>,
}

/// What it says: numbers and ids.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    counts: BTreeMap<String, u64>,
    references: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl Alert {
    /// Of what happened then. `once`: of two alerts of a kind with the same word, there is one.
    #[must_use]
    pub fn new(kind: Kind, once: &str, at_ms: i64) -> Self {
        let once = format!("{}:{once}", kind.as_str());
        Self { kind, once, at_ms, entry: Entry::default(), about: None }
    }

    /// With a number of something.
    #[must_use]
    pub fn counting(mut self, what: &str, count: u64) -> Self {
        self.entry.counts.insert(what.to_owned(), count);
        self
    }

    /// With the id of a row, or a word of the program's. What could be anything else is left out.
    #[must_use]
    pub fn naming(mut self, what: &'static str, id: &str) -> Self {
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_id) {
            self.entry.references.insert(what.to_owned(), id.to_owned());
        }
        self
    }

    /// With the instant until which something is to be done.
    #[must_use]
    pub fn until(mut self, until_ms: i64) -> Self {
        self.entry.until = Some(Clock::format(until_ms));
        self
    }

    /// With who is meant, for who asks at the machine: it is never sent.
    #[must_use]
    pub fn about(mut self, who: &str) -> Self {
        self.about = Some(who.to_owned());
        self
    }
}

/// What the webhook is sent, byte for byte the same at each attempt.
fn body(organization: OrganizationId, id: &str, kind: Kind, at_ms: i64, entry: &Entry) -> String {
    let mut body = json!({
        "id": id,
        "kind": kind.as_str(),
        "at": Clock::format(at_ms),
        "organization": organization.0,
        "counts": entry.counts,
        "references": entry.references,
        "more": kind.command(id, &entry.references),
    });
    if let Some(until) = &entry.until {
        body["until"] = until.as_str().into();
    }
    body.to_string()
}

/// The body of an alert that is not kept: somebody tries the webhook.
#[must_use]
pub fn test_body(organization: OrganizationId, id: &str, at_ms: i64) -> String {
    body(organization, id, Kind::Test, at_ms, &Entry::default())
}

/// Writes an alert in the open transaction; false where it was told before.
pub(crate) async fn tell(
    connection: &mut Connection,
    organization: OrganizationId,
    id: &str,
    alert: &Alert,
) -> Result<bool, DbError> {
    let now = dialect::now_ms(connection.engine());
    let entry = serde_json::to_string(&alert.entry).map_err(|_| DbError::fault("an alert that is no JSON"))?;
    let sql = format!(
        "insert into alerts (organization_id, id, kind, once, at, entry, about, state, tries, aside, written, due) \
         values ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, 0, {now}, {now}) on conflict do nothing"
    );
    let args = [
        Arg::Int(organization.0),
        Arg::Text(id),
        Arg::Text(alert.kind.as_str()),
        Arg::Text(&alert.once),
        Arg::Int(alert.at_ms),
        Arg::Text(&entry),
        Arg::text(alert.about.as_deref()),
    ];
    Ok(connection.execute(&sql, &args).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_words_of_their_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("glass"), None);
    }

    #[test]
    fn only_ids_are_told() {
        let alert = Alert::new(Kind::GlassBroken, "x", 0);
        for text in ["Ada Lovelace", "an overdose", "Patient/1", "", &"a".repeat(65), "caf\u{e9}"] {
            assert_eq!(alert.clone().naming("grant", text), alert, "{text}");
        }
        let named = alert.naming("grant", "0198a2c4-7d1e-7c55-8e5e-0123456789ab");
        assert_eq!(named.entry.references.len(), 1);
    }

    #[test]
    fn a_body_says_what_to_do_next() {
        let alert = Alert::new(Kind::IncidentRecorded, "x", 0).naming("incident", "i-1").counting("resources", 2);
        let body = body(OrganizationId(7), "a-1", alert.kind, alert.at_ms, &alert.entry);
        assert_eq!(
            body,
            r#"{"at":"1970-01-01T00:00:00.000Z","counts":{"resources":2},"id":"a-1","kind":"incident-recorded","more":"fhir-gateway incident show i-1","organization":7,"references":{"incident":"i-1"}}"#
        );
    }
}
