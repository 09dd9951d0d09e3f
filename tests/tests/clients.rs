//! The clients of OAuth at the command line: what is refused, what is shown and what never is, and that all of it is on record.
#![allow(missing_docs, clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use gateway_tests::{Command, Engine, Json, Server, Sql, hidden_organization, on_postgres, own, suite};
use sha2::{Digest as _, Sha256};

async fn command(server: &Server, arguments: &[&str]) -> Command {
    server.command(&[&["client"], arguments].concat()).await
}

const BY: [&str; 2] = ["--by", "Jane Doe"];
const ASKS: [&str; 4] = ["--scope", "system/*.rs", "--purpose", "TREAT"];

async fn add(server: &Server, name: &str, more: &[&str]) -> Command {
    command(server, &[&["add", "--name", name], &BY[..], &ASKS[..], more].concat()).await
}

/// A client with a secret: its id and that.
async fn with_secret(server: &Server, name: &str) -> (String, String) {
    let added = Json::of(&add(server, name, &["--secret", "--json"]).await.expect(0).stdout);
    (added.str("id").unwrap().to_owned(), added.str("secret").unwrap().to_owned())
}

async fn shown(server: &Server, id: &str) -> Json {
    Json::of(&command(server, &["show", id, "--json"]).await.expect(0).stdout)
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A set of one public key, with something more in it.
fn jwks(kid: &str, more: &str) -> String {
    let modulus = BASE64_URL_SAFE_NO_PAD.encode([0xC3; 256]);
    format!(r#"{{"keys":[{{"kty":"RSA","kid":"{kid}","n":"{modulus}","e":"AQAB"{more}}}]}}"#)
}

fn file(server: &Server, name: &str, text: &str) -> String {
    let path = server.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Where, in the database and its audit trail, a text stands in any column of any table.
async fn places(server: &Server, wanted: &str) -> Vec<String> {
    let mut found = look(&mut server.sql().await, wanted, 300).await;
    if server.engine() == Engine::Sqlite {
        found.extend(look(&mut server.trail().await.0, wanted, 40).await);
    }
    found
}

async fn look(sql: &mut Sql, wanted: &str, least: usize) -> Vec<String> {
    let columns = match sql.engine() {
        Engine::Sqlite => {
            "select '\"' || m.name || '\"', '\"' || c.name || '\"' from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'"
        }
        Engine::Postgres => {
            "select format('%I.%I', table_schema, table_name), quote_ident(column_name) from information_schema.columns \
             where table_schema in ('public', 'fhir_gateway')"
        }
    };
    let columns = sql.rows(columns).await;
    assert!(columns.len() > least, "{} columns", columns.len());
    let mut found = Vec::new();
    for column in columns {
        let [Some(table), Some(name)] = &column[..] else { panic!("{column:?}") };
        let holds = format!("select count(*) from {table} where cast({name} as text) like '%{wanted}%'");
        if sql.count(&holds).await > 0 {
            found.push(format!("{table}.{name}"));
        }
    }
    found
}

fn names(list: &Json) -> Vec<&str> {
    list.array().iter().filter_map(|client| client.str("name")).collect()
}

suite! {
    async fn a_client_is_added_shown_changed_and_disabled(engine: Engine) {
        let server = Server::start(engine);
        let keys = file(&server, "one.jwks.json", &jwks("one", r#","note":"zqnote","key_ops":["verify"]"#));
        let run = command(&server, &[
            "add", "--by", "Jane Doe", "--name", "Nightly warehouse job", "--id", "warehouse", "--scope", "system/*.rs", "--scope", "system/Patient.r system/*.rs",
            "--purpose", "TREAT", "--purpose", "HOPERAT", "--default-purpose", "TREAT", "--actor", "Organization/1", "--jwks", &keys,
        ]).await.expect(0);
        assert!(run.stdout.contains("warehouse") && !run.stdout.contains("secret"), "{}", run.stdout);
        let client = shown(&server, "warehouse").await;
        for (name, value) in [("name", "Nightly warehouse job"), ("kind", "confidential-asymmetric"), ("state", "active"), ("defaultPurpose", "TREAT"), ("createdBy", "Jane Doe"),
            ("scopes.0", "system/*.rs"), ("scopes.1", "system/Patient.r"), ("purposes.0", "HOPERAT"), ("purposes.1", "TREAT"), ("actors.0", "Organization/1"), ("jwks.keys.0.kid", "one"), ("jwks.keys.0.alg", "RS384")] {
            assert_eq!(client.str(name), Some(value), "{name}: {client}");
        }
        assert_eq!((client.items("scopes").len(), client.at("officer")), (2, Some(&Json::Bool(false))));
        assert_eq!(places(&server, "zqnote").await, Vec::<String>::new(), "of a key is kept what verifying needs");
        let text = command(&server, &["show", "warehouse"]).await.expect(0).stdout;
        assert!(text.contains("one (RS384)") && text.contains("TREAT where it does not say") && text.contains("Jane Doe"), "{text}");

        // An id of our own making, and an address of keys.
        let run = add(&server, "Another", &["--jwks-url", "https://c.example/jwks.json", "--officer", "--json"]).await.expect(0);
        let id = Json::of(&run.stdout).str("id").unwrap().to_owned();
        assert_eq!(id.len(), 22, "{id}");
        let client = shown(&server, &id).await;
        assert_eq!((client.str("jwksUrl"), client.str("defaultPurpose"), client.at("officer")), (Some("https://c.example/jwks.json"), Some("TREAT"), Some(&Json::Bool(true))));

        // What is given takes the place of what was there, and nothing else changes.
        let change = async |more: &[&str], code: i32| command(&server, &[&["change", "warehouse", "--by", "John Roe"], more].concat()).await.expect(code);
        change(&["--scope", "system/Observation.rs"], 0).await;
        change(&["--purpose", "TREAT", "--no-actors"], 0).await;
        change(&["--jwks-url", "https://w.example/keys"], 0).await;
        change(&["--name", "Warehouse", "--officer", "yes"], 0).await;
        let client = shown(&server, "warehouse").await;
        for (name, value) in [("name", "Warehouse"), ("scopes.0", "system/Observation.rs"), ("purposes.0", "TREAT"), ("jwksUrl", "https://w.example/keys"), ("changedBy", "John Roe"), ("createdBy", "Jane Doe")] {
            assert_eq!(client.str(name), Some(value), "{name}: {client}");
        }
        assert!(client.items("actors").is_empty() && client.at("jwks").is_none(), "{client}");
        let run = change(&["--purpose", "HPAYMT"], 2).await;
        assert!(run.stderr.contains("--default-purpose"), "{}", run.stderr);
        change(&["--purpose", "HPAYMT", "--default-purpose", "HPAYMT"], 0).await;
        change(&["--purpose", "HPAYMT", "--purpose", "TREAT", "--no-default-purpose"], 0).await;
        assert_eq!(shown(&server, "warehouse").await.str("defaultPurpose"), None);
        change(&["--name", "Another"], 4).await;
        change(&[], 2).await;

        let list = Json::of(&command(&server, &["list", "--json"]).await.expect(0).stdout);
        assert_eq!(names(&list), ["Another", "Warehouse"]);
        command(&server, &["disable", &id, "--by", "Jane Doe"]).await.expect(0);
        command(&server, &["disable", &id, "--by", "Jane Doe"]).await.expect(4);
        let run = command(&server, &["change", &id, "--by", "Jane Doe", "--name", "Back"]).await.expect(4);
        assert!(run.stderr.contains("disabled"), "{}", run.stderr);
        let lines = command(&server, &["list"]).await.expect(0).stdout;
        assert!(lines.lines().next().unwrap().starts_with("warehouse  active"), "{lines}");
        assert!(lines.lines().nth(1).unwrap().contains("disabled"), "{lines}");
        // Its name is free again; its id is not.
        add(&server, "Another", &["--secret"]).await.expect(0);
        let run = add(&server, "Third", &["--secret", "--id", &id]).await.expect(4);
        assert!(run.stderr.contains("--id"), "{}", run.stderr);

        // All of it is on record, under the client's id, and the trail holds.
        let (mut trail, prefix) = server.trail().await;
        for (interaction, count) in [("client-add", 1), ("client-change", 8), ("client-show", 4), ("client-disable", 0)] {
            let records = format!("select count(*) from {prefix}audit_events where interaction = '{interaction}' and caller = 'operator' and request = 'warehouse'");
            assert_eq!(trail.count(&records).await, count, "{interaction}");
        }
        assert_eq!(trail.count(&format!("select count(*) from {prefix}audit_events where interaction = 'client-disable' and request = '{id}'")).await, 2);
        assert_eq!(trail.count(&format!("select count(*) from {prefix}audit_events where interaction = 'client-list'")).await, 2);
        let data_dir = server.data_dir().display().to_string();
        Command::run(&["audit", "verify", "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
    }

    async fn a_secret_is_shown_once_and_is_nowhere_in_clear(engine: Engine) {
        let server = Server::start(engine);
        let (id, first) = with_secret(&server, "Reports").await;
        assert!(first.starts_with("fgs_") && first.len() == 47, "43 characters are 256 bits");
        let column = async |name: &str| server.sql().await.rows(&format!("select {name} from {} where id = '{id}'", own(engine, "oauth_clients"))).await[0][0].clone();
        assert_eq!(column("secret_hash").await, Some(sha256(&first)));

        // Written to a file instead, for its owner alone.
        let path = server.folder().join("second.secret");
        let to = path.display().to_string();
        let run = command(&server, &["rotate-secret", &id, "--by", "Jane Doe", "--keep", "3600", "--secret-file", &to]).await.expect(0);
        let second = std::fs::read_to_string(&path).unwrap().trim().to_owned();
        assert!(second.starts_with("fgs_") && second != first && !run.stdout.contains(&second) && run.stdout.contains(&to), "{}", run.stdout);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!((column("secret_hash").await, column("secret_before").await), (Some(sha256(&second)), Some(sha256(&first))));
        assert!(shown(&server, &id).await.str("secretBeforeUntil").is_some());
        // A file that is there is not written over, and then nothing changes.
        let run = command(&server, &["rotate-secret", &id, "--by", "Jane Doe", "--secret-file", &to]).await.expect(2);
        assert!(run.stderr.contains("--secret-file"), "{}", run.stderr);
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), second);
        assert_eq!(column("secret_hash").await, Some(sha256(&second)));
        // A file for a secret that was not made does not stay.
        let lost = server.folder().join("lost.secret");
        add(&server, "Reports", &["--secret", "--secret-file", &lost.display().to_string()]).await.expect(4);
        assert!(!lost.exists());

        let run = command(&server, &["rotate-secret", &id, "--by", "Jane Doe", "--keep", "0", "--json"]).await.expect(0);
        let third = Json::of(&run.stdout).str("secret").unwrap().to_owned();
        assert_eq!((column("secret_hash").await, column("secret_before").await), (Some(sha256(&third)), None));
        let run = command(&server, &["rotate-secret", &id, "--by", "Jane Doe", "--keep", "2592001"]).await.expect(2);
        assert!(run.stderr.contains("30 days"), "{}", run.stderr);

        let words = [["list", "--json"].as_slice(), &["list"], &["show", &id], &["show", &id, "--json"]];
        for arguments in words {
            let run = command(&server, arguments).await.expect(0);
            for secret in [&first, &second, &third] {
                assert!(!run.stdout.contains(&secret[4..]) && !run.stdout.contains(&sha256(secret)), "{arguments:?}");
            }
        }
        for secret in [&first, &second, &third] {
            assert_eq!(places(&server, &secret[4..]).await, Vec::<String>::new(), "in clear");
            assert!(!server.log().contains(&secret[4..]));
        }
        // The same search finds what is there.
        assert_eq!(places(&server, &sha256(&third)).await.len(), 1);
        // A secret in the place of an id is not put on record.
        command(&server, &["show", &third]).await.expect(2);
        assert_eq!(places(&server, &third[4..]).await, Vec::<String>::new());
        command(&server, &["disable", &id, "--by", "Jane Doe"]).await.expect(0);
        assert_eq!(column("secret_hash").await, None);
    }

    async fn what_is_wrong_is_said_and_not_kept(engine: Engine) {
        let server = Server::start(engine);
        let private = file(&server, "private.json", &jwks("one", r#","d":"zqprivate""#));
        let bare = file(&server, "bare.json", r#"{"kty":"oct","k":"zqprivate"}"#);
        let pem = file(&server, "key.pem", "-----BEGIN PRIVATE KEY-----\nzqprivate\n-----END PRIVATE KEY-----\n");
        let good = file(&server, "good.json", &jwks("one", ""));
        let long = "x".repeat(301);
        let cases: &[(&[&str], &str)] = &[
            (&["--jwks", &private], "private part"),
            (&["--jwks", &bare], "private part"),
            (&["--jwks", &pem], "JSON Web Key Set"),
            (&["--jwks", "/no/such/file"], "/no/such/file"),
            (&["--jwks-url", "http://c.example/jwks"], "https"),
            (&["--jwks-url", "https://me:zqprivate@c.example/jwks"], "https"),
            (&["--jwks-url", "https://169.254.169.254/keys"], "link-local"),
            (&["--jwks-url", "https://2852039166/keys"], "link-local"),
            (&["--jwks", &good, "--secret"], "cannot be used with"),
            (&["--jwks", &good, "--jwks-url", "https://c.example/jwks"], "cannot be used with"),
            (&[], "--jwks"),
            (&["--jwks", &good, "--secret-file", "x"], "--secret"),
            (&["--secret", "--purpose", "MARKETING"], "TREAT"),
            (&["--secret", "--default-purpose", "HPAYMT"], "HPAYMT"),
            (&["--secret", "--actor", "somebody"], "Type/id"),
            (&["--secret", "--scope", &long], "--scope"),
            (&["--secret", "--scope", "a\"b"], "--scope"),
            (&["--secret", "--scope", "patient/*.rs"], "system/"),
            (&["--secret", "--scope", "system/Patients.rs"], "--scope"),
            (&["--secret", "--scope", "system/Observation.rs?date=ap2020"], "category, code"),
            (&["--secret", "--id", "a b"], "--id"),
            (&["--secret", "--id=-x"], "--id"),
        ];
        for (more, why) in cases {
            let run = add(&server, "Wrong", more).await.expect(2);
            assert!(run.stderr.contains(why) && !run.stderr.contains("zqprivate") && run.stdout.is_empty(), "{more:?}: {}", run.stderr);
        }
        let run = command(&server, &["add", "--by", " ", "--name", "Wrong", "--scope", "system/*.rs", "--purpose", "TREAT", "--secret"]).await.expect(2);
        assert!(run.stderr.contains("--by"), "{}", run.stderr);
        assert_eq!(Json::of(&command(&server, &["list", "--json"]).await.expect(0).stdout).array().len(), 0);

        let (id, _) = with_secret(&server, "Right").await;
        add(&server, "Right", &["--secret"]).await.expect(4);
        for arguments in [["change", &id, "--jwks", &good].as_slice(), &["rotate-secret", "no-such-id"], &["disable", "no-such-id"], &["revoke-tokens", "no-such-id"]] {
            command(&server, &[arguments, &BY[..]].concat()).await.expect(4);
        }
        command(&server, &["show", "no-such-id"]).await.expect(4);
        add(&server, "Keys", &["--jwks", &good, "--id", "keys"]).await.expect(0);
        command(&server, &["change", "keys", "--by", "Jane Doe", "--jwks", &private]).await.expect(2);
        let run = command(&server, &["rotate-secret", "keys", "--by", "Jane Doe"]).await.expect(4);
        assert!(run.stderr.contains("--jwks"), "{}", run.stderr);
        assert_eq!(shown(&server, "keys").await.str("jwks.keys.0.kid"), Some("one"));
        assert_eq!(places(&server, "zqprivate").await, Vec::<String>::new());
        assert!(Path::new(&private).exists());
    }

    /// Tokens are given by the endpoints; here they are put in, to see what ends them.
    async fn what_takes_something_away_ends_tokens(engine: Engine) {
        let server = Server::start(engine);
        let (id, _) = with_secret(&server, "Reports").await;
        let (other, _) = with_secret(&server, "Other").await;
        let tokens = own(engine, "oauth_tokens");
        let mut sql = server.sql().await;
        let mut number = 0;
        let cases: &[(&[&str], u64)] = &[
            (&["change", "--name", "Reports 2"], 0),
            (&["change", "--actor", "Organization/2"], 0),
            (&["change", "--scope", "system/Patient.r"], 1),
            (&["change", "--purpose", "TREAT"], 1),
            (&["change", "--officer", "yes"], 1),
            (&["rotate-secret", "--keep", "0"], 0),
            (&["revoke-tokens"], 1),
            (&["disable"], 1),
        ];
        for (arguments, ends) in cases {
            number += 1;
            for client in [&id, &other] {
                sql.run(&format!("delete from {tokens} where client = '{client}'")).await;
                sql.run(&format!("insert into {tokens} (organization_id, hash, client, scopes, purpose, issued, expires) values (1, 'h{number}{client}', '{client}', 's', 'TREAT', 1, 9999999999999)")).await;
            }
            let run = command(&server, &[&[arguments[0], &id], &arguments[1..], &BY[..]].concat()).await.expect(0);
            let ended = async |client: &str, sql: &mut Sql| sql.count(&format!("select count(*) from {tokens} where client = '{client}' and revoked is not null")).await;
            assert_eq!(ended(&id, &mut sql).await, i64::try_from(*ends).unwrap(), "{arguments:?}");
            assert_eq!(ended(&other, &mut sql).await, 0, "another's: {arguments:?}");
            if *ends > 0 {
                assert!(run.stdout.contains("1 token ended"), "{}", run.stdout);
            }
        }
    }

    /// What has expired goes by itself while a server runs.
    async fn a_server_removes_what_has_expired(engine: Engine) {
        let mut server = Server::start(engine);
        let (tokens, assertions) = (own(engine, "oauth_tokens"), own(engine, "oauth_assertions"));
        let mut sql = server.sql().await;
        for (number, expires) in [(1, 5), (2, 9_999_999_999_999_i64)] {
            sql.run(&format!("insert into {tokens} (organization_id, hash, client, scopes, purpose, issued, expires) values (1, 'h{number}', 'c', 's', 'TREAT', 1, {expires})")).await;
            sql.run(&format!("insert into {assertions} (organization_id, client, jti, expires) values (1, 'c', 'j{number}', {expires})")).await;
        }
        server.restart();
        let mut left = 4;
        for _ in 0..100 {
            left = sql.count(&format!("select (select count(*) from {tokens}) + (select count(*) from {assertions})")).await;
            if left == 2 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(left, 2);
        assert_eq!(sql.count(&format!("select count(*) from {tokens} where hash = 'h2'")).await, 1);
        assert_eq!(sql.count(&format!("select count(*) from {assertions} where jti = 'j2'")).await, 1);
    }
}

on_postgres! {
    /// The two functions give the row that is asked for by its whole id or hash, to the application's role alone.
    async fn another_organizations_clients_are_found_by_their_id_alone(engine: Engine) {
        let server = Server::start(engine);
        let mut sql = server.sql().await;
        assert!(hidden_organization(&mut sql).await > 0);
        let (id, _) = with_secret(&server, "Ours").await;
        sql.run(&format!("insert into fhir_gateway.oauth_tokens (organization_id, hash, client, scopes, purpose, issued, expires) values (1, 'h1', '{id}', 's', 'TREAT', 1, 9999999999999)")).await;
        sql.run(&format!("insert into fhir_gateway.oauth_assertions (organization_id, client, jti, expires) values (1, '{id}', 'j1', 9999999999999)")).await;
        let registered = |id: &str, used: &str| format!("insert into fhir_gateway.oauth_clients (organization_id, id, name, kind, scopes, purposes, actors, officer, created, created_by, revision, registered, used) values (1, '{id}', 'Itself', 'public', 's', 'PATRQT', '', 0, 1, 'itself', 1, 1, {used})");
        for (own, used) in [("was-used", "5"), ("never-used", "null")] {
            sql.run(&registered(own, used)).await;
        }
        let hash = sha256("fgi_r1");
        sql.run(&format!("insert into fhir_gateway.oauth_registrations (organization_id, hash, id, name, uses, created, created_by, expires) values (1, '{hash}', 'r1', 'Maker', 2, 1, 'x', 9999999999999)")).await;
        sql.run(&format!("insert into fhir_gateway.oauth_refusals (organization_id, account, client, created) values (1, 'somebody', '{id}', 1)")).await;
        for organization in ["", "2"] {
            sql.run(&format!("begin; set local role fhir_gateway_app; select set_config('app.current_organization_id', '{organization}', true)")).await;
            for table in ["oauth_clients", "oauth_tokens", "oauth_assertions", "oauth_registrations", "oauth_refusals"] {
                assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.{table}")).await, 0, "{table} under '{organization}'");
            }
            assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.oauth_client('{id}')")).await, 1);
            assert_eq!(sql.count("select count(*) from fhir_gateway.oauth_token('h1')").await, 1);
            assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.oauth_registration('{hash}')")).await, 1);
            for pattern in ["%", "_%", "", "h_", "' or true --"] {
                let pattern = pattern.replace('\'', "''");
                assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.oauth_client('{pattern}')")).await, 0);
                assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.oauth_token('{pattern}')")).await, 0);
                assert_eq!(sql.count(&format!("select count(*) from fhir_gateway.oauth_registration('{pattern}')")).await, 0);
            }
            for change in [
                format!("update fhir_gateway.oauth_clients set scopes = 'all' where id = '{id}'"),
                "update fhir_gateway.oauth_tokens set revoked = null".to_owned(),
                "delete from fhir_gateway.oauth_tokens".to_owned(),
                "delete from fhir_gateway.oauth_assertions".to_owned(),
                "delete from fhir_gateway.oauth_clients where id = 'never-used'".to_owned(),
                "update fhir_gateway.oauth_registrations set uses = 99".to_owned(),
                "delete from fhir_gateway.oauth_registrations".to_owned(),
                "delete from fhir_gateway.oauth_refusals".to_owned(),
            ] {
                assert_eq!(sql.run(&change).await, 0, "{change} under '{organization}'");
            }
            sql.run("rollback").await;
        }
        // Whom somebody added, or somebody used, its own organization's connection does not remove either: only what registered itself.
        sql.run("begin; set local role fhir_gateway_app; set local app.current_organization_id = '1'").await;
        for (gone, count) in [(&*id, 0), ("was-used", 0), ("never-used", 1)] {
            assert_eq!(sql.run(&format!("delete from fhir_gateway.oauth_clients where id = '{gone}'")).await, count, "{gone}");
        }
        // What another organization's connection changes nothing of, its own does.
        for change in ["update fhir_gateway.oauth_registrations set uses = 99", "delete from fhir_gateway.oauth_registrations", "delete from fhir_gateway.oauth_refusals", "update fhir_gateway.oauth_clients set used = 6 where id = 'was-used'"] {
            assert_eq!(sql.run(change).await, 1, "{change}");
        }
        sql.run("rollback; delete from fhir_gateway.oauth_clients where registered = 1").await;
        // What not even its own organization's connection may, and what no other role may.
        for (role, forbidden) in [
            ("fhir_gateway_app", format!("update fhir_gateway.oauth_clients set organization_id = 2 where id = '{id}'")),
            ("fhir_gateway_app", "update fhir_gateway.oauth_registrations set expires = 9999999999999".to_owned()),
            ("fhir_gateway_audit_reader", format!("select * from fhir_gateway.oauth_registration('{hash}')")),
            ("fhir_gateway_app", "update fhir_gateway.oauth_tokens set expires = 9999999999999, scopes = 'all'".to_owned()),
            ("fhir_gateway_app", "update fhir_gateway.oauth_assertions set expires = 0".to_owned()),
            ("fhir_gateway_app", format!("insert into fhir_gateway.oauth_tokens (organization_id, hash, client, scopes, purpose, issued, expires) values (2, 'h2', '{id}', 's', 'TREAT', 1, 2)")),
            ("fhir_gateway_audit_reader", format!("select * from fhir_gateway.oauth_client('{id}')")),
            ("fhir_gateway_eraser", "select * from fhir_gateway.oauth_token('h1')".to_owned()),
            ("fhir_gateway_eraser", "select * from fhir_gateway.oauth_clients".to_owned()),
        ] {
            let tried = sql.attempt(&format!("begin; set local role {role}; set local app.current_organization_id = '1'; {forbidden}")).await;
            sql.run("rollback").await;
            let why = tried.expect_err(&forbidden).to_string();
            assert!(["permission denied", "row-level security"].iter().any(|word| why.contains(word)), "{forbidden}: {why}");
        }
        // The same ids there: a client's is taken, a name is not.
        let taken = format!("insert into fhir_gateway.oauth_clients (organization_id, id, name, kind, scopes, purposes, actors, officer, created, created_by, revision) values (2, '{id}', 'Theirs', 'confidential-symmetric', 's', 'TREAT', '', 0, 1, 'x', 1)");
        assert!(sql.attempt(&taken).await.is_err());
        sql.run(&taken.replace(&id, "theirs").replace("Theirs", "Ours")).await;
        assert_eq!(names(&Json::of(&command(&server, &["list", "--json"]).await.expect(0).stdout)), ["Ours"]);
        command(&server, &["show", "theirs"]).await.expect(4);
        command(&server, &["disable", "theirs", "--by", "Jane Doe"]).await.expect(4);
    }

    /// The owner of the tables is bound by the policies like anybody where it is no superuser; the functions find all the same.
    async fn a_plain_owner_finds_clients_too(engine: Engine) {
        let server = Server::start(engine);
        let (id, _) = with_secret(&server, "Ours").await;
        let mut sql = server.sql().await;
        sql.run(
            "begin; create role clients_owner nologin; grant usage, create on schema fhir_gateway to clients_owner; \
             alter table fhir_gateway.oauth_clients owner to clients_owner; alter function fhir_gateway.oauth_client(text) owner to clients_owner; \
             drop policy found on fhir_gateway.oauth_clients",
        )
        .await;
        let found = format!("select count(*) from fhir_gateway.oauth_client('{id}')");
        sql.run("set local role fhir_gateway_app").await;
        assert_eq!(sql.count(&found).await, 0, "without the policy the owner sees nothing");
        sql.run("reset role; set local role clients_owner; create policy found on fhir_gateway.oauth_clients for select to current_user using (true); set local role fhir_gateway_app").await;
        assert_eq!(sql.count(&found).await, 1);
        assert_eq!(sql.count("select count(*) from fhir_gateway.oauth_clients").await, 0);
        sql.run("rollback").await;
    }
}
