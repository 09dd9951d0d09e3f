//! What stands before an exchange.

use std::sync::Arc;

use ipnet::IpNet;

use crate::fair::Places;
use crate::http::noted::Noted;
use crate::http::rate::{Guesses, Numbers, Rates};
use crate::http::source::TrustedProxies;

/// What stands before an exchange; by default nothing.
#[derive(Default)]
pub struct Edge {
    /// Whom the address of a client is believed.
    pub proxies: TrustedProxies,
    /// The networks that are answered; none are all.
    pub networks: Vec<IpNet>,
    /// How much may be asked.
    pub rates: Rates,
    /// How often a login may fail, which `logins` asks.
    pub guesses: Arc<Guesses>,
    /// How often a token that nobody has seen here may be none.
    pub tokens: Guesses,
    /// How many exchanges are worked on at once; `None`: all.
    pub load: Option<Arc<Places>>,
    /// Makes numbers of those who ask.
    pub numbers: Numbers,
    /// What was not begun.
    pub noted: Noted,
}
