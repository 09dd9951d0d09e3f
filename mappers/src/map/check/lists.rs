//! Lists of one map's that hold resources of others: each told of the other.

use super::super::problem::{Report, suggest};
use super::super::syntax::{ListSyntax, Located, MapFile};
use super::super::tables::Tables;
use super::super::{ListedBy, Map};

/// Columns of a file's main table that lists of any file go by.
pub(super) fn columns_of<'s>(file: &MapFile, sources: &'s [(usize, MapFile)]) -> Vec<&'s str> {
    let lists = sources.iter().flat_map(|(_, source)| &source.lists);
    let names = |of: &Located<String>| of.value.split('.').next() == Some(&file.name);
    lists.filter(|list| list.of.iter().any(names)).map(|list| list.by.value.as_str()).collect()
}

/// Tells lists of the maps they are of, and these of the lists.
pub(super) fn link(
    sources: &[(usize, MapFile)],
    maps: &mut [(usize, Map)],
    tables: Tables<'_>,
    reports: &mut [Report<'_>],
) {
    for (index, file) in sources {
        for (number, list) in file.lists.iter().enumerate() {
            for of in &list.of {
                one(sources, maps, tables, (*index, number, list), of, &mut reports[*index]);
            }
        }
    }
    for (index, file) in sources {
        let named = maps.iter().any(|(of, map)| of == index && !map.listed_by.is_empty());
        let compiled = maps.iter().any(|(of, _)| of == index);
        if let (Some(at), true, false) = (file.listed, compiled, named) {
            let help = "name this map in the `of` of a list, or remove `listed`";
            reports[*index].warning(at, "no list names this map: no resource can become a row of it", help);
        }
    }
}

/// One name of a list's `of`.
fn one(
    sources: &[(usize, MapFile)],
    maps: &mut [(usize, Map)],
    tables: Tables<'_>,
    (index, number, list): (usize, usize, &ListSyntax),
    of: &Located<String>,
    report: &mut Report<'_>,
) {
    let is_meant =
        |map: &Map| map.name == of.value || map.name.strip_prefix(&of.value).is_some_and(|rest| rest.starts_with('.'));
    let targets: Vec<usize> = (0..maps.len()).filter(|at| is_meant(&maps[*at].1)).collect();
    let Some(first) = targets.first() else {
        if !sources.iter().any(|(_, file)| file.name == of.value) {
            let help = suggest(&of.value, sources.iter().map(|(_, file)| file.name.as_str()));
            report.error(of.at, format!("there is no map `{}`", of.value), help);
        }
        return;
    };
    let listed = &maps[*first].1;
    if listed.array.is_some() {
        report.error(of.at, "the elements of a JSON array have no rows of their own", "list a map with rows");
        return;
    }
    if listed.append_only.is_some() {
        let help = "list a map whose rows are changed in place";
        report.error(of.at, "a row that is only appended to has another key with every change", help);
        return;
    }
    let Some(column) = tables.bare(&listed.table, &list.by, report) else { return };
    let lists: Vec<(String, String)> =
        maps.iter().filter(|(of, _)| *of == index).map(|(_, map)| (map.name.clone(), map.table.clone())).collect();
    if let (Some(foreign), Some((_, table))) = (tables.foreign_table(&listed.table, &column.name), lists.first())
        && foreign != *table
    {
        let message = format!("column `{}` of `{}` refers to `{foreign}`, not to `{table}`", column.name, listed.table);
        report.error(list.by.at, message, "name the column that holds this row's key");
        return;
    }
    for at in &targets {
        let name = maps[*at].1.name.clone();
        for (_, map) in maps.iter_mut().filter(|(of, _)| *of == index) {
            let names = map.lists.get_mut(number).map(|list| &mut list.of);
            names.into_iter().filter(|of| !of.contains(&name)).for_each(|of| of.push(name.clone()));
        }
        for (map, table) in &lists {
            let by = ListedBy { map: map.clone(), table: table.clone(), list: number, column: column.clone() };
            if !maps[*at].1.listed_by.contains(&by) {
                maps[*at].1.listed_by.push(by);
            }
        }
    }
}
