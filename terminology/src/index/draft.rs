//! A code system that is being put together, concept by concept: texts lie in one piece, all else is numbers, so that half a
//! million concepts fit in memory while they are read.

mod names;
mod seen;

use std::collections::HashMap;

use serde_json::{Value, json};

pub use self::names::Names;

/// Where a text lies.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Text {
    pub(super) start: u32,
    pub(super) length: u32,
}

/// What a property's value is (<https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.concept.property.value_x_>).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A code of the same system.
    Code,
    /// A `Coding`, as JSON.
    Coding,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A date, or a date and time.
    DateTime,
    /// A decimal number, as it was written.
    Decimal,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Code, Self::Coding, Self::String, Self::Integer, Self::Boolean, Self::DateTime, Self::Decimal];

    /// What FHIR calls an element with such a value.
    pub fn element(self) -> &'static str {
        match self {
            Self::Code => "valueCode",
            Self::Coding => "valueCoding",
            Self::String => "valueString",
            Self::Integer => "valueInteger",
            Self::Boolean => "valueBoolean",
            Self::DateTime => "valueDateTime",
            Self::Decimal => "valueDecimal",
        }
    }
}

pub(super) struct Designated {
    pub(super) at: u32,
    pub(super) language: u16,
    pub(super) used_for: u16,
    pub(super) text: Text,
}

pub(super) struct Stated {
    pub(super) at: u32,
    pub(super) property: u16,
    pub(super) kind: Kind,
    pub(super) value: Text,
}

/// More than an index can hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooMuch(pub &'static str);

impl std::fmt::Display for TooMuch {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(form, "there are more {} than an index has room for", self.0)
    }
}

impl std::error::Error for TooMuch {}

/// A code system that is being put together. Concepts are named by their place: the order in which they were first named.
pub struct Draft {
    /// The `CodeSystem` without its concepts.
    pub(super) header: Value,
    pub(super) texts: Vec<u8>,
    pub(super) codes: Vec<Text>,
    pub(super) displays: Vec<Text>,
    pub(super) definitions: Vec<Text>,
    pub(super) designations: Vec<Designated>,
    pub(super) properties: Vec<Stated>,
    pub(super) extensions: Vec<(u32, Text)>,
    /// Concept and parent.
    pub(super) parents: Vec<(u32, u32)>,
    pub(super) languages: Names,
    pub(super) uses: Names,
    pub(super) names: Names,
    pub(super) keyed: Vec<String>,
    /// The order of the concepts is a resource's own, and stays.
    pub(super) has_order: bool,
    places: HashMap<Box<str>, u32>,
}

impl Draft {
    /// One without concepts. The header is a `CodeSystem` as FHIR has it, with `url`, `version`, `name`, `caseSensitive`, `content`
    /// and its definitions of properties.
    pub fn new(header: Value) -> Self {
        let mut draft = Self {
            header,
            texts: Vec::new(),
            codes: Vec::new(),
            displays: Vec::new(),
            definitions: Vec::new(),
            designations: Vec::new(),
            properties: Vec::new(),
            extensions: Vec::new(),
            parents: Vec::new(),
            languages: Names::default(),
            uses: Names::default(),
            names: Names::default(),
            keyed: Vec::new(),
            has_order: false,
            places: HashMap::new(),
        };
        // Number 0 is no language, and no use.
        let _ = draft.languages.of("");
        let _ = draft.uses.of("");
        draft
    }

    /// How many concepts there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Where a code is.
    pub fn find(&self, code: &str) -> Option<u32> {
        self.places.get(code).copied()
    }

    /// The code of a place.
    pub fn code(&self, at: u32) -> &str {
        let Text { start, length } = self.codes[at as usize];
        std::str::from_utf8(&self.texts[start as usize..(start + length) as usize]).unwrap_or_default()
    }

    fn text(&mut self, text: &str) -> Result<Text, TooMuch> {
        let start = u32::try_from(self.texts.len()).map_err(|_| TooMuch("texts"))?;
        let length = u32::try_from(text.len()).map_err(|_| TooMuch("texts"))?;
        start.checked_add(length).ok_or(TooMuch("texts"))?;
        self.texts.extend_from_slice(text.as_bytes());
        Ok(Text { start, length })
    }

    /// The place of a code, a new one where it has none yet.
    ///
    /// # Errors
    /// There are too many.
    pub fn concept(&mut self, code: &str) -> Result<u32, TooMuch> {
        if let Some(at) = self.find(code) {
            return Ok(at);
        }
        let at = u32::try_from(self.codes.len()).map_err(|_| TooMuch("concepts"))?;
        let text = self.text(code)?;
        self.codes.push(text);
        self.displays.push(Text::default());
        self.definitions.push(Text::default());
        self.places.insert(code.into(), at);
        Ok(at)
    }

    /// How a concept is shown.
    ///
    /// # Errors
    /// There is too much text.
    pub fn display(&mut self, at: u32, text: &str) -> Result<(), TooMuch> {
        self.displays[at as usize] = self.text(text)?;
        Ok(())
    }

    /// What it means.
    ///
    /// # Errors
    /// There is too much text.
    pub fn definition(&mut self, at: u32, text: &str) -> Result<(), TooMuch> {
        self.definitions[at as usize] = self.text(text)?;
        Ok(())
    }

    /// What a designation with extensions is for, as [`Draft::designation`] takes it.
    pub fn use_with(used_for: Option<&Value>, extensions: &Value) -> String {
        json!([used_for, extensions]).to_string()
    }

    /// The order in which concepts are named is a resource's own: parents are not put before their children.
    pub fn keep_order(&mut self) {
        self.has_order = true;
    }

    /// How else it is said: language (BCP 47) and use (a `Coding` as JSON), each empty where there is none.
    ///
    /// # Errors
    /// There are too many.
    pub fn designation(&mut self, at: u32, language: &str, used_for: &str, text: &str) -> Result<(), TooMuch> {
        let (language, used_for) = (self.languages.of(language)?, self.uses.of(used_for)?);
        let text = self.text(text)?;
        self.designations.push(Designated { at, language, used_for, text });
        Ok(())
    }

    /// What is known of it. The header says which properties there are; a concept is inactive where its property `inactive` is `true`
    /// or its `status` is `retired` or `inactive`, and abstract where `notSelectable` is `true`.
    ///
    /// # Errors
    /// There are too many.
    pub fn property(&mut self, at: u32, property: &str, kind: Kind, value: &str) -> Result<(), TooMuch> {
        let property = self.names.of(property)?;
        let value = self.text(value)?;
        self.properties.push(Stated { at, property, kind, value });
        Ok(())
    }

    /// Its extensions, as a JSON array.
    ///
    /// # Errors
    /// There is too much text.
    pub fn extension(&mut self, at: u32, extensions: &str) -> Result<(), TooMuch> {
        let text = self.text(extensions)?;
        self.extensions.push((at, text));
        Ok(())
    }

    /// That one concept is below another one. Said once or many times, it is the same.
    pub fn parent(&mut self, at: u32, parent: u32) {
        if at != parent {
            self.parents.push((at, parent));
        }
    }

    /// Concepts are to be found by the values of a property, too (an NDC, a code that was replaced).
    pub fn keyed(&mut self, property: &str) {
        if !self.keyed.iter().any(|known| known == property) {
            self.keyed.push(property.to_owned());
        }
    }
}
