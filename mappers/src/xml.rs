//! FHIR XML (<https://hl7.org/fhir/R4/xml.html>): a resource's XML as the JSON that everything else here reads, and back.
//!
//! Both ways go by the structure checker's tables: the order of elements, what repeats, what is a primitive, a choice or a
//! resource. There is no model in between, and no number is read: `1.0` stays `1.0`. What is written is as
//! well-formed as what is taken.
//!
//! Taken is XML 1.0 in UTF-8 without a DTD, processing instructions or entities of its own, with the namespaces of the
//! specification. Comments and white space between elements are dropped. Elements of one name stand together; their order
//! among others is asked of nobody, and kept by what is written. The bounds are [`MAX_DEPTH`], the attributes and names of a
//! tag, the namespaces in scope (64), and the length of the text, which is the caller's.

mod attributes;
mod characters;
mod fault;
mod markup;
mod narrative;
mod primitive;
mod read;
mod source;
mod write;

pub use fault::{Unwritable, XmlError};
pub use read::{read, root};
pub use write::{Layout, write};

/// How deep elements of a narrative may stand in each other. Those of FHIR are bounded by the JSON that they become
/// ([`crate::json::MAX_DEPTH`]).
pub const MAX_DEPTH: usize = 200;

/// The namespace of resources.
pub const FHIR: &str = "http://hl7.org/fhir";

/// The namespace of narratives.
pub const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// What `xsi:schemaLocation` stands in.
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
