//! Consents that somebody gave in a patient's place: their permits hold while the relationship is on record and valid and gives
//! authority, a parent's until the patient is of age, and reach nothing that is sensitive. Their denies hold always.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the tests of apps use the rest")]
mod app;

use app::{App, command, pick, someone};
use gateway_tests::{Client, Engine, Json, Options, Random, Server, consent, lab_observation, own, rounds, suite};

const DOCTOR: &str = "Practitioner/dr";

fn beside(server: &Server, default: &str) -> Server {
    let arguments = ["--dev-consent", "enforce", "--dev-actor", DOCTOR, "--consent-default", default];
    server.beside_with(Options { arguments: arguments.map(str::to_owned).into(), ..Options::default() })
}

fn child(born: Option<&str>) -> Json {
    let born = born.map(|born| format!(r#","birthDate":"{born}""#)).unwrap_or_default();
    Json::of(&format!(r#"{{"resourceType":"Patient","id":"kim","name":[{{"family":"Kim"}}]{born}}}"#))
}

/// A relative: relationship, and what else there is to say.
fn relative(id: &str, patient: &str, role: &str, more: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"RelatedPerson","id":"{id}","patient":{{"reference":"Patient/{patient}"}},
        "relationship":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"{role}"}}]}}]{more}}}"#
    ))
}

fn given(id: &str, kind: &str, performers: &[&str]) -> Json {
    let list: Vec<String> = performers.iter().map(|who| format!(r#"{{"reference":"{who}"}}"#)).collect();
    consent(id, "kim", &format!(r#"{{"type":"{kind}"}}"#)).with("performer", Json::of(&format!("[{}]", list.join(","))))
}

async fn seen(api: &Client) -> Vec<String> {
    let mut seen = api.search("/Observation?patient=kim").await;
    seen.sort();
    seen
}

/// What a search finds; nothing where the scopes reach nothing.
async fn found(api: &Client) -> Vec<String> {
    if api.get("/Observation").await.status == 403 { Vec::new() } else { api.search("/Observation").await }
}

async fn save(api: &Client, resource: &Json) {
    let answer = api.save(resource).await;
    assert!([200, 201].contains(&answer.status), "{resource} {}", answer.json());
}

fn labelled(id: &str, code: &str) -> Json {
    let label =
        format!(r#"{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}}"#);
    lab_observation(id, "kim", "1").with("meta", Json::of(&label))
}

const ACTIVE: &str = r#","active":true"#;

suite! {
    async fn a_parent_permits_for_a_child_what_is_not_sensitive(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        save(&all, &child(Some("2020-02-29"))).await;
        save(&all, &lab_observation("plain", "kim", "1")).await;
        for (id, code) in [("hiv", "HIV"), ("part2", "42CFRPart2"), ("therapy", "PSYTHPN"), ("odd", "NEWER")] {
            save(&all, &labelled(id, code)).await;
        }
        let strict = beside(&server, "opt-in");
        let api = strict.client();
        let permit = given("c", "permit", &["RelatedPerson/m"]);
        save(&all, &permit).await;
        assert_eq!(seen(&api).await, [""; 0], "nobody is on record");
        // Each of them alone is not enough; the rules are made anew with every change of whom they stand on.
        for (relative, sees) in [
            (relative("m", "kim", "MTH", ""), false),
            (relative("m", "kim", "MTH", r#","active":false"#), false),
            (relative("m", "kim", "AUNT", ACTIVE), false),
            (relative("m", "kim", "MTH", r#","active":true,"period":{"end":"2021"}"#), false),
            (relative("m", "kim", "MTH", r#","active":true,"period":{"start":"2098"}"#), false),
            (relative("m", "kim", "MTH", r#","active":true,"period":{"start":"2020-02-29"}"#), true),
            (relative("m", "kim", "MTH", ACTIVE), true),
        ] {
            save(&all, &relative).await;
            let wanted: &[&str] = if sees { &["Observation/plain"] } else { &[] };
            assert_eq!(seen(&api).await, wanted, "{relative}");
        }
        // All of them must have authority, and nobody else has.
        for (performers, sees) in [
            (&["RelatedPerson/m", "Patient/kim"][..], true),
            (&["RelatedPerson/m", "RelatedPerson/none"], false),
            (&["RelatedPerson/m", "Practitioner/x"], false),
            (&["Practitioner/x"], false),
            (&["RelatedPerson/m"], true),
        ] {
            save(&all, &given("c", "permit", performers)).await;
            assert_eq!(seen(&api).await.len(), usize::from(sees), "{performers:?}");
        }
        // Of age, and with a birth date that nobody knows, the mother says nothing any more; a guardian does.
        for (born, mother, guardian) in [(Some("1990-01-01"), 0, 1), (None, 0, 1), (Some("2020"), 1, 1)] {
            save(&all, &child(born)).await;
            save(&all, &relative("m", "kim", "MTH", ACTIVE)).await;
            assert_eq!(seen(&api).await.len(), mother, "{born:?}");
            save(&all, &relative("m", "kim", "GUARD", ACTIVE)).await;
            assert_eq!(seen(&api).await.len(), guardian, "{born:?}");
        }
        save(&all, &relative("m", "kim", "MTH", ACTIVE)).await;
        assert_eq!(seen(&api).await.len(), 1);
        // Somebody else's mother, and nobody's any more.
        all.put("/Patient/lee", r#"{"resourceType":"Patient","id":"lee","birthDate":"2020"}"#).await.expect(201);
        save(&all, &relative("m", "lee", "MTH", ACTIVE)).await;
        assert_eq!(seen(&api).await, [""; 0]);
        save(&all, &relative("m", "kim", "MTH", ACTIVE)).await;
        assert_eq!(seen(&api).await.len(), 1);
        all.delete("/RelatedPerson/m").await.expect(204);
        assert_eq!(seen(&api).await, [""; 0]);
        // Denies hold, whoever gave them.
        let open = beside(&server, "treatment-opt-out");
        assert!(seen(&open.client()).await.contains(&"Observation/plain".to_owned()));
        save(&all, &given("d", "deny", &["RelatedPerson/m"])).await;
        assert_eq!(seen(&open.client()).await, [""; 0]);
    }

    /// A mother and guardian logs in: she chooses for whom, and her apps see what her authority reaches, while she has it.
    async fn whoever_has_authority_lets_an_app_see_a_childs_record(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        save(&all, &child(Some("2020-02-29"))).await;
        for (id, born) in [("lee", "2021-01-01"), ("big", "1990-01-01"), ("other", "2021-01-01")] {
            save(&all, &child(Some(born)).with("id", Json::text(id))).await;
            save(&all, &lab_observation(&format!("of-{id}"), id, "1")).await;
        }
        for (id, code) in [("hiv", "HIV"), ("part2", "42CFRPart2"), ("odd", "NEWER")] {
            save(&all, &labelled(id, code)).await;
        }
        let spoken = r#"[{"reference":"Observation/hiv","display":"Geheim"},{"reference":"Observation/odd","display":"Geheim"}]"#;
        save(&all, &lab_observation("plain", "kim", "1").with("derivedFrom", Json::of(spoken))).await;
        save(&all, &relative("m-kim", "kim", "MTH", ACTIVE)).await;
        save(&all, &relative("m-lee", "lee", "GUARD", ACTIVE)).await;
        save(&all, &relative("m-big", "big", "MTH", ACTIVE)).await;
        let scopes = "launch/patient openid fhirUser patient/*.rs user/*.rs offline_access";
        let app = App::confidential(&server, "family", &format!("{scopes} patient/*.cruds")).await;
        let mut browser = someone(&server, "mother", "RelatedPerson/m-kim").await;

        // Of one child there is no choice.
        let page = app.ask(&mut browser, scopes).await;
        assert!(page.text().contains("record kim"), "{}", page.text());
        // Of two there is; of whom she has no authority, none.
        let id = app::account(&server, "mother").await;
        let actors = ["RelatedPerson/m-kim", "RelatedPerson/m-lee", "RelatedPerson/m-big"];
        let mut change = vec!["account", "change", &*id, "--by", "Jane"];
        actors.iter().for_each(|actor| change.extend(["--actor", *actor]));
        command(&server, &change).await;
        let mut browser = app::again(&server, "mother").await;
        let picker = app.ask(&mut browser, scopes).await;
        assert!(picker.text().contains("For whom?"), "{}", picker.text());
        assert!(picker.html.contains("value=\"kim\"") && picker.html.contains("value=\"lee\""), "{}", picker.html);
        assert!(!picker.html.contains("value=\"big\"") && !picker.html.contains("value=\"other\""), "{}", picker.html);
        let mut pages = Vec::new();
        for nobodys in ["big", "other", "nobody"] {
            let other = gateway_tests::Shown { html: picker.html.replace("value=\"kim\"", &format!("value=\"{nobodys}\"")), ..picker.clone() };
            let form = other.html.split("<form").find(|form| form.contains(&format!("value=\"{nobodys}\""))).unwrap().to_owned();
            let refused = browser.press(&gateway_tests::Shown { html: format!("<form{form}"), ..other }, "choose", &[]).await;
            assert_eq!(refused.status, 403, "{nobodys}");
            pages.push(refused.html.replace(nobodys, "WHO"));
        }
        assert!(pages.iter().all(|page| *page == pages[0] && !page.is_empty()), "whether somebody is there is not told: {pages:?}");
        let page = pick(&mut browser, &picker, "kim").await;
        let answered = browser.press(&page, "approve", &[]).await;
        let token = app.exchange(&answered.parameter("code").expect("a code")).await.expect(200).json();
        assert_eq!(token.str("patient"), Some("kim"));
        let told = app.introspect(token.str("access_token").unwrap()).await;
        assert_eq!((told.str("patient"), told.str("fhirUser").map(|user| user.ends_with("RelatedPerson/m-kim"))), (Some("kim"), Some(true)), "{told}");
        let api = Client::new(server.address(), token.str("access_token"));
        // What is sensitive, and what nobody knows to be plain, a proxy does not reach (E5).
        assert_eq!(seen(&api).await, ["Observation/plain"]);
        for hidden in ["hiv", "part2", "odd", "of-big", "of-other"] {
            api.get(&format!("/Observation/{hidden}")).await.expect(404);
            api.get(&format!("/Observation/{hidden}/_history")).await.expect(404);
        }
        let plain = api.get("/Observation/plain").await.expect(200);
        assert!(!plain.text().contains("Geheim"), "what is plain says nothing of what is not: {}", plain.text());
        assert!(all.get("/Observation/plain").await.expect(200).text().contains("Geheim"));
        api.get("/Patient/kim").await.expect(200);
        api.get("/RelatedPerson/m-kim").await.expect(200);
        // user/ reaches all whom she acts for, patient/ the one who was chosen.
        assert_eq!(api.search("/Observation?_sort=_id").await, ["Observation/of-lee", "Observation/plain"]);
        let narrow = app.refresh(&token, &[("scope", "patient/*.rs")]).await.expect(200).json();
        let one = Client::new(server.address(), narrow.str("access_token"));
        assert_eq!(one.search("/Observation").await, ["Observation/plain"]);
        one.post("/Observation", lab_observation("x", "kim", "1")).await.expect(403);

        // Authority that ends is gone at once, whoever ends it and however.
        let mut sql = server.sql().await;
        let (yes, no) = if engine == Engine::Postgres { ("true", "false") } else { ("1", "0") };
        assert_eq!(found(&one).await.len(), 1);
        sql.run(&format!("update related_persons set active = {no} where id = 'm-kim'")).await;
        assert_eq!(found(&one).await, [""; 0]);
        one.get("/Patient/kim").await.expect(403);
        assert_eq!(found(&api).await, ["Observation/of-lee"]);
        let page = app.ask(&mut browser, scopes).await;
        assert!(page.text().contains("record lee"), "{}", page.text());
        sql.run(&format!("update related_persons set active = {yes} where id = 'm-kim'")).await;
        assert_eq!(found(&one).await, ["Observation/plain"]);
        save(&all, &child(Some("1990-02-28"))).await;
        assert_eq!(found(&one).await, [""; 0], "who is of age says it alone");
        save(&all, &child(Some("2020-02-29"))).await;
        assert_eq!(found(&one).await.len(), 1);
        // What a Consent denies them is denied.
        let deny = r#"{"type":"deny","actor":[{"role":{"coding":[{"code":"IRCP"}]},"reference":{"reference":"RelatedPerson/m-kim"}}]}"#;
        save(&all, &consent("no", "kim", deny)).await;
        assert_eq!(found(&one).await, [""; 0]);
        for relative in ["m-kim", "m-lee"] {
            all.delete(&format!("/RelatedPerson/{relative}")).await.expect(204);
        }
        assert_eq!(found(&api).await, [""; 0]);
        let page = app.ask(&mut browser, scopes).await;
        assert!(page.text().contains("nobody here for whom you may decide"), "{}", page.text());
    }

    /// Relatives go along with the patient whose they are: nobody logs in as whoever has their id then.
    async fn an_erasure_closes_the_logins_of_relatives(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        for id in ["kim", "lee"] {
            save(&all, &child(Some("2020-02-29")).with("id", Json::text(id))).await;
        }
        for (id, patient) in [("m-kim", "kim"), ("f-kim", "kim"), ("m-lee", "lee")] {
            save(&all, &relative(id, patient, "MTH", ACTIVE)).await;
        }
        for (login, actors) in [("mother", &["m-kim", "m-lee"][..]), ("father", &["f-kim"])] {
            let mut add = vec!["account", "add", "--by", "Jane", "--login", login, "--name", login, "--role", "PATIENT"];
            let actors: Vec<String> = actors.iter().map(|id| format!("RelatedPerson/{id}")).collect();
            actors.iter().for_each(|actor| add.extend(["--actor", actor]));
            command(&server, &add).await;
        }
        let asked = command(&server, &["purge", "request", "--json", "--by", "Jane Doe", "--reason", "court-order", "--patient", "kim"]).await;
        command(&server, &["purge", "approve", Json::of(&asked).str("id").unwrap(), "--by", "John Roe"]).await;
        let list = Json::of(&command(&server, &["account", "list", "--json"]).await).to_string();
        let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        let of = |login: &str| list.iter().find(|account| account["login"] == login).unwrap();
        assert_eq!((of("mother")["actors"].to_string(), of("mother")["disabled"].is_null()), (r#"["RelatedPerson/m-lee"]"#.to_owned(), true));
        assert_eq!((of("father")["actors"].to_string(), of("father")["disabled"].is_null()), ("[]".to_owned(), false), "{list:?}");
    }

    /// What another program writes counts from its commit on, and a database of before gets its rules at the start.
    async fn foreign_rows_and_older_databases(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        save(&all, &child(Some("2020-01-01"))).await;
        save(&all, &lab_observation("plain", "kim", "1")).await;
        save(&all, &relative("m", "kim", "MTH", ACTIVE)).await;
        save(&all, &given("c", "permit", &["RelatedPerson/m"])).await;
        let strict = beside(&server, "opt-in");
        let api = strict.client();
        assert_eq!(seen(&api).await.len(), 1);
        let mut sql = server.sql().await;
        let (yes, no) = if engine == Engine::Postgres { ("true", "false") } else { ("1", "0") };
        sql.run(&format!("update related_persons set active = {no}")).await;
        assert_eq!(seen(&api).await, [""; 0]);
        sql.run(&format!("update related_persons set active = {yes}")).await;
        assert_eq!(seen(&api).await.len(), 1);
        sql.run("update patients set date_of_birth = '1980-01-01'").await;
        assert_eq!(seen(&api).await, [""; 0]);
        sql.run("update patients set date_of_birth = '2020-01-01'").await;
        assert_eq!(seen(&api).await.len(), 1);
        for table in ["consent_rules", "consent_epochs"] {
            sql.run(&format!("delete from {}", own(engine, table))).await;
        }
        assert_eq!(seen(&beside(&server, "opt-in").client()).await.len(), 1);
    }

    /// Random families: what is seen is what a second, simple reading of the rulings says, and `$consent-explain` agrees.
    async fn random_families(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        save(&all, &child(Some("2020-01-01"))).await;
        save(&all, &lab_observation("plain", "kim", "1")).await;
        save(&all, &labelled("hiv", "HIV")).await;
        let strict = beside(&server, "opt-in");
        let officer = server.beside_with(Options {
            arguments: ["--dev-consent", "enforce", "--consent-default", "opt-in"].map(str::to_owned).into(), ..Options::default()
        });
        let (api, officer) = (strict.client(), officer.client());
        let mut random = Random::seeded(5);
        // What the test knows: whether kim is a child; of each relative whether it is one with authority over whom; who gave each.
        let mut child_now = true;
        let mut relatives: std::collections::BTreeMap<String, Option<bool>> = std::collections::BTreeMap::new();
        let mut consents: std::collections::BTreeMap<String, (bool, Vec<String>)> = std::collections::BTreeMap::new();
        let mut some = 0;
        for round in 0..rounds(60, 1_000) {
            match random.below(4) {
                0 => {
                    child_now = !random.once_in(3);
                    save(&all, &child(Some(if child_now { "2021-03" } else { "2001-03" }))).await;
                }
                1 | 2 => {
                    let id = format!("m{}", random.below(2));
                    let role = *random.pick(&["MTH", "FTH", "PRN", "GUARD", "HPOWATT", "AUNT", "SPS"]);
                    let (more, valid) = *random.pick(&[(ACTIVE, true), (ACTIVE, true), ("", false), (r#","active":true,"period":{"end":"2022"}"#, false)]);
                    let anyone = match role { "GUARD" | "HPOWATT" => Some(true), "MTH" | "FTH" | "PRN" => Some(false), _ => None };
                    save(&all, &relative(&id, "kim", role, more)).await;
                    relatives.insert(id, anyone.filter(|_| valid));
                }
                _ => {
                    let id = format!("c{}", random.below(2));
                    let permit = !random.once_in(4);
                    let mut who = vec![format!("RelatedPerson/m{}", random.below(2))];
                    if random.once_in(3) {
                        who.push((*random.pick(&["Patient/kim", "RelatedPerson/m0", "RelatedPerson/m1", "Organization/o"])).to_owned());
                    }
                    let performers: Vec<&str> = who.iter().map(String::as_str).collect();
                    save(&all, &given(&id, if permit { "permit" } else { "deny" }, &performers)).await;
                    consents.insert(id, (permit, who));
                }
            }
            let may = |who: &String| match who.strip_prefix("RelatedPerson/") {
                Some(id) => relatives.get(id).copied().flatten().is_some_and(|anyone| anyone || child_now),
                None => who == "Patient/kim",
            };
            let denied = consents.values().any(|(permit, _)| !permit);
            let permitted = consents.values().any(|(permit, who)| *permit && who.iter().all(may));
            let wanted: &[&str] = if permitted && !denied { &["Observation/plain"] } else { &[] };
            assert_eq!(seen(&api).await, wanted, "round {round}: {child_now} {relatives:?} {consents:?}");
            some += wanted.len();
            let told = officer.get(&format!("/Patient/kim/$consent-explain?actor={DOCTOR}&purpose=TREAT")).await.expect(200).json();
            let agreed = told.items("parameter").iter().find(|one| one.str("name") == Some("agreed")).unwrap();
            assert_eq!(agreed.at("valueBoolean"), Some(&Json::Bool(true)), "{told}");
        }
        assert!(some > 5, "{some}");
    }
}
