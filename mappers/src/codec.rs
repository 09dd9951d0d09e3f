//! Exact two-way correspondence between one FHIR primitive (its JSON text) and one column (its canonical text).
//!
//! The law every codec keeps: a value is [`Encoded::Exact`] only if [`decode`] gives back the identical JSON text.
//! Anything else may still give its column a reading, and stays in the residue itself.

mod narrative;
mod number;
mod place;
mod rest;
mod stamp;
mod text;

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::tz::TimeZone;

pub(crate) use place::{is_filled, is_whole, json_set, kind_at, list_text, nested, quoted, view};
pub(crate) use text::base64 as canonical_base64;

use crate::json::{unescape, write_string};
use crate::map::{Codec, ContentKind, Field, Primitive};
use crate::schema::ColumnKind;

/// What values mean beyond their text.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The organization's zone: columns without zone are read in it, instants are written in it.
    pub zone: &'a TimeZone,
    /// Where attachments' bytes are; without it they stay in the resource.
    pub content: Option<&'a dyn Content>,
}

/// Attachment bytes kept outside the database. Nothing is fetched or stored by asking: whoever splits and joins lays ready
/// what a row names ([`crate::content::named`]) and what a resource brings ([`crate::content::brought`]).
pub trait Content {
    /// What the column holds (a path or an object key) for the base64 `data`, which lies there already; `None` where it
    /// does not: then it stays in another place of the field, or in the resource.
    fn kept(&self, kind: ContentKind, data: &str) -> Option<Box<str>>;
    /// The base64, in its canonical spelling, of what the column's text names; `None` where it cannot be had.
    fn find(&self, kind: ContentKind, name: &str) -> Option<Arc<str>>;
}

/// What a column can hold of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Encoded {
    /// This text, and it decodes to the identical JSON: the value may leave the residue.
    Exact(Box<str>),
    /// This text says it best, but the value itself must stay.
    Reading(Box<str>),
    /// Nothing.
    Unfit,
}

impl Context<'_> {
    /// UTC, and no content outside the database.
    #[must_use]
    pub fn utc() -> Context<'static> {
        const UTC: &TimeZone = &TimeZone::UTC;
        Context { zone: UTC, content: None }
    }
}

/// The column text for a primitive given as raw JSON text (`"1974-12-25"`, `98.60`, `true`).
pub fn encode(field: &Field, kind: ColumnKind, raw: &str, context: &Context<'_>) -> Encoded {
    if !has_json_type(field.primitive, raw) {
        return Encoded::Unfit;
    }
    let value = scalar(raw);
    if is_plain_text(field, kind) {
        // Most values of most resources: no second pass where nothing needs an escape.
        return match value {
            Cow::Borrowed(text) if text::is_simple(text) => Encoded::Exact(text.into()),
            Cow::Owned(text) if text::fits(&text) && written(&text) == raw => Encoded::Exact(text.into()),
            Cow::Owned(text) if text::fits(&text) => Encoded::Reading(text.into()),
            _ => Encoded::Unfit,
        };
    }
    if let Codec::Content(content) = &field.codec {
        return encode_content(*content, kind, raw, context);
    }
    let Some(cell) = candidate(field, kind, &value, context) else { return Encoded::Unfit };
    let mut back = Vec::with_capacity(raw.len());
    if decode(field, kind, &cell, context, &mut back) && back == raw.as_bytes() {
        Encoded::Exact(cell.into())
    } else {
        Encoded::Reading(cell.into())
    }
}

/// Whether a column's text has characters that are served as spaces.
pub(crate) fn is_unprintable(field: &Field, cell: &str) -> bool {
    matches!(field.codec, Codec::Narrative) && text::is_unprintable(cell)
}

/// Appends the JSON text for a column's text, which any program may have written. False, with nothing appended, where
/// the text is no value of the type.
pub fn decode(field: &Field, kind: ColumnKind, cell: &str, context: &Context<'_>, out: &mut Vec<u8>) -> bool {
    if is_plain_text(field, kind) && text::is_simple(cell) {
        out.push(b'"');
        out.extend_from_slice(cell.as_bytes());
        out.push(b'"');
        return true;
    }
    let value = match &field.codec {
        Codec::Codes(codes) => code_of(codes, kind, cell).map(Cow::Borrowed),
        Codec::Narrative if kind == ColumnKind::Bytes => None,
        Codec::Narrative => text::lenient(cell).map(|text| Cow::Owned(narrative::render(&text))),
        Codec::Content(content) => return decode_content(*content, kind, cell, context, out),
        // A field in several places is read place by place.
        Codec::Places(_) => None,
        Codec::Plain | Codec::Rest(_) | Codec::Zoned(_) | Codec::Reference => plain(field, kind, cell, context),
    };
    let Some(value) = value else { return false };
    match field.primitive {
        Primitive::Boolean | Primitive::Decimal | Primitive::Integer => out.extend_from_slice(value.as_bytes()),
        _ => write_string(out, &value),
    }
    true
}

fn has_json_type(primitive: Primitive, raw: &str) -> bool {
    let first = raw.as_bytes().first();
    match primitive {
        Primitive::Boolean => matches!(raw, "true" | "false"),
        Primitive::Decimal | Primitive::Integer => first.is_some_and(|byte| *byte == b'-' || byte.is_ascii_digit()),
        _ => first == Some(&b'"'),
    }
}

#[inline]
fn is_plain_text(field: &Field, kind: ColumnKind) -> bool {
    matches!(field.codec, Codec::Plain)
        && field.primitive == Primitive::String
        && matches!(kind, ColumnKind::Text | ColumnKind::Other)
}

fn written(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

fn candidate(field: &Field, kind: ColumnKind, value: &str, context: &Context<'_>) -> Option<String> {
    let zone = civil_zone(field, context);
    match &field.codec {
        Codec::Codes(codes) => codes.iter().find(|(_, code)| code == value).map(|(text, _)| text.clone()),
        Codec::Narrative => narrative::read(value),
        Codec::Content(_) | Codec::Places(_) | Codec::Reference => None,
        Codec::Rest(named) => rest::candidate(named, field.json_path.len(), value),
        Codec::Plain | Codec::Zoned(_) => match field.primitive {
            Primitive::Boolean => text::boolean_cell(kind, value),
            Primitive::Date => stamp::date_cell(kind, value, context.zone),
            Primitive::DateTime | Primitive::Instant => stamp::stamp_cell(kind, value, zone, context.zone),
            Primitive::Decimal => number::decimal_cell(kind, value),
            Primitive::Integer => number::integer_cell(kind, value),
            Primitive::String => text::string_cell(kind, value),
            Primitive::Time => stamp::time_cell(kind, value),
        },
    }
}

fn plain<'a>(field: &Field, kind: ColumnKind, cell: &'a str, context: &Context<'_>) -> Option<Cow<'a, str>> {
    let zone = civil_zone(field, context);
    match field.primitive {
        Primitive::Boolean => text::boolean(cell).map(Cow::Borrowed),
        Primitive::Date => stamp::date(kind, cell, context.zone),
        Primitive::DateTime => stamp::date_time(kind, cell, zone, context.zone),
        Primitive::Decimal => number::decimal(cell, kind == ColumnKind::Real),
        Primitive::Instant => stamp::instant(kind, cell, zone, context.zone),
        Primitive::Integer => number::integer(cell),
        Primitive::String => text::string(kind, cell),
        Primitive::Time => stamp::time(cell),
    }
}

/// The zone of columns that name none.
fn civil_zone<'z>(field: &'z Field, context: &Context<'z>) -> Option<&'z TimeZone> {
    match &field.codec {
        Codec::Zoned(Some(zone)) => Some(zone),
        Codec::Zoned(None) => Some(context.zone),
        _ => None,
    }
}

/// Whether a column's text is a time that its zone's clocks showed twice or not at all: what is served is then one of two
/// readings (the earlier offset of an hour that came twice, the time that clocks showed instead of one that never was).
pub(crate) fn is_doubtful(field: &Field, kind: ColumnKind, cell: &str, context: &Context<'_>) -> bool {
    let zone = civil_zone(field, context).filter(|_| kind != ColumnKind::TimestampTz);
    zone.is_some_and(|zone| stamp::is_doubtful(cell, zone))
}

/// The code for a column's text: as the table spells it, else whatever its case and padding.
fn code_of<'c>(codes: &'c [(String, String)], kind: ColumnKind, cell: &str) -> Option<&'c str> {
    let exact = codes.iter().find(|(text, _)| text == cell);
    let loose = || codes.iter().find(|(text, _)| text.trim().eq_ignore_ascii_case(cell.trim()));
    let boolean = || {
        let value = (kind == ColumnKind::Boolean).then(|| text::boolean(cell)).flatten()?;
        codes.iter().find(|(text, _)| text::boolean(text) == Some(value))
    };
    exact.or_else(loose).or_else(boolean).map(|(_, code)| code.as_str())
}

/// As [`encode`], for attachment data in one place.
pub(crate) fn encode_content(content: ContentKind, kind: ColumnKind, raw: &str, context: &Context<'_>) -> Encoded {
    if !raw.starts_with('"') {
        return Encoded::Unfit;
    }
    let value = scalar(raw);
    let Some(data) = text::base64(&value) else { return Encoded::Unfit };
    let cell = match content {
        ContentKind::Column if kind == ColumnKind::Bytes => text::hexadecimal(&data).map(Into::into),
        ContentKind::Column => text_of(&data),
        ContentKind::File | ContentKind::Object => context.content.and_then(|there| there.kept(content, &data)),
    };
    let Some(cell) = cell else { return Encoded::Unfit };
    // Line breaks and escapes stay with the resource; the column has the bytes all the same.
    let identical = raw.len() == data.len() + 2 && raw[1..raw.len() - 1] == *data;
    if identical { Encoded::Exact(cell) } else { Encoded::Reading(cell) }
}

/// As [`decode`], for attachment data in one place.
pub(crate) fn decode_content(
    content: ContentKind,
    kind: ColumnKind,
    cell: &str,
    context: &Context<'_>,
    out: &mut Vec<u8>,
) -> bool {
    let found: Cow<'_, str> = match content {
        ContentKind::Column if kind == ColumnKind::Bytes => match text::base64_of_hexadecimal(cell) {
            Some(data) => Cow::Owned(data),
            None => return false,
        },
        ContentKind::Column if cell.is_empty() => return false,
        ContentKind::Column => Cow::Owned(BASE64.encode(cell)),
        ContentKind::File | ContentKind::Object => match context.content.and_then(|there| there.find(content, cell)) {
            Some(data) => {
                out.reserve(data.len() + 2);
                write_string(out, &data);
                return true;
            }
            None => return false,
        },
    };
    out.reserve(found.len() + 2);
    write_string(out, &found);
    true
}

/// The text that base64 spells, where it is one that a text column can hold.
fn text_of(data: &str) -> Option<Box<str>> {
    let text = String::from_utf8(BASE64.decode(data).ok()?).ok()?;
    (!text.is_empty() && !text.contains('\0')).then(|| text.into())
}

/// The value of a JSON scalar's text: strings unescaped, others as written.
#[inline]
pub(crate) fn scalar(raw: &str) -> Cow<'_, str> {
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        None => Cow::Borrowed(raw),
        Some(inner) if memchr::memchr(b'\\', inner.as_bytes()).is_none() => Cow::Borrowed(inner),
        Some(inner) => Cow::Owned(unescape(inner)),
    }
}
