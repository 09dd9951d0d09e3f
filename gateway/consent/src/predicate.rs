//! What a permit lets through, as a condition that the store renders into every plan.

use std::borrow::Cow;

use crate::asked::Asked;
use crate::scoped::Scoped;

/// A condition on a resource's facts. The store applies it before LIMIT, COUNT, include, chain and sort.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Predicate {
    /// What the patients' Consents, statute and the organization's default let the asker see.
    Consents(Box<Asked>),
    /// All of the organization's resources.
    Organization,
    /// What belongs to one patient (the patient's id).
    Patient(String),
}

impl Predicate {
    /// True where a caller may learn that an id is free: only then may an update create.
    pub fn is_unrestricted(&self) -> bool {
        matches!(self, Self::Organization)
    }

    /// The same without what scopes limit: these say which resources may be asked for, not what may be known of them.
    pub fn beyond_scopes(&self) -> Cow<'_, Self> {
        match self {
            Self::Consents(asked) if asked.scoped().is_some() => {
                Cow::Owned(Self::Consents(Box::new(Asked::clone(asked).within(None))))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// What may be known of what is spoken of: more than scopes let be asked for, but for whoever acts for somebody else. What their
    /// authority does not reach they do not learn from what it does.
    pub fn of_what_is_spoken_of(&self) -> Cow<'_, Self> {
        match self {
            Self::Consents(asked) if asked.scoped().is_some_and(Scoped::is_by_labels) => Cow::Borrowed(self),
            _ => self.beyond_scopes(),
        }
    }

    /// Whether a resource of this type and patient can be shown at all by the caller's scopes: a second look at every row, as
    /// [`Self::admits`] is.
    pub fn admits_scoped(&self, kind: &str, patient: Option<&str>) -> bool {
        match self {
            Self::Consents(asked) => asked.scoped().is_none_or(|scoped| scoped.shown().may_have_of(kind, patient)),
            Self::Organization | Self::Patient(_) => true,
        }
    }

    /// Whether a resource with this patient fact can pass: the check on rows that are written, and the alarm behind
    /// every read. It agrees with what the store renders, but for Consents, which more than the patient decides.
    pub fn admits(&self, patient: Option<&str>) -> bool {
        match self {
            Self::Consents(asked) => asked.patient().is_none_or(|id| patient == Some(id)),
            Self::Organization => true,
            Self::Patient(id) => patient == Some(id),
        }
    }
}
