//! The command line: help, exit codes, `migrate`, `map`, `import` and its report, `demo` and its curl lines.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Server, TOKEN, binary, gzip, lab_observation, patient, suite, transaction};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};

const COMMANDS: [&str; 8] = ["serve", "demo", "migrate", "import", "map", "audit", "consent", "client"];

async fn import(server: &Server, paths: &[&str], more: &[&str]) -> Command {
    let data_dir = server.data_dir().display().to_string();
    let mut arguments = vec!["import", "--json", "--database", &server.database.url, "--data-dir", &data_dir];
    arguments.extend(more);
    arguments.extend(paths);
    Command::run(&arguments).await
}

#[tokio::test]
async fn help_tells_every_command_and_an_example() {
    let help = Command::run(&["--help"]).await.expect(0).stdout;
    for command in COMMANDS {
        assert!(help.contains(command), "{command}: {help}");
        let own = Command::run(&[command, "--help"]).await.expect(0).stdout;
        assert!(own.contains("fhir-gateway"), "{command}: {own}");
    }
    let import = Command::run(&["import", "--help"]).await.expect(0).stdout;
    assert!(import.contains("Example") && import.contains("Exit codes"), "{import}");
    assert!(Command::run(&["--version"]).await.expect(0).stdout.starts_with("fhir-gateway "));
}

#[tokio::test]
async fn wrong_usage_is_2_and_says_what_is_wrong() {
    for arguments in [
        &["nonsense"][..],
        &["import"],
        &["serve", "--nonsense"],
        &["serve", "--dev", "--listen", "nowhere"],
        &["import", "/no/such/file.json", "--data-dir", "/tmp/fhir-gateway-no"],
        &["migrate", "--database", "mysql://root@127.0.0.1/clinic", "--data-dir", "/tmp/fhir-gateway-no"],
        &["map", "check", "/no/such/map.toml"],
        &["map", "show", "no-such-map"],
        &["migrate", "--down", "--data-dir", "/tmp/fhir-gateway-no"],
    ] {
        let run = Command::run(arguments).await;
        assert_eq!(run.code, Some(2), "{arguments:?}: {}{}", run.stdout, run.stderr);
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
    let _absent = std::fs::remove_dir_all("/tmp/fhir-gateway-no");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_3() {
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing";
    for command in ["migrate", "serve"] {
        let mut arguments = vec![command, "--database", nowhere, "--data-dir", "/tmp/fhir-gateway-nowhere"];
        if command == "serve" {
            arguments.extend(["--dev", "--listen", "127.0.0.1:0"]);
        }
        let run = Command::run(&arguments).await;
        assert_eq!(run.code, Some(3), "{command}: {}{}", run.stdout, run.stderr);
    }
    let _made = std::fs::remove_dir_all("/tmp/fhir-gateway-nowhere");
}

#[tokio::test]
async fn map_check_accepts_the_built_in_maps_and_names_file_line_and_remedy_of_a_fault() {
    let own = Command::run(&["map", "check"]).await.expect(0);
    assert!(own.stdout.contains(" 0 errors"), "{}", own.stdout);
    let folder = std::env::temp_dir().join(format!("fhir-gateway-maps-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("people.toml");
    let text = "resource = \"Patient\"\ntable = \"people\"\nid = \"id\"\nfields = [\n  { path = \"brithDate\", column = \"born\" },\n]\n";
    std::fs::write(&file, text).unwrap();
    let run = Command::run(&["map", "check", &file.display().to_string()]).await.expect(1);
    assert!(run.stdout.contains("people.toml:5"), "file and line: {}", run.stdout);
    assert!(
        run.stdout.contains("brithDate") && run.stdout.contains("birthDate"),
        "what is wrong and what would be right: {}",
        run.stdout
    );
    let json = Command::run(&["map", "check", "--json", &file.display().to_string()]).await.expect(1);
    let problems = Json::of(&json.stdout);
    assert!(
        problems
            .array()
            .iter()
            .any(|problem| problem.str("line") == Some("5") && problem.str("severity") == Some("error")),
        "{problems}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn map_show_tells_what_goes_where() {
    let all = Command::run(&["map", "show"]).await.expect(0).stdout;
    for resource in ["Patient", "Medication", "MedicationRequest", "Observation"] {
        assert!(all.contains(resource), "{resource}: {all}");
    }
    let name = all
        .lines()
        .find(|line| line.split_whitespace().nth(1) == Some("Patient"))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let one = Command::run(&["map", "show", name]).await.expect(0).stdout;
    assert!(one.contains("birthDate") && one.contains("family"), "{one}");
}

#[tokio::test]
async fn demo_prints_curl_lines_that_work() {
    let folder = std::env::temp_dir().join(format!("fhir-gateway-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut child = tokio::process::Command::new(binary())
        .args(["demo", "--port", "0", "--data-dir", &folder.display().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut text = Vec::new();
    let mut curls: Vec<String> = Vec::new();
    let mut continued = false;
    while curls.len() < 3 || continued {
        let line = tokio::time::timeout(std::time::Duration::from_secs(60), lines.next_line())
            .await
            .expect("in time")
            .unwrap();
        let line = line.unwrap_or_else(|| panic!("the demo ended: {}", text.join("\n")));
        if continued {
            let last = curls.last_mut().unwrap();
            last.push('\n');
            last.push_str(&line);
        } else if line.trim_start().starts_with("curl ") {
            curls.push(line.trim().to_owned());
        }
        continued = (continued || line.trim_start().starts_with("curl ")) && line.ends_with('\\');
        text.push(line);
    }
    for curl in &curls {
        let output = tokio::process::Command::new("sh")
            .args(["-c", &curl.replacen("curl ", "curl --silent --fail-with-body ", 1)])
            .output()
            .await
            .unwrap();
        let body = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{curl}: {body}");
        assert!(body.contains("resourceType"), "{curl}: {body}");
    }
    let base = text.join(" ");
    let base =
        base.split_whitespace().find(|word| word.contains("http://127.0.0.1:") && word.contains("/fhir")).unwrap();
    let base: String =
        base.chars().skip_while(|letter| *letter != 'h').take_while(|letter| !"\"',".contains(*letter)).collect();
    let address = base.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    let token = curls[0].split("Bearer ").nth(1).unwrap().split(['"', '\'']).next().unwrap().to_owned();
    let api = gateway_tests::Client::new(&address, Some(&token));
    let page = api.get("/Patient?_summary=count").await.expect(200).json();
    assert_eq!(page.str("total"), Some("20"), "20 invented patients");
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    std::fs::remove_dir_all(folder).unwrap();
}

suite! {
    async fn migrate_is_repeatable_printable_and_reversible(engine: Engine) {
        let mut server = Server::start(engine);
        server.client().save(&patient("kept", "Kept")).await.expect(201);
        server.kill();
        let data_dir = server.data_dir().display().to_string();
        let arguments = |more: &[&'static str]| {
            let mut all = vec!["migrate".to_owned(), "--database".to_owned(), server.database.url.clone(), "--data-dir".to_owned(), data_dir.clone()];
            all.extend(more.iter().map(|word| (*word).to_owned()));
            all
        };
        Command::run(&arguments(&[])).await.expect(0);
        let printed = Command::run(&arguments(&["--print"])).await.expect(0).stdout;
        assert!(!printed.to_lowercase().contains("create table gateway_organizations"), "nothing is left to do: {printed}");
        Command::run(&arguments(&["--down"])).await.expect(2);
        Command::run(&arguments(&["--down", "--yes"])).await.expect(0);
        let mut sql = server.sql().await;
        let count = match engine {
            Engine::Sqlite => "select count(*) from sqlite_master where name in ('directory', 'resource_versions') or type = 'trigger' and name like 'fhir_gateway_%'",
            Engine::Postgres => "select (select count(*) from information_schema.tables where table_schema = 'fhir_gateway' and table_name <> 'migrations') + (select count(*) from pg_catalog.pg_trigger where tgname like 'fhir_gateway_%')",
        };
        assert_eq!(sql.count(count).await, 0, "the gateway's tables and triggers are gone");
        drop(sql);
        server.restart();
        let read = server.client().search("/Patient?identifier=urn:example:mrn|mrn-kept").await;
        assert_eq!(read.len(), 1, "the row is still the clinic's, and reads again");
    }

    async fn import_takes_what_people_have(engine: Engine) {
        let server = Server::start(engine);
        let folder = server.folder().join("files");
        std::fs::create_dir_all(folder.join("deep/er")).unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.join(name), bytes).unwrap();
        write("one.json", patient("i-one", "One").to_string().as_bytes());
        write("many.ndjson", format!("{}\n{}\n\n", patient("i-two", "Two"), lab_observation("i-two", "i-two", "1.50")).as_bytes());
        write("packed.ndjson.gz", &gzip(format!("{}\n", patient("i-three", "Three")).as_bytes()));
        write("deep/er/bundle.json", transaction(&[patient("i-four", "Four"), lab_observation("i-four", "i-four", "2.50")]).to_string().as_bytes());
        let nameless = patient("x", "Five").to_string().replace(r#""id":"x","#, "");
        write("deep/nameless.json", nameless.as_bytes());
        let collection = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{}}}]}}"#, patient("i-six", "Six"));
        write("deep/collection.ndjson", format!("{collection}\n").as_bytes());
        write("readme.txt", b"not for us");
        let report = Json::of(&import(&server, &[&folder.display().to_string()], &[]).await.expect(0).stdout);
        assert_eq!((report.str("imported"), report.str("refused")), (Some("8"), Some("0")), "{report}");
        assert_eq!((report.str("types.Patient"), report.str("types.Observation")), (Some("6"), Some("2")), "{report}");
        let api = server.client();
        for id in ["one", "two", "three", "four", "six"] {
            assert_eq!(api.get(&format!("/Patient/i-{id}")).await.expect(200).version(), 1, "beside a running gateway");
        }
        assert_eq!(api.search("/Patient?identifier=mrn-x").await.len(), 1);
        let again = Json::of(&import(&server, &[&folder.display().to_string()], &[]).await.expect(0).stdout);
        assert_eq!(again.str("imported"), Some("0"), "what is in is not loaded twice: {again}");
        assert_eq!(api.get("/Patient/i-one").await.expect(200).version(), 1);
        let restarted = Json::of(&import(&server, &[&folder.join("one.json").display().to_string()], &["--restart"]).await.expect(0).stdout);
        assert_eq!(restarted.str("imported"), Some("1"), "{restarted}");
        assert_eq!(api.get("/Patient/i-one").await.expect(200).version(), 2);
    }

    async fn import_reports_what_it_refused_and_why(engine: Engine) {
        let server = Server::start(engine);
        let file = server.folder().join("mixed.ndjson");
        let bad = [r#"{"resourceType":"Patient","id":"i-bad","colour":1}"#, "{not json", r#"{"resourceType":"Nonsense","id":"x"}"#];
        let failing = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[
            {{"resource":{},"request":{{"method":"PUT","url":"Patient/i-half"}}}},
            {{"resource":{{"resourceType":"Patient","gender":7}},"request":{{"method":"POST","url":"Patient"}}}}]}}"#, patient("i-half", "Half")).replace('\n', " ");
        std::fs::write(&file, format!("{}\n{}\n{}\n{}\n{failing}\n{}\n", patient("i-good", "Good"), bad[0], bad[1], bad[2], patient("i-last", "Last"))).unwrap();
        let path = file.display().to_string();
        let kept = server.folder().join("report.json").display().to_string();
        let report = Json::of(&import(&server, &[&path], &["--report", &kept]).await.expect(4).stdout);
        assert_eq!(report.str("imported"), Some("2"), "{report}");
        assert_eq!(report.str("refused"), Some("4"), "{report}");
        let lines: Vec<&str> = report.items("refusals").iter().map(|refusal| refusal.str("line").unwrap()).collect();
        assert_eq!({ let mut lines = lines.clone(); lines.sort_unstable(); lines }, ["2", "3", "4", "5"], "{report}");
        let colour = report.items("refusals").iter().find(|refusal| refusal.str("line") == Some("2")).unwrap();
        assert_eq!(colour.str("issues.0.expression"), Some("Patient.colour"), "{colour}");
        assert_eq!(Json::parse(&std::fs::read(&kept).unwrap()).unwrap().str("refused"), Some("4"));
        let api = server.client();
        api.get("/Patient/i-good").await.expect(200);
        api.get("/Patient/i-last").await.expect(200);
        api.get("/Patient/i-half").await.expect(404);
        api.get("/Patient/i-bad").await.expect(404);
        let people = Command::run(&["import", "--database", &server.database.url, "--data-dir", &server.data_dir().display().to_string(), "--restart", &path]).await.expect(4);
        assert!(people.stdout.contains(":2") && people.stdout.contains("Patient.colour"), "the report for people: {}", people.stdout);
    }

    async fn serve_says_ready_once_and_answers_the_probes(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.stranger();
        api.get(&format!("http://{}/healthz", server.address())).await.expect(200);
        api.get(&format!("http://{}/readyz", server.address())).await.expect(200);
        server.client().save(&patient("stays", "Stays")).await.expect(201);
        assert_eq!(server.terminate().await.code(), Some(0));
        let since = std::time::Instant::now();
        server.restart();
        println!("ready on a migrated database after {:?}", since.elapsed());
        assert_eq!(server.client().get("/Patient/stays").await.expect(200).version(), 1);
        assert!(!TOKEN.is_empty() && !server.log().contains(TOKEN));
    }
}
