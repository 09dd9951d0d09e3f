//! A release of a code system as one immutable piece of bytes that is read where it lies: in memory, or in a file that is mapped. A
//! [`Draft`] is put together from a release's files, and written once; an [`Index`] opens in microseconds and answers from the bytes.
//!
//! The bytes: [`MAGIC`], the sections one after the other, a table of them (place and length, eight bytes each), the SHA-256 of all before
//! it, the place of the table, [`MAGIC`] again. Numbers are little-endian. A concept is a number, its place: parents stand before their
//! children. What belongs to a place in different number (parents, properties) is a section of rows and one of where each place's begin.

mod closure;
mod draft;
mod read;
mod search;
mod write;

pub use self::draft::{Draft, Kind, Names, TooMuch};
pub use self::read::{Broken, Index, Places};
pub(crate) use self::search::both;

/// How an index begins and ends. The digits are the version of the form: another one is made anew from the release.
pub const MAGIC: &[u8; 8] = b"FGTERM01";

/// What there is for all concepts, or for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Section {
    /// The `CodeSystem` without its concepts, JSON.
    Header,
    /// Names of languages, uses and properties, JSON.
    Names,
    /// What texts are cut from.
    Texts,
    /// Per place, cut from the texts.
    Codes,
    Displays,
    Definitions,
    /// Per place: [`INACTIVE`], [`ABSTRACT`].
    Flags,
    /// Places by the hash of their code; [`NONE`] where there is nothing.
    ByCode,
    /// The same by the code in small letters, where case does not count.
    ByFolded,
    DesignationsOf,
    Designations,
    PropertiesOf,
    Properties,
    /// Place and text, by place.
    Extensions,
    ParentsOf,
    Parents,
    ChildrenOf,
    Children,
    /// All that is above, in order of places.
    AboveOf,
    Above,
    BelowOf,
    Below,
    /// Words (a text, where its places begin and how many there are), in order.
    Words,
    /// What the words are cut from.
    WordTexts,
    /// The places of each word, in order.
    WordPlaces,
    /// Values of properties by which concepts are found (name, text, place), in order.
    Keys,
}

const SECTIONS: usize = Section::Keys as usize + 1;
/// Bytes behind the table: the SHA-256, the place of the table, the magic.
const FOOT: usize = 32 + 8 + 8;
/// A place that is none.
const NONE: u32 = u32::MAX;
const INACTIVE: u8 = 1;
const ABSTRACT: u8 = 2;

/// Where a code's search begins in a table of `slots` (a power of two): FNV-1a, which does not change from build to build.
fn slot(code: &str, slots: usize) -> usize {
    let hash = code
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    // The upper half knows more of the last letters.
    usize::try_from((hash ^ (hash >> 32)) & (slots as u64 - 1)).unwrap_or_default()
}
