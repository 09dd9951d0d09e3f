//! What the claims have to say. All these assertions are signed by the right key.

use serde_json::{Value, json};

use smart::assertion::AssertionError;

use super::token::*;

fn error(changes: Value) -> AssertionError {
    check(&signed(with(claims(), changes))).expect_err("a claim that does not hold")
}

fn holds(changes: Value) -> bool {
    check(&signed(with(claims(), changes))).is_ok()
}

#[test]
fn iss_and_sub_that_are_not_the_client() {
    for client in
        [json!("another"), json!(""), json!("Backend-1"), json!("backend-1 "), json!("backend-1/"), Value::Null]
    {
        assert_eq!(error(json!({"iss": client})), AssertionError::Client);
        assert_eq!(error(json!({"sub": client})), AssertionError::Client);
        assert_eq!(error(json!({"iss": client, "sub": client})), AssertionError::Client);
    }
}

#[test]
fn a_wrong_aud() {
    for aud in [
        json!("https://fhir.example.org/auth"),
        json!("https://fhir.example.org/auth/token/"),
        json!("https://fhir.example.org/auth/token?x"),
        json!("https://fhir.example.org/auth/token.evil.example.org"),
        json!("https://fhir.example.org/auth/tok"),
        json!("HTTPS://FHIR.EXAMPLE.ORG/auth/token"),
        json!("https://fhir.ex\u{430}mple.org/auth/token"),
        json!(""),
        json!([]),
        json!(["https://evil.example.org/token"]),
        Value::Null,
    ] {
        assert_eq!(error(json!({"aud": aud})), AssertionError::Audience, "{aud}");
    }
    for aud in [json!(7), json!({"0": TOKEN_URL}), json!([TOKEN_URL, 7]), json!([[TOKEN_URL]])] {
        assert_eq!(error(json!({"aud": aud})), AssertionError::Malformed, "{aud}");
    }
}

#[test]
fn aud_as_an_array_that_has_it() {
    assert!(holds(json!({"aud": [TOKEN_URL]})));
    assert!(holds(json!({"aud": ["https://elsewhere.example.org", TOKEN_URL]})));
    assert!(holds(json!({"aud": "https://other.example.org/auth/token"})));
}

#[test]
fn expired() {
    for exp in [json!(NOW), json!(NOW - 1), json!(0), json!(-1), json!(-1e300), json!(NOW as f64 - 0.5)] {
        assert_eq!(error(json!({"exp": exp})), AssertionError::Expired, "{exp}");
    }
    assert!(holds(json!({"exp": NOW + 1})));
}

#[test]
fn exp_too_far_away() {
    // Five minutes, and a clock that is a minute ahead.
    assert!(holds(json!({"exp": NOW + 300})) && holds(json!({"exp": NOW + 360, "iat": NOW + 60})));
    for exp in
        [json!(NOW + 361), json!(NOW as f64 + 360.5), json!(NOW * 1000), json!(u64::MAX), json!(i64::MAX), json!(1e300)]
    {
        assert_eq!(error(json!({"exp": exp})), AssertionError::ExpiresTooLate, "{exp}");
    }
}

#[test]
fn exp_missing_or_of_another_type() {
    assert_eq!(error(json!({"exp": null})), AssertionError::NoExpiry);
    let text = |exp: &str| claims().to_string().replace(&format!("\"exp\":{}", NOW + 240), &format!("\"exp\":{exp}"));
    assert!(check(&signed(text(&(NOW + 240).to_string()))).is_ok());
    for exp in [
        format!("\"{}\"", NOW + 240),
        "null".into(),
        "true".into(),
        "[1]".into(),
        "{}".into(),
        "1e400".into(),
        "NaN".into(),
    ] {
        assert_eq!(check(&signed(text(&exp))).unwrap_err(), AssertionError::Malformed, "{exp}");
    }
}

#[test]
fn exp_with_a_fraction_holds_until_the_second_after() {
    let verified = check(&signed(with(claims(), json!({"exp": NOW as f64 + 10.25})))).unwrap();
    assert_eq!(verified.expires_s, NOW + 11);
}

#[test]
fn nbf_and_iat_have_a_minute_of_leeway_and_no_more() {
    for claim in ["nbf", "iat"] {
        assert!(holds(json!({claim: NOW + 60})) && holds(json!({claim: null})) && holds(json!({claim: NOW - 100_000})));
        assert_eq!(error(json!({claim: NOW + 61})), AssertionError::NotYet);
        assert_eq!(error(json!({claim: 1e300})), AssertionError::NotYet);
        assert_eq!(error(json!({claim: (NOW - 10).to_string()})), AssertionError::Malformed);
        assert_eq!(error(json!({claim: [NOW]})), AssertionError::Malformed);
    }
    let null = claims().to_string().replacen('{', "{\"nbf\":null,", 1);
    assert_eq!(check(&signed(null)).unwrap_err(), AssertionError::Malformed);
}

#[test]
fn jti_missing_empty_or_too_long() {
    assert_eq!(error(json!({"jti": null})), AssertionError::Jti);
    assert_eq!(error(json!({"jti": ""})), AssertionError::Jti);
    assert!(holds(json!({"jti": "x".repeat(256)})));
    assert_eq!(error(json!({"jti": "x".repeat(257)})), AssertionError::Jti);
    assert_eq!(error(json!({"jti": "\u{e4}".repeat(129)})), AssertionError::Jti);
    assert_eq!(error(json!({"jti": 7})), AssertionError::Malformed);
}

#[test]
fn claims_twice() {
    for claim in [
        "\"iss\":\"evil\"".to_owned(),
        format!("\"sub\":\"{CLIENT}\""),
        "\"aud\":\"https://evil.example.org\"".to_owned(),
        format!("\"exp\":{}", NOW + 200),
        "\"jti\":\"j-2\"".to_owned(),
        format!("\"iat\":{NOW}"),
    ] {
        for text in [
            claims().to_string().replacen('{', &format!("{{{claim},"), 1),
            claims().to_string().replacen('}', &format!(",{claim}}}"), 1),
        ] {
            assert_eq!(check(&signed(text)).unwrap_err(), AssertionError::Malformed, "{claim}");
        }
    }
}

#[test]
fn claims_that_are_no_object() {
    for text in ["", "[]", "null", "7", "\"x\"", "{", "{}{}", "\u{feff}{}"] {
        assert_eq!(check(&signed(text)).unwrap_err(), AssertionError::Malformed, "{text}");
    }
    assert_eq!(check(&signed("{}")).unwrap_err(), AssertionError::Client);
}
