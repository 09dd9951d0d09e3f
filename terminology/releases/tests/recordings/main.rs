//! What normalization tells of every code that Epic, Cerner and others were recorded to send (`../shared/data/03-ehr-recordings`), over
//! the releases that may be had without a licence and a few facts. Nothing recorded is part of this repository but codes that were looked
//! up by hand (`expected.tsv`).

#![allow(missing_docs, clippy::unwrap_used)]

mod expected;
mod facts;
mod library;
mod recorded;
mod report;
mod shared;
