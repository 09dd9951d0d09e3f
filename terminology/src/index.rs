//! A release of a code system as one immutable piece of bytes that is read where it lies: in memory, or in a file that is mapped. A
//! [`Draft`] is put together from a release's files, and written once.

mod draft;
mod told;

pub use self::draft::{Draft, Kind, TooMuch};
