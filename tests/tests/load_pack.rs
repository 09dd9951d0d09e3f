//! The 60-patient Synthea pack (67 MB, one transaction a line) through `fhir-gateway import`, on both engines.
#![allow(missing_docs, clippy::unwrap_used)]

use futures_util::{StreamExt as _, stream};
use gateway_tests::{Command, Engine, Json, Server, json_lines, shared_data, suite};
use std::collections::BTreeMap;
use std::time::Instant;

const PACK: &str = "04-synthea-and-bulk/synthea-load-60-transaction-bundles.ndjson.gz";

/// What of a resource can be compared when the server chose the ids: everything but ids and references.
fn comparable(value: &Json) -> Json {
    match value {
        Json::Object(members) => Json::Object(
            members
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "id" | "meta"))
                .map(|(name, value)| (name.clone(), if name == "reference" { Json::Null } else { comparable(value) }))
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.iter().map(comparable).collect()),
        Json::String(text) if text.starts_with("urn:uuid:") => Json::Null,
        value => value.clone(),
    }
}

suite! {
    async fn imports_whole_with_counts_and_samples_equal(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let pack = data.join(PACK);
        let server = Server::start(engine);
        let since = Instant::now();
        let imported = Command::run(&["import", "--json", "--database", &server.database.url, "--data-dir",
            &server.data_dir().display().to_string(), &pack.display().to_string()]).await.expect(0);
        let took = since.elapsed();

        let bundles = json_lines(&pack);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for resource in bundles.iter().flat_map(|bundle| bundle.items("entry")) {
            *counts.entry(resource.str("resource.resourceType").unwrap()).or_default() += 1;
        }
        let all: usize = counts.values().sum();
        println!("{all} resources in {took:?}: {:.0}/s", all as f64 / took.as_secs_f64());
        let report = Json::of(&imported.stdout);
        assert_eq!(report.str("imported"), Some(all.to_string().as_str()), "{}", imported.stdout);
        assert_eq!(report.str("refused"), Some("0"), "{}", imported.stdout);
        for (kind, count) in &counts {
            assert_eq!(report.str(&format!("types.{kind}")), Some(count.to_string().as_str()), "{kind}");
        }

        let api = server.client();
        for (kind, count) in &counts {
            let page = api.get(&format!("/{kind}?_summary=count")).await.expect(200).json();
            assert_eq!(page.str("total"), Some(count.to_string().as_str()), "{kind}");
        }
        let people = stream::iter(bundles.iter().take(20)).map(|bundle| person(&api, bundle)).buffer_unordered(4);
        let compared: usize = people.collect::<Vec<_>>().await.into_iter().sum();
        assert!(compared > 3_000, "only {compared} samples");
        println!("{compared} samples equal");
    }
}

/// Compares a person and their observations, prescriptions and conditions with the bundle; how many.
async fn person(api: &gateway_tests::Client, bundle: &Json) -> usize {
    let of = |kind: &str| {
        let mut all: Vec<String> = bundle
            .items("entry")
            .iter()
            .filter(|entry| entry.str("resource.resourceType") == Some(kind))
            .map(|entry| comparable(entry.at("resource").unwrap()).to_string())
            .collect();
        all.sort();
        all
    };
    let sent = bundle.at("entry.0.resource").unwrap();
    let number = sent.str("identifier.0.value").unwrap();
    let page = api
        .get(&format!("/Patient?identifier=https://github.com/synthetichealth/synthea|{number}"))
        .await
        .expect(200)
        .json();
    assert_eq!(page.items("entry").len(), 1, "{number}");
    let person = page.at("entry.0.resource").unwrap();
    assert_eq!(comparable(sent).difference(&comparable(person)), None);
    let id = person.str("id").unwrap();
    let mut compared = 1;
    for kind in ["Observation", "MedicationRequest", "Condition"] {
        let mut found = Vec::new();
        let mut next = Some(format!("/{kind}?patient={id}&_count=100"));
        while let Some(link) = next {
            let page = api.get(&link).await.expect(200).json();
            for entry in page.items("entry") {
                let resource = entry.at("resource").unwrap();
                assert_eq!(resource.str("subject.reference"), Some(format!("Patient/{id}").as_str()));
                found.push(comparable(resource).to_string());
            }
            next = page
                .items("link")
                .iter()
                .find(|link| link.str("relation") == Some("next"))
                .map(|link| link.str("url").unwrap().to_owned());
        }
        found.sort();
        let wanted = of(kind);
        assert_eq!(wanted.len(), found.len(), "{kind} of {number}");
        for (wanted, found) in wanted.iter().zip(&found) {
            assert_eq!(wanted, found);
        }
        compared += found.len();
    }
    compared
}
