//! Tables that are only appended to.

use super::super::problem::Report;
use super::super::syntax::{Located, MapFile};
use super::super::tables::Tables;
use super::super::{AppendOnly, Slot};

/// What does not go together with rows that are never changed.
pub(super) fn check(file: &MapFile, report: &mut Report<'_>) {
    let Some(append) = &file.append_only else { return };
    if let Some(deleted) = &file.deleted {
        report.error(deleted.at, "rows that are only appended are never deleted", "remove `deleted` or `append_only`");
    }
    if let Some(residue) = &file.residue {
        let help = "remove `residue`: a row that is never changed cannot keep it, the gateway's directory does";
        report.error(residue.at, "a map that only appends has no residue column", help);
    }
    let parts = !file.children.is_empty() || !file.facets.is_empty() || file.array.is_some();
    if parts || file.joins.iter().any(|join| join.write == super::super::JoinWrite::With) {
        let help = "a row that is only appended is one resource: map the other tables by themselves";
        report.error(append.supersedes.at, "a map that only appends writes one table", help);
    }
}

/// The columns that the key names.
pub(super) fn columns(file: &MapFile) -> impl Iterator<Item = &Located<String>> {
    file.append_only.iter().flat_map(|append| [&append.supersedes, &append.retracted])
}

/// How the rows follow each other.
pub(super) fn compile(file: &MapFile, tables: Tables<'_>, slots: &[Slot]) -> Option<AppendOnly> {
    let append = file.append_only.as_ref()?;
    let named = |name: &str| {
        let keys = [Some(&file.id), file.tenant.as_ref(), file.updated.as_ref()];
        keys.into_iter().flatten().chain(columns(file)).any(|column| column.value == name)
            || slots.iter().any(|slot| slot.join.is_none() && slot.writable && slot.column == name)
    };
    let all = tables.table(&file.table.value).map_or(&[][..], |table| &table.columns);
    let carried = all.iter().filter(|column| !column.generated && !named(&column.name));
    Some(AppendOnly {
        supersedes: append.supersedes.value.clone(),
        retracted: (append.retracted.value.clone(), append.value.value.clone()),
        carried: carried.map(|column| column.name.clone()).collect(),
    })
}
