//! A map as a person reads it: element and column side by side, then the SQL.

use crate::schema::ColumnKind;
use crate::sql::{Dialect, Statements};

use super::{Child, Codec, Field, Map, Member, ObjectShape, PatientSource, Slot, Target};

/// Two columns, element and place; then the statements that read and write, casts left out.
pub fn describe(map: &Map) -> String {
    let mut rows = header(map);
    shape(&map.shape, &map.resource, &map.slots, map, &map.children, &mut rows);
    let mut text = format!("{} <-> table {} (map {})\n", map.resource, map.table, map.name);
    table(&rows, &mut text);
    statements(map, &mut text);
    text
}

/// SQL without the casts that an engine needs.
struct Bare;

impl Dialect for Bare {
    fn read(&self, column: &str, _: ColumnKind, _: &str) -> String {
        column.to_owned()
    }

    fn bind(&self, placeholder: &str, _: ColumnKind, _: &str) -> String {
        placeholder.to_owned()
    }

    fn quote(&self, name: &str) -> String {
        super::condition::quoted(name)
    }
}

fn statements(map: &Map, text: &mut String) {
    let statements = Statements::new(map, &Bare);
    sql("read (k = the keys of a page)", &statements.select, text);
    for (child, found) in map.children.iter().zip(&statements.children) {
        sql(&format!("read {}", child.path), &found.select, text);
    }
    if map.readonly {
        return;
    }
    sql("create", &statements.insert.text(1), text);
    for (join, insert) in map.joins.iter().zip(&statements.insert_joined) {
        if let Some(insert) = insert {
            sql(&format!("create in {}", join.table), &insert.text(1), text);
        }
    }
    for (child, found) in map.children.iter().zip(&statements.children) {
        sql(&format!("create {}", child.path), &found.insert.text(1), text);
    }
    if let Some(append) = &statements.append {
        sql("change", &append.supersede, text);
        return sql("delete", &append.retract, text);
    }
    sql("delete", statements.soft_delete.as_ref().unwrap_or(&statements.delete), text);
}

/// One statement, broken where its parts begin (those in parentheses stay in their line).
fn sql(name: &str, statement: &str, text: &mut String) {
    const PARTS: &[&str] = &["from k join ", "left join ", "where ", "values ", "returning "];
    let statement = statement.replace("{keys}", "k");
    let mut depth = 0_usize;
    text.push_str(&format!("\n  -- {name}\n    "));
    for (at, letter) in statement.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if letter == ' ' && depth == 0 && PARTS.iter().any(|part| statement[at + 1..].starts_with(part)) {
            text.push_str("\n    ");
        } else {
            text.push(letter);
        }
    }
    text.push('\n');
}

fn header(map: &Map) -> Vec<(String, String)> {
    let id = format!("{}{{{}}}{}", map.id_prefix, map.key, map.id_suffix);
    let mut rows = vec![(format!("{}.id", map.resource), id)];
    let named = [
        ("(organization)", &map.tenant),
        ("meta.lastUpdated", &map.updated),
        ("(everything else)", &map.residue),
        ("(deleted)", &map.deleted),
        ("(only rows where)", &map.filter),
        ("(exists when)", &map.when),
    ];
    rows.extend(named.into_iter().filter_map(|(name, column)| Some((name.to_owned(), column.clone()?))));
    if let Some(append) = &map.append_only {
        let (column, word) = &append.retracted;
        rows.push(("(only appended: replaces)".to_owned(), append.supersedes.clone()));
        rows.push(("(taken back)".to_owned(), format!("{column} = {word}")));
    }
    match map.patient {
        PatientSource::None => {}
        PatientSource::Key => rows.push(("(patient)".to_owned(), map.key.clone())),
        PatientSource::Slot(slot) => rows.push(("(patient)".to_owned(), column(&map.slots[slot], map))),
    }
    rows
}

fn shape(
    shape_of: &ObjectShape,
    path: &str,
    slots: &[Slot],
    map: &Map,
    children: &[Child],
    rows: &mut Vec<(String, String)>,
) {
    for Member { name, target } in &shape_of.members {
        let path = if name.is_empty() { path.to_owned() } else { format!("{path}.{name}") };
        match target {
            Target::Field(found) => rows.push((path, field(found, slots, map))),
            Target::List(index) => {
                let list = &map.lists[*index];
                rows.push((format!("{path}[]"), format!("resources of {} that name the row", list.of.join(", "))));
            }
            Target::Object(inner) => shape(inner, &path, slots, map, children, rows),
            Target::Slices(slices) => {
                for slice in slices {
                    shape(&slice.shape, &format!("{path}[{}]", slice.selector), slots, map, children, rows);
                }
            }
            Target::Children(index) => {
                let child = &children[*index];
                rows.push((format!("{path}[]"), format!("rows of {} by {}", child.table, child.parent_key)));
                shape(&child.shape, &format!("{path}[]"), &child.slots, map, &[], rows);
            }
        }
    }
}

fn field(field: &Field, slots: &[Slot], map: &Map) -> String {
    place(field, slots, map) + &how(field, slots)
}

/// The columns of a field, or what it is without any.
pub(super) fn place(field: &Field, slots: &[Slot], map: &Map) -> String {
    if let Some(constant) = &field.constant {
        return format!("= {constant}");
    }
    if let Some(default) = field.default.as_ref().filter(|_| field.slots.is_empty()) {
        return format!("{default} where nobody says otherwise");
    }
    let columns: Vec<String> = field.slots.iter().map(|slot| column(&slots[*slot], map)).collect();
    let mut text = columns.join(", ");
    if !field.json_path.is_empty() {
        text.push_str(&format!(" -> {}", field.json_path.join(".")));
    }
    text
}

/// How columns and element correspond; empty where they are the same.
pub(super) fn how(field: &Field, slots: &[Slot]) -> String {
    let mut text = String::new();
    if field.constant.is_some() || field.slots.is_empty() {
        return text;
    }
    match &field.codec {
        Codec::Codes(codes) => {
            let pairs: Vec<String> = codes.iter().map(|(column, code)| format!("{column}={code}")).collect();
            text.push_str(&format!(" ({})", pairs.join(", ")));
        }
        Codec::Content(_) => text.push_str(" (content)"),
        Codec::Places(_) => text.push_str(" (content, in one of them)"),
        Codec::Reference => {
            let target = field.slots.first().and_then(|slot| slots[*slot].reference.as_ref());
            let tables: Vec<&str> = field
                .slots
                .iter()
                .filter_map(|slot| slots[*slot].reference.as_ref()?.foreign_table.as_deref())
                .collect();
            let of = if tables.len() > 1 { format!(" in {}", tables.join(", or in ")) } else { String::new() };
            text.push_str(&target.map_or_else(String::new, |target| format!(" (key of {}{of})", target.target)));
        }
        Codec::Narrative => text.push_str(" (plain text of a narrative)"),
        Codec::Rest(_) => text.push_str(" (all that no other line names)"),
        Codec::Zoned(None) => text.push_str(" (organization's zone)"),
        Codec::Zoned(Some(zone)) => text.push_str(&format!(" (zone {})", zone.iana_name().unwrap_or("without a name"))),
        Codec::Plain => {}
    }
    if let Some(default) = &field.default {
        text.push_str(&format!(" (else {default})"));
    }
    text
}

pub(super) fn column(slot: &Slot, map: &Map) -> String {
    match slot.join {
        Some(join) => format!("{}.{}", map.joins[join].table, slot.column),
        None => slot.column.clone(),
    }
}

fn table(rows: &[(String, String)], text: &mut String) {
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or_default();
    for (left, right) in rows {
        let gap = " ".repeat(width - left.chars().count());
        text.push_str(&format!("  {left}{gap}  {right}\n"));
    }
}
