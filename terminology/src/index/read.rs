//! An index, read where it lies. Whatever the bytes are, nothing is read outside them: what cannot be there is taken for nothing.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::draft::Kind;
use super::{ABSTRACT, FOOT, INACTIVE, MAGIC, NONE, SECTIONS, Section, slot};
use crate::model::code_system::Property;
use crate::model::{Designation, Extension};

/// Bytes of a row of each section with rows per place: codes and the like, designations and properties, extensions.
const TEXT: usize = 8;
const SAID: usize = 12;

/// Why bytes are no index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Broken(&'static str);

impl fmt::Display for Broken {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(form, "this is no index of a release: {}", self.0)
    }
}

impl std::error::Error for Broken {}

#[derive(Debug, Deserialize)]
struct Names {
    languages: Vec<String>,
    uses: Vec<Value>,
    properties: Vec<String>,
}

/// An index.
pub struct Index {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    table: [(usize, usize); SECTIONS],
    header: Value,
    names: Names,
    places: usize,
}

impl fmt::Debug for Index {
    fn fmt(&self, form: &mut fmt::Formatter<'_>) -> fmt::Result {
        form.debug_struct("Index")
            .field("url", &self.header["url"])
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

/// Places, in order where they are all that is above or below one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'i>(pub(super) &'i [u8]);

impl<'i> Places<'i> {
    /// How many.
    pub fn len(self) -> usize {
        self.0.len() / 4
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The place at a place among them.
    pub fn at(self, nth: usize) -> Option<usize> {
        number(self.0, nth).map(|place| place as usize)
    }

    /// All of them.
    pub fn iter(self) -> impl ExactSizeIterator<Item = usize> + 'i {
        self.0.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize)
    }

    /// Whether one is among them: they are in order.
    pub fn has(self, place: usize) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.at(middle) {
                Some(found) if found == place => return true,
                Some(found) if found < place => low = middle + 1,
                _ => high = middle,
            }
        }
        false
    }
}

fn number(bytes: &[u8], nth: usize) -> Option<u32> {
    let four = bytes.get(nth.checked_mul(4)?..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*four))
}

impl Index {
    /// Opens it: its parts are where its table says, and fit each other. That they are as they were written [`Index::is_whole`] tells.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn open(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self, Broken> {
        let all = (*bytes).as_ref();
        let foot = all.len().checked_sub(FOOT).filter(|foot| *foot >= MAGIC.len()).ok_or(Broken("it is too short"))?;
        if !all.starts_with(MAGIC) || !all.ends_with(MAGIC) {
            return Err(Broken("it does not begin and end as one of this version"));
        }
        let long = |at: usize| {
            all.get(at..)?.first_chunk::<8>().and_then(|eight| usize::try_from(u64::from_le_bytes(*eight)).ok())
        };
        let begin = long(foot + 32).ok_or(Broken("it ends early"))?;
        if begin.checked_add(SECTIONS * 16) != Some(foot) {
            return Err(Broken("its table is not where it should be"));
        }
        let mut table = [(0, 0); SECTIONS];
        for (nth, entry) in table.iter_mut().enumerate() {
            let (start, length) = (long(begin + nth * 16), long(begin + nth * 16 + 8));
            let end = start.zip(length).and_then(|(start, length)| Some((start, start.checked_add(length)?)));
            *entry = end.filter(|(_, end)| *end <= begin).ok_or(Broken("a part of it is cut off"))?;
        }
        let part = |section: Section| &all[table[section as usize].0..table[section as usize].1];
        let header: Value =
            serde_json::from_slice(part(Section::Header)).map_err(|_| Broken("its header cannot be read"))?;
        let names = serde_json::from_slice(part(Section::Names)).map_err(|_| Broken("its names cannot be read"))?;
        let places = part(Section::Codes).len() / TEXT;
        let fits = |section: Section, row: usize| part(section).len() == places * row;
        let of = |of: Section, section: Section, row: usize| {
            let last = number(part(of), places).map(|last| last as usize * row);
            part(of).len() == (places + 1) * 4 && last == Some(part(section).len())
        };
        let is_fit = fits(Section::Codes, TEXT)
            && fits(Section::Displays, TEXT)
            && fits(Section::Definitions, TEXT)
            && fits(Section::Flags, 1)
            && of(Section::DesignationsOf, Section::Designations, SAID)
            && of(Section::PropertiesOf, Section::Properties, SAID)
            && of(Section::ParentsOf, Section::Parents, 4)
            && of(Section::ChildrenOf, Section::Children, 4)
            && of(Section::AboveOf, Section::Above, 4)
            && of(Section::BelowOf, Section::Below, 4)
            && (part(Section::ByCode).len() / 4).is_power_of_two();
        if !is_fit {
            return Err(Broken("its parts do not fit each other"));
        }
        Ok(Self { bytes, table, header, names, places })
    }

    fn part(&self, section: Section) -> &[u8] {
        let (start, end) = self.table[section as usize];
        (*self.bytes).as_ref().get(start..end).unwrap_or_default()
    }

    /// Whether the bytes are those that were written: reads all of them.
    pub fn is_whole(&self) -> bool {
        let all = (*self.bytes).as_ref();
        let (said, foot) = all.split_at(all.len() - FOOT);
        Sha256::digest(said)[..] == foot[..32]
    }

    /// What names the bytes: their SHA-256, as it was written.
    pub fn digest(&self) -> [u8; 32] {
        let all = (*self.bytes).as_ref();
        all[all.len() - FOOT..].first_chunk::<32>().copied().unwrap_or_default()
    }

    /// The `CodeSystem` without its concepts.
    pub fn header(&self) -> &Value {
        &self.header
    }

    /// How many concepts there are.
    pub fn len(&self) -> usize {
        self.places
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places == 0
    }

    fn cut(&self, (start, length): (u32, u32)) -> &str {
        let end = (start as usize).saturating_add(length as usize);
        self.part(Section::Texts)
            .get(start as usize..end)
            .and_then(|text| std::str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    fn text(&self, section: Section, at: usize) -> &str {
        let part = self.part(section);
        number(part, at * 2).zip(number(part, at * 2 + 1)).map_or("", |text| self.cut(text))
    }

    /// The code of a place.
    pub fn code(&self, at: usize) -> &str {
        self.text(Section::Codes, at)
    }

    /// How it is shown.
    pub fn display(&self, at: usize) -> Option<&str> {
        Some(self.text(Section::Displays, at)).filter(|text| !text.is_empty())
    }

    /// What it means.
    pub fn definition(&self, at: usize) -> Option<&str> {
        Some(self.text(Section::Definitions, at)).filter(|text| !text.is_empty())
    }

    /// Whether it is not to be used any more.
    pub fn is_inactive(&self, at: usize) -> bool {
        self.part(Section::Flags).get(at).is_some_and(|flags| flags & INACTIVE != 0)
    }

    /// Whether it is there to group others.
    pub fn is_abstract(&self, at: usize) -> bool {
        self.part(Section::Flags).get(at).is_some_and(|flags| flags & ABSTRACT != 0)
    }

    /// Where a code is, as it is written.
    pub fn find(&self, code: &str) -> Option<usize> {
        self.look(Section::ByCode, code, |at| self.code(at) == code)
    }

    /// Where a code is that may be written in other letters; only of a system in which case does not count.
    pub fn find_folded(&self, code: &str) -> Option<usize> {
        let folded = code.to_lowercase();
        self.look(Section::ByFolded, &folded, |at| self.code(at).to_lowercase() == folded)
    }

    fn look(&self, section: Section, code: &str, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let table = self.part(section);
        let slots = table.len() / 4;
        if !slots.is_power_of_two() {
            return None;
        }
        let from = slot(code, slots);
        for step in 0..slots {
            match number(table, (from + step) & (slots - 1)) {
                Some(NONE) | None => return None,
                Some(at) if is_it(at as usize) => return Some(at as usize),
                Some(_) => {}
            }
        }
        None
    }

    fn rows(&self, of: Section, section: Section, at: usize, row: usize) -> &[u8] {
        let of = self.part(of);
        let found = number(of, at).zip(number(of, at + 1));
        let (from, to) = found.map_or((0, 0), |(from, to)| (from as usize * row, to as usize * row));
        self.part(section).get(from..to).unwrap_or_default()
    }

    /// What it is directly below of, as it was said.
    pub fn parents(&self, at: usize) -> Places<'_> {
        Places(self.rows(Section::ParentsOf, Section::Parents, at, 4))
    }

    /// What is directly below it.
    pub fn children(&self, at: usize) -> Places<'_> {
        Places(self.rows(Section::ChildrenOf, Section::Children, at, 4))
    }

    /// All that is above it, itself left out, in order.
    pub fn above(&self, at: usize) -> Places<'_> {
        Places(self.rows(Section::AboveOf, Section::Above, at, 4))
    }

    /// All that is below it, itself left out, in order.
    pub fn below(&self, at: usize) -> Places<'_> {
        Places(self.rows(Section::BelowOf, Section::Below, at, 4))
    }

    fn said(&self, of: Section, section: Section, at: usize) -> impl Iterator<Item = (u16, u16, &str)> {
        self.rows(of, section, at, SAID).chunks_exact(SAID).map(|row| {
            let half = |nth: usize| u16::from_le_bytes([row[nth], row[nth + 1]]);
            (half(0), half(2), self.cut((number(row, 1).unwrap_or_default(), number(row, 2).unwrap_or_default())))
        })
    }

    /// How else it is said, without what each is for: the texts alone.
    pub fn other_names(&self, at: usize) -> impl Iterator<Item = &str> {
        self.said(Section::DesignationsOf, Section::Designations, at).map(|(_, _, text)| text)
    }

    /// How else it is said.
    pub fn designations(&self, at: usize) -> Vec<Designation> {
        let rows = self.said(Section::DesignationsOf, Section::Designations, at);
        let named =
            |language: u16| self.names.languages.get(usize::from(language)).filter(|name| !name.is_empty()).cloned();
        rows.map(|(language, used_for, text)| {
            // A list is a use with extensions of the designation.
            let (used_for, extension) = match self.names.uses.get(usize::from(used_for)) {
                Some(Value::Array(both)) => {
                    let extensions = both.get(1).cloned().unwrap_or_default();
                    (both.first(), serde_json::from_value(extensions).unwrap_or_default())
                }
                used_for => (used_for, Vec::new()),
            };
            let used_for = used_for.filter(|used_for| !used_for.is_null()).cloned();
            Designation { language: named(language), used_for, value: text.to_owned(), extension }
        })
        .collect()
    }

    /// What is known of it: the name of each property, what its value is, and the value as it is written.
    pub fn properties(&self, at: usize) -> impl Iterator<Item = (&str, Kind, &str)> {
        let rows = self.said(Section::PropertiesOf, Section::Properties, at);
        rows.filter_map(|(name, kind, value)| {
            Some((self.names.properties.get(usize::from(name))?.as_str(), Kind::of(kind)?, value))
        })
    }

    /// Whether any concept has a property.
    pub fn has_property(&self, property: &str) -> bool {
        self.names.properties.iter().any(|known| known == property)
    }

    /// The values of a property as a filter compares them.
    pub fn values(&self, at: usize, property: &str) -> impl Iterator<Item = Cow<'_, str>> {
        let of_it = self.properties(at).filter(move |(name, ..)| *name == property);
        of_it.filter_map(|(_, kind, value)| match kind {
            Kind::Coding => kind.json(value)["code"].as_str().map(|code| Cow::Owned(code.to_owned())),
            Kind::Decimal => Some(Cow::Owned(kind.json(value).to_string())),
            _ => Some(Cow::Borrowed(value)),
        })
    }

    /// The same as FHIR has it.
    pub fn stated(&self, at: usize) -> Vec<Property> {
        self.properties(at)
            .map(|(name, kind, value)| Property {
                code: name.to_owned(),
                rest: [(kind.element().to_owned(), kind.json(value))].into_iter().collect(),
            })
            .collect()
    }

    /// Its extensions.
    pub fn extensions(&self, at: usize) -> Vec<Extension> {
        let part = self.part(Section::Extensions);
        let (mut low, mut high) = (0, part.len() / SAID);
        while low < high {
            let middle = usize::midpoint(low, high);
            if number(part, middle * 3).is_some_and(|place| (place as usize) < at) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        if number(part, low * 3) != u32::try_from(at).ok() {
            return Vec::new();
        }
        let text = number(part, low * 3 + 1).zip(number(part, low * 3 + 2)).map_or("", |text| self.cut(text));
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The concepts of which a property (one of those that are keyed) has a value.
    pub fn holding(&self, property: &str, value: &str) -> Vec<usize> {
        let Some(name) = self.names.properties.iter().position(|known| known == property) else { return Vec::new() };
        let part = self.part(Section::Keys);
        let row = |nth: usize| -> Option<(usize, &str, usize)> {
            let text = self.cut((number(part, nth * 4 + 1)?, number(part, nth * 4 + 2)?));
            Some((number(part, nth * 4)? as usize, text, number(part, nth * 4 + 3)? as usize))
        };
        let (mut low, mut high) = (0, part.len() / 16);
        while low < high {
            let middle = usize::midpoint(low, high);
            let is_before = row(middle).is_some_and(|(known, text, _)| (known, text) < (name, value));
            if is_before { low = middle + 1 } else { high = middle }
        }
        let from_there = (low..part.len() / 16).map_while(row);
        from_there.take_while(|(known, text, _)| (*known, *text) == (name, value)).map(|(_, _, at)| at).collect()
    }

    pub(super) fn words_part(&self) -> (&[u8], &[u8], &[u8]) {
        (self.part(Section::Words), self.part(Section::WordTexts), self.part(Section::WordPlaces))
    }
}

impl Kind {
    /// A value as JSON. One that is not what it should be is the text that it is.
    fn json(self, value: &str) -> Value {
        let read = match self {
            Self::Boolean => value.parse::<bool>().ok().map(Value::from),
            Self::Integer => value.parse::<i64>().ok().map(Value::from),
            Self::Decimal | Self::Coding => serde_json::from_str(value).ok(),
            Self::Code | Self::String | Self::DateTime => None,
        };
        read.unwrap_or_else(|| json!(value))
    }
}
