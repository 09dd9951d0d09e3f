//! Attacks by the numbers of `shared/facts/consent-security.md`, section 3: A (objects and compartments), B (counts, pages,
//! shapes), C (Consents), D (tokens), E (what is parsed, what is fetched) and F (tenancy, storage, operations). A test's name begins with
//! the numbers it is about.
//!
//! The world: `ada` has a Consent that denies everything, `ben` has none, and `zed` (whose name is as long as ada's) never was. Who
//! attacks is `Practitioner/dr`, where Consents are applied. What is hidden must be answered as what never was, byte for byte.
//!
//! Elsewhere: 24 and 67 are the twin worlds (`twins`), 26 to 30, 32, 34 and 35 cells of `gateway/consent/tests` and `consents`, 57 and 59
//! `search_hostile` and `limits`, 33 `break_glass`, 36 `proxies`, 71 and 72 `faults` and `audit_chain`. Of D: 43 to 46 `gateway/smart/tests`
//! (`assertion`, `outside`), `providers`, `issuers` and `outside`; 47 also `issuers` and `outside`; 48 `backend_services`; 49 to 54 `app_launch`, 51 also `outside`.
//! Of E: 55 also `gateway/src/outward.rs`; 58 `xml`; 60 `command` (import); 61 (bombs) `limits`. Not there yet, because what is
//! attacked is not: 40 and 41 (export, subscriptions), 42 (sync), and of 55, 56 and 60 what is sync's and export's.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the other files of tests use the rest")]
mod app;
#[path = "attacks/canaries.rs"]
mod canaries;
#[path = "attacks/consents.rs"]
mod consents;
#[path = "attacks/notice.rs"]
mod notice;
#[path = "attacks/objects.rs"]
mod objects;
#[path = "attacks/parsing.rs"]
mod parsing;
#[path = "attacks/redaction.rs"]
mod redaction;
#[path = "attacks/shapes.rs"]
mod shapes;
#[path = "attacks/tenancy.rs"]
mod tenancy;
#[path = "attacks/tokens.rs"]
mod tokens;

use gateway_tests::{Client, Engine, Json, Options, Request, Response, Server, consent};
use hyper::Method;

/// The server that sees everything, and the attacker's beside it on the same database.
struct World {
    all: Server,
    attacked: Server,
}

impl World {
    async fn start(engine: Engine) -> Self {
        let all = Server::start(engine);
        let api = all.client();
        for patient in ["ada", "ben"] {
            for resource in record(patient) {
                api.save(&resource).await.expect(201);
            }
        }
        api.save(&consent("no", "ada", r#"{"type":"deny"}"#)).await.expect(201);
        let attacked = attacker(&all, "Practitioner/dr");
        Self { all, attacked }
    }

    fn api(&self) -> Client {
        self.attacked.client()
    }

    /// Sends a request about `ada`, and the same about `zed`; the answers must not differ.
    async fn alike(&self, method: Method, path: &str, body: Option<&str>, headers: &[(&str, &str)]) -> Response {
        let send = |who: &'static str| {
            let api = self.api();
            let fill = |text: &str| text.replace("{}", who);
            let mut request = api.request(method.clone(), &fill(path));
            if let Some(body) = body {
                request = request.json(fill(body));
            }
            headers.iter().fold(request, |request, (name, value)| Request::header(request, name, &fill(value)))
        };
        let (hidden, absent) = (send("ada").await, send("zed").await);
        assert_eq!(spelt(&hidden, "ada"), spelt(&absent, "zed"), "{method} {path}");
        assert!(!String::from_utf8_lossy(&hidden.body).contains("Geheim-ada"), "{method} {path}");
        hidden
    }
}

/// A server beside another that applies Consents to a caller.
fn attacker(server: &Server, actor: &str) -> Server {
    let arguments = ["--dev-consent", "enforce", "--dev-actor", actor].map(str::to_owned).to_vec();
    server.beside_with(Options { arguments, ..Options::default() })
}

/// An answer whole, but for who was asked about, when, and by which request.
fn spelt(response: &Response, who: &str) -> String {
    let mut headers: Vec<String> = response
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id" | "last-modified"))
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort_unstable();
    let text = format!("{}\n{}\n{}", response.status, headers.join("\n"), String::from_utf8_lossy(&response.body));
    without_ids_and_times(&text).replace(who, "WHO")
}

/// The text with `#` for the digits of ids that the server made, and of times.
fn without_ids_and_times(text: &str) -> String {
    let is_id = |word: &str| word.len() == 36 && word.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let is_time = |word: &str| word.len() > 19 && word.as_bytes()[10] == b'T' && word.starts_with("20");
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '.'));
    let words = text.split_inclusive(ends).map(|word| {
        let bare = word.trim_end_matches(ends);
        if is_id(bare) || is_time(bare) { word.replace(bare, "#") } else { word.to_owned() }
    });
    words.collect()
}

/// A record in which one thing leads to another: ids are `KIND-PATIENT`.
fn record(patient: &str) -> Vec<Json> {
    let all = [
        r#"{"resourceType":"Patient","id":"WHO","identifier":[{"system":"urn:mrn","value":"m-WHO"}],"name":[{"family":"Secret-WHO","text":"Geheim-WHO"}],"gender":"female"}"#,
        r#"{"resourceType":"Encounter","id":"e-WHO","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/WHO"}}"#,
        r#"{"resourceType":"Observation","id":"o-WHO","identifier":[{"system":"urn:o","value":"o-WHO"}],"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7","display":"Geheim-WHO"}]},
           "subject":{"reference":"Patient/WHO"},"encounter":{"reference":"Encounter/e-WHO"},"effectiveDateTime":"2024-02-03","valueQuantity":{"value":77.5,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}"#,
        r#"{"resourceType":"Condition","id":"c-WHO","code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}],"text":"Geheim-WHO"},"subject":{"reference":"Patient/WHO"},"encounter":{"reference":"Encounter/e-WHO"}}"#,
        r#"{"resourceType":"MedicationRequest","id":"r-WHO","status":"active","intent":"order","medicationCodeableConcept":{"text":"Geheim-WHO"},"subject":{"reference":"Patient/WHO"}}"#,
        r#"{"resourceType":"DocumentReference","id":"d-WHO","status":"current","subject":{"reference":"Patient/WHO"},"content":[{"attachment":{"contentType":"text/plain","data":"U2VjcmV0","title":"Geheim-WHO"}}]}"#,
        r#"{"resourceType":"Binary","id":"b-WHO","contentType":"text/plain","securityContext":{"reference":"Patient/WHO"},"data":"U2VjcmV0"}"#,
        r#"{"resourceType":"Provenance","id":"p-WHO","target":[{"reference":"Observation/o-WHO"},{"reference":"Patient/WHO"}],"recorded":"2024-02-03T00:00:00Z","agent":[{"who":{"display":"Geheim-WHO"}}]}"#,
        r#"{"resourceType":"Communication","id":"m-WHO","status":"completed","subject":{"reference":"Patient/WHO"},"payload":[{"contentString":"Geheim-WHO"}]}"#,
        r#"{"resourceType":"List","id":"l-WHO","status":"current","mode":"working","subject":{"reference":"Patient/WHO"},"entry":[{"item":{"reference":"Observation/o-WHO","display":"Geheim-WHO"}}]}"#,
    ];
    all.iter().map(|text| Json::of(&text.replace("WHO", patient))).collect()
}
