//! How many connections an address has: nobody takes all there is room for.
//!
//! What asks is looked at by rates and places, which begin with a request; a connection that says nothing is none.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::http::source::{TrustedProxies, subscriber};

/// The connections there are, by address (of IPv6: a network of 64 bits).
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    most: usize,
    connected: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that is counted, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    crowd: Crowd,
    who: Option<IpAddr>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(who) = self.who else { return };
        let mut connected = self.crowd.connected.lock();
        if let Some(count) = connected.get_mut(&who) {
            *count -= 1;
            if *count == 0 {
                connected.remove(&who);
            }
        }
    }
}

impl Crowd {
    /// An address has at most a quarter of the connections there is room for.
    pub(super) fn new(room: usize) -> Self {
        Self { most: (room / 4).max(1), connected: Arc::default() }
    }

    /// One more of an address; `None` where it has as many as it may. Those of this machine and of proxies are many people's.
    pub(super) fn one_more(&self, peer: IpAddr, proxies: &TrustedProxies) -> Option<Counted> {
        let peer = peer.to_canonical();
        if peer.is_loopback() || proxies.trusts(peer) {
            return Some(Counted { crowd: self.clone(), who: None });
        }
        let who = subscriber(peer);
        let mut connected = self.connected.lock();
        let count = connected.entry(who).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(connected);
        Some(Counted { crowd: self.clone(), who: Some(who) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_a_quarter_and_what_ends_is_for_another() {
        let (crowd, proxies) = (Crowd::new(8), TrustedProxies::default());
        let one = |address: &str| crowd.one_more(of(address), &proxies);
        let first = [one("192.0.2.1"), one("192.0.2.1")].map(Option::unwrap);
        assert!(one("192.0.2.1").is_none() && one("::ffff:192.0.2.1").is_none());
        let other = one("192.0.2.2").unwrap();
        drop(first);
        assert!(one("192.0.2.1").is_some());
        drop(other);
        let many = [one("2001:db8::1"), one("2001:db8::2")].map(Option::unwrap);
        assert!(one("2001:db8::3").is_none() && one("2001:db8:0:1::3").is_some());
        drop(many);
        assert!(crowd.connected.lock().is_empty(), "nobody is kept who has gone");
    }

    #[test]
    fn this_machine_and_proxies_are_many_people() {
        let proxies = TrustedProxies { networks: vec!["10.0.0.0/8".parse().unwrap()], ..TrustedProxies::default() };
        let crowd = Crowd::new(4);
        for address in ["127.0.0.1", "::1", "10.1.2.3"] {
            let all = [(); 20].map(|()| crowd.one_more(of(address), &proxies));
            assert!(all.iter().all(Option::is_some), "{address}");
        }
    }
}
