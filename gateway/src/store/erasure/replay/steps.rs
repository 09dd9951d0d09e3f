//! What is to be done again, in the journal's order.

use std::collections::BTreeSet;

use crate::store::erasure::ErasureError;
use crate::store::erasure::plan::Target;
use crate::store::journal::{Act, Entry, Erasure, Mark, Revocation, Revoked};

/// What is done again.
#[derive(Debug)]
pub(super) enum Step {
    /// An erasure.
    Erase { entry: Box<str>, at: String, erasure: Erasure },
    /// The last word on a Consent.
    Revoke(Lacking),
}

/// What the journal says of one Consent that the database lacks.
#[derive(Debug)]
pub(super) struct Lacking {
    pub(super) entries: Vec<Box<str>>,
    pub(super) at: String,
    pub(super) revocation: Revocation,
    /// It is known to have been done.
    pub(super) surely: bool,
}

/// The journal held against the database.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) steps: Vec<Step>,
    /// What the database has and the journal does not know, or holds for void.
    pub(super) said: Vec<Box<str>>,
    /// What needs no work any more: its Consent or its patient was erased later.
    pub(super) settled: Vec<Box<str>>,
    /// What is done again though nobody said that it was done.
    pub(super) unsaid: Vec<Box<str>>,
    /// What was not done.
    pub(super) void: Vec<Box<str>>,
    /// Targets of those of them of which that is not certain.
    pub(super) unsure: Vec<String>,
}

/// Asks the database which entries it has (again, once nobody writes, where a process may be about to commit one), and says what
/// follows.
pub(super) async fn find(
    entries: Vec<Entry>,
    noted: impl AsyncFn((Vec<Box<str>>, bool)) -> Result<BTreeSet<Box<str>>, ErasureError>,
) -> Result<Findings, ErasureError> {
    let names: Vec<Box<str>> = entries.iter().map(|entry| entry.entry.clone()).collect();
    let mut there = noted((names.clone(), false)).await?;
    if entries.iter().any(|entry| entry.mark == Mark::Intended && !there.contains(&entry.entry)) {
        there = noted((names, true)).await?;
    }
    Ok(weigh(entries, &there))
}

fn weigh(entries: Vec<Entry>, there: &BTreeSet<Box<str>>) -> Findings {
    let last = |is: &dyn Fn(&Entry) -> bool| entries.iter().rposition(is);
    let last_there = last(&|entry| there.contains(&entry.entry));
    let last_done = last(&|entry| entry.mark == Mark::Done);
    let mut found = Findings::default();
    for (place, entry) in entries.into_iter().enumerate() {
        let Entry { entry, at, mark, act, .. } = entry;
        let is_there = there.contains(&entry);
        if is_there && mark != Mark::Done {
            found.said.push(entry.clone());
        }
        match act {
            Some(Act::Erase(erasure)) => {
                let is_done_again = match mark {
                    Mark::Done => true,
                    Mark::Void => false,
                    // An erasure excludes whoever writes: a database that has something later would have it. One that lacks
                    // something later is older, and does not know.
                    Mark::Intended => last_there < Some(place) && last_done > Some(place),
                };
                if is_there || is_done_again {
                    found.forget(&erasure);
                }
                if is_there || mark == Mark::Void {
                    continue;
                }
                if is_done_again {
                    if mark == Mark::Intended {
                        found.unsaid.push(entry.clone());
                    }
                    found.steps.push(Step::Erase { entry, at, erasure });
                } else {
                    if last_there < Some(place) {
                        found.unsure.push(erasure.target);
                    }
                    found.void.push(entry);
                }
            }
            Some(Act::Revoke(revocation)) if !is_there && mark != Mark::Void => {
                let surely = mark == Mark::Done;
                if !surely {
                    found.unsaid.push(entry.clone());
                }
                found.revoke(Lacking { entries: vec![entry], at, revocation, surely });
            }
            Some(Act::Revoke(_)) | None => {}
        }
    }
    found
}

impl Findings {
    /// The last word on a Consent is what holds; but what is not known to have been done ends no deny.
    fn revoke(&mut self, mut lacking: Lacking) {
        let is_it =
            |step: &Step| matches!(step, Step::Revoke(known) if known.revocation.consent == lacking.revocation.consent);
        if let Some(place) = self.steps.iter().position(is_it)
            && let Step::Revoke(known) = self.steps.remove(place)
        {
            let entries = known.entries.iter().cloned().chain(std::mem::take(&mut lacking.entries)).collect();
            let ends_a_deny = known.revocation.how == Revoked::Denies && lacking.revocation.how != Revoked::Denies;
            lacking = Lacking { entries, ..if ends_a_deny && !lacking.surely { known } else { lacking } };
        }
        self.steps.push(Step::Revoke(lacking));
    }

    /// What was erased is not revoked again.
    fn forget(&mut self, erasure: &Erasure) {
        let Some(target) = Target::parse(&erasure.target) else { return };
        let goes = |revocation: &Revocation| match &target {
            Target::Patient(id) => revocation.patient.as_ref() == Some(id),
            Target::Resource(kind, id) => &**kind == "Consent" && *id == revocation.consent,
            Target::Version(..) => false,
        };
        let steps = std::mem::take(&mut self.steps);
        for step in steps {
            match step {
                Step::Revoke(lacking) if goes(&lacking.revocation) => self.settled.extend(lacking.entries),
                step => self.steps.push(step),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, mark: Mark, act: Act) -> Entry {
        let (at, database) = ("2026-01-01T00:00:00.000Z".to_owned(), "db".to_owned());
        Entry { entry: name.into(), at, database, organization: 1, mark, act: Some(act) }
    }

    fn revoke(consent: &str, patient: &str, how: Revoked) -> Act {
        Act::Revoke(Revocation { patient: Some(patient.into()), consent: consent.into(), version: 2, how })
    }

    fn erase(target: &str) -> Act {
        Act::Erase(Erasure {
            purge: "p".into(),
            target: target.to_owned(),
            copies: false,
            unmapped: false,
            preset: "us".to_owned(),
            requested_by: "a".to_owned(),
            approved_by: "b".to_owned(),
        })
    }

    fn told(entries: Vec<Entry>, there: &[&str]) -> (Vec<String>, Findings) {
        let found = weigh(entries, &there.iter().map(|name| Box::from(*name)).collect());
        let steps = found.steps.iter().map(|step| match step {
            Step::Erase { erasure, .. } => format!("erase {}", erasure.target),
            Step::Revoke(lacking) => format!("{:?} {}", lacking.revocation.how, lacking.revocation.consent),
        });
        (steps.collect(), found)
    }

    #[test]
    fn an_erasure_ends_what_came_before_it_and_nothing_else() {
        let entries = vec![
            entry("1", Mark::Done, revoke("a", "p", Revoked::Denies)),
            entry("2", Mark::Done, revoke("b", "q", Revoked::Denies)),
            entry("3", Mark::Done, revoke("c", "r", Revoked::Denies)),
            entry("4", Mark::Done, erase("Patient/p")),
            entry("5", Mark::Done, erase("Consent/b")),
            entry("6", Mark::Done, revoke("a", "p", Revoked::Inactive)),
        ];
        let (steps, found) = told(entries.clone(), &[]);
        assert_eq!(steps, ["Denies c", "erase Patient/p", "erase Consent/b", "Inactive a"]);
        assert_eq!(found.settled, ["1".into(), "2".into()]);
        // Also where the erasures themselves are there.
        assert_eq!(told(entries, &["4", "5", "6"]).0, ["Denies c"]);
    }

    #[test]
    fn what_nobody_said_is_done_again_where_that_is_safe() {
        let erasure = |mark| entry("1", mark, erase("Patient/p"));
        let later = |mark| entry("2", mark, revoke("c", "q", Revoked::Denies));
        let (steps, found) = told(vec![erasure(Mark::Intended)], &[]);
        assert!(steps.is_empty() && found.unsure == ["Patient/p"] && found.void == ["1".into()]);
        let (steps, found) = told(vec![erasure(Mark::Intended), later(Mark::Done)], &[]);
        assert_eq!(steps, ["erase Patient/p", "Denies c"]);
        assert!(found.unsure.is_empty() && found.unsaid == ["1".into()]);
        let (steps, found) = told(vec![erasure(Mark::Intended), later(Mark::Done)], &["2"]);
        assert!(steps.is_empty() && found.unsure.is_empty() && found.void == ["1".into()], "it was rolled back");
        let (steps, found) = told(vec![erasure(Mark::Void), later(Mark::Intended)], &["1"]);
        assert_eq!((steps, found.said), (vec!["Denies c".to_owned()], vec!["1".into()]));
    }

    #[test]
    fn what_nobody_said_ends_no_deny() {
        let denies = entry("1", Mark::Done, revoke("c", "p", Revoked::Denies));
        let inactive = |mark| entry("2", mark, revoke("c", "p", Revoked::Inactive));
        assert_eq!(told(vec![denies.clone(), inactive(Mark::Intended)], &[]).0, ["Denies c"]);
        assert_eq!(told(vec![denies, inactive(Mark::Done)], &[]).0, ["Inactive c"]);
    }
}
