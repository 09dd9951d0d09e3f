//! What stands before an exchange.

use crate::http::source::TrustedProxies;

/// What stands before an exchange.
#[derive(Default)]
pub struct Edge {
    /// Whom the address of a client is believed.
    pub proxies: TrustedProxies,
}
