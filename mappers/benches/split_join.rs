//! Time of split and join per resource, with the clinic's own Patient map: `cargo bench -p mappers --bench split_join`.
//! The resource is a synthetic Patient of 3 kB (Synthea, Apache-2.0), or the file that an argument names.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

#[path = "../tests/map/schema.rs"]
mod schema;

use std::hint::black_box;
use std::time::Instant;

use mappers::codec::Context;
use mappers::join::{Header, join, render, splice};
use mappers::json::{Document, minify_value};
use mappers::split::{SplitContext, split};

/// The product's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HEADER: Header<'static> =
    Header { id: "5cbc121b-cd71-4428-b8b7-31e53eba8184", version: 7, last_updated: "2026-11-21T06:00:00.000Z" };

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let text =
        file.map_or_else(|| include_str!("patient.json").as_bytes().to_vec(), |file| std::fs::read(file).unwrap());
    let text = minify_value(&Document::parse(&text).unwrap().root());
    let set = mappers::map::compile(&mappers::map::clinic(), &schema::clinic()).unwrap();
    let map = set.by_name("patient").unwrap();
    let values = Context::utc();
    let context = SplitContext { values, resolve: &|_, _| None };
    let document = Document::parse(&text).unwrap();
    let taken = split(map, &document, &context).unwrap();
    let cells = taken.row.cells.iter().filter(|cell| cell.is_some()).count();
    let rows = taken.row.children.iter().map(Vec::len).sum::<usize>();
    println!("{} bytes, residue {}, {cells} columns, {rows} child rows", text.len(), taken.residue.len());
    time("scan", || drop(black_box(Document::parse(black_box(&text)).unwrap())));
    time("split", || drop(black_box(split(map, black_box(&document), &context).unwrap())));
    time("scan and split", || {
        let document = Document::parse(black_box(&text)).unwrap();
        drop(black_box(split(map, &document, &context).unwrap()));
    });
    let mut out = Vec::with_capacity(text.len() * 2);
    time("join", || {
        out.clear();
        black_box(join(map, &taken.stored(), &HEADER, &values, black_box(&mut out)));
    });
    time("join by hole offsets", || {
        out.clear();
        splice(map, &taken.holes, &taken.stored(), &HEADER, &values, black_box(&mut out)).unwrap();
    });
    let mut wanted = Vec::new();
    render(&document, &HEADER, &mut wanted);
    assert_eq!(out, wanted);
    time("render without a map", || {
        out.clear();
        render(&document, &HEADER, black_box(&mut out));
    });
}

/// The best of many short rounds: what the code takes where nothing else runs.
fn time(name: &str, mut work: impl FnMut()) {
    const TURNS: u32 = 200;
    let round = |_| {
        let start = Instant::now();
        (0..TURNS).for_each(|_| work());
        start.elapsed() / TURNS
    };
    let best = (0..1_000).map(round).min().unwrap_or_default();
    println!("{name}: {:.2} us", best.as_nanos() as f64 / 1e3);
}
