//! The options of what operators see.

use std::net::SocketAddr;

use clap::Args;

use super::log::LogFormat;

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
}
