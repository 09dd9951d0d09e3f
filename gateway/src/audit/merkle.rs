//! Hashes of the trail: leaves and nodes of a Merkle tree as in RFC 6962, and everything else under prefixes of its own.
//!
//! <https://www.rfc-editor.org/rfc/rfc6962#section-2.1>

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// What is hashed: no two kinds can have the same input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Domain {
    /// A record (RFC 6962: a leaf).
    Leaf = 0,
    /// Two hashes of the tree (RFC 6962: a node).
    Node = 1,
    /// The beginning of a chain.
    Beginning = 2,
    /// A link of a chain.
    Link = 3,
}

/// The hash of `bytes` as what they are.
pub(super) fn hash(domain: Domain, bytes: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update([domain as u8]);
    digest.update(bytes);
    digest.finalize().into()
}

/// A hash in hexadecimal, as it lies in the database.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// A Merkle tree that is given its leaves one after the other and keeps only the roots of its complete parts.
#[derive(Debug, Default)]
pub(super) struct Tree {
    parts: Vec<Hash>,
    leaves: u64,
}

impl Tree {
    /// The hash of a leaf is added at the end.
    pub(super) fn push(&mut self, leaf: Hash) {
        let mut whole = leaf;
        let mut merges = self.leaves.trailing_ones();
        while merges > 0 {
            if let Some(left) = self.parts.pop() {
                whole = node(&left, &whole);
            }
            merges -= 1;
        }
        self.parts.push(whole);
        self.leaves += 1;
    }

    /// The tree's root; without leaves the hash of nothing.
    pub(super) fn root(&self) -> Hash {
        let whole = self.parts.iter().rev().copied().reduce(|right, left| node(&left, &right));
        whole.unwrap_or_else(|| Sha256::digest([]).into())
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(Domain::Node, &[&left[..], right].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962's own definition: the largest power of two below the number of leaves splits them.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node(&defined(&leaves[..split]), &defined(&leaves[split..]))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_definition_for_every_number_of_leaves() {
        let leaves: Vec<Hash> = (0_u8..70).map(|number| hash(Domain::Leaf, &[number])).collect();
        for count in 0..=leaves.len() {
            let mut tree = Tree::default();
            leaves[..count].iter().for_each(|leaf| tree.push(*leaf));
            assert_eq!(tree.root(), defined(&leaves[..count]), "{count} leaves");
        }
    }

    /// The test vectors of Certificate Transparency's reference implementation (the tree of its eight inputs).
    #[test]
    fn roots_are_those_of_the_reference_implementation() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut tree = Tree::default();
        tree.push(hash(Domain::Leaf, inputs[0]));
        assert_eq!(hex(&tree.root()), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        inputs[1..].iter().for_each(|input| tree.push(hash(Domain::Leaf, input)));
        assert_eq!(hex(&tree.root()), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }
}
