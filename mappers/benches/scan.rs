//! Time of the scanner and of the structure check, per resource: `cargo bench -p mappers --bench scan [folder of JSON]`.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use mappers::json::{Document, minify};
use mappers::structure;

fn main() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/01-r4-examples/Patient/Patient-f001.json");
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let text = std::fs::read(file.as_deref().unwrap_or(shared)).unwrap();
    let compact = {
        let document = Document::parse(&text).unwrap();
        let mut out = Vec::new();
        minify(&document.root(), &mut out);
        out
    };
    let start = Instant::now();
    structure::prepare();
    println!("tables built in {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    for (name, text) in [("as it is", &text), ("minified", &compact)] {
        time(&format!("scan {name}"), text.len(), || {
            black_box(Document::parse(black_box(text)).unwrap());
        });
        let document = Document::parse(text).unwrap();
        time(&format!("check {name}"), text.len(), || {
            black_box(structure::check(black_box(&document)).unwrap());
        });
    }
}

fn time(name: &str, bytes: usize, mut work: impl FnMut()) {
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            (0..2_000).for_each(|_| work());
            start.elapsed().as_secs_f64() / 2_000.0
        })
        .fold(f64::MAX, f64::min);
    println!("{name}: {bytes} bytes, {:.2} us, {:.0} MB/s", best * 1e6, bytes as f64 / best / 1e6);
}
