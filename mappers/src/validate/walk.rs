//! The walk over a resource: what its types say of every element, and what profiles say of those they are for.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::addresses::Addresses;
use super::builtin::base;
use super::definition::{Definition, Rule};
use super::issue::{Issue, Report, Severity};
use super::library::{Library, Lookup, Wanted, core_type};
use super::place::Place;
use crate::fhirpath::Node;
use crate::fhirpath::types::is_a;
use crate::structure::is_resource_type;

/// Elements that rules may be held against in one validation.
const STEPS: u64 = 2_000_000;
/// How deep rules may lead into each other: profiles in profiles, resources that references name, and elements in elements.
const NESTED: usize = 200;

pub(super) struct Walk<'w, 'd> {
    pub(super) library: &'w Library,
    pub(super) report: Report,
    pub(super) now: Option<&'w str>,
    pub(super) work: Cell<u64>,
    /// Verdicts on resources that references name.
    pub(super) verdicts: HashMap<(usize, Box<str>), bool>,
    /// By the place of the Bundle or container.
    pub(super) addresses: HashMap<usize, Addresses<'d>>,
    /// Definitions with all that they are derived from.
    pub(super) wholes: HashMap<*const Definition, Arc<Definition>>,
    pub(super) kept: Vec<Arc<Definition>>,
    /// Ids of elements, by the place of their resource.
    ids: HashSet<(usize, String)>,
    steps: u64,
    nested: usize,
    /// Profiles that are being checked, and for which element.
    open: Vec<(usize, *const Definition)>,
    top: Option<Node<'d>>,
}

/// The resources around an element.
#[derive(Clone, Copy)]
pub(super) struct Around<'d> {
    /// The one it is an element of.
    pub(super) resource: Node<'d>,
    /// The one that contains this, or itself.
    pub(super) container: Node<'d>,
    /// The Bundle with the entry.
    pub(super) bundle: Option<Node<'d>>,
}

impl<'d> Around<'d> {
    /// What is around the elements of a node, which may be a resource in another.
    pub(super) fn within(self, node: Node<'d>) -> Self {
        if !is_resource_type(node.kind) || node.place() == self.resource.place() {
            return self;
        }
        Self {
            resource: node,
            container: if node.name == "contained" { self.container } else { node },
            bundle: if node.of.starts_with("Bundle") { Some(self.resource) } else { self.bundle },
        }
    }
}

impl<'w, 'd> Walk<'w, 'd> {
    pub(super) fn new(library: &'w Library, now: Option<&'w str>, work: u64) -> Self {
        Self {
            library,
            report: Report::default(),
            now,
            work: Cell::new(work),
            verdicts: HashMap::new(),
            addresses: HashMap::new(),
            wholes: HashMap::new(),
            kept: Vec::new(),
            ids: HashSet::new(),
            steps: STEPS,
            nested: 0,
            open: Vec::new(),
            top: None,
        }
    }

    /// The resource as a whole, against its type, what it claims, and these profiles.
    pub(super) fn start(&mut self, node: Node<'d>, place: &Place<'_>, profiles: &[Box<str>]) {
        self.top = Some(node);
        let around = Around { resource: node, container: node, bundle: None };
        self.resource(node, place, around);
        for profile in profiles {
            self.profile(profile, node, place, around);
        }
    }

    /// A resource wherever it stands.
    fn resource(&mut self, node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        for kind in ["DomainResource", node.kind] {
            if is_a(node.kind, kind) {
                self.invariants(base().invariants(kind), node, place, around);
            }
        }
        self.members(node, place, around);
        match node.kind {
            "Bundle" => self.bundle(node, place),
            "CodeSystem" => self.code_system(node, place),
            "QuestionnaireResponse" => self.response(node, place, around),
            "ValueSet" => self.value_set(node, place),
            _ => {}
        }
        for claimed in claims(node) {
            self.profile(&claimed, node, place, around);
        }
    }

    /// What the types say of the elements of a node.
    fn members(&mut self, node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        let mut children = Vec::new();
        node.children(None, &mut children);
        for child in children {
            if !self.step() {
                return;
            }
            let here = place.of(&child);
            if child.name == "id" && !is_resource_type(node.kind) {
                self.element_id(child, place, around);
            }
            if let Some(rule) = base().member(node.owner(), child.name) {
                self.content(rule, child, &here, around);
                self.invariants(&rule.invariants, child, &here, around);
            }
            if is_resource_type(child.kind) {
                self.resource(child, &here, around.within(child));
                continue;
            }
            if !child.is_primitive() {
                self.invariants(base().invariants(child.kind), child, &here, around);
            }
            match child.kind {
                "CapabilityStatement.rest.resource.searchParam" => self.search_parameter(child, &here),
                "Attachment" => self.attachment(child, &here),
                "Extension" => self.extension(child, node, &here, place, around),
                "xhtml" => self.narrative(child, &here),
                "canonical" | "uri" | "url" => self.uri(child, &here),
                _ => {}
            }
            self.members(child, &here, around);
        }
    }

    /// Ids of elements are there once in a resource: <https://hl7.org/fhir/R4/element.html#id>.
    fn element_id(&mut self, id: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        let Some(text) = id.value.and_then(|value| value.string()) else { return };
        if !self.ids.insert((around.resource.place(), text.into_owned())) {
            let details = "the id of the element is that of another in this resource";
            self.say_of((Severity::Error, "duplicate"), place, details, "Give it one of its own.", "id");
        }
    }

    /// A node against a profile by its address.
    pub(super) fn profile(&mut self, canonical: &str, node: Node<'d>, place: &Place<'_>, around: Around<'d>) {
        if let Some(kind) = core_type(canonical) {
            if !is_a(node.kind, kind) {
                let details = format!("{kind} is named as its profile, and this is {}", node.kind);
                self.say(Severity::Error, "structure", place, details, "Name a profile of this type.");
            }
            return;
        }
        match self.library.structure(canonical) {
            Lookup::Found(definition) if is_a(node.kind, &definition.kind) => {
                self.conform(&definition, node, place, around);
            }
            Lookup::Found(definition) => self.say(
                Severity::Error,
                "structure",
                place,
                format!("the profile {} is for {}, and this is {}", definition.url, definition.kind, node.kind),
                "Name a profile of this type.",
            ),
            Lookup::Unasked => {
                self.want("StructureDefinition", canonical);
            }
            Lookup::Unknown => self.say_of(
                (Severity::Warning, "not-found"),
                place,
                format!("the profile {} is not known here, so it was not checked", shown(canonical)),
                "Store its StructureDefinition here and validate again.",
                canonical,
            ),
        }
    }

    /// A node against a profile.
    pub(super) fn conform(
        &mut self,
        definition: &Arc<Definition>,
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
    ) {
        let key = (node.place(), Arc::as_ptr(definition));
        if self.open.contains(&key) {
            return;
        }
        self.open.push(key);
        let whole = self.whole(definition);
        // What stands on something that is not known here says so, or asks for it.
        if let Some(base) = whole.base.as_deref().filter(|base| core_type(base).is_none()) {
            self.profile(base, node, place, around);
        }
        self.rule(&whole.root, node, place, around, &whole);
        self.open.pop();
    }

    /// A node against a rule, and what is in it against the rules in that.
    pub(super) fn rule(
        &mut self,
        rule: &Rule,
        node: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
        definition: &Arc<Definition>,
    ) {
        if !self.enter() {
            return;
        }
        self.content(rule, node, place, around);
        self.added_invariants(&rule.invariants, node, place, around);
        let around = around.within(node);
        let same = rule.same_as.as_deref().and_then(|path| definition.at(path));
        for child in rule.children.iter().chain(same.into_iter().flat_map(|same| &same.children)) {
            self.member(child, node, place, around, definition);
        }
        self.leave();
    }

    /// The elements of one name in a node.
    fn member(
        &mut self,
        rule: &Rule,
        parent: Node<'d>,
        place: &Place<'_>,
        around: Around<'d>,
        definition: &Arc<Definition>,
    ) {
        let mut nodes = Vec::new();
        parent.children(Some(&rule.name), &mut nodes);
        self.cardinality(rule, nodes.len(), &place.member(&rule.name), definition);
        for node in &nodes {
            self.rule(rule, *node, &place.of(node), around, definition);
        }
        if !rule.slices.is_empty() {
            self.slices(rule, &nodes, place, around, definition);
        }
    }

    /// Whether there is no error in what `check` reports; nothing of it is kept but what is wanted.
    pub(super) fn trial(&mut self, check: impl FnOnce(&mut Self)) -> bool {
        let kept = std::mem::take(&mut self.report);
        check(self);
        let mut tried = std::mem::replace(&mut self.report, kept);
        self.report.wanted.append(&mut tried.wanted);
        !tried.has_errors()
    }

    /// Notes that a definition is wanted.
    pub(super) fn want(&mut self, kind: &'static str, url: &str) {
        self.report.wanted.insert(Wanted { kind, url: url.into() });
    }

    /// Reports an issue.
    pub(super) fn say(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: &Place<'_>,
        details: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let details = details.into();
        let subject = details.clone();
        self.say_of((severity, code), place, details, advice, &subject);
    }

    /// Reports an issue once for its place and subject.
    pub(super) fn say_of(
        &mut self,
        (severity, code): (Severity, &'static str),
        place: &Place<'_>,
        details: impl Into<String>,
        advice: impl Into<String>,
        subject: &str,
    ) {
        let issue =
            Issue { severity, code, expression: place.to_string(), details: details.into(), advice: advice.into() };
        self.report.add(issue, subject);
    }

    /// Says, once, that the validation ends before everything is checked.
    pub(super) fn costly(&mut self) {
        let top = Place::root(self.top.map_or("Resource", |top| top.kind));
        self.say_of(
            (Severity::Information, "too-costly"),
            &top,
            "not everything was checked: the resource and its profiles are too much work",
            "Validate its parts on their own.",
            "costly",
        );
    }

    /// Counts work that is more than a step.
    pub(super) fn charge(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps as u64);
    }

    /// Counts one more step, and one level deeper; false when it is enough of either. What was entered is left.
    pub(super) fn enter(&mut self) -> bool {
        if self.nested >= NESTED {
            self.costly();
            return false;
        }
        let goes_on = self.step();
        self.nested += usize::from(goes_on);
        goes_on
    }

    pub(super) fn leave(&mut self) {
        self.nested -= 1;
    }

    /// Counts one more step; false when there have been enough.
    pub(super) fn step(&mut self) -> bool {
        if self.steps == 0 || self.report.is_full() {
            self.costly();
            return false;
        }
        self.steps -= 1;
        true
    }
}

impl Definition {
    /// The rule of a path without slices: `Questionnaire.item`.
    fn at(&self, path: &str) -> Option<&Rule> {
        let mut steps = path.split('.');
        steps.next()?;
        steps.try_fold(&self.root, |rule, step| rule.child(step.split(':').next().unwrap_or(step)))
    }
}

/// An address that a resource claims, as it may stand in a message.
fn shown(canonical: &str) -> &str {
    let plain = canonical.len() <= 200 && canonical.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?');
    let is_address =
        canonical.starts_with("http://") || canonical.starts_with("https://") || canonical.starts_with("urn:");
    if plain && is_address { canonical } else { "(of an address that is none)" }
}

/// The profiles that a resource claims.
fn claims(node: Node<'_>) -> Vec<String> {
    let meta = node.value.and_then(|value| value.member("meta"));
    let list = meta.and_then(|meta| meta.member("profile"));
    let claims = list.into_iter().flat_map(|list| list.children()).filter_map(|one| one.string());
    claims.map(|claim| claim.into_owned()).collect()
}
