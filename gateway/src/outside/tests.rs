//! Against a small provider of our own on this machine, which says what a test tells it to.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use consent::{Action, Purpose};
use parking_lot::Mutex;
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::*;
use crate::audit::reading::{Column, Condition, Sight, Wish};
use crate::gateway::{Gateway, Options};
use crate::sealing::Sealed;
use crate::store::accounts::{Role, Word};
use crate::store::providers::Change;

const SECRET: &str = "s3cret&=";
const FHIR: &str = "https://g.example/fhir";

/// What the provider says.
#[derive(Clone, Default)]
struct Says {
    origin: String,
    challenge: String,
    names_itself: bool,
    claims: Value,
    /// How often it was asked where it has what.
    discovered: u32,
}

struct Setting {
    gateway: Gateway,
    outside: Outside,
    sealer: Arc<Sealer>,
    says: Arc<Mutex<Says>>,
    _folder: TempDir,
}

fn key() -> RsaKeyPair {
    let pem = include_str!("../../smart/tests/keys/rsa-2048-a.test.pem");
    let is_body = |line: &&str| !line.is_empty() && !line.contains('-') && !line.contains(' ');
    let body: String = pem.lines().skip_while(|line| !line.starts_with("-----")).filter(is_body).collect();
    RsaKeyPair::from_pkcs8(&BASE64_STANDARD.decode(body).unwrap()).unwrap()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(claims: &Value) -> String {
    let (key, header) = (key(), json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}));
    let text = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", encoded(signature))
}

/// One answer of the provider.
fn answer(request: &str, says: &Says) -> (u16, Value) {
    let origin = &says.origin;
    if request.starts_with("GET /.well-known/openid-configuration ") {
        let found = json!({"issuer": origin, "authorization_endpoint": format!("{origin}/auth?tenant=a"),
            "token_endpoint": format!("{origin}/token"), "jwks_uri": format!("{origin}/keys"),
            "authorization_response_iss_parameter_supported": says.names_itself});
        return (200, found);
    }
    if request.starts_with("GET /keys ") {
        let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key().public());
        return (200, json!({"keys": [{"kty": "RSA", "kid": "k1", "n": encoded(n), "e": encoded(e)}]}));
    }
    let (head, form) = request.split_once("\r\n\r\n").unwrap_or_default();
    let form: HashMap<_, _> = crate::http::query::pairs(form).collect();
    let get = |name: &str| form.get(name).map(|value| value.to_string()).unwrap_or_default();
    // What RFC 6749 and RFC 7636 have a provider check: both parts form-encoded, then base64.
    let basic = BASE64_STANDARD.encode("our+client:s3cret%26%3D");
    let is_ours = head.to_ascii_lowercase().contains(&format!("authorization: basic {basic}").to_ascii_lowercase());
    let is_pkce = encoded(Sha256::digest(get("code_verifier"))) == says.challenge;
    let is_back = get("redirect_uri") == "https://g.example/oauth/outside/callback";
    let is_code = get("grant_type") == "authorization_code" && get("code") == "good";
    if is_ours && is_pkce && is_back && is_code {
        (200, json!({"token_type": "Bearer", "access_token": "a", "id_token": signed(&says.claims)}))
    } else {
        (400, json!({"error": "invalid_grant"}))
    }
}

fn provider(says: &Arc<Mutex<Says>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    says.lock().origin = format!("http://{}", listener.local_addr().unwrap());
    let says = Arc::clone(says);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut text, mut part) = (String::new(), [0; 4096]);
            loop {
                let read = stream.read(&mut part).unwrap_or_default();
                text.push_str(&String::from_utf8_lossy(&part[..read]));
                let length = text
                    .to_ascii_lowercase()
                    .split_once("content-length: ")
                    .and_then(|(_, rest)| rest.split_once("\r\n").and_then(|(number, _)| number.parse::<usize>().ok()));
                let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
                if read == 0 || body.is_some_and(|body| body >= length.unwrap_or_default()) {
                    break;
                }
            }
            let (status, body) = {
                let mut says = says.lock();
                says.discovered += u32::from(text.starts_with("GET /.well-known/"));
                answer(&text, &says)
            };
            let body = body.to_string();
            let length = body.len();
            let _written = write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
}

async fn setting() -> Setting {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::at(&format!("sqlite:{}", folder.path().join("g.db").display()), folder.path());
    let gateway = Gateway::open(options).await.unwrap();
    let sealer = Arc::new(Sealer::open(folder.path(), None).unwrap());
    let says = Arc::<Mutex<Says>>::default();
    provider(&says);
    let trusted = Provider {
        organization: DEFAULT_ORGANIZATION,
        id: "clinic".to_owned(),
        name: "Clinic".to_owned(),
        issuer: says.lock().origin.clone(),
        client_id: "our client".to_owned(),
        sealed: seal(&sealer, ("clinic", Sealed::Login), &SecretString::from(SECRET)).unwrap(),
        claim_actor: Some("fhirUser".to_owned()),
        claim_roles: Some("realm_access.roles".to_owned()),
        roles: vec![("clinician".to_owned(), Role::Doctor), ("boss".to_owned(), Role::Owner)],
        audience: None,
        jwks_url: None,
        exchange_audiences: Vec::new(),
        introspection: None,
        second_factor: false,
        created_ms: 0,
        created_by: String::new(),
        removed_ms: None,
    };
    let permit = gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Change).unwrap();
    gateway.store.add_provider(&permit, &trusted, "Jane").await.unwrap();
    let keys = Arc::new(KeysAt::new(crate::tls::config(None).unwrap(), Reach::Named).unwrap());
    let (store, clock) = (gateway.store.clone(), Arc::clone(&gateway.clock));
    let outside = Outside::new(store, clock, Arc::clone(&sealer), keys, "https://g.example", FHIR);
    Setting { gateway, outside, sealer, says, _folder: folder }
}

impl Setting {
    /// Begins a login as a browser does, and lets the provider say what it has to; cookie and state.
    async fn begun(&self) -> (String, String) {
        let begun = self.outside.begin("clinic", "/next", false).await.unwrap();
        let url = Url::parse(&begun.url).unwrap();
        let sent: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((&*sent["tenant"], &*sent["response_type"], &*sent["code_challenge_method"]), ("a", "code", "S256"));
        assert_eq!((&*sent["client_id"], &*sent["scope"]), ("our client", "openid"));
        for random in ["state", "nonce", "code_challenge"] {
            assert_eq!(sent[random].len(), 43, "{random}");
        }
        assert!(![&sent["state"], &sent["nonce"]].iter().any(|secret| begun.cookie.contains(secret.as_str())));
        let now_s = self.gateway.clock.now_ms() / 1000;
        let mut says = self.says.lock();
        says.challenge.clone_from(&sent["code_challenge"]);
        says.claims = json!({"iss": says.origin, "sub": "u-1", "aud": "our client", "exp": now_s + 60, "iat": now_s, "auth_time": now_s - 5,
            "nonce": sent["nonce"], "fhirUser": "Practitioner/1", "name": "Ada", "realm_access": {"roles": ["x", "clinician"]}, "email": "patient@x.example"});
        (begun.cookie, sent["state"].clone())
    }

    /// A login whose ID token says something else.
    async fn with(&self, name: &str, value: Value) -> Result<Login, LoginError> {
        let (cookie, state) = self.begun().await;
        self.says.lock().claims[name] = value;
        self.outside.finish(&cookie, good(&state)).await
    }
}

fn good(state: &str) -> Answer<'_> {
    Answer { code: Some("good"), state: Some(state), ..Answer::default() }
}

#[tokio::test]
async fn somebody_logs_in_and_is_who_the_trusted_claim_says() {
    let setting = setting().await;
    let (cookie, state) = setting.begun().await;
    let login = setting.outside.finish(&cookie, good(&state)).await.unwrap();
    let persona = |name: &str, roles: &[Role], actor: &str| Persona {
        name: name.into(),
        roles: roles.into(),
        actor: actor.into(),
    };
    assert_eq!((&*login.subject, &*login.next), ("u-1", "/next"));
    assert_eq!(login.persona, Ok(Some(persona("Ada", &[Role::Doctor], "Practitioner/1"))));
    assert!(login.auth_time_s.is_some() && login.provider.id == "clinic");
    let below = setting.with("fhirUser", json!(format!("{FHIR}/Patient/p"))).await.unwrap();
    // Whatever roles there are, a patient is a patient alone.
    assert_eq!(below.persona, Ok(Some(persona("Ada", &[Role::Patient], "Patient/p"))));
    // Without the claim nobody is anybody, whatever e-mail there is.
    let (cookie, state) = setting.begun().await;
    setting.says.lock().claims.as_object_mut().unwrap().remove("fhirUser");
    assert_eq!(setting.outside.finish(&cookie, good(&state)).await.unwrap().persona, Ok(None));
    // Nor is staff anything without a role.
    for roles in [
        json!({}),
        json!({"roles": []}),
        json!({"roles": "nurse"}),
        json!({"roles": {"clinician": true}}),
        json!("clinician"),
    ] {
        assert_eq!(
            setting.with("realm_access", roles.clone()).await.unwrap().persona,
            Err(Unclaimed::Roles),
            "{roles}"
        );
    }
    let both = setting.with("realm_access", json!({"roles": ["boss", "clinician", "boss"]})).await.unwrap();
    assert_eq!(both.persona.unwrap().unwrap().roles, [Role::Owner, Role::Doctor]);
    for other in
        ["https://evil.example/fhir/Patient/p", "https://g.example/fhirPatient/p", "Device/1", "Patient/..", ""]
    {
        assert_eq!(setting.with("fhirUser", json!(other)).await.unwrap().persona, Err(Unclaimed::Actor), "{other}");
    }
    assert_eq!(setting.with("fhirUser", json!(["Patient/p"])).await.unwrap().persona, Err(Unclaimed::Actor));
}

#[tokio::test]
async fn attack_51_no_state_another_one_another_browser_and_a_replay() {
    let setting = setting().await;
    let (cookie, state) = setting.begun().await;
    let (other_cookie, other_state) = setting.begun().await;
    let missing = Answer { state: None, ..good("") };
    let changed = format!("{}A", &cookie[..cookie.len() - 1]);
    for (cookie, answer) in [
        (&*cookie, missing),
        (&cookie, good("")),
        (&cookie, good(&other_state)),
        (&other_cookie, good(&state)),
        ("", good(&state)),
        (&changed[1..], good(&state)),
    ] {
        assert!(matches!(setting.outside.finish(cookie, answer).await, Err(LoginError::State)));
    }
    let (cookie, state) = setting.begun().await;
    assert!(setting.outside.finish(&cookie, good(&state)).await.is_ok());
    assert!(matches!(setting.outside.finish(&cookie, good(&state)).await, Err(LoginError::State)), "a replay");
    // A failed one is used up as well.
    let (cookie, state) = setting.begun().await;
    let bad = Answer { code: Some("bad"), ..good(&state) };
    assert!(matches!(setting.outside.finish(&cookie, bad).await, Err(LoginError::Unreachable)));
    assert!(matches!(setting.outside.finish(&cookie, good(&state)).await, Err(LoginError::State)));
    let late = Pending::new("clinic", "/", setting.gateway.clock.now_ms() - 1, None).unwrap();
    let cookie = late.sealed(&setting.sealer).unwrap();
    assert!(matches!(setting.outside.finish(&cookie, good(&late.state)).await, Err(LoginError::State)), "too late");
}

#[tokio::test]
async fn attack_51_an_answer_of_another_provider() {
    let setting = setting().await;
    let own = setting.says.lock().origin.clone();
    let (cookie, state) = setting.begun().await;
    let mixed = Answer { iss: Some("https://evil.example"), ..good(&state) };
    assert!(matches!(setting.outside.finish(&cookie, mixed).await, Err(LoginError::Issuer)));
    let (cookie, state) = setting.begun().await;
    assert!(setting.outside.finish(&cookie, Answer { iss: Some(&own), ..good(&state) }).await.is_ok());
    // Who says that it names itself does.
    setting.says.lock().names_itself = true;
    setting.outside.discovered.forget();
    let (cookie, state) = setting.begun().await;
    assert!(matches!(setting.outside.finish(&cookie, good(&state)).await, Err(LoginError::Issuer)));
    let (cookie, state) = setting.begun().await;
    let denied = Answer { code: None, error: Some("access_denied"), iss: Some(&own), ..good(&state) };
    assert!(matches!(setting.outside.finish(&cookie, denied).await, Err(LoginError::Denied)));
}

#[tokio::test]
async fn attacks_45_46_51_a_token_for_somebody_else_of_somebody_else_or_of_another_login() {
    let setting = setting().await;
    let now_s = setting.gateway.clock.now_ms() / 1000;
    let slash = format!("{}/", setting.says.lock().origin);
    for (name, value, error) in [
        ("nonce", json!("another"), OutsideError::Nonce),
        ("nonce", Value::Null, OutsideError::Malformed),
        ("aud", json!("another"), OutsideError::Audience),
        ("aud", json!(["another", "our client"]), OutsideError::Audience),
        ("azp", json!("another"), OutsideError::Audience),
        ("exp", json!(now_s - 1), OutsideError::Expired),
        ("exp", json!((now_s + 60).to_string()), OutsideError::Malformed),
        ("iss", json!(slash), OutsideError::Issuer),
        ("typ", json!("Bearer"), OutsideError::Kind),
    ] {
        match setting.with(name, value.clone()).await {
            Err(LoginError::Token(found)) => assert_eq!(found, error, "{name} {value}"),
            other => panic!("{name} {value}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_longest_address_to_go_on_to_comes_back_and_a_longer_one_is_refused() {
    let setting = setting().await;
    let longest = "/".repeat(LONGEST_NEXT);
    let begun = setting.outside.begin("clinic", &longest, false).await.unwrap();
    assert!(begun.cookie.len() < 4000, "{}", begun.cookie.len());
    assert_eq!(Pending::opened(&setting.sealer, &begun.cookie).map(|pending| pending.next), Some(longest.clone()));
    assert!(matches!(setting.outside.begin("clinic", &format!("{longest}/"), false).await, Err(LoginError::Next)));
}

#[tokio::test]
async fn pkce_is_that_of_this_login_and_a_removed_provider_is_none() {
    let setting = setting().await;
    let (cookie, state) = setting.begun().await;
    setting.says.lock().challenge = "of another login".to_owned();
    assert!(matches!(setting.outside.finish(&cookie, good(&state)).await, Err(LoginError::Unreachable)));
    let (cookie, state) = setting.begun().await;
    let permit = setting.gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Change).unwrap();
    setting.gateway.store.remove_provider(&permit, "clinic", "Jane").await.unwrap();
    assert!(matches!(setting.outside.finish(&cookie, good(&state)).await, Err(LoginError::Provider)));
    assert!(matches!(setting.outside.begin("clinic", "/", false).await, Err(LoginError::Provider)));
    assert!(matches!(setting.outside.begin("' or 1=1 --", "/", false).await, Err(LoginError::Provider)));
}

#[tokio::test]
async fn a_token_changes_no_account_also_where_the_provider_is_added_anew() {
    let setting = setting().await;
    let (cookie, state) = setting.begun().await;
    let login = setting.outside.finish(&cookie, good(&state)).await.unwrap();
    let (store, persona) = (&setting.gateway.store, login.persona.unwrap().unwrap());
    let other = Persona { actor: "Practitioner/9".to_owned(), ..persona.clone() };
    let made = store
        .account_of_subject(&login.provider, "u-1", (Word::Login(1), Some(&persona)))
        .await
        .unwrap()
        .account
        .unwrap();
    assert!(store.account_of_bearer(&login.provider, "u-1", Some(&other)).await.unwrap().account.is_none());
    let permit = setting.gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Change).unwrap();
    store.remove_provider(&permit, "clinic", "Jane").await.unwrap();
    let anew = Provider { id: "clinic2".to_owned(), ..login.provider };
    store.add_provider(&permit, &anew, "Jane").await.unwrap();
    assert!(store.account_of_bearer(&anew, "u-1", Some(&other)).await.unwrap().account.is_none());
    let same = store.account_of_bearer(&anew, "u-1", Some(&persona)).await.unwrap().account.unwrap();
    assert_eq!((&same.id, &*same.actors), (&made.id, &["Practitioner/1".to_owned()][..]));
    // A login is what counts now.
    let changed =
        store.account_of_subject(&anew, "u-1", (Word::Login(2), Some(&other))).await.unwrap().account.unwrap();
    assert_eq!((&changed.id, &*changed.actors), (&made.id, &["Practitioner/9".to_owned()][..]));
}

#[tokio::test]
async fn what_was_read_of_a_token_before_the_provider_was_changed_vouches_for_nobody() {
    let setting = setting().await;
    let (cookie, state) = setting.begun().await;
    let login = setting.outside.finish(&cookie, good(&state)).await.unwrap();
    let (store, persona) = (&setting.gateway.store, login.persona.unwrap().unwrap());
    let permit = setting.gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Change).unwrap();
    let change = Change { roles: Some(vec![("boss".to_owned(), Role::Owner)]), ..Change::default() };
    store.change_provider(&permit, "clinic", &change, "Jane").await.unwrap();
    let said = (Word::Held(1), Some(&persona));
    assert!(store.account_of_subject(&login.provider, "u-1", said).await.unwrap().account.is_none());
    let now = store.provider("clinic").await.unwrap().unwrap();
    assert!(store.account_of_subject(&now, "u-1", said).await.unwrap().account.is_some());
}

/// A client that goes does not come between what is done to an account and its record.
#[tokio::test]
async fn what_claims_do_to_an_account_is_on_record_whoever_goes_meanwhile() {
    let setting = setting().await;
    let (cookie, state) = setting.begun().await;
    let login = setting.outside.finish(&cookie, good(&state)).await.unwrap();
    let persona = login.persona.unwrap().unwrap();
    let gateway = Arc::new(setting.gateway);
    let work = vouched(&gateway, &login.provider, "u-1", (Word::Login(1), Some(&persona)), None);
    assert!(tokio::time::timeout(Duration::ZERO, work).await.is_err(), "nobody waits for it");
    let permit = gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Read).unwrap();
    let condition = Condition::Is(Column::Interaction, "account-add-by-claims".into());
    let wish = Wish { condition, ascending: true, after: None, count: 0, total: true };
    let is_recorded = async {
        while gateway.audit.find(&permit, &Sight::All, &wish).await.unwrap().total != Some(1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_recorded).await.unwrap();
    assert_eq!(gateway.store.accounts(&permit).await.unwrap().len(), 1);
}

/// A provider that asks for a second factor, and says of a login that it was without, has asked for none.
#[tokio::test]
async fn a_second_factor_counts_unless_the_token_says_that_there_was_none() {
    let setting = setting().await;
    assert!(!setting.with("aal", json!("aal2")).await.unwrap().second_factor, "nobody says that it asks for one");
    let permit = setting.gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Change).unwrap();
    let change = Change { second_factor: Some(true), ..Change::default() };
    setting.gateway.store.change_provider(&permit, "clinic", &change, "Jane").await.unwrap();
    for (level, shown) in [(json!("aal2"), true), (json!("aal1"), false), (json!(["aal2"]), false)] {
        assert_eq!(setting.with("aal", level.clone()).await.unwrap().second_factor, shown, "{level}");
    }
    assert!(setting.with("x", json!(1)).await.unwrap().second_factor);
}

/// Keycloak says of its document that nobody keeps it; and whoever sends a token that is none is nobody.
#[tokio::test]
async fn a_provider_is_not_asked_each_time_where_it_has_what() {
    let setting = setting().await;
    for _ in 0..3 {
        setting.begun().await;
    }
    assert_eq!(setting.says.lock().discovered, 1);
}

/// Who has to show anew who they are does not by a login that was there before, nor by one of which nobody says when it was.
#[tokio::test]
async fn a_login_anew_is_one_since_then() {
    let setting = setting().await;
    let now_s = setting.gateway.clock.now_ms() / 1000;
    for (auth_time, holds) in [(json!(now_s), true), (json!(now_s - 300), false), (Value::Null, false)] {
        let begun = setting.outside.begin("clinic", "/next", true).await.unwrap();
        let url = Url::parse(&begun.url).unwrap();
        let sent: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!((&*sent["prompt"], &*sent["max_age"]), ("login", "0"));
        {
            let mut says = setting.says.lock();
            says.challenge.clone_from(&sent["code_challenge"]);
            says.claims = json!({"iss": says.origin, "sub": "u-1", "aud": "our client", "exp": now_s + 60, "iat": now_s,
                "nonce": sent["nonce"], "fhirUser": "Patient/1"});
            if !auth_time.is_null() {
                says.claims["auth_time"] = auth_time.clone();
            }
        }
        match setting.outside.finish(&begun.cookie, good(&sent["state"])).await {
            Ok(_) => assert!(holds, "{auth_time}"),
            Err(error) => assert!(!holds && matches!(error, LoginError::NotAnew), "{auth_time} {error}"),
        }
    }
}
