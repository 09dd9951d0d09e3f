//! What is stated of concepts, gathered until a file is read: in order of the concepts, each statement once. A release states the same
//! many times: in every role group, for every atom, in every file of a package.

use std::fmt::Write as _;

use terminology::index::{Draft, Kind, Names, TooMuch};

/// Statements whose value is a code that is a number.
#[derive(Default)]
pub(crate) struct Links {
    names: Names,
    all: Vec<(u32, u16, u64)>,
}

impl Links {
    pub(crate) fn add(&mut self, at: u32, property: &str, target: u64) -> Result<(), TooMuch> {
        let name = self.names.of(property)?;
        self.all.push((at, name, target));
        Ok(())
    }

    /// Writes them down, and gives the names that there were.
    pub(crate) fn pour(mut self, draft: &mut Draft) -> Result<Vec<String>, TooMuch> {
        self.all.sort_unstable();
        self.all.dedup();
        let mut code = String::new();
        for (at, name, target) in self.all {
            code.clear();
            let _ = write!(code, "{target}");
            draft.property(at, self.names.name(name), Kind::Code, &code)?;
        }
        Ok(self.names.into_all())
    }
}

/// Statements whose value is a text.
#[derive(Default)]
pub(crate) struct Texts {
    names: Names,
    texts: String,
    all: Vec<(u32, u16, usize, u32)>,
}

impl Texts {
    pub(crate) fn add(&mut self, at: u32, property: &str, value: &str) -> Result<(), TooMuch> {
        let name = self.names.of(property)?;
        let length = u32::try_from(value.len()).map_err(|_| TooMuch("texts"))?;
        self.all.push((at, name, self.texts.len(), length));
        self.texts.push_str(value);
        Ok(())
    }

    /// Writes them down as values of these kinds, and gives the names that there were.
    pub(crate) fn pour(mut self, draft: &mut Draft, kind: impl Fn(&str) -> Kind) -> Result<Vec<String>, TooMuch> {
        let texts = self.texts;
        let text = |start: usize, length: u32| &texts[start..start + length as usize];
        let key = |&(at, name, start, length): &(u32, u16, usize, u32)| (at, name, text(start, length));
        self.all.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        self.all.dedup_by(|one, other| key(one) == key(other));
        let kinds: Vec<Kind> = self.names.all().iter().map(|name| kind(name)).collect();
        for (at, name, start, length) in self.all {
            draft.property(at, self.names.name(name), kinds[usize::from(name)], text(start, length))?;
        }
        Ok(self.names.into_all())
    }
}
