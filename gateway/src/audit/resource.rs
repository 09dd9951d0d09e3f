//! A record as an AuditEvent (<https://hl7.org/fhir/R4/auditevent.html>), after the patterns of IHE BALP 1.1
//! (<https://profiles.ihe.net/ITI/BALP/content.html>).
//!
//! It says what the record says and nothing more: what the trail does not know has no element. `meta.profile` names a
//! profile of BALP only where the record has all that the profile wants. The pattern Query wants the query, which is health
//! data and not in the trail, so searches name none. The gateway that is the server, and observes, is named by the address
//! that it has now.

use bytes::Bytes;
use mappers::json::write_string;
use mappers::references::{self, Reference};

use super::nature::{DICOM, INTERACTIONS, Kind};
use super::reading::Entry;
use crate::clock::Clock;

/// What `meta.source` of the trail's records says, and nobody else's.
pub(crate) const SOURCE: &str = "urn:fhir-gateway:audit";
/// The system of callers' identifiers.
pub(crate) const CALLERS: &str = "urn:fhir-gateway:caller";
/// What stands before a version of a policy that is no address by itself.
pub(crate) const POLICIES: &str = "urn:fhir-gateway:policy:";
/// The kinds of entities that are the gateway's own.
const ENTITIES: &str = "urn:fhir-gateway:audit-entity";

const BALP: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const BALP_ENTITIES: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const ENTITY_TYPES: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLES: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const SECURITY_ROLES: &str = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
const PROVENANCE_ROLES: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const SOURCE_TYPES: &str = "http://terminology.hl7.org/CodeSystem/security-source-type";

/// The types that `agent.who` may refer to.
const ACTORS: [&str; 6] = ["Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

/// `source.site` of an organization's records.
pub(crate) fn site(organization: i64) -> String {
    format!("organization-{organization}")
}

/// The patterns that `meta.profile` may name.
pub(crate) fn profiles() -> impl Iterator<Item = String> {
    let patterns = ["Create", "Read", "Update", "Delete"];
    patterns.into_iter().flat_map(|pattern| [format!("{BALP}{pattern}"), format!("{BALP}Patient{pattern}")])
}

impl Entry {
    /// The AuditEvent, minified; `base` is the gateway's address.
    pub(crate) fn resource(&self, base: &str) -> Bytes {
        let pattern = self.pattern();
        let at = Clock::format(self.key.at);
        let mut members = vec![
            member("resourceType", &text("AuditEvent")),
            member("id", &text(&self.name())),
            member("meta", &self.meta(pattern, &at)),
            member("type", &coding(self.nature().coding())),
        ];
        if let Some(subtype) = self.subtype() {
            members.push(member("subtype", &list([coding((INTERACTIONS, subtype, subtype))])));
        }
        members.push(member("action", &text(&self.action().to_string())));
        members.push(member("recorded", &text(&at)));
        members.push(member("outcome", &text(&self.outcome().to_string())));
        if self.outcome() != '0' {
            members.push(member("outcomeDesc", &text(&format!("HTTP {}", self.status))));
        }
        members.push(member("purposeOfEvent", &list([self.purpose()])));
        members.push(member("agent", &list(self.agents(base))));
        members.push(member("source", &self.source(base)));
        members.push(member("entity", &list(self.entities())));
        object(members).into()
    }

    fn meta(&self, pattern: Option<&str>, at: &str) -> String {
        let mut members =
            vec![member("versionId", &text("1")), member("lastUpdated", &text(at)), member("source", &text(SOURCE))];
        if let Some(pattern) = pattern {
            let of_patient = if self.patient.is_some() { "Patient" } else { "" };
            members.push(member("profile", &list([text(&format!("{BALP}{of_patient}{pattern}"))])));
        }
        object(members)
    }

    /// The pattern of BALP that the record has all of: it succeeded, the client's network address is known, and there is
    /// one resource that it is about.
    fn pattern(&self) -> Option<&'static str> {
        let is_whole = self.nature() == Kind::Rest && self.outcome() == '0';
        let is_whole = is_whole && self.source.is_some() && self.kind.is_some() && self.id.is_some();
        match (self.subtype()?, self.action(), self.status) {
            _ if !is_whole => None,
            // A conditional create that found the resource created nothing.
            ("create", 'C', 201) => Some("Create"),
            ("read" | "vread", 'R', _) => Some("Read"),
            ("update" | "patch", 'U', _) => Some("Update"),
            ("delete", 'D', _) => Some("Delete"),
            _ => None,
        }
    }

    fn purpose(&self) -> String {
        concept((consent::PURPOSES, &self.purpose, ""))
    }

    /// Client, those on whose behalf it acted, server, and what decided.
    fn agents(&self, base: &str) -> Vec<String> {
        let (from, to) = ((DICOM, "110153", "Source Role ID"), (DICOM, "110152", "Destination Role ID"));
        let (client, server) = match self.action() {
            'R' => (to, from),
            'D' => ((DICOM, "110150", "Application"), (PROVENANCE_ROLES, "custodian", "Custodian")),
            _ => (from, to),
        };
        let users: Vec<&str> = Self::words(self.on_behalf.as_deref()).collect();
        let mut who = vec![member("identifier", &identifier(Some(CALLERS), &self.caller))];
        who.extend(self.client.as_deref().map(|client| member("display", &text(client))));
        let mut members = vec![
            member("type", &concept(client)),
            member("who", &object(who)),
            member("requestor", if users.is_empty() { "true" } else { "false" }),
        ];
        if let Some(source) = &self.source {
            let kind = if source.parse::<std::net::IpAddr>().is_ok() { "2" } else { "1" };
            members.push(member("network", &network(source, kind)));
        }
        let mut agents = vec![object(members)];
        agents.extend(users.into_iter().map(|user| self.user(user)));
        let server = [
            member("type", &concept(server)),
            member("who", &object([member("identifier", &identifier(None, base))])),
            member("requestor", "false"),
            member("network", &network(base, "5")),
        ];
        agents.push(object(server));
        let words = Self::words(self.policy.as_deref()).filter(|word| consent_of(word).is_none());
        let policies: Vec<String> = words.map(|word| text(&policy(word))).collect();
        if !policies.is_empty() {
            agents.push(object([
                member("type", &concept((SECURITY_ROLES, "authserver", "authorization server"))),
                member("who", &object([member("identifier", &identifier(None, base))])),
                member("requestor", "false"),
                member("policy", &list(policies)),
            ]));
        }
        agents
    }

    /// Somebody on whose behalf the client acted: a reference, or an identifier where it is none.
    fn user(&self, user: &str) -> String {
        let role =
            if matches!(self.action(), 'C' | 'U' | 'D') { ("AUT", "") } else { ("IRCP", "information recipient") };
        let who = match references::parse(user) {
            Reference::Local { kind, .. } if ACTORS.contains(&kind) => member("reference", &text(user)),
            _ => member("identifier", &identifier(None, user)),
        };
        object([
            member("type", &concept((PARTICIPATION, role.0, role.1))),
            member("who", &object([who])),
            member("requestor", "true"),
            member("purposeOfUse", &list([self.purpose()])),
        ])
    }

    fn source(&self, base: &str) -> String {
        let observer = [member("identifier", &identifier(None, base)), member("display", &text("fhir-gateway"))];
        object([
            member("site", &text(&site(self.organization))),
            member("observer", &object(observer)),
            member("type", &list([coding((SOURCE_TYPES, "4", "Application Server"))])),
        ])
    }

    /// The request, the resource, the patient, Consents, and the decision.
    fn entities(&self) -> Vec<String> {
        let request = object([member("identifier", &identifier(None, &self.request))]);
        let mut entities =
            vec![object([member("what", &request), member("type", &coding((BALP_ENTITIES, "XrequestId", "")))])];
        let object_type = member("type", &coding((ENTITY_TYPES, "2", "System Object")));
        match (&self.kind, &self.id) {
            (Some(kind), Some(id)) => {
                let version = self.version.map(|version| format!("/_history/{version}")).unwrap_or_default();
                entities.push(object([
                    member("what", &reference(&format!("{kind}/{id}{version}"))),
                    object_type,
                    member("role", &coding((ENTITY_ROLES, "4", "Domain Resource"))),
                ]));
            }
            // What was searched for is not in the trail, but where.
            (Some(kind), None) => entities.push(object([
                object_type,
                member("role", &coding((ENTITY_ROLES, "24", "Query"))),
                member("description", &text(kind)),
            ])),
            (None, _) => {}
        }
        if let Some(patient) = &self.patient {
            entities.push(object([
                member("what", &reference(&format!("Patient/{patient}"))),
                member("type", &coding((ENTITY_TYPES, "1", "Person"))),
                member("role", &coding((ENTITY_ROLES, "1", "Patient"))),
            ]));
        }
        let consents = Self::words(self.policy.as_deref()).filter_map(consent_of);
        entities.extend(consents.map(|consent| {
            object([
                member("what", &reference(consent)),
                member("type", &coding(("http://hl7.org/fhir/resource-types", "Consent", "Consent"))),
            ])
        }));
        let detail =
            |name: &str, value: &str| object([member("type", &text(name)), member("valueString", &text(value))]);
        let status = self.status.to_string();
        entities.push(object([
            member("type", &coding((ENTITIES, "decision", ""))),
            member("detail", &list([detail("decision", &self.decision), detail("status", &status)])),
        ]));
        entities
    }
}

/// A word of the policy column that is a Consent, with or without its version.
fn consent_of(word: &str) -> Option<&str> {
    matches!(references::parse(word), Reference::Local { kind: "Consent", .. }).then_some(word)
}

/// A version of a policy as an address.
fn policy(word: &str) -> String {
    if word.contains(':') { word.to_owned() } else { format!("{POLICIES}{word}") }
}

fn member(name: &str, value: &str) -> String {
    format!(r#""{name}":{value}"#)
}

fn object(members: impl IntoIterator<Item = String>) -> String {
    format!("{{{}}}", members.into_iter().collect::<Vec<_>>().join(","))
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

fn text(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len() + 2);
    write_string(&mut out, value);
    // What is written is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// System, code and, where it is not empty, display.
fn coding((system, code, display): (&str, &str, &str)) -> String {
    let display = (!display.is_empty()).then(|| member("display", &text(display)));
    object([member("system", &text(system)), member("code", &text(code))].into_iter().chain(display))
}

fn concept(code: (&str, &str, &str)) -> String {
    object([member("coding", &list([coding(code)]))])
}

fn identifier(system: Option<&str>, value: &str) -> String {
    let system = system.map(|system| member("system", &text(system)));
    object(system.into_iter().chain([member("value", &text(value))]))
}

fn reference(to: &str) -> String {
    object([member("reference", &text(to))])
}

fn network(address: &str, kind: &str) -> String {
    object([member("address", &text(address)), member("type", &text(kind))])
}
