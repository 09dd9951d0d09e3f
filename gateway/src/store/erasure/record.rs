//! Requests to erase and their certificates, as the database keeps them.

use consent::OrganizationId;
use serde::Serialize;

use super::plan::Plan;
use super::{EXPIRES_MS, ErasureError};
use crate::audit::heads;
use crate::clock::Clock;
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::dialect;

/// What certificates are signed for.
pub(super) const PURPOSE: &str = "erasure certificate";

/// How far a request is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Erased, and nothing of it is left in files.
    Done,
    /// Erased from the tables; what is outside the database or in its free pages is still to go.
    Erased,
    /// Nobody approved it in time.
    Expired,
    /// Somebody rejected it.
    Rejected,
    /// It waits for another person.
    Waiting,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Purge {
    /// Its id.
    pub id: String,
    /// What is to be erased.
    pub target: String,
    /// `us` or `eu`.
    pub preset: String,
    /// For how many years after the last write a record is kept.
    pub retention_years: i64,
    /// With copies in other resources.
    pub include_copies: bool,
    /// With rows of tables without a map.
    pub include_unmapped: bool,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub requested_by: String,
    /// When: an instant.
    pub requested: String,
    /// Until when somebody can approve it.
    pub expires: String,
    /// How far it is.
    pub state: State,
    /// Who approved or rejected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<String>,
    /// What was shown; none once it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    #[serde(skip)]
    pub(super) certificate: Option<(String, String, String)>,
}

/// What was erased, signed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The text that is signed, as it is: JSON.
    pub certificate: Box<serde_json::value::RawValue>,
    /// The public key (Ed25519, hexadecimal).
    pub signer: String,
    /// The signature on `fhir-gateway erasure certificate 1`, a line feed and the text, as base64.
    pub signature: String,
    /// Whether the signature is that key's on that text.
    pub signature_holds: bool,
    /// Whether files and free pages are cleaned, too.
    pub finished: bool,
}

impl Purge {
    /// Its certificate; `None` where nothing was erased yet.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        let (text, signer, signature) = self.certificate.clone()?;
        Some(Certificate {
            signature_holds: heads::is_signed_for(PURPOSE, &text, &signer, &signature),
            certificate: serde_json::value::RawValue::from_string(text).ok()?,
            signer,
            signature,
            finished: self.state == State::Done,
        })
    }

    fn of(row: &Row, now_ms: i64) -> Self {
        let text = |column| row.text(column).unwrap_or_default().to_owned();
        let requested = row.int(8).unwrap_or_default();
        let state = match row.text(9) {
            Some("waiting") if requested.saturating_add(EXPIRES_MS) < now_ms => State::Expired,
            Some("waiting") => State::Waiting,
            Some("rejected") => State::Rejected,
            Some("erased") => State::Erased,
            _ => State::Done,
        };
        let signed = || Some((row.text(13)?.to_owned(), row.text(14)?.to_owned(), row.text(15)?.to_owned()));
        Self {
            id: text(0),
            target: text(1),
            preset: text(2),
            retention_years: row.int(3).unwrap_or_default(),
            include_copies: row.int(4) == Some(1),
            include_unmapped: row.int(5) == Some(1),
            reason: text(6),
            requested_by: text(7),
            requested: Clock::format(requested),
            expires: Clock::format(requested.saturating_add(EXPIRES_MS)),
            state,
            decided_by: row.text(10).map(ToOwned::to_owned),
            decided: row.int(11).map(Clock::format),
            plan: row.text(12).and_then(|plan| serde_json::from_str(plan).ok()),
            certificate: signed(),
        }
    }
}

const COLUMNS: &str = "id, target, preset, retention_years, include_copies, include_unmapped, reason, requested_by, requested, \
     state, decided_by, decided, plan, certificate, signer, signature";

/// All requests, the latest first.
pub(super) async fn all(
    connection: &mut Connection,
    organization: OrganizationId,
    now_ms: i64,
) -> Result<Vec<Purge>, DbError> {
    let sql = format!("select {COLUMNS} from purges where organization_id = $1 order by requested desc, id desc");
    let rows = connection.fetch(&sql, &[Arg::Int(organization.0)]).await?;
    Ok(rows.iter().map(|row| Purge::of(row, now_ms)).collect())
}

/// One request; nobody else decides on it until the transaction ends.
pub(super) async fn one(
    connection: &mut Connection,
    organization: OrganizationId,
    id: &str,
    now_ms: i64,
    to_change: bool,
) -> Result<Purge, ErasureError> {
    let locked = if to_change { dialect::for_update(connection.engine()) } else { "" };
    let sql = format!("select {COLUMNS} from purges where organization_id = $1 and id = $2{locked}");
    let row = connection.fetch_optional(&sql, &[Arg::Int(organization.0), Arg::Text(id)]).await?;
    let unknown = || ErasureError::Refused(format!("there is no request {id}; `purge list` shows those that are"));
    row.map(|row| Purge::of(&row, now_ms)).ok_or_else(unknown)
}

/// A request in its first or last state.
pub(super) struct Written<'p> {
    pub(super) purge: &'p Purge,
    pub(super) requested_ms: i64,
    pub(super) plan: Option<&'p str>,
    pub(super) state: &'static str,
    pub(super) decided_ms: Option<i64>,
    pub(super) signed: Option<(&'p str, &'p str, &'p str)>,
}

/// Keeps a request that is new.
pub(super) async fn insert(
    connection: &mut Connection,
    organization: OrganizationId,
    written: &Written<'_>,
) -> Result<(), DbError> {
    let sql = "insert into purges (organization_id, id, target, preset, retention_years, include_copies, include_unmapped, \
               reason, requested_by, requested, plan, state, decided_by, decided, certificate, signer, signature) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let purge = written.purge;
    let signed = written.signed;
    let args = [
        Arg::Int(organization.0),
        Arg::Text(&purge.id),
        Arg::Text(&purge.target),
        Arg::Text(&purge.preset),
        Arg::Int(purge.retention_years),
        Arg::Int(i64::from(purge.include_copies)),
        Arg::Int(i64::from(purge.include_unmapped)),
        Arg::Text(&purge.reason),
        Arg::Text(&purge.requested_by),
        Arg::Int(written.requested_ms),
        Arg::text(written.plan),
        Arg::Text(written.state),
        Arg::text(purge.decided_by.as_deref()),
        Arg::int(written.decided_ms),
        Arg::text(signed.map(|signed| signed.0)),
        Arg::text(signed.map(|signed| signed.1)),
        Arg::text(signed.map(|signed| signed.2)),
    ];
    connection.execute(sql, &args).await.map(drop)
}
