//! The `scope` parameter: scopes with spaces between (<https://www.rfc-editor.org/rfc/rfc6749#section-3.3>).

use std::collections::HashSet;
use std::fmt;

use super::read::Fault;
use super::{Action, ContextKind, Scope};

/// The longest list, in bytes.
pub const LONGEST: usize = 8 * 1024;

/// The most scopes of a list. R4 has 146 types: one scope for each and each of reading and writing fits.
pub const MOST: usize = 300;

/// A scope that is not for resources.
/// <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-context-data>
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Other {
    /// `openid`: an ID token.
    Openid,
    /// `fhirUser`: who logged in, as a resource.
    FhirUser,
    /// `profile`: who logged in, as OpenID Connect has it.
    Profile,
    /// `launch`: the context of the EHR that launches.
    Launch,
    /// `launch/patient`: a patient in context.
    LaunchPatient,
    /// `launch/encounter`: an encounter in context.
    LaunchEncounter,
    /// `offline_access`: a refresh token that outlives the session.
    OfflineAccess,
    /// `online_access`: a refresh token for the session.
    OnlineAccess,
}

impl Other {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Openid,
        Self::FhirUser,
        Self::Profile,
        Self::Launch,
        Self::LaunchPatient,
        Self::LaunchEncounter,
        Self::OfflineAccess,
        Self::OnlineAccess,
    ];

    /// As it is asked.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::FhirUser => "fhirUser",
            Self::Profile => "profile",
            Self::Launch => "launch",
            Self::LaunchPatient => "launch/patient",
            Self::LaunchEncounter => "launch/encounter",
            Self::OfflineAccess => "offline_access",
            Self::OnlineAccess => "online_access",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|other| other.as_str() == text)
    }
}

/// What is done with scopes that SMART does not have (`email`, `https://example.org/scope`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unknown {
    /// They are left out: a client that asks for them does not get them.
    Ignore,
    /// They are a fault: a client's registration that names them is a mistake.
    Refuse,
}

/// Why a list is refused; to a client, `invalid_scope`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScopeError {
    /// More than [`LONGEST`] bytes.
    #[error("scope is longer than {LONGEST} bytes; ask for fewer, or with *")]
    TooLong,
    /// More than [`MOST`] scopes.
    #[error("scope has more than {MOST} scopes; ask for fewer, or with *")]
    TooMany,
    /// One scope, by its number from 1.
    #[error("scope number {at} {fault}")]
    At {
        /// Its number.
        at: usize,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// Scopes, each once: those of other kinds, then those for resources, in the order in which they were asked. It is written with
/// spaces between.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scopes {
    pub(crate) resources: Vec<Scope>,
    pub(crate) others: Vec<Other>,
}

impl Scopes {
    /// Reads a list. `is_type` says whether FHIR R4 has a resource type of that name.
    ///
    /// # Errors
    /// [`ScopeError`]: at the first scope that cannot be read.
    pub fn parse(text: &str, unknown: Unknown, is_type: &dyn Fn(&str) -> bool) -> Result<Self, ScopeError> {
        if text.len() > LONGEST {
            return Err(ScopeError::TooLong);
        }
        let (mut scopes, mut seen) = (Self::default(), HashSet::new());
        for (at, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            if at == MOST {
                return Err(ScopeError::TooMany);
            }
            if !seen.insert(word) {
                continue;
            }
            if let Some(other) = Other::parse(word) {
                scopes.others.push(other);
                continue;
            }
            match Scope::parse(word, is_type) {
                Ok(scope) => scopes.resources.push(scope),
                Err(Fault::Unknown) if unknown == Unknown::Ignore => {}
                Err(fault) => return Err(ScopeError::At { at: at + 1, fault }),
            }
        }
        Ok(scopes)
    }

    /// The scopes for resources.
    #[must_use]
    pub fn resources(&self) -> &[Scope] {
        &self.resources
    }

    /// The other scopes.
    #[must_use]
    pub fn others(&self) -> &[Other] {
        &self.others
    }

    /// Whether one of the others is there.
    #[must_use]
    pub fn has(&self, other: Other) -> bool {
        self.others.contains(&other)
    }

    /// Those for resources in one context, and nothing else: who is nobody's user asks for no other.
    #[must_use]
    pub fn of_context(&self, context: ContextKind) -> Self {
        let of = |scope: &&Scope| scope.context() == context;
        Self { resources: self.resources.iter().filter(of).cloned().collect(), others: Vec::new() }
    }

    /// Those that have to do with somebody who logs in.
    #[must_use]
    pub fn of_people(&self) -> Self {
        let of = |scope: &&Scope| scope.context() != ContextKind::System;
        Self { resources: self.resources.iter().filter(of).cloned().collect(), others: self.others.clone() }
    }

    /// Without one of the others.
    #[must_use]
    pub fn without(&self, other: Other) -> Self {
        let others = self.others.iter().copied().filter(|one| *one != other).collect();
        Self { resources: self.resources.clone(), others }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.resources.len() + self.others.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether resources are asked for, and only to be changed.
    pub(crate) fn only_changes(&self) -> bool {
        let reads = |scope: &Scope| scope.actions().has(Action::Read) || scope.actions().has(Action::Search);
        !self.resources.is_empty() && !self.resources.iter().any(reads)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.others.iter().map(|other| other.as_str()).chain(self.resources.iter().map(Scope::as_str));
        for (at, word) in words.enumerate() {
            write!(out, "{}{word}", if at == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
