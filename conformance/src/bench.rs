//! Benchmarks: the real binary over HTTP, beside two limits measured in the same run on the same machine.
//!
//! Ratios of one run mean something; absolute figures only beside the machine they were measured on.

pub mod limits;
pub mod report;
pub mod server;
pub mod wrk;
