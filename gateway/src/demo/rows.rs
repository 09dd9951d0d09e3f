//! Rows that the clinic's own programs write: SQL, not resources, one text for both engines.

use std::fmt::Write as _;

use jiff::ToSpan;

use super::note::Vitals;
use super::person::TODAY;
use super::story::{Story, working_day};
use crate::gateway::DEFAULT_ORGANIZATION;

/// Who gets some: every patient of this many.
const EVERY: usize = 2;

/// What a program that drafts notes, the scheduler and the patient portal would write, one statement a line; nothing for
/// most patients. Running it again changes nothing.
pub(super) fn of(seed: u64, index: usize) -> String {
    let (story, mut random) = Story::new(seed, index);
    let mut out = String::new();
    let Some(visit) = story.visits.last().filter(|_| index.is_multiple_of(EVERY)) else { return out };
    let (id, organization, provider) = (&story.person.id, DEFAULT_ORGANIZATION.0, story.person.practitioner);
    let vitals = Vitals::of(&story, visit, &mut random);
    let today = format!("{TODAY}T15:10:00Z");
    let mut insert = |table: &str, columns: &str, values: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "insert into {table} (id, organization_id, {columns}, updated_at) values ({values}, '{today}') \
             on conflict do nothing;"
        );
    };
    let note = format!("{id}-draft");
    insert(
        "soap_notes",
        "patient_id, provider_id, status, generated, title, written_at, subjective, objective, assessment, plan",
        &format!(
            "'{note}', {organization}, '{id}', '{provider}', 'draft', true, 'Telephone call', '{today}', \
             'Called about the results.', 'Not examined; home measurements.', 'Stable.', 'Next visit as planned.'"
        ),
    );
    insert(
        "soap_objective_vital_signs",
        "soap_note_id, measured_at, recorded_by, heart_rate, systolic, diastolic, weight",
        &format!(
            "'{note}-vitals', {organization}, '{note}', '{today}', '{provider}', {}, {}, {}, {:.1}",
            vitals.heart_rate, vitals.systolic, vitals.diastolic, vitals.weight
        ),
    );
    let day = working_day(TODAY.saturating_add(random.between(170, 220).days()));
    insert(
        "appointments",
        "patient_id, practitioner_id, status, patient_status, practitioner_status, description, starts_at, ends_at, minutes",
        &format!(
            "'{id}-scheduled', {organization}, '{id}', '{provider}', 'booked', 'needs-action', 'accepted', \
             'Booked by telephone', '{day}T16:00:00Z', '{day}T16:20:00Z', 20"
        ),
    );
    insert(
        "patient_consents",
        "patient_id, status, consent_type, purpose, granted, given_at, valid_from, evidence",
        &format!(
            "'{id}-portal', {organization}, '{id}', 'active', 'treatment', 'treatment', true, '{today}', '{TODAY}', \
             'Portal terms, version 3'"
        ),
    );
    out
}
