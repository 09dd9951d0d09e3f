//! HTTP: the listener, one exchange from bytes to bytes, and what headers mean.
//!
//! hyper directly, without a stack of layers: a read is one statement, and what stands around it must not cost more.

pub mod acme;
mod activity;
mod admission;
pub mod binary;
pub mod body;
mod certificate;
pub mod compression;
mod connection;
mod crowd;
pub mod date;
pub mod early;
pub mod edge;
pub mod exchange;
pub mod named;
pub mod negotiation;
pub mod noted;
mod oauth;
mod observed;
mod panics;
pub mod precondition;
pub mod preference;
pub mod pretty;
pub mod protection;
pub mod query;
pub mod rate;
pub mod request_id;
pub mod response;
pub mod room;
pub mod secure;
pub mod server;
pub mod source;
pub mod traceparent;
pub mod xml;

use std::time::Duration;

pub use certificate::CertificateFiles;

/// What bounds an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body, in bytes, as sent and as inflated.
    pub body: usize,
    /// Bodies that are held at a time, in bytes, over all clients; for more there is no room.
    pub bodies: usize,
    /// The longest line and headers of a request together, in bytes.
    pub head: usize,
    /// How long a handshake may take, and then headers to arrive: over HTTP/1.1 counted from the answer before.
    pub head_time: Duration,
    /// How long a connection may be without an exchange, or take nothing of an answer.
    pub idle: Duration,
    /// How long a connection that is about to be closed may be so.
    pub linger: Duration,
    /// How long a body may take to arrive, and then how long the work may take.
    pub time: Duration,
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Exchanges at a time on a connection of HTTP/2; for more it is not allowed to ask.
    pub streams: u32,
    /// Writes at a time, over all connections; more wait.
    pub writes: u32,
    /// How long exchanges under way may take after SIGTERM.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 32 * 1024 * 1024,
            bodies: 1024 * 1024 * 1024,
            head: 64 * 1024,
            head_time: Duration::from_secs(30),
            idle: Duration::from_secs(120),
            linger: Duration::from_secs(5),
            time: Duration::from_secs(60),
            connections: 4096,
            streams: 100,
            writes: 1024,
            drain: Duration::from_secs(30),
        }
    }
}
