//! Which of a client's keys verifies.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use smart::assertion::{AssertionError, KeySet, KeySetError, LONGEST_SET, MOST_KEYS};

use super::token::*;

fn by_es384(keys: impl FnOnce(Value) -> Vec<Value>) -> Result<(), AssertionError> {
    let key = p384();
    let assertion = token(&header("ES384").to_string(), &claims().to_string(), |signed| es384(&key, signed));
    check_with(&assertion, &key_set(&keys(ec_jwk(&key, "k1")))).map(drop)
}

fn by_rs384(keys: impl FnOnce(Value) -> Vec<Value>) -> Result<(), AssertionError> {
    check_with(&signed(claims()), &key_set(&keys(rsa_jwk(&rsa_a(), "k1")))).map(drop)
}

#[test]
fn a_kid_of_two_keys() {
    assert_eq!(by_rs384(|key| vec![key, rsa_jwk(&rsa_b(), "k1")]).unwrap_err(), AssertionError::ManyKeys);
    assert_eq!(by_rs384(|key| vec![rsa_jwk(&rsa_b(), "k1"), key]).unwrap_err(), AssertionError::ManyKeys);
    assert_eq!(by_rs384(|key| vec![key.clone(), key]).unwrap_err(), AssertionError::ManyKeys);
    // One that cannot verify counts: which one was meant is not guessed.
    assert_eq!(
        by_rs384(|key| vec![with(key.clone(), json!({"use": "enc"})), key]).unwrap_err(),
        AssertionError::ManyKeys
    );
}

#[test]
fn a_kid_of_two_keys_of_different_kinds_is_one_key() {
    assert!(by_rs384(|key| vec![ec_jwk(&p384(), "k1"), key]).is_ok());
    assert!(by_es384(|key| vec![key, rsa_jwk(&rsa_b(), "k1")]).is_ok());
}

#[test]
fn a_kid_that_no_key_has() {
    assert_eq!(by_rs384(|_| Vec::new()).unwrap_err(), AssertionError::NoKey);
    assert_eq!(by_rs384(|key| vec![with(key, json!({"kid": "k2"}))]).unwrap_err(), AssertionError::NoKey);
    assert_eq!(by_rs384(|key| vec![with(key, json!({"kid": null}))]).unwrap_err(), AssertionError::NoKey);
    assert_eq!(by_rs384(|key| vec![with(key, json!({"kty": "rsa"}))]).unwrap_err(), AssertionError::NoKey);
}

#[test]
fn a_key_for_something_else() {
    for changes in [
        json!({"use": "enc"}),
        json!({"use": ""}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": []}),
        json!({"key_ops": ["encrypt", "wrapKey"]}),
        json!({"alg": "RS256"}),
        json!({"alg": "RSA-OAEP"}),
        json!({"alg": "ES384"}),
    ] {
        assert_eq!(
            by_rs384(|key| vec![with(key, changes.clone())]).unwrap_err(),
            AssertionError::KeyNotFit,
            "{changes}"
        );
    }
    assert!(by_rs384(|key| vec![with(key, json!({"use": "sig", "key_ops": ["verify"], "alg": "RS384"}))]).is_ok());
    assert!(by_es384(|key| vec![with(key, json!({"use": "sig", "key_ops": ["verify"], "alg": "ES384"}))]).is_ok());
    assert_eq!(by_es384(|key| vec![with(key, json!({"alg": "ES256"}))]).unwrap_err(), AssertionError::KeyNotFit);
}

#[test]
fn a_key_on_another_curve() {
    for crv in [json!("P-256"), json!("P-521"), json!("secp256k1"), json!("p-384"), Value::Null] {
        assert_eq!(
            by_es384(|key| vec![with(key, json!({"crv": crv}))]).unwrap_err(),
            AssertionError::KeyNotFit,
            "{crv}"
        );
    }
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let jwk = json!({"kty": "EC", "crv": "P-384", "kid": "k1", "x": encoded(x), "y": encoded(y)});
    let assertion = token(&header("ES384").to_string(), &claims().to_string(), |signed| es384(&key, signed));
    assert_eq!(check_with(&assertion, &key_set(&[jwk])).unwrap_err(), AssertionError::KeyRefused);
}

#[test]
fn a_point_that_is_not_on_the_curve() {
    for point in [
        json!({"y": encoded([1; 48])}),
        json!({"x": encoded([0; 48]), "y": encoded([0; 48])}),
        json!({"x": encoded([0xff; 48])}),
    ] {
        assert_eq!(by_es384(|key| vec![with(key, point.clone())]).unwrap_err(), AssertionError::Signature);
    }
    for point in [
        json!({"y": null}),
        json!({"x": ""}),
        json!({"x": "!"}),
        json!({"x": encoded([1; 47])}),
        json!({"x": encoded([1; 49])}),
    ] {
        assert_eq!(by_es384(|key| vec![with(key, point.clone())]).unwrap_err(), AssertionError::KeyRefused);
    }
}

#[test]
fn rsa_keys_that_are_too_short_or_too_long() {
    let modulus = |octets: usize| encoded([vec![0x80], vec![0x11; octets - 1]].concat());
    for n in [
        modulus(64),
        modulus(128),
        modulus(255),
        modulus(1025),
        encoded([vec![0x7f], vec![0x11; 255]].concat()),
        String::new(),
    ] {
        assert_eq!(by_rs384(|key| vec![with(key, json!({"n": n}))]).unwrap_err(), AssertionError::KeyRefused);
    }
    for n in [modulus(256), modulus(1024)] {
        assert_eq!(by_rs384(|key| vec![with(key, json!({"n": n}))]).unwrap_err(), AssertionError::Signature);
    }
    assert_eq!(by_rs384(|key| vec![with(key, json!({"n": null}))]).unwrap_err(), AssertionError::KeyRefused);
}

/// With the exponent 1 what is signed is its own signature.
#[test]
fn rsa_exponents_under_which_anything_is_a_signature() {
    for e in [vec![], vec![0], vec![1], vec![2], vec![1, 0, 0], vec![3, 0, 0, 0, 1], vec![0xff; 9], vec![0xff; 300]] {
        assert_eq!(
            by_rs384(|key| vec![with(key, json!({"e": encoded(&e)}))]).unwrap_err(),
            AssertionError::KeyRefused,
            "{e:?}"
        );
    }
    assert_eq!(by_rs384(|key| vec![with(key, json!({"e": encoded([3])}))]).unwrap_err(), AssertionError::Signature);
}

#[test]
fn zeros_before_a_modulus_are_taken() {
    let n = {
        use ring::signature::RsaPublicKeyComponents;
        RsaPublicKeyComponents::<Vec<u8>>::from(rsa_a().public()).n
    };
    assert!(by_rs384(|key| vec![with(key, json!({"n": encoded([vec![0], n].concat())}))]).is_ok());
}

#[test]
fn a_private_key_refuses_the_set() {
    let set = |key: Value| KeySet::parse(json!({"keys": [rsa_jwk(&rsa_a(), "k1"), key]}).to_string().as_bytes());
    assert!(set(ec_jwk(&p384(), "k2")).is_ok());
    assert_eq!(set(with(ec_jwk(&p384(), "k2"), json!({"d": encoded([1; 48])}))).unwrap_err(), KeySetError::Private);
    assert_eq!(set(with(rsa_jwk(&rsa_b(), "k2"), json!({"d": encoded([1; 256])}))).unwrap_err(), KeySetError::Private);
}

#[test]
fn a_symmetric_key_verifies_nothing() {
    let oct = json!({"kty": "oct", "kid": "k1", "k": encoded([1; 48]), "alg": "HS384"});
    assert_eq!(by_rs384(|_| vec![oct.clone()]).unwrap_err(), AssertionError::NoKey);
    assert_eq!(key_set(&[oct]).usable(), 0);
}

#[test]
fn sets_are_bounded_and_what_cannot_be_read_in_one_is_left_out() {
    let parse = |text: &str| KeySet::parse(text.as_bytes());
    for text in [
        "",
        "[]",
        "{}",
        "{\"keys\":{}}",
        "[[]]",
        "{\"keys\":null}",
        "{\"keys\":[],\"keys\":[]}",
        "{\"keys\":[]}x",
        "\u{feff}{\"keys\":[]}",
    ] {
        assert_eq!(parse(text).unwrap_err(), KeySetError::Malformed, "{text}");
    }
    let many = |count: usize| json!({"keys": vec![json!({}); count]}).to_string();
    assert_eq!(parse(&many(MOST_KEYS)).unwrap().usable(), 0);
    assert_eq!(parse(&many(MOST_KEYS + 1)).unwrap_err(), KeySetError::TooMany);
    let long = |bytes: usize| format!("{{\"keys\":[]{}}}", " ".repeat(bytes - 11));
    assert!(parse(&long(LONGEST_SET)).is_ok());
    assert_eq!(parse(&long(LONGEST_SET + 1)).unwrap_err(), KeySetError::TooLong);
    let strange = [
        json!(7),
        json!("x"),
        json!(null),
        json!({"kty": 7}),
        json!(["RSA", "k1", "sig", ["verify"], "RS384", null, "AQAB", "AQAB", null, null]),
        json!({"kty": "OKP", "kid": "k1", "crv": "Ed25519", "x": "AA"}),
    ];
    let keys = key_set(&[&strange[..], &[rsa_jwk(&rsa_a(), "k1")]].concat());
    assert!(check_with(&signed(claims()), &keys).is_ok());
    assert!(keys.usable() == 1 && keys.has("k1") && !keys.has("k2"));
}
