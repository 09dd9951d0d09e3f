//! Values of search parameters, one file per kind; dates are in [`super::date`].

mod near;
mod number;
mod reference;
mod string;
mod token;
mod uri;

pub use near::NearValue;
pub(super) use near::near;
pub use number::QuantityValue;
pub(super) use number::{number, quantity};
pub use reference::ReferenceValue;
pub(super) use reference::{reference, type_modifier};
pub(super) use string::string;
pub use string::{StringMatch, StringValue};
pub use token::{CodeRelation, TokenValue};
pub(super) use token::{token, typed_identifier};
pub(super) use uri::uri;
pub use uri::{UriMatch, UriValue};
