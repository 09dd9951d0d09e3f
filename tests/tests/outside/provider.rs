//! An OpenID provider that the gateway trusts, and people who log in there.

use std::process::Stdio;

use gateway_tests::browser::{encoded, hidden};
use gateway_tests::{Browser, Json, Response, Server, skipped};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};

const SECRET: &str = "zq-the-providers-secret-of-enough-bytes";

/// Trusts a provider.
pub(crate) async fn add(server: &Server, id: &str, issuer: &str, more: &[&str]) {
    let file = server.folder().join(format!("{id}.secret"));
    std::fs::write(&file, SECRET).expect("a file");
    let file = file.display().to_string();
    let told = ["provider", "add", "--by", "Jane", "--id", id, "--name", "Clinic", "--issuer", issuer];
    let with = ["--client-id", "gateway", "--secret-file", &file];
    server.command(&[&told[..], &with, more].concat()).await.expect(0);
}

/// A provider of the test's.
pub(crate) struct Provider {
    id: String,
    address: String,
    said: Lines<BufReader<ChildStdout>>,
    told: ChildStdin,
    _child: Child,
}

impl Provider {
    /// One with these people, which the gateway trusts; `None` where the packages are not there.
    pub(crate) async fn start(server: &Server, id: &str, people: Value, more: &[&str]) -> Option<Self> {
        let Some(packages) = std::env::var_os("FHIR_GATEWAY_TEST_BROWSER") else {
            skipped("FHIR_GATEWAY_TEST_BROWSER is not set");
            return None;
        };
        let asked = json!({
            "clientId": "gateway",
            "clientSecret": SECRET,
            "redirectUri": format!("http://{}/oauth/outside/callback", server.address()),
            "people": people,
            "scopes": "system/Patient.rs system/Observation.rs patient/Patient.rs patient/Observation.rs user/Patient.rs openid",
            "packages": packages.to_str(),
        });
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/oidc/provider.mjs");
        let mut child = tokio::process::Command::new("node")
            .args([script, &asked.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let told = child.stdin.take().expect("a pipe");
        let mut said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        // It warns on the same stream.
        let issuer = loop {
            let line = said.next_line().await.expect("text").expect("the provider starts");
            if line.starts_with('{') {
                break Json::of(&line).str("issuer").expect("an issuer").to_owned();
            }
        };
        add(server, id, &issuer, more).await;
        let address = issuer.strip_prefix("http://").expect("an address").to_owned();
        Some(Self { id: id.to_owned(), address, said, told, _child: child })
    }

    /// The same one, trusted under another id.
    pub(crate) async fn anew(self, server: &Server, id: &str, more: &[&str]) -> Self {
        add(server, id, &format!("http://{}", self.address), more).await;
        Self { id: id.to_owned(), ..self }
    }

    /// It says something else of people from now on.
    pub(crate) async fn says(&mut self, people: &Value) {
        self.told.write_all(format!("{people}\n").as_bytes()).await.expect("a pipe");
        self.said.next_line().await.expect("text").expect("an answer");
    }

    /// Somebody logs in there, in a browser that begins here: what is shown in the end.
    pub(crate) async fn log_in(&self, browser: &mut Browser, login: &str) -> Response {
        let callback = self.callback(browser, login).await;
        let page = browser.get(&callback).await;
        browser.go_on(page).await
    }

    /// Where the provider sends the browser back to.
    pub(crate) async fn callback(&self, browser: &mut Browser, login: &str) -> String {
        self.callback_to(browser, login, "").await
    }

    /// The same, to go on somewhere.
    pub(crate) async fn callback_to(&self, browser: &mut Browser, login: &str, next: &str) -> String {
        let begun = browser.get(&format!("/oauth/outside/start?provider={}&next={next}", self.id)).await;
        self.callback_from(&begun, login).await
    }

    /// The same, of a login that has begun.
    pub(crate) async fn callback_from(&self, begun: &Response, login: &str) -> String {
        let there = begun.header("Location").unwrap_or_default().to_owned();
        let path = there.strip_prefix(&format!("http://{}", self.address)).unwrap_or_else(|| panic!("{there}"));
        let back = self.pass(path, login).await;
        let (_, path) = back.split_once("/oauth/outside/callback").unwrap_or_else(|| panic!("{back}"));
        format!("/oauth/outside/callback{path}")
    }

    /// The access token of a program, for an audience.
    pub(crate) async fn token_of_job(&self, audience: &str, scope: &str) -> String {
        self.token(&[("grant_type", "client_credentials"), ("resource", audience), ("scope", scope)], "job").await
    }

    /// The access token of an app, for somebody who logs in there.
    pub(crate) async fn token_for(&self, login: &str, audience: &str, scope: &str) -> String {
        let asked = encoded(&[
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", "https://app.example/callback"),
            ("scope", scope),
            ("resource", audience),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ]);
        let back = self.pass(&format!("/auth?{asked}"), login).await;
        let code = back.split_once("code=").and_then(|(_, rest)| rest.split('&').next());
        let code = code.unwrap_or_else(|| panic!("{back}"));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://app.example/callback"),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ];
        self.token(&form, "app").await
    }

    async fn token(&self, form: &[(&str, &str)], client: &str) -> String {
        let form = [form, &[("client_id", client), ("client_secret", SECRET)]].concat();
        let response = Browser::new(&self.address).post("/token", &form).await.expect(200);
        response.json().str("access_token").expect("a token").to_owned()
    }

    /// Somebody goes through the pages there: where the browser is sent then.
    async fn pass(&self, path: &str, login: &str) -> String {
        // Nobody has been there before.
        let mut people = Browser::new(&self.address);
        let mut page = people.open(path).await;
        for fields in [&[("login", login), ("password", "any")][..], &[]] {
            let text = page.text();
            let action = text.split_once("action=\"").and_then(|(_, rest)| rest.split('"').next());
            let action = action.unwrap_or_else(|| panic!("{} {text}", page.status));
            let action = action.strip_prefix(&format!("http://{}", self.address)).unwrap_or(action).to_owned();
            let text = text.replace(&format!("http://{}", self.address), "").replace("\"/>", "\" />");
            let mut all = hidden(&text, &action);
            all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            page = people.post(&action, &all).await;
            page = people.go_on(page).await;
        }
        page.header("Location").unwrap_or_else(|| panic!("{} {}", page.status, page.text())).to_owned()
    }
}
