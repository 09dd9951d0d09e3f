//! A person's record: everything that five years at the clinic leave behind.

use super::json::{Resource, transaction};
use super::random::Random;
use super::story::{Reason, Story, Visit};
use super::{care, history, laboratory, medication, note, visit};

/// The whole record as one transaction: a note and what it names belong together.
pub(super) fn bundle(seed: u64, index: usize) -> Vec<u8> {
    let (story, mut random) = Story::new(seed, index);
    let person = &story.person;
    let first = &story.visits[0];
    let mut out = vec![person.resource(&mut random), person.related(&mut random)];
    out.push(care::coverage(person, &mut random));
    out.push(care::consent(person, first));
    care::documents(person, first, &mut out);
    history::family(&story, &mut random, &mut out);
    if let Some(allergen) = person.allergen.filter(|allergen| allergen.code.is_some()) {
        out.push(history::allergy(person, allergen, first, &format!("{}-allergy", person.id)));
    }
    if person.smoking == 1 {
        out.push(history::past_smoking(person, first));
    }
    for (number, course) in story.courses.iter().enumerate() {
        out.push(care::problem(&story, number, course));
        medication::of_course(&story, number, course, &mut out);
    }
    care::plan(&story, &mut out);
    if person.index % 3 != 1 {
        out.push(medication::of_own_accord(person, first));
        out.push(history::procedure(&story, first));
    }
    for visit in &story.visits {
        at_the_clinic(&story, visit, &mut random, &mut out);
    }
    visit::to_come(&story, &mut random, &mut out);
    history::events(&story, &mut random, &mut out);
    transaction(out)
}

fn at_the_clinic(story: &Story, visit: &Visit, random: &mut Random, out: &mut Vec<Resource>) {
    let mut assessed = Vec::new();
    if !matches!(visit.reason, Reason::Vaccine) {
        assessed = note::resources(story, visit, random, out);
        out.push(care::provenance(&story.person, visit));
    }
    visit::resources(story, visit, &assessed, random, out);
    laboratory::resources(story, visit, random, out);
    history::vaccines(story, visit, random, out);
    if matches!(visit.reason, Reason::Annual) {
        visit::asked(story, visit, random, out);
    }
}
