//! The twin worlds of two callers: two databases that are equal but for what a token's scopes do not reach. Its bearer is answered
//! alike, byte for byte; and one with other scopes is not.

use gateway_tests::{Client, Engine, Json, Options, Random, Server, program, rounds};
use hyper::Method;

use super::{Step, alike, answers_to, complete, script, searches, searching};

/// Some types whole, one in part, one to be read alone and one to be found alone.
const SCOPES: &str = "system/Patient.rs system/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory \
                      system/Encounter.r system/Practitioner.s system/Organization.rs system/Patient.c";
/// Types of which rows differ.
const REACHED: [&str; 5] = ["Patient", "Observation", "Encounter", "Practitioner", "Organization"];

/// A server on a record, in one of the worlds with more of what scopes do not reach.
async fn world(engine: Engine, haunted: bool) -> (Server, Server) {
    let owner = Server::with(engine, Options { seed: Some(42), ..Options::default() });
    let all = owner.client();
    let record = searches::record(&mut Random::seeded(21));
    for resource in record.iter().chain(&searches::parameters()) {
        let answer = all.save(resource).await;
        assert!(answer.status == 200 || answer.status == 201, "{resource}: {}", answer.text());
    }
    complete(&owner).await;
    if haunted {
        let mut more = 0;
        for resource in &record {
            let kind = resource.str("resourceType").unwrap();
            let id = format!("haunt-{}", resource.str("id").unwrap());
            let mut ghost = resource.clone().with("id", Json::text(id));
            if kind == "Observation" {
                ghost.remove("", "category");
                ghost = ghost.with("category", Json::of(r#"[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}]"#));
            } else if REACHED.contains(&kind) {
                continue;
            }
            all.save(&ghost).await.expect(201);
            more += 1;
        }
        assert!(more > 20, "{more} more");
    }
    let arguments = ["--dev-consent", "enforce", "--conditional-delete", "multiple"].map(str::to_owned).into();
    let seen = owner.beside_with(Options { seed: Some(7), arguments, ..Options::default() });
    (owner, seen)
}

/// A client of a server with scopes.
async fn client(server: &Server, id: &str, scopes: &str) -> Client {
    program(server, id, scopes, &["--purpose", "TREAT"]).await
}

/// Searches of the record: it is there already.
fn asked(seed: u64, searches: usize) -> Vec<Step> {
    let mut steps = searching(seed, searches);
    steps.retain(|step| step.method != Method::PUT);
    steps
}

pub(super) async fn what_scopes_do_not_reach_changes_nothing(engine: Engine) {
    let (_plain_owner, plain) = world(engine, false).await;
    let (_haunted_owner, haunted) = world(engine, true).await;
    let (few, as_few) = (client(&plain, "few", SCOPES).await, client(&haunted, "few", SCOPES).await);
    let steps = asked(22, rounds(300, 5_000));
    let (seen, others) = tokio::join!(answers_to(&few, &plain, &steps), answers_to(&as_few, &haunted, &steps));
    alike(&seen, &others, "searches with and without what scopes do not reach");
    let found = seen.iter().filter(|answer| answer.contains(r#""mode":"match""#)).count();
    assert!(found * 10 > seen.len(), "{found} of {} find anything", seen.len());
    let steps = script(23);
    alike(
        &answers_to(&few, &plain, &steps).await,
        &answers_to(&as_few, &haunted, &steps).await,
        "every interaction with and without what scopes do not reach",
    );
    let (all, as_all) = (client(&plain, "all", "system/*.rs").await, client(&haunted, "all", "system/*.rs").await);
    let steps = asked(22, 300);
    assert_ne!(
        answers_to(&all, &plain, &steps).await,
        answers_to(&as_all, &haunted, &steps).await,
        "whoever has other scopes is answered by them"
    );
}
