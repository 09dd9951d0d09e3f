//! How often an element may be there.

use super::definition::{Definition, Rule};
use super::issue::Severity;
use super::place::Place;
use super::walk::Walk;

impl Walk<'_, '_> {
    /// An element, or a slice of it, that is there `count` times.
    pub(super) fn cardinality(&mut self, rule: &Rule, count: usize, place: &Place<'_>, definition: &Definition) {
        let slice = rule.slice.as_deref().map(|slice| format!(" of the slice {slice}")).unwrap_or_default();
        let url = &definition.url;
        if count < rule.min as usize {
            let details = if rule.min == 1 {
                format!("{}{slice} is required by {url} and missing", rule.name)
            } else {
                format!("{}{slice} must be there {} times by {url}, and is {count} times", rule.name, rule.min)
            };
            let subject = rule.slice.as_deref().unwrap_or_default();
            self.say_of((Severity::Error, "required"), place, details, "Add it.", subject);
        }
        if let Some(max) = rule.max.filter(|max| count > *max as usize) {
            let details = format!("{}{slice} may be there {max} times by {url}, and is {count} times", rule.name);
            self.say(Severity::Error, "structure", place, details, "Take away what is too much.");
        }
    }
}
