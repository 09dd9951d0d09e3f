//! The second factor: codes by time (RFC 6238), and codes for who has lost what shows them.

use data_encoding::BASE32_NOPAD;
use qrcode::{Color, QrCode};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretSlice};
use std::fmt::Write as _;
use subtle::ConstantTimeEq as _;

use super::Unavailable;
use crate::pages::{Markup, html};
use crate::store::clients::hash_of;
use crate::store::random;

/// How long a code counts, in milliseconds.
const STEP_MS: i64 = 30_000;
/// Clocks differ: so many steps before and after count, too.
const AROUND: i64 = 1;
/// How many recovery codes there are.
const RECOVERY: usize = 10;

/// A new secret: 160 bits, as SHA-1 has (RFC 4226, R6).
pub(super) fn new_secret() -> Result<SecretSlice<u8>, Unavailable> {
    random::<20>().map(|bytes| SecretSlice::from(bytes.to_vec())).map_err(|_| Unavailable)
}

/// The six digits of a step: <https://www.rfc-editor.org/rfc/rfc4226#section-5.3>.
fn code(secret: &SecretSlice<u8>, step: i64) -> String {
    // SHA-1 is what authenticators speak; in HMAC it holds.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose_secret());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let number = tag.iter().skip(offset).take(4).fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The step whose code this is, at a time; all are compared, in full.
pub(super) fn step_of(secret: &SecretSlice<u8>, given: &str, now_ms: i64) -> Option<i64> {
    let given: String = given.chars().filter(|letter| !letter.is_whitespace()).collect();
    let now = now_ms.div_euclid(STEP_MS);
    let mut found = None;
    for step in (now - AROUND)..=(now + AROUND) {
        if bool::from(code(secret, step).as_bytes().ct_eq(given.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

/// The secret as people type it.
pub(super) fn text(secret: &SecretSlice<u8>) -> String {
    BASE32_NOPAD.encode(secret.expose_secret())
}

/// The secret as authenticators read it: <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>.
pub(super) fn address(secret: &SecretSlice<u8>, issuer: &str, login: &str) -> String {
    // A login name and a host have no more than this that needs escaping.
    let escaped = |text: &str| {
        text.replace('+', "%2B").replace('@', "%40").replace(':', "%3A").replace('[', "%5B").replace(']', "%5D")
    };
    format!(
        "otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}&algorithm=SHA1&digits=6&period=30",
        escaped(login),
        text(secret),
        issuer = escaped(issuer),
    )
}

/// A picture of an address.
pub(super) fn picture(address: &str) -> Markup {
    let Ok(code) = QrCode::new(address) else { return html! {} };
    let (width, quiet) = (code.width(), 4);
    let mut path = String::new();
    for (place, _) in code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark) {
        // Writing to a String does not fail.
        let _ = write!(path, "M{} {}h1v1h-1z", place % width + quiet, place / width + quiet);
    }
    let size = width + 2 * quiet;
    html! {
        svg.qr xmlns="http://www.w3.org/2000/svg" viewBox={ "0 0 " (size) " " (size) } role="img" aria-label="QR code of the key below"
            shape-rendering="crispEdges" {
            rect width=(size) height=(size) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}

/// New recovery codes, of 80 random bits each, with their hashes.
pub(super) fn recovery() -> Result<(Vec<String>, Vec<String>), Unavailable> {
    let mut codes = Vec::with_capacity(RECOVERY);
    for _ in 0..RECOVERY {
        let text = BASE32_NOPAD.encode(&random::<10>().map_err(|_| Unavailable)?);
        let parts: Vec<&str> = (0..4).filter_map(|part| text.get(part * 4..part * 4 + 4)).collect();
        codes.push(parts.join("-"));
    }
    let hashes = codes.iter().map(|code| recovery_hash(code)).collect();
    Ok((codes, hashes))
}

/// The hash of a recovery code, however it is typed.
pub(super) fn recovery_hash(code: &str) -> String {
    let plain: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    hash_of(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = SecretSlice::from(b"12345678901234567890".to_vec());
        // Appendix B, SHA-1: the last six of the eight digits.
        for (seconds, digits) in [
            (59_i64, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            let now_ms = seconds * 1000;
            assert_eq!(code(&secret, seconds / 30), digits[2..], "{seconds}");
            assert_eq!(step_of(&secret, &digits[2..], now_ms), Some(seconds / 30));
            assert_eq!(
                step_of(&secret, &format!(" {} {} ", &digits[2..5], &digits[5..]), now_ms + STEP_MS),
                Some(seconds / 30)
            );
            assert_eq!(step_of(&secret, &digits[2..], now_ms + 2 * STEP_MS), None, "two steps late");
            assert_eq!(step_of(&secret, &digits[2..], now_ms - 2 * STEP_MS), None, "two steps early");
        }
        for wrong in ["", "000000", "28708", "2870822", "\u{662}87082"] {
            assert_eq!(step_of(&secret, wrong, 59_000), None, "{wrong}");
        }
    }

    #[test]
    fn an_authenticator_reads_the_secret() {
        let secret = SecretSlice::from(b"12345678901234567890".to_vec());
        let address = address(&secret, "gateway.example:8443", "ada+1@clinic.example");
        assert_eq!(
            address,
            "otpauth://totp/gateway.example%3A8443:ada%2B1%40clinic.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=gateway.example%3A8443&algorithm=SHA1&digits=6&period=30"
        );
        assert!(picture(&address).into_string().starts_with("<svg"));
    }

    #[test]
    fn recovery_codes_are_told_apart_from_each_other_and_not_by_how_they_are_typed() {
        let (codes, hashes) = recovery().unwrap_or_else(|_| panic!());
        assert_eq!((codes.len(), hashes.len()), (RECOVERY, RECOVERY));
        let distinct: std::collections::BTreeSet<&String> = hashes.iter().collect();
        assert_eq!(distinct.len(), RECOVERY);
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
        assert_eq!(recovery_hash(&codes[0].to_lowercase().replace('-', " ")), hashes[0]);
    }
}
