//! The options of what operators see.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use reqwest::Url;

use super::log::LogFormat;
use crate::cli::Stop;
use crate::traces::Traces;

/// What operators see.
#[derive(Args, Clone, Debug)]
pub(super) struct OperatorArgs {
    /// Also listens here, for scrapes of `/metrics` alone (Prometheus, OpenMetrics), without TLS or token: an address that strangers do
    /// not reach, as 127.0.0.1:9464. The line on standard output says where ("metrics"). It tells counts and times, never of whom.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FHIR_GATEWAY_METRICS_LISTEN")]
    pub(super) metrics_listen: Option<SocketAddr>,
    /// How the log is written to stderr. $`FHIR_GATEWAY_LOG` says what is in it (error, warn, info, debug, trace); each line of an exchange has
    /// its X-Request-Id and the trace of its traceparent, none has data of patients.
    #[arg(long, value_enum, value_name = "FORMAT", env = "FHIR_GATEWAY_LOG_FORMAT", default_value_t)]
    pub(super) log_format: LogFormat,
    /// Sends a span for each exchange (method, route pattern, status; never of whom) to an OpenTelemetry collector at this address, by OTLP
    /// over HTTP (`http://127.0.0.1:4318`; `/v1/traces` is added). What the collector does not take is dropped. Headers for it:
    /// $`OTEL_EXPORTER_OTLP_HEADERS`.
    #[arg(long, value_name = "URL", env = "FHIR_GATEWAY_OTLP_ENDPOINT", value_parser = collector)]
    otlp_endpoint: Option<Url>,
    /// The share of exchanges that spans are sent of, from 0 to 1; of those that a caller's traceparent makes part of a trace, what it says
    /// counts.
    #[arg(long, value_name = "SHARE", requires = "otlp_endpoint", env = "FHIR_GATEWAY_OTLP_SAMPLE", default_value_t = 0.1, value_parser = share)]
    otlp_sample: f64,
}

impl OperatorArgs {
    /// Where spans go.
    pub(super) fn traces(&self) -> Result<Option<Arc<Traces>>, Stop> {
        let traces = self.otlp_endpoint.as_ref().map(|collector| Traces::new(collector, self.otlp_sample)).transpose();
        Ok(traces.map_err(|error| Stop::failed(error.to_string()))?.map(Arc::new))
    }
}

/// The address of a collector. Secrets go into headers, not here: the command line is for everybody to read.
fn collector(text: &str) -> Result<Url, String> {
    let wrong = || "give the address of a collector: http://127.0.0.1:4318, without user, query or fragment".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain { Ok(url) } else { Err(wrong()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "give a number from 0 to 1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_have_plain_addresses() {
        for good in ["http://127.0.0.1:4318", "https://otlp.example/base/", "http://[::1]:4318"] {
            assert!(collector(good).is_ok(), "{good}");
        }
        for bad in
            ["", "127.0.0.1:4318", "grpc://x:4317", "https://u:p@x", "https://x?token=1", "https://x#y", "http://"]
        {
            assert!(collector(bad).is_err(), "{bad}");
        }
        assert_eq!([share("0"), share("0.25"), share("1")], [Ok(0.0), Ok(0.25), Ok(1.0)]);
        for bad in ["-0.1", "1.1", "NaN", "all"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }
}
