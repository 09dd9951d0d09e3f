//! What is to be validated: a code with its system, a `Coding`, or the codings of a `CodeableConcept`.

use serde_json::Value;

use crate::issue::Fault;
use crate::model::parts;
use crate::options::Given;

/// A coding, and where it stands in what was sent.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    pub(super) system: Option<String>,
    pub(super) version: Option<String>,
    pub(super) code: String,
    pub(super) display: Option<String>,
    /// `Coding`, `CodeableConcept.coding[0]`; empty for parameters of their own.
    pub(super) place: String,
}

impl Coded {
    /// Where a part of it stands.
    pub(super) fn at(&self, part: &str) -> Option<String> {
        Some(if self.place.is_empty() { part.to_owned() } else { format!("{}.{part}", self.place) })
    }

    /// Where it stands itself.
    pub(super) fn itself(&self) -> Option<String> {
        Some(if self.place.is_empty() { "code".to_owned() } else { self.place.clone() })
    }

    /// `system|version#code ('display')`, as far as it says them.
    pub(super) fn shown(&self) -> String {
        let system = self.system.as_deref().unwrap_or_default();
        let canonical = crate::model::versioned(system, self.version.as_deref());
        let display = self.display.as_ref().map(|display| format!(" ('{display}')")).unwrap_or_default();
        format!("{canonical}#{}{display}", self.code)
    }
}

/// All that is to be validated.
pub(super) struct All {
    pub(super) codings: Vec<Coded>,
    pub(super) is_concept: bool,
    /// The concept, to be given back.
    pub(super) concept: Option<Value>,
}

fn of(coding: &Value, place: String) -> Option<Coded> {
    let text = |name: &str| coding[name].as_str().map(str::to_owned);
    Some(Coded {
        system: text("system"),
        version: text("version"),
        code: text("code")?,
        display: text("display"),
        place,
    })
}

/// What was sent. Of a value set the code system is `system`, of a code system `url`.
pub(super) fn all(given: &Given, is_of_set: bool) -> Result<All, Fault> {
    let nothing =
        || Fault::invalid("Name what to validate: code (and its system), coding, or codeableConcept.".to_owned());
    if let Some(concept) = given.value("codeableConcept") {
        let codings = concept["coding"].as_array().into_iter().flatten().enumerate();
        let codings: Vec<Coded> =
            codings.filter_map(|(nth, coding)| of(coding, format!("CodeableConcept.coding[{nth}]"))).collect();
        if codings.is_empty() {
            return Err(nothing());
        }
        return Ok(All { codings, is_concept: true, concept: Some(concept.clone()) });
    }
    if let Some(coding) = given.value("coding") {
        let coded = of(coding, "Coding".to_owned()).ok_or_else(nothing)?;
        return Ok(All { codings: vec![coded], is_concept: false, concept: None });
    }
    let (system, version) = if is_of_set { ("system", "systemVersion") } else { ("url", "version") };
    let system = given.text(system).or_else(|| given.text("system"));
    let (system, own) = system.map(parts).map_or((None, None), |(url, version)| (Some(url.to_owned()), version));
    let coded = Coded {
        system,
        version: own.or_else(|| given.text(version)).map(str::to_owned),
        code: given.text("code").ok_or_else(nothing)?.to_owned(),
        display: given.text("display").map(str::to_owned),
        place: String::new(),
    };
    Ok(All { codings: vec![coded], is_concept: false, concept: None })
}
