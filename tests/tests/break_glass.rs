//! The glass is broken by a request: for one caller, one patient, one purpose and a time, by whom a group makes one who may, for a
//! reason that nothing shows but the review; the patient is told, and what was seen is marked.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Command, Engine, Json, Options, Response, Server, consent, lab_observation, on_postgres, own, patient,
    suite,
};

const GROUP: &str = "Group/emergency";
const DOCTOR: &str = "Practitioner/dr";
/// What no log, header, record of the trail or Communication may hold.
const REASON: &str = "Canary-9f3 unconscious after an overdose";

/// A server beside that applies Consents to this caller.
fn asking(server: &Server, purpose: &str, actors: &[&str], more: &[&str]) -> Server {
    let mut arguments = vec!["--dev-consent", "enforce", "--dev-purpose", purpose, "--break-glass-group", GROUP];
    actors.iter().for_each(|actor| arguments.extend(["--dev-actor", actor]));
    arguments.extend(more);
    let arguments = arguments.into_iter().map(str::to_owned).collect();
    server.beside_with(Options { arguments, ..Options::default() })
}

fn reason(text: &str, minutes: Option<i64>) -> String {
    let minutes =
        minutes.map(|minutes| format!(r#",{{"name":"minutes","valueInteger":{minutes}}}"#)).unwrap_or_default();
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"reason","valueString":"{text}"}}{minutes}]}}"#)
}

async fn breaking(api: &Client, id: &str, text: &str, minutes: Option<i64>) -> Response {
    api.post(&format!("/Patient/{id}/$break-glass"), reason(text, minutes)).await
}

/// A parameter of the answer.
fn said(answer: &Json, name: &str) -> String {
    let parameter = answer.items("parameter").iter().find(|parameter| parameter.str("name") == Some(name)).unwrap();
    parameter.str("valueId").or_else(|| parameter.str("valueInstant")).unwrap().to_owned()
}

async fn command(server: &Server, arguments: &[&str]) -> Command {
    let data = server.folder().join("privacy").display().to_string();
    let database = ["--database", &server.database.url, "--data-dir", &data];
    Command::run(&[&["consent"], arguments, &database].concat()).await
}

async fn queue(server: &Server) -> Vec<Json> {
    let list = command(server, &["glass", "list", "--all", "--json"]).await.expect(0);
    Json::of(&format!(r#"{{"all":{}}}"#, list.stdout)).items("all").to_vec()
}

/// Two patients who deny everything, with an observation each.
async fn hidden(all: &Client) {
    for id in ["ada", "ben"] {
        all.save(&patient(id, "Hidden")).await.expect(201);
        all.save(&lab_observation(&format!("o-{id}"), id, "7.1")).await.expect(201);
        all.save(&consent(&format!("c-{id}"), id, r#"{"type":"deny"}"#)).await.expect(201);
    }
}

/// The answer without what differs from glass to glass.
fn shape(answer: &Response) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let json = Json::of(&body);
    let mut text = format!("{}\n{}\n{body}", answer.status, headers.join("\n"));
    if answer.status < 300 {
        for name in ["grant", "opened", "expires"] {
            text = text.replace(&said(&json, name), name);
        }
    }
    text
}

suite! {
    async fn one_caller_sees_one_patient_for_a_time(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        hidden(&all).await;
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let colleague = asking(&server, "TREAT", &["Practitioner/other", GROUP], &[]);
        let emergency = asking(&server, "ETREAT", &[DOCTOR, GROUP], &[]);
        let api = doctor.client();
        api.get("/Patient/ada").await.expect(404);
        assert_eq!(api.search("/Observation").await, [""; 0]);
        let opened = breaking(&api, "ada", REASON, None).await.expect(201).json();
        assert_eq!(api.search("/Observation").await, ["Observation/o-ada"]);
        api.get("/Patient/ada").await.expect(200);
        api.get("/Patient/ada/_history/1").await.expect(200);
        api.get("/Observation/o-ben").await.expect(404);
        // What is done in an emergency is written down: F8 and C5 give way as reading does.
        api.save(&lab_observation("o-ada", "ada", "7.2")).await.expect(200);
        api.post("/Observation", lab_observation("x", "ada", "7.3").to_string()).await.expect(201);
        api.post("/Observation", lab_observation("x", "ben", "7.3").to_string()).await.expect(422);
        for other in [&colleague, &emergency] {
            other.client().get("/Patient/ada").await.expect(404);
            assert_eq!(other.client().search("/Observation").await, [""; 0]);
        }
        // An end holds at once, and so does a review that finds no reason.
        let id = said(&opened, "grant");
        command(&server, &["glass", "close", &id, "--by", "P. Officer"]).await.expect(0);
        command(&server, &["glass", "close", &id, "--by", "P. Officer"]).await.expect(4);
        api.get("/Patient/ada").await.expect(404);
        breaking(&api, "ada", REASON, None).await.expect(422);
        let opened = breaking(&api, "ada", "still needed", None).await.expect(201).json();
        api.get("/Patient/ada").await.expect(200);
        let id = said(&opened, "grant");
        let review = ["glass", "review", &id, "--verdict", "unjustified", "--by", "P. Officer", "--note", "no emergency"];
        command(&server, &review).await.expect(0);
        command(&server, &review).await.expect(4);
        command(&server, &["glass", "review", "nosuch", "--verdict", "justified", "--by", "P"]).await.expect(4);
        api.get("/Patient/ada").await.expect(404);
        // Time ends it too.
        breaking(&api, "ada", "a third reason", None).await.expect(201);
        api.get("/Patient/ada").await.expect(200);
        let mut sql = server.sql().await;
        sql.run(&format!("update {} set expires = 1 where closed is null", own(engine, "break_glass_grants"))).await;
        api.get("/Patient/ada").await.expect(404);
        let queue = queue(&server).await;
        assert_eq!(queue.len(), 3);
        assert_eq!(queue[0].str("reason"), Some(REASON));
        assert_eq!((queue[0].str("state"), queue[1].str("state"), queue[2].str("state")), (Some("closed"), Some("closed"), Some("expired")));
        assert_eq!(queue[1].at("review").unwrap().str("verdict"), Some("unjustified"));
        let waiting = command(&server, &["glass", "list"]).await.expect(0).stdout;
        assert!(waiting.ends_with("2 to review\n") && waiting.contains("Patient/ada"), "{waiting}");
    }

    async fn who_is_no_member_learns_nothing(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        hidden(&all).await;
        all.save(&patient("cyd", "Seen")).await.expect(201);
        let nobody = asking(&server, "TREAT", &[DOCTOR], &[]);
        let payer = asking(&server, "HPAYMT", &[DOCTOR, GROUP], &[]);
        for server in [&nobody, &payer] {
            let api = server.client();
            let refused = shape(&breaking(&api, "ada", REASON, None).await.expect(403));
            for id in ["cyd", "nobody"] {
                assert_eq!(shape(&breaking(&api, id, REASON, None).await.expect(403)), refused);
            }
            assert_eq!(shape(&api.post("/Patient/ada/$break-glass", "{}").await.expect(403)), refused);
        }
        assert_eq!(queue(&server).await.len(), 0);
        // To a member hidden, seen and absent are one until the glass is broken.
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let api = doctor.client();
        let shapes = [
            shape(&breaking(&api, "ada", REASON, None).await.expect(201)),
            shape(&breaking(&api, "cyd", REASON, None).await.expect(201)),
            shape(&breaking(&api, "nobody", REASON, None).await.expect(201)),
        ];
        assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:?}");
        api.get("/Patient/nobody").await.expect(404);
        assert_eq!(queue(&server).await.len(), 3);
        // Where Consents are not applied there is no glass.
        let all = server.beside_with(Options {
            arguments: ["--dev-actor", GROUP, "--break-glass-group", GROUP].map(str::to_owned).into(),
            ..Options::default()
        });
        breaking(&all.client(), "ada", REASON, None).await.expect(422);
    }

    async fn a_reason_is_asked_for_and_bounded(engine: Engine) {
        let server = Server::start(engine);
        hidden(&server.client()).await;
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let api = doctor.client();
        let path = "/Patient/ada/$break-glass";
        for body in [
            r#"{"resourceType":"Parameters"}"#.to_owned(),
            reason("   ", None),
            reason("...", None),
            reason(&"x".repeat(1001), None),
            reason("x", Some(0)),
            reason("x", Some(241)),
            r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"x"},{"name":"patient","valueString":"y"}]}"#.to_owned(),
            r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"x"},{"name":"minutes","valueInteger":1},{"name":"minutes","valueInteger":2}]}"#.to_owned(),
            r#"{"resourceType":"Patient"}"#.to_owned(),
        ] {
            api.post(path, body).await.expect(400);
        }
        api.post(&format!("{path}?reason=x"), reason("x", None)).await.expect(400);
        api.get(path).await.expect(405);
        assert_eq!(queue(&server).await.len(), 0);
        let coded = r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueCoding":{"system":"urn:c","code":"coma","display":"Coma"}},{"name":"minutes","valueInteger":5}]}"#;
        let first = api.post(path, coded).await.expect(201).json();
        // The same again is the same glass: never shorter, longer as far as four hours from its beginning.
        let again = api.post(path, coded.replace(":5}", ":1}")).await.expect(200).json();
        assert_eq!(said(&first, "expires"), said(&again, "expires"));
        let longer = api.post(path, coded.replace(":5}", ":9}")).await.expect(200).json();
        assert_eq!(said(&first, "grant"), said(&longer, "grant"));
        assert!(said(&longer, "expires") > said(&first, "expires"));
        let mut sql = server.sql().await;
        let table = own(engine, "break_glass_grants");
        sql.run(&format!("update {table} set opened = opened - 180 * 60000")).await;
        let longest = api.post(path, coded.replace(":5}", ":240}")).await.expect(200).json();
        assert_eq!(sql.count(&format!("select count(*) from {table} where expires = opened + 240 * 60000")).await, 1, "{longest}");
        assert_eq!(sql.count(&format!("select count(*) from {table}")).await, 1);
        let queue = queue(&server).await;
        assert_eq!(queue[0].str("reason"), Some("Coma (urn:c|coma)"));
        assert!(queue[0].str("ageMinutes").and_then(|age| age.parse::<i64>().ok()).unwrap() >= 180);
    }

    /// In a batch it comes before the reads; of a transaction it is no part.
    async fn in_a_batch_it_comes_before_the_reads(engine: Engine) {
        let server = Server::start(engine);
        hidden(&server.client()).await;
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let bundle = |kind: &str| {
            format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{"request":{{"method":"GET","url":"Observation/o-ada"}}}},
                {{"resource":{},"request":{{"method":"POST","url":"Patient/ada/$break-glass"}}}}]}}"#, reason(REASON, None))
        };
        doctor.client().post("/", bundle("transaction")).await.expect(400);
        doctor.client().get("/Patient/ada").await.expect(404);
        let answer = doctor.client().post("/", bundle("batch")).await.expect(200).json();
        let statuses: Vec<&str> = answer.items("entry").iter().filter_map(|entry| entry.at("response")?.str("status")).collect();
        assert!(statuses.len() == 2 && statuses[0].starts_with("200") && statuses[1].starts_with("201"), "{answer}");
    }

    async fn statute_stays(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        hidden(&all).await;
        let label = |code: &str| Json::of(&format!(r#"{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}}"#));
        all.save(&lab_observation("part2", "ada", "1").with("meta", label("42CFRPart2"))).await.expect(201);
        all.save(&lab_observation("therapy", "ada", "1").with("meta", label("PSYTHPN"))).await.expect(201);
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let emergency = asking(&server, "ETREAT", &[DOCTOR, GROUP], &[]);
        for server in [&doctor, &emergency] {
            breaking(&server.client(), "ada", REASON, None).await.expect(201);
        }
        assert_eq!(doctor.client().search("/Observation").await, ["Observation/o-ada"]);
        let mut found = emergency.client().search("/Observation").await;
        found.sort_unstable();
        assert_eq!(found, ["Observation/o-ada", "Observation/part2"]);
    }

    async fn the_patient_is_told_and_the_trail_knows(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        hidden(&all).await;
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let api = doctor.client();
        api.get("/Observation/o-ada").await.expect(404);
        breaking(&api, "ada", REASON, None).await.expect(201);
        breaking(&api, "ada", REASON, None).await.expect(200);
        breaking(&api, "nobody", REASON, None).await.expect(201);
        api.get("/Observation/o-ada").await.expect(200);
        let told = all.search("/Communication").await;
        assert_eq!(told.len(), 1);
        let notice = all.get(&format!("/{}", told[0])).await.expect(200).json();
        assert_eq!(notice.at("subject").unwrap().str("reference"), Some("Patient/ada"));
        assert_eq!(notice.at("sender").unwrap().str("reference"), Some(DOCTOR));
        let text = notice.to_string();
        assert!(text.contains("notification") && text.contains("TREAT") && !text.contains("Canary"), "{text}");
        // It is the patient's: who is not let see the patient does not see it.
        let other = asking(&server, "TREAT", &["Practitioner/other"], &[]);
        assert_eq!(other.client().search("/Communication").await, [""; 0]);
        assert_eq!(api.search("/Communication").await.len(), 1);
        let mut sql = server.sql().await;
        let table = own(engine, "notifications");
        assert_eq!(sql.count(&format!("select count(*) from {table} where kind = 'break-glass' and sent is null and patient = 'ada'")).await, 1);
        assert_eq!(sql.count(&format!("select count(*) from {table}")).await, 1);
        let (mut trail, prefix) = doctor.trail().await;
        let rows = trail.rows(&format!("select interaction, decision, caller, id from {prefix}audit_events order by seq")).await;
        let rows: Vec<String> = rows.iter().map(|row| row.iter().flatten().cloned().collect::<Vec<_>>().join(" ")).collect();
        let reads: Vec<&String> = rows.iter().filter(|row| row.starts_with("read ") && row.ends_with("o-ada")).collect();
        assert!(reads.iter().any(|row| row.contains("permit-break-glass")), "{rows:?}");
        assert!(rows.iter().any(|row| row.starts_with("search permit-break-glass")), "{rows:?}");
        assert_eq!(rows.iter().filter(|row| row.starts_with("create permit gateway")).count(), 1, "{rows:?}");
        assert_eq!(rows.iter().filter(|row| row.starts_with("$break-glass ")).count(), 3, "{rows:?}");
        assert!(rows.iter().all(|row| !row.contains("Canary")), "{rows:?}");
        for server in [&server, &doctor, &other] {
            assert!(!server.log().contains("Canary") && !server.log().contains("ada"), "{}", server.log());
        }
        // Silently, where the operator says so.
        let silent = asking(&server, "TREAT", &[DOCTOR, GROUP], &["--no-glass-notice"]);
        breaking(&silent.client(), "ben", REASON, None).await.expect(201);
        silent.client().get("/Patient/ben").await.expect(200);
        assert_eq!(all.search("/Communication").await.len(), 1);
    }

    async fn at_once_it_is_broken_once(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        hidden(&all).await;
        let (one, other) = (asking(&server, "TREAT", &[DOCTOR, GROUP], &[]), asking(&server, "TREAT", &[GROUP, DOCTOR], &[]));
        let mut asked = Vec::new();
        for round in 0..12 {
            let server = if round % 2 == 0 { &one } else { &other };
            let api = server.client();
            asked.push(tokio::spawn(async move { breaking(&api, "ada", REASON, Some(30)).await }));
        }
        let mut grants = std::collections::BTreeSet::new();
        let mut fresh = 0;
        for answer in asked {
            let answer = answer.await.unwrap();
            assert!(answer.status == 200 || answer.status == 201, "{}", answer.json());
            fresh += i32::from(answer.status == 201);
            grants.insert(said(&answer.json(), "grant"));
        }
        assert_eq!((grants.len(), fresh), (1, 1));
        assert_eq!(all.search("/Communication").await.len(), 1);
    }

    /// What was answered is there after a kill, and what is there is whole: a glass and its notice, or neither.
    async fn a_kill_leaves_no_glass_without_its_notice(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        for index in 0..40 {
            all.save(&patient(&format!("p{index}"), "Killed")).await.expect(201);
        }
        let mut doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        for round in 0..2 {
            let api = doctor.client();
            let mut asked = Vec::new();
            for index in 0..20 {
                let api = doctor.client();
                asked.push(tokio::spawn(async move {
                    let path = format!("/Patient/p{}/$break-glass", 20 * round + index);
                    api.post(&path, reason(REASON, None)).attempt().await.map(|answer| answer.status)
                }));
            }
            breaking(&api, "p0", &format!("round {round}"), None).await;
            doctor.kill();
            let mut done = 0;
            for answer in asked {
                done += i64::from(answer.await.unwrap() == Some(201));
            }
            doctor.restart();
            let mut sql = server.sql().await;
            let (grants, notices) = (own(engine, "break_glass_grants"), own(engine, "notifications"));
            let count = sql.count(&format!("select count(*) from {grants} where reason like 'Canary%'")).await;
            assert!(count >= done, "{count} glasses, {done} answers");
            let alone = format!("select count(*) from {grants} g where not exists (select 1 from {notices} n where n.id = g.id)");
            assert_eq!(sql.count(&alone).await, 0);
            let directory = own(engine, "directory");
            let untold = format!("select count(*) from {notices} n where not exists (select 1 from {directory} d where d.type = 'Communication' and d.id = n.resource and d.patient = n.patient)");
            assert_eq!(sql.count(&untold).await, 0);
        }
    }

    /// What is lifted ends with the glass: nothing is made open for good, and the notice stays.
    async fn nothing_is_made_open_for_good(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        hidden(&all).await;
        let label = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
        let secret = lab_observation("o-ada", "ada", "7.1").with("meta", Json::of(label));
        all.save(&secret).await.expect(200);
        let breaker = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        let api = breaker.client();
        breaking(&api, "ada", REASON, None).await.expect(201);
        api.get("/Observation/o-ada").await.expect(200);
        for refused in [
            api.delete("/Consent/c-ada"),
            api.save(&consent("c-ada", "ada", r#"{"type":"permit"}"#)),
            api.delete("/Observation/o-ada"),
            api.save(&lab_observation("o-ada", "ada", "7.1")),
            api.save(&patient("ada", "Other")),
        ] {
            refused.await.refused(403, "forbidden");
        }
        all.save(&patient("cat", "Open")).await.expect(201);
        api.save(&lab_observation("o-ada", "cat", "7.1").with("meta", Json::of(label))).await.refused(403, "forbidden");
        // What is written down in an emergency stays in its record.
        api.save(&secret.with("status", Json::text("amended"))).await.expect(200);
        api.post("/Observation", lab_observation("new", "ada", "7.2")).await.expect(201);
        let notices = all.search("/Communication?subject=Patient/ada").await;
        assert_eq!(notices.len(), 1);
        api.delete(&format!("/{}", notices[0])).await.refused(403, "forbidden");
        let other = asking(&server, "TREAT", &[DOCTOR], &[]);
        assert_eq!(other.client().search("/Observation?patient=ada").await, Vec::<String>::new());
    }
}

on_postgres! {
    /// The role of the gateway's connections adds glasses and ends them; it takes none away, rewrites no reason, and sees those of
    /// its organization alone.
    async fn the_role_changes_no_reason_and_removes_nothing(engine: Engine) {
        let server = Server::start(engine);
        hidden(&server.client()).await;
        let doctor = asking(&server, "TREAT", &[DOCTOR, GROUP], &[]);
        breaking(&doctor.client(), "ada", REASON, None).await.expect(201);
        let mut sql = server.sql().await;
        for table in ["break_glass_grants", "notifications"] {
            let count = async |sql: &mut gateway_tests::Sql, organization: &str| {
                sql.run(&format!(
                    "begin; set local role fhir_gateway_app; set local app.current_organization_id = '{organization}'"
                ))
                .await;
                let count = sql.count(&format!("select count(*) from fhir_gateway.{table}")).await;
                sql.run("rollback").await;
                count
            };
            assert_eq!(
                (count(&mut sql, "1").await, count(&mut sql, "2").await, count(&mut sql, "").await),
                (1, 0, 0),
                "{table}"
            );
            for forbidden in
                ["delete from {}", "truncate {}", "update {} set patient = 'x'", "update {} set organization_id = 2"]
            {
                let forbidden = forbidden.replace("{}", &format!("fhir_gateway.{table}"));
                let tried = format!(
                    "begin; set local role fhir_gateway_app; set local app.current_organization_id = '1'; {forbidden}"
                );
                let error = sql.attempt(&tried).await.unwrap_err();
                assert!(error.to_string().contains("permission denied"), "{forbidden}: {error}");
                sql.run("rollback").await;
            }
        }
        let tried = "begin; set local role fhir_gateway_app; set local app.current_organization_id = '1'; \
                     update fhir_gateway.break_glass_grants set reason = 'x'";
        assert!(sql.attempt(tried).await.unwrap_err().to_string().contains("permission denied"));
        sql.run("rollback").await;
    }
}
