//! Which item of a list a path means.

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
    /// It begins so: `Patient/*` is a reference to any Patient.
    StartsWith(String),
}

impl Selector {
    /// What an item that is made for the slice says first: members of its own that must have one value.
    pub fn discriminators(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs().iter().filter_map(Pair::discriminator)
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
        let test = match value.strip_suffix('*') {
            Some(start) if start.ends_with('/') => Test::StartsWith(start.to_owned()),
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
}

impl Test {
    /// Whether a string passes.
    #[must_use]
    pub fn passes(&self, text: &str) -> bool {
        match self {
            Self::Equals(wanted) => text == wanted,
            Self::StartsWith(start) => text.starts_with(start.as_str()),
        }
    }
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
            Self::StartsWith(start) => write!(out, "{start}*"),
        }
    }
}
