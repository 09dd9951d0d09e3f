//! What an issuer says of an opaque token: what counts, and each change by which it does not.

use serde_json::{Value, json};
use smart::outside::{IntrospectionError, introspected};

const NOW: i64 = 1_790_000_000;
const ISSUER: &str = "https://id.example";

fn said(changes: &Value) -> Result<smart::outside::Verified, IntrospectionError> {
    let mut answer = json!({"active": true, "aud": ["us", "others"], "exp": NOW + 60, "iat": NOW, "sub": "u-1", "token_type": "Bearer"});
    for (name, value) in changes.as_object().expect("an object") {
        answer[name] = value.clone();
    }
    introspected(answer.to_string().as_bytes(), (ISSUER, "us"), NOW)
}

#[test]
fn what_counts_is_active_for_us_and_a_bearers() {
    let verified = said(&json!({})).expect("it counts");
    assert_eq!((&*verified.subject, verified.expires_s), ("u-1", NOW + 60));
    for right in
        [json!({"aud": "us"}), json!({"iss": ISSUER}), json!({"token_type": "bearer"}), json!({"iat": NOW + 60})]
    {
        assert!(said(&right).is_ok(), "{right}");
    }
    for (wrong, error) in [
        (json!({"active": false}), IntrospectionError::Inactive),
        (json!({"active": "true"}), IntrospectionError::Malformed),
        (json!({"active": 1}), IntrospectionError::Malformed),
        (json!({"aud": "others"}), IntrospectionError::Audience),
        (json!({"aud": [1]}), IntrospectionError::Audience),
        (json!({"aud": {"us": true}}), IntrospectionError::Audience),
        (json!({"iss": "https://id.example/"}), IntrospectionError::Issuer),
        (json!({"token_type": "DPoP"}), IntrospectionError::Bound),
        (json!({"cnf": {}}), IntrospectionError::Bound),
        (json!({"exp": NOW}), IntrospectionError::Expired),
        (json!({"exp": "soon"}), IntrospectionError::Malformed),
        (json!({"iat": NOW + 61}), IntrospectionError::NotYet),
        (json!({"nbf": NOW + 61}), IntrospectionError::NotYet),
        (json!({"sub": "a".repeat(256)}), IntrospectionError::Subject),
        (json!({"sub": 1}), IntrospectionError::Malformed),
    ] {
        assert_eq!(said(&wrong).unwrap_err(), error, "{wrong}");
    }
}

#[test]
fn what_is_no_answer_says_nothing() {
    for text in ["", "[]", "null", "{}", r#"{"active":true,"active":true}"#, r#"{"active":true,"aud":"us","aud":"us"}"#]
    {
        assert_eq!(
            introspected(text.as_bytes(), (ISSUER, "us"), NOW).unwrap_err(),
            IntrospectionError::Malformed,
            "{text}"
        );
    }
    // Who does not say when a token ends is asked again soon.
    let open = introspected(br#"{"active":true,"aud":"us"}"#, (ISSUER, "us"), NOW).expect("it counts");
    assert_eq!((&*open.subject, open.expires_s), ("", NOW + 60));
}
