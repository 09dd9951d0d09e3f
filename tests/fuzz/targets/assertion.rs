//! Client assertions: no bytes panic as an assertion or as a key set, and none verifies that the client did not sign. Of claims
//! that it did sign, those verify that a second reading of the rules takes.
#![no_main]

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::Value;
use smart::assertion::{Expected, KeySet, unverified_client, verify};

const NOW: i64 = 1_790_000_000;
const CLIENT: &str = "backend-1";
const TOKEN_URL: &str = "https://fhir.example.org/auth/token";

fn client() -> &'static (EcdsaKeyPair, KeySet) {
    static CLIENT: OnceLock<(EcdsaKeyPair, KeySet)> = OnceLock::new();
    CLIENT.get_or_init(|| {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, made.as_ref(), &random).expect("a key");
        let (x, y) = key.public_key().as_ref()[1..].split_at(48);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        let jwk = serde_json::json!({"keys": [{"kty": "EC", "crv": "P-384", "kid": "k1", "x": x, "y": y}]});
        let keys = KeySet::parse(jwk.to_string().as_bytes()).expect("a key set");
        (key, keys)
    })
}

fuzz_target!(|text: &str| {
    let (key, keys) = client();
    let expected = Expected { client_id: CLIENT, token_urls: &[TOKEN_URL], now_s: NOW, keys, jku: None };
    // As it comes: nobody signed it.
    let _ = unverified_client(text);
    assert!(verify(text, &expected).is_err());
    if let Ok(set) = KeySet::parse(text.as_bytes()) {
        let _ = (set.usable(), set.has("k1"));
    }
    // As header and claims that nobody signed, and as claims that the client signed.
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"ES384","kid":"k1"}"#, text));
    let unsigned = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims), "A".repeat(128));
    assert!(verify(&unsigned, &expected).is_err());
    let signed =
        format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES384","kid":"k1"}"#), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
    let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    if let Ok(verified) = verify(&assertion, &expected) {
        let claims: Value = serde_json::from_str(claims).expect("claims that verify are JSON");
        assert!(claims["iss"] == CLIENT && claims["sub"] == CLIENT);
        let aud = &claims["aud"];
        assert!(aud == TOKEN_URL || aud.as_array().is_some_and(|all| all.iter().any(|one| one == TOKEN_URL)));
        let exp = claims["exp"].as_f64().expect("exp is a number");
        assert!(exp > NOW as f64 && exp <= (NOW + 300) as f64 && verified.expires_s as f64 >= exp);
        assert!(claims["jti"] == *verified.jti && !verified.jti.is_empty() && verified.jti.len() <= 256);
        for time in ["iat", "nbf"].map(|name| &claims[name]) {
            assert!(time.as_f64().is_none_or(|time| time <= (NOW + 60) as f64));
        }
        let asked = claims["extensions"]["hl7-b2b"]["purpose_of_use"].as_array().map(Vec::len);
        assert_eq!(verified.purpose_of_use.is_some(), asked.is_some());
        assert_eq!(unverified_client(&assertion).as_deref(), Ok(CLIENT));
    }
});
