//! Both implementations, asked the same.

use ::consent::{Labels, Verdict, check_labelled};
use serde_json::Value;

use super::{Asking, unclassified};

/// What the real implementation says. That it is unclassified is found by the labelling step, so it is told.
pub(crate) fn real(consents: &[Value], resource: &Value, asking: &Asking) -> Verdict {
    let consents: Vec<Vec<u8>> = consents.iter().map(|consent| consent.to_string().into_bytes()).collect();
    let consents: Vec<&[u8]> = consents.iter().map(Vec::as_slice).collect();
    let labels = if unclassified(resource) { Labels::UNCLASSIFIED } else { Labels::NONE };
    check_labelled(&consents, resource.to_string().as_bytes(), labels, asking).expect("JSON")
}
