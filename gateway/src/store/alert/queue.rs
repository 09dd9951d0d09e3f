//! Alerts that wait: who sends one has it alone until a lease ends, by the clock of the database, which is one for all processes.
//!
//! An organization's alerts go in the order in which things happened, and a receiver that takes nothing is asked about the first
//! of them alone. One that the receiver takes for malformed steps aside, so that it holds nobody up.

use std::time::Duration;

use consent::OrganizationId;
use serde::Serialize;

use super::{Entry, Kind, body};
use crate::store::Store;
use crate::store::alone::{organizations, organizations_of};
use crate::store::connection::{Arg, Connection, DbError, Row};
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::StoreError;

/// How long whoever sends an alert has it alone: longer than an attempt can take.
const LEASE_MS: i64 = 30_000;
/// How often one is tried at most.
const MOST_TRIES: i64 = 100;
/// How often one is tried at least, however old it is: it may have waited for a server.
const FEWEST_TRIES: i64 = 3;
/// The pause after the first failure; each one after that doubles it.
const FIRST_PAUSE_MS: i64 = 2_000;
/// The longest pause.
const LONGEST_PAUSE_MS: i64 = 3_600_000;
/// For how long alerts are kept, sent or not.
const KEPT_MS: i64 = 90 * 86_400_000;

/// An alert that this process has alone for a while.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Whose.
    pub organization: OrganizationId,
    /// Its id: the receiver drops what it has had.
    pub id: String,
    /// Its kind's word.
    pub kind: &'static str,
    /// What is sent.
    pub body: String,
    tries: i64,
    lease: String,
}

/// What became of an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The receiver has it.
    Sent,
    /// It has not.
    Failed {
        /// Why, in words of ours.
        problem: String,
        /// The receiver refused this alert, and may take another.
        aside: bool,
        /// It wants to be left alone for so long.
        pause: Option<Duration>,
    },
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody takes it: it is not tried any more.
    GivenUp,
    /// The receiver has it.
    Sent,
    /// It is to be sent.
    Waiting,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GivenUp => "given-up",
            Self::Sent => "sent",
            Self::Waiting => "waiting",
        }
    }

    pub(super) fn parse(word: &str) -> Self {
        match word {
            "sent" => Self::Sent,
            "given-up" => Self::GivenUp,
            _ => Self::Waiting,
        }
    }
}

/// The first four columns of every statement here.
pub(super) struct Content {
    id: String,
    kind: Kind,
    at_ms: i64,
    entry: Entry,
}

impl Content {
    pub(super) fn of(row: &Row) -> Option<Self> {
        Some(Self {
            id: row.text(0)?.to_owned(),
            kind: Kind::parse(row.text(1)?)?,
            at_ms: row.int(2)?,
            // Whatever became of the rest: that it happened is told.
            entry: serde_json::from_str(row.text(3)?).unwrap_or_default(),
        })
    }

    pub(super) fn body(&self, organization: OrganizationId) -> String {
        body(organization, &self.id, self.kind, self.at_ms, &self.entry)
    }
}

/// How long to wait after so many attempts: twice as long each time, and never more than an hour; a little more or less for each
/// alert, so that those of many servers do not come together.
fn pause_ms(tries: i64, id: &str) -> i64 {
    let doubled = FIRST_PAUSE_MS << tries.clamp(1, 12).saturating_sub(1);
    let spread = i64::from(id.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte)));
    let whole = doubled.min(LONGEST_PAUSE_MS);
    whole - whole / 10 + whole / 5 * spread / 255
}

impl Store {
    /// Takes the next alert of an organization that is due, for this process alone until it is settled or a lease ends.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn claim_alert(&self, organization: OrganizationId) -> Result<Option<Claimed>, StoreError> {
        let core = self.core();
        let args = [Arg::Int(organization.0)];
        {
            // Mostly there is nothing, and nobody must wait for that to be found out.
            let mut reader = core.pools.reader().await?;
            reader.begin_read(Some(organization.0)).await?;
            let waiting = "select 1 from alerts where organization_id = $1 and state = 'waiting' limit 1";
            let waiting = reader.fetch_optional(waiting, &args).await?;
            reader.end_read().await?;
            if waiting.is_none() {
                return Ok(None);
            }
        }
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let claimed = claim(core, &mut connection, organization).await;
        match claimed {
            Ok(claimed) => {
                connection.commit().await?;
                Ok(claimed)
            }
            Err(error) => {
                connection.rollback_if_open().await;
                Err(error.into())
            }
        }
    }

    /// Writes down what became of an attempt: where the alert stands now. What is tried for longer than `patience` is given up.
    ///
    /// # Errors
    /// The database does not answer: the alert is sent again when the lease ends.
    pub async fn settle_alert(
        &self,
        claimed: &Claimed,
        fate: &Fate,
        patience: Duration,
    ) -> Result<Option<State>, StoreError> {
        let core = self.core();
        let now = dialect::now_ms(core.pools.engine());
        let key = [Arg::Int(claimed.organization.0), Arg::Text(&claimed.id), Arg::Text(&claimed.lease)];
        let mut connection = core.pools.writer().await?;
        connection.begin_write(Some(claimed.organization.0)).await?;
        // Whoever was so slow that the lease ended has no say any more.
        let row = match fate {
            Fate::Sent => {
                let sql = format!(
                    "update alerts set state = 'sent', ended = {now}, lease = null, lease_until = null, problem = null \
                     where organization_id = $1 and id = $2 and lease = $3 and state = 'waiting' returning state"
                );
                connection.fetch_optional(&sql, &key).await?
            }
            Fate::Failed { problem, aside, pause } => {
                let wanted = pause.map_or(0, |pause| i64::try_from(pause.as_millis()).unwrap_or(LONGEST_PAUSE_MS));
                let pause = pause_ms(claimed.tries, &claimed.id).max(wanted.min(LONGEST_PAUSE_MS));
                let patience = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX / 2);
                let over = format!("(tries >= {MOST_TRIES} or (tries >= {FEWEST_TRIES} and {now} - written >= $7))");
                let sql = format!(
                    "update alerts set state = case when {over} then 'given-up' else 'waiting' end, \
                     ended = case when {over} then {now} else null end, lease = null, lease_until = null, problem = $4, \
                     aside = case when aside = 1 then 1 else $5 end, due = {now} + $6 \
                     where organization_id = $1 and id = $2 and lease = $3 and state = 'waiting' returning state"
                );
                let rest = [Arg::Text(problem), Arg::Int((*aside).into()), Arg::Int(pause), Arg::Int(patience)];
                connection.fetch_optional(&sql, &[&key[..], &rest[..]].concat()).await?
            }
        };
        connection.commit().await?;
        Ok(row.and_then(|row| row.text(0).map(State::parse)))
    }

    /// Makes all that wait due now; with `given_up` those that were given up wait again, as if they were new.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn hasten_alerts(&self, organization: OrganizationId, given_up: bool) -> Result<(), StoreError> {
        let now = dialect::now_ms(self.core().pools.engine());
        let mut connection = self.core().pools.writer().await?;
        connection.begin_write(Some(organization.0)).await?;
        let args = [Arg::Int(organization.0)];
        if given_up {
            let sql = format!(
                "update alerts set state = 'waiting', tries = 0, aside = 0, written = {now}, due = {now}, ended = null \
                 where organization_id = $1 and state = 'given-up'"
            );
            connection.execute(&sql, &args).await?;
        }
        let sql = format!("update alerts set due = {now} where organization_id = $1 and state = 'waiting'");
        connection.execute(&sql, &args).await?;
        connection.commit().await?;
        Ok(())
    }

    /// How many alerts wait to be sent, of all organizations.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn alerts_waiting(&self) -> Result<i64, StoreError> {
        let mut connection = self.core().pools.reader().await?;
        let mut waiting = 0;
        for organization in organizations_of(&mut connection).await? {
            connection.begin_read(Some(organization.0)).await?;
            let sql = "select count(*) from alerts where organization_id = $1 and state = 'waiting'";
            let row = connection.fetch_optional(sql, &[Arg::Int(organization.0)]).await?;
            connection.end_read().await?;
            waiting += row.and_then(|row| row.int(0)).unwrap_or(0);
        }
        Ok(waiting)
    }

    /// Forgets alerts that are older than anybody asks for.
    ///
    /// # Errors
    /// The database does not answer.
    pub(crate) async fn forget_alerts(&self) -> Result<(), StoreError> {
        let core = self.core();
        let old = format!("written < {} - {KEPT_MS}", dialect::now_ms(core.pools.engine()));
        for organization in organizations(core).await? {
            let args = [Arg::Int(organization.0)];
            let mut connection = core.pools.reader().await?;
            connection.begin_read(Some(organization.0)).await?;
            let sql = format!("select 1 from alerts where organization_id = $1 and {old} limit 1");
            let found = connection.fetch_optional(&sql, &args).await?;
            connection.end_read().await?;
            drop(connection);
            if found.is_some() {
                let mut connection = core.pools.writer().await?;
                connection.begin_write(Some(organization.0)).await?;
                let sql = format!("delete from alerts where organization_id = $1 and {old}");
                connection.execute(&sql, &args).await?;
                connection.commit().await?;
            }
        }
        Ok(())
    }
}

async fn claim(
    core: &Core,
    connection: &mut Connection,
    organization: OrganizationId,
) -> Result<Option<Claimed>, DbError> {
    let now = dialect::now_ms(connection.engine());
    let free = format!("(lease_until is null or lease_until <= {now})");
    let columns = "id, kind, at, entry, tries";
    // Those of a later release are for a process of it.
    let known: Vec<String> = Kind::ALL.iter().map(|kind| dialect::literal(kind.as_str())).collect();
    let waiting = format!("organization_id = $1 and state = 'waiting' and kind in ({})", known.join(", "));
    // The first one alone, whether it is due or not: what happened later is told later.
    let first = format!(
        "select {columns}, case when due <= {now} and {free} then 1 else 0 end from alerts \
         where {waiting} and aside = 0 order by at, id limit 1"
    );
    let aside = format!(
        "select {columns}, 1 from alerts where {waiting} and aside = 1 and due <= {now} and {free} order by at, id limit 1"
    );
    let args = [Arg::Int(organization.0)];
    let mut found = connection.fetch_optional(&first, &args).await?.filter(|row| row.flag(5));
    if found.is_none() {
        found = connection.fetch_optional(&aside, &args).await?;
    }
    let Some(row) = found else { return Ok(None) };
    let content = Content::of(&row).ok_or_else(|| DbError::fault("an alert that was kept cannot be read"))?;
    let lease = core.told.id();
    let sql = format!(
        "update alerts set lease = $3, lease_until = {now} + {LEASE_MS}, tries = tries + 1 \
         where organization_id = $1 and id = $2 and state = 'waiting' and {free}"
    );
    let args = [Arg::Int(organization.0), Arg::Text(&content.id), Arg::Text(&lease)];
    if connection.execute(&sql, &args).await? == 0 {
        // Somebody else was faster.
        return Ok(None);
    }
    Ok(Some(Claimed {
        organization,
        kind: content.kind.as_str(),
        body: content.body(organization),
        tries: row.int(4).unwrap_or_default() + 1,
        id: content.id,
        lease,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_tests::{Random, rounds};

    /// Pauses grow, stay near what is said of them, and never exceed an hour by more than a tenth.
    #[test]
    fn pauses_grow_to_an_hour() {
        let mut random = Random::seeded(2);
        for _ in 0..rounds(2_000, 100_000) {
            let id = format!("{:x}", random.bits());
            let mut before = 0;
            for tries in 1..=MOST_TRIES {
                let pause = pause_ms(tries, &id);
                let plain = (FIRST_PAUSE_MS << (tries - 1).min(20)).min(LONGEST_PAUSE_MS);
                assert!(
                    pause >= before && pause >= plain - plain / 10 && pause <= plain + plain / 9,
                    "{tries} {pause}"
                );
                before = pause;
            }
        }
        assert!(LEASE_MS > 2 * i64::try_from(crate::webhook::PATIENCE.as_millis()).unwrap());
    }
}
