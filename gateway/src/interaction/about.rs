//! Whom a search asks about, where it shows nothing: the record of a count, or of a search that found nothing, says so.

use std::collections::BTreeSet;

use mappers::references::{self, Bases, Reference};

use crate::http::query;
use crate::interaction::Request;
use crate::router::Interaction;

/// Parameters that limit a search to what is of a patient, and take a reference.
const OF_PATIENT: [&str; 4] = ["patient", "patient:Patient", "subject", "subject:Patient"];

/// The id of the one patient that the parameters of a search name plainly; what is chained, negated or one of several does not.
pub(super) fn patient(request: &Request, bases: &Bases) -> Option<Box<str>> {
    let form = match request.interaction {
        Interaction::Search => "",
        Interaction::SearchForm => std::str::from_utf8(&request.body).ok()?,
        _ => return None,
    };
    let named = [&request.query, form].into_iter().flat_map(query::pairs).filter_map(|(name, value)| {
        if request.kind == Some("Patient") && name == "_id" && references::is_id(&value) {
            return Some((*value).into());
        }
        let is_of_patient = OF_PATIENT.contains(&&*name);
        is_of_patient.then(|| id(&value, bases, name != "subject")).flatten()
    });
    let named: BTreeSet<Box<str>> = named.collect();
    named.first().filter(|_| named.len() == 1).cloned()
}

/// The id in `Patient/id`, in an address of ours that ends so, and (where the type is plain) alone.
fn id(value: &str, bases: &Bases, is_plain: bool) -> Option<Box<str>> {
    match references::parse(value) {
        Reference::Local { kind: "Patient", id, .. } => Some(id.into()),
        Reference::Absolute { .. } => bases.own(value).filter(|(kind, _)| *kind == "Patient").map(|(_, id)| id.into()),
        Reference::Other(id) if is_plain && references::is_id(id) => Some(id.into()),
        _ => None,
    }
}
