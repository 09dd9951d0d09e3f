//! What consent and search ask of a row: element paths, or columns that are mapped to one.

use super::super::fields::{self, Draft, Scope};
use super::super::path::Path;
use super::super::problem::Report;
use super::super::syntax::{Located, MapFile};
use super::super::{Facts, element};

/// Resolves the facts.
pub(super) fn compile(file: &MapFile, scope: Scope<'_>, draft: &mut Draft, report: &mut Report<'_>) -> Facts {
    let mut facts = Facts::default();
    for (name, text) in &file.facts {
        let path = fact(file, text, scope, draft, report);
        match name.as_str() {
            "author" => facts.author = path,
            "code" => facts.code = path,
            "date" => facts.date = path,
            _ => facts.encounter = path,
        }
    }
    facts
}

/// The path itself where it is one, else the path of the field that has the column.
fn fact(
    file: &MapFile,
    text: &Located<String>,
    scope: Scope<'_>,
    draft: &mut Draft,
    report: &mut Report<'_>,
) -> Option<String> {
    if is_path(&file.resource.value, &text.value) {
        return Some(text.value.clone());
    }
    let table = text.value.split('.').next().unwrap_or_default();
    let joined = table == file.table.value || scope.joins.iter().any(|join| join.table == table);
    let is_column = text.value.contains('.') && joined || scope.tables.knows_column(&file.table.value, &text.value);
    if !is_column {
        let help = "name an element, as `performer`, or a mapped column, as `soap_notes.provider_id`";
        report.error(
            text.at,
            format!("`{}` is neither an element of {} nor a column", text.value, file.resource.value),
            help,
        );
        return None;
    }
    let before = draft.slots.len();
    let slot = fields::slot(scope, draft, text, None, report)?;
    let path = fields::path_of_column(draft, slot).map(str::to_owned);
    draft.slots.truncate(before);
    if path.is_none() {
        let help = "map it to an element first: a fact is taken from the resource";
        report.error(text.at, format!("column `{}` is not mapped", text.value), help);
    }
    path
}

/// Whether every segment is an element.
fn is_path(resource: &str, text: &str) -> bool {
    let Ok(path) = Path::parse(text) else { return false };
    let mut owner = Some(resource.to_owned());
    for segment in path.segments {
        let Some(found) = owner.as_deref().and_then(|owner| element::element(owner, &segment.name)) else {
            return false;
        };
        owner = match found.content {
            element::Content::Object(name) => Some(name),
            element::Content::Primitive(_) | element::Content::Resource => None,
        };
    }
    true
}
