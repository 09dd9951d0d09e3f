//! Texts that come again and again, by number.

use std::collections::HashMap;

use super::TooMuch;

/// Texts that come again and again, each by the number of its first coming.
#[derive(Default)]
pub struct Names {
    all: Vec<String>,
    places: HashMap<String, u16>,
}

impl Names {
    /// The number of a text.
    ///
    /// # Errors
    /// There are more than 65,536.
    pub fn of(&mut self, text: &str) -> Result<u16, TooMuch> {
        if let Some(&known) = self.places.get(text) {
            return Ok(known);
        }
        let place = u16::try_from(self.all.len()).map_err(|_| TooMuch("names of properties, languages or uses"))?;
        self.all.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        Ok(place)
    }

    /// The text of a number; empty where there is none.
    pub fn name(&self, number: u16) -> &str {
        self.all.get(usize::from(number)).map(String::as_str).unwrap_or_default()
    }

    /// All of them, by their numbers.
    pub fn all(&self) -> &[String] {
        &self.all
    }

    /// The same, where no more will come.
    pub fn into_all(self) -> Vec<String> {
        self.all
    }
}
