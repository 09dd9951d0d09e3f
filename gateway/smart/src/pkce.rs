//! Proof Key for Code Exchange, by S256 alone: <https://www.rfc-editor.org/rfc/rfc7636>.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

/// The one method: <https://hl7.org/fhir/smart-app-launch/app-launch.html#considerations-for-pkce-support>.
pub const METHOD: &str = "S256";

/// Whether a text can be a challenge: a SHA-256 in base64url, 43 characters of which the last has two bits to spare.
#[must_use]
pub fn is_challenge(text: &str) -> bool {
    text.len() == 43 && BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Whether a verifier is the one that a challenge was made of. What cannot be a verifier
/// (<https://www.rfc-editor.org/rfc/rfc7636#section-4.1>) is none.
#[must_use]
pub fn verifies(challenge: &str, verifier: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let may_be = (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_plain);
    let made = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    // Whoever sends a code knows neither: there is nothing to measure that a hash has not mixed.
    may_be && is_challenge(challenge) && made == challenge
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn the_example_of_the_standard_verifies() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(verifies(challenge, verifier));
        assert!(!verifies(verifier, verifier), "plain is no method");
        for wrong in ["", "short", &challenge[..42], &format!("{challenge}="), &"x".repeat(129)] {
            assert!(!verifies(challenge, wrong) && !verifies(wrong, verifier), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn only_the_one_verifier_verifies(verifier in "[A-Za-z0-9._~-]{43,128}", other in "[A-Za-z0-9._~-]{43,128}") {
            let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
            prop_assert!(verifies(&challenge, &verifier));
            prop_assert_eq!(verifies(&challenge, &other), other == verifier);
        }
    }
}
