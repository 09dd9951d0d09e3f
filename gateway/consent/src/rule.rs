//! A rule as it is compared: every doubt has been decided when it was read (RULINGS.md), so nothing here can be misread.

use crate::asking::Asking;
use crate::facts::Facts;
use crate::labels::Labels;
use crate::purpose;

/// A time without a beginning and an end.
pub const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

/// One rule of one Consent. A criterion that is `None` matches everything; within one, any value matches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rule {
    /// It denies; else it permits.
    pub deny: bool,
    /// An exception: it goes before the base rule (B1).
    pub nested: bool,
    /// When it holds, in ticks of 100 ns since 1970 (UTC), the end excluded.
    pub period: (i64, i64),
    /// Who: `Type/id`, or a whole address.
    pub actors: Option<Vec<String>>,
    /// Why: codes of v3-ActReason with all that is under them, `system|code` for others.
    pub purposes: Option<Vec<String>>,
    /// What for: bits of [`crate::asking::ACTIONS`].
    pub actions: Option<u8>,
    /// Of which types.
    pub classes: Option<Vec<String>>,
    /// With which codes: system and code.
    pub codes: Option<Vec<(String, String)>>,
    /// With which labels: any of them.
    pub labels: Option<Labels>,
    /// Labels of which it reaches none (a permit of a proxy: E5).
    pub except: Labels,
    /// It names psychotherapy notes themselves (D4).
    pub psychotherapy: bool,
    /// Of which clinical time, as [`Self::period`].
    pub data_period: Option<(i64, i64)>,
    /// Which resources.
    pub data: Option<Vec<Data>>,
    /// Where it stands: `provision` or `provision.provision[1]`.
    pub place: String,
}

/// One item of `provision.data`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Data {
    /// How the resource is meant.
    pub meaning: Meaning,
    /// The type of what is named; empty for another server's.
    pub kind: String,
    /// Its id, or the whole address.
    pub id: String,
}

/// <https://hl7.org/fhir/R4/valueset-consent-data-meaning.html>, read as C12 says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Meaning {
    /// The author is what is named.
    AuthoredBy,
    /// The resource itself and what refers to it.
    Dependents,
    /// The resource itself.
    Instance,
    /// The resource itself, what refers to it and what it refers to.
    Related,
}

impl Rule {
    /// A rule that matches everything at every time.
    pub(crate) fn of_all(deny: bool, nested: bool, place: &str) -> Self {
        Self {
            deny,
            nested,
            period: ALWAYS,
            actors: None,
            purposes: None,
            actions: None,
            classes: None,
            codes: None,
            labels: None,
            except: Labels::NONE,
            psychotherapy: false,
            data_period: None,
            data: None,
            place: place.to_owned(),
        }
    }

    /// Whether all criteria match.
    #[must_use]
    pub fn matches(&self, asking: &Asking, facts: &Facts<'_>) -> bool {
        self.holds_for(asking) && self.reaches(facts)
    }

    /// The criteria of the request: who, why, what for, when.
    #[must_use]
    pub fn holds_for(&self, asking: &Asking) -> bool {
        let now = asking.ticks();
        (self.period.0 <= now && now < self.period.1)
            && self.actors.as_ref().is_none_or(|actors| actors.iter().any(|actor| asking.actors.contains(actor)))
            && self.purposes.as_ref().is_none_or(|purposes| match &asking.purpose {
                Some(asked) => {
                    // A purpose that v3-ActReason does not have may be under any that a deny names.
                    let strange = || !purpose::is_known(asked);
                    purposes.contains(&purpose::key(asked)) || (self.deny && strange())
                }
                // Nobody said why: a doubt.
                None => self.deny,
            })
            && self.actions.is_none_or(|mask| {
                let asked = crate::asking::action(&asking.action);
                asked.map_or(self.deny, |asked| mask & asked != 0)
            })
    }

    /// The criteria of the resource.
    #[must_use]
    pub fn reaches(&self, facts: &Facts<'_>) -> bool {
        let doubtful = facts.labels.meets(Labels::DOUBTFUL);
        let narrow = self.labels.is_some() || self.codes.is_some() || self.classes.is_some();
        if doubtful && narrow && !self.deny {
            return false;
        }
        !facts.labels.meets(self.except)
            && self.classes.as_ref().is_none_or(|classes| classes.iter().any(|class| class == facts.kind))
            && self.labels.is_none_or(|labels| facts.labels.meets(labels) || (doubtful && self.deny))
            && self.codes.as_ref().is_none_or(|codes| {
                let has = |code: &(String, String)| facts.has_code(&code.0, &code.1);
                codes.iter().any(has) || (doubtful && self.deny)
            })
            && self.data_period.is_none_or(|(from, until)| match facts.span {
                None => self.deny,
                Some((low, high)) if self.deny => low < until && from < high,
                Some((low, high)) => from <= low && high <= until,
            })
            && self.data.as_ref().is_none_or(|data| data.iter().any(|data| data.reaches(facts, self.deny)))
    }
}

impl Data {
    fn reaches(&self, facts: &Facts<'_>, deny: bool) -> bool {
        // One without an id may be any of its type.
        let is_it = || facts.id.map_or(deny, |id| id == self.id);
        let itself = || facts.kind == self.kind && is_it();
        match self.meaning {
            // Which of several persons is the author is in doubt: a deny counts whoever the resource names.
            Meaning::AuthoredBy if deny && facts.refers_to(&self.kind, &self.id) => true,
            Meaning::AuthoredBy => facts.author.is_some_and(|author| author == format!("{}/{}", self.kind, self.id)),
            Meaning::Instance => itself(),
            Meaning::Dependents => itself() || facts.refers_to(&self.kind, &self.id),
            Meaning::Related => {
                itself() || facts.refers_to(&self.kind, &self.id) || facts.is_referred_to_by(&self.kind, &self.id)
            }
        }
    }
}
