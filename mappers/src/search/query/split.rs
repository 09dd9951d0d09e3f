//! From bytes to names and values: forms, percent signs, and the escapes of search values.

use std::borrow::Cow;

/// Why a name or value cannot be read.
pub(super) type Fault = &'static str;

/// Name and value of every pair, still encoded; empty pairs are left out.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Undoes `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#application/x-www-form-urlencoded>),
/// strictly: a `%` needs two hexadecimal digits, and the bytes must be UTF-8 without NUL.
pub(super) fn decode(text: &str) -> Result<Cow<'_, str>, Fault> {
    let decoded = if text.contains(['%', '+']) { Cow::Owned(decoded(text.as_bytes())?) } else { Cow::Borrowed(text) };
    if decoded.contains('\0') { Err("holds the character NUL; leave it out") } else { Ok(decoded) }
}

fn decoded(text: &[u8]) -> Result<String, Fault> {
    const FAULT: Fault = "holds a % without two hexadecimal digits; write a percent sign as %25";
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or(FAULT);
                let value = digit()? * 16 + digit()?;
                out.push(u8::try_from(value).map_err(|_| FAULT)?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).map_err(|_| "is not UTF-8 after decoding; percent-encode the bytes of UTF-8")
}

/// Splits at every `mark` that no backslash escapes; the parts stay escaped.
pub(super) fn split_unescaped(text: &str, mark: char) -> Vec<&str> {
    let (mut parts, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == mark {
            parts.push(&text[start..at]);
            start = at + mark.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Undoes `\,` `\|` `\$` and `\\` (<https://hl7.org/fhir/R4/search.html#escaping>); any other backslash stands for
/// itself.
pub(super) fn unescape(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = (character == '\\').then(|| characters.next_if(|next| matches!(next, ',' | '|' | '$' | '\\')));
        out.push(escaped.flatten().unwrap_or(character));
    }
    out.into()
}
