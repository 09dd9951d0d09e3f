//! What stands before an exchange.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::http::load::Load;
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
    /// How many exchanges are worked on at once; `None`: all.
    pub load: Option<Arc<Load>>,
    /// Makes numbers of those who ask.
    pub numbers: Numbers,
    /// What was not begun.
    pub noted: Noted,
}

impl Edge {
    /// Whether somebody at that address is answered.
    pub(super) fn answers(&self, source: Option<IpAddr>) -> bool {
        let holds = |source: IpAddr| self.networks.iter().any(|network| network.contains(&source.to_canonical()));
        self.networks.is_empty() || source.is_some_and(holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::source::network;

    #[test]
    fn the_networks_that_are_answered() {
        let edge = |networks: &[&str]| Edge {
            networks: networks.iter().map(|text| network(text).unwrap()).collect(),
            ..Edge::default()
        };
        let answers = |edge: &Edge, source: &str| edge.answers(source.parse().ok());
        assert!(edge(&[]).answers(None) && answers(&edge(&[]), "192.0.2.1"));
        let clinic = edge(&["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]);
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::5", "192.0.2.7"] {
            assert!(answers(&clinic, inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "::1", "no address"] {
            assert!(!answers(&clinic, outside), "{outside}");
        }
    }
}
