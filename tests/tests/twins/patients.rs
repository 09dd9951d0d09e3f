//! The twin worlds of a patient: two databases that are equal but for what is other patients'. The bearer of a token for one patient,
//! approved as people do it, is answered alike, byte for byte; and one who asks for the organization is not.

use consent::NOBODYS;
use gateway_tests::{Client, Engine, Json, Options, Random, Server, rounds};
use hyper::Method;

#[path = "../app_launch/app.rs"]
#[expect(dead_code, reason = "the tests of apps use the rest")]
pub(super) mod app;

use self::app::{App, someone};
use super::{Step, alike, answers_to, complete, script, searches, searching};

/// What the app asks.
const SCOPES: &str = "launch/patient patient/*.rs user/*.rs";

/// Whose token it is: who has most of the record.
pub(super) fn patient_of(record: &[Json]) -> String {
    let of =
        |id: &str| record.iter().filter(|resource| resource.to_string().contains(&format!("\"Patient/{id}\""))).count();
    let patients = record.iter().filter(|resource| resource.str("resourceType") == Some("Patient"));
    patients.filter_map(|patient| patient.str("id")).max_by_key(|id| of(id)).expect("a patient").to_owned()
}

/// The same resource of another patient's, under another id; `None` for what is nobody's, or of several.
pub(super) fn ghost(resource: &Json) -> Option<Json> {
    let kind = resource.str("resourceType")?;
    if NOBODYS.contains(&kind) || matches!(kind, "Bundle" | "Provenance" | "SearchParameter") {
        return None;
    }
    let text = resource.to_string().replace("\"Patient/", "\"Patient/haunt-");
    Some(Json::of(&text).with("id", Json::text(format!("haunt-{}", resource.str("id")?))))
}

/// A server on a record, in one of the worlds with more of other patients'.
async fn world(engine: Engine, haunted: bool) -> (Server, Server, String) {
    world_with(engine, haunted, &[]).await
}

/// The same with more that both have.
pub(super) async fn world_with(engine: Engine, haunted: bool, both: &[Json]) -> (Server, Server, String) {
    let owner = Server::with(engine, Options { seed: Some(42), ..Options::default() });
    let all = owner.client();
    let record = searches::record(&mut Random::seeded(21));
    for resource in record.iter().chain(&searches::parameters()).chain(both) {
        let answer = all.save(resource).await;
        assert!(answer.status == 200 || answer.status == 201, "{resource}: {}", answer.text());
    }
    complete(&owner).await;
    let mut more = 0;
    for ghost in record.iter().filter(|_| haunted).filter_map(ghost) {
        all.save(&ghost).await.expect(201);
        more += 1;
    }
    assert!(!haunted || more > 50, "{more} more");
    let seen = owner.beside_with(Options { seed: Some(7), ..Options::default() });
    (owner, seen, patient_of(&record))
}

/// The patient's app, in a browser in which the patient has logged in.
async fn client(server: &Server, patient: &str) -> Client {
    let app = App::public(server, "twin-app", SCOPES).await;
    let mut browser = someone(server, "twin", &format!("Patient/{patient}")).await;
    let token = app.approved(&mut browser, SCOPES).await;
    assert_eq!(token.str("patient"), Some(patient));
    Client::new(server.address(), token.str("access_token"))
}

/// The app of whoever may decide for the patient, in a browser in which they have logged in.
async fn proxys_client(server: &Server, patient: &str) -> Client {
    let app = App::public(server, "twin-proxy", SCOPES).await;
    let mut browser = someone(server, "twin-guardian", "RelatedPerson/twin-guardian").await;
    let token = app.approved(&mut browser, SCOPES).await;
    assert_eq!(token.str("patient"), Some(patient));
    Client::new(server.address(), token.str("access_token"))
}

/// Searches of the record: it is there already.
pub(super) fn asked(seed: u64, searches: usize) -> Vec<Step> {
    let mut steps = searching(seed, searches);
    steps.retain(|step| step.method != Method::PUT);
    steps
}

/// The same for a guardian, whom nothing reaches of others than of whom they decide for.
pub(super) async fn other_patients_change_nothing_for_a_proxy(engine: Engine) {
    let record = searches::record(&mut Random::seeded(21));
    let id = patient_of(&record);
    let guardian = Json::of(&format!(
        r#"{{"resourceType":"RelatedPerson","id":"twin-guardian","active":true,"patient":{{"reference":"Patient/{id}"}},
        "relationship":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"GUARD"}}]}}]}}"#
    ));
    // What carries a label that nobody knows a proxy does not reach.
    let mut person = record.iter().find(|one| one.str("id") == Some(&id)).expect("it is there").clone();
    person.remove("", "meta");
    let both = [person, guardian];
    let (_plain_owner, plain, _) = world_with(engine, false, &both).await;
    let (_haunted_owner, haunted, _) = world_with(engine, true, &both).await;
    let (one, as_one) = (proxys_client(&plain, &id).await, proxys_client(&haunted, &id).await);
    let mut steps = asked(26, rounds(300, 5_000));
    steps.extend(script(27));
    let (seen, others) = tokio::join!(answers_to(&one, &plain, &steps), answers_to(&as_one, &haunted, &steps));
    alike(&seen, &others, "with and without other patients, for a proxy");
    let found = seen.iter().filter(|answer| answer.contains(r#""mode":"match""#)).count();
    assert!(found * 20 > seen.len(), "{found} of {} find anything", seen.len());
}

pub(super) async fn other_patients_change_nothing(engine: Engine) {
    let (_plain_owner, plain, patient) = world(engine, false).await;
    let (_haunted_owner, haunted, _) = world(engine, true).await;
    let (one, as_one) = (client(&plain, &patient).await, client(&haunted, &patient).await);
    let steps = asked(24, rounds(400, 5_000));
    let (seen, others) = tokio::join!(answers_to(&one, &plain, &steps), answers_to(&as_one, &haunted, &steps));
    alike(&seen, &others, "searches with and without other patients");
    let found = seen.iter().filter(|answer| answer.contains(r#""mode":"match""#)).count();
    assert!(found * 20 > seen.len(), "{found} of {} find anything", seen.len());
    let steps = script(25);
    alike(
        &answers_to(&one, &plain, &steps).await,
        &answers_to(&as_one, &haunted, &steps).await,
        "every interaction with and without other patients",
    );
    let steps = asked(24, 300);
    assert_ne!(
        answers_to(&plain.client(), &plain, &steps).await,
        answers_to(&haunted.client(), &haunted, &steps).await,
        "whoever asks for the organization is answered of all of them"
    );
}
