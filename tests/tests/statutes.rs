//! The customer's table of law: nothing but a signed one counts, it asks for more before anybody is shown what it is about, and
//! what it says of minors lets a parent's permit reach what E5 keeps from it, until then.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use gateway_tests::{Client, Command, Counsel, Engine, Json, Options, Server, consent, lab_observation, own, suite};

const DOCTOR: &str = "Practitioner/dr";

fn labelled(id: &str, patient: &str, code: &str) -> Json {
    let label =
        format!(r#"{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}}"#);
    lab_observation(id, patient, "1").with("meta", Json::of(&label))
}

/// A server beside that applies Consents for one caller.
fn asking(server: &Server, key: &str, purpose: &str, actor: &str, default: &str) -> Server {
    let arguments =
        ["--dev-consent", "enforce", "--dev-actor", actor, "--dev-purpose", purpose, "--consent-default", default];
    let key: &[&str] = if key.is_empty() { &[] } else { &["--statutes-key", key] };
    let arguments = arguments.into_iter().chain(key.iter().copied()).map(str::to_owned).collect();
    server.beside_with(Options { arguments, ..Options::default() })
}

async fn seen(api: &Client) -> Vec<String> {
    let mut seen = api.search("/Observation?patient=kim").await;
    seen.sort();
    let count = api.get("/Observation?patient=kim&_summary=count").await.expect(200).json();
    assert_eq!(count.str("total"), Some(&*seen.len().to_string()), "what is counted is what is shown");
    for id in ["plain", "hiv", "sud", "dvd", "gdis"] {
        let shown = seen.contains(&format!("Observation/{id}"));
        let answer = api.get(&format!("/Observation/{id}")).await;
        assert_eq!(answer.status, if shown { 200 } else { 404 }, "{id}");
        assert_eq!(api.get(&format!("/Observation/{id}/_history/1")).await.status, answer.status, "{id}, its version");
    }
    seen.into_iter().map(|name| name.trim_start_matches("Observation/").to_owned()).collect()
}

async fn save(api: &Client, resource: &Json) {
    let answer = api.save(resource).await;
    assert!([200, 201].contains(&answer.status), "{resource} {}", answer.json());
}

const TABLE: &str = r#"
jurisdiction = "US-CA"
[[law]]
jurisdiction = "US-CA"
labels = ["HIV"]
asks = "named"
emergency = true
source = "a state's code, 1"
[[law]]
jurisdiction = "US"
labels = ["SUD"]
purposes = ["TREAT", "HPAYMT"]
asks = "consent"
source = "a code, 2"
[[law]]
labels = ["GDIS"]
purposes = ["HPAYMT"]
asks = "never"
source = "a code, 3"
[[law]]
jurisdiction = "US-NY"
labels = ["DVD"]
asks = "never"
source = "another state's"
"#;

suite! {
    async fn law_asks_for_more_than_consents_and_defaults_do(engine: Engine) {
        let mut server = Server::start(engine);
        let all = server.client();
        save(&all, &Json::of(r#"{"resourceType":"Patient","id":"kim"}"#)).await;
        save(&all, &lab_observation("plain", "kim", "1")).await;
        for (id, code) in [("hiv", "HIV"), ("sud", "OPIOIDUD"), ("dvd", "DVD"), ("gdis", "GDIS")] {
            save(&all, &labelled(id, "kim", code)).await;
        }
        let counsel = Counsel::new(&server).await;
        counsel.write(TABLE);
        counsel.sign().await;
        server.terminate().await;
        server.restart_with(Options { arguments: counsel.arguments().to_vec(), ..Options::default() });
        let all = server.client();
        let of = |purpose, actor| asking(&server, &counsel.key, purpose, actor, "treatment-opt-out");
        let (treating, paying) = (of("TREAT", DOCTOR), of("HPAYMT", DOCTOR));
        let (emergency, herself) = (of("ETREAT", DOCTOR), of("PATRQT", "Patient/kim"));
        let (treating, paying, emergency, herself) = (treating.client(), paying.client(), emergency.client(), herself.client());
        let everything = ["dvd", "gdis", "hiv", "plain", "sud"];
        assert_eq!(seen(&treating).await, ["dvd", "gdis", "plain"]);
        assert_eq!(seen(&paying).await, ["dvd", "plain"]);
        // ETREAT is under TREAT, and the second row makes no exception for it.
        assert_eq!(seen(&emergency).await, ["dvd", "gdis", "hiv", "plain"]);
        assert_eq!(seen(&herself).await, everything, "45 CFR 164.524");
        // A Consent is enough for the one, and does not name the other.
        save(&all, &consent("c", "kim", r#"{"type":"permit"}"#)).await;
        assert_eq!(seen(&treating).await, ["dvd", "gdis", "plain", "sud"]);
        assert_eq!(seen(&paying).await, ["dvd", "plain", "sud"]);
        assert_eq!(seen(&emergency).await, ["dvd", "gdis", "hiv", "plain", "sud"]);
        let naming = |code: &str| format!(r#"{{"type":"permit","provision":[{{"type":"permit","securityLabel":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}}]}}"#);
        save(&all, &consent("c", "kim", &naming("GDIS"))).await;
        assert_eq!(seen(&treating).await, ["dvd", "gdis", "plain", "sud"], "it names another");
        save(&all, &consent("c", "kim", &naming("HIV"))).await;
        assert_eq!(seen(&treating).await, everything);
        assert_eq!(seen(&paying).await, ["dvd", "hiv", "plain", "sud"], "nothing helps against never");
        // It says why.
        let data_dir = server.data_dir().display().to_string();
        let run = Command::run(&["consent", "explain", "--actor", DOCTOR, "--purpose", "HPAYMT", "--resource", "Observation/gdis",
            "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
        assert!(run.stdout.contains("a code, 3: never for this purpose"), "{}", run.stdout);
        // What is seen for what law lifts in an emergency does not lose what it is lifted of, and is not removed.
        save(&all, &consent("c", "kim", r#"{"type":"permit"}"#)).await;
        let mut bare = Json::of(&emergency.get("/Observation/hiv").await.expect(200).json().to_string());
        bare.remove("", "meta");
        emergency.save(&bare).await.expect(403);
        emergency.delete("/Observation/hiv").await.expect(403);
        emergency.save(&labelled("hiv", "kim", "HIV").with("status", Json::text("amended"))).await.expect(200);
        // What is written is not asked for by law, whatever Consents there are: a finding can be recorded by whoever may not read it.
        save(&all, &Json::of(r#"{"resourceType":"Patient","id":"lou"}"#)).await;
        for patient in ["kim", "lou"] {
            treating.post("/Observation", labelled("new", patient, "HIV").to_string()).await.expect(201);
        }
        // Past versions have the labels that any had.
        save(&all, &lab_observation("gdis", "kim", "2")).await;
        assert_eq!(paying.get("/Observation/gdis").await.status, 200);
        assert_eq!(paying.get("/Observation/gdis/_history/1").await.status, 404);
        // A table that is kept from now on holds for servers that run.
        assert_eq!(treating.get("/Observation/dvd").await.status, 200);
        counsel.write("[[law]]\nlabels = [\"DVD\"]\nasks = \"never\"\nsource = \"a newer one\"");
        counsel.keep(&server).await;
        let begun = Instant::now();
        while treating.get("/Observation/dvd").await.status != 404 {
            assert!(begun.elapsed() < Duration::from_secs(60), "it goes by the newer table");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(treating.get("/Observation/hiv").await.status, 200, "and not by the one before");
    }

    async fn nothing_but_a_signed_table_counts(engine: Engine) {
        let mut server = Server::start(engine);
        let counsel = Counsel::new(&server).await;
        let data_dir = server.data_dir().display().to_string();
        let url = server.database.url.clone();
        let with = async |arguments: &[&str]| {
            let place = ["--database", &url, "--data-dir", &data_dir];
            Command::run(&[&["statutes", "show", "--json"], &place[..], arguments].concat()).await
        };
        let (file, key) = (counsel.file(), counsel.key.clone());
        let table = ["--statutes", &file, "--statutes-key", &key];
        counsel.write(TABLE);
        assert!(with(&table).await.expect(2).stderr.contains("statutes sign"), "it is not signed");
        counsel.sign().await;
        assert!(with(&table[..2]).await.expect(2).stderr.contains(&key), "nobody said whose signature counts");
        let other = counsel.path("b.key");
        let other = Command::run(&["statutes", "key", &other]).await.expect(0).stdout;
        assert!(with(&["--statutes", &file, "--statutes-key", other.trim()]).await.expect(2).stderr.contains("not the one"));
        counsel.write_as(1, &TABLE.replace("\"HIV\"", "\"DVD\""));
        assert!(with(&table).await.expect(2).stderr.contains("not what N. N., counsel signed"), "changed");
        counsel.write_as(1, TABLE);
        let name = counsel.path("statutes.toml.sig");
        let signature = std::fs::read_to_string(&name).unwrap();
        std::fs::write(&name, signature.replace("N. N.", "O. O.")).unwrap();
        assert!(with(&table).await.expect(2).stderr.contains("not what O. O., counsel signed"), "another name");
        // Where the name ends is part of what is signed: no row of the table becomes a part of it.
        let document = std::fs::read_to_string(&file).unwrap();
        let (first, rest) = document.split_at(document.find("[[law]]").unwrap());
        std::fs::write(&file, rest).unwrap();
        let longer = format!("N. N., counsel\\n{}", first.trim_end().replace('\n', "\\n").replace('"', "\\\""));
        std::fs::write(&name, signature.replace("N. N., counsel", &longer)).unwrap();
        with(&table).await.expect(2);
        counsel.write_as(1, TABLE);
        std::fs::write(&name, &signature).unwrap();
        // A key that was named, and no table: somebody may have taken it away.
        assert!(with(&table[2..]).await.expect(2).stderr.contains("no table of statutes"));
        let none = Json::of(&with(&[]).await.expect(0).stdout);
        assert_eq!(none.items("rows").len(), 3, "the federal rows: {none}");
        let kept = Json::of(&with(&table).await.expect(0).stdout);
        assert_eq!((kept.str("signedBy"), kept.str("key")), (Some("N. N., counsel"), Some(&*key)));
        assert_eq!(kept.items("rows").len(), 7);
        // It is remembered whose signature counts, and the table is in the database.
        assert_eq!(with(&[]).await.expect(0).stdout, format!("{kept}\n"));
        // Another data directory does not know, and says so before anything is served.
        let elsewhere = counsel.path("elsewhere");
        let show = ["statutes", "show", "--database", &server.database.url, "--data-dir", &elsewhere];
        assert!(Command::run(&show).await.expect(2).stderr.contains(&key));
        // Whoever can write to the database cannot make law, and takes none away without being noticed.
        let mut sql = server.sql().await;
        let statutes = own(engine, "statutes");
        for (id, document) in [("id + 1", "replace(document, 'HIV', 'DVD')"), ("id + 1", "document"), ("9223372036854775807", "document")] {
            let copy = format!("insert into {statutes} select {id}, {document}, signed_by, signer, signature, kept_at from {statutes} where id = 1");
            sql.run(&copy).await;
            assert!(with(&[]).await.expect(2).stderr.contains("not what"), "{id} {document}");
            assert_ne!(with(&table).await.code, Some(0), "{id} {document}");
            sql.run(&format!("delete from {statutes} where id <> 1")).await;
        }
        with(&[]).await.expect(0);
        // Nor does an older one count again, given anew, put back, or uncovered.
        counsel.write_as(2, &TABLE.replace("\"HIV\"", "\"DVD\""));
        counsel.sign().await;
        with(&table).await.expect(0);
        let newer = std::fs::read_to_string(&name).unwrap();
        counsel.write_as(1, TABLE);
        std::fs::write(&name, &signature).unwrap();
        assert!(with(&table).await.expect(2).stderr.contains("greater serial"));
        sql.run(&format!("delete from {statutes} where id = 2")).await;
        assert!(with(&[]).await.expect(2).stderr.contains("serial 1, and 2 is known"));
        sql.run(&format!("delete from {statutes}")).await;
        assert!(with(&[]).await.expect(2).stderr.contains("no table of statutes"));
        counsel.write_as(2, &TABLE.replace("\"HIV\"", "\"DVD\""));
        std::fs::write(&name, newer).unwrap();
        server.terminate().await;
        let serve = ["serve", "--dev", "--database", &url, "--data-dir", &data_dir, "--listen", "127.0.0.1:0"];
        assert!(Command::run(&serve).await.expect(2).stderr.contains("--statutes"));
        with(&table).await.expect(0);
        // One without rows takes them away, and is signed like any other.
        counsel.write_as(3, "");
        assert!(with(&table).await.expect(2).stderr.contains("not what"));
        counsel.sign().await;
        assert_eq!(Json::of(&with(&table).await.expect(0).stdout).items("rows").len(), 3);
        let wrong = [("labels = [\"FUN\"]\nasks = \"never\"", "line 3"), ("labels = [\"HIV\"]\nasks = \"maybe\"", "line 4")];
        for (rows, line) in wrong {
            counsel.write(&format!("[[law]]\n{rows}\nsource = \"s\""));
            assert!(Command::run(&["statutes", "check", &file]).await.expect(2).stderr.contains(line), "{rows}");
        }
    }

    async fn a_table_says_how_long_a_parent_permits_what_is_sensitive(engine: Engine) {
        let server = Server::start(engine);
        let counsel = Counsel::new(&server).await;
        let all = server.client();
        let year = jiff::Zoned::now().year();
        // Ten years old, or thirteen, whatever the day is.
        for (id, age) in [("kim", 10), ("lou", 13)] {
            save(&all, &Json::of(&format!(r#"{{"resourceType":"Patient","id":"{id}","birthDate":"{}-12-31"}}"#, year - age - 1))).await;
            let mother = format!(r#"{{"resourceType":"RelatedPerson","id":"{id}-m","active":true,"patient":{{"reference":"Patient/{id}"}},
                "relationship":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"MTH"}}]}}]}}"#);
            save(&all, &Json::of(&mother)).await;
            let performer = Json::of(&format!(r#"[{{"reference":"RelatedPerson/{id}-m"}}]"#));
            save(&all, &consent(&format!("{id}-c"), id, r#"{"type":"permit"}"#).with("performer", performer)).await;
            save(&all, &lab_observation(&format!("{id}-plain"), id, "1")).await;
            for code in ["STD", "HIV", "PSYTHPN", "42CFRPart2"] {
                save(&all, &labelled(&format!("{id}-{code}"), id, code)).await;
            }
            let both = r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"STD"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]}"#;
            save(&all, &lab_observation(&format!("{id}-both"), id, "1").with("meta", Json::of(both))).await;
        }
        let rows = |majority: &str| format!(r#"
            jurisdiction = "US-CA"
            [[minor]]
            jurisdiction = "US-CA"
            labels = ["STD"]
            age = 12
            source = "a state's code"
            [[minor]]
            jurisdiction = "US-NY"
            labels = ["HIV"]
            age = 17
            source = "another state's"
            {majority}"#);
        let shown = async |key: &str| {
            let strict = asking(&server, key, "TREAT", DOCTOR, "opt-in");
            let api = strict.client();
            let mut shown = api.search("/Observation").await;
            shown.sort();
            shown.iter().map(|name| name.trim_start_matches("Observation/").to_owned()).collect::<Vec<_>>()
        };
        let stranger = server.beside();
        let narrow = ["kim-plain", "lou-plain"];
        assert_eq!(shown("").await, narrow, "without a table, the narrowest reading (E5)");
        counsel.write(&rows(""));
        counsel.keep(&server).await;
        // Rules are made anew by the next server that starts.
        assert_eq!(shown(&counsel.key).await, ["kim-STD", "kim-plain", "lou-plain"]);
        // One who was started before, with the data directory that was told the key, goes by it within seconds; one that was never
        // told lets no proxy permit anything, until one who knows makes the rules anew.
        let running = asking(&server, &counsel.key, "TREAT", DOCTOR, "opt-in");
        let running = running.client();
        let consent = consent("kim-c", "kim", r#"{"type":"permit"}"#).with("performer", Json::of(r#"[{"reference":"RelatedPerson/kim-m"}]"#));
        for writer in [&all, &stranger.client()] {
            save(writer, &consent).await;
            let begun = Instant::now();
            loop {
                let mut seen = running.search("/Observation?patient=kim").await;
                seen.sort();
                if seen == ["Observation/kim-STD", "Observation/kim-plain"] {
                    break;
                }
                assert!(begun.elapsed() < Duration::from_secs(60), "{seen:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        counsel.write(&rows("[[majority]]\nage = 13\nsource = \"ours\""));
        counsel.keep(&server).await;
        assert_eq!(shown(&counsel.key).await, ["kim-STD", "kim-plain"]);
        counsel.write("");
        counsel.keep(&server).await;
        assert_eq!(shown(&counsel.key).await, narrow);
    }
}
