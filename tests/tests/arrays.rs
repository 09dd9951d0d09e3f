//! Resources that are the elements of a JSON array in a column: read, searched and written there, beside another program
//! that writes the same document.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Options, Server, Sql, own, row_key, suite};

const PEOPLE: &str = r#"
resource = "Patient"
table = "people"
id = "id"
tenant = "organization_id"
fields = [ { path = "name[use=official].family", column = "last" } ]
"#;

const CONDITIONS: &str = r#"
resource = "Condition"
table = "profiles"
id = "id"
id_prefix = "cond-"
tenant = "organization_id"
patient = "person_id"
updated = "changed"
fields = [
  { path = "code.text", element = "name" },
  { path = "severity.text", element = "how.bad" },
  { path = "onsetDateTime", element = "since" },
  { path = "subject", column = "person_id", reference = "Patient" },
  { path = "recordedDate", column = "seen" },
]
[array]
json = "record.conditions"
id = "key"
[facts]
date = "onsetDateTime"
"#;

const ALLERGIES: &str = r#"
resource = "AllergyIntolerance"
table = "profiles"
id = "id"
id_prefix = "al-"
tenant = "organization_id"
patient = "person_id"
readonly = true
fields = [
  { path = "code.text", element = "substance" },
  { path = "patient", column = "person_id", reference = "Patient" },
]
[array]
json = "record.allergies"
"#;

const TABLES: &str = "
create table people (id text primary key, organization_id bigint not null default 1, last text);
create table profiles (id text primary key, organization_id bigint not null default 1, person_id text references people (id),
  seen date, record DOCUMENT, notes text, changed timestamptz);
insert into people (id, last) values ('ann', 'Lee'), ('bob', 'Ray'), ('eve', 'Two');
insert into people (id, last, organization_id) values ('far', 'Away', 2);
";

const RECORD: &str = r#"{"blood":"A+","conditions":[{"key":"a","name":"Asthma","extra":1.10},{"key":"b","name":"Gout","how":{"bad":"mild"}}],"allergies":[{"substance":"Nuts"},{"substance":"Dust"}]}"#;

/// A gateway over the tables; Ann and Bob have a profile each.
async fn start(engine: Engine) -> (Server, tempfile::TempDir, Sql) {
    let maps = tempfile::tempdir().unwrap();
    for (name, text) in [("people", PEOPLE), ("conditions", CONDITIONS), ("allergies", ALLERGIES)] {
        std::fs::write(maps.path().join(format!("{name}.toml")), text).unwrap();
    }
    let kind = if engine == Engine::Sqlite { "text" } else { "jsonb" };
    let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
    let options = Options { arguments, ..Options::default() };
    let server = Server::prepared(engine, options, &TABLES.replace("DOCUMENT", kind)).await;
    let mut sql = server.sql().await;
    sql.run(&format!("insert into profiles (id, person_id, record, notes) values ('p1', 'ann', '{RECORD}', 'kept'), ('p2', 'bob', null, null)")).await;
    (server, maps, sql)
}

async fn set(sql: &mut Sql, row: &str, record: &str) {
    sql.run(&format!("update profiles set record = '{record}' where id = '{row}'")).await;
}

/// The document as it is, without the spaces that jsonb puts in.
async fn record(sql: &mut Sql, row: &str) -> Json {
    Json::of(&sql.value(&format!("select cast(record as text) from profiles where id = '{row}'")).await)
}

fn condition(id: &str, patient: &str, name: &str, more: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Condition","id":"{id}",{more}"subject":{{"reference":"Patient/{patient}"}},"code":{{"text":"{name}"}}}}"#
    ))
}

/// Allergies in the patients' own table, beside their row's other map, and a second look at the same array.
const OWN: &str = r#"
resource = "AllergyIntolerance"
table = "people"
id = "id"
id_prefix = "own-"
tenant = "organization_id"
patient = "id"
fields = [
  { path = "code.text", element = "substance" },
  { path = "patient", column = "id", reference = "Patient" },
]
[array]
json = "allergies"
id = "nr"
"#;

const SECOND: &str = r#"
resource = "Flag"
table = "people"
id = "id"
tenant = "organization_id"
patient = "id"
readonly = true
fields = [
  { path = "code.text", element = "substance" },
  { path = "subject", column = "id", reference = "Patient" },
]
[array]
json = "allergies"
id = "nr"
"#;

fn sorted(mut found: Vec<String>) -> Vec<String> {
    found.sort();
    found
}

suite! {
    async fn elements_are_resources_from_the_start(engine: Engine) {
        let (server, _maps, _) = start(engine).await;
        let api = server.client();
        assert_eq!(sorted(api.search("/Condition").await), ["Condition/cond-p1-a", "Condition/cond-p1-b"]);
        let gout = api.get("/Condition/cond-p1-b").await.expect(200).json();
        assert_eq!((gout.str("code.text"), gout.str("severity.text")), (Some("Gout"), Some("mild")));
        assert_eq!((gout.str("subject.reference"), gout.str("meta.versionId")), (Some("Patient/ann"), Some("1")));
        assert_eq!(sorted(api.search("/Condition?patient=Patient/ann").await).len(), 2);
        assert!(api.search("/Condition?patient=Patient/bob").await.is_empty());
        assert_eq!(api.get("/AllergyIntolerance/al-p1-1").await.expect(200).json().str("code.text"), Some("Dust"));
        server.verified().await;
    }

    async fn another_program_adds_changes_removes_and_reorders(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        assert_eq!(api.search("/Condition").await.len(), 2);
        // Reordered, and one more between them.
        set(&mut sql, "p1", r#"{"conditions":[{"name":"Gout","key":"b","how":{"bad":"mild"}},{"key":7,"name":"Flu"},{"key":"a","name":"Asthma"}],"allergies":[{"substance":"Dust"},{"substance":"Nuts"}]}"#).await;
        assert_eq!(api.search("/Condition").await.len(), 3);
        for (id, version, name) in [("a", "1", "Asthma"), ("b", "1", "Gout"), ("7", "1", "Flu")] {
            let read = api.get(&format!("/Condition/cond-p1-{id}")).await.expect(200).json();
            assert_eq!((read.str("meta.versionId"), read.str("code.text")), (Some(version), Some(name)));
        }
        // What has no id is what stands at its place.
        let first = api.get("/AllergyIntolerance/al-p1-0").await.expect(200).json();
        assert_eq!((first.str("code.text"), first.str("meta.versionId")), (Some("Dust"), Some("2")));
        server.verified().await;
        // One changes, two go.
        set(&mut sql, "p1", r#"{"conditions":[{"key":"a","name":"Bad asthma"}],"allergies":[{"substance":"Nuts"}]}"#).await;
        assert_eq!(api.search("/Condition").await, ["Condition/cond-p1-a"]);
        assert_eq!(api.get("/Condition/cond-p1-a").await.expect(200).json().str("code.text"), Some("Bad asthma"));
        api.get("/Condition/cond-p1-b").await.expect(410);
        api.get("/AllergyIntolerance/al-p1-1").await.expect(410);
        // It comes back as the same resource; and all go with their row.
        set(&mut sql, "p1", r#"{"conditions":[{"key":"b","name":"Gout"}]}"#).await;
        assert_eq!(api.get("/Condition/cond-p1-b").await.expect(200).json().str("meta.versionId"), Some("3"));
        server.verified().await;
        sql.run("update profiles set person_id = 'bob' where id = 'p1'").await;
        assert_eq!(api.search("/Condition?patient=Patient/bob").await, ["Condition/cond-p1-b"]);
        sql.run("delete from profiles where id = 'p1'").await;
        assert!(api.search("/Condition").await.is_empty() && api.search("/AllergyIntolerance").await.is_empty());
        server.verified().await;
    }

    async fn what_is_no_element_is_no_resource(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        set(&mut sql, "p1", r#"{"conditions":[null,7,"x",[],{"key":"d","name":"One"},{"key":"d","name":"Two"},{"name":"None"},{"key":"a#b/c","name":"Odd"}]}"#).await;
        let found = api.search("/Condition").await;
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(api.get("/Condition/cond-p1-d").await.expect(200).json().str("code.text"), Some("One"));
        assert_eq!(api.get("/Condition/cond-p1-5").await.expect(200).json().str("code.text"), Some("Two"));
        assert_eq!(api.get("/Condition/cond-p1-6").await.expect(200).json().str("code.text"), Some("None"));
        server.verified().await;
        for nothing in ["null", "{}", "[]", r#"{"conditions":null}"#, r#"{"conditions":{}}"#] {
            set(&mut sql, "p1", RECORD).await;
            assert_eq!(api.search("/Condition").await.len(), 2);
            set(&mut sql, "p1", nothing).await;
            assert!(api.search("/Condition").await.is_empty(), "{nothing}");
        }
        sql.run("update profiles set record = null").await;
        assert!(api.search("/Condition").await.is_empty());
        server.verified().await;
    }

    async fn what_cannot_be_read_is_served_as_it_was_and_flagged(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        assert_eq!(api.search("/Condition").await.len(), 2);
        let broken = if engine == Engine::Sqlite { r#"{"conditions":[{"key":"a","#} else { r#"{"conditions":"none"}"# };
        set(&mut sql, "p1", broken).await;
        let read = api.get("/Condition/cond-p1-a").await.expect(200).json();
        assert_eq!((read.str("code.text"), read.str("meta.versionId")), (Some("Asthma"), Some("1")));
        let flagged = format!("select count(*) from {} where flag = 'its row cannot be read'", own(engine, "directory"));
        assert!(sql.count(&flagged).await >= 2);
        // Nothing is written into it, but nothing a client sends is lost either.
        api.save(&condition("late", "ann", "Late", "")).await.expect(201);
        assert_eq!(api.get("/Condition/late").await.expect(200).json().str("code.text"), Some("Late"));
        set(&mut sql, "p1", RECORD).await;
        assert_eq!(api.get("/Condition/cond-p1-a").await.expect(200).json().str("meta.versionId"), Some("1"));
        assert_eq!(sql.count(&flagged).await, 0);
        server.verified().await;
    }

    async fn a_large_array_is_read_and_written(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        let all: Vec<String> = (0..1000).map(|number| format!(r#"{{"key":"k{number}","name":"Nr {number}"}}"#)).collect();
        set(&mut sql, "p2", &format!(r#"{{"conditions":[{}]}}"#, all.join(","))).await;
        assert_eq!(api.search("/Condition?patient=Patient/bob&_count=1000").await.len(), 1000);
        let read = api.get("/Condition/cond-p2-k999").await.expect(200).json();
        api.save(&read.with("onsetDateTime", Json::text("2020"))).await.expect(200);
        api.delete("/Condition/cond-p2-k0").await.expect(204);
        assert_eq!(api.search("/Condition?patient=Patient/bob&_count=1000").await.len(), 999);
        let held = record(&mut sql, "p2").await;
        assert_eq!((held.items("conditions").len(), held.str("conditions.998.since")), (999, Some("2020")));
        server.verified().await;
    }

    async fn a_put_changes_one_element_and_nothing_else(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        let read = api.get("/Condition/cond-p1-a").await.expect(200).json();
        let wanted = condition("cond-p1-a", "ann", "Asthma, allergic", r#""language":"en-NZ","onsetDateTime":"2001-02",
            "extension":[{"url":"urn:keep","valueDecimal":1.10}],"#);
        assert_eq!(api.save(&wanted).await.expect(200).version(), 2);
        // Law 1: it reads as it was written.
        assert_eq!(api.get("/Condition/cond-p1-a").await.expect(200).json().without_server_meta(), wanted.clone().without_server_meta());
        let held = record(&mut sql, "p1").await;
        let expected = Json::of(&RECORD.replace(r#""name":"Asthma","extra":1.10"#, r#""name":"Asthma, allergic","extra":1.10,"since":"2001-02""#));
        assert_eq!(held.sorted(), expected.clone().sorted());
        if engine == Engine::Sqlite {
            let text = sql.value("select record from profiles where id = 'p1'").await;
            assert_eq!(text, expected.to_string(), "byte for byte");
        }
        assert_eq!(sql.value("select notes from profiles where id = 'p1'").await, "kept");
        assert_eq!(sql.count("select count(*) from profiles where changed is not null").await, 1);
        // Law 2: what was read, written back, changes no column.
        let before = sql.rows("select cast(record as text), cast(changed as text) from profiles").await;
        let now = api.get("/Condition/cond-p1-a").await.expect(200).json();
        api.save(&now).await.expect(200);
        assert_eq!(sql.rows("select cast(record as text), cast(changed as text) from profiles").await, before);
        // Law 3: what a client leaves out is gone.
        api.save(&condition("cond-p1-a", "ann", "Asthma", "")).await.expect(200);
        assert_eq!(record(&mut sql, "p1").await.sorted(), Json::of(RECORD).sorted());
        let cleared = api.get("/Condition/cond-p1-a").await.expect(200).json();
        assert_eq!(cleared.without_server_meta().sorted(), read.without_server_meta().sorted());
        // Law 4: another program's change shows, and what has no member stays.
        api.save(&wanted).await.expect(200);
        let other = record(&mut sql, "p1").await.to_string().replace("Asthma, allergic", "COPD");
        set(&mut sql, "p1", &other).await;
        let read = api.get("/Condition/cond-p1-a").await.expect(200).json();
        assert_eq!((read.str("code.text"), read.str("extension.0.valueDecimal"), read.str("language")), (Some("COPD"), Some("1.10"), Some("en-NZ")));
        assert_eq!(api.get("/Condition/cond-p1-b").await.expect(200).version(), 1, "the others are what they were");
        server.verified().await;
    }

    async fn a_new_resource_becomes_an_element_of_its_patients_row(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        let new = condition("new", "bob", "Gout", r#""onsetDateTime":"2020-01-01","note":[{"text":"kept beside"}],"#);
        api.save(&new).await.expect(201);
        assert_eq!(record(&mut sql, "p2").await.sorted(), Json::of(r#"{"conditions":[{"key":"new","name":"Gout","since":"2020-01-01"}]}"#).sorted());
        assert_eq!(api.get("/Condition/new").await.expect(200).json().without_server_meta(), new.clone().without_server_meta());
        assert_eq!(row_key(&mut sql, "Condition", "new").await, "p2#new");
        let posted = api.post("/Condition", condition("x", "ann", "Third", "")).await.expect(201).json();
        assert_eq!(record(&mut sql, "p1").await.str("conditions.2.key"), posted.str("id"));
        // An element that another program wrote has the id already.
        api.save(&condition("a", "ann", "Other", "")).await.expect(201);
        assert_eq!(api.get("/Condition/cond-p1-a").await.expect(200).json().str("code.text"), Some("Asthma"));
        assert_eq!(api.get("/Condition/a").await.expect(200).json().str("code.text"), Some("Other"));
        server.verified().await;
        // No row, a row that says something else, and two rows: the generic store.
        let elsewhere = [("e1", "eve", ""), ("e2", "bob", r#""recordedDate":"2024-01-01","#)];
        for (id, patient, more) in elsewhere {
            let sent = condition(id, patient, "Elsewhere", more);
            api.save(&sent).await.expect(201);
            assert_eq!(api.get(&format!("/Condition/{id}")).await.expect(200).json().without_server_meta(), sent.without_server_meta());
        }
        sql.run("insert into profiles (id, person_id) values ('p3', 'bob')").await;
        api.save(&condition("e3", "bob", "Elsewhere", "")).await.expect(201);
        assert_eq!(sql.count("select count(*) from profiles where cast(record as text) like '%Elsewhere%'").await, 0);
        assert_eq!(sorted(api.search("/Condition?patient=Patient/bob").await), ["Condition/e2", "Condition/e3", "Condition/new"]);
        server.verified().await;
    }

    async fn a_deletion_removes_the_element(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        api.delete("/Condition/cond-p1-a").await.expect(204);
        api.get("/Condition/cond-p1-a").await.expect(410);
        let held = record(&mut sql, "p1").await;
        assert_eq!((held.items("conditions").len(), held.str("conditions.0.key")), (1, Some("b")));
        assert_eq!((held.str("blood"), held.items("allergies").len()), (Some("A+"), 2));
        // It can be written again, and moves to another patient's array.
        api.save(&condition("cond-p1-a", "ann", "Asthma", "")).await.expect(201);
        assert_eq!(record(&mut sql, "p1").await.items("conditions").len(), 2);
        api.save(&condition("cond-p1-a", "bob", "Asthma", "")).await.expect(200);
        assert_eq!(record(&mut sql, "p1").await.items("conditions").len(), 1);
        assert_eq!(record(&mut sql, "p2").await.str("conditions.0.key"), Some("cond-p1-a"));
        assert_eq!(api.search("/Condition?patient=Patient/bob").await, ["Condition/cond-p1-a"]);
        server.verified().await;
        // The array of a map that is only read.
        api.delete("/AllergyIntolerance/al-p1-0").await.expect(405);
        // A patient whose profile stays is deleted; nothing of the document is lost.
        api.delete("/Patient/bob").await.expect(204);
        assert_eq!(record(&mut sql, "p2").await.items("conditions").len(), 1);
        server.verified().await;
    }

    async fn several_changes_of_one_array_in_one_set_all_land(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        assert_eq!(api.search("/Condition").await.len(), 2);
        let entry = |method: &str, id: &str, resource: Option<Json>| {
            let resource = resource.map_or_else(String::new, |resource| format!(r#""resource":{resource},"#));
            format!(r#"{{{resource}"request":{{"method":"{method}","url":"Condition/{id}"}}}}"#)
        };
        let entries = [
            entry("PUT", "n1", Some(condition("n1", "ann", "First", ""))),
            entry("PUT", "cond-p1-b", Some(condition("cond-p1-b", "ann", "Gout, cured", ""))),
            entry("DELETE", "cond-p1-a", None),
            entry("PUT", "n2", Some(condition("n2", "ann", "Second", ""))),
        ];
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","));
        api.post("/", Json::of(&bundle)).await.expect(200);
        let held = record(&mut sql, "p1").await;
        let mut names: Vec<&str> = held.items("conditions").iter().map(|item| item.str("name").unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["First", "Gout, cured", "Second"]);
        assert_eq!(sorted(api.search("/Condition").await), ["Condition/cond-p1-b", "Condition/n1", "Condition/n2"]);
        server.verified().await;
    }

    async fn arrays_of_other_organizations_are_not_there(engine: Engine) {
        let (server, _maps, mut sql) = start(engine).await;
        let api = server.client();
        let organizations = own(engine, "gateway_organizations");
        sql.run(&format!("insert into {organizations} (id, name, time_zone, created) values (2, 'Hidden', 'UTC', 0) on conflict do nothing")).await;
        sql.run(&format!("insert into profiles (id, person_id, organization_id, record) values ('q', 'far', 2, '{RECORD}'), ('p1x', 'ann', 2, '{RECORD}')")).await;
        assert_eq!(api.search("/Condition").await.len(), 2);
        api.get("/Condition/cond-q-a").await.expect(404);
        // The other organization's row of the same patient is not the second of two.
        api.save(&condition("mine", "ann", "Mine", "")).await.expect(201);
        assert_eq!(row_key(&mut sql, "Condition", "mine").await, "p1#mine");
        assert_eq!(record(&mut sql, "q").await.sorted(), Json::of(RECORD).sorted());
        server.verified().await;
    }

    async fn an_array_in_the_patients_own_table(engine: Engine) {
        let maps = tempfile::tempdir().unwrap();
        for (name, text) in [("a_own", OWN), ("people", PEOPLE), ("second", SECOND)] {
            std::fs::write(maps.path().join(format!("{name}.toml")), text).unwrap();
        }
        let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
        let tables = "create table people (id text primary key, organization_id bigint not null default 1, last text, allergies text);
            insert into people (id, last, allergies) values ('ann', 'Lee', ' [ {\"nr\": 4, \"substance\": \"Nuts\"} , {\"nr\":2} ] '), ('bob', 'Ray', null);";
        let server = Server::prepared(engine, Options { arguments, ..Options::default() }, tables).await;
        let (api, mut sql) = (server.client(), server.sql().await);
        let nuts = api.get("/AllergyIntolerance/own-ann-4").await.expect(200).json();
        assert_eq!((nuts.str("patient.reference"), nuts.str("code.text")), (Some("Patient/ann"), Some("Nuts")));
        let new = r#"{"resourceType":"AllergyIntolerance","id":"new","patient":{"reference":"Patient/ann"},"code":{"text":"Dust"}}"#;
        api.save(&Json::of(new)).await.expect(201);
        api.save(&nuts.clone().with("code", Json::of(r#"{"text":"Peanuts"}"#))).await.expect(200);
        api.delete("/AllergyIntolerance/own-ann-2").await.expect(204);
        let held = sql.value("select allergies from people where id = 'ann'").await;
        assert_eq!(held, r#" [ {"nr": 4, "substance": "Peanuts"} , {"nr":5,"substance":"Dust"} ] "#, "byte for byte, in text columns");
        // The other map over the same array was told.
        assert_eq!(api.get("/Flag/ann-4").await.expect(200).json().str("code.text"), Some("Peanuts"));
        assert_eq!(sorted(api.search("/Flag").await), ["Flag/ann-4", "Flag/ann-5"]);
        assert_eq!(api.get("/Patient/ann").await.expect(200).version(), 1);
        server.verified().await;
        // A patient and an allergy in one set: the row is new too.
        let bundle = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{},"request":{{"method":"PUT","url":"AllergyIntolerance/cy"}}}},
            {{"resource":{{"resourceType":"Patient","id":"cy","name":[{{"use":"official","family":"Cy"}}]}},"request":{{"method":"PUT","url":"Patient/cy"}}}}]}}"#, new.replace("\"new\"", "\"cy\"").replace("Patient/ann", "Patient/cy"));
        api.post("/", Json::of(&bundle)).await.expect(200);
        assert_eq!(sql.value("select allergies from people where id = 'cy'").await, r#"[{"nr":"cy","substance":"Dust"}]"#);
        server.verified().await;
        // The row goes with its patient; what stood in it is served from the generic store.
        api.delete("/Patient/ann").await.expect(204);
        assert_eq!(sql.count("select count(*) from people where id = 'ann'").await, 0);
        assert_eq!(api.get("/AllergyIntolerance/own-ann-4").await.expect(200).json().str("code.text"), Some("Peanuts"));
        assert_eq!(sorted(api.search("/AllergyIntolerance?patient=Patient/ann").await), ["AllergyIntolerance/new", "AllergyIntolerance/own-ann-4"]);
        server.verified().await;
    }

    async fn a_map_of_arrays_added_later_finds_the_rows_that_are_there(engine: Engine) {
        let (mut server, maps, _) = start(engine).await;
        let later = CONDITIONS.replace("record.conditions", "record.allergies").replace("cond-", "later-").replace("\"key\"", "\"nr\"");
        let (resource, name) = (later.replace("\"Condition\"", "\"Procedure\""), maps.path().join("later.toml"));
        server.terminate().await;
        let fields = resource.replace("onsetDateTime", "performedDateTime").replace("severity.text", "outcome.text");
        let fields: String = fields.lines().filter(|line| !line.contains("recordedDate")).map(|line| format!("{line}\n")).collect();
        std::fs::write(name, fields).unwrap();
        server.restart();
        assert_eq!(server.client().search("/Procedure").await.len(), 2);
        server.verified().await;
    }

    async fn a_row_with_a_number_as_its_key(engine: Engine) {
        let maps = tempfile::tempdir().unwrap();
        std::fs::write(maps.path().join("people.toml"), PEOPLE).unwrap();
        std::fs::write(maps.path().join("own.toml"), OWN).unwrap();
        let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
        let tables = r#"create table people (id bigint primary key, organization_id bigint not null default 1, last text, allergies text);
            insert into people (id, last, allergies) values (41, 'Lee', '[{"nr":1,"substance":"Nuts"},{"nr":2,"substance":"Dust"}]');"#;
        let server = Server::prepared(engine, Options { arguments, ..Options::default() }, tables).await;
        let (api, mut sql) = (server.client(), server.sql().await);
        let nuts = api.get("/AllergyIntolerance/own-41-1").await.expect(200).json();
        api.save(&nuts.with("code", Json::of(r#"{"text":"Peanuts"}"#))).await.expect(200);
        api.delete("/AllergyIntolerance/own-41-2").await.expect(204);
        let new = r#"{"resourceType":"AllergyIntolerance","id":"new","patient":{"reference":"Patient/41"},"code":{"text":"Cats"}}"#;
        api.save(&Json::of(new)).await.expect(201);
        let held = sql.value("select allergies from people where id = 41").await;
        assert_eq!(held, r#"[{"nr":1,"substance":"Peanuts"},{"nr":2,"substance":"Cats"}]"#);
        server.verified().await;
    }
}
