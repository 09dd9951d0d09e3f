//! The notice of 42 CFR 2.32 that goes along with records of a Part 2 program (D3): a label on each, for whatever system keeps it,
//! and the Consents that permit it, which the answer names. What a reader was given so, and writes back, is without the label again.

use consent::{Labels, Permit, Predicate};
use mappers::json::{Document, Element};
use mappers::labels;

use crate::store::Store;
use crate::store::connection::{Connection, DbError};
use crate::store::types::Version;

/// No further disclosure but by a Consent: <http://terminology.hl7.org/CodeSystem/v3-ActCode>, as a Meta.
const LABEL: &str =
    r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"NORDSCLCD"}]}"#;

/// Whether the notice goes along with what has these labels (their bits), where Consents are applied.
pub(crate) fn is_owed(permit: &Permit, labels: i64) -> bool {
    matches!(permit.predicate(), Predicate::Consents(_)) && Labels::from_bits(labels).meets(Labels::PART2)
}

/// Gives the notice along with versions that are about to be shown, in the snapshot that they were read in.
pub(crate) async fn give(
    store: &Store,
    permit: &Permit,
    connection: &mut Connection,
    read: &mut [(i64, &mut Version)],
) -> Result<(), DbError> {
    let Predicate::Consents(asked) = permit.predicate() else { return Ok(()) };
    let mut owed: Vec<&mut (i64, &mut Version)> = read
        .iter_mut()
        .filter(|(_, version)| !version.body.is_empty() && is_owed(permit, version.basis.labels))
        .collect();
    if owed.is_empty() {
        return Ok(());
    }
    let mut rids: Vec<i64> = owed.iter().map(|(rid, _)| *rid).collect();
    rids.sort_unstable();
    rids.dedup();
    let permitting = store.permitting(connection, permit, asked, &rids).await?;
    for (rid, version) in &mut owed {
        version.basis.notice = Some(permitting.get(rid).cloned().unwrap_or_default());
        if let Some(body) = with_label(&version.body) {
            version.body = body.into();
        }
    }
    Ok(())
}

fn with_label(body: &[u8]) -> Option<String> {
    let label = Document::parse(LABEL.as_bytes()).ok()?;
    labels::add(Document::parse(body).ok()?.root(), label.root())
}

/// What was given back of a resource that was shown with the label and is kept without it; `None` where it stays as it is.
pub(super) fn without_label(kept: Element<'_>, given: Element<'_>) -> Option<String> {
    let label = Document::parse(LABEL.as_bytes()).ok()?;
    if labels::delete(kept, label.root()).is_some() {
        return None;
    }
    labels::delete(given, label.root())
}
