//! The shadow: column texts as the database returned them, for values whose text the residue holds. While a column
//! equals its shadow the residue speaks; once another program has changed it, the column does.

use super::Holes;
use super::fields::walk;
use super::hole::Hole;
use crate::codec::view;
use crate::json::{Document, Element, Kind, write_string};
use crate::map::{Child, Codec, Field, Group, Join, Map, ObjectShape, Slot};
use crate::row::{Cell, ChildRow, Row};
use crate::schema::ColumnKind;

/// Column texts that the residue speaks for, by column name. NULL is not written down: it is what a column without
/// an entry is expected to be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Shadow {
    own: Vec<Entry>,
    rows: Vec<RowShadow>,
    print: Option<u64>,
    left_out: Vec<LeftOut>,
}

/// A list's path, and references that its client knew of and did not want in it.
pub(crate) type LeftOut = (Box<str>, Vec<Box<str>>);

type Entry = (Box<str>, Box<str>);

/// The shadow of one child row.
#[derive(Clone, Debug, Eq, PartialEq)]
struct RowShadow {
    place: Place,
    cells: Vec<Entry>,
    /// The whole item, for tables without a residue column whose row did not come back as meant.
    item: Option<Box<str>>,
}

/// Which child row: the list, its position, and how many rows stand before it at that position.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Place {
    path: Box<str>,
    position: i64,
    nth: usize,
}

/// A child row (child, row, the item's JSON) that only the shadow can keep exactly.
pub(super) type Literal = (usize, usize, Box<str>);

const PRINT: &str = "#";
const ITEM: &str = "";
const ROW: char = '/';

impl Shadow {
    /// Reads what [`Shadow::to_json`] wrote; `None` where the text is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let document = Document::parse(text.as_bytes()).ok()?;
        let mut shadow = Self::default();
        for member in document.root().children() {
            let name = member.key()?;
            if name == PRINT {
                shadow.print = u64::from_str_radix(&member.string()?, 16).ok();
            } else if member.kind() == Kind::Array {
                let references = member.children().map(|item| Some(item.string()?.into()));
                shadow.left_out.push((name.into(), references.collect::<Option<_>>()?));
            } else if let (Some(place), Kind::Object) = (name.strip_prefix(ROW), member.kind()) {
                let (items, cells) = entries(member)?.into_iter().partition::<Vec<_>, _>(|(name, _)| &**name == ITEM);
                let item = items.into_iter().next().map(|(_, item)| item);
                shadow.rows.push(RowShadow { place: Place::parse(place)?, cells, item });
            } else {
                shadow.own.push((name.into(), member.string()?.into()));
            }
        }
        Some(shadow)
    }

    /// Compact JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = vec![b'{'];
        self.own.iter().for_each(|(name, text)| write_entry(&mut out, name, text));
        for row in &self.rows {
            write_name(&mut out, &row.place.name());
            out.push(b'{');
            if let Some(item) = &row.item {
                write_entry(&mut out, ITEM, item);
            }
            row.cells.iter().for_each(|(name, text)| write_entry(&mut out, name, text));
            out.push(b'}');
        }
        for (path, references) in &self.left_out {
            write_name(&mut out, path);
            out.push(b'[');
            for (number, reference) in references.iter().enumerate() {
                out.extend_from_slice(if number == 0 { b"" } else { b"," });
                write_string(&mut out, reference);
            }
            out.push(b']');
        }
        if let Some(print) = self.print {
            write_entry(&mut out, PRINT, &format!("{print:016x}"));
        }
        out.push(b'}');
        super::text(out).into()
    }

    /// The references that a list's client left out of it.
    pub(crate) fn left_out(&self, path: &str) -> &[Box<str>] {
        self.left_out.iter().find(|(list, _)| **list == *path).map_or(&[], |(_, references)| references)
    }

    /// The shadow with what each list (by path) leaves out.
    #[must_use]
    pub fn leaving_out(shadow: Option<Self>, left_out: Vec<(Box<str>, Vec<Box<str>>)>) -> Option<Self> {
        let shadow = Self { left_out, ..shadow.unwrap_or_default() };
        (shadow != Self::default()).then_some(shadow)
    }

    /// The shadow of the same resource joined anew: its lists leave out what they did.
    #[must_use]
    pub fn remembering(shadow: Option<Self>, before: Option<&Self>) -> Option<Self> {
        Self::leaving_out(shadow, before.map(|before| before.left_out.clone()).unwrap_or_default())
    }

    /// The fingerprint of all cells, where a generated narrative depends on them.
    pub(crate) fn print(&self) -> Option<u64> {
        self.print
    }

    /// Whether it says anything about columns of the resource's own row.
    pub(crate) fn is_about_columns(&self) -> bool {
        !self.own.is_empty() || !self.rows.is_empty()
    }

    fn row(&self, child: &Child, rows: &[ChildRow], at: usize) -> Option<&RowShadow> {
        let mut own =
            self.rows.iter().filter(|row| row.place.position == rows[at].position && *row.place.path == *child.path);
        own.find(|row| row.place.nth == nth(rows, at))
    }

    /// Whether every entry for the resource's own row is what the column holds; marks those columns.
    pub(crate) fn holds(&self, slots: &[Slot], joins: &[Join], cells: &[Cell], marks: &mut [u64; 4]) -> bool {
        holds(&self.own, slots, joins, cells, marks)
    }

    pub(crate) fn expected(&self, slots: &[Slot], joins: &[Join]) -> Expected<'_> {
        Expected::of(&self.own, slots, joins)
    }

    /// What a child row's cells are expected to be, and the item that stands for all of them.
    pub(crate) fn expected_row(
        &self,
        child: &Child,
        rows: &[ChildRow],
        at: usize,
    ) -> Option<(Expected<'_>, Option<&str>)> {
        let row = self.row(child, rows, at)?;
        Some((Expected::of(&row.cells, &child.slots, &[]), row.item.as_deref()))
    }
}

/// Goes through a list's rows in a shadow, in the order in which rows are read: as it was written.
pub(crate) struct RowCursor<'s> {
    rows: &'s [RowShadow],
}

impl<'s> RowCursor<'s> {
    pub(crate) fn new(shadow: Option<&'s Shadow>, child: &Child) -> Self {
        let rows = shadow.map_or(&[][..], |shadow| &shadow.rows);
        let start = rows.iter().position(|row| *row.place.path == *child.path).unwrap_or(rows.len());
        let count = rows[start..].iter().take_while(|row| *row.place.path == *child.path).count();
        Self { rows: &rows[start..start + count] }
    }

    /// Whether every entry for the next row is what its columns hold; marks those columns. False where the whole item
    /// stands in the shadow.
    pub(crate) fn holds(&mut self, child: &Child, row: &ChildRow, marks: &mut [u64; 4]) -> bool {
        let Some((next, rest)) = self.rows.split_first() else { return true };
        if next.place.position != row.position || next.place.nth != 0 {
            return true;
        }
        self.rows = rest;
        next.item.is_none() && holds(&next.cells, &child.slots, &[], &row.cells, marks)
    }

    /// Whether every row of the list's shadow has come by.
    pub(crate) fn is_done(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What columns are expected to hold while the residue speaks for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected<'s> {
    cells: Vec<Option<&'s str>>,
    /// Members inside JSON columns, by name.
    members: Vec<(&'s str, &'s str)>,
}

impl<'s> Expected<'s> {
    fn of(entries: &'s [Entry], slots: &[Slot], joins: &[Join]) -> Self {
        let mut expected = Self { cells: vec![None; slots.len()], members: Vec::new() };
        for (name, text) in entries {
            match slots.iter().position(|slot| is_name(slot, joins, name)) {
                Some(slot) => expected.cells[slot] = Some(text),
                None => expected.members.push((name, text)),
            }
        }
        expected
    }

    /// The text expected in a whole column.
    pub(crate) fn column(&self, slot: usize) -> Option<&'s str> {
        self.cells.get(slot).copied().flatten()
    }

    /// The text expected at a field's place.
    pub(crate) fn at(&self, field: &Field, slots: &[Slot], slot: usize) -> Option<&'s str> {
        if self.members.is_empty() || slots[slot].kind != ColumnKind::Json {
            return self.cells.get(slot).copied().flatten();
        }
        let name = member_name(&slots[slot].column, field);
        self.members.iter().find(|(entry, _)| *entry == name).map(|(_, text)| *text)
    }
}

/// The shadow of a row as the database holds it.
pub(super) fn of(map: &Map, holes: &Holes, row: &Row, literals: &[Literal]) -> Option<Shadow> {
    let own = level(
        &map.slots,
        &map.joins,
        &map.shape,
        &map.groups,
        &holes.own,
        &row.cells,
        &Reads::of(&map.slots, &map.shape),
    );
    let mut rows = Vec::new();
    for (number, (child, items)) in map.children.iter().zip(&row.children).enumerate() {
        if items.is_empty() {
            continue;
        }
        let reads = Reads::of(&child.slots, &child.shape);
        for (index, item) in items.iter().enumerate() {
            let literal =
                literals.iter().find(|(of, at, _)| (*of, *at) == (number, index)).map(|(_, _, text)| text.clone());
            let cells = if literal.is_some() {
                level(&child.slots, &[], &child.shape, &[], &[], &item.cells, &reads)
            } else if item.residue.is_some() {
                let holes = holes.children.get(number).and_then(|rows| rows.get(index)).map_or(&[][..], Vec::as_slice);
                level(&child.slots, &[], &child.shape, &child.groups, holes, &item.cells, &reads)
            } else {
                Vec::new()
            };
            if literal.is_some() || !cells.is_empty() {
                rows.push(RowShadow { place: Place::of(child, items, index), cells, item: literal });
            }
        }
    }
    let print = holes.narrative.then(|| fingerprint(row));
    let shadow = Shadow { own, rows, print, left_out: Vec::new() };
    (shadow != Shadow::default()).then_some(shadow)
}

/// Entries for the columns of one row: those that no hole reads, those that several fields read, those of coupled
/// groups, and those whose value has siblings that only make sense beside it.
fn level(
    slots: &[Slot],
    joins: &[Join],
    shape: &ObjectShape,
    groups: &[Group],
    holes: &[Hole],
    cells: &[Cell],
    reads: &Reads,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut holed, mut noted) = (Slots::default(), reads.shared);
    groups.iter().flat_map(|group| &group.slots).for_each(|slot| noted.add(*slot));
    for hole in holes {
        let Some((field, _, item)) = hole.field(shape) else { continue };
        for (number, slot) in field.slots.iter().enumerate() {
            if item.is_none_or(|item| item == number) {
                holed.add(*slot);
                if hole.guarded {
                    noted.add(*slot);
                }
            }
        }
    }
    if reads.json {
        walk(shape, &mut |field| {
            for slot in field.slots.iter().filter(|slot| slots[**slot].kind == ColumnKind::Json) {
                json_entry(field, &slots[*slot], &cells[*slot], holes, shape, &noted, &mut entries);
            }
        });
    }
    for (number, (slot, cell)) in slots.iter().zip(cells).enumerate() {
        let Some(text) = cell else { continue };
        if slot.kind != ColumnKind::Json && (!holed.has(number) || noted.has(number)) {
            entries.push((name_of(slot, joins), text.clone()));
        }
    }
    entries
}

fn json_entry(
    field: &Field,
    slot: &Slot,
    cell: &Cell,
    holes: &[Hole],
    shape: &ObjectShape,
    noted: &Slots,
    entries: &mut Vec<Entry>,
) {
    let holed = holes.iter().any(|hole| hole.field(shape).is_some_and(|(other, _, _)| std::ptr::eq(other, field)));
    let grouped = field.slots.iter().any(|slot| noted.has(*slot));
    if let Some(text) = view(field, slot, cell).filter(|_| !holed || grouped) {
        let name = member_name(&slot.column, field).into_boxed_str();
        if !entries.iter().any(|(entry, _)| *entry == name) {
            entries.push((name, text.into()));
        }
    }
}

/// What reads the columns of a shape.
struct Reads {
    /// Columns that several fields read. (Members of JSON columns are told apart by their paths.)
    shared: Slots,
    /// There are JSON columns.
    json: bool,
}

impl Reads {
    fn of(slots: &[Slot], shape: &ObjectShape) -> Self {
        let mut reads = Self { shared: Slots::default(), json: false };
        let mut known = Slots::default();
        walk(shape, &mut |field| {
            for slot in &field.slots {
                if slots[*slot].kind == ColumnKind::Json {
                    reads.json = true;
                } else if known.has(*slot) {
                    reads.shared.add(*slot);
                }
                known.add(*slot);
            }
        });
        reads
    }
}

/// A set of slots. One beyond its size counts as not in it, which only makes a shadow larger.
#[derive(Clone, Copy, Default)]
struct Slots([u64; 4]);

impl Slots {
    fn add(&mut self, slot: usize) {
        if let Some(word) = self.0.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }

    fn has(&self, slot: usize) -> bool {
        self.0.get(slot / 64).is_some_and(|word| word & 1 << (slot % 64) != 0)
    }
}

/// A fingerprint of every text of a row and its child rows. Stored, so its definition never changes: the number of the
/// cell and the length of its text, then its words of eight bytes (the last one ends where the text does), each folded
/// by multiplication and rotation.
pub(crate) fn fingerprint(row: &Row) -> u64 {
    let mut print = of_cells(0x9E37_79B9_7F4A_7C15, &row.cells);
    for (number, rows) in row.children.iter().enumerate() {
        for row in rows {
            print = of_cells(fold(print, number as u64), &row.cells);
        }
    }
    print
}

fn of_cells(mut print: u64, cells: &[Cell]) -> u64 {
    for (number, text) in cells.iter().enumerate().filter_map(|(number, cell)| Some((number, cell.as_deref()?))) {
        let bytes = text.as_bytes();
        print ^= (number as u64) << 32 | bytes.len() as u64;
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            print = fold(print, word.try_into().map_or(0, u64::from_le_bytes));
        }
        print = fold(print, last_word(bytes));
    }
    print
}

/// The last eight bytes; of shorter texts all of them, some perhaps twice.
fn last_word(bytes: &[u8]) -> u64 {
    let four = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
    if let Some(last) = bytes.last_chunk::<8>() {
        return u64::from_le_bytes(*last);
    }
    match bytes.len() {
        0 => 0,
        length @ 4.. => u64::from(four(&bytes[..4])) | u64::from(four(&bytes[length - 4..])) << 32,
        length => u64::from(bytes[0]) | u64::from(bytes[length / 2]) << 8 | u64::from(bytes[length - 1]) << 16,
    }
}

fn fold(print: u64, word: u64) -> u64 {
    (print ^ word).wrapping_mul(0xFF51_AFD7_ED55_8CCD).rotate_left(29)
}

impl Place {
    fn of(child: &Child, rows: &[ChildRow], at: usize) -> Self {
        Self { path: child.path.as_str().into(), position: rows[at].position, nth: nth(rows, at) }
    }

    /// `/path/position`, and `/n` where n rows stand before it at that position.
    fn name(&self) -> String {
        let nth = if self.nth == 0 { String::new() } else { format!("{ROW}{}", self.nth) };
        format!("{ROW}{}{ROW}{}{nth}", self.path, self.position)
    }

    fn parse(name: &str) -> Option<Self> {
        let mut parts = name.split(ROW);
        let (path, position) = (parts.next()?.into(), parts.next()?.parse().ok()?);
        let nth = parts.next().map_or(Some(0), |nth| nth.parse().ok())?;
        Some(Self { path, position, nth })
    }
}

fn nth(rows: &[ChildRow], at: usize) -> usize {
    rows[..at].iter().filter(|row| row.position == rows[at].position).count()
}

fn holds(entries: &[Entry], slots: &[Slot], joins: &[Join], cells: &[Cell], marks: &mut [u64; 4]) -> bool {
    entries.iter().all(|(name, text)| {
        let Some(slot) = slots.iter().position(|slot| is_name(slot, joins, name)) else { return false };
        marks[slot / 64 % 4] |= 1 << (slot % 64);
        cells.get(slot).is_some_and(|cell| cell.as_deref() == Some(text))
    })
}

fn member_name(column: &str, field: &Field) -> String {
    let rest = if matches!(field.codec, Codec::Rest(_)) { "#" } else { "" };
    format!("{column}#{}{rest}", field.json_path.join("."))
}

fn name_of(slot: &Slot, joins: &[Join]) -> Box<str> {
    match slot.join.and_then(|join| joins.get(join)) {
        Some(join) => format!("{}.{}", join.table, slot.column).into(),
        None => slot.column.as_str().into(),
    }
}

fn is_name(slot: &Slot, joins: &[Join], name: &str) -> bool {
    match slot.join.and_then(|join| joins.get(join)) {
        Some(join) => {
            name.strip_prefix(join.table.as_str()).and_then(|rest| rest.strip_prefix('.')) == Some(&slot.column)
        }
        None => slot.column == name,
    }
}

fn entries(object: Element<'_>) -> Option<Vec<Entry>> {
    object.children().map(|member| Some((member.key()?.into(), member.string()?.into()))).collect()
}

fn write_entry(out: &mut Vec<u8>, name: &str, text: &str) {
    write_name(out, name);
    write_string(out, text);
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    write_string(out, name);
    out.push(b':');
}
