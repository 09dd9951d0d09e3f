//! What the law keeps, by preset, as far as the gateway can know it. The periods are defaults that an organization changes by
//! `--retention-years`; nothing here is legal advice.
//!
//! **us.** HIPAA says nothing of how long a medical record is kept (its six years, 45 CFR 164.316(b)(2)(i) and 164.530(j), are for
//! policies and the like). States do, and so do conditions of participation (42 CFR 482.24(b)(1): five years); seven years
//! after the last entry cover most of them, ten are wanted of Medicare Advantage (42 CFR 422.504(d)). A minor's record is kept
//! until the patient is of age, and the period from then on; without a date of birth it counts as a newborn's.
//!
//! **eu.** GDPR art. 17(1) says why somebody's data are erased; art. 17(3)(b) and (c) keep what the law of a Member State wants
//! kept, for which ten years after the end of treatment (section 630f(3) BGB) are the default here. The audit trail stays in any
//! case, with ids and without content: art. 17(3)(b) and (e).

use std::fmt::{self, Display};

use crate::clock::Clock;

/// Under which law an erasure is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preset {
    /// GDPR.
    Eu,
    /// HIPAA and the states' laws.
    Us,
}

/// Reasons that lift a period: the data are not this patient's, or a court wants them gone.
const LIFTING: [&str; 2] = ["wrong-patient", "court-order"];
/// The reasons of GDPR art. 17(1), and [`LIFTING`].
const EU_REASONS: [&str; 8] = [
    "gdpr-17-1-a",
    "gdpr-17-1-b",
    "gdpr-17-1-c",
    "gdpr-17-1-d",
    "gdpr-17-1-e",
    "gdpr-17-1-f",
    "wrong-patient",
    "court-order",
];
const OF_AGE: i64 = 18;
const MS_PER_DAY: i64 = 86_400_000;

impl Preset {
    /// Reads `us` or `eu`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "eu" => Some(Self::Eu),
            "us" => Some(Self::Us),
            _ => None,
        }
    }

    /// The period where nobody says another, in years after the last write.
    #[must_use]
    pub fn years(self) -> i64 {
        match self {
            Self::Eu => 10,
            Self::Us => 7,
        }
    }

    /// What a reason that cannot be one should be.
    #[must_use]
    pub fn objects_to(self, reason: &str) -> Option<String> {
        let wanted = || format!("under the preset eu the reason is one of {}", EU_REASONS.join(", "));
        (self == Self::Eu && !EU_REASONS.contains(&reason)).then(wanted)
    }

    /// Why what was last written then is still to be kept; `None` where it is not.
    #[must_use]
    pub fn retains(
        self,
        reason: &str,
        years: i64,
        last_write_ms: i64,
        birth_date: Option<&str>,
        now_ms: i64,
    ) -> Option<String> {
        if LIFTING.contains(&reason) || years == 0 {
            return None;
        }
        // Who is born nobody knows when may be a child, and was born before the last entry.
        let of_age = match birth_date.and_then(born_ms) {
            Some(born) => later(born, OF_AGE),
            None => later(last_write_ms, OF_AGE),
        };
        let from = match self {
            Self::Eu => last_write_ms,
            Self::Us => last_write_ms.max(of_age),
        };
        let until = later(from, years);
        let day = Clock::format(until);
        let day = day.split('T').next().unwrap_or_default();
        let source = match self {
            Self::Eu => "GDPR art. 17(3)(b) and (c) with the law of the Member State",
            Self::Us => "retention of medical records by state law, a minor's from age 18",
        };
        (now_ms < until).then(|| {
            format!(
                "it is to be kept until {day} ({years} years, {source}): wait, give another period by --retention-years, or \
                 the reason {}",
                LIFTING.join(" or ")
            )
        })
    }

    /// What an erasure leaves, and why.
    #[must_use]
    pub fn keeps(self) -> Vec<&'static str> {
        let trail = match self {
            Self::Eu => "the audit trail: who did what when, with ids and without content (GDPR art. 17(3)(b) and (e))",
            Self::Us => "the audit trail: who did what when, with ids and without content (45 CFR 164.312(b), 164.528)",
        };
        vec![
            trail,
            "this certificate, the request, and the journal of erasures: ids and names of staff",
            "references of other records to what was erased: their text is those records'",
        ]
    }
}

impl Display for Preset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Eu => "eu",
            Self::Us => "us",
        })
    }
}

/// The last day that a date of FHIR may mean: `2010` is its end.
fn born_ms(date: &str) -> Option<i64> {
    let whole = match date.len() {
        4 => format!("{date}-12-31"),
        7 => format!("{date}-28"),
        _ => date.to_owned(),
    };
    Clock::parse(&format!("{whole}T00:00:00Z"))
}

/// So many years later, to the day.
fn later(ms: i64, years: i64) -> i64 {
    // A year of 365.2425 days, rounded up: a day more is no harm.
    ms.saturating_add(((years.saturating_mul(3_652_425)) / 10_000 + 1).saturating_mul(MS_PER_DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: &str) -> i64 {
        Clock::parse(&format!("{day}T00:00:00Z")).unwrap()
    }

    #[test]
    fn a_record_is_kept_for_its_period() {
        let retains = |reason: &str, years, last: &str, born: Option<&str>, now: &str| {
            Preset::Us.retains(reason, years, at(last), born, at(now)).is_some()
        };
        assert!(retains("request", 7, "2020-01-01", Some("1970-01-01"), "2026-12-30"));
        assert!(!retains("request", 7, "2020-01-01", Some("1970-01-01"), "2027-01-03"));
        assert!(!retains("wrong-patient", 7, "2026-01-01", Some("1970-01-01"), "2026-02-01"));
        assert!(!retains("court-order", 7, "2026-01-01", None, "2026-02-01"));
        assert!(!retains("request", 0, "2026-01-01", None, "2026-02-01"));
    }

    #[test]
    fn a_minors_record_is_kept_from_age_18_on() {
        let retains = |born, now: &str| Preset::Us.retains("request", 7, at("2010-01-01"), born, at(now)).is_some();
        assert!(retains(Some("2008-06-01"), "2033-05-01"));
        assert!(!retains(Some("2008-06-01"), "2033-06-05"));
        assert!(retains(Some("2008"), "2033-12-01"));
        assert!(retains(None, "2034-12-01"), "nobody knows");
        assert!(!retains(None, "2035-01-05"));
    }

    #[test]
    fn the_eu_wants_its_own_reasons() {
        assert!(Preset::Eu.objects_to("because").is_some());
        assert_eq!(Preset::Eu.objects_to("gdpr-17-1-b"), None);
        assert_eq!(Preset::Us.objects_to("because"), None);
        assert!(Preset::Eu.retains("gdpr-17-1-b", 10, at("2020-01-01"), None, at("2026-01-01")).is_some());
    }
}
