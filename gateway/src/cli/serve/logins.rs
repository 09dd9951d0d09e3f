//! Who logs in, as `serve` is told.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::logins::Policy;

/// What is asked of passwords and sessions of accounts.
#[derive(Args, Clone, Debug)]
pub(super) struct LoginArgs {
    /// The shortest password of an account, in characters.
    #[arg(long, value_name = "CHARACTERS", env = "FHIR_GATEWAY_PASSWORD_LENGTH", default_value_t = 12, value_parser = clap::value_parser!(u8).range(8..=64))]
    password_length: u8,
    /// What a password is made of.
    #[arg(long, value_enum, value_name = "CLASSES", env = "FHIR_GATEWAY_PASSWORD_CLASSES", default_value_t)]
    password_classes: Classes,
    /// After how many days a password has to be changed; 0: never.
    #[arg(long, value_name = "DAYS", env = "FHIR_GATEWAY_PASSWORD_DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=3650))]
    password_days: u32,
    /// So many attempts to log in fail, and there is none for --lockout-seconds.
    #[arg(long, value_name = "COUNT", env = "FHIR_GATEWAY_LOGIN_ATTEMPTS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    login_attempts: u32,
    /// How long an account is locked, in seconds.
    #[arg(long, value_name = "SECONDS", env = "FHIR_GATEWAY_LOCKOUT_SECONDS", default_value_t = 1_800, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    lockout_seconds: u32,
    /// A browser in which nothing is done for so long is logged out, in seconds.
    #[arg(long, value_name = "SECONDS", env = "FHIR_GATEWAY_SESSION_IDLE_SECONDS", default_value_t = 1_800, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    session_idle_seconds: u32,
    /// A browser is logged out after so long, whatever is done, in seconds.
    #[arg(long, value_name = "SECONDS", env = "FHIR_GATEWAY_SESSION_SECONDS", default_value_t = 43_200, value_parser = clap::value_parser!(u32).range(1..=604_800))]
    session_seconds: u32,
    /// Whether an account needs a second factor.
    #[arg(long, value_enum, value_name = "NEED", env = "FHIR_GATEWAY_SECOND_FACTOR", default_value_t)]
    second_factor: Need,
}

/// What a password is made of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Classes {
    /// Small letters, capitals, digits and other characters, one of each at least.
    #[default]
    All,
    /// Whatever its owner likes.
    Any,
}

/// Whether something has to be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
enum Need {
    /// As its owner likes.
    #[default]
    Optional,
    /// Nobody goes on without.
    Required,
}

impl LoginArgs {
    /// The same as a policy.
    pub(super) fn policy(&self) -> Policy {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        Policy {
            least: self.password_length.into(),
            all_classes: self.password_classes == Classes::All,
            password_days: self.password_days,
            attempts: self.login_attempts,
            lockout: seconds(self.lockout_seconds),
            idle: seconds(self.session_idle_seconds),
            lasting: seconds(self.session_seconds),
            second_factor: self.second_factor == Need::Required,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: LoginArgs,
    }

    #[test]
    fn what_is_not_said_is_the_default() {
        let said = format!("{:?}", Command::parse_from(["serve"]).args.policy());
        assert_eq!(said, format!("{:?}", Policy::default()));
    }
}
