//! What is said of what is not known here.

use crate::issue::Fault;
use crate::library::Library;

/// That a value set is not known.
pub fn unknown_set(canonical: &str) -> Fault {
    let fault = Fault::not_found(format!("A definition for the value Set '{canonical}' could not be found"));
    Fault { issue: fault.issue.called("Unable_to_resolve_value_Set_"), ..fault }
}

/// What is said of a system, or a version of it, that is not known: and which versions are.
pub fn unknown_system_text(library: &Library, url: &str, version: Option<&str>, so: &str) -> String {
    let versions: Vec<String> = library.systems(url).iter().rev().filter_map(|system| system.version.clone()).collect();
    match (version, versions.is_empty()) {
        (Some(version), false) => {
            let versions = match versions.split_last() {
                Some((last, [])) => last.clone(),
                Some((last, others)) => format!("{} or {last}", others.join(", ")),
                None => String::new(),
            };
            format!(
                "A definition for CodeSystem '{url}' version '{version}' could not be found, so {so}. Valid versions: {versions}"
            )
        }
        (Some(version), true) => {
            format!(
                "A definition for CodeSystem '{url}' version '{version}' could not be found, so {so}. No versions of this code system are known"
            )
        }
        (None, _) => format!("A definition for CodeSystem '{url}' could not be found, so {so}"),
    }
}

pub(super) fn unknown_system(library: &Library, url: &str, version: Option<&str>, so: &str) -> Fault {
    Fault::not_found(unknown_system_text(library, url, version, so))
}
