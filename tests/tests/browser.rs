//! Real clients, unmodified, in a real browser: npm's `fhirclient` in Chromium, through the gateway's own pages.
//!
//! `FHIR_GATEWAY_TEST_BROWSER` names the folder with the packages (`tests/browser/fetch FOLDER`); it takes `node` and `chromium`.

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the other file of tests uses the rest")]
mod app;
#[path = "outside/provider.rs"]
#[expect(dead_code, reason = "the other file of tests uses the rest")]
mod provider;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use app::{App, PASSWORD, encounter, observation, someone};
use gateway_tests::{Json, Server, patient, skipped, suite};
use provider::Provider;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::timeout;

/// What the app in the browser is told.
struct Scene<'s> {
    client: &'s str,
    secret: Option<&'s str>,
    scope: &'s str,
    port: u16,
    login: &'s str,
    /// What a provider outside is called, whose login it is.
    provider: Option<&'s str>,
    find: Option<(&'s str, &'s str)>,
    launch: Option<&'s str>,
}

fn packages() -> Option<PathBuf> {
    let found = std::env::var_os("FHIR_GATEWAY_TEST_BROWSER").map(PathBuf::from);
    if found.is_none() {
        skipped("FHIR_GATEWAY_TEST_BROWSER is not set");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Plays a scene; what the app saw.
async fn play(server: &'static Server, packages: &std::path::Path, scene: Scene<'_>) -> Json {
    let mut asked = serde_json::json!({
        "iss": format!("http://{}/fhir", server.address()),
        "clientId": scene.client,
        "scope": scene.scope,
        "port": scene.port,
        "login": scene.login,
        "password": PASSWORD,
        "packages": packages,
    });
    let more = [
        ("clientSecret", scene.secret),
        ("launch", scene.launch),
        ("provider", scene.provider),
        ("find", scene.find.map(|(find, _)| find)),
        ("patient", scene.find.map(|(_, patient)| patient)),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            asked[name] = value.into();
        }
    }
    if let Ok(folder) = std::env::var("FHIR_GATEWAY_TEST_PICTURES") {
        asked["pictures"] = format!("{folder}/{}", scene.client).into();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/launch.mjs");
    let run = tokio::process::Command::new("node").arg(script).arg(asked.to_string()).kill_on_drop(true).output();
    let output = timeout(Duration::from_secs(120), run).await.expect("it ends").expect("node");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let seen = Json::of(stdout.trim());
    assert!(seen.at("error").is_none(), "{seen}");
    assert_eq!(seen.at("complaints").map(ToString::to_string).as_deref(), Some("[]"), "the browser complained");
    seen
}

suite! {
    /// A public app of a patient's: log in, approve, read, refresh.
    async fn a_public_app_in_a_browser(server: &'static Server) {
        let Some(packages) = packages() else { return };
        let all = server.client();
        for resource in [patient("web-a", "x"), observation("web-a", "laboratory"), patient("web-b", "x"), observation("web-b", "laboratory")] {
            assert!(all.save(&resource).await.status < 300);
        }
        let port = free_port();
        let scope = "launch/patient patient/*.rs offline_access";
        App::at(server, "web-public", scope, &format!("http://127.0.0.1:{port}/app"), true).await;
        someone(server, "web-login-a", "Patient/web-a").await;
        let scene = Scene { client: "web-public", secret: None, scope, port, login: "web-login-a", provider: None, find: None, launch: None };
        let seen = play(server, &packages, scene).await;
        assert_eq!((seen.str("patient"), seen.str("read.id")), (Some("web-a"), Some("web-a")));
        assert_eq!(seen.items("observations").len(), 1, "{seen}");
        assert_eq!(seen.str("state.scope"), Some("launch/patient offline_access patient/*.rs"));
        assert_ne!(seen.str("refreshed.access_token"), seen.str("state.access_token"));
        assert_eq!(seen.items("again").len(), 1);
    }

    /// An app with a secret, for somebody at work who chooses a patient; and launched from an EHR.
    async fn a_confidential_app_for_somebody_at_work(server: &'static Server) {
        let Some(packages) = packages() else { return };
        let all = server.client();
        let person = patient("web-c", "x").with("name", Json::of(r#"[{"family":"Webster","given":["Cora"]}]"#));
        for resource in [person, observation("web-c", "laboratory"), encounter("web-visit", "web-c", "web-doc")] {
            assert!(all.save(&resource).await.status < 300);
        }
        let port = free_port();
        let scope = "launch/patient patient/*.rs offline_access";
        let app = App::at(server, "web-secret", "launch launch/patient patient/*.rs offline_access", &format!("http://127.0.0.1:{port}/app"), false).await;
        someone(server, "web-login-c", "Practitioner/web-doc").await;
        let scene = Scene { client: "web-secret", secret: app.secret(), scope, port, login: "web-login-c", provider: None, find: Some(("Webster", "Cora Webster")), launch: None };
        let seen = play(server, &packages, scene).await;
        assert_eq!((seen.str("patient"), seen.items("observations").len()), (Some("web-c"), 1), "{seen}");

        let ehr = App::backend(server, "web-ehr", "launch system/Patient.r").await;
        let launch = ehr.launch(&[("app", "web-secret"), ("patient", "web-c"), ("encounter", "web-visit")]).await.expect(200).json();
        let scope = "launch patient/*.rs";
        let scene = Scene { client: "web-secret", secret: app.secret(), scope, port, login: "web-login-c", provider: None, find: None, launch: launch.str("launch") };
        let seen = play(server, &packages, scene).await;
        assert_eq!((seen.str("patient"), seen.str("state.encounter")), (Some("web-c"), Some("web-visit")), "{seen}");
    }

    /// A patient whom an outside OpenID provider knows, through its pages and ours.
    async fn a_public_app_of_somebody_whom_an_outside_provider_knows(server: &'static Server) {
        let Some(packages) = packages() else { return };
        let all = server.client();
        for resource in [patient("web-d", "x"), observation("web-d", "laboratory"), patient("web-e", "x"), observation("web-e", "laboratory")] {
            assert!(all.save(&resource).await.status < 300);
        }
        let people = serde_json::json!({"web-person": {"fhirUser": "Patient/web-d", "name": "Dora Webster"}});
        let Some(_provider) = Provider::start(server, "web-clinic", people, &["--claim-actor", "fhirUser"]).await else { return };
        let port = free_port();
        let scope = "openid fhirUser launch/patient patient/*.rs offline_access";
        App::at(server, "web-outside", scope, &format!("http://127.0.0.1:{port}/app"), true).await;
        let scene = Scene { client: "web-outside", secret: None, scope, port, login: "web-person", provider: Some("Clinic"), find: None, launch: None };
        let seen = play(server, &packages, scene).await;
        assert_eq!((seen.str("patient"), seen.str("read.id"), seen.items("observations").len()), (Some("web-d"), Some("web-d"), 1), "{seen}");
        assert_eq!(seen.str("user"), Some("Patient/web-d"));
        assert_eq!(seen.items("again").len(), 1);
    }
}

/// The demo as a newcomer meets it: its app is let in by the patient, and by the clinician for one of theirs.
#[tokio::test]
async fn the_demos_app_is_let_in() {
    let Some(packages) = packages() else { return };
    let folder = std::env::temp_dir().join(format!("fhir-gateway-demo-app-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut demo = tokio::process::Command::new(gateway_tests::binary())
        .args(["demo", "--port", "0", "--patients", "3", "--data-dir", &folder.display().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
    let (mut app, mut password) = (None, None);
    while password.is_none() {
        let line = timeout(Duration::from_secs(60), lines.next_line()).await.expect("in time").expect("a line");
        let line = line.expect("the demo goes on");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.first() {
            Some(&"app") => app = words.get(1).map(ToString::to_string),
            Some(&"log") => password = words.last().map(ToString::to_string),
            _ => {}
        }
    }
    for (login, find) in [("patient", None), ("clinician", Some("Lindqvist"))] {
        let mut asked = serde_json::json!({"app": app, "login": login, "password": password, "packages": packages});
        if let Some(find) = find {
            asked["find"] = find.into();
        }
        if let Ok(folder) = std::env::var("FHIR_GATEWAY_TEST_PICTURES") {
            asked["pictures"] = format!("{folder}/demo-{login}").into();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/demo.mjs");
        let run = tokio::process::Command::new("node").arg(script).arg(asked.to_string()).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs(120), run).await.expect("it ends").expect("node");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
        let seen = Json::of(stdout.trim());
        assert_eq!(seen.at("complaints").map(ToString::to_string).as_deref(), Some("[]"), "the browser complained");
        assert!(seen.str("says").is_some_and(|says| says.starts_with("Connected to the record of ")), "{seen}");
        assert_eq!(seen.str("address"), app.as_deref(), "no code stays in the address");
        let rows = |title: &str| {
            let table = seen.items("tables").iter().find(|table| table.str("title") == Some(title));
            table.and_then(|table| table.str("rows")?.parse::<usize>().ok()).unwrap_or_default()
        };
        assert!(rows("What the clinic granted") > 1 && rows("Latest results") > 1, "{seen}");
    }
    demo.start_kill().expect("it runs");
    demo.wait().await.expect("it ends");
    std::fs::remove_dir_all(folder).expect("it is there");
}
