//! Which item of a list a path means.

use super::Slice;

/// How an item of a list is picked out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selector {
    /// By position (`name[0]`).
    Index(usize),
    /// By strings in it (`identifier[system=urn:x]`, several joined by `,`).
    Where(Vec<Pair>),
}

/// A string that an item must have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pair {
    /// The way from the item to the string; at a list any item will do.
    pub steps: Vec<String>,
    /// What is asked of the string.
    pub test: Test,
}

/// What is asked of a string.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Test {
    /// It is this.
    Equals(String),
    /// It is one of these, the first liked best; `None`: the item has no such member (`use=official|usual|`).
    OneOf(Vec<Option<String>>),
    /// It begins so: `Patient/*` is a reference to any Patient.
    StartsWith(String),
}

impl Selector {
    /// Members of an item's own that must have one value.
    pub fn discriminators(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs().iter().filter_map(Pair::discriminator)
    }

    /// What an item that is made for the slice says first: its discriminators, and of several words the one liked best.
    pub fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs().iter().filter_map(Pair::given)
    }

    /// Whether some items that match are liked better than others.
    #[must_use]
    pub fn prefers(&self) -> bool {
        self.pairs().iter().any(|pair| matches!(pair.test, Test::OneOf(_)))
    }

    /// The pairs of a selector by strings.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        match self {
            Self::Index(_) => &[],
            Self::Where(pairs) => pairs,
        }
    }
}

impl Pair {
    /// Reads what stands left and right of `=`.
    #[must_use]
    pub fn new(path: &str, value: &str) -> Self {
        let word = |word: &str| Some(word.to_owned()).filter(|word| !word.is_empty());
        let test = match value.strip_suffix('*') {
            Some(start) if start.ends_with('/') => Test::StartsWith(start.to_owned()),
            _ if value.contains('|') => Test::OneOf(value.split('|').map(word).collect()),
            _ => Test::Equals(value.to_owned()),
        };
        Self { steps: path.split('.').map(str::to_owned).collect(), test }
    }

    /// Name and value of a member of the item itself; the map's other fields must make any other pair true.
    #[must_use]
    pub fn discriminator(&self) -> Option<(&str, &str)> {
        match (&self.steps[..], &self.test) {
            ([name], Test::Equals(value)) => Some((name, value)),
            _ => None,
        }
    }

    /// Name and value of a member that an item made for the slice says.
    fn given(&self) -> Option<(&str, &str)> {
        match (&self.steps[..], &self.test) {
            ([name], Test::Equals(value)) => Some((name, value)),
            ([name], Test::OneOf(words)) => Some((name, words.first()?.as_deref()?)),
            _ => None,
        }
    }
}

impl Test {
    /// Whether a string passes.
    #[must_use]
    pub fn passes(&self, text: &str) -> bool {
        match self {
            Self::Equals(wanted) => text == wanted,
            Self::OneOf(_) => self.place(Some(text)).is_some(),
            Self::StartsWith(start) => text.starts_with(start.as_str()),
        }
    }

    /// How far down a text (`None`: there is no such member) stands among the words; `None` where it does not pass.
    pub(crate) fn place(&self, text: Option<&str>) -> Option<usize> {
        match (self, text) {
            (Self::OneOf(words), _) => words.iter().position(|word| word.as_deref() == text),
            (_, Some(text)) => self.passes(text).then_some(0),
            (_, None) => None,
        }
    }
}

/// Which slice's home each item of a list is. In map order every slice takes the item that it likes best of those left:
/// the one whose rank is lowest (`None`: no match), of equals the first. Slices beyond the 64th have no home.
pub(crate) fn homes<I>(
    slices: &[Slice],
    items: &[I],
    rank: impl Fn(&Selector, usize, &I) -> Option<usize>,
) -> Vec<Option<usize>> {
    let mut homes = vec![None; items.len()];
    for (number, slice) in slices.iter().enumerate().take(64) {
        let left = items.iter().enumerate().filter(|(index, _)| homes[*index].is_none());
        let ranked = left.filter_map(|(index, item)| Some((rank(&slice.selector, index, item)?, index)));
        if let Some((_, index)) = ranked.min() {
            homes[index] = Some(number);
        }
    }
    homes
}

impl std::fmt::Display for Selector {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Self::Index(index) = self {
            return write!(out, "{index}");
        }
        for (index, pair) in self.pairs().iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{}={}", pair.steps.join("."), pair.test)?;
        }
        Ok(())
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Equals(value) => out.write_str(value),
            Self::OneOf(words) => {
                let words: Vec<&str> = words.iter().map(|word| word.as_deref().unwrap_or_default()).collect();
                out.write_str(&words.join("|"))
            }
            Self::StartsWith(start) => write!(out, "{start}*"),
        }
    }
}
