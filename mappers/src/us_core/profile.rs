//! The profiles: read once from `facts.txt`.

use std::sync::LazyLock;

use crate::json;

static FACTS: &str = include_str!("facts.txt");
static PROFILES: LazyLock<Vec<Profile>> =
    LazyLock::new(|| FACTS.lines().filter(|line| !line.starts_with('#')).filter_map(Profile::parse).collect());

/// Every profile of a resource, by type and name.
#[must_use]
pub fn profiles() -> &'static [Profile] {
    &PROFILES
}

/// A profile of a resource type.
#[derive(Debug)]
pub struct Profile {
    /// Its id: `us-core-patient`.
    pub name: &'static str,
    /// The resource type.
    pub resource: &'static str,
    /// What a resource of the profile has beside its type.
    pub conditions: Vec<Condition>,
    /// What it wants.
    pub elements: Vec<Element>,
}

/// A fixed code: `category.coding.code` is `laboratory`.
#[derive(Debug)]
pub struct Condition {
    /// JSON names from the resource on, or from an item on.
    pub path: Vec<&'static str>,
    /// The text there.
    pub value: &'static str,
}

/// An element that a profile wants.
#[derive(Debug)]
pub struct Element {
    /// As the table has it: `component[code.coding.code=8480-6].valueQuantity`, `onset[x]`.
    pub path: &'static str,
    /// The same, taken apart.
    pub steps: Vec<Step>,
    /// It must be there where its parent is.
    pub required: bool,
    /// It is must-support; else it is only required.
    pub supported: bool,
}

/// One member on the way.
#[derive(Debug)]
pub struct Step {
    /// Its name, of a choice without the type: `onset`.
    pub name: &'static str,
    /// Any type of a choice is meant.
    pub choice: bool,
    /// Only such items of the list.
    pub slice: Option<Condition>,
}

impl Profile {
    fn parse(line: &'static str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (name, resource) = (words.next()?, words.next()?);
        let mut profile = Self { name, resource, conditions: Vec::new(), elements: Vec::new() };
        for word in words {
            match word.strip_prefix('?') {
                Some(condition) => profile.conditions.push(Condition::parse(condition)?),
                None => profile.elements.push(Element::parse(word)?),
            }
        }
        Some(profile)
    }

    /// The must-support elements.
    pub fn supported(&self) -> impl Iterator<Item = &Element> {
        self.elements.iter().filter(|element| element.supported)
    }
}

impl Condition {
    fn parse(text: &'static str) -> Option<Self> {
        let (path, value) = text.split_once('=')?;
        Some(Self { path: path.split('.').collect(), value })
    }

    /// Whether the element has that text at that path, in any item of a list.
    #[must_use]
    pub fn holds(&self, element: json::Element<'_>) -> bool {
        holds(element, &self.path, self.value)
    }
}

fn holds(element: json::Element<'_>, path: &[&str], value: &str) -> bool {
    match (element.kind(), path.split_first()) {
        (json::Kind::Array, _) => element.children().any(|item| holds(item, path, value)),
        (_, None) => element.string().is_some_and(|text| text == value),
        (_, Some((name, rest))) => element.member(name).is_some_and(|member| holds(member, rest, value)),
    }
}

impl Element {
    fn parse(word: &'static str) -> Option<Self> {
        let rest = word.strip_prefix('~');
        let (text, supported) = (rest.unwrap_or(word), rest.is_none());
        let path = text.strip_suffix('!').unwrap_or(text);
        let mut depth = 0_usize;
        let steps = path.split(|letter: char| {
            match letter {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            letter == '.' && depth == 0
        });
        let steps = steps.map(Step::parse).collect::<Option<_>>()?;
        Some(Self { path, steps, required: path.len() < text.len(), supported })
    }
}

impl Step {
    fn parse(text: &'static str) -> Option<Self> {
        let Some((name, selector)) = text.split_once('[') else {
            return Some(Self { name: text, choice: false, slice: None });
        };
        match selector.strip_suffix(']')? {
            "x" => Some(Self { name, choice: true, slice: None }),
            selector => Some(Self { name, choice: false, slice: Some(Condition::parse(selector)?) }),
        }
    }

    /// Whether a member of this JSON name is meant: `onsetAge` by `onset[x]`.
    #[must_use]
    pub fn names(&self, member: &str) -> bool {
        let typed = || {
            member
                .strip_prefix(self.name)
                .is_some_and(|kind| kind.starts_with(|letter: char| letter.is_ascii_uppercase()))
        };
        if self.choice { typed() } else { member == self.name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let lines = FACTS.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!((profiles().len(), lines > 40), (lines, true));
    }

    #[test]
    fn every_path_is_an_element_of_r4() {
        for profile in profiles() {
            for element in &profile.elements {
                let known = |path: &str| crate::structure::definition(path).is_some();
                let first = &element.steps[0];
                let typed = |kind: &str| known(&format!("{}.{}{kind}", profile.resource, first.name));
                let kinds = ["DateTime", "Quantity", "String", "CodeableConcept", "Boolean", "Date", "Period"];
                let found = if first.choice { kinds.iter().any(|kind| typed(kind)) } else { typed("") };
                assert!(found, "{} of {}", element.path, profile.name);
            }
        }
    }
}
