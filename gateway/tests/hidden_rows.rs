//! Twin worlds within one organization (DESIGN, invariants): a search under a permit that hides most of the record answers as a
//! search of a record that never had the rest. No total, page, order, chain, include or place to go on from tells of it.
//!
//! Records are written over HTTP. What a caller may see cannot be limited there before SMART on FHIR and consents can, so the
//! store is asked directly, with the decision of a patient's own token.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../../tests/tests/twins/searches.rs"]
#[allow(dead_code, reason = "the twin worlds over HTTP use all of it")]
mod searches;

use std::sync::Arc;

use consent::{Action, Context, OrganizationPolicy, Permit, Predicate, Purpose, Statutes};
use gateway::gateway::{Gateway, Options};
use gateway::interaction::cursor::Cursors;
use gateway::interaction::{Endpoint, Exchange, Payload, Request};
use gateway::operation;
use gateway::router::{self, Interaction, Verb};
use gateway::store::{Found, SearchRequest, Store, Version};
use gateway_tests::{Engine, Json, Random, Server, rounds, suite};
use mappers::search::{self, Handling};

/// Searches of one world.
const SEARCHES: usize = 2_000;
/// Pages of one search.
const PAGES: usize = 6;

/// A decision that shows one patient's rows.
fn own(patient: &str) -> Permit {
    let caller = Gateway::operator();
    let policy = OrganizationPolicy::treatment_opt_out();
    let context = Context {
        action: Action::Read,
        application: None,
        caller: &caller,
        observation: None,
        policy: &policy,
        purpose: Purpose::Treat,
        statutes: &Statutes::default(),
        patient: Some(patient),
    };
    consent::decide(&context).unwrap()
}

/// A server on an empty database, and its gateway once more, for us.
async fn world(engine: Engine) -> (Server, Endpoint) {
    let server = Server::with(engine, gateway_tests::Options { seed: Some(42), ..Default::default() });
    let options = Options { seed: Some(7), ..Options::at(&server.database.url, &server.folder().join("second")) };
    let gateway = Arc::new(Gateway::open(options).await.unwrap());
    let (base, cursors) = ("http://h/fhir".into(), Cursors::seeded(7));
    let (capabilities, conditional_delete) = Default::default();
    (server, Endpoint { gateway, base, cursors, capabilities, conditional_delete })
}

/// What a search answers, page by page, as a caller could tell it apart.
async fn answer(store: &Store, permit: &Permit, address: &str) -> Option<Vec<String>> {
    let custom = store.search_parameters_now(permit).await.unwrap();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let (kind, compartment) = match path[..] {
        [] => (None, None),
        [kind] => (search::parameters::resource_type(kind), None),
        [owner, id, kind] => {
            (search::parameters::resource_type(kind), Some((search::parameters::resource_type(owner)?, id)))
        }
        _ => return None,
    };
    let context = search::Context { handling: Handling::Lenient, base: "http://h/fhir", custom: Some(&custom) };
    let (mut wanted, results, _) = search::parse(kind, query, context).ok()?;
    if wanted.asks_terminology() {
        return None;
    }
    if let Some((owner, id)) = compartment {
        if wanted.kinds.is_empty() {
            wanted.kinds = search::compartment::members(owner).collect();
        }
        wanted.tests.extend(search::compartment::test(owner, id, &wanted.kinds, "http://h/fhir"));
    }
    let count = results.count.unwrap_or(5) as usize;
    let mut request = SearchRequest { search: wanted, count, total: true, after: None };
    let mut seen = Vec::new();
    for _ in 0..PAGES {
        let page = store.search(permit, &request).await.unwrap();
        let told = |version: &Version| format!("{version:?}");
        seen.push(format!("{:?} {:?} {:?}", page.total, page.cut, page.next));
        seen.extend(page.matches.iter().map(told));
        seen.push("along:".to_owned());
        seen.extend(page.included.iter().map(told));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    Some(seen)
}

/// What an operation answers under a permit, all of it: both gateways have one seed.
async fn operated(endpoint: &Endpoint, permit: &Permit, address: &str) -> String {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let place = router::find_under_base(Some(Verb::Get), path).place(Some(Verb::Get)).unwrap();
    let Interaction::Operation(operation) = place.interaction else { panic!("{address}") };
    let request = Request {
        interaction: place.interaction,
        pattern: place.pattern,
        compartment: place.compartment,
        kind: place.kind,
        id: place.id.map(Into::into),
        version: place.version.map(Into::into),
        query: query.into(),
        conditions: Default::default(),
        preference: Default::default(),
        languages: None,
        body: Default::default(),
        request_id: "hidden".into(),
        source: None,
        safe: true,
        provenance: None,
    };
    let caller = Gateway::operator();
    let exchange = Exchange { endpoint, caller: &caller, permit: permit.clone() };
    match operation::perform(operation, &exchange, &request).await {
        Err(failure) => format!("{} {}", failure.status, String::from_utf8_lossy(&failure.outcome())),
        Ok(answer) => match answer.payload {
            Payload::Resource(body) => {
                format!("{} {:?} {}", answer.status, answer.touched, String::from_utf8_lossy(&body))
            }
            payload => format!("{} {payload:?}", answer.status),
        },
    }
}

/// The patient of whom there is most to see, and how much.
async fn chosen(store: &Store, records: &[Json]) -> (Permit, usize) {
    let mut best = (own("nobody"), 0);
    for patient in 0..14 {
        let permit = own(&format!("twin-{patient}"));
        let mut shown = 0;
        for record in records {
            shown += usize::from(is_shown(store, &permit, record).await);
        }
        if shown > best.1 {
            best = (permit, shown);
        }
    }
    best
}

async fn is_shown(store: &Store, permit: &Permit, record: &Json) -> bool {
    let (kind, id) = (record.str("resourceType").unwrap(), record.str("id").unwrap());
    matches!(store.read(permit, kind, id).await.unwrap(), Found::Present(_))
}

suite! {
    async fn what_a_permit_hides_is_not_there(engine: Engine) {
        let mut random = Random::seeded(11);
        let records = searches::record(&mut random);
        let ((plain, gone), (whole, hiding)) = (world(engine).await, world(engine).await);
        let (without, within) = (&gone.gateway, &hiding.gateway);
        for server in [&plain, &whole] {
            let (first, rest) = records.split_at(records.len() / 2);
            for record in first.iter().chain(&searches::parameters()).chain(rest) {
                server.client().save(record).await.expect(201);
            }
        }
        without.store.index_all().await.unwrap();
        within.store.index_all().await.unwrap();
        let (permit, shown) = chosen(&within.store, &records).await;
        assert!(shown > 5 && shown * 3 < records.len(), "{shown} of {} are shown", records.len());
        // A note of what is shown that names all there is.
        let Predicate::Patient(patient) = permit.predicate() else { panic!("a patient's own permit") };
        let entries: Vec<String> = records
            .iter()
            .map(|record| format!(r#"{{"reference":"{}/{}"}}"#, record.str("resourceType").unwrap(), record.str("id").unwrap()))
            .collect();
        let note = Json::of(&format!(
            r#"{{"resourceType":"Composition","id":"twin-17","status":"final","type":{{"text":"x"}},"date":"2024-03-05","author":[{{"display":"x"}}],"title":"T",
            "subject":{{"reference":"Patient/{patient}"}},"section":[{{"entry":[{}]}}]}}"#,
            entries.join(",")
        ));
        for server in [&plain, &whole] {
            server.client().save(&note).await.expect(201);
        }
        // In the other world the rest is gone.
        for record in &records {
            if !is_shown(&within.store, &permit, record).await {
                let path = format!("/{}/{}", record.str("resourceType").unwrap(), record.str("id").unwrap());
                plain.client().delete(&path).await.expect(204);
            }
        }
        // What is in use is what is in use of what is shown.
        for kind in [None, Some("Patient"), Some("Observation")] {
            let (hidden, gone) = (within.store.labels(&permit, kind).await.unwrap(), without.store.labels(&permit, kind).await.unwrap());
            assert_eq!(hidden, gone, "{kind:?}");
            let everybody = whole.client().get("/$meta").await.expect(200).json();
            assert!(kind.is_some() || everybody.items("parameter.0.valueMeta.tag").len() > hidden.unwrap()[2].len(), "{everybody}");
        }
        // The latest of each kind: a hidden one is no later than what is shown, and makes no two codes one.
        let context = search::Context { handling: Handling::Strict, base: "http://h/fhir", custom: None };
        for query in ["", "status=final", "_include=*&date=ge2023"] {
            let (all, ..) = search::parse(Some("Observation"), query, context).unwrap();
            let mut told = Vec::new();
            for store in [&within.store, &without.store] {
                for max in [1, 2, 100] {
                    told.push(format!("{:?}", store.lastn(&permit, &all, max).await.unwrap().unwrap()));
                }
            }
            let (hidden, gone) = told.split_at(3);
            assert_eq!(hidden, gone, "{query}");
            assert!(hidden[0].contains("Observation"), "{query}: {hidden:?}");
        }
        // What a condition would delete.
        for query in ["family=adam", "gender=female", "_tag=urn:t|"] {
            let (wanted, ..) = search::parse(Some("Patient"), query, context).unwrap();
            let mut found = Vec::new();
            for store in [&within.store, &without.store] {
                found.push(store.begin(&permit).await.unwrap().find(&wanted, 1001).await.unwrap());
            }
            assert_eq!(found[0], found[1], "{query}");
            assert!(found[0].len() <= 1, "{query}: {:?}", found[0]);
        }
        // Operations: what they leave out is nothing to be told of. (Who was deleted is 410 in the other world.)
        let (mut answered, mut refused) = (0, 0);
        for number in 0..18 {
            let id = format!("twin-{number}");
            for address in [
                format!("Composition/{id}/$document"),
                format!("Composition/$document?id={id}"),
                format!("Observation/$lastn?patient={id}&max=2&_include=*"),
                format!("Observation/{id}/$meta"),
                format!("Patient/{id}/_history/1/$meta"),
                format!("Patient/{id}/$summary"),
                format!("Patient/{id}/$everything"),
                "$meta".to_owned(),
            ] {
                let told = operated(&hiding, &permit, &address).await;
                let mut expected = operated(&gone, &permit, &address).await;
                if expected.starts_with("410") {
                    expected = operated(&gone, &permit, &address.replace(&id, "nobody")).await;
                }
                if expected.starts_with("200 OK") && address.contains("_history") && told.starts_with("404") {
                    // A past version of who was deleted: the other world has it still.
                    continue;
                }
                assert_eq!(told, expected, "{address}");
                if told.starts_with("200") { answered += 1 } else { refused += 1 }
            }
        }
        let document = operated(&hiding, &permit, "Composition/twin-17/$document").await;
        let held = document.matches("\"fullUrl\"").count();
        assert!(held > 5 && held <= shown + 1, "{held} of {} entries, {shown} are shown", entries.len());
        println!("{answered} operations answered, {refused} refused");
        assert!(answered > 40 && refused > 18, "{answered} {refused}");
        let (mut asked, mut found, mut along) = (0, 0, 0);
        for _ in 0..rounds(SEARCHES, 10_000) {
            let address = searches::any(&mut random).address;
            let hidden = answer(&within.store, &permit, &address).await;
            assert_eq!(hidden, answer(&without.store, &permit, &address).await, "{address}");
            if let Some(seen) = hidden {
                asked += 1;
                found += usize::from(seen.len() > 2);
                along += usize::from(seen.last().is_some_and(|last| last != "along:"));
            }
        }
        println!("{asked} searches, {found} found something, {along} more beside it");
        assert!(asked * 2 > SEARCHES && found * 10 > SEARCHES && along > 20, "{asked} {found} {along}");
    }
}
