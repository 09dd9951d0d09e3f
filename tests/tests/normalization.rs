//! What codes mean, beside what was written: kept, found, shown where the organization wants it, and never taken for what somebody wrote.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Client, Command, Engine, Json, Options, Server, Sql, consent, own, patient, suite, transaction};
use releases::Catalog;
use releases::fhir::draft_of;

const LOINC: &str = "http://loinc.org";
const MARK: &str = "urn:fhir-gateway:normalization";

/// Terms of a LOINC that is made up: code, name, and what else is said of it.
const TERMS: [(&str, &str, &str); 6] = [
    ("1-8", "Alpha in Serum", ""),
    ("2-6", "Beta in Blood", ""),
    (
        "3-4",
        "Gamma in Blood",
        r#""property":[{"code":"inactive","valueBoolean":true},{"code":"MAP_TO","valueCode":"2-6"}],"#,
    ),
    ("4-2", "Twice", ""),
    ("5-9", "twice", ""),
    ("7-5", "Delta in Serum", ""),
];

fn release(server: &Server, version: &str, terms: &[(&str, &str, &str)]) {
    let concepts = terms.iter().map(|(code, name, more)| format!(r#"{{{more}"code":"{code}","display":"{name}"}}"#));
    let concepts: Vec<String> = concepts.collect();
    let system = format!(
        r#"{{"resourceType":"CodeSystem","url":"{LOINC}","version":"{version}","name":"L","status":"active","content":"complete",
        "property":[{{"code":"inactive","type":"boolean"}},{{"code":"MAP_TO","type":"code"}}],"concept":[{}]}}"#,
        concepts.join(",")
    );
    let draft = draft_of(&system.parse().unwrap()).unwrap();
    Catalog::at(&server.data_dir().join("terminology")).keep(draft).unwrap();
}

fn observation(id: &str, code: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{code},"subject":{{"reference":"Patient/p"}}}}"#
    ))
}

fn local(code: &str, name: &str) -> String {
    format!(r#"{{"coding":[{{"system":"urn:lab","code":"{code}","display":"{name}"}}],"text":"{name}"}}"#)
}

async fn policy(server: &Server, mode: &str) {
    server.command(&["terminology", "policy", "--normalize", mode, "--by", "Jane Doe"]).await.expect(0);
}

/// A server with a release, and an organization that wants what codes mean.
async fn started(engine: Engine, mode: &str) -> (Server, Client) {
    let server = Server::start(engine);
    release(&server, "2.80", &TERMS);
    policy(&server, mode).await;
    let api = server.client();
    api.save(&patient("p", "Poe")).await.expect(201);
    (server, api)
}

/// The ids that a search finds, with spaces between.
async fn found(api: &Client, search: &str) -> String {
    let bundle = api.get(search).await.expect(200).json();
    let mut ids: Vec<String> =
        bundle.items("entry").iter().map(|entry| entry.str("resource.id").unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids.join(" ")
}

async fn by_code(api: &Client, code: &str) -> String {
    found(api, &format!("/Observation?code={LOINC}|{code}")).await
}

async fn read(api: &Client, id: &str) -> Json {
    api.get(&format!("/Observation/{id}")).await.expect(200).json()
}

/// The codes of a concept, `system code` each.
fn codes(concept: &Json) -> Vec<String> {
    let code = |coding: &Json| {
        format!("{} {}", coding.str("system").unwrap_or_default(), coding.str("code").unwrap_or_default())
    };
    concept.items("coding").iter().map(code).collect()
}

async fn stored(sql: &mut Sql, id: &str) -> Vec<String> {
    let versions = own(sql.engine(), "resource_versions");
    let rows = sql.rows(&format!("select body from {versions} where id = '{id}' order by version")).await;
    rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

fn consent_labels(bits: i64) -> Vec<&'static str> {
    consent::Labels::from_bits(bits).codes().collect()
}

async fn review(server: &Server) -> Vec<Json> {
    let listed = server.command(&["terminology", "review", "list", "--json"]).await.expect(0);
    Json::of(&listed.stdout).array().to_vec()
}

suite! {
    /// Without a policy nobody asks; with one what is written is found by both, and read as it was written.
    async fn it_is_found_by_either_code_and_read_as_it_was_written(engine: Engine) {
        let server = Server::start(engine);
        release(&server, "2.80", &TERMS);
        let api = server.client();
        api.save(&patient("p", "Poe")).await.expect(201);
        api.save(&observation("before", &local("A", "Alpha in Serum"))).await.expect(201);
        assert_eq!(by_code(&api, "1-8").await, "");
        policy(&server, "beside").await;
        let written = [
            observation("named", &local("A", "alpha  in serum")),
            observation("words", r#"{"text":"Alpha in Serum"}"#),
            observation("oid", r#"{"coding":[{"system":"urn:oid:2.16.840.1.113883.6.1","code":"1-8"}]}"#),
            observation("old", r#"{"coding":[{"system":"http://loinc.org","code":"3-4"}]}"#),
            observation("kept", r#"{"coding":[{"system":"http://loinc.org","code":"1-8"},{"system":"urn:lab","code":"A","display":"Alpha in Serum"}]}"#),
            observation("local", &local("Z", "Nobody knows")),
        ];
        for observation in &written {
            api.save(observation).await.expect(201);
        }
        let part = observation("part", r#"{"text":"Panel"}"#).to_string().replace(
            r#""subject""#,
            r#""component":[{"code":{"coding":[{"system":"urn:lab","code":"D","display":"Delta in Serum"}]}}],"subject""#,
        );
        api.put("/Observation/part", &part).await.expect(201);
        assert_eq!(by_code(&api, "1-8").await, "kept named oid words");
        assert_eq!(by_code(&api, "2-6").await, "old");
        assert_eq!(by_code(&api, "3-4").await, "old");
        assert_eq!(found(&api, "/Observation?code=urn:lab|A").await, "before kept named");
        assert_eq!(found(&api, &format!("/Observation?component-code={LOINC}|7-5")).await, "part");
        assert_eq!(found(&api, &format!("/Observation?combo-code={LOINC}|7-5")).await, "part");
        for observation in &written {
            let id = observation.str("id").unwrap();
            assert_eq!(read(&api, id).await.without_server_meta().difference(observation), None);
        }
        // How it is known, and of which coding.
        let mut sql = server.sql().await;
        let (told, codings) = (own(engine, "normalizations"), own(engine, "normalized_codings"));
        let rows = sql.rows(&format!("select n.method, n.equivalence, n.source, n.target_code, c.place, cast(c.coding as text), cast(c.concept as text) from {codings} c join {told} n on n.id = c.normalization where c.ended is null order by n.method, n.target_code, c.coding")).await;
        let rows: Vec<String> = rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(rows, [
            "cleaned equal http://loinc.org|2.80 1-8 code 0 0",
            "named equivalent http://loinc.org|2.80 1-8 code -1 0",
            "named equivalent http://loinc.org|2.80 1-8 code 0 0",
            "named equivalent http://loinc.org|2.80 7-5 component[0].code 0 1",
            "replaced equivalent http://loinc.org|2.80 2-6 code 0 0",
        ]);
        // Another code takes what was told along.
        api.save(&observation("named", &local("D", "Delta in Serum"))).await.expect(200);
        assert_eq!((by_code(&api, "1-8").await.as_str(), by_code(&api, "7-5").await.as_str()), ("kept oid words", "named"));
        api.delete("/Observation/named").await;
        assert_eq!(by_code(&api, "7-5").await, "");
    }

    /// What is shown beside comes back with an update, and is not taken for what somebody wrote.
    async fn it_is_shown_where_the_organization_wants_it_and_never_becomes_what_was_written(engine: Engine) {
        let (server, api) = started(engine, "merged").await;
        let mut sql = server.sql().await;
        let answer = api.save(&observation("a", &local("A", "Alpha in Serum"))).header("prefer", "return=representation").await.expect(201).json();
        let shown = read(&api, "a").await;
        assert_eq!(answer.difference(&shown), None);
        assert_eq!(codes(shown.at("code").unwrap()), ["urn:lab A", "http://loinc.org 1-8"]);
        let ours = &shown.items("code.coding")[1];
        assert_eq!((ours.str("display"), ours.str("version"), ours.at("userSelected").unwrap().to_string().as_str()), (Some("Alpha in Serum"), Some("2.80"), "false"));
        assert_eq!(ours.items("extension")[0].str("url"), Some(MARK));
        for address in ["/Observation?_id=a", "/Observation/a/_history", "/Patient/p/$everything?_type=Observation"] {
            let bundle = api.get(address).await.expect(200).json();
            assert_eq!(bundle.items("entry").iter().filter(|entry| entry.to_string().contains(MARK)).count(), 1, "{address}: {bundle}");
        }
        assert!(api.get("/Observation/a/_history/1").await.expect(200).text().contains(MARK));
        assert!(api.get("/Observation/a").header("accept", "application/fhir+xml").await.expect(200).text().contains(MARK));

        // What a client has may be from before codes were looked at anew.
        api.get("/Observation/a").header("if-none-match", "W/\"1\"").await.expect(200);

        // There and back, twice, and by patches.
        for version in 2..4 {
            let back = api.put("/Observation/a", &shown).header("prefer", "return=representation").await.expect(200);
            assert_eq!(back.version(), version);
            assert_eq!(codes(back.json().at("code").unwrap()), ["urn:lab A", "http://loinc.org 1-8"]);
        }
        let patch = r#"[{"op":"replace","path":"/status","value":"amended"}]"#;
        api.request(hyper::Method::PATCH, "/Observation/a").header("content-type", "application/json-patch+json").body(patch).await.expect(200);
        let bodies = stored(&mut sql, "a").await;
        assert_eq!(bodies.len(), 4);
        assert!(bodies.iter().all(|body| !body.contains(MARK) && !body.contains("1-8")), "{bodies:?}");
        assert_eq!(codes(read(&api, "a").await.at("code").unwrap()), ["urn:lab A", "http://loinc.org 1-8"]);
        // Words alone are without a coding again.
        api.save(&observation("w", r#"{"text":"Alpha in Serum"}"#)).await.expect(201);
        let words = read(&api, "w").await;
        assert_eq!(codes(words.at("code").unwrap()), ["http://loinc.org 1-8"]);
        api.put("/Observation/w", &words).await.expect(200);
        assert!(stored(&mut sql, "w").await.iter().all(|body| !body.contains("coding")));
        // Somebody who says that a code is another's has said it: what it was told of is not beside it.
        let other = shown.to_string().replace(r#""code":"A""#, r#""code":"B""#).replace(r#""id":"a""#, r#""id":"b""#);
        api.put("/Observation/b", &other).await.expect(201);
        assert!(stored(&mut sql, "b").await[0].contains(MARK));
        // A condition finds what is shown, and an update by it changes nothing of that.
        let back = api.put(&format!("/Observation?code={LOINC}|1-8&status=amended"), &shown).await.expect(200);
        assert_eq!(back.version(), 5);
    }

    async fn what_is_not_proved_waits_for_somebody(engine: Engine) {
        let (server, api) = started(engine, "merged").await;
        let mut bundle = vec![observation("t1", &local("T", "Twice")), observation("t2", &local("T", "TWICE"))];
        bundle.push(observation("u", &local("U", "Twice")));
        // Somebody says another code of the same system beside it.
        bundle.push(observation("x", r#"{"coding":[{"system":"http://loinc.org","code":"2-6"},{"system":"urn:lab","code":"A","display":"Alpha in Serum"}]}"#));
        api.post("/", transaction(&bundle)).await.expect(200);
        assert_eq!((by_code(&api, "4-2").await, by_code(&api, "5-9").await, by_code(&api, "1-8").await), Default::default());
        let waiting = review(&server).await;
        assert_eq!(waiting.len(), 4, "{waiting:?}");
        let of = |code: &str| waiting.iter().find(|one| one.str("code") == Some(code)).unwrap();
        assert_eq!(codes(&Json::of(&format!(r#"{{"coding":{}}}"#, of("T").at("candidates").unwrap()))), ["http://loinc.org 4-2", "http://loinc.org 5-9"]);
        let id = of("T").str("id").unwrap();
        let accept = ["terminology", "review", "accept", id, "--candidate", "3", "--by", "Jane Doe"];
        server.command(&accept).await.expect(2);
        let accept = ["terminology", "review", "accept", id, "--candidate", "1", "--by", "Jane Doe"];
        server.command(&accept).await.expect(0);
        server.command(&accept).await.expect(2);
        // Both, whatever they are called; and what is written from now on. A running server shows it.
        assert_eq!(by_code(&api, "4-2").await, "t1 t2");
        api.save(&observation("t3", &local("T", "anything"))).await.expect(201);
        assert_eq!(by_code(&api, "4-2").await, "t1 t2 t3");
        assert_eq!(codes(read(&api, "t1").await.at("code").unwrap()), ["urn:lab T", "http://loinc.org 4-2"]);
        server.command(&["terminology", "review", "reject", of("U").str("id").unwrap(), "--by", "Jane Doe"]).await.expect(0);
        assert_eq!(review(&server).await.iter().map(|one| one.str("code").unwrap().to_owned()).collect::<Vec<_>>(), ["A"]);
        api.save(&observation("u2", &local("U", "Twice"))).await.expect(201);
        assert_eq!(review(&server).await.len(), 1);
        // What was told before is on record.
        let codings = own(engine, "normalized_codings");
        assert_eq!(server.sql().await.count(&format!("select count(*) from {codings} where ended is not null")).await, 3);
    }

    /// A map, and a later release: what would be told otherwise is looked at before anything is changed.
    async fn a_difference_is_looked_at_before_it_is_kept(engine: Engine) {
        let (server, api) = started(engine, "beside").await;
        api.save(&observation("m", &local("M", "Nobody knows"))).await.expect(201);
        api.save(&observation("a", &local("A", "Alpha in Serum"))).await.expect(201);
        let map = server.folder().join("map.json");
        std::fs::write(&map, format!(r#"{{"resourceType":"ConceptMap","url":"urn:map","version":"3","status":"active","group":[{{"source":"urn:lab","target":"{LOINC}","element":[
            {{"code":"M","target":[{{"code":"7-5","equivalence":"equivalent"}}]}},
            {{"code":"A","target":[{{"equivalence":"unmatched"}}]}},
            {{"code":"N","target":[{{"code":"7-5","equivalence":"narrower"}}]}},
            {{"code":"S","target":[{{"code":"7-5","equivalence":"equal"}}]}},
            {{"code":"S","target":[{{"code":"1-8","equivalence":"equal"}}]}}]}}]}}"#)).unwrap();
        let map = map.display().to_string();
        let told = server.command(&["terminology", "map", &map, "--by", "Jane Doe"]).await.expect(0);
        assert!(told.stdout.starts_with("2 codes, 2 of them new or changed; of 2 it says nothing that counts"), "{}", told.stdout);
        let told = server.command(&["terminology", "map", &map, "--by", "Jane Doe"]).await.expect(0);
        assert!(told.stdout.starts_with("2 codes, 0 of them"), "{}", told.stdout);
        assert_eq!((by_code(&api, "7-5").await.as_str(), by_code(&api, "1-8").await.as_str()), ("", "a"));
        let again = server.command(&["terminology", "again", "--json"]).await.expect(0);
        let again = Json::of(&again.stdout);
        let differences: Vec<String> = again.items("differences").iter().map(|one| format!("{} {} {}", one.str("code").unwrap(), one.at("before").unwrap(), one.at("after").unwrap())).collect();
        assert_eq!(differences, [
            r#"A {"code":"1-8","system":"http://loinc.org"} null"#,
            r#"M null {"code":"7-5","system":"http://loinc.org"}"#,
        ]);
        assert_eq!((by_code(&api, "7-5").await.as_str(), by_code(&api, "1-8").await.as_str()), ("", "a"));
        server.command(&["terminology", "again", "--apply"]).await.expect(0);
        assert_eq!((by_code(&api, "7-5").await.as_str(), by_code(&api, "1-8").await.as_str()), ("m", ""));
        assert_eq!(server.command(&["terminology", "again"]).await.expect(0).stdout, "nothing is told otherwise\n");

        // In a later release another term is called so.
        api.save(&observation("b", &local("B", "Beta in Blood"))).await.expect(201);
        release(&server, "2.81", &[("2-6", "Beta, said anew", ""), ("8-3", "Beta in Blood", ""), ("7-5", "Delta in Serum", "")]);
        assert_eq!(by_code(&api, "2-6").await, "b");
        let again = server.command(&["terminology", "again"]).await.expect(0).stdout;
        assert!(again.contains("urn:lab B 'Beta in Blood', 1 places: http://loinc.org 2-6 -> http://loinc.org 8-3"), "{again}");
        server.command(&["terminology", "again", "--apply"]).await.expect(0);
        assert_eq!((by_code(&api, "2-6").await.as_str(), by_code(&api, "8-3").await.as_str()), ("", "b"));
        let codings = own(engine, "normalized_codings");
        let mut sql = server.sql().await;
        assert!(sql.count(&format!("select count(*) from {codings} where ended is not null")).await >= 2);
        // Off: nothing is asked any more, and what is written has nothing beside it.
        policy(&server, "off").await;
        api.save(&observation("b", &local("B", "Beta in Blood"))).await.expect(200);
        assert_eq!(by_code(&api, "8-3").await, "");
    }

    /// Rows of other programs, and labels: a code of somebody's own is as sensitive as what it stands for.
    async fn other_programs_rows_and_labels_go_by_it_too(engine: Engine) {
        let server = Server::start(engine);
        // A code of the built-in table of labels.
        release(&server, "2.80", &[("48510-2", "Sensitive test", ""), ("1-8", "Alpha in Serum", "")]);
        policy(&server, "beside").await;
        let api = server.client();
        api.save(&patient("p", "Poe")).await.expect(201);
        api.save(&observation("s", &local("S", "Sensitive test"))).await.expect(201);
        api.save(&observation("n", &local("A", "Alpha in Serum"))).await.expect(201);
        let mut sql = server.sql().await;
        let directory = own(engine, "directory");
        let labels = sql.rows(&format!("select cast(labels as text) from {directory} where type = 'Observation' order by id")).await;
        let bits = |row: &[Option<String>]| row[0].as_deref().unwrap().parse::<i64>().unwrap();
        assert_eq!(consent::Labels::from_bits(bits(&labels[1])).codes().collect::<Vec<_>>(), ["R", "HIV"], "{labels:?}");
        assert!(!consent::Labels::from_bits(bits(&labels[0])).codes().any(|code| code == "HIV"));
        sql.run("insert into lab_results (id, organization_id, patient_id, status, code, value_number, unit, collected_at) values ('f', 1, 'p', 'final', '3-4', 7.5, 'mg/dL', '2024-01-02T03:04:05Z')").await;
        release(&server, "2.81", &TERMS);
        sql.run("update lab_results set value_number = 8 where id = 'f'").await;
        assert_eq!(by_code(&api, "2-6").await.split(' ').count(), 1);
        assert_ne!(by_code(&api, "2-6").await, "");
    }

    /// The release is gone, or another one says something else: what was told counts until somebody lets it be told anew.
    async fn what_was_told_counts_where_things_are_derived_anew(engine: Engine) {
        let mut server = Server::start(engine);
        release(&server, "2.80", &[("48510-2", "Sensitive test", "")]);
        policy(&server, "beside").await;
        let api = server.client();
        api.save(&patient("p", "Poe")).await.expect(201);
        let far = observation("s", &local("S", "Sensitive test")).to_string().replace("Patient/p", "https://far.example/fhir/Patient/p");
        api.put("/Observation/s", far).await.expect(201);
        let data_dir = server.data_dir().display().to_string();
        Command::run(&["terminology", "remove", LOINC, "2.80", "--data-dir", &data_dir]).await.expect(0);
        release(&server, "2.81", &[("1-8", "Sensitive test", "")]);
        // Another table of labels, and another address that is ours.
        let table = server.folder().join("labels.csv");
        std::fs::write(&table, "system,code,label\nurn:other,x,SUD\n").unwrap();
        let arguments = ["--also-at", "https://far.example/fhir", "--labels", &table.display().to_string()].map(str::to_owned).into();
        server.restart_with(Options { arguments, ..Options::default() });
        let api = server.client();
        assert_eq!(found(&api, "/Observation?patient=p").await, "s");
        assert_eq!((by_code(&api, "48510-2").await.as_str(), by_code(&api, "1-8").await.as_str()), ("s", ""));
        let directory = own(engine, "directory");
        let mut sql = server.sql().await;
        let mut bits = 0;
        for _ in 0..600 {
            bits = sql.count(&format!("select labels from {directory} where id = 's'")).await;
            if bits != 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(consent_labels(bits), ["R", "HIV"]);
        // A parameter of the organization's own that comes later.
        let parameter = r#"{"resourceType":"SearchParameter","id":"own","url":"urn:own","name":"own","status":"active","description":"d","code":"own","base":["Observation"],"type":"token","expression":"Observation.code"}"#;
        api.put("/SearchParameter/own", parameter).await.expect(201);
        let search = format!("/Observation?own={LOINC}|48510-2");
        for _ in 0..600 {
            if api.get(&search).await.status == 200 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(found(&api, &search).await, "s");
        server.command(&["terminology", "again", "--apply"]).await.expect(0);
        assert_eq!((by_code(&api, "48510-2").await.as_str(), by_code(&api, "1-8").await.as_str()), ("", "s"));
        assert_eq!((found(&api, &search).await.as_str(), found(&api, &format!("/Observation?own={LOINC}|1-8")).await.as_str()), ("", "s"));
    }

    /// A Consent that names a code speaks of what means it, and the decision and the condition say the same of it (an alarm looks at every
    /// answer: a difference would be a 500).
    async fn consents_by_code_reach_what_means_it(engine: Engine) {
        let (owner, api) = started(engine, "merged").await;
        for (id, code) in [("a", local("A", "Alpha in Serum")), ("d", local("D", "Delta in Serum")), ("z", local("Z", "Nobody knows"))] {
            api.save(&observation(id, &code)).await.expect(201);
        }
        let arguments = ["--dev-consent", "enforce", "--consent-alarm", "1"].map(str::to_owned).into();
        let server = owner.beside_with(Options { arguments, ..Options::default() });
        let rule = |rule: &str, code: &str| consent("c", "p", &format!(r#"{{"type":"{rule}","provision":[{{"type":"{}","code":[{{"coding":[{{"system":"{LOINC}","code":"{code}"}}]}}]}}]}}"#, if rule == "permit" { "deny" } else { "permit" }));
        api.save(&rule("permit", "1-8")).await.expect(201);
        let seen = server.client();
        assert_eq!(found(&seen, "/Observation").await, "d z");
        seen.get("/Observation/a").await.expect(404);
        seen.get("/Observation/d").await.expect(200);
        api.save(&rule("deny", "1-8")).await.expect(200);
        assert_eq!(found(&seen, "/Observation").await, "a");
        assert_eq!(codes(read(&seen, "a").await.at("code").unwrap()).len(), 2);
        seen.get("/Observation/z").await.expect(404);
    }

    /// What is missing, whose licence it needs, and where it is to be had.
    async fn the_doctor_says_what_is_missing(engine: Engine) {
        let (server, api) = started(engine, "beside").await;
        let told = server.command(&["terminology", "doctor"]).await.expect(0);
        assert!(told.stdout.contains("normalize: beside"), "{}", told.stdout);
        api.save(&observation("a", r#"{"coding":[{"system":"http://loinc.org","code":"1-8"},{"system":"http://snomed.info/sct","code":"x"},{"system":"urn:lab","code":"T","display":"Twice"},{"system":"urn:oid:2.16.840.1.113883.6.88","code":"1"}]}"#)).await.expect(201);
        let told = Json::of(&server.command(&["terminology", "doctor", "--json"]).await.expect(0).stdout);
        let of = |system: &str| told.items("systems").iter().find(|one| one.str("system") == Some(system)).unwrap();
        assert_eq!(of(LOINC).at("versions").unwrap().to_string(), r#"["2.80"]"#);
        assert_eq!(of("http://snomed.info/sct").str("state"), Some("missing"));
        assert!(of("http://snomed.info/sct").str("from").unwrap().contains("licence"));
        assert_eq!((of("urn:lab").str("state"), of("urn:oid:2.16.840.1.113883.6.88").str("of")), (Some("own"), Some("http://www.nlm.nih.gov/research/umls/rxnorm")));
        assert_eq!(told.at("waiting").unwrap().to_string(), "1");
        let said = server.command(&["terminology", "doctor"]).await.expect(0).stdout;
        assert!(said.contains("1 codes wait for somebody") && said.contains("missing: SNOMED CT"), "{said}");
    }

    /// An erasure leaves nothing of what was told, words least of all.
    async fn an_erasure_takes_it_along(engine: Engine) {
        let (server, api) = started(engine, "beside").await;
        api.save(&patient("q", "Quinn")).await.expect(201);
        api.save(&observation("w", r#"{"text":"Twice"}"#)).await.expect(201);
        let kept = observation("k", &local("A", "Alpha in Serum")).to_string().replace("Patient/p", "Patient/q");
        api.put("/Observation/k", kept).await.expect(201);
        let told = server.command(&["purge", "request", "--json", "--by", "Jane Doe", "--patient", "p", "--reason", "wrong-patient"]).await.expect(0);
        let told = Json::of(&told.stdout);
        let id = told.str("id").unwrap();
        server.command(&["purge", "approve", id, "--by", "John Roe"]).await.expect(0);
        let mut sql = server.sql().await;
        let (all, codings) = (own(engine, "normalizations"), own(engine, "normalized_codings"));
        let rows = sql.rows(&format!("select display from {all}")).await;
        assert_eq!(rows, [[Some("Alpha in Serum".to_owned())]]);
        assert_eq!(sql.count(&format!("select count(*) from {codings}")).await, 1);
    }
}
