//! Identities must not overlap: <https://hl7.org/fhir/R4/http.html#trules>.

use std::collections::HashMap;

use mappers::references::{self, Reference};

use super::{Target, place};
use crate::interaction::bundle::plan::Entry;
use crate::outcome::{Code, Failure};

/// Refuses two changes of one resource, a change of one that a conditional create took for given, and a new resource under
/// the name of one that is changed.
pub(super) fn check(entries: &[Entry], targets: &[Target]) -> Result<(), Failure> {
    let mut seen: HashMap<(Option<&str>, &str), (usize, &Target)> = HashMap::with_capacity(entries.len());
    for (index, (entry, target)) in entries.iter().zip(targets).enumerate() {
        let ids = match target {
            Target::Create(id) | Target::Delete(id) | Target::Patch(id) | Target::Update(id) => {
                std::slice::from_ref(id)
            }
            Target::DeleteAll(ids) => ids,
            Target::Existing(_) | Target::Nothing | Target::Read => continue,
        };
        for id in ids {
            if let Some((before, _)) = seen.insert((entry.request.kind, &**id), (index, target)) {
                return Err(overlap(before, index));
            }
        }
    }
    for (index, (entry, target)) in entries.iter().zip(targets).enumerate() {
        if let Target::Existing(id) = target
            && let Some((before, Target::Update(_) | Target::Patch(_) | Target::Delete(_) | Target::DeleteAll(_))) =
                seen.get(&(entry.request.kind, &**id))
        {
            return Err(overlap(*before, index));
        }
        // Links to `Patient/1` would mean the new resource, and so would those that mean the one that is changed.
        if let (Target::Create(_) | Target::Existing(_), Some(full_url)) = (target, &entry.full_url)
            && let Reference::Local { kind, id, .. } = references::parse(full_url)
            && let Some((before, _)) = seen.get(&(Some(kind), id))
        {
            return Err(overlap(*before, index).at(&format!("{}.fullUrl", place(index))));
        }
    }
    Ok(())
}

pub(super) fn same_condition() -> Failure {
    Failure::bad_request(
        Code::Duplicate,
        "Another entry writes under the same condition, so both would be about one resource. Send one of them.",
    )
}

fn overlap(before: usize, index: usize) -> Failure {
    let mut failure = Failure::bad_request(
        Code::Duplicate,
        "Two entries are about the same resource. A transaction names each resource it changes once.",
    );
    for issue in &mut failure.issues {
        issue.expression = vec![place(before), place(index)];
    }
    failure
}
