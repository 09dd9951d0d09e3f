//! People who log in: accounts, passwords, sessions, second factors and their pages (attack class D of shared/facts/consent-security.md).
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gateway_tests::browser::hidden;
use gateway_tests::{Browser, Command, Engine, Json, Options, Response, Server, suite};
use hyper::Method;
use ring::hmac;

const PASSWORD: &str = "Correct-Horse-9";
const SESSION: &str = "fhir-gateway-session";
const DOCTOR: [&str; 6] = ["--role", "DOCTOR", "--actor", "Practitioner/1", "--actor", "Organization/1"];

async fn command(server: &Server, arguments: &[&str]) -> Command {
    server.command(&[&["account"], arguments].concat()).await
}

fn started(engine: Engine, more: &[&str]) -> Server {
    Server::with(
        engine,
        Options { arguments: more.iter().map(|word| (*word).to_owned()).collect(), ..Options::default() },
    )
}

fn browser(server: &Server) -> Browser {
    Browser::new(server.address())
}

/// An account that nobody has logged in to: its id, and its link.
async fn invited(server: &Server, login: &str, name: &str, who: &[&str]) -> (String, String) {
    let add = ["add", "--by", "Jane", "--login", login, "--name", name, "--json"];
    let said = Json::of(&command(server, &[&add[..], who].concat()).await.expect(0).stdout);
    (said.str("id").unwrap().to_owned(), said.str("activation").unwrap().to_owned())
}

/// An account with a password: its id.
async fn account(server: &Server, login: &str) -> String {
    let (id, link) = invited(server, login, "Dr. Ada Hart", &DOCTOR).await;
    let mut browser = browser(server);
    let page = browser.get(&link).await.expect(200);
    let done = browser.submit(&page, &link, &[("new", PASSWORD), ("again", PASSWORD)]).await.expect(200);
    assert!(done.text().contains("Your password is set"), "{}", done.text());
    id
}

async fn log_in(browser: &mut Browser, login: &str, password: &str) -> Response {
    let page = browser.get("/oauth/login").await.expect(200);
    browser.submit(&page, "/oauth/login", &[("login", login), ("password", password)]).await
}

/// Somebody who has logged in.
async fn within(server: &Server, login: &str) -> Browser {
    let mut browser = browser(server);
    let page = log_in(&mut browser, login, PASSWORD).await.expect(200);
    assert!(page.text().contains("Your account"), "{}", page.text());
    browser
}

/// Whether somebody is logged in.
async fn is_within(browser: &mut Browser) -> bool {
    let response = browser.get("/oauth/account").await;
    match response.status {
        200 => true,
        303 => false,
        other => panic!("{other}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "an authenticator's clock is the machine's")]
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The code of an authenticator, so many steps ahead.
fn code(key: &str, ahead: i64) -> String {
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
    let step = i64::try_from(seconds() / 30).unwrap() + ahead;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes), &step.to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 0x0f);
    let number = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// What is between the first of a mark and the next of another.
fn between(text: &str, from: &str, to: &str) -> String {
    text.split_once(from).unwrap_or_else(|| panic!("no {from} in {text}")).1.split(to).next().unwrap().to_owned()
}

/// Waits until a step has just begun, so that a code stays good for a while.
async fn fresh_step() {
    if seconds() % 30 > 24 {
        tokio::time::sleep(Duration::from_secs(30 - seconds() % 30)).await;
    }
}

/// Turns the second factor on: the key, and the recovery codes.
async fn enrol(browser: &mut Browser) -> (String, Vec<String>) {
    fresh_step().await;
    let page = browser.get("/oauth/authenticator").await.expect(200);
    let key = between(&page.text(), "<dt>Key</dt><dd><code>", "</code>");
    let on = browser
        .submit(&page, "/oauth/authenticator", &[("code", &code(&key, -1)), ("password", PASSWORD)])
        .await
        .expect(200);
    let text = on.text();
    assert!(text.contains("recovery codes"), "{text}");
    let codes = text.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
    (key, codes)
}

suite! {
    async fn a_link_sets_a_password_once(engine: Engine) {
        let server = started(engine, &[]);
        let (id, link) = invited(&server, "Ada", "Dr. <b>Ada</b> & \"Hart\"", &DOCTOR).await;
        assert!(link.starts_with("/oauth/activate/") && link.len() == 16 + 64, "{link}");
        let mut ada = browser(&server);
        let page = ada.get(&link).await.expect(200);
        assert!(page.text().contains("Dr. &lt;b&gt;Ada&lt;/b&gt; &amp; &quot;Hart&quot;"), "{}", page.text());
        assert!(!page.text().contains("<script") && !page.text().contains("<b>"));
        for name in ["Content-Security-Policy", "Referrer-Policy", "Cache-Control", "X-Content-Type-Options"] {
            assert!(page.header(name).is_some(), "{name}");
        }
        // Looking does not use it, nor does a password that may not be set.
        for (new, again) in [("short", "short"), (PASSWORD, "Correct-Horse-8"), ("Xada-Xada-Xada-1", "Xada-Xada-Xada-1")] {
            let wrong = ada.submit(&page, &link, &[("new", new), ("again", again)]).await.expect(422);
            assert!(wrong.text().contains("role=\"alert\"") && !wrong.text().contains(new), "{}", wrong.text());
        }
        assert_eq!(log_in(&mut ada, "ada", PASSWORD).await.status, 403, "there is no password yet");
        ada.submit(&page, &link, &[("new", PASSWORD), ("again", PASSWORD)]).await.expect(200);
        let again = ada.submit(&page, &link, &[("new", "Another-Horse-9"), ("again", "Another-Horse-9")]).await;
        assert_eq!(again.status, 404);
        assert_eq!(ada.get(&link).await.status, 404);
        assert_eq!(log_in(&mut ada, "ada", "Another-Horse-9").await.status, 403);
        let mine = log_in(&mut ada, " ADA ", PASSWORD).await.expect(200).text();
        assert!(mine.contains("Practitioner/1, Organization/1") && mine.contains("DOCTOR"), "{mine}");

        // A reset takes the password and the sessions away, and its link does the rest.
        let reset = Json::of(&command(&server, &["reset", &id, "--by", "Jane", "--json"]).await.expect(0).stdout);
        assert!(!is_within(&mut ada).await);
        assert_eq!(log_in(&mut ada, "ada", PASSWORD).await.status, 403);
        let link = reset.str("activation").unwrap().to_owned();
        let page = ada.get(&link).await.expect(200);
        ada.submit(&page, &link, &[("new", "Another-Horse-9"), ("again", "Another-Horse-9")]).await.expect(200);
        log_in(&mut ada, "ada", "Another-Horse-9").await.expect(200);
        // A link that is too old is none.
        let (_, late) = invited(&server, "late", "Late", &["--role", "ADMIN"]).await;
        let prefix = if engine == Engine::Postgres { "fhir_gateway." } else { "" };
        server.sql().await.run(&format!("update {prefix}accounts set activation_until = 1 where login = 'late'")).await;
        assert_eq!(ada.get(&late).await.status, 404);
        // Nothing of it is in clear.
        let rows = server.sql().await.rows(&format!("select password, activation from {prefix}accounts where login = 'ada'")).await;
        assert!(rows[0][0].as_deref().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{rows:?}");
        assert_eq!(rows[0][1], None);
        assert!(!server.log().contains("Horse") && !server.log().to_lowercase().contains("ada"), "{}", server.log());
    }

    async fn a_stranger_does_not_learn_which_logins_there_are(engine: Engine) {
        let server = started(engine, &["--login-attempts", "3", "--lockout-seconds", "2"]);
        account(&server, "ada").await;
        let mut stranger = browser(&server);
        let wrong = log_in(&mut stranger, "ada", "Wrong-Horse-99").await.expect(403).text();
        let nobody = log_in(&mut stranger, "bob", "Wrong-Horse-99").await.expect(403).text();
        assert_eq!(wrong.replace("ada", "bob"), nobody, "alike but for what was typed");
        // Two more lock it, then not even the right one opens it, and says the same.
        log_in(&mut stranger, "ada", "Wrong-Horse-98").await.expect(403);
        log_in(&mut stranger, "ada", "Wrong-Horse-97").await.expect(403);
        let locked = log_in(&mut stranger, "ada", PASSWORD).await.expect(403).text();
        assert_eq!(locked, wrong);
        let list = command(&server, &["list"]).await.expect(0).stdout;
        assert!(list.contains("  locked  ada  DOCTOR"), "{list}");
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        within(&server, "ada").await;
        // What went wrong before does not count after a login.
        log_in(&mut stranger, "ada", "Wrong-Horse-96").await.expect(403);
        log_in(&mut stranger, "ada", "Wrong-Horse-95").await.expect(403);
        within(&server, "ada").await;
        let audited = server.audited().await;
        let count = |name: &str, status: u16| audited.iter().filter(|event| event.interaction == name && event.status == status).count();
        assert_eq!((count("login", 200), count("login", 403), count("lockout", 403)), (2, 7, 1));
        let (mut sql, prefix) = server.trail().await;
        let rows = sql.rows(&format!("select caller, client, on_behalf from {prefix}audit_events")).await;
        let text = format!("{rows:?}");
        assert!(!text.contains("bob") && !text.contains("\"ada\"") && !text.contains("Hart"), "{text}");
    }

    async fn many_at_once_have_no_more_attempts(engine: Engine) {
        let server = started(engine, &["--login-attempts", "3"]);
        let id = account(&server, "ada").await;
        let mut browser = browser(&server);
        let page = browser.get("/oauth/login").await.expect(200);
        let tries = (0..12).map(|number| {
            let (mut browser, page) = (browser.clone(), page.clone());
            async move {
                let password = format!("Wrong-Horse-{number}");
                browser.submit(&page, "/oauth/login", &[("login", "ada"), ("password", &password)]).await.status
            }
        });
        let statuses = futures_util::future::join_all(tries).await;
        assert!(statuses.iter().all(|status| *status == 403), "{statuses:?}");
        let shown = Json::of(&command(&server, &["show", &id, "--json"]).await.expect(0).stdout);
        assert_eq!((shown.str("failedAttempts"), shown.str("state")), (Some("3"), Some("locked")), "{shown}");
        assert_eq!(log_in(&mut browser, "ada", PASSWORD).await.status, 403);
        command(&server, &["unlock", &id, "--by", "Jane"]).await.expect(0);
        within(&server, "ada").await;
    }

    async fn a_session_ends(engine: Engine) {
        let server = started(engine, &["--session-idle-seconds", "2"]);
        let id = account(&server, "ada").await;
        // By a logout, for who has its page.
        let mut ada = within(&server, "ada").await;
        let before = ada.cookies[SESSION].clone();
        let page = ada.get("/oauth/account").await.expect(200);
        let out = ada.submit(&page, "/oauth/logout", &[]).await.expect(200);
        assert!(out.text().contains("You are logged out") && !ada.cookies.contains_key(SESSION));
        ada.cookies.insert(SESSION.to_owned(), before);
        assert!(!is_within(&mut ada).await, "the token counts no more");
        // By time, and not while it is used.
        let mut ada = within(&server, "ada").await;
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(900)).await;
            assert!(is_within(&mut ada).await, "it is in use");
        }
        tokio::time::sleep(Duration::from_millis(2_200)).await;
        assert!(!is_within(&mut ada).await, "it was idle");
        // By an administrator.
        for arguments in [["sessions-end", &id], ["disable", &id]] {
            let mut ada = within(&server, "ada").await;
            let said = command(&server, &[&arguments[..], &["--by", "Jane"]].concat()).await.expect(0).stdout;
            assert!(said.contains(" ended\n") && !said.contains("no session"), "{said}");
            assert!(!is_within(&mut ada).await, "{arguments:?}");
        }
        assert_eq!(log_in(&mut browser(&server), "ada", PASSWORD).await.status, 403, "disabled");
        command(&server, &["enable", &id, "--by", "Jane"]).await.expect(0);
        // By another password, which leaves the browser that changed it; and by a click for the others.
        let (mut here, mut there) = (within(&server, "ada").await, within(&server, "ada").await);
        let page = here.get("/oauth/password").await.expect(200);
        let wrong = [("current", "Wrong-Horse-99"), ("new", "Another-Horse-9"), ("again", "Another-Horse-9")];
        here.submit(&page, "/oauth/password", &wrong).await.expect(403);
        let right = [("current", PASSWORD), ("new", "Another-Horse-9"), ("again", "Another-Horse-9")];
        let done = here.submit(&page, "/oauth/password", &right).await.expect(200);
        assert!(done.text().contains("Your password is changed"), "{}", done.text());
        assert!(is_within(&mut here).await && !is_within(&mut there).await);
        log_in(&mut there, "ada", "Another-Horse-9").await.expect(200);
        let page = here.get("/oauth/account").await.expect(200);
        here.submit(&page, "/oauth/sessions", &[]).await.expect(200);
        assert!(is_within(&mut here).await && !is_within(&mut there).await);
    }

    async fn a_form_counts_from_our_own_pages_alone(engine: Engine) {
        let server = started(engine, &[]);
        account(&server, "ada").await;
        let login = [("login", "ada"), ("password", PASSWORD)];
        let mut stranger = browser(&server);
        assert_eq!(stranger.post("/oauth/login", &login).await.status, 403, "no token, no cookie");
        let page = stranger.get("/oauth/login").await.expect(200);
        let token = hidden(&page.text(), "/oauth/login")[0].1.clone();
        let with = |token: &str| [&login[..], &[("csrf", token)]].concat().iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
        let post = async |browser: &mut Browser, token: &str, headers: &[(&str, &str)]| {
            let fields = with(token);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            browser.post_with("/oauth/login", &fields, headers).await.status
        };
        assert_eq!(post(&mut browser(&server), &token, &[]).await, 403, "another browser's");
        let foreign = browser(&server).get("/oauth/login").await.text();
        let foreign = hidden(&foreign, "/oauth/login")[0].1.clone();
        assert_eq!(post(&mut stranger, &foreign, &[]).await, 403, "another page's");
        assert_eq!(post(&mut stranger, &token, &[("Origin", "https://evil.example")]).await, 403);
        assert_eq!(post(&mut stranger, &token, &[("Sec-Fetch-Site", "cross-site")]).await, 403);
        assert_eq!(post(&mut stranger, &token, &[("Sec-Fetch-Site", "same-site")]).await, 403);
        let refused = server.audited().await.into_iter().filter(|event| event.interaction == "login" && event.status == 403);
        assert_eq!(refused.count(), 6, "each is on record");
        let own = format!("http://{}", server.address());
        assert_eq!(post(&mut stranger, &token, &[("Origin", &own), ("Sec-Fetch-Site", "same-origin")]).await, 200);
        assert!(is_within(&mut stranger).await);
        // What the session's forms do needs the session's token; the one from before a login is none.
        for (path, fields) in [("/oauth/logout", &[][..]), ("/oauth/sessions", &[]), ("/oauth/password", &[("current", PASSWORD), ("new", "Another-Horse-9"), ("again", "Another-Horse-9")]), ("/oauth/authenticator", &[])] {
            for csrf in ["", &token, "0"] {
                let response = stranger.post(path, &[fields, &[("csrf", csrf)]].concat()).await;
                assert_eq!(response.status, 403, "{path}");
            }
        }
        let page = stranger.get("/oauth/account").await.expect(200);
        let csrf = hidden(&page.text(), "/oauth/logout")[0].1.clone();
        assert_eq!(stranger.post_with("/oauth/logout", &[("csrf", &csrf)], &[("Origin", "https://evil.example")]).await.status, 403);
        assert!(is_within(&mut stranger).await);
        // Two cookies of the name are none, and a token that was there before a login is not the one after it.
        let fixed = stranger.cookies[SESSION].clone();
        let request = server.stranger().request(Method::GET, &format!("{own}/oauth/account"));
        let two = request.header("Cookie", &format!("{SESSION}={fixed}; {SESSION}={fixed}")).await;
        assert_eq!(two.status, 303);
        let page = browser(&server);
        let mut other = page.clone();
        other.cookies.insert(SESSION.to_owned(), "fgl_chosen-by-somebody-else".to_owned());
        log_in(&mut other, "ada", PASSWORD).await.expect(200);
        assert_ne!(other.cookies[SESSION], "fgl_chosen-by-somebody-else");
        let mut attacker = page.clone();
        attacker.cookies.insert(SESSION.to_owned(), "fgl_chosen-by-somebody-else".to_owned());
        assert!(!is_within(&mut attacker).await);
    }

    async fn a_login_leads_to_our_own_pages_alone(engine: Engine) {
        let server = started(engine, &[]);
        account(&server, "ada").await;
        let mut ada = browser(&server);
        for (next, leads) in [
            ("/oauth/password", "/oauth/password"),
            ("//evil.example", "/oauth/account"),
            ("/\\evil.example", "/oauth/account"),
            ("https://evil.example/oauth/", "/oauth/account"),
            ("/oauth/../evil", "/oauth/account"),
            ("/oauth//evil.example", "/oauth/account"),
            ("/oauth/x\r\nSet-Cookie: a=b", "/oauth/account"),
            ("/fhir/Patient", "/oauth/account"),
            ("javascript:alert(1)", "/oauth/account"),
        ] {
            ada.cookies.clear();
            let page = ada.get("/oauth/login").await.expect(200);
            let fields = [("login", "ada"), ("password", PASSWORD), ("next", next)];
            let done = ada.submit_once(&page, "/oauth/login", &fields).await.expect(200);
            assert!(done.text().contains(&format!("content=\"0; url={leads}\"")), "{next:?}: {}", done.text());
            // Who is logged in already goes there at once.
            let encoded = gateway_tests::browser::encoded(&[("next", next)]);
            let at_once = ada.get(&format!("/oauth/login?{encoded}")).await.expect(303);
            assert_eq!(at_once.header("Location"), Some(leads), "{next:?}");
        }
    }

    async fn hostile_forms_are_refused(engine: Engine) {
        let server = started(engine, &[]);
        account(&server, "ada").await;
        let mut stranger = browser(&server);
        let page = stranger.get("/oauth/login").await.expect(200);
        let long = "x".repeat(60_000);
        for (login, password) in [("ada", long.as_str()), (long.as_str(), "x"), ("ada\0", PASSWORD), ("<script>", "x"), ("ada", "a\0b"), ("", ""), ("ada", ""), ("' or 1=1 --", "x")] {
            let answer = stranger.submit(&page, "/oauth/login", &[("login", login), ("password", password)]).await;
            assert_eq!(answer.status, 403);
            assert!(!answer.text().contains("<script") && answer.text().len() < 20_000);
            stranger.cookies.remove(SESSION);
            if login == "ada" {
                let id = Json::of(&command(&server, &["list", "--json"]).await.expect(0).stdout);
                let id = id.array()[0].str("id").unwrap().to_owned();
                command(&server, &["unlock", &id, "--by", "Jane"]).await.expect(0);
            }
        }
        let huge = "x".repeat(70_000);
        let answer = stranger.submit(&page, "/oauth/login", &[("login", "ada"), ("password", &huge)]).await;
        assert_eq!(answer.status, 400);
        assert_eq!(stranger.post("/oauth/login", &[("login", "a"), ("login", "b")]).await.status, 400);
        for path in ["/oauth/account", "/oauth/password", "/oauth/authenticator", "/oauth/second-factor"] {
            let answer = stranger.get(path).await.expect(303);
            assert!(answer.header("Location").unwrap().starts_with("/oauth/login"), "{path}");
        }
        assert_eq!(stranger.get("/oauth/activate/0").await.status, 404);
        // Nothing of an administrator's is taken that could be another's or run.
        for wrong in [
            &["--login", "ada", "--name", "Again", "--role", "DOCTOR"][..],
            &["--login", "a b", "--name", "x", "--role", "DOCTOR"],
            &["--login", "pat", "--name", "x", "--role", "PATIENT"],
            &["--login", "pat", "--name", "x", "--role", "PATIENT", "--actor", "Practitioner/1"],
            &["--login", "pat", "--name", "x", "--role", "DOCTOR", "--actor", "Patient/1"],
            &["--login", "pat", "--name", "x", "--role", "ROOT"],
        ] {
            let code = command(&server, &[&["add", "--by", "Jane"][..], wrong].concat()).await.code;
            assert!(matches!(code, Some(2 | 4)), "{wrong:?}: {code:?}");
        }
    }

    async fn a_second_factor_is_asked_for_and_used_once(engine: Engine) {
        let server = started(engine, &[]);
        let id = account(&server, "ada").await;
        let mut ada = within(&server, "ada").await;
        let mut elsewhere = within(&server, "ada").await;
        let page = ada.get("/oauth/authenticator").await.expect(200);
        assert!(page.text().contains("<svg") && page.text().contains("otpauth://totp/"), "{}", page.text());
        ada.submit(&page, "/oauth/authenticator", &[("code", "000000"), ("password", PASSWORD)]).await.expect(422);
        let (key, codes) = enrol(&mut ada).await;
        assert_eq!(codes.len(), 10);
        assert!(is_within(&mut ada).await && !is_within(&mut elsewhere).await, "other browsers are logged out");

        // The password alone opens nothing.
        let mut bea = browser(&server);
        let page = log_in(&mut bea, "ada", PASSWORD).await.expect(200);
        assert!(page.text().contains("Second factor"), "{}", page.text());
        for path in ["/oauth/account", "/oauth/password", "/oauth/authenticator"] {
            let answer = bea.get(path).await.expect(303);
            assert!(answer.header("Location").unwrap().starts_with("/oauth/second-factor"), "{path}");
        }
        let before = bea.cookies[SESSION].clone();
        fresh_step().await;
        let now = code(&key, 0);
        for wrong in ["000000", "", "x", &code(&key, 3), &code(&key, -4)] {
            if wrong.len() < 6 || wrong == now { continue; }
            bea.submit(&page, "/oauth/second-factor", &[("code", wrong)]).await.expect(403);
        }
        bea.submit(&page, "/oauth/second-factor", &[("code", &now)]).await.expect(200);
        assert!(is_within(&mut bea).await);
        assert_ne!(bea.cookies[SESSION], before, "another token");
        // The same code, and one of a step before it, open nothing any more.
        let mut eve = browser(&server);
        let page = log_in(&mut eve, "ada", PASSWORD).await.expect(200);
        for used in [now.clone(), code(&key, -1)] {
            eve.submit(&page, "/oauth/second-factor", &[("code", &used)]).await.expect(403);
        }
        // A recovery code does, once.
        eve.submit(&page, "/oauth/second-factor", &[("code", &codes[3].to_lowercase())]).await.expect(200);
        assert!(is_within(&mut eve).await);
        let mut mallory = browser(&server);
        let page = log_in(&mut mallory, "ada", PASSWORD).await.expect(200);
        mallory.submit(&page, "/oauth/second-factor", &[("code", &codes[3])]).await.expect(403);
        let shown = Json::of(&command(&server, &["show", &id, "--json"]).await.expect(0).stdout);
        assert_eq!((shown.at("secondFactor"), shown.str("recoveryCodesLeft")), (Some(&Json::Bool(true)), Some("9")), "{shown}");
        // Guessing at codes locks the account, however often the password is right in between.
        for _ in 0..4 {
            let page = log_in(&mut mallory, "ada", PASSWORD).await.expect(200);
            mallory.submit(&page, "/oauth/second-factor", &[("code", "000000")]).await.expect(403);
        }
        assert_eq!(log_in(&mut mallory, "ada", PASSWORD).await.status, 403);
        // The secret is not in the database, nor a code.
        let prefix = if engine == Engine::Postgres { "fhir_gateway." } else { "" };
        let rows = server.sql().await.rows(&format!("select totp_secret, recovery from {prefix}accounts")).await;
        let text = format!("{rows:?}");
        assert!(text.contains("s2.") && !text.contains(&key.replace(' ', "")) && !text.contains(&codes[0]), "{text}");
        // Who has lost it is helped by an administrator.
        command(&server, &["totp-off", &id, "--by", "Jane"]).await.expect(0);
        command(&server, &["unlock", &id, "--by", "Jane"]).await.expect(0);
        within(&server, "ada").await;
    }

    async fn a_password_that_is_over_or_a_factor_that_is_missing_comes_first(engine: Engine) {
        let server = started(engine, &["--second-factor", "required"]);
        let id = account(&server, "ada").await;
        command(&server, &["change", &id, "--by", "Jane", "--must-change-password"]).await.expect(0);
        let mut ada = browser(&server);
        let page = ada.get("/oauth/login?next=%2Foauth%2Faccount").await.expect(200);
        let page = ada.submit(&page, "/oauth/login", &[("login", "ada"), ("password", PASSWORD)]).await.expect(200);
        assert!(page.text().contains("has to be changed"), "{}", page.text());
        assert!(!is_within(&mut ada).await);
        let same = [("current", PASSWORD), ("new", PASSWORD), ("again", PASSWORD)];
        ada.submit(&page, "/oauth/password", &same).await.expect(422);
        let right = [("current", PASSWORD), ("new", "Another-Horse-9"), ("again", "Another-Horse-9")];
        let page = ada.submit(&page, "/oauth/password", &right).await.expect(200);
        assert!(page.text().contains("Set up a second factor"), "{}", page.text());
        assert!(!is_within(&mut ada).await);
        fresh_step().await;
        let key = between(&page.text(), "<dt>Key</dt><dd><code>", "</code>");
        let fields = [("code", code(&key, 0)), ("password", "Another-Horse-9".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ada.submit(&page, "/oauth/authenticator", &fields).await.expect(200);
        assert!(is_within(&mut ada).await);
        let prefix = if engine == Engine::Postgres { "fhir_gateway." } else { "" };
        server.sql().await.run(&format!("update {prefix}accounts set password_set = 1")).await;
        assert!(!is_within(&mut ada).await, "90 days are over");
    }
}
