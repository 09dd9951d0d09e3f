//! The twin worlds of what codes mean: two databases that are equal but for a patient whose Consents hide her, whose codes were told and
//! wait. Whoever reads, searches and writes back is answered alike, byte for byte: also who writes a coding that was told of her.

use gateway_tests::{Engine, Json, Options, Server, consent, patient};
use hyper::Method;
use releases::Catalog;
use releases::fhir::draft_of;

use super::{Step, alike, answers_to, get, save, step};

const LOINC: &str = "http://loinc.org";

/// Two releases: in the later one another name belongs to what was `Beta in Blood`.
const RELEASES: [(&str, &str); 2] = [
    (
        "1",
        r#"{"code":"1-8","display":"Alpha in Serum"},{"code":"2-6","display":"Beta in Blood"},{"code":"4-2","display":"Twice"},{"code":"5-9","display":"twice"}"#,
    ),
    (
        "2",
        r#"{"code":"1-8","display":"Alpha in Serum"},{"code":"2-6","display":"Beta, said anew"},{"code":"4-2","display":"Twice"},{"code":"5-9","display":"twice"}"#,
    ),
];

fn import(server: &Server, (version, concepts): (&str, &str)) {
    let system = format!(
        r#"{{"resourceType":"CodeSystem","url":"{LOINC}","version":"{version}","name":"L","status":"active","content":"complete","concept":[{concepts}]}}"#
    );
    let catalog = Catalog::at(&server.data_dir().join("terminology"));
    catalog.keep(draft_of(&system.parse().unwrap()).unwrap()).unwrap();
}

fn observation(id: &str, subject: &str, code: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{code},"subject":{{"reference":"Patient/{subject}"}}}}"#
    ))
}

fn local(code: &str, name: &str) -> String {
    format!(r#"{{"coding":[{{"system":"urn:lab","code":"{code}","display":"{name}"}}]}}"#)
}

/// A coding of `urn:lab|B` with one beside it that is marked as told of it.
fn marked(id: &str) -> String {
    format!(
        r#"{{"coding":[{{"system":"urn:lab","code":"B","display":"Beta in Blood"}},{{"extension":[{{"url":"urn:fhir-gateway:normalization","valueId":"{id}"}}],"system":"{LOINC}","version":"1","code":"2-6","display":"Beta in Blood","userSelected":false}}]}}"#
    )
}

/// A server on the record, and who is bound by Consents beside it.
async fn world(engine: Engine, haunted: bool) -> (Server, Server) {
    let owner = Server::with(engine, Options { seed: Some(42), ..Options::default() });
    import(&owner, RELEASES[0]);
    owner.command(&["terminology", "policy", "--normalize", "merged", "--by", "Jane"]).await.expect(0);
    let all = owner.client();
    let mut record = vec![
        patient("p", "Poe"),
        observation("a", "p", &local("A", "Alpha in Serum")),
        observation("w", "p", r#"{"text":"Alpha in Serum"}"#),
        observation("t", "p", &local("T", "Twice")),
    ];
    if haunted {
        record.extend([
            patient("h", "Hidden"),
            consent("h", "h", r#"{"type":"deny"}"#),
            observation("h1", "h", &local("B", "Beta in Blood")),
            observation("h2", "h", &local("A", "Alpha in Serum")),
            observation("h3", "h", &local("T", "Twice")),
            observation("h4", "h", r#"{"text":"Twice"}"#),
        ]);
    }
    for resource in &record {
        all.save(resource).await.expect(201);
    }
    let arguments = ["--dev-consent", "enforce"].map(str::to_owned).into();
    let seen = owner.beside_with(Options { seed: Some(7), arguments, ..Options::default() });
    for server in [&owner, &seen] {
        RELEASES.into_iter().for_each(|release| import(server, release));
    }
    (owner, seen)
}

fn asked(stolen: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for id in ["a", "w", "t", "h1", "h2", "none"] {
        steps.extend([get(format!("/Observation/{id}")), get(format!("/Observation/{id}/_history"))]);
    }
    for code in ["http://loinc.org|1-8", "http://loinc.org|2-6", "2-6", "urn:lab|A", "urn:lab|B"] {
        for more in ["", "&_total=accurate", "&_count=1", "&_summary=count"] {
            steps.push(get(format!("/Observation?code={code}{more}")));
        }
        steps.push(get(format!("/Patient?_has:Observation:patient:code={code}")));
    }
    // What was told of somebody's code once: is she there?
    for id in [stolen, "00000000000000000000000000000000"] {
        steps.extend([
            save(&observation("n", "p", &marked(id))),
            get("/Observation/n"),
            get("/Observation?code=http://loinc.org|2-6"),
            step(Method::POST, "/Observation", Some(observation("x", "p", &marked(id)).to_string())),
        ]);
    }
    steps.extend([get("/Observation/h1"), get("/Observation?_total=accurate"), get("/Patient/p/$everything")]);
    steps
}

pub(super) async fn what_hidden_codes_mean_changes_nothing(engine: Engine) {
    let ((_plain_owner, plain), (haunted_owner, haunted)) = tokio::join!(world(engine, false), world(engine, true));
    let told = haunted_owner.client().get("/Observation/h1").await.expect(200).json();
    let stolen = told.items("code.coding")[1].items("extension")[0].str("valueId").unwrap().to_owned();
    let (some, others) = (plain.client(), haunted.client());
    let steps: Vec<Step> = asked(&stolen);
    let seen = answers_to(&some, &plain, &steps).await;
    alike(&seen, &answers_to(&others, &haunted, &steps).await, "with and without codes of a patient who is hidden");
    let has = |what: &str| seen.iter().filter(|answer| answer.contains(what)).count();
    for (what, least) in [("urn:fhir-gateway:normalization", 8), ("\n404", 3), (&*stolen, 3)] {
        assert!(has(what) >= least, "{what}: {} of {}", has(what), seen.len());
    }
    let all = haunted_owner.client();
    assert_ne!(
        all.get("/Observation?_summary=count").await.text(),
        others.get("/Observation?_summary=count").await.text()
    );
}
