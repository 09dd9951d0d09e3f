//! Public keys of a client: <https://www.rfc-editor.org/rfc/rfc7517>. What is kept is only what verifying needs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use smart::assertion::KeySet;

use super::ClientError;

/// The longest text, the most keys, the longest id of one.
const LONGEST: usize = 64 * 1024;
const KEYS: usize = 20;
const KID: usize = 256;

/// Members that only who signs may know (RFC 7518, 6.2.2, 6.3.2, 6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The keys in the form in which they are kept. Messages name places, never what stands there.
pub(super) fn check(text: &str) -> Result<String, ClientError> {
    if text.len() > LONGEST {
        return Err(wrong("a key set has at most 64 KiB"));
    }
    let none = || wrong("it is no JSON Web Key Set: an object whose `keys` lists public keys is (RFC 7517)");
    let value: Value = serde_json::from_str(text).map_err(|_| none())?;
    // Whatever it is otherwise: somebody has given a private key away, and has to hear it.
    if holds_private(&value) {
        return Err(wrong(
            "it holds the private part of a key (d, p, q, dp, dq, qi, oth or k): nothing was kept. Give the public part alone, and \
             make a new key: this one has been shown",
        ));
    }
    let keys = value.get("keys").and_then(Value::as_array).ok_or_else(none)?;
    if keys.is_empty() || keys.len() > KEYS {
        return Err(wrong(&format!("give 1 to {KEYS} keys")));
    }
    let mut known = BTreeSet::new();
    let mut kept = Vec::with_capacity(keys.len());
    for (place, key) in keys.iter().enumerate() {
        let key = public(key).map_err(|why| wrong(&format!("key {}: {why}", place + 1)))?;
        if !known.insert(key["kid"].clone().to_string()) {
            return Err(wrong(&format!(
                "key {}: its kid is another one's, too: each key has one of its own",
                place + 1
            )));
        }
        kept.push(key);
    }
    let (count, text) = (kept.len(), json!({ "keys": kept }).to_string());
    // What would verify nothing would be refused every time, and nobody told why.
    if KeySet::parse(text.as_bytes()).map(|set| set.usable()) != Ok(count) {
        return Err(wrong("a key in it cannot verify a signature: make it with a usual exponent (65537), or on P-384"));
    }
    Ok(text)
}

fn wrong(why: &str) -> ClientError {
    ClientError::Invalid(format!("the keys (--jwks): {why}"))
}

/// Whether a private part stands anywhere in it.
fn holds_private(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.keys().any(|name| PRIVATE.contains(&&**name)) || members.values().any(holds_private)
        }
        Value::Array(items) => items.iter().any(holds_private),
        _ => false,
    }
}

/// A key of which assertions can be verified: RSA for RS384, P-384 for ES384, the two that SMART asks for.
fn public(key: &Value) -> Result<Value, &'static str> {
    let key = key.as_object().ok_or("it is no object")?;
    let text = |name: &str| key.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let kid = text("kid").filter(|kid| kid.len() <= KID && !kid.chars().any(char::is_control));
    let kid = kid.ok_or("it needs a kid of at most 256 characters, which assertions name it by")?;
    if key.contains_key("use") && text("use") != Some("sig") {
        return Err("it is not for signatures (use is not sig): leave it out");
    }
    let bytes = |name: &str| text(name).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
    let (algorithm, members): (&str, &[&str]) = match text("kty") {
        Some("RSA") => {
            let modulus = bytes("n").ok_or("n is not base64url without padding")?;
            let exponent = bytes("e").ok_or("e is not base64url without padding")?;
            if !(2048..=8192).contains(&bits(&modulus)) {
                return Err("n has fewer than 2048 bits, or more than 8192");
            }
            if !(1..=8).contains(&exponent.len()) || exponent.last().is_none_or(|last| last % 2 == 0) {
                return Err("e is no exponent of a public key");
            }
            ("RS384", &["n", "e"])
        }
        Some("EC") => {
            if text("crv") != Some("P-384") {
                return Err("its curve is not P-384, which ES384 needs");
            }
            if bytes("x").is_none_or(|x| x.len() != 48) || bytes("y").is_none_or(|y| y.len() != 48) {
                return Err("x and y are 48 bytes each, as base64url without padding");
            }
            ("ES384", &["crv", "x", "y"])
        }
        _ => return Err("its kty is neither RSA (for RS384) nor EC (for ES384)"),
    };
    if key.contains_key("alg") && text("alg") != Some(algorithm) {
        return Err("its alg is not RS384 (RSA) or ES384 (EC): leave alg out, or make a key for one of these");
    }
    let mut kept = Map::new();
    for (name, value) in [("kty", text("kty")), ("kid", Some(kid)), ("use", Some("sig")), ("alg", Some(algorithm))] {
        kept.insert(name.to_owned(), value.into());
    }
    for name in members {
        kept.insert((*name).to_owned(), text(name).into());
    }
    Ok(Value::Object(kept))
}

/// How long a number is, without zeros in front.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros).map_or(0, |first| (number.len() - zeros) * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa(kid: &str) -> Value {
        json!({ "kty": "RSA", "kid": kid, "n": BASE64_URL_SAFE_NO_PAD.encode([0xC3; 256]), "e": "AQAB" })
    }

    fn ec(kid: &str) -> Value {
        let coordinate = BASE64_URL_SAFE_NO_PAD.encode([7; 48]);
        json!({ "kty": "EC", "kid": kid, "crv": "P-384", "x": coordinate, "y": coordinate, "key_ops": ["verify"] })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn set(keys: &[Value]) -> String {
        json!({ "keys": keys }).to_string()
    }

    #[test]
    fn what_verifying_needs_is_kept_and_nothing_else() {
        let kept = check(&set(&[with(rsa("a"), "note", json!("x")), with(ec("b"), "alg", json!("ES384"))])).unwrap();
        let kept: Value = serde_json::from_str(&kept).unwrap();
        let names =
            |place: usize| kept["keys"][place].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
        let sorted = |names: String| {
            let mut names: Vec<_> = names.split(' ').map(ToOwned::to_owned).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(sorted(names(0)), "alg e kid kty n use");
        assert_eq!(sorted(names(1)), "alg crv kid kty use x y");
    }

    #[test]
    fn a_private_part_is_refused_wherever_it_stands_and_never_told() {
        for name in PRIVATE {
            for text in [
                set(&[rsa("a"), with(ec("b"), name, json!("zqprivate"))]),
                with(rsa("a"), name, json!("zqprivate")).to_string(),
                json!({ "keys": [], "more": { "deep": [with(rsa("a"), name, json!(["zqprivate"]))] } }).to_string(),
            ] {
                let why = check(&text).unwrap_err().to_string();
                assert!(why.contains("private part") && !why.contains("zqprivate"), "{name}: {why}");
            }
        }
    }

    #[test]
    fn what_is_no_key_set_is_told_by_its_place() {
        let short = BASE64_URL_SAFE_NO_PAD.encode([0xC3; 128]);
        let padded = BASE64_URL_SAFE_NO_PAD.encode([&[0; 128][..], &[0xC3; 128]].concat());
        assert_eq!((bits(&[0xC3; 256]), bits(&[0x43; 256]), bits(&[0, 0, 1]), bits(&[0])), (2048, 2047, 1, 0));
        for (text, why) in [
            ("-----BEGIN PRIVATE KEY-----".to_owned(), "RFC 7517"),
            ("[]".to_owned(), "RFC 7517"),
            (rsa("a").to_string(), "RFC 7517"),
            (set(&[]), "1 to 20"),
            (set(&(0..21).map(|number| rsa(&number.to_string())).collect::<Vec<_>>()), "1 to 20"),
            (set(&[json!(1)]), "key 1: it is no object"),
            (set(&[rsa("")]), "kid"),
            (set(&[rsa("a"), rsa("a")]), "key 2: its kid"),
            (set(&[with(rsa("a"), "n", json!(short))]), "2048"),
            (set(&[with(rsa("a"), "n", json!(padded))]), "2048"),
            (set(&[with(rsa("a"), "n", json!("+/=="))]), "base64url"),
            (set(&[with(rsa("a"), "e", json!("AQAA"))]), "exponent"),
            (set(&[with(rsa("a"), "alg", json!("RS256"))]), "alg"),
            (set(&[with(rsa("a"), "alg", json!("none"))]), "alg"),
            (set(&[with(rsa("a"), "use", json!("enc"))]), "signatures"),
            (set(&[with(ec("a"), "crv", json!("P-256"))]), "P-384"),
            (set(&[with(ec("a"), "x", json!("AAAA"))]), "48 bytes"),
            (set(&[with(ec("a"), "kty", json!("OKP"))]), "kty"),
            (" ".repeat(64 * 1024 + 1), "64 KiB"),
        ] {
            let told = check(&text).unwrap_err().to_string();
            assert!(told.contains(why), "{why}: {told}");
        }
    }
}
