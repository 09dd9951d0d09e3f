//! Booleans, strings, UUIDs and binaries.

use std::borrow::Cow;

use crate::schema::ColumnKind;

/// Whether a text can be a FHIR string at all (<https://hl7.org/fhir/R4/datatypes.html#string>): something visible,
/// and no control characters but tab and line ends.
pub(super) fn fits(text: &str) -> bool {
    let control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    !text.bytes().any(control) && text.chars().any(|letter| !letter.is_whitespace())
}

/// Whether a text [`fits`] and stands in JSON as it is. One pass: most values of most resources end here.
#[inline]
pub(super) fn is_simple(text: &str) -> bool {
    let (mut special, mut visible) = (false, false);
    // No early end, so that the compiler can take many bytes at a time.
    for byte in text.bytes() {
        special |= (byte < 0x20) | (byte == b'"') | (byte == b'\\');
        // A character beyond ASCII may be a kind of space: the slower check decides.
        visible |= (byte > 0x20) & (byte < 0x7F);
    }
    !special && (visible || fits(text))
}

/// The text with a space for each character that no text may have (word processors write vertical tabs and form feeds).
/// `None` where there is nothing to see in it.
pub(super) fn lenient(text: &str) -> Option<Cow<'_, str>> {
    if !is_unprintable(text) {
        return fits(text).then_some(Cow::Borrowed(text));
    }
    let spaced: String = text.chars().map(|letter| if is_control(letter) { ' ' } else { letter }).collect();
    fits(&spaced).then_some(Cow::Owned(spaced))
}

/// Whether a text holds characters that no text may have.
pub(super) fn is_unprintable(text: &str) -> bool {
    text.chars().any(is_control)
}

fn is_control(letter: char) -> bool {
    letter < ' ' && !matches!(letter, '\t' | '\n' | '\r')
}

pub(super) fn boolean(cell: &str) -> Option<&'static str> {
    let is = |spellings: &[&str]| spellings.iter().any(|spelling| spelling.eq_ignore_ascii_case(cell.trim()));
    if is(&["true", "t", "1", "yes", "y", "on"]) {
        Some("true")
    } else if is(&["false", "f", "0", "no", "n", "off"]) {
        Some("false")
    } else {
        None
    }
}

pub(super) fn boolean_cell(kind: ColumnKind, value: &str) -> Option<String> {
    match kind {
        ColumnKind::Boolean | ColumnKind::Text | ColumnKind::Other => Some(value.to_owned()),
        ColumnKind::Integer | ColumnKind::Numeric => Some(if value == "true" { "1" } else { "0" }.to_owned()),
        _ => None,
    }
}

pub(super) fn string(kind: ColumnKind, cell: &str) -> Option<Cow<'_, str>> {
    if kind == ColumnKind::Bytes {
        return base64_of_hexadecimal(cell).map(Cow::Owned);
    }
    fits(cell).then_some(Cow::Borrowed(cell))
}

/// The cell for a string in a column that is no text column: only what the column's type can hold.
pub(super) fn string_cell(kind: ColumnKind, value: &str) -> Option<String> {
    match kind {
        ColumnKind::Text | ColumnKind::Other => fits(value).then(|| value.to_owned()),
        ColumnKind::Bytes => base64(value).and_then(|data| hexadecimal(&data)),
        ColumnKind::Uuid => uuid(value),
        ColumnKind::Boolean => matches!(value, "true" | "false").then(|| value.to_owned()),
        ColumnKind::Integer => {
            value.parse::<i64>().is_ok_and(|number| number.to_string() == value).then(|| value.to_owned())
        }
        ColumnKind::Numeric => {
            let number = super::number::decimal(value, false)?;
            (number == value && value.len() < 40).then(|| value.to_owned())
        }
        ColumnKind::Date => super::stamp::date_cell(kind, value, &jiff::tz::TimeZone::UTC).filter(|cell| cell == value),
        ColumnKind::Time => super::stamp::time_cell(kind, value),
        ColumnKind::Array | ColumnKind::Json | ColumnKind::Real | ColumnKind::Timestamp | ColumnKind::TimestampTz => {
            None
        }
    }
}

/// `8-4-4-4-12` hexadecimal digits in lower case; other spellings become it.
fn uuid(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let bytes = lower.as_bytes();
    let shape = |at: usize, byte: u8| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    (bytes.len() == 36 && bytes.iter().enumerate().all(|(at, byte)| shape(at, *byte))).then_some(lower)
}

/// Base64 in its one canonical spelling: no line ends, padded. `None` where it is none, or nothing.
pub(crate) fn base64(text: &str) -> Option<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let joined: String = text.split_ascii_whitespace().collect();
    let sound = !joined.is_empty() && STANDARD.decode(&joined).is_ok();
    sound.then_some(joined)
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// The bytes that base64 spells, two capital hexadecimal digits each.
pub(crate) fn hexadecimal(base64: &str) -> Option<String> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    Some(out)
}

/// The base64, in its canonical spelling, of bytes in hexadecimal. `None` where there is none.
pub(crate) fn base64_of_hexadecimal(cell: &str) -> Option<String> {
    use base64::Engine as _;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = cell.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    let bytes = bytes.filter(|bytes| !bytes.is_empty() && rest.is_empty())?;
    Some(base64::engine::general_purpose::STANDARD.encode(bytes))
}
