//! SMART on FHIR (<https://hl7.org/fhir/smart-app-launch/>) as logic: no I/O, no clock, no database. A token endpoint and
//! the resource server call it.
//!
//! [`scope`] reads what a client asks for, [`grant`] rules what it gets of that, [`permission`] says which types an action
//! reaches with it. [`assertion`] tells whether a client is who it says it is, [`outside`] whether an outside issuer says what
//! a token says (nothing in the gateway asks it yet); both read tokens by [`jose`]. [`authorize`] and [`pkce`] are what an app asks for somebody who logs in, [`id_token`] is what
//! it is told of who that is. [`metadata`] has the documents by which clients find their way.

pub mod assertion;
pub mod authorize;
pub mod grant;
pub mod id_token;
pub mod jose;
pub mod metadata;
pub mod outside;
pub mod permission;
pub mod pkce;
pub mod scope;
