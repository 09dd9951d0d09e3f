//! What a draft holds of a concept, for whoever checks it. Lists are looked through from end to end: it is for tests, and for few concepts.

use serde_json::Value;

use super::{Draft, Kind, Text};

impl Draft {
    /// The `CodeSystem` without its concepts.
    pub fn header(&self) -> &Value {
        &self.header
    }

    /// Says what the header is, where that is known only in the end.
    pub fn set_header(&mut self, header: Value) {
        self.header = header;
    }

    /// Properties by whose values concepts are found, too.
    pub fn keys(&self) -> &[String] {
        &self.keyed
    }

    fn read(&self, text: Text) -> &str {
        let (start, end) = (text.start as usize, text.start as usize + text.length as usize);
        self.texts.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// How a concept is shown; empty where nothing is known.
    pub fn display_of(&self, at: u32) -> &str {
        self.displays.get(at as usize).map(|&text| self.read(text)).unwrap_or_default()
    }

    /// What it means; empty where nothing is known.
    pub fn definition_of(&self, at: u32) -> &str {
        self.definitions.get(at as usize).map(|&text| self.read(text)).unwrap_or_default()
    }

    /// How else it is said: language, use and text.
    pub fn designations_of(&self, at: u32) -> impl Iterator<Item = (&str, &str, &str)> {
        self.designations
            .iter()
            .filter(move |one| one.at == at)
            .map(|one| (self.languages.name(one.language), self.uses.name(one.used_for), self.read(one.text)))
    }

    /// What is known of it: property, kind and value.
    pub fn properties_of(&self, at: u32) -> impl Iterator<Item = (&str, Kind, &str)> {
        let of = move |one: &super::Stated| (one.property, one.kind, one.value);
        let own = self.properties.iter().filter(move |one| one.at == at).map(of);
        own.map(|(property, kind, value)| (self.names.name(property), kind, self.read(value)))
    }

    /// What it is below.
    pub fn parents_of(&self, at: u32) -> impl Iterator<Item = u32> {
        self.parents.iter().filter(move |(child, _)| *child == at).map(|(_, parent)| *parent)
    }

    /// All of that, one line each: `display: Alpha`, `property STATUS String: ACTIVE`, `parent: A`.
    pub fn told(&self, at: u32) -> Vec<String> {
        let single = [("display", self.display_of(at)), ("definition", self.definition_of(at))];
        let single = single.into_iter().filter(|(_, text)| !text.is_empty());
        let designations = self.designations_of(at);
        let properties = self.properties_of(at);
        let extensions = self.extensions.iter().filter(|row| row.0 == at).map(|row| self.read(row.1));
        single
            .map(|(name, text)| format!("{name}: {text}"))
            .chain(designations.map(|(language, used_for, text)| format!("designation {language} {used_for}: {text}")))
            .chain(properties.map(|(name, kind, value)| format!("property {name} {kind:?}: {value}")))
            .chain(extensions.map(|text| format!("extension: {text}")))
            .chain(self.parents_of(at).map(|parent| format!("parent: {}", self.code(parent))))
            .collect()
    }
}
