//! What operators see of a serving gateway: counts, times and levels, for Prometheus and what speaks OpenMetrics.
//!
//! Each part of the gateway owns its series ([`Http`], [`AuditSeries`], [`StoreSeries`], [`TokenSeries`]) and adds to them by
//! atomics alone: nobody waits on a hot path, and nothing is looked up in a map that grows. A scrape reads them, and asks the
//! system, the pools and the database for the rest. Labels are of fixed lists (route patterns, interactions, methods, classes of
//! status, R4's resource types): never an id, a name, a query or anything else that a client sends.

mod health;
mod http;
mod instrument;
pub mod listener;
mod out;
mod parts;
mod process;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::registry::Registry;

pub use self::http::{Http, Seen};
pub use self::instrument::{Count, Held, Histogram, Level};
pub use self::parts::{AuditSeries, Grant, StoreSeries, TokenSeries};

use self::health::Health;
use self::out::Out;
use self::process::Process;
use crate::http::secure::Secure;
use crate::readiness::Readiness;
use crate::store::Store;

/// All series of a serving gateway, and how they are told.
pub struct Metrics {
    /// What is HTTP about exchanges.
    pub http: Http,
    tokens: Arc<TokenSeries>,
    audit: Arc<AuditSeries>,
    store: Store,
    readiness: Arc<Readiness>,
    secure: Option<Arc<Secure>>,
    health: Health,
    process: Process,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Metrics")
    }
}

/// How series are written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exposition {
    /// <https://prometheus.io/docs/specs/om/open_metrics_spec/>
    OpenMetrics,
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>
    Prometheus,
}

impl Exposition {
    /// What an `Accept` header asks for: who does not name OpenMetrics gets what everybody reads.
    #[must_use]
    pub fn of(accept: &str) -> Self {
        let is_named = |range: &str| {
            let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
            let refused = parameters.split(';').any(|parameter| matches!(parameter.trim(), "q=0" | "q=0.0"));
            kind.trim().eq_ignore_ascii_case("application/openmetrics-text") && !refused
        };
        if accept.split(',').any(is_named) { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// Its media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

impl Metrics {
    /// Of a gateway with these parts.
    pub fn new(store: Store, (audit, tokens): (Arc<AuditSeries>, Arc<TokenSeries>), readiness: Arc<Readiness>) -> Self {
        let (http, health, process) = (Http::new(), Health::default(), Process::new());
        Self { http, tokens, audit, store, readiness, secure: None, health, process }
    }

    /// And of TLS of its own.
    #[must_use]
    pub fn and_secure(self, secure: Option<Arc<Secure>>) -> Self {
        Self { secure, ..self }
    }

    /// All series as text, as they are now.
    pub async fn text(self: &Arc<Self>, exposition: Exposition) -> String {
        self.health.look(&self.readiness, &self.store).await;
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(self)));
        let mut told = String::with_capacity(64 * 1024);
        let written = match exposition {
            Exposition::OpenMetrics => text::encode(&mut told, &registry),
            Exposition::Prometheus => prometheus_text::encode(&mut told, &registry),
        };
        if written.is_err() {
            // Writing to a String does not fail, and half of the series would look like all.
            told.clear();
        }
        told
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        self.http.tell(&mut out)?;
        self.tokens.tell(&mut out)?;
        self.audit.tell(&mut out)?;
        self.store.series().tell(&mut out)?;
        parts::tell_pools(&self.store.connections(), &mut out)?;
        parts::tell_secure(self.secure.as_deref(), &mut out)?;
        self.health.tell(&mut out)?;
        self.process.tell(self.store.engine_name(), &mut out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_openmetrics_gets_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(Exposition::of(prometheus), Exposition::OpenMetrics);
        for other in
            ["", "*/*", "text/plain", "application/openmetrics-text;q=0, text/plain", "application/openmetrics"]
        {
            assert_eq!(Exposition::of(other), Exposition::Prometheus, "{other}");
        }
    }
}
