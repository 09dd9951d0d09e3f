//! Broken glasses (RULINGS.md, G): who may break the glass, and what is lifted while it is broken.

use crate::asked::{FENCE, fenced};
use crate::asking::Asking;

/// The longest that a glass stays broken, from its beginning, in milliseconds (G6).
pub const LONGEST_MS: i64 = 4 * 60 * 60 * 1000;

/// Purposes of use under which the glass may be broken (G1).
pub const PURPOSES: [&str; 2] = ["ETREAT", "TREAT"];

/// One who may break the glass: whose glasses count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Breaker {
    caller: Option<String>,
    actors: String,
    purpose: String,
}

/// A glass that was broken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Glass {
    /// The patient's id, as resources' facts have it.
    pub patient: String,
    /// The caller.
    pub caller: String,
    /// Who that was in the terms of Consents: [`Breaker::actors`].
    pub actors: String,
    /// The code of v3-ActReason.
    pub purpose: String,
    /// From when on, in milliseconds since 1970.
    pub opened_ms: i64,
    /// Until when, that moment excluded.
    pub expires_ms: i64,
    /// It was ended before its time (G7).
    pub closed: bool,
}

impl Breaker {
    /// A caller with these references, who asks for this purpose; without a caller, whoever had the references. `None` for a
    /// purpose under which nobody breaks the glass.
    #[must_use]
    pub fn new(caller: Option<&str>, actors: &[String], purpose: &str) -> Option<Self> {
        let (caller, purpose) = (caller.map(str::to_owned), PURPOSES.contains(&purpose).then(|| purpose.to_owned())?);
        Some(Self { caller, actors: spelt(actors), purpose })
    }

    /// The caller, where one is named.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        self.caller.as_deref()
    }

    /// All references, in order and each between fences: who has one more or less is another (G2).
    #[must_use]
    pub fn actors(&self) -> &str {
        &self.actors
    }

    /// The code of v3-ActReason.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Whether a glass is one of this one's that is broken at a time.
    fn holds(&self, glass: &Glass, at_ms: i64) -> bool {
        self.caller.as_ref().is_none_or(|caller| *caller == glass.caller)
            && self.actors == glass.actors
            && self.purpose == glass.purpose
            && !glass.closed
            && (glass.opened_ms <= at_ms && at_ms < glass.expires_ms)
    }
}

/// The request as it is about this patient's resources: with the glass broken where one of these glasses is.
#[must_use]
pub fn about(asking: &Asking, breaker: Option<&Breaker>, glasses: &[Glass], patient: Option<&str>) -> Asking {
    let is_broken = |breaker: &Breaker, patient: &str| {
        glasses.iter().any(|glass| glass.patient == patient && breaker.holds(glass, asking.at_ms))
    };
    let broken = breaker.zip(patient).is_some_and(|(breaker, patient)| is_broken(breaker, patient));
    Asking { break_glass: asking.break_glass || broken, ..asking.clone() }
}

/// References in order, each once and between fences.
fn spelt(actors: &[String]) -> String {
    let mut actors: Vec<&str> = actors.iter().map(String::as_str).filter(|actor| !actor.contains(FENCE)).collect();
    actors.sort_unstable();
    actors.dedup();
    actors.into_iter().map(fenced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glass(change: impl Fn(&mut Glass)) -> Glass {
        let actors = spelt(&["Practitioner/dr".to_owned(), "Group/emergency".to_owned()]);
        let mut glass = Glass {
            patient: "ada".into(),
            caller: "c".into(),
            actors,
            purpose: "TREAT".into(),
            opened_ms: 10,
            expires_ms: 20,
            closed: false,
        };
        change(&mut glass);
        glass
    }

    #[test]
    fn a_glass_is_for_one_caller_one_patient_one_purpose_and_a_time() {
        let actors = ["Group/emergency".to_owned(), "Practitioner/dr".to_owned()];
        let breaker = Breaker::new(Some("c"), &actors, "TREAT").unwrap();
        let at = |at_ms| Asking { at_ms, ..Asking::default() };
        let broken = |glass: Glass, asking: Asking, patient: Option<&str>| {
            about(&asking, Some(&breaker), &[glass], patient).break_glass
        };
        assert!(broken(glass(|_| {}), at(10), Some("ada")) && broken(glass(|_| {}), at(19), Some("ada")));
        assert!(!broken(glass(|_| {}), at(9), Some("ada")) && !broken(glass(|_| {}), at(20), Some("ada")));
        assert!(!broken(glass(|_| {}), at(10), Some("ben")) && !broken(glass(|_| {}), at(10), None));
        for change in [
            |glass: &mut Glass| glass.caller = "d".into(),
            |glass: &mut Glass| glass.actors = spelt(&["Practitioner/dr".to_owned()]),
            |glass: &mut Glass| glass.purpose = "ETREAT".into(),
            |glass: &mut Glass| glass.closed = true,
        ] {
            assert!(!broken(glass(change), at(15), Some("ada")));
        }
        assert!(!about(&at(15), None, &[glass(|_| {})], Some("ada")).break_glass);
        assert!(Breaker::new(Some("c"), &actors, "HRESCH").is_none());
        let anybody = Breaker::new(None, &actors, "TREAT").unwrap();
        assert!(about(&at(15), Some(&anybody), &[glass(|glass| glass.caller = "d".into())], Some("ada")).break_glass);
    }
}
