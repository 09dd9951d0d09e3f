//! The client's address: the peer's, or what trusted proxies say of it.
//!
//! Each proxy adds the address that it was asked from at the right end of one header. So the header is read from the right, past
//! the proxies that are ours, and what stands left of the first stranger is that stranger's own word. The other header
//! is not looked at: a proxy that writes one passes the other on as the client wrote it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use clap::ValueEnum;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use ipnet::IpNet;

/// The most proxies that are walked past.
const MOST_HOPS: usize = 32;

/// The header that the trusted proxies write.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum ProxyHeader {
    /// `X-Forwarded-For: client, proxy`
    #[default]
    XForwardedFor,
    /// `Forwarded: for=client, for=proxy` (RFC 7239)
    Forwarded,
}

/// Whom an address is believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Where they are.
    pub networks: Vec<IpNet>,
    /// What they write.
    pub header: ProxyHeader,
}

impl TrustedProxies {
    /// The address of who asks, through a peer, with these headers.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let name = match self.header {
            ProxyHeader::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            ProxyHeader::Forwarded => hyper::header::FORWARDED,
        };
        let lines = headers.get_all(name);
        let lines: Vec<_> = lines.iter().rev().map(text).collect();
        let said = lines.iter().flat_map(|line| line.rsplit(','));
        for hop in said.take(MOST_HOPS) {
            // Without an address the last one that is known counts.
            let Some(address) = self.address(hop) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// What one proxy says.
    fn address(&self, hop: &str) -> Option<IpAddr> {
        match self.header {
            ProxyHeader::XForwardedFor => parse(hop.trim()),
            ProxyHeader::Forwarded => hop.split(';').find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case("for").then(|| parse(value.trim_matches('"')))?
            }),
        }
    }
}

/// A line; what is no text in it is the fault of one hop, not of those to the right of it.
fn text(line: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(line.as_bytes())
}

/// An address, with a port or without.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = text.parse().ok().or_else(bare);
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(|address| address.to_canonical())
}

/// What one subscriber has: of IPv6 a network of 64 bits.
pub(super) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

/// Whether an address is in one of the networks; of none all are.
pub(crate) fn is_within(networks: &[IpNet], source: Option<IpAddr>) -> bool {
    let holds = |source: IpAddr| networks.iter().any(|network| network.contains(&source.to_canonical()));
    networks.is_empty() || source.is_some_and(holds)
}

/// A network (`10.0.0.0/8`), or one address.
///
/// # Errors
/// What to give instead.
pub fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let wrong = || "give a network, as 10.0.0.0/8 or 2001:db8::/32, or one address".to_owned();
    text.parse().ok().or_else(one).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ProxyHeader) -> TrustedProxies {
        TrustedProxies { networks: vec![network("10.0.0.0/8").unwrap(), network("fd00::1").unwrap()], header }
    }

    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        let name = if header == ProxyHeader::Forwarded { "forwarded" } else { "x-forwarded-for" };
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        proxies(header).client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed_from_the_right() {
        let by = |peer, lines: &[&str]| client(ProxyHeader::XForwardedFor, peer, lines);
        assert_eq!(by("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "a stranger says anything");
        assert_eq!(by("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(by("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"]), "198.51.100.7", "the left is spoofed");
        assert_eq!(by("10.0.0.1", &["203.0.113.9", "198.51.100.7"]), "198.51.100.7", "lines are one list");
        assert_eq!(by("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7", "mapped addresses");
        assert_eq!(by("fd00::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(by("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1", "nothing is read past what is no address");
        assert_eq!(by("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_writes_it() {
        let by = |lines: &[&str]| client(ProxyHeader::Forwarded, "10.0.0.1", lines);
        assert_eq!(by(&["for=198.51.100.7;proto=http;by=10.0.0.1"]), "198.51.100.7");
        assert_eq!(by(&[r#"For="[2001:db8:cafe::17]:4711""#]), "2001:db8:cafe::17");
        assert_eq!(by(&["for=203.0.113.9, proto=https;for=198.51.100.7, for=10.2.3.4"]), "198.51.100.7");
        assert_eq!(by(&[r#"for="203.0.113.9, for=198.51.100.7"#]), "198.51.100.7", "a quote that nobody closes");
        assert_eq!(by(&["for=198.51.100.7, for=_hidden"]), "10.0.0.1");
    }

    #[test]
    fn an_address_is_within_networks() {
        let within = |networks: &[&str], source: &str| {
            let networks: Vec<IpNet> = networks.iter().map(|text| network(text).unwrap()).collect();
            is_within(&networks, source.parse().ok())
        };
        assert!(within(&[], "192.0.2.1") && within(&[], "no address"));
        let clinic = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"];
        for inside in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::5", "192.0.2.7"] {
            assert!(within(&clinic, inside), "{inside}");
        }
        for outside in ["11.0.0.1", "192.0.2.8", "::1", "no address"] {
            assert!(!within(&clinic, outside), "{outside}");
        }
    }

    #[test]
    fn the_other_header_is_the_clients_word() {
        let mut headers = HeaderMap::new();
        headers.insert("forwarded", "for=203.0.113.9".parse().unwrap());
        let found = proxies(ProxyHeader::XForwardedFor).client("10.0.0.1".parse().unwrap(), &headers);
        assert_eq!(found.to_string(), "10.0.0.1");
    }

    /// What is said, all in a list from the peer outwards; the first that is no proxy, or the last that is known.
    fn model(peer: IpAddr, hops: &[Option<IpAddr>]) -> IpAddr {
        let mut chain = vec![peer];
        chain.extend(hops.iter().rev().map_while(|hop| *hop));
        let stranger = chain.iter().find(|address| !proxies(ProxyHeader::default()).trusts(**address));
        *stranger.or_else(|| chain.last()).unwrap()
    }

    proptest! {
        #[test]
        fn the_walk_is_the_models(
            peer in 0_u8..3,
            hops in prop::collection::vec(prop::option::weighted(0.9, 0_u8..4), 0..8),
            cut in 0_usize..8,
        ) {
            let address = |number: u8| IpAddr::from(if number < 2 { [10, 0, 0, number] } else { [192, 0, 2, number] });
            let said: Vec<Option<IpAddr>> = hops.into_iter().map(|hop| hop.map(address)).collect();
            let words: Vec<String> = said.iter().map(|hop| hop.map_or("unknown".to_owned(), |hop| hop.to_string())).collect();
            let mut headers = HeaderMap::new();
            let (first, second) = words.split_at(cut.min(words.len()));
            for line in [first, second].into_iter().filter(|line| !line.is_empty()) {
                headers.append("x-forwarded-for", line.join(", ").parse().unwrap());
            }
            let found = proxies(ProxyHeader::default()).client(address(peer), &headers);
            prop_assert_eq!(found, model(address(peer), &said));
        }
    }
}
