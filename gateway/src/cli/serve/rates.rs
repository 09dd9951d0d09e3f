//! The options of how much may be asked.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use clap::Args;

use crate::fair::Places;
use crate::http::rate::{Guesses, Limits, Rate, Rates, Setting, setting};

/// How much may be asked. Nothing of it holds with `--dev` unless it is said.
#[derive(Args, Clone, Debug)]
pub(super) struct RateArgs {
    /// How much a client with a valid token may ask: `100/s` or `100/min`, `,burst=200` for so many at once, `off`. Without --dev
    /// 200/s,burst=400, which leaves most of a small machine to the others.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_RATE_CLIENT", value_parser = setting)]
    rate_client: Option<Setting>,
    /// How much a person may ask, through all apps together. Without --dev 50/s,burst=200: an app that opens a record asks for many things at
    /// once, and then nobody reads so fast.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_RATE_USER", value_parser = setting)]
    rate_user: Option<Setting>,
    /// How much all clients of an organization may ask together. Off: they are what the server is there for.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_RATE_ORGANIZATION", value_parser = setting)]
    rate_organization: Option<Setting>,
    /// How much may be asked from an address (of IPv6: a network of 64 bits) without a valid token: logins, tokens, metadata. Without --dev
    /// 20/s,burst=100 where addresses are those of clients: without a proxy, or with --trusted-proxy.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_RATE_SOURCE", value_parser = setting)]
    rate_source: Option<Setting>,
    /// How often a login may fail from an address, whosever it is: by password, second factor, recovery code or activation link. Without --dev
    /// 10/min,burst=20, as --rate-source.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_RATE_LOGIN", value_parser = setting)]
    rate_login: Option<Setting>,
    /// How often a token from an address may be none; then what is sent from there with tokens that were never good here is refused without a look
    /// at it. Tokens that were given or good here are looked up in any case. Without --dev 5/s,burst=100, as --rate-source.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_RATE_TOKEN", value_parser = setting)]
    rate_token: Option<Setting>,
    /// How many exchanges are worked on at once, or `off`. As many more wait up to two seconds, others are answered 503. No client and no
    /// address without a token has more than half. Without --dev 512.
    #[arg(long, value_name = "NUMBER", env = "FHIR_GATEWAY_MAX_EXCHANGES", value_parser = exchanges)]
    max_exchanges: Option<Exchanges>,
}

/// What holds where nothing is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standard {
    /// With `--dev`: nothing. One client does everything there, and whoever measures it asks for all there is.
    Development,
    /// Everything that is for clients. All addresses are those of a proxy, and what one of them is refused would be refused to all.
    BehindUnknownProxy,
    /// Everything.
    Production,
}

impl Standard {
    /// Of a server that listens there.
    pub(super) fn of(is_dev: bool, listen: IpAddr, behind_proxy: bool, trusts: bool) -> Self {
        match (is_dev, trusts || !(behind_proxy || listen.is_loopback())) {
            (true, _) => Self::Development,
            (false, true) => Self::Production,
            (false, false) => Self::BehindUnknownProxy,
        }
    }
}

/// How many exchanges.
#[derive(Clone, Copy, Debug)]
enum Exchanges {
    AtMost(usize),
    Off,
}

fn exchanges(text: &str) -> Result<Exchanges, String> {
    match text.parse() {
        _ if text == "off" => Ok(Exchanges::Off),
        Ok(number @ 1..=65_536) => Ok(Exchanges::AtMost(number)),
        _ => Err("give a number from 1 to 65536, or off".to_owned()),
    }
}

const fn count(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

const CLIENT: Rate = Rate::per_second(count(200), count(400));
const USER: Rate = Rate::per_second(count(50), count(200));
const SOURCE: Rate = Rate::per_second(count(20), count(100));
const LOGIN: Rate = Rate::per_minute(count(10), count(20));
const TOKEN: Rate = Rate::per_second(count(5), count(100));
const EXCHANGES: usize = 512;

impl RateArgs {
    /// How much may be asked.
    pub(super) fn rates(&self, standard: Standard) -> Rates {
        Rates::new(self.limits(standard))
    }

    fn limits(&self, standard: Standard) -> Limits {
        let of_clients = standard != Standard::Development;
        let of_sources = standard == Standard::Production;
        Limits {
            client: rate(self.rate_client, of_clients.then_some(CLIENT)),
            user: rate(self.rate_user, of_clients.then_some(USER)),
            organization: rate(self.rate_organization, None),
            source: rate(self.rate_source, of_sources.then_some(SOURCE)),
        }
    }

    /// How often logins may fail.
    pub(super) fn guesses(&self, standard: Standard) -> Guesses {
        let usual = (standard == Standard::Production).then_some(LOGIN);
        Guesses::new(rate(self.rate_login, usual))
    }

    /// How often tokens may be none.
    pub(super) fn tokens(&self, standard: Standard) -> Guesses {
        let usual = (standard == Standard::Production).then_some(TOKEN);
        Guesses::of_tokens(rate(self.rate_token, usual))
    }

    /// How many exchanges are worked on at once.
    pub(super) fn load(&self, standard: Standard) -> Option<Arc<Places>> {
        match self.max_exchanges {
            Some(Exchanges::AtMost(most)) => Some(Places::of_exchanges(most)),
            Some(Exchanges::Off) => None,
            None => (standard != Standard::Development).then(|| Places::of_exchanges(EXCHANGES)),
        }
    }

    /// Whether a rate of addresses is left out that would hold if they were those of clients.
    pub(super) fn is_blind(&self, standard: Standard) -> bool {
        standard == Standard::BehindUnknownProxy
            && [self.rate_source, self.rate_login, self.rate_token].iter().any(Option::is_none)
    }
}

/// What somebody says, or what is usual.
pub(super) fn rate(said: Option<Setting>, usual: Option<Rate>) -> Option<Rate> {
    match said {
        Some(Setting::At(rate)) => Some(rate),
        Some(Setting::Off) => None,
        None => usual,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: RateArgs,
    }

    fn args(said: &[&str]) -> RateArgs {
        Command::parse_from([&["serve"], said].concat()).args
    }

    #[test]
    fn in_development_nothing_holds_unless_it_is_said() {
        let Limits { client, user, organization, source } = args(&[]).limits(Standard::Development);
        assert_eq!((client, user, organization, source), (None, None, None, None));
        assert!(args(&[]).load(Standard::Development).is_none());
        assert!(args(&["--max-exchanges", "2"]).load(Standard::Development).is_some());
        let said = args(&["--rate-client", "10/min,burst=20"]).limits(Standard::Development);
        assert_eq!((said.client, said.user), (Some(LOGIN), None));
    }

    #[test]
    fn in_production_it_holds_unless_it_is_said_otherwise() {
        let all = args(&[]).limits(Standard::Production);
        assert_eq!(
            (all.client, all.user, all.organization, all.source),
            (Some(CLIENT), Some(USER), None, Some(SOURCE))
        );
        assert!(args(&[]).load(Standard::Production).is_some());
        let off = ["--rate-client", "off", "--rate-user", "off", "--rate-source", "off", "--max-exchanges", "off"];
        let none = args(&off).limits(Standard::Production);
        assert_eq!((none.client, none.user, none.source), (None, None, None));
        assert!(args(&off).load(Standard::Production).is_none());
        for wrong in ["0", "many", "65537"] {
            assert!(Command::try_parse_from(["serve", "--max-exchanges", wrong]).is_err());
        }
    }

    #[test]
    fn a_proxy_that_is_not_known_is_not_taken_for_a_client() {
        let (here, all) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0]));
        assert_eq!(Standard::of(true, here, false, true), Standard::Development);
        assert_eq!(Standard::of(false, here, false, false), Standard::BehindUnknownProxy);
        assert_eq!(Standard::of(false, all, true, false), Standard::BehindUnknownProxy);
        assert_eq!(Standard::of(false, here, false, true), Standard::Production);
        assert_eq!(Standard::of(false, all, true, true), Standard::Production);
        assert_eq!(Standard::of(false, all, false, false), Standard::Production);
        let limits = args(&[]).limits(Standard::BehindUnknownProxy);
        assert_eq!((limits.client, limits.source), (Some(CLIENT), None));
        assert!(args(&[]).is_blind(Standard::BehindUnknownProxy));
        assert!(
            !args(&["--rate-source", "off", "--rate-login", "off", "--rate-token", "off"])
                .is_blind(Standard::BehindUnknownProxy)
        );
    }
}
