//! A file with every option, its help and its default, made of the command line.

use std::fmt::Write as _;

use clap::{Arg, Command};

use super::{Kind, is_list, line, options};

/// Characters of a line.
const WIDTH: usize = 100;

const HEAD: &str = "\
# What `fhir-gateway serve --config FILE` (or FHIR_GATEWAY_CONFIG) goes by, and other commands that have --config.
# Keys are the long names of the options of serve, without tables. The command line goes before the environment, that before this
# file, that before the defaults, which stand here. `fhir-gateway config check --config FILE` says what is wrong and what counts.
# Paths are those of the folder in which the process is started. Secrets stand in files of their own or in variables.
";

/// The text. Every option is commented out: it says nothing until somebody takes the # away.
pub(super) fn example(serve: &Command) -> String {
    let mut text = HEAD.to_owned();
    let mut heading = None;
    for (name, arg) in options(serve) {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            let _ = write!(text, "\n## {}\n", heading.unwrap_or("More"));
        }
        text.push('\n');
        let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        comment(&mut text, &help);
        let known = if Kind::of(arg) == Kind::Text { arg.get_possible_values() } else { Vec::new() };
        for value in known.iter().filter(|value| !value.is_hide_set()) {
            let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
            comment(&mut text, &format!("- {}{help}", value.get_name()));
        }
        if let Some(variable) = arg.get_env() {
            comment(&mut text, &variable.to_string_lossy());
        }
        let _ = writeln!(text, "#{}", line(name, arg, &sample(arg)));
    }
    text
}

/// The default, or where there is none what takes its place.
fn sample(arg: &Arg) -> Vec<String> {
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && Kind::of(arg) != Kind::Flag {
        return defaults;
    }
    let known = arg.get_possible_values();
    let placed = || arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default();
    vec![match Kind::of(arg) {
        Kind::Flag => "true".to_owned(),
        Kind::Fraction => "0.5".to_owned(),
        Kind::Number => "1".to_owned(),
        Kind::Text if is_list(arg) || known.is_empty() => format!("<{}>", placed()),
        Kind::Text => known[0].get_name().to_owned(),
    }]
}

/// Words as lines of a comment.
fn comment(text: &mut String, words: &str) {
    let mut width = 0;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if width == 0 || width + 1 + length > WIDTH {
            if width > 0 {
                text.push('\n');
            }
            text.push('#');
            width = 1;
        }
        text.push(' ');
        text.push_str(word);
        width += 1 + length;
    }
    if width > 0 {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn words_are_broken_into_lines() {
        let mut text = String::new();
        comment(&mut text, "");
        assert_eq!(text, "");
        comment(&mut text, &"word ".repeat(30));
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().all(|line| line.starts_with("# word") && line.len() <= WIDTH), "{text}");
    }

    /// Every option has its line, and without the # it is one that the file takes, as far as a default is in it.
    #[test]
    fn every_option_is_in_it_as_the_file_takes_it() {
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").unwrap();
        let example = example(serve);
        toml::from_str::<toml::Table>(&example).unwrap();
        let mut lines: Vec<&str> =
            example.lines().filter(|line| !line.starts_with("# ") && line.starts_with('#')).collect();
        lines.retain(|line| !line.starts_with("##"));
        assert_eq!(lines.len(), options(serve).count());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.toml");
        for ((name, arg), line) in options(serve).zip(lines) {
            let line = line.trim_start_matches('#');
            assert!(line.starts_with(&format!("{name} = ")), "{name}: {line}");
            std::fs::write(&path, line).unwrap();
            let read = crate::cli::config::file::File::read(&path, serve);
            let has_place = line.contains("\"<");
            match read {
                Ok(file) => assert_eq!(file.settings[0].name, name),
                Err(stop) => assert!(has_place && arg.get_default_values().is_empty(), "{line}: {stop}"),
            }
        }
    }
}
