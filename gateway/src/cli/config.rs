//! `fhir-gateway config`, and the file that commands which open the database go by (`--config`).
//!
//! What can be told is what `serve` has options for, and nothing beside it: the file's keys are the long names of these options, and it
//! becomes arguments before the command line is parsed. So an option of tomorrow is a key of tomorrow, with its own rules and help.
//! What the command line or an option's variable says goes before the file, and the file before the default.

mod check;
mod example;
mod file;
mod private;
mod told;

use clap::{Arg, ArgAction, Command, Subcommand};

use crate::cli::{self, Exit, Stop};

use check::CheckArgs;
pub(super) use told::{Told, told};

/// The option that names the file, by clap's id and by its long name.
const CONFIG: &str = "config";

/// Checks and explains the file of options.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Says what a server would be told, from where, and what is wrong with it; nothing is started or changed.
    #[command(after_help = "\
It takes the options of `serve` and reads the same file and the same variables: the command line goes before the
environment, that before the file, that before the defaults. Files that options name are read and checked, the data
directory is tried. Secrets are not shown. Variables that begin with FHIR_GATEWAY_ and are none are named.

Examples:
  fhir-gateway config check --config /etc/fhir-gateway.toml
  fhir-gateway config check --config /etc/fhir-gateway.toml --connect
  fhir-gateway config check --json | jq '.settings[] | select(.source == \"file\")'

Exit codes:
  0 a server would start with it, 2 something is wrong: every line of it, 3 the database does not answer (--connect)")]
    Check(Box<CheckArgs>),
    /// Prints a file with every option, its help and its default, all commented out.
    #[command(after_help = "\
Example:
  fhir-gateway config example > fhir-gateway.toml")]
    Example,
}

/// Runs the command.
pub(super) async fn run(command: ConfigCommand, told: &Told) -> Result<Exit, Stop> {
    match command {
        ConfigCommand::Check(args) => check::run(&args, told).await,
        ConfigCommand::Example => {
            cli::print(&example::example(told.serve()))?;
            Ok(Exit::Done)
        }
    }
}

/// What the file can say: the options of `serve`, but for the one that names the file.
fn options(serve: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    let asks = |arg: &Arg| matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpLong | ArgAction::HelpShort);
    let named = serve.get_arguments().filter_map(|arg| Some((arg.get_long()?, arg)));
    named.filter(move |(name, arg)| *name != CONFIG && !asks(arg))
}

/// How a value is written in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Flag,
    Fraction,
    Number,
    Text,
}

impl Kind {
    fn of(arg: &Arg) -> Self {
        use std::any::TypeId;
        use std::num::{NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
        let taken = arg.get_value_parser().type_id();
        let is = |types: &[TypeId]| types.iter().any(|known| taken == *known);
        let signed = [TypeId::of::<i8>(), TypeId::of::<i16>(), TypeId::of::<i32>(), TypeId::of::<i64>()];
        let unsigned =
            [TypeId::of::<u8>(), TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()];
        let non_zero = [
            TypeId::of::<NonZeroU8>(),
            TypeId::of::<NonZeroU16>(),
            TypeId::of::<NonZeroU32>(),
            TypeId::of::<NonZeroU64>(),
            TypeId::of::<NonZeroUsize>(),
        ];
        if matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse) || is(&[TypeId::of::<bool>()]) {
            Self::Flag
        } else if is(&[TypeId::of::<f32>(), TypeId::of::<f64>()]) {
            Self::Fraction
        } else if is(&signed) || is(&unsigned) || is(&non_zero) {
            Self::Number
        } else {
            Self::Text
        }
    }

    /// What to call it, and how one is written.
    fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Flag => ("true or false", "true"),
            Self::Fraction => ("a number", "0.5"),
            Self::Number => ("a whole number", "30"),
            Self::Text => ("a text", "\"...\""),
        }
    }
}

/// Whether an option can be given more than once, so that the file has a list of it.
fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// A value as TOML writes it.
fn written(kind: Kind, value: &str) -> String {
    match kind {
        Kind::Text => toml::Value::from(value).to_string(),
        Kind::Flag | Kind::Fraction | Kind::Number => value.to_owned(),
    }
}

/// An option with its values as a line of the file.
fn line(name: &str, arg: &Arg, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| written(Kind::of(arg), value)).collect();
    let text = values.join(", ");
    if is_list(arg) { format!("{name} = [{text}]") } else { format!("{name} = {text}") }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_option_of_serve_has_a_variable_by_its_name() {
        let cli = cli::Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        // What is for development stands on the command line, where it is seen.
        for (name, arg) in options(serve).filter(|(name, _)| !name.starts_with("dev")) {
            let variable = format!("FHIR_GATEWAY_{}", name.to_uppercase().replace('-', "_"));
            assert_eq!(arg.get_env().and_then(|variable| variable.to_str()), Some(&*variable), "--{name}");
        }
    }

    #[test]
    fn values_are_written_as_toml_writes_them() {
        let cli = cli::Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let line = |name: &str, values: &[&str]| {
            let (name, arg) = options(serve).find(|(it, _)| *it == name).unwrap();
            line(name, arg, &values.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(line("listen", &["127.0.0.1:1"]), r#"listen = "127.0.0.1:1""#);
        assert_eq!(line("time-limit", &["30"]), "time-limit = 30");
        assert_eq!(line("provenance", &["true"]), "provenance = true");
        assert_eq!(line("trusted-proxy", &["10.0.0.0/8", "::1"]), r#"trusted-proxy = ["10.0.0.0/8", "::1"]"#);
    }
}
