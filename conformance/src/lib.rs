//! What we claim and how we prove it: benchmarks beside their limits, tables of facts, known failures.

pub mod bench;
