//! The searches that US Core's own tests (Inferno) send, on a server with US Core data: each is answered, and each shape of them,
//! asked with the values of the data, finds what has these values, by GET and by POST.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "search_parameters/definitions.rs"]
#[allow(dead_code, reason = "composites are another test's")]
mod definitions;
#[path = "search_parameters/values.rs"]
#[allow(dead_code, reason = "what finds nothing is another test's")]
mod values;

use definitions::{Definitions, evaluate};
use gateway_tests::{Client, Engine, Json, Server, examples, json_lines, shared_data, suite, transaction};
use std::collections::BTreeSet;
use std::path::Path;
use values::{asked, encoded};

fn folder(data: &Path) -> std::path::PathBuf {
    data.join("06-search-and-rest-cases")
}

/// Every GET of a search that was answered 200 where Inferno ran.
fn searches(data: &Path) -> BTreeSet<String> {
    let log = json_lines(&folder(data).join("uscore-request-shapes-inferno/us_core_311.ndjson"));
    let requests = log.iter().flat_map(|test| test.items("requests"));
    let is_search = |request: &&Json| request.str("0") == Some("GET") && request.str("2") == Some("200");
    requests
        .filter(is_search)
        .map(|request| request.str("1").unwrap().to_owned())
        .filter(|url| url.contains('?'))
        .collect()
}

/// Microsoft's US Core records and US Core's own examples; those with elements of STU3 are refused. What was taken.
async fn load(api: &Client, data: &Path) -> Vec<Json> {
    let file = folder(data).join("search-data-ms/V3.1.1_USCoreCompliantResources.json");
    let bundle = Json::parse(&std::fs::read(file).unwrap()).unwrap();
    let mut resources: Vec<Json> =
        bundle.items("entry").iter().map(|entry| entry.at("resource").unwrap().clone()).collect();
    resources.extend(examples(data, "02-us-core/examples-311").into_iter().map(|example| example.json));
    resources.retain(|resource| resource.at("id").is_some() && resource.str("resourceType") != Some("Bundle"));
    let batch = transaction(&resources).with("type", Json::text("batch"));
    let answer = api.post("/", &batch).await.expect(200).json();
    let is_taken = |answer: &Json| answer.str("response.status").unwrap().starts_with("20");
    let answers = resources.into_iter().zip(answer.items("entry"));
    let (taken, refused): (Vec<_>, Vec<_>) = answers.partition(|(_, answer)| is_taken(answer));
    assert!(refused.len() * 5 < taken.len(), "{} of {} were refused", refused.len(), taken.len());
    taken.into_iter().map(|(resource, _)| resource).collect()
}

/// The query of a shape with a resource's own values; `None` where it lacks one of them.
fn with_values(definitions: &Definitions, kind: &str, parameters: &[&str], resource: &Json) -> Option<String> {
    let mut query = Vec::new();
    for parameter in parameters {
        let (name, _) = parameter.split_once('=')?;
        if name.starts_with("_include") || name.starts_with("_revinclude") {
            query.push((*parameter).to_owned());
            continue;
        }
        let value = if name == "_id" {
            resource.str("id")?.to_owned()
        } else {
            let definition = definitions.of(kind, name)?;
            let found = evaluate(definition.str("expression")?, resource);
            found.iter().flat_map(|found| asked(definition.str("type").unwrap(), found)).next()?
        };
        query.push(format!("{name}={}", encoded(&value)));
    }
    Some(query.join("&"))
}

fn matched(page: &Json) -> Vec<&str> {
    let entries = page.items("entry").iter().filter(|entry| entry.str("search.mode") == Some("match"));
    entries.map(|entry| entry.str("resource.id").unwrap()).collect()
}

suite! {
    async fn every_search_of_infernos_is_answered(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let api = server.client();
        load(&api, &data).await;
        let searches = searches(&data);
        assert!(searches.len() > 300, "{}", searches.len());
        for search in &searches {
            let page = api.get(&format!("/{}", search.replace('|', "%7C"))).await.expect(200).json();
            assert_eq!(page.str("type"), Some("searchset"), "{search}");
        }
    }

    async fn every_shape_finds_what_has_the_values(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let definitions = Definitions::load(&data);
        let server = Server::start(engine);
        let api = server.client();
        let resources = load(&api, &data).await;
        let (mut shapes, mut proven, mut asked) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for search in searches(&data) {
            let (kind, query) = search.split_once('?').unwrap();
            let parameters: Vec<&str> = query.split('&').collect();
            let mut shape: Vec<&str> = parameters.iter().map(|parameter| parameter.split('=').next().unwrap()).collect();
            shape.sort_unstable();
            let shape = format!("{kind}?{}", shape.join("&"));
            shapes.insert(shape.clone());
            for resource in resources.iter().filter(|resource| resource.str("resourceType") == Some(kind)) {
                let Some(query) = with_values(&definitions, kind, &parameters, resource) else { continue };
                if !asked.insert(format!("{kind}?{query} {}", resource.str("id").unwrap())) {
                    continue;
                }
                let page = api.get(&format!("/{kind}?{query}")).await.expect(200).json();
                let id = resource.str("id").unwrap();
                assert!(matched(&page).contains(&id), "{kind}?{query}: {id} is not among {:?}", matched(&page));
                let form = api.request(hyper::Method::POST, &format!("/{kind}/_search"));
                let form = form.header("Content-Type", "application/x-www-form-urlencoded").body(query.clone());
                assert_eq!(form.await.expect(200).json().at("entry"), page.at("entry"), "{kind}?{query}");
                if query.contains("_revinclude=Provenance:target") {
                    let this = format!("{kind}/{id}");
                    let is_of_it = |provenance: &&Json| provenance.items("target").iter().any(|target| target.str("reference") == Some(&this));
                    let wanted = resources.iter().filter(|resource| resource.str("resourceType") == Some("Provenance")).filter(is_of_it);
                    for provenance in wanted {
                        let came = page.items("entry").iter().any(|entry| {
                            entry.str("search.mode") == Some("include") && entry.str("resource.id") == provenance.str("id")
                        });
                        assert!(came, "{kind}?{query}: {:?} did not come along", provenance.str("id"));
                    }
                }
                proven.insert(shape.clone());
            }
        }
        println!("{} shapes, {} proven with {} searches; not: {:?}", shapes.len(), proven.len(), asked.len(), shapes.difference(&proven).collect::<Vec<_>>());
        assert!(proven.len() * 10 >= shapes.len() * 8, "not proven: {:?}", shapes.difference(&proven).collect::<Vec<_>>());
    }
}
