//! The work in the background: complete whoever writes meanwhile and whoever is killed, and it takes back what it made.

use std::time::Duration;

use super::{define, matches, parameter, ready, rows, status};
use gateway_tests::{Client, Command, Engine, Json, Server, lab_observation, own, patient, suite, transaction};

/// Patients with numbers, a hundred in a transaction.
async fn fill(api: &Client, from: usize, to: usize) {
    let numbers: Vec<usize> = (from..to).collect();
    for numbers in numbers.chunks(100) {
        let people: Vec<Json> =
            numbers.iter().map(|number| patient(&format!("n{number}"), &format!("Family{number}"))).collect();
        api.post("/", transaction(&people)).await.expect(200);
    }
}

fn by_family(id: &str) -> Json {
    parameter(id, r#""Patient""#, "string", "Patient.name.family", "")
}

/// Requires that each of so many is found by its own value, once, and that there is no row too many.
async fn complete(server: &Server, name: &str, people: usize) {
    let api = server.client();
    let found = api.search(&format!("/Patient?{name}=family&_count=500")).await;
    let mut once = found.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!((found.len(), once.len()), (people, people));
    assert_eq!(rows(server).await, people as i64, "a row for each, and none twice");
}

suite! {
    async fn who_searches_too_early_is_told_so(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        fill(&api, 0, 1500).await;
        api.save(&by_family("early")).await.expect(201);
        let mut refused = 0;
        loop {
            let answer = api.get("/Patient?early=family&_count=1000&_total=accurate").await;
            if answer.status == 200 {
                // From the first answer on it is whole.
                assert_eq!(answer.json().str("total"), Some("1500"));
                break;
            }
            assert!(answer.header("Retry-After").is_some());
            let issue = answer.refused(503, "transient");
            assert!(issue.text.contains("0 % is done") && issue.text.contains("$status"), "{issue:?}");
            // Whoever is content with less is not given less either, and a chain is no way around.
            for query in ["/Patient?early=x", "/Observation?subject:Patient.early=x", "/Observation?subject.early=x", "/Patient?_sort=early"] {
                let answer = api.get(query).header("Prefer", "handling=lenient").await;
                assert!(matches!(answer.status, 200 | 503), "{query}: {}", answer.status);
                if answer.status == 200 {
                    assert_eq!(status(&api, "early").await, "ready", "{query}");
                }
            }
            refused += 1;
        }
        assert!(refused > 0, "the test would prove nothing");
        complete(&server, "early", 1500).await;
        assert!(server.log().contains("a search parameter is ready"), "{}", server.log());
        assert!(server.log().contains("indexing for a search parameter"), "{}", server.log());
        assert!(!server.log().contains("Family"), "no value of a record");
    }

    async fn a_kill_in_the_middle_and_writers_beside_leave_no_gap(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        fill(&api, 0, 2500).await;
        api.save(&by_family("fam")).await.expect(201);
        let (number, table) = ("select at_rid from", own(engine, "search_parameters"));
        let mut sql = server.sql().await;
        for _ in 0..1000 {
            if sql.count(&format!("{number} {table} where state = 'indexing'")).await > 300 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.kill();
        let rows_then = rows(&server).await;
        assert!(rows_then > 0 && rows_then < 2500, "killed in the middle: {rows_then}");
        server.restart();
        let api = server.client();
        // Writers of all kinds while the work goes on: new ones, changes of those before and behind it, deletions.
        let writer = |from: usize| {
            let api = api.clone();
            async move {
                for number in (from..2500).step_by(40) {
                    api.save(&patient(&format!("n{number}"), &format!("FamilyAgain{number}"))).await.expect(200);
                    api.save(&patient(&format!("new{number}"), "FamilyNew")).await.expect(201);
                    api.save(&patient(&format!("gone{number}"), "FamilyGone")).await.expect(201);
                    api.delete(&format!("/Patient/gone{number}")).await.expect(204);
                }
            }
        };
        tokio::join!(writer(0), writer(11), writer(22), writer(33));
        ready(&api, "fam").await;
        let changed = [0, 11, 22, 33].into_iter().map(|from| (from..2500).step_by(40).count()).sum::<usize>();
        complete(&server, "fam", 2500 + changed).await;
        assert_eq!(api.search("/Patient?fam=familyagain&_count=500").await.len(), changed);
        assert_eq!(matches(&api, "Patient?fam:exact=FamilyAgain11").await, "n11");
        assert_eq!(matches(&api, "Patient?fam:exact=Family11").await, "", "the old name is nowhere");
    }

    async fn processes_on_one_database_know_the_same(engine: Engine) {
        let mut server = Server::start(engine);
        let beside = server.beside();
        let (api, other) = (server.client(), beside.client());
        fill(&api, 0, 1200).await;
        // The other one has asked before: what it knows is old.
        other.get("/Patient?fam=x").await.refused(400, "not-supported");
        api.save(&by_family("fam")).await.expect(201);
        // It writes by what is in force all the same, while the work goes on.
        let writer = async {
            for number in 0..60 {
                other.save(&patient(&format!("other{number}"), "FamilyOther")).await.expect(201);
                other.save(&patient(&format!("n{}", number * 20), "FamilyAgain")).await.expect(200);
            }
        };
        tokio::join!(writer, ready(&api, "fam"));
        assert_eq!(other.search("/Patient?fam:exact=FamilyOther&_count=100").await.len(), 60);
        complete(&beside, "fam", 1260).await;
        // What one takes back the other one does not answer by, and a redefinition is taken up.
        define(&api, &parameter("fam", r#""Patient""#, "token", "Patient.gender", "")).await;
        assert_eq!(other.search("/Patient?fam=female&_count=2000").await.len(), 1260);
        api.delete("/SearchParameter/fam").await.expect(204);
        other.get("/Patient?fam=female").await.refused(400, "not-supported");
        // Whoever dies over the work, the other one ends it.
        api.save(&by_family("late")).await.expect(201);
        server.kill();
        other.save(&patient("last", "FamilyLast")).await.expect(201);
        ready(&other, "late").await;
        assert_eq!(other.search("/Patient?late=family&_count=2000").await.len(), 1261);
    }

    async fn a_page_of_another_definition_is_not_gone_on_with(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        fill(&api, 0, 3).await;
        define(&api, &by_family("key")).await;
        let page = api.get("/Patient?_sort=key&_count=1").await.expect(200).json();
        let next = page.items("link").iter().find(|link| link.str("relation") == Some("next")).unwrap();
        let next = next.str("url").unwrap().to_owned();
        api.get(&next).await.expect(200);
        define(&api, &parameter("key", r#""Patient""#, "date", "Patient.birthDate", "")).await;
        assert_eq!(api.get(&next).await.status, 400);
        assert_eq!(api.search("/Patient?_sort=key&_count=1").await.len(), 3);
    }

    async fn what_has_gone_leaves_no_row(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        fill(&api, 0, 700).await;
        define(&api, &by_family("a")).await;
        define(&api, &parameter("b", r#""Patient""#, "token", "Patient.identifier", "")).await;
        assert!(rows(&server).await >= 1400);
        // Another expression is another place; what was found by the old one is not found any more.
        define(&api, &parameter("a", r#""Patient""#, "string", "Patient.name.given", "")).await;
        assert_eq!(matches(&api, "Patient?a=family1").await, "");
        assert_eq!(api.search("/Patient?a=ada&_count=1000").await.len(), 700);
        // Another description is nothing.
        let mut told = parameter("a", r#""Patient""#, "string", "Patient.name.given", "");
        told.set("", "description", Json::text("other words"));
        api.save(&told).await.expect(200);
        assert_eq!(status(&api, "a").await, "ready");
        // One is retired, the other one deleted.
        let mut retired = told.clone();
        retired.set("", "status", Json::text("retired"));
        api.save(&retired).await.expect(200);
        api.get("/Patient?a=ada").await.refused(400, "not-supported");
        api.delete("/SearchParameter/b").await.expect(204);
        api.get("/Patient?b=x").await.refused(400, "not-supported");
        let table = own(engine, "search_parameters");
        for _ in 0..600 {
            if server.sql().await.count(&format!("select count(*) from {table}")).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(rows(&server).await, 0);
        assert!(server.log().contains("a search parameter is gone"));
        // And back again, under a number of its own.
        define(&api, &told).await;
        assert_eq!(api.search("/Patient?a=ada&_count=1000").await.len(), 700);
    }

    async fn rows_of_other_programs_and_imports_are_indexed(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        sql.run("insert into patients (id, organization_id, last_name, sex) values ('before', 1, 'Before', 'F')").await;
        define(&api, &by_family("fam")).await;
        assert_eq!(matches(&api, "Patient?fam=before").await, "before");
        sql.run("insert into patients (id, organization_id, last_name, sex) values ('after', 1, 'After', 'F')").await;
        assert_eq!(matches(&api, "Patient?fam=after").await, "after");
        sql.run("update patients set last_name = 'Later' where id = 'before'").await;
        assert_eq!(matches(&api, "Patient?fam=before").await, "");
        assert_eq!(matches(&api, "Patient?fam=later").await, "before");
        sql.run("delete from patients where id = 'after'").await;
        assert_eq!(matches(&api, "Patient?fam=after").await, "");
        let file = server.folder().join("Patient.ndjson");
        let lines: Vec<String> = (0..50).map(|number| patient(&format!("i{number}"), "Imported").to_string().replace('\n', " ")).collect();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let data = server.folder().join("cli").display().to_string();
        Command::run(&["import", &file.display().to_string(), "--database", &server.database.url, "--data-dir", &data]).await.expect(0);
        assert_eq!(api.search("/Patient?fam=imported&_count=100").await.len(), 50);
        api.save(&lab_observation("o", "before", "1")).await.expect(201);
        assert_eq!(matches(&api, "Observation?subject:Patient.fam=later").await, "o");
        let listed = Command::run(&["search", "parameters", "--json", "--database", &server.database.url, "--data-dir", &data]).await.expect(0).stdout;
        let listed = Json::of(&listed);
        let first = &listed.array()[0];
        assert_eq!((first.str("code"), first.str("state"), first.str("percent")), (Some("fam"), Some("ready"), Some("100")), "{first}");
    }

    async fn who_waits_at_the_terminal_knows_whose_references_are_its_own(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        api.save(&patient("p", "Adams")).await.expect(201);
        let base = server.base();
        let mut basic = Json::of(r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#);
        basic.set("", "subject", Json::of(&format!(r#"{{"reference":"{base}/Patient/p"}}"#)));
        api.save(&basic).await.expect(201);
        let data = server.folder().join("cli").display().to_string();
        let url = server.database.url.clone();
        let listed = ["search", "parameters", "--wait", "--database", &url, "--data-dir", &data];
        // A server is at work.
        api.save(&parameter("about", r#""Basic""#, "reference", "Basic.subject", r#""target":["Patient"],"#)).await.expect(201);
        let told = Command::run(&listed).await.expect(0);
        assert!(told.stdout.contains("ready"), "{}", told.stdout);
        assert_eq!(matches(&api, "Basic?about=Patient/p").await, "b");
        // None is: the terminal is told the address.
        api.save(&parameter("again", r#""Basic""#, "reference", "Basic.subject", r#""target":["Patient"],"#)).await.expect(201);
        server.kill();
        let mut sql = server.sql().await;
        let table = own(engine, "search_parameters");
        sql.run(&format!("update {table} set state = 'indexing', at_type = '', at_rid = 0 where id = 'again'")).await;
        for token in ["token", "reference"] {
            sql.run(&format!("delete from {} where path < 0", own(engine, &format!("index_{token}")))).await;
        }
        let mut based = listed.to_vec();
        based.extend(["--base", &base]);
        Command::run(&based).await.expect(0);
        let sound = format!("select count(*) from {} where path < 0 and target_id = 'p' and target_type = 'Patient'", own(engine, "index_reference"));
        assert_eq!(sql.count(&sound).await, 1);
        Command::run(&["search", "parameters", "--wait", "--base", "nowhere", "--database", &url, "--data-dir", &data]).await.expect(2);
    }

    async fn what_was_stored_before_it_defined_anything_is_taken_at_the_next_start(engine: Engine) {
        let mut server = Server::start(engine);
        let api = server.client();
        fill(&api, 0, 3).await;
        define(&api, &by_family("old")).await;
        let built_in = Json::of(
            r#"{"resourceType":"SearchParameter","id":"theirs","url":"http://hl7.org/fhir/SearchParameter/individual-family",
            "name":"family","status":"active","description":"d","code":"family","base":["Patient","Practitioner"],"type":"string",
            "expression":"Patient.name.family | Practitioner.name.family"}"#,
        );
        api.save(&built_in).await.expect(201);
        let mut draft = by_family("draft");
        draft.set("", "status", Json::text("draft"));
        api.save(&draft).await.expect(201);
        // As an older version has left it.
        server.kill();
        let mut sql = server.sql().await;
        for table in ["search_parameters", "search_registry"] {
            sql.run(&format!("delete from {}", own(engine, table))).await;
        }
        sql.run(&format!("delete from {} where path < 0", own(engine, "index_string"))).await;
        server.restart();
        let api = server.client();
        ready(&api, "old").await;
        complete(&server, "old", 3).await;
        assert_eq!(status(&api, "theirs").await, "built-in");
        assert_eq!(status(&api, "draft").await, "inactive");
    }
}
