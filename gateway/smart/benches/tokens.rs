//! Time to verify a token whose keys are known: `cargo bench -p smart --bench tokens`. Access tokens of outside issuers once a second
//! for each token, for they are known for so long; assertions once for each.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/assertion/token.rs"]
#[expect(dead_code, reason = "the tests of assertions use the rest")]
mod token;

use std::hint::black_box;
use std::time::Instant;

use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use smart::outside::{Expected, Kind, unverified_issuer, verify};
use token::{key_set, rsa_a, rsa_jwk, token};

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://id.example/realms/clinic";
const AUDIENCE: &str = "https://g.example/fhir";

fn rs256(key: &RsaKeyPair, signed: &str) -> Vec<u8> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    signature
}

fn main() {
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "at+jwt"});
    let claims = json!({"iss": ISSUER, "sub": "u-1", "aud": AUDIENCE, "exp": NOW + 300, "iat": NOW, "client_id": "app",
        "scope": "patient/*.rs openid", "fhirUser": "Patient/1", "realm_access": {"roles": ["a", "b", "c"]}});
    let text = token(&header.to_string(), &claims.to_string(), |signed| rs256(&rsa_a(), signed));
    let keys = key_set(&[rsa_jwk(&rsa_a(), "k1")]);
    let expected = Expected { issuer: ISSUER, audience: AUDIENCE, kind: Kind::Access, now_s: NOW, keys: &keys };
    verify(&text, &expected).unwrap();
    time("issuer of an access token", || {
        black_box(unverified_issuer(black_box(&text)).unwrap());
    });
    time("access token, RS256 of 2048 bits", || {
        black_box(verify(black_box(&text), &expected).unwrap());
    });
    let forged = format!("{}AAAA", &text[..text.len() - 4]);
    time("one that is forged", || {
        black_box(verify(black_box(&forged), &expected).unwrap_err());
    });
}

fn time(name: &str, mut work: impl FnMut()) {
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            (0..500).for_each(|_| work());
            start.elapsed().as_secs_f64() / 500.0
        })
        .fold(f64::INFINITY, f64::min);
    println!("{name:<34}{:>8.2} \u{b5}s", best * 1e6);
}
