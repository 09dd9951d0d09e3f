//! The twin worlds of one organization: two databases that are equal but for patients whose Consents hide them, and for rows of
//! a patient that an exception hides. Whoever Consents are applied to is answered alike, byte for byte.

use gateway_tests::{
    Counsel, Engine, Json, Options, Server, consent, lab_observation, medication_request, patient, rounds,
};

use hyper::Method;

use super::{Step, alike, answers, get, script, searching, step};

/// Of what some records have, and nothing that both worlds have.
const TABLE: &str = r#"
[[law]]
labels = ["SDV"]
asks = "never"
source = "a code"
[[law]]
labels = ["HIV"]
asks = "named"
source = "a code"
"#;

/// Everybody sees twin-0 to twin-11, but for twin-3's prescriptions and what carries twin-4's code.
async fn world(engine: Engine, haunted: bool) -> (Server, Server) {
    let owner = Server::with(engine, Options { seed: Some(42), ..Options::default() });
    let all = owner.client();
    for index in 0..12 {
        let id = format!("twin-{index}");
        all.save(&patient(&id, "Seen")).await.expect(201);
        all.save(&lab_observation(&id, &id, "1.10")).await.expect(201);
        if index != 3 {
            all.save(&medication_request(&id, &id)).await.expect(201);
        }
    }
    let class = r#"[{"system":"http://hl7.org/fhir/resource-types","code":"MedicationRequest"}]"#;
    let label = r#"[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]"#;
    for (id, provision) in [
        ("twin-3", format!(r#"{{"type":"permit","provision":[{{"type":"deny","class":{class}}}]}}"#)),
        ("twin-4", format!(r#"{{"type":"permit","provision":[{{"type":"deny","securityLabel":{label}}}]}}"#)),
    ] {
        all.save(&consent(id, id, &provision)).await.expect(201);
    }
    for thing in naming() {
        all.save(&thing).await.expect(201);
    }
    if haunted {
        all.save(&medication_request("twin-3", "twin-3")).await.expect(201);
        // What no Consent permits for want of one (D2), and what is said of it: neither is shown, and no notice goes along.
        let part2 =
            r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"42CFRPart2"}]}"#;
        all.save(&lab_observation("twin-program", "twin-2", "7").with("meta", Json::of(part2))).await.expect(201);
        // What law hides, whatever Consents say.
        let never = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"SDV"}]}"#;
        all.save(&lab_observation("twin-law", "twin-1", "7").with("meta", Json::of(never))).await.expect(201);
        let named = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
        all.save(&lab_observation("twin-named", "twin-4", "7").with("meta", Json::of(named))).await.expect(201);
        for target in
            ["Observation/twin-program", "Observation/twin-law", "Observation/twin-named", "MedicationRequest/twin-3"]
        {
            let id = target.replace('/', "-").to_lowercase();
            all.save(&Json::of(&format!(
                r#"{{"resourceType":"Provenance","id":"{id}","target":[{{"reference":"{target}"}}],"recorded":"2026-01-01T00:00:00Z","agent":[{{"who":{{"display":"x"}}}}]}}"#
            ))).await.expect(201);
        }
        let very = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"V"}]}"#;
        all.save(&lab_observation("twin-15", "twin-4", "7").with("meta", Json::of(very))).await.expect(201);
        for index in 12..20 {
            let id = format!("twin-{index}");
            all.save(&patient(&id, &format!("F{}", index % 5))).await.expect(201);
            if index != 15 {
                all.save(&lab_observation(&id, &id, "98.65")).await.expect(201);
            }
            all.save(&medication_request(&id, &id)).await.expect(201);
            all.save(&consent(&id, &id, r#"{"type":"deny"}"#)).await.expect(201);
            // A copy of the record, as somebody else keeps it.
            let (person, kept) = (patient(&id, "Copied"), lab_observation(&id, &id, "3"));
            all.save(&Json::of(&format!(
                r#"{{"resourceType":"Bundle","id":"{id}","type":"collection","entry":[{{"resource":{person}}},{{"resource":{kept}}}]}}"#
            ))).await.expect(201);
        }
    }
    let counsel = Counsel::new(&owner).await;
    counsel.write(TABLE);
    counsel.keep(&owner).await;
    let arguments = ["--dev-consent", "enforce", "--dev-actor", "Practitioner/dr", "--conditional-delete", "multiple"];
    let arguments = arguments.into_iter().chain(["--statutes-key", &counsel.key]).map(str::to_owned).collect();
    let seen = owner.beside_with(Options { seed: Some(7), arguments, ..Options::default() });
    (owner, seen)
}

/// Resources that everybody sees and that say something of others, of which some are hidden in one of the worlds and not there in the
/// other.
fn naming() -> Vec<Json> {
    let item = |kind: &str, index: usize| {
        format!(
            r#"{{"item":{{"reference":"{kind}/twin-{index}","display":"word-{kind}-{index}","identifier":{{"value":"i-{index}"}}}}}}"#
        )
    };
    let list = |id: usize, items: &[String]| {
        Json::of(&format!(
            r#"{{"resourceType":"List","id":"names-{id}","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">words</div>"}},"status":"current","mode":"working","subject":{{"reference":"Patient/twin-1","display":"one"}},"entry":[{}]}}"#,
            items.join(",")
        ))
    };
    let one =
        |index: usize| list(index, &["Patient", "Observation", "MedicationRequest"].map(|kind| item(kind, index)));
    let mut all: Vec<Json> = [1, 3, 4, 9, 13, 15, 19].map(one).into();
    all.push(list(20, &[item("Observation", 1), item("Observation", 15), item("Patient", 13), item("Patient", 21)]));
    all
}

/// What is done with them.
fn about_naming() -> Vec<Step> {
    let mut steps = Vec::new();
    for list in naming() {
        let id = list.str("id").unwrap().to_owned();
        for path in ["", "/_history/1", "/_history", "/$meta", "?_elements=entry"] {
            steps.push(get(format!("/List/{id}{path}")));
        }
        let mut bare = list.clone();
        bare.remove("", "text");
        for index in 0..bare.items("entry").len() {
            bare.remove(&format!("entry.{index}.item"), "display");
        }
        steps.push(step(Method::PUT, format!("/List/{id}"), Some(bare.to_string())));
        bare.remove("", "entry");
        steps.push(step(Method::PUT, format!("/List/{id}"), Some(bare.to_string())));
        steps.push(get(format!("/List/{id}")));
    }
    for index in [1, 3, 9, 13, 15, 19, 21] {
        steps.push(get(format!("/List?item:identifier=i-{index}&_total=accurate")));
        steps.push(get(format!("/List?item=Observation/twin-{index}&_include=List:item")));
    }
    // Provenances, and records of a program, that only one of the worlds has.
    for target in [
        "Observation/twin-program",
        "Observation/twin-law",
        "Observation/twin-named",
        "Observation/twin-13",
        "MedicationRequest/twin-3",
        "Observation/twin-1",
    ] {
        let id = target.replace('/', "-").to_lowercase();
        for path in [
            format!("/Provenance/{id}"),
            format!("/Provenance?target={target}&_total=accurate"),
            format!("/{target}"),
            format!("/{target}/_history"),
        ] {
            steps.push(get(path));
        }
        let (kind, id) = target.split_once('/').unwrap();
        steps.push(get(format!("/{kind}?_id={id}&_revinclude=Provenance:target")));
        if id != "twin-1" {
            let mut deletion = step(Method::DELETE, format!("/{target}"), None);
            let said = r#"{"resourceType":"Provenance","agent":[{"who":{"display":"x"}}]}"#;
            deletion.headers.push(("X-Provenance", said.to_owned()));
            steps.push(deletion);
        }
    }
    let all = ["/Provenance", "/Provenance?_summary=count", "/Provenance/_history", "/Observation?patient=twin-2"];
    steps.extend(all.map(get));
    steps.push(get("/Patient/twin-2/$everything"));
    steps.extend(
        ["/List?_summary=true", "/List?_count=2", "/Patient/twin-1/List", "/List?subject:identifier=x"].map(get),
    );
    steps
}

/// Whoever asks breaks the glass over patients whom all see in both worlds, tries it for ids that only one of them has as one who
/// may not, and asks for what is hidden all the same.
fn breaking() -> Vec<Step> {
    let reason = |minutes: i32| {
        format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"reason","valueString":"coma"}},{{"name":"minutes","valueInteger":{minutes}}}]}}"#
        )
    };
    let mut steps = Vec::new();
    for (id, minutes) in [("twin-1", 60), ("twin-5", 5), ("twin-5", 200), ("twin-6", 0), ("twin-7", 241)] {
        steps.push(step(Method::POST, format!("/Patient/{id}/$break-glass"), Some(reason(minutes))));
        for path in ["/Communication", "/Communication?_summary=count", "/_history?_count=5"] {
            steps.push(get(path));
        }
    }
    for index in 10..16 {
        for path in ["", "/$everything", "/_history", "/Communication"] {
            steps.push(get(format!("/Patient/twin-{index}{path}")));
        }
        steps.push(step(Method::GET, format!("/Patient/twin-{index}/$break-glass"), None));
        steps.push(get(format!("/Patient/twin-{index}/$consent-explain?actor=Practitioner/dr&purpose=TREAT")));
        steps.push(get(format!(
            "/$consent-explain?resource=Observation/twin-{index}&actor=Practitioner/dr&purpose=TREAT"
        )));
    }
    steps
}

/// Who may not break the glass is answered alike, whoever is there.
fn refused() -> Vec<Step> {
    let body = r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"x"}]}"#;
    (0..20)
        .map(|index| step(Method::POST, format!("/Patient/twin-{index}/$break-glass"), Some(body.to_owned())))
        .collect()
}

/// What breaking the glass itself answers tells of no id whether it is there: the answers to all of them, in both worlds.
fn broken() -> Vec<Step> {
    refused().into_iter().rev().collect()
}

/// The trail, which in one of the worlds has records of what is hidden in the other: to who is no privacy officer there is none.
fn trail() -> Vec<Step> {
    let source = "_source=urn:fhir-gateway:audit";
    let searches = [
        "",
        "&_summary=count",
        "&_total=accurate&_count=1",
        "&patient=twin-13",
        "&entity=Patient/twin-13",
        "&_sort=date",
    ];
    let mut steps: Vec<Step> = searches.iter().map(|more| get(format!("/AuditEvent?{source}{more}"))).collect();
    for index in 10..16 {
        steps.push(get(format!("/Patient/twin-{index}/AuditEvent?{source}")));
        steps.push(get(format!("/AuditEvent/audit-0-{index}")));
    }
    steps.extend(["/AuditEvent/audit-1-1/_history/1", "/AuditEvent", "/AuditEvent?type=rest"].map(get));
    steps.push(step(Method::DELETE, "/AuditEvent/audit-1-1", None));
    steps
}

pub(super) async fn breaking_the_glass_tells_what_it_shows(engine: Engine) {
    let (plain_owner, outsider) = world(engine, false).await;
    let (haunted_owner, haunted_outsider) = world(engine, true).await;
    alike(&answers(&outsider, &refused()).await, &answers(&haunted_outsider, &refused()).await, "who may not");
    alike(&answers(&outsider, &trail()).await, &answers(&haunted_outsider, &trail()).await, "the trail");
    let member = |owner: &Server| {
        let arguments =
            ["--dev-consent", "enforce", "--dev-actor", "Practitioner/dr", "--dev-actor", "Group/emergency"];
        let key = Counsel::of(owner).key;
        let more = ["--break-glass-group", "Group/emergency", "--statutes-key", &key];
        let arguments = arguments.into_iter().chain(more).map(str::to_owned);
        owner.beside_with(Options { seed: Some(8), arguments: arguments.collect(), ..Options::default() })
    };
    let (plain, haunted) = (member(&plain_owner), member(&haunted_owner));
    // Over patients who are there in both worlds: whatever is asked, before and after.
    let steps: Vec<Step> = [about_naming(), breaking(), script(15)].into_iter().flatten().collect();
    alike(
        &answers(&plain, &steps).await,
        &answers(&haunted, &steps).await,
        "with the glass broken over visible patients",
    );
    // Over the others: the breaking is answered alike, and only what is read after it differs.
    let (seen, others) = (answers(&plain, &broken()).await, answers(&haunted, &broken()).await);
    alike(&seen, &others, "breaking the glass over hidden and absent patients");
    let look = || vec![get("/Patient/twin-13")];
    assert_ne!(answers(&plain, &look()).await, answers(&haunted, &look()).await, "now the glass is broken");
    alike(
        &answers(&outsider, &script(16)).await,
        &answers(&haunted_outsider, &script(16)).await,
        "to others it is not",
    );
}

pub(super) async fn what_consents_hide_changes_nothing(engine: Engine) {
    let (_plain_owner, plain) = world(engine, false).await;
    let (_haunted_owner, haunted) = world(engine, true).await;
    alike(
        &answers(&plain, &about_naming()).await,
        &answers(&haunted, &about_naming()).await,
        "what names what is hidden",
    );
    for seed in [11, 12] {
        let mut steps = script(seed);
        steps.extend(
            ["/Bundle", "/Bundle?_summary=count", "/Bundle/twin-12", "/Bundle/_history", "/?_id=twin-13"].map(get),
        );
        alike(&answers(&plain, &steps).await, &answers(&haunted, &steps).await, "with and without what Consents hide");
    }
    let steps = searching(13, rounds(600, 5_000));
    alike(
        &answers(&plain, &steps).await,
        &answers(&haunted, &steps).await,
        "searches with and without what Consents hide",
    );
}
