//! Whether a change may be made to what is there, and which version it makes.

use std::collections::HashSet;

use consent::Permit;

use crate::store::core::Core;
use crate::store::entry::Entry;
use crate::store::error::ChangeRefusal;
use crate::store::types::{Change, Operation, Outcome};

/// What a permitted change does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ruling {
    /// What comes about.
    pub(crate) outcome: Outcome,
    /// The version it makes.
    pub(crate) version: i64,
}

/// Judges one change against the directory's entry. What the permit hides looks exactly like what is not there; `hidden`: row
/// ids that Consents hide from the caller.
pub(crate) fn judge(
    core: &Core,
    permit: &Permit,
    change: &Change,
    before: Option<&Entry>,
    hidden: &HashSet<i64>,
) -> Result<Ruling, ChangeRefusal> {
    if !permit.allows_change() {
        return Err(ChangeRefusal::Forbidden);
    }
    let visible = before.filter(|entry| permit.predicate().admits(entry.patient.as_deref()));
    let visible = visible.filter(|entry| !hidden.contains(&entry.rid));
    if visible.is_some_and(|entry| entry.place.map().is_some_and(|map| core.map(map).readonly)) {
        return Err(ChangeRefusal::ReadOnly);
    }
    let present = visible.filter(|entry| !entry.deleted);
    let next = before.map_or(1, |entry| entry.version + 1);
    let made = |outcome| Ok(Ruling { outcome, version: next });
    match &change.operation {
        Operation::Create { .. } => made(Outcome::Created),
        Operation::Delete { if_match } => {
            expect_version(*if_match, present)?;
            if present.is_some() {
                made(Outcome::Deleted)
            } else {
                Ok(Ruling { outcome: Outcome::Nothing, version: 0 })
            }
        }
        Operation::Update { if_match, if_none_match, .. } => {
            expect_version(*if_match, present)?;
            if *if_none_match && present.is_some() {
                return Err(ChangeRefusal::VersionMismatch { current: present.map(|entry| entry.version) });
            }
            if present.is_some() {
                return made(Outcome::Updated);
            }
            // Whether an id is free would tell what is hidden: only those who see everything may learn it.
            if !permit.predicate().is_unrestricted() {
                return Err(ChangeRefusal::Unknown);
            }
            made(Outcome::Created)
        }
    }
}

fn expect_version(wanted: Option<i64>, present: Option<&Entry>) -> Result<(), ChangeRefusal> {
    let current = present.map(|entry| entry.version);
    match wanted {
        Some(version) if current != Some(version) => Err(ChangeRefusal::VersionMismatch { current }),
        _ => Ok(()),
    }
}
