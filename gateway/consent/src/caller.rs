//! Who asks.

use std::sync::Arc;

use crate::scoped::Scoped;

/// The organization whose rows a caller may touch; every row belongs to exactly one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OrganizationId(pub i64);

/// An authenticated caller.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caller {
    /// A stable identifier of the caller, fit for the audit trail (a client id, never a token).
    pub id: String,
    /// The program that it acts through: a client's id, or the command at the command line.
    pub client: Option<String>,
    /// What kind of caller it is.
    pub kind: CallerKind,
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// Who that is in the terms of Consents, roles, organization and groups among them: `Type/id`.
    pub actors: Vec<String>,
    /// May read the audit trail of its organization, whoever it is about: a privacy officer.
    pub officer: bool,
    /// What its token lets it do; `None`: everything.
    pub scoped: Option<Arc<Scoped>>,
}

/// Kinds of callers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallerKind {
    /// The gateway's own work: adopting foreign rows, refreshing indexes. It shows nothing to anyone.
    Gateway,
    /// An operator at the command line of the machine.
    Operator,
    /// A system client (backend service).
    System,
    /// Somebody who logged in, through a program that they approved.
    User,
}

impl CallerKind {
    /// The word the audit trail uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Operator => "operator",
            Self::System => "system",
            Self::User => "user",
        }
    }
}
