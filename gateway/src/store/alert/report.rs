//! Alerts as the operator sees them.

use consent::{OrganizationId, Permit};
use serde::Serialize;

use super::queue::{Content, State};
use crate::clock::Clock;
use crate::store::Store;
use crate::store::connection::{Arg, Row};
use crate::store::error::StoreError;

/// Alerts that a list shows.
const MOST_LISTED: usize = 1000;

/// An alert as the operator sees it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// When what it tells happened: an instant.
    pub at: String,
    /// Where it stands.
    pub state: State,
    /// How often it was tried.
    pub tries: i64,
    /// Why it was not taken the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it is tried next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// When it was sent or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Who is meant, where somebody is; that is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What the webhook is sent.
    pub body: serde_json::Value,
}

impl Report {
    fn of(organization: OrganizationId, row: &Row) -> Self {
        let text = |place| row.text(place).unwrap_or_default().to_owned();
        let state = State::parse(row.text(4).unwrap_or_default());
        let sent = Content::of(row).map(|content| content.body(organization));
        Self {
            id: text(0),
            kind: text(1),
            at: Clock::format(row.int(2).unwrap_or_default()),
            state,
            tries: row.int(5).unwrap_or_default(),
            problem: row.text(6).map(ToOwned::to_owned),
            due: row.int(7).filter(|_| state == State::Waiting).map(Clock::format),
            ended: row.int(8).map(Clock::format),
            about: row.text(9).map(ToOwned::to_owned),
            body: sent.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default(),
        }
    }
}

impl Store {
    /// Alerts, the oldest first: those that wait or were given up, or (`all`) the sent ones too; at most a thousand, the latest.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn alerts(&self, permit: &Permit, all: bool) -> Result<Vec<Report>, StoreError> {
        let states = if all { "" } else { "and state <> 'sent'" };
        let mut found = self.alerts_where(permit, &format!("{states} order by at desc, id desc"), &[]).await?;
        found.reverse();
        Ok(found)
    }

    /// One alert.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn alert(&self, permit: &Permit, id: &str) -> Result<Option<Report>, StoreError> {
        Ok(self.alerts_where(permit, "and id = $2", &[Arg::Text(id)]).await?.pop())
    }

    async fn alerts_where(
        &self,
        permit: &Permit,
        condition: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<Report>, StoreError> {
        let organization = permit.organization();
        let sql = format!(
            "select id, kind, at, entry, state, tries, problem, due, ended, about from alerts \
             where organization_id = $1 {condition} limit {MOST_LISTED}"
        );
        let mut connection = self.core().pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let rows = connection.fetch(&sql, &[&[Arg::Int(organization.0)], args].concat()).await?;
        connection.end_read().await?;
        Ok(rows.iter().map(|row| Report::of(organization, row)).collect())
    }
}
