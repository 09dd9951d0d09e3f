//! What comes of one coding, and what its system says of it.

use serde_json::{Value, json};

use super::coded::Coded;
use super::display;
use super::judge::Judge;
use crate::compose::Member;
use crate::display::{names, shown};
use crate::issue::Issue;

/// What comes of one coding.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Whether it is in what was asked about.
    pub(super) is_in: bool,
    pub(super) issues: Vec<Issue>,
    /// Whether an issue says already why it is not in.
    pub(super) says_why: bool,
    code: Option<String>,
    normalized: Option<String>,
    pub(super) system: Option<String>,
    pub(super) version: Option<String>,
    pub(super) display: Option<String>,
    is_inactive: bool,
    status: Option<String>,
    /// Systems that are not known: the parameter's name, `url|version`.
    pub(super) unknown: Vec<(&'static str, String)>,
}

impl Verdict {
    /// One that says nothing yet of a coding.
    pub(super) fn on(coded: &Coded) -> Self {
        Self { code: Some(coded.code.clone()), system: coded.system.clone(), ..Self::default() }
    }

    /// That it cannot be told.
    pub(super) fn unknown(coded: Option<&Coded>, issue: Issue) -> Self {
        Self {
            issues: vec![issue],
            code: coded.map(|coded| coded.code.clone()),
            system: coded.and_then(|coded| coded.system.clone()),
            says_why: true,
            ..Self::default()
        }
    }

    /// What is said of the coding.
    pub(super) fn parameters(&self) -> Vec<Value> {
        let mut said = Vec::new();
        for (name, kind, value) in [
            ("code", "valueCode", &self.code),
            ("normalized-code", "valueCode", &self.normalized),
            ("system", "valueUri", &self.system),
            ("version", "valueString", &self.version),
            ("display", "valueString", &self.display),
            ("status", "valueCode", &self.status),
        ] {
            said.extend(value.iter().map(|value| json!({ "name": name, kind: value })));
        }
        if self.is_inactive {
            said.push(json!({ "name": "inactive", "valueBoolean": true }));
        }
        said
    }

    /// Says of a code what its system does.
    pub(super) fn know(&mut self, judge: &Judge<'_>, coded: &Coded, found: &Member) {
        self.version.clone_from(&found.version);
        let names = names(found);
        self.display = shown(&names, &judge.composer.options.languages).map(|name| name.text.clone());
        self.issues.extend(display::judge(coded, &names, &judge.composer.options.languages, judge.is_lenient));
        let Some((system, at)) = &found.concept else { return };
        let concept = &*system.concept(*at);
        if concept.code != coded.code {
            self.normalized = Some(concept.code.clone());
            let text = format!(
                "The code '{}' differs from the correct code '{}' by case. Although the code system '{}' is case insensitive, implementers are strongly encouraged to use the correct case anyway",
                coded.code,
                concept.code,
                system.canonical()
            );
            self.issues.push(
                Issue::information("business-rule", "code-rule", text, coded.at("code"))
                    .called("CODE_CASE_DIFFERENCE")
                    .untold(),
            );
        }
        let status = system.status(concept);
        self.is_inactive = system.is_inactive(*at);
        if self.is_inactive {
            let status = status.as_deref().unwrap_or("inactive");
            let word = if status == "inactive" { status.to_owned() } else { format!("{status} and inactive") };
            let text = format!("The concept '{}' has a status of {word} and its use should be reviewed", concept.code);
            self.issues.push(
                Issue::warning("business-rule", "code-comment", text, coded.itself()).called("INACTIVE_CONCEPT_FOUND"),
            );
        } else if status.as_deref() == Some("deprecated") {
            let text = format!("The concept '{}' is deprecated and its use should be reviewed", concept.code);
            self.issues.push(
                Issue::warning("business-rule", "code-comment", text, coded.at("code"))
                    .called("DEPRECATED_CONCEPT_FOUND"),
            );
        }
        self.status = status.filter(|status| matches!(status.as_str(), "retired" | "deprecated" | "withdrawn"));
    }
}
