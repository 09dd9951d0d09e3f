//! ID tokens: every claim, and what is refused before anything is signed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

use smart::id_token::{IdToken, IdTokenError, Issuer, LIFETIME_S, LONGEST_NONCE, LONGEST_SUBJECT, is_user};

const NOW: i64 = 1_790_000_000;
const AT: Issuer<'static> = Issuer { issuer: "https://g.example", fhir: "https://g.example/fhir", now_s: NOW };
const TOKEN: IdToken<'static> = IdToken {
    subject: "0191-abc",
    client_id: "app",
    nonce: Some("n-0S6_WzA2Mj"),
    auth_time_s: Some(NOW - 30),
    fhir_user: Some("Practitioner/1"),
    profile: false,
};

fn parts(token: &IdToken<'_>) -> (Value, Value) {
    let text = token.signing_input("k1", &AT).expect("a token");
    let part = |text: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON");
    let (header, claims) = text.split_once('.').expect("two parts");
    (part(header), part(claims))
}

fn claims(token: &IdToken<'_>) -> Value {
    parts(token).1
}

fn refused(token: &IdToken<'_>) -> IdTokenError {
    token.signing_input("k1", &AT).expect_err("refused")
}

#[test]
fn the_header_names_rs256_and_the_key() {
    assert_eq!(parts(&TOKEN).0, json!({"alg": "RS256", "kid": "k1", "typ": "JWT"}));
}

#[test]
fn every_claim() {
    let expected = json!({
        "iss": "https://g.example", "sub": "0191-abc", "aud": "app", "exp": NOW + LIFETIME_S, "iat": NOW, "auth_time": NOW - 30,
        "nonce": "n-0S6_WzA2Mj", "fhirUser": "https://g.example/fhir/Practitioner/1",
    });
    assert_eq!(claims(&TOKEN), expected);
    // Times are numbers, and the audience is one text.
    assert!(expected["exp"].is_i64() && claims(&TOKEN)["aud"].is_string());
}

#[test]
fn what_is_not_known_or_not_granted_is_not_there() {
    let bare = IdToken { nonce: None, auth_time_s: None, fhir_user: None, ..TOKEN };
    assert_eq!(
        claims(&bare),
        json!({"iss": "https://g.example", "sub": "0191-abc", "aud": "app", "exp": NOW + LIFETIME_S, "iat": NOW})
    );
    // Without a resource of the user's there is no profile either.
    assert_eq!(claims(&IdToken { profile: true, ..bare }).get("profile"), None);
    let older = claims(&IdToken { profile: true, ..TOKEN });
    assert_eq!(older["profile"], older["fhirUser"]);
}

#[test]
fn a_subject_is_an_opaque_id_below_256() {
    let long = "a".repeat(LONGEST_SUBJECT);
    assert_eq!(claims(&IdToken { subject: &long, ..TOKEN })["sub"], long);
    let longer = "a".repeat(LONGEST_SUBJECT + 1);
    for subject in ["", "jane@clinic.example", "Jane Doe", "Patient/1", "j\u{e4}ne", "a\n", &longer] {
        assert_eq!(refused(&IdToken { subject, ..TOKEN }), IdTokenError::Subject, "{subject}");
    }
}

#[test]
fn a_51_nonce_comes_back_to_the_letter_or_not_at_all() {
    for nonce in ["a", " ", "\"\\\u{0}\u{1F600}", &"n".repeat(LONGEST_NONCE)] {
        assert_eq!(claims(&IdToken { nonce: Some(nonce), ..TOKEN })["nonce"], nonce);
    }
    for nonce in ["", &"n".repeat(LONGEST_NONCE + 1)] {
        assert_eq!(refused(&IdToken { nonce: Some(nonce), ..TOKEN }), IdTokenError::Nonce);
    }
}

#[test]
fn a_fhir_user_is_somebody_who_can_log_in() {
    for user in ["Patient/a", "Person/1", "Practitioner/A-b.1", "RelatedPerson/x"] {
        assert_eq!(
            claims(&IdToken { fhir_user: Some(user), ..TOKEN })["fhirUser"],
            format!("https://g.example/fhir/{user}")
        );
    }
    let long = format!("Patient/{}", "a".repeat(65));
    for user in [
        "",
        "Patient",
        "Patient/",
        "/1",
        "Device/1",
        "patient/1",
        "Patient/..",
        "Patient/.",
        "Patient/1/_history/2",
        "https://evil.example/Patient/1",
        "Patient/a?b",
        "Patient/a b",
        &long,
    ] {
        assert_eq!(refused(&IdToken { fhir_user: Some(user), ..TOKEN }), IdTokenError::FhirUser, "{user}");
        assert!(!is_user(user));
    }
}

#[test]
fn a_login_in_the_future_and_no_client() {
    assert_eq!(refused(&IdToken { auth_time_s: Some(NOW + 1), ..TOKEN }), IdTokenError::AuthTime);
    assert!(TOKEN.signing_input("k1", &AT).is_ok());
    assert_eq!(refused(&IdToken { client_id: "", ..TOKEN }), IdTokenError::Client);
}

proptest! {
    /// Whatever client and nonce say: they come back as they are, and change no other claim.
    #[test]
    fn texts_stay_in_their_claims(client_id in ".{1,40}", nonce in ".{1,40}") {
        let said = claims(&IdToken { client_id: &client_id, nonce: Some(&nonce), ..TOKEN });
        prop_assert_eq!(&said["aud"], &json!(client_id));
        prop_assert_eq!(&said["nonce"], &json!(nonce));
        prop_assert_eq!(&said["iss"], "https://g.example");
        prop_assert_eq!(said.as_object().map(serde_json::Map::len), Some(8));
    }
}
