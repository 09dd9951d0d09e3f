//! Child tables, and columns that nothing fills.

use super::super::element::Content;
use super::super::fields::{self, Draft, Scope};
use super::super::problem::Report;
use super::super::syntax::{ChildSyntax, FacetSyntax, Located, MapFile};
use super::super::{Child, ColumnType, JoinWrite, Target};
use super::super::{selected, shape};
use crate::schema::{ColumnKind, Table};

/// Compiles the child tables and puts them into the draft's shape.
pub(super) fn all(file: &MapFile, scope: Scope<'_>, draft: &mut Draft, report: &mut Report<'_>) -> Vec<Child> {
    if let (Some(child), Some(_)) = (file.children.first(), &file.array) {
        report.error(
            child.path.at,
            "the elements of a JSON array have no child rows",
            "remove [[children]] or [array]",
        );
    }
    let mut children = Vec::with_capacity(file.children.len());
    for syntax in &file.children {
        if !scope.tables.has_table(&syntax.table, report) {
            continue;
        }
        let Some(steps) = shape::resolve(&file.resource.value, &syntax.path, false, report) else { continue };
        let Some(last) = steps.last() else { continue };
        if !last.element.list {
            let help = "map its members with fields: one row holds them";
            report.error(syntax.path.at, format!("`{}` is no list", syntax.path.value), help);
            continue;
        }
        if steps.iter().any(|step| step.selector.is_some()) {
            report.error(syntax.path.at, "child rows hold a list of the resource itself", "remove the selector");
            continue;
        }
        if let Some(child) = child(file, syntax, &last.element.content, scope, report) {
            fields::put(draft, &steps, Target::Children(children.len()), &syntax.path, report);
            children.push(child);
        }
    }
    children
}

fn child(
    file: &MapFile,
    syntax: &ChildSyntax,
    item: &Content,
    scope: Scope<'_>,
    report: &mut Report<'_>,
) -> Option<Child> {
    let (tables, table) = (scope.tables, syntax.table.value.as_str());
    let reserved = reserved(syntax);
    let inner = Scope { table, joins: &[], item, array: None, reserved: &reserved, ..scope };
    let mut draft = Draft::default();
    fields::compile(inner, &mut draft, &syntax.fields, &syntax.groups, report);
    selected::check(&mut draft, report);
    if syntax.fields.is_empty() {
        report.error(
            syntax.path.at,
            "the child table has no fields",
            "add `fields = [ { path = \"...\", column = \"...\" } ]`",
        );
    }
    let tenant = super::tenant(syntax.tenant.as_ref(), file.tenant.as_ref(), table, tables);
    let parent_key = tables.bare(table, &syntax.key, report)?;
    let mut bare = vec![parent_key.clone()];
    for column in [&syntax.id, &syntax.order, &syntax.residue, &tenant].into_iter().flatten() {
        bare.extend(tables.bare(table, column, report));
    }
    check_order(syntax, &bare, report);
    if let Some(residue) = &syntax.residue {
        super::check_residue(table, residue, tables, report);
    }
    if let Some(found) = tables.table(table).filter(|_| !file.readonly) {
        let named: Vec<&str> = bare.iter().map(|column| column.name.as_str()).collect();
        warn(table, found, &named, &draft, None, &syntax.table, report);
    }
    let key_generated = syntax.id.as_ref().is_some_and(|id| {
        tables
            .table(table)
            .and_then(|table| table.column(&id.value))
            .is_some_and(|column| column.has_default || column.generated)
    });
    Some(Child {
        path: syntax.path.value.clone(),
        table: table.to_owned(),
        parent_key_kind: parent_key.kind,
        parent_key: parent_key.name,
        key: syntax.id.as_ref().map(|id| id.value.clone()),
        key_generated,
        order: syntax.order.as_ref().map(|order| order.value.clone()),
        residue: syntax.residue.as_ref().map(|residue| residue.value.clone()),
        tenant: tenant.map(|tenant| tenant.value),
        filter: syntax
            .filter
            .as_ref()
            .and_then(|text| tables.condition(table, text, report))
            .map(|condition| condition.text),
        slots: draft.slots,
        shape: draft.shape,
        groups: draft.groups,
        bare,
    })
}

/// Columns of the child table that are the map's own business.
fn reserved(syntax: &ChildSyntax) -> Vec<(&str, &'static str)> {
    let optional =
        [(&syntax.id, "id"), (&syntax.order, "order"), (&syntax.residue, "residue"), (&syntax.tenant, "tenant")];
    let named = optional.into_iter().filter_map(|(column, key)| Some((column.as_ref()?.value.as_str(), key)));
    named.chain([(syntax.key.value.as_str(), "key")]).collect()
}

/// Child rows need something that tells them apart and in order.
fn check_order(syntax: &ChildSyntax, bare: &[ColumnType], report: &mut Report<'_>) {
    if syntax.order.is_none() && syntax.id.is_none() {
        let help = "add `order = \"...\"` (a whole number), or `id = \"...\"` (the child's own key)";
        report.error(syntax.table.at, "child rows have neither a position nor a key", help);
    }
    let Some(order) = &syntax.order else { return };
    let whole =
        |column: &&ColumnType| matches!(column.kind, ColumnKind::Integer | ColumnKind::Numeric | ColumnKind::Text);
    if let Some(column) = bare.iter().find(|column| column.name == order.value).filter(|column| !whole(column)) {
        let message = format!("column `{}` ({}) holds no position", column.name, column.declared);
        report.error(order.at, message, "a position is a whole number");
    }
}

/// Warns of columns that must be filled and that nothing fills.
pub(super) fn warn_unmapped(
    file: &MapFile,
    facet: Option<&FacetSyntax>,
    by: &[&str],
    scope: Scope<'_>,
    draft: &Draft,
    fixed: &[(String, String)],
    report: &mut Report<'_>,
) {
    if file.readonly {
        return;
    }
    let keys = [&file.tenant, &file.residue, &file.updated, &file.deleted];
    let mut named: Vec<&str> =
        keys.into_iter().flatten().chain([&file.id]).map(|column| column.value.as_str()).collect();
    named.extend(fixed.iter().map(|(column, _)| column.as_str()));
    named.extend(super::append::columns(file).map(|column| column.value.as_str()));
    // A resource that a list names gets the key of the row whose list it is.
    named.extend(by);
    // A foreign key is filled from the row that the resource's values find.
    let never =
        scope.joins.iter().filter(|join| join.write == JoinWrite::Never && join.other_table == file.table.value);
    named.extend(never.map(|join| join.other_column.as_str()));
    if let Some(table) = scope.tables.table(&file.table.value) {
        let place = facet.map_or(&file.table, |facet| &facet.suffix);
        warn(&file.table.value, table, &named, draft, None, place, report);
    }
    for (index, join) in scope.joins.iter().enumerate().filter(|(_, join)| join.write == JoinWrite::With) {
        let Some(table) = scope.tables.table(&join.table) else { continue };
        let Some(syntax) = file.joins.iter().find(|syntax| syntax.table.value == join.table) else { continue };
        let named: Vec<&str> = join.bare.iter().map(|column| column.name.as_str()).collect();
        warn(&join.table, table, &named, draft, Some(index), &syntax.table, report);
    }
}

fn warn(
    name: &str,
    table: &Table,
    named: &[&str],
    draft: &Draft,
    join: Option<usize>,
    place: &Located<String>,
    report: &mut Report<'_>,
) {
    for column in table.columns.iter().filter(|column| column.not_null && !column.has_default && !column.generated) {
        let mapped = draft.slots.iter().any(|slot| slot.join == join && slot.column == column.name);
        if !mapped && !named.contains(&column.name.as_str()) {
            let message =
                format!("column `{}` of `{name}` refuses NULL, has no default and is not mapped", column.name);
            let help =
                "no resource can be written to this table: set `readonly = true`, or map it, or give it a default";
            report.warning(place.at, message, help);
        }
    }
}
