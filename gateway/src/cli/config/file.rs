//! The file: TOML whose keys are options of `serve`.

use std::any::TypeId;
use std::ffi::OsString;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::builder::ArgAction;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Kind, is_list, options, private};
use crate::cli::{self, Stop};
use crate::store::labelling::Fault;

/// Longer than any file of options.
const LONGEST: u64 = 256 * 1024;

/// How alike a key and the one that was meant are.
const CLOSE: f64 = 0.85;

/// What is no key, and what to do instead.
const ELSEWHERE: [(&str, &str); 6] = [
    (
        "alert-secret",
        "a secret stands in a file of its own: alert-secret-file = \"FILE\", or the variable FHIR_GATEWAY_ALERT_SECRET",
    ),
    (super::CONFIG, "a file of options names no other one"),
    ("dev-token", "a secret does not stand here: set the variable FHIR_GATEWAY_DEV_TOKEN"),
    ("log", "what is logged is said by the variable FHIR_GATEWAY_LOG"),
    (
        "password",
        "a secret does not stand here: the database's goes into a file that PGPASSFILE names, or into FHIR_GATEWAY_DATABASE",
    ),
    (
        "secret-key",
        "a secret does not stand here: it is the file secret.key in the data directory, or the variable FHIR_GATEWAY_SECRET_KEY, or what secret-key-command prints",
    ),
];

/// A file that was read: every key is an option, every value one that the option takes.
#[derive(Debug)]
pub(in crate::cli) struct File {
    /// As it was named.
    pub(super) name: String,
    /// In the order of their lines.
    pub(super) settings: Vec<Setting>,
}

/// What the file says of one option.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Setting {
    /// clap's name of the option.
    pub(super) id: String,
    /// Its long name, the key.
    pub(super) name: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// As the command line would have them; of a flag `true` or `false`.
    pub(super) values: Vec<String>,
    is_flag: bool,
}

impl Setting {
    /// The same on a command line. Nothing is said by a flag that is false, or an empty list.
    pub(super) fn arguments(&self) -> Vec<OsString> {
        let name = &self.name;
        if self.is_flag {
            return self.values.iter().filter(|value| *value == "true").map(|_| format!("--{name}").into()).collect();
        }
        self.values.iter().map(|value| format!("--{name}={value}").into()).collect()
    }
}

impl File {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, or every line of it that is wrong.
    pub(super) fn read(path: &Path, serve: &Command) -> Result<Self, Stop> {
        let name = path.display().to_string();
        let failed = |error| Stop::usage(format!("--config {name}: {error}"));
        let file = fs::File::open(path).map_err(failed)?;
        let is_private = is_private(&file.metadata().map_err(failed)?);
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > LONGEST {
            return Err(Stop::usage(format!(
                "--config {name}: it is longer than {LONGEST} bytes: is it another file?"
            )));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = line_of(error.as_bytes(), good);
            Stop::usage(format!("{name}: line {line}: it is not UTF-8"))
        })?;
        let settings = parse(&text, serve, is_private).map_err(|faults| cli::faulty(&name, &faults))?;
        Ok(Self { name, settings })
    }
}

/// Its owner alone can read it.
fn is_private(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 == 0
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

/// The line of a place, from 1.
fn line_of(text: &[u8], at: usize) -> usize {
    1 + text.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// What is wrong, and in which byte it begins.
type Wrong = (usize, String);

fn parse(text: &str, serve: &Command, is_private: bool) -> Result<Vec<Setting>, Vec<Fault>> {
    let fault = |(at, what): Wrong| Fault { line: line_of(text.as_bytes(), at), what };
    let (table, errors) = DeTable::parse_recoverable(text);
    let wrong = |error: &toml::de::Error| {
        let what = match error.message() {
            twice @ "duplicate key" => twice.to_owned(),
            other => format!("{other} (texts stand in quotes: listen = \"127.0.0.1:8080\")"),
        };
        (error.span().map_or(0, |span| span.start), what)
    };
    let mut faults: Vec<Fault> = errors.iter().map(|error| fault(wrong(error))).collect();
    let mut settings = Vec::new();
    // Of a file that is not TOML half of what is read is not what was meant.
    let entries = if faults.is_empty() { Some(table.get_ref().iter()) } else { None };
    for (key, value) in entries.into_iter().flatten() {
        let at = key.span().start;
        let name = key.get_ref().as_ref();
        match setting(name, at, value, serve, is_private) {
            Ok((arg, values)) => settings.push(Setting {
                id: arg.get_id().to_string(),
                name: name.to_owned(),
                line: line_of(text.as_bytes(), at),
                values,
                is_flag: Kind::of(arg) == Kind::Flag,
            }),
            Err(wrong) => faults.push(fault(wrong)),
        }
    }
    settings.sort_by_key(|setting| setting.line);
    faults.sort_by_key(|fault| fault.line);
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

/// The option that a key names, with its values.
fn setting<'c>(
    name: &str,
    at: usize,
    value: &Spanned<DeValue<'_>>,
    serve: &'c Command,
    is_private: bool,
) -> Result<(&'c Arg, Vec<String>), Wrong> {
    let arg = find(name, value.get_ref(), serve).map_err(|what| (at, what))?;
    let values = values(name, arg, value)?;
    let at = value.span().start;
    if !is_private && values.iter().any(|value| private::is_secret(arg, value)) {
        let variable = arg.get_env().map(|name| name.to_string_lossy()).unwrap_or_default();
        let instead = match name {
            "database" => {
                format!("leave the password out and give it by a file that PGPASSFILE names, or set {variable}")
            }
            _ => format!("write {name} = \"@FILE\" with the file that holds it, or set {variable}"),
        };
        let what =
            format!("`{name}` may hold a secret, and others can read this file: {instead}; or chmod 600 this file");
        return Err((at, what));
    }
    taken(name, arg, &values).map_err(|what| (at, what))?;
    Ok((arg, values))
}

/// The option of this name.
fn find<'c>(name: &str, value: &DeValue<'_>, serve: &'c Command) -> Result<&'c Arg, String> {
    let is_table = value.is_table();
    let known = options(serve).find(|(known, _)| *known == name);
    if let Some((_, arg)) = known.filter(|_| !is_table) {
        return Ok(arg);
    }
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(key, _)| *key == name) {
        return Err(format!("`{name}` is no key: {instead}"));
    }
    if is_table {
        return Err(format!("`{name}` is a table: keys stand without tables and without dots, as options of serve do"));
    }
    let is_variable = |arg: &Arg| arg.get_env().is_some_and(|variable| variable == name);
    if let Some((instead, _)) = options(serve).find(|(_, arg)| is_variable(arg)) {
        return Err(format!("`{name}` is the variable: the key is `{instead}`"));
    }
    let wanted = name.to_lowercase().replace('_', "-");
    let mut near: Vec<_> = options(serve).map(|(known, _)| (strsim::jaro_winkler(known, &wanted), known)).collect();
    near.retain(|(likeness, _)| *likeness >= CLOSE);
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let near: Vec<String> = near.iter().take(3).map(|(_, known)| format!("`{known}`")).collect();
    Err(match &*near.join(" or ") {
        "" => format!("there is no option `{name}`: `fhir-gateway config example` prints all of them"),
        near => format!("there is no option `{name}`: is it {near}?"),
    })
}

/// The values as the command line would have them.
fn values(name: &str, arg: &Arg, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Wrong> {
    match value.get_ref() {
        DeValue::Array(items) if is_list(arg) => items.iter().map(|item| one(name, arg, item)).collect(),
        _ => one(name, arg, value).map(|value| vec![value]),
    }
}

fn one(name: &str, arg: &Arg, value: &Spanned<DeValue<'_>>) -> Result<String, Wrong> {
    let at = value.span().start;
    let kind = Kind::of(arg);
    let found = match (kind, value.get_ref()) {
        (Kind::Flag, DeValue::Boolean(flag)) => Some(flag.to_string()),
        (Kind::Text, DeValue::String(text)) => Some(text.to_string()),
        (Kind::Number | Kind::Fraction, DeValue::Integer(number)) => {
            i128::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        // An option that takes `off` or a number, as far as it takes this one.
        (Kind::Text, DeValue::Integer(number)) if !is_any_text(arg) => {
            let number = i128::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string());
            number.filter(|number| taken(name, arg, std::slice::from_ref(number)).is_ok())
        }
        (Kind::Fraction, DeValue::Float(number)) => Some(number.as_str().to_owned()),
        _ => None,
    };
    found.ok_or_else(|| {
        let (called, example) = kind.described();
        let (called, example) = if is_list(arg) {
            (format!("a list, each of it {called}"), format!("[{example}]"))
        } else {
            (called.to_owned(), example.to_owned())
        };
        let is = value.get_ref().type_str();
        (at, format!("`{name}` is {called}, and here is a value of type {is}: write {name} = {example}"))
    })
}

/// Whether an option takes whatever is written: a number in its place is a mistake.
fn is_any_text(arg: &Arg) -> bool {
    let taken = arg.get_value_parser().type_id();
    taken == TypeId::of::<String>() || taken == TypeId::of::<PathBuf>()
}

/// Whether the option takes these values by itself. Rules among options are the command line's to say.
///
/// # Errors
/// Why not, without the value: it may be a secret.
fn taken(name: &str, arg: &Arg, values: &[String]) -> Result<(), String> {
    if Kind::of(arg) == Kind::Flag {
        return Ok(());
    }
    let alone = Arg::new("value").long("value").action(ArgAction::Append).value_parser(arg.get_value_parser().clone());
    let command = Command::new("serve").no_binary_name(true).arg(alone);
    let arguments = values.iter().map(|value| format!("--value={value}"));
    let Err(error) = command.try_get_matches_from(arguments) else { return Ok(()) };
    if let Some(why) = std::error::Error::source(&error) {
        return Err(format!("`{name}`: {why}"));
    }
    Err(match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(known)) if !known.is_empty() => format!("`{name}` is one of {}", known.join(", ")),
        _ => format!("`{name}` has no value that it can have"),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, is_private: bool) -> Result<Vec<Setting>, Vec<Fault>> {
        let cli = cli::Cli::command();
        parse(text, cli.find_subcommand("serve").unwrap(), is_private)
    }

    fn arguments(text: &str) -> Vec<String> {
        let settings = read(text, false).unwrap();
        settings.iter().flat_map(Setting::arguments).map(|argument| argument.into_string().unwrap()).collect()
    }

    /// Line and words of the one thing that is wrong.
    fn fault(text: &str) -> (usize, String) {
        let faults = read(text, false).unwrap_err();
        assert_eq!(faults.len(), 1, "{text}: {faults:?}");
        (faults[0].line, faults[0].what.clone())
    }

    #[test]
    fn a_file_is_read_as_the_arguments_that_it_stands_for() {
        let text = "# who\nlisten = \"0.0.0.0:8443\"\ntrusted-proxy = [\n  \"10.0.0.0/8\",\n  \"::1\",\n]\nbehind-tls-proxy = true\n\
                    provenance = false\ntime-limit = 3_0\nalso-at = \"https://a.example/fhir\"\nmax-body = 0x400\n";
        assert_eq!(
            arguments(text),
            [
                "--listen=0.0.0.0:8443",
                "--trusted-proxy=10.0.0.0/8",
                "--trusted-proxy=::1",
                "--behind-tls-proxy",
                "--time-limit=30",
                "--also-at=https://a.example/fhir",
                "--max-body=1024",
            ]
        );
        assert!(arguments("").is_empty() && arguments("trusted-proxy = []").is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_what_is_right() {
        for (text, line, words) in [
            ("\nlistne = \"x\"", 2, "is it `listen`?"),
            ("trusted_proxy = []", 1, "is it `trusted-proxy`"),
            ("FHIR_GATEWAY_LISTEN = \"x\"", 1, "the key is `listen`"),
            ("zzz = 1", 1, "config example"),
            ("config = \"other.toml\"", 1, "no other one"),
            ("help = true", 1, "no option"),
            ("\n\n[tls]\nlisten = \"x\"", 3, "without tables"),
            ("database.url = \"x\"", 1, "without tables"),
            ("listen = 8080", 1, "a text"),
            ("time-limit = \"30\"", 1, "a whole number"),
            ("data-dir = 5", 1, "a text"),
            ("time-limit = 1.5", 1, "a whole number"),
            ("time-limit = 0", 1, "0 is not in 1..=3600"),
            ("provenance = \"yes\"", 1, "true or false"),
            ("listen = [\"127.0.0.1:1\"]", 1, "a text"),
            ("trusted-proxy = [\n \"::1\",\n 10,\n]", 3, "a list"),
            ("listen = \"nowhere\"", 1, "`listen`: invalid socket address"),
            ("user-reach = \"all\"", 1, "one of care, organization"),
            ("data-dir = \"\"", 1, "no value"),
            ("listen = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"", 2, "duplicate key"),
            ("listen = 127.0.0.1:1", 1, "in quotes"),
            ("dev-token = \"hush\"", 1, "FHIR_GATEWAY_DEV_TOKEN"),
            ("alert-secret = \"hush\"", 1, "alert-secret-file"),
            ("secret-key = \"hush\"", 1, "FHIR_GATEWAY_SECRET_KEY"),
        ] {
            let faults = read(text, false).unwrap_err();
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let found = faults.iter().any(|fault| fault.line == line && fault.what.contains(words));
            assert!(found, "{text}: {told:?}");
            assert!(!told.concat().contains("hush"), "{told:?}");
        }
        let all = read("listne = 1\ntime-limit = \"x\"\nzzz = 1", false).unwrap_err();
        assert_eq!(all.iter().map(|fault| fault.line).collect::<Vec<_>>(), [1, 2, 3], "all of it at once");
    }

    proptest! {
        /// Whatever stands there, what is wrong has a line of the file, and what is right is what arguments can say.
        #[test]
        fn any_text_is_read_or_refused_by_its_lines(
            lines in prop::collection::vec(
                prop_oneof![
                    ".{0,40}",
                    r#"(listen|time-limit|trusted-proxy|provenance|dev|\[dev\]|a\.b) ?= ?(true|-?[0-9]{1,40}|0x[0-9a-f]{1,4}|1e9|"[^"]{0,9}"|\[|\]|\{\}|""")"#,
                ],
                0..6,
            ),
        ) {
            let text = lines.join("\n");
            match read(&text, false) {
                Ok(settings) => {
                    let arguments: Vec<_> = settings.iter().flat_map(Setting::arguments).collect();
                    prop_assert!(arguments.iter().all(|argument| argument.to_str().is_some_and(|it| it.starts_with("--"))));
                }
                Err(faults) => {
                    let lines = 1 + text.matches('\n').count();
                    prop_assert!(!faults.is_empty() && faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
                }
            }
        }
    }

    #[test]
    fn an_option_that_takes_numbers_among_others_takes_one_without_quotes() {
        let most = |text: &str| if text == "off" { Ok(None) } else { text.parse::<u8>().map(Some) };
        let serve = Command::new("serve").arg(Arg::new("most").long("most").value_parser(most));
        for (text, wanted) in
            [("most = 5", Some("5")), ("most = \"off\"", Some("off")), ("most = 300", None), ("most = 1.5", None)]
        {
            let read = parse(text, &serve, false);
            assert_eq!(read.as_ref().ok().map(|settings| &*settings[0].values[0]), wanted, "{text}: {read:?}");
        }
    }

    #[test]
    fn a_secret_stands_only_in_a_file_of_its_owners_alone() {
        for text in [
            "database = \"postgres://gateway:hush@db/clinic\"",
            "database = \"postgres://db/clinic?password=hush\"",
            "alert-webhook = \"https://alerts.example/hush\"",
        ] {
            let (line, what) = fault(text);
            assert!(line == 1 && what.contains("chmod 600") && !what.contains("hush"), "{what}");
            assert!(read(text, true).is_ok(), "{text}");
        }
        for text in ["database = \"postgres://gateway@db/clinic\"", "alert-webhook = \"@url.txt\""] {
            assert!(read(text, false).is_ok(), "{text}");
        }
        // Why a value is refused is told without it.
        let faults = read("database = \"mysql://gateway:hush@db/clinic\"", true).unwrap_err();
        assert!(faults[0].what.contains("postgres://") && !faults[0].what.contains("hush"), "{faults:?}");
    }
}
