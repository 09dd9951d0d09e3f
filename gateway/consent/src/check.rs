//! A decision without a database: these Consents are all there is, and what they do not permit is denied.

use mappers::json::Document;

use crate::asking::{Asking, actor};
use crate::directive::{Directive, in_force};
use crate::facts::Found;
use crate::labels::Labels;
use crate::policy::Default;
use crate::verdict::{Specialized, Verdict, decide};

/// What cannot be decided on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// A Consent is no JSON, or no Consent.
    #[error("Consent {0} is not a Consent in JSON")]
    Consent(usize),
    /// The resource is no JSON, or has no type.
    #[error("the resource is not a FHIR resource in JSON")]
    Resource,
}

/// Decides on a resource by Consents as JSON.
///
/// # Errors
/// [`Malformed`], with the number of the Consent from 0.
pub fn check(consents: &[&[u8]], resource: &[u8], asking: &Asking) -> Result<Verdict, Malformed> {
    check_labelled(consents, resource, Labels::NONE, asking)
}

/// As [`check`], with what a labelling step found in the resource.
///
/// # Errors
/// As [`check`].
pub fn check_labelled(
    consents: &[&[u8]],
    resource: &[u8],
    labels: Labels,
    asking: &Asking,
) -> Result<Verdict, Malformed> {
    let document = Document::parse(resource).map_err(|_| Malformed::Resource)?;
    if document.root().member("resourceType").and_then(|kind| kind.string()).is_none() {
        return Err(Malformed::Resource);
    }
    let found = Found::of(document.root(), labels);
    let facts = found.facts();
    let patient = facts
        .patient
        .as_deref()
        .map(|id| if id.contains(['/', ':']) { id.to_owned() } else { format!("Patient/{id}") });
    let mut directives = Vec::new();
    for (at, text) in consents.iter().enumerate() {
        let document = Document::parse(text).map_err(|_| Malformed::Consent(at))?;
        let root = document.root();
        if root.member("resourceType").and_then(|kind| kind.string()).as_deref() != Some("Consent") {
            return Err(Malformed::Consent(at));
        }
        let id = root.member("id").and_then(|id| id.string());
        let name = id.map_or_else(|| format!("Consent #{}", at + 1), |id| format!("Consent/{id}"));
        directives.extend(Directive::read(root, &name));
    }
    let mut directives = in_force(directives);
    for directive in &mut directives {
        // Another patient's permit is none for this one (A8).
        if let (Some(theirs), Some(patient)) = (&directive.patient, patient.as_deref().and_then(actor))
            && *theirs != patient
        {
            directive.rules.retain(|rule| rule.deny);
        }
    }
    let verdict = decide(asking, &directives, &facts, Default::Deny);
    // Every cell of the tests goes through here.
    debug_assert_eq!(Specialized::of(asking, &directives, Default::Deny).permits(&facts), verdict.permit);
    Ok(verdict)
}
