//! Tokens and discovery documents of an outside issuer: no bytes panic as one of them, and none verifies that the issuer did not sign.
//! Of claims that it did sign, those verify that a second reading of the rules takes.
#![no_main]

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::Value;
use smart::jose::KeySet;
use smart::outside::{Discovery, Expected, Kind, verify};

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://id.example";
const US: &str = "fhir-gateway";

fn issuer() -> &'static (EcdsaKeyPair, KeySet) {
    static ISSUER: OnceLock<(EcdsaKeyPair, KeySet)> = OnceLock::new();
    ISSUER.get_or_init(|| {
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
    let (key, keys) = issuer();
    let id = Expected { issuer: ISSUER, audience: US, kind: Kind::Id { nonce: "n-1" }, now_s: NOW, keys };
    let access = Expected { kind: Kind::Access, ..id };
    let audiences = [US.to_owned()];
    let held = Expected { kind: Kind::Held { audiences: &audiences }, ..id };
    if let Ok(found) = Discovery::parse(text.as_bytes(), ISSUER) {
        assert!(!found.jwks_uri.is_empty() && !found.token_endpoint.is_empty());
    }
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"ES384","kid":"k1"}"#, text));
    let unsigned = format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims), "A".repeat(128));
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()));
    for expected in [&id, &access, &held] {
        assert!(verify(text, expected).is_err() && verify(&unsigned, expected).is_err());
        let Ok(verified) = verify(&token, expected) else { continue };
        let claims: Value = serde_json::from_str(claims).expect("claims that verify are JSON");
        assert!(claims["iss"] == ISSUER && claims["sub"] == *verified.subject && !verified.subject.is_empty());
        let aud = &claims["aud"];
        assert!(aud == US || aud.as_array().is_some_and(|all| all.iter().any(|one| one == US)));
        let exp = claims["exp"].as_f64().expect("exp is a number");
        assert!(exp > NOW as f64 && exp <= (NOW + 86_400) as f64 && verified.expires_s as f64 >= exp);
        assert!(claims["iat"].as_f64().is_some_and(|time| time <= (NOW + 60) as f64));
        match expected.kind {
            Kind::Id { nonce } => assert!(claims["nonce"] == nonce && aud.as_array().is_none_or(|all| all.len() == 1)),
            Kind::Access => assert!(claims.get("nonce").is_none()),
            // Of another client's token nothing comes.
            Kind::Held { .. } => {
                assert!(
                    ["client_id", "appid", "cid"].iter().all(|name| claims.get(name).is_none_or(|client| client == US))
                );
            }
        }
        // What is one kind is never the other.
        assert!(verify(&token, &id).is_err() || verify(&token, &access).is_err());
    }
});
