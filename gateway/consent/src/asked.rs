//! A request as consent rules see it, made ready for SQL: what a permit carries where consents are applied.

use std::sync::Arc;

use crate::asking::{Asking, action};
use crate::glass::{self, Breaker, Glass};
use crate::labels::Labels;
use crate::policy::Default;
use crate::purpose;
use crate::scoped::Scoped;
use crate::statute::Demands;

/// A request that rules are asked about, row by row.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    asking: Asking,
    demands: Demands,
    default: Default,
    patient: Option<String>,
    purpose: String,
    actors: Vec<String>,
    breaker: Option<Breaker>,
    officer: bool,
    scoped: Option<Arc<Scoped>>,
}

/// What stands around each value in a list that SQL looks through. No value in it has one (RULINGS.md: those that do are in
/// doubt).
pub const FENCE: char = '\n';

impl Asked {
    /// The request, with what holds where no Consent says anything, and the one patient it is limited to.
    #[must_use]
    pub fn new(asking: Asking, default: Default, patient: Option<String>) -> Self {
        let purpose = asking.purpose.as_ref().map(purpose::key).unwrap_or_default();
        let actors = asking.actors.iter().map(|actor| fenced(actor)).collect();
        let demands = asking.demands();
        Self {
            purpose: fenced(&purpose),
            actors,
            asking,
            demands,
            default,
            patient,
            breaker: None,
            officer: false,
            scoped: None,
        }
    }

    /// The same request of one who may break the glass: the glasses that are broken count.
    #[must_use]
    pub fn breaking(mut self, breaker: Option<Breaker>) -> Self {
        self.breaker = breaker;
        self
    }

    /// Whether it is shown anything that it would not be but for an exception: a broken glass, or what law lifts in an emergency.
    #[must_use]
    pub fn has_exceptions(&self) -> bool {
        self.breaker.is_some() || self.demands != self.asking.statutes.demands_without_exceptions(&self.asking)
    }

    /// The same request without exceptions.
    #[must_use]
    pub fn without_exceptions(&self) -> Self {
        let demands = self.asking.statutes.demands_without_exceptions(&self.asking);
        Self { breaker: None, demands, ..self.clone() }
    }

    /// The same request of a privacy officer, or not.
    #[must_use]
    pub fn of_officer(mut self, officer: bool) -> Self {
        self.officer = officer;
        self
    }

    /// The same request of one whose token lets it do this much; `None`: everything.
    #[must_use]
    pub fn within(mut self, scoped: Option<Arc<Scoped>>) -> Self {
        self.scoped = scoped;
        self
    }

    /// What its token lets the caller do, where that is limited.
    #[must_use]
    pub fn scoped(&self) -> Option<&Scoped> {
        self.scoped.as_deref()
    }

    /// Whether the caller has a say in who sees this patient's record (F10): the privacy officer and the patient. Whoever a Consent
    /// binds does not end it.
    #[must_use]
    pub fn governs(&self, patient: Option<&str>) -> bool {
        let own = |id| self.asking.actors.iter().any(|actor| actor.strip_prefix("Patient/") == Some(id));
        self.officer || patient.is_some_and(own)
    }

    /// Whose broken glasses count; `None` where the caller may break none.
    #[must_use]
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// The request as it is about this patient's resources, where these glasses are broken.
    #[must_use]
    pub fn about(&self, patient: Option<&str>, glasses: &[Glass]) -> Asking {
        glass::about(&self.asking, self.breaker(), glasses, patient)
    }

    /// The same request for another action.
    #[must_use]
    pub fn with_action(&self, action: &str) -> Self {
        let mut other = self.clone();
        action.clone_into(&mut other.asking.action);
        other
    }

    /// The request.
    #[must_use]
    pub fn asking(&self) -> &Asking {
        &self.asking
    }

    /// What holds where no Consent says anything.
    #[must_use]
    pub fn default(&self) -> Default {
        self.default
    }

    /// The one patient, where it is limited to one.
    #[must_use]
    pub fn patient(&self) -> Option<&str> {
        self.patient.as_deref()
    }

    /// The purpose between fences.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Who asks, each between fences.
    #[must_use]
    pub fn actors(&self) -> &[String] {
        &self.actors
    }

    /// When, in the ticks of rules.
    #[must_use]
    pub fn ticks(&self) -> i64 {
        self.asking.ticks()
    }

    /// Which actions a rule must name to match: a read is `access` to a permit, and use and disclosure too to a deny (C5).
    #[must_use]
    pub fn actions(&self, deny: bool) -> u8 {
        let bit = |code| action(code).unwrap_or_default();
        match (&*self.asking.action, deny) {
            ("access", true) => bit("access") | bit("use") | bit("disclose"),
            ("correct", true) => bit("correct") | bit("collect"),
            (code, _) => bit(code),
        }
    }

    /// What law asks of the request.
    #[must_use]
    pub fn demands(&self) -> Demands {
        self.demands
    }

    /// Whether a resource with these labels (their bits, 0 where nobody has looked yet) is permitted where its patient has no
    /// rules: no statute asks for anything, and the default permits.
    #[must_use]
    pub fn is_permitted_without_rules(&self, labels: i64) -> bool {
        let statute = self.demands().labels() | Labels::PART2 | Labels::PSYCHOTHERAPY;
        let silent = labels != 0 && !Labels::from_bits(labels).meets(statute);
        silent && self.patient.is_none() && self.default == Default::Permit
    }

    /// The patients who ask for their own (A7): their ids.
    pub fn own_patients(&self) -> impl Iterator<Item = &str> {
        let own = self.asking.is_for("PATRQT");
        self.asking.actors.iter().filter_map(move |actor| actor.strip_prefix("Patient/").filter(|_| own))
    }
}

/// A value between fences.
#[must_use]
pub fn fenced(value: &str) -> String {
    format!("{FENCE}{value}{FENCE}")
}

/// Types of resources that are nobody's: what organizations, people at work, places, definitions and terminology are. Without
/// a patient they are shown whatever the default for the purpose is; anything else without one is as the default says.
pub const NOBODYS: [&str; 33] = [
    "ActivityDefinition",
    "CapabilityStatement",
    "ChargeItemDefinition",
    "CodeSystem",
    "CompartmentDefinition",
    "ConceptMap",
    "DeviceDefinition",
    "Endpoint",
    "EventDefinition",
    "ExampleScenario",
    "GraphDefinition",
    "HealthcareService",
    "ImplementationGuide",
    "InsurancePlan",
    "Library",
    "Location",
    "Measure",
    "Medication",
    "MedicationKnowledge",
    "MessageDefinition",
    "NamingSystem",
    "OperationDefinition",
    "Organization",
    "OrganizationAffiliation",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
    "SearchParameter",
    "StructureDefinition",
    "StructureMap",
    "TerminologyCapabilities",
    "ValueSet",
];
