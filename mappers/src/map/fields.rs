//! Fields to slots, codecs and the shape.

mod fit;

use super::element::{Content, Element};
use super::problem::{Report, suggest};
use super::shape::{self, Clash, Step};
use super::syntax::{FieldSyntax, GroupSyntax, Literal, LiteralKind, Located};
use super::tables::Tables;
use super::{Codec, Field, Group, Join, JoinWrite, JsonArray, ObjectShape, Primitive, ReferenceColumn, Slot, Target};
use crate::schema::Column;

/// What the fields of one table may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) tables: Tables<'a>,
    /// The main table, or the child table.
    pub(super) table: &'a str,
    pub(super) joins: &'a [Join],
    /// What an item is: an object of a type, or (for the items of a list) a primitive.
    pub(super) item: &'a Content,
    /// The map is one of the elements of a JSON array.
    pub(super) array: Option<(&'a JsonArray, usize)>,
    /// No row of it is ever written.
    pub(super) readonly: bool,
}

/// What has been compiled so far of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) slots: Vec<Slot>,
    pub(super) shape: ObjectShape,
    pub(super) groups: Vec<Group>,
    /// Path of a field and its slots, in map order.
    pub(super) paths: Vec<(String, Vec<usize>)>,
    /// Slot, path inside it and where the file maps it.
    taken: Vec<(usize, Vec<String>, usize)>,
    placed: Vec<(String, usize)>,
}

/// Compiles fields into the draft.
pub(super) fn compile(
    scope: Scope<'_>,
    draft: &mut Draft,
    fields: &[FieldSyntax],
    groups: &[GroupSyntax],
    report: &mut Report<'_>,
) {
    for group in groups {
        let members = group.paths.iter().filter_map(|path| group_member(scope, path, report)).collect();
        draft.groups.push(Group { name: group.name.value.clone(), slots: Vec::new(), members });
    }
    for field in fields {
        compile_field(scope, draft, field, groups, report);
    }
}

/// The first segment of a group's path, which must exist.
fn group_member(scope: Scope<'_>, path: &Located<String>, report: &mut Report<'_>) -> Option<String> {
    let Content::Object(owner) = scope.item else { return None };
    shape::resolve(owner, path, true, report).and_then(|steps| steps.into_iter().next()).map(|step| step.name)
}

fn compile_field(
    scope: Scope<'_>,
    draft: &mut Draft,
    syntax: &FieldSyntax,
    groups: &[GroupSyntax],
    report: &mut Report<'_>,
) {
    let Some(steps) = steps(scope, syntax, report) else { return };
    let Some(last) = steps.last() else { return };
    let Some(primitive) = primitive(&last.element, syntax, report) else { return };
    check_literals(primitive, syntax, report);
    let list = last.element.list;
    if syntax.columns.len() > 1 && !list {
        let help = "keep one column, or concatenate them in a view";
        report.error(syntax.path.at, format!("`{}` has one value, not several columns", syntax.path.value), help);
        return;
    }
    let codec = codec(&last.element, syntax, primitive, report);
    let Some(slots) = slots(scope, draft, syntax, &codec, primitive, report) else { return };
    let group = join_group(draft, syntax, groups, &slots);
    let wrap = |literal: &Located<Literal>| {
        if list { format!("[{}]", literal.value.json) } else { literal.value.json.clone() }
    };
    let field = Field {
        slots: slots.clone(),
        list,
        primitive,
        codec,
        constant: syntax.constant.as_ref().map(wrap),
        default: syntax.default.as_ref().map(wrap),
        group,
        terminology: syntax.terminology.as_ref().map(|system| system.value.clone()),
        json_path: syntax.json_path.clone(),
    };
    draft.paths.push((syntax.path.value.clone(), slots));
    put(draft, &steps, Target::Field(field), &syntax.path, report);
}

/// The field's way from the item; the items of a primitive list are a member named "".
fn steps(scope: Scope<'_>, syntax: &FieldSyntax, report: &mut Report<'_>) -> Option<Vec<Step>> {
    match scope.item {
        content if syntax.path.value.is_empty() => {
            let is_reference = *content == Content::Object("Reference".to_owned());
            if matches!(content, Content::Object(_)) && !is_reference {
                report.error(
                    syntax.path.at,
                    "an empty path means the whole item, which is an object here",
                    "name one of its members",
                );
                return None;
            }
            let element = Element { list: false, content: content.clone() };
            Some(vec![Step { name: String::new(), selector: None, element }])
        }
        Content::Object(owner) => shape::resolve(owner, &syntax.path, syntax.constant.is_some(), report),
        Content::Primitive(_) | Content::Resource => {
            report.error(
                syntax.path.at,
                "the items of this list have no members",
                "write `path = \"\"` for the item itself",
            );
            None
        }
    }
}

/// Puts a target into the draft's shape and reports what stands in its way.
pub(super) fn put(draft: &mut Draft, steps: &[Step], target: Target, path: &Located<String>, report: &mut Report<'_>) {
    let before = draft.placed.iter().find(|(text, _)| *text == path.value).map(|(_, at)| report.line(*at));
    match shape::place(&mut draft.shape, steps, target) {
        Ok(()) => draft.placed.push((path.value.clone(), path.at)),
        Err(Clash::Twice) => {
            let place = before.map_or_else(String::new, |line| format!(" (first in line {line})"));
            report.error(path.at, format!("`{}` is mapped twice{place}", path.value), "remove one of the two");
        }
        Err(Clash::Discriminator) => {
            let help = "the selector itself says its value; remove this field";
            report.error(path.at, format!("`{}` maps the member its own selector compares", path.value), help);
        }
        Err(Clash::Form(form)) => {
            let message = format!("`{}` cannot be mapped: an earlier line has it {form}", path.value);
            report.error(path.at, message, "map an element in one way only");
        }
    }
}

/// What kind of value stands at the end of the path.
fn primitive(element: &Element, syntax: &FieldSyntax, report: &mut Report<'_>) -> Option<Primitive> {
    let path = &syntax.path;
    match &element.content {
        Content::Primitive(_) if syntax.reference.is_some() => {
            let at = syntax.reference.as_ref().map_or(path.at, |reference| reference.at);
            let help = "`reference` belongs to an element of type Reference; end the path there, without `.reference`";
            report.error(at, format!("`{}` is no Reference", path.value), help);
            None
        }
        Content::Primitive(primitive) => Some(*primitive),
        Content::Object(name) if name == "Reference" && syntax.reference.is_some() => Some(Primitive::String),
        Content::Object(name) if name == "Reference" => {
            let help = "add `reference = \"Patient\"` (the type the column's key refers to), or end the path with `.reference` for a literal text";
            report.error(path.at, format!("`{}` is a Reference", path.value), help);
            None
        }
        Content::Object(name) => {
            let members: Vec<&str> = super::element::members(name).collect();
            let help = format!("go on to one of its members: {}", members.join(", "));
            report.error(path.at, format!("`{}` is an object ({name}), not a value", path.value), help);
            None
        }
        Content::Resource => {
            report.error(path.at, format!("`{}` is a resource, not a value", path.value), "leave it to the residue");
            None
        }
    }
}

fn check_literals(primitive: Primitive, syntax: &FieldSyntax, report: &mut Report<'_>) {
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
fn codec(element: &Element, syntax: &FieldSyntax, primitive: Primitive, report: &mut Report<'_>) -> Codec {
    let ways = [
        syntax.content.as_ref().map(|content| ("content", content.at)),
        syntax.reference.as_ref().map(|reference| ("reference", reference.at)),
        syntax.zoned.map(|at| ("zone", at)),
        syntax.codes.first().map(|(column, _)| ("codes", column.at)),
    ];
    let mut used = ways.into_iter().flatten();
    if let (Some((first, _)), Some((second, at))) = (used.next(), used.next()) {
        report.error(at, format!("`{first}` and `{second}` exclude each other"), "keep one of them");
    }
    if let Some(content) = &syntax.content {
        if !syntax.path.value.ends_with("data") {
            report.error(
                content.at,
                "`content` belongs to an attachment's `data`",
                "write the path as `content.attachment.data`",
            );
        }
        return Codec::Content(content.value);
    }
    if syntax.reference.is_some() && matches!(element.content, Content::Object(_)) {
        return Codec::Reference;
    }
    if let Some(at) = syntax.zoned {
        if !matches!(primitive, Primitive::DateTime | Primitive::Instant) {
            report.error(at, format!("`{}` has no time zone", syntax.path.value), "remove `zone`");
        }
        return Codec::Zoned;
    }
    if syntax.codes.is_empty() {
        return Codec::Plain;
    }
    check_codes(syntax, primitive, report);
    Codec::Codes(syntax.codes.iter().map(|(column, code)| (column.value.clone(), code.value.clone())).collect())
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

fn slots(
    scope: Scope<'_>,
    draft: &mut Draft,
    syntax: &FieldSyntax,
    codec: &Codec,
    primitive: Primitive,
    report: &mut Report<'_>,
) -> Option<Vec<usize>> {
    if syntax.element {
        let Some((array, at)) = scope.array else {
            report.error(
                syntax.at,
                "`element` is a value in the elements of `[array]`, which this map has not",
                "write `json = \"column.path\"`",
            );
            return None;
        };
        let column = Located { value: array.column.clone(), at };
        let slot = slot(scope, draft, &column, None, report)?;
        take(draft, slot, syntax, syntax.path.at, report);
        return Some(vec![slot]);
    }
    let mut slots = Vec::with_capacity(syntax.columns.len());
    for column in &syntax.columns {
        let slot = slot(scope, draft, column, syntax.reference.as_ref(), report)?;
        fit::check(&draft.slots[slot], column, syntax, codec, primitive, report);
        take(draft, slot, syntax, column.at, report);
        slots.push(slot);
    }
    Some(slots)
}

/// A column holds one value: mapping it twice is an error, save for different places of a JSON column.
fn take(draft: &mut Draft, slot: usize, syntax: &FieldSyntax, at: usize, report: &mut Report<'_>) {
    let overlaps = |path: &[String]| path.starts_with(&syntax.json_path) || syntax.json_path.starts_with(path);
    if let Some((_, _, first)) = draft.taken.iter().find(|(taken, path, _)| *taken == slot && overlaps(path)) {
        let (column, line) = (draft.slots[slot].column.clone(), report.line(*first));
        let help = "a column belongs to one element; remove one of the two, or use `const` for a fixed value";
        report.error(at, format!("column `{column}` is mapped twice (first in line {line})"), help);
    }
    draft.taken.push((slot, syntax.json_path.clone(), at));
}

/// The slot of `column` or `table.column`, made where it is missing.
pub(super) fn slot(
    scope: Scope<'_>,
    draft: &mut Draft,
    name: &Located<String>,
    reference: Option<&Located<String>>,
    report: &mut Report<'_>,
) -> Option<usize> {
    let (join, bare) = place_of(scope, name, report)?;
    let table = join.map_or(scope.table, |join| scope.joins[join].table.as_str());
    let column = scope.tables.column(table, &bare, report)?;
    let reference = reference.map(|target| reference_column(scope, table, &column, target, report));
    if let Some(found) = draft.slots.iter().position(|slot| slot.join == join && slot.column == column.name) {
        if draft.slots[found].reference.is_none() {
            draft.slots[found].reference = reference;
        }
        return Some(found);
    }
    let written = join.is_none_or(|join| scope.joins[join].write == JoinWrite::With) && !scope.readonly;
    draft.slots.push(Slot {
        join,
        kind: column.kind,
        required: column.not_null && !column.generated,
        max_length: column.max_length,
        reference,
        writable: written && !column.generated,
        column: column.name,
        declared: column.declared,
    });
    Some(draft.slots.len() - 1)
}

/// Splits `soap_notes.encounter_id` into the join and the column.
fn place_of(
    scope: Scope<'_>,
    name: &Located<String>,
    report: &mut Report<'_>,
) -> Option<(Option<usize>, Located<String>)> {
    let Some((table, column)) = name.value.split_once('.') else { return Some((None, name.clone())) };
    let bare = Located { value: column.to_owned(), at: name.at };
    if table == scope.table {
        return Some((None, bare));
    }
    if let Some(join) = scope.joins.iter().position(|join| join.table == table) {
        return Some((Some(join), bare));
    }
    let known: Vec<&str> = scope.joins.iter().map(|join| join.table.as_str()).chain([scope.table]).collect();
    let help = format!("add `{table}` to `joins`, or name a column of one of these tables: {}", known.join(", "));
    report.error(name.at, format!("`{table}` is not joined"), help);
    None
}

fn reference_column(
    scope: Scope<'_>,
    table: &str,
    column: &Column,
    target: &Located<String>,
    report: &mut Report<'_>,
) -> ReferenceColumn {
    if !super::element::is_resource(&target.value) {
        let help = suggest(&target.value, super::element::resources());
        report.error(target.at, format!("`{}` is no resource type", target.value), help);
    }
    let foreign_table = scope.tables.foreign_table(table, &column.name);
    ReferenceColumn { target: target.value.clone(), foreign_table, maps: Vec::new() }
}

/// The field's group: named in the field itself, or by a path of the group that leads to it.
fn join_group(draft: &mut Draft, syntax: &FieldSyntax, groups: &[GroupSyntax], slots: &[usize]) -> Option<usize> {
    let leads = |path: &Located<String>| {
        syntax
            .path
            .value
            .strip_prefix(path.value.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let by_path = groups.iter().find(|group| group.paths.iter().any(leads)).map(|group| group.name.value.clone());
    let name = syntax.group.as_ref().map(|group| group.value.clone()).or(by_path)?;
    let position = draft.groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
        draft.groups.push(Group { name, slots: Vec::new(), members: Vec::new() });
        draft.groups.len() - 1
    });
    let group = &mut draft.groups[position];
    for slot in slots {
        if !group.slots.contains(slot) {
            group.slots.push(*slot);
        }
    }
    let first = syntax.path.value.split(['.', '[']).next().unwrap_or_default();
    if !group.members.iter().any(|member| member == first) {
        group.members.push(first.to_owned());
    }
    Some(position)
}

/// The path of the field that a column is mapped to.
pub(super) fn path_of_column(draft: &Draft, slot: usize) -> Option<&str> {
    draft.paths.iter().find(|(_, slots)| slots.contains(&slot)).map(|(path, _)| path.as_str())
}
