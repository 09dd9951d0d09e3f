//! What a permit lets through, as a condition that the store renders into every plan.

/// A condition on a resource's facts. The store applies it before LIMIT, COUNT, include, chain and sort.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Predicate {
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

    /// Whether a resource with this patient fact passes: the check on rows that are written, and the alarm behind
    /// every read. It agrees with what the store renders.
    pub fn admits(&self, patient: Option<&str>) -> bool {
        match self {
            Self::Organization => true,
            Self::Patient(id) => patient == Some(id),
        }
    }
}
