//! Whether programs register themselves, as `serve` is told.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::rates::rate;
use crate::authorization::Registration;
use crate::cli::Stop;
use crate::http::rate::{Rate, Setting, setting};

/// How often a program may register from an address where nobody says.
const RATE: Rate = Rate::per_minute(NonZeroU32::new(10).unwrap(), NonZeroU32::new(10).unwrap());

/// What an app of a patient asks for.
const SCOPES: [&str; 6] = ["openid", "fhirUser", "launch/patient", "offline_access", "online_access", "patient/*.rs"];

/// Programs that register themselves (RFC 7591) at /oauth/register.
#[derive(Args, Clone, Debug)]
pub(super) struct RegistrationArgs {
    /// Programs register themselves at `/oauth/register` (RFC 7591): apps that patients use, for PATRQT alone. Without it nobody does.
    #[arg(long, value_enum, value_name = "WHO", env = "FHIR_GATEWAY_REGISTER_CLIENTS")]
    register_clients: Option<Whoever>,
    /// What they may ask for at most (never system/): without it openid, fhirUser, launch/patient, `offline_access`, `online_access` and
    /// patient/*.rs; give it again for more.
    #[arg(
        long,
        value_name = "SCOPE",
        env = "FHIR_GATEWAY_REGISTER_SCOPE",
        value_delimiter = ',',
        requires = "register_clients"
    )]
    register_scope: Vec<String>,
    /// So many at most that nobody has used yet; those that somebody uses do not count. Where there are so many, the oldest of them makes room
    /// if it is more than an hour old; else a further one is answered 503.
    #[arg(long, value_name = "NUMBER", env = "FHIR_GATEWAY_REGISTER_MOST", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    register_most: u32,
    /// One for which nobody has ever approved anything goes after so many days.
    #[arg(long, value_name = "DAYS", env = "FHIR_GATEWAY_REGISTER_UNUSED_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    register_unused_days: u32,
    /// How often programs may register from an address (of IPv6: a network of 64 bits): `10/min`, `,burst=20` for so many at once, `off`.
    /// Without it 10/min.
    #[arg(long, value_name = "RATE", env = "FHIR_GATEWAY_REGISTER_RATE", value_parser = setting)]
    register_rate: Option<Setting>,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Whoever {
    /// Everybody.
    Open,
    /// Who has an initial access token (`fhir-gateway client registration add`).
    Token,
}

impl RegistrationArgs {
    /// How programs register themselves; `None` where they do not.
    ///
    /// # Errors
    /// The scopes are none that they may have.
    pub(super) fn registration(&self) -> Result<Option<Registration>, Stop> {
        let Some(who) = self.register_clients else { return Ok(None) };
        let scopes = match &self.register_scope[..] {
            [] => SCOPES.join(" "),
            given => given.join(" "),
        };
        let rate = rate(self.register_rate, Some(RATE));
        let registration = Registration::new(who == Whoever::Token, &scopes, self.register_most, rate);
        registration.map(Some).map_err(|why| Stop::usage(why.replace("--scope", "--register-scope")))
    }

    /// How long one stays for which nobody approves anything.
    pub(super) fn unused(&self) -> Duration {
        Duration::from_secs(u64::from(self.register_unused_days) * 86_400)
    }
}
