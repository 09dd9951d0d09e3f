//! What a server says of itself while it runs.

use std::io;
use std::panic::{self, PanicHookInfo};

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged (`info`, `gateway=debug`).
pub(in crate::cli) const LOG_VARIABLE: &str = "FHIR_GATEWAY_LOG";

/// Whether a text says what is logged.
pub(in crate::cli) fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// Logs to stderr, from this level on where the environment says nothing. Panics are told by their place alone: a message
/// may hold data.
pub(in crate::cli) fn log(level: &str) {
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    // A second time in one process changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}
