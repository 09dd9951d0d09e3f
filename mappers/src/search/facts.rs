//! What the directory keeps of a resource for consent: whose it is, who made it, when, in which encounter, what about.

#[rustfmt::skip]
mod table;

use std::borrow::Cow;
use std::sync::LazyLock;

use super::extract::{date::range, reference::target, token::tokens};
use super::parameters::{ElementType, Path};
use super::plan::{Leaf, Plan};
use crate::json::Element;
use table::TABLE;

/// Facts of one resource. Give the whole resource, not a residue.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts<'d> {
    /// The patient whose data it is: the id, or the full text of an absolute reference (which the caller may find to
    /// be under its own base). For a Patient its own id, if it has one yet.
    pub patient: Option<Cow<'d, str>>,
    /// `Type/id` (or the full text of an absolute reference) of the author, performer or requester.
    pub author: Option<Cow<'d, str>>,
    /// The encounter's id, or the full text of an absolute reference. For an Encounter its own id.
    pub encounter: Option<Cow<'d, str>>,
    /// The clinically relevant time as written; of a period its start, or its end if that is all there is.
    pub occurred: Option<Cow<'d, str>>,
    /// All instants of that time, in ticks of 100 ns since 1970 (UTC), the last one excluded; open ends are the least and the
    /// greatest number.
    pub span: Option<(i64, i64)>,
    /// System (empty: none) and code of what it is about, each once.
    pub codes: Vec<(Cow<'d, str>, Cow<'d, str>)>,
}

/// Paths of one type, in order of preference.
#[derive(Debug)]
struct Row {
    kind: &'static str,
    patient: &'static [Path],
    author: &'static [Path],
    encounter: &'static [Path],
    occurred: &'static [Path],
    codes: &'static [Path],
}

const fn row(
    kind: &'static str,
    patient: &'static [Path],
    author: &'static [Path],
    encounter: &'static [Path],
    occurred: &'static [Path],
    codes: &'static [Path],
) -> Row {
    Row { kind, patient, author, encounter, occurred, codes }
}

/// Which fact, and how many paths are preferred to this one.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Author(usize),
    Code,
    Encounter(usize),
    Occurred(usize),
    Patient(usize),
}

static PLANS: LazyLock<Vec<Plan<Fact>>> = LazyLock::new(|| TABLE.iter().map(plan).collect());

/// The facts of a resource of this type; none for an unknown type.
#[must_use]
pub fn facts<'d>(kind: &str, resource: Element<'d>) -> Facts<'d> {
    let mut finding = Finding::default();
    if let Ok(at) = TABLE.binary_search_by(|row| row.kind.cmp(kind)) {
        PLANS[at].visit(resource, &mut |leaf, element, _| finding.take(leaf, element));
    }
    let mut facts = finding.facts();
    match kind {
        "Encounter" => facts.encounter = own_id(resource),
        "Patient" => facts.patient = own_id(resource),
        "Provenance" if facts.patient.is_none() => facts.patient = named_patient(resource),
        _ => {}
    }
    facts
}

/// All instants of a Period (<https://hl7.org/fhir/R4/datatypes.html#Period>), as [`Facts::span`]; `None` where it has neither
/// end, or one that is no time.
#[must_use]
pub fn period(period: Element<'_>) -> Option<(i64, i64)> {
    range(ElementType::Period, period)
}

/// All instants of a dateTime, as [`Facts::span`].
#[must_use]
pub fn instants(time: Element<'_>) -> Option<(i64, i64)> {
    range(ElementType::DateTime, time)
}

/// R5's `Provenance.patient` in R4: where a Provenance says whose it is, and no target is a Patient.
pub const PROVENANCE_PATIENT: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Provenance.patient";

fn named_patient(provenance: Element<'_>) -> Option<Cow<'_, str>> {
    let extensions = provenance.member("extension").into_iter().flat_map(|all| all.children());
    let is_it = |extension: &Element<'_>| {
        extension.member("url").and_then(|url| url.string()).as_deref() == Some(PROVENANCE_PATIENT)
    };
    let named = extensions.filter(is_it).filter_map(|extension| extension.member("valueReference"));
    named.filter_map(|reference| target(reference, "Patient").map(|(_, id)| id)).next()
}

fn own_id(resource: Element<'_>) -> Option<Cow<'_, str>> {
    resource.member("id").and_then(|id| id.string())
}

fn plan(row: &'static Row) -> Plan<Fact> {
    let mut plan = Plan::new();
    let mut add = |paths: &'static [Path], fact: fn(usize) -> Fact| {
        paths.iter().enumerate().for_each(|(rank, path)| plan.add(path, fact(rank)));
    };
    add(row.patient, Fact::Patient);
    add(row.author, Fact::Author);
    add(row.encounter, Fact::Encounter);
    add(row.occurred, Fact::Occurred);
    add(row.codes, |_| Fact::Code);
    plan
}

/// The best found so far, with its rank.
type Best<'d> = Option<(usize, Cow<'d, str>)>;

#[derive(Default)]
struct Finding<'d> {
    patient: Best<'d>,
    author: Best<'d>,
    encounter: Best<'d>,
    occurred: Best<'d>,
    span: Option<(usize, (i64, i64))>,
    codes: Vec<(Cow<'d, str>, Cow<'d, str>)>,
}

impl<'d> Finding<'d> {
    fn take(&mut self, leaf: &'static Leaf<Fact>, element: Element<'d>) {
        let referred = || target(element, leaf.only).map(|(_, id)| id);
        match leaf.purpose {
            Fact::Author(rank) => better(&mut self.author, rank, || target(element, "").map(typed)),
            Fact::Code => tokens(leaf.element, element, &mut |system, code| self.codes.push((system, code))),
            Fact::Encounter(rank) => better(&mut self.encounter, rank, referred),
            Fact::Occurred(rank) => {
                if self.occurred.as_ref().is_none_or(|(have, _)| rank < *have) {
                    self.span = range(leaf.element, element).map(|span| (rank, span));
                }
                better(&mut self.occurred, rank, || time(leaf.element, element));
            }
            Fact::Patient(rank) => better(&mut self.patient, rank, referred),
        }
    }

    fn facts(self) -> Facts<'d> {
        let text = |best: Best<'d>| best.map(|(_, text)| text);
        let mut codes = self.codes;
        codes.sort_unstable();
        codes.dedup();
        Facts {
            patient: text(self.patient),
            author: text(self.author),
            encounter: text(self.encounter),
            occurred: text(self.occurred),
            span: self.span.map(|(_, span)| span),
            codes,
        }
    }
}

fn better<'d>(best: &mut Best<'d>, rank: usize, value: impl FnOnce() -> Option<Cow<'d, str>>) {
    if best.as_ref().is_none_or(|(have, _)| rank < *have)
        && let Some(value) = value()
    {
        *best = Some((rank, value));
    }
}

fn typed<'d>((kind, id): (&'static str, Cow<'d, str>)) -> Cow<'d, str> {
    if kind.is_empty() || id.contains([':', '/']) { id } else { Cow::Owned(format!("{kind}/{id}")) }
}

fn time(kind: ElementType, element: Element<'_>) -> Option<Cow<'_, str>> {
    if kind != ElementType::Period {
        return element.string();
    }
    let text = |name| element.member(name).and_then(|time| time.string());
    text("start").or_else(|| text("end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    #[test]
    fn a_provenance_is_whose_its_targets_or_its_extension_say() {
        let of = |members: &str| {
            let text = format!(r#"{{"resourceType":"Provenance",{members}}}"#);
            let document = Document::parse(text.as_bytes()).unwrap();
            facts("Provenance", document.root()).patient.map(Cow::into_owned)
        };
        let extension = |reference: &str| {
            format!(
                r#""extension":[{{"url":"urn:x"}},{{"url":"{PROVENANCE_PATIENT}","valueReference":{{"reference":"{reference}"}}}}]"#
            )
        };
        let target =
            |reference: &str| format!(r#""target":[{{"reference":"Observation/o"}},{{"reference":"{reference}"}}]"#);
        assert_eq!(of(&target("Observation/x")), None);
        assert_eq!(of(&target("Patient/a/_history/2")).as_deref(), Some("a"));
        assert_eq!(of(&format!("{},{}", extension("Patient/b"), target("Observation/x"))).as_deref(), Some("b"));
        // A target is what it is about.
        assert_eq!(of(&format!("{},{}", extension("Patient/b"), target("Patient/a"))).as_deref(), Some("a"));
        assert_eq!(of(&extension("Practitioner/b")), None);
        assert_eq!(of(r#""extension":[{"url":1},{}]"#), None);
    }
}
