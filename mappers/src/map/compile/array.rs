//! Maps of the elements of a JSON array.

use super::super::problem::Report;
use super::super::syntax::{ArraySyntax, Located, MapFile};
use super::super::tables::Tables;
use super::super::{JoinWrite, JsonArray};
use crate::schema::ColumnKind;

/// What does not go together with resources that have no row of their own.
pub(super) fn check(file: &MapFile, report: &mut Report<'_>) {
    let Some(array) = &file.array else { return };
    let at = array.json.at;
    if !file.facets.is_empty() {
        report.error(at, "`[array]` and `[[facets]]` exclude each other", "write two map files");
    }
    if let Some(residue) = &file.residue {
        let help = "remove `residue`: several resources share the row, so theirs is kept in the gateway's directory";
        report.error(residue.at, "a map of the elements of an array has no residue column", help);
    }
    let with = file.joins.iter().any(|join| join.write == JoinWrite::With);
    if !file.lists.is_empty() || with {
        let help = "map the other tables by themselves; joins are possible with `write = \"never\"`";
        report.error(at, "an element of an array has no rows of other tables", help);
    }
    if let Some(listed) = file.listed {
        report.error(listed, "the elements of a JSON array have no rows of their own", "remove `listed`");
    }
    if let Some(field) = file.fields.iter().find(|field| field.element && !field.content.is_empty()) {
        let help = "map the content's column in a map of its rows";
        report.error(field.at, "an element of an array names no content", help);
    }
    if !file.fields.is_empty() && !file.fields.iter().any(|field| field.element) {
        let help = "add a field with `element = \"member\"`";
        report.error(at, "no field says where in the array's elements its value is", help);
    }
    if file.readonly {
        return;
    }
    if array.id.is_none() {
        let help = "name the member that identifies an element (`id = \"id\"`), or set `readonly = true`";
        report.error(at, "elements that are known by their place alone cannot be written", help);
    } else if file.patient.is_none() {
        let help = "name the patient's column in `patient`; elements that are there can be changed and deleted";
        report.warning(at, "a new resource finds no row whose array it could be in", help);
    }
}

/// The array, and where the file names it.
pub(super) fn compile(
    file: &MapFile,
    array: &ArraySyntax,
    tables: Tables<'_>,
    report: &mut Report<'_>,
) -> Option<(JsonArray, usize)> {
    let mut segments = array.json.value.split('.').map(str::to_owned);
    let column = Located { value: segments.next()?, at: array.json.at };
    let found = tables.column(&file.table.value, &column, report)?;
    if !matches!(found.kind, ColumnKind::Json | ColumnKind::Text) {
        let message = format!("column `{}` ({}) holds no JSON array", found.name, found.declared);
        report.error(array.json.at, message, "name a JSON or text column");
    }
    let id = array.id.as_ref().map(|id| id.value.clone());
    Some((JsonArray { column: column.value, path: segments.collect(), id }, array.json.at))
}
