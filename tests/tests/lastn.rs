//! `Observation/$lastn`: <https://hl7.org/fhir/R4/observation-operation-lastn.html>
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Command, Engine, Json, Random, Server, lab_observation, patient, rounds, suite};

/// A result with codings (`system|code`, or `code`), or a text (`'text'`), at a time (none where it is empty).
fn result(id: &str, patient: &str, code: &str, time: &str) -> Json {
    let concept = match code.strip_prefix('\'') {
        Some(text) => format!(r#"{{"text":"{text}"}}"#),
        None => {
            let coding = |coding: &str| match coding.split_once('|') {
                Some((system, code)) => format!(r#"{{"system":"{system}","code":"{code}","display":"Same words"}}"#),
                None => format!(r#"{{"code":"{coding}"}}"#),
            };
            format!(
                r#"{{"coding":[{}],"text":"Same words"}}"#,
                code.split(',').map(coding).collect::<Vec<_>>().join(",")
            )
        }
    };
    let mut result = lab_observation(id, patient, "1.10").with("code", Json::of(&concept));
    result.remove("", "effectiveDateTime");
    if let Some((start, end)) = time.split_once("..") {
        let named = [("start", start), ("end", end)].into_iter().filter(|(_, time)| !time.is_empty());
        let members: Vec<String> = named.map(|(name, time)| format!(r#""{name}":"{time}""#)).collect();
        return result.with("effectivePeriod", Json::of(&format!("{{{}}}", members.join(","))));
    }
    if time.is_empty() { result } else { result.with("effectiveDateTime", Json::text(time)) }
}

async fn save(api: &Client, patient_id: &str, results: &[(&str, &str, &str)]) {
    api.save(&patient(patient_id, "Last")).await.expect(201);
    for (id, code, time) in results {
        api.save(&result(&format!("{patient_id}-{id}"), patient_id, code, time)).await.expect(201);
    }
}

/// Ids, in the order of the answer.
async fn ids(api: &Client, query: &str) -> Vec<String> {
    let page = api.get(&format!("/Observation/$lastn?{query}")).await.expect(200).json();
    assert_eq!(page.str("type"), Some("searchset"));
    let matches = page.items("entry").iter().filter(|entry| entry.str("search.mode") == Some("match"));
    let found: Vec<String> = matches.map(|entry| entry.str("resource.id").unwrap().to_owned()).collect();
    assert_eq!(page.at("total"), Some(&Json::Number(found.len().to_string())));
    found
}

suite! {
    async fn codes_are_grouped_as_the_standards_table_says(server: &'static Server) {
        let api = server.client();
        // Each row of the table, with one later than the other; then which are left.
        for (number, (codes, left)) in [
            (["s|a", "s|b", "s|c"], vec!["c", "b", "a"]),
            (["s|a", "s|b", "s|a,s|c"], vec!["c", "b"]),
            (["s|a", "s|b", "s|a,s|b"], vec!["c"]),
            (["'textM", "'Text", "'t e x t"], vec!["c", "b", "a"]),
            // The system counts, and its absence.
            (["s|a", "t|a", "a"], vec!["c", "b", "a"]),
            (["'x", "'x", "x"], vec!["c", "b"]),
        ].into_iter().enumerate() {
            let who = format!("ln-t{number}");
            let [a, b, c] = codes;
            save(&api, &who, &[("a", a, "2024-01-01"), ("b", b, "2024-01-02"), ("c", c, "2024-01-03")]).await;
            let expected: Vec<String> = left.iter().map(|id| format!("{who}-{id}")).collect();
            assert_eq!(ids(&api, &format!("patient={who}")).await, expected, "{codes:?}");
        }
        // An old result that has both codes makes the later ones equal, and need not be among them.
        save(&api, "ln-chain", &[("old", "s|a,s|b", "2001"), ("a", "s|a", "2024-01-01"), ("b", "s|b,s|z", "2024-01-02"), ("z", "z", "2020")]).await;
        assert_eq!(ids(&api, "patient=ln-chain").await, ["ln-chain-b", "ln-chain-z"]);
    }

    async fn the_latest_come_first_and_ties_come_along(server: &'static Server) {
        let api = server.client();
        save(&api, "ln-ties", &[
            ("never", "s|a", ""),
            ("old", "s|a", "2023-05-01"),
            ("third", "s|a", "2024-03-01T10:00:00Z"),
            ("fourth", "s|a", "2024-03-01T12:00:00+02:00"),
            ("second", "s|a", "2024-04-01T00:00:00Z..2024-04-02"),
            ("first", "s|a", "2024-05-01"),
            ("other", "s|b", "2024-04-15"),
        ]).await;
        let found = async |max: &str| {
            let ids = ids(&api, &format!("patient=ln-ties{max}")).await;
            ids.iter().map(|id| id.trim_start_matches("ln-ties-").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("").await, ["first", "other"]);
        assert_eq!(found("&max=2").await, ["first", "second", "other"]);
        assert_eq!(found("&max=3").await, ["first", "second", "third", "fourth", "other"]);
        assert_eq!(found("&max=4").await, ["first", "second", "third", "fourth", "other"]);
        assert_eq!(found("&max=100").await, ["first", "second", "third", "fourth", "old", "never", "other"]);
        // Without any time none is later than another.
        save(&api, "ln-timeless", &[("a", "s|a", ""), ("b", "s|a", "")]).await;
        assert_eq!(ids(&api, "patient=ln-timeless").await, ["ln-timeless-a", "ln-timeless-b"]);
    }

    async fn a_period_without_a_start_is_as_late_as_its_end(server: &'static Server) {
        let api = server.client();
        save(&api, "ln-open", &[
            ("day", "s|a", "2024-03-02"),
            ("end", "s|a", "..2024-03-01"),
            ("before", "s|a", "2024-03-01T08:00:00Z"),
            ("start", "s|a", "2024-02-01.."),
            ("old", "s|a", "2023-05-01"),
            ("never", "s|a", ""),
            // In words only, which another statement reads.
            ("word-old", "'W", "2020-01-01"),
            ("word-end", "'W", "..2021-01-01T10:00:00Z"),
        ]).await;
        let found = async |max: &str| {
            let ids = ids(&api, &format!("patient=ln-open&max={max}")).await;
            ids.iter().map(|id| id.trim_start_matches("ln-open-").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("1").await, ["day", "word-end"]);
        assert_eq!(found("2").await, ["day", "end", "word-end", "word-old"]);
        assert_eq!(found("9").await, ["day", "end", "before", "start", "old", "never", "word-end", "word-old"]);
    }

    async fn what_was_entered_in_error_hides_nothing_unless_it_is_asked_for(server: &'static Server) {
        let api = server.client();
        save(&api, "ln-err", &[("valid", "s|a", "2024-01-01"), ("other", "s|b", "2024-01-01")]).await;
        let wrong = |id: &str, code: &str| result(&format!("ln-err-{id}"), "ln-err", code, "2024-05-01").with("status", Json::text("entered-in-error"));
        api.save(&wrong("wrong", "s|a")).await.expect(201);
        // Nor does one join the kinds of others.
        api.save(&wrong("both", "s|a,s|b")).await.expect(201);
        assert_eq!(ids(&api, "patient=ln-err").await, ["ln-err-valid", "ln-err-other"]);
        assert_eq!(ids(&api, "patient=ln-err&status=").await, ["ln-err-valid", "ln-err-other"]);
        assert_eq!(ids(&api, "patient=ln-err&code=s|a").await, ["ln-err-valid"]);
        assert_eq!(ids(&api, "patient=ln-err&status=final,entered-in-error").await, ["ln-err-wrong", "ln-err-both"]);
        assert_eq!(ids(&api, "patient=ln-err&status=entered-in-error&code=s|a").await, ["ln-err-wrong", "ln-err-both"]);
        let page = api.get("/Observation/$lastn?patient=ln-err").await.expect(200).json();
        assert!(page.str("link.0.url").is_some_and(|link| link.contains("status:not=entered-in-error")), "{page}");
    }

    async fn other_parameters_filter(server: &'static Server) {
        let api = server.client();
        save(&api, "ln-f", &[("a", "s|a", "2024-01-01"), ("b", "s|a", "2024-02-01"), ("c", "s|c", "2024-03-01")]).await;
        save(&api, "ln-else", &[("a", "s|a", "2025-01-01")]).await;
        let draft = result("ln-f-d", "ln-f", "s|a", "2024-05-01").with("status", Json::text("preliminary"));
        api.save(&draft.with("category", Json::of(r#"[{"coding":[{"code":"survey"}]}]"#))).await.expect(201);
        for (query, expected) in [
            ("patient=ln-f", vec!["ln-f-d", "ln-f-c"]),
            ("patient=Patient/ln-f&category=laboratory", vec!["ln-f-c", "ln-f-b"]),
            ("subject=Patient/ln-f&category=laboratory&code=s|a", vec!["ln-f-b"]),
            ("subject:Patient=ln-f&status:not=preliminary&date=lt2024-02-01", vec!["ln-f-a"]),
            ("patient=ln-f&date=gt2030", vec![]),
            ("patient=ln-nobody", vec![]),
        ] {
            assert_eq!(ids(&api, query).await, expected, "{query}");
        }
        let page = api.get("/Observation/$lastn?patient=ln-f&code=s|a&_include=Observation:patient&_elements=status").await.expect(200).json();
        assert_eq!(page.items("entry").len(), 2, "{page}");
        assert_eq!(page.str("entry.1.resource.resourceType"), Some("Patient"));
        assert_eq!(page.at("entry.0.resource.valueQuantity"), None, "only what was asked for");
        assert_eq!(page.str("link.0.relation"), Some("self"));
        let again = api.get(page.str("link.0.url").unwrap()).await.expect(200).json();
        assert_eq!(again, page, "the link leads to the same answer");
        let counted = api.get("/Observation/$lastn?patient=ln-f&max=9&_summary=count").await.expect(200).json();
        assert_eq!((counted.at("total"), counted.items("entry").len()), (Some(&Json::Number("4".to_owned())), 0));
        let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/ln-f"}},
            {"name":"category","valueString":"laboratory"},{"name":"code","valueCodeableConcept":{"coding":[{"system":"s","code":"a"}]}},{"name":"max","valuePositiveInt":2}]}"#;
        let posted = api.post("/Observation/$lastn", parameters).await.expect(200).json();
        let posted: Vec<&str> = posted.items("entry").iter().map(|entry| entry.str("resource.id").unwrap()).collect();
        assert_eq!(posted, ["ln-f-b", "ln-f-a"]);
    }

    async fn what_is_wrong_is_told(server: &'static Server) {
        let api = server.client();
        for (query, code, place) in [
            ("", "required", "http.patient"),
            ("code=s|a", "required", "http.patient"),
            ("patient.identifier=x", "required", "http.patient"),
            ("patient:missing=false", "required", "http.patient"),
            ("patient=a,b", "value", "http.patient"),
            ("subject=a", "value", "http.subject"),
            ("patient=a&max=0", "value", "http.max"),
            ("patient=a&max=101", "value", "http.max"),
            ("patient=a&max=x", "value", "http.max"),
            ("patient=a&_sort=date", "not-supported", "http._sort"),
            ("patient=a&_count=1", "not-supported", "http._count"),
            ("patient=a&nonsense=1", "not-supported", "http.nonsense"),
            ("patient=a&code:in=http://nowhere", "not-found", ""),
        ] {
            let answer = api.get(&format!("/Observation/$lastn?{query}")).await;
            assert!(matches!(answer.status, 400 | 404 | 422), "{query}: {}", answer.status);
            let issues = answer.issues();
            assert!(issues.iter().any(|issue| issue.code == code || place.is_empty()), "{query}: {issues:?}");
            assert!(place.is_empty() || issues.iter().any(|issue| issue.expression == [place]), "{query}: {issues:?}");
        }
        api.post("/Observation/$lastn", patient("x", "X")).await.refused(400, "structure");
        api.get("/Patient/$lastn?patient=a").await.refused(404, "not-found");
        let statement = api.get("/metadata").await.expect(200).json();
        let observation = statement.items("rest.0.resource").iter().find(|resource| resource.str("type") == Some("Observation")).unwrap();
        assert!(observation.items("operation").iter().any(|operation| operation.str("name") == Some("lastn")));
    }

    async fn another_programs_rows_are_among_them(server: &'static Server) {
        let api = server.client();
        save(&api, "ln-sql", &[("a", "http://loinc.org|2345-7", "2024-01-01")]).await;
        server.sql().await.run(
            "insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit, collected_at)
             values ('ln-sql-b', 1, 'ln-sql', 'final', '2345-7', 2.5, 'mg/dL', '2024-06-01T00:00:00Z')"
        ).await;
        assert_eq!(ids(&api, "patient=ln-sql").await, ["lab-ln-sql-b"]);
    }

    /// Against a model of a few lines, on random records.
    async fn random_records_are_answered_as_a_model_says(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut random = Random::seeded(5);
        for world in 0..rounds(12, 60) {
            let who = format!("ln-r{world}");
            let mut made: Vec<(String, Vec<String>, u8)> = Vec::new();
            let mut entries = Vec::new();
            entries.push(patient(&who, "R"));
            for number in 0..5 + random.below(25) {
                let mut codes: Vec<String> = (0..=random.below(3) / 2 + random.below(2)).map(|_| format!("s|c{}", random.below(9))).collect();
                codes.dedup();
                let day = 1 + random.below(6);
                let id = format!("{who}-{number:02}");
                entries.push(result(&id, &who, &codes.join(","), &format!("2024-01-0{day}")));
                made.push((id, codes, u8::try_from(day).unwrap()));
            }
            api.post("", gateway_tests::transaction(&entries)).await.expect(200);
            for max in [1, 2, 4] {
                let mut found = ids(&api, &format!("patient={who}&max={max}")).await;
                found.sort();
                assert_eq!(found, model(&made, max), "{who}, max={max}: {made:?}");
            }
        }
    }

    async fn each_is_on_record(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        save(&api, "ln-audit", &[("a", "s|a", "2024-01-01"), ("b", "s|a", "2024-02-01")]).await;
        assert_eq!(ids(&api, "patient=ln-audit").await.len(), 1);
        let recorded: Vec<_> = server.audited().await.into_iter().filter(|event| event.interaction == "$lastn").collect();
        assert_eq!(recorded.len(), 1, "{recorded:?}");
        assert_eq!((recorded[0].id.as_deref(), recorded[0].status), (Some("ln-audit-b"), 200));
    }
}

/// The ids that are left, sorted.
fn model(made: &[(String, Vec<String>, u8)], max: usize) -> Vec<String> {
    // Groups by going on until nothing changes.
    let mut group: Vec<usize> = (0..made.len()).collect();
    loop {
        let before = group.clone();
        for one in 0..made.len() {
            for other in 0..made.len() {
                if made[one].1.iter().any(|code| made[other].1.contains(code)) {
                    group[one] = group[one].min(group[other]);
                }
            }
        }
        if group == before {
            break;
        }
    }
    let later =
        |at: usize| (0..made.len()).filter(|other| group[*other] == group[at] && made[*other].2 > made[at].2).count();
    let mut left: Vec<String> = (0..made.len()).filter(|at| later(*at) < max).map(|at| made[at].0.clone()).collect();
    left.sort();
    left
}

/// SQLite, which has counted nothing yet, would rather begin with all of the organization's rows.
#[tokio::test]
async fn a_database_that_has_counted_nothing_uses_the_keys() {
    let server = Server::start(Engine::Sqlite);
    let data = server.data_dir().display().to_string();
    for search in ["Observation/$lastn?patient=a", "Observation?patient=a&_include=*&_revinclude=*", "Patient/$meta"] {
        let arguments = ["search", "explain", search, "--database", &server.database.url, "--data-dir", &data];
        let plan = Command::run(&arguments).await.expect(0).stdout;
        assert!(plan.contains("SEARCH "), "{plan}");
        assert!(!plan.contains("(organization_id=?)"), "{search}: {plan}");
    }
}
