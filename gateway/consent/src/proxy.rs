//! What a proxy may permit (RULINGS.md, E2 to E6): who has authority, how long, and what its permits never reach.

use crate::directive::Directive;
use crate::labels::Labels;
use crate::rule::{ALWAYS, Rule};

/// When a patient is of age, in years (E4). No customer's table makes it later.
pub const MAJORITY: i32 = 18;

/// Relationships that give authority, of v3-RoleCode, and whether over those of age, too (E3).
const RELATIONSHIPS: [(&str, bool); 11] = [
    ("ADOPTF", false),
    ("ADOPTM", false),
    ("ADOPTP", false),
    ("FTH", false),
    ("GUARD", true),
    ("HPOWATT", true),
    ("MTH", false),
    ("NFTH", false),
    ("NMTH", false),
    ("NPRN", false),
    ("PRN", false),
];
const ROLES: [&str; 2] = ["http://terminology.hl7.org/CodeSystem/v3-RoleCode", "http://hl7.org/fhir/v3/RoleCode"];

/// Whom a relationship gives authority over.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Authority {
    /// Who is under age.
    Minor,
    /// Whoever it is.
    Anyone,
}

impl Authority {
    /// What a coding of `RelatedPerson.relationship` gives; `None` for one that gives none.
    #[must_use]
    pub fn of(system: &str, code: &str) -> Option<Self> {
        let known = RELATIONSHIPS.iter().find(|(known, _)| *known == code && ROLES.contains(&system));
        known.map(|(_, anyone)| if *anyone { Self::Anyone } else { Self::Minor })
    }

    /// From when until when it holds: within the relationship's period, and until the patient is of age (`of_age`, in ticks;
    /// `None` where that is not known). `None` where it never does.
    #[must_use]
    pub fn window(self, period: (i64, i64), of_age: Option<i64>) -> Option<(i64, i64)> {
        let until = match self {
            Self::Anyone => ALWAYS.1,
            Self::Minor => of_age?,
        };
        let window = (period.0, period.1.min(until));
        (window.0 < window.1).then_some(window)
    }
}

impl Directive {
    /// Takes it for one that a proxy gave. Its permits hold within these times, each with what it reaches of what is sensitive
    /// ([`Grade::reach`]); without any they never hold. Of what is not understood they reach nothing (E5). Its denies hold.
    ///
    /// [`Grade::reach`]: crate::statute::Grade::reach
    pub fn by_proxy(&mut self, windows: &[(Labels, (i64, i64))]) {
        self.by_others = true;
        let all = std::mem::take(&mut self.rules);
        let (denies, permits): (Vec<Rule>, Vec<Rule>) = all.into_iter().partition(|rule| rule.deny);
        let within = |rule: &Rule, (reach, (from, until)): &(Labels, (i64, i64))| {
            let mut rule = rule.clone();
            rule.period = (rule.period.0.max(*from), rule.period.1.min(*until));
            rule.except = rule.except | (Labels::SENSITIVE | Labels::DOUBTFUL).without(*reach);
            (rule.period.0 < rule.period.1).then_some(rule)
        };
        self.rules = denies;
        self.rules.extend(permits.iter().flat_map(|rule| windows.iter().filter_map(|window| within(rule, window))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authority_ends_with_the_relationship_and_with_childhood() {
        let role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
        let (mother, guardian) = (Authority::of(role, "MTH").unwrap(), Authority::of(role, "GUARD").unwrap());
        assert_eq!(mother.window((10, 90), Some(50)), Some((10, 50)));
        assert_eq!(mother.window((10, 40), Some(50)), Some((10, 40)));
        assert_eq!(mother.window((60, 90), Some(50)), None);
        assert_eq!(mother.window((10, 90), None), None);
        assert_eq!(guardian.window((10, 90), Some(50)), Some((10, 90)));
        assert_eq!(guardian.window((10, 90), None), Some((10, 90)));
        for (system, code) in [(role, "AUNT"), (role, "FTHFOST"), (role, "mth"), ("urn:ours", "MTH"), ("", "MTH")] {
            assert_eq!(Authority::of(system, code), None, "{system} {code}");
        }
    }
}
