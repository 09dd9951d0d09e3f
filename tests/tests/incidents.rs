//! The register of incidents: what is written in, which deadlines come of it, and that its texts are nowhere else.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Server, suite};

const DAY: i64 = 86_400;

/// An instant so many days from now.
fn day(from_now: i64) -> String {
    let at = jiff::Timestamp::now().as_second() + from_now * DAY;
    jiff::Timestamp::from_second(at).unwrap().to_string()
}

async fn add(server: &Server, arguments: &[&str]) -> String {
    let run = server.command(&[&["incident", "add", "--by", "Jane Doe"], arguments].concat()).await.expect(0);
    run.stdout.trim().to_owned()
}

async fn list(server: &Server) -> Json {
    Json::of(&server.command(&["incident", "list", "--json"]).await.expect(0).stdout)
}

suite! {
    async fn deadlines_run_from_the_discovery(engine: Engine) {
        let server = Server::start(engine);
        server.command(&["incident", "list", "--check"]).await.expect(0);
        let later = add(&server, &["--discovered", &day(-2), "--what", "zqtext a letter went to the wrong address", "--persons", "1", "--category", "diagnoses"]).await;
        let soon = add(&server, &["--discovered", &day(-2), "--preset", "eu", "--persons", "1"]).await;
        server.command(&["incident", "list", "--check"]).await.expect(0);
        let late = add(&server, &["--discovered", &day(-61), "--how", "zqtext by letter", "--persons", "700"]).await;
        let incidents = list(&server).await;
        let ids: Vec<&str> = incidents.array().iter().filter_map(|incident| incident.str("id")).collect();
        assert_eq!(ids, [&*late, &*soon, &*later], "overdue first, then by deadline");
        assert_eq!(incidents.items("0.deadlines").len(), 3, "{incidents}");
        assert_eq!(incidents.at("0.deadlines.0.overdue"), Some(&Json::Bool(true)));
        let shown = server.command(&["incident", "list", "--check"]).await.expect(4);
        assert!(shown.stdout.contains("OVERDUE") && !shown.stdout.contains("zqtext"), "{}", shown.stdout);

        // What is decided and told is not overdue; what is not, is not closed.
        server.command(&["incident", "close", &late, "--by", "Jane Doe"]).await.expect(4);
        let factors = ["--factor-data", "zqtext names", "--factor-recipient", "zqtext a bank", "--factor-acquired", "zqtext yes", "--factor-mitigated", "zqtext no"];
        server.command(&[&["incident", "update", &late, "--breach", "yes"], &factors[..]].concat()).await.expect(0);
        let run = server.command(&["incident", "close", &late, "--by", "Jane Doe"]).await.expect(4);
        assert!(run.stderr.contains("individuals, authority, media"), "{}", run.stderr);
        server.command(&["incident", "update", &late, "--told", "individuals", "--told", "authority", "--told", "media", "--at", &day(-3)]).await.expect(0);
        server.command(&["incident", "list", "--check"]).await.expect(0);
        server.command(&["incident", "close", &late, "--by", "Jane Doe"]).await.expect(0);
        server.command(&["incident", "update", &late, "--breach", "no"]).await.expect(4);
        server.command(&["incident", "update", &later, "--breach", "no"]).await.expect(0);
        server.command(&["incident", "close", &later, "--by", "John Roe"]).await.expect(0);
        let shown = Json::of(&server.command(&["incident", "show", &late]).await.expect(0).stdout);
        assert_eq!((shown.str("factorRecipient"), shown.str("closedBy")), (Some("zqtext a bank"), Some("Jane Doe")));
        let incidents = list(&server).await;
        assert_eq!(incidents.str("0.id"), Some(&*soon), "closed ones come last");
        server.command(&["incident", "show", "no-such"]).await.expect(4);
        server.command(&["incident", "add", "--by", "Jane", "--discovered", &day(2)]).await.expect(4);
        server.command(&["incident", "add", "--by", "Jane", "--discovered", "yesterday"]).await.expect(2);

        // Texts are in the register alone: neither in logs nor in the trail.
        assert!(!server.log().contains("zqtext"));
        assert!(server.audited().await.iter().any(|event| event.interaction == "incident-add"));
        let (mut trail, prefix) = server.trail().await;
        let records = trail.rows(&format!("select * from {prefix}audit_events")).await;
        assert!(!records.is_empty() && records.iter().flatten().flatten().all(|text| !text.contains("zqtext")));
    }
}
