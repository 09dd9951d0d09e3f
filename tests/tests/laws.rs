//! Laws 1 to 3 on every example: what was PUT is what is read, element by element, digit by digit, in order; from the
//! snapshot and from the tables; and so it stays under random changes. What is refused is refused for a reason the standard
//! gives, listed in `conformance/known`.
#![allow(missing_docs, clippy::unwrap_used)]

use futures_util::StreamExt as _;
use futures_util::stream;
use gateway_tests::{
    Client, Engine, Example, Json, Known, Random, Server, examples, lab_observation, medication_request, patient,
    shared_data, suite,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An example as it is sent: under its own id where it has a legal one.
struct Sent {
    name: String,
    path: String,
    body: String,
    json: Json,
}

fn prepare(index: usize, example: Example) -> Sent {
    let kind = example.json.str("resourceType").unwrap().to_owned();
    let legal = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    let (id, json, body) = match example.json.str("id").filter(legal) {
        Some(id) => (id.to_owned(), example.json.clone(), String::from_utf8(example.text).unwrap()),
        None => {
            let id = format!("example-{index}");
            let json = example.json.with("id", Json::text(&id));
            let body = json.to_string();
            (id, json, body)
        }
    };
    Sent { name: example.name, path: format!("/{kind}/{id}"), body, json: json.without_server_meta() }
}

/// Synthea's references name a place in their bundle (`urn:uuid:`): here they name the resource, as after a transaction, so
/// that rows can refer to rows. The file's other texts stay as they are.
fn at_home(mut examples: Vec<Example>) -> Vec<Example> {
    let kinds: HashMap<String, String> = examples
        .iter()
        .filter_map(|example| Some((example.json.str("id")?.to_owned(), example.json.str("resourceType")?.to_owned())))
        .collect();
    for example in &mut examples {
        let text = String::from_utf8(std::mem::take(&mut example.text)).unwrap();
        let mut parts = text.split("urn:uuid:");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            match part.split_once('"').and_then(|(id, _)| kinds.get(id)) {
                Some(kind) if whole.trim_end().ends_with('"') => whole.push_str(&format!("{kind}/")),
                _ => whole.push_str("urn:uuid:"),
            }
            whole.push_str(part);
        }
        example.json = Json::of(&whole);
        example.text = whole.into_bytes();
    }
    examples
}

/// The patients that examples are about and that the set does not have: a quarter of the examples name one that is not there.
async fn invite_subjects(api: &Client, all: &[Sent]) {
    let there: HashSet<&str> = all.iter().map(|sent| sent.path.as_str()).collect();
    let mut invited = HashSet::new();
    for sent in all {
        let Some(subject) = sent.json.str("subject.reference").filter(|subject| subject.starts_with("Patient/")) else {
            continue;
        };
        let path = format!("/{subject}");
        if !there.contains(path.as_str()) && invited.insert(path.clone()) {
            let id = &subject["Patient/".len()..];
            api.put(&path, format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#)).await;
        }
    }
}

/// Examples in rounds in which no resource comes twice.
fn rounds(mut waiting: Vec<Sent>) -> Vec<Vec<Sent>> {
    let mut rounds = Vec::new();
    while !waiting.is_empty() {
        let mut taken = HashSet::new();
        let (round, rest) = waiting.into_iter().partition(|sent| taken.insert(sent.path.clone()));
        rounds.push(round);
        waiting = rest;
    }
    rounds
}

/// PUT, then GET; where they differ.
async fn put_get(api: &Client, sent: &Sent) -> Result<i64, String> {
    let put = api.put(&sent.path, &sent.body).await;
    if !matches!(put.status, 200 | 201) {
        let issue = &put.issues()[0];
        return Err(format!("{} {} {:?} {}", put.status, issue.code, issue.expression, issue.text));
    }
    let read = api.get(&sent.path).await.expect(200);
    if put.body != read.body {
        return Err("the answer to PUT is not what is read".to_owned());
    }
    match sent.json.difference(&read.json().without_server_meta()) {
        Some(difference) => Err(format!("read differs at {difference}")),
        None => Ok(read.version()),
    }
}

/// Reads from the tables: every row is written by another program, with what it holds.
async fn touch_every_row(server: &Server) -> i64 {
    let mut sql = server.sql().await;
    let (mapped, outbox, tables) = match server.engine() {
        Engine::Sqlite => ("select count(*) from directory where map is not null and deleted = 0", "select count(*) from outbox",
            "select m.name, (select i.name from pragma_table_info(m.name) i where i.pk = 0 order by i.cid limit 1) from sqlite_master m
             where m.type = 'table' and m.name in (select tbl_name from sqlite_master where type = 'trigger' and sql like '%outbox%')"),
        Engine::Postgres => ("select count(*) from fhir_gateway.directory where map is not null and deleted = 0",
            "select count(*) from fhir_gateway.outbox",
            "select distinct c.relname::text, (select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
               and a.attgenerated = '' and not exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)) order by a.attnum limit 1)
             from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
             where not t.tgisinternal and n.nspname = 'public'"),
    };
    let mapped = sql.count(mapped).await;
    for row in sql.rows(tables).await {
        let (table, column) = (row[0].clone().unwrap(), row[1].clone().unwrap());
        sql.run(&format!("update {table} set {column} = {column}")).await;
    }
    let waiting = sql.count(outbox).await;
    assert!(waiting >= mapped, "{waiting} rows wait to be read again, {mapped} are mapped");
    mapped
}

/// The laws over a folder of examples; `mapped` is the least number of them that must have landed in tables.
async fn hold(engine: Engine, list: &str, folders: &[&str], mapped: i64) {
    let Some(data) = shared_data() else { return };
    let server = Server::start(engine);
    let api = server.client();
    let all: Vec<Example> = folders
        .iter()
        .flat_map(|folder| examples(&data, folder))
        .filter(|example| !example.name.contains("synthea-load-60"))
        .collect();
    let all = at_home(all);
    let mut all: Vec<Sent> = all.into_iter().enumerate().map(|(index, example)| prepare(index, example)).collect();
    // Who is referred to comes first, as an import does it: only then has a row something to refer to.
    all.sort_by_key(|sent| !sent.path.starts_with("/Patient/") && !sent.path.starts_with("/Medication/"));
    let count = all.len();
    invite_subjects(&api, &all).await;
    let mut failures = BTreeMap::new();
    let mut last: BTreeMap<String, (Sent, i64)> = BTreeMap::new();
    for round in rounds(all) {
        let results: Vec<_> = stream::iter(round)
            .map(|sent| {
                let api = api.clone();
                async move {
                    let result = put_get(&api, &sent).await;
                    (sent, result)
                }
            })
            .buffer_unordered(8)
            .collect()
            .await;
        for (sent, result) in results {
            match result {
                Ok(version) => drop(last.insert(sent.path.clone(), (sent, version))),
                Err(symptom) => drop(failures.insert(sent.name, symptom)),
            }
        }
    }
    let in_tables = touch_every_row(&server).await;
    assert!(in_tables >= mapped, "only {in_tables} of {count} lie in tables");
    for (path, (sent, version)) in &last {
        let read = api.get(path).await.expect(200);
        if let Some(difference) = sent.json.difference(&read.json().without_server_meta()) {
            failures.insert(sent.name.clone(), format!("joined from its row it differs at {difference}"));
        } else if read.version() != *version {
            failures.insert(sent.name.clone(), "a row that did not change made a version".to_owned());
        }
    }
    println!("{count} examples, {in_tables} in tables");
    let known = Known::load(list);
    assert!(known.len() * 50 <= count, "{list}: more than 2 % of {count} are listed");
    known.verify(count, &failures);
}

suite! {
    async fn on_every_official_example(engine: Engine) {
        hold(engine, "laws-r4-examples", &["01-r4-examples"], 40).await;
    }

    async fn on_every_us_core_example(engine: Engine) {
        hold(engine, "laws-us-core", &["02-us-core"], 20).await;
    }

    async fn on_all_of_synthea_and_bulk(engine: Engine) {
        hold(engine, "laws-synthea", &["04-synthea-and-bulk"], 900).await;
    }

    async fn under_random_changes_to_resources_in_tables(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut random = Random::seeded(11);
        let rounds = gateway_tests::rounds(1_200, 20_000);
        api.save(&patient("law", "Law")).await.expect(201);
        let seeds = [patient("law", "Law"), lab_observation("law", "law", "5.10"), medication_request("law", "law")];
        let mut accepted = 0;
        for round in 0..rounds {
            let mut resource = random.pick(&seeds).clone();
            for _ in 0..=random.below(4) {
                mutate(&mut resource, &mut random, 0);
            }
            let kind = resource.str("resourceType").unwrap().to_owned();
            let path = format!("/{kind}/law");
            let put = api.put(&path, &resource).await;
            assert!(matches!(put.status, 200 | 201 | 400), "round {round}: {}\n{resource}", put.status);
            if put.status == 400 {
                put.issues();
                continue;
            }
            accepted += 1;
            let wanted = resource.without_server_meta();
            if round % 3 == 0 {
                touch_every_row(&server).await;
            }
            let read = api.get(&path).await.expect(200).json().without_server_meta();
            assert_eq!(wanted.difference(&read), None, "round {round}\nsent {wanted}\nread {read}");
        }
        println!("{accepted} of {rounds} accepted");
        assert!(accepted * 2 > rounds, "{accepted} of {rounds}: too few to prove anything");
    }
}

/// Changes one thing somewhere: most of what comes out is valid, all of it is somebody's input.
fn mutate(value: &mut Json, random: &mut Random, depth: usize) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            let index = random.below(members.len());
            let is_fixed = depth == 0 && matches!(members[index].0.as_str(), "resourceType" | "id");
            match random.below(10) {
                0 if !is_fixed && members.len() > 2 => drop(members.remove(index)),
                1 => {
                    let other = random.below(members.len());
                    members.swap(index, other);
                }
                2 => {
                    let extension = Json::of(r#"{"extension":[{"url":"urn:law","valueDecimal":1.10}]}"#);
                    let name = &members[index].0;
                    let is_primitive = matches!(members[index].1, Json::String(_) | Json::Bool(_))
                        && name != "resourceType"
                        && name != "reference";
                    let sibling = format!("_{name}");
                    if is_primitive && !is_fixed && !members.iter().any(|(name, _)| *name == sibling) {
                        members.push((sibling, extension));
                    }
                }
                3 if !members.iter().any(|(name, _)| name == "extension") => {
                    members.insert(
                        index,
                        (
                            "extension".to_owned(),
                            Json::of(
                                r#"[{"url":"urn:law","valueString":"x"},{"url":"urn:law2","valueBoolean":false}]"#,
                            ),
                        ),
                    );
                }
                _ if !is_fixed => mutate(&mut members[index].1, random, depth + 1),
                _ => {}
            }
        }
        Json::Array(items) if !items.is_empty() => {
            let index = random.below(items.len());
            match random.below(6) {
                0 if items.len() > 1 => drop(items.remove(index)),
                1 => items.insert(random.below(items.len() + 1), items[index].clone()),
                2 => items.reverse(),
                _ => mutate(&mut items[index], random, depth + 1),
            }
        }
        Json::String(text) => {
            let hostile = [
                "x",
                "\u{1F600}",
                "O'Hara",
                "a\\\"b",
                "tab\there",
                "e\u{301}",
                "null",
                "1974",
                "unknown",
                "M",
                "2024-02-29",
                "2024-02-29T23:59:60Z",
                "2024-02-29T10:00:00.123456789+05:30",
                "2024-02-29T10:00:00.10Z",
                "0001-01-01",
                "9999-12-31",
            ];
            if random.once_in(4) {
                text.push_str(random.pick::<&str>(&["x", "'", "ß", "-1"]));
            } else {
                text.clear();
                text.push_str(random.pick::<&str>(&hostile));
            }
        }
        Json::Number(digits) => {
            digits.clear();
            digits.push_str(random.pick::<&str>(&[
                "0",
                "-0",
                "1.10",
                "1e2",
                "1E+2",
                "0.1",
                "100",
                "1.0000000000000000000000000001",
                "98.65",
                "123456789012345678901234567890",
                "-5.50",
                "1e-7",
                "0.00",
            ]));
        }
        Json::Bool(flag) => *flag = !*flag,
        _ => {}
    }
}
