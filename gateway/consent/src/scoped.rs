//! What the scopes of a token let its bearer do, type by type: a limit beside what Consents and law decide, and in the same places.
//!
//! <https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>

use std::collections::BTreeMap;

/// What is done with a resource, as scopes tell it apart (`cruds`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    /// `c`
    Create,
    /// `r`: read, vread, history of an instance.
    Read,
    /// `u`: update and patch.
    Update,
    /// `d`
    Delete,
    /// `s`: search, history of a type.
    Search,
}

/// A value that an index row of a resource must have, as the index keeps it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Token {
    /// The places where it may stand (`mappers::search::index_path`).
    pub paths: Vec<i32>,
    /// Its system; `None`: whichever.
    pub system: Option<Box<str>>,
    /// The code; `None`: whichever of the system.
    pub code: Option<Box<str>>,
}

/// What a text of a resource must begin with, as the index keeps texts.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Text {
    /// The places where it may stand.
    pub paths: Vec<i32>,
    /// The beginning; never empty.
    pub from: Box<str>,
    /// Sorts after every text that begins so.
    pub to: Box<str>,
}

/// How a range of time that a resource says must lie.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Time {
    /// The places where it may stand.
    pub paths: Vec<i32>,
    /// Alternatives, of which one must hold whole.
    pub any: Vec<Vec<Bound>>,
}

/// A bound of one end of a range of time, in ticks of 100 ns since 1970 (UTC).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Bound {
    /// Of which end.
    pub end: End,
    /// How that end lies to the tick.
    pub lies: Lies,
    /// The tick.
    pub tick: i64,
}

/// An end of a range of time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum End {
    /// Its first instant.
    Low,
    /// Just past its last one.
    High,
}

/// How one instant lies to another.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Lies {
    /// Before it.
    Before,
    /// Not after it.
    Until,
    /// After it.
    After,
    /// Not before it.
    From,
}

impl Bound {
    /// Whether a range keeps to it.
    #[must_use]
    pub fn holds(&self, low: i64, high: i64) -> bool {
        let at = match self.end {
            End::Low => low,
            End::High => high,
        };
        match self.lies {
            Lies::Before => at < self.tick,
            Lies::Until => at <= self.tick,
            Lies::After => at > self.tick,
            Lies::From => at >= self.tick,
        }
    }
}

/// What must hold of a resource.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Condition {
    /// It has this value.
    Token(Token),
    /// It has a text that begins so.
    Text(Text),
    /// It has a time that lies so.
    Time(Time),
    /// It belongs to one of these patients (their ids); of a Provenance: so does what it is about, and nothing of anybody else's.
    Patients(Vec<Box<str>>),
    /// In the same way it belongs to a patient whom one of these people, or teams, cares for (type and id): an encounter, an
    /// appointment, a care team or the patient's own record says so.
    Care(Vec<(Box<str>, Box<str>)>),
    /// It has labels, and none of these (`Labels::bits`).
    Without(i64),
}

/// Alternatives, of which one must hold whole: each a list of conditions. None: the whole type.
pub type Alternatives = Vec<Vec<Condition>>;

/// Which resources.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Types {
    /// Those of all types.
    All,
    /// Those of these types, as far as the alternatives say.
    Only(BTreeMap<Box<str>, Alternatives>),
}

impl Types {
    /// None at all.
    #[must_use]
    pub fn none() -> Self {
        Self::Only(BTreeMap::new())
    }

    /// Whether resources of a type may be among them; for `None`, of every type.
    #[must_use]
    pub fn may_have(&self, kind: Option<&str>) -> bool {
        match (self, kind) {
            (Self::All, _) => true,
            (Self::Only(_), None) => false,
            (Self::Only(types), Some(kind)) => types.contains_key(kind),
        }
    }

    /// Whether all resources of these types are among them; for no type, all there are.
    #[must_use]
    pub fn have_all(&self, kinds: &[&str]) -> bool {
        match self {
            Self::All => true,
            Self::Only(types) => {
                !kinds.is_empty() && kinds.iter().all(|kind| types.get(*kind).is_some_and(Vec::is_empty))
            }
        }
    }

    /// Whether one of this type that belongs to this patient may be among them, as far as that tells: a second look at what a plan
    /// let through.
    #[must_use]
    pub fn may_have_of(&self, kind: &str, patient: Option<&str>) -> bool {
        let Self::Only(types) = self else { return true };
        let Some(alternatives) = types.get(kind) else { return false };
        let fits = |condition: &Condition| match condition {
            // What it is about tells.
            Condition::Patients(ids) if kind == "Provenance" => {
                patient.is_none_or(|id| ids.iter().any(|own| **own == *id))
            }
            Condition::Patients(ids) => patient.is_some_and(|id| ids.iter().any(|own| **own == *id)),
            Condition::Care(_) => patient.is_some() || kind == "Provenance",
            Condition::Token(_) | Condition::Text(_) | Condition::Time(_) | Condition::Without(_) => true,
        };
        alternatives.is_empty() || alternatives.iter().any(|alternative| alternative.iter().all(fits))
    }

    /// The patients whose resources of a type alone are among them; `None` where others' may be.
    #[must_use]
    pub fn only_of(&self, kind: &str) -> Option<Vec<&str>> {
        let Self::Only(types) = self else { return None };
        fn of(alternative: &[Condition]) -> Option<&[Box<str>]> {
            match alternative {
                [Condition::Patients(ids)] => Some(ids),
                _ => None,
            }
        }
        let alternatives = types.get(kind).filter(|alternatives| !alternatives.is_empty())?;
        let each: Vec<&[Box<str>]> = alternatives.iter().map(|alternative| of(alternative)).collect::<Option<_>>()?;
        Some(each.into_iter().flatten().map(|id| &**id).collect())
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Only(types) if types.is_empty())
    }

    /// What is among these or those.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let (Self::Only(types), Self::Only(others)) = (self, others) else { return Self::All };
        let mut all = types.clone();
        for (kind, alternatives) in others {
            all.entry(kind.clone())
                .and_modify(|own| {
                    if own.is_empty() || alternatives.is_empty() {
                        own.clear();
                        return;
                    }
                    own.extend(alternatives.iter().cloned());
                    own.sort_unstable();
                    own.dedup();
                })
                .or_insert_with(|| alternatives.clone());
        }
        Self::Only(all)
    }
}

/// What scopes let a caller do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scoped {
    create: Types,
    read: Types,
    update: Types,
    delete: Types,
    search: Types,
    shown: Types,
}

impl Scoped {
    /// From what may be done with which resources. What is written has to be one of them before and after: conditions are asked of
    /// what is there and of what it will be.
    #[must_use]
    pub fn new(of: impl Fn(Deed) -> Types) -> Self {
        let (read, search) = (of(Deed::Read), of(Deed::Search));
        let shown = read.or(&search);
        Self { create: of(Deed::Create), update: of(Deed::Update), delete: of(Deed::Delete), read, search, shown }
    }

    /// With which resources this may be done.
    #[must_use]
    pub fn to(&self, deed: Deed) -> &Types {
        match deed {
            Deed::Create => &self.create,
            Deed::Read => &self.read,
            Deed::Update => &self.update,
            Deed::Delete => &self.delete,
            Deed::Search => &self.search,
        }
    }

    /// Which resources may be shown: what may be read or found.
    #[must_use]
    pub fn shown(&self) -> &Types {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(types: &[(&str, &[&str])]) -> Types {
        let token =
            |code: &&str| vec![Condition::Token(Token { paths: vec![1], system: None, code: Some((*code).into()) })];
        let types = types.iter().map(|(kind, codes)| ((*kind).into(), codes.iter().map(token).collect()));
        Types::Only(types.collect())
    }

    #[test]
    fn a_whole_type_takes_its_parts_in() {
        let (part, other, whole) = (only(&[("Flag", &["a"])]), only(&[("Flag", &["b"])]), only(&[("Flag", &[])]));
        assert_eq!(part.or(&other), only(&[("Flag", &["a", "b"])]));
        assert_eq!(part.or(&part), part);
        assert_eq!(part.or(&whole), whole);
        assert_eq!(whole.or(&part), whole);
        assert_eq!(part.or(&Types::All), Types::All);
        assert_eq!(Types::none().or(&part), part);
    }

    #[test]
    fn all_of_a_type_are_had_without_conditions_alone() {
        let types = only(&[("Flag", &["a"]), ("Patient", &[])]);
        assert!(types.have_all(&["Patient"]) && !types.have_all(&["Patient", "Flag"]) && !types.have_all(&[]));
        assert!(types.may_have(Some("Flag")) && !types.may_have(Some("Goal")) && !types.may_have(None));
        assert!(Types::All.have_all(&[]) && Types::All.may_have(None));
        assert!(Types::none().is_none() && !types.is_none());
    }

    #[test]
    fn what_may_be_shown_is_what_may_be_read_or_found() {
        let scoped = Scoped::new(|deed| match deed {
            Deed::Search => only(&[("Goal", &[])]),
            _ => only(&[("Flag", &["a"]), ("Patient", &[])]),
        });
        for deed in [Deed::Create, Deed::Read, Deed::Update, Deed::Delete] {
            assert_eq!(*scoped.to(deed), only(&[("Flag", &["a"]), ("Patient", &[])]), "{deed:?}");
        }
        assert_eq!(*scoped.shown(), only(&[("Flag", &["a"]), ("Goal", &[]), ("Patient", &[])]));
    }

    #[test]
    fn bounds_are_of_one_end() {
        for (end, lies, tick, holds) in [
            (End::Low, Lies::From, 5, true),
            (End::Low, Lies::After, 5, false),
            (End::Low, Lies::Until, 5, true),
            (End::High, Lies::Until, 8, false),
            (End::High, Lies::Before, 10, true),
            (End::High, Lies::Before, 9, false),
            (End::High, Lies::From, 9, true),
        ] {
            assert_eq!(Bound { end, lies, tick }.holds(5, 9), holds, "{end:?} {lies:?} {tick}");
        }
    }

    #[test]
    fn of_patients_is_theirs_alone() {
        let of = |ids: &[&str]| vec![Condition::Patients(ids.iter().map(|id| (*id).into()).collect())];
        let types = Types::Only([("Flag".into(), vec![of(&["a"]), of(&["b"])]), ("Patient".into(), vec![])].into());
        assert_eq!(types.only_of("Flag"), Some(vec!["a", "b"]));
        assert_eq!((types.only_of("Patient"), types.only_of("Goal"), Types::All.only_of("Flag")), (None, None, None));
        for (kind, patient, may) in [
            ("Flag", Some("a"), true),
            ("Flag", Some("c"), false),
            ("Flag", None, false),
            ("Patient", None, true),
            ("Goal", Some("a"), false),
        ] {
            assert_eq!(types.may_have_of(kind, patient), may, "{kind} {patient:?}");
        }
        let also = types.or(&only(&[("Flag", &["x"])]));
        assert_eq!(also.only_of("Flag"), None);
        assert!(also.may_have_of("Flag", Some("c")), "its values tell");
    }
}
