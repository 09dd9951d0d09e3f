//! The order in which entries are done: <https://hl7.org/fhir/R4/http.html#trules>.

use crate::operation::Operation;
use crate::router::Interaction;

/// Deletions, then creates, then updates and patches, then reads.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Step {
    /// DELETE
    Delete,
    /// POST
    Create,
    /// PUT
    Update,
    /// PATCH, and operations that change something, after the updates: in a batch one of them may make what it patches.
    Patch,
    /// GET and HEAD
    Read,
}

impl Step {
    /// Every step, first things first.
    pub(super) const ALL: [Self; 5] = [Self::Delete, Self::Create, Self::Update, Self::Patch, Self::Read];

    /// When an entry that asks for this is done.
    pub(super) fn of(interaction: Interaction) -> Self {
        match interaction {
            Interaction::ConditionalDelete | Interaction::Delete => Self::Delete,
            Interaction::Bundle | Interaction::Create | Interaction::Operation(Operation::BreakGlass) => Self::Create,
            Interaction::ConditionalPatch | Interaction::Patch => Self::Patch,
            Interaction::ConditionalUpdate | Interaction::Update => Self::Update,
            Interaction::Operation(Operation::MetaAdd | Operation::MetaDelete) => Self::Patch,
            Interaction::Authorization(_)
            | Interaction::Capabilities
            | Interaction::History
            | Interaction::Live
            | Interaction::Operation(_)
            | Interaction::Read
            | Interaction::Ready
            | Interaction::Search
            | Interaction::SearchForm
            | Interaction::VersionRead => Self::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_come_first_and_reads_last() {
        let mut asked = [
            Interaction::Search,
            Interaction::ConditionalUpdate,
            Interaction::Create,
            Interaction::ConditionalDelete,
            Interaction::Read,
            Interaction::Patch,
            Interaction::Update,
            Interaction::Delete,
        ];
        asked.sort_by_key(|interaction| Step::of(*interaction));
        assert_eq!(
            asked.map(Step::of),
            [Step::Delete, Step::Delete, Step::Create, Step::Update, Step::Update, Step::Patch, Step::Read, Step::Read]
        );
        assert!(Step::ALL.is_sorted());
    }
}
