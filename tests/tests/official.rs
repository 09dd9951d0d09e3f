//! Suites others wrote: Microsoft's bundles and searches, Pathling's searches (SOURCES.md of the shared data). What is not
//! offered yet stands in `conformance/known`, and leaves it when it works.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Engine, Json, Known, Server, json_lines, patient, shared_data, suite};
use std::collections::BTreeMap;
use std::path::Path;

#[path = "official/compartment.rs"]
mod compartment;

fn load(path: &Path) -> Json {
    Json::parse(&std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).unwrap()
}

/// What each bundle's file name (and the test it was written for) says must come of it: the status, and for a batch the
/// statuses of its entries, where several are allowed as alternatives.
const BUNDLES: &[(&str, &[u16], &[&str])] = &[
    ("Bundle-Batch", &[200], &["201", "200 201", "200 201", "201", "412 400", "204", "204", "404 405", "200", "404"]),
    ("Bundle-BatchWithConditionalUpdateByIdentifier", &[200], &["201", "201", "201", "201"]),
    ("Bundle-BinaryPatch", &[200], &["201", "200"]),
    ("Bundle-Transaction", &[400, 404, 405, 412], &[]),
    ("Bundle-TransactionForRollBackWithDelete", &[400, 412], &[]),
    ("Bundle-TransactionWithConditionalReferenceReferringToSameResource", &[400, 412], &[]),
    ("Bundle-TransactionWithForeignReferenceInResourceBody", &[200], &["201"]),
    ("Bundle-TransactionWithInvalidBundleEntry", &[400], &[]),
    ("Bundle-TransactionWithInvalidProcessingRoutes", &[400, 404, 405], &[]),
    ("Bundle-TransactionWithMetaHistory", &[200], &["201"]),
    ("Bundle-TransactionWithMultipleResourcesWithSameFullUrl", &[400], &[]),
    ("Bundle-TransactionWithPOSTFullUrlMatchesWithPUTRequestUrl", &[400], &[]),
    ("Bundle-TransactionWithReferenceInResourceBody", &[200], &["201", "201", "201", "201", "201", "201"]),
    ("Bundle-TransactionWithValidBundleEntry", &[200], &["201", "200 201", "200 201", "201"]),
    ("Bundle-TypeMissing", &[400], &[]),
];

async fn versions(api: &Client) -> usize {
    api.get("/_history?_count=1000").await.expect(200).json().items("entry").len()
}

/// What is wrong with the answer to a bundle.
async fn bundle(engine: Engine, text: Vec<u8>, name: &str, status: &[u16], entries: &[&str]) -> Option<String> {
    let server = Server::start(engine);
    let api = server.client();
    if name == "Bundle-TransactionWithReferenceInResourceBody" {
        let mut person = patient("known", "Known");
        person.set("identifier.0", "system", Json::text("http:/example.org/fhir/ids"));
        person.set("identifier.0", "value", Json::text("234234"));
        api.save(&person).await.expect(201);
    }
    let before = versions(&api).await;
    let answer = api.post("/", "").body(text).await;
    if !status.contains(&answer.status) {
        return Some(format!(
            "{}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>()
        ));
    }
    if answer.status != 200 {
        answer.issues();
        let after = versions(&api).await;
        return (before != after).then(|| format!("refused, and yet {} versions were written", after - before));
    }
    let answer = answer.json();
    let got: Vec<&str> =
        answer.items("entry").iter().map(|entry| &entry.str("response.status").unwrap()[..3]).collect();
    let fits = got.len() == entries.len()
        && got.iter().zip(entries).all(|(got, wanted)| wanted.split(' ').any(|wanted| wanted == *got));
    (!fits).then(|| format!("{got:?} instead of {entries:?}"))
}

/// The composite fixture writes Observation.interpretation as one object, as STU3 had it; R4 has 0..*.
fn repair(fixture: &mut Json) {
    for index in 0..fixture.items("entry").len() {
        let resource = format!("entry.{index}.resource");
        let components = fixture.items(&format!("{resource}.component")).len();
        let places =
            (0..components).map(|component| format!("{resource}.component.{component}")).chain([resource.clone()]);
        for place in places {
            if let Some(single) = fixture.remove(&place, "interpretation") {
                fixture.set(&place, "interpretation", Json::Array(vec![single]));
            }
        }
    }
}

/// What is wrong with the answer to a search case.
async fn search(api: &Client, case: &Json) -> Option<String> {
    let request = case
        .str("request")
        .unwrap()
        .replace('{', "%7B")
        .replace('}', "%7D")
        .replace(' ', "%20")
        .replace('#', "%23")
        .replace('^', "%5E");
    let first = api.get(&format!("/{request}")).await;
    if let Some(status) = case.str("expected_status") {
        return (first.status.to_string() != status).then(|| format!("{} instead of {status}", first.status));
    }
    if first.status != 200 {
        return Some(format!("{} {}", first.status, first.issues()[0].text));
    }
    let mut found = api.search(&format!("/{request}")).await;
    found.sort();
    let mut wanted: Vec<String> = case.items("expected").iter().map(|id| id.as_str().unwrap().to_owned()).collect();
    wanted.sort();
    (found != wanted).then(|| format!("found {found:?} instead of {wanted:?}"))
}

suite! {
    async fn microsofts_bundles_end_as_their_names_say(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let mut failures = BTreeMap::new();
        for (name, status, entries) in BUNDLES {
            let text = std::fs::read(data.join("06-search-and-rest-cases/bundles-ms").join(format!("{name}.json"))).unwrap();
            if let Some(symptom) = bundle(engine, text, name, status, entries).await {
                failures.insert((*name).to_owned(), symptom);
            }
        }
        let files = std::fs::read_dir(data.join("06-search-and-rest-cases/bundles-ms")).unwrap().count();
        assert_eq!(files, BUNDLES.len(), "every file has its outcome here");
        Known::load("bundles-ms").verify(BUNDLES.len(), &failures);
    }

    async fn microsofts_and_pathlings_searches_find_what_they_must(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let api = server.client();
        let root = data.join("06-search-and-rest-cases");
        let mut folders: Vec<_> = std::fs::read_dir(root.join("search-ms")).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders.push(root.join("search-pathling"));
        let mut cases = 0;
        let mut failures = BTreeMap::new();
        for folder in folders {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let mut fixture = load(&folder.join("fixture.transaction.json"));
            if name == "composite" {
                repair(&mut fixture);
            }
            api.post("/", &fixture).await.expect(200);
            for case in load(&folder.join("cases.json")).items("cases") {
                cases += 1;
                if let Some(symptom) = search(&api, case).await {
                    failures.insert(case.str("id").unwrap().to_owned(), symptom);
                }
            }
        }
        if let Some(path) = std::env::var_os("FHIR_GATEWAY_WRITE_KNOWN") {
            let lines: Vec<String> = failures.iter().map(|(case, symptom)| format!("{case}\t{symptom}")).collect();
            std::fs::write(path, lines.join("\n")).unwrap();
        }
        Known::load("search-cases").verify(cases, &failures);
    }

    async fn microsofts_scopes_reach_what_they_must(engine: Engine) {
        let Some(data) = shared_data() else { return };
        compartment::run(engine, &data.join("06-search-and-rest-cases/smart-compartment-ms")).await;
    }

    async fn synthea_with_conditional_references_loads_when_hospitals_and_practitioners_are_there(engine: Engine) {
        let Some(data) = shared_data() else { return };
        let server = Server::start(engine);
        let api = server.client();
        let folder = data.join("04-synthea-and-bulk/synthea-conditional-references");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        // Hospitals, then practitioners, then people, as Synthea's manual says.
        files.sort_by_key(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (!name.starts_with("hospital"), !name.starts_with("practitioner"), name)
        });
        let mut entries = 0;
        for file in files {
            let bundle = &json_lines_of_one(&file);
            let answer = api.post("/", bundle).await.expect(200).json();
            assert_eq!(answer.items("entry").len(), bundle.items("entry").len());
            entries += bundle.items("entry").len();
            for (sent, got) in bundle.items("entry").iter().zip(answer.items("entry")).step_by(97) {
                let location = got.str("response.location").unwrap_or_else(|| panic!("no location: {got}"));
                let path = location.split("/fhir/").last().unwrap().split("/_history").next().unwrap();
                let text = String::from_utf8(api.get(&format!("/{path}")).await.expect(200).body.to_vec()).unwrap();
                for unresolved in ["urn:uuid:", "?identifier="] {
                    assert!(!text.contains(&format!("\"reference\":\"{unresolved}")), "{path}: {}", sent.str("fullUrl").unwrap());
                }
                assert!(!text.contains("?identifier="), "{path}");
            }
        }
        assert!(entries > 5_000, "{entries}");
    }
}

fn json_lines_of_one(path: &Path) -> Json {
    // The file is one JSON over many lines, gzip: read as a whole.
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        Json::parse(&gateway_tests::gunzip(&bytes)).unwrap()
    } else {
        json_lines(path).remove(0)
    }
}
