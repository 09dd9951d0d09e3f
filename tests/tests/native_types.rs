//! A table of native types: what PostgreSQL has, and what SQLite has in their place. Both say the same, byte for byte.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Options, Server, suite};

const MAP: &str = r#"
resource = "Patient"
table = "persons"
id = "id"
fields = [
  { path = "active", column = "active" },
  { path = "gender", column = "sex", codes = { f = "female", m = "male", x = "other" } },
  { path = "birthDate", column = "born" },
  { path = "deceasedDateTime", column = "died_at" },
  { path = "name[use=official].family", column = "last" },
  { path = "name[use=official].given", column = "first" },
  { path = "multipleBirthInteger", column = "birth_order" },
  { path = "address[use=home].line", json = "data.address.lines" },
  { path = "address[use=home].city", json = "data.address.city" },
  { path = "identifier[system=urn:uuid-card].value", column = "card" },
  { path = "extension[url=urn:weight].valueDecimal", column = "weight" },
  { path = "extension[url=urn:seen].valueDateTime", column = "seen", zone = "Europe/Berlin" },
  { path = "extension[url=urn:rest].valueString", json = "data", rest = true },
]
"#;

const TABLE: &str = "create table persons (id ID, active boolean, sex SEX, born date, died_at timestamptz, last text,
  first text[], birth_order smallint, data jsonb, card uuid, weight numeric(5,1), seen timestamp)";

async fn start(engine: Engine) -> (Server, tempfile::TempDir) {
    let maps = tempfile::tempdir().unwrap();
    std::fs::write(maps.path().join("persons.toml"), MAP).unwrap();
    let arguments = vec!["--maps".to_owned(), maps.path().display().to_string()];
    let table = match engine {
        Engine::Sqlite => {
            TABLE.replace("ID,", "uuid primary key,").replace("SEX", "text check (sex in ('f', 'm', 'x'))")
        }
        Engine::Postgres => {
            format!(
                "create type sex as enum ('f', 'm', 'x'); {}",
                TABLE.replace("ID,", "uuid primary key,").replace("SEX", "sex")
            )
        }
    };
    let server = Server::prepared(engine, Options { arguments, ..Options::default() }, &table).await;
    (server, maps)
}

fn array(engine: Engine, items: &str) -> String {
    match engine {
        Engine::Sqlite => format!("'[{items}]'"),
        Engine::Postgres => format!("'{{{items}}}'"),
    }
}

/// What is behind id and meta.
fn behind(json: &Json) -> String {
    json.to_string().split_once("},").unwrap().1.to_owned()
}

const KEY: &str = "0190f0c0-0000-7000-8000-00000000000a";

suite! {
    async fn rows_of_other_programs_read_alike(engine: Engine) {
        let (server, _maps) = start(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        let first = array(engine, r#""Ann","B. \"C\"""#);
        sql.run(&format!(r#"insert into persons values ('{KEY}', true, 'f', '1970-01-02', '2020-05-05T10:00:00.5Z', 'Lee', {first}, 2,
            '{{"address": {{"lines": ["1 A St", "Flat 2"], "city": "Ulm", "lat": 48.40}}, "vip": true, "aa": [1, {{"b": 1, "a": null}}]}}',
            '0190F0C0-0000-7000-8000-00000000000B', 70.5, '2026-07-01 10:00:00')"#)).await;
        let read = api.get(&format!("/Patient/{KEY}")).await.expect(200).json();
        let wanted = r#""active":true,"gender":"female","birthDate":"1970-01-02","deceasedDateTime":"2020-05-05T10:00:00.5Z","name":[{"use":"official","family":"Lee","given":["Ann","B. \"C\""]}],"multipleBirthInteger":2,"address":[{"use":"home","line":["1 A St","Flat 2"],"city":"Ulm"}],"identifier":[{"system":"urn:uuid-card","value":"0190f0c0-0000-7000-8000-00000000000b"}],"extension":[{"url":"urn:weight","valueDecimal":70.5},{"url":"urn:seen","valueDateTime":"2026-07-01T10:00:00+02:00"},{"url":"urn:rest","valueString":"{\"aa\":[1,{\"a\":null,\"b\":1}],\"vip\":true,\"address\":{\"lat\":48.40}}"}]}"#;
        assert_eq!(behind(&read), wanted, "law 5: the same on both engines");
        // Law 2: writing it back changes nothing.
        let columns = "select active, sex, born, last, first, birth_order, data, card, weight, seen from persons";
        let before = sql.rows(columns).await;
        api.save(&read).await.expect(200);
        assert_eq!(sql.rows(columns).await, before);
        // Law 4: another program's change shows, and the rest stays.
        sql.run(&format!("update persons set first = {}, sex = 'x', weight = 71", array(engine, r#""Bo""#))).await;
        let read = api.get(&format!("/Patient/{KEY}")).await.expect(200).json();
        assert_eq!((read.str("gender"), read.str("meta.versionId")), (Some("other"), Some("3")));
        assert_eq!(read.at("name").unwrap().to_string(), r#"[{"use":"official","family":"Lee","given":["Bo"]}]"#);
        assert!(read.to_string().contains(r#""valueDecimal":71.0"#), "{read}");
        // Law 3: what is left out is empty.
        let bare = Json::of(&format!(r#"{{"resourceType":"Patient","id":"{KEY}","active":false}}"#));
        api.save(&bare).await.expect(200);
        assert_eq!(sql.count("select count(*) from persons where first is null and sex is null and born is null and card is null and weight is null and seen is null").await, 1);
        assert_eq!(behind(&api.get(&format!("/Patient/{KEY}")).await.expect(200).json()), r#""active":false}"#);
        assert_eq!(server.verified().await, 0);
    }

    async fn what_clients_write_comes_back_as_they_wrote_it(engine: Engine) {
        let (server, _maps) = start(engine).await;
        let api = server.client();
        let mut sql = server.sql().await;
        for (number, members) in [
            r#""active":true,"gender":"male","birthDate":"1980-12-31","name":[{"use":"official","family":"Ray","given":["Bob","Al"]}],"multipleBirthInteger":3"#,
            r#""gender":"unknown","birthDate":"1980","name":[{"use":"official","given":["Bob",null],"_given":[null,{"extension":[{"url":"urn:x","valueString":"a"}]}]}],"multipleBirthInteger":300"#,
            r#""extension":[{"url":"urn:weight","valueDecimal":70.55},{"url":"urn:rest","valueString":"{\"zz\":1,\"b\":2}"}],"address":[{"use":"home","line":["x","y"],"city":"Ulm"}]"#,
            r#""extension":[{"url":"urn:rest","valueString":"no object"},{"url":"urn:seen","valueDateTime":"2026-10-25T02:30:00+01:00"}],"identifier":[{"system":"urn:uuid-card","value":"no uuid"}]"#,
            r#""deceasedDateTime":"2020-05-05T10:00:00+02:00","identifier":[{"system":"urn:uuid-card","value":"0190F0C0-0000-7000-8000-00000000000B"}]"#,
        ].into_iter().enumerate() {
            let id = format!("0190f0c0-0000-7000-8000-00000000010{number}");
            let text = format!(r#"{{"resourceType":"Patient","id":"{id}",{members}}}"#);
            api.save(&Json::of(&text)).await.expect(201);
            let read = String::from_utf8(api.get(&format!("/Patient/{id}")).await.expect(200).body.to_vec()).unwrap();
            assert_eq!(read.split_once("},").unwrap().1, format!("{members}}}"), "law 1");
            assert_eq!(sql.count(&format!("select count(*) from persons where id = '{id}'")).await, 1, "{members}");
        }
        let cities = "select count(*) from persons where data -> 'address' ->> 'city' = 'Ulm'";
        assert_eq!(sql.count(cities).await, 1);
        assert_eq!(server.verified().await, 0);
    }
}
