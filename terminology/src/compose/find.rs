//! Whether a value set holds one code, without working out all that it holds.

use std::collections::BTreeSet;

use super::{
    Composer, DEEPEST, Member, RULE, cost_of_one, expanded, is_beyond, prepared, too_deep, unknown_member,
    without_concepts,
};
use crate::issue::Fault;
use crate::model::ValueSet;
use crate::model::code_system::Content;
use crate::model::value_set::{Compose, Include};

impl Composer<'_> {
    /// A code in a value set, where it is in it. `version` is the one of the system that the coding is of, `None` for any.
    ///
    /// # Errors
    /// As [`members`](Self::members); a system that is not known holds nothing here.
    pub fn find(
        &self,
        set: &ValueSet,
        system: &str,
        version: Option<&str>,
        code: &str,
    ) -> Result<Option<Member>, Fault> {
        self.find_at(set, system, version, code, 0)
    }

    /// Whether a value set holds all of a system, whatever that is: then also a code that the system as it is here does not have.
    ///
    /// # Errors
    /// It takes too much to tell.
    pub fn holds_all(&self, set: &ValueSet, url: &str) -> Result<bool, Fault> {
        self.holds_all_at(set, url, 0)
    }

    fn holds_all_at(&self, set: &ValueSet, url: &str, depth: usize) -> Result<bool, Fault> {
        let Some(compose) = set.compose.as_ref().filter(|_| depth <= DEEPEST) else { return Ok(false) };
        // What an exclusion says of a code that nobody here knows cannot be told.
        let concerns = |exclude: &Include| exclude.system.as_deref().is_none_or(|system| system == url);
        if compose.exclude.iter().any(concerns) {
            return Ok(false);
        }
        for include in &compose.include {
            self.library.spend(RULE)?;
            let is_whole = include.concept.is_empty() && include.filter.is_empty();
            let is_about = include.system.as_deref().map_or(!include.value_set.is_empty(), |system| system == url);
            if !is_whole || !is_about {
                continue;
            }
            let mut all = true;
            for canonical in &include.value_set {
                all = all && self.holds_all_at(&*self.import(canonical, set)?, url, depth + 1)?;
            }
            if all {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn find_at(
        &self,
        set: &ValueSet,
        system: &str,
        version: Option<&str>,
        code: &str,
        depth: usize,
    ) -> Result<Option<Member>, Fault> {
        if depth > DEEPEST {
            return Err(too_deep(set));
        }
        let is_it = |member: &Member| member.system == system && member.code == code;
        let Some(compose) = &set.compose else { return Ok(expanded(set).into_iter().find(is_it)) };
        // As with all that it holds: what its rules hang on and is not known here was known to whoever expanded it.
        let is_untold = |fault: &Fault| fault.status == 404;
        if set.expansion.is_some() && self.composed(set, compose, depth).as_ref().is_err_and(is_untold) {
            return Ok(expanded(set).into_iter().find(is_it));
        }
        self.find_composed(set, compose, system, version, code, depth)
    }

    fn find_composed(
        &self,
        set: &ValueSet,
        compose: &Compose,
        system: &str,
        version: Option<&str>,
        code: &str,
        depth: usize,
    ) -> Result<Option<Member>, Fault> {
        let mut found: Option<Member> = None;
        let mut versions = BTreeSet::new();
        for (nth, include) in compose.include.iter().enumerate() {
            let at = format!("ValueSet.compose.include[{nth}]");
            let Some(member) = self.find_in(set, include, &at, system, version, code, depth)? else { continue };
            versions.insert(member.version.clone());
            let is_later = found.as_ref().is_none_or(|known| match (&member.version, &known.version) {
                (Some(one), Some(other)) => crate::version::compare(one, other).is_gt(),
                _ => false,
            });
            if is_later {
                found = Some(member);
            }
        }
        let Some(member) = found else { return Ok(None) };
        // A value set that is named may have more versions of the code than the one that it tells.
        let is_plain = compose.include.iter().all(|include| include.value_set.is_empty());
        for (nth, exclude) in compose.exclude.iter().enumerate() {
            let at = format!("ValueSet.compose.exclude[{nth}]");
            let Some(excluded) = self.find_in(set, exclude, &at, system, None, code, depth)? else { continue };
            if is_plain && versions.len() == 1 && excluded.version == member.version {
                return Ok(None);
            }
            // What an exclusion of one version says of another hangs on which versions the whole has.
            let is_it = |one: &Member| one.system == member.system && one.code == member.code;
            let is_meant = |one: &Member| version.is_none() || one.version.as_deref() == version;
            let whole = self.members_at(set, depth)?;
            self.library.spend(whole.len())?;
            return Ok(whole.into_iter().rfind(|one| is_it(one) && is_meant(one)));
        }
        // Of the value set that is asked about itself the caller says so, who tells that the code would be in otherwise.
        let is_left_out = depth > 0 && compose.inactive == Some(false) && member.is_inactive();
        Ok(Some(member).filter(|_| !is_left_out))
    }

    #[expect(clippy::too_many_arguments, reason = "a rule, where it stands, and the three parts of what is looked for")]
    fn find_in(
        &self,
        set: &ValueSet,
        include: &Include,
        at: &str,
        system: &str,
        version: Option<&str>,
        code: &str,
        depth: usize,
    ) -> Result<Option<Member>, Fault> {
        self.library.spend(RULE)?;
        let mut member = None;
        if let Some(url) = &include.system {
            if url != system {
                return Ok(None);
            }
            member = self.find_in_system(set, include, at, version, code)?;
            if member.is_none() {
                return Ok(None);
            }
        }
        for canonical in &include.value_set {
            let imported = self.import(canonical, set)?;
            let Some(found) = self.find_at(&imported, system, version, code, depth + 1)? else { return Ok(None) };
            member = member.or(Some(found));
        }
        Ok(member)
    }

    fn find_in_system(
        &self,
        set: &ValueSet,
        include: &Include,
        at: &str,
        version: Option<&str>,
        code: &str,
    ) -> Result<Option<Member>, Fault> {
        let url = include.system.as_deref().unwrap_or_default();
        let mut taken = self.take(url, include.version.as_deref());
        // Of the versions that a rule allows the coding's own is the one that is meant.
        if let (Some(version), Some(known)) = (version, &taken.system) {
            let own = self.library.systems(url).into_iter().find(|system| system.version.as_deref() == Some(version));
            let may_be = match (&taken.wanted, own) {
                (Some(wanted), Some(own)) => crate::version::is_meant(wanted, version).then_some(own),
                (None, own) => own,
                (Some(_), None) => None,
            };
            match may_be {
                Some(own) => taken.system = Some(self.options.supplemented(&own)),
                None if known.version.as_deref() == Some(version) => {}
                None => return Ok(None),
            }
        }
        let Some(known) = taken.system.clone() else {
            let is_known = !self.library.systems(url).is_empty();
            let listed = include.concept.iter().find(|listed| listed.code == code).filter(|_| !is_known);
            return Ok(listed.map(|listed| unknown_member(url, include.version.as_deref(), listed)));
        };
        self.note(&taken, &known, set.standing);
        self.library.spend(cost_of_one(&known, include))?;
        let filters = prepared(&known, include, at)?;
        let Some(place) = known.find(code) else {
            if include.concept.is_empty() && known.content == Content::NotPresent {
                return Err(without_concepts(&known));
            }
            let listed = include.concept.iter().find(|listed| listed.code == code);
            let listed = listed.filter(|_| is_beyond(&known, include));
            return Ok(listed.map(|listed| unknown_member(url, known.version.as_deref(), listed)));
        };
        let listed = include.concept.iter().find(|listed| known.find(&listed.code) == Some(place));
        if (!include.concept.is_empty() && listed.is_none())
            || !filters.iter().all(|filter| filter.passes(&known, place))
        {
            return Ok(None);
        }
        Ok(Some(Member::of(&known, place, listed)))
    }
}
