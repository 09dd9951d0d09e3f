//! The twin worlds: two servers with one seed, given the same requests, answer byte for byte alike; on SQLite as on
//! PostgreSQL; and whether or not another organization's rows lie hidden in the same tables.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "twins/cared.rs"]
mod cared;
#[path = "twins/consented.rs"]
mod consented;
#[path = "twins/meanings.rs"]
mod meanings;
#[path = "twins/patients.rs"]
mod patients;
#[path = "twins/purposes.rs"]
mod purposes;
#[path = "twins/scoped.rs"]
mod scoped;
#[path = "twins/searches.rs"]
mod searches;
#[path = "twins/terms.rs"]
mod terms;

use std::time::Duration;

use gateway_tests::{
    Client, Engine, Json, Options, Random, Server, lab_observation, medication_request, patient, rounds, suite,
    transaction,
};
use hyper::Method;

/// One request of the script.
struct Step {
    method: Method,
    path: String,
    body: Option<String>,
    headers: Vec<(&'static str, String)>,
}

fn step(method: Method, path: impl Into<String>, body: Option<String>) -> Step {
    Step { method, path: path.into(), body, headers: Vec::new() }
}

fn get(path: impl Into<String>) -> Step {
    step(Method::GET, path, None)
}

fn save(resource: &Json) -> Step {
    let path = format!("/{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap());
    step(Method::PUT, path, Some(resource.to_string()))
}

/// Every interaction, good and bad, over ids of our own, ids of the server's, and ids only the other organization has.
fn script(seed: u64) -> Vec<Step> {
    let mut random = Random::seeded(seed);
    let mut steps = vec![get("/metadata"), get("/Patient"), get("/Patient?_summary=count"), get("/_history")];
    for index in 0..12 {
        let id = format!("twin-{index}");
        steps.push(save(&patient(&id, &format!("F{}", random.below(5)))));
        steps.push(save(&lab_observation(
            &id,
            &format!("twin-{}", random.below(14)),
            random.pick::<&str>(&["1.10", "98.65", "7"]),
        )));
        steps.push(save(&medication_request(&id, &format!("twin-{}", random.below(14)))));
        steps.push(step(Method::POST, "/Patient", Some(patient("x", "Posted").to_string())));
    }
    steps.push(step(
        Method::POST,
        "/",
        Some(transaction(&[patient("twin-t", "T"), lab_observation("twin-t", "twin-t", "0.50")]).to_string()),
    ));
    let kinds = ["Patient", "Observation", "MedicationRequest", "Basic", "Nonsense"];
    for _ in 0..250 {
        let kind = random.pick::<&str>(&kinds).to_owned();
        // 12 and above: nobody's here, and the hidden organization's in one of the worlds.
        let id = format!("twin-{}", random.below(20));
        let next = match random.below(17) {
            0 => get(format!("/{kind}/{id}")),
            1 => get(format!("/{kind}/{id}/_history")),
            2 => get(format!("/{kind}/{id}/_history/{}", random.below(4))),
            3 => get(format!("/{kind}?_count={}", 1 + random.below(5))),
            4 => get(format!("/{kind}?_summary=count&_id={id},twin-1")),
            5 => get(format!("/{kind}?identifier=urn:example:mrn|mrn-{id}&_total=accurate")),
            6 => get(format!("/{kind}?patient={id}&_count=2")),
            7 => get(format!("/{kind}/_history?_count={}", 1 + random.below(9))),
            8 => step(Method::DELETE, format!("/{kind}/{id}"), None),
            9 => save(&patient(&id, &format!("G{}", random.below(9)))),
            10 => {
                let mut write = save(&patient(&id, "If"));
                write.headers.push(("If-Match", format!("W/\"{}\"", 1 + random.below(3))));
                write
            }
            11 => {
                let place = random.pick::<&str>(&["/name/0/family", "/name/7/family", "/gender", "/id"]);
                let patch = format!(r#"[{{"op":"replace","path":"{place}","value":"male"}}]"#);
                let mut write = step(Method::PATCH, format!("/{kind}/{id}"), Some(patch));
                write.headers.push(("Content-Type", "application/json-patch+json".to_owned()));
                write
            }
            12 => step(
                Method::PATCH,
                format!("/{kind}?identifier=urn:example:mrn|mrn-{id}"),
                Some(format!(
                    r#"{{"resourceType":"Parameters","parameter":[{{"name":"operation","part":[{{"name":"type","valueCode":"replace"}},
                    {{"name":"path","valueString":"Patient.name.family"}},{{"name":"value","valueString":"P{}"}}]}}]}}"#,
                    random.below(9)
                )),
            ),
            13 => {
                let mut person = patient("x", &format!("H{}", random.below(9)));
                person.remove("", "id");
                let condition = format!("/Patient?identifier=urn:example:mrn|mrn-{id}");
                step(Method::PUT, condition, Some(person.to_string()))
            }
            14 if random.once_in(4) => step(Method::DELETE, format!("/Patient?family=G{}", random.below(9)), None),
            14 => step(Method::DELETE, format!("/Patient?identifier=urn:example:mrn|mrn-{id}"), None),
            15 => get(format!("/{kind}/_history?_at=20{}", 20 + random.below(10))),
            _ => {
                let mut write = step(Method::POST, "/Patient", Some(patient("x", "Conditional").to_string()));
                write.headers.push(("If-None-Exist", format!("identifier=mrn-{id}")));
                write
            }
        };
        steps.push(next);
    }
    // Labels, which the hidden organization's rows have, too.
    for index in 0..20 {
        let kind = random.pick::<&str>(&["Patient", "Observation", "Basic"]);
        let of = format!("/{kind}/twin-{index}");
        let labels = format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"meta","valueMeta":{{"tag":[{{"system":"urn:t","code":"t{}"}}]}}}}]}}"#,
            random.below(4)
        );
        steps.push(step(Method::POST, format!("{of}/$meta-add"), Some(labels.clone())));
        steps.push(get(format!("{of}/$meta")));
        steps.push(get(format!("{of}/_history/{}/$meta", 1 + random.below(3))));
        if random.once_in(3) {
            steps.push(step(Method::POST, format!("{of}/_history/1/$meta-delete"), Some(labels.clone())));
            steps.push(step(Method::POST, format!("{of}/$meta-delete"), Some(labels)));
        }
        steps.push(get(random
            .pick::<&str>(&["/$meta", "/Patient/$meta", "/Observation/$meta", "/Basic/$meta"])
            .to_owned()));
    }
    // Documents, which name ids that only the other organization has.
    for index in 10..16 {
        let note = format!(
            r#"{{"resourceType":"Composition","id":"twin-{index}","status":"final","type":{{"text":"x"}},"date":"2024-01-02","author":[{{"display":"x"}}],"title":"T",
            "subject":{{"reference":"Patient/twin-{index}"}},"section":[{{"entry":[{{"reference":"Observation/twin-{}"}},{{"reference":"MedicationRequest/twin-{index}"}}]}}]}}"#,
            random.below(20)
        );
        steps.push(save(&Json::of(&note)));
        steps.push(get(format!("/Composition/twin-{index}/$document")));
        steps.push(get(format!("/Composition/twin-{}/$document?persist=true", random.below(20))));
    }
    // Whole records, of ours, of nobody, and of those that only the other organization has.
    for index in 0..20 {
        let record = format!("/Patient/twin-{index}");
        steps.push(get(format!("{record}/$everything")));
        steps.push(get(format!("{record}/$everything?_count=1&_type=Observation,Patient")));
        steps.push(get(format!("{record}/Observation?_sort=-date")));
        steps.push(get(format!("{record}/*")));
        steps.push(get(format!("/Observation/$lastn?patient=twin-{index}&max={}", 1 + index % 3)));
        steps.push(get(format!("/DocumentReference/$docref?patient=twin-{index}&start=2020")));
        let mut likely = step(Method::POST, "/Patient/$match", None);
        likely.body = Some(format!(
            r#"{{"resourceType":"Patient","identifier":[{{"value":"mrn-twin-{index}"}}],"name":[{{"family":"P{index}"}}]}}"#
        ));
        steps.push(likely);
        steps.push(get(format!("{record}/$validate")));
        steps.push(get(format!("/Observation/twin-{index}/$validate?mode=delete")));
    }
    steps
}

/// All that a caller sees of an answer, the address aside. A next link that is told is followed.
async fn answers(server: &Server, steps: &[Step]) -> Vec<String> {
    answers_to(&server.client(), server, steps).await
}

/// The same, to a client.
async fn answers_to(api: &Client, server: &Server, steps: &[Step]) -> Vec<String> {
    let mut seen = Vec::new();
    for step in steps {
        let mut follow = Some(step.path.clone());
        let mut pages = 0;
        while let Some(path) = follow.take() {
            let mut request = api.request(step.method.clone(), &path);
            if let Some(body) = &step.body {
                request = request.json(body);
            }
            for (name, value) in &step.headers {
                request = request.header(name, value);
            }
            let answer = request.header("X-Request-Id", "twin").await;
            let mut headers: Vec<String> = answer
                .headers
                .iter()
                .filter(|(name, _)| *name != "date")
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            headers.sort();
            let text = format!(
                "{} {path}\n{}\n{}\n{}",
                step.method,
                answer.status,
                headers.join("\n"),
                String::from_utf8_lossy(&answer.body)
            );
            seen.push(text.replace(server.address(), "ADDRESS"));
            pages += 1;
            if answer.status == 200 && step.method == Method::GET && pages < 8 && !answer.body.is_empty() {
                let page = answer.json();
                let next = page.items("link").iter().find(|link| link.str("relation") == Some("next"));
                follow = next.map(|link| link.str("url").unwrap().to_owned());
            }
        }
        if step.path.starts_with("/SearchParameter") {
            complete(server).await;
        }
    }
    seen
}

fn alike(one: &[String], other: &[String], what: &str) {
    for (left, right) in one.iter().zip(other) {
        assert!(left == right, "{what}:\n--- one\n{left}\n--- the other\n{right}");
    }
    assert_eq!(one.len(), other.len(), "{what}");
}

/// Waits, beside the server, until its search parameters are complete.
async fn complete(server: &Server) {
    let table = gateway_tests::own(server.engine(), "search_parameters");
    let mut sql = server.sql().await;
    for _ in 0..600 {
        if sql.count(&format!("select count(*) from {table} where state = 'indexing'")).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the search parameters are not complete");
}

fn twin(engine: Engine) -> Server {
    let arguments = ["--conditional-delete", "multiple"].map(str::to_owned).into();
    Server::with(engine, Options { seed: Some(42), arguments, ..Options::default() })
}

/// A record, and random searches of it.
fn searching(seed: u64, searches: usize) -> Vec<Step> {
    let mut random = Random::seeded(seed);
    let mut steps: Vec<Step> = searches::record(&mut random).iter().map(save).collect();
    // Of what is found by it some was there before the parameter, some came after it.
    let (middle, own) = (steps.len() / 2, searches::parameters());
    steps.splice(middle..middle, own.iter().map(save));
    for _ in 0..searches {
        let search = searches::any(&mut random);
        let mut asked = if search.by_form {
            let (path, query) = search.address.split_once('?').unwrap_or((&search.address, ""));
            let mut form = step(Method::POST, format!("{path}/_search"), Some(query.to_owned()));
            form.headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
            form
        } else {
            get(search.address)
        };
        if search.is_lenient {
            asked.headers.push(("Prefer", "handling=lenient".to_owned()));
        }
        steps.push(asked);
    }
    steps
}

/// Rows of organization 2, with the ids and numbers the script asks for, written by plain SQL.
async fn hide(server: &Server) -> i64 {
    let mut sql = server.sql().await;
    gateway_tests::hidden_organization(&mut sql).await
}

suite! {
    async fn what_consents_hide_changes_nothing(engine: Engine) {
        consented::what_consents_hide_changes_nothing(engine).await;
    }

    async fn breaking_the_glass_tells_what_it_shows(engine: Engine) {
        consented::breaking_the_glass_tells_what_it_shows(engine).await;
    }

    async fn what_scopes_do_not_reach_changes_nothing(engine: Engine) {
        scoped::what_scopes_do_not_reach_changes_nothing(engine).await;
    }

    async fn what_hidden_codes_mean_changes_nothing(engine: Engine) {
        meanings::what_hidden_codes_mean_changes_nothing(engine).await;
    }

    async fn terminology_that_is_not_reached_changes_nothing(engine: Engine) {
        terms::terminology_that_is_not_reached_changes_nothing(engine).await;
    }

    async fn other_patients_change_nothing_for_a_patients_app(engine: Engine) {
        patients::other_patients_change_nothing(engine).await;
    }

    async fn other_patients_change_nothing_for_a_proxy(engine: Engine) {
        patients::other_patients_change_nothing_for_a_proxy(engine).await;
    }

    async fn who_denies_a_purpose_changes_nothing_for_it(engine: Engine) {
        purposes::who_denies_a_purpose_changes_nothing_for_it(engine).await;
    }

    async fn whom_somebody_does_not_care_for_changes_nothing(engine: Engine) {
        cared::whom_somebody_does_not_care_for_changes_nothing(engine).await;
    }

    async fn one_seed_gives_one_world(engine: Engine) {
        let steps = script(1);
        let (one, other) = (twin(engine), twin(engine));
        alike(&answers(&one, &steps).await, &answers(&other, &steps).await, "the same seed, the same requests");
    }

    async fn hidden_rows_change_nothing(engine: Engine) {
        let steps = script(2);
        let (plain, haunted) = (twin(engine), twin(engine));
        let hidden = hide(&haunted).await;
        assert!(hidden >= 20, "{hidden} hidden rows");
        alike(
            &answers(&plain, &steps).await,
            &answers(&haunted, &steps).await,
            "with and without another organization's rows",
        );
        // And rows that come while the world turns.
        let steps = script(3);
        hide(&haunted).await;
        alike(&answers(&plain, &steps).await, &answers(&haunted, &steps).await, "with hidden rows that came later");
    }

    async fn hidden_rows_change_no_search(engine: Engine) {
        let steps = searching(6, rounds(2_500, 5_000));
        let (plain, haunted) = (twin(engine), twin(engine));
        assert!(hide(&haunted).await >= 20);
        let (seen, others) = tokio::join!(answers(&plain, &steps), answers(&haunted, &steps));
        alike(&seen, &others, "searches with and without another organization's rows");
        searches::say_something(&seen);
    }
}

/// Law 5.
#[tokio::test]
async fn sqlite_and_postgres_give_the_same_bytes() {
    if Engine::Postgres.is_skipped() {
        return;
    }
    for seed in [1, 4, 5] {
        let steps = script(seed);
        let (sqlite, postgres) = (twin(Engine::Sqlite), twin(Engine::Postgres));
        alike(&answers(&sqlite, &steps).await, &answers(&postgres, &steps).await, "SQLite and PostgreSQL");
    }
}

/// Law 5 for searches.
#[tokio::test]
async fn sqlite_and_postgres_find_the_same() {
    if Engine::Postgres.is_skipped() {
        return;
    }
    let steps = searching(7, rounds(300, 5_000));
    let (sqlite, postgres) = (twin(Engine::Sqlite), twin(Engine::Postgres));
    alike(&answers(&sqlite, &steps).await, &answers(&postgres, &steps).await, "SQLite and PostgreSQL, searches");
}

#[tokio::test]
async fn another_seed_gives_another_world() {
    let steps = script(1);
    let one = twin(Engine::Sqlite);
    let other = Server::with(Engine::Sqlite, Options { seed: Some(43), ..Options::default() });
    assert_ne!(answers(&one, &steps).await, answers(&other, &steps).await, "or the seed says nothing");
}
