//! Escapes, and writing tokens back.

use super::{Element, Kind};

/// Undoes the escapes of a string that the scanner has accepted (the text between its quotes).
///
/// Total on any input: an escape that the scanner would have refused stays as it is written.
#[must_use]
pub fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (character, length) = escape(&rest.as_bytes()[at..]).unwrap_or(('\\', 1));
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    out
}

/// The escape that starts at a backslash: what it means and how many bytes it takes.
pub(super) fn escape(at: &[u8]) -> Option<(char, usize)> {
    let simple = match at.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(at),
        _ => return None,
    };
    Some((simple, 2))
}

fn unicode_escape(at: &[u8]) -> Option<(char, usize)> {
    let first = hex(at.get(2..6)?)?;
    if !(0xD800..0xDC00).contains(&first) {
        return char::from_u32(first).map(|character| (character, 6));
    }
    if at.get(6..8)? != b"\\u" {
        return None;
    }
    let second = hex(at.get(8..12)?)?;
    if !(0xDC00..0xE000).contains(&second) {
        return None;
    }
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).map(|character| (character, 12))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}

/// Appends `text` as a JSON string with its quotes. Only what must be escaped is.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut done = 0;
    for (at, byte) in bytes.iter().copied().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[done..at]);
        done = at + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
    out.extend_from_slice(&bytes[done..]);
    out.push(b'"');
}

/// Appends the value with no white space between tokens; every token stays as it was written. No key.
pub fn minify(element: &Element<'_>, out: &mut Vec<u8>) {
    if element.is_compact() {
        return out.extend_from_slice(element.raw().as_bytes());
    }
    let object = element.kind() == Kind::Object;
    out.push(if object { b'{' } else { b'[' });
    for (number, child) in element.children().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        if let Some(key) = child.raw_key() {
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
        }
        // As deep as the text, which the scanner has bounded.
        minify(&child, out);
    }
    out.push(if object { b'}' } else { b']' });
}

/// [`minify`] into a new buffer.
#[must_use]
pub fn minify_value(element: &Element<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(element.raw().len());
    minify(element, &mut out);
    out
}
