//! What a bundle's entries are called, and what they turn out to be.

use std::collections::HashMap;

use super::{Reference, parse};

/// From the addresses a bundle uses to the resources that came of them.
#[derive(Clone, Debug, Default)]
pub struct Links {
    targets: HashMap<String, String>,
}

impl Links {
    /// No addresses yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that `address` (an entry's `fullUrl`, or a conditional reference as it is written) is `Type/id`. Returns
    /// what it was before, if it was anything else: two entries must not share a `fullUrl`.
    pub fn insert(&mut self, address: &str, target: String) -> Option<String> {
        let before = self.targets.insert(address.to_owned(), target);
        before.filter(|before| self.targets.get(address) != Some(before))
    }

    /// What a link means inside the entry that has this `fullUrl`; `None` where it means nothing in this bundle.
    ///
    /// A relative `Type/id` is read against the base of an absolute `fullUrl`
    /// (<https://hl7.org/fhir/R4/bundle.html#references>).
    #[must_use]
    pub fn resolve(&self, full_url: Option<&str>, link: &str) -> Option<String> {
        if let Some(target) = self.targets.get(link) {
            return Some(target.clone());
        }
        let Reference::Local { kind, id, version: None } = parse(link) else { return None };
        let base = base(full_url?)?;
        self.targets.get(&format!("{base}/{kind}/{id}")).cloned()
    }
}

/// The service base of a REST URL: what stands before `/Type/id`.
fn base(full_url: &str) -> Option<&str> {
    match parse(full_url) {
        Reference::Absolute { kind: Some(kind), text } => {
            let (front, _) = text.rsplit_once('/')?;
            front.strip_suffix(kind)?.strip_suffix('/')
        }
        _ => None,
    }
}
