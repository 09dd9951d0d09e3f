//! What a Provenance says, after US Core's profile
//! (<https://hl7.org/fhir/us/core/STU6.1/StructureDefinition-us-core-provenance.html>).

use consent::{OrganizationId, Permit};
use mappers::json::Document;
use mappers::references::{self, Reference};
use mappers::search::PROVENANCE_PATIENT;
use serde_json::{Value, json};

use super::{Activity, claim};
use crate::audit::resource::{CALLERS, POLICIES, site};
use crate::clock::Clock;
use crate::store::checkpoint::Checkpoint;

const PROFILE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance";
const ACTIVITIES: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
const PARTICIPANTS: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const US_CORE_PARTICIPANTS: &str = "http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type";
const ORGANIZATIONS: &str = "urn:fhir-gateway:organization";
const DIGESTS: &str = "urn:fhir-gateway:sha-256";

/// The types of persons and devices that `agent.who` may refer to.
const AUTHORS: [&str; 5] = ["Device", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

/// Where what is written came from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'s> {
    /// A file that was imported: its SHA-256 in hexadecimal. Its name may be somebody's.
    File(&'s str),
    /// Another program wrote it into the tables.
    OtherProgram,
    /// A request.
    Request,
}

impl<'s> Source<'s> {
    pub(super) fn of(checkpoint: Option<&'s Checkpoint>) -> Self {
        checkpoint.and_then(|checkpoint| checkpoint.digest.as_deref()).map_or(Self::Request, Self::File)
    }
}

/// What is told of some versions.
pub(super) struct Account<'a> {
    pub(super) activity: Activity,
    pub(super) at_ms: i64,
    pub(super) organization: OrganizationId,
    pub(super) patient: Option<&'a str>,
    /// `Type/id/_history/n`
    pub(super) targets: Vec<String>,
    /// Who asked, and why; `None` where nobody did.
    pub(super) permit: Option<&'a Permit>,
    pub(super) policy: &'a str,
    pub(super) source: Source<'a>,
}

impl Account<'_> {
    /// The Provenance, without an id.
    pub(super) fn text(&self) -> String {
        let at = Clock::format(self.at_ms);
        let references = |targets: &[String]| -> Vec<Value> {
            targets.iter().map(|target| json!({ "reference": target })).collect()
        };
        let mut resource = json!({
            "meta": { "source": claim::SOURCE, "profile": [PROFILE] },
            "target": references(&self.targets),
            "recorded": at,
            "activity": concept(ACTIVITIES, self.activity()),
            "agent": self.agents(),
        });
        let mut add = |name: &str, value: Value| resource[name] = value;
        if let Some(patient) = self.patient.filter(|id| !self.is_target(id)) {
            add("extension", json!([whose(patient)]));
        }
        match self.permit {
            Some(permit) => {
                add("occurredDateTime", json!(at));
                add("policy", json!([format!("{POLICIES}{}", self.policy)]));
                add("reason", json!([concept(consent::PURPOSES, permit.purpose().code())]));
            }
            // It was done before it was found.
            None => add("occurredPeriod", json!({ "end": at })),
        }
        if let Source::File(digest) = self.source {
            let what = json!({ "identifier": { "system": DIGESTS, "value": digest } });
            add("entity", json!([{ "role": "source", "what": what }]));
        }
        // As everybody expects it, the type comes first.
        resource.to_string().replacen('{', &format!(r#"{{"resourceType":"{}","#, claim::KIND), 1)
    }

    /// The patient is told by the targets themselves.
    fn is_target(&self, patient: &str) -> bool {
        let is_it = |target: &String| matches!(references::parse(target), Reference::Local { kind: "Patient", id, .. } if id == patient);
        self.targets.iter().any(is_it)
    }

    fn activity(&self) -> &'static str {
        match self.activity {
            Activity::Create => "CREATE",
            Activity::Delete => "DELETE",
            Activity::Update => "UPDATE",
        }
    }

    fn agents(&self) -> Vec<Value> {
        let Some(permit) = self.permit else {
            let who =
                json!({ "identifier": { "system": CALLERS, "value": "sql" }, "display": "another program, by SQL" });
            return vec![self.agent(concept(PARTICIPANTS, "enterer"), who)];
        };
        let caller = json!({ "identifier": { "system": CALLERS, "value": permit.caller() } });
        if matches!(self.source, Source::File(_)) {
            let by = json!({ "identifier": { "system": CALLERS, "value": permit.client().unwrap_or("import") } });
            return vec![
                self.agent(concept(PARTICIPANTS, "enterer"), caller),
                self.agent(concept(PARTICIPANTS, "assembler"), by),
            ];
        }
        let mut agents: Vec<Value> = permit
            .actors()
            .iter()
            .filter(|actor| is_of(actor, &AUTHORS))
            .map(|actor| self.agent(concept(PARTICIPANTS, "author"), json!({ "reference": actor })))
            .collect();
        let mut client = caller;
        if let Some(name) = permit.client() {
            client["display"] = json!(name);
        }
        agents.push(self.agent(concept(US_CORE_PARTICIPANTS, "transmitter"), client));
        agents
    }

    /// US Core wants to know for whom practitioners and devices act.
    fn agent(&self, kind: Value, who: Value) -> Value {
        let actors = self.permit.map(Permit::actors).unwrap_or_default();
        let on_behalf = match actors.iter().find(|actor| is_of(actor, &["Organization"])) {
            Some(organization) => json!({ "reference": organization }),
            None => json!({ "identifier": { "system": ORGANIZATIONS, "value": site(self.organization.0) } }),
        };
        json!({ "type": kind, "who": who, "onBehalfOf": on_behalf })
    }
}

/// A client's Provenance with its targets and the patient whose data they are; `None` where it is no object.
pub(super) fn completed(text: &str, targets: &[String], patient: Option<&str>) -> Option<String> {
    let references: Vec<Value> = targets.iter().map(|target| json!({ "reference": target })).collect();
    let document = Document::parse(text.as_bytes()).ok()?;
    let text = document.root().with_member("target", &Value::from(references).to_string());
    let is_it = |target: &String| matches!(references::parse(target), Reference::Local { kind: "Patient", id, .. } if patient == Some(id));
    let Some(patient) = patient.filter(|_| !targets.iter().any(is_it)) else { return Some(text) };
    let document = Document::parse(text.as_bytes()).ok()?;
    let whose = whose(patient).to_string();
    Some(match document.root().member("extension") {
        Some(extensions) => extensions.with_item(usize::MAX, &whose),
        None => document.root().with_member("extension", &format!("[{whose}]")),
    })
}

/// Whose it is.
fn whose(patient: &str) -> Value {
    // A reference to another server is kept whole.
    let reference = if patient.contains(':') { patient.to_owned() } else { format!("Patient/{patient}") };
    json!({ "url": PROVENANCE_PATIENT, "valueReference": { "reference": reference, "type": "Patient" } })
}

fn is_of(reference: &str, kinds: &[&str]) -> bool {
    matches!(references::parse(reference), Reference::Local { kind, .. } if kinds.contains(&kind))
}

fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}
