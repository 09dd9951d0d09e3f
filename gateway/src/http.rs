//! HTTP: the listener, one exchange from bytes to bytes, and what headers mean.
//!
//! hyper directly, without a stack of layers: a read is one statement, and what stands around it must not cost more.

pub mod binary;
pub mod body;
pub mod compression;
pub mod date;
pub mod early;
pub mod edge;
pub mod exchange;
pub mod named;
pub mod negotiation;
mod oauth;
mod observed;
pub mod precondition;
pub mod preference;
pub mod pretty;
pub mod query;
pub mod request_id;
pub mod response;
pub mod server;
pub mod source;
pub mod traceparent;
pub mod xml;

use std::time::Duration;

/// What bounds an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body, in bytes, as sent and as inflated.
    pub body: usize,
    /// The longest line and headers of a request together, in bytes.
    pub head: usize,
    /// How long headers may take to arrive.
    pub head_time: Duration,
    /// How long a body may take to arrive, and then how long the work may take.
    pub time: Duration,
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Writes at a time, over all connections; more wait.
    pub writes: u32,
    /// How long exchanges under way may take after SIGTERM.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 * 1024 * 1024,
            head: 64 * 1024,
            head_time: Duration::from_secs(30),
            time: Duration::from_secs(60),
            connections: 4096,
            writes: 1024,
            drain: Duration::from_secs(30),
        }
    }
}
