//! How codes are written, system by system: what can be told of a code without a release of its system.

pub mod loinc;
pub mod ndc;
