//! The twin worlds of a purpose: two databases that are equal but for patients whose Consents deny one purpose. Whoever says that they ask
//! for it (`X-Purpose-Of-Use`) is answered alike, byte for byte; and whoever asks for the other one is not.

use gateway_tests::{Client, Engine, Json, Options, Random, Server, consent, program, rounds};

use super::patients::{asked, ghost};
use super::{Step, alike, answers_to, complete, script, searches};

const SCOPES: &str = "system/*.rs";
/// What the client may ask for: the first without saying so, the second denied by some.
const PURPOSES: [&str; 2] = ["TREAT", "HOPERAT"];

/// A server on a record, in one of the worlds with more of patients who deny the second purpose.
async fn world(engine: Engine, haunted: bool) -> (Server, Server) {
    let owner = Server::with(engine, Options { seed: Some(42), ..Options::default() });
    let all = owner.client();
    let record = searches::record(&mut Random::seeded(21));
    let patients: Vec<&str> = record
        .iter()
        .filter(|one| one.str("resourceType") == Some("Patient"))
        .filter_map(|one| one.str("id"))
        .collect();
    let [treat, hoperat] = PURPOSES.map(|code| {
        format!(r#""purpose":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"{code}"}}]"#)
    });
    for resource in record.iter().chain(&searches::parameters()) {
        let answer = all.save(resource).await;
        assert!(answer.status == 200 || answer.status == 201, "{resource}: {}", answer.text());
    }
    for id in &patients {
        all.save(&consent(id, id, r#"{"type":"permit"}"#)).await.expect(201);
    }
    complete(&owner).await;
    if haunted {
        let provision = format!(r#"{{"type":"permit",{treat},"provision":[{{"type":"deny",{hoperat}}}]}}"#);
        for id in &patients {
            let id = format!("haunt-{id}");
            all.save(&consent(&id, &id, &provision)).await.expect(201);
        }
        // Of those who have said something alone.
        let is_theirs = |one: &Json| {
            let text = one.to_string();
            text.split("\"Patient/").skip(1).all(|part| part.split('"').next().is_some_and(|id| patients.contains(&id)))
        };
        let mut more = 0;
        for ghost in record.iter().filter(|one| is_theirs(one)).filter_map(ghost) {
            all.save(&ghost).await.expect(201);
            more += 1;
        }
        assert!(more > 30, "{more} more");
    }
    let arguments = ["--dev-consent", "enforce"].map(str::to_owned).into();
    let seen = owner.beside_with(Options { seed: Some(7), arguments, ..Options::default() });
    (owner, seen)
}

async fn client(server: &Server) -> Client {
    let [usual, other] = PURPOSES;
    let more = ["--purpose", usual, "--purpose", other, "--default-purpose", usual];
    program(server, "twin-purposes", SCOPES, &more).await
}

/// The steps, each for a purpose, as one or another writes it; some for one that the client has not.
fn with_purpose(mut steps: Vec<Step>, seed: u64, purpose: &'static str) -> Vec<Step> {
    let mut random = Random::seeded(seed);
    let coded = format!("http://terminology.hl7.org/CodeSystem/v3-ActReason|{purpose}");
    for step in &mut steps {
        let said = match random.below(8) {
            0 => "PATRQT".to_owned(),
            1 => coded.clone(),
            2 => "nothing at all".to_owned(),
            _ => purpose.to_owned(),
        };
        step.headers.push(("X-Purpose-Of-Use", said));
    }
    steps
}

pub(super) async fn who_denies_a_purpose_changes_nothing_for_it(engine: Engine) {
    let (_plain_owner, plain) = world(engine, false).await;
    let (_haunted_owner, haunted) = world(engine, true).await;
    let (one, as_one) = (client(&plain).await, client(&haunted).await);
    let [usual, denied] = PURPOSES;
    let mut steps = asked(28, rounds(300, 5_000));
    steps.extend(script(29));
    let steps = with_purpose(steps, 30, denied);
    let (seen, others) = tokio::join!(answers_to(&one, &plain, &steps), answers_to(&as_one, &haunted, &steps));
    alike(&seen, &others, "with and without whom the purpose is denied by");
    let found = seen.iter().filter(|answer| answer.contains(r#""mode":"match""#)).count();
    assert!(found * 20 > seen.len(), "{found} of {} find anything", seen.len());
    let refused = seen.iter().filter(|answer| answer.contains("\n403\n") && answer.contains("purpose of use")).count();
    assert!(refused > 10, "{refused} for a purpose that it has not");
    // For the other one they are there, whether it is said or not.
    let searches = || asked(28, 100);
    for steps in [searches(), with_purpose(searches(), 31, usual)] {
        assert_ne!(answers_to(&one, &plain, &steps).await, answers_to(&as_one, &haunted, &steps).await, "for {usual}");
    }
}
