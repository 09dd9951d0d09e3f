//! Every table of the clinic under random SQL edits by another program, on both engines in lock step.
//!
//! For each built-in map there are rows of the demo, rows that were written by SQL alone and rows that came by FHIR with more than
//! columns can say. Every mapped column is changed by another connection: to what it may hold, to NULL, to a word that stands for no
//! code; child rows, joined rows and whole rows come, change and go. In between clients put back what they read. After each step
//! the change shows at once, in a version of its own exactly where the body differs; other elements, earlier versions, history
//! and search stay true; what was read can be put back and changes no column (so it is valid R4, too); the engines answer the same.
//!
//! `FHIR_GATEWAY_TEST_SEED` repeats a run, `FHIR_GATEWAY_TEST_LONG` makes many.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "foreign_all/clinic.rs"]
mod clinic;
#[path = "../../mappers/tests/laws_maps/dice.rs"]
mod dice;
#[path = "foreign_all/edits.rs"]
mod edits;
#[path = "../../mappers/tests/laws_maps/node.rs"]
mod node;
#[path = "foreign_all/program.rs"]
mod program;
#[path = "../../mappers/tests/laws_maps/rows.rs"]
mod rows;
#[path = "../../mappers/tests/map/schema.rs"]
#[allow(dead_code, reason = "only the clinic's own tables are needed here")]
mod schema;
#[path = "../../mappers/tests/laws_maps/shapes.rs"]
#[allow(dead_code, reason = "the laws of maps use all of it")]
mod shapes;
#[path = "../../mappers/tests/laws_maps/values.rs"]
mod values;
#[path = "foreign_all/words.rs"]
mod words;

use clinic::Clinic;
use dice::Dice;
use gateway_tests::{Json, Random, rounds};
use mappers::map::{Map, MapSet};
use program::Program;
use words::Words;

/// The maps by what they are about, as tests of their own.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Care,
    Events,
    Notes,
    People,
    Record,
}

impl Part {
    fn of(set: &MapSet, map: &Map) -> Self {
        let place = |name: &str| set.maps.iter().position(|map| map.name == name).unwrap();
        let own = place(&map.name);
        match () {
            () if map.table.starts_with("soap_") => Self::Notes,
            () if map.append_only.is_some() => Self::Events,
            () if own < place("allergies") => Self::People,
            () if own < place("goal") => Self::Record,
            () => Self::Care,
        }
    }
}

/// As many clinics as there are rounds, each from a seed of its own.
async fn every_map(part: Part) {
    let mut random = Random::seeded(1);
    for _ in 0..rounds(1, 20) {
        let seed = random.bits();
        println!("a clinic of seed {seed}");
        one_clinic(part, seed).await;
    }
}

async fn one_clinic(part: Part, seed: u64) {
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).expect("the clinic's maps compile");
    let (mut dice, words) = (Dice::new(seed), Words::of_clinic());
    let mut clinic = Clinic::start(1, seed).await;
    program::anchors(&mut clinic, &set, &words, &mut dice).await;
    let maps: Vec<&Map> = set.maps.iter().filter(|map| Part::of(&set, map) == part).collect();
    assert!(!maps.is_empty());
    for (number, map) in maps.into_iter().enumerate() {
        Program::of(&mut clinic, map, &words, &mut dice).await.work().await;
        if number % 4 == 3 {
            clinic.sweep().await;
        }
    }
    clinic.sweep().await;
    for (engine, verified) in clinic.reports("verify").await {
        let report = Json::of(&verified.stdout);
        assert_eq!(report.str("lost"), Some("0"), "{engine:?}: {report}");
        assert_eq!(verified.code, Some(0), "{engine:?}: {report}\n{}", verified.stderr);
    }
    for (engine, quality) in clinic.reports("quality").await {
        let report = Json::of(&quality.stdout);
        println!("{engine:?}: map quality ends with {:?}, {} findings", quality.code, report.items("findings").len());
        assert!(matches!(quality.code, Some(0 | 1)), "{engine:?}: {report}\n{}", quality.stderr);
    }
}

#[tokio::test]
async fn notes() {
    every_map(Part::Notes).await;
}

#[tokio::test]
async fn events() {
    every_map(Part::Events).await;
}

#[tokio::test]
async fn people() {
    every_map(Part::People).await;
}

#[tokio::test]
async fn record() {
    every_map(Part::Record).await;
}

#[tokio::test]
async fn care() {
    every_map(Part::Care).await;
}
