//! Rows as other programs write them: texts for every mapped column of a map, kept to the table's checks; and what an edit of
//! one column leaves alone.

use mappers::json::Document;
use mappers::map::{Codec, Map, Slot};
use mappers::row::{Cell, ChildRow, Row};
use mappers::schema::ColumnKind;
use mappers::structure;

use crate::dice::Dice;
use crate::node::Node;
use crate::shapes::{Leaf, leaves};
use crate::values;

/// Texts for the columns of a row.
pub(crate) struct Rows<'m> {
    pub(crate) map: &'m Map,
    pub(crate) leaves: Vec<Leaf<'m>>,
}

impl<'m> Rows<'m> {
    pub(crate) fn of(map: &'m Map) -> Self {
        Self { map, leaves: leaves(map) }
    }

    pub(crate) fn cell(&self, child: Option<usize>, slot: usize, dice: &mut Dice) -> Cell {
        let mut leaves = self.leaves.iter().filter(|leaf| leaf.child == child);
        let leaf = leaves.find(|leaf| leaf.field.slots.contains(&slot))?;
        let declared = &slots_of(self.map, leaf)[slot];
        if declared.kind == ColumnKind::Json {
            return self.json(child, slot, dice);
        }
        let mut texts = values::cells(leaf.kind, leaf.field, declared);
        if let Some(only) = &self.map.append_only {
            texts.retain(|text| declared.column != only.retracted.0 || *text != only.retracted.1);
        }
        (!texts.is_empty()).then(|| texts[dice.below(texts.len())].as_str().into())
    }

    /// A JSON document with some of the members that the map knows, and one that it does not.
    fn json(&self, child: Option<usize>, slot: usize, dice: &mut Dice) -> Cell {
        let mut document = Node::Object(vec![("other".to_owned(), Node::raw("[1,null]"))]);
        for leaf in self.leaves.iter().filter(|leaf| leaf.child == child && leaf.field.slots.contains(&slot)) {
            let all = values::values(leaf.kind, Some(leaf.field));
            if !leaf.field.json_path.is_empty() && !dice.one_in(3) {
                document.set(&leaf.field.json_path, Node::raw(all[dice.below(all.len())].clone()));
            }
        }
        Some(document.text().into())
    }

    pub(crate) fn must(&self, child: Option<usize>, slot: usize) -> bool {
        match child {
            Some(child) => self.map.children[child].slots[slot].required,
            None => self.map.slots[slot].required || self.map.when_slots.contains(&slot),
        }
    }

    /// A level's cells, each filled with that chance of 100.
    pub(crate) fn cells(&self, child: Option<usize>, chance: usize, dice: &mut Dice) -> Vec<Cell> {
        let count = child.map_or(self.map.slots.len(), |child| self.map.children[child].slots.len());
        let mut cells = vec![None; count];
        let first = dice.below(count.max(1));
        for slot in (0..count).map(|slot| (slot + first) % count) {
            if self.must(child, slot) || dice.below(100) < chance {
                let cell = self.cell(child, slot, dice);
                self.set(child, &mut cells, slot, cell);
            }
        }
        if child.is_none() && !self.map.when_one.is_empty() {
            let slot = self.map.when_one[dice.below(self.map.when_one.len())];
            let cell = self.cell(None, slot, dice);
            self.set(None, &mut cells, slot, cell);
        }
        cells
    }

    /// As a program that keeps to the table's checks: of a choice one column, of a list no gap.
    pub(crate) fn set(&self, child: Option<usize>, cells: &mut [Cell], slot: usize, cell: Cell) {
        for leaf in self.leaves.iter().filter(|leaf| leaf.child == child && leaf.field.slots.contains(&slot)) {
            if cell.is_some() {
                leaf.rivals.iter().filter(|rival| !self.must(child, **rival)).for_each(|rival| cells[*rival] = None);
            }
        }
        if cell.is_none() && self.must(child, slot) {
            return;
        }
        cells[slot] = cell;
        // What is in no place: a second item without a first, the state of nobody.
        let leaves = || self.leaves.iter().filter(|leaf| leaf.child == child);
        for leaf in
            leaves().filter(|leaf| matches!(leaf.field.codec, Codec::Places(_)) && leaf.field.slots.contains(&slot))
        {
            leaf.field.slots.iter().filter(|other| **other != slot).for_each(|other| cells[*other] = None);
        }
        for leaf in leaves().filter(|leaf| !matches!(leaf.field.codec, Codec::Places(_))) {
            let unplaced = leaf.needs.iter().any(|slots| slots.iter().all(|slot| cells[*slot].is_none()));
            let slots = leaf.field.slots.iter().filter(|slot| unplaced && !self.must(child, **slot));
            slots.for_each(|slot| cells[*slot] = None);
            let gap = leaf.field.slots.iter().position(|slot| cells[*slot].is_none()).unwrap_or(usize::MAX);
            leaf.field.slots.iter().skip(gap).for_each(|slot| cells[*slot] = None);
        }
    }

    pub(crate) fn row(&self, chance: usize, dice: &mut Dice) -> Row {
        let cells = self.cells(None, chance, dice);
        let children = (0..self.map.children.len()).map(|child| {
            let count = if chance == 0 { 0 } else { dice.below(3) };
            (0..count).map(|position| self.child_row(child, position as i64, dice)).collect()
        });
        Row { cells, children: children.collect() }
    }

    pub(crate) fn child_row(&self, child: usize, position: i64, dice: &mut Dice) -> ChildRow {
        let chance = [20, 60, 100][dice.below(3)];
        let mut cells = self.cells(Some(child), chance, dice);
        if cells.iter().all(Option::is_none) {
            cells = self.cells(Some(child), 100, dice);
        }
        ChildRow { key: Some(dice.below(1_000_000_000).to_string().into()), position, cells, residue: None }
    }
}

/// The columns of the leaf's level.
pub(crate) fn slots_of<'m>(map: &'m Map, leaf: &Leaf<'_>) -> &'m [Slot] {
    leaf.child.map_or(&map.slots, |child| &map.children[child].slots)
}

/// Members that the edited column, its rivals and its groups have nothing to do with are as they were.
pub(crate) fn others_stay(rows: &Rows<'_>, leaf: &Leaf<'_>, (then, now): (&str, &str)) -> Result<(), String> {
    let map = rows.map;
    let mut touched = vec![leaf.top.to_owned(), "text".to_owned()];
    let slots = || leaf.field.slots.iter().chain(&leaf.rivals);
    for other in rows.leaves.iter().filter(|other| other.child == leaf.child) {
        if other.field.slots.iter().any(|slot| slots().any(|one| one == slot)) {
            touched.push(other.top.to_owned());
        }
    }
    if leaf.child.is_none() {
        for group in map.groups.iter().filter(|group| group.slots.iter().any(|slot| slots().any(|one| one == slot))) {
            touched.extend(group.members.iter().cloned());
            let of_group = |other: &&Leaf<'_>| {
                other.child.is_none() && other.field.slots.iter().any(|slot| group.slots.contains(slot))
            };
            touched.extend(rows.leaves.iter().filter(of_group).map(|other| other.top.to_owned()));
        }
    }
    // A required choice is said in one type or as unknown in another.
    let base = |name: &str| structure::definition(&format!("{}.{name}", map.resource)).map(|said| said.name);
    let touched: Vec<_> = touched.iter().map(|name| base(name)).collect();
    let rest = |text: &str| {
        let document = Document::parse(text.as_bytes()).expect("JSON");
        let members = document.root().children().filter_map(|member| {
            let name = member.key()?.into_owned();
            let is_touched = touched.contains(&base(name.trim_start_matches('_')));
            (!is_touched).then(|| (name, member.raw().to_owned()))
        });
        members.collect::<std::collections::BTreeMap<_, _>>()
    };
    let (then, now) = (rest(then), rest(now));
    let differs = then.keys().chain(now.keys()).find(|name| then.get(*name) != now.get(*name));
    differs.map_or(Ok(()), |name| Err(name.clone()))
}
