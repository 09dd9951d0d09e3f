//! Whether a column's type can hold an element's values at all.

use crate::schema::ColumnKind;

use super::super::problem::Report;
use super::super::syntax::{FieldSyntax, Located};
use super::super::{Codec, ContentKind, Primitive, Slot};

/// Reports a column whose type never takes the element's values.
pub(super) fn check(
    slot: &Slot,
    column: &Located<String>,
    syntax: &FieldSyntax,
    codec: &Codec,
    primitive: Primitive,
    list: bool,
    report: &mut Report<'_>,
) {
    let array = slot.kind == ColumnKind::Array || (slot.kind == ColumnKind::Json && list);
    let help = if syntax.rest && syntax.json_path.is_empty() {
        (list || !matches!(slot.kind, ColumnKind::Json | ColumnKind::Text))
            .then_some("`rest` is a string's, and its column holds JSON")
    } else if array && syntax.json_path.is_empty() {
        let fits = list && !syntax.spread && matches!(codec, Codec::Codes(_) | Codec::Plain);
        (!fits).then_some("an array is a whole list of primitives: end the path there, and write `column`")
    } else if !syntax.json_path.is_empty() {
        (!matches!(slot.kind, ColumnKind::Json | ColumnKind::Text)).then_some("`json` needs a JSON or text column")
    } else {
        match codec {
            Codec::Codes(_) => refuses_codes(slot.kind),
            Codec::Content(ContentKind::Column) => refuses_bytes(slot.kind),
            Codec::Content(_) | Codec::Places(_) => {
                (slot.kind != ColumnKind::Text).then_some("a file path or object key is a text")
            }
            Codec::Narrative => (slot.kind != ColumnKind::Text).then_some("a narrative is a text"),
            Codec::Reference => refuses_keys(slot.kind),
            Codec::Rest(_) => Some("what is left of an object needs `json = \"column\"`"),
            Codec::Zoned(_) => refuses_zoned(slot.kind),
            Codec::Plain => refuses(primitive, slot.kind),
        }
    };
    if let Some(help) = help {
        let message = format!("column `{}` ({}) cannot hold `{}`", slot.column, slot.declared, syntax.path.value);
        report.error(column.at, message, help);
    }
}

fn refuses_codes(kind: ColumnKind) -> Option<&'static str> {
    matches!(kind, ColumnKind::Bytes | ColumnKind::Json).then_some("codes are texts, numbers or booleans")
}

fn refuses_bytes(kind: ColumnKind) -> Option<&'static str> {
    (!matches!(kind, ColumnKind::Bytes | ColumnKind::Text))
        .then_some("an attachment's bytes are in a binary or base64 text column")
}

fn refuses_keys(kind: ColumnKind) -> Option<&'static str> {
    let keys = matches!(
        kind,
        ColumnKind::Integer | ColumnKind::Numeric | ColumnKind::Other | ColumnKind::Text | ColumnKind::Uuid
    );
    (!keys).then_some("a reference's column holds another row's key")
}

fn refuses_zoned(kind: ColumnKind) -> Option<&'static str> {
    let zoneless = matches!(kind, ColumnKind::Date | ColumnKind::Text | ColumnKind::Timestamp);
    (!zoneless).then_some("the column has a zone itself, or no time; remove `zone`")
}

fn refuses(primitive: Primitive, kind: ColumnKind) -> Option<&'static str> {
    use ColumnKind as Kind;
    let (fits, help) = match primitive {
        Primitive::Boolean => (
            matches!(kind, Kind::Boolean | Kind::Integer | Kind::Text | Kind::Other),
            "a boolean needs a boolean column, or `codes = { Y = \"true\", N = \"false\" }`",
        ),
        Primitive::Date => (matches!(kind, Kind::Date | Kind::Text), "a date needs a date or text column"),
        Primitive::DateTime | Primitive::Instant if kind == Kind::Timestamp => {
            (false, "the column has no zone; add `zone = \"organization\"`")
        }
        Primitive::DateTime => (
            matches!(kind, Kind::Date | Kind::Text | Kind::TimestampTz),
            "a dateTime needs a timestamp with time zone, a date or a text column",
        ),
        Primitive::Instant => {
            (matches!(kind, Kind::Text | Kind::TimestampTz), "an instant needs a timestamp with time zone")
        }
        Primitive::Time => (matches!(kind, Kind::Text | Kind::Time), "a time needs a time or text column"),
        Primitive::Decimal | Primitive::Integer => (
            matches!(kind, Kind::Integer | Kind::Numeric | Kind::Real | Kind::Text),
            "a number needs a numeric column, or text that keeps every digit",
        ),
        Primitive::String => (
            !matches!(kind, Kind::Boolean | Kind::Bytes | Kind::Json),
            "add `codes = { ... }` for a boolean column, or `json = \"column.path\"` for a JSON column",
        ),
    };
    (!fits).then_some(help)
}
