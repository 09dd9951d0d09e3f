//! A database that is put back from a backup: what was erased since stays erased, what was revoked since stays revoked, before the
//! first answer.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::PathBuf;

use gateway_tests::{
    Client, Command, Engine, Json, Options, Server, Sql, consent, lab_observation, own, patient, suite,
};

async fn purge(server: &Server, arguments: &[&str]) {
    let asked = ["purge", "request", "--json", "--by", "Jane Doe", "--reason", "court-order"];
    let run = server.command(&[&asked, arguments].concat()).await.expect(0);
    let id = Json::of(&run.stdout).str("id").unwrap().to_owned();
    server.command(&["purge", "approve", &id, "--by", "John Roe"]).await.expect(0);
}

/// A copy of the database of a server that has stopped, to be put back later.
enum Backup {
    File(PathBuf),
    Database(String),
}

impl Backup {
    async fn of(server: &Server) -> Self {
        match server.engine() {
            Engine::Sqlite => {
                let path = server.folder().join("backup.db");
                // Stopped in order, a server leaves no log.
                std::fs::copy(server.database.name(), &path).unwrap();
                Self::File(path)
            }
            Engine::Postgres => {
                let name = format!("{}_backup", server.database.name());
                let mut sql = server.database.administrator().await;
                disconnect(&mut sql, server.database.name()).await;
                sql.run(&format!("drop database if exists {name} with (force)")).await;
                sql.run(&format!("create database {name} template {}", server.database.name())).await;
                Self::Database(name)
            }
        }
    }

    async fn put_back(&self, server: &Server) {
        match self {
            Self::File(path) => {
                for suffix in ["-wal", "-shm"] {
                    let _there_may_be_none = std::fs::remove_file(format!("{}{suffix}", server.database.name()));
                }
                std::fs::copy(path, server.database.name()).unwrap();
            }
            Self::Database(backup) => {
                let mut sql = server.database.administrator().await;
                let name = server.database.name();
                sql.run(&format!("drop database {name} with (force)")).await;
                sql.run(&format!("create database {name} template {backup}")).await;
            }
        }
    }

    async fn drop(self, server: &Server) {
        if let Self::Database(name) = self {
            server.database.administrator().await.run(&format!("drop database {name} with (force)")).await;
        }
    }
}

async fn disconnect(sql: &mut Sql, name: &str) {
    sql.rows(&format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).await;
    while sql.count(&format!("select count(*) from pg_stat_activity where datname = '{name}'")).await > 0 {}
}

/// A server that applies Consents to whoever treats.
fn options() -> Options {
    let arguments = ["--dev-consent", "enforce", "--dev-purpose", "TREAT", "--consent-default", "opt-in"];
    Options { arguments: arguments.map(str::to_owned).into(), ..Options::default() }
}

/// What a client who treats sees, on a server beside.
async fn seen(server: &Server) -> Vec<String> {
    let beside = server.beside_with(options());
    let mut seen = beside.client().search("/Patient?_count=100").await;
    seen.sort();
    seen
}

const PERMIT: &str = r#"{"type":"permit"}"#;

async fn people(api: &Client, ids: &[&str]) {
    for id in ids {
        api.save(&patient(id, id)).await.expect(201);
        api.save(&lab_observation(&format!("o-{id}"), id, "7.1")).await.expect(201);
        api.save(&consent(&format!("c-{id}"), id, PERMIT)).await.expect(201);
    }
}

suite! {
    async fn what_was_erased_and_revoked_stays_so(engine: Engine) {
        let mut server = Server::start(engine);
        people(&server.client(), &["erased", "deleted", "inactive", "denies", "stays"]).await;
        assert_eq!(seen(&server).await.len(), 5);
        assert!(server.terminate().await.success());
        let backup = Backup::of(&server).await;
        server.restart();
        let api = server.client();
        purge(&server, &["--patient", "erased"]).await;
        api.save(&lab_observation("o-stays", "stays", "8.1")).await.expect(200);
        purge(&server, &["--resource", "Observation/o-stays/_history/1"]).await;
        api.delete("/Consent/c-deleted").await.expect(204);
        api.save(&consent("c-inactive", "inactive", PERMIT).with("status", Json::text("inactive"))).await.expect(200);
        api.save(&consent("c-denies", "denies", r#"{"type":"deny"}"#)).await.expect(200);
        // One that comes only after the backup, and is a deny.
        api.save(&patient("late", "late")).await.expect(201);
        api.save(&consent("c-late", "stays", r#"{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}]}"#)).await.expect(201);
        assert_eq!(seen(&server).await, ["Patient/stays"]);
        assert!(server.terminate().await.success());

        backup.put_back(&server).await;
        server.restart();
        let api = server.client();
        api.get("/Patient/erased").await.expect(404);
        api.get("/Patient/erased/_history").await.expect(404);
        assert_eq!(api.search("/Observation?patient=erased").await, [""; 0]);
        // The version that was erased, of a resource whose later version the backup does not have: the backup's one is it.
        api.get("/Observation/o-stays/_history/1").await.expect(404);
        api.get("/Observation/o-stays").await.expect(404);
        server.command(&["map", "verify"]).await.expect(0);
        assert!(seen(&server).await.iter().all(|patient| patient != "Patient/deleted" && patient != "Patient/inactive" && patient != "Patient/denies"));
        api.get("/Consent/c-deleted").await.expect(410);
        assert_eq!(api.get("/Consent/c-inactive").await.expect(200).json().str("status"), Some("inactive"));
        assert_eq!(api.get("/Consent/c-denies").await.expect(200).json().str("provision.type"), Some("deny"));
        let late = api.get("/Consent/c-late").await.expect(200).json();
        assert_eq!(late.str("provision.type"), Some("deny"), "nobody knows any more what it denied");
        assert_eq!(late.str("patient.reference"), Some("Patient/stays"));
        assert!(server.log().contains("older than the journal"), "{}", server.log());
        let incidents = Json::of(&server.command(&["incident", "list", "--json"]).await.expect(0).stdout);
        assert_eq!(incidents.str("0.kind"), Some("restored-database"), "{incidents}");
        let list = Json::of(&server.command(&["purge", "list", "--json"]).await.expect(0).stdout);
        assert!(list.array().iter().all(|purge| purge.str("state") == Some("done")), "{list}");

        // Once is enough: a client may begin anew, and the next start leaves it.
        api.save(&patient("erased", "New")).await.expect(201);
        api.save(&consent("c-inactive", "inactive", PERMIT)).await.expect(200);
        assert!(server.terminate().await.success());
        server.restart();
        let api = server.client();
        assert_eq!(api.get("/Patient/erased").await.expect(200).json().str("name.0.family"), Some("New"));
        assert_eq!(api.get("/Consent/c-inactive").await.expect(200).json().str("status"), Some("active"));
        backup.drop(&server).await;
    }

    /// By another program's SQL as well; and by the command, without a server.
    async fn rows_that_revoke_are_in_the_journal(engine: Engine) {
        let mut server = Server::start(engine);
        people(&server.client(), &["row"]).await;
        assert!(server.terminate().await.success());
        let backup = Backup::of(&server).await;
        server.restart();
        server.sql().await.run("update consents set status = 'inactive' where id = 'c-row'").await;
        assert_eq!(server.client().get("/Consent/c-row").await.expect(200).json().str("status"), Some("inactive"));
        assert!(server.terminate().await.success());
        backup.put_back(&server).await;
        let run = server.command(&["restore-replay"]).await.expect(0);
        assert!(run.stdout.contains("1 revocations"), "{}", run.stdout);
        let run = server.command(&["restore-replay"]).await.expect(0);
        assert!(run.stdout.contains("all that the journal has"), "{}", run.stdout);
        server.restart();
        assert_eq!(server.client().get("/Consent/c-row").await.expect(200).json().str("status"), Some("inactive"));
        backup.drop(&server).await;
    }

    /// The journal is no health record, is chained, and is another database's where it says so.
    async fn the_journal_is_whole_or_nothing_is_served(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        people(&api, &["ja", "jb"]).await;
        api.delete("/Consent/c-ja").await.expect(204);
        // What a client is refused is not revoked.
        api.put("/Consent/c-jb", consent("c-jb", "jb", r#"{"type":"deny"}"#)).header("if-match", "W/\"7\"").await.expect(412);
        assert!(server.terminate().await.success());
        let path = server.data_dir().join("erasures.jsonl");
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(whole.contains("c-ja") && !whole.contains("c-jb"), "{whole}");
        assert!(!whole.contains("Ada") && !whole.contains("resourceType"), "ids alone: {whole}");
        std::fs::write(&path, whole.replace("c-ja", "c-jb")).unwrap();
        let run = server.command(&["restore-replay"]).await.expect(1);
        assert!(run.stderr.contains("line 1"), "{}", run.stderr);
        std::fs::write(&path, &whole).unwrap();
        server.command(&["restore-replay"]).await.expect(0);
        // A database that it does not speak of is left alone, whatever ids it has.
        let other = Server::start(engine);
        people(&other.client(), &["ja"]).await;
        let data_dir = server.data_dir().display().to_string();
        let run = Command::run(&["restore-replay", "--database", &other.database.url, "--data-dir", &data_dir]).await.expect(0);
        assert!(run.stdout.contains("all that the journal has"), "{}", run.stdout);
        other.client().get("/Consent/c-ja").await.expect(200);
        server.restart();
        // An erasure that another journal would have comes back with a backup: there is one journal of a database.
        let elsewhere = server.folder().join("elsewhere").display().to_string();
        let foreign = ["--database", &server.database.url, "--data-dir", &elsewhere];
        let asked = ["purge", "request", "--json", "--by", "Jane Doe", "--reason", "court-order", "--patient", "ja"];
        let run = Command::run(&[&asked[..], &foreign].concat()).await.expect(0);
        let id = Json::of(&run.stdout).str("id").unwrap().to_owned();
        let run = Command::run(&[&["purge", "approve", &id, "--by", "John Roe"], &foreign[..]].concat()).await.expect(4);
        assert!(run.stderr.contains("--data-dir"), "{}", run.stderr);
        server.client().get("/Consent/c-jb").await.expect(200);
        let noted = format!("select count(*) from {}", own(engine, "erasure_journal"));
        assert_eq!(server.sql().await.count(&noted).await, 1);
    }

    /// While the journal cannot be written nobody reads on the strength of a Consent that another program has revoked.
    async fn a_revocation_waits_for_the_journal(engine: Engine) {
        let server = Server::with(engine, options());
        let administrator = server.beside();
        people(&administrator.client(), &["held"]).await;
        let api = server.client();
        api.get("/Patient/held").await.expect(200);
        let path = server.data_dir().join("erasures.jsonl");
        let kept = server.folder().join("kept.jsonl");
        if path.exists() {
            std::fs::rename(&path, &kept).unwrap();
        }
        std::fs::create_dir(&path).unwrap();
        server.sql().await.run("update consents set status = 'inactive' where id = 'c-held'").await;
        api.get("/Patient/held").await.expect(503);
        api.get("/Patient/held").await.expect(503);
        std::fs::remove_dir(&path).unwrap();
        if kept.exists() {
            std::fs::rename(&kept, &path).unwrap();
        }
        api.get("/Patient/held").await.expect(404);
        assert!(std::fs::read_to_string(&path).unwrap().contains("c-held"));
    }

    /// In the journal's order, and no more than was erased.
    async fn what_was_erased_later_is_not_revoked_again(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        people(&api, &["gone", "form", "wrong", "all"]).await;
        let value = |id: &str, value| api.save(&lab_observation(&format!("o-{id}"), id, value));
        value("wrong", "7.2").await.expect(200);
        api.save(&consent("c-wrong", "wrong", PERMIT).with("dateTime", Json::text("2026-01-02"))).await.expect(200);
        api.save(&consent("c-all", "all", r#"{"type":"deny"}"#)).await.expect(200);
        assert!(server.terminate().await.success());
        let backup = Backup::of(&server).await;
        server.restart();
        let api = server.client();
        api.save(&consent("c-gone", "gone", r#"{"type":"deny"}"#)).await.expect(200);
        purge(&server, &["--patient", "gone"]).await;
        api.save(&consent("c-form", "form", r#"{"type":"deny"}"#)).await.expect(200);
        purge(&server, &["--resource", "Consent/c-form"]).await;
        // Versions: one that is the backup's last, of an Observation and of a Consent, and one that the backup does not have.
        let value = |id: &str, value| api.save(&lab_observation(&format!("o-{id}"), id, value));
        value("wrong", "7.3").await.expect(200);
        purge(&server, &["--resource", "Observation/o-wrong/_history/2"]).await;
        api.save(&consent("c-wrong", "wrong", PERMIT).with("dateTime", Json::text("2026-01-03"))).await.expect(200);
        purge(&server, &["--resource", "Consent/c-wrong/_history/2"]).await;
        value("form", "7.2").await.expect(200);
        value("form", "7.3").await.expect(200);
        purge(&server, &["--resource", "Observation/o-form/_history/2"]).await;
        // One that denies everything in the backup as well.
        api.save(&consent("c-all", "all", r#"{"type":"permit","provision":[{"type":"deny","class":[{"system":"http://hl7.org/fhir/resource-types","code":"Observation"}]}]}"#)).await.expect(200);
        assert!(server.terminate().await.success());

        backup.put_back(&server).await;
        let run = server.command(&["restore-replay"]).await.expect(0);
        assert!(run.stdout.contains("4 erasures and 1 revocations") && run.stdout.contains("Consent/c-wrong denies"), "{}", run.stdout);
        server.restart();
        let api = server.client();
        api.get("/Patient/gone").await.expect(404);
        api.get("/Consent/c-gone").await.expect(404);
        api.get("/Consent/c-form").await.expect(404);
        api.get("/Observation/o-wrong/_history/2").await.expect(404);
        api.get("/Observation/o-wrong/_history/1").await.expect(200);
        let now = api.get("/Observation/o-wrong").await.expect(200);
        assert_eq!((now.version(), now.json().str("valueQuantity.value")), (3, Some("7.1")));
        api.get("/Consent/c-wrong/_history/2").await.expect(404);
        let denies = api.get("/Consent/c-wrong").await.expect(200).json();
        assert_eq!(denies.str("provision.type"), Some("deny"), "who knows what followed");
        assert_eq!(denies.str("patient.reference"), Some("Patient/wrong"), "a deny of nobody reaches nobody");
        assert_eq!(api.get("/Observation/o-form").await.expect(200).version(), 1, "nobody approved its end");
        assert_eq!(api.get("/Consent/c-all").await.expect(200).version(), 2, "it denies everything");
        server.command(&["map", "verify"]).await.expect(0);
        let run = server.command(&["restore-replay"]).await.expect(0);
        assert!(run.stdout.contains("all that the journal has"), "{}", run.stdout);
        backup.drop(&server).await;
    }

    /// What cannot be erased again is not said to be, and a command that writes comes after.
    async fn nothing_is_certified_that_was_not_erased(engine: Engine) {
        let mut server = Server::start(engine);
        people(&server.client(), &["billed", "stays"]).await;
        server.sql().await.run("create table invoices (id integer primary key, patient_id text not null references patients (id))").await;
        server.sql().await.run("insert into invoices (id, patient_id) values (1, 'billed')").await;
        assert!(server.terminate().await.success());
        let backup = Backup::of(&server).await;
        server.restart();
        server.sql().await.run("delete from invoices").await;
        purge(&server, &["--patient", "billed"]).await;
        assert!(server.terminate().await.success());
        backup.put_back(&server).await;
        let run = server.command(&["restore-replay"]).await.expect(1);
        assert!(run.stderr.contains("1 rows of invoices"), "{}", run.stderr);
        let file = server.folder().join("late.ndjson");
        std::fs::write(&file, format!("{}\n", patient("late", "Late"))).unwrap();
        let import = ["import", file.to_str().unwrap(), "--json"];
        let run = server.command(&import).await.expect(1);
        assert!(run.stderr.contains("1 rows of invoices"), "{}", run.stderr);
        let mut sql = server.sql().await;
        assert_eq!(sql.count("select count(*) from patients").await, 2, "nothing was written");
        assert_eq!(sql.count(&format!("select count(*) from {}", own(engine, "purges"))).await, 0);
        sql.run("delete from invoices").await;
        drop(sql);
        server.command(&import).await.expect(0);
        server.restart();
        let api = server.client();
        api.get("/Patient/billed").await.expect(404);
        api.get("/Patient/late").await.expect(200);
        backup.drop(&server).await;
    }

    /// A process that did not live to say what it did, and a database from before.
    async fn what_nobody_said_is_not_forgotten(engine: Engine) {
        let mut server = Server::start(engine);
        people(&server.client(), &["pu", "pr"]).await;
        assert!(server.terminate().await.success());
        let backup = Backup::of(&server).await;
        let path = server.data_dir().join("erasures.jsonl");
        let unsaid = || {
            let whole = std::fs::read_to_string(&path).unwrap();
            let (before, last) = whole.trim_end().rsplit_once('\n').unwrap();
            assert!(last.contains("\"mark\":\"done\""), "{last}");
            std::fs::write(&path, format!("{before}\n")).unwrap();
        };
        server.restart();
        server.client().delete("/Consent/c-pr").await.expect(204);
        assert!(server.terminate().await.success());
        unsaid();
        backup.put_back(&server).await;
        server.restart();
        server.client().get("/Consent/c-pr").await.expect(410);
        purge(&server, &["--patient", "pu"]).await;
        assert!(server.terminate().await.success());
        unsaid();
        // The database that has it says so.
        server.command(&["restore-replay"]).await.expect(0);
        unsaid();
        backup.put_back(&server).await;
        let run = server.command(&["restore-replay"]).await.expect(0);
        let incidents = Json::of(&server.command(&["incident", "list", "--json"]).await.expect(0).stdout);
        assert!(run.stdout.contains("Patient/pu is here"), "{}", run.stdout);
        assert!(incidents.array().iter().any(|incident| incident.str("kind") == Some("uncertain-erasure")), "{incidents}");
        server.restart();
        server.client().get("/Patient/pu").await.expect(200);
        backup.drop(&server).await;
    }

    /// Without room for a second copy of the file what is erased is erased all the same, and finished later.
    async fn a_full_disk_keeps_nobody_from_starting(engine: Engine) {
        let mut server = Server::start(engine);
        people(&server.client(), &["full"]).await;
        purge(&server, &["--patient", "full"]).await;
        assert!(server.terminate().await.success());
        let erased = format!("update {} set state = 'erased'", own(engine, "purges"));
        server.sql().await.run(&erased).await;
        // Files may grow to 256 KiB: less than the database has.
        let script = "trap '' XFSZ; ulimit -f 256; exec \"$0\" restore-replay --database \"$1\" --data-dir \"$2\"";
        let data_dir = server.data_dir();
        let run = std::process::Command::new("bash").args(["-c", script]).arg(gateway_tests::binary()).arg(&server.database.url).arg(&data_dir).output().unwrap();
        assert!(run.status.success(), "{run:?}");
        let left = format!("select count(*) from {} where state = 'erased'", own(engine, "purges"));
        let count = server.sql().await.count(&left).await;
        assert_eq!(count, i64::from(engine == Engine::Sqlite), "PostgreSQL has no such work");
        server.command(&["restore-replay"]).await.expect(0);
        assert_eq!(server.sql().await.count(&left).await, 0);
    }
}
