//! SMART on FHIR (<https://hl7.org/fhir/smart-app-launch/>) as logic: no I/O, no clock, no database. A token endpoint and
//! the resource server call it.
//!
//! [`scope`] reads what a client asks for, [`grant`] rules what it gets of that, [`permission`] says which types an action
//! reaches with it. [`assertion`] tells whether a client is who it says it is. [`metadata`] has the documents by which
//! clients find their way.

pub mod assertion;
pub mod grant;
pub mod metadata;
pub mod permission;
pub mod scope;
