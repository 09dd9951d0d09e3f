//! One file of options: what counts before it, what is refused of it, and what `config check` says without starting anything.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gateway_tests::{Command, Engine, Json, Options, Server, TOKEN, binary, suite};
use tempfile::TempDir;

const LISTEN: &str = "FHIR_GATEWAY_LISTEN";

/// A file of options in a folder of its own, which others may read.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    (folder, path)
}

/// Runs a command in a folder, with variables.
async fn run(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let output = tokio::process::Command::new(binary())
        .args(arguments)
        .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), output).await.expect("it ends").unwrap();
    Command {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What `config check --json` says.
async fn checked(folder: &Path, variables: &[(&str, &str)], arguments: &[&str], code: i32) -> Json {
    let arguments = [&["config", "check", "--json"], arguments].concat();
    Json::of(&run(folder, variables, &arguments).await.expect(code).stdout)
}

fn setting<'j>(report: &'j Json, name: &str) -> &'j Json {
    let found = report.items("settings").iter().find(|setting| setting.str("name") == Some(name));
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// Value and source.
fn says(report: &Json, name: &str) -> (String, String) {
    let setting = setting(report, name);
    (setting.at("value").unwrap().to_string(), setting.str("source").unwrap().to_owned())
}

fn both(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

suite! {
    async fn a_server_does_what_its_file_says_and_the_command_line_goes_before_it(engine: Engine) {
        // The listen address of the file can be had by nobody: the command line says another one.
        let (_folder, path) = file("listen = \"192.0.2.1:1\"\nmax-body = 2048\nconditional-delete = \"multiple\"\ndev-actor = [\"Practitioner/1\"]\n");
        let arguments = vec!["--config".to_owned(), path.display().to_string()];
        let server = Server::with(engine, Options { arguments: [arguments, vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()]].concat(), ..Options::default() });
        let client = server.client();
        let long = format!(r#"{{"resourceType":"Patient","name":[{{"family":"{}"}}]}}"#, "x".repeat(4000));
        client.post("/Patient", &long).await.expect(413);
        let statement = client.get("/metadata").await.expect(200).text();
        assert!(statement.replace(' ', "").contains(r#""conditionalDelete":"multiple""#), "{statement}");
        assert!(server.log().contains("gateway.toml"), "{}", server.log());
    }

    async fn a_command_finds_the_database_that_the_file_names(engine: Engine) {
        let server = Server::start(engine);
        let (folder, path) = file(&format!("database = {:?}\ndata-dir = {:?}\ntime-limit = 7\n", server.database.url, server.data_dir()));
        let config = path.display().to_string();
        run(folder.path(), &[], &["client", "list", "--config", &config]).await.expect(0);
        // Who may read the file alone may have the password in it: PostgreSQL here trusts whoever comes, with one or without.
        let with_password = server.database.url.replace("//postgres@", "//postgres:hush@");
        let text = format!("database = {with_password:?}\ndata-dir = {:?}\n", server.data_dir());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        run(folder.path(), &[], &["client", "list", "--config", &config]).await.expect(0);
        let told = run(folder.path(), &[("FHIR_GATEWAY_CONFIG", &config)], &["config", "check", "--dev", "--connect"]).await.expect(0);
        assert!(told.stdout.contains("# the database has every migration\n"), "{}", told.stdout);
        assert!(!told.stdout.contains("hush") && !told.stderr.contains("hush"), "{}{}", told.stdout, told.stderr);
        let nothing_made: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(nothing_made.len(), 1, "{nothing_made:?}");
    }
}

#[tokio::test]
async fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let text = "# where\nlisten = \"127.0.0.1:1\"\nprovenance = true\nalso-at = [\"https://a.example/fhir\", \"https://b.example/fhir\"]\ndev = true\n";
    let (folder, path) = file(text);
    let path = path.display().to_string();
    let config = ["--config", path.as_str()];
    let report = checked(folder.path(), &[], &config, 0).await;
    assert_eq!(says(&report, "listen"), both("\"127.0.0.1:1\"", "file"));
    assert_eq!(setting(&report, "listen").at("line").unwrap().to_string(), "2");
    assert_eq!(says(&report, "provenance"), both("true", "file"));
    assert_eq!(says(&report, "also-at"), both(r#"["https://a.example/fhir","https://b.example/fhir"]"#, "file"));
    assert_eq!(says(&report, "time-limit").1, "default");
    assert_eq!(says(&report, "maps"), both("null", "default"));
    let variables = [(LISTEN, "127.0.0.1:2"), ("FHIR_GATEWAY_PROVENANCE", "false")];
    let report = checked(folder.path(), &variables, &config, 0).await;
    assert_eq!(says(&report, "listen"), both("\"127.0.0.1:2\"", "environment"));
    assert_eq!(setting(&report, "listen").str("variable"), Some(LISTEN));
    assert_eq!(setting(&report, "listen").at("passedOverLine").unwrap().to_string(), "2");
    assert_eq!(says(&report, "provenance"), both("false", "environment"), "off where the file says on");
    let report = checked(folder.path(), &variables, &[&config[..], &["--listen", "127.0.0.1:3"]].concat(), 0).await;
    assert_eq!(says(&report, "listen"), both("\"127.0.0.1:3\"", "command-line"));
    // The file is found by its variable, too.
    let report = checked(folder.path(), &[("FHIR_GATEWAY_CONFIG", &path)], &[], 0).await;
    assert_eq!(report.str("file"), Some(&*path));
    assert_eq!(says(&report, "listen").1, "file");
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_by_line_and_nothing_starts() {
    for (text, words) in [
        ("dev = true\nlistne = \"127.0.0.1:0\"\n", "line 2: there is no option `listne`: is it `listen`?"),
        ("dev = true\nlisten = 8080\n", "line 2: `listen` is a text"),
        ("time-limit = \"30\"\n", "line 1: `time-limit` is a whole number"),
        ("time-limit = 0\n", "line 1: `time-limit`: 0 is not in 1..=3600"),
        ("dev = true\nlisten = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:0\"\n", "line 3: duplicate key"),
        ("[server]\nlisten = \"127.0.0.1:0\"\n", "without tables"),
        (
            "dev = true\ndev-token = \"hush\"\n",
            "line 2: `dev-token` is no key: a secret does not stand here: set the variable FHIR_GATEWAY_DEV_TOKEN",
        ),
        ("database = \"postgres://gateway:hush@db/clinic\"\n", "chmod 600"),
        ("alert-webhook = \"https://alerts.example/hush\"\n", "@FILE"),
        ("listen = \n", "line 1"),
        // What only holds together is told by the command line's own words, and where it was said.
        ("dev-seed = 1\n", "dev-seed (line 1)"),
        ("dev = true\nbehind-tls-proxy = true\n", "behind-tls-proxy (line 2)"),
    ] {
        let (folder, path) = file(text);
        for command in [&["serve"][..], &["config", "check"]] {
            let told = run(folder.path(), &[], &[command, &["--config", &path.display().to_string()]].concat())
                .await
                .expect(2);
            assert!(told.stderr.contains(words), "{text}: {}", told.stderr);
            assert!(!told.stderr.contains("hush") && told.stdout.is_empty(), "{}{}", told.stdout, told.stderr);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made: {text}");
    }
}

#[tokio::test]
async fn a_file_that_is_none_is_refused() {
    let (folder, path) = file("");
    fs::write(&path, "# ".repeat(200_000)).unwrap();
    let long = folder.path().join("long.toml");
    fs::rename(&path, &long).unwrap();
    let latin = folder.path().join("latin.toml");
    fs::write(&latin, b"# one\n# caf\xe9\n").unwrap();
    for (path, words) in [
        (long.as_path(), "longer than"),
        (Path::new("/dev/zero"), "longer than"),
        (&latin, "line 2: it is not UTF-8"),
        (folder.path(), "s a directory"),
        (Path::new("/no/such.toml"), "No such file"),
    ] {
        let told =
            run(folder.path(), &[], &["serve", "--dev", "--config", &path.display().to_string()]).await.expect(2);
        assert!(told.stderr.contains(words), "{}: {}", path.display(), told.stderr);
        assert!(told.stdout.is_empty(), "{}", told.stdout);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was made");
}

#[tokio::test]
async fn a_check_names_everything_that_is_wrong_and_shows_no_secret() {
    let (folder, path) = file(
        "database = \"postgres://gateway:hush@db/clinic\"\nalert-webhook = \"https://alerts.example/hush\"\nalert-secret-file = \"none.txt\"\n\
         labels = \"no-labels.toml\"\nstatutes = \"no-law.toml\"\nmaps = \"no-maps\"\naudit-retain-to = \"old\"\naudit-keep-days = 10\n\
         data-dir = \"gateway.toml\"\n",
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let path = path.display().to_string();
    let variables =
        [("FHIR_GATEWAY_LISTN", "x"), ("FHIR_GATEWAY_LOG", "gateway=loud"), ("FHIR_GATEWAY_SECRET_KEY", "hush")];
    let told = run(folder.path(), &variables, &["config", "check", "--config", &path]).await.expect(2);
    for words in [
        "--public-url",
        "none.txt",
        "no-labels.toml",
        "no-law.toml",
        "no-maps",
        "--audit-keep-short",
        "it is not a folder",
        "FHIR_GATEWAY_LOG",
        "FHIR_GATEWAY_SECRET_KEY has to be",
    ] {
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    for line in [
        "database = \"postgres://gateway@db/clinic\"  # ",
        "# alert-webhook is set, and not shown  # ",
        "audit-keep-days = 10  # ",
        "# FHIR_GATEWAY_SECRET_KEY is set",
        "# FHIR_GATEWAY_LISTN is no variable of fhir-gateway",
    ] {
        assert!(told.stdout.lines().any(|it| it.starts_with(line)), "{line}: {}", told.stdout);
    }
    assert!(told.stdout.contains("gateway.toml, line 8\n"), "{}", told.stdout);
    let as_json = run(folder.path(), &variables, &["config", "check", "--json", "--config", &path]).await.expect(2);
    let report = Json::of(&as_json.stdout);
    assert_eq!(report.at("ok"), Some(&Json::Bool(false)));
    assert_eq!(setting(&report, "database").at("hidden"), Some(&Json::Bool(true)));
    assert_eq!(setting(&report, "alert-webhook").at("value").unwrap().to_string(), "null");
    assert!(report.items("problems").len() >= 9, "{report}");
    for text in [told.stdout, told.stderr, as_json.stdout, as_json.stderr] {
        assert!(!text.contains("hush"), "{text}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
}

#[tokio::test]
async fn a_check_asks_the_database_where_it_is_told_to() {
    let (folder, path) = file("dev = true\ndatabase = \"postgres://nobody@127.0.0.1:1/nothing\"\n");
    let config = ["--config", &path.display().to_string()].map(ToOwned::to_owned);
    let config = [config[0].as_str(), config[1].as_str()];
    assert_eq!(checked(folder.path(), &[], &config, 0).await.at("databaseAnswers").unwrap().to_string(), "null");
    let report = checked(folder.path(), &[], &[&config[..], &["--connect"]].concat(), 3).await;
    assert_eq!(report.at("databaseAnswers"), Some(&Json::Bool(false)));
    fs::write(&path, "dev = true\n").unwrap();
    let told = run(folder.path(), &[], &[&["config", "check", "--connect"][..], &config].concat()).await.expect(0);
    assert!(told.stdout.contains("not there yet"), "{}", told.stdout);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
    // One from before: what it lacks is named.
    run(folder.path(), &[], &["migrate", "--data-dir", "data"]).await.expect(0);
    let database = format!("sqlite:{}", folder.path().join("data/fhir-gateway.db").display());
    let mut sql = gateway_tests::Sql::connect(Engine::Sqlite, &database).await;
    sql.run("delete from migrations where name = 'internal/0024_accounts'").await;
    let report = checked(folder.path(), &[], &[&config[..], &["--connect", "--data-dir", "data"]].concat(), 0).await;
    assert_eq!(report.at("missingMigrations").unwrap().to_string(), r#"["internal/0024_accounts"]"#);
}

#[tokio::test]
async fn the_example_is_whole_and_passes() {
    let (folder, path) = file("");
    let example = run(folder.path(), &[], &["config", "example"]).await.expect(0).stdout;
    fs::write(&path, &example).unwrap();
    let report = checked(folder.path(), &[], &["--dev", "--config", &path.display().to_string()], 0).await;
    let help = run(folder.path(), &[], &["serve", "--help"]).await.expect(0).stdout;
    let words = help.split(|letter: char| letter.is_whitespace() || letter == ',');
    let options: Vec<&str> = words.filter_map(|word| word.strip_prefix("--")).collect();
    let settings: Vec<&str> = report.items("settings").iter().filter_map(|setting| setting.str("name")).collect();
    assert!(settings.len() > 40, "{settings:?}");
    for name in &settings {
        assert!(options.contains(name), "{name}");
        assert!(example.lines().any(|line| line.starts_with(&format!("#{name} = "))), "{name}: {example}");
    }
    // And no option is without its line: those of the help that begin a paragraph.
    let of_help = help.lines().filter_map(|line| line.strip_prefix("      --"));
    for name in of_help.filter_map(|rest| rest.split_whitespace().next()).filter(|name| *name != "config") {
        assert!(settings.contains(&name), "{name}");
    }
    // Of an option with a default, the line without the # says the same.
    let listen = example.replace("#listen = ", "listen = ").replace("#time-limit = ", "time-limit = ");
    fs::write(&path, listen).unwrap();
    let told = checked(folder.path(), &[], &["--dev", "--config", &path.display().to_string()], 0).await;
    assert_eq!(says(&told, "listen"), both("\"127.0.0.1:8080\"", "file"));
    assert_eq!(says(&told, "time-limit").0, says(&report, "time-limit").0);
}
