//! The verdict on one coding.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::coded::Coded;
use super::verdict::Verdict;
use crate::compose::{Composer, Member, unknown_system_text};
use crate::display::{names, shown};
use crate::issue::{Fault, Issue};
use crate::model::code_system::{CodeSystem, Content};
use crate::model::{ValueSet, versioned};
use crate::options::{Taken, Why, is_deprecated_here};
use crate::version::is_meant;

/// What validators call that a code is not in a value set.
const NOT_IN: &str = "None_of_the_provided_codes_are_in_the_value_set_one";

/// The most value sets that are looked at for what versions they name.
const MOST_SETS: usize = 1000;

/// What one rule says of a system's version.
struct Rule {
    said: Option<String>,
    taken: Taken,
}

/// What is asked of each coding.
pub(super) struct Judge<'c> {
    pub(super) composer: &'c Composer<'c>,
    /// Of which value set; `None`: of its code system alone.
    pub(super) set: Option<&'c ValueSet>,
    pub(super) is_lenient: bool,
    pub(super) is_active_only: bool,
    pub(super) infers: bool,
    pub(super) allows_abstract: bool,
    pub(super) members_only: bool,
}

impl Judge<'_> {
    /// The verdict on a coding. `is_one_of` says that others of its concept may be in where it is not.
    pub(super) fn judge(&self, coded: &Coded, is_one_of: bool) -> Result<Verdict, Fault> {
        let mut verdict = Verdict::on(coded);
        let mut coded = coded.clone();
        if coded.system.is_none() {
            match self
                .set
                .filter(|_| self.infers || coded.place.is_empty())
                .map(|set| self.inferred(set, &coded.code))
                .transpose()?
            {
                Some(Some(system)) => {
                    verdict.system = Some(system.clone());
                    coded.system = Some(system);
                }
                _ => {
                    self.no_system(&coded, &mut verdict, is_one_of);
                    return Ok(verdict);
                }
            }
        }
        let url = coded.system.clone().unwrap_or_default();
        let rules = self.set.map(|set| self.rules(set, &url)).unwrap_or_default();
        if self.composer.library.systems(&url).is_empty() {
            self.unknown_system(&coded, &url, &rules, is_one_of, &mut verdict)?;
            return Ok(verdict);
        }
        match self.set {
            Some(set) => self.in_set(set, &coded, &url, &rules, is_one_of, &mut verdict)?,
            None => self.in_system(&coded, &url, &mut verdict)?,
        }
        Ok(verdict)
    }

    /// The one system of a value set that has a code.
    fn inferred(&self, set: &ValueSet, code: &str) -> Result<Option<String>, Fault> {
        let mut found: Vec<String> = Vec::new();
        for url in self.urls(set) {
            if self.composer.find(set, &url, None, code)?.is_some() && !found.contains(&url) {
                found.push(url);
            }
        }
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// A value set and all that it names, each once.
    fn sets(&self, set: &ValueSet) -> Vec<Arc<ValueSet>> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let (mut sets, mut open) = (Vec::new(), vec![Arc::new(set.clone())]);
        while let Some(set) = open.pop() {
            for canonical in
                set.compose.iter().flat_map(|compose| &compose.include).flat_map(|include| &include.value_set)
            {
                // What one contains is its own, whatever it is called.
                let is_more = sets.len() + open.len() < MOST_SETS;
                if is_more && (canonical.starts_with('#') || seen.insert(canonical.clone())) {
                    open.extend(self.composer.import(canonical, &set));
                }
            }
            sets.push(set);
        }
        sets
    }

    /// The systems that a value set has codes of.
    fn urls(&self, set: &ValueSet) -> BTreeSet<String> {
        let sets = self.sets(set);
        let includes = sets.iter().flat_map(|set| &set.compose).flat_map(|compose| &compose.include);
        includes.filter_map(|include| include.system.clone()).collect()
    }

    /// What the rules of a value set say of a system's version, those of the value sets that it names with them.
    fn rules(&self, set: &ValueSet, url: &str) -> Vec<Rule> {
        let sets = self.sets(set);
        let includes = sets.iter().flat_map(|set| &set.compose).flat_map(|compose| &compose.include);
        let of_it = includes.filter(|include| include.system.as_deref() == Some(url));
        of_it
            .map(|include| Rule {
                said: include.version.clone(),
                taken: self.composer.take(url, include.version.as_deref()),
            })
            .collect()
    }

    fn not_in(&self, coded: &Coded, is_one_of: bool) -> Option<Issue> {
        let set = self.set?;
        let text =
            format!("The provided code '{}' was not found in the value set '{}'", coded.shown(), set.canonical());
        Some(if is_one_of {
            Issue::information("code-invalid", "this-code-not-in-vs", text, coded.at("code")).called(NOT_IN).untold()
        } else {
            Issue::error("code-invalid", "not-in-vs", text, coded.at("code")).called(NOT_IN)
        })
    }

    fn no_system(&self, coded: &Coded, verdict: &mut Verdict, is_one_of: bool) {
        verdict.issues.extend(self.not_in(coded, is_one_of));
        match self.set.filter(|_| coded.place.is_empty()) {
            Some(set) => {
                let mut text = format!(
                    "The System URI could not be determined for the code '{}' in the ValueSet '{}'",
                    coded.code,
                    set.canonical()
                );
                let systems = self.urls(set);
                if !systems.is_empty() {
                    text.push_str(&format!(
                        ", which has codes of {}",
                        systems.into_iter().collect::<Vec<_>>().join(", ")
                    ));
                }
                verdict.issues.push(
                    Issue::error("not-found", "cannot-infer", text, coded.at("code"))
                        .called("UNABLE_TO_INFER_CODESYSTEM"),
                );
            }
            None => {
                let text = "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided";
                verdict.issues.push(Issue::warning("invalid", "invalid-data", text.to_owned(), coded.itself()));
            }
        }
    }

    fn unknown_system(
        &self,
        coded: &Coded,
        url: &str,
        rules: &[Rule],
        is_one_of: bool,
        verdict: &mut Verdict,
    ) -> Result<(), Fault> {
        // A value set that lists the code itself says that it is one.
        if let Some(set) = self.set
            && let Some(found) = self.composer.find(set, url, None, &coded.code)?
        {
            verdict.is_in = true;
            verdict.know(self, coded, &found);
            return Ok(());
        }
        let at = coded.at("system");
        let is_asked = !rules.is_empty() || self.set.is_none();
        if !is_asked {
            verdict.issues.extend(self.not_in(coded, is_one_of));
        }
        if let Some(supplement) = self.composer.library.supplement(url) {
            let text = format!(
                "CodeSystem {} is a supplement, so can't be used as a value in Coding.system",
                supplement.canonical()
            );
            verdict
                .issues
                .push(Issue::error("invalid", "invalid-data", text, at).called("CODESYSTEM_CS_NO_SUPPLEMENT"));
            verdict.says_why = true;
            return Ok(());
        }
        if self.composer.library.has_set(url) {
            let text = format!("The Coding references a value set, not a code system ('{url}')");
            verdict
                .issues
                .push(Issue::error("invalid", "invalid-data", text, at).called("Terminology_TX_System_ValueSet2"));
            return Ok(());
        }
        if !url.contains(':') {
            let text = "Coding.system must be an absolute reference, not a local reference".to_owned();
            verdict.issues.push(
                Issue::error("invalid", "invalid-data", text, at.clone()).called("Terminology_TX_System_Relative"),
            );
        }
        let so = "the code cannot be validated";
        let text = unknown_system_text(self.composer.library, url, coded.version.as_deref(), so);
        verdict.issues.push(unknown_issue(&text, at));
        verdict.says_why = is_asked;
        let name = if is_asked { "x-caused-by-unknown-system" } else { "x-unknown-system" };
        verdict.unknown.push((name, versioned(url, coded.version.as_deref())));
        Ok(())
    }

    fn in_set(
        &self,
        set: &ValueSet,
        coded: &Coded,
        url: &str,
        rules: &[Rule],
        is_one_of: bool,
        verdict: &mut Verdict,
    ) -> Result<(), Fault> {
        let versions = self.composer.library.systems(url);
        let own = coded.version.as_deref();
        let is_known = own.is_none_or(|own| versions.iter().any(|system| system.version.as_deref() == Some(own)));
        let allows = |Rule { taken, .. }: &Rule| match (own, &taken.wanted) {
            (None, _) => true,
            (Some(own), Some(wanted)) => is_meant(wanted, own) && is_known,
            (Some(own), None) => {
                is_known || taken.system.as_ref().is_some_and(|system| system.version.as_deref() == Some(own))
            }
        };
        let is_mismatch = own.is_some() && !rules.is_empty() && !rules.iter().any(allows);
        let so = "the code cannot be validated";
        let missing = rules.iter().map(|rule| &rule.taken).filter(|taken| taken.system.is_none());
        for taken in missing.clone() {
            let text = unknown_system_text(self.composer.library, url, taken.wanted.as_deref(), so);
            verdict.issues.push(unknown_issue(&text, coded.at("system")));
            verdict.unknown.push(("x-caused-by-unknown-system", versioned(url, taken.wanted.as_deref())));
            verdict.says_why = true;
        }
        if let (true, Some(own), Some(rule)) = (is_mismatch, own, rules.first()) {
            verdict.says_why = true;
            if !is_known {
                let text = unknown_system_text(self.composer.library, url, Some(own), so);
                verdict.issues.push(unknown_issue(&text, coded.at("system")));
                verdict.unknown.push(("x-caused-by-unknown-system", versioned(url, Some(own))));
            }
            verdict.issues.push(mismatch(coded, url, own, rule));
        }
        for Rule { taken, .. } in rules {
            if let Some(system) = &taken.system {
                self.composer.options.versions.check(system).map_err(Fault::processing)?;
            }
        }
        let wanted = if is_mismatch { None } else { own };
        let found =
            if missing.clone().next().is_some() { None } else { self.composer.find(set, url, wanted, &coded.code)? };
        if let Some(found) = &found {
            // Where its version is another one an issue says so.
            verdict.is_in = true;
            verdict.know(self, coded, found);
            self.judge_member(set, coded, url, found, is_one_of, verdict);
            return Ok(());
        }
        // It is not in. What the system says of it is told all the same.
        let default = || self.composer.take(url, None).system;
        let system = if missing.clone().next().is_some() || rules.is_empty() {
            own.and_then(|own| versions.iter().find(|system| system.version.as_deref() == Some(own)).cloned())
                .or_else(default)
        } else {
            own.filter(|_| !is_mismatch)
                .and_then(|own| versions.iter().find(|system| system.version.as_deref() == Some(own)).cloned())
                .or_else(|| rules.iter().find_map(|rule| rule.taken.system.clone()))
                .or_else(default)
        };
        let Some(system) = system else { return Ok(()) };
        let is_told = missing.clone().next().is_some() || self.in_one(&system, coded, verdict, Some(set))?;
        if is_told && missing.clone().next().is_some() {
            if let Some(at) = system.find(&coded.code) {
                let known = Member::of(&system, at, None);
                verdict.version.clone_from(&known.version);
                verdict.display = shown(&names(&known), &self.composer.options.languages).map(|name| name.text.clone());
            }
            return Ok(());
        }
        if !(system.content.is_partial() && verdict.is_in) {
            verdict.issues.extend(self.not_in(coded, is_one_of));
        }
        Ok(())
    }

    /// Says what is to be said of a code that is in a value set.
    fn judge_member(
        &self,
        set: &ValueSet,
        coded: &Coded,
        url: &str,
        found: &Member,
        is_one_of: bool,
        verdict: &mut Verdict,
    ) {
        if found.is_inactive()
            && (self.is_active_only || set.compose.as_ref().is_some_and(|compose| compose.inactive == Some(false)))
        {
            let text = format!("The concept '{}' is valid but is not active", found.code);
            verdict.issues.push(
                Issue::error("business-rule", "code-rule", text, coded.at("code")).called("STATUS_CODE_WARNING_CODE"),
            );
            verdict.issues.extend(self.not_in(coded, is_one_of));
            verdict.is_in = false;
        }
        if found.is_abstract() && !self.allows_abstract {
            let text = format!("Code '{}#{}' is abstract, and not allowed in this context", url, found.code);
            verdict.issues.push(
                Issue::error("business-rule", "code-rule", text, coded.at("code")).called("ABSTRACT_CODE_NOT_ALLOWED"),
            );
        }
        if found.listed.as_ref().is_some_and(|listed| is_deprecated_here(&listed.extension)) {
            let text = format!(
                "The presence of the concept '{}' in the system '{url}' in the value set {} is marked with a status of deprecated and its use should be reviewed",
                found.code,
                set.canonical()
            );
            verdict.issues.push(
                Issue::warning("business-rule", "code-comment", text, coded.at("code"))
                    .called("CONCEPT_DEPRECATED_IN_VALUESET")
                    .untold(),
            );
        }
    }

    /// Of its code system alone.
    fn in_system(&self, coded: &Coded, url: &str, verdict: &mut Verdict) -> Result<(), Fault> {
        let taken = self.composer.take(url, coded.version.as_deref());
        let Some(system) = taken.system else {
            let so = "the code cannot be validated";
            let text = unknown_system_text(self.composer.library, url, taken.wanted.as_deref(), so);
            verdict.issues.push(unknown_issue(&text, coded.at("system")));
            verdict.unknown.push(("x-unknown-system", versioned(url, taken.wanted.as_deref())));
            return Ok(());
        };
        self.composer.options.versions.check(&system).map_err(Fault::processing)?;
        self.in_one(&system, coded, verdict, None)?;
        Ok(())
    }

    /// Whether a code is in a system; says what is to say of it. Where the system is not whole, it may be one all the same: of the
    /// system, and of a value set that holds all of it.
    fn in_one(
        &self,
        system: &Arc<CodeSystem>,
        coded: &Coded,
        verdict: &mut Verdict,
        set: Option<&ValueSet>,
    ) -> Result<bool, Fault> {
        verdict.version.clone_from(&system.version);
        if let Some(at) = system.find(&coded.code) {
            verdict.is_in = set.is_none();
            verdict.know(self, coded, &Member::of(system, at, None));
            return Ok(true);
        }
        let (code, named) = (&coded.code, format!("'{}'{}", system.url, version_words(system)));
        let issue = match system.content {
            Content::Fragment | Content::Example => {
                verdict.is_in = match set {
                    Some(set) => self.composer.holds_all(set, &system.url)?,
                    None => true,
                };
                let text = format!(
                    "Unknown Code '{code}' in the CodeSystem {named} - note that the code system is labeled as a fragment, so the code may be valid in some other fragment"
                );
                let issue = Issue::warning("code-invalid", "invalid-code", text, coded.at("code"));
                issue.called("UNKNOWN_CODE_IN_FRAGMENT").untold()
            }
            Content::NotPresent => {
                let text =
                    format!("The CodeSystem {named} is here without its concepts, so the code cannot be validated");
                Issue::error("not-found", "not-found", text, coded.at("system"))
            }
            Content::Complete | Content::Supplement if self.members_only => return Ok(false),
            Content::Complete | Content::Supplement => {
                let text = format!("Unknown code '{code}' in the CodeSystem {named}");
                Issue::error("code-invalid", "invalid-code", text, coded.at("code")).called("Unknown_Code_in_Version")
            }
        };
        verdict.issues.push(issue);
        Ok(false)
    }
}

fn version_words(system: &CodeSystem) -> String {
    system.version.as_ref().map(|version| format!(" version '{version}'")).unwrap_or_default()
}

/// That a coding is of another version than the value set's.
fn mismatch(coded: &Coded, url: &str, own: &str, Rule { said, taken }: &Rule) -> Issue {
    let at = coded.at("version");
    let current = taken.system.as_ref().and_then(|system| system.version.clone()).or_else(|| taken.wanted.clone());
    let current = current.unwrap_or_default();
    let (wanted, said) = (taken.wanted.as_deref().unwrap_or_default(), said.as_deref());
    match (taken.why, said) {
        (Why::Forced | Why::Default | Why::Check, _) => {
            let said = said.unwrap_or_default();
            let text = format!(
                "The code system '{url}' version '{wanted}' resulting from the version '{said}' in the ValueSet include is different to the one in the value ('{own}')"
            );
            Issue::error("invalid", "vs-invalid", text, at).called("VALUESET_VALUE_MISMATCH_CHANGED")
        }
        (Why::AsSaid, Some(_)) => {
            let text = format!(
                "The code system '{url}' version '{current}' in the ValueSet include is different to the one in the value ('{own}')"
            );
            Issue::error("invalid", "vs-invalid", text, at).called("VALUESET_VALUE_MISMATCH")
        }
        (Why::AsSaid, None) => {
            let text = format!(
                "The code system '{url}' version '{current}' for the versionless include in the ValueSet include is different to the one in the value ('{own}')"
            );
            Issue::warning("invalid", "vs-invalid", text, at).called("VALUESET_VALUE_MISMATCH_DEFAULT").untold()
        }
    }
}

/// That a system, or a version of it, is not known.
fn unknown_issue(text: &str, at: Option<String>) -> Issue {
    let id = if text.contains(" version '") { "UNKNOWN_CODESYSTEM_VERSION" } else { "UNKNOWN_CODESYSTEM" };
    Issue::error("not-found", "not-found", text.to_owned(), at).called(id)
}
