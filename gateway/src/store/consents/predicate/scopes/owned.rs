//! Whose a row of the directory is, as a condition: the patient of a token, or those whom somebody cares for.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use consent::NOBODYS;
use mappers::search::{index_path, parameters};

use crate::store::consents::predicate::Places;
use crate::store::provenance;

/// Where it is said who cares for a patient: type and search parameter (<https://hl7.org/fhir/R4/searchparameter-registry.html>).
const CARE: [(&str, &str); 8] = [
    ("Appointment", "actor"),
    ("CarePlan", "performer"),
    ("CareTeam", "participant"),
    ("Encounter", "participant"),
    ("Encounter", "service-provider"),
    ("EpisodeOfCare", "care-manager"),
    ("EpisodeOfCare", "organization"),
    ("Patient", "general-practitioner"),
];

static PATHS: LazyLock<String> = LazyLock::new(|| {
    let definitions = CARE.iter().filter_map(|(kind, name)| parameters::definition(kind, name));
    let paths: Vec<String> = definitions.flat_map(|found| found.index_paths()).map(|path| path.to_string()).collect();
    paths.join(", ")
});

/// Where it is said what became of that.
static STATUS: LazyLock<String> = LazyLock::new(|| {
    let kinds: BTreeSet<&str> = CARE.iter().map(|(kind, _)| *kind).collect();
    let definitions = kinds.into_iter().filter_map(|kind| parameters::definition(kind, "status"));
    let paths: Vec<String> = definitions.flat_map(|found| found.index_paths()).map(|path| path.to_string()).collect();
    paths.join(", ")
});

/// Whether whose it is shows by what it is about: a Provenance names a patient rarely.
pub(super) fn is_told_by_targets(kind: &str) -> bool {
    kind == provenance::KIND
}

/// Some patients, as SQL.
pub(super) enum Owned {
    /// Expressions of their ids.
    Ids(Vec<String>),
    /// A statement of organizations and ids.
    Found(String),
}

impl Owned {
    /// These.
    pub(super) fn patients<'p>(ids: &'p [Box<str>], places: &mut impl Places<'p>) -> Self {
        Self::Ids(ids.iter().map(|id| places.text(id)).collect())
    }

    /// Those whom one of these cares for. It does not depend on the row, so it is answered once.
    pub(super) fn care<'p>(people: &'p [(Box<str>, Box<str>)], places: &mut impl Places<'p>) -> Self {
        let one = |(kind, id): &'p (Box<str>, Box<str>), places: &mut dyn FnMut(&'p str) -> String| {
            format!("(c.target_type = {} and c.target_id = {})", places(kind), places(id))
        };
        let any: Vec<String> = people.iter().map(|person| one(person, &mut |text| places.text(text))).collect();
        if any.is_empty() {
            return Self::Ids(Vec::new());
        }
        Self::Found(format!(
            "select e.organization_id, e.patient from index_reference c join directory e on e.rid = c.rid \
             where c.path in ({}) and ({}) and e.deleted = 0 and e.patient is not null and not exists \
             (select 1 from index_token n where n.rid = e.rid and n.path in ({}) and n.code in ('cancelled', 'entered-in-error', 'noshow'))",
            *PATHS,
            any.join(" or "),
            *STATUS
        ))
    }

    /// That a row is one of theirs, by its own patient or by its targets.
    pub(super) fn holds(&self, d: &str, by_targets: bool) -> String {
        if by_targets { self.of_targets(d) } else { self.of(d) }
    }

    fn of(&self, d: &str) -> String {
        match self {
            Self::Ids(ids) if ids.is_empty() => "false".to_owned(),
            Self::Ids(ids) => format!("coalesce({d}.patient in ({}), false)", ids.join(", ")),
            Self::Found(select) => format!("coalesce(({d}.organization_id, {d}.patient) in ({select}), false)"),
        }
    }

    /// One target is theirs, and all that are here are, but for what is nobody's; and what it names itself as whose it is, is, too: of what
    /// was moved to them the former patient's Provenances are not theirs. (What is deleted or changed has no targets here: F13 hides it.)
    fn of_targets(&self, d: &str) -> String {
        let (row, target) = (format!("{d}w"), format!("{d}v"));
        let theirs = self.of(&target);
        let path = index_path(provenance::KIND, "target");
        let targets = format!(
            "select 1 from index_reference {row} join directory {target} on {target}.organization_id = {d}.organization_id \
             and {target}.type = {row}.target_type and {target}.id = {row}.target_id where {row}.rid = {d}.rid and {row}.path = {path}"
        );
        let own = self.of(d);
        let nobodys: Vec<String> = NOBODYS.iter().map(|kind| format!("'{kind}'")).collect();
        let nobodys = nobodys.join(", ");
        format!(
            "(({d}.patient is null or {own}) and exists ({targets} and {theirs}) \
             and not exists ({targets} and {target}.type not in ({nobodys}) and not {theirs}))"
        )
    }
}
