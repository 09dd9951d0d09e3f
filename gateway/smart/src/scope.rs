//! Scopes: <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>.

mod list;
mod query;
mod read;

use std::fmt;

pub use list::{LONGEST, MOST, Other, ScopeError, Scopes, Unknown};
pub use query::MOST_CONDITIONS;
pub use read::Fault;

/// A parameter of a search and its value, both without percent-encoding: `category`,
/// `http://terminology.hl7.org/CodeSystem/observation-category|laboratory`.
pub type Condition = (Box<str>, Box<str>);

/// Whose data a scope is about.
/// <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources>
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ContextKind {
    /// `patient/`: what belongs to the patient in context.
    Patient,
    /// `user/`: what the user may see.
    User,
    /// `system/`: what the client may see by itself.
    System,
}

impl ContextKind {
    /// Every context.
    pub const ALL: [Self; 3] = [Self::Patient, Self::User, Self::System];

    /// As scopes spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

/// One of the five letters.
/// <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scope-size-over-the-wire>
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Action {
    /// `c`: create.
    Create,
    /// `r`: read, vread, and the history of an instance.
    Read,
    /// `u`: update and patch.
    Update,
    /// `d`: delete.
    Delete,
    /// `s`: search, and the history of a type or of everything.
    Search,
}

impl Action {
    /// Every action, in the order in which scopes spell them.
    pub const ALL: [Self; 5] = [Self::Create, Self::Read, Self::Update, Self::Delete, Self::Search];

    /// Its letter.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Read => 'r',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Search => 's',
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of actions.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Actions(u8);

impl Actions {
    /// None: no scope has it.
    pub const NONE: Self = Self(0);
    /// `cruds`, v1's `*`.
    pub const ALL: Self = Self(0b1_1111);
    /// `rs`, v1's `read`.
    pub const READ: Self = Self(0b1_0010);
    /// `cud`, v1's `write`.
    pub const WRITE: Self = Self(0b0_1101);

    /// With this action too.
    #[must_use]
    pub fn with(self, action: Action) -> Self {
        Self(self.0 | action.bit())
    }

    /// What is in either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the action is in it.
    #[must_use]
    pub fn has(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// Whether all of another's are in it.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.and(other) == other
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// The actions in the order of [`Action::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.has(*action))
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|action| write!(out, "{}", action.letter()))
    }
}

/// How actions are spelled.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Spelling {
    /// `read`, `write`, `*`: <https://hl7.org/fhir/smart-app-launch/1.0.0/scopes-and-launch-context/>.
    V1,
    /// `cruds`.
    V2,
}

/// A scope for resources. It is written ([`fmt::Display`]) as it was asked.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope {
    context: ContextKind,
    kind: Option<Box<str>>,
    actions: Actions,
    query: Vec<Condition>,
    spelling: Spelling,
    text: Box<str>,
}

impl Scope {
    /// A scope of our own making. It is spelled as v1 where that was asked for and v1 can say it. `None` without actions.
    pub(crate) fn made(
        context: ContextKind,
        kind: Option<&str>,
        actions: Actions,
        query: Vec<Condition>,
        spelling: Spelling,
    ) -> Option<Self> {
        if actions.is_empty() {
            return None;
        }
        let v1 = match actions {
            Actions::READ => Some("read"),
            Actions::WRITE => Some("write"),
            Actions::ALL => Some("*"),
            _ => None,
        };
        let (spelling, spelled) = match v1.filter(|_| spelling == Spelling::V1 && query.is_empty()) {
            Some(word) => (Spelling::V1, word.to_owned()),
            None => (Spelling::V2, actions.to_string()),
        };
        let text = format!("{}/{}.{spelled}{}", context.name(), kind.unwrap_or("*"), query::written(&query));
        Some(Self { context, kind: kind.map(Into::into), actions, query, spelling, text: text.into() })
    }

    /// Reads one scope.
    ///
    /// # Errors
    /// [`Fault`]. What looks like no scope for resources at all is [`Fault::Unknown`].
    pub fn parse(text: &str, is_type: &dyn Fn(&str) -> bool) -> Result<Self, Fault> {
        read::scope(text, is_type)
    }

    /// Whose data.
    #[must_use]
    pub fn context(&self) -> ContextKind {
        self.context
    }

    /// The type; `None` is `*`.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// What may be done.
    #[must_use]
    pub fn actions(&self) -> Actions {
        self.actions
    }

    /// What has to hold of a resource, all of it; empty for whole types.
    #[must_use]
    pub fn query(&self) -> &[Condition] {
        &self.query
    }

    /// How its actions are spelled.
    #[must_use]
    pub fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// As it was asked.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The conditions in order, each once: two queries with the same say the same.
    #[must_use]
    pub fn conditions(&self) -> Vec<Condition> {
        query::normal(self.query.clone())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}
