//! The laws for every map of the clinic, generated from the map itself: for each field values that fit, values that do not,
//! absent, extended; whole resources at random; rows of other programs and their edits.
//!
//! `FHIR_GATEWAY_TEST_LONG` makes it long.

#[path = "laws_maps/dice.rs"]
mod dice;
#[path = "laws_maps/node.rs"]
mod node;
#[path = "laws_maps/rows.rs"]
mod rows;
#[path = "map/schema.rs"]
#[allow(dead_code, reason = "only the clinic's own tables are needed here")]
mod schema;
#[path = "laws_maps/shapes.rs"]
mod shapes;
#[path = "laws_maps/values.rs"]
mod values;

use dice::Dice;
use jiff::tz::TimeZone;
use mappers::codec::{Context, decode};
use mappers::join::{Header, Joined, Stored, join, render, splice};
use mappers::json::Document;
use mappers::map::{Codec, Map, MapSet, Slot};
use mappers::row::{Cell, ChildRow, Row};
use mappers::schema::ColumnKind;
use mappers::split::{Misfit, Resolved, Shadow, Split, SplitContext, accepts, keep, split};
use mappers::structure;
use node::Node;
use rows::{Rows, others_stay, slots_of};
use shapes::{EXTENSION, Forced, Leaf, Maker, fits, fitting, leaves, plain, references, zone};

const HEADER: Header<'static> = Header { id: "p-1", version: 7, last_updated: "2026-11-21T06:00:00.000Z" };

fn clinic() -> MapSet {
    mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).expect("the clinic's maps compile")
}

fn cases(normal: usize) -> usize {
    if std::env::var_os("FHIR_GATEWAY_TEST_LONG").is_some() { normal * 50 } else { normal }
}

/// A row of just the table that a column needs; ids that start with `x` are not there.
fn row_for(map: &Map, kind: &str, id: &str) -> Option<Resolved> {
    let slots = map.slots.iter().chain(map.children.iter().flat_map(|child| &child.slots));
    let mut columns = slots.filter_map(|slot| slot.reference.as_ref());
    let table = columns.find(|column| column.target == kind)?.foreign_table.clone().unwrap_or_default();
    (!id.starts_with('x')).then(|| Resolved { key: format!("k{id}").into(), table: table.into(), missing: false })
}

/// What a directory that knows keys `k...` answers.
fn ids(cells: &[Cell]) -> Vec<Cell> {
    cells.iter().map(|cell| cell.as_deref().and_then(|key| key.strip_prefix('k')).map(Box::from)).collect()
}

/// A row and what is stored beside it.
#[derive(Clone, Debug)]
struct Held {
    row: Row,
    residue: Option<Box<str>>,
    shadow: Option<Shadow>,
}

/// A law that does not hold, and of what.
type Law = Result<(), String>;

struct Bench<'m> {
    map: &'m Map,
    zone: TimeZone,
}

impl<'m> Bench<'m> {
    fn of(map: &'m Map) -> Self {
        Self { map, zone: zone() }
    }

    fn context(&self) -> Context<'_> {
        Context { zone: &self.zone, content: None }
    }

    fn split(&self, text: &str) -> Result<Split, Misfit> {
        let document = Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"));
        let map = self.map;
        split(map, &document, &SplitContext { values: self.context(), resolve: &|kind, id| row_for(map, kind, id) })
    }

    fn accepts(&self, text: &str) -> bool {
        accepts(self.map, &Document::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")))
    }

    fn join(&self, held: &Held) -> (String, Joined) {
        let own = ids(&held.row.cells);
        let children: Vec<Vec<Vec<Cell>>> =
            held.row.children.iter().map(|rows| rows.iter().map(|row| ids(&row.cells)).collect()).collect();
        let stored = Stored {
            row: &held.row,
            reference_ids: &own,
            child_reference_ids: &children,
            listed: &[],
            residue: held.residue.as_deref(),
            shadow: held.shadow.as_ref(),
        };
        let mut out = Vec::new();
        let joined = join(self.map, &stored, &HEADER, &self.context(), &mut out);
        (String::from_utf8(out).expect("UTF-8"), joined)
    }

    /// Splits what a row reads as and keeps what the row says.
    fn written_back(&self, held: &Held, text: &str) -> Result<Split, String> {
        let mut split = self.split(text).map_err(|misfit| format!("{misfit}: {text}"))?;
        let own = ids(&held.row.cells);
        let children: Vec<Vec<Vec<Cell>>> =
            held.row.children.iter().map(|rows| rows.iter().map(|row| ids(&row.cells)).collect()).collect();
        let stored = Stored {
            row: &held.row,
            reference_ids: &own,
            child_reference_ids: &children,
            listed: &[],
            residue: held.residue.as_deref(),
            shadow: held.shadow.as_ref(),
        };
        keep(self.map, &mut split, &stored, &self.context());
        Ok(split)
    }

    /// Laws 1 and 2 of one resource; its split.
    fn put_get(&self, text: &str) -> Result<Option<Split>, String> {
        valid(text).map_err(|issues| format!("the test makes what is not valid: {issues}"))?;
        if !self.accepts(text) {
            return Ok(None);
        }
        let Ok(split) = self.split(text) else { return Ok(None) };
        let mut wanted = Vec::new();
        render(&Document::parse(text.as_bytes()).map_err(|error| error.to_string())?, &HEADER, &mut wanted);
        let wanted = String::from_utf8_lossy(&wanted).into_owned();
        let held = held(&split);
        let (got, joined) = self.join(&held);
        if got != wanted || joined != Joined::default() {
            return Err(format!("PutGet: {wanted}\nbecame {got}\n{joined:?}"));
        }
        let mut spliced = Vec::new();
        let stored = split.stored();
        if splice(self.map, &split.holes, &stored, &HEADER, &self.context(), &mut spliced).is_some()
            && spliced != wanted.as_bytes()
        {
            return Err(format!("PutGet: {wanted}\nspliced {}", String::from_utf8_lossy(&spliced)));
        }
        let again = self.written_back(&held, &got)?;
        if again.row != split.row || again.residue != split.residue || again.shadow != split.shadow {
            return Err(format!("GetPut: {got}\nwas {split:#?}\nbecame {again:#?}"));
        }
        Ok(Some(split))
    }

    /// Whether the column is about the first item of a list.
    fn is_first(&self, column: &str) -> bool {
        leaves(self.map).iter().any(|leaf| {
            let is_column = |slot: &usize| leaf.child.is_none() && self.map.slots[*slot].column == column;
            (leaf.field.list || leaf.first) && leaf.field.slots.iter().any(is_column)
        })
    }

    /// A row that another program has made or changed reads as a valid resource, and writing that back changes no column.
    fn foreign(&self, held: &Held) -> Result<String, String> {
        let (text, _) = self.join(held);
        valid(&text).map_err(|issues| format!("Foreign: {issues}: {text}\n{held:#?}"))?;
        if !self.accepts(&text) {
            return Err(format!("Foreign: the map does not take {text}\n{held:#?}"));
        }
        let split = self.written_back(held, &text)?;
        for (slot, (new, old)) in self.map.slots.iter().zip(split.row.cells.iter().zip(&held.row.cells)) {
            // A list whose first item another program took away begins with the second; a write puts the row in order.
            let is_empty = old.is_none() || slot.kind == ColumnKind::Json;
            if new != old && !(is_empty && self.is_first(&slot.column)) {
                return Err(format!("GetPut: {} was {old:?}, became {new:?}: {text}", slot.column));
            }
        }
        for (number, (new, old)) in split.row.children.iter().zip(&held.row.children).enumerate() {
            let (child, document) = (&self.map.children[number], Document::parse(text.as_bytes()));
            let items = document.ok().and_then(|document| document.root().member(&child.path).map(|list| list.len()));
            // Rows have places of their own only where all items are rows.
            let whole = items.is_some_and(|items| items == new.len());
            let is_old = |row: &&ChildRow| {
                let same = |old: &&ChildRow| (&old.key, &old.cells) == (&row.key, &row.cells);
                old.iter().filter(same).any(|old| !whole || old.position == row.position)
            };
            if let Some(row) = new.iter().find(|row| !is_old(row)) {
                return Err(format!("GetPut: {} {old:?}\nbecame {row:?}: {text}", child.table));
            }
        }
        let (again, _) = self.join(&self::held(&split));
        if again != text {
            return Err(format!("GetPut: {text}\nbecame {again}"));
        }
        Ok(text)
    }
}

fn held(split: &Split) -> Held {
    let shadow = split.shadow.as_ref().map(|shadow| Shadow::parse(&shadow.to_json()).expect("own JSON"));
    Held { row: split.row.clone(), residue: Some(split.residue.clone()), shadow }
}

fn valid(text: &str) -> Result<(), String> {
    let document = Document::parse(text.as_bytes()).map_err(|error| format!("{error}: {text}"))?;
    structure::check(&document).map(|_| ()).map_err(|issues| format!("{issues:?}: {text}"))
}

/// Runs a law over every map; what fails is told by map, at most a few of each.
fn each_map(law: impl Fn(&Map, &mut dyn FnMut(Law))) {
    let mut faults = Vec::new();
    let set = clinic();
    for map in &set.maps {
        let (mut count, before) = (0, faults.len());
        law(map, &mut |outcome| {
            count += 1;
            if let Err(fault) = outcome
                && faults.len() < before + 2
            {
                faults.push(format!("{}: {fault}", map.name));
            }
        });
        assert!(count > 0, "{}: nothing was tried", map.name);
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}

/// A value of a field and whether it must leave for the column.
struct Given {
    what: &'static str,
    value: Option<Node>,
    sibling: Option<Node>,
}

/// Values that fit, values that do not, absent, extended.
fn given(leaf: &Leaf<'_>, slots: &[Slot], is_item: bool, dice: &mut Dice) -> Vec<Given> {
    let field = leaf.field;
    let list = |items: Vec<Node>| if field.list && !is_item { Node::List(items) } else { items[0].clone() };
    let of = |what, value: Node| Given { what, value: Some(list(vec![value])), sibling: None };
    let mut found = Vec::new();
    let extended = || Node::raw(format!("{{\"id\":\"e\",\"extension\":{EXTENSION}}}"));
    if let Some(column) = slots[field.slots[0]].reference.as_ref().filter(|_| matches!(field.codec, Codec::Reference)) {
        let all = references(&column.target, field.bare);
        found.extend(all.iter().map(|reference| of("reference", reference.clone())));
        if field.list && !is_item {
            found.push(Given { what: "several", value: Some(Node::List(all)), sibling: None });
        }
        return found;
    }
    let fit = fitting(field, leaf.kind, slots, dice);
    let all = values::values(leaf.kind, Some(field));
    found.extend(all.into_iter().map(|text| of("value", Node::raw(text))));
    if leaf.kind.codes.is_none() {
        found.extend(plain(leaf.kind).iter().map(|text| of("value", Node::raw(*text))));
        if leaf.kind.name == "string" {
            let length = slots[field.slots[0]].max_length.unwrap_or(300) as usize + 1;
            found.push(of("long", Node::raw(format!("\"{}\"", "x".repeat(length)))));
        }
    }
    if is_item {
        return found;
    }
    // A narrative's text has no extensions in R4.
    if leaf.kind.name != "xhtml" {
        let sibling = if field.list { Node::List(vec![extended()]) } else { extended() };
        found.push(Given { what: "extended", value: Some(list(vec![fit.clone()])), sibling: Some(sibling.clone()) });
        found.push(Given { what: "extension alone", value: None, sibling: Some(sibling) });
    }
    if field.list {
        let several = vec![fit.clone(); field.slots.len() + 1];
        found.push(Given { what: "several", value: Some(Node::List(several)), sibling: None });
        let full = vec![fit; field.slots.len()];
        found.push(Given { what: "full", value: Some(Node::List(full)), sibling: None });
    }
    found
}

/// Whether the leaf is an item of a list of its own (child rows of primitives or references).
fn is_item(map: &Map, leaf: &Leaf<'_>) -> bool {
    leaf.child.is_some_and(|child| matches!(&map.children[child].shape.members[..], [one] if one.name.is_empty()))
}

#[test]
fn every_field_keeps_what_it_is_given() {
    each_map(|map, tell| {
        let bench = Bench::of(map);
        let mut dice = Dice::new(1);
        for leaf in leaves(map) {
            let slots = slots_of(map, &leaf);
            let item = is_item(map, &leaf);
            let (mut tried, mut landed) = (0, 0);
            for given in given(&leaf, slots, item, &mut dice) {
                let mut maker = Maker::new(map, &mut dice);
                let text = {
                    maker.forced =
                        Some(Forced { field: leaf.field, value: given.value.clone(), sibling: given.sibling });
                    maker.resource()
                };
                let outcome = bench.put_get(&text).map_err(|fault| format!("{} {}: {fault}", leaf.path, given.what));
                if let Ok(split) = &outcome {
                    tried += 1;
                    let in_column = split.as_ref().is_some_and(|split| filled(split, &leaf));
                    landed += usize::from(in_column);
                    if let (Some(split), "value", Some(value)) = (split, given.what, &given.value)
                        && !leaf.field.list
                        && !leaf.field.stays
                        && fits(leaf.field, &slots[leaf.field.slots[0]], &value.text())
                        && !in_column
                    {
                        tell(Err(format!(
                            "{}: {} stays out of its column: {text}\n{split:?}",
                            leaf.path,
                            value.text()
                        )));
                    }
                }
                tell(outcome.map(|_| ()));
            }
            let content = matches!(leaf.field.codec, Codec::Content(_) | Codec::Places(_) | Codec::Rest(_));
            if tried == 0 || landed == 0 && !content {
                tell(Err(format!("{}: {landed} of {tried} values came into the column", leaf.path)));
            }
        }
    });
}

fn filled(split: &Split, leaf: &Leaf<'_>) -> bool {
    let holds = |cells: &[Cell]| {
        leaf.field.slots.iter().any(|slot| cells[*slot].as_deref().is_some_and(|text| says(leaf, text)))
    };
    match leaf.child {
        None => holds(&split.row.cells),
        Some(child) => split.row.children[child].iter().any(|row| holds(&row.cells)),
    }
}

/// Whether a column's text says something for the field: in a JSON column there are others.
fn says(leaf: &Leaf<'_>, text: &str) -> bool {
    let path = &leaf.field.json_path;
    let Some(document) = (!path.is_empty()).then(|| Document::parse(text.as_bytes()).ok()).flatten() else {
        return true;
    };
    path.iter().try_fold(document.root(), |value, name| value.member(name)).is_some()
}

#[test]
fn an_absent_element_clears_its_column() {
    each_map(|map, tell| {
        let bench = Bench::of(map);
        let mut dice = Dice::new(2);
        let all = leaves(map);
        for leaf in &all {
            let slots = slots_of(map, leaf);
            let fit = fitting(leaf.field, leaf.kind, slots, &mut dice);
            let value = if leaf.field.list && !is_item(map, leaf) { Node::List(vec![fit]) } else { fit };
            let mut text = |value: Option<Node>| {
                let mut maker = Maker::new(map, &mut dice);
                maker.forced = Some(Forced { field: leaf.field, value, sibling: None });
                maker.resource()
            };
            let (with, without) = (text(Some(value)), text(None));
            let retraction = |text: &str| map.append_only.is_some() && text.contains("entered-in-error");
            if retraction(&with) || retraction(&without) {
                tell(Ok(()));
                continue;
            }
            let Ok(before) = bench.split(&with) else {
                tell(Err(format!("{}: the table cannot carry {with}", leaf.path)));
                continue;
            };
            if !filled(&before, leaf) || matches!(leaf.field.codec, Codec::Rest(_)) {
                tell(Ok(()));
                continue;
            }
            let refuses = leaf
                .field
                .slots
                .iter()
                .any(|slot| slots[*slot].required || map.when_slots.contains(slot) || map.when_one.contains(slot));
            let cleared = bench.written_back(&held(&before), &without);
            tell(match cleared {
                Err(_) if refuses && leaf.child.is_none() => Ok(()),
                Ok(after) if !filled(&after, leaf) => Ok(()),
                other => Err(format!("Clear: {}: {with}\n{without}\n{other:?}", leaf.path)),
            });
        }
    });
}

#[test]
fn whole_resources_read_back_as_they_were_written() {
    each_map(|map, tell| {
        let bench = Bench::of(map);
        let mut taken = 0;
        let count = cases(50);
        for case in 0..count {
            let mut dice = Dice::new(case as u64);
            let chance = [10, 30, 60, 90][dice.below(4)];
            let mut maker = Maker::new(map, &mut dice);
            maker.chance = chance;
            let text = maker.resource();
            let outcome = bench.put_get(&text);
            taken += usize::from(matches!(outcome, Ok(Some(_))));
            tell(outcome.map(|_| ()));
        }
        if taken * 3 < count {
            tell(Err(format!("takes {taken} of {count}: too few to prove anything")));
        }
    });
}

#[test]
fn rows_of_other_programs_are_valid_and_stay() {
    each_map(|map, tell| {
        let (bench, rows) = (Bench::of(map), Rows::of(map));
        for case in 0..cases(40) {
            let mut dice = Dice::new(case as u64);
            let chance = [0, 20, 50, 80, 100][dice.below(5)];
            let row = rows.row(chance, &mut dice);
            tell(bench.foreign(&Held { row, residue: None, shadow: None }).map(|_| ()));
        }
    });
}

#[test]
fn edits_of_other_programs_show_and_leave_the_rest() {
    each_map(|map, tell| {
        let (bench, rows) = (Bench::of(map), Rows::of(map));
        for case in 0..cases(40) {
            let mut dice = Dice::new(case as u64 + 1_000_000);
            let chance = [10, 40, 80][dice.below(3)];
            let mut maker = Maker::new(map, &mut dice);
            maker.chance = chance;
            let text = maker.resource();
            if !bench.accepts(&text) {
                continue;
            }
            let Ok(split) = bench.split(&text) else { continue };
            let held = held(&split);
            for _ in 0..4 {
                tell(edit(&bench, &rows, &held, &mut dice).map_err(|fault| format!("{fault}\nwas {text}")));
            }
        }
    });
}

/// One column of one row, or a row more or less.
fn edit(bench: &Bench<'_>, rows: &Rows<'_>, before: &Held, dice: &mut Dice) -> Law {
    let mut held = before.clone();
    let map = bench.map;
    let leaf = &rows.leaves[dice.below(rows.leaves.len())];
    let slot = leaf.field.slots[0];
    let cell = if dice.one_in(4) { None } else { rows.cell(leaf.child, slot, dice) };
    match leaf.child {
        None => {
            if map.when_one.contains(&slot) && cell.is_none() {
                return Ok(());
            }
            rows.set(None, &mut held.row.cells, slot, cell);
        }
        Some(child) => {
            let place = held.row.children[child].len();
            match dice.below(3) {
                0 => held.row.children[child].push(rows.child_row(child, place as i64 + 100, dice)),
                1 if place > 0 => drop(held.row.children[child].remove(dice.below(place))),
                _ if place > 0 => {
                    let row = &mut held.row.children[child][dice.below(place)];
                    rows.set(Some(child), &mut row.cells, slot, cell);
                }
                _ => return Ok(()),
            }
        }
    }
    let now = bench.foreign(&held)?;
    let then = bench.join(before).0;
    let shown = || format!("{} {}", leaf.path, slots_of(map, leaf)[slot].column);
    if leaf.child.is_none()
        && held.row.cells[slot] != before.row.cells[slot]
        && let Some(text) = held.row.cells[slot].as_deref()
        && !matches!(leaf.field.codec, Codec::Reference | Codec::Content(_))
        && slots_of(map, leaf)[slot].kind != ColumnKind::Json
    {
        let mut value = Vec::new();
        let is_value = decode(leaf.field, map.slots[slot].kind, text, &bench.context(), &mut value);
        let value = String::from_utf8_lossy(&value).into_owned();
        if is_value && !now.contains(&value) {
            return Err(format!("Foreign: {} is {value}, but reads {now}", shown()));
        }
    }
    others_stay(rows, leaf, (&then, &now))
        .map_err(|name| format!("Foreign: {} was changed, and so was {name}:\n{then}\n{now}", shown()))
}
