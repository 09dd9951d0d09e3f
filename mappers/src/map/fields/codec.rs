//! How a FHIR value and a column's text correspond, and the literals of a field.

use jiff::tz::TimeZone;

use super::super::problem::Report;
use super::super::syntax::{FieldSyntax, LiteralKind, Located};
use super::super::{Codec, Primitive};

/// Constants and defaults are of the element's type.
pub(super) fn check_literals(primitive: Primitive, syntax: &FieldSyntax, report: &mut Report<'_>) {
    for literal in [&syntax.constant, &syntax.default].into_iter().flatten() {
        let fits = match primitive {
            Primitive::Boolean => literal.value.kind == LiteralKind::Boolean,
            Primitive::Integer => literal.value.kind == LiteralKind::Integer,
            Primitive::Decimal => matches!(literal.value.kind, LiteralKind::Integer | LiteralKind::Decimal),
            _ => literal.value.kind == LiteralKind::String,
        };
        if !fits {
            let wanted = match primitive {
                Primitive::Boolean => "true or false, without quotes",
                Primitive::Integer => "a whole number, without quotes",
                Primitive::Decimal => "a number, without quotes",
                _ => "a text in quotes",
            };
            report.error(
                literal.at,
                format!("`{}` takes another value than {}", syntax.path.value, literal.value.json),
                format!("write {wanted}"),
            );
        }
    }
}

/// How the value and the column's text correspond.
pub(super) fn of(syntax: &FieldSyntax, primitive: Primitive, report: &mut Report<'_>) -> Codec {
    let ways = [
        syntax.content.first().map(|content| ("content", content.at)),
        syntax.reference.as_ref().map(|reference| ("reference", reference.at)),
        syntax.zoned.as_ref().map(|zone| ("zone", zone.at)),
        syntax.narrative.map(|at| ("format", at)),
        syntax.codes.first().map(|(column, _)| ("codes", column.at)),
    ];
    let mut used = ways.into_iter().flatten();
    if let (Some((first, _)), Some((second, at))) = (used.next(), used.next()) {
        report.error(at, format!("`{first}` and `{second}` exclude each other"), "keep one of them");
    }
    if let Some(first) = syntax.content.first() {
        return content(first.at, syntax, report);
    }
    if syntax.reference.is_some() {
        return Codec::Reference;
    }
    if let Some(at) = syntax.narrative {
        if syntax.path.value.rsplit('.').take(2).ne(["div", "text"]) {
            report.error(at, format!("`{}` is no narrative", syntax.path.value), "it belongs to `text.div`");
        }
        return Codec::Narrative;
    }
    if let Some(zone) = &syntax.zoned {
        if !matches!(primitive, Primitive::DateTime | Primitive::Instant) {
            report.error(zone.at, format!("`{}` has no time zone", syntax.path.value), "remove `zone`");
        }
        return Codec::Zoned(zone_of(zone, report));
    }
    if syntax.rest {
        if primitive != Primitive::String {
            let help = "end the path at a string, as `extension[url=...].valueString`";
            report.error(syntax.path.at, format!("`{}` cannot hold an object's text", syntax.path.value), help);
        }
        return Codec::Rest(Vec::new());
    }
    if syntax.codes.is_empty() {
        return Codec::Plain;
    }
    check_codes(syntax, primitive, report);
    Codec::Codes(syntax.codes.iter().map(|(column, code)| (column.value.clone(), code.value.clone())).collect())
}

/// `organization`, or a zone of the time zone database.
fn zone_of(zone: &Located<String>, report: &mut Report<'_>) -> Option<TimeZone> {
    if zone.value == "organization" {
        return None;
    }
    let found = TimeZone::get(&zone.value).ok();
    if found.is_none() {
        let help = "write `zone = \"organization\"`, or a name of the time zone database, as `Europe/Berlin`";
        report.error(zone.at, format!("`{}` is no time zone", zone.value), help);
    }
    found
}

/// The bytes of an attachment: in one place, or in one of several, each with its column.
fn content(at: usize, syntax: &FieldSyntax, report: &mut Report<'_>) -> Codec {
    if !syntax.path.value.ends_with("data") {
        report.error(at, "`content` belongs to an attachment's `data`", "write the path as `content.attachment.data`");
    }
    if syntax.content.len() != syntax.columns.len() {
        report.error(
            at,
            format!("{} places and {} columns", syntax.content.len(), syntax.columns.len()),
            "give `content` one place for each of the columns, in the same order",
        );
    }
    match &syntax.content[..] {
        [only] => Codec::Content(only.value),
        several => Codec::Places(several.iter().map(|place| place.value).collect()),
    }
}

fn check_codes(syntax: &FieldSyntax, primitive: Primitive, report: &mut Report<'_>) {
    if !matches!(primitive, Primitive::String | Primitive::Boolean) {
        let at = syntax.codes.first().map_or(syntax.at, |(column, _)| column.at);
        report.error(at, format!("`{}` is no code", syntax.path.value), "`codes` belongs to codes, texts and booleans");
    }
    for (index, (column, code)) in syntax.codes.iter().enumerate() {
        let is_boolean = primitive == Primitive::Boolean;
        if is_boolean && !matches!(code.value.as_str(), "true" | "false") {
            report.error(code.at, format!("`{}` is no boolean", code.value), "write \"true\" or \"false\"");
        }
        if code.value.is_empty() {
            report.error(
                code.at,
                "a FHIR code is never empty",
                "leave the entry out: an unknown column value has no code",
            );
        }
        if syntax.codes[..index].iter().any(|(earlier, _)| earlier.value == column.value) {
            report.error(
                column.at,
                format!("`{}` stands twice among the codes", column.value),
                "remove one of the two",
            );
        }
    }
}
