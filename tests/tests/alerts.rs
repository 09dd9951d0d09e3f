//! Alerts to a webhook: what is told, that it arrives whatever happens in between, once and signed, and that nothing of a record, of
//! a reason or of the address is in it, in the log or in the table.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "alerts/receiver.rs"]
mod receiver;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gateway_tests::{Client, Command, Engine, Json, Options, Server, consent, own, patient, suite};
use receiver::{Delivery, HIDDEN, Receiver, secret_file, set_mode, taken};
use tempfile::TempDir;

const DAY: i64 = 86_400;
const HOUR_MS: i64 = 3_600_000;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// One round of `alerts send`.
async fn send(server: &Server, receiver: &Receiver, folder: &Path, more: &[&str]) -> Command {
    let arguments = receiver.arguments(folder);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    server.command(&[&["alerts", "send"], &arguments[..], more].concat()).await
}

/// An instant so many days from now.
fn day(from_now: i64) -> String {
    jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + from_now * DAY).unwrap().to_string()
}

async fn incident(server: &Server, more: &[&str]) -> String {
    let run = server.command(&[&["incident", "add", "--by", "Jane Doe"], more].concat()).await.expect(0);
    run.stdout.trim().to_owned()
}

async fn alerts(server: &Server) -> Vec<Json> {
    let list = server.command(&["alerts", "list", "--all", "--json"]).await.expect(0);
    Json::of(&list.stdout).array().to_vec()
}

/// The alerts, once all that there are is noted as sent.
async fn all_sent(server: &Server) -> Vec<Json> {
    loop {
        let list = alerts(server).await;
        if list.iter().all(|it| it.str("state") == Some("sent")) {
            return list;
        }
    }
}

async fn break_glass(api: &Client, patient: &str, reason: &str) -> String {
    let reason =
        format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"reason","valueString":"{reason}"}}]}}"#);
    let answer = api.post(&format!("/Patient/{patient}/$break-glass"), reason).await.expect(201).json();
    let grant = answer.items("parameter").iter().find(|it| it.str("name") == Some("grant")).unwrap();
    grant.str("valueId").unwrap().to_owned()
}

/// Arguments of a server whose caller may break the glass.
const DOCTOR: [&str; 8] = [
    "--dev-consent",
    "enforce",
    "--break-glass-group",
    "Group/emergency",
    "--dev-actor",
    "Practitioner/dr",
    "--dev-actor",
    "Group/emergency",
];

fn of_kind<'d>(deliveries: &'d [Delivery], kind: &str) -> Vec<&'d Delivery> {
    deliveries.iter().filter(|delivery| delivery.kind() == kind).collect()
}

suite! {
    async fn what_happens_is_told(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("zqada", "Zqlovelace")).await.expect(201);
        api.save(&consent("c", "zqada", r#"{"type":"deny"}"#)).await.expect(201);
        let doctor = server.beside_with(receiver.options(folder.path(), &DOCTOR));
        let grant = break_glass(&doctor.client(), "zqada", "Zqreason an overdose").await;
        let id = incident(&server, &["--what", "zqtext of Zqlovelace", "--persons", "1"]).await;
        let asked = server.command(&["purge", "request", "--json", "--patient", "zqada", "--by", "Zqjane", "--reason", "court-order"]).await;
        let purge = Json::of(&asked.expect(0).stdout).str("id").unwrap().to_owned();
        server.command(&["purge", "approve", &purge, "--by", "Zqjohn"]).await.expect(0);
        let all = receiver.taken(&["glass-broken", "incident-recorded", "erasure-approved", "erasure-done"]).await;

        let kinds: Vec<String> = all.iter().map(Delivery::kind).collect();
        assert_eq!(kinds, ["glass-broken", "incident-recorded", "erasure-approved", "erasure-done"], "in order, and nothing else");
        let said: Vec<Json> = all.iter().map(Delivery::json).collect();
        assert_eq!(said[0].str("references.grant"), Some(&*grant));
        assert!(said[0].str("until").is_some(), "{}", said[0]);
        assert_eq!(said[1].str("references.incident"), Some(&*id));
        assert_eq!(said[1].str("references.incidentKind"), Some("reported"));
        assert_eq!(said[1].str("more"), Some(&*format!("fhir-gateway incident show {id}")));
        assert_eq!(said[2].str("references.purge"), Some(&*purge));
        assert!(said[2].str("counts.resources").is_some(), "{}", said[2]);
        let members = ["at", "counts", "id", "kind", "more", "organization", "references", "until"];
        for said in &said {
            assert!(said.members().iter().all(|(name, _)| members.contains(&&**name)), "{said}");
            assert!(said.str("at").unwrap().ends_with('Z') && said.at("organization").is_some(), "{said}");
        }
        // What is said leads on.
        let more: Vec<&str> = said[1].str("more").unwrap().split(' ').skip(1).collect();
        server.command(&more).await.expect(0);

        // Words of the record, of reasons, of names and of the address are nowhere.
        let list = server.command(&["alerts", "list", "--all"]).await.expect(0).stdout;
        let rows = server.sql().await.rows(&format!("select * from {}", own(engine, "alerts"))).await;
        let rows: Vec<String> = rows.into_iter().flatten().flatten().collect();
        assert!(rows.len() > 20, "{rows:?}");
        let texts = [all.iter().map(|it| it.text.clone()).collect(), rows, vec![server.log(), doctor.log(), list]].concat();
        for text in texts {
            for canary in ["zqada", "lovelace", "reason", "zqtext", "jane", "john", HIDDEN, "Practitioner/dr"] {
                assert!(!text.to_lowercase().contains(canary), "{canary} in {text}");
            }
        }
        assert!(doctor.log().contains("an alert was sent"));
    }

    async fn what_is_not_taken_is_tried_again(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        receiver.answer(|before, _| Some([500, 307, 204].get(before).copied().unwrap_or(204)));
        let server = Server::with(engine, receiver.options(folder.path(), &[]));
        let first = incident(&server, &[]).await;
        let second = incident(&server, &[]).await;
        let all = receiver.until(|all| all.len() >= 4).await;
        // The first one is tried until it is taken, with the same id and the same bytes; the second waits for it.
        let incidents: Vec<String> = all.iter().map(|it| it.json().str("references.incident").unwrap().to_owned()).collect();
        assert_eq!(incidents, [&*first, &*first, &*first, &*second]);
        assert!(all[..3].iter().all(|it| it.id == all[0].id && it.text == all[0].text));
        // No redirect is followed.
        assert!(all.iter().all(|it| it.path == format!("/{HIDDEN}?key={HIDDEN}")), "{all:?}");
        assert!(server.log().contains("status 307: no redirect is followed") && !server.log().contains(HIDDEN), "{}", server.log());
        let list = all_sent(&server).await;
        assert_eq!(list.iter().map(|it| it.str("tries").unwrap()).collect::<Vec<_>>(), ["3", "1"]);
        assert_eq!(server.command(&["alerts", "list", "--check"]).await.expect(0).stdout, "");
    }

    async fn one_that_is_refused_holds_nobody_up(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::start(engine);
        let ids = [incident(&server, &[]).await, incident(&server, &[]).await];
        let bad = ids[0].clone();
        receiver.answer(move |_, body| Some(if body.contains(&bad) { 422 } else { 200 }));
        let run = send(&server, &receiver, folder.path(), &[]).await.expect(1);
        assert!(run.stdout.contains("1 sent, 1 not taken, 0 given up"), "{}", run.stdout);
        assert!(run.stderr.contains("status 422") && !run.stderr.contains(HIDDEN), "{}", run.stderr);
        let all = receiver.deliveries();
        assert_eq!(all.iter().map(|it| it.status).collect::<Vec<_>>(), [Some(422), Some(200)]);
        receiver.answer(|_, _| Some(200));
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        assert_eq!(receiver.deliveries()[2].json().str("references.incident"), Some(&*ids[0]));
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        assert_eq!(receiver.deliveries().len(), 3, "once");
    }

    async fn a_kill_in_the_middle_loses_nothing(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        // The receiver has it, and whoever sent it never learns so.
        receiver.answer(|_, _| None);
        let mut server = Server::with(engine, receiver.options(folder.path(), &DOCTOR));
        let grant = break_glass(&server.client(), "zqada", "an emergency").await;
        receiver.until(|all| !all.is_empty()).await;
        server.kill();
        receiver.answer(|_, _| Some(200));
        server.restart();
        let all = receiver.taken(&["glass-broken"]).await;
        let before = receiver.deliveries();
        assert_eq!((&*all[0].id, &*all[0].text), (&*before[0].id, &*before[0].text), "the same, under the same id");
        assert_eq!(all[0].json().str("references.grant"), Some(&*grant));

        // Killed before anybody could send it: what the command line wrote is told by the next server. (What was taken is noted first: one
        // that is killed before it has noted that tells it again, as above.)
        all_sent(&server).await;
        server.kill();
        let id = incident(&server, &[]).await;
        server.restart();
        let all = receiver.taken(&["incident-recorded"]).await;
        assert_eq!(of_kind(&all, "incident-recorded")[0].json().str("references.incident"), Some(&*id));
        assert_eq!(all.len(), 2);
    }

    async fn two_servers_send_once(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::with(engine, receiver.options(folder.path(), &[]));
        let _other = server.beside_with(receiver.options(folder.path(), &[]));
        let _third = server.beside_with(receiver.options(folder.path(), &[]));
        // Slow enough for two to meet.
        receiver.take_its_time(Duration::from_millis(30));
        let alerts = own(engine, "alerts");
        let mut sql = server.sql().await;
        for number in 0..40 {
            sql.run(&format!(
                "insert into {alerts} (organization_id, id, kind, once, at, entry, state, tries, aside, written, due) values \
                 (1, 'many-{number:02}', 'test', 'many-{number:02}', {number}, '{{}}', 'waiting', 0, 0, 4000000000000, 0)"
            )).await;
        }
        let all = receiver.until(|all| all.len() >= 40).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let ids: Vec<String> = receiver.deliveries().into_iter().map(|it| it.id).collect();
        assert_eq!(ids.len(), 40, "nothing twice");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 40);
        // In order, but for what was written while others were sent.
        let sorted = all.windows(2).filter(|pair| pair[0].id < pair[1].id).count();
        assert!(sorted >= 36, "{ids:?}");
        assert_eq!(sql.count(&format!("select count(*) from {alerts} where state = 'sent' and tries = 1")).await, 40);
    }

    async fn a_burst_of_refusals_is_told_once(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::with(engine, receiver.options(folder.path(), &["--alert-refusals", "5", "--dev-consent", "enforce", "--dev-actor", "Practitioner/zqcaller"]));
        let stranger = server.stranger();
        for _ in 0..4 {
            stranger.get("/Patient/zqada").await.expect(401);
        }
        let doctor = server.client();
        for number in 0..12 {
            let reason = r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"zqreason"}]}"#;
            doctor.post(&format!("/Patient/zq{number}/$break-glass"), reason).await.expect(403);
        }
        receiver.taken(&["refusals"]).await;
        stranger.get("/Patient/zqada").await.expect(401);
        let all = receiver.until(|all| all.len() >= 2).await;
        assert!(all.iter().all(|it| it.json().str("counts.refusals") == Some("5")), "{all:?}");
        let list = alerts(&server).await;
        let about: Vec<&str> = list.iter().filter_map(|it| it.str("about")).collect();
        assert_eq!(about, ["development", "from 127.0.0.1"], "for who asks at the machine");
        assert!(all.iter().all(|it| !it.text.contains("development") && !it.text.contains("127.0.0.1") && !it.text.contains("zq")), "{all:?}");
        let more = all[0].json();
        let more: Vec<&str> = more.str("more").unwrap().split(' ').skip(1).collect();
        assert!(server.command(&more).await.expect(0).stdout.contains("development"));
        assert!(!server.log().contains("zqada"));
    }

    async fn what_becomes_due_is_told_once(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::with(engine, Options { arguments: DOCTOR.map(str::to_owned).into(), ..Options::default() });
        let api = server.client();
        let grants = [break_glass(&api, "a", "one").await, break_glass(&api, "b", "two").await, break_glass(&api, "c", "three").await];
        let mut sql = server.sql().await;
        let glasses = own(engine, "break_glass_grants");
        for (grant, hours) in grants.iter().zip([80, 30, 10]) {
            sql.run(&format!("update {glasses} set opened = opened - {} where id = '{grant}'", hours * HOUR_MS)).await;
        }
        let passed = incident(&server, &["--discovered", &day(-61), "--persons", "1"]).await;
        let near = incident(&server, &["--discovered", &day(-2), "--preset", "eu", "--persons", "1"]).await;
        incident(&server, &["--discovered", &day(-2), "--persons", "1"]).await;
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        let all = receiver.deliveries();
        let said = |kind: &str, reference: &str| -> Vec<String> {
            of_kind(&all, kind).iter().map(|it| it.json().str(reference).unwrap().to_owned()).collect()
        };
        assert_eq!(said("glass-review-overdue", "references.grant"), [&*grants[0]]);
        assert_eq!(said("glass-review-due", "references.grant"), [&*grants[1]]);
        assert_eq!(said("incident-deadline-passed", "references.incident"), [&*passed]);
        assert_eq!(said("incident-deadline-passed", "references.who"), ["individuals"]);
        assert_eq!(said("incident-deadline-near", "references.incident"), [&*near]);
        assert_eq!(all.len(), 10, "{all:#?}");
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        assert_eq!(receiver.deliveries().len(), 10, "each of them once");
        // A review that was due is overdue later; what is reviewed and told is neither.
        sql.run(&format!("update {glasses} set opened = opened - {}", 70 * HOUR_MS)).await;
        server.command(&["consent", "glass", "review", &grants[2], "--verdict", "justified", "--by", "P"]).await.expect(0);
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        let all = receiver.deliveries();
        assert_eq!(all.len(), 11, "{all:#?}");
        assert_eq!(all[10].json().str("references.grant"), Some(&*grants[1]));
        // A longer time for reviews.
        assert!(send(&server, &receiver, folder.path(), &["--glass-review-hours", "9999"]).await.code == Some(2));
    }

    async fn what_nobody_takes_is_given_up_and_shown(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::start(engine);
        let id = incident(&server, &[]).await;
        let closed = ["--alert-webhook", "http://127.0.0.1:1/zqhiddenpath", "--alert-secret-file", &secret_file(folder.path())];
        let send_closed = async || server.command(&[&["alerts", "send"], &closed[..]].concat()).await;
        let run = send_closed().await.expect(1);
        assert!(run.stderr.contains("127.0.0.1:1: nobody listens there") && !run.stderr.contains(HIDDEN), "{}", run.stderr);
        server.command(&["alerts", "list", "--check"]).await.expect(0);
        let mut sql = server.sql().await;
        let alerts_table = own(engine, "alerts");
        sql.run(&format!("update {alerts_table} set written = written - {}", 73 * HOUR_MS)).await;
        // Who is old, but was hardly tried, is tried on.
        assert!(send_closed().await.expect(1).stdout.contains("0 given up"));
        let run = send_closed().await.expect(1);
        assert!(run.stdout.contains("1 given up"), "{}", run.stdout);
        send_closed().await.expect(0);
        let listed = server.command(&["alerts", "list", "--check"]).await.expect(4).stdout;
        assert!(listed.contains("given-up after 3 attempts (nobody listens there)"), "{listed}");
        let list = Json::of(&server.command(&["alerts", "list", "--json"]).await.expect(0).stdout);
        assert_eq!(list.str("0.state"), Some("given-up"));
        // Somebody tries again, once the receiver is there.
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        assert_eq!(receiver.deliveries().len(), 0);
        send(&server, &receiver, folder.path(), &["--given-up"]).await.expect(0);
        assert_eq!(receiver.deliveries()[0].json().str("references.incident"), Some(&*id));
        server.command(&["alerts", "list", "--check"]).await.expect(0);
        // A hundred attempts are enough, too, and what is old is forgotten.
        incident(&server, &[]).await;
        sql.run(&format!("update {alerts_table} set tries = 99 where state = 'waiting'")).await;
        assert!(send_closed().await.expect(1).stdout.contains("1 given up"));
        sql.run(&format!("update {alerts_table} set written = written - {}", 91 * 24 * HOUR_MS)).await;
        let mut server = server;
        server.kill();
        server.restart();
        while sql.count(&format!("select count(*) from {alerts_table}")).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn a_trail_that_was_changed_is_told_once(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let mut server = Server::start(engine);
        server.client().save(&patient("zqada", "A")).await.expect(201);
        assert!(server.terminate().await.success());
        server.command(&["audit", "verify"]).await.expect(0);
        let (mut sql, prefix) = server.trail().await;
        sql.run(&format!("update {prefix}audit_events set status = 200 where status = 201")).await;
        let run = server.command(&["audit", "verify", "--no-record"]).await.expect(4);
        assert_eq!(run.stderr, "");
        let run = server.command(&["audit", "verify"]).await.expect(4);
        assert!(run.stderr.contains("recorded as incident"), "{}", run.stderr);
        let run = server.command(&["audit", "verify", "--json"]).await.expect(4);
        assert!(run.stderr.contains("recorded before"), "{}", run.stderr);
        send(&server, &receiver, folder.path(), &[]).await.expect(0);
        let all = receiver.deliveries();
        assert_eq!(all.iter().map(Delivery::kind).collect::<Vec<_>>(), ["audit-trail"]);
        assert!(all[0].json().str("counts.findings").is_some());
        let shown = server.command(&["incident", "show", all[0].json().str("references.incident").unwrap()]).await.expect(0);
        assert_eq!(Json::of(&shown.stdout).str("kind"), Some("audit-trail"));
    }

    async fn a_trail_that_cannot_be_written_is_told(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let server = Server::with(engine, receiver.options(folder.path(), &[]));
        let api = server.client();
        api.get("/Patient/zqada").await.expect(404);
        let (mut sql, prefix) = server.trail().await;
        let heads = server.data_dir().join("audit-heads.jsonl");
        while !heads.exists() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        sql.run(&format!("alter table {prefix}audit_links rename to aside")).await;
        for _ in 0..3 {
            api.get("/Patient/zqada").await.expect(503);
        }
        let all = receiver.until(|all| !all.is_empty()).await;
        assert_eq!((&*all[0].kind(), all[0].json().str("references.problem")), ("audit-trail-unwritable", Some("records")));
        sql.run(&format!("alter table {prefix}aside rename to audit_links")).await;
        std::fs::remove_file(&heads).unwrap();
        std::fs::create_dir(&heads).unwrap();
        api.get("/Patient/zqada").await.expect(404);
        let all = receiver.until(|all| all.len() >= 2).await;
        assert_eq!((&*all[1].kind(), all[1].json().str("references.problem")), ("audit-trail-unwritable", Some("heads")));
        std::fs::remove_dir(&heads).unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(receiver.deliveries().len(), 2, "once a day each");
    }

    async fn a_damaged_journal_is_told_before_the_server_gives_up(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::start().await);
        let mut server = Server::start(engine);
        let api = server.client();
        api.save(&patient("zqada", "A")).await.expect(201);
        api.save(&consent("c", "zqada", r#"{"type":"deny"}"#)).await.expect(201);
        assert!(server.terminate().await.success());
        let journal = server.data_dir().join("erasures.jsonl");
        let text = std::fs::read_to_string(&journal).unwrap();
        std::fs::write(&journal, text.replace("zqada", "zqben")).unwrap();
        let arguments = receiver.arguments(folder.path());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let serve = [&["serve", "--dev", "--listen", "127.0.0.1:0"], &arguments[..]].concat();
        let run = server.command(&serve).await.expect(1);
        assert!(run.stderr.contains("erasures.jsonl"), "{}", run.stderr);
        let all = receiver.deliveries();
        assert_eq!(all.iter().map(Delivery::kind).collect::<Vec<_>>(), ["journal"]);
        assert_eq!(all[0].json().str("references.problem"), Some("damaged"));
        assert!(all[0].json().str("counts.line").is_some() && !all[0].text.contains("zq"), "{}", all[0].text);
        // Again and again on one day is one alert.
        server.command(&serve).await.expect(1);
        assert_eq!(receiver.deliveries().len(), 1);
        std::fs::write(&journal, text).unwrap();
        server.restart_with(receiver.options(folder.path(), &[]));
        // One that cannot be written is told while the server serves: what would revoke a Consent does not happen.
        std::fs::rename(&journal, folder.path().join("aside")).unwrap();
        std::fs::create_dir(&journal).unwrap();
        let api = server.client();
        api.save(&consent("c", "zqada", r#"{"type":"deny"}"#).with("status", Json::text("inactive"))).await.expect(503);
        let all = receiver.until(|all| all.len() >= 2).await;
        assert_eq!(all[1].json().str("references.problem"), Some("unusable"));
        std::fs::remove_dir(&journal).unwrap();
        std::fs::rename(folder.path().join("aside"), &journal).unwrap();
    }

    async fn a_certificate_must_be_trusted(engine: Engine) {
        let (folder, receiver) = (folder(), Receiver::with_tls().await);
        let server = Server::start(engine);
        incident(&server, &[]).await;
        let run = send(&server, &receiver, folder.path(), &[]).await.expect(1);
        assert!(run.stderr.contains("the certificate is not trusted"), "{}", run.stderr);
        assert_eq!(receiver.deliveries().len(), 0);
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, include_bytes!("alerts/tls/ca.pem")).unwrap();
        send(&server, &receiver, folder.path(), &["--alert-ca-file", &ca.display().to_string()]).await.expect(0);
        assert!(receiver.deliveries().iter().all(taken) && receiver.deliveries().len() == 1);
    }
}

/// What cannot be used is refused before anything is opened, and nothing of it is repeated.
#[tokio::test]
async fn what_cannot_be_used_is_refused_at_the_start() {
    let folder = folder();
    let data = folder.path().join("data").display().to_string();
    let secret = secret_file(folder.path());
    let open = folder.path().join("open.secret");
    std::fs::copy(&secret, &open).unwrap();
    set_mode(&open, 0o644);
    let short = folder.path().join("short.secret");
    std::fs::write(&short, "whsec_enFzZWNyZXQ=").unwrap();
    set_mode(&short, 0o600);
    let (open, short) = (open.display().to_string(), short.display().to_string());
    let missing = folder.path().join("none").display().to_string();
    let good = "https://127.0.0.1:1/zqhiddenpath";
    for (arguments, wanted) in [
        (vec!["--alert-webhook", "ftp://example.org/zqhiddenpath", "--alert-secret-file", &secret], "https:"),
        (vec!["--alert-webhook", "http://example.org/zqhiddenpath", "--alert-secret-file", &secret], "not encrypted"),
        (vec!["--alert-webhook", "zqhiddenpath", "--alert-secret-file", &secret], "not a URL"),
        (vec!["--alert-webhook", good], "FHIR_GATEWAY_ALERT_SECRET"),
        (vec!["--alert-webhook", good, "--alert-secret-file", &open], "chmod 600"),
        (vec!["--alert-webhook", good, "--alert-secret-file", &short], "whsec_"),
        (vec!["--alert-webhook", good, "--alert-secret-file", &missing], "none"),
        (vec!["--alert-webhook", good, "--alert-secret-file", &secret, "--alert-ca-file", &secret], "no certificate"),
        (vec!["--alert-webhook", "@/none", "--alert-secret-file", &secret], "/none"),
        (vec!["--alert-secret-file", &secret], "--alert-webhook"),
    ] {
        let serve = [&["serve", "--dev", "--listen", "127.0.0.1:0", "--data-dir", &data], &arguments[..]].concat();
        let run = Command::run(&serve).await.expect(2);
        assert!(run.stderr.contains(wanted), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains(HIDDEN) && !run.stderr.contains("enFzZWNyZXQ"), "{}", run.stderr);
        assert!(!Path::new(&data).exists());
    }
}

#[tokio::test]
async fn a_test_says_whether_the_receiver_listens() {
    let (folder, receiver) = (folder(), Receiver::start().await);
    let arguments = receiver.arguments(folder.path());
    let test = async || {
        let arguments: Vec<&str> = ["alerts", "test"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        Command::run(&arguments).await
    };
    let run = test().await.expect(0);
    assert!(run.stdout.contains("has taken") && !run.stdout.contains(HIDDEN), "{}", run.stdout);
    assert_eq!(receiver.deliveries()[0].kind(), "test");
    receiver.answer(|_, _| Some(401));
    let run = test().await.expect(1);
    assert!(run.stderr.contains("status 401") && !run.stderr.contains(HIDDEN), "{}", run.stderr);
    Command::run(&["alerts", "test"]).await.expect(2);
    // An address in a file is in no list of processes.
    let file = folder.path().join("webhook.url");
    std::fs::write(&file, format!("{}\n", receiver.url)).unwrap();
    receiver.answer(|_, _| Some(200));
    let named = format!("@{}", file.display());
    Command::run(&["alerts", "test", "--alert-webhook", &named, "--alert-secret-file", &secret_file(folder.path())])
        .await
        .expect(0);
}
