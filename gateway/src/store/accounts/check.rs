//! What may be kept of an account. Messages say what is wrong and what would be right.

use super::{AccountError, Role};
use crate::store::clients::check;

pub(super) use check::name;

/// The longest login name, in characters.
const LOGIN: usize = 64;

/// A login name as it is kept, in lower case; `None` for what can be none.
#[must_use]
pub fn folded(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@+".contains(&byte);
    let fits = (3..=LOGIN).contains(&text.len())
        && text.bytes().all(is_plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric());
    fits.then(|| text.to_ascii_lowercase())
}

/// Whether it can be the id of an account.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// A login name for a new account.
pub(super) fn login(text: &str) -> Result<String, AccountError> {
    folded(text).ok_or_else(|| {
        AccountError::Invalid(format!(
            "a login name has 3 to {LOGIN} letters (a to z), digits and - . _ @ +, a letter or digit first (--login)"
        ))
    })
}

/// Roles, each once, and who that is in FHIR. A patient's login is nothing else, and opens the record of whom it names first.
pub(super) fn persona(roles: &[Role], actors: &[String]) -> Result<(Vec<Role>, Vec<String>), AccountError> {
    let invalid = |message: &str| Err(AccountError::Invalid(message.to_owned()));
    let actors = check::actors(actors)?;
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    let is_of_patient = |actor: &String| {
        let mut parts = actor.rsplit('/');
        matches!(parts.nth(1), Some("Patient" | "RelatedPerson"))
    };
    if roles.is_empty() {
        return invalid("say what this person is (--role OWNER, ADMIN, DOCTOR or PATIENT)");
    }
    if !roles.contains(&Role::Patient) {
        return if actors.iter().any(is_of_patient) {
            invalid(
                "a Patient or RelatedPerson logs in with --role PATIENT; give Practitioner/1, PractitionerRole/1, Organization/1 (--actor)",
            )
        } else {
            Ok((roles, actors))
        };
    }
    if roles.len() > 1 {
        return invalid("PATIENT is a role by itself: who treats patients and is one has two accounts (--role)");
    }
    if !actors.first().is_some_and(is_of_patient) || !actors.iter().all(is_of_patient) {
        return invalid(
            "whose record does it open? Give Patient/1, or RelatedPerson/1 for who acts for a patient (--actor)",
        );
    }
    Ok((roles, actors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_are_plain_and_have_no_case() {
        assert_eq!(folded(" Dr.Ada+1@Clinic.Example ").as_deref(), Some("dr.ada+1@clinic.example"));
        for wrong in ["", "ab", "-abc", "a b c", "a\0bc", "caf\u{e9}", "\u{212a}elvin", &"x".repeat(65)] {
            assert_eq!(folded(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_patient_is_a_patient_alone() {
        let of = |roles: &[Role], actors: &[&str]| {
            persona(roles, &actors.iter().map(|actor| (*actor).to_owned()).collect::<Vec<_>>()).is_ok()
        };
        assert!(of(&[Role::Patient], &["Patient/1"]) && of(&[Role::Patient], &["RelatedPerson/9", "Patient/1"]));
        assert!(of(&[Role::Doctor, Role::Admin], &["Practitioner/1", "Organization/1"]) && of(&[Role::Admin], &[]));
        assert!(!of(&[Role::Patient], &[]) && !of(&[Role::Patient], &["Practitioner/1"]));
        assert!(
            !of(&[Role::Patient, Role::Doctor], &["Patient/1"])
                && !of(&[Role::Doctor], &["Practitioner/1", "Patient/1"])
        );
        assert!(!of(&[], &["Practitioner/1"]));
    }
}
