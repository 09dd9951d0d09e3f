//! A profile that says only what it adds, put onto the profile that it is derived from: what a snapshot would be
//! (<https://hl7.org/fhir/R4/profiling.html#snapshot>). So slices are told apart by what the base says of them.

use std::sync::Arc;

use super::definition::{Definition, Rule};
use super::library::{Lookup, core_type};
use super::walk::Walk;

/// How long a chain of profiles may be.
const LONGEST: usize = 16;

impl Walk<'_, '_> {
    /// The definition with all that it is derived from, as far as that is known.
    pub(super) fn whole(&mut self, definition: &Arc<Definition>) -> Arc<Definition> {
        if let Some(whole) = self.wholes.get(&Arc::as_ptr(definition)) {
            return Arc::clone(whole);
        }
        let mut whole = Arc::clone(definition);
        let mut left = LONGEST;
        while let Some(base) = whole.base.as_deref().filter(|base| core_type(base).is_none()) {
            let Lookup::Found(base) = self.library.structure(base) else { break };
            if left == 0 || base.kind != whole.kind {
                break;
            }
            left -= 1;
            whole = Arc::new(whole.over(&base));
        }
        self.wholes.insert(Arc::as_ptr(definition), Arc::clone(&whole));
        // The address of what a pointer names must stay taken.
        self.kept.push(Arc::clone(definition));
        whole
    }
}

impl Definition {
    fn over(&self, base: &Self) -> Self {
        Self {
            url: self.url.clone(),
            version: self.version.clone(),
            kind: self.kind.clone(),
            base: base.base.clone(),
            contexts: if self.contexts.is_empty() { base.contexts.clone() } else { self.contexts.clone() },
            modifier: self.modifier || base.modifier,
            root: self.root.over(&base.root),
        }
    }
}

impl Rule {
    /// This rule and the one it narrows.
    fn over(&self, base: &Self) -> Self {
        let mut invariants = base.invariants.clone();
        invariants.extend(
            self.invariants.iter().filter(|one| !base.invariants.iter().any(|own| own.key == one.key)).cloned(),
        );
        Self {
            name: self.name.clone(),
            slice: self.slice.clone(),
            min: self.min.max(base.min),
            max: self.max.into_iter().chain(base.max).min(),
            types: if self.types.is_empty() { base.types.clone() } else { self.types.clone() },
            fixed: self.fixed.clone().or_else(|| base.fixed.clone()),
            pattern: self.pattern.clone().or_else(|| base.pattern.clone()),
            max_length: self.max_length.into_iter().chain(base.max_length).min(),
            least: self.least.clone().or_else(|| base.least.clone()),
            most: self.most.clone().or_else(|| base.most.clone()),
            binding: self.binding.clone().or_else(|| base.binding.clone()),
            invariants,
            slicing: self.slicing.clone().or_else(|| base.slicing.clone()),
            same_as: self.same_as.clone().or_else(|| base.same_as.clone()),
            unchecked: self.unchecked || base.unchecked,
            children: over(&self.children, &base.children, |one, other| one.name == other.name),
            slices: over(&self.slices, &base.slices, |one, other| one.slice == other.slice),
        }
    }
}

/// Rules that narrow others of a list, the others as they are, and those that are new.
fn over(rules: &[Rule], base: &[Rule], is_same: impl Fn(&Rule, &Rule) -> bool) -> Vec<Rule> {
    let narrowed = base.iter().map(|other| match rules.iter().find(|one| is_same(one, other)) {
        Some(one) => one.over(other),
        None => other.clone(),
    });
    let new = rules.iter().filter(|one| !base.iter().any(|other| is_same(one, other)));
    narrowed.chain(new.cloned()).collect()
}
