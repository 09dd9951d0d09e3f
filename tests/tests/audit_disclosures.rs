//! `audit disclosures`: what is accounted for, what the law leaves out, and reports that are safe to open.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Server, patient, suite};
use std::collections::BTreeSet;

const COLUMNS: &str = "organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, on_behalf, client, source, version";

/// Noon of a day, in milliseconds since 1970.
const NOON_2024_03_05: i64 = 1_709_640_000_000;
const DAY: i64 = 86_400_000;

/// A stopped server, whose trail has what a real one writes and records of every purpose.
async fn recorded(engine: Engine) -> Server {
    let mut server = Server::start(engine);
    let api = server.client();
    api.save(&patient("ad-1", "A")).await.expect(201);
    api.get("/Patient/ad-1").await.expect(200);
    api.get("/Patient/ad-none").await.expect(404);
    assert!(server.terminate().await.success());
    let (mut sql, prefix) = server.trail().await;
    for (number, purpose) in
        ["TREAT", "ETREAT", "BTG", "HPAYMT", "HOPERAT", "PATRQT", "HRESCH", "PUBHLTH", "HMARKT"].iter().enumerate()
    {
        let at = NOON_2024_03_05 + i64::try_from(number).unwrap();
        let row = format!(
            "1, {at}, 'request-{number}', 'app', '{purpose}', 'read', 'Observation', 'o-{purpose}', 'ad-1', 200, 'permit', 'Practitioner/p-1', 'Viewer', '10.0.0.7', 2"
        );
        sql.run(&format!("insert into {prefix}audit_events ({COLUMNS}) values ({row})")).await;
    }
    let others = [
        // The patient, a refusal, a change, another patient, another organization.
        "1, 0, 'q-own', 'app', 'PUBHLTH', 'read', 'Observation', 'o-own', 'ad-1', 200, 'permit', 'Patient/ad-1', null, null, 1",
        "1, 0, 'q-refused', 'app', 'PUBHLTH', 'read', 'Observation', 'o-refused', 'ad-1', 403, 'refused', null, null, null, null",
        "1, 0, 'q-change', 'app', 'PUBHLTH', 'update', 'Observation', 'o-change', 'ad-1', 200, 'permit', null, null, null, 3",
        "1, 0, 'q-other', 'app', 'PUBHLTH', 'read', 'Observation', 'o-other', 'ad-2', 200, 'permit', null, null, null, 1",
        "2, 0, 'q-foreign', 'app', 'PUBHLTH', 'read', 'Observation', 'o-foreign', 'ad-1', 200, 'permit', null, null, null, 1",
        // Hostile to spreadsheets and browsers.
        "1, 1, '<script>alert(1)</script>', '=cmd|''/C calc''!A0', 'HRESCH', 'search', 'Observation', null, 'ad-1', 200, 'permit', null, '\"><img src=x onerror=alert(1)>', '@SUM(1,2)', null",
    ];
    for row in others {
        let row = row.replacen(", 0,", &format!(", {},", NOON_2024_03_05 + 50), 1).replacen(
            ", 1,",
            &format!(", {},", NOON_2024_03_05 + 60),
            1,
        );
        sql.run(&format!("insert into {prefix}audit_events ({COLUMNS}) values ({row})")).await;
    }
    server
}

async fn run(server: &Server, more: &[&str]) -> Command {
    let data_dir = server.data_dir().display().to_string();
    let mut arguments = vec!["audit", "disclosures", "--database", &server.database.url, "--data-dir", &data_dir];
    arguments.extend(more);
    Command::run(&arguments).await
}

async fn account(server: &Server, more: &[&str]) -> Json {
    Json::of(&run(server, &[&["--patient", "ad-1", "--from", "2024-01-01"], more].concat()).await.expect(0).stdout)
}

/// The resources (or else the types) that are listed.
fn listed(account: &Json) -> BTreeSet<String> {
    account
        .items("disclosures")
        .iter()
        .map(|one| one.str("resource").unwrap().split("/_history").next().unwrap().to_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

suite! {
    async fn the_statutory_account_leaves_out_what_the_law_does_and_no_more(engine: Engine) {
        let server = recorded(engine).await;
        let statutory = account(&server, &[]).await;
        let expected = set(&["Observation/o-HRESCH", "Observation/o-PUBHLTH", "Observation/o-HMARKT", "Observation", "Observation/o-change"]);
        assert_eq!(listed(&statutory), expected, "{statutory}");
        // Six purposes, what was shown to the patient, what was made or deleted, and reads of the server's own. An update may have
        // shown what was there before.
        assert_eq!(statutory.str("leftOut"), Some("9"), "{statutory}");
        let research = statutory.items("disclosures").iter().find(|one| one.str("request") == Some("request-6")).unwrap();
        for (name, value) in [("at", "2024-03-05T12:00:00.006Z"), ("recipient", "Practitioner/p-1"), ("caller", "app"), ("client", "Viewer"), ("address", "10.0.0.7"),
            ("interaction", "read"), ("resource", "Observation/o-HRESCH/_history/2"), ("status", "200"), ("request", "request-6")] {
            assert_eq!(research.str(name), Some(value), "{name}: {research}");
        }
        let all = account(&server, &["--all"]).await;
        let everything: BTreeSet<String> = all.items("disclosures").iter().map(|one| one.str("purpose").unwrap().to_owned()).collect();
        assert_eq!(everything, set(&["TREAT", "ETREAT", "BTG", "HPAYMT", "HOPERAT", "PATRQT", "HRESCH", "PUBHLTH", "HMARKT"]));
        assert_eq!(all.items("disclosures").len(), statutory.items("disclosures").len() + 9);
        let why = |resource: &str| {
            let one = all.items("disclosures").iter().find(|one| one.str("resource").unwrap().starts_with(resource)).unwrap();
            one.str("leftOutBy").map(str::to_owned)
        };
        assert_eq!(why("Observation/o-TREAT").as_deref(), Some("164.528(a)(1)(i)"));
        assert_eq!(why("Observation/o-BTG").as_deref(), Some("164.528(a)(1)(i)"));
        assert_eq!(why("Observation/o-own").as_deref(), Some("164.528(a)(1)(ii)"));
        assert_eq!(why("Observation/o-PATRQT").as_deref(), Some("164.528(a)(1)(ii)"));
        assert_eq!(why("Observation/o-change"), None);
        assert_eq!(why("Observation/o-PUBHLTH"), None);
        for never in ["o-refused", "o-other", "o-foreign", "ad-none"] {
            assert!(!all.to_string().contains(never), "{never}");
        }
        let times: Vec<_> = all.items("disclosures").iter().map(|one| one.str("at").unwrap().to_owned()).collect();
        assert!(times.is_sorted() && times.last().unwrap().as_str() > "2026", "the server's own, too: {times:?}");
    }

    async fn days_are_whole_and_six_years_go_back(engine: Engine) {
        let server = recorded(engine).await;
        let (mut sql, prefix) = server.trail().await;
        let today: i64 = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
        for (id, at) in [("in", today - 2180 * DAY), ("out", today - 2200 * DAY), ("first", NOON_2024_03_05 - DAY / 2), ("before", NOON_2024_03_05 - DAY / 2 - 1), ("last", NOON_2024_03_05 + DAY / 2 - 1), ("after", NOON_2024_03_05 + DAY / 2)] {
            let row = format!("1, {at}, 'q', 'app', 'HRESCH', 'read', 'Basic', '{id}', 'ad-1', 200, 'permit', null, null, null, 1");
            sql.run(&format!("insert into {prefix}audit_events ({COLUMNS}) values ({row})")).await;
        }
        let basics = |account: Json| -> BTreeSet<String> { listed(&account).into_iter().filter_map(|name| name.strip_prefix("Basic/").map(str::to_owned)).collect() };
        let default = Json::of(&run(&server, &["--patient", "Patient/ad-1"]).await.expect(0).stdout);
        assert_eq!(basics(default), set(&["in", "first", "before", "last", "after"]));
        let day = Json::of(&run(&server, &["--patient", "ad-1", "--from", "2024-03-05", "--to", "2024-03-05"]).await.expect(0).stdout);
        assert_eq!((day.str("from"), day.str("to")), (Some("2024-03-05"), Some("2024-03-05")));
        assert_eq!(basics(day), set(&["first", "last"]));
        // More than one page of records.
        let many = (0..2500).map(|number| format!("(1, {}, 'q', 'app', 'HRESCH', 'read', 'Basic', 'm', 'ad-1', 200, 'permit', null, null, null, {number})", NOON_2024_03_05 - 5 * DAY)).collect::<Vec<_>>().join(", ");
        sql.run(&format!("insert into {prefix}audit_events ({COLUMNS}) values {many}")).await;
        let one_day = Json::of(&run(&server, &["--patient", "ad-1", "--from", "2024-02-29", "--to", "2024-02-29"]).await.expect(0).stdout);
        let versions: BTreeSet<_> = one_day.items("disclosures").iter().map(|one| one.str("resource").unwrap().to_owned()).collect();
        assert_eq!((one_day.items("disclosures").len(), versions.len()), (2500, 2500), "each once");
    }

    async fn reports_are_safe_to_open(engine: Engine) {
        let server = recorded(engine).await;
        let html = run(&server, &["--patient", "ad-1", "--from", "2024-01-01", "--all", "--format", "html"]).await.expect(0).stdout;
        assert!(html.starts_with("<!doctype html>") && html.contains("default-src 'none'"));
        for never in ["<script", "<img", "src=x onerror=alert(1)>", "http://", "https://", "<link", " onerror=\""] {
            assert!(!html.contains(never), "{never}");
        }
        for there in ["&quot;&gt;&lt;img src=x onerror=alert(1)&gt;", "Practitioner/p-1", "public health", "164.528(a)(1)(ii)"] {
            assert!(html.contains(there), "{there}");
        }
        let csv = run(&server, &["--patient", "ad-1", "--from", "2024-01-01", "--format", "csv"]).await.expect(0).stdout;
        let lines: Vec<&str> = csv.split("\r\n").collect();
        assert_eq!(lines.len(), 1 + 5 + 1, "a head, five disclosures, the end: {csv}");
        assert!(lines[0].starts_with("\"at\",\"recipient\""));
        assert!(csv.contains("\"'=cmd|'/C calc'!A0\"") && csv.contains("\"'@SUM(1,2)\"") && csv.contains("\"\"\"><img"), "{csv}");
        for cell in csv.split("\",\"") {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
        let none = run(&server, &["--patient", "nobody", "--format", "html"]).await.expect(0).stdout;
        assert!(none.contains("None are on record"));
    }

    async fn nothing_is_written_and_wrong_usage_is_told(engine: Engine) {
        let server = recorded(engine).await;
        let before = server.audited().await;
        run(&server, &["--patient", "ad-1"]).await.expect(0);
        assert_eq!(server.audited().await, before);
        run(&server, &[]).await.expect(2);
        run(&server, &["--patient", "a b"]).await.expect(2);
        run(&server, &["--patient", "ad-1", "--from", "yesterday"]).await.expect(2);
        run(&server, &["--patient", "ad-1", "--from", "2025-01-02", "--to", "2025-01-01"]).await.expect(2);
        run(&server, &["--patient", "ad-1", "--format", "pdf"]).await.expect(2);
        let folder = server.folder().join("empty").display().to_string();
        if engine == Engine::Sqlite {
            Command::run(&["audit", "disclosures", "--patient", "a", "--data-dir", &folder]).await.expect(2);
        } else {
            Command::run(&["audit", "disclosures", "--patient", "a", "--database", "postgres://nobody@127.0.0.1:1/none", "--data-dir", &folder]).await.expect(3);
        }
    }
}
