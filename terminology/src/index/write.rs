//! A draft as an index.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::closure::{Rows, above, in_order};
use super::draft::{Draft, Kind, Text};
use super::{ABSTRACT, INACTIVE, MAGIC, NONE, SECTIONS, Section, slot};
use crate::model::code_system::CodeSystem;

/// What is written, as it is counted and summed up.
struct Out<'w, W> {
    to: &'w mut W,
    sum: Sha256,
    written: u64,
    table: [(u64, u64); SECTIONS],
}

impl<W: Write> Out<'_, W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.written += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    fn section(&mut self, section: Section, bytes: &[u8]) -> io::Result<()> {
        self.table[section as usize] = (self.written, bytes.len() as u64);
        self.put(bytes)
    }

    fn numbers(&mut self, section: Section, numbers: impl IntoIterator<Item = u32>) -> io::Result<()> {
        let bytes: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
        self.section(section, &bytes)
    }

    fn rows(&mut self, (of, section): (Section, Section), rows: &Rows) -> io::Result<()> {
        self.numbers(of, rows.of.iter().copied())?;
        self.numbers(section, rows.rows.iter().copied())
    }
}

impl Draft {
    /// The index, as bytes.
    ///
    /// # Errors
    /// As [`Draft::write`].
    pub fn index(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes the index; its SHA-256.
    ///
    /// # Errors
    /// The writer's; `InvalidData` where the header is no `CodeSystem`, or there is more above all concepts than numbers go.
    pub fn write<W: Write>(mut self, to: &mut W) -> io::Result<[u8; 32]> {
        let system =
            CodeSystem::read(&self.header).ok_or_else(|| invalid("the header is no CodeSystem with an address"))?;
        let parents = self.settle();
        let children = parents.turned();
        let mut out = Out { to, sum: Sha256::new(), written: 0, table: [(0, 0); SECTIONS] };
        out.put(MAGIC)?;
        out.section(Section::Header, self.header.to_string().as_bytes())?;
        let uses: Vec<serde_json::Value> =
            self.uses.all().iter().map(|text| serde_json::from_str(text).unwrap_or_default()).collect();
        let names = json!({ "languages": self.languages.all(), "uses": uses, "properties": self.names.all() });
        out.section(Section::Names, names.to_string().as_bytes())?;
        let flags = self.flags(&system);
        out.section(Section::Flags, &flags)?;
        out.numbers(Section::ByCode, self.hashed(|code| code.to_owned()))?;
        let folded = if system.is_case_sensitive { Vec::new() } else { self.hashed(str::to_lowercase) };
        out.numbers(Section::ByFolded, folded)?;
        let (words, word_texts, word_places) = self.words();
        out.numbers(Section::Words, words)?;
        out.section(Section::WordTexts, &word_texts)?;
        out.numbers(Section::WordPlaces, word_places)?;
        let keys = self.key_rows();
        out.numbers(Section::Keys, keys)?;
        out.section(Section::Texts, &self.texts)?;
        for (section, texts) in [
            (Section::Codes, &self.codes),
            (Section::Displays, &self.displays),
            (Section::Definitions, &self.definitions),
        ] {
            out.numbers(section, texts.iter().flat_map(|text| [text.start, text.length]))?;
        }
        let of = |at: &mut dyn Iterator<Item = u32>| counted(self.codes.len(), at);
        out.numbers(Section::DesignationsOf, of(&mut self.designations.iter().map(|row| row.at)))?;
        let both = |one: u16, other: u16| u32::from(one) | u32::from(other) << 16;
        let rows = self.designations.iter();
        let rows = rows.flat_map(|row| [both(row.language, row.used_for), row.text.start, row.text.length]);
        out.numbers(Section::Designations, rows)?;
        out.numbers(Section::PropertiesOf, of(&mut self.properties.iter().map(|row| row.at)))?;
        let rows = self.properties.iter();
        let rows = rows.flat_map(|row| [both(row.property, row.kind as u16), row.value.start, row.value.length]);
        out.numbers(Section::Properties, rows)?;
        out.numbers(Section::Extensions, self.extensions.iter().flat_map(|(at, text)| [*at, text.start, text.length]))?;
        // What is not needed any more makes room for what is above what.
        drop(self);
        out.rows((Section::ParentsOf, Section::Parents), &parents)?;
        out.rows((Section::ChildrenOf, Section::Children), &children)?;
        let above = above(&parents).ok_or_else(|| invalid("there is too much above its concepts"))?;
        out.rows((Section::AboveOf, Section::Above), &above)?;
        out.rows((Section::BelowOf, Section::Below), &above.turned())?;
        let at = out.written;
        let table: Vec<u8> = out
            .table
            .iter()
            .flat_map(|(start, length)| [start.to_le_bytes(), length.to_le_bytes()])
            .flatten()
            .collect();
        out.put(&table)?;
        let sum: [u8; 32] = out.sum.finalize().into();
        out.to.write_all(&sum)?;
        out.to.write_all(&at.to_le_bytes())?;
        out.to.write_all(MAGIC)?;
        out.to.flush()?;
        Ok(sum)
    }

    /// Puts the rows of each place beside each other, and parents before their children where no resource says the order; the parents
    /// of each, once.
    fn settle(&mut self) -> Rows {
        let places = self.codes.len();
        let mut seen = HashSet::with_capacity(self.parents.len());
        self.parents.retain(|pair| seen.insert(*pair));
        drop(seen);
        if !self.has_order {
            self.reorder(places);
        }
        // Stable: what was said first of a concept stays first.
        self.designations.sort_by_key(|row| row.at);
        self.properties.sort_by_key(|row| row.at);
        self.extensions.sort_by_key(|row| row.0);
        Rows::of(places, &self.parents)
    }

    fn reorder(&mut self, places: usize) {
        let parents = Rows::of(places, &self.parents);
        let order = in_order(&parents, &parents.turned());
        let mut now = vec![0_u32; places];
        order.iter().zip(0..).for_each(|(at, place)| now[*at as usize] = place);
        let sorted = |texts: &[Text]| order.iter().map(|at| texts[*at as usize]).collect::<Vec<_>>();
        (self.codes, self.displays, self.definitions) =
            (sorted(&self.codes), sorted(&self.displays), sorted(&self.definitions));
        self.parents.iter_mut().for_each(|(at, parent)| (*at, *parent) = (now[*at as usize], now[*parent as usize]));
        self.designations.iter_mut().for_each(|row| row.at = now[row.at as usize]);
        self.properties.iter_mut().for_each(|row| row.at = now[row.at as usize]);
        self.extensions.iter_mut().for_each(|row| row.0 = now[row.0 as usize]);
    }

    fn cut(&self, text: Text) -> &str {
        let Text { start, length } = text;
        std::str::from_utf8(&self.texts[start as usize..start as usize + length as usize]).unwrap_or_default()
    }

    /// As [`CodeSystem::is_inactive`] and [`CodeSystem::is_abstract`] tell them from the first of each property.
    fn flags(&self, system: &CodeSystem) -> Vec<u8> {
        let called = ["inactive", "status", "notSelectable"].map(|name| {
            let called = system.called(name);
            self.names.all().iter().position(|known| known == called)
        });
        let mut flags = vec![0_u8; self.codes.len()];
        let mut seen = HashSet::new();
        for row in &self.properties {
            let which = called.iter().position(|name| *name == Some(usize::from(row.property)));
            let Some(which) = which.filter(|which| seen.insert((row.at, *which))) else { continue };
            let flag = match (which, self.cut(row.value)) {
                (0, "true") | (1, "retired" | "inactive") => INACTIVE,
                (2, "true") => ABSTRACT,
                _ => 0,
            };
            flags[row.at as usize] |= flag;
        }
        flags
    }

    /// Places in a table that is never more than half full. Of two with the same text the first one stands.
    fn hashed(&self, form: impl Fn(&str) -> String) -> Vec<u32> {
        let slots = (self.codes.len() * 2).next_power_of_two().max(2);
        let mut table = vec![NONE; slots];
        for (text, at) in self.codes.iter().zip(0..) {
            let code = form(self.cut(*text));
            let mut slot = slot(&code, slots);
            while table[slot] != NONE && form(self.cut(self.codes[table[slot] as usize])) != code {
                slot = (slot + 1) & (slots - 1);
            }
            if table[slot] == NONE {
                table[slot] = at;
            }
        }
        table
    }

    /// The words of all that concepts are called, and of their codes, with where they are.
    fn words(&self) -> (Vec<u32>, Vec<u8>, Vec<u32>) {
        let mut places: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut rows = self.designations.iter().peekable();
        for at in 0..u32::try_from(self.codes.len()).unwrap_or(NONE) {
            let mut take = |text: Text| {
                let text = self.cut(text).to_lowercase();
                for word in super::search::words(&text) {
                    match places.get_mut(word) {
                        Some(known) if known.last() == Some(&at) => {}
                        Some(known) => known.push(at),
                        None => _ = places.insert(word.to_owned(), vec![at]),
                    }
                }
            };
            take(self.codes[at as usize]);
            take(self.displays[at as usize]);
            while let Some(row) = rows.next_if(|row| row.at == at) {
                take(row.text);
            }
        }
        let (mut words, mut texts, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (word, places) in places {
            let number = |length: usize| u32::try_from(length).unwrap_or(NONE);
            words.extend([number(texts.len()), number(word.len()), number(all.len()), number(places.len())]);
            texts.extend_from_slice(word.as_bytes());
            all.extend(places);
        }
        (words, texts, all)
    }

    /// The values by which concepts are found, by name of the property and value.
    fn key_rows(&self) -> Vec<u32> {
        let keyed: Vec<bool> = self.names.all().iter().map(|name| self.keyed.contains(name)).collect();
        let rows = self.properties.iter().filter(|row| keyed[usize::from(row.property)]);
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by_key(|row| (row.property, self.cut(row.value), row.at));
        rows.iter().flat_map(|row| [u32::from(row.property), row.value.start, row.value.length, row.at]).collect()
    }
}

/// Where the rows of each place begin, of rows in order of their places.
fn counted(places: usize, rows: &mut dyn Iterator<Item = u32>) -> Vec<u32> {
    let mut of = vec![0_u32; places + 1];
    rows.for_each(|at| of[at as usize + 1] += 1);
    (0..places).for_each(|at| of[at + 1] += of[at]);
    of
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl Kind {
    pub(super) fn of(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
