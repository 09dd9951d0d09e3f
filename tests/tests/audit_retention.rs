//! What is older than it has to be kept: exported, verified, dropped, and every other drop is found.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Options, Server, on_postgres, patient, suite};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A stopped server with records of the first day of 2026, where its clock stood, and of today.
async fn recorded(engine: Engine) -> Server {
    let mut server = old(engine).await;
    young(&mut server).await;
    server
}

async fn old(engine: Engine) -> Server {
    let mut server = Server::with(engine, Options { seed: Some(7), ..Options::default() });
    let api = server.client();
    for number in 0..8 {
        api.save(&patient(&format!("ar-{number}"), "A")).await.expect(201);
    }
    api.get("/Patient?_count=5").await.expect(200);
    assert!(server.terminate().await.success());
    server
}

async fn young(server: &mut Server) {
    server.restart_with(Options::default());
    server.client().get("/Patient/ar-1").await.expect(200);
    server.client().get("/Patient/ar-none").await.expect(404);
    assert!(server.terminate().await.success());
}

async fn tamper(server: &Server, statements: &str) {
    let (mut sql, prefix) = server.trail().await;
    sql.run(&statements.replace("{t}", prefix)).await;
}

async fn count(server: &Server, query: &str) -> i64 {
    let (mut sql, prefix) = server.trail().await;
    sql.count(&query.replace("{t}", prefix)).await
}

/// Records of the seeded clock.
const OLD: &str = "select count(*) from {t}audit_events where at < 1770000000000";

async fn audit(server: &Server, command: &str, more: &[&str]) -> Command {
    let data_dir = server.data_dir().display().to_string();
    let mut arguments = vec!["audit", command, "--database", &server.database.url, "--data-dir", &data_dir];
    arguments.extend(more);
    Command::run(&arguments).await
}

fn export(server: &Server) -> PathBuf {
    server.folder().join("export")
}

async fn retain(server: &Server, more: &[&str]) -> Command {
    let folder = export(server).display().to_string();
    audit(server, "retain", &[&["--days", "30", "--short", "--export", &folder], more].concat()).await
}

/// The problems that `audit verify` finds.
async fn problems(server: &Server, more: &[&str]) -> BTreeSet<String> {
    let run = audit(server, "verify", &[&["--json"], more].concat()).await;
    let report = Json::of(&run.stdout);
    let found: BTreeSet<_> =
        report.items("findings").iter().map(|finding| finding.str("problem").unwrap().to_owned()).collect();
    assert_eq!(run.code, Some(if found.is_empty() { 0 } else { 4 }), "{}{}", run.stdout, run.stderr);
    found
}

async fn of_export(server: &Server) -> BTreeSet<String> {
    let manifest = export(server).join("manifest.json").display().to_string();
    problems(server, &["--export", &manifest]).await
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

suite! {
    async fn old_records_are_exported_and_dropped_and_the_rest_still_verifies(engine: Engine) {
        let mut server = recorded(engine).await;
        let (old, all) = (count(&server, OLD).await, count(&server, "select count(*) from {t}audit_events").await);
        assert!(old >= 13 && all >= old + 2, "{old} of {all}");
        // Less than six years wants a word more.
        let folder = export(&server).display().to_string();
        let refused = audit(&server, "retain", &["--days", "30", "--export", &folder, "--yes"]).await.expect(2);
        assert!(refused.stderr.contains("--short"), "{}", refused.stderr);
        let planned = retain(&server, &[]).await.expect(0);
        assert!(planned.stdout.contains("--yes") && planned.stdout.starts_with(&format!("{old} records")), "{}", planned.stdout);
        assert!(!export(&server).exists());
        assert_eq!(count(&server, "select count(*) from {t}audit_events").await, all);
        let done = Json::of(&retain(&server, &["--yes", "--json"]).await.expect(0).stdout);
        assert_eq!(done.str("records"), Some(&*old.to_string()), "{done}");
        assert_eq!(done.at("dropped"), Some(&Json::Bool(true)), "{done}");
        assert_eq!(count(&server, OLD).await, 0);
        assert_eq!(count(&server, "select count(*) from {t}audit_events").await, all - old + 1);
        let record = format!("select count(*) from {{t}}audit_events where interaction = 'retain' and status = 200 and request like 'records={old} chains=%'");
        assert_eq!(count(&server, &record).await, 1, "the run is on record itself");
        assert_eq!(problems(&server, &[]).await, set(&[]));
        assert_eq!(of_export(&server).await, set(&[]));
        let manifest = Json::of(&std::fs::read_to_string(export(&server).join("manifest.json")).unwrap());
        assert_eq!(manifest.str("manifest.records"), Some(&*old.to_string()));
        let records = std::fs::read_to_string(export(&server).join("records.jsonl")).unwrap();
        assert_eq!(records.lines().filter(|line| line.starts_with("{\"record\":")).count(), usize::try_from(old).unwrap());
        assert!(records.contains("\"ar-7\""));
        // An account does not say that there was nothing where records are gone.
        for (format, said) in [("json", "\"droppedBefore\":\""), ("html", "exported and dropped")] {
            let account = audit(&server, "disclosures", &["--patient", "ar-1", "--from", "2020-01-01", "--format", format]).await.expect(0);
            assert!(account.stdout.contains(said) && account.stderr.contains("dropped"), "{}", account.stdout);
        }
        // The statements are among the heads that are copied elsewhere, and these verify, too.
        let heads = server.folder().join("heads.jsonl");
        let printed = Command::run(&["audit", "heads", "--data-dir", &server.data_dir().display().to_string()]).await.expect(0).stdout;
        std::fs::write(&heads, printed).unwrap();
        assert!(std::fs::read_to_string(&heads).unwrap().contains("\"manifest\""));
        assert_eq!(problems(&server, &["--heads", &heads.display().to_string()]).await, set(&[]));
        // Nothing is due any more, and the folder is not written to again.
        assert!(retain(&server, &["--yes"]).await.expect(2).stderr.contains("not empty"));
        let other = server.folder().join("other").display().to_string();
        let none = audit(&server, "retain", &["--days", "30", "--short", "--export", &other, "--yes"]).await.expect(0);
        assert!(none.stdout.starts_with("nothing") && !PathBuf::from(other).exists());
        // The gateway goes on, and so does its trail.
        server.restart();
        let api = server.client();
        api.get("/Patient/ar-2").await.expect(200);
        let events = api.get("/AuditEvent?_source=urn:fhir-gateway:audit&entity=Patient/ar-2&subtype=read").await.expect(200).json();
        assert_eq!(events.items("entry").len(), 1);
        assert_eq!(problems(&server, &[]).await, set(&[]));
    }

    async fn every_other_drop_is_found(engine: Engine) {
        let server = recorded(engine).await;
        retain(&server, &["--yes"]).await.expect(0);
        // Without its statement, in the database and beside it, a chain was cut off.
        let heads = server.data_dir().join("audit-heads.jsonl");
        let kept = std::fs::read_to_string(&heads).unwrap();
        tamper(&server, "create table kept as select * from {t}audit_retired; delete from {t}audit_retired").await;
        assert_eq!(problems(&server, &[]).await, set(&[]), "the statement of the heads' file holds");
        let without: String = kept.lines().filter(|line| !line.contains("\"manifest\"")).map(|line| format!("{line}\n")).collect();
        assert_ne!(without, kept);
        std::fs::write(&heads, &without).unwrap();
        assert!(problems(&server, &[]).await.contains("truncated"));
        tamper(&server, "insert into {t}audit_retired select * from kept").await;
        assert_eq!(problems(&server, &[]).await, set(&[]), "so does that of the database");
        // One that says something else than what was signed is none.
        tamper(&server, "update {t}audit_retired set link = link + 1, last = last + 1").await;
        assert!(problems(&server, &[]).await.contains("signature-forged"));
        tamper(&server, "delete from {t}audit_retired; insert into {t}audit_retired select * from kept").await;
        // What was dropped does not come back.
        tamper(&server, "insert into {t}audit_events (organization_id, at, request, caller, purpose, interaction, status, decision, chain, place) \
            select organization_id, 1, 'r', 'c', 'TREAT', 'read', 200, 'permit', chain, 1 from {t}audit_retired").await;
        assert_eq!(problems(&server, &[]).await, set(&["returned"]));
        tamper(&server, "delete from {t}audit_events where at = 1").await;
        // Young records, with no statement.
        tamper(&server, "delete from {t}audit_events where id = 'ar-none'").await;
        assert_eq!(problems(&server, &[]).await, set(&["record-removed"]));
    }

    async fn a_changed_export_is_found(engine: Engine) {
        let server = recorded(engine).await;
        retain(&server, &["--yes"]).await.expect(0);
        let (records, manifest) = (export(&server).join("records.jsonl"), export(&server).join("manifest.json"));
        let (text, signed) = (std::fs::read_to_string(&records).unwrap(), std::fs::read_to_string(&manifest).unwrap());
        std::fs::write(&records, text.replace("\"ar-3\"", "\"ar-4\"")).unwrap();
        let found = of_export(&server).await;
        assert!(found.contains("record-changed") && found.contains("file-changed"), "{found:?}");
        // Whoever also makes the marks and the hash agree is found by the roots, and by the signature.
        let lines: Vec<&str> = text.lines().collect();
        std::fs::write(&records, lines[..lines.len() - 1].iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        let found = of_export(&server).await;
        assert!(found.contains("record-removed") || found.contains("truncated"), "{found:?}");
        std::fs::write(&records, &text).unwrap();
        std::fs::write(&manifest, signed.replace("\"records\": 1", "\"records\": 2")).unwrap();
        assert!(of_export(&server).await.contains("signature-forged"));
        std::fs::write(&manifest, &signed).unwrap();
        assert_eq!(of_export(&server).await, set(&[]));
        // Elsewhere the key must be named.
        let elsewhere = server.folder().join("elsewhere").display().to_string();
        let path = manifest.display().to_string();
        Command::run(&["audit", "verify", "--data-dir", &elsewhere, "--export", &path]).await.expect(4);
        let key = Json::of(&signed).str("signer").unwrap().to_owned();
        Command::run(&["audit", "verify", "--data-dir", &elsewhere, "--export", &path, "--key", &key]).await.expect(0);
        Command::run(&["audit", "verify", "--data-dir", &elsewhere, "--export", &elsewhere]).await.expect(2);
    }

    async fn a_trail_that_is_not_as_it_was_written_is_not_dropped(engine: Engine) {
        let server = recorded(engine).await;
        let all = count(&server, "select count(*) from {t}audit_events").await;
        tamper(&server, "update {t}audit_events set caller = 'somebody else' where id = 'ar-3'").await;
        let refused = retain(&server, &["--yes"]).await.expect(1);
        assert!(refused.stderr.contains("audit verify"), "{}", refused.stderr);
        assert_eq!(count(&server, "select count(*) from {t}audit_events").await, all);
        assert!(!export(&server).exists());
    }

    async fn records_from_before_the_chains_are_dropped_together(engine: Engine) {
        let mut server = old(engine).await;
        tamper(&server, "update {t}audit_events set chain = null, place = null, mark = null; delete from {t}audit_links; delete from {t}audit_chains;").await;
        std::fs::remove_file(server.data_dir().join("audit-heads.jsonl")).unwrap();
        // They are hashed before the server is ready, not when somebody asks.
        server.restart_with(Options::default());
        assert_eq!(count(&server, "select count(*) from {t}audit_chains where before_count > 0").await, 1);
        assert_eq!(count(&server, "select count(*) from {t}audit_links").await, 0);
        assert_eq!(problems(&server, &[]).await, set(&[]));
        assert!(server.terminate().await.success());
        young(&mut server).await;
        assert_eq!(count(&server, "select count(*) from {t}audit_chains where before_count > 0").await, 1);
        let old = count(&server, OLD).await;
        assert_eq!(problems(&server, &[]).await, set(&[]));
        let done = Json::of(&retain(&server, &["--yes", "--json"]).await.expect(0).stdout);
        assert_eq!(done.str("records"), Some(&*old.to_string()));
        assert_eq!(count(&server, OLD).await, 0);
        assert_eq!(problems(&server, &[]).await, set(&[]));
        assert_eq!(of_export(&server).await, set(&[]));
        tamper(&server, "insert into {t}audit_events (organization_id, at, request, caller, purpose, interaction, status, decision) values (1, 1, 'r', 'c', 'TREAT', 'read', 200, 'permit')").await;
        assert!(problems(&server, &[]).await.contains("returned"));
    }
}

on_postgres! {
    /// A file has no roles: there a statement without the key's signature is found.
    async fn nobody_but_the_owner_can_say_that_something_was_dropped(engine: Engine) {
        let server = recorded(engine).await;
        for role in ["fhir_gateway_app", "fhir_gateway_audit_reader"] {
            for statement in ["insert into fhir_gateway.audit_retired select * from fhir_gateway.audit_retired", "delete from fhir_gateway.audit_retired", "update fhir_gateway.audit_retired set link = 1"] {
                let mut sql = server.sql().await;
                sql.run(&format!("set role {role}")).await;
                assert!(sql.attempt(statement).await.expect_err(statement).to_string().contains("permission denied"), "{role}: {statement}");
            }
        }
    }
}
