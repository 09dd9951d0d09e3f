//! The reference page of a table: element by element where it lives, what searches it answers, what US Core wants of it.

use std::fmt::Write as _;

use super::describe::{column, how, place};
use super::{Child, Field, Map, ObjectShape, PatientSource, Slot, Target};
use crate::search::parameters;
use crate::us_core::Coverage;

/// A page in Markdown for the maps of one file (several where a row has facets). `purpose` says what the table is for;
/// `coverage` are the profiles that the maps are measured by.
#[must_use]
pub fn reference(name: &str, maps: &[&Map], purpose: &str, coverage: &[Coverage<'_>]) -> String {
    let Some(first) = maps.first() else { return String::new() };
    let mut page = format!("# {}: {} in `{}`\n\n", name, first.resource, first.table);
    if !purpose.is_empty() {
        page.push_str(&format!("{purpose}\n\n"));
    }
    for map in maps {
        if maps.len() > 1 {
            page.push_str(&format!("## {}\n\n", map.name));
        }
        let rank = if maps.len() > 1 { "###" } else { "##" };
        head(map, &mut page);
        let _infallible = write!(page, "\n{rank} Elements\n\n");
        elements(map, &mut page);
        let _infallible = write!(page, "\n{rank} Search\n\n");
        search(map, &mut page);
        for one in coverage.iter().filter(|one| one.map.name == map.name) {
            let _infallible = write!(page, "\n{rank} US Core: {}\n\n", one.profile.name);
            us_core(one, &mut page);
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

fn head(map: &Map, page: &mut String) {
    let mut say = |name: &str, text: &str| page.push_str(&format!("- {name}: {text}\n"));
    say("id", &code(&format!("{}{{{}}}{}", map.id_prefix, map.key, map.id_suffix)));
    let columns = [("organization", &map.tenant), ("last change", &map.updated), ("deleted where set", &map.deleted)];
    for (name, column) in columns {
        if let Some(column) = column {
            say(name, &code(column));
        }
    }
    match map.patient {
        PatientSource::None => {}
        PatientSource::Key => say("patient", &code(&map.key)),
        PatientSource::Slot(slot) => say("patient", &code(&column(&map.slots[slot], map))),
    }
    for join in &map.joins {
        let on = format!("{}.{} = {}.{}", join.other_table, join.other_column, join.table, join.column);
        say("joined", &format!("{} by {}", code(&join.table), code(&on)));
    }
    for condition in map.filter.iter().chain(&map.when) {
        say("only rows where", &code(condition));
    }
    if map.readonly {
        say("writes", "none: the map is read only");
    } else if map.append_only.is_some() {
        say("writes", "rows are added, never changed or deleted");
    }
    match &map.residue {
        Some(residue) => say("everything else", &format!("word for word in {}", code(residue))),
        None => say("everything else", "word for word in the gateway's own directory"),
    }
}

/// Text as code within a table's cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn elements(map: &Map, page: &mut String) {
    page.push_str("| element | where | type | how |\n|---|---|---|---|\n");
    let level = Level { map, slots: &map.slots, children: &map.children };
    level.shape(&map.shape, "", page);
}

struct Level<'m> {
    map: &'m Map,
    slots: &'m [Slot],
    children: &'m [Child],
}

impl Level<'_> {
    fn shape(&self, shape: &ObjectShape, above: &str, page: &mut String) {
        for member in &shape.members {
            let dot = if above.is_empty() || member.name.is_empty() { "" } else { "." };
            let path = format!("{above}{dot}{}", member.name);
            match &member.target {
                Target::Field(field) => self.field(field, &path, page),
                Target::List(index) => {
                    let of = self.map.lists[*index].of.iter().map(|map| code(map)).collect::<Vec<_>>().join(", ");
                    let text =
                        format!("| {} | rows of {of} that name this one | | a list |\n", code(&format!("{path}[]")));
                    page.push_str(&text);
                }
                Target::Object(inner) => self.shape(inner, &path, page),
                Target::Slices(slices) => {
                    for slice in slices {
                        self.shape(&slice.shape, &format!("{path}[{}]", slice.selector), page);
                    }
                }
                Target::Children(index) => {
                    let child = &self.children[*index];
                    let rows = format!("rows of {} by {}", code(&child.table), code(&child.parent_key));
                    page.push_str(&format!("| {} | {rows} | | a list |\n", code(&format!("{path}[]"))));
                    let level = Level { map: self.map, slots: &child.slots, children: &[] };
                    level.shape(&child.shape, &format!("{path}[]"), page);
                }
            }
        }
    }

    fn field(&self, field: &Field, path: &str, page: &mut String) {
        let (place, how) = (place(field, self.slots, self.map), how(field, self.slots));
        let mut types: Vec<String> = Vec::new();
        for slot in &field.slots {
            let slot = &self.slots[*slot];
            let null = if slot.required { ", not null" } else { "" };
            types.push(format!("{}{null}", slot.declared.to_lowercase()));
        }
        types.dedup();
        let how = if field.constant.is_some() { "every row" } else { how.trim() };
        let place = if field.slots.is_empty() { place.replace('|', "\\|") } else { code(&place) };
        let line = format!("| {} | {} | {} | {} |\n", code(path), place, types.join(", "), how.replace('|', "\\|"));
        page.push_str(&line);
    }
}

/// The parameters that can be searched, and where their values are.
fn search(map: &Map, page: &mut String) {
    page.push_str("| parameter | values at |\n|---|---|\n");
    for definition in parameters::supported(Some(&map.resource)) {
        let places: Vec<String> = definition.indexed().map(|path| code(path.text)).collect();
        let places = if places.is_empty() { definition.components.join(" with ") } else { places.join(", ") };
        page.push_str(&format!("| {} | {places} |\n", code(definition.name)));
    }
}

fn us_core(coverage: &Coverage<'_>, page: &mut String) {
    let (elements, carried) = (coverage.elements.len(), coverage.carried());
    page.push_str(&format!("{carried} of {elements} must-support elements have a place in the tables.\n"));
    let residue = coverage.elements.iter().filter(|(_, place)| place.is_none());
    let residue: Vec<String> = residue.map(|(path, _)| code(path)).collect();
    if !residue.is_empty() {
        page.push_str(&format!("In the residue: {}.\n", residue.join(", ")));
    }
}
