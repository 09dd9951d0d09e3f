//! The README's commands, run as they stand there: only names of databases, folders and files are put in.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gateway_tests::{Command, Engine, Server, TOKEN, binary, patient, suite, transaction};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The commands of the README's `sh` blocks, without comments and settings in front of them.
fn commands() -> Vec<String> {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let mut commands = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            let command = line.split("  #").next().unwrap();
            commands.push(command.trim().trim_start_matches("FHIR_GATEWAY_DEV_TOKEN=secret ").to_owned());
        }
    }
    commands
}

/// Words of a command with our database, folders and files in place of the README's.
fn words(command: &str, url: &str, folder: &Path) -> Vec<String> {
    let mut words = Vec::new();
    for word in command.split_whitespace() {
        match word {
            "postgres://gateway@db/clinic" => words.push(url.to_owned()),
            "/var/lib/fhir-gateway" | "data" => words.push(folder.join("data").display().to_string()),
            "synthea/output/fhir" => words.push(folder.join("fhir").display().to_string()),
            "sample.ndjson" | "refused.json" => words.push(folder.join(word).display().to_string()),
            "my-maps/*.toml" => {
                let maps = std::fs::read_dir(workspace().join("mappers/maps/clinic")).unwrap();
                words.extend(maps.map(|map| map.unwrap().path().display().to_string()));
            }
            // A shell takes quotes away.
            other => words.push(other.trim_matches('\'').to_owned()),
        }
    }
    words
}

/// Starts what runs until it is stopped, waits for a line of its output, and stops it.
fn starts(words: &[String], folder: &Path, wanted: &str) {
    let mut child = std::process::Command::new(binary())
        .args(words)
        .current_dir(folder)
        .env("FHIR_GATEWAY_DEV_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.map_while(Result::ok).any(|line| line.contains(wanted));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found, "{words:?} never said {wanted}");
}

suite! {
    async fn every_command_of_the_readme_works(engine: Engine) {
        let mut server = Server::start(engine);
        server.kill();
        let folder = server.folder().to_owned();
        std::fs::create_dir_all(folder.join("fhir")).unwrap();
        std::fs::write(folder.join("fhir/one.json"), transaction(&[patient("r-1", "One")]).to_string()).unwrap();
        std::fs::write(folder.join("sample.ndjson"), patient("r-2", "Two").to_string()).unwrap();
        let mut run = 0;
        for command in commands() {
            if command == "./tests/run" {
                assert!(workspace().join("tests/run").exists());
            } else if let Some(words_of) = command.strip_prefix("cargo run --release -- ") {
                starts(&words(words_of, &server.database.url, &folder), &folder, "curl");
            } else {
                // What stands before it (`zcat … &&`) makes the sample that we have made ourselves.
                let start = command.rfind("fhir-gateway ").unwrap_or_else(|| panic!("what is {command}?"));
                let mut words = words(&command[start + "fhir-gateway ".len()..], &server.database.url, &folder);
                if words[0] == "serve" {
                    words.extend(["--listen".to_owned(), "127.0.0.1:0".to_owned()]);
                    starts(&words, &folder, "\"ready\":true");
                } else {
                    Command::run(&words).await.expect(0);
                }
            }
            run += 1;
        }
        assert!(run >= 7, "the README had {run} commands only");
    }
}
