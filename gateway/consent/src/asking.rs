//! Who asks, why and for what: the part of a decision that a request fixes.

use std::fmt;

use crate::purpose;
use crate::statute::{Demands, Statutes};

/// A code with its system.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Coding {
    /// The system; empty for none.
    pub system: String,
    /// The code.
    pub code: String,
}

impl Coding {
    /// Reads `system|code`; a code alone is one of v3-ActReason, where purposes of use are.
    #[must_use]
    pub fn purpose(text: &str) -> Self {
        let (system, code) = text.rsplit_once('|').unwrap_or((purpose::SYSTEM, text));
        Self { system: system.to_owned(), code: code.to_owned() }
    }
}

/// The actions of <http://terminology.hl7.org/CodeSystem/consentaction>, each its bit in a mask.
pub const ACTIONS: [&str; 5] = ["collect", "access", "use", "disclose", "correct"];

/// What stands between system and code where a list of codes is looked through by SQL.
pub const BETWEEN: char = '\t';

/// Whether a value can stand in a list of rules: what holds a fence or what parts a code cannot, and is in doubt.
pub(crate) fn is_plain(value: &str) -> bool {
    !value.contains([crate::asked::FENCE, BETWEEN])
}

/// A request as rules see it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Asking {
    /// Who asks: `Type/id` of the user, the organization, the client, groups and roles.
    pub actors: Vec<String>,
    /// Why; `None` where nobody said, which no rule that names purposes permits.
    pub purpose: Option<Coding>,
    /// The glass was broken, properly (RULINGS.md, A6, G).
    pub break_glass: bool,
    /// The action: one of [`ACTIONS`].
    pub action: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The law that holds beside the federal one (D6).
    pub statutes: Statutes,
}

impl Asking {
    /// The time in the ticks of periods (100 ns).
    pub(crate) fn ticks(&self) -> i64 {
        self.at_ms.saturating_mul(10_000)
    }

    /// What law asks of it.
    #[must_use]
    pub fn demands(&self) -> Demands {
        self.statutes.demands(self)
    }

    /// True for a code of v3-ActReason.
    pub(crate) fn is_for(&self, code: &str) -> bool {
        self.purpose.as_ref().is_some_and(|purpose| purpose.system == purpose::SYSTEM && purpose.code == code)
    }
}

/// The bits of an action that is asked for: `None` for a word that is none.
#[must_use]
pub fn action(code: &str) -> Option<u8> {
    ACTIONS.iter().position(|action| *action == code).map(|bit| 1 << bit)
}

/// A reference cut to what it is compared by (C2): `Type/id` without version for this server's, the whole address without
/// version for another's. `None` for what names nobody that could be compared.
#[must_use]
pub fn actor(reference: &str) -> Option<String> {
    use mappers::references::{Reference, parse};
    match parse(reference.trim()) {
        _ if !is_plain(reference.trim()) => None,
        Reference::Local { kind, id, .. } => Some(format!("{kind}/{id}")),
        Reference::Absolute { text, .. } => Some(text.to_owned()),
        _ => None,
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.system.is_empty() { f.write_str(&self.code) } else { write!(f, "{}|{}", self.system, self.code) }
    }
}
