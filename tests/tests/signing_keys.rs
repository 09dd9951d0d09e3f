//! The keys that ID tokens are signed with, and where clients find them:
//! <https://openid.net/specs/openid-connect-discovery-1_0.html>, shared/facts/smart-bulk-ehr.md 1.2 and 1.3.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Server, suite};

const BY: [&str; 2] = ["--by", "Jane Doe"];

async fn command(server: &Server, arguments: &[&str]) -> Command {
    server.command(&[&["key"], arguments].concat()).await
}

async fn listed(server: &Server) -> Vec<(String, String)> {
    let list = Json::of(&command(server, &["list", "--json"]).await.expect(0).stdout);
    let text = |key: &Json, name: &str| key.str(name).unwrap().to_owned();
    list.array().iter().map(|key| (text(key, "kid"), text(key, "state"))).collect()
}

/// Ids of the keys that a server publishes.
async fn published(server: &Server) -> Vec<String> {
    let set = server.stranger().get(&at(server, "/oauth/jwks")).await.expect(200).json();
    set.items("keys").iter().map(|key| key.str("kid").unwrap().to_owned()).collect()
}

fn at(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address())
}

/// A server knows the keys for some seconds.
async fn published_soon(server: &Server, is: impl Fn(&[String]) -> bool) -> Vec<String> {
    let mut last = Vec::new();
    for _ in 0..100 {
        last = published(server).await;
        if is(&last) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(is(&last), "{last:?}");
    last
}

fn own(engine: Engine) -> &'static str {
    if engine == Engine::Postgres { "fhir_gateway.signing_keys" } else { "signing_keys" }
}

suite! {
    /// 1.3: the JWKS holds an RSA key, with its `kid`; anybody may ask, from any page, and keep it for a while.
    async fn anybody_gets_the_public_keys_and_nothing_private(server: &'static Server) {
        let answer = server.stranger().get(&at(server, "/oauth/jwks")).header("Authorization", "Bearer nonsense").await.expect(200);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        assert_eq!(answer.header("Cache-Control"), Some("public, max-age=60"));
        assert_eq!(answer.header("Pragma"), None);
        // Kept for one origin, it is kept for all.
        assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("*"));
        let set = answer.json();
        let keys = set.items("keys");
        assert!(!keys.is_empty());
        for key in keys {
            for (name, value) in [("kty", "RSA"), ("use", "sig"), ("alg", "RS256"), ("e", "AQAB")] {
                assert_eq!(key.str(name), Some(value), "{key}");
            }
            // 3072 bits in base64url.
            assert_eq!((key.str("n").unwrap().len(), key.str("kid").unwrap().len()), (512, 43), "{key}");
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(key.at(private).is_none(), "{key}");
            }
        }
    }

    /// 1.2: `[issuer]/.well-known/openid-configuration`, where somebody can log in; where nobody can, no document says otherwise.
    async fn openid_configuration_is_there_with_openid_connect(server: &'static Server) {
        let stranger = server.stranger();
        let origin = at(server, "");
        let smart = stranger.get(&at(server, "/.well-known/smart-configuration")).await.expect(200).json();
        let openid = smart.items("capabilities").iter().any(|one| one.to_string().contains("sso-openid-connect"));
        assert_eq!(smart.at("jwks_uri").is_some(), openid, "{smart}");
        assert_eq!(smart.at("issuer").is_some(), openid, "{smart}");
        let found = stranger.get(&at(server, "/.well-known/openid-configuration")).header("Host", "evil.example").await;
        if !openid {
            found.expect(404);
            return;
        }
        let found = found.expect(200);
        assert_eq!(found.header("Access-Control-Allow-Origin"), Some("*"));
        let found = found.json();
        assert_eq!(found.str("issuer"), Some(&*origin));
        assert_eq!(found.str("jwks_uri"), Some(&*format!("{origin}/oauth/jwks")));
        for endpoint in ["authorization_endpoint", "token_endpoint"] {
            assert!(found.str(endpoint).unwrap().starts_with(&origin), "{found}");
        }
        for (name, value) in [("response_types_supported", "code"), ("subject_types_supported", "public"), ("id_token_signing_alg_values_supported", "RS256")] {
            assert!(found.items(name).iter().any(|one| one.to_string().contains(value)), "{name} {found}");
        }
    }

    /// A new key is published before it signs, and the one before stays for what it signed.
    async fn keys_are_rotated_and_retired_by_command(engine: Engine) {
        let server = Server::start(engine);
        assert!(listed(&server).await.is_empty(), "made at first need");
        let first = published(&server).await;
        assert_eq!(listed(&server).await, [(first[0].clone(), "signs".to_owned())]);

        let made = Json::of(&command(&server, &[&["rotate", "--json"], &BY[..]].concat()).await.expect(0).stdout);
        let second = made.str("kid").unwrap().to_owned();
        let state = |kid: &str, state: &str| (kid.to_owned(), state.to_owned());
        assert_eq!(listed(&server).await, [state(&second, "published"), state(&first[0], "signs")]);
        published_soon(&server, |kids| kids.contains(&second) && kids.contains(&first[0])).await;

        // Once its time has gone the old one is not published, and its private part goes.
        let mut sql = server.sql().await;
        let table = own(engine);
        let times = |back: i64| format!("update {table} set signs_from = signs_from - {back}, signs_until = signs_until - {back}");
        sql.run(&times(10 * 60_000)).await;
        assert_eq!(listed(&server).await, [state(&second, "signs"), state(&first[0], "verifies")]);
        published_soon(&server, |kids| kids.len() == 2).await;
        sql.run(&times(2 * 3_600_000)).await;
        assert_eq!(listed(&server).await, [state(&second, "signs"), state(&first[0], "ended")]);
        published_soon(&server, |kids| kids == [second.clone()]).await;

        // The one that signs is retired: another one takes its place at once.
        let retired = command(&server, &[&["retire", &second, "--json"], &BY[..]].concat()).await.expect(0);
        let third = Json::of(&retired.stdout).str("kid").unwrap().to_owned();
        published_soon(&server, |kids| kids == [third.clone()]).await;
        assert_eq!(listed(&server).await[..2], [state(&third, "signs"), state(&second, "retired")]);
        assert_eq!(sql.count(&format!("select count(*) from {table} where sealed is not null and kid = '{second}'")).await, 0);
        let again = command(&server, &[&["retire", &second], &BY[..]].concat()).await.expect(4);
        assert!(again.stderr.contains("key list"), "{}", again.stderr);
        // An id that begins as an option does is still an id.
        let hyphen = command(&server, &[&["retire", &format!("-Q{}", "a".repeat(41))], &BY[..]].concat()).await.expect(4);
        assert!(hyphen.stderr.contains("key list"), "{}", hyphen.stderr);
        command(&server, &[&["retire", "' or 1=1 --"], &BY[..]].concat()).await.expect(2);
        command(&server, &["rotate", "--by", " "]).await.expect(4);
        let (mut trail, schema) = server.trail().await;
        let rows = trail.rows(&format!("select interaction, request from {schema}audit_events where interaction in ('key-rotate', 'key-retire') order by seq")).await;
        let rows: Vec<String> = rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(rows[..2], ["key-rotate key rotate".to_owned(), format!("key-retire {second}")], "{rows:?}");
    }

    /// The database has no private key that opens without the key beside it; a server with another one signs nothing and says so.
    async fn no_private_key_lies_in_the_database_in_clear(engine: Engine) {
        let server = Server::start(engine);
        published(&server).await;
        let rows = server.sql().await.rows(&format!("select sealed, public from {}", own(engine))).await;
        let [row] = &rows[..] else { panic!("{rows:?}") };
        let sealed = row[0].as_deref().unwrap();
        assert!(sealed.starts_with("s2.") && sealed.len() > 1500, "{sealed}");
        // PKCS #8 of RSA begins so, in whatever base64.
        assert!(!sealed.contains("MIIG") && !row[1].as_deref().unwrap().contains("\"d\""));
        assert!(server.data_dir().join("secret.key").exists());
    }

    /// Everything is under the new key then, servers go on meanwhile, and what was cut off goes on.
    async fn the_key_of_secrets_is_rotated_beside_a_server(engine: Engine) {
        let server = Server::start(engine);
        let first = published(&server).await;
        let schema = own(engine).trim_end_matches("signing_keys");
        let secret = server.folder().join("provider-secret");
        std::fs::write(&secret, "hush hush").unwrap();
        let add = ["provider", "add", "--by", "Jane", "--id", "there", "--name", "There", "--issuer", "https://id.example", "--client-id", "us", "--secret-file"];
        let secret = secret.display().to_string();
        let introspection = ["--introspection", "https://id.example/i", "--introspection-client-id", "us", "--introspection-secret-file", &secret, "--audience", "https://here.example"];
        server.command(&[&add[..], &[&secret], &introspection].concat()).await.expect(0);
        let mut sql = server.sql().await;
        let kept = format!("select sealed from {schema}signing_keys union all select sealed from {schema}outside_providers union all select introspection_sealed from {schema}outside_providers");
        let mut sealed = async || -> Vec<String> {
            let rows = sql.rows(&kept).await.into_iter();
            rows.map(|mut row| row.remove(0).unwrap().split('.').nth(1).unwrap().to_owned()).collect()
        };
        let [key, before] = ["secret.key", "secret.before.key"].map(|name| server.data_dir().join(name));
        let (old, names) = (std::fs::read(&key).unwrap(), sealed().await);
        assert!(names.len() == 3 && names[0] == names[1] && names[1] == names[2]);
        let rotate = [&["rotate-secret", "--json"], &BY[..]].concat();
        let said = Json::of(&command(&server, &rotate).await.expect(0).stdout);
        assert_eq!(said.str("sealed"), Some("3"), "{said}");
        let anew = sealed().await;
        assert!(anew[0] == anew[1] && anew[1] == anew[2] && anew[0] != names[0], "{names:?} {anew:?}");
        assert!(std::fs::read(&key).unwrap() != old && std::fs::read(&before).unwrap() == old, "until somebody says so");
        let finish = [&rotate[..], &["--finish"]].concat();
        command(&server, &finish).await.expect(0);
        assert!(!before.exists());
        command(&server, &finish).await.expect(4);

        // As kill -9 leaves it: the new key is there, and nothing is sealed under it.
        std::fs::rename(&key, &before).unwrap();
        let next: Vec<u8> = (0..32).collect();
        std::fs::write(&key, &next).unwrap();
        let second = Json::of(&command(&server, &[&["rotate", "--json"], &BY[..]].concat()).await.expect(0).stdout);
        let second = second.str("kid").unwrap().to_owned();
        published_soon(&server, |kids| kids.contains(&second) && kids.contains(&first[0])).await;
        let said = Json::of(&command(&server, &rotate).await.expect(0).stdout);
        assert_eq!(said.str("sealed"), Some("3"), "{said}");
        assert!(std::fs::read(&key).unwrap() == next && before.exists());
        assert!(!server.log().contains("does not open"), "{}", server.log());

        // What opens with no key keeps the old one there.
        let mut sql = server.sql().await;
        sql.run(&format!("update {schema}outside_providers set sealed = 's1.AAAA'")).await;
        let refused = command(&server, &finish).await.expect(4);
        assert!(refused.stderr.contains("1 open with neither key") && before.exists(), "{}", refused.stderr);
        sql.run(&format!("update {schema}outside_providers set sealed = ''")).await;
        command(&server, &finish).await.expect(0);
        assert!(!before.exists());
        let mut server = server;
        server.terminate().await;
        server.restart();
        server.stranger().get(&at(&server, "/readyz")).await.expect(200);
    }

    /// A key service's key: nothing of it is in the data directory, and what the command prints is never shown.
    async fn a_command_prints_the_key(engine: Engine) {
        let server = Server::with(engine, gateway_tests::Options {
            arguments: vec!["--secret-key-command".to_owned(), format!("echo {}=", "A".repeat(43))],
            ..gateway_tests::Options::default()
        });
        assert_eq!(published(&server).await.len(), 1);
        assert!(!server.data_dir().join("secret.key").exists());
        let with = |key: &'static str| [&["rotate", "--secret-key-command", key], &BY[..]].concat();
        for (wrong, why) in [("echo hush; false", "failed"), ("echo hush", "32 bytes"), ("yes hush", "more than a key")] {
            let refused = command(&server, &with(wrong)).await.expect(2);
            assert!(refused.stderr.contains(why) && !refused.stderr.contains("hush"), "{}", refused.stderr);
        }
        // Another key comes, and the one before is still known.
        let other = format!("echo {}E=", "B".repeat(42));
        let rotated = tokio::process::Command::new(gateway_tests::binary())
            .args(["key", "rotate-secret", "--json", "--by", "Jane", "--secret-key-command", &other, "--database", &server.database.url])
            .args(["--data-dir", &server.data_dir().display().to_string()])
            .env("FHIR_GATEWAY_SECRET_KEY_BEFORE", format!("{}=", "A".repeat(43)))
            .output()
            .await
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&rotated.stdout), "{\"sealed\":1}\n", "{}", String::from_utf8_lossy(&rotated.stderr));
    }

    /// Several processes on one database make one key, whoever is asked first.
    async fn processes_on_one_database_agree(engine: Engine) {
        let server = Server::start(engine);
        let beside = server.beside();
        let (one, other) = tokio::join!(published(&server), published(&beside));
        assert_eq!((one.len(), &one), (1, &other));
        // Two that rotate at once leave one key without an end.
        let rotate = [&["rotate"], &BY[..]].concat();
        let (one, other) = tokio::join!(command(&server, &rotate), command(&server, &rotate));
        for done in [one, other] {
            assert!(matches!(done.code, Some(0 | 4)), "{}", done.stderr);
        }
        let open = format!("select count(*) from {} where signs_until is null and retired is null", own(engine));
        assert_eq!(server.sql().await.count(&open).await, 1);
    }
}
