//! The twin worlds of people at work: two databases that are equal but for what is of patients whom somebody does not care for, with two
//! callers whose scopes differ. Each is answered alike, byte for byte, in both; whatever they try to write, too.

use gateway_tests::{Client, Engine, Json, Random, Server, rounds};
use hyper::Method;

use super::patients::app::{App, encounter, find, someone_as};
use super::patients::{asked, ghost, patient_of, world_with};
use super::{Step, alike, answers_to, save, searches, step};

const MOST: &str = "launch/patient patient/*.cruds user/*.cruds";
/// All that somebody reaches, by care; and little of it, some by conditions, with the patient in context besides.
const SCOPES: [&str; 2] = [
    "user/*.cruds",
    "launch/patient patient/Observation.cruds patient/Patient.rus user/Encounter.rs user/Condition.rs?clinical-status=active user/Patient.s \
     user/Observation.cu?status=final",
];

/// Kinds that each of them finds something of: of what nobody finds nothing is proved.
const FOUND: [&[&str]; 2] =
    [&["Patient", "Observation", "MedicationRequest", "Basic", "Encounter"], &["Patient", "Observation", "Encounter"]];

/// Tokens of somebody who cares for one patient.
async fn clients(server: &Server, patient: &str) -> [Client; 2] {
    let app = App::confidential(server, "twin-care", MOST).await;
    let mut browser = someone_as(server, "twin-dr", "Practitioner/twin-dr", "OWNER").await;
    let mut clients = Vec::new();
    for scopes in SCOPES {
        let mut page = app.ask(&mut browser, scopes).await;
        if scopes.contains("launch/patient") {
            page = find(&mut browser, &page, &format!("mrn-{patient}"), patient).await;
        }
        let answered = browser.press(&page, "approve", &[]).await;
        let code = answered.parameter("code").unwrap_or_else(|| panic!("no code: {}", answered.text()));
        let token = app.exchange(&code).await.expect(200).json();
        assert_eq!(token.str("patient"), scopes.contains("launch/patient").then_some(patient));
        clients.push(Client::new(server.address(), token.str("access_token")));
    }
    clients.try_into().unwrap()
}

/// How many answers find something of a kind.
fn finding(answers: &[String], kind: &str) -> usize {
    let of_kind = format!("\"http://ADDRESS/fhir/{kind}/");
    let matches = |entry: &str| entry.starts_with(&of_kind) && entry.contains(r#""mode":"match""#);
    answers.iter().filter(|answer| answer.split("\"fullUrl\":").skip(1).any(matches)).count()
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
    let (haunted_owner, haunted, _) = world_with(engine, true, &care).await;
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
        let is_theirs = |one: &&Json| {
            one.str("id") == Some(&patient) || one.to_string().contains(&format!("\"Patient/{patient}\""))
        };
        let theirs: Vec<&str> =
            record.iter().chain(&care).filter(is_theirs).filter_map(|one| one.str("resourceType")).collect();
        for kind in FOUND[number].iter().filter(|kind| theirs.contains(kind)) {
            let found = finding(&seen, kind);
            println!("{engine:?} {}: {kind} {found}", SCOPES[number]);
            assert!(found > 1, "{found} answers find {kind}: {}", SCOPES[number]);
        }
        let written = seen.iter().filter(|answer| answer.starts_with("PUT") && answer.contains("\n200\n")).count();
        assert!(written > 0, "nothing was written: {}", SCOPES[number]);
    }
    // What only one of the worlds has is as it was.
    let owner = haunted_owner.client();
    for ghost in record.iter().filter_map(ghost) {
        let path = format!("/{}/{}", ghost.str("resourceType").unwrap(), ghost.str("id").unwrap());
        let kept = owner.get(&path).await.expect(200).json();
        assert_eq!(kept.str("meta.versionId"), Some("1"), "{path}");
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
