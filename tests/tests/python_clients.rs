//! Real clients, unmodified, from `PyPI`: `fhirpy`, `Authlib` and `fhirclient`, as a hospital's own programs use them.
//!
//! `FHIR_GATEWAY_TEST_PYTHON` names the folder with the packages (`tests/python/fetch FOLDER`). Each client is one script of
//! `tests/python`, which says in a line of JSON what it saw.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the other files of tests use the rest")]
mod app;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gateway_tests::{Command, Engine, Json, Server, lab_observation, patient, skipped, suite};

const SCOPE: &str = "system/Patient.cruds system/Observation.rs";
const ALGORITHMS: [&str; 2] = ["RS384", "ES384"];

fn packages() -> Option<PathBuf> {
    let found = std::env::var_os("FHIR_GATEWAY_TEST_PYTHON").map(PathBuf::from);
    if found.is_none() {
        skipped("FHIR_GATEWAY_TEST_PYTHON is not set");
    }
    found
}

/// Runs a script to its end; the line it printed.
async fn play(packages: &Path, script: &str, asked: &Json) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    let child = tokio::process::Command::new(packages.join("bin/python"))
        // Nothing of the user's own Python comes in, and nothing is written beside the scripts.
        .args(["-I", "-B", "-W", "ignore"])
        .arg(path)
        .arg(asked.to_string())
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), child).await.expect("it ends").expect("it starts");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Json::of(&String::from_utf8_lossy(&output.stdout))
}

/// Registers a client; what the command says.
async fn register(server: &Server, id: &str, more: &[&str]) -> Json {
    let data_dir = server.data_dir().display().to_string();
    let add = ["client", "add", "--json", "--by", "Jane", "--id", id, "--name", id, "--scope", SCOPE];
    let place = [
        "--default-purpose",
        "TREAT",
        "--purpose",
        "TREAT",
        "--database",
        &server.database.url,
        "--data-dir",
        &data_dir,
    ];
    Json::of(&Command::run(&[&add[..], more, &place].concat()).await.expect(0).stdout)
}

/// A server with two patients, of whom one has seven results, and what a script has to know of it and of its clients.
async fn scene(engine: Engine, packages: &Path) -> (Server, Json) {
    let server = Server::start(engine);
    let all = server.client();
    for id in ["ada", "bob"] {
        all.save(&patient(id, "Lovelace")).await.expect(201);
    }
    for number in 1..=7 {
        all.save(&lab_observation(&format!("o-{number}"), "ada", "95.0")).await.expect(201);
    }
    all.put("/Condition/c", r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/ada"}}"#)
        .await
        .expect(201);

    let secret = register(&server, "by-secret", &["--secret"]).await;
    let keys = play(packages, "with_authlib.py", &Json::of(r#"{"make":true}"#)).await;
    let mut by_key = Json::of("{}");
    for algorithm in ALGORITHMS {
        let (id, file) = (format!("by-{algorithm}"), server.folder().join(format!("{algorithm}.json")));
        std::fs::write(&file, keys.at(algorithm).unwrap().at("public").unwrap().to_string()).unwrap();
        register(&server, &id, &["--jwks", &file.display().to_string()]).await;
        by_key = by_key.with(algorithm, Json::of(&format!(r#"{{"id":"{id}"}}"#)));
    }
    let origin = format!("http://{}", server.address());
    let asked = Json::of("{}")
        .with("base", Json::text(server.base()))
        .with("metadata_url", Json::text(format!("{origin}/.well-known/oauth-authorization-server")))
        .with("token_url", Json::text(format!("{origin}/oauth/token")))
        .with("introspect_url", Json::text(format!("{origin}/oauth/introspect")))
        .with("revoke_url", Json::text(format!("{origin}/oauth/revoke")))
        .with("scope", Json::text(SCOPE))
        .with("by_secret", Json::of(&format!(r#"{{"id":"by-secret","secret":"{}"}}"#, secret.str("secret").unwrap())))
        .with("by_key", by_key)
        .with("keys", keys);
    (server, asked)
}

/// What was seen is, at a place, this JSON.
fn saw(seen: &Json, place: &str, wanted: &str) {
    let found = seen.at(place).unwrap_or_else(|| panic!("nothing at {place}: {seen}"));
    assert_eq!(found, &Json::of(wanted), "{place}");
}

suite! {
    async fn authlib_gets_tokens_by_secret_and_by_key(engine: Engine) {
        let Some(packages) = packages() else { return };
        let (server, asked) = scene(engine, &packages).await;
        let seen = play(&packages, "with_authlib.py", &asked).await;
        let granted = format!(r#"{{"type":"Bearer","scope":"{SCOPE}","expires_in":300}}"#);
        let no_client = r#"{"error":"invalid_client","described":true}"#;
        for way in ["client_secret_basic", "client_secret_post", "RS384", "ES384"] {
            let seen = seen.at(way).unwrap();
            saw(seen, "token", &granted);
            saw(seen, "read", r#""ada""#);
            saw(seen, "search", r#"{"ids":["o-1","o-2","o-3","o-4","o-5","o-6","o-7"],"pages":3}"#);
            saw(seen, "refused.0", "403");
            assert!(seen.str("refused.1").unwrap().contains("insufficient_scope"), "{way}: {seen}");
            saw(seen, "created.0", "201");
            let (_, created) = seen.str("created.1").unwrap().split_once("/fhir").unwrap();
            assert_eq!(server.client().get(created).await.expect(200).json().str("name.0.family"), Some("By Authlib"));
            saw(seen, "not_created", "403");
        }
        for way in ["client_secret_basic", "client_secret_post"] {
            let seen = seen.at(way).unwrap();
            saw(seen, "introspected.active", "true");
            assert_eq!((seen.str("introspected.client_id"), seen.str("introspected.scope")), (Some("by-secret"), Some(SCOPE)));
            saw(seen, "revoked", "200");
            saw(seen, "after", "401");
            saw(seen, "introspected_after", r#"{"active":false}"#);
            saw(seen, "wrong_secret", no_client);
        }
        for way in ALGORITHMS {
            let seen = seen.at(way).unwrap();
            saw(seen, "another", &granted);
            for refused in ["replayed", "an_hour", "anothers_key"] {
                saw(seen, refused, no_client);
            }
        }
        saw(&seen, "renewed", &format!(r#"{{"status":200,"another":true,"scope":"{SCOPE}"}}"#));
        let origin = format!("http://{}", server.address());
        assert_eq!(seen.str("metadata.token_endpoint"), Some(&*format!("{origin}/oauth/token")));
    }

    async fn fhirpy_reads_searches_and_writes(engine: Engine) {
        let Some(packages) = packages() else { return };
        let (_server, asked) = scene(engine, &packages).await;
        let seen = play(&packages, "with_fhirpy.py", &asked).await;
        for client in ["AsyncFHIRClient", "SyncFHIRClient"] {
            let seen = seen.at(client).unwrap();
            saw(seen, "read", r#""ada""#);
            saw(seen, "all", r#"["o-1","o-2","o-3","o-4","o-5","o-6","o-7"]"#);
            saw(seen, "page", r#"["o-1","o-2","o-3"]"#);
            saw(seen, "first", r#""o-1""#);
            saw(seen, "included", r#"["Observation","Patient"]"#);
            saw(seen, "found", r#""bob""#);
            // Aidbox's `_totalMethod` is no parameter of FHIR's: it is refused by name, or left out where that is asked for.
            saw(seen, "count_strict.error", r#""OperationOutcome""#);
            assert!(seen.at("count_strict.places").unwrap().to_string().contains("_totalMethod"), "{seen}");
            saw(seen, "count", "7");
            saw(seen, "valid", "true");
            saw(seen, "created", r#"[true,"1","1974-12-25"]"#);
            saw(seen, "unchanged", r#""1""#);
            saw(seen, "changed", r#"["2","1974-12-26"]"#);
            saw(seen, "conditional_update", r#"[true,false,"Again"]"#);
            saw(seen, "patch.error", r#""OperationOutcome""#);
            saw(seen, "deleted", r#"{"error":"ResourceNotFound","code":"deleted"}"#);
            for refused in ["other_type", "other_create"] {
                saw(seen, refused, r#"{"error":"ForbiddenError","code":"forbidden"}"#);
            }
            saw(seen, "nobody", r#"{"error":"AuthorizationError","code":"login"}"#);
        }
    }

    async fn fhirclient_finds_the_endpoints_and_uses_its_token(engine: Engine) {
        let Some(packages) = packages() else { return };
        let (server, asked) = scene(engine, &packages).await;
        let seen = play(&packages, "with_fhirclient.py", &asked).await;
        saw(&seen, "ready_before", "false");
        saw(&seen, "version", r#""4.0.1""#);
        saw(&seen, "auth", &format!(r#"["oauth2","http://{}/oauth/token"]"#, server.address()));
        saw(&seen, "ready", "true");
        saw(&seen, "granted", &format!(r#"["Bearer","{SCOPE}"]"#));
        saw(&seen, "replayed", r#"["FHIRUnauthorizedException",401]"#);
        saw(&seen, "read", r#"["ada","Ada Maria Lovelace","1974-12-25"]"#);
        saw(&seen, "pages", r#"[["o-1","o-2","o-3"],["o-4","o-5","o-6"],["o-7"]]"#);
        saw(&seen, "included", r#"["Observation","Patient"]"#);
        saw(&seen, "updated", r#""2""#);
        saw(&seen, "deleted", r#""HTTPError""#);
        saw(&seen, "missing", r#"["FHIRNotFoundException",404]"#);
        saw(&seen, "other_type", r#"["FHIRPermissionDeniedException",403]"#);
        saw(&seen, "restored", r#"[true,"bob"]"#);
    }

    /// SMART App Launch, public and confidential: the app's own PKCE and state, a person in a browser between its two halves.
    async fn fhirclient_is_an_app_that_a_patient_uses(engine: Engine) {
        let Some(packages) = packages() else { return };
        let server = Server::start(engine);
        let all = server.client();
        for id in ["ada", "bob"] {
            all.save(&patient(id, "Lovelace")).await.expect(201);
            all.save(&lab_observation(&format!("o-{id}"), id, "95.0")).await.expect(201);
        }
        let scope = "patient/Patient.read patient/Observation.rs openid fhirUser offline_access";
        let mut browser = app::someone(&server, "ada", "Patient/ada").await;
        let registered = format!("launch/patient {scope}");
        let public = app::App::public(&server, "py-public", &registered).await;
        let confidential = app::App::confidential(&server, "py-confidential", &registered).await;
        for (id, app) in [("py-public", public), ("py-confidential", confidential)] {
            let mut asked = Json::of("{}")
                .with("base", Json::text(server.base()))
                .with("id", Json::text(id))
                .with("redirect", Json::text(app::REDIRECT))
                .with("scope", Json::text(scope));
            if let Some(secret) = app.secret() {
                asked = asked.with("secret", Json::text(secret));
            }
            let begun = play(&packages, "with_fhirclient_app.py", &asked.with("step", Json::text("begin"))).await;
            saw(&begun, "ready", "false");
            let url = begun.str("url").unwrap();
            let page = browser.open(&url[url.find("/oauth/").expect("our page")..]).await;
            let answered = browser.press(&page, "approve", &[]).await;
            assert!(answered.address.starts_with(app::REDIRECT), "{}", answered.address);
            let asked = Json::of(r#"{"step":"finish","other":"bob"}"#)
                .with("state", begun.at("state").unwrap().clone())
                .with("callback", Json::text(&answered.address));
            let seen = play(&packages, "with_fhirclient_app.py", &asked).await;
            saw(&seen, "ready", "true");
            let granted: std::collections::BTreeSet<&str> = seen.str("granted").unwrap().split(' ').collect();
            assert_eq!(granted, registered.split(' ').collect(), "{id}");
            saw(&seen, "context", r#""ada""#);
            saw(&seen, "id_token", "true");
            saw(&seen, "patient", r#"["ada","Ada Maria Lovelace"]"#);
            saw(&seen, "observations", r#"["o-ada"]"#);
            saw(&seen, "other", r#""FHIRNotFoundException""#);
            saw(&seen, "refreshed", "true");
            saw(&seen, "again", r#""ada""#);
            saw(&seen, "replayed", "400");
        }
    }
}
