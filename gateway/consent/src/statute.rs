//! The law that goes before organization and patient (RULINGS.md, D): the federal rows, and those of a customer's own table.
//!
//! A row asks something of whoever wants resources with a label. A table can only ask for more: none of its rows lifts another, and
//! what it says of minors (D9) only lets a proxy's permit reach what E5 keeps from it.

use std::sync::Arc;

use crate::asking::Asking;
use crate::labels::Labels;
use crate::proxy::MAJORITY;
use crate::purpose;

/// What a row asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Demand {
    /// A permit by a Consent (as D2).
    Consent,
    /// A permit by a rule that names the label, or one above it.
    Named,
    /// Nothing helps.
    Never,
}

/// One row: what is asked for resources with one of these labels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Law {
    /// Sensitivities, with what is under them.
    pub labels: Labels,
    /// For which purposes: codes of v3-ActReason with all that is under them; every one where it does not say.
    pub purposes: Option<Vec<Box<str>>>,
    /// What.
    pub demand: Demand,
    /// In an emergency (ETREAT) nothing is asked.
    pub emergency: bool,
    /// Where it is written.
    pub source: Box<str>,
}

/// From which age on minors consent alone to care with these labels: until then a proxy's permit reaches it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Minor {
    /// Sensitivities; none: everything, which is where a parent's authority ends.
    pub labels: Labels,
    /// In years, 18 at most.
    pub age: i32,
    /// It only lowers what other rows say: it is not known whether it holds here (D8).
    pub lowers: bool,
}

/// A customer's rows; none at first. The federal ones hold beside them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Statutes(Arc<(Vec<Law>, Vec<Minor>)>);

/// How far a proxy's permit reaches while the patient is younger than `until`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grade {
    /// In years.
    pub until: i32,
    /// What it reaches beside what is not sensitive (E5).
    pub reach: Labels,
}

/// What law asks of one request, by label.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Demands {
    /// Of these it gets none.
    pub never: Labels,
    /// Of these what a Consent permits.
    pub consent: Labels,
    /// Of these what a rule permits that names the label.
    pub named: Labels,
}

/// What stands in the way of one resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bar {
    /// A demand that is not met, of these labels.
    Law(Demand, Labels),
    /// D4.
    Psychotherapy,
}

impl Statutes {
    /// These rows beside the federal ones.
    #[must_use]
    pub fn new(laws: Vec<Law>, minors: Vec<Minor>) -> Self {
        Self(Arc::new((laws, minors)))
    }

    /// The rows of law.
    #[must_use]
    pub fn laws(&self) -> &[Law] {
        &self.0.0
    }

    /// What is asked of a request.
    #[must_use]
    pub fn demands(&self, asking: &Asking) -> Demands {
        self.demanded(asking, asking.is_for("ETREAT"))
    }

    /// The same without what an emergency lifts.
    #[must_use]
    pub fn demands_without_exceptions(&self, asking: &Asking) -> Demands {
        self.demanded(asking, false)
    }

    fn demanded(&self, asking: &Asking, emergency: bool) -> Demands {
        let mut demands = Demands::federal(asking, emergency);
        for law in self.laws().iter().filter(|law| law.concerns(asking, emergency)) {
            let labels = match law.demand {
                Demand::Consent => &mut demands.consent,
                Demand::Named => &mut demands.named,
                Demand::Never => &mut demands.never,
            };
            *labels = *labels | law.labels;
        }
        demands
    }

    /// The ages that count, what reaches least first: a parent's authority, then what it reaches of each sensitivity.
    #[must_use]
    pub fn grades(&self) -> Vec<Grade> {
        let minors = &self.0.1;
        let whole = minors.iter().filter(|minor| minor.labels.is_empty()).map(|minor| minor.age);
        let majority = whole.fold(MAJORITY, i32::min);
        let mut grades = vec![Grade { until: majority, reach: Labels::NONE }];
        let mut ages: Vec<i32> =
            minors.iter().filter(|minor| !minor.labels.is_empty()).map(|minor| minor.age).collect();
        ages.sort_unstable();
        ages.dedup();
        for age in ages {
            let of = |wanted: &dyn Fn(&Minor) -> bool| {
                minors.iter().filter(|minor| wanted(minor)).fold(Labels::NONE, |found, minor| found | minor.labels)
            };
            // Of several ages the lowest holds, and what Part 2 and psychotherapy notes ask for no proxy gives (E5).
            let lower = of(&|minor| minor.age < age);
            let given = of(&|minor| minor.age >= age && !minor.lowers);
            let reach = given.without(lower | Labels::PART2 | Labels::PSYCHOTHERAPY);
            if !reach.is_empty() {
                grades.push(Grade { until: age.min(majority), reach });
            }
        }
        grades
    }

    /// The reason that a bar is, in words: the law's own source where it is of the table.
    pub(crate) fn why(&self, bar: Bar, asking: &Asking) -> String {
        let (demand, labels) = match bar {
            Bar::Psychotherapy => return "45 CFR 164.508(a)(2): no authorization names psychotherapy notes".to_owned(),
            Bar::Law(demand, labels) => (demand, labels),
        };
        let emergency = asking.is_for("ETREAT");
        let row = self
            .laws()
            .iter()
            .find(|law| law.demand == demand && law.labels.meets(labels) && law.concerns(asking, emergency));
        let federal = Demands::federal(asking, emergency).of(demand).meets(labels);
        let source = row.filter(|_| !federal).map_or("42 CFR Part 2", |law| &*law.source);
        match demand {
            Demand::Never if federal => format!("{source}: never for legal proceedings against the patient"),
            Demand::Never => format!("{source}: never for this purpose"),
            Demand::Consent => format!("{source}: no Consent of the patient permits it"),
            Demand::Named => {
                let codes: Vec<&str> = labels.codes().collect();
                format!("{source}: no Consent of the patient names {}", codes.join(", "))
            }
        }
    }
}

impl Law {
    /// Whether it asks anything of a request. A purpose that is not known may be any.
    fn concerns(&self, asking: &Asking, emergency: bool) -> bool {
        if self.emergency && emergency {
            return false;
        }
        let Some(purposes) = &self.purposes else { return true };
        match &asking.purpose {
            Some(asked) if purpose::is_known(asked) => purposes.iter().any(|code| **code == *asked.code),
            _ => true,
        }
    }
}

impl Demands {
    /// D2.
    fn federal(asking: &Asking, emergency: bool) -> Self {
        Self {
            never: if asking.is_for("HLEGAL") { Labels::PART2 } else { Labels::NONE },
            consent: if emergency { Labels::NONE } else { Labels::PART2 },
            named: Labels::NONE,
        }
    }

    fn of(self, demand: Demand) -> Labels {
        match demand {
            Demand::Consent => self.consent,
            Demand::Named => self.named,
            Demand::Never => self.never,
        }
    }

    /// Labels that something is asked of.
    #[must_use]
    pub fn labels(self) -> Labels {
        self.never | self.consent | self.named
    }

    /// What stands in the way of a resource with these labels; `own`: its patient asks for it. `permitted`: a Consent permits it;
    /// `named`: which labels the rules that permit it name.
    pub(crate) fn bar(self, labels: Labels, own: bool, permitted: bool, named: impl FnOnce() -> Labels) -> Option<Bar> {
        if labels.meets(self.never) {
            return Some(Bar::Law(Demand::Never, labels.within(self.never)));
        }
        if own {
            return None;
        }
        if labels.meets(self.consent) && !permitted {
            return Some(Bar::Law(Demand::Consent, labels.within(self.consent)));
        }
        let missing = labels.within(self.named);
        let missing = if missing.is_empty() { missing } else { missing.without(named()) };
        (!missing.is_empty()).then_some(Bar::Law(Demand::Named, missing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asking::Coding;
    use crate::labels::ACT_CODE;

    fn label(code: &str) -> Labels {
        Labels::reached(ACT_CODE, code, true).unwrap()
    }

    fn asking(purpose: Option<&str>) -> Asking {
        Asking { purpose: purpose.map(Coding::purpose), ..Asking::default() }
    }

    #[test]
    fn a_row_asks_for_its_purposes_and_for_those_that_nobody_knows() {
        let purposes = Some(purpose::with_all_under("HPAYMT").unwrap().into_iter().map(Box::from).collect());
        let law = Law { labels: label("HIV"), purposes, demand: Demand::Named, emergency: false, source: "s".into() };
        let statutes = Statutes::new(vec![law], Vec::new());
        for (purpose, asks) in [
            (Some("HPAYMT"), true),
            (Some("COVERAGE"), true),
            (Some("TREAT"), false),
            (Some("HRESCH"), false),
            (Some("NOSUCH"), true),
            (Some("urn:ours|HPAYMT"), true),
            (None, true),
        ] {
            assert_eq!(statutes.demands(&asking(purpose)).named == label("HIV"), asks, "{purpose:?}");
        }
    }

    #[test]
    fn an_emergency_lifts_what_says_so() {
        let row =
            |labels, emergency| Law { labels, purposes: None, demand: Demand::Consent, emergency, source: "s".into() };
        let statutes = Statutes::new(vec![row(label("MH"), true), row(label("SEX"), false)], Vec::new());
        let of = |purpose| statutes.demands(&asking(Some(purpose))).consent;
        assert_eq!(of("TREAT"), label("MH") | label("SEX") | Labels::PART2);
        assert_eq!(of("ETREAT"), label("SEX"));
    }

    #[test]
    fn of_several_ages_the_lowest_holds() {
        let minor = |code: &str, age| Minor {
            labels: if code.is_empty() { Labels::NONE } else { label(code) },
            age,
            lowers: false,
        };
        let plain = Grade { until: 18, reach: Labels::NONE };
        assert_eq!(Statutes::default().grades(), [plain]);
        let statutes =
            Statutes::new(vec![], vec![minor("HIV", 12), minor("STD", 14), minor("HIV", 14), minor("MH", 12)]);
        let (at_12, at_14) = (label("HIV") | label("STD") | label("MH"), label("STD"));
        assert_eq!(statutes.grades(), [plain, Grade { until: 12, reach: at_12 }, Grade { until: 14, reach: at_14 }]);
        // What may hold here lowers what holds, and gives nothing.
        let other = |code, age| Minor { lowers: true, ..minor(code, age) };
        let capped = Statutes::new(vec![], vec![minor("HIV", 16), other("HIV", 13), other("STD", 17)]);
        assert_eq!(capped.grades(), [plain, Grade { until: 13, reach: label("HIV") }]);
        let earlier =
            Statutes::new(vec![], vec![minor("", 16), minor("HIV", 18), minor("42CFRPart2", 12), minor("SPI", 17)]);
        let grades = earlier.grades();
        assert!(grades.iter().all(|grade| grade.until <= 16), "{grades:?}");
        let never = Labels::PART2 | Labels::PSYCHOTHERAPY;
        assert!(grades.iter().all(|grade| !grade.reach.meets(never)), "{grades:?}");
    }
}
