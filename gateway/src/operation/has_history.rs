//! `GET|POST [base]/Patient/[id]/$has-history?appointment=ID`: whether there is anything to know about a patient before a visit.
//!
//! Out: `hasHistory` (boolean: a signed note, or an entry of the record that is no error), `signedNotes` (integer), `lastNote`
//! (Reference to the latest signed note) and `lastNoteDate`. With an appointment only what was known before its start counts,
//! and the appointment must be the patient's.

use jiff::Timestamp;
use mappers::json::{Element, write_string};

use crate::interaction::{Answer, Exchange, Request, Touched};
use crate::operation::{chart, parameter};
use crate::outcome::{Code, Failure};
use crate::store::Version;

/// Types of which one entry is history enough.
const HISTORY: [&str; 6] =
    ["AllergyIntolerance", "Condition", "MedicationRequest", "MedicationStatement", "Procedure", "Immunization"];

pub(super) async fn has_history(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let (kind, id) = request.instance()?;
    let patient = chart::instance(exchange, kind, id).await?;
    let before = match parameter(request, "appointment")? {
        Some(appointment) => Some(start_of(exchange, &appointment, id).await?),
        None => None,
    };
    let history = History::of(exchange, id, before.flatten()).await?;
    let mut touched = vec![Touched::of(&patient)];
    touched.extend(history.last.as_ref().map(|(_, note)| Touched::of(note)));
    let mut out = br#"{"resourceType":"Parameters","parameter":["#.to_vec();
    history.write(&mut out);
    out.extend_from_slice(b"]}");
    Ok(Answer::document(out.into(), touched))
}

/// When the patient's appointment begins.
async fn start_of(exchange: &Exchange<'_>, reference: &str, patient: &str) -> Result<Option<Timestamp>, Failure> {
    let id = reference.strip_prefix("Appointment/").unwrap_or(reference);
    let appointment = chart::instance(exchange, "Appointment", id).await?;
    if !is_of(&appointment, patient) {
        let details = "The appointment is not this patient's.";
        return Err(Failure::new(hyper::StatusCode::UNPROCESSABLE_ENTITY, Code::BusinessRule, details));
    }
    Ok(chart::read(&appointment, |root| chart::text(root, "start")).flatten().and_then(|start| start.parse().ok()))
}

/// Whether the patient takes part in the appointment.
pub(super) fn is_of(appointment: &Version, patient: &str) -> bool {
    patient_of(appointment).is_some_and(|id| id == patient)
}

/// The patient who takes part in an appointment.
pub(super) fn patient_of(appointment: &Version) -> Option<String> {
    chart::read(appointment, |root| {
        let participants = root.member("participant").into_iter().flat_map(|list| list.children());
        participants.into_iter().find_map(|participant| {
            let reference = participant.member("actor")?.member("reference")?.string()?;
            reference.strip_prefix("Patient/").map(ToOwned::to_owned)
        })
    })
    .flatten()
}

/// What there is to know.
pub(super) struct History {
    /// A signed note, or an entry of the record.
    pub(super) is_there: bool,
    /// Signed notes.
    pub(super) notes: usize,
    /// The latest of them, with its date.
    pub(super) last: Option<(String, Version)>,
}

impl History {
    /// What was known before an instant.
    pub(super) async fn of(exchange: &Exchange<'_>, patient: &str, before: Option<Timestamp>) -> Result<Self, Failure> {
        let known = |root: Element<'_>| is_before(chart::moment(root).as_deref(), before);
        let mut notes: Vec<(String, Version)> = Vec::new();
        for version in chart::of_type(exchange, "Composition", patient).await? {
            let date = chart::read(&version, |root| {
                let status = chart::text(root, "status").unwrap_or_default();
                let signed = matches!(&*status, "final" | "amended") && known(root);
                signed.then(|| chart::text(root, "date").unwrap_or_default())
            });
            if let Some(date) = date.flatten() {
                notes.push((date, version));
            }
        }
        let mut is_there = !notes.is_empty();
        for kind in HISTORY {
            let entry = |root: Element<'_>| known(root) && !is_error(root);
            is_there = is_there || chart::any(exchange, kind, patient, entry).await?;
        }
        let last = notes.iter().enumerate().max_by_key(|(place, (date, _))| (date.parse::<Timestamp>().ok(), *place));
        let last = last.map(|(place, _)| place);
        Ok(Self { is_there, notes: notes.len(), last: last.map(|place| notes.swap_remove(place)) })
    }

    /// The out parameters, without the brackets around them.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (is_there, notes) = (self.is_there, self.notes);
        out.extend_from_slice(
            format!(
                r#"{{"name":"hasHistory","valueBoolean":{is_there}}},{{"name":"signedNotes","valueInteger":{notes}}}"#
            )
            .as_bytes(),
        );
        let Some((date, note)) = &self.last else { return };
        out.extend_from_slice(br#",{"name":"lastNote","valueReference":{"reference":"#);
        write_string(out, &format!("Composition/{}", note.id));
        out.extend_from_slice(b"}}");
        if !date.is_empty() {
            out.extend_from_slice(br#",{"name":"lastNoteDate","valueDateTime":"#);
            write_string(out, date);
            out.push(b'}');
        }
    }
}

/// Recorded by mistake, or taken back.
pub(super) fn is_error(root: Element<'_>) -> bool {
    let status = chart::text(root, "status");
    matches!(status.as_deref(), Some("entered-in-error" | "draft" | "not-done"))
        || chart::has_code(root.member("verificationStatus"), &["entered-in-error", "refuted"])
}

/// Whether a moment lies before an instant. What has no date, or only a day, was known before if its day began before.
fn is_before(moment: Option<&str>, before: Option<Timestamp>) -> bool {
    let (Some(moment), Some(before)) = (moment, before) else { return true };
    let instant = moment.parse::<Timestamp>().ok().or_else(|| {
        let day = format!("{}-01-01", moment.get(..4)?);
        let day = if moment.len() >= 10 { moment.get(..10)?.to_owned() } else { day };
        format!("{day}T00:00:00Z").parse().ok()
    });
    instant.is_none_or(|instant| instant < before)
}
