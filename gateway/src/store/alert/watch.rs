//! What becomes due by itself: reviews of broken glasses, and deadlines of incidents. Several processes may look at once, and each
//! thing is told once.

use std::collections::HashSet;

use consent::OrganizationId;

use super::{Alert, Kind};
use crate::clock::Clock;
use crate::store::Store;
use crate::store::alone::organizations;
use crate::store::connection::Arg;
use crate::store::error::StoreError;
use crate::store::incident;

/// Glasses that are looked at in one round, the oldest first.
const MOST: usize = 1000;
/// The longest time before a deadline that it counts as near.
const NEAR_MS: i64 = 7 * 86_400_000;

impl Store {
    /// Writes alerts for what has become due since the last time. A review may take `review_ms`.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn watch(&self, review_ms: i64) -> Result<(), StoreError> {
        for organization in organizations(self.core()).await? {
            for alert in self.become_due(organization, review_ms).await? {
                self.write_alert(organization, &alert).await?;
            }
        }
        Ok(())
    }

    /// What is due and was not told.
    async fn become_due(&self, organization: OrganizationId, review_ms: i64) -> Result<Vec<Alert>, StoreError> {
        let core = self.core();
        let now_ms = core.clock.now_ms();
        let args = [Arg::Int(organization.0), Arg::Int(now_ms - review_ms / 3), Arg::Int(now_ms - review_ms)];
        let mut connection = core.pools.reader().await?;
        connection.begin_read(Some(organization.0)).await?;
        let glasses = format!(
            "select g.id, g.opened from break_glass_grants g where g.organization_id = $1 and g.reviewed is null and g.opened <= $2 \
             and not exists (select 1 from alerts a where a.organization_id = g.organization_id and a.once = \
             case when g.opened <= $3 then '{}:' else '{}:' end || g.id) order by g.opened, g.id limit {MOST}",
            Kind::GlassReviewOverdue.as_str(),
            Kind::GlassReviewDue.as_str(),
        );
        let glasses = connection.fetch(&glasses, &args).await?;
        let incidents = incident::open(&mut connection, organization, now_ms).await?;
        let told = "select once from alerts where organization_id = $1 and kind in \
                    ('glass-review-due', 'glass-review-overdue', 'incident-deadline-near', 'incident-deadline-passed')";
        let told = connection.fetch(told, &args[..1]).await?;
        connection.end_read().await?;
        let told: HashSet<&str> = told.iter().filter_map(|row| row.text(0)).collect();
        let glasses = glasses.iter().filter_map(|row| Some(review(row.text(0)?, row.int(1)?, review_ms, now_ms)));
        let deadlines = incidents.iter().flat_map(|incident| {
            let open = incident.deadlines.iter().filter(|deadline| deadline.told.is_none());
            open.filter_map(|deadline| of_deadline(incident, deadline, now_ms))
        });
        Ok(glasses.chain(deadlines).filter(|alert| !told.contains(&*alert.once)).collect())
    }
}

/// A review that is due. Where nobody looked in time, that it is overdue says enough.
fn review(glass: &str, opened_ms: i64, review_ms: i64, now_ms: i64) -> Alert {
    let until_ms = opened_ms + review_ms;
    let kind = if until_ms <= now_ms { Kind::GlassReviewOverdue } else { Kind::GlassReviewDue };
    let at_ms = if until_ms <= now_ms { until_ms } else { opened_ms + review_ms / 3 };
    Alert::new(kind, glass, at_ms).naming("grant", glass).until(until_ms)
}

/// A deadline that is near or over.
fn of_deadline(incident: &incident::Incident, deadline: &incident::Deadline, now_ms: i64) -> Option<Alert> {
    let until_ms = Clock::parse(&deadline.until)?;
    let whole_ms = until_ms - Clock::parse(&incident.discovered)?;
    let near_ms = until_ms - NEAR_MS.min(whole_ms / 3);
    let (kind, at_ms) = match () {
        () if until_ms < now_ms => (Kind::IncidentDeadlinePassed, until_ms),
        () if near_ms <= now_ms => (Kind::IncidentDeadlineNear, near_ms),
        () => return None,
    };
    let once = format!("{}:{}:{until_ms}", incident.id, deadline.who);
    Some(Alert::new(kind, &once, at_ms).naming("incident", &incident.id).naming("who", deadline.who).until(until_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::incident::{Details, Incident, Law, deadlines};

    const HOUR: i64 = 3_600_000;

    fn incident(law: Law, now_ms: i64) -> Incident {
        let details = Details { law, persons: Some(1), ..Details::default() };
        Incident {
            id: "i".into(),
            kind: "reported".into(),
            recorded_by: "x".into(),
            recorded: Clock::format(0),
            discovered: Clock::format(0),
            deadlines: deadlines(&details, true, 0, now_ms),
            details,
            closed_by: None,
            closed: None,
        }
    }

    fn kinds(law: Law, now_ms: i64) -> Vec<Option<Kind>> {
        let incident = incident(law, now_ms);
        let told = incident.deadlines.iter().map(|deadline| of_deadline(&incident, deadline, now_ms));
        told.map(|alert| alert.map(|alert| alert.kind)).collect()
    }

    #[test]
    fn a_deadline_is_near_before_it_has_passed() {
        let (near, passed) = (Some(Kind::IncidentDeadlineNear), Some(Kind::IncidentDeadlinePassed));
        assert_eq!(kinds(Law::Eu, 48 * HOUR - 1), [None]);
        assert_eq!(kinds(Law::Eu, 48 * HOUR), [near]);
        assert_eq!(kinds(Law::Eu, 72 * HOUR), [near]);
        assert_eq!(kinds(Law::Eu, 72 * HOUR + 1), [passed]);
        assert_eq!(kinds(Law::Us, 53 * 24 * HOUR), [near, None], "60 days, and 60 days after the year");
        assert_eq!(kinds(Law::Us, 61 * 24 * HOUR), [passed, None]);
    }

    #[test]
    fn a_review_is_due_before_it_is_overdue() {
        assert_eq!(review("g", 0, 72 * HOUR, 24 * HOUR).kind, Kind::GlassReviewDue);
        assert_eq!(review("g", 0, 72 * HOUR, 72 * HOUR).kind, Kind::GlassReviewOverdue);
    }
}
