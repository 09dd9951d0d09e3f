//! Client assertions: what holds, and each attack by its name (facts/consent-security.md, D 43 to 48). Every attack is one
//! change to an assertion that holds.

#[path = "assertion/claims.rs"]
mod claims;
#[path = "assertion/keys.rs"]
mod keys;
#[path = "assertion/purpose.rs"]
mod purpose;
#[path = "assertion/token.rs"]
mod token;

use ring::hmac;
use serde_json::{Value, json};

use smart::assertion::{AssertionError, Expected, LONGEST, unverified_client, verify};
use token::*;

#[test]
fn rs384_and_es384_hold() {
    let verified = check(&signed(claims())).unwrap();
    assert_eq!((&*verified.jti, verified.expires_s, verified.purpose_of_use), ("j-1", NOW + 240, None));
    let key = p384();
    let assertion = token(&header("ES384").to_string(), &claims().to_string(), |signed| es384(&key, signed));
    assert!(check_with(&assertion, &key_set(&[ec_jwk(&key, "k1")])).is_ok());
    // `typ` is asked for by the standard and left out by some.
    assert!(check(&headed(with(header("RS384"), json!({"typ": null})))).is_ok());
    assert!(check(&headed(with(header("RS384"), json!({"typ": "jwt"})))).is_ok());
}

#[test]
fn alg_none_in_every_spelling() {
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let unsigned = token(&header(alg).to_string(), &claims().to_string(), |_| Vec::new());
        assert_eq!(check(&unsigned).unwrap_err(), AssertionError::Algorithm, "{alg}");
    }
    let stripped = signed(claims()).rsplit_once('.').unwrap().0.to_owned() + ".";
    assert_eq!(check(&stripped).unwrap_err(), AssertionError::Signature);
}

#[test]
fn alg_hs384_with_the_public_key_as_the_secret() {
    let jwk = rsa_jwk(&rsa_a(), "k1");
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap().to_owned()] {
        for (alg, kind) in [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)] {
            let mac = |signed: &str| {
                hmac::sign(&hmac::Key::new(kind, secret.as_bytes()), signed.as_bytes()).as_ref().to_vec()
            };
            let forged = token(&header(alg).to_string(), &claims().to_string(), mac);
            assert_eq!(check(&forged).unwrap_err(), AssertionError::Algorithm, "{alg}");
            let forged = token(&header("RS384").to_string(), &claims().to_string(), mac);
            assert_eq!(check(&forged).unwrap_err(), AssertionError::Signature);
        }
    }
}

#[test]
fn algs_that_are_not_served() {
    for alg in ["RS256", "RS512", "PS384", "ES256", "ES512", "EdDSA", "rs384", "RS384 "] {
        assert_eq!(check(&headed(header(alg))).unwrap_err(), AssertionError::Algorithm, "{alg}");
    }
    assert_eq!(check(&headed(json!({"kid": "k1"}))).unwrap_err(), AssertionError::Malformed);
    assert_eq!(check(&headed(json!({"alg": ["RS384"], "kid": "k1"}))).unwrap_err(), AssertionError::Malformed);
}

#[test]
fn alg_confusion_between_rsa_and_ec() {
    let key = p384();
    let by_ec = token(&header("RS384").to_string(), &claims().to_string(), |signed| es384(&key, signed));
    assert_eq!(check_with(&by_ec, &key_set(&[ec_jwk(&key, "k1")])).unwrap_err(), AssertionError::NoKey);
    let by_rsa = headed(header("ES384"));
    assert_eq!(check(&by_rsa).unwrap_err(), AssertionError::NoKey);
}

#[test]
fn es384_with_r_and_s_zero_and_other_signatures_that_are_none() {
    let key = p384();
    let keys = key_set(&[ec_jwk(&key, "k1")]);
    for signature in [vec![0; 96], vec![0; 95], Vec::new(), vec![0xff; 96], [vec![0; 48], vec![1; 48]].concat()] {
        let forged = token(&header("ES384").to_string(), &claims().to_string(), |_| signature);
        assert_eq!(check_with(&forged, &keys).unwrap_err(), AssertionError::Signature);
    }
    for signature in [vec![0; 256], vec![1; 256], vec![0; 255], Vec::new()] {
        let forged = token(&header("RS384").to_string(), &claims().to_string(), |_| signature);
        assert_eq!(check(&forged).unwrap_err(), AssertionError::Signature);
    }
}

#[test]
fn a_signature_of_another_key_and_one_of_other_claims() {
    let stranger = token(&header("RS384").to_string(), &claims().to_string(), |signed| rs384(&rsa_b(), signed));
    assert_eq!(check(&stranger).unwrap_err(), AssertionError::Signature);
    let good = signed(claims());
    let other = signed(with(claims(), json!({"jti": "j-2"})));
    let mixed = format!("{}.{}", good.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    assert_eq!(check(&mixed).unwrap_err(), AssertionError::Signature);
}

#[test]
fn a_flipped_bit_anywhere() {
    let good = signed(claims());
    assert!(check(&good).is_ok());
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(check(&changed).is_err(), "{at}");
    }
}

#[test]
fn an_embedded_jwk_x5c_or_x5u_is_ignored() {
    let key = rsa_b();
    let embedded = json!({"jwk": rsa_jwk(&key, "k1"), "x5c": ["MIIB"], "x5u": "https://evil.example.org/cert"});
    let by = |key: &_| {
        token(&with(header("RS384"), embedded.clone()).to_string(), &claims().to_string(), |signed| rs384(key, signed))
    };
    assert_eq!(check(&by(&key)).unwrap_err(), AssertionError::Signature);
    assert!(check(&by(&rsa_a())).is_ok());
    let unknown = with(header("RS384"), with(embedded, json!({"kid": "k2"})));
    let by_embedded = token(&unknown.to_string(), &claims().to_string(), |signed| rs384(&key, signed));
    assert_eq!(check(&by_embedded).unwrap_err(), AssertionError::NoKey);
}

#[test]
fn a_jku_elsewhere() {
    assert!(check(&headed(with(header("RS384"), json!({"jku": KEYS_URL})))).is_ok());
    for jku in [
        "https://evil.example.org/jwks.json",
        "https://client.example.org/jwks.json/",
        "https://client.example.org/jwks.json#",
        "https://client.example.org/JWKS.json",
        "https://client.example.org@evil.example.org/jwks.json",
        "http://client.example.org/jwks.json",
        "",
    ] {
        let assertion = headed(with(header("RS384"), json!({"jku": jku})));
        assert_eq!(check(&assertion).unwrap_err(), AssertionError::KeySetUrl, "{jku}");
    }
    // A client whose keys are registered themselves has no URL.
    let keys = registered();
    let expected = Expected { client_id: CLIENT, token_urls: &[TOKEN_URL], now_s: NOW, keys: &keys, jku: None };
    assert!(verify(&signed(claims()), &expected).is_ok());
    let assertion = headed(with(header("RS384"), json!({"jku": KEYS_URL})));
    assert_eq!(verify(&assertion, &expected).unwrap_err(), AssertionError::KeySetUrl);
}

#[test]
fn critical_extensions_are_refused_even_none_of_them() {
    for crit in [json!(["b64"]), json!([]), json!("exp"), json!(false)] {
        let assertion = headed(with(header("RS384"), json!({"crit": crit})));
        assert_eq!(check(&assertion).unwrap_err(), AssertionError::Critical);
    }
    let null = headed(r#"{"alg":"RS384","kid":"k1","crit":null}"#);
    assert_eq!(check(&null).unwrap_err(), AssertionError::Critical);
}

#[test]
fn a_typ_of_another_kind_of_token() {
    for typ in ["at+jwt", "JOSE", "dpop+jwt", "logout+jwt", ""] {
        let assertion = headed(with(header("RS384"), json!({"typ": typ})));
        assert_eq!(check(&assertion).unwrap_err(), AssertionError::Type, "{typ}");
    }
}

#[test]
fn what_is_no_compact_jwt() {
    let good = signed(claims());
    let [header, claims, signature]: [&str; 3] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for assertion in [
        String::new(),
        "a".into(),
        "..".into(),
        "a.b".into(),
        format!("{good}.{signature}"),
        format!("{good}="),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}=.{claims}.{signature}"),
        format!("{header}.{claims}.{signature}+/"),
        json!({"protected": header, "payload": claims, "signature": signature}).to_string(),
    ] {
        assert_eq!(check(&assertion).unwrap_err(), AssertionError::Malformed, "{assertion}");
    }
    for header in
        ["", "[]", "null", "\"RS384\"", "{\"alg\":\"RS384\",\"kid\":\"k1\"", "{\"alg\":\"RS384\",\"kid\":\"k1\"}x"]
    {
        assert_eq!(check(&headed(header)).unwrap_err(), AssertionError::Malformed, "{header}");
    }
}

#[test]
fn header_members_twice_or_of_another_type() {
    for header in [
        r#"{"alg":"none","kid":"k1","alg":"RS384"}"#,
        r#"{"alg":"RS384","kid":"k1","kid":"k1"}"#,
        r#"{"alg":"RS384","kid":null}"#,
        r#"{"alg":"RS384","kid":1}"#,
        r#"{"alg":"RS384","kid":"k1","jku":null}"#,
        r#"{"alg":"RS384","kid":"k1","typ":7}"#,
    ] {
        assert_eq!(check(&headed(header)).unwrap_err(), AssertionError::Malformed, "{header}");
    }
}

#[test]
fn an_assertion_that_is_too_long() {
    let long = |pad: usize| signed(with(claims(), json!({"pad": "x".repeat(pad)})));
    let pad = (LONGEST - signed(claims()).len()) * 3 / 4 - 16;
    assert!(long(pad).len() <= LONGEST && check(&long(pad)).is_ok());
    assert_eq!(check(&long(pad + 32)).unwrap_err(), AssertionError::TooLong);
    assert_eq!(unverified_client(&long(pad + 32)).unwrap_err(), AssertionError::TooLong);
}

#[test]
fn json_as_deep_as_it_gets() {
    let deep = |claim: &str| {
        claims().to_string().replacen('{', &format!("{{\"{claim}\":{}{},", "[".repeat(5000), "]".repeat(5000)), 1)
    };
    // What is not read is passed over, without a stack.
    assert!(check(&signed(deep("x"))).is_ok());
    assert_eq!(check(&signed(deep("nbf"))).unwrap_err(), AssertionError::Malformed);
    assert_eq!(check(&signed(deep("extensions"))).unwrap_err(), AssertionError::Purpose);
    assert_eq!(unverified_client(&signed(deep("iss"))).unwrap_err(), AssertionError::Malformed);
}

/// What reads JSON into a structure takes an array for one, with the members in its order.
#[test]
fn arrays_in_place_of_objects() {
    let array = headed(json!(["RS384", null, KEYS_URL, "k1", "JWT"]));
    assert_eq!(check(&array).unwrap_err(), AssertionError::Malformed);
    assert_eq!(unverified_client(&signed(json!([CLIENT, CLIENT]))).unwrap_err(), AssertionError::Malformed);
}

#[test]
fn the_client_is_told_before_anything_is_verified() {
    let unsigned = token("{}", &claims().to_string(), |_| Vec::new());
    assert_eq!(&*unverified_client(&unsigned).unwrap(), CLIENT);
    for changes in
        [json!({"iss": null}), json!({"sub": null}), json!({"sub": "another"}), json!({"iss": "", "sub": ""})]
    {
        let assertion = signed(with(claims(), changes));
        assert_eq!(unverified_client(&assertion).unwrap_err(), AssertionError::Client);
    }
    assert_eq!(unverified_client(&signed(json!({"iss": 1, "sub": 1}))).unwrap_err(), AssertionError::Malformed);
    assert_eq!(unverified_client("x").unwrap_err(), AssertionError::Malformed);
}

#[test]
fn no_error_repeats_what_the_client_sent() {
    let secret = with(claims(), json!({"iss": "canary-7", "sub": "canary-7", "aud": "canary-7", "jti": "canary-7"}));
    let error = check(&signed(&secret)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
    let error = check(&headed(json!({"alg": "canary-7"}))).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[test]
fn a_kid_is_a_name_and_nothing_else() {
    for kid in ["../k1", "k1' OR '1'='1", "k1\u{0}", "K1", "", "https://evil.example.org/k1"] {
        let assertion = headed(with(header("RS384"), json!({"kid": kid})));
        assert_eq!(check(&assertion).unwrap_err(), AssertionError::NoKey, "{kid}");
    }
    let missing: Value = with(header("RS384"), json!({"kid": null}));
    assert_eq!(check(&headed(missing)).unwrap_err(), AssertionError::NoKeyId);
}
