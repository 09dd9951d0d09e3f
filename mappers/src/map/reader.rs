//! TOML text to a [`MapFile`]: keys known and of the right type, everything with its place.

mod table;

use toml::de::{DeTable, DeValue};

use super::problem::{Report, suggest};
use super::syntax::{
    AppendSyntax, ArraySyntax, ChildSyntax, FacetSyntax, FieldSyntax, GroupSyntax, JoinSyntax, ListSyntax, Literal,
    LiteralKind, Located, MapFile,
};
use super::{ContentKind, JoinWrite, Overflow};
use table::TableReader;

const TOP: &[&str] = &[
    "resource",
    "table",
    "id",
    "id_prefix",
    "updated",
    "tenant",
    "patient",
    "residue",
    "where",
    "readonly",
    "overflow",
    "append_only",
    "deleted",
    "joins",
    "fields",
    "children",
    "facets",
    "groups",
    "facts",
    "array",
    "lists",
    "listed",
    "after_write",
];
const JOIN: &[&str] = &["table", "on", "write", "where", "tenant"];
const FIELD: &[&str] = &[
    "path",
    "column",
    "columns",
    "json",
    "element",
    "const",
    "default",
    "codes",
    "reference",
    "rows_of",
    "zone",
    "rest",
    "format",
    "group",
    "terminology",
    "content",
];
const CHILD: &[&str] = &["path", "table", "key", "id", "order", "residue", "tenant", "where", "fields", "groups"];
const FACET: &[&str] = &["suffix", "when", "fields", "groups"];
const LIST: &[&str] = &["path", "of", "by"];
const FACTS: &[&str] = &["code", "date", "author", "encounter"];
const APPEND: &[&str] = &["supersedes", "retracted"];
const RETRACTED: &[&str] = &["column", "value"];
const ARRAY: &[&str] = &["json", "id"];

/// Reads a file; `None` where it is not TOML or lacks what every map has.
pub(super) fn read(file: &str, text: &str, report: &mut Report<'_>) -> Option<MapFile> {
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(fault) => {
            let at = fault.span().map_or(0, |span| span.start);
            report.error(
                at,
                format!("not TOML: {}", fault.message()),
                "see https://toml.io for the syntax of the file",
            );
            return None;
        }
    };
    let mut top = TableReader::new(document.get_ref(), 0, "a map", report);
    top.keys(TOP);
    let resource = top.required_text("resource");
    let table = top.required_text("table");
    let id = top.required_text("id");
    let file = MapFile {
        name: stem(file).to_owned(),
        resource: resource?,
        table: table?,
        id: id?,
        id_prefix: top.text("id_prefix"),
        updated: top.text("updated"),
        tenant: top.text("tenant"),
        patient: top.text("patient"),
        residue: top.text("residue"),
        filter: top.text("where"),
        readonly: top.flag("readonly"),
        overflow: top
            .choice("overflow", &[("generic", Overflow::Generic), ("refuse", Overflow::Refuse)])
            .map_or(Overflow::Generic, |found| found.value),
        append_only: top.table("append_only", "`append_only`", append_only),
        deleted: top.text("deleted"),
        joins: top.tables("joins", "a join", join),
        fields: top.tables("fields", "a field", field),
        children: top.tables("children", "a child table", child),
        facets: top.tables("facets", "a facet", facet),
        groups: groups(&mut top),
        facts: facts(&mut top),
        array: top.table("array", "the array", array),
        lists: top.tables("lists", "a list", list),
        listed: top.flag("listed").then(|| top.key_at("listed")),
        after_write: top.text("after_write"),
    };
    Some(file)
}

/// `maps/clinic/patient.toml` is the map `patient`.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.strip_suffix(".toml").unwrap_or(name)
}

fn join(mut table: TableReader<'_, '_, '_>) -> Option<JoinSyntax> {
    table.keys(JOIN);
    let name = table.required_text("table");
    let on = table.required_text("on");
    let write = table.choice("write", &[("never", JoinWrite::Never), ("with", JoinWrite::With)]);
    let (filter, tenant) = (table.text("where"), table.text("tenant"));
    Some(JoinSyntax {
        table: name?,
        on: on?,
        write: write.map_or(JoinWrite::Never, |found| found.value),
        filter,
        tenant,
    })
}

fn child(mut table: TableReader<'_, '_, '_>) -> Option<ChildSyntax> {
    table.keys(CHILD);
    let (path, name, key) = (table.required_text("path"), table.required_text("table"), table.required_text("key"));
    let id = table.text("id");
    let order = table.text("order");
    let residue = table.text("residue");
    let tenant = table.text("tenant");
    let filter = table.text("where");
    let fields = table.tables("fields", "a field", field);
    let groups = groups(&mut table);
    Some(ChildSyntax { path: path?, table: name?, key: key?, id, order, residue, tenant, filter, fields, groups })
}

fn facet(mut table: TableReader<'_, '_, '_>) -> Option<FacetSyntax> {
    table.keys(FACET);
    let (suffix, when) = (table.required_text("suffix"), table.required_text("when"));
    let fields = table.tables("fields", "a field", field);
    let groups = groups(&mut table);
    Some(FacetSyntax { suffix: suffix?, when: when?, fields, groups })
}

fn list(mut table: TableReader<'_, '_, '_>) -> Option<ListSyntax> {
    table.keys(LIST);
    let (path, by) = (table.required_text("path"), table.required_text("by"));
    if !table.has("of") {
        let at = table.at();
        table.report().error(at, "a list needs `of`", "add `of = [\"...\"]`: the maps whose resources are listed");
    }
    let of = table.texts("of");
    Some(ListSyntax { path: path?, of: of?, by: by? })
}

fn array(mut table: TableReader<'_, '_, '_>) -> Option<ArraySyntax> {
    table.keys(ARRAY);
    let json = table.required_text("json");
    Some(ArraySyntax { json: json?, id: table.text("id") })
}

fn append_only(mut table: TableReader<'_, '_, '_>) -> Option<AppendSyntax> {
    table.keys(APPEND);
    let supersedes = table.required_text("supersedes");
    if !table.has("retracted") {
        let at = table.at();
        let help = "add `retracted = { column = \"status\", value = \"entered-in-error\" }`: what a deletion appends";
        table.report().error(at, "`append_only` needs `retracted`", help);
    }
    let (column, value) = table.table("retracted", "`retracted`", |mut table| {
        table.keys(RETRACTED);
        Some((table.required_text("column")?, table.required_text("value")?))
    })?;
    Some(AppendSyntax { supersedes: supersedes?, retracted: column, value })
}

fn field(mut table: TableReader<'_, '_, '_>) -> Option<FieldSyntax> {
    table.keys(FIELD);
    let at = table.at();
    let path = table.required_text("path");
    let rest = table.flag("rest");
    let place = place(&mut table, rest);
    let constant = table.literal("const");
    let default = table.literal("default");
    let codes = codes(&mut table);
    let reference = table.text("reference");
    let rows_of = if table.has("rows_of") { table.texts("rows_of").unwrap_or_default() } else { Vec::new() };
    if let Some(first) = rows_of.first().filter(|_| rows_of.len() != place.columns.len() || reference.is_none()) {
        let help =
            "write `reference = \"Type\"` and give `rows_of` one table for each of the columns, in the same order";
        table.report().error(first.at, "`rows_of` says of which table a reference column's keys are", help);
        return None;
    }
    let zoned = table.text("zone");
    let narrative = table.choice("format", &[("narrative", ())]).map(|found| found.at);
    let (group, terminology) = (table.text("group"), table.text("terminology"));
    let contents = [("file", ContentKind::File), ("object", ContentKind::Object), ("column", ContentKind::Column)];
    let content = table.choices("content", &contents);
    let Place { columns, spread, json_path, element } = place;
    if columns.is_empty() && !element && constant.is_none() && default.is_none() {
        let help =
            "add `column = \"...\"`, or `const = \"...\"` for a fixed value, or `default` for what rows of others say";
        table.report().error(at, "a field lives in a column or has a constant; this one has neither", help);
        return None;
    }
    if let Some(constant) = constant.as_ref().filter(|_| !columns.is_empty() || element) {
        let help = "keep `const` for a value that is in no column, or give the column `codes` with one entry";
        table.report().error(constant.at, "a constant has no column", help);
    }
    if let Some(default) = default.as_ref().filter(|_| constant.is_some()) {
        table.report().error(default.at, "a constant has no default", "remove `default`");
    }
    let path = path?;
    Some(FieldSyntax {
        path,
        at,
        columns,
        spread,
        json_path,
        element,
        constant,
        default,
        codes,
        reference,
        rows_of,
        zoned,
        rest,
        narrative,
        group,
        terminology,
        content,
    })
}

/// Where a field's value lies.
struct Place {
    columns: Vec<Located<String>>,
    spread: bool,
    json_path: Vec<String>,
    element: bool,
}

fn place(table: &mut TableReader<'_, '_, '_>, rest: bool) -> Place {
    let mut place = Place { columns: Vec::new(), spread: false, json_path: Vec::new(), element: false };
    let ways: Vec<&str> = ["column", "columns", "json", "element"].into_iter().filter(|key| table.has(key)).collect();
    if let [first, second, ..] = ways[..] {
        let at = table.key_at(second);
        table.report().error(at, format!("`{first}` and `{second}` exclude each other"), "keep one of them");
    }
    if let Some(columns) = table.texts("columns") {
        place.columns = columns;
        place.spread = true;
    } else if let Some(column) = table.text("column") {
        place.columns.push(column);
    } else if let Some(json) = table.text("json") {
        match json.value.split_once('.') {
            Some((column, path)) if !column.is_empty() && !path.is_empty() => {
                place.columns.push(Located { value: column.to_owned(), at: json.at });
                place.json_path = path.split('.').map(str::to_owned).collect();
            }
            // What is left of a whole column.
            None if rest && !json.value.is_empty() => place.columns.push(json.clone()),
            _ => table.report().error(
                json.at,
                "`json` names a column and a path in it",
                "write `json = \"event_data.dose\"`",
            ),
        }
    } else if let Some(element) = table.text("element") {
        place.element = true;
        place.json_path = element.value.split('.').map(str::to_owned).collect();
    }
    place
}

fn codes(table: &mut TableReader<'_, '_, '_>) -> Vec<(Located<String>, Located<String>)> {
    let Some(entries) = table.entries("codes") else { return Vec::new() };
    let mut codes: Vec<(Located<String>, Located<String>)> = Vec::new();
    for (key, value) in entries {
        match value.get_ref().as_str() {
            Some(code) => codes.push((
                Located { value: key.get_ref().to_string(), at: key.span().start },
                Located { value: code.to_owned(), at: value.span().start },
            )),
            None => {
                table.report().error(value.span().start, "a FHIR code is a text", "write `codes = { M = \"male\" }`")
            }
        }
    }
    codes
}

fn groups(table: &mut TableReader<'_, '_, '_>) -> Vec<GroupSyntax> {
    let Some(entries) = table.entries("groups") else { return Vec::new() };
    let mut groups = Vec::new();
    for (key, value) in entries {
        let name = Located { value: key.get_ref().to_string(), at: key.span().start };
        if let Some(paths) = table::texts_of(value, table.report()) {
            groups.push(GroupSyntax { name, paths });
        }
    }
    groups
}

fn facts(table: &mut TableReader<'_, '_, '_>) -> Vec<(String, Located<String>)> {
    let Some(entries) = table.entries("facts") else { return Vec::new() };
    let mut facts = Vec::new();
    for (key, value) in entries {
        let (name, at) = (key.get_ref().to_string(), key.span().start);
        if !FACTS.contains(&name.as_str()) {
            let help = suggest(&name, FACTS.iter().copied());
            table.report().error(at, format!("`{name}` is no fact"), help);
            continue;
        }
        match value.get_ref().as_str() {
            Some(text) => facts.push((name, Located { value: text.to_owned(), at: value.span().start })),
            None => table.report().error(value.span().start, "a fact is an element's path", "write `code = \"code\"`"),
        }
    }
    facts
}

/// The literal of a TOML value.
fn literal_of(value: &DeValue<'_>) -> Option<Literal> {
    match value {
        DeValue::String(text) => {
            let mut json = Vec::new();
            crate::json::write_string(&mut json, text);
            Some(Literal { json: String::from_utf8(json).ok()?, kind: LiteralKind::String })
        }
        DeValue::Boolean(flag) => Some(Literal { json: flag.to_string(), kind: LiteralKind::Boolean }),
        DeValue::Integer(number) if number.radix() == 10 => {
            let json = number.as_str().trim_start_matches('+').to_owned();
            Some(Literal { json, kind: LiteralKind::Integer })
        }
        DeValue::Float(number) if number.as_str().bytes().any(|byte| byte.is_ascii_digit()) => {
            let json = number.as_str().trim_start_matches('+').to_owned();
            Some(Literal { json, kind: LiteralKind::Decimal })
        }
        _ => None,
    }
}
