//! What is written with `patient/` scopes, and with `user/` scopes that go by care: what is there and what it will be are within them, or
//! nothing is written, and nobody learns what is there besides.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the tests of apps use the rest")]
mod app;

use app::{App, encounter, find, observation, someone, someone_as};
use gateway_tests::{Client, Engine, Json, Options, Request, Response, Server, consent, own, patient, program, suite};
use hyper::Method;

const MOST: &str = "launch/patient patient/*.cruds user/*.cruds";
const LAB: &str = "category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

/// People: whom `Practitioner/dr-TAG` cares for, whom nobody does; each with a visit and two results.
struct World<'s> {
    all: Client,
    server: &'s Server,
    tag: &'static str,
}

impl<'s> World<'s> {
    async fn of(server: &'s Server, tag: &'static str) -> Self {
        let world = Self { all: server.client(), server, tag };
        let doctor = format!("dr-{tag}");
        world.save(&Json::of(&format!(r#"{{"resourceType":"Practitioner","id":"{doctor}"}}"#))).await;
        for who in ["in", "out"] {
            let id = world.id(who);
            world.save(&patient(&id, &id)).await;
            let by = if who == "in" { &doctor } else { "somebody-else" };
            world.save(&encounter(&format!("visit-{id}"), &id, by)).await;
            for category in ["laboratory", "vital-signs"] {
                world.save(&observation(&id, category)).await;
            }
        }
        world
    }

    fn id(&self, who: &str) -> String {
        format!("{who}-{}", self.tag)
    }

    async fn save(&self, resource: &Json) {
        let answer = self.all.save(resource).await;
        assert!(answer.status < 300, "{resource}: {}", answer.text());
    }

    /// A token of the doctor's, with a role; with the patient in context where the scopes are about one.
    async fn token(&self, role: &str, scopes: &str) -> Client {
        let id = format!("{}-{}-{}", self.tag, role.to_lowercase(), scopes.len());
        let app = App::confidential(self.server, &id, MOST).await;
        let mut browser = someone_as(self.server, &id, &format!("Practitioner/dr-{}", self.tag), role).await;
        let mut page = app.ask(&mut browser, scopes).await;
        if scopes.contains("patient/") {
            let own = self.id("in");
            page = find(&mut browser, &page, &format!("mrn-{own}"), &own).await;
        }
        let answered = browser.press(&page, "approve", &[]).await;
        let code = answered.parameter("code").unwrap_or_else(|| panic!("no code: {}", answered.text()));
        let token = app.exchange(&code).await.expect(200).json();
        Client::new(self.server.address(), token.str("access_token"))
    }

    /// The version of a resource, for whoever sees all.
    async fn version(&self, path: &str) -> String {
        self.all.get(path).await.expect(200).json().str("meta.versionId").unwrap().to_owned()
    }
}

/// A server where `Practitioner/dr-TAG` may break the glass.
fn emergency(engine: Engine, tag: &str) -> Server {
    let arguments = vec!["--break-glass-group".to_owned(), format!("Practitioner/dr-{tag}")];
    Server::with(engine, Options { arguments, ..Options::default() })
}

/// What tells of an answer, ids and times aside.
fn told(answer: &Response, ids: &[&str]) -> String {
    let mut text = format!("{} {}", answer.status, answer.text());
    for id in ids {
        text = text.replace(id, "ID");
    }
    text
}

fn patch(api: &Client, path: &str, text: impl ToString) -> Request {
    api.request(Method::PATCH, path).json(text).header("Content-Type", "application/json-patch+json")
}

fn with_member(resource: &Json, name: &str, value: &str) -> Json {
    resource.clone().with(name, Json::of(value))
}

fn bundle(kind: &str, entries: &[(&str, &str, &Json)]) -> Json {
    let entries: Vec<String> = entries
        .iter()
        .map(|(method, url, one)| format!(r#"{{"resource":{one},"request":{{"method":"{method}","url":"{url}"}}}}"#))
        .collect();
    Json::of(&format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{}]}}"#, entries.join(",")))
}

/// A care team of the doctor's about somebody.
fn team(world: &World<'_>, whose: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"CareTeam","id":"x","subject":{{"reference":"Patient/{whose}"}},"participant":[{{"member":{{"reference":"Practitioner/dr-{}"}}}}]}}"#,
        world.tag
    ))
}

/// The doctor is of the group that may break the glass, and these scopes break it over nobody: refused alike, whoever is there. The same
/// doctor's program with all scopes breaks it.
async fn glass(world: &World<'_>, api: &Client, ids: &[&str; 3]) {
    let reason = r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"x"}]}"#;
    let path = |whose: &str| format!("/Patient/{whose}/$break-glass");
    let mut answers = Vec::new();
    for whose in ids {
        answers.push(told(&api.post(&path(whose), reason).await.expect(403), ids));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mut sql = world.server.sql().await;
    let grants = format!("select count(*) from {}", own(world.server.engine(), "break_glass_grants"));
    assert_eq!(sql.count(&grants).await, 0);
    let (id, doctor) = (format!("{}-job", world.tag), format!("Practitioner/dr-{}", world.tag));
    let job = program(world.server, &id, "system/*.cruds", &["--purpose", "TREAT", "--actor", &doctor]).await;
    job.post(&path(ids[1]), reason).await.expect(201);
    assert_eq!(sql.count(&grants).await, 1);
}

/// A14: the same attacks by both kinds of caller.
async fn attacks(world: &World<'_>, api: &Client) {
    let (own, other) = (world.id("in"), world.id("out"));
    let ids = [&*own, &*other, "nobody"];
    // What is theirs is written.
    let made = api.post("/Observation", observation(&own, "survey")).await.expect(201).json();
    let path = format!("/Observation/{}", made.str("id").unwrap());
    let mut changed = made.clone();
    changed.set("", "valueString", Json::text("z"));
    api.put(&path, &changed).await.expect(200);
    // A move to another patient, there or not: refused alike, and nothing is moved. The same of their own is the control.
    let mut answers = Vec::new();
    for whose in [&*own, &*other, "nobody"] {
        let mut of = Vec::new();
        let mut tell = |answer: Response, fine: u16| {
            let answer = answer.expect(if whose == own { fine } else { 403 });
            of.push(told(&answer, &ids));
        };
        let moved = with_member(&changed, "subject", &format!(r#"{{"reference":"Patient/{whose}"}}"#));
        tell(api.put(&path, &moved).await, 200);
        tell(api.post("/Observation", observation(whose, "survey")).await, 201);
        let patch = format!(r#"[{{"op":"replace","path":"/subject/reference","value":"Patient/{whose}"}}]"#);
        tell(self::patch(api, &path, patch).await, 200);
        // In somebody else's compartment besides, or in somebody else's encounter.
        let performer = with_member(&changed, "performer", &format!(r#"[{{"reference":"Patient/{whose}"}}]"#));
        tell(api.put(&path, &performer).await, 200);
        let elsewhere = with_member(&changed, "encounter", &format!(r#"{{"reference":"Encounter/visit-{whose}"}}"#));
        tell(api.put(&path, &elsewhere).await, 200);
        let allergy = format!(
            r#"{{"resourceType":"AllergyIntolerance","patient":{{"reference":"Patient/{own}"}},"encounter":{{"reference":"Encounter/visit-{whose}"}},"code":{{"text":"x"}}}}"#
        );
        tell(api.post("/AllergyIntolerance", allergy).await, 201);
        let document = format!(
            r#"{{"resourceType":"DocumentReference","status":"current","subject":{{"reference":"Patient/{own}"}},"context":{{"encounter":[{{"reference":"Encounter/visit-{own}"}},{{"reference":"Encounter/visit-{whose}"}}]}},"content":[{{"attachment":{{"title":"x"}}}}]}}"#
        );
        tell(api.post("/DocumentReference", document).await, 201);
        let visit = format!(r#"{{"reference":"Encounter/visit-{whose}"}}"#);
        let mut part = with_member(&encounter("", &own, "dr"), "partOf", &visit);
        part.remove("", "id");
        tell(api.post("/Encounter", part).await, 201);
        tell(api.post("/CareTeam", team(world, whose)).await, 201);
        let link = format!(r#"[{{"other":{{"reference":"Patient/{whose}"}},"type":"seealso"}}]"#);
        tell(api.put(&format!("/Patient/{own}"), with_member(&patient(&own, "x"), "link", &link)).await, 200);
        answers.push(of);
    }
    assert_eq!(answers[1], answers[2], "whether somebody is there is not told");
    glass(world, api, &ids).await;
    for nobodys in ["subject", "encounter"] {
        let mut without = changed.clone();
        without.remove("", nobodys);
        api.put(&path, &without).await.expect(if nobodys == "subject" { 403 } else { 200 });
    }
    // Of two patients: whoever may not change it for one does not change it for the other.
    let both = format!(
        r#"{{"resourceType":"Appointment","id":"both-{own}","status":"booked","participant":[{{"actor":{{"reference":"Patient/{own}"}},"status":"accepted"}},{{"actor":{{"reference":"Patient/{other}"}},"status":"accepted"}}]}}"#
    );
    world.save(&Json::of(&both)).await;
    let path_of_both = format!("/Appointment/both-{own}");
    api.get(&path_of_both).await.expect(200);
    let alone = Json::of(&both.replace(&format!("Patient/{other}"), &format!("Patient/{own}")));
    api.put(&path_of_both, &alone).await.expect(403);
    assert!(world.all.get(&path_of_both).await.expect(200).text().contains(&format!("Patient/{other}")));
    // What is others' is as if it were not there; the same of what is theirs, in the same order, is done.
    let theirs = format!("/Observation/{other}-laboratory");
    let mut answers = Vec::new();
    for id in [&*own, &*other, "nobody"] {
        let path = format!("/Observation/{id}-laboratory");
        let mut of = Vec::new();
        let mut tell = |answer: Response, fine: u16, refused: u16| {
            let answer = answer.expect(if id == own { fine } else { refused });
            of.push(told(&answer, &ids));
        };
        let taken = observation(&own, "laboratory").with("id", Json::text(format!("{id}-laboratory")));
        // Theirs is at another version the second time.
        for (body, fine) in [(observation(id, "laboratory"), 200), (taken, 412)] {
            tell(api.put(&path, &body).header("If-Match", "W/\"1\"").await, fine, 412);
            tell(api.put(&path, &body).await, 200, 404);
        }
        tell(patch(api, &path, r#"[{"op":"replace","path":"/status","value":"amended"}]"#).await, 200, 404);
        tell(api.delete(&path).await, 204, 204);
        tell(api.delete(&format!("/Observation?_id={id}-laboratory")).await, 204, 204);
        answers.push(of);
    }
    assert_eq!(answers[1], answers[2]);
    world.all.get(&format!("/Observation/{own}-laboratory")).await.expect(410);
    assert_eq!(world.version(&theirs).await, "1");
    assert_eq!(world.version(&format!("/Patient/{other}")).await, "1");
    // Conditions match what they see alone.
    let condition = format!("_id={other}-vital-signs");
    let made = api.post("/Observation", observation(&own, "exam")).header("If-None-Exist", &condition).await;
    made.expect(201);
    let mut updated = observation(&own, "exam");
    updated.remove("", "id");
    api.put(&format!("/Observation?subject=Patient/{other}&code:text=x"), &updated).await.expect(201);
    assert_eq!(world.version(&format!("/Observation/{other}-vital-signs")).await, "1");
    // Together or not at all; each for itself.
    let (fine, bad) = (observation(&own, "imaging"), observation(&other, "imaging"));
    let count = || async { world.all.search(&format!("/Observation?subject=Patient/{own}&_count=200")).await.len() };
    let before = count().await;
    let entries = [("POST", "Observation", &fine), ("POST", "Observation", &bad)];
    api.post("/", bundle("transaction", &entries)).await.expect(403);
    assert_eq!(count().await, before);
    let batch = api.post("/", bundle("batch", &entries)).await.expect(200).json();
    let statuses: Vec<&str> =
        batch.items("entry").iter().map(|one| &one.str("response.status").unwrap()[..3]).collect();
    assert_eq!(statuses, ["201", "403"]);
    assert_eq!(count().await, before + 1);
    // No write gives itself a reach, and none says who did what, or who somebody is.
    let mut answers = Vec::new();
    for whose in [&*other, "nobody"] {
        let team = team(world, whose);
        let entries = [("POST", "CareTeam", &team), ("POST", "Observation", &observation(whose, "imaging"))];
        let visit = encounter("x", whose, &format!("dr-{}", world.tag));
        answers.push([
            told(&api.post("/", bundle("transaction", &entries)).await.expect(403), &ids),
            told(&api.post("/Encounter", visit).await.expect(403), &ids),
            told(&api.get(&format!("/Patient/{whose}")).await.expect(404), &ids),
        ]);
    }
    assert_eq!(answers[0], answers[1]);
    api.post("/Encounter", encounter("x", &own, &format!("dr-{}", world.tag))).await.expect(201);
    let about = format!(
        r#"{{"resourceType":"Provenance","recorded":"2026-01-01T00:00:00Z","agent":[{{"who":{{"display":"x"}}}}],"target":[{{"reference":"Patient/{own}"}}]}}"#
    );
    api.post("/Provenance", about).await.expect(403);
    let attached = r#"{"resourceType":"Provenance","agent":[{"who":{"display":"x"}}]}"#;
    api.post("/Observation", observation(&own, "survey")).header("X-Provenance", attached).await.expect(403);
    let event = r#"{"resourceType":"AuditEvent","type":{"code":"rest"},"recorded":"2026-01-01T00:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}}"#;
    api.post("/AuditEvent", event).await.expect(403);
    api.post("/Bundle", r#"{"resourceType":"Bundle","type":"collection"}"#).await.expect(403);
    for nobodys in ["Practitioner", "Organization", "SearchParameter", "ValueSet", "StructureDefinition"] {
        api.put(
            &format!("/{nobodys}/dr-{}", world.tag),
            format!(r#"{{"resourceType":"{nobodys}","id":"dr-{}"}}"#, world.tag),
        )
        .await
        .expect(403);
    }
    let both = format!(
        r#"{{"resourceType":"Group","type":"person","actual":true,"member":[{{"entity":{{"reference":"Patient/{own}"}}}},{{"entity":{{"reference":"Patient/{other}"}}}}]}}"#
    );
    api.post("/Group", both).await.expect(403);
    api.post("/Basic", r#"{"resourceType":"Basic","code":{"text":"x"}}"#).await.expect(403);
    // Of the patient, what is there may be changed.
    api.post("/Patient", patient("x", "x")).await.expect(403);
    api.delete(&format!("/Patient/{own}")).await.expect(403);
    api.put(&format!("/Patient/{own}"), patient(&own, "Other")).await.expect(200);
    api.put(&format!("/Patient/{other}"), patient(&other, "Other")).await.expect(404);
    // Consents are not for them to give.
    api.post("/Consent", consent("x", &own, r#"{"type":"permit"}"#)).await.expect(403);
    api.delete(&path).await.expect(204);
    api.get(&path).await.expect(410);
}

suite! {
    async fn a_patient_scope_writes_what_is_of_that_patient_alone(engine: Engine) {
        let server = emergency(engine, "ctx");
        let world = World::of(&server, "ctx").await;
        let api = world.token("OWNER", "launch/patient patient/*.cruds").await;
        attacks(&world, &api).await;
    }

    async fn whoever_cares_for_somebody_writes_of_them_alone(engine: Engine) {
        let server = emergency(engine, "care");
        let world = World::of(&server, "care").await;
        let api = world.token("OWNER", "user/*.cruds").await;
        attacks(&world, &api).await;
    }

    /// What conditions of scopes say holds of what is there, and of what it will be.
    async fn conditions_hold_before_and_after(server: &'static Server) {
        let world = World::of(server, "gran").await;
        let own = world.id("in");
        let api = world.token("OWNER", &format!("launch/patient patient/Observation.cuds?{LAB} patient/Observation.r")).await;
        let made = api.post("/Observation", observation(&own, "laboratory")).await.expect(201).json();
        let path = format!("/Observation/{}", made.str("id").unwrap());
        api.post("/Observation", observation(&own, "survey")).await.expect(403);
        let category = observation(&own, "vital-signs").at("category").unwrap().clone();
        api.put(&path, made.clone().with("category", category)).await.expect(403);
        api.put(&path, made.clone().with("valueString", Json::text("z"))).await.expect(200);
        let vital = format!("/Observation/{own}-vital-signs");
        api.get(&vital).await.expect(200);
        let as_lab = observation(&own, "laboratory").with("id", Json::text(format!("{own}-vital-signs")));
        api.put(&vital, as_lab).await.expect(404);
        api.delete(&vital).await.expect(204);
        assert_eq!(world.version(&vital).await, "1", "it is not among what may be deleted");
        patch(&api, &path, r#"[{"op":"replace","path":"/category/0/coding/0/code","value":"vital-signs"}]"#).await.expect(403);
        api.delete(&path).await.expect(204);
        api.post("/Condition", r#"{"resourceType":"Condition"}"#).await.expect(403);
        // A text and a date.
        let scopes = "launch/patient patient/Patient.rus?name=Fam&birthdate=ge1970 patient/Observation.r";
        let named = world.token("OWNER", scopes).await;
        named.get(&format!("/Patient/{own}")).await.expect(404);
        world.save(&patient(&own, "Family")).await;
        named.get(&format!("/Patient/{own}")).await.expect(200);
        named.put(&format!("/Patient/{own}"), patient(&own, "Other")).await.expect(403);
        named.put(&format!("/Patient/{own}"), patient(&own, "Famous").with("birthDate", Json::text("1969-12-31"))).await.expect(403);
        named.put(&format!("/Patient/{own}"), patient(&own, "Famous").with("birthDate", Json::text("1970"))).await.expect(200);
    }

    /// What a role does not permit no scope gives; what a Consent denies neither.
    async fn roles_and_consents_bound_scopes(server: &'static Server) {
        let world = World::of(server, "role").await;
        let own = world.id("in");
        let doctor = world.token("DOCTOR", "launch/patient patient/*.cruds").await;
        doctor.post("/Observation", observation(&own, "survey")).await.expect(201);
        doctor.delete(&format!("/Observation/{own}-laboratory")).await.expect(403);
        let admin = world.token("ADMIN", "launch/patient patient/*.cruds").await;
        admin.get(&format!("/Observation/{own}-laboratory")).await.expect(200);
        admin.post("/Observation", observation(&own, "survey")).await.expect(403);
        let app = App::public(server, "role-own", MOST).await;
        let mut browser = someone(server, "role-own", &format!("Patient/{own}")).await;
        let token = app.approved(&mut browser, "launch/patient patient/*.cruds").await;
        let own_app = Client::new(server.address(), token.str("access_token"));
        own_app.get(&format!("/Observation/{own}-laboratory")).await.expect(200);
        own_app.post("/Observation", observation(&own, "survey")).await.expect(403);
        own_app.put(&format!("/Patient/{own}"), patient(&own, "x")).await.expect(403);
        let rule = r#"{"type":"permit","provision":[{"type":"deny","actor":[{"role":{"coding":[{"code":"IRCP"}]},"reference":{"reference":"Practitioner/dr-role"}}]}]}"#;
        world.save(&consent("deny-role", &own, rule)).await;
        doctor.post("/Observation", observation(&own, "survey")).await.expect(422);
        doctor.put(&format!("/Observation/{own}-laboratory"), observation(&own, "laboratory")).await.expect(404);
    }
}
