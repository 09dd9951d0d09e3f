//! Lists of references to resources of other maps.

use super::super::element::Content;
use super::super::fields::{self, Draft, Scope};
use super::super::problem::Report;
use super::super::syntax::MapFile;
use super::super::{List, Target, shape};

/// Puts the lists into the draft's shape; which maps they are of is known once all are compiled.
pub(super) fn all(file: &MapFile, scope: Scope<'_>, draft: &mut Draft, report: &mut Report<'_>) -> Vec<List> {
    let mut lists = Vec::with_capacity(file.lists.len());
    for syntax in &file.lists {
        if scope.array.is_some() {
            let help = "remove [[lists]] or [array]";
            report.error(syntax.path.at, "the elements of a JSON array have no row that others could name", help);
        }
        if file.append_only.is_some() {
            let help = "remove [[lists]] or [append_only]";
            report.error(syntax.path.at, "rows that are only appended to change their keys, which lists go by", help);
        }
        if syntax.of.is_empty() {
            report.error(syntax.path.at, "the list is of no map", "name the maps whose resources are listed in `of`");
        }
        // A list that cannot be placed keeps its number, which the other maps go by.
        let number = lists.len();
        lists.push(List { path: syntax.path.value.clone(), of: Vec::new() });
        let Some(steps) = shape::resolve(&file.resource.value, &syntax.path, false, report) else { continue };
        let is_reference = |content: &Content| *content == Content::Object("Reference".to_owned());
        if !steps.last().is_some_and(|step| step.element.list && is_reference(&step.element.content)) {
            let help = "name an element as `DiagnosticReport.result` or `Composition.section.entry`";
            report.error(syntax.path.at, format!("`{}` is no list of References", syntax.path.value), help);
            continue;
        }
        fields::put(draft, &steps, Target::List(number), &syntax.path, report);
    }
    lists
}
