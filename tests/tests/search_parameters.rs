//! Every search parameter the gateway claims, on every type there is data of: a resource is found by its own values and by no
//! others, whether it lies in a table of the clinic or in none. Where the values are is read from the standard's own
//! definitions.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "search_parameters/definitions.rs"]
mod definitions;
#[path = "search_parameters/values.rs"]
mod values;

use definitions::{Definitions, Found, evaluate};
use gateway_tests::{
    Client, Command, Engine, Json, Server, examples, json_lines, lab_observation, patient, shared_data, suite,
};
use std::collections::{BTreeMap, BTreeSet};
use values::{asked, encoded, nowhere};

/// There are a thousand naming systems.
const MOST_OF_A_TYPE: usize = 60;

/// The examples of R4, and how many were taken.
async fn load(api: &Client, data: &std::path::Path) -> usize {
    let mut entries = Vec::new();
    let mut of_type: BTreeMap<String, usize> = BTreeMap::new();
    for example in examples(data, "01-r4-examples") {
        let (Some(kind), Some(id)) = (example.json.str("resourceType"), example.json.str("id")) else { continue };
        let number = of_type.entry(kind.to_owned()).or_default();
        *number += 1;
        if *number > MOST_OF_A_TYPE {
            continue;
        }
        let request = format!(r#"{{"method":"PUT","url":"{kind}/{id}"}}"#);
        entries.push(Json::of(&format!(r#"{{"request":{request}}}"#)).with("resource", example.json.clone()));
    }
    let all = entries.len();
    let mut taken = 0;
    for part in entries.chunks(100) {
        let bundle = Json::of(r#"{"resourceType":"Bundle","type":"batch"}"#).with("entry", Json::Array(part.to_vec()));
        let answer = api.post("/", bundle).await.expect(200).json();
        for (sent, got) in part.iter().zip(answer.items("entry")) {
            let status = got.str("response.status").unwrap();
            if status.starts_with("20") {
                taken += 1;
            } else {
                println!(
                    "{}: {status} {:?}",
                    sent.str("request.url").unwrap(),
                    got.str("response.outcome.issue.0.details.text")
                );
            }
        }
    }
    assert!(taken * 100 >= all * 95, "{taken} of {all} were taken");
    taken
}

/// The demo's house and three of its records: what lies in tables of the clinic.
async fn load_demo(server: &Server) -> usize {
    let folder = server.folder().join("demo").display().to_string();
    Command::run(&["demo", "--seed", "20", "--write", &folder]).await.expect(0);
    let mut taken = 0;
    for bundle in json_lines(&server.folder().join("demo/bundles.ndjson")).iter().take(4) {
        server.client().post("/", bundle).await.expect(200);
        taken += bundle.items("entry").len();
    }
    taken
}

/// Every resource of a type as it is served.
async fn served(api: &Client, kind: &str) -> Vec<Json> {
    let page = api.get(&format!("/{kind}?_count=1000")).await.expect(200).json();
    assert!(page.items("link").iter().all(|link| link.str("relation") != Some("next")), "{kind}: more than a page");
    page.items("entry").iter().map(|entry| entry.at("resource").unwrap().clone()).collect()
}

/// Asks every claimed parameter for values that are there, for one that is not, and who lacks it.
async fn ask_everything(api: &Client, definitions: &Definitions) -> Count {
    let (mut count, mut wrong) = (Count { parameters: 0, values: 0, types: BTreeSet::new() }, Vec::new());
    let mut resources: (String, Vec<Json>) = (String::new(), Vec::new());
    for claim in claimed(api).await {
        if resources.0 != claim.0 {
            resources = (claim.0.clone(), served(api, &claim.0).await);
        }
        parameter(api, definitions, &claim, &resources.1, &mut count, &mut wrong).await;
    }
    println!("{} types, {} parameters, {} values", count.types.len(), count.parameters, count.values);
    assert!(wrong.is_empty(), "{} faults:\n{}", wrong.len(), wrong.join("\n"));
    count
}

/// The claimed parameters: type, name and kind.
async fn claimed(api: &Client) -> Vec<(String, String, String)> {
    let statement = api.get("/metadata").await.expect(200).json();
    let mut claimed = Vec::new();
    for resource in statement.items("rest.0.resource") {
        for parameter in resource.items("searchParam") {
            let part = |name| parameter.str(name).unwrap().to_owned();
            claimed.push((resource.str("type").unwrap().to_owned(), part("name"), part("type")));
        }
    }
    assert!(claimed.len() > 1000, "{} parameters", claimed.len());
    claimed
}

/// What is asked, and of whom, for a parameter of one kind: a value's words, and the ids of all that have it.
fn holders(definition: &Json, kind: &str, resources: &[Json]) -> BTreeMap<String, BTreeSet<String>> {
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let expression = definition.str("expression").unwrap_or_default();
    for resource in resources {
        let id = resource.str("id").unwrap();
        for found in evaluate(expression, resource) {
            for value in asked(kind, &found) {
                holders.entry(value).or_default().insert(id.to_owned());
            }
        }
    }
    holders
}

/// The same for values that stand together.
fn composites(definitions: &Definitions, definition: &Json, resources: &[Json]) -> BTreeMap<String, BTreeSet<String>> {
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for resource in resources {
        for root in evaluate(definition.str("expression").unwrap_or_default(), resource) {
            let parts = definition.items("component").iter().map(|component| {
                let of = definitions.by_url(component.str("definition").unwrap()).unwrap();
                let found: Vec<Found> = evaluate(component.str("expression").unwrap(), &root.json);
                found.iter().flat_map(|found| asked(of.str("type").unwrap(), found)).next()
            });
            if let Some(parts) = parts.collect::<Option<Vec<String>>>() {
                let id = resource.str("id").unwrap().to_owned();
                holders.entry(parts.join("$")).or_default().insert(id);
            }
        }
    }
    holders
}

async fn ids(api: &Client, query: &str) -> Result<BTreeSet<String>, String> {
    let answer = api.get(query).await;
    if answer.status != 200 {
        return Err(format!("{query}: {} {}", answer.status, answer.issues()[0].text));
    }
    let page = answer.json();
    Ok(page.items("entry").iter().map(|entry| entry.str("resource.id").unwrap().to_owned()).collect())
}

/// Kinds whose values the test can compare as the standard does: all who have the value are found, and nobody else.
fn is_exact(kind: &str, value: &str) -> bool {
    matches!(kind, "reference" | "uri") || (kind == "token" && !value.starts_with('|'))
}

struct Count {
    parameters: usize,
    values: usize,
    types: BTreeSet<String>,
}

async fn parameter(
    api: &Client,
    definitions: &Definitions,
    claim: &(String, String, String),
    resources: &[Json],
    count: &mut Count,
    wrong: &mut Vec<String>,
) {
    let (kind, name, value_kind) = claim;
    let Some(definition) = definitions.of(kind, name) else {
        wrong.push(format!("{kind}.{name}: claimed, and no standard defines it"));
        return;
    };
    if definition.str("type") != Some(value_kind) {
        wrong.push(format!("{kind}.{name}: claimed as {value_kind}, {:?}", definition.str("type")));
        return;
    }
    let holders = if value_kind == "composite" {
        composites(definitions, definition, resources)
    } else {
        holders(definition, value_kind, resources)
    };
    if holders.is_empty() {
        return;
    }
    count.parameters += 1;
    count.types.insert(kind.clone());
    // The rarest and the most frequent values.
    let mut values: Vec<(&String, &BTreeSet<String>)> = holders.iter().collect();
    values.sort_by_key(|(_, holders)| holders.len());
    let step = (values.len() / 6).max(1);
    for (value, having) in values.into_iter().step_by(step) {
        count.values += 1;
        let query = format!("/{kind}?{name}={}&_count=1000", encoded(value));
        match ids(api, &query).await {
            Err(fault) => wrong.push(fault),
            Ok(found) if !having.is_subset(&found) => {
                wrong.push(format!("{query}: left out {:?}", having.difference(&found).collect::<Vec<_>>()));
            }
            Ok(found) if is_exact(value_kind, value) && found != *having => {
                wrong.push(format!("{query}: found besides {:?}", found.difference(having).collect::<Vec<_>>()));
            }
            Ok(_) => {}
        }
    }
    if value_kind == "composite" {
        return;
    }
    let query = format!("/{kind}?{name}={}", encoded(nowhere(value_kind)));
    match ids(api, &query).await {
        Err(fault) => wrong.push(fault),
        Ok(found) if !found.is_empty() => wrong.push(format!("{query}: found {found:?}")),
        Ok(_) => {}
    }
    // What every resource has is never missing.
    if matches!(name.as_str(), "_id" | "_lastUpdated") {
        return;
    }
    let having: BTreeSet<String> = holders.into_values().flatten().collect();
    match ids(api, &format!("/{kind}?{name}:missing=true&_count=1000")).await {
        Err(fault) => wrong.push(fault),
        Ok(found) if !found.is_disjoint(&having) => {
            wrong.push(format!("{kind}?{name}:missing: {:?} have it", found.intersection(&having).collect::<Vec<_>>()));
        }
        Ok(_) => {}
    }
}

suite! {
    async fn every_claimed_parameter_finds_what_has_the_value(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let definitions = Definitions::load(&data);
        let server = Server::start(engine);
        let api = server.client();
        load(&api, &data).await;
        let count = ask_everything(&api, &definitions).await;
        assert!(count.types.len() > 80 && count.parameters > 500, "{} types, {} parameters", count.types.len(), count.parameters);
    }

    async fn what_lies_in_tables_is_found_by_its_values(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let definitions = Definitions::load(&data);
        let server = Server::start(engine);
        let taken = load_demo(&server).await;
        assert!(taken > 1000, "{taken}");
        let count = ask_everything(&server.client(), &definitions).await;
        assert!(count.types.len() > 25 && count.parameters > 200, "{} types, {} parameters", count.types.len(), count.parameters);
    }

    async fn what_another_program_writes_is_found_by_what_it_is_now(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        api.save(&patient("e", "Before")).await.expect(201);
        api.save(&patient("f", "Other")).await.expect(201);
        api.save(&lab_observation("e", "e", "5.40")).await.expect(201);
        for (statement, old, new) in [
            ("update patients set last_name = 'After' where id = 'e'", "Patient?family=before", "Patient?family=after"),
            ("update patients set sex = 'M' where id = 'e'", "Patient?_id=e&gender=female", "Patient?gender=male"),
            ("update patients set date_of_birth = '1980-02-29' where id = 'e'", "Patient?_id=e&birthdate=1974-12-25", "Patient?birthdate=1980-02-29"),
            ("update patient_identifiers set value = 'new' where patient_id = 'e'", "Patient?identifier=mrn-e", "Patient?identifier=urn:example:mrn|new"),
            ("update lab_results set value_number = 7.25 where id = 'e'", "Observation?value-quantity=5.40", "Observation?value-quantity=7.25||mg/dL"),
            ("update lab_results set code = '718-7' where id = 'e'", "Observation?code=2345-7", "Observation?code=http://loinc.org|718-7"),
            ("update lab_results set patient_id = 'f' where id = 'e'", "Observation?patient=e", "Observation?patient=Patient/f"),
            ("update lab_results set status = 'amended' where id = 'e'", "Observation?status=final", "Observation?status=amended"),
        ] {
            let kind = old.split('?').next().unwrap();
            let this = [format!("{kind}/e")];
            assert_eq!(api.search(&format!("/{old}")).await, this, "{statement}");
            assert!(api.search(&format!("/{new}")).await.is_empty(), "{statement}");
            assert_eq!(sql.run(statement).await, 1, "{statement}");
            assert_eq!(api.search(&format!("/{new}")).await, this, "{statement}");
            assert!(api.search(&format!("/{old}")).await.is_empty(), "{statement}");
        }
        assert_eq!(api.search("/Observation?patient.family=other").await, ["Observation/e"], "chains follow the new row");
        assert_eq!(api.search("/Patient?_has:Observation:patient:status=amended").await, ["Patient/f"]);
        sql.run("delete from lab_results where id = 'e'").await;
        assert!(api.search("/Observation?status=amended").await.is_empty());
        assert!(api.search("/Patient?_has:Observation:patient:status=amended").await.is_empty());
    }

    async fn the_provenance_of_a_patient_is_found_in_its_table(engine: Engine) {
        let server = Server::start(engine);
        let (api, mut sql) = (server.client(), server.sql().await);
        for id in ["p", "q"] {
            api.save(&patient(id, "x")).await.expect(201);
            let provenance = format!(
                r#"{{"resourceType":"Provenance","id":"of-{id}","target":[{{"reference":"Patient/{id}"}}],"recorded":"2024-01-02T03:04:05Z",
                "activity":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-DataOperation","code":"CREATE"}}]}},
                "agent":[{{"type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/provenance-participant-type","code":"author"}}]}},
                "who":{{"reference":"Practitioner/x"}}}}]}}"#
            );
            api.save(&Json::of(&provenance)).await.expect(201);
        }
        gateway_tests::row_key(&mut sql, "Provenance", "of-p").await;
        for query in ["patient=p", "patient=Patient/p", "target=Patient/p", "target:Patient=p", "patient.family=x&target=Patient/p"] {
            assert_eq!(api.search(&format!("/Provenance?{query}")).await, ["Provenance/of-p"], "{query}");
        }
        assert!(api.search("/Provenance?patient=nobody").await.is_empty());
        let page = api.get("/Patient?_id=p&_revinclude=Provenance:target").await.expect(200).json();
        assert_eq!(page.items("entry").len(), 2, "{page}");
    }
}
