//! Which addresses may be asked on somebody's word: a key set at an address that a stranger registered must not make us look around in
//! the clinic's network, nor at the cloud's metadata (`shared/facts/consent-security.md` 55).
//!
//! A name is resolved once, by [`Reach`] itself, and the connection goes to what was looked at: a name that is resolved to something else
//! a moment later (DNS rebinding) changes nothing. Hosts that are addresses are in the URL as the WHATWG parser read them, also those
//! that were written as one number, octal or hexadecimal. No client of ours follows redirects. Where the environment names a proxy
//! (`HTTPS_PROXY`), what an administrator named goes through it, and it resolves the names; what a stranger named never does.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How far a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Where an administrator said: also the clinic's own network and this machine, but no address of which the network makes something
    /// else (link-local ones, where clouds keep their machines' credentials, among them).
    Named,
    /// Where anybody said: to addresses of the Internet alone, by TLS.
    Anybody,
}

/// Why a request got no answer, as far as that may be told: an error's own text may hold the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its certificate does not count.
    Certificate,
    /// Nobody listens there.
    Refused,
    /// Nothing came in time.
    TimedOut,
    /// Something else.
    Other,
}

impl Cause {
    /// What an error of the client comes to.
    pub(crate) fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::TimedOut;
        }
        error.source().and_then(Self::below).unwrap_or(Self::Other)
    }

    /// What lies below an error says more.
    fn below(error: &(dyn Error + 'static)) -> Option<Self> {
        if error.is::<rustls::Error>() {
            return Some(Self::Certificate);
        }
        let system = error.downcast_ref::<io::Error>();
        match system.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => return Some(Self::Refused),
            Some(io::ErrorKind::TimedOut) => return Some(Self::TimedOut),
            _ => {}
        }
        // The source of an error of the system leaves out the error that it is made of.
        let within = system.and_then(io::Error::get_ref);
        within.and_then(|within| Self::below(within)).or_else(|| error.source().and_then(Self::below))
    }
}

/// What is for no unicast to a host whom somebody would name
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry>, <https://www.iana.org/assignments/iana-ipv6-special-registry>).
const NEVER: [&str; 10] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "fe80::/10",
    "ff00::/8",
    "fd00:ec2::254/128",
    // 169.254.0.0/16 by a translator of the network's (NAT64) and by 6to4.
    "64:ff9b::a9fe:0/112",
    "2002:a9fe::/32",
];
/// What is not of the Internet, beside.
const INSIDE: [&str; 18] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    // Of IPv6 the Internet is 2000::/3, which these are not; within it what leads to addresses of IPv4, and what is for examples.
    "::/3",
    "4000::/2",
    "8000::/1",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
];

impl Reach {
    /// Whether a request may go to this address.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        // One that nobody can read would hold everything back: a test reads them all.
        let is_beyond =
            |nets: &[&str]| nets.iter().all(|net| net.parse::<IpNet>().is_ok_and(|net| !net.contains(&address)));
        is_beyond(&NEVER) && (self == Self::Named || is_beyond(&INSIDE))
    }

    /// The URL that a text is, where it may be fetched: by TLS, or on this machine where an administrator says so; not at an address that
    /// may not be asked, and with no user or password in it. Names are looked at when they are resolved.
    #[must_use]
    pub fn url(self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let is_here = || self == Self::Named && matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here());
        let host = url.host_str().unwrap_or_default();
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_allowed = !host.is_empty() && literal.map_or(true, |address| self.allows(address));
        (is_safe && is_allowed && url.username().is_empty() && url.password().is_none()).then_some(url)
    }
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = *self;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One that may not be asked among others is no mistake of somebody's who means well.
            if !found.iter().all(|address| reach.allows(address.ip())) {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the name leads to an address that is not asked",
                )
                .into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(reach: Reach, url: &str) -> bool {
        reach.url(url).is_some()
    }

    #[test]
    fn every_net_is_one() {
        for net in NEVER.iter().chain(&INSIDE) {
            assert!(net.parse::<IpNet>().is_ok_and(|parsed| parsed.trunc() == parsed), "{net}");
        }
    }

    #[test]
    fn attack_55_addresses_inside_in_every_spelling() {
        for url in [
            "https://127.0.0.1/k",
            "https://127.1/k",
            "https://2130706433/k",
            "https://0x7f.0.0.1/k",
            "https://0177.0.0.1/k",
            "https://10.0.0.1/k",
            "https://172.31.255.255/k",
            "https://192.168.1.1/k",
            "https://100.64.0.1/k",
            "https://[::1]/k",
            "https://[::ffff:127.0.0.1]/k",
            "https://[::ffff:10.0.0.1]/k",
            "https://[fd00::1]/k",
            "https://[64:ff9b::7f00:1]/k",
            "https://[2002:7f00:1::]/k",
            "https://198.18.0.1/k",
            "https://[::127.0.0.1]/k",
            "http://8.8.8.8/k",
            "http://localhost/k",
            "http://127.0.0.1/k",
        ] {
            assert!(!may(Reach::Anybody, url), "{url}");
        }
        for url in [
            "https://169.254.169.254/latest",
            "https://2852039166/latest",
            "https://0xa9fea9fe/latest",
            "https://[::ffff:169.254.169.254]/",
            "https://[fe80::1]/",
            "https://0.0.0.0/",
            "https://[::]/",
            "https://255.255.255.255/",
            "https://224.0.0.1/",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[64:ff9b::169.254.169.254]/",
            "https://[2002:a9fe:a9fe::]/",
            "https://ehr.org@evil.example/",
            "https://:secret@evil.example/",
            "file:///etc/passwd",
            "ftp://client.example/",
            "http://client.example/",
        ] {
            assert!(!may(Reach::Named, url) && !may(Reach::Anybody, url), "{url}");
        }
        for url in ["https://8.8.8.8/k", "https://client.example/k", "https://[2606:4700:4700::1111]/k"] {
            assert!(may(Reach::Named, url) && may(Reach::Anybody, url), "{url}");
        }
        for url in ["http://127.0.0.1:8080/k", "http://localhost/k", "https://10.0.0.1/k", "https://[fd00::1]/k"] {
            assert!(may(Reach::Named, url), "{url}");
        }
    }

    #[tokio::test]
    async fn attack_55_a_name_is_what_it_is_resolved_to() {
        let resolved = |reach: Reach| async move {
            let name = "localhost".parse::<Name>().expect("a name");
            reach.resolve(name).await.map(|found| found.count())
        };
        assert!(resolved(Reach::Anybody).await.is_err());
        assert!(resolved(Reach::Named).await.is_ok_and(|found| found > 0));
    }
}
