//! What SQL shows is what the decision permits, row by row: random Consents of a patient, written by one server, and what
//! servers that apply them show, beside `consent::decide_on` of the same Consents and resources.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use consent::labels::ACT_CODE;
use consent::purpose::with_all_under;
use consent::statute::{Demand, Law};
use consent::{Asking, Coding, Directive, Found, Labels, PolicyDefault, Statutes, decide_on, in_force};
use gateway_tests::{Client, Counsel, Engine, Json, Options, Random, Server, consent, own, rounds, suite};
use mappers::json::Document;

const DOCTOR: &str = "Practitioner/dr";
const GROUP: &str = "Group/emergency";

fn coding(system: &str, code: &str) -> String {
    format!(r#"{{"system":"http://terminology.hl7.org/CodeSystem/{system}","code":"{code}"}}"#)
}

/// Resources that differ in all that rules ask for.
fn record() -> Vec<Json> {
    let mut record = Vec::new();
    let (level, sensitive) = (|code| coding("v3-Confidentiality", code), |code| coding("v3-ActCode", code));
    let labels = [
        String::new(),
        level("N"),
        level("R"),
        level("V"),
        sensitive("HIV"),
        sensitive("PSYTHPN"),
        sensitive("42CFRPart2"),
        sensitive("NEWER"),
        format!("{},{}", level("N"), sensitive("ETHUD")),
        coding("v3-ActReason", "HTEST"),
        sensitive("STD"),
    ];
    for (at, label) in labels.iter().enumerate() {
        let (kind, code) =
            if at % 3 == 2 { ("Condition", "0-0") } else { ("Observation", ["29463-7", "2339-0"][at % 2]) };
        let (performer, time) =
            if kind == "Condition" { ("recorder", "recordedDate") } else { ("performer", "effectiveDateTime") };
        let mut resource = Json::of(&format!(
            r#"{{"resourceType":"{kind}","id":"r{at}","meta":{{"security":[{label}]}},"subject":{{"reference":"Patient/ada"}},
            "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}}}}"#
        ));
        if label.is_empty() {
            resource.remove("", "meta");
        }
        if kind == "Observation" {
            resource = resource.with("status", Json::text("final"));
        }
        if at % 4 != 3 {
            resource = resource.with(time, Json::text(["2021-05-05", "2022", "2022-12-31"][at % 3]));
        }
        if at % 5 < 3 {
            let by = format!(r#"{{"reference":"{}"}}"#, [DOCTOR, "Practitioner/other", "Practitioner/third"][at % 5]);
            let by = if kind == "Condition" { by } else { format!("[{by}]") };
            resource = resource.with(performer, Json::of(&by));
        }
        if at % 2 == 0 {
            resource = resource.with("encounter", Json::of(r#"{"reference":"Encounter/e"}"#));
        }
        record.push(resource);
    }
    record
}

/// Criteria of a rule, understood and not.
fn criteria(random: &mut Random) -> Vec<String> {
    let recipient = |who: &str, role: &str| {
        format!(
            r#"{{"role":{{"coding":[{}]}},"reference":{{"reference":"{who}"}}}}"#,
            coding("v3-ParticipationType", role)
        )
    };
    let mut rule = Vec::new();
    if random.once_in(3) {
        let who = *random.pick(&[DOCTOR, "Practitioner/other", "Organization/o"]);
        let role = *random.pick(&["IRCP", "IRCP", "IRCP", "CST", "AUT"]);
        rule.push(format!(r#""actor":[{}]"#, recipient(who, role)));
    }
    if random.once_in(3) {
        let code = *random.pick(&["TREAT", "TREAT", "HRESCH", "ETREAT", "NONESUCH"]);
        rule.push(format!(r#""purpose":[{}]"#, coding("v3-ActReason", code)));
    }
    if random.once_in(6) {
        let code = *random.pick(&["access", "collect", "disclose", "look", "use"]);
        rule.push(format!(r#""action":[{{"coding":[{}]}}]"#, coding("consentaction", code)));
    }
    if random.once_in(4) {
        let class = *random.pick(&["Observation", "Condition", "Nonsense"]);
        rule.push(format!(r#""class":[{{"system":"http://hl7.org/fhir/resource-types","code":"{class}"}}]"#));
    }
    if random.once_in(5) {
        let code = *random.pick(&["29463-7", "0-0", "1-1"]);
        rule.push(format!(r#""code":[{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}}]"#));
    }
    if random.once_in(3) {
        let (system, code) = *random.pick(&[
            ("v3-Confidentiality", "N"),
            ("v3-Confidentiality", "R"),
            ("v3-ActCode", "HIV"),
            ("v3-ActCode", "ETH"),
            ("v3-ActCode", "PSYTHPN"),
            ("v3-ActCode", "SPI"),
            ("nobodys", "X"),
        ]);
        rule.push(format!(r#""securityLabel":[{}]"#, coding(system, code)));
    }
    if random.once_in(6) {
        let (from, until) = *random.pick(&[("2021", "2021"), ("2022-06", "2022"), ("2020", "2030"), ("2022", "2021")]);
        rule.push(format!(r#""dataPeriod":{{"start":"{from}","end":"{until}"}}"#));
    }
    if random.once_in(5) {
        let meaning = *random.pick(&["instance", "authoredby", "dependents", "related"]);
        let what = *random.pick(&["Observation/r0", "Condition/r2", "Encounter/e", DOCTOR, "Practitioner/other"]);
        rule.push(format!(r#""data":[{{"meaning":"{meaning}","reference":{{"reference":"{what}"}}}}]"#));
    }
    if random.once_in(6) {
        let end = *random.pick(&["2020-01-01", "2099-01-01"]);
        rule.push(format!(r#""period":{{"end":"{end}"}}"#));
    }
    rule
}

fn any_consent(random: &mut Random, id: &str) -> Json {
    let mut root = criteria(random);
    let kind = *random.pick(&["permit", "permit", "deny"]);
    let untyped = random.once_in(4);
    if !untyped {
        root.push(format!(r#""type":"{kind}""#));
    }
    let nested: Vec<String> = (0..random.below(3))
        .map(|_| {
            let mut rule = criteria(random);
            rule.push(format!(r#""type":"{}""#, random.pick(&["permit", "deny"])));
            format!("{{{}}}", rule.join(","))
        })
        .collect();
    if !nested.is_empty() {
        root.push(format!(r#""provision":[{}]"#, nested.join(",")));
    }
    if root.is_empty() {
        // FHIR has no empty objects.
        root.push(r#""period":{"start":"2020"}"#.to_owned());
    }
    let mut consent = consent(id, "ada", &format!("{{{}}}", root.join(",")));
    if untyped {
        let code = *random.pick(&["OPTIN", "OPTIN", "OPTOUT", "EMRGONLY"]);
        consent = consent.with("policyRule", Json::of(&format!(r#"{{"coding":[{}]}}"#, coding("v3-ActCode", code))));
    }
    if random.once_in(3) {
        consent = consent.with("identifier", Json::of(r#"[{"system":"urn:s","value":"1"}]"#));
        consent = consent.with("dateTime", Json::text(*random.pick(&["2024", "2025-02-02", "2026-01-01"])));
    }
    if random.once_in(10) {
        consent = consent.with("status", Json::text("inactive"));
    }
    consent
}

/// A table of law, and the same for the decision.
const TABLE: &str = r#"
[[law]]
labels = ["HIV"]
asks = "named"
source = "a code"
[[law]]
labels = ["SUD", "PSYTHPN"]
asks = "consent"
source = "a code"
[[law]]
labels = ["STD"]
purposes = ["TREAT"]
asks = "never"
source = "a code"
"#;

fn statutes() -> Statutes {
    let label = |code| Labels::reached(ACT_CODE, code, true).unwrap();
    let row = |labels, demand| Law { labels, purposes: None, demand, emergency: false, source: "a code".into() };
    let treatment = with_all_under("TREAT").unwrap().into_iter().map(Box::from).collect();
    let laws = vec![
        row(label("HIV"), Demand::Named),
        row(label("SUD") | label("PSYTHPN"), Demand::Consent),
        Law { purposes: Some(treatment), ..row(label("STD"), Demand::Never) },
    ];
    Statutes::new(laws, Vec::new())
}

/// What the decision permits of the record; `broken`: the glass over its patient.
fn permitted(
    (consents, statutes): (&BTreeMap<String, Json>, &Statutes),
    record: &[Json],
    (actors, broken): (&[&str], bool),
    default: PolicyDefault,
) -> Vec<String> {
    let asking = Asking {
        actors: actors.iter().map(|actor| (*actor).to_owned()).collect(),
        purpose: Some(Coding::purpose("TREAT")),
        break_glass: broken,
        action: "access".to_owned(),
        // No period of theirs begins or ends about now.
        at_ms: 1_800_000_000_000,
        statutes: statutes.clone(),
    };
    let directives = consents.iter().filter_map(|(id, consent)| {
        let text = consent.to_string();
        let document = Document::parse(text.as_bytes()).unwrap();
        Directive::read(document.root(), id)
    });
    let mut directives = in_force(directives.collect());
    directives.iter_mut().for_each(Directive::of_reads);
    let mut shown = Vec::new();
    for resource in record {
        let text = resource.to_string();
        let document = Document::parse(text.as_bytes()).unwrap();
        let found = Found::of(document.root(), Labels::NONE);
        if decide_on(&asking, &directives, &found.facts(), default).permit {
            shown.push(format!("{}/{}", resource.str("resourceType").unwrap(), resource.str("id").unwrap()));
        }
    }
    shown.sort();
    shown
}

async fn shown(api: &Client) -> Vec<String> {
    let mut shown = api.search("/?_type=Observation,Condition&_count=100").await;
    shown.sort();
    shown
}

suite! {
    async fn what_sql_shows_is_what_the_decision_permits(engine: Engine) {
        agree(engine, false).await;
    }

    async fn what_sql_shows_is_what_the_decision_permits_under_a_table_of_law(engine: Engine) {
        agree(engine, true).await;
    }
}

async fn agree(engine: Engine, with_law: bool) {
    let mut server = Server::start(engine);
    let counsel = Counsel::new(&server).await;
    let law = if with_law { statutes() } else { Statutes::default() };
    let mut key = Vec::new();
    if with_law {
        counsel.write(TABLE);
        counsel.sign().await;
        server.terminate().await;
        server.restart_with(Options { arguments: counsel.arguments().to_vec(), ..Options::default() });
        key = vec!["--statutes-key", &counsel.key];
    }
    let all = server.client();
    all.put("/Patient/ada", r#"{"resourceType":"Patient","id":"ada"}"#).await.expect(201);
    all.put("/Encounter/e", r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ada"}}"#).await.expect(201);
    let record = record();
    for resource in &record {
        all.save(resource).await.expect(201);
    }
    // Another patient, who is never seen unless the glass is broken over her.
    all.put("/Patient/eve", r#"{"resourceType":"Patient","id":"eve"}"#).await.expect(201);
    all.save(&consent("eve", "eve", r#"{"type":"deny"}"#)).await.expect(201);
    all.put("/Observation/eve", r#"{"resourceType":"Observation","id":"eve","status":"final","code":{"coding":[{"system":"urn:c","code":"x"}]},"subject":{"reference":"Patient/eve"}}"#).await.expect(201);
    // Somebody who denies nothing, and whose records have nothing sensitive.
    all.put("/Patient/bob", r#"{"resourceType":"Patient","id":"bob"}"#).await.expect(201);
    let plain: Vec<String> = (0..8).map(|number| format!("bob{number}")).collect();
    for id in &plain {
        all.put(&format!("/Observation/{id}"), format!(r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"8867-4"}}]}},"subject":{{"reference":"Patient/bob"}}}}"#)).await.expect(201);
    }
    let asking = |default: &str, more: &[&str]| {
        let arguments = ["--dev-consent", "enforce", "--dev-actor", DOCTOR, "--consent-default", default];
        let arguments = arguments.iter().chain(more).chain(&key).map(|argument| (*argument).to_owned()).collect();
        server.beside_with(Options { arguments, ..Options::default() })
    };
    let (open, strict) = (asking("treatment-opt-out", &[]), asking("opt-in", &[]));
    let (open, strict) = (open.client(), strict.client());
    let member = ["--dev-actor", GROUP, "--break-glass-group", GROUP];
    let (breaker, strict_breaker) = (asking("treatment-opt-out", &member), asking("opt-in", &member));
    let (breaker, strict_breaker) = (breaker.client(), strict_breaker.client());
    let (mut sql, grants) = (server.sql().await, own(engine, "break_glass_grants"));
    // Over whom the glass is broken, as this test keeps it.
    let mut broken: BTreeSet<&str> = BTreeSet::new();
    let mut seen_broken = 0;
    let mut random = Random::seeded(31);
    let mut consents: BTreeMap<String, Json> = BTreeMap::new();
    let (mut some, mut none) = (0, 0);
    for round in 0..rounds(150, 3_000) {
        let id = format!("c{}", random.below(3));
        let before = consents.remove(&id);
        if before.is_some() && random.once_in(4) {
            all.delete(&format!("/Consent/{id}")).await.expect(204);
        } else {
            let consent = any_consent(&mut random, &id);
            let answer = all.save(&consent).await;
            assert!(answer.status == 200 || answer.status == 201, "{consent} {}", answer.json());
            consents.insert(id, consent);
        }
        match random.below(6) {
            0 | 1 => {
                let id = *random.pick(&["ada", "ada", "eve"]);
                let reason = format!(
                    r#"{{"resourceType":"Parameters","parameter":[{{"name":"reason","valueString":"round {round}"}}]}}"#
                );
                breaker.post(&format!("/Patient/{id}/$break-glass"), reason).await.expect(201);
                broken.insert(id);
            }
            2 => {
                let end = *random.pick(&[
                    "closed = opened",
                    "expires = opened",
                    "expires = 0, opened = 0",
                    "opened = opened + 86400000",
                ]);
                // Of two that are broken, one end ends its own alone.
                let id = *random.pick(&["ada", "eve"]);
                sql.run(&format!("update {grants} set {end} where patient = '{id}' and closed is null")).await;
                broken.remove(id);
            }
            3 => {
                sql.run(&format!(
                    "update {grants} set verdict = 'justified', reviewed = opened where reviewed is null"
                ))
                .await;
            }
            _ => {}
        }
        let (alone, with_group) = ([DOCTOR], [DOCTOR, GROUP]);
        for (api, actors, default) in [
            (&open, &alone[..], PolicyDefault::Permit),
            (&strict, &alone[..], PolicyDefault::Deny),
            (&breaker, &with_group[..], PolicyDefault::Permit),
            (&strict_breaker, &with_group[..], PolicyDefault::Deny),
        ] {
            let member = actors.contains(&GROUP);
            let glass = member && broken.contains("ada");
            seen_broken += i32::from(glass);
            let (shown, mut permitted) =
                (shown(api).await, permitted((&consents, &law), &record, (actors, glass), default));
            if member && broken.contains("eve") {
                permitted.push("Observation/eve".to_owned());
            }
            if default == PolicyDefault::Permit {
                permitted.extend(plain.iter().map(|id| format!("Observation/{id}")));
            }
            permitted.sort();
            let texts: Vec<String> = consents.values().map(Json::to_string).collect();
            assert_eq!(shown, permitted, "round {round}, {default:?}, {actors:?}, {broken:?}: {}", texts.join("\n"));
            // What is counted is asked of many rows at once, in another way.
            let count = api.get("/?_type=Observation,Condition&_summary=count").await.expect(200).json();
            assert_eq!(count.str("total"), Some(&*permitted.len().to_string()), "round {round}: {}", texts.join("\n"));
            let observed = permitted.iter().filter(|name| name.starts_with("Observation/")).count();
            let count = api.get("/Observation?status=final&_summary=count").await.expect(200).json();
            assert_eq!(count.str("total"), Some(&*observed.to_string()), "round {round}: {}", texts.join("\n"));
            *(if shown.is_empty() { &mut none } else { &mut some }) += 1;
        }
    }
    assert!(seen_broken > 50, "{seen_broken} under a broken glass");
    assert!(some > 50 && none > 20, "the worlds say something: {some} with, {none} without");
}
