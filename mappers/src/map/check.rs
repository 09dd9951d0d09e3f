//! All files together: compiled one by one, then looked at side by side.

mod lists;

use super::problem::{Problem, Report};
use super::tables::Tables;
use super::{File, Map, MapSet, Slot, compile, reader, syntax::MapFile};

/// Compiles every file; problems in the order of the files.
pub(super) fn all(files: &[File], tables: Tables<'_>) -> (MapSet, Vec<Problem>) {
    let mut reports: Vec<Report<'_>> = files.iter().map(|(name, text)| Report::new(name, text)).collect();
    let mut sources: Vec<(usize, MapFile)> = Vec::new();
    let mut maps: Vec<(usize, Map)> = Vec::new();
    for (index, (name, text)) in files.iter().enumerate() {
        let file = reader::read(name, text, &mut reports[index]);
        sources.extend(file.map(|file| (index, file)));
    }
    for (index, file) in &sources {
        let by = lists::columns_of(file, &sources);
        let compiled = compile::maps(file, &by, tables, &mut reports[*index]);
        maps.extend(compiled.into_iter().map(|map| (*index, map)));
    }
    names(&sources, &mut reports);
    ids(&sources, &maps, &mut reports);
    lists::link(&sources, &mut maps, tables, &mut reports);
    let mut maps: Vec<Map> = maps.into_iter().map(|(_, map)| map).collect();
    link(&mut maps);
    let problems = reports.into_iter().flat_map(Report::into_problems).collect();
    (MapSet { maps, warnings: Vec::new() }, problems)
}

/// A map is known by its file's stem.
fn names(sources: &[(usize, MapFile)], reports: &mut [Report<'_>]) {
    for (position, (index, file)) in sources.iter().enumerate() {
        if sources[..position].iter().any(|(_, earlier)| earlier.name == file.name) {
            reports[*index].error(
                0,
                format!("two files are named `{}`", file.name),
                "rename one: a map is known by its file's name",
            );
        }
    }
}

/// Two maps of one type never share an id: what stands before and after the key must differ.
fn ids(sources: &[(usize, MapFile)], maps: &[(usize, Map)], reports: &mut [Report<'_>]) {
    for (position, (index, map)) in maps.iter().enumerate() {
        let same = |other: &&(usize, Map)| {
            let (_, other) = other;
            other.resource == map.resource && other.id_prefix == map.id_prefix && other.id_suffix == map.id_suffix
        };
        let Some((earlier, clash)) = maps[..position].iter().find(same) else { continue };
        let Some((_, file)) = sources.iter().find(|(source, _)| source == index) else { continue };
        if earlier == index {
            continue; // a suffix used twice: reported where the facets are read
        }
        let at = file.id_prefix.as_ref().map_or(file.id.at, |prefix| prefix.at);
        let message =
            format!("maps `{}` and `{}` of {} could give two resources one id", clash.name, map.name, map.resource);
        reports[*index].error(
            at,
            message,
            format!("add `id_prefix = \"{}-\"`", map.table.chars().next().unwrap_or('x')),
        );
    }
}

/// Tells every reference which maps its target may be a row of: those over the foreign key's table, else all of the type.
fn link(maps: &mut [Map]) {
    let known: Vec<(String, String, String)> =
        maps.iter().map(|map| (map.resource.clone(), map.table.clone(), map.name.clone())).collect();
    let link = |slot: &mut Slot| {
        let Some(reference) = &mut slot.reference else { return };
        let foreign = reference.foreign_table.as_ref();
        let fits = |of: &String| foreign.is_none_or(|table| table == of);
        let targets = known.iter().filter(|(resource, of, _)| *resource == reference.target && fits(of));
        reference.maps = targets.map(|(_, _, name)| name.clone()).collect();
    };
    for map in maps {
        map.slots.iter_mut().for_each(link);
        map.children.iter_mut().flat_map(|child| &mut child.slots).for_each(link);
    }
}
