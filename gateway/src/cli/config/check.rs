//! `fhir-gateway config check`: what a server would be told, and what of it would keep it from starting.

use std::fs::{self, OpenOptions};
use std::path::Path;

use clap::parser::ValueSource;
use clap::{Arg, Args, Command};
use serde_json::{Value, json};

use super::{Kind, Told, is_list, line, options, private};
use crate::cli::serve::{self, LOG_VARIABLE, ServeArgs, TOKEN_VARIABLE};
use crate::cli::{self, DatabaseArgs, Exit, Stop};
use crate::interaction::cursor::{self, Cursors};
use crate::sealing::{self, Sealer};
use crate::store::migrate;
use crate::store::pools::{PoolSettings, Pools};

/// What the variables that say something begin with.
const PREFIX: &str = "FHIR_GATEWAY_";

/// Variables that are no option: secrets, and the level of the log.
const VARIABLES: [&str; 5] =
    [TOKEN_VARIABLE, "FHIR_GATEWAY_ALERT_SECRET", LOG_VARIABLE, sealing::KEY_VARIABLE, sealing::BEFORE_VARIABLE];

/// What is checked, and how it is told.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Print what counts and what is wrong as JSON.
    #[arg(long)]
    json: bool,
    /// Also ask the database whether it answers, and which migrations it lacks (a start applies them).
    #[arg(long)]
    connect: bool,
    /// What a server would be told.
    #[command(flatten)]
    serve: ServeArgs,
}

/// Where a setting comes from.
#[derive(Debug)]
enum Source {
    CommandLine,
    Default,
    Environment(String),
    File(usize),
}

/// An option as it counts.
struct Effective<'c> {
    name: &'c str,
    arg: &'c Arg,
    /// `None`: it is not set, and has no default.
    values: Option<Vec<String>>,
    source: Source,
    /// The line of the file that does not count.
    passed_over: Option<usize>,
}

/// What the database says.
enum Answer {
    /// SQLite's file, which a start makes.
    NotThere,
    /// The migrations that it lacks.
    Lacks(Vec<&'static str>),
}

pub(super) async fn run(args: &CheckArgs, told: &Told) -> Result<Exit, Stop> {
    let database = args.serve.database();
    let mut problems: Vec<String> = serve::problems(&args.serve).into_iter().map(|stop| stop.message).collect();
    problems.extend(surroundings(database));
    let answer = if args.connect { Some(ask(database).await) } else { None };
    let unavailable = answer.as_ref().and_then(|answer| answer.as_ref().err());
    let settings: Vec<Effective<'_>> = options(told.serve()).map(|(name, arg)| effective(name, arg, told)).collect();
    let strangers = strangers(told.command());
    if args.json {
        let (lacks, answers) = match &answer {
            Some(Ok(Answer::Lacks(lacks))) => (json!(lacks), json!(true)),
            Some(Ok(Answer::NotThere)) => (Value::Null, json!(true)),
            Some(Err(_)) => (Value::Null, json!(false)),
            None => (Value::Null, Value::Null),
        };
        let all: Vec<&String> = problems.iter().chain(unavailable.map(|stop| &stop.message)).collect();
        let report = json!({
            "ok": all.is_empty(),
            "file": told.file.as_ref().map(|file| &file.name),
            "settings": settings.iter().map(as_json).collect::<Vec<_>>(),
            "variables": variables(),
            "unknownVariables": strangers,
            "databaseAnswers": answers,
            "missingMigrations": lacks,
            "problems": all,
        });
        cli::print(&format!("{report:#}\n"))?;
    } else {
        let file = told.file.as_ref().map_or("no file", |file| &file.name);
        let mut text: String = settings.iter().filter_map(|setting| as_text(setting, file)).collect();
        text.extend(variables().iter().map(|name| format!("# {name} is set  # environment\n")));
        text.extend(strangers.iter().map(|name| format!("# {name} is no variable of fhir-gateway: it says nothing\n")));
        match &answer {
            Some(Ok(Answer::NotThere)) => text.push_str("# the database is not there yet: a start makes it\n"),
            Some(Ok(Answer::Lacks(none))) if none.is_empty() => text.push_str("# the database has every migration\n"),
            Some(Ok(Answer::Lacks(some))) => {
                text.extend(["# the database lacks ", &some.join(", "), ": a start applies them\n"]);
            }
            Some(Err(_)) | None => {}
        }
        cli::print(&text)?;
        for problem in problems.iter().chain(unavailable.map(|stop| &stop.message)) {
            eprintln!("fhir-gateway: {problem}");
        }
    }
    Ok(match unavailable {
        _ if !problems.is_empty() => Exit::Usage,
        Some(stop) => stop.exit,
        None => Exit::Done,
    })
}

/// How an option counts, and by whose word.
fn effective<'c>(name: &'c str, arg: &'c Arg, told: &Told) -> Effective<'c> {
    let id = arg.get_id().as_str();
    let setting = told.file.as_ref().and_then(|file| file.settings.iter().find(|setting| setting.id == id));
    let counting = setting.filter(|_| told.from_file.iter().any(|from| from == id));
    let raw = told.own().get_raw(id).map(|raw| raw.map(|value| value.to_string_lossy().into_owned()).collect());
    let source = match (counting, told.own().value_source(id)) {
        (Some(setting), _) => Source::File(setting.line),
        (None, Some(ValueSource::CommandLine)) => Source::CommandLine,
        (None, Some(ValueSource::EnvVariable)) => {
            Source::Environment(arg.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default())
        }
        (None, _) => Source::Default,
    };
    let passed_over = setting.filter(|_| counting.is_none()).map(|setting| setting.line);
    Effective { name, arg, values: raw, source, passed_over }
}

/// The values as they may be shown; `None` where one may not.
fn shown(setting: &Effective<'_>) -> Option<(Vec<String>, bool)> {
    let values = setting.values.as_ref()?;
    let is_cut = values.iter().any(|value| private::is_secret(setting.arg, value));
    let shown: Option<Vec<String>> =
        values.iter().map(|value| private::shown(setting.arg, value).map(Into::into)).collect();
    Some((shown?, is_cut))
}

fn as_text(setting: &Effective<'_>, file: &str) -> Option<String> {
    setting.values.as_ref()?;
    let mut from = match &setting.source {
        Source::CommandLine => "command line".to_owned(),
        Source::Default => "default".to_owned(),
        Source::Environment(variable) => format!("environment {variable}"),
        Source::File(line) => format!("{file}, line {line}"),
    };
    if let Some(line) = setting.passed_over {
        from += &format!(", and not {file}, line {line}");
    }
    let text = match shown(setting) {
        Some((values, false)) => line(setting.name, setting.arg, &values),
        Some((values, true)) => {
            from += "; its password is not shown";
            line(setting.name, setting.arg, &values)
        }
        None => format!("# {} is set, and not shown", setting.name),
    };
    Some(format!("{text}  # {from}\n"))
}

fn as_json(setting: &Effective<'_>) -> Value {
    let one = |value: &String| match Kind::of(setting.arg) {
        Kind::Text => json!(value),
        Kind::Flag | Kind::Fraction | Kind::Number => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
    };
    let shown = shown(setting);
    let value = match &shown {
        Some((values, _)) if is_list(setting.arg) => values.iter().map(one).collect(),
        Some((values, _)) => values.first().map_or(Value::Null, one),
        None => Value::Null,
    };
    let (source, variable, line) = match &setting.source {
        Source::CommandLine => ("command-line", None, None),
        Source::Default => ("default", None, None),
        Source::Environment(variable) => ("environment", Some(variable), None),
        Source::File(line) => ("file", None, Some(line)),
    };
    let is_hidden = setting.values.is_some() && shown.is_none_or(|(_, is_cut)| is_cut);
    json!({
        "name": setting.name, "value": value, "isSet": setting.values.is_some(), "hidden": is_hidden,
        "source": source, "variable": variable, "line": line, "passedOverLine": setting.passed_over,
    })
}

/// Which variables that are no option are set. Some are secrets: their values are looked at by those who use them.
fn variables() -> Vec<&'static str> {
    VARIABLES.into_iter().filter(|name| std::env::var_os(name).is_some()).collect()
}

/// Variables that look like ours and are not: what was misspelt says nothing, and nobody hears of it.
fn strangers(command: &Command) -> Vec<String> {
    fn is_known(command: &Command, name: &str) -> bool {
        command.get_arguments().any(|arg| arg.get_env().is_some_and(|variable| variable == name))
            || command.get_subcommands().any(|inner| is_known(inner, name))
    }
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let ours = names.filter(|name| name.starts_with(PREFIX) && !VARIABLES.contains(&&**name));
    let mut strangers: Vec<String> = ours.filter(|name| !is_known(command, name)).collect();
    strangers.sort();
    strangers
}

/// What is wrong with what a server stands on: its folder, the keys in it, where its database lies, its log.
fn surroundings(database: &DatabaseArgs) -> Vec<String> {
    let data_dir = &database.data_dir;
    let mut problems: Vec<String> = usable(data_dir).err().into_iter().collect();
    let in_folder = |error: std::io::Error| format!("the data directory {}: {error}", data_dir.display());
    // Keys that are not there are made by a start.
    if std::env::var_os(sealing::KEY_VARIABLE).is_some() || data_dir.join(sealing::KEY_FILE).exists() {
        problems.extend(Sealer::open(data_dir, None).err().map(in_folder));
    }
    if data_dir.join(cursor::KEY_FILE).exists() {
        problems.extend(Cursors::open(data_dir).err().map(in_folder));
    }
    if let Some(folder) = embedded(database).as_deref().and_then(Path::parent)
        && folder != data_dir
        && !folder.as_os_str().is_empty()
        && !folder.is_dir()
    {
        problems.push(format!("--database: there is no folder {}", folder.display()));
    }
    if let Some(level) = std::env::var_os(LOG_VARIABLE)
        && !level.to_str().is_some_and(serve::is_filter)
    {
        problems.push(format!("{LOG_VARIABLE} says no level of the log: give info, or gateway=debug"));
    }
    problems
}

/// SQLite's file.
fn embedded(database: &DatabaseArgs) -> Option<std::path::PathBuf> {
    let url = database.url();
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return None;
    }
    let path = url.strip_prefix("sqlite:").unwrap_or(&url);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Some(path.strip_prefix("//").unwrap_or(path).into())
}

/// Whether the data directory can be written to, or made. What is there stays as it is.
///
/// # Errors
/// Why not.
fn usable(data_dir: &Path) -> Result<(), String> {
    let said = |path: &Path, error: &dyn std::fmt::Display| {
        let of = if path == data_dir { String::new() } else { format!(" cannot be made in {}", path.display()) };
        format!("the data directory {}{of}: {error}", data_dir.display())
    };
    let place = data_dir.ancestors().find(|path| path.as_os_str().is_empty() || path.exists());
    let place = place.filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    if !place.is_dir() {
        return Err(said(place, &"it is not a folder"));
    }
    // Rights, quotas and read-only file systems are best known by trying.
    let trial = place.join(format!(".fhir-gateway-check-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&trial).map_err(|error| said(place, &error))?;
    fs::remove_file(&trial).map_err(|error| said(place, &error))
}

/// Whether the database answers, and what it lacks.
async fn ask(database: &DatabaseArgs) -> Result<Answer, Stop> {
    if embedded(database).is_some_and(|path| !path.exists()) {
        return Ok(Answer::NotThere);
    }
    let pools = Pools::open(Some(&database.url()), &database.data_dir, &PoolSettings::default()).await?;
    let mut connection = pools.owner().await?;
    let lacks = migrate::pending(&mut connection, database.maps.is_none()).await;
    drop(connection);
    pools.close().await;
    Ok(Answer::Lacks(lacks?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_usable_where_it_can_be_written_to_or_made_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        for (path, is_usable) in [
            (folder.path().to_owned(), true),
            (folder.path().join("a/b"), true),
            (file.clone(), false),
            (file.join("a"), false),
        ] {
            assert_eq!(usable(&path).is_ok(), is_usable, "{}", path.display());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
