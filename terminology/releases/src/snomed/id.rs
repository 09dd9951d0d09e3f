//! Identifiers of SNOMED CT: numbers of six to eighteen digits, the last of which proves the others
//! (<https://confluence.ihtsdotools.org/display/DOCRELFMT/6+SNOMED+CT+Identifiers>).

pub(crate) const IS_A: u64 = 116_680_003;
pub(crate) const FULLY_SPECIFIED_NAME: u64 = 900_000_000_000_003_001;
pub(crate) const SYNONYM: u64 = 900_000_000_000_013_009;
pub(crate) const DEFINITION: u64 = 900_000_000_000_550_004;
pub(crate) const US_ENGLISH: u64 = 900_000_000_000_509_007;
pub(crate) const GB_ENGLISH: u64 = 900_000_000_000_508_004;
pub(crate) const PREFERRED: u64 = 900_000_000_000_548_007;
pub(crate) const ACCEPTABLE: u64 = 900_000_000_000_549_004;
pub(crate) const INFERRED: u64 = 900_000_000_000_011_006;
pub(crate) const STATED: u64 = 900_000_000_000_010_007;
pub(crate) const DEFINED: u64 = 900_000_000_000_073_002;
pub(crate) const PRIMITIVE: u64 = 900_000_000_000_074_008;
pub(crate) const INTERNATIONAL: u64 = 900_000_000_000_207_008;
pub(crate) const MODEL: u64 = 900_000_000_000_012_004;

/// How digits are put together, and how the places of a number turn them (J. Verhoeff, 1969).
const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];
const TURNED: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];
const INVERSE: [u8; 10] = [0, 4, 3, 2, 1, 5, 6, 7, 8, 9];

/// A number by its digits: six to eighteen, the first not zero.
pub(crate) fn parse(text: &str) -> Option<u64> {
    // More digits than eighteen may be more than a number holds.
    if !(6..=18).contains(&text.len()) || text.starts_with('0') {
        return None;
    }
    text.bytes().try_fold(0, |sum: u64, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

/// Whether the last digit proves the others.
pub(crate) fn is_proven(id: u64) -> bool {
    sum(id, 0) == 0
}

/// A number with the digit that proves it behind it.
pub(crate) fn proven(number: u64) -> u64 {
    number * 10 + u64::from(INVERSE[usize::from(sum(number, 1))])
}

fn sum(mut number: u64, mut place: usize) -> u8 {
    let mut sum = 0u8;
    while number > 0 {
        let digit = (number % 10) as usize;
        sum = PRODUCT[usize::from(sum)][usize::from(TURNED[place % 8][digit])];
        number /= 10;
        place += 1;
    }
    sum
}

/// Whether it stands for a concept (not a description or a relationship).
pub(crate) fn is_concept(id: u64) -> bool {
    matches!(id / 10 % 100, 0 | 10)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_number_has_six_to_eighteen_digits() {
        assert_eq!(parse("999999999999999999"), Some(999_999_999_999_999_999));
        assert_eq!(parse("100005"), Some(100_005));
        for text in ["", "10005", "0100005", "1000000000000000000", "90000000000000000000001", "10000x", "+100005"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
