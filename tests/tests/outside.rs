//! Logins by an OpenID provider outside of here: npm's `oidc-provider`, as it is published.
//!
//! `FHIR_GATEWAY_TEST_BROWSER` names the folder with the packages (`tests/browser/fetch FOLDER`); it takes `node`.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "outside/here.rs"]
mod here;
#[path = "outside/provider.rs"]
mod provider;

use std::time::Duration;

use gateway_tests::browser::hidden;
use gateway_tests::{Browser, Client, Engine, Json, Options, Response, Server, own, suite};
use here::{AUDIENCE, KNOWN, accounts, add_client, now, recorded};
use provider::Provider;
use ring::hmac;
use serde_json::json;

const SESSION: &str = "fhir-gateway-session";
const BY_CLAIM: [&str; 6] =
    ["--claim-actor", "fhirUser", "--claim-roles", "realm_access.roles", "--role", "clinician=DOCTOR"];

fn browser(server: &Server) -> Browser {
    Browser::new(server.address())
}

/// Whom the browser's session is of.
async fn who(browser: &mut Browser) -> Option<String> {
    let page = browser.get("/oauth/account").await;
    let text = page.text();
    (page.status == 200).then(|| {
        let (_, rest) = text.split_once("<dt>Name</dt><dd>").unwrap_or_else(|| panic!("{text}"));
        rest.split('<').next().unwrap_or_default().to_owned()
    })
}

/// Waits until a step of authenticators has just begun, so that a code stays good for a while.
async fn fresh_step() {
    let into = now().rem_euclid(30);
    if into > 24 {
        tokio::time::sleep(Duration::from_secs(u64::try_from(30 - into).unwrap())).await;
    }
}

/// The code that an authenticator shows now for a key.
fn code_of(key: &str) -> String {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in key.bytes().filter(|byte| *byte != b' ') {
        let value = if letter.is_ascii_uppercase() { letter - b'A' } else { letter - b'2' + 26 };
        buffer = (buffer << 5) | u32::from(value);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).unwrap());
        }
    }
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes), &(now() / 30).to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 0x0f);
    let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

suite! {
    /// A patient by the trusted claim: one account, made at the first login, and nothing else than a patient.
    async fn a_patient_logs_in_by_a_trusted_claim(engine: Engine) {
        let server = Server::start(engine);
        let people = json!({"u-1": {"fhirUser": "Patient/p1", "name": "Paula <b>Miller", "realm_access": {"roles": ["clinician"]}}});
        let Some(provider) = Provider::start(&server, "clinic", people, &BY_CLAIM).await else { return };
        let mut browser = browser(&server);
        let page = browser.get("/oauth/login?next=%2Foauth%2Fmanage").await.expect(200).text();
        assert!(page.contains("Log in with Clinic") && page.contains("/oauth/outside/start?provider=clinic&amp;next=%2Foauth%2Fmanage"), "{page}");
        assert!(provider.log_in(&mut browser, "u-1").await.expect(200).text().contains("Your account"));
        assert_eq!(who(&mut browser).await.as_deref(), Some("Paula &lt;b&gt;Miller"));
        assert!(!browser.cookies.contains_key("fhir-gateway-outside"), "it is used up");
        let mut elsewhere = Browser::new(server.address());
        provider.log_in(&mut elsewhere, "u-1").await.expect(200);
        let [account] = &*accounts(&server).await else { panic!("one account") };
        assert_eq!((account.str("roles.0"), account.items("roles").len(), account.str("actors.0")), (Some("PATIENT"), 1, Some("Patient/p1")), "{account}");
        assert_eq!(recorded(&server, "outside-login", 200).await, 2);
        // By no password: there is none to change, and none to guess.
        assert_eq!(browser.get("/oauth/password").await.header("Location"), Some("/oauth/account"));
        let page = browser.get("/oauth/account").await.expect(200).text();
        assert!(!page.contains("Change the password"), "{page}");
        let shown = server.command(&["account", "show", account.str("id").unwrap()]).await.expect(0).stdout;
        assert!(shown.contains("clinic as u-1 (by its claims"), "{shown}");
    }

    /// What the provider says of staff counts anew at each login, and what it says no longer ends what there was.
    async fn staff_is_what_the_provider_says_now(engine: Engine) {
        let server = Server::start(engine);
        let said = |roles: &[&str], actor: &str| json!({"u-2": {"fhirUser": actor, "name": "Ada", "realm_access": {"roles": roles}}});
        let Some(mut provider) = Provider::start(&server, "clinic", said(&["clinician", "x"], "Practitioner/1"), &BY_CLAIM).await else { return };
        let mut first = browser(&server);
        provider.log_in(&mut first, "u-2").await.expect(200);
        assert_eq!(who(&mut first).await.as_deref(), Some("Ada"));
        // The same again ends nothing.
        let mut second = browser(&server);
        provider.log_in(&mut second, "u-2").await.expect(200);
        assert!(who(&mut first).await.is_some() && who(&mut second).await.is_some());
        // Somebody else in FHIR: the sessions from before are over.
        provider.says(&said(&["clinician"], "Practitioner/2")).await;
        let mut third = browser(&server);
        provider.log_in(&mut third, "u-2").await.expect(200);
        assert!(who(&mut first).await.is_none() && who(&mut second).await.is_none() && who(&mut third).await.is_some());
        assert_eq!(accounts(&server).await[0].str("actors.0"), Some("Practitioner/2"));
        // No role any more, or somebody who is none, or no claim at all: nobody here, and what there was is over.
        let nothing = json!({"u-2": {"name": "Ada"}});
        for (number, says) in [said(&["x"], "Practitioner/2"), said(&["clinician"], "Device/1"), nothing].iter().enumerate() {
            assert!(who(&mut third).await.is_some(), "{number}");
            provider.says(says).await;
            let page = provider.log_in(&mut browser(&server), "u-2").await.expect(403).text();
            assert!(page.contains("there is no account for it here"), "{page}");
            assert!(who(&mut third).await.is_none(), "{number}");
            provider.says(&said(&["clinician"], "Practitioner/2")).await;
            provider.log_in(&mut third, "u-2").await.expect(200);
        }
        assert_eq!((accounts(&server).await.len(), recorded(&server, "outside-login", 403).await), (1, 3));
        // Nor can an administrator say what the provider would say otherwise again.
        let id = accounts(&server).await[0].str("id").unwrap().to_owned();
        let change = server.command(&["account", "change", &id, "--by", "Jane", "--role", "ADMIN"]).await.expect(4);
        assert!(change.stderr.contains("would say it again"), "{}", change.stderr);
    }

    /// Whoever was closed out stays so, also where the provider is added anew under another id; and whoever was not is the same again.
    async fn a_provider_that_is_added_anew_knows_the_same_people(engine: Engine) {
        let server = Server::start(engine);
        for id in ["p1", "p2"] {
            assert!(server.client().save(&gateway_tests::patient(id, "x")).await.status < 300);
        }
        let people = json!({"closed": {"fhirUser": "Patient/p1"}, "erased": {"fhirUser": "Patient/p2"}, "ended": {"fhirUser": "Patient/p2"}, "open": {"fhirUser": "Patient/p3"}});
        let Some(mut provider) = Provider::start(&server, "clinic", people.clone(), &BY_CLAIM).await else { return };
        for login in ["closed", "erased", "ended", "open"] {
            provider.log_in(&mut browser(&server), login).await.expect(200);
        }
        // Who is nobody any more is found by an erasure all the same.
        provider.says(&json!({"ended": {"name": "x"}})).await;
        provider.log_in(&mut browser(&server), "ended").await.expect(403);
        provider.says(&people).await;
        let of = |all: &[Json], actor: &str| all.iter().find(|account| account.str("actors.0") == Some(actor)).unwrap().str("id").unwrap().to_owned();
        let before = accounts(&server).await;
        server.command(&["account", "disable", &of(&before, "Patient/p1"), "--by", "Jane"]).await.expect(0);
        let request = ["purge", "request", "--json", "--by", "Jane Doe", "--reason", "court-order", "--patient", "p2"];
        let asked = Json::of(&server.command(&request).await.expect(0).stdout);
        server.command(&["purge", "approve", asked.str("id").unwrap(), "--by", "John Roe"]).await.expect(0);
        let mut sql = server.sql().await;
        let table = if engine == Engine::Postgres { "fhir_gateway.outside_links" } else { "outside_links" };
        assert_eq!(sql.count(&format!("select count(*) from {table} where subject in ('erased', 'ended')")).await, 0, "the subject is there");
        server.command(&["provider", "remove", "clinic", "--by", "Jane"]).await.expect(0);
        let again = provider.anew(&server, "clinic2", &BY_CLAIM).await;
        for login in ["closed", "erased", "ended"] {
            again.log_in(&mut browser(&server), login).await.expect(403);
        }
        again.log_in(&mut browser(&server), "open").await.expect(200);
        assert_eq!(of(&accounts(&server).await, "Patient/p3"), of(&before, "Patient/p3"));
        assert_eq!(accounts(&server).await.len(), 4);
    }

    /// Nobody is tied to anybody by an e-mail address, a name or a birth date; and a claim that names no person names nobody.
    async fn attack_47_strangers_stay_strangers(engine: Engine) {
        let server = Server::start(engine);
        assert!(server.client().save(&gateway_tests::patient("p1", "x")).await.status < 300);
        let stranger = json!({
            "mail": {"email": "paula@x.example", "email_verified": true, "name": "Paula", "birthdate": "1980-01-01"},
            "device": {"fhirUser": "Device/1"},
            "else": {"fhirUser": "https://evil.example/fhir/Patient/p1"},
            "list": {"fhirUser": ["Patient/p1"]},
            "norole": {"fhirUser": "Practitioner/1", "realm_access": {"roles": "nurse"}},
        });
        let Some(provider) = Provider::start(&server, "clinic", stranger, &BY_CLAIM).await else { return };
        for login in ["mail", "device", "else", "list", "norole", "anybody"] {
            let mut browser = browser(&server);
            provider.log_in(&mut browser, login).await.expect(403);
            assert!(!browser.cookies.contains_key(SESSION), "{login}");
        }
        assert_eq!((accounts(&server).await.len(), recorded(&server, "outside-login", 403).await), (0, 6));
    }

    /// An account that an administrator ties to a subject is as it was made; untied, disabled or removed nobody goes on.
    async fn an_administrator_ties_an_account_to_a_subject(engine: Engine) {
        let server = Server::start(engine);
        // Whatever is claimed of them, and by claims that are nobody's.
        let people = json!({"u-3": {"fhirUser": "https://evil.example/Practitioner/9", "name": "Somebody"}});
        let Some(provider) = Provider::start(&server, "clinic", people, &BY_CLAIM).await else { return };
        let add = ["account", "add", "--by", "Jane", "--login", "ada", "--name", "Dr. Ada Hart", "--role", "DOCTOR", "--actor", "Practitioner/1", "--json"];
        let id = Json::of(&server.command(&add).await.expect(0).stdout).str("id").unwrap().to_owned();
        provider.log_in(&mut browser(&server), "u-3").await.expect(403);
        let link = async |subject: &str, provider: &str| server.command(&["account", "link", &id, "--by", "Jane", "--provider", provider, "--subject", subject]).await;
        link("u-3", "nobody").await.expect(4);
        link("", "clinic").await.expect(2);
        link("u-3", "clinic").await.expect(0);
        assert!(link("u-3", "clinic").await.expect(4).stderr.contains("tied to an account already"));
        let mut ada = browser(&server);
        provider.log_in(&mut ada, "u-3").await.expect(200);
        assert_eq!(who(&mut ada).await.as_deref(), Some("Dr. Ada Hart"));
        server.command(&["account", "disable", &id, "--by", "Jane"]).await.expect(0);
        assert!(who(&mut ada).await.is_none());
        provider.log_in(&mut browser(&server), "u-3").await.expect(403);
        server.command(&["account", "enable", &id, "--by", "Jane"]).await.expect(0);
        provider.log_in(&mut ada, "u-3").await.expect(200);
        server.command(&["account", "unlink", &id, "--by", "Jane", "--provider", "clinic"]).await.expect(0);
        assert!(who(&mut ada).await.is_none());
        provider.log_in(&mut ada, "u-3").await.expect(403);
        server.command(&["account", "unlink", &id, "--by", "Jane", "--provider", "clinic"]).await.expect(4);
    }

    /// 51: what was not begun in this browser, comes twice, or is another browser's.
    async fn attack_51_a_callback_that_this_browser_did_not_begin(engine: Engine) {
        let server = Server::start(engine);
        let Some(provider) = Provider::start(&server, "clinic", json!({"u-4": {"fhirUser": "Patient/p4"}}), &BY_CLAIM).await else { return };
        let (mut mine, mut theirs) = (browser(&server), browser(&server));
        let callback = provider.callback(&mut mine, "u-4").await;
        // Their login, in my browser's place and the other way round.
        let _begun = provider.callback(&mut theirs, "u-4").await;
        theirs.get(&callback).await.expect(403);
        assert!(!theirs.cookies.contains_key(SESSION));
        browser(&server).get(&callback).await.expect(403);
        mine.get(&callback).await.expect(200);
        assert!(who(&mut mine).await.is_some());
        let cookie = mine.cookies.remove(SESSION).unwrap();
        mine.get(&callback).await.expect(403);
        mine.cookies.insert(SESSION.to_owned(), cookie);
        for query in ["", "?state=a&state=b&code=c", "?error=access_denied", "?code=%00&state=%ff", "?iss=a"] {
            browser(&server).get(&format!("/oauth/outside/callback{query}")).await.expect(403);
        }
    }

    /// Nothing goes on to elsewhere; and a provider that is none leads to the login.
    async fn a_login_goes_on_to_a_page_of_ours_alone(engine: Engine) {
        let server = Server::start(engine);
        let Some(provider) = Provider::start(&server, "clinic", json!({"u-5": {"fhirUser": "Patient/p5"}}), &BY_CLAIM).await else { return };
        for (next, leads) in [("%2Foauth%2Fmanage", "url=/oauth/manage"), ("https%3A%2F%2Fevil.example", "url=/oauth/account"), ("%2F%2Fevil.example", "url=/oauth/account")] {
            let mut browser = browser(&server);
            let callback = provider.callback_to(&mut browser, "u-5", next).await;
            let page = browser.get(&callback).await.expect(200).text();
            assert!(page.contains(leads) && !page.contains("evil"), "{page}");
        }
        let start = browser(&server).get("/oauth/outside/start?provider=nobody&next=%2Foauth%2Fmanage").await;
        assert_eq!(start.header("Location"), Some("/oauth/login?next=%2Foauth%2Fmanage"));
        let long = format!("%2Foauth%2Fmanage%3Fa%3D{}", "x".repeat(3000));
        let page = browser(&server).get(&format!("/oauth/outside/start?provider=clinic&next={long}")).await.expect(400).text();
        assert!(page.contains("too long"), "{page}");
    }

    /// A second factor is asked for here unless the provider does; and set up without a password that is not there.
    async fn a_second_factor_is_asked_for_by_one_of_both(engine: Engine) {
        let options = Options { arguments: ["--second-factor", "required"].map(str::to_owned).into(), ..Options::default() };
        let server = Server::with(engine, options);
        let people = json!({"u-6": {"fhirUser": "Patient/p6"}});
        let with_tokens = [&BY_CLAIM[..], &["--audience", AUDIENCE]].concat();
        let Some(plain) = Provider::start(&server, "plain", people.clone(), &with_tokens).await else { return };
        let Some(strong) = Provider::start(&server, "strong", people, &[&BY_CLAIM[..], &["--second-factor"]].concat()).await else { return };
        let mut browser = browser(&server);
        let page = plain.log_in(&mut browser, "u-6").await.expect(200).text();
        assert!(page.contains("Set up a second factor") && !page.contains("type=\"password\""), "{page}");
        assert!(who(&mut browser).await.is_none());
        // Nor is a token good for what a login is not.
        add_client(&server, "app", "plain", &["--scope", "patient/*.rs", "--purpose", "PATRQT"]).await.expect(0);
        let token = plain.token_for("u-6", AUDIENCE, "patient/Patient.rs").await;
        Client::new(server.address(), Some(&token)).get("/Patient").await.expect(401);
        let mut other = Browser::new(server.address());
        assert!(strong.log_in(&mut other, "u-6").await.expect(200).text().contains("Your account"));
    }

    /// Who has no password turns a second factor on or off by a login at the provider just then, and by no session that is open.
    async fn a_second_factor_is_turned_by_a_login_just_then(engine: Engine) {
        let server = Server::start(engine);
        let people = json!({"u-6": {"fhirUser": "Patient/p6"}});
        let Some(provider) = Provider::start(&server, "clinic", people, &BY_CLAIM).await else { return };
        let mut browser = browser(&server);
        provider.log_in(&mut browser, "u-6").await.expect(200);
        // It does not say when that was, so that it was just now is not known.
        let page = browser.get("/oauth/authenticator").await;
        let there = page.header("Location").unwrap_or_default().to_owned();
        assert_eq!((page.status, &*there), (303, "/oauth/outside/start?provider=clinic&anew=1&next=%2Foauth%2Fauthenticator"));
        let begun = browser.get(&there).await.expect(303);
        let asked = begun.header("Location").unwrap_or_default();
        assert!(asked.contains("prompt=login") && asked.contains("max_age=0"), "{asked}");
        let callback = provider.callback_from(&begun, "u-6").await;
        let page = browser.get(&callback).await.expect(200);
        let page = browser.go_on(page).await.expect(200).text();
        assert!(page.contains("second factor"), "{page}");
        assert_eq!(browser.get("/oauth/authenticator").await.status, 200, "for a while");
        // A session whose login was not just then changes nothing, with all that the form asks for: one that is open, and this one later.
        let anew = "/oauth/outside/start?provider=clinic&anew=1&next=%2Foauth%2Fauthenticator";
        let csrf_of = |page: &Response, form: &str| hidden(&page.text(), form).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
        let mut open = Browser::new(server.address());
        provider.log_in(&mut open, "u-6").await.expect(200);
        let csrf = csrf_of(&open.get("/oauth/account").await.expect(200), "/oauth/logout");
        fresh_step().await;
        let form = browser.get("/oauth/authenticator").await.expect(200);
        let (of_form, text) = (hidden(&form.text(), "/oauth/authenticator"), form.text());
        let secret = of_form.into_iter().find(|(name, _)| name == "secret").unwrap().1;
        let key = text.split_once("<dt>Key</dt><dd><code>").unwrap().1.split('<').next().unwrap();
        let code = code_of(key);
        open.post("/oauth/authenticator", &[("secret", &secret), ("code", &code)]).await.expect(403);
        let led = open.post("/oauth/authenticator", &[("csrf", &csrf), ("secret", &secret), ("code", &code)]).await;
        assert_eq!((led.status, led.header("Location")), (303, Some(anew)));
        let (mut sql, sessions) = (server.sql().await, own(engine, "account_sessions"));
        let since = i64::try_from(Duration::from_secs(5 * 60).as_millis()).unwrap();
        sql.run(&format!("update {sessions} set authenticated = authenticated - {since}")).await;
        let of_browser = csrf_of(&form, "/oauth/authenticator");
        let fields = [("csrf", &*of_browser), ("secret", &secret), ("code", &code)];
        let led = browser.post("/oauth/authenticator", &fields).await;
        assert_eq!((led.status, led.header("Location")), (303, Some(anew)));
        for browser in [&mut browser, &mut open] {
            let page = browser.get("/oauth/account").await.expect(200).text();
            assert!(page.contains("<h2>Second factor</h2><p>Off."), "{page}");
        }
        assert_eq!(recorded(&server, "second-factor-on", 200).await, 0);
        // The same form while the login is new is all that it takes.
        sql.run(&format!("update {sessions} set authenticated = authenticated + {since}")).await;
        let on = browser.post("/oauth/authenticator", &fields).await.expect(200).text();
        assert!(on.contains("recovery codes"), "{on}");
        assert!(browser.get("/oauth/account").await.expect(200).text().contains("<h2>Second factor</h2><p>On."));
        assert_eq!(recorded(&server, "second-factor-on", 200).await, 1);
    }

    /// A provider that is trusted no more: whom it vouched for is logged out.
    async fn a_removed_provider_logs_out_whom_it_vouched_for(engine: Engine) {
        let server = Server::start(engine);
        let people = json!({"u-7": {"fhirUser": "Patient/p7"}});
        let Some(provider) = Provider::start(&server, "clinic", people, &BY_CLAIM).await else { return };
        let mut browser = browser(&server);
        provider.log_in(&mut browser, "u-7").await.expect(200);
        let mut under_way = Browser::new(server.address());
        let begun = provider.callback(&mut under_way, "u-7").await;
        server.command(&["provider", "remove", "clinic", "--by", "Jane"]).await.expect(0);
        assert!(who(&mut browser).await.is_none());
        assert!(!browser.get("/oauth/login").await.expect(200).text().contains("Log in with"));
        let page = under_way.get(&begun).await.expect(403).text();
        assert!(page.contains("not there any more") && !under_way.cookies.contains_key(SESSION), "{page}");
    }

    /// Another secret, and other roles: without another id, and so without other people.
    async fn a_provider_is_changed(engine: Engine) {
        let server = Server::start(engine);
        let people = json!({"u-9": {"fhirUser": "Practitioner/9", "realm_access": {"roles": ["clinician", "boss"]}}});
        let Some(provider) = Provider::start(&server, "clinic", people, &BY_CLAIM).await else { return };
        let mut browser = browser(&server);
        provider.log_in(&mut browser, "u-9").await.expect(200);
        let change = async |more: &[&str]| server.command(&[&["provider", "change", "clinic", "--by", "Jane"], more].concat()).await;
        let wrong = server.folder().join("wrong.secret");
        std::fs::write(&wrong, "another-secret-that-the-provider-does-not-know").unwrap();
        change(&["--secret-file", &wrong.display().to_string(), "--name", "Hospital"]).await.expect(0);
        assert!(who(&mut browser).await.is_some(), "that ends nothing");
        let mut other = Browser::new(server.address());
        let page = other.get("/oauth/login").await.expect(200).text();
        assert!(page.contains("Log in with Hospital"), "{page}");
        provider.log_in(&mut other, "u-9").await.expect(502);
        let right = server.folder().join("clinic.secret").display().to_string();
        change(&["--secret-file", &right]).await.expect(0);
        provider.log_in(&mut other, "u-9").await.expect(200);
        change(&["--role", "boss=OWNER", "--role", "clinician=DOCTOR"]).await.expect(0);
        assert!(who(&mut browser).await.is_none() && who(&mut other).await.is_none());
        provider.log_in(&mut other, "u-9").await.expect(200);
        assert_eq!(accounts(&server).await[0].items("roles").len(), 2);
        change(&[]).await.expect(2);
        change(&["--role", "boss=PATIENT"]).await.expect(2);
        server.command(&["provider", "change", "nobody", "--by", "Jane", "--name", "x"]).await.expect(4);
        // Nobody logs in by one that has no secret.
        server.command(&["provider", "add", "--by", "Jane", "--id", "tokens", "--name", "T", "--issuer", "https://id.example", "--audience", "g"]).await.expect(0);
        server.command(&["provider", "change", "tokens", "--by", "Jane", "--secret-file", &right]).await.expect(4);
        assert!(!browser.get("/oauth/login").await.expect(200).text().contains("Log in with T<"));
    }

    /// A provider that does not answer says so on a page, and the login by a password stays.
    async fn a_provider_that_is_away(engine: Engine) {
        let server = Server::start(engine);
        provider::add(&server, "away", "http://127.0.0.1:9", &[]).await;
        let page: Response = browser(&server).get("/oauth/outside/start?provider=away").await.expect(502);
        assert!(page.text().contains("does not answer"), "{}", page.text());
        assert!(browser(&server).get("/oauth/login").await.expect(200).text().contains("Log in with"));
    }

    /// Access tokens of a provider count as they are, within what their client may have here: a program's for itself, an app's for a person.
    async fn access_tokens_of_a_provider_count(engine: Engine) {
        let server = Server::start(engine);
        for id in ["p8", "p9"] {
            assert!(server.client().save(&gateway_tests::patient(id, "x")).await.status < 300);
        }
        let people = json!({"u-8": {"fhirUser": "Patient/p8", "name": "Paula"}, "u-0": {"name": "Nobody"}});
        let more = [&BY_CLAIM[..], &["--audience", AUDIENCE]].concat();
        let Some(mut provider) = Provider::start(&server, "clinic", people, &more).await else { return };
        let of_job = provider.token_of_job(AUDIENCE, "system/Patient.rs system/Observation.rs").await;
        let (read, job, app) = (async |token: &str, path: &str| Client::new(server.address(), Some(token)).get(path).await.status, "job", "app");
        assert_eq!(read(&of_job, "/Patient/p8").await, 401, "nobody has registered the client");
        add_client(&server, job, "clinic", &["--scope", "system/Patient.rs", "--purpose", "TREAT"]).await.expect(0);
        add_client(&server, app, "clinic", &["--scope", "patient/*.rs", "--purpose", "PATRQT"]).await.expect(0);
        tokio::time::sleep(KNOWN).await;
        assert_eq!((read(&of_job, "/Patient/p8").await, read(&of_job, "/Patient?_id=p9").await), (200, 200));
        // The token has more, and the client has not.
        assert_eq!(read(&of_job, "/Observation").await, 403);
        let of_app = provider.token_for("u-8", AUDIENCE, "patient/Patient.rs patient/Observation.rs").await;
        assert_eq!((read(&of_app, "/Patient/p8").await, read(&of_app, "/Observation").await), (200, 200));
        assert_eq!(Client::new(server.address(), Some(&of_app)).get("/Patient").await.expect(200).json().items("entry").len(), 1, "another patient is none");
        assert_eq!(read(&of_app, "/Patient/p9").await, 404);
        // A token from before the provider said something else changes nothing, and opens nothing any more.
        provider.says(&json!({"u-8": {"fhirUser": "Patient/p9", "name": "Paula"}})).await;
        provider.log_in(&mut browser(&server), "u-8").await.expect(200);
        tokio::time::sleep(KNOWN).await;
        assert_eq!(read(&of_app, "/Patient/p8").await, 401);
        assert_eq!(accounts(&server).await[0].str("actors.0"), Some("Patient/p9"));
        // Nor does one that says nobody.
        provider.says(&json!({"u-8": {"name": "Paula"}})).await;
        assert_eq!(read(&provider.token_for("u-8", AUDIENCE, "patient/Patient.rs").await, "/Patient/p9").await, 401);
        provider.says(&json!({"u-8": {"fhirUser": "Patient/p9", "name": "Paula"}})).await;
        let of_app = provider.token_for("u-8", AUDIENCE, "patient/Patient.rs").await;
        assert_eq!(read(&of_app, "/Patient/p9").await, 200);
        // Nobody who is somebody here.
        assert_eq!(read(&provider.token_for("u-0", AUDIENCE, "patient/Patient.rs").await, "/Patient/p8").await, 401);
        let [account] = &*accounts(&server).await else { panic!("one account") };
        server.command(&["account", "disable", account.str("id").unwrap(), "--by", "Jane"]).await.expect(0);
        server.command(&["client", "disable", job, "--by", "Jane"]).await.expect(0);
        tokio::time::sleep(KNOWN).await;
        assert_eq!((read(&of_app, "/Patient/p9").await, read(&of_job, "/Patient/p8").await), (401, 401));
    }

    /// 45, 46: for another audience, changed, of a kind that is none, by an issuer that nobody trusts, or of a client of another provider's.
    async fn attacks_45_46_access_tokens_that_are_not_for_here(engine: Engine) {
        let server = Server::start(engine);
        let more = [&BY_CLAIM[..], &["--audience", AUDIENCE]].concat();
        let people = json!({"u-8": {"fhirUser": "Patient/p8", "name": "Paula"}});
        let Some(provider) = Provider::start(&server, "clinic", people.clone(), &more).await else { return };
        let Some(other) = Provider::start(&server, "other", people, &["--audience", AUDIENCE]).await else { return };
        add_client(&server, "job", "nobody", &["--scope", "system/Patient.rs", "--purpose", "TREAT"]).await.expect(4);
        let mixed = add_client(&server, "mix", "clinic", &["--scope", "system/Patient.rs user/Patient.rs", "--purpose", "TREAT"]).await.expect(2);
        assert!(mixed.stderr.contains("add one for each"), "{}", mixed.stderr);
        add_client(&server, "job", "clinic", &["--scope", "system/Patient.rs", "--purpose", "TREAT"]).await.expect(0);
        let read = async |token: &str| Client::new(server.address(), Some(token)).get("/Patient").await.status;
        let good = provider.token_of_job(AUDIENCE, "system/Patient.rs").await;
        assert_eq!(read(&good).await, 200);
        let parts: Vec<&str> = good.split('.').collect();
        let (first, last) = parts[2].split_at(10);
        let swapped = if last.starts_with('A') { "B" } else { "A" };
        for (what, token) in [
            ("another audience", provider.token_of_job("urn:elsewhere", "system/Patient.rs").await),
            ("a client of another provider's", other.token_of_job(AUDIENCE, "system/Patient.rs").await),
            ("another signature", format!("{}.{}.{first}{swapped}{}", parts[0], parts[1], &last[1..])),
            ("no signature", format!("{}.{}.", parts[0], parts[1])),
            ("two parts", format!("{}.{}", parts[0], parts[1])),
            ("four parts", format!("{good}.x")),
            ("much", format!("ey{}.a.b", "A".repeat(7_000))),
            ("another token's claims", format!("{}.{}.{}", parts[0], other.token_of_job(AUDIENCE, "system/Patient.rs").await.split('.').nth(1).unwrap(), parts[2])),
        ] {
            assert_eq!(read(&token).await, 401, "{what}");
        }
        // Nor does it open anything of the authorization server.
        let client = browser(&server).post("/oauth/introspect", &[("client_id", "job"), ("token", &good)]).await;
        assert_eq!(client.status, 401);
        let token = browser(&server).post("/oauth/token", &[("grant_type", "client_credentials"), ("client_id", "job"), ("scope", "system/Patient.rs")]).await;
        assert_eq!(token.status, 401);
        // A provider that is trusted no more.
        server.command(&["provider", "remove", "clinic", "--by", "Jane"]).await.expect(0);
        tokio::time::sleep(KNOWN).await;
        assert_eq!(read(&good).await, 401);
    }
}
