//! What a draft says of a concept, for whoever looks into a release.

use super::draft::{Draft, Text};

impl Draft {
    /// The `CodeSystem` without its concepts.
    pub fn header(&self) -> &serde_json::Value {
        &self.header
    }

    /// All that is said of a concept, one line each: `display: Alpha`, `property STATUS String: ACTIVE`, `parent: A`. It looks through
    /// all that there is.
    pub fn told(&self, at: u32) -> Vec<String> {
        let text = |Text { start, length }: Text| {
            String::from_utf8_lossy(&self.texts[start as usize..(start + length) as usize]).into_owned()
        };
        let single = [("display", self.displays[at as usize]), ("definition", self.definitions[at as usize])];
        let single = single.into_iter().filter(|(_, told)| told.length > 0);
        let designations = self.designations.iter().filter(|told| told.at == at).map(|told| {
            let (language, used_for) =
                (&self.languages.all[told.language as usize], &self.uses.all[told.used_for as usize]);
            format!("designation {language} {used_for}: {}", text(told.text))
        });
        let properties = self.properties.iter().filter(|told| told.at == at).map(|told| {
            format!("property {} {:?}: {}", self.names.all[told.property as usize], told.kind, text(told.value))
        });
        let extensions =
            self.extensions.iter().filter(|told| told.0 == at).map(|told| format!("extension: {}", text(told.1)));
        let parents = self.parents.iter().filter(|told| told.0 == at);
        single
            .map(|(name, told)| format!("{name}: {}", text(told)))
            .chain(designations)
            .chain(properties)
            .chain(extensions)
            .chain(parents.map(|told| format!("parent: {}", self.code(told.1))))
            .collect()
    }
}
