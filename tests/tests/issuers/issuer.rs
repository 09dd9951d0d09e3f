//! An issuer outside of here where nobody logs in for the gateway (as Firebase and Supabase are): it has keys, signs what a test says, and
//! says what opaque tokens are.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::here::now;

/// Who the gateway is where it asks what a token is.
pub(crate) const CLIENT: &str = "the-gateway";
/// And its secret there.
pub(crate) const SECRET: &str = "zq-a-secret-of-enough-bytes";

/// What it is asked, and what it says of opaque tokens: by token the answer, or nothing at all.
#[derive(Default)]
pub(crate) struct Says {
    /// By token.
    pub(crate) tokens: HashMap<String, Value>,
    /// How often it was asked what a token is.
    pub(crate) asked: usize,
    /// It answers 500.
    pub(crate) is_ill: bool,
}

/// An issuer with one key.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) says: Arc<Mutex<Says>>,
    key: EcdsaKeyPair,
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    /// One that listens on this machine.
    pub(crate) fn start() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Arc::<Mutex<Says>>::default();
        let issuer = Self { url, says: Arc::clone(&says), key };
        let keys = json!({ "keys": [issuer.jwk()] });
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(stream, &keys, &says);
            }
        });
        issuer
    }

    /// Where its keys are.
    pub(crate) fn keys(&self) -> String {
        format!("{}/keys", self.url)
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.key.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "k1", "x": encoded(x), "y": encoded(y) })
    }

    /// An ID token of somebody for an app that holds, with other claims in place of the usual ones (null: none).
    pub(crate) fn token(&self, subject: &str, audience: &str, claims: Value) -> String {
        self.signed(&json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" }), &self.claims(subject, audience, claims))
    }

    /// The usual claims, and others in their place.
    pub(crate) fn claims(&self, subject: &str, audience: &str, claims: Value) -> Value {
        let now = now();
        let mut all = json!({
            "iss": self.url, "aud": audience, "sub": subject, "iat": now - 5, "exp": now + 600, "auth_time": now - 60, "name": subject,
        });
        let (all_of, Value::Object(claims)) = (all.as_object_mut().expect("claims"), claims) else {
            panic!("an object")
        };
        for (name, value) in claims {
            if value.is_null() {
                all_of.remove(&name);
            } else {
                all_of.insert(name, value);
            }
        }
        all
    }

    /// Whatever is said, signed.
    pub(crate) fn signed(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        format!("{text}.{}", encoded(signature))
    }

    /// The same by what is public of the key, as if that were a secret.
    pub(crate) fn by_public_key(&self, claims: &Value) -> String {
        let header = json!({ "alg": "HS256", "kid": "k1", "typ": "JWT" });
        let text = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.jwk().to_string().as_bytes());
        format!("{text}.{}", encoded(hmac::sign(&key, text.as_bytes())))
    }

    /// It says that of an opaque token from now on.
    pub(crate) fn says(&self, token: &str, answer: Value) {
        self.says.lock().expect("nobody panics").tokens.insert(token.to_owned(), answer);
    }

    /// How often it was asked what a token is.
    pub(crate) fn asked(&self) -> usize {
        self.says.lock().expect("nobody panics").asked
    }
}

/// Claims without a signature.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", encoded(json!({ "alg": "none", "kid": "k1" }).to_string()), encoded(claims.to_string()))
}

fn answer(mut stream: TcpStream, keys: &Value, says: &Mutex<Says>) {
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
    let (status, body) = if text.starts_with("GET /keys ") { (200, keys.clone()) } else { asked(&text, says) };
    let (body, length) = (body.to_string(), body.to_string().len());
    let _written = write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

/// What a token is, to whoever shows who it is.
fn asked(text: &str, says: &Mutex<Says>) -> (u16, Value) {
    let mut says = says.lock().expect("nobody panics");
    let (head, form) = text.split_once("\r\n\r\n").unwrap_or_default();
    let basic = BASE64_STANDARD.encode(format!("{CLIENT}:{SECRET}"));
    if !text.starts_with("POST /introspect ") || !head.contains(&format!("Basic {basic}")) {
        return (401, json!({}));
    }
    says.asked += 1;
    if says.is_ill {
        return (500, json!({}));
    }
    let token = form.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let said = says.tokens.get(token).cloned().unwrap_or_else(|| json!({ "active": false }));
    // A test may want another status.
    let status = said.get("(status)").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    (status.unwrap_or(200), said)
}
