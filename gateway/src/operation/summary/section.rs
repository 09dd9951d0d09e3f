//! The sections of the International Patient Summary: which resources belong to each.
//!
//! <https://hl7.org/fhir/uv/ips/StructureDefinition-Composition-uv-ips.html>

use std::collections::HashSet;

use jiff::Timestamp;
use mappers::json::{Element, write_string};

use super::narrative;
use crate::interaction::Exchange;
use crate::operation::chart;
use crate::operation::has_history::is_error;
use crate::outcome::Failure;
use crate::store::Version;

/// Entries of a section: the newest. The section's text says when there are more.
pub(super) const MOST: usize = 100;

/// A section.
pub(super) struct Section {
    title: &'static str,
    /// LOINC
    code: &'static str,
    /// It stands there even when it is empty.
    pub(super) required: bool,
    kinds: &'static [&'static str],
    belongs: fn(Element<'_>) -> bool,
    /// Of several resources about one thing (the same code) only the newest.
    latest: bool,
}

/// In the order of the standard's own example: what must be there first.
pub(super) static SECTIONS: [Section; 10] = [
    section("Problems", "11450-4", &["Condition"], is_active_condition).required(),
    section("Allergies and intolerances", "48765-2", &["AllergyIntolerance"], |root| !is_error(root)).required(),
    section("Medications", "10160-0", &["MedicationRequest", "MedicationStatement"], is_current_medication).required(),
    section("Immunizations", "11369-6", &["Immunization"], |root| status(root, &["completed"])),
    section("Procedures", "47519-4", &["Procedure"], |root| !is_error(root)),
    section("Results", "30954-2", &["Observation", "DiagnosticReport"], is_result),
    section("Vital signs", "8716-3", &["Observation"], |root| is_observation(root, "vital-signs")).latest(),
    section("History of past illness", "11348-0", &["Condition"], is_past_condition),
    section("Social history", "29762-2", &["Observation"], |root| is_observation(root, "social-history")).latest(),
    section("Plan of care", "18776-5", &["CarePlan"], |root| status(root, &["active", "on-hold"])),
];

const fn section(
    title: &'static str,
    code: &'static str,
    kinds: &'static [&'static str],
    belongs: fn(Element<'_>) -> bool,
) -> Section {
    Section { title, code, required: false, kinds, belongs, latest: false }
}

impl Section {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn latest(mut self) -> Self {
        self.latest = true;
        self
    }

    /// What belongs here, newest first.
    pub(super) async fn fill(&self, exchange: &Exchange<'_>, patient: &str) -> Result<Vec<Version>, Failure> {
        let mut found: Vec<(Option<Timestamp>, String, Version)> = Vec::new();
        for kind in self.kinds {
            for version in chart::of_type(exchange, kind, patient).await? {
                let looked = chart::read(&version, |root| {
                    let moment = chart::moment(root).unwrap_or_default();
                    (self.belongs)(root).then(|| (moment.parse().ok(), moment))
                });
                if let Some((instant, moment)) = looked.flatten() {
                    found.push((instant, moment, version));
                }
            }
        }
        // By the instant where there is one, else as the text says: 2024-05 is after 2023.
        found.sort_by(|left, right| (right.0, &right.1).cmp(&(left.0, &left.1)));
        let mut seen = HashSet::new();
        let kept = found.into_iter().map(|(_, _, version)| version);
        Ok(kept.filter(|version| !self.latest || seen.insert(subject_matter(version))).collect())
    }

    /// The section of the Composition.
    pub(super) fn write(&self, versions: &[Version], out: &mut Vec<u8>) {
        out.extend_from_slice(
            format!(
                r#"{{"title":"{}","code":{{"coding":[{{"system":"http://loinc.org","code":"{}"}}]}},"text":{{"status":"generated","div":"#,
                self.title, self.code
            )
            .as_bytes(),
        );
        let shown = &versions[..versions.len().min(MOST)];
        write_string(out, &narrative::list(shown, versions.len() - shown.len()));
        out.push(b'}');
        if shown.is_empty() {
            out.extend_from_slice(
                br#","emptyReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/list-empty-reason","code":"unavailable"}]}"#,
            );
        }
        for (place, version) in shown.iter().enumerate() {
            out.extend_from_slice(if place == 0 { br#","entry":[{"reference":"# } else { br#",{"reference":"# });
            write_string(out, &format!("{}/{}", version.kind, version.id));
            out.push(b'}');
        }
        out.extend_from_slice(if shown.is_empty() { b"}" } else { b"]}" });
    }
}

/// What a resource is about: its codes, or itself where it has none.
fn subject_matter(version: &Version) -> String {
    let code = chart::read(version, |root| {
        let system = chart::text(root, "code.coding.system").unwrap_or_default();
        chart::text(root, "code.coding.code").map(|code| format!("{system}|{code}"))
    });
    code.flatten().unwrap_or_else(|| version.id.to_string())
}

fn status(root: Element<'_>, wanted: &[&str]) -> bool {
    chart::text(root, "status").is_some_and(|status| wanted.contains(&&*status))
}

fn is_past_condition(root: Element<'_>) -> bool {
    !is_error(root) && chart::has_code(root.member("clinicalStatus"), &["inactive", "remission", "resolved"])
}

/// A condition whose status nobody gave is no past illness: it is shown among the problems.
fn is_active_condition(root: Element<'_>) -> bool {
    !is_error(root) && !is_past_condition(root)
}

fn is_current_medication(root: Element<'_>) -> bool {
    status(root, &["active", "on-hold", "intended", "unknown"])
}

fn is_observation(root: Element<'_>, category: &str) -> bool {
    status(root, &["final", "amended", "corrected"]) && chart::has_code(root.member("category"), &[category])
}

fn is_result(root: Element<'_>) -> bool {
    let report = chart::text(root, "resourceType").is_some_and(|kind| kind == "DiagnosticReport");
    is_observation(root, "laboratory") || (report && status(root, &["final", "amended", "corrected", "appended"]))
}
