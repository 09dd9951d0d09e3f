//! Values of every primitive type of R4, and texts of every kind of column, for a field of a map.

use mappers::map::{Codec, ContentKind, Field, Primitive, Slot};
use mappers::schema::ColumnKind;

/// What R4 says of a field's value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// The primitive type, or `Reference`.
    pub(crate) name: &'static str,
    pub(crate) codes: Option<&'static [&'static str]>,
}

/// Valid values, as JSON; some fit the column and some do not.
pub(crate) fn values(kind: Kind, field: Option<&Field>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    if let Some(Field { codec: Codec::Codes(codes), .. }) = field {
        let allowed = |code: &&String| kind.codes.is_none_or(|allowed| allowed.contains(&code.as_str()));
        found.extend(codes.iter().map(|(_, code)| code).filter(allowed).map(|code| format!("{code:?}")));
    }
    if let Some(codes) = kind.codes {
        found.extend(codes.iter().map(|code| format!("{code:?}")));
        found.dedup();
        return found;
    }
    found.extend(of_type(kind.name).iter().map(|text| (*text).to_owned()));
    found
}

/// Valid values of a primitive type.
pub(crate) fn of_type(name: &str) -> &'static [&'static str] {
    match name {
        "base64Binary" => &[r#""aGVsbG8=""#, r#""AAEC""#, r#""aGVs bG8=""#],
        "boolean" => &["true", "false"],
        "canonical" => &[r#""http://e.org/q""#, r#""http://e.org/q|1.0""#],
        "code" => &[r#""final-1""#, r#""a b""#, r#""N""#, r#""8867-4""#],
        "date" => &[r#""1974-12-25""#, r#""2000-02-29""#, r#""1974""#, r#""1974-12""#, r#""0001-01-01""#],
        "dateTime" => &[
            r#""2020-01-15T15:30:00Z""#,
            r#""1974-12-25""#,
            r#""2020-07-15T10:30:00-04:00""#,
            r#""2020-01-15T10:30:00-05:00""#,
            r#""2020-01-15T10:30:00.125-05:00""#,
            r#""2020-01-15T10:30:00.1234567Z""#,
            r#""2020-01-15T10:30:00.000Z""#,
            r#""2016-12-31T23:59:60Z""#,
            r#""1974""#,
            r#""1974-12""#,
            r#""0001-01-01T00:00:00+14:00""#,
        ],
        "decimal" => &[
            "98.60",
            "5",
            "72",
            "0",
            "-3.5",
            "1E+2",
            "1e-3",
            "-0.0",
            "123456789012345678901234567890.5",
            "98.6543210987",
        ],
        "id" => &[r#""an-id.1""#],
        "instant" => &[
            r#""2020-01-15T15:30:00Z""#,
            r#""2020-01-15T10:30:00-05:00""#,
            r#""2020-01-15T10:30:00.5-05:00""#,
            r#""2020-01-15T10:30:00.1234567Z""#,
        ],
        "integer" => &["12", "0", "-5", "2147483647"],
        "positiveInt" => &["12", "1", "2147483647"],
        "unsignedInt" => &["12", "0", "2147483647"],
        "oid" => &[r#""urn:oid:1.2.3""#],
        "time" => &[r#""10:30:00""#, r#""10:30:00.50""#, r#""10:30:00.1234567""#, r#""23:59:60""#],
        "uri" | "url" => &[r#""http://loinc.org""#, r#""urn:x:1""#, r#""http:\/\/e.org""#],
        "uuid" => &[r#""urn:uuid:c757873d-ec9a-4326-a141-556f43239520""#],
        "xhtml" => &[
            r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">plain</div>""#,
            r#""<div xmlns=\"http://www.w3.org/1999/xhtml\">1 &lt; 2<br/>3</div>""#,
            r#""<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>a <b>b</b></p></div>""#,
        ],
        _ => &[
            r#""Smith""#,
            r#""Zoë""#,
            r#""caf\u00e9""#,
            r#""a\/b""#,
            r#""quote\"d""#,
            r#""back\\slash""#,
            r#"" padded ""#,
            r#""\ud83d\ude00""#,
            r#""line\nend""#,
            r#""null""#,
            r#""1974""#,
            r#""true""#,
            r#""12""#,
        ],
    }
}

/// Texts that another program may put into the column: values of its type that have a meaning for the element.
pub(crate) fn cells(kind: Kind, field: &Field, slot: &Slot) -> Vec<String> {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    match &field.codec {
        Codec::Reference => return own(&["k1", "k2", "plain-key"]),
        Codec::Codes(codes) => {
            let allowed = |code: &String| kind.codes.is_none_or(|allowed| allowed.contains(&code.as_str()));
            return codes.iter().filter(|(_, code)| allowed(code)).map(|(text, _)| text.clone()).collect();
        }
        Codec::Content(ContentKind::Column) if slot.kind != ColumnKind::Bytes => return own(&["plain text", "a\nb"]),
        Codec::Content(ContentKind::Column) => return own(&["aGVsbG8=", "AAEC"]),
        Codec::Content(_) => return own(&["folder/file.pdf"]),
        Codec::Narrative => return own(&["plain", "1 < 2 & 3", "two\nlines"]),
        Codec::Places(_) => return own(&["folder/file.pdf"]),
        Codec::Rest(_) => return own(&["{}"]),
        Codec::Plain | Codec::Zoned(_) => {}
    }
    if let Some(codes) = kind.codes {
        return own(codes);
    }
    let whole = matches!(field.primitive, Primitive::Integer);
    match slot.kind {
        ColumnKind::Array => own(&["[\"one\"]", "[\"one\",\"two\"]"]),
        ColumnKind::Boolean => own(&["true", "false"]),
        ColumnKind::Integer => own(&["12", "1", "72"]),
        ColumnKind::Numeric | ColumnKind::Real if whole => own(&["12", "1", "72"]),
        ColumnKind::Numeric | ColumnKind::Real => own(&["98.6", "5", "72", "0.5"]),
        ColumnKind::Date => own(&["1974-12-25", "2000-02-29"]),
        ColumnKind::TimestampTz => own(&["2020-01-15T15:30:00Z", "2021-03-04T05:06:07.5Z"]),
        ColumnKind::Timestamp => own(&["2020-01-15T10:30:00", "2021-03-04T05:06:07.5"]),
        ColumnKind::Time => own(&["10:30:00", "23:59:00"]),
        ColumnKind::Uuid => own(&["c757873d-ec9a-4326-a141-556f43239520"]),
        ColumnKind::Bytes => own(&["aGVsbG8="]),
        ColumnKind::Json => own(&["{}"]),
        ColumnKind::Text | ColumnKind::Other => match (field.primitive, kind.name) {
            (Primitive::Boolean, _) => own(&["true", "false"]),
            (Primitive::Integer, _) => own(&["12", "1"]),
            (Primitive::Decimal, _) => own(&["98.6", "5"]),
            (Primitive::Date, _) => own(&["1974-12-25", "1974"]),
            (Primitive::DateTime, _) => own(&["1974-12-25", "2020-01-15T15:30:00Z"]),
            (Primitive::Instant, _) => own(&["2020-01-15T15:30:00Z"]),
            (Primitive::Time, _) => own(&["10:30:00"]),
            (Primitive::String, "code" | "id") => own(&["abc", "N", "8867-4"]),
            (Primitive::String, "uri" | "url" | "canonical") => own(&["http://loinc.org", "urn:x:1"]),
            (Primitive::String, "oid") => own(&["urn:oid:1.2.3"]),
            (Primitive::String, "uuid") => own(&["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"]),
            (Primitive::String, "base64Binary") => own(&["aGVsbG8="]),
            (Primitive::String, "xhtml") => own(&["<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"]),
            (Primitive::String, _) => own(&["Zoë", "O'Hara", "two words", "a\"b\\c", "Łódź 😀"]),
        },
    }
}
