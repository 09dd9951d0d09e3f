//! Split and join of one resource, without a database: what `cargo bench -p mappers --bench split_join` prints.

use std::hint::black_box;
use std::time::Instant;

use mappers::codec::Context;
use mappers::join::{Header, splice};
use mappers::json::{Document, minify_value};
use mappers::split::{SplitContext, split};

use crate::bench::data::PATIENT;
use crate::bench::database::Engine;
use crate::bench::report::{Measure, Report};

#[path = "../../../mappers/tests/map/schema.rs"]
mod schema;

const HEADER: Header<'static> =
    Header { id: "5cbc121b-cd71-4428-b8b7-31e53eba8184", version: 7, last_updated: "2026-11-21T06:00:00.000Z" };

/// Measures both with the clinic's own Patient map.
///
/// # Errors
/// The map or the patient is not what it was.
pub fn measure(report: &mut Report) -> Result<(), String> {
    let document = Document::parse(PATIENT.as_bytes()).map_err(|error| error.to_string())?;
    let text = minify_value(&document.root());
    let document = Document::parse(&text).map_err(|error| error.to_string())?;
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic())
        .map_err(|errors| format!("the clinic's maps do not compile: {errors:?}"))?;
    let map = set.by_name("patient").ok_or("there is no map named patient")?;
    let values = Context::utc();
    let context = SplitContext { values, resolve: &|_, _| None };
    let taken = split(map, &document, &context).map_err(|misfit| format!("the patient does not fit: {misfit:?}"))?;
    let split_us = best(|| drop(black_box(split(map, black_box(&document), &context).ok())));
    let mut out = Vec::with_capacity(text.len() * 2);
    let join_us = best(|| {
        out.clear();
        black_box(splice(map, &taken.holes, &taken.stored(), &HEADER, &values, black_box(&mut out)));
    });
    for engine in [Engine::Sqlite, Engine::Postgres] {
        report.add(Measure::Split, engine, split_us);
        report.add(Measure::Join, engine, join_us);
    }
    Ok(())
}

/// Microseconds of the best of many short rounds: what the code takes where nothing else runs.
fn best(mut work: impl FnMut()) -> f64 {
    const TURNS: u32 = 200;
    let round = |_| {
        let start = Instant::now();
        (0..TURNS).for_each(|_| work());
        start.elapsed() / TURNS
    };
    (0..1_000).map(round).min().unwrap_or_default().as_secs_f64() * 1e6
}
