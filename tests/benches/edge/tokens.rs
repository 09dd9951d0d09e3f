//! Tokens in a second: by a secret, and by assertions that ES384 keys sign (made before the clock runs).

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use gateway_tests::{Json, Server};
use http_body_util::Full;
use hyper::Request;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

use super::line::{Line, Seen, processor_time};

/// Connections at a time.
pub(crate) const LINES: usize = 16;
/// Assertions that are signed before.
const ASSERTIONS: usize = 8_000;

/// Registers clients and measures; a token of each.
pub(crate) async fn measure(server: &Server, clients: usize, long: Duration) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut secret = String::new();
    for number in 0..clients {
        secret = with_secret(server, &format!("client-{number}")).await;
        let mut line = Line::open(server.address(), "").await;
        let body = line.send(by_secret(server.address(), &secret), &mut Seen::default()).await;
        tokens.push(Json::parse(&body).unwrap().str("access_token").unwrap().to_owned());
    }
    let address = server.address().to_owned();
    let requests = std::iter::repeat_with(move || by_secret(&address, &secret));
    ask(server, "tokens by a secret", requests, long).await;
    let key = Key::new();
    let keys = server.folder().join("keys.json");
    std::fs::write(&keys, key.set("k1")).unwrap();
    add(server, "signs", &["--jwks", &keys.display().to_string()]).await;
    let audience = format!("http://{}/oauth/token", server.address());
    let now_s = jiff::Timestamp::now().as_second();
    let signed: Vec<_> = (0..ASSERTIONS)
        .map(|number| {
            let claims = format!(
                r#"{{"iss":"signs","sub":"signs","aud":"{audience}","exp":{},"jti":"j-{number}"}}"#,
                now_s + 240
            );
            let form = format!(
                "grant_type=client_credentials&scope=system%2F*.rs&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={}",
                key.sign("k1", &claims)
            );
            post(server.address(), None, form)
        })
        .collect();
    ask(server, "tokens by an assertion (ES384)", signed, long).await;
    tokens
}

async fn add(server: &Server, id: &str, more: &[&str]) -> String {
    let add =
        ["client", "add", "--by", "Jane", "--id", id, "--name", id, "--scope", "system/*.rs", "--purpose", "TREAT"];
    server.command(&[&add[..], more].concat()).await.expect(0).stdout
}

/// What a client says for who it is.
async fn with_secret(server: &Server, id: &str) -> String {
    let said = Json::of(&add(server, id, &["--secret", "--json"]).await);
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{}", said.str("secret").unwrap())))
}

fn by_secret(address: &str, basic: &str) -> Request<Full<Bytes>> {
    post(address, Some(basic), "grant_type=client_credentials&scope=system%2F*.rs".to_owned())
}

pub(crate) fn post(address: &str, authorization: Option<&str>, form: String) -> Request<Full<Bytes>> {
    let request = Request::post("/oauth/token").header("Host", address);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let request = authorization.into_iter().fold(request, |request, value| request.header("Authorization", value));
    request.body(Full::from(form)).unwrap()
}

async fn ask<R>(server: &Server, name: &str, requests: R, long: Duration)
where
    R: IntoIterator<Item = Request<Full<Bytes>>, IntoIter: Send + 'static>,
{
    let requests = std::sync::Arc::new(std::sync::Mutex::new(requests.into_iter()));
    let before = (processor_time(std::process::id()), processor_time(server.pid()));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..LINES {
        let mut line = Line::open(server.address(), "").await;
        let requests = std::sync::Arc::clone(&requests);
        tasks.spawn(async move {
            let mut seen = Seen::default();
            while begun.elapsed() < long {
                let Some(request) = requests.lock().unwrap().next() else { break };
                line.send(request, &mut seen).await;
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        all.add(seen.unwrap());
    }
    all.took = begun.elapsed();
    let since = |pid, before| (processor_time(pid) - before).as_secs_f64() / all.took.as_secs_f64();
    all.processors = (since(std::process::id(), before.0), since(server.pid(), before.1));
    all.print(name);
    assert_eq!(all.errors(), 0, "{:?}", all.statuses);
}

/// A key of a client's.
struct Key(EcdsaKeyPair);

impl Key {
    fn new() -> Self {
        let (algorithm, random) = (&ECDSA_P384_SHA384_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    fn set(&self, kid: &str) -> String {
        let point = &self.0.public_key().as_ref()[1..];
        let [x, y] = [&point[..48], &point[48..]].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
        format!(
            r#"{{"keys":[{{"kty":"EC","crv":"P-384","kid":"{kid}","use":"sig","alg":"ES384","x":"{x}","y":"{y}"}}]}}"#
        )
    }

    fn sign(&self, kid: &str, claims: &str) -> String {
        let header = format!(r#"{{"alg":"ES384","kid":"{kid}","typ":"JWT"}}"#);
        let signed = [header.as_str(), claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}
