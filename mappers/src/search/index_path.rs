//! Numbers for the places that are indexed: index rows name a place (`Observation.component.code`), not a parameter, so
//! that parameters which share a place (`patient` and `subject`, `code` and `combo-code`) share its rows.

use super::parameters::{COMMON, Definition, Path};
use super::position::places;

/// The number of a place: the first 31 bits of FNV-1a of `Type.path`. No two places share one (tested).
#[must_use]
pub fn index_path(kind: &str, text: &str) -> i32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in kind.bytes().chain([b'.']).chain(text.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // The high bits are mixed best.
    i32::try_from(hash >> 33).unwrap_or(i32::MAX)
}

/// Where tokens of an identifier with its type stand (`:of-type`): beside the identifier's own place.
#[must_use]
pub fn typed_path(kind: &str, text: &str) -> i32 {
    index_path(kind, &format!("{text}:of-type"))
}

impl Definition {
    /// The numbers of the places of a parameter.
    pub fn index_paths(&self) -> impl Iterator<Item = i32> {
        // A position has places of its own: its coordinates.
        let near = self.is_near().then(places).into_iter().flatten();
        let paths = self.indexed().filter(|_| !self.is_near());
        near.chain(paths.map(|path| index_path(self.kind, path.text)))
    }

    /// The places of a parameter that are indexed.
    pub fn indexed(&self) -> impl Iterator<Item = &'static Path> + use<> {
        self.paths.iter().filter(|path| path.is_indexed())
    }

    /// Whether every type has it.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.kind == COMMON
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::search::parameters::{resource_types, supported};

    #[test]
    fn no_two_places_share_a_number() {
        let mut seen: HashMap<i32, String> = HashMap::new();
        for kind in resource_types() {
            for definition in supported(Some(kind)) {
                for path in definition.indexed() {
                    let texts = [path.text.to_owned(), format!("{}:of-type", path.text)];
                    for text in texts {
                        let full = format!("{}.{text}", definition.kind);
                        let other = seen.insert(index_path(definition.kind, &text), full.clone());
                        assert!(other.as_ref().is_none_or(|other| *other == full), "{full} and {other:?}");
                    }
                }
            }
        }
        for (place, axis) in places().into_iter().zip(["x", "y", "z"]) {
            assert_eq!(seen.insert(place, format!("Location.position.{axis}")), None);
        }
        assert!(seen.len() > 2000, "{}", seen.len());
    }
}
