//! What a scrape asks for: alerts that wait, and whether the gateway is ready.

use std::fmt;

use super::instrument::Level;
use super::out::Out;

/// What was found a moment ago.
#[derive(Debug)]
pub(super) struct Health {
    /// Alerts that wait to be sent; negative: nobody knows.
    alerts: Level,
}

impl Default for Health {
    fn default() -> Self {
        let alerts = Level::default();
        alerts.set(-1);
        Self { alerts }
    }
}

impl Health {
    /// So many alerts wait.
    pub(super) fn alerts_are(&self, waiting: Option<i64>) {
        self.alerts.set(waiting.unwrap_or(-1));
    }

    #[expect(clippy::cast_precision_loss, reason = "there are not so many")]
    pub(super) fn tell(&self, out: &mut Out<'_>) -> fmt::Result {
        let waiting = self.alerts.get();
        if waiting >= 0 {
            let help = "Alerts that wait to be sent to the webhook.";
            out.gauge("fhir_gateway_alerts_waiting", help, waiting as f64)?;
        }
        Ok(())
    }
}
