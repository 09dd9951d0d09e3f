//! What is above what in a `CodeSystem`: concepts lie in each other, or say it by their properties.

use std::collections::HashMap;

use serde_json::{Map, Value};
use terminology::index::Draft;
use terminology::model::code_system::PROPERTIES;

use crate::fault::Fault;
use crate::hierarchy::{circle, told};
use crate::report::Report;

/// What is known of it so far.
pub(super) struct Relations {
    parent: String,
    child: String,
    is_case_sensitive: bool,
    /// Child and parent.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Who says of which code whether it is its parent.
    said: Vec<(u32, bool, String)>,
}

impl Relations {
    pub(super) fn of(system: &Map<String, Value>) -> Self {
        let case = system.get("caseSensitive").and_then(Value::as_bool);
        Self {
            parent: called(system, "parent"),
            child: called(system, "child"),
            is_case_sensitive: case.unwrap_or(true),
            pairs: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Hears a property.
    pub(super) fn hear(&mut self, at: u32, property: &str, code: &str) {
        if property == self.parent || property == self.child {
            self.said.push((at, property == self.parent, code.to_owned()));
        }
    }

    /// Tells the draft.
    pub(super) fn settle(mut self, draft: &mut Draft, file: &str, line: u64, report: &mut Report) -> Result<(), Fault> {
        let folded = self.folded(draft);
        for (at, is_parent, code) in std::mem::take(&mut self.said) {
            match draft.find(&code).or_else(|| folded.get(&code.to_lowercase()).copied()) {
                // The lenient model takes a concept above itself for nothing said; so does this.
                Some(other) if other == at => {}
                Some(other) => self.pairs.push(if is_parent { (at, other) } else { (other, at) }),
                None => {
                    let what = format!("{code} is not there, to which {} is said to be next; skipped", draft.code(at));
                    report.odd(file, line, what);
                }
            }
        }
        if let Some(found) = circle(draft.len(), &self.pairs) {
            return Err(Fault::Circle { file: file.to_owned(), codes: told(&found, |at| draft.code(at)) });
        }
        self.pairs.iter().for_each(|&(at, above)| draft.parent(at, above));
        Ok(())
    }

    /// Codes in small letters, where case does not count.
    fn folded(&self, draft: &Draft) -> HashMap<String, u32> {
        let mut folded = HashMap::new();
        if !self.is_case_sensitive && !self.said.is_empty() {
            for at in 0..u32::try_from(draft.len()).unwrap_or(u32::MAX) {
                folded.entry(draft.code(at).to_lowercase()).or_insert(at);
            }
        }
        folded
    }
}

/// What one of FHIR's own properties is called in a system.
fn called(system: &Map<String, Value>, property: &str) -> String {
    let defined = system.get("property").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_it = |defined: &&Value| {
        let uri = defined.get("uri").and_then(Value::as_str);
        uri.and_then(|uri| uri.strip_prefix(PROPERTIES)) == Some(property)
    };
    let code = defined.iter().find(is_it).and_then(|defined| defined.get("code")).and_then(Value::as_str);
    code.unwrap_or(property).to_owned()
}
