//! Fields to slots, codecs and the shape.

mod codec;
mod fit;
mod rest;
mod slots;

use super::element::{Content, Element};
use super::problem::Report;
use super::shape::{self, Clash, Step};
use super::syntax::{FieldSyntax, GroupSyntax, Literal, Located};
use super::tables::Tables;
use super::{Codec, Field, Group, Join, JsonArray, ObjectShape, Primitive, Slot, Target};

pub(super) use slots::slot;

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
    /// Columns that the map's own keys name, with the key: no field may write them.
    pub(super) reserved: &'a [(&'a str, &'static str)],
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

impl Draft {
    /// Where in the file the first path stands that has this in it.
    pub(super) fn place_of(&self, part: &str) -> usize {
        self.placed.iter().find(|(path, _)| path.contains(part)).map_or(0, |(_, at)| *at)
    }
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
        let members: Vec<String> = group.paths.iter().filter_map(|path| group_member(scope, path, report)).collect();
        match draft.groups.iter_mut().find(|known| known.name == group.name.value) {
            Some(known) => known.members.extend(members),
            None => draft.groups.push(Group { name: group.name.value.clone(), slots: Vec::new(), members }),
        }
    }
    for field in fields {
        compile_field(scope, draft, field, groups, report);
    }
    rest::compile(&mut draft.shape);
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
    codec::check_literals(primitive, syntax, report);
    let list = last.element.list;
    if syntax.columns.len() > 1 && !list && syntax.content.is_empty() && syntax.reference.is_none() {
        let help = "keep one column, or concatenate them in a view";
        report.error(syntax.path.at, format!("`{}` has one value, not several columns", syntax.path.value), help);
        return;
    }
    let codec = codec::of(syntax, primitive, report);
    let Some(slots) = slots::of_field(scope, draft, syntax, &codec, (primitive, list), report) else { return };
    if !list && slots.len() > 1 && matches!(codec, Codec::Reference) {
        check_tables(scope, draft, syntax, &slots, report);
    }
    let group = join_group(draft, syntax, groups, &slots);
    let wrap = |literal: &Located<Literal>| {
        if list { format!("[{}]", literal.value.json) } else { literal.value.json.clone() }
    };
    let field = Field {
        slots: slots.clone(),
        list,
        primitive,
        bare: syntax.path.value.is_empty() && last.name == "reference",
        codec,
        constant: syntax.constant.as_ref().map(wrap),
        default: syntax.default.as_ref().map(wrap),
        group,
        terminology: syntax.terminology.as_ref().map(|system| system.value.clone()),
        json_path: syntax.json_path.clone(),
        absent: None,
        stays: false,
    };
    draft.paths.push((syntax.path.value.clone(), slots));
    put(draft, &steps, Target::Field(field), &syntax.path, report);
}

/// One reference in one of several columns: which one it is in says of which table the row is.
fn check_tables(scope: Scope<'_>, draft: &Draft, syntax: &FieldSyntax, slots: &[usize], report: &mut Report<'_>) {
    // Without the database nobody knows of its foreign keys.
    if syntax.rows_of.is_empty() && !scope.tables.is_known() {
        return;
    }
    let table = |slot: &usize| draft.slots[*slot].reference.as_ref().and_then(|of| of.foreign_table.clone());
    let tables: Vec<_> = slots.iter().filter_map(table).collect();
    let twice = |(at, table): (usize, &String)| tables[..at].contains(table);
    if tables.len() < slots.len() || tables.iter().enumerate().any(twice) {
        let message = format!("the columns of `{}` do not say which row a key is of", syntax.path.value);
        report.error(syntax.path.at, message, "add `rows_of` with a table for each of the columns");
    }
}

/// The field's way from the item; the items of a primitive list are a member named "", those of a list of References their
/// `reference`.
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
            // A Reference is an object like any other item; its key is the member `reference`, what stands beside it stays.
            let name = if is_reference { "reference".to_owned() } else { String::new() };
            Some(vec![Step { name, selector: None, element }])
        }
        Content::Object(owner) => {
            shape::resolve(owner, &syntax.path, syntax.columns.is_empty() && !syntax.element, report)
        }
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
