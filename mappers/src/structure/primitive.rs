//! The formats of the primitive types (<https://hl7.org/fhir/R4/datatypes.html#primitive>), without regular expressions.

use crate::json::{Element, Kind};

use super::IssueCode;

/// Strings may hold this many characters.
const MAX_STRING: usize = 1024 * 1024;

/// A primitive type of R4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

/// Name, and what a value of the type must be.
const PRIMITIVES: [(Primitive, &str, &str); 20] = [
    (Primitive::Base64Binary, "base64Binary", "send base64 text (RFC 4648) with its padding"),
    (Primitive::Boolean, "boolean", "send true or false without quotes"),
    (Primitive::Canonical, "canonical", "send a URI without white space"),
    (Primitive::Code, "code", "send a code without white space at its ends and with single spaces inside"),
    (Primitive::Date, "date", "send YYYY, YYYY-MM or YYYY-MM-DD, a real day"),
    (
        Primitive::DateTime,
        "dateTime",
        "send YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with Z or an offset such as +01:00, a real day",
    ),
    (Primitive::Decimal, "decimal", "send a number without quotes"),
    (Primitive::Id, "id", "send 1 to 64 of A-Z, a-z, 0-9, - and ."),
    (Primitive::Instant, "instant", "send YYYY-MM-DDThh:mm:ss with Z or an offset such as +01:00, a real day"),
    (Primitive::Integer, "integer", "send a whole number from -2147483648 to 2147483647 without quotes"),
    (Primitive::Markdown, "markdown", "send text that is not empty"),
    (Primitive::Oid, "oid", "send urn:oid: and dotted numbers without leading zeros"),
    (Primitive::PositiveInt, "positiveInt", "send a whole number from 1 to 2147483647 without quotes"),
    (Primitive::String, "string", "send text that is not empty"),
    (Primitive::Time, "time", "send hh:mm:ss, 00:00:00 to 23:59:60"),
    (Primitive::UnsignedInt, "unsignedInt", "send a whole number from 0 to 2147483647 without quotes"),
    (Primitive::Uri, "uri", "send a URI without white space"),
    (Primitive::Url, "url", "send a URL without white space"),
    (Primitive::Uuid, "uuid", "send urn:uuid: and a UUID in lower case"),
    (Primitive::Xhtml, "xhtml", "send an XHTML div as a string"),
];

impl Primitive {
    pub(crate) fn named(name: &str) -> Option<Self> {
        PRIMITIVES.iter().find(|entry| entry.1 == name).map(|entry| entry.0)
    }

    pub(crate) fn name(self) -> &'static str {
        PRIMITIVES[self as usize].1
    }

    /// What to send.
    pub(crate) fn advice(self) -> &'static str {
        PRIMITIVES[self as usize].2
    }

    /// Whether the value has the type's JSON type and format.
    pub(crate) fn check(self, value: Element<'_>) -> Result<(), IssueCode> {
        match (self, value.kind()) {
            (Self::Boolean, Kind::True | Kind::False) | (Self::Decimal, Kind::Number) => Ok(()),
            (Self::Integer | Self::PositiveInt | Self::UnsignedInt, Kind::Number) => {
                let least = match self {
                    Self::Integer => i32::MIN,
                    Self::PositiveInt => 1,
                    _ => 0,
                };
                let fits = value.raw().parse::<i32>().is_ok_and(|number| number >= least);
                let signed = self == Self::Integer || !value.raw().starts_with('-');
                (fits && signed).then_some(()).ok_or(IssueCode::Value)
            }
            (Self::Boolean | Self::Decimal | Self::Integer | Self::PositiveInt | Self::UnsignedInt, _) => {
                Err(IssueCode::Structure)
            }
            (_, Kind::String) => self.check_text(value),
            _ => Err(IssueCode::Structure),
        }
    }

    fn check_text(self, value: Element<'_>) -> Result<(), IssueCode> {
        if matches!(self, Self::String | Self::Markdown) {
            // Escapes only shorten a text, so what is short as written needs no unescaping.
            let raw = value.raw_string().unwrap_or_default();
            return match raw.len() {
                0 => Err(IssueCode::Value),
                1..=MAX_STRING => Ok(()),
                _ if value.string().unwrap_or_default().chars().count() <= MAX_STRING => Ok(()),
                _ => Err(IssueCode::TooLong),
            };
        }
        let text = value.string().unwrap_or_default();
        self.allows(&text).then_some(()).ok_or(IssueCode::Value)
    }

    /// Whether the text has the format of this type.
    fn allows(self, text: &str) -> bool {
        let bytes = text.as_bytes();
        match self {
            Self::Xhtml => true,
            Self::String | Self::Markdown => !bytes.is_empty(),
            Self::Uri | Self::Url | Self::Canonical => !text.is_empty() && !text.contains(char::is_whitespace),
            Self::Code => code(text),
            Self::Id => {
                (1..=64).contains(&bytes.len())
                    && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            }
            Self::Oid => text.strip_prefix("urn:oid:").is_some_and(oid),
            Self::Uuid => text.strip_prefix("urn:uuid:").is_some_and(uuid),
            Self::Base64Binary => base64(bytes),
            Self::Date => date(bytes).is_some_and(<[u8]>::is_empty),
            Self::Time => time(bytes).is_some_and(<[u8]>::is_empty),
            Self::DateTime => {
                date(bytes).is_some_and(|rest| rest.is_empty() || (full_date(bytes) && time_and_zone(rest)))
            }
            Self::Instant => date(bytes).is_some_and(|rest| full_date(bytes) && time_and_zone(rest)),
            Self::Boolean | Self::Decimal | Self::Integer | Self::PositiveInt | Self::UnsignedInt => false,
        }
    }
}

/// `[^\s]+(\s[^\s]+)*`
fn code(text: &str) -> bool {
    let mut space = true;
    for character in text.chars() {
        let here = character.is_whitespace();
        if here && space {
            return false;
        }
        space = here;
    }
    !space
}

/// `[0-2](\.(0|[1-9][0-9]*))+`
fn oid(text: &str) -> bool {
    let mut arcs = text.split('.');
    let root = matches!(arcs.next(), Some("0" | "1" | "2"));
    let mut any = false;
    let rest = arcs.all(|arc| {
        any = true;
        arc == "0" || (!arc.is_empty() && !arc.starts_with('0') && arc.bytes().all(|byte| byte.is_ascii_digit()))
    });
    root && rest && any
}

fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

/// Groups of four, padded; white space may stand between characters, as mail programs write it.
fn base64(bytes: &[u8]) -> bool {
    let (mut count, mut padding) = (0_usize, 0_usize);
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => count += 1,
            b'=' if padding < 2 => {
                padding += 1;
                count += 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => return false,
        }
    }
    count > 0 && count % 4 == 0
}

/// Steps over `YYYY`, `YYYY-MM` or a real `YYYY-MM-DD`.
fn date(text: &[u8]) -> Option<&[u8]> {
    let year = number(text, 4)?;
    let rest = &text[4..];
    if year == 0 {
        return None;
    }
    let Some(rest) = rest.strip_prefix(b"-") else { return Some(rest) };
    let month = number(rest, 2)?;
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    };
    let Some(rest) = rest[2..].strip_prefix(b"-") else { return Some(&rest[2..]) };
    let day = number(rest, 2)?;
    (1..=days).contains(&day).then(|| &rest[2..])
}

/// Whether a text that starts with a date says the day.
fn full_date(text: &[u8]) -> bool {
    text.get(7) == Some(&b'-')
}

fn time_and_zone(text: &[u8]) -> bool {
    let Some(zone) = text.strip_prefix(b"T").and_then(time) else { return false };
    match zone {
        b"Z" => true,
        [b'+' | b'-', offset @ ..] if offset.len() == 5 && offset[2] == b':' => {
            match (number(offset, 2), number(&offset[3..], 2)) {
                (Some(hours), Some(minutes)) => (hours <= 13 && minutes <= 59) || (hours == 14 && minutes == 0),
                _ => false,
            }
        }
        _ => false,
    }
}

/// Steps over `hh:mm:ss` and a fraction.
fn time(text: &[u8]) -> Option<&[u8]> {
    let clock = text.get(..8)?;
    let (hour, minute, second) = (number(clock, 2)?, number(&clock[3..], 2)?, number(&clock[6..], 2)?);
    // 60 is a leap second.
    if clock[2] != b':' || clock[5] != b':' || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[8..];
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(rest) };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| &fraction[digits..])
}

fn number(text: &[u8], digits: usize) -> Option<u32> {
    text.get(..digits)?
        .iter()
        .try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_own_place() {
        for (at, (primitive, name, _)) in PRIMITIVES.iter().enumerate() {
            assert_eq!(*primitive as usize, at);
            assert_eq!(Primitive::named(name), Some(*primitive));
        }
    }

    #[test]
    fn formats() {
        let cases: [(&str, &[&str], &[&str]); 9] = [
            (
                "date",
                &["1974", "1974-12", "1974-12-25", "2000-02-29", "2024-02-29", "0001"],
                &[
                    "",
                    "974",
                    "0000",
                    "1974-13",
                    "1974-00",
                    "1974-12-",
                    "1900-02-29",
                    "2023-02-29",
                    "2023-04-31",
                    "1974-12-00",
                    "19741225",
                    "1974-12-25T",
                    " 1974",
                    "1974-1-1",
                    "1974-12-25Z",
                ],
            ),
            (
                "dateTime",
                &[
                    "1974",
                    "1974-12",
                    "1974-12-25",
                    "2018-01-01T00:00:00Z",
                    "2018-01-01T23:59:60.123456789+14:00",
                    "2018-01-01T00:00:00-00:00",
                ],
                &[
                    "2018-01-01T00:00:00",
                    "2018-01-01T00:00Z",
                    "2018-01T00:00:00Z",
                    "2018T00:00:00Z",
                    "2018-01-01T24:00:00Z",
                    "2018-01-01T00:00:00.Z",
                    "2018-01-01T00:00:00+14:01",
                    "2018-01-01T00:00:00+1400",
                    "2018-01-01t00:00:00Z",
                    "2018-01-01 00:00:00Z",
                    "2018-02-30T00:00:00Z",
                ],
            ),
            (
                "instant",
                &["2015-02-07T13:28:17.239+02:00", "2017-01-01T00:00:00Z"],
                &["2017-01-01", "2017", "2017-01-01T00:00:00", "2017-01T00:00:00Z"],
            ),
            (
                "time",
                &["00:00:00", "23:59:59.5"],
                &["24:00:00", "12:05", "12:60:00", "12:00:61", "12:00:00Z", "12:00:00.", "1:00:00"],
            ),
            ("id", &["a", "A-1.b"], &["", "a_b", "a b", "é"]),
            (
                "oid",
                &["urn:oid:1.2.3.0", "urn:oid:2.16"],
                &["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02", "urn:oid:1..2", "urn:oid:1.a"],
            ),
            (
                "uuid",
                &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
                &[
                    "urn:uuid:C757873D-EC9A-4326-A141-556F43239520",
                    "c757873d-ec9a-4326-a141-556f43239520",
                    "urn:uuid:c757873d",
                ],
            ),
            ("code", &["a", "a b", "a b c"], &["", " a", "a ", "a  b", "a\t"]),
            ("base64Binary", &["QUJD", "QUI=", "QQ==", "QU JD\r\n"], &["", "QUJ", "Q===", "QQ=A", "Q-_D", "=", " "]),
        ];
        for (name, good, bad) in cases {
            let primitive = Primitive::named(name).unwrap();
            good.iter().for_each(|text| assert!(primitive.allows(text), "{name} {text:?}"));
            bad.iter().for_each(|text| assert!(!primitive.allows(text), "{name} {text:?}"));
        }
    }
}
