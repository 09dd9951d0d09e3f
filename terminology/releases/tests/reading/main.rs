//! Releases as they are read and kept: one program, so that what the tests share is compiled once.

#![allow(missing_docs, clippy::unwrap_used)]

mod catalog;
mod cvx;
mod delimited;
mod fhir;
mod gems;
mod icd10cm;
mod loinc;
mod ndc;
mod rxnorm;
mod snomed;
mod support;
