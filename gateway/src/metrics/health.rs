//! What a scrape asks for: whether the gateway is ready, and alerts that wait.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::timeout;

use super::out::Out;
use crate::readiness::{Readiness, Report};
use crate::store::Store;

/// How long a scrape waits for the database.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the number of alerts is known.
const KNOWN: Duration = Duration::from_secs(5);

/// What was found a moment ago.
#[derive(Debug, Default)]
pub(super) struct Health {
    report: Mutex<Option<Arc<Report>>>,
    /// Alerts that wait to be sent; where nobody knows, that series is left out: an old figure would pass for a new one.
    alerts: Mutex<Option<(Instant, Option<i64>)>>,
}

impl Health {
    /// Finds out.
    pub(super) async fn look(&self, readiness: &Readiness, store: &Store) {
        *self.report.lock() = Some(readiness.report().await);
        let is_known = self.alerts.lock().is_some_and(|(at, _)| at.elapsed() < KNOWN);
        if !is_known {
            let waiting = timeout(PATIENCE, store.alerts_waiting()).await.ok().and_then(Result::ok);
            *self.alerts.lock() = Some((Instant::now(), waiting));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
    pub(super) fn tell(&self, out: &mut Out<'_>) -> fmt::Result {
        let number = |so| if so { 1.0 } else { 0.0 };
        let report = self.report.lock().clone();
        if let Some(report) = report {
            let help = "1 where the gateway is ready: every check of /readyz passes.";
            out.gauge("fhir_gateway_ready", help, number(report.is_ready()))?;
            out.gauges(
                ("fhir_gateway_ready_check", "1 where a check of /readyz passes, by its name."),
                report.checks().map(|(check, passed)| ([("check", check)], number(passed))),
            )?;
        }
        let alerts = *self.alerts.lock();
        if let Some((_, Some(waiting))) = alerts {
            let help = "Alerts that wait to be sent to the webhook.";
            out.gauge("fhir_gateway_alerts_waiting", help, waiting as f64)?;
        }
        Ok(())
    }
}
