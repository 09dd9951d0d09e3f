//! Assertions as a client makes them, and keys as it registers them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA384, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

use smart::assertion::{AssertionError, Expected, KeySet, Verified, verify};

pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const CLIENT: &str = "backend-1";
pub(crate) const TOKEN_URL: &str = "https://fhir.example.org/auth/token";
pub(crate) const KEYS_URL: &str = "https://client.example.org/jwks.json";

/// A test key of this folder; it signs for nobody.
pub(crate) fn rsa(pem: &str) -> RsaKeyPair {
    let body: String =
        pem.lines().skip_while(|line| !line.starts_with("-----")).filter(|line| !line.contains('-')).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(body).expect("base64")).expect("a key")
}

pub(crate) fn rsa_a() -> RsaKeyPair {
    rsa(include_str!("../keys/rsa-2048-a.test.pem"))
}

pub(crate) fn rsa_b() -> RsaKeyPair {
    rsa(include_str!("../keys/rsa-2048-b.test.pem"))
}

pub(crate) fn p384() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).expect("a key of the test");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, made.as_ref(), &random).expect("a key of the test")
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn rsa_jwk(key: &RsaKeyPair, kid: &str) -> Value {
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key.public());
    json!({"kty": "RSA", "kid": kid, "n": encoded(n), "e": encoded(e)})
}

pub(crate) fn ec_jwk(key: &EcdsaKeyPair, kid: &str) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(48);
    json!({"kty": "EC", "crv": "P-384", "kid": kid, "x": encoded(x), "y": encoded(y)})
}

/// With members changed; `null` takes one away.
pub(crate) fn with(mut value: Value, changes: Value) -> Value {
    for (name, change) in changes.as_object().expect("an object") {
        match change {
            Value::Null => value.as_object_mut().expect("an object").remove(name),
            change => value.as_object_mut().expect("an object").insert(name.clone(), change.clone()),
        };
    }
    value
}

pub(crate) fn key_set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({"keys": keys}).to_string().as_bytes()).expect("a key")
}

pub(crate) fn header(alg: &str) -> Value {
    json!({"alg": alg, "kid": "k1", "typ": "JWT"})
}

pub(crate) fn claims() -> Value {
    json!({"iss": CLIENT, "sub": CLIENT, "aud": TOKEN_URL, "exp": NOW + 240, "iat": NOW, "jti": "j-1"})
}

pub(crate) fn rs384(key: &RsaKeyPair, signed: &str) -> Vec<u8> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA384, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("a key of the test");
    signature
}

pub(crate) fn es384(key: &EcdsaKeyPair, signed: &str) -> Vec<u8> {
    key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a key of the test").as_ref().to_vec()
}

/// Header and claims as texts, so that they need not be JSON that a library would write.
pub(crate) fn token(header: &str, claims: &str, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header), encoded(claims));
    let signature = encoded(sign(&signed));
    format!("{signed}.{signature}")
}

/// The first test key's, for these claims.
pub(crate) fn signed(claims: impl ToString) -> String {
    token(&header("RS384").to_string(), &claims.to_string(), |signed| rs384(&rsa_a(), signed))
}

/// The first test key's, with this header.
pub(crate) fn headed(header: impl ToString) -> String {
    token(&header.to_string(), &claims().to_string(), |signed| rs384(&rsa_a(), signed))
}

pub(crate) fn registered() -> KeySet {
    key_set(&[rsa_jwk(&rsa_a(), "k1")])
}

pub(crate) fn check_with(assertion: &str, keys: &KeySet) -> Result<Verified, AssertionError> {
    let token_urls = ["https://other.example.org/auth/token", TOKEN_URL];
    let expected = Expected { client_id: CLIENT, token_urls: &token_urls, now_s: NOW, keys, jku: Some(KEYS_URL) };
    verify(assertion, &expected)
}

pub(crate) fn check(assertion: &str) -> Result<Verified, AssertionError> {
    check_with(assertion, &registered())
}
