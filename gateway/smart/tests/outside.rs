//! Tokens of an outside issuer: what holds, and each attack by its name (facts/consent-security.md, D 43 to 47 and 51). Every attack
//! is one change to a token that holds.

#[path = "assertion/token.rs"]
#[expect(dead_code, reason = "the tests of assertions use the rest")]
mod token;

use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use smart::jose::KeySet;
use smart::outside::{
    Discovery, DiscoveryError, Expected, Kind, LONGEST_DOCUMENT, LONGEST_LIFE_S, OutsideError, Verified, verify,
};
use token::{ec_jwk, encoded, es384, key_set, p384, rs384, rsa_a, rsa_b, rsa_jwk, token, with};

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://id.example/realms/clinic";
const US: &str = "fhir-gateway";
const NONCE: &str = "n-1";

fn rs256(key: &RsaKeyPair, signed: &str) -> Vec<u8> {
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("a key of the test");
    signature
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "k1", "typ": "JWT"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "u-1", "aud": US, "exp": NOW + 300, "iat": NOW, "auth_time": NOW - 10, "nonce": NONCE, "typ": "ID",
        "fhirUser": "Practitioner/1"})
}

fn access() -> Value {
    with(
        claims(),
        json!({"nonce": null, "typ": null, "aud": "https://g.example/fhir", "azp": "app", "scope": "openid"}),
    )
}

fn made(header: impl ToString, claims: impl ToString) -> String {
    token(&header.to_string(), &claims.to_string(), |signed| rs256(&rsa_a(), signed))
}

fn keys() -> KeySet {
    key_set(&[rsa_jwk(&rsa_a(), "k1")])
}

fn check_with(token: &str, keys: &KeySet) -> Result<Verified, OutsideError> {
    verify(token, &Expected { issuer: ISSUER, audience: US, kind: Kind::Id { nonce: NONCE }, now_s: NOW, keys })
}

fn check(token: &str) -> Result<Verified, OutsideError> {
    check_with(token, &keys())
}

fn check_access(token: &str) -> Result<Verified, OutsideError> {
    let audience = "https://g.example/fhir";
    verify(token, &Expected { issuer: ISSUER, audience, kind: Kind::Access, now_s: NOW, keys: &keys() })
}

/// What becomes of the token with claims changed.
fn changed(changes: Value) -> Result<Verified, OutsideError> {
    check(&made(header(), with(claims(), changes)))
}

/// The claims as a text, changed by hand.
fn spelled(from: &str, to: &str) -> Result<Verified, OutsideError> {
    let text = claims().to_string();
    assert!(text.contains(from), "{text}");
    check(&made(header(), text.replace(from, to)))
}

#[test]
fn every_algorithm_holds_by_its_own_kind_of_key() {
    let verified = check(&made(header(), claims())).expect("it holds");
    assert_eq!((&*verified.subject, verified.expires_s, verified.auth_time_s), ("u-1", NOW + 300, Some(NOW - 10)));
    assert_eq!(verified.claims.get("fhirUser"), Some(&json!("Practitioner/1")));
    let random = SystemRandom::new();
    let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key of the test");
    let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).expect("a key");
    let (x, y) = p256.public_key().as_ref()[1..].split_at(32);
    let p256_jwk = json!({"kty": "EC", "crv": "P-256", "kid": "k1", "x": encoded(x), "y": encoded(y)});
    let p384 = p384();
    let by = |alg: &str, sign: &dyn Fn(&str) -> Vec<u8>| {
        token(&with(header(), json!({"alg": alg})).to_string(), &claims().to_string(), sign)
    };
    let tokens = [
        ("RS256", by("RS256", &|signed| rs256(&rsa_a(), signed))),
        ("RS384", by("RS384", &|signed| rs384(&rsa_a(), signed))),
        ("ES256", by("ES256", &|signed| p256.sign(&random, signed.as_bytes()).expect("signed").as_ref().to_vec())),
        ("ES384", by("ES384", &|signed| es384(&p384, signed))),
    ];
    let sets = [("RS", rsa_jwk(&rsa_a(), "k1")), ("ES256", p256_jwk), ("ES384", ec_jwk(&p384, "k1"))];
    for (alg, token) in &tokens {
        for (kind, jwk) in &sets {
            let holds = check_with(token, &key_set(std::slice::from_ref(jwk))).is_ok();
            assert_eq!(holds, alg.starts_with(kind), "{alg} by {kind}");
        }
    }
    // A key for one algorithm is for no other.
    let jwk = with(rsa_jwk(&rsa_a(), "k1"), json!({"alg": "RS384", "use": "sig"}));
    assert_eq!(check_with(&tokens[0].1, &key_set(std::slice::from_ref(&jwk))).unwrap_err(), OutsideError::KeyNotFit);
    assert!(check_with(&tokens[1].1, &key_set(&[jwk])).is_ok());
}

#[test]
fn attack_43_alg_none_hs256_with_the_public_key_and_es256_of_zeros() {
    for alg in ["none", "None", "NONE", "", "HS256", "RS512", "PS256", "EdDSA", "rs256"] {
        let unsigned = token(&with(header(), json!({"alg": alg})).to_string(), &claims().to_string(), |_| Vec::new());
        assert_eq!(check(&unsigned).unwrap_err(), OutsideError::Algorithm, "{alg}");
    }
    let jwk = rsa_jwk(&rsa_a(), "k1");
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap_or_default().to_owned()] {
        for alg in ["HS256", "RS256"] {
            let header = with(header(), json!({"alg": alg})).to_string();
            let forged = token(&header, &claims().to_string(), |signed| {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes()).as_ref().to_vec()
            });
            assert!(check(&forged).is_err(), "{alg}");
        }
    }
    let key = p384();
    let zeros = token(&with(header(), json!({"alg": "ES384"})).to_string(), &claims().to_string(), |_| vec![0; 96]);
    assert_eq!(check_with(&zeros, &key_set(&[ec_jwk(&key, "k1")])).unwrap_err(), OutsideError::Signature);
    let stripped = made(header(), claims()).rsplit_once('.').expect("parts").0.to_owned() + ".";
    assert_eq!(check(&stripped).unwrap_err(), OutsideError::Signature);
}

#[test]
fn attack_44_a_key_that_the_token_brings_or_points_to() {
    let stranger = rsa_b();
    for brought in [
        json!({"jwk": rsa_jwk(&stranger, "k1")}),
        json!({"jku": "https://evil.example/jwks"}),
        json!({"jku": "https://id.example/jwks"}),
        json!({"x5u": "https://evil.example/cert"}),
        json!({"x5c": ["MIIB"]}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"zip": "DEF"}),
    ] {
        // Also where the signature is right: nobody is to come to like it.
        assert_eq!(
            check(&made(with(header(), brought.clone()), claims())).unwrap_err(),
            OutsideError::Header,
            "{brought}"
        );
    }
    for kid in ["../../../dev/null", "k1' or '1'='1", "k1\u{0}", "", "K1", " k1"] {
        assert_eq!(
            check(&made(with(header(), json!({"kid": kid})), claims())).unwrap_err(),
            OutsideError::NoKey,
            "{kid}"
        );
    }
    assert_eq!(check(&made(with(header(), json!({"kid": null})), claims())).unwrap_err(), OutsideError::NoKeyId);
    assert_eq!(check(&made(with(header(), json!({"kid": ["k1"]})), claims())).unwrap_err(), OutsideError::Malformed);
    let by_stranger = token(&header().to_string(), &claims().to_string(), |signed| rs256(&stranger, signed));
    assert_eq!(check(&by_stranger).unwrap_err(), OutsideError::Signature);
    let two = key_set(&[rsa_jwk(&rsa_a(), "k1"), rsa_jwk(&stranger, "k1")]);
    assert_eq!(check_with(&made(header(), claims()), &two).unwrap_err(), OutsideError::KeyNotFit);
}

#[test]
fn attack_45_times_of_other_types_and_claims_that_are_there_twice() {
    for exp in [json!("1790000300"), json!(true), json!([NOW + 300]), json!({})] {
        assert_eq!(changed(json!({"exp": exp})).unwrap_err(), OutsideError::Malformed, "{exp}");
    }
    assert_eq!(spelled(&format!("\"exp\":{}", NOW + 300), "\"exp\":null").unwrap_err(), OutsideError::Malformed);
    assert_eq!(spelled(&format!("\"exp\":{}", NOW + 300), "\"exp\":1e300").unwrap_err(), OutsideError::ExpiresTooLate);
    assert_eq!(spelled(&format!("\"exp\":{}", NOW + 300), "\"exp\":1e999").unwrap_err(), OutsideError::Malformed);
    assert!(changed(json!({"exp": NOW as f64 + 300.5})).is_ok(), "a number need not be whole");
    for (changes, error) in [
        (json!({"exp": null}), OutsideError::NoTime),
        (json!({"iat": null}), OutsideError::NoTime),
        (json!({"exp": NOW}), OutsideError::Expired),
        (json!({"exp": -1}), OutsideError::Expired),
        (json!({"exp": NOW + LONGEST_LIFE_S + 1}), OutsideError::ExpiresTooLate),
        (json!({"nbf": "0"}), OutsideError::Malformed),
        (json!({"nbf": NOW + 61}), OutsideError::NotYet),
        (json!({"iat": NOW + 61}), OutsideError::NotYet),
        (json!({"auth_time": NOW + 61}), OutsideError::NotYet),
    ] {
        assert_eq!(changed(changes.clone()).unwrap_err(), error, "{changes}");
    }
    assert!(changed(json!({"nbf": NOW + 60, "iat": NOW + 60})).is_ok(), "clocks differ");
    // Whichever of two is looked at: nothing is there twice, known or not, at any depth.
    for (from, to) in [
        ("\"sub\":\"u-1\"", "\"sub\":\"u-2\",\"sub\":\"u-1\""),
        ("\"sub\":\"u-1\"", "\"sub\":\"u-1\",\"s\\u0075b\":\"u-1\""),
        ("\"fhirUser\":\"Practitioner/1\"", "\"fhirUser\":\"Practitioner/2\",\"fhirUser\":\"Practitioner/1\""),
        ("\"sub\":\"u-1\"", "\"sub\":\"u-1\",\"x\":{\"y\":[{\"z\":1,\"z\":2}]}"),
    ] {
        assert_eq!(spelled(from, to).unwrap_err(), OutsideError::Malformed, "{to}");
    }
    let twice = r#"{"alg":"RS256","alg":"RS256","kid":"k1"}"#;
    assert_eq!(check(&made(twice, claims())).unwrap_err(), OutsideError::Malformed);
    let array = format!(r#"["{ISSUER}"]"#);
    assert_eq!(check(&made(header(), array)).unwrap_err(), OutsideError::Malformed);
}

#[test]
fn attack_45_an_audience_that_is_not_ours_alone() {
    for (aud, error) in [
        (json!("another"), OutsideError::Audience),
        (json!(""), OutsideError::Audience),
        (json!("fhir-gateway "), OutsideError::Audience),
        (json!("my-fhir-gateway"), OutsideError::Audience),
        (json!("FHIR-gateway"), OutsideError::Audience),
        (json!([]), OutsideError::Audience),
        (json!(["another", US]), OutsideError::Audience),
        (json!([US, "another"]), OutsideError::Audience),
        (json!([US, US]), OutsideError::Audience),
        (json!([US, 1]), OutsideError::Malformed),
        (json!({US: true}), OutsideError::Malformed),
        (json!(1), OutsideError::Malformed),
    ] {
        assert_eq!(changed(json!({"aud": aud})).unwrap_err(), error, "{aud}");
    }
    assert_eq!(changed(json!({"aud": null})).unwrap_err(), OutsideError::Audience);
    assert!(changed(json!({"aud": [US], "azp": US})).is_ok());
    assert_eq!(changed(json!({"azp": "another"})).unwrap_err(), OutsideError::Audience);
}

#[test]
fn attack_46_an_issuer_that_is_nearly_the_one() {
    for iss in [
        "https://id.example/realms/clinic/",
        "https://ID.example/realms/clinic",
        "http://id.example/realms/clinic",
        "https://id.example/realms/cl\u{456}nic",
        "https://id.example/realms/clinic\u{0}",
        "https://id.example:443/realms/clinic",
        "https://id.example/realms/clinic2",
        "",
    ] {
        assert_eq!(changed(json!({"iss": iss})).unwrap_err(), OutsideError::Issuer, "{iss}");
    }
    assert_eq!(changed(json!({"iss": null})).unwrap_err(), OutsideError::Issuer);
    assert_eq!(changed(json!({"iss": [ISSUER]})).unwrap_err(), OutsideError::Malformed);
}

#[test]
fn attack_47_a_token_of_another_kind() {
    let at = with(header(), json!({"typ": "at+jwt"}));
    let keycloak = with(access(), json!({"typ": "Bearer"}));
    assert!(check_access(&made(&at, access())).is_ok());
    assert!(check_access(&made(header(), &keycloak)).is_ok());
    assert!(check_access(&made(&at, with(access(), json!({"aud": ["account", "https://g.example/fhir"]})))).is_ok());
    for (what, token) in [
        ("an ID token", made(header(), with(claims(), json!({"aud": "https://g.example/fhir"})))),
        ("an ID token that says no typ", made(header(), with(access(), json!({"nonce": "x"})))),
        ("one that says nothing of its kind", made(header(), access())),
        ("an ID token as at+jwt", made(&at, with(access(), json!({"typ": "ID"})))),
        ("one with a nonce", made(&at, with(access(), json!({"nonce": "x"})))),
        ("a refresh token", made(header(), with(access(), json!({"typ": "Refresh"})))),
        ("a logout token", made(&at, with(access(), json!({"events": {}})))),
        ("one that is bound to a key", made(&at, with(access(), json!({"cnf": {"jkt": "x"}})))),
    ] {
        assert_eq!(check_access(&token).unwrap_err(), OutsideError::Kind, "{what}");
    }
    for (what, token) in [
        ("an access token", made(&at, claims())),
        ("an access token of Keycloak", made(header(), with(claims(), json!({"typ": "Bearer"})))),
        ("a refresh token", made(header(), with(claims(), json!({"typ": "Refresh"})))),
        ("a logout token", made(with(header(), json!({"typ": "logout+jwt"})), claims())),
        ("a logout token that says JWT", made(header(), with(claims(), json!({"events": {}})))),
        ("a client assertion", made(with(header(), json!({"typ": "client-authentication+jwt"})), claims())),
    ] {
        assert_eq!(check(&token).unwrap_err(), OutsideError::Kind, "{what}");
    }
}

/// What an app holds already, for itself: no nonce of ours, and each name that the issuer may have for it, alone.
#[test]
fn attacks_45_47_a_token_that_an_app_holds() {
    let names = ["app-1".to_owned(), "app-2".to_owned()];
    let held = |header: &Value, changes: Value| {
        let kind = Kind::Held { audiences: &names };
        let token = made(header, with(with(claims(), json!({"aud": "app-1", "nonce": null, "typ": null})), changes));
        verify(&token, &Expected { issuer: ISSUER, audience: "", kind, now_s: NOW, keys: &keys() })
    };
    for right in
        [json!({}), json!({"aud": ["app-2"]}), json!({"azp": "app-2"}), json!({"nonce": "x"}), json!({"typ": "ID"})]
    {
        let verified = held(&header(), right.clone()).unwrap_or_else(|error| panic!("{right}: {error}"));
        assert_eq!((&*verified.subject, verified.issued_s), ("u-1", NOW));
    }
    for (wrong, error) in [
        (json!({"aud": ""}), OutsideError::Audience),
        (json!({"aud": "app-3"}), OutsideError::Audience),
        (json!({"aud": ["app-1", "app-2"]}), OutsideError::Audience),
        (json!({"aud": []}), OutsideError::Audience),
        (json!({"azp": "app-3"}), OutsideError::Audience),
        (json!({"typ": "Bearer"}), OutsideError::Kind),
        (json!({"cnf": {"jkt": "x"}}), OutsideError::Kind),
        (json!({"events": {}}), OutsideError::Kind),
        (json!({"iat": NOW + 61}), OutsideError::NotYet),
        (json!({"sub": null}), OutsideError::Subject),
    ] {
        assert_eq!(held(&header(), wrong.clone()).unwrap_err(), error, "{wrong}");
    }
    assert_eq!(held(&with(header(), json!({"typ": "at+jwt"})), json!({})).unwrap_err(), OutsideError::Kind);
}

#[test]
fn attack_47_a_token_that_another_app_was_given() {
    let (keys, audiences) = (keys(), ["authenticated".to_owned(), "app-1".to_owned()]);
    let held = |changes: Value| {
        let claims = with(with(claims(), json!({"nonce": null, "typ": null, "aud": "authenticated"})), changes);
        let kind = Kind::Held { audiences: &audiences };
        verify(&made(header(), claims), &Expected { issuer: ISSUER, audience: "", kind, now_s: NOW, keys: &keys })
    };
    for changes in [json!({}), json!({"client_id": "app-1"}), json!({"cid": "app-1", "azp": "app-1"})] {
        assert!(held(changes.clone()).is_ok(), "{changes}");
    }
    for changes in [
        // What the OAuth server of a Supabase project gives a third party differs from a session's by this alone.
        json!({"client_id": "9a8b7c6d"}),
        json!({"client_id": ""}),
        json!({"client_id": ["app-1"]}),
        json!({"appid": "app-2"}),
        json!({"cid": "app-2"}),
        json!({"client_id": "app-1", "cid": "app-2"}),
        json!({"azp": "app-2"}),
    ] {
        assert_eq!(held(changes.clone()).unwrap_err(), OutsideError::Audience, "{changes}");
    }
}

#[test]
fn attack_51_no_nonce_or_another_one() {
    for nonce in ["n-2", "", "N-1", "n-1 "] {
        assert_eq!(changed(json!({"nonce": nonce})).unwrap_err(), OutsideError::Nonce, "{nonce}");
    }
    assert_eq!(changed(json!({"nonce": null})).unwrap_err(), OutsideError::Nonce);
    assert_eq!(changed(json!({"nonce": [NONCE]})).unwrap_err(), OutsideError::Malformed);
    // A login without a nonce is none, also if the token has none either.
    let (keys, token) = (keys(), made(header(), with(claims(), json!({"nonce": ""}))));
    let expected = Expected { issuer: ISSUER, audience: US, kind: Kind::Id { nonce: "" }, now_s: NOW, keys: &keys };
    assert_eq!(verify(&token, &expected).unwrap_err(), OutsideError::Nonce);
}

#[test]
fn a_subject_has_its_bounds() {
    assert!(changed(json!({"sub": "a".repeat(255)})).is_ok());
    for sub in [String::new(), "a".repeat(256)] {
        assert_eq!(changed(json!({"sub": sub})).unwrap_err(), OutsideError::Subject);
    }
    assert_eq!(changed(json!({"sub": null})).unwrap_err(), OutsideError::Subject);
    assert_eq!(changed(json!({"sub": 1})).unwrap_err(), OutsideError::Malformed);
}

#[test]
fn what_is_no_token() {
    let good = made(header(), claims());
    assert_eq!(check(&format!("{good}{}", "A".repeat(16 * 1024))).unwrap_err(), OutsideError::TooLong);
    for text in ["", ".", "..", "a.b.c", "a.b.c.d", &good.replace('.', ""), &format!("{good}="), &format!("{good}.x")] {
        assert!(check(text).is_err(), "{text}");
    }
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(check(std::str::from_utf8(&bytes).expect("ASCII")).is_err(), "{at}");
    }
    let deep = format!(r#"{{"iss":{}1{}}}"#, "[".repeat(2000), "]".repeat(2000));
    assert_eq!(check(&made(header(), deep)).unwrap_err(), OutsideError::Malformed);
}

#[test]
fn a_discovery_document_is_that_of_its_issuer() {
    assert_eq!(Discovery::url(ISSUER), "https://id.example/realms/clinic/.well-known/openid-configuration");
    assert_eq!(Discovery::url("https://id.example/"), "https://id.example/.well-known/openid-configuration");
    let document = json!({"issuer": ISSUER, "authorization_endpoint": "https://id.example/auth", "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/keys", "code_challenge_methods_supported": ["plain", "S256"],
        "authorization_response_iss_parameter_supported": true});
    let read = |changes: Value| Discovery::parse(with(document.clone(), changes).to_string().as_bytes(), ISSUER);
    let found = read(json!({})).expect("a document");
    assert!(found.names_itself && &*found.jwks_uri == "https://id.example/keys");
    assert!(!read(json!({"authorization_response_iss_parameter_supported": null})).expect("a document").names_itself);
    assert!(read(json!({"code_challenge_methods_supported": null})).is_ok());
    for (changes, error) in [
        (json!({"issuer": "https://id.example/realms/clinic/"}), DiscoveryError::Issuer),
        (json!({"issuer": null}), DiscoveryError::Issuer),
        (json!({"token_endpoint": null}), DiscoveryError::Endpoint),
        (json!({"jwks_uri": ""}), DiscoveryError::Endpoint),
        (json!({"authorization_endpoint": 1}), DiscoveryError::Endpoint),
        (json!({"code_challenge_methods_supported": ["plain"]}), DiscoveryError::Pkce),
        (json!({"code_challenge_methods_supported": "S256"}), DiscoveryError::Pkce),
    ] {
        assert_eq!(read(changes.clone()).unwrap_err(), error, "{changes}");
    }
    let twice = document.to_string().replacen('{', "{\"jwks_uri\":\"https://evil.example\",", 1);
    assert_eq!(Discovery::parse(twice.as_bytes(), ISSUER).unwrap_err(), DiscoveryError::Malformed);
    assert_eq!(Discovery::parse(&vec![b' '; LONGEST_DOCUMENT + 1], ISSUER).unwrap_err(), DiscoveryError::Malformed);
}
