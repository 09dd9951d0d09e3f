//! What a value set holds where that is one rule about a release: places in its index, of which a page is made into codes.

use std::sync::Arc;

use super::filter::Prepared;
use super::{Composer, RULE, prepared};
use crate::index::{Index, Places, both};
use crate::issue::Fault;
use crate::library::Library;
use crate::model::code_system::Content;
use crate::model::{CodeSystem, ValueSet};

/// Steps that it takes to look at all that a concept is called.
const LOOK: usize = 40;

/// Places of a release, in order.
#[derive(Clone, Debug)]
enum Chosen {
    /// All that there are.
    All,
    /// One, and what is below it.
    Below(Option<usize>, usize),
    /// These.
    Listed(Vec<usize>),
}

/// What a value set holds of a release.
pub struct Indexed {
    /// The release.
    pub system: Arc<CodeSystem>,
    chosen: Chosen,
}

impl Composer<'_> {
    /// What a value set holds, where that is one rule about a release without a list; else `None`.
    ///
    /// # Errors
    /// As [`Composer::members`].
    pub fn indexed(&self, set: &ValueSet) -> Result<Option<Indexed>, Fault> {
        let Some(compose) = &set.compose else { return Ok(None) };
        let ([include], []) = (&compose.include[..], &compose.exclude[..]) else { return Ok(None) };
        let Some(url) = &include.system else { return Ok(None) };
        if !include.concept.is_empty() || !include.value_set.is_empty() {
            return Ok(None);
        }
        let taken = self.take(url, include.version.as_deref());
        let is_here = |system: &Arc<CodeSystem>| system.index().is_some() && system.content != Content::NotPresent;
        let Some(system) = taken.system.clone().filter(is_here) else { return Ok(None) };
        self.options.versions.check(&system).map_err(Fault::processing)?;
        self.note(&taken, &system, set.standing);
        self.library.spend(RULE)?;
        let filters = prepared(&system, include, "ValueSet.compose.include[0]")?;
        if system.content.is_partial() {
            self.used.borrow_mut().partial.insert(system.canonical());
        }
        let chosen = match &filters[..] {
            [] => Chosen::All,
            [Prepared::Below { anchor, is_in }] if system.index().is_some_and(|index| is_first(index, *anchor)) => {
                Chosen::Below(is_in.then_some(*anchor), *anchor)
            }
            filters => {
                self.library.spend(system.len() * filters.len())?;
                let passes = |place: &usize| filters.iter().all(|filter| filter.passes(&system, *place));
                Chosen::Listed((0..system.len()).filter(passes).collect())
            }
        };
        let mut indexed = Indexed { system, chosen };
        if compose.inactive == Some(false) {
            indexed.retain_active();
        }
        Ok(Some(indexed))
    }
}

/// Whether a place stands before all that is below it.
fn is_first(index: &Index, anchor: usize) -> bool {
    index.below(anchor).at(0).is_none_or(|below| anchor < below)
}

impl Indexed {
    fn below(&self, anchor: usize) -> Places<'_> {
        self.system.index().map_or_else(Places::default, |index| index.below(anchor))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.chosen {
            Chosen::All => self.system.len(),
            Chosen::Below(first, anchor) => self.below(*anchor).len() + usize::from(first.is_some()),
            Chosen::Listed(listed) => listed.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them.
    pub fn page(&self, offset: usize, count: usize) -> Vec<usize> {
        match &self.chosen {
            Chosen::All => (0..self.system.len()).skip(offset).take(count).collect(),
            Chosen::Below(first, anchor) => {
                let below = self.below(*anchor);
                let from = offset.saturating_sub(usize::from(first.is_some()));
                let rest = (from..below.len()).filter_map(|nth| below.at(nth));
                first.filter(|_| offset == 0).into_iter().chain(rest).take(count).collect()
            }
            Chosen::Listed(listed) => listed.iter().skip(offset).take(count).copied().collect(),
        }
    }

    /// Keeps what is still to be used.
    pub fn retain_active(&mut self) {
        let mut listed = self.page(0, usize::MAX);
        listed.retain(|at| !self.system.is_inactive(*at));
        self.chosen = Chosen::Listed(listed);
    }

    /// Keeps those of which each word (in small letters) begins a word of what they are called; `looks` looks closer where the words are
    /// not only letters and digits.
    ///
    /// # Errors
    /// There are too many to look at.
    pub fn retain_named(
        &mut self,
        words: &[String],
        library: &Library,
        looks: impl Fn(&Arc<CodeSystem>, usize) -> bool,
    ) -> Result<(), Fault> {
        let Some(index) = self.system.index() else { return Ok(()) };
        let mut named = index.named(words);
        named = match &self.chosen {
            Chosen::All => named,
            Chosen::Below(first, anchor) => {
                let places = index.below(*anchor);
                // Few names are looked up among many places, few places among many names.
                named.retain(|at| Some(*at) == *first || places.has(*at));
                named
            }
            Chosen::Listed(listed) => both(listed, &named),
        };
        if !Index::is_exact(words) {
            library.spend(named.len().saturating_mul(LOOK))?;
            named.retain(|at| looks(&self.system, *at));
        }
        self.chosen = Chosen::Listed(named);
        Ok(())
    }
}
