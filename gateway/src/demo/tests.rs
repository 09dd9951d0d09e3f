//! What holds for everybody: the generator is asked for many patients, and each resource is looked at.

use std::collections::HashSet;

use mappers::json::{Document, Element};
use mappers::structure;

use super::person::TODAY;
use super::*;

#[test]
fn the_same_seed_gives_the_same_bytes_and_more_patients_begin_with_the_same_ones() {
    let few: Vec<_> = patients(7, 3).collect();
    assert_eq!(few, patients(7, 5).take(3).collect::<Vec<_>>());
    assert_ne!(few, patients(8, 3).collect::<Vec<_>>());
    assert_eq!(statements(7, 9).collect::<String>(), statements(7, 9).collect::<String>());
}

#[test]
fn every_bundle_is_a_transaction_of_puts_of_r4_resources_that_name_what_is_there() {
    let clinic = clinic();
    let known = ids(&clinic);
    for bundle in std::iter::once(clinic).chain(patients(SEED, 60)) {
        let document = Document::parse(&bundle).expect("JSON");
        assert!(bundle.len() < 4 << 20, "{} bytes", bundle.len());
        let mut all = known.clone();
        all.extend(ids(&bundle));
        let entries = document.root().member("entry").unwrap();
        assert!(entries.children().count() < 10_000);
        for entry in entries.children() {
            let resource = entry.member("resource").unwrap();
            let url = format!("{}/{}", text(resource, "resourceType"), text(resource, "id"));
            let request = entry.member("request").unwrap();
            assert_eq!((text(request, "method"), text(request, "url")), ("PUT".to_owned(), url.clone()));
            structure::check_element(resource, &url).unwrap_or_else(|issues| panic!("{url}: {issues:?}"));
            walk(resource, &mut |name, value| match name {
                "reference" => assert!(value.starts_with('#') || all.contains(value), "{url} names {value}"),
                "code" => assert!(!value.is_empty()),
                "system" => assert!(!value.contains("snomed") && !value.contains("ama-assn"), "{url}: {value}"),
                _ => {}
            });
        }
    }
}

#[test]
fn nothing_happens_before_birth_or_after_today_but_what_is_planned() {
    for bundle in patients(SEED, 60) {
        let document = Document::parse(&bundle).expect("JSON");
        let mut born = String::new();
        for entry in document.root().member("entry").unwrap().children() {
            let resource = entry.member("resource").unwrap();
            if text(resource, "resourceType") == "Patient" {
                born = text(resource, "birthDate");
            }
            let place = format!("{}/{}", text(resource, "resourceType"), text(resource, "id"));
            let is_planned = resource.member("status").and_then(|status| status.string()).as_deref() == Some("booked");
            walk(resource, &mut |name, value| {
                let happened = [
                    "effectiveDateTime",
                    "issued",
                    "recordedDate",
                    "onsetDateTime",
                    "abatementDateTime",
                    "authoredOn",
                    "recorded",
                    "date",
                    "whenHandedOver",
                    "occurrenceDateTime",
                    "authored",
                    "created",
                ];
                let is_order = place.starts_with("ServiceRequest/") && name == "occurrenceDateTime";
                if happened.contains(&name) && !is_planned && !is_order {
                    assert!(
                        value.get(..10).is_some_and(|day| day >= born.as_str()),
                        "{place}: {name} {value} before birth"
                    );
                    assert!(value[..10] <= *TODAY.to_string(), "{place}: {name} {value} is to come");
                }
            });
        }
    }
}

#[test]
fn nobody_is_prescribed_what_they_are_allergic_to() {
    let mut allergic = 0;
    for index in 0..300 {
        let (story, _) = story::Story::new(SEED, index);
        let prescribed =
            story.courses.iter().flat_map(|course| story.visits.iter().map(|visit| course.drug(visit.number)));
        let for_illness = story.visits.iter().filter_map(|visit| match visit.reason {
            story::Reason::Illness(illness) => {
                medication::of_illness(&story.person, visit, illness).map(|(drug, _)| drug)
            }
            _ => None,
        });
        allergic += usize::from(story.person.allergen.is_some());
        for drug in prescribed.chain(for_illness) {
            assert!(story.person.may_take(drug), "{}: {}", story.person.id, drug.name);
        }
    }
    assert!(allergic > 50, "{allergic}");
}

#[test]
fn blood_pressure_falls_once_treatment_has_begun() {
    let mut treated = 0;
    for index in 0..200 {
        let (story, mut random) = story::Story::new(SEED, index);
        let Some(course) = story.courses.iter().find(|course| course.problem.code == "I10") else { continue };
        let (first, last) = (&story.visits[course.from], story.visits.last().unwrap());
        if (last.day - first.day).get_days() < 300 {
            continue;
        }
        let before = note::Vitals::of(&story, first, &mut random).systolic;
        let after = note::Vitals::of(&story, last, &mut random).systolic;
        assert!(after + 5 < before, "{}: {before} to {after}", story.person.id);
        treated += 1;
    }
    assert!(treated > 20, "{treated}");
}

fn text(element: Element<'_>, name: &str) -> String {
    element.member(name).and_then(|value| value.string()).unwrap_or_default().to_string()
}

fn ids(bundle: &[u8]) -> HashSet<String> {
    let document = Document::parse(bundle).expect("JSON");
    let resources = document.root().member("entry").unwrap().children().map(|entry| entry.member("resource").unwrap());
    resources.map(|resource| format!("{}/{}", text(resource, "resourceType"), text(resource, "id"))).collect()
}

/// Every string with the name of the member it is.
fn walk(element: Element<'_>, look: &mut dyn FnMut(&str, &str)) {
    for value in element.children() {
        if let (Some(name), Some(value)) = (value.key(), value.string()) {
            look(&name, &value);
        }
        walk(value, look);
    }
}
