//! `$subsumes`: <https://hl7.org/fhir/R4/codesystem-operation-subsumes.html>.

use crate::compose::unknown_system_text;
use crate::issue::{Fault, Issue};
use crate::library::Library;
use crate::options::{Given, Options};

/// How two codes of one system stand to each other: `equivalent`, `subsumes`, `subsumed-by`, `not-subsumed`.
///
/// # Errors
/// A code or the system is missing or not known; the two are of different systems.
pub fn subsumes(library: &Library, given: &Given) -> Result<&'static str, Fault> {
    let options = Options::of(given, None, None, library)?;
    let part = |name: &str, part: &str| given.value(name).and_then(|coding| coding[part].as_str()).map(str::to_owned);
    let side = |code: &str, coding: &str| -> Result<(Option<String>, Option<String>, String), Fault> {
        let found = part(coding, "code").map(|code| (part(coding, "system"), part(coding, "version"), code));
        let found = found.or_else(|| {
            let system = given.text("system").or_else(|| given.text("url"));
            Some((system.map(str::to_owned), given.text("version").map(str::to_owned), given.text(code)?.to_owned()))
        });
        found.ok_or_else(|| Fault::invalid(format!("Name the codes by {code} and system, or by {coding}.")))
    };
    let ((system, version, one), (other_system, other_version, other)) =
        (side("codeA", "codingA")?, side("codeB", "codingB")?);
    let system = system.ok_or_else(|| Fault::invalid("Name the code system (system).".to_owned()))?;
    if other_system.as_deref() != Some(&*system) {
        return Err(Fault::invalid("The two codes are of different systems.".to_owned()));
    }
    if let (Some(one), Some(other)) = (&version, &other_version)
        && one != other
    {
        return Err(Fault::invalid("The two codes are of different versions of their system.".to_owned()));
    }
    let version = version.or(other_version);
    let taken = options.versions.take(library, &system, version.as_deref());
    let known = taken.system.ok_or_else(|| {
        let so = "the codes cannot be compared";
        Fault::not_found(unknown_system_text(library, &system, taken.wanted.as_deref(), so))
    })?;
    let find = |code: &str| {
        known.find(code).ok_or_else(|| {
            let text = format!("Unknown code '{code}' in the CodeSystem '{}'", known.canonical());
            Fault { issue: Issue::error("code-invalid", "invalid-code", text, None), status: 404 }
        })
    };
    let (one, other) = (find(&one)?, find(&other)?);
    let (is_above, is_below) = (known.is_below(other, one), known.is_below(one, other));
    // Each of the codes of a circle is one of the other.
    Ok(match (is_above, is_below) {
        (true, false) => "subsumes",
        (false, true) => "subsumed-by",
        (false, false) if one != other => "not-subsumed",
        _ => "equivalent",
    })
}
