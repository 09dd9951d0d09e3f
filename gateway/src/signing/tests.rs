use secrecy::ExposeSecret as _;

use super::*;

fn key(kid: &str, from: i64, until: Option<i64>, retired: Option<i64>) -> (SigningKey, ()) {
    let key = SigningKey {
        kid: kid.to_owned(),
        algorithm: "RS256".to_owned(),
        public: String::new(),
        sealed: None,
        created_ms: 0,
        created_by: String::new(),
        signs_from_ms: from,
        signs_until_ms: until,
        retired_ms: retired,
        retired_by: None,
    };
    (key, ())
}

#[test]
fn one_key_signs_at_any_time_and_what_it_signed_can_be_verified() {
    let keys = [key("c", 400, None, None), key("b", 200, Some(400), None), key("a", 0, Some(200), None)];
    let at = |now: i64| signing(&keys, now).map(|(key, ())| key.kid.as_str());
    for (now, kid) in [(0, "a"), (199, "a"), (200, "b"), (399, "b"), (400, "c"), (9999, "c")] {
        assert_eq!(at(now), Some(kid), "{now}");
        // Whoever looks within the time for which it counts finds the key.
        let (key, ()) = keys.iter().find(|(key, ())| key.kid == kid).unwrap();
        assert!(key.is_published_at(now, 300) && key.is_published_at(now + 299, 300));
    }
    assert!(!keys[2].0.is_published_at(500, 300) && keys[2].0.is_published_at(499, 300));
    // Before the first one, by a clock that is behind: the one without an end.
    assert_eq!(at(-1), Some("c"));
}

#[test]
fn a_retired_key_signs_nothing_and_is_not_published() {
    // The one that signs was retired, and the next one was to sign later: it signs now.
    let keys = [key("b", 200, None, None), key("a", 0, Some(200), Some(100))];
    assert_eq!(signing(&keys, 100).map(|(key, ())| key.kid.as_str()), Some("b"));
    assert!(!keys[1].0.is_published_at(100, 300));
    assert!(signing(&[key("a", 0, None, Some(1))], 2).is_none());
}

#[test]
fn what_a_made_key_signs_another_library_verifies() {
    let made = rsa::make().unwrap();
    let pair = Pair::open(&made.private).unwrap();
    let token = IdToken {
        subject: "u-1",
        client_id: "app",
        nonce: Some("n"),
        auth_time_s: Some(1_790_000_000),
        fhir_user: Some("Practitioner/1"),
        profile: false,
    };
    let now_s = 1_790_000_000;
    let at = Issuer { issuer: "https://g.example", fhir: "https://g.example/fhir", now_s };
    let text = pair.signed(&token.signing_input(&made.kid, &at).unwrap()).unwrap();
    // `jsonwebtoken` verifies by AWS-LC, `ring` has signed; and it reads the key as clients get it.
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_str(&made.public).unwrap();
    let decoding = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&["app"]);
    validation.set_issuer(&["https://g.example"]);
    validation.validate_exp = false;
    let read = jsonwebtoken::decode::<serde_json::Value>(&text, &decoding, &validation).unwrap();
    assert_eq!(read.header.kid.as_deref(), Some(made.kid.as_str()));
    assert_eq!(read.header.kid, jwk.common.key_id);
    // RFC 7638 by the other library, too.
    assert_eq!(made.kid, jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap_or_default());
    let claims = read.claims;
    assert_eq!(claims["fhirUser"], "https://g.example/fhir/Practitioner/1");
    assert_eq!((claims["exp"].as_i64(), claims["iat"].as_i64()), (Some(now_s + LIFETIME_S), Some(now_s)));
    validation.set_audience(&["another"]);
    assert!(jsonwebtoken::decode::<serde_json::Value>(&text, &decoding, &validation).is_err());
}

#[test]
fn a_private_key_opens_for_its_own_id_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sealer = Sealer::open(folder.path(), None).unwrap();
    let made = rsa::make().unwrap();
    let sealed = sealer.seal(&Sealed::SigningKey.context(&made.kid), made.private.expose_secret()).unwrap();
    assert!(opened(&sealer, &made.kid, &sealed).is_some());
    assert!(opened(&sealer, "another", &sealed).is_none());
}
