//! The `hl7-b2b` extension.

use serde_json::{Value, json};

use smart::assertion::{AssertionError, MOST_PURPOSES, PURPOSES};

use super::token::*;

fn purposes(extensions: Value) -> Result<Option<Vec<(String, String)>>, AssertionError> {
    let verified = check(&signed(with(claims(), json!({"extensions": extensions}))))?;
    let pair = |purpose: &smart::assertion::PurposeOfUse| (purpose.system.to_string(), purpose.code.to_string());
    Ok(verified.purpose_of_use.map(|all| all.iter().map(pair).collect()))
}

fn of(codes: Value) -> Result<Option<Vec<(String, String)>>, AssertionError> {
    purposes(json!({"hl7-b2b": {"version": "1", "organization_id": "https://example.org", "purpose_of_use": codes}}))
}

#[test]
fn purposes_in_every_spelling() {
    let treat = Some(vec![(PURPOSES.to_owned(), "TREAT".to_owned())]);
    for code in
        ["urn:oid:2.16.840.1.113883.5.8#TREAT", "TREAT", "http://terminology.hl7.org/CodeSystem/v3-ActReason#TREAT"]
    {
        assert_eq!(of(json!([code])).unwrap(), treat, "{code}");
    }
    assert_eq!(of(json!(["TREAT", "urn:oid:2.16.840.1.113883.5.8#TREAT"])).unwrap(), treat);
    assert_eq!(
        of(json!(["HPAYMT", "urn:oid:1.2.3#T-TREAT", "https://example.org/purposes/care"])).unwrap().unwrap(),
        [
            (PURPOSES.to_owned(), "HPAYMT".to_owned()),
            ("urn:oid:1.2.3".to_owned(), "T-TREAT".to_owned()),
            ("urn:ietf:rfc:3986".to_owned(), "https://example.org/purposes/care".to_owned()),
        ]
    );
}

#[test]
fn no_extension_is_no_purpose() {
    assert_eq!(purposes(json!({})).unwrap(), None);
    assert_eq!(purposes(json!({"another": {"purpose_of_use": ["TREAT"]}})).unwrap(), None);
}

#[test]
fn an_extension_that_cannot_be_read_is_refused_not_left_out() {
    for codes in [
        json!([]),
        json!("TREAT"),
        json!(null),
        json!([7]),
        json!([""]),
        json!(["#TREAT"]),
        json!(["urn:oid:1.2.3#"]),
        json!(["TREAT HPAYMT"]),
        json!(["TREAT\u{0}"]),
        json!(["x".repeat(257)]),
        json!(vec!["TREAT"; MOST_PURPOSES + 1]),
    ] {
        assert_eq!(of(codes.clone()).unwrap_err(), AssertionError::Purpose, "{codes}");
    }
    assert!(of(json!(vec!["TREAT"; MOST_PURPOSES])).is_ok());
    for b2b in [
        json!({"version": "2", "purpose_of_use": ["TREAT"]}),
        json!({"version": 1, "purpose_of_use": ["TREAT"]}),
        json!({"purpose_of_use": ["TREAT"]}),
        json!({"version": "1"}),
        json!("TREAT"),
        json!(["1", ["TREAT"]]),
        json!(null),
    ] {
        assert_eq!(purposes(json!({"hl7-b2b": b2b})).unwrap_err(), AssertionError::Purpose, "{b2b}");
    }
    assert_eq!(purposes(json!("hl7-b2b")).unwrap_err(), AssertionError::Purpose);
}

#[test]
fn purposes_twice_are_refused() {
    let claims = |b2b: &str| claims().to_string().replacen('{', &format!("{{\"extensions\":{{\"hl7-b2b\":{b2b}}},"), 1);
    let once = r#"{"version":"1","purpose_of_use":["TREAT"]}"#;
    assert!(check(&signed(claims(once))).unwrap().purpose_of_use.is_some());
    let twice = r#"{"version":"1","purpose_of_use":["HRESCH"],"purpose_of_use":["TREAT"]}"#;
    assert_eq!(check(&signed(claims(twice))).unwrap_err(), AssertionError::Purpose);
}
