//! The twin worlds of people at work: two databases that are equal but for what is of patients whom somebody does not care for, with two
//! callers whose scopes differ. Each is answered alike, byte for byte, in both; whatever they try to write, too.

use gateway_tests::{Client, Engine, Json, Random, Server, rounds};
use hyper::Method;

use super::patients::app::{App, encounter, someone_as};
use super::patients::{asked, ghost, patient_of, world_with};
use super::{Step, alike, answers_to, save, searches, step};

const MOST: &str = "launch/patient patient/*.cruds user/*.cruds";
/// All that somebody reaches, by care; and little of it, some by conditions, with the patient in context besides.
const SCOPES: [&str; 2] = [
    "user/*.cruds",
    "launch/patient patient/Observation.cruds patient/Patient.rus user/Encounter.rs user/Condition.rs?clinical-status=active user/Patient.s \
     user/Observation.cu?status=final",
];

/// Two tokens of somebody who cares for one patient.
async fn clients(server: &Server, patient: &str) -> [Client; 2] {
    let app = App::confidential(server, "twin-care", MOST).await;
    let mut browser = someone_as(server, "twin-dr", "Practitioner/twin-dr", "OWNER").await;
    let whole = app.approved(&mut browser, SCOPES[0]).await;
    let page = app.ask(&mut browser, SCOPES[1]).await;
    let page = super::patients::app::find(&mut browser, &page, &format!("mrn-{patient}"), patient).await;
    let answered = browser.press(&page, "approve", &[]).await;
    let code = answered.parameter("code").unwrap_or_else(|| panic!("no code: {}", answered.text()));
    let part = app.exchange(&code).await.expect(200).json();
    assert_eq!(part.str("patient"), Some(patient));
    [whole, part].map(|token| Client::new(server.address(), token.str("access_token")))
}

/// Writes of what is theirs, of what is others' and of what only one of the worlds has; and what is moved from one to the other.
fn writes(seed: u64, record: &[Json], count: usize) -> Vec<Step> {
    let mut random = Random::seeded(seed);
    let mut pool: Vec<Json> = record.to_vec();
    pool.extend(record.iter().filter_map(ghost));
    let patients: Vec<String> = pool
        .iter()
        .filter(|one| one.str("resourceType") == Some("Patient"))
        .map(|one| format!("\"Patient/{}\"", one.str("id").unwrap()))
        .chain(["\"Patient/nobody\"".to_owned()])
        .collect();
    let mut steps = Vec::new();
    for _ in 0..count {
        let one = random.pick::<Json>(&pool).clone();
        let (kind, id) = (one.str("resourceType").unwrap().to_owned(), one.str("id").unwrap().to_owned());
        let from = patients.iter().find(|reference| one.to_string().contains(*reference));
        let moved = match from {
            Some(from) => Json::of(&one.to_string().replace(from, random.pick::<String>(&patients))),
            None => one.clone(),
        };
        steps.push(match random.below(8) {
            0 => step(Method::DELETE, format!("/{kind}/{id}"), None),
            1 | 2 => save(&one),
            3 => save(&moved),
            4 => step(Method::POST, format!("/{kind}"), Some(moved.to_string())),
            5 => {
                let patch = format!(
                    r#"[{{"op":"replace","path":"/subject/reference","value":{}}}]"#,
                    random.pick::<String>(&patients)
                );
                let mut write = step(Method::PATCH, format!("/{kind}/{id}"), Some(patch));
                write.headers.push(("Content-Type", "application/json-patch+json".to_owned()));
                write
            }
            6 => {
                let mut write = step(Method::POST, format!("/{kind}"), Some(moved.to_string()));
                write.headers.push(("If-None-Exist", format!("_id={id}")));
                write
            }
            _ => {
                let entry = |one: &Json| {
                    let (kind, id) = (one.str("resourceType").unwrap(), one.str("id").unwrap());
                    format!(r#"{{"resource":{one},"request":{{"method":"PUT","url":"{kind}/{id}"}}}}"#)
                };
                let other = random.pick::<Json>(&pool);
                let kind = random.pick::<&str>(&["batch", "transaction"]);
                let bundle = format!(
                    r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{},{}]}}"#,
                    entry(&moved),
                    entry(other)
                );
                step(Method::POST, "/", Some(bundle))
            }
        });
    }
    steps
}

pub(super) async fn whom_somebody_does_not_care_for_changes_nothing(engine: Engine) {
    let record = searches::record(&mut Random::seeded(21));
    let patient = patient_of(&record);
    let care = [
        Json::of(r#"{"resourceType":"Practitioner","id":"twin-dr","name":[{"family":"Twin"}]}"#),
        encounter("care-visit", &patient, "twin-dr"),
    ];
    let (_plain_owner, plain, _) = world_with(engine, false, &care).await;
    let (_haunted_owner, haunted, _) = world_with(engine, true, &care).await;
    let (here, there) = (clients(&plain, &patient).await, clients(&haunted, &patient).await);
    for (number, (one, as_one)) in here.iter().zip(&there).enumerate() {
        let seed = 40 + u64::try_from(number).unwrap();
        let mut steps = asked(seed, rounds(150, 2_500));
        steps.extend(writes(seed + 10, &record, rounds(150, 2_500)));
        steps.extend(asked(seed + 20, rounds(50, 1_000)));
        let (seen, others) = tokio::join!(answers_to(one, &plain, &steps), answers_to(as_one, &haunted, &steps));
        alike(&seen, &others, &format!("with and without whom somebody does not care for: {}", SCOPES[number]));
        let found = seen.iter().filter(|answer| answer.contains(r#""mode":"match""#)).count();
        assert!(found * 40 > seen.len(), "{found} of {} find anything", seen.len());
        let written = seen.iter().filter(|answer| answer.starts_with("PUT") && answer.contains("\n200\n")).count();
        assert!(written > 0, "nothing was written: {}", SCOPES[number]);
    }
    let steps = asked(44, 100);
    assert_ne!(
        answers_to(&here[0], &plain, &steps).await,
        answers_to(&here[1], &plain, &steps).await,
        "two callers, whose scopes differ"
    );
    assert_ne!(
        answers_to(&plain.client(), &plain, &steps).await,
        answers_to(&haunted.client(), &haunted, &steps).await,
        "whoever asks for the organization is answered of all of them"
    );
}
