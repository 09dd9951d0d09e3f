//! What a process is told, by its command line, its environment and the file.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::file::{File, Setting};
use super::{CONFIG, options};
use crate::cli::Stop;

/// What a process is told.
#[derive(Debug)]
pub(in crate::cli) struct Told {
    /// The whole command line, with what the file adds.
    pub(in crate::cli) matches: ArgMatches,
    /// The file, and which options count as it says.
    pub(super) file: Option<File>,
    pub(super) from_file: Vec<String>,
    command: Command,
}

impl Told {
    /// The command whose options the file has.
    pub(super) fn serve(&self) -> &Command {
        serve(&self.command)
    }

    /// All that can be told.
    pub(super) fn command(&self) -> &Command {
        &self.command
    }

    /// What the named command was told.
    pub(super) fn own(&self) -> &ArgMatches {
        let mut own = &self.matches;
        while let Some((_, inner)) = own.subcommand() {
            own = inner;
        }
        own
    }
}

fn serve(command: &Command) -> &Command {
    command.find_subcommand("serve").unwrap_or(command)
}

/// Why a process does not know what it is told.
#[derive(Debug)]
pub(in crate::cli) enum Refusal {
    /// The file.
    File(Stop),
    /// The command line (or its help was asked for), and what of it came from the file.
    Line(clap::Error, Option<String>),
}

impl Refusal {
    /// Says so; the code to end with.
    pub(in crate::cli) fn tell(&self) -> ExitCode {
        match self {
            Self::File(stop) => {
                eprintln!("fhir-gateway: {stop}");
                ExitCode::from(stop.exit.code())
            }
            Self::Line(error, note) => {
                // Whoever closed the terminal does not want it.
                let _ = error.print();
                if let Some(note) = note.as_ref().filter(|_| error.use_stderr()) {
                    eprintln!("\n{note}");
                }
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
            }
        }
    }
}

/// Parses a command line; where it (or the variable) names a file, with what the file says of options that neither the line nor a
/// variable says.
pub(in crate::cli) fn told(mut command: Command, mut arguments: Vec<OsString>) -> Result<Told, Refusal> {
    let (mut file, mut from_file, mut note) = (None, Vec::new(), None);
    if let Some((words, own)) = first_look(&command, &arguments)
        && let Some(path) = own.get_one::<PathBuf>(CONFIG)
    {
        let read = File::read(path, serve(&command)).map_err(Refusal::File)?;
        let taker = words.iter().try_fold(&command, |at, word| at.find_subcommand(word));
        let takes = |setting: &&Setting| taker.is_some_and(|taker| counts(taker, serve(&command), setting));
        let said = |setting: &&Setting| {
            let source = own.value_source(&setting.id);
            matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable))
        };
        let added: Vec<&Setting> = read.settings.iter().filter(takes).filter(|setting| !said(setting)).collect();
        let after = words.len() + 1;
        arguments.splice(after..after, added.iter().flat_map(|setting| setting.arguments()));
        let lines: Vec<String> =
            added.iter().map(|setting| format!("{} (line {})", setting.name, setting.line)).collect();
        if !lines.is_empty() {
            note = Some(format!("From {}: {}", read.name, lines.join(", ")));
        }
        from_file = added.iter().map(|setting| setting.id.clone()).collect();
        file = Some(read);
    }
    match command.try_get_matches_from_mut(arguments) {
        Ok(matches) => Ok(Told { matches, file, from_file, command }),
        Err(error) => Err(Refusal::Line(error, note)),
    }
}

/// Which command it is, if it is one that goes by the file, and what it is told without the file. What is wrong with that is passed
/// over here: the file may still put it right, and if not it is told with the file's part.
fn first_look(command: &Command, arguments: &[OsString]) -> Option<(Vec<String>, ArgMatches)> {
    let looked = command.clone().ignore_errors(true).try_get_matches_from(arguments).ok()?;
    let (mut words, mut own, mut at) = (Vec::new(), looked, command.clone());
    while let Some((word, inner)) = own.remove_subcommand() {
        at = at.find_subcommand(&word)?.clone();
        words.push(word);
        own = inner;
    }
    let in_front = words.iter().zip(arguments.get(1..)?).all(|(word, argument)| argument == word.as_str());
    let has_file = at.get_arguments().any(|arg| arg.get_long() == Some(CONFIG));
    (in_front && has_file).then_some((words, own))
}

/// Whether what the file says of an option of `serve` is said to a command: the server's own, or one with the option of the same
/// variable. So the file says what the environment would.
fn counts(command: &Command, serve: &Command, setting: &Setting) -> bool {
    let named = |of: &Command| of.get_arguments().find(|arg| arg.get_id() == setting.id.as_str()).cloned();
    let Some(own) = named(command) else { return false };
    let is_servers = options(serve).all(|(_, arg)| command.get_arguments().any(|own| own.get_id() == arg.get_id()));
    let variable = |arg: &Arg| arg.get_env().map(ToOwned::to_owned);
    is_servers || named(serve).is_some_and(|serves| variable(&serves).is_some() && variable(&serves) == variable(&own))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn with(file: &str, arguments: &[&str]) -> Result<Told, Refusal> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, file).unwrap();
        let path = path.display().to_string();
        let words = arguments.iter().map(|word| if *word == "FILE" { &path } else { *word });
        told(Cli::command(), ["fhir-gateway"].into_iter().chain(words).map(Into::into).collect())
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let file = "listen = \"127.0.0.1:1\"\ntime-limit = 7\ndev = true\ndev-seed = 3\n";
        let told = with(file, &["serve", "--config", "FILE", "--listen", "127.0.0.1:2"]).unwrap();
        let serve = told.own();
        assert_eq!(serve.get_one::<std::net::SocketAddr>("listen").unwrap().port(), 2);
        assert_eq!(serve.get_one::<u64>("time_limit"), Some(&7));
        assert_eq!(told.from_file, ["time_limit", "dev", "dev_seed"]);
        // Both together are what clap wants: neither would do alone.
        let told = with("dev = true", &["serve", "--dev-seed", "3", "--config", "FILE"]).unwrap();
        assert!(told.own().get_flag("dev"));
    }

    #[test]
    fn what_rules_among_options_refuse_names_the_file() {
        let Err(Refusal::Line(error, Some(note))) = with("dev-seed = 3\n", &["serve", "--config", "FILE"]) else {
            panic!()
        };
        assert_eq!(error.exit_code(), 2);
        assert!(note.contains("dev-seed (line 1)"), "{note}");
        let Err(Refusal::Line(help, _)) = with("nonsense", &["serve", "--config", "FILE", "--help"]) else { panic!() };
        assert_eq!(help.exit_code(), 0, "help is had whatever the file says");
    }

    #[test]
    fn other_commands_take_what_they_would_take_of_the_environment() {
        // Of the same name, the provider's option is another one.
        let file =
            "database = \"sqlite:a.db\"\nsecond-factor = \"required\"\nlisten = \"127.0.0.1:1\"\nlabels = \"l.toml\"\n";
        let told = with(file, &["provider", "list", "--config", "FILE"]).unwrap();
        assert_eq!(told.from_file, ["database", "labels"]);
        let told = with(file, &["serve"]).unwrap();
        assert!(told.file.is_none() && told.from_file.is_empty());
    }
}
