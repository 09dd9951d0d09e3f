//! What a column can hold of a value, and what becomes of texts that other programs wrote.

use jiff::tz::TimeZone;
use std::sync::Arc;

use mappers::codec::{Content, Context, Encoded, decode, encode};
use mappers::map::{Codec, ContentKind, Field, Primitive};
use mappers::schema::ColumnKind;

fn field(primitive: Primitive, codec: Codec) -> Field {
    Field {
        slots: vec![0],
        list: false,
        primitive,
        codec,
        constant: None,
        default: None,
        group: None,
        terminology: None,
        bare: false,
        json_path: Vec::new(),
        absent: None,
        stays: false,
    }
}

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").expect("bundled zone")
}

fn encoded(field: &Field, kind: ColumnKind, raw: &str) -> Encoded {
    encode(field, kind, raw, &Context { zone: &zone(), content: None })
}

fn decoded(field: &Field, kind: ColumnKind, cell: &str) -> Option<String> {
    let mut out = Vec::new();
    let some = decode(field, kind, cell, &Context { zone: &zone(), content: None }, &mut out);
    some.then(|| String::from_utf8(out).expect("UTF-8"))
}

fn exact(text: &str) -> Encoded {
    Encoded::Exact(text.into())
}

fn reading(text: &str) -> Encoded {
    Encoded::Reading(text.into())
}

#[test]
fn values_leave_only_where_they_come_back_as_they_were() {
    use ColumnKind::{Boolean, Date, Integer, Numeric, Real, Text, Time, Timestamp, TimestampTz, Uuid};
    let plain = |primitive| field(primitive, Codec::Plain);
    let zoned = |primitive| field(primitive, Codec::Zoned(None));
    let cases = [
        (plain(Primitive::Boolean), Boolean, "true", exact("true")),
        (plain(Primitive::Boolean), Integer, "false", exact("0")),
        (plain(Primitive::Boolean), Boolean, "\"true\"", Encoded::Unfit),
        (plain(Primitive::String), Text, r#""caf\u00e9""#, reading("café")),
        (plain(Primitive::String), Text, r#""a\"b""#, exact("a\"b")),
        (plain(Primitive::String), Text, r#""a\/b""#, reading("a/b")),
        (plain(Primitive::String), Text, r#"" ""#, Encoded::Unfit),
        (plain(Primitive::String), Text, "5", Encoded::Unfit),
        (
            plain(Primitive::String),
            Uuid,
            r#""0190A5C4-0000-7000-8000-000000000001""#,
            reading("0190a5c4-0000-7000-8000-000000000001"),
        ),
        (plain(Primitive::String), Uuid, r#""007""#, Encoded::Unfit),
        (plain(Primitive::String), Integer, r#""007""#, Encoded::Unfit),
        (plain(Primitive::Date), Date, r#""1974-12-25""#, exact("1974-12-25")),
        (plain(Primitive::Date), Date, r#""1974""#, reading("1974-01-01")),
        (plain(Primitive::Date), Text, r#""1974""#, exact("1974")),
        (plain(Primitive::Date), Date, r#""2021-02-29""#, Encoded::Unfit),
        (plain(Primitive::Decimal), Numeric, "1.10", exact("1.10")),
        (plain(Primitive::Decimal), Numeric, "1E+2", reading("100")),
        (plain(Primitive::Decimal), Real, "1.10", reading("1.1")),
        (plain(Primitive::Decimal), Real, "98.6", exact("98.6")),
        (plain(Primitive::Decimal), Integer, "72", exact("72")),
        (plain(Primitive::Decimal), Integer, "98.6", reading("99")),
        (plain(Primitive::Integer), Integer, "4294967297", Encoded::Unfit),
        (plain(Primitive::DateTime), TimestampTz, r#""2020-01-15T10:30:00-05:00""#, exact("2020-01-15T15:30:00Z")),
        (plain(Primitive::DateTime), TimestampTz, r#""2020-01-15T15:30:00Z""#, reading("2020-01-15T15:30:00Z")),
        (plain(Primitive::DateTime), TimestampTz, r#""2020""#, reading("2020-01-01T05:00:00Z")),
        (zoned(Primitive::DateTime), Timestamp, r#""2020-07-15T10:30:00-04:00""#, exact("2020-07-15T10:30:00")),
        (zoned(Primitive::DateTime), Timestamp, r#""2020-11-01T01:30:00-05:00""#, reading("2020-11-01T01:30:00")),
        (plain(Primitive::DateTime), Timestamp, r#""2020-07-15T10:30:00Z""#, exact("2020-07-15T10:30:00")),
        (plain(Primitive::Instant), TimestampTz, r#""2020-01-15T10:30:00.000-05:00""#, reading("2020-01-15T15:30:00Z")),
        (plain(Primitive::Time), Time, r#""10:30:00""#, exact("10:30:00")),
        (plain(Primitive::Time), Time, r#""10:30:00.50""#, reading("10:30:00.5")),
    ];
    for (field, kind, raw, wanted) in cases {
        assert_eq!(encoded(&field, kind, raw), wanted, "{raw} in {kind:?}");
    }
}

#[test]
fn any_spelling_is_read_and_only_valid_values_are_written() {
    use ColumnKind::{Boolean, Bytes, Date, Integer, Numeric, Real, Text, Time, Timestamp, TimestampTz};
    let cases: &[(Primitive, ColumnKind, &str, Option<&str>)] = &[
        (Primitive::Boolean, Boolean, "t", Some("true")),
        (Primitive::Boolean, Text, "0", Some("false")),
        (Primitive::Boolean, Text, "maybe", None),
        (Primitive::Date, Date, "1980-01-02 00:00:00", Some("\"1980-01-02\"")),
        (Primitive::Date, TimestampTz, "1980-01-02T03:00:00Z", Some("\"1980-01-01\"")),
        (Primitive::Date, Date, "infinity", None),
        (Primitive::Date, Date, "0044-03-15 BC", None),
        (Primitive::DateTime, Text, "2020-01-15 10:30:00", Some("\"2020-01-15T10:30:00Z\"")),
        (Primitive::DateTime, Text, "2020-01-15T10:30+0100", Some("\"2020-01-15T10:30:00+01:00\"")),
        (Primitive::DateTime, Timestamp, "2020-01-15T10:30:00.25", Some("\"2020-01-15T10:30:00.25Z\"")),
        (Primitive::DateTime, Date, "2020-01-15", Some("\"2020-01-15\"")),
        (Primitive::Instant, Date, "2020-01-15", Some("\"2020-01-15T00:00:00Z\"")),
        (Primitive::Instant, Text, "2020-01", None),
        (Primitive::Decimal, Numeric, "5.0", Some("5.0")),
        (Primitive::Decimal, Real, "5.0", Some("5")),
        (Primitive::Decimal, Text, "+007.50", Some("7.50")),
        (Primitive::Decimal, Text, ".5", Some("0.5")),
        (Primitive::Decimal, Numeric, "NaN", None),
        (Primitive::Decimal, Text, "1,5", None),
        (Primitive::Integer, Numeric, "5.0", Some("5")),
        (Primitive::Integer, Text, "5.5", None),
        (Primitive::Integer, Integer, "99999999999", None),
        (Primitive::String, Text, "", None),
        (Primitive::String, Text, "bell\u{7}", None),
        (Primitive::String, Text, "tab\there", Some(r#""tab\there""#)),
        (Primitive::String, Bytes, "68656C6C6F", Some("\"aGVsbG8=\"")),
        (Primitive::Time, Time, "10:30", Some("\"10:30:00\"")),
        (Primitive::Time, Text, "25:00", None),
    ];
    for (primitive, kind, cell, wanted) in cases {
        let field = field(*primitive, Codec::Plain);
        assert_eq!(decoded(&field, *kind, cell).as_deref(), *wanted, "{cell:?} in {kind:?}");
    }
}

#[test]
fn codes_go_by_the_table_whatever_the_case() {
    let codes = [("M", "male"), ("1", "female")].map(|(text, code)| (text.to_owned(), code.to_owned()));
    let field = field(Primitive::String, Codec::Codes(codes.to_vec()));
    assert_eq!(encoded(&field, ColumnKind::Text, "\"male\""), exact("M"));
    assert_eq!(encoded(&field, ColumnKind::Text, "\"banana\""), Encoded::Unfit);
    assert_eq!(decoded(&field, ColumnKind::Text, "m ").as_deref(), Some("\"male\""));
    assert_eq!(decoded(&field, ColumnKind::Boolean, "true").as_deref(), Some("\"female\""));
    assert_eq!(decoded(&field, ColumnKind::Text, "X"), None);
}

#[test]
fn content_is_base64_of_a_column_or_kept_elsewhere() {
    struct Files;
    impl Content for Files {
        fn kept(&self, _: ContentKind, data: &str) -> Option<Box<str>> {
            Some(format!("files/{data}").into())
        }
        fn find(&self, _: ContentKind, name: &str) -> Option<Arc<str>> {
            Some(name.strip_prefix("files/")?.into())
        }
    }
    let column = field(Primitive::String, Codec::Content(ContentKind::Column));
    assert_eq!(encoded(&column, ColumnKind::Text, "\"aGVsbG8=\""), exact("hello"));
    assert_eq!(decoded(&column, ColumnKind::Text, "hello").as_deref(), Some("\"aGVsbG8=\""));
    let file = field(Primitive::String, Codec::Content(ContentKind::File));
    assert_eq!(encoded(&file, ColumnKind::Text, "\"aGVsbG8=\""), Encoded::Unfit);
    let context = Context { zone: &TimeZone::UTC, content: Some(&Files) };
    assert_eq!(encode(&file, ColumnKind::Text, "\"aGVsbG8=\"", &context), exact("files/aGVsbG8="));
}
