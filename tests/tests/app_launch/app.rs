//! An app, and people with browsers.

use gateway_tests::{Command, Json, Response, Server, Shown, Window, escaped};
use hyper::Method;

/// Where the app is answered.
pub(crate) const REDIRECT: &str = "https://app.example/callback";
/// Everybody's.
pub(crate) const PASSWORD: &str = "Correct-Horse-7-Battery";
/// What it wants to see again.
pub(crate) const STATE: &str = "state of the app & more";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A program that is registered.
pub(crate) struct App<'s> {
    server: &'s Server,
    id: String,
    secret: Option<String>,
}

impl<'s> App<'s> {
    /// In a browser or on a phone.
    pub(crate) async fn public(server: &'s Server, id: &str, scopes: &str) -> Self {
        Self::add(server, id, scopes, &["--public", "--redirect-uri", REDIRECT, "--purpose", "PATRQT"]).await
    }

    /// On a server, for people at work and patients.
    pub(crate) async fn confidential(server: &'s Server, id: &str, scopes: &str) -> Self {
        let more = [
            "--secret",
            "--redirect-uri",
            REDIRECT,
            "--purpose",
            "PATRQT",
            "--purpose",
            "TREAT",
            "--default-purpose",
            "TREAT",
        ];
        Self::add(server, id, scopes, &more).await
    }

    /// One that is answered elsewhere.
    pub(crate) async fn at(server: &'s Server, id: &str, scopes: &str, redirect: &str, is_public: bool) -> Self {
        let kind = if is_public { "--public" } else { "--secret" };
        let more = [
            kind,
            "--redirect-uri",
            redirect,
            "--purpose",
            "PATRQT",
            "--purpose",
            "TREAT",
            "--default-purpose",
            "TREAT",
        ];
        Self::add(server, id, scopes, &more).await
    }

    /// One that is there already.
    pub(crate) fn known(server: &'s Server, id: &str, secret: Option<&str>) -> Self {
        Self { server, id: id.to_owned(), secret: secret.map(str::to_owned) }
    }

    /// Its secret.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// For which nobody logs in.
    pub(crate) async fn backend(server: &'s Server, id: &str, scopes: &str) -> Self {
        Self::add(server, id, scopes, &["--secret", "--purpose", "TREAT"]).await
    }

    /// As an administrator says.
    pub(crate) async fn add(server: &'s Server, id: &str, scopes: &str, more: &[&str]) -> Self {
        let add = ["client", "add", "--by", "Jane", "--id", id, "--name", id, "--scope", scopes, "--json"];
        let run = server.command(&[&add[..], more].concat()).await.expect(0);
        let secret = Json::of(&run.stdout).str("secret").map(str::to_owned);
        Self { server, id: id.to_owned(), secret }
    }

    /// Begins in a browser that is logged in: what it shows then.
    pub(crate) async fn authorize(
        &self,
        browser: &mut Window,
        scopes: &str,
        changes: &[(&str, &str)],
        method: &Method,
    ) -> Shown {
        let origin = format!("http://{}", self.server.address());
        let aud = format!("{origin}/fhir");
        let mut asked = vec![
            ("response_type", "code"),
            ("client_id", &*self.id),
            ("redirect_uri", REDIRECT),
            ("scope", scopes),
            ("state", STATE),
            ("aud", &aud),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in changes {
            asked.retain(|(known, _)| known != name);
            if !value.is_empty() {
                asked.push((name, value));
            }
        }
        match *method {
            Method::POST => browser.send("/oauth/authorize", &asked).await,
            _ => browser.open(&format!("/oauth/authorize?{}", form(&asked))).await,
        }
    }

    /// Begins as it should.
    pub(crate) async fn ask(&self, browser: &mut Window, scopes: &str) -> Shown {
        self.authorize(browser, scopes, &[], &Method::GET).await
    }

    /// A code, for what is approved as it is asked.
    pub(crate) async fn code(&self, browser: &mut Window, scopes: &str) -> String {
        let page = self.ask(browser, scopes).await;
        let answered = browser.press(&page, "approve", &[]).await;
        answered.parameter("code").unwrap_or_else(|| panic!("no code: {} {}", answered.address, answered.html))
    }

    /// A token, for what is approved as it is asked.
    pub(crate) async fn approved(&self, browser: &mut Window, scopes: &str) -> Json {
        let code = self.code(browser, scopes).await;
        self.exchange(&code).await.expect(200).json()
    }

    /// Exchanges a code.
    pub(crate) async fn exchange(&self, code: &str) -> Response {
        self.exchange_with(code, &[]).await
    }

    /// Exchanges a code, with something else in its form.
    pub(crate) async fn exchange_with(&self, code: &str, changes: &[(&str, &str)]) -> Response {
        let mut asked = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            asked.retain(|(known, _)| known != name);
            asked.push((name, value));
        }
        self.post("/oauth/token", &asked).await
    }

    /// Refreshes.
    pub(crate) async fn refresh(&self, token: &Json, more: &[(&str, &str)]) -> Response {
        let refresh = token.str("refresh_token").unwrap_or_else(|| panic!("no refresh token: {token}"));
        self.post("/oauth/token", &[&[("grant_type", "refresh_token"), ("refresh_token", refresh)], more].concat())
            .await
    }

    /// Refreshes without a word of who it is, as `fhirclient` does for public apps.
    pub(crate) async fn refresh_unnamed(&self, token: &Json) -> Response {
        let refresh = token.str("refresh_token").unwrap_or_else(|| panic!("no refresh token: {token}"));
        let address = format!("http://{}/oauth/token", self.server.address());
        let request = self.server.stranger().request(Method::POST, &address);
        let body = form(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]);
        request.header("Content-Type", "application/x-www-form-urlencoded").body(body).await
    }

    /// What a token is.
    pub(crate) async fn introspect(&self, token: &str) -> Json {
        self.post("/oauth/introspect", &[("token", token)]).await.expect(200).json()
    }

    /// Ends a token.
    pub(crate) async fn revoke(&self, token: &str) -> Response {
        self.post("/oauth/revoke", &[("token", token)]).await
    }

    /// Says what is open in the EHR.
    pub(crate) async fn launch(&self, said: &[(&str, &str)]) -> Response {
        self.post("/oauth/launch", said).await
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.id));
        fields.extend(self.secret.as_deref().map(|secret| ("client_secret", secret)));
        let address = format!("http://{}{path}", self.server.address());
        let request = self.server.stranger().request(Method::POST, &address);
        request.header("Content-Type", "application/x-www-form-urlencoded").body(form(&fields)).await
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// A browser in which somebody has logged in.
pub(crate) async fn someone(server: &Server, login: &str, actor: &str) -> Window {
    let is_patients = actor.starts_with("Patient/") || actor.starts_with("RelatedPerson/");
    someone_as(server, login, actor, if is_patients { "PATIENT" } else { "DOCTOR" }).await
}

/// The same for somebody with another role.
pub(crate) async fn someone_as(server: &Server, login: &str, actor: &str, role: &str) -> Window {
    let data_dir = server.data_dir().display().to_string();
    let add = [
        "account", "add", "--by", "Jane", "--login", login, "--name", login, "--role", role, "--actor", actor, "--json",
    ];
    let place = ["--database", &server.database.url, "--data-dir", &data_dir];
    let run = Command::run(&[&add[..], &place].concat()).await.expect(0);
    let link = Json::of(&run.stdout).str("activation").expect("a link").to_owned();
    let path = &link[link.find("/oauth/").expect("a path of ours")..];
    let mut browser = Window::new(server.address());
    let page = browser.open(path).await;
    let password = PASSWORD;
    browser.press(&page, "Set the password", &[("new", password), ("again", password)]).await;
    let page = browser.open("/oauth/login?next=%2Foauth%2Fmanage").await;
    if page.text().contains("Log in") && page.html.contains("type=\"password\"") {
        let page = browser.press(&page, "Log in", &[("login", login), ("password", password)]).await;
        assert_eq!(page.status, 200, "{}", page.text());
    }
    browser
}

/// Runs a command on the server's database.
pub(crate) async fn command(server: &Server, arguments: &[&str]) -> String {
    server.command(arguments).await.expect(0).stdout
}

/// The id of an account.
pub(crate) async fn account(server: &Server, login: &str) -> String {
    let list = command(server, &["account", "list", "--json"]).await;
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).expect("a list");
    let found = list.iter().find(|account| account["login"] == login).and_then(|account| account["id"].as_str());
    found.unwrap_or_else(|| panic!("{login} is not in the list")).to_owned()
}

/// A browser in which somebody who has a password has logged in.
pub(crate) async fn again(server: &Server, login: &str) -> Window {
    let mut browser = Window::new(server.address());
    let page = browser.open("/oauth/login?next=%2Foauth%2Fmanage").await;
    let page = browser.press(&page, "Log in", &[("login", login), ("password", PASSWORD)]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    browser
}

/// Presses the button of a patient.
pub(crate) async fn pick(browser: &mut Window, page: &Shown, id: &str) -> Shown {
    let forms = page.html.split("<form").find(|form| form.contains(&format!("name=\"patient\" value=\"{id}\"")));
    let form = format!("<form{}", forms.unwrap_or_else(|| panic!("{id} is not on {}", page.html)));
    browser.press(&Shown { html: form, ..page.clone() }, "choose", &[]).await
}

/// Looks for a patient by a text, and presses the button.
pub(crate) async fn find(browser: &mut Window, page: &Shown, text: &str, id: &str) -> Shown {
    let found = browser.press(page, "find", &[("q", text)]).await;
    pick(browser, &found, id).await
}

/// An observation of a patient, `PATIENT-CATEGORY`.
pub(crate) fn observation(patient: &str, category: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Observation","id":"{patient}-{category}","status":"final","subject":{{"reference":"Patient/{patient}"}},
        "category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"{category}"}}]}}],
        "code":{{"text":"x"}},"valueString":"y"}}"#
    ))
}

/// A visit of a patient's with somebody.
pub(crate) fn encounter(id: &str, patient: &str, practitioner: &str) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"Encounter","id":"{id}","status":"finished","class":{{"code":"AMB"}},"subject":{{"reference":"Patient/{patient}"}},
        "participant":[{{"individual":{{"reference":"Practitioner/{practitioner}"}}}}]}}"#
    ))
}
