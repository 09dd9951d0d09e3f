//! The audit trail as chains: what was changed, taken out, put in, cut off or forged is found, and a kill loses no record of
//! an answer.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Command, Engine, Json, Server, on_postgres, patient, suite};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A stopped server with a trail of some links, several records in one of them.
async fn recorded(engine: Engine) -> Server {
    let mut server = Server::start(engine);
    let api = server.client();
    for number in 0..12 {
        api.save(&patient(&format!("ac-{number}"), "A")).await.expect(201);
    }
    api.get("/Patient?_count=10").await.expect(200);
    assert!(server.terminate().await.success());
    server
}

/// Runs statements of somebody with all rights; `{t}` is where the trail's tables lie.
async fn tamper(server: &Server, statements: &str) {
    let (mut sql, prefix) = server.trail().await;
    sql.run(&statements.replace("{t}", prefix)).await;
}

async fn value(server: &Server, query: &str) -> i64 {
    let (mut sql, prefix) = server.trail().await;
    sql.count(&query.replace("{t}", prefix)).await
}

async fn verify(server: &Server, more: &[&str]) -> (Option<i32>, Json) {
    let data_dir = server.data_dir().display().to_string();
    let mut arguments = vec!["audit", "verify", "--json", "--database", &server.database.url, "--data-dir", &data_dir];
    arguments.extend(more);
    let run = Command::run(&arguments).await;
    assert!(matches!(run.code, Some(0 | 4)), "{}{}", run.stdout, run.stderr);
    (run.code, Json::of(&run.stdout))
}

/// The problems that are found, each with the number of the record (or else the link).
async fn problems(server: &Server) -> BTreeSet<(String, Option<i64>)> {
    let (code, report) = verify(server, &[]).await;
    let number = |finding: &Json| finding.str("record").or_else(|| finding.str("link"))?.parse().ok();
    let findings: BTreeSet<_> = report
        .items("findings")
        .iter()
        .map(|finding| (finding.str("problem").unwrap().to_owned(), number(finding)))
        .collect();
    assert_eq!(code, Some(if findings.is_empty() { 0 } else { 4 }), "{report:?}");
    findings
}

fn found(problem: &str, number: impl Into<Option<i64>>) -> (String, Option<i64>) {
    (problem.to_owned(), number.into())
}

/// Of the chain with most records.
const CHAIN: &str = "(select chain from {t}audit_events group by chain order by count(*) desc, chain limit 1)";

fn on_chain(text: &str) -> String {
    text.replace("{chain}", CHAIN)
}

suite! {
    async fn a_trail_that_nobody_touched_is_whole_across_restarts(engine: Engine) {
        let mut server = recorded(engine).await;
        server.restart();
        let api = server.client();
        api.get("/Patient/ac-1").await.expect(200);
        api.get("/Patient/no-such").await.expect(404);
        server.stranger().get("/Patient/ac-1").await.expect(401);
        // Beside the running gateway, too.
        assert_eq!(problems(&server).await, BTreeSet::new());
        assert!(server.terminate().await.success());
        let (code, report) = verify(&server, &[]).await;
        assert_eq!(code, Some(0), "{report:?}");
        let records = i64::try_from(server.audited().await.len()).unwrap();
        assert_eq!(report.str("records"), Some(&*records.to_string()));
        assert!(report.str("signatures") != Some("0") && report.str("heads") != Some("0"), "{report:?}");
        let versions = value(&server, "select count(*) from {t}audit_events where id = 'ac-1' and version = 1").await;
        assert!(versions >= 2, "the versions that were made and shown: {versions}");
        // The second start joined the chains of the first.
        assert!(value(&server, "select count(*) from {t}audit_chains where joined <> ''").await > 0);
    }

    async fn a_changed_record_is_named(engine: Engine) {
        let server = recorded(engine).await;
        let place = value(&server, &on_chain("select max(place) from {t}audit_events where chain = {chain}")).await;
        tamper(&server, &on_chain(&format!("update {{t}}audit_events set caller = 'somebody else' where chain = {{chain}} and place = {place}"))).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("record-changed", place)]));
    }

    async fn a_removed_record_is_named(engine: Engine) {
        let server = recorded(engine).await;
        tamper(&server, &on_chain("delete from {t}audit_events where place = 2 and chain = {chain}")).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("record-removed", 2)]));
    }

    async fn an_inserted_record_is_named(engine: Engine) {
        let server = recorded(engine).await;
        let columns = "organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision";
        let place = value(&server, &on_chain("select max(place) from {t}audit_events where chain = {chain}")).await;
        let copy = |chain: &str, place: &str| on_chain(&format!(
            "insert into {{t}}audit_events ({columns}, chain, place, mark) select {columns}, {chain}, {place}, mark from {{t}}audit_events where place = 1 and chain = {{chain}}"
        ));
        tamper(&server, &copy("chain", &(place + 1).to_string())).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("record-inserted", place + 1)]));
        // Nor as one from before there were chains.
        tamper(&server, &on_chain(&format!("delete from {{t}}audit_events where chain = {{chain}} and place > {place}"))).await;
        assert_eq!(problems(&server).await, BTreeSet::new());
        tamper(&server, &copy("null", "null")).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("record-inserted", None)]));
    }

    async fn reordered_records_are_named(engine: Engine) {
        let server = recorded(engine).await;
        tamper(&server, &on_chain(
            "update {t}audit_events set place = -1 where place = 1 and chain = {chain};
             update {t}audit_events set place = 1 where place = 2 and chain = {chain};
             update {t}audit_events set place = 2 where place = -1 and chain = {chain};"
        )).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("record-changed", 1), found("record-changed", 2)]));
    }

    async fn a_record_that_is_changed_with_a_guessed_mark_is_named(engine: Engine) {
        let server = recorded(engine).await;
        tamper(&server, &on_chain("update {t}audit_events set mark = mark + 1, status = 404 where place = 3 and chain = {chain}")).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("record-changed", 3)]));
    }

    async fn a_changed_or_removed_link_and_beginning_are_named(engine: Engine) {
        let server = recorded(engine).await;
        let root = value(&server, &on_chain("select count(*) from {t}audit_links where chain = {chain} and number = 2")).await;
        assert_eq!(root, 1, "several links");
        tamper(&server, &on_chain("update {t}audit_links set at = at + 1 where number = 2 and chain = {chain}")).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("link-changed", 2)]));
        tamper(&server, &on_chain("update {t}audit_links set at = at - 1 where number = 2 and chain = {chain}")).await;
        tamper(&server, &on_chain("update {t}audit_chains set began = began + 1 where chain = {chain}")).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("beginning-changed", None)]));
        tamper(&server, &on_chain("update {t}audit_chains set began = began - 1 where chain = {chain}")).await;
        tamper(&server, &on_chain("delete from {t}audit_links where number = 2 and chain = {chain}")).await;
        assert!(problems(&server).await.contains(&found("link-removed", 2)));
    }

    async fn an_end_that_is_cut_off_is_found_by_the_heads(engine: Engine) {
        let server = recorded(engine).await;
        let last = value(&server, &on_chain("select max(number) from {t}audit_links where chain = {chain}")).await;
        let kept = server.folder().join("kept.jsonl");
        std::fs::copy(server.data_dir().join("audit-heads.jsonl"), &kept).unwrap();
        let heads = Command::run(&["audit", "heads", "--data-dir", &server.data_dir().display().to_string()]).await.expect(0);
        assert_eq!(heads.stdout, std::fs::read_to_string(&kept).unwrap());
        let first = value(&server, &on_chain(&format!("select first from {{t}}audit_links where chain = {{chain}} and number = {last}"))).await;
        let chain = value(&server, &on_chain("select chain from {t}audit_links where chain = {chain} limit 1")).await;
        tamper(&server, &format!(
            "delete from {{t}}audit_events where chain = {chain} and place >= {first};
             delete from {{t}}audit_links where chain = {chain} and number = {last};"
        )).await;
        assert_eq!(problems(&server).await, BTreeSet::from([found("truncated", last)]));
        // Whoever also cuts the heads here is found by those kept elsewhere.
        std::fs::write(server.data_dir().join("audit-heads.jsonl"), "").unwrap();
        assert_eq!(problems(&server).await, BTreeSet::new());
        let (code, report) = verify(&server, &["--heads", &kept.display().to_string()]).await;
        assert_eq!((code, report.items("findings").len()), (Some(4), 1), "{report:?}");
        // The whole trail.
        tamper(&server, "delete from {t}audit_events; delete from {t}audit_links; delete from {t}audit_chains;").await;
        let (code, _) = verify(&server, &["--heads", &kept.display().to_string()]).await;
        assert_eq!(code, Some(4));
    }

    async fn a_forged_signature_and_a_strange_signer_are_found(engine: Engine) {
        let server = recorded(engine).await;
        tamper(&server, "update {t}audit_links set signature = 'AAAA' where signature is not null and number = 1").await;
        assert!(problems(&server).await.contains(&found("signature-forged", 1)));
        let other = recorded(engine).await;
        let strange = other.data_dir().join("audit-heads.jsonl").display().to_string();
        let (code, report) = verify(&other, &[]).await;
        assert_eq!(code, Some(0), "{report:?}");
        let (code, report) = verify(&server, &["--heads", &strange]).await;
        let unknown = report.items("findings").iter().any(|finding| finding.str("problem") == Some("signer-unknown"));
        assert!(code == Some(4) && unknown, "{report:?}");
    }

    async fn the_key_is_its_owners_alone_and_not_in_the_database(engine: Engine) {
        use std::os::unix::fs::PermissionsExt as _;
        let server = recorded(engine).await;
        let key = server.data_dir().join("audit-signing.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let hex: String = std::fs::read(&key).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(value(&server, &format!("select count(*) from {{t}}audit_links where signer = '{hex}'")).await, 0);
    }

    async fn a_trail_from_before_the_chains_is_taken_in_as_it_was(engine: Engine) {
        let mut server = recorded(engine).await;
        // As the version before left it.
        tamper(&server, "update {t}audit_events set chain = null, place = null, mark = null; delete from {t}audit_links; delete from {t}audit_chains;").await;
        forget(&server.data_dir());
        server.restart();
        server.client().get("/Patient/ac-1").await.expect(200);
        assert!(server.terminate().await.success());
        assert_eq!(problems(&server).await, BTreeSet::new());
        let first = value(&server, "select min(seq) from {t}audit_events").await;
        tamper(&server, &format!("update {{t}}audit_events set status = 500 where seq = {first}")).await;
        let found = problems(&server).await;
        assert!(found.iter().all(|(problem, _)| problem == "before-changed") && !found.is_empty(), "{found:?}");
    }

    async fn after_a_kill_under_load_the_chain_verifies_and_every_answer_is_on_record(engine: Engine) {
        let mut server = Server::start(engine);
        let rounds = if std::env::var_os("FHIR_GATEWAY_TEST_LONG").is_some() { 20 } else { 2 };
        for round in 0..rounds {
            let running = Arc::new(AtomicBool::new(true));
            let clients: Vec<_> = (0..8).map(|client| tokio::spawn(answered(server.client(), round * 8 + client, Arc::clone(&running)))).collect();
            tokio::time::sleep(Duration::from_millis(700)).await;
            server.kill();
            running.store(false, Ordering::Relaxed);
            let mut answers = BTreeSet::new();
            for client in clients {
                answers.extend(client.await.unwrap());
            }
            assert!(answers.len() > 8, "some load");
            server.restart();
            server.client().get("/Patient/none").await.expect(404);
            let recorded: BTreeSet<String> = server.audited().await.into_iter().filter_map(|event| event.id).collect();
            let missing: Vec<_> = answers.difference(&recorded).collect();
            assert!(missing.is_empty(), "answered without a record: {missing:?}");
            assert_eq!(problems(&server).await, BTreeSet::new());
        }
    }
}

/// Asks until the server is gone; the ids that an answer was received for, each asked for once.
async fn answered(api: Client, client: usize, running: Arc<AtomicBool>) -> Vec<String> {
    let mut answers = Vec::new();
    for number in 0.. {
        if !running.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("k-{client}-{number}");
        match api.get(&format!("/Patient/{id}")).attempt().await {
            Some(answer) if answer.status == 404 => answers.push(id),
            _ => break,
        }
    }
    answers
}

fn forget(data_dir: &Path) {
    std::fs::remove_file(data_dir.join("audit-heads.jsonl")).unwrap();
}

on_postgres! {
    /// A file has no roles: whoever may write it is found by `audit verify`.
    async fn no_role_of_the_gateway_can_change_what_is_on_record(engine: Engine) {
        let server = recorded(engine).await;
        for role in ["fhir_gateway_app", "fhir_gateway_audit_reader"] {
            for table in ["audit_chains", "audit_events", "audit_links"] {
                for statement in ["update {} set chain = 1", "delete from {}", "truncate {}"] {
                    let mut sql = server.sql().await;
                    sql.run(&format!("set role {role}")).await;
                    let statement = statement.replace("{}", &format!("fhir_gateway.{table}"));
                    let refused = sql.attempt(&statement).await.expect_err(&statement).to_string();
                    assert!(refused.contains("permission denied"), "{role}: {statement}: {refused}");
                }
            }
        }
        let mut sql = server.sql().await;
        sql.run("set role fhir_gateway_audit_reader").await;
        assert!(sql.count("select count(*) from fhir_gateway.audit_events").await > 0);
        for beyond in ["select from fhir_gateway.resource_versions", "select from patients", "insert into fhir_gateway.audit_links select * from fhir_gateway.audit_links"] {
            assert!(sql.attempt(beyond).await.is_err(), "{beyond}");
        }
        // The application sees the trail of no organization that its transaction does not name.
        let mut sql = server.sql().await;
        sql.run("set role fhir_gateway_app").await;
        assert_eq!(sql.count("select count(*) from fhir_gateway.audit_links").await, 0);
    }
}
